-- GROUPING SETS, ROLLUP, CUBE and GROUPING
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

CREATE TABLE s (a int, b int, c text, v int) USING stream;
CREATE TABLE dim (a int, name text);
INSERT INTO dim VALUES (1, 'one'), (2, 'two'), (NULL, 'none');

---- literal rows: a null of the input is another group than a key that is left out

CREATE MATERIALIZED VIEW cube_ab WITH (streaming.continuous) AS
	SELECT a, b, GROUPING(a, b) AS g, GROUPING(b) AS gb, GROUPING(b, a) AS gba, count(*), sum(v), round(avg(v), 2) AS avg FROM s GROUP BY CUBE (a, b);
-- the group of the empty set is there from the beginning
TABLE cube_ab;
REFRESH MATERIALIZED VIEW cube_ab;
TABLE cube_ab;
INSERT INTO s VALUES (1, 1, 'x', 1), (1, NULL, 'y', 2), (NULL, 1, 'x', 4), (NULL, NULL, NULL, 8);
REFRESH MATERIALIZED VIEW cube_ab;
SELECT * FROM cube_ab ORDER BY g, a, b;
INSERT INTO s VALUES (1, 1, 'x', 16), (NULL, NULL, NULL, 32), (2, NULL, 'z', NULL);
REFRESH MATERIALIZED VIEW cube_ab;
SELECT * FROM cube_ab ORDER BY g, a, b;
SELECT check_view('cube_ab');
-- one read of the input
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('cube_ab') AS line WHERE line !~ 'Output';
-- the state table has one column more, which is a key
SELECT regexp_replace(pg_get_indexdef(indexrelid), '\d+', 'N', 'g') AS index FROM pg_index
WHERE indrelid = (SELECT state FROM streaming._view WHERE viewid = 'cube_ab'::regclass);
-- a batch without rows is none
SELECT batch AS before FROM streaming._progress WHERE viewid = 'cube_ab'::regclass \gset
REFRESH MATERIALIZED VIEW cube_ab;
SELECT batch - :before AS batches FROM streaming._progress WHERE viewid = 'cube_ab'::regclass;

---- every spelling, against the query

CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query) VALUES
	('SELECT a, b, count(*), sum(v) FROM s GROUP BY GROUPING SETS ((a, b), (a), ())'),
	('SELECT a, b, count(*), sum(v) FROM s GROUP BY ROLLUP (a, b)'),
	('SELECT a, b, c, GROUPING(a, b, c), count(*), avg(v), max(v) FROM s GROUP BY CUBE (a, b, c)'),
	('SELECT c, b, a, GROUPING(c, a), count(*) FROM s GROUP BY CUBE (a, b, c)'),
	('SELECT a, b, c, count(*), min(c) FROM s GROUP BY ROLLUP ((a, b), c)'),
	('SELECT a, b, c, count(*) FROM s GROUP BY CUBE ((a, b), c)'),
	('SELECT a, b, c, count(*) FROM s GROUP BY a, ROLLUP (b, c)'),
	('SELECT a, b, c, count(*) FROM s GROUP BY ROLLUP (a), CUBE (b, c)'),
	('SELECT a, b, c, count(*) FROM s GROUP BY GROUPING SETS (a, (a, b)), GROUPING SETS (c, ())'),
	('SELECT a, b, count(*) FROM s GROUP BY GROUPING SETS (ROLLUP (a, b), b)'),
	('SELECT a, b, count(*) FROM s GROUP BY GROUPING SETS (a, GROUPING SETS (b, ()))'),
	('SELECT a, count(*), GROUPING(a) FROM s GROUP BY a'),
	('SELECT a, count(*), GROUPING(a) FROM s GROUP BY GROUPING SETS ((a))'),
	('SELECT count(*), sum(v), max(c) FROM s GROUP BY ()'),
	('SELECT min(v) FROM s GROUP BY GROUPING SETS (())'),
	('SELECT a, b FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, b, c, count(*) FROM s GROUP BY DISTINCT ROLLUP (a, b), ROLLUP (a, c)'),
	('SELECT a, b, count(*) FROM s GROUP BY DISTINCT GROUPING SETS ((a, b), (b, a), (a), (a))'),
	-- keys that are expressions, constants, the same twice
	('SELECT a + 1 AS x, coalesce(c, ''-'') AS y, GROUPING(a + 1) AS gx, GROUPING(coalesce(c, ''-'')) AS gy, count(*) FROM s GROUP BY CUBE (a + 1, coalesce(c, ''-''))'),
	('SELECT a, a + 1, (a + 1) * 2 AS twice, count(*) FROM s GROUP BY ROLLUP (a, a + 1)'),
	('SELECT 1 AS one, a, count(*), GROUPING(a) FROM s GROUP BY GROUPING SETS (1, 2)'),
	('SELECT a AS x, coalesce(a) AS y, count(*) FROM s GROUP BY x, ROLLUP (y)'),
	('SELECT a AS x, coalesce(a) AS y, b, count(*) FROM s GROUP BY CUBE (x, y, b)'),
	('SELECT ''x'' AS x, a FROM s GROUP BY CUBE (x, a) HAVING count(*) > 0'),
	('SELECT a % 2, b, sum(v) FROM s GROUP BY CUBE (1, 2)'),
	('SELECT a, (SELECT max(name) FROM dim WHERE dim.a = s.a) AS name, count(*) FROM s GROUP BY ROLLUP (a)'),
	('SELECT (SELECT GROUPING(a)) AS g, a, count(*) FROM s GROUP BY ROLLUP (a)'),
	('SELECT (SELECT max(name) FROM dim WHERE dim.a = s.a) AS name, count(*) FROM s GROUP BY ROLLUP ((SELECT max(name) FROM dim WHERE dim.a = s.a))'),
	('SELECT x, count(*) FROM (SELECT a > 1 AS x, v FROM s) q GROUP BY ROLLUP (x)'),
	('SELECT x, not x AS y, b FROM (SELECT b, a = 1 AS x FROM s) q GROUP BY GROUPING SETS (x, b)'),
	('SELECT b, x || ''x'' AS x FROM (SELECT b, ''foo''::text AS x FROM s) q GROUP BY GROUPING SETS (b, x)'),
	('SELECT b, x FROM (SELECT b, ''foo''::text AS x FROM s) q GROUP BY GROUPING SETS (b, x) HAVING x = ''foo'''),
	('SELECT e, count(*) FROM s, unnest(ARRAY[a, b]) e GROUP BY ROLLUP (e)'),
	('SELECT generate_series(1, 2) AS g, a, count(*) FROM s GROUP BY CUBE (g, a)'),
	('SELECT name, b, GROUPING(name, b), sum(v) FROM s JOIN dim USING (a) GROUP BY CUBE (name, b)'),
	('SELECT a, name, GROUPING(a, name), sum(v) FROM s LEFT JOIN dim USING (a) GROUP BY CUBE (a, name)'),
	('SELECT c COLLATE "C" AS c, count(*) FROM s GROUP BY ROLLUP (c COLLATE "C")'),
	-- aggregates
	('SELECT a, b, count(*) FILTER (WHERE v > 2), sum(v) FILTER (WHERE b IS NULL), bool_or(v > 10) FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, b, stddev(v), regr_count(v, a), sum(v::numeric / 3) FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, sum(a) AS sa, max(b), sum(a + b) FROM s GROUP BY CUBE (a, b)'),
	-- rows, but none for the view
	('SELECT a, count(*), sum(v) FROM s WHERE v > 1000000 GROUP BY CUBE (a, b)'),
	-- above the aggregation
	('SELECT a, b, count(*) FROM s GROUP BY CUBE (a, b) HAVING count(*) > 1'),
	('SELECT a, b, GROUPING(a), count(*) FROM s GROUP BY CUBE (a, b) HAVING GROUPING(a, b) IN (1, 2)'),
	('SELECT a, count(*) FROM s GROUP BY ROLLUP (a) HAVING a IS DISTINCT FROM 1'),
	('SELECT a, b, sum(v) FROM s GROUP BY CUBE (a, b) HAVING a IS NULL AND b IS NULL'),
	('SELECT a, b, CASE GROUPING(a, b) WHEN 3 THEN ''total'' WHEN 1 THEN ''subtotal'' ELSE ''row'' END AS kind, sum(v) FROM s GROUP BY ROLLUP (a, b)'),
	('SELECT a, b, sum(v), sum(sum(v)) OVER (PARTITION BY GROUPING(a, b) ORDER BY a, b) AS running FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, sum(v), rank() OVER (PARTITION BY GROUPING(a) ORDER BY sum(v) DESC NULLS LAST, a) FROM s GROUP BY ROLLUP (a)'),
	('SELECT DISTINCT a, GROUPING(b) AS gb FROM s GROUP BY CUBE (a, b)'),
	('SELECT DISTINCT ON (GROUPING(a, b)) GROUPING(a, b) AS g, a, b, sum(v) FROM s GROUP BY CUBE (a, b) ORDER BY GROUPING(a, b), a, b'),
	('SELECT a, b, sum(v) FROM s GROUP BY CUBE (a, b) ORDER BY GROUPING(a, b) DESC, a, b LIMIT 5'),
	('SELECT sum(v) FROM s GROUP BY CUBE (a, b) ORDER BY GROUPING(a), GROUPING(b), a, b'),
	('SELECT count(*) FROM s GROUP BY ROLLUP (a, b)'),
	-- parts of a query: each is maintained
	('SELECT g, max(sum) FROM (SELECT a, GROUPING(a) AS g, sum(v) FROM s GROUP BY ROLLUP (a)) q GROUP BY g'),
	('SELECT a, b, max(n) FROM (SELECT a, b, c, count(*) AS n FROM s GROUP BY a, b, c) q GROUP BY CUBE (a, b)'),
	('SELECT b, count(*) FROM (SELECT a, b, max(sum) AS m FROM (SELECT a, b, c, sum(v) FROM s GROUP BY CUBE (a, b, c)) p GROUP BY a, b) q GROUP BY b'),
	('SELECT * FROM (SELECT 1 AS x, a, sum(v) FROM s GROUP BY GROUPING SETS (1, 2)) q WHERE x = 1 AND a IS NULL'),
	('SELECT a, b, count(*) FROM (SELECT DISTINCT a, b FROM s) q GROUP BY CUBE (a, b)');
