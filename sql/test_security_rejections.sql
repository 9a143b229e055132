-- streaming.delete_errors: the view's owner gets rid of rows put aside
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = UTC;

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_member IN ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b;
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
GRANT SELECT ON s TO regress_streaming_a, regress_streaming_b;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW va WITH (streaming.continuous, streaming.late_rows = keep) AS SELECT date_trunc('hour', ts) AS h, count(*) FROM s GROUP BY 1;
CREATE TABLE plain (k int);
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW vb WITH (streaming.continuous, streaming.late_rows = keep) AS SELECT date_trunc('hour', ts) AS h, count(*) FROM s GROUP BY 1;
RESET ROLE;
GRANT ALL ON va TO regress_streaming_b;
INSERT INTO s VALUES ('2026-01-02 00:00+00', 0);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 minute', i FROM generate_series(1, 5) i;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
CREATE VIEW counts AS SELECT viewid::regclass::text COLLATE "C" AS view, count(*) FROM streaming._rejection GROUP BY 1 ORDER BY 1;
SELECT * FROM counts;

-- others see none, and delete none
SET ROLE regress_streaming_b;
SELECT view, count(*) FROM streaming.errors GROUP BY view;
SELECT streaming.delete_errors('va');
\echo :LAST_ERROR_SQLSTATE
DELETE FROM streaming.errors;
\echo :LAST_ERROR_SQLSTATE
-- nor do they lock what others need
BEGIN;
LOCK TABLE streaming.errors IN ACCESS EXCLUSIVE MODE;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
CREATE VIEW over_errors AS SELECT * FROM streaming.errors;
LOCK TABLE over_errors IN ACCESS EXCLUSIVE MODE;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT relname FROM pg_class c WHERE relnamespace = 'streaming'::regnamespace AND relkind IN ('r', 'v')
	AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AND NOT pg_has_role(c.relowner, 'USAGE');
SELECT streaming.delete_errors('plain');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.delete_errors(0);
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.delete_errors(NULL);
RESET ROLE;
SELECT * FROM counts;
-- the owner; members of the role, in any kind of transaction
SET ROLE regress_streaming_a;
SELECT streaming.delete_errors('va', now() - interval '1 hour');
SET ROLE regress_streaming_member;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SAVEPOINT a;
SELECT streaming.delete_errors('va');
ROLLBACK TO a;
SELECT count(*) FROM streaming.errors;
COMMIT;
BEGIN READ ONLY;
SELECT streaming.delete_errors('va');
\echo :LAST_ERROR_SQLSTATE
COMMIT;
SELECT streaming.delete_errors('va', 'infinity');
SELECT streaming.delete_errors('va');
RESET ROLE;
SELECT * FROM counts;
-- it changes no counters, and a superuser may, too
SELECT view, late_rows FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT streaming.delete_errors('vb');
DELETE FROM streaming._rejection;
\echo :LAST_ERROR_SQLSTATE
-- of a view, only columns that the query uses: a join names all of its members
CREATE TABLE secrets (ts timestamptz, k int, secret text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 second');
CREATE MATERIALIZED VIEW shown WITH (streaming.continuous) AS SELECT ts, k, secret FROM secrets;
CREATE VIEW ordinary AS SELECT ts, k, secret FROM secrets;
CREATE TABLE ks (k int, other int);
INSERT INTO ks VALUES (1, 1);
GRANT SELECT (k, ts) ON shown, ordinary TO regress_streaming_a;
GRANT SELECT ON ks TO regress_streaming_a;
SET ROLE regress_streaming_a;
SET client_min_messages = error;
CREATE MATERIALIZED VIEW p1 WITH (streaming.continuous, streaming.late_rows = keep, streaming.trust_functions) AS
	SELECT tumble(ts, '1 minute') AS w, count(*) FROM shown JOIN ks USING (k) GROUP BY 1;
CREATE MATERIALIZED VIEW p2 WITH (streaming.continuous, streaming.late_rows = keep, streaming.trust_functions) AS
	SELECT tumble(ts, '1 minute') AS w, max(k), count(*) FROM (SELECT * FROM ks) k2 (kk) JOIN ordinary ON kk = k GROUP BY 1;
RESET ROLE;
INSERT INTO secrets VALUES ('2026-01-01 10:00', 1, 'a secret');
SELECT streaming.wait('p1'), streaming.wait('p2');
INSERT INTO secrets VALUES ('2026-01-01 08:00', 1, 'a secret');
SELECT streaming.wait('p1'), streaming.wait('p2');
SET ROLE regress_streaming_a;
SELECT view, stream_row::text FROM streaming.errors WHERE view IN ('p1'::regclass, 'p2'::regclass) ORDER BY view::text;
-- how far the time has come, to those who may read all of a view, or use the time
RESET ROLE;
CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.changes, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 minute') AS w, k, max(secret) AS secret FROM secrets GROUP BY 1, 2;
GRANT SELECT (k) ON closed TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW per_k WITH (streaming.continuous, streaming.trust_functions) AS SELECT k, count(*) FROM closed GROUP BY k;
RESET ROLE;
INSERT INTO secrets VALUES ('2026-01-01 12:00', 1, 'a secret');
SELECT streaming.wait('per_k');
SET ROLE regress_streaming_a;
SELECT watermark, input_times FROM streaming.views WHERE view = 'per_k'::regclass;
RESET ROLE;
RESET client_min_messages;
DROP TABLE secrets CASCADE;
DROP TABLE ks;
DROP VIEW counts;
DROP TABLE s CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_b;
DROP ROLE regress_streaming_a, regress_streaming_b, regress_streaming_member;
SELECT * FROM leftovers();
