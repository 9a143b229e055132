-- Views that advance together: streaming.group
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA vg;
SET search_path = vg, public;
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE s (k int, v int) USING stream;
INSERT INTO s SELECT i % 3, i FROM generate_series(1, 1000) i;
BEGIN;
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.group = 'g') AS
	SELECT k, count(*) AS n, sum(v) AS v FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b WITH (streaming.continuous, streaming.group = 'g') AS
	SELECT count(*) AS n, max(v) AS most FROM s;
COMMIT;
-- how far apart they are: nothing, ever
CREATE VIEW apart AS SELECT b.n - (SELECT coalesce(sum(n), 0) FROM a) AS apart FROM b;
SELECT * FROM apart;
-- who waits for one has waited for all
REFRESH MATERIALIZED VIEW b;
SELECT *, (SELECT sum(n) FROM a) AS a FROM b, apart;
INSERT INTO s SELECT i % 4, i FROM generate_series(1001, 1500) i;
SELECT streaming.wait('a');
SELECT *, (SELECT sum(n) FROM a) AS a FROM b, apart;
SELECT check_view('a'), check_view('b');
SELECT view, state, batches, rows_read, failures, options, worker_pid = max(worker_pid) OVER () AS one_worker
	FROM streaming.views ORDER BY view::text;

-- one that has read much joins, and one that has read nothing
CREATE MATERIALIZED VIEW c WITH (streaming.continuous) AS SELECT k, v FROM s WHERE v % 2 = 0;
CREATE MATERIALIZED VIEW d WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT DISTINCT ON (k) k, v FROM s ORDER BY k, v DESC;
REFRESH MATERIALIZED VIEW c;
INSERT INTO s SELECT i % 5, i FROM generate_series(1501, 2000) i;
ALTER MATERIALIZED VIEW c SET (streaming.group = 'g');
ALTER MATERIALIZED VIEW d SET (streaming.group = 'g'), RESET (streaming.trigger);
ALTER MATERIALIZED VIEW d RESET (streaming.trigger), SET (streaming.group = 'g');
SELECT streaming.wait('d');
SELECT *, (SELECT count(*) FROM c) AS c, (SELECT max(v) FROM d) AS d FROM b, apart;
SELECT check_view('a'), check_view('b'), check_view('c'), check_view('d');
CREATE MATERIALIZED VIEW e WITH (streaming.continuous, streaming.group = 'g') AS SELECT count(*) AS n FROM s WITH NO DATA;
INSERT INTO s VALUES (1, 2001);
SELECT streaming.wait('c');
SELECT b.n, e.n AS e, apart FROM b, e, apart;
DROP MATERIALIZED VIEW e;

---- what is refused
ALTER MATERIALIZED VIEW a SET (streaming.group = '');
ALTER MATERIALIZED VIEW a SET (streaming.group = '1234567890123456789012345678901234567890123456789012345678901234');
ALTER MATERIALIZED VIEW a SET (streaming.trigger = '1 hour');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.trigger = manual, streaming.group = 'g') AS SELECT count(*) FROM s;
CREATE UNLOGGED TABLE us (k int) USING stream;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.group = 'g') AS SELECT count(*) FROM us;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.group = 'g') AS SELECT n, count(*) FROM a GROUP BY n;
-- by way of another, in either order
CREATE MATERIALIZED VIEW between WITH (streaming.continuous) AS SELECT n, count(*) AS m FROM a GROUP BY n;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.group = 'g') AS SELECT m, count(*) FROM between GROUP BY m;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.group = 'h') AS SELECT m, count(*) FROM between GROUP BY m;
ALTER MATERIALIZED VIEW a SET (streaming.group = 'h');
\set VERBOSITY terse
ALTER MATERIALIZED VIEW f SET (streaming.group = 'g');
ALTER TABLE s SET (streaming.group = 'g');
-- but groups may read each other's views
CREATE MATERIALIZED VIEW f2 WITH (streaming.continuous, streaming.group = 'h') AS SELECT count(*) AS n FROM s;
CALL refresh_views();
SELECT check_view('between'), check_view('f'), check_view('f2'), apart FROM apart;
DROP MATERIALIZED VIEW between, f, f2;
-- the trigger of a group changes for all of them, in one transaction
BEGIN;
ALTER MATERIALIZED VIEW a RESET (streaming.group), SET (streaming.trigger = 'manual');
ALTER MATERIALIZED VIEW b RESET (streaming.group), SET (streaming.trigger = 'manual');
ALTER MATERIALIZED VIEW c RESET (streaming.group);
ALTER MATERIALIZED VIEW d RESET (streaming.group);
ALTER MATERIALIZED VIEW a SET (streaming.group = 'g');
ALTER MATERIALIZED VIEW b SET (streaming.group = 'g');
COMMIT;
INSERT INTO s SELECT i % 6, i FROM generate_series(2002, 2500) i;
SELECT streaming.wait('c'), streaming.wait('d');
SELECT max(v), (SELECT apart FROM apart) FROM d;
REFRESH MATERIALIZED VIEW b;
SELECT *, (SELECT max(v) FROM d) AS d FROM b, apart;

