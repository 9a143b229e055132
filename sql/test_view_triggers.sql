-- Triggers on the results of continuous views: fired once per batch, or for each row, in
-- the batch's transaction, as the view's owner
\set SHOW_CONTEXT never
CREATE SCHEMA vtr;
GRANT USAGE, CREATE ON SCHEMA vtr TO PUBLIC;
SET search_path = vtr, public;
CREATE TABLE s (k int, x int) USING stream;
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION said() RETURNS SETOF text LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM vtr.log RETURNING *) SELECT what FROM gone ORDER BY what
$$;
CREATE FUNCTION per_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF tg_op = 'INSERT' THEN
		INSERT INTO vtr.log (what) SELECT format('statement: insert %s', to_jsonb(new_row) - 'batch') FROM new_rows new_row ORDER BY k;
	ELSIF tg_op = 'UPDATE' THEN
		INSERT INTO vtr.log (what)
			SELECT format('statement: update %s to %s', to_jsonb(old_row) - 'batch', to_jsonb(new_row) - 'batch')
			FROM old_rows old_row JOIN new_rows new_row USING (k) ORDER BY k;
	ELSE
		INSERT INTO vtr.log (what) SELECT format('statement: delete %s', to_jsonb(old_row) - 'batch') FROM old_rows old_row ORDER BY k;
	END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION per_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) VALUES (format('row: %s old %s new %s', lower(tg_op),
		coalesce(to_jsonb(old) - '{batch,op}'::text[], 'null'), coalesce(to_jsonb(new) - '{batch,op}'::text[], 'null')));
	RETURN NULL;
END $$;

---- groups that come, change and go
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k HAVING sum(x) < 10;
CREATE TRIGGER v_insert AFTER INSERT ON v REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION per_batch();
CREATE TRIGGER v_update AFTER UPDATE ON v REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION per_batch();
CREATE TRIGGER v_delete AFTER DELETE ON v REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION per_batch();
CREATE TRIGGER v_row AFTER INSERT OR UPDATE OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION per_row();
SELECT options FROM streaming.views WHERE view = 'v'::regclass;
REFRESH MATERIALIZED VIEW v;
SELECT said();
INSERT INTO s VALUES (1, 1), (2, 2), (1, 3);
REFRESH MATERIALIZED VIEW v;
SELECT said();
INSERT INTO s VALUES (1, 1), (2, 20), (3, 3);
REFRESH MATERIALIZED VIEW v;
SELECT said();
-- nothing that is shown changes: not fired
INSERT INTO s VALUES (4, 11), (2, 20);
REFRESH MATERIALIZED VIEW v;
SELECT said();
-- conditions
CREATE TRIGGER v_when AFTER UPDATE ON v FOR EACH ROW WHEN (new.n > old.n + 1)
	EXECUTE FUNCTION per_row();
ALTER TRIGGER v_row ON v RENAME TO v_each;
COMMENT ON TRIGGER v_each ON vtr.v IS 'each';
SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE tgname = 'v_each';
COMMENT ON TRIGGER v_none ON v IS 'none';
ALTER TABLE v DISABLE TRIGGER v_each;
DROP TRIGGER v_each ON v;
DROP TRIGGER v_insert ON vtr.v;
DROP TRIGGER IF EXISTS v_row ON v;
DROP TRIGGER v_row ON v;
ALTER TRIGGER v_row ON v RENAME TO v_;
INSERT INTO s VALUES (1, 1), (3, 1), (3, 1), (5, 5);
REFRESH MATERIALIZED VIEW v;
SELECT said();
-- the trigger sees the view as the batch leaves it
CREATE FUNCTION sees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) SELECT 'sees ' || v::text FROM vtr.v WHERE k = new.k;
	RETURN NULL;
