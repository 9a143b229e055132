-- Outer joins, NOT EXISTS and EXISTS of streams with event times (rules J2, J4 to J8, J10, J11, K2)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE TABLE l (ts timestamptz, k int, a int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE TABLE r (ts timestamptz, k int, b int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
-- r comes at most half a minute after l
CREATE MATERIALIZED VIEW lefts WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval;
CREATE MATERIALIZED VIEW rights WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT l.a, r.b FROM l RIGHT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval;
CREATE MATERIALIZED VIEW fulls WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT l.a, r.b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval;
CREATE MATERIALIZED VIEW none WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND r.b > 0);
CREATE MATERIALIZED VIEW found WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT l.a FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND r.b > 0);
-- what is above sees a row in the batch that makes it final
CREATE MATERIALIZED VIEW per_minute WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(l.ts, '1 minute') AS w, count(*), count(r.b) AS matched
	FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval GROUP BY 1;
CREATE MATERIALIZED VIEW same_minute WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(l.ts, '1 minute') AS w, count(*), count(r.b) AS matched
	FROM l LEFT JOIN r ON l.k = r.k AND tumble(l.ts, '1 minute') = tumble(r.ts, '1 minute') GROUP BY 1;
-- in update mode rows go, but not for ever
CREATE MATERIALIZED VIEW lefts_now WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval;
CREATE MATERIALIZED VIEW none_now WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND r.b > 0);
CREATE MATERIALIZED VIEW found_now WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND r.b > 0);
CREATE FUNCTION kept(v regclass) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	n bigint[] := '{0, 0}';
BEGIN
	EXECUTE format('SELECT ARRAY[(SELECT count(*) FROM streaming._below_%s), (SELECT count(*) FROM streaming._below_%1$s_1)]', public.number_of(v)) INTO n;
	RETURN n;
END $$;
CREATE VIEW rows_of AS
	SELECT 'lefts' AS v, * FROM lefts UNION ALL SELECT 'rights', * FROM rights UNION ALL SELECT 'fulls', * FROM fulls
	UNION ALL SELECT 'none', a, NULL FROM none UNION ALL SELECT 'found', a, NULL FROM found
	UNION ALL SELECT 'lefts_now', * FROM lefts_now UNION ALL SELECT 'none_now', a, NULL FROM none_now UNION ALL SELECT 'found_now', a, NULL FROM found_now;
CREATE VIEW lists AS
	SELECT v, string_agg(coalesce(a::text, '-') || ':' || coalesce(b::text, '-'), ' ' ORDER BY a, b) AS rows FROM rows_of GROUP BY v ORDER BY v;
