-- Above the aggregation: HAVING, expressions, windows, ORDER BY, LIMIT, DISTINCT
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, g text, v int) USING stream;
CREATE TABLE names (g text, label text);
INSERT INTO names VALUES ('a', 'Alpha'), ('b', 'Beta');
INSERT INTO s VALUES (1, 'a', 10), (1, 'b', 20), (2, 'a', 30), (2, 'a', NULL), (3, NULL, -5);

CREATE MATERIALIZED VIEW having_count WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k HAVING count(*) > 1;
CREATE MATERIALIZED VIEW having_other WITH (streaming.continuous) AS
	SELECT k FROM s GROUP BY k, g HAVING sum(v) > 10 AND k < 3 AND g IS NOT NULL;
CREATE MATERIALIZED VIEW having_only WITH (streaming.continuous) AS
	SELECT 1 AS one FROM s HAVING count(*) > 5;
CREATE MATERIALIZED VIEW having_true WITH (streaming.continuous) AS
	SELECT k FROM s GROUP BY k HAVING true;
CREATE MATERIALIZED VIEW having_volatile WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k HAVING random() < 2;
CREATE MATERIALIZED VIEW having_subselect WITH (streaming.continuous) AS
	SELECT g, count(*) FROM s GROUP BY g HAVING g IN (SELECT g FROM names);

CREATE MATERIALIZED VIEW x_expressions WITH (streaming.continuous) AS
	SELECT k, sum(v) / count(*) AS mean, sum(v)::float8 / NULLIF(count(v), 0) AS m2, 'k' || k || ':' || COALESCE(max(g), '-') AS label,
		CASE WHEN count(*) > 1 THEN 'many' ELSE 'one' END AS size, k * 10 + count(*) AS mixed, (min(v), max(v))::text AS pair,
		ARRAY[min(v), max(v)] AS both, sum(v) IS NULL AS unknown
	FROM s GROUP BY k;
CREATE MATERIALIZED VIEW x_same_twice WITH (streaming.continuous) AS
	SELECT k, count(*) AS c1, count(*) AS c2, count(*) + count(*) AS c3, sum(v) AS s1, sum(v) + 0 AS s2, sum(v + 0) AS s3, avg(v), avg(v) AS again
	FROM s GROUP BY k;
CREATE MATERIALIZED VIEW x_hidden_aggregate WITH (streaming.continuous) AS
	SELECT k FROM s GROUP BY k HAVING max(v) = 30;
CREATE MATERIALIZED VIEW x_nothing_shown WITH (streaming.continuous) AS
	SELECT 42 AS answer FROM s GROUP BY k;
CREATE MATERIALIZED VIEW x_srf WITH (streaming.continuous) AS
	SELECT k, generate_series(1, count(*)) AS i, unnest(ARRAY[min(v), max(v)]) AS u FROM s GROUP BY k;
CREATE MATERIALIZED VIEW x_subselect WITH (streaming.continuous) AS
	SELECT g, (SELECT label FROM names n WHERE n.g = s.g) AS label, count(*) FROM s GROUP BY g;
CREATE MATERIALIZED VIEW x_cte WITH (streaming.continuous) AS
	WITH n AS (SELECT count(*) AS c FROM names) SELECT g, count(*) * (SELECT c FROM n) AS scaled FROM s GROUP BY g;
CREATE MATERIALIZED VIEW x_now WITH (streaming.continuous) AS
	SELECT k, count(*) FILTER (WHERE v > 0) * CASE WHEN now() > '2000-01-01' THEN 1 ELSE 0 END AS n FROM s GROUP BY k;

CREATE MATERIALIZED VIEW w_rank WITH (streaming.continuous) AS
	SELECT k, count(*), rank() OVER (ORDER BY count(*) DESC, k) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW w_total WITH (streaming.continuous) AS
	SELECT k, g, sum(v), sum(sum(v)) OVER () AS total, sum(v) * 100 / sum(sum(v)) OVER (PARTITION BY k) AS percent FROM s GROUP BY k, g;
