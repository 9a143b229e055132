-- Sessions over rows that come and go, kept up to date by their changes
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE SCHEMA sc;
SET search_path = sc, public;

---- by hand: sessions grow, become one, fall apart, go

CREATE TABLE s (k int, ts timestamptz, v int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k, session_window(window_time(w), '5 min') AS visit, sum(n), max(n), count(*)
	FROM (SELECT k, tumble(ts, '1 min') AS w, count(*) AS n FROM s GROUP BY 1, 2 HAVING count(*) % 3 > 0) q GROUP BY 1, 2;
-- every batch since the last time, and what has become of the result in it
CREATE FUNCTION changes() RETURNS TABLE (op text, k int, since time, until time, sum numeric, max bigint, count bigint) LANGUAGE sql AS $$
	SELECT op, k, lower(visit)::time(0), upper(visit)::time(0), sum, max, count FROM sc.v_changes
	WHERE batch = (SELECT max(batch) FROM sc.v_changes) ORDER BY op::text COLLATE "C", visit, k $$;
INSERT INTO s (k, ts) VALUES (1, '2026-01-01 00:00'), (1, '2026-01-01 00:03'), (1, '2026-01-01 00:11'), (2, '2026-01-01 00:06');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM changes();
-- what touches both makes one of them: [3:59.999999, 8:59.999999) and [8:59.999999, ...)
INSERT INTO s (k, ts) VALUES (1, '2026-01-01 00:08:30');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM changes();
-- a group is counted anew; that of key 2 is not touched
INSERT INTO s (k, ts) VALUES (1, '2026-01-01 00:00:30');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM changes();
-- one in between goes, by HAVING
INSERT INTO s (k, ts) VALUES (1, '2026-01-01 00:08:31'), (1, '2026-01-01 00:08:32');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM changes();
-- the first of a session goes, and all of another one
INSERT INTO s (k, ts) VALUES (1, '2026-01-01 00:00:31'), (1, '2026-01-01 00:11:31'), (1, '2026-01-01 00:11:32');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM changes();
-- goes and comes in one batch, which changes nothing: a batch of its own for each would
INSERT INTO s (k, ts) VALUES (2, '2026-01-01 00:06'), (2, '2026-01-01 00:06'), (2, '2026-01-01 00:06'), (2, '2026-01-01 00:06');
REFRESH MATERIALIZED VIEW v;
SELECT * FROM changes();
INSERT INTO s (k, ts) VALUES (2, '2026-01-01 00:20'), (2, '2026-01-01 00:20'), (2, '2026-01-01 00:20');
REFRESH MATERIALIZED VIEW v;
SELECT k, lower(visit)::time(0) AS since, upper(visit)::time(0) AS until, sum, max, count FROM v ORDER BY 1, 2;
-- the change stream says the same as the view
SELECT k, visit, sum, max, count FROM v_changes GROUP BY 1, 2, 3, 4, 5 HAVING sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) <> 0 ORDER BY 1, 2;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('v') AS line
WHERE line ~ '^ {0,2}(Operator|State|Bounded|Combined|Computed|Feed|Readers)';
DROP MATERIALIZED VIEW v;
DROP FUNCTION changes;
DROP TABLE s CASCADE;

---- against gaps and islands

CREATE TABLE s (id int, k int, ts timestamptz, v int, gap interval, c text) USING stream;
CREATE TABLE o (k int, ts timestamptz, x int) USING stream;
CREATE MATERIALIZED VIEW below WITH (streaming.continuous) AS
	SELECT k, tumble(ts, '1 min') AS w, count(*) AS c, sum(v) AS v, max(gap) AS gap FROM s GROUP BY 1, 2;
