-- Event time: the two thresholds (C) and late rows (D)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE FUNCTION look(v regclass, OUT watermark timestamptz, OUT late int8, OUT nulls int8)
	LANGUAGE sql AS 'SELECT watermark, late_rows, null_rows FROM streaming.views WHERE view = v';

---- C1: data batches that follow each other directly: the late threshold is one behind

-- one row fills a page, and a batch takes one page
CREATE TABLE s (ts timestamptz, n int, filler text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
ALTER TABLE s ALTER filler SET STORAGE PLAIN;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.max_batch_rows = 1) AS
	SELECT tumble(ts, '1 min') w, count(*), sum(n), avg(n) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.max_batch_rows = 1, streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min') w, count(*), sum(n), avg(n) FROM s GROUP BY w;
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW a;
SELECT view, batches FROM streaming.views ORDER BY view::text;
-- in batch 2: 10:00; after it W = 10:00.
-- In batch 3: L is nothing, E = 10:00: 09:00 is accepted, and its window closed.
-- In batch 4: L = 10:00: 09:00 is late; 09:59 is (its window ends with the threshold);
-- in batches 5 and 6 the same for 09:59:30 (late) and 10:00 (not late)
INSERT INTO s VALUES ('2024-01-01 10:00', 1, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 09:00', 2, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 09:00:01', 3, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 09:59:30', 4, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 10:00', 5, repeat('x', 6000));
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW a;
SELECT lower(w), count, sum, round(avg, 1) AS avg FROM v ORDER BY w;
SELECT * FROM look('v');
SELECT lower(w), count, sum, round(avg, 1) AS avg FROM a ORDER BY w;
SELECT * FROM look('a');
-- five batches of rows; the watermark moves in the first: its empty batch is not needed
SELECT view, batches FROM streaming.views ORDER BY view::text;
-- C1, B5: W = 11:00 from the second batch on; the row of 10:30 in the next is accepted, by the last one late
INSERT INTO s VALUES ('2024-01-01 11:00', 1, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 10:30', 2, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 10:30', 3, repeat('x', 6000));
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW a;
SELECT lower(w), count, sum, round(avg, 1) AS avg FROM v ORDER BY w;
SELECT * FROM look('v');
SELECT lower(w), count, sum, round(avg, 1) AS avg FROM a ORDER BY w;
SELECT * FROM look('a');
-- C2: with a pause between them, L has caught up: 12:00, then 11:30 is late at once
INSERT INTO s VALUES ('2024-01-01 12:00', 1, repeat('x', 6000));
REFRESH MATERIALIZED VIEW v;
INSERT INTO s VALUES ('2024-01-01 11:30', 2, repeat('x', 6000));
REFRESH MATERIALIZED VIEW v;
SELECT lower(w), count, sum, round(avg, 1) AS avg FROM v WHERE lower(w) >= '2024-01-01 11:00' ORDER BY w;
SELECT * FROM look('v');
DROP TABLE s CASCADE;

---- D1: late is what ends at or before the threshold: the window, not the row

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '5 min');
CREATE MATERIALIZED VIEW hours WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 hour') w, count(*), sum(k) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW minutes WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*), sum(k) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW times WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT ts, count(*), sum(k) FROM s GROUP BY ts;
CREATE MATERIALIZED VIEW bins WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT date_bin('10 min', ts, '2000-01-01') w, count(*), sum(k) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW trunc WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT date_trunc('hour', ts) w, count(*), sum(k) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW hops WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT hop(ts, '10 min', '5 min') w, count(*), sum(k) FROM s GROUP BY w;
-- D2: drops nothing
CREATE MATERIALIZED VIEW keys WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*), max(ts) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW nokeys WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(*), max(ts), count(ts) AS with_time FROM s;
CREATE MATERIALIZED VIEW days WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT ts::date AS day, count(*) FROM s GROUP BY day;
-- D6: neither (but NULL is no time: E3)
CREATE MATERIALIZED VIEW complete WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '1 min') w, count(*), sum(k) FROM s GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01 10:40');
CALL refresh_views();
-- L = 10:35. All of 10:00 to 11:00 is open for hours.
-- minutes: 10:34:59.999999 (window to 10:35) is late, 10:35 is not
-- times: 10:35 is late, 10:35:00.000001 not
-- bins of ten minutes: 10:30 to 10:40 is open, 10:29:59 is late
-- hops: 10:25 is in 10:20 to 10:30 and 10:25 to 10:35, both closed; 10:30 also in 10:30 to 10:40 (D3: counts there, and as late)
INSERT INTO s VALUES (2, '2024-01-01 10:00'), (4, '2024-01-01 09:59:59.999999'), (8, '2024-01-01 10:25'), (16, '2024-01-01 10:29:59'),
	(32, '2024-01-01 10:30'), (64, '2024-01-01 10:34:59.999999'), (128, '2024-01-01 10:35'), (256, '2024-01-01 10:35:00.000001'), (512, NULL);
