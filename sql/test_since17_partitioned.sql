-- A partitioned table that says what its partitions are: from 17 on
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (part int, k int) PARTITION BY LIST (part) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
SELECT stream, partitioned, partitions, views FROM streaming.streams;
CREATE TABLE s1 PARTITION OF s FOR VALUES IN (1);
CREATE TABLE s2 PARTITION OF s FOR VALUES IN (2, 3) PARTITION BY LIST (part);
CREATE TABLE s2a PARTITION OF s2 FOR VALUES IN (2);
CREATE TABLE s2b PARTITION OF s2 FOR VALUES IN (3) USING heap;
\echo :LAST_ERROR_SQLSTATE
SELECT relname, amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname ~ '^s[0-9]*[ab]?$' ORDER BY 1;
INSERT INTO s VALUES (1, 1), (1, 2), (2, 1);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v');
UPDATE s SET k = 0;
DELETE FROM s;
MERGE INTO s USING (SELECT 1) AS x (a) ON a = k WHEN MATCHED THEN DELETE;
ALTER TABLE s1 SET ACCESS METHOD heap;
\echo :LAST_ERROR_SQLSTATE
-- what partitions to come will be, may change
ALTER TABLE s SET ACCESS METHOD heap;
CREATE TABLE s4 PARTITION OF s FOR VALUES IN (4);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET ACCESS METHOD DEFAULT;
SET default_table_access_method = stream;
CREATE TABLE s4 PARTITION OF s FOR VALUES IN (4);
RESET default_table_access_method;
INSERT INTO s VALUES (4, 4);
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
DROP TABLE s CASCADE;

-- declared
CREATE TABLE s (ts timestamptz, k int) PARTITION BY LIST (k) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 seconds');
SELECT stream, event_time, options FROM streaming.streams;
DROP TABLE s;

-- of another kind
CREATE TABLE h (k int, ts timestamptz) PARTITION BY LIST (k) USING heap;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM h GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE h SET (streaming.event_time = 'ts');
\echo :LAST_ERROR_SQLSTATE
SELECT stream FROM streaming.streams;
DROP TABLE h;

-- a rewrite by another expression
CREATE TABLE s (k int, g int GENERATED ALWAYS AS (k + 1) STORED) USING stream;
INSERT INTO s VALUES (1);
ALTER TABLE s ALTER COLUMN g SET EXPRESSION AS (k + 2);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT g, count(*) FROM s GROUP BY g;
ALTER TABLE s ALTER COLUMN g SET EXPRESSION AS (k + 3);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES (1);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v;

-- MAINTAIN is enough for REFRESH
CREATE ROLE regress_streaming_maintainer;
GRANT MAINTAIN ON v TO regress_streaming_maintainer;
INSERT INTO s VALUES (2);
SET ROLE regress_streaming_maintainer;
REFRESH MATERIALIZED VIEW v;
RESET ROLE;
SELECT * FROM v ORDER BY g;
REVOKE MAINTAIN ON v FROM regress_streaming_maintainer;
SET ROLE regress_streaming_maintainer;
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP ROLE regress_streaming_maintainer;

-- what the processes wait for
DO $$
BEGIN
	LOOP
		EXIT WHEN 3 = (SELECT count(DISTINCT wait_event) FROM pg_stat_activity WHERE wait_event_type = 'Extension'
			AND wait_event IN ('StreamingLauncherMain', 'StreamingSchedulerMain', 'StreamingWorkerMain'));
		PERFORM pg_stat_clear_snapshot();
	END LOOP;
END $$;
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
