-- Joins of streams by other conditions than equality, which an index can serve
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA jr;
SET search_path = jr, public;
CREATE TABLE l (id int, x int, k int, n numeric, f float8, d date, ts timestamptz, t text, p point, b box, addr inet, r int4range) USING stream;
CREATE TABLE r (id int, lo int, hi int, k int, r int4range, m int4multirange, nr numrange, dr daterange, tr tstzrange, t text, b box, c circle, g polygon, net inet) USING stream;
CREATE TABLE s (id int, x int, k int, v int) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 5) i;
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE FUNCTION backwards(int, int) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT btint4cmp($2, $1)';
CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 backwards(int, int);
CREATE TYPE reversed AS RANGE (subtype = int, subtype_opclass = backwards);

---- by hand: by what is between two bounds
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.id, r.id AS rid FROM l JOIN r ON l.x BETWEEN r.lo AND r.hi;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.id, r.id AS rid FROM l FULL JOIN r ON l.x BETWEEN r.lo AND r.hi;
CREATE MATERIALIZED VIEW any_of WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.id FROM l WHERE EXISTS (SELECT FROM r WHERE l.x BETWEEN r.lo AND r.hi);
CREATE MATERIALIZED VIEW none WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.x BETWEEN r.lo AND r.hi);
CREATE VIEW all_of AS
	SELECT (SELECT string_agg(id || ':' || rid, ' ' ORDER BY id, rid) FROM v) AS v,
		(SELECT string_agg(coalesce(id::text, '-') || ':' || coalesce(rid::text, '-'), ' ' ORDER BY id, rid) FROM o) AS o,
		(SELECT string_agg(id::text, ' ' ORDER BY id) FROM any_of) AS any_of,
		(SELECT string_agg(id::text, ' ' ORDER BY id) FROM none) AS none;
-- the left first; 3 is null, 9 at both ends
INSERT INTO l (id, x) VALUES (1, 1), (2, 5), (3, NULL), (4, 9), (5, 10);
CALL refresh_views();
TABLE all_of;
INSERT INTO r (id, lo, hi) VALUES (10, 2, 9), (20, 9, 9), (30, 6, 4), (40, NULL, 7), (50, 9, NULL);
CALL refresh_views();
TABLE all_of;
-- now the right is there; 1 comes twice
INSERT INTO l (id, x) VALUES (1, 1), (6, 2), (7, 100);
CALL refresh_views();
TABLE all_of;
-- both in one batch
INSERT INTO r (id, lo, hi) VALUES (60, 0, 1), (70, 100, 200);
INSERT INTO l (id, x) VALUES (8, 150), (9, 0);
CALL refresh_views();
TABLE all_of;
-- which index each side has
CREATE FUNCTION indexes(v regclass) RETURNS TABLE (indexes text) LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(pg_get_indexdef(c.oid), '.* ON streaming\._', ''), '\d{4,}', 'N')
	FROM pg_class c WHERE relkind = 'i' AND relnamespace = 'streaming'::regnamespace AND relname ~ ('^_below_' || public.number_of(v) || '_')
	ORDER BY c.oid
$$;
SELECT * FROM indexes('v');
DROP VIEW all_of;
DROP MATERIALIZED VIEW v;
DROP MATERIALIZED VIEW o;
DROP MATERIALIZED VIEW any_of;
DROP MATERIALIZED VIEW none;