---- waiting in the transaction that has put it there
BEGIN;
ALTER MATERIALIZED VIEW c SET (streaming.trigger = 'manual', streaming.group = 'g');
REFRESH MATERIALIZED VIEW c;
ROLLBACK;
BEGIN;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS SELECT count(*) FROM s;
SELECT streaming.wait('f');
ROLLBACK;
BEGIN;
SAVEPOINT x;
ALTER MATERIALIZED VIEW c SET (streaming.trigger = 'manual', streaming.group = 'g');
ROLLBACK TO x;
INSERT INTO s VALUES (1, 2501);
COMMIT;
REFRESH MATERIALIZED VIEW c;
REFRESH MATERIALIZED VIEW a;
SELECT *, (SELECT count(*) FROM c) AS c FROM b, apart;

---- the same snapshot: rows that come while the batch is at work are in none of them
-- a view with a gate, where the batch waits while we do something
-- (sequences are not read as of a snapshot)
CREATE SEQUENCE gate;
CREATE SEQUENCE arrivals;
CREATE FUNCTION pass(int) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
	WHILE (SELECT is_called FROM vg.gate) LOOP
		PERFORM nextval('vg.arrivals'), pg_sleep(0.005);
	END LOOP;
	RETURN $1;
END $$;
CREATE PROCEDURE until(condition text) LANGUAGE plpgsql AS $$
DECLARE
	reached bool;
BEGIN
	FOR i IN 1..36000 LOOP
		EXECUTE 'SELECT ' || condition INTO reached;
		IF reached THEN
			RETURN;
		END IF;
		PERFORM pg_sleep(0.005);
		COMMIT;
	END LOOP;
	RAISE 'not reached: %', condition;
END $$;
CREATE MATERIALIZED VIEW slow WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS
	SELECT count(pass(v)) AS n FROM s;
ALTER MATERIALIZED VIEW b RESET (streaming.group);
-- it is the first whose turn it is, and the second
CREATE MATERIALIZED VIEW last WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS
	SELECT count(*) AS n, max(v) AS most FROM s;
REFRESH MATERIALIZED VIEW last;
CREATE VIEW all_apart AS SELECT slow.n - (SELECT sum(n) FROM a) AS a, slow.n - last.n AS last FROM slow, last;
SELECT slow.n, all_apart.* FROM slow, all_apart;
SELECT nextval('gate');
INSERT INTO s VALUES (1, 3001);
-- asks, and does not wait
SELECT streaming.wait('last', '1 ms');
CALL until('(SELECT is_called FROM arrivals)');
INSERT INTO s SELECT 2, 3002;
INSERT INTO s SELECT i % 7, i FROM generate_series(3003, 9000) i;
SELECT setval('gate', 1, false);
CALL until('(SELECT n FROM slow) = 2502');
SELECT slow.n, all_apart.* FROM slow, all_apart;
REFRESH MATERIALIZED VIEW slow;
SELECT slow.n, all_apart.* FROM slow, all_apart;
SELECT check_view('a'), check_view('slow'), check_view('last');
-- one that is released does not keep the others in a batch that does not end
SELECT nextval('gate'), setval('arrivals', 1, false);
INSERT INTO s VALUES (1, 9001);
SELECT streaming.wait('last', '1 ms');
CALL until('(SELECT is_called FROM arrivals)');
SELECT streaming.release('slow');
REFRESH MATERIALIZED VIEW last;
SELECT slow.n, all_apart.* FROM slow, all_apart;
SELECT setval('gate', 1, false);
DROP MATERIALIZED VIEW slow, last CASCADE;
ALTER MATERIALIZED VIEW b SET (streaming.group = 'g');
-- until the next batch it is where it has been
SELECT apart < 0 AS behind FROM apart;
REFRESH MATERIALIZED VIEW b;
SELECT * FROM apart;