CREATE FUNCTION check_all() RETURNS TABLE (wrong text, query text) LANGUAGE sql AS $$
	SELECT result, query FROM queries, check_view(format('q%s', n)::regclass) AS result WHERE result <> 'ok' ORDER BY n
$$;
DO $$
DECLARE q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW q%s WITH (streaming.continuous, streaming.trigger = ''manual'') AS %s', q.n, q.query);
	END LOOP;
END $$;
CALL refresh_views();
SELECT * FROM check_all();
CALL refresh_views();
SELECT * FROM check_all();
INSERT INTO s SELECT nullif(x % 4, 0), nullif(x % 3, 0), nullif(chr(97 + x % 5), 'b'), x FROM generate_series(1, 100) x;
CALL refresh_views();
SELECT * FROM check_all();
-- other processes begin with what is stored
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) > 0 AS restarted FROM pg_stat_activity
WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO s VALUES (5, 1, 'e', 1), (NULL, NULL, NULL, NULL);
CALL refresh_views();
INSERT INTO s VALUES (1, 2, 'a', 3);
CALL refresh_views();
SELECT * FROM check_all();
TRUNCATE queries;
SELECT count(*) AS views FROM streaming.views;
-- rows of a group are where the others are, if a user looks for them
CREATE INDEX cube_b ON cube_ab (b, g);
SELECT regexp_replace(pg_get_indexdef('streaming.cube_b'::regclass), '\d+', 'N', 'g');
DROP TABLE s CASCADE;