-- a SELECT by sessions (columns: keys, name, columns), as a view has it or (plain) as any query can say it
CREATE FUNCTION sessions(plain boolean, src text, keys text, t text, gap text, columns text, having_ text DEFAULT 'true', name text DEFAULT 'visit')
RETURNS text LANGUAGE sql AS $$
	SELECT format(CASE WHEN plain THEN
		'SELECT %1$s %7$s, %4$s FROM (SELECT *, tstzrange(min(a_) OVER g, max(e_) OVER g, CASE WHEN min(a_) OVER g = max(e_) OVER g THEN ''[]'' ELSE ''[)'' END) AS %7$s
			FROM (SELECT *, count(*) FILTER (WHERE begins_) OVER (PARTITION BY %1$s 1 ORDER BY a_, e_) AS island_
				FROM (SELECT *, coalesce(a_ > max(e_) OVER (PARTITION BY %1$s 1 ORDER BY a_, e_ ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins_
					FROM (SELECT *, %2$s AS a_, %2$s + (%3$s) AS e_ FROM %5$s) r WHERE a_ <= e_ AND a_ + interval ''1 s'' > ''-infinity'' AND (%3$s) > interval ''0'') r) r
			WINDOW g AS (PARTITION BY %1$s island_)) r GROUP BY %1$s %7$s, island_ HAVING %6$s'
		ELSE 'SELECT %1$s session_window(%2$s, %3$s) AS %7$s, %4$s FROM %5$s GROUP BY %1$s session_window(%2$s, %3$s) HAVING %6$s' END,
		keys || CASE WHEN keys <> '' THEN ',' ELSE '' END, t, gap, columns, src, having_, name) $$;
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, made text, plain text, maintained boolean);
-- one for each kind of row below; above: what is above the sessions
CREATE PROCEDURE add(src text, keys text, t text, gap text, columns text, having_ text DEFAULT 'true', above text DEFAULT '%s') LANGUAGE sql AS $$
	INSERT INTO queries (made, plain) VALUES (format(above, sessions(false, src, keys, t, gap, columns, having_)), format(above, sessions(true, src, keys, t, gap, columns, having_))) $$;
CREATE FUNCTION windows(having_ text DEFAULT 'true') RETURNS text LANGUAGE sql AS $$
	SELECT '(SELECT k, tumble(ts, ''1 min'') AS w, count(*) AS c, sum(v) AS v, max(gap) AS gap FROM s GROUP BY k, w HAVING ' || having_ || ') q' $$;
CREATE FUNCTION times() RETURNS text LANGUAGE sql AS $$
	SELECT '(SELECT k, ts, count(*) AS c, sum(v) AS v, max(gap) AS gap FROM s GROUP BY k, ts HAVING count(*) % 2 = 1) q' $$;

