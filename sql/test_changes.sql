-- Aggregations over aggregations, maintained through changes
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, x int, t text, n numeric, ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 minutes');
INSERT INTO s SELECT g, nullif(g % 17, 2), nullif(g % 13, 5), nullif('t' || g % 3, 't2'), g % 5, '2024-01-01 00:00+00'::timestamptz + g * interval '7 seconds'
	FROM generate_series(1, 500) g;

CREATE MATERIALIZED VIEW avg_of_max WITH (streaming.continuous) AS
	SELECT avg(m) FROM (SELECT k, max(x) AS m FROM s GROUP BY k) q;
CREATE MATERIALIZED VIEW histogram WITH (streaming.continuous) AS
	SELECT c, count(*) FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q GROUP BY c;
CREATE MATERIALIZED VIEW having_below WITH (streaming.continuous) AS
	SELECT c, count(*) FROM (SELECT k, t, count(*) AS c FROM s GROUP BY k, t HAVING count(*) > 8) q GROUP BY c;
CREATE MATERIALIZED VIEW moved WITH (streaming.continuous) AS
	SELECT t, count(*) AS n, count(m), sum(c) AS sc, avg(c) AS ac, sum(m) AS sm, avg(m) AS am, stddev(c) AS dc, var_pop(m) AS vm,
		bool_and(c > 8) AS every, count(*) FILTER (WHERE c > 9) AS f, sum(m) FILTER (WHERE m < 8) AS sf, count(1) AS one, count(NULL) AS none
	FROM (SELECT k, t, count(*) AS c, max(x) AS m FROM s GROUP BY k, t) q GROUP BY t;
CREATE MATERIALIZED VIEW kept WITH (streaming.continuous) AS
	SELECT t, max(c), min(c), array_agg(k ORDER BY k) AS ks, count(DISTINCT c) FILTER (WHERE c % 2 = 0) AS d, sum(n) AS sn, avg(f) AS af,
		count((k, c)) AS r, percentile_disc(0.5) WITHIN GROUP (ORDER BY c) AS p
	FROM (SELECT k, t, count(*) AS c, sum(n) AS n, count(x)::float8 / 4 AS f FROM s GROUP BY k, t) q GROUP BY t;
CREATE MATERIALIZED VIEW three_deep WITH (streaming.continuous) AS
	SELECT m, max(c), sum(m) FROM (SELECT c, count(*) AS m FROM (SELECT k, t, count(*) AS c FROM s GROUP BY k, t) a GROUP BY c) b GROUP BY m;
CREATE MATERIALIZED VIEW conditions WITH (streaming.continuous) AS
	SELECT k % 3 AS g, sum(d) AS sd FROM (SELECT k, count(DISTINCT x) AS d FROM s GROUP BY k) q WHERE d > 3 GROUP BY k % 3 HAVING sum(d) > 5;
CREATE MATERIALIZED VIEW over_kept WITH (streaming.continuous) AS
	SELECT cardinality(a) AS c, count(*), sum(a[1]) FROM (SELECT k, array_agg(id ORDER BY id DESC) AS a FROM s GROUP BY k) q GROUP BY c;
CREATE MATERIALIZED VIEW over_distinct WITH (streaming.continuous) AS
	SELECT c, count(*) FROM (SELECT t, count(*) AS c FROM (SELECT DISTINCT k, t FROM s) d GROUP BY t) q GROUP BY c;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS
	SELECT c, n, rank() OVER (ORDER BY n DESC) FROM (SELECT c, count(*) AS n FROM (SELECT k, count(*) AS c FROM s GROUP BY k) a GROUP BY c) b ORDER BY n LIMIT 5;
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous) AS
	SELECT a.c, a.n, b.avg FROM (SELECT c, count(*) AS n FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q GROUP BY c) a,
		(SELECT avg(m) FROM (SELECT k, max(x) AS m FROM s GROUP BY k) q) b;
CREATE MATERIALIZED VIEW expressions WITH (streaming.continuous) AS
	SELECT upper(l) AS u, sum(c * 2 + 1) FROM (SELECT t || '!' AS l, count(*) AS c, k FROM s GROUP BY k, t || '!') q GROUP BY upper(l);

