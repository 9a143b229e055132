-- The first rows of each key: DISTINCT ON with an ORDER BY that chooses, and
-- rankings of which the query around them wants the first
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';

-- Runs a batch of every view.

-- How many rows a view keeps, as its state table has them and as it says.
CREATE FUNCTION kept(v regclass, OUT rows bigint, OUT groups bigint)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT count(*) FROM streaming._state_' || public.number_of(v) INTO rows;
	SELECT s.groups INTO groups FROM streaming.views s WHERE view = v;
END $$;

-- Every view, against its query.
CREATE FUNCTION compare_all() RETURNS TABLE (view regclass, result text)
LANGUAGE sql AS $$
	SELECT v.view, check_view(v.view) FROM streaming.views v
	ORDER BY v.view::text COLLATE "C"
$$;

---- by hand: what is kept, what goes

CREATE TABLE s (id int, k text, v int) USING stream;
CREATE MATERIALIZED VIEW latest WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (k) k, v, id FROM s ORDER BY k, v DESC;
CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, v, id, rn FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM s) q
	WHERE rn <= 2;
CREATE MATERIALIZED VIEW ranked WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, v, id, r FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY v DESC) AS r FROM s) q
	WHERE r <= 2;
CREATE MATERIALIZED VIEW dense WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, v, id, r FROM (SELECT *, dense_rank() OVER (PARTITION BY k ORDER BY v DESC) AS r FROM s) q
	WHERE r <= 2;
INSERT INTO s VALUES (1, 'a', 10), (2, 'a', 20), (3, 'a', 20), (4, 'b', 5), (5, NULL, 1), (6, 'a', 5);
CALL refresh_views();
-- of rows that rank equal, any may be there
SELECT k, v FROM latest ORDER BY k;
SELECT k, v, rn FROM two ORDER BY k, rn;
SELECT k, v, id, r FROM ranked ORDER BY k, r, id;
SELECT k, v, id, r FROM dense ORDER BY k, r, id;
SELECT 'two' AS view, * FROM kept('two') UNION ALL SELECT 'ranked', * FROM kept('ranked')
	UNION ALL SELECT 'dense', * FROM kept('dense') UNION ALL SELECT 'latest', * FROM kept('latest');
-- a row that is kept stays until a better one comes
CREATE TABLE before AS SELECT 'latest' AS view, id FROM latest UNION ALL SELECT 'two', id FROM two;
INSERT INTO s VALUES (7, 'a', 20), (8, 'b', 5), (9, NULL, 1), (10, 'b', 4), (11, NULL, NULL);
CALL refresh_views();
SELECT b.view, b.id FROM before b WHERE id NOT IN (SELECT id FROM latest UNION ALL SELECT id FROM two);
SELECT k, v FROM latest ORDER BY k;
-- (NULL comes first in a descending order)
SELECT k, v, rn FROM two ORDER BY k, rn;
SELECT k, v, id, r FROM ranked ORDER BY k, r, id;
SELECT k, v, id, r FROM dense ORDER BY k, r, id;
-- better rows displace those that are there, and with a rank all that share it
INSERT INTO s VALUES (12, 'a', 30), (13, 'a', 29), (14, 'b', 6);
CALL refresh_views();
SELECT k, v FROM latest ORDER BY k;
SELECT k, v, id, rn FROM two WHERE k = 'a' ORDER BY k, rn;
SELECT k, v, id, r FROM ranked WHERE k = 'a' ORDER BY k, r, id;
SELECT k, v, id, r FROM dense WHERE k = 'a' ORDER BY k, r, id;
SELECT 'two' AS view, * FROM kept('two') UNION ALL SELECT 'ranked', * FROM kept('ranked')
	UNION ALL SELECT 'dense', * FROM kept('dense') UNION ALL SELECT 'latest', * FROM kept('latest');
SELECT v, line FROM unnest('{latest,two,ranked,dense}'::regclass[]) WITH ORDINALITY AS u(v, n),
	regexp_replace((SELECT string_agg(l, '; ' ORDER BY o) FROM streaming.explain(v) WITH ORDINALITY AS e(l, o)
		WHERE l !~ '^   '), '_state_\d+', '_state_N') AS line ORDER BY n;
