-- Views and transactions
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int) USING stream;
INSERT INTO s VALUES (1, 10), (2, 20);

-- a rolled back CREATE leaves nothing
BEGIN;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
SELECT * FROM v;
SELECT view, state, batches FROM streaming.views;
ROLLBACK;
SELECT * FROM leftovers();
SELECT view FROM streaming.views;
-- it starts at the commit; what its own transaction inserts is in it once
BEGIN;
INSERT INTO s VALUES (1, 11);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*), sum(v) FROM s GROUP BY k;
INSERT INTO s VALUES (3, 30);
SELECT * FROM v;
COMMIT;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v');
-- WITH NO DATA: its own transaction's rows from before are not in it, later ones are
BEGIN;
INSERT INTO s VALUES (4, 40);
CREATE MATERIALIZED VIEW v_later WITH (streaming.continuous) AS SELECT k, count(*), sum(v) FROM s GROUP BY k WITH NO DATA;
INSERT INTO s VALUES (4, 41);
COMMIT;
REFRESH MATERIALIZED VIEW v_later;
SELECT * FROM v_later ORDER BY k;
-- nobody can wait for it in that transaction
BEGIN;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v2;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- savepoints
BEGIN;
SAVEPOINT a;
CREATE MATERIALIZED VIEW v_no WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
INSERT INTO s VALUES (5, 50);
ROLLBACK TO a;
CREATE MATERIALIZED VIEW v_no WITH (streaming.continuous) AS SELECT k, max(v) FROM s GROUP BY k;
ROLLBACK TO a;
SAVEPOINT b;
CREATE MATERIALIZED VIEW v_yes WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
INSERT INTO s VALUES (6, 60);
RELEASE b;
COMMIT;
REFRESH MATERIALIZED VIEW v_yes;
SELECT * FROM v_yes ORDER BY k;
SELECT check_view('v_yes');
SELECT view FROM streaming.views ORDER BY view::text COLLATE "C";
BEGIN;
SAVEPOINT a;
DROP MATERIALIZED VIEW v_yes;
ROLLBACK TO a;
INSERT INTO s VALUES (7, 70);
SAVEPOINT b;
ALTER MATERIALIZED VIEW v_yes SET (streaming.enabled = off);
ROLLBACK TO b;
COMMIT;
REFRESH MATERIALIZED VIEW v_yes;
SELECT * FROM v_yes WHERE k = 7;
-- drop and create anew, in one
BEGIN;
DROP MATERIALIZED VIEW v_yes;
CREATE MATERIALIZED VIEW v_yes WITH (streaming.continuous) AS SELECT k, -count(*) AS n FROM s GROUP BY k;
COMMIT;
REFRESH MATERIALIZED VIEW v_yes;
SELECT * FROM v_yes WHERE k = 7;
SELECT check_view('v_yes');
-- stream and view in one transaction, with rows
BEGIN;
CREATE TABLE s2 (k int) USING stream;
INSERT INTO s2 VALUES (1), (1);
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, count(*) FROM s2 GROUP BY k;
INSERT INTO s2 VALUES (2);
COMMIT;
REFRESH MATERIALIZED VIEW v2;
SELECT * FROM v2 ORDER BY k;
BEGIN;
CREATE TABLE s3 (k int) USING stream;
CREATE MATERIALIZED VIEW v3 WITH (streaming.continuous) AS SELECT k, count(*) FROM s3 GROUP BY k;
INSERT INTO s3 VALUES (2);
DROP TABLE s3 CASCADE;
COMMIT;
BEGIN;
CREATE TABLE s3 (k int) USING stream;
CREATE MATERIALIZED VIEW v3 WITH (streaming.continuous) AS SELECT k, count(*) FROM s3 GROUP BY k;
INSERT INTO s3 VALUES (2);
ROLLBACK;

-- rows that were rolled back never show up
BEGIN;
INSERT INTO s VALUES (100, 1);
SAVEPOINT a;
INSERT INTO s VALUES (101, 1);
ROLLBACK TO a;
INSERT INTO s VALUES (102, 1);
COMMIT;
BEGIN;
INSERT INTO s VALUES (103, 1);
ROLLBACK;
REFRESH MATERIALIZED VIEW v;
SELECT k FROM v WHERE k >= 100 ORDER BY k;
SELECT check_view('v');
-- a snapshot keeps what it has seen
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*), sum(count) FROM v;
INSERT INTO s VALUES (105, 1);
SELECT count(*), sum(count) FROM v;
COMMIT;
-- REFRESH sees what was committed, not what its own transaction has done
BEGIN;
INSERT INTO s VALUES (104, 1);
REFRESH MATERIALIZED VIEW v;
SELECT k FROM v WHERE k = 104;
COMMIT;
REFRESH MATERIALIZED VIEW v;
SELECT k FROM v WHERE k = 104;
-- REFRESH at other isolation levels, and in functions
BEGIN ISOLATION LEVEL SERIALIZABLE;
REFRESH MATERIALIZED VIEW v;
COMMIT;
DO $$ BEGIN REFRESH MATERIALIZED VIEW v; END $$;
BEGIN READ ONLY;
REFRESH MATERIALIZED VIEW v;
COMMIT;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
SET default_transaction_read_only = on;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v, m;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RENAME TO w;
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX ON v (k);
\echo :LAST_ERROR_SQLSTATE
RESET default_transaction_read_only;
DROP MATERIALIZED VIEW m;

SELECT view, check_view(view) FROM streaming.views
WHERE view <> 'v_later'::regclass AND streaming.wait(view) ORDER BY view::text COLLATE "C";
DROP TABLE s, s2 CASCADE;
SELECT * FROM leftovers();
