-- UNION ALL of aggregations, deduplications, first rows, joins and streams, as an operator
\set SHOW_CONTEXT never
CREATE SCHEMA uc;
SET search_path = uc, public;
SET client_min_messages = warning;
CREATE TABLE a (k int, x int, c text) USING stream;
CREATE TABLE b (k int, x numeric(10, 2), c varchar(20)) USING stream;
CREATE TABLE t (k bigint, x bigint, c text COLLATE "C") USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 6) i;

---- by hand
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k HAVING count(*) < 3 UNION ALL SELECT k, x FROM t) u GROUP BY k;
CREATE MATERIALIZED VIEW shown WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT DISTINCT k, x FROM t UNION ALL SELECT a.k, b.x::int FROM a JOIN b USING (k);
INSERT INTO a VALUES (1, 10, 'a'), (2, 20, 'b');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW shown;
SELECT * FROM v ORDER BY k;
SELECT * FROM shown ORDER BY 1, 2;
INSERT INTO t VALUES (1, 1, 'a'), (3, 3, 'b'), (3, 3, 'b');
INSERT INTO b VALUES (2, 2, 'x');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW shown;
SELECT * FROM v ORDER BY k;
SELECT * FROM shown ORDER BY 1, 2;
-- HAVING takes a group away; the row of another part has its place
INSERT INTO a VALUES (2, 10, 'a'), (2, 20, 'b'), (1, 1, 'a');
INSERT INTO t VALUES (2, 1, 'a');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW shown;
SELECT * FROM v ORDER BY k;
SELECT * FROM shown ORDER BY 1, 2;
SELECT batch, op, k, n FROM v_changes ORDER BY 1, 3, 2, 4;
-- what goes from one part and comes from another is no change
SELECT batch, op, k, n FROM shown_changes ORDER BY 1, 3, 2, 4;
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('v') e WHERE e ~ '^ ?O|^  [A-Z]';
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('shown') e WHERE e ~ '^ ?O|^  [A-Z]';

---- against the plain query
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query) VALUES
-- aggregations above
('SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, max(x) FROM b GROUP BY k HAVING max(x) < 20 UNION ALL SELECT k, x FROM t) u GROUP BY k'),
('SELECT k, count(*) AS n, min(n) AS least, max(n) AS most FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k) u GROUP BY k'),
('SELECT n, count(DISTINCT k) AS k, array_agg(k ORDER BY k) AS all_k FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM a GROUP BY k UNION ALL SELECT x, k FROM a) u GROUP BY n'),
('SELECT count(*) AS n, sum(x) AS x FROM (SELECT DISTINCT k, x FROM a UNION ALL SELECT DISTINCT k, x FROM b) u'),
('SELECT count(*) AS n, count(x) AS x FROM (SELECT DISTINCT k, x FROM a UNION ALL SELECT k, count(*) FROM b GROUP BY k) u'),
('SELECT x, count(*) AS n FROM ((SELECT DISTINCT ON (k) k, x FROM a ORDER BY k, x DESC) UNION ALL (SELECT DISTINCT ON (k) k, x FROM b ORDER BY k, x, c)) u GROUP BY x'),
('SELECT k, sum(x) AS x FROM (SELECT k, x FROM (SELECT k, x, row_number() OVER (PARTITION BY k ORDER BY x DESC) AS rn FROM a) q WHERE rn <= 2
	UNION ALL SELECT k, x FROM t) u GROUP BY k'),
