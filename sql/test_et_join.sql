-- Joins of streams with event times (rules J1, J2, J7, J8, J10, J12, K1)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = notice;
CREATE TABLE l (ts timestamptz, k int, a int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE TABLE r (ts timestamptz, k int, b int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE TABLE no_time (k int, c int, ts timestamptz) USING stream;

-- within half a minute: l's rows are needed until then, r's for no time at all
CREATE MATERIALIZED VIEW near WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT l.k, l.a, r.b FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval;
-- the same window
CREATE MATERIALIZED VIEW same WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(l.ts, '1 minute') AS w, l.k, count(*), sum(r.b)
	FROM l JOIN r ON l.k = r.k AND tumble(l.ts, '1 minute') = tumble(r.ts, '1 minute') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW same_final WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(l.ts, '1 minute') AS w, l.k, count(*), sum(r.b)
	FROM l JOIN r ON l.k = r.k AND tumble(l.ts, '1 minute') = tumble(r.ts, '1 minute') GROUP BY 1, 2;
-- windows of l close half a minute later, those of r at once
CREATE MATERIALIZED VIEW by_l WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(l.ts, '1 minute') AS w, count(*) FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + '30 s'::interval GROUP BY 1;
CREATE MATERIALIZED VIEW by_r WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(r.ts, '1 minute') AS w, count(*) FROM l JOIN r ON l.k = r.k AND r.ts - l.ts BETWEEN '0' AND '30 s' GROUP BY 1;
-- nothing bounds it, or just one side
CREATE MATERIALIZED VIEW any_time WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a, r.b FROM l JOIN r ON l.k = r.k;
CREATE MATERIALIZED VIEW after_ WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND l.ts > r.ts;
CREATE MATERIALIZED VIEW untimed WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a, n.c FROM l JOIN no_time n ON l.k = n.k AND l.ts > n.ts;
-- a month is no bound, days may be longer
CREATE MATERIALIZED VIEW month WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - '1 month'::interval AND r.ts;
CREATE MATERIALIZED VIEW days WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - '1 day'::interval AND r.ts;
-- append mode needs to know when a window is final
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(l.ts, '1 minute') AS w, count(*) FROM l JOIN r ON l.k = r.k GROUP BY 1;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(l.ts, '1 minute') AS w, count(*) FROM l JOIN r ON l.k = r.k AND l.ts < r.ts GROUP BY 1;
SET client_min_messages = warning;

-- how many rows each side of a view keeps
CREATE FUNCTION kept(v regclass) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	n bigint[] := '{0, 0}';
BEGIN
	EXECUTE format('SELECT ARRAY[(SELECT count(*) FROM streaming._below_%s), (SELECT count(*) FROM streaming._below_%1$s_1)]', public.number_of(v)) INTO n;
	RETURN n;
END $$;
INSERT INTO l VALUES ('2024-01-01 00:00:00', 1, 1), ('2024-01-01 00:00:50', 1, 2), (NULL, 1, 3);
INSERT INTO r VALUES ('2024-01-01 00:00:30', 1, 10), ('2024-01-01 00:00:30.000001', 1, 20), ('2024-01-01 00:01:05', 1, 30);
CALL refresh_views();
-- J12: 00:00:30 is just within; J1: each pair once
TABLE near ORDER BY a, b; TABLE same ORDER BY 1, 2; TABLE same_final; TABLE by_l; TABLE by_r;
SELECT view, watermark, groups, late_rows, null_rows, kept(view) FROM streaming.views ORDER BY view::text;
-- J10: by its own time a row is late, whatever it would meet; D1: by the window of that, if the join sees no more; J2: equal rows are two
INSERT INTO l VALUES ('2024-01-01 00:00:39', 1, 4), ('2024-01-01 00:00:45', 1, 5), ('2024-01-01 00:00:45', 1, 5);
INSERT INTO r VALUES ('2024-01-01 00:00:20', 1, 40), ('2024-01-01 00:00:50', 1, 50);
CALL refresh_views();
TABLE near ORDER BY a, b; TABLE same ORDER BY 1, 2; TABLE same_final; TABLE by_l; TABLE by_r;
SELECT view, watermark, groups, late_rows, null_rows, kept(view) FROM streaming.views ORDER BY view::text;
SELECT view, reason, event_time, stream_row FROM streaming.errors ORDER BY stream_row::text;
-- the watermark 00:01:10 closes the first minute, but for what l's rows may still meet
INSERT INTO l VALUES ('2024-01-01 00:01:20', 2, 6);
INSERT INTO r VALUES ('2024-01-01 00:01:20', 2, 60);
CALL refresh_views(2);
TABLE same_final ORDER BY 1, 2; TABLE by_l; TABLE by_r;
SELECT view, watermark, kept(view) FROM streaming.views ORDER BY view::text;
-- a worker that starts anew finds what was kept
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO r VALUES ('2024-01-01 00:01:14', 1, 70), ('2024-01-01 00:01:45', 2, 80);
INSERT INTO l VALUES ('2024-01-01 00:01:46', 2, 7);
CALL refresh_views(2);
TABLE near ORDER BY a, b;
TABLE same_final ORDER BY 1, 2; TABLE by_l ORDER BY 1; TABLE by_r ORDER BY 1;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('near') AS line
WHERE line ~ '^ {0,2}(Operator|State|Bounded|Combined|Computed|Feed)';
DROP TABLE l, r, no_time CASCADE;

-- a side with two event times: each says for itself until when a row is needed
CREATE TABLE o (at timestamptz, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '1 minute');
CREATE TABLE p (at timestamptz, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '1 minute');
CREATE TABLE q (at timestamptz, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '1 minute');
CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT j.oat, j.pat, q.at AS qat, j.k FROM
		(SELECT o.at AS oat, p.at AS pat, o.k FROM o JOIN p ON o.k = p.k AND p.at BETWEEN o.at AND o.at + interval '1 hour') j
		JOIN q ON q.k = j.k AND q.at BETWEEN j.pat AND j.pat + interval '10 minutes';
INSERT INTO o VALUES ('2026-01-01 10:00+00', 1);
REFRESH MATERIALIZED VIEW two;
INSERT INTO p VALUES ('2026-01-01 10:50+00', 1);
INSERT INTO q VALUES ('2026-01-01 10:45+00', 9);
INSERT INTO o VALUES ('2026-01-01 10:45+00', 8);
REFRESH MATERIALIZED VIEW two;
INSERT INTO o VALUES ('2026-01-01 10:49+00', 8);
INSERT INTO p VALUES ('2026-01-01 10:51+00', 7);
INSERT INTO q VALUES ('2026-01-01 10:49+00', 9);
REFRESH MATERIALIZED VIEW two;
INSERT INTO q VALUES ('2026-01-01 10:55+00', 1);
REFRESH MATERIALIZED VIEW two;
TABLE two;
DROP TABLE o, p, q CASCADE;
-- windows that begin apart need not end so: months, days when clocks are changed, other time zones
CREATE TABLE o (at timestamp, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0');
CREATE TABLE p (at timestamp, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0');
CREATE MATERIALIZED VIEW months WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT o.m AS om, p.m AS pm, o.k FROM (SELECT date_trunc('month', at) AS m, k FROM o) o
		JOIN (SELECT date_trunc('month', at) AS m, k FROM p) p ON o.k = p.k AND o.m + interval '31 days' = p.m;
INSERT INTO o VALUES ('2026-01-30 12:00', 0);
INSERT INTO p VALUES ('2026-02-01 12:00', 1);
REFRESH MATERIALIZED VIEW months;
INSERT INTO o VALUES ('2026-01-31 12:00', 1);
REFRESH MATERIALIZED VIEW months;
TABLE months;
-- a window without a known length bounds nothing; a quarter has two names
CREATE MATERIALIZED VIEW unknown_length WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT o.k FROM o JOIN p ON o.k = p.k AND date_bin(o.k * interval '1 minute', o.at, '2001-01-01') <= p.at;
CREATE MATERIALIZED VIEW quarters WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT date_trunc('qtr', at) AS q, count(*) FROM o GROUP BY 1;
REFRESH MATERIALIZED VIEW quarters;
TABLE quarters;
DROP TABLE o, p CASCADE;
-- what can find no other any more when it comes is not kept
CREATE TABLE o (at timestamptz, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0');
CREATE TABLE p (at timestamptz, k int) USING stream WITH (streaming.event_time = 'at', streaming.watermark = '0');
CREATE MATERIALIZED VIEW later WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT o.at AS oat, p.at AS pat, o.k FROM o JOIN p ON o.k = p.k AND o.at >= p.at + interval '1 hour' AND o.at < p.at + interval '2 hours';
DO $$
BEGIN
	FOR i IN 0..9 LOOP
		INSERT INTO o SELECT '2026-01-01'::timestamptz + i * interval '30 minutes' + g * interval '1 second', g FROM generate_series(1, 20) g;
		INSERT INTO p SELECT '2026-01-01'::timestamptz + i * interval '30 minutes' + g * interval '1 second', g FROM generate_series(1, 20) g;
		COMMIT;
		REFRESH MATERIALIZED VIEW later;
	END LOOP;
	INSERT INTO o VALUES ('2027-01-01', 0);
	INSERT INTO p VALUES ('2027-01-01', 0);
	COMMIT;
	REFRESH MATERIALIZED VIEW later;
END $$;
SELECT kept('later'), groups FROM streaming.views WHERE view = 'later'::regclass;
SELECT check_view('later'), count(*) > 100 AS some FROM later;
DROP TABLE o, p CASCADE;

-- rows in disorder, but never late: joined exactly, and forgotten; three of them, too
CREATE TABLE l (ts timestamptz, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '31 s');
CREATE TABLE r (ts timestamptz, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '31 s');
CREATE TABLE m (ts timestamp, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '31 s');
CREATE TABLE n (ts timestamptz, k int, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '31 s');
CREATE SCHEMA et;
SET search_path = et, public;
CREATE TABLE dim (k int, name text);
INSERT INTO dim VALUES (0, 'none'), (1, 'one'), (1, 'uno');
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);
INSERT INTO queries (query) VALUES
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts + ''10 s''::interval'),
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND l.ts - r.ts < ''5 s'' AND r.ts - l.ts <= ''15 s'''),
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND l.ts >= r.ts AND l.ts < r.ts + interval ''7 s'' WHERE l.id % 3 > 0'),
('SELECT l.id AS l, r.id AS r FROM l JOIN r USING (k) WHERE date_trunc(''minute'', l.ts) = date_trunc(''minute'', r.ts)'),
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.ts = r.ts'),
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND l.ts > r.ts'),
('SELECT l.id AS l, r.id AS r, n.id AS n FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts AND r.ts + ''20 s'' JOIN n ON n.k = r.k AND n.ts BETWEEN r.ts AND r.ts + ''20 s'''),
('SELECT l.id AS l, r.id AS r, n.id AS n FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts AND r.ts + ''20 s'' JOIN n ON n.k = l.k AND n.ts BETWEEN l.ts - interval ''10 s'' AND l.ts'),
('SELECT w, l.k, count(*), sum(r.id) FROM (SELECT tumble(ts, ''30 s'') AS w, k FROM l) l JOIN (SELECT tumble(ts, ''30 s'') AS w, k, id FROM r) r USING (w, k) GROUP BY 1, 2'),
('SELECT tumble(l.ts, ''10 s'') AS w, count(*), array_agg(r.id ORDER BY r.id, l.id) FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts GROUP BY 1'),
('SELECT hop(r.ts, ''20 s'', ''10 s'') AS w, r.k, count(*) FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts GROUP BY 1, 2'),
('SELECT tumble(q.rts, ''20 s'') AS w, count(*) FROM (SELECT l.ts AS lts, r.ts AS rts, l.k FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''5 s''::interval AND r.ts) q JOIN n ON n.k = q.k AND n.ts BETWEEN q.rts AND q.rts + ''5 s'' GROUP BY 1'),
('SELECT l.id AS l, m.id AS m FROM l JOIN m ON l.k = m.k AND l.ts BETWEEN m.ts - interval ''1 s'' AND m.ts'),
('SELECT n, count(*) FROM (SELECT tumble(l.ts, ''10 s'') AS w, l.k, count(*) AS n FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts GROUP BY 1, 2) q GROUP BY n'),
('SELECT session_window(l.ts, ''5 s'') AS w, count(*), count(DISTINCT r.k) AS ks FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts GROUP BY 1'),
-- beside tables and functions
('SELECT tumble(l.ts, ''10 s'') AS w, dim.name, count(*) FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts LEFT JOIN dim ON dim.k = l.k GROUP BY 1, 2'),
('SELECT w, l.k, count(*), sum(r.id) FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts, hop(l.ts, ''20 s'', ''10 s'') AS w GROUP BY 1, 2'),
('SELECT w, count(*), count(DISTINCT l.k) AS ks FROM dim RIGHT JOIN (l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts) ON dim.k = l.k LEFT JOIN LATERAL hop(r.ts, ''20 s'', ''10 s'') AS w ON true GROUP BY 1'),
('SELECT w, l.k, count(*) FROM l CROSS JOIN hop(l.ts, ''20 s'', ''10 s'') AS w WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND l.ts BETWEEN r.ts - ''8 s''::interval AND r.ts LIMIT 1) GROUP BY 1, 2'),
('SELECT session_window(l.ts, ''2 s'') AS w, l.k, count(*), count(DISTINCT r.id) AS ids FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts GROUP BY 1, 2');
INSERT INTO queries (query) VALUES
-- bounds of windows, and windows of times that are shifted
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND l.ts <@ tumble(r.ts, ''10 s'')'),
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN lower(tumble(r.ts, ''10 s'')) - interval ''5 s'' AND window_time(tumble(r.ts, ''10 s''))'),
('SELECT l.id AS l, r.id AS r FROM l JOIN r ON l.k = r.k AND upper(tumble(l.ts, ''10 s'')) BETWEEN r.ts AND r.ts + interval ''7 s'''),
('SELECT l.id AS l, r.id AS r FROM (SELECT date_trunc(''minute'', ts) AS m, k, id FROM l) l JOIN r ON l.k = r.k AND r.ts - l.m BETWEEN ''10 s'' AND ''40 s'''),
('SELECT l.id AS l, r.id AS r FROM (SELECT ts, tumble(ts - interval ''5 s'', ''30 s'') AS w, k, id FROM l) l JOIN (SELECT ts, tumble(ts + interval ''8 s'', ''30 s'') AS w, k, id FROM r) r USING (w, k)'),
('SELECT l.id AS l, r.id AS r FROM (SELECT ts, ts - interval ''20 s'' AS b, k, id FROM l) l JOIN r ON l.k = r.k AND r.ts BETWEEN l.b AND l.b + interval ''5 s''');
INSERT INTO queries (query) VALUES
-- hop of the windows that hop gives in the join: readers cannot compute it among the columns
('SELECT hop(window_time(q.w), ''20 s'', ''10 s'') AS w, q.k, count(*) FROM (SELECT w, l.k FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts, hop(l.ts, ''20 s'', ''10 s'') AS w) q GROUP BY 1, 2'),
('SELECT h AS w, q.k, count(*) FROM (SELECT w, l.k FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts, hop(l.ts, ''20 s'', ''10 s'') AS w) q, hop(window_time(q.w), ''20 s'', ''10 s'') AS h GROUP BY 1, 2'),
('SELECT hop(window_time(q.w), ''20 s'', ''10 s'') AS w, count(*) FROM (SELECT w, l.k, count(*) FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - ''20 s''::interval AND r.ts, hop(l.ts, ''20 s'', ''10 s'') AS w GROUP BY 1, 2) q GROUP BY 1');
CALL make_views();
SELECT n, refusal, query FROM queries WHERE refusal IS NOT NULL ORDER BY n;
-- those that can be, in append mode, too
CREATE PROCEDURE make_final_views() LANGUAGE plpgsql AS $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries WHERE refusal IS NULL AND query LIKE '% GROUP BY %' ORDER BY n LOOP
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW f%s WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.output_mode = ''append'') AS %s', q.n, q.query);
		EXCEPTION WHEN feature_not_supported THEN
			RAISE WARNING '%: %', q.n, SQLERRM;
		END;
	END LOOP;
END $$;
CALL make_final_views();
-- sessions compare with gaps and islands
CREATE VIEW islands AS SELECT tstzrange(min(ts), max(ts) + '2 s') AS w, k, count(*), count(DISTINCT id) AS ids
FROM (SELECT *, sum(begins) OVER (PARTITION BY k ORDER BY ts, begins DESC ROWS UNBOUNDED PRECEDING) AS island
	FROM (SELECT l.ts, l.k, r.id, CASE WHEN l.ts <= lag(l.ts) OVER (PARTITION BY l.k ORDER BY l.ts) + '2 s' THEN 0 ELSE 1 END AS begins
		FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - '20 s'::interval AND r.ts) j) i
GROUP BY k, island;
UPDATE queries SET refusal = 'not like the plain query' WHERE query LIKE '%session_window%';
CREATE FUNCTION check_final() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	q record;
	n bigint;
BEGIN
	FOR q IN SELECT queries.n, CASE WHEN query LIKE '%session_window%' THEN 'TABLE islands' ELSE query END AS query FROM queries
		WHERE (refusal IS NULL OR query LIKE '%''2 s''%') AND to_regclass('f' || queries.n) IS NOT NULL
	LOOP
		EXECUTE format('SELECT count(*) FROM (TABLE f%s EXCEPT ALL %s) d', q.n, q.query) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s rows of f%s are not final', n, q.n);
		END IF;
	END LOOP;
END $$;
SELECT setseed(0.7);
DO $$
DECLARE
	wrong record;
BEGIN
	FOR i IN 1..14 LOOP
		IF i % 5 <> 0 THEN
			INSERT INTO l SELECT '2024-01-01'::timestamptz + i * '15 s'::interval + round((random() * 45)::numeric, 0) * '1 s'::interval, random() * 3, i * 100 + x FROM generate_series(1, 12) x;
		END IF;
		IF i % 4 <> 0 THEN
			INSERT INTO r SELECT '2024-01-01'::timestamptz + i * '15 s'::interval + round((random() * 45)::numeric, 0) * '1 s'::interval, random() * 3, i * 100 + x FROM generate_series(1, 12) x;
		END IF;
		INSERT INTO m SELECT '2024-01-01'::timestamp + i * '15 s'::interval + random() * '45 s'::interval, random() * 3, i * 100 + x FROM generate_series(1, 5) x;
		INSERT INTO n SELECT '2024-01-01'::timestamptz + i * '15 s'::interval + round((random() * 45)::numeric, 0) * '1 s'::interval, random() * 3, i * 100 + x FROM generate_series(1, 5) x;
		COMMIT;
		CALL refresh_views();
		FOR wrong IN SELECT c.* FROM check_queries() c UNION ALL SELECT f, '' FROM check_final() f UNION ALL
			SELECT 'session', w::text FROM ((TABLE islands EXCEPT ALL TABLE q20) UNION ALL (TABLE q20 EXCEPT ALL TABLE islands)) s LOOP
			RAISE 'round %: % of %', i, wrong.wrong, wrong.query;
		END LOOP;
	END LOOP;
END $$;
-- something is final, and what is kept is not all
SELECT (SELECT count(*) FROM f10) > 5 AS some10, (SELECT count(*) FROM f9) > 5 AS some9, (SELECT count(*) FROM f11) > 5 AS some11, (SELECT count(*) FROM f12) > 5 AS some12,
	(SELECT count(*) FROM f16) > 5 AS some16, (SELECT count(*) FROM f17) > 5 AS some17, (SELECT count(*) FROM f18) > 5 AS some18, (SELECT count(*) FROM f19) > 5 AS some19, (SELECT count(*) FROM f20) > 5 AS some20;
SELECT n, kept[1] < (SELECT count(*) FROM l) AS l, kept[2] < (SELECT count(*) FROM r) AS r
FROM queries q, kept(format('q%s', n)::regclass) WHERE n <= 10 OR n BETWEEN 16 AND 18 OR n > 20 ORDER BY 1;
-- far ahead: all is final, and next to nothing kept
INSERT INTO l VALUES ('2024-01-02', 0, 0); INSERT INTO r VALUES ('2024-01-02', 0, 0); INSERT INTO m VALUES ('2024-01-02', 0, 0); INSERT INTO n VALUES ('2024-01-02', 0, 0);
CALL refresh_views(2);
SELECT * FROM check_queries();
SELECT * FROM check_final();
CREATE FUNCTION check_all_final() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	q record;
	n bigint;
BEGIN
	FOR q IN SELECT queries.n, CASE WHEN query LIKE '%session_window%' THEN 'TABLE islands' ELSE query END AS query FROM queries
		WHERE (refusal IS NULL OR query LIKE '%''2 s''%') AND to_regclass('f' || queries.n) IS NOT NULL
	LOOP
		EXECUTE format('SELECT count(*) FROM (SELECT * FROM (%s) p WHERE upper(w) < ''2024-01-01 12:00Z'' EXCEPT ALL TABLE f%s) d', q.query, q.n) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s rows are not in f%s', n, q.n);
		END IF;
	END LOOP;
END $$;
SELECT * FROM check_all_final();
SELECT q.n, kept(format('q%s', n)::regclass) FROM queries q WHERE n <= 10 OR n BETWEEN 16 AND 18 OR n > 20 ORDER BY 1;
SELECT sum(late_rows) AS late FROM streaming.views;
DROP SCHEMA et CASCADE;
DROP TABLE l, r, m, n CASCADE;
DROP FUNCTION kept;
SELECT * FROM leftovers();
