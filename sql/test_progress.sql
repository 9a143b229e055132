-- streaming.progress: what batches have done, and what one is doing
\set SHOW_CONTEXT never
CREATE SCHEMA progress;
SET search_path = progress, public;
SET client_min_messages = warning;
CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE FUNCTION doing() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT phase FROM streaming.progress WHERE pid = pg_catalog.pg_backend_pid());
END $$;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, count(*) AS n, min(doing()) AS doing FROM s GROUP BY k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW g1 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS SELECT k FROM s;
CREATE MATERIALIZED VIEW g2 WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'g') AS SELECT count(*) FROM s;
INSERT INTO s SELECT '2026-01-01 00:00:00+00'::timestamptz + i * interval '10 s', i % 4 FROM generate_series(0, 99) i;
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW g1;
INSERT INTO s SELECT '2026-01-01 00:20:00+00'::timestamptz, i FROM generate_series(3, 5) i;
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW w;
REFRESH MATERIALIZED VIEW g1;
-- nothing to do: nothing to say
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT view, batch, rows, touched, added, removed, watermark FROM streaming.progress
	WHERE view IN ('v'::regclass, 'w', 'g1', 'g2') ORDER BY view::text, batch;
SELECT view, p.batches = v.batches AS all, p.rows = v.rows_read AS rows, p.groups = v.groups AS groups, numbers
FROM (SELECT view, count(*) AS batches, sum(rows) AS rows, sum(added - removed) AS groups,
		count(DISTINCT batch) = max(batch) AND count(*) FILTER (WHERE batch IS NULL) = 0 AS numbers FROM streaming.progress GROUP BY view) p
	JOIN streaming.views v USING (view) ORDER BY view::text;
SELECT bool_and(abs(ms - (lock_ms + plan_ms + measure_ms + read_ms + merge_ms + reap_ms + triggers_ms + commit_ms)) < 0.001) AS adds_up,
	bool_and(begun_at BETWEEN now() - interval '1 hour' AND clock_timestamp()) AS begun,
	bool_and(abs(rows_per_second - rows * 1000 / ms) < 0.001) AS per_second,
	sum(wal_bytes) > 0 AS wal, bool_and(cache_hits <= touched) AND sum(cache_hits) > 0 AS cached, bool_and(phase IS NULL AND pid IS NULL) AS ended,
	count(*) FILTER (WHERE plan_ms > 0) > 0 AS planned, count(*) FILTER (WHERE reap_ms > 0) > 0 AS reaped
FROM streaming.progress WHERE view IN ('v'::regclass, 'w', 'g1', 'g2');
-- the last 100
DO $$
BEGIN
	FOR i IN 1..103 LOOP
		INSERT INTO progress.s VALUES ('2026-01-01 00:20:00+00', i);
		COMMIT;
		PERFORM streaming.wait('progress.v');
	END LOOP;
END $$;
SELECT count(*), max(batch) - min(batch) AS apart, max(batch) = (SELECT batches FROM streaming.views WHERE view = 'v'::regclass) AS last
	FROM streaming.progress WHERE view = 'v'::regclass;
-- watermarks are for who may see the rows
CREATE ROLE regress_other;
GRANT USAGE ON SCHEMA progress TO regress_other;
SET ROLE regress_other;
SELECT count(*) > 0 AS batches, count(watermark) AS watermarks FROM streaming.progress WHERE view = 'w'::regclass;
RESET ROLE;
GRANT SELECT ON w TO regress_other;
SET ROLE regress_other;
SELECT count(watermark) > 0 AS watermarks FROM streaming.progress WHERE view = 'w'::regclass;
RESET ROLE;
-- it goes with the view
DROP MATERIALIZED VIEW v;
SELECT count(*) FROM streaming.progress WHERE view::text = 'v';
DROP SCHEMA progress CASCADE;
DROP ROLE regress_other;
SELECT * FROM leftovers();