-- a window over a window
CREATE MATERIALIZED VIEW w_same WITH (streaming.continuous) AS
	SELECT w, max(c), sum(c) FROM (SELECT tumble(ts, '10 minutes') AS w, k, count(*) AS c FROM s GROUP BY w, k) q GROUP BY w;
CREATE MATERIALIZED VIEW w_coarser WITH (streaming.continuous) AS
	SELECT tumble(window_time(w), '1 hour') AS h, max(c), sum(c), count(*) FROM (SELECT tumble(ts, '10 minutes') AS w, count(*) AS c FROM s GROUP BY w) q GROUP BY h;
CREATE MATERIALIZED VIEW w_none WITH (streaming.continuous) AS
	SELECT count(*), sum(c), avg(c) FROM (SELECT w, count(*) AS c FROM s, hop(ts, '10 minutes', '5 minutes') w GROUP BY w) q;

CREATE TABLE views AS SELECT view::text AS name FROM streaming.views ORDER BY 1;
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
	FOR name IN SELECT v.name FROM views v LOOP
		PERFORM streaming.wait(name::regclass, '1 minute');
	END LOOP;
END $$;
CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
INSERT INTO s SELECT g, g % 19, g % 17, 't' || g % 5, g % 3 + 0.5, '2024-01-01 01:00+00'::timestamptz + g * interval '7 seconds' FROM generate_series(1, 300) g;
BEGIN;
INSERT INTO s SELECT g, g % 11, g % 17, 't' || g % 5 FROM generate_series(1, 50) g;
ROLLBACK;
CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
-- one group moves; then groups come and go
INSERT INTO s VALUES (1, NULL, 100, 't1', 1.25, '2024-01-01 01:40+00');
CALL refresh_all();
INSERT INTO s SELECT g, 1, 100, 't1', 1.25, '2024-01-01 01:41+00' FROM generate_series(1, 30) g;
CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
SELECT * FROM avg_of_max;
SELECT * FROM moved ORDER BY t;

-- which are maintained: a table for each operator; the others are left to readers
SELECT v.view, count(c.oid) AS tables
FROM streaming.views v JOIN pg_depend d ON d.refobjid = v.view AND d.deptype = 'i'
	JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'
