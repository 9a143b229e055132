-- Names, owners, privileges, comments, indexes
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int) USING stream;
INSERT INTO s VALUES (1, 10), (2, 20);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) + 1 AS more FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v;

-- of the view
ALTER MATERIALIZED VIEW v RENAME TO w;
INSERT INTO s VALUES (2, 30);
REFRESH MATERIALIZED VIEW w;
SELECT * FROM w ORDER BY k;
SELECT check_view('w');
REFRESH MATERIALIZED VIEW v;
ALTER MATERIALIZED VIEW w RENAME TO s;
\echo :LAST_ERROR_SQLSTATE
ALTER VIEW w RENAME TO x;
ALTER TABLE x RENAME TO v;
ALTER MATERIALIZED VIEW IF EXISTS nothing RENAME TO something;
-- of its columns
ALTER MATERIALIZED VIEW v RENAME COLUMN k TO key;
ALTER MATERIALIZED VIEW v RENAME more TO "some more";
ALTER TABLE v RENAME COLUMN count TO n;
ALTER MATERIALIZED VIEW v RENAME COLUMN nothing TO something;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RENAME COLUMN key TO n;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES (3, 30);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY key;
SELECT check_view('v');
-- of the stream, its columns and its schema
ALTER TABLE s RENAME TO renamed;
ALTER TABLE renamed RENAME COLUMN k TO kk;
ALTER TABLE renamed RENAME COLUMN v TO k;
CREATE SCHEMA elsewhere;
ALTER TABLE renamed SET SCHEMA elsewhere;
INSERT INTO elsewhere.renamed VALUES (3, 40);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY key;
SELECT check_view('v');
-- (newer servers do not qualify the columns of the one table in FROM)
SELECT streams, regexp_replace(definition, '\mrenamed\.', '', 'g') AS definition FROM streaming.views;
ALTER TABLE elsewhere.renamed SET SCHEMA public;
ALTER TABLE renamed RENAME TO s;
-- of the view's schema
ALTER MATERIALIZED VIEW v SET SCHEMA elsewhere;
INSERT INTO s VALUES (3, 50);
REFRESH MATERIALIZED VIEW elsewhere.v;
SELECT * FROM elsewhere.v ORDER BY key;
SELECT check_view('elsewhere.v');
ALTER SCHEMA elsewhere RENAME TO "else where";
REFRESH MATERIALIZED VIEW "else where".v;
SELECT view, regexp_replace(definition, '\ms\.', '', 'g') AS definition FROM streaming.views;
ALTER MATERIALIZED VIEW "else where".v SET SCHEMA public;
ALTER MATERIALIZED VIEW v SET SCHEMA nowhere;
\echo :LAST_ERROR_SQLSTATE
DROP SCHEMA "else where";

-- ROLLBACK of each
BEGIN;
ALTER MATERIALIZED VIEW v RENAME TO w;
ALTER MATERIALIZED VIEW w RENAME COLUMN n TO m;
CREATE SCHEMA elsewhere;
ALTER MATERIALIZED VIEW w SET SCHEMA elsewhere;
COMMENT ON MATERIALIZED VIEW elsewhere.w IS 'moved';
CREATE INDEX w_key ON elsewhere.w (key);
ROLLBACK;
INSERT INTO s VALUES (4, 40);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY key;
SELECT check_view('v');
SELECT obj_description('v'::regclass);
SELECT indexname FROM pg_indexes WHERE indexname = 'w_key';

-- comments
COMMENT ON MATERIALIZED VIEW v IS 'continuous';
COMMENT ON COLUMN v.n IS 'how many';
SELECT obj_description('v'::regclass), col_description('v'::regclass, 2);
COMMENT ON MATERIALIZED VIEW v IS NULL;
COMMENT ON MATERIALIZED VIEW s IS 'not one';
COMMENT ON MATERIALIZED VIEW nothing IS 'not there';
\echo :LAST_ERROR_SQLSTATE

-- rules would change what one reads
CREATE RULE r AS ON INSERT TO v DO INSTEAD NOTHING;
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO v DO INSTEAD SELECT 1, 2::bigint, 3::bigint;
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE VIEW v AS SELECT 1 AS key, 2::bigint AS n, 3::bigint AS "some more";
\echo :LAST_ERROR_SQLSTATE

