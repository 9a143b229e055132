-- Deduplication below an aggregate (rules H, K), and streams put together (B3, B4)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE TABLE p (id int, k text) USING stream;
CREATE MATERIALIZED VIEW c1 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*), avg(id) FROM (SELECT DISTINCT k, id FROM p) q GROUP BY k;
CREATE MATERIALIZED VIEW c2 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	WITH q AS (SELECT DISTINCT id % 7 AS r, k FROM p WHERE id > 3) SELECT count(*) FROM q;
CREATE MATERIALIZED VIEW c3 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT n, sum(id) FROM (SELECT DISTINCT id, k FROM p) q JOIN (VALUES ('u1', 1), ('u2', 2)) AS t(k, n) USING (k) GROUP BY n;
SELECT * FROM c2;
SELECT setseed(0.5);
DO $$
BEGIN
	FOR i IN 1..10 LOOP
		INSERT INTO p SELECT random() * 300, nullif('u' || (random() * 20)::int, 'u3') FROM generate_series(1, 200) x;
		COMMIT;
		PERFORM streaming.wait(view) FROM streaming.views;
		IF (SELECT string_agg(check_view(view), ' ') FROM streaming.views) <> 'ok ok ok' THEN
			RAISE 'a view is wrong in round %', i;
		END IF;
	END LOOP;
END $$;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
SELECT owner, (SELECT relowner::regrole::text FROM pg_class WHERE relname = '_below_' || public.number_of(v.view)) = owner AS same
FROM streaming.views v WHERE view = 'c1'::regclass;
-- the keys are not for writing
SELECT '_below_' || public.number_of('c1') AS below \gset
DELETE FROM streaming.:"below";
DROP TABLE p CASCADE;

CREATE TABLE s (id int, ts timestamptz, k text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE MATERIALIZED VIEW d1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	WITH q AS (SELECT DISTINCT id, ts FROM s) SELECT tumble(ts, '1 minute') AS w, count(*) FROM q GROUP BY w;
CREATE MATERIALIZED VIEW d2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.distinct_within_watermark) AS
	SELECT k, count(*) FROM (SELECT DISTINCT ON (id) id, k FROM s) q GROUP BY k;
INSERT INTO s VALUES (1, '2024-01-01 00:00:10', 'a'), (2, '2024-01-01 00:00:20', 'b'), (3, NULL, 'c'),
	(1, '2024-01-01 00:00:10', 'a'), (5, '2024-01-01 00:00:10', 'c');
REFRESH MATERIALIZED VIEW d1; REFRESH MATERIALIZED VIEW d2;
-- the watermark is 00:00:10: 1 at 00:00:10 is late for both
INSERT INTO s VALUES (1, '2024-01-01 00:01:30', 'a'), (1, '2024-01-01 00:00:10', 'c'), (7, '2024-01-01 00:01:20', 'a');
REFRESH MATERIALIZED VIEW d1; REFRESH MATERIALIZED VIEW d2;
TABLE d1 ORDER BY 1; TABLE d2 ORDER BY 1;
-- H5: 1 was first seen at 00:00:10, so it is new again from 00:00:20 on
INSERT INTO s VALUES (1, '2024-01-01 00:01:30', 'a'), (1, '2024-01-01 00:00:10', 'c'), (2, '2024-01-01 00:05:30', 'a');
REFRESH MATERIALIZED VIEW d1; REFRESH MATERIALIZED VIEW d2;
TABLE d1 ORDER BY 1; TABLE d2 ORDER BY 1;
SELECT view, watermark, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- expired keys are gone
SELECT '_below_' || public.number_of('d1') AS below1, '_below_' || public.number_of('d2') AS below2 \gset
SELECT * FROM streaming.:"below1"; SELECT * FROM streaming.:"below2";
-- (which of the columns are qualified depends on the server's version)
SELECT regexp_replace(regexp_replace(e, '_(state|below)_\d+', '_\1_N'), '\m[qs]\.', '', 'g') AS explain FROM streaming.explain('d2') e;
DROP TABLE s CASCADE;

-- several streams
CREATE TABLE s1 (id int, ts timestamptz, k text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE TABLE s2 (k varchar, t timestamptz, id int) USING stream
	WITH (streaming.event_time = 't', streaming.watermark = '0');
CREATE TABLE s3 (id int, k text) USING stream;
CREATE MATERIALIZED VIEW u1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '1 minute') AS w, count(*) FROM (SELECT id, ts FROM s1 UNION ALL SELECT id, t FROM s2) q GROUP BY w;
CREATE MATERIALIZED VIEW u2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.watermark_policy = 'max') AS
	SELECT tumble(ts, '1 minute') AS w, count(*) FROM (SELECT id, ts FROM s1 UNION ALL SELECT id, t FROM s2) q GROUP BY w;