---- one is paused: so are all
ALTER MATERIALIZED VIEW b SET (streaming.enabled = off);
INSERT INTO s VALUES (1, 1);
\set VERBOSITY default
REFRESH MATERIALIZED VIEW a;
\set VERBOSITY terse
SELECT streaming.wait('b');
SELECT view, state FROM streaming.views WHERE view::text IN ('a', 'b') ORDER BY view::text;
SELECT * FROM apart;
ALTER MATERIALIZED VIEW b RESET (streaming.enabled);
REFRESH MATERIALIZED VIEW a;
SELECT check_view('a'), check_view('b'), apart FROM apart;

---- one fails: all wait, and it is said which
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS
	SELECT sum(1 / (v - 10000)) AS v, count(*) AS n FROM s;
REFRESH MATERIALIZED VIEW bad;
INSERT INTO s VALUES (1, 10000), (2, 2);
\set VERBOSITY default
\set SHOW_CONTEXT errors
REFRESH MATERIALIZED VIEW b;
REFRESH MATERIALIZED VIEW bad;
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT view, state, failures, last_error FROM streaming.views WHERE view::text IN ('a', 'b', 'bad') ORDER BY view::text;
SELECT *, bad.n = b.n AS bad FROM b, apart, bad;
-- those who may not see errors see none
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA vg TO regress_reader;
GRANT SELECT ON b TO regress_reader;
SET ROLE regress_reader;
SELECT view::regclass, state, last_error, last_error_sqlstate FROM streaming.views WHERE view = 'b'::regclass;
SELECT streaming.wait('b');
RESET ROLE;
-- given up
DO $$
BEGIN
	FOR i IN 1..5 LOOP
		BEGIN
			REFRESH MATERIALIZED VIEW a;
		EXCEPTION WHEN OTHERS THEN
		END;
	END LOOP;
END $$;
SELECT view, state, failures > 4 AS often FROM streaming.views WHERE view::text IN ('a', 'b', 'bad') ORDER BY view::text;
-- without it, the others go on
ALTER MATERIALIZED VIEW bad RESET (streaming.group);
REFRESH MATERIALIZED VIEW a;
SELECT view, state, last_error FROM streaming.views WHERE view::text IN ('a', 'b', 'bad') ORDER BY view::text;
SELECT check_view('a'), check_view('b'), apart, bad.n = b.n AS bad FROM b, apart, bad;
DROP MATERIALIZED VIEW bad;
-- so they do if it is dropped, be it the one that was asked
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous, streaming.group = 'l') AS
	SELECT sum(1 / (v - 20000)) AS v, count(*) AS n FROM s;
CREATE MATERIALIZED VIEW good WITH (streaming.continuous, streaming.group = 'l') AS SELECT count(*) AS n FROM s;
CREATE MATERIALIZED VIEW better WITH (streaming.continuous, streaming.group = 'l') AS SELECT count(*) AS n FROM s;
REFRESH MATERIALIZED VIEW better;
INSERT INTO s VALUES (1, 20000);
REFRESH MATERIALIZED VIEW better;
SELECT view, last_error FROM streaming.views WHERE view::text IN ('bad', 'good', 'better') ORDER BY view::text;
DROP MATERIALIZED VIEW bad;
REFRESH MATERIALIZED VIEW better;
SELECT view, last_error FROM streaming.views WHERE view::text IN ('bad', 'good', 'better') ORDER BY view::text;
SELECT check_view('good'), check_view('better'), good.n = better.n AS same FROM good, better;
DROP MATERIALIZED VIEW good, better;

