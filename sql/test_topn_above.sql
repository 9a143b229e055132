-- Aggregations over one row of each key, kept up to date by its changes
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE FUNCTION compare_all() RETURNS TABLE (view regclass, result text) LANGUAGE sql AS $$
	SELECT view, check_view(view) FROM streaming.views
	WHERE check_view(view) <> 'ok' ORDER BY view::text COLLATE "C" $$;

CREATE TABLE orders (id int, at timestamptz, status text, amount numeric, note text) USING stream;
CREATE TABLE prices (status text, price int);
INSERT INTO prices VALUES ('new', 1), ('paid', 2);
CREATE MATERIALIZED VIEW per_status WITH (streaming.continuous) AS
	SELECT status, count(*), sum(amount), max(amount), string_agg(note, ',' ORDER BY id) AS notes
	FROM (SELECT DISTINCT ON (id) * FROM orders ORDER BY id, at DESC) o GROUP BY status;
-- the place of the row is known
CREATE MATERIALIZED VIEW per_status_rn WITH (streaming.continuous) AS
	SELECT status, n, r, count(*) FROM (SELECT *, row_number() OVER w AS n, (rank() OVER w)::int AS r FROM orders WINDOW w AS (PARTITION BY id ORDER BY at DESC)) o
	WHERE n = 1 GROUP BY status, n, r;

---- by hand

INSERT INTO orders VALUES (1, '2026-01-01', 'new', 10, 'a'), (2, '2026-01-01', 'new', 20, 'b'), (3, '2026-01-02', 'paid', 30, 'c');
CALL refresh_views();
SELECT * FROM per_status ORDER BY status;
-- one moves, one comes too late, one is replaced twice in a batch; a group goes
INSERT INTO orders VALUES (1, '2026-01-02', 'paid', 11, 'd'), (3, '2026-01-01', 'new', 31, 'e');
INSERT INTO orders VALUES (2, '2026-01-02', 'paid', 21, 'f'), (2, '2026-01-03', 'sent', 22, 'g');
CALL refresh_views();
SELECT * FROM per_status ORDER BY status;
SELECT * FROM compare_all();
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('per_status') AS line WHERE line ~ '^ ?O|^  [^ ]';

---- every spelling

CREATE MATERIALIZED VIEW having_status WITH (streaming.continuous) AS
	SELECT status, avg(amount) FROM (SELECT DISTINCT ON (id) status, amount FROM orders ORDER BY id, at DESC, status) o
	WHERE amount > 5 GROUP BY status HAVING count(*) > 1;
CREATE MATERIALIZED VIEW everything WITH (streaming.continuous) AS
	SELECT count(*), sum(amount), count(DISTINCT status) AS statuses FROM (SELECT DISTINCT ON (id % 20, status IS NULL) id, status, amount FROM orders ORDER BY id % 20, status IS NULL, amount DESC NULLS LAST, id, at, note) o;
CREATE MATERIALIZED VIEW deeper WITH (streaming.continuous) AS
	SELECT n, count(*), min(status) FROM (SELECT status, count(*) AS n FROM (SELECT DISTINCT ON (id) * FROM orders ORDER BY id, at DESC) o GROUP BY status) s GROUP BY n;
CREATE MATERIALIZED VIEW by_rank WITH (streaming.continuous) AS
	SELECT status, count(*) FROM (SELECT status, row_number() OVER (PARTITION BY id ORDER BY at DESC) FROM orders) o
	WHERE row_number <= 1 GROUP BY status;
CREATE MATERIALIZED VIEW none_at_all WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT status, row_number() OVER (PARTITION BY id ORDER BY at DESC) AS n FROM orders) o WHERE n < 1;
CREATE MATERIALIZED VIEW filtered WITH (streaming.continuous) AS
	SELECT status, bool_and(amount > 50), count(*) FILTER (WHERE note IS NULL), array_agg(amount ORDER BY amount, id)
	FROM (SELECT DISTINCT ON (id) * FROM orders WHERE status <> 'new' ORDER BY id, at DESC) o GROUP BY status;
CREATE MATERIALIZED VIEW long_notes WITH (streaming.continuous) AS
	SELECT md5(note) AS m, count(*), max(length(note)) FROM (SELECT DISTINCT ON (id) * FROM orders ORDER BY id, at DESC) o GROUP BY m;
CREATE MATERIALIZED VIEW two_rows WITH (streaming.continuous) AS
	SELECT status, count(*) FROM (SELECT status, row_number() OVER (PARTITION BY id ORDER BY at DESC) AS n FROM orders) o WHERE n <= 2 GROUP BY status;