END $$;
CREATE TRIGGER v_sees AFTER INSERT OR UPDATE ON v FOR EACH ROW EXECUTE FUNCTION sees();
DROP TRIGGER v_update ON v;
INSERT INTO s VALUES (1, 1), (6, 6);
REFRESH MATERIALIZED VIEW v;
SELECT said();
DROP TRIGGER v_sees ON v;
-- a trigger that refreshes the view, or waits for it, is told that it cannot
CREATE FUNCTION refreshes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	REFRESH MATERIALIZED VIEW vtr.v;
	RETURN NULL;
END $$;
CREATE TRIGGER v_refreshes AFTER INSERT ON v EXECUTE FUNCTION refreshes();
INSERT INTO s VALUES (7, 7);
REFRESH MATERIALIZED VIEW v;
DROP TRIGGER v_refreshes ON v;
-- and one that writes the stream is read in the next batch
CREATE FUNCTION feeds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.s SELECT k + 100, 1 FROM new_rows WHERE k < 100;
	RETURN NULL;
END $$;
CREATE TRIGGER v_feeds AFTER INSERT ON v REFERENCING NEW TABLE AS new_rows EXECUTE FUNCTION feeds();
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v WHERE k IN (7, 107) ORDER BY k;
DROP TRIGGER v_feeds ON v;
SELECT count(*) FROM ((TABLE v EXCEPT ALL SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k HAVING sum(x) < 10)
	UNION ALL (SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k HAVING sum(x) < 10 EXCEPT ALL TABLE v)) d;

---- a failing trigger is a failing batch
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) VALUES ('is rolled back');
	RAISE EXCEPTION 'not to be % in v', lower(tg_op);
END $$;
CREATE TRIGGER v_fails AFTER DELETE ON v EXECUTE FUNCTION fails();
DROP TRIGGER v_delete ON v;
DROP TRIGGER v_when ON v;
INSERT INTO s VALUES (5, 5);
TABLE v ORDER BY k;
REFRESH MATERIALIZED VIEW v;
TABLE v ORDER BY k;
SELECT said();
DROP TRIGGER v_fails ON v;
REFRESH MATERIALIZED VIEW v;
TABLE v ORDER BY k;

---- by the worker: batches of one row, each once, in order
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.max_batch_rows = 1) AS
	SELECT k % 2 AS k, count(*) AS n FROM s WHERE k > 1000 GROUP BY k % 2;
CREATE TABLE copy (k int PRIMARY KEY, n bigint);
CREATE FUNCTION copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF tg_op = 'INSERT' THEN
		INSERT INTO vtr.copy SELECT k, n FROM new_rows;
	ELSE
		UPDATE vtr.copy SET n = r.n FROM new_rows r WHERE copy.k = r.k;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER w_insert AFTER INSERT ON w REFERENCING NEW TABLE AS new_rows EXECUTE FUNCTION copies();
CREATE TRIGGER w_update AFTER UPDATE ON w REFERENCING NEW TABLE AS new_rows EXECUTE FUNCTION copies();
INSERT INTO s SELECT 1000 + i, i FROM generate_series(1, 21) i;
SELECT streaming.wait('w');
TABLE copy ORDER BY k;
(TABLE w EXCEPT ALL TABLE copy) UNION ALL (TABLE copy EXCEPT ALL TABLE w);

---- results that are only added to: no change stream is needed
CREATE MATERIALIZED VIEW a WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, x FROM s WHERE x > 10;
CREATE TRIGGER a_insert AFTER INSERT ON a REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION per_batch();
CREATE TRIGGER a_row AFTER INSERT ON a FOR EACH ROW WHEN (new.x > 15) EXECUTE FUNCTION per_row();
SELECT options FROM streaming.views WHERE view = 'a'::regclass;
REFRESH MATERIALIZED VIEW a;
SELECT count(*) > 10 AS old FROM said();
INSERT INTO s VALUES (0, 12), (0, 18), (0, 1);
REFRESH MATERIALIZED VIEW a;
SELECT said();
-- a batch that adds nothing
INSERT INTO s VALUES (0, 1);
REFRESH MATERIALIZED VIEW a;
SELECT said();