CALL add(windows(), 'k', 'window_time(w)', 'gap', 'sum(c) AS a, max(v) AS b, count(*) AS n');
CALL add(windows('count(*) % 2 = 0'), 'k', 'window_time(w)', '''3 min''', 'sum(c) AS a, array_agg(v ORDER BY v) AS b, count(DISTINCT v) AS d');
CALL add(windows('sum(v) % 4 > 0'), '', 'window_time(w)', 'gap', 'sum(c) AS a, percentile_disc(0.5) WITHIN GROUP (ORDER BY c) AS m', 'count(*) <> 2');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS a, min(v) AS b, avg(v) AS m, count(*) FILTER (WHERE v > 5) AS f');
CALL add(times(), 'k', 'ts', '''90 s''', 'string_agg(v::text, '','' ORDER BY v) AS t', 'max(v) > 3');
-- no aggregates; keys that are computed
CALL add(times(), 'c', 'ts', 'gap', '1 AS one');
CALL add('(SELECT k % 2 AS p, ts, max(gap) AS gap FROM s GROUP BY 1, 2 HAVING min(v) > 1) q', 'p', 'ts', 'gap', '1 AS one');
-- the latest row, the first ones
CALL add('(SELECT DISTINCT ON (k, v) k, v, ts, gap, c FROM s ORDER BY k, v, ts DESC, id) q', 'k', 'ts', 'gap', 'count(*) AS n, sum(v) AS v');
CALL add('(SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC, id) AS rn FROM s) q WHERE rn <= 7', 'k', 'ts', 'gap', 'count(*) AS n, sum(v) AS v');
-- UNION ALL of groups and rows
CALL add('(SELECT k, ts, count(*) AS c, max(gap) AS gap FROM s GROUP BY k, ts HAVING count(*) % 2 = 1 UNION ALL SELECT k, ts, x::bigint, interval ''2 min'' FROM o) q', 'k', 'ts', 'gap', 'sum(c) AS a, count(*) AS n');
CALL add('(SELECT k, window_time(tumble(ts, ''1 min'')) AS ts, count(*) AS c FROM s GROUP BY k, tumble(ts, ''1 min'') UNION ALL SELECT k, ts, 1 FROM o) q', 'k', 'ts', '''2 min''', 'sum(c) AS a, count(*) AS n');
-- joins: a row of an outer join goes when it is found, of NOT EXISTS, too
CALL add('(SELECT s.k, s.ts, s.v, s.gap, o.x FROM s LEFT JOIN o ON s.k = o.k AND s.v = o.x) q', 'k', 'ts', 'gap', 'count(*) AS n, count(x) AS x, sum(v) AS v');
CALL add('(SELECT s.k, s.ts, s.v, s.gap FROM s LEFT JOIN o ON s.k = o.k AND s.v = o.x WHERE o.k IS NULL) q', 'k', 'ts', 'gap', 'count(*) AS n, sum(v) AS v');
CALL add('(SELECT s.k, s.ts, s.v, s.gap FROM s WHERE NOT EXISTS (SELECT FROM o WHERE s.k = o.k AND s.v = o.x)) q', 'k', 'ts', 'gap', 'count(*) AS n, max(v) AS v');
CALL add('(SELECT coalesce(s.k, o.k) AS k, coalesce(s.ts, o.ts) AS ts, s.v, o.x FROM s FULL JOIN o ON s.k = o.k AND s.v = o.x) q', 'k', 'ts', '''1 min''', 'count(*) AS n, count(v) AS v, count(x) AS x');
CALL add('(SELECT s.k, s.ts, s.v, g.c, s.gap FROM s JOIN (SELECT k, x, count(*) AS c FROM o GROUP BY k, x HAVING count(*) < 3) g ON s.k = g.k AND s.v = g.x) q', 'k', 'ts', 'gap', 'count(*) AS n, max(c) AS c');
-- another view
CALL add('below', 'k', 'window_time(w)', 'gap', 'sum(c) AS a, sum(v) AS b');
-- what is above
CALL add(windows('count(*) % 3 > 0'), 'k', 'window_time(w)', 'gap', 'sum(c) AS c, count(*) AS n', above => 'SELECT n, count(*), sum(c), max(upper(visit)) AS m, array_agg(k ORDER BY k) AS ks FROM (%s) q GROUP BY n');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS c, count(*) AS n', above => 'SELECT count(*), sum(c), min(lower(visit)) AS v FROM (%s) q WHERE n > 1');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS c, count(*) AS n', above => 'SELECT DISTINCT n, c FROM (%s) q');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS c, count(*) AS n', above => 'SELECT DISTINCT ON (k) k, visit, n FROM (%s) q ORDER BY k, n DESC, visit');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS c, count(*) AS n', above => 'SELECT k, visit, n FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY upper(visit) - lower(visit), lower(visit)) AS rn FROM (%s) q) q WHERE rn <= 3');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS c, count(*) AS n', above => 'SELECT n, count(*), sum(c) FROM (SELECT DISTINCT ON (k) k, n, c FROM (%s) q ORDER BY k, n DESC, lower(visit)) x GROUP BY n');
CALL add(times(), 'k', 'ts', 'gap', 'count(*) AS n', above => 'SELECT tumble(window_time(visit), ''1 hour'') AS h, count(*), sum(n) FROM (%s) q GROUP BY 1');
-- sessions that have been merged are keys like others
CALL add(times(), 'k', 'ts', '''4 min''', 'count(*) AS n', above => 'SELECT visit, count(*), sum(n) FROM (%s) q GROUP BY visit');
CALL add(windows(), 'k', 'window_time(w)', '''2 min''', 'count(*) AS n', above => 'SELECT DISTINCT visit FROM (%s) q');
CALL add(windows(), 'k', 'window_time(w)', '''2 min''', 'count(*) AS n', above => 'SELECT DISTINCT ON (visit) visit, k, n FROM (%s) q ORDER BY visit, n DESC, k');
-- sessions of sessions: of a stream, and of groups
INSERT INTO queries (made, plain)
	SELECT sessions(false, inner_.made, inner_.keys, 'window_time(visit)', '''20 min''', 'count(*) AS visits, sum(n) AS n', 'count(*) < 9', 'day'),
		sessions(true, inner_.plain, inner_.keys, 'window_time(visit)', '''20 min''', 'count(*) AS visits, sum(n) AS n', 'count(*) < 9', 'day')
	FROM (SELECT keys, '(' || sessions(false, src, 'k', t, 'gap', 'count(*) AS n') || ') x' AS made, '(' || sessions(true, src, 'k', t, 'gap', 'count(*) AS n') || ') x' AS plain
		FROM (VALUES (1, 's', 'k', 'ts'), (2, times(), 'k', 'ts'), (3, windows('count(*) % 2 = 1'), '', 'window_time(w)')) x (i, src, keys, t) ORDER BY i) inner_;
