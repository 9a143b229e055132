-- Aggregates with DISTINCT or ORDER BY, and those whose states cannot be combined
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int, k int, x numeric, t text, ts timestamptz) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 minutes');
CREATE TABLE input AS
	SELECT g AS id, nullif(g % 7, 2) AS k, (g % 13)::numeric / CASE WHEN g % 2 = 0 THEN 1 ELSE 1.0 END AS x,
		nullif('t' || g % 3, 't1') AS t, '2024-01-01 00:00+00'::timestamptz + g * interval '37 seconds' AS ts
	FROM generate_series(1, 300) g;
INSERT INTO s SELECT * FROM input;

-- DISTINCT: values are remembered, once for each list of arguments
CREATE MATERIALIZED VIEW d_keys WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT x) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW d_total WITH (streaming.continuous) AS
	SELECT count(DISTINCT x) AS cx, sum(DISTINCT x) AS sx, avg(DISTINCT id) AS ai, max(DISTINCT id) AS mi, count(DISTINCT t) AS ct,
		count(DISTINCT (k, t)) AS ckt, count(*) AS n FROM s;
CREATE MATERIALIZED VIEW d_filters WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT x) FILTER (WHERE id > 200) AS a, count(DISTINCT x) FILTER (WHERE id % 3 = 0) AS b,
		sum(DISTINCT x) FILTER (WHERE id % 3 = 0) AS sb, count(DISTINCT x) AS c, count(DISTINCT t) FILTER (WHERE x > 3) AS e, sum(x) AS sum
	FROM s GROUP BY k;
CREATE MATERIALIZED VIEW d_one_filter WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT x) FILTER (WHERE t IS NULL) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW d_having WITH (streaming.continuous) AS
	SELECT t, k FROM s GROUP BY t, k HAVING sum(DISTINCT x) > 40 ORDER BY count(DISTINCT x);
CREATE MATERIALIZED VIEW d_constant WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT 1), count(DISTINCT NULL::int) AS none FROM s GROUP BY k;
CREATE MATERIALIZED VIEW d_expressions WITH (streaming.continuous) AS
	SELECT upper(t) AS u, count(DISTINCT k + 1) AS c, count(DISTINCT lower(t) || k) AS l, regr_slope(DISTINCT id, k) AS slope FROM s GROUP BY upper(t);
CREATE MATERIALIZED VIEW d_below WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT n) FROM (SELECT DISTINCT k, id % 10 AS n, t FROM s) q GROUP BY k;
CREATE MATERIALIZED VIEW d_sub WITH (streaming.continuous) AS
	SELECT sum(c), array_agg(c ORDER BY k) FROM (SELECT k, count(DISTINCT x) AS c FROM s GROUP BY k) q;
CREATE MATERIALIZED VIEW d_join WITH (streaming.continuous) AS
	SELECT i.t, count(DISTINCT s.x) FROM s JOIN input i ON i.id = s.id GROUP BY i.t;

-- ORDER BY, and aggregates that need all rows: these are kept
CREATE MATERIALIZED VIEW k_arrays WITH (streaming.continuous) AS
	SELECT k, array_agg(x ORDER BY id DESC) AS a, string_agg(DISTINCT t, ',' ORDER BY t) AS st, array_agg(DISTINCT t) AS at,
		count(*) AS n, count(DISTINCT x) AS d FROM s GROUP BY k;
CREATE MATERIALIZED VIEW k_arrival WITH (streaming.continuous) AS
	SELECT k, json_agg(id)::text AS a FROM s GROUP BY k;
CREATE MATERIALIZED VIEW k_total WITH (streaming.continuous) AS
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) AS p, mode() WITHIN GROUP (ORDER BY t) AS m, rank(50) WITHIN GROUP (ORDER BY id) AS r,
		jsonb_object_agg(id, t) AS j, range_agg(int4range(id, id + 2)) AS ra FROM s;
CREATE MATERIALIZED VIEW k_filter WITH (streaming.continuous) AS
	SELECT k, t, percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY x) FILTER (WHERE id > 20) AS p,
		array_agg(id ORDER BY x DESC, id) FILTER (WHERE x < 4) AS a FROM s GROUP BY k, t HAVING count(DISTINCT x) > 2;
CREATE MATERIALIZED VIEW k_direct WITH (streaming.continuous) AS
	SELECT k, percentile_disc(0.1 * k) WITHIN GROUP (ORDER BY id) FROM s WHERE k IS NOT NULL GROUP BY k;
CREATE MATERIALIZED VIEW k_whole_row WITH (streaming.continuous) AS
	SELECT k, jsonb_agg(s ORDER BY id) AS r, jsonb_agg((x, t) ORDER BY id) AS p, count(DISTINCT s) AS c FROM s GROUP BY k;