('SELECT k, count(*) AS n, sum(x) AS x FROM (SELECT a.k, b.x FROM a JOIN b USING (k) UNION ALL SELECT k, x FROM t) u GROUP BY k'),
('SELECT k, count(*) AS n, sum(x) AS x, count(x) AS not_null FROM (SELECT a.k, b.x FROM a LEFT JOIN b USING (k) UNION ALL SELECT k, x FROM t UNION ALL SELECT k, count(*) FROM a GROUP BY k) u GROUP BY k'),
('SELECT k, count(*) AS n FROM (SELECT k, x FROM a WHERE EXISTS (SELECT FROM b WHERE b.k = a.k) UNION ALL SELECT k, x FROM a WHERE NOT EXISTS (SELECT FROM b WHERE b.k = a.k AND b.x > a.x)) u GROUP BY k'),
('SELECT k, sum(n) AS n FROM (SELECT g.k, g.n + t.x AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k) g JOIN t ON t.k = g.k UNION ALL SELECT k, x FROM b) u GROUP BY k'),
('SELECT n, count(*) AS c FROM (SELECT k, n * 2 AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k) q WHERE n > 1 UNION ALL SELECT k, count(*) FROM b GROUP BY k) u GROUP BY n'),
-- unions in unions, and below other things
('SELECT k, sum(n) AS n FROM ((SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) UNION ALL (SELECT k, x FROM b UNION ALL SELECT k, max(x) FROM b GROUP BY k)) u GROUP BY k'),
('SELECT k, sum(n) AS n FROM (SELECT k, n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) q WHERE n > 1 UNION ALL SELECT k, x FROM (SELECT k, x FROM b UNION ALL SELECT x::int, k FROM t) r) u GROUP BY k'),
('SELECT k, n + 1 AS m, count(*) AS c FROM (SELECT k, n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) q) u GROUP BY k, m'),
('SELECT n, count(*) AS c FROM (SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) q GROUP BY k UNION ALL SELECT k, x FROM a) u GROUP BY n'),
('SELECT DISTINCT k, n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k UNION ALL SELECT k, x FROM t) u'),
('SELECT DISTINCT ON (k) k, n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u ORDER BY k, n DESC'),
('SELECT k, n FROM (SELECT k, n, row_number() OVER (PARTITION BY k ORDER BY n DESC) AS rn FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u) q WHERE rn <= 2'),
('SELECT u.k, u.n, b.x FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u JOIN b ON b.k = u.k'),
('SELECT u.k, u.n, b.x FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u LEFT JOIN b ON b.k = u.k AND b.x > u.n'),
('SELECT u.k, u.n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u WHERE NOT EXISTS (SELECT FROM b WHERE b.k = u.k)'),
('SELECT u.k, u.x, b.x AS bx FROM (SELECT DISTINCT k, x FROM a UNION ALL SELECT k, x FROM t) u LEFT JOIN b ON b.k = u.k'),
('SELECT k, n, count(*) AS c FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u GROUP BY ROLLUP (k, n)'),
('SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY ROLLUP (k) UNION ALL SELECT k, x FROM t) u GROUP BY k'),
('SELECT sum(n) AS n FROM (SELECT count(*) AS n FROM a UNION ALL SELECT max(x) FROM b UNION ALL SELECT x FROM t) u'),
-- UNION
('SELECT count(*) AS n, sum(n) AS s FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION SELECT k, count(*) FROM b GROUP BY k UNION SELECT k, x FROM t) u'),
('SELECT k FROM a UNION SELECT k FROM t'),
('SELECT k, x FROM a UNION ALL SELECT k, x FROM b UNION SELECT k, count(*) FROM t GROUP BY k'),
-- the whole query
('SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k'),
('SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t ORDER BY n DESC'),
('SELECT k, x FROM a UNION ALL SELECT a.k, b.x FROM a JOIN b USING (k)'),
('SELECT a.k, b.x FROM a LEFT JOIN b USING (k) UNION ALL SELECT k, x FROM a WHERE NOT EXISTS (SELECT FROM t WHERE t.k = a.k)'),
('SELECT DISTINCT k, x FROM a UNION ALL SELECT k, x FROM t'),
('SELECT DISTINCT k, x FROM a UNION ALL SELECT DISTINCT k, x FROM t'),
('SELECT n, k FROM (SELECT k, n + 1 AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u) q WHERE n > 2'),
-- types and collations of the parts
('SELECT c, count(*) AS n FROM (SELECT min(c) COLLATE "C" AS c FROM a GROUP BY k UNION ALL SELECT c FROM t) u GROUP BY c'),
('SELECT v, count(*) AS n FROM (SELECT max(x) AS v FROM a GROUP BY k UNION ALL SELECT max(x) FROM b GROUP BY k UNION ALL SELECT x::float8 FROM t UNION ALL SELECT NULL FROM t) u GROUP BY v'),
('SELECT what, k, sum(n) AS n FROM (SELECT ''a'' AS what, k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT ''b'', k, 1 FROM b) u GROUP BY what, k'),
('SELECT k, max(c) AS c FROM (SELECT k, min(c) AS c FROM b GROUP BY k UNION ALL SELECT k, c FROM b UNION ALL (SELECT k, c FROM a ORDER BY x)) u GROUP BY k'),
('SELECT k, sum(n) AS n FROM (SELECT name AS k, count(*) AS n FROM a JOIN dim USING (k) GROUP BY name UNION ALL SELECT name, x FROM t JOIN dim USING (k)) u GROUP BY k'),
('WITH g AS (SELECT k, count(*) AS n FROM a GROUP BY k), d AS (SELECT * FROM dim) SELECT n, count(*) AS c FROM (SELECT * FROM g UNION ALL SELECT k, n + 1 FROM g UNION ALL SELECT t.k, x FROM t JOIN d ON t.k = d.k) u GROUP BY n'),
-- left to readers
('SELECT k, sum(n) AS n, sum(sum(n)) OVER () AS total FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k) u GROUP BY k'),
('SELECT k, sum(n) AS n, now() IS NULL AS never FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k) u GROUP BY k'),
('SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k) u GROUP BY k HAVING sum(n) > (SELECT min(k) FROM dim)'),
('SELECT count(*) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL (SELECT k, count(*) FROM b GROUP BY k ORDER BY 2 DESC, 1 LIMIT 2)) u'),
('SELECT count(*) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k EXCEPT SELECT k, count(*) FROM b GROUP BY k) u'),
('SELECT u.k, g.n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, count(*) FROM b GROUP BY k) u, (SELECT count(*) AS n FROM t) g'),
('SELECT k, count(*) AS n, max(m) AS m FROM (SELECT k, count(*) AS n, now() IS NULL AS never FROM a GROUP BY k UNION ALL SELECT k, count(*), false FROM b GROUP BY k) u, (SELECT count(*) AS m FROM t) g GROUP BY k'),
('SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT dim.k, 1 FROM dim) u GROUP BY k');
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (streaming.continuous, streaming.max_batch_rows = %s) AS %s',
				q.n, CASE WHEN q.n % 2 = 0 THEN 1 ELSE 1000 END, q.query);
		EXCEPTION WHEN feature_not_supported THEN
			RAISE WARNING '%: %', q.n, sqlerrm;
		END;
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW w%s WITH (streaming.continuous, streaming.changes, streaming.max_batch_rows = %s) AS %s',
				q.n, CASE WHEN q.n % 2 = 1 THEN 1 ELSE 1000 END, q.query);
		EXCEPTION WHEN feature_not_supported THEN
			RAISE WARNING '%, with changes: %', q.n, sqlerrm;
		END;
	END LOOP;