SELECT pg_get_viewdef('two') ~ 'row_number\(\) OVER \(PARTITION BY' AS ranked_by_readers;
DROP TABLE before;
DROP TABLE s CASCADE;

---- every spelling, against the query itself

CREATE TABLE s (id int, k int, k2 text COLLATE "C", v int, f float8, n numeric, ts timestamptz, pad text) USING stream;
CREATE TABLE t (k int, name text);
INSERT INTO t SELECT x, 'name ' || x FROM generate_series(0, 30) x;
CREATE FUNCTION make(name text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.max_batch_rows = 300) AS %s', name, query);
END $$;
SELECT count(make(name, query)) FROM (VALUES
	('d_desc', 'SELECT DISTINCT ON (k) k, v, id, pad FROM s ORDER BY k, ts DESC, id'),
	('d_all', 'SELECT DISTINCT ON (k) * FROM s ORDER BY k DESC NULLS LAST, v NULLS FIRST, id DESC'),
	('d_two', 'SELECT DISTINCT ON (k2, k) k, k2, f FROM s ORDER BY k, k2 DESC, f DESC NULLS LAST, n, id'),
	('d_expr', 'SELECT DISTINCT ON (k % 5) k % 5 AS m, k, v + 1 AS v1 FROM s WHERE v > 10 ORDER BY k % 5, abs(v - 50), -id'),
	('d_hidden', 'SELECT DISTINCT ON (k) v FROM s ORDER BY k, n DESC, id'),
	('d_text', 'SELECT DISTINCT ON (k) k, pad FROM s ORDER BY k, k2 COLLATE "C" DESC, pad COLLATE "C" DESC, id'),
	('d_numeric', 'SELECT DISTINCT ON (n) n, id FROM s ORDER BY n, ts DESC, id'),
	('d_limit', 'SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, ts DESC, id LIMIT 7 OFFSET 2'),
	('d_join', 'SELECT DISTINCT ON (name) name, v, s.id FROM s JOIN t USING (k) ORDER BY name, v DESC, s.id'),
	('w_le', 'SELECT * FROM (SELECT k, v, id, row_number() OVER (PARTITION BY k ORDER BY v DESC, id) AS rn FROM s) q WHERE rn <= 3'),
	('w_lt', 'SELECT k, id FROM (SELECT k, v, id, row_number() OVER (PARTITION BY k ORDER BY v DESC NULLS LAST, id) AS rn FROM s) q WHERE rn < 4 AND v > 0'),
	('w_ge', 'SELECT rn, k, id FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY ts, id) AS rn FROM s) q WHERE 3 >= rn'),
	('w_gt', 'SELECT k, id FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY ts, id) AS rn FROM s) q WHERE 3 > rn'),
	('w_one', 'SELECT * FROM (SELECT s.*, row_number() OVER (PARTITION BY k, k2 ORDER BY n DESC, id) AS rn FROM s) q WHERE rn = 1'),
	('w_is', 'SELECT k, id FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY ts, id) AS rn FROM s) q WHERE rn = 2'),
	('w_between', 'SELECT k, id, rn FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY f, id) AS rn FROM s) q WHERE rn BETWEEN 2 AND 4'),
	('w_in', 'SELECT k, id, rn FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY f, id) AS rn FROM s) q WHERE rn IN (1, 3)'),
	('w_or', 'SELECT k, id, rn FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY f, id) AS rn FROM s) q WHERE (rn = 1 OR rn BETWEEN 3 AND 4) AND k % 2 = 0'),
	('w_fold', 'SELECT k, id, rn FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY f, id) AS rn FROM s) q WHERE rn <= 2 * 2 - length(''x'')'),
	('w_none', 'SELECT k, id, rn FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY f, id) AS rn FROM s) q WHERE rn < 1'),
	('w_cast', 'SELECT k, id, rn FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY f, id)::int AS rn FROM s) q WHERE rn <= 2::smallint'),
	('w_rank', 'SELECT k, id, r FROM (SELECT k, id, rank() OVER (PARTITION BY k ORDER BY v) AS r FROM s) q WHERE r <= 4'),
	('w_rank1', 'SELECT k, id FROM (SELECT k, id, rank() OVER (PARTITION BY k ORDER BY v DESC NULLS LAST) AS r FROM s) q WHERE r = 1'),
	('w_dense', 'SELECT k, id, r FROM (SELECT k, id, dense_rank() OVER (PARTITION BY k ORDER BY v DESC) AS r FROM s) q WHERE r < 3'),
	('w_named', 'SELECT k, id, a, b, c FROM (SELECT k, id, row_number() OVER w AS a, rank() OVER w AS b, dense_rank() OVER w AS c FROM s WINDOW w AS (PARTITION BY k ORDER BY v, id)) q WHERE b <= 3'),
	('w_some', 'SELECT k, id, c FROM (SELECT k, id, row_number() OVER w * 10 + v AS a, rank() OVER w AS b, dense_rank() OVER (PARTITION BY k ORDER BY v) AS c FROM s WINDOW w AS (PARTITION BY k ORDER BY v)) q WHERE b <= 5 AND c <= 2'),
	('w_derived', 'SELECT * FROM (SELECT k, id, v - row_number() OVER w AS x, row_number() OVER w AS rn FROM s WINDOW w AS (PARTITION BY k ORDER BY v, id)) q WHERE rn <= 3'),
	('w_all', 'SELECT * FROM (SELECT id, row_number() OVER (ORDER BY v DESC NULLS LAST, id) AS rn FROM s) q WHERE rn <= 10'),
	('w_first', 'SELECT * FROM (SELECT id, row_number() OVER (ORDER BY v, id) AS rn FROM s) q WHERE rn = 1'),
	('w_all_rank', 'SELECT * FROM (SELECT id, rank() OVER (ORDER BY v DESC NULLS LAST) AS rn FROM s) q WHERE rn <= 5'),
	('w_exprs', 'SELECT * FROM (SELECT k + 1 AS k1, upper(k2) AS u, row_number() OVER (PARTITION BY k + 1, lower(k2) ORDER BY v * f, id) AS rn FROM s WHERE v IS NOT NULL) q WHERE rn <= 2'),
	('w_sub', 'SELECT * FROM (SELECT k, id, (SELECT name FROM t WHERE t.k = s.k LIMIT 1) AS name, row_number() OVER (PARTITION BY k ORDER BY (SELECT max(name) FROM t WHERE t.k = s.v), id) AS rn FROM s WHERE EXISTS (SELECT 1 FROM t WHERE t.k = s.k)) q WHERE rn <= 2 AND name > ''name 1'''),
	('d_sub', 'SELECT DISTINCT ON (k) k, id, (SELECT name FROM t WHERE t.k = s.k LIMIT 1) AS name FROM s ORDER BY k, (SELECT name FROM t WHERE t.k = s.v) DESC, id'),
	('w_both', 'SELECT q.k, id, n FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q JOIN (SELECT k, count(*) AS n FROM s GROUP BY k) g ON g.k = q.k WHERE rn <= 2'),
	('w_row', 'SELECT * FROM (SELECT s AS whole, s.tableoid::regclass AS t, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q WHERE rn <= 2'),
	('w_cte', 'WITH r AS (SELECT k, id, v, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) SELECT k, id FROM r WHERE rn <= 3'),
	('w_twice', 'WITH r AS (SELECT k, id, v, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) SELECT a.k, a.v, b.v AS second FROM r a LEFT JOIN r b ON b.k = a.k AND b.rn = 2 WHERE a.rn = 1'),
	('w_join', 'SELECT name, id FROM t JOIN (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q ON q.k = t.k AND rn <= 2'),
	('w_left', 'SELECT name, id FROM t LEFT JOIN (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q ON q.k = t.k AND rn <= 2'),
	('w_inner', 'SELECT name, id FROM (SELECT name, s.id, row_number() OVER (PARTITION BY t.name ORDER BY v DESC, s.id) AS rn FROM s LEFT JOIN t ON t.k = s.k WHERE s.id % 3 > 0) q WHERE rn <= 2'),
	('w_agg', 'SELECT k, count(*), sum(v), array_agg(id ORDER BY rn) FROM (SELECT k, id, v, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q WHERE rn <= 5 GROUP BY k'),
	('w_deeper', 'SELECT sum(v) FROM (SELECT * FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v DESC NULLS LAST, id) AS rn FROM s) q WHERE rn <= 5 AND k > 3) p'),
	('d_agg', 'SELECT v % 10 AS m, count(*) FROM (SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, ts DESC, id) q GROUP BY v % 10'),
	('w_union', 'SELECT * FROM (SELECT ''all'' AS what, id, row_number() OVER (ORDER BY v, id) AS rn FROM (SELECT v, id FROM s UNION ALL SELECT v, -id FROM s) x) q WHERE rn <= 5'),
	('w_parts', '(SELECT k, id FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q WHERE rn <= 2) UNION ALL SELECT k, count(*) FROM s GROUP BY k'),
	('w_above', 'SELECT k, id, rn, lag(id) OVER (PARTITION BY k ORDER BY rn) FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY v, id) AS rn FROM s) q WHERE rn <= 3 ORDER BY k, rn LIMIT 20'),
	('w_over_agg', 'SELECT * FROM (SELECT k, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC, k) AS rn FROM s GROUP BY k) q WHERE rn <= 3'),
	('w_over_group', 'SELECT * FROM (SELECT k, n, row_number() OVER (ORDER BY n DESC, k) AS rn FROM (SELECT k, count(*) AS n FROM s GROUP BY k) g) q WHERE rn <= 3'),
	('w_over_distinct', 'SELECT * FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM (SELECT DISTINCT k, v FROM s) g) q WHERE rn <= 3')
) q(name, query);
CREATE PROCEDURE more(n int, seed float8) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed);
	INSERT INTO s SELECT (SELECT count(*) FROM s) + x, nullif((random() * 25)::int, 7),
		nullif(chr(97 + (random() * 4)::int), 'c'), nullif((random() * 60)::int, 30),
		CASE (random() * 9)::int WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN NULL WHEN 2 THEN '-0' ELSE (random() * 10)::int END,
		((random() * 20)::int || CASE WHEN random() < 0.5 THEN '.0' ELSE '.00' END)::numeric,
		'2024-01-01'::timestamptz + random() * interval '1 day',
		CASE WHEN random() < 0.01 THEN (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300)) ELSE md5(random()::text) END
	FROM generate_series(1, n) x;
