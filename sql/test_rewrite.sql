-- Streams that views read are rewritten: each view has read each row once, before and after.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t_rewrite;
SET search_path = t_rewrite, public;
CREATE ROLE t_rewrite_owner;
CREATE ROLE t_rewrite_other;
GRANT ALL ON SCHEMA t_rewrite TO t_rewrite_owner, t_rewrite_other;
SET ROLE t_rewrite_owner;
CREATE TABLE s (k int, x int, t text, spare int) USING stream;
CREATE INDEX s_k ON s (k);
GRANT SELECT ON s TO t_rewrite_other;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) AS n, sum(length(t)) AS l FROM s GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, x, t FROM s WHERE x > 5;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS
	SELECT k, count(*) AS n FROM r GROUP BY k;
CREATE MATERIALIZED VIEW slow WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT count(*) AS n, sum(x) AS x FROM s;
SET ROLE t_rewrite_other;
CREATE MATERIALIZED VIEW o WITH (streaming.continuous) AS
	SELECT x, count(*) AS n FROM s GROUP BY x;
SET ROLE t_rewrite_owner;

CREATE FUNCTION fill(a int, b int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO s SELECT i % 50, i % 11, repeat(md5(i::text), CASE WHEN i % 100 = 0 THEN 300 ELSE 1 END)
	FROM generate_series(a, b) i $$;
CREATE FUNCTION file_of(r regclass) RETURNS oid LANGUAGE sql AS 'SELECT pg_relation_filenode(r)::oid';
-- All views against their queries, in order of their names.
CREATE FUNCTION check_all() RETURNS TABLE (view text, result text) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = t_rewrite, public AS $$
BEGIN
	FOR view IN SELECT x FROM (SELECT v.view::regclass::text AS x FROM streaming.views v
		WHERE v.view::text <> 'f') y ORDER BY x COLLATE "C" LOOP
		PERFORM streaming.wait(view::regclass);
		result := check_view(view::regclass);
		RETURN NEXT;
	END LOOP;
END $$;
RESET ROLE;
ALTER FUNCTION check_all OWNER TO CURRENT_USER;
SET ROLE t_rewrite_owner;

-- with rows that nobody has read, and toasted ones
SELECT fill(1, 1000);
SELECT file_of('s') AS before \gset
VACUUM FULL s;
SELECT file_of('s') <> :before AS rewritten;
SELECT * FROM check_all();
SELECT fill(1001, 1500);
SELECT * FROM check_all();
SELECT fill(1501, 1600);
CLUSTER s USING s_k;
SELECT fill(1601, 1700);
SELECT * FROM check_all();
SELECT file_of('s') AS before \gset
VACUUM (FULL, ANALYZE, VERBOSE off) s, v, r;
SELECT file_of('s') <> :before AS rewritten;
SELECT * FROM check_all();
-- columns that no view uses: the rule of one that does is in the way
SELECT fill(1701, 1800);
ALTER TABLE s ALTER COLUMN spare TYPE bigint;
ALTER TABLE s ADD COLUMN r float8 DEFAULT random(), ADD COLUMN id serial;
SELECT fill(1801, 1900);
\set VERBOSITY sqlstate
ALTER TABLE s ALTER COLUMN t TYPE int USING length(t);
\set VERBOSITY default
ALTER TABLE s ALTER COLUMN r TYPE text USING r::text;
SELECT * FROM check_all();
-- those that rewrite nothing wait for nobody
SELECT file_of('s') AS before \gset
ALTER TABLE s ADD COLUMN plain int, ADD COLUMN constant int DEFAULT 5;
ALTER TABLE s ALTER COLUMN r TYPE varchar;
SELECT file_of('s') = :before AS same;

-- the same storage elsewhere
ALTER TABLE s SET TABLESPACE pg_default;
-- more than once in a transaction, with own rows in between and after it
BEGIN;
SELECT file_of('s') AS before \gset
ALTER TABLE s ALTER COLUMN spare TYPE int;
ALTER TABLE s ALTER COLUMN spare TYPE bigint;
SELECT file_of('s') <> :before AS rewritten;
SELECT fill(1901, 2000);
COMMIT;
SELECT * FROM check_all();

-- rolled back, with rows that are read later
BEGIN;
ALTER TABLE s ALTER COLUMN spare TYPE int;
SAVEPOINT a;
SELECT fill(2001, 2100);
ROLLBACK;
SELECT fill(2101, 2200);
BEGIN;
SAVEPOINT a;
ALTER TABLE s ALTER COLUMN spare TYPE int;
ROLLBACK TO a;
SELECT fill(2201, 2300);
COMMIT;
SELECT * FROM check_all();

-- rows of the own transaction: own views read them, those of others cannot
BEGIN;
SELECT fill(2301, 2400);
ALTER TABLE s ALTER COLUMN spare TYPE int;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SET ROLE t_rewrite_other;
DROP MATERIALIZED VIEW o;
SET ROLE t_rewrite_owner;
BEGIN;
SELECT fill(2301, 2400);
CLUSTER s;
SELECT fill(2401, 2500);
COMMIT;
SELECT * FROM check_all();

-- a view that fails keeps the stream as it is, unless nothing is rewritten, or it is released
SELECT fill(2501, 2600);
CREATE FUNCTION fails(i int) RETURNS int LANGUAGE plpgsql STABLE AS
	$$ BEGIN RAISE 'no' USING ERRCODE = '22000'; END $$;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous) AS SELECT sum(fails(k)) AS n FROM s;