CALL refresh_views();
-- 9 o'clock is late, all else counts
SELECT lower(w), count, sum FROM hours ORDER BY w;
SELECT lower(w), count, sum FROM minutes ORDER BY w;
SELECT * FROM times ORDER BY ts;
SELECT * FROM bins ORDER BY w;
SELECT * FROM trunc ORDER BY w;
SELECT w, count, sum FROM hops ORDER BY w;
SELECT view, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- what drops nothing is the plain query
SELECT view, check_view(view) FROM streaming.views WHERE view::text IN ('keys', 'nokeys', 'days') ORDER BY view::text;
SELECT * FROM complete EXCEPT ALL SELECT tumble(ts, '1 min'), count(*), sum(k) FROM s WHERE ts IS NOT NULL GROUP BY 1;
SELECT tumble(ts, '1 min'), count(*), sum(k) FROM s WHERE ts IS NOT NULL GROUP BY 1 EXCEPT ALL SELECT * FROM complete;
-- D7: no trace, also of a key that has only late rows; and the rows are late after a restart
SELECT restart_workers();
INSERT INTO s VALUES (1024, '2024-01-01 08:00'), (1024, '2024-01-01 10:29');
CALL refresh_views();
SELECT (SELECT count(*) FROM minutes WHERE w @> '2024-01-01 08:00'::timestamptz OR w @> '2024-01-01 10:29'::timestamptz) AS minutes,
	(SELECT count(*) FROM times WHERE ts <= '2024-01-01 10:29') AS times, (SELECT sum(sum) FROM hours) AS hours;
SELECT view, late_rows, null_rows FROM streaming.views ORDER BY view::text;
SELECT view, check_view(view) FROM streaming.views WHERE view::text IN ('keys', 'nokeys', 'days') ORDER BY view::text;
SELECT * FROM complete EXCEPT ALL SELECT tumble(ts, '1 min'), count(*), sum(k) FROM s WHERE ts IS NOT NULL GROUP BY 1;
SELECT tumble(ts, '1 min'), count(*), sum(k) FROM s WHERE ts IS NOT NULL GROUP BY 1 EXCEPT ALL SELECT * FROM complete;
DROP TABLE s CASCADE;

---- D2: what is judged is the key of the operator, after WHERE: rows that are filtered out are not late

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE t (k int, name text);
INSERT INTO t VALUES (1, 'one'), (1, 'uno'), (2, 'two');
CREATE MATERIALIZED VIEW filtered WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s WHERE k > 1 GROUP BY w;
CREATE MATERIALIZED VIEW agg_filter WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FILTER (WHERE k > 1) FROM s GROUP BY w;
-- (a row is counted once, before it is joined, with two partners or without one)
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, name, count(*) FROM s JOIN t USING (k) GROUP BY w, name;
INSERT INTO s VALUES (2, '2024-01-01 10:00');
CALL refresh_views();
INSERT INTO s VALUES (1, '2024-01-01 09:00'), (2, '2024-01-01 09:00'), (3, '2024-01-01 09:00'), (1, NULL), (3, NULL);
CALL refresh_views();
SELECT view, late_rows, null_rows FROM streaming.views ORDER BY view::text;
SELECT lower(w), count FROM agg_filter ORDER BY w;
DROP TABLE s, t CASCADE;

---- NULL without a declared event time: as the plain query has it (E3)

CREATE TABLE s (k int, ts timestamptz) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01 10:00'), (1, NULL), (1, '2023-01-01');
CALL refresh_views();
INSERT INTO s VALUES (1, '2022-01-01 10:00'), (1, NULL);
CALL refresh_views();
SELECT lower(w), count FROM v ORDER BY w;
SELECT check_view('v');
SELECT * FROM look('v');
DROP TABLE s CASCADE;

-- with an event time, but no watermark: nothing is late, NULL is dropped all the same
CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01 10:00'), (1, NULL), (1, '2023-01-01');
CALL refresh_views();
INSERT INTO s VALUES (1, '2022-01-01 10:00'), (1, NULL);
CALL refresh_views();
SELECT lower(w), count FROM v ORDER BY w;
SELECT * FROM look('v');
DROP TABLE s CASCADE;

---- streaming.late_rows = 'keep': every row that is not taken, with the reason

