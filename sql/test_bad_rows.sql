-- Rows that fail: streaming.on_error = skip, streaming.max_errors, streaming.retry
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA br;
SET search_path = br, public;
SET client_min_messages = warning;
SET timezone = UTC;
-- The view against its query over the rows that it has not put aside; streams: as they
-- are called in the query.
CREATE FUNCTION check_rest(v regclass, VARIADIC streams text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text;
	s text;
	a bigint;
	b bigint;
BEGIN
	query := query_of(v);
	FOREACH s IN ARRAY streams LOOP
		query := regexp_replace(query, '\m(FROM|JOIN) (\(?)' || s || '\M', '\1 \2(SELECT * FROM ' || s ||
			' q WHERE (q.tableoid::regclass, q.ctid) NOT IN (SELECT e.partition, e.tid FROM streaming.errors e WHERE e.view = '
			|| quote_literal(v) || '::regclass)) ' || s, 'g');
	END LOOP;
	EXECUTE format('SELECT count(*) FROM ((%s) EXCEPT ALL SELECT * FROM %s) d', query, v) INTO a;
	EXECUTE format('SELECT count(*) FROM (SELECT * FROM %2$s EXCEPT ALL (%1$s)) d', query, v) INTO b;
	RETURN CASE WHEN a = 0 AND b = 0 THEN 'ok' ELSE format('%s missing, %s wrong', a, b) END;
END $$;
CREATE FUNCTION skipped(v regclass) RETURNS TABLE (state text, skipped_rows bigint, failures int, sqlstate text, lag_rows bigint) LANGUAGE sql AS
	'SELECT state, skipped_rows, failures, last_error_sqlstate, lag_rows FROM streaming.views WHERE view = v';

-- some among thousands
CREATE TABLE s (k int, x int) USING stream;
CREATE SEQUENCE looked_at;
CREATE FUNCTION looked(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM nextval(''br.looked_at''); RETURN 100 / x; END';
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.on_error = 'skip') AS
	SELECT k % 7 AS g, count(*) AS n, sum(looked(x)) AS x FROM s GROUP BY 1;
INSERT INTO s SELECT i, i FROM generate_series(1, 5000) i;
REFRESH MATERIALIZED VIEW v;
SELECT rows_read FROM streaming.views WHERE view = 'v'::regclass;
SELECT setval('looked_at', 1) \gset
INSERT INTO s SELECT i, CASE WHEN i IN (1, 1777, 4095, 4096) THEN 0 ELSE i END FROM generate_series(1, 4096) i;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM skipped('v');
SELECT view, stream, reason, event_time, stream_row, partition, sqlstate, message, batch > 1 AS batch, at > now() - interval '1 hour' AS at
	FROM streaming.errors ORDER BY at;
SELECT check_rest('v', 's');
-- what it has cost: batches, and rows that were looked at
SELECT batches <= 4 * (2 * 12 + 3) AS few_batches FROM streaming.views WHERE view = 'v'::regclass;
SELECT last_value <= 4 * 4 * 4096 AS few_rows FROM looked_at;
-- it goes on as before
SELECT batches AS before FROM streaming.views WHERE view = 'v'::regclass \gset
INSERT INTO s SELECT i, i FROM generate_series(1, 100) i;
REFRESH MATERIALIZED VIEW v;
INSERT INTO s SELECT i, i FROM generate_series(1, 100) i;
REFRESH MATERIALIZED VIEW v;
SELECT batches - :before AS batches FROM streaming.views WHERE view = 'v'::regclass;
SELECT check_rest('v', 's');

-- the cause is mended: each is fed again, once
SELECT streaming.retry('v');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM skipped('v');
SELECT count(*) FROM streaming.errors;
CREATE OR REPLACE FUNCTION looked(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN CASE WHEN x = 0 THEN -1 ELSE 100 / x END; END';
BEGIN;
SELECT streaming.retry('v');
SELECT count(*) FROM streaming.errors;
SELECT lag_rows FROM skipped('v');
ROLLBACK;
SELECT count(*) FROM streaming.errors;
SELECT streaming.retry('v');
SELECT streaming.retry('v');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM skipped('v');
SELECT check_view('v');
SELECT count(*) FROM streaming.errors;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');

-- all rows fail
CREATE TABLE t (k int, x int) USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.trigger = 'manual', streaming.max_errors = 50) AS
	SELECT k, 10 / (x - 7) AS y FROM t;
INSERT INTO t SELECT i, 7 FROM generate_series(1, 40) i;
REFRESH MATERIALIZED VIEW w;
SELECT * FROM skipped('w');
SELECT batches <= 41, rows_read FROM streaming.views WHERE view = 'w'::regclass;
SELECT check_rest('w', 't');
-- as many as the option allows: then the view stops
INSERT INTO t SELECT i, i FROM generate_series(1, 20) i;
INSERT INTO t SELECT i, 7 FROM generate_series(41, 60) i;
\set VERBOSITY default
REFRESH MATERIALIZED VIEW w;
TRUNCATE t;
\set VERBOSITY terse
SELECT skipped_rows, failures > 0 AS fails, sqlstate, lag_rows FROM skipped('w');
ALTER MATERIALIZED VIEW w SET (streaming.max_errors = 61);
REFRESH MATERIALIZED VIEW w;
SELECT * FROM skipped('w');
SELECT check_rest('w', 't');
SELECT count(DISTINCT tid), count(*) FROM streaming.errors WHERE view = 'w'::regclass;
ALTER MATERIALIZED VIEW w RESET (streaming.on_error);
INSERT INTO t VALUES (0, 7), (1, 1);
\set VERBOSITY default
REFRESH MATERIALIZED VIEW w;
\set VERBOSITY terse
-- TRUNCATE: of a view that stops, and of one that skips
\set VERBOSITY default
TRUNCATE t;
\set VERBOSITY terse
ALTER MATERIALIZED VIEW w SET (streaming.on_error = skip, streaming.max_errors = 100);
TRUNCATE t;
SELECT * FROM skipped('w');
SELECT count(*) FROM w;
-- what is gone is not fed again
SET client_min_messages = notice;
SELECT streaming.retry('w');
SET client_min_messages = warning;
SELECT streaming.delete_errors('w');
INSERT INTO t VALUES (70, 7), (71, 8);
REFRESH MATERIALIZED VIEW w;
SELECT streaming.retry('w');
REFRESH MATERIALIZED VIEW w;
SELECT stream_row, sqlstate FROM streaming.errors WHERE view = 'w'::regclass;
SELECT streaming.delete_errors('w');
DROP MATERIALIZED VIEW w;

-- what is not an error of a row: rights, what is missing
CREATE FUNCTION lacks(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x FROM br.missing; END';
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.trigger = 'manual') AS
	SELECT k, lacks(x) AS y FROM t;
REFRESH MATERIALIZED VIEW w;
SELECT skipped_rows, failures > 0 AS fails, sqlstate, lag_rows FROM skipped('w');
DROP MATERIALIZED VIEW w;
-- and which are
CREATE FUNCTION raise(state text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF state IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = ''raised ''; END IF; RETURN 1; END';
CREATE TABLE r (state text) USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.trigger = 'manual') AS
	SELECT sum(raise(state)) FROM r;
INSERT INTO r VALUES (NULL), ('P0001'), ('22000'), ('23514'), ('UE001'), ('45000'), ('54000'), ('21000'), (NULL), (NULL);
REFRESH MATERIALIZED VIEW w;
SELECT sqlstate, message FROM streaming.errors WHERE view = 'w'::regclass ORDER BY 1;
SELECT * FROM w;
CREATE PROCEDURE try_states(VARIADIC states text[]) LANGUAGE plpgsql AS $$
DECLARE
	s text;
BEGIN
	FOREACH s IN ARRAY states LOOP
		INSERT INTO br.r VALUES (s);
		COMMIT;
		BEGIN
			REFRESH MATERIALIZED VIEW br.w;
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING '%', SQLSTATE;
		END;
		PERFORM streaming.release('br.w');
		DROP MATERIALIZED VIEW br.w;
		TRUNCATE br.r;
		CREATE MATERIALIZED VIEW br.w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.trigger = 'manual') AS
			SELECT sum(br.raise(state)) FROM br.r;
		COMMIT;
	END LOOP;