-- 1 finds 10 and 20 (left first), 2 nothing, for 30 comes too late, 3 finds 20 (of the same batch); 4 has no time, 5 no key
INSERT INTO l VALUES ('2024-01-01 00:00:00', 1, 1), ('2024-01-01 00:00:00', 2, 2);
CALL refresh_views();
TABLE lists;
INSERT INTO r VALUES ('2024-01-01 00:00:05', 1, 10);
CALL refresh_views();
INSERT INTO r VALUES ('2024-01-01 00:00:30', 1, 20), ('2024-01-01 00:00:30.000001', 2, 30);
INSERT INTO l VALUES ('2024-01-01 00:00:20', 1, 3), (NULL, 1, 4), ('2024-01-01 00:00:25', NULL, 5), ('2024-01-01 00:00:25', NULL, 5);
CALL refresh_views(2);
TABLE lists;
-- the watermark 00:00:30.001: 1 and 2 find no more, and 2 has found nothing
INSERT INTO l VALUES ('2024-01-01 00:00:40.001', 9, 6);
INSERT INTO r VALUES ('2024-01-01 00:00:40.001', 8, 40);
CALL refresh_views(2);
TABLE lists;
SELECT view, watermark, kept(view) FROM streaming.views ORDER BY view::text;
-- 00:00:40.002; the right first: 7 finds 50, but not 60
INSERT INTO r VALUES ('2024-01-01 00:00:50.002', 7, 50), ('2024-01-01 00:00:45', 7, 60);
CALL refresh_views();
INSERT INTO l VALUES ('2024-01-01 00:00:50.002', 7, 7);
CALL refresh_views(2);
TABLE lists;
-- a late row leaves no trace; one that is not late may be final when it comes
INSERT INTO l VALUES ('2024-01-01 00:00:40', 1, 8), ('2024-01-01 00:00:45', 1, 9);
INSERT INTO r VALUES ('2024-01-01 00:00:39', 2, 70);
CALL refresh_views(2);
TABLE lists;
-- a worker that starts anew goes on
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
-- far ahead: all is final but what has just come
INSERT INTO l VALUES ('2024-01-01 01:00:00', 0, 0);
INSERT INTO r VALUES ('2024-01-01 01:00:00', -1, 99);
CALL refresh_views(2);
TABLE lists;
TABLE per_minute; TABLE same_minute;
SELECT view, watermark, late_rows, null_rows, kept(view) FROM streaming.views ORDER BY view::text;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('fulls') AS line
WHERE line ~ '^ {0,2}(Operator|State|Result|Bounded|Combined|Computed|Feed)';
-- nothing bounds these
CREATE TABLE no_time (k int, c int, ts timestamptz) USING stream;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT l.a FROM l LEFT JOIN r ON l.k = r.k;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT l.a FROM l LEFT JOIN r ON l.k = r.k AND l.ts <= r.ts;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT l.a FROM l LEFT JOIN r ON l.k = r.k WHERE l.ts = r.ts OR r.ts IS NULL;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT l.a FROM l LEFT JOIN no_time n ON l.k = n.k AND l.ts <= n.ts;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.ts = l.ts) AND NOT EXISTS (SELECT FROM r WHERE r.k = l.k);
-- columns that may be made up say nothing of windows
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(r.ts, '1 minute') AS w, count(*) FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval GROUP BY 1;
-- one side waits for ever, but its rows come out
CREATE MATERIALIZED VIEW half WITH (streaming.continuous, streaming.output_mode = 'append', streaming.trigger = 'manual') AS
	SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k AND l.ts >= r.ts;
REFRESH MATERIALIZED VIEW half;
SELECT string_agg(coalesce(a::text, '-') || ':' || coalesce(b::text, '-'), ' ' ORDER BY a, b) AS rows FROM half;
DROP TABLE l, r, no_time CASCADE;

