-- Views over partitioned streams
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (day int, k int, v int) PARTITION BY RANGE (day);
CREATE TABLE s1 PARTITION OF s FOR VALUES FROM (1) TO (10) USING stream;
CREATE TABLE s2 PARTITION OF s FOR VALUES FROM (10) TO (20) USING stream;
INSERT INTO s VALUES (1, 1, 10), (11, 1, 20), (12, 2, 30);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v_part WITH (streaming.continuous) AS
	SELECT tableoid::regclass AS part, count(*) FROM s GROUP BY part;
-- one that reads only some partitions, one that reads one of them by its own name
CREATE MATERIALIZED VIEW v_pruned WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE day < 10 GROUP BY k;
CREATE MATERIALIZED VIEW v_one WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s2 GROUP BY k;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v ORDER BY k;
INSERT INTO s VALUES (2, 3, 1), (13, 1, 1);
INSERT INTO s1 VALUES (3, 3, 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v ORDER BY k;
SELECT * FROM v_part ORDER BY part::text COLLATE "C";
SELECT * FROM v_pruned ORDER BY k;
SELECT * FROM v_one ORDER BY k;
SELECT view, streams, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";

-- a new partition; a default one; a partitioned partition
CREATE TABLE s3 PARTITION OF s FOR VALUES FROM (20) TO (30) USING stream;
CREATE TABLE s_default PARTITION OF s DEFAULT USING stream;
CREATE TABLE s4 PARTITION OF s FOR VALUES FROM (30) TO (40) PARTITION BY LIST (k);
CREATE TABLE s4_1 PARTITION OF s4 FOR VALUES IN (1) USING stream;
CREATE TABLE s4_other PARTITION OF s4 DEFAULT USING stream;
INSERT INTO s VALUES (21, 1, 100), (99, 4, 1), (NULL, 4, 2), (31, 1, 1), (32, 9, 9), (1, 1, 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v_part ORDER BY part::text COLLATE "C";
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
-- one that is attached brings its rows
CREATE TABLE s5 (LIKE s) USING stream;
INSERT INTO s5 VALUES (41, 1, 1000), (42, 5, 1000);
ALTER TABLE s5 ADD COLUMN dropped int;
ALTER TABLE s5 DROP COLUMN dropped;
ALTER TABLE s ATTACH PARTITION s5 FOR VALUES FROM (40) TO (50);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v ORDER BY k;
-- columns in another order, a dropped one before
CREATE TABLE s6 (gone text, v int, k int, day int) USING stream;
INSERT INTO s6 VALUES ('x', 6, 6, 51), ('y', 7, 6, 52);
ALTER TABLE s6 DROP COLUMN gone;
ALTER TABLE s ATTACH PARTITION s6 FOR VALUES FROM (50) TO (60);
INSERT INTO s VALUES (53, 6, 8);
INSERT INTO s6 (day, k, v) VALUES (54, 6, 9);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 6;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
-- in a transaction that is rolled back
BEGIN;
CREATE TABLE s7 PARTITION OF s FOR VALUES FROM (60) TO (70) USING stream;
INSERT INTO s VALUES (61, 7, 7);
ROLLBACK;
INSERT INTO s VALUES (61, 7, 70);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 7;

-- other kinds of tables are refused as partitions, as long as a view reads the whole
CREATE TABLE heap PARTITION OF s FOR VALUES FROM (70) TO (80);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE heap (LIKE s);
ALTER TABLE s ATTACH PARTITION heap FOR VALUES FROM (70) TO (80);
\echo :LAST_ERROR_SQLSTATE
CREATE UNLOGGED TABLE unlogged (LIKE s) USING stream;
ALTER TABLE s ATTACH PARTITION unlogged FOR VALUES FROM (70) TO (80);
\echo :LAST_ERROR_SQLSTATE
SET default_table_access_method = stream;
CREATE TABLE s8 PARTITION OF s FOR VALUES FROM (70) TO (80);
RESET default_table_access_method;
INSERT INTO s VALUES (71, 8, 8);
CREATE TABLE s9 PARTITION OF s FOR VALUES FROM (80) TO (90) PARTITION BY LIST (k);
CREATE TABLE s9_heap PARTITION OF s9 DEFAULT;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";

-- a partition that goes takes its rows along; what was counted stays counted,
-- and nothing that waited is lost
INSERT INTO s VALUES (2, 1, 5), (3, 3, 5);
ALTER TABLE s DETACH PARTITION s1;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v ORDER BY k;
INSERT INTO s1 VALUES (4, 1, 12345);
INSERT INTO s VALUES (12, 1, 5);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 1;
INSERT INTO s VALUES (22, 2, 22);
DROP TABLE s3;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 2;
INSERT INTO s VALUES (31, 1, 7);
DROP TABLE s4;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 1;
INSERT INTO s VALUES (41, 1, 8);
TRUNCATE s5;
INSERT INTO s VALUES (41, 1, 9);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 1;
-- ... unless it is rolled back
BEGIN;
INSERT INTO s VALUES (51, 6, 1);
TRUNCATE s;
INSERT INTO s VALUES (51, 6, 2);
DROP TABLE s6;
ROLLBACK;
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 6;
INSERT INTO s VALUES (51, 6, 3);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 6;
-- the one that a view reads by its own name cannot be dropped, but it may leave
DROP TABLE s2;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE s DETACH PARTITION s2;
INSERT INTO s2 VALUES (11, 1, 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT check_view('v_one');
-- attached again, it is read from where it was, with what has come meanwhile
ALTER TABLE s DETACH PARTITION s8 CONCURRENTLY;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM v WHERE k = 8;
ALTER TABLE s DETACH PARTITION s8;
INSERT INTO s8 VALUES (72, 8, 80);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 8;
ALTER TABLE s ATTACH PARTITION s8 FOR VALUES FROM (70) TO (80);
INSERT INTO s VALUES (73, 8, 800);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 8;
-- not if it has been emptied meanwhile
ALTER TABLE s DETACH PARTITION s8;
TRUNCATE s8;
INSERT INTO s8 VALUES (74, 8, 8000);
ALTER TABLE s ATTACH PARTITION s8 FOR VALUES FROM (70) TO (80);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO s VALUES (75, 8, 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM v WHERE k = 8;
SELECT check_view('v_one');
DROP MATERIALIZED VIEW v, v_part, v_pruned, v_one;
-- with nobody reading it, all is allowed
CREATE TABLE heap2 PARTITION OF s FOR VALUES FROM (100) TO (110);
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
DROP TABLE heap2;
-- without a partition at all
CREATE TABLE none (k int) PARTITION BY LIST (k);
CREATE MATERIALIZED VIEW v_none WITH (streaming.continuous) AS SELECT k, count(*) FROM none GROUP BY k;
REFRESH MATERIALIZED VIEW v_none;
SELECT * FROM v_none;
CREATE TABLE none1 PARTITION OF none FOR VALUES IN (1);
CREATE TABLE none1 PARTITION OF none FOR VALUES IN (1) USING stream;
INSERT INTO none VALUES (1);
REFRESH MATERIALIZED VIEW v_none;
SELECT * FROM v_none;
SELECT stream, partitioned, partitions, views FROM streaming.streams ORDER BY stream::text COLLATE "C";
CREATE MATERIALIZED VIEW v_only WITH (streaming.continuous) AS SELECT k, count(*) FROM ONLY none GROUP BY k;
\echo :LAST_ERROR_SQLSTATE

-- inheritance is not partitioning
CREATE TABLE parent (k int) USING stream;
CREATE TABLE child (extra text) INHERITS (parent) USING stream;
CREATE MATERIALIZED VIEW v_parent WITH (streaming.continuous) AS SELECT k, count(*) FROM parent GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_child WITH (streaming.continuous) AS SELECT k, count(*) FROM child GROUP BY k;
ALTER TABLE child NO INHERIT parent;
CREATE MATERIALIZED VIEW v_parent WITH (streaming.continuous) AS SELECT k, count(*) FROM parent GROUP BY k;
ALTER TABLE child INHERIT parent;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE child2 () INHERITS (parent) USING stream;
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE child2 () INHERITS (parent);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1), (2);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
SELECT * FROM v_parent ORDER BY k;
SELECT * FROM v_child ORDER BY k;

-- partitions by event time, of which a plan looks for those to be left out when it begins
CREATE TABLE timed (k int, ts timestamptz) PARTITION BY RANGE (ts)
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour');
CREATE TABLE timed1 PARTITION OF timed FOR VALUES FROM ('2026-01-01') TO ('2026-01-02') USING stream;
CREATE TABLE timed2 PARTITION OF timed FOR VALUES FROM ('2026-01-02') TO ('2026-01-03') USING stream;
CREATE MATERIALIZED VIEW v_timed WITH (streaming.continuous, streaming.late_rows = 'keep') AS
	SELECT DISTINCT k, ts FROM timed;
SELECT count(*) FROM streaming.explain('v_timed') AS line WHERE line ~ 'Delta Scan';
INSERT INTO timed VALUES (1, '2026-01-02 12:00+00');
REFRESH MATERIALIZED VIEW v_timed;
INSERT INTO timed VALUES (2, '2026-01-02 13:00+00');
REFRESH MATERIALIZED VIEW v_timed;
INSERT INTO timed VALUES (3, '2026-01-01 13:00+00'), (4, '2026-01-02 01:00+00');
REFRESH MATERIALIZED VIEW v_timed;
SELECT k FROM v_timed ORDER BY k;
SELECT partition, stream_row FROM streaming.errors WHERE view = 'v_timed'::regclass ORDER BY stream_row::text COLLATE "C";
SELECT count(*) FROM streaming.explain('v_timed') AS line WHERE line ~ 'Delta Scan';

DROP TABLE s, s1, s2, s8, heap, unlogged, none, child, parent, timed CASCADE;
SELECT * FROM leftovers();
