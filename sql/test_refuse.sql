-- What cannot be maintained is refused: SQLSTATE 0A000, where, and what to do
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, v int, t text) USING stream;
CREATE TABLE s2 (k int, w int) USING stream;
CREATE TABLE dim (k int PRIMARY KEY, name text);
CREATE TEMP TABLE temp_dim (k int, name text);
CREATE VIEW s_view AS SELECT k, v FROM s;
CREATE VIEW s_grouped WITH (security_barrier) AS SELECT k, count(*) AS n FROM s GROUP BY k;

-- DISTINCT, set operations, grouping sets and the like
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT 1 AS one FROM s HAVING true;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY GROUPING SETS ((k), (), ());
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, v, count(*) FROM s GROUP BY k, ROLLUP (k, v);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, t, count(*) FROM s GROUP BY ROLLUP (k), ROLLUP (k, (v, t)) HAVING t IS NOT NULL;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, v FROM s FOR UPDATE;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, rank() OVER (ORDER BY v) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT sum(v) OVER (PARTITION BY k) FROM (SELECT k, v FROM s WHERE v > 1) AS x;
\echo :LAST_ERROR_SQLSTATE
-- rows of a stream beside an aggregation of it
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT k, v FROM s UNION ALL SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT s.v, x.n FROM dim LEFT JOIN (s JOIN (SELECT k, count(*) AS n FROM s2 GROUP BY k) AS x USING (k)) ON dim.k = x.n;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT v FROM s, (SELECT DISTINCT w FROM s2) AS x;
\echo :LAST_ERROR_SQLSTATE
-- rows as they are, but not of streams, or not all of them
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM (SELECT k FROM s ORDER BY v LIMIT 10) AS x;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s INTERSECT SELECT k FROM s2;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s UNION ALL SELECT k FROM dim;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s EXCEPT ALL SELECT k FROM s2;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT s.v, s2.w FROM s LEFT JOIN s2 ON s.k <> s2.k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT d.name, s.v FROM dim d LEFT JOIN s USING (k);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s WHERE k NOT IN (SELECT k FROM s2);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM dim WHERE EXISTS (SELECT FROM s WHERE s.k = dim.k);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s LIMIT (SELECT count(*) FROM s2);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, random() AS r FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, xmin FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k FROM s ORDER BY row(k, v);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'complete') AS
	SELECT k FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS VALUES (1), (2);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS TABLE dim;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH x AS (DELETE FROM dim RETURNING k) SELECT count(*) FROM s, x;
\echo :LAST_ERROR_SQLSTATE

-- aggregates
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, (SELECT name FROM dim WHERE dim.k = max(s.v)) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE

-- which columns: functional dependence is of no use without an index on the state
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT d.k, d.name, count(*) FROM s JOIN dim d USING (k) GROUP BY d.k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT xmin, count(*) FROM s GROUP BY xmin::text, xmin;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s WHERE cmin = '0';
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s WHERE EXISTS (SELECT FROM dim WHERE dim.k::text = s.xmax::text);
\echo :LAST_ERROR_SQLSTATE

-- where from
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM dim GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM generate_series(1, 10);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), (SELECT 1) FROM s FULL JOIN s2 USING (k) GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT a.k, count(*) FROM s a JOIN s b ON a.id <> b.v GROUP BY a.k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s, s_view;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s TABLESAMPLE system (10);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT name, count(*) FROM s JOIN temp_dim USING (k) GROUP BY name;
\echo :LAST_ERROR_SQLSTATE
-- outer joins that keep rows of the other side
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT name, count(*) FROM dim LEFT JOIN s USING (k) GROUP BY name;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT name, count(*) FROM s RIGHT JOIN dim USING (k) GROUP BY name;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT name, count(*) FROM s FULL JOIN dim USING (k) GROUP BY name;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT a.name, count(*) FROM dim a LEFT JOIN (s JOIN dim b ON s.k = b.k) ON a.k = b.k GROUP BY a.name;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM dim LEFT JOIN LATERAL (SELECT v FROM s WHERE s.k = dim.k) x ON true;
\echo :LAST_ERROR_SQLSTATE
-- the stream elsewhere than in FROM
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE k NOT IN (SELECT x.v FROM s x) GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT name, count(*) FROM dim WHERE k IN (SELECT k FROM s) GROUP BY name;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) * (SELECT count(*) FROM s2) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH x AS (SELECT * FROM s) SELECT a.k, count(*) FROM x a, x b GROUP BY a.k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	WITH RECURSIVE x AS (SELECT k FROM s UNION SELECT k + 1 FROM x WHERE k < 3) SELECT k, count(*) FROM x GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
-- sub-selects that do more than filter and compute
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT n, count(*) FROM s_grouped GROUP BY n;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k FROM s ORDER BY v LIMIT 10) x GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k FROM s OFFSET 1) x GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, max(r) FROM (SELECT k, row_number() OVER (ORDER BY v) AS r FROM s) x GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k FROM s INTERSECT SELECT k FROM s2) x GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k FROM s FOR SHARE) x GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE locked (k int, w int);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT s.k, d.w FROM s JOIN (SELECT k, count(*) AS n FROM s GROUP BY k) q USING (k) JOIN locked d USING (k) FOR SHARE OF d;
DROP TABLE locked;
\echo :LAST_ERROR_SQLSTATE
-- so many levels that to look at all of them would take for ever
DO $$
BEGIN
	EXECUTE 'CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS ' || repeat('SELECT k FROM (', 150) || 'SELECT k FROM s' || repeat(') q', 150);
