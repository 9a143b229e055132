-- A view is made anew from what its streams hold.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t_reset;
SET search_path = t_reset, public;
CREATE ROLE t_reset_owner;
CREATE ROLE t_reset_other;
GRANT ALL ON SCHEMA t_reset TO t_reset_owner, t_reset_other;
SET ROLE t_reset_owner;
CREATE TABLE s (k int, x int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k;
CREATE MATERIALIZED VIEW total WITH (streaming.continuous) AS SELECT count(*) AS n FROM s;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS SELECT k, x FROM s WHERE x > 3;
CREATE MATERIALIZED VIEW d WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT x) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW j WITH (streaming.continuous) AS
	SELECT a.k, b.x FROM s a LEFT JOIN s b ON a.k = b.x;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, x FROM s ORDER BY k, x DESC;
GRANT SELECT ON v TO t_reset_other;

CREATE FUNCTION check_all() RETURNS TABLE (view text, result text) LANGUAGE plpgsql AS $$
BEGIN
	FOR view IN SELECT unnest(ARRAY['d', 'f', 'j', 'r', 'total', 'v']) LOOP
		PERFORM streaming.wait(view::regclass);
		result := check_view(view::regclass);
		RETURN NEXT;
	END LOOP;
END $$;
CREATE FUNCTION reset_all() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM unnest(ARRAY['d', 'f', 'j', 'r', 'total', 'v']) x,
		LATERAL streaming.reset(x::regclass) $$;
INSERT INTO s VALUES (1, 1), (2, 5);
SELECT * FROM check_all();
SELECT reset_all();
SELECT * FROM check_all();
INSERT INTO s SELECT i % 7, i % 9 FROM generate_series(1, 200) i;
SELECT * FROM check_all();

-- what has been removed from the stream is no more in the view
TRUNCATE s;
SELECT sum(n) FROM v;
SELECT streaming.reset('v');
SELECT count(*) FROM v;
SELECT reset_all();
SELECT * FROM total;
SELECT * FROM check_all();
INSERT INTO s SELECT i % 7, i % 9 FROM generate_series(1, 200) i;
SELECT * FROM check_all();

-- in a transaction, with own rows, rolled back and not
BEGIN;
INSERT INTO s VALUES (100, 100);
SELECT reset_all();
SELECT * FROM v WHERE k = 100;
ROLLBACK;
INSERT INTO s VALUES (101, 100);
SELECT * FROM check_all();
BEGIN;
INSERT INTO s VALUES (102, 100);
SELECT reset_all();
INSERT INTO s VALUES (103, 100);
SELECT reset_all();
COMMIT;
SELECT * FROM check_all();
INSERT INTO s SELECT i % 7, i % 9 FROM generate_series(1, 200) i;
SELECT * FROM check_all();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 FROM s;
SELECT streaming.reset('v');
COMMIT;
SELECT * FROM check_all();

-- a failed view begins anew
CREATE TABLE allowed (x int);
CREATE FUNCTION fails(i int) RETURNS int LANGUAGE plpgsql STABLE AS
	$$ BEGIN IF NOT EXISTS (SELECT FROM t_reset.allowed) THEN RAISE 'no' USING ERRCODE = '22000'; END IF; RETURN i; END $$;
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT sum(fails(k)) AS n FROM s;
REFRESH MATERIALIZED VIEW bad;
SELECT streaming.reset('bad');
INSERT INTO allowed VALUES (1);
SELECT streaming.reset('bad');
SELECT failures, last_error FROM streaming.views WHERE view = 'bad'::regclass;
SELECT check_view('bad');

-- a worker that remembers the first batch of a view does not take it for the one after it
CREATE TABLE filled (k int) USING stream;
INSERT INTO filled SELECT i % 3 FROM generate_series(1, 10) i;
CREATE MATERIALIZED VIEW once WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM filled GROUP BY k;
SELECT streaming.wait('once');
BEGIN;
INSERT INTO filled VALUES (1);
SELECT streaming.reset('once');
COMMIT;
INSERT INTO filled VALUES (2);
SELECT streaming.wait('once');
SELECT check_view('once');

-- event time begins anew, too: rows that were late are not
CREATE TABLE e (ts timestamp, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0 seconds');
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 minute') AS win, count(*) AS n FROM e GROUP BY win;
INSERT INTO e VALUES ('2024-01-01 00:00:10', 1), ('2024-01-01 00:05:00', 1);
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW w;
INSERT INTO e VALUES ('2024-01-01 00:00:20', 1), ('2024-01-01 00:06:00', 1);
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW w;
SELECT lower(win), n FROM w ORDER BY 1;
SELECT late_rows FROM streaming.views WHERE view = 'w'::regclass;
SELECT streaming.reset('w');
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW w;
SELECT lower(win), n FROM w ORDER BY 1;
SELECT late_rows FROM streaming.views WHERE view = 'w'::regclass;

-- refused: what others have seen
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT count(*) FROM r;
SELECT streaming.reset('r');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.reset('above');
SELECT check_view('above');
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.changes) AS
	SELECT k, count(*) AS n FROM s GROUP BY k;
