-- A view gets another query.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t_replace;
SET search_path = t_replace, public;
CREATE ROLE t_replace_owner;
CREATE ROLE t_replace_other;
GRANT ALL ON SCHEMA t_replace TO t_replace_owner, t_replace_other;
SET ROLE t_replace_owner;
CREATE TABLE s (k int, x int, word text) USING stream;
CREATE FUNCTION word(i int) RETURNS text IMMUTABLE LANGUAGE sql AS
	$$ SELECT (ARRAY['apple', 'Apple', 'pear', NULL])[i % 4 + 1] $$;
CREATE PROCEDURE fill(n int) LANGUAGE sql AS
	$$ INSERT INTO s SELECT i % 7, nullif(i % 9, 3), word(i) FROM generate_series(1, n) i $$;
CREATE FUNCTION check_now(view regclass) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM streaming.wait(view);
	RETURN check_view(view);
END $$;
CALL fill(100);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) AS n FROM s GROUP BY k;
SELECT check_now('v');

-- what is kept by the view stays; a column is added, the filter is another one
COMMENT ON MATERIALIZED VIEW v IS 'how many';
COMMENT ON COLUMN v.n IS 'that many';
GRANT SELECT (n) ON v TO t_replace_other;
CREATE VIEW plain AS SELECT sum(n) AS n FROM v;
PREPARE total AS SELECT sum(n) FROM v;
EXECUTE total;
SELECT 'v'::regclass::oid AS before \gset
CALL streaming.replace('v', 'SELECT k, count(*) AS n, sum(x) AS x FROM s WHERE k <> 3 GROUP BY k');
SELECT 'v'::regclass::oid = :before AS same;
SELECT obj_description('v'::regclass, 'pg_class'), col_description('v'::regclass, 2);
SELECT attname, attacl FROM pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0 ORDER BY attnum;
SELECT sum(n) = (SELECT count(*) FROM s WHERE k <> 3) AS right FROM v;
SELECT check_view('v'), (SELECT n FROM plain) = (SELECT sum(n) FROM v) AS above;
EXECUTE total;
CALL fill(50);
SELECT check_now('v');
SELECT pg_get_viewdef(v.view) !~ number_of(v.view) AS old FROM streaming.views v WHERE view = 'v'::regclass;
SELECT count(*) AS tables FROM pg_class WHERE relnamespace = 'streaming'::regnamespace
	AND relname ~ '^_(state|below|definition)_\d+' AND relkind IN ('r', 'v') AND relowner = 't_replace_owner'::regrole;

-- of one kind after the other, in one transaction
CREATE MATERIALIZED VIEW u WITH (streaming.continuous) AS
	SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE FUNCTION replace_all() RETURNS TABLE (n int, result text) LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	n := 0;
	FOREACH query IN ARRAY ARRAY[
		'SELECT k, x::bigint AS n FROM s WHERE x > 3',
		'SELECT k, count(DISTINCT x) AS n FROM s GROUP BY k',
		'SELECT a.k, count(*) AS n FROM s a JOIN s b ON a.k = b.x GROUP BY a.k',
		'SELECT a.k, b.x::bigint AS n FROM s a LEFT JOIN s b ON a.k = b.x + 3 AND b.word = a.word',
		'SELECT DISTINCT ON (k) k, x::bigint AS n FROM s ORDER BY k, x DESC',
		'SELECT DISTINCT k, x::bigint AS n FROM s',
		'SELECT k, n FROM (SELECT k, x::bigint AS n, row_number() OVER (PARTITION BY k ORDER BY x) AS r FROM s) q WHERE r <= 3',
		'SELECT c::int AS k, count(*) AS n FROM (SELECT k, count(*) AS c FROM s GROUP BY k) g GROUP BY c',
		'SELECT k, count(*) AS n FROM s GROUP BY ROLLUP (k)',
		'SELECT k, count(*) AS n FROM s GROUP BY k UNION ALL SELECT x, 1 FROM s WHERE x > 7',
		'SELECT k, count(*) AS n FROM s WHERE false GROUP BY k',
		'SELECT max(k) AS k, count(*) AS n FROM s WHERE false',
		'SELECT k, x::bigint AS n FROM s WHERE NOT EXISTS (SELECT FROM s t WHERE t.x = s.k + 5)',
		'SELECT k, count(*) AS n FROM s GROUP BY k HAVING count(*) % 2 = 0']
	LOOP
		n := n + 1;
		CALL streaming.replace('u', query);
		result := check_view('u');
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM replace_all();
CALL fill(30);
SELECT check_now('u');
CREATE PROCEDURE replace_each() LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	FOREACH query IN ARRAY ARRAY[
		'SELECT k, x::bigint AS n FROM s WHERE x > 3',
		'SELECT a.k, count(b.x) AS n FROM s a LEFT JOIN s b ON a.k = b.x GROUP BY a.k',
		'SELECT DISTINCT ON (k) k, x::bigint AS n FROM s ORDER BY k, x DESC',
		'SELECT k, count(DISTINCT word) AS n FROM s GROUP BY k']
	LOOP
		CALL streaming.replace('u', query);
		COMMIT;
		CALL fill(20);
		COMMIT;
		PERFORM streaming.wait('u');
		CALL fill(20);
		COMMIT;
		PERFORM streaming.wait('u');
		IF check_view('u') <> 'ok' THEN
			RAISE 'wrong: %, %', query, check_view('u');
		END IF;
	END LOOP;