END $$;
CALL try_states('53100', '53200', '42501', '42883', 'XX000', '58030', '0A000');
SELECT * FROM w;
DROP MATERIALIZED VIEW w;

-- keys that are too long for the index
CREATE TABLE long (k text) USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k, count(*) AS n FROM long GROUP BY k;
INSERT INTO long SELECT CASE WHEN i = 77 THEN (SELECT string_agg(md5(j::text), '') FROM generate_series(1, 1000) j) ELSE (i % 5)::text END FROM generate_series(1, 200) i;
REFRESH MATERIALIZED VIEW w;
SELECT sqlstate, length(stream_row) FROM streaming.errors WHERE view = 'w'::regclass;
SELECT * FROM w ORDER BY k;
DROP MATERIALIZED VIEW w;

-- rows that fail together: the one goes that comes last
CREATE TABLE big (x bigint) USING stream;
CREATE FUNCTION add(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE total(bigint) (SFUNC = add, STYPE = bigint, INITCOND = 0, COMBINEFUNC = add, PARALLEL = SAFE);
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT total(x) AS x FROM big;
INSERT INTO big SELECT 3e18 FROM generate_series(1, 4) i;
INSERT INTO big VALUES (1);
REFRESH MATERIALIZED VIEW w;
SELECT * FROM w;
SELECT stream_row, sqlstate FROM streaming.errors WHERE view = 'w'::regclass;
DROP MATERIALIZED VIEW w;

-- a join: of a pair that fails, the row of the second stream goes
CREATE TABLE a (k int, x int) USING stream;
CREATE TABLE b (k int, x int) USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.changes) AS
	SELECT a.k % 3 AS g, sum(100 / (a.x - b.x)) AS y, count(DISTINCT b.x) AS xs, array_agg(a.x ORDER BY a.x, b.x) AS kept FROM a JOIN b USING (k) GROUP BY 1;
