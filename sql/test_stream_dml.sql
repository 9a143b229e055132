-- what a stream refuses, and how it works together with the rest
SET timezone = 'UTC';

CREATE TABLE s (id int PRIMARY KEY, g int, v text) USING stream;
INSERT INTO s SELECT i, i % 3, 'v' || i FROM generate_series(1, 6) i;
CREATE TABLE h (id int PRIMARY KEY, v text);
INSERT INTO h VALUES (1, 'h1'), (7, 'h7');

-- append-only, whether a row matches or not
UPDATE s SET v = 'x' WHERE id = 1;
UPDATE s SET v = 'x' WHERE false;
DELETE FROM s WHERE id = 1;
DELETE FROM s USING h WHERE h.id = s.id RETURNING s.id;
INSERT INTO s VALUES (1, 1, 'x') ON CONFLICT (id) DO UPDATE SET v = 'x';
INSERT INTO s VALUES (99, 1, 'x') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
MERGE INTO s USING h ON h.id = s.id
  WHEN MATCHED THEN UPDATE SET v = h.v
  WHEN NOT MATCHED THEN INSERT VALUES (h.id, 0, h.v);
\set VERBOSITY terse
MERGE INTO s USING h ON h.id = s.id WHEN MATCHED THEN DO NOTHING;
WITH d AS (DELETE FROM s RETURNING id) SELECT count(*) FROM d;
WITH u AS (UPDATE s SET v = 'x' RETURNING id) INSERT INTO h SELECT id + 100 FROM u;
WITH i AS (INSERT INTO s VALUES (1, 1, 'x') ON CONFLICT (id) DO UPDATE SET v = 'x' RETURNING id)
  SELECT * FROM i;
PREPARE upd(int) AS UPDATE s SET v = 'x' WHERE id = $1;
EXECUTE upd(1);
EXECUTE upd(1);
DEALLOCATE upd;
EXPLAIN (COSTS OFF) DELETE FROM s;
CREATE VIEW sv AS SELECT id, v FROM s WHERE g = 1;
UPDATE sv SET v = 'x';
DELETE FROM sv;
INSERT INTO sv VALUES (100, 'through a view');
CREATE FUNCTION del() RETURNS void LANGUAGE sql AS 'DELETE FROM s';
SELECT del();
DROP FUNCTION del;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM s FOR UPDATE;
FETCH 1 FROM c;
DELETE FROM s WHERE CURRENT OF c;
ROLLBACK;
-- a table that is no stream, beside one
UPDATE h SET v = s.v FROM s WHERE s.id = h.id;
WITH i AS (INSERT INTO s VALUES (101, 1, 'cte') RETURNING id)
  DELETE FROM h USING i WHERE h.id = i.id;
WITH d AS (DELETE FROM h RETURNING id)
  INSERT INTO s SELECT id + 200, 2, 'moved' FROM d RETURNING id;
TABLE h;
SELECT * FROM s ORDER BY id;

-- ON CONFLICT DO NOTHING
INSERT INTO s VALUES (1, 1, 'dup'), (8, 1, 'eight') ON CONFLICT DO NOTHING RETURNING *;
INSERT INTO s VALUES (1, 1, 'dup'), (9, 1, 'nine') ON CONFLICT (id) DO NOTHING RETURNING *;
INSERT INTO s SELECT i, 0, 'many' FROM generate_series(1, 12) i ON CONFLICT DO NOTHING;
INSERT INTO s VALUES (20, 0, 'twice'), (20, 0, 'twice') ON CONFLICT DO NOTHING;
SELECT count(*), count(DISTINCT id) FROM s;

-- row locks
BEGIN;
SELECT id FROM s WHERE id = 1 FOR UPDATE;
SELECT id FROM s WHERE id = 1 FOR SHARE;
SELECT id FROM s WHERE id < 3 ORDER BY id FOR KEY SHARE SKIP LOCKED;
COMMIT;
-- locked rows are not read or written differently
SELECT count(*) FROM s WHERE id < 3;
VACUUM (FREEZE) s;

