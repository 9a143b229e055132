-- Statements on a continuous view that are about its tables, as on a materialized view.
CREATE SCHEMA t_verbs;
SET search_path = t_verbs;
CREATE ROLE t_verbs_owner;
CREATE ROLE t_verbs_other;
GRANT ALL ON SCHEMA t_verbs TO t_verbs_owner, t_verbs_other;
SET ROLE t_verbs_owner;
CREATE TABLE s (k int, x int, t text) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) AS n, max(t) AS t, count(*) * 2 AS twice FROM s GROUP BY k;
CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
	SELECT k, t FROM s WHERE x > 0;
-- two tables
CREATE MATERIALIZED VIEW d WITH (streaming.continuous) AS
	SELECT k, count(DISTINCT x) AS n FROM s GROUP BY k;
INSERT INTO s SELECT i % 50, i % 7, 't' || i FROM generate_series(1, 1000) i;
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW r;
REFRESH MATERIALIZED VIEW d;

-- What the statement says is done to the tables of the view.
CREATE FUNCTION tables(view regclass) RETURNS SETOF regclass LANGUAGE sql AS $$
	SELECT objid::regclass FROM pg_depend JOIN pg_class c ON c.oid = objid
	WHERE refobjid = view AND deptype = 'i' AND classid = 'pg_class'::regclass
		AND c.relkind = 'r' AND refclassid = 'pg_class'::regclass ORDER BY c.oid $$;
CREATE FUNCTION column_of(view regclass, col name, OUT target int, OUT storage "char",
	OUT compression "char", OUT options text[]) LANGUAGE sql AS $$
	SELECT coalesce(attstattarget, -1), attstorage, attcompression,
		ARRAY(SELECT o FROM unnest(attoptions) o WHERE o ~ '^n_')
	FROM tables(view) x JOIN pg_attribute a ON attrelid = x
	WHERE attname = col ORDER BY x DESC LIMIT 1 $$;
CREATE FUNCTION oracle() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (
		(TABLE v EXCEPT ALL SELECT k, count(*), max(t), count(*) * 2 FROM s GROUP BY k) UNION ALL
		(SELECT k, count(*), max(t), count(*) * 2 FROM s GROUP BY k EXCEPT ALL TABLE v)) x $$;

-- columns
ALTER MATERIALIZED VIEW v ALTER COLUMN k SET STATISTICS 17;
ALTER MATERIALIZED VIEW v ALTER t SET STORAGE EXTERNAL, ALTER t SET COMPRESSION pglz,
	ALTER k SET (n_distinct = 5);
SELECT * FROM column_of('v', 'k');
SELECT * FROM column_of('v', 't');
ALTER MATERIALIZED VIEW v ALTER k RESET (n_distinct);
SELECT * FROM column_of('v', 'k');
ALTER MATERIALIZED VIEW v RENAME COLUMN k TO key;
ALTER MATERIALIZED VIEW v ALTER COLUMN key SET STATISTICS 18;
SELECT target FROM column_of('v', 'k');
ALTER MATERIALIZED VIEW v RENAME COLUMN key TO k;
-- computed when it is read; not there
ALTER MATERIALIZED VIEW v ALTER COLUMN twice SET STATISTICS 17;
ALTER MATERIALIZED VIEW v ALTER COLUMN nothing SET STATISTICS 17;

-- storage parameters, of all tables
ALTER MATERIALIZED VIEW d SET (fillfactor = 60, autovacuum_enabled = off, toast.autovacuum_enabled = off);
SELECT reloptions FROM tables('d') t JOIN pg_class c ON c.oid = t;
ALTER MATERIALIZED VIEW d RESET (autovacuum_enabled), SET (streaming.trigger = '1 second');
SELECT reloptions FROM tables('d') t JOIN pg_class c ON c.oid = t;
ALTER MATERIALIZED VIEW d SET (streaming.enabled = on, fillfactor = 70);
SELECT reloptions FROM tables('d') t JOIN pg_class c ON c.oid = t;
ALTER MATERIALIZED VIEW d SET (fillfactor = 5);
ALTER MATERIALIZED VIEW d SET (nothing = 5);
ALTER MATERIALIZED VIEW d SET (security_invoker = true);
ALTER MATERIALIZED VIEW d SET TABLESPACE pg_default;
ALTER MATERIALIZED VIEW d SET TABLESPACE nowhere;

-- clustering
CLUSTER v;
CLUSTER v USING v_n;
ALTER MATERIALIZED VIEW v CLUSTER ON s;
CREATE INDEX v_n ON v (n);
CLUSTER v USING v_n;
SELECT indexrelid::regclass FROM tables('v') t JOIN pg_index ON indrelid = t WHERE indisclustered;
CLUSTER v;
ALTER MATERIALIZED VIEW v SET WITHOUT CLUSTER;
SELECT count(*) FROM tables('v') t JOIN pg_index ON indrelid = t WHERE indisclustered;
ALTER MATERIALIZED VIEW v CLUSTER ON v_n;
SELECT count(*) FROM tables('v') t JOIN pg_index ON indrelid = t WHERE indisclustered;
INSERT INTO s SELECT i % 60, i % 7, 'u' || i FROM generate_series(1, 1000) i;
REFRESH MATERIALIZED VIEW v;
SELECT oracle();

-- statistics
CREATE STATISTICS v_stat (ndistinct, dependencies) ON k, n FROM v;
ANALYZE v;
SELECT statistics_schemaname, statistics_name, statistics_owner, n_distinct IS NOT NULL AS made
	FROM pg_stats_ext WHERE statistics_name = 'v_stat';