-- from an empty stream, in many small batches, without a cache that keeps all
CREATE TABLE s (a int, b int, c text, v int) USING stream;
CREATE MATERIALIZED VIEW small WITH (streaming.continuous, streaming.max_batch_rows = 1) AS
	SELECT a, b, c, GROUPING(a, b, c) AS g, count(*), avg(v) FROM s GROUP BY CUBE (a, b, c);
INSERT INTO s SELECT x % 50, nullif(x % 7, 0), 'c' || x % 3, x FROM generate_series(1, 2000) x;
REFRESH MATERIALIZED VIEW small;
SELECT count(*) FROM small;
SELECT check_view('small');
SELECT batch > 3 AS many FROM streaming._progress;
DROP TABLE s CASCADE;

---- hashed, sorted, and both: keys that cannot be hashed are sorted, set by set

CREATE TABLE s (id int, v int, unhashable bit(4), unhashable2 bit(3)) USING stream;
CREATE MATERIALIZED VIEW sorted WITH (streaming.continuous) AS
	SELECT unhashable, unhashable2, GROUPING(unhashable2, unhashable) AS g, count(*), avg(v), max(v) FROM s GROUP BY CUBE (unhashable, unhashable2);
CREATE MATERIALIZED VIEW mixed WITH (streaming.continuous) AS
	SELECT id, unhashable, unhashable2, GROUPING(id, unhashable2, unhashable) AS g, count(*), avg(v), max(v) FROM s GROUP BY GROUPING SETS ((id), (v % 3), (unhashable), (unhashable2), (id, unhashable), ());
SELECT line FROM streaming.explain('sorted') AS line WHERE line ~ 'Aggregate|Key|Scan';
SELECT line FROM streaming.explain('mixed') AS line WHERE line ~ 'Aggregate|Key|Scan';
CREATE MATERIALIZED VIEW sorted_rollup WITH (streaming.continuous) AS
	SELECT unhashable, unhashable2, count(*), stddev(v) FROM s GROUP BY ROLLUP (unhashable, unhashable2);
INSERT INTO s SELECT x % 9, x, (x % 5)::bit(4), nullif(x % 4, 2)::bit(3) FROM generate_series(1, 200) x;
CALL refresh_views();
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
INSERT INTO s SELECT x % 11, x, (x % 7)::bit(4), nullif(x % 8, 2)::bit(3) FROM generate_series(1, 200) x;
CALL refresh_views();
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
DROP TABLE s CASCADE;

-- what does not fit into memory goes to disk
CREATE TABLE s (a int, b int, v int) USING stream;
ALTER SYSTEM SET work_mem = '64kB';
SELECT pg_reload_conf();
CREATE MATERIALIZED VIEW spilled WITH (streaming.continuous) AS
	SELECT a, b, count(*), sum(v), avg(v) FROM s GROUP BY CUBE (a, b);
INSERT INTO s SELECT x % 3000, nullif(x % 700, 0), x FROM generate_series(1, 10000) x;
REFRESH MATERIALIZED VIEW spilled;
SELECT check_view('spilled');
INSERT INTO s SELECT x % 5000, nullif(x % 70, 0), x FROM generate_series(1, 10000) x;
REFRESH MATERIALIZED VIEW spilled;
SELECT check_view('spilled');
ALTER SYSTEM RESET work_mem;
SELECT pg_reload_conf();
DROP TABLE s CASCADE;

---- event time

