-- Event time: deduplication (H)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

CREATE FUNCTION look(v regclass, OUT watermark timestamptz, OUT groups int8, OUT late int8, OUT nulls int8)
	LANGUAGE sql AS 'SELECT watermark, groups, late_rows, null_rows FROM streaming.views WHERE view = v';

---- without event time: as the plain query, for ever (H1); said at CREATE

CREATE TABLE s (k int, t text) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT k, t FROM s;
CREATE MATERIALIZED VIEW e WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT k % 2 AS odd, upper(t) AS t, 1 AS one FROM s WHERE k <> 5 ORDER BY t DESC LIMIT 4;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (k) k, t FROM s;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS SELECT DISTINCT k, t FROM s;
INSERT INTO s VALUES (1, 'a'), (1, 'a'), (2, 'b'), (NULL, NULL), (NULL, NULL), (1, 'b');
CALL refresh_views();
-- H1: also inside one batch; NULL is like NULL; in append mode at once
SELECT * FROM v ORDER BY k, t;
SELECT * FROM a ORDER BY k, t;
SELECT * FROM e;
-- DISTINCT ON keeps the first
SELECT * FROM o ORDER BY k;
SELECT restart_workers();
INSERT INTO s VALUES (1, 'a'), (3, 'a'), (2, 'z'), (5, 'zz'), (NULL, 'x'), (3, 'c');
CALL refresh_views();
SELECT * FROM o ORDER BY k;
SELECT check_view('v'), check_view('a'), check_view('e');
DROP TABLE s CASCADE;
SET client_min_messages = warning;

-- the first in order of arrival, of however many; also by a key that cannot be hashed
CREATE TABLE s (id int, k int, b bit(3)) USING stream;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (k) k, id FROM s;
CREATE MATERIALIZED VIEW b WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (b) b, id FROM s;
INSERT INTO s SELECT i, i * 7919 % 101, (i * 7919 % 5)::bit(3) FROM generate_series(1, 2000) i;
CALL refresh_views();
INSERT INTO s SELECT i, i * 7919 % 211, (i * 7919 % 7)::bit(3) FROM generate_series(2001, 4000) i;
CALL refresh_views();
SELECT count(*), count(*) FILTER (WHERE id <> first) AS not_first FROM o JOIN (SELECT k, min(id) AS first FROM s GROUP BY k) f USING (k);
SELECT count(*), count(*) FILTER (WHERE id <> first) AS not_first FROM b JOIN (SELECT b, min(id) AS first FROM s GROUP BY b) f USING (b);
DROP TABLE s CASCADE;

---- H2: the event time among the columns

