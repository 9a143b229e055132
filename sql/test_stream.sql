-- streams as tables: what works on a heap works on a stream
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- the access method
SELECT amname, amtype FROM pg_am WHERE amname = 'stream';
CREATE TABLE s (id int PRIMARY KEY, ts timestamptz NOT NULL, v text, n numeric)
  USING stream;
SELECT a.amname, t.amname AS toast_am
FROM pg_class c JOIN pg_am a ON a.oid = c.relam
  JOIN pg_class tc ON tc.oid = c.reltoastrelid JOIN pg_am t ON t.oid = tc.relam
WHERE c.relname = 's';

INSERT INTO s VALUES (1, '2026-01-01 00:00', 'one', 1.5),
  (2, '2026-01-01 00:01', 'two', NULL);
INSERT INTO s (id, ts) VALUES (3, '2026-01-01 00:02') RETURNING *;
INSERT INTO s VALUES (3, '2026-01-01 00:03', 'again', 0);
INSERT INTO s (id) VALUES (4);
TABLE s ORDER BY id;

-- TOAST: compressed, out of line, both; and bytea
CREATE TABLE big (id int, t text, b bytea) USING stream;
ALTER TABLE big ALTER b SET STORAGE EXTERNAL;
INSERT INTO big
SELECT i, repeat('abc' || i, 10000), decode(repeat('00ff' || lpad(i::text, 2, '0'), 3000), 'hex')
FROM generate_series(1, 5) i;
INSERT INTO big SELECT 6, repeat(string_agg(md5(i::text), ''), 1), NULL
FROM generate_series(1, 500) i;
SELECT id, length(t), md5(t), length(b), md5(b) FROM big ORDER BY id;
SELECT pg_relation_size(reltoastrelid) > 0 AS has_toast
FROM pg_class WHERE relname = 'big';
-- rows that TOAST makes short are packed
CREATE TABLE packed (id int, t text) USING stream;
INSERT INTO packed SELECT i, repeat('x', 5000) FROM generate_series(1, 400) i;
SELECT count(*), pg_relation_size('packed') <= 6 * 8192 AS dense FROM packed;
-- too long a row
CREATE TABLE wide (a text, b text) USING stream;
ALTER TABLE wide ALTER a SET STORAGE PLAIN, ALTER b SET STORAGE PLAIN;
DO $$ BEGIN
  INSERT INTO wide VALUES (repeat('x', 8000), repeat('x', 8000));
EXCEPTION WHEN program_limit_exceeded THEN RAISE NOTICE 'refused: %', SQLERRM;
END $$;
INSERT INTO wide SELECT repeat('x', 8000), NULL FROM generate_series(1, 3);
SELECT count(*), count(DISTINCT (ctid::text::point)[0]) AS pages FROM wide;

-- fillfactor
CREATE TABLE ff (id int, v char(100)) USING stream WITH (fillfactor = 50);
INSERT INTO ff SELECT i, 'x' FROM generate_series(1, 290) i;
SELECT max(n) AS rows_per_page
FROM (SELECT count(*) AS n FROM ff GROUP BY (ctid::text::point)[0]) x;

-- indexes: before and after the rows, unique, partial, expression, GIN, BRIN,
-- hash, GiST; also built by several processes
CREATE TABLE ix (id int, v text, tags text[], p point) USING stream;
CREATE UNIQUE INDEX ix_early ON ix (id);
INSERT INTO ix SELECT i, 'v' || i % 100, ARRAY['t' || i % 7, 'u' || i % 11],
  point(i, -i)