-- rows in disorder, but never late
CREATE TABLE l (ts timestamptz, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '60 s');
CREATE TABLE r (ts timestamptz, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '60 s');
CREATE TABLE n (ts timestamptz, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '60 s');
CREATE SCHEMA et;
SET search_path = et, public;
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);
INSERT INTO queries (query) VALUES
('SELECT l.id AS l, r.id AS r FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts + ''10 s''::interval'),
('SELECT l.id AS l, r.id AS r FROM l RIGHT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts + ''10 s''::interval'),
('SELECT l.id AS l, r.id AS r FROM l FULL JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts + ''10 s''::interval'),
('SELECT l.id AS l, r.id AS r FROM l FULL JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts + ''10 s''::interval AND r.ts + ''30 s''::interval AND l.id % 3 > 0'),
('SELECT l.id AS l, r.id AS r FROM l FULL JOIN r ON l.k = r.k AND date_trunc(''minute'', l.ts) = date_trunc(''minute'', r.ts)'),
('SELECT l.id AS l, r.id AS r FROM l LEFT JOIN r ON l.ts = r.ts WHERE coalesce(r.id, 5) % 4 > 0'),
('SELECT l.id AS l, r.id AS r FROM l FULL JOIN r ON l.ts = r.ts AND l.k < r.k'),
('SELECT l.id AS l FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts)'),
('SELECT l.id AS l FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts + ''5 s''::interval AND r.ts + ''15 s''::interval) AND l.id % 5 > 0'),
('SELECT l.id AS l FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts)'),
('SELECT l.id AS l FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.id > r.id)'),
('SELECT l.id AS l FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) AND NOT EXISTS (SELECT FROM n WHERE l.k = n.k AND n.ts BETWEEN l.ts - ''20 s''::interval AND l.ts + ''20 s''::interval)'),
('SELECT l.id AS l FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) AND EXISTS (SELECT FROM n WHERE l.k = n.k AND n.ts BETWEEN l.ts - ''20 s''::interval AND l.ts + ''20 s''::interval)'),
('SELECT l.id AS l FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) AND EXISTS (SELECT FROM n WHERE l.k = n.k AND n.ts BETWEEN l.ts - ''20 s''::interval AND l.ts + ''40 s''::interval)'),
('SELECT q.l, q.r FROM (SELECT l.id AS l, r.id AS r, r.k, l.ts AS lts, r.ts AS rts FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) q WHERE NOT EXISTS (SELECT FROM n WHERE n.k = q.k AND n.ts BETWEEN q.lts AND q.rts + ''5 s'')'),
('SELECT q.l, n.id AS n FROM (SELECT l.id AS l, r.k, l.ts AS lts, r.ts AS rts FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) q FULL JOIN n ON n.k = q.k AND n.ts BETWEEN q.rts AND q.rts + ''5 s'''),
('SELECT tumble(l.ts, ''20 s'') AS w, count(*), count(r.id) AS rs, sum(r.id) FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts + ''10 s''::interval GROUP BY 1'),
('SELECT tumble(r.ts, ''20 s'') AS w, count(*), count(l.id) AS ls FROM l RIGHT JOIN r ON l.k = r.k AND date_trunc(''minute'', l.ts) = date_trunc(''minute'', r.ts) GROUP BY 1'),
('SELECT date_trunc(''minute'', l.ts) AS w, l.k, count(*), count(r.id) AS rs FROM l LEFT JOIN r ON l.k = r.k AND date_trunc(''minute'', l.ts) = date_trunc(''minute'', r.ts) GROUP BY 1, 2'),
('SELECT tumble(l.ts, ''10 s'') AS w, count(*), array_agg(l.id ORDER BY l.id) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) GROUP BY 1'),
('SELECT hop(l.ts, ''20 s'', ''10 s'') AS w, l.k, count(*) FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) GROUP BY 1, 2'),
('SELECT tumble(l.ts, ''30 s'') AS w, count(*) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) AND EXISTS (SELECT FROM n WHERE l.k = n.k AND n.ts BETWEEN l.ts - ''20 s''::interval AND l.ts + ''20 s''::interval) GROUP BY 1'),
-- as rows of these only come in append mode, anything can be above them there
('SELECT q.l, q.r, n.id AS n FROM (SELECT l.id AS l, r.id AS r, l.k, l.ts FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) q JOIN n ON n.k = q.k AND n.ts BETWEEN q.ts - ''10 s''::interval AND q.ts'),
('SELECT q.l, q.r, n.id AS n FROM (SELECT l.id AS l, r.id AS r, l.k, l.ts FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) q LEFT JOIN n ON n.k = q.k AND n.ts BETWEEN q.ts - ''10 s''::interval AND q.ts + ''4 s''::interval'),
('SELECT q.l, q.r FROM (SELECT l.id AS l, r.id AS r, l.k, l.ts FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) q WHERE NOT EXISTS (SELECT FROM n WHERE n.k = q.k AND n.ts BETWEEN q.ts - ''10 s''::interval AND q.ts)'),
('SELECT DISTINCT l.id, r.k FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts'),
('SELECT q.w, count(*), sum(c) FROM (SELECT tumble(l.ts, ''10 s'') AS w, l.k, count(r.id) AS c FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts GROUP BY 1, 2) q GROUP BY 1'),
('SELECT tumble(l.ts, ''20 s'') AS w, l.k, count(*) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) GROUP BY GROUPING SETS ((tumble(l.ts, ''20 s''), l.k), (tumble(l.ts, ''20 s'')))'),
('SELECT tumble(q.ts, ''20 s'') AS w, count(*), count(q.r) AS rs FROM (SELECT l.id AS l, r.id AS r, l.k, l.ts FROM l LEFT JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts) q WHERE NOT EXISTS (SELECT FROM n WHERE n.k = q.k AND n.ts BETWEEN q.ts - ''10 s''::interval AND q.ts) GROUP BY 1');
CALL make_views();
SELECT n, refusal, query FROM queries WHERE refusal IS NOT NULL ORDER BY n;
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW f%s WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.output_mode = ''append'') AS %s', q.n, q.query);
	END LOOP;
