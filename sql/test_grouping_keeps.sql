-- Aggregates with DISTINCT or ORDER BY, or without a combine function, beside grouping sets
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

CREATE SCHEMA keeps;
SET search_path = keeps, public;
CREATE DOMAIN label AS text CHECK (VALUE <> 'bad');
CREATE TYPE pair AS (x int, y text);
-- aggregates that are something over no rows: one that cannot be combined, one that can
CREATE AGGREGATE concat_all (text) (SFUNC = textcat, STYPE = text, INITCOND = '>');
CREATE FUNCTION sum_text(int8) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'sum ' || $1 $$;
CREATE AGGREGATE sum_late (int8) (SFUNC = int8pl, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl, FINALFUNC = sum_text);
CREATE TABLE s (id int, a int, b int, c text COLLATE "C", d label, n numeric(10,2), v int, x numeric) USING stream;
CREATE TABLE dim (a int, name text, w int);
INSERT INTO dim VALUES (1, 'one', 10), (2, 'two', 20), (2, 'zwei', 21), (NULL, 'none', 0);
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);

---- literal rows: a null of the input is another group than a key that is left out

CREATE MATERIALIZED VIEW cube_ab WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT a, b, GROUPING(a, b) AS g, count(DISTINCT v) AS cd, sum(DISTINCT v) FILTER (WHERE v > 1) AS sd, array_agg(v ORDER BY v DESC) AS arr, count(*) AS n
	FROM s GROUP BY CUBE (a, b);
CREATE MATERIALIZED VIEW values_only WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT a, GROUPING(a) AS g, count(DISTINCT v) FROM s GROUP BY ROLLUP (a);
CREATE MATERIALIZED VIEW kept_only WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT a, GROUPING(a) AS g, array_agg(v ORDER BY id) FROM s GROUP BY ROLLUP (a);
CREATE MATERIALIZED VIEW no_empty WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT a, b, GROUPING(a, b) AS g, count(DISTINCT v) FROM s GROUP BY GROUPING SETS (a, b);
-- the group of the empty set is there from the beginning
TABLE cube_ab;
TABLE values_only;
TABLE kept_only;
TABLE no_empty;
CALL refresh_views();
TABLE cube_ab;
TABLE values_only;
INSERT INTO s (id, a, b, v) VALUES (1, 1, 1, 1), (2, 1, NULL, 2), (3, NULL, 1, 2), (4, NULL, NULL, NULL);
CALL refresh_views();
SELECT * FROM cube_ab ORDER BY g, a, b;
SELECT * FROM values_only ORDER BY g, a;
SELECT * FROM kept_only ORDER BY g, a;
SELECT * FROM no_empty ORDER BY g, a, b;
INSERT INTO s (id, a, b, v) VALUES (5, 1, 1, 2), (6, NULL, NULL, 3), (7, 2, NULL, 1);
CALL refresh_views();
SELECT * FROM cube_ab ORDER BY g, a, b;
SELECT * FROM values_only ORDER BY g, a;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
-- one read of the input; rows are handed on for each set
SELECT regexp_replace(line, '(_state|_below)_\d+', '\1_N', 'g') AS line FROM streaming.explain('cube_ab') AS line WHERE line !~ '^    ' OR line ~ 'Scan';
SELECT line FROM streaming.explain('values_only') AS line WHERE line ~ 'Operator|Feed|Scan';
-- the number is a key of each table
SELECT regexp_replace(regexp_replace(indexdef, '\d+', 'N'), '_\d+(_\d)?', '_N\1', 'g') AS index FROM
	(SELECT pg_get_indexdef(indexrelid) AS indexdef FROM pg_index JOIN pg_depend ON objid = indrelid AND refobjid = 'cube_ab'::regclass) i ORDER BY 1;