FROM generate_series(1, 5000) i;
CREATE UNIQUE INDEX ix_late ON ix (id) INCLUDE (v);
CREATE INDEX ix_part ON ix (id) WHERE id % 1000 = 0;
CREATE INDEX ix_expr ON ix (upper(v));
CREATE INDEX ix_gin ON ix USING gin (tags);
CREATE INDEX ix_brin ON ix USING brin (id) WITH (pages_per_range = 2);
CREATE INDEX ix_hash ON ix USING hash (v);
CREATE INDEX ix_gist ON ix USING gist (p);
CREATE INDEX ix_desc ON ix (v DESC, id);
CREATE UNIQUE INDEX ix_fail ON ix (v);
SELECT brin_summarize_new_values('ix_brin') >= 0 AS summarized;
ANALYZE ix;
SET enable_seqscan = off;
SELECT v FROM ix WHERE id = 77;
SELECT array_agg(id ORDER BY id) FROM ix WHERE id % 1000 = 0 AND id > 0;
SELECT count(*) FROM ix WHERE upper(v) = 'V7';
SELECT count(*) FROM ix WHERE tags @> '{t3,u5}';
SELECT count(*) FROM ix WHERE p <@ box '((10.5,-10.5),(20.5,-20.5))';
RESET enable_seqscan;
REINDEX TABLE ix;
REINDEX INDEX ix_gin;
REINDEX TABLE CONCURRENTLY ix;
CREATE INDEX CONCURRENTLY ix_conc ON ix (v, id);
CREATE UNIQUE INDEX CONCURRENTLY ix_conc_fail ON ix (v);
SELECT indexrelid::regclass, indisvalid FROM pg_index
WHERE indrelid = 'ix'::regclass AND indexrelid::regclass::text LIKE 'ix_conc%'
ORDER BY 1;
DROP INDEX CONCURRENTLY ix_conc_fail;
-- the table is still a stream after all this
DELETE FROM ix;
INSERT INTO ix VALUES (5001, 'v1', '{t3,u5}', '(0,0)');
SET enable_seqscan = off;
SELECT count(*) FROM ix WHERE tags @> '{t3,u5}';
RESET enable_seqscan;
-- index expressions that look up catalogs, with invalidations in between
CREATE FUNCTION shout(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  EXECUTE 'SELECT upper($1)' INTO t USING t;
  RETURN t;
END $$;
CREATE INDEX ix_func ON ix (shout(v)) WHERE id <= 200;
SELECT count(*) FROM ix WHERE shout(v) = 'V7' AND id <= 200;
CREATE TABLE s_nasty (a int) USING stream;
INSERT INTO s_nasty SELECT generate_series(1, 5);
CREATE FUNCTION touch() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  GRANT SELECT ON public.s_nasty TO PUBLIC;
END $$;
CREATE FUNCTION nasty(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF i = 3 THEN
    PERFORM public.touch();
  END IF;
  RETURN i;
END $$;
CREATE INDEX s_nasty_ix ON s_nasty (nasty(a));
CREATE INDEX s_nasty_part ON s_nasty (a) WHERE nasty(a) = 4;
CREATE INDEX CONCURRENTLY s_nasty_conc ON s_nasty (nasty(a), a);
SET enable_seqscan = off;
SELECT array_agg(a ORDER BY a) FROM s_nasty WHERE nasty(a) > 0;
RESET enable_seqscan;
-- a failing expression leaves the table a stream
CREATE INDEX ON s_nasty ((1 / (a - 4)));
UPDATE s_nasty SET a = 1;
INSERT INTO s_nasty VALUES (6);
SELECT count(*) FROM s_nasty;

-- exclusion, deferred and foreign key constraints, made before and after the rows
CREATE TABLE cons (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, r int4range,
  EXCLUDE USING gist (r WITH &&)) USING stream;
INSERT INTO cons VALUES (1, '[1,5)'), (2, '[5,9)');
INSERT INTO cons VALUES (3, '[8,12)');
INSERT INTO cons VALUES (1, '[20,21)');
ALTER TABLE cons ADD CHECK (id < 2);
ALTER TABLE cons ADD CHECK (id < 3), ALTER r SET NOT NULL;
ALTER TABLE cons DROP CONSTRAINT cons_r_excl;
INSERT INTO cons VALUES (0, '[1,9)');
ALTER TABLE cons ADD EXCLUDE USING gist (r WITH &&);
ALTER TABLE cons ADD FOREIGN KEY (id) REFERENCES s;
ALTER TABLE cons ADD FOREIGN KEY (id) REFERENCES s NOT VALID;
ALTER TABLE cons VALIDATE CONSTRAINT cons_id_fkey;
SELECT id, r FROM cons ORDER BY id;

-- parallel index build and parallel query
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
SET max_parallel_maintenance_workers = 2;
CREATE INDEX ix_parallel ON ix (id, v);
EXPLAIN (COSTS OFF) SELECT count(*), sum(id) FROM ix;
SELECT count(*), sum(id) FROM ix;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;
RESET max_parallel_maintenance_workers;

-- scans by TID, samples, backwards
SELECT id FROM ix WHERE ctid = '(0,3)';
SELECT count(*) FROM ix WHERE ctid < '(1,0)' AND id <= 5;
SELECT count(*) > 0 FROM ix TABLESAMPLE bernoulli (50) REPEATABLE (1);
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM s ORDER BY ctid;
FETCH ALL FROM c;
FETCH BACKWARD 2 FROM c;
COMMIT;

-- VACUUM, ANALYZE; the end of the table is never cut off
CREATE TABLE vac (id int, v char(500)) USING stream;
INSERT INTO vac SELECT i, 'kept' FROM generate_series(1, 10) i;
BEGIN;
INSERT INTO vac SELECT i, 'rolled back' FROM generate_series(1, 200) i;
ROLLBACK;
SELECT pg_relation_size('vac') / 8192 AS pages \gset
VACUUM (FREEZE, TRUNCATE on) vac;
SELECT pg_relation_size('vac') / 8192 = :pages AS not_truncated, count(*) FROM vac;
VACUUM (ANALYZE, DISABLE_PAGE_SKIPPING) vac;
SELECT reltuples, n_distinct FROM pg_class JOIN pg_stats ON tablename = relname
WHERE relname = 'vac' AND attname = 'id';
-- the room that VACUUM found inside is not used
INSERT INTO vac VALUES (11, 'after') RETURNING (ctid::text::point)[0] >= :pages - 1 AS at_end;

-- identity and generated columns, defaults, checks
CREATE TABLE gen (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  a int DEFAULT 7, twice int GENERATED ALWAYS AS (a * 2) STORED,
  CHECK (a < 100)) USING stream;
INSERT INTO gen (a) VALUES (1), (DEFAULT) RETURNING *;
INSERT INTO gen (a) VALUES (100);
INSERT INTO gen DEFAULT VALUES RETURNING id;

-- COPY, in all formats
COPY s TO STDOUT (FORMAT csv, HEADER);
COPY s FROM STDIN;
10	2026-01-02 00:00:00+00	ten	10
11	2026-01-02 00:00:00+00	\N	\N
\.
COPY s (id, ts, v) FROM STDIN (FORMAT csv);
12,2026-01-02 00:00:00+00,"a, b"
13,2026-01-02 00:00:00+00,
\.
COPY s FROM STDIN;
14	2026-01-02 00:00:00+00	fails	10
14	2026-01-02 00:00:00+00	duplicate	10
\.
TABLE s ORDER BY id;
BEGIN;
CREATE TABLE frozen (id int) USING stream;
COPY frozen FROM STDIN (FREEZE);
1
2
\.
COMMIT;
BEGIN;
TRUNCATE frozen;
COPY frozen FROM STDIN (FREEZE);
3
4
\.
COMMIT;
TABLE frozen;

-- CREATE TABLE AS, and the default access method
CREATE TABLE ctas USING stream AS SELECT i AS id, i % 3 AS g FROM generate_series(1, 300) i;
SELECT g, count(*) FROM ctas GROUP BY g ORDER BY g;
CREATE MATERIALIZED VIEW mv USING stream AS SELECT g, count(*) FROM ctas GROUP BY g;
REFRESH MATERIALIZED VIEW mv;
TABLE mv ORDER BY g;
DROP MATERIALIZED VIEW mv;
SET default_table_access_method = stream;
CREATE TABLE dflt (id int);
SELECT * INTO dflt2 FROM ctas WHERE id <= 2;
RESET default_table_access_method;
SELECT relname, amname FROM pg_class c JOIN pg_am a ON a.oid = relam
WHERE relname LIKE 'dflt%' ORDER BY 1;

-- changing tables that no continuous view reads
ALTER TABLE ctas ADD COLUMN c text DEFAULT 'c', ADD COLUMN r float8 DEFAULT random();
ALTER TABLE ctas ALTER COLUMN id TYPE bigint;
ALTER TABLE ctas DROP COLUMN r;
INSERT INTO ctas VALUES (301, 0, 'd');
SELECT count(*), sum(id), min(c), max(c) FROM ctas;
VACUUM FULL ctas;
CREATE INDEX ctas_id ON ctas (id);
CLUSTER ctas USING ctas_id;
SELECT count(*), sum(id), min(c), max(c) FROM ctas;
ALTER TABLE ctas SET ACCESS METHOD heap;
UPDATE ctas SET c = 'heap' WHERE id = 1;
ALTER TABLE ctas SET ACCESS METHOD stream;
UPDATE ctas SET c = 'stream' WHERE id = 1;
SELECT count(*), sum(id), min(c), max(c) FROM ctas;
ALTER TABLE ctas SET UNLOGGED;
ALTER TABLE ctas SET LOGGED;
BEGIN;
TRUNCATE ctas;
INSERT INTO ctas VALUES (1, 1, 'new');
SAVEPOINT a;
TRUNCATE ctas;
INSERT INTO ctas VALUES (2, 2, 'newer');
ROLLBACK TO a;
INSERT INTO ctas VALUES (3, 3, 'newest');
COMMIT;
TABLE ctas ORDER BY id;

-- temporary and unlogged
CREATE TEMP TABLE tmp (id int PRIMARY KEY, v text) USING stream ON COMMIT DELETE ROWS;
BEGIN;
INSERT INTO tmp SELECT i, repeat('t', i) FROM generate_series(1, 1000) i;
SELECT count(*), sum(length(v)) FROM tmp;
COMMIT;
SELECT count(*) FROM tmp;
CREATE TEMP TABLE tmp2 USING stream AS SELECT generate_series(1, 10) AS id;
INSERT INTO tmp2 VALUES (11);
VACUUM tmp2;
SELECT count(*) FROM tmp2;
CREATE UNLOGGED TABLE unl (id int, v text) USING stream;
INSERT INTO unl SELECT i, repeat(md5(i::text), 500) FROM generate_series(1, 100) i;
SELECT count(*), sum(length(v)) FROM unl;

-- inheritance
CREATE TABLE parent (id int, v text);
CREATE TABLE child () INHERITS (parent) USING stream;
INSERT INTO child VALUES (1, 'child');
INSERT INTO parent VALUES (2, 'parent');
SELECT tableoid::regclass, * FROM parent ORDER BY id;
UPDATE ONLY parent SET v = 'changed';
UPDATE parent SET v = 'changed';
SELECT tableoid::regclass, * FROM parent ORDER BY id;

DROP TABLE s, big, packed, wide, ff, ix, s_nasty, vac, gen, frozen,
  ctas, dflt, dflt2, unl, parent, child, cons;
DROP FUNCTION shout, nasty, touch;
