-- Which index of a state table tells in which order groups close: not the user's
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE TABLE s (ts timestamptz, k int, t text) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '1 s');
CREATE MATERIALIZED VIEW sessions WITH (streaming.continuous) AS
	SELECT k, session_window(ts, '1 min') AS w, max(t) AS m FROM s GROUP BY k, w;
CREATE MATERIALIZED VIEW keys WITH (streaming.continuous) AS
	SELECT DISTINCT ON (ts, k) ts, k, t FROM s;
CREATE MATERIALIZED VIEW below WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 min') AS w, count(*) FROM (SELECT DISTINCT ts, t FROM s) q GROUP BY w;
-- an index of the user's comes before ours once that is made anew
CREATE INDEX ON sessions (m);
CREATE INDEX ON sessions (w);
CREATE INDEX ON keys (t);
CREATE INDEX ON keys (k);
\set ECHO none
SELECT format('REINDEX INDEX CONCURRENTLY %s', i.indexrelid::regclass)
FROM streaming.views v JOIN pg_index i ON i.indrelid IN (v.state_table, to_regclass('streaming._below_' || public.number_of(v.view)))
WHERE i.indexrelid::regclass::text ~ '_(end|key)$' ORDER BY i.indexrelid::regclass::text COLLATE "C" \gexec
\set ECHO all
INSERT INTO s VALUES ('2026-01-01', 1, 'a'), ('2026-01-02', 2, 'b');
SELECT bool_and(streaming.wait(view, '60 s')) AS waited FROM streaming.views;
INSERT INTO s VALUES ('2026-01-03', 1, 'a'), ('2026-01-04', 2, 'b');
SELECT bool_and(streaming.wait(view, '60 s')) AS waited FROM streaming.views;
SELECT * FROM sessions ORDER BY w;
SELECT * FROM keys ORDER BY ts;
SELECT * FROM below ORDER BY w;
SELECT view, groups, failures FROM streaming.views ORDER BY view::text;
DROP TABLE s CASCADE;
RESET ROLE;
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a;
SELECT * FROM leftovers();
