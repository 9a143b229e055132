-- What others hang on internal relations of a view goes with these, and stands in
-- nobody's way; what depends on the view itself is protected as ever.
CREATE ROLE owner;
CREATE ROLE stranger;
CREATE SCHEMA mine AUTHORIZATION owner;
CREATE SCHEMA strange AUTHORIZATION stranger;
GRANT USAGE ON SCHEMA mine TO stranger;
-- What hangs on what: @ is the state table, # the definition.
CREATE TABLE kinds (n serial, commands text);
GRANT SELECT ON kinds TO PUBLIC;
INSERT INTO kinds (commands) VALUES
	('CREATE VIEW strange.o AS SELECT 1 AS i FROM @'),
	('CREATE VIEW strange.o AS SELECT 1 AS i FROM #'),
	('CREATE TABLE strange.o (i int, x @)'),
	('CREATE TABLE strange.o (i int, x @[])'),
	('CREATE TABLE strange.o (i int, x #)'),
	('CREATE FUNCTION strange.o(@) RETURNS int LANGUAGE sql AS ''SELECT 1'''),
	('CREATE FUNCTION strange.o() RETURNS SETOF @ LANGUAGE sql AS ''SELECT NULL::@'''),
	('CREATE FUNCTION strange.o() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM @; END'),
	('CREATE DOMAIN strange.o AS @; CREATE TABLE strange.p (x strange.o); CREATE VIEW strange.q AS SELECT x FROM strange.p'),
	('CREATE TYPE strange.o AS (x @); CREATE TYPE strange.p AS (y strange.o[]); CREATE TABLE strange.q (z strange.p)'),
	('CREATE TABLE strange.o (i int, d regclass DEFAULT ''@''::regclass)'),
	('CREATE TABLE strange.o (i int, d regclass GENERATED ALWAYS AS (''@''::regclass) STORED)'),
	('CREATE TABLE strange.o (i regclass CHECK (i <> ''@_key''::regclass))'),
	('CREATE TABLE strange.o (i regtype); CREATE INDEX ON strange.o ((i = ''@''::regtype))'),
	('CREATE TABLE strange.o (i regclass); CREATE POLICY p ON strange.o USING (i = ''@''::regclass)'),
	('CREATE TABLE strange.o (i regclass); CREATE RULE r AS ON INSERT TO strange.o WHERE new.i = ''#''::regclass DO INSTEAD NOTHING'),
	('CREATE TABLE strange.o (x @) PARTITION BY LIST (x); CREATE TABLE strange.p PARTITION OF strange.o DEFAULT'),
	('CREATE TABLE strange.o (i int, x @); CREATE TABLE strange.p () INHERITS (strange.o)'),
	('CREATE FUNCTION strange.eq(@, @) RETURNS bool LANGUAGE sql AS ''SELECT true'';
		CREATE OPERATOR strange.= (LEFTARG = @, RIGHTARG = @, FUNCTION = strange.eq); CREATE VIEW strange.o AS
		SELECT a.d OPERATOR(strange.=) a.d AS i FROM (SELECT NULL::@) a(d)'),
	('CREATE TYPE strange.o AS RANGE (SUBTYPE = @); CREATE TABLE strange.p (x strange.o)'),
	('CREATE TABLE strange.s (i int) USING stream; CREATE MATERIALIZED VIEW strange.o WITH (streaming.continuous) AS
		SELECT i = ''@''::regclass::oid::int AS b, count(*) AS n FROM strange.s GROUP BY 1; CREATE VIEW strange.p AS SELECT n FROM strange.o'),
	('CREATE VIEW strange.o AS SELECT 1 AS i FROM @; CREATE VIEW strange.p AS SELECT i FROM strange.o;
		CREATE TABLE strange.q (x strange.o[]); CREATE VIEW strange.r AS SELECT x FROM strange.q, #');
-- Hangs all kinds of things on view mine.v, one after the other, as the stranger; then has the
-- owner run a command, and says what is left of the strange things.
CREATE FUNCTION strange(command text, kind int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text := (SELECT state_table FROM streaming.views WHERE view = 'mine.v'::regclass);
	left_over text;
BEGIN
	SET LOCAL ROLE stranger;
	EXECUTE (SELECT replace(replace(commands, '@', state), '#', replace(state, '_state', '_definition'))
		FROM public.kinds WHERE n = kind);
	SET LOCAL ROLE owner;
	EXECUTE command;
	RESET ROLE;
	SELECT string_agg(relname || '(' || (SELECT coalesce(string_agg(attname, ','), '') FROM pg_attribute
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) || ')', ' ' ORDER BY relname)
		INTO left_over FROM pg_class c
		WHERE relnamespace = 'strange'::regnamespace AND relkind IN ('r', 'v', 'p');
	-- all that is there depends on what is there
	IF EXISTS (SELECT FROM pg_depend d LEFT JOIN pg_class c ON c.oid = refobjid
			WHERE refclassid = 'pg_class'::regclass AND c.oid IS NULL) THEN
		RAISE 'something depends on nothing';
	END IF;
	PERFORM pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND relnamespace IN ('strange'::regnamespace, 'mine'::regnamespace);
	RAISE EXCEPTION USING ERRCODE = 'YYYYY', MESSAGE = coalesce(left_over, 'nothing');
EXCEPTION WHEN SQLSTATE 'YYYYY' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '[0-9]{6,}', 'N', 'g');
END $$;
SET ROLE owner;
CREATE TABLE mine.s (k int, x int) USING stream;
INSERT INTO mine.s SELECT i % 3, i FROM generate_series(1, 100) i;
CREATE MATERIALIZED VIEW mine.v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*) AS n FROM mine.s GROUP BY k;
REFRESH MATERIALIZED VIEW mine.v;
RESET ROLE;
SET client_min_messages = warning;
SELECT n, strange('DROP MATERIALIZED VIEW mine.v', n) FROM kinds ORDER BY n;
SELECT n, strange($$CALL streaming.replace('mine.v', 'SELECT k, count(*) AS n, sum(x) AS x FROM mine.s GROUP BY k')$$, n)
	FROM kinds ORDER BY n;
-- types are all that matters here
SELECT n, strange('ALTER TABLE mine.s SET UNLOGGED', n) FROM kinds ORDER BY n;
-- nothing is in the way here
SELECT strange($$SELECT streaming.reset('mine.v')$$, n), count(*) FROM kinds GROUP BY 1 ORDER BY 1;
SELECT strange('DROP VIEW mine.v', n), count(*) FROM kinds GROUP BY 1 ORDER BY 1;
-- nor for others who drop it
SELECT strange('DROP TABLE mine.s CASCADE', n) FROM kinds WHERE n IN (1, 3, 21);
-- nor for a dump that is to replace what is there
CREATE FUNCTION clean() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET row_security = off AS $$
DECLARE
	state text := (SELECT state_table FROM streaming.views WHERE view = 'mine.v'::regclass);
BEGIN
	CREATE OR REPLACE VIEW mine.v AS SELECT NULL::int AS k, NULL::bigint AS n;
	EXECUTE format('DROP TABLE %s', state);
	DROP VIEW mine.v;
	EXECUTE format('DROP VIEW %s', replace(state, '_state', '_definition'));
END $$;
SELECT n, strange('SELECT public.clean()', n) FROM kinds ORDER BY n;
DROP FUNCTION clean();
RESET client_min_messages;

-- What depends on the view itself is protected, whatever else it depends on.
CREATE FUNCTION hang(commands text, of_view text DEFAULT 'mine.v') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	state text := (SELECT state_table FROM streaming.views WHERE view = of_view::regclass);
BEGIN
	EXECUTE replace(commands, '@', state);
END $$;
GRANT SELECT ON mine.v TO stranger;
SET ROLE stranger;
SELECT hang('CREATE VIEW strange.o AS SELECT 1 AS i FROM @');
CREATE VIEW strange.both AS SELECT n FROM mine.v, strange.o;
CREATE VIEW strange.honest AS SELECT n FROM mine.v;
SET ROLE owner;
SET client_min_messages = error;
DROP MATERIALIZED VIEW mine.v;
RESET client_min_messages;
RESET ROLE;
SELECT relname FROM pg_class WHERE relnamespace = 'strange'::regnamespace AND relkind = 'v' ORDER BY 1;
-- the view stays, and with it what depends on it and on nothing else
SET ROLE owner;
CALL streaming.replace('mine.v', 'SELECT k, count(*) AS n, sum(x) AS x FROM mine.s GROUP BY k');
REFRESH MATERIALIZED VIEW mine.v;
TABLE mine.v EXCEPT ALL SELECT k, count(*) AS n, sum(x) AS x FROM mine.s GROUP BY k;
SELECT count(*) FROM mine.v;
RESET ROLE;
SELECT relname FROM pg_class WHERE relnamespace = 'strange'::regnamespace AND relkind = 'v' ORDER BY 1;
DROP VIEW strange.honest;
-- so does a continuous view above it, and what belongs to the owner
SET ROLE owner;
CREATE MATERIALIZED VIEW mine.c WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM mine.s GROUP BY k;
GRANT SELECT ON mine.c TO stranger;
SET ROLE stranger;
CREATE MATERIALIZED VIEW strange.above WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM mine.c GROUP BY n;
SELECT hang('CREATE VIEW strange.o AS SELECT 1 AS i FROM @', 'mine.c');
SET ROLE owner;
\set VERBOSITY sqlstate
DROP MATERIALIZED VIEW mine.c;
SET ROLE stranger;
DROP MATERIALIZED VIEW strange.above;
SET ROLE owner;
SELECT hang('CREATE VIEW mine.own AS SELECT 1 AS i FROM @', 'mine.c');
DROP MATERIALIZED VIEW mine.c;
DROP VIEW mine.own;
\set VERBOSITY default
DROP MATERIALIZED VIEW mine.c;
RESET ROLE;

-- A function that the view itself calls may come to depend on its state.
SET ROLE stranger;
CREATE FUNCTION strange.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
GRANT USAGE ON SCHEMA strange TO owner;
SET ROLE owner;
CREATE MATERIALIZED VIEW mine.w WITH (streaming.continuous) AS SELECT strange.f(k) AS k, count(*) AS n FROM mine.s GROUP BY 1;
SET ROLE stranger;
SELECT hang('CREATE OR REPLACE FUNCTION strange.f(int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT $1 + 0 * count(*)::int FROM @; END');
SET ROLE owner;
-- mine.w is kept, which depends on the view by that function, and so is the view
\set VERBOSITY sqlstate
DROP MATERIALIZED VIEW mine.v;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP MATERIALIZED VIEW mine.v, mine.w;
RESET ROLE;
SELECT relname FROM pg_class WHERE relnamespace IN ('strange'::regnamespace, 'mine'::regnamespace) AND relkind IN ('r', 'v') ORDER BY 1;
SELECT count(*) FROM pg_class c WHERE relnamespace = 'streaming'::regnamespace AND relname ~ '^_(state|definition)_[0-9]'
	AND NOT EXISTS (SELECT FROM streaming.views WHERE c.oid = state_table);

-- A chain that is too long for the server to go down to its end.
SET ROLE owner;
CREATE MATERIALIZED VIEW mine.v WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM mine.s GROUP BY k;
SET ROLE stranger;
SELECT hang('CREATE VIEW strange.o0 AS SELECT 1 AS i FROM @');
DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE VIEW strange.o%s AS SELECT i FROM strange.o%s', i, i - 1); END LOOP; END $$;
RESET ROLE;
SET max_stack_depth = '200kB';
SET ROLE owner;
DROP MATERIALIZED VIEW mine.v;
RESET ROLE;
RESET max_stack_depth;
SELECT count(*) FROM pg_class WHERE relnamespace = 'strange'::regnamespace AND relkind = 'v';
DROP TABLE kinds;
DROP FUNCTION strange(text, int), hang(text, text);
DROP SCHEMA mine, strange CASCADE;
DROP ROLE owner, stranger;
RESET client_min_messages;
\set VERBOSITY default
