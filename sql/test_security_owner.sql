-- As whom the functions of a view are run: its owner, whoever starts it; and whose
-- functions an owner with more rights runs: those that he has asked for
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_dba CREATEROLE;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b, regress_streaming_dba;

-- functions called immutable that tell who runs them, with what rights
CREATE TABLE witness (who text, restricted text);
GRANT INSERT ON witness TO PUBLIC;
SET ROLE regress_streaming_a;
CREATE FUNCTION act(note text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	restricted text := 'no';
BEGIN
	BEGIN
		EXECUTE 'SET ROLE NONE';
	EXCEPTION WHEN insufficient_privilege THEN
		restricted := 'yes';
	END;
	INSERT INTO public.witness VALUES (current_user, restricted);
	PERFORM set_config('enable_sort', 'on', false), set_config('work_mem', '1MB', false),
		set_config('search_path', 'pg_temp', false);
	RETURN 1;
END $$;
CREATE FUNCTION called(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	done int;
BEGIN
	SELECT public.act('x') INTO done;
	RETURN k;
END $$;
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
INSERT INTO s VALUES ('2026-01-01', 1);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, called(1) * interval '1 hour') AS w, count(*) FROM s WHERE k > called(0) GROUP BY w;
RESET ROLE;
SELECT DISTINCT * FROM witness;

-- a superuser changes, explains, refreshes, truncates, and looks at his settings
CREATE TEMP VIEW settings AS
	SELECT name, setting FROM pg_settings WHERE name IN ('enable_sort', 'work_mem', 'search_path', 'enable_partitionwise_aggregate');
CREATE TEMP TABLE before AS SELECT * FROM settings;
TRUNCATE witness;
ALTER MATERIALIZED VIEW v SET (streaming.late_rows = keep);
SELECT DISTINCT * FROM witness;
TABLE settings EXCEPT TABLE before;
TRUNCATE witness;
SELECT count(*) > 0 FROM streaming.explain('v');
SELECT DISTINCT * FROM witness;
TABLE settings EXCEPT TABLE before;
SET enable_sort = on;
BEGIN;
SELECT count(*) > 0 FROM streaming.explain('v');
TABLE settings EXCEPT TABLE before;
COMMIT;
TRUNCATE witness;
REFRESH MATERIALIZED VIEW v;
SELECT DISTINCT * FROM witness;
INSERT INTO s VALUES ('2026-01-02', 2);
TRUNCATE witness;
TRUNCATE s;
SELECT DISTINCT * FROM witness;
TABLE settings EXCEPT TABLE before;
SELECT * FROM v ORDER BY w;
-- one who may not read the stream any more does not plan, either
ALTER TABLE s OWNER TO CURRENT_USER;
REVOKE ALL ON s FROM regress_streaming_a;
ALTER MATERIALIZED VIEW v SET (streaming.late_rows = drop);
ALTER MATERIALIZED VIEW v SET (streaming.late_rows = keep);
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW v;
ALTER TABLE s OWNER TO regress_streaming_a;

-- an owner with more rights does not run functions of others unasked: in a view,
SET ROLE regress_streaming_a;
CREATE VIEW in_view AS SELECT ts, called(k) AS k FROM s;
CREATE TABLE in_index (k int) USING stream;
CREATE INDEX in_index_f ON in_index (k) WHERE k > called(1);
CREATE TABLE in_policy (k int) USING stream;
ALTER TABLE in_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON in_policy USING (k = called(k));
CREATE TABLE in_check (k int CHECK (k < called(1000))) USING stream;
CREATE TABLE in_statistics (k int) USING stream;
CREATE STATISTICS in_statistics_s ON (k + called(1)) FROM in_statistics;
CREATE DOMAIN in_domain AS int CHECK (VALUE < called(1000));
CREATE VIEW with_domain AS SELECT k::in_domain AS k FROM in_index;
CREATE TABLE in_partition (k int) PARTITION BY LIST (k);
CREATE TABLE in_partition_1 PARTITION OF in_partition FOR VALUES IN (1) USING stream;
CREATE FUNCTION inlined(k int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + public.called(1) $$;
CREATE INDEX ON in_partition_1 ((inlined(k)));
CREATE TABLE harmless (k int) USING stream;
CREATE INDEX ON harmless ((k + 1)) WHERE k > abs(-1);
ALTER TABLE harmless ADD CHECK (called(k) > 0);
CREATE VIEW harmless_view AS SELECT abs(k) AS k FROM harmless;
GRANT SELECT ON s, in_view, in_index, in_policy, in_check, in_statistics, with_domain, in_partition, harmless, harmless_view
	TO regress_streaming_b, regress_streaming_dba;
RESET ROLE;
TRUNCATE witness;
SELECT format('CREATE MATERIALIZED VIEW v_%1$s WITH (streaming.continuous) AS SELECT k, count(*) FROM %1$s GROUP BY k', r)
FROM unnest(ARRAY['in_view', 'in_index', 'in_policy', 'in_check', 'in_statistics', 'with_domain', 'in_partition', 'harmless', 'harmless_view']) r \gexec
SELECT * FROM witness;
-- the same for one with CREATEROLE
SET ROLE regress_streaming_dba;
SELECT format('CREATE MATERIALIZED VIEW v_%1$s WITH (streaming.continuous) AS SELECT k, count(*) FROM %1$s GROUP BY k', r)
FROM unnest(ARRAY['in_view', 'in_policy', 'harmless']) r \gexec
-- and for the owner of the database, who is a member of pg_database_owner, and for members of a superuser's role
RESET ROLE;
CREATE ROLE regress_streaming_super SUPERUSER;
CREATE ROLE regress_streaming_staff ROLE regress_streaming_b;
GRANT regress_streaming_super TO regress_streaming_staff;
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW v_in_view WITH (streaming.continuous) AS SELECT k, count(*) FROM in_view GROUP BY k;
RESET ROLE;
DROP ROLE regress_streaming_super, regress_streaming_staff;
SELECT format('ALTER DATABASE %I OWNER TO regress_streaming_b', current_database()) \gexec
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW v_in_view WITH (streaming.continuous) AS SELECT k, count(*) FROM in_view GROUP BY k;
RESET ROLE;
SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), current_user) \gexec
-- among equals, all is as always
SET ROLE regress_streaming_b;
SELECT format('CREATE MATERIALIZED VIEW v_%1$s WITH (streaming.continuous) AS SELECT k, count(*) FROM %1$s GROUP BY k', r)
FROM unnest(ARRAY['in_view', 'in_policy', 'harmless']) r \gexec
DROP MATERIALIZED VIEW v_in_view, v_in_policy, v_harmless;
RESET ROLE;
-- what the query itself names is asked for
RESET ROLE;
CREATE TABLE mine (k int) PARTITION BY LIST (k);
CREATE TABLE mine1 PARTITION OF mine FOR VALUES IN (1) USING stream;
CREATE TABLE mine2 (k int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT called(k), count(*) FROM mine GROUP BY 1;
DROP MATERIALIZED VIEW v;
-- by option
INSERT INTO s VALUES ('2026-01-01', 1);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trust_functions = on) AS SELECT k, count(*) FROM in_view GROUP BY k;
REFRESH MATERIALIZED VIEW v;
SELECT DISTINCT who = current_user, restricted FROM witness;
ALTER MATERIALIZED VIEW v RESET (streaming.trust_functions);
INSERT INTO s VALUES ('2026-01-02', 2);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.trust_functions = on);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
DROP MATERIALIZED VIEW v;
-- and later, when a relation changes hands, or comes
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM mine GROUP BY k;
INSERT INTO mine VALUES (1);
REFRESH MATERIALIZED VIEW v;
ALTER TABLE mine1 OWNER TO regress_streaming_a;
INSERT INTO mine VALUES (1);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE mine1 OWNER TO CURRENT_USER;
REFRESH MATERIALIZED VIEW v;
ALTER TABLE mine2 OWNER TO regress_streaming_a;
ALTER TABLE mine ATTACH PARTITION mine2 FOR VALUES IN (2);
INSERT INTO mine VALUES (2);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
-- a role that gets more rights loses the view, one that loses them gets it
ALTER MATERIALIZED VIEW v OWNER TO regress_streaming_b;
GRANT SELECT ON mine TO regress_streaming_b;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
ALTER ROLE regress_streaming_b CREATEDB;
INSERT INTO mine VALUES (2);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
ALTER ROLE regress_streaming_b NOCREATEDB;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
DROP TABLE mine CASCADE;

