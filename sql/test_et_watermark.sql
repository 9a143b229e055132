-- Event time: batches (A) and how the watermark moves (B)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE FUNCTION look(v regclass, OUT batches int8, OUT watermark timestamptz, OUT late int8, OUT nulls int8)
	LANGUAGE sql AS 'SELECT batches, watermark, late_rows, null_rows FROM streaming.views WHERE view = v';

---- A2, A3: when a batch without rows follows

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
CREATE MATERIALIZED VIEW u WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW k WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*), max(ts) FROM s GROUP BY k;
CREATE FUNCTION batches() RETURNS TABLE (u int8, a int8, c int8, k int8) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT (look('u')).batches, (look('a')).batches, (look('c')).batches, (look('k')).batches;
END $$;
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
BEGIN
	REFRESH MATERIALIZED VIEW u;
	REFRESH MATERIALIZED VIEW a;
	REFRESH MATERIALIZED VIEW c;
	REFRESH MATERIALIZED VIEW k;
END $$;
-- the first batch writes that there is nothing
CALL refresh_all();
SELECT * FROM batches();
CALL refresh_all();
SELECT * FROM batches();
-- the watermark moves: one for the rows, one without; not in complete mode nor without event time in the keys
INSERT INTO s VALUES (1, '2024-01-01 00:10');
CALL refresh_all();
SELECT * FROM batches();
-- A3: and that is all
CALL refresh_all();
SELECT * FROM batches();
-- it does not move: only one
INSERT INTO s VALUES (1, '2024-01-01 00:10');
CALL refresh_all();
SELECT * FROM batches();
-- A5: what a watermark closes is there after the same REFRESH
INSERT INTO s VALUES (1, '2024-01-01 00:12');
CALL refresh_all();
SELECT * FROM batches();
SELECT lower(w), count FROM a;
-- each view has a watermark; there it is shown also where it closes nothing
SELECT (look('u')).watermark AS u, (look('a')).watermark AS a, (look('c')).watermark AS c, (look('k')).watermark AS k;
DROP FUNCTION batches;
DROP PROCEDURE refresh_all;
DROP TABLE s CASCADE;

---- A4: now() is the batch's time

CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '1 min') w, min(now()), max(current_timestamp), count(*) FROM s GROUP BY w;
INSERT INTO s SELECT '2024-01-01' FROM generate_series(1, 1000);
REFRESH MATERIALIZED VIEW v;
SELECT min = max AS one_time, min = last_batch_at AS its_time, count FROM v, streaming.views WHERE view = 'v'::regclass;
DROP TABLE s CASCADE;

---- B1, B4, B5: the largest time of all rows so far, less the delay, from the next batch on

CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '5 min') w, count(*) FROM s GROUP BY w;
-- no rows, no watermark
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
-- B5: 10:00 and 12:00 are in one batch: nothing is late
INSERT INTO s VALUES ('2024-01-01 10:00'), ('2024-01-01 12:00'), ('2024-01-01 11:00');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT lower(w), count FROM v ORDER BY w;
-- B4: it does not go back; late rows do not hold it back either
INSERT INTO s VALUES ('2024-01-01 11:30'), ('2024-01-01 11:55');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
-- a batch of late rows only
INSERT INTO s VALUES ('2024-01-01 01:00');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
-- NULL and infinite times do not move it; -infinity counts as no time
INSERT INTO s VALUES (NULL), ('infinity'), ('-infinity');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
INSERT INTO s VALUES ('2024-01-01 12:01'), (NULL);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT lower(w), upper(w), count FROM v ORDER BY w;
DROP TABLE s CASCADE;

---- B2: whole milliseconds, cut down; compared by the microsecond

CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT ts, count(*) FROM s GROUP BY ts;
-- first cut, then subtracted
CREATE MATERIALIZED VIEW half WITH (streaming.continuous, streaming.trigger = 'manual', streaming.watermark = '500 microseconds') AS
	SELECT ts, count(*) FROM s GROUP BY ts;
