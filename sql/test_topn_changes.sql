-- First rows, DISTINCT and grouping sets of rows that come and go; first rows that come and go
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE TABLE bids (id int, auction int, cat int, price int, x float8, note text, doc json) USING stream;

---- by hand

CREATE MATERIALIZED VIEW best WITH (streaming.continuous) AS
	SELECT cat, auction, n, rn FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY n DESC, auction) AS rn FROM (SELECT cat, auction, count(*) AS n, max(price) AS p FROM bids GROUP BY cat, auction HAVING max(price) < 100) s) t
	WHERE rn <= 2;
CREATE MATERIALIZED VIEW counts WITH (streaming.continuous) AS
	SELECT DISTINCT cat, n FROM (SELECT cat, auction, count(*) AS n FROM bids GROUP BY cat, auction) s;
CREATE MATERIALIZED VIEW latest WITH (streaming.continuous) AS
	SELECT cat, round(avg(price), 2) AS avg, count(*) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY id DESC) AS rn FROM bids) t WHERE rn <= 3 GROUP BY cat;
INSERT INTO bids (id, auction, cat, price) VALUES (1, 1, 1, 10), (2, 1, 1, 11), (3, 2, 1, 12), (4, 3, 1, 13), (5, 3, 2, 14);
CALL refresh_views();
SELECT * FROM best ORDER BY cat, rn;
SELECT * FROM counts ORDER BY cat, n;
SELECT * FROM latest ORDER BY cat;
-- the first one leaves by HAVING, the third moves up; one that was not among them overtakes
INSERT INTO bids (id, auction, cat, price) VALUES (6, 1, 1, 100);
CALL refresh_views();
SELECT * FROM best ORDER BY cat, rn;
INSERT INTO bids (id, auction, cat, price) VALUES (7, 4, 1, 15), (8, 4, 1, 16), (9, 4, 1, 17);
CALL refresh_views();
SELECT * FROM best ORDER BY cat, rn;
SELECT * FROM counts ORDER BY cat, n;
SELECT * FROM latest ORDER BY cat;
-- a key has no rows any more
INSERT INTO bids (id, auction, cat, price) VALUES (10, 3, 2, 500);
CALL refresh_views();
SELECT * FROM best ORDER BY cat, rn;
SELECT * FROM counts ORDER BY cat, n;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('best') AS line WHERE line ~ '^ ?O|^  [^ ]|^R';
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('latest') AS line WHERE line ~ '^ ?O|^  [^ ]|^R';
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('counts') AS line WHERE line ~ '^ ?O|^  [^ ]|^R';
DROP MATERIALIZED VIEW best, counts, latest;

---- every spelling

CREATE TABLE l (k int, a int, x text) USING stream;
CREATE TABLE r (k int, b int, y text) USING stream;
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT k, 'n' || k FROM generate_series(0, 5) k;
CREATE FUNCTION stays(x bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT x / 2';
CREATE FUNCTION moves(x bigint) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT x / 2';
CREATE TYPE pair AS (a int, b float8);
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);
CREATE FUNCTION groups() RETURNS text LANGUAGE sql AS $$
	SELECT '(SELECT cat, auction, count(*) AS n, max(price) AS p, min(x) AS x, min(note) AS note FROM bids GROUP BY cat, auction) g' $$;
