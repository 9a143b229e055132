-- Event time: what a stream declares, and what may become of it
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE VIEW declared AS
	SELECT stream, event_time, options FROM streaming.streams ORDER BY stream::text;
-- The watermark of a view, after all that is committed has been read.
CREATE FUNCTION watermark(v regclass) RETURNS timestamptz LANGUAGE sql AS
	'SELECT watermark FROM streaming.views WHERE view = v';

---- wrong options (B8: the delay is zero or more)

CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'nothing');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ctid');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = '');
\echo :LAST_ERROR_SQLSTATE
-- a name is a name, not an identifier to be folded
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'TS');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (d date) USING stream WITH (streaming.event_time = 'd');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (t time) USING stream WITH (streaming.event_time = 't');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (n int8) USING stream WITH (streaming.event_time = 'n');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (a timestamptz[]) USING stream WITH (streaming.event_time = 'a');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (r tstzrange) USING stream WITH (streaming.event_time = 'r');
\echo :LAST_ERROR_SQLSTATE

CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '-1 second');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = 'soon');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 month -32 days');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1000 years');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.idle_timeout = '0');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.idle_timeout = '-5 min');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.max_future = '-1 hour');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.max_future = 'infinity');
\echo :LAST_ERROR_SQLSTATE

-- each time needs the event time
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.watermark = '1 second');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.idle_timeout = '1 second');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.max_future = '1 second');
\echo :LAST_ERROR_SQLSTATE

