-- Sessions of groups: merged by operators, or by readers (append mode, more than groups in FROM)
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE TABLE s (ts timestamptz, k int, v int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE names (k int, name text);
INSERT INTO names VALUES (1, 'one'), (2, 'two');
-- batches only when they are asked for, and until there is nothing more to do

CREATE MATERIALIZED VIEW up WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, session_window(window_time(w), '10 minutes') AS visit, sum(c), count(*), min(lower(w)) AS first
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY k, w) q GROUP BY k, visit;
CREATE MATERIALIZED VIEW app WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT k, session_window(window_time(w), '10 minutes') AS visit, sum(c), count(*), min(lower(w)) AS first
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY k, w) q GROUP BY k, visit;

---- by hand

INSERT INTO s VALUES ('2026-01-01 00:00:30', 1, 1), ('2026-01-01 00:00:40', 1, 2), ('2026-01-01 00:05:00', 1, 3), ('2026-01-01 00:05:00', 2, 4);
CALL refresh_views(2);
-- [0:00:59.999999, 0:10:59.999999) and [0:05:59.999999, ...) overlap
SELECT * FROM up ORDER BY k, visit;
-- none has ended by 0:05:00
SELECT * FROM app ORDER BY k, visit;
-- the session of 0:15 touches that of 0:05, which ends as it begins; that of 0:26 does not
INSERT INTO s VALUES ('2026-01-01 00:15:00', 1, 5), ('2026-01-01 00:26:00', 1, 6);
CALL refresh_views(2);
SELECT * FROM up ORDER BY k, visit;
-- by 0:26:00, that of key 1 ends at 0:25:59.999999
SELECT * FROM app ORDER BY k, visit;

-- a session that ends where the watermark is may still be touched
CREATE TABLE e (ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW edge WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT session_window(window_time(w), '1 minute') AS visit, sum(c)
	FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM e GROUP BY w) q GROUP BY visit;
INSERT INTO e VALUES ('2026-01-01 00:00:00'), ('2026-01-01 00:01:59.999999');
CALL refresh_views(2);
SELECT * FROM edge;
INSERT INTO e VALUES ('2026-01-01 00:01:59.999999');
CALL refresh_views(2);
SELECT * FROM edge;
INSERT INTO e VALUES ('2026-01-01 00:03:00');
CALL refresh_views(2);
SELECT * FROM edge;
DROP TABLE e CASCADE;

---- every spelling, against a query that counts the beginnings of sessions

CREATE TABLE t (ts timestamptz, k int, v int, gap interval) USING stream;
CREATE VIEW groups AS SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c, max(gap) AS gap FROM t GROUP BY k, w;
CREATE VIEW expected AS
	SELECT k, island, tstzrange(min(lower(r)), max(upper(r)), CASE WHEN min(lower(r)) = max(upper(r)) THEN '[]' ELSE '[)' END) AS visit, sum(c) AS c, count(*) AS n
	FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY k ORDER BY r) AS island
		FROM (SELECT *, coalesce(lower(r) > max(upper(r)) OVER (PARTITION BY k ORDER BY r
				ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins
			FROM (SELECT k, c, session_window(window_time(w), gap) AS r FROM groups) q
			WHERE r IS NOT NULL) q) q
	GROUP BY k, island;
CREATE MATERIALIZED VIEW plain WITH (streaming.continuous) AS
	SELECT k, session_window(window_time(w), gap) AS visit, sum(c), count(*)
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c, max(gap) AS gap FROM t GROUP BY k, w) q GROUP BY 1, 2;
-- the session comes from a sub-select, or from a function in FROM
CREATE MATERIALIZED VIEW by_column WITH (streaming.continuous) AS
	SELECT k, r, sum(c), count(*)
	FROM (SELECT k, c, session_window(window_time(w), gap) AS r
		FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c, max(gap) AS gap FROM t GROUP BY k, w) q) q GROUP BY k, r;
CREATE MATERIALIZED VIEW by_function WITH (streaming.continuous) AS
	SELECT k, r, sum(c), count(*)
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c, max(gap) AS gap FROM t GROUP BY k, w) q,
		session_window(window_time(w), gap) r GROUP BY k, r;
-- a table beside it, HAVING, an aggregate of what the session is made of
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous) AS
	SELECT name, session_window(window_time(w), gap) AS visit, sum(c), count(*), max(upper(session_window(window_time(w), gap))) AS end
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c, max(gap) AS gap FROM t GROUP BY k, w) q JOIN names USING (k)
	GROUP BY name, visit HAVING count(*) > 1;
