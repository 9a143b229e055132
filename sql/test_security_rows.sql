-- What reaches streaming.errors, watermarks and counters: only what the owner of
-- the view may read
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';

CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;

-- privileges on columns
CREATE TABLE s (ts timestamptz, secret text, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.max_future = '1 hour');
GRANT SELECT (ts, k) ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT ts, count(*) FROM s GROUP BY ts;
RESET ROLE;
INSERT INTO s VALUES ('2026-01-01 10:00+00', 'hush', 1);
SELECT streaming.wait('v');
INSERT INTO s VALUES ('2026-01-01 09:00+00', 'hush', 2), (NULL, 'hush', 3), ('2126-01-01', 'hush', 4);
SELECT streaming.wait('v');
SET ROLE regress_streaming_a;
SELECT reason, stream_row FROM streaming.errors ORDER BY reason;
RESET ROLE;
-- as far as the privileges reach now
GRANT SELECT (secret) ON s TO regress_streaming_a;
REVOKE SELECT (k) ON s FROM regress_streaming_a;
INSERT INTO s VALUES ('2026-01-01 08:00+00', 'told', 5);
SELECT streaming.wait('v');
SET ROLE regress_streaming_a;
SELECT reason, stream_row FROM streaming.errors WHERE stream_row LIKE '%told%';
DROP MATERIALIZED VIEW v;
RESET ROLE;

-- an event time that the owner may not read says nothing, either
REVOKE SELECT (ts, secret) ON s FROM regress_streaming_a;
GRANT SELECT (k) ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
SELECT streaming.wait('v');
SELECT reason, event_time, stream_row FROM streaming.errors;
SELECT watermark, input_times FROM streaming.views WHERE view = 'v'::regclass;
DROP MATERIALIZED VIEW v;
RESET ROLE;

-- through a view of somebody else, with columns in another order
TRUNCATE s;
REVOKE ALL ON s FROM regress_streaming_a;
CREATE VIEW sv WITH (security_barrier) AS SELECT k AS key, ts AS at FROM s WHERE secret <> 'hidden';
CREATE VIEW sv2 AS SELECT at, key + 1 AS next, key FROM sv;
CREATE VIEW sv3 AS SELECT at, next FROM sv2 UNION ALL SELECT NULL, NULL FROM sv2 WHERE false;
GRANT SELECT ON sv, sv2 TO regress_streaming_a;
GRANT SELECT (at, next) ON sv3 TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT at, max(key) FROM sv GROUP BY at;
CREATE MATERIALIZED VIEW v2 WITH (streaming.continuous) AS
	SELECT at, max(next) FROM sv2 GROUP BY at;
CREATE MATERIALIZED VIEW v3 WITH (streaming.continuous) AS
	SELECT date_trunc('hour', at), max(next) FROM sv3 GROUP BY 1;
RESET ROLE;
INSERT INTO s VALUES ('2026-01-01 10:00+00', 'x', 1);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s VALUES ('2026-01-01 08:00+00', 'x', 2), ('2126-01-01', 'x', 3),
	('2026-01-01 08:00+00', 'hidden', 4), ('2126-01-01', 'hidden', 5), ('2026-01-01 11:00+00', 'hidden', 6);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SET ROLE regress_streaming_a;
SELECT view, reason, event_time, stream_row FROM streaming.errors ORDER BY 1, 2, 4;
SELECT view, watermark, input_times, late_rows FROM streaming.views ORDER BY view::text COLLATE "C";
DROP MATERIALIZED VIEW v, v2, v3;
RESET ROLE;
DROP TABLE s CASCADE;

-- row-level security about the event time, and about nothing at all
CREATE TABLE r (ts timestamptz, tenant text, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.max_future = '1 hour');
GRANT SELECT ON r TO regress_streaming_a;
ALTER TABLE r ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON r USING (ts < '2026-06-01' AND tenant = current_user);
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT ts, count(*) FROM r WHERE ts > '2025-01-01' GROUP BY ts;
RESET ROLE;
INSERT INTO r VALUES ('2026-01-01 10:00+00', 'regress_streaming_a', 1), ('2026-07-01', 'regress_streaming_a', 2), ('2026-02-01', 'b', 3);
SELECT streaming.wait('v');
INSERT INTO r VALUES ('2025-12-01', 'regress_streaming_a', 4), ('2025-12-01', 'b', 5), ('2126-01-01', 'regress_streaming_a', 6),
	('2126-01-01', 'b', 7), (NULL, 'regress_streaming_a', 8), ('2024-01-01', 'regress_streaming_a', 9);
