-- Ordinary views in FROM that aggregate or join streams: their queries, as if these were written there
\set SHOW_CONTEXT never
CREATE SCHEMA pv;
SET search_path = pv, public;
SET client_min_messages = warning;
CREATE TABLE s (k int, x int, t text, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE r (k int, y int) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 6) i;
INSERT INTO s SELECT i % 5, i % 7, 't' || i % 2, '2026-01-01' FROM generate_series(1, 30) i;
INSERT INTO r SELECT i % 4, i FROM generate_series(1, 8) i;

CREATE VIEW per_k AS SELECT k, count(*) AS n, sum(x) AS "Sum of x" FROM s GROUP BY k HAVING count(*) > 1;
CREATE VIEW joined AS SELECT s.k, s.x, r.y FROM s JOIN r USING (k);
CREATE VIEW outer_joined AS SELECT s.k, s.x, r.y FROM s LEFT JOIN r ON r.k = s.x;
CREATE VIEW distinct_k AS SELECT DISTINCT k, t FROM s;
CREATE VIEW latest (key, last) AS SELECT DISTINCT ON (k) k, y FROM r ORDER BY k, y DESC;
CREATE VIEW ranked AS SELECT *, row_number() OVER (PARTITION BY k ORDER BY y DESC) AS rn FROM r;
CREATE VIEW united AS SELECT k, n FROM per_k UNION ALL SELECT k, y FROM r;
CREATE VIEW over_view AS SELECT n, k FROM (SELECT k + 1 AS k, n FROM per_k WHERE n > 2) q;
CREATE VIEW having_some AS SELECT k, x FROM s WHERE EXISTS (SELECT FROM r WHERE r.k = s.k);
CREATE VIEW with_it AS WITH w AS (SELECT k, max(y) AS y FROM r GROUP BY k) SELECT k, y FROM w WHERE y > 1;
CREATE VIEW looked_up AS SELECT p.k, p.n, name FROM per_k p JOIN dim USING (k);
CREATE VIEW windows AS SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n FROM s GROUP BY 1, 2;
CREATE VIEW plain AS SELECT k, x + 1 AS x FROM s WHERE x > 1;
ALTER VIEW distinct_k RENAME COLUMN t TO tt;
ALTER VIEW united RENAME COLUMN n TO m;

CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query) VALUES
('SELECT * FROM per_k'),
('SELECT n, count(*) AS c, max("Sum of x") AS m FROM per_k GROUP BY n'),
('SELECT a.k, r.y, a."Sum of x" FROM per_k a JOIN r ON r.k = a.k'),
('SELECT k, count(*) AS c, sum(y) AS y FROM joined GROUP BY k'),
('SELECT k, x, y FROM joined'),
('SELECT x, count(y) AS c FROM outer_joined GROUP BY x'),
('SELECT k, x, y FROM outer_joined WHERE x > 1'),
('SELECT tt, count(*) AS c FROM distinct_k GROUP BY tt'),
('SELECT s.x, l.last FROM s JOIN latest l ON l.key = s.k'),
('SELECT last, count(*) AS c FROM latest GROUP BY last'),
('SELECT k, y, rn FROM ranked WHERE rn <= 2'),
('SELECT k, sum(m) AS m FROM united GROUP BY k'),
('SELECT k, n FROM over_view'),
('SELECT o.n, s.x FROM over_view o JOIN s ON s.k = o.k'),
('SELECT k, count(*) AS c FROM having_some GROUP BY k'),
('SELECT with_it.k, s.x FROM with_it JOIN s USING (k)'),
('SELECT l.k, l.name, r.y FROM looked_up l JOIN r ON r.k = l.k'),
('SELECT w, sum(n) AS n FROM windows GROUP BY w'),
('SELECT a.n, b.n AS bn FROM per_k a JOIN per_k b ON a.k = b.k + 1'),
('SELECT k, count(*) AS c FROM (SELECT k, n FROM per_k UNION ALL SELECT k, x FROM plain) u GROUP BY k'),
('SELECT p.k, p.n FROM (SELECT k, n FROM per_k) p WHERE EXISTS (SELECT FROM joined WHERE joined.k = p.k AND joined.y > p.n)'),
('WITH q AS (SELECT k, n FROM per_k) SELECT q.k, r.y FROM q JOIN r USING (k)'),
('SELECT k, x FROM plain'),
('SELECT k, n FROM per_k ORDER BY n DESC, k LIMIT 2');
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
SELECT setseed(0.7);
DO $$
BEGIN
	FOR i IN 1..15 LOOP
		INSERT INTO s SELECT (random() * 6)::int, (random() * 6)::int, 't' || (random() * 3)::int,
			'2026-01-01'::timestamptz + i * interval '20 s' FROM generate_series(1, (random() * 4)::int);
		INSERT INTO r SELECT (random() * 6)::int, i * 10 + j FROM generate_series(1, (random() * 3)::int) j;
		COMMIT;
	END LOOP;