-- a batch without rows is none
SELECT batch AS before FROM streaming._progress WHERE viewid = 'cube_ab'::regclass \gset
REFRESH MATERIALIZED VIEW cube_ab;
SELECT batch - :before AS batches FROM streaming._progress WHERE viewid = 'cube_ab'::regclass;
DROP MATERIALIZED VIEW cube_ab, values_only, kept_only, no_empty;
TRUNCATE s;

---- every spelling, against the query

INSERT INTO queries (query) VALUES
	('SELECT a, b, GROUPING(a, b), count(DISTINCT v) AS d, count(*), sum(v) FROM s GROUP BY GROUPING SETS ((a, b), (a), ())'),
	('SELECT a, b, count(DISTINCT v) FROM s GROUP BY GROUPING SETS ((a, b), a)'),
	('SELECT a, count(DISTINCT v), GROUPING(a) FROM s GROUP BY GROUPING SETS ((a))'),
	('SELECT count(DISTINCT v), array_agg(v ORDER BY id) FROM s GROUP BY GROUPING SETS (())'),
	('SELECT a, b, c, GROUPING(c, a), sum(DISTINCT v) FILTER (WHERE v > 7) AS s7, sum(DISTINCT v), count(DISTINCT v) FILTER (WHERE b IS NULL) FROM s GROUP BY CUBE (a, b, c)'),
	('SELECT a, b, c, string_agg(c, '','' ORDER BY id), array_agg(id ORDER BY v DESC NULLS LAST, id) FROM s GROUP BY ROLLUP ((a, b), c)'),
	('SELECT a, b, percentile_cont(0.5) WITHIN GROUP (ORDER BY v) AS p, mode() WITHIN GROUP (ORDER BY c) AS m, count(*), avg(v)::int FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, b, c, rank(5) WITHIN GROUP (ORDER BY v), percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY id) FILTER (WHERE id > 20) FROM s GROUP BY a, ROLLUP (b, c)'),
	('SELECT a, b, c, count(DISTINCT v), max(v) FROM s GROUP BY GROUPING SETS (a, (a, b)), GROUPING SETS (c, ())'),
	('SELECT a, b, c, count(DISTINCT v) FROM s GROUP BY DISTINCT ROLLUP (a, b), ROLLUP (a, c)'),
	-- rows in the order in which they came
	('SELECT a, b, json_agg(id)::text FROM s GROUP BY CUBE (a, b)'),
	-- all kinds together
	('SELECT a, b, GROUPING(b) AS gb, count(*), sum(v), count(DISTINCT v) AS d, count(DISTINCT c) AS dc, array_agg(c ORDER BY id) AS arr, string_agg(DISTINCT c, ''-'' ORDER BY c) FROM s GROUP BY CUBE (a, b)'),
	-- above the aggregation
	('SELECT a, b, count(DISTINCT v) FROM s GROUP BY CUBE (a, b) HAVING GROUPING(a, b) IN (1, 2) AND count(DISTINCT v) > 3'),
	('SELECT a FROM s GROUP BY ROLLUP (a) HAVING count(DISTINCT v) = 0 OR a IS NULL'),
	('SELECT a, CASE GROUPING(a, b) WHEN 3 THEN ''total'' WHEN 1 THEN ''subtotal'' ELSE ''row'' END AS kind, array_length(array_agg(v ORDER BY v), 1) FROM s GROUP BY ROLLUP (a, b)'),
	('SELECT a, b, count(DISTINCT v), rank() OVER (PARTITION BY GROUPING(a, b) ORDER BY count(DISTINCT v) DESC, a, b) FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, b FROM s GROUP BY CUBE (a, b) ORDER BY GROUPING(a, b), sum(DISTINCT v) DESC NULLS LAST, a, b LIMIT 7'),
	('SELECT DISTINCT GROUPING(a) AS g, count(DISTINCT v) FROM s GROUP BY CUBE (a, b)'),
	-- aggregates of the keys themselves: of what came, not of what the set makes of it
	('SELECT a, b, count(DISTINCT a) AS da, sum(DISTINCT a) AS sa, array_agg(a ORDER BY id) AS arr, max(b), count(a) FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, b, count(DISTINCT (a, b)) AS dab, count(DISTINCT a + 1) AS da1, count(*) FILTER (WHERE a = 1) AS n1, count(DISTINCT v) FILTER (WHERE a = 1) AS d1, array_agg(id ORDER BY a DESC NULLS LAST, id) FILTER (WHERE b = 2) AS arr FROM s GROUP BY CUBE (a, b)'),
	('SELECT a + 1 AS k, count(DISTINCT a + 1) AS d, array_agg(a ORDER BY a + 1, id) AS arr, sum(a + 1) FROM s GROUP BY ROLLUP (a + 1)'),
	-- direct arguments are of the group
	('SELECT a, percentile_disc(0.1 * coalesce(a, 9)) WITHIN GROUP (ORDER BY id) AS p, sum(0.1 * coalesce(a, 9)) FROM s GROUP BY ROLLUP (a)'),
	('SELECT a, b, rank(coalesce(a, 7)) WITHIN GROUP (ORDER BY v) AS r, array_agg(a ORDER BY id) AS arr, array_agg(coalesce(a, 7) ORDER BY id) AS arr7 FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, b, percent_rank(a, 3) WITHIN GROUP (ORDER BY a, v) AS p, dense_rank(b + 1) WITHIN GROUP (ORDER BY b) AS r, concat_all(c ORDER BY id), count(*) FROM s GROUP BY CUBE (a, b)'),
	('SELECT a, concat_all(c ORDER BY id) AS c, concat_all(a::text ORDER BY id) AS ca, sum_late(v), sum_late(DISTINCT v) AS sd FROM s GROUP BY GROUPING SETS (a, ())'),
	-- keys: expressions, constants, collations, domains, scales, records
	('SELECT a % 2 AS x, coalesce(c, ''-'') AS y, GROUPING(a % 2) AS gx, count(DISTINCT v), array_agg(c ORDER BY id) FROM s GROUP BY CUBE (a % 2, coalesce(c, ''-''))'),
	('SELECT a, a + 1 AS a1, (a + 1) * 2 AS twice, count(DISTINCT v) FROM s GROUP BY ROLLUP (a, a + 1)'),
	('SELECT ''x'' AS x, a, count(DISTINCT v) FROM s GROUP BY CUBE (x, a)'),
	('SELECT c COLLATE "POSIX" AS c, count(DISTINCT c COLLATE "POSIX") AS d, max(c), string_agg(c, '''' ORDER BY c, id) FROM s GROUP BY ROLLUP (c COLLATE "POSIX")'),
	('SELECT d, count(DISTINCT d) AS dd, count(DISTINCT v), array_agg(d ORDER BY id)::text FROM s GROUP BY ROLLUP (d)'),
	('SELECT n, d, GROUPING(n, d), count(DISTINCT n), array_agg(n ORDER BY id), sum(DISTINCT n) FROM s GROUP BY CUBE (n, d)'),
	('SELECT (a, c)::pair AS p, b, count(DISTINCT v), array_agg((a, c)::pair ORDER BY id) FROM s GROUP BY CUBE ((a, c)::pair, b)'),
	('SELECT a IS NULL AS k, b, count(DISTINCT (a, c)) AS d, count(DISTINCT (v, NULL::int, c)) FILTER (WHERE v > 5) FROM s GROUP BY CUBE (a IS NULL, b)'),
	('SELECT v::bit(4) AS bits, a, count(DISTINCT v::bit(3)), array_agg(v ORDER BY id) FROM s GROUP BY CUBE (v::bit(4), a)'),
	('SELECT generate_series(1, 2) AS g, a, count(DISTINCT v) AS d, count(*) FROM s GROUP BY CUBE (g, a)'),
	('SELECT (SELECT max(name) FROM dim WHERE dim.a = s.a) AS name, count(DISTINCT (SELECT min(w) FROM dim WHERE dim.a = s.a)) FROM s GROUP BY ROLLUP ((SELECT max(name) FROM dim WHERE dim.a = s.a))'),
	-- FROM and WHERE
	('SELECT name, b, GROUPING(name, b), count(DISTINCT w), sum(v), array_agg(w ORDER BY id, w) FROM s JOIN dim USING (a) GROUP BY CUBE (name, b)'),
	('SELECT a, name, count(DISTINCT v), string_agg(DISTINCT name, '','' ORDER BY name) FROM s LEFT JOIN dim USING (a) GROUP BY GROUPING SETS ((a, name), a, ())'),
	('SELECT e, count(DISTINCT a) AS d, count(*) FROM s, unnest(ARRAY[a, b]) e GROUP BY ROLLUP (e)'),
	('SELECT k, count(DISTINCT u), array_agg(u ORDER BY u) FROM (SELECT b AS k, upper(c) AS u FROM s WHERE v % 2 = 0) q GROUP BY ROLLUP (k)'),
	('SELECT a, b, count(DISTINCT c), array_agg(c ORDER BY c) FROM (SELECT DISTINCT a, b, c FROM s) q GROUP BY CUBE (a, b)'),
	('SELECT a, count(DISTINCT v), array_agg(v ORDER BY v) FROM s WHERE v > 1000000 GROUP BY CUBE (a, b)'),
	-- parts of a query
	('SELECT g, sum(d), max(d), count(*) FROM (SELECT a, b, GROUPING(a, b) AS g, count(DISTINCT v) AS d FROM s GROUP BY CUBE (a, b)) q GROUP BY g'),
	('SELECT g, count(DISTINCT d), array_agg(arr::text ORDER BY arr) FROM (SELECT GROUPING(a) AS g, count(DISTINCT v) % 5 AS d, array_agg(v ORDER BY v) AS arr FROM s GROUP BY ROLLUP (a)) q GROUP BY g'),
	('SELECT sum(d), min(len) FROM (SELECT count(DISTINCT v) AS d, length(string_agg(c, '''' ORDER BY id)) AS len FROM s GROUP BY GROUPING SETS (a, b, ()) HAVING count(*) <> 3) q'),
	('SELECT a, count(DISTINCT n), array_agg(n ORDER BY n) FROM (SELECT a, b, count(*) AS n FROM s GROUP BY a, b) q GROUP BY ROLLUP (a)'),
	('SELECT a, d FROM (SELECT a, count(DISTINCT v) AS d FROM s GROUP BY ROLLUP (a)) p UNION ALL SELECT b, count(DISTINCT v) FROM s GROUP BY ROLLUP (b)'),
	('SELECT p.a, p.d, q.arr FROM (SELECT a, count(DISTINCT v) AS d FROM s GROUP BY ROLLUP (a)) p JOIN (SELECT a, array_agg(id ORDER BY id) AS arr FROM s GROUP BY ROLLUP (a)) q ON p.a IS NOT DISTINCT FROM q.a');
