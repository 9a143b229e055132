-- Names and numbers of columns
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, count int, _state_1 int, _key_1 int, "select" int, "A b""c" text, _count int,
	a123456789012345678901234567890123456789012345678901234567890ab int) USING stream;
INSERT INTO s VALUES (1, 2, 3, 4, 5, 'x', 6, 7), (1, 20, 30, 40, 50, 'y', 60, 70);

-- keys and results named like our own columns, and like each other
CREATE MATERIALIZED VIEW n_internal WITH (streaming.continuous) AS
	SELECT _state_1, _key_1, count AS n, avg(_count) AS _count, avg(k) AS _avg, count(*) AS _state_2, stddev(k) AS _state_1_1
	FROM s GROUP BY _state_1, _key_1, count;
CREATE MATERIALIZED VIEW n_hidden WITH (streaming.continuous) AS
	SELECT avg(k) + 1 AS avg, max(count) - min(count) AS count, count(*) * 2 AS _avg, sum(k) AS sum FROM s GROUP BY _state_1, _key_1;
CREATE MATERIALIZED VIEW n_swapped WITH (streaming.continuous) AS
	SELECT k AS count, count AS k, count(*) AS sum, sum(k) AS max, max(k) AS avg, avg(k) AS min FROM s GROUP BY k, count;
CREATE MATERIALIZED VIEW n_quoted ("SELECT", "a ""b""", "") WITH (streaming.continuous) AS
	SELECT "select", "A b""c", count(*) FROM s GROUP BY "select", "A b""c";
CREATE MATERIALIZED VIEW n_quoted ("SELECT", "a ""b""", " ") WITH (streaming.continuous) AS
	SELECT "select", "A b""c", count(*) FROM s GROUP BY "select", "A b""c";
CREATE MATERIALIZED VIEW n_long WITH (streaming.continuous) AS
	SELECT a123456789012345678901234567890123456789012345678901234567890ab, avg(k) AS b123456789012345678901234567890123456789012345678901234567890ab,
		count(*) AS a123456789012345678901234567890123456789012345678901234567890ac
	FROM s GROUP BY a123456789012345678901234567890123456789012345678901234567890ab;
CREATE MATERIALIZED VIEW v123456789012345678901234567890123456789012345678901234567890_toolong WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW n_unnamed WITH (streaming.continuous) AS
	SELECT k + 1, count(*) FROM s GROUP BY k + 1;
CREATE MATERIALIZED VIEW n_tableoid WITH (streaming.continuous) AS
	SELECT tableoid::regclass AS t, count(*) FROM s GROUP BY tableoid;
CREATE MATERIALIZED VIEW n_ctid WITH (streaming.continuous) AS
	SELECT ctid AS place, s.tableoid AS oid, count(*) FROM s GROUP BY ctid, s.tableoid;
-- the same name twice: as for any view
CREATE MATERIALIZED VIEW n_bad WITH (streaming.continuous) AS SELECT k + 1, k + 2, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW n_bad WITH (streaming.continuous) AS SELECT k, max(k) AS k FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW n_good (a, b) WITH (streaming.continuous) AS SELECT k, max(k) AS k FROM s GROUP BY k;
CREATE MATERIALIZED VIEW n_xmin WITH (streaming.continuous) AS SELECT k AS xmin, max(v) AS ctid FROM (SELECT k, count AS v FROM s) x GROUP BY k;
CREATE MATERIALIZED VIEW n_renamed (a) WITH (streaming.continuous) AS SELECT k AS xmin, count(*) FROM s GROUP BY k;

-- a hundred columns, and a hundred aggregates
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE TABLE w (k int, ' || string_agg(format('c%s int', i), ', ') || ') USING stream' FROM generate_series(1, 100) i);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW w_100 WITH (streaming.continuous) AS SELECT k, '
			|| string_agg(format('%s(c%s) AS a%s', (ARRAY['sum', 'avg', 'max', 'count'])[i % 4 + 1], i, i), ', ' ORDER BY i) || ' FROM w GROUP BY k'
		FROM generate_series(1, 100) i);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW w_keys WITH (streaming.continuous) AS SELECT '
			|| string_agg('c' || i, ', ' ORDER BY i) || ', count(*) FROM w GROUP BY ' || string_agg('c' || i, ', ' ORDER BY i)
		FROM generate_series(1, 32) i);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW w_wide WITH (streaming.continuous) AS SELECT k, '
			|| string_agg(format('avg(c%s + %s) AS a%s', i % 100 + 1, i, i), ', ' ORDER BY i) || ' FROM w GROUP BY k'
		FROM generate_series(1, 130) i);