SELECT streaming.reset('c');
-- a view over changes begins with what is shown
CREATE MATERIALIZED VIEW over WITH (streaming.continuous) AS SELECT n, count(*) AS groups FROM c GROUP BY n;
SELECT streaming.reset('over');
INSERT INTO s SELECT i % 7, i % 9 FROM generate_series(1, 200) i;
SELECT streaming.wait('over');
SELECT check_view('over');
-- one that has been released comes back, with what is there now
SELECT streaming.release('bad');
INSERT INTO s VALUES (1, 1), (2, NULL), (NULL, NULL);
REFRESH MATERIALIZED VIEW bad;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW bad SET (streaming.enabled = on);
SELECT streaming.retry('bad');
TRUNCATE s;
INSERT INTO s VALUES (3, 1), (NULL, NULL);
CREATE VIEW depends AS SELECT * FROM bad;
BEGIN;
SELECT streaming.reset('bad');
ROLLBACK;
SELECT state FROM streaming.views WHERE view = 'bad'::regclass;
SELECT streaming.reset('bad');
SELECT state, failures, last_error FROM streaming.views WHERE view = 'bad'::regclass;
SELECT check_view('bad');
INSERT INTO s SELECT i % 7, i % 9 FROM generate_series(1, 200) i;
REFRESH MATERIALIZED VIEW bad;
SELECT * FROM depends;
SELECT check_view('bad');
-- it is waited for again
INSERT INTO s VALUES (1, 1);
TRUNCATE s;
SELECT rows_read FROM streaming.views WHERE view = 'bad'::regclass;
-- twice, and what cannot be computed
SELECT streaming.release('bad');
TRUNCATE s;
SELECT streaming.release('bad');
DELETE FROM allowed;
INSERT INTO s VALUES (1, 1), (1, 1);
SELECT streaming.reset('bad');
SELECT state FROM streaming.views WHERE view = 'bad'::regclass;
INSERT INTO allowed VALUES (1);
SELECT streaming.reset('bad'), streaming.reset('bad');
SELECT check_view('bad');
-- into its group, which has gone on
CREATE MATERIALIZED VIEW g1 WITH (streaming.continuous, streaming.group = 'g') AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW g2 WITH (streaming.continuous, streaming.group = 'g') AS SELECT count(*) AS n FROM s;
INSERT INTO s VALUES (1, 1);
REFRESH MATERIALIZED VIEW g2;
SELECT streaming.release('g1');
-- a batch of its worker that began before that still has it
REFRESH MATERIALIZED VIEW g2;
INSERT INTO s VALUES (1, 2);
REFRESH MATERIALIZED VIEW g2;
SELECT (SELECT sum(n) FROM g1), (SELECT n FROM g2);
SELECT streaming.reset('g1');
SELECT (SELECT sum(n) FROM g1), (SELECT n FROM g2);
INSERT INTO s VALUES (1, 3), (NULL, 3);
REFRESH MATERIALIZED VIEW g1;
SELECT (SELECT sum(n) FROM g1), (SELECT n FROM g2);
SELECT check_view('g1'), check_view('g2');
-- a paused one is paused still
ALTER MATERIALIZED VIEW bad SET (streaming.enabled = off);
SELECT streaming.release('bad');
SELECT streaming.reset('bad');
SELECT state FROM streaming.views WHERE view = 'bad'::regclass;
ALTER MATERIALIZED VIEW bad RESET (streaming.enabled);
-- one with a change stream, by replace
SELECT streaming.release('c');
INSERT INTO s SELECT i % 7, i % 9 FROM generate_series(1, 200) i;
SELECT streaming.reset('c');
-- nor by others, nor of others
SELECT streaming.reset('s');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.reset(0);
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.reset(NULL);
SET ROLE t_reset_other;
SELECT streaming.reset('v');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT streaming.reset('v');
\echo :LAST_ERROR_SQLSTATE
BEGIN READ ONLY;
SELECT streaming.reset('v');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- not between what comes before TRUNCATE and what comes after it
CREATE TABLE tq (k int) USING stream;
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous) AS SELECT k, count(*) AS c FROM tq GROUP BY k;
INSERT INTO tq SELECT 1 FROM generate_series(1, 10);
REFRESH MATERIALIZED VIEW tv;
CREATE FUNCTION resets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO tq VALUES (2), (2);
	PERFORM streaming.reset('tv');
	RETURN NULL;
END $$;
CREATE TRIGGER resets AFTER TRUNCATE ON tq EXECUTE FUNCTION resets();
TRUNCATE tq;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM tv;
DROP SCHEMA t_reset CASCADE;
DROP ROLE t_reset_owner, t_reset_other;