SELECT streaming.wait('v');
SET ROLE regress_streaming_a;
SELECT * FROM v;
SELECT reason, stream_row FROM streaming.errors ORDER BY 2;
SELECT watermark, input_times, late_rows, null_rows FROM streaming.views;
RESET ROLE;
-- the policy wants somebody else: a condition without columns
ALTER POLICY p ON r USING (current_user = 'regress_streaming_b');
INSERT INTO r VALUES ('2126-01-01', 'regress_streaming_a', 10), ('2026-05-01', 'regress_streaming_a', 11);
SELECT streaming.wait('v');
SET ROLE regress_streaming_a;
SELECT count(*) FROM streaming.errors WHERE stream_row LIKE '%1_)';
SELECT watermark, input_times FROM streaming.views;
RESET ROLE;
-- or a sub-select
CREATE TABLE tenants (name text, k int);
INSERT INTO tenants VALUES ('regress_streaming_a', 13);
GRANT SELECT ON tenants TO regress_streaming_a;
ALTER POLICY p ON r USING (EXISTS (SELECT FROM tenants t WHERE t.k = r.k AND ts IS NOT NULL));
INSERT INTO r VALUES ('2126-01-01', 'regress_streaming_a', 12), ('2126-01-01', 'regress_streaming_a', 13);
SELECT streaming.wait('v');
SET ROLE regress_streaming_a;
SELECT stream_row FROM streaming.errors WHERE stream_row LIKE '%1_)';
-- a setting of whoever runs a batch makes no difference
RESET ROLE;
GRANT TRUNCATE ON r TO regress_streaming_b;
INSERT INTO r VALUES ('2126-01-01', 'regress_streaming_a', 14);
SET ROLE regress_streaming_b;
SET row_security = off;
TRUNCATE r;
RESET row_security;
RESET ROLE;
SELECT stream_row FROM streaming.errors WHERE stream_row LIKE '%14)';

-- partitions: columns in another order, policies of the root
CREATE TABLE q (ts timestamptz, secret text, k int) PARTITION BY LIST (k);
CREATE TABLE q1 (k int, dropped int, secret text, ts timestamptz) USING stream;
ALTER TABLE q1 DROP COLUMN dropped;
ALTER TABLE q ATTACH PARTITION q1 FOR VALUES IN (1);
CREATE TABLE q2 PARTITION OF q FOR VALUES IN (2) USING stream;
ALTER TABLE q SET (streaming.event_time = 'ts', streaming.watermark = '0');
GRANT SELECT (ts, k) ON q TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW vq WITH (streaming.continuous, streaming.late_rows = keep) AS
	SELECT ts, count(*) FROM q GROUP BY ts;
RESET ROLE;
INSERT INTO q VALUES ('2026-01-01 10:00+00', 'hush', 1);
SELECT streaming.wait('vq');
INSERT INTO q VALUES ('2026-01-01 09:00+00', 'hush', 1), ('2026-01-01 09:00+00', 'hush', 2), ('2026-01-01 08:00+00', 'hush', 1);
SELECT streaming.wait('vq');
SET ROLE regress_streaming_a;
SELECT partition, stream_row FROM streaming.errors WHERE view = 'vq'::regclass ORDER BY 1, 2;
RESET ROLE;

