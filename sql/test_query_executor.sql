-- The executor that batches of few rows share: whatever comes between two of them, the
-- result is the query's
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET client_min_messages = warning;
CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE s (k int, v int, t text, m mood) USING stream;
CREATE TABLE e (ts timestamptz, v int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE part (p int, v int) PARTITION BY LIST (p);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1) USING stream;
GRANT SELECT ON s, e, part TO regress_streaming_a, regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a, regress_streaming_b;
SET ROLE regress_streaming_a;
CREATE PROCEDURE pg_temp.make() LANGUAGE plpgsql AS $$
DECLARE q record;
BEGIN
	FOR q IN SELECT * FROM (VALUES
		('grouped', 'SELECT k, count(*), sum(v), min(t), max(t) AS hi, avg(v) FROM s GROUP BY k'),
		('scalar', 'SELECT count(*), sum(v), max(t) FROM s'),
		('passed', 'SELECT k, v * 2 AS v, t || ''!'' AS t FROM s WHERE v % 3 <> 0'),
		('nothing', 'SELECT k, v FROM s WHERE 1 = 2'),
		('different', 'SELECT DISTINCT t, v % 2 AS odd FROM s'),
		('latest', 'SELECT DISTINCT ON (k) k, v, t FROM s ORDER BY k, v DESC, t'),
		('moods', 'SELECT m, count(*) FROM s GROUP BY m'),
		('absolute', 'SELECT abs(k) AS k, count(*), sum(abs(v)) FROM s GROUP BY abs(k)'),
		('whole', 'SELECT k, count(s.*), max(s.t) FROM s GROUP BY k'),
		('kept', 'SELECT k, count(DISTINCT t), string_agg(t, '','' ORDER BY v, t) FROM s GROUP BY k'),
		('sets', 'SELECT k, m, count(*) FROM s GROUP BY CUBE (k, m)'),
		('above', 'SELECT n, count(*) FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q GROUP BY n'),
		('parts', 'SELECT p, count(*), sum(v) FROM part GROUP BY p'),
		('timed', 'SELECT tumble(ts, ''1 min'') AS w, count(*), sum(v) FROM e GROUP BY w')) AS x (name, query)
	LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW %I WITH (streaming.continuous, streaming.trigger = ''manual'') AS %s', q.name, q.query);
	END LOOP;