CREATE MATERIALIZED VIEW w_named WITH (streaming.continuous) AS
	SELECT k, lag(max(v)) OVER w, first_value(k) OVER w, count(*) OVER (w ROWS UNBOUNDED PRECEDING) AS n, sum(count(*)) FILTER (WHERE k > 1) OVER w AS f
	FROM s GROUP BY k WINDOW w AS (ORDER BY k);
CREATE MATERIALIZED VIEW w_frame WITH (streaming.continuous) AS
	SELECT k, avg(sum(v)) OVER (ORDER BY k RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving FROM s GROUP BY k;
CREATE MATERIALIZED VIEW w_by_key WITH (streaming.continuous) AS
	SELECT count(*), row_number() OVER (PARTITION BY k % 2 ORDER BY k, g) FROM s GROUP BY k, g;

CREATE MATERIALIZED VIEW o_order WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k ORDER BY k DESC;
CREATE MATERIALIZED VIEW o_hidden WITH (streaming.continuous) AS
	SELECT k FROM s GROUP BY k ORDER BY sum(v) DESC NULLS LAST, max(g) USING >;
CREATE MATERIALIZED VIEW o_limit WITH (streaming.continuous) AS
	SELECT k, sum(v) FROM s GROUP BY k ORDER BY 2 DESC LIMIT 2;
CREATE MATERIALIZED VIEW o_offset WITH (streaming.continuous) AS
	SELECT k, sum(v) FROM s GROUP BY k ORDER BY k OFFSET 1 ROW FETCH FIRST 1 ROW ONLY;
CREATE MATERIALIZED VIEW o_ties WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k ORDER BY 2 DESC FETCH FIRST 1 ROW WITH TIES;
CREATE MATERIALIZED VIEW o_limit_expression WITH (streaming.continuous) AS
	SELECT k FROM s GROUP BY k ORDER BY k LIMIT (SELECT count(*) FROM names);
CREATE MATERIALIZED VIEW d_distinct WITH (streaming.continuous) AS
	SELECT DISTINCT count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW d_distinct_on WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k % 2) k, sum(v) FROM s GROUP BY k ORDER BY k % 2, sum(v) DESC;
CREATE MATERIALIZED VIEW d_distinct_keys WITH (streaming.continuous) AS
	SELECT DISTINCT g FROM s GROUP BY g, k;

SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' ORDER BY view::text COLLATE "C";
INSERT INTO s VALUES (1, 'a', 1), (3, 'b', 100), (4, 'c', 0), (4, 'c', 7), (5, NULL, NULL);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM having_count ORDER BY k;
SELECT * FROM having_only;
SELECT * FROM x_expressions ORDER BY k;
SELECT * FROM x_same_twice ORDER BY k;
SELECT * FROM x_srf ORDER BY k, i, u;
SELECT * FROM x_subselect ORDER BY g COLLATE "C";
SELECT * FROM w_rank ORDER BY rank;
SELECT * FROM w_total ORDER BY k, g COLLATE "C";
SELECT * FROM w_named ORDER BY k;
-- these have an order of their own
SELECT * FROM o_order;
SELECT * FROM o_hidden;
SELECT * FROM o_limit;
SELECT * FROM o_offset;
SELECT * FROM o_ties ORDER BY k;
SELECT * FROM d_distinct ORDER BY 1;
SELECT * FROM d_distinct_on ORDER BY k;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
-- what an aggregate is used by twice is kept once
SELECT v.view, count(*) FILTER (WHERE a.attname LIKE '\_state%') AS states, count(*) AS columns
FROM streaming.views v JOIN pg_attribute a ON a.attrelid = v.state_table AND a.attnum > 0
WHERE v.view = 'x_same_twice'::regclass GROUP BY v.view;
-- the ordinary tables above are read when the view is
UPDATE names SET label = 'Aleph' WHERE g = 'a';
SELECT * FROM x_subselect WHERE g = 'a';
-- and one can query it like any other
SELECT a.k, b.label FROM w_total a JOIN x_subselect b USING (g) WHERE a.k = 1 ORDER BY b.label;

DROP TABLE s CASCADE;
DROP TABLE names;
SELECT * FROM leftovers();
