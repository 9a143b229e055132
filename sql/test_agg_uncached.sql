-- Groups that are in no cache: looked up together, with keys of all kinds
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA uncached;
SET search_path = uncached, public;
CREATE TABLE s (k int, n numeric, t text, f float8, x int, ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour');
CREATE FUNCTION put(seed int, rows int, modulus int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO uncached.s SELECT nullif(h % modulus, 7), CASE h % 3 WHEN 0 THEN (h % modulus)::numeric(20, 2) WHEN 1 THEN h % modulus END,
			CASE h % 2 WHEN 0 THEN 'k' ELSE 'K' END || (h % modulus), CASE h % 5 WHEN 0 THEN float8 'NaN' WHEN 1 THEN float8 '-0' ELSE h % modulus END, h % 100,
			'2024-01-01'::timestamptz + (h % least(modulus, 3000)) * interval '1 second'
		FROM (SELECT abs(hashint8(g * 1000003::int8 + seed))::int8 AS h FROM generate_series(1, rows) g) q
$$;

CREATE MATERIALIZED VIEW by_int WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*), sum(x), avg(x) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW by_numeric WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT n, count(*), sum(x) FROM s GROUP BY n;
CREATE MATERIALIZED VIEW by_text WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT t, count(*) FROM s GROUP BY t;
CREATE MATERIALIZED VIEW by_several WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT f, nullif(k % 50, 3) AS l, count(*), max(x) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW by_many WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(DISTINCT x % 7), array_agg(DISTINCT x % 3) AS a FROM s GROUP BY k;
CREATE MATERIALIZED VIEW by_sets WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, t, grouping(k, t), count(*) FROM s GROUP BY GROUPING SETS (k, t, ());
CREATE MATERIALIZED VIEW by_window WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '5 s') AS w, k % 3 AS l, count(*), sum(x) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW first_rows WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (k) k, x, n FROM s ORDER BY k, x, n, f, t;
CREATE MATERIALIZED VIEW distinct_rows WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT k, x FROM s;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count, count(*) AS groups, sum(sum) FROM by_int GROUP BY count;
CREATE FUNCTION wrong() RETURNS TABLE (view text, verdict text) LANGUAGE plpgsql AS $$
BEGIN
	CALL refresh_views();
	RETURN QUERY SELECT v.view::text, check_view(v.view) FROM streaming.views v WHERE check_view(v.view) <> 'ok';
END $$;

ALTER SYSTEM SET streaming.state_cache_size = '64kB';
SELECT pg_reload_conf();
SELECT put(1, 4000, 3000);
SELECT * FROM wrong();
SELECT put(2, 4000, 4000);
SELECT * FROM wrong();
-- nothing is cached: few rows, and many
SELECT restart_workers();
SELECT put(3, 5, 100000);
SELECT * FROM wrong();
SELECT restart_workers();
SELECT put(4, 4000, 5000);
SELECT * FROM wrong();
-- all of it is
ALTER SYSTEM RESET streaming.state_cache_size;
SELECT pg_reload_conf();
SELECT restart_workers();
SELECT put(5, 3000, 6000);
SELECT * FROM wrong();
SELECT put(6, 3000, 6000);
SELECT * FROM wrong();
SELECT count(*) FROM by_int;
SELECT view, groups FROM streaming.views WHERE view::text IN ('by_int', 'by_numeric', 'by_text') ORDER BY view::text COLLATE "C";
DROP SCHEMA uncached CASCADE;