-- options that are not, and those of views
CREATE TABLE bad (ts timestamptz) USING stream WITH (fillfactor = 50, streaming.lateness = '1 s');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.output_mode = 'append');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE bad (ts timestamptz) USING stream WITH (streaming.continuous, streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE

-- what is no stream has none
CREATE TABLE bad (ts timestamptz) WITH (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE heap_table (ts timestamptz);
ALTER TABLE heap_table SET (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
CREATE VIEW a_view AS SELECT * FROM heap_table;
ALTER TABLE a_view SET (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE heap_table CASCADE;

-- none of these has left anything
SELECT to_regclass('bad'), count(*) FROM streaming._stream;

---- SET and RESET

CREATE TABLE s (k int, "Event Time" timestamptz, ts timestamp) USING stream
	WITH (streaming.event_time = 'Event Time', streaming.watermark = '10 seconds', fillfactor = 80);
SELECT * FROM declared;
SELECT reloptions FROM pg_class WHERE oid = 's'::regclass;
ALTER TABLE s SET (streaming.watermark = '1 month', fillfactor = 70);
SELECT * FROM declared;
SELECT reloptions FROM pg_class WHERE oid = 's'::regclass;
ALTER TABLE s SET (streaming.idle_timeout = '1 minute', streaming.max_future = '0');
SELECT * FROM declared;
-- the event time can't go alone, and nothing of a failed command remains
ALTER TABLE s RESET (streaming.event_time);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s RESET (streaming.event_time, streaming.watermark, streaming.idle_timeout);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET (streaming.watermark = '2 s', streaming.event_time = 'k');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s RESET (streaming.nothing);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM declared;
-- the other kind of timestamp
ALTER TABLE s SET (streaming.event_time = 'ts');
SELECT * FROM declared;
BEGIN;
ALTER TABLE s RESET (streaming.event_time, streaming.watermark, streaming.idle_timeout, streaming.max_future);
SELECT * FROM declared;
ROLLBACK;
SELECT * FROM declared;
-- what is not set can be reset
ALTER TABLE s RESET (streaming.max_future);
ALTER TABLE s RESET (streaming.max_future);
SELECT * FROM declared;
-- together with something else
ALTER TABLE s ADD COLUMN n int, SET (streaming.watermark = '3 s'), ALTER n SET DEFAULT 5;
SELECT * FROM declared;
INSERT INTO s (k) VALUES (1) RETURNING n;

---- the column: renamed, retyped, dropped

ALTER TABLE s RENAME ts TO happened;
SELECT * FROM declared;
ALTER TABLE s ALTER happened TYPE date;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s ALTER happened TYPE text;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s DROP happened;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s DROP happened CASCADE;
\echo :LAST_ERROR_SQLSTATE
-- from one kind of timestamp to the other is no trouble
ALTER TABLE s ALTER happened TYPE timestamptz;
SELECT * FROM declared;
-- other columns are free
ALTER TABLE s DROP "Event Time";
ALTER TABLE s RENAME TO t;
SELECT * FROM declared;
ALTER TABLE t RESET (streaming.event_time, streaming.watermark, streaming.idle_timeout);
SELECT * FROM declared;
ALTER TABLE t DROP happened;
SELECT count(*) FROM streaming._stream;
DROP TABLE t;

-- with the table goes its row, and a new one of the name has none
CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
DROP TABLE s;
SELECT count(*) FROM streaming._stream;
CREATE SCHEMA sc;
CREATE TABLE sc.s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
DROP SCHEMA sc CASCADE;
SELECT count(*) FROM streaming._stream;

-- a table that ceases to be a stream
CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
ALTER TABLE s SET ACCESS METHOD heap;
SELECT * FROM declared;
ALTER TABLE s SET (streaming.watermark = '1 s');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET ACCESS METHOD stream;
SELECT * FROM declared;
ALTER TABLE s SET ACCESS METHOD heap;
ALTER TABLE s DROP ts;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s RESET (streaming.event_time);
ALTER TABLE s DROP ts;
DROP TABLE s;
SELECT count(*) FROM streaming._stream;

---- CREATE TABLE in other forms

CREATE TABLE s (k, ts) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0') AS
	SELECT i, '2024-01-01'::timestamptz + i * interval '1 min' FROM generate_series(1, 3) i;
SELECT * FROM declared;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
REFRESH MATERIALIZED VIEW v;
-- B1: the largest time, 00:03, less nothing
SELECT watermark('v');
DROP TABLE s CASCADE;
CREATE TABLE bad USING stream WITH (streaming.event_time = 'no') AS SELECT now() AS ts;
\echo :LAST_ERROR_SQLSTATE
SELECT to_regclass('bad');
CREATE TABLE s USING stream WITH (streaming.event_time = 'ts') AS SELECT now() AS ts WITH NO DATA;
-- IF NOT EXISTS leaves what exists as it is
CREATE TABLE IF NOT EXISTS s (other timestamptz) USING stream WITH (streaming.event_time = 'other');
CREATE TABLE IF NOT EXISTS s USING stream WITH (streaming.event_time = 'other') AS SELECT now() AS other;
SELECT * FROM declared;
-- LIKE takes columns, not what they are about
CREATE TABLE l (LIKE s INCLUDING ALL) USING stream;
SELECT * FROM declared;
DROP TABLE s, l;
SET default_table_access_method = stream;
CREATE TABLE s (ts timestamptz) WITH (streaming.event_time = 'ts');
RESET default_table_access_method;
SELECT * FROM declared;
DROP TABLE s;
CREATE UNLOGGED TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
SELECT * FROM declared;
DROP TABLE s;

---- partitioned streams: the root says it, whatever the order of columns

SET default_table_access_method = stream;
CREATE TABLE p (k int, ts timestamptz) PARTITION BY LIST (k)
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
RESET default_table_access_method;
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
-- ts is at another place, after a column that is gone
CREATE TABLE p2 (gone int, ts timestamptz, k int) USING stream;
ALTER TABLE p2 DROP gone;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
CREATE TABLE p3 (other timestamptz, k int, ts timestamptz) PARTITION BY LIST (k);
CREATE TABLE p31 (k int, ts timestamptz, other timestamptz) USING stream;
ALTER TABLE p3 ATTACH PARTITION p31 FOR VALUES IN (3);
ALTER TABLE p3 DROP other;
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES IN (3);
SELECT * FROM declared;
ALTER TABLE p1 SET (streaming.watermark = '1 s');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p31 SET (streaming.watermark = '1 s');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE p4 PARTITION OF p FOR VALUES IN (4) USING stream WITH (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM p GROUP BY w;
-- a partition read by itself has the event time of its root, too
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM p2 GROUP BY w;
CREATE MATERIALIZED VIEW v31 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM p31 GROUP BY w;
INSERT INTO p VALUES (1, '2024-01-01 00:10');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
INSERT INTO p VALUES (2, '2024-01-01 00:30'), (1, '2024-01-01 00:20');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
INSERT INTO p VALUES (3, '2024-01-01 00:40');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v2;
REFRESH MATERIALIZED VIEW v31;
SELECT watermark('v'), watermark('v2'), watermark('v31');
-- B6, D1: one watermark for all of them, 00:39; windows that end by then are closed
INSERT INTO p VALUES (1, '2024-01-01 00:38:59'), (1, '2024-01-01 00:39:01'), (2, '2024-01-01 00:38:59'), (3, '2024-01-01 00:38:59');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v2;
REFRESH MATERIALIZED VIEW v31;
SELECT lower(w), count FROM v ORDER BY w;
SELECT view, late_rows FROM streaming.views ORDER BY view::text;
SELECT lower(w), count FROM v2 ORDER BY w;
SELECT lower(w), count FROM v31 ORDER BY w;
-- a name of its own in each
ALTER TABLE p RENAME ts TO at;
INSERT INTO p VALUES (2, '2024-01-01 01:00');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
-- a partition that is read by its own name keeps its event time
ALTER TABLE p DETACH PARTITION p2;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p DETACH PARTITION p3;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p DETACH PARTITION p1;
INSERT INTO p1 VALUES (1, '2024-01-01 02:00');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1);
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
CREATE TABLE p5 (k int, at timestamptz) USING stream;
CREATE MATERIALIZED VIEW v5 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(at, '1 min') w, count(*) FROM p5 GROUP BY w;
ALTER TABLE p ATTACH PARTITION p5 FOR VALUES IN (5);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p5 SET (streaming.event_time = 'at');
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v5;
ALTER TABLE p5 SET (streaming.event_time = 'at', streaming.watermark = '1 s');
CREATE MATERIALIZED VIEW v5 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(at, '1 min') w, count(*) FROM p5 GROUP BY w;
ALTER TABLE p ATTACH PARTITION p5 FOR VALUES IN (5);
INSERT INTO p VALUES (5, '2024-01-01 03:00');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
-- the root's declaration cannot be undone by way of a partition
ALTER TABLE p2 DROP at;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p DROP at CASCADE;
\echo :LAST_ERROR_SQLSTATE
-- but what a partition has brought with it can be taken from it
DROP MATERIALIZED VIEW v, v2, v31, v5;
ALTER TABLE p RESET (streaming.event_time, streaming.watermark);
ALTER TABLE p DROP at;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p5 SET (streaming.watermark = '2 s');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p5 RESET (streaming.event_time, streaming.watermark);
ALTER TABLE p DROP at;
DROP TABLE p CASCADE;
-- a mixed table does not qualify
CREATE TABLE p (ts timestamptz) PARTITION BY RANGE (ts);
CREATE TABLE p_heap PARTITION OF p DEFAULT;
ALTER TABLE p SET (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE p;
-- a stream with options that becomes a partition: the root counts
CREATE TABLE p (ts timestamptz, ts2 timestamptz) PARTITION BY RANGE (ts) WITH (streaming.event_time = 'ts2', streaming.watermark = '0');
CREATE TABLE p1 (ts timestamptz, ts2 timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 s');
ALTER TABLE p ATTACH PARTITION p1 DEFAULT;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(ts2, '1 min') w, count(*) FROM p GROUP BY w;
INSERT INTO p VALUES ('2024-01-01 00:00', '2024-01-01 12:00');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
DROP TABLE p CASCADE;

---- while views read it

CREATE TABLE s (k int, ts timestamptz, ts2 timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW own WITH (streaming.continuous, streaming.trigger = 'manual', streaming.watermark = '1 hour') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
ALTER TABLE s SET (streaming.event_time = 'ts2');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s RESET (streaming.event_time, streaming.watermark);
\echo :LAST_ERROR_SQLSTATE
-- windows that have closed stay closed
ALTER TABLE s RESET (streaming.watermark);
\echo :LAST_ERROR_SQLSTATE
-- saying it again is no change
ALTER TABLE s SET (streaming.event_time = 'ts');
INSERT INTO s VALUES (1, '2024-01-01 02:00');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW own;
SELECT watermark('v'), watermark('own');
-- the next batch goes by the new delay; B4: never back
ALTER TABLE s SET (streaming.watermark = '30 min');
INSERT INTO s VALUES (2, '2024-01-01 02:15');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW own;
SELECT watermark('v'), watermark('own');
INSERT INTO s VALUES (2, '2024-01-01 02:30');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW own;
SELECT watermark('v'), watermark('own');
-- a view's own delay, and back to that of the stream
ALTER MATERIALIZED VIEW v SET (streaming.watermark = '5 min');
INSERT INTO s VALUES (2, '2024-01-01 02:31');
REFRESH MATERIALIZED VIEW v;
SELECT watermark('v');
ALTER MATERIALIZED VIEW own RESET (streaming.watermark);
INSERT INTO s VALUES (2, '2024-01-01 02:40');
REFRESH MATERIALIZED VIEW own;
SELECT watermark('own');
ALTER TABLE s RENAME ts TO at;
INSERT INTO s VALUES (2, '2024-01-01 03:00');
REFRESH MATERIALIZED VIEW own;
SELECT watermark('own');
DROP TABLE s CASCADE;

-- a stream that no view knew as one with event time can get it, not lose it
CREATE TABLE s (ts timestamptz) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
ALTER TABLE s SET (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;

---- options of views

CREATE TABLE s (k int, ts timestamptz) USING stream;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.watermark = '1 s') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.watermark = '-1 s') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.watermark_policy = 'avg') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.late_rows = 'ignore') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'upsert') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.distinct_within_watermark = 'maybe') AS SELECT DISTINCT k FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.event_time = 'ts') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.idle_timeout = '1 s') AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
-- nor later
CREATE TABLE none (k int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT k, count(*) FROM none GROUP BY k;
ALTER MATERIALIZED VIEW v SET (streaming.watermark = '1 s');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE none CASCADE;
-- it is enough that the view says how late rows may be
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.watermark = '2 months', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 day') w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES (1, '2024-05-03 00:00');
REFRESH MATERIALIZED VIEW v;
-- B8: a month is 31 days: 62 days before May 3 is March 2
SELECT watermark('v');
ALTER MATERIALIZED VIEW v SET (streaming.output_mode = 'complete');
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RESET (streaming.watermark);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.distinct_within_watermark);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;

