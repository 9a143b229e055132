-- Session windows (rules D5, G1-G6), against gaps and islands
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;

CREATE TABLE p (id int, ts timestamptz, who text) USING stream;
CREATE MATERIALIZED VIEW by_who WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT who, session_window(ts, '30 s') AS w, count(*), avg(id), min(id)
	FROM p GROUP BY 1, 2;
-- no other key; the window between the other columns
CREATE MATERIALIZED VIEW of_all WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(*), session_window(ts, '2 s') AS w, max(who) FROM p GROUP BY 2;

CREATE VIEW by_who_plain AS
	WITH a AS (
		SELECT *, max(ts) OVER (PARTITION BY who ORDER BY ts, id
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + '30 s' < ts AS new
		FROM p WHERE ts IS NOT NULL),
	b AS (SELECT *, count(*) FILTER (WHERE new) OVER (PARTITION BY who ORDER BY ts, id) AS g FROM a)
	SELECT who, tstzrange(min(ts), max(ts) + '30 s') AS w, count(*), avg(id), min(id)
	FROM b GROUP BY who, g;
CREATE VIEW of_all_plain AS
	WITH a AS (
		SELECT *, max(ts) OVER (ORDER BY ts, id
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + '2 s' < ts AS new
		FROM p WHERE ts IS NOT NULL),
	b AS (SELECT *, count(*) FILTER (WHERE new) OVER (ORDER BY ts, id) AS g FROM a)
	SELECT count(*), tstzrange(min(ts), max(ts) + '2 s') AS w, max(who)
	FROM b GROUP BY g;
CREATE FUNCTION differ(a regclass, b regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL TABLE %2$s)
		UNION ALL (TABLE %2$s EXCEPT ALL TABLE %1$s)) d', a, b) INTO n;
	RETURN n;
END $$;

-- G1, G2, G6: rows come in any order and glue sessions together
SELECT setseed(0.25);
DO $$
BEGIN
	FOR i IN 1..25 LOOP
		INSERT INTO p SELECT i * 1000 + x,
			CASE WHEN x % 50 = 0 THEN NULL ELSE
				'2024-01-01'::timestamptz + round((random() * 20000)::numeric, 1) * '1 s'::interval END,
			nullif('u' || (random() * 20)::int, 'u3')
		FROM generate_series(1, 200) x;
		COMMIT;
		PERFORM streaming.wait('by_who');
		PERFORM streaming.wait('of_all');
		IF differ('by_who', 'by_who_plain') <> 0 OR differ('of_all', 'of_all_plain') <> 0 THEN
			RAISE 'sessions differ from gaps and islands in round %', i;
		END IF;
	END LOOP;
END $$;
SELECT (SELECT count(*) FROM by_who) = v.groups AS counted FROM streaming.views v WHERE view = 'by_who'::regclass;
-- a row that joins everything
INSERT INTO p SELECT 0, '2024-01-01'::timestamptz + x * '1 s'::interval, 'u1' FROM generate_series(0, 20000) x;
SELECT streaming.wait('by_who'), streaming.wait('of_all');
SELECT differ('by_who', 'by_who_plain'), differ('of_all', 'of_all_plain');
SELECT count(*) FROM of_all;
DROP TABLE p CASCADE;
DROP FUNCTION differ;

-- with a watermark: update and append
CREATE TABLE s (id int, ts timestamptz, who text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE MATERIALIZED VIEW now_ WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT who, session_window(ts, CASE WHEN id < 0 THEN '0 s'::interval ELSE '30 s' END) AS w, count(*)
	FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.trigger = 'manual',
		streaming.output_mode = 'append', streaming.late_rows = 'keep') AS
	SELECT who, session_window(ts, CASE WHEN id < 0 THEN '0 s'::interval ELSE '30 s' END) AS w, count(*)
	FROM s GROUP BY 1, 2;
-- G3: -3 has no gap; null has no time
INSERT INTO s VALUES (1, '2024-01-01 00:00:10', 'a'), (2, '2024-01-01 00:00:20', 'b'), (3, NULL, 'c'), (-3, '2024-01-01 00:00:20', 'c');
REFRESH MATERIALIZED VIEW now_; REFRESH MATERIALIZED VIEW final;
SELECT view, watermark, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
TABLE now_ ORDER BY 1, 2; TABLE final;
-- G2: 00:00:30 joins [10, 40) and [50, 80); touching joins, too
INSERT INTO s VALUES (4, '2024-01-01 00:00:50', 'a'), (5, '2024-01-01 00:00:30', 'a'), (6, '2024-01-01 00:00:50', 'b');
REFRESH MATERIALIZED VIEW now_; REFRESH MATERIALIZED VIEW final;
TABLE now_ ORDER BY 1, 2; TABLE final;
-- G4: the watermark 00:01:40 closes both; D5: 00:01:18 + 30 s is not late, but
-- a's session is closed: a new one; 00:00:18 + 30 s is late
INSERT INTO s VALUES (7, '2024-01-01 00:01:50', 'z');
REFRESH MATERIALIZED VIEW now_; REFRESH MATERIALIZED VIEW final;
INSERT INTO s VALUES (8, '2024-01-01 00:01:18', 'a'), (9, '2024-01-01 00:00:18', 'a');
REFRESH MATERIALIZED VIEW now_; REFRESH MATERIALIZED VIEW final;
TABLE now_ ORDER BY 1, 2; TABLE final ORDER BY 1, 2;
-- and it survives the worker
SELECT count(pg_terminate_backend(pid)) > 0 AS killed FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO s VALUES (10, '2024-01-01 00:01:30', 'a'), (11, '2024-01-01 00:03:00', 'z');
REFRESH MATERIALIZED VIEW now_; REFRESH MATERIALIZED VIEW final;
TABLE now_ ORDER BY 1, 2; TABLE final ORDER BY 1, 2;
SELECT view, watermark, groups, late_rows, null_rows FROM streaming.views ORDER BY view::text;
SELECT view, reason, event_time, stream_row FROM streaming.errors ORDER BY at, tid;
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
