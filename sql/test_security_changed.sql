-- Functions that change what a batch goes by; privileges on internal relations
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_c;
CREATE SCHEMA a AUTHORIZATION regress_streaming_a;
GRANT USAGE ON SCHEMA a TO regress_streaming_b, regress_streaming_c;
GRANT CREATE ON SCHEMA a TO regress_streaming_b;
SET ROLE regress_streaming_a;

-- an aggregate that is replaced by one with another state, in the middle of a batch
CREATE TABLE a.s (k int, x int) USING stream;
CREATE TABLE a.flag (command text);
INSERT INTO a.flag VALUES (NULL);
CREATE FUNCTION a.tacc(text, int) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT coalesce($1, '') || 'x'$$;
CREATE FUNCTION a.tcomb(text, text) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT $1 || $2$$;
CREATE FUNCTION a.tfin(text) RETURNS int8 IMMUTABLE LANGUAGE sql AS $$SELECT length($1)::int8$$;
CREATE FUNCTION a.iacc(int8, int) RETURNS int8 IMMUTABLE LANGUAGE sql AS $$SELECT 3735928559::int8$$;
CREATE FUNCTION a.icomb(int8, int8) RETURNS int8 IMMUTABLE LANGUAGE sql AS $$SELECT 3735928559::int8$$;
CREATE AGGREGATE a.agg(int) (SFUNC = a.tacc, STYPE = text, COMBINEFUNC = a.tcomb, FINALFUNC = a.tfin, INITCOND = '');
CREATE FUNCTION a.run() RETURNS void VOLATILE LANGUAGE plpgsql AS $$
DECLARE c text;
BEGIN
	SELECT command INTO c FROM a.flag;
	IF c IS NOT NULL THEN
		EXECUTE c;
	END IF;
END $$;
CREATE FUNCTION a.hidden(x int) RETURNS int STABLE LANGUAGE plpgsql AS $$BEGIN PERFORM a.run(); RETURN x; END$$;
CREATE FUNCTION a.folded(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN PERFORM a.run(); RETURN x; END$$;
CREATE MATERIALIZED VIEW a.v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(DISTINCT a.hidden(x)), a.agg(x) FROM a.s GROUP BY k;
CREATE MATERIALIZED VIEW a.w WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*) FROM a.s WHERE x < a.folded(5) GROUP BY k;
INSERT INTO a.s VALUES (1, 1);
SELECT streaming.wait('a.v') AND streaming.wait('a.w');
UPDATE a.flag SET command = 'CREATE OR REPLACE AGGREGATE a.agg(int) (SFUNC = a.iacc, STYPE = int8, COMBINEFUNC = a.icomb, INITCOND = ''3735928559'')';
INSERT INTO a.s VALUES (1, 1);
SELECT streaming.wait('a.v');
-- a plan that makes itself stale; other commands
UPDATE a.flag SET command = 'GRANT SELECT ON a.s TO regress_streaming_b';
ALTER TABLE a.s SET (autovacuum_enabled = off);
SELECT streaming.wait('a.w');
UPDATE a.flag SET command = 'ANALYZE a.s';
SELECT streaming.wait('a.v');
UPDATE a.flag SET command = 'CREATE TABLE a.made (x int)';
SELECT streaming.wait('a.v');
UPDATE a.flag SET command = 'ALTER FUNCTION a.tfin STRICT';
SELECT streaming.wait('a.v');
UPDATE a.flag SET command = NULL;
SELECT streaming.wait('a.v') AND streaming.wait('a.w');
SELECT check_view('a.v'), check_view('a.w');
-- replaced by somebody between two batches, it is an error that says what to do
CREATE OR REPLACE AGGREGATE a.agg(int) (SFUNC = a.iacc, STYPE = int8, COMBINEFUNC = a.icomb, INITCOND = '3735928559');
INSERT INTO a.s VALUES (1, 1);
SELECT streaming.wait('a.v');
DROP MATERIALIZED VIEW a.v, a.w;

