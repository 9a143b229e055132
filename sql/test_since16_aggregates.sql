-- Aggregates that are new, or can be combined, from 16 on
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, n int, t text, b bytea) USING stream;
CREATE MATERIALIZED VIEW lists WITH (streaming.continuous) AS
	SELECT k, string_agg(t, ',') AS texts, string_agg(b, '\x2c') AS bytes, array_agg(n) AS numbers, array_agg(ARRAY[n, k]) AS arrays
	FROM s WHERE n IS NOT NULL GROUP BY k;
CREATE MATERIALIZED VIEW anyone WITH (streaming.continuous) AS SELECT k, any_value(t), any_value(n) FILTER (WHERE n > 1) AS big FROM s GROUP BY k;
CREATE MATERIALIZED VIEW nothing WITH (streaming.continuous) AS SELECT string_agg(t, ','), array_agg(n), any_value(k) FROM s WHERE n < 0;
INSERT INTO s VALUES (1, 1, 'a', '\x01'), (1, 2, 'b', '\x02'), (2, 3, NULL, NULL), (3, NULL, NULL, NULL);
SELECT view, streaming.wait(view), check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
INSERT INTO s VALUES (1, 4, 'd', '\x04');
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s VALUES (1, 5, NULL, '\x05'), (2, 6, 'f', '\x06'), (3, NULL, 'g', NULL), (4, 7, repeat('long', 1000), '\x07');
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
-- what was there first comes first, as every batch reads in the order of the pages
SELECT k, left(texts, 12) AS texts, bytes, numbers, arrays FROM lists ORDER BY k;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";

-- in an order of their own, and once each
CREATE MATERIALIZED VIEW ordered WITH (streaming.continuous) AS
	SELECT k, string_agg(left(t, 4), ',' ORDER BY t DESC), array_agg(DISTINCT n), array_agg(ARRAY[n, k] ORDER BY n) AS arrays FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW ordered;
INSERT INTO s VALUES (1, 2, 'aa', '\x09'), (3, 9, 'h', NULL), (3, 9, NULL, NULL);
REFRESH MATERIALIZED VIEW ordered;
SELECT * FROM ordered ORDER BY k;
SELECT check_view('ordered');

-- in the standard's words, which a dump must find again
CREATE MATERIALIZED VIEW json WITH (streaming.continuous) AS
	SELECT k, JSON_ARRAYAGG(n ORDER BY n) AS a, JSON_ARRAYAGG(t ORDER BY t NULL ON NULL RETURNING text) AS texts, JSON_OBJECTAGG(n : t ABSENT ON NULL RETURNING jsonb) FILTER (WHERE n IS NOT NULL) AS o,
		JSON_ARRAY(k, count(*)) AS pair, JSON_ARRAYAGG(k RETURNING varchar(99)) AS short
	FROM s GROUP BY k HAVING JSON_ARRAYAGG(n RETURNING text) <> '[0]';
CREATE MATERIALIZED VIEW json_above WITH (streaming.continuous) AS
	SELECT c, JSON_OBJECTAGG(k : c RETURNING jsonb) AS o FROM (SELECT k, count(*) AS c FROM s GROUP BY k) g GROUP BY c;
INSERT INTO s VALUES (1, 11, 'jj', '\x09'), (5, 0, 'h', NULL), (6, 12, 'x', NULL);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s VALUES (1, 13, 'k', NULL), (6, 14, NULL, NULL);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT k, left(texts, 30) AS texts, short FROM json WHERE k > 1 ORDER BY k;
SELECT check_view('json', true), check_view('json_above', true);
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