END $$;
CALL pg_temp.make();
RESET ROLE;
-- a row at a time, with groups that are new and others, nulls, and no rows
CREATE PROCEDURE trickle(first int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN first .. first + 4 LOOP
		INSERT INTO s SELECT nullif(i % 4, 2), i, 't' || i % 3, (enum_range(NULL::mood))[1 + i % 2] WHERE i % 5 <> 3;
		INSERT INTO s SELECT nullif(i % 4, 2), i, NULL, NULL WHERE i % 5 = 1;
		INSERT INTO part VALUES (1, i);
		COMMIT;
		CALL refresh_views();
	END LOOP;
END $$;
CREATE FUNCTION wrong() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', view, check_view(view), last_error) FROM streaming.views
	WHERE view <> 'timed'::regclass AND (check_view(view) <> 'ok' OR failures > 0) ORDER BY view::text COLLATE "C"
$$;
CALL trickle(1);
SELECT * FROM wrong();
-- many groups at once, and few again; the same with long values
INSERT INTO s SELECT i, i, repeat('long', i % 100) FROM generate_series(1, 5000) i;
CALL trickle(6);
SELECT * FROM wrong();
INSERT INTO s SELECT 1, i, repeat(md5(i::text), 1000) FROM generate_series(1, 3) i;
CALL trickle(11);
SELECT * FROM wrong();

-- What is late, and what closes, is another thing in each batch.
INSERT INTO e VALUES ('2024-01-01 10:00', 1);
REFRESH MATERIALIZED VIEW timed;
INSERT INTO e VALUES ('2024-01-01 11:00', 2);
REFRESH MATERIALIZED VIEW timed;
INSERT INTO e VALUES ('2024-01-01 10:30', 4), ('2024-01-01 11:00:01', 8), (NULL, 16);
REFRESH MATERIALIZED VIEW timed;
INSERT INTO e VALUES ('2024-01-01 12:00', 32), ('2024-01-01 10:30', 64);
REFRESH MATERIALIZED VIEW timed;
INSERT INTO e VALUES ('2024-01-01 11:30', 128), ('2024-01-01 12:00', 256);
REFRESH MATERIALIZED VIEW timed;
SELECT lower(w), count, sum FROM timed ORDER BY w;
SELECT watermark, late_rows, null_rows FROM streaming.views WHERE view = 'timed'::regclass;

-- The stream is another.
ALTER TABLE s ADD COLUMN x int DEFAULT 7;
CALL trickle(21);
ALTER TABLE s ALTER COLUMN x SET DEFAULT 8;
CALL trickle(26);
ALTER TABLE s DROP COLUMN x;
ALTER TABLE s RENAME COLUMN t TO text;
CALL trickle(31);
ANALYZE s;
VACUUM s;
CALL trickle(36);
ALTER TYPE mood ADD VALUE 'middle' BEFORE 'high';
CALL trickle(41);
CREATE TABLE part2 PARTITION OF part FOR VALUES IN (2) USING stream;
INSERT INTO part VALUES (2, 1);
CALL trickle(46);
SELECT * FROM wrong();
ALTER MATERIALIZED VIEW grouped RENAME TO by_key;
ALTER TABLE s RENAME TO s2;
ALTER TABLE s2 RENAME TO s;
CALL trickle(51);
SELECT * FROM wrong();
-- what has been read stays
CREATE TABLE r (k int) USING stream;
CREATE MATERIALIZED VIEW cut WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT k, count(*) FROM r GROUP BY k;
INSERT INTO r VALUES (1);
REFRESH MATERIALIZED VIEW cut;
INSERT INTO r VALUES (1), (2);
REFRESH MATERIALIZED VIEW cut;
TRUNCATE r;
INSERT INTO r VALUES (1);
REFRESH MATERIALIZED VIEW cut;
TRUNCATE r;
REFRESH MATERIALIZED VIEW cut;
SELECT * FROM cut ORDER BY k;

-- So is what its owner may do.
CREATE FUNCTION said(v regclass) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN streaming.wait(v);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE PROCEDURE one_more() LANGUAGE sql AS $$INSERT INTO s VALUES (-1, -1, 'x', 'low')$$;
CALL one_more();
SELECT streaming.wait('absolute'), streaming.wait('passed');
REVOKE EXECUTE ON FUNCTION abs(int) FROM PUBLIC;
CALL one_more();
SELECT said('absolute'), said('passed');
GRANT EXECUTE ON FUNCTION abs(int) TO PUBLIC;
SELECT said('absolute'), check_view('absolute');
REVOKE SELECT ON s FROM regress_streaming_a;
CALL one_more();
SELECT said('absolute'), said('passed');
GRANT SELECT (k) ON s TO regress_streaming_a;
SELECT said('absolute'), said('passed');
GRANT SELECT (k, v, text, m) ON s TO regress_streaming_a;
SELECT said('absolute'), said('passed'), check_view('absolute'), check_view('passed');
REVOKE SELECT (v) ON s FROM regress_streaming_a;
CALL one_more();
SELECT said('absolute'), said('by_key');
GRANT SELECT ON s TO regress_streaming_a;
SELECT said('absolute'), said('by_key'), check_view('absolute'), check_view('by_key');
-- by a policy
CREATE POLICY few ON s TO regress_streaming_a USING (v > -2);
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
INSERT INTO s VALUES (-1, -5, 'hidden', 'low'), (-1, -1, 'x', 'low');
SELECT said('absolute');
SELECT (SELECT count FROM absolute WHERE k = 1) - (SELECT count(*) FROM s WHERE abs(k) = 1) AS hidden;
ALTER POLICY few ON s USING (v > -9);
INSERT INTO s VALUES (-1, -5, 'seen', 'low'), (-1, -10, 'hidden', 'low');
SELECT said('absolute');
SELECT (SELECT count FROM absolute WHERE k = 1) - (SELECT count(*) FROM s WHERE abs(k) = 1) AS hidden;
-- which is for who owns the database
CREATE POLICY every ON s TO pg_database_owner USING (true);
CREATE PROCEDURE own(name text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), name);
END $$;
CALL own('regress_streaming_a');
INSERT INTO s VALUES (-1, -20, 'seen', 'low');
SELECT said('absolute');
SELECT (SELECT count FROM absolute WHERE k = 1) - (SELECT count(*) FROM s WHERE abs(k) = 1) AS hidden;
CALL own(current_user);
INSERT INTO s VALUES (-1, -20, 'hidden', 'low');
SELECT said('absolute');
SELECT (SELECT count FROM absolute WHERE k = 1) - (SELECT count(*) FROM s WHERE abs(k) = 1) AS hidden;
DROP PROCEDURE own(text);
ALTER TABLE s DISABLE ROW LEVEL SECURITY;
DROP POLICY few ON s;
DROP POLICY every ON s;
-- as another
ALTER MATERIALIZED VIEW by_key OWNER TO regress_streaming_b;
CALL one_more();
SELECT said('by_key');
REVOKE SELECT ON s FROM regress_streaming_b;
CALL one_more();
SELECT said('by_key');
GRANT SELECT ON s TO regress_streaming_b;
SELECT said('by_key'), check_view('by_key');
-- as a member of a role, or one whom no policy counts for
CREATE ROLE regress_streaming_c;
CREATE POLICY positive ON s TO regress_streaming_a USING (v > 0);
CREATE POLICY negative ON s TO regress_streaming_c USING (v < 0);
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION seen_of_two() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before bigint := (SELECT count FROM absolute WHERE k = 1);
	answer text;
