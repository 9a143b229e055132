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
	SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT DISTINCT k, x FROM t UNION ALL SELECT a.k, b.x FROM a JOIN b USING (k);
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

-- the one group of a query without keys has one row before a batch, and one after it
CREATE MATERIALIZED VIEW same WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT sum(n) * 0 AS zero, count(*) FILTER (WHERE n < 0) AS least FROM (SELECT count(*) AS n FROM a UNION ALL SELECT max(x) FROM b UNION ALL SELECT x FROM t) u;
DO $$
BEGIN
	FOR i IN 1..12 LOOP
		INSERT INTO a VALUES (7, i);
		INSERT INTO b VALUES (7, i);
		INSERT INTO t VALUES (7, i - 12);
		PERFORM streaming.wait('same');
		COMMIT;
	END LOOP;
END $$;
SELECT * FROM same;
SELECT op, count(*), count(DISTINCT batch) AS batches, min(least), max(least) FROM same_changes WHERE batch > 1 GROUP BY 1 ORDER BY 1;
DROP MATERIALIZED VIEW same;

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
('SELECT k, n, GROUPING(k, n) AS g, count(*) AS c FROM (SELECT k, count(*) AS n FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u GROUP BY ROLLUP (k, n)'),
('SELECT k, sum(n) AS n FROM (SELECT k, count(*) AS n FROM a GROUP BY ROLLUP (k) UNION ALL SELECT k, x FROM t) u GROUP BY k'),
('SELECT sum(n) AS n FROM (SELECT count(*) AS n FROM a UNION ALL SELECT max(x) FROM b UNION ALL SELECT x FROM t) u'),
-- of a group that is there from the beginning
('SELECT bool_or(n IS NULL) AS b, max(n) AS m, count(*) AS c FROM (SELECT sum(n) AS n FROM (SELECT k, count(*) AS n FROM a WHERE k > 100 GROUP BY k) q UNION ALL SELECT x FROM b WHERE k > 100) u'),
('SELECT regr_count(n, n) AS r, array_agg(n ORDER BY n) AS a FROM (SELECT count(*) AS n FROM a WHERE k > 100 GROUP BY k) q UNION ALL SELECT regr_count(x, x), array_agg(x::int8 ORDER BY x) FROM b WHERE k > 100'),
('SELECT n, bool_or(n IS NULL) AS b, count(*) AS c FROM (SELECT max(x) AS n FROM a WHERE k > 100 UNION ALL SELECT max(x) FROM b) u GROUP BY ROLLUP (n)'),
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
			RETURN QUERY EXECUTE format('SELECT %s, %L || c::text FROM (SELECT batch, r FROM (SELECT batch, op, to_jsonb(one) - ''batch'' - ''op'' AS r FROM %s_changes one WHERE batch > 1) c
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

---- other continuous views as parts, and what is above the changes of one
CREATE MATERIALIZED VIEW groups WITH (streaming.continuous, streaming.changes) AS SELECT k, max(x) AS m FROM a GROUP BY k;
CREATE MATERIALIZED VIEW of_views WITH (streaming.continuous, streaming.changes) AS
	SELECT n, count(*) AS c FROM (SELECT n FROM shown UNION ALL SELECT count(*) FROM shown GROUP BY n UNION ALL SELECT m FROM groups
		UNION ALL SELECT shown.n FROM shown JOIN groups USING (k)) u GROUP BY n;
CREATE MATERIALIZED VIEW of_views_shown WITH (streaming.continuous) AS
	SELECT n, k FROM shown WHERE n > 1 UNION ALL SELECT k, max(m) FROM groups GROUP BY k;
CREATE MATERIALIZED VIEW of_changes WITH (streaming.continuous) AS SELECT n, count(*) AS c FROM w34 GROUP BY n;
INSERT INTO a VALUES (3, 8, NULL), (1, 11, 'z'), (4, 4, NULL);
REFRESH MATERIALIZED VIEW shown;
SELECT streaming.wait('of_views'), streaming.wait('of_views_shown'), streaming.wait('of_changes');
INSERT INTO a SELECT i % 7, i, 'more' FROM generate_series(1, 20) i;
REFRESH MATERIALIZED VIEW shown;
SELECT streaming.wait('of_views'), streaming.wait('of_views_shown'), streaming.wait('of_changes');
SELECT 'of_views' AS v, d::text FROM ((TABLE of_views EXCEPT ALL (SELECT n, count(*) FROM (SELECT n FROM shown UNION ALL SELECT count(*) FROM shown GROUP BY n UNION ALL SELECT m FROM groups
		UNION ALL SELECT shown.n FROM shown JOIN groups USING (k)) u GROUP BY n))
	UNION ALL ((SELECT n, count(*) FROM (SELECT n FROM shown UNION ALL SELECT count(*) FROM shown GROUP BY n UNION ALL SELECT m FROM groups
		UNION ALL SELECT shown.n FROM shown JOIN groups USING (k)) u GROUP BY n) EXCEPT ALL TABLE of_views)) d
UNION ALL SELECT 'of_views_shown', d::text FROM ((TABLE of_views_shown EXCEPT ALL (SELECT n, k FROM shown WHERE n > 1 UNION ALL SELECT k, max(m) FROM groups GROUP BY k))
	UNION ALL ((SELECT n, k FROM shown WHERE n > 1 UNION ALL SELECT k, max(m) FROM groups GROUP BY k) EXCEPT ALL TABLE of_views_shown)) d
UNION ALL SELECT 'of_changes', d::text FROM ((TABLE of_changes EXCEPT ALL SELECT n, count(*) FROM w34 GROUP BY n)
	UNION ALL (SELECT n, count(*) FROM w34 GROUP BY n EXCEPT ALL TABLE of_changes)) d;
SELECT count(*) > 0 AS some FROM of_views;
-- readers put the parts of this one together: it has no changes to hand on
ALTER MATERIALIZED VIEW v33 SET (streaming.changes);
ALTER MATERIALIZED VIEW v34 SET (streaming.changes);

---- windows
CREATE TABLE e (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE TABLE f (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
SET timezone = 'UTC';
-- groups of parts, and of what is above, close together
CREATE MATERIALIZED VIEW by_window WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, sum(n) AS n, count(*) AS c FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS n FROM e GROUP BY w, k
		UNION ALL SELECT tumble(ts, '1 minute') AS w, count(*) FROM f GROUP BY w) u GROUP BY w;
-- rows of a stream beside groups: those that are late are dropped
CREATE MATERIALIZED VIEW by_time WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 minute') AS w, sum(n) AS n, count(*) AS c FROM (SELECT window_time(tumble(ts, '1 minute')) AS ts, count(*) AS n FROM e GROUP BY tumble(ts, '1 minute')
		UNION ALL SELECT ts, 1 FROM f) u GROUP BY 1;
-- windows of other lengths, or lengths that differ, close nothing
CREATE MATERIALIZED VIEW by_length WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, sum(n) AS n FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS n FROM e GROUP BY w
		UNION ALL SELECT tumble(ts, '2 minutes') AS w, count(*) FROM f GROUP BY w) u GROUP BY w;
