-- ALTER MATERIALIZED VIEW ... SET and RESET (streaming.*)
\set SHOW_CONTEXT never

CREATE TABLE s (k int, v int) USING stream;
INSERT INTO s SELECT i % 3, i FROM generate_series(1, 1000) i;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v;

-- paused: keeps what it has, and goes on from there
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
INSERT INTO s VALUES (0, 1), (7, 1);
SELECT * FROM v ORDER BY k;
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait('v');
\echo :LAST_ERROR_SQLSTATE
SELECT state, lag_rows, options FROM streaming.views WHERE view = 'v'::regclass;
ALTER MATERIALIZED VIEW v SET (streaming.enabled = on);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT state, lag_rows, options FROM streaming.views WHERE view = 'v'::regclass;
SELECT check_view('v');

-- manual: only REFRESH runs it
ALTER MATERIALIZED VIEW v SET (streaming.trigger = manual);
INSERT INTO s VALUES (8, 1);
SELECT * FROM v WHERE k = 8;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v WHERE k = 8;
SELECT check_view('v');
INSERT INTO s VALUES (8, 2);
SELECT streaming.wait('v');
SELECT * FROM v WHERE k = 8;
-- a long interval does not hold up REFRESH
ALTER MATERIALIZED VIEW v SET (streaming.trigger = '1 day', streaming.max_batch_rows = 1);
INSERT INTO s SELECT i % 3, i FROM generate_series(1, 2000) i;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
SELECT options FROM streaming.views WHERE view = 'v'::regclass;

-- several at once, and both ways
ALTER MATERIALIZED VIEW v RESET (streaming.trigger), SET (streaming.max_batch_rows = 5),
	RESET (streaming.enabled);
SELECT options FROM streaming.views WHERE view = 'v'::regclass;
ALTER MATERIALIZED VIEW v RESET (streaming.trigger, streaming.max_batch_rows);
SELECT options FROM streaming.views WHERE view = 'v'::regclass;
ALTER MATERIALIZED VIEW IF EXISTS v SET (streaming.max_batch_rows = 6);
ALTER TABLE v SET (streaming.max_batch_rows = 7);
ALTER VIEW v SET (streaming.max_batch_rows = 8);
SELECT options FROM streaming.views WHERE view = 'v'::regclass;
ALTER MATERIALIZED VIEW v RESET (streaming.max_batch_rows);
ALTER MATERIALIZED VIEW IF EXISTS nothing SET (streaming.max_batch_rows = 6);

-- rolled back
BEGIN;
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
SELECT options FROM streaming.views WHERE view = 'v'::regclass;
ROLLBACK;
SELECT options FROM streaming.views WHERE view = 'v'::regclass;
REFRESH MATERIALIZED VIEW v;

-- wrong names and values change nothing
ALTER MATERIALIZED VIEW v SET (streaming.nonsense = 1);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RESET (streaming.nonsense);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.enabled = perhaps);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.max_batch_rows = 10, streaming.trigger = never);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.max_batch_rows = 10), SET (streaming.trigger = never);
ALTER MATERIALIZED VIEW v SET (streaming.max_batch_rows = 10, streaming.max_batch_rows = 10);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.continuous = off);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v RESET (streaming.continuous);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.continuous, streaming.enabled = off);
ALTER MATERIALIZED VIEW v SET (streaming.output_mode = append);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.on_error = skip);
ALTER MATERIALIZED VIEW v RESET (streaming.on_error);
ALTER MATERIALIZED VIEW v SET (fillfactor = 5);
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (fillfactor = 5, streaming.enabled = off);
ALTER MATERIALIZED VIEW v SET (security_barrier);
ALTER MATERIALIZED VIEW nothing SET (streaming.enabled = off);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET (streaming.enabled = off);
SELECT options FROM streaming.views WHERE view = 'v'::regclass;

-- what an ordinary materialized view knows and a continuous one does not
ALTER MATERIALIZED VIEW v SET ACCESS METHOD heap;

REFRESH MATERIALIZED VIEW v WITH NO DATA;
\echo :LAST_ERROR_SQLSTATE
REFRESH MATERIALIZED VIEW CONCURRENTLY v;
REFRESH MATERIALIZED VIEW v WITH DATA;
CREATE OR REPLACE VIEW v AS SELECT 1 AS k, 2::bigint AS count, 3::bigint AS sum;
ALTER VIEW v ALTER COLUMN k SET DEFAULT 5;
ALTER VIEW v SET (security_invoker = true);

-- options of an ordinary materialized view are not touched
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s;
ALTER MATERIALIZED VIEW m SET (fillfactor = 50);
ALTER MATERIALIZED VIEW m RESET (fillfactor);
ALTER MATERIALIZED VIEW m SET (streaming.enabled = off);
REFRESH MATERIALIZED VIEW m;
SELECT * FROM m;

REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
DROP MATERIALIZED VIEW m, v;
DROP TABLE s;
SELECT * FROM leftovers();
