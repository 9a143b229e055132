-- Event time: output modes (F)
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;


---- F1, F2, F4, F5 by hand: three views of the same

CREATE TABLE s (k text, ts timestamptz, x numeric) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '2 min');
CREATE MATERIALIZED VIEW u WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'update') AS
	SELECT tumble(ts, '5 min') w, k, count(*), sum(x), avg(x) FROM s GROUP BY w, k;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '5 min') w, k, count(*), sum(x), avg(x) FROM s GROUP BY w, k;
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '5 min') w, k, count(*), sum(x), avg(x) FROM s GROUP BY w, k;
CREATE VIEW show AS
	SELECT mode, to_char(lower(w), 'HH24:MI') AS w, k, count, sum, round(avg, 2) AS avg FROM
		(SELECT 1 AS n, 'update' AS mode, * FROM u UNION ALL SELECT 2, 'append', * FROM a UNION ALL SELECT 3, 'complete', * FROM c) x
	ORDER BY n, w, k;
-- W = 12:05: no window has ended before it but 12:00 (equality closes)
INSERT INTO s VALUES ('a', '2024-01-01 12:01', 1), ('b', '2024-01-01 12:04', 2), ('a', '2024-01-01 12:07', 4);
CALL refresh_views();
TABLE show;
-- late for 12:00, which stays as it is, in update mode too (F4: eviction is no delete); 12:05 goes on; W = 12:08
INSERT INTO s VALUES ('a', '2024-01-01 12:02', 8), ('c', '2024-01-01 12:02', 16), ('a', '2024-01-01 12:06', 32), ('b', '2024-01-01 12:10', 64);
CALL refresh_views();
TABLE show;
SELECT view, watermark, groups, late_rows FROM streaming.views ORDER BY view::text;
-- other processes: what has been closed stays, what is open goes on: W = 12:18
SELECT restart_workers();
INSERT INTO s VALUES ('a', '2024-01-01 12:09', 128), ('a', '2024-01-01 12:00', 256), ('b', '2024-01-01 12:20', 512);
CALL refresh_views();
TABLE show;
SELECT view, watermark, groups, late_rows FROM streaming.views ORDER BY view::text;
SELECT restart_workers();
-- F2: no batch shows it a second time
CALL refresh_views();
INSERT INTO s VALUES ('a', '2024-01-01 12:09', 1024), ('c', '2024-01-01 12:14', 2048);
CALL refresh_views();
TABLE show;
SELECT check_view('c');
DROP TABLE s CASCADE;

---- the same at random, against what the rules say of the recorded batches

-- Of each batch, which begins after the one before has done its work (C2): L is the
-- watermark that the rows before give (B1, B2, B4); what is not late (D1) is taken.
CREATE TABLE s (id int, k int, ts timestamptz, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '3 min');
CREATE TABLE copy_of_s (batch int, id int, k int, ts timestamptz, x int);
CREATE TABLE kinds (kind text, of_row text, key_end text);
INSERT INTO kinds VALUES
	('tumble', 'tumble(ts, ''5 min'')', 'upper(w)'),
	('zone', 'tumble(ts, ''1 day'', timezone => ''Asia/Kathmandu'')', 'upper(w)'),
	('hop', 'hop(ts, ''10 min'', ''4 min'')', 'upper(w)'),
	('time', 'ts', 'w'),
	('bin', 'date_bin(''7 min'', ts, ''2020-01-01'')', 'w + interval ''7 min'''),
	('trunc', 'date_trunc(''minute'', ts)', 'w + interval ''1 min''');
DO $$
DECLARE
	d record;
	mode text;