CREATE TABLE s (ts timestamptz, k text, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '2 min');
-- the window in every set: groups close, in append mode too
CREATE MATERIALIZED VIEW app WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT to_char(lower(tumble(ts, '5 min')), 'HH24:MI') AS w, k, GROUPING(k) AS g, count(*), sum(x) FROM s GROUP BY tumble(ts, '5 min'), ROLLUP (k);
-- in some: those of the others stay open
CREATE MATERIALIZED VIEW upd WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT to_char(lower(tumble(ts, '5 min')), 'HH24:MI') AS w, k, GROUPING(tumble(ts, '5 min'), k) AS g, count(*), sum(x), avg(x)::int FROM s GROUP BY CUBE (k, tumble(ts, '5 min'));
CREATE MATERIALIZED VIEW com WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '5 min') AS w, k, GROUPING(tumble(ts, '5 min'), k) AS g, count(*), sum(x), avg(x)::int FROM s GROUP BY CUBE (k, tumble(ts, '5 min'));
-- sliding windows: by panes, and (where a set has no window) by rows
CREATE MATERIALIZED VIEW panes WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT hop(ts, '10 min', '5 min') AS w, k, GROUPING(k) AS g, count(*), sum(x) FROM s GROUP BY w, ROLLUP (k);
CREATE MATERIALIZED VIEW panes_from WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT w, k, GROUPING(w, k) AS g, count(*), sum(x) FROM s, hop(ts, '10 min', '5 min') AS w GROUP BY GROUPING SETS ((w, k), (w));
CREATE MATERIALIZED VIEW hop_from WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT w, k, GROUPING(k) AS g, count(*), sum(x) FROM s, hop(ts, '10 min', '5 min') AS w GROUP BY CUBE (k, w);
CREATE MATERIALIZED VIEW sess WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT session_window(ts, '3 min') AS w, k, GROUPING(k) AS g, count(*), sum(x) FROM s GROUP BY ROLLUP (k), 1;
SELECT view, line FROM streaming.views, streaming.explain(view) AS line WHERE view::text IN ('app', 'upd') AND line ~ 'Bounded|Operator' ORDER BY 1, 2 DESC;
INSERT INTO s VALUES ('2024-01-01 12:01', 'a', 1), ('2024-01-01 12:04', 'b', 2), ('2024-01-01 12:07', 'a', 4), ('2024-01-01 12:07', NULL, 8);
CALL refresh_views();
SELECT * FROM app ORDER BY w, g, k;
SELECT * FROM upd ORDER BY g, w, k;
SELECT * FROM sess ORDER BY g, k, w;
-- late for 12:00 (in all sets, so that they agree), and the next window
INSERT INTO s VALUES ('2024-01-01 12:02', 'a', 16), ('2024-01-01 12:06', 'b', 32), ('2024-01-01 12:13', 'a', 64), (NULL, 'a', 128);
CALL refresh_views();
SELECT * FROM app ORDER BY w, g, k;
SELECT * FROM upd ORDER BY g, w, k;
SELECT * FROM sess ORDER BY g, k, w;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- closed groups give up their state, open ones go on
INSERT INTO s VALUES ('2024-01-01 13:00', 'a', 256), ('2024-01-01 13:04', 'c', 512);
CALL refresh_views();
INSERT INTO s VALUES ('2024-01-01 13:04', 'a', 1024), ('2024-01-01 12:13', 'c', 2048);
CALL refresh_views();
SELECT * FROM app ORDER BY w, g, k;
SELECT * FROM upd ORDER BY g, w, k;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- nothing is dropped in complete mode, but rows without a time
CREATE FUNCTION check_timed(v regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text;
	n bigint;
BEGIN
	query := replace(query_of(v), 'FROM s', 'FROM (SELECT * FROM s WHERE ts IS NOT NULL) s');
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$s)) d', v, query) INTO n;
	RETURN n || ' different';
