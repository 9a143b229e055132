-- Sessions with aggregates that need all of their rows, against gaps and islands
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE TABLE p (id int, ts timestamptz, who text, x int, f float8) USING stream;
-- what is to be aggregated, with the session of each row; gap: 30 s
CREATE VIEW islands AS
	WITH a AS (
		SELECT *, max(ts) OVER (PARTITION BY who ORDER BY ts, id
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + '30 s' < ts AS new
		FROM p WHERE ts IS NOT NULL),
	b AS (SELECT *, count(*) FILTER (WHERE new) OVER (PARTITION BY who ORDER BY ts, id) AS g FROM a)
	SELECT *, tstzrange(min(ts) OVER g, max(ts) OVER g + '30 s') AS w FROM b
	WINDOW g AS (PARTITION BY who, g);
CREATE FUNCTION session_views(columns text, having_ text DEFAULT 'true') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	n int := (SELECT count(*) FROM streaming.views);
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (streaming.continuous, streaming.trigger = ''manual'') AS
		SELECT who, session_window(ts, ''30 s'') AS w, %s FROM p GROUP BY 1, 2 HAVING %s', n, columns, having_);
	EXECUTE format('CREATE VIEW v%s_plain AS
		SELECT who, w, %s FROM islands GROUP BY 1, 2 HAVING %s', n, columns, having_);
END $$;
SELECT session_views('count(*), array_agg(id ORDER BY id) AS ids, count(DISTINCT x) AS xs, sum(x)');
SELECT session_views('count(DISTINCT x), sum(DISTINCT x) FILTER (WHERE x > 5), avg(DISTINCT x), max(DISTINCT x)');
SELECT session_views('string_agg(x::text, '','' ORDER BY id DESC) FILTER (WHERE x % 2 = 0) AS s');
SELECT session_views('percentile_cont(0.5) WITHIN GROUP (ORDER BY f), mode() WITHIN GROUP (ORDER BY x), rank(7) WITHIN GROUP (ORDER BY x)');
SELECT session_views('array_agg(DISTINCT x), jsonb_agg(x ORDER BY id), count(DISTINCT (x, f)), min(f)');
SELECT session_views('avg(x), (array_agg(id ORDER BY ts, id))[1] AS first', 'count(DISTINCT x) > 1 OR who IS NULL');
SELECT session_views('array_agg(f ORDER BY f) = array_agg(f ORDER BY f USING <) AS same, sum(id)');
-- a function over the rows, and what is joined to them
CREATE TABLE names (x int, name text);
INSERT INTO names SELECT x, 'n' || x % 4 FROM generate_series(0, 7) x;
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT session_window(p.ts, '30 s') AS w, who, array_agg(DISTINCT n.name) FROM p JOIN names n USING (x) GROUP BY 1, 2;
CREATE FUNCTION differ() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
	v text;
BEGIN
	FOR v IN SELECT view::text FROM streaming.views WHERE view::text ~ '^v\d' LOOP
		PERFORM streaming.wait(v::regclass);
		EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL TABLE %1$s_plain)
			UNION ALL (TABLE %1$s_plain EXCEPT ALL TABLE %1$s)) d', v) INTO n;
		IF n <> 0 THEN
			RETURN format('%s rows of %s differ', n, v);
		END IF;
	END LOOP;
	RETURN 'all is well';
END $$;
SELECT setseed(0.5);
DO $$
BEGIN
	FOR i IN 1..8 LOOP
		INSERT INTO p SELECT i * 1000 + x,
			CASE WHEN x % 40 = 0 THEN NULL ELSE
				'2024-01-01'::timestamptz + round((random() * 6000)::numeric, 1) * '1 s'::interval END,
			nullif('u' || (random() * 12)::int, 'u3'), nullif((random() * 10)::int, 10), random()
		FROM generate_series(1, 90) x;
		COMMIT;
		IF differ() <> 'all is well' THEN
			RAISE '% in round %', differ(), i;
		END IF;
	END LOOP;