CREATE MATERIALIZED VIEW firsts WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT DISTINCT ON (w) w, n FROM (SELECT date_bin('1 minute', ts, '2026-01-01') AS w, count(*) AS n FROM e GROUP BY w
		UNION ALL SELECT date_bin('1 minute', ts, '2026-01-01'), k FROM f) u ORDER BY w, n DESC;
CREATE MATERIALIZED VIEW appended WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT w, count(*) AS n FROM (SELECT DISTINCT tumble(ts, '1 minute') AS w, k FROM e
		UNION ALL SELECT tumble(f.ts, '1 minute'), f.k FROM e JOIN f ON e.ts = f.ts UNION ALL SELECT tumble(ts, '1 minute'), k FROM f) u GROUP BY w;
CREATE MATERIALIZED VIEW appended_groups WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT w, sum(n) AS n FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS n FROM e GROUP BY w
		UNION ALL SELECT tumble(ts, '1 minute') AS w, count(*) FROM f GROUP BY w) u GROUP BY w;
CREATE FUNCTION refresh() RETURNS TABLE (v text, r text) LANGUAGE plpgsql AS $$
DECLARE
	v text;
BEGIN
	FOREACH v IN ARRAY ARRAY['by_window', 'by_time', 'by_length', 'firsts', 'appended', 'appended_groups'] LOOP
		PERFORM streaming.wait(v::regclass);
		RETURN QUERY EXECUTE format('SELECT %L, q::text FROM %s q ORDER BY 2', v, v);
	END LOOP;
