-- Event time: rows of a result that go some time after their window (streaming.ttl)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA ttl;
SET search_path = ttl, public;

---- by hand: to the millisecond

CREATE TABLE s (k text, ts timestamptz, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '10 min') AS
	SELECT tumble(ts, '5 min') AS w, k, count(*), avg(x) FROM s GROUP BY w, k;
CREATE MATERIALIZED VIEW v0 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '0') AS
	SELECT tumble(ts, '5 min') AS w, k, count(*), avg(x) FROM s GROUP BY w, k;
CREATE VIEW show AS SELECT view, to_char(lower(w), 'HH24:MI') AS w, k, count, round(avg, 1) AS avg FROM
	(SELECT 'v' AS view, * FROM v UNION ALL SELECT 'v0', * FROM v0) q ORDER BY view, q.w, k;
INSERT INTO s VALUES ('a', '2024-01-01 12:01', 1), ('b', '2024-01-01 12:04', 2), ('a', '2024-01-01 12:07', 4);
CALL refresh_views();
TABLE show;
-- the window that ends at 12:05 stays a millisecond longer
INSERT INTO s VALUES ('a', '2024-01-01 12:14:59.999', 1);
CALL refresh_views(2);
TABLE show;
-- ... and goes at 12:15, what is late for it stays away
INSERT INTO s VALUES ('c', '2024-01-01 12:15', 1), ('a', '2024-01-01 12:02', 8);
CALL refresh_views(2);
TABLE show;
INSERT INTO s VALUES ('a', '2024-01-01 12:03', 16), ('b', '2024-01-01 12:16', 32);
CALL refresh_views(2);
TABLE show;
SELECT view, watermark, groups, late_rows FROM streaming.views ORDER BY view::text;
-- in other processes, too
SELECT restart_workers();
CALL refresh_views(2);
TABLE show;
-- a longer time brings nothing back, a shorter one has more rows go at once
ALTER MATERIALIZED VIEW v SET (streaming.ttl = '1 day');
INSERT INTO s VALUES ('d', '2024-01-01 12:31', 1);
CALL refresh_views(2);
TABLE show;
ALTER MATERIALIZED VIEW v SET (streaming.ttl = '11 min');
CALL refresh_views();
TABLE show;
ALTER MATERIALIZED VIEW v RESET (streaming.ttl);
INSERT INTO s VALUES ('d', '2024-01-02 12:31', 1);
CALL refresh_views(2);
TABLE show;
SELECT streaming.explain('v0') LIMIT 3 OFFSET 2;
-- what is made anew is what is not too old
ALTER MATERIALIZED VIEW v SET (streaming.ttl = '1 day');
SELECT streaming.reset('v');
CALL refresh_views(2);
TABLE show;
DROP TABLE s CASCADE;

---- at random: each is its query, but for what is too old