END $$;
\echo :LAST_ERROR_SQLSTATE
-- not so many, with ranks that nobody reads
SET statement_timeout = '15s';
DO $$
BEGIN
	EXECUTE 'CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = ''manual'') AS SELECT k FROM ' || repeat('(SELECT * FROM ', 20) ||
		(SELECT '(SELECT k, ' || string_agg('row_number() OVER (PARTITION BY k) AS r' || i, ', ') || ' FROM s) q' FROM generate_series(1, 800) i) ||
		repeat(' WHERE r1 <= 3) q', 20);
END $$;
RESET statement_timeout;
DROP MATERIALIZED VIEW v;

-- volatile functions below the aggregation
CREATE FUNCTION vol(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT $1';
CREATE FUNCTION vol_sql(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE random() < 0.5 GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT vol(k), count(*) FROM s GROUP BY vol(k);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, sum(vol(v)) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FILTER (WHERE clock_timestamp() > '2000-01-01') FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s JOIN dim ON vol(s.k) = dim.k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s, LATERAL (SELECT nextval('x'::regclass)) y WHERE false;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s, vol(k) y;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT vol(k) AS vk FROM s) x WHERE vk > 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s JOIN (SELECT k, random() AS r FROM dim) d USING (k) WHERE r > 0.5;
\echo :LAST_ERROR_SQLSTATE

-- what is wrong in any query is wrong here
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT nothing, count(*) FROM s GROUP BY 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM nothing;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT $1 AS a, count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT 'x' AS unknown, NULL AS nothing, count(*) FROM s;
\d v
DROP MATERIALIZED VIEW v;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, (count(*), k) AS r FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) INTO v FROM s;
DROP TABLE v;

-- a stream that is not one (any more)
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM p;
\echo :LAST_ERROR_SQLSTATE
CREATE TEMP TABLE ts (k int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM ts;
\echo :LAST_ERROR_SQLSTATE
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE FOREIGN TABLE ft (k int) SERVER regress_server;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM ft;
\echo :LAST_ERROR_SQLSTATE
DROP FOREIGN DATA WRAPPER regress_fdw CASCADE;
-- joined with a stream, an ordinary view over another view is a table
CREATE MATERIALIZED VIEW first WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW first_now AS SELECT * FROM first;
CREATE MATERIALIZED VIEW second WITH (streaming.continuous) AS SELECT s.k, f.count, count(*) AS n FROM s2 s LEFT JOIN first_now f USING (k) GROUP BY s.k, f.count;
REFRESH MATERIALIZED VIEW second;
INSERT INTO s VALUES (1, 1, 1);
REFRESH MATERIALIZED VIEW first;
INSERT INTO s2 VALUES (1, 1);
REFRESH MATERIALIZED VIEW second;
SELECT * FROM second;

---- more state than a row has room for is refused, though short values would fit

CREATE TABLE wide_s (a int) USING stream;
CREATE PROCEDURE create_wide(call text, n int) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW wide WITH (streaming.continuous, streaming.trigger = manual) AS SELECT '
			|| string_agg(format(call || ' AS c%s', i, i), ', ') || ' FROM wide_s' FROM generate_series(1, n) i);
END $$;
CALL create_wide('variance(a + %s)', 170);
\echo :LAST_ERROR_SQLSTATE
CALL create_wide('max((a + %s)::text)', 339);
\echo :LAST_ERROR_SQLSTATE
-- the most that fits does, with the longest values
CALL create_wide('max(repeat(md5(a::text), %s))', 337);
INSERT INTO wide_s SELECT generate_series(1, 10);
REFRESH MATERIALIZED VIEW wide;
INSERT INTO wide_s SELECT generate_series(1, 100);
REFRESH MATERIALIZED VIEW wide;
SELECT check_view('wide');
DROP TABLE wide_s CASCADE;
DROP PROCEDURE create_wide;

SELECT to_regclass('v');
-- operators have their depth
DO $$
DECLARE
	q text := 'SELECT k, count(*) AS c FROM s GROUP BY k';
BEGIN
	FOR i IN 1..32 LOOP
		IF i = 32 THEN
			EXECUTE 'CREATE MATERIALIZED VIEW deep WITH (streaming.continuous) AS ' || q;
		END IF;
		q := format('SELECT k, count(*) AS c FROM (%s) q GROUP BY k', q);
	END LOOP;
	EXECUTE 'CREATE MATERIALIZED VIEW deeper WITH (streaming.continuous) AS ' || q;
EXCEPTION WHEN program_limit_exceeded THEN
	RAISE WARNING '%', SQLERRM;
END $$;
DROP TABLE s, s2, dim, temp_dim, p CASCADE;
DROP FUNCTION vol, vol_sql;
SELECT * FROM leftovers();
