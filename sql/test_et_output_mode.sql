-- Event time: the output mode of a view is changed
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA output_mode;
SET search_path = output_mode, public;
CREATE TABLE s (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
-- what can change, and what it is a window of
CREATE TABLE kinds (kind text, query text, key_end text, plain text);
INSERT INTO kinds (kind, query, key_end) VALUES
	('tumble', 'SELECT tumble(ts, ''10 min'') AS w, k, count(*), avg(x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('hop', 'SELECT hop(ts, ''10 min'', ''5 min'') AS w, k, count(*), avg(x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('session', 'SELECT session_window(ts, ''2 min'') AS w, k, count(*), array_agg(x ORDER BY x) FROM s GROUP BY 1, 2', 'upper(w)'),
	('values', 'SELECT tumble(ts, ''10 min'') AS w, count(DISTINCT x) FROM s GROUP BY 1', 'upper(w)'),
	('once', 'SELECT tumble(ts, ''10 min'') AS w, count(*) FROM (SELECT DISTINCT ts, k FROM s) q GROUP BY 1', 'upper(w)'),
	('first', 'SELECT w, x, place FROM (SELECT tumble(ts, ''10 min'') AS w, x, row_number() OVER (PARTITION BY tumble(ts, ''10 min'') ORDER BY x, ts, k) AS place FROM s) q WHERE place <= 2', 'upper(w)'),
	('sets', 'SELECT tumble(ts, ''10 min'') AS w, k, count(*) FROM s GROUP BY 1, ROLLUP (2) HAVING count(*) > 1', 'upper(w)'),
	('left', 'SELECT w, sum(n), count(*) FROM (SELECT tumble(ts, ''10 min'') AS w, k, count(*) + length(current_user) AS n FROM s GROUP BY 1, 2) q GROUP BY 1', 'upper(w)'),
	('ranked', 'SELECT w, k, count(*), rank() OVER (PARTITION BY w ORDER BY count(*), k) FROM (SELECT tumble(ts, ''10 min'') AS w, k FROM s) q GROUP BY 1, 2', 'upper(w)'),
	('joined', 'SELECT tumble(a.ts, ''10 min'') AS w, count(*), sum(b.x) FROM s a JOIN s b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval ''30 s'' GROUP BY 1', 'upper(w) + interval ''30 s''');
-- what merges sessions
CREATE VIEW in_sessions AS
	SELECT *, tstzrange(min(ts) OVER w, max(ts) OVER w + interval '2 min') AS session FROM
		(SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY k ORDER BY ts) AS n FROM
			(SELECT *, ts > lag(ts) OVER (PARTITION BY k ORDER BY ts) + interval '2 min' AS begins FROM s) a) b
	WINDOW w AS (PARTITION BY k, n);
UPDATE kinds SET plain = replace(replace(query, 'FROM s', 'FROM in_sessions'), 'session_window(ts, ''2 min'')', 'session');
DO $$
DECLARE
	d record;
BEGIN
	FOR d IN TABLE kinds LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW v_%s WITH (streaming.continuous, streaming.trigger = ''manual'', security_barrier) AS %s', d.kind, d.query);
		EXECUTE format('CREATE VIEW over_%1$s AS SELECT * FROM v_%1$s', d.kind);
	END LOOP;
END $$;
ALTER MATERIALIZED VIEW v_tumble RENAME COLUMN avg TO mean;
CREATE FUNCTION wrong(mode text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	d record;
	n int8;
	q text;
BEGIN
	FOR d IN SELECT kinds.*, v.watermark FROM kinds JOIN streaming.views v ON v.view = ('v_' || kind)::regclass LOOP
		q := format('SELECT * FROM (%s) q WHERE %L = ''update'' OR %s <= %L', d.plain, mode, d.key_end, d.watermark);
		EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL SELECT * FROM over_%2$s) UNION ALL (SELECT * FROM over_%2$s EXCEPT ALL %1$s)) x', q, d.kind) INTO n;
		IF n > 0 THEN
			RETURN NEXT format('%s: %s rows differ', d.kind, n);
		END IF;
	END LOOP;
END $$;
CREATE TABLE results (round int, mode text, result text);
SELECT setseed(0.75);
DO $$
DECLARE
	mode text := 'update';
BEGIN
	FOR round IN 1 .. 8 LOOP
		INSERT INTO s SELECT '2024-01-01'::timestamptz + round * interval '6 min' - random() * interval '50 s', random() * 3, random() * 9 FROM generate_series(1, 30);
		COMMIT;
		CALL refresh_views(2);
		INSERT INTO results SELECT round, mode, * FROM wrong(mode);
		mode := CASE mode WHEN 'update' THEN 'append' ELSE 'update' END;
		FOR i IN 1 .. (SELECT count(*) FROM kinds) LOOP
			EXECUTE format(CASE WHEN mode = 'update' AND round % 4 = 0 THEN 'ALTER MATERIALIZED VIEW v_%s RESET (streaming.output_mode)'
				ELSE 'ALTER MATERIALIZED VIEW v_%s SET (streaming.output_mode = %s)' END, (SELECT kind FROM kinds OFFSET i - 1 LIMIT 1), mode);
		END LOOP;
		INSERT INTO results SELECT round, mode, * FROM wrong(mode);
		COMMIT;
	END LOOP;
END $$;
SELECT * FROM results;
\d v_tumble
SELECT options FROM streaming.views WHERE view = 'v_tumble'::regclass;
-- others see what they may
CREATE ROLE regress_streaming_reader;
GRANT USAGE ON SCHEMA output_mode TO regress_streaming_reader;
GRANT SELECT ON v_tumble TO regress_streaming_reader;
ALTER MATERIALIZED VIEW v_tumble SET (streaming.output_mode = 'append');
SET ROLE regress_streaming_reader;
SELECT count(*) > 0 AS some FROM v_tumble;
ALTER MATERIALIZED VIEW v_tumble SET (streaming.output_mode = 'update');
RESET ROLE;
-- it is taken back with the transaction
SELECT count(*) AS closed FROM v_tumble \gset
BEGIN;
ALTER MATERIALIZED VIEW v_tumble SET (streaming.output_mode = 'update');
SELECT count(*) > :closed AS more FROM v_tumble;
ROLLBACK;
SELECT count(*) = :closed AS same FROM v_tumble;
-- a change stream that is made after it goes by the new mode
ALTER MATERIALIZED VIEW v_tumble SET (streaming.output_mode = 'update');
ALTER MATERIALIZED VIEW v_tumble SET (streaming.output_mode = 'append', streaming.changes);
CALL refresh_views(2);
INSERT INTO s VALUES ('2024-01-01 03:00', 1, 1);
CALL refresh_views(2);
SELECT DISTINCT op FROM v_tumble_changes;
SELECT count(*) FROM (SELECT w, k, count, mean FROM v_tumble_changes EXCEPT ALL SELECT * FROM v_tumble) q;
SELECT count(*) FROM (SELECT * FROM v_tumble EXCEPT ALL SELECT w, k, count, mean FROM v_tumble_changes) q;

-- what is refused
ALTER MATERIALIZED VIEW v_tumble SET (streaming.output_mode = 'update');
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v_hop SET (streaming.output_mode = 'complete');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE no_mark (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts');
CREATE MATERIALIZED VIEW r_complete WITH (streaming.continuous, streaming.output_mode = 'complete') AS SELECT tumble(ts, '1 min'), count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r_keys WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW r_mark WITH (streaming.continuous) AS SELECT tumble(ts, '1 min'), count(*) FROM no_mark GROUP BY 1;
CREATE MATERIALIZED VIEW r_sets WITH (streaming.continuous) AS SELECT tumble(ts, '1 min'), count(*) FROM s GROUP BY ROLLUP (1);
CREATE MATERIALIZED VIEW r_rows WITH (streaming.continuous) AS SELECT ts, k FROM s;
CREATE MATERIALIZED VIEW r_distinct WITH (streaming.continuous) AS SELECT DISTINCT ts, k FROM s;
CREATE MATERIALIZED VIEW r_groups WITH (streaming.continuous) AS SELECT w, sum(n) FROM (SELECT tumble(ts, '1 min') AS w, k, count(*) AS n FROM s GROUP BY 1, 2) q GROUP BY 1;
CREATE MATERIALIZED VIEW r_outer WITH (streaming.continuous) AS SELECT tumble(a.ts, '1 min'), count(b.x) FROM s a LEFT JOIN s b ON a.k = b.k AND a.ts = b.ts GROUP BY 1;
ALTER MATERIALIZED VIEW r_complete SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_keys SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_mark SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_sets SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_rows SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_distinct SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_groups SET (streaming.output_mode = 'append');
ALTER MATERIALIZED VIEW r_outer SET (streaming.output_mode = 'append');
-- the same is none
ALTER MATERIALIZED VIEW r_outer SET (streaming.output_mode = 'update');
ALTER MATERIALIZED VIEW r_rows RESET (streaming.output_mode);
DROP TABLE s, no_mark CASCADE;
DROP SCHEMA output_mode CASCADE;
DROP ROLE regress_streaming_reader;
SELECT * FROM leftovers();
