-- As whom a view runs, what others may see and do
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
CREATE TABLE s (k int, v int, secret text) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO s VALUES (1, 10, 'x'), (2, 20, 'y');
INSERT INTO dim VALUES (1, 'one'), (2, 'two');

-- the creator needs SELECT on all that the query reads
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT (k, v) ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT secret, count(*) FROM s GROUP BY secret;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT name, count(*) FROM s JOIN dim USING (k) GROUP BY name;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s WHERE EXISTS (SELECT FROM dim d WHERE d.k = s.k) GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*), sum(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
-- policies hold for what is read beside a join of streams, too
RESET ROLE;
CREATE TABLE hidden (x text);
INSERT INTO hidden VALUES ('hidden');
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON hidden USING (false);
CREATE TABLE shown (k int, v int);
INSERT INTO shown VALUES (1, 1);
CREATE TABLE js (k int, x int) USING stream;
GRANT SELECT ON hidden, shown, js TO regress_streaming_a;
SET ROLE regress_streaming_a;
SELECT count(*) FROM hidden;
CREATE MATERIALIZED VIEW leak1 WITH (streaming.continuous) AS
	SELECT a.k, g.g FROM js a JOIN js b ON a.k = b.k, (SELECT v FROM shown WHERE EXISTS (SELECT 1 FROM shown)) t,
		unnest(ARRAY(SELECT x FROM hidden)) g (g);
CREATE MATERIALIZED VIEW leak2 WITH (streaming.continuous) AS
	SELECT a.k, g.g FROM js a, (SELECT v FROM shown WHERE EXISTS (SELECT 1 FROM shown)) t,
		unnest(ARRAY(SELECT x FROM hidden)) g (g)
	WHERE EXISTS (SELECT FROM js b WHERE a.k = b.k);
CREATE MATERIALIZED VIEW leak3 WITH (streaming.continuous) AS
	SELECT g.g, count(*) FROM js a JOIN js b ON a.k = b.k, (SELECT v FROM shown WHERE EXISTS (SELECT 1 FROM shown)) t,
		unnest(ARRAY(SELECT x FROM hidden)) g (g) GROUP BY 1;
CREATE MATERIALIZED VIEW no_leak WITH (streaming.continuous) AS
	SELECT a.k, g.g FROM js a JOIN js b ON a.k = b.k, unnest(ARRAY(SELECT v FROM shown)) g (g);
RESET ROLE;
INSERT INTO js VALUES (1, 1);
REFRESH MATERIALIZED VIEW leak1; REFRESH MATERIALIZED VIEW leak2; REFRESH MATERIALIZED VIEW leak3; REFRESH MATERIALIZED VIEW no_leak;
SELECT (SELECT count(*) FROM leak1) AS leak1, (SELECT count(*) FROM leak2) AS leak2, (SELECT count(*) FROM leak3) AS leak3, (SELECT count(*) FROM no_leak) AS shown;
SET client_min_messages = warning;
DROP TABLE js, hidden, shown CASCADE;
SET ROLE regress_streaming_a;
-- and USAGE on the types of what is kept, which their owner can change otherwise
RESET ROLE;
CREATE TYPE pair AS (a int, b text);
CREATE TABLE typed (k int, c pair) USING stream;
REVOKE USAGE ON TYPE pair, typed FROM PUBLIC;
GRANT SELECT ON typed TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT count(*) FROM typed GROUP BY c;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT a.k FROM typed a JOIN typed b ON a.c = b.c;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT a.k FROM typed a JOIN typed b ON a = b;
RESET ROLE;
DROP TABLE typed;
DROP TYPE pair;
SET ROLE regress_streaming_a;
-- and CREATE on the schema
CREATE MATERIALIZED VIEW streaming.v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
CREATE SCHEMA mine;
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW mine.v WITH (streaming.continuous) AS SELECT 1 AS one, count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP SCHEMA mine;

-- a view in between lends the rights of its owner
CREATE VIEW lent AS SELECT secret FROM s;
GRANT SELECT ON lent TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v_lent WITH (streaming.continuous) AS SELECT secret, count(*) FROM lent GROUP BY secret;
REFRESH MATERIALIZED VIEW v_lent;
SELECT * FROM v_lent ORDER BY secret COLLATE "C";
RESET ROLE;
REVOKE SELECT ON lent FROM regress_streaming_a;
INSERT INTO s VALUES (3, 30, 'z');
REFRESH MATERIALIZED VIEW v_lent;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v_lent;

-- a view runs as its owner, whoever refreshes it
SET ROLE regress_streaming_a;
CREATE FUNCTION whoami() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN current_user; END $$;
CREATE MATERIALIZED VIEW v_who WITH (streaming.continuous) AS SELECT whoami() AS who, count(*) FROM s GROUP BY 1;
RESET ROLE;
REFRESH MATERIALIZED VIEW v_who;
SELECT * FROM v_who;
-- ... and restricted: it cannot become somebody else, nor leave something behind
SET ROLE regress_streaming_a;
CREATE FUNCTION escalate() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM set_config('role', 'none', false);
	RETURN current_user;
END $$;
CREATE MATERIALIZED VIEW v_escalate WITH (streaming.continuous) AS SELECT escalate() AS who, count(*) FROM s GROUP BY 1;
REFRESH MATERIALIZED VIEW v_escalate;
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE FUNCTION escalate() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM set_config('session_authorization', 'default', false);
	RETURN current_user;
END $$;
REFRESH MATERIALIZED VIEW v_escalate;
\echo :LAST_ERROR_SQLSTATE
-- a setting that it changes is its own affair
CREATE OR REPLACE FUNCTION escalate() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN set_config('search_path', 'pg_temp', false);
END $$;
REFRESH MATERIALIZED VIEW v_escalate;
DROP MATERIALIZED VIEW v_escalate;
RESET ROLE;

-- nobody writes into a view, its state or the extension's tables
GRANT ALL ON v TO regress_streaming_b;
INSERT INTO v VALUES (9, 9, 9);
\echo :LAST_ERROR_SQLSTATE
UPDATE v SET count = 0;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM v;
\echo :LAST_ERROR_SQLSTATE
-- (15 knows no MERGE into views)
DO $$
BEGIN
	MERGE INTO v USING dim d ON d.k = v.k WHEN MATCHED THEN DELETE;
EXCEPTION WHEN feature_not_supported OR object_not_in_prerequisite_state THEN
	RAISE EXCEPTION 'cannot merge';
END $$;
COPY v FROM '/dev/null';
\echo :LAST_ERROR_SQLSTATE
TRUNCATE v;
\echo :LAST_ERROR_SQLSTATE
WITH x AS (DELETE FROM v RETURNING *) SELECT * FROM x;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_b;
DELETE FROM v;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_a;
UPDATE v SET count = 0;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '\d+', 'N', 'g');
END $$;
CREATE TEMP VIEW attempts AS
	SELECT row_number() OVER () AS n, c AS command FROM unnest(ARRAY[
		'SELECT count(*) FROM @state',
		'INSERT INTO @state VALUES (9, 9, 9)',
		'UPDATE @state SET count = 0',
		'DELETE FROM @state',
		'TRUNCATE @state',
		'DROP TABLE @state',
		'ALTER TABLE @state ADD COLUMN x int',
		'ALTER TABLE @state RENAME TO x',
		'ALTER TABLE @state RENAME COLUMN count TO x',
		'ALTER TABLE @state SET SCHEMA public',
		'ALTER TABLE @state OWNER TO regress_streaming_a',
		'ALTER TABLE @state DISABLE TRIGGER ALL',
		'CREATE TRIGGER t BEFORE UPDATE ON @state FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
		'CREATE RULE r AS ON UPDATE TO @state DO INSTEAD NOTHING',
		'CREATE POLICY p ON @state USING (false)',
		'CREATE INDEX ON @state (count)',
		'COPY @state FROM ''/dev/null''',
		'LOCK TABLE @state IN ACCESS EXCLUSIVE MODE',
		'SELECT count(*) FROM @definition',
		'DROP VIEW @definition',
		'CREATE OR REPLACE VIEW @definition AS SELECT 1 AS k, 2::bigint AS count, 3::bigint AS sum',
		'CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO @definition DO INSTEAD SELECT 1 AS k, 2::bigint AS count, 3::bigint AS sum',
		'ALTER VIEW @definition RENAME TO x',
		'ALTER VIEW @definition RENAME COLUMN k TO x',
		'ALTER VIEW @definition SET SCHEMA public',
		'ALTER VIEW @definition OWNER TO regress_streaming_a',
		'ALTER VIEW @definition SET (security_invoker = true)',
		'SELECT count(*) FROM streaming._view',
		'DELETE FROM streaming._view',
		'UPDATE streaming._progress SET rows_read = 0',
		'INSERT INTO streaming._error SELECT * FROM streaming._error',
		'TRUNCATE streaming._progress',
		'DROP TABLE streaming._view',
		'DROP VIEW streaming.views',
		'CREATE TABLE streaming.x (a int)',
		'SELECT count(*) FROM streaming.views']) c;
