-- Keys under a collation for which different texts are equal
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')
	OR getdatabaseencoding() <> 'UTF8' AS skip \gset
\if :skip
\quit
\endif

CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE s (t text COLLATE ignore_case, v int, u text, c text COLLATE "C") USING stream;
INSERT INTO s (t, v, u) VALUES ('abc', 1, 'x'), ('ABC', 2, 'X'), ('abd', 3, 'x'), (NULL, 4, NULL);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT t, count(*), sum(v) FROM s GROUP BY t;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
	SELECT u COLLATE ignore_case AS u, count(*), max(t) FROM s GROUP BY u COLLATE ignore_case;
CREATE MATERIALIZED VIEW x WITH (streaming.continuous) AS
	SELECT t COLLATE "C" AS t, count(*) FROM s GROUP BY t COLLATE "C";
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s (t, v, u) VALUES ('Abc', 10, 'x'), ('ABD', 30, 'Y'), ('aBd', 300, 'y'), (NULL, 40, NULL);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s (t, v, u) VALUES ('ABc', 100, 'X');
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT upper(t COLLATE "C"), count, sum FROM v ORDER BY 1;
SELECT upper(u COLLATE "C"), count, upper(max COLLATE "C") FROM w ORDER BY 1;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
-- found by the index, too
SET enable_seqscan = off;
SELECT count, sum FROM v WHERE t = 'aBC';
RESET enable_seqscan;
-- no collation: as with CREATE VIEW
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT t || c AS tc, count(*) FROM s GROUP BY t || c;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT max(t || c) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW y WITH (streaming.continuous) AS
	SELECT (t || c) COLLATE "C" AS tc, count(*) FROM s GROUP BY (t || c) COLLATE "C";
REFRESH MATERIALIZED VIEW y;
SELECT check_view('y');
DROP TABLE s CASCADE;
DROP COLLATION ignore_case;
SELECT * FROM leftovers();
