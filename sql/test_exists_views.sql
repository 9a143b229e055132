-- EXISTS, IN and NOT EXISTS over other continuous views: what these show comes and goes
\set SHOW_CONTEXT never
CREATE SCHEMA ev;
SET search_path = ev, public;
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE TABLE s (id int, k int, x int, t text) USING stream;
CREATE TABLE r (k int, y int) USING stream;
CREATE TABLE e (id int, k int, x int) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 9) i;

---- by hand: content first, then what changes
CREATE MATERIALIZED VIEW few WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) AS n FROM s GROUP BY k HAVING count(*) < 3;
INSERT INTO s (id, k) VALUES (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 3);
REFRESH MATERIALIZED VIEW few;
TABLE few ORDER BY k;
INSERT INTO e (id, k) VALUES (1, 1), (2, 2), (2, 2), (3, 3), (4, 4), (5, NULL);
CREATE MATERIALIZED VIEW found WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT id, k FROM e WHERE EXISTS (SELECT FROM few WHERE few.k = e.k);
CREATE MATERIALIZED VIEW missed WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT id, k FROM e WHERE NOT EXISTS (SELECT FROM few WHERE few.k = e.k AND few.n > 0);
CREATE MATERIALIZED VIEW chosen WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT id, k FROM e WHERE k IN (SELECT k FROM few GROUP BY k HAVING sum(n) > 1);
SELECT view, streams FROM streaming.views WHERE view::text IN ('found', 'missed') ORDER BY 1;
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
BEGIN
	REFRESH MATERIALIZED VIEW found;
	REFRESH MATERIALIZED VIEW missed;
	REFRESH MATERIALIZED VIEW chosen;
END $$;
CREATE VIEW shown AS SELECT 'found' AS v, * FROM found UNION ALL SELECT 'missed', * FROM missed UNION ALL SELECT 'chosen', * FROM chosen;
CALL refresh_all();
SELECT * FROM shown ORDER BY v, id;
-- a group goes, another one comes
INSERT INTO s (id, k) VALUES (7, 2), (8, 4);
CALL refresh_all();
SELECT * FROM shown ORDER BY v, id;
-- a group changes: what asks whether it is there, does not
INSERT INTO s (id, k) VALUES (9, 1);
CALL refresh_all();
SELECT * FROM shown ORDER BY v, id;
-- rows of the stream come beside a group that goes, and one that comes
INSERT INTO s (id, k) VALUES (10, 1), (11, 5);
INSERT INTO e (id, k) VALUES (6, 1), (7, 5);
CALL refresh_all();
SELECT * FROM shown ORDER BY v, id;
SELECT op, id, k, count(*) FROM found_changes GROUP BY batch, 1, 2, 3 ORDER BY batch, 1, 2;
SELECT op, id, k, count(*) FROM missed_changes GROUP BY batch, 1, 2, 3 ORDER BY batch, 1, 2;
SELECT regexp_replace(line, '\d{4,}', 'N') AS explained FROM streaming.explain('found') AS line
	WHERE line ~ '^ {0,2}(Operator|State|Bounded|Combined|Computed|Feed)';
DROP MATERIALIZED VIEW found, missed, chosen CASCADE;
DROP PROCEDURE refresh_all;
DROP MATERIALIZED VIEW few;
TRUNCATE s, e;

