-- Aggregations over sessions and over grouping sets, kept up to date by their changes
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
-- differences between a view and a query
CREATE FUNCTION compare(v regclass, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$s)) d', v, query) INTO n;
	RETURN CASE WHEN n = 0 THEN 'ok' ELSE n || ' rows differ' END;
END $$;

---- by hand: sessions become one, and count as one

CREATE TABLE s (ts timestamptz, k int, v int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW days WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT date_bin('1 day', window_time(visit), '2000-01-01') AS day, count(*) AS visits, sum(n) AS clicks, max(n) AS longest
	FROM (SELECT k, session_window(ts, '10 minutes') AS visit, count(*) AS n FROM s GROUP BY k, visit) q GROUP BY day;
CREATE MATERIALIZED VIEW ends WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT window_time(visit) AS at, count(*) AS visits
	FROM (SELECT k, session_window(ts, '10 minutes') AS visit, count(*) AS n FROM s GROUP BY k, visit) q GROUP BY at;
CREATE MATERIALIZED VIEW sizes WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT n, count(*) AS visits, array_agg(k ORDER BY k) AS ks
	FROM (SELECT k, session_window(ts, '10 minutes') AS visit, count(*) AS n FROM s GROUP BY k, visit HAVING count(*) < 100) q GROUP BY n;
INSERT INTO s VALUES ('2026-01-01 23:30', 1, 1), ('2026-01-01 23:45', 1, 2), ('2026-01-01 23:30', 2, 3), ('2026-01-01 23:55', 3, 4);
CALL refresh_views(2);
SELECT * FROM days ORDER BY day;
SELECT * FROM ends ORDER BY at;
SELECT * FROM sizes ORDER BY n;
-- what glues two together is on time: its own range ends after the watermark of 23:55
INSERT INTO s VALUES ('2026-01-01 23:50', 3, 5), ('2026-01-02 00:01', 3, 6), ('2026-01-01 23:46', 1, 7);
CALL refresh_views(2);
SELECT * FROM days ORDER BY day;
SELECT * FROM ends ORDER BY at;
SELECT * FROM sizes ORDER BY n;
-- all close, and stay; what is too late changes nothing
INSERT INTO s VALUES ('2026-01-05', 9, 1);
CALL refresh_views(2);
INSERT INTO s VALUES ('2026-01-02 00:02', 3, 1);
CALL refresh_views(2);
SELECT * FROM days ORDER BY day;
SELECT * FROM ends ORDER BY at;
SELECT * FROM sizes ORDER BY n;
SELECT view, groups, late_rows FROM streaming.views ORDER BY view::text;
SELECT regexp_replace(line, '\d{2,}', 'N', 'g') AS line FROM streaming.explain('days') AS line WHERE line ~ '^ ?O|^  [^ ]';
DROP TABLE s CASCADE;

-- a window of a window may end as much later as that is long: groups of it stay open
CREATE TABLE s (ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TEMP TABLE levels (name text, below text, above text);
INSERT INTO levels VALUES
	('of_time', 'SELECT window_time(tumble(ts, ''10 minutes'')) AS t, tumble(ts, ''25 minutes'') AS b, count(*) AS n FROM s GROUP BY t, b',
		'SELECT b, sum(n) AS n, array_agg(n ORDER BY n) FROM %s q GROUP BY b'),
	('of_bin', 'SELECT date_bin(''15 minutes'', window_time(tumble(ts, ''1 day'')), ''2000-01-01'') AS t, tumble(ts, ''1 day'', ''3 hours'') AS b, count(*) AS n FROM s GROUP BY t, b',
		'SELECT b, sum(n) AS n, max(n) FROM %s q GROUP BY b'),
	('aligned', 'SELECT tumble(window_time(tumble(ts, ''1 hour'')), ''10 minutes'') AS t, tumble(ts, ''1 hour'', ''30 minutes'') AS b, count(*) AS n FROM s GROUP BY t, b',
		'SELECT b, sum(n) AS n FROM %s q GROUP BY b'),
	('deeper', 'SELECT window_time(a) AS t, b, sum(n) AS n FROM (SELECT tumble(ts, ''1 hour'') AS a, tumble(ts, ''25 minutes'', ''-10 minutes'') AS b, count(*) AS n FROM s GROUP BY a, b) q GROUP BY t, b',
		'SELECT b, sum(n) AS n FROM %s q GROUP BY b'),
	('parts', 'SELECT window_time(b) AS t, n FROM (SELECT tumble(ts, ''1 hour'') AS a, tumble(ts, ''1 hour'', ''30 minutes'') AS b, count(*) AS n FROM s GROUP BY a, b) q'
		' UNION ALL SELECT window_time(h), n FROM (SELECT tumble(ts, ''30 minutes'') AS h, count(*) AS n FROM s GROUP BY h) r',
		'SELECT t, sum(n) AS n FROM %s q GROUP BY t');
-- what is below is the same rows, late ones dropped; what is final stays
SELECT * FROM (
SELECT format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = manual) AS ' || above, name, '(' || below || ')') FROM levels
UNION ALL SELECT format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = manual) AS ' || below, name || '_below') FROM levels WHERE name <> 'parts'
UNION ALL SELECT format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS ' || above, name || '_final', '(' || below || ')') FROM levels
) AS c (command) ORDER BY command COLLATE "C" \gexec
CREATE TEMP TABLE shown (name text, line text);
CREATE FUNCTION changed() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE l record;
BEGIN
	FOR l IN SELECT * FROM levels LOOP
		IF l.name <> 'parts' AND compare(l.name::regclass, format(l.above, l.name || '_below')) <> 'ok' THEN
			RETURN NEXT l.name;
		END IF;
		RETURN QUERY EXECUTE format('SELECT name || '': '' || line FROM shown WHERE name = %L EXCEPT ALL SELECT %1$L || '': '' || f::text FROM %I f', l.name, l.name || '_final');
		DELETE FROM shown WHERE name = l.name;
		EXECUTE format('INSERT INTO shown SELECT %L, f::text FROM %I f', l.name, l.name || '_final');
	END LOOP;