---- rows are removed: the group has read them all, and not one alone
REFRESH MATERIALIZED VIEW b;
CREATE TABLE kept (k int, v int);
CREATE TABLE other (k int, v int) USING stream;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS
	SELECT count(*) AS n FROM (SELECT v FROM other UNION ALL SELECT v FROM s) u;
REFRESH MATERIALIZED VIEW o;
BEGIN;
INSERT INTO s VALUES (1, 5), (2, 6);
INSERT INTO other VALUES (1, 5), (2, 6);
INSERT INTO kept TABLE s;
TRUNCATE other;
SELECT *, o.n - b.n AS others FROM b, o, apart;
TRUNCATE s;
SELECT *, o.n - b.n AS others FROM b, o, apart;
ROLLBACK;
SELECT *, o.n - b.n AS others FROM b, o, apart;
INSERT INTO s VALUES (1, 5), (2, 6);
INSERT INTO other VALUES (1, 5), (2, 6);
INSERT INTO kept TABLE s;
TRUNCATE other;
SELECT *, o.n - b.n AS others FROM b, o, apart;
INSERT INTO s VALUES (1, 7);
INSERT INTO kept VALUES (1, 7);
TRUNCATE s;
SELECT *, o.n - b.n AS others FROM b, o, apart;
INSERT INTO s VALUES (1, 8);
INSERT INTO kept VALUES (1, 8);
REFRESH MATERIALIZED VIEW a;
SELECT *, o.n - b.n AS others FROM b, o, apart;
(SELECT k, count(*), sum(v) FROM kept GROUP BY k) EXCEPT ALL (TABLE a);
DROP MATERIALIZED VIEW o;
TRUNCATE s;

---- names and owners
DROP VIEW apart;
ALTER MATERIALIZED VIEW a RENAME TO a2;
ALTER MATERIALIZED VIEW b RENAME TO b2;
INSERT INTO s VALUES (1, 9);
REFRESH MATERIALIZED VIEW b2;
SELECT n, (SELECT sum(n) FROM a2) AS a FROM b2;
CREATE ROLE regress_owner;
GRANT ALL ON SCHEMA vg TO regress_owner;
GRANT ALL ON s TO regress_owner;
GRANT USAGE ON SCHEMA public TO regress_owner;
-- groups are their owners' own
SET ROLE regress_owner;
CREATE MATERIALIZED VIEW theirs WITH (streaming.continuous, streaming.group = 'g') AS SELECT count(*) AS n FROM s;
REFRESH MATERIALIZED VIEW theirs;
RESET ROLE;
SELECT view, state, rows_read FROM streaming.views WHERE view::text IN ('a2', 'b2', 'theirs') ORDER BY view::text;
-- a view comes into the group of its new owner, where it has to fit
ALTER MATERIALIZED VIEW a2 OWNER TO regress_owner;
REASSIGN OWNED BY regress_owner TO CURRENT_USER;
BEGIN;
ALTER MATERIALIZED VIEW theirs RESET (streaming.group), SET (streaming.trigger = 'manual');
ALTER MATERIALIZED VIEW theirs SET (streaming.group = 'g');
COMMIT;
ALTER MATERIALIZED VIEW a2 OWNER TO regress_owner;
BEGIN;
ALTER MATERIALIZED VIEW b2 OWNER TO regress_owner;
SELECT streaming.wait('b2', '1 s');
ROLLBACK;
INSERT INTO s VALUES (1, 10);
REFRESH MATERIALIZED VIEW a2;
SELECT view, state, rows_read FROM streaming.views WHERE view::text IN ('a2', 'b2', 'theirs') ORDER BY view::text;
REFRESH MATERIALIZED VIEW b2;
SELECT view, state, rows_read FROM streaming.views WHERE view::text IN ('a2', 'b2', 'theirs') ORDER BY view::text;
REASSIGN OWNED BY regress_owner TO CURRENT_USER;
INSERT INTO s VALUES (1, 11);
REFRESH MATERIALIZED VIEW theirs;
SELECT view, state, rows_read FROM streaming.views WHERE view::text IN ('a2', 'b2', 'theirs') ORDER BY view::text;
-- one that is released is left behind
SELECT streaming.release('a2');
INSERT INTO s VALUES (1, 12);
REFRESH MATERIALIZED VIEW theirs;
REFRESH MATERIALIZED VIEW a2;
SELECT view, state, rows_read FROM streaming.views WHERE view::text IN ('a2', 'b2', 'theirs') ORDER BY view::text;
-- dropped, the one that was asked, too
DROP MATERIALIZED VIEW a2, b2;
INSERT INTO s VALUES (1, 13);
REFRESH MATERIALIZED VIEW theirs;
SELECT view, state, rows_read FROM streaming.views WHERE view = 'theirs'::regclass;
GRANT ALL ON theirs TO regress_owner;
ALTER MATERIALIZED VIEW theirs OWNER TO regress_owner;
SET ROLE regress_owner;
CREATE MATERIALIZED VIEW theirs2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS SELECT count(*) AS n FROM s;
REFRESH MATERIALIZED VIEW theirs2;
RESET ROLE;
DROP OWNED BY regress_owner;
DROP OWNED BY regress_reader;
DROP ROLE regress_owner, regress_reader;