INSERT INTO queries (query) SELECT replace(q, 'GROUPS', groups()) FROM unnest(ARRAY[
-- ranks of groups
'SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY n DESC, auction) AS rn FROM GROUPS) t WHERE rn <= 3',
'SELECT cat, auction, rn, note FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY n DESC) AS rn FROM GROUPS) t WHERE rn < 3',
'SELECT cat, auction, p, rn FROM (SELECT *, dense_rank() OVER (PARTITION BY cat ORDER BY p) AS rn FROM GROUPS) t WHERE rn BETWEEN 1 AND 2',
'SELECT * FROM (SELECT *, row_number() OVER (ORDER BY n DESC NULLS LAST, cat, auction) AS rn FROM GROUPS) t WHERE rn <= 5',
'SELECT cat, n FROM (SELECT *, rank() OVER (ORDER BY n) AS rn FROM GROUPS) t WHERE rn = 1',
'SELECT cat, n, rn FROM (SELECT *, row_number() OVER (PARTITION BY cat, n % 2 ORDER BY n NULLS FIRST) AS rn FROM GROUPS) t WHERE rn IN (1, 3)',
'SELECT DISTINCT ON (cat) cat, auction, n FROM GROUPS ORDER BY cat, n DESC, auction',
'SELECT DISTINCT ON (n, cat) cat, p, n + 1 AS m FROM GROUPS WHERE p > 20 ORDER BY n, cat, p DESC',
'SELECT DISTINCT ON (x) x, p FROM GROUPS ORDER BY x, p DESC NULLS LAST',
'SELECT x, n FROM (SELECT *, row_number() OVER (PARTITION BY n % 3 ORDER BY x, cat, auction) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT x, n FROM (SELECT *, rank() OVER (PARTITION BY x ORDER BY x DESC, cat, auction, x) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT note, n FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY n, length(note), note COLLATE "C" DESC) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT cat, row, n FROM (SELECT cat, ROW(auction, x)::pair AS row, n, row_number() OVER (PARTITION BY cat ORDER BY ROW(n, x)::pair, auction) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT cat, doc::text FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY n DESC, auction DESC) AS rn FROM (SELECT cat, auction, count(*) AS n, (''{"p": '' || max(price)::text || ''}'')::json AS doc FROM bids GROUP BY cat, auction) g) t WHERE rn <= 2',
'SELECT count(*) AS n, cat FROM (SELECT *, row_number() OVER (PARTITION BY cat) AS rn FROM GROUPS) t WHERE rn <= 4 GROUP BY cat',
'SELECT * FROM (SELECT cat, auction % 5 AS a, count(*) AS n, row_number() OVER (PARTITION BY cat ORDER BY count(*) DESC, auction % 5) AS rn FROM bids GROUP BY cat, auction % 5 HAVING max(price) > 30) t WHERE rn <= 3',
'SELECT cat, max, 1 AS one FROM (SELECT cat, max(price), 1, dense_rank() OVER (PARTITION BY cat ORDER BY max(price) DESC) AS rn FROM bids GROUP BY cat, auction, 3::text) t WHERE rn <= 2',
-- ... of first rows, of groups of first rows, of DISTINCT
'SELECT * FROM (SELECT cat, price, id, row_number() OVER (PARTITION BY cat ORDER BY price DESC, id) AS rn FROM (SELECT DISTINCT ON (auction) * FROM bids ORDER BY auction, id DESC) d) t WHERE rn <= 2',
'SELECT * FROM (SELECT cat, price, id, row_number() OVER (PARTITION BY cat ORDER BY price, id) AS rn FROM (SELECT *, row_number() OVER (PARTITION BY auction ORDER BY id DESC) AS n FROM bids) d WHERE n <= 3) t WHERE rn <= 2',
'SELECT * FROM (SELECT n, c, row_number() OVER (ORDER BY c DESC, n) AS rn FROM (SELECT n, count(*) AS c FROM GROUPS GROUP BY n) h) t WHERE rn <= 3',
'SELECT * FROM (SELECT cat, n, row_number() OVER (PARTITION BY cat ORDER BY n DESC) AS rn FROM (SELECT DISTINCT cat, n FROM GROUPS) h) t WHERE rn <= 2',
-- DISTINCT
'SELECT DISTINCT cat, n FROM GROUPS',
'SELECT DISTINCT x FROM GROUPS WHERE n > 1',
'SELECT DISTINCT n % 3, note, 1 AS one FROM GROUPS ORDER BY 1 LIMIT 100',
'SELECT n, count(*) FROM (SELECT DISTINCT n, cat FROM GROUPS) d GROUP BY n',
'SELECT DISTINCT cat FROM (SELECT DISTINCT cat, n FROM GROUPS) d',
'SELECT DISTINCT price / 10 FROM (SELECT DISTINCT ON (auction) * FROM bids ORDER BY auction, id DESC) d',
-- what comes of first rows
'SELECT cat, avg(price), count(*) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY id DESC) AS rn FROM bids) t WHERE rn <= 10 GROUP BY cat',
'SELECT cat, avg(price), count(*) FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY price DESC) AS rn FROM bids) t WHERE rn <= 2 AND price > 10 GROUP BY cat',
'SELECT cat, array_agg(id ORDER BY id), min(note) FROM (SELECT *, dense_rank() OVER (PARTITION BY cat, auction % 2 ORDER BY price) AS rn FROM bids) t WHERE 3 > rn GROUP BY cat',
'SELECT avg(price), count(*) FROM (SELECT *, (row_number() OVER (ORDER BY price DESC, id))::int AS rn FROM bids) t WHERE rn <= 7',
'SELECT count(*), max(id) FROM (SELECT *, rank() OVER (ORDER BY price) AS rn FROM bids) t WHERE rn = 1',
'SELECT count(*) FROM (SELECT *, rank() OVER (ORDER BY price) AS rn FROM bids) t WHERE rn < 1',
'SELECT cat, sum(n), max(p) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY n DESC, auction) AS rn FROM GROUPS) t WHERE rn <= 3 GROUP BY cat',
'SELECT DISTINCT n FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY n DESC) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT n, count(*) FROM (SELECT DISTINCT ON (cat) cat, n FROM GROUPS ORDER BY cat, n DESC) t GROUP BY n',
'SELECT stays(n), count(*) FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY stays(n) DESC) AS rn FROM GROUPS) t WHERE rn <= 2 GROUP BY 1',
-- grouping sets
'SELECT cat, n, count(*), sum(p) AS s, grouping(cat, n) AS g FROM GROUPS GROUP BY CUBE (cat, n)',
'SELECT cat, n % 2 AS m, count(*), array_agg(p ORDER BY p) AS ps, count(DISTINCT p) AS d, min(note) FROM GROUPS WHERE n < 6 GROUP BY ROLLUP (cat, n % 2) HAVING count(*) > 1 OR grouping(cat) = 1',
'SELECT x, cat, max(n), count(x) AS c, min(cat) AS least FROM GROUPS GROUP BY GROUPING SETS ((x), (cat), ())',
'SELECT cat, note, bool_or(n > 2), count(*) FILTER (WHERE n > 2) AS f FROM GROUPS GROUP BY note, GROUPING SETS (cat, (cat, n))',
'SELECT c, count(*) FROM (SELECT cat, n, count(*) AS c FROM GROUPS GROUP BY CUBE (cat, n)) q GROUP BY c',
'SELECT DISTINCT c FROM (SELECT cat, n, count(*) AS c FROM GROUPS GROUP BY ROLLUP (cat, n)) q',
'SELECT * FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY c DESC) AS rn FROM (SELECT cat, n, count(*) AS c FROM GROUPS GROUP BY ROLLUP (cat, n)) q) t WHERE rn <= 2',
'SELECT cat, sum(price) AS s, count(*) FROM (SELECT *, row_number() OVER (PARTITION BY auction ORDER BY id DESC) AS rn FROM bids) t WHERE rn <= 2 GROUP BY ROLLUP (cat)',
'SELECT x, y, count(*), sum(b) AS s FROM l LEFT JOIN r USING (k) GROUP BY CUBE (x, y)',
'SELECT k, count(*), count(x) AS xs, array_agg(b ORDER BY b) FROM l FULL JOIN r USING (k) GROUP BY ROLLUP (k)',
-- outer joins, and NOT EXISTS
'SELECT DISTINCT x, a % 2 AS odd FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)',
'SELECT x, a, k, rn FROM (SELECT *, rank() OVER (PARTITION BY x ORDER BY a DESC, k) AS rn FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a)) t WHERE rn <= 2',
'SELECT x, sum(a) AS s, count(*) FROM (SELECT x, a, row_number() OVER (PARTITION BY x ORDER BY a DESC, k) AS rn FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)) t WHERE rn <= 3 GROUP BY ROLLUP (x)',
'SELECT DISTINCT x, y FROM l LEFT JOIN r USING (k)',
'SELECT DISTINCT ON (l.k) l.k, b FROM l FULL JOIN r ON l.k = r.k ORDER BY l.k, b DESC',
'SELECT x, b, rn FROM (SELECT x, b, rank() OVER (PARTITION BY x ORDER BY b NULLS FIRST) AS rn FROM l LEFT JOIN r USING (k)) t WHERE rn <= 2',
'SELECT x, sum(b), count(*) FROM (SELECT x, b, row_number() OVER (PARTITION BY x ORDER BY b DESC) AS rn FROM l RIGHT JOIN r USING (k)) t WHERE rn <= 3 GROUP BY x',
'SELECT y, count(*) FROM (SELECT DISTINCT x, y FROM l LEFT JOIN r USING (k)) d GROUP BY y',
-- left to readers: more is said of ranks than a bound, or it depends on more than the row
'SELECT rn, count(*) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY id DESC) AS rn FROM bids) t WHERE rn <= 3 GROUP BY rn',
'SELECT cat, sum(price) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY id DESC) AS rn FROM bids) t WHERE rn BETWEEN 2 AND 3 GROUP BY cat',
'SELECT cat, sum(price) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY id DESC) AS rn FROM bids) t WHERE rn = 2 GROUP BY cat',
'SELECT cat, sum(price) FROM (SELECT *, row_number() OVER w AS rn, rank() OVER w AS ra FROM bids WINDOW w AS (PARTITION BY cat ORDER BY id DESC)) t WHERE rn <= 5 AND ra < 3 GROUP BY cat',
'SELECT cat, sum(price) FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY id DESC) AS rn FROM bids) t WHERE rn <= 5 AND (rn < 2 OR price > 50) GROUP BY cat',
'SELECT cat, n FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY moves(n) DESC) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT name, n FROM (SELECT name, n, rank() OVER (PARTITION BY name ORDER BY n DESC) AS rn FROM GROUPS JOIN names ON k = cat) t WHERE rn <= 2',
'SELECT DISTINCT name FROM GROUPS JOIN names ON k = cat',
'SELECT DISTINCT n, (SELECT max(k) FROM names) FROM GROUPS',
'SELECT cat, n, s FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY n DESC) AS rn, sum(n) OVER (PARTITION BY cat) AS s FROM GROUPS) t WHERE rn <= 2',
'SELECT cat, n FROM (SELECT *, rank() OVER (PARTITION BY cat ORDER BY n USING >) AS rn FROM GROUPS) t WHERE rn <= 2 ORDER BY 1, 2',
'SELECT cat, n FROM (SELECT *, row_number() OVER (PARTITION BY cat ORDER BY note USING ~<~, n) AS rn FROM GROUPS) t WHERE rn <= 2',
'SELECT DISTINCT ON (cat) cat, (n > 0)::text FROM GROUPS',
'SELECT cat, count(*) FROM GROUPS GROUP BY GROUPING SETS ((cat), (cat))',
'SELECT cat, cat AS again, count(*) FROM GROUPS GROUP BY ROLLUP (cat, cat)'
]) q;
CALL make_views();
SELECT n, refusal, query FROM queries WHERE refusal IS NOT NULL ORDER BY n;
-- how many operators, and what is left to readers beside ranks
SELECT n, count(*) FILTER (WHERE line ~ '^ ?Operator') AS operators, bool_or(line ~ 'over changes') AS over_changes,
	bool_or(line ~ 'Readers') AS readers, left(query, 60) AS query