-- foreign keys into a stream, and out of it
CREATE TABLE into_s (id int REFERENCES s);
INSERT INTO into_s VALUES (1);
INSERT INTO into_s VALUES (1000);
CREATE TABLE dim (id int PRIMARY KEY, name text);
INSERT INTO dim VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE fact (id int REFERENCES dim, n int) USING stream;
CREATE TABLE fact_c (id int REFERENCES dim ON DELETE CASCADE ON UPDATE CASCADE) USING stream;
INSERT INTO fact VALUES (1, 1);
INSERT INTO fact VALUES (4, 1);
INSERT INTO fact_c VALUES (2);
DELETE FROM dim WHERE id = 1;
DELETE FROM dim WHERE id = 2;
UPDATE dim SET id = 20 WHERE id = 2;
DELETE FROM dim WHERE id = 3;
UPDATE dim SET name = 'TWO' WHERE id = 2;
TABLE dim ORDER BY id;
ALTER TABLE fact ADD FOREIGN KEY (n) REFERENCES dim;
DELETE FROM fact;
DROP TABLE into_s, fact, fact_c, dim;

-- triggers
CREATE TABLE audit (what text) USING stream;
CREATE TABLE tr (id int, v text) USING stream;
CREATE FUNCTION before_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id < 0 THEN
    RETURN NULL;
  END IF;
  NEW.v := upper(NEW.v);
  -- inserts into the table itself, once
  IF NEW.id = 3 THEN
    INSERT INTO tr VALUES (30, 'recursive');
  END IF;
  -- a savepoint that rolls back
  BEGIN
    INSERT INTO audit VALUES ('lost ' || NEW.id);
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero THEN
    NULL;
  END;
  INSERT INTO audit VALUES ('row ' || NEW.id);
  RETURN NEW;
END $$;
CREATE FUNCTION after_stmt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit SELECT 'statement of ' || count(*) FROM new;
  RETURN NULL;
END $$;
CREATE TRIGGER a BEFORE INSERT ON tr FOR EACH ROW EXECUTE FUNCTION before_row();
CREATE TRIGGER b AFTER INSERT ON tr REFERENCING NEW TABLE AS new
  FOR EACH STATEMENT EXECUTE FUNCTION after_stmt();
INSERT INTO tr VALUES (1, 'one'), (-1, 'suppressed');
COPY tr FROM STDIN (FORMAT csv);
2,two
3,three
-4,suppressed
5,five
\.
SELECT * FROM tr ORDER BY id;
SELECT * FROM audit ORDER BY ctid;
DROP TABLE tr, audit;

-- row level security
CREATE ROLE regress_stream_writer;
CREATE TABLE rls (tenant text, n int) USING stream;
ALTER TABLE rls ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rls USING (tenant = current_user) WITH CHECK (tenant = current_user);
GRANT SELECT, INSERT, UPDATE ON rls TO regress_stream_writer;
INSERT INTO rls VALUES ('other', 1);
SET ROLE regress_stream_writer;
INSERT INTO rls VALUES ('regress_stream_writer', 2);
INSERT INTO rls VALUES ('other', 3);
TABLE rls;
UPDATE rls SET n = 4;
RESET ROLE;
DROP TABLE rls;
DROP ROLE regress_stream_writer;

