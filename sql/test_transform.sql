-- Views without aggregation: rows come out as they are, once
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'UTC';

-- Waits for all views; says which do not equal their queries.
CREATE FUNCTION differences(by_text boolean DEFAULT false) RETURNS TABLE (view regclass, difference text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM streaming.wait(v.view) FROM streaming.views v;
	RETURN QUERY SELECT v.view, check_view(v.view, by_text) FROM streaming.views v
		WHERE check_view(v.view, by_text) <> 'ok' ORDER BY v.view::text COLLATE "C";
END $$;

---- WHERE, expressions, names, ORDER BY and LIMIT

CREATE TABLE s (id int, k int, v int, t text) USING stream;
INSERT INTO s VALUES (1, 1, 10, 'apple pie'), (2, 2, -5, NULL), (3, NULL, 0, ''), (4, 1, NULL, 'fig');
CREATE MATERIALIZED VIEW w_all WITH (streaming.continuous) AS SELECT * FROM s;
CREATE MATERIALIZED VIEW w_table WITH (streaming.continuous) AS TABLE s;
CREATE MATERIALIZED VIEW w_where WITH (streaming.continuous) AS
	SELECT id, v * 2 AS twice, upper(t) FROM s WHERE v >= 0 AND t IS NOT NULL;
CREATE MATERIALIZED VIEW w_named (a, "B", c) WITH (streaming.continuous) AS
	SELECT id, id, coalesce(k, -1), 'const', 1::bigint AS one, NULL AS nothing FROM s;
CREATE MATERIALIZED VIEW w_system WITH (streaming.continuous) AS
	SELECT id AS xmin1, k AS "_order", v AS "_column", t AS "Ünï" FROM s ORDER BY v + 1, -k;
CREATE MATERIALIZED VIEW w_none WITH (streaming.continuous) AS SELECT id FROM s WHERE v > NULL;
CREATE MATERIALIZED VIEW w_fallen WITH (streaming.continuous) AS SELECT id FROM s WHERE v > 1000 + id;
CREATE MATERIALIZED VIEW w_columnless WITH (streaming.continuous) AS SELECT FROM s;
CREATE MATERIALIZED VIEW w_first WITH (streaming.continuous) AS
	SELECT id, t FROM s ORDER BY v DESC NULLS LAST, id LIMIT 2 OFFSET 1;
CREATE MATERIALIZED VIEW w_one WITH (streaming.continuous) AS SELECT 1::bigint AS one FROM s LIMIT 1;
CREATE MATERIALIZED VIEW w_ties WITH (streaming.continuous) AS
	SELECT k FROM s ORDER BY k FETCH FIRST 1 ROW WITH TIES;
CREATE MATERIALIZED VIEW w_some WITH (streaming.continuous) AS
	WITH n AS (SELECT 3 AS n) SELECT id FROM s ORDER BY id LIMIT (SELECT n FROM n);
CREATE MATERIALIZED VIEW w_unused WITH (streaming.continuous) AS
	SELECT id FROM s WINDOW unused AS (PARTITION BY k ORDER BY v);
SELECT * FROM differences();
SELECT * FROM w_all ORDER BY id;
SELECT * FROM w_where ORDER BY id;
SELECT * FROM w_named ORDER BY a;
SELECT * FROM w_none;
SELECT count(*) FROM w_columnless;
SELECT * FROM w_first;
SELECT * FROM w_ties;
INSERT INTO s SELECT id + 10, k, v + 1, t || 'x' FROM s;
SELECT * FROM differences();
SELECT * FROM w_where ORDER BY id;
SELECT * FROM w_first;
SELECT * FROM w_some;
SELECT * FROM w_ties;
\d w_named
-- what is ordered by and not shown is in the result, which is a stream
SELECT state_table AS system_table FROM streaming.views WHERE view = 'w_system'::regclass \gset
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = :'system_table'::regclass AND attnum > 0 ORDER BY attnum;
SELECT amname, reloptions, relpersistence FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = :'system_table'::regclass;
-- counters: no groups; a batch without a result has read its rows all the same
SELECT batches > 1 AS many, rows_read, lag_rows, groups, late_rows, null_rows FROM streaming.views WHERE view = 'w_fallen'::regclass;
SELECT regexp_replace(regexp_replace(e, '\d{4,}', 'N'), '\ms\.', '', 'g') AS explain FROM streaming.explain('w_where') e;
DROP TABLE s CASCADE;

---- set-returning functions, LATERAL, JSON

CREATE TABLE s (id int, a int[], t text, j jsonb, js json) USING stream;
INSERT INTO s VALUES
	(1, '{3,1,2}', 'a,b', '{"items": [{"n": 1, "name": "x"}, {"n": 2}]}', '[{"n": 1, "name": "x"}, {"n": 2}]'),
	(2, '{}', '', '{"items": []}', '[]'),
	(3, NULL, NULL, NULL, NULL);
CREATE MATERIALIZED VIEW f_unnest WITH (streaming.continuous) AS SELECT id, unnest(a) AS e FROM s;
CREATE MATERIALIZED VIEW f_two WITH (streaming.continuous) AS
	SELECT id, unnest(a) AS e, generate_series(1, id) AS g, unnest(a) + 1 AS e2 FROM s ORDER BY generate_series(1, id), id;
CREATE MATERIALIZED VIEW f_from WITH (streaming.continuous) AS SELECT id, e, n FROM s, unnest(a) WITH ORDINALITY AS u (e, n);
CREATE MATERIALIZED VIEW f_left WITH (streaming.continuous) AS SELECT id, e FROM s LEFT JOIN LATERAL unnest(a) AS u (e) ON e > 1;
CREATE MATERIALIZED VIEW f_rows WITH (streaming.continuous) AS
	SELECT id, r.* FROM s, ROWS FROM (unnest(a), string_to_table(t, ',')) WITH ORDINALITY AS r (e, part, n);
CREATE MATERIALIZED VIEW f_recordset WITH (streaming.continuous) AS
	SELECT id, r.n, r.name FROM s, json_to_recordset(js) AS r (n int, name text);
CREATE MATERIALIZED VIEW f_elements WITH (streaming.continuous) AS
	SELECT id, i ->> 'n' AS n, i - 'n' AS rest FROM s CROSS JOIN LATERAL jsonb_array_elements(j -> 'items') AS i WHERE i ? 'n';
CREATE MATERIALIZED VIEW f_path WITH (streaming.continuous) AS
	SELECT id, jsonb_path_query(j, '$.items[*] ? (@.n > 1)') AS q, j @? '$.items[0]' AS has FROM s;
CREATE MATERIALIZED VIEW f_each WITH (streaming.continuous) AS SELECT id, key, value FROM s, jsonb_each(j);
CREATE MATERIALIZED VIEW f_regexp WITH (streaming.continuous) AS SELECT id, (regexp_matches(t, '(\w)', 'g'))[1] AS m FROM s;
CREATE MATERIALIZED VIEW f_lateral WITH (streaming.continuous) AS
	SELECT id, l.total, l.n FROM s, LATERAL (SELECT sum(e) AS total, count(*) AS n FROM unnest(a) AS e WHERE e > 1) AS l;
CREATE MATERIALIZED VIEW f_values WITH (streaming.continuous) AS
	SELECT id, kind, e FROM s, LATERAL (VALUES ('first', a[1]), ('last', a[cardinality(a)])) AS p (kind, e);
SELECT * FROM differences(by_text => true);
INSERT INTO s SELECT id + 10, a || id, t || ',c', j, js FROM s;
SELECT * FROM differences(by_text => true);
SELECT * FROM f_two WHERE id = 1 ORDER BY g, e;
SELECT * FROM f_from ORDER BY id, n;
SELECT * FROM f_left ORDER BY id, e;
SELECT * FROM f_recordset ORDER BY id, n;
SELECT * FROM f_path ORDER BY id, q;
SELECT * FROM f_lateral ORDER BY id;
DROP TABLE s CASCADE;

---- UNION ALL, sub-selects, WITH

CREATE TABLE s (id int, k int) USING stream;
CREATE TABLE s2 (k bigint, id numeric(6,2), t varchar(5)) USING stream;
CREATE VIEW both_streams AS SELECT id, k FROM s UNION ALL SELECT id, k FROM s2;
INSERT INTO s VALUES (1, 10), (2, 20);
INSERT INTO s2 VALUES (30, 3, 'three');
CREATE MATERIALIZED VIEW u_two WITH (streaming.continuous) AS SELECT id, k FROM s UNION ALL SELECT id, k FROM s2;
CREATE MATERIALIZED VIEW u_same WITH (streaming.continuous) AS
	SELECT 'a' AS which, id FROM s WHERE id < 3 UNION ALL (SELECT 'b', id FROM s UNION ALL SELECT 'c', k FROM s2) ORDER BY which DESC, id LIMIT 4;
CREATE MATERIALIZED VIEW u_view WITH (streaming.continuous) AS SELECT k, id FROM both_streams WHERE k > 10;
CREATE MATERIALIZED VIEW u_sub WITH (streaming.continuous) AS
	SELECT x.id * 2 AS id, x.kk FROM (SELECT id, k + 1 AS kk FROM (SELECT * FROM s WHERE k > 10) AS y) AS x WHERE kk < 100;
CREATE MATERIALIZED VIEW u_with WITH (streaming.continuous) AS
	WITH big AS (SELECT * FROM s WHERE k > 10), limits AS MATERIALIZED (SELECT 25 AS top)
	SELECT id, k FROM big WHERE k < (SELECT top FROM limits);
CREATE MATERIALIZED VIEW u_scalar WITH (streaming.continuous) AS
	SELECT id, (SELECT max(g) FROM generate_series(1, id) AS g) AS m FROM s WHERE k IN (SELECT 10 * g FROM generate_series(1, 2) AS g);
SELECT * FROM differences();
INSERT INTO s VALUES (4, 40), (1, 10), (5, 15);
INSERT INTO s2 VALUES (1, 1, 'one'), (NULL, NULL, NULL);
SELECT * FROM differences();
SELECT * FROM u_two ORDER BY id, k;
SELECT * FROM u_same;
SELECT * FROM u_with ORDER BY id;
SELECT * FROM u_scalar ORDER BY id;
\d u_two
SELECT trim(e) FROM streaming.explain('u_two') e WHERE e LIKE '%Delta Scan%';
DROP TABLE s, s2 CASCADE;

---- lookups: what later becomes of a table changes no row that has come out (L1)

-- (also without contrib)
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'file_fdw') AS fdw \gset
\if :fdw
CREATE EXTENSION IF NOT EXISTS file_fdw;
CREATE SERVER regress_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE remote (k int, name text) SERVER regress_files OPTIONS (program 'printf "1,far\n2,away\n"', format 'csv');
\else
CREATE TABLE remote (k, name) AS VALUES (1, 'far'), (2, 'away');
\endif
CREATE TABLE s (id int, k int, at int) USING stream;
CREATE TABLE dim (k int, name text, since int);
CREATE VIEW named AS SELECT k, upper(name) AS name FROM dim WHERE since = 0;
INSERT INTO dim VALUES (1, 'one', 0), (1, 'uno', 5), (2, 'two', 0), (4, NULL, 0);
INSERT INTO s VALUES (1, 1, 3), (2, 1, 7), (3, 2, 9), (4, 3, 1), (5, NULL, 1);
CREATE MATERIALIZED VIEW j_inner WITH (streaming.continuous) AS SELECT id, name FROM s JOIN dim USING (k);
CREATE MATERIALIZED VIEW j_left WITH (streaming.continuous) AS SELECT id, d.* FROM s LEFT JOIN dim d ON d.k = s.k AND d.since = 0;
CREATE MATERIALIZED VIEW j_right WITH (streaming.continuous) AS SELECT id, name FROM dim RIGHT JOIN s USING (k) ORDER BY since, id;
CREATE MATERIALIZED VIEW j_cross WITH (streaming.continuous) AS SELECT id, n FROM s, generate_series(1, 2) AS n, dim WHERE dim.k = s.k AND n <= s.k;
CREATE MATERIALIZED VIEW j_view WITH (streaming.continuous) AS SELECT s.*, named.name FROM s JOIN named USING (k);
CREATE MATERIALIZED VIEW j_foreign WITH (streaming.continuous) AS SELECT id, name FROM s JOIN remote USING (k);
CREATE MATERIALIZED VIEW j_exists WITH (streaming.continuous) AS SELECT id FROM s WHERE EXISTS (SELECT FROM dim WHERE dim.k = s.k);
CREATE MATERIALIZED VIEW j_in WITH (streaming.continuous) AS SELECT id FROM s WHERE k IN (SELECT k FROM dim);
CREATE MATERIALIZED VIEW j_not_exists WITH (streaming.continuous) AS SELECT id FROM s WHERE NOT EXISTS (SELECT FROM dim WHERE dim.k = s.k);
CREATE MATERIALIZED VIEW j_not_in WITH (streaming.continuous) AS SELECT id FROM s WHERE k NOT IN (SELECT k FROM dim);
CREATE MATERIALIZED VIEW j_latest WITH (streaming.continuous) AS
	SELECT id, l.name FROM s LEFT JOIN LATERAL (SELECT name FROM dim WHERE dim.k = s.k AND since <= s.at ORDER BY since DESC LIMIT 1) AS l ON true;
