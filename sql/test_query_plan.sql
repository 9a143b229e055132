-- Whatever plan the planner prefers, the result is the same
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int, t text, g int GENERATED ALWAYS AS (k % 7) STORED) USING stream;
CREATE TABLE p (part int, k int, v int) PARTITION BY LIST (part);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 (v int, gone int, part int, k int) USING stream;
ALTER TABLE p2 DROP COLUMN gone;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
CREATE TABLE dim (k int PRIMARY KEY, name text);
INSERT INTO dim SELECT i, 'name ' || i % 10 FROM generate_series(1, 20000) i;
INSERT INTO s (k, v, t) SELECT i % 1000, i, 't' || i % 3 FROM generate_series(1, 20000) i;
INSERT INTO p SELECT i % 2 + 1, i % 5, i FROM generate_series(1, 20000) i;
CREATE INDEX s_k ON s (k);
CREATE INDEX s_v ON s (v);
ANALYZE s;
ANALYZE p;
ANALYZE dim;

-- The views, once under each set of settings.
CREATE PROCEDURE create_views(suffix text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM (VALUES
		('keys', 'SELECT k, count(*), sum(v), avg(v), max(t) FROM s GROUP BY k'),
		('sorted', 'SELECT t, k, count(*) FROM s GROUP BY t, k ORDER BY t, k'),
		('only_keys', 'SELECT k FROM s GROUP BY k'),
		('scalar', 'SELECT count(*), avg(v), min(t) FROM s'),
		('minmax', 'SELECT min(k), max(v) FROM s'),
		('minmax_where', 'SELECT min(k) FROM s WHERE k = 3'),
		('minmax_const', 'SELECT min(5), max(7) AS m FROM s'),
		('indexed', 'SELECT k, count(*) FROM s WHERE k BETWEEN 10 AND 12 AND v > 5 GROUP BY k'),
		('false', 'SELECT k, count(*) FROM s WHERE 1 = 2 GROUP BY k'),
		('generated', 'SELECT g, count(*) FROM s GROUP BY g'),
		('joined', 'SELECT name, count(*), sum(v) FROM s JOIN dim USING (k) GROUP BY name'),
		('joined_left', 'SELECT name, count(*) FROM s LEFT JOIN dim ON dim.k = s.k + 19500 GROUP BY name'),
		('semi', 'SELECT t, count(*) FROM s WHERE k IN (SELECT k FROM dim WHERE name = ''name 3'') GROUP BY t'),
		('anti', 'SELECT t, count(*) FROM s WHERE NOT EXISTS (SELECT FROM dim WHERE dim.k = s.k) GROUP BY t'),
		('parts', 'SELECT part, count(*), avg(v) FROM p GROUP BY part'),
		('parts_other', 'SELECT k, count(*), avg(v) FROM p GROUP BY k'),
		('parts_scalar', 'SELECT count(*), sum(v), avg(k) FROM p'),
		('parts_joined', 'SELECT part, name, count(*) FROM p JOIN dim ON dim.k = p.v GROUP BY part, name'),
		('whole_row', 'SELECT count(p), count(s.*) AS n, s.k FROM s, LATERAL (SELECT s.k AS x) AS p GROUP BY s.k')) AS x(name, query)
	LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous) AS %s', q.name || suffix, q.query);
	END LOOP;
END $$;
CALL create_views('_1');
SET enable_hashagg = off;
SET enable_hashjoin = off;
CALL create_views('_2');
RESET ALL;
SET client_min_messages = warning;
SET enable_sort = off;
SET enable_nestloop = off;
SET enable_partitionwise_aggregate = on;
SET enable_partitionwise_join = on;
SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
-- force_parallel_mode, as 15 calls it
SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SET constraint_exclusion = on;
SET from_collapse_limit = 1;
SET join_collapse_limit = 1;
SET geqo_threshold = 2;
CALL create_views('_3');
RESET ALL;
SET client_min_messages = warning;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s (k, v, t) SELECT i, i, 't' || i FROM generate_series(1, 5) i;
INSERT INTO p VALUES (1, 1, 1), (2, 2, 2), (2, 7, 7);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' ORDER BY view::text COLLATE "C";

-- the same settings in force where the batches run
CREATE TEMP TABLE settings (name text, value text);
INSERT INTO settings VALUES
	('enable_hashagg', 'off'),
	('enable_hashjoin', 'off'),
	('enable_partitionwise_aggregate', 'on'),
	('enable_partitionwise_join', 'on'),
	('parallel_setup_cost', '0'),
	('parallel_tuple_cost', '0'),
	('min_parallel_table_scan_size', '0'),
	('DateStyle', 'German'),
	('default_transaction_isolation', 'serializable'),
	('default_transaction_read_only', 'on'),
	('default_transaction_deferrable', 'on'),
	('statement_timeout', '1ms'),
	('lock_timeout', '1ms'),
	('idle_session_timeout', '1ms'),
	('row_security', 'off'),
	('default_table_access_method', 'stream'),
	('session_replication_role', 'replica'),
	('synchronous_commit', 'on');
INSERT INTO settings SELECT name, 'on' FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
DO $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT * FROM settings LOOP
		EXECUTE format('ALTER DATABASE %I SET %I = %L', current_database(), s.name, s.value);
	END LOOP;
END $$;
-- (new workers, then)
SELECT count(pg_terminate_backend(worker_pid)) > 0 AS terminated FROM (SELECT DISTINCT worker_pid FROM streaming.views) w;
INSERT INTO s (k, v, t) SELECT i % 1000, i, 't' || i % 3 FROM generate_series(1, 10000) i;
INSERT INTO p SELECT i % 2 + 1, i % 5, i FROM generate_series(1, 10000) i;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s (k, v, t) VALUES (1, 1, 'x');
INSERT INTO p VALUES (1, 1, 1), (2, 2, 2), (2, 7, 7);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' ORDER BY view::text COLLATE "C";

-- rows that no plan looks at are read all the same
CREATE TABLE never (a int) USING stream;
CREATE MATERIALIZED VIEW v_never WITH (streaming.continuous, streaming.max_batch_rows = 300) AS SELECT count(*) FROM never WHERE false;
INSERT INTO never SELECT generate_series(1, 1000);
REFRESH MATERIALIZED VIEW v_never;
SELECT state, lag_rows, count FROM streaming.views, v_never WHERE view = 'v_never'::regclass;
DROP TABLE never CASCADE;

DROP TABLE s, p CASCADE;
DROP TABLE dim;
DROP PROCEDURE create_views;
DO $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT * FROM settings LOOP
		EXECUTE format('ALTER DATABASE %I RESET %I', current_database(), s.name);
	END LOOP;
END $$;
DROP TABLE settings;
SELECT * FROM leftovers();