END $$;
SELECT view, check_timed(view) FROM streaming.views WHERE view::text IN ('com', 'panes', 'panes_from', 'hop_from') ORDER BY view::text;
DROP TABLE s CASCADE;
-- a batch that only closes groups leaves the others alone
CREATE TABLE s (ts timestamptz, k text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW upd WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '5 min') AS w, avg(extract(minute FROM ts)) FROM s GROUP BY ROLLUP (tumble(ts, '5 min'));
INSERT INTO s VALUES ('2024-01-01 12:05', 'a'), ('2024-01-01 12:05', 'b');
REFRESH MATERIALIZED VIEW upd;
CREATE FUNCTION versions() RETURNS TABLE (w text, version text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_char(lower(w), ''HH24:MI''), xmin::text FROM %s', (SELECT state FROM streaming._view)::regclass);
END $$;
INSERT INTO s VALUES ('2024-01-01 12:15', 'c');
REFRESH MATERIALIZED VIEW upd;
SELECT a.w, b.w, a.version = b.version AS same_batch FROM versions() a, versions() b WHERE a.w > b.w OR a.w IS NULL AND b.w IS NOT NULL ORDER BY 1, 2;
SELECT groups FROM streaming.views;
TABLE upd ORDER BY w;
DROP TABLE s CASCADE;

---- PostgreSQL's own queries (groupingsets.sql), over streams

CREATE TABLE gstest1 (a int, b int, v int) USING stream;
CREATE TABLE gstest2 (a int, b int, c int, d int, e int, f int, g int, h int) USING stream;
CREATE TABLE gstest_empty (a int, b int, v int) USING stream;
CREATE TABLE onek (two int, four int, ten int) USING stream;
CREATE TABLE int8_tbl (q1 int8, q2 int8) USING stream;
CREATE FUNCTION gstest_data(v int, OUT a int, OUT b int) RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN QUERY SELECT v, i FROM generate_series(1, 3) i;
END $$;
CREATE TABLE x (x int) USING stream;
INSERT INTO queries (query) VALUES
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by rollup (a,b)'),
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by rollup (a,b) order by a,b'),
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by rollup (a,b) order by b desc, a'),
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by rollup (a,b) order by coalesce(a,0)+coalesce(b,0)'),
	('select a, b, sum(c), sum(sum(c)) over (order by a,b) as rsum from gstest2 group by rollup (a,b) order by rsum, a, b'),
	('select sum(c) from gstest2 group by grouping sets((), grouping sets(((a, b)))) order by 1 desc'),
	('select sum(c) from gstest2 group by distinct grouping sets(grouping sets(rollup(c), grouping sets(cube(c)))) order by 1 desc'),
	('select sum(c) from gstest2 group by distinct grouping sets(a, grouping sets(a, cube(b))) order by 1 desc'),
	('select sum(c) from gstest2 group by grouping sets(grouping sets((a, (b)))) order by 1 desc'),
	('select sum(c) from gstest2 group by grouping sets(grouping sets((a, b))) order by 1 desc'),
	('select sum(c) from gstest2 group by distinct grouping sets(a, grouping sets(a, grouping sets(a), ((a)), a, grouping sets(a), (a)), a) order by 1 desc'),
	('select sum(c) from gstest2 group by distinct grouping sets((a,(a,b)), grouping sets((a,(a,b)),a)) order by 1 desc'),
	('select a, b, sum(v), count(*) from gstest_empty group by grouping sets ((a,b),a)'),
	('select a, b, sum(v), count(*) from gstest_empty group by grouping sets ((a,b),())'),
	('select a, b, sum(v), count(*) from gstest_empty group by distinct grouping sets ((a,b),(),(),())'),
	('select sum(v), count(*) from gstest_empty group by distinct grouping sets ((),(),())'),
	('select t1.a, t2.name, grouping(t1.a, t2.name), sum(t1.v), max(t2.a) as m from gstest1 t1, dim t2 group by grouping sets ((t1.a, t2.name), ())'),
	('select t1.a, t2.name, grouping(t1.a, t2.name), sum(t1.v), max(t2.a) as m from gstest1 t1 join dim t2 on (t1.a=t2.a) group by grouping sets ((t1.a, t2.name), ())'),
	('select a, name, grouping(a, name), sum(t1.v), max(t2.name) from gstest1 t1 join dim t2 using (a) group by grouping sets ((a, name), ())'),
	('select x as alias1, coalesce(x) as alias2 from x group by alias1, rollup(alias2)'),
	('select four, ten, x from (select four, ten, ''foo''::text as x from onek) as t group by grouping sets (four, x, ten) having x = ''foo'''),
	('select x, not x as not_x, q2 from (select *, q1 = 1 as x from int8_tbl i1) as t group by grouping sets(x, q2) order by x, q2'),
	('select * from (select 1 as x, q1, sum(q2) from int8_tbl i1 group by grouping sets(1, 2)) ss where x = 1 and q1 = 123'),
	('select grouping(ss.x) from int8_tbl i1 cross join lateral (select (select i1.q1) as x) ss group by ss.x'),
	('select (select grouping(ss.x)) from int8_tbl i1 cross join lateral (select (select i1.q1) as x) ss group by ss.x'),
	('select a, b, sum(v.x) from x v(x), gstest_data(v.x) group by rollup (a,b)'),
	('select min(v) from gstest1 GROUP BY ()'),
	('select a, b, grouping(a,b), sum(c), count(*), max(c) from gstest2 group by rollup ((a,b,c),(c,d))'),
	('select a, b, c, d from gstest2 group by rollup(a,b),grouping sets(c,d)'),
	('select a, b from gstest1 group by a,b, grouping sets(a)'),
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by grouping sets ((a,b),(a+1,b+1),(a+2,b+2)) order by 3,6'),
	('select a, b, sum(c), sum(sum(c)) over (order by a,b) as rsum from gstest2 group by cube (a,b) order by rsum, a, b'),
	('select a, b, sum(v.x) from x v(x), gstest_data(v.x) group by cube (a,b) order by a,b'),
	('select * from gstest1 group by grouping sets((a,b,v),(v)) order by v,b,a'),
	('select a, b, sum(c), count(*) from gstest2 group by distinct grouping sets (rollup(a,b),a)'),
	('select a,count(*) from gstest2 group by rollup(a) order by a'),
	('select a,count(*) from gstest2 group by rollup(a) having a is distinct from 1 order by a'),
	('select ten, grouping(ten) from onek group by grouping sets(ten) having grouping(ten) >= 0 order by 2,1'),
	('select ten, grouping(ten) from onek group by grouping sets(ten, four) having grouping(ten) > 0 order by 2,1'),
	('select ten, grouping(ten) from onek group by rollup(ten) having grouping(ten) > 0 order by 2,1'),
	('select ten, grouping(ten) from onek group by cube(ten) having grouping(ten) > 0 order by 2,1'),
	('select ten, grouping(ten) from onek group by (ten) having grouping(ten) >= 0 order by 2,1'),
	('select ten, sum(four) filter (where four::text ~ ''123'') from onek a group by rollup(ten)'),
	('select sum(ten) from onek group by two, rollup(four::text) order by 1'),
	('select sum(ten) from onek group by rollup(four::text), two order by 1'),
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by grouping sets ((a),(b)) order by 3,1,2'),
	('select a, b, grouping(a,b), sum(v), count(*), max(v) from gstest1 group by cube(a,b) order by 3,1,2'),
	('select a, b, count(*), max(a), max(b) as max_b from gstest1 group by grouping sets(a, b,()) order by a, b'),
	('select v||''a'', case grouping(v||''a'') when 1 then 1 else 0 end, count(*) from gstest1 t(a, b, x), unnest(array[a, b], array[''a'',''b'']) u(i,v) group by rollup(i, v||''a'') order by 1,3'),
	('select v||''a'', case when grouping(v||''a'') = 1 then 1 else 0 end, count(*) from gstest1 t(a, b, x), unnest(array[a, b], array[''a'',''b'']) u(i,v) group by rollup(i, v||''a'') order by 1,3'),
	('select four, ten, sum(two::numeric), count(*), max(ten::text) from onek group by cube (two, four, ten)'),
	('select a, b, c from gstest2 group by distinct rollup(a, b), rollup(a, c) order by a, b, c'),
	('select (select grouping(v1)) from gstest1 v(v1) group by cube(v1)'),
	('select (select grouping(v1)) from gstest1 v(v1) group by v1');
DO $$
DECLARE q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW q%s WITH (streaming.continuous, streaming.trigger = ''manual'') AS %s', q.n, q.query);
	END LOOP;
END $$;
SELECT * FROM check_all();
INSERT INTO gstest1 VALUES (1,1,10),(1,1,11),(1,2,12),(1,2,13),(1,3,14),(2,3,15);
INSERT INTO gstest2 VALUES (1,1,1,1,1,1,1,1),(1,1,1,1,1,1,1,2),(1,1,1,1,1,1,2,2),(1,1,1,1,1,2,2,2),(1,1,1,1,2,2,2,2);
INSERT INTO onek SELECT x % 2, x % 4, x % 10 FROM generate_series(1, 500) x;
INSERT INTO int8_tbl VALUES (123, 456), (123, 4567890123456789), (1, 123);
INSERT INTO x VALUES (1), (2);
CALL refresh_views();
SELECT * FROM check_all();
INSERT INTO gstest1 VALUES (3,3,16),(3,4,17),(4,1,18),(4,1,19),(4,null,20);
INSERT INTO gstest2 VALUES (1,1,1,2,2,2,2,2),(1,1,2,2,2,2,2,2),(1,2,2,2,2,2,2,2),(2,2,2,2,2,2,2,2);
INSERT INTO onek SELECT x % 2, x % 4, x % 10 FROM generate_series(501, 1000) x;
INSERT INTO int8_tbl VALUES (4567890123456789, 123), (1, null), (null, 1);
INSERT INTO x VALUES (3), (1);
CALL refresh_views();
SELECT * FROM check_all();
DROP TABLE gstest1, gstest2, gstest_empty, onek, int8_tbl, x CASCADE;

---- refused

CREATE TABLE s (ts timestamptz, a int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
-- the same set twice
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT a, count(*) FROM s GROUP BY GROUPING SETS ((a), (a));
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT a, b, count(*) FROM s GROUP BY ROLLUP (a), CUBE (a, b);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*) FROM s GROUP BY GROUPING SETS ((), ());
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT n, count(*) FROM (SELECT a, b, count(*) AS n FROM s GROUP BY a, ROLLUP (a, b)) q GROUP BY n;
\echo :LAST_ERROR_SQLSTATE
-- an expression twice: in the text of the definition they look alike
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT a AS x, a AS y, count(*) FROM s GROUP BY x, ROLLUP (y);
\echo :LAST_ERROR_SQLSTATE
-- what is not final cannot be appended
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min'), a, count(*) FROM s GROUP BY ROLLUP (tumble(ts, '1 min'), a);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT w, a, sum(n) FROM (SELECT tumble(ts, '1 min') AS w, a, b, count(*) AS n FROM s GROUP BY 1, 2, 3) q GROUP BY CUBE (w, a);
\echo :LAST_ERROR_SQLSTATE
-- windows that are not in every set
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT session_window(ts, '1 min') AS w, a, count(*) FROM s GROUP BY CUBE (w, a);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT hop(ts, '2 min', '1 min') AS w, a, count(*) FROM s GROUP BY CUBE (w, a);
\echo :LAST_ERROR_SQLSTATE
-- nothing to maintain
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT 1 AS one FROM s GROUP BY ();
\echo :LAST_ERROR_SQLSTATE
-- one key tells the sets apart
SELECT format('CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM s GROUP BY %s, ROLLUP (b)', string_agg(format('a + %s', i), ', '))
FROM generate_series(1, 31) i \gexec
SELECT format('CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT b, count(*) FROM s GROUP BY %s, ROLLUP (b)', string_agg(format('a + %s', i), ', '))
FROM generate_series(1, 30) i \gexec
INSERT INTO s VALUES (now(), 1, 2), (now(), 1, NULL);
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');

DROP TABLE s, dim CASCADE;
DROP TABLE queries;
DROP FUNCTION check_all, check_timed, versions, gstest_data;
SELECT * FROM leftovers();
