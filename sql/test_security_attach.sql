-- As whom relations of a view are made, and what may be attached to them
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
CREATE TABLE s (k int, v int, t text) USING stream;
GRANT SELECT ON s TO regress_streaming_a;
INSERT INTO s VALUES (1, 10, 'x'), (2, 20, 'y');

-- a default tablespace that the user may not use is not used for him
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_streaming_closed LOCATION '';
CREATE TABLESPACE regress_streaming_open LOCATION '';
GRANT CREATE ON TABLESPACE regress_streaming_open TO regress_streaming_a;
CREATE TEMP VIEW places AS
	SELECT regexp_replace(c.relname, '\d+', 'N') AS relation, t.spcname
	FROM pg_class c LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
	WHERE c.relnamespace = 'streaming'::regnamespace AND c.relkind IN ('r', 'i')
		AND c.relname !~ '^_(view|progress|stream|rejection|error|release|mark)'
	ORDER BY c.relname COLLATE "C";
GRANT SELECT ON places TO PUBLIC;
SET ROLE regress_streaming_a;
SET default_tablespace = regress_streaming_closed;
CREATE TABLE t (k int);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
SET default_tablespace = '';
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) TABLESPACE regress_streaming_closed AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) TABLESPACE regress_streaming_nowhere AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
SELECT * FROM places;
SET default_tablespace = regress_streaming_closed;
CREATE INDEX ON v (count);
\echo :LAST_ERROR_SQLSTATE
CREATE INDEX v_pg_default ON v (count) TABLESPACE pg_default;
SET default_tablespace = regress_streaming_open;
CREATE INDEX v_open ON v (count);
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
SELECT * FROM places;
DROP MATERIALIZED VIEW w;
DROP INDEX streaming.v_open, streaming.v_pg_default;
RESET default_tablespace;
RESET ROLE;
REVOKE ALL ON TABLESPACE regress_streaming_open FROM regress_streaming_a;
DROP TABLESPACE regress_streaming_closed;
DROP TABLESPACE regress_streaming_open;

-- event triggers see the user, and what he has done
CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY, event text, tag text, who name, objects text);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	objects text;
BEGIN
	IF tg_event = 'ddl_command_end' THEN
		SELECT string_agg(object_type || ' ' || regexp_replace(object_identity, '\d+', 'N'), ', ') INTO objects FROM pg_event_trigger_ddl_commands();
	ELSIF tg_event = 'sql_drop' THEN
		SELECT string_agg(object_type || ' ' || regexp_replace(object_identity, '\d+', 'N'), ', ' ORDER BY object_identity) INTO objects
		FROM pg_event_trigger_dropped_objects() WHERE object_type IN ('index', 'view');
	END IF;
	INSERT INTO seen (event, tag, who, objects) VALUES (tg_event, tg_tag, current_user, objects);
END $$;
CREATE EVENT TRIGGER note_start ON ddl_command_start EXECUTE FUNCTION note();
CREATE EVENT TRIGGER note_end ON ddl_command_end EXECUTE FUNCTION note();
CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION note();
SET ROLE regress_streaming_a;
CREATE INDEX v_count ON v (count);
CREATE INDEX IF NOT EXISTS v_count ON v (count);
CREATE INDEX ON v (k, count);
DROP INDEX streaming.v_count;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, sum(v) FROM s GROUP BY k;
ALTER MATERIALIZED VIEW w SET (streaming.enabled = off);
DROP MATERIALIZED VIEW w;
RESET ROLE;
DROP EVENT TRIGGER note_start;
DROP EVENT TRIGGER note_end;
DROP EVENT TRIGGER note_drop;
SELECT event, tag, who, objects FROM seen ORDER BY n;
DROP FUNCTION note;
DROP TABLE seen;
\d v
SELECT * FROM places;

-- functions that an index runs see the view's owner, whoever creates it
SET ROLE regress_streaming_a;
CREATE FUNCTION compare(int8, int8) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RAISE WARNING 'I am %', current_user;
	RETURN btint8cmp($1, $2);
END $$;
RESET ROLE;
CREATE OPERATOR CLASS noted FOR TYPE int8 USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compare(int8, int8);
REFRESH MATERIALIZED VIEW v;
CREATE INDEX v_noted ON v (count noted);
SET ROLE regress_streaming_a;
CREATE INDEX v_noted_too ON v (count noted);
RESET ROLE;
DROP OPERATOR FAMILY noted USING btree CASCADE;
DROP FUNCTION compare;