END $$;
-- minutes of a day; each list is a batch
CREATE PROCEDURE rounds() LANGUAGE plpgsql AS $$
DECLARE
	histories int[][] := ARRAY[[14, 16, 12, 30], [16, 40, 15, 200], [12, 240, 120, 2000], [20, 36, 61, 300], [29, 51, 74, 49]];
	bad text;
BEGIN
	FOR i IN 1..5 LOOP
		FOR j IN 1..4 LOOP
			INSERT INTO s VALUES (timestamptz '2026-01-01' + i * interval '10 days' + histories[i][j] * interval '1 minute');
			COMMIT;
			CALL refresh_views(2);
			SELECT string_agg(c, ', ') INTO bad FROM changed() c;
			IF bad <> '' THEN
				RAISE 'history %, batch %: %', i, j, bad;
			END IF;
		END LOOP;
	END LOOP;
	FOR i IN 0..1 LOOP
		INSERT INTO s SELECT timestamptz '2026-03-01' + n * interval '1 minute' FROM generate_series(1 + i * 299, 110 + i * 190) AS n;
		COMMIT;
		CALL refresh_views(2);
		SELECT string_agg(c, ', ') INTO bad FROM changed() c;
		IF bad <> '' THEN
			RAISE 'in order, batch %: %', i, bad;
		END IF;
	END LOOP;
	FOR i IN 0..100 LOOP
		INSERT INTO s SELECT timestamptz '2026-04-01' + i * interval '17 minutes' - random() * random() * interval '40 minutes' FROM generate_series(1, 1 + i % 3);
		COMMIT;
		CALL refresh_views(2);
		SELECT string_agg(c, ', ') INTO bad FROM changed() c;
		IF bad <> '' THEN
			RAISE 'round %: %', i, bad;
		END IF;
	END LOOP;
END $$;
SELECT setseed(0.25);
CALL rounds();
SELECT name, count(*) > 10 AS many FROM shown GROUP BY name ORDER BY name;
-- none is lost
SELECT sum(n) = (SELECT count(*) FROM s) - (SELECT late_rows FROM streaming.views WHERE view = 'of_time'::regclass) AS all_there FROM of_time;
DROP TABLE s CASCADE;
DROP TABLE levels, shown;
DROP PROCEDURE rounds;
DROP FUNCTION changed;