---- against the plain query
INSERT INTO s SELECT i, i % 7, i % 5, 't' || i % 4 FROM generate_series(1, 30) i;
INSERT INTO r SELECT i % 4, i FROM generate_series(1, 8) i;
INSERT INTO e SELECT i, i % 9, i % 6 FROM generate_series(1, 20) i;
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, name text, query text);
INSERT INTO queries (name, query) VALUES
('added', 'SELECT id, k, x * 2 AS x FROM s WHERE id % 10 > 0'),
('groups', 'SELECT k, count(*) AS n, sum(x) AS sum FROM s GROUP BY k HAVING count(*) % 4 <> 2'),
('latest', 'SELECT DISTINCT ON (k) k, id, x FROM s ORDER BY k, id DESC'),
('different', 'SELECT DISTINCT k + 1 AS k, t FROM s'),
('outer_join', 'SELECT s.id, s.k, r.y FROM s LEFT JOIN r ON s.k = r.k'),
('absent', 'SELECT id, k FROM s WHERE NOT EXISTS (SELECT FROM r WHERE r.k = s.k AND r.y > s.x)'),
('ranges', 'SELECT k, min(x) AS lo, max(x) AS hi FROM s GROUP BY k HAVING count(*) % 3 > 0'),
('one', 'SELECT count(*) AS n, max(k) AS k FROM e'),
('sizes', 'SELECT n, count(*) AS m FROM groups GROUP BY n'),
('sizes_found', 'SELECT n, m FROM sizes WHERE m IN (SELECT k FROM latest)'),
-- by what is equal
('v', 'SELECT id, k FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k LIMIT 1)'),
('v', 'SELECT k FROM latest WHERE NOT EXISTS (SELECT FROM ranges WHERE ranges.k = latest.k ORDER BY lo LIMIT 3)'),
('v', 'SELECT e.id, r.y FROM e JOIN r ON r.k = e.k AND EXISTS (SELECT FROM latest WHERE latest.k = r.k)'),
('v', 'SELECT e.id, name FROM e JOIN s ON s.k = e.k AND s.x IN (SELECT k FROM latest) AND NOT EXISTS (SELECT FROM groups WHERE groups.k = s.id) LEFT JOIN dim ON dim.k = e.k'),
('v', 'SELECT id, k FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k)'),
('v', 'SELECT id, k FROM e WHERE NOT EXISTS (SELECT FROM groups WHERE groups.k = e.k)'),
('v', 'SELECT id, x FROM e WHERE k IN (SELECT n FROM groups)'),
('v', 'SELECT id, x FROM e WHERE k IN (SELECT k FROM groups WHERE n > 3)'),
('v', 'SELECT id, x FROM e WHERE k IN (SELECT n FROM groups GROUP BY n HAVING count(*) > 1)'),
('v', 'SELECT id, x FROM e WHERE (k, x) IN (SELECT k, id % 6 FROM latest)'),
('v', 'SELECT id, x FROM e WHERE k IN (SELECT k FROM different)'),
('v', 'SELECT id, x FROM e WHERE x IN (SELECT m FROM sizes)'),
('v', 'SELECT id, x FROM e WHERE NOT EXISTS (SELECT FROM sizes_found q WHERE q.n = e.k)'),
('v', 'SELECT id, k FROM e WHERE EXISTS (SELECT FROM added WHERE added.k = e.k AND added.x = e.x)'),
('v', 'SELECT id, k FROM e WHERE k IN (SELECT n % 9 FROM one)'),
-- by what is compared
('v', 'SELECT id, x FROM e WHERE NOT EXISTS (SELECT FROM ranges q WHERE q.lo <= e.x AND q.hi > e.x)'),
('v', 'SELECT id, x FROM e WHERE EXISTS (SELECT FROM ranges q WHERE e.x BETWEEN q.lo AND q.hi AND q.k <> e.k)'),
('v', 'SELECT id, x FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k AND latest.x > e.x)'),
('v', 'SELECT id, x FROM e WHERE NOT EXISTS (SELECT FROM outer_join o WHERE o.k = e.k AND o.y IS NULL)'),
('v', 'SELECT id, x FROM e WHERE NOT EXISTS (SELECT FROM absent WHERE absent.k = e.k AND absent.id > e.id)'),
('v', 'SELECT id, x FROM e WHERE NOT EXISTS (SELECT FROM one WHERE one.k > e.k)'),
-- several, of several kinds
('v', 'SELECT id, k, x FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k) AND NOT EXISTS (SELECT FROM latest WHERE latest.k = e.k AND latest.x > e.x) AND x IN (SELECT y FROM outer_join)'),
('v', 'SELECT id, k, x FROM e WHERE NOT EXISTS (SELECT FROM groups g WHERE g.k = e.k) AND NOT EXISTS (SELECT FROM groups g WHERE g.n = e.x) AND NOT EXISTS (SELECT FROM r WHERE r.k = e.k AND r.y = e.id)'),
('v', 'SELECT id, k, x FROM e WHERE EXISTS (SELECT FROM groups g WHERE g.k = e.k AND g.n > e.x) AND EXISTS (SELECT FROM latest WHERE latest.id > e.id AND latest.k = e.k)'),
('v', 'SELECT id FROM e WHERE EXISTS (SELECT FROM groups JOIN latest USING (k) WHERE k = e.k AND latest.x < groups.n)'),
('v', 'SELECT id FROM e WHERE NOT EXISTS (SELECT FROM groups JOIN r USING (k) WHERE k = e.k AND r.y > e.x)'),
('v', 'SELECT id FROM e WHERE EXISTS (SELECT FROM r WHERE r.k = e.k AND NOT EXISTS (SELECT FROM groups WHERE groups.k = r.y))'),
('v', 'SELECT id FROM e WHERE k IN (SELECT k FROM groups UNION ALL SELECT k FROM absent)'),
('v', 'SELECT id FROM e WHERE k IN (SELECT k FROM (SELECT k, rank() OVER (ORDER BY n DESC) AS rn FROM groups) q WHERE rn <= 2)'),
('v', 'SELECT id FROM e WHERE k = ANY (WITH g AS (SELECT * FROM groups) SELECT k FROM g WHERE n > 2)'),
('v', 'WITH g AS (SELECT * FROM groups), h AS (SELECT k FROM g WHERE n > 2) SELECT id FROM e WHERE NOT EXISTS (SELECT FROM h WHERE h.k = e.k)'),
('v', 'WITH g AS (SELECT * FROM groups) SELECT e.id, g.n FROM e JOIN g USING (k) WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.x)'),
-- views in FROM, too: the same, others, itself
('v', 'SELECT k, n FROM groups WHERE EXISTS (SELECT FROM latest WHERE latest.k = groups.k AND latest.x < groups.n)'),
('v', 'SELECT k, n FROM groups g WHERE NOT EXISTS (SELECT FROM groups h WHERE h.k = g.k + 1)'),
('v', 'SELECT k, n FROM groups g WHERE n IN (SELECT n FROM groups h WHERE h.k % 2 = 1)'),
('v', 'SELECT e.id, groups.n FROM e JOIN groups USING (k) WHERE NOT EXISTS (SELECT FROM groups h WHERE h.n > groups.n AND h.k = e.x)'),
('v', 'SELECT e.id, groups.n FROM e JOIN groups USING (k) WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.x)'),
('v', 'SELECT id, k FROM absent WHERE EXISTS (SELECT FROM latest WHERE latest.k = absent.k AND latest.id > absent.id)'),
('v', 'SELECT q.c, q.k FROM (SELECT k, count(*) AS c FROM e GROUP BY k) q WHERE NOT EXISTS (SELECT FROM groups WHERE groups.n = q.c)'),
('v', 'SELECT q.c, q.k FROM (SELECT k, count(*) AS c FROM e GROUP BY k) q WHERE k IN (SELECT k FROM groups)'),
-- above: aggregations, distinct and first rows
('v', 'SELECT k, count(*) AS n, sum(x) AS x FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k) GROUP BY k'),
('v', 'SELECT count(*) AS n, array_agg(id ORDER BY id) AS ids FROM e WHERE NOT EXISTS (SELECT FROM groups WHERE groups.k = e.k AND groups.n > e.x)'),
('v', 'SELECT c, count(*) AS n FROM (SELECT k, count(*) AS c FROM e WHERE k IN (SELECT k FROM groups) GROUP BY k) q GROUP BY c'),
('v', 'SELECT DISTINCT x FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k)'),
('v', 'SELECT DISTINCT ON (x) x, id FROM e WHERE NOT EXISTS (SELECT FROM groups WHERE groups.k = e.k) ORDER BY x, id DESC'),
('v', 'SELECT id, x FROM (SELECT *, row_number() OVER (PARTITION BY x ORDER BY id DESC) AS rn FROM e WHERE k IN (SELECT k FROM groups)) q WHERE rn <= 2'),
('v', 'SELECT q.id, r.y FROM (SELECT * FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k)) q JOIN r USING (k)'),
('v', 'SELECT q.id, r.y FROM (SELECT * FROM e WHERE NOT EXISTS (SELECT FROM groups WHERE groups.k = e.k)) q LEFT JOIN r USING (k)'),
('v', 'SELECT id FROM e WHERE NOT EXISTS (SELECT FROM groups WHERE groups.k = e.k) UNION ALL SELECT k FROM latest WHERE k IN (SELECT k FROM groups)'),
('v', 'SELECT w, count(*) AS n FROM (SELECT id / 10 AS w FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k)) q GROUP BY ROLLUP (w)'),
-- tables are looked up when the row comes, outer joins are before
('v', 'SELECT e.id, dim.name FROM e JOIN dim USING (k) WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k)'),
('v', 'SELECT e.id, dim.name FROM e LEFT JOIN dim ON dim.k = e.x WHERE e.k IN (SELECT k FROM groups) AND e.x IN (SELECT k FROM dim) AND now() IS NOT NULL'),
('v', 'SELECT dim.name, count(*) AS n FROM e JOIN dim USING (k) WHERE NOT EXISTS (SELECT FROM groups WHERE groups.k = e.x) GROUP BY name'),
('v', 'SELECT e.id, r.y FROM e LEFT JOIN r ON r.k = e.k WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k)'),
('v', 'SELECT e.id, r.y FROM e LEFT JOIN r ON r.k = e.k WHERE EXISTS (SELECT FROM s WHERE s.k = e.k)'),
('v', 'SELECT r.y, count(*) AS n FROM e FULL JOIN r ON r.k = e.k LEFT JOIN latest ON latest.k = r.y WHERE r.y IN (SELECT n FROM groups) GROUP BY r.y'),
('v', 'SELECT e.id, e.x FROM e JOIN dim USING (k) WHERE e.x IN (SELECT n FROM (SELECT k, count(*) AS n FROM r GROUP BY k) q)');
UPDATE queries SET name = 'v' || n WHERE name = 'v';
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, streaming.max_batch_rows = %s) AS %s',
				q.name, CASE WHEN q.n % 2 = 0 THEN 2 ELSE 1000 END, q.query);
		EXCEPTION WHEN feature_not_supported THEN
			RAISE WARNING '%: %', q.query, sqlerrm;
		END;
	END LOOP;