END $$;
-- infinity is a session of its own, every time again
INSERT INTO p SELECT x, CASE WHEN x < 5 THEN 'infinity' ELSE '-infinity' END::timestamptz, 'u1', x % 3, x FROM generate_series(1, 9) x;
REFRESH MATERIALIZED VIEW v0;
INSERT INTO p SELECT x, CASE WHEN x < 5 THEN 'infinity' ELSE '-infinity' END::timestamptz, 'u1', x % 3, x FROM generate_series(1, 9) x;
REFRESH MATERIALIZED VIEW v0;
SELECT who, count, ids, xs, sum FROM v0 WHERE w = tstzrange('infinity', 'infinity', '[]');
TRUNCATE p;
-- a row that joins everything; then one by one, which touch just what they touch
INSERT INTO p SELECT x, '2025-01-01'::timestamptz + x * '100 s'::interval, 'u1', x % 3, x FROM generate_series(1, 50) x;
SELECT streaming.wait('v0');
INSERT INTO p SELECT 1000 + x, '2025-01-01'::timestamptz + x * '25 s'::interval, 'u1', 4, x FROM generate_series(4, 200) x;
SELECT streaming.wait('v0');
SELECT w, count, cardinality(ids), xs, sum FROM v0 WHERE lower(w) >= '2025-01-01' ORDER BY w;
SELECT count(*) FROM joined;
REFRESH MATERIALIZED VIEW joined;
SELECT w, who, array_agg FROM joined WHERE lower(w) >= '2025-01-01' ORDER BY w;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('v0') AS line
WHERE line ~ '^ {0,2}(Operator|State|Bounded|Combined|Computed|Feed)';
DROP TABLE p CASCADE;
DROP FUNCTION session_views, differ;
DROP TABLE names;

-- with a watermark: update, append, complete; and what is above
CREATE TABLE s (id int, ts timestamptz, who text, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE MATERIALIZED VIEW now_ WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT who, session_window(ts, '30 s') AS w, count(*), count(DISTINCT x) AS xs, array_agg(id ORDER BY id) AS ids
	FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.trigger = 'manual',
		streaming.output_mode = 'append', streaming.late_rows = 'keep') AS
	SELECT who, session_window(ts, '30 s') AS w, string_agg(x::text, '' ORDER BY x) AS xs
	FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW all_ WITH (streaming.continuous, streaming.trigger = 'manual',
		streaming.output_mode = 'complete') AS
	SELECT who, session_window(ts, '30 s') AS w, mode() WITHIN GROUP (ORDER BY x) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT xs, count(*), sum(rows), array_agg(who ORDER BY who) AS whos FROM (
		SELECT who, session_window(ts, '30 s') AS w, count(DISTINCT x) AS xs, count(*) AS rows FROM s GROUP BY 1, 2) q
	GROUP BY xs;
