-- Event time where a stream is joined, hidden by joins, or read more than once
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;

-- rows are judged once, however often a join reads them, even if never
CREATE TABLE e (ts timestamptz, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute', streaming.max_future = '1 year');
CREATE TABLE t (a int, flag bool) WITH (autovacuum_enabled = off);
INSERT INTO t VALUES (1, true);
ANALYZE t;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT tumble(ts, '1 minute') AS w, count(*) FROM t, e WHERE t.flag GROUP BY 1;
CREATE TABLE none (a int, flag bool);
CREATE MATERIALIZED VIEW w_none WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT tumble(ts, '1 minute') AS w, count(*) FROM none, e WHERE none.flag GROUP BY 1;
INSERT INTO t VALUES (2, true), (3, true), (4, true);
INSERT INTO e VALUES ('2026-01-01 10:00', 5);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO e VALUES ('2026-01-01 10:10', 5);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO e VALUES ('2026-01-01 10:00', 5), ('2026-01-01 10:01', 6), (NULL, 3), ('2130-01-01', 4);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, late_rows, null_rows, watermark FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT view, reason, event_time, stream_row FROM streaming.errors ORDER BY view::text COLLATE "C", reason, event_time;
DROP MATERIALIZED VIEW w, w_none;
TRUNCATE e;

-- a window that depends on the join: late rows are dropped, and not kept
INSERT INTO t SELECT x, false FROM generate_series(10, 20000) x;
ANALYZE t;
CREATE MATERIALIZED VIEW m WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT session_window(ts, a * interval '1 minute') AS w, count(*) FROM t JOIN e ON k BETWEEN a AND a + 1 GROUP BY 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW m WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT session_window(ts, a * interval '1 minute') AS w, count(*) FROM t JOIN e ON k BETWEEN a AND a + 1 GROUP BY 1;
ALTER MATERIALIZED VIEW m SET (streaming.late_rows = keep);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO e VALUES ('2026-01-01 10:00', 1);
REFRESH MATERIALIZED VIEW m;
INSERT INTO e VALUES ('2026-01-01 11:00', 1);
REFRESH MATERIALIZED VIEW m;
INSERT INTO e VALUES ('2026-01-01 10:10', 1), ('2026-01-01 10:58:30', 1);
REFRESH MATERIALIZED VIEW m;
SELECT * FROM m ORDER BY w;
SELECT late_rows > 0 FROM streaming.views;
DROP MATERIALIZED VIEW m;

-- hop where its rows are not those of the stream
CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS
	SELECT w, count(*) FROM (SELECT w FROM e, hop(ts, '7 minutes', '3 minutes') w) q GROUP BY 1;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS
	SELECT w, count(*) FROM e LEFT JOIN LATERAL hop(ts, '7 minutes', '3 minutes') w ON true GROUP BY 1;
\echo :LAST_ERROR_SQLSTATE

-- a security barrier hides rows: by a condition, with or without sub-selects ...
TRUNCATE e;
CREATE TABLE vip (k int);
INSERT INTO vip VALUES (1);
CREATE VIEW b_in WITH (security_barrier) AS SELECT ts, k FROM e WHERE k IN (SELECT k FROM vip);
CREATE VIEW b_exists WITH (security_barrier) AS SELECT ts FROM e WHERE EXISTS (SELECT FROM vip WHERE vip.k = e.k) AND ts IS NOT NULL;
CREATE VIEW b_nested WITH (security_barrier) AS SELECT ts FROM (SELECT ts, k FROM e WHERE k < 100) q WHERE k = 1;
CREATE VIEW b_union WITH (security_barrier) AS SELECT ts FROM e WHERE k = 1 UNION ALL SELECT ts FROM e WHERE k = 1 AND false;
CREATE VIEW b_join WITH (security_barrier) AS SELECT ts FROM e JOIN vip USING (k);
CREATE VIEW b_nested_in WITH (security_barrier) AS SELECT ts FROM (SELECT ts, k FROM e) q WHERE k IN (SELECT k FROM vip);
GRANT SELECT ON b_in, b_exists, b_nested, b_union, b_join, b_nested_in TO regress_streaming_a;
SET ROLE regress_streaming_a;
SELECT format('CREATE MATERIALIZED VIEW v_%1$s WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, ''1 minute'') AS w, count(*) FROM %1$s WHERE ts > ''2020-01-01'' GROUP BY 1', v)
FROM unnest(ARRAY['b_in', 'b_exists', 'b_nested', 'b_union', 'b_join', 'b_nested_in']) v \gexec
RESET ROLE;
INSERT INTO e VALUES ('2026-01-01 10:00', 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO e VALUES ('2026-01-01 11:00', 2), (NULL, 2), ('2130-01-01', 2);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO e VALUES ('2026-01-01 10:01', 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SET ROLE regress_streaming_a;
SELECT view, input_times[1], watermark, late_rows, null_rows FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT count(*) FROM streaming.errors;
SELECT * FROM v_b_in ORDER BY w;
SELECT * FROM v_b_nested ORDER BY w;
RESET ROLE;
DROP TABLE e CASCADE;

-- times at the end of the calendar, in a time zone west of UTC
CREATE TABLE l (ts timestamp, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.max_future = '1 hour');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM l GROUP BY k;
INSERT INTO l VALUES ('294276-12-31 23:59:59.999999', 1);
SET TimeZone = 'America/New_York';
REFRESH MATERIALIZED VIEW v;
SELECT event_time FROM streaming.errors;
ALTER TABLE l RESET (streaming.max_future);
INSERT INTO l VALUES ('294276-12-31 23:59:59.999999', 1);
REFRESH MATERIALIZED VIEW v;
SELECT input_times FROM streaming.views;
DROP TABLE l CASCADE;
DROP TABLE t, none, vip;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a;
SELECT * FROM leftovers();
