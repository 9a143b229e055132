-- Texts and times that are data: who sees them
\set SHOW_CONTEXT always
SET client_min_messages = warning;

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_c;
CREATE ROLE regress_streaming_member IN ROLE regress_streaming_a;
CREATE ROLE regress_streaming_monitor IN ROLE pg_read_all_stats;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
CREATE TABLE s (ts timestamptz, k int, secret text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute', streaming.max_future = '1 day');
GRANT SELECT ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE FUNCTION fails(text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF $1 ~ 'secret' THEN
		RAISE 'message %', $1 USING ERRCODE = 'AB123', DETAIL = 'detail ' || $1, HINT = 'hint ' || $1;
	END IF;
	RETURN $1;
END $$;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT date_trunc('hour', ts) AS h, fails(secret) AS x, count(*) FROM s WHERE k <> 4711 GROUP BY 1, 2;
GRANT SELECT ON v TO regress_streaming_b, regress_streaming_monitor, regress_streaming_member;
RESET ROLE;
INSERT INTO s VALUES ('2026-01-01 12:34:56.789+00', 1, 'x');
SELECT streaming.wait('v');

-- how far the event time has come is for those who may read the view
PREPARE times AS SELECT view, state, rows_read, late_rows, groups, watermark, input_times, input_seen IS NULL AS unseen
	FROM streaming.views WHERE view = 'v'::regclass;
SET timezone = UTC;
EXECUTE times;
SET ROLE regress_streaming_a;
EXECUTE times;
SET ROLE regress_streaming_member;
EXECUTE times;
SET ROLE regress_streaming_monitor;
EXECUTE times;
SET ROLE regress_streaming_b;
EXECUTE times;
SET ROLE regress_streaming_c;
EXECUTE times;
-- ... by whatever way
SELECT state, rows_read, watermark, input_times, input_seen FROM streaming._status('v'::regclass);
SELECT state, watermark FROM streaming._status(0);
RESET ROLE;
REVOKE SELECT ON v FROM regress_streaming_monitor;
SET ROLE regress_streaming_monitor;
EXECUTE times;
RESET ROLE;
GRANT SELECT ON v TO regress_streaming_monitor;

-- what a batch fails with is for the owner, and for pg_read_all_stats
INSERT INTO s VALUES ('2026-01-01 12:35+00', 1, 'the secret');
SELECT streaming.wait('v');
SET ROLE regress_streaming_a;
SELECT streaming.wait('v');
REFRESH MATERIALIZED VIEW v;
SET ROLE regress_streaming_member;
SELECT streaming.wait('v');
SET ROLE regress_streaming_monitor;
SELECT streaming.wait('v');
SET ROLE regress_streaming_b;
SELECT streaming.wait('v');
\echo :LAST_ERROR_SQLSTATE
SELECT last_error, last_error_sqlstate FROM streaming.views WHERE view = 'v'::regclass;
SELECT * FROM streaming._error;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_c;
SELECT streaming.wait('v');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- the plan has constants of the query in it: for the owner
\set SHOW_CONTEXT never
SET ROLE regress_streaming_b;
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('v') e;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_monitor;
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('v') e;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_member;
SELECT count(*) AS filters FROM streaming.explain('v') l WHERE l ~ '4711';
SET ROLE regress_streaming_a;
SELECT count(*) AS filters FROM streaming.explain('v') l WHERE l ~ '4711';
RESET ROLE;
SELECT count(*) AS filters FROM streaming.explain('v') l WHERE l ~ '4711';

-- rows that were put aside: a condition of the reader is not tried on those of others
DROP MATERIALIZED VIEW v;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT date_trunc('hour', ts) AS h, count(*) FROM s GROUP BY 1;
INSERT INTO s VALUES (now() + '1 year', 1, 'put aside');
SELECT streaming.wait('v');
SELECT count(*) FROM streaming.errors;
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	RAISE WARNING 'leaked: %', substring($1 from '[a-z ]+"');
	RETURN true;
END $$;
SET ROLE regress_streaming_b;
SELECT count(*) FROM streaming.errors WHERE leak(stream_row);
RESET ROLE;

DROP FUNCTION leak;
DROP TABLE s CASCADE;
DROP FUNCTION fails;
DEALLOCATE times;
DROP OWNED BY regress_streaming_a, regress_streaming_b, regress_streaming_c;
DROP ROLE regress_streaming_member, regress_streaming_monitor, regress_streaming_a, regress_streaming_b, regress_streaming_c;
SELECT * FROM leftovers();
