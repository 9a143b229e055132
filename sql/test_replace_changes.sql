-- A view whose changes others are told of gets another query: what differs is one batch.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t_told;
SET search_path = t_told, public;
CREATE ROLE t_told_owner;
GRANT ALL ON SCHEMA t_told TO t_told_owner;
SET ROLE t_told_owner;
CREATE TABLE s (k int, x int, word text) USING stream;
CREATE PROCEDURE fill(n int) LANGUAGE sql AS
	$$ INSERT INTO s SELECT i % 7, nullif(i % 9, 3), (ARRAY['apple', 'pear', NULL])[i % 3 + 1] FROM generate_series(1, n) i $$;
-- all changes together are the rows of the view: says 'ok', or what differs
CREATE FUNCTION check_sum(v regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	wrong text;
BEGIN
	EXECUTE format($q$ SELECT string_agg(concat_ws(' ', j, n), ', ' ORDER BY j) FROM (
		SELECT j, sum(n) AS n FROM (
			SELECT to_jsonb(c) - 'batch' - 'op' AS j, CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END AS n FROM %s_changes c
			UNION ALL SELECT to_jsonb(v), -1 FROM %1$s v) a GROUP BY j HAVING sum(n) <> 0) b $q$, v) INTO wrong;
	RETURN coalesce(wrong, 'ok');
END $$;
-- the view, its changes, what triggers have kept of it, what is above it
CREATE TABLE kept (k int, n bigint);
CREATE TABLE kept_sum (k int, n bigint, times bigint);
CREATE TABLE told (what text, who name, n bigint);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		DELETE FROM t_told.kept WHERE ctid = (SELECT ctid FROM t_told.kept WHERE k IS NOT DISTINCT FROM OLD.k AND n IS NOT DISTINCT FROM OLD.n LIMIT 1);
		IF NOT FOUND THEN RAISE 'no such row: %', OLD; END IF;
	END IF;
	IF TG_OP <> 'DELETE' THEN INSERT INTO t_told.kept VALUES (NEW.k, NEW.n); END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	IF TG_OP <> 'INSERT' THEN INSERT INTO t_told.kept_sum SELECT k, n, -1 FROM gone; END IF;
	IF TG_OP <> 'DELETE' THEN INSERT INTO t_told.kept_sum SELECT k, n, 1 FROM come; END IF;
	IF TG_OP = 'DELETE' THEN SELECT count(*) FROM gone INTO rows; ELSE SELECT count(*) FROM come INTO rows; END IF;
	INSERT INTO t_told.told VALUES (TG_OP, current_user, rows);
	RETURN NULL;
END $$;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE TRIGGER keep AFTER INSERT OR UPDATE OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER add_1 AFTER INSERT ON v REFERENCING NEW TABLE AS come EXECUTE FUNCTION add_up();
CREATE TRIGGER add_2 AFTER UPDATE ON v REFERENCING OLD TABLE AS gone NEW TABLE AS come EXECUTE FUNCTION add_up();
CREATE TRIGGER add_3 AFTER DELETE ON v REFERENCING OLD TABLE AS gone EXECUTE FUNCTION add_up();
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT n, count(*) AS c, sum(k) AS k FROM v GROUP BY n;
CREATE MATERIALIZED VIEW over WITH (streaming.continuous) AS SELECT c, count(*) AS m FROM above GROUP BY c;
CREATE MATERIALIZED VIEW beside WITH (streaming.continuous) AS SELECT s.word, v.n FROM s JOIN v USING (k) WHERE s.x = 1;
CREATE FUNCTION check_told() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	wrong bigint;
BEGIN
	SELECT count(*) FROM ((TABLE v EXCEPT ALL TABLE kept) UNION ALL (TABLE kept EXCEPT ALL TABLE v)) d INTO wrong;
	IF wrong > 0 THEN RETURN wrong || ' rows kept wrongly'; END IF;
	SELECT count(*) FROM (SELECT k, n FROM (SELECT k, n, times FROM kept_sum UNION ALL SELECT k, n, -1 FROM v) a GROUP BY k, n HAVING sum(times) <> 0) d INTO wrong;
	IF wrong > 0 THEN RETURN wrong || ' rows added up wrongly'; END IF;
	RETURN check_sum('v');
END $$;
CREATE FUNCTION check_all() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM streaming.wait('v'), streaming.wait('above'), streaming.wait('over'), streaming.wait('beside');
	RETURN array_to_string(array_remove(ARRAY[check_told(), check_view('v'), check_view('above'), check_view('over'), check_view('beside')], 'ok'), ', ');
END $$;
SELECT check_all();
CALL fill(100);
SELECT check_all();

-- groups that change, go and come; those that stay as they are say nothing
TRUNCATE told;
SELECT max(batch) AS last FROM v_changes \gset
CALL streaming.replace('v', 'SELECT k, count(*) + k / 4 AS n FROM s WHERE k < 6 GROUP BY k');
SELECT op, k, n FROM v_changes WHERE batch > :last ORDER BY k, op DESC;
TRUNCATE told;
SELECT max(batch) AS last FROM v_changes \gset
CALL streaming.replace('v', 'SELECT k, count(*) + k / 3 AS n FROM s WHERE k > 1 GROUP BY k');
SELECT op, k, n FROM v_changes WHERE batch > :last ORDER BY k, op DESC;
SELECT count(DISTINCT batch) AS batches FROM v_changes WHERE batch > :last;
SELECT * FROM told ORDER BY what;
SELECT check_told(), check_all();
SELECT batches = (SELECT max(batch) FROM v_changes) AS last FROM streaming.views WHERE view = 'v'::regclass;
-- that is one by a key; the other is another key, so that rows are not told apart
CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s GROUP BY k');
TRUNCATE told;
CREATE TABLE keyed (k int PRIMARY KEY, n bigint);
INSERT INTO keyed TABLE v;
CREATE FUNCTION keep_keyed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN INSERT INTO t_told.keyed VALUES (NEW.k, NEW.n);
	ELSIF TG_OP = 'UPDATE' THEN UPDATE t_told.keyed SET n = NEW.n, k = NEW.k WHERE k = OLD.k;
	ELSE DELETE FROM t_told.keyed WHERE k = OLD.k; END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER keyed AFTER INSERT OR UPDATE OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION keep_keyed();
CALL streaming.replace('v', 'SELECT k, c + 1 AS n FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q GROUP BY k, c');
SELECT * FROM told ORDER BY what;
SELECT count(*) FROM ((TABLE v EXCEPT TABLE keyed) UNION ALL (TABLE keyed EXCEPT TABLE v)) d;
DROP TRIGGER keyed ON v;
SELECT check_all();
-- the same again: nothing is said
SELECT max(batch) AS last FROM v_changes \gset
CALL streaming.replace('v', 'SELECT k, c + 1 AS n FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q GROUP BY k, c');
SELECT count(*) FROM v_changes WHERE batch > :last;

-- of one kind after the other, at once and in steps, rows before and after
CREATE PROCEDURE replace_each() LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	FOREACH query IN ARRAY ARRAY[
		'SELECT k, count(*) AS n FROM s GROUP BY k',
		'SELECT k, count(DISTINCT x) AS n FROM s GROUP BY k',
		'SELECT a.k, count(*) AS n FROM s a JOIN s b ON a.k = b.x GROUP BY a.k',
		'SELECT a.k, count(b.x) AS n FROM s a LEFT JOIN s b ON a.k = b.x + 3 AND b.word = a.word GROUP BY a.k HAVING count(*) % 2 = 0',
		'SELECT DISTINCT ON (k) k, x::bigint AS n FROM s ORDER BY k, x DESC',
		'SELECT k, n FROM (SELECT k, x::bigint AS n, row_number() OVER (PARTITION BY k ORDER BY x) AS r FROM s) q WHERE r <= 3',
		'SELECT c::int AS k, count(*) AS n FROM (SELECT k, count(*) AS c FROM s GROUP BY k) g GROUP BY c',
		'SELECT k, count(*) AS n FROM s GROUP BY ROLLUP (k)',
		'SELECT k, count(*) AS n FROM s WHERE false GROUP BY k',
		'SELECT a.k, b.x::bigint AS n FROM s a LEFT JOIN s b ON a.k = b.x + 3 AND b.word = a.word WHERE a.x = 2',
		'SELECT max(k) AS k, count(*) AS n FROM s WHERE false',
		'SELECT k, count(*) AS n FROM s GROUP BY k UNION ALL SELECT x, 1 FROM s WHERE x > 7',
		'SELECT k, sum(x) AS n FROM s GROUP BY k']
	LOOP
		CALL fill(20);
		CALL streaming.replace('v', query);
		IF check_told() <> 'ok' THEN
			RAISE 'wrong at first: %, %', query, check_told();
		END IF;
		COMMIT;
		CALL fill(20);
		COMMIT;
		IF check_all() <> '' THEN
			RAISE 'wrong: %, %', query, check_all();
		END IF;
	END LOOP;
END $$;
CALL replace_each();
SELECT check_all();
CREATE FUNCTION replace_all() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s GROUP BY k');
	CALL fill(10);
	CALL streaming.replace('v', 'SELECT k, n FROM (SELECT k, x::bigint AS n, row_number() OVER (PARTITION BY k ORDER BY x) AS r FROM s) q WHERE r <= 2');
	CALL fill(10);
	CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s GROUP BY k HAVING count(*) % 2 = 0');
	IF check_told() <> 'ok' THEN
		RAISE 'wrong: %', check_told();
	END IF;
	CALL fill(10);
END $$;
SELECT replace_all();
SELECT check_all();
BEGIN;
CALL streaming.replace('v', 'SELECT k, 7::bigint AS n FROM s GROUP BY k');
CALL fill(10);
SELECT count(*) FROM kept WHERE n = 7;
ROLLBACK;
SELECT check_all();
SELECT bool_and(batch > 0) FROM (SELECT batch - lag(batch) OVER (ORDER BY ctid) + 1 AS batch FROM v_changes) q;

-- it runs as the owner, whatever he may still do with his view
RESET ROLE;
REVOKE ALL ON v FROM t_told_owner;
SET ROLE t_told_owner;
TRUNCATE told;
CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s WHERE k < 4 GROUP BY k');
SELECT DISTINCT who FROM told;
RESET ROLE;
GRANT ALL ON v TO t_told_owner;
SET ROLE t_told_owner;
SELECT check_all();

-- a trigger that fails keeps the old query
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no, % %', TG_OP, OLD.k; END $$;
CREATE TRIGGER fails AFTER DELETE ON v FOR EACH ROW WHEN (OLD.k = 3) EXECUTE FUNCTION fail();
CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s WHERE k < 3 GROUP BY k');
SELECT max(k) FROM v;
BEGIN;
CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s WHERE k < 3 GROUP BY k');
ROLLBACK;
CALL fill(10);
SELECT check_all();
DROP TRIGGER fails ON v;
-- what a batch would not run is not run here
ALTER MATERIALIZED VIEW v SET (streaming.trust_functions = off);
RESET ROLE;
CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE ROLE t_told_other;
ALTER FUNCTION theirs() OWNER TO t_told_other;
GRANT t_told_other TO t_told_owner;
SET ROLE t_told_owner;
CREATE TRIGGER theirs AFTER DELETE ON v EXECUTE FUNCTION theirs();
\set VERBOSITY terse
CALL streaming.replace('v', 'SELECT k, count(*) AS n FROM s WHERE k < 3 GROUP BY k');
\set VERBOSITY default
DROP TRIGGER theirs ON v;
SELECT check_all();

-- new columns: not with views above, and null in what was
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(word) AS word FROM s GROUP BY k');
DROP MATERIALIZED VIEW beside, over, above;
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(word) AS op FROM s GROUP BY k');
SELECT max(batch) AS last FROM v_changes \gset
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(word) AS word, array_agg(DISTINCT word) AS words FROM s WHERE k > 2 GROUP BY k');
SELECT op, k, word, words IS NULL AS old, words FROM v_changes WHERE batch > :last AND k > 1 ORDER BY k, op DESC;
SELECT check_sum('v');
CALL fill(10);
SELECT streaming.wait('v'), check_view('v'), check_sum('v');
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'v_changes'::regclass AND attnum > 0 ORDER BY attnum;
-- in steps that are rolled back, none are left
CREATE TRIGGER fails AFTER DELETE ON v FOR EACH ROW WHEN (OLD.k = 3) EXECUTE FUNCTION fail();
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(word) AS word, NULL::text[] AS words, 1 AS one FROM s WHERE k > 3 GROUP BY k');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'v_changes'::regclass AND attnum > 0;
DROP MATERIALIZED VIEW v;

-- transforms, with a change stream alone
CREATE MATERIALIZED VIEW t WITH (streaming.continuous, streaming.changes) AS SELECT k, x::bigint AS n FROM s WHERE x > 5;
SELECT streaming.wait('t');
CALL streaming.replace('t', 'SELECT k, x::bigint AS n FROM s WHERE x > 6 AND k > 2');
SELECT check_sum('t'), check_view('t');
CALL streaming.replace('t', 'SELECT k, sum(x) AS n FROM s GROUP BY k');
SELECT check_sum('t'), check_view('t');
CALL streaming.replace('t', 'SELECT a.k, b.x::bigint AS n FROM s a JOIN s b ON a.k = b.x WHERE a.word = b.word');
CALL fill(10);
SELECT streaming.wait('t'), check_sum('t'), check_view('t');
CREATE TRIGGER t_told AFTER INSERT ON t EXECUTE FUNCTION theirs();
CALL streaming.replace('t', 'SELECT k, sum(x) AS n FROM s GROUP BY k');
DROP TRIGGER t_told ON t;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT count(*) AS n FROM t;
CALL streaming.replace('t', 'SELECT k, sum(x) AS n FROM s GROUP BY k');
DROP MATERIALIZED VIEW above;
CALL streaming.replace('t', 'SELECT k, sum(x) AS n FROM s GROUP BY k');
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT count(*) AS n FROM t;
CALL streaming.replace('t', 'SELECT k, x::bigint AS n FROM s');
CREATE MATERIALIZED VIEW over WITH (streaming.continuous) AS SELECT n::int AS k, n FROM above;
-- no circles
CALL streaming.replace('t', 'SELECT k, max(n) AS n FROM over GROUP BY k');
CALL streaming.replace('t', 'SELECT k, max(n) AS n FROM t_changes GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait('t'), check_sum('t'), streaming.wait('above'), check_view('above');
DROP MATERIALIZED VIEW over, above;
CREATE TRIGGER t_told AFTER DELETE ON t EXECUTE FUNCTION theirs();
CALL streaming.replace('t', 'SELECT k, x::bigint AS n FROM s');
-- nor what depends on its tables, or on the kind of its streams
CREATE STATISTICS t_told.t_stats ON k, n FROM t;
CALL streaming.replace('t', 'SELECT k, sum(x) AS n FROM s GROUP BY k');
DROP STATISTICS t_stats;
CREATE UNLOGGED TABLE un (k int) USING stream;
CALL streaming.replace('t', 'SELECT k, count(*)::numeric::bigint AS n FROM un GROUP BY k');
DROP MATERIALIZED VIEW t;

-- long values that go are in no table any more
CREATE TABLE l (k int, w text) USING stream;
INSERT INTO l SELECT i, (SELECT string_agg(md5((100 * i + j)::text), '') FROM generate_series(1, 100) j) FROM generate_series(1, 6) i;
CREATE MATERIALIZED VIEW t WITH (streaming.continuous, streaming.changes) AS SELECT k, max(w) AS w, count(*) AS n FROM l GROUP BY k;
CREATE MATERIALIZED VIEW u WITH (streaming.continuous, streaming.changes) AS SELECT k, w FROM l;
SELECT streaming.wait('t'), streaming.wait('u'), check_sum('t'), check_sum('u');
CALL streaming.replace('t', 'SELECT k, max(w) AS w, count(*) + k / 6 AS n FROM l WHERE k > 2 GROUP BY k');
CALL streaming.replace('u', 'SELECT k, w FROM l WHERE k > 2');
SELECT check_sum('t'), check_view('t'), check_sum('u'), check_view('u');
BEGIN;
CALL streaming.replace('t', 'SELECT k, max(w) AS w, count(*) AS n FROM l WHERE k > 3 GROUP BY k');
CALL streaming.replace('u', 'SELECT k, w FROM l WHERE k > 3');
COMMIT;
SELECT check_sum('t'), check_view('t'), check_sum('u'), check_view('u');
SELECT op, count(*), min(length(w)) FROM t_changes GROUP BY op ORDER BY op;
DROP MATERIALIZED VIEW t, u;

-- in a group, whose others are told of their changes as ever
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.changes, streaming.group = g) AS SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW b WITH (streaming.continuous, streaming.changes, streaming.group = g) AS SELECT k, count(*) AS n FROM s GROUP BY k;
SELECT streaming.wait('a');
CALL fill(20);
CALL streaming.replace('b', 'SELECT k, 2 * count(*) AS n FROM s GROUP BY k');
SELECT check_sum('a'), check_sum('b'), count(*) FROM a JOIN b ON a.k = b.k AND 2 * a.n = b.n;
CALL fill(20);
SELECT streaming.wait('a'), check_sum('a'), check_sum('b'), count(*) FROM a JOIN b ON a.k = b.k AND 2 * a.n = b.n;
DROP MATERIALIZED VIEW a, b;

-- what comes once: more may come, none may go
CREATE TABLE e (ts timestamp, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 seconds');
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT tumble(ts, '1 minute') AS win, k, count(*) AS n FROM e WHERE k = 1 GROUP BY win, k;
INSERT INTO e SELECT '2024-01-01'::timestamp + i * interval '7 seconds', i % 3 FROM generate_series(1, 100) i;
CALL refresh_views(2);
CALL streaming.replace('w', 'SELECT tumble(ts, ''1 minute'') AS win, k, count(*) AS n FROM e WHERE k > 0 GROUP BY 1, k');
SELECT check_sum('w'), count(DISTINCT k), bool_and(op = 'insert') FROM w_changes;
SELECT check_view('w') <> 'ok' AS open, count(*) FROM w;
INSERT INTO e SELECT '2024-01-01 00:12'::timestamp + i * interval '7 seconds', i % 3 FROM generate_series(1, 100) i;
CALL refresh_views(2);
SELECT check_sum('w'), count(*) FROM w;
CALL streaming.replace('w', 'SELECT tumble(ts, ''2 minutes'') AS win, k, count(*) AS n FROM e WHERE k > 0 GROUP BY 1, k');
CALL streaming.replace('w', 'SELECT tumble(ts, ''1 minute'') AS win, k, count(*) AS n FROM e WHERE k > 1 GROUP BY 1, k');
CREATE MATERIALIZED VIEW hours WITH (streaming.continuous, streaming.output_mode = append) AS SELECT tumble(window_time(win), '5 minutes') AS hour, sum(n) AS n FROM w GROUP BY 1;
CALL streaming.replace('w', 'SELECT tumble(ts, ''1 minute'') AS win, k, count(*) AS n FROM e GROUP BY 1, k');
DROP MATERIALIZED VIEW hours;
CALL streaming.replace('w', 'SELECT tumble(ts, ''1 minute'') AS win, k, count(*) AS n FROM e GROUP BY 1, k');
SELECT check_sum('w'), count(DISTINCT k) FROM w;
-- its event time is still one
CREATE MATERIALIZED VIEW hours WITH (streaming.continuous, streaming.output_mode = append) AS SELECT tumble(window_time(win), '5 minutes') AS hour, sum(n) AS n FROM w GROUP BY 1;
CALL refresh_views(2);
SELECT lower(hour), n FROM hours ORDER BY 1;
DROP MATERIALIZED VIEW hours, w;
CREATE MATERIALIZED VIEW d WITH (streaming.continuous, streaming.changes) AS SELECT DISTINCT k FROM s WHERE k > 2;
SELECT streaming.wait('d');
CALL streaming.replace('d', 'SELECT DISTINCT k FROM s WHERE k > 1');
SELECT check_sum('d'), check_view('d');
CALL streaming.replace('d', 'SELECT k FROM s GROUP BY k');
CALL streaming.replace('d', 'SELECT DISTINCT k FROM s WHERE k > 5');
SELECT check_sum('d'), check_view('d');
-- rows that have gone because they are old
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.changes, streaming.ttl = '1 minute') AS
	SELECT tumble(ts, '1 minute') AS win, count(*) AS n FROM e GROUP BY win;
CALL streaming.replace('o', 'SELECT tumble(ts, ''1 minute'') AS win, 2 * count(*) AS n FROM e GROUP BY 1');

RESET ROLE;
DROP SCHEMA t_told CASCADE;
DROP ROLE t_told_owner, t_told_other;
SELECT * FROM leftovers();