-- a stream joined with sessions
INSERT INTO queries (made, plain)
	SELECT format(q, sessions(false, times(), 'k', 'ts', 'gap', 'count(*) AS n')), format(q, sessions(true, times(), 'k', 'ts', 'gap', 'count(*) AS n'))
	FROM (VALUES ('SELECT o.k, o.x, g.visit, g.n FROM o JOIN (%s) g ON o.k = g.k AND o.x = g.n')) x (q);
-- grouping sets: sessions of each
INSERT INTO queries (made, plain)
	SELECT 'SELECT k, session_window(ts, gap) AS visit, GROUPING(k) AS g, count(*), sum(v) FROM ' || times() || ' GROUP BY ROLLUP (k), 2',
		'SELECT k, visit, 0, count, sum FROM (' || sessions(true, times(), 'k', 'ts', 'gap', 'count(*), sum(v)') || ') a UNION ALL
		SELECT NULL, visit, 1, count, sum FROM (' || sessions(true, times(), '', 'ts', 'gap', 'count(*), sum(v)') || ') b';
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (streaming.continuous, streaming.max_batch_rows = %s) AS %s',
				q.n, CASE WHEN q.n % 3 = 0 THEN 7 ELSE 1000 END, q.made);
			UPDATE queries SET maintained = EXISTS (SELECT FROM streaming.explain(format('v%s', q.n)::regclass) l WHERE l ~ 'sessions over changes') WHERE n = q.n;
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING '%: % %', q.n, sqlerrm, q.made;
		END;
	END LOOP;
END $$;
-- no sessions are left to readers
SELECT n, maintained, made FROM queries WHERE maintained IS DISTINCT FROM true ORDER BY n;
-- that of first rows is shown by readers, who rank them
SELECT n FROM queries WHERE EXISTS (SELECT FROM streaming.explain(format('v%s', n)::regclass) l WHERE l ~ '^Readers') ORDER BY n;
-- the views that differ from their queries
CREATE FUNCTION differ() RETURNS TABLE (n int, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY queries.n LOOP
		PERFORM streaming.wait(format('v%s', q.n)::regclass);
		n := q.n;
		EXECUTE format('SELECT count(*) FROM ((TABLE v%1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE v%1$s)) d', q.n, q.plain) INTO rows;
		IF rows > 0 THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END $$;
SELECT * FROM differ();
SELECT setseed(0.25);
CREATE PROCEDURE more(i int, n int, minutes int) LANGUAGE sql AS $$
	INSERT INTO s SELECT i * 1000 + x, nullif((random() * 4)::int, 4),
		CASE WHEN x % 40 > 0 THEN timestamptz '2026-01-01' + (random() * minutes * 4)::int * interval '15 s' END, (random() * 9)::int,
		CASE WHEN x % 29 = 0 THEN '0' WHEN x % 31 > 0 THEN (random() * 12)::int * interval '30 s' END, 'c' || x % 3
	FROM generate_series(1, n) x;
	INSERT INTO o SELECT nullif((random() * 4)::int, 4), timestamptz '2026-01-01' + (random() * minutes * 4)::int * interval '15 s', (random() * 9)::int
	FROM generate_series(1, n / 3) $$;
DO $$
BEGIN
	FOR i IN 1..10 LOOP
		CALL more(i, CASE i % 3 WHEN 0 THEN 4 WHEN 1 THEN 15 ELSE 50 END, 150);
		COMMIT;
		IF EXISTS (SELECT FROM differ()) THEN
			RAISE '% in round %', (SELECT array_agg(d) FROM differ() d), i;
		END IF;
	END LOOP;
END $$;
-- infinity is a session of its own; -infinity is in none
INSERT INTO s SELECT x, 1, CASE WHEN x < 5 THEN 'infinity' ELSE '-infinity' END::timestamptz, x, '1 min', 'c' FROM generate_series(1, 7) x;
SELECT * FROM differ();
INSERT INTO s SELECT x, 1, 'infinity', x, '1 min', 'c' FROM generate_series(1, 8) x;
SELECT * FROM differ();
-- long gaps: everything of a key becomes one
INSERT INTO s SELECT x, x, '2026-01-01', 1, '1 day', 'c' FROM generate_series(0, 3) x;
SELECT * FROM differ();
-- ... and falls apart where these go
INSERT INTO s SELECT x, x, '2026-01-01', 1, '1 day', 'c' FROM generate_series(0, 3) x;
SELECT * FROM differ();
SELECT n FROM queries, LATERAL (SELECT state FROM streaming.views WHERE view = format('v%s', n)::regclass) x WHERE state <> 'running' ORDER BY n;
SELECT count(*) AS views, (SELECT count(*) > 5 FROM v1) AS many FROM queries;
-- a worker that starts anew goes on
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
CALL more(20, 50, 150);
SELECT * FROM differ();
DROP TABLE s, o CASCADE;
TRUNCATE queries;

---- with a watermark: nothing is late, so closed sessions are what the query says, and what they were made of goes

CREATE TABLE s (id int, k int, ts timestamptz, v int, gap interval) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 min');
CALL add(windows('count(*) % 3 > 0'), 'k', 'window_time(w)', 'gap', 'sum(c) AS a, max(v) AS b, count(*) AS n');
CALL add(windows('count(*) % 2 = 0'), '', 'window_time(w)', '''2 min''', 'sum(c) AS a, count(DISTINCT v) AS d');
CALL add(times(), 'k', 'ts', 'gap', 'sum(c) AS a, min(v) AS b', 'count(*) <> 2');
CALL add(windows('count(*) % 3 > 0'), 'k', 'window_time(w)', '''2 min''', 'sum(c) AS c, count(*) AS n', above => 'SELECT tumble(window_time(visit), ''1 hour'') AS h, sum(c), array_agg(n ORDER BY n) AS ns FROM (%s) q GROUP BY h');
CALL add(windows(), 'k', 'window_time(w)', '''2 min''', 'sum(c) AS c, count(*) AS n', above => 'SELECT k, visit, n FROM (%s) q WHERE n > 1');
INSERT INTO queries (made, plain)
	SELECT sessions(false, inner_.made, keys, 'window_time(visit)', '''5 min''', 'count(*) AS visits, sum(n) AS n', 'true', 'day'),
		sessions(true, inner_.plain, keys, 'window_time(visit)', '''5 min''', 'count(*) AS visits, sum(n) AS n', 'true', 'day')
	FROM (SELECT keys, '(' || sessions(false, src, 'k', t, '''90 s''', 'count(*) AS n') || ') x' AS made, '(' || sessions(true, src, 'k', t, '''90 s''', 'count(*) AS n') || ') x' AS plain
		FROM (VALUES (1, 's', 'k', 'ts'), (2, times(), 'k', 'ts'), (3, windows('count(*) % 2 = 1'), '', 'window_time(w)')) x (i, src, keys, t) ORDER BY i) inner_;
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (streaming.continuous, streaming.max_batch_rows = %s) AS %s',
			q.n, CASE WHEN q.n % 3 = 0 THEN 7 ELSE 1000 END, q.made);
	END LOOP;
	UPDATE queries SET maintained = EXISTS (SELECT FROM streaming.explain(format('v%s', n)::regclass) l WHERE l ~ 'sessions over changes');