BEGIN;
INSERT INTO a SELECT i, i FROM generate_series(1, 300) i;
INSERT INTO b SELECT i, CASE WHEN i IN (5, 200) THEN i ELSE 0 END FROM generate_series(1, 300) i;
COMMIT;
REFRESH MATERIALIZED VIEW w;
SELECT stream, stream_row FROM streaming.errors WHERE view = 'w'::regclass ORDER BY at;
SELECT check_rest('w', 'a', 'b');
INSERT INTO a SELECT i, 0 FROM generate_series(11, 13) i;
INSERT INTO b SELECT i, 1 FROM generate_series(1, 20) i;
REFRESH MATERIALIZED VIEW w;
SELECT stream, stream_row FROM streaming.errors WHERE view = 'w'::regclass ORDER BY at;
SELECT check_rest('w', 'a', 'b');
-- the change stream says the same
SELECT * FROM (SELECT g, y, xs, kept FROM w_changes WHERE op IN ('insert', 'update after') EXCEPT ALL SELECT g, y, xs, kept FROM w_changes WHERE op IN ('delete', 'update before')) c
	EXCEPT ALL SELECT * FROM w;
-- fed again when the other side of the pair can do no harm any more: not so here
SELECT streaming.retry('w');
REFRESH MATERIALIZED VIEW w;
SELECT * FROM skipped('w');
SELECT check_rest('w', 'a', 'b');
DROP MATERIALIZED VIEW w;

