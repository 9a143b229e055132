-- Where in the statement a refusal points, however the stream is reached
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, v int, t text) USING stream;
CREATE TABLE s2 (id int, k int, v int, t text) USING stream;
CREATE TABLE e (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE TABLE dim (k int PRIMARY KEY, name text);
CREATE TABLE parent (k int) USING stream;
CREATE TABLE child () INHERITS (parent) USING stream;
CREATE VIEW plain AS SELECT * FROM s;
CREATE VIEW deep AS SELECT * FROM plain;
CREATE VIEW grouped WITH (security_barrier) AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE VIEW sampled AS SELECT k FROM s TABLESAMPLE bernoulli (10);
CREATE VIEW drawn AS SELECT k, random() AS r FROM s;
CREATE VIEW locked AS SELECT k FROM s FOR UPDATE;
CREATE VIEW hidden AS SELECT k FROM dim WHERE k IN (SELECT k FROM s);
CREATE VIEW united AS SELECT k FROM s INTERSECT SELECT k FROM s2;
CREATE VIEW limited AS SELECT k FROM s LIMIT 10;
CREATE VIEW system AS SELECT k, xmin AS x FROM s;

-- two streams: the second one
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim d, s, s2;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s CROSS JOIN s2;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s LEFT JOIN s2 ON s.k <> s2.k;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (s JOIN dim USING (k)) AS j
	JOIN (dim AS d2 LEFT JOIN s2 USING (k)) AS j2 USING (k);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s,
	generate_series(1, 2) AS g,
	LATERAL (VALUES (1)) AS x (a),
	XMLTABLE('/a' PASSING (s.t::xml) COLUMNS b int) AS y,
	"public"."s2" AS "Second";
-- the same one twice: the second time
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s, dim, deep;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s, (SELECT v FROM dim, LATERAL (SELECT v FROM plain p) AS y) AS x;
-- outer joins: the stream
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim NATURAL LEFT JOIN deep;

-- TABLESAMPLE, ONLY, children: the clause; in a view, the view's name
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, s AS x TABLESAMPLE bernoulli (10) REPEATABLE (1);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, (SELECT 1 FROM sampled) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, (SELECT k FROM s UNION ALL SELECT k FROM parent) AS x;

-- FOR UPDATE: the tables it names, or else those of FROM
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s FOR NO KEY UPDATE OF s;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT x.k FROM dim, (SELECT k FROM s AS y FOR KEY SHARE OF y SKIP LOCKED) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, locked;

-- parts of set operations, some with clauses of their own
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT k FROM s UNION ALL SELECT k FROM dim) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT k FROM s UNION ALL VALUES (1)) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT k FROM s UNION ALL (SELECT k FROM s2 UNION ALL SELECT k FROM sampled)) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM
	((SELECT k FROM s UNION ALL SELECT k FROM s2 ORDER BY k) UNION ALL SELECT 1 FROM sampled) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM ((SELECT k FROM s UNION ALL SELECT 2 FROM grouped ORDER BY k)
	UNION ALL SELECT k FROM s2) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM united;

-- what is in a view is where the view is named
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, LATERAL (SELECT 1 FROM grouped) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim JOIN drawn USING (k) WHERE drawn.r > 0.5;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim JOIN hidden USING (k);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, limited;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, system;

-- WITH queries that are sub-selects in disguise
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH a AS (SELECT k FROM dim), b AS (SELECT s.k FROM s, s2)
	SELECT count(*) FROM a, b;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH b AS (SELECT k FROM s FOR UPDATE) SELECT count(*) FROM b AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH b AS (SELECT DISTINCT k FROM (SELECT k FROM s TABLESAMPLE system (1)) AS y)
	SELECT count(*) FROM b AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH x AS (SELECT 1 AS n) SELECT count(*) FROM s WHERE v = (SELECT n FROM x, s2 LIMIT 1);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH a AS (SELECT k FROM s FOR SHARE), s AS (SELECT 1 AS k)
	SELECT count(*) FROM dim, (SELECT y.k FROM (WITH c AS (SELECT 1) SELECT k FROM a) AS y) AS x;

-- deduplication below an aggregate
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim, (SELECT DISTINCT s.k FROM s, s2) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT DISTINCT k FROM s) AS x, (SELECT DISTINCT k FROM s2) AS y;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT DISTINCT k FROM s) AS x, s2;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT DISTINCT k FROM (SELECT k FROM s FOR UPDATE) AS y) AS x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT k, rank() OVER (ORDER BY v) FROM s;

-- what has no position of its own: a key that the join makes up
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s JOIN (SELECT 1 AS id, '1'::xid AS x) AS a USING (id)
	FULL JOIN (SELECT '1'::xid AS x) AS b USING (x) GROUP BY x;

-- options
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS
	SELECT k, count(*) FROM e GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS
	SELECT DISTINCT k FROM s;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT tumble(e.ts, '1 day', timezone => d.name) AS w, count(*)
	FROM e JOIN dim d USING (k) GROUP BY 1;

-- functions that the planner inlines
CREATE FUNCTION reader(int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT k FROM public.s WHERE v = $1';
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT s2.k, count(*) FROM s2, generate_series(1, 2) AS g, reader(s2.v) AS r GROUP BY s2.k;
\echo :LAST_ERROR_SQLSTATE

-- selects of nothing, and positions that are not those of bytes
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT FROM s HAVING true;
CREATE MATERIALIZED VIEW "Ünï" WITH (streaming.continuous) AS SELECT count(*) AS "Zähler" FROM s, s2;
CREATE MATERIALIZED VIEW IF NOT EXISTS v WITH (streaming.continuous) AS SELECT count(*) FROM s, s2 WITH NO DATA;

-- the statement among others, and inside of functions
SELECT 1 AS one FROM s \; CREATE MATERIALIZED VIEW v
	WITH (streaming.continuous) AS SELECT count(*) FROM s, s2 \; SELECT 2 AS two FROM s2;
DO $$
BEGIN
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT count(*) FROM s, s2;
END
$$;
DO $$
BEGIN
	EXECUTE 'CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM s, s2';
END
$$;
CREATE FUNCTION make_v() RETURNS void LANGUAGE sql AS $$
	SELECT 1;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM s, s2;
$$;
SELECT make_v();

SELECT to_regclass('v');
DROP TABLE s, s2, e, dim, parent CASCADE;
DROP FUNCTION reader, make_v;
SELECT * FROM leftovers();