---- as the owner, whoever refreshes, and with his rights
CREATE ROLE regress_vtr_owner;
CREATE ROLE regress_vtr_other;
GRANT SELECT ON s TO regress_vtr_owner;
GRANT INSERT ON log TO regress_vtr_owner;
SET ROLE regress_vtr_owner;
CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) SELECT format('%s %s', current_user, current_setting('search_path'));
	RETURN NULL;
END $$;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) FROM s GROUP BY k;
CREATE TRIGGER o_who AFTER INSERT OR UPDATE ON o EXECUTE FUNCTION who();
REFRESH MATERIALIZED VIEW o;
RESET ROLE;
INSERT INTO s VALUES (1, 1);
REFRESH MATERIALIZED VIEW o;
SELECT said();
-- what he may not do, his trigger may not
REVOKE INSERT ON log FROM regress_vtr_owner;
INSERT INTO s VALUES (1, 1);
REFRESH MATERIALIZED VIEW o;
CREATE FUNCTION becomes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	RETURN NULL;
END $$;
SET ROLE regress_vtr_owner;
DROP TRIGGER o_who ON o;
CREATE TRIGGER o_becomes AFTER INSERT OR UPDATE ON o EXECUTE FUNCTION becomes();
RESET ROLE;
REFRESH MATERIALIZED VIEW o;
-- nobody else makes, renames or drops triggers
SET ROLE regress_vtr_other;
CREATE TRIGGER mine AFTER INSERT ON o EXECUTE FUNCTION per_row();
ALTER TRIGGER o_becomes ON o RENAME TO mine;
DROP TRIGGER o_becomes ON o;
RESET ROLE;
-- a new owner
ALTER MATERIALIZED VIEW o OWNER TO regress_vtr_other;
SET ROLE regress_vtr_owner;
DROP TRIGGER o_becomes ON o;
SET ROLE regress_vtr_other;
DROP TRIGGER o_becomes ON o;
RESET ROLE;

---- on a change stream itself: for all that is inserted into it
CREATE MATERIALIZED VIEW h WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k, count(*) AS n FROM s WHERE k > 2000 GROUP BY k HAVING count(*) < 3;
CREATE FUNCTION per_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) VALUES (format('%s: %s %s', tg_table_name, lower(tg_op), to_jsonb(new) - 'batch'));
	RETURN NULL;
END $$;
CREATE FUNCTION per_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) SELECT format('statement: %s of %s as %s', count(*), count(DISTINCT batch), current_user) FROM rows;
	RETURN NULL;
END $$;
CREATE TRIGGER each AFTER INSERT ON h_changes FOR EACH ROW EXECUTE FUNCTION per_change();
CREATE TRIGGER all_of_it AFTER INSERT ON h_changes REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION per_changes();
CREATE TRIGGER goes AFTER INSERT ON h_changes FOR EACH ROW WHEN (new.op = 'delete') EXECUTE FUNCTION per_row();
INSERT INTO s VALUES (2001, 1), (2002, 1), (2003, 1);
REFRESH MATERIALIZED VIEW h;
SELECT said();
-- beside triggers on the view, which see inserts, updates and deletes
CREATE TRIGGER of_view AFTER INSERT ON h REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION per_batch();
CREATE TRIGGER of_view_row AFTER INSERT OR UPDATE OR DELETE ON h FOR EACH ROW EXECUTE FUNCTION per_row();
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'h_changes'::regclass ORDER BY 1;
INSERT INTO s VALUES (2001, 1), (2002, 1), (2002, 1), (2004, 1);
REFRESH MATERIALIZED VIEW h;
SELECT said();
-- nothing changes: none fires
INSERT INTO s VALUES (2002, 1);
REFRESH MATERIALIZED VIEW h;
SELECT said();
-- each is dropped and renamed where it was made
DROP TRIGGER each ON h;
ALTER TRIGGER each ON h RENAME TO mine;
DROP TRIGGER of_view ON h;
ALTER TRIGGER of_view_row ON h RENAME TO row_of_view;
ALTER TRIGGER each ON h_changes RENAME TO a_change;
DROP TRIGGER all_of_it ON h_changes;
DROP TRIGGER goes ON h_changes;
INSERT INTO s VALUES (2003, 1);
REFRESH MATERIALIZED VIEW h;
SELECT said();
DROP TRIGGER row_of_view ON h;
-- one that replaces another is for what it is on
CREATE OR REPLACE TRIGGER a_change AFTER INSERT ON h FOR EACH ROW EXECUTE FUNCTION per_row();
INSERT INTO s VALUES (2004, 1), (2005, 1);
REFRESH MATERIALIZED VIEW h;
SELECT said();
DROP MATERIALIZED VIEW h;
-- of several views of a group, in one batch
CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vtr.log (what) SELECT format('%s: %s of %s', tg_name, lower(tg_op), count(*)) FROM rows;
	RETURN NULL;