BEGIN
	answer := said('absolute');
	RETURN concat_ws(' ', answer, (SELECT count FROM absolute WHERE k = 1) - before);
END $$;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
GRANT regress_streaming_c TO regress_streaming_a;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
REVOKE regress_streaming_c FROM regress_streaming_a;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
ALTER ROLE regress_streaming_a BYPASSRLS;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
ALTER ROLE regress_streaming_a NOBYPASSRLS;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
ALTER POLICY negative ON s TO regress_streaming_a;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
DROP POLICY positive ON s;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
DROP POLICY negative ON s;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
ALTER TABLE s DISABLE ROW LEVEL SECURITY;
INSERT INTO s VALUES (1, 7, 'x', 'low'), (1, -7, 'x', 'low');
SELECT seen_of_two();
-- and what he may call
REVOKE EXECUTE ON FUNCTION sum(int) FROM PUBLIC;
CALL one_more();
SELECT said('absolute'), said('different');
GRANT EXECUTE ON FUNCTION sum(int) TO PUBLIC;
SELECT said('absolute'), said('different');

-- Indexes of the state, statistics, and functions whose text the planner takes.
CREATE INDEX by_sum ON absolute (sum);
CREATE FUNCTION found(v regclass) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	r record;
	n bigint := 0;
BEGIN
	FOR r IN EXECUTE format('SELECT * FROM %s', v) LOOP
		n := n + (SELECT count(*) FROM absolute WHERE sum = r.sum AND k IS NOT DISTINCT FROM r.k);
	END LOOP;
	RETURN n;