---- against the plain query
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);
INSERT INTO queries (query) VALUES
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x BETWEEN r.lo AND r.hi'),
('SELECT l.id, r.id AS rid FROM l, r WHERE r.lo <= l.x AND l.x < r.hi AND l.id <> r.id'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x < r.lo'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x + 1.0 >= r.hi * 2.0'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.n > r.lo AND l.f < r.hi'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.t < r.t'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.t COLLATE "POSIX" < r.t COLLATE "POSIX"'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x <@ r.r'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON r.m @> l.x'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.n <@ r.nr'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON r.dr @> l.d'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.ts <@ r.tr'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.f <@ CASE WHEN r.lo <= r.hi THEN floats(r.lo, r.hi) END'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.r && r.r'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.r <@ r.m'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.r << r.r'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.r -|- r.r'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.p <@ r.b'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON r.b @> l.p AND l.id > r.id'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.b && r.b'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON circle(l.p, 1) && r.c'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.p <@ r.g AND box(l.p) <@ box(r.g)'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.addr <<= r.net'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.addr && r.net'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x BETWEEN r.lo AND r.hi AND l.p <@ r.b'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.k = r.k AND l.x BETWEEN r.lo AND r.hi'),
('SELECT l.id, r.id AS rid, s.id AS sid FROM l JOIN r ON l.x BETWEEN r.lo AND r.hi JOIN s ON s.k = l.k'),
('SELECT l.id, r.id AS rid, s.id AS sid FROM l JOIN r ON l.k = r.k JOIN s ON s.x <@ r.r AND s.v > l.x'),
('SELECT a.id, b.id AS bid FROM l a JOIN l b ON a.r && b.r AND a.id < b.id'),
('SELECT l.id, r.id AS rid, name FROM l JOIN r ON l.x <@ r.r LEFT JOIN dim ON dim.k = l.k'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x < r.hi AND l.x > (SELECT min(k) FROM dim)'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x BETWEEN r.lo AND least(r.hi, r.k)'),
-- outer joins
('SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON l.x BETWEEN r.lo AND r.hi'),
('SELECT l.id, r.id AS rid FROM l RIGHT JOIN r ON l.x >= r.lo AND l.x < r.hi AND l.k > 2'),
('SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON l.x <@ r.r'),
('SELECT l.id, r.id AS rid FROM l RIGHT JOIN r ON l.n <@ r.nr WHERE l.id IS NULL OR r.id > 5'),
('SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON l.p <@ r.b AND r.id > 3'),
('SELECT l.id, r.id AS rid FROM l RIGHT JOIN r ON l.r && r.r AND r.k > 0'),
('SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON l.addr <<= r.net'),
('SELECT l.k, count(*), count(r.id) AS rs, sum(r.id) FROM l LEFT JOIN r ON l.x <@ r.m GROUP BY 1'),
-- EXISTS and NOT EXISTS
('SELECT l.id FROM l WHERE EXISTS (SELECT FROM r WHERE l.x BETWEEN r.lo AND r.hi)'),
('SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.x BETWEEN r.lo AND r.hi)'),
('SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.b @> l.p) AND EXISTS (SELECT FROM s WHERE s.x > l.x)'),
('SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.addr << r.net) AND NOT EXISTS (SELECT FROM s WHERE s.x <@ l.r)'),
('SELECT l.id FROM l WHERE k < ANY (SELECT k FROM r)'),
('SELECT l.id FROM l WHERE x > 2 AND l.x <@ ANY (SELECT r FROM r WHERE id > 5)'),
('SELECT r.id FROM r WHERE NOT EXISTS (SELECT FROM l WHERE l.ts <@ r.tr AND l.k = r.k)'),
-- aggregations above
('SELECT r.id, count(*), max(l.x) FROM l JOIN r ON l.x BETWEEN r.lo AND r.hi GROUP BY 1'),
('SELECT count(*) AS n, count(DISTINCT l.id) AS ls, array_agg(DISTINCT r.id) AS rs FROM l JOIN r ON l.p <@ r.b'),
('SELECT DISTINCT l.k, r.k AS rk FROM l JOIN r ON l.r && r.r'),
('SELECT DISTINCT ON (l.id) l.id, r.id AS rid, l.x FROM l JOIN r ON l.x >= r.lo ORDER BY l.id, r.lo DESC, r.id, l.x'),
('SELECT n, count(*) FROM (SELECT r.id, count(*) AS n FROM l JOIN r ON l.x <@ r.r GROUP BY 1) q GROUP BY 1'),
-- with rows that change
('SELECT l.id, q.k, q.n FROM l JOIN (SELECT k, count(*) AS n FROM s GROUP BY k) q ON l.x > q.n'),
('SELECT r.id, q.k, q.n FROM r JOIN (SELECT k, sum(v) AS n FROM s GROUP BY k HAVING count(*) < 6) q ON q.n BETWEEN r.lo AND r.hi * 5.0'),
('SELECT q.k, r.id FROM r JOIN (SELECT k, int4range(min(x), max(x)) AS g FROM s WHERE x > 0 GROUP BY k) q ON q.g && r.r'),
('SELECT q.k, q.n, r.id FROM (SELECT k, count(*)::int AS n FROM s GROUP BY k) q LEFT JOIN r ON r.r @> q.n'),
('SELECT q.id, q.rid, s.id AS sid FROM (SELECT l.id, l.x, r.id AS rid FROM l LEFT JOIN r ON l.x <@ r.r) q JOIN s ON s.x > q.x AND s.v < q.rid'),
-- refused
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.id <> r.id'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.p <@ r.g'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.t ^@ r.t'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.t LIKE r.t'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x < r.lo OR l.x > r.hi'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON (l.x, l.k) < (r.lo, r.k)'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x + r.lo > 3'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x + (random() * 0)::int > r.lo'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.t < r.t COLLATE "POSIX"'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.x <@ reversed(r.hi, r.lo)'),
('SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.id <> r.id)'),
('SELECT l.id FROM l WHERE EXISTS (SELECT FROM r WHERE l.p <@ r.g)'),
('SELECT l.id, q.c FROM l JOIN (SELECT k, circle(point(max(x), 0), 1) AS c FROM s GROUP BY k) q ON q.c && circle(l.p, 1)'),
-- rows that are compared: an index finds the first of their values; a point in a circle, by another condition
('SELECT l.id, r.id AS rid FROM l JOIN r ON (l.x, l.id) < (r.lo, r.id)'),
('SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON (l.t, l.x) >= (r.t, r.hi)'),
('SELECT l.id, r.id AS rid FROM l RIGHT JOIN r ON (r.k, l.x) <= (l.k, r.hi)'),
('SELECT l.id, r.id AS rid FROM l JOIN r ON l.p <@ r.c AND circle(l.p, 0) && r.c');
CALL make_views();
-- PostgreSQL itself has no full joins by such conditions: views have
CREATE MATERIALIZED VIEW fulls WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.id, r.id AS rid FROM l FULL JOIN r ON l.x <@ r.r AND l.k > 2;
CREATE VIEW not_fulls AS
	SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON l.x <@ r.r AND l.k > 2
	UNION ALL SELECT NULL, r.id FROM r WHERE NOT EXISTS (SELECT FROM l WHERE l.x <@ r.r AND l.k > 2);