CREATE TABLE s (k int, ts timestamptz, t text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.max_future = '1 hour');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '1 min') w, count(*), sum(k) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW dropping WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*), sum(k) FROM s GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01 10:00', 'on time');
CALL refresh_views();
SELECT count(*) FROM streaming.errors;
INSERT INTO s VALUES (2, '2024-01-01 09:00', 'late, "quoted", (too)'), (3, NULL, 'no time'), (4, '2024-01-01 10:00:30', 'on time'), (5, '-infinity', NULL), (6, 'infinity', 'too soon');
-- max_future: rows from beyond are like bad rows; they do not move the watermark (and are kept by any view)
INSERT INTO s VALUES (7, now() + interval '1 day', 'too soon'), (11, now() + interval '59 min', 'just so');
CALL refresh_views();
SELECT view, stream, reason, event_time > now() AS future, isfinite(event_time) AS finite, CASE WHEN event_time < now() THEN event_time END AS event_time,
	CASE WHEN reason <> 'future' THEN stream_row END AS stream_row, partition,
	(SELECT k FROM s WHERE s.ctid = tid) AS k
FROM streaming.errors ORDER BY view::text, k;
SELECT CASE WHEN lower(w) < '2025-01-01' THEN lower(w) END, count, sum FROM v ORDER BY w;
SELECT watermark = (SELECT date_trunc('milliseconds', ts) FROM s WHERE k = 11) AS watermark, late, nulls FROM look('v');
-- and the plain query less the rejected rows is the view
SELECT * FROM v EXCEPT ALL SELECT tumble(ts, '1 min'), count(*), sum(k) FROM s WHERE ctid NOT IN (SELECT tid FROM streaming.errors WHERE view = 'v'::regclass) GROUP BY 1;
SELECT tumble(ts, '1 min'), count(*), sum(k) FROM s WHERE ctid NOT IN (SELECT tid FROM streaming.errors WHERE view = 'v'::regclass) GROUP BY 1 EXCEPT ALL SELECT * FROM v;
-- switched off and on
ALTER MATERIALIZED VIEW v SET (streaming.late_rows = 'drop');
INSERT INTO s VALUES (8, '2024-01-01 09:00', 'lost');
CALL refresh_views();
SELECT count(*) FROM streaming.errors WHERE view = 'v'::regclass AND reason = 'late';
ALTER MATERIALIZED VIEW v SET (streaming.late_rows = 'keep');
INSERT INTO s VALUES (9, '2024-01-01 09:00', 'kept');
CALL refresh_views();
SELECT count(*), max(stream_row) FROM streaming.errors WHERE view = 'v'::regclass AND reason = 'late' AND stream_row LIKE '%kept%';
SELECT late, nulls FROM look('v');
SELECT late, nulls FROM look('dropping');
-- a column that is added, and one that is dropped
ALTER TABLE s ADD COLUMN n int DEFAULT 7;
ALTER TABLE s DROP COLUMN t;
INSERT INTO s VALUES (10, '2024-01-01 09:00', 70);
CALL refresh_views();
SELECT stream_row FROM streaming.errors WHERE view = 'v'::regclass AND stream_row LIKE '(10%';
-- with the view go its errors
DROP MATERIALIZED VIEW v;
SELECT count(*) FROM streaming.errors WHERE reason <> 'future';
DROP TABLE s CASCADE;
SELECT count(*) FROM streaming._rejection;

-- a batch that fails has kept nothing; when it is run again, each row once
CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE divisor AS SELECT 1 AS d;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '1 min') w, sum(k / d) FROM s, divisor GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01 10:00');
REFRESH MATERIALIZED VIEW v;
UPDATE divisor SET d = 0;
INSERT INTO s VALUES (2, '2024-01-01 09:00'), (3, '2024-01-01 10:00');
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM streaming.errors;
SELECT * FROM look('v');
UPDATE divisor SET d = 1;
SELECT restart_workers();
REFRESH MATERIALIZED VIEW v;
SELECT stream_row FROM streaming.errors;
SELECT * FROM look('v');
SELECT lower(w), sum FROM v;
DROP TABLE s CASCADE;
DROP TABLE divisor;