END $$;
SELECT * FROM wrong();
INSERT INTO s VALUES (NULL, NULL, NULL, '2026-01-01 00:05:00'), (1, NULL, '', '2026-01-01 00:05:00');
INSERT INTO r VALUES (NULL, NULL), (1, 1000);
SELECT * FROM wrong();
-- what the definition has is the query
SELECT pg_get_viewdef(definition) ~ 'DISTINCT.*FROM s\) distinct_k\(k, tt\)' FROM streaming._view WHERE viewid = 'v8'::regclass;
-- append mode: windows close as they would in a sub-select
CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, sum(n) AS n, count(*) AS c FROM windows GROUP BY w;
SELECT streaming.wait('closed');
SELECT count(*) FROM (TABLE closed EXCEPT ALL SELECT w, sum(n), count(*) FROM windows GROUP BY w) d;
SELECT count(*) > 3 AS some FROM closed;

-- one that is replaced, or dropped, means nothing for views that are there
CREATE OR REPLACE VIEW per_k AS SELECT k, 7::bigint AS n, sum(x) AS "Sum of x" FROM r JOIN s USING (k) GROUP BY k;
INSERT INTO s VALUES (1, 1, '', '2026-01-01 00:06:00');
SELECT streaming.wait('v3');
SELECT count(*) FROM ((TABLE v3 EXCEPT ALL SELECT a.k, r.y, a.x FROM (SELECT k, sum(x) AS x FROM s GROUP BY k HAVING count(*) > 1) a JOIN r ON r.k = a.k)
	UNION ALL (SELECT a.k, r.y, a.x FROM (SELECT k, sum(x) AS x FROM s GROUP BY k HAVING count(*) > 1) a JOIN r ON r.k = a.k EXCEPT ALL TABLE v3)) d;
DROP VIEW latest;
-- one that only filters is still replaced for what comes
CREATE OR REPLACE VIEW plain AS SELECT k, -1 AS x FROM s WHERE x > 1;
INSERT INTO s VALUES (42, 5, '', '2026-01-01 00:06:00');
SELECT streaming.wait('v23');
SELECT * FROM v23 WHERE k = 42;

---- whose they are, and what they hide
CREATE ROLE regress_paste_a;
CREATE ROLE regress_paste_b;
GRANT USAGE, CREATE ON SCHEMA pv TO regress_paste_a, regress_paste_b;
GRANT SELECT ON s TO regress_paste_a;
GRANT SELECT ON r TO regress_paste_b;
SET ROLE regress_paste_a;
CREATE VIEW of_a AS SELECT k, count(*) AS n FROM s WHERE x > 3 GROUP BY k;
CREATE VIEW invoked WITH (security_invoker) AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE VIEW barrier WITH (security_barrier) AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE VIEW sees_r AS SELECT k, count(*) AS n FROM r GROUP BY k;
GRANT SELECT ON of_a, invoked TO regress_paste_b;
CREATE MATERIALIZED VIEW va WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM of_a GROUP BY n;
CREATE MATERIALIZED VIEW vi WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM invoked GROUP BY n;
CREATE MATERIALIZED VIEW vb WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM barrier GROUP BY n;
CREATE MATERIALIZED VIEW vr WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM sees_r GROUP BY n;
RESET ROLE;
SET ROLE regress_paste_b;
CREATE MATERIALIZED VIEW other WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM of_a GROUP BY n;
CREATE MATERIALIZED VIEW other WITH (streaming.continuous) AS SELECT q.n, r.y FROM r JOIN (SELECT k, n FROM invoked) q USING (k);
CREATE VIEW on_a AS SELECT k, n FROM of_a;
CREATE MATERIALIZED VIEW other WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM on_a GROUP BY n;
RESET ROLE;
-- nor for who could read all
CREATE MATERIALIZED VIEW other WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM of_a GROUP BY n;
SELECT streaming.wait('va');
(TABLE va EXCEPT ALL SELECT n, count(*) FROM of_a GROUP BY n) UNION ALL (SELECT n, count(*) FROM of_a GROUP BY n EXCEPT ALL TABLE va);
-- policies are those for its owner, and rights are asked for in each batch
CREATE POLICY p ON s FOR SELECT TO regress_paste_a USING (k < 3);
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
SET ROLE regress_paste_a;
CREATE MATERIALIZED VIEW vp WITH (streaming.continuous) AS SELECT k, n FROM of_a;
SELECT streaming.wait('vp');
SELECT max(k) FROM vp;
RESET ROLE;
REVOKE SELECT ON s FROM regress_paste_a;
INSERT INTO s VALUES (1, 5, '', '2026-01-01 00:06:00');
REFRESH MATERIALIZED VIEW vp;
DROP OWNED BY regress_paste_a, regress_paste_b CASCADE;
DROP ROLE regress_paste_a, regress_paste_b;

---- refused, where the view is named
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT per_k FROM per_k;
CREATE VIEW windowed AS SELECT k, lag(x) OVER (ORDER BY ts) FROM s;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
	SELECT k, count(*) FROM r JOIN windowed USING (k) GROUP BY k;
CREATE VIEW itself AS SELECT 1 AS k, 2 AS n;
CREATE OR REPLACE VIEW itself AS SELECT a.k, count(*)::int AS n FROM s a JOIN itself USING (k) GROUP BY a.k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, n FROM itself;
DROP SCHEMA pv CASCADE;
