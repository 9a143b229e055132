-- Event times that results of views carry over: of EXISTS, of sessions, and such as are computed
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA carried_on;
SET search_path = carried_on, public;
CREATE FUNCTION at(s numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2024-01-01 00:00:00+00' + s * interval '1 s' $$;
-- windows of a view, as the second in which they begin, and what is counted in them
CREATE FUNCTION shown(v text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(extract(epoch FROM lower(w)::timestamptz - at(0))::int || '':'' || n, '' '' ORDER BY w) FROM %s', v) INTO result;
	RETURN result;
END $$;
CREATE PROCEDURE make(name text, query text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS %s', name, query);
END $$;

---- EXISTS, IN and NOT EXISTS
CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CALL make('found', 'SELECT l.ts, l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'')');
CALL make('same', 'SELECT l.ts, l.a FROM l WHERE (k, ts) IN (SELECT k, ts FROM r)');
CALL make('none', 'SELECT l.ts, l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'')');
CALL make('any_time', 'SELECT l.ts, l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.b > l.a)');
DO $$
DECLARE
	v text;
BEGIN
	FOREACH v IN ARRAY ARRAY['found', 'same', 'none'] LOOP
		CALL make(v || '_w', format('SELECT tumble(ts, ''10 s'') AS w, count(*) AS n FROM %s GROUP BY 1', v));
		-- as if it were one query
		CALL make(v || '_q', format('SELECT tumble(ts, ''10 s'') AS w, count(*) AS n FROM (%s) q GROUP BY 1', query_of(v::regclass)));
	END LOOP;
END $$;
-- what is bounded by nothing is never final
CALL make('refused', 'SELECT tumble(ts, ''10 s'') AS w, count(*) AS n FROM any_time GROUP BY 1');
CREATE FUNCTION windows() RETURNS TABLE (v text, w text, one_query text) LANGUAGE sql AS $$
	SELECT v, shown(v || '_w'), shown(v || '_q') FROM unnest(ARRAY['found', 'same', 'none']) v
$$;
INSERT INTO l VALUES (at(1), 1, 1), (at(9), 2, 2), (at(9), 3, 3);
CALL refresh_views(2);
INSERT INTO r VALUES (at(1), 1, 10), (at(9), 9, 90);
CALL refresh_views(2);
INSERT INTO l VALUES (at(10), 8, 8); INSERT INTO r VALUES (at(10), 9, 91);
CALL refresh_views(2);
-- 10: the same time can be found no more; 2 and 3 can find others until 14
SELECT * FROM windows();
SELECT restart_workers();
INSERT INTO r VALUES (at(13), 2, 20); INSERT INTO l VALUES (at(14), 8, 8), (at(14), 7, 7);
CALL refresh_views(2);
-- the left first: 2 has been found after its window
SELECT * FROM windows();
INSERT INTO r VALUES (at(15.001), 7, 70);
INSERT INTO l VALUES (at(15.001), 8, 8);
CALL refresh_views(2);
-- 15.001: that of the first window is final
SELECT * FROM windows();
-- the right first
INSERT INTO r VALUES (at(21), 5, 50);
CALL refresh_views();
INSERT INTO l VALUES (at(20), 5, 5), (at(21), 5, 6), (at(22), 5, 7), (at(40), 0, 0);
INSERT INTO r VALUES (at(40), 9, 92);
CALL refresh_views(2);
SELECT * FROM windows();
SELECT view, watermark, late_rows FROM streaming.views WHERE view::text ~ '_w$' ORDER BY view::text;
DROP TABLE l, r CASCADE;

---- sessions: when they end
CREATE TABLE s (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CALL make('sessions', 'SELECT k, session_window(ts, ''5 s'') AS w, count(*) AS n FROM s GROUP BY k, session_window(ts, ''5 s'')');
CALL make('ends', 'SELECT k, upper(session_window(ts, ''5 s'')) AS t, count(*) AS n FROM s GROUP BY k, session_window(ts, ''5 s'')');
CALL make('by_end', 'SELECT tumble(window_time(w), ''10 s'') AS w, count(*) || ''/'' || sum(n) AS n FROM sessions GROUP BY 1');
CALL make('by_end_below', 'SELECT tumble(window_time(q.w), ''10 s'') AS w, count(*) || ''/'' || sum(n) AS n FROM (SELECT w, n FROM sessions WHERE k < 9) q GROUP BY 1');
CALL make('by_time', 'SELECT tumble(t, ''10 s'') AS w, count(*) || ''/'' || sum(n) AS n FROM ends GROUP BY 1');
CALL make('refused', 'SELECT w, count(*) AS n FROM sessions GROUP BY w');
CALL make('refused', 'SELECT tumble(lower(w), ''10 s'') AS w, count(*) AS n FROM sessions GROUP BY 1');
CALL make('refused', 'SELECT session_window(lower(w), ''10 s'') AS w, k, count(*) AS n FROM sessions GROUP BY 1, 2');
CREATE FUNCTION sessions_shown() RETURNS TABLE (by_end text, by_end_below text, by_time text, sessions bigint) LANGUAGE sql AS $$
	SELECT shown('by_end'), shown('by_end_below'), shown('by_time'), (SELECT count(*) FROM sessions)
$$;
-- key 1 from 0 to 9 and from 12 on; key 2 from 1 to 10, which is in the first window by its last moment, and in the second by its end
INSERT INTO s VALUES (at(0), 1, 1), (at(4), 1, 1), (at(1), 2, 1), (at(5), 2, 1), (at(9), 3, 1);
CALL refresh_views(2);
SELECT * FROM sessions_shown();
INSERT INTO s VALUES (at(12), 1, 1), (at(10), 3, 1);
CALL refresh_views(2);
-- 12: two are over, and no other that is ends by 10
SELECT * FROM sessions_shown();
SELECT restart_workers();
-- one that spans windows is where it ends; 19.999: that of 15 is over, and nothing more
INSERT INTO s VALUES (at(14), 1, 1), (at(17), 1, 1), (at(19.999), 4, 1);
CALL refresh_views(2);
SELECT * FROM sessions_shown();
INSERT INTO s VALUES (at(20), 5, 1);
CALL refresh_views(2);
SELECT * FROM sessions_shown();
INSERT INTO s VALUES (at(60), 5, 1);
CALL refresh_views(2);
SELECT * FROM sessions_shown();
SELECT view, watermark, late_rows FROM streaming.views WHERE view::text ~ '^by' ORDER BY view::text;
DROP TABLE s CASCADE;

---- what is computed of an event time, in a result
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE z (ts timestamp, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CALL make('later', 'SELECT ts + interval ''4 s'' AS t, k FROM s');
CALL make('before', 'SELECT ts - interval ''4 s'' AS t, k FROM s');
CALL make('trunc', 'SELECT date_trunc(''minute'', ts) AS t, k FROM s');
CALL make('begins', 'SELECT lower(tumble(ts, ''10 s'')) AS t, k FROM s');
CALL make('ends', 'SELECT upper(tumble(ts, ''10 s'')) AS t, k FROM s');
CALL make('days', 'SELECT ts + interval ''1 day'' AS t, k FROM s');
CALL make('months', 'SELECT ts + interval ''1 month'' AS t, k FROM s');
CALL make('of_column', 'SELECT ts + k * interval ''1 s'' AS t, k FROM s');
CALL make('nested_below', 'SELECT t - interval ''1 s'' AS t, k FROM (SELECT ts + interval ''5 s'' AS t, k FROM s WHERE k > 0) q');
CALL make('groups', 'SELECT lower(tumble(ts, ''10 s'')) AS t, ts - interval ''4 s'' AS u, count(*) AS n FROM z GROUP BY ts, tumble(ts, ''10 s'')');
CALL make('windows', 'SELECT lower(tumble(ts, ''10 s'')) AS t, upper(tumble(ts, ''10 s'')) AS u, count(*) AS n FROM z GROUP BY tumble(ts, ''10 s'')');
DO $$
DECLARE
	v text;
BEGIN
	FOREACH v IN ARRAY ARRAY['later', 'before', 'trunc', 'begins', 'ends', 'days', 'nested_below', 'groups', 'windows'] LOOP
		CALL make(v || '_w', format('SELECT tumble(t, ''10 s'') AS w, count(*) AS n FROM %s GROUP BY 1', v));
	END LOOP;
	CALL make('groups_u_w', 'SELECT tumble(u, ''10 s'') AS w, count(*) AS n FROM groups GROUP BY 1');
	CALL make('windows_u_w', 'SELECT tumble(u, ''10 s'') AS w, count(*) AS n FROM windows GROUP BY 1');
END $$;
CALL make('refused', 'SELECT tumble(t, ''10 s'') AS w, count(*) AS n FROM months GROUP BY 1');
CALL make('refused', 'SELECT tumble(t, ''10 s'') AS w, count(*) AS n FROM of_column GROUP BY 1');
-- in the query itself it is none, as ever
CALL make('refused', 'SELECT tumble(ts + interval ''4 s'', ''10 s'') AS w, count(*) AS n FROM s GROUP BY 1');
CREATE FUNCTION computed() RETURNS TABLE (v text, windows text, late_rows bigint) LANGUAGE sql AS $$
	SELECT view::text, shown(view::text), late_rows FROM streaming.views WHERE view::text ~ '_w$' ORDER BY 1
$$;
-- 9.5: nothing is closed but what is over by then: a row may come for 5.5, four seconds before
INSERT INTO s VALUES (at(1), 1), (at(9.5), 2);
INSERT INTO z TABLE s EXCEPT TABLE z;
CALL refresh_views(2);
SELECT * FROM computed();
INSERT INTO s VALUES (at(10), 3);
INSERT INTO z TABLE s EXCEPT TABLE z;
CALL refresh_views(2);
-- 10: the first window of what is four seconds later
SELECT * FROM computed();
SELECT restart_workers();
-- 13: a row of 13.5 is to come, and belongs to the first window four seconds before
INSERT INTO s VALUES (at(13), 4);
INSERT INTO z TABLE s EXCEPT TABLE z;
CALL refresh_views(2);
SELECT * FROM computed();
INSERT INTO s VALUES (at(13.5), 5), (at(14), 6);
INSERT INTO z TABLE s EXCEPT TABLE z;
CALL refresh_views(2);
-- 14: that window is closed; what begins at 0 is so when its window is, and the one of that, too: at 20
SELECT * FROM computed();
INSERT INTO s VALUES (at(20), 7);
INSERT INTO z TABLE s EXCEPT TABLE z;
CALL refresh_views(2);
SELECT * FROM computed();
-- far ahead: all there is, and nothing was late
INSERT INTO s VALUES (at(300000), 8);
INSERT INTO z TABLE s EXCEPT TABLE z;
CALL refresh_views(2);
SELECT * FROM computed();
SELECT v, (SELECT string_agg(s || ':' || n, ' ' ORDER BY s) FROM (SELECT extract(epoch FROM lower(tumble(t, '10 s')) - at(0))::int AS s, count(*) AS n FROM (
	SELECT CASE v WHEN 'later' THEN ts + interval '4 s' WHEN 'before' THEN ts - interval '4 s' WHEN 'trunc' THEN date_trunc('minute', ts)
		WHEN 'begins' THEN lower(tumble(ts, '10 s')) WHEN 'ends' THEN upper(tumble(ts, '10 s')) ELSE ts + interval '1 day' END AS t FROM s WHERE ts < at(1000)) q GROUP BY 1) q) AS plain
FROM unnest(ARRAY['later', 'before', 'trunc', 'begins', 'ends', 'days']) v ORDER BY 1;
DROP SCHEMA carried_on CASCADE;
SELECT * FROM leftovers();