-- outer joins, first rows, DISTINCT, grouping sets, sub-selects: over the same rows
CREATE MATERIALIZED VIEW w1 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT a.k, a.x, 6 / b.x AS y FROM a LEFT JOIN b ON b.k = a.k;
CREATE MATERIALIZED VIEW w2 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT DISTINCT ON (k % 10) k % 10 AS g, k, 6 / x AS y FROM b ORDER BY k % 10, x DESC, k;
CREATE MATERIALIZED VIEW w3 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT DISTINCT 6 / x AS y, k % 5 AS g FROM b;
CREATE MATERIALIZED VIEW w4 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k % 3 AS g, x % 2 AS h, count(*) AS n, max(6 / x) AS y FROM b GROUP BY CUBE (1, 2);
CREATE MATERIALIZED VIEW w5 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT n, count(*) AS groups, sum(6 / least_x) AS y FROM (SELECT k % 50 AS g, count(*) AS n, min(abs(x) + 1) AS least_x, sum(6 / x) FROM b GROUP BY 1) q GROUP BY n;
CREATE MATERIALIZED VIEW w6 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k FROM a WHERE EXISTS (SELECT FROM b WHERE b.k = a.k AND 6 / b.x > 0);
ALTER MATERIALIZED VIEW w1 SET (streaming.max_errors = 10000);
ALTER MATERIALIZED VIEW w2 SET (streaming.max_errors = 10000);
ALTER MATERIALIZED VIEW w3 SET (streaming.max_errors = 10000);
ALTER MATERIALIZED VIEW w4 SET (streaming.max_errors = 10000);
ALTER MATERIALIZED VIEW w5 SET (streaming.max_errors = 10000);
ALTER MATERIALIZED VIEW w6 SET (streaming.max_errors = 10000);
INSERT INTO b SELECT i, CASE WHEN i % 100 = 7 THEN 0 WHEN i % 11 = 0 THEN NULL ELSE i % 7 + 1 END FROM generate_series(1, 500) i;
INSERT INTO a SELECT i, i FROM generate_series(400, 450) i;
CALL refresh_views();
INSERT INTO b SELECT i, CASE WHEN i % 100 = 8 THEN 0 ELSE i % 7 + 1 END FROM generate_series(200, 600) i;
CALL refresh_views();
SELECT check_rest('w1', 'a', 'b'), check_rest('w2', 'b'), check_rest('w3', 'b'), check_rest('w4', 'b'), check_rest('w5', 'b'), check_rest('w6', 'a', 'b');
SELECT view, skipped_rows > 5 AS skipped, failures FROM streaming.views WHERE view::text LIKE 'w%' ORDER BY view::text;
DROP MATERIALIZED VIEW w1, w2, w3, w4, w5, w6;

-- a trigger that fails by a row, and one that is mended
TRUNCATE t;
CREATE TABLE sink (k int, y int CHECK (y <> 13));
CREATE FUNCTION to_sink() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO br.sink VALUES (NEW.k, NEW.y); RETURN NULL; END';
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k, x + 1 AS y FROM t;
CREATE TRIGGER to_sink AFTER INSERT ON w FOR EACH ROW EXECUTE FUNCTION to_sink();
INSERT INTO t SELECT i, i % 100 FROM generate_series(1, 1000) i;
REFRESH MATERIALIZED VIEW w;
SELECT count(*), min(sqlstate), min(stream_row), count(DISTINCT stream_row) FROM streaming.errors WHERE view = 'w'::regclass;
SELECT check_rest('w', 't');
SELECT * FROM w EXCEPT ALL SELECT * FROM sink;
ALTER TABLE sink DROP CONSTRAINT sink_y_check;
SELECT streaming.retry('w');
REFRESH MATERIALIZED VIEW w;
SELECT check_view('w');
SELECT count(*), count(DISTINCT k) FROM sink;
SELECT * FROM w EXCEPT ALL SELECT * FROM sink;
DROP MATERIALIZED VIEW w;