-- no other key; and an aggregation of the sessions
CREATE MATERIALIZED VIEW all_keys WITH (streaming.continuous) AS
	SELECT session_window(window_time(w), gap) AS visit, sum(c)
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS c, max(gap) AS gap FROM t GROUP BY k, w) q GROUP BY visit;
CREATE MATERIALIZED VIEW lengths WITH (streaming.continuous) AS
	SELECT k, count(*) AS visits, max(upper(visit)) AS last
	FROM (SELECT k, session_window(window_time(w), gap) AS visit
		FROM (SELECT k, tumble(ts, '1 minute') AS w, max(gap) AS gap FROM t GROUP BY k, w) q GROUP BY k, visit) q GROUP BY k;
-- of sessions of the stream, that have been merged already
CREATE MATERIALIZED VIEW of_sessions WITH (streaming.continuous) AS
	SELECT k, session_window(window_time(visit), '1 hour') AS day, count(*) AS visits, sum(c)
	FROM (SELECT k, session_window(ts, gap) AS visit, count(*) AS c FROM t GROUP BY k, visit) q GROUP BY k, day;
-- these are grouped as they are
CREATE MATERIALIZED VIEW same_session WITH (streaming.continuous) AS
	SELECT visit, count(*) AS keys FROM (SELECT k, session_window(ts, gap) AS visit FROM t GROUP BY k, visit) q GROUP BY visit;

CREATE FUNCTION differences() RETURNS TABLE (what text, n bigint) LANGUAGE sql AS $$
	WITH e AS (SELECT k, visit, c, n FROM expected)
	SELECT what, count(*) FROM (
		SELECT 'plain' AS what FROM ((TABLE plain EXCEPT ALL TABLE e) UNION ALL (TABLE e EXCEPT ALL TABLE plain)) d
		UNION ALL SELECT 'by_column' FROM ((TABLE by_column EXCEPT ALL TABLE e) UNION ALL (TABLE e EXCEPT ALL TABLE by_column)) d
		UNION ALL SELECT 'by_function' FROM ((TABLE by_function EXCEPT ALL TABLE e) UNION ALL (TABLE e EXCEPT ALL TABLE by_function)) d
		UNION ALL SELECT 'joined' FROM ((SELECT name, visit, sum, count FROM joined EXCEPT ALL
				SELECT name, visit, c, n FROM e JOIN names USING (k) WHERE n > 1)
			UNION ALL (SELECT name, visit, c, n FROM e JOIN names USING (k) WHERE n > 1 EXCEPT ALL
				SELECT name, visit, sum, count FROM joined)) d
		UNION ALL SELECT 'joined.end' FROM joined WHERE "end" <> upper(visit)
		UNION ALL SELECT 'all_keys' FROM all_keys a, all_keys b WHERE a.visit <> b.visit AND (a.visit && b.visit OR a.visit -|- b.visit)
		UNION ALL SELECT 'all_keys' WHERE (SELECT sum(sum) FROM all_keys) <> (SELECT sum(c) FROM e)
		UNION ALL SELECT 'lengths' FROM ((TABLE lengths EXCEPT ALL SELECT k, count(*), max(upper(visit)) FROM e GROUP BY k)
			UNION ALL (SELECT k, count(*), max(upper(visit)) FROM e GROUP BY k EXCEPT ALL TABLE lengths)) d
		UNION ALL SELECT 'of_sessions' FROM of_sessions a, of_sessions b WHERE a.k = b.k AND a.day <> b.day AND (a.day && b.day OR a.day -|- b.day)
		) d GROUP BY what ORDER BY what $$;
SELECT setseed(0.5);
INSERT INTO t SELECT timestamptz '2026-01-01' + random() * interval '10 hours', (random() * 3)::int, 1, '5 minutes' FROM generate_series(1, 300);
CALL refresh_views(2);
SELECT count(*) > 100 AS many, max(n) > 3 AS long FROM expected;
SELECT * FROM differences();
INSERT INTO t SELECT timestamptz '2026-01-01' + random() * interval '10 hours', (random() * 3)::int, 1, interval '1 minute' * (random() * 20)::int FROM generate_series(1, 100);
-- no session, and no time
INSERT INTO t VALUES ('2026-01-01', 1, 1, '0'), ('2026-01-01', NULL, 1, NULL), (NULL, 1, 1, '1 minute'), ('infinity', 2, 1, '1 minute'), ('2026-01-01 20:00', NULL, 1, '1 minute');
CALL refresh_views(2);
SELECT * FROM differences();
SELECT (SELECT sum(visits) FROM of_sessions) = (SELECT sum(keys) FROM same_session) AS all_visits,
	(SELECT count(*) FROM same_session) = (SELECT count(DISTINCT visit) FROM same_session) AS once;