END $$;
INSERT INTO e VALUES (1, '2026-01-01 00:00:10'), (2, '2026-01-01 00:00:20'), (1, '2026-01-01 00:01:20');
INSERT INTO f VALUES (1, '2026-01-01 00:00:10'), (3, '2026-01-01 00:00:30'), (1, '2026-01-01 00:01:30');
SELECT * FROM refresh();
-- of a window that is open, though the watermark has passed the time
INSERT INTO e VALUES (2, '2026-01-01 00:01:01');
INSERT INTO f VALUES (4, '2026-01-01 00:01:02');
SELECT * FROM refresh() WHERE v NOT LIKE 'app%';
-- late
INSERT INTO e VALUES (2, '2026-01-01 00:00:01');
INSERT INTO f VALUES (5, '2026-01-01 00:00:02'), (5, '2026-01-01 00:00:02');
SELECT * FROM refresh() WHERE v NOT LIKE 'app%';
INSERT INTO e VALUES (2, '2026-01-01 00:05:01');
INSERT INTO f VALUES (4, '2026-01-01 00:05:02');
SELECT * FROM refresh();
SELECT view, late_rows FROM streaming.views WHERE view::text IN ('by_window', 'by_time', 'by_length', 'firsts', 'appended', 'appended_groups') ORDER BY view::text;
SELECT v, e FROM unnest(ARRAY['by_window', 'by_time', 'by_length', 'firsts', 'appended']) v, streaming.explain(v::regclass) e WHERE e ~ 'Bounded by';

---- refused, where the sessions, windows or orders of parts are for readers
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT k, count(*) FROM (SELECT k, count(*) FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, now(), count(*) FROM (SELECT k, count(*) FROM a GROUP BY k UNION ALL SELECT k, x FROM t) u GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k, count(*), now() FROM a GROUP BY k UNION ALL SELECT k, x, now() FROM t) u GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k, count(*) FROM a GROUP BY k UNION ALL SELECT k, x FROM t UNION ALL SELECT k, 1 FROM dim) u GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, count(*) FROM (SELECT k, count(*) FROM a GROUP BY k UNION ALL (SELECT k, x FROM t LIMIT 3)) u GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT a.k, b.x FROM a JOIN b ON a.x <> b.x UNION ALL SELECT k, x FROM t;
\set VERBOSITY sqlstate
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, count(*) FROM a GROUP BY k EXCEPT SELECT k, x FROM t;
\set VERBOSITY default
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT dim.k, u.n FROM dim, LATERAL (SELECT count(*) AS n FROM a WHERE a.k = dim.k GROUP BY k UNION ALL SELECT x FROM t) u;
-- the event time that somebody else's view hides, beside groups
CREATE ROLE regress_uc_owner;
CREATE ROLE regress_uc_other;
GRANT ALL ON SCHEMA uc TO regress_uc_owner, regress_uc_other;
CREATE VIEW days AS SELECT k, tumble(ts, '1 day') AS w FROM e;
ALTER VIEW days OWNER TO regress_uc_other;
GRANT SELECT ON e TO regress_uc_other;
GRANT SELECT ON days, f TO regress_uc_owner;
SET ROLE regress_uc_owner;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT w, count(*) FROM (SELECT w, n FROM (SELECT w, k AS n FROM days UNION ALL SELECT tumble(ts, '1 day'), count(*) FROM f GROUP BY 1) q WHERE n > 0) u GROUP BY w;
RESET ROLE;
-- late rows of a part are late above it, where they are not at hand any more
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT w, count(*) FROM (SELECT tumble(ts, '1 minute') AS w FROM e GROUP BY w UNION ALL SELECT tumble(ts, '1 minute') FROM f) u GROUP BY w;
DROP SCHEMA uc CASCADE;
DROP ROLE regress_uc_owner, regress_uc_other;
