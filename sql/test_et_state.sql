-- Closed groups give up their state, and the watermark outlives everything
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE TABLE s (id int, ts timestamptz, k text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE MATERIALIZED VIEW u WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 minute') AS w, id, k, count(*), stddev(id) FROM s GROUP BY w, id, k;
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id, date_trunc('minute', ts) AS w, count(*) FROM s GROUP BY w, id;
CREATE MATERIALIZED VIEW ss WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id, session_window(ts, '1 s') AS w, stddev(id) FROM s GROUP BY w, id;
INSERT INTO s SELECT x, '2024-01-01'::timestamptz + (x % 100) * '1.7 s'::interval, nullif('u' || x % 3, 'u1')
	FROM generate_series(1, 20000) x;
SELECT streaming.wait('u'), streaming.wait('c'), streaming.wait('ss');
-- null keys come last in the index
INSERT INTO s SELECT nullif(x, 5), '2024-01-01 00:02:50'::timestamptz + (x % 100) * '1.7 s'::interval, nullif('u' || x % 3, 'u1')
	FROM generate_series(1, 12000) x;
SELECT streaming.wait('u'), streaming.wait('c'), streaming.wait('ss');
SELECT 'streaming._state_' || public.number_of('u') AS state \gset
-- what has state is what is open, and the other way round
SELECT watermark, groups, late_rows,
	(SELECT count(*) FROM u WHERE upper(w) > v.watermark) AS open,
	(SELECT count(*) FROM :state WHERE _state IS NOT NULL) AS with_state,
	(SELECT count(*) FROM :state WHERE (_state IS NULL) <> (upper(w) <= v.watermark)) AS wrong
FROM streaming.views v WHERE view = 'u'::regclass;
SELECT groups, (SELECT count(*) FROM c WHERE w + '1 minute' > v.watermark) AS open
FROM streaming.views v WHERE view = 'c'::regclass;
SELECT groups, (SELECT count(*) FROM ss WHERE upper(w) > v.watermark) AS open
FROM streaming.views v WHERE view = 'ss'::regclass;
-- results stay
SELECT check_view('u'), check_view('c');

-- the place is found again by a worker that begins anew, in the middle of it
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO s VALUES (1, '2024-01-01 00:05:30', 'x');
SELECT streaming.wait('u'), streaming.wait('c'), streaming.wait('ss');
INSERT INTO s VALUES (1, '2025-01-01', 'x');
SELECT streaming.wait('u'), streaming.wait('c'), streaming.wait('ss');
SELECT view, watermark, groups FROM streaming.views ORDER BY view::text;
SELECT count(*) FROM :state WHERE _state IS NOT NULL;
SELECT check_view('u'), check_view('c');
DROP TABLE s CASCADE;

-- C2: batches with rows follow each other directly; a group is made and closed
-- in the same one
CREATE TABLE z (ts timestamptz, k int, pad text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
ALTER TABLE z ALTER pad SET STORAGE PLAIN;
CREATE MATERIALIZED VIEW zv WITH (streaming.continuous, streaming.trigger = 'manual', streaming.max_batch_rows = 1) AS
	SELECT tumble(ts, '10 s') AS w, count(*), avg(k::numeric) FROM z GROUP BY w;
INSERT INTO z VALUES ('2024-01-01 00:00:00', 1, repeat('x', 7000));
INSERT INTO z VALUES ('2024-01-01 00:00:50', 1, repeat('x', 7000));
-- L is not yet there: accepted, and closed at once
INSERT INTO z VALUES ('2024-01-01 00:00:20', 1, repeat('x', 7000));
INSERT INTO z VALUES ('2024-01-01 00:00:05', 1, repeat('x', 7000));
INSERT INTO z VALUES ('2024-01-01 00:00:59', 1, repeat('x', 7000));
REFRESH MATERIALIZED VIEW zv;
TABLE zv ORDER BY w;
SELECT watermark, groups, late_rows FROM streaming.views WHERE view = 'zv'::regclass;
DROP TABLE z CASCADE;
SELECT * FROM leftovers();
