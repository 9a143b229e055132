-- streaming.windows: why a window is still open
\set SHOW_CONTEXT never
CREATE SCHEMA op;
SET search_path = op, public;
SET timezone = 'UTC';
SET datestyle = iso;
SET client_min_messages = warning;
CREATE TABLE a (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '10 s', streaming.idle_timeout = '1 hour');
CREATE TABLE b (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 min');
CREATE TABLE c (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts');
CREATE TABLE d (k int) USING stream;
CREATE MATERIALIZED VIEW one WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') AS w, count(*) FROM a GROUP BY 1;
CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(ts, '1 min') AS w, count(*) FROM (SELECT ts FROM a UNION ALL SELECT ts FROM b) u GROUP BY 1;
CREATE MATERIALIZED VIEW farthest WITH (streaming.continuous, streaming.trigger = 'manual', streaming.watermark_policy = 'max') AS
	SELECT a.k, count(*) FROM a JOIN b USING (k) GROUP BY a.k;
CREATE MATERIALIZED VIEW plain WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT k FROM d;
CREATE MATERIALIZED VIEW never WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT tumble(ts, '1 min') AS w, count(*) FROM c GROUP BY 1;
CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.trigger = 'manual', streaming.output_mode = append) AS
	SELECT tumble(ts, '1 min') AS w, count(*) AS n FROM a GROUP BY 1;
CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT tumble(window_time(w), '1 hour') AS w, sum(n) FROM closed GROUP BY 1;
CREATE VIEW open_ AS SELECT view, stream, event_time, delay, reaches, holds_back, idle_at - seen_at AS idle_after, seen_at IS NOT NULL AS seen, watermark, closed, groups
	FROM streaming.windows WHERE view::text IN ('one', 'two', 'farthest', 'plain', 'never', 'closed', 'above') ORDER BY view::text, stream::text;
-- nothing seen yet
SELECT * FROM open_;
INSERT INTO a VALUES ('2026-01-01 00:05:00+00', 1), ('2026-01-01 00:01:00+00', 2);
INSERT INTO b VALUES ('2026-01-01 00:03:30+00', 1);
INSERT INTO c VALUES ('2026-01-01 00:03:30+00', 1);
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..2 LOOP
		PERFORM streaming.wait(v) FROM unnest('{op.one,op.two,op.farthest,op.never,op.above}'::regclass[]) v;
		COMMIT;
	END LOOP;
END $$;
CALL refresh_all();
-- the second stream is behind, and its delay is longer
SELECT * FROM open_;
-- it comes farther
INSERT INTO b VALUES ('2026-01-01 00:10:00+00', 1);
CALL refresh_all();
SELECT view, stream, reaches, holds_back, watermark, closed, groups FROM open_ WHERE view::text IN ('two', 'farthest');
-- for who may see the rows
CREATE ROLE regress_other;
GRANT USAGE ON SCHEMA op TO regress_other;
GRANT SELECT ON one TO regress_other;
SET ROLE regress_other;
SELECT view, reaches FROM streaming.windows WHERE view::text IN ('one', 'two', 'op.one', 'op.two');
RESET ROLE;
DROP SCHEMA op CASCADE;
DROP ROLE regress_other;
SELECT * FROM leftovers();
