-- Change streams as tables, and how long they keep their rows
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA keeps;
CREATE SCHEMA elsewhere;
SET search_path = keeps, public;
CREATE TABLE s (k int, x int, t text, ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');

---- a table of the user's
CREATE MATERIALIZED VIEW v (a, "B", note) WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k, count(*), max(t) FROM s GROUP BY k HAVING count(*) < 9;
\d v_changes
SELECT c.relkind, a.amname, d.deptype, d.refobjid::regclass FROM pg_class c JOIN pg_am a ON a.oid = c.relam
	JOIN pg_depend d ON d.objid = c.oid AND d.refclassid = 'pg_class'::regclass WHERE c.oid = 'v_changes'::regclass;
INSERT INTO s SELECT g % 5, g, repeat('long ', g), '2024-01-01' FROM generate_series(1, 20) g;
REFRESH MATERIALIZED VIEW v;
COMMENT ON TABLE v_changes IS 'what becomes of v';
COMMENT ON COLUMN v_changes.op IS 'how';
CREATE INDEX v_changes_b ON v_changes ("B") INCLUDE (op);
ALTER TABLE v_changes REPLICA IDENTITY FULL;
ALTER TABLE v_changes SET (autovacuum_enabled = off), ALTER COLUMN a SET STATISTICS 10;
ANALYZE v_changes;
VACUUM v_changes;
GRANT SELECT ON v_changes TO PUBLIC;
INSERT INTO s VALUES (1, 1, 'more', '2024-01-01'), (7, 1, NULL, '2024-01-01');
REFRESH MATERIALIZED VIEW v;
SET enable_seqscan = off;
SELECT op, a, "B" FROM v_changes WHERE "B" = 5 ORDER BY a;
RESET enable_seqscan;
-- names
ALTER TABLE v_changes RENAME TO told;
ALTER TABLE told RENAME COLUMN a TO key;
ALTER MATERIALIZED VIEW v RENAME COLUMN note TO remark;
ALTER MATERIALIZED VIEW v RENAME TO u;
CREATE MATERIALIZED VIEW over_u WITH (streaming.continuous) AS SELECT "B", count(*), max(remark) FROM u GROUP BY "B";
INSERT INTO s VALUES (1, 1, 'zz', '2024-01-01');
SELECT streaming.wait('over_u'), check_view('over_u');
-- it goes to another schema with the view, and not by itself
ALTER TABLE told SET SCHEMA elsewhere;
ALTER MATERIALIZED VIEW u SET SCHEMA elsewhere;
SELECT to_regclass('elsewhere.told'), to_regclass('keeps.told');
CREATE TABLE told ();
ALTER MATERIALIZED VIEW elsewhere.u SET SCHEMA keeps;
DROP TABLE told;
ALTER VIEW elsewhere.u SET SCHEMA keeps;
INSERT INTO s VALUES (2, 1, 'zz', '2024-01-01');
SELECT streaming.wait('over_u'), check_view('over_u');
SELECT op, key, "B", note FROM told ORDER BY batch DESC, op DESC LIMIT 2;
-- with the view it goes
DROP TABLE told;
DROP MATERIALIZED VIEW over_u, u;
SELECT to_regclass('told');

---- options
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.changes_retention = consumed) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.changes, streaming.changes_retention = '0 s') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.changes, streaming.changes_retention = on) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) AS n, sum(x) AS x, max(t) AS t FROM s GROUP BY k;
ALTER MATERIALIZED VIEW r SET (streaming.changes_retention = consumed);
ALTER MATERIALIZED VIEW r SET (streaming.changes, streaming.changes_retention = '1 month');
ALTER MATERIALIZED VIEW r SET (streaming.changes_retention = '7 days');
SELECT options FROM streaming.views WHERE view = 'r'::regclass;
ALTER MATERIALIZED VIEW r RESET (streaming.changes_retention);

---- what all have read goes
ALTER SYSTEM SET streaming.retention_size = 8;
SELECT pg_reload_conf();
-- (new workers know it)
DO $$
BEGIN
	PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
	WHERE backend_type ~ '^streaming.* worker' AND datname = current_database();
