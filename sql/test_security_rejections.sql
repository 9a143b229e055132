-- DELETE FROM streaming.errors: the view's owner gets rid of rows put aside
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = UTC;

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_member IN ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b;
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE TABLE p (ts timestamptz, k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
ALTER TABLE p SET (streaming.event_time = 'ts', streaming.watermark = '1 minute');
GRANT SELECT ON s, p TO regress_streaming_a, regress_streaming_b;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW va WITH (streaming.continuous, streaming.late_rows = keep) AS SELECT date_trunc('hour', ts) AS h, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW vp WITH (streaming.continuous, streaming.late_rows = keep) AS SELECT date_trunc('hour', ts) AS h, count(*) FROM p GROUP BY 1;
CREATE MATERIALIZED VIEW twice WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT date_trunc('hour', ts) AS h, count(*) FROM (SELECT ts FROM s UNION ALL SELECT ts FROM s) x GROUP BY 1;
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW vb WITH (streaming.continuous, streaming.late_rows = keep) AS SELECT date_trunc('hour', ts) AS h, count(*) FROM s GROUP BY 1;
RESET ROLE;
GRANT ALL ON va, vp, twice TO regress_streaming_b;
INSERT INTO s VALUES ('2026-01-02 00:00+00', 0);
INSERT INTO p VALUES ('2026-01-02 00:00+00', 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 minute', i FROM generate_series(1, 5) i;
INSERT INTO p SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 minute', 1 + i % 2 FROM generate_series(1, 4) i;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
CREATE VIEW counts AS SELECT viewid::regclass::text COLLATE "C" AS view, count(*) FROM streaming._rejection GROUP BY 1 ORDER BY 1;
SELECT * FROM counts;

-- others see none, and delete none
SET ROLE regress_streaming_b;
DELETE FROM streaming.errors WHERE view <> 'vb'::regclass;
DELETE FROM streaming.errors WHERE view = 'va'::regclass RETURNING *;
RESET ROLE;
SELECT * FROM counts;
-- the owner, some of them
SET ROLE regress_streaming_a;
DELETE FROM streaming.errors WHERE view = 'va'::regclass AND stream_row LIKE '%,2)' RETURNING view, stream, reason, event_time, stream_row, partition, tid;
DELETE FROM streaming.errors WHERE view = 'va'::regclass AND stream_row LIKE '%,2)';
WITH gone AS (DELETE FROM streaming.errors e USING pg_class c WHERE c.oid = e.partition AND c.relname = 'p1' RETURNING e.*)
SELECT view, count(*) FROM gone GROUP BY view;
SELECT view, event_time, stream_row, partition FROM streaming.errors WHERE view = 'vp'::regclass ORDER BY tid;
-- rows that are alike are deleted one for one
DELETE FROM streaming.errors WHERE view = 'twice'::regclass AND event_time = '2026-01-01 00:03+00' RETURNING event_time, reason;
SELECT event_time, count(*) FROM streaming.errors WHERE view = 'twice'::regclass GROUP BY event_time ORDER BY event_time;
-- members of the owner's role, in any kind of transaction
SET ROLE regress_streaming_member;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SAVEPOINT a;
DELETE FROM streaming.errors WHERE view = 'va'::regclass;
ROLLBACK TO a;
DELETE FROM streaming.errors WHERE view = 'va'::regclass AND event_time < '2026-01-01 00:04+00';
COMMIT;
BEGIN READ ONLY;
DELETE FROM streaming.errors;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
RESET ROLE;
SELECT * FROM counts;
-- nothing but DELETE, and not from the table
SET ROLE regress_streaming_a;
INSERT INTO streaming.errors (reason) VALUES ('x');
\echo :LAST_ERROR_SQLSTATE
UPDATE streaming.errors SET reason = 'x';
\echo :LAST_ERROR_SQLSTATE
TRUNCATE streaming.errors;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM streaming._rejection;
\echo :LAST_ERROR_SQLSTATE
-- the function is for that trigger
SELECT streaming._delete_error();
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE mine (view regclass, stream regclass, at timestamptz, reason text, partition regclass, tid tid);
CREATE TRIGGER t BEFORE DELETE ON mine FOR EACH ROW EXECUTE FUNCTION streaming._delete_error();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
INSERT INTO streaming.errors (reason) VALUES ('x');
\echo :LAST_ERROR_SQLSTATE
UPDATE streaming.errors SET reason = 'x';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM streaming._rejection;
\echo :LAST_ERROR_SQLSTATE
SELECT streaming._delete_error();
\echo :LAST_ERROR_SQLSTATE
CREATE TRIGGER t BEFORE DELETE ON mine FOR EACH ROW EXECUTE FUNCTION streaming._delete_error();
INSERT INTO mine VALUES ('vb', 's', now(), 'late', 's', '(0,1)');
DELETE FROM mine;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE mine;
CREATE VIEW mine AS TABLE streaming.errors;
CREATE TRIGGER t INSTEAD OF DELETE ON mine FOR EACH ROW EXECUTE FUNCTION streaming._delete_error();
DELETE FROM mine;
\echo :LAST_ERROR_SQLSTATE
DROP VIEW mine;
DELETE FROM streaming.views;
\echo :LAST_ERROR_SQLSTATE
-- a superuser may delete all; batches go on
DELETE FROM streaming.errors WHERE view IN ('vb'::regclass, 'vp'::regclass);
SELECT * FROM counts;
INSERT INTO s VALUES ('2026-01-01 00:10+00', 10);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM counts;
SELECT view, late_rows FROM streaming.views ORDER BY view::text COLLATE "C";

DROP VIEW counts;
DROP TABLE s, p CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_b;
DROP ROLE regress_streaming_member, regress_streaming_a, regress_streaming_b;
SELECT * FROM leftovers();