CREATE MATERIALIZED VIEW u3 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id % 10 AS r, count(*) AS n, count(k) FROM (SELECT id, k FROM s1 UNION ALL SELECT id, k FROM s2 UNION ALL SELECT id * 2, k FROM s3 WHERE id > 3) q GROUP BY r;
INSERT INTO s1 SELECT x, '2024-01-01'::timestamptz + x * '1 s'::interval, 'a' FROM generate_series(1, 200) x;
INSERT INTO s3 SELECT x, nullif(x, 7) FROM generate_series(1, 200) x;
SELECT streaming.wait(view) FROM streaming.views;
-- B3: s2 has shown nothing and holds u1 back; u2 goes by the faster
SELECT view, streams, watermark, rows_read FROM streaming.views ORDER BY view::text;
TABLE u1; SELECT check_view('u2'), check_view('u3');
INSERT INTO s2 SELECT 'b', '2024-01-01'::timestamptz + x * '1 s'::interval, x FROM generate_series(70, 150) x;
SELECT streaming.wait(view) FROM streaming.views;
-- u1: 00:02:30, the smaller; nothing was late there. For u2 all before 00:03:10 - all - were
SELECT view, watermark, groups, late_rows FROM streaming.views ORDER BY view::text;
TABLE u1 ORDER BY 1; SELECT check_view('u3');
INSERT INTO s2 SELECT 'late', '2024-01-01'::timestamptz + x * '1 s'::interval, x FROM generate_series(70, 71) x;
SELECT streaming.wait(view) FROM streaming.views;
SELECT view, stream, reason, event_time, stream_row, partition FROM streaming.errors ORDER BY at, tid;
TRUNCATE s1;
INSERT INTO s1 VALUES (1, '2024-01-01 00:10:00', 'x');
SELECT streaming.wait(view) FROM streaming.views;
SELECT view, watermark FROM streaming.views ORDER BY view::text;
-- L2: an input may occur twice, and is an input each time: the watermark is the smaller
CREATE TABLE flow (id int, ts timestamptz, a int, b int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW ends WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '1 minute') AS w, node, count(*)
	FROM (SELECT ts, a AS node FROM flow UNION ALL SELECT ts, b FROM flow WHERE b > 0) q GROUP BY w, node;
CREATE MATERIALIZED VIEW degree WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT node, count(*), sum(id) FROM (SELECT id, a AS node FROM flow UNION ALL SELECT id, b FROM flow) q GROUP BY node;
CREATE MATERIALIZED VIEW total WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(*), max(ts) FROM (SELECT id, ts FROM flow UNION ALL SELECT id, ts FROM flow WHERE a = 1 UNION ALL SELECT id, ts FROM flow) q;
INSERT INTO flow SELECT x, '2024-01-01'::timestamptz + x * '1 s'::interval, x % 3, x % 2 FROM generate_series(1, 180) x;
INSERT INTO flow VALUES (181, '2024-01-01 00:10:00', 1, 0);
SELECT streaming.wait(view) FROM streaming.views;
SELECT check_view('ends'), check_view('degree'), check_view('total');
SELECT view, streams, watermark, input_times, rows_read FROM streaming.views WHERE 'flow'::regclass = ANY (streams) ORDER BY view::text;
-- late in both: two rows of the input, two rows dropped
INSERT INTO flow VALUES (182, '2024-01-01 00:00:01', 1, 1);
SELECT streaming.wait(view) FROM streaming.views;
SELECT late_rows FROM streaming.views WHERE view = 'ends'::regclass;
SELECT view, reason, event_time, stream_row FROM streaming.errors WHERE view = 'ends'::regclass;
-- a worker that starts anew knows both
SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'streaming worker';
INSERT INTO flow VALUES (183, '2024-01-01 00:05:00', 1, 1);
SELECT streaming.wait(view) FROM streaming.views;
SELECT view, watermark, input_times, late_rows FROM streaming.views WHERE 'flow'::regclass = ANY (streams) ORDER BY view::text;
SELECT check_view('degree'), check_view('total');
-- a partition and its parent have rows in common, too
CREATE TABLE part (id int, k int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100) USING stream;
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (100) TO (200) USING stream;
CREATE MATERIALIZED VIEW both_ WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*), sum(id) FROM (SELECT id, k FROM part UNION ALL SELECT id, -k FROM part_2) q GROUP BY k;
INSERT INTO part SELECT x, x % 5 FROM generate_series(50, 150) x;
SELECT streaming.wait('both_');
SELECT check_view('both_');
TRUNCATE part_2;
INSERT INTO part SELECT x, x % 5 FROM generate_series(50, 150) x;
SELECT streaming.wait('both_');
SELECT sum(count) FROM both_;
DROP TABLE flow, part CASCADE;
-- refused
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT count(*) FROM s1 a LEFT JOIN s1 b ON a.id <> b.id;
CREATE FUNCTION hidden() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM s1';
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT id FROM s1 UNION ALL SELECT h FROM s2, hidden() h) q;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT id FROM s1 UNION ALL SELECT 1) q;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT count(*) FROM s1 JOIN s2 ON s1.id <> s2.id;
DROP FUNCTION hidden();
DROP TABLE s1, s2, s3 CASCADE;