END $$;
-- a worker that remembers the view takes up the other query
CALL replace_each();
SELECT check_now('u');

-- in a transaction, with own rows, rolled back and not
BEGIN;
INSERT INTO s VALUES (100, 100);
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(x)::bigint AS x FROM s GROUP BY k');
SELECT * FROM v WHERE k = 100;
ROLLBACK;
SELECT count(*) FROM v WHERE k = 100;
INSERT INTO s VALUES (101, 100);
SELECT check_now('v');
BEGIN;
INSERT INTO s VALUES (102, 100);
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(x)::bigint AS x FROM s GROUP BY k');
INSERT INTO s VALUES (103, 100);
CALL streaming.replace('v', 'SELECT k, count(*) AS n, min(x)::bigint AS x FROM s GROUP BY k');
INSERT INTO s VALUES (104, 100);
COMMIT;
SELECT check_now('v');
SELECT count(*) FROM v WHERE k > 100;
BEGIN;
SAVEPOINT a;
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(x)::bigint AS x, 1 AS one FROM s GROUP BY k');
ROLLBACK TO a;
INSERT INTO s VALUES (105, 100);
COMMIT;
SELECT check_now('v');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 FROM s;
CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(x)::bigint AS x FROM s GROUP BY k');
COMMIT;
SELECT check_now('v');

-- where it cannot commit
DO $$
BEGIN
	BEGIN
		CALL streaming.replace('v', 'SELECT k, count(*) AS n, max(x)::bigint AS x FROM s GROUP BY k');
	EXCEPTION WHEN undefined_table THEN
		NULL;
	END;
END $$;
SELECT check_now('v');

-- rows that are gone from the stream are gone from the result
SET client_min_messages = notice;
CREATE TABLE gone (k int) USING stream;
CREATE MATERIALIZED VIEW g WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM gone GROUP BY k;
INSERT INTO gone SELECT i % 3 FROM generate_series(1, 10) i;
REFRESH MATERIALIZED VIEW g;
TRUNCATE gone;
INSERT INTO gone VALUES (7), (7);
REFRESH MATERIALIZED VIEW g;
CALL streaming.replace('g', 'SELECT k, 2 * count(*) AS n FROM gone GROUP BY k');
SELECT * FROM g;
CALL streaming.replace('g', 'SELECT k, 3 * count(*) AS n FROM gone GROUP BY k');
-- other streams
CALL streaming.replace('g', 'SELECT k, count(*) AS n FROM s GROUP BY k');
SELECT check_now('g');
DROP TABLE gone;
INSERT INTO s VALUES (1, 1);
SELECT check_now('g');
SET client_min_messages = warning;