END $$;
-- the rows in which a view and its query over the streams differ
CREATE FUNCTION wrong() RETURNS TABLE (view text, query text, differs text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	below text;
	plain text;
BEGIN
	SELECT string_agg(format('%s AS (%s)', b.name, b.query), ', ' ORDER BY b.n) INTO below FROM queries b WHERE b.name !~ '^v\d';
	FOR q IN SELECT * FROM queries b WHERE to_regclass(b.name) IS NOT NULL ORDER BY b.n LOOP
		-- the names of views below mean their queries over the streams
		plain := format('WITH %s SELECT * FROM (%s) q', below, q.query);
		PERFORM streaming.wait(q.name::regclass);
		RETURN QUERY EXECUTE format('SELECT %L, %L, d::text FROM ((TABLE ev.%s EXCEPT ALL (%s)) UNION ALL ((%s) EXCEPT ALL TABLE ev.%3$s)) d',
			q.name, q.query, q.name, plain, plain);
	END LOOP;
END $$;
SELECT * FROM wrong();
SELECT count(*) FROM queries WHERE to_regclass(name) IS NULL;
SELECT setseed(0.3);
DO $$
BEGIN
	FOR i IN 1..16 LOOP
		IF i % 3 <> 0 THEN
			INSERT INTO s SELECT 100 * i + j, (random() * 8)::int, (random() * 5)::int, 't' || (random() * 4)::int
				FROM generate_series(1, (random() * 5)::int + 1) j;
		END IF;
		IF i % 4 = 1 THEN
			INSERT INTO r SELECT (random() * 8)::int, i FROM generate_series(1, 3);
		END IF;
		IF i % 5 <> 1 THEN
			INSERT INTO e SELECT 100 * i + j, (random() * 10)::int, (random() * 6)::int FROM generate_series(1, (random() * 5)::int) j;
		END IF;
		IF i % 6 = 0 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT * FROM wrong();
INSERT INTO s VALUES (NULL, NULL, NULL, NULL), (1, NULL, 3, ''), (1, NULL, 3, '');
INSERT INTO e VALUES (NULL, NULL, NULL), (1, NULL, 3), (1, NULL, 3), (NULL, 2, NULL);
SELECT * FROM wrong();
-- one row after the other, so that each change is a batch
DO $$
BEGIN
	FOR i IN 1..6 LOOP
		INSERT INTO s VALUES (2000 + i, i % 4, i, 'x');
		COMMIT;
		PERFORM streaming.wait('v11');
		PERFORM streaming.wait('v12');
		INSERT INTO e VALUES (2000 + i, i % 5, i);
		COMMIT;
		PERFORM streaming.wait('v11');
		PERFORM streaming.wait('v12');
	END LOOP;
END $$;
SELECT * FROM wrong();
-- none of this is about nothing
CREATE FUNCTION rows_in(name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I', name) INTO n;
	RETURN n;
END $$;
SELECT name, query FROM queries WHERE rows_in(name) = 0 ORDER BY n;
-- views with history: what the view below shows, then what changes
CREATE MATERIALIZED VIEW later WITH (streaming.continuous) AS
	SELECT id, k FROM e WHERE EXISTS (SELECT FROM groups WHERE groups.k = e.k AND groups.n > e.x);
INSERT INTO s SELECT i, i % 5, i, 'later' FROM generate_series(3000, 3010) i;
INSERT INTO e SELECT i, i % 5, i % 3 FROM generate_series(3000, 3010) i;
REFRESH MATERIALIZED VIEW later;
SELECT check_view('later');
-- names
ALTER MATERIALIZED VIEW groups RENAME TO groups2;
ALTER MATERIALIZED VIEW groups2 RENAME COLUMN k TO kk;
INSERT INTO s SELECT i, i % 5, i, 'renamed' FROM generate_series(3020, 3023) i;
REFRESH MATERIALIZED VIEW later;
SELECT check_view('later');
ALTER MATERIALIZED VIEW groups2 RENAME COLUMN kk TO k;
ALTER MATERIALIZED VIEW groups2 RENAME TO groups;
-- rows go that have been read
TRUNCATE s;
INSERT INTO s VALUES (1, 1, 1, ''), (2, 2, 1, '');
REFRESH MATERIALIZED VIEW later;
SELECT check_view('later');
DROP MATERIALIZED VIEW groups;
DROP MATERIALIZED VIEW later;

---- views in output mode append are read as streams, group by group as they close
CREATE TABLE a (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 s') AS w, k, count(*) AS n FROM a GROUP BY 1, 2;
CREATE MATERIALIZED VIEW seen WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT ts, k FROM a WHERE k IN (SELECT k FROM closed);
CREATE MATERIALIZED VIEW unseen WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT ts, k FROM a WHERE NOT EXISTS (SELECT FROM closed WHERE closed.k = a.k AND closed.n > 1);
-- rows that wait for a group to close are not late above
CREATE MATERIALIZED VIEW per_window WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM seen GROUP BY 1;
INSERT INTO a VALUES ('2024-01-01 00:00:01+00', 1), ('2024-01-01 00:00:02+00', 1), ('2024-01-01 00:00:03+00', 2);
CALL refresh_views(2);
SELECT (SELECT count(*) FROM closed) AS closed, (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM unseen) AS unseen;
INSERT INTO a VALUES ('2024-01-01 00:00:11+00', 1), ('2024-01-01 00:00:12+00', 3);
CALL refresh_views(2);
SELECT check_view('seen'), check_view('unseen'), check_view('per_window'),
	(SELECT count(*) FROM closed) AS closed, (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM unseen) AS unseen;
INSERT INTO a VALUES ('2024-01-01 00:01:12+00', 3), ('2024-01-01 00:01:12+00', 2);
CALL refresh_views(2);
SELECT check_view('seen'), check_view('unseen'), check_view('per_window'),
	(SELECT count(*) FROM closed) AS closed, (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM unseen) AS unseen;
SELECT view, late_rows FROM streaming.views WHERE view = 'per_window'::regclass;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM seen GROUP BY 1;
-- ... as are those that wait for one in FROM; what is bounded keeps its event time
CREATE MATERIALIZED VIEW joined WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT a.ts, a.k, closed.n FROM a JOIN closed ON closed.k = a.k;
CREATE MATERIALIZED VIEW per_joined WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM joined GROUP BY 1;
CREATE MATERIALIZED VIEW bounded WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT a.ts, closed.w, closed.n FROM a JOIN closed ON closed.k = a.k AND closed.w = tumble(a.ts, '10 s');
CREATE MATERIALIZED VIEW per_bounded WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM bounded GROUP BY 1;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(ts, '10 s') AS w, count(*) AS n FROM joined GROUP BY 1;
INSERT INTO a VALUES ('2024-01-01 00:02:01+00', 1), ('2024-01-01 00:02:02+00', 2), ('2024-01-01 00:02:03+00', 4);
CALL refresh_views(2);
INSERT INTO a VALUES ('2024-01-01 00:02:11+00', 1), ('2024-01-01 00:02:12+00', 2);
CALL refresh_views(2);
INSERT INTO a VALUES ('2024-01-01 00:02:31+00', 5);
CALL refresh_views(2);
SELECT check_view('joined'), check_view('per_joined'), check_view('bounded');
SELECT lower(p.w), n, n = (SELECT count(*) FROM bounded b WHERE tumble(b.ts, '10 s') = p.w) AS all_of_it FROM per_bounded p ORDER BY w;
SELECT view, late_rows FROM streaming.views WHERE view::text ~ '^per_' ORDER BY view::text;
-- ... from the beginning only
ALTER MATERIALIZED VIEW closed SET (streaming.changes_retention = 'consumed');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT ts, k FROM a WHERE k IN (SELECT k FROM closed);
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT a.ts, a.k FROM a JOIN closed ON closed.k = a.k;

---- refused
CREATE TABLE refused (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO refused (query) VALUES
('SELECT id FROM e WHERE x = 1 OR EXISTS (SELECT FROM latest WHERE latest.k = e.k)'),
('SELECT id, EXISTS (SELECT FROM latest WHERE latest.k = e.k) AS found FROM e'),
('SELECT id, k IN (SELECT k FROM latest) AS found FROM e'),
('SELECT k, count(*) FROM e GROUP BY k HAVING k IN (SELECT k FROM latest)'),
('SELECT id FROM e WHERE k NOT IN (SELECT k FROM latest)'),
('SELECT id FROM e WHERE k <> ALL (SELECT k FROM latest)'),
('SELECT id FROM e WHERE EXISTS (SELECT FROM latest)'),
('SELECT id FROM e WHERE NOT EXISTS (SELECT FROM latest WHERE latest.k <> e.k)'),
('SELECT id FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k LIMIT 1 OFFSET 1)'),
('SELECT id FROM e WHERE EXISTS (SELECT count(*) FROM latest WHERE latest.k = e.k GROUP BY x HAVING count(*) > 1)'),
('SELECT id FROM e WHERE NOT EXISTS (SELECT FROM latest WHERE latest.k = e.k AND latest.x > (SELECT e.x))'),
('SELECT k FROM latest WHERE EXISTS (SELECT FROM ranges WHERE ranges.k = latest.k LIMIT 0)'),
('SELECT k FROM latest WHERE x IN (SELECT lo FROM ranges) OR k > 3'),
('SELECT name FROM dim WHERE EXISTS (SELECT FROM latest WHERE latest.k = dim.k)'),
('SELECT id FROM e WHERE EXISTS (SELECT FROM dim WHERE dim.k = e.k AND EXISTS (SELECT FROM latest WHERE latest.k = dim.k))'),
('SELECT e.id, r.y FROM e LEFT JOIN r ON r.k = e.k AND EXISTS (SELECT FROM latest WHERE latest.k = r.k)'),
('SELECT id, now() FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k)'),
('SELECT id FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k AND latest.x > extract(second FROM now()))'),
('SELECT id, rank() OVER (ORDER BY id) FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k)'),
('SELECT id FROM e WHERE EXISTS (WITH RECURSIVE l (k) AS (SELECT k FROM latest UNION SELECT k + 1 FROM l WHERE k < 5) SELECT FROM l WHERE l.k = e.k)'),
('SELECT (SELECT count(*) FROM latest WHERE latest.k = e.k AND x IN (SELECT lo FROM ranges)) AS n FROM e'),
('SELECT id, (SELECT max(x) FROM latest WHERE latest.k = e.k) AS x FROM e'),
('SELECT id FROM e WHERE x > (SELECT min(lo) FROM ranges)'),
('SELECT k, sum((SELECT max(x) FROM latest WHERE latest.k = e.k)) AS n FROM e GROUP BY k'),
('SELECT id, ARRAY(SELECT x FROM latest WHERE latest.k = e.k) AS xs FROM e'),
('SELECT e.id, r.k FROM e JOIN r ON r.k = e.k AND r.y > (SELECT min(lo) FROM ranges)'),
('SELECT DISTINCT (SELECT max(x) FROM latest WHERE latest.k = e.k) AS x FROM e');
DO $$
DECLARE
	q record;
	message text;
	hint text;
BEGIN
	FOR q IN SELECT * FROM refused ORDER BY n LOOP
		BEGIN
			EXECUTE 'CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS ' || q.query;
			RAISE WARNING 'accepted: %', q.query;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
			RAISE WARNING '%: % %', q.n, sqlstate, message;
			IF hint = '' THEN
				RAISE WARNING 'no hint';
			END IF;
		END;
	END LOOP;
END $$;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT id, (SELECT max(x) FROM latest WHERE latest.k = e.k) AS x FROM e;
-- what readers compute is as the view is by then; over an ordinary view, it is as that was when the row came
CREATE MATERIALIZED VIEW read_late WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) AS n, (SELECT max(x) FROM latest) AS m FROM e GROUP BY k HAVING count(*) >= (SELECT min(x) FROM latest);
CREATE VIEW latest_now AS SELECT * FROM latest;
CREATE MATERIALIZED VIEW looked_up WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT id, (SELECT max(x) FROM latest_now) AS m FROM e WHERE id < 0;
INSERT INTO e VALUES (-1, 1, 1);
REFRESH MATERIALIZED VIEW read_late;
REFRESH MATERIALIZED VIEW looked_up;
SELECT check_view('read_late'), check_view('looked_up');
INSERT INTO s VALUES (10001, 1, 9999, 'later');
INSERT INTO e VALUES (-2, 1, 1);
SELECT streaming.wait('latest');
REFRESH MATERIALIZED VIEW read_late;
REFRESH MATERIALIZED VIEW looked_up;
SELECT check_view('read_late'), count(*) > 0 AS some, max(m) FROM read_late;
SELECT id, m = 9999 AS later FROM looked_up ORDER BY id;
DROP MATERIALIZED VIEW read_late, looked_up;
DROP VIEW latest_now;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT id FROM e WHERE x > 1 AND (x = 1 OR EXISTS (SELECT FROM latest WHERE latest.k = e.k));
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT id FROM e WHERE x > 1 AND EXISTS (SELECT FROM latest WHERE latest.k = e.k LIMIT 1 OFFSET 1);
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS
	SELECT id FROM e WHERE x > 1 AND EXISTS (SELECT FROM latest WHERE latest.k = e.k) WITH NO DATA;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT id FROM e WHERE x > 1 AND EXISTS (SELECT FROM latest WHERE latest.k = e.k);
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT id FROM e WHERE x > 1 AND NOT EXISTS (SELECT FROM latest WHERE latest.k = e.k);
ALTER MATERIALIZED VIEW latest RESET (streaming.max_batch_rows);
-- a table beside such a view within the test is looked up
CREATE MATERIALIZED VIEW named WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT id FROM e WHERE EXISTS (SELECT FROM latest JOIN dim USING (k) WHERE latest.k = e.k);
REFRESH MATERIALIZED VIEW named;
SELECT count(*) > 0 AS some FROM named;
SELECT check_view('named');
INSERT INTO s SELECT i, i % 7, i, 'more' FROM generate_series(4000, 4010) i;
INSERT INTO e SELECT i, i % 9, i FROM generate_series(4000, 4020) i;
REFRESH MATERIALIZED VIEW named;
SELECT check_view('named');
DROP MATERIALIZED VIEW named;
ALTER MATERIALIZED VIEW latest SET (streaming.group = 'g');
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.group = 'g') AS
	SELECT id FROM e WHERE EXISTS (SELECT FROM latest WHERE latest.k = e.k);
-- an ordinary view over one is a table to look at
CREATE VIEW latest_now AS SELECT * FROM latest;
CREATE MATERIALIZED VIEW looked_at WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT id FROM e WHERE EXISTS (SELECT FROM latest_now WHERE latest_now.k = e.k);
REFRESH MATERIALIZED VIEW looked_at;
SELECT check_view('looked_at');

---- rights
CREATE ROLE ev_a;
CREATE ROLE ev_b;
GRANT USAGE, CREATE ON SCHEMA ev TO ev_a, ev_b;
GRANT SELECT ON s TO ev_a;
GRANT SELECT ON e TO ev_b;
SET ROLE ev_a;
CREATE MATERIALIZED VIEW theirs WITH (streaming.continuous, streaming.trust_functions) AS SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k;
RESET ROLE;
SET ROLE ev_b;
-- neither without the privilege, nor without a change stream
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT id FROM e WHERE k IN (SELECT k FROM theirs);
RESET ROLE;
GRANT SELECT (k, n) ON theirs TO ev_b;
SET ROLE ev_b;
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT id FROM e WHERE k IN (SELECT k FROM theirs);
RESET ROLE;
ALTER MATERIALIZED VIEW theirs SET (streaming.changes);
SET ROLE ev_b;
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT id FROM e WHERE k IN (SELECT x FROM theirs);
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT id FROM e WHERE NOT EXISTS (SELECT FROM theirs WHERE theirs.x = e.k);
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT id FROM e WHERE k IN (SELECT k FROM theirs);
SELECT streaming.wait('mine');
SELECT count(*) > 0 AS some FROM mine;
RESET ROLE;
INSERT INTO s VALUES (1, 7, 1, '');
INSERT INTO e VALUES (1, 7, 1);
SELECT streaming.wait('mine');
SELECT check_view('mine');
-- taken away: the view fails from the next batch on
REVOKE SELECT (k, n) ON theirs FROM ev_b;
INSERT INTO s VALUES (1, 100, 1, '');
DO $$
BEGIN
	PERFORM streaming.wait('mine');
EXCEPTION WHEN insufficient_privilege THEN
	RAISE WARNING '%', sqlerrm;
END $$;

SET client_min_messages = error;
DROP SCHEMA ev CASCADE;
DROP ROLE ev_a, ev_b;
SELECT * FROM leftovers();
