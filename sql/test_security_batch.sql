-- What a function that a view calls may not do: lead to another batch, or get
-- at the batch that is running
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
SET ROLE regress_streaming_a;

CREATE TABLE s (k int, v int) USING stream;
CREATE TABLE other (k int) USING stream;
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
CREATE MATERIALIZED VIEW v_other WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT count(*) FROM other;
CREATE MATERIALIZED VIEW v_p WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT count(*) FROM p;

-- what the function does is in a table; a stable function may call a volatile one
CREATE TABLE plan (command text);
INSERT INTO plan VALUES ('SELECT 1');
CREATE FUNCTION act(command text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 1;
END $$;
CREATE FUNCTION evil(k int) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
	done int;
BEGIN
	SELECT act(command) INTO done FROM plan;
	RETURN k;
END $$;
CREATE FUNCTION evil_state(state int, k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	done int;
BEGIN
	SELECT act(command) INTO done FROM plan;
	RETURN COALESCE(state, 0) + COALESCE(k, 0);
END $$;
CREATE AGGREGATE evil_sum(int) (SFUNC = evil_state, STYPE = int, COMBINEFUNC = int4pl);
CREATE AGGREGATE evil_combined(int) (SFUNC = int4pl, STYPE = int, INITCOND = 0, COMBINEFUNC = evil_state);

CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) FROM s WHERE evil(v) > 0 GROUP BY k;
CREATE MATERIALIZED VIEW v_agg WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT evil_sum(v) FROM s;
CREATE MATERIALIZED VIEW v_combine WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, evil_combined(v) FROM s GROUP BY k;
INSERT INTO s VALUES (1, 1), (2, 2);
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v_agg;
REFRESH MATERIALIZED VIEW v_combine;

CREATE TEMP VIEW commands AS
	SELECT n, c AS command FROM unnest(ARRAY[
		'TRUNCATE s',
		'TRUNCATE other',
		'TRUNCATE plan',
		'DROP TABLE p2',
		'DROP TABLE plan',
		'ALTER TABLE p DETACH PARTITION p2',
		'ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2)',
		'CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT count(*) FROM other',
		'REFRESH MATERIALIZED VIEW v',
		'REFRESH MATERIALIZED VIEW v_other',
		'ALTER MATERIALIZED VIEW v SET (streaming.late_rows = keep)',
		'ALTER MATERIALIZED VIEW v RENAME TO w',
		'ALTER MATERIALIZED VIEW v OWNER TO regress_streaming_a',
		'DROP MATERIALIZED VIEW v',
		'DROP MATERIALIZED VIEW v_other',
		'DROP OWNED BY regress_streaming_a',
		'DROP SCHEMA public CASCADE',
		'CREATE INDEX ON v (k)',
		'CREATE TABLE x (k int) USING stream',
		'SELECT streaming.wait(''v'')',
		'SELECT streaming.wait(''v_other'', ''1 second'')',
		'SELECT * FROM streaming.explain(''v'')',
		'SELECT * FROM streaming.explain(''v_other'')',
		'DELETE FROM streaming._progress']) WITH ORDINALITY AS u(c, n);
SELECT format('UPDATE plan SET command = %L', command), 'INSERT INTO s VALUES (1, 1)',
	'REFRESH MATERIALIZED VIEW v', 'REFRESH MATERIALIZED VIEW v_agg', 'REFRESH MATERIALIZED VIEW v_combine'
FROM commands ORDER BY n \gexec

-- the same in a session, where TRUNCATE runs the batches
SELECT format('UPDATE plan SET command = %L', command), 'TRUNCATE s'
FROM commands WHERE command ~ 'TRUNCATE s|TRUNCATE other|DROP TABLE p2|DETACH|CREATE MAT|wait|explain' ORDER BY n \gexec
-- a function that does not mind an error
UPDATE plan SET command = $$DO 'BEGIN TRUNCATE other; EXCEPTION WHEN OTHERS THEN NULL; END'$$;
BEGIN;
INSERT INTO other VALUES (1);
TRUNCATE s;
COMMIT;
SELECT count(*) FROM other;

-- nothing has been lost or doubled
UPDATE plan SET command = 'SELECT 1';
INSERT INTO s VALUES (3, 3);
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v_agg;
REFRESH MATERIALIZED VIEW v_combine;
REFRESH MATERIALIZED VIEW v_other;
SELECT * FROM v ORDER BY k;
SELECT * FROM v_agg;
SELECT * FROM v_combine ORDER BY k;
SELECT check_view('v_other'), check_view('v_p');
-- the functions may read what they like, and write elsewhere
CREATE TABLE notes (k int);
UPDATE plan SET command = 'INSERT INTO notes SELECT count(*) FROM s';
INSERT INTO s VALUES (4, 4);
REFRESH MATERIALIZED VIEW v;
SELECT count(*) > 0 FROM notes;
DROP MATERIALIZED VIEW v, v_agg, v_combine, v_other, v_p;

-- a batch that fails in a session leaves nothing behind for others to find
CREATE TABLE t (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT ts, sum(10 / k) FROM t GROUP BY ts;
INSERT INTO t VALUES ('2026-01-01 10:00+00', 1), ('2026-01-01 09:00+00', 0);
TRUNCATE t;
\echo :LAST_ERROR_SQLSTATE
-- the function that puts rows aside is for the plan of a batch only
SELECT streaming._on_time(NULL::timestamptz, now(), NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT streaming._on_time('2026-01-01'::timestamp, now()::timestamp, '');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming._on_time(NULL::timestamptz, now());
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION forge(state int, k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	EXECUTE 'SELECT streaming._on_time(NULL::timestamptz, now(), NULL)';
	RETURN 0;
END $$;
CREATE AGGREGATE forged(int) (SFUNC = forge, STYPE = int, COMBINEFUNC = forge);
CREATE MATERIALIZED VIEW v_forged WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT ts, forged(k) FROM t GROUP BY ts;
REFRESH MATERIALIZED VIEW v_forged;
\echo :LAST_ERROR_SQLSTATE
SELECT late_rows, null_rows FROM streaming.views WHERE view = 'v_forged'::regclass;
SELECT count(*) FROM streaming.errors;
-- a session goes on as if nothing had been
DROP MATERIALIZED VIEW v, v_forged;
TRUNCATE t;
SELECT count(*) FROM t;
RESET ROLE;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a;
SELECT * FROM leftovers();