BEGIN
	FOR d IN TABLE kinds LOOP
		FOREACH mode IN ARRAY '{update,append,complete}'::text[] LOOP
			EXECUTE format('CREATE MATERIALIZED VIEW %s_%s WITH (streaming.continuous, streaming.trigger = ''manual'', streaming.output_mode = %2$L)
				AS SELECT %s AS w, k, count(*), sum(x), avg(x), min(id), max(x) - min(x) AS spread FROM s GROUP BY 1, 2', d.kind, mode, d.of_row);
			EXECUTE format('CREATE TABLE seen_%s_%s AS SELECT * FROM %1$s_%2$s', d.kind, mode);
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION mark_before(batch int) RETURNS timestamptz LANGUAGE sql AS $$
	SELECT CASE WHEN w > '1970-01-01' THEN w END FROM
		(SELECT date_trunc('milliseconds', max(ts)) - interval '3 min' AS w FROM copy_of_s s WHERE s.batch < mark_before.batch) x
$$;
CREATE FUNCTION differences(kind text, mode text, upto int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d kinds;
	q text;
	missing int8;
	wrong int8;
	gone int8;
	twice int8;
BEGIN
	SELECT * INTO d FROM kinds WHERE kinds.kind = differences.kind;
	q := format('SELECT w, k, count(*), sum(x), avg(x), min(id), max(x) - min(x) AS spread FROM
			(SELECT %s AS w, k, x, id, batch FROM copy_of_s WHERE batch <= %s AND ts IS NOT NULL) r
		WHERE %L = ''complete'' OR %s > COALESCE(mark_before(batch), ''-infinity'') GROUP BY 1, 2', d.of_row, upto, mode, d.key_end);
	IF mode = 'append' THEN
		q := format('SELECT * FROM (%s) a WHERE %s <= mark_before(%s)', q, d.key_end, upto + 1);
	END IF;
	EXECUTE format('SELECT count(*) FROM (%s EXCEPT ALL SELECT * FROM %I) x', q, kind || '_' || mode) INTO missing;
	EXECUTE format('SELECT count(*) FROM (SELECT * FROM %2$I EXCEPT ALL %1$s) x', q, kind || '_' || mode) INTO wrong;
	gone := 0;
	IF mode = 'append' THEN
		-- once there, a row stays as it is
		EXECUTE format('SELECT count(*) FROM (TABLE seen_%1$s_%2$s EXCEPT ALL TABLE %1$s_%2$s) x', kind, mode) INTO gone;
		EXECUTE format('INSERT INTO seen_%1$s_%2$s (TABLE %1$s_%2$s EXCEPT ALL TABLE seen_%1$s_%2$s)', kind, mode);
	END IF;
	EXECUTE format('SELECT count(*) - count(DISTINCT (w, k)) FROM %I', kind || '_' || mode) INTO twice;
	IF missing = 0 AND wrong = 0 AND gone = 0 AND twice = 0 THEN
		RETURN 'ok';
	END IF;
	RETURN format('%s_%s after batch %s: %s missing, %s wrong, %s gone, %s twice', kind, mode, upto, missing, wrong, gone, twice);
END $$;
CREATE TABLE results (batch int, result text);
SELECT setseed(0.5);
DO $$
DECLARE
	at timestamptz := '2024-03-10 12:00';
BEGIN
	FOR b IN 1 .. 12 LOOP
		INSERT INTO copy_of_s SELECT b, b * 1000 + i, random() * 3, CASE WHEN random() < 0.97 THEN
				date_trunc('second', at - random() * interval '8 min' + random() * random() * interval '9 min') + interval '0.0005 s' * (i % 4) END,
			random() * 100 FROM generate_series(1, 40) i;
		INSERT INTO s SELECT id, k, ts, x FROM copy_of_s WHERE batch = b;
		COMMIT;
		IF b % 4 = 0 THEN
			PERFORM restart_workers();
		END IF;
		CALL refresh_views();
		INSERT INTO results SELECT b, differences(kind, mode, b) FROM kinds, unnest('{update,append,complete}'::text[]) AS mode;
		at := at + interval '4 min';
	END LOOP;
END $$;
SELECT result, count(*) FROM results GROUP BY result;
-- it was no empty exercise
SELECT count(*) > 20 AS appended, (SELECT late_rows > 20 FROM streaming.views WHERE view = 'tumble_append'::regclass) AS late,
	(SELECT count(*) > (SELECT count(*) FROM tumble_append) FROM tumble_update) AS waiting FROM tumble_append;
SELECT DISTINCT watermark = mark_before(13) AS watermark, null_rows = (SELECT count(*) FROM copy_of_s WHERE ts IS NULL) AS null_rows FROM streaming.views;
SELECT DISTINCT late_rows FROM streaming.views WHERE view::text LIKE '%complete';
SELECT view FROM streaming.views JOIN kinds ON view::text IN (kind || '_update', kind || '_append')
WHERE kind <> 'hop' AND late_rows <> (SELECT count(*) FROM copy_of_s WHERE mark_before(batch) >= CASE kind
	WHEN 'tumble' THEN upper(tumble(ts, '5 min')) WHEN 'zone' THEN upper(tumble(ts, '1 day', timezone => 'Asia/Kathmandu')) WHEN 'time' THEN ts
	WHEN 'bin' THEN date_bin('7 min', ts, '2020-01-01') + interval '7 min' ELSE date_trunc('minute', ts) + interval '1 min' END);
DO $$
DECLARE d record;
BEGIN
	FOR d IN SELECT 'seen_' || view AS t FROM streaming.views LOOP
		EXECUTE format('DROP TABLE %s', d.t);
	END LOOP;
END $$;
DROP FUNCTION differences, mark_before;
DROP TABLE s, copy_of_s, kinds, results CASCADE;

---- what is above the groups is computed from those that are shown

CREATE TABLE s (k int, ts timestamptz, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT to_char(upper(tumble(ts, '1 min')), 'HH24:MI') AS closed, k, sum(x) AS total, sum(sum(x)) OVER (ORDER BY tumble(ts, '1 min'), k) AS running, count(*) OVER () AS n
	FROM s GROUP BY tumble(ts, '1 min'), k HAVING count(*) > 1 ORDER BY tumble(ts, '1 min') DESC, k LIMIT 3;
CREATE VIEW above AS SELECT closed, sum(total) FROM v GROUP BY closed;
INSERT INTO s VALUES (1, '2024-01-01 10:00', 1), (1, '2024-01-01 10:00', 2), (2, '2024-01-01 10:00:30', 4), (3, '2024-01-01 10:00:30', 8), (3, '2024-01-01 10:00:59.999999', 16),
	(1, '2024-01-01 10:01', 32), (1, '2024-01-01 10:01', 64);
CALL refresh_views();
-- only the minute from 10:00 has ended; key 2 has but one row
SELECT * FROM v;
INSERT INTO s VALUES (1, '2024-01-01 10:02', 128), (1, '2024-01-01 10:02', 256);
CALL refresh_views();
SELECT * FROM v;
SELECT * FROM above ORDER BY closed;
INSERT INTO s VALUES (1, '2024-01-01 10:05', 512);
CALL refresh_views();
-- the last three by time, of four
SELECT * FROM v;
-- whoever may read the view sees the same
CREATE ROLE et_reader;
GRANT SELECT ON v TO et_reader;
SET ROLE et_reader;
SELECT count(*) FROM v;
RESET ROLE;
REVOKE ALL ON v FROM et_reader;
DROP ROLE et_reader;
ALTER MATERIALIZED VIEW v RENAME TO renamed;
SELECT closed, total FROM renamed;
DROP TABLE s CASCADE;

-- unlogged, without time zone
CREATE UNLOGGED TABLE s (ts timestamp) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES ('2024-01-01 10:00'), ('2024-01-01 10:01');
CALL refresh_views();
SELECT * FROM v;
SELECT restart_workers();
INSERT INTO s VALUES ('2024-01-01 10:00'), ('2024-01-01 10:02');
CALL refresh_views();
SELECT * FROM v ORDER BY w;
DROP TABLE s CASCADE;

-- a key that is not in the output; the event time not the first of the keys
CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append') AS
	SELECT k, count(*) FROM s GROUP BY k, k + 1, ts;
INSERT INTO s VALUES (1, '2024-01-01 10:00'), (1, '2024-01-01 10:00'), (2, '2024-01-01 10:00'), (1, '2024-01-01 10:00:00.0001');
CALL refresh_views();
-- W = 10:00:00.000: the last one is not yet over
SELECT * FROM v ORDER BY k;
DROP TABLE s CASCADE;

-- rows that were there before the view, in many batches
CREATE TABLE s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
INSERT INTO s SELECT '2024-01-01'::timestamptz + i * interval '1 s' FROM generate_series(0, 9999) i;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'append', streaming.max_batch_rows = 500) AS
	SELECT tumble(ts, '1 min') w, count(*), avg(extract(epoch FROM ts)) FROM s GROUP BY w;
CALL refresh_views();
-- W = 02:45:39: of 167 windows that up to 02:45 has ended, 165, each with 60 rows
SELECT watermark, late_rows, batches > 5 AS many_batches FROM streaming.views;
SELECT count(*), min(lower(w)), max(upper(w)), min(count), max(count) FROM v;
SELECT * FROM v EXCEPT ALL SELECT tumble(ts, '1 min'), count(*), avg(extract(epoch FROM ts)) FROM s GROUP BY 1;
DROP TABLE s CASCADE;

---- F6: without keys

CREATE TABLE s (ts timestamptz, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT count(*), sum(x), max(ts) FROM s;
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS SELECT count(*), sum(x), max(ts) FROM s;
SELECT * FROM v UNION ALL SELECT * FROM c;
INSERT INTO s VALUES ('2024-01-01 10:00', 1), ('2024-01-01 09:00', 2), (NULL, 4);
CALL refresh_views();
SELECT * FROM v UNION ALL SELECT * FROM c;
CALL refresh_views();
-- a batch whose rows WHERE takes away is an empty one, too
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT count(*), sum(x) FROM s WHERE x < 8;
INSERT INTO s VALUES ('2024-01-01 08:00', 8);
CALL refresh_views();
SELECT * FROM v UNION ALL SELECT * FROM c;
INSERT INTO s VALUES ('2024-01-01 08:00', 16);
CALL refresh_views();
SELECT * FROM f;
DROP TABLE s CASCADE;

---- F7, F8: order and limit in complete mode; a plain table is read anew by each batch

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE t (k int, v int);
INSERT INTO t VALUES (1, 10), (1, 20), (2, 5);
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = 'complete') AS
	SELECT tumble(ts, '1 min') w, sum(best) FROM s JOIN (SELECT k, max(v) AS best FROM t GROUP BY k) q USING (k) GROUP BY w ORDER BY sum DESC, w LIMIT 2;
INSERT INTO s VALUES (1, '2024-01-01 10:00'), (2, '2024-01-01 10:00'), (2, '2024-01-01 10:01');
CALL refresh_views();
-- 20 + 5; 5
SELECT lower(w), sum FROM c;
UPDATE t SET v = 100 WHERE k = 2;
INSERT INTO s VALUES (2, '2024-01-01 09:00'), (2, '2024-01-01 10:01');
CALL refresh_views();
-- what was 5 stays 5: 10:01 has 5 + 100, 09:00 has 100
SELECT lower(w), sum FROM c;
DROP TABLE s CASCADE;
DROP TABLE t;

---- F3: what append mode refuses

CREATE TABLE s (k int, ts timestamptz) USING stream WITH (streaming.event_time = 'ts');
CREATE TABLE none (k int, ts timestamptz) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT tumble(ts, '1 min') w, count(*) FROM s GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT tumble(ts, '1 min') w, count(*) FROM none GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append', streaming.watermark = '1 min') AS SELECT tumble(ts, '1 min') w, count(*) FROM none GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET (streaming.watermark = '1 min');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT k, count(*), max(ts) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT count(*) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT extract(hour FROM ts) h, count(*) FROM s GROUP BY h;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s, none CASCADE;

SELECT * FROM leftovers();
