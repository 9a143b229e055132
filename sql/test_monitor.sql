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
-- who has looked, and goes on with his transaction, has locked nobody's stream
BEGIN;
SELECT view, definition IS NOT NULL AS defined FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT count(*) > 0 AS locks, count(*) FILTER (WHERE relation IN ('s'::regclass, 'dim'::regclass, 'v'::regclass, 'w'::regclass)) AS of_others
FROM pg_locks WHERE pid = pg_backend_pid();
COMMIT;
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

-- how large the state of all operators is
CREATE MATERIALIZED VIEW two WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT v) AS n, array_agg(repeat('x', 9000) ORDER BY v) FILTER (WHERE v < 7) AS long FROM s GROUP BY k;
SELECT streaming.wait('two');
SELECT view, state_bytes = (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE relnamespace = 'streaming'::regnamespace AND relkind = 'r'
		AND relname ~ ('^_(state|below)_' || number_of(view) || '(_[0-9]+)?$')) AS all_of_it,
	state_bytes > pg_total_relation_size(state_table) AS several
FROM streaming.views ORDER BY view::text COLLATE "C";

-- how long a view has been behind: since it last had read all there was, which bounds the age of what it has not
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT sum, count(*) FROM w GROUP BY sum;
CREATE MATERIALIZED VIEW top WITH (streaming.continuous) AS SELECT count, count(*) AS n FROM above GROUP BY count;
RESET ROLE;
SELECT streaming.wait('top');
SELECT view, lag_rows, lag_time, inherited_lag_rows, inherited_lag_time FROM streaming.views WHERE view::text IN ('w', 'above', 'top') ORDER BY view::text COLLATE "C";
SELECT clock_timestamp() AS before \gset
SELECT streaming.wait('w');
ALTER MATERIALIZED VIEW w SET (streaming.enabled = off);
SELECT clock_timestamp() AS written \gset
INSERT INTO s VALUES (1, 6);
SELECT view, lag_rows, CASE WHEN lag_rows > 0 THEN lag_time BETWEEN now() - :'written' AND clock_timestamp() - :'before' ELSE lag_time = '0' END AS lag_time, inherited_lag_rows,
	CASE WHEN inherited_lag_rows > 0 THEN inherited_lag_time BETWEEN now() - :'written' AND clock_timestamp() - :'before' ELSE inherited_lag_time = '0' END AS inherited_lag_time
FROM streaming.views WHERE view::text IN ('w', 'above', 'top') ORDER BY view::text COLLATE "C";
ALTER MATERIALIZED VIEW w RESET (streaming.enabled);
SELECT streaming.wait('top');
SELECT view, lag_time, inherited_lag_time FROM streaming.views WHERE view::text IN ('w', 'above', 'top') ORDER BY view::text COLLATE "C";
DROP MATERIALIZED VIEW above CASCADE;
DROP MATERIALIZED VIEW two;

-- how far a backlog has been worked off, and how long the rest will take
REFRESH MATERIALIZED VIEW v;
SELECT state, backfill_share, backfill_time_left FROM streaming.views WHERE view = 'v'::regclass;
SELECT rows_read FROM streaming.views WHERE view = 'v'::regclass \gset
INSERT INTO s SELECT 1, 1 FROM generate_series(1, :rows_read);
SELECT state, round(backfill_share::numeric, 1) AS share, backfill_time_left > '0' AS time_left,
	abs(extract(epoch FROM backfill_time_left) / lag_rows / (SELECT sum(ms) / sum(rows) / 1000 FROM streaming.progress WHERE view = 'v'::regclass AND rows > 0) - 1) < 0.01 AS at_that_pace
FROM streaming.views WHERE view = 'v'::regclass;
REFRESH MATERIALIZED VIEW v;
SELECT state, backfill_share, backfill_time_left FROM streaming.views WHERE view = 'v'::regclass;

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
