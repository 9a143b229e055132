-- Joins of the stream with ordinary tables, and all that FROM may hold
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, v int, tags text[], doc jsonb) USING stream;
CREATE TABLE dim (k int PRIMARY KEY, name text, active boolean);
CREATE TABLE more (k int, factor int);
CREATE TABLE empty_dim (k int, name text);
INSERT INTO dim VALUES (1, 'one', true), (2, 'two', false), (4, 'four', true);
INSERT INTO more VALUES (1, 10), (1, 100), (2, NULL), (NULL, 5);
INSERT INTO s VALUES
	(1, 1, 10, '{a,b}', '[{"x": 1}, {"x": 2}]'),
	(2, 2, 20, '{b}', '[]'),
	(3, 3, 30, NULL, NULL),
	(4, NULL, 40, '{}', '[{"x": null}]');

CREATE MATERIALIZED VIEW j_inner WITH (streaming.continuous) AS
	SELECT name, count(*), sum(v) FROM s JOIN dim USING (k) GROUP BY name;
CREATE MATERIALIZED VIEW j_comma WITH (streaming.continuous) AS
	SELECT d.name, count(*), sum(v * factor) FROM s, dim d, more m
	WHERE s.k = d.k AND m.k = d.k AND active GROUP BY d.name;
CREATE MATERIALIZED VIEW j_left WITH (streaming.continuous) AS
	SELECT name, active IS NULL AS unknown, count(*), sum(v) FROM s LEFT JOIN dim USING (k) GROUP BY name, active;
CREATE MATERIALIZED VIEW j_left_where WITH (streaming.continuous) AS
	SELECT s.k, count(*) FROM s LEFT JOIN dim d ON d.k = s.k AND d.active WHERE d.k IS NULL GROUP BY s.k;
CREATE MATERIALIZED VIEW j_right WITH (streaming.continuous) AS
	SELECT name, count(s.id) AS n, count(*) FROM dim RIGHT JOIN s USING (k) GROUP BY name;
CREATE MATERIALIZED VIEW j_natural WITH (streaming.continuous) AS
	SELECT k, count(*), min(factor) FROM s NATURAL JOIN more GROUP BY k;
CREATE MATERIALIZED VIEW j_using_key WITH (streaming.continuous) AS
	SELECT k, count(*), max(name) FROM s LEFT JOIN dim USING (k) GROUP BY k;
CREATE MATERIALIZED VIEW j_cross WITH (streaming.continuous) AS
	SELECT m.k, count(*), sum(v) FROM s CROSS JOIN more m GROUP BY m.k;
CREATE MATERIALIZED VIEW j_range WITH (streaming.continuous) AS
	SELECT m.factor, count(*) FROM s JOIN more m ON s.v > m.factor GROUP BY m.factor;
CREATE MATERIALIZED VIEW j_nested WITH (streaming.continuous) AS
	SELECT d.name, m.factor, count(*) FROM s LEFT JOIN (dim d LEFT JOIN more m ON m.k = d.k) ON s.k = d.k GROUP BY 1, 2;
CREATE MATERIALIZED VIEW j_full_other_side WITH (streaming.continuous) AS
	SELECT x.name, count(*) FROM s LEFT JOIN (SELECT d.k, d.name FROM dim d FULL JOIN more m USING (k)) x ON x.k = s.k GROUP BY x.name;
CREATE MATERIALIZED VIEW j_nothing WITH (streaming.continuous) AS
	SELECT name, count(*) FROM s JOIN empty_dim USING (k) GROUP BY name;
CREATE MATERIALIZED VIEW j_nothing_scalar WITH (streaming.continuous) AS
	SELECT count(*), sum(v) FROM s JOIN empty_dim USING (k);
CREATE MATERIALIZED VIEW j_nothing_left WITH (streaming.continuous) AS
	SELECT name, count(*) FROM s LEFT JOIN empty_dim USING (k) GROUP BY name;
CREATE MATERIALIZED VIEW j_false WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE false GROUP BY k;
CREATE MATERIALIZED VIEW j_values WITH (streaming.continuous) AS
	SELECT label, count(*) FROM s JOIN (VALUES (1, 'small'), (3, 'big')) AS x(k, label) USING (k) GROUP BY label;

-- LATERAL and set-returning functions
CREATE MATERIALIZED VIEW l_unnest WITH (streaming.continuous) AS
	SELECT tag, count(*) FROM s, unnest(tags) AS tag GROUP BY tag;
CREATE MATERIALIZED VIEW l_unnest_left WITH (streaming.continuous) AS
	SELECT tag, n, count(*) FROM s LEFT JOIN LATERAL unnest(tags) WITH ORDINALITY AS t(tag, n) ON true GROUP BY tag, n;