---- triggers find the views of the group at the same point, too
CREATE TABLE tr (k int) USING stream;
CREATE TABLE seen (by text, tc bigint, tn bigint, tk bigint);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vg.seen SELECT tg_name, (SELECT count(*) FROM vg.tc), (SELECT n FROM vg.tn), (SELECT sum(n) FROM vg.tk);
	RETURN NULL;
END $$;
CREATE MATERIALIZED VIEW tc WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 't') AS SELECT k FROM tr;
CREATE MATERIALIZED VIEW tn WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 't') AS SELECT count(*) AS n FROM tr;
CREATE MATERIALIZED VIEW tk WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 't') AS SELECT k, count(*) AS n FROM tr GROUP BY k;
REFRESH MATERIALIZED VIEW tn;
CREATE TRIGGER c AFTER INSERT ON tc FOR EACH STATEMENT EXECUTE FUNCTION see();
CREATE TRIGGER n AFTER UPDATE ON tn FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER k1 AFTER INSERT ON tk FOR EACH STATEMENT EXECUTE FUNCTION see();
CREATE TRIGGER k2 AFTER UPDATE ON tk FOR EACH STATEMENT EXECUTE FUNCTION see();
INSERT INTO tr VALUES (1), (2), (1);
REFRESH MATERIALIZED VIEW tk;
INSERT INTO tr VALUES (1), (3);
REFRESH MATERIALIZED VIEW tc;
SELECT * FROM seen ORDER BY tc, by;
SELECT check_view('tc'), check_view('tn'), check_view('tk');
-- one that fails is named, and undoes them all
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$;
CREATE TRIGGER n2 AFTER UPDATE ON tn FOR EACH ROW EXECUTE FUNCTION fails();
INSERT INTO tr VALUES (4);
REFRESH MATERIALIZED VIEW tk;
SELECT view, last_error FROM streaming.views WHERE view::text IN ('tc', 'tn', 'tk') ORDER BY view::text;
DROP TRIGGER n2 ON tn;
REFRESH MATERIALIZED VIEW tk;
SELECT check_view('tc'), check_view('tn'), check_view('tk');
SELECT * FROM seen WHERE tc > 5 ORDER BY by;

---- event time
CREATE TABLE t (ts timestamptz, x int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
CREATE MATERIALIZED VIEW w1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'w') AS
	SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM t GROUP BY 1;
CREATE MATERIALIZED VIEW w2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'w', streaming.output_mode = 'append') AS
	SELECT tumble(ts, '1 min') AS w, sum(x) AS x FROM t GROUP BY 1;
CREATE MATERIALIZED VIEW w3 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'w') AS
	SELECT DISTINCT x FROM t;
