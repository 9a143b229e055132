-- NOT EXISTS over streams, and EXISTS by more than equalities
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA ja;
SET search_path = ja, public;

-- by hand, in all orders of arrival
CREATE TABLE o (id int, k int, a int) USING stream;
CREATE TABLE p (id int, k int, a int) USING stream;
CREATE MATERIALIZED VIEW unpaid WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id, k FROM o WHERE NOT EXISTS (SELECT FROM p WHERE p.k = o.k AND p.a >= o.a);
CREATE MATERIALIZED VIEW paid WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id, k FROM o WHERE EXISTS (SELECT FROM p WHERE p.k = o.k AND p.a >= o.a);
CREATE MATERIALIZED VIEW n WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*) FROM o WHERE NOT EXISTS (SELECT FROM p WHERE p.k = o.k AND p.a >= o.a) GROUP BY k;
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
BEGIN
	REFRESH MATERIALIZED VIEW unpaid;
	REFRESH MATERIALIZED VIEW paid;
	REFRESH MATERIALIZED VIEW n;
END $$;
-- left first: 1 is paid by too little, then by enough, then again
INSERT INTO o VALUES (1, 1, 10), (2, 1, 20), (3, NULL, 1);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
INSERT INTO p VALUES (1, 1, 5);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
INSERT INTO p VALUES (2, 1, 15), (3, 1, 15), (4, NULL, 100), (5, 1, NULL);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
SELECT * FROM paid ORDER BY id;
INSERT INTO p VALUES (6, 1, 16);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
SELECT * FROM paid ORDER BY id;
-- right first
INSERT INTO p VALUES (7, 2, 50);
CALL refresh_all();
INSERT INTO o VALUES (4, 2, 50), (4, 2, 50), (5, 2, 51), (5, 2, 51), (6, 2, NULL);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
SELECT * FROM paid ORDER BY id;
-- in the same batch
INSERT INTO o VALUES (7, 3, 1), (8, 3, 2);
INSERT INTO p VALUES (8, 3, 1);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
SELECT * FROM paid ORDER BY id;
SELECT * FROM n ORDER BY k;
-- equal rows go together
INSERT INTO p VALUES (9, 2, 51);
CALL refresh_all();
SELECT * FROM unpaid ORDER BY id;
SELECT * FROM paid ORDER BY id;
SELECT * FROM n ORDER BY k;
DROP MATERIALIZED VIEW unpaid, paid, n;

