-- Event time through views above views: groups that a view in append mode closes are handed
-- on once (rules F2, K1), and results that are only added to have an event time
\set SHOW_CONTEXT never
CREATE SCHEMA carried;
SET search_path = carried, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
-- how many rows two relations differ by
CREATE FUNCTION differ(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE format('WITH a AS (%s), b AS (%s) SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d', a, b) INTO n;
	RETURN n;
END $$;

---- each closed group once, in the batch that closes it

CREATE TABLE s (ts timestamp, k int, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '5 seconds');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT window_time(tumble(ts, '10 seconds')) AS t, k, count(*) AS n, sum(x) AS x FROM s GROUP BY tumble(ts, '10 seconds'), k HAVING sum(x) <> 7;
CREATE TABLE log (what text);
CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO carried.log VALUES (format('%s %s', lower(tg_op), to_jsonb(coalesce(new, old)) - '{batch,op}'::text[]));
	RETURN NULL;
END $$;
CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO carried.log SELECT format('%s rows', count(*)) FROM added;
	RETURN NULL;
END $$;
CREATE TRIGGER each_row AFTER INSERT OR UPDATE OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION logs();
CREATE TRIGGER each_batch AFTER INSERT ON v REFERENCING NEW TABLE AS added EXECUTE FUNCTION counts();
INSERT INTO s VALUES ('2024-01-01 00:00:01', 1, 1), ('2024-01-01 00:00:02', 1, 2), ('2024-01-01 00:00:11', 1, 7);
REFRESH MATERIALIZED VIEW v;
TABLE v_changes;
-- the watermark is 00:00:09.999: a millisecond short
INSERT INTO s VALUES ('2024-01-01 00:00:14.999', 1, 0), ('2024-01-01 00:00:03', 2, 3);
REFRESH MATERIALIZED VIEW v;
TABLE v_changes; TABLE log;
-- at 00:00:10 the first window closes, in the batch without rows that follows
INSERT INTO s VALUES ('2024-01-01 00:00:15', 2, 1);
REFRESH MATERIALIZED VIEW v;
TABLE v_changes ORDER BY batch, k; TABLE log ORDER BY 1;
DELETE FROM log;
-- a row that was on time when it came is in; one that comes after that is late; the group
-- of k = 1 in the second window is never shown
INSERT INTO s VALUES ('2024-01-01 00:00:25', 2, 2), ('2024-01-01 00:00:10', 2, 4);
REFRESH MATERIALIZED VIEW v;
INSERT INTO s VALUES ('2024-01-01 00:00:05', 2, 100), ('2024-01-01 00:00:19', 1, 100);
REFRESH MATERIALIZED VIEW v;
TABLE v_changes ORDER BY batch, k; TABLE log ORDER BY 1;
DELETE FROM log;
-- a shorter delay (its batch has a row), a worker that starts anew, many windows at once
ALTER TABLE s SET (streaming.watermark = '0');
SELECT restart_workers();
INSERT INTO s VALUES ('2024-01-01 00:00:30', 3, 3);
REFRESH MATERIALIZED VIEW v;
SELECT restart_workers();
INSERT INTO s SELECT timestamp '2024-01-01 00:00:30' + n * interval '1 second', 3, 1 FROM generate_series(1, 30) n;
REFRESH MATERIALIZED VIEW v;
TABLE v_changes ORDER BY batch, t, k; TABLE log ORDER BY 1;
SELECT differ('TABLE v', 'SELECT t, k, n, x FROM v_changes');
SELECT late_rows FROM streaming.views WHERE view = 'v'::regclass;
-- a batch that fails hands nothing on; the next one does it
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fails'; END $$;
CREATE TRIGGER failing AFTER INSERT ON v EXECUTE FUNCTION fails();
INSERT INTO s VALUES ('2024-01-01 00:01:10', 4, 4);
REFRESH MATERIALIZED VIEW v;
SELECT differ('TABLE v', 'SELECT t, k, n, x FROM v_changes'), count(*) FROM v;
DROP TRIGGER failing ON v;
REFRESH MATERIALIZED VIEW v;
SELECT differ('TABLE v', 'SELECT t, k, n, x FROM v_changes'), count(*) FROM v;
DROP TABLE s CASCADE;

---- all that has groups, in batches of any size, in any order

CREATE TABLE s (id int, ts timestamptz, k int, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE TABLE shapes (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO shapes (query) VALUES
('SELECT tumble(ts, ''10 seconds'') AS w, k, count(*), max(x), avg(x) FROM s GROUP BY 1, 2'),
('SELECT upper(w), count(*) FROM s, hop(ts, ''30 seconds'', ''10 seconds'') AS w GROUP BY w'),
('SELECT k, session_window(ts, ''7 seconds'') AS w, count(*), array_agg(x ORDER BY id) FROM s GROUP BY k, session_window(ts, ''7 seconds'')'),
('SELECT ts, count(*) FROM s GROUP BY ts'),
('SELECT date_bin(''10 seconds'', ts, ''2000-01-01'') AS start, count(DISTINCT x) FROM s GROUP BY 1 HAVING count(*) > 1'),
('SELECT DISTINCT ON (tumble(ts, ''10 seconds''), k) tumble(ts, ''10 seconds'') AS w, k, x, id FROM s ORDER BY tumble(ts, ''10 seconds''), k, x, id'),
('SELECT tumble(ts, ''10 seconds'') AS w, k, x, count(*) FROM s GROUP BY tumble(ts, ''10 seconds''), GROUPING SETS ((k), (x), ())'),
('SELECT DISTINCT tumble(ts, ''10 seconds'') AS w, k FROM s'),
('SELECT tumble(ts, ''10 seconds'') AS w, count(*) FROM (SELECT DISTINCT ts, k FROM s) q GROUP BY 1'),
('SELECT count(*) FROM s GROUP BY tumble(ts, ''10 seconds'')'),
('SELECT w, k, x FROM (SELECT tumble(ts, ''10 seconds'') AS w, k, x, row_number() OVER (PARTITION BY tumble(ts, ''10 seconds'') ORDER BY x, k) AS r FROM s) q WHERE r <= 2');
DO $$
DECLARE q record;
BEGIN
	FOR q IN TABLE shapes LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW all_%s WITH (streaming.continuous, streaming.changes, streaming.output_mode = append, streaming.trigger = manual) AS %s', q.n, q.query);
		EXECUTE format('CREATE MATERIALIZED VIEW one_%s WITH (streaming.continuous, streaming.changes, streaming.output_mode = append, streaming.trigger = manual, streaming.max_batch_rows = 1) AS %s', q.n, q.query);
		-- what is above reads all that, as rows
		EXECUTE format('CREATE MATERIALIZED VIEW above_%s WITH (streaming.continuous, streaming.trigger = manual) AS SELECT *, 1 AS above FROM one_%s', q.n, q.n);
	END LOOP;
END $$;
SELECT setseed(0.25);
CREATE PROCEDURE run(start timestamptz, rounds int) LANGUAGE plpgsql AS $$
DECLARE
	v regclass;
	columns text;
	wrong bigint;
BEGIN
	FOR i IN 1..rounds LOOP
		INSERT INTO s SELECT i * 100 + n, start + i * interval '9 seconds' - floor(random() * 40) * interval '1 second', random() * 3, random() * 5
		FROM generate_series(1, 12) n;
		COMMIT;
		FOR v IN SELECT view FROM streaming.views WHERE 's'::regclass = ANY (streams) LOOP
			EXECUTE format('REFRESH MATERIALIZED VIEW %s', v);
			SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute WHERE attrelid = v AND attnum > 0;
			wrong := differ('TABLE ' || v, format('SELECT %s FROM %s_changes WHERE op = %L', columns, v, 'insert'));
			IF wrong > 0 OR (SELECT state FROM streaming.views WHERE view = v) = 'failed' THEN
				RAISE 'change stream of % is wrong in round %: %', v, i, wrong;
			END IF;
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION check_above() RETURNS TABLE (wrong int) LANGUAGE sql AS $$
	SELECT streaming.wait(format('above_%s', n)::regclass) FROM shapes;
	SELECT n FROM shapes
	WHERE differ(format('SELECT * FROM above_%s', n), format('SELECT *, 1 AS above FROM one_%s', n)) > 0
$$;
-- nothing is late here: in the end all is as the query says (which knows of no sessions, and
-- rows that differ are shown at once)
CALL run('2024-01-01', 12);
CALL run('2024-01-01 00:02:00', 1);
INSERT INTO s VALUES (0, '2024-01-01 00:10:00', 0, 0);
SELECT count(streaming.wait(view)) FROM streaming.views WHERE 's'::regclass = ANY (streams);
SELECT max(late_rows) FROM streaming.views WHERE 's'::regclass = ANY (streams);
SELECT n, differ(format('TABLE all_%s', n), format('TABLE one_%s', n)) AS sizes,
	differ(format('TABLE all_%s', n), replace(query, 'FROM s', 'FROM (SELECT * FROM s WHERE id > 0) s')) AS plain
FROM shapes ORDER BY n;
SELECT * FROM check_above();
-- many rows are late here
ALTER TABLE s SET (streaming.watermark = '10 seconds');
SELECT restart_workers();
CALL run('2024-01-01 00:10:00', 8);
SELECT count(*) FILTER (WHERE late_rows > 0) > 15 AS most FROM streaming.views WHERE 's'::regclass = ANY (streams);
SELECT * FROM check_above();
DROP TABLE s CASCADE;

---- windows of windows

CREATE TABLE s (ts timestamp, k int, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '5 seconds');
CREATE MATERIALIZED VIEW ten WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 seconds') AS w, k, count(*) AS n, sum(x) AS x FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW minute WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(window_time(w), '1 minute') AS w, count(*) AS windows, sum(n) AS n, max(x) AS most FROM ten GROUP BY 1;
CREATE MATERIALIZED VIEW nested WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(window_time(w), '1 minute') AS w, count(*) AS windows, sum(n) AS n, max(x) AS most
	FROM (SELECT tumble(ts, '10 seconds') AS w, k, count(*) AS n, sum(x) AS x FROM s GROUP BY 1, 2) q GROUP BY 1;
-- a third level, by the window as it is, and all of it in batches of one row
CREATE MATERIALIZED VIEW single WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual, streaming.max_batch_rows = 1) AS
	SELECT tumble(window_time(w), '1 minute') AS w, count(*) AS windows, sum(n) AS n, max(x) AS most FROM ten GROUP BY 1;
CREATE MATERIALIZED VIEW pairs WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(window_time(w), '2 minutes') AS w, count(*) AS minutes, sum(n) AS n FROM single GROUP BY 1;
CREATE MATERIALIZED VIEW same WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT w, sum(n) AS n FROM ten GROUP BY w;
INSERT INTO s SELECT timestamp '2024-01-01' + n * interval '1 second', n % 2, n FROM generate_series(0, 63) n;
CALL refresh_views();
-- the watermark is 00:00:58: five windows of ten seconds, of two keys
SELECT count(*), sum(n), max(upper(w)) FROM ten;
TABLE minute;
SELECT view, watermark, late_rows FROM streaming.views ORDER BY view::text;
-- 00:01:00: the sixth closes, and the minute with it
INSERT INTO s VALUES ('2024-01-01 00:01:05', 0, 0);
CALL refresh_views(2);
TABLE minute;
-- late where it is read; nothing else is
INSERT INTO s VALUES ('2024-01-01 00:00:59', 0, 1000), ('2024-01-01 00:00:00', 5, 1000);
CALL refresh_views();
TABLE minute;
SELECT view, watermark, late_rows FROM streaming.views WHERE view IN ('ten'::regclass, 'minute'::regclass) ORDER BY view::text;
-- the other order of arrival: the newest first, as far as the watermark lets it
SELECT restart_workers();
INSERT INTO s SELECT timestamp '2024-01-01 00:01:04' + n * interval '1 second', n % 3, n FROM generate_series(1, 4) n ORDER BY n DESC;
CALL refresh_views();
INSERT INTO s SELECT timestamp '2024-01-01 00:01:08' + n * interval '4 seconds' - d * interval '1 second', n % 3, n
FROM generate_series(1, 80) n, generate_series(0, 3) d ORDER BY n, d;
REFRESH MATERIALIZED VIEW ten;
REFRESH MATERIALIZED VIEW minute;
SELECT restart_workers();
INSERT INTO s VALUES ('2024-01-01 00:10:05', 0, 0);
CALL refresh_views();
CALL refresh_views();
SELECT * FROM minute ORDER BY w;
SELECT * FROM pairs ORDER BY w;
SELECT differ('TABLE minute', 'TABLE nested') AS nested, differ('TABLE minute', 'TABLE single') AS single,
	differ('TABLE same', 'SELECT w, sum(n) FROM ten GROUP BY w') AS same,
	-- (but for the two late rows)
	differ('TABLE minute', $$SELECT tumble(window_time(w), '1 minute') AS w, count(*) AS windows, sum(n) AS n, max(x) AS most
		FROM (SELECT tumble(ts, '10 seconds') AS w, k, count(*) AS n, sum(x) AS x FROM s WHERE x < 1000 GROUP BY 1, 2) q
		GROUP BY 1 HAVING upper(tumble(window_time(w), '1 minute')) <= '2024-01-01 00:10:00'$$) AS plain;
SELECT view, watermark, input_times, groups, late_rows FROM streaming.views ORDER BY view::text;
-- rows of the change stream are read, whoever has them: a view that is made later, of a
-- role that may read the view only
CREATE ROLE carried_reader;
GRANT USAGE, CREATE ON SCHEMA carried TO carried_reader;
GRANT SELECT ON ten, minute TO carried_reader;
SET ROLE carried_reader;
CREATE MATERIALIZED VIEW later WITH (streaming.continuous, streaming.output_mode = append, streaming.late_rows = keep) AS
	SELECT tumble(window_time(w), '1 minute') AS w, count(*) AS windows, sum(n) AS n, max(x) AS most FROM ten GROUP BY 1;
SELECT streaming.wait('later');
SELECT differ('TABLE minute', 'TABLE later');
CREATE MATERIALIZED VIEW without WITH (streaming.continuous) AS SELECT sum(n) FROM minute;
RESET ROLE;
DROP MATERIALIZED VIEW later;
DROP TABLE s CASCADE;

---- results of views without aggregation

CREATE TABLE s (ts timestamptz, k int, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 seconds');
CREATE TABLE dim (k int, name text);
INSERT INTO dim VALUES (0, 'a'), (1, 'b');
CREATE MATERIALIZED VIEW clean WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT name, s.ts AS at, tumble(s.ts, '10 seconds') AS w, x FROM s LEFT JOIN dim USING (k) WHERE s.ts < '2024-06-01';
CREATE MATERIALIZED VIEW windows WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append, streaming.late_rows = keep) AS
	SELECT w, name, count(*) AS n FROM clean GROUP BY w, name;
CREATE MATERIALIZED VIEW patient WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append, streaming.watermark = '1 minute') AS
	SELECT tumble(at, '10 seconds') AS w, count(*) AS n FROM clean GROUP BY 1;
CREATE MATERIALIZED VIEW again WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT at + interval '0' AS shifted, at, x FROM clean WHERE x >= 0;
CREATE MATERIALIZED VIEW third WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(at, '10 seconds') AS w, sum(x) FROM again GROUP BY 1;
CREATE MATERIALIZED VIEW firsts WITH (streaming.continuous, streaming.trigger = manual, streaming.distinct_within_watermark) AS
	SELECT DISTINCT name FROM clean;
INSERT INTO s VALUES ('2024-01-01 00:00:01', 0, 1), ('2024-01-01 00:00:09', 1, 2), ('2024-01-01 00:00:19', 0, 3);
CALL refresh_views(2);
TABLE windows ORDER BY w, name; TABLE firsts ORDER BY name;
-- 00:00:10: the first window is closed
INSERT INTO s VALUES ('2024-01-01 00:00:20', 0, 4);
CALL refresh_views(2);
TABLE windows ORDER BY w, name;
SELECT view, watermark FROM streaming.views ORDER BY view::text;
-- late above, where all comes out below; one that only the patient takes
INSERT INTO s VALUES ('2024-01-01 00:00:02', 1, 5);
CALL refresh_views(2);
SELECT count(*) FROM clean; TABLE windows ORDER BY w, name; SELECT * FROM third ORDER BY w;
SELECT view, stream, reason, event_time, stream_row FROM streaming.errors ORDER BY view::text;
-- the newest row is left out below by its time, and counts for the watermark
INSERT INTO s VALUES ('2024-07-01', 0, 6);
CALL refresh_views(2);
TABLE windows ORDER BY w, name; TABLE patient ORDER BY w; SELECT * FROM third ORDER BY w;
SELECT view, watermark, late_rows, groups FROM streaming.views ORDER BY view::text;
SELECT differ('TABLE windows', $$SELECT tumble(ts, '10 seconds') AS w, name, count(*) FROM s LEFT JOIN dim USING (k) WHERE ts < '2024-06-01' AND x <> 5 GROUP BY 1, 2$$),
	differ('TABLE patient', $$SELECT tumble(ts, '10 seconds') AS w, count(*) FROM s WHERE ts < '2024-06-01' GROUP BY 1$$);
DROP TABLE s CASCADE;
-- sliding windows of what a join puts together, in one view and in two: a window waits for
-- what may come
CREATE TABLE s (ts timestamp, k int, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW pairs WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT a.ts, b.x FROM s a JOIN s b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '20 seconds' AND b.x > a.x;
CREATE MATERIALIZED VIEW slides WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT h, count(*), sum(x) FROM pairs, hop(ts, '1 minute', '20 seconds') AS h GROUP BY h;
CREATE MATERIALIZED VIEW slides_kept WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT h, array_agg(x) FROM pairs, hop(ts, '1 minute', '20 seconds') AS h GROUP BY h;
CREATE MATERIALIZED VIEW at_once WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT h, count(*), sum(x) FROM (SELECT a.ts, b.x FROM s a JOIN s b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '20 seconds' AND b.x > a.x) q,
		hop(ts, '1 minute', '20 seconds') AS h GROUP BY h;
INSERT INTO s VALUES ('2024-01-01 00:00:15', 1, 1);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 00:00:30', 9, 1);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 00:00:32', 1, 2);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 00:03:00', 1, 2);
CALL refresh_views(2);
TABLE slides ORDER BY h; TABLE slides_kept ORDER BY h; TABLE at_once ORDER BY h;
DROP TABLE s CASCADE;
-- a stream that falls idle closes windows two views above
CREATE TABLE s (ts timestamptz, x int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.idle_timeout = '1 second');
CREATE MATERIALIZED VIEW rows WITH (streaming.continuous) AS SELECT ts, x FROM s;
CREATE MATERIALIZED VIEW rows2 WITH (streaming.continuous) AS SELECT ts AS t, x FROM rows;
CREATE MATERIALIZED VIEW sums WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(t, '10 seconds') AS w, sum(x) AS x FROM rows2 GROUP BY 1;
CREATE MATERIALIZED VIEW sums_of_sums WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(window_time(w), '1 minute') AS w, sum(x) AS x FROM sums GROUP BY 1;
INSERT INTO s VALUES ('2024-01-01 00:00:01', 1), ('2024-01-01 00:00:21', 2), ('2024-01-01 00:00:31', 3);
DO $$
BEGIN
	FOR i IN 1..3000 LOOP
		EXIT WHEN EXISTS (SELECT FROM carried.sums_of_sums);
		PERFORM pg_sleep(0.1);
		COMMIT;
	END LOOP;
END $$;
TABLE sums ORDER BY w; TABLE sums_of_sums;
DROP TABLE s CASCADE;

---- what is there when it begins

CREATE TABLE s (ts timestamp, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 seconds') AS w, count(*) AS n FROM s GROUP BY 1;
INSERT INTO s SELECT timestamp '2024-01-01' + n * interval '1 second', n FROM generate_series(0, 40) n;
REFRESH MATERIALIZED VIEW v;
SELECT count(*) FROM v;
DELETE FROM log;
-- a trigger is for what comes, a view above for all
CREATE TRIGGER each_row AFTER INSERT OR UPDATE OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION logs();
CREATE MATERIALIZED VIEW total WITH (streaming.continuous, streaming.trigger = manual) AS SELECT count(*), sum(n) FROM v;
REFRESH MATERIALIZED VIEW total;
TABLE total; TABLE log;
INSERT INTO s VALUES ('2024-01-01 00:00:50', 0);
REFRESH MATERIALIZED VIEW total;
TABLE total; TABLE log;
SELECT batch > 0 AS later, op, w, n FROM v_changes ORDER BY w;
-- views yet to come read it, too
TRUNCATE v_changes;
-- a join of results, by their windows
CREATE MATERIALIZED VIEW other WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 seconds') AS w, max(k) AS most FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT v.w, n, most FROM v JOIN other ON v.w = other.w;
CREATE MATERIALIZED VIEW tops WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT * FROM (SELECT w, n, row_number() OVER (ORDER BY n DESC, w) AS r FROM v) q WHERE r <= 2;
INSERT INTO s VALUES ('2024-01-01 00:01:00', 5);
CALL refresh_views(2);
SELECT * FROM joined ORDER BY w; SELECT * FROM tops ORDER BY r;
SELECT view, groups FROM streaming.views ORDER BY view::text;

---- refused

-- sessions are merged where they are made
CREATE MATERIALIZED VIEW sessions WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT k, session_window(ts, '5 seconds') AS w, count(*) FROM s GROUP BY k, session_window(ts, '5 seconds');
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, count(*) FROM sessions GROUP BY w;
-- but when they end is carried over
CREATE MATERIALIZED VIEW ended WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT k % 3 AS k, window_time(session_window(ts, '5 seconds')) AS t, count(*) AS n FROM s GROUP BY k % 3, session_window(ts, '5 seconds');
CREATE MATERIALIZED VIEW ended_by WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(t, '20 seconds') AS w, count(*) AS sessions, sum(n) AS n FROM ended GROUP BY 1;
REFRESH MATERIALIZED VIEW ended_by;
INSERT INTO s VALUES ('2024-01-01 00:02:00', 1);
REFRESH MATERIALIZED VIEW ended_by;
SELECT * FROM ended_by ORDER BY w;
SELECT view, watermark, late_rows FROM streaming.views WHERE view IN ('ended'::regclass, 'ended_by'::regclass) ORDER BY view::text;
-- groups that change
CREATE MATERIALIZED VIEW updated WITH (streaming.continuous) AS SELECT tumble(ts, '5 seconds') AS w, count(*) AS n FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, sum(n) FROM updated GROUP BY w;
-- a view that is read before its change stream is filled waits for that
CREATE MATERIALIZED VIEW full_ WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 seconds') AS w, count(*) AS n FROM s GROUP BY 1;
REFRESH MATERIALIZED VIEW full_;
ALTER MATERIALIZED VIEW full_ SET (streaming.changes);
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT w, sum(n) AS n FROM full_ GROUP BY w;
DO $$
BEGIN
	FOR i IN 1..3000 LOOP
		EXIT WHEN (SELECT batches > 0 FROM streaming.views WHERE view = 'carried.above'::regclass);
		PERFORM pg_sleep(0.05);
		COMMIT;
	END LOOP;
END $$;
TABLE above;
REFRESH MATERIALIZED VIEW above;
SELECT count(*), sum(n) FROM above;
-- no watermark below
CREATE TABLE dry (ts timestamp, k int) USING stream WITH (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW rows WITH (streaming.continuous) AS SELECT ts, k FROM dry;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.output_mode = append, streaming.watermark = '1 minute') AS
	SELECT tumble(ts, '5 seconds') AS w, count(*) FROM rows GROUP BY 1;
-- the change stream of a view part of whose query is left to readers
CREATE MATERIALIZED VIEW nested WITH (streaming.continuous, streaming.changes, streaming.output_mode = append) AS
	SELECT tumble(window_time(w), '1 minute') AS w, count(*) FROM (SELECT tumble(ts, '10 seconds') AS w, k FROM s GROUP BY 1, 2) q GROUP BY 1;
DROP TABLE s, dry CASCADE;
RESET client_min_messages;
DROP SCHEMA carried CASCADE;
DROP ROLE carried_reader;
SELECT * FROM leftovers();