-- sliding windows: a row that misses all its windows, once; one that misses some, too, which is said
CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT hop(ts, '10 min', '5 min') w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW v_from WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT w, count(*) FROM s, hop(ts, '10 min', '5 min') w GROUP BY w;
CREATE MATERIALIZED VIEW v_whole WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT w, count(*), count(DISTINCT k) AS ks FROM s, hop(ts, '10 min', '5 min') w GROUP BY w;
CREATE MATERIALIZED VIEW v_uneven WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT w, count(*) FROM s, hop(ts, '7 min', '3 min', '1 min') w GROUP BY w;
CREATE MATERIALIZED VIEW v_months WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT w, count(*) FROM s, hop(ts, '2 months', '1 month', timezone => 'Europe/Berlin') w GROUP BY w;
INSERT INTO s VALUES (1, '2024-01-01 10:00');
CALL refresh_views();
-- of 7 minutes: (09:52, 09:59), (09:55, 10:02) and (09:58, 10:05)
INSERT INTO s VALUES (1, '2024-01-01 09:54:59'), (2, '2024-01-01 09:55'), (3, NULL), (4, '2024-01-01 09:58'), (5, '2024-01-01 09:59');
-- of months: of November and December, of December and January
INSERT INTO s VALUES (6, '2023-12-31 22:59:59'), (7, '2023-11-30 22:59:59'), (8, '-infinity');
CALL refresh_views();
SELECT view, string_agg(substr(stream_row, 2, 1) || ' ' || reason, ', ' ORDER BY stream_row) AS rows FROM streaming.errors WHERE reason ~ 'late' GROUP BY view ORDER BY view::text;
SELECT view, late_rows, null_rows FROM streaming.views ORDER BY view::text;
SELECT w, count FROM v ORDER BY w;
SELECT w, count FROM v EXCEPT ALL SELECT w, count FROM v_from;
-- nothing is lost that is not counted: two windows a row, none of a late one
SELECT (SELECT sum(count) FROM v_from) + sum(CASE reason WHEN 'late' THEN 2 WHEN 'partly late' THEN 1 ELSE 0 END)
	= (SELECT 2 * count(*) FROM s WHERE isfinite(ts)) AS all_told FROM streaming.errors WHERE view = 'v_from'::regclass;
DROP TABLE s CASCADE;

-- partitions: the row as it is in the partition
CREATE TABLE p (k int, ts timestamptz) PARTITION BY LIST (k) WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 (ts timestamptz, k int) USING stream;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM p GROUP BY w;
INSERT INTO p VALUES (1, '2024-01-01 10:00');
CALL refresh_views();
INSERT INTO p VALUES (1, '2024-01-01 09:00'), (2, '2024-01-01 09:30');
CALL refresh_views();
SELECT stream, partition, reason, event_time, stream_row FROM streaming.errors ORDER BY event_time;
DROP TABLE p CASCADE;

-- an ordinary view below is replaced by one of which late rows cannot be kept: that is
-- said, and not done in silence
CREATE TABLE e (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE gaps (k int, gap interval);
INSERT INTO gaps VALUES (1, '1 minute');
CREATE VIEW with_gaps AS SELECT ts, k, interval '1 minute' AS gap FROM e;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT k, session_window(ts, gap) AS w, count(*) FROM with_gaps GROUP BY k, w;
INSERT INTO e VALUES ('2024-01-01 10:00', 1);
CALL refresh_views();
CREATE OR REPLACE VIEW with_gaps AS SELECT ts, k, gap FROM e JOIN gaps USING (k);
INSERT INTO e VALUES ('2024-01-01 09:00', 1);
REFRESH MATERIALIZED VIEW v;
ALTER MATERIALIZED VIEW v SET (streaming.late_rows = 'drop');
REFRESH MATERIALIZED VIEW v;
SELECT late_rows FROM streaming.views;
DROP TABLE e, gaps CASCADE;

-- an input that is idle for no time at all makes no batch for each tick of the clock
CREATE TABLE e (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.idle_timeout = '1 microsecond');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT ts, count(*) FROM e GROUP BY ts;
INSERT INTO e VALUES ('infinity'), ('2024-01-01 10:00');
SELECT streaming.wait('v');
SELECT batches AS before, clock_timestamp() AS begun FROM streaming.views \gset
SELECT pg_sleep(0.5);
SELECT batches - :before < 20 + 2 * extract(epoch FROM clock_timestamp() - :'begun') AS few FROM streaming.views;
DROP TABLE e CASCADE;

-- who may see them: the view's owner
CREATE ROLE et_owner;
CREATE ROLE et_other;
CREATE SCHEMA et_schema AUTHORIZATION et_owner;
SET ROLE et_owner;
CREATE TABLE et_schema.s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW et_schema.v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM et_schema.s GROUP BY w;
INSERT INTO et_schema.s VALUES ('2024-01-01'), (NULL);
REFRESH MATERIALIZED VIEW et_schema.v;
SELECT reason FROM streaming.errors;
SET ROLE et_other;
SELECT reason FROM streaming.errors;
SELECT count(*) FROM streaming._rejection;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP OWNED BY et_owner;
DROP ROLE et_owner, et_other;

DROP FUNCTION look;
SELECT * FROM leftovers();
