-- streaming.retention of streams: who may say so, of what, and where it is kept
\set SHOW_CONTEXT never
CREATE SCHEMA ret;
SET search_path = ret, public;
SET client_min_messages = warning;
SET timezone = UTC;
CREATE FUNCTION options(s regclass) RETURNS text LANGUAGE sql AS
	'SELECT options::text FROM streaming.streams WHERE stream = s';

-- of a stream without partitions: what all views have read goes
CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.retention = consumed);
SELECT options('s');
ALTER TABLE s RESET (streaming.retention);
SELECT options('s');
ALTER TABLE s SET (streaming.retention = 'CONSUMED', streaming.event_time = 'ts');
SELECT options('s');
ALTER TABLE s RESET (streaming.event_time);
SELECT options('s');
ALTER TABLE s SET (streaming.retention = '30 days');
ALTER TABLE s SET (streaming.retention = 'soon');
ALTER TABLE s SET (streaming.retention = '0');
ALTER TABLE s SET (streaming.retention);
CREATE TABLE bad (k int) USING stream WITH (streaming.retention = '1 day');
SELECT to_regclass('bad');

-- of a partitioned one: partitions that are older
CREATE TABLE by_time (ts timestamptz, k int) PARTITION BY RANGE (ts);
CREATE TABLE by_time_1 PARTITION OF by_time FOR VALUES FROM ('2020-01-01') TO ('2020-02-01') USING stream;
ALTER TABLE by_time SET (streaming.retention = consumed);
ALTER TABLE by_time SET (streaming.retention = '1 month');
SELECT options('by_time');
ALTER TABLE by_time_1 SET (streaming.retention = '1 month');
-- the event time is another column: then that counts
ALTER TABLE by_time ADD COLUMN at timestamp;
ALTER TABLE by_time SET (streaming.event_time = 'at');
SELECT options('by_time');
CREATE TABLE by_date (d date, k int) PARTITION BY RANGE (d, k);
CREATE TABLE by_date_1 PARTITION OF by_date FOR VALUES FROM ('2020-01-01', 0) TO ('2020-02-01', 0) USING stream;
ALTER TABLE by_date SET (streaming.retention = '1 month');
CREATE FUNCTION later_first(timestamptz, timestamptz) RETURNS int IMMUTABLE STRICT LANGUAGE sql AS 'SELECT pg_catalog.timestamptz_cmp($2, $1)';
-- by something else: an event time is needed
CREATE TABLE by_id (id int, ts timestamptz) PARTITION BY RANGE (id);
CREATE TABLE by_id_1 PARTITION OF by_id FOR VALUES FROM (0) TO (100) USING stream;
ALTER TABLE by_id SET (streaming.retention = '1 month');
ALTER TABLE by_id SET (streaming.retention = '1 month', streaming.event_time = 'ts');
ALTER TABLE by_id RESET (streaming.event_time);
SELECT options('by_id');
-- in an order of its own, an upper bound is none
CREATE OPERATOR CLASS descending FOR TYPE timestamptz USING btree AS
	OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 later_first(timestamptz, timestamptz);
CREATE TABLE descending (ts timestamptz, k int) PARTITION BY RANGE (ts descending);
ALTER TABLE descending SET (streaming.retention = '1 month');
DROP TABLE descending;
CREATE TABLE by_list (id int, ts timestamptz) PARTITION BY LIST (id);
CREATE TABLE by_list_1 PARTITION OF by_list FOR VALUES IN (1) USING stream;
ALTER TABLE by_list SET (streaming.retention = '1 month', streaming.event_time = 'ts');

-- of nothing else
CREATE TABLE heap (k int) USING heap;
ALTER TABLE heap SET (streaming.retention = consumed);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.retention = consumed) AS SELECT k FROM s;
ALTER MATERIALIZED VIEW v SET (streaming.retention = consumed);
ALTER TABLE v_changes SET (streaming.retention = consumed);

-- by nobody else
CREATE ROLE regress_ret;
GRANT USAGE ON SCHEMA ret TO regress_ret;
GRANT ALL ON s, by_id TO regress_ret;
SET ROLE regress_ret;
ALTER TABLE s SET (streaming.retention = consumed);
ALTER TABLE by_id RESET (streaming.retention);
RESET ROLE;

-- while a view reads it, too
ALTER TABLE s RESET (streaming.retention);
ALTER TABLE s SET (streaming.retention = consumed);
INSERT INTO s SELECT i % 3, '2020-01-01' FROM generate_series(1, 100) i;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
-- it goes with the stream
SELECT count(*) FROM streaming._stream WHERE relid = 'by_date'::regclass;
SELECT 'by_date'::regclass::oid AS relid \gset
DROP TABLE by_date;
SELECT count(*) FROM streaming._stream WHERE relid = :relid;

-- A partition whose time is over is dropped by the worker, when the view has read it.
CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS SELECT count(*) AS n, sum(k) AS k FROM by_time;
ALTER TABLE by_time RESET (streaming.event_time);
DROP MATERIALIZED VIEW m;
ALTER TABLE by_time RESET (streaming.event_time);
INSERT INTO by_time SELECT '2020-01-02', i FROM generate_series(1, 1000) i;
CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS SELECT count(*) AS n, sum(k) AS k FROM by_time;
DO $$
BEGIN
	FOR i IN 1..1800 LOOP
		PERFORM streaming.wait('ret.m');
		EXIT WHEN to_regclass('ret.by_time_1') IS NULL;
		PERFORM pg_sleep(0.1);
		COMMIT;
	END LOOP;
END $$;
SELECT to_regclass('by_time_1') IS NULL AS dropped;
REFRESH MATERIALIZED VIEW m;
SELECT * FROM m;
DROP SCHEMA ret CASCADE;
DROP ROLE regress_ret;