-- event time: other windows; what is closed is shown at once
CREATE TABLE e (ts timestamp, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0 seconds');
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 minute') AS win, count(*) AS n FROM e GROUP BY win;
INSERT INTO e VALUES ('2024-01-01 00:00:10', 1), ('2024-01-01 00:05:00', 1);
CALL refresh_views(2);
INSERT INTO e VALUES ('2024-01-01 00:00:20', 1), ('2024-01-01 00:12:00', 1);
CALL refresh_views(2);
SELECT lower(win), n FROM w ORDER BY 1;
SELECT late_rows FROM streaming.views WHERE view = 'w'::regclass;
BEGIN;
CALL streaming.replace('w', 'SELECT tumble(ts, ''5 minutes'') AS win, count(*) AS n FROM e GROUP BY 1');
SELECT lower(win), n FROM w ORDER BY 1;
COMMIT;
SELECT late_rows FROM streaming.views WHERE view = 'w'::regclass;
INSERT INTO e VALUES ('2024-01-01 00:00:20', 1), ('2024-01-01 00:13:00', 1), ('2024-01-01 00:21:00', 1);
CALL refresh_views(2);
SELECT lower(win), n FROM w ORDER BY 1;
SELECT late_rows FROM streaming.views WHERE view = 'w'::regclass;
-- the options stay, and the query must fit them
CALL streaming.replace('w', 'SELECT tsrange(ts, ts, ''[]'') AS win, count(*) AS n FROM e GROUP BY 1');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('w', 'SELECT session_window(ts, ''1 hour'') AS win, count(*) AS n FROM e GROUP BY 1');
SELECT count(*) FROM w;

-- of what the view is made of is kept: storage parameters, indexes with their comments
CREATE MATERIALIZED VIEW i WITH (streaming.continuous, fillfactor = 70) AS
	SELECT k, word, count(*) AS n FROM s GROUP BY k, word;
CREATE INDEX i_words ON i (word COLLATE "C" DESC, k) INCLUDE (n) WITH (fillfactor = 60);
CREATE INDEX i_k ON i USING hash (k);
COMMENT ON INDEX streaming.i_words IS 'by word';
ALTER MATERIALIZED VIEW i CLUSTER ON i_words;
ALTER MATERIALIZED VIEW i ALTER COLUMN word SET STATISTICS 7, ALTER COLUMN word SET STORAGE external,
	ALTER COLUMN k SET (n_distinct = 5), ALTER COLUMN word SET COMPRESSION pglz;
CREATE FUNCTION indexes(view regclass) RETURNS TABLE (def text, comment text, clustered boolean) LANGUAGE sql AS $$
	SELECT regexp_replace(pg_get_indexdef(x.indexrelid), '\d{5,}', 'N'), obj_description(x.indexrelid, 'pg_class'), x.indisclustered
	FROM pg_index x JOIN streaming.views v ON x.indrelid = v.state_table
	WHERE v.view = $1 AND x.indexrelid::regclass::text !~ '^streaming._' ORDER BY 1 $$;
SELECT * FROM indexes('i');
CALL streaming.replace('i', 'SELECT k + 1 AS k, word, count(*) AS n FROM s WHERE word > '''' GROUP BY word, 1');
SELECT * FROM indexes('i');
SELECT attname, nullif(attstattarget, -1) AS target, attstorage, attcompression,
	(SELECT string_agg(o, ' ') FROM unnest(attoptions) o WHERE o LIKE 'n\_%') AS options FROM pg_attribute
	WHERE attrelid = (SELECT state_table FROM streaming.views WHERE view = 'i'::regclass) AND attname IN ('k', 'word') ORDER BY 1;
SELECT reloptions FROM pg_class WHERE oid = (SELECT state_table FROM streaming.views WHERE view = 'i'::regclass);
SELECT check_now('i');
SELECT count(*) AS number FROM pg_class WHERE relname LIKE 'i\_%' AND relnamespace = 'streaming'::regnamespace;
-- they need their columns
CALL streaming.replace('i', 'SELECT k, word, count(*) + 1 AS n FROM s GROUP BY k, word');
\echo :LAST_ERROR_SQLSTATE
BEGIN;
DROP INDEX streaming.i_words;
CALL streaming.replace('i', 'SELECT k, word, count(*) + 1 AS n FROM s GROUP BY k, word');
COMMIT;
SELECT * FROM indexes('i');
-- that on an average, too, which is an expression over the table
CREATE MATERIALIZED VIEW j WITH (streaming.continuous) AS SELECT k, avg(x) AS mean, count(*) AS n FROM s GROUP BY k;
CREATE INDEX j_mean ON j (mean DESC);
SELECT * FROM indexes('j');
CALL streaming.replace('j', 'SELECT k + 1 AS k, avg(x) AS mean, count(*) AS n, max(x) AS most FROM s GROUP BY 1');
SELECT * FROM indexes('j');
CALL streaming.replace('j', 'SELECT k, avg(x) + 1 AS mean, count(*) AS n, max(x) AS most FROM s GROUP BY 1');
DROP MATERIALIZED VIEW j;
SELECT check_now('i');
CREATE STATISTICS i_stats ON k, word FROM i;
CALL streaming.replace('i', 'SELECT k, word, count(*) AS n FROM s GROUP BY k, word');
\echo :LAST_ERROR_SQLSTATE
DROP STATISTICS i_stats;

-- a failed view begins anew
CREATE MATERIALIZED VIEW bad WITH (streaming.continuous) AS SELECT sum(1 / (k - 1)) AS n FROM s;
REFRESH MATERIALIZED VIEW bad;
CALL streaming.replace('bad', 'SELECT sum(2 / (k - 1)) AS n FROM s');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('bad', 'SELECT sum(1 / nullif(k - 1, 0)) AS n FROM s');
SELECT failures, last_error FROM streaming.views WHERE view = 'bad'::regclass;
SELECT check_now('bad');
-- rows that it has put aside are in it again
ALTER MATERIALIZED VIEW bad SET (streaming.on_error = 'skip');
CALL streaming.replace('bad', 'SELECT sum(100 / (k - 200)) AS n FROM s');
INSERT INTO s VALUES (200, 0), (201, 0);
SELECT streaming.wait('bad');
SELECT count(*) FROM streaming.errors WHERE view = 'bad'::regclass;
-- workers put aside what fails in the new query; in the session of its owner, none is
CALL streaming.replace('bad', 'SELECT sum(200 / (k - 201)) AS n FROM s');
SELECT stream_row, message FROM streaming.errors WHERE view = 'bad'::regclass;
SELECT skipped_rows FROM streaming.views WHERE view = 'bad'::regclass;
SELECT n = (SELECT sum(200 / (k - 201)) FROM s WHERE k <> 201) AS right FROM bad;
BEGIN;
CALL streaming.replace('bad', 'SELECT sum(200 / (k - 200)) AS n FROM s');
ROLLBACK;
CALL streaming.replace('bad', 'SELECT sum(100 / nullif(k - 200, 0)) AS n FROM s');
SELECT count(*) FROM streaming.errors WHERE view = 'bad'::regclass;
SELECT check_now('bad');

-- logged and not
CREATE UNLOGGED TABLE un (k int) USING stream;
INSERT INTO un VALUES (1), (2);
CREATE MATERIALIZED VIEW l WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM s GROUP BY k;
SELECT check_now('l');
CALL streaming.replace('l', 'SELECT k, count(*) AS n FROM un GROUP BY k');
INSERT INTO un VALUES (1);
SELECT check_now('l');
CALL streaming.replace('l', 'SELECT k, count(*) AS n FROM s GROUP BY k');
SELECT check_now('l');

-- in a group
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.group = g) AS SELECT count(*) AS n FROM s;
CREATE MATERIALIZED VIEW b WITH (streaming.continuous, streaming.group = g) AS SELECT count(*) AS n FROM s;
CALL fill(20);
CALL streaming.replace('b', 'SELECT 2 * count(*) AS n FROM s');
SELECT a.n * 2 = b.n AS together FROM a, b;
CALL fill(20);
SELECT check_now('a');
SELECT a.n * 2 = b.n AS together FROM a, b;
CALL streaming.replace('b', 'SELECT count(*) AS n FROM un');
\echo :LAST_ERROR_SQLSTATE

-- views over it, and over others
CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.changes) AS
	SELECT k, count(*) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW over WITH (streaming.continuous) AS SELECT n, count(*) AS groups FROM c GROUP BY n;
CALL streaming.replace('over', 'SELECT n, count(*) AS groups FROM c WHERE k > 1 GROUP BY n');
CALL fill(10);
SELECT streaming.wait('c'), check_now('over');
CALL streaming.replace('over', 'SELECT n, count(*) AS groups FROM u GROUP BY n');
SELECT change_stream FROM streaming.views WHERE view = 'u'::regclass;
CALL fill(10);
SELECT streaming.wait('u'), check_now('over');
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS SELECT k, x FROM s WHERE x > 3;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT count(*) AS n FROM r;
CALL streaming.replace('c', 'SELECT k, count(*) + 1 AS n FROM s GROUP BY k');
SELECT check_now('c');
CALL streaming.replace('r', 'SELECT k, x FROM s');
\echo :LAST_ERROR_SQLSTATE

-- triggers
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE MATERIALIZED VIEW t WITH (streaming.continuous) AS SELECT k FROM s;
CREATE TRIGGER t_note AFTER INSERT ON t EXECUTE FUNCTION note();
CALL streaming.replace('t', 'SELECT k FROM s WHERE k > 1');
\echo :LAST_ERROR_SQLSTATE
BEGIN;
DROP TRIGGER t_note ON t;
CALL streaming.replace('t', 'SELECT k FROM s WHERE k > 1');
CREATE TRIGGER t_note AFTER INSERT ON t EXECUTE FUNCTION note();
COMMIT;
SELECT check_now('t');

-- the columns
CALL streaming.replace('g', 'SELECT k FROM s');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k::bigint, count(*) AS n FROM s GROUP BY k::bigint');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('i', 'SELECT k, word COLLATE "C" AS word, count(*) AS n FROM s GROUP BY 1, 2');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS n, 1 AS n FROM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW g RENAME COLUMN n TO m;
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k');
SELECT check_now('g');

-- the query
CALL streaming.replace('g', 'SELECT');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', '');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS m FRM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k; DROP TABLE s');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'INSERT INTO s VALUES (1)');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS m INTO n FROM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s WHERE k = $1 GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, 1::bigint AS m FROM s FOR UPDATE');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, m FROM (SELECT k, count(*) AS m FROM s TABLESAMPLE system (1) GROUP BY k) q');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT 1 AS k, 2::bigint AS m');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, random()::bigint AS m FROM s');
\echo :LAST_ERROR_SQLSTATE
-- not itself
CREATE VIEW around AS SELECT k, m FROM g;
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM g GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT s.k, count(*) AS m FROM s JOIN around USING (k) GROUP BY 1');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s WHERE k IN (SELECT k FROM around) GROUP BY 1');
\echo :LAST_ERROR_SQLSTATE
SELECT state_table FROM streaming.views WHERE view = 'g'::regclass \gset
\set VERBOSITY sqlstate
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM ' || :'state_table' || ' GROUP BY k');
\set VERBOSITY default
SELECT check_now('g');

-- who may, and where
CALL streaming.replace('s', 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace(0, 'SELECT 1');
\echo :LAST_ERROR_SQLSTATE
CALL streaming.replace(NULL, 'SELECT 1');
CALL streaming.replace('g', NULL);
SET ROLE t_replace_other;
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE theirs (k int) USING stream;
RESET ROLE;
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
SET ROLE t_replace_owner;
-- what the owner may not read
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM theirs GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
BEGIN READ ONLY;
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- not in a batch
CREATE FUNCTION replaces_really(i int) RETURNS int LANGUAGE plpgsql AS
	$$ BEGIN CALL streaming.replace('t_replace.g', 'SELECT k, count(*) AS m FROM s GROUP BY k'); RETURN i; END $$;
CREATE FUNCTION replaces(i int) RETURNS int LANGUAGE plpgsql STABLE AS
	$$ BEGIN RETURN t_replace.replaces_really(i); END $$;
CREATE MATERIALIZED VIEW nested WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT sum(replaces(k)) AS n FROM s;
REFRESH MATERIALIZED VIEW nested;
\echo :LAST_ERROR_SQLSTATE
-- not while it is being read here
BEGIN;
DECLARE cur CURSOR FOR SELECT * FROM g;
FETCH 1 FROM cur \g /dev/null
\set VERBOSITY sqlstate
CALL streaming.replace('g', 'SELECT k, count(*) AS m FROM s GROUP BY k');
\set VERBOSITY default
ROLLBACK;
SELECT check_now('g');
-- released
CREATE TABLE rs (k int) USING stream;
CREATE MATERIALIZED VIEW rel WITH (streaming.continuous, streaming.changes, streaming.trigger = 'manual') AS
	SELECT k, count(*) AS n FROM rs GROUP BY k;
CREATE MATERIALIZED VIEW above_rel WITH (streaming.continuous) AS SELECT n, count(*) AS groups FROM rel GROUP BY n;
INSERT INTO rs VALUES (1), (1), (2), (NULL);
REFRESH MATERIALIZED VIEW rel;
SELECT streaming.release('rel');
INSERT INTO rs VALUES (3), (NULL);
SELECT streaming.reset('rel');
-- with its own query, in steps
CALL streaming.replace('rel', 'SELECT k, count(*) AS n FROM rs GROUP BY k');
SELECT state, options FROM streaming.views WHERE view = 'rel'::regclass;
SELECT check_now('rel'), check_now('above_rel');
INSERT INTO rs VALUES (1), (5);
SELECT check_now('rel'), check_now('above_rel');
-- in a transaction, when rows have gone
SELECT streaming.release('rel');
TRUNCATE rs;
INSERT INTO rs VALUES (1), (6), (NULL);
BEGIN;
CALL streaming.replace('rel', 'SELECT k, count(*) AS n FROM rs GROUP BY k');
COMMIT;
SELECT state FROM streaming.views WHERE view = 'rel'::regclass;
SELECT check_now('rel'), check_now('above_rel');
INSERT INTO rs VALUES (1), (5);
SELECT check_now('rel'), check_now('above_rel');
-- commands name the function
CREATE OR REPLACE VIEW g AS SELECT 1 AS k;

-- event triggers
RESET ROLE;
CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	IF TG_EVENT = 'ddl_command_end' THEN
		FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
			RAISE WARNING '% % %', TG_TAG, r.command_tag, regexp_replace(r.object_identity, '\d{5,}', 'N');
		END LOOP;
	ELSE
		RAISE WARNING '% %', TG_EVENT, TG_TAG;
	END IF;
END $$;
CREATE EVENT TRIGGER t_replace_start ON ddl_command_start EXECUTE FUNCTION seen();
CREATE EVENT TRIGGER t_replace_end ON ddl_command_end EXECUTE FUNCTION seen();
SET ROLE t_replace_owner;
CALL streaming.replace('g', 'SELECT k, count(*) AS m, max(x) AS x FROM s GROUP BY k');
BEGIN;
CALL streaming.replace('g', 'SELECT k, count(*) AS m, max(x) AS x FROM s GROUP BY k');
COMMIT;
RESET ROLE;
DROP EVENT TRIGGER t_replace_start;
DROP EVENT TRIGGER t_replace_end;
SELECT check_now('g');

DROP SCHEMA t_replace CASCADE;
DROP ROLE t_replace_owner, t_replace_other;
SELECT * FROM leftovers();