END $$;
CREATE MATERIALIZED VIEW ga WITH (streaming.continuous, streaming.changes, streaming.group = g, streaming.trigger = manual) AS
	SELECT k, sum(x) FROM s WHERE k > 3000 GROUP BY k;
CREATE MATERIALIZED VIEW gb WITH (streaming.continuous, streaming.changes, streaming.group = g, streaming.trigger = manual) AS
	SELECT k % 2 AS odd, count(*) FROM s WHERE k > 3000 GROUP BY k % 2;
CREATE TRIGGER each_a AFTER INSERT ON ga_changes REFERENCING NEW TABLE AS rows EXECUTE FUNCTION counts();
CREATE TRIGGER of_a AFTER INSERT ON ga REFERENCING NEW TABLE AS rows EXECUTE FUNCTION counts();
CREATE TRIGGER of_a_update AFTER UPDATE ON ga REFERENCING NEW TABLE AS rows EXECUTE FUNCTION counts();
CREATE TRIGGER each_b AFTER INSERT ON gb_changes REFERENCING NEW TABLE AS rows EXECUTE FUNCTION counts();
CREATE TRIGGER of_b AFTER INSERT ON gb REFERENCING NEW TABLE AS rows EXECUTE FUNCTION counts();
INSERT INTO s SELECT 3000 + g, 1 FROM generate_series(1, 5) g;
REFRESH MATERIALIZED VIEW ga;
SELECT said();
INSERT INTO s VALUES (3001, 1), (3009, 1);
REFRESH MATERIALIZED VIEW gb;
SELECT said();
DROP MATERIALIZED VIEW ga, gb;

---- refused
CREATE TRIGGER t BEFORE INSERT ON v FOR EACH ROW EXECUTE FUNCTION per_row();
CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION per_row();
CREATE TRIGGER t AFTER UPDATE OF n ON v FOR EACH ROW EXECUTE FUNCTION per_row();
CREATE TRIGGER t AFTER TRUNCATE ON v EXECUTE FUNCTION per_row();
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON v DEFERRABLE FOR EACH ROW EXECUTE FUNCTION per_row();
CREATE MATERIALIZED VIEW w2 WITH (streaming.continuous) AS
	SELECT k, row_number() OVER (PARTITION BY k ORDER BY x) AS r, count(*) OVER () AS n
	FROM (SELECT k, sum(x) AS x FROM s GROUP BY k) q;
CREATE TRIGGER t AFTER UPDATE ON w2 FOR EACH ROW EXECUTE FUNCTION per_row();
COMMENT ON TRIGGER v_x ON v IS 'not there';
-- nothing is left behind
DROP MATERIALIZED VIEW w2;
DROP MATERIALIZED VIEW v, w, a, o;
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^([vwao]_|of_|each|all_|goes)';
DROP SCHEMA vtr CASCADE;
DROP ROLE regress_vtr_owner, regress_vtr_other;