END $$;
-- how many operators each has, and of how many readers put the states together
SELECT queries.n, count(*) FILTER (WHERE e ~ '^ ?Operator') AS operators, count(*) FILTER (WHERE e ~ 'shown') AS shown,
	count(*) FILTER (WHERE e ~ '^ ?Operator.*union') AS unions
FROM queries, streaming.explain(format('v%s', n)::regclass) e WHERE to_regclass(format('v%s', n)) IS NOT NULL GROUP BY 1 ORDER BY 1;
-- the rows in which a view and its query differ, and those in which a view differs from what its changes come to
CREATE FUNCTION wrong() RETURNS TABLE (n int, differs text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	view text;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY queries.n LOOP
		FOREACH view IN ARRAY ARRAY['v', 'w'] LOOP
			view := view || q.n;
			CONTINUE WHEN to_regclass(view) IS NULL;
			PERFORM streaming.wait(view::regclass);
			RETURN QUERY EXECUTE format('SELECT %s, %L || d::text FROM (((TABLE %s) EXCEPT ALL (%s)) UNION ALL ((%s) EXCEPT ALL (TABLE %s))) d',
				q.n, view || ' ', view, q.query, q.query, view);
			CONTINUE WHEN view NOT LIKE 'w%';
			RETURN QUERY EXECUTE format('SELECT %s, %L || c::text FROM (SELECT r, sum(n) FROM (SELECT to_jsonb(one) - ''batch'' - ''op'' AS r, CASE WHEN op IN (''insert'', ''update after'') THEN 1 ELSE -1 END AS n FROM %s_changes one
				UNION ALL SELECT to_jsonb(one), -1 FROM %s one) q GROUP BY r HAVING sum(n) <> 0) c', q.n, view || ' changes ', view, view);
			RETURN QUERY EXECUTE format('SELECT %s, %L || c::text FROM (SELECT batch, r FROM (SELECT batch, op, to_jsonb(one) - ''batch'' - ''op'' AS r FROM %s_changes one) c
				GROUP BY batch, r HAVING bool_or(op IN (''insert'', ''update after'')) AND bool_or(op NOT IN (''insert'', ''update after''))) c', q.n, view || ' not net ', view);
		END LOOP;
	END LOOP;
END $$;
SELECT * FROM wrong();
SELECT setseed(0.3);
DO $$
BEGIN
	FOR i IN 1..20 LOOP
		INSERT INTO a SELECT (random() * 5)::int, (random() * 6)::int, 'c' || (random() * 3)::int
			FROM generate_series(1, (random() * 4)::int);
		INSERT INTO t SELECT (random() * 5)::int, (random() * 6)::int, 'C' || (random() * 3)::int
			FROM generate_series(1, (random() * 4)::int);
		BEGIN
			INSERT INTO b SELECT (random() * 5)::int, (random() * 30)::int, 'c' || (random() * 3)::int
				FROM generate_series(1, (random() * 4)::int);
			IF random() < 0.2 THEN
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
		IF random() < 0.2 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT * FROM wrong();
INSERT INTO a VALUES (NULL, NULL, NULL), (1, NULL, 'z'), (NULL, 1, NULL);
INSERT INTO b VALUES (NULL, NULL, NULL), (1, NULL, NULL), (1, 'NaN', '');
INSERT INTO t VALUES (NULL, NULL, NULL), (NULL, 2, 'x'), (7, 1, NULL);
SELECT * FROM wrong();
DROP SCHEMA uc CASCADE;
