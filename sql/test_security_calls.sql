-- A hostile role calls every function of the extension, with whatever it can think
-- of, from everywhere
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = error;

CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
CREATE TABLE not_his (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v_not_his WITH (streaming.continuous, streaming.late_rows = keep) AS SELECT ts, count(*) FROM not_his GROUP BY ts;
INSERT INTO not_his VALUES ('2026-01-01', 1);
REFRESH MATERIALIZED VIEW v_not_his;
INSERT INTO not_his VALUES ('2025-01-01', 1);
REFRESH MATERIALIZED VIEW v_not_his;

SET ROLE regress_streaming_a;
-- what a function is called with: nulls, and extreme values of its types
CREATE TABLE extremes (type regtype, value text);
INSERT INTO extremes
	SELECT DISTINCT t, NULL FROM pg_proc, unnest(proargtypes) t WHERE oid IN (
		SELECT objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_proc'::regclass
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'streaming'));
INSERT INTO extremes VALUES ('oid', '0'), ('oid', '4294967295'), ('oid', '1259'),
	('regclass', '0'), ('regclass', '4294967295'), ('regclass', 'pg_class'), ('regclass', 'not_his'), ('regclass', 'v_not_his'),
	('timestamptz', 'infinity'), ('timestamptz', '-infinity'), ('timestamptz', '4713-01-01 BC'), ('timestamptz', '294276-12-31'), ('timestamptz', '2026-01-01'),
	('timestamp', 'infinity'), ('timestamp', '-infinity'), ('timestamp', '4713-01-01 BC'), ('timestamp', '294276-12-31'), ('timestamp', '2026-01-01'),
	('interval', '0'), ('interval', '-1 s'), ('interval', '1 us'), ('interval', '178000000 years'), ('interval', '2147483647 days'), ('interval', '1 hour'),
	('text', ''), ('text', 'nowhere/at_all'), ('text', repeat('x', 10000)), ('text', 'Europe/Berlin'),
	('bool', 'true'), ('tstzrange', 'empty'), ('tstzrange', '(,)'), ('tstzrange', '(,infinity]'),
	('tsrange', 'empty'), ('tsrange', '(,)'), ('tsrange', '(,infinity]'), ('internal', 'x');
-- the calls: all arguments null, all extreme in the same degree, and one null each
CREATE TABLE calls (f regprocedure, call text);
INSERT INTO calls
	SELECT p.oid, format(CASE WHEN prokind = 'p' THEN 'CALL %s(%s)' ELSE 'SELECT %s(%s) LIMIT 1' END, p.oid::regproc,
		(SELECT string_agg(COALESCE(format('%L::%s', e.value, t.type::regtype), 'NULL::' || t.type::regtype), ', ' ORDER BY t.n)
		 FROM unnest(p.proargtypes) WITH ORDINALITY AS t(type, n)
			LEFT JOIN LATERAL (SELECT value FROM extremes x WHERE x.type = t.type AND (degree > 0 OR value IS NULL)
				ORDER BY value NULLS FIRST OFFSET CASE WHEN degree = 0 OR hole = t.n THEN 0 ELSE (degree + t.n * shift) % (SELECT count(*) FROM extremes x WHERE x.type = t.type) END LIMIT 1) e ON true))
	FROM pg_proc p, generate_series(0, 6) degree, generate_series(0, 2) shift, generate_series(0, 5) hole
	WHERE p.oid IN (
		SELECT objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_proc'::regclass
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'streaming')) AND hole <= pronargs;
SELECT count(*) > 500 FROM (SELECT DISTINCT call FROM calls) c;
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
-- what comes of them, called as they are (one that works may yield very many rows)
SELECT f, string_agg(outcome, ' ' ORDER BY outcome COLLATE "C") AS outcomes
FROM (SELECT DISTINCT f, try(call) AS outcome FROM calls) c GROUP BY f ORDER BY f::text COLLATE "C";

-- from a batch: in a condition, an aggregate, a policy, a default, a trigger, an index
CREATE FUNCTION call_all(k int) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
	outcomes text[];
BEGIN
	SELECT array_agg(DISTINCT try(call)) INTO outcomes FROM (SELECT DISTINCT call FROM calls) c;
	RETURN COALESCE(k, 0);
END $$;
CREATE FUNCTION call_all_in_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM call_all(1); RETURN NEW; END $$;
CREATE FUNCTION call_all_state(state int, k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN COALESCE(state, 0) + call_all(k); END $$;
CREATE FUNCTION call_all_constant(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE SET search_path = public AS $$ BEGIN RETURN call_all(k); END $$;
CREATE AGGREGATE call_all_sum(int) (SFUNC = call_all_state, STYPE = int, COMBINEFUNC = call_all_state);
CREATE TABLE s (ts timestamptz, k int DEFAULT call_all(7)) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.max_future = '1 hour');
CREATE TRIGGER t BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION call_all_in_trigger();
CREATE INDEX ON s (k) WHERE k > call_all_constant(-1);
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
ALTER TABLE s FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON s USING (k = call_all(k)) WITH CHECK (call_all(k) = k);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT ts, count(*), call_all_sum(k) FROM s WHERE call_all(k) > 0 GROUP BY ts;
INSERT INTO s (ts) VALUES ('2026-01-01');
REFRESH MATERIALIZED VIEW v;
INSERT INTO s VALUES ('2026-01-01', 1), ('2025-01-01', 2), (NULL, 3), ('2126-01-01', 4);
REFRESH MATERIALIZED VIEW v;
TRUNCATE s;
INSERT INTO s VALUES ('2026-01-01', 5);
TRUNCATE s;
SELECT ts, count, call_all_sum FROM v ORDER BY ts;
SELECT late_rows, null_rows FROM streaming.views WHERE view = 'v'::regclass;
SELECT reason, k.f2 FROM streaming.errors, LATERAL (SELECT split_part(stream_row, ',', 2) AS f2) k ORDER BY 1, 2;
RESET ROLE;

-- all of it has left what is not his alone
SELECT * FROM v_not_his;
SELECT late_rows, null_rows FROM streaming.views WHERE view = 'v_not_his'::regclass;
SELECT count(*) FROM streaming.errors WHERE view = 'v_not_his'::regclass;
SELECT state FROM streaming.views WHERE view = 'v_not_his'::regclass;
DROP TABLE not_his CASCADE;
DROP OWNED BY regress_streaming_a CASCADE;
DROP ROLE regress_streaming_a;
SELECT * FROM leftovers();