GRANT SELECT ON attempts TO PUBLIC;
CREATE TEMP TABLE internal AS
	SELECT state_table::text AS state, replace(state_table::text, '_state_', '_definition_') AS definition
	FROM streaming.views WHERE view = 'v'::regclass;
GRANT SELECT ON internal TO PUBLIC;
-- neither a superuser ...
SELECT command, try(replace(replace(command, '@state', state), '@definition', definition)) FROM attempts, internal
WHERE command !~ 'SELECT count|INDEX|LOCK|CREATE TABLE' ORDER BY n;
-- ... nor the owner, who can read his own
SET ROLE regress_streaming_a;
SELECT command, try(replace(replace(command, '@state', state), '@definition', definition)) FROM attempts, internal ORDER BY n;
-- ... nor anybody else, who can read nothing
SET ROLE regress_streaming_b;
SELECT command, try(replace(replace(command, '@state', state), '@definition', definition)) FROM attempts, internal ORDER BY n;
RESET ROLE;
INSERT INTO s VALUES (1, 1, 'x');
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');

-- row-level security of the stream: that of the view's owner
CREATE TABLE r (k int, tenant text) USING stream;
ALTER TABLE r ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON r USING (tenant = current_user);
GRANT SELECT ON r TO regress_streaming_a, regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_b;
INSERT INTO r VALUES (1, 'regress_streaming_a'), (1, 'regress_streaming_b'), (2, 'regress_streaming_b'), (3, 'other');
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW r_a WITH (streaming.continuous) AS SELECT k, count(*) FROM r GROUP BY k;
REFRESH MATERIALIZED VIEW r_a;
SELECT check_view('r_a');
GRANT SELECT ON r_a TO PUBLIC;
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW r_b WITH (streaming.continuous) AS SELECT k, count(*) FROM r GROUP BY k;
REFRESH MATERIALIZED VIEW r_b;
SELECT check_view('r_b');
SELECT * FROM r_a ORDER BY k;
SELECT * FROM r_b ORDER BY k;
RESET ROLE;
CREATE MATERIALIZED VIEW r_all WITH (streaming.continuous) AS SELECT k, count(*) FROM r GROUP BY k;
REFRESH MATERIALIZED VIEW r_all;
SELECT check_view('r_all');
INSERT INTO r VALUES (4, 'regress_streaming_a'), (4, 'regress_streaming_b'), (4, 'regress_streaming_b');
SELECT count(*) FROM streaming.views WHERE view::text LIKE 'r\_%' AND streaming.wait(view);
SELECT * FROM r_a ORDER BY k;
SELECT * FROM r_b ORDER BY k;
SELECT check_view('r_all');
-- a changed policy holds for what comes
ALTER POLICY p ON r USING (tenant <> current_user);
INSERT INTO r VALUES (5, 'regress_streaming_a'), (5, 'regress_streaming_b'), (5, 'x');
SELECT count(*) FROM streaming.views WHERE view::text LIKE 'r\_%' AND streaming.wait(view);
SELECT * FROM r_a WHERE k = 5;
-- a new owner, a new set of rows
ALTER POLICY p ON r USING (tenant = current_user);
ALTER MATERIALIZED VIEW r_a OWNER TO regress_streaming_b;
INSERT INTO r VALUES (6, 'regress_streaming_a'), (6, 'regress_streaming_b'), (6, 'regress_streaming_b');
REFRESH MATERIALIZED VIEW r_a;
SELECT * FROM r_a WHERE k = 6;

DROP TABLE s, dim, r CASCADE;
DROP VIEW attempts;
DROP TABLE internal;
DROP FUNCTION whoami, escalate, try;
DROP OWNED BY regress_streaming_a, regress_streaming_b;
DROP ROLE regress_streaming_a, regress_streaming_b;
SELECT * FROM leftovers();