-- down, also before 2000
INSERT INTO s VALUES ('1999-12-31 23:59:59.123999');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW half;
SELECT watermark FROM look('v') UNION ALL SELECT watermark FROM look('half');
INSERT INTO s VALUES ('2024-01-01 00:00:10.123999');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW half;
SELECT watermark FROM look('v') UNION ALL SELECT watermark FROM look('half');
-- .123 is late, .123001 is not, and for the other view .1225 and .122501
INSERT INTO s VALUES ('2024-01-01 00:00:10.1225'), ('2024-01-01 00:00:10.122501'), ('2024-01-01 00:00:10.123'), ('2024-01-01 00:00:10.123001');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW half;
SELECT * FROM v ORDER BY ts;
SELECT * FROM half ORDER BY ts;
SELECT late FROM look('v') UNION ALL SELECT late FROM look('half');
DROP TABLE s CASCADE;

---- B3, B4: not before 1970

CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES ('1969-07-20 20:17');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
INSERT INTO s VALUES ('1970-01-01 01:00'), ('0044-03-15 12:00 BC');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
-- so nothing has been late
INSERT INTO s VALUES ('1969-07-20 20:17');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
INSERT INTO s VALUES ('1970-01-01 01:00:00.001');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
INSERT INTO s VALUES ('1969-07-20 20:17');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT * FROM v ORDER BY w;
DROP TABLE s CASCADE;

---- B7: restarts

CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '5 min') w, count(*), avg(extract(minute FROM ts)) FROM s GROUP BY w;
INSERT INTO s VALUES ('2024-01-01 12:00'), ('2024-01-01 11:56');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT restart_workers();
SELECT watermark FROM look('v');
-- the input's maximum, the thresholds and the counters have survived
INSERT INTO s VALUES ('2024-01-01 11:45:00'), ('2024-01-01 11:49:59.999999'), ('2024-01-01 11:50'), ('2024-01-01 11:57');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT lower(w), count, round(avg, 1) FROM v ORDER BY w;
SELECT restart_workers();
INSERT INTO s VALUES ('2024-01-01 12:05'), ('2024-01-01 11:48');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT restart_workers();
-- the windows to 11:50 and 11:55 have closed: nothing changes them
INSERT INTO s VALUES ('2024-01-01 11:48'), ('2024-01-01 11:54'), ('2024-01-01 11:55'), ('2024-01-01 11:59');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT lower(w), count, round(avg, 1) FROM v ORDER BY w;
DROP TABLE s CASCADE;

