-- The rules of event time in joins of three streams, one after the other, in output mode append
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA chains;
SET search_path = chains, public;
-- times are seconds of the first minutes of a year
CREATE FUNCTION at(s numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2024-01-01 00:00:00+00' + s * interval '1 s' $$;
-- l, r and x with an event time, n and m without; the watermark of a stream is its latest time
CREATE PROCEDURE streams() LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE IF EXISTS l, r, x, n, m CASCADE;
	CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE x (ts timestamptz, k int, c int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE n (ts timestamptz, k int, d int) USING stream;
	CREATE TABLE m (k int, e int) USING stream;
END $$;
CREATE TABLE made (name text, query text);
CREATE PROCEDURE make(name text, query text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO made VALUES (name, query);
	EXECUTE format('CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS %s', name, query);
END $$;
-- the watermark of all streams that have one
CREATE PROCEDURE come_to(s numeric) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO l VALUES (at(s), 0, 0);
	INSERT INTO r VALUES (at(s), -1, 0);
	INSERT INTO x VALUES (at(s), -2, 0);
	COMMIT;
	CALL refresh_views(2);
END $$;

---- J7 in the second join: a pair of m and n finds no l when n.ts has passed, whichever of the two came last, and l none that has passed
CALL streams();
CALL make('j7', 'SELECT m.e, n.d, l.a FROM m JOIN n ON m.k = n.k JOIN l ON l.ts = n.ts');
CALL make('j7_list', 'SELECT m.e, n.d, l.a FROM m, n, l WHERE l.ts = n.ts AND m.k = n.k');
-- not as it is written: nothing connects m and l before n is there
CALL make('j7_order', 'SELECT m.e, n.d, l.a FROM m, l, n WHERE l.ts = n.ts AND m.k = n.k');
CALL make('j7_beside', 'SELECT q.e, q.d, l.a FROM l JOIN (SELECT m.e, n.d, n.ts FROM m JOIN n ON m.k = n.k) q ON l.ts = q.ts');
CALL make('j7_exists', 'SELECT m.e, n.d FROM m JOIN n ON m.k = n.k WHERE EXISTS (SELECT FROM l WHERE l.ts = n.ts)');
CALL make('j7_none', 'SELECT m.e, n.d FROM m JOIN n ON m.k = n.k WHERE NOT EXISTS (SELECT FROM l WHERE l.ts = n.ts)');
INSERT INTO l VALUES (at(1), 1, 1), (at(3), 1, 3);
INSERT INTO n VALUES (at(1), 1, 10), (at(3), 1, 30), (at(4), 1, 40), (at(6), 2, 60);
CALL refresh_views(2);
INSERT INTO m VALUES (1, 100);
CALL refresh_views(2);
-- the watermark is 3: 10 and 30 have passed when their pairs are made; of none, they come at once
SELECT * FROM show_views();
SELECT restart_workers();
-- 4 finds the pair that waits; 6 waits for one
INSERT INTO l VALUES (at(4), 1, 4), (at(6), 1, 6);
CALL refresh_views(2);
SELECT * FROM show_views();
-- the watermark is 6: 60 has passed, 61 has not
INSERT INTO n VALUES (at(7), 2, 61), (at(6), 1, 62);
INSERT INTO m VALUES (2, 200);
CALL refresh_views(2);
SELECT restart_workers();
INSERT INTO l VALUES (at(7), 1, 7), (at(7), 1, 8);
CALL refresh_views(2);
SELECT * FROM show_views();

---- K1: the second join goes by a watermark that is as far behind as rows that the first keeps
CALL streams();
CALL make('k1', 'SELECT l.a, r.b, x.c FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' JOIN x ON x.ts = r.ts');
CALL make('k1_one', 'SELECT l.a, r.b, n.d FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' JOIN n ON n.ts = r.ts');
CALL make('k1_range', 'SELECT l.a, r.b, x.c FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' JOIN x ON x.k = r.k AND x.ts BETWEEN r.ts AND r.ts + interval ''1 s''');
CALL make('k1_left', 'SELECT l.a, r.b, x.c FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' LEFT JOIN x ON x.ts = r.ts');
CALL make('k1_windows', 'SELECT tumble(x.ts, ''10 s'') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' JOIN x ON x.ts = r.ts GROUP BY 1');
CALL make('k1_two', 'SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s''');
INSERT INTO l VALUES (at(1), 1, 1);
INSERT INTO r VALUES (at(5), 1, 10);
CALL refresh_views();
CALL come_to(15);
-- 15, so 4.999 for the second: x and n at 5 are neither late nor over, those at 4.999 are
INSERT INTO x VALUES (at(5), 1, 50), (at(4.999), 1, 49);
INSERT INTO n VALUES (at(5), 1, 51), (at(4.999), 1, 52);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
-- the right first; those of l and r that meet then may be older than the watermark by 10 s
INSERT INTO x VALUES (at(16), 2, 60);
INSERT INTO n VALUES (at(16), 2, 61);
INSERT INTO r VALUES (at(16), 2, 20), (at(17), 2, 21);
CALL refresh_views();
INSERT INTO l VALUES (at(16), 2, 2);
CALL refresh_views();
SELECT * FROM show_views();
-- 20, so 9.999 for the second: 5 is over; the window up to 10 is open until 20.001
CALL come_to(20);
INSERT INTO x VALUES (at(5), 1, 53), (at(17), 2, 70);
INSERT INTO n VALUES (at(5), 1, 54), (at(17), 2, 71);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
CALL come_to(20.001);
SELECT rows FROM show_views() WHERE name = 'k1_windows';

---- J5, K1, K2: of two NOT EXISTS, the second is asked for what has passed the first, when it has
CALL streams();
CALL make('none_none', 'SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'') AND NOT EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
CALL make('none_first', 'SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = l.ts) AND NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'')');
CALL make('none_some', 'SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'') AND EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
CALL make('some_none', 'SELECT l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'') AND NOT EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
INSERT INTO l VALUES (at(1), 1, 1), (at(2), 2, 2), (at(3), 3, 3), (at(4), 4, 4), (at(4), 5, 5);
INSERT INTO r VALUES (at(4), 4, 40);
CALL refresh_views(2);
SELECT * FROM show_views();
CALL come_to(5);
-- 5: n at 1 comes too late where it is asked for first, which has let all pass but those of 5; elsewhere it is in time
INSERT INTO n VALUES (at(1), 1, 10);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
-- 12.001: 1 and 2 have passed the first, and are asked for the second at once
CALL come_to(12.001);
SELECT * FROM show_views();
-- n at 2 is over, at 3 it is not
INSERT INTO n VALUES (at(2), 2, 20), (at(3), 3, 30);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
CALL come_to(14.001);
-- 4 has found 40, 5 has found none, nor has n at 4 come
SELECT * FROM show_views();

---- D1, D2, D7: a pair is late for the second join by the one event time that it has, when it is made; without one it is not
CALL streams();
CALL make('late', 'SELECT l.ts, n.d, m.e FROM l JOIN n ON n.k = l.k JOIN m ON m.k = n.k');
CALL make('late_two', 'SELECT l.ts, n.d FROM l JOIN n ON n.k = l.k');
CALL make('late_none', 'SELECT l.a, n.d, m.e FROM l JOIN n ON n.k = l.k JOIN m ON m.k = n.k');
CALL make('late_left', 'SELECT l.a, n.d, x.c FROM l JOIN n ON n.k = l.k LEFT JOIN x ON x.ts = l.ts');
INSERT INTO l VALUES (at(1), 1, 1), (at(5), 1, 5);
INSERT INTO x VALUES (at(5), 0, 0);
CALL refresh_views(2);
INSERT INTO m VALUES (1, 100);
CALL refresh_views(2);
INSERT INTO n VALUES (at(0), 1, 10);
CALL refresh_views(2);
-- 5: both are late, for the watermark is on 5
SELECT * FROM show_views();
SELECT restart_workers();
INSERT INTO l VALUES (at(6), 1, 6);
CALL refresh_views(2);
INSERT INTO m VALUES (1, 101);
INSERT INTO n VALUES (at(0), 1, 11);
CALL refresh_views(2);
-- 6 is in time, for which nothing has gone on since the watermark came there: no rows go, so no batch without rows has followed
SELECT * FROM show_views();

---- what an outer join makes up is not late, and finds nothing
CALL streams();
CALL make('outer_key', 'SELECT l.a, r.b, n.d FROM l LEFT JOIN r ON r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' LEFT JOIN n ON n.ts = r.ts');
CALL make('outer_inner', 'SELECT l.a, r.b, x.c FROM l LEFT JOIN r ON r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' JOIN x ON x.ts = r.ts');
CALL make('outer_shown', 'SELECT l.a, r.ts, m.e FROM l LEFT JOIN r ON r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''10 s'' JOIN m ON m.k = l.k');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 2);
INSERT INTO r VALUES (at(5), 1, 10);
INSERT INTO m VALUES (1, 100), (2, 200);
CALL refresh_views(2);
CALL come_to(11.001);
-- 2 is alone, in both
SELECT * FROM show_views();
SELECT restart_workers();
-- 1.000 for the second: n and x at 5 are in time
INSERT INTO n VALUES (at(5), 1, 50);
INSERT INTO x VALUES (at(5), 1, 51);
CALL refresh_views(2);
SELECT * FROM show_views();

---- K1: windows above a chain close by what all of its joins say of their time, also where the last one says nothing of it
CALL streams();
CALL make('w_l', 'SELECT tumble(l.ts, ''5 s'') AS w, count(*) AS n FROM l JOIN r ON l.ts = r.ts JOIN x ON x.ts = r.ts GROUP BY 1');
CALL make('w_hop', 'SELECT hop(l.ts, ''10 s'', ''5 s'') AS w, count(*) AS n FROM l JOIN r ON l.ts = r.ts JOIN x ON x.ts = r.ts GROUP BY 1');
CALL make('w_range', 'SELECT tumble(l.ts, ''5 s'') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''2 s'' JOIN x ON x.ts = r.ts GROUP BY 1');
CALL make('w_none', 'SELECT tumble(l.ts, ''5 s'') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''2 s'' WHERE NOT EXISTS (SELECT FROM x WHERE x.ts = r.ts AND x.k = r.k + 1) GROUP BY 1');
INSERT INTO l VALUES (at(1), 1, 1), (at(6), 1, 2);
INSERT INTO r VALUES (at(1), 1, 10), (at(6), 1, 20);
INSERT INTO x VALUES (at(1), 1, 50), (at(6), 1, 60), (at(6), 2, 61);
CALL refresh_views(2);
CALL come_to(8);
-- the windows up to 5 are closed, but where l at 4.999 may meet r at 6.999, which waits for x until 9.000
SELECT * FROM show_views();
SELECT restart_workers();
CALL come_to(9.001);
INSERT INTO r VALUES (at(6.999), 3, 30);
INSERT INTO x VALUES (at(6.999), 3, 70);
CALL refresh_views(2);
SELECT * FROM show_views();
CALL come_to(11);
SELECT restart_workers();
CALL come_to(16);
SELECT * FROM show_views();

---- K1: a join above goes by the time that it is given, which may be further behind than what the join below has said of its own: here l by 5 and 8 s, and by what each join waits itself
CALL streams();
CALL make('sum_some', 'SELECT x.c, l.a, r.b FROM x JOIN (l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'') ON x.k = r.k AND r.ts BETWEEN x.ts - interval ''8 s'' AND x.ts WHERE EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
CALL make('sum_none', 'SELECT x.c, l.a, r.b FROM x JOIN (l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'') ON x.k = r.k AND r.ts BETWEEN x.ts - interval ''8 s'' AND x.ts WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
CALL make('sum_join', 'SELECT x.c, l.a, n.d FROM x JOIN (l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'') ON x.k = r.k AND r.ts BETWEEN x.ts - interval ''8 s'' AND x.ts JOIN n ON n.ts = l.ts');
CALL make('none_twice', 'SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'' WHERE NOT EXISTS (SELECT FROM x WHERE x.k = r.k + 1 AND x.ts BETWEEN r.ts AND r.ts + interval ''8 s'') AND NOT EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
INSERT INTO l VALUES (at(1), 1, 10), (at(1.1), 1, 11), (at(1.19), 1, 12), (at(1.2), 1, 13);
INSERT INTO r VALUES (at(6), 1, 60);
-- before what it is asked for
INSERT INTO n VALUES (at(1), 1, 1);
CALL refresh_views(2);
-- 18.5: for the first join of l and r, and 13.499 for the second: x at 14 is not late, and r at 6 is kept until 19.002; l at 1 is until 19.003
CALL come_to(18.5);
INSERT INTO x VALUES (at(14), 1, 140), (at(13.499), 1, 139);
CALL refresh_views(2);
SELECT restart_workers();
-- after it
INSERT INTO n VALUES (at(1.1), 1, 2);
CALL refresh_views(2);
-- in none_twice, r at 6 waits for x until 19.002
SELECT * FROM show_views();
-- 19.2, so 1.197 for n: 1.19 is over, 1.2 is not
CALL come_to(19.2);
INSERT INTO n VALUES (at(1.19), 1, 3), (at(1.2), 1, 4);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
CALL come_to(100);
CALL refresh_views(2);
SELECT * FROM show_views();

---- J7, D1, K1: equal windows find each other until they end, whose times may be as long before as they are wide; above, what is asked for such a time waits so long, and what is asked for the window does not
CALL streams();
CALL make('w_time', 'SELECT l.a, r.b, n.d FROM l JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k JOIN n ON n.ts = l.ts');
CALL make('w_time_x', 'SELECT l.a, r.b, x.c FROM l JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k JOIN x ON x.ts = l.ts');
CALL make('w_left', 'SELECT l.a, r.b, n.d FROM l LEFT JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k JOIN n ON n.ts = l.ts');
CALL make('w_range', 'SELECT l.a, r.b, x.c FROM l JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k JOIN x ON x.k = l.k AND x.ts BETWEEN l.ts - interval ''1 s'' AND l.ts + interval ''1 s''');
CALL make('w_anti', 'SELECT l.a, r.b FROM l JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = l.ts)');
CALL make('w_window', 'SELECT l.a, r.b, x.c FROM l JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k JOIN x ON tumble(x.ts, ''10 s'') = tumble(l.ts, ''10 s'') AND x.k = l.k');
CALL make('w_outer', 'SELECT l.a, r.b, x.c FROM l LEFT JOIN r ON tumble(l.ts, ''10 s'') = tumble(r.ts, ''10 s'') AND l.k = r.k LEFT JOIN x ON tumble(x.ts, ''10 s'') = tumble(l.ts, ''10 s'') AND x.k = l.k');
INSERT INTO l VALUES (at(1), 1, 10), (at(2), 2, 20);
INSERT INTO n VALUES (at(1), 1, 1);
INSERT INTO x VALUES (at(1), 1, 100);
CALL refresh_views(2);
CALL come_to(9.9);
-- l at 1 is found now
INSERT INTO r VALUES (at(9.95), 1, 95);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
-- 10: the window is over, so l at 2 is alone, and x is late for it; for what asks for times it is 0, and 1.999 and 2 are in time
CALL come_to(10);
INSERT INTO x VALUES (at(1.999), 1, 101), (at(2), 2, 102);
INSERT INTO n VALUES (at(2), 2, 2);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
-- 11, so 1 for these: 1 is over
CALL come_to(11);
INSERT INTO n VALUES (at(1), 1, 3);
INSERT INTO x VALUES (at(1), 1, 103);
CALL refresh_views(2);
SELECT * FROM show_views();

---- J5, D7: above an outer join, what is asked for a time of its row waits as long as that may come, also where another time of the row is null; for null, nothing is found, at once
CALL streams();
CALL make('o_right', 'SELECT l.a, r.b, x.c FROM l RIGHT JOIN r ON l.ts = r.ts AND l.k = r.k LEFT JOIN x ON tumble(r.ts, ''10 s'') = tumble(x.ts, ''10 s'') AND r.k = x.k WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = x.ts)');
CALL make('o_inner', 'SELECT l.a, r.b, x.c FROM l RIGHT JOIN r ON l.ts = r.ts AND l.k = r.k JOIN x ON tumble(r.ts, ''10 s'') = tumble(x.ts, ''10 s'') AND r.k = x.k WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = x.ts)');
CALL make('o_times', 'SELECT l.ts AS l, r.ts AS r, x.ts AS x FROM l FULL JOIN r ON l.ts = r.ts AND l.k = r.k LEFT JOIN x ON tumble(r.ts, ''10 s'') = tumble(x.ts, ''10 s'') AND r.k = x.k WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = x.ts)');
CALL make('o_full', 'SELECT l.a, r.b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''5 s'' WHERE NOT EXISTS (SELECT FROM n WHERE n.ts = r.ts)');
INSERT INTO l VALUES (at(1), 1, 10);
INSERT INTO r VALUES (at(1), 1, 11), (at(2), 2, 12), (at(3), 3, 13);
INSERT INTO x VALUES (at(4), 1, 14), (at(4.5), 2, 15);
CALL refresh_views(2);
CALL come_to(9.9);
INSERT INTO x VALUES (at(9.95), 1, 95), (at(9.96), 2, 96);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
-- 12, so 2 for the last: 4 and 4.5 are asked for what comes in time
CALL come_to(12);
INSERT INTO n VALUES (at(4), 1, 1), (at(4.5), 1, 2), (at(1), 1, 3);
CALL refresh_views(2);
-- 3 has found nothing since 10
SELECT * FROM show_views();
SELECT restart_workers();
-- 19.955: 9.95 has been waited for, 9.96 has not
CALL come_to(19.955);
SELECT * FROM show_views();

---- D7, K1: what comes alone does so when its key has passed, and conditions of the join say nothing of its times; a time that is null says nothing of others. In order, none of it is late
CALL streams();
CALL make('o_key', 'SELECT l.a, r.b, x.c FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''7 s'' LEFT JOIN x ON x.ts BETWEEN l.ts AND l.ts + interval ''1 s'' AND x.k = l.k AND tumble(x.ts, ''5 s'') = tumble(r.ts, ''5 s'') WHERE NOT EXISTS (SELECT FROM x y WHERE y.ts = l.ts AND y.k = l.k)');
CALL make('o_later', 'SELECT l.a, r.b, x.c FROM l LEFT JOIN r ON r.ts = l.ts + interval ''4 s'' AND r.k = l.k JOIN x ON x.k = l.k AND l.ts BETWEEN x.ts - interval ''1 s'' AND x.ts + interval ''1 s''');
-- no row of x can be after r so and before it, which says nothing of l and r where there is none
CALL make('o_null', 'SELECT l.a, r.b, x.c FROM l JOIN r ON r.ts + interval ''2 s'' >= l.ts AND r.ts <= l.ts + interval ''1 s'' FULL JOIN x ON x.ts = l.ts + interval ''2 s'' AND x.k = r.k AND x.ts > r.ts - interval ''2 s'' AND x.ts < r.ts WHERE NOT EXISTS (SELECT FROM l y WHERE x.ts = y.ts + interval ''1 s'' AND x.k = y.k) AND EXISTS (SELECT FROM x z WHERE z.ts BETWEEN r.ts - interval ''2 s'' AND r.ts + interval ''3 s'' AND z.k = r.k)');
DO $$
BEGIN
	FOR s IN 1 .. 24 LOOP
		INSERT INTO l VALUES (at(s), s % 2, s);
		COMMIT;
		CALL refresh_views();
		INSERT INTO r VALUES (at(s), s * 2 % 3, s);
		COMMIT;
		CALL refresh_views();
		INSERT INTO x VALUES (at(s), s * 5 % 3, s);
		COMMIT;
		CALL refresh_views();
	END LOOP;
END $$;
CALL come_to(1000);
CALL come_to(2000);
SELECT view, late_rows FROM streaming.views WHERE late_rows > 0;
SELECT name, difference FROM not_plain() WHERE name LIKE 'o%' AND difference ~ '[1-9]' ORDER BY 1, 2;
SELECT (SELECT count(*) FROM o_key WHERE c IS NULL) AS key, (SELECT count(*) FROM o_later WHERE b IS NULL) AS later, (SELECT count(*) FROM o_null WHERE c IS NULL) AS null;

---- what cannot be made one after the other
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT l.a, r.b, x.c, g FROM l JOIN (r JOIN (x CROSS JOIN LATERAL generate_series(1, l.k) g) ON x.ts = r.ts) ON l.k = r.k;

---- streams in order, of which nothing is late: all of it is the plain query, in two orders of arrival and across restarts
CALL streams();
CALL make('p_inner', 'SELECT l.a, r.b, x.c FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''3 s'' JOIN x ON x.k = r.k AND x.ts = r.ts');
CALL make('p_times', 'SELECT l.ts, r.b, x.c FROM l, r, x WHERE l.ts = r.ts AND x.ts = r.ts AND l.a % 2 = 0');
CALL make('p_left', 'SELECT l.a, r.b, x.c FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''3 s'' LEFT JOIN x ON x.k = l.k AND x.ts BETWEEN l.ts AND l.ts + interval ''1 s''');
CALL make('p_full', 'SELECT l.a, r.b, x.c FROM l FULL JOIN r ON l.ts = r.ts AND l.k = r.k LEFT JOIN x ON x.ts = r.ts');
CALL make('p_none', 'SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''2 s'') AND NOT EXISTS (SELECT FROM x WHERE x.ts = l.ts AND x.k < l.k)');
CALL make('p_both', 'SELECT l.a, r.b FROM l JOIN r ON l.ts = r.ts WHERE NOT EXISTS (SELECT FROM x WHERE x.ts = r.ts AND x.k = l.k)');
CALL make('p_some', 'SELECT l.a FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.ts BETWEEN l.ts AND l.ts + interval ''2 s'') AND EXISTS (SELECT FROM x WHERE x.ts = l.ts)');
CALL make('p_windows', 'SELECT tumble(r.ts, ''5 s'') AS w, count(*) AS n, sum(x.c) AS c FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval ''3 s'' JOIN x ON x.k = r.k AND x.ts = r.ts GROUP BY 1');
CREATE PROCEDURE fill(since int, until int) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO l SELECT at(s), s * 7 % 5, s * 10 + i FROM generate_series(since, until) s, generate_series(1, 2) i WHERE s % 3 > 0;
	COMMIT;
	IF since % 2 = 0 THEN CALL refresh_views(); END IF;
	INSERT INTO r SELECT at(s), s * 11 % 5, s * 10 + i FROM generate_series(since, until) s, generate_series(1, 3) i WHERE s % 4 > 0;
	COMMIT;
	IF since % 3 = 0 THEN CALL refresh_views(); END IF;
	INSERT INTO x SELECT at(s), s * i % 5, s FROM generate_series(since, until) s, generate_series(1, 3) i WHERE s % 5 > 0;
	COMMIT;
	CALL refresh_views();
END $$;
DO $$
BEGIN
	FOR i IN 0 .. 9 LOOP
		CALL fill(10 * i - i % 4, 10 * i + 9 - (i + 1) % 4);
		COMMIT;
		PERFORM restart_workers();
		COMMIT;
	END LOOP;
END $$;
CALL come_to(1000);
CALL come_to(2000);
DELETE FROM made WHERE name NOT LIKE 'p%';
SELECT view, late_rows FROM streaming.views WHERE late_rows > 0;
-- but for what is on the watermark
SELECT name, difference FROM not_plain() WHERE difference !~ '^\(,?0[,)]' ORDER BY 1, 2;
SELECT (SELECT count(*) FROM p_inner) AS inner, (SELECT count(*) FROM p_times) AS times, (SELECT count(*) FROM p_left) AS left, (SELECT count(*) FROM p_full) AS full, (SELECT count(*) FROM p_none) AS none, (SELECT count(*) FROM p_both) AS both, (SELECT count(*) FROM p_some) AS some, (SELECT count(*) FROM p_windows) AS windows;
DROP SCHEMA chains CASCADE;
SELECT * FROM leftovers();