CREATE MATERIALIZED VIEW l_json WITH (streaming.continuous) AS
	SELECT e ->> 'x' AS x, count(*) FROM s, jsonb_array_elements(doc) AS e GROUP BY e ->> 'x';
CREATE MATERIALIZED VIEW l_recordset WITH (streaming.continuous) AS
	SELECT x, count(*) FROM s, jsonb_to_recordset(doc) AS e(x int) GROUP BY x;
CREATE MATERIALIZED VIEW l_series WITH (streaming.continuous) AS
	SELECT i, count(*) FROM s, generate_series(1, k) AS i GROUP BY i;
CREATE MATERIALIZED VIEW l_rows_from WITH (streaming.continuous) AS
	SELECT a, b, count(*) FROM s, ROWS FROM (unnest(tags), generate_series(1, k)) AS r(a, b) GROUP BY a, b;
CREATE MATERIALIZED VIEW l_top WITH (streaming.continuous) AS
	SELECT x.factor, count(*) FROM s, LATERAL (SELECT factor FROM more m WHERE m.k = s.k ORDER BY factor DESC NULLS LAST LIMIT 1) x GROUP BY x.factor;
CREATE MATERIALIZED VIEW l_agg WITH (streaming.continuous) AS
	SELECT x.total, count(*) FROM s, LATERAL (SELECT sum(factor) AS total FROM more m WHERE m.k = s.k) x GROUP BY x.total;

-- sub-selects and CTEs over ordinary tables, wherever they stand
CREATE MATERIALIZED VIEW q_exists WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE EXISTS (SELECT FROM dim d WHERE d.k = s.k AND active) GROUP BY k;
CREATE MATERIALIZED VIEW q_not_exists WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE NOT EXISTS (SELECT FROM dim d WHERE d.k = s.k) GROUP BY k;
CREATE MATERIALIZED VIEW q_in WITH (streaming.continuous) AS
	SELECT k IN (SELECT k FROM dim) AS known, count(*) FROM s WHERE k NOT IN (SELECT k FROM dim WHERE NOT active) GROUP BY 1;
CREATE MATERIALIZED VIEW q_scalar WITH (streaming.continuous) AS
	SELECT (SELECT name FROM dim d WHERE d.k = s.k) AS name, count(*), sum((SELECT max(factor) FROM more m WHERE m.k = s.k)) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW q_cte WITH (streaming.continuous) AS
	WITH a AS (SELECT * FROM dim WHERE active), b AS MATERIALIZED (SELECT k, count(*) AS n FROM more GROUP BY k)
	SELECT a.name, b.n, count(*) FROM s JOIN a USING (k) LEFT JOIN b USING (k) GROUP BY a.name, b.n;
CREATE MATERIALIZED VIEW q_recursive WITH (streaming.continuous) AS
	WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3)
	SELECT n, count(*) FROM s JOIN r ON r.n = s.k GROUP BY n;
CREATE MATERIALIZED VIEW q_subselect WITH (streaming.continuous) AS
	SELECT k2, count(*), sum(v2) FROM (SELECT k % 2 AS k2, v * 2 AS v2 FROM s WHERE v > 10) x GROUP BY k2;
CREATE MATERIALIZED VIEW q_subselect_twice WITH (streaming.continuous) AS
	SELECT name, count(*) FROM (SELECT y.*, name FROM (SELECT k, v FROM s ORDER BY v) y LEFT JOIN dim USING (k)) x GROUP BY name;
CREATE MATERIALIZED VIEW q_union_of_tables WITH (streaming.continuous) AS
	SELECT src, count(*) FROM s JOIN (SELECT k, 'dim' AS src FROM dim UNION ALL SELECT k, 'more' FROM more) u USING (k) GROUP BY src;

