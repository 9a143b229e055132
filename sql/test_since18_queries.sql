-- Virtual generated columns, and grouping expressions with a name of their own
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, ts timestamptz, v int GENERATED ALWAYS AS (k + 1) VIRTUAL,
	t timestamptz GENERATED ALWAYS AS (ts) VIRTUAL) USING stream;
CREATE MATERIALIZED VIEW by_virtual WITH (streaming.continuous) AS
	SELECT v, count(*), sum(v) FROM s WHERE v > 1 GROUP BY v HAVING count(*) > 0;
CREATE MATERIALIZED VIEW whole WITH (streaming.continuous) AS SELECT s::text AS row, count(s) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW deduplicated WITH (streaming.continuous) AS SELECT DISTINCT v FROM s;
CREATE MATERIALIZED VIEW windows WITH (streaming.continuous) AS SELECT tumble(t, '1 min') AS w, max(v) FROM s GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01'), (1, '2024-01-01'), (2, '2024-01-02'), (0, NULL);
SELECT view, streaming.wait(view), check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT * FROM by_virtual ORDER BY v;
SELECT * FROM whole ORDER BY row COLLATE "C";
ALTER TABLE s ALTER COLUMN v SET EXPRESSION AS (k + 2);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET (streaming.event_time = 't');
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW whole;
ALTER TABLE s ADD COLUMN later int GENERATED ALWAYS AS (k * 10) VIRTUAL;
CREATE MATERIALIZED VIEW by_later WITH (streaming.continuous) AS SELECT later, count(*) FROM s GROUP BY later;
INSERT INTO s VALUES (3, NULL);
SELECT view, streaming.wait(view), check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
ALTER TABLE s DROP COLUMN later;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;

-- grouping
CREATE TABLE s (k int, v int) USING stream;
CREATE TABLE dim (k int PRIMARY KEY, n text);
INSERT INTO dim VALUES (1, 'a'), (2, 'b');
CREATE MATERIALIZED VIEW g1 WITH (streaming.continuous) AS
	SELECT k + 1 AS kk, (SELECT n FROM dim WHERE dim.k = s.k + 1) AS n, count(*), sum(v) OVER (ORDER BY k + 1, v) AS total
	FROM (SELECT k, v FROM s) s GROUP BY k + 1, s.k, v;
CREATE MATERIALIZED VIEW g2 WITH (streaming.continuous) AS
	SELECT k, x.c, count(*) FROM s JOIN (SELECT k, count(*) AS c FROM dim GROUP BY k) x USING (k) GROUP BY k, x.c HAVING k > 0;
CREATE MATERIALIZED VIEW g3 WITH (streaming.continuous) AS
	SELECT s.k, x.c, count(*) FROM s LEFT JOIN (SELECT k, count(*) AS c FROM dim GROUP BY ROLLUP (k)) x ON x.k = s.k GROUP BY s.k, x.c;
CREATE MATERIALIZED VIEW g4 WITH (streaming.continuous) AS
	SELECT k, count(*), (SELECT max(n) FROM dim WHERE dim.k = s.k GROUP BY dim.k) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW g5 WITH (streaming.continuous) AS SELECT 1 AS one, count(*) FROM s GROUP BY 1, 'x'::text;
CREATE MATERIALIZED VIEW g6 WITH (streaming.continuous) AS
	SELECT k % 2 AS odd, count(*) FILTER (WHERE v > 1) FROM s GROUP BY k % 2 ORDER BY k % 2 LIMIT 10;
INSERT INTO s VALUES (1, 1), (1, 2), (2, 3), (3, 4);
SELECT view, streaming.wait(view), check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
INSERT INTO s VALUES (1, 1), (4, NULL), (NULL, 3);
SELECT view, streaming.wait(view), check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT * FROM g4 ORDER BY k;
DROP TABLE s CASCADE;
DROP TABLE dim;
SELECT * FROM leftovers();