-- partitions
CREATE TABLE p (ts date, k int, v text) PARTITION BY RANGE (ts);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') USING stream;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY LIST (k);
CREATE TABLE p2a PARTITION OF p2 FOR VALUES IN (1) USING stream;
CREATE TABLE p2b PARTITION OF p2 DEFAULT USING stream;
CREATE INDEX ON p (k);
INSERT INTO p VALUES ('2026-01-05', 1, 'a'), ('2026-02-05', 1, 'b'), ('2026-02-06', 2, 'c');
INSERT INTO p VALUES ('2026-03-05', 1, 'nowhere');
CREATE TABLE pd PARTITION OF p DEFAULT USING stream;
INSERT INTO p VALUES ('2026-03-05', 1, 'default') RETURNING tableoid::regclass, *;
COPY p FROM STDIN;
2026-01-06	1	copy
2026-02-07	1	copy
2026-01-07	1	copy
2026-02-08	3	copy
\.
SELECT tableoid::regclass, * FROM p ORDER BY ts, k;
UPDATE p SET v = 'x';
UPDATE p SET v = 'x' WHERE ts = '2026-02-05' AND k = 1;
DELETE FROM p WHERE ts > '2030-01-01';
DELETE FROM p WHERE false;
DELETE FROM p2;
DELETE FROM p2 WHERE false;
MERGE INTO p USING h ON h.id = p.k WHEN MATCHED THEN DELETE;
CREATE TABLE p3 (LIKE p) USING stream;
INSERT INTO p3 VALUES ('2026-04-01', 1, 'attached');
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
INSERT INTO p VALUES ('2026-04-02', 1, 'routed');
ALTER TABLE p DETACH PARTITION p1;
INSERT INTO p1 VALUES ('2030-01-01', 1, 'anything goes');
ALTER TABLE p DETACH PARTITION p3 CONCURRENTLY;
SELECT tableoid::regclass, count(*) FROM p GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM p3;
CREATE UNIQUE INDEX p_key ON p (ts, k);
INSERT INTO p VALUES ('2026-02-05', 1, 'dup') ON CONFLICT DO NOTHING;
INSERT INTO p VALUES ('2026-02-05', 1, 'dup') ON CONFLICT (ts, k) DO UPDATE SET v = 'x';
INSERT INTO p VALUES ('2026-02-25', 1, 'new') ON CONFLICT (ts, k) DO UPDATE SET v = 'x';
-- ordinary partitions beside: rows of these may change
CREATE TABLE ph PARTITION OF p FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
INSERT INTO p VALUES ('2027-01-01', 1, 'heap');
UPDATE p SET v = 'changed' WHERE ts = '2027-01-01' RETURNING v;
UPDATE p SET ts = '2026-02-26' WHERE ts = '2027-01-01';
DROP TABLE p, p1, p3;

-- savepoints and prepared transactions
CREATE TABLE t (id int) USING stream;
BEGIN;
INSERT INTO t VALUES (1);
SAVEPOINT a;
INSERT INTO t VALUES (2);
SAVEPOINT b;
INSERT INTO t VALUES (3);
ROLLBACK TO b;
INSERT INTO t VALUES (4);
RELEASE a;
ROLLBACK TO a;
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO t VALUES (5);
ROLLBACK TO a;
INSERT INTO t VALUES (6);
SAVEPOINT b;
INSERT INTO t VALUES (7);
RELEASE b;
COMMIT;
BEGIN;
INSERT INTO t VALUES (8);
SAVEPOINT a;
INSERT INTO t VALUES (9);
ROLLBACK TO a;
PREPARE TRANSACTION 'test_stream_dml_1';
BEGIN;
INSERT INTO t VALUES (10);
PREPARE TRANSACTION 'test_stream_dml_2';
INSERT INTO t VALUES (11);
SELECT * FROM t ORDER BY id;
COMMIT PREPARED 'test_stream_dml_1';
ROLLBACK PREPARED 'test_stream_dml_2';
SELECT * FROM t ORDER BY id;
-- many relations and savepoints in one transaction
DO $$
BEGIN
  FOR i IN 1..40 LOOP
    EXECUTE format('CREATE TABLE many_%s (id int) USING stream', i);
  END LOOP;
  FOR r IN 1..5 LOOP
    FOR i IN 1..40 LOOP
      BEGIN
        EXECUTE format('INSERT INTO many_%s VALUES (%s)', i, r);
        IF (i + r) % 2 = 0 THEN
          RAISE division_by_zero;
        END IF;
      EXCEPTION WHEN division_by_zero THEN
        NULL;
      END;
    END LOOP;
  END LOOP;
END $$;
SELECT count(*), sum(id) FROM (TABLE many_1 UNION ALL TABLE many_2 UNION ALL TABLE many_40) x;
DO $$
BEGIN
  FOR i IN 1..40 LOOP
    EXECUTE format('DROP TABLE many_%s', i);
  END LOOP;
END $$;

-- serializable
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM t;
INSERT INTO t VALUES (12);
COMMIT;

-- the placement rule: never into room at the front
CREATE TABLE room (id int, v char(1000)) USING stream;
BEGIN;
INSERT INTO room SELECT i, 'rolled back' FROM generate_series(1, 21) i;
ROLLBACK;
INSERT INTO room VALUES (0, 'kept');
VACUUM room;
SELECT pg_relation_size('room') / 8192 AS pages \gset
INSERT INTO room SELECT i, 'kept' FROM generate_series(1, 20) i;
SELECT bool_and((ctid::text::point)[0] >= :pages - 1) AS at_end, count(*) FROM room WHERE id > 0;
DROP TABLE room;

DROP VIEW sv;
DROP TABLE s, h, t;