-- the end of time
CREATE TABLE s (ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 day');
CREATE MATERIALIZED VIEW far WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT b, sum(n) AS n FROM (SELECT tumble(ts, '1 hour') AS a, tumble(ts, '1 hour', '30 minutes') AS b, count(*) AS n FROM s GROUP BY a, b) q GROUP BY b;
CREATE MATERIALIZED VIEW far_keys WITH (streaming.continuous, streaming.trigger = manual, streaming.distinct_within_watermark) AS SELECT DISTINCT ON (ts) ts FROM s;
INSERT INTO s VALUES ('294276-12-31 22:31'), ('294276-12-31 22:31');
CALL refresh_views(2);
CALL refresh_views(2);
INSERT INTO s VALUES ('294276-12-31 22:32');
CALL refresh_views(2);
SELECT * FROM far;
SELECT count(*) FROM far_keys;
SELECT view, state, last_error FROM streaming.views ORDER BY view::text;
DROP TABLE s CASCADE;

-- many levels of many windows: each level is looked at once
CREATE TABLE s (ts timestamptz, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
SELECT 'SELECT tumble(ts, ''1 minute'') AS a, tumble(ts, ''2 minutes'') AS b, tumble(ts, ''3 minutes'') AS c, count(*) AS n FROM s GROUP BY a, b, c' AS query \gset
SELECT string_agg('SELECT a, b, c, sum(n) AS n FROM (', '') || :'query' || string_agg(format(') q%s GROUP BY a, b, c', i), '') AS query
FROM generate_series(1, 9) AS i \gset
SET statement_timeout = '180s';
CREATE MATERIALIZED VIEW deep WITH (streaming.continuous, streaming.trigger = manual) AS :query;
RESET statement_timeout;
INSERT INTO s SELECT timestamptz '2026-01-01' + i * interval '17 s', i FROM generate_series(1, 100) AS i;
CALL refresh_views(2);
SELECT compare('deep', :'query'), sum(n), count(*) > 25 AS many FROM deep;
DROP TABLE s CASCADE;

-- a session that ends a microsecond after the watermark is still open, and so is the
-- group of its last moment
CREATE TABLE s (ts timestamptz, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW ends WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT window_time(visit) AS at, count(*) AS visits
	FROM (SELECT k, session_window(ts, '1 second') AS visit, count(*) AS n FROM s GROUP BY k, visit) q GROUP BY at;
INSERT INTO s VALUES ('2026-01-01 00:00:00.000001', 1), ('2026-01-01 00:00:01', 2);
CALL refresh_views(2);
INSERT INTO s VALUES ('2026-01-01 00:00:00.5', 1);
CALL refresh_views(2);
SELECT * FROM ends ORDER BY at;
DROP TABLE s CASCADE;

-- of two windows below, the other one has ended before groups of it close: not a group
-- above until then
CREATE TABLE s (ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW shifted WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT b, sum(n), array_agg(n ORDER BY n) AS ns FROM (SELECT tumble(ts, '1 hour') AS a, tumble(ts, '1 hour', '30 minutes') AS b, count(*) AS n FROM s GROUP BY a, b) q GROUP BY b;
CREATE MATERIALIZED VIEW shifted_final WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT b, sum(n) FROM (SELECT tumble(ts, '1 hour') AS a, tumble(ts, '1 hour', '30 minutes') AS b, count(*) AS n FROM s GROUP BY a, b) q GROUP BY b;
CREATE MATERIALIZED VIEW day_final WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT d, sum(n) FROM (SELECT tumble(ts, '1 hour') AS a, tumble(ts, '1 day') AS d, count(*) AS n FROM s GROUP BY a, d) q GROUP BY d;
INSERT INTO s VALUES ('2026-01-01 01:10'), ('2026-01-01 00:40');
CALL refresh_views(2);
INSERT INTO s VALUES ('2026-01-01 01:45');
CALL refresh_views(2);
SELECT * FROM shifted_final ORDER BY b;
-- on time: its hour ends at 2:00, though its shifted one has ended at 1:30
INSERT INTO s VALUES ('2026-01-01 01:20');
CALL refresh_views(2);
SELECT * FROM shifted ORDER BY b;
SELECT * FROM shifted_final ORDER BY b;
INSERT INTO s VALUES ('2026-01-01 02:31');
CALL refresh_views(2);
SELECT * FROM shifted ORDER BY b;
SELECT * FROM shifted_final ORDER BY b;
-- hours are parts of a day, which is final when it ends
INSERT INTO s VALUES ('2026-01-02 00:00');
CALL refresh_views(2);
SELECT * FROM day_final;
-- of a join, nobody knows when it is final
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT q.w, count(d.n) FROM (SELECT tumble(ts, '1 hour') AS w, count(*) AS n FROM s GROUP BY w) q
		LEFT JOIN (SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM s GROUP BY d) d ON d @> w GROUP BY q.w;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, count(*) FROM (SELECT q.w FROM (SELECT tumble(ts, '1 hour') AS w, count(*) AS n FROM s GROUP BY w) q,
		(SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM s GROUP BY d) d) x GROUP BY w;
SELECT pg_get_viewdef('shifted_final') ~ '_end_of\(upper\((q\.)?b\)' AS later, pg_get_viewdef('day_final') ~ 'upper\((q\.)?d\) <=' AS at_once;
DROP TABLE s CASCADE;

---- every kind of aggregate, over sessions that merge in any order

CREATE TABLE t (ts timestamptz, k int, v numeric, g text) USING stream;
CREATE MATERIALIZED VIEW visits WITH (streaming.continuous) AS
	SELECT k, session_window(ts, '10 minutes') AS visit, count(*) AS n, sum(v) AS v, max(g) AS g FROM t GROUP BY k, visit;
CREATE TABLE queries (name text, query text);
INSERT INTO queries VALUES
	('a_moved', 'SELECT k, count(*), sum(n), avg(n) FROM %s q GROUP BY k'),
	('a_kept', 'SELECT n, sum(v), max(v), min(lower(visit)), string_agg(g, '','' ORDER BY g), count(DISTINCT g) FROM %s q GROUP BY n'),
	('a_all', 'SELECT count(*), bool_or(v > 100), max(upper(visit) - lower(visit)) FROM %s q WHERE n > 1'),
	('a_having', 'SELECT g, count(*) FROM %s q GROUP BY g HAVING count(*) > 3'),
	('a_deeper', 'SELECT c, count(*) FROM (SELECT n, count(*) AS c FROM %s q GROUP BY n) x GROUP BY c'),
	-- by the session itself, which has been merged
	('a_same', 'SELECT visit, count(*), sum(n) FROM %s q GROUP BY visit');
SELECT format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous) AS ' || query, name,
	'(SELECT k, session_window(ts, ''10 minutes'') AS visit, count(*) AS n, sum(v) AS v, max(g) AS g FROM t GROUP BY k, visit)')
FROM queries ORDER BY name \gexec
-- grouping sets
CREATE MATERIALIZED VIEW g_cube WITH (streaming.continuous) AS
	SELECT level, count(*), sum(n), max(v), bool_and(k IS NULL) AS nokey FROM (SELECT k, g, GROUPING(k, g) AS level, count(*) AS n, sum(v) AS v
		FROM t GROUP BY CUBE (k, g)) q GROUP BY level;
CREATE MATERIALIZED VIEW g_rollup WITH (streaming.continuous) AS
	SELECT n, count(*), array_agg(k ORDER BY k) FROM (SELECT k, g, count(*) AS n FROM t GROUP BY ROLLUP (k, g)
		HAVING GROUPING(g) = 1 OR count(*) > 2) q GROUP BY n;
CREATE MATERIALIZED VIEW g_sets WITH (streaming.continuous) AS
	SELECT coalesce(g, 'none') AS g, avg(n) FROM (SELECT g, count(*) AS n FROM t GROUP BY GROUPING SETS ((g), (g, k), ())) q GROUP BY 1;
SELECT view, count(*) FILTER (WHERE line ~ '^ ?Operator') AS operators, bool_or(line ~ 'over changes') AS over_changes, bool_or(line ~ 'Readers') AS readers
FROM streaming.views, LATERAL streaming.explain(view) AS line GROUP BY view ORDER BY view::text COLLATE "C";
SELECT setseed(0.75);
CREATE PROCEDURE rounds(n int) LANGUAGE plpgsql AS $$
DECLARE bad text;
BEGIN
	FOR i IN 1..n LOOP
		INSERT INTO t SELECT timestamptz '2026-01-01' + random() * interval '20 hours', nullif((random() * 4)::int, 3),
			round((random() * 100)::numeric, (random() * 2)::int), (ARRAY['x', 'y', NULL])[1 + (random() * 2)::int]
		FROM generate_series(1, (random() * 40)::int);
		COMMIT;
		CALL refresh_views(2);
		SELECT string_agg(name, ' ') INTO bad FROM queries WHERE compare(name::regclass, format(query, 'visits')) <> 'ok';
		SELECT concat_ws(' ', bad, string_agg(view::text, ' ')) INTO bad FROM streaming.views WHERE view::text ~ '^g_' AND check_view(view) <> 'ok';
		IF bad <> '' THEN
			RAISE 'round %: %', i, bad;
		END IF;
	END LOOP;
END $$;
CALL rounds(20);
SELECT count(*) > 100 AS many, max(n) > 3 AS long FROM visits;

DROP TABLE t CASCADE;
DROP TABLE queries;
DROP PROCEDURE rounds;
DROP FUNCTION compare;
SELECT * FROM leftovers();