END $$;
CALL more(1, 0.1);
CALL refresh_views();
SELECT * FROM compare_all() WHERE result <> 'ok';
CALL more(400, 0.2);
CALL refresh_views();
SELECT * FROM compare_all() WHERE result <> 'ok';
CALL more(20, 0.3);
CALL refresh_views();
CALL more(1000, 0.4);
CALL refresh_views();
SELECT * FROM compare_all() WHERE result <> 'ok';
SELECT count(*) AS ok FROM compare_all() WHERE result = 'ok';
-- at most n rows of each key are there
SELECT rows = groups AS same, rows <= 26 AS few FROM kept('d_desc');
SELECT rows = groups AS same, rows <= 26 * 3 AS few FROM kept('w_le');
SELECT rows, groups FROM kept('w_all');
SELECT rows, groups FROM kept('w_first');
SELECT rows = groups AS same FROM kept('w_rank');
-- another owner, and processes that know nothing yet
CREATE ROLE test_topn_owner;
GRANT CREATE ON SCHEMA public TO test_topn_owner;
GRANT SELECT ON s TO test_topn_owner;
ALTER MATERIALIZED VIEW w_le OWNER TO test_topn_owner;
SELECT restart_workers();
CALL more(300, 0.5);
CALL refresh_views();
SELECT * FROM compare_all() WHERE result <> 'ok';
-- indexes of users
CREATE INDEX ON w_le (v, id);
CREATE INDEX ON d_desc (v);
CREATE INDEX ON d_desc USING hash (pad);
CALL more(300, 0.6);
CALL refresh_views();
SELECT * FROM compare_all() WHERE result <> 'ok';
DROP MATERIALIZED VIEW w_le;
REVOKE ALL ON SCHEMA public FROM test_topn_owner;
REVOKE ALL ON s FROM test_topn_owner;
DROP ROLE test_topn_owner;
DROP TABLE s, t CASCADE;
DROP FUNCTION make;
DROP PROCEDURE more;

