-- What statements and constraints can do since 18
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (id int CONSTRAINT has_id NOT NULL, v int, w int GENERATED ALWAYS AS (v * 2) VIRTUAL) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT id, sum(v), sum(w) AS w FROM s GROUP BY id;

-- RETURNING
INSERT INTO s VALUES (1, 10), (2, 20) RETURNING old.id, new.id, old, new.w;
INSERT INTO s VALUES (3, 30) RETURNING WITH (OLD AS o, NEW AS n) o.v, n.v;
INSERT INTO s AS x VALUES (4, 40) ON CONFLICT DO NOTHING RETURNING old.v, new.v, x.v;
UPDATE s SET v = 0 RETURNING old.v, new.v;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM s RETURNING old.v, new.v;
\echo :LAST_ERROR_SQLSTATE
MERGE INTO s USING (SELECT 1 AS a) x ON a = id WHEN MATCHED THEN DELETE RETURNING merge_action(), old.v, new.v;
\echo :LAST_ERROR_SQLSTATE
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY id;

-- NOT NULL has a name, and can be added without a look at the rows
INSERT INTO s VALUES (NULL, 1);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES (5, NULL);
ALTER TABLE s ADD CONSTRAINT has_v NOT NULL v NOT VALID;
INSERT INTO s VALUES (6, NULL);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s VALIDATE CONSTRAINT has_v;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES (5, 50);
ALTER TABLE s DROP CONSTRAINT has_v;
ALTER TABLE s RENAME CONSTRAINT has_id TO id_there;
ALTER TABLE s ADD CONSTRAINT positive CHECK (v > 0) NOT ENFORCED;
INSERT INTO s VALUES (6, -6);
SELECT conname, contype, convalidated, conenforced FROM pg_constraint WHERE conrelid = 's'::regclass ORDER BY 1;
REFRESH MATERIALIZED VIEW v;
SELECT check_view('v');
DROP TABLE s CASCADE;
CREATE TABLE s (id int, part int CONSTRAINT has_part NOT NULL) PARTITION BY LIST (part) USING stream;
CREATE TABLE s1 (id int, part int) USING stream;
ALTER TABLE s ATTACH PARTITION s1 FOR VALUES IN (1);
ALTER TABLE s1 ADD CONSTRAINT has_part NOT NULL part;
ALTER TABLE s ATTACH PARTITION s1 FOR VALUES IN (1);
SELECT conrelid::regclass, conname, coninhcount FROM pg_constraint WHERE contype = 'n' AND conrelid IN ('s'::regclass, 's1'::regclass) ORDER BY 1;
DROP TABLE s;

-- periods
CREATE TABLE s (id int4range, during daterange, v int, PRIMARY KEY (id, during WITHOUT OVERLAPS)) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT id, range_intersect_agg(during), sum(v) FROM s GROUP BY id;
INSERT INTO s VALUES ('[1,2)', '[2025-01-01,2025-02-01)', 1), ('[1,2)', '[2025-02-01,2025-03-01)', 2), ('[2,3)', '[2025-01-01,2025-02-01)', 3);
INSERT INTO s VALUES ('[1,2)', '[2025-02-15,2025-04-01)', 4);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES ('[1,2)', '[2025-02-15,2025-04-01)', 4) ON CONFLICT DO NOTHING;
INSERT INTO s VALUES ('[3,4)', '[2025-01-01,2025-01-02)', 5), ('[3,4)', '[2025-01-01,2025-01-02)', 6) ON CONFLICT DO NOTHING RETURNING v;
INSERT INTO s VALUES ('[4,5)', 'empty', 4);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE spans (id int4range, during daterange, FOREIGN KEY (id, PERIOD during) REFERENCES s (id, PERIOD during));
INSERT INTO spans VALUES ('[1,2)', '[2025-01-15,2025-02-15)');
INSERT INTO spans VALUES ('[2,3)', '[2025-01-15,2025-02-15)');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE out_of_it (id int4range, during daterange, FOREIGN KEY (id, PERIOD during) REFERENCES s (id, PERIOD during)) USING stream;
INSERT INTO out_of_it VALUES ('[1,2)', '[2025-02-15,2025-03-01)');
INSERT INTO out_of_it VALUES ('[1,2)', '[2025-02-15,2025-03-02)');
\echo :LAST_ERROR_SQLSTATE
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY id;
SELECT check_view('v');
DROP TABLE spans, out_of_it;
DROP TABLE s CASCADE;

-- COPY
SET client_min_messages = notice;
CREATE TABLE s (k int) USING stream;
COPY s FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 1, LOG_VERBOSITY silent);
1
x
\.
COPY s FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 1);
2
x
y
\.
\echo :LAST_ERROR_SQLSTATE
TABLE s;
DROP TABLE s;
SELECT * FROM leftovers();