END $$;
CREATE FUNCTION share(v int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v / 2';
CREATE MATERIALIZED VIEW shares WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*), sum(share(v)) FROM s WHERE k > 90000 GROUP BY k;
CREATE PROCEDURE two_batches(k int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..2 LOOP
		INSERT INTO s VALUES (k, 12, 'x', 'low'), (NULL, 12, 'x', 'low'), (k + 1, 6, 'x', 'low'), (k + 1, NULL, NULL, NULL);
		COMMIT;
		CALL refresh_views();
	END LOOP;
END $$;
CALL two_batches(90001);
SELECT * FROM shares ORDER BY k;
CREATE OR REPLACE FUNCTION share(v int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v / 3';
ALTER TABLE s ALTER COLUMN k SET STATISTICS 1, ALTER COLUMN k SET (n_distinct = 3);
ANALYZE s;
CALL two_batches(90001);
SELECT * FROM shares ORDER BY k;
SELECT found('absolute') - count(*) AS not_found FROM absolute WHERE sum IS NOT NULL;
DROP INDEX streaming.by_sum;
ALTER TABLE s ALTER COLUMN k SET STATISTICS -1, ALTER COLUMN k RESET (n_distinct);
CREATE INDEX by_sum ON absolute (sum DESC, k);
CALL two_batches(90003);
SELECT found('absolute') - count(*) AS not_found FROM absolute WHERE sum IS NOT NULL;
DROP INDEX streaming.by_sum;
DROP MATERIALIZED VIEW shares;
SELECT count(*) FROM (TABLE absolute EXCEPT ALL
	SELECT abs(k), count(*), sum(abs(v)) FROM s GROUP BY abs(k)) q WHERE k IS DISTINCT FROM 1;
SELECT count(*) FROM (SELECT abs(k), count(*), sum(abs(v)) FROM s GROUP BY abs(k) EXCEPT ALL
	TABLE absolute) q WHERE abs IS DISTINCT FROM 1;

-- Settings of the role and of the database are not those of the view.
CREATE TABLE z (ts timestamptz, v int) USING stream;
GRANT SELECT ON z TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW zoned WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT ts::date AS d, count(*), sum(v) FROM z GROUP BY ts::date;
RESET ROLE;
CREATE PROCEDURE evening() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..2 LOOP
		INSERT INTO z VALUES ('2024-01-01 23:30+00', 1), ('2024-01-01 12:00+00', 2), (NULL, 4);
		COMMIT;
		REFRESH MATERIALIZED VIEW zoned;
	END LOOP;
END $$;
CALL evening();
ALTER ROLE regress_streaming_a SET TimeZone = 'Asia/Tokyo';
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'Asia/Tokyo'); END $$;
CALL evening();
SELECT * FROM zoned ORDER BY d;
SELECT count(pg_terminate_backend(pid)) > 0 AS ended FROM pg_stat_activity
	WHERE datname = current_database() AND backend_type = 'streaming worker';
CALL evening();
SELECT * FROM zoned ORDER BY d;
SELECT check_view('zoned');
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET TimeZone', current_database()); END $$;
DROP TABLE z CASCADE;
DROP FUNCTION share(int), found(regclass), seen_of_two();
DROP PROCEDURE two_batches(int), evening();
DROP ROLE regress_streaming_c;

-- A batch that fails leaves nothing behind.
CREATE MATERIALIZED VIEW divided WITH (streaming.continuous, streaming.trigger = 'manual', streaming.on_error = 'skip') AS
	SELECT k, count(*), sum(100 / v) FROM s WHERE v < 1000000 AND v <> -10 GROUP BY k;
SELECT said('divided');
INSERT INTO s VALUES (1, 1, 'x', 'low');
SELECT said('divided');
INSERT INTO s VALUES (1, 2, 'x', 'low'), (2, 0, 'x', 'low'), (3, 4, 'x', 'low');
SELECT said('divided');
INSERT INTO s VALUES (1, 5, 'x', 'low');
SELECT said('divided');
SELECT count(*) FROM (TABLE divided EXCEPT ALL
	SELECT k, count(*), sum(100 / v) FROM s WHERE v NOT IN (0, -10) GROUP BY k) q;
SELECT count(*), min(message) FROM streaming.errors;

-- Keys of row types: what has been remembered of groups is found when the type has a column more.
CREATE TYPE pair AS (a int, b text);
CREATE TYPE named AS (p pair, name text);
CREATE TABLE c (p pair, k int) USING stream;
CREATE MATERIALIZED VIEW pairs WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT p, count(*) FROM c GROUP BY p;
CREATE MATERIALIZED VIEW pairs_first WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (p) p, k FROM c ORDER BY p, k;
CREATE MATERIALIZED VIEW pairs_within WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT ARRAY[ROW(p, 'x')::named] AS n, count(*) FROM c GROUP BY 1;
CREATE MATERIALIZED VIEW pairs_whole WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT c, count(*) FROM c GROUP BY c;
CREATE MATERIALIZED VIEW pairs_above WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT p, count(*) FROM (SELECT p, k, count(*) FROM c GROUP BY 1, 2) q GROUP BY p;
INSERT INTO c VALUES (ROW(1, 'x'), 1), (ROW(2, 'y'), 1);
CALL refresh_views();
ALTER TYPE pair ADD ATTRIBUTE c int CASCADE;
INSERT INTO c VALUES (ROW(1, 'x', NULL), 1), (ROW(3, 'y', 5), 2);
CALL refresh_views();
ALTER TABLE c ADD COLUMN x int;
INSERT INTO c VALUES (ROW(1, 'x', NULL), 1), (ROW(3, 'y', 5), 2);
CALL refresh_views();
SELECT view, check_view(view), failures, last_error FROM streaming.views WHERE view::text ~ '^pairs' ORDER BY view::text COLLATE "C";

DROP TABLE s, e, r, part, c CASCADE;
DROP PROCEDURE trickle(int), one_more();
DROP FUNCTION said(regclass), wrong();
DROP TYPE mood, named, pair;
DROP OWNED BY regress_streaming_a, regress_streaming_b;
DROP ROLE regress_streaming_a, regress_streaming_b;
SELECT leftovers();
