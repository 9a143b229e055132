-- CREATE MATERIALIZED VIEW ... WITH (streaming.continuous)
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int) USING stream;
INSERT INTO s VALUES (1, 10), (1, 20), (2, 30), (NULL, 40);

-- with what the stream holds
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v');

-- the forms that say so
CREATE MATERIALIZED VIEW v_data WITH (streaming.continuous = true) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k WITH DATA;
CREATE MATERIALIZED VIEW v_columns (key, n, "Total") WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v_fewer (key) WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v_storage WITH (streaming.continuous = on, fillfactor = 90,
		autovacuum_enabled = off) TABLESPACE pg_default AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v_options WITH (streaming.continuous,
		streaming.output_mode = update, streaming.trigger = 'commit',
		streaming.max_batch_rows = 2, streaming.on_error = stop,
		streaming.enabled) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v_data;
REFRESH MATERIALIZED VIEW v_columns;
REFRESH MATERIALIZED VIEW v_fewer;
REFRESH MATERIALIZED VIEW v_storage;
REFRESH MATERIALIZED VIEW v_options;
\d v_columns
\d v_fewer
SELECT * FROM v_columns ORDER BY key;
SELECT view, check_view(view), options FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT c.reloptions FROM streaming.views w JOIN pg_class c ON c.oid = w.state_table
WHERE view = 'v_storage'::regclass;

-- without: only what commits later
CREATE MATERIALIZED VIEW v_later WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k WITH NO DATA;
SELECT * FROM v_later;
REFRESH MATERIALIZED VIEW v_later;
SELECT * FROM v_later;
INSERT INTO s VALUES (1, 100), (NULL, 200), (3, 300);
REFRESH MATERIALIZED VIEW v_later;
SELECT * FROM v_later ORDER BY k;

-- an empty stream; a scalar aggregate has a row there, the view has none yet (*)
CREATE TABLE e (k int, v int) USING stream;
CREATE MATERIALIZED VIEW e_keys WITH (streaming.continuous) AS
	SELECT k, count(*) FROM e GROUP BY k;
REFRESH MATERIALIZED VIEW e_keys;
SELECT * FROM e_keys;
SELECT check_view('e_keys');
CREATE MATERIALIZED VIEW e_scalar WITH (streaming.continuous) AS
	SELECT count(*), sum(v) FROM e;
REFRESH MATERIALIZED VIEW e_scalar;
SELECT * FROM e_scalar;
SELECT check_view('e_scalar');
INSERT INTO e VALUES (1, NULL);
REFRESH MATERIALIZED VIEW e_keys;
REFRESH MATERIALIZED VIEW e_scalar;
SELECT * FROM e_keys;
SELECT * FROM e_scalar;
SELECT check_view('e_keys'), check_view('e_scalar');

-- IF NOT EXISTS
SET client_min_messages = notice;
CREATE MATERIALIZED VIEW IF NOT EXISTS v WITH (streaming.continuous) AS
	SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW IF NOT EXISTS s WITH (streaming.continuous) AS
	SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW IF NOT EXISTS v_new WITH (streaming.continuous) AS
	SELECT count(*) FROM s;
REFRESH MATERIALIZED VIEW v_new;
SELECT * FROM v_new;
SET client_min_messages = warning;

-- names
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW s WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW nowhere.v WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad (a, b) WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad (a, a) WITH (streaming.continuous) AS SELECT count(*), sum(v) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT count(*), count(v) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW pg_temp.v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE

-- options that do not exist, or not so
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.nonsense = 1) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous = maybe) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.enabled = maybe) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.max_batch_rows = 0) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.max_batch_rows = -1) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.max_batch_rows = '10 rows') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.max_batch_rows = 99999999999999999999) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.trigger = 'sometimes') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.trigger = '1 month') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.trigger = '-1 second') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.trigger = '0') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.output_mode = all) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.output_mode = complete) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.on_error = ignore) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.enabled = on, streaming.enabled = off) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, streaming.continuous) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, fillfactor = 5) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, nonsense = 5) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous, other.option = 5) AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) TABLESPACE nowhere AS SELECT count(*) FROM s;

-- not a continuous view
CREATE MATERIALIZED VIEW v_bad WITH (streaming.enabled) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous = off, streaming.enabled) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
CREATE TABLE v_bad (a int) WITH (streaming.continuous);
CREATE VIEW v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
-- an ordinary materialized view over a stream is still one
CREATE MATERIALIZED VIEW m WITH (streaming.continuous = off) AS SELECT count(*) FROM s;
SELECT relkind, count FROM pg_class, m WHERE relname = 'm';
REFRESH MATERIALIZED VIEW m;

-- forms that there are not
PREPARE p AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS EXECUTE p;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad USING heap WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad USING stream WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE UNLOGGED MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
EXPLAIN (COSTS OFF) CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
EXPLAIN ANALYZE CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
-- the default access method is for tables, not for the state of views
SET default_table_access_method = stream;
CREATE MATERIALIZED VIEW v_am WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
RESET default_table_access_method;
REFRESH MATERIALIZED VIEW v_am;
SELECT check_view('v_am');
SELECT to_regclass('v_bad');

-- from a function, and from a prepared statement run twice
CREATE FUNCTION make_view(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k', name);
END $$;
SELECT make_view('made "here"');
REFRESH MATERIALIZED VIEW "made ""here""";
SELECT check_view('"made ""here"""');
CREATE FUNCTION make_fixed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE MATERIALIZED VIEW fixed WITH (streaming.continuous, streaming.max_batch_rows = 7) AS
		SELECT k, count(*) FROM s GROUP BY k;
END $$;
SELECT make_fixed();
DROP MATERIALIZED VIEW fixed;
SELECT make_fixed();
REFRESH MATERIALIZED VIEW fixed;
SELECT check_view('fixed');
SELECT make_fixed();
CREATE FUNCTION drop_fixed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DROP MATERIALIZED VIEW fixed;
END $$;
SELECT drop_fixed();
SELECT make_fixed();
SELECT drop_fixed();

SELECT view, check_view(view) FROM streaming.views
WHERE view <> 'v_later'::regclass AND streaming.wait(view) ORDER BY view::text COLLATE "C";
DROP MATERIALIZED VIEW m;
DROP TABLE s, e CASCADE;
DROP FUNCTION make_view, make_fixed, drop_fixed;
SELECT * FROM leftovers();