END $$;
SELECT n, made FROM queries WHERE NOT maintained ORDER BY n;
CREATE PROCEDURE later(i int, n int) LANGUAGE sql AS $$
	INSERT INTO s SELECT i * 1000 + x, nullif((random() * 4)::int, 4), timestamptz '2026-01-01' + i * interval '5 min' + (random() * 36)::int * interval '15 s',
		(random() * 9)::int, CASE WHEN x % 29 = 0 THEN '0' WHEN x % 31 > 0 THEN (random() * 8)::int * interval '30 s' END
	FROM generate_series(1, n) x $$;
DO $$
BEGIN
	FOR i IN 1..25 LOOP
		CALL later(i, CASE i % 3 WHEN 0 THEN 4 WHEN 1 THEN 15 ELSE 40 END);
		COMMIT;
		IF EXISTS (SELECT FROM differ()) THEN
			RAISE '% in round %', (SELECT array_agg(d) FROM differ() d), i;
		END IF;
	END LOOP;
END $$;
-- rows that the operators below the one that is shown keep, all together
CREATE FUNCTION kept() RETURNS TABLE (n int, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
	state regclass;
	more bigint;
BEGIN
	FOR n IN SELECT q.n FROM queries q ORDER BY 1 LOOP
		rows := 0;
		FOR state IN SELECT unnest(below) FROM streaming._view WHERE viewid = format('v%s', n)::regclass LOOP
			EXECUTE format('SELECT count(*) FROM %s', state) INTO more;
			rows := rows + more;
		END LOOP;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT n, rows < 300 AS few, rows > 0 AS some FROM kept() ORDER BY n;
INSERT INTO s VALUES (1, 1, '2026-02-01', 1, '1 min');
SELECT * FROM differ();
SELECT * FROM kept();
SELECT view, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;

---- a session that ends where the watermark is may still be touched, by a group whose last microsecond that is

DROP TABLE s CASCADE;
TRUNCATE queries;
CREATE TABLE s (ts timestamptz, k int, v int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW edge WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT session_window(window_time(w), '1 min') AS visit, sum(n), count(*)
	FROM (SELECT tumble(ts, '1 min', '1 us') AS w, count(*) AS n FROM s GROUP BY 1 HAVING count(*) > 1) q GROUP BY 1;
CREATE MATERIALIZED VIEW edges WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT session_window(window_time(visit), '1 us') AS visits, sum(sum), count(*) FROM (
		SELECT session_window(window_time(w), '1 min') AS visit, sum(n), count(*)
		FROM (SELECT tumble(ts, '1 min', '1 us') AS w, count(*) AS n FROM s GROUP BY 1 HAVING count(*) > 1) q GROUP BY 1) q GROUP BY 1;
-- in complete mode nothing is ever late, or closed
CREATE MATERIALIZED VIEW whole WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = complete) AS
	SELECT session_window(window_time(w), '1 min') AS visit, sum(n), count(*)
	FROM (SELECT tumble(ts, '1 min', '1 us') AS w, count(*) AS n FROM s GROUP BY 1 HAVING count(*) > 1) q GROUP BY 1;
CREATE TABLE seen (op text, visit text, sum text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO sc.seen VALUES (TG_OP, to_jsonb(coalesce(NEW, OLD)) ->> 'visit', to_jsonb(coalesce(NEW, OLD)) ->> 'sum');
	RETURN NULL;
END $$;
CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON edge FOR EACH ROW EXECUTE FUNCTION see();
INSERT INTO s VALUES ('2026-01-01 00:00:30'), ('2026-01-01 00:00:30'), ('2026-01-01 00:02:00');
CALL refresh_views(2);
SELECT visit, sum, count FROM edge;
TABLE edges;
SELECT view, watermark, late_rows FROM streaming.views ORDER BY view::text;
-- one is late; the other's window ends a microsecond after that, and begins a session where another one ends
INSERT INTO s VALUES ('2026-01-01 00:01:00'), ('2026-01-01 00:02:00');
CALL refresh_views(2);
SELECT visit, sum, count FROM edge;
TABLE edges;
SELECT view, watermark, late_rows FROM streaming.views ORDER BY view::text;
-- after that all of it is late
INSERT INTO s VALUES ('2026-01-01 00:05:00'), ('2026-01-01 00:05:00');
CALL refresh_views(2);
INSERT INTO s VALUES ('2026-01-01 00:02:00'), ('2026-01-01 00:02:00');
CALL refresh_views(2);
SELECT visit, sum, count FROM edge ORDER BY 1;
TABLE edges ORDER BY 1;
TABLE whole ORDER BY 1;
SELECT view, late_rows FROM streaming.views ORDER BY view::text;
SELECT * FROM seen;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('edges') AS line
WHERE line ~ '^ {0,2}(Operator|State|Bounded|Readers)';
DROP TABLE s CASCADE;
DROP TABLE seen;
DROP FUNCTION see;

---- what is refused

CREATE TABLE s (ts timestamptz, k int, v int) USING stream;
CREATE MATERIALIZED VIEW groups WITH (streaming.continuous) AS SELECT k, ts, count(*) AS n FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT upper(session_window(ts, '1 min')) AS u, count(*) FROM groups GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT session_window(ts, '1 min') AS a, session_window(ts, '2 min') AS b, count(*) FROM groups GROUP BY 1, 2;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT k, session_window(ts, '1 min') AS a, count(*) FROM groups GROUP BY CUBE (1, 2);
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT DISTINCT session_window(ts, '1 min') FROM groups;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT DISTINCT ON (session_window(ts, '1 min')) * FROM groups ORDER BY session_window(ts, '1 min'), n;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT session_window(ts, '1 min') AS a, count(*), now() FROM groups GROUP BY 1;
DROP TABLE s CASCADE;

DROP FUNCTION differ, sessions, windows, times, kept;
DROP PROCEDURE add, more, later;
DROP TABLE queries;
SET search_path = public;
DROP SCHEMA sc;
SELECT * FROM leftovers();
