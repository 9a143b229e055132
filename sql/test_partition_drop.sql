-- Partitions that go with other things: a view that has not read them yet must not
-- lose their rows.
CREATE ROLE regress_streaming_a;
CREATE SCHEMA parts;
GRANT ALL ON SCHEMA parts, public TO regress_streaming_a;
CREATE TABLE s (i int) PARTITION BY LIST (i);
CREATE TABLE s1 PARTITION OF s FOR VALUES IN (1) USING stream;
INSERT INTO s VALUES (1);
-- it reads nothing by itself
CREATE MATERIALIZED VIEW v
	WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(*) AS n, sum(i) AS total FROM s;
REFRESH MATERIALIZED VIEW v;
CREATE TABLE parts.s2 PARTITION OF s FOR VALUES IN (2) USING stream;
INSERT INTO s VALUES (2);

DROP SCHEMA parts CASCADE;
-- with its owner
ALTER TABLE parts.s2 OWNER TO regress_streaming_a;
DROP OWNED BY regress_streaming_a;
-- with other tables, and what is below them
CREATE TABLE t (i int PRIMARY KEY);
CREATE TABLE parts.sub PARTITION OF s FOR VALUES IN (3, 4) PARTITION BY LIST (i);
CREATE TABLE parts.s3 PARTITION OF parts.sub FOR VALUES IN (3) USING stream;
INSERT INTO s VALUES (3);
DROP SCHEMA parts CASCADE;
-- by itself, or with what is above it, the view reads it first
ALTER TABLE parts.s2 OWNER TO CURRENT_USER;
DROP TABLE parts.s2, t;
SELECT * FROM v;
DROP TABLE parts.sub;
SELECT * FROM v;
-- a savepoint that rolls back leaves nothing behind
CREATE TABLE parts.s2 PARTITION OF s FOR VALUES IN (2) USING stream;
INSERT INTO s VALUES (2);
BEGIN;
SAVEPOINT a;
DROP SCHEMA parts CASCADE;
ROLLBACK TO a;
CREATE TABLE t (i int);
DROP TABLE t;
COMMIT;
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v;
-- where the view goes too, there is nothing to lose
CREATE SCHEMA all_of_it;
CREATE TABLE all_of_it.s (i int) PARTITION BY LIST (i);
CREATE MATERIALIZED VIEW all_of_it.v
	WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT count(*) AS n FROM all_of_it.s;
CREATE TABLE all_of_it.s1 PARTITION OF all_of_it.s FOR VALUES IN (1) USING stream;
INSERT INTO all_of_it.s VALUES (1);
SET client_min_messages = warning;
DROP SCHEMA all_of_it CASCADE;
-- nor does one that has been released
CREATE TABLE parts.s5 PARTITION OF s FOR VALUES IN (5) USING stream;
INSERT INTO s VALUES (5);
SELECT streaming.release('v');
DROP SCHEMA parts CASCADE;
DROP TABLE s CASCADE;
REVOKE ALL ON SCHEMA public FROM regress_streaming_a;
DROP ROLE regress_streaming_a;