CREATE TABLE s (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '3 min');
CREATE TABLE kinds (kind text, query text, key_end text, options text DEFAULT '', plain text);
INSERT INTO kinds (kind, query, key_end) VALUES
	('tumble', 'SELECT tumble(ts, ''10 min'') AS w, k, count(*), sum(x), avg(x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('hop', 'SELECT k, hop(ts, ''10 min'', ''5 min'') AS w, count(*), avg(x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('bin', 'SELECT date_bin(''10 min'', ts, ''2020-01-01'') AS w, k, max(x), min(ts) FROM s GROUP BY 1, 2', 'w + interval ''10 min'''),
	('time', 'SELECT k, ts, count(*), sum(x) FROM s GROUP BY 1, 2', 'ts'),
	('session', 'SELECT k, session_window(ts, ''3 min'') AS w, count(*), avg(x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('session_rows', 'SELECT k, session_window(ts, ''3 min'') AS w, array_agg(x ORDER BY x, ts), count(DISTINCT x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('values', 'SELECT tumble(ts, ''10 min'') AS w, count(DISTINCT x), array_agg(x ORDER BY x, k) FROM s GROUP BY 1', 'upper(w)'),
	('having', 'SELECT tumble(ts, ''10 min'') AS w, k, count(*) FROM s GROUP BY 1, 2 HAVING count(*) % 3 > 0 ORDER BY 3', 'upper(w)'),
	('distinct', 'SELECT DISTINCT k, date_trunc(''minute'', ts) AS ts FROM s', 'ts + interval ''1 min'''),
	('latest', 'SELECT DISTINCT ON (tumble(ts, ''10 min''), k) tumble(ts, ''10 min'') AS w, k, ts, x FROM s ORDER BY tumble(ts, ''10 min''), k, ts DESC, x', 'upper(w)'),
	('first', 'SELECT w, k, x, place FROM (SELECT tumble(ts, ''10 min'') AS w, k, x, row_number() OVER (PARTITION BY tumble(ts, ''10 min'') ORDER BY x DESC, ts, k) AS place FROM s) q WHERE place <= 4', 'upper(w)'),
	('of_groups', 'SELECT w, n, count(*) AS m, sum(k) FROM (SELECT tumble(ts, ''10 min'') AS w, k, count(*) AS n FROM s GROUP BY 1, 2) q GROUP BY w, n', 'upper(w)'),
	('first_groups', 'SELECT w, k, n, place FROM (SELECT w, k, n, rank() OVER (PARTITION BY w ORDER BY n DESC, k) AS place FROM (SELECT tumble(ts, ''10 min'') AS w, k, count(*) AS n FROM s GROUP BY 1, 2) g) q WHERE place <= 2', 'upper(w)'),
	('filtered', 'SELECT k, n * 2 AS n, w FROM (SELECT tumble(ts, ''10 min'') AS w, k, count(*) AS n FROM s GROUP BY 1, 2) q WHERE n > 2', 'upper(w)'),
	('sets', 'SELECT tumble(ts, ''10 min'') AS w, k, count(*), avg(x) FROM s GROUP BY 1, ROLLUP (2)', 'upper(w)'),
	('total', 'SELECT tumble(ts, ''10 min'') AS w, k, count(*), avg(x) FROM s GROUP BY ROLLUP (1), k', 'COALESCE(upper(w), ''infinity'')'),
	('once', 'SELECT tumble(ts, ''10 min'') AS w, count(*) FROM (SELECT DISTINCT ts, k FROM s) q GROUP BY 1', 'upper(w)'),
	('joined', 'SELECT tumble(a.ts, ''10 min'') AS w, count(*), sum(b.x) FROM s a JOIN s b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval ''2 min'' GROUP BY 1', 'upper(w) + interval ''2 min''');
-- what merges sessions
CREATE VIEW in_sessions AS
	SELECT *, tstzrange(min(ts) OVER w, max(ts) OVER w + interval '3 min') AS session FROM
		(SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY k ORDER BY ts) AS n FROM
			(SELECT *, ts > lag(ts) OVER (PARTITION BY k ORDER BY ts) + interval '3 min' AS begins FROM s) a) b
	WINDOW w AS (PARTITION BY k, n);
UPDATE kinds SET plain = replace(replace(query, 'FROM s', 'FROM in_sessions'), 'session_window(ts, ''3 min'')', 'session');
INSERT INTO kinds SELECT kind || '_append', query, key_end, ', streaming.output_mode = append', plain FROM kinds
WHERE kind IN ('tumble', 'hop', 'session', 'session_rows', 'latest', 'first', 'sets', 'once');
DO $$
DECLARE
	d record;
BEGIN
	FOR d IN TABLE kinds LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW v_%s WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.ttl = ''20 min'' %s) AS %s', d.kind, d.options, d.query);
	END LOOP;
END $$;
CREATE FUNCTION differences(ttl interval) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	d record;
	n int8;
	q text;
BEGIN
	FOR d IN SELECT kinds.*, v.watermark FROM kinds JOIN streaming.views v ON v.view = ('v_' || kind)::regclass LOOP
		q := format('SELECT * FROM (%s) q WHERE (%s > %L::timestamptz - %L::interval OR %L::timestamptz IS NULL)', d.plain, d.key_end, d.watermark, ttl, d.watermark);
		IF d.options <> '' THEN
			q := q || format(' AND %s <= %L', d.key_end, d.watermark);
		END IF;
		EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL SELECT * FROM v_%2$s) UNION ALL (SELECT * FROM v_%2$s EXCEPT ALL %1$s)) x', q, d.kind) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s: %s rows differ', d.kind, n);
		END IF;
	END LOOP;
