-- What waits in several partitions and is read in several batches: the watermark goes
-- no further than each partition that is not yet read to its end
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE TABLE r (ts timestamptz, k int) PARTITION BY RANGE (ts)
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM ('2026-01-03') TO ('2026-01-13') USING stream;
CREATE TABLE r0 PARTITION OF r FOR VALUES FROM ('2026-01-01') TO ('2026-01-03') USING stream;
CREATE TABLE r2 PARTITION OF r FOR VALUES FROM ('2026-01-13') TO ('2026-02-01') USING stream;
CREATE TABLE l (ts timestamptz, k int) PARTITION BY LIST (k)
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE l0 PARTITION OF l FOR VALUES IN (0) USING stream;
CREATE TABLE l1 PARTITION OF l DEFAULT USING stream;
CREATE TABLE m (ts timestamptz, k int) PARTITION BY LIST (k)
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE m0 PARTITION OF m FOR VALUES IN (0) USING stream;
CREATE TABLE m1 PARTITION OF m DEFAULT USING stream;
-- by time; one partition after the other; and nine rows here for one there
INSERT INTO r SELECT timestamptz '2026-01-01' + i * interval '1 minute', i % 2 FROM generate_series(1, 8000) AS i;
INSERT INTO l SELECT timestamptz '2026-01-01' + i * interval '1 minute', k FROM generate_series(0, 1) AS k, generate_series(1, 4000) AS i;
INSERT INTO m SELECT timestamptz '2026-01-01' + i * interval '1 minute', i % 10 FROM generate_series(1, 8000) AS i;
CREATE MATERIALIZED VIEW by_key WITH (streaming.continuous, streaming.max_batch_rows = 500, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM l GROUP BY h;
CREATE MATERIALIZED VIEW unequal WITH (streaming.continuous, streaming.max_batch_rows = 500, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM m GROUP BY h;
CREATE MATERIALIZED VIEW united WITH (streaming.continuous, streaming.max_batch_rows = 500, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM (SELECT ts FROM l UNION ALL SELECT ts FROM r) q GROUP BY h;
-- a page of each is more than that
CREATE MATERIALIZED VIEW tiny WITH (streaming.continuous, streaming.max_batch_rows = 1, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM r GROUP BY h;
CREATE MATERIALIZED VIEW by_time WITH (streaming.continuous, streaming.max_batch_rows = 500, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM r GROUP BY h;
REFRESH MATERIALIZED VIEW by_time;
REFRESH MATERIALIZED VIEW by_key;
REFRESH MATERIALIZED VIEW unequal;
REFRESH MATERIALIZED VIEW united;
REFRESH MATERIALIZED VIEW tiny;
SELECT view, batches > 5 AS many, rows_read, late_rows FROM streaming.views ORDER BY view::text;
-- in the end it is there where the stream is
SELECT view, watermark FROM streaming.views ORDER BY view::text;
SELECT check_view('by_time') AS by_time, check_view('by_key') AS by_key, check_view('unequal') AS unequal, check_view('tiny') AS tiny;
SELECT count(*), sum(count), max(lower(h)) FROM united;
SELECT count(*) FROM (TABLE united EXCEPT ALL
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM (SELECT ts FROM l UNION ALL SELECT ts FROM r) q GROUP BY h) AS d;

-- nothing is idle whose rows wait
CREATE TABLE i (ts timestamptz, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.idle_timeout = '1 microsecond');
CREATE MATERIALIZED VIEW waited WITH (streaming.continuous, streaming.max_batch_rows = 500, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) FROM i GROUP BY h;
INSERT INTO i SELECT timestamptz '2026-01-01' + n * interval '1 minute', n FROM generate_series(1, 8000) AS n;
REFRESH MATERIALIZED VIEW waited;
SELECT batches > 5 AS many, rows_read, late_rows FROM streaming.views WHERE view = 'waited'::regclass;
DROP TABLE i CASCADE;

-- a watermark that moves in a batch without rows: what held it back was rolled back, ...
CREATE TABLE b (id int, ts timestamptz, p int) PARTITION BY LIST (p) WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE b0 PARTITION OF b FOR VALUES IN (0) USING stream;
CREATE TABLE b1 PARTITION OF b FOR VALUES IN (1) USING stream;
INSERT INTO b SELECT g, timestamptz '2026-01-01' + g * interval '1 minute', 0 FROM generate_series(1, 1000) g;
INSERT INTO b SELECT g, timestamptz '2026-01-01' + g * interval '1 minute', 1 FROM generate_series(1, 300) g;
BEGIN;
INSERT INTO b SELECT g, '2026-01-01', 1 FROM generate_series(1, 2000) g;
ROLLBACK;
CREATE MATERIALIZED VIEW behind WITH (streaming.continuous, streaming.max_batch_rows = 300, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 hour') AS w, count(*) FROM b GROUP BY w;
SELECT streaming.wait('behind', '60 s');
SELECT watermark, rows_read, late_rows FROM streaming.views WHERE view = 'behind'::regclass;
DROP TABLE b CASCADE;
-- ... the delay is less than it was, on the stream or the view, or the policy is another
CREATE TABLE d1 (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour');
CREATE TABLE d2 (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour');
CREATE MATERIALIZED VIEW one WITH (streaming.continuous) AS SELECT tumble(ts, '1 minute') AS w, count(*) FROM d1 GROUP BY w;
CREATE MATERIALIZED VIEW both_ WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 minute') AS w, count(*) FROM (TABLE d1 UNION ALL TABLE d2) q GROUP BY w;
INSERT INTO d1 SELECT timestamptz '2026-01-01' + g * interval '1 minute' FROM generate_series(1, 1000) g;
SELECT streaming.wait('one', '60 s'), streaming.wait('both_', '60 s');
ALTER MATERIALIZED VIEW one SET (streaming.watermark = '30 minutes');
SELECT streaming.wait('one', '60 s');
SELECT watermark FROM streaming.views WHERE view = 'one'::regclass;
ALTER MATERIALIZED VIEW one RESET (streaming.watermark);
ALTER TABLE d1 SET (streaming.watermark = '0');
ALTER MATERIALIZED VIEW both_ SET (streaming.watermark_policy = 'max');
SELECT streaming.wait('one', '60 s'), streaming.wait('both_', '60 s');
SELECT watermark FROM streaming.views WHERE view IN ('one'::regclass, 'both_'::regclass);
TRUNCATE d1;
DROP TABLE d1, d2 CASCADE;

DROP TABLE r, l, m CASCADE;
SELECT * FROM leftovers();