END $$;
CREATE MATERIALIZED VIEW few WITH (streaming.continuous, streaming.output_mode = 'append', streaming.max_batch_rows = 4) AS
	SELECT l.id AS l, r.id AS r FROM l FULL JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - '20 s'::interval AND r.ts + '10 s'::interval;
-- what a view in append mode shows is there for good; all: it is all that there is
CREATE FUNCTION check_final(everything bool) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	q record;
	n bigint;
BEGIN
	FOR q IN SELECT * FROM queries LOOP
		EXECUTE format('SELECT count(*) FROM (TABLE f%s EXCEPT ALL %s) d', q.n, q.query) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s rows of f%s are not final', n, q.n);
		END IF;
		CONTINUE WHEN NOT everything;
		EXECUTE format('SELECT count(*) FROM (%s EXCEPT ALL TABLE f%s) d WHERE d::text !~ ''99999|2024-01-02''', q.query, q.n) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s rows of f%s are missing', n, q.n);
		END IF;
	END LOOP;
END $$;
SELECT setseed(0.6);
DO $$
DECLARE
	wrong record;
BEGIN
	FOR i IN 1..14 LOOP
		IF i % 5 <> 0 THEN
			INSERT INTO l SELECT '2024-01-01'::timestamptz + i * '15 s'::interval + round((random() * 45)::numeric, 0) * '1 s'::interval, nullif((random() * 4)::int, 4), i * 100 + x FROM generate_series(1, 9) x;
		END IF;
		IF i % 4 <> 0 THEN
			INSERT INTO r SELECT '2024-01-01'::timestamptz + i * '15 s'::interval + round((random() * 45)::numeric, 0) * '1 s'::interval, nullif((random() * 4)::int, 4), i * 100 + x FROM generate_series(1, 7) x;
		END IF;
		INSERT INTO n SELECT '2024-01-01'::timestamptz + i * '15 s'::interval + round((random() * 45)::numeric, 0) * '1 s'::interval, random() * 3, i * 100 + x FROM generate_series(1, 3) x;
		COMMIT;
		CALL refresh_views();
		FOR wrong IN SELECT c.* FROM check_queries() c UNION ALL SELECT f, '' FROM check_final(false) f LOOP
			RAISE 'round %: % of %', i, wrong.wrong, wrong.query;
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.rows_in(name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I', name) INTO n;
	RETURN n;
END $$;
SELECT n, pg_temp.rows_in(format('f%s', n)) > 3 AS some FROM queries ORDER BY n;
SELECT n, kept[1] < (SELECT count(*) FROM l) AS l, kept[2] < (SELECT count(*) FROM r) AS r
FROM queries q, kept(format('q%s', n)::regclass) WHERE n <= 14 ORDER BY 1;
-- far ahead
INSERT INTO l VALUES ('2024-01-02', -3, 99999); INSERT INTO r VALUES ('2024-01-02', -2, 99999); INSERT INTO n VALUES ('2024-01-02', -1, 99999);
CALL refresh_views(2);
SELECT * FROM check_queries();
SELECT * FROM check_final(true);
SELECT n, kept(format('q%s', n)::regclass), kept(format('f%s', n)::regclass) FROM queries q WHERE n <= 14 ORDER BY 1;
SELECT streaming.wait('few');
SELECT count(*) FROM (TABLE few EXCEPT ALL TABLE f3) d;
SELECT count(*) FROM (TABLE f3 EXCEPT ALL TABLE few) d;
SELECT sum(late_rows) AS late FROM streaming.views;
DROP SCHEMA et CASCADE;
DROP TABLE l, r, n CASCADE;
DROP FUNCTION kept;
SELECT * FROM leftovers();