---- permissions

CREATE ROLE et_owner;
CREATE ROLE et_other;
CREATE SCHEMA et_schema AUTHORIZATION et_owner;
GRANT USAGE ON SCHEMA et_schema TO et_other;
SET ROLE et_owner;
CREATE TABLE et_schema.s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
ALTER TABLE et_schema.s SET (streaming.watermark = '1 s');
GRANT ALL ON et_schema.s TO et_other;
SET ROLE et_other;
ALTER TABLE et_schema.s SET (streaming.watermark = '2 s');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE et_schema.s RESET (streaming.event_time);
\echo :LAST_ERROR_SQLSTATE
-- nor by hand
UPDATE streaming._stream SET option_values = '{x}';
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM declared;
RESET ROLE;
GRANT SELECT ON declared TO et_other;
SET ROLE et_other;
SELECT * FROM declared;
RESET ROLE;
SELECT * FROM declared;
DROP OWNED BY et_owner;
SELECT count(*) FROM streaming._stream;
DROP OWNED BY et_other;
DROP ROLE et_owner, et_other;

DROP VIEW declared;
DROP FUNCTION watermark;
-- with a column of the same statement
CREATE TABLE s (id int, old timestamptz) USING stream WITH (streaming.event_time = 'old');
ALTER TABLE s ADD COLUMN ts timestamptz, RESET (streaming.event_time), DROP COLUMN old,
	SET (streaming.event_time = 'ts', streaming.watermark = '1 s');
SELECT event_time, options FROM streaming.streams WHERE stream = 's'::regclass;
DROP TABLE s;
SELECT * FROM leftovers();

-- whatever else has the name in the search path
CREATE TABLE twice (x int);
CREATE SCHEMA other;
SET search_path = other, public;
CREATE TABLE twice (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE TEMPORARY TABLE thrice (x int);
CREATE TABLE thrice (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
CREATE TABLE IF NOT EXISTS other.thrice (ts timestamptz, more int) USING stream WITH (streaming.event_time = 'more');
RESET search_path;
SELECT stream, event_time FROM streaming.streams WHERE stream::text ~ '(twice|thrice)$' ORDER BY stream::text;
DROP TABLE thrice;
SET client_min_messages = warning;
DROP SCHEMA other CASCADE;
DROP TABLE twice;
