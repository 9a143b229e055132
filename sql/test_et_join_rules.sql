-- The rules of joins in event time, one by one, in both orders of arrival and both output modes
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA rules;
SET search_path = rules, public;
-- times are seconds of the first minutes of a year
CREATE FUNCTION at(s numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2024-01-01 00:00:00+00' + s * interval '1 s' $$;
-- l and r with an event time, n without; the watermark of a stream is its latest time
CREATE PROCEDURE streams() LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE IF EXISTS l, r, n CASCADE;
	CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE n (ts timestamptz, k int, c int) USING stream;
END $$;
CREATE TABLE made (name text, query text);
-- a view in each mode, the name with _u and _a behind
CREATE PROCEDURE make(name text, query text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO made VALUES (name, query);
	EXECUTE format('CREATE MATERIALIZED VIEW %s_u WITH (streaming.continuous, streaming.trigger = manual) AS %s', name, query);
	EXECUTE format('CREATE MATERIALIZED VIEW %s_a WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS %s', name, query);
END $$;
-- what the views show in both modes
CREATE FUNCTION show() RETURNS TABLE (name text, update text, append text) LANGUAGE sql AS $$
	SELECT left(u.name, -2), u.rows, a.rows FROM show_views() u LEFT JOIN show_views() a ON a.name = left(u.name, -2) || '_a'
	WHERE u.name LIKE '%\_u' ORDER BY 1
$$;
CREATE FUNCTION kept() RETURNS TABLE (view regclass, late_rows bigint, l bigint, r bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR view, late_rows IN SELECT v.view, v.late_rows FROM streaming.views v ORDER BY v.view::text LOOP
		EXECUTE format('SELECT (SELECT count(*) FROM streaming._below_%s), (SELECT count(*) FROM streaming._below_%1$s_1)', public.number_of(view)) INTO l, r;
		RETURN NEXT;
	END LOOP;
END $$;

---- J1: each pair once, whichever row comes first, or both in one batch
CALL streams();
CALL make('j1', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - interval ''1 h'' AND l.ts + interval ''1 h''');
INSERT INTO l VALUES (at(1), 1, 1);
CALL refresh_views();
INSERT INTO r VALUES (at(1), 1, 10);
CALL refresh_views();
-- left first: (1,10)
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO r VALUES (at(2), 2, 20);
CALL refresh_views();
INSERT INTO l VALUES (at(2), 2, 2);
CALL refresh_views();
-- right first: (2,20)
SELECT * FROM show();
INSERT INTO l VALUES (at(3), 1, 3), (at(3), 3, 4);
INSERT INTO r VALUES (at(3), 1, 30), (at(3), 3, 40);
CALL refresh_views();
-- new with old both ways, new with new: (1,30) (3,10) (3,30) (4,40)
SELECT * FROM show();

---- J2: equal rows are several, and each meets all
CALL streams();
CALL make('j2', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts = r.ts');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 1, 1);
CALL refresh_views();
INSERT INTO r VALUES (at(1), 1, 10);
CALL refresh_views();
INSERT INTO l VALUES (at(1.5), 2, 2);
INSERT INTO r VALUES (at(1.2), 3, 10), (at(1.5), 2, 20), (at(1.5), 2, 20), (at(1.5), 2, 20);
CALL refresh_views();
-- two times one, one times three
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO r VALUES (at(2), 4, 40), (at(2), 4, 40);
CALL refresh_views();
INSERT INTO l VALUES (at(2), 4, 4), (at(2), 4, 4);
CALL refresh_views();
-- the right first, two times two
SELECT * FROM show();

---- J3: what fails a condition after ON on itself alone finds nothing; if all rows of its side are kept, it comes out in its batch
CALL streams();
CALL make('j3_left', 'SELECT a, b FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' AND l.a > 0 AND r.b > 0');
CALL make('j3_right', 'SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' AND l.a > 0 AND r.b > 0');
CALL make('j3_full', 'SELECT a, b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' AND l.a > 0 AND r.b > 0');
CALL make('j3_none', 'SELECT a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' AND l.a > 0 AND r.b > 0)');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 1, -1), (at(1), 1, NULL);
CALL refresh_views();
-- -1 and null are there at once, also in append mode; 1 waits there
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO r VALUES (at(1), 1, 10), (at(1), 1, -10);
CALL refresh_views();
-- (1,10), and -10 alone
SELECT * FROM show();
-- far ahead, all is final but 99, which is on the watermark (what a condition keeps from being looked for does not count for that): nothing comes twice
INSERT INTO l VALUES (at(100), 0, 0);
INSERT INTO r VALUES (at(100), 0, 99);
CALL refresh_views(2);
SELECT * FROM show();

---- J4: what has found another, as the new row or as the kept one, never comes alone; J5: the others do when they are final, once
CALL streams();
CALL make('j5_left', 'SELECT a, b FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s''');
CALL make('j5_right', 'SELECT a, b FROM l RIGHT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s''');
CALL make('j5_full', 'SELECT a, b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s''');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 2);
CALL refresh_views();
INSERT INTO r VALUES (at(1), 3, 30), (at(2), 1, 10);
CALL refresh_views();
INSERT INTO r VALUES (at(3), 4, 40), (at(3), 4, 41);
CALL refresh_views();
INSERT INTO l VALUES (at(3), 4, 4), (at(3), 5, 5);
CALL refresh_views(2);
-- the watermark is 3: of r, 30 is final, as it is from 1 on; 2 and 5 wait for 10 seconds
SELECT * FROM show();
SELECT restart_workers();
-- l alone goes on: the watermark is that of r, and holds all back
INSERT INTO l VALUES (at(50), 0, 0);
CALL refresh_views(2);
SELECT * FROM show();
-- 11: 2 is on the bound, as 90 is
INSERT INTO r VALUES (at(11), 0, 90);
CALL refresh_views(2);
SELECT * FROM show();
-- 11.001: both are final, 5 is not
INSERT INTO r VALUES (at(11.001), 0, 91);
CALL refresh_views(2);
SELECT * FROM show();
-- 13.000999: still not; 13.001: 5 is
INSERT INTO r VALUES (at(13.000999), 0, 92);
CALL refresh_views(2);
SELECT update, append FROM show() WHERE name = 'j5_left';
INSERT INTO r VALUES (at(13.001), 0, 93);
CALL refresh_views(2);
SELECT * FROM show();

---- J6: EXISTS shows a row at the first match only
CALL streams();
CALL make('j6', 'SELECT a FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'')');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 2), (at(1), 1, 1);
CALL refresh_views();
SELECT * FROM show();
INSERT INTO r VALUES (at(2), 1, 10), (at(2), 1, 11);
CALL refresh_views();
-- the left first: 1 twice, for there are two
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO r VALUES (at(3), 1, 12), (at(3), 3, 30), (at(3), 3, 31);
CALL refresh_views();
INSERT INTO l VALUES (at(2), 3, 3), (at(4), 1, 4);
CALL refresh_views();
-- the right first: 3; 4 is after all that it could find
SELECT * FROM show();
INSERT INTO l VALUES (at(6), 6, 6);
INSERT INTO r VALUES (at(6), 6, 60), (at(6), 6, 61), (at(6), 1, 13);
CALL refresh_views(2);
SELECT * FROM show();

---- D2, J6: in update mode EXISTS and IN by nothing but equalities are about late rows, too, where nothing goes
CALL streams();
CALL make('late_time', 'SELECT n.c AS a FROM n WHERE EXISTS (SELECT FROM r WHERE r.ts = n.ts AND r.k = n.k)');
CALL make('late_window', 'SELECT n.c AS a FROM n WHERE (k, date_trunc(''minute'', ts)) IN (SELECT k, date_trunc(''minute'', ts) FROM r)');
CALL make('late_bounded', 'SELECT l.a FROM l WHERE ts IN (SELECT ts FROM r WHERE r.k = l.k)');
INSERT INTO n VALUES (at(5), 1, 1), (at(6), 1, 2);
INSERT INTO r VALUES (at(70), 0, 0);
INSERT INTO l VALUES (at(70), 0, 0), (at(5), 1, 1);
CALL refresh_views(2);
-- the left first, then the right
INSERT INTO r VALUES (at(5), 1, 10), (at(5), 1, 10), (at(7), 2, 20);
CALL refresh_views(2);
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO n VALUES (at(7), 2, 3), (at(8), 2, 4);
INSERT INTO l VALUES (at(7), 2, 2), (at(71), 1, 3);
INSERT INTO r VALUES (at(8), 2, 21), (at(71), 1, 11);
CALL refresh_views(2);
-- rows of l and r go with the watermark, in any mode: what is late for that is dropped
SELECT * FROM show();
SELECT view, late_rows FROM streaming.views ORDER BY view::text;
SELECT name FROM not_plain('_u') GROUP BY 1;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT c FROM n WHERE (k, tumble(ts, '5 s')) IN (SELECT k, session_window(ts, '5 s') FROM r);

---- J7: equal event times, or windows of them, are over with the watermark, on both sides
CALL streams();
CALL make('j7_times', 'SELECT a, b FROM l FULL JOIN r ON l.ts = r.ts');
CALL make('j7_windows', 'SELECT a, b FROM l FULL JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'')');
INSERT INTO l VALUES (at(1), 1, 1), (at(7), 1, 2);
INSERT INTO r VALUES (at(2), 1, 10), (at(7), 1, 20);
CALL refresh_views(2);
-- 7: of times all is over; windows are open
SELECT * FROM show();
SELECT * FROM kept();
SELECT restart_workers();
INSERT INTO l VALUES (at(9), 1, 3), (at(10), 1, 4);
INSERT INTO r VALUES (at(9.9), 1, 30), (at(10), 1, 40);
CALL refresh_views(2);
-- 10: the first window is over, too, but not what is from 10 on
SELECT * FROM show();
SELECT * FROM kept();

---- J7: an event time on one side of an equality is enough, in append mode: rows of both sides are over with it, and what comes later finds nothing
-- (of three, what has found one in time waits for the third, as a pair)
CALL streams();
CREATE TABLE n_w (w tstzrange, h timestamptz, c int) USING stream;
CALL make('j7_one', 'SELECT a, c FROM l JOIN n ON l.ts = n.ts');
CALL make('j7_one_three', 'SELECT l.a, n.c, m.c AS m FROM l JOIN n ON l.ts = n.ts JOIN n m ON m.k = n.k AND m.c = 10');
CALL make('j7_one_full', 'SELECT a, c FROM l FULL JOIN n ON l.ts = n.ts');
CALL make('j7_one_left', 'SELECT a, c FROM l LEFT JOIN n ON n.ts = l.ts AND n.k = l.k');
CALL make('j7_one_right', 'SELECT a, c FROM l RIGHT JOIN n ON l.ts = n.ts AND n.c > 0');
CALL make('j7_one_hour', 'SELECT a, c FROM l JOIN n_w ON date_trunc(''hour'', l.ts) = h');
CALL make('j7_one_range', 'SELECT a, c FROM l JOIN n_w ON tumble(l.ts, ''10 s'') = w');
INSERT INTO l VALUES (at(1), 1, 1), (at(7), 1, 2);
INSERT INTO n VALUES (at(1), 1, 10), (at(3), 1, 30), (at(7), 1, 70), (at(9), 1, 90), (at(9), 1, -90);
INSERT INTO n_w VALUES (tumble(at(1), '10 s'), at(0), 1), (tumble(at(11), '10 s'), at(3600), 2);
CALL refresh_views(2);
-- the watermark is 7: of n, 30 has found none; 90 may still find one, -90 cannot find any.  The window and the hour are open
SELECT * FROM show();
SELECT * FROM kept();
SELECT restart_workers();
-- 71 comes after all that it could find; what is equal to it in l is late, but not where the join sees only a window of that, which is open; 80 and 8 meet in a batch
INSERT INTO n VALUES (at(7), 1, 71), (at(8), 1, 80);
INSERT INTO l VALUES (at(7), 1, 3), (at(8), 1, 4);
CALL refresh_views(2);
SELECT * FROM show();
SELECT restart_workers();
-- the other order: 90 has waited for 5; 6 is over when 120 comes
INSERT INTO l VALUES (at(9), 1, 5), (at(12), 1, 6);
CALL refresh_views(2);
INSERT INTO n VALUES (at(9), 1, 91), (at(12), 1, 120), (at(12), 2, 121), (at(13), 1, 130);
INSERT INTO n_w VALUES (tumble(at(1), '10 s'), at(0), 3), (tumble(at(11), '10 s'), at(3600), 4);
CALL refresh_views(2);
-- the watermark is 12, and had closed the window up to 10 before 3 came, but not the hour
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO l VALUES (at(13), 1, 7), (at(3600), 1, 8);
CALL refresh_views(2);
-- 130 has waited for 7, and the hour is over
INSERT INTO n_w VALUES (tumble(at(3590), '10 s'), at(0), 5), (tumble(at(3600), '10 s'), at(3600), 6);
INSERT INTO l VALUES (at(3599), 1, 9), (at(3601), 1, 10);
CALL refresh_views(2);
SELECT * FROM show();
SELECT * FROM kept();
SELECT * FROM not_plain('_u');
DROP TABLE n_w CASCADE;

---- J7: so it is where the other side has an event time, but another one is equal; J10: by its own its rows are late, if the join is given that
CALL streams();
CREATE TABLE o (ts timestamptz, about timestamptz, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CALL make('j7_other', 'SELECT a, b FROM l FULL JOIN o ON l.ts = o.about');
CALL make('j7_shifted', 'SELECT a, b FROM l FULL JOIN o ON l.ts = o.ts - interval ''5 s''');
CALL make('j7_moves', 'SELECT o.ts, a, b FROM l JOIN o ON l.ts = o.about');
CALL make('j7_both', 'SELECT a, b FROM l FULL JOIN o ON l.ts = o.about AND o.ts BETWEEN l.ts AND l.ts + interval ''1 h''');
INSERT INTO l VALUES (at(20), 1, 1);
INSERT INTO o VALUES (at(10), at(20), 10), (at(10), at(5), 11), (at(9), NULL, 12);
CALL refresh_views(2);
-- 10: of other and both, 11 is over, and 12 never finds any; of shifted, all three are, but not 1
SELECT * FROM show();
SELECT restart_workers();
-- 13 is late by itself, but where the join is not given its time; 14 is about what is over, 15 is not
INSERT INTO o VALUES (at(10), at(20), 13), (at(14), at(10), 14), (at(16), at(20), 15);
INSERT INTO l VALUES (at(9), 1, 2), (at(11), 1, 3);
CALL refresh_views(2);
SELECT * FROM show();
SELECT restart_workers();
-- 3 has come alone (the watermark is 16), so it finds none any more; of both, 10 and 15 come alone with 20
INSERT INTO o VALUES (at(17), at(11), 16), (at(20), at(20), 17);
CALL refresh_views(2);
SELECT * FROM show();
INSERT INTO l VALUES (at(9000), 1, 0);
INSERT INTO o VALUES (at(9000), at(0), 0);
CALL refresh_views(2);
-- nothing comes twice
SELECT * FROM show();
SELECT * FROM kept();
-- what finds nothing moves the watermark, and counts as late if it is late itself
INSERT INTO o VALUES (at(8), at(8), 18);
REFRESH MATERIALIZED VIEW j7_moves_a;
SELECT view, watermark, late_rows FROM streaming.views WHERE view::text LIKE 'j7_moves%' ORDER BY view::text;
DROP TABLE o CASCADE;

---- J7: also while rows that are over are still kept, for it takes several batches until they are gone
CALL streams();
CREATE TABLE o (ts timestamptz, about timestamptz, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW j7_gone WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT a, b FROM l FULL JOIN o ON l.ts = o.about AND o.ts BETWEEN l.ts AND l.ts + interval '1 h';
INSERT INTO l SELECT at(x / 1000.0), 1, x FROM generate_series(1, 40000) x;
REFRESH MATERIALIZED VIEW j7_gone;
ALTER MATERIALIZED VIEW j7_gone SET (streaming.max_batch_rows = 500);
INSERT INTO l VALUES (at(600), 1, 0);
INSERT INTO o SELECT at(600 + x / 10000.0), NULL, NULL FROM generate_series(1, 3000) x;
INSERT INTO o SELECT at(601), at(x), x FROM generate_series(30, 40) x;
REFRESH MATERIALIZED VIEW j7_gone;
SELECT count(*), count(a) AS left, count(b) AS right, count(*) FILTER (WHERE a IS NOT NULL AND b IS NOT NULL) AS pairs FROM j7_gone;
DROP TABLE o CASCADE;

---- J7 of three: as FROM is written, by the event time of two that are joined first; what they are joined with then waits for no time, nor does what has met; in a later join, the pair has to be made in time
CALL streams();
CREATE TABLE m (k int, b int) USING stream;
CALL make('j7_first', 'SELECT l.a, n.c, m.b FROM l JOIN n ON l.ts = n.ts JOIN m ON m.k = n.k');
CALL make('j7_nested', 'SELECT l.a, n.c, m.b FROM m JOIN (n JOIN l ON l.ts = n.ts) ON m.k = n.k');
CALL make('j7_where', 'SELECT l.a, n.c, m.b FROM n, l, m WHERE l.ts = n.ts AND m.k = n.k');
CALL make('j7_exists', 'SELECT n.c, m.b FROM n JOIN m ON m.k = n.k WHERE EXISTS (SELECT FROM l WHERE l.ts = n.ts)');
-- a pair of m and n comes too late for what n is equal to, whichever of the two has been there
CALL make('j7_last', 'SELECT l.a, n.c, m.b FROM m JOIN n ON m.k = n.k JOIN l ON l.ts = n.ts');
INSERT INTO l VALUES (at(1), 1, 1), (at(2), 1, 2);
INSERT INTO n VALUES (at(1), 1, 10), (at(1), 2, 20), (at(3), 1, 30);
CALL refresh_views(2);
INSERT INTO m VALUES (1, 100);
CALL refresh_views(2);
-- the watermark is 2: 1 and 10 have met
SELECT * FROM show();
SELECT restart_workers();
-- 11 and 21 come too late for 1 and 2, 31 waits, and 2 is late itself; the right first: 30 has waited for 3
INSERT INTO n VALUES (at(1), 1, 11), (at(2), 1, 21), (at(4), 1, 31);
INSERT INTO l VALUES (at(2), 1, 2), (at(3), 1, 3);
CALL refresh_views(2);
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO l VALUES (at(4), 1, 4);
INSERT INTO m VALUES (2, 200), (1, 101);
CALL refresh_views(2);
-- 1 and 20 have met long ago; a pair of 10 comes too late for 1, whatever had met before
SELECT * FROM show();
SELECT view, late_rows FROM streaming.views WHERE view::text ~ '_a$' ORDER BY view::text;
SELECT * FROM not_plain('_u');
DROP TABLE m CASCADE;

---- J8: otherwise rows are kept for as long as what is said of both times demands
CALL streams();
-- l is after r by more than 10 seconds: l is over at 10 seconds before its time, r never is
CALL make('j8_more', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts > r.ts + interval ''10 s''');
CALL make('j8_least', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts >= r.ts + interval ''10 s''');
-- within 20 seconds before, and 5 after: l until 20 seconds later, r until 5 later
CALL make('j8_within', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts >= r.ts - interval ''20 s'' AND l.ts <= r.ts + interval ''5 s''');
-- of several the one counts that keeps it longest
CALL make('j8_several', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts >= r.ts - interval ''20 s'' AND l.ts > r.ts - interval ''2 s'' AND r.ts - l.ts < interval ''7 s'' AND l.ts < r.ts + interval ''5 s''');
-- months, other columns and casts say nothing, and one without an event time stays
CALL make('j8_month', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts BETWEEN r.ts - interval ''1 month'' AND r.ts + interval ''1 month''');
CALL make('j8_cast', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts::text::timestamptz >= r.ts AND r.ts::text::timestamptz >= l.ts');
CALL make('j8_untimed', 'SELECT a, c AS b FROM l JOIN n ON l.k = n.k AND l.ts > n.ts + interval ''1 s''');
INSERT INTO l VALUES (at(0), 1, 0), (at(18), 1, 18), (at(20), 1, 20), (at(25), 1, 25), (at(30), 1, 30);
INSERT INTO r VALUES (at(0), 1, 0), (at(10), 1, 10), (at(15), 1, 15), (at(16), 1, 16), (at(20), 1, 20);
INSERT INTO n VALUES (at(0), 1, 0), (at(20), 1, 20);
CALL refresh_views(2);
SELECT * FROM show();
-- the watermark is 20.  More: l is over up to 30.  Least: before 30.  Within: l before 0, r before 15.  Several: l before 0, r up to 15
SELECT * FROM kept();
SELECT restart_workers();
-- the left first: 18, 20 and 25 have waited for 21; then the right: 21 finds what is left of r
INSERT INTO r VALUES (at(21), 1, 21);
CALL refresh_views(2);
INSERT INTO l VALUES (at(21.5), 1, 21);
CALL refresh_views(2);
SELECT name, update = append AS same, (SELECT string_agg(x, ' ') FROM regexp_matches(append, '\([^)]*21[^)]*\)', 'g') AS m (y), unnest(y) x) AS with_21 FROM show() ORDER BY 1;
SELECT * FROM not_plain('_u');

---- J9: a row is kept for the others of its batch, though it is over with that
CALL streams();
-- three rows fill a page, and a batch takes one page
CREATE TABLE s (ts timestamptz, side text, k int, v int, filler text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
ALTER TABLE s ALTER filler SET STORAGE PLAIN;
CREATE MATERIALIZED VIEW j9_u WITH (streaming.continuous, streaming.trigger = manual, streaming.max_batch_rows = 1) AS
	SELECT l.v AS a, r.v AS b FROM (SELECT ts, k, v FROM s WHERE side = 'l') l FULL JOIN (SELECT ts, k, v FROM s WHERE side = 'r') r ON l.k = r.k AND l.ts = r.ts;
CREATE MATERIALIZED VIEW j9_a WITH (streaming.continuous, streaming.trigger = manual, streaming.max_batch_rows = 1, streaming.output_mode = append) AS
	SELECT l.v AS a, r.v AS b FROM (SELECT ts, k, v FROM s WHERE side = 'l') l FULL JOIN (SELECT ts, k, v FROM s WHERE side = 'r') r ON l.k = r.k AND l.ts = r.ts;
-- the first batch has the watermark go to 100; in the second 70 is over, but not late, for late is what was before the first; in the third it is late
INSERT INTO s SELECT at(t), side, k, v, repeat('x', 2500) FROM (VALUES
	(1, 100, 'l', 9, 9), (2, 100, 'r', 9, 90), (3, 100, 'l', 8, 8),
	(4, 70, 'l', 1, 1), (5, 70, 'r', 1, 10), (6, 60, 'l', 2, 2),
	(7, 70, 'l', 1, 3), (8, 70, 'r', 3, 30), (9, 101, 'r', 4, 40)) AS x (i, t, side, k, v) ORDER BY i;
REFRESH MATERIALIZED VIEW j9_u; REFRESH MATERIALIZED VIEW j9_a;
SELECT * FROM show();
SELECT * FROM kept();
SELECT batches > 2 AS several FROM streaming.views;
SELECT restart_workers();
-- the same with the right first: 170 is over in the second batch, and late in the third
INSERT INTO s SELECT at(t), side, k, v, repeat('x', 2500) FROM (VALUES
	(1, 200, 'r', 9, 91), (2, 200, 'l', 9, 10), (3, 200, 'r', 8, 81),
	(4, 170, 'r', 1, 11), (5, 170, 'l', 1, 12), (6, 160, 'r', 2, 21),
	(7, 170, 'r', 1, 31), (8, 170, 'l', 1, 32), (9, 201, 'l', 4, 41)) AS x (i, t, side, k, v) ORDER BY i;
REFRESH MATERIALIZED VIEW j9_u; REFRESH MATERIALIZED VIEW j9_a;
SELECT * FROM show();
SELECT * FROM kept();
DROP TABLE s CASCADE;

---- J10: each side's late rows go by its own time, but by the common watermark; D7: they leave no trace
CALL streams();
CALL make('j10', 'SELECT a, b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - interval ''1 h'' AND l.ts + interval ''1 h''');
CALL make('j10_untimed', 'SELECT a, c AS b FROM l JOIN n ON l.k = n.k');
CALL make('j10_before', 'SELECT a, c AS b FROM l JOIN n ON l.k = n.k AND n.ts <= l.ts');
INSERT INTO l VALUES (at(20), 1, 1);
INSERT INTO r VALUES (at(10), 1, 10);
INSERT INTO n VALUES (at(5), 1, 5);
CALL refresh_views(2);
SELECT restart_workers();
-- the watermark is 10: 10 is late on both sides, 10.000001 is not, even in l, whose own latest is 20
INSERT INTO l VALUES (at(10), 1, 2), (at(10.000001), 1, 3);
INSERT INTO r VALUES (at(10), 1, 20), (at(10.000001), 1, 30);
INSERT INTO n VALUES (at(1), 1, 6);
CALL refresh_views(2);
-- late rows come alone neither now nor when all is final
SELECT * FROM show();
INSERT INTO l VALUES (at(9000), 0, 0);
INSERT INTO r VALUES (at(9000), 0, 0);
CALL refresh_views(2);
SELECT * FROM show();
SELECT view, late_rows FROM streaming.views ORDER BY view::text;

---- D2, J10: nor are late rows joined where nothing bounds the join, in append mode, by the event time that it is given; A2: no empty batch follows
CALL streams();
CALL make('j10_shown', 'SELECT extract(second FROM l.ts)::int AS s, a, b FROM l JOIN r ON l.k = r.k');
CALL make('j10_compared', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts <> r.ts');
CALL make('j10_alone', 'SELECT a, b FROM l JOIN r ON l.k = r.k AND l.ts > ''2000-01-01'' AND r.ts > ''2000-01-01''');
CALL make('j10_hidden', 'SELECT a, b FROM (SELECT k, a FROM l) q JOIN r ON q.k = r.k');
CALL make('j10_exists', 'SELECT extract(second FROM l.ts)::int AS s, a FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k)');
INSERT INTO l VALUES (at(20), 1, 1);
INSERT INTO r VALUES (at(10), 1, 10);
CALL refresh_views(2);
SELECT restart_workers();
-- the watermark is 10, but what is late goes by that of the batch before, as if the two had come at once: nothing is
INSERT INTO l VALUES (at(5), 1, 2), (NULL, 1, 3);
INSERT INTO r VALUES (at(5), 1, 20);
CALL refresh_views(2);
SELECT * FROM show();
-- now 10 is late, and what is later is not; in the streams whose time the join is given
INSERT INTO l VALUES (at(10), 1, 4), (at(10.000001), 1, 5);
INSERT INTO r VALUES (at(10), 1, 30);
CALL refresh_views(2);
SELECT * FROM show();
SELECT view, late_rows, null_rows FROM streaming.views ORDER BY view::text;
SELECT * FROM not_plain('_u');

---- J11: refused where nothing would ever be final; without any watermark an inner join keeps all
CALL streams();
CREATE TABLE m (k int, b int) USING stream;
CALL make('j11', 'SELECT n.c AS a, m.b FROM n JOIN m ON n.k = m.k');
INSERT INTO n VALUES (at(1), 1, 1); INSERT INTO m VALUES (1, 10), (2, 20);
CALL refresh_views(2);
SELECT restart_workers();
INSERT INTO n VALUES (at(0), 2, 2); INSERT INTO m VALUES (1, 11);
CALL refresh_views(2);
SELECT * FROM show();
SELECT * FROM kept();
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k AND l.ts < r.ts;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT l.a, n.c FROM l LEFT JOIN n ON l.k = n.k AND l.ts < n.ts + interval '1 s';
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM n WHERE l.k = n.k AND l.ts < n.ts + interval '1 s');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = complete) AS SELECT l.a, r.b FROM l JOIN r ON l.k = r.k;
-- rows without an event time would never be over, but by an equality with one
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT n.c, l.a FROM n LEFT JOIN l ON l.k = n.k AND l.ts BETWEEN n.ts AND n.ts + interval '1 s';
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT n.c, l.a FROM n LEFT JOIN l ON l.k = n.k AND l.ts + interval '1 s' = n.ts;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT l.a, r.b FROM l FULL JOIN r ON l.k = r.k AND l.ts > r.ts;
-- of event times with a time zone and without, only one says what is late
CREATE TABLE z (ts timestamp, at timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT l.a FROM l LEFT JOIN z ON l.ts = z.at;
DROP TABLE z;
-- without a watermark, nothing is
CREATE TABLE z (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT z.k, m.b FROM z LEFT JOIN (SELECT ts, k AS b FROM z) m ON m.ts = z.ts;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT z.k FROM z WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = z.ts);
CREATE MATERIALIZED VIEW good WITH (streaming.continuous, streaming.output_mode = append, streaming.watermark = '1 s') AS SELECT z.k FROM z WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = z.ts);
DROP TABLE z CASCADE;
-- not in update mode, where such rows may go
CREATE MATERIALIZED VIEW good WITH (streaming.continuous, streaming.trigger = manual) AS SELECT l.a, n.c FROM l LEFT JOIN n ON l.k = n.k AND l.ts < n.ts + interval '1 s';
DROP MATERIALIZED VIEW good;
DROP TABLE m CASCADE;

---- what waits in one join is not late for the next: of three streams, and where a side is a join
CALL streams();
CREATE MATERIALIZED VIEW three WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT n.k, l.a, r.b FROM n JOIN l ON l.ts = n.ts JOIN r ON r.k = n.k AND r.ts BETWEEN l.ts AND l.ts + interval '30 s';
CREATE MATERIALIZED VIEW two_keys WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT n.c, l.a, r.b FROM n JOIN l ON l.ts = n.ts JOIN r ON r.ts = n.ts + n.c * interval '1 s';
CREATE MATERIALIZED VIEW both_exist WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT n.c FROM n WHERE EXISTS (SELECT FROM l WHERE l.ts = n.ts) AND EXISTS (SELECT FROM r WHERE r.ts = n.ts + n.c * interval '1 s');
CREATE MATERIALIZED VIEW beside_outer WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT q.a, q.b, n.c FROM (SELECT l.a, r.b, r.ts FROM l LEFT JOIN r ON r.k = l.k AND l.ts BETWEEN r.ts AND r.ts + interval '30 s') q JOIN l n2 ON n2.ts = q.ts JOIN n ON n.k = n2.k;
CREATE MATERIALIZED VIEW left_of_outer WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT q.a, q.b, x.a AS x FROM (SELECT l.a, r.b, r.ts FROM l LEFT JOIN r ON r.k = l.k AND l.ts BETWEEN r.ts AND r.ts + interval '30 s') q LEFT JOIN l x ON x.ts = q.ts;
CREATE MATERIALIZED VIEW none_of_pairs WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.a, r.b FROM l JOIN r ON r.k = l.k WHERE NOT EXISTS (SELECT FROM l x WHERE x.ts = r.ts AND x.k = r.b);
INSERT INTO n VALUES (at(1), 1, 9);
INSERT INTO l VALUES (at(1), 1, 1);
INSERT INTO r VALUES (at(1), 7, 0);
CALL refresh_views(2);
INSERT INTO l VALUES (at(5), 2, 2);
INSERT INTO r VALUES (at(5), 2, 0);
CALL refresh_views(2);
SELECT restart_workers();
INSERT INTO r VALUES (at(10), 1, 10);
INSERT INTO l VALUES (at(10), 7, 7);
CALL refresh_views(2);
SELECT * FROM three;
SELECT * FROM two_keys;
SELECT * FROM both_exist;
-- l at 10 with k = 7 has found r at 1, which meets l at 1, which has k = 1, as n has
SELECT * FROM beside_outer ORDER BY 1, 2;
-- the same finds l at 1 there; alone is what has no r, from the watermark on
SELECT * FROM left_of_outer ORDER BY 1, 2;
-- (2,0) comes when 5 is over, (1,10) when 10 is; what has r at 1 is late when l at 10 comes
SELECT * FROM none_of_pairs ORDER BY 1, 2;

---- J12: a bound is exact: what is a millisecond before, on it, and beyond; J8: what is just on it waits until the watermark is a millisecond further
CALL streams();
CALL make('j12_to', 'SELECT a, b FROM l FULL JOIN r ON l.k = r.k AND r.ts >= l.ts AND r.ts <= l.ts + interval ''10 s''');
CALL make('j12_below', 'SELECT a, b FROM l FULL JOIN r ON l.k = r.k AND r.ts > l.ts AND r.ts < l.ts + interval ''10 s''');
-- the left first
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 2), (at(1), 3, 3);
INSERT INTO r VALUES (at(1), 1, 10), (at(1.001), 1, 11);
CALL refresh_views(2);
INSERT INTO l VALUES (at(10.9985), 0, 9);
INSERT INTO r VALUES (at(10.999), 1, 12), (at(11), 1, 13), (at(11.000001), 1, 14), (at(11.001), 1, 15);
CALL refresh_views(2);
-- to: 1 finds 10 to 13, below: 11 and 12, and 10 comes alone (the watermark is 10.998)
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO l VALUES (at(10.999), 0, 9);
CALL refresh_views(2);
SELECT append FROM show();
-- 10.999: what 2 is still to find, though it is on the bound, is not late
INSERT INTO r VALUES (at(11), 2, 20);
CALL refresh_views(2);
SELECT append FROM show();
INSERT INTO l VALUES (at(11), 0, 9);
CALL refresh_views(2);
-- 11: below, 2 and 3 are final, and r up to 11; to, neither is
SELECT append FROM show();
SELECT restart_workers();
-- on the watermark is late, behind it is beyond the bound
INSERT INTO r VALUES (at(11), 3, 30), (at(11.0001), 3, 31);
CALL refresh_views(2);
SELECT append FROM show();
INSERT INTO l VALUES (at(11.001), 0, 8);
CALL refresh_views(2);
-- 11.001: to, 3 is final, and r up to 11
SELECT append FROM show();
-- the right first: 40 waits for l up to its own time; of below, a bit less
INSERT INTO r VALUES (at(30), 4, 40), (at(30), 5, 50), (at(30), 6, 60);
CALL refresh_views(2);
INSERT INTO l VALUES (at(19.999), 4, 4), (at(20), 4, 5), (at(20.001), 4, 6), (at(29.999), 5, 7);
CALL refresh_views(2);
-- to: 5 and 6 find 40, below: 6; 7 finds 50.  29.999: below, l up to 19.999 is final, which is 4; to, up to 19.998
SELECT append FROM show();
SELECT restart_workers();
INSERT INTO l VALUES (at(29.999), 6, 10), (at(30), 6, 11), (at(30), 5, 12), (at(30.001), 6, 13);
CALL refresh_views(2);
-- 10 is late; 11 and 12 find 60 and 50 on the bound.  30: below, 5 is final and r up to 30, to, 4
SELECT append FROM show();
INSERT INTO l VALUES (at(30), 4, 14), (at(30.0005), 4, 15);
INSERT INTO r VALUES (at(30.001), 0, 90);
CALL refresh_views(2);
-- 14 is late, 15 after all that it could find
SELECT append FROM show();
SELECT view, late_rows FROM streaming.views ORDER BY view::text;

---- K1: windows above a join close when no row can come for them; K2: in the batch that makes the last rows final
CALL streams();
CALL make('k1_l', 'SELECT tumble(l.ts, ''10 s'') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'' GROUP BY 1');
CALL make('k1_r', 'SELECT tumble(r.ts, ''10 s'') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'' GROUP BY 1');
CALL make('k2', 'SELECT tumble(l.ts, ''10 s'') AS w, count(*) AS n, count(r.b) AS found FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'' GROUP BY 1');
CALL make('k2_windows', 'SELECT tumble(l.ts, ''10 s'') AS w, count(*) AS n, count(r.b) AS found FROM l LEFT JOIN r ON l.k = r.k AND tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') GROUP BY 1');
INSERT INTO l VALUES (at(1), 1, 1), (at(9), 2, 2), (at(9), 3, 3), (at(9.999), 7, 7);
CALL refresh_views(2);
INSERT INTO r VALUES (at(6), 1, 10), (at(9), 2, 20);
CALL refresh_views(2);
INSERT INTO l VALUES (at(10), 9, 9);
INSERT INTO r VALUES (at(10), 8, 80);
CALL refresh_views(2);
-- 10: windows that join the same one are closed; those of r are a millisecond later
SELECT * FROM show();
SELECT restart_workers();
INSERT INTO l VALUES (at(14), 9, 9);
INSERT INTO r VALUES (at(14), 3, 30);
CALL refresh_views(2);
-- 14: one of l may still come, as 3 has just done
SELECT * FROM show();
INSERT INTO l VALUES (at(15), 9, 9);
INSERT INTO r VALUES (at(15), 8, 80);
CALL refresh_views(2);
-- 15: so they are on the bound
SELECT append FROM show();
INSERT INTO l VALUES (at(15.001), 9, 9);
INSERT INTO r VALUES (at(15.001), 8, 80);
CALL refresh_views(2);
-- 15.001: they are closed, together with 7, which has found none up to now, and is counted
SELECT * FROM show();

---- K1: above a join by one event time, windows close with the watermark
CALL streams();
CALL make('k1_one', 'SELECT tumble(l.ts, ''10 s'') AS w, count(*) AS n, count(n.c) AS found FROM l LEFT JOIN n ON l.ts = n.ts GROUP BY 1');
CREATE MATERIALIZED VIEW k1_rows WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT l.ts, a, c FROM l JOIN n ON l.ts = n.ts;
CREATE MATERIALIZED VIEW k1_above WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM k1_rows GROUP BY 1;
INSERT INTO n VALUES (at(1), 1, 10), (at(9), 1, 90), (at(9), 1, 91), (at(11), 1, 110);
INSERT INTO l VALUES (at(1), 1, 1), (at(2), 1, 2), (at(9), 1, 9);
CALL refresh_views(2);
SELECT update, append FROM show() WHERE name = 'k1_one';
INSERT INTO l VALUES (at(10), 1, 100);
CALL refresh_views(2);
SELECT update, append FROM show() WHERE name = 'k1_one';
TABLE k1_above;
INSERT INTO n VALUES (at(9), 1, 92);
INSERT INTO l VALUES (at(11), 1, 110), (at(20), 1, 200);
CALL refresh_views(3);
SELECT append FROM show() WHERE name = 'k1_one';
SELECT * FROM k1_above ORDER BY 1;

---- K3: in append mode each aggregation of a chain has an event time, in update mode it need not, and follows the changes of the one below
CALL streams();
CALL make('k3', 'SELECT tumble(window_time(w), ''20 s'') AS twice, count(*) AS n, sum(m) FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS m FROM l GROUP BY 1, 2) q GROUP BY 1');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT k, count(*) FROM (SELECT tumble(ts, '10 s') AS w, k, count(*) AS m FROM l GROUP BY 1, 2) q GROUP BY 1;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT m, count(*) FROM (SELECT k, count(*) AS m FROM l GROUP BY 1) q GROUP BY 1;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT q.m, r.b FROM (SELECT k, count(*) AS m FROM l GROUP BY 1) q JOIN r ON r.k = q.k;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS SELECT DISTINCT m FROM (SELECT k, count(*) AS m FROM l GROUP BY 1) q;
CREATE MATERIALIZED VIEW k3_by_k WITH (streaming.continuous, streaming.trigger = manual) AS SELECT m, count(*) AS n FROM (SELECT k, count(*) AS m FROM l GROUP BY 1) q GROUP BY 1;
INSERT INTO l VALUES (at(1), 1, 1), (at(2), 1, 1), (at(3), 2, 2), (at(12), 1, 3);
CALL refresh_views(2);
SELECT * FROM show() WHERE name = 'k3';
SELECT * FROM k3_by_k ORDER BY 1;
INSERT INTO l VALUES (at(20), 3, 4);
CALL refresh_views(2);
SELECT * FROM show() WHERE name = 'k3';
SELECT * FROM k3_by_k ORDER BY 1;
DROP MATERIALIZED VIEW k3_by_k, k3_u, k3_a;

---- K3: a deduplication without event time below an aggregation goes in any mode
CALL streams();
CREATE MATERIALIZED VIEW k3_u WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) AS n FROM (SELECT DISTINCT k, a FROM l) q GROUP BY k;
CREATE MATERIALIZED VIEW k3_a WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT w, count(*) AS n FROM (SELECT DISTINCT ON (a) a, tumble(ts, '10 s') AS w FROM l) q GROUP BY w;
INSERT INTO l VALUES (at(1), 1, 1), (at(2), 1, 1), (at(3), 1, 2);
CALL refresh_views(2);
INSERT INTO l VALUES (at(4), 1, 2), (at(10), 2, 1), (at(11), 2, 3);
CALL refresh_views(2);
SELECT * FROM show();

---- L1: a table is as it is when a row comes, and is not looked at again
CALL streams();
CREATE TABLE t (k int, name text);
INSERT INTO t VALUES (1, 'one');
CALL make('l1', 'SELECT l.a, t.name FROM l LEFT JOIN t ON t.k = l.k');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 2);
CALL refresh_views(2);
UPDATE t SET name = 'other';
INSERT INTO t VALUES (2, 'two');
CALL refresh_views(2);
SELECT * FROM show();
INSERT INTO l VALUES (at(0), 1, 3), (at(1), 2, 4);
CALL refresh_views(2);
SELECT * FROM show();
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT l.a, t.name FROM l RIGHT JOIN t ON t.k = l.k;
DROP TABLE t CASCADE;

---- L2: UNION ALL keeps the batches of both together; a stream may be there twice
CALL streams();
CALL make('l2', 'SELECT k, a FROM l UNION ALL SELECT k, b FROM r UNION ALL SELECT -k, a FROM l');
INSERT INTO l VALUES (at(1), 1, 1);
INSERT INTO r VALUES (at(1), 2, 2);
CALL refresh_views();
SELECT * FROM show();

---- L3: LIMIT over rows shows the first there were; over an aggregation, it is as ever
CALL streams();
CALL make('l3', 'SELECT a FROM l LIMIT 2');
CREATE MATERIALIZED VIEW l3_groups_u WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM l GROUP BY k ORDER BY 2 DESC LIMIT 1;
INSERT INTO l VALUES (at(1), 1, 1);
CALL refresh_views(2);
TABLE l3_u; TABLE l3_a; TABLE l3_groups_u;
INSERT INTO l VALUES (at(2), 2, 2), (at(2), 2, 3);
CALL refresh_views(2);
SELECT restart_workers();
INSERT INTO l VALUES (at(3), 3, 4);
CALL refresh_views(2);
TABLE l3_u; TABLE l3_a; TABLE l3_groups_u;
DROP SCHEMA rules CASCADE;
SELECT * FROM leftovers();