---- keys that cannot be hashed, that look different, that are toasted

SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS icu \gset
\if :icu
CREATE COLLATION test_topn_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
\else
CREATE COLLATION test_topn_ci (provider = libc, locale = 'C');
\endif
CREATE TABLE s (id int, m money, ci text COLLATE test_topn_ci, arr int[], big text) USING stream;
CREATE MATERIALIZED VIEW m1 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (m) m, id FROM s ORDER BY m, id DESC;
CREATE MATERIALIZED VIEW m2 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT m, id FROM (SELECT m, id, row_number() OVER (PARTITION BY m ORDER BY id DESC) rn FROM s) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW ci1 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (ci) ci, id FROM s ORDER BY ci, id DESC;
CREATE MATERIALIZED VIEW ci2 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT ci, id, rn FROM (SELECT ci, id, row_number() OVER (PARTITION BY ci ORDER BY id DESC) rn FROM s) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW arr1 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (arr) arr, id FROM s ORDER BY arr, big COLLATE "C", id;
CREATE MATERIALIZED VIEW big1 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (arr) big, length(big) FROM s ORDER BY arr, big COLLATE "C" DESC, id;
CREATE MATERIALIZED VIEW big2 WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT * FROM (SELECT big, id, row_number() OVER (PARTITION BY arr ORDER BY big COLLATE "C" DESC, id) rn FROM s) q WHERE rn <= 2;
INSERT INTO s SELECT x, (x % 3)::text::money, CASE x % 4 WHEN 0 THEN 'abc' WHEN 1 THEN 'ABC' WHEN 2 THEN 'Abd' END,
	ARRAY[x % 2, x % 3], (SELECT string_agg(md5((x + y)::text), '') FROM generate_series(1, (x * 7 % 10) * 100) y)
	FROM generate_series(1, 20) x;