END $$;
CREATE TABLE results (round int, result text);
SELECT * FROM differences('20 min');
SELECT setseed(0.25);
DO $$
BEGIN
	FOR round IN 1 .. 12 LOOP
		INSERT INTO s SELECT date_trunc('second', '2024-01-01'::timestamptz + round * interval '7 min' - random() * interval '150 s'), random() * 4, random() * 9
		FROM generate_series(1, 40);
		COMMIT;
		CALL refresh_views(2);
		IF round = 6 THEN
			PERFORM restart_workers();
		END IF;
		INSERT INTO results SELECT round, * FROM differences('20 min');
		COMMIT;
	END LOOP;
END $$;
SELECT * FROM results;
SELECT count(*) > 0 AS shown, count(*) < (SELECT count(DISTINCT (tumble(ts, '10 min'), k)) FROM s) AS fewer FROM v_tumble;
-- ten days without a row
INSERT INTO s VALUES ('2024-01-11', 1, 1);
CALL refresh_views(2);
SELECT * FROM differences('20 min');
SELECT count(*) FROM v_tumble;
SELECT DISTINCT late_rows FROM streaming.views;
DROP TABLE s CASCADE;

---- in steps: thousands of rows, many of one window

CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW groups WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '0') AS
	SELECT tumble(ts, '1 min') AS w, k, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW sessions WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '0') AS
	SELECT session_window(ts, '1 min') AS w, k, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW first WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '0') AS
	SELECT w, k, place FROM (SELECT tumble(ts, '1 min') AS w, k, row_number() OVER (PARTITION BY tumble(ts, '1 min'), k / 2 ORDER BY k DESC) AS place FROM s) q WHERE place < 3;
INSERT INTO s SELECT '2024-01-01'::timestamptz + i % 3 * interval '1 min', i FROM generate_series(1, 40000) i;
CALL refresh_views();
-- what a batch removes at most is about what comes into it, or 5000
ALTER MATERIALIZED VIEW groups SET (streaming.ttl = '1 day');
INSERT INTO s VALUES ('2024-01-01 06:00', 0);
CALL refresh_views(2);
SELECT (SELECT count(*) FROM groups) AS groups, (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM first) AS first;
ALTER MATERIALIZED VIEW groups SET (streaming.ttl = '0');
SELECT batches FROM streaming.views WHERE view = 'groups'::regclass \gset
CALL refresh_views();
SELECT (SELECT count(*) FROM groups) AS groups, batches - :batches >= 3 AS in_steps FROM streaming.views WHERE view = 'groups'::regclass;
DROP TABLE s CASCADE;

---- the space is used again

