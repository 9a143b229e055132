-- Aggregations below other parts of a query: several operators in one view
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, x int, t text) USING stream;
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT g, 'n' || g FROM generate_series(0, 4) g;
INSERT INTO s SELECT g, nullif(g % 7, 3), g % 13, 't' || g % 3 FROM generate_series(1, 300) g;

CREATE MATERIALIZED VIEW avg_of_max WITH (streaming.continuous) AS
	SELECT avg(m) FROM (SELECT k, max(x) AS m FROM s GROUP BY k) q;
CREATE MATERIALIZED VIEW histogram WITH (streaming.continuous) AS
	SELECT c, count(*) FROM (SELECT k, count(*) AS c FROM s GROUP BY k HAVING count(*) > 3) q GROUP BY c;
CREATE MATERIALIZED VIEW three_deep WITH (streaming.continuous) AS
	SELECT max(c) FROM (SELECT c, count(*) AS n FROM (SELECT k, t, count(*) AS c FROM s GROUP BY k, t) a GROUP BY c) b;
CREATE MATERIALIZED VIEW union_all WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k UNION ALL SELECT x, count(*) FROM s GROUP BY x;
CREATE MATERIALIZED VIEW intersection WITH (streaming.continuous) AS
	SELECT k FROM s GROUP BY k INTERSECT SELECT k FROM names;
CREATE MATERIALIZED VIEW union_counted WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT k FROM s GROUP BY k UNION SELECT x FROM s GROUP BY x) u;
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous) AS
	SELECT a.k, a.c, b.total, n.name
	FROM (SELECT k, count(*) AS c FROM s GROUP BY k) a
		JOIN (SELECT x, sum(id) AS total FROM s GROUP BY x) b ON a.k = b.x
		LEFT JOIN names n ON n.k = a.k;
CREATE MATERIALIZED VIEW of_total WITH (streaming.continuous) AS
	SELECT k, count(*)::numeric / (SELECT 10) AS share, c FROM (SELECT k, x FROM s) q
		CROSS JOIN (SELECT 1 AS c) one GROUP BY k, c;
CREATE MATERIALIZED VIEW share WITH (streaming.continuous) AS
	SELECT a.k, a.c * 100.0 / b.c AS percent
	FROM (SELECT k, count(*) AS c FROM s GROUP BY k) a, (SELECT count(*) AS c FROM s) b;
CREATE MATERIALIZED VIEW with_twice WITH (streaming.continuous) AS
	WITH w AS (SELECT k, count(*) AS c FROM s GROUP BY k)
	SELECT w.k, w.c FROM w, (SELECT max(c) AS m FROM w) t WHERE w.c = t.m;
CREATE MATERIALIZED VIEW with_table WITH (streaming.continuous) AS
	WITH n AS (SELECT * FROM names WHERE k < 3)
	SELECT * FROM (SELECT n.name, count(*) FROM s JOIN n USING (k) GROUP BY n.name) q;
CREATE MATERIALIZED VIEW distinct_counts WITH (streaming.continuous) AS
	SELECT DISTINCT c FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q;
CREATE MATERIALIZED VIEW distinct_thrice WITH (streaming.continuous) AS
	SELECT DISTINCT k FROM (SELECT DISTINCT k, x FROM (SELECT DISTINCT k, x, t FROM s) a) b;
CREATE MATERIALIZED VIEW count_of_distinct_thrice WITH (streaming.continuous) AS
	SELECT t, count(*) FROM (SELECT DISTINCT k, t FROM (SELECT DISTINCT k, x, t FROM s) a) b GROUP BY t;
CREATE MATERIALIZED VIEW some_distinct WITH (streaming.continuous) AS
	SELECT count(*) FROM (SELECT DISTINCT k, x FROM s LIMIT 3) q;
CREATE MATERIALIZED VIEW ranked WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, count(*) AS c, rank() OVER (ORDER BY count(*) DESC) AS r FROM s GROUP BY k) q WHERE r <= 3;
CREATE MATERIALIZED VIEW top_groups WITH (streaming.continuous) AS
	SELECT k, max(c) AS most FROM (SELECT k, t, count(*) AS c FROM s GROUP BY k, t) q GROUP BY k ORDER BY most DESC, k LIMIT 3;

CREATE TABLE views AS
	SELECT view::text AS name FROM streaming.views ORDER BY 1;
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
	FOR name IN SELECT v.name FROM views v LOOP
		PERFORM streaming.wait(name::regclass, '1 minute');
	END LOOP;
END $$;

CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
INSERT INTO s SELECT g, g % 11, g % 17, 't' || g % 5 FROM generate_series(1, 200) g;
BEGIN;
INSERT INTO s SELECT g, g % 11, g % 17, 't' || g % 5 FROM generate_series(1, 50) g;
ROLLBACK;
INSERT INTO s VALUES (-1, NULL, NULL, NULL), (-1, NULL, NULL, NULL);
CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
SELECT * FROM avg_of_max;
SELECT * FROM three_deep;
SELECT * FROM top_groups;

-- each operator has a state table, the view's owner owns all, one is indexed by users
SELECT regexp_replace(c.relname, '\d+', 'N') AS relation, c.relkind
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
WHERE d.refobjid = 'joined'::regclass AND d.deptype = 'i' AND c.relkind IN ('r', 'v') ORDER BY 1;
CREATE INDEX ON joined (c);
CREATE ROLE regress_streaming_nested;
GRANT SELECT ON s, names TO regress_streaming_nested;
ALTER MATERIALIZED VIEW joined OWNER TO regress_streaming_nested;
SELECT DISTINCT relowner::regrole FROM pg_class c JOIN pg_depend d ON c.oid = d.objid
WHERE d.refobjid = 'joined'::regclass AND d.deptype = 'i' AND c.relkind = 'r';
INSERT INTO s SELECT g, g % 5, g % 3, 'u' FROM generate_series(1, 20) g;
REFRESH MATERIALIZED VIEW joined;
SELECT check_view('joined');

-- rows are taken away when all operators have read them
TRUNCATE s;
INSERT INTO s VALUES (1, 1, 1, 'v');
CALL refresh_all();
SELECT * FROM union_counted;
SELECT sum(count) FROM union_all;

-- a sub-select that is maintained stands by itself; raw rows do not mix with it
-- what is asked of another stream, or the same, is an operator, too
CREATE MATERIALIZED VIEW asked WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT * FROM (SELECT k, count(*) FROM s GROUP BY k) q WHERE k IN (SELECT k FROM s WHERE x > 3);
INSERT INTO s (k, x) VALUES (1, 5), (2, 1);
REFRESH MATERIALIZED VIEW asked;
SELECT check_view('asked'), count(*) > 0 AS some FROM asked;
DROP MATERIALIZED VIEW asked;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT n.k, l.c FROM names n, LATERAL (SELECT count(*) AS c FROM s WHERE s.k = n.k) l;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT * FROM (SELECT k, count(*) FROM s GROUP BY k) q WHERE k NOT IN (SELECT k FROM s);
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT q.* FROM (SELECT k, count(*) FROM s GROUP BY k) q, names FOR UPDATE OF names;

-- event time: every operator closes its windows by the same watermark
CREATE TABLE e (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW e_update WITH (streaming.continuous) AS
	SELECT max(c) FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM e GROUP BY w) q;
CREATE MATERIALIZED VIEW e_append WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT w, 'k' AS what, count(*) FROM (SELECT tumble(ts, '1 minute') AS w, k FROM e GROUP BY w, k) q GROUP BY w
	UNION ALL SELECT tumble(ts, '2 minutes') AS w, 'all', count(*) FROM e GROUP BY w;
CREATE MATERIALIZED VIEW e_coarser WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(window_time(w), '3 minutes') AS w3, sum(c) FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM e GROUP BY w) q GROUP BY w3;
INSERT INTO e SELECT '2024-01-01 00:00+00'::timestamptz + g * interval '10 seconds', g % 4 FROM generate_series(0, 17) g;
REFRESH MATERIALIZED VIEW e_append;
REFRESH MATERIALIZED VIEW e_update;
REFRESH MATERIALIZED VIEW e_coarser;
SET TimeZone = 'UTC';
SELECT * FROM e_append ORDER BY w, what;
SELECT * FROM e_update;
SELECT * FROM e_coarser ORDER BY w3;
INSERT INTO e VALUES ('2024-01-01 00:00:05+00', 9), ('2024-01-01 00:05+00', 9);
REFRESH MATERIALIZED VIEW e_append;
REFRESH MATERIALIZED VIEW e_update;
REFRESH MATERIALIZED VIEW e_coarser;
SELECT * FROM e_append ORDER BY w, what;
SELECT * FROM e_update;
SELECT * FROM e_coarser ORDER BY w3;
SELECT view, late_rows FROM streaming.views WHERE view::text ~ '^e_' ORDER BY 1;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT max(c) FROM (SELECT k, count(*) AS c FROM e GROUP BY k) q;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT max(c) FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM e GROUP BY w) q;

DROP MATERIALIZED VIEW joined;

DROP PROCEDURE refresh_all;
REVOKE ALL ON s, names FROM regress_streaming_nested;
DROP TABLE s, e CASCADE;
DROP TABLE names, views;
DROP ROLE regress_streaming_nested;
SELECT * FROM leftovers();