-- how many rows a view keeps
CREATE FUNCTION kept(v regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM streaming._below_%s', public.number_of(v)) INTO n;
	RETURN n;
END $$;
INSERT INTO s VALUES (1, '2024-01-01 00:00:10', 'a', 1), (2, '2024-01-01 00:00:20', 'b', 1), (3, NULL, 'c', 1),
	(4, '2024-01-01 00:00:15', 'a', 1), (5, '2024-01-01 00:00:55', 'a', 2);
CALL refresh_views();
TABLE now_ ORDER BY 1, 2; TABLE final; TABLE all_ ORDER BY 1, 2; TABLE above ORDER BY 1;
SELECT kept('now_'), kept('final'), kept('all_'), kept('above');
-- the row that joins two
INSERT INTO s VALUES (6, '2024-01-01 00:00:30', 'a', 3), (7, '2024-01-01 00:00:50', 'b', 2);
CALL refresh_views();
TABLE now_ ORDER BY 1, 2; TABLE final; TABLE all_ ORDER BY 1, 2; TABLE above ORDER BY 1;
-- the watermark 00:01:40 closes them: what is kept goes, but for complete mode
INSERT INTO s VALUES (8, '2024-01-01 00:01:50', 'z', 0);
CALL refresh_views(2);
TABLE now_ ORDER BY 1, 2; TABLE final ORDER BY 1, 2; TABLE above ORDER BY 1;
SELECT kept('now_'), kept('final'), kept('all_'), kept('above');
-- 00:01:18 + 30 s is not late, but a's session is closed: a new one, of this row alone
INSERT INTO s VALUES (9, '2024-01-01 00:01:18', 'a', 1), (10, '2024-01-01 00:00:18', 'a', 9);
CALL refresh_views();
-- and it survives the worker
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO s VALUES (11, '2024-01-01 00:01:30', 'a', 1), (12, '2024-01-01 00:01:20', 'z', 5);
CALL refresh_views();
TABLE now_ ORDER BY 1, 2; TABLE final ORDER BY 1, 2; TABLE all_ ORDER BY 1, 2; TABLE above ORDER BY 1;
INSERT INTO s VALUES (13, '2024-01-01 00:10:00', 'z', 5);
CALL refresh_views(2);
TABLE now_ ORDER BY 1, 2; TABLE final ORDER BY 1, 2; TABLE above ORDER BY 1;
SELECT kept('now_'), kept('final'), kept('all_'), kept('above');
SELECT view, watermark, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;

-- closing a session of many rows takes many batches, if many are as long; none is forgotten
INSERT INTO s SELECT 100 + x, '2024-01-02'::timestamptz + x * '1 ms'::interval, 'u' || x % 3, x % 100 FROM generate_series(1, 30000) x;
CALL refresh_views();
SELECT who, lower(w), count, xs FROM now_ WHERE count > 100 ORDER BY 1;
SELECT kept('now_'), kept('final');
INSERT INTO s VALUES (99, '2024-01-03', 'z', 5);
CALL refresh_views(2);
SELECT kept('now_'), kept('final');
SELECT who, length(xs) FROM final WHERE who LIKE 'u%' ORDER BY 1;
SELECT view, groups FROM streaming.views ORDER BY view::text;
DROP TABLE s CASCADE;
DROP FUNCTION kept;

-- a session that goes on has rows that would have ended long ago by themselves
CREATE TABLE g (id int, ts timestamptz, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 seconds');
CREATE MATERIALIZED VIEW on_and_on WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT session_window(ts, '5 s') AS w, count(*), count(DISTINCT x) AS xs, array_agg(id ORDER BY id) AS ids FROM g GROUP BY 1;
DO $$
BEGIN
	FOR i IN 1..12 LOOP
		INSERT INTO g VALUES (i, '2026-01-01'::timestamptz + i * interval '4 s', i % 7);
		COMMIT;
		REFRESH MATERIALIZED VIEW on_and_on;
	END LOOP;
END $$;
SELECT lower(w), count, xs, ids FROM on_and_on;
DROP TABLE g CASCADE;

-- what an aggregate is about is a row's own; what its direct arguments are, the group's
CREATE TABLE d (id int, ts timestamptz, k int, x int) USING stream;
CREATE MATERIALIZED VIEW own WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT session_window(ts, '10 seconds') AS w, array_agg(id ORDER BY session_window(ts, '10 seconds') DESC) AS ids,
		count(DISTINCT session_window(ts, '10 seconds')) AS a, count(DISTINCT upper(session_window(ts, '10 seconds'))) AS b,
		count(DISTINCT id) FILTER (WHERE upper(session_window(ts, '10 seconds')) > '2026-01-01 12:00:20') AS c,
		percentile_disc(least(1, extract(epoch FROM upper(session_window(ts, '10 seconds')) - lower(session_window(ts, '10 seconds'))) / 100))
			WITHIN GROUP (ORDER BY x) AS pd,
		max(upper(session_window(ts, '10 seconds'))) AS mu, max(lower(session_window(ts, '10 seconds'))) AS ml
	FROM d GROUP BY w;
INSERT INTO d SELECT g, '2026-01-01 12:00:00'::timestamptz + g * interval '5 seconds', 1, g FROM generate_series(1, 5) g;
REFRESH MATERIALIZED VIEW own;
TABLE own;
DROP TABLE d CASCADE;

-- a session may overlap a closed one, whose rows have not been given up yet
CREATE TABLE o (ts timestamptz, k int, x int, pad text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 seconds');
ALTER TABLE o ALTER pad SET STORAGE PLAIN;
CREATE MATERIALIZED VIEW over WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT k, session_window(ts, '10 seconds') AS w, count(*) AS n, count(DISTINCT x) AS d, min(x) AS mi,
		percentile_cont(0) WITHIN GROUP (ORDER BY x) AS p
	FROM o GROUP BY k, w;
INSERT INTO o SELECT '2026-01-01 12:00:00+00'::timestamptz + g * interval '10 microseconds', g % 8, g FROM generate_series(1, 24000) g;
REFRESH MATERIALIZED VIEW over;
ALTER MATERIALIZED VIEW over SET (streaming.max_batch_rows = 1);
INSERT INTO o SELECT '2026-01-01 12:00:15+00', -1, 1, repeat(md5(g::text), 200) FROM generate_series(1, 3) g;	-- one row a page
INSERT INTO o SELECT '2026-01-01 12:00:09+00', 7 - g % 8, 1000000 + g, repeat(md5(g::text), 200) FROM generate_series(0, 7) g;
SELECT streaming.wait('over');
INSERT INTO o VALUES ('2026-01-01 12:01:16+00', -1, 1);
SELECT streaming.wait('over');
SELECT k, lower(w), n, d, mi = p AS same FROM over WHERE k >= 0 ORDER BY 1, 2;
DROP TABLE o CASCADE;

-- rows in disorder, but never late: what is closed is as what was open
CREATE TABLE r (id int, ts timestamptz, who int, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '60 s');
CREATE MATERIALIZED VIEW updated WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT who, session_window(ts, '5 s') AS w, array_agg(id ORDER BY id), count(DISTINCT x), sum(x) FROM r GROUP BY 1, 2;
CREATE MATERIALIZED VIEW appended WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT who, session_window(ts, '5 s') AS w, array_agg(id ORDER BY id), count(DISTINCT x), sum(x) FROM r GROUP BY 1, 2;
CREATE MATERIALIZED VIEW counted WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT n, count(*) FROM (SELECT session_window(ts, '5 s') AS w, count(DISTINCT x) AS n FROM r GROUP BY 1, who) q GROUP BY n;
-- no other key
CREATE MATERIALIZED VIEW alone WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(DISTINCT who) AS whos, session_window(ts, '200 ms') AS w, array_agg(x ORDER BY x, id) AS xs FROM r GROUP BY 2;
CREATE VIEW alone_plain AS
	WITH a AS (
		SELECT *, max(ts) OVER (ORDER BY ts, id
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + '200 ms' < ts AS new FROM r),
	b AS (SELECT *, count(*) FILTER (WHERE new) OVER (ORDER BY ts, id) AS g FROM a)
	SELECT count(DISTINCT who) AS whos, tstzrange(min(ts), max(ts) + '200 ms') AS w, array_agg(x ORDER BY x, id) AS xs FROM b GROUP BY g;
CREATE VIEW plain AS
	WITH a AS (
		SELECT *, max(ts) OVER (PARTITION BY who ORDER BY ts, id
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + '5 s' < ts AS new FROM r),
	b AS (SELECT *, count(*) FILTER (WHERE new) OVER (PARTITION BY who ORDER BY ts, id) AS g FROM a)
	SELECT who, tstzrange(min(ts), max(ts) + '5 s') AS w, array_agg(id ORDER BY id), count(DISTINCT x), sum(x)
	FROM b GROUP BY who, g;
SELECT setseed(0.125);
DO $$
BEGIN
	FOR i IN 1..12 LOOP
		INSERT INTO r SELECT i * 1000 + x, '2024-01-01'::timestamptz + i * '20 s'::interval + random() * '40 s'::interval, random() * 3, random() * 5
		FROM generate_series(1, 25) x;
		COMMIT;
		CALL refresh_views();
		IF EXISTS ((TABLE updated EXCEPT ALL TABLE plain) UNION ALL (TABLE plain EXCEPT ALL TABLE updated))
			OR EXISTS (TABLE appended EXCEPT ALL TABLE plain)
			OR EXISTS (SELECT FROM plain WHERE upper(w) <= (SELECT watermark FROM streaming.views WHERE view = 'appended'::regclass)
				EXCEPT ALL SELECT FROM appended)
			OR EXISTS ((TABLE alone EXCEPT ALL TABLE alone_plain) UNION ALL (TABLE alone_plain EXCEPT ALL TABLE alone))
			OR EXISTS (TABLE counted EXCEPT ALL SELECT count, count(*) FROM plain GROUP BY 1) THEN
			RAISE 'sessions differ in round %', i;
		END IF;
	END LOOP;
END $$;
SELECT count(*) > 10 AS some, (SELECT count(*) FROM plain) > count(*) AS more FROM appended;
INSERT INTO r VALUES (0, '2024-01-02', 0, 0);
CALL refresh_views(2);
SELECT * FROM plain EXCEPT ALL TABLE appended;
SELECT view, groups, late_rows FROM streaming.views ORDER BY view::text;
DROP TABLE r CASCADE;
SELECT * FROM leftovers();