DO $$
BEGIN
	FOR i IN 1..20 LOOP
		INSERT INTO vg.t SELECT '2026-01-01 00:00+00'::timestamptz + make_interval(secs => i * 20 + j), i FROM generate_series(-30, 30, 7) j;
		COMMIT;
		PERFORM streaming.wait(CASE i % 3 WHEN 0 THEN 'vg.w1' WHEN 1 THEN 'vg.w2' ELSE 'vg.w3' END);
		COMMIT;
		IF EXISTS (SELECT FROM (SELECT count(DISTINCT watermark) AS n, count(DISTINCT rows_read) AS r FROM streaming.views WHERE view::text ~ '^w[12]') x
			WHERE n > 1 OR r > 1) THEN
			RAISE 'apart';
		END IF;
	END LOOP;
END $$;
SELECT count(*), sum(n) FROM w1;
SELECT count(*) AS finished, bool_and(w1.w IS NOT NULL) AS found FROM w2 LEFT JOIN w1 USING (w);
---- a backlog: in batches of about max_batch_rows, the smallest of theirs, after each of which they are at the same row
CREATE TABLE much (k int, v int) PARTITION BY RANGE (v);
CREATE TABLE much_1 PARTITION OF much FOR VALUES FROM (0) TO (5000) USING stream;
CREATE TABLE much_2 PARTITION OF much FOR VALUES FROM (5000) TO (100000) USING stream;
INSERT INTO much SELECT i % 7, i FROM generate_series(1, 12000) i;
CREATE TABLE steps (step int GENERATED ALWAYS AS IDENTITY, m1 bigint, m2 bigint, m3 bigint);
CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql SET search_path = vg, public AS $$
BEGIN
	INSERT INTO steps (m1, m2, m3) SELECT (SELECT n FROM m1), (SELECT sum(n) FROM m2), (SELECT count(*) FROM m3);
	RETURN NULL;
END $$;
BEGIN;
CREATE MATERIALIZED VIEW m1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'm') AS SELECT count(*) AS n, sum(v) AS v FROM much;
CREATE MATERIALIZED VIEW m2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'm', streaming.max_batch_rows = 1000) AS SELECT k, count(*) AS n, sum(v) AS v FROM much GROUP BY k;
CREATE MATERIALIZED VIEW m3 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'm', streaming.max_batch_rows = 3000) AS SELECT k, v FROM much;
CREATE TRIGGER step AFTER INSERT ON m3 FOR EACH STATEMENT EXECUTE FUNCTION step();
COMMIT;
SELECT streaming.wait('m1');
SELECT count(*) >= 10 AS batches, bool_and(m1 = m2 AND m2 = m3) AS together, max(m1 - before) <= 2000 AS bounded
	FROM (SELECT *, lag(m1, 1, 0) OVER (ORDER BY step) AS before FROM steps) x;
SELECT check_view('m1'), check_view('m2'), check_view('m3');
-- one that has read nothing joins others; all of them go on when it is where they are
CREATE MATERIALIZED VIEW m4 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'm') AS SELECT v % 100 AS r, count(*) AS n FROM much GROUP BY 1;
INSERT INTO much SELECT i % 7, i FROM generate_series(12001, 16000) i;
SELECT streaming.wait('m3');
SELECT count(*) >= 13 AS batches, bool_and(m1 = m2 AND m2 = m3) AS together, max(m1) AS rows FROM steps;
SELECT (SELECT n FROM m1), sum(n) AS m4 FROM m4;
SELECT check_view('m1'), check_view('m2'), check_view('m3'), check_view('m4');
-- a command that takes rows away has them read them all at once
INSERT INTO much SELECT i % 7, i FROM generate_series(1, 9000) i;
TRUNCATE steps;
TRUNCATE much;
SELECT count(*) AS batches, max(m1) AS rows, bool_and(m1 = m2 AND m2 = m3) AS together FROM steps;

---- the hint of TRUNCATE names the member that has failed, not the first
CREATE TABLE fine (v int) USING stream;
CREATE MATERIALIZED VIEW h1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'h') AS SELECT count(*) FROM fine;
CREATE MATERIALIZED VIEW h2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'h') AS SELECT sum(1 / v) FROM fine;
INSERT INTO fine VALUES (0);
\set VERBOSITY default
TRUNCATE fine;
\set VERBOSITY terse
DROP SCHEMA vg CASCADE;
SELECT * FROM leftovers();