CREATE MATERIALIZED VIEW ties WITH (streaming.continuous) AS
	SELECT status, count(*) FROM (SELECT status, rank() OVER (PARTITION BY id ORDER BY at DESC) AS n FROM orders) o WHERE n = 1 GROUP BY status;
-- these are left to readers: tables, volatile or stable expressions
CREATE MATERIALIZED VIEW left_join WITH (streaming.continuous) AS
	SELECT price, count(*) FROM (SELECT DISTINCT ON (id) * FROM orders ORDER BY id, at DESC) o LEFT JOIN prices USING (status) GROUP BY price;
CREATE MATERIALIZED VIEW left_now WITH (streaming.continuous) AS
	SELECT status, count(*) FILTER (WHERE at > now() - interval '100 years') FROM (SELECT DISTINCT ON (id) * FROM orders ORDER BY id, at DESC) o GROUP BY status;
SELECT view, count(*) FILTER (WHERE line ~ '^ ?Operator') AS operators, bool_or(line ~ 'over changes') AS over_changes, bool_or(line ~ 'Readers') AS readers
FROM streaming.views, LATERAL streaming.explain(view) AS line GROUP BY view ORDER BY view::text COLLATE "C";
SELECT setseed(0.25);
CREATE PROCEDURE rounds(n int) LANGUAGE plpgsql AS $$
DECLARE differences text;
BEGIN
	FOR i IN 1..n LOOP
		-- (no two rows of an order are of the same time)
		INSERT INTO orders SELECT (random() * 60)::int, timestamptz '2026-01-01' + random() * interval '1 day',
			(ARRAY['new', 'paid', 'sent', NULL])[1 + (random() * 3)::int],
			CASE WHEN random() < 0.9 THEN round((random() * 100)::numeric, (random() * 2)::int) END,
			CASE WHEN random() < 0.7 THEN repeat(md5((random() * 3)::int::text), (ARRAY[1, 5, 400])[1 + (random() * 2)::int]) END
		FROM generate_series(1, (random() * 50)::int);
		COMMIT;
		CALL refresh_views();
		SELECT string_agg(c::text, ' ') INTO differences FROM compare_all() c;
		IF differences IS NOT NULL THEN
			RAISE 'round %: %', i, differences;
		END IF;
	END LOOP;
END $$;
CALL rounds(15);
SELECT count(*) > 2 AS groups FROM per_status;

---- more rows of a batch than are held in memory, more groups than are cached

ALTER SYSTEM SET streaming.state_cache_size = 64;
SELECT pg_reload_conf();
INSERT INTO orders SELECT x % 3000, timestamptz '2026-02-01' + x * interval '1 s', 's' || x % 7, x, repeat('x', x % 100) FROM generate_series(1, 9000) x;
CALL refresh_views();
SELECT * FROM compare_all();
INSERT INTO orders SELECT x % 3000, timestamptz '2026-03-01' + x * interval '1 s', 's' || x % 5, x, repeat('y', x % 100) FROM generate_series(1, 9000) x;
CALL refresh_views();
SELECT * FROM compare_all();
ALTER SYSTEM RESET streaming.state_cache_size;
SELECT pg_reload_conf();
DROP TABLE orders CASCADE;

---- windows that close: what is below goes, what has come of it stays

