-- Several outer joins of streams in one FROM, and beside others
\set SHOW_CONTEXT never
CREATE SCHEMA jn;
SET search_path = jn, public;
SET client_min_messages = warning;
CREATE TABLE s (k int, x int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE t (k int, y numeric, c text) USING stream;
CREATE TABLE u (k int, z int) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 4) i;
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, options text DEFAULT '', query text);
INSERT INTO queries (query) VALUES
('SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > s.x LEFT JOIN u ON u.k = s.k'),
('SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > 20 LEFT JOIN u ON u.z = t.y - 20'),
('SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN (t LEFT JOIN u ON u.z = t.y - 20) ON t.k = s.k'),
('SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN (t JOIN u ON u.z = t.y - 20) ON t.k = s.k'),
('SELECT s.k, s.x, t.y, u.z FROM s RIGHT JOIN t ON t.k = s.k AND s.x = t.y FULL JOIN u ON u.z = s.x'),
('SELECT k, s.x, t.y, u.z FROM s FULL JOIN t USING (k) FULL JOIN u USING (k) WHERE s.x IS NULL OR t.y > 15'),
('SELECT * FROM s LEFT JOIN t USING (k) LEFT JOIN u USING (k)'),
('SELECT s.k, t.y, u.z, v.x FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k AND u.z = s.x LEFT JOIN s v ON v.x = u.z AND v.k = t.k'),
-- inner joins between, before and beside
('SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > 20 JOIN u ON u.z = s.x'),
('SELECT s.k, s.x, t.y, u.z FROM s JOIN u ON u.z = s.x LEFT JOIN t ON t.k = s.k AND t.y > 20'),
('SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > 20, u WHERE u.z = s.x AND u.k = coalesce(t.k, 1)'),
('SELECT s.k, v.k AS vk, t.y, w.z FROM s JOIN u ON u.z = s.x AND u.k = s.k LEFT JOIN t ON t.k = s.k JOIN u w ON w.z = s.x LEFT JOIN s v ON v.x = w.k AND v.k = t.y'),
('SELECT a.k, b.y, c.z FROM (s a LEFT JOIN t b ON b.k = a.k) JOIN (u c LEFT JOIN s d ON d.x = c.z AND d.k = c.k) ON c.k = a.k WHERE d.k IS NULL'),
-- tables
('SELECT s.k, t.y, name FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN dim d ON d.k = s.k'),
('SELECT s.k, t.y, name FROM s LEFT JOIN t ON t.k = s.k JOIN dim d ON d.k = s.k'),
('SELECT s.k, t.y, d.name, u.z FROM s JOIN dim d ON d.k = s.k LEFT JOIN t ON t.k = s.k LEFT JOIN dim e ON e.k = s.x LEFT JOIN u ON u.z = s.x AND e.name = d.name'),
('SELECT s.k, t.y, d.name, u.z FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.z = s.x JOIN dim d ON d.k = s.k LEFT JOIN dim e ON e.k = d.k + 1 WHERE e.name IS NOT NULL'),
('SELECT s.k, q.y, q.name, u.z FROM s LEFT JOIN (SELECT t.k, t.y, name FROM t JOIN dim ON dim.k = t.k) q ON q.k = s.k LEFT JOIN u ON u.z = s.x'),
-- what is above, and below
('SELECT s.k, count(*) AS c, count(t.y) AS t, count(u.z) AS u, sum(t.y) AS y FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k AND u.z > s.x GROUP BY s.k HAVING count(*) > 2'),
('SELECT s.k + coalesce(u.z, 0) AS k, count(*) AS c FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k GROUP BY 1'),
('SELECT DISTINCT t.y, u.z FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k'),
('SELECT DISTINCT ON (s.k) s.k, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > 10 LEFT JOIN u ON u.k = t.k ORDER BY s.k, t.y DESC NULLS LAST, u.z'),
('SELECT * FROM (SELECT s.k, t.y, u.z, row_number() OVER (PARTITION BY s.k ORDER BY t.y, u.z DESC) AS rn FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k) q WHERE rn <= 2'),
('SELECT s.k, g.n, h.m FROM s LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) % 2 = 1) g ON g.k = s.k LEFT JOIN (SELECT k, max(z) AS m FROM u GROUP BY k) h ON h.k = s.k AND h.m > g.n'),
('SELECT s.k, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k WHERE NOT EXISTS (SELECT FROM u v WHERE v.z = s.x + 2)'),
('SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM t LEFT JOIN u ON u.z = t.y - 10 LEFT JOIN s v ON v.k = t.k AND v.x = u.z WHERE t.k = s.k AND u.z IS NULL)'),
('SELECT s.k, s.x FROM s WHERE s.x IN (SELECT u.z FROM t LEFT JOIN u ON u.k = t.k LEFT JOIN s v ON v.k = t.k AND v.x > 4 WHERE v.k IS NULL)'),
('SELECT q.w, count(*) AS c FROM (SELECT s.k, t.y, u.z, s.x * 2 AS w FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = t.k) q JOIN t r ON r.k = q.k GROUP BY q.w'),
('SELECT s.x, t, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > 20 LEFT JOIN u ON u.k = s.k'),
('SELECT s.k FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k'),
('SELECT count(*) AS c FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k');
-- first rows, more than one of each key
INSERT INTO queries (query) VALUES
('SELECT s.k, l.y FROM s JOIN (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) l ON l.k = s.k AND l.rn <= 2'),
('SELECT s.k, l.y FROM s LEFT JOIN (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) l ON l.k = s.k AND l.rn <= 2 AND l.y > s.x + 10'),
('SELECT s.k, l.y, u.z FROM s LEFT JOIN u ON u.z = s.x LEFT JOIN (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) l ON l.k = s.k AND l.rn <= 2'),
('SELECT s.k, s.x FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) l WHERE l.k = s.k AND l.rn <= 2 AND l.y > s.x * 4)'),
('SELECT s.k, s.x FROM s WHERE s.x IN (SELECT y FROM (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y, c) AS rn FROM t) l WHERE l.rn <= 2)'),
('SELECT a.k, a.y, b.y AS next FROM (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) a
	LEFT JOIN (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) b ON b.k = a.k AND b.rn = 2 WHERE a.rn = 1');
INSERT INTO queries (options, query) VALUES
(', streaming.changes', 'SELECT s.k, s.x, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k AND t.y > s.x LEFT JOIN u ON u.k = s.k'),
(', streaming.changes', 'SELECT s.k, s.x, t.y, u.z FROM s FULL JOIN t ON t.k = s.k FULL JOIN u ON u.k = t.k');
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
-- all are kept but what has a bound on ranks above an outer join
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
-- above other views
CREATE MATERIALIZED VIEW v19_above WITH (streaming.continuous, streaming.changes) AS
	SELECT s.k, count(*) % 7 AS n FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k AND u.z > s.x GROUP BY s.k;
CREATE MATERIALIZED VIEW v20_above WITH (streaming.continuous, streaming.changes) AS
	SELECT u.k, count(t.y) % 7 AS m FROM u LEFT JOIN t ON t.k = u.k GROUP BY u.k;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS
	SELECT a.n, b.m, c.n AS cn FROM v19_above a LEFT JOIN v20_above b ON b.k = a.n % 5 LEFT JOIN v19_above c ON c.n = b.m + a.n % 2;
CALL history(37, 40);
SELECT streaming.wait('above');
SELECT count(*) FROM ((TABLE above EXCEPT ALL SELECT a.n, b.m, c.n AS cn FROM v19_above a LEFT JOIN v20_above b ON b.k = a.n % 5 LEFT JOIN v19_above c ON c.n = b.m + a.n % 2)
	UNION ALL (SELECT a.n, b.m, c.n AS cn FROM v19_above a LEFT JOIN v20_above b ON b.k = a.n % 5 LEFT JOIN v19_above c ON c.n = b.m + a.n % 2 EXCEPT ALL TABLE above)) d;
SELECT * FROM wrong();

---- in append mode rows that are alone come when they are final
CREATE TABLE a (k int, at timestamptz) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0 s');
CREATE TABLE b (k int, at timestamptz) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0 s');
CREATE TABLE c (k int, at timestamptz) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT a.k, a.at, b.at AS b, c.at AS c, d.name FROM a LEFT JOIN b ON b.k = a.k AND b.at BETWEEN a.at AND a.at + interval '10 s'
	LEFT JOIN c ON c.k = a.k AND c.at BETWEEN a.at AND a.at + interval '20 s' LEFT JOIN dim d ON d.k = a.k;
CREATE MATERIALIZED VIEW final_written WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT q.k, q.at, q.b, c.at AS c, d.name FROM (SELECT a.k, a.at, b.at AS b FROM a LEFT JOIN b ON b.k = a.k AND b.at BETWEEN a.at AND a.at + interval '10 s') q
	LEFT JOIN c ON c.k = q.k AND c.at BETWEEN q.at AND q.at + interval '20 s' LEFT JOIN dim d ON d.k = q.k;
SELECT setseed(0.1);
DO $$
BEGIN
	FOR i IN 1..30 LOOP
		INSERT INTO a SELECT random() * 3, '2026-01-01'::timestamptz + i * interval '5 s' FROM generate_series(1, (random() * 2)::int);
		INSERT INTO b SELECT random() * 3, '2026-01-01'::timestamptz + i * interval '5 s' FROM generate_series(1, (random() * 2)::int);
		INSERT INTO c SELECT random() * 3, '2026-01-01'::timestamptz + i * interval '5 s' FROM generate_series(1, (random() * 2)::int);
		REFRESH MATERIALIZED VIEW final;
		REFRESH MATERIALIZED VIEW final_written;
		COMMIT;
	END LOOP;
END $$;
INSERT INTO a VALUES (9, '2026-02-01'), (9, '2026-02-01');
INSERT INTO b VALUES (8, '2026-02-01');
INSERT INTO c VALUES (8, '2026-02-01');
REFRESH MATERIALIZED VIEW final;
REFRESH MATERIALIZED VIEW final;
REFRESH MATERIALIZED VIEW final_written;
REFRESH MATERIALIZED VIEW final_written;
SELECT count(*) > 20 AS some, count(*) FILTER (WHERE b IS NULL) > 0 AS alone, count(*) FILTER (WHERE c IS NULL) > 0 AS alone_c FROM final;
SELECT count(*) FROM ((SELECT * FROM final WHERE k < 8 EXCEPT ALL
	SELECT a.k, a.at, b.at AS b, c.at AS c, d.name FROM a LEFT JOIN b ON b.k = a.k AND b.at BETWEEN a.at AND a.at + interval '10 s'
	LEFT JOIN c ON c.k = a.k AND c.at BETWEEN a.at AND a.at + interval '20 s' LEFT JOIN dim d ON d.k = a.k)
	UNION ALL (SELECT a.k, a.at, b.at AS b, c.at AS c, d.name FROM a LEFT JOIN b ON b.k = a.k AND b.at BETWEEN a.at AND a.at + interval '10 s'
	LEFT JOIN c ON c.k = a.k AND c.at BETWEEN a.at AND a.at + interval '20 s' LEFT JOIN dim d ON d.k = a.k WHERE a.k < 8 EXCEPT ALL SELECT * FROM final WHERE k < 8)) q;
SELECT count(*) FROM ((TABLE final EXCEPT ALL TABLE final_written) UNION ALL (TABLE final_written EXCEPT ALL TABLE final)) q;

---- refused
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, t.y, d.name FROM s LEFT JOIN t ON t.k = s.k RIGHT JOIN dim d ON d.k = t.y;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, t.y, d.name FROM s FULL JOIN t ON t.k = s.k FULL JOIN dim d ON d.k = s.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.z <> s.x;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k, LATERAL (SELECT u.z FROM u WHERE u.k = s.k) u;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, t.y, u.z, now() FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT s.k, t.y, u.z FROM s LEFT JOIN t ON t.k = s.k LEFT JOIN u ON u.k = s.k;
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('v16') e WHERE e ~ '^ ?O|^  [A-Z]';
DROP SCHEMA jn CASCADE;