CALL make_views();
SELECT refusal, query FROM queries WHERE refusal IS NOT NULL ORDER BY n;
-- over nothing
SELECT * FROM check_queries();
CALL refresh_views();
SELECT * FROM check_queries();
CREATE PROCEDURE more(first int, last int) LANGUAGE sql AS $$
	INSERT INTO s SELECT id, nullif(id % 4, 0), nullif(id % 3, 0), nullif(chr(97 + id % 5), 'b'), nullif('d' || id % 3, 'd1'), nullif(id % 6, 1) / 4.0,
		nullif(id % 17, 5), (id % 13)::numeric / CASE WHEN id % 2 = 0 THEN 1 ELSE 1.0 END FROM generate_series(first, last) id
$$;
CALL more(1, 100);
CALL refresh_views();
SELECT * FROM check_queries();
-- other processes begin with what is stored
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) > 0 AS restarted FROM pg_stat_activity
WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO s VALUES (101, 5, 1, 'e', 'd7', 1, 1, 1), (102, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (103, 1, 1, 'B', 'd2', 0.50, 99, 1.000);
CALL refresh_views();
CALL more(104, 110);
CALL refresh_views();
SELECT * FROM check_queries();
-- not yet, and never
BEGIN;
CALL more(111, 130);
ROLLBACK;
INSERT INTO s (id, a, v) VALUES (131, 1, 1000);
CALL refresh_views();
SELECT * FROM check_queries();

---- rows that are taken away have been read, and what comes goes on from there

CREATE MATERIALIZED VIEW truncated WITH (streaming.continuous) AS
	SELECT a, GROUPING(a) AS g, count(*) AS n, count(DISTINCT v) AS d, array_agg(v ORDER BY v) FILTER (WHERE v > 14) AS arr FROM s GROUP BY ROLLUP (a);
CREATE TABLE was AS SELECT id, a, v FROM s;
TRUNCATE s;
CALL more(200, 230);
REFRESH MATERIALIZED VIEW truncated;
INSERT INTO was SELECT id, a, v FROM s;
SELECT count(*) FROM (SELECT * FROM truncated EXCEPT ALL
	SELECT a, GROUPING(a), count(*), count(DISTINCT v), array_agg(v ORDER BY v) FILTER (WHERE v > 14) FROM was GROUP BY ROLLUP (a)) q;
SELECT * FROM truncated WHERE g = 1;
DROP TABLE s CASCADE;
DROP TABLE was;
TRUNCATE queries;

---- many batches, from an empty stream

CREATE TABLE s (id int, a int, b int, c text, v int) USING stream;
CREATE MATERIALIZED VIEW small WITH (streaming.continuous, streaming.max_batch_rows = 1) AS
	SELECT a, b, c, GROUPING(a, b, c) AS g, count(*) AS n, count(DISTINCT v) AS d, sum(DISTINCT v) FILTER (WHERE b > 2) AS s, array_agg(id ORDER BY id DESC) AS arr
	FROM s GROUP BY CUBE (a, b, c);
INSERT INTO s SELECT x, x % 20, nullif(x % 7, 0), 'c' || x % 3, x % 91 FROM generate_series(1, 2000) x;
REFRESH MATERIALIZED VIEW small;
SELECT check_view('small');
SELECT batch > 3 AS many FROM streaming._progress;
DROP TABLE s CASCADE;

---- windows

CREATE TABLE s (ts timestamptz, k text, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW app WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '5 min') AS w, k, GROUPING(k) AS g, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS arr, count(*) AS n FROM s GROUP BY w, ROLLUP (k);
CREATE MATERIALIZED VIEW upd WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '5 min') AS w, k, GROUPING(tumble(ts, '5 min'), k) AS g, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS arr, count(*) AS n FROM s GROUP BY CUBE (k, tumble(ts, '5 min'));
CREATE MATERIALIZED VIEW com WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '5 min') AS w, k, GROUPING(tumble(ts, '5 min'), k) AS g, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS arr, count(*) AS n FROM s GROUP BY CUBE (k, tumble(ts, '5 min'));
CREATE MATERIALIZED VIEW hop_all WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT w, k, GROUPING(k) AS g, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS arr FROM s, hop(ts, '10 min', '5 min') AS w GROUP BY w, ROLLUP (k);
CREATE MATERIALIZED VIEW hop_some WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT w, k, GROUPING(w, k) AS g, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS arr FROM s, hop(ts, '10 min', '5 min') AS w GROUP BY CUBE (k, w);
SELECT view, line FROM streaming.views, streaming.explain(view) AS line WHERE view::text IN ('app', 'upd') AND line ~ 'Bounded|Operator' ORDER BY 1, 2;
TABLE upd;
INSERT INTO s VALUES ('2024-01-01 12:01', 'a', 1), ('2024-01-01 12:04', 'b', 2), ('2024-01-01 12:07', 'a', 1), ('2024-01-01 12:07', NULL, 8);
CALL refresh_views();
SELECT * FROM app ORDER BY w, g, k;
SELECT * FROM upd ORDER BY g, w, k;
-- late for 12:00 (in all sets, so that they agree; it is one row, however many sets there are), and the next window
INSERT INTO s VALUES ('2024-01-01 12:02', 'a', 16), ('2024-01-01 12:06', 'b', 32), ('2024-01-01 12:13', 'a', 1), (NULL, 'a', 128);
CALL refresh_views();
SELECT * FROM app ORDER BY w, g, k;
SELECT * FROM upd ORDER BY g, w, k;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- what was closed goes: the rows and values of sets without the window stay
INSERT INTO s VALUES ('2024-01-01 13:00', 'a', 256), ('2024-01-01 13:04', 'c', 1);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 13:04', 'a', 1), ('2024-01-01 12:13', 'c', 2048);
CALL refresh_views(2);
SELECT * FROM app ORDER BY w, g, k;
SELECT * FROM upd ORDER BY g, w, k;
SELECT * FROM hop_some WHERE lower(w) >= '2024-01-01 12:50' OR w IS NULL ORDER BY g, w, k;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
CREATE FUNCTION rows_below(v regclass) RETURNS TABLE (below int, windows bigint, others bigint) LANGUAGE plpgsql AS $$
DECLARE t regclass;
BEGIN
	below := 0;
	FOR t IN SELECT c.oid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r' WHERE refobjid = v AND c.relname ~ '_below_' ORDER BY c.oid LOOP
		below := below + 1;
		EXECUTE format('SELECT count(%1$I), count(*) - count(%1$I) FROM %2$s', (SELECT attname FROM pg_attribute WHERE attrelid = t AND attnum = 1), t) INTO windows, others;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT view, r.* FROM streaming.views, rows_below(view) r WHERE view::text IN ('app', 'upd', 'hop_some') ORDER BY view::text, below;