VACUUM FULL s;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s ALTER COLUMN spare TYPE bigint;
ALTER TABLE s ADD COLUMN another int DEFAULT 7;
SELECT streaming.release('f');
SELECT file_of('s') AS before \gset
VACUUM FULL s;
SELECT file_of('s') <> :before AS rewritten;
SELECT * FROM check_all();
DROP MATERIALIZED VIEW f;

-- a paused view
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
SELECT fill(2601, 2700);
VACUUM FULL s;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW v SET (streaming.enabled = on);
SELECT * FROM check_all();

-- what a view reads of another: its result
SELECT fill(2701, 2800);
VACUUM FULL r;
CREATE INDEX r_k ON r (k);
CLUSTER r USING r_k;
ALTER MATERIALIZED VIEW r SET TABLESPACE pg_default;
SELECT fill(2801, 2900);
SELECT * FROM check_all();

-- persistence and access method: refused
ALTER TABLE s SET UNLOGGED;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s SET ACCESS METHOD heap;
\echo :LAST_ERROR_SQLSTATE
-- not by others
SET ROLE t_rewrite_other;
\set VERBOSITY sqlstate
VACUUM FULL s;
ALTER TABLE s ALTER COLUMN spare TYPE int;
CLUSTER s;
\set VERBOSITY default
SET ROLE t_rewrite_owner;
BEGIN;
VACUUM FULL s;
ROLLBACK;

-- partitions
CREATE TABLE p (k int, x int, spare int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
CREATE MATERIALIZED VIEW pv WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM p GROUP BY k;
INSERT INTO p SELECT i % 2 + 1, i FROM generate_series(1, 100) i;
ALTER TABLE p ALTER COLUMN spare TYPE bigint;
SELECT * FROM check_all() WHERE view = 'pv';
INSERT INTO p SELECT i % 2 + 1, i FROM generate_series(1, 100) i;
VACUUM FULL p1;
VACUUM FULL p;
INSERT INTO p SELECT i % 2 + 1, i FROM generate_series(1, 100) i;
SELECT * FROM check_all() WHERE view = 'pv';
-- a partition that was rewritten in between comes and goes
ALTER TABLE p DETACH PARTITION p2;
ALTER TABLE p2 ALTER COLUMN spare TYPE int;
ALTER TABLE p2 ALTER COLUMN spare TYPE bigint;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
-- an empty one
CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3) USING stream;
VACUUM FULL p3;
INSERT INTO p VALUES (3, 1);
SELECT streaming.wait('pv');
SELECT * FROM pv WHERE k = 3;
-- an unlogged stream
CREATE UNLOGGED TABLE u (k int, spare int) USING stream;
CREATE MATERIALIZED VIEW uv WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM u GROUP BY k;
INSERT INTO u SELECT i % 5 FROM generate_series(1, 100) i;
VACUUM FULL u;
INSERT INTO u SELECT i % 5 FROM generate_series(1, 100) i;
ALTER TABLE u ALTER COLUMN spare TYPE bigint;
SELECT * FROM check_all() WHERE view = 'uv';
-- logged or not: views follow
CREATE MATERIALIZED VIEW ud WITH (streaming.continuous) AS SELECT k, count(DISTINCT spare) AS n FROM u GROUP BY k;
CREATE MATERIALIZED VIEW ur WITH (streaming.continuous) AS SELECT k, spare FROM u WHERE k > 1;
CREATE INDEX ur_k ON ur (k);
CREATE MATERIALIZED VIEW uj WITH (streaming.continuous) AS SELECT a.k, count(*) AS n FROM u a JOIN u b ON a.k = b.spare GROUP BY a.k;
CREATE MATERIALIZED VIEW ul WITH (streaming.continuous) AS SELECT DISTINCT ON (k) k, spare FROM u ORDER BY k, spare DESC NULLS LAST;
CREATE FUNCTION persistences() RETURNS TABLE (kinds text, progress text) LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT c.relpersistence::text, ''),
		(SELECT count(*) FROM streaming.views v WHERE 'u'::regclass = ALL (streams) AND batches > 0) || ' of ' ||
		(SELECT count(*) FROM streaming.views v WHERE 'u'::regclass = ALL (streams))
	FROM streaming.views v, pg_depend d, pg_class c
	WHERE 'u'::regclass = ALL (streams) AND d.refobjid = v.view AND d.deptype = 'i' AND c.oid = d.objid AND c.relkind IN ('r', 'i') $$;
CREATE FUNCTION check_u() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE v regclass;
BEGIN
	FOR v IN SELECT view FROM streaming.views WHERE 'u'::regclass = ALL (streams) ORDER BY view::text LOOP
		PERFORM streaming.wait(v);
	END LOOP;
	RETURN QUERY SELECT w.view || ': ' || check_view(w.view) FROM streaming.views w WHERE 'u'::regclass = ALL (streams) AND check_view(w.view) <> 'ok';