CREATE MATERIALIZED VIEW j_count WITH (streaming.continuous) AS
	SELECT id, (SELECT count(*) FROM dim WHERE dim.k = s.k) AS n, (SELECT name FROM dim WHERE since = 5) AS five FROM s;
CREATE MATERIALIZED VIEW j_sum WITH (streaming.continuous) AS
	SELECT id, n FROM s LEFT JOIN (SELECT k, count(*) AS n FROM dim GROUP BY k) AS counts USING (k);
SELECT * FROM differences();
SELECT * FROM j_left ORDER BY id;
SELECT * FROM j_right;
SELECT * FROM j_latest ORDER BY id;
SELECT * FROM j_not_exists ORDER BY id;
SELECT * FROM j_not_in ORDER BY id;
SELECT * FROM j_foreign ORDER BY id;
-- the table empty or not, small plan or large: all rows are read
UPDATE dim SET name = 'changed' WHERE k = 2;
DELETE FROM dim WHERE k = 1;
INSERT INTO dim VALUES (3, 'three', 0);
INSERT INTO s SELECT id + 10, k, at FROM s;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM j_inner ORDER BY id, name;
SELECT * FROM j_latest ORDER BY id;
SELECT * FROM j_not_exists ORDER BY id;
TRUNCATE dim;
INSERT INTO s VALUES (21, 1, 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, rows_read, lag_rows FROM streaming.views WHERE rows_read <> 11 OR lag_rows <> 0;
SELECT id FROM j_not_exists WHERE id > 20;
SELECT count(*) FROM j_inner;
-- the result of a view is a table for others to look rows up
CREATE MATERIALIZED VIEW j_result WITH (streaming.continuous) AS SELECT s.id, j.id AS other FROM s JOIN j_exists j ON j.id = s.id + 10;
SELECT count(*) FILTER (WHERE e LIKE '%Delta Scan%on public.s'), count(*) FILTER (WHERE e LIKE '%Delta Scan%') FROM streaming.explain('j_result') e;
SELECT streaming.wait('j_result');
SELECT * FROM j_result ORDER BY id;
DROP TABLE s, dim CASCADE;
\if :fdw
DROP EXTENSION file_fdw CASCADE;
\else
DROP TABLE remote;
\endif

---- stable functions: as of the batch

CREATE TABLE s (id int, d date) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id, now() AS at, current_setting('DateStyle') AS style, d::text, current_user AS who FROM s;
INSERT INTO s VALUES (1, '2024-02-03');
REFRESH MATERIALIZED VIEW v;
SELECT id, at = last_batch_at AS of_batch, style, d, who = session_user AS owner FROM v, streaming.views WHERE view = 'v'::regclass;
SET DateStyle = 'German';
INSERT INTO s VALUES (2, '2024-02-04');
REFRESH MATERIALIZED VIEW v;
SET DateStyle = 'ISO, MDY';
SELECT id, at = last_batch_at AS of_batch, d FROM v, streaming.views WHERE view = 'v'::regclass ORDER BY id;
SELECT count(DISTINCT at) FROM v;
DROP TABLE s CASCADE;

---- many rows: in portions, in batches, long ones

CREATE TABLE s (id int, t text) USING stream;
ALTER TABLE s ALTER t SET STORAGE EXTERNAL;
CREATE MATERIALIZED VIEW m_all WITH (streaming.continuous, streaming.max_batch_rows = 500) AS SELECT id, t FROM s WHERE id % 10 <> 0;
CREATE MATERIALIZED VIEW m_twice WITH (streaming.continuous) AS SELECT id, n, repeat(t, 2) AS t FROM s, generate_series(1, 2) AS n;
INSERT INTO s SELECT x, 'x' || x FROM generate_series(1, 999) x;
SELECT * FROM differences();
INSERT INTO s SELECT x, 'x' || x FROM generate_series(1000, 1999) x;
SELECT * FROM differences();
INSERT INTO s SELECT x, 'x' || x FROM generate_series(2000, 7001) x;
SELECT * FROM differences();
SELECT count(*), count(DISTINCT id), sum(id) FROM m_all;
-- out of line
INSERT INTO s SELECT -x, (SELECT string_agg(md5(x::text || g), '') FROM generate_series(1, 100 * x) g) FROM generate_series(1, 21) x;
INSERT INTO s SELECT -x, repeat('y', 1990) FROM generate_series(31, 99) x;
SELECT * FROM differences();
SELECT count(*), max(length(t)), sum(pg_column_size(t)) > 600000 AS stored FROM m_all WHERE id < 0;
SELECT pg_relation_size(reltoastrelid) > 0 AS toasted FROM pg_class
	WHERE oid = (SELECT state_table FROM streaming.views WHERE view = 'm_all'::regclass);
-- what is rolled back does not come out
BEGIN;
INSERT INTO s VALUES (10001, 'no');
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO s VALUES (10002, 'no');
ROLLBACK TO a;
INSERT INTO s VALUES (10003, 'yes');
COMMIT;
SELECT * FROM differences();
SELECT id FROM m_all WHERE id > 10000;
-- a batch that fails leaves nothing, and is made up for
CREATE TABLE divisor (d int);
INSERT INTO divisor VALUES (0);
CREATE MATERIALIZED VIEW m_fails WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT id, CASE WHEN id = 7001 THEN id / d ELSE id END AS q FROM s, divisor;
REFRESH MATERIALIZED VIEW m_fails;
SELECT count(*) FROM m_fails;
SELECT state_table AS result FROM streaming.views WHERE view = 'm_fails'::regclass \gset
VACUUM :result;
SELECT pg_relation_size(:'result') > 0 AS left_over;
UPDATE divisor SET d = 1;
REFRESH MATERIALIZED VIEW m_fails;
SELECT check_view('m_fails');
SELECT count(*) = (SELECT count(*) FROM s) AS all_of_them FROM m_fails;

-- VACUUM, ANALYZE, rewrites of the result
SELECT state_table AS result FROM streaming.views WHERE view = 'm_all'::regclass \gset
ANALYZE :result;
VACUUM :result;
VACUUM FULL :result;
ALTER TABLE :result SET (fillfactor = 80, autovacuum_enabled = off);
INSERT INTO s SELECT x, 'x' || x FROM generate_series(20001, 21500) x;
SELECT * FROM differences();
SELECT n_distinct FROM pg_stats WHERE tablename = regexp_replace(:'result', '.*\.', '') AND attname = 'id';

-- TRUNCATE of the stream: batches of this session; the result stays
INSERT INTO s SELECT x, 'last' FROM generate_series(30001, 32001) x;
SELECT count(*) AS before FROM s \gset
BEGIN;
TRUNCATE s;
INSERT INTO s VALUES (40001, 'next');
COMMIT;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT count(*) - :before AS more FROM m_fails;
REFRESH MATERIALIZED VIEW m_fails;
SELECT count(*) - :before AS more FROM m_fails;
SELECT count(*), count(DISTINCT id) FROM m_all WHERE id > 30000;
DROP TABLE s, divisor CASCADE;

---- indexes on the result

CREATE TABLE s (id int, a int[], t text, p point) USING stream;
INSERT INTO s SELECT x, ARRAY[x % 7, x % 11], 'word ' || x, point(x, x) FROM generate_series(1, 300) x;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT id, a, t, p, id + 1 AS next FROM s ORDER BY next DESC;
CREATE INDEX v_id ON v (id);
SELECT streaming.wait('v');
CREATE INDEX ON v USING gin (a);
CREATE INDEX ON v USING hash (t);
CREATE INDEX ON v USING gist (p);
CREATE INDEX ON v USING brin (next, id);
CREATE INDEX v_two ON v (t, next DESC) INCLUDE (id);
CREATE UNIQUE INDEX ON v (id);
CREATE INDEX ON v ((id + 1));
INSERT INTO s SELECT x, ARRAY[x % 7, x % 11], 'word ' || x, point(x, x) FROM generate_series(301, 1800) x;
SELECT * FROM differences(by_text => true);
SET enable_seqscan = off;
SELECT count(*) FROM v WHERE id BETWEEN 290 AND 310;
SELECT count(*) FROM v WHERE a @> '{6,10}';
SELECT id FROM v WHERE t = 'word 1500';
SELECT count(*) FROM v WHERE p <@ box '(295,295),(305,305)';
SELECT count(*) FROM v WHERE next BETWEEN 1700 AND 1800;
RESET enable_seqscan;
SELECT indexrelid::regclass, indisvalid FROM pg_index
	WHERE indrelid = (SELECT state_table FROM streaming.views WHERE view = 'v'::regclass) ORDER BY indexrelid::regclass::text COLLATE "C";
DROP INDEX streaming.v_two;
REINDEX INDEX streaming.v_id;
SELECT state_table AS result FROM streaming.views WHERE view = 'v'::regclass \gset
REINDEX TABLE :result;
INSERT INTO s SELECT x, ARRAY[x % 7, x % 11], 'word ' || x, point(x, x) FROM generate_series(1801, 1900) x;
SELECT streaming.wait('v');
SET enable_seqscan = off;
SELECT count(*), min(id), max(id) FROM v WHERE id > 1750;
RESET enable_seqscan;
SELECT check_view('v', by_text => true);
DROP TABLE s CASCADE;

---- types, and columns of all kinds

CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE s (gone int, id int, n numeric(8,3), c char(4), vc varchar(6), d posint, p pair, m mood, r int4range,
	ts timestamp(0), b bit(3), bytes bytea, i interval day to second(2), aa text[][], doubled int GENERATED ALWAYS AS (id * 2) STORED) USING stream;
ALTER TABLE s DROP COLUMN gone;
INSERT INTO s VALUES (1, 1.5, 'ab', 'abc', 3, ROW(1, 'x'), 'happy', '[1,5)', '2024-01-01 00:00:00.6', '101', '\x00ff', '1 day 00:00:01.239', '{{a,b},{c,NULL}}');
INSERT INTO s (id) VALUES (2);
CREATE MATERIALIZED VIEW t_all WITH (streaming.continuous) AS SELECT * FROM s;
CREATE MATERIALIZED VIEW t_parts WITH (streaming.continuous) AS
	SELECT id, (p).b AS pb, p IS NULL AS np, n::numeric(5,1) AS rounded, d + 1 AS d1, r * '[2,9]' AS r, aa[2:2] AS slice, ROW(id, vc)::pair AS made FROM s;
CREATE MATERIALIZED VIEW t_whole WITH (streaming.continuous) AS SELECT s AS whole, s.p AS p FROM s WHERE s IS NOT NULL OR id = 2;
CREATE MATERIALIZED VIEW t_system WITH (streaming.continuous) AS SELECT id, tableoid::regclass AS "table", ctid AS place FROM s;
SELECT * FROM differences(by_text => true);
-- (a stream whose whole rows are stored elsewhere is as fixed as any such table)
\set VERBOSITY sqlstate
ALTER TABLE s ADD COLUMN extra text DEFAULT 'default';
\set VERBOSITY default
-- rows from before a column was there
CREATE TABLE s_added (id int) USING stream;
INSERT INTO s_added VALUES (1);
ALTER TABLE s_added ADD COLUMN extra text DEFAULT 'default', ADD COLUMN none int;
INSERT INTO s_added VALUES (2, 'own', 2);
CREATE MATERIALIZED VIEW t_added WITH (streaming.continuous) AS SELECT * FROM s_added;
SELECT * FROM differences(by_text => true);
SELECT * FROM t_added ORDER BY id;
SELECT * FROM t_parts ORDER BY id;
\d t_all
-- what a view is made of cannot go without it
ALTER TABLE s DROP COLUMN n;
\echo :LAST_ERROR_SQLSTATE
DROP TYPE mood;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s RENAME COLUMN vc TO renamed;
ALTER TABLE s RENAME TO s_renamed;
ALTER MATERIALIZED VIEW t_parts RENAME COLUMN pb TO renamed;
ALTER MATERIALIZED VIEW t_parts RENAME TO t_parts2;
INSERT INTO s_renamed (id, n, d, p) VALUES (4, 7, 5, ROW(2, 'y'));
SELECT * FROM differences(by_text => true);
SELECT id, renamed, made FROM t_parts2 ORDER BY id;
DROP TYPE mood CASCADE;
SELECT view FROM streaming.views ORDER BY view::text COLLATE "C";
DROP TYPE pair CASCADE;
SELECT view FROM streaming.views ORDER BY view::text COLLATE "C";
DROP TABLE s_renamed, s_added CASCADE;
DROP DOMAIN posint;

---- partitioned, unlogged

CREATE TABLE p (day date, id int) PARTITION BY RANGE (day);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-01-02') USING stream;
CREATE TABLE p2 (id int, gone int, day date) USING stream;
ALTER TABLE p2 DROP COLUMN gone;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2024-01-02') TO ('2024-01-03');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT day, id, tableoid::regclass AS part, p AS whole FROM p WHERE id > 0;
INSERT INTO p SELECT '2024-01-01'::date + x % 2, x FROM generate_series(0, 9) x;
SELECT * FROM differences();
SELECT day, part, count(*) FROM v GROUP BY 1, 2 ORDER BY 1;
-- dropping a partition keeps its rows in the result
INSERT INTO p VALUES ('2024-01-01', 100);
DROP TABLE p1;
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2024-01-03') TO ('2024-01-04') USING stream;
INSERT INTO p VALUES ('2024-01-03', 101);
SELECT streaming.wait('v');
SELECT day, count(*), max(id) FROM v GROUP BY 1 ORDER BY 1;
DROP TABLE p CASCADE;
CREATE UNLOGGED TABLE u (id int, t text) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT id, t FROM u;
CREATE INDEX ON v (id);
INSERT INTO u SELECT x, repeat('z', x) FROM generate_series(1, 1100) x;
SELECT * FROM differences();
SELECT c.relpersistence, amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam
	WHERE c.oid = (SELECT state_table FROM streaming.views);
DROP TABLE u CASCADE;

---- event time: nothing is late (D2), null is kept (E3), the watermark is shown

CREATE TABLE e (ts timestamptz, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute', streaming.max_future = '1 day');
CREATE MATERIALIZED VIEW e_update WITH (streaming.continuous, streaming.output_mode = 'update') AS SELECT ts, id FROM e;
CREATE MATERIALIZED VIEW e_append WITH (streaming.continuous, streaming.output_mode = 'append', streaming.late_rows = 'keep') AS SELECT ts, id FROM e WHERE id > 0;
CREATE MATERIALIZED VIEW e_windows WITH (streaming.continuous) AS
	SELECT id, tumble(ts, '1 minute') AS w, window_time(tumble(ts, '1 hour')) AS t, session_window(ts, '1 minute') AS s FROM e;
CREATE MATERIALIZED VIEW e_hop WITH (streaming.continuous) AS SELECT id, hop(ts, '2 minutes', '1 minute') AS w FROM e;
CREATE MATERIALIZED VIEW e_from WITH (streaming.continuous) AS SELECT id, lower(w) AS start FROM e, hop(ts, '2 minutes', '1 minute') AS w;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous, streaming.distinct_within_watermark) AS SELECT ts, id FROM e;
INSERT INTO e VALUES ('2024-01-01 10:00+00', 1);
SELECT * FROM differences();
INSERT INTO e VALUES ('2024-01-01 09:00+00', 2), (NULL, 3), ('2024-01-01 10:30+00', 0);
SELECT * FROM differences();
INSERT INTO e VALUES ('2024-01-01 08:00+00', 4), ('infinity', 5), ('-infinity', 6);
SELECT streaming.wait(view) FROM streaming.views;
SELECT * FROM e_append ORDER BY id;
SELECT * FROM e_hop ORDER BY id, w;
SELECT view, watermark, late_rows, null_rows, groups FROM streaming.views ORDER BY view::text COLLATE "C";
-- far-off rows are put aside
SELECT view, reason, stream_row FROM streaming.errors ORDER BY view::text COLLATE "C", stream_row;
SELECT streaming.delete_errors(view) FROM streaming.views;
INSERT INTO e VALUES (now() + '2 days', 7);
SELECT streaming.wait(view) FROM streaming.views;
SELECT count(*) FROM e_update WHERE id = 7;
SELECT view, reason FROM streaming.errors ORDER BY view::text COLLATE "C";
ALTER MATERIALIZED VIEW e_update SET (streaming.output_mode = 'append');
DROP TABLE e CASCADE;

---- options

CREATE TABLE s (id int) USING stream;
INSERT INTO s VALUES (1);
CREATE MATERIALIZED VIEW o_later WITH (streaming.continuous) AS SELECT id FROM s WITH NO DATA;
CREATE MATERIALIZED VIEW o_paused WITH (streaming.continuous, streaming.enabled = off) AS SELECT id FROM s;
CREATE MATERIALIZED VIEW o_using USING heap WITH (streaming.continuous) AS SELECT id FROM s;
CREATE MATERIALIZED VIEW o_storage WITH (streaming.continuous, fillfactor = 70) AS SELECT id FROM s;
INSERT INTO s VALUES (2);
SELECT streaming.wait('o_later'), streaming.wait('o_storage');
SELECT * FROM o_later;
SELECT count(*) FROM o_paused;
ALTER MATERIALIZED VIEW o_paused SET (streaming.enabled = on, streaming.max_batch_rows = 1);
SELECT streaming.wait('o_paused');
SELECT * FROM o_paused ORDER BY id;
SELECT reloptions FROM pg_class WHERE oid = (SELECT state_table FROM streaming.views WHERE view = 'o_storage'::regclass);
DROP TABLE s CASCADE;

---- the result is for its view to write

CREATE TABLE s (id int, ts timestamptz) USING stream;
INSERT INTO s VALUES (1, '2024-01-01');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT id, ts FROM s;
SELECT streaming.wait('v');
SELECT state_table AS result FROM streaming.views \gset
SET test.result = :'result';
-- what it says, without the number
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE format(statement, current_setting('test.result'));
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(SQLSTATE || ': ' || message || ' / ' || hint, '_state_\d+', '_state_N', 'g');
END $$;
SELECT try('INSERT INTO %s VALUES (2)');
SELECT try('INSERT INTO %s SELECT * FROM %1$s');
SELECT try('UPDATE %s SET id = 2');
SELECT try('DELETE FROM %s');
SELECT try('INSERT INTO %s VALUES (1) ON CONFLICT DO NOTHING');
SELECT try('INSERT INTO v VALUES (2)');
SELECT try('UPDATE v SET id = 2 WHERE false');
SELECT try('DELETE FROM v');
SELECT try('WITH d AS (DELETE FROM v RETURNING id) SELECT * FROM d');
SELECT try('COPY %s FROM PROGRAM ''true''');
SELECT try('TRUNCATE %s');
SELECT try('DROP TABLE %s');
SELECT try('ALTER TABLE %s ADD COLUMN x int');
SELECT try('ALTER TABLE %s RENAME TO mine');
SELECT try('ALTER TABLE %s SET (streaming.event_time = ''ts'')');
SELECT try('ALTER TABLE %s RESET (streaming.event_time)');
SELECT try('ALTER TABLE %s SET SCHEMA public');
SELECT try('ALTER TABLE %s SET ACCESS METHOD heap');
SELECT try('ALTER TABLE %s SET UNLOGGED');
SELECT try('CREATE INDEX ON %s (id)');
SELECT try('CREATE TRIGGER t BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()');
SELECT try('CREATE TABLE child () INHERITS (%s)');
SELECT try('CREATE TABLE parent (id int, ts timestamptz) PARTITION BY RANGE (id); ALTER TABLE parent ATTACH PARTITION %s DEFAULT');
SELECT try('CREATE POLICY p ON %s');
SELECT try('CREATE RULE r AS ON INSERT TO %s DO INSTEAD NOTHING');
SELECT try('CREATE PUBLICATION p FOR TABLE %s');
SELECT try('CREATE STATISTICS st ON id, ts FROM %s');
SELECT try('ALTER TABLE s INHERIT %s');
SELECT try('CREATE TABLE r (id int REFERENCES %s (id))');
SELECT try('ALTER TABLE %s ENABLE ROW LEVEL SECURITY');
SELECT try('CREATE MATERIALIZED VIEW x WITH (streaming.continuous) AS SELECT count(*) FROM %s');
SELECT try('CREATE MATERIALIZED VIEW x WITH (streaming.continuous) AS SELECT id FROM %s');
SELECT stream, views FROM streaming.streams;
SELECT * FROM v;
SELECT id FROM v FOR UPDATE;
-- a function in the query that reads it reads another stream
CREATE FUNCTION of_result(int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM v WHERE id < $1';
CREATE MATERIALIZED VIEW through WITH (streaming.continuous) AS SELECT s.id, r FROM s, of_result(s.id) AS r;
DROP FUNCTION try;
DROP TABLE s CASCADE;
DROP FUNCTION of_result CASCADE;

---- rights

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b;
CREATE TABLE s (id int, secret text, owner name) USING stream;
INSERT INTO s VALUES (1, 'hush', 'regress_streaming_a'), (2, 'hush', 'regress_streaming_b');
GRANT SELECT (id, owner) ON s TO regress_streaming_a, regress_streaming_b;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS SELECT * FROM s;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS SELECT id FROM s ORDER BY secret;
CREATE MATERIALIZED VIEW r_columns WITH (streaming.continuous) AS SELECT id, owner FROM s;
SELECT streaming.wait('r_columns');
SELECT * FROM r_columns ORDER BY id;
SET ROLE regress_streaming_b;
SELECT * FROM r_columns;
SET ROLE regress_streaming_a;
GRANT SELECT (id) ON r_columns TO regress_streaming_b;
SET ROLE regress_streaming_b;
SELECT id FROM r_columns ORDER BY id;
SELECT owner FROM r_columns;
SELECT streaming.explain('r_columns');
-- policies hide rows, before and after they are made
RESET ROLE;
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON s USING (owner = current_user);
INSERT INTO s VALUES (3, 'hush', 'regress_streaming_a'), (4, 'hush', 'regress_streaming_b');
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW r_policy WITH (streaming.continuous) AS SELECT id, owner FROM s UNION ALL SELECT -id, owner FROM s WHERE id > 1;
SELECT streaming.wait('r_policy'), streaming.wait('r_columns');
SELECT * FROM r_policy ORDER BY id;
SELECT * FROM r_columns ORDER BY id;
RESET ROLE;
-- another owner: with his rights from then on
ALTER MATERIALIZED VIEW r_policy OWNER TO regress_streaming_b;
INSERT INTO s VALUES (5, 'hush', 'regress_streaming_a'), (6, 'hush', 'regress_streaming_b');
SELECT streaming.wait('r_policy');
SELECT * FROM r_policy ORDER BY id;
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = (SELECT state_table FROM streaming.views WHERE view = 'r_policy'::regclass);
-- behind a barrier
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, owner FROM s WHERE secret <> 'told';
GRANT SELECT ON barrier TO regress_streaming_a;
INSERT INTO s VALUES (7, 'told', 'regress_streaming_a');
CREATE FUNCTION leak(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$
BEGIN
	RAISE WARNING 'leaked %', $1;
	RETURN true;
END $$;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW r_barrier WITH (streaming.continuous, streaming.trigger = 'manual', streaming.trust_functions) AS SELECT id FROM barrier WHERE leak(id);
REFRESH MATERIALIZED VIEW r_barrier;
SELECT array_agg(id ORDER BY id) FROM r_barrier;
RESET ROLE;
-- an event time that both parts of UNION ALL hand on, through views of somebody else
CREATE TABLE e (ts timestamptz, id int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
CREATE VIEW e_first AS SELECT id, ts FROM e WHERE id < 10;
CREATE VIEW e_second AS SELECT ts AS at, -id AS id, id * 2 AS other FROM e WHERE id >= 10;
GRANT SELECT ON e_first, e_second TO regress_streaming_a;
INSERT INTO e VALUES ('2024-01-01 10:00+00', 1), ('2024-01-01 12:00+00', 11);
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW r_union WITH (streaming.continuous) AS SELECT ts, id FROM e_first UNION ALL SELECT at, id FROM e_second;
CREATE MATERIALIZED VIEW r_unseen WITH (streaming.continuous) AS SELECT ts, id FROM e_first UNION ALL SELECT NULL, other FROM e_second;
SELECT streaming.wait('r_union'), streaming.wait('r_unseen');
SELECT view, watermark, input_times FROM streaming.views WHERE view::text LIKE 'r_un%' ORDER BY view::text COLLATE "C";
SELECT * FROM r_union ORDER BY id;
RESET ROLE;
DROP TABLE e CASCADE;
-- the right to read is looked at in each batch
REVOKE SELECT (id, owner) ON s FROM regress_streaming_a;
INSERT INTO s VALUES (8, 'hush', 'regress_streaming_a');
SELECT streaming.wait('r_columns');
SELECT last_error FROM streaming.views WHERE view = 'r_columns'::regclass;
GRANT SELECT (id, owner) ON s TO regress_streaming_a;
SELECT streaming.wait('r_columns');
SELECT max(id) FROM r_columns;
DROP TABLE s CASCADE;
DROP FUNCTION leak;
REVOKE CREATE ON SCHEMA public FROM regress_streaming_a, regress_streaming_b;
DROP ROLE regress_streaming_a, regress_streaming_b;

DROP FUNCTION differences;
SELECT * FROM leftovers();