-- a view in append mode asks for no privilege on what says which groups are final
SET ROLE regress_streaming_a;
CREATE TABLE a (ts timestamptz, local timestamp) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE TABLE l (local timestamp) USING stream WITH (streaming.event_time = 'local', streaming.watermark = '0');
CREATE MATERIALIZED VIEW va WITH (streaming.continuous, streaming.output_mode = append) AS SELECT ts, count(*) FROM a GROUP BY ts;
CREATE MATERIALIZED VIEW vl WITH (streaming.continuous, streaming.output_mode = append) AS SELECT local, count(*) FROM l GROUP BY local;
INSERT INTO a VALUES ('2026-01-01'), ('2026-01-02');
INSERT INTO l VALUES ('2026-01-01'), ('2026-01-02');
REFRESH MATERIALIZED VIEW va;
REFRESH MATERIALIZED VIEW vl;
CREATE VIEW over_va AS SELECT * FROM va;
GRANT SELECT ON over_va, vl TO regress_streaming_b;
SET ROLE regress_streaming_b;
SELECT * FROM over_va ORDER BY ts;
SELECT * FROM vl ORDER BY local;
SELECT * FROM va;
\echo :LAST_ERROR_SQLSTATE
SELECT closed FROM streaming._progress;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- a view shows the event time as it is, or nothing of it; a row that it does not show,
-- for its set-returning function returns none, is hidden
CREATE TABLE b (ts timestamptz, k text, tags text[]) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
CREATE VIEW b_tags WITH (security_barrier) AS SELECT ts, unnest(tags) AS tag FROM b;
CREATE VIEW b_days WITH (security_barrier) AS SELECT date_trunc('day', ts, 'UTC') AS day, k FROM b;
CREATE VIEW b_plain_days AS SELECT date_trunc('day', ts, 'UTC') AS day, k FROM b;
CREATE VIEW b_ts WITH (security_barrier) AS SELECT ts, k FROM b WHERE k <> 'hid';
GRANT SELECT ON b_tags, b_days, b_plain_days, b_ts TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v_tags WITH (streaming.continuous) AS SELECT ts, count(*) FROM b_tags GROUP BY ts;
CREATE MATERIALIZED VIEW v_days WITH (streaming.continuous) AS SELECT day, count(*) FROM b_days GROUP BY day;
CREATE MATERIALIZED VIEW v_days WITH (streaming.continuous) AS SELECT day, count(*) FROM b_plain_days GROUP BY day;
-- a count does not need it, and shows nothing of it
CREATE MATERIALIZED VIEW v_k WITH (streaming.continuous) AS SELECT k, count(*) FROM b_days GROUP BY k;
CREATE MATERIALIZED VIEW v_ts WITH (streaming.continuous) AS SELECT ts, count(*) FROM b_ts GROUP BY ts;
RESET ROLE;
INSERT INTO b VALUES ('2026-03-04 05:06:07.891+00', 'hid', '{}'), ('2026-03-03 00:00+00', 'k', '{a}');
SELECT streaming.wait('v_k'), streaming.wait('v_ts');
SET ROLE regress_streaming_a;
SELECT view, watermark, input_times FROM streaming.views WHERE view IN ('v_k'::regclass, 'v_ts'::regclass) ORDER BY view::text;
-- his own view may say less
RESET ROLE;
CREATE MATERIALIZED VIEW own_days WITH (streaming.continuous) AS SELECT day, count(*) FROM b_plain_days GROUP BY day;
DROP TABLE b CASCADE;

-- what HAVING and output mode append leave out, readers' functions see, if the view is
-- no security barrier
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS
	$$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE TABLE h (ts timestamptz, k text) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour');
CREATE MATERIALIZED VIEW v_having WITH (streaming.continuous, security_barrier) AS
	SELECT k, count(*) FROM h GROUP BY k HAVING count(*) >= 2;
CREATE MATERIALIZED VIEW v_append WITH (streaming.continuous, streaming.output_mode = append, fillfactor = 70) AS
	SELECT tumble(ts, '1 hour') AS w, k, count(*) FROM h GROUP BY w, k;
ALTER MATERIALIZED VIEW v_append SET (security_barrier = true, streaming.max_batch_rows = 1000);
INSERT INTO h VALUES ('2026-01-01', 'a'), ('2026-01-01', 'a'), ('2026-01-01', 'secret');
SELECT streaming.wait('v_having'), streaming.wait('v_append');
SET client_min_messages = notice;
SELECT * FROM v_having WHERE leak(k);
SELECT * FROM v_append WHERE leak(k);
SET client_min_messages = warning;
SELECT relname, reloptions FROM pg_class WHERE relname IN ('v_having', 'v_append') ORDER BY 1;
ALTER MATERIALIZED VIEW v_append RESET (security_barrier);
SELECT relname, reloptions FROM pg_class WHERE relname = 'v_append';
DROP TABLE h CASCADE;
DROP FUNCTION leak;

DROP TABLE r, q, tenants, a, l CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_b;
DROP ROLE regress_streaming_a, regress_streaming_b;
SELECT * FROM leftovers();