-- a batch that fails takes its rows' times back
CREATE TABLE s (ts timestamptz, n int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE divisor AS SELECT 0 AS d;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') w, sum(n / d) FROM s, divisor GROUP BY w;
INSERT INTO s VALUES ('2024-01-01 00:10', 4);
REFRESH MATERIALIZED VIEW v;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM look('v');
UPDATE divisor SET d = 2;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM look('v');
SELECT lower(w), sum FROM v;
DROP TABLE s CASCADE;
DROP TABLE divisor;

---- B9: rows that a filter keeps from the watermark, and rows that it does not

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE t (k int);
INSERT INTO t VALUES (1), (2);
CREATE VIEW over_s AS SELECT ts AS at, k AS key FROM s WHERE k < 5;
CREATE FUNCTION make_view(name text, rest text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'') AS
		SELECT tumble(ts, ''1 min'') w, count(*) FROM %s GROUP BY w', name, rest);
END $$;
-- not about the event time: below the watermark
SELECT make_view('b1', 's WHERE k = 1');
SELECT make_view('b2', '(SELECT * FROM s WHERE k = 1) x');
SELECT make_view('b3', 's JOIN t ON s.k = t.k AND s.k = 1');
SELECT make_view('b4', 's, t WHERE s.k = 1 AND s.k = t.k');
SELECT make_view('b5', '(SELECT at AS ts FROM over_s WHERE key = 1) x');
-- about both, in two conditions: the first is below
SELECT make_view('b6', 's WHERE k = 1 AND ts < ''2030-01-01''');
-- about the event time, or not of this side alone: above it
SELECT make_view('a1', 's WHERE ts < ''2024-01-02''');
SELECT make_view('a2', 's WHERE k = 1 OR ts < ''2024-01-01 06:00''');
SELECT make_view('a3', 's JOIN t USING (k) WHERE ts < ''2024-01-02''');
SELECT make_view('a4', '(SELECT k, ts FROM s LEFT JOIN t USING (k)) x WHERE k + date_part(''year'', ts) = 2025');
SELECT make_view('a5', 's LEFT JOIN t ON s.k = t.k AND s.k = 1');
-- k = 2 is the latest, k = 3 has no partner
INSERT INTO s VALUES (1, '2024-01-01 06:00'), (2, '2024-01-01 12:00'), (1, '2024-01-03 00:00'), (2, '2024-01-04 00:00'), (3, '2024-01-05 00:00'), (9, '2024-01-06 00:00');
DO $$
DECLARE v regclass;
BEGIN
	FOR v IN SELECT view FROM streaming.views LOOP
		EXECUTE format('REFRESH MATERIALIZED VIEW %s', v);
	END LOOP;
END $$;
SELECT view, watermark FROM streaming.views WHERE view::text LIKE 'b%' ORDER BY view::text;
SELECT view, watermark FROM streaming.views WHERE view::text LIKE 'a%' ORDER BY view::text;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
DROP FUNCTION make_view;
DROP TABLE s, t CASCADE;

---- B10, E4: one event time; of several windows of it, the shortest closes groups

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW nested WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 hour') h, tumble(ts, '1 min') w, count(*) FROM s GROUP BY h, w;
CREATE MATERIALIZED VIEW instants WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min') w, ts, count(*) FROM s GROUP BY w, ts;
CREATE MATERIALIZED VIEW slid WITH (streaming.continuous, streaming.output_mode = 'append') AS
	SELECT date_trunc('hour', ts) h, hop(ts, '2 min', '1 min') w, count(*) FROM s GROUP BY h, w;
CREATE MATERIALIZED VIEW apart WITH (streaming.continuous) AS
	SELECT tumble(ts, '3 min') w3, tumble(ts, '2 min') w2, count(*) FROM s GROUP BY w3, w2;
CREATE MATERIALIZED VIEW daily_sessions WITH (streaming.continuous) AS
	SELECT k, session_window(ts, '1 min') w, date_trunc('day', ts) d, count(*) FROM s GROUP BY k, w, d;
-- the watermark is 10:02:30 after the first batch; then a row of minute 2, one of minute 1
INSERT INTO s VALUES (1, '2024-01-01 10:00:10+00'), (1, '2024-01-01 10:01:10+00'), (1, '2024-01-01 10:02:30+00');
SELECT streaming.wait('nested') AND streaming.wait('instants') AND streaming.wait('slid') AND streaming.wait('apart') AND streaming.wait('daily_sessions');
INSERT INTO s VALUES (1, '2024-01-01 10:02:10+00'), (1, '2024-01-01 10:01:20+00'), (1, '2024-01-01 11:00:00+00');
SELECT streaming.wait('nested') AND streaming.wait('instants') AND streaming.wait('slid') AND streaming.wait('apart') AND streaming.wait('daily_sessions');
SELECT lower(w)::time AS minute, count FROM nested ORDER BY w;
SELECT ts::time, count FROM instants ORDER BY ts;
SELECT lower(w)::time AS since, count FROM slid ORDER BY w;
SELECT lower(w3)::time AS three, lower(w2)::time AS two, count FROM apart ORDER BY w3, w2;
SELECT lower(w)::time AS since, upper(w)::time AS until, count FROM daily_sessions ORDER BY w;
SELECT view, late_rows FROM streaming.views ORDER BY view::text;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT session_window(ts, '1 min') a, session_window(ts, '2 min') b, count(*) FROM s GROUP BY a, b;
\echo :LAST_ERROR_SQLSTATE
-- expressions of it are values like others
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 hour') w, extract(minute FROM ts) m, count(*) FROM s GROUP BY w, m;
DROP TABLE s CASCADE;

---- B11: the event time through aliases, sub-selects, views and window functions

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE VIEW over_s AS SELECT k + 1 AS k1, ts AS at FROM s;
CREATE VIEW over_over_s AS SELECT at AS happened FROM over_s WHERE k1 > 0;
CREATE FUNCTION make_view(name text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.output_mode = ''append'') AS %s', name, query);
EXCEPTION WHEN feature_not_supported THEN
	RAISE WARNING '%: %', name, sqlerrm;
END $$;
SELECT make_view('yes1', 'SELECT tumble(t, ''1 min'') w, count(*) FROM s AS x (n, t) GROUP BY 1');
SELECT make_view('yes2', 'SELECT tumble(t, ''1 min'') w, count(*) FROM (SELECT ts AS t FROM (SELECT * FROM s) AS y) AS x GROUP BY 1');
SELECT make_view('yes3', 'SELECT tumble(happened, ''1 min'') w, count(*) FROM over_over_s GROUP BY 1');
SELECT make_view('yes4', 'SELECT w, count(*) FROM (SELECT tumble(ts, ''1 min'') AS w FROM s) AS x GROUP BY w');
SELECT make_view('yes5', 'SELECT tumble(window_time(w), ''1 min'') w, count(*) FROM (SELECT tumble(ts, ''1 min'') AS w FROM s) AS x GROUP BY 1');
SELECT make_view('yes6', 'SELECT window_time(tumble(ts, ''1 min'')) + interval ''0'' AS e, count(*), tumble(ts, ''1 min'') w FROM s GROUP BY w');
SELECT make_view('yes7', 'SELECT tumble(ts => x.ts, "offset" => ''30 s'', size => ''1 min'') AS w, count(*) FROM s x GROUP BY w');
SELECT make_view('yes8', 'SELECT w, count(*) FROM s, tumble(s.ts, ''1 min'') AS w GROUP BY w');
SELECT make_view('yes9', 'SELECT tumble(x.ts, ''1 min'') w, count(*) FROM s x JOIN (VALUES (1), (2)) AS t (k) USING (k) GROUP BY 1');
-- what has been computed of it is no event time
SELECT make_view('no1', 'SELECT tumble(ts + interval ''1 min'', ''1 min'') w, count(*) FROM s GROUP BY 1');
SELECT make_view('no2', 'SELECT tumble(t, ''1 min'') w, count(*) FROM (SELECT COALESCE(ts, now()) AS t FROM s) x GROUP BY 1');
SELECT make_view('no3', 'SELECT upper(tumble(ts, ''1 min'')) w, count(*) FROM s GROUP BY 1');
SELECT make_view('no4', 'SELECT ts::date AS d, count(*) FROM s GROUP BY 1');
SELECT make_view('no5', 'SELECT ts::timestamp AS d, count(*) FROM s GROUP BY 1');
SELECT make_view('no6', 'SELECT k, max(ts) FROM s GROUP BY 1');
SELECT view FROM streaming.views ORDER BY view::text;
-- windows that end by 00:03 are shown and closed; the row of 00:00 comes too late
INSERT INTO s VALUES (1, '2024-01-01 00:00:10'), (1, '2024-01-01 00:01:10'), (1, '2024-01-01 00:03');
DO $$
DECLARE v regclass;
BEGIN
	FOR v IN SELECT view FROM streaming.views LOOP
		EXECUTE format('REFRESH MATERIALIZED VIEW %s', v);
	END LOOP;
END $$;
INSERT INTO s VALUES (1, '2024-01-01 00:00:20');
DO $$
DECLARE v regclass;
BEGIN
	FOR v IN SELECT view FROM streaming.views LOOP
		EXECUTE format('REFRESH MATERIALIZED VIEW %s', v);
	END LOOP;
END $$;
CREATE FUNCTION shown(view regclass) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	EXECUTE format('SELECT array_agg(to_char(upper(w), ''MI:SS: '') || count ORDER BY w) FROM %s', view) INTO result;
	RETURN result;
END $$;
SELECT view, watermark, late_rows, shown(view) FROM streaming.views
ORDER BY view::text;
DROP FUNCTION make_view, shown;
DROP TABLE s CASCADE;

---- without time zone, and whatever the session's

SET TimeZone = 'America/New_York';
CREATE TABLE s (ts timestamp) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '5 min') w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES ('2024-01-01 12:00'), ('2024-01-01 11:45'), ('2024-01-01 11:50'), (NULL), ('infinity');
REFRESH MATERIALIZED VIEW v;
-- 11:50 by the clock of the column: shown so in any time zone
SELECT watermark::timestamp, late, nulls FROM look('v');
SELECT * FROM v;
SET TimeZone = 'Asia/Kathmandu';
INSERT INTO s VALUES ('2024-01-01 11:49'), ('2024-01-01 11:50'), ('2024-01-01 12:05');
REFRESH MATERIALIZED VIEW v;
SELECT watermark::timestamp, late, nulls FROM look('v');
SELECT * FROM v ORDER BY w;
DROP TABLE s CASCADE;
SET TimeZone = 'UTC';

DROP FUNCTION look;
SELECT * FROM leftovers();
