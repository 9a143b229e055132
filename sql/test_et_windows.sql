-- Event time: which windows a row belongs to (E), in views
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE TABLE s (k int, ts timestamptz, tl timestamp, x numeric) USING stream WITH (streaming.event_time = 'ts');
CREATE TABLE l (k int, ts timestamp, x numeric) USING stream WITH (streaming.event_time = 'ts');
CREATE TABLE w_def (name text, query text);
-- E1, E2, with and without offset, sizes that the slide divides and that it does not, calendar windows, in SELECT and in FROM
INSERT INTO w_def VALUES
	('tumble1', 'SELECT tumble(ts, ''1 min'') w, count(*), sum(x), avg(x), min(k) FROM s GROUP BY w'),
	('tumble2', 'SELECT tumble(ts, ''7 min'', ''3 min'') w, k % 3 AS k, count(*), avg(x) FROM s GROUP BY w, 2'),
	('tumble3', 'SELECT k % 3 AS k, tumble(ts, ''0.333333 s'', ''-0.1 s'') w, count(*), avg(x) FROM s GROUP BY 1, w'),
	('tumble4', 'SELECT tumble(ts, ''1 day'') w, count(*), avg(x) FROM s GROUP BY w'),
	('tumble5', 'SELECT tumble(ts, ''1 day'', timezone => ''America/New_York'') w, count(*), avg(x) FROM s GROUP BY w'),
	('tumble6', 'SELECT tumble(ts, ''3 months'', timezone => ''Europe/Berlin'') w, count(*), avg(x) FROM s GROUP BY w'),
	('tumble7', 'SELECT w, count(*), avg(x) FROM s, tumble(ts, ''1 hour'') w GROUP BY w'),
	('tumble8', 'SELECT lower(tumble(ts, ''1 hour'')), count(*), avg(x) FROM s GROUP BY tumble(ts, ''1 hour'')'),
	('tumble9', 'SELECT tumble(ts, ''1 hour'') w, count(*), avg(x) FROM l GROUP BY w'),
	('hop1', 'SELECT hop(ts, ''10 min'', ''5 min'') w, count(*), sum(x), avg(x), min(k), max(x) FROM s GROUP BY w'),
	('hop2', 'SELECT hop(ts, ''10 min'', ''3 min'', ''1 min'') w, k % 3 AS k, count(*), avg(x) FROM s GROUP BY w, 2'),
	('hop3', 'SELECT k % 3 AS k, hop(ts, ''1 hour'', ''1 hour'') w, count(*), avg(x) FROM s GROUP BY 1, w'),
	('hop4', 'SELECT hop(ts, ''1 day'', ''7 hours'', ''-90 min'') w, count(*), avg(x), stddev(x) FROM s GROUP BY w'),
	('hop5', 'SELECT w, count(*), avg(x) FROM s, hop(ts, ''10 min'', ''3 min'') w GROUP BY w'),
	('hop6', 'SELECT w, count(*), avg(x), max(upper(w) - ts) FROM s, hop(ts, ''10 min'', ''3 min'') w GROUP BY w'),
	('hop7', 'SELECT w, k % 2 AS k, count(*) FROM s CROSS JOIN LATERAL hop(s.ts, slide => ''2 min'', size => ''5 min'') AS h (w) WHERE k > 0 GROUP BY w, 2'),
	('hop8', 'SELECT hop(ts, ''10 min'', ''3 min'') w, count(*), avg(x) FROM l GROUP BY w'),
	('hop9', 'SELECT w, count(*) FROM s, hop(ts, ''7 days'', ''1 day'', timezone => ''Europe/Berlin'') w GROUP BY w'),
	('hop11', 'SELECT hop(ts, ''10 min'', ''5 min'') w, count(*) FILTER (WHERE k % 2 = 0), count(*) AS n FROM s WHERE x > 3 GROUP BY w HAVING count(*) > 1'),
	('hop12', 'SELECT hop(ts, ''10 min'', ''5 min'') w FROM s GROUP BY w'),
	('bin1', 'SELECT date_bin(''15 min'', ts, ''2001-01-01 00:07'') b, count(*), avg(x) FROM s GROUP BY b'),
	('bin2', 'SELECT date_bin(''15 min'', ts, ''2001-01-01 00:07'') b, k % 3, count(*), avg(x) FROM l GROUP BY b, 2'),
	('trunc1', 'SELECT date_trunc(''hour'', ts) b, count(*), avg(x) FROM s GROUP BY b'),
	('trunc2', 'SELECT date_trunc(''month'', ts, ''Asia/Kathmandu'') b, count(*), avg(x) FROM s GROUP BY b'),
	('trunc3', 'SELECT date_trunc(''quarter'', ts) b, count(*), avg(x) FROM l GROUP BY b'),
	('time1', 'SELECT ts, count(*), avg(x) FROM s GROUP BY ts'),
	('time2', 'SELECT k % 3, ts, count(*), avg(x) FROM l GROUP BY 1, 2'),
	('both', 'SELECT w, window_time(w), count(*) FROM (SELECT tumble(ts, ''1 min'') AS w FROM s) x GROUP BY w'),
	('wofw', 'SELECT tumble(window_time(w), ''1 hour'') h, count(*) FROM (SELECT tumble(ts, ''1 min'') AS w FROM s) x GROUP BY h');