END $$;
CREATE MATERIALIZED VIEW by_view WITH (streaming.continuous, streaming.trigger = manual) AS SELECT n, count(*) AS c, sum(x) AS x, max(t) FROM r GROUP BY n;
CREATE MATERIALIZED VIEW by_stream WITH (streaming.continuous, streaming.trigger = manual) AS SELECT op, count(*) AS c, sum(n) AS n FROM r_changes GROUP BY op;
CREATE MATERIALIZED VIEW of_rows WITH (streaming.continuous, streaming.trigger = manual) AS SELECT op, k, n FROM r_changes WHERE op <> 'update before';
CREATE TABLE log (op text, n bigint);
CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO keeps.log VALUES (new.op, new.n); RETURN NULL; END $$;
-- (the trigger has seen all changes, and so have the views, if the first are from before)
CREATE TRIGGER logs AFTER INSERT ON r_changes FOR EACH ROW EXECUTE FUNCTION logs();
CREATE INDEX ON r_changes (k);
CREATE PROCEDURE goes_on(n int, VARIADIC views text[] DEFAULT '{by_view,by_stream,of_rows}') LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..n LOOP
		INSERT INTO s SELECT g % 29, g, repeat(md5(g::text), 10 + g % 3 * 200), '2024-01-01' FROM generate_series(1, 100) g;
		COMMIT;
		REFRESH MATERIALIZED VIEW r;
		FOR j IN 1..cardinality(views) LOOP
			EXECUTE 'REFRESH MATERIALIZED VIEW ' || views[j];
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
-- Until something has gone: the worker leaves it alone where it finds another reading, and
-- then for seconds, unless the option has been another one meanwhile.
CREATE PROCEDURE goes_on_and_takes_away(VARIADIC views text[] DEFAULT '{by_view,by_stream,of_rows}') LANGUAGE plpgsql AS $$
DECLARE
	was bigint;
BEGIN
	FOR i IN 1..300 LOOP
		ALTER MATERIALIZED VIEW r RESET (streaming.changes_retention);
		COMMIT;
		REFRESH MATERIALIZED VIEW r;
		ALTER MATERIALIZED VIEW r SET (streaming.changes_retention = consumed);
		SELECT count(*) INTO was FROM r_changes;
		CALL goes_on(1, VARIADIC views);
		EXIT WHEN (SELECT count(*) FROM r_changes) < was;
		PERFORM pg_sleep(0.02);
	END LOOP;
END $$;
CREATE FUNCTION differ() RETURNS TABLE (by_view text, by_stream bigint, of_rows bigint, index bigint) LANGUAGE sql AS $$
	SELECT check_view('by_view'),
		(SELECT count(*) FROM ((TABLE by_stream EXCEPT ALL SELECT op, count(*), sum(n) FROM log GROUP BY op) UNION ALL (SELECT op, count(*), sum(n) FROM log GROUP BY op EXCEPT ALL TABLE by_stream)) d),
		(SELECT count(*) FROM ((SELECT op, n FROM of_rows EXCEPT ALL SELECT * FROM log WHERE op <> 'update before') UNION ALL (SELECT * FROM log WHERE op <> 'update before' EXCEPT ALL SELECT op, n FROM of_rows)) d),
		(SELECT count(*) FROM r_changes WHERE k = 5) - (SELECT count(*) FROM r_changes WHERE k + 0 = 5)
$$;
REFRESH MATERIALIZED VIEW by_view;
REFRESH MATERIALIZED VIEW by_stream;
REFRESH MATERIALIZED VIEW of_rows;
CALL goes_on(5);
SELECT count(*) = (SELECT count(*) FROM log) AS all_there FROM r_changes;
SELECT * FROM differ();
-- (an option that changes is looked at with the next batch)
CALL goes_on_and_takes_away();
SELECT count(*) < (SELECT count(*) / 3 FROM log) AS gone FROM r_changes;
SELECT * FROM differ();
CALL goes_on(3);
SELECT * FROM differ();
-- not what one has not read
ALTER MATERIALIZED VIEW r RESET (streaming.changes_retention);
CALL goes_on(1);
SELECT max(batch) AS batch FROM r_changes \gset last_
CALL goes_on(4, 'by_view', 'of_rows');
ALTER MATERIALIZED VIEW r SET (streaming.changes_retention = consumed);
CALL goes_on(1);
SELECT count(DISTINCT batch) FROM r_changes WHERE batch > :last_batch;
SELECT * FROM differ();
-- views that are left behind do not count
ALTER MATERIALIZED VIEW r RESET (streaming.changes_retention);
CALL goes_on(4, 'by_view', 'by_stream');
SELECT streaming.release('of_rows');
CALL goes_on_and_takes_away('by_view', 'by_stream');
SELECT count(DISTINCT batch) FROM r_changes;
SELECT by_view, by_stream, index FROM differ();
-- no view reads it: all stays
DROP MATERIALIZED VIEW by_view, by_stream, of_rows;
ALTER MATERIALIZED VIEW r RESET (streaming.changes_retention);
CALL goes_on(3, VARIADIC '{}');
SELECT count(*) AS rows FROM r_changes \gset was_
ALTER MATERIALIZED VIEW r SET (streaming.changes_retention = consumed);
CALL goes_on(1, VARIADIC '{}');
SELECT count(*) > :was_rows AS all_there FROM r_changes;