CALL refresh_views();
SELECT * FROM compare_all();
-- the key is as the row that was chosen has it (without ICU there are more keys)
SELECT ci, id FROM ci1 ORDER BY id DESC LIMIT 3;
INSERT INTO s SELECT x, (x % 3)::text::money, CASE x % 3 WHEN 0 THEN 'aBc' WHEN 1 THEN 'aBD' END,
	ARRAY[x % 2, x % 3], (SELECT string_agg(md5((x + y)::text), '') FROM generate_series(1, (x * 7 % 10) * 100) y)
	FROM generate_series(21, 40) x;
CALL refresh_views();
SELECT * FROM compare_all();
SELECT ci, id FROM ci1 ORDER BY id DESC LIMIT 3;
DROP TABLE s CASCADE;
DROP COLLATION test_topn_ci;

---- more rows of a batch than are held in memory, more groups than are cached

ALTER SYSTEM SET streaming.state_cache_size = 64;
SELECT pg_reload_conf();
-- if there are any
SELECT FROM restart_workers();
CREATE TABLE s (id int, k int, pad text) USING stream;
CREATE MATERIALIZED VIEW l WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (k) k, id, pad FROM s ORDER BY k, id DESC;
CREATE MATERIALIZED VIEW n WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, id FROM (SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY id DESC) rn FROM s) q WHERE rn <= 2;
INSERT INTO s SELECT x, x % 3000, repeat('x', x % 100) FROM generate_series(1, 9000) x;
CALL refresh_views();
SELECT * FROM compare_all();
INSERT INTO s SELECT x, x % 4000, repeat('y', x % 100) FROM generate_series(9001, 20000) x;
CALL refresh_views();
SELECT * FROM compare_all();
SELECT 'l' AS view, * FROM kept('l') UNION ALL SELECT 'n', * FROM kept('n');
ALTER SYSTEM RESET streaming.state_cache_size;
SELECT pg_reload_conf();
SELECT restart_workers();
-- a batch that fails leaves nothing
CREATE FUNCTION fail(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF $1 = 21000 THEN RAISE 'not this one'; END IF;
	RETURN $1;
END $$;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (k) k, fail(id) AS id FROM s ORDER BY k, id DESC;
REFRESH MATERIALIZED VIEW f;
INSERT INTO s SELECT x, x % 10, '' FROM generate_series(20001, 21000) x;
REFRESH MATERIALIZED VIEW f;
CREATE OR REPLACE FUNCTION fail(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CALL refresh_views();
SELECT * FROM compare_all();
DROP TABLE s CASCADE;
DROP FUNCTION fail;

---- unlogged, partitions, no order at all, keys of every kind of absence

CREATE UNLOGGED TABLE u (k int, v int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, v FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v) rn FROM u) q WHERE rn <= 2;
CREATE TABLE p (k int, v int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1, 2) USING stream;
CREATE TABLE p2 PARTITION OF p DEFAULT USING stream;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (v) v, k FROM p ORDER BY v, k DESC;
CREATE MATERIALIZED VIEW any_rows WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT v, rn FROM (SELECT v, row_number() OVER () AS rn FROM p) q WHERE rn <= 3;
CREATE MATERIALIZED VIEW any_of_key WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, rn FROM (SELECT k, row_number() OVER (PARTITION BY k) AS rn FROM p) q WHERE rn <= 2;
-- rows that all share the first rank, for they are ordered by nothing
CREATE MATERIALIZED VIEW all_share WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT v, r FROM (SELECT v, rank() OVER (ORDER BY 'x'::text) AS r FROM p) q WHERE r <= 2;
CREATE MATERIALIZED VIEW all_of_key_share WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, r FROM (SELECT k, dense_rank() OVER (PARTITION BY k ORDER BY 1 + 1) AS r FROM p) q WHERE r = 1;
INSERT INTO u SELECT x % 3, x FROM generate_series(1, 20) x;
INSERT INTO p SELECT x % 4, x % 5 FROM generate_series(1, 20) x;
CALL refresh_views();
SELECT check_view('v'), check_view('w'), check_view('any_of_key'), (SELECT count(*) FROM any_rows), check_view('all_share'), check_view('all_of_key_share');
INSERT INTO p SELECT x % 4, x % 5 FROM generate_series(1, 20) x;
CALL refresh_views();
SELECT check_view('any_of_key'), (SELECT count(*) FROM any_rows), check_view('all_share'), check_view('all_of_key_share');
SELECT relpersistence FROM pg_class WHERE oid = ('streaming._state_' || public.number_of('v'))::regclass;
-- partitions come and go, and results stay
DROP TABLE p1;
INSERT INTO p SELECT 3, x FROM generate_series(4, 9) x;
CALL refresh_views();
SELECT * FROM w ORDER BY v;
DROP TABLE u, p CASCADE;

---- event time

CREATE TABLE s (k int, ts timestamptz, v int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE MATERIALIZED VIEW upd WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT w, k, v FROM (SELECT tumble(ts, '10 minutes') AS w, k, v,
		row_number() OVER (PARTITION BY tumble(ts, '10 minutes') ORDER BY v DESC) AS rn FROM s) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW app WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT w, k, v FROM (SELECT tumble(ts, '10 minutes') AS w, k, v,
		row_number() OVER (PARTITION BY tumble(ts, '10 minutes') ORDER BY v DESC) AS rn FROM s) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW app_sum WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT w, sum(v) FROM (SELECT tumble(ts, '10 minutes') AS w, v,
		row_number() OVER (PARTITION BY tumble(ts, '10 minutes') ORDER BY v DESC) AS rn FROM s) q WHERE rn <= 2 GROUP BY w;
CREATE MATERIALIZED VIEW latest WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT DISTINCT ON (k) k, ts, v FROM s ORDER BY k, ts DESC;
CREATE MATERIALIZED VIEW lastw WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT DISTINCT ON (k, tumble(ts, '10 minutes')) k, tumble(ts, '10 minutes') AS w, v FROM s
	ORDER BY k, tumble(ts, '10 minutes'), ts DESC;
CREATE MATERIALIZED VIEW compl WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT DISTINCT ON (w) tumble(ts, '10 minutes') AS w, k, v FROM s ORDER BY w, v DESC;
INSERT INTO s VALUES (1, '2024-01-01 12:01', 5), (2, '2024-01-01 12:02', 7), (1, '2024-01-01 12:03', 6);
CALL refresh_views();
SELECT w, k, v FROM upd ORDER BY w, v DESC;
SELECT w, k, v FROM app;
SELECT k, v FROM latest ORDER BY k;
-- W = 12:09: the window is open, and takes the row of 12:04
INSERT INTO s VALUES (1, '2024-01-01 12:10', 1);
CALL refresh_views();
INSERT INTO s VALUES (3, '2024-01-01 12:04', 9);
CALL refresh_views();
SELECT w, k, v FROM upd ORDER BY w, v DESC;
SELECT w, k, v FROM app;
-- W = 12:10: it closes, and is shown in append mode
INSERT INTO s VALUES (2, '2024-01-01 12:11', 2);
CALL refresh_views();
SELECT w, k, v FROM app ORDER BY w, v DESC;
SELECT * FROM app_sum;
SELECT w, k, v FROM lastw ORDER BY w, k;
SELECT groups FROM kept('upd');
-- a row for it is late now; but not without a window among the keys
INSERT INTO s VALUES (4, '2024-01-01 12:05', 99), (5, '2024-01-01 12:12', 3);
CALL refresh_views();
SELECT w, k, v FROM upd ORDER BY w, v DESC;
SELECT w, k, v FROM app ORDER BY w, v DESC;
SELECT w, k, v FROM lastw ORDER BY w, k;
SELECT k, v FROM latest ORDER BY k;
SELECT w, k, v FROM compl ORDER BY w;
SELECT view, late_rows FROM streaming.views ORDER BY view::text COLLATE "C";
DROP TABLE s CASCADE;
-- the event time itself; windows of others; many that close at once
CREATE TABLE s (k int, ts timestamptz, v int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT ts, v FROM (SELECT ts, v, rank() OVER (PARTITION BY ts, k ORDER BY v) AS r FROM s) q WHERE r = 1;
CREATE MATERIALIZED VIEW b WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT m, v FROM (SELECT date_trunc('minute', ts) AS m, v, row_number() OVER (PARTITION BY date_trunc('minute', ts) ORDER BY v, k) AS r FROM s) q WHERE r <= 3;
CREATE MATERIALIZED VIEW h WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT w, v, r FROM (SELECT w, v, row_number() OVER (PARTITION BY w ORDER BY v, k) AS r FROM s, hop(ts, '1 minute', '20 seconds') w) q WHERE r <= 3;
INSERT INTO s SELECT x, '2024-01-01 12:00'::timestamptz + (x / 4) * interval '1 s', x % 7 FROM generate_series(1, 2000) x;
CALL refresh_views();
SELECT * FROM compare_all();
SELECT 'a' AS view, * FROM kept('a') UNION ALL SELECT 'b', * FROM kept('b') UNION ALL SELECT 'h', * FROM kept('h');
INSERT INTO s VALUES (1, '2024-01-01 13:00', 1);
CALL refresh_views();
SELECT * FROM compare_all();
SELECT 'a' AS view, * FROM kept('a') UNION ALL SELECT 'b', * FROM kept('b') UNION ALL SELECT 'h', * FROM kept('h');
DROP TABLE s CASCADE;

---- what is refused

CREATE TABLE s (id int, k int, v int, j json, r point, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn >= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= 3 OR k = 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, ntile(4) OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, sum(v) OVER (PARTITION BY k ORDER BY v), row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, rank() OVER (PARTITION BY k ORDER BY id) AS r, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, rank() OVER (PARTITION BY k) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM s LIMIT 10) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT DISTINCT k, rank() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, generate_series(1, v), rank() OVER (PARTITION BY k ORDER BY v) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, generate_series(1, v) FROM s ORDER BY k, v;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, row_number() OVER (ORDER BY v) FROM s ORDER BY k, v;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, v FOR UPDATE;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, ROW(v, id);
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, random();
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, v FROM (SELECT k, v FROM s LIMIT 10) q ORDER BY k, v;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT name, q.* FROM (VALUES (1, 'a')) AS t(k, name), LATERAL (SELECT v, row_number() OVER (ORDER BY v) AS rn FROM s WHERE s.k = t.k) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
-- without a window among the keys, nothing is ever final
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, ts DESC;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS
	SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, ts DESC;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT * FROM (SELECT v, row_number() OVER (PARTITION BY session_window(ts, '1 minute') ORDER BY v) AS rn FROM s) q WHERE rn <= 3;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT DISTINCT ON (hop(ts, '1 minute', '10 seconds')) v FROM s ORDER BY hop(ts, '1 minute', '10 seconds'), v;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;
DROP FUNCTION kept, compare_all;
SELECT * FROM leftovers();