-- nothing is late: with a delay that keeps the watermark before 1970 (B3), and without any watermark
DO $$
DECLARE d record;
BEGIN
	FOR d IN TABLE w_def LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.watermark = ''90 years'') AS %s', d.name, d.query);
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'') AS %s', d.name || '_x', d.query);
	END LOOP;
END $$;
-- at the borders of windows, around 1970 and 2000, changes of summer time, and at random
INSERT INTO s SELECT i, t, t, i % 17 FROM unnest('{2024-01-01 00:00,2024-01-01 00:04:59.999999,2024-01-01 00:05,2024-01-01 00:05:00.000001,
	1969-12-31 23:59:59.999999,1970-01-01 00:00,1970-01-01 00:00:00.000001,1969-12-31 23:50,1999-12-31 23:59:59.999999,2000-01-01,
	2024-03-31 00:59:59.999999,2024-03-31 01:00,2024-10-27 00:30,2024-10-27 01:30,2024-03-10 06:59,2024-03-10 07:00}'::timestamptz[]) WITH ORDINALITY u (t, i);
INSERT INTO l SELECT k, tl, x FROM s;
CALL refresh_views();
SELECT setseed(0.25);
DO $$
BEGIN
	FOR batch IN 1 .. 3 LOOP
		INSERT INTO s SELECT i, t, t, (i % 23) / 2.0 FROM
			(SELECT i, '2024-03-30'::timestamptz + random() * interval '3 hours' * (1 + i % 40) AS t FROM generate_series(1, 200) i) q;
		INSERT INTO l SELECT k, tl, x FROM s WHERE k % 2 = 0;
		COMMIT;
		CALL refresh_views();
	END LOOP;
END $$;
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' ORDER BY view::text;
SELECT count(*), sum(late_rows) AS late, sum(null_rows) AS nulls, count(watermark) AS watermarks FROM streaming.views;
-- E3: with NULL: the plain query has no row for hop, one for tumble and the like; the view none.  Counted, also
-- where hop in FROM gives windows one by one (hop6, hop9) and the join has no row then; but hop11 filters them out
INSERT INTO s VALUES (1, NULL, NULL, 1), (2, NULL, NULL, 2);
INSERT INTO l VALUES (1, NULL, 1), (2, NULL, 2);
CALL refresh_views();
SELECT null_rows, string_agg(view::text, ' ' ORDER BY view::text) FROM streaming.views WHERE view::text !~ '_x' GROUP BY 1;
SELECT null_rows, count(*) FROM streaming.views WHERE view::text ~ '_x' GROUP BY 1;
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' AND view::text !~ '_x' ORDER BY view::text;
DO $$
DECLARE
	d record;
	n int;
BEGIN
	FOR d IN TABLE w_def LOOP
		EXECUTE format('SELECT count(*) FROM (TABLE %1$I EXCEPT ALL (%2$s)) x', d.name, regexp_replace(d.query, 'FROM (s|l)\M', 'FROM (SELECT * FROM \1 WHERE ts IS NOT NULL) \1')) INTO n;
		IF n <> 0 THEN RAISE WARNING '%: % wrong', d.name, n; END IF;
		EXECUTE format('SELECT count(*) FROM ((%2$s) EXCEPT ALL TABLE %1$I) x', d.name, regexp_replace(d.query, 'FROM (s|l)\M', 'FROM (SELECT * FROM \1 WHERE ts IS NOT NULL) \1')) INTO n;
		IF n <> 0 THEN RAISE WARNING '%: % missing', d.name, n; END IF;
	END LOOP;
END $$;
DROP TABLE s, l CASCADE;

---- the same where the watermark moves and closes, with rows in order: nothing is late; append mode shows what has ended

CREATE TABLE s (k int, ts timestamptz, tl timestamp, x numeric) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
CREATE TABLE l (k int, ts timestamp, x numeric) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
-- (the key is needed to know what has ended)
DELETE FROM w_def WHERE name IN ('hop11', 'tumble8', 'both', 'hop9', 'tumble6', 'tumble5');
DO $$
DECLARE d record;
BEGIN
	FOR d IN TABLE w_def LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'') AS %s', d.name, d.query);
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.output_mode = ''append'') AS %s', d.name || '_a', d.query);
	END LOOP;
