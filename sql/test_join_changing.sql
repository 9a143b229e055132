-- What is above groups and first rows by way of joins of nothing else, kept by changes
\set SHOW_CONTEXT never
CREATE SCHEMA jc;
SET search_path = jc, public;
SET client_min_messages = warning;
CREATE TABLE s (k int, x int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE t (k int, y numeric, c text) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 6) i;

---- by hand
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT a.n, sum(b.m) AS m, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a
	JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) GROUP BY a.n;
INSERT INTO s (k, x) VALUES (1, 10), (2, 20), (2, 21);
INSERT INTO t VALUES (1, 1.5), (2, 2);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY n;
-- both sides in one batch, and a new key
INSERT INTO s (k, x) VALUES (1, 10), (3, 20);
INSERT INTO t VALUES (1, 7), (3, 3);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY n;
SELECT * FROM v_changes ORDER BY batch, n, op;

---- against the plain query
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, options text DEFAULT '', query text);
INSERT INTO queries (query) VALUES
('SELECT a.n, sum(a.n * b.m) AS p FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) GROUP BY a.n'),
('SELECT count(*) AS c, sum(a.x) AS x FROM (SELECT k, sum(x) AS x FROM s GROUP BY k HAVING count(*) < 4) a, (SELECT k, count(*) AS n FROM t GROUP BY k) b WHERE a.k = b.n'),
('SELECT DISTINCT a.n, b.m FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, min(c) AS m FROM t GROUP BY k) b ON a.k = b.k AND a.n > 1'),
('SELECT DISTINCT ON (a.n) a.n, a.k, b.m FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, min(c) AS m FROM t GROUP BY k) b ON a.k = b.k ORDER BY a.n, a.k DESC'),
('SELECT * FROM (SELECT a.n, a.k, b.m, row_number() OVER (PARTITION BY a.n ORDER BY b.m, a.k) AS rn FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a
	JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b ON a.k = b.k) q WHERE rn <= 2'),
