-- DROP, in all ways
\set SHOW_CONTEXT never

CREATE TABLE s (k int, v int) USING stream;
INSERT INTO s VALUES (1, 10);
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v3 WITH (streaming.continuous) AS SELECT k, max(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
CREATE VIEW plain AS SELECT * FROM s;
REFRESH MATERIALIZED VIEW v1;
REFRESH MATERIALIZED VIEW v2;

DROP MATERIALIZED VIEW v1;
REFRESH MATERIALIZED VIEW v1;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM v1;
-- by the wrong name
DROP MATERIALIZED VIEW v1;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW IF EXISTS v1;
DROP TABLE v2;
DROP MATERIALIZED VIEW s;
DROP MATERIALIZED VIEW plain;
-- several, with one that is ordinary
DROP MATERIALIZED VIEW v2, m, v3;
SELECT * FROM leftovers();
SELECT relname FROM pg_class WHERE relname IN ('v1', 'v2', 'v3', 'm');

CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
-- each way round, also where one reads the other
CREATE MATERIALIZED VIEW m_above AS SELECT * FROM v1;
CREATE MATERIALIZED VIEW v_above WITH (streaming.continuous) AS SELECT m.count, count(*) AS n FROM s, m GROUP BY m.count;
BEGIN;
DROP MATERIALIZED VIEW v1, m_above;
ROLLBACK;
BEGIN;
DROP MATERIALIZED VIEW m_above, v1;
ROLLBACK;
DROP MATERIALIZED VIEW m, v1;
DROP MATERIALIZED VIEW m, v_above, m_above;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
-- all or nothing
DROP MATERIALIZED VIEW v1, nothing, v2;
DROP MATERIALIZED VIEW v1, m, nothing;
DROP MATERIALIZED VIEW m, v1, plain;
SELECT view FROM streaming.views ORDER BY view::text COLLATE "C";
DROP MATERIALIZED VIEW IF EXISTS v1, nothing, m;
SELECT view FROM streaming.views ORDER BY view::text COLLATE "C";
-- DROP VIEW takes it, as it is one
DROP VIEW v2;
SELECT * FROM leftovers();

-- what reads a continuous view depends on it
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW above AS SELECT * FROM v1;
CREATE MATERIALIZED VIEW mabove AS SELECT * FROM v1;
DROP MATERIALIZED VIEW v1;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v1 RESTRICT;
DROP MATERIALIZED VIEW v1 CASCADE;
SELECT * FROM leftovers();

-- it depends on its stream, and on all it names
CREATE TABLE names (k int, name text);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS
	SELECT name, twice(s.k), 'sad'::mood AS mood, max(v)
	FROM s JOIN names USING (k) GROUP BY 1, 2, 3;
\set VERBOSITY terse
DROP TABLE s;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE names;
DROP FUNCTION twice;
DROP TYPE mood;
ALTER TABLE s DROP COLUMN v;
ALTER TABLE names DROP COLUMN name;
CREATE VIEW plain_names AS SELECT upper(name) FROM names;
\set VERBOSITY default
ALTER TABLE s ALTER COLUMN v TYPE bigint;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE names ALTER COLUMN k TYPE int, ALTER COLUMN name TYPE varchar;
-- of what is not in its query the server says what it ever does
ALTER TABLE names ADD COLUMN note text;
ALTER TABLE names ALTER COLUMN note TYPE varchar, ALTER COLUMN missing TYPE int;
ALTER TABLE names ALTER COLUMN note TYPE varchar;
DROP VIEW plain_names;
BEGIN;
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
ROLLBACK;
BEGIN;
DROP TABLE names CASCADE;
SELECT * FROM leftovers();
ROLLBACK;
BEGIN;
ALTER TABLE s DROP COLUMN v CASCADE;
SELECT * FROM leftovers();
ROLLBACK;
REFRESH MATERIALIZED VIEW v1;
SELECT check_view('v1');
DROP FUNCTION twice CASCADE;
SELECT * FROM leftovers();
DROP VIEW plain;
DROP TABLE s, names;
DROP TYPE mood;

-- the type of a column
SET client_min_messages = warning;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN amount AS int;
CREATE TABLE s (k mood, v amount) USING stream;
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT k, max(k), count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS
	SELECT v, count(*) FROM (SELECT DISTINCT k, v FROM s) d GROUP BY v;
DROP TYPE mood;
\echo :LAST_ERROR_SQLSTATE
DROP DOMAIN amount CASCADE;
SELECT view FROM streaming.views;
DROP TYPE mood CASCADE;
SELECT * FROM leftovers();
DROP TABLE s;
RESET client_min_messages;

-- internal relations cannot be dropped on their own
CREATE TABLE s (k int, v int) USING stream;
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
DO $$
DECLARE
	command text;
	why text;
BEGIN
	FOR command IN
		SELECT c FROM streaming.views v, pg_class d,
			LATERAL (VALUES ('DROP TABLE ' || state_table),
				('DROP TABLE ' || state_table || ' CASCADE'),
				('DROP VIEW ' || d.oid::regclass),
				('DROP INDEX ' || state_table || '_key'),
				('ALTER TABLE ' || state_table || ' DROP COLUMN count'),
				('ALTER TABLE ' || state_table || ' DROP COLUMN k CASCADE'),
				('DROP SCHEMA streaming CASCADE'),
				('DROP EXTENSION streaming')) x(c)
		WHERE d.relname LIKE '\_definition\_%'
	LOOP
		BEGIN
			EXECUTE command;
			RAISE NOTICE '%: done', regexp_replace(command, '\d+', 'N', 'g');
			RAISE EXCEPTION 'undo';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS why = MESSAGE_TEXT;
			RAISE NOTICE '%: % %', regexp_replace(command, '\d+', 'N', 'g'), SQLSTATE,
				regexp_replace(why, '\d+', 'N', 'g');
		END;
	END LOOP;
END $$;
REFRESH MATERIALIZED VIEW v1;
DROP TABLE s CASCADE;

-- DROP SCHEMA
CREATE SCHEMA one;
CREATE SCHEMA two;
CREATE TABLE one.s (k int, v int) USING stream;
CREATE TABLE two.s (k int, v int) USING stream;
CREATE MATERIALIZED VIEW two.v_of_one WITH (streaming.continuous) AS SELECT k, count(*) FROM one.s GROUP BY k;
CREATE MATERIALIZED VIEW two.v WITH (streaming.continuous) AS SELECT k, count(*) FROM two.s GROUP BY k;
CREATE MATERIALIZED VIEW one.v WITH (streaming.continuous) AS SELECT k, count(*) FROM one.s GROUP BY k;
REFRESH MATERIALIZED VIEW two.v_of_one;
\set VERBOSITY terse
DROP SCHEMA two;
DROP SCHEMA two CASCADE;
SELECT view FROM streaming.views;
DROP SCHEMA one CASCADE;
SELECT * FROM leftovers();
\set VERBOSITY default

-- DROP OWNED
SET client_min_messages = warning;
CREATE ROLE regress_streaming_owner;
GRANT CREATE ON SCHEMA public TO regress_streaming_owner;
CREATE TABLE s (k int, v int) USING stream;
GRANT SELECT ON s TO regress_streaming_owner;
SET ROLE regress_streaming_owner;
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v1;
RESET ROLE;
CREATE MATERIALIZED VIEW v3 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
\set VERBOSITY terse
DROP ROLE regress_streaming_owner;
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
-- a mixture of his and others'
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
SET ROLE regress_streaming_owner;
DROP MATERIALIZED VIEW v1, m;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP MATERIALIZED VIEW m;
BEGIN;
DROP OWNED BY regress_streaming_owner;
SELECT view FROM streaming.views;
ROLLBACK;
REFRESH MATERIALIZED VIEW v2;
SELECT check_view('v2');
DROP OWNED BY regress_streaming_owner;
SELECT view FROM streaming.views;
DROP ROLE regress_streaming_owner;
DROP MATERIALIZED VIEW v3;
SELECT * FROM leftovers();

-- dropped while its worker is at it
INSERT INTO s SELECT i % 10, i FROM generate_series(1, 10000) i;
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous, streaming.max_batch_rows = 100) AS SELECT k, count(*) FROM s GROUP BY k;
DROP MATERIALIZED VIEW v1;
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous, streaming.max_batch_rows = 100) AS SELECT k, count(*) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v1;
SELECT check_view('v1');
INSERT INTO s VALUES (1, 1);
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