---- B11: the event time follows the column through views, sub-selects and WITH, however nested

CREATE TABLE e (id int, at timestamptz, k text) USING stream
	WITH (streaming.event_time = 'at', streaming.watermark = '10 s');
CREATE VIEW e_view AS SELECT id AS i, at AS t, upper(k) AS kk FROM e WHERE id > 0;
CREATE VIEW e_with AS
	WITH z AS (SELECT id, at AS t1, k FROM e), y AS (SELECT t1 AS t2, k FROM z)
	SELECT t2 AS t, k AS kk FROM (WITH q AS (SELECT * FROM y) SELECT * FROM q) x;
CREATE TEMP TABLE b11 (name text, query text);
INSERT INTO b11 VALUES
	('with_view', 'WITH a AS (SELECT t AS t1, kk FROM e_view), b AS (SELECT t1 AS t2, kk FROM a) SELECT tumble(t2, ''1 min'') AS w, kk, count(*) FROM b GROUP BY w, kk'),
	('view_with', 'SELECT tumble(t, ''1 min'') AS w, kk, count(*) FROM e_with GROUP BY w, kk'),
	('sub_with', 'SELECT tumble(t, ''1 min'') AS w, kk, count(*) FROM (WITH z AS MATERIALIZED (SELECT id, at AS t, k AS kk FROM e) SELECT * FROM z) x GROUP BY w, kk'),
	('distinct_view', 'SELECT tumble(t, ''1 min'') AS w, kk, count(*) FROM (SELECT DISTINCT t, kk FROM e_view) x GROUP BY w, kk'),
	('distinct_with', 'WITH a AS (SELECT t, kk FROM e_with) SELECT tumble(t, ''1 min'') AS w, kk, count(*) FROM (SELECT DISTINCT t, kk FROM a) x GROUP BY w, kk'),
	('twice_with', 'WITH a AS (SELECT t, kk FROM e_view) SELECT tumble(t, ''1 min'') AS w, kk, count(*) FROM (TABLE a UNION ALL SELECT t, ''all'' FROM a) x GROUP BY w, kk'),
	('union_view', 'SELECT tumble(t, ''1 min'') AS w, kk, count(*) FROM (SELECT t, kk FROM e_view UNION ALL SELECT t, kk FROM e_with) x GROUP BY w, kk');
DO $$
DECLARE d record;
BEGIN
	FOR d IN TABLE b11 LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.output_mode = ''append'') AS %s', d.name, d.query);
	END LOOP;
END $$;
INSERT INTO e SELECT x, '2024-01-01'::timestamptz + x * '7 s'::interval, 'k' || x % 2 FROM generate_series(1, 100) x;
INSERT INTO e SELECT x, at, k FROM e, generate_series(101, 102) x WHERE id % 10 = 0;
SELECT streaming.wait(view) FROM streaming.views;
-- late in all of them
INSERT INTO e VALUES (200, '2024-01-01 00:00:01', 'k0');
SELECT streaming.wait(view) FROM streaming.views;
CREATE FUNCTION final(name text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	mark text := format('(SELECT watermark FROM streaming.views WHERE view = %L::regclass)', name);
	wrong int8;
	shown int8;
BEGIN
	query := format('SELECT * FROM (%s) q WHERE upper(w) <= %s', replace(replace(query, 'FROM e_', 'FROM good_'), 'FROM e)', 'FROM good)'), mark);
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$I EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$I)) d', name, query) INTO wrong;
	EXECUTE format('SELECT count(*) FROM %I', name) INTO shown;
	RETURN format('%s: %s shown, %s wrong', name, shown, wrong);
END $$;
-- the same views without the late row
CREATE VIEW good AS SELECT * FROM e WHERE id < 200;
CREATE VIEW good_view AS SELECT id AS i, at AS t, upper(k) AS kk FROM good WHERE id > 0;
CREATE VIEW good_with AS SELECT at AS t, k AS kk FROM good;
SELECT final(name, query) FROM b11;
SELECT view, late_rows, streams FROM streaming.views ORDER BY view::text;
DROP FUNCTION final(text, text);
DROP TABLE e CASCADE;
SELECT * FROM leftovers();
