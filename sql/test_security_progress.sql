-- A view that reads the extension's table of progress itself: its sub-select is not
-- taken for that of append mode, and the server asks for the privilege.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE TABLE s (ts timestamptz, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
INSERT INTO s VALUES ('2026-01-01', 1), ('2026-01-02', 2);
CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) FROM s GROUP BY k
	HAVING count(*) > (SELECT count(*) FROM streaming._progress);
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*) FROM s GROUP BY k
	HAVING count(*) > (SELECT count(*) FROM streaming._progress WHERE true);
CREATE MATERIALIZED VIEW v3 WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*), (SELECT max(closed) FROM streaming._progress WHERE viewid IS NULL)
	FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v4 WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k, count(*), (SELECT closed FROM streaming._progress WHERE viewid = 0)
	FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v5 WITH (streaming.continuous, streaming.trigger = manual,
		streaming.output_mode = append) AS
	SELECT ts, count(*), (SELECT max(rows_read) FROM streaming._progress)
	FROM s GROUP BY ts;
REFRESH MATERIALIZED VIEW v5;
SELECT * FROM v1;
SELECT * FROM v2;
SELECT * FROM v3;
SELECT * FROM v4;
SELECT * FROM v5;
RESET ROLE;
SELECT count(*) FROM v1;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a, regress_streaming_b;
SELECT * FROM leftovers();
