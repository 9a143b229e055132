-- Joins of streams with what changes: aggregations, and the first rows of keys
\set SHOW_CONTEXT never
CREATE SCHEMA jg;
SET search_path = jg, public;
SET client_min_messages = warning;
CREATE TABLE s (k int, x int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE t (k int, y numeric, c text) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 6) i;

---- by hand: a row comes for each partner, and goes when that does
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT s.x, g.n, g.y FROM s JOIN (SELECT k, count(*) AS n, sum(y) AS y FROM t GROUP BY k HAVING count(*) < 3) g
	ON s.k = g.k;
INSERT INTO s (k, x) VALUES (1, 10), (2, 20);
REFRESH MATERIALIZED VIEW v;
TABLE v;
INSERT INTO t VALUES (1, 1.5), (3, 3);
REFRESH MATERIALIZED VIEW v;
TABLE v;
-- both sides in one batch
INSERT INTO t VALUES (1, 2);
INSERT INTO s (k, x) VALUES (1, 11), (1, 11), (3, 30);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY x;
-- HAVING takes the group away
INSERT INTO t VALUES (1, 2);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY x;
SELECT op, x, n, y, count(*) FROM v_changes GROUP BY batch, 1, 2, 3, 4 ORDER BY batch, 1, 2, 3;