-- owners
CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_c;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b;
ALTER MATERIALIZED VIEW v OWNER TO regress_streaming_a;
-- the new owner may not read the stream: the view stops, nothing is lost
INSERT INTO s VALUES (5, 50);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM v WHERE key = 5;
GRANT SELECT ON s TO regress_streaming_a;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v WHERE key = 5;
SET ROLE regress_streaming_a;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
SELECT owner FROM streaming.views;
RESET ROLE;
-- others may not
SET ROLE regress_streaming_b;
SELECT * FROM v;
\echo :LAST_ERROR_SQLSTATE
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait('v');
\echo :LAST_ERROR_SQLSTATE
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('v') e;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RENAME TO w;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RENAME COLUMN n TO m;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RESET (streaming.enabled);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v OWNER TO regress_streaming_b;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET SCHEMA public;
\echo :LAST_ERROR_SQLSTATE
COMMENT ON MATERIALIZED VIEW v IS 'mine';
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX ON v (key);
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
GRANT SELECT ON v TO regress_streaming_b;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- GRANT and REVOKE; reading needs no right on the state table
SET ROLE regress_streaming_a;
GRANT SELECT ON v TO regress_streaming_b;
GRANT SELECT (key) ON v TO regress_streaming_c;
SET ROLE regress_streaming_b;
SELECT * FROM v WHERE key = 5;
SELECT streaming.wait('v');
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_c;
SELECT key FROM v WHERE key = 5;
SELECT * FROM v;
SET ROLE regress_streaming_a;
REVOKE SELECT ON v FROM regress_streaming_b;
SET ROLE regress_streaming_b;
SELECT * FROM v WHERE key = 5;
RESET ROLE;
-- (17 adds MAINTAIN to the privileges of the owner)
SELECT array_to_string(relacl, E'\n') ~ '^regress_streaming_a=arwdDxtm?/regress_streaming_a$' AS owner_only,
	(SELECT array_agg(attname || ': ' || attacl::text) FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL) AS columns
FROM pg_class c WHERE oid = 'v'::regclass;

-- REASSIGN OWNED
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
RESET ROLE;
GRANT SELECT ON s TO regress_streaming_b;
REASSIGN OWNED BY regress_streaming_a TO regress_streaming_b;
SELECT view, owner FROM streaming.views ORDER BY view::text COLLATE "C";
INSERT INTO s VALUES (6, 60);
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v2;
SELECT check_view('v'), check_view('v2');
SET ROLE regress_streaming_a;
SELECT * FROM v2;
SET ROLE regress_streaming_b;
SELECT * FROM v2 WHERE k = 60;
SELECT check_view('v2');
RESET ROLE;
-- nothing is left to the old owner: he can go
REVOKE ALL ON SCHEMA public FROM regress_streaming_a, regress_streaming_b;
REVOKE ALL ON s FROM regress_streaming_a;
DROP ROLE regress_streaming_a;
ALTER MATERIALIZED VIEW v2 OWNER TO CURRENT_USER;
ALTER TABLE v OWNER TO CURRENT_USER;
REVOKE ALL ON s FROM regress_streaming_b;
REVOKE ALL ON v FROM regress_streaming_c;
DROP ROLE regress_streaming_b, regress_streaming_c;
INSERT INTO s VALUES (6, 70);
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v2;
SELECT check_view('v'), check_view('v2');
-- rolled back
CREATE ROLE regress_streaming_a;
BEGIN;
GRANT SELECT ON s TO regress_streaming_a;
ALTER MATERIALIZED VIEW v OWNER TO regress_streaming_a;
SELECT owner = 'regress_streaming_a' FROM streaming.views WHERE view = 'v'::regclass;
ROLLBACK;
DROP ROLE regress_streaming_a;
REFRESH MATERIALIZED VIEW v;

-- indexes
CREATE INDEX v_n ON v (n);
CREATE INDEX ON v (n DESC NULLS LAST, key);
CREATE INDEX v_hash ON v USING hash (key);
CREATE INDEX IF NOT EXISTS v_n ON v (n);
CREATE INDEX v_including ON v (key) INCLUDE (n) WITH (fillfactor = 70);
INSERT INTO s VALUES (7, 70), (6, 80);
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT * FROM v WHERE n = 3 ORDER BY key;
DO $$
DECLARE
	line text;
BEGIN
	FOR line IN EXPLAIN (COSTS OFF) SELECT * FROM v WHERE n = 3 LOOP
		RAISE WARNING '%', regexp_replace(line, '\d{2,}', 'N', 'g');
	END LOOP;
END $$;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT schemaname, regexp_replace(indexdef, '\d{2,}', 'N', 'g') FROM pg_indexes
WHERE indexname LIKE 'v\_%' ORDER BY indexname;
CREATE INDEX ON v ("some more");
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX ON v (nothing);
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX ON v ((key + 1));
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX ON v (key) WHERE n > 1;
\echo :LAST_ERROR_SQLSTATE
CREATE UNIQUE INDEX ON v (key);
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX CONCURRENTLY ON v (key);
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX v_n ON v (key);
\echo :LAST_ERROR_SQLSTATE
BEGIN;
DROP INDEX streaming.v_n;
ROLLBACK;
-- by the owner, who is nobody special
CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
GRANT SELECT ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW va WITH (streaming.continuous) AS SELECT k, count(*), sum(kk) FROM s GROUP BY k;
CREATE INDEX va_sum ON va (sum);
SELECT current_user;
REFRESH MATERIALIZED VIEW va;
SELECT check_view('va');
DROP INDEX streaming.v_n;
\echo :LAST_ERROR_SQLSTATE
DROP INDEX streaming.va_sum, streaming.v_n;
SET ROLE regress_streaming_b;
DROP INDEX streaming.va_sum;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_a;
DROP INDEX streaming.va_sum;
SELECT current_user;
DROP MATERIALIZED VIEW va;
RESET ROLE;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a, regress_streaming_b;
DROP INDEX streaming.v_n, streaming.v_hash;
INSERT INTO s VALUES (8, 80);
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');

DROP TABLE s CASCADE;
SELECT * FROM leftovers();