CREATE MATERIALIZED VIEW k_last_value WITH (streaming.continuous) AS
	SELECT k, (array_agg(x ORDER BY id DESC))[1] AS last FROM s GROUP BY k;

-- windows
CREATE MATERIALIZED VIEW w_tumble WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 hour') AS w, k, count(DISTINCT x), array_agg(id ORDER BY id) AS ids FROM s GROUP BY w, k;
CREATE MATERIALIZED VIEW w_hop WITH (streaming.continuous) AS
	SELECT w, count(DISTINCT x), count(*) AS n, array_agg(id ORDER BY id) AS ids FROM s, hop(ts, '1 hour', '30 minutes') w GROUP BY w;

CREATE TABLE views AS SELECT view::text AS name FROM streaming.views ORDER BY 1;
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
	FOR name IN SELECT v.name FROM views v LOOP
		PERFORM streaming.wait(name::regclass, '1 minute');
	END LOOP;
END $$;
CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
INSERT INTO s SELECT id + 300, k + 1, x * 1.50, t || 'x', ts + interval '3 hours' FROM input WHERE id <= 100;
BEGIN;
INSERT INTO s SELECT id + 900, k, x + 1000, t, ts + interval '3 hours' FROM input;
ROLLBACK;
CALL refresh_all();
INSERT INTO s VALUES (500, 3, 4.000, 't0', '2024-01-01 04:10+00'), (500, 3, 4, 't0', '2024-01-01 04:10+00');
CALL refresh_all();
SELECT name, check_view(name::regclass) FROM views ORDER BY name;
SELECT * FROM d_total;
SELECT * FROM d_filters ORDER BY k;
SELECT k, last FROM k_last_value ORDER BY k;

-- one table for the values of each list of arguments, one for the rows that are kept
SELECT v.view, count(c.oid) AS tables
FROM streaming.views v JOIN pg_depend d ON d.refobjid = v.view AND d.deptype = 'i'
	JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'
WHERE v.view::text IN ('d_keys', 'd_total', 'd_filters', 'k_arrays', 'k_arrival') GROUP BY 1 ORDER BY 1;
SELECT regexp_replace(regexp_replace(e, '\ms\.', '', 'g'), '_(state|below)_\d+', '_\1_N') AS explain FROM streaming.explain('d_filters') e;

-- closed windows need neither: late rows count nowhere, what is kept of them goes
SELECT view, groups > 0 AS has_state FROM streaming.views WHERE view::text ~ '^w_' ORDER BY 1;
INSERT INTO s VALUES (901, 0, 0, 'late', '2024-01-01 00:30+00'), (902, 0, 0, 'far', '2024-01-03 00:00+00');
CALL refresh_all();
INSERT INTO s VALUES (903, 0, 0, 'late', '2024-01-01 04:30+00');
CALL refresh_all();
SELECT view, groups, late_rows FROM streaming.views WHERE view::text ~ '^w_' ORDER BY 1;
SELECT w, k, count, ids FROM w_tumble WHERE k = 0 AND '2024-01-01 04:30+00'::timestamptz <@ w OR lower(w) > '2024-01-02' ORDER BY w;
SELECT check_view('d_total'), check_view('k_arrays');

-- without keys, and over nothing
CREATE TABLE e (v int) USING stream;
CREATE MATERIALIZED VIEW e_all WITH (streaming.continuous) AS
	SELECT count(DISTINCT v), sum(DISTINCT v), array_agg(v ORDER BY v) AS a, count(*) AS n, mode() WITHIN GROUP (ORDER BY v) AS m FROM e;
CREATE MATERIALIZED VIEW e_only_kept WITH (streaming.continuous) AS SELECT array_agg(v ORDER BY v) AS a FROM e;
CREATE MATERIALIZED VIEW e_only_values WITH (streaming.continuous) AS SELECT count(DISTINCT v) FROM e;
SELECT * FROM e_all, e_only_kept k, e_only_values;
INSERT INTO e VALUES (NULL);
SELECT streaming.wait('e_all') AND streaming.wait('e_only_kept') AND streaming.wait('e_only_values');
SELECT * FROM e_all, e_only_kept k, e_only_values;
INSERT INTO e VALUES (2), (1), (2);
SELECT streaming.wait('e_all') AND streaming.wait('e_only_kept') AND streaming.wait('e_only_values');
SELECT * FROM e_all, e_only_kept k, e_only_values;
SELECT check_view('e_all'), check_view('e_only_kept'), check_view('e_only_values');

-- refused
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT hop(ts, '1 hour', '30 minutes') AS w, count(DISTINCT x) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, array_agg(ROW(id, x) ORDER BY id) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(DISTINCT r) FROM (SELECT (id, x) AS r FROM s) q;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, array_agg(x ORDER BY random()) FROM s GROUP BY k;

DROP TABLE s, e CASCADE;
DROP TABLE input, views;
DROP PROCEDURE refresh_all;
SELECT * FROM leftovers();
