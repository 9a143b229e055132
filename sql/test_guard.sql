-- What happens to a stream while views read it
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int, t text) USING stream;
CREATE INDEX s_k ON s (k);
INSERT INTO s VALUES (1, 10, 'a'), (2, 20, 'b');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v_manual WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT count(*) FROM s;
REFRESH MATERIALIZED VIEW v;

-- a new storage: what is in it has been read (test_rewrite.sql); but for some
VACUUM FULL s;
\echo :LAST_ERROR_SQLSTATE
CLUSTER s USING s_k;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s ALTER COLUMN t TYPE int USING length(t);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s ADD COLUMN r float8 DEFAULT random();
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET ACCESS METHOD heap;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET TABLESPACE pg_default;
\echo :LAST_ERROR_SQLSTATE
-- all else works
VACUUM s;
VACUUM (FREEZE, ANALYZE) s;
ANALYZE s;
REINDEX TABLE s;
ALTER TABLE s ADD COLUMN extra int;
ALTER TABLE s ADD COLUMN extra2 text DEFAULT 'constant' NOT NULL;
ALTER TABLE s DROP COLUMN extra;
ALTER TABLE s ALTER COLUMN t TYPE varchar;
ALTER TABLE s ALTER COLUMN t SET STORAGE external;
ALTER TABLE s ALTER COLUMN v SET DEFAULT 5;
ALTER TABLE s ALTER COLUMN v SET STATISTICS 10;
ALTER TABLE s ADD CHECK (k < 1000);
ALTER TABLE s ADD PRIMARY KEY (k, t);
ALTER TABLE s SET (autovacuum_enabled = off);
DROP INDEX s_k;
COMMENT ON TABLE s IS 'read by v';
BEGIN;
LOCK TABLE s;
COMMIT;
INSERT INTO s (k, t) VALUES (1, 'c'), (3, 'd');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v');

-- TRUNCATE: what was there has been counted before it goes
INSERT INTO s (k, t) VALUES (3, 'e');
TRUNCATE s;
SELECT * FROM v ORDER BY k;
SELECT * FROM v_manual;
INSERT INTO s (k, t) VALUES (3, 'f');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v_manual;
SELECT * FROM v ORDER BY k;
SELECT * FROM v_manual;
SELECT view, lag_rows, rows_read FROM streaming.views ORDER BY view::text COLLATE "C";
BEGIN;
INSERT INTO s (k, t) VALUES (4, 'g');
TRUNCATE s;
INSERT INTO s (k, t) VALUES (5, 'h');
TRUNCATE s;
INSERT INTO s (k, t) VALUES (6, 'i');
SELECT * FROM v ORDER BY k;
ROLLBACK;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
BEGIN;
INSERT INTO s (k, t) VALUES (4, 'g');
SAVEPOINT a;
TRUNCATE s;
ROLLBACK TO a;
INSERT INTO s (k, t) VALUES (7, 'j');
COMMIT;
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v_manual;
SELECT * FROM v ORDER BY k;
SELECT * FROM v_manual;
-- several at once, by CASCADE, with others
CREATE TABLE other (id int PRIMARY KEY) ;
TRUNCATE other, s RESTART IDENTITY CASCADE;
INSERT INTO s (k, t) VALUES (8, 'k');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v_manual;
SELECT * FROM v WHERE k = 8;
SELECT * FROM v_manual;
TRUNCATE v;
\echo :LAST_ERROR_SQLSTATE
-- by somebody who may not
CREATE ROLE regress_streaming_a;
SET ROLE regress_streaming_a;
TRUNCATE s;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- by somebody who may, but may not see the views
GRANT TRUNCATE, INSERT ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
INSERT INTO s (k, t) VALUES (9, 'l');
TRUNCATE s;
RESET ROLE;
SELECT * FROM v WHERE k = 9;
-- a view that fails keeps the rows it has not read from going
CREATE MATERIALIZED VIEW v_fails WITH (streaming.continuous) AS SELECT sum(10 / v) FROM s;
INSERT INTO s (k, v, t) VALUES (10, 0, 'm');
TRUNCATE s;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM s;
DROP MATERIALIZED VIEW v_fails;
-- one that is switched off reads them all the same
SELECT * FROM v_manual;
ALTER MATERIALIZED VIEW v_manual SET (streaming.enabled = off);
TRUNCATE s;
SELECT count(*) FROM s;
SELECT * FROM v_manual;
ALTER MATERIALIZED VIEW v_manual SET (streaming.enabled = on);
REVOKE ALL ON s FROM regress_streaming_a;
DROP ROLE regress_streaming_a;

-- dropping
DROP TABLE s;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v, v_manual;
-- with no view, nothing is refused
VACUUM FULL s;
ALTER TABLE s ADD COLUMN r2 float8 DEFAULT random();
ALTER TABLE s SET UNLOGGED;
ALTER TABLE s SET LOGGED;
TRUNCATE s;
INSERT INTO s (k, t) VALUES (1, 'x');
ALTER TABLE s DROP COLUMN v;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*), max(t) FROM s GROUP BY k;
ALTER TABLE s ADD COLUMN v int DEFAULT 3;
INSERT INTO s (k, t) VALUES (1, 'y');
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v2;
SELECT * FROM v2;
SELECT check_view('v2');
ALTER TABLE s SET ACCESS METHOD heap;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v, v2;
ALTER TABLE s SET ACCESS METHOD heap;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET ACCESS METHOD stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
DROP TABLE s, other CASCADE;

-- unlogged streams
CREATE UNLOGGED TABLE u (k int, v int) USING stream;
INSERT INTO u VALUES (1, 1);
CREATE MATERIALIZED VIEW vu WITH (streaming.continuous) AS SELECT k, count(*), avg(v) FROM u GROUP BY k;
INSERT INTO u VALUES (1, 2), (2, 2);
REFRESH MATERIALIZED VIEW vu;
SELECT * FROM vu ORDER BY k;
SELECT check_view('vu');
SELECT c.relpersistence, rows_read, lag_rows FROM streaming.views w JOIN pg_class c ON c.oid = w.state_table;
TRUNCATE u;
INSERT INTO u VALUES (2, 4);
REFRESH MATERIALIZED VIEW vu;
SELECT * FROM vu ORDER BY k;
DROP TABLE u CASCADE;
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE UNLOGGED TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE UNLOGGED TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
CREATE MATERIALIZED VIEW vp WITH (streaming.continuous) AS SELECT k, count(*) FROM p GROUP BY k;
INSERT INTO p VALUES (1), (2), (2);
REFRESH MATERIALIZED VIEW vp;
SELECT check_view('vp');
DROP TABLE p CASCADE;
-- temporary ones
CREATE TEMP TABLE t (k int) USING stream;
CREATE MATERIALIZED VIEW vt WITH (streaming.continuous) AS SELECT k, count(*) FROM t GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE t;
SELECT * FROM leftovers();
