-- Outer joins, EXISTS and NOT EXISTS whose looked-for side changes: groups, first rows, what outer joins make
\set SHOW_CONTEXT never
CREATE SCHEMA jo;
SET search_path = jo, public;
SET client_min_messages = warning;
CREATE TABLE s (k int, x int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE t (k int, y numeric, c text) USING stream;
CREATE TABLE u (k int, z int) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 6) i;

---- by hand: a group comes, changes, and goes by HAVING
CREATE MATERIALIZED VIEW l WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT s.k, s.x, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) < 3) g ON g.k = s.k;
CREATE MATERIALIZED VIEW none WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) < 3) g WHERE g.k = s.k AND g.n <= s.x);
CREATE MATERIALIZED VIEW found WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) < 3) g WHERE g.k = s.k AND g.n <= s.x);
CREATE PROCEDURE show() LANGUAGE plpgsql AS $$
BEGIN
	REFRESH MATERIALIZED VIEW l;
	REFRESH MATERIALIZED VIEW none;
	REFRESH MATERIALIZED VIEW found;
END $$;
INSERT INTO s (k, x) VALUES (1, 1), (1, 2), (2, 2);
CALL show();
TABLE l ORDER BY 1, 2, 3; TABLE none ORDER BY 1, 2; TABLE found;
-- the first match
INSERT INTO t VALUES (1, 1);
CALL show();
TABLE l ORDER BY 1, 2, 3; TABLE none ORDER BY 1, 2; TABLE found ORDER BY 1, 2;
-- another one, which one row no longer matches
INSERT INTO t VALUES (1, 1);
CALL show();
TABLE l ORDER BY 1, 2, 3; TABLE none ORDER BY 1, 2; TABLE found ORDER BY 1, 2;
-- none any more, and a new row of the other side
INSERT INTO t VALUES (1, 1);
INSERT INTO s (k, x) VALUES (1, 3);
CALL show();
TABLE l ORDER BY 1, 2, 3; TABLE none ORDER BY 1, 2; TABLE found;
-- a group that is past it when it comes
INSERT INTO t SELECT 2, i FROM generate_series(1, 3) i;
CALL show();
SELECT batch, op, k, x, n FROM l_changes ORDER BY 1, 3, 4, 2;
SELECT batch, op, k, x FROM none_changes ORDER BY 1, 3, 4, 2;
SELECT batch, op, k, x FROM found_changes ORDER BY 1, 3, 4, 2;