CREATE VIEW differ AS (TABLE fulls EXCEPT ALL TABLE not_fulls) UNION ALL (TABLE not_fulls EXCEPT ALL TABLE fulls);
SELECT n, refusal, query FROM queries WHERE refusal IS NOT NULL ORDER BY n;
SELECT setseed(0.7);
CREATE FUNCTION rnd(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT nullif((random() * n)::int, n)';
CREATE FUNCTION two(n int, OUT a int, OUT b int) LANGUAGE sql VOLATILE AS 'SELECT least(i, j), greatest(i, j) FROM (SELECT rnd(n) AS i, rnd(n) AS j) q';
CREATE PROCEDURE add_l(n int) LANGUAGE sql AS $$
	INSERT INTO l SELECT (random() * 100)::int, rnd(20), rnd(6), rnd(20) / 2.0, rnd(20) / 4.0, date '2026-01-01' + rnd(20), timestamptz '2026-01-01' + rnd(20) * interval '1 h',
		't' || rnd(9), point(rnd(20), rnd(20)), box(point(a, a), point(b, b + 1)), ('10.0.' || rnd(4) || '.' || rnd(9))::inet,
		CASE WHEN random() < 0.1 THEN 'empty' ELSE int4range(a, b) END
	FROM generate_series(1, n), LATERAL (SELECT * FROM two(20) WHERE generate_series > 0) q
$$;
CREATE PROCEDURE add_r(n int) LANGUAGE sql AS $$
	INSERT INTO r SELECT (random() * 100)::int, a, b, rnd(6), CASE WHEN random() < 0.1 THEN 'empty' ELSE int4range(a, b, '[]') END,
		int4multirange(int4range(a, b), int4range(b + 3, b + 5)), numrange(a, b, '()'), daterange(date '2026-01-01' + a, date '2026-01-01' + b),
		tstzrange(timestamptz '2026-01-01' + a * interval '1 h', timestamptz '2026-01-01' + b * interval '1 h', '(]'),
		't' || rnd(9), box(point(a, a), point(b, b)), circle(point(a, b), 2), polygon(box(point(a, a), point(b, b))),
		set_masklen(('10.0.' || rnd(4) || '.' || rnd(9))::inet, 22 + (random() * 10)::int)
	FROM generate_series(1, n), LATERAL (SELECT * FROM two(20) WHERE generate_series > 0) q
$$;
DO $$
DECLARE
	wrong record;
BEGIN
	FOR i IN 1..6 LOOP
		IF i <> 3 THEN
			CALL add_l(12);
		END IF;
		IF i <> 2 THEN
			CALL add_r(12);
		END IF;
		INSERT INTO s SELECT (random() * 100)::int, rnd(20), rnd(6), rnd(30) FROM generate_series(1, 6);
		COMMIT;
		CALL refresh_views();
		FOR wrong IN SELECT * FROM check_queries() UNION ALL SELECT count(*)::text, 'full joins' FROM differ HAVING count(*) > 0 LOOP
			RAISE 'round %: % of %', i, wrong.wrong, wrong.query;
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION is_empty(v regclass) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', v) INTO result;
	RETURN result;
END $$;
SELECT count(*) < 4 AS few FROM queries WHERE refusal IS NULL AND is_empty(format('q%s', n)::regclass);
-- what is at the ends of types, and nothing
INSERT INTO l (id, x, n, f, d, ts, p, b, r) VALUES
	(201, 2147483647, 'NaN', 'NaN', 'infinity', 'infinity', '(Infinity,0)', '((-Infinity,0),(Infinity,0))', '(,)'),
	(202, -2147483648, '-Infinity', '-Infinity', '-infinity', '-infinity', '(-Infinity,-Infinity)', NULL, '(,5)'),
	(203, NULL, 'Infinity', NULL, NULL, NULL, NULL, NULL, NULL), (203, 1, 1, 1, '2026-01-01', '2026-01-01', '(1,1)', '(1,1),(1,1)', '[1,1]');
INSERT INTO r (id, lo, hi, r, m, nr, dr, tr, b, c) VALUES
	(301, -2147483648, 2147483647, '(,)', '{(,)}', '(,)', '(,)', '(,)', '((-Infinity,-Infinity),(Infinity,Infinity))', '<(0,0),1e9>'),
	(302, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (303, 0, 0, 'empty', '{}', 'empty', 'empty', 'empty', '(0,0),(0,0)', '<(0,0),0>'),
	(304, 1, 1, '[1,)', '{[1,)}', '[1,)', '[2026-01-01,)', '[2026-01-01,)', '(1,1),(1,1)', '<(1,1),0>'),
	(305, 1, 1, '(,1]', '{(,1]}', '(,NaN]', '[-infinity,infinity]', '(,infinity]', '(1,1),(1,1)', '<(1,1),0>');
CALL refresh_views();
SELECT * FROM check_queries();
TABLE differ;
CALL add_l(10);
CALL refresh_views();
SELECT * FROM check_queries();
SELECT n, query, i.* FROM queries, indexes(format('q%s', n)::regclass) i WHERE n IN (2, 3, 8, 18, 23, 25, 26, 28, 54, 55) ORDER BY n;
-- what is looked up, and how; nothing is read from end to end
CALL add_l(3000);
CALL add_r(2);
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries WHERE refusal IS NULL AND n NOT IN (1, 3, 8, 18, 23, 35, 42) LOOP
		EXECUTE format('DROP MATERIALIZED VIEW q%s', q.n);
		UPDATE queries SET refusal = 'dropped' WHERE n = q.n;
	END LOOP;
END $$;
CALL refresh_views();
CALL add_r(3);
CALL refresh_views();
SELECT * FROM check_queries();
SELECT n, query, regexp_replace(regexp_replace(line, ' +', ' '), '\d{4,}', 'N', 'g') AS looked_up
FROM queries, streaming.explain(format('q%s', n)::regclass) line
WHERE refusal IS NULL AND line ~ 'Index Cond|Seq Scan' ORDER BY n, line;
-- conditions without number make no indexes without number
SELECT format('CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS SELECT l.id FROM l JOIN r ON %s',
	string_agg(format('box(l.p + point(%1$s, %1$s)) && r.b', i), ' AND ')) FROM generate_series(1, 200) i \gset
:format;
SELECT count(*) FROM indexes('v');
DROP MATERIALIZED VIEW v;

---- how a refusal reads
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT l.id FROM l JOIN r ON l.p <@ r.g;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT l.id FROM l JOIN r ON l.t ^@ r.t;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT l.id FROM l JOIN r ON r.k > 3;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.id <> r.id);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT l.id, q.c FROM l JOIN (SELECT k, circle(point(max(x), 0), 1) AS c FROM s GROUP BY k) q ON q.c && circle(l.p, 1);
DROP SCHEMA jr CASCADE;
SELECT * FROM leftovers();

---- event times: rows go when they can find no other any more
CREATE TABLE l (ts timestamptz, id int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE TABLE r (ts timestamptz, id int, r int4range) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE FUNCTION kept(v regclass) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	n bigint[];
BEGIN
	EXECUTE format('SELECT ARRAY[(SELECT count(*) FROM streaming._below_%s), (SELECT count(*) FROM streaming._below_%1$s_1)]', public.number_of(v)) INTO n;
	RETURN n;
END $$;
-- nothing but times: r comes at most half a minute after l
CREATE MATERIALIZED VIEW inners WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.id, r.id AS rid FROM l JOIN r ON r.ts BETWEEN l.ts AND l.ts + '30 s'::interval;
CREATE MATERIALIZED VIEW lefts WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND l.x <@ r.r;
CREATE MATERIALIZED VIEW fulls WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.id, r.id AS rid FROM l FULL JOIN r ON r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND l.x <@ r.r;
CREATE MATERIALIZED VIEW none WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.ts BETWEEN l.ts AND l.ts + '30 s'::interval AND l.x <@ r.r);
CREATE MATERIALIZED VIEW minutes WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(l.ts, '1 minute') AS w, count(*) FROM l JOIN r ON r.ts >= l.ts AND r.ts < l.ts + '30 s'::interval AND r.r @> l.x GROUP BY 1;
CREATE VIEW lists AS SELECT v, string_agg(coalesce(id::text, '-') || ':' || coalesce(rid::text, '-'), ' ' ORDER BY id, rid) AS rows FROM
	(SELECT 'inners' AS v, * FROM inners UNION ALL SELECT 'lefts', * FROM lefts UNION ALL SELECT 'fulls', * FROM fulls UNION ALL SELECT 'none', id, NULL FROM none) q
	GROUP BY v ORDER BY v;
-- the left first: 1 finds 10, 2 nothing in r, for 20 comes a microsecond too late
INSERT INTO l VALUES ('2024-01-01 00:00:00', 1, 1), ('2024-01-01 00:00:00', 2, 2);
CALL refresh_views();
INSERT INTO r VALUES ('2024-01-01 00:00:30', 10, '[1,2)'), ('2024-01-01 00:00:30.000001', 20, '[2,3)'), ('2024-01-01 00:00:29', 30, 'empty');
CALL refresh_views(2);
TABLE lists;
-- the right first, then the left; 00:00:20 was the watermark of r, l's waits at -00:00:10
INSERT INTO r VALUES ('2024-01-01 00:00:50', 40, '[5,6]'), ('2024-01-01 00:00:45', 50, NULL);
CALL refresh_views();
INSERT INTO l VALUES ('2024-01-01 00:00:50', 3, 5), ('2024-01-01 00:00:21', 4, 6);
CALL refresh_views(2);
TABLE lists;
SELECT view, watermark, kept(view) FROM streaming.views ORDER BY view::text;
-- a late row leaves no trace
INSERT INTO l VALUES ('2024-01-01 00:00:40', 5, 5);
CALL refresh_views(2);
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO l VALUES ('2024-01-01 01:00:00', 6, 0);
INSERT INTO r VALUES ('2024-01-01 01:00:00', 60, '[7,8]');
CALL refresh_views(2);
TABLE lists;
TABLE minutes;
SELECT view, watermark, late_rows, kept(view) FROM streaming.views ORDER BY view::text;
-- a range of times is no bound
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT l.id FROM l LEFT JOIN r ON l.x <@ r.r;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT l.id FROM l LEFT JOIN r ON l.ts <@ tstzrange(r.ts, r.ts + '1 minute'::interval);
DROP TABLE l, r CASCADE;
DROP FUNCTION kept;
SELECT * FROM leftovers();