WHERE v.view::text IN ('avg_of_max', 'kept', 'three_deep') GROUP BY 1 ORDER BY 1;
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('kept') e WHERE e !~ '^    ';
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('w_same') e WHERE e !~ '^    ';
SELECT regexp_replace(e, '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('joined') e WHERE e !~ '^    ';
CREATE MATERIALIZED VIEW left_now WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT k, now() AS t FROM s GROUP BY k) q WHERE t > '2000-01-01';
CREATE TABLE names (k int);
CREATE MATERIALIZED VIEW left_lookup WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q JOIN names USING (k);
CREATE MATERIALIZED VIEW left_session WITH (streaming.continuous) AS
	SELECT count(*), max(c) FROM (SELECT k, session_window(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY k, w) q;
INSERT INTO names VALUES (1), (2);
SELECT view, streaming.wait(view), check_view(view) FROM streaming.views WHERE view::text ~ '^left_' ORDER BY 1;
SELECT * FROM left_lookup;

-- closed windows: what is below goes, what has come of it stays
SELECT sum(sum) AS rows FROM w_coarser \gset before_
INSERT INTO s VALUES (2, 2, 2, 't2', 2, '2024-01-03 00:00+00');
CALL refresh_all();
INSERT INTO s VALUES (3, 3, 3, 't3', 3, '2024-01-01 00:00+00');
CALL refresh_all();
SELECT sum(sum) - :before_rows AS more, count(*) FROM w_coarser;
SELECT view, groups, late_rows FROM streaming.views WHERE view::text ~ '^w_' ORDER BY 1;
SELECT count, sum FROM w_none;

-- without keys, and over nothing
CREATE TABLE e (k int, v int) USING stream;
CREATE MATERIALIZED VIEW e_all WITH (streaming.continuous) AS
	SELECT count(*), sum(c), max(c) FROM (SELECT k, count(*) AS c FROM e GROUP BY k) q;
CREATE MATERIALIZED VIEW e_total WITH (streaming.continuous) AS
	SELECT c, count(*) FROM (SELECT count(*) AS c FROM e) q GROUP BY c;
SELECT * FROM e_all;
SELECT * FROM e_total;
INSERT INTO e VALUES (1, 1), (1, 2), (NULL, 3);
SELECT streaming.wait('e_all') AND streaming.wait('e_total');
SELECT * FROM e_all;
SELECT * FROM e_total;
SELECT check_view('e_all'), check_view('e_total');

-- keys by reference; several feeds below; what comes and goes in the same batch
CREATE TABLE r (c text, n numeric, i int) USING stream;
CREATE MATERIALIZED VIEW r_text WITH (streaming.continuous) AS
	SELECT c, count(*), sum(m) FROM (SELECT c, i, max(i) AS m FROM r GROUP BY c, i) q GROUP BY c;
CREATE MATERIALIZED VIEW r_collated WITH (streaming.continuous) AS
	SELECT upper(c) AS u, n, max(m) FROM (SELECT c, n, i, max(i) AS m FROM r GROUP BY c, n, i) q GROUP BY upper(c), n;
CREATE MATERIALIZED VIEW r_feeds WITH (streaming.continuous) AS
	SELECT p, variance(m), count(*) FROM (SELECT i, percentile_disc(0.5) WITHIN GROUP (ORDER BY n) AS p, max(i) AS m, count(DISTINCT c) AS d FROM r GROUP BY i) q GROUP BY p;
INSERT INTO r VALUES ('a', 1, 1), ('b', 1, 1), ('a', 2.0, 2), ('b', 2, 2), ('A', 3, 3), (NULL, NULL, NULL), ('long ' || repeat('x', 500), 1, 1);
SELECT streaming.wait('r_text') AND streaming.wait('r_collated') AND streaming.wait('r_feeds');
SELECT check_view('r_text'), check_view('r_collated'), check_view('r_feeds');
INSERT INTO r VALUES ('a', 10, 1), ('b', 1, 7), ('c', 2.0, 2), ('B', 2, 2), ('a', 3, 3), ('a', 30, 3), ('long ' || repeat('x', 500), 1, 4);
SELECT streaming.wait('r_text') AND streaming.wait('r_collated') AND streaming.wait('r_feeds');
SELECT check_view('r_text'), check_view('r_collated'), check_view('r_feeds');
DROP TABLE r CASCADE;

-- ORDER BY below; composites of long and compressed values, and of more fields than before
CREATE TYPE pair AS (a int, b text);
CREATE TABLE c (k int, n int, t text) USING stream;
CREATE MATERIALIZED VIEW c_ordered WITH (streaming.continuous) AS
	SELECT x, count(*), array_agg(k ORDER BY k) AS ks FROM (SELECT k, count(*) AS x FROM c GROUP BY k ORDER BY max(n)) q GROUP BY x;
CREATE MATERIALIZED VIEW c_hidden WITH (streaming.continuous) AS
	SELECT count(*), sum(x) FROM (SELECT count(*) AS x FROM c GROUP BY k WINDOW w AS (ORDER BY k) ORDER BY k, max(n) DESC) q;
CREATE MATERIALIZED VIEW c_composite WITH (streaming.continuous) AS
	SELECT n, array_agg(ROW(k, mt)::pair ORDER BY k) AS pairs, array_agg(ARRAY[ROW(k, mt)::pair] ORDER BY k) AS arrays, max(mt)
	FROM (SELECT k, n, max(t) AS mt FROM c GROUP BY k, n) q GROUP BY n;
INSERT INTO c VALUES (1, 1, repeat('a', 3000)), (2, 1, repeat('b', 3000)), (2, 2, 'c');
SELECT streaming.wait('c_ordered') AND streaming.wait('c_hidden') AND streaming.wait('c_composite');
INSERT INTO c VALUES (1, 1, 'b'), (2, 1, repeat('d', 100000)), (3, 3, NULL);
SELECT streaming.wait('c_ordered') AND streaming.wait('c_hidden') AND streaming.wait('c_composite');
SELECT check_view('c_ordered'), check_view('c_hidden'), check_view('c_composite');
ALTER TYPE pair ADD ATTRIBUTE z int;
DROP MATERIALIZED VIEW c_composite;
CREATE TYPE counted AS (k int, n bigint);
CREATE MATERIALIZED VIEW c_grown WITH (streaming.continuous) AS
	SELECT x, array_agg(ROW(k, x)::counted ORDER BY k) AS pairs FROM (SELECT k, count(*) AS x FROM c GROUP BY k) q GROUP BY x;
SELECT streaming.wait('c_grown');
ALTER TYPE counted ADD ATTRIBUTE z int;
INSERT INTO c VALUES (1, 1, 'b');
SELECT streaming.wait('c_grown');
SELECT x, cardinality(pairs) FROM c_grown ORDER BY x;
-- a function that changes its mind
CREATE FUNCTION fixed(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE MATERIALIZED VIEW c_broken WITH (streaming.continuous) AS
	SELECT x, count(*) FROM (SELECT k, fixed(count(*)) AS x FROM c GROUP BY k) q GROUP BY x;
SELECT streaming.wait('c_broken');
CREATE OR REPLACE FUNCTION fixed(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 100';
INSERT INTO c VALUES (1, 1, 'b');
\set VERBOSITY terse
SELECT streaming.wait('c_broken');
\set VERBOSITY default
DROP TABLE c CASCADE;
DROP FUNCTION fixed;
DROP TYPE pair, counted;
-- a batch that fails while a row of a sort is at hand leaves nothing of it behind
CREATE TABLE c (k int, t text) USING stream;
CREATE MATERIALIZED VIEW c_long WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT m, count(*) FROM (SELECT k, max(t) AS m FROM c GROUP BY k) q GROUP BY m;
CREATE MATERIALIZED VIEW c_kept WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT m, array_agg(k) FROM (SELECT k, max(t) AS m FROM c GROUP BY k) q GROUP BY m;
INSERT INTO c SELECT k, (SELECT string_agg(md5((g * k)::text), '') FROM generate_series(1, 400) g) FROM generate_series(1, 20) k;
CREATE PROCEDURE fails(statement text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING '% %', SQLSTATE, regexp_replace(SQLERRM, '\d+', 'N', 'g');
END $$;
CALL fails('TRUNCATE c');
CALL fails('TRUNCATE c');
CALL fails('REFRESH MATERIALIZED VIEW c_long');
CALL fails('REFRESH MATERIALIZED VIEW c_kept');
CALL fails('REFRESH MATERIALIZED VIEW c_long');
SELECT view, failures, last_error_sqlstate FROM streaming.views WHERE view::text ~ '^c_' ORDER BY view::text;
DROP TABLE c CASCADE;
DROP PROCEDURE fails;
-- without keys, what has lost its last row is computed over none
CREATE TABLE c (k int) USING stream;
CREATE MATERIALIZED VIEW c_none WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(*), count(DISTINCT n) AS values, max(n), array_agg(n ORDER BY n) FROM (SELECT k, count(*) AS n FROM c GROUP BY k HAVING count(*) < 3) q;
INSERT INTO c VALUES (1);
REFRESH MATERIALIZED VIEW c_none;
TABLE c_none;
INSERT INTO c VALUES (1), (1);
REFRESH MATERIALIZED VIEW c_none;
TABLE c_none;
INSERT INTO c VALUES (2), (2);
REFRESH MATERIALIZED VIEW c_none;
SELECT check_view('c_none');
-- ... and what is over that has its one row from the beginning
CREATE TABLE o (k int) USING stream;
CREATE MATERIALIZED VIEW c_one WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(DISTINCT m), array_agg(m) FROM (SELECT max(c.k) AS m FROM c LEFT JOIN o ON c.k = o.k WHERE o.k > 0) q;
TABLE c_one;
REFRESH MATERIALIZED VIEW c_one;
TABLE c_one;
INSERT INTO o VALUES (1);
REFRESH MATERIALIZED VIEW c_one;
TABLE c_one;
SELECT check_view('c_one');
DROP TABLE c, o CASCADE;

DROP TABLE s, e CASCADE;
DROP TABLE views, names CASCADE;
DROP PROCEDURE refresh_all;
SELECT * FROM leftovers();