---- against the plain query
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, options text DEFAULT '', query text);
INSERT INTO queries (query) VALUES
('SELECT s.k, s.x, g.n, g.m FROM s LEFT JOIN (SELECT k, count(*) AS n, max(y) AS m FROM t GROUP BY k) g ON s.k = g.k'),
('SELECT s.k, s.x, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g ON s.k = g.k AND g.n > s.x'),
('SELECT s.k, g.k AS gk, g.n FROM s RIGHT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g ON s.k = g.k'),
('SELECT s.k, s.x, g.k AS gk, g.n FROM s FULL JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g ON s.k = g.k AND s.x < g.n'),
('SELECT s.k, s.x, l.y FROM s LEFT JOIN (SELECT DISTINCT ON (k) k, y FROM t ORDER BY k, y DESC, c) l ON s.k = l.k AND l.y % 3 <> 0'),
('SELECT s.k, s.x, l.y, l.c FROM s LEFT JOIN (SELECT k, y, c, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) l ON s.k = l.k AND l.rn <= 1 AND l.y > 20'),
-- both change
('SELECT a.k, a.n, b.n AS bn FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b ON a.k = b.k AND a.n < b.n'),
('SELECT b.n IS NULL AS free, count(*) AS c, sum(a.n) AS n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b ON a.n = b.n GROUP BY 1'),
('SELECT a.k IS NULL AS x, b.k IS NULL AS y, count(*) AS c, sum(a.n + coalesce(b.n, 0)) AS n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a
	FULL JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b ON a.n = b.n AND a.k <> b.k GROUP BY 1, 2'),
('SELECT a.k, a.c, b.k AS bk, b.c AS bc FROM (SELECT n AS k, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q GROUP BY n) a
	FULL JOIN (SELECT n AS k, count(*) AS c FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q GROUP BY n) b ON a.k = b.k WHERE a.c IS NULL OR b.c IS NULL OR a.c <> b.c'),
('SELECT DISTINCT b.n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a RIGHT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b USING (k)'),
-- what outer joins make
('SELECT s.k, s.x, q.y FROM s LEFT JOIN (SELECT u.k, u.z, t.y FROM u LEFT JOIN t ON t.k = u.k) q ON q.z = s.x AND q.y IS NULL'),
('SELECT s.k, s.x, q.z, q.y FROM s FULL JOIN (SELECT u.k, u.z, t.y FROM u LEFT JOIN t ON t.k = u.k) q ON q.z = s.x'),
('SELECT s.k, s.x, q.k AS qk, q.y FROM s LEFT JOIN (SELECT u.k, t.y FROM u FULL JOIN t ON t.k = u.k AND t.y > u.z) q ON q.k = s.k'),
('SELECT q.k, g.n FROM (SELECT s.k, t.y FROM s LEFT JOIN t ON s.x = t.y) q LEFT JOIN (SELECT k, count(*) AS n FROM u GROUP BY k HAVING count(*) % 2 = 1) g ON g.n = q.k'),
-- EXISTS, IN, NOT EXISTS
('SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g WHERE g.k = s.k)'),
('SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = s.k AND g.n > s.x AND g.n % 2 = 0)'),
('SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = s.k AND g.n > s.x AND g.n % 2 = 0)'),
('SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g WHERE g.k = s.k)'),
('SELECT s.k, s.x FROM s WHERE s.k IN (SELECT k FROM t GROUP BY k HAVING count(*) % 3 = 1)'),
('SELECT s.x, count(*) AS c FROM s WHERE s.k IN (SELECT k FROM t GROUP BY k HAVING count(*) % 3 = 1) GROUP BY s.x'),
('SELECT s.k, s.x FROM s WHERE (s.k, s.x) IN (SELECT k, count(*) FROM t GROUP BY k)'),
('SELECT s.k, s.x FROM s WHERE s.x IN (SELECT max(y) FROM t)'),
('SELECT s.k, count(*) AS c FROM s WHERE NOT EXISTS (SELECT FROM (SELECT DISTINCT ON (k) k, y FROM t ORDER BY k, y DESC, c) l WHERE l.k = s.k AND l.y > s.x * 4)
	AND EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM u GROUP BY k) g WHERE g.k = s.k AND g.n > s.x) GROUP BY s.k'),
('SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = s.k AND g.n % 3 > s.x % 3)
	AND NOT EXISTS (SELECT FROM (SELECT k, sum(z) AS n FROM u GROUP BY k) g WHERE g.k = s.k AND g.n % 4 = s.x) AND NOT EXISTS (SELECT FROM u WHERE u.z = s.x + 3)'),
('SELECT q.k, q.n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q WHERE NOT EXISTS (SELECT FROM t WHERE t.k = q.k AND t.y > 25)'),
('SELECT q.k, q.n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q WHERE EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = q.k AND g.n > q.n)'),
('SELECT q.k, q.n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q WHERE q.n IN (SELECT n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g)'),
('SELECT q.n, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.n = q.n) GROUP BY q.n'),
('SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT u.k, t.y FROM u LEFT JOIN t ON t.k = u.k) q WHERE q.k = s.k AND q.y IS NULL)'),
('SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM (SELECT u.k, u.z, t.y FROM u LEFT JOIN t ON t.k = u.k) q WHERE q.k = s.k AND coalesce(q.y, 0) <= s.x)'),
('SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM u WHERE u.k = s.k AND NOT EXISTS (SELECT FROM t WHERE t.k = u.z))'),
('SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT u.k, u.z FROM u WHERE NOT EXISTS (SELECT FROM t WHERE t.k = u.z)) q WHERE q.k = s.k)'),
-- above them
('SELECT n, count(*) AS c FROM (SELECT s.k, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g USING (k)) q GROUP BY n'),
('SELECT DISTINCT ON (k) k, n, x FROM (SELECT s.k, s.x, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g USING (k)) q ORDER BY k, n, x'),
('SELECT q.n, u.z FROM (SELECT s.k, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g USING (k)) q JOIN u ON u.k = q.k AND u.z = coalesce(q.n, 1)'),
('SELECT tumble(q.ts, ''1 minute'') AS w, count(*) AS n, count(q.n) AS c FROM (SELECT s.ts, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g USING (k)) q GROUP BY w');
INSERT INTO queries (options, query) VALUES
(', streaming.changes', 'SELECT s.k, s.x, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g ON s.k = g.k'),
(', streaming.changes', 'SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g WHERE g.k = s.k AND g.n > s.x)'),
(', streaming.changes', 'SELECT a.k, a.n, b.n AS bn FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b ON a.k = b.k AND a.n < b.n'),
(', streaming.changes', 'SELECT a.k, a.c, b.k AS bk, b.c AS bc FROM (SELECT n AS k, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q GROUP BY n) a
	FULL JOIN (SELECT n AS k, count(*) AS c FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q GROUP BY n) b ON a.k = b.k WHERE a.c IS NULL OR b.c IS NULL OR a.c <> b.c'),
(', streaming.changes', 'SELECT a.k, a.n, b.k AS bk, b.n AS bn FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a FULL JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b ON a.n = b.n AND a.k <> b.k');
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (streaming.continuous, streaming.max_batch_rows = %s%s) AS %s',
				q.n, CASE WHEN q.n % 2 = 0 THEN 1 ELSE 1000 END, q.options, q.query);
		EXCEPTION WHEN feature_not_supported THEN
			RAISE WARNING '%: %', q.n, sqlerrm;
		END;
	END LOOP;
END $$;
-- all are kept but where nothing is above groups
SELECT n, count(*) FILTER (WHERE e ~ 'is shown') AS shown FROM queries, streaming.explain(format('v%s', n)::regclass) e GROUP BY n HAVING count(*) FILTER (WHERE e ~ 'is shown') <> 1;
-- the rows in which a view and its query differ
CREATE FUNCTION wrong() RETURNS TABLE (n int, query text, differs text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries WHERE to_regclass(format('v%s', queries.n)) IS NOT NULL ORDER BY queries.n LOOP
		PERFORM streaming.wait(format('v%s', q.n)::regclass);
		RETURN QUERY EXECUTE format('SELECT %s, %L, d::text FROM (((TABLE v%s) EXCEPT ALL (%s)) UNION ALL ((%s) EXCEPT ALL (TABLE v%s))) d',
			q.n, q.query, q.n, q.query, q.query, q.n);
	END LOOP;
END $$;
SELECT * FROM wrong();
SELECT setseed(0.6);
CREATE PROCEDURE history(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN first..last LOOP
		INSERT INTO s SELECT (random() * 5)::int, (random() * 6)::int, '2026-01-01'::timestamptz + i * interval '10 s'
			FROM generate_series(1, (random() * 5)::int);
		INSERT INTO u SELECT (random() * 5)::int, (random() * 6)::int FROM generate_series(1, (random() * 3)::int);
		BEGIN
			INSERT INTO t SELECT (random() * 5)::int, (random() * 30)::int, 'c' || (random() * 3)::int
				FROM generate_series(1, (random() * 5)::int);
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
CALL history(1, 12);
SELECT * FROM wrong();
CALL history(13, 24);
INSERT INTO s VALUES (NULL, NULL, NULL), (1, NULL, '2026-01-01 00:04:00'), (1, 3, NULL);
INSERT INTO t VALUES (NULL, NULL, NULL), (1, NULL, NULL), (1, 'NaN', '');
INSERT INTO u VALUES (NULL, NULL), (1, NULL);
SELECT * FROM wrong();
CALL history(25, 36);
SELECT * FROM wrong();
-- what the change streams say, put together, is the result
SELECT sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) AS c, k, x, n FROM l_changes GROUP BY k, x, n
	HAVING sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) <> 0
	EXCEPT ALL SELECT count(*), k, x, n FROM l GROUP BY k, x, n;
CREATE TABLE changed (n int, said jsonb);
DO $$
BEGIN
	FOR i IN 38..42 LOOP
		EXECUTE format('INSERT INTO changed SELECT %s, d FROM (
			(SELECT sum(CASE WHEN op IN (''insert'', ''update after'') THEN 1 ELSE -1 END), to_jsonb(said) - ''batch'' - ''op'' FROM v%s_changes said GROUP BY 2)
			EXCEPT ALL SELECT * FROM (SELECT 0, to_jsonb(said) - ''batch'' - ''op'' FROM v%s_changes said GROUP BY 2
				UNION ALL SELECT count(*), to_jsonb(shown) FROM v%s shown GROUP BY 2) q) e (times, d) WHERE times <> 0', i, i, i, i);
	END LOOP;
END $$;
TABLE changed;
-- a view over one
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM v38 GROUP BY n;
CREATE MATERIALIZED VIEW beside WITH (streaming.continuous) AS
	SELECT a.k, a.x, b.k AS bk FROM v38 a LEFT JOIN v39 b ON b.k = a.k AND b.x = a.n WHERE a.x > 2;
CREATE MATERIALIZED VIEW both_sides WITH (streaming.continuous) AS
	SELECT a.k, a.n, b.bn FROM v42 a FULL JOIN v40 b ON b.k = a.k AND b.bn > a.n;
CALL history(37, 40);
SELECT streaming.wait('above');
SELECT count(*) FROM ((TABLE above EXCEPT ALL SELECT n, count(*) AS c FROM v38 GROUP BY n)
	UNION ALL (SELECT n, count(*) AS c FROM v38 GROUP BY n EXCEPT ALL TABLE above)) d;
SELECT streaming.wait('beside'), streaming.wait('both_sides');
SELECT count(*) FROM ((TABLE beside EXCEPT ALL SELECT a.k, a.x, b.k AS bk FROM v38 a LEFT JOIN v39 b ON b.k = a.k AND b.x = a.n WHERE a.x > 2)
	UNION ALL (SELECT a.k, a.x, b.k AS bk FROM v38 a LEFT JOIN v39 b ON b.k = a.k AND b.x = a.n WHERE a.x > 2 EXCEPT ALL TABLE beside)) d;
SELECT count(*) FROM ((TABLE both_sides EXCEPT ALL SELECT a.k, a.n, b.bn FROM v42 a FULL JOIN v40 b ON b.k = a.k AND b.bn > a.n)
	UNION ALL (SELECT a.k, a.n, b.bn FROM v42 a FULL JOIN v40 b ON b.k = a.k AND b.bn > a.n EXCEPT ALL TABLE both_sides)) d;
SELECT * FROM wrong();

---- refused
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k FROM s WHERE s.k NOT IN (SELECT k FROM t GROUP BY k HAVING count(*) > 3);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k FROM s WHERE s.k IN (SELECT k FROM t ORDER BY k LIMIT 3);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k FROM s WHERE s.k IN (SELECT k FROM t INTERSECT SELECT k FROM u);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k FROM s WHERE EXISTS (SELECT FROM t WHERE t.k = s.k HAVING count(*) > 3);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n, now() FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n, d.name FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g USING (k) RIGHT JOIN dim d ON d.k = g.n;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT s.k, g.n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT s.k FROM s WHERE EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = s.k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT s.k FROM s WHERE s.k IN (SELECT k FROM t GROUP BY k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT s.k FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = s.k);
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('v4') e WHERE e ~ '^ ?O|^  [A-Z]';
DROP SCHEMA jo CASCADE;