CREATE TABLE s (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW groups WITH (streaming.continuous, streaming.ttl = '5 min') AS
	SELECT tumble(ts, '1 min') AS w, k, count(*), avg(x) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW sessions WITH (streaming.continuous, streaming.ttl = '5 min') AS
	SELECT session_window(ts, '1 s') AS w, k, count(*), array_agg(x ORDER BY x) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW seen WITH (streaming.continuous, streaming.ttl = '5 min') AS
	SELECT DISTINCT ts, k FROM s;
CREATE MATERIALIZED VIEW kept WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 min') AS w, k, count(*), avg(x) FROM s GROUP BY 1, 2;
CREATE TABLE sizes (minute int, view regclass, bytes int8);
CREATE TABLE waits (done bool);
\set ECHO none
SELECT unnest(ARRAY[
	format('INSERT INTO s SELECT ''2024-01-01''::timestamptz + interval ''%s min'' + i %% 2 * interval ''9 s'', i, i FROM generate_series(1, 300) i', minute),
	'INSERT INTO waits SELECT streaming.wait(view) FROM streaming.views',
	'VACUUM groups, sessions, seen, kept',
	format('INSERT INTO sizes SELECT %s, view, state_bytes FROM streaming.views', minute)])
FROM generate_series(1, 30) minute \gexec
\set ECHO all
SELECT s.view, max(bytes) FILTER (WHERE minute > 20) <= 1.6 * max(bytes) FILTER (WHERE minute <= 12) AS flat,
	max(bytes) FILTER (WHERE minute > 20) > 2 * max(bytes) FILTER (WHERE minute <= 12) AS twice FROM sizes s GROUP BY view ORDER BY view::text;
SELECT DISTINCT done FROM waits;
DROP TABLE s CASCADE;

---- nobody above takes it for a deletion

CREATE TABLE s (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW u WITH (streaming.continuous, streaming.ttl = '10 min', streaming.changes) AS
	SELECT tumble(ts, '5 min') AS w, k, count(*) AS n, sum(x) AS sum FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.ttl = '0', streaming.changes, streaming.output_mode = 'append') AS
	SELECT tumble(ts, '5 min') AS w, k, count(*) AS n, sum(x) AS sum FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW d WITH (streaming.continuous, streaming.ttl = '0', streaming.changes) AS SELECT DISTINCT ts, k FROM s;
CREATE MATERIALIZED VIEW t WITH (streaming.continuous, streaming.ttl = '10 min', streaming.changes) AS
	SELECT w, k, x FROM (SELECT tumble(ts, '5 min') AS w, k, x, row_number() OVER (PARTITION BY tumble(ts, '5 min') ORDER BY x DESC, k) AS place FROM s) q WHERE place <= 3;
CREATE MATERIALIZED VIEW over_u WITH (streaming.continuous) AS SELECT k, count(*), sum(n) AS n, max(sum), avg(sum) FROM u GROUP BY k;
CREATE MATERIALIZED VIEW over_a WITH (streaming.continuous) AS SELECT k, count(*), sum(n) AS n, max(sum), avg(sum) FROM a GROUP BY k;
CREATE MATERIALIZED VIEW over_d WITH (streaming.continuous) AS SELECT k, count(*) FROM d GROUP BY k;
CREATE MATERIALIZED VIEW over_t WITH (streaming.continuous) AS SELECT k, count(*), sum(x) FROM t GROUP BY k;
CREATE MATERIALIZED VIEW half_hourly WITH (streaming.continuous, streaming.ttl = '10 min') AS
	SELECT tumble(window_time(w), '30 min') AS half_hour, count(*), sum(n) AS n FROM a GROUP BY 1;
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous) AS SELECT u.w, u.k, u.n, t.x FROM u JOIN t ON u.w = t.w AND u.k = t.k;
CREATE TABLE told (op text, row text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ttl AS $$
BEGIN
	INSERT INTO told VALUES (TG_OP, COALESCE(NEW, OLD)::text);
	RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT OR DELETE ON u FOR EACH ROW EXECUTE FUNCTION tell();
-- what they would be, if nothing had gone
CREATE VIEW all_u AS SELECT tumble(ts, '5 min') AS w, k, count(*) AS n, sum(x) AS sum FROM s GROUP BY 1, 2;
CREATE VIEW all_a AS SELECT * FROM all_u WHERE upper(w) <= (SELECT max(ts) FROM s);
CREATE VIEW all_t AS SELECT w, k, x FROM (SELECT tumble(ts, '5 min') AS w, k, x, row_number() OVER (PARTITION BY tumble(ts, '5 min') ORDER BY x DESC, k) AS place FROM s) q WHERE place <= 3;
CREATE TABLE oracle (view text, query text);
INSERT INTO oracle VALUES
	('u', 'SELECT * FROM all_u WHERE upper(w) > (SELECT max(ts) FROM s) - interval ''10 min'''),
	('a', 'SELECT * FROM all_a WHERE false'),
	('d', 'SELECT DISTINCT ts, k FROM s WHERE ts > (SELECT max(ts) FROM s)'),
	('t', 'SELECT * FROM all_t WHERE upper(w) > (SELECT max(ts) FROM s) - interval ''10 min'''),
	('over_u', 'SELECT k, count(*), sum(n) AS n, max(sum), avg(sum) FROM all_u GROUP BY k'),
	('over_a', 'SELECT k, count(*), sum(n) AS n, max(sum), avg(sum) FROM all_a GROUP BY k'),
	('over_d', 'SELECT k, count(*) FROM (SELECT DISTINCT ts, k FROM s) q GROUP BY k'),
	('over_t', 'SELECT k, count(*), sum(x) FROM all_t GROUP BY k'),
	('half_hourly', 'SELECT tumble(window_time(w), ''30 min'') AS half_hour, count(*), sum(n) AS n FROM all_a WHERE upper(tumble(window_time(w), ''30 min'')) > (SELECT watermark FROM streaming.views WHERE view = ''half_hourly''::regclass) - interval ''10 min'' GROUP BY 1'),
	('joined', 'SELECT u.w, u.k, u.n, t.x FROM all_u u JOIN all_t t ON u.w = t.w AND u.k = t.k'),
	('(SELECT w, k, n, sum FROM a_changes) a', 'SELECT * FROM all_a'),
	('(SELECT w, k, sum(CASE WHEN op IN (''insert'', ''update after'') THEN n ELSE -n END) AS n FROM u_changes GROUP BY w, k) a', 'SELECT w, k, n FROM all_u');
CREATE FUNCTION wrong() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	o record;
	n int8;
BEGIN
	FOR o IN TABLE oracle LOOP
		EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL SELECT * FROM %2$s) UNION ALL (SELECT * FROM %2$s EXCEPT ALL %1$s)) x', o.query, o.view) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s: %s rows differ', o.view, n);
		END IF;
	END LOOP;