-- the latest row of each key, of two streams
('SELECT a.x, count(*) AS c, max(b.y) AS y FROM (SELECT DISTINCT ON (k) k, x FROM s ORDER BY k, ts DESC, x) a JOIN (SELECT DISTINCT ON (k) k, y FROM t ORDER BY k, y DESC, c) b USING (k) GROUP BY a.x'),
-- histograms, and with themselves
('SELECT a.c + b.c AS c, count(*) AS n FROM (SELECT n, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q GROUP BY n) a
	JOIN (SELECT n, count(*) AS c FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q GROUP BY n) b ON a.n = b.n GROUP BY 1'),
('SELECT m.most, count(*) AS c, min(a.k) AS k FROM (SELECT k, tumble(ts, ''1 minute'') AS w, count(*) AS n FROM s GROUP BY 1, 2) a
	JOIN (SELECT w, max(n) AS most FROM (SELECT k, tumble(ts, ''1 minute'') AS w, count(*) AS n FROM s GROUP BY 1, 2) q GROUP BY w) m ON a.w = m.w AND a.n >= m.most GROUP BY m.most'),
('SELECT count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a, (SELECT k, count(*) AS n FROM s GROUP BY k) b, (SELECT n, count(*) AS c FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q GROUP BY n) h
	WHERE a.n = b.n AND h.n = a.n AND a.k <> b.k'),
-- through sub-selects that do no more than join, compute and filter
('SELECT q.n, count(*) AS c FROM (SELECT k, n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) g WHERE n > 1) q GROUP BY q.n'),
('SELECT q.p, count(*) AS c FROM (SELECT a.n * b.n AS p FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b USING (k) WHERE a.n <> b.n) q GROUP BY q.p'),
('SELECT q.p, g.n, count(*) AS c FROM (SELECT a.k, a.n * b.n AS p FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b USING (k)) q
	JOIN (SELECT k, n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE n > 1) g ON g.k = q.k GROUP BY q.p, g.n'),
('SELECT s.x, q.n FROM s JOIN (SELECT k, n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g WHERE n > 1) q USING (k)'),
('SELECT s.x, q.y FROM s JOIN (SELECT k, y + 1 AS y FROM (SELECT k, y, row_number() OVER (PARTITION BY k ORDER BY y DESC, c) AS rn FROM t) r WHERE rn = 1) q USING (k)'),
('SELECT s.x, q.n FROM s JOIN (SELECT a.k, a.n + b.n AS n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b USING (k)) q ON q.k = s.k AND q.n > s.x'),
('SELECT DISTINCT q.n FROM (SELECT n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) g WHERE k > 2) q'),
-- DISTINCT over groups, joined
('SELECT s.x, d.n FROM s JOIN (SELECT DISTINCT n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g) d ON d.n = s.k'),
('SELECT count(*) AS c FROM (SELECT DISTINCT n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) g) a JOIN (SELECT DISTINCT n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) g) b ON a.n = b.n'),
-- groups above groups above a join
('SELECT p, count(*) AS c FROM (SELECT a.n, sum(b.m) AS p FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) GROUP BY a.n) q GROUP BY p'),
('SELECT a.n, b.n AS bn, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) b USING (k) GROUP BY ROLLUP (1, 2)'),
-- nothing but distinct rows, which never go
('SELECT count(*) AS c FROM (SELECT DISTINCT k FROM s) a JOIN (SELECT DISTINCT k, y FROM t) b USING (k)'),
-- left to readers: nothing above, no equality, functions that are not immutable, tables, LIMIT, outer rows that an outer join does not keep
('SELECT a.k, a.n, b.m FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k)'),
('SELECT sum(a.n) AS n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a, (SELECT count(*) AS m FROM t) b WHERE a.n * b.m > 20'),
('SELECT a.n, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) WHERE now() > ''2000-01-01'' GROUP BY a.n'),
('SELECT d.name, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) JOIN dim d ON d.k = a.n GROUP BY d.name'),
('SELECT q.k, q.n FROM (SELECT a.k, a.n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k)) q ORDER BY n DESC, k LIMIT 2'),
('SELECT count(*) AS c, count(q) AS r FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k)');
-- with a change stream, also where nothing is above
INSERT INTO queries (options, query) VALUES
(', streaming.changes', 'SELECT a.k, a.n, b.m FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k)'),
(', streaming.changes', 'SELECT a.k, a.n FROM (SELECT k, tumble(ts, ''1 minute'') AS w, count(*) AS n FROM s GROUP BY 1, 2) a
	JOIN (SELECT w, max(n) AS most FROM (SELECT k, tumble(ts, ''1 minute'') AS w, count(*) AS n FROM s GROUP BY 1, 2) q GROUP BY w) m ON a.w = m.w AND a.n >= m.most'),
(', streaming.changes', 'SELECT q.k + 1 AS k, q.n FROM (SELECT a.k, a.n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k)) q WHERE q.n > 1'),
(', streaming.changes', 'SELECT a.n, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) GROUP BY a.n HAVING count(*) > 1');
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
-- which are kept by changes, and which are left to readers
SELECT n, count(*) FILTER (WHERE e ~ 'is shown') AS shown, count(*) FILTER (WHERE e ~ ': join') AS joins, count(*) FILTER (WHERE e ~ 'over changes') AS over
	FROM queries, streaming.explain(format('v%s', n)::regclass) e GROUP BY n ORDER BY n;
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
SELECT * FROM wrong();
-- what the change streams say, put together, is the result
SELECT sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) AS n, k, c.n, m FROM v28_changes c GROUP BY k, c.n, m
	HAVING sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) <> 0
	EXCEPT ALL SELECT 1, k, n, m FROM v28;
SELECT sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) AS n, k, c.n FROM v29_changes c GROUP BY k, c.n
	HAVING sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) <> 0
	EXCEPT ALL SELECT count(*), k, n FROM v29 GROUP BY k, n;
-- a view over one
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM v28 GROUP BY n;
CALL history(25, 27);
SELECT streaming.wait('above');
SELECT count(*) FROM ((TABLE above EXCEPT ALL SELECT n, count(*) AS c FROM v28 GROUP BY n)
	UNION ALL (SELECT n, count(*) AS c FROM v28 GROUP BY n EXCEPT ALL TABLE above)) d;
SELECT * FROM wrong();
-- refused, with what is in the way
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n, now() FROM t GROUP BY k) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n FROM t GROUP BY k LIMIT 3) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n, (SELECT max(k) FROM dim) FROM t GROUP BY k) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n, generate_series(1, 2) FROM t GROUP BY k) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT k, count(*) AS n, rank() OVER (ORDER BY count(*)) FROM t GROUP BY k) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN (SELECT DISTINCT n, n AS k FROM (SELECT k, count(*) AS n, now() FROM t GROUP BY k) g) g USING (k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k FROM s WHERE NOT EXISTS (SELECT FROM (SELECT k, count(*) AS n FROM t GROUP BY k LIMIT 2) g WHERE g.k = s.k);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT s.k, g.n FROM s JOIN LATERAL (SELECT count(*) AS n FROM t WHERE t.k = s.k) g ON g.n = s.k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT a.n, count(*) AS c FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k) GROUP BY a.n;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.changes) AS SELECT a.k, a.n, now() FROM (SELECT k, count(*) AS n FROM s GROUP BY k) a JOIN (SELECT k, max(y) AS m FROM t GROUP BY k) b USING (k);
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('v8') e WHERE e ~ '^ ?O|^  [A-Z]';
DROP SCHEMA jc CASCADE;