END $$;
INSERT INTO w (k, c1, c2, c3, c99, c100) VALUES (1, 1, 2, 3, 99, 100), (1, NULL, 4, 6, 100, 101), (2, 1, 1, 1, 1, 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO w SELECT * FROM w;
INSERT INTO s SELECT * FROM s;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT k, a1, a2, a3, a99, a100 FROM w_100 ORDER BY k;
SELECT k, a1, a2, a99, a100, a130 FROM w_wide ORDER BY k;
-- too wide for a page
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW w_too_wide WITH (streaming.continuous) AS SELECT k, '
			|| string_agg(format('avg(c%s + %s) AS a%s', i % 100 + 1, i, i), ', ' ORDER BY i) || ' FROM w GROUP BY k'
		FROM generate_series(1, 700) i);
END $$;
\echo :LAST_ERROR_SQLSTATE
-- too many for a table
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW w_bad WITH (streaming.continuous) AS SELECT '
			|| string_agg(format('avg(c%s + %s) AS a%s', i % 100 + 1, i, i), ', ' ORDER BY i) || ' FROM w'
		FROM generate_series(1, 801) i);
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING '% %', SQLSTATE, SQLERRM;
END $$;

\d n_internal
\d n_hidden
\d n_swapped
\d n_quoted
\d n_long
\d n_tableoid
SELECT * FROM n_internal ORDER BY n;
SELECT * FROM n_hidden ORDER BY count;
SELECT * FROM n_swapped ORDER BY k;
SELECT "SELECT", "a ""b""", " " FROM n_quoted ORDER BY 1;
SELECT * FROM n_tableoid;
SELECT count(*), sum(count) FROM n_ctid;
SELECT * FROM n_xmin;
SELECT * FROM n_good;
SELECT regexp_replace(definition, '\ms\.', '', 'g') AS definition FROM streaming.views WHERE view = 'n_good'::regclass;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
-- psql says it is a view
\t on
\dv n_i*
\dm n_i*
\t off

-- a stream without columns, a view without rows to count by
CREATE TABLE nothing () USING stream;
CREATE MATERIALIZED VIEW v_nothing WITH (streaming.continuous) AS SELECT count(*) FROM nothing;
INSERT INTO nothing DEFAULT VALUES;
INSERT INTO nothing SELECT FROM generate_series(1, 10);
REFRESH MATERIALIZED VIEW v_nothing;
SELECT * FROM v_nothing;
-- a view without columns
CREATE MATERIALIZED VIEW v_empty WITH (streaming.continuous) AS SELECT FROM s GROUP BY count;
REFRESH MATERIALIZED VIEW v_empty;
SELECT count(*) FROM v_empty;
-- dropped columns of the stream, before and after
CREATE TABLE d (a int, b int, c int, d int) USING stream;
INSERT INTO d VALUES (1, 2, 3, 4);
ALTER TABLE d DROP COLUMN a;
CREATE MATERIALIZED VIEW v_dropped WITH (streaming.continuous) AS SELECT b, sum(d), count(d.*) AS n FROM d GROUP BY b;
INSERT INTO d VALUES (2, 3, 5);
REFRESH MATERIALIZED VIEW v_dropped;
SELECT * FROM v_dropped;
ALTER TABLE d DROP COLUMN c;
ALTER TABLE d ADD COLUMN c text DEFAULT 'new';
INSERT INTO d VALUES (2, 6, 'x'), (3, 7, NULL);
REFRESH MATERIALIZED VIEW v_dropped;
SELECT * FROM v_dropped ORDER BY b;
SELECT check_view('v_dropped');

DROP TABLE s, w, nothing, d CASCADE;
SELECT * FROM leftovers();