FROM queries, LATERAL streaming.explain(format('q%s', n)::regclass) AS line GROUP BY n, query ORDER BY n;

SELECT setseed(0.25);
CREATE PROCEDURE rounds(rounds int, size float) LANGUAGE plpgsql AS $$
DECLARE differences text;
BEGIN
	FOR i IN 1..rounds LOOP
		-- few values each, of every kind: nulls, both zeros, NaN, long texts
		INSERT INTO bids SELECT i * 1000 + g, (random() * random() * 20)::int, nullif((random() * 4)::int, 0), (random() * 60)::int,
			(ARRAY['NaN', '-0', '0', '1.5', NULL, '-Infinity'])[1 + (random() * 5)::int]::float8,
			CASE WHEN random() < 0.7 THEN repeat(md5((random() * 3)::int::text), (ARRAY[1, 5, 400])[1 + (random() * 2)::int]) END
		FROM generate_series(1, (random() * size)::int) g;
		BEGIN
			INSERT INTO bids SELECT i, i % 7, i % 3, 1000 FROM generate_series(1, 5);
			RAISE 'rolled back';
		EXCEPTION WHEN OTHERS THEN
		END;
		INSERT INTO l SELECT (random() * 30)::int, g, 'x' || (random() * 2)::int FROM generate_series(1, (random() * size / 4)::int) g;
		INSERT INTO r SELECT nullif((random() * 30)::int, 7), g, 'y' || (random() * 2)::int FROM generate_series(1, (random() * size / 4)::int) g;
		COMMIT;
		CALL refresh_views();
		-- (which of two zeros stands for both is open)
		SELECT string_agg(format('%s: %s', query, result), E'\n') INTO differences
			FROM queries, check_view(format('q%s', n)::regclass) AS result WHERE result <> 'ok';
		IF differences IS NOT NULL THEN
			RAISE 'round %: %', i, differences;
		END IF;
	END LOOP;