-- partitions: rows of several, one of which goes
CREATE TABLE p (k int, x int, pad text) PARTITION BY RANGE (k);
CREATE TABLE p1 (pad text, x int, k int) USING stream;
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (1000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (2000) USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.max_batch_rows = 300) AS SELECT k % 4 AS g, count(*) AS n, sum(10 / x) AS y FROM p GROUP BY 1;
INSERT INTO p SELECT i, i % 250, i FROM generate_series(1, 1999) i;
REFRESH MATERIALIZED VIEW w;
SELECT partition, stream, stream_row FROM streaming.errors WHERE view = 'w'::regclass ORDER BY stream_row;
SELECT check_rest('w', 'p');
CREATE MATERIALIZED VIEW w_part WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k, 10 / x AS y FROM p2;
REFRESH MATERIALIZED VIEW w_part;
SELECT check_rest('w_part', 'p2');
DROP TABLE p1;
SELECT streaming.retry('w');
ALTER TABLE p DETACH PARTITION p2;
SELECT streaming.retry('w');
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (1000) TO (2000);
SELECT streaming.retry('w');
REFRESH MATERIALIZED VIEW w;
SELECT partition, stream_row FROM streaming.errors WHERE view = 'w'::regclass AND partition::text = 'p2' ORDER BY stream_row;
DROP MATERIALIZED VIEW w, w_part;

