-- Views of others are not in the way of commands that do nothing to them
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
CREATE TABLE important (a int);

-- an ordinary view below is replaced, so that another stream is read, too
SET ROLE regress_streaming_a;
CREATE TABLE s (k int) USING stream;
CREATE TABLE s2 (k int) USING stream;
CREATE VIEW ov AS SELECT k FROM s;
CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS SELECT k, count(*) FROM ov GROUP BY k;
SELECT streams FROM streaming.views;
CREATE OR REPLACE VIEW ov AS SELECT k FROM s UNION ALL SELECT k FROM s2;
INSERT INTO s VALUES (1);
INSERT INTO s2 VALUES (1), (2);
REFRESH MATERIALIZED VIEW m;
SELECT * FROM m ORDER BY k;
-- the view has taken note
SELECT streams FROM streaming.views;
RESET ROLE;
TRUNCATE important;
ALTER TABLE important ADD COLUMN b int;
CREATE TABLE passing (a int);
DROP TABLE passing;
SET ROLE regress_streaming_a;
-- so nothing of the other stream is lost, either
INSERT INTO s2 VALUES (2);
ALTER MATERIALIZED VIEW m SET (streaming.enabled = off);
INSERT INTO s2 VALUES (3);
TRUNCATE s2;
SELECT * FROM m ORDER BY k;
VACUUM FULL s2;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s2 ADD COLUMN r float8 DEFAULT random();
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW m SET (streaming.enabled = on);
-- the worker is woken by it
INSERT INTO s2 VALUES (4);
SELECT streaming.wait('m');
SELECT * FROM m WHERE k = 4;
-- (what has been set since stays)
SELECT options FROM streaming.views;
-- a rolled-back batch takes no note
ALTER MATERIALIZED VIEW m SET (streaming.enabled = off);
CREATE TABLE s3 (k int) USING stream;
INSERT INTO s3 VALUES (5);
BEGIN;
CREATE OR REPLACE VIEW ov AS SELECT k FROM s UNION ALL SELECT k FROM s2 UNION ALL SELECT k FROM s3;
TRUNCATE s;
SELECT streams FROM streaming.views;
TRUNCATE s3;
SELECT * FROM m WHERE k = 5;
ROLLBACK;
TRUNCATE s2;
ALTER MATERIALIZED VIEW m SET (streaming.enabled = on);
REFRESH MATERIALIZED VIEW m;
SELECT streams FROM streaming.views;
-- a stream that it leaves: the view fails, and nobody else
CREATE OR REPLACE VIEW ov AS SELECT k FROM s;
REFRESH MATERIALIZED VIEW m;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
TRUNCATE important;
DROP TABLE important;
CREATE TABLE important (a int);
SET ROLE regress_streaming_a;
DROP MATERIALIZED VIEW m;
DROP VIEW ov;
DROP TABLE s, s2, s3;

-- a stream does not become a view
CREATE TABLE s (k int) USING stream;
CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS SELECT count(*) FROM s;
CREATE RULE "_RETURN" AS ON SELECT TO s DO INSTEAD SELECT 1 AS k;
\echo :LAST_ERROR_SQLSTATE
CREATE RULE r AS ON SELECT TO s DO INSTEAD SELECT 1 AS k;
\echo :LAST_ERROR_SQLSTATE
DO $$ BEGIN EXECUTE 'CREATE RULE "_RETs" AS ON SELECT TO s DO INSTEAD SELECT 1 AS k'; END $$;
\echo :LAST_ERROR_SQLSTATE
-- other rules are not ours
CREATE RULE r AS ON INSERT TO s WHERE NEW.k < 0 DO INSTEAD NOTHING;
INSERT INTO s VALUES (-1), (1);
REFRESH MATERIALIZED VIEW m;
SELECT * FROM m;
RESET ROLE;
TRUNCATE important;