-- views over the stream and over tables
CREATE VIEW s_view AS SELECT k, v * 10 AS v10, tags FROM s WHERE v <> 20;
CREATE VIEW s_view_view AS SELECT k AS kk, v10 + 1 AS v11, name FROM s_view LEFT JOIN dim USING (k);
CREATE VIEW dim_view AS SELECT k, upper(name) AS name, count(*) AS n FROM dim LEFT JOIN more USING (k) GROUP BY k, name;
CREATE VIEW s_barrier WITH (security_barrier) AS SELECT * FROM s WHERE k IS NOT NULL;
CREATE MATERIALIZED VIEW w_stream WITH (streaming.continuous) AS SELECT k, count(*), sum(v10) FROM s_view GROUP BY k;
CREATE MATERIALIZED VIEW w_nested WITH (streaming.continuous) AS SELECT kk, name, count(*), sum(v11) FROM s_view_view GROUP BY kk, name;
CREATE MATERIALIZED VIEW w_dim WITH (streaming.continuous) AS SELECT d.name, d.n, count(*) FROM s JOIN dim_view d USING (k) GROUP BY 1, 2;
CREATE MATERIALIZED VIEW w_barrier WITH (streaming.continuous) AS SELECT k, count(*) FROM s_barrier GROUP BY k;
-- other relations than tables
CREATE MATERIALIZED VIEW m AS SELECT * FROM dim;
CREATE TABLE part (k int, name text) PARTITION BY LIST (k);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1, 2);
CREATE TABLE part2 PARTITION OF part DEFAULT;
INSERT INTO part SELECT k, name FROM dim;
CREATE MATERIALIZED VIEW r_matview WITH (streaming.continuous) AS SELECT m.name, count(*) FROM s JOIN m USING (k) GROUP BY 1;
CREATE MATERIALIZED VIEW r_partitioned WITH (streaming.continuous) AS SELECT p.name, count(*) FROM s JOIN part p USING (k) GROUP BY 1;
CREATE MATERIALIZED VIEW r_catalog WITH (streaming.continuous) AS
	SELECT t.typname, count(*) FROM s JOIN pg_type t ON t.oid = 20 + s.k GROUP BY 1;

SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' ORDER BY view::text COLLATE "C";
INSERT INTO s SELECT id + 10, k, v + 1, tags, doc FROM s;
INSERT INTO s VALUES (21, 4, 5, '{c,c,NULL}', '[{"x": 7}, {}]'), (22, 2, NULL, '{a}', NULL);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM j_inner ORDER BY name COLLATE "C";
SELECT * FROM j_left ORDER BY name COLLATE "C";
SELECT * FROM j_nothing;
SELECT * FROM j_nothing_scalar;
SELECT * FROM j_false;
SELECT * FROM l_unnest_left ORDER BY tag, n;
SELECT * FROM q_scalar ORDER BY name;
SELECT * FROM w_nested ORDER BY kk, name;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";

-- a table is read as it is when the batch runs: what is done stays (L1)
UPDATE dim SET name = 'ONE' WHERE k = 1;
DELETE FROM dim WHERE k = 2;
INSERT INTO dim VALUES (3, 'three', true);
INSERT INTO s VALUES (31, 1, 1), (32, 2, 2), (33, 3, 3);
REFRESH MATERIALIZED VIEW j_inner;
REFRESH MATERIALIZED VIEW j_left;
SELECT * FROM j_inner ORDER BY name COLLATE "C";
SELECT * FROM j_left ORDER BY name COLLATE "C", unknown;
-- its change alone changes nothing
UPDATE dim SET name = 'eins' WHERE k = 1;
TRUNCATE more;
REFRESH MATERIALIZED VIEW j_inner;
SELECT * FROM j_inner ORDER BY name COLLATE "C";

-- changes of its shape
ALTER TABLE dim ADD COLUMN extra int DEFAULT 7;
ALTER TABLE dim DROP COLUMN extra;
CREATE INDEX ON dim (name);
ALTER TABLE dim RENAME COLUMN name TO label;
ALTER TABLE dim RENAME TO renamed;
INSERT INTO s VALUES (41, 1, 1);
REFRESH MATERIALIZED VIEW j_inner;
SELECT * FROM j_inner ORDER BY name COLLATE "C";
REFRESH MATERIALIZED VIEW w_stream;
CREATE OR REPLACE VIEW s_view AS SELECT k, v * 1000 AS v10, tags FROM s WHERE v <> 20;
INSERT INTO s VALUES (42, 1, 1);
REFRESH MATERIALIZED VIEW w_stream;
SELECT * FROM w_stream WHERE k = 1;
-- ... that would make it unmaintainable
CREATE OR REPLACE VIEW s_view AS SELECT k, count(*)::int AS v10, NULL::text[] AS tags FROM s GROUP BY k;
INSERT INTO s VALUES (43, 1, 1);
REFRESH MATERIALIZED VIEW w_stream;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM w_stream WHERE k = 1;
CREATE OR REPLACE VIEW s_view AS SELECT k, v * 10 AS v10, tags FROM s WHERE v <> 20;
REFRESH MATERIALIZED VIEW w_stream;
SELECT * FROM w_stream WHERE k = 1;

DROP TABLE s CASCADE;
DROP TABLE renamed, more, empty_dim, part CASCADE;
SELECT * FROM leftovers();