---- unlogged
CREATE UNLOGGED TABLE us (k int, x int) USING stream;
CREATE MATERIALIZED VIEW ur WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS SELECT k, sum(x) AS x FROM us GROUP BY k;
CREATE MATERIALIZED VIEW over_ur WITH (streaming.continuous, streaming.trigger = manual) AS SELECT op, count(*), sum(x) FROM ur_changes GROUP BY op;
CREATE MATERIALIZED VIEW above_ur WITH (streaming.continuous, streaming.trigger = manual) AS SELECT x % 2 AS odd, count(*), sum(k) FROM ur GROUP BY x % 2;
DO $$
BEGIN
	FOR i IN 1..6 LOOP
		INSERT INTO us SELECT g, i FROM generate_series(1, 300) g;
		COMMIT;
		IF i = 6 THEN
			ALTER MATERIALIZED VIEW ur SET (streaming.changes_retention = consumed);
			COMMIT;
		END IF;
		REFRESH MATERIALIZED VIEW over_ur;
		COMMIT;
		REFRESH MATERIALIZED VIEW above_ur;
		COMMIT;
	END LOOP;
END $$;
TABLE over_ur ORDER BY op;
SELECT check_view('above_ur'), (SELECT count(*) FROM ur_changes) AS left, (SELECT relpersistence FROM pg_class WHERE relname = 'ur_changes');

---- closed groups: others that read them must be there before
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.output_mode = append, streaming.changes, streaming.changes_retention = consumed) AS
	SELECT tumble(ts, '1 hour') AS h, count(*) AS n FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW over_w WITH (streaming.continuous) AS SELECT sum(n) FROM w;
ALTER MATERIALIZED VIEW w RESET (streaming.changes_retention);
ALTER MATERIALIZED VIEW w SET (streaming.changes_retention = '1 day');
TRUNCATE w_changes;
SELECT count(*) FROM w_changes;
CREATE MATERIALIZED VIEW closings WITH (streaming.continuous) AS SELECT op, sum(n) FROM w_changes GROUP BY op;
INSERT INTO s VALUES (1, 1, '', '2024-01-02');
SELECT streaming.wait('closings'), check_view('closings');
SELECT count(*) FROM streaming._mark;

---- VACUUM does not cut off pages of a result, or of a change stream, that others have read, though nobody sees rows there
CREATE TABLE cut (k int, x int) USING stream;
CREATE TABLE beside (x int) USING stream;
CREATE MATERIALIZED VIEW result WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, x, repeat('x', 500) AS t FROM cut;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT count(*), sum(x) FROM (SELECT x FROM result UNION ALL SELECT x FROM beside) q;
CREATE MATERIALIZED VIEW groups WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS SELECT k, sum(x) AS x, repeat('x', 500) AS t FROM cut GROUP BY k;
CREATE MATERIALIZED VIEW above_groups WITH (streaming.continuous) AS SELECT count(*), sum(x) FROM (SELECT x FROM groups_changes UNION ALL SELECT x FROM beside) q;
CREATE TABLE fails (yes bool);
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT yes FROM fails) THEN
		RAISE EXCEPTION 'not now';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER t AFTER INSERT ON result EXECUTE FUNCTION fail();
CREATE TRIGGER t AFTER INSERT ON groups EXECUTE FUNCTION fail();
INSERT INTO cut SELECT g, g FROM generate_series(1, 20) g;
REFRESH MATERIALIZED VIEW above;
REFRESH MATERIALIZED VIEW above_groups;
INSERT INTO fails VALUES (true);
INSERT INTO cut SELECT g, g FROM generate_series(21, 3000) g;
\set VERBOSITY terse
REFRESH MATERIALIZED VIEW result;
REFRESH MATERIALIZED VIEW groups;
\set VERBOSITY default
-- each reads up to the end, where a failed batch has left rows
INSERT INTO beside VALUES (0);
DO $$
BEGIN
	FOR i IN 1..6000 LOOP
		EXIT WHEN (SELECT count FROM above) = 21 AND (SELECT count FROM above_groups) = 21;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT state_table AS state FROM streaming.views WHERE view = 'result'::regclass \gset
VACUUM :state;
VACUUM groups_changes;
UPDATE fails SET yes = false;
REFRESH MATERIALIZED VIEW above;
REFRESH MATERIALIZED VIEW above_groups;
SELECT check_view('above'), check_view('above_groups');

ALTER SYSTEM RESET streaming.retention_size;
SELECT pg_reload_conf();
DROP SCHEMA keeps, elsewhere CASCADE;
SELECT * FROM leftovers();
