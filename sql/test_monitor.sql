-- streaming.views, streaming.streams, streaming.wait, streaming.explain
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\d streaming.views
\d streaming.streams

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
CREATE TABLE s (k int, v int) USING stream;
CREATE TABLE dim (k int PRIMARY KEY, name text);
GRANT SELECT ON s, dim TO regress_streaming_a;
INSERT INTO s SELECT i % 5, i FROM generate_series(1, 1000) i;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual, streaming.max_batch_rows = 100) AS
	SELECT k, count(*), avg(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
	SELECT name, sum(v) FROM s LEFT JOIN dim USING (k) WHERE v > 0 GROUP BY name;
RESET ROLE;
REFRESH MATERIALIZED VIEW w;
\x
-- (newer servers do not qualify the columns of the one table in FROM)
SELECT view, owner, streams, last_error, last_error_sqlstate, last_error_at, failures, retry_at, rows_read, lag_rows, lag_bytes > 0 AS lags,
	options, regexp_replace(definition, '\ms\.', '', 'g') AS definition, regexp_replace(state_table::text, '\d+', 'N') AS state_table
FROM streaming.views WHERE view = 'v'::regclass;
REFRESH MATERIALIZED VIEW v;
SELECT view, state, batches > 1 AS several_batches, rows_read, lag_rows, lag_bytes < 10000 AS little_lag, last_batch_at <= now() AS past, last_batch_ms > 0 AS took, worker_pid > 0 AS worker
FROM streaming.views ORDER BY view::text COLLATE "C";
\x
-- what others see: that it is there and how it does
SET ROLE regress_streaming_b;
SELECT view, owner, streams, state, rows_read, lag_rows, failures FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT stream, owner, partitioned, partitions, bytes > 0 AS has_bytes, views FROM streaming.streams;
RESET ROLE;
-- ... but not what the error says
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW fails WITH (streaming.continuous) AS SELECT sum(1 / (v - 7)) FROM s;
REFRESH MATERIALIZED VIEW fails;
SELECT view, last_error, last_error_sqlstate FROM streaming.views WHERE view = 'fails'::regclass;
SET ROLE regress_streaming_b;
SELECT view, last_error, last_error_sqlstate FROM streaming.views WHERE view = 'fails'::regclass;
RESET ROLE;
DROP MATERIALIZED VIEW fails;
-- rows_read counts rows of the stream, in the view or not; a rolled back row is none
BEGIN;
INSERT INTO s VALUES (1, 1);
ROLLBACK;
INSERT INTO s VALUES (1, -1), (1, 2000);
REFRESH MATERIALIZED VIEW w;
SELECT view, rows_read, lag_rows FROM streaming.views ORDER BY view::text COLLATE "C";
-- an idle view makes no batches
SELECT batches FROM streaming.views WHERE view = 'w'::regclass \gset
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW w;
SELECT batches - :batches AS more_batches FROM streaming.views WHERE view = 'w'::regclass;

-- wait
SELECT streaming.wait('v');
SELECT streaming.wait('v', NULL);
SELECT streaming.wait('v', '1 minute');
SELECT streaming.wait(NULL);
SELECT streaming.wait('s');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait('nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait(0);
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait(view => 'v', timeout => '1 hour');
-- a batch that cannot go on: the time is up
INSERT INTO s VALUES (1, 5);
SELECT streaming.wait('w', '1 minute');
BEGIN;
LOCK TABLE s IN ACCESS EXCLUSIVE MODE;
SELECT streaming.wait('w', '10 milliseconds');
SELECT streaming.wait('w', '0');
SELECT streaming.wait('w', '-1 second');
ROLLBACK;
SELECT streaming.wait('v', '1 minute'), streaming.wait('w', '1 minute');
SELECT check_view('v'), check_view('w');
-- for those who may read the view
SET ROLE regress_streaming_b;
SELECT streaming.wait('v');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM streaming.explain('v');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming._check_preloaded();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- explain
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT regexp_replace(regexp_replace(e, '_(state|below)_\d+', '_\1_N'), '\ms\.', '', 'g') AS explain FROM streaming.explain('v') e;
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('w') e;
RESET enable_hashjoin;
RESET enable_mergejoin;
SELECT * FROM streaming.explain('s');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM streaming.explain(NULL);
SELECT * FROM streaming.explain(0);
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_streaming_a;
SELECT count(*) > 2 AS lines FROM streaming.explain('v');
RESET ROLE;

-- the settings
SELECT name, boot_val, unit, context, vartype, min_val FROM pg_settings WHERE name LIKE 'streaming.%' AND name !~ 'debug|clock|mutation' ORDER BY name;
-- every object has a comment; what is internal begins with "_" and is nobody's business
SELECT pg_describe_object(d.classid, d.objid, 0) AS uncommented
FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass
WHERE e.extname = 'streaming' AND d.deptype = 'e' AND obj_description(d.objid, d.classid::regclass::name) IS NULL
	AND NOT EXISTS (SELECT FROM pg_class WHERE oid = d.objid AND relkind = 'i')
	AND NOT EXISTS (SELECT FROM pg_type WHERE oid = d.objid)
	AND NOT EXISTS (SELECT FROM pg_proc WHERE oid = d.objid AND proname ~ 'debug|clock|mutat')
ORDER BY pg_describe_object(d.classid, d.objid, 0) COLLATE "C";

-- all processes wait in the class of extensions (17 and later say for what)
DO $$
BEGIN
	LOOP
		EXIT WHEN 3 = (SELECT count(DISTINCT backend_type) FROM pg_stat_activity
			WHERE backend_type IN ('streaming launcher', 'streaming scheduler', 'streaming worker') AND wait_event_type = 'Extension'
				AND wait_event LIKE CASE WHEN current_setting('server_version_num')::int < 170000 THEN 'Extension' ELSE 'Streaming%Main' END);
		PERFORM pg_stat_clear_snapshot();
	END LOOP;
END $$;
DROP TABLE s, dim CASCADE;
REVOKE CREATE ON SCHEMA public FROM regress_streaming_a;
DROP ROLE regress_streaming_a, regress_streaming_b;
SELECT * FROM leftovers();

-- a catalog that another version of the library has made is not misread
BEGIN;
INSERT INTO pg_attribute SELECT (jsonb_populate_record(a, jsonb_build_object('attname', 'more', 'attnum', attnum + 1))).*
	FROM pg_attribute a WHERE attrelid = 'streaming._view'::regclass ORDER BY attnum DESC LIMIT 1;
UPDATE pg_class SET relnatts = relnatts + 1 WHERE oid = 'streaming._view'::regclass;
SELECT count(*) FROM streaming._view;
CREATE TABLE s (k int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