-- readers have no rights but on the view
CREATE ROLE regress_streaming_reader;
GRANT SELECT ON plain, app TO regress_streaming_reader;
SET ROLE regress_streaming_reader;
SELECT count(*) > 0 AS rows FROM plain;
SELECT count(*) > 0 AS rows FROM app;
RESET ROLE;
DROP OWNED BY regress_streaming_reader;
DROP ROLE regress_streaming_reader;

---- what is refused

CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT lower(session_window(window_time(w), '1 hour')) AS x, sum(c)
	FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q GROUP BY x;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT session_window(window_time(w), '1 hour') AS x, session_window(window_time(w), '1 minute') AS y, sum(c)
	FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q, names GROUP BY x, y;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT session_window(window_time(w), '1 hour') AS x, sum(c)
	FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q, names GROUP BY ROLLUP (x);
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT session_window(window_time(w), '1 hour') AS x, c::text::xid AS c, count(*)
	FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q, names GROUP BY x, c::text::xid;
-- what would not be merged is not taken for a range like others
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT x, sum(c) FROM (SELECT session_window(ts, '10 minutes') AS x, c FROM (SELECT ts, count(*) AS c FROM s GROUP BY ts) y
		UNION ALL SELECT session_window(ts, '10 minutes'), c FROM (SELECT ts, count(*) AS c FROM s GROUP BY ts) y) u GROUP BY x;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT x, sum(c) FROM (SELECT coalesce(session_window(window_time(w), '1 hour'), NULL) AS x, c
		FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q) q GROUP BY x;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT x, sum(c) FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q, LATERAL (VALUES (session_window(window_time(w), '1 hour'))) v (x) GROUP BY x;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT x, count(*) FROM s, ROWS FROM (session_window(ts, '1 hour'), generate_series(1, 1)) v (x, i) GROUP BY x;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT x, count(*) FROM (SELECT session_window(ts, '1 hour') AS x FROM s UNION ALL SELECT session_window(ts, '1 hour') FROM s) q GROUP BY x;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT coalesce(session_window(ts, '1 hour'), NULL) AS x, count(*) FROM s GROUP BY x;
-- the start of a window is no event time of its group: when another one comes is not known
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT session_window(lower(w), '1 hour') AS x, sum(c)
	FROM (SELECT tumble(ts, '1 minute') AS w, count(*) AS c FROM s GROUP BY w) q GROUP BY x;
-- which calls it without a window is told by the server; by another order, no harm is done
SELECT streaming._merged_session(r) OVER () FROM (VALUES (tstzrange(NULL, NULL))) v (r);
SELECT streaming._merged_session(r) OVER () FROM (VALUES (tstzrange('2026-01-02', '2026-01-03')), (NULL)) v (r);

CREATE OPERATOR @#@ (PROCEDURE = streaming._merged_session, RIGHTARG = tstzrange);
SELECT @#@ tstzrange('2026-01-02', '2026-01-03');
DROP OPERATOR @#@ (NONE, tstzrange);

-- direct arguments of an aggregate are about the session
CREATE TABLE da (ts timestamptz, k int) USING stream;
CREATE MATERIALIZED VIEW direct WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, session_window(window_time(w), '2 minutes') AS b, count(*),
		percentile_disc(least(1, extract(epoch FROM upper(session_window(window_time(w), '2 minutes')) - lower(session_window(window_time(w), '2 minutes'))) / 1000))
			WITHIN GROUP (ORDER BY n) AS p
	FROM (SELECT k, tumble(ts, '1 minute') AS w, count(*) AS n FROM da GROUP BY k, w) q GROUP BY k, b;
INSERT INTO da SELECT timestamptz '2026-01-01' + m * interval '1 minute', 1 FROM generate_series(1, 10) m, generate_series(1, m) g;
REFRESH MATERIALIZED VIEW direct;
SELECT count, p FROM direct;
DROP TABLE da CASCADE;

DROP VIEW expected, groups;
DROP FUNCTION differences;
DROP TABLE s, t CASCADE;
DROP TABLE names;
SELECT * FROM leftovers();
