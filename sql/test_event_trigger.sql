-- Event triggers see the commands on continuous views
\set SHOW_CONTEXT never
CREATE TABLE s (k int, v int) USING stream;
CREATE FUNCTION report() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	IF TG_EVENT = 'ddl_command_end' THEN
		FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
			RAISE NOTICE '% % %: % %', TG_EVENT, TG_TAG, r.command_tag, r.object_type, regexp_replace(r.object_identity, '\d{2,}', 'N');
		END LOOP;
	ELSIF TG_EVENT = 'sql_drop' THEN
		FOR r IN SELECT * FROM pg_event_trigger_dropped_objects() WHERE original AND object_type LIKE '%view' LOOP
			RAISE NOTICE '% %: % %', TG_EVENT, TG_TAG, r.object_type, r.object_identity;
		END LOOP;
	ELSE
		RAISE NOTICE '% %', TG_EVENT, TG_TAG;
	END IF;
END $$;
CREATE EVENT TRIGGER e_start ON ddl_command_start EXECUTE FUNCTION report();
CREATE EVENT TRIGGER e_end ON ddl_command_end EXECUTE FUNCTION report();
CREATE EVENT TRIGGER e_drop ON sql_drop EXECUTE FUNCTION report();

CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW IF NOT EXISTS v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
ALTER MATERIALIZED VIEW v RENAME TO w;
CREATE INDEX ON w (count);
DROP MATERIALIZED VIEW w;
DROP MATERIALIZED VIEW m, v2;
DO $$
BEGIN
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
	DROP MATERIALIZED VIEW v;
END $$;

-- one that forbids it
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE '% is forbidden', TG_TAG;
END $$;
DROP EVENT TRIGGER e_start;
DROP EVENT TRIGGER e_end;
DROP EVENT TRIGGER e_drop;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
CREATE EVENT TRIGGER e_start ON ddl_command_start WHEN TAG IN ('CREATE MATERIALIZED VIEW') EXECUTE FUNCTION forbid();
CREATE EVENT TRIGGER e_drop ON sql_drop WHEN TAG IN ('DROP MATERIALIZED VIEW') EXECUTE FUNCTION forbid();
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
DROP MATERIALIZED VIEW v, m;
DROP EVENT TRIGGER e_start;
DROP EVENT TRIGGER e_drop;
REFRESH MATERIALIZED VIEW v;
SELECT view FROM streaming.views;
SET client_min_messages = warning;
DROP TABLE s CASCADE;
DROP FUNCTION report, forbid;
SELECT * FROM leftovers();