END $$;
SELECT setseed(0.75);
DO $$
BEGIN
	FOR batch IN 0 .. 5 LOOP
		-- rows of a batch are not older than ten minutes before the latest of the batch before
		INSERT INTO s SELECT i, t, t, (i % 23) / 2.0 FROM
			(SELECT i, '2024-03-30'::timestamptz + batch * interval '30 min' + random() * interval '39 min' AS t FROM generate_series(1, 100) i) q;
		INSERT INTO l SELECT k, tl, x FROM s;
		COMMIT;
		CALL refresh_views();
	END LOOP;
END $$;
-- l gets rows again and again, late ones too; over s, nothing is late
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' AND view::text !~ '_a$' AND definition !~ 'FROM l\M' ORDER BY view::text;
SELECT max(late_rows) AS late FROM streaming.views WHERE definition !~ 'FROM l\M';
SELECT count(*) > 0 AS late FROM streaming.views WHERE definition ~ 'FROM l\M' AND late_rows = 0;
-- what append mode shows is what of the plain query ends by the watermark
CREATE FUNCTION ended(v regclass, key_end text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	q text;
	mark timestamptz;
	missing int8;
	wrong int8;
	shown int8;
	hidden int8;
BEGIN
	q := query_of(v);
	SELECT watermark INTO mark FROM streaming.views WHERE view = v;
	EXECUTE format('SELECT count(*) FROM (SELECT * FROM (%s) q WHERE %s <= %L EXCEPT ALL TABLE %s) x', q, key_end, mark, v) INTO missing;
	EXECUTE format('SELECT count(*) FROM (TABLE %s EXCEPT ALL SELECT * FROM (%s) q WHERE %s <= %L) x', v, q, key_end, mark) INTO wrong;
	EXECUTE format('SELECT count(*) FROM %s', v) INTO shown;
	EXECUTE format('SELECT count(*) FROM (%s) q WHERE %s > %L', q, key_end, mark) INTO hidden;
	RETURN format('%s missing, %s wrong, shown: %s, hidden: %s', missing, wrong, shown > 0, hidden > 0);
END $$;
SELECT view, ended(view, CASE
	WHEN view::text ~ 'bin' THEN 'b + interval ''15 min''' WHEN view::text ~ 'trunc1' THEN 'b + interval ''1 hour''' WHEN view::text ~ 'trunc2' THEN '(b AT TIME ZONE ''Asia/Kathmandu'' + interval ''1 month'') AT TIME ZONE ''Asia/Kathmandu'''
	WHEN view::text ~ 'time' THEN 'ts' WHEN view::text ~ 'wofw' THEN 'upper(h)' ELSE 'upper(w)' END)
FROM streaming.views WHERE view::text ~ '_a$' AND definition !~ 'FROM l\M' ORDER BY view::text COLLATE "C";
DROP FUNCTION ended;
DROP TABLE s, l CASCADE;
DROP TABLE w_def;

---- E1, E2 by hand: borders

CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW t WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '10 min', '5 min') w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW h WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT hop(ts, '10 min', '4 min') w, count(*) FROM s GROUP BY w;
-- start inclusive, end exclusive; before the epoch down, not towards it
INSERT INTO s VALUES ('1970-01-01 00:05'), ('1970-01-01 00:04:59.999999'), ('1969-12-31 23:55'), ('1969-12-31 23:54:59.999999');
CALL refresh_views();
SELECT * FROM t ORDER BY w;
-- starts are multiples of 4 min: 00:05 and 00:04:59.999999 are in those from 23:56, 00:00 and 00:04, the other two in those from 23:48 and 23:52
SELECT * FROM h ORDER BY w;
SELECT check_view('t'), check_view('h');
DROP TABLE s CASCADE;

---- what is refused

CREATE TABLE s (k int, ts timestamptz, size interval) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
-- E2: the slide is not longer than the size
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT hop(ts, '5 min', '10 min') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT hop(ts, '5 min', '0') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '1 month') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '-1 min') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '1 hour', timezone => 'Europe/Berlin') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '1 day', timezone => 'Nowhere') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, size) w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT w, count(*) FROM s, hop(ts, make_interval(mins => 5 + k % 3), '5 min') w GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT w, count(*) FROM s, hop(ts, '1 month', '1 day', timezone => 'Europe/Berlin') w GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '1 hour', '1 month') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT session_window(ts, '1 month') w, k, count(*) FROM s GROUP BY w, k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT date_bin('1 month', ts, '2000-01-01') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT date_trunc('fortnight', ts) w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT date_bin('0', ts, '2000-01-01') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT hop(ts, size, '1 min') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT hop(ts, '7 days', '1 day', timezone => 'Europe/Berlin') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
-- in step with another function, and what is made of its windows
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT hop(ts, '10 min', '5 min') w, generate_series(1, k) g, count(*) FROM s GROUP BY w, g;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT window_time(hop(ts, '10 min', '5 min')) w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT date_bin(size, ts, '2000-01-01') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;