---- against the plain query
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query) VALUES
('SELECT s.k, s.x, g.n, g.m FROM s JOIN (SELECT k, count(*) AS n, max(y) AS m FROM t GROUP BY k) g ON s.k = g.k'),
('SELECT g.n, count(*) AS c, sum(s.x) AS x FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) > 1) g ON s.k = g.k GROUP BY g.n'),
('SELECT s.k, s.x, l.y FROM s JOIN (SELECT DISTINCT ON (k) k, y FROM t ORDER BY k, y DESC, c) l USING (k) WHERE s.x < l.y'),
('SELECT s.k, l.y, l.rn FROM s JOIN (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) l USING (k) WHERE l.rn <= 1'),
('SELECT s.x, g.n FROM s JOIN (SELECT count(*) AS n FROM t) g ON s.x = g.n'),
('SELECT s.k, a.n, b.n AS bn, count(*) AS c FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) a ON s.k = a.k
	JOIN (SELECT k, count(*) AS n FROM s GROUP BY k) b ON b.k = s.k GROUP BY 1, 2, 3'),
('SELECT s.k, h.c FROM s JOIN (SELECT n, count(*) AS c FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q GROUP BY n) h ON s.x = h.n'),
('SELECT DISTINCT g.m FROM s JOIN (SELECT k, min(c) AS m FROM t GROUP BY k) g ON s.k = g.k'),
('SELECT DISTINCT ON (s.k) s.k, s.x, g.m FROM s JOIN (SELECT k, min(c) AS m FROM t GROUP BY k) g ON s.k = g.k ORDER BY s.k, s.x DESC, g.m'),
('SELECT a.x, b.x AS bx, g.n FROM s a JOIN s b ON a.k = b.k AND a.x = b.x + 1, (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE g.k = a.k'),
('SELECT q.k, q.name, g.n FROM (SELECT s.k, name FROM s JOIN dim USING (k)) q JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g USING (k)'),
('SELECT s.x, g.a, g.d FROM s JOIN (SELECT k, array_agg(y ORDER BY y) AS a, count(DISTINCT c) AS d FROM t GROUP BY k) g ON s.k = g.k'),
('SELECT s.k, g.w, count(*) AS n FROM (SELECT k, x, tumble(ts, ''1 minute'') AS w FROM s) s JOIN (SELECT tumble(ts, ''1 minute'') AS w, count(*) AS c FROM s GROUP BY w) g
	ON s.w = g.w GROUP BY s.k, g.w'),
('SELECT u.k, u.x, g.n FROM (SELECT k, x FROM s UNION ALL SELECT k, y FROM t) u JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON u.k = g.k'),
('SELECT s.x, g.k, g.c, g.n FROM s JOIN (SELECT k, c, count(*) AS n FROM t GROUP BY GROUPING SETS ((k, c), (k))) g ON s.k = g.k'),
('SELECT o.n, count(*) AS c FROM (SELECT s.x, g.n FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k) o JOIN t ON t.k = o.x GROUP BY o.n'),
('SELECT k, max(n) AS n FROM (SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k AND s.x > g.n) q GROUP BY k'),
-- outer joins, and NOT EXISTS, of what an outer join and groups make
('SELECT q.k, q.x, q.y, c.x AS cx FROM (SELECT s.k, s.x, t.y FROM s LEFT JOIN t ON s.k = t.k) q LEFT JOIN s c ON c.x = q.k'),
('SELECT q.k, q.x, q.y, c.x AS cx FROM (SELECT s.k, s.x, t.y FROM s LEFT JOIN t ON s.k = t.k AND t.y > 20) q LEFT JOIN s c ON c.x = q.y'),
('SELECT q.k, q.x, q.y, c.x AS cx FROM (SELECT s.k, s.x, t.y FROM s LEFT JOIN t ON s.k = t.k AND t.y > 20) q JOIN s c ON c.k = q.k'),
('SELECT q.k, c.x FROM s c RIGHT JOIN (SELECT t.k, t.y FROM s FULL JOIN t ON s.k = t.k AND s.x = t.y) q ON c.x = q.y'),
('SELECT g.k, g.n, c.x FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g LEFT JOIN s c ON c.k = g.n'),
('SELECT l.k, l.y, c.x FROM (SELECT DISTINCT ON (k) k, y FROM t ORDER BY k, y DESC, c) l LEFT JOIN s c ON c.k = l.k AND c.x > l.y'),
('SELECT q.z IS NULL AS free, count(*) AS n, sum(x) AS x FROM (SELECT q.x, c.k AS z FROM (SELECT s.k, s.x, t.y FROM s LEFT JOIN t ON s.k = t.k) q LEFT JOIN s c ON c.x = q.y) q GROUP BY 1'),
('SELECT q.k, q.x, c.y FROM (SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM t WHERE t.k = s.k AND t.y > s.x)) q LEFT JOIN t c ON c.y = q.x'),
('SELECT q.k, q.x FROM (SELECT s.k, s.x, t.y FROM s LEFT JOIN t ON s.k = t.k AND t.y > 15) q
	WHERE NOT EXISTS (SELECT FROM t c WHERE c.y = q.x) AND EXISTS (SELECT FROM s c WHERE c.k = q.k AND c.x > q.x)'),
('SELECT tumble(q.ts, ''1 minute'') AS w, count(*) AS n, count(c.k) AS c FROM (SELECT s.k, s.ts, t.y FROM s LEFT JOIN t ON s.k = t.k) q LEFT JOIN s c
	ON c.ts BETWEEN q.ts - interval ''10 s'' AND q.ts AND c.k = q.k GROUP BY w'),
-- ranks that are there, but nobody reads
('SELECT s.k, s.x, g.y FROM s JOIN (SELECT * FROM (SELECT k, y, rank() OVER (PARTITION BY k ORDER BY y DESC NULLS LAST) AS rn FROM t) z WHERE rn <= 2) g ON g.k = s.k'),
('SELECT s.k, s.x FROM s WHERE EXISTS (SELECT FROM (SELECT * FROM (SELECT *, dense_rank() OVER (PARTITION BY k ORDER BY y) AS rn FROM t) z WHERE rn < 3) g WHERE g.k = s.k AND g.y > s.x)');
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
	END LOOP;
END $$;
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
DO $$
BEGIN
	FOR i IN 1..24 LOOP
		INSERT INTO s SELECT (random() * 5)::int, (random() * 6)::int, '2026-01-01'::timestamptz + i * interval '10 s'
			FROM generate_series(1, (random() * 5)::int);
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
SELECT * FROM wrong();
INSERT INTO s VALUES (NULL, NULL, NULL), (1, NULL, '2026-01-01 00:04:00'), (1, 3, NULL);
INSERT INTO t VALUES (NULL, NULL, NULL), (1, NULL, NULL), (1, 'NaN', '');
SELECT * FROM wrong();
-- windows above never close, for a group may change any time
INSERT INTO s VALUES (5, 1, '2026-02-01'), (5, 2, '2026-02-01');
REFRESH MATERIALIZED VIEW v13;
SELECT state, e ~ 'closed' AS closed FROM streaming.views, streaming.explain('v13') e WHERE view = 'v13'::regclass AND e ~ 'Bounded by: .*keys';
-- a view over one, and a change stream
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT n, sum(x) AS x FROM v1 GROUP BY n;
INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b');
INSERT INTO s (k, x) VALUES (2, 2);
SELECT streaming.wait('above');
SELECT count(*) FROM ((TABLE above EXCEPT ALL SELECT n, sum(x) FROM v1 GROUP BY n)
	UNION ALL (SELECT n, sum(x) FROM v1 GROUP BY n EXCEPT ALL TABLE above)) d;
-- TRUNCATE: the rows have been read
TRUNCATE t;
INSERT INTO s (k, x) VALUES (1, 100);
SELECT streaming.wait('v1');
SELECT count(*) FROM v1 WHERE x = 100;

---- refused
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.x <> g.n;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n, name FROM dim LEFT JOIN (s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k) ON dim.k = s.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n, now() FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, generate_series(1, g.n) FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n, now() AS at FROM t GROUP BY k) g ON s.k = g.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN LATERAL (SELECT count(*) AS n FROM t WHERE t.k = s.k) g ON s.x = g.n;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(s.ts, '1 minute') AS w, count(*) FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) g ON s.k = g.k GROUP BY w;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.y, g.rn FROM s JOIN (SELECT * FROM (SELECT k, y, rank() OVER (PARTITION BY k ORDER BY y) AS rn FROM t) z WHERE rn <= 2) g ON g.k = s.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.y, l.name FROM s JOIN (SELECT k, y, rank() OVER (PARTITION BY k ORDER BY y) AS rn FROM t) g ON g.k = s.k AND g.rn <= 2,
		LATERAL (SELECT name FROM dim WHERE dim.k = g.rn) l;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.y FROM s JOIN (SELECT k, y, rank() OVER (PARTITION BY k ORDER BY y) AS rn FROM t) g ON g.k = s.k AND g.rn <= 2
	WHERE EXISTS (SELECT FROM dim WHERE dim.k = g.rn);
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('v2') e WHERE e ~ '^ ?O|^  [A-Z]';
DROP SCHEMA jg CASCADE;