END $$;
CALL rounds(8, 30);
CALL rounds(2, 300);
-- rows one by one
DO $$
DECLARE v regclass;
BEGIN
	FOR v IN SELECT view FROM streaming.views LOOP
		EXECUTE format('ALTER MATERIALIZED VIEW %s SET (streaming.max_batch_rows = 1)', v);
	END LOOP;
END $$;
CALL rounds(2, 15);
SELECT view, state, last_error FROM streaming.views WHERE state <> 'running';
SELECT count(*) > 100 AS rows, count(DISTINCT auction) > 15 AS auctions FROM bids;

---- what is kept is no longer what comes

CREATE MATERIALIZED VIEW replaced WITH (streaming.continuous) AS
	SELECT cat, m FROM (SELECT cat, stays(n) AS m, row_number() OVER (PARTITION BY cat ORDER BY stays(n) DESC) AS rn FROM (SELECT cat, auction, count(*) AS n FROM bids GROUP BY cat, auction) g) t WHERE rn <= 2;
REFRESH MATERIALIZED VIEW replaced;
CREATE OR REPLACE FUNCTION stays(x bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT x / 3';
INSERT INTO bids SELECT id, auction, cat FROM bids;
DO $$
BEGIN
	PERFORM streaming.wait('replaced');
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING '% %', SQLSTATE, regexp_replace(SQLERRM, '\d+', 'N', 'g');
END $$;
DROP TABLE bids, l, r CASCADE;
DROP TABLE queries, names;
DROP TYPE pair;
DROP FUNCTION stays, moves, groups;
DROP PROCEDURE rounds;

---- an empty grouping set stays, without rows

CREATE TABLE z (k int, v int) USING stream;
CREATE MATERIALIZED VIEW totals WITH (streaming.continuous) AS
	SELECT k % 2 AS m, count(*), max(s), count(DISTINCT k) AS ks, array_agg(k ORDER BY k) FROM (SELECT k, sum(v) AS s FROM z GROUP BY k HAVING sum(v) > 0) q GROUP BY ROLLUP (k % 2);
CREATE MATERIALIZED VIEW moved WITH (streaming.continuous) AS
	SELECT k % 2 AS m, count(*), sum(s) FROM (SELECT k, sum(v) AS s FROM z GROUP BY k HAVING sum(v) > 0) q GROUP BY ROLLUP (k % 2);
SELECT * FROM totals;
SELECT * FROM moved;
INSERT INTO z VALUES (1, 1);
CALL refresh_views();
SELECT * FROM totals ORDER BY m;
INSERT INTO z VALUES (1, -1);
CALL refresh_views();
SELECT * FROM totals;
SELECT * FROM moved;
INSERT INTO z VALUES (1, 1), (2, 2), (3, -3);
CALL refresh_views();
SELECT * FROM totals ORDER BY m;
SELECT * FROM moved ORDER BY m;
INSERT INTO z VALUES (1, -1), (2, -2), (4, 4), (4, -4);
CALL refresh_views();
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('totals') AS line WHERE line ~ '^ ?O|^  [^ ]|^R';
DROP TABLE z CASCADE;

---- append mode is left to readers, as before

CREATE TABLE e (ts timestamptz, k int, v int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT * FROM (SELECT w, k, n, rank() OVER (PARTITION BY w ORDER BY n DESC) AS rn FROM (SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n FROM e GROUP BY 1, 2) s) t WHERE rn <= 2;
SELECT line FROM streaming.explain('final') AS line WHERE line ~ '^ ?O|^R';
DROP MATERIALIZED VIEW final;

---- windows that close: rows that are not among the first go, what has come of them stays

CREATE MATERIALIZED VIEW hot WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT * FROM (SELECT w, k, n, rank() OVER (PARTITION BY w ORDER BY n DESC) AS rn FROM (SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n FROM e GROUP BY 1, 2) s) t WHERE rn <= 2;
CREATE MATERIALIZED VIEW hot_hop WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT DISTINCT ON (w) w, n, k FROM (SELECT w, k, count(*) AS n FROM e, hop(ts, '2 minutes', '1 minute') w GROUP BY 1, 2) s ORDER BY w, n DESC, k;
CREATE MATERIALIZED VIEW hop_max WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, max(n), count(*) FROM (SELECT w, k, count(*) AS n FROM e, hop(ts, '2 minutes', '1 minute') w GROUP BY 1, 2) s GROUP BY w;
CREATE MATERIALIZED VIEW hot_sum WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, sum(n), count(*) FROM (SELECT w, k, n, row_number() OVER (PARTITION BY w ORDER BY n DESC) AS rn FROM (SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n FROM e GROUP BY 1, 2) s) t WHERE rn <= 2 GROUP BY w;
CREATE MATERIALIZED VIEW hot_all WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, sum(n), count(*) FROM (SELECT w, k, n, rank() OVER (PARTITION BY w ORDER BY n DESC) AS rn FROM (SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n FROM e GROUP BY 1, 2) s) t WHERE rn <= 2 GROUP BY k;
CREATE MATERIALIZED VIEW counts WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT DISTINCT w, n FROM (SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n FROM e GROUP BY 1, 2) s;
CREATE MATERIALIZED VIEW last_two WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, avg(v), count(*) FROM (SELECT tumble(ts, '1 minute') AS w, v, row_number() OVER (PARTITION BY tumble(ts, '1 minute'), k ORDER BY ts DESC, v) AS rn FROM e) t WHERE rn <= 2 GROUP BY w;
CREATE MATERIALIZED VIEW never WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS w, sum(v) FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts DESC, v) AS rn FROM e) t WHERE rn <= 2 GROUP BY 1;
SELECT view, count(*) FILTER (WHERE line ~ 'Operator') AS operators, count(*) FILTER (WHERE line ~ 'Bounded by: the watermark, after which rows go') AS go
FROM streaming.views, LATERAL streaming.explain(view) AS line GROUP BY view ORDER BY view::text;
CREATE FUNCTION kept() RETURNS TABLE (view text, tables text) LANGUAGE plpgsql AS $$
DECLARE v regclass; t regclass; n bigint;
BEGIN
	FOR v IN SELECT s.view FROM streaming.views s ORDER BY s.view::text LOOP
		view := v; tables := '';
		FOR t IN SELECT objid FROM pg_depend JOIN pg_class c ON c.oid = objid WHERE refobjid = v AND deptype = 'i' AND relkind = 'r' AND relname ~ '_below' ORDER BY relname LOOP
			EXECUTE format('SELECT count(*) FROM %s', t) INTO n;
			tables := tables || ' ' || n;
		END LOOP;
		RETURN NEXT;
	END LOOP;
