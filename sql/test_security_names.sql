-- Names that could come to mean a relation of a view while the command waits for
-- its lock are refused, whatever they mean at first.
CREATE TABLE s (i int) USING stream;
CREATE MATERIALIZED VIEW v
	WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT i, count(*) AS n FROM s GROUP BY i;
-- one of the user's own, before that of the view in the search path
DO $$
BEGIN
	EXECUTE format('CREATE TABLE public.%I (i int)', (SELECT relname
		FROM pg_class WHERE oid = (SELECT state_table FROM streaming.views
			WHERE view = 'v'::regclass)));
END $$;
CREATE FUNCTION attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	viewid text := public.number_of('v');
	hint text;
BEGIN
	EXECUTE replace(command, '@', '_state_' || viewid);
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || replace(SQLERRM, viewid, 'N') || ' | ' ||
		replace(hint, viewid, 'N');
END $$;
CREATE TABLE commands (n serial, command text);
INSERT INTO commands (command) VALUES
	('ALTER TABLE @ ADD COLUMN j int'),
	('TRUNCATE @'),
	('CREATE INDEX ON @ (i)'),
	('CREATE RULE r AS ON INSERT TO @ DO INSTEAD NOTHING'),
	('CREATE POLICY p ON @'),
	('CREATE TABLE t () INHERITS (@)'),
	('COMMENT ON TABLE @ IS ''mine'''),
	('CREATE STATISTICS st ON (i + 1) FROM @'),
	('CREATE PUBLICATION p FOR TABLE @'),
	('ALTER TABLE @ SET SCHEMA pg_temp'),
	('ALTER TABLE @ RENAME TO other');
SET client_min_messages = error;
-- as long as our schema is not looked at
SELECT command, attempt(command) FROM commands WHERE command ~ 'ADD COLUMN';
SET search_path = public, streaming;
SELECT command, attempt(command) FROM commands ORDER BY n;
-- with its schema, it is clear what is meant
SELECT attempt('ALTER TABLE public.@ ADD COLUMN k int');
SELECT attempt('TRUNCATE public.@');
-- one that is still to come
SELECT attempt('ALTER TABLE streaming._state_1 ADD COLUMN k int');
SELECT attempt('ALTER TABLE public._state_1 ADD COLUMN k int');
RESET search_path;
RESET client_min_messages;
-- a temporary table does not hide the view that would be replaced
CREATE MATERIALIZED VIEW hidden WITH (streaming.continuous) AS SELECT count(*) AS n FROM s;
CREATE TEMP TABLE hidden (n bigint);
CREATE OR REPLACE VIEW hidden AS SELECT 1::bigint AS n, 2 AS m;
CREATE OR REPLACE VIEW public.hidden AS SELECT 1::bigint AS n, 2 AS m;
DROP TABLE pg_temp.hidden;
CREATE OR REPLACE VIEW hidden AS SELECT 1::bigint AS n, 2 AS m;
CREATE OR REPLACE TEMP VIEW hidden AS SELECT 1::bigint AS n, 2 AS m;
TABLE hidden;
DROP VIEW pg_temp.hidden;
\d hidden
DROP MATERIALIZED VIEW hidden;
SELECT attempt('DROP TABLE public.@');
DROP TABLE commands;
DROP FUNCTION attempt(text);
DROP TABLE s CASCADE;
