-- What is above joins, beside tables and put together (rules K1-K3, L1-L3), in the other order of
-- arrival than in test_et_join_rules, and by workers that start anew between any two steps; and that
-- the sides of joins stay as large as they are
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE SCHEMA rules;
SET search_path = rules, public;
-- times are seconds of the first minutes of a year
CREATE FUNCTION at(s numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '2024-01-01 00:00:00+00' + s * interval '1 s' $$;
CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE t (k int, name text);
INSERT INTO t VALUES (1, 'one');
-- all batches that there are to run, by workers that know nothing but what has been written
CREATE PROCEDURE refresh() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..2 LOOP
		PERFORM pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE backend_type = 'streaming worker' AND datname = current_database();
		COMMIT;
		CALL public.refresh_views();
		COMMIT;
	END LOOP;
END $$;
CREATE FUNCTION shown(VARIADIC views text[]) RETURNS TABLE (name text, rows text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH name IN ARRAY views LOOP
		EXECUTE format('SELECT string_agg(regexp_replace(v::text, ''2024-01-01 00:|"|\+00'', '''', ''g''), '' '' ORDER BY v::text COLLATE "C") FROM %s v', name) INTO rows;
		RETURN NEXT;
	END LOOP;
END $$;

---- K1: the watermark of what is above a join is that of its inputs, less for how long rows wait
CREATE MATERIALIZED VIEW k1_l WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(l.ts, '10 s') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '5 s' GROUP BY 1;
CREATE MATERIALIZED VIEW k1_r WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(r.ts, '10 s') AS w, count(*) AS n FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '5 s' GROUP BY 1;
-- a join whose rows another view reads
CREATE MATERIALIZED VIEW k1_rows WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.ts AS lts, r.ts AS rts, a, b FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '5 s';
CREATE MATERIALIZED VIEW k1_above WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(lts, '10 s') AS w, count(*) AS n FROM k1_rows GROUP BY 1;
---- K2: what the watermark makes final goes up in the same batch, and can close what is above
CREATE MATERIALIZED VIEW k2 WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(l.ts, '10 s') AS w, count(*) AS n, count(r.b) AS found FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '5 s' GROUP BY 1;
CREATE MATERIALIZED VIEW k2_full WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT w, count(*) AS n, count(b) AS found FROM (SELECT tumble(coalesce(l.ts, r.ts), '10 s') AS w, r.b FROM l FULL JOIN r ON l.ts = r.ts AND l.k = r.k) q GROUP BY w;
\echo :LAST_ERROR_SQLSTATE
-- two windows, one above the other, close together
CREATE MATERIALIZED VIEW k2_windows WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(window_time(w), '20 s') AS w, count(*) AS windows, sum(n) AS n FROM
		(SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM l GROUP BY 1, 2) q GROUP BY 1;
---- K3: chains: by changes in update mode, by what is closed in append mode
CREATE MATERIALIZED VIEW k3_u WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT m, count(*) AS n FROM (SELECT k, count(*) AS m FROM l GROUP BY 1) q GROUP BY 1;
CREATE MATERIALIZED VIEW k3_distinct WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT w, count(*) AS n FROM (SELECT DISTINCT ON (a) a, tumble(ts, '10 s') AS w FROM l) q GROUP BY w;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT m, count(*) AS n FROM (SELECT k, count(*) AS m FROM l GROUP BY 1) q GROUP BY 1;
-- the right first: 10 and 11 for 1, 20 for none
INSERT INTO r VALUES (at(6), 1, 10), (at(9), 2, 20), (at(6), 1, 11);
CALL refresh();
SELECT * FROM shown('k1_l', 'k1_r', 'k1_above', 'k2', 'k2_windows', 'k3_u', 'k3_distinct');
INSERT INTO l VALUES (at(9.999), 7, 7), (at(1), 1, 1), (at(9), 3, 3);
CALL refresh();
-- the watermark is 9: of the pairs (1,10) (1,11) all windows are open
SELECT * FROM shown('k1_rows', 'k1_l', 'k1_r', 'k1_above', 'k2', 'k3_u', 'k3_distinct');
INSERT INTO r VALUES (at(10.001), 8, 80);
INSERT INTO l VALUES (at(10.001), 9, 9);
CALL refresh();
-- 10.001, a bound being one that rows may be on: closed are the first window of r, and what looks at l alone; a pair of l may come for five seconds
SELECT * FROM shown('k1_l', 'k1_r', 'k1_above', 'k2', 'k2_windows', 'k3_u', 'k3_distinct');
INSERT INTO r VALUES (at(14), 3, 30);
INSERT INTO l VALUES (at(14.999), 9, 9);
CALL refresh();
-- 14: one has come
SELECT * FROM shown('k1_l', 'k1_r', 'k1_above', 'k2');
INSERT INTO r VALUES (at(14.999), 7, 71);
CALL refresh();
-- 14.999: 71 is just within 5 s of 7; nothing has closed
SELECT * FROM shown('k1_rows', 'k1_l', 'k1_above', 'k2');
INSERT INTO r VALUES (at(15.001), 7, 72);
INSERT INTO l VALUES (at(15.001), 5, 5);
CALL refresh();
-- 15.001: all of the first window is final: pairs (1,10) (1,11) (3,30) (7,71), 72 being too late, and none alone
SELECT * FROM shown('k1_rows', 'k1_l', 'k1_r', 'k1_above', 'k2');
INSERT INTO l VALUES (at(25.001), 5, 5);
INSERT INTO r VALUES (at(25.001), 8, 80);
CALL refresh();
-- 25.001: the second window: of l, 9 twice and 5, all alone; of r, 30 and 71, whose pairs l has in the first
SELECT * FROM shown('k1_l', 'k1_r', 'k1_above', 'k2', 'k2_windows', 'k3_u', 'k3_distinct');
SELECT view, late_rows, watermark FROM streaming.views WHERE late_rows > 0 OR watermark <> at(25.001) ORDER BY view::text;
DROP TABLE l, r CASCADE;

---- L1: a table is as it is when a row comes: also where rows wait for others, and where the table is changed first
CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW l1 WITH (streaming.continuous, streaming.trigger = manual) AS SELECT l.a, t.name FROM l LEFT JOIN t ON t.k = l.k;
CREATE MATERIALIZED VIEW l1_inner WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT l.a, t.name FROM l JOIN t USING (k);
CREATE MATERIALIZED VIEW l1_pairs WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.a, r.b, t.name FROM l JOIN r ON l.ts = r.ts JOIN t ON t.k = l.k;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT l.a, t.name FROM l FULL JOIN t ON t.k = l.k;
-- the table first
INSERT INTO l VALUES (at(1), 1, 1), (at(1), 2, 2);
CALL refresh();
SELECT * FROM shown('l1', 'l1_inner', 'l1_pairs');
UPDATE t SET name = 'eins';
INSERT INTO t VALUES (2, 'zwei');
CALL refresh();
-- nothing is revised; what has waited for r meets the table as it is then
INSERT INTO r VALUES (at(1), 0, 10);
CALL refresh();
SELECT * FROM shown('l1', 'l1_inner', 'l1_pairs');
-- the stream first, in the same transaction as the table
BEGIN;
INSERT INTO l VALUES (at(2), 3, 3), (at(2), 1, 4);
INSERT INTO t VALUES (3, 'drei');
DELETE FROM t WHERE k = 1;
COMMIT;
CALL refresh();
SELECT * FROM shown('l1', 'l1_inner');

---- L2: the batches of parts of a UNION ALL go together, and a stream may be there twice
CREATE MATERIALIZED VIEW l2 WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, a FROM l UNION ALL SELECT k, b FROM r UNION ALL SELECT -k, a FROM l;
CREATE MATERIALIZED VIEW l2_w WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM (SELECT ts FROM l UNION ALL SELECT ts FROM r UNION ALL SELECT ts FROM l) q GROUP BY 1;
CALL refresh();
SELECT * FROM shown('l2', 'l2_w');
INSERT INTO r VALUES (at(20), 5, 50);
CALL refresh();
SELECT * FROM shown('l2_w');
-- the slower one says when: four rows of l, twice, and one of r
INSERT INTO l VALUES (at(10), 6, 6);
CALL refresh();
SELECT * FROM shown('l2', 'l2_w');

---- L3: LIMIT: the first rows that there ever were, or an ordinary one above an aggregation
CREATE MATERIALIZED VIEW l3 WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS SELECT a FROM l LIMIT 5;
CREATE MATERIALIZED VIEW l3_groups WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) AS n FROM l GROUP BY k ORDER BY 2 DESC, 1 LIMIT 1;
CALL refresh();
SELECT * FROM shown('l3', 'l3_groups');
INSERT INTO l VALUES (at(11), 6, 7);
CALL refresh();
INSERT INTO l VALUES (at(12), 6, 8);
CALL refresh();
SELECT * FROM shown('l3', 'l3_groups');
DROP TABLE l, r CASCADE;

---- J7, J8: while the watermark moves, sides keep what it leaves them, however much has come: the same at each quarter
CREATE TABLE l (ts timestamptz, k int, a int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '2 s');
CREATE TABLE r (ts timestamptz, k int, b int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '2 s');
CREATE MATERIALIZED VIEW f_inner WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s';
CREATE MATERIALIZED VIEW f_left WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k AND tumble(r.ts, '4 s') = tumble(l.ts, '4 s');
CREATE MATERIALIZED VIEW f_full WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.a, r.b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s';
CREATE MATERIALIZED VIEW f_found WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.a FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s');
CREATE MATERIALIZED VIEW f_missed WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s');
CREATE MATERIALIZED VIEW f_unbounded WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT l.a, r.b FROM l JOIN r ON l.k = r.k AND l.a = r.b;
CREATE TABLE kept (quarter int, view text, l bigint, r bigint);
CREATE PROCEDURE look(q int) LANGUAGE plpgsql AS $$
DECLARE
	v text;
BEGIN
	FOR v IN SELECT view::text FROM streaming.views WHERE view::text LIKE 'f\_%' LOOP
		EXECUTE format('INSERT INTO kept SELECT %s, %L, (SELECT count(*) FROM streaming._below_%s), (SELECT count(*) FROM streaming._below_%3$s_1)', q, v, public.number_of(v::regclass));
	END LOOP;
END $$;
DO $$
BEGIN
	-- each round is four seconds, of 80 rows of l and 40 of r
	FOR i IN 1..12 LOOP
		INSERT INTO l SELECT at(4 * i + n * 0.05), n % 7, 100 * i + n FROM generate_series(0, 79) n;
		INSERT INTO r SELECT at(4 * i + n * 0.1), n % 9, 100 * i + n FROM generate_series(0, 39) n;
		COMMIT;
		CALL public.refresh_views(2);
		IF i % 3 = 0 THEN
			CALL rules.look(i / 3);
		END IF;
	END LOOP;
END $$;
SELECT view, array_agg(l ORDER BY quarter) AS l, array_agg(r ORDER BY quarter) AS r FROM kept GROUP BY view ORDER BY view;
-- and nothing was lost for it: all that is final, once the watermark has passed it
INSERT INTO l VALUES (at(1000), 100, 0);
INSERT INTO r VALUES (at(1000), 200, 0);
CALL refresh_views(2);
SELECT view, check_view(view) FROM streaming.views WHERE view::text IN ('f_inner', 'f_left', 'f_found', 'f_unbounded') ORDER BY view::text;
SELECT (SELECT count(*) FROM (SELECT l.a, r.b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s' EXCEPT ALL TABLE f_full) d) AS full_missing,
	(SELECT count(*) FROM (TABLE f_full EXCEPT ALL SELECT l.a, r.b FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s') d) AS full_wrong,
	(SELECT array_agg(a) FROM (SELECT l.a FROM l WHERE NOT EXISTS (SELECT FROM r WHERE l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '3 s') EXCEPT ALL TABLE f_missed) d) AS missed;
DROP SCHEMA rules CASCADE;
SELECT * FROM leftovers();