CREATE TABLE e (ts timestamptz, k int, v text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW latest WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, v, count(*) FROM (SELECT DISTINCT ON (w, k) tumble(ts, '1 minute') AS w, k, v FROM e ORDER BY w, k, ts DESC) q GROUP BY w, v;
INSERT INTO e VALUES ('2026-01-01 00:00:10', 1, 'a'), ('2026-01-01 00:00:20', 1, 'b'), ('2026-01-01 00:00:20', 2, 'b');
CALL refresh_views();
SELECT * FROM latest ORDER BY w, v;
INSERT INTO e VALUES ('2026-01-01 00:00:30', 1, 'c'), ('2026-01-01 00:05:00', 1, 'd');
CALL refresh_views();
SELECT * FROM latest ORDER BY w, v;
-- too late
INSERT INTO e VALUES ('2026-01-01 00:00:40', 2, 'e'), ('2026-01-01 00:05:10', 1, 'f');
CALL refresh_views();
SELECT * FROM latest ORDER BY w, v;
SELECT late_rows FROM streaming.views;
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('latest') AS line WHERE line ~ '^ ?O|^  [^ ]';
DROP TABLE e CASCADE;

-- a time that is not among the keys below closes nothing: its row may still go
CREATE TABLE e (ts timestamptz, k int, v bigint) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW c_shorter WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 minute') AS w, avg(v) FROM (SELECT DISTINCT ON (tumble(ts, '1 hour'), k) * FROM e ORDER BY tumble(ts, '1 hour'), k, ts DESC) q GROUP BY 1;
CREATE MATERIALIZED VIEW c_payload WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS w, count(*), avg(v), array_agg(v ORDER BY v) FROM (SELECT DISTINCT ON (k) * FROM e ORDER BY k, ts DESC) q GROUP BY 1;
CREATE MATERIALIZED VIEW c_ranked WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS w, count(*), avg(v) FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts DESC) AS n FROM e) q WHERE n = 1 GROUP BY 1;
CREATE MATERIALIZED VIEW c_deeper WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT n, count(*) FROM (SELECT tumble(ts, '1 hour') AS w, count(*) AS n FROM (SELECT DISTINCT ON (k) * FROM e ORDER BY k, ts DESC) q GROUP BY 1) r GROUP BY n;
CREATE MATERIALIZED VIEW c_by_key WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, avg(v) FROM (SELECT DISTINCT ON (w, k) tumble(ts, '1 hour') AS w, k, v FROM e ORDER BY w, k, ts DESC) q GROUP BY w;
SELECT view, count(*) FILTER (WHERE line ~ 'Bounded by: the watermark') AS close
FROM streaming.views, LATERAL streaming.explain(view) AS line GROUP BY view ORDER BY view::text;
CREATE PROCEDURE step(rows text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'INSERT INTO e VALUES ' || rows;
	COMMIT;
	CALL refresh_views();
	COMMIT;
	CALL refresh_views();
END $$;
CALL step($$('2026-01-01 00:00:10', 1, 10), ('2026-01-01 00:00:20', 2, 20)$$);
CALL step($$('2026-01-01 00:10', 3, 40)$$);
CALL step($$('2026-01-01 00:20', 1, 11)$$);
CALL step($$('2026-01-01 03:20', 3, 11)$$);
CALL step($$('2026-01-01 03:21', 1, 11)$$);
CALL step($$('2026-01-01 03:22', 2, 11), ('2026-01-01 00:30', 9, 90)$$);
SELECT * FROM compare_all() WHERE view <> 'c_by_key'::regclass AND view <> 'c_shorter'::regclass;
SELECT view, state, last_error, late_rows FROM streaming.views ORDER BY view::text;
-- below, the row of 0:30 was too late for its hour
SELECT * FROM c_shorter ORDER BY w;
SELECT * FROM c_by_key ORDER BY w;
-- nor is a group final by it
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 hour', '30 minutes') AS w, count(*) FROM (SELECT DISTINCT ON (tumble(ts, '1 hour'), k) * FROM e ORDER BY tumble(ts, '1 hour'), k, ts) q GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 hour') AS w, count(*) FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts DESC) AS n FROM e) q WHERE n <= 2 GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, count(*) FROM (SELECT tumble(ts, '1 hour') AS w, k, count(*) FROM e GROUP BY w, k ORDER BY 3 DESC LIMIT 10) q GROUP BY w;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT session_window(ts, '20 minutes') AS w, count(*) FROM (SELECT DISTINCT ON (tumble(ts, '1 hour'), k) * FROM e ORDER BY tumble(ts, '1 hour'), k, ts) q GROUP BY 1;
DROP TABLE e CASCADE;
DROP PROCEDURE step;
CREATE TABLE e (ts timestamptz, k int, v text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
INSERT INTO e VALUES ('2026-01-01 00:00:10', 1, 'a'), ('2026-01-01 00:00:20', 1, 'b'), ('2026-01-01 00:00:30', 1, 'c'), ('2026-01-01 00:00:40', 2, 'e'), ('2026-01-01 00:05:10', 1, 'f');
-- in append mode, readers aggregate what is final
CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, v, count(*) FROM (SELECT DISTINCT ON (w, k) tumble(ts, '1 minute') AS w, k, v FROM e ORDER BY w, k, ts DESC) q GROUP BY w, v;
CALL refresh_views();
CALL refresh_views();
SELECT * FROM final ORDER BY w, v;
DROP TABLE e CASCADE;
DROP TABLE prices;
DROP PROCEDURE rounds;
DROP FUNCTION compare_all;
SELECT * FROM leftovers();
