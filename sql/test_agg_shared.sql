-- Aggregates that share states, and averages that are sums and counts
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, h int2, i int, b int8, n numeric, f float8, t text, ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE FUNCTION dear(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
-- the last digits of a float8 depend on how rows are cut into batches
CREATE FUNCTION r(float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round($1::numeric, 6)';
-- what the state table has beside keys; how many states there are
CREATE FUNCTION columns_of(view regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = (SELECT state_table FROM streaming.views v WHERE v.view = $1) AND attnum > 0
$$;
CREATE VIEW with_states AS SELECT v.view::text, count(*) FILTER (WHERE attname LIKE '\_state%') AS states, count(*) AS columns
	FROM streaming.views v JOIN pg_attribute a ON a.attrelid = v.state_table AND attnum > 0 GROUP BY 1;

-- integers: sum and count are there, or are added; the rest has states as it had
CREATE MATERIALIZED VIEW a_all WITH (streaming.continuous) AS
	SELECT k, count(*), sum(i), avg(i), min(i), max(i) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_alone WITH (streaming.continuous) AS SELECT k, avg(i) AS ai, avg(h) AS ah, avg(f) AS af FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_both WITH (streaming.continuous) AS SELECT k, avg(i), sum(i), count(i) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_large WITH (streaming.continuous) AS SELECT k, avg(b) AS ab, avg(n) AS an, sum(n) AS sn FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_filter WITH (streaming.continuous) AS
	SELECT k, avg(i) FILTER (WHERE id % 2 = 0), sum(i) FILTER (WHERE id % 2 = 0) AS even, sum(i), count(i) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_dear WITH (streaming.continuous) AS
	SELECT k, avg(dear(i)) AS alone, avg(dear(id)) AS beside, sum(dear(id)), avg(i + 1) AS cheap FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_distinct WITH (streaming.continuous) AS
	SELECT k, avg(DISTINCT i), avg(i ORDER BY id) AS ordered, sum(i) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_hidden WITH (streaming.continuous) AS
	SELECT k, round(avg(i), 2) || '!' AS r, avg(i) * 2 AS twice FROM s GROUP BY k HAVING avg(i) > 1 AND avg(f) < 1000 ORDER BY avg(i) DESC;
CREATE MATERIALIZED VIEW a_no_keys WITH (streaming.continuous) AS SELECT avg(i) AS ai, avg(f) AS af, sum(n), avg(n) AS an, r(stddev(f)) AS sf, r(var_pop(f)) AS vf FROM s;
CREATE MATERIALIZED VIEW a_above WITH (streaming.continuous) AS SELECT avg(i), rank() OVER (ORDER BY avg(i)) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW a_names WITH (streaming.continuous) AS SELECT k AS _sum, avg(i) AS _count, h AS _state FROM s GROUP BY k, h;

-- the same state
CREATE MATERIALIZED VIEW b_float WITH (streaming.continuous) AS
	SELECT k, avg(f), r(stddev(f)) AS sf, r(var_pop(f)) AS vp, r(variance(f)) AS vf, r(regr_slope(f, i)) AS rs, r(corr(f, i)) AS co, r(covar_pop(f, i)) AS cp, sum(f) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b_int WITH (streaming.continuous) AS SELECT k, stddev(i), variance(i), stddev(b) AS sb, variance(b) AS vb FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b_numeric WITH (streaming.continuous) AS SELECT k, stddev(n), var_samp(n), stddev_pop(n) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b_filter WITH (streaming.continuous) AS
	SELECT k, stddev(i), variance(i) FILTER (WHERE id % 2 = 0), var_pop(i) FILTER (WHERE id % 2 = 0), stddev_pop(i) FILTER (WHERE id % 2 = 1) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b_first WITH (streaming.continuous) AS
	SELECT variance(i), k, array_agg(id ORDER BY id) AS ids, stddev(i), count(DISTINCT i), stddev(DISTINCT i) AS ds, variance(DISTINCT i) AS dv FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b_sets WITH (streaming.continuous) AS
	SELECT k, h, avg(i), r(stddev(f)) AS sf, r(variance(f)) AS vf, avg(k) AS ak, variance(k) AS vk, stddev(k) AS sk FROM s GROUP BY ROLLUP (k, h);

-- windows: tumbling, sliding, sessions
CREATE MATERIALIZED VIEW w_tumble WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 minute') AS w, k, avg(i), r(stddev(f)) AS sf, r(variance(f)) AS vf, avg(n) AS an, sum(n) FROM s GROUP BY w, k;
CREATE MATERIALIZED VIEW w_hop WITH (streaming.continuous) AS
	SELECT hop(ts, '2 minutes', '1 minute') AS w, k, avg(i), r(stddev(f)) AS sf, count(*), r(variance(f)) AS vf, avg(f) AS af FROM s GROUP BY w, k;
CREATE MATERIALIZED VIEW w_session WITH (streaming.continuous) AS
	SELECT session_window(ts, '30 s') AS w, k, avg(i), variance(i), stddev(i), array_agg(id ORDER BY id) AS ids, sum(b), avg(b) AS ab FROM s GROUP BY w, k;
CREATE VIEW w_session_plain AS
	WITH a AS (SELECT *, max(ts) OVER (PARTITION BY k ORDER BY ts, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + '30 s' < ts AS new
		FROM s WHERE ts IS NOT NULL),
	b AS (SELECT *, count(*) FILTER (WHERE new) OVER (PARTITION BY k ORDER BY ts, id) AS g FROM a)
	SELECT tstzrange(min(ts), max(ts) + '30 s') AS w, k, avg(i), variance(i), stddev(i), array_agg(id ORDER BY id) AS ids, sum(b), avg(b) AS ab FROM b GROUP BY k, g;

-- above, over changes: what is moved, kept, joined, and handed on
CREATE MATERIALIZED VIEW c_moved WITH (streaming.continuous) AS
	SELECT h, count(*), avg(a), sum(c), avg(c) AS ac, avg(m) AS am, stddev(c) AS sc, variance(c) AS vc FROM
		(SELECT k, h, avg(i) AS a, count(*) AS c, max(i) AS m FROM s GROUP BY k, h HAVING count(*) > 1) q GROUP BY h;
CREATE MATERIALIZED VIEW c_of_groups WITH (streaming.continuous, streaming.changes) AS
	SELECT k, avg(i), r(stddev(f)) AS stddev, r(variance(f)) AS variance FROM s GROUP BY k HAVING avg(i) < 40;
CREATE MATERIALIZED VIEW c_chain WITH (streaming.continuous) AS SELECT round(avg) AS r, count(*), min(variance), avg(stddev) FROM c_of_groups GROUP BY 1;
CREATE MATERIALIZED VIEW c_distinct WITH (streaming.continuous) AS SELECT DISTINCT round(avg(i)) % 3 AS a FROM s GROUP BY k;
CREATE MATERIALIZED VIEW c_ranked WITH (streaming.continuous) AS
	SELECT * FROM (SELECT h, k, a, row_number() OVER (PARTITION BY h ORDER BY a DESC, k) AS rn FROM (SELECT h, k, avg(i) AS a FROM s GROUP BY h, k) g) r WHERE rn <= 2;

SELECT columns_of('a_all');
SELECT columns_of('a_alone');
SELECT columns_of('a_dear');
SELECT columns_of('a_names');
SELECT columns_of('b_float');
SELECT * FROM with_states ORDER BY 1;
SELECT regexp_replace(regexp_replace(e, '_(state|below)_\d+', '_\1_N'), '\ms\.', '', 'g') AS explain FROM streaming.explain('b_filter') e;

-- the oracle, over nothing, NULLs alone, and more and more rows
CREATE FUNCTION wrong() RETURNS TABLE (view text, result text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM streaming.wait(v.view, '1 minute') FROM streaming.views v ORDER BY (v.view::text = 'c_chain');
	RETURN QUERY SELECT v.view::text, c FROM streaming.views v, check_view(v.view, by_text => true) c WHERE c <> 'ok' AND v.view::text <> 'w_session';
	RETURN QUERY SELECT 'w_session', 'wrong' WHERE EXISTS (SELECT p::text FROM w_session_plain p EXCEPT ALL SELECT v::text FROM w_session v)
		OR EXISTS (SELECT v::text FROM w_session v EXCEPT ALL SELECT p::text FROM w_session_plain p);
END $$;
SELECT * FROM wrong();
SELECT * FROM a_no_keys;
INSERT INTO s (id, k, ts) SELECT g, g % 3, '2024-01-01 00:00+00' FROM generate_series(1, 6) g;
SELECT * FROM wrong();
SELECT k, avg, sum FROM a_all ORDER BY k;
INSERT INTO s SELECT g, nullif(g % 7, 2), g % 2, nullif(g % 13, 5), g * 1000000007::int8, (g % 11)::numeric(10, 3) / 4, nullif(g % 9, 3) / 4.0, 't' || g,
	'2024-01-01 00:00+00'::timestamptz + g * interval '7 seconds' FROM generate_series(1, 60) g;
SELECT * FROM wrong();
-- the sum of -0 is not the one that an average begins with
INSERT INTO s (id, k, i, f, n, ts) SELECT g, 100, -5, '-0', 'NaN', '2024-01-01 00:07+00' FROM generate_series(1, 2) g;
INSERT INTO s (id, k, i, f, n, b, ts) VALUES (1, 101, 2147483646, 'Infinity', 'Infinity', 9223372036854775807, '2024-01-01 00:07+00'),
	(2, 101, 2147483646, '1', '-Infinity', 9223372036854775807, '2024-01-01 00:07+00'), (3, 102, 1, 'NaN', 1e50, -1, '2024-01-01 00:07+00');
SELECT * FROM wrong();
SELECT k, ai, af FROM a_alone WHERE k >= 100 ORDER BY k;
-- the groups of HAVING come and go
INSERT INTO s SELECT g, g % 7, g % 2, 100 * (g % 3), g, 1.25, 0.5, 't', '2024-01-01 00:08+00'::timestamptz + g * interval '3 seconds' FROM generate_series(1, 40) g;
SELECT * FROM wrong();
INSERT INTO s SELECT g, g % 7, g % 2, -100, g, 1.250, 0.5, 't', '2024-01-01 00:10+00'::timestamptz FROM generate_series(1, 60) g;
SELECT * FROM wrong();
SELECT count(*) > 0 AS updates FROM c_of_groups_changes WHERE op LIKE 'update%';

-- states are read again from the table by another worker
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO s SELECT g, g % 7, g % 2, g, g, g / 8.0, g / 8.0, 't', '2024-01-01 00:11+00'::timestamptz FROM generate_series(1, 30) g;
SELECT * FROM wrong();
-- and when the cache is too small for them
CREATE TABLE m (k int, i int, f float8) USING stream;
CREATE MATERIALIZED VIEW m_small WITH (streaming.continuous) AS
	SELECT k, avg(i), r(stddev(f)) AS sf, r(var_pop(f)) AS vf, variance(i), stddev(i) AS si FROM m GROUP BY k;
CREATE MATERIALIZED VIEW m_keys WITH (streaming.continuous) AS
	SELECT nullif(i % 50, 7)::text || repeat('-', 40) AS t, nullif(k % 20, 3) AS l, avg(i), max(f) AS hi FROM m GROUP BY 1, 2;
ALTER SYSTEM SET streaming.state_cache_size = '64kB';
SELECT pg_reload_conf();
INSERT INTO m SELECT g % 1500, g, g / 4.0 FROM generate_series(1, 4500) g;
SELECT streaming.wait('m_small');
INSERT INTO m SELECT g % 1700, g % 5, g % 3 FROM generate_series(1, 4500) g;
SELECT * FROM wrong();
ALTER SYSTEM RESET streaming.state_cache_size;
SELECT pg_reload_conf();
DROP TABLE m CASCADE;

-- closed windows give up their states, and results stay
INSERT INTO s (id, ts) VALUES (1, '2024-02-01');
SELECT * FROM wrong();
SELECT * FROM wrong();
SELECT view, groups FROM streaming.views WHERE view::text LIKE 'w\_%' ORDER BY view::text COLLATE "C";

-- an index on an average is one on what makes it
CREATE INDEX a_all_avg ON a_all (avg);
CREATE INDEX a_alone_af ON a_alone (af DESC, k);
CREATE INDEX a_large_an ON a_large (an);
SELECT indexname, regexp_replace(indexdef, '_state_\d+', '_state_N') AS indexdef FROM pg_indexes WHERE indexname LIKE 'a\_%' ORDER BY indexname COLLATE "C";
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Scan' THEN
			RETURN NEXT regexp_replace(line, '_state_\d+', '_state_N');
		END IF;
	END LOOP;
END $$;
SELECT scans('SELECT * FROM a_all WHERE avg > 20');
SELECT scans('SELECT k FROM a_alone WHERE af > 1');
SELECT scans('SELECT k FROM a_large WHERE an = 5');
RESET enable_seqscan;
RESET enable_bitmapscan;
INSERT INTO s SELECT g, g % 9, g % 2, g, g, g, g, 't', '2024-02-02' FROM generate_series(1, 50) g;
SELECT * FROM wrong();
SELECT count(*) FROM a_all WHERE avg > 20;
CREATE INDEX ON a_all (k) INCLUDE (avg);
CREATE INDEX ON a_hidden (twice);
CREATE INDEX ON a_hidden (r);

DROP TABLE s CASCADE;
DROP FUNCTION dear, r, columns_of, wrong, scans;
DROP VIEW with_states;
SELECT * FROM leftovers();