-- in complete mode nothing is late
CREATE FUNCTION check_timed(v regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text;
	n bigint;
BEGIN
	query := replace(query_of(v), 'FROM s', 'FROM (SELECT * FROM s WHERE ts IS NOT NULL) s');
	query := replace(query, '( SELECT', '(SELECT');
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$s)) d', v, query) INTO n;
	RETURN n || ' different';
END $$;
SELECT view, check_timed(view) FROM streaming.views WHERE view::text IN ('com', 'hop_all') ORDER BY view::text;
-- sessions, which are in every set
CREATE MATERIALIZED VIEW sess WITH (streaming.continuous, streaming.trigger = 'manual', streaming.watermark = '1 hour') AS
	SELECT session_window(ts, '3 min') AS w, k, GROUPING(k) AS g, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS arr, count(*) AS n FROM s WHERE ts > '2024-01-01 15:00' GROUP BY ROLLUP (k), 1;
INSERT INTO s VALUES ('2024-01-01 15:01', 'a', 1), ('2024-01-01 15:06', 'a', 1), ('2024-01-01 15:09', 'b', 2), ('2024-01-01 15:06', NULL, 3);
REFRESH MATERIALIZED VIEW sess;
SELECT * FROM sess ORDER BY g, k, w;
-- what comes between makes one of the sessions of the total, and not of those of a key
INSERT INTO s VALUES ('2024-01-01 15:03:30', 'b', 2), ('2024-01-01 15:09', 'a', 1);
REFRESH MATERIALIZED VIEW sess;
INSERT INTO s VALUES ('2024-01-01 15:04', 'b', 2);
REFRESH MATERIALIZED VIEW sess;
SELECT * FROM sess ORDER BY g, k, w;
-- a set without the window is never final
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min') AS w, k, count(DISTINCT x) FROM s GROUP BY ROLLUP (tumble(ts, '1 min'), k);
-- what is refused beside such aggregates, or beside grouping sets, still is
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT hop(ts, '2 min', '1 min') AS w, k, count(DISTINCT x) FROM s GROUP BY w, ROLLUP (k);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT session_window(ts, '1 min') AS w, k, count(DISTINCT x) FROM s GROUP BY CUBE (w, k);
DROP TABLE s CASCADE;