-- at random, against the plain query
CREATE TABLE l (k int, a int, x text, n numeric) USING stream;
CREATE TABLE r (k int, b bigint, y text, n numeric) USING stream;
CREATE TABLE m (a int, b int) USING stream;
CREATE TABLE t (b int PRIMARY KEY, name text);
INSERT INTO t SELECT x, 'n' || x FROM generate_series(0, 9) x;
CREATE VIEW vl AS SELECT k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k);
CREATE FUNCTION plus_one(x int) RETURNS int STABLE LANGUAGE sql AS 'SELECT x + 1';
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);
INSERT INTO queries (query) VALUES
('SELECT * FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('SELECT l.k, l.a, upper(x) AS u FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND r.b > l.a) AND l.a > 1'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT * FROM r WHERE r.k = l.k AND r.y = ''r1'' AND l.a > 3)'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k + 1 = l.k * 2 - l.a AND (r.b > 3 OR l.a < r.b))'),
('SELECT l.k, t.name FROM l JOIN t ON t.b = l.a WHERE NOT EXISTS (SELECT FROM r WHERE r.b = t.b AND r.y <> t.name)'),
('SELECT l.k, t.name FROM l LEFT JOIN t ON t.b = l.a WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) AND t.name IS NULL'),
('SELECT k, b, name FROM (SELECT k, a AS b FROM l) q LEFT JOIN t USING (b) WHERE NOT EXISTS (SELECT FROM m WHERE m.b = q.b AND m.a = b)'),
('SELECT l.k, l.a, r.b FROM l JOIN r ON l.k = r.k WHERE NOT EXISTS (SELECT FROM m WHERE m.a = l.a AND m.b < r.b)'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r JOIN m ON m.b = r.b WHERE r.k = l.k AND m.a <> l.a)'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r, t WHERE r.k = l.k AND t.b = r.b AND t.b > 4)'),
('SELECT o.k, o.a FROM l o WHERE NOT EXISTS (SELECT FROM l WHERE l.k = o.k AND l.a > o.a)'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) AND NOT EXISTS (SELECT FROM m WHERE m.a = l.a AND m.b > l.k)'),
('SELECT l.k, l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) AND NOT EXISTS (SELECT FROM m WHERE m.a = l.a)'),
('SELECT l.k, l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k) AND NOT EXISTS (SELECT FROM m WHERE m.a = l.a)'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) AND NOT EXISTS (SELECT FROM r WHERE r.b = l.k) AND a IN (SELECT a FROM m)'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND EXISTS (SELECT FROM m WHERE m.b = r.b))'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b IN (SELECT b FROM t WHERE b > 3)) AND l.a IN (SELECT b FROM t)'),
('SELECT l.k, l.x FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.y COLLATE "POSIX" < l.x COLLATE "POSIX")'),
('SELECT q.k, q.a FROM (SELECT DISTINCT k, a FROM l) q WHERE NOT EXISTS (SELECT FROM (SELECT DISTINCT k FROM r) z WHERE z.k = q.k)'),
('SELECT q.k FROM (SELECT k FROM l UNION ALL SELECT a FROM m) q WHERE NOT EXISTS (SELECT FROM r WHERE r.k = q.k)'),
('SELECT q.k, q.c FROM (SELECT l.k, l.a * 2 AS c FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)) q WHERE q.c > 5'),
('SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) ORDER BY l.k, l.a, l.x, l.n LIMIT 5'),
('SELECT l AS whole FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.n = l.n)'),
('SELECT l.k FROM l WHERE NOT (EXISTS (SELECT FROM r WHERE r.k = l.k ORDER BY r.b)) AND now() IS NOT NULL'),
('WITH c AS (SELECT * FROM t) SELECT * FROM (SELECT l.k, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)) q'),
-- aggregations over them
('SELECT a, count(*), sum(k), array_agg(x ORDER BY x) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) GROUP BY a'),
('SELECT count(*), max(a), avg(k) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('SELECT c, count(*) FROM (SELECT a, count(*) AS c FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) GROUP BY a HAVING count(*) > 1) q GROUP BY c'),
('SELECT t.name, count(*) FROM l JOIN t ON t.b = l.a WHERE NOT EXISTS (SELECT FROM m WHERE m.b = l.k) AND l.n > 1 GROUP BY 1'),
-- EXISTS: rows only come
('SELECT * FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a)'),
('SELECT l.k, now() IS NULL AS never FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) AND l.a > 2'),
('SELECT l.k, l.a FROM l WHERE a IN (SELECT b FROM r WHERE r.y > l.x)'),
('SELECT l.k, l.a FROM l WHERE (a, k) IN (SELECT b, k FROM r WHERE r.n < l.n)'),
('SELECT l.k, l.a FROM l WHERE a < ANY (SELECT b FROM r WHERE r.k = l.k)'),
('SELECT l.k, l.x FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND substr(r.y, 2) COLLATE "POSIX" = substr(l.x, 2) COLLATE "POSIX")'),
('SELECT l.k, l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) AND EXISTS (SELECT FROM m WHERE m.a = l.a AND m.b > l.k)'),
('SELECT l.k, l.a, r.b FROM l JOIN r ON l.k = r.k WHERE EXISTS (SELECT FROM m WHERE m.a = l.a AND m.b <> r.b)'),
('SELECT a, count(*), string_agg(x, '''' ORDER BY x) FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) GROUP BY ROLLUP (a)'),
('SELECT DISTINCT a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a)'),
('SELECT DISTINCT ON (a) a, k, x FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) ORDER BY a, k, x'),
('SELECT q.a, m.b FROM (SELECT l.k, l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a)) q JOIN m ON m.a = q.a'),
-- refused
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r)'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k > l.k)'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = 5)'),
('SELECT l.k FROM l WHERE k NOT IN (SELECT k FROM r)'),
('SELECT l.k FROM l WHERE k <> ALL (SELECT k FROM r)'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) OR a = 1'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > (SELECT l.a))'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k GROUP BY b)'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = plus_one(l.k))'),
('SELECT l.k FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > plus_one(l.a))'),
('SELECT l.k, now() FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('SELECT l.x, l.k, generate_series(1, 2) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('SELECT DISTINCT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('SELECT q.k, m.a FROM (SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)) q JOIN m ON m.b = q.k'),
('SELECT q.k FROM (SELECT l.k, r.b FROM l LEFT JOIN r ON l.k = r.k) q WHERE NOT EXISTS (SELECT FROM m WHERE m.b = q.k)'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r LEFT JOIN m ON m.b = r.k WHERE r.k = l.k)'),
('SELECT q.k FROM (SELECT k, count(*) AS c FROM l GROUP BY k) q WHERE NOT EXISTS (SELECT FROM r WHERE r.k = q.k)'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS c FROM r GROUP BY k) q WHERE q.k = l.k)'),
('SELECT t.b FROM t WHERE NOT EXISTS (SELECT FROM r WHERE r.k = t.b)'),
('SELECT l.k FROM l LEFT JOIN r ON l.k = r.k AND NOT EXISTS (SELECT FROM m WHERE m.b = r.k)'),
('SELECT k FROM vl'),
('SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) UNION ALL SELECT a FROM m'),
('WITH c AS (SELECT * FROM t) SELECT l.k FROM l JOIN c ON c.b = l.k WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('WITH c AS (SELECT * FROM t) SELECT * FROM (SELECT l.k FROM l JOIN c ON c.b = l.k WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)) q'),
('SELECT a, k, count(*) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k) GROUP BY ROLLUP (a, k)'),
('SELECT l.k, rank() OVER (ORDER BY l.a) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)'),
('SELECT l.k, l.a, r.b FROM l JOIN r ON l.k = r.k AND NOT EXISTS (SELECT FROM m WHERE m.a = l.a AND m.b < r.b LIMIT 1) LEFT JOIN t ON t.b = r.b');
CALL make_views();
SELECT n, refusal, query FROM queries WHERE refusal IS NOT NULL ORDER BY n;
\set VERBOSITY verbose
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT l.k FROM l WHERE l.a > 1 AND l.k NOT IN (SELECT k FROM r);
\set VERBOSITY default
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT l.k FROM l WHERE l.a > 1 AND NOT EXISTS (SELECT FROM r WHERE r.k <> l.k);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT l.k FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k);
-- a view of EXISTS shows rows when they are final, without a watermark, too
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.output_mode = 'append', streaming.trigger = 'manual') AS
	SELECT l.k FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a);
-- batches of few rows
CREATE MATERIALIZED VIEW few WITH (streaming.continuous, streaming.max_batch_rows = 3) AS
	SELECT l.k, l.a, l.x FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) AND EXISTS (SELECT FROM m WHERE m.b = l.k AND m.a <> l.a);
SELECT setseed(0.4);
DO $$
DECLARE
	wrong record;
BEGIN
	FOR i IN 1..9 LOOP
		IF i % 3 <> 0 THEN
			INSERT INTO l SELECT nullif((random() * 14)::int, 8), nullif((random() * 9)::int, 9), 'l' || (random() * 5)::int, (random() * 3)::numeric(3, 1)
				FROM generate_series(1, 8);
		END IF;
		IF i % 4 <> 1 THEN
			INSERT INTO r SELECT nullif((random() * 14)::int, 8), nullif((random() * 9)::int, 9), nullif('r' || (random() * 5)::int, 'r5'), (random() * 3)::numeric(3, 1)
				FROM generate_series(1, 2);
		END IF;
		INSERT INTO m SELECT nullif((random() * 14)::int, 8), nullif((random() * 14)::int, 8) FROM generate_series(1, 1);
		COMMIT;
		CALL refresh_views();
		FOR wrong IN SELECT * FROM check_queries() LOOP
			RAISE 'round %: % of %', i, wrong.wrong, wrong.query;
		END LOOP;
	END LOOP;
END $$;
REFRESH MATERIALIZED VIEW a;
SELECT check_view('a');
SELECT streaming.wait('few');
SELECT check_view('few');
SELECT (SELECT count(*) FROM q1) BETWEEN 1 AND (SELECT count(*) - 1 FROM l) AS some;
CREATE FUNCTION pg_temp.rows_in(name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I', name) INTO n;
	RETURN n;
END $$;
SELECT n FROM queries WHERE refusal IS NULL AND pg_temp.rows_in(format('q%s', n)) = 0 ORDER BY n;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('few') AS line
WHERE line ~ '^ {0,2}(Operator|State|Bounded|Combined|Computed|Feed)';
-- many rows go at once, and a row that has gone does not go again
CREATE MATERIALIZED VIEW same WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT s.a FROM l s WHERE NOT EXISTS (SELECT FROM m WHERE m.b = s.k);
INSERT INTO l SELECT 1000, 5 FROM generate_series(1, 20000) i;
REFRESH MATERIALIZED VIEW same;
INSERT INTO m VALUES (5, 1000), (6, 1000);
REFRESH MATERIALIZED VIEW same;
SELECT check_view('same');
INSERT INTO m VALUES (5, 1000);
REFRESH MATERIALIZED VIEW same;
SELECT check_view('same');
-- views over these: rows come and go, or only come
CREATE MATERIALIZED VIEW goes WITH (streaming.continuous, streaming.changes) AS
	SELECT k, a, x FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a);
CREATE MATERIALIZED VIEW goes_n WITH (streaming.continuous, streaming.changes) AS
	SELECT k, count(*) AS n, sum(a) AS sum FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) GROUP BY k;
CREATE MATERIALIZED VIEW alone WITH (streaming.continuous, streaming.changes) AS
	SELECT l.k, l.a, r.b FROM l FULL JOIN r ON r.k = l.k AND r.b > l.a;
CREATE MATERIALIZED VIEW comes WITH (streaming.continuous) AS
	SELECT k, a, x FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a);
CREATE TABLE above (name text, query text, sources text[]);
INSERT INTO above VALUES
('over1', 'SELECT k, count(*) AS n, array_agg(a ORDER BY a) AS a FROM goes GROUP BY k', '{goes}'),
('over2', 'SELECT k + 1 AS k, x FROM goes WHERE a > 3', '{goes}'),
('over3', 'SELECT n, count(*) AS m, sum(sum) AS sum FROM goes_n GROUP BY n', '{goes_n}'),
('over4', 'SELECT k, count(*) AS n, count(a) AS a, count(b) AS b FROM alone GROUP BY k', '{alone}'),
('over5', 'SELECT b, k IS NULL AS none, a FROM alone WHERE b IS NULL OR b > 2', '{alone}'),
('over6', 'SELECT k, a FROM comes WHERE NOT EXISTS (SELECT FROM m WHERE m.b = comes.k)', '{comes}'),
('over7', 'SELECT comes.k, m.a FROM comes LEFT JOIN m ON m.b = comes.k AND m.a > comes.a', '{comes}'),
('over8', 'SELECT m.a, m.b FROM m WHERE NOT EXISTS (SELECT FROM comes WHERE comes.k = m.b)', '{comes}'),
('over9', 'SELECT n, count(*) AS m FROM over1 GROUP BY n', '{over1,goes}');
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM above LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, streaming.max_batch_rows = %s) AS %s', q.name,
			CASE WHEN q.name > 'over4' THEN 1000 ELSE 2 END, q.query);
	END LOOP;
END $$;
-- the rows in which a view and its query over the streams differ, and those in which a
-- change stream and its view do
CREATE FUNCTION wrong() RETURNS TABLE (v text, differs text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	source text;
	query text;
BEGIN
	FOR q IN SELECT * FROM above ORDER BY name LOOP
		query := q.query;
		FOREACH source IN ARRAY q.sources LOOP
			query := regexp_replace(query, format('FROM %s\y', source), format('FROM (%s) %s',
				query_of(source::regclass), source));
		END LOOP;
		PERFORM streaming.wait(q.name::regclass);
		RETURN QUERY EXECUTE format('SELECT %L, d::text FROM ((TABLE %s EXCEPT ALL %s) UNION ALL (%s EXCEPT ALL TABLE %2$s)) d',
			q.name, q.name, query, query);
	END LOOP;
	FOREACH source IN ARRAY '{goes,goes_n,alone}'::text[] LOOP
		RETURN QUERY EXECUTE format('SELECT %L, d::text FROM (
				SELECT to_jsonb(c) - ''batch'' - ''op'' AS row, sum(CASE WHEN op IN (''insert'', ''update after'') THEN 1 ELSE -1 END) AS n FROM %s_changes c GROUP BY 1
				EXCEPT SELECT to_jsonb(t), count(*) FROM %2$s t GROUP BY 1) d WHERE d.n <> 0', source, source);
	END LOOP;
END $$;
SELECT * FROM wrong();
SELECT setseed(0.7);
DO $$
BEGIN
	FOR i IN 1..12 LOOP
		IF i % 3 <> 0 THEN
			INSERT INTO l SELECT nullif((random() * 30)::int, 8), nullif((random() * 9)::int, 9), 'l' || i FROM generate_series(1, 5);
		END IF;
		IF i % 4 <> 1 THEN
			INSERT INTO r SELECT nullif((random() * 30)::int, 8), nullif((random() * 9)::int, 9) FROM generate_series(1, 4);
		END IF;
		INSERT INTO m SELECT (random() * 9)::int, (random() * 30)::int;
		IF i % 5 = 0 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT * FROM wrong();
SELECT op, count(*) > 0 AS some FROM goes_changes GROUP BY op ORDER BY op;
-- a view whose rows come and go, tested against a stream
CREATE MATERIALIZED VIEW tested WITH (streaming.continuous) AS
	SELECT k FROM goes WHERE NOT EXISTS (SELECT FROM m WHERE m.b = goes.k);
REFRESH MATERIALIZED VIEW tested;
SELECT count(*) > 0 AS some FROM tested;
INSERT INTO m SELECT a, k FROM l WHERE k % 4 = 1 AND k < 1000;
INSERT INTO r SELECT k, n FROM l WHERE k % 3 = 1 AND k < 1000;
INSERT INTO l VALUES (3, 3, 'tested'), (31, 3, 'tested');
REFRESH MATERIALIZED VIEW tested;
SELECT count(*) > 0 AS some FROM tested;
(TABLE tested EXCEPT ALL SELECT k FROM goes WHERE NOT EXISTS (SELECT FROM m WHERE m.b = goes.k))
	UNION ALL (SELECT k FROM goes WHERE NOT EXISTS (SELECT FROM m WHERE m.b = goes.k) EXCEPT ALL TABLE tested);
DROP MATERIALIZED VIEW tested;
-- ... and against others, which come and go, too
CREATE MATERIALIZED VIEW tested WITH (streaming.continuous) AS
	SELECT k FROM goes WHERE NOT EXISTS (SELECT FROM alone WHERE alone.k = goes.k AND alone.b IS NOT NULL);
CREATE MATERIALIZED VIEW found WITH (streaming.continuous) AS
	SELECT k, a FROM l WHERE l.k IN (SELECT k FROM goes);
REFRESH MATERIALIZED VIEW tested;
REFRESH MATERIALIZED VIEW found;
SELECT (SELECT count(*) > 0 FROM tested) AS some, check_view('tested'), check_view('found');
INSERT INTO r SELECT k, n FROM l WHERE k % 5 = 1 AND k < 1000;
INSERT INTO l VALUES (3, 3, 'tested'), (32, 3, 'tested');
REFRESH MATERIALIZED VIEW tested;
REFRESH MATERIALIZED VIEW found;
SELECT (SELECT count(*) > 0 FROM tested) AS some, check_view('tested'), check_view('found');
DROP MATERIALIZED VIEW tested, found;
-- a full join that no reader could compute
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT q.n, p.n AS m FROM (SELECT k, count(*) AS n FROM l GROUP BY k) q
		FULL JOIN (SELECT k, count(*) AS n FROM r GROUP BY k) p ON q.n < p.n;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT k FROM goes;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.changes) AS
	SELECT k FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a) LIMIT 1;
---- a key that many rows have on both sides: no pairs are made of them (which the last lines say: they would come once each by Unique)
CREATE TABLE sl (k int, v int) USING stream;
CREATE TABLE sr (k int, v int) USING stream;
CREATE MATERIALIZED VIEW s_none WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, v FROM sl WHERE NOT EXISTS (SELECT FROM sr WHERE sr.k = sl.k);
CREATE MATERIALIZED VIEW s_more WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, v FROM sl WHERE EXISTS (SELECT FROM sr WHERE sr.k = sl.k AND sr.v > sl.v);
CREATE MATERIALIZED VIEW s_rare WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, v FROM sl WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM sr GROUP BY k) g WHERE g.k = sl.k AND g.n > sl.v) AND k > 0;
INSERT INTO sl SELECT 1, g % 20 FROM generate_series(1, 2000) g;
INSERT INTO sl SELECT g, 30 FROM generate_series(1, 2000) g;
SELECT bool_and(streaming.wait(v)) FROM unnest('{s_none,s_more,s_rare}'::regclass[]) v;
INSERT INTO sr SELECT 1, g % 15 FROM generate_series(1, 2000) g;
INSERT INTO sr VALUES (2, 31), (3, 30);
SELECT bool_and(streaming.wait(v)) FROM unnest('{s_none,s_more,s_rare}'::regclass[]) v;
SELECT (SELECT count(*) FROM s_none) AS none, (SELECT count(*) FROM s_more) AS more, (SELECT count(*) FROM s_rare) AS rare;
-- ... nor when some come to them, and when most have been found before
INSERT INTO sr VALUES (1, 18), (4, 100), (4, 0);
INSERT INTO sl VALUES (1, 18), (1, 17), (4, 1);
SELECT bool_and(streaming.wait(v)) FROM unnest('{s_none,s_more,s_rare}'::regclass[]) v;
SELECT (SELECT count(*) FROM s_none) AS none, (SELECT count(*) FROM s_more) AS more, (SELECT count(*) FROM s_rare) AS rare;
SELECT check_view('s_none'), check_view('s_more'), check_view('s_rare');
SELECT v, count(*) FILTER (WHERE line ~ 'Unique') AS joined FROM unnest('{s_none,s_more,s_rare}'::text[]) v, streaming.explain(v::regclass) line GROUP BY v ORDER BY v;
DROP TABLE sl, sr CASCADE;
SET client_min_messages = error;
DROP SCHEMA ja CASCADE;
SELECT * FROM leftovers();