END $$;
INSERT INTO u SELECT i % 5, i % 3 FROM generate_series(1, 100) i;
ALTER TABLE u SET LOGGED;
SELECT * FROM persistences();
SELECT check_u();
INSERT INTO u SELECT i % 6, i % 4 FROM generate_series(1, 100) i;
SELECT check_u();
BEGIN;
INSERT INTO u SELECT i % 6, i % 5 FROM generate_series(1, 100) i;
ALTER TABLE u SET UNLOGGED;
SELECT * FROM persistences();
ROLLBACK;
SELECT * FROM persistences();
SELECT check_u();
BEGIN;
INSERT INTO u SELECT i % 6, i % 5 FROM generate_series(1, 100) i;
ALTER TABLE u SET UNLOGGED, ADD COLUMN chance float8 DEFAULT random();
INSERT INTO u (k, spare) SELECT i % 7, i % 5 FROM generate_series(1, 100) i;
COMMIT;
SELECT * FROM persistences();
SELECT check_u();
INSERT INTO u SELECT i % 6, i % 6 FROM generate_series(1, 100) i;
SELECT check_u();
ALTER TABLE u SET UNLOGGED;
SELECT check_u();
CALL streaming.replace('uv', 'SELECT k, count(*) AS n, max(spare) AS most FROM u GROUP BY k');
ALTER TABLE u SET LOGGED;
SELECT check_u();
TRUNCATE u;
INSERT INTO u SELECT i % 6, i % 6 FROM generate_series(1, 10) i;
SELECT streaming.wait('uv');
SELECT sum(n) FROM uv;
-- not where views have others beside them
CREATE MATERIALIZED VIEW upon WITH (streaming.continuous) AS SELECT count(*) FROM ur;
ALTER TABLE u SET UNLOGGED;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW upon;
ALTER MATERIALIZED VIEW uv SET (streaming.group = g);
ALTER TABLE u SET UNLOGGED;
\echo :LAST_ERROR_SQLSTATE
ALTER MATERIALIZED VIEW uv RESET (streaming.group);
CREATE MATERIALIZED VIEW us WITH (streaming.continuous) AS SELECT k FROM u UNION ALL SELECT k FROM s;
ALTER TABLE u SET UNLOGGED;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW us;
ALTER MATERIALIZED VIEW ul SET (streaming.changes);
ALTER TABLE u SET UNLOGGED;
\echo :LAST_ERROR_SQLSTATE
DROP MATERIALIZED VIEW ul;
RESET ROLE;
GRANT SELECT ON u TO t_rewrite_other;
GRANT ALL ON SCHEMA t_rewrite TO t_rewrite_other;
SET ROLE t_rewrite_other;
CREATE MATERIALIZED VIEW theirs WITH (streaming.continuous) AS SELECT count(*) FROM u;
SET ROLE t_rewrite_owner;
ALTER TABLE u SET UNLOGGED;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP MATERIALIZED VIEW theirs;
-- an event trigger that inserts rows when they have been read
CREATE FUNCTION inserts() RETURNS event_trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO t_rewrite.p VALUES (1, 1); END $$;
CREATE EVENT TRIGGER t_rewrite_inserts ON table_rewrite EXECUTE FUNCTION inserts();
SET ROLE t_rewrite_owner;
ALTER TABLE p ALTER COLUMN spare TYPE int;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP EVENT TRIGGER t_rewrite_inserts;
SET ROLE t_rewrite_owner;
ALTER TABLE p ALTER COLUMN spare TYPE int;
SELECT streaming.wait('pv');
SELECT count(*) = (SELECT sum(n) FROM pv WHERE k = 1) AS same FROM p WHERE k = 1;
RESET ROLE;
-- what a function of the command inserts has been read by nobody
CREATE TABLE pw (k int, x int) PARTITION BY LIST (k);
CREATE TABLE pw1 PARTITION OF pw FOR VALUES IN (1) USING stream;
CREATE TABLE pw2 PARTITION OF pw FOR VALUES IN (2) USING stream;
CREATE MATERIALIZED VIEW wv WITH (streaming.continuous) AS SELECT k, count(*) AS c FROM pw GROUP BY k;
INSERT INTO pw VALUES (1, 1), (2, 2);
CREATE FUNCTION inserts(i int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN IF i = 2 THEN INSERT INTO pw1 VALUES (1, 77); END IF; RETURN i; END $$;
ALTER TABLE pw ALTER x TYPE bigint USING inserts(x);
\echo :LAST_ERROR_SQLSTATE
REFRESH MATERIALIZED VIEW wv;
(TABLE wv EXCEPT ALL SELECT k, count(*) FROM pw GROUP BY k) UNION ALL (SELECT k, count(*) FROM pw GROUP BY k EXCEPT ALL TABLE wv);
DROP SCHEMA t_rewrite CASCADE;
DROP ROLE t_rewrite_owner, t_rewrite_other;