---- a stride of date_bin is 24 hours a day, whatever the clocks do, and whoever reads

SET timezone = 'America/New_York';
CREATE TABLE dst (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW bins WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT date_bin('1 day', ts, '2024-01-01 00:00+00') AS d, count(*) FROM dst GROUP BY d;
CREATE MATERIALIZED VIEW days WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT date_trunc('day', ts) AS d, count(*) FROM dst GROUP BY d;
-- the day on which the clocks go forward there has 23 hours
INSERT INTO dst VALUES ('2024-03-10 12:00+00'), ('2024-03-10 23:30+00');
SELECT streaming.wait(view) FROM streaming.views;
TABLE bins; TABLE days;
INSERT INTO dst VALUES ('2024-03-10 23:40+00'), ('2024-03-11 00:00+00');
SELECT streaming.wait(view) FROM streaming.views;
TABLE bins; TABLE days;
INSERT INTO dst VALUES ('2024-03-11 03:59+00'), ('2024-03-11 04:00+00');
SELECT streaming.wait(view) FROM streaming.views;
TABLE bins; TABLE days;
SET timezone = 'Asia/Tokyo';
TABLE bins; TABLE days;
SET timezone = 'UTC';
SELECT view, late_rows FROM streaming.views ORDER BY view::text;
DROP TABLE dst CASCADE;

---- windows at the ends of time: a clock that has gone mad stops no view

CREATE TABLE mad (ts timestamptz, tl timestamp) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TEMP TABLE mad_def (name text, key text);
INSERT INTO mad_def VALUES
	('tumble', 'tumble(ts, ''1 hour'')'), ('zoned', 'tumble(ts, ''1 month'', timezone => ''Europe/Berlin'')'),
	('hop', 'hop(ts, ''1 hour'', ''20 min'')'), ('bin', 'date_bin(''1 day'', ts, ''2001-01-01'')'), ('trunc', 'date_trunc(''month'', ts)'),
	('century', 'date_trunc(''century'', ts, ''Asia/Tokyo'')'), ('plain', 'ts'), ('tl', 'tumble(tl, ''1 hour'')');
DO $$
DECLARE d record;
BEGIN
	FOR d IN TABLE mad_def LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW mad_%s WITH (streaming.continuous, streaming.trigger = ''manual'') AS SELECT %s AS w, count(*) FROM mad GROUP BY w', d.name, d.key);
	END LOOP;
END $$;
CREATE MATERIALIZED VIEW mad_session WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT session_window(ts, '1 hour') AS w, count(*) FROM mad GROUP BY w;
CREATE MATERIALIZED VIEW mad_from WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT w, count(*) FROM mad, hop(ts, '3 months', '1 month', timezone => 'Asia/Kathmandu') AS w GROUP BY w;
INSERT INTO mad SELECT t, t FROM unnest('{0044-03-15 12:00:00+00 BC, 2024-02-29 12:00:00+00}'::timestamptz[]) t;
SELECT streaming.wait(view) FROM streaming.views;
INSERT INTO mad SELECT t, t FROM unnest('{infinity, 294276-12-31 22:59:59+00, 294276-12-31 23:10:00+00, 294276-12-31 23:59:59.999999+00}'::timestamptz[]) t;
SELECT streaming.wait(view) FROM streaming.views;
SELECT view, check_view(view), state FROM streaming.views WHERE view <> 'mad_session'::regclass ORDER BY view::text;
TABLE mad_session ORDER BY w;
TABLE mad_hop ORDER BY w;
-- the end of a window that has none is never reached
CREATE MATERIALIZED VIEW mad_append WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT date_trunc('century', ts) AS w, count(*) FROM mad GROUP BY w;
SELECT streaming.wait('mad_append');
TABLE mad_append ORDER BY w;
SELECT view, watermark FROM streaming.views WHERE view = 'mad_append'::regclass;
DROP TABLE mad CASCADE;
CREATE TABLE mad (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW first_hops WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT hop(ts, '1 hour', '20 min') AS w, count(*) FROM mad GROUP BY w;
CREATE MATERIALIZED VIEW first_month WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 month', timezone => 'Europe/Berlin') AS w, count(*) FROM mad GROUP BY w;
INSERT INTO mad VALUES ('4714-11-24 00:00:00+00 BC'), ('4714-11-24 01:10:00+00 BC');
SELECT streaming.wait(view) FROM streaming.views;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
DROP TABLE mad CASCADE;
SELECT * FROM leftovers();