-- what is granted on the state would outlive what is said of the view
CREATE MATERIALIZED VIEW a.own WITH (streaming.continuous) AS SELECT k, count(DISTINCT x), array_agg(x ORDER BY x) FROM a.s GROUP BY k;
SELECT public.number_of('a.own') AS n \gset
CREATE FUNCTION a.said(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(concat_ws(' | ', SQLERRM, nullif(detail, ''), nullif(hint, '')), '\d+', 'N', 'g');
END $$;
SELECT a.said('GRANT SELECT ON streaming._state_' || :n || ' TO regress_streaming_c');
SELECT a.said('GRANT SELECT (k) ON streaming._below_' || :n || ' TO regress_streaming_c');
SELECT a.said('GRANT SELECT ON ALL TABLES IN SCHEMA streaming TO regress_streaming_c');
SELECT a.said('REVOKE ALL ON streaming._state_' || :n || ' FROM regress_streaming_c');
SELECT a.said('COMMENT ON TYPE streaming._below_' || :n || ' IS NULL');
DROP MATERIALIZED VIEW a.own;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO regress_streaming_c;
CREATE MATERIALIZED VIEW a.own WITH (streaming.continuous) AS SELECT k, count(DISTINCT x), array_agg(x ORDER BY x) FROM a.s GROUP BY k;
SELECT public.number_of('a.own') AS n \gset
RESET ROLE;
GRANT SELECT ON a.s TO regress_streaming_b;
ALTER MATERIALIZED VIEW a.own OWNER TO regress_streaming_b;
SELECT regexp_replace(relname, '\d+', 'N') AS relation, relowner::regrole, relacl FROM pg_class
WHERE oid IN (SELECT objid FROM pg_depend WHERE refobjid = 'a.own'::regclass AND deptype = 'i') AND relkind IN ('r', 'v') ORDER BY 1;
SET ROLE regress_streaming_c;
SELECT a.said('SELECT count(*) FROM streaming._state_' || :n);
RESET ROLE;

-- a domain that gets a constraint, though a plan has been made without
SET ROLE regress_streaming_a;
CREATE DOMAIN a.word AS text;
CREATE TABLE a.words (w text) USING stream;
CREATE MATERIALIZED VIEW a.checked WITH (streaming.continuous) AS SELECT w::a.word AS w, count(*) FROM a.words GROUP BY w::a.word;
CREATE MATERIALIZED VIEW a.copied WITH (streaming.continuous) AS SELECT w::a.word AS w FROM a.words;
INSERT INTO a.words VALUES ('good');
SELECT streaming.wait('a.checked'), streaming.wait('a.copied');
ALTER DOMAIN a.word ADD CONSTRAINT not_bad CHECK (value <> 'bad');
INSERT INTO a.words VALUES ('bad');
SELECT a.said('SELECT streaming.wait(''a.checked'')') AS checked, a.said('SELECT streaming.wait(''a.copied'')') AS copied;
SELECT * FROM a.checked;
SELECT * FROM a.copied;
ALTER DOMAIN a.word DROP CONSTRAINT not_bad;
SELECT streaming.wait('a.checked'), streaming.wait('a.copied');
SELECT check_view('a.checked'), check_view('a.copied');
RESET ROLE;

-- nor by REASSIGN OWNED
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW a.given WITH (streaming.continuous) AS SELECT k, max(x) FROM a.s GROUP BY k HAVING count(*) > 100;
SELECT public.number_of('a.given') AS n \gset
RESET ROLE;
BEGIN;
REASSIGN OWNED BY regress_streaming_a TO regress_streaming_b;
SELECT regexp_replace(relname, '\d+', 'N') AS relation, relowner::regrole, relacl FROM pg_class
WHERE oid IN (SELECT objid FROM pg_depend WHERE refobjid = 'a.given'::regclass AND deptype = 'i') AND relkind IN ('r', 'v') ORDER BY 1;
ROLLBACK;
SET ROLE regress_streaming_a;
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM regress_streaming_c;
RESET ROLE;
DROP SCHEMA a CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_b, regress_streaming_c;
DROP ROLE regress_streaming_a, regress_streaming_b, regress_streaming_c;
SELECT * FROM leftovers();