---- late rows that are kept are kept once

CREATE TABLE s (ts timestamptz, k text, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW late WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '5 min') AS w, k, count(DISTINCT x) AS d FROM s GROUP BY CUBE (tumble(ts, '5 min'), k);
INSERT INTO s VALUES ('2024-01-01 12:01', 'a', 1), ('2024-01-01 12:10', 'a', 1);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 12:02', 'a', 2);
CALL refresh_views();
SELECT count(*) FROM streaming._rejection;
SELECT late_rows FROM streaming.views;
SELECT streaming.delete_errors('late') IS NOT NULL AS deleted;
DROP TABLE s CASCADE;

---- more keys than an index can have

CREATE TABLE s (a int, b int) USING stream;
SELECT format('CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(DISTINCT b) FROM s GROUP BY ROLLUP (b), %s', string_agg(format('a + %s', i), ', '))
FROM generate_series(1, 30) i \gexec
SELECT format('CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT b, count(DISTINCT (a, b)) FROM s GROUP BY ROLLUP (b), %s', string_agg(format('a + %s', i), ', '))
FROM generate_series(1, 29) i \gexec
SELECT format('CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT b, count(DISTINCT b), array_agg(a ORDER BY a) AS arr FROM s GROUP BY ROLLUP (b), %s', string_agg(format('a + %s', i), ', '))
FROM generate_series(1, 29) i \gexec
INSERT INTO s VALUES (1, 2), (1, NULL), (1, 2);
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
-- what depends on a key is none
CREATE TABLE named (a int PRIMARY KEY, p float8);
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
	SELECT named.a, percentile_cont(named.p) WITHIN GROUP (ORDER BY b) FROM s JOIN named USING (a) GROUP BY named.a;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
	SELECT named.a, percentile_cont(named.p) WITHIN GROUP (ORDER BY b) FROM s JOIN named USING (a) GROUP BY GROUPING SETS ((named.a, b), named.a);
