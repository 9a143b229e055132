-- A view of somebody else that keeps rows of a stream from going
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE ROLE regress_streaming_owner;
CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_owner, regress_streaming_a;
SET ROLE regress_streaming_owner;
CREATE TABLE s (k int) USING stream;
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
GRANT SELECT ON s, p, p1 TO regress_streaming_a;
CREATE MATERIALIZED VIEW good WITH (streaming.continuous) AS SELECT count(*) FROM s;

-- one that fails
SET ROLE regress_streaming_a;
CREATE FUNCTION fail(k int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE 'not with me'; END $$;
CREATE MATERIALIZED VIEW failing WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM s WHERE k > 0 GROUP BY k;
INSERT INTO s VALUES (1);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
INSERT INTO s VALUES (1), (2);
REFRESH MATERIALIZED VIEW failing;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM s WHERE fail(k) > 0 GROUP BY k;
CREATE MATERIALIZED VIEW bad_p WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM p WHERE fail(k) > 0 GROUP BY k;
CREATE MATERIALIZED VIEW bad_p1 WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM p1 WHERE fail(k) > 0 GROUP BY k;
RESET ROLE;
INSERT INTO s VALUES (3);
INSERT INTO p VALUES (1), (2), (2);
-- what the error says may quote what only the owner of the view can read
TRUNCATE s;
SET ROLE regress_streaming_owner;
TRUNCATE s;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE p1;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE p DETACH PARTITION p1;
\echo :LAST_ERROR_SQLSTATE
VACUUM FULL s;
\echo :LAST_ERROR_SQLSTATE

-- others have no say
SET ROLE regress_streaming_a;
SELECT streaming.release('bad');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.release('good');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_owner;
SELECT streaming.release('s');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.release(0);
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.release(NULL);
BEGIN READ ONLY;
SELECT streaming.release('bad');
\echo :LAST_ERROR_SQLSTATE
COMMIT;
BEGIN;
SELECT streaming.release('bad');
ROLLBACK;
TRUNCATE s;
\echo :LAST_ERROR_SQLSTATE

-- the owner of the stream has
SELECT streaming.release('bad'), streaming.release('bad_p'), streaming.release('bad_p1');
SELECT streaming.release('bad');
TRUNCATE s;
SELECT count(*) FROM s;
DROP TABLE p1 CASCADE;
ALTER TABLE p DETACH PARTITION p2;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
SELECT view, state, last_error_sqlstate FROM streaming.views ORDER BY view::text COLLATE "C";
-- the others have read what has gone
SELECT * FROM good;
SET ROLE regress_streaming_a;
SELECT * FROM failing ORDER BY k;
-- the owner of the view reads what has happened, and can only begin anew
SET ROLE regress_streaming_a;
SELECT last_error FROM streaming.views WHERE view = 'bad'::regclass;
RESET ROLE;
SELECT regexp_replace(detail, 'at .*', 'at ...') FROM streaming._release WHERE viewid = 'bad'::regclass ORDER BY at DESC LIMIT 1;
SELECT regexp_replace(detail, 'at .*', 'at ...') FROM streaming._release WHERE viewid = 'bad_p'::regclass ORDER BY at DESC LIMIT 1;
SET ROLE regress_streaming_a;
ALTER MATERIALIZED VIEW bad SET (streaming.enabled = on);
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
REFRESH MATERIALIZED VIEW bad_p;
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM bad;
DROP MATERIALIZED VIEW bad;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
RESET ROLE;
-- released views stand in the way of nothing
DROP MATERIALIZED VIEW good, failing, bad;
VACUUM FULL p2;
ALTER TABLE p2 SET UNLOGGED;
ALTER TABLE p2 SET LOGGED;
DROP TABLE s, p CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_owner;
DROP ROLE regress_streaming_a, regress_streaming_owner;
SELECT * FROM leftovers();
