-- What statements can do since 17
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int CHECK (v < 1000)) USING stream;
CREATE TABLE h (k int, v int);
INSERT INTO h VALUES (1, 10), (7, 70);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*), sum(v) FROM s GROUP BY k;
INSERT INTO s VALUES (1, 1), (2, 2);

-- MERGE, with all that it has
MERGE INTO s USING h ON h.k = s.k WHEN NOT MATCHED BY SOURCE THEN DELETE;
\echo :LAST_ERROR_SQLSTATE
MERGE INTO s USING h ON h.k = s.k WHEN NOT MATCHED BY TARGET THEN INSERT VALUES (h.k, h.v) RETURNING merge_action(), s.*;
\echo :LAST_ERROR_SQLSTATE
WITH m AS (MERGE INTO s USING h ON h.k = s.k WHEN MATCHED THEN UPDATE SET v = h.v RETURNING s.k) SELECT * FROM m;
CREATE VIEW above AS SELECT k, v FROM s;
MERGE INTO above a USING h ON h.k = a.k WHEN NOT MATCHED THEN INSERT VALUES (h.k, h.v);
\echo :LAST_ERROR_SQLSTATE
DROP VIEW above;
-- from a stream and a view into a table
REFRESH MATERIALIZED VIEW v;
MERGE INTO h USING (SELECT s.k, v.sum FROM s JOIN v USING (k)) x ON h.k = x.k
	WHEN MATCHED THEN UPDATE SET v = x.sum WHEN NOT MATCHED THEN INSERT VALUES (x.k, x.sum) WHEN NOT MATCHED BY SOURCE THEN DELETE;
SELECT * FROM h ORDER BY k;

-- COPY that leaves out what it cannot read
SET client_min_messages = notice;
COPY s FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose);
3	3
3	three
x	3
4	4
\.
COPY s FROM STDIN (ON_ERROR ignore, FORMAT csv);
5,5
5,99999999999
\.
-- ... but nothing of it if a row is refused otherwise
COPY s FROM STDIN (ON_ERROR ignore);
6	6
6	six
6	6000
\.
SET client_min_messages = warning;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v');

-- the access method
ALTER TABLE s SET ACCESS METHOD DEFAULT;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE s CASCADE;
CREATE TABLE s (k int) USING stream;
INSERT INTO s VALUES (1), (2);
ALTER TABLE s SET ACCESS METHOD DEFAULT;
SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 's'::regclass;
SET default_table_access_method = stream;
ALTER TABLE s SET ACCESS METHOD DEFAULT;
RESET default_table_access_method;
SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 's'::regclass;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM s;
ALTER MATERIALIZED VIEW v SET ACCESS METHOD DEFAULT;
REFRESH MATERIALIZED VIEW v;
TABLE v;
DROP TABLE s CASCADE;

-- COPY FREEZE, where the server has it
CREATE TABLE p (k int) PARTITION BY LIST (k) USING stream;
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) FROM p;
COPY p FROM STDIN (FREEZE);
\.
\echo :LAST_ERROR_SQLSTATE
BEGIN;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
COPY p2 FROM STDIN (FREEZE);
2
2
\.
COMMIT;
INSERT INTO p VALUES (1), (2);
REFRESH MATERIALIZED VIEW v;
TABLE v;
SELECT check_view('v');
DROP TABLE p CASCADE;
DROP TABLE h;
SELECT * FROM leftovers();