-- what is above a partition decides about its indexes
SET ROLE regress_streaming_a;
CREATE TABLE par (k int) PARTITION BY LIST (k);
RESET ROLE;
CREATE TABLE par1 PARTITION OF par FOR VALUES IN (1) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM par1 GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE par DETACH PARTITION par1;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM par1 GROUP BY k;
ALTER TABLE par ATTACH PARTITION par1 FOR VALUES IN (1);
INSERT INTO par1 VALUES (1);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE par CASCADE;

-- policies and functions that go by session_user take a batch for the owner's, not for one of
-- the superuser's whose the worker is, nor of whom ALTER DATABASE says: one view, and several
-- in a transaction
CREATE TABLE private (owner text, k int) USING stream;
ALTER TABLE private ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON private USING (owner = session_user);
GRANT SELECT ON private TO regress_streaming_a;
CREATE FUNCTION for_superusers() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
		RETURN 'not for you';
	END IF;
	RETURN 'secret';
END $$;
SET ROLE regress_streaming_a;
CREATE FUNCTION reads(k int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN for_superusers(); END $$;
CREATE MATERIALIZED VIEW one WITH (streaming.continuous) AS SELECT owner, count(*) FROM private GROUP BY owner;
CREATE MATERIALIZED VIEW two WITH (streaming.continuous) AS SELECT session_user, current_user, count(*) FROM private GROUP BY 1, 2;
CREATE MATERIALIZED VIEW three WITH (streaming.continuous) AS SELECT reads(k) AS r, count(*) FROM private GROUP BY r;
RESET ROLE;
CREATE PROCEDURE show_private() LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	INSERT INTO private SELECT rolname, 1 FROM pg_roles WHERE rolsuper OR rolname ~ '^regress_streaming_[ab]$';
	COMMIT;
	PERFORM streaming.wait('one'), streaming.wait('two'), streaming.wait('three');
	FOR r IN SELECT 'one' AS view, one::text AS row FROM one UNION ALL SELECT 'two', two::text FROM two
			UNION ALL SELECT 'three', three::text FROM three LOOP
		RAISE WARNING '% %', r.view, r.row;
	END LOOP;
END $$;
CALL show_private();
SELECT format('ALTER DATABASE %I SET %s = %I', current_database(), s, 'regress_streaming_b') FROM unnest(ARRAY['role', 'session_authorization']) s \gexec
SELECT count(pg_terminate_backend(pid, 10000)) > 0 FROM pg_stat_activity
WHERE datname = current_database() AND backend_type IN ('streaming worker', 'streaming scheduler');
CALL show_private();
SELECT format('ALTER DATABASE %I RESET %s', current_database(), s) FROM unnest(ARRAY['role', 'session_authorization']) s \gexec
SELECT count(pg_terminate_backend(pid, 10000)) > 0 FROM pg_stat_activity
WHERE datname = current_database() AND backend_type IN ('streaming worker', 'streaming scheduler');
DROP TABLE private CASCADE;

-- types that he may not use, in the query but not in what comes of it: their owners could
-- not change them any more
CREATE DOMAIN private_domain AS int;
CREATE TYPE private_enum AS ENUM ('a', 'b');
CREATE TYPE private_row AS (a int);
REVOKE USAGE ON TYPE private_domain, private_enum, private_row FROM PUBLIC;
CREATE TABLE typed (k int, t text, e private_enum) USING stream;
GRANT SELECT ON typed TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous) AS SELECT (k::private_domain)::int AS x, count(*) FROM typed GROUP BY 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous) AS SELECT k FROM typed WHERE t IN ('a', 'b') AND 'b'::private_enum = e;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous) AS SELECT k, count(*) FROM typed GROUP BY k HAVING (ROW(count(*))::private_row).a > 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous) AS
	SELECT q.k, max(n) FROM (SELECT k, count(*) AS n FROM typed GROUP BY k, ('{a}'::private_enum[])[k]) q GROUP BY q.k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous) AS SELECT k, count(*) FROM typed GROUP BY k;
CALL streaming.replace('tv', $$SELECT k, count(*) FROM typed WHERE t <> ('b'::private_enum)::text GROUP BY k$$);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT USAGE ON TYPE private_enum TO regress_streaming_a;
SET ROLE regress_streaming_a;
CALL streaming.replace('tv', $$SELECT k, count(*) FROM typed WHERE t <> ('b'::private_enum)::text GROUP BY k$$);
RESET ROLE;
INSERT INTO typed VALUES (1, 'a', 'a'), (1, 'b', 'b');
REFRESH MATERIALIZED VIEW tv;
SELECT check_view('tv');
ALTER DOMAIN private_domain ADD CHECK (VALUE < 100);
DROP TYPE private_domain, private_row;
DROP TABLE typed CASCADE;
DROP TYPE private_enum;

DROP OWNED BY regress_streaming_a, regress_streaming_b, regress_streaming_dba CASCADE;
DROP TABLE witness;
DROP ROLE regress_streaming_a, regress_streaming_b, regress_streaming_dba;
SELECT * FROM leftovers();
