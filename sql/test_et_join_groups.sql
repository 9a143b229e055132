-- Groups of an aggregation that are joined in the view that closes them, in output mode append
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA closed;
SET search_path = closed, public;
-- times are seconds of the first minutes of a year
CREATE FUNCTION at(s numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2024-01-01 00:00:00+00' + s * interval '1 s' $$;
CREATE FUNCTION s(t timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT trim_scale(extract(epoch FROM t - timestamptz '2024-01-01 00:00:00+00')) $$;
-- the watermark of a stream is its latest time
CREATE PROCEDURE streams() LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE IF EXISTS l, r, x CASCADE;
	CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
	CREATE TABLE x (ts timestamptz, k int, c int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
END $$;
CREATE TABLE made (name text, query text);
CREATE PROCEDURE make(name text, query text, options text DEFAULT '') LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO made VALUES (name, query);
	EXECUTE format('CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append%s) AS %s', name, options, query);
END $$;
-- how many rows there are in the tables below the result
CREATE FUNCTION kept() RETURNS TABLE (name text, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
	relid regclass;
	n bigint;
BEGIN
	FOR name IN SELECT view::text FROM streaming.views ORDER BY 1 LOOP
		rows := 0;
		FOR relid IN SELECT oid FROM pg_class WHERE relnamespace = 'streaming'::regnamespace AND relkind = 'r' AND relname ~ ('^_below_' || public.number_of(name::regclass) || '(_|$)') LOOP
			EXECUTE format('SELECT count(*) FROM %s', relid) INTO n;
			rows := rows + n;
		END LOOP;
		RETURN NEXT;
	END LOOP;
END $$;

---- F2, K2: a group comes in the batch that closes it, not a millisecond before, and once; it finds what has come before it, and what comes later finds it no more
CALL streams();
CALL make('inner_join', 'SELECT s(upper(w)) AS until, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w');
CALL make('left_join', 'SELECT s(upper(w)) AS until, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w');
CALL make('right_join', 'SELECT s(upper(w)) AS until, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q RIGHT JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w');
CALL make('full_join', 'SELECT s(upper(w)) AS until, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q FULL JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w');
CALL make('semi_of', 'SELECT s(upper(w)) AS until, q.k, n FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q WHERE EXISTS (SELECT FROM r WHERE r.k = q.k AND tumble(r.ts, ''10 s'') = w AND b < n * 10)');
CALL make('anti_of', 'SELECT s(upper(w)) AS until, q.k, n FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q WHERE NOT EXISTS (SELECT FROM r WHERE r.k = q.k AND tumble(r.ts, ''10 s'') = w AND b < n * 10)');
CALL make('semi_by', 'SELECT b FROM r WHERE EXISTS (SELECT FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q WHERE r.k = q.k AND tumble(r.ts, ''10 s'') = w AND b < n * 10)');
CALL make('anti_by', 'SELECT b FROM r WHERE NOT EXISTS (SELECT FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2 HAVING count(*) > 1) q WHERE r.k = q.k AND tumble(r.ts, ''10 s'') = w)');
CALL make('in_by', 'SELECT b FROM r WHERE (k, tumble(ts, ''10 s'')) IN (SELECT k, tumble(ts, ''10 s'') FROM l GROUP BY 1, 2 HAVING count(*) > 1)');
INSERT INTO r VALUES (at(1), 1, 1), (at(2), 3, 2);
CALL refresh_views(2);
INSERT INTO l VALUES (at(3), 1, 1), (at(3), 2, 1), (at(4), 1, 1);
INSERT INTO r VALUES (at(4), 1, 3);
CALL refresh_views(2);
-- nothing is final
SELECT * FROM show_views();
SELECT restart_workers();
INSERT INTO l VALUES (at(9.999), 0, 0);
INSERT INTO r VALUES (at(9.999), -1, 0);
CALL refresh_views(2);
-- nor at 9.999
SELECT * FROM show_views();
-- rows of the very batch that closes the group count, on both sides: L is still 9.999
INSERT INTO l VALUES (at(10), 0, 0), (at(5), 1, 1);
INSERT INTO r VALUES (at(10), -1, 0), (at(5), 2, 15);
CALL refresh_views();
SELECT * FROM show_views();
SELECT restart_workers();
CALL refresh_views(2);
-- the window that has ended is late, on both sides: nothing comes twice, nor once more
INSERT INTO l VALUES (at(6), 1, 1), (at(7), 4, 1), (at(12), 1, 1);
INSERT INTO r VALUES (at(6), 1, 4), (at(7), 2, 5), (at(13), 1, 6);
CALL refresh_views(2);
SELECT * FROM show_views();
SELECT restart_workers();
INSERT INTO l VALUES (at(100), 0, 0);
INSERT INTO r VALUES (at(100), -1, 0);
CALL refresh_views(2);
SELECT * FROM show_views();
-- of groups and of sides nothing is kept but what is about the last window
SELECT * FROM kept();

---- J8: groups by the time itself; a group is in time for what it was on time for, and finds what is kept for it
CALL streams();
CALL make('times', 'SELECT s(q.ts) AS t, n, b FROM (SELECT ts, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND r.ts BETWEEN q.ts - interval ''2 s'' AND q.ts + interval ''3 s''');
INSERT INTO l VALUES (at(5), 1, 1), (at(5), 1, 1);
INSERT INTO r VALUES (at(2.999), 1, 1), (at(3), 1, 2);
CALL refresh_views(2);
-- the watermark is 3: the group is open
TABLE times;
INSERT INTO r VALUES (at(5), 1, 3);
CALL refresh_views(2);
-- 5: it is closed, and finds 2 and 3
SELECT * FROM times ORDER BY 3;
INSERT INTO r VALUES (at(8), 1, 4), (at(8.001), 1, 5);
INSERT INTO l VALUES (at(6), 2, 1), (at(5), 1, 1);
CALL refresh_views(2);
-- the group at 5 is late, it is still kept for 4
SELECT * FROM times ORDER BY 3;
INSERT INTO l VALUES (at(20), 0, 0);
INSERT INTO r VALUES (at(20), -1, 0);
CALL refresh_views(2);
-- the one at 6 alone
SELECT * FROM times ORDER BY 3, 1;

---- several windows: the group closes by the shorter, and is joined by the longer one
CALL streams();
CALL make('longer', 'SELECT s(upper(w)) AS w, s(upper(h)) AS h, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, tumble(ts, ''30 s'') AS h, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON tumble(r.ts, ''30 s'') = h AND r.k = n');
INSERT INTO l VALUES (at(1), 1, 1), (at(11), 1, 1), (at(11), 2, 1);
INSERT INTO r VALUES (at(10), 1, 1);
CALL refresh_views(2);
SELECT * FROM longer ORDER BY 1, 4;
INSERT INTO r VALUES (at(25), 1, 2), (at(25), 2, 3);
INSERT INTO l VALUES (at(25), 1, 1);
CALL refresh_views(2);
SELECT * FROM longer ORDER BY 1, 4;
INSERT INTO l VALUES (at(31), 1, 1);
INSERT INTO r VALUES (at(31), 1, 2);
CALL refresh_views(2);
SELECT * FROM longer ORDER BY 1, 4;

---- K1: chains, with groups in any place, two of them, groups of a join, groups of groups; joins and windows above
CALL streams();
CALL make('c_first', 'SELECT q.n, r.b, x.c FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q JOIN r ON r.k = q.k AND tumble(r.ts, ''5 s'') = w JOIN x ON x.k = r.k AND x.ts BETWEEN r.ts AND r.ts + interval ''3 s''');
CALL make('c_second', 'SELECT q.n, r.b, x.c FROM r JOIN (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q ON r.k = q.k AND tumble(r.ts, ''5 s'') = w LEFT JOIN x ON x.k = r.k AND x.ts BETWEEN r.ts AND r.ts + interval ''1 s''');
CALL make('c_last', 'SELECT q.n, r.b, x.c FROM r JOIN x ON x.k = r.k AND x.ts BETWEEN r.ts AND r.ts + interval ''3 s'' LEFT JOIN (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2 HAVING count(*) > 3) q ON r.k = q.k AND tumble(r.ts, ''5 s'') = w');
CALL make('c_two', 'SELECT q.n, p.m, x.c FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q FULL JOIN (SELECT tumble(ts, ''5 s'') AS w, k, sum(b) AS m FROM r GROUP BY 1, 2) p ON p.w = q.w AND p.k = q.k LEFT JOIN x ON x.k = q.k AND tumble(x.ts, ''5 s'') = q.w');
CALL make('c_groups', 'SELECT p.w, sum(n) AS n, sum(m) AS m FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q JOIN (SELECT tumble(ts, ''5 s'') AS w, k, sum(b) AS m FROM r GROUP BY 1, 2) p ON p.w = q.w AND p.k = q.k GROUP BY 1');
CALL make('c_of_join', 'SELECT q.w, n, c FROM (SELECT tumble(l.ts, ''5 s'') AS w, l.k, count(*) AS n FROM l JOIN r ON r.k = l.k AND r.ts BETWEEN l.ts - interval ''2 s'' AND l.ts GROUP BY 1, 2) q LEFT JOIN x ON x.k = q.k AND tumble(x.ts, ''5 s'') = w');
CALL make('c_of_groups', 'SELECT q.w, n, c FROM (SELECT tumble(window_time(w), ''10 s'') AS w, k, sum(n) AS n, max(n) AS most FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) y GROUP BY 1, 2) q LEFT JOIN x ON x.k = q.k AND tumble(x.ts, ''10 s'') = w');
CALL make('c_window', 'SELECT tumble(r.ts, ''15 s'') AS w, count(*) AS n, sum(q.n) AS s FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q RIGHT JOIN r ON r.k = q.k AND tumble(r.ts, ''5 s'') = w GROUP BY 1');
CALL make('c_session', 'SELECT q.k, count(*) AS n, sum(b) AS b, session_window(q.ts, ''4 s'') AS w FROM (SELECT ts, k FROM l GROUP BY 1, 2) q JOIN r ON r.k = q.k AND r.ts = q.ts GROUP BY q.k, session_window(q.ts, ''4 s'')');
CALL make('c_distinct', 'SELECT DISTINCT w, n FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q JOIN r ON r.k = q.k AND tumble(r.ts, ''5 s'') = w');
CALL make('c_of_session', 'SELECT q.k, q.n, b, s FROM (SELECT session_window(window_time(w), ''5 s'') AS s, k, sum(n) AS n FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l WHERE a > 2 GROUP BY 1, 2) y GROUP BY 1, 2) q JOIN r ON r.k = q.k AND r.ts <@ s');
-- what an aggregation may be
CALL make('g_hop', 'SELECT q.w, n, b FROM (SELECT w, k, count(*) AS n, avg(a) AS a FROM l, hop(l.ts, ''10 s'', ''5 s'') w GROUP BY 1, 2) q JOIN r ON r.k = q.k AND r.ts <@ w AND b > a');
CALL make('g_kept', 'SELECT q.*, b FROM (SELECT date_trunc(''minute'', ts) AS m, k % 2 AS odd, string_agg(a::text, '','' ORDER BY a, ts) AS s, count(DISTINCT a) AS d, max(k) + min(a) AS e FROM l WHERE a <> 3 GROUP BY 1, 2 HAVING count(*) > 1) q LEFT JOIN r ON r.k = q.odd + 5 AND date_trunc(''minute'', r.ts) = q.m');
CALL make('g_sets', 'SELECT q.*, b FROM (SELECT tumble(ts, ''5 s'') AS w, k, a % 2 AS odd, count(*) AS n, grouping(k) AS g FROM l GROUP BY 1, CUBE (k, a % 2)) q JOIN r ON r.k = q.k AND tumble(r.ts, ''5 s'') = q.w');
CALL make('g_plain', 'SELECT q.*, b FROM (SELECT upper(w) AS t, k, n * 2 AS n FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) y WHERE n > 1) q JOIN r ON r.k = q.k AND r.ts < q.t AND r.ts > q.t - interval ''4 s''');
CALL make('g_distinct', 'SELECT q.*, b FROM (SELECT DISTINCT w, n FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) y) q JOIN r ON r.k = q.n AND tumble(r.ts, ''5 s'') = w');
CALL make('g_union', 'SELECT q.*, c FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2 UNION ALL SELECT tumble(ts, ''5 s''), k, b FROM r) q LEFT JOIN x ON x.k = q.k AND tumble(x.ts, ''5 s'') = w');
CALL make('g_unions', 'SELECT w, sum(n) AS n, count(*) AS c FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2 UNION ALL SELECT tumble(ts, ''5 s''), k, b FROM r) q GROUP BY 1');
CALL make('g_self', 'SELECT q.*, l.a FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q JOIN l ON l.k = q.k AND tumble(l.ts, ''5 s'') = w WHERE l.a > 2');
-- parts, and who begins with a history
CALL make('g_parts', 'SELECT q.*, b FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q FULL JOIN r ON r.k = q.k AND tumble(r.ts, ''5 s'') = w', ', streaming.max_batch_rows = 5, streaming.watermark = ''3 s''');
-- 3 and 2 rows of each second, in the order of seconds: nothing is late
CREATE PROCEDURE come(first int, last int) LANGUAGE sql AS $$
	INSERT INTO l SELECT at(i + j / 10.0), (i * 7 + j * 3) % 5, (i + j) % 5 FROM generate_series(first, last) i, generate_series(0, 2) j ORDER BY i;
	INSERT INTO r SELECT at(i + j / 10.0), (i * 5 + j) % 6, (i * 3 + j) % 11 FROM generate_series(first, last) i, generate_series(0, 1) j ORDER BY i;
	INSERT INTO x SELECT at(i + j / 10.0), (i * 3 + j) % 4 * 2, i % 7 FROM generate_series(first, last) i, generate_series(0, 1) j ORDER BY i;
$$;
CALL come(0, 12);
CALL refresh_views();
CALL come(13, 14);
CALL refresh_views(2);
SELECT restart_workers();
CALL come(15, 15);
CALL refresh_views(2);
CALL come(16, 41);
CALL refresh_views();
CALL make('h_left', 'SELECT q.*, b FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k + 2 AND tumble(r.ts, ''5 s'') = w', ', streaming.max_batch_rows = 20, streaming.watermark = ''3 s''');
CALL make('h_right', 'SELECT q.*, b FROM (SELECT tumble(ts, ''5 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q RIGHT JOIN r ON r.k = q.k AND tumble(r.ts, ''5 s'') = w');
SELECT restart_workers();
CALL refresh_views(2);
CALL come(42, 59);
CALL refresh_views(2);
-- all there is becomes final
INSERT INTO l VALUES (at(300), -1, 9);
INSERT INTO r VALUES (at(300), -2, 0);
INSERT INTO x VALUES (at(300), -3, 0);
CALL refresh_views(3);
-- but for these last ones, which wait, each is its query (sessions are not: these are by hand)
SELECT name, difference FROM not_plain() WHERE name !~ 'session' AND difference !~ '-[123]|00:05:0|00:05:1|,,0\)|\(,0,\)|\(1,,\)' ORDER BY 1, 2;
SELECT count(*) FROM (TABLE c_session EXCEPT ALL
	SELECT k, count(*), sum(b), tstzrange(min(ts), max(ts) + interval '4 s') FROM
		(SELECT *, count(*) FILTER (WHERE first) OVER (PARTITION BY k ORDER BY ts) AS session FROM
			(SELECT q.k, q.ts, b, q.ts > lag(q.ts) OVER (PARTITION BY q.k ORDER BY q.ts) + interval '4 s' AS first
			FROM (SELECT DISTINCT ts, k FROM l) q JOIN r ON r.k = q.k AND r.ts = q.ts) p) p GROUP BY k, session) d;
SELECT k, n FROM c_session ORDER BY k, w;
SELECT count(*) FROM (TABLE c_of_session EXCEPT ALL
	SELECT q.k, n, b, s FROM (SELECT k, sum(n) AS n, tstzrange(min(t), max(t) + interval '5 s') AS s FROM
		(SELECT *, count(*) FILTER (WHERE first) OVER (PARTITION BY k ORDER BY t) AS session FROM
			(SELECT *, t > lag(t) OVER (PARTITION BY k ORDER BY t) + interval '5 s' AS first FROM
				(SELECT window_time(tumble(ts, '5 s')) AS t, k, count(*) AS n FROM l WHERE a > 2 GROUP BY 1, 2) y) p) p GROUP BY k, session) q
	JOIN r ON r.k = q.k AND r.ts <@ s) d;
SELECT count(DISTINCT (s, k)) AS sessions, count(DISTINCT k) AS keys, count(*) AS rows, max(n) AS n FROM c_of_session;
SELECT view, late_rows FROM streaming.views WHERE late_rows > 0 ORDER BY 1;
-- each has something to show, and outer joins both
SELECT name FROM made m WHERE to_regclass(m.name) IS NOT NULL AND (SELECT count(*) FROM show_views() s WHERE s.name = m.name AND s.rows ~ '[1-9]') = 0;
SELECT (SELECT count(*) FROM c_second WHERE c IS NULL) AS second, (SELECT count(*) FROM c_last WHERE n IS NULL) AS last, (SELECT count(*) FROM c_of_join WHERE c IS NULL) AS of_join,
	(SELECT count(*) FROM g_kept WHERE b IS NULL) AS kept, (SELECT count(*) FROM g_union WHERE c IS NULL) AS union, (SELECT count(*) FROM g_parts WHERE n IS NULL) AS parts, (SELECT count(*) FROM h_left WHERE b IS NULL) AS left;

---- the same as two views, one of which has the groups
CALL streams();
CREATE MATERIALIZED VIEW below WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append, streaming.changes) AS SELECT session_window(ts, '3 s') AS w, k, count(*) AS n, array_agg(a ORDER BY a, ts) AS list FROM l GROUP BY 1, 2;
CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT q.*, b FROM below q JOIN r ON r.k = q.k AND r.ts <@ q.w;
CREATE MATERIALIZED VIEW one WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT q.*, b FROM (SELECT session_window(ts, '3 s') AS w, k, count(*) AS n, array_agg(a ORDER BY a, ts) AS list FROM l GROUP BY 1, 2) q JOIN r ON r.k = q.k AND r.ts <@ q.w;
CREATE PROCEDURE sparse(first int, last int) LANGUAGE sql AS $$
	INSERT INTO l SELECT at(i), i % 4, i % 5 FROM generate_series(first, last) i WHERE i % 13 < 9;
	INSERT INTO r SELECT at(i + 0.5), i % 4, i FROM generate_series(first, last) i;
$$;
CALL sparse(0, 30);
CALL refresh_views(2);
CALL sparse(31, 33);
CALL refresh_views(2);
SELECT restart_workers();
CALL sparse(34, 60);
CALL refresh_views(3);
SELECT count(*) AS rows, count(DISTINCT w) AS sessions FROM one;
(TABLE one EXCEPT ALL TABLE two) UNION ALL (TABLE two EXCEPT ALL TABLE one);
DROP MATERIALIZED VIEW one, two, below;

---- what can be told of the time of the result, read by a view above; its change stream; reset
CALL streams();
CALL make('told', 'SELECT q.w, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w', ', streaming.changes');
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT tumble(window_time(w), '20 s') AS w, sum(n) AS n, count(b) AS b FROM told GROUP BY 1;
CALL sparse(0, 25);
CALL refresh_views(3);
CALL sparse(26, 55);
CALL refresh_views(3);
SELECT * FROM above ORDER BY 1;
SELECT count(*) FROM (TABLE above EXCEPT ALL SELECT tumble(window_time(w), '20 s'), sum(n), count(b) FROM told GROUP BY 1) d;
SELECT op, count(*) FROM told_changes GROUP BY 1;
SELECT count(*) FROM ((TABLE told EXCEPT ALL SELECT w, k, n, b FROM told_changes) UNION ALL (SELECT w, k, n, b FROM told_changes EXCEPT ALL TABLE told)) d;
CALL make('again', 'SELECT q.w, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w');
CALL refresh_views(3);
SELECT streaming.reset('again');
CALL refresh_views(3);
SELECT count(*) FROM ((TABLE told EXCEPT ALL TABLE again) UNION ALL (TABLE again EXCEPT ALL TABLE told)) d;
CALL streaming.replace('again', 'SELECT q.w, q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l WHERE a > 0 GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w');
CALL sparse(56, 80);
CALL refresh_views(3);
SELECT count(*), sum(n), count(b) FROM again;
SELECT count(*), sum(n), count(b) FROM told WHERE n > 0;
SELECT count(*), sum(n), count(b) FROM (SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l WHERE a > 0 GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND tumble(r.ts, '10 s') = w WHERE upper(w) <= at(79);
DROP MATERIALIZED VIEW above;

---- L1: a table is looked up when the pair is made
CALL streams();
CREATE TABLE names (k int, name text);
INSERT INTO names VALUES (1, 'before');
CALL make('named', 'SELECT q.k, n, b, name FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q JOIN r ON r.k = q.k AND tumble(r.ts, ''10 s'') = w LEFT JOIN names ON names.k = q.k');
-- of a group alone, when it closes, if there is a change stream; else when it is read
CALL make('looked_up', 'SELECT q.k, n, name FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN names ON names.k = q.k', ', streaming.changes');
CALL make('read', 'SELECT q.k, n, name FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN names ON names.k = q.k');
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 1);
INSERT INTO r VALUES (at(1), 1, 1);
CALL refresh_views(2);
UPDATE names SET name = 'then';
INSERT INTO l VALUES (at(10), 1, 1);
INSERT INTO r VALUES (at(10), 1, 2);
CALL refresh_views(2);
UPDATE names SET name = 'later';
TABLE named;
SELECT k, n, name FROM looked_up_changes ORDER BY k;
SELECT * FROM looked_up ORDER BY k;
SELECT * FROM read ORDER BY k;
ALTER MATERIALIZED VIEW read SET (streaming.changes);
SELECT regexp_replace(e, '\d{3,}', 'N', 'g') AS explain FROM streaming.explain('named') e WHERE e ~ '^ ?O|^  [A-Z]';

---- J8, J12: times that are bounds of the windows of groups, of another view or in the same one; what is just on a bound is kept for a millisecond
CALL streams();
CREATE VIEW groups AS SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l GROUP BY 1, 2;
CREATE VIEW times AS SELECT window_time(tumble(ts, '10 s')) AS t, k, count(*) AS n FROM l GROUP BY 1, 2;
CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l GROUP BY 1, 2;
CREATE MATERIALIZED VIEW closed_times WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT window_time(tumble(ts, '10 s')) AS t, k, count(*) AS n FROM l GROUP BY 1, 2;
CALL make('b_after_1', 'SELECT q.k, n, b FROM closed q LEFT JOIN r ON r.k = q.k AND r.ts BETWEEN window_time(q.w) AND window_time(q.w) + interval ''10 s''');
CALL make('b_after_2', 'SELECT q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND r.ts BETWEEN window_time(q.w) AND window_time(q.w) + interval ''10 s''');
CALL make('b_after_3', 'SELECT q.k, n, b FROM closed_times q LEFT JOIN r ON r.k = q.k AND r.ts BETWEEN q.t AND q.t + interval ''10 s''');
CALL make('b_after_4', 'SELECT q.k, n, b FROM (SELECT window_time(tumble(ts, ''10 s'')) AS t, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k AND r.ts BETWEEN q.t AND q.t + interval ''10 s''');
CALL make('b_after_5', 'SELECT q.k, n, b FROM closed q LEFT JOIN r ON r.k = q.k AND r.ts - upper(q.w) BETWEEN ''-1 us'' AND ''9.999999 s''');
CALL make('b_within_1', 'SELECT q.k, n, b FROM closed q FULL JOIN r ON r.k = q.k AND r.ts <@ q.w');
CALL make('b_within_2', 'SELECT q.k, n, b FROM (SELECT tumble(ts, ''10 s'') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q FULL JOIN r ON r.k = q.k AND q.w @> r.ts');
CALL make('b_within_3', 'SELECT q.k, n, b FROM closed q FULL JOIN r ON r.k = q.k AND r.ts >= lower(q.w) AND r.ts < upper(q.w)');
CALL make('b_chain', 'SELECT q.k, n, b, c FROM closed q LEFT JOIN r ON r.k = q.k AND r.ts BETWEEN window_time(q.w) AND window_time(q.w) + interval ''10 s'' LEFT JOIN x ON x.k = q.k AND x.ts BETWEEN lower(q.w) AND lower(q.w) + interval ''5 s''');
-- r first: the first group is of windows that end at 10
INSERT INTO l VALUES (at(1), 1, 0), (at(2), 2, 0), (at(3), 1, 0);
INSERT INTO r VALUES (at(9.999998), 1, 1), (at(9.999999), 1, 2);
INSERT INTO x VALUES (at(0), 1, 1), (at(5), 1, 2), (at(5.000001), 1, 3), (at(9.999999), 5, 0);
CALL refresh_views(2);
SELECT * FROM show_views();
-- the group comes
INSERT INTO l VALUES (at(10), 9, 0);
CALL refresh_views(2);
SELECT * FROM show_views();
-- and then r: 5 is beyond
INSERT INTO r VALUES (at(10), 1, 3), (at(19.999999), 1, 4), (at(20), 1, 5);
INSERT INTO x VALUES (at(20), 5, 0);
CALL refresh_views(2);
SELECT * FROM show_views();
-- the watermark, of whole milliseconds, is 20.000: key 2 may find something until it is 20.001
INSERT INTO l VALUES (at(20.000999), 8, 0);
INSERT INTO r VALUES (at(20.000999), 8, 6);
INSERT INTO x VALUES (at(20.000999), 5, 0);
CALL refresh_views(2);
SELECT * FROM show_views() WHERE name LIKE 'b%';
SELECT * FROM kept() WHERE name LIKE 'b%';
INSERT INTO l VALUES (at(20.001), 8, 0);
INSERT INTO r VALUES (at(20.001), 8, 7);
INSERT INTO x VALUES (at(20.001), 5, 0);
CALL refresh_views(2);
SELECT * FROM show_views() WHERE name LIKE 'b%';
SELECT * FROM kept() WHERE name LIKE 'b%';
-- more of them, in the order of times
SELECT restart_workers();
CREATE PROCEDURE steps(first int, last int) LANGUAGE sql AS $$
	INSERT INTO l SELECT at(i + 0.5), i % 5, i FROM generate_series(first, last) i;
	INSERT INTO r SELECT at(i + 0.499999), i * 3 % 7, i FROM generate_series(first, last) i;
	INSERT INTO x SELECT at(i + 0.4), i % 3, i FROM generate_series(first, last) i;
$$;
CALL steps(21, 33);
CALL refresh_views(2);
CALL steps(34, 36);
CALL refresh_views(2);
CALL steps(37, 69);
CALL refresh_views(2);
CALL steps(70, 99);
CALL refresh_views(3);
INSERT INTO l VALUES (at(500), -1, 0);
INSERT INTO r VALUES (at(500), -1, 0);
INSERT INTO x VALUES (at(500), -1, 0);
CALL refresh_views(3);
-- each is the plain query, and next to nothing kept
CREATE TABLE plain AS SELECT * FROM made WHERE name LIKE 'b%';
UPDATE plain SET query = regexp_replace(regexp_replace(query, '\mclosed\M', 'groups'), '\mclosed_times\M', 'times');
CREATE FUNCTION not_plain_below() RETURNS TABLE (name text, difference text) LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	FOR name, query IN SELECT p.name, p.query FROM plain p ORDER BY 1 LOOP
		RETURN QUERY EXECUTE format('SELECT %L, d::text FROM ((TABLE %s EXCEPT ALL (%s)) UNION ALL ((%3$s) EXCEPT ALL TABLE %2$s)) d WHERE d::text !~ ''-1|,,0''', name, name, query);
	END LOOP;
END $$;
SELECT * FROM not_plain_below();
SELECT name, (SELECT count(*) FROM regexp_split_to_table(rows, ' ')) AS rows, late_rows FROM show_views() WHERE name LIKE 'b%';
SELECT * FROM kept() WHERE name LIKE 'b%';
DROP TABLE plain;
DROP FUNCTION not_plain_below;
DROP VIEW groups, times CASCADE;

---- the same of rows, late by their window; windows of times that are shifted; three sides
CALL streams();
CALL make('w_bound', 'SELECT l.k, a, b FROM l FULL JOIN r ON r.k = l.k AND r.ts BETWEEN window_time(tumble(l.ts, ''10 s'')) AND upper(tumble(l.ts, ''10 s'')) + interval ''10 s''');
CALL make('w_shifted', 'SELECT l.k, a, b FROM l FULL JOIN r ON r.k = l.k AND tumble(l.ts - interval ''5 s'', ''10 s'') = tumble(r.ts + interval ''5 s'', ''10 s'')');
CALL make('w_start', 'SELECT l.k, a, b FROM l JOIN r ON r.k = l.k AND r.ts BETWEEN lower(tumble(l.ts, ''10 s'')) AND l.ts');
CALL make('w_three', 'SELECT q.k, a, b, c FROM (SELECT l.k, a, b, r.ts FROM l JOIN r ON r.k = l.k AND r.ts BETWEEN window_time(tumble(l.ts, ''10 s'')) AND upper(tumble(l.ts, ''10 s'')) + interval ''10 s'') q LEFT JOIN x ON x.k = q.k AND x.ts BETWEEN q.ts AND q.ts + interval ''5 s''');
-- where a window starts is not where it ends: key 1 of r at 58 waits for what is in the minute after it
CALL make('w_trunc', 'SELECT q.k, a, b FROM (SELECT date_trunc(''minute'', ts) AS m, k, a FROM l) q JOIN r ON r.k = q.k AND q.m - r.ts BETWEEN ''0'' AND ''5 s''');
INSERT INTO r VALUES (at(58), 1, 1), (at(61), 1, 2), (at(100), 9, 9);
INSERT INTO l VALUES (at(70), 9, 0);
INSERT INTO x VALUES (at(100), 9, 0);
CALL refresh_views(2);
INSERT INTO l VALUES (at(90), 1, 1);
CALL refresh_views(2);
SELECT * FROM show_views() WHERE name = 'w_trunc';
CALL steps(101, 120);
CALL refresh_views(2);
CALL steps(121, 123);
CALL refresh_views(2);
CALL steps(124, 170);
CALL refresh_views(2);
INSERT INTO l VALUES (at(500), -1, 0);
INSERT INTO r VALUES (at(500), -1, 0);
INSERT INTO x VALUES (at(500), -1, 0);
CALL refresh_views(3);
SELECT name, difference FROM not_plain() WHERE name LIKE 'w%' AND difference !~ '-1|,,0' ORDER BY 1, 2;
SELECT name, (SELECT count(*) FROM regexp_split_to_table(rows, ' ')) AS rows, late_rows FROM show_views() WHERE name LIKE 'w%';
SELECT * FROM kept() WHERE name LIKE 'w%';

---- what is refused
\set bad 'CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS'
:bad SELECT q.n, r.b FROM (SELECT k, count(*) AS n FROM l GROUP BY 1) q JOIN r ON r.k = q.k;
:bad SELECT q.n, r.b FROM (SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l GROUP BY ROLLUP (1, 2)) q JOIN r ON r.k = q.k;
:bad SELECT q.n, r.b FROM (SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q LEFT JOIN r ON r.k = q.k;
:bad SELECT q.a, r.b FROM (SELECT DISTINCT ON (k) k, a FROM l ORDER BY k, ts) q JOIN r ON r.k = q.k;
:bad SELECT q.n, r.b FROM (SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l GROUP BY 1, 2 LIMIT 3) q JOIN r ON r.k = q.k;
:bad SELECT q.n, r.b FROM r, LATERAL (SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM l WHERE l.k = r.k GROUP BY 1) q;
:bad SELECT q.n, p.n FROM (SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM l GROUP BY 1) q LEFT JOIN (SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM r GROUP BY 1) p ON p.n = q.n;
DROP SCHEMA closed CASCADE;
SELECT * FROM leftovers();