DROP TABLE s CASCADE;

---- a join of streams below

CREATE TABLE l (id int, a int, v int) USING stream;
CREATE TABLE r (id int, b int, w int) USING stream;
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous) AS
	SELECT a, b, GROUPING(a, b) AS g, count(*) AS n, count(DISTINCT v) AS d, array_agg(w ORDER BY w, v) AS arr, count(DISTINCT b) AS db FROM l JOIN r USING (id) GROUP BY CUBE (a, b);
TABLE joined;
INSERT INTO l SELECT x % 7, nullif(x % 3, 0), x FROM generate_series(1, 20) x;
REFRESH MATERIALIZED VIEW joined;
INSERT INTO r SELECT x % 9, nullif(x % 2, 0), x FROM generate_series(1, 20) x;
REFRESH MATERIALIZED VIEW joined;
INSERT INTO l SELECT x % 9, nullif(x % 4, 0), x % 5 FROM generate_series(1, 20) x;
REFRESH MATERIALIZED VIEW joined;
SELECT check_view('joined');
SELECT count(*) FROM joined;
DROP TABLE l, r CASCADE;

---- a view over an unlogged stream

CREATE UNLOGGED TABLE s (a int, v int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT a, count(DISTINCT v), array_agg(v ORDER BY v) FROM s GROUP BY ROLLUP (a);
TABLE v;
INSERT INTO s VALUES (1, 2), (1, 2);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY a;

DROP SCHEMA keeps CASCADE;
SELECT * FROM leftovers();
