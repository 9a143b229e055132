-- The rows of a dump say the same whatever is set where it is restored.  (A database may
-- have array_nulls = off, and its owner is who says so.)
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT tumble(ts, '1 hour') AS w, count(*) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 hour') AS w, count(*) FROM s GROUP BY w;
INSERT INTO s VALUES ('2026-01-01 12:00', 1);
CALL refresh_views();
INSERT INTO s VALUES ('2026-01-01 10:00', 2), (NULL, 3);
CALL refresh_views();
SELECT reason, sqlstate IS NULL AS has_nulls FROM streaming.errors ORDER BY reason;
SELECT item, count(*) FROM streaming._dumped() GROUP BY item ORDER BY item;
SET array_nulls = off;
SELECT item, columns, contents FROM streaming._dumped()
WHERE (columns::text::text[], contents::text::text[]) IS DISTINCT FROM (columns, contents);
SET array_nulls = on;
SELECT item, columns, contents FROM streaming._dumped()
WHERE (columns::text::text[], contents::text::text[]) IS DISTINCT FROM (columns, contents)
	OR array_length(columns, 1) IS DISTINCT FROM array_length(contents, 1);
RESET array_nulls;
DROP TABLE s CASCADE;