CREATE TABLE s (k int, ts timestamptz, n int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
SET client_min_messages = notice;
-- (nothing to say: the watermark bounds these)
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT k, ts FROM s;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT tumble(ts, '5 min') w, k FROM s;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (k, ts) k, ts, n FROM s;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS SELECT DISTINCT k, ts FROM s;
SET client_min_messages = warning;
-- W = 11:50
INSERT INTO s VALUES (1, '2024-01-01 12:00', 1), (1, '2024-01-01 12:00', 2), (1, '2024-01-01 11:45', 3), (2, '2024-01-01 11:52', 4), (3, NULL, 5);
CALL refresh_views();
SELECT * FROM v ORDER BY ts, k;
-- H1: append mode does not wait for the watermark
SELECT * FROM a ORDER BY ts, k;
SELECT * FROM o ORDER BY ts, k;
SELECT lower(w), k FROM w ORDER BY w, k;
-- 11:45 is over: its key is given up; what is still remembered: 12:00 and 11:52; two windows from 11:50 on
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- H2, H4: 11:45 again, and 11:50 (equality) are late, not duplicates; 11:52 is a duplicate, not late
SELECT restart_workers();
INSERT INTO s VALUES (1, '2024-01-01 11:45', 6), (9, '2024-01-01 11:50', 7), (2, '2024-01-01 11:52', 8), (2, '2024-01-01 11:50:00.000001', 9);
CALL refresh_views();
SELECT * FROM v ORDER BY ts, k;
SELECT * FROM a ORDER BY ts, k;
SELECT * FROM o ORDER BY ts, k;
-- for windows, 11:50 is on time: it ends at 11:55
SELECT lower(w), k FROM w ORDER BY w, k;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
-- W = 12:50: all keys but one are given up, no row goes
INSERT INTO s VALUES (7, '2024-01-01 13:00', 10);
CALL refresh_views();
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
SELECT restart_workers();
INSERT INTO s VALUES (1, '2024-01-01 12:00', 11), (2, '2024-01-01 11:52', 12);
CALL refresh_views();
SELECT count(*), count(DISTINCT (k, ts)) FROM v;
SELECT count(*), count(DISTINCT (k, ts)) FROM a;
SELECT * FROM o ORDER BY ts, k;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
DROP TABLE s CASCADE;

---- H3: the event time not among the columns

CREATE TABLE s (k int, ts timestamptz, n int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
SET client_min_messages = notice;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT k FROM s;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (k) k, ts, n FROM s;
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS SELECT DISTINCT k, ts FROM s;
SET client_min_messages = warning;
INSERT INTO s VALUES (1, '2024-01-01 12:00', 1), (1, '2024-01-01 13:00', 2), (2, '2024-01-01 12:00', 3);
CALL refresh_views();
SELECT * FROM o ORDER BY k;
-- D2: with ts among the columns that come in, 12:30 is late, also for a new key; SELECT DISTINCT k does not see it, and drops nothing.
-- Known keys are not new again
INSERT INTO s VALUES (3, '2024-01-01 12:30', 4), (1, '2024-01-01 14:00', 5), (4, '2024-01-01 13:00:00.001', 6), (5, NULL, 7);
CALL refresh_views();
SELECT * FROM v ORDER BY k;
SELECT * FROM o ORDER BY k;
-- D6: complete mode drops nothing (but NULL)
SELECT * FROM c ORDER BY ts, k;
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
INSERT INTO s VALUES (1, '2024-06-01', 8), (2, '2024-06-01', 9);
CALL refresh_views();
INSERT INTO s VALUES (1, '2024-07-01', 8), (2, '2024-07-01', 9);
CALL refresh_views();
SELECT * FROM v ORDER BY k;
SELECT * FROM o ORDER BY k;
DROP TABLE s CASCADE;

---- H5: within the watermark

CREATE TABLE s (k int, ts timestamptz, n int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
SET client_min_messages = notice;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.distinct_within_watermark) AS SELECT DISTINCT ON (k) k, ts, n FROM s;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.distinct_within_watermark, streaming.output_mode = 'append') AS SELECT DISTINCT ON (k) k, ts, n FROM s;
SET client_min_messages = warning;
-- expiries: 1 at 12:10, 2 at 12:05 (that of the first row: 11:55 + 10 min); W = 11:50
INSERT INTO s VALUES (1, '2024-01-01 12:00', 1), (2, '2024-01-01 11:55', 2), (2, '2024-01-01 12:00', 3);
CALL refresh_views();
SELECT * FROM v ORDER BY n;
SELECT * FROM look('v');
-- duplicates neither come out nor move the expiry; W = 12:04:59.999
INSERT INTO s VALUES (1, '2024-01-01 12:08', 4), (2, '2024-01-01 12:14:59.999', 5);
CALL refresh_views();
SELECT * FROM v ORDER BY n;
SELECT * FROM look('v');
-- W = 12:05 after this batch, and 2 expires (equality); in this batch it is still a duplicate
SELECT restart_workers();
INSERT INTO s VALUES (2, '2024-01-01 12:15', 6);
CALL refresh_views();
SELECT * FROM v ORDER BY n;
SELECT * FROM look('v');
-- now 2 is new; 1 is not; late rows are dropped and make nothing new (12:05 is late, 12:05:00.001 is not: it expires at 12:15:00.001)
INSERT INTO s VALUES (2, '2024-01-01 12:05', 7), (1, '2024-01-01 12:15', 8), (3, '2024-01-01 12:05', 9), (2, '2024-01-01 12:05:00.001', 10), (2, '2024-01-01 12:14', 11);
CALL refresh_views();
SELECT * FROM v ORDER BY n;
SELECT * FROM look('v');
-- W = 12:15: 1 has expired at 12:10, 2 not yet
INSERT INTO s VALUES (4, '2024-01-01 12:25', 12);
CALL refresh_views();
SELECT restart_workers();
INSERT INTO s VALUES (1, '2024-01-01 12:20', 13), (2, '2024-01-01 12:20', 14), (4, '2024-01-01 12:30', 15), (5, NULL, 16);
CALL refresh_views();
SELECT * FROM v ORDER BY n;
SELECT * FROM look('v');
-- what has come out stays, in both modes alike
SELECT * FROM v EXCEPT ALL SELECT * FROM a;
SELECT * FROM a EXCEPT ALL SELECT * FROM v;
DROP TABLE s CASCADE;

-- H6 at random: of rows of one key within the delay of each other, one comes out; of one key, rows that come out are a delay apart;
-- and each row that did not come out has one before it that did
CREATE TABLE s (id int, k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '5 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.distinct_within_watermark, streaming.late_rows = 'keep') AS
	SELECT DISTINCT ON (k) k, ts, id FROM s;
SELECT setseed(0.125);
DO $$
DECLARE at timestamptz := '2024-03-10 12:00';
BEGIN
	FOR b IN 1 .. 10 LOOP
		INSERT INTO s SELECT b * 100 + i, random() * 10, at + random() * interval '6 min' - random() * random() * interval '10 min' FROM generate_series(1, 30) i;
		COMMIT;
		CALL refresh_views();
		at := at + interval '3 min';
	END LOOP;
END $$;
SELECT count(*) > 30 AS out, (SELECT count(*) > 10 FROM streaming.errors) AS late FROM v;
SELECT count(*) AS too_near FROM v a JOIN v b ON a.k = b.k AND a.id < b.id AND b.ts - a.ts < interval '5 min' AND a.ts - b.ts < interval '5 min';
SELECT count(*) AS unaccounted FROM s WHERE NOT EXISTS (SELECT FROM v WHERE v.id = s.id) AND NOT EXISTS (SELECT FROM streaming.errors WHERE tid = s.ctid)
	AND NOT EXISTS (SELECT FROM v WHERE v.k = s.k AND v.id < s.id);
SELECT count(*) AS alien FROM v WHERE NOT EXISTS (SELECT FROM s WHERE (s.id, s.k, s.ts) = (v.id, v.k, v.ts));
DROP TABLE s CASCADE;

---- two thresholds (C1) for keys: data batches that follow each other directly

CREATE TABLE s (ts timestamptz, k int, filler text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
ALTER TABLE s ALTER filler SET STORAGE PLAIN;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.max_batch_rows = 1) AS SELECT DISTINCT k, ts FROM s;
-- 09:00 is accepted in the second batch, whose E is 10:00: remembered and given up; in the third it is late
INSERT INTO s VALUES ('2024-01-01 10:00', 1, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 09:00', 2, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 09:00', 2, repeat('x', 6000));
INSERT INTO s VALUES ('2024-01-01 10:00', 2, repeat('x', 6000));
CALL refresh_views();
SELECT * FROM v ORDER BY ts, k;
SELECT * FROM look('v');
DROP TABLE s CASCADE;

---- rows that are not taken are kept, duplicates are not rejected (H4)

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.late_rows = 'keep') AS SELECT DISTINCT k, ts FROM s;
INSERT INTO s VALUES (1, '2024-01-01 12:00'), (1, '2024-01-01 12:00');
CALL refresh_views();
INSERT INTO s VALUES (1, '2024-01-01 12:00'), (1, '2024-01-01 12:01'), (1, '2024-01-01 12:01'), (1, NULL);
CALL refresh_views();
SELECT reason, stream_row FROM streaming.errors ORDER BY reason;
SELECT * FROM v ORDER BY ts;
DROP TABLE s CASCADE;

---- joins with ordinary tables; expressions; partitions

CREATE TABLE p (k int, ts timestamptz) PARTITION BY LIST (k) WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1, 3) USING stream;
CREATE TABLE p2 (ts timestamptz, k int) USING stream;
ALTER TABLE p ATTACH PARTITION p2 DEFAULT;
CREATE TABLE t (k int, name text);
INSERT INTO t VALUES (1, 'odd'), (3, 'odd'), (2, 'even');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT name, date_trunc('minute', ts) AS minute FROM p JOIN t USING (k);
INSERT INTO p VALUES (1, '2024-01-01 12:00:10'), (3, '2024-01-01 12:00:20'), (2, '2024-01-01 12:00:30'), (4, '2024-01-01 12:00:30');
CALL refresh_views();
SELECT check_view('v');
-- W = 11:59:30; the minute of 11:59 is open still, that of 11:58 over: a row is late before it is joined, with a partner or without one
INSERT INTO p VALUES (1, '2024-01-01 11:59:10'), (2, '2024-01-01 11:58:59'), (4, '2024-01-01 11:58:59');
CALL refresh_views();
SELECT * FROM v ORDER BY minute, name;
SELECT * FROM look('v');
DROP TABLE p, t CASCADE;

---- what is refused

CREATE TABLE s (k int, ts timestamptz, j json) USING stream WITH (streaming.event_time = 'ts');
CREATE TABLE none (k int, ts timestamptz) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS SELECT DISTINCT k FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS SELECT DISTINCT k FROM none;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET (streaming.watermark = '1 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS SELECT k, count(*) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT DISTINCT k, j FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT DISTINCT k, row_number() OVER () FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.distinct_within_watermark) AS SELECT k, ts FROM s;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s, none CASCADE;

DROP FUNCTION look;
SELECT * FROM leftovers();