CREATE STATISTICS v_expr ON (k + 1), n FROM v;
CREATE STATISTICS v_twice ON k, twice FROM v;
DROP STATISTICS v_stat;

-- vacuum and reindex
VACUUM v;
VACUUM (ANALYZE) v, r, s;
ANALYZE v (k, n);
ANALYZE v (twice);
VACUUM FULL v;
VACUUM FULL d;
REINDEX TABLE v;
REINDEX TABLE CONCURRENTLY d;
SELECT bool_and(last_vacuum IS NOT NULL) AS vacuumed, bool_and(last_analyze IS NOT NULL) AS analyzed
	FROM (SELECT pg_stat_get_last_vacuum_time(t) AS last_vacuum,
		pg_stat_get_last_analyze_time(t) AS last_analyze FROM tables('v') t) x;
INSERT INTO s SELECT i % 70, i % 11, 'w' || i FROM generate_series(1, 1000) i;
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW d;
REFRESH MATERIALIZED VIEW r;
SELECT oracle();
SELECT count(*) FROM ((TABLE d EXCEPT ALL SELECT k, count(DISTINCT x) FROM s GROUP BY k) UNION ALL
	(SELECT k, count(DISTINCT x) FROM s GROUP BY k EXCEPT ALL TABLE d)) x;
SELECT count(*) FROM ((TABLE r EXCEPT ALL SELECT k, t FROM s WHERE x > 0) UNION ALL
	(SELECT k, t FROM s WHERE x > 0 EXCEPT ALL TABLE r)) x;

-- the change stream is one of its tables
ALTER MATERIALIZED VIEW d SET (streaming.changes);
ALTER MATERIALIZED VIEW d SET TABLESPACE pg_default;
VACUUM FULL d;
INSERT INTO s SELECT i % 80, i % 13, 'x' || i FROM generate_series(1, 1000) i;
REFRESH MATERIALIZED VIEW d;
SELECT count(*) FROM ((TABLE d EXCEPT ALL SELECT k, count(DISTINCT x) FROM s GROUP BY k) UNION ALL
	(SELECT k, count(DISTINCT x) FROM s GROUP BY k EXCEPT ALL TABLE d)) x;

-- on the view itself
BEGIN;
LOCK TABLE v IN SHARE MODE;
ROLLBACK;
SECURITY LABEL ON MATERIALIZED VIEW v IS 'x';

-- an index has another name
CREATE INDEX to_rename ON v (k);
ALTER INDEX streaming.to_rename RENAME TO _renamed;
ALTER INDEX streaming.to_rename RENAME TO renamed;
ALTER INDEX streaming.to_rename RENAME TO renamed;
ALTER INDEX IF EXISTS streaming.to_rename RENAME TO renamed;
COMMENT ON INDEX streaming.renamed IS 'by another name';
REINDEX INDEX streaming.renamed;
SELECT obj_description('streaming.renamed'::regclass, 'pg_class');
CREATE INDEX to_rename ON v (k);
ALTER INDEX streaming.to_rename RENAME TO renamed;
SET ROLE t_verbs_other;
ALTER INDEX streaming.to_rename RENAME TO other;
SET ROLE t_verbs_owner;
DROP INDEX streaming.to_rename, streaming.renamed;
-- what continuous views do not know
ALTER MATERIALIZED VIEW v SET ACCESS METHOD heap;
ALTER MATERIALIZED VIEW v ADD COLUMN z int;
ALTER MATERIALIZED VIEW v DROP COLUMN k;
ALTER MATERIALIZED VIEW v ALTER COLUMN k TYPE bigint;
ALTER TABLE v ADD CONSTRAINT c CHECK (k > 0);
ALTER VIEW v ENABLE ROW LEVEL SECURITY;
ALTER TABLE v SET UNLOGGED;

-- others
RESET ROLE;
GRANT SELECT ON v TO t_verbs_other;
SET ROLE t_verbs_other;
ALTER MATERIALIZED VIEW v ALTER COLUMN k SET STATISTICS 1;
ALTER MATERIALIZED VIEW v SET (fillfactor = 10);
ALTER MATERIALIZED VIEW v SET TABLESPACE pg_default;
ALTER MATERIALIZED VIEW v CLUSTER ON v_n;
CLUSTER v USING v_n;
CREATE STATISTICS no_stat ON k, n FROM v;
VACUUM v;
ANALYZE v;
REINDEX TABLE v;
RESET ROLE;
SELECT reloptions FROM tables('v') t JOIN pg_class c ON c.oid = t;

-- An extension that goes takes the view with it.
-- (where there is one to have)
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'seg') THEN
		CREATE EXTENSION seg SCHEMA t_verbs;
		ALTER MATERIALIZED VIEW r DEPENDS ON EXTENSION seg;
		ALTER MATERIALIZED VIEW v DEPENDS ON EXTENSION seg;
		ALTER MATERIALIZED VIEW v NO DEPENDS ON EXTENSION seg;
		DROP EXTENSION seg;
	ELSE
		DROP MATERIALIZED VIEW r;
	END IF;
END $$;
SELECT to_regclass('r') IS NULL AS gone, to_regclass('v') IS NULL AS gone;

SET client_min_messages = warning;
DROP SCHEMA t_verbs CASCADE;
DROP ROLE t_verbs_owner, t_verbs_other;