END $$;
TRUNCATE results;
DO $$
BEGIN
	FOR round IN 1 .. 20 LOOP
		INSERT INTO s SELECT '2024-01-01'::timestamptz + round * interval '4 min' + i * interval '1 s', random() * 3, random() * 100 FROM generate_series(1, 30) i;
		COMMIT;
		FOR i IN 1 .. 2 LOOP
			PERFORM streaming.wait(view) FROM streaming.views ORDER BY view;
		END LOOP;
		INSERT INTO results SELECT round, * FROM wrong();
		COMMIT;
	END LOOP;
END $$;
SELECT * FROM results;
SELECT DISTINCT op FROM a_changes;
SELECT DISTINCT op FROM d_changes;
SELECT DISTINCT op FROM u_changes ORDER BY op;
SELECT DISTINCT op FROM told;
-- one that comes later begins with what is there
CREATE MATERIALIZED VIEW later WITH (streaming.continuous) AS SELECT count(*), sum(n) AS n FROM u;
SELECT streaming.wait('later');
SELECT (SELECT count FROM later) = (SELECT count(*) FROM u) AS of_what_is_there, (SELECT n FROM later) < (SELECT sum(n) FROM all_u) AS of_less;
DROP TABLE s CASCADE;

-- a change stream that is younger than its view has what is there, and all that is closed after it
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '0', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '5 min') AS w, k, count(*) FROM s GROUP BY 1, 2;
INSERT INTO s VALUES ('2024-01-01 00:01', 1), ('2024-01-01 00:06', 2), ('2024-01-01 00:11', 3);
CALL refresh_views(2);
TABLE a;
INSERT INTO s VALUES ('2024-01-01 00:16', 4);
ALTER MATERIALIZED VIEW a SET (streaming.changes);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 00:23', 5);
CALL refresh_views(2);
TABLE a;
SELECT w, k, count FROM a_changes ORDER BY w;
DROP TABLE s CASCADE;