-- event time: what is fed again late is late
CREATE TABLE e (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE FUNCTION inverse(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 100 / x';
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.late_rows = keep) AS
	SELECT date_bin('1 minute', ts, '2026-01-01') AS m, count(*) AS n, sum(inverse(x)) AS y FROM e GROUP BY 1;
INSERT INTO e SELECT '2026-01-01'::timestamptz + i * interval '1 second', i, i % 150 FROM generate_series(0, 299) i;
REFRESH MATERIALIZED VIEW w;
SELECT reason, event_time, stream_row, sqlstate FROM streaming.errors WHERE view = 'w'::regclass ORDER BY stream_row;
SELECT check_rest('w', 'e');
CREATE OR REPLACE FUNCTION inverse(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 100 / nullif(x, 0)';
REFRESH MATERIALIZED VIEW w;
SELECT streaming.retry('w');
REFRESH MATERIALIZED VIEW w;
SELECT reason, event_time, stream_row, sqlstate FROM streaming.errors WHERE view = 'w'::regclass ORDER BY stream_row;
SELECT check_rest('w', 'e');

DROP MATERIALIZED VIEW w;

-- what fails is not a row, but a group that is closed: no row is put aside for it
CREATE TABLE closing (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not %'', NEW.n; END';
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip', streaming.output_mode = append, streaming.changes, streaming.trigger = 'manual') AS
	SELECT date_bin('1 minute', ts, '2026-01-01') AS m, count(*) AS n FROM closing GROUP BY 1;
CREATE TRIGGER refuse AFTER INSERT ON w FOR EACH ROW EXECUTE FUNCTION refuse();
INSERT INTO closing SELECT '2026-01-01'::timestamptz + i * interval '1 second', i FROM generate_series(0, 100) i;
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW w;
SELECT skipped_rows, failures > 0 AS fails, sqlstate, lag_rows FROM skipped('w');
INSERT INTO closing SELECT '2026-01-01 01:00'::timestamptz, i FROM generate_series(1, 3) i;
REFRESH MATERIALIZED VIEW w;
SELECT skipped_rows, failures > 0 AS fails, sqlstate FROM skipped('w');
DROP TRIGGER refuse ON w;
REFRESH MATERIALIZED VIEW w;
SELECT skipped_rows, failures > 0 AS fails, sqlstate, lag_rows FROM skipped('w');
SELECT * FROM w ORDER BY m;
DROP MATERIALIZED VIEW w;

-- views over views: results that are only added to, but not changes
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, x FROM t WHERE k > 0;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k % 2 AS g, sum(10 / x) AS y FROM w GROUP BY 1;
REFRESH MATERIALIZED VIEW above;
SELECT stream, count(*), min(stream_row) FROM streaming.errors WHERE view = 'above'::regclass GROUP BY 1;
SELECT * FROM above EXCEPT ALL SELECT k % 2 AS g, sum(10 / nullif(x, 0)) AS y FROM w GROUP BY 1;
\set VERBOSITY default
CREATE MATERIALIZED VIEW over_changes WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT count(*), sum(y) FROM above;
CREATE MATERIALIZED VIEW over_changes WITH (streaming.continuous) AS SELECT count(*), sum(y) FROM above;
ALTER MATERIALIZED VIEW over_changes SET (streaming.on_error = skip);
ALTER MATERIALIZED VIEW above SET (streaming.group = g);
ALTER MATERIALIZED VIEW above SET (streaming.on_error = pause);
ALTER MATERIALIZED VIEW above SET (streaming.max_errors = 0);
ALTER MATERIALIZED VIEW above SET (streaming.errors_retention = '-1 day');
\set VERBOSITY terse
REFRESH MATERIALIZED VIEW over_changes;
SELECT check_view('over_changes');
DROP MATERIALIZED VIEW w CASCADE;

-- views that advance together: what fails for one goes for all that would read it
CREATE TABLE g1 (k int, x int) USING stream;
CREATE TABLE g2 (k int, y int) USING stream;
CREATE FUNCTION per(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 10 / x; END';
CREATE MATERIALIZED VIEW ga WITH (streaming.continuous, streaming.group = 'bad', streaming.on_error = 'skip') AS
	SELECT k % 3 AS g, count(*) AS n, sum(per(x)) AS x FROM g1 GROUP BY 1;
CREATE MATERIALIZED VIEW gb WITH (streaming.continuous, streaming.group = 'bad', streaming.on_error = 'skip') AS
	SELECT count(*) AS n, max(x) AS x FROM g1;
CREATE MATERIALIZED VIEW gc WITH (streaming.continuous, streaming.group = 'bad', streaming.on_error = 'skip') AS
	SELECT g1.k, g1.x / g2.y AS z FROM g1 JOIN g2 USING (k);
CREATE VIEW g_apart AS SELECT gb.n - (SELECT coalesce(sum(n), 0) FROM ga) AS apart FROM gb;
CREATE FUNCTION check_group() RETURNS TABLE (view regclass, state text, skipped bigint, failures int, result text) LANGUAGE sql AS $$
	SELECT v, s.state, skipped_rows, failures, check_rest(v, 'g1', 'g2')
	FROM unnest('{ga,gb,gc}'::regclass[]) v, skipped(v) s ORDER BY v::text
$$;
BEGIN;
INSERT INTO g1 SELECT i, CASE WHEN i IN (7, 500, 501) THEN 0 ELSE i END FROM generate_series(1, 1000) i;
INSERT INTO g2 SELECT i, i - 20 FROM generate_series(1, 40) i;
COMMIT;
REFRESH MATERIALIZED VIEW gb;
SELECT * FROM check_group();
SELECT * FROM g_apart;
SELECT view, stream, stream_row, sqlstate, message FROM streaming.errors WHERE view IN ('ga'::regclass, 'gb', 'gc') ORDER BY view::text, stream::text, stream_row;
SELECT batches <= 4 * (2 * 10 + 3) AS few_batches FROM streaming.views WHERE view = 'gb'::regclass;
-- one that comes reads what it can; the others do not wait for it
CREATE MATERIALIZED VIEW gd WITH (streaming.continuous, streaming.group = 'bad', streaming.on_error = 'skip') AS
	SELECT k, 100 / (x - 900) AS z FROM g1;
INSERT INTO g1 SELECT i, i - 1100 FROM generate_series(1001, 1200) i;
REFRESH MATERIALIZED VIEW ga;
SELECT * FROM check_group();
SELECT * FROM g_apart;
SELECT view, stream_row, message FROM streaming.errors WHERE view = 'gd'::regclass OR stream_row IN ('(900,900)', '(1100,0)') ORDER BY view::text, stream_row;
SELECT check_rest('gd', 'g1', 'g2');
DROP MATERIALIZED VIEW gd;
-- one that stops stops all
ALTER MATERIALIZED VIEW gb SET (streaming.on_error = stop);
INSERT INTO g1 VALUES (2000, 0), (2001, 1);
\set VERBOSITY default
REFRESH MATERIALIZED VIEW ga;
\set VERBOSITY terse
SELECT view, skipped_rows, failures > 0 AS failures FROM streaming.views WHERE options @> '{streaming.group=bad}' ORDER BY view::text;
ALTER MATERIALIZED VIEW gb SET (streaming.on_error = skip, streaming.max_errors = 4);
\set VERBOSITY default
REFRESH MATERIALIZED VIEW ga;
\set VERBOSITY terse
ALTER MATERIALIZED VIEW gb SET (streaming.max_errors = 100);
REFRESH MATERIALIZED VIEW gc;
SELECT * FROM check_group();
-- the cause is mended: each is fed to all of them again, once; some of it fails still
CREATE OR REPLACE FUNCTION per(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 10 / nullif(x, 0); END';
BEGIN;
SELECT streaming.retry('gb');
SELECT view, count(*) FROM streaming.errors WHERE view IN ('ga'::regclass, 'gb', 'gc') GROUP BY view ORDER BY view::text;
COMMIT;
INSERT INTO g1 VALUES (3000, 1);
REFRESH MATERIALIZED VIEW gb;
SELECT * FROM check_group();
SELECT * FROM g_apart;
SELECT view, stream_row, message FROM streaming.errors WHERE view IN ('ga'::regclass, 'gb', 'gc') ORDER BY view::text;
SELECT streaming.retry('ga');
SELECT check_view('ga'), check_view('gb');
-- rows go when all have read them, or put them aside
CREATE OR REPLACE FUNCTION per(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 10 / x; END';
BEGIN;
INSERT INTO g1 VALUES (4000, 4), (4001, 0), (4002, 1);
INSERT INTO g2 VALUES (4002, 0);
COMMIT;
TRUNCATE g1, g2;
SELECT view, stream_row FROM streaming.errors WHERE view IN ('ga'::regclass, 'gb', 'gc') ORDER BY view::text, stream_row;
SELECT n, apart FROM gb, g_apart;
DROP MATERIALIZED VIEW ga, gb, gc CASCADE;

-- unlogged streams
CREATE UNLOGGED TABLE u (x int) USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT 1 / x AS y FROM u;
INSERT INTO u VALUES (0), (1);
REFRESH MATERIALIZED VIEW w;
SELECT * FROM w;
SELECT streaming.retry('w');
DROP MATERIALIZED VIEW w;

-- who sees what of the rows, and who may feed them again
CREATE ROLE regress_streaming_owner;
CREATE ROLE regress_streaming_other;
GRANT CREATE, USAGE ON SCHEMA br TO regress_streaming_owner, regress_streaming_other;
CREATE TABLE secret (k int, x int, hidden text) USING stream;
GRANT SELECT (k, x) ON secret TO regress_streaming_owner;
CREATE TABLE policed (k int, x int) USING stream;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON policed USING (k % 2 = 0);
GRANT SELECT ON policed TO regress_streaming_owner;
CREATE VIEW barrier WITH (security_barrier) AS SELECT k, x FROM secret WHERE k % 2 = 0;
CREATE VIEW ordinary AS SELECT k, x FROM secret WHERE k % 2 = 0;
GRANT SELECT ON barrier, ordinary TO regress_streaming_owner;
SET ROLE regress_streaming_owner;
CREATE MATERIALIZED VIEW w1 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT 1 / x AS y FROM br.secret;
CREATE MATERIALIZED VIEW w2 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT 1 / x AS y FROM br.policed;
CREATE MATERIALIZED VIEW w3 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT 1 / x AS y FROM br.barrier;
CREATE MATERIALIZED VIEW w4 WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT 1 / x AS y FROM br.ordinary;
RESET ROLE;
INSERT INTO secret SELECT i, (i - 1) / 2, 'hidden' FROM generate_series(1, 20) i;
INSERT INTO policed SELECT i, (i - 1) / 2 FROM generate_series(1, 20) i;
CALL refresh_views();
SET ROLE regress_streaming_owner;
SELECT view, stream_row FROM streaming.errors ORDER BY view::text, tid;
SELECT count(*) FROM w1;
SELECT count(*) FROM w2;
SELECT count(*) FROM w3;
SELECT count(*) FROM w4;
SET ROLE regress_streaming_other;
SELECT count(*) FROM streaming.errors;
SELECT streaming.retry('w1');
SELECT streaming.retry('secret');
RESET ROLE;
SELECT streaming.retry('w1');
-- the stream is written anew, or moved: what is put aside is found where it lies then
CREATE TABLE rw (k int, x int, t text) USING stream;
CREATE FUNCTION inverted(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 100 / x; END';
CREATE MATERIALIZED VIEW rv WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT k, inverted(x) AS y, t FROM rw;
CREATE MATERIALIZED VIEW ra WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT t, sum(inverted(k % 601)) AS y, sum(inverted(x)) AS z FROM rw GROUP BY t;
BEGIN;
INSERT INTO rw SELECT i, i FROM generate_series(1, 500) i;
ROLLBACK;
INSERT INTO rw SELECT i, CASE WHEN i % 400 = 7 THEN 0 ELSE i END, repeat('x', i % 50) FROM generate_series(1, 2000) i;
CALL refresh_views();
CREATE FUNCTION aside() RETURNS TABLE (view regclass, n bigint, places bigint) LANGUAGE sql AS
	$$ SELECT view, count(*), count(*) FILTER (WHERE stream_row LIKE (SELECT '(' || r.k || ',' || r.x || ',%' FROM rw r WHERE r.ctid = tid))
		FROM streaming.errors WHERE stream = 'rw'::regclass GROUP BY 1 ORDER BY 1 $$;
SELECT * FROM aside();
VACUUM FULL rw;
SELECT * FROM aside();
INSERT INTO rw VALUES (0, 7, 'new');
CALL refresh_views();
ALTER TABLE rw ADD COLUMN u float DEFAULT random();
SELECT * FROM aside();
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_streaming_aside LOCATION '';
ALTER TABLE rw SET TABLESPACE regress_streaming_aside;
SELECT * FROM aside();
CREATE OR REPLACE FUNCTION inverted(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN CASE WHEN x = 0 THEN -1 ELSE 100 / x END; END';
SELECT streaming.retry('rv'), streaming.retry('ra');
CALL refresh_views();
SELECT check_view('rv'), check_view('ra');
SELECT * FROM aside();
-- but not if it comes to lie in another order
CREATE INDEX rw_x ON rw (x);
CREATE OR REPLACE FUNCTION inverted(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 100 / x; END';
INSERT INTO rw VALUES (3, 0, 'once more');
CALL refresh_views();
CLUSTER rw USING rw_x;
SELECT streaming.retry('rv');
DROP TABLE rw CASCADE;
DROP TABLESPACE regress_streaming_aside;
-- not in a batch
CREATE FUNCTION feeds(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM streaming.retry(''br.v''); RETURN 1; END';
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT feeds(k) AS y FROM secret;
REFRESH MATERIALIZED VIEW w;
DROP MATERIALIZED VIEW w, w1, w2, w3, w4;
DROP SCHEMA br CASCADE;
DROP ROLE regress_streaming_owner, regress_streaming_other;
