-- Streams and views of all kinds, for tests of upgrades: rows that are read, some
-- of them late, and what users have done to the views.  Batches run when they are
-- asked for, so that all counters are the same each time.
SET client_min_messages = warning;
SET timezone = 'Europe/Berlin';
DO $$ BEGIN
	CREATE ROLE upgrade_owner;
	CREATE ROLE upgrade_reader;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA shop AUTHORIZATION upgrade_owner;
GRANT USAGE ON SCHEMA shop TO upgrade_reader;
CREATE EXTENSION IF NOT EXISTS streaming;
SET ROLE upgrade_owner;
SET search_path = shop, public;

CREATE TYPE shop.kind AS ENUM ('red', 'green', 'blue');
CREATE FUNCTION shop.double(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RETURN 2 * i; END';
-- an operator that hides the server's, for who says so
CREATE FUNCTION shop.zero(a int, b int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RETURN 0; END';
CREATE OPERATOR shop.% (LEFTARG = int, RIGHTARG = int, FUNCTION = shop.zero);

-- text that is toasted, an enum
CREATE TABLE clicks (ts timestamptz, url text, ms int, tint shop.kind,
	price numeric, body text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '10 minutes');
COMMENT ON TABLE clicks IS 'what is clicked';
GRANT SELECT ON clicks TO upgrade_reader;
CREATE INDEX clicks_url ON clicks (url);

CREATE TABLE local (gone int, at timestamp, k int, v float8) USING stream
	WITH (streaming.event_time = 'at', streaming.watermark = '1 minute');

ALTER TABLE local DROP COLUMN gone;

CREATE UNLOGGED TABLE hasty (k int, v int8) USING stream;

CREATE TABLE parted (day date, ts timestamptz, k int, v numeric)
	PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted
	FOR VALUES FROM ('2026-01-01') TO ('2026-01-02') USING stream;
CREATE TABLE parted_2 PARTITION OF parted
	FOR VALUES FROM ('2026-01-02') TO ('2026-01-03') USING stream;
ALTER TABLE parted SET (streaming.event_time = 'ts', streaming.watermark = '1 hour',
	streaming.max_future = '1000 days');

CREATE TABLE plain (k int, v int) USING stream;

-- update, with a column renamed, an index, a comment, privileges
CREATE MATERIALIZED VIEW per_url WITH (streaming.continuous,
		streaming.trigger = manual, streaming.late_rows = keep) AS
	SELECT tumble(ts, '1 hour') AS hour, url, count(*) AS n, sum(price) AS price,
		avg(ms) AS avg, avg(price) AS mean, stddev(price) AS dev,
		max(tint) AS tint, min(body) AS body, bool_and(ms > 0) AS ok
	FROM clicks GROUP BY hour, url HAVING count(*) > 0;
ALTER MATERIALIZED VIEW per_url RENAME COLUMN n TO clicks;
CREATE INDEX per_url_clicks ON per_url (clicks);
COMMENT ON MATERIALIZED VIEW per_url IS 'clicks per hour';
COMMENT ON COLUMN per_url.clicks IS 'how many';
GRANT SELECT ON per_url TO upgrade_reader;
-- append, with a zone; renamed
CREATE MATERIALIZED VIEW final WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 hour', "offset" => '30 minutes') AS hour, tint,
		count(*), double(sum(ms)::int) AS ms
	FROM clicks GROUP BY hour, tint;
ALTER MATERIALIZED VIEW final RENAME COLUMN count TO n;
GRANT SELECT (hour, n) ON final TO upgrade_reader;
-- append, without one
CREATE MATERIALIZED VIEW final_local WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT date_trunc('minute', at) AS minute, k, sum(v) AS v
	FROM local GROUP BY minute, k;
-- complete
CREATE MATERIALIZED VIEW complete WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = complete) AS
	SELECT date_bin('1 hour', ts, '2000-01-01') AS hour, count(*) AS n,
		count(*) FILTER (WHERE url LIKE 'b%') AS b
	FROM clicks WHERE ts IS NOT NULL GROUP BY hour;
-- sliding windows
CREATE MATERIALIZED VIEW sliding WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT hop(ts, '1 hour', '30 minutes') AS w, count(*), avg(price)
	FROM clicks GROUP BY w;
-- sessions
CREATE MATERIALIZED VIEW visits WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, session_window(ts, '20 minutes') AS visit, count(*), sum(ms)
	FROM clicks GROUP BY url, visit;
CREATE MATERIALIZED VIEW visits_final WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT url, session_window(ts, '20 minutes') AS visit, count(*)
	FROM clicks GROUP BY url, visit;
-- deduplication, and a chain
CREATE MATERIALIZED VIEW seen WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT DISTINCT ON (url) url, ts, ms FROM clicks;
CREATE MATERIALIZED VIEW recent WITH (streaming.continuous,
		streaming.trigger = manual, streaming.distinct_within_watermark = on) AS
	SELECT DISTINCT ON (url) url, ts FROM clicks;
CREATE MATERIALIZED VIEW once WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, count(*) FROM (SELECT DISTINCT ON (ts, url) ts, url FROM clicks) c
	GROUP BY url;
-- unlogged, partitioned, several streams, a join with a table
CREATE MATERIALIZED VIEW hasty_sum WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT k, sum(v), avg(v) FROM hasty GROUP BY k;
CREATE MATERIALIZED VIEW parted_sum WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT k OPERATOR(shop.%) 7 AS zero, k % 7 AS k, count(*), sum(v)
	FROM parted GROUP BY 1, 2;
CREATE MATERIALIZED VIEW parted_final WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '1 hour') AS w, k, sum(v) FROM parted GROUP BY w, k;
CREATE MATERIALIZED VIEW both_streams WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT k, sum(v) AS v FROM (SELECT k, v FROM plain
		UNION ALL SELECT k + 100, v FROM plain) u GROUP BY k;
CREATE TABLE names (k int PRIMARY KEY, name text);
INSERT INTO names SELECT i, 'name ' || i FROM generate_series(0, 9) i;
CREATE MATERIALIZED VIEW named WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT n.name, count(*), sum(p.v) FROM plain p JOIN names n USING (k)
	GROUP BY n.name;
-- without aggregation, with an index
CREATE MATERIALIZED VIEW moved WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT k, double(v) AS v, repeat('x', v % 5000) AS long FROM plain ORDER BY v + 1;
CREATE INDEX moved_v ON moved (v);
-- one whose worker runs it, one that is off, one that fails
CREATE MATERIALIZED VIEW eager WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM plain GROUP BY k;
CREATE MATERIALIZED VIEW paused WITH (streaming.continuous,
		streaming.enabled = off) AS
	SELECT count(*) FROM plain;
CREATE MATERIALIZED VIEW failing WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT sum(1000 / k) FROM plain GROUP BY k;
CREATE MATERIALIZED VIEW let_go WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT sum(v) FROM plain;
-- ordinary views above them
CREATE VIEW above AS SELECT url, sum(clicks) AS clicks FROM per_url GROUP BY url;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM final_local;
RESET ROLE;
