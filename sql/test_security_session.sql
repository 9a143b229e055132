-- Who removes rows of a stream does not run the functions of others' views in the
-- own session, nor do these run with what is in it
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b;
-- a's stream; b's view with functions that look around
SET ROLE regress_streaming_a;
CREATE TABLE s (k int) USING stream;
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
GRANT SELECT ON s, p TO regress_streaming_b;
SET ROLE regress_streaming_b;
CREATE TABLE rates (rate int);
INSERT INTO rates VALUES (1);
CREATE TABLE witness (process text, tenant text);
CREATE FUNCTION act() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.witness VALUES (current_setting('application_name'),
		current_setting('app.tenant', true));
	PERFORM pg_advisory_lock(4711), setseed(0.5);
	RAISE DEBUG 'top secret';
	RETURN (SELECT rate FROM rates);
END $$;
CREATE FUNCTION rate(k int) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
	result int;
BEGIN
	SELECT act() INTO result;
	RETURN result;
END $$;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS SELECT sum(rate(k)), count(*) FROM s;
CREATE MATERIALIZED VIEW vp WITH (streaming.continuous, streaming.trigger = manual) AS SELECT sum(rate(k)), count(*) FROM p;

SET ROLE regress_streaming_a;
CREATE FUNCTION forged() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1000; END $$;
CREATE TEMP VIEW rates AS SELECT forged() AS rate;
GRANT SELECT ON rates TO PUBLIC;
SET app.tenant = '42';
INSERT INTO s VALUES (1), (2);
INSERT INTO p VALUES (1), (2);
SET client_min_messages = debug1;
TRUNCATE s;
DROP TABLE p1;
ALTER TABLE p DETACH PARTITION p2;
SET client_min_messages = warning;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711;
DROP VIEW rates;
SET ROLE regress_streaming_b;
SELECT * FROM v;
SELECT * FROM vp;
SELECT DISTINCT process, tenant FROM witness WHERE process = 'streaming worker';
SELECT count(*) FROM witness WHERE process <> 'streaming worker';

-- rows of the own transaction have never been there for the views of others; for
-- the own ones they have
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous) AS SELECT count(*) FROM s;
INSERT INTO s VALUES (1);
BEGIN;
INSERT INTO s VALUES (2), (3);
TRUNCATE s;
INSERT INTO s VALUES (4);
TRUNCATE s;
INSERT INTO s VALUES (5);
COMMIT;
REFRESH MATERIALIZED VIEW mine;
SELECT * FROM mine;
SET ROLE regress_streaming_b;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v;
-- a view that is paused has to be released, or resumed, if there are rows to read
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
SET ROLE regress_streaming_a;
TRUNCATE s;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES (6);
TRUNCATE s;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_b;
ALTER MATERIALIZED VIEW v SET (streaming.enabled = on);
SET ROLE regress_streaming_a;
TRUNCATE s;
SET ROLE regress_streaming_b;
SELECT * FROM v;
RESET ROLE;
RESET app.tenant;
DROP TABLE s, p, p2 CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_b CASCADE;
DROP ROLE regress_streaming_a, regress_streaming_b;
SELECT * FROM leftovers();