-- what may be attached to internal relations, or done to their storage
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '\d+', 'N', 'g');
END $$;
CREATE TEMP VIEW attempts AS
	SELECT row_number() OVER () AS n, c AS command FROM unnest(ARRAY[
		'CREATE PUBLICATION p FOR TABLE @state',
		'CREATE PUBLICATION p FOR TABLE s, @state WHERE (count > 1)',
		'CREATE PUBLICATION p FOR TABLE streaming._progress',
		'CREATE PUBLICATION p',
		'ALTER PUBLICATION p ADD TABLE @state',
		'ALTER PUBLICATION p SET TABLE @state',
		'ALTER PUBLICATION p DROP TABLE @state',
		'CREATE TABLE fk (k int REFERENCES @state (k))',
		'CREATE TABLE fk (k int, FOREIGN KEY (k) REFERENCES @state (k))',
		'CREATE TABLE fk (k int REFERENCES streaming._view)',
		'CREATE TABLE fk (k int)',
		'ALTER TABLE fk ADD FOREIGN KEY (k) REFERENCES @state (k)',
		'ALTER TABLE fk ADD COLUMN l int REFERENCES @state (k)',
		'ALTER TABLE fk INHERIT @state',
		'CREATE TABLE child () INHERITS (@state)',
		'CREATE FOREIGN TABLE child () INHERITS (@state) SERVER nowhere',
		'DROP TABLE fk',
		'ALTER EXTENSION plpgsql ADD TABLE @state',
		'ALTER EXTENSION plpgsql ADD VIEW @definition',
		'ALTER EXTENSION streaming DROP TABLE streaming._view',
		'ALTER EXTENSION streaming DROP VIEW streaming.views',
		'ALTER INDEX @state_key DEPENDS ON EXTENSION plpgsql',
		'CREATE STATISTICS st ON k, count FROM @state',
		'CREATE STATISTICS st ON (k + 1) FROM @state',
		'COMMENT ON TABLE @state IS ''x''',
		'COMMENT ON VIEW @definition IS ''x''',
		'COMMENT ON COLUMN @state.k IS ''x''',
		'COMMENT ON INDEX @state_key IS ''x''',
		'COMMENT ON INDEX streaming.v_k_idx IS ''x''',
		'COMMENT ON RULE "_RETURN" ON @definition IS ''x''',
		'COMMENT ON TABLE streaming._view IS ''x''',
		'COMMENT ON VIEW streaming.views IS ''x''',
		'SECURITY LABEL ON TABLE @state IS ''x''',
		'SECURITY LABEL ON COLUMN @state.k IS ''x''',
		'CREATE TRIGGER t AFTER INSERT ON @state EXECUTE FUNCTION suppress_redundant_updates_trigger()',
		'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON other FROM @state FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
		'CREATE RULE r AS ON INSERT TO @state DO ALSO NOTHING',
		'CREATE POLICY p ON @state USING (false)',
		'ALTER TABLE @state ENABLE ROW LEVEL SECURITY',
		'ALTER TABLE @state REPLICA IDENTITY NOTHING',
		'ALTER TABLE @state CLUSTER ON @index',
		'ALTER TABLE @state ALTER COLUMN count SET DEFAULT 0',
		'ALTER TABLE @state ADD CHECK (count < 3)',
		'ALTER TABLE @state SET UNLOGGED',
		'ALTER TABLE @state SET ACCESS METHOD heap',
		'ALTER INDEX @state_key RENAME TO x',
		'DROP INDEX @state_key',
		'ALTER SCHEMA streaming RENAME TO other',
		'CREATE SEQUENCE sq OWNED BY @state.k']) c;
GRANT SELECT ON attempts TO PUBLIC;
CREATE TEMP TABLE internal AS
	SELECT state_table::text AS state, replace(state_table::text, '_state_', '_definition_') AS definition,
		replace(state_table::text, 'streaming.', '') || '_key' AS index
	FROM streaming.views WHERE view = 'v'::regclass;
GRANT SELECT ON internal TO PUBLIC;
CREATE TABLE other (k int);
ALTER TABLE other OWNER TO regress_streaming_a;
GRANT CREATE ON DATABASE :DBNAME TO regress_streaming_a;
SELECT command, try(replace(replace(replace(command, '@state', state), '@definition', definition), '@index', index)) FROM attempts, internal ORDER BY n;
DROP PUBLICATION p;
SET ROLE regress_streaming_a;
SELECT command, try(replace(replace(replace(command, '@state', state), '@definition', definition), '@index', index)) FROM attempts, internal
WHERE command !~ 'streaming\.|EXTENSION|SCHEMA' ORDER BY n;
DROP PUBLICATION p;
RESET ROLE;
REVOKE CREATE ON DATABASE :DBNAME FROM regress_streaming_a;
DROP TABLE other;

-- storage may be rewritten: batches notice
CREATE TEMP TABLE rewrites AS
	SELECT row_number() OVER () AS n, c AS command FROM unnest(ARRAY[
		'REINDEX TABLE @state', 'REINDEX INDEX @state_key', 'REINDEX TABLE CONCURRENTLY @state', 'REINDEX SCHEMA streaming',
		'CLUSTER @state USING @index', 'VACUUM FULL @state', 'VACUUM (FULL, FREEZE) streaming._progress',
		'VACUUM FREEZE @state', 'ANALYZE @state', 'REINDEX TABLE CONCURRENTLY streaming._view']) c;
REFRESH MATERIALIZED VIEW v;
\set ECHO none
SELECT unnest(ARRAY[
	replace(replace(command, '@state', state), '@index', index),
	format('INSERT INTO s SELECT i %% 7, %s FROM generate_series(1, 20) i', n),
	'REFRESH MATERIALIZED VIEW v',
	'SELECT 1 / (check_view(''v'') = ''ok'')::int'])
FROM rewrites, internal ORDER BY n
\o /dev/null
\gexec
\o
\set ECHO all
SELECT check_view('v'), sum(count) FROM v;

-- FOR ALL TABLES has the state tables in it: batches go on without a replica identity
SET client_min_messages = error;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION ours FOR TABLES IN SCHEMA streaming;
RESET client_min_messages;
SELECT count(*) > 0 AS published FROM pg_publication_tables WHERE tablename ~ '^_state_';
INSERT INTO s VALUES (1, 1, 'x'), (8, 1, 'x');
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
DROP PUBLICATION everything, ours;

SET client_min_messages = warning;
DROP TABLE s CASCADE;
DROP VIEW attempts, places;
DROP TABLE internal, rewrites;
DROP FUNCTION try;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a;
SELECT * FROM leftovers();