-- keys that expire: what goes is a result only, the key is new again anyway
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
CREATE MATERIALIZED VIEW once WITH (streaming.continuous, streaming.trigger = 'manual', streaming.distinct_within_watermark, streaming.ttl = '2 min') AS
	SELECT DISTINCT ON (k) k, ts FROM s;
INSERT INTO s VALUES ('2024-01-01 00:01:00', 1), ('2024-01-01 00:01:10', 1), ('2024-01-01 00:01:00', 2);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 00:04:30', 1);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 00:04:00', 1);
CALL refresh_views(2);
SELECT * FROM once ORDER BY k, ts;
INSERT INTO s VALUES ('2024-01-01 00:05:00', 3), ('2024-01-01 00:04:45', 1);
CALL refresh_views(2);
SELECT * FROM once ORDER BY k, ts;
DROP TABLE s CASCADE;

-- timestamps without time zone; an unlogged stream; a group of views; indexes of the owner's
CREATE UNLOGGED TABLE s (ts timestamp, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW g1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = g, streaming.ttl = '1 hour') AS
	SELECT tumble(ts, '1 hour') AS w, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW g2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = g, streaming.ttl = '2 hours') AS
	SELECT session_window(ts, '30 min') AS w, count(*) FROM s GROUP BY 1;
CREATE INDEX by_window ON g1 USING gist (w);
CREATE INDEX by_count ON g1 (count);
CREATE INDEX by_session ON g2 USING spgist (w);
INSERT INTO s SELECT '2024-01-01'::timestamp + i * interval '45 min', i FROM generate_series(0, 10) i;
CALL refresh_views(2);
SELECT * FROM g1 ORDER BY w;
SELECT * FROM g2 ORDER BY w;
SET enable_seqscan = off;
SELECT count(*) FROM g1 WHERE w @> '2024-01-01 06:10'::timestamp;
SELECT count(*) FROM g1 WHERE w @> '2024-01-01 01:10'::timestamp;
RESET enable_seqscan;
DROP TABLE s CASCADE;

---- what is refused

CREATE TABLE s (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE no_mark (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '-1 day') AS SELECT tumble(ts, '1 min'), count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = 'long') AS SELECT tumble(ts, '1 min'), count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT k, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT count(*) FROM s;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT DISTINCT ON (k) k, ts FROM s ORDER BY k, ts DESC;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT DISTINCT ON (k) k, ts FROM s;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT ts, k FROM s WHERE x > 0;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT s.ts, s.k FROM s JOIN s b USING (ts);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT s.ts, s.k FROM s LEFT JOIN s b USING (ts);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT ts, k FROM s UNION ALL SELECT lower(w), n FROM (SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM s GROUP BY 1) q;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT tumble(ts, '1 min') AS w, count(*), sum(count(*)) OVER () FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT tumble(ts, '1 min') AS w, count(*) FROM s GROUP BY 1 ORDER BY 2 LIMIT 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS
	SELECT a.w, a.n, b.n AS m FROM (SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM s GROUP BY 1) a LEFT JOIN (SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM s WHERE x > 1 GROUP BY 1) b USING (w);
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day', streaming.output_mode = 'append') AS
	SELECT tumble(window_time(w), '1 hour') AS h, count(*) FROM (SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM s GROUP BY 1) a GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day', streaming.output_mode = 'complete') AS SELECT tumble(ts, '1 min'), count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.ttl = '1 day') AS SELECT tumble(ts, '1 min'), count(*) FROM no_mark GROUP BY 1;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY 1;
ALTER MATERIALIZED VIEW r SET (streaming.ttl = '1 day');
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW r RESET (streaming.ttl);
ALTER TABLE s SET (streaming.ttl = '1 day');
DROP TABLE s, no_mark CASCADE;
DROP SCHEMA ttl CASCADE;
SELECT * FROM leftovers();
