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

DROP TABLE r, l, m CASCADE;
SELECT * FROM leftovers();