END $$;
INSERT INTO e SELECT timestamptz '2026-01-01 00:00' + x * interval '1 s', x % 7, x FROM generate_series(0, 50) x;
INSERT INTO e SELECT '2026-01-01 00:00:51', 3, x FROM generate_series(0, 5) x;
CALL refresh_views(2);
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
SELECT * FROM kept();
INSERT INTO e SELECT timestamptz '2026-01-01 00:05' + x * interval '1 s', x % 3, x FROM generate_series(0, 20) x;
CALL refresh_views(2);
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
SELECT * FROM kept();
SELECT w, k, n, rn FROM hot ORDER BY w, rn, k;
SELECT * FROM hot_sum ORDER BY w;
-- too late for all but the last
INSERT INTO e SELECT '2026-01-01 00:00:52', 4, 1 FROM generate_series(1, 50);
CALL refresh_views(2);
SELECT w, k, n, rn FROM hot ORDER BY w, rn, k;
SELECT * FROM hot_sum ORDER BY w;
SELECT * FROM hot_hop ORDER BY w;
SELECT * FROM hop_max ORDER BY w;
SELECT view, late_rows, state, last_error FROM streaming.views ORDER BY view::text;
SELECT check_view('never');
DROP TABLE e CASCADE;
DROP FUNCTION kept;
SELECT * FROM leftovers();