-- nor is what is not a stream among what a view reads
CREATE FOREIGN DATA WRAPPER regress_streaming_w;
CREATE SERVER regress_streaming_s FOREIGN DATA WRAPPER regress_streaming_w;
GRANT USAGE ON FOREIGN SERVER regress_streaming_s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE TABLE r (k int) PARTITION BY LIST (k);
CREATE TABLE r1 PARTITION OF r FOR VALUES IN (1) USING stream;
CREATE TABLE r2 PARTITION OF r FOR VALUES IN (2) PARTITION BY LIST (k);
CREATE TABLE r21 PARTITION OF r2 FOR VALUES IN (2) USING stream;
CREATE MATERIALIZED VIEW rm WITH (streaming.continuous) AS SELECT k, count(*) FROM r GROUP BY k;
CREATE FOREIGN TABLE f PARTITION OF r FOR VALUES IN (3) SERVER regress_streaming_s;
\echo :LAST_ERROR_SQLSTATE
CREATE FOREIGN TABLE f () INHERITS (s) SERVER regress_streaming_s;
\echo :LAST_ERROR_SQLSTATE
CREATE FOREIGN TABLE f (k int) SERVER regress_streaming_s;
ALTER TABLE r ATTACH PARTITION f FOR VALUES IN (3);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE r2 ATTACH PARTITION f DEFAULT;
\echo :LAST_ERROR_SQLSTATE
ALTER FOREIGN TABLE f INHERIT s;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE h (k int) USING heap;
ALTER TABLE r ATTACH PARTITION h FOR VALUES IN (3);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE h2 PARTITION OF r FOR VALUES IN (3) USING heap;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE h2 (k int) PARTITION BY LIST (k);
ALTER TABLE h2 ATTACH PARTITION h DEFAULT;
ALTER TABLE r ATTACH PARTITION h2 FOR VALUES IN (3);
\echo :LAST_ERROR_SQLSTATE
CREATE UNLOGGED TABLE u PARTITION OF r FOR VALUES IN (4) USING stream;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE r1 ADD COLUMN x int, SET ACCESS METHOD heap;
\echo :LAST_ERROR_SQLSTATE
CREATE TYPE t AS (k int);
CREATE TABLE typed OF t;
ALTER TABLE typed INHERIT s;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE c () INHERITS (s);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE c (k int);
CREATE TABLE c2 () INHERITS (c);
ALTER TABLE c INHERIT s;
\echo :LAST_ERROR_SQLSTATE
-- in several steps of a transaction
BEGIN;
CREATE TABLE r5 (k int) USING stream;
ALTER TABLE r ATTACH PARTITION r5 FOR VALUES IN (5);
SAVEPOINT a;
CREATE FOREIGN TABLE f2 PARTITION OF r FOR VALUES IN (6) SERVER regress_streaming_s;
ROLLBACK TO a;
CREATE TABLE r6 PARTITION OF r FOR VALUES IN (6) USING stream;
INSERT INTO r VALUES (1), (2), (5), (6);
COMMIT;
REFRESH MATERIALIZED VIEW rm;
SELECT * FROM rm ORDER BY k;
-- rows that a command would take away without saying so
RESET ROLE;
CREATE SCHEMA own;
CREATE TABLE own.r7 PARTITION OF r FOR VALUES IN (7) PARTITION BY LIST (k);
CREATE TABLE own.r71 PARTITION OF own.r7 FOR VALUES IN (7) USING stream;
INSERT INTO r VALUES (7);
REFRESH MATERIALIZED VIEW rm;
DROP SCHEMA own CASCADE;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO r VALUES (7);
ALTER TABLE r DETACH PARTITION own.r7;
SELECT * FROM rm WHERE k = 7;
DROP SCHEMA own CASCADE;
TRUNCATE important;
DROP TABLE important;
DROP MATERIALIZED VIEW m, rm;
DROP TABLE s, r, h2, c, typed CASCADE;
DROP TYPE t;
DROP FOREIGN TABLE f;
DROP SERVER regress_streaming_s;
DROP FOREIGN DATA WRAPPER regress_streaming_w;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a;
SELECT * FROM leftovers();
