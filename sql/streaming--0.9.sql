/*
 * streaming 0.9: the objects of the extension as they once were.
 *
 * No such version was released, and make install leaves this file out: it is
 * there for the test of updates (test/t/065_update.pl), so that the machinery is
 * there when it is needed.  Do not use it: it is not careful about the names that
 * others may have put into the schema.
 *
 * What a query writes (the window functions) is in the schema that CREATE
 * EXTENSION was given; everything else is in schema "streaming".
 */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION streaming" to load this file. \quit

CREATE SCHEMA streaming;
COMMENT ON SCHEMA streaming IS
	'continuous queries: monitoring, and what keeps the views up to date';
GRANT USAGE ON SCHEMA streaming TO PUBLIC;

-- Without shared_preload_libraries this fails with the line to add.
CREATE FUNCTION streaming._check_preloaded() RETURNS void
	LANGUAGE c AS 'MODULE_PATHNAME', 'stream_check_preloaded';
COMMENT ON FUNCTION streaming._check_preloaded() IS
	'internal: fails unless the library was loaded at server start';
SELECT streaming._check_preloaded();

---------------------------------------------------------------- streams

CREATE FUNCTION streaming._stream_handler(internal) RETURNS table_am_handler
	LANGUAGE c AS 'MODULE_PATHNAME', 'stream_am_handler';
COMMENT ON FUNCTION streaming._stream_handler(internal) IS
	'internal: handler of the table access method "stream"';

CREATE ACCESS METHOD stream TYPE TABLE HANDLER streaming._stream_handler;
COMMENT ON ACCESS METHOD stream IS
	'append-only tables that continuous views read';

---------------------------------------------------------------- catalog
-- One file, src/catalog.c, reads and writes these tables.

CREATE TABLE streaming._view (
	viewid oid PRIMARY KEY,
	definition oid NOT NULL,
	state oid NOT NULL,
	below oid NOT NULL,
	streams oid[] NOT NULL,
	unlogged bool NOT NULL,
	option_names text[] NOT NULL,
	option_values text[] NOT NULL,
	settings text[]
) USING heap;
COMMENT ON TABLE streaming._view IS 'internal: one row per continuous view';

CREATE TABLE streaming._progress (
	viewid oid PRIMARY KEY,
	batch int8 NOT NULL,
	rows_read int8 NOT NULL,
	position bytea,
	batch_time timestamptz,
	batch_us int8 NOT NULL,
	watermark timestamptz NOT NULL,
	closed timestamptz NOT NULL,
	inputs oid[],
	input_maxima timestamptz[],
	input_seen timestamptz[],
	groups int8 NOT NULL,
	late_rows int8 NOT NULL,
	null_rows int8 NOT NULL,
	reaped timestamptz NOT NULL,
	reaped_groups int8 NOT NULL
) USING heap WITH (fillfactor = 20, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE streaming._progress IS
	'internal: how far each continuous view has read';
ALTER TABLE streaming._progress ALTER COLUMN position SET STORAGE EXTERNAL;

CREATE UNLOGGED TABLE streaming._progress_unlogged (LIKE streaming._progress INCLUDING ALL)
	USING heap WITH (fillfactor = 20, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE streaming._progress_unlogged IS
	'internal: like _progress, for views over unlogged streams';

CREATE TABLE streaming._stream (
	relid oid PRIMARY KEY,
	attnum int2 NOT NULL,
	option_names text[] NOT NULL,
	option_values text[] NOT NULL
) USING heap;
COMMENT ON TABLE streaming._stream IS
	'internal: what streams declare, such as their event time';

CREATE TABLE streaming._rejection (
	viewid oid NOT NULL,
	at timestamptz NOT NULL,
	stream oid NOT NULL,
	leaf oid NOT NULL,
	tid tid NOT NULL,
	reason text NOT NULL,
	event_time timestamptz,
	stream_row text NOT NULL
) USING heap;
CREATE INDEX _rejection_viewid ON streaming._rejection (viewid, at);
COMMENT ON TABLE streaming._rejection IS
	'internal: stream rows that a view does not take';

CREATE TABLE streaming._error (
	viewid oid PRIMARY KEY,
	failures int4 NOT NULL,
	failed bool NOT NULL,
	sqlstate text NOT NULL,
	message text NOT NULL,
	detail text,
	hint text,
	context text,
	at timestamptz NOT NULL
) USING heap;
COMMENT ON TABLE streaming._error IS
	'internal: the present trouble of a continuous view, if any';

---------------------------------------------------------------- windows

CREATE FUNCTION @extschema@.tumble(ts timestamptz, size interval,
		"offset" interval DEFAULT '0', timezone text DEFAULT NULL)
	RETURNS tstzrange LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_tumble';
CREATE FUNCTION @extschema@.tumble(ts timestamp, size interval,
		"offset" interval DEFAULT '0')
	RETURNS tsrange LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_tumble';
COMMENT ON FUNCTION @extschema@.tumble(timestamptz, interval, interval, text) IS
	'the tumbling window [start, start + size) of a timestamp, counted from 1970-01-01 00:00:00 UTC (or in the time zone) plus offset';
COMMENT ON FUNCTION @extschema@.tumble(timestamp, interval, interval) IS
	'the tumbling window [start, start + size) of a timestamp, counted from 1970-01-01 00:00:00 plus offset';

CREATE FUNCTION @extschema@.hop(ts timestamptz, size interval, slide interval,
		"offset" interval DEFAULT '0', timezone text DEFAULT NULL)
	RETURNS SETOF tstzrange LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_window_hop';
CREATE FUNCTION @extschema@.hop(ts timestamp, size interval, slide interval,
		"offset" interval DEFAULT '0')
	RETURNS SETOF tsrange LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_window_hop';
COMMENT ON FUNCTION @extschema@.hop(timestamptz, interval, interval, interval, text) IS
	'the sliding windows of the size that a timestamp is in; one starts every slide, counted from 1970-01-01 00:00:00 UTC (or in the time zone) plus offset';
COMMENT ON FUNCTION @extschema@.hop(timestamp, interval, interval, interval) IS
	'the sliding windows of the size that a timestamp is in; one starts every slide, counted from 1970-01-01 00:00:00 plus offset';

CREATE FUNCTION @extschema@.session_window(ts timestamptz, gap interval)
	RETURNS tstzrange LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_session';
CREATE FUNCTION @extschema@.session_window(ts timestamp, gap interval)
	RETURNS tsrange LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_session';
COMMENT ON FUNCTION @extschema@.session_window(timestamptz, interval) IS
	'the session [ts, ts + gap) of one row; null for a gap that is not positive; a continuous view that groups by it merges sessions that overlap or touch';
COMMENT ON FUNCTION @extschema@.session_window(timestamp, interval) IS
	'the session [ts, ts + gap) of one row; null for a gap that is not positive; a continuous view that groups by it merges sessions that overlap or touch';

CREATE FUNCTION @extschema@.window_time("window" tstzrange)
	RETURNS timestamptz LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_time';
CREATE FUNCTION @extschema@.window_time("window" tsrange)
	RETURNS timestamp LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_time';
COMMENT ON FUNCTION @extschema@.window_time(tstzrange) IS
	'the event time of a window: its end less a microsecond';
COMMENT ON FUNCTION @extschema@.window_time(tsrange) IS
	'the event time of a window: its end less a microsecond';

---------------------------------------------------------------- event time

CREATE FUNCTION streaming._on_time(event_time timestamptz, late timestamptz)
	RETURNS boolean LANGUAGE c STABLE PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'stream_watermark_on_time';
CREATE FUNCTION streaming._on_time(event_time timestamp, late timestamp)
	RETURNS boolean LANGUAGE c STABLE PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'stream_watermark_on_time';
COMMENT ON FUNCTION streaming._on_time(timestamptz, timestamptz) IS
	'internal: part of delta queries, keeps late rows out';
COMMENT ON FUNCTION streaming._on_time(timestamp, timestamp) IS
	'internal: part of delta queries, keeps late rows out';

CREATE FUNCTION streaming._hop_end(ts timestamptz, size interval, slide interval,
		"offset" interval, timezone text)
	RETURNS timestamptz LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_hop_end';
CREATE FUNCTION streaming._hop_end(ts timestamp, size interval, slide interval,
		"offset" interval)
	RETURNS timestamp LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_hop_end';
COMMENT ON FUNCTION streaming._hop_end(timestamptz, interval, interval, interval, text) IS
	'internal: the end of the last of the sliding windows that a timestamp is in';
COMMENT ON FUNCTION streaming._hop_end(timestamp, interval, interval, interval) IS
	'internal: the end of the last of the sliding windows that a timestamp is in';

CREATE FUNCTION streaming._end_of(start timestamptz, length interval, timezone text)
	RETURNS timestamptz LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_end_of';
CREATE FUNCTION streaming._end_of(start timestamp, length interval)
	RETURNS timestamp LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_end_of';
COMMENT ON FUNCTION streaming._end_of(timestamptz, interval, text) IS
	'internal: where a window of that length ends that is told by its start';
COMMENT ON FUNCTION streaming._end_of(timestamp, interval) IS
	'internal: where a window of that length ends that is told by its start';

CREATE FUNCTION streaming._closed(viewid oid, unlogged boolean)
	RETURNS timestamptz LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_watermark_closed';
CREATE FUNCTION streaming._closed_local(viewid oid, unlogged boolean)
	RETURNS timestamp LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_watermark_closed';
COMMENT ON FUNCTION streaming._closed(oid, boolean) IS
	'internal: up to which event time the groups of a view are final';
COMMENT ON FUNCTION streaming._closed_local(oid, boolean) IS
	'internal: up to which event time the groups of a view are final';

---------------------------------------------------------------- waiting

CREATE FUNCTION streaming.wait(view regclass, timeout interval DEFAULT NULL)
	RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_wait';
COMMENT ON FUNCTION streaming.wait(regclass, interval) IS
	'waits until everything committed before the call is in the view, whose batch runs at once; false when the timeout (null: none) is over first; needs SELECT on the view and holds no lock on it; fails with the error of the batch, or with 55000 if the view is paused, is new in this transaction, or is on a standby';

---------------------------------------------------------------- monitoring

CREATE FUNCTION streaming.explain(view regclass)
	RETURNS SETOF text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_explain';
COMMENT ON FUNCTION streaming.explain(regclass) IS
	'the plan that a continuous view runs over the new rows of a batch, one line a row; does not run it; needs SELECT on the view; locks the streams as a SELECT does';

CREATE FUNCTION streaming._status(viewid oid, OUT state text,
		OUT worker_pid int4, OUT retry_at timestamptz,
		OUT batches int8, OUT rows_read int8,
		OUT lag_rows int8, OUT lag_bytes int8,
		OUT last_batch_at timestamptz, OUT last_batch_ms float8,
		OUT watermark timestamptz, OUT groups int8, OUT late_rows int8,
		OUT null_rows int8, OUT input_times timestamptz[],
		OUT input_seen timestamptz[])
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_status';
COMMENT ON FUNCTION streaming._status(oid) IS
	'internal: what streaming.views shows beside the catalog';

CREATE VIEW streaming.views AS
	SELECT v.viewid::regclass AS view,
		pg_get_userbyid(c.relowner) AS owner,
		v.streams::regclass[] AS streams,
		s.state,
		CASE WHEN pg_has_role(c.relowner, 'USAGE')
			OR pg_has_role('pg_read_all_stats', 'USAGE') THEN e.message END
			AS last_error,
		e.sqlstate AS last_error_sqlstate,
		e.at AS last_error_at,
		COALESCE(e.failures, 0) AS failures,
		s.retry_at,
		s.batches,
		s.rows_read,
		s.lag_rows,
		s.lag_bytes,
		s.last_batch_at,
		s.last_batch_ms,
		s.watermark,
		s.input_times,
		s.input_seen,
		s.groups,
		s.late_rows,
		s.null_rows,
		s.worker_pid,
		v.state::regclass AS state_table,
		ARRAY(SELECT 'streaming.' || n || '=' || x
			FROM unnest(v.option_names, v.option_values) AS o(n, x)
			ORDER BY n) AS options,
		pg_get_viewdef(v.definition) AS definition
	FROM streaming._view v
		JOIN pg_class c ON c.oid = v.viewid
		LEFT JOIN streaming._error e USING (viewid)
		CROSS JOIN LATERAL streaming._status(v.viewid) s;
COMMENT ON VIEW streaming.views IS
	'continuous views and how they are doing; waits for no lock on their streams, but for the column definition';

CREATE VIEW streaming.errors AS
	SELECT r.viewid::regclass AS view,
		r.stream::regclass AS stream,
		r.at,
		r.reason,
		r.event_time,
		r.stream_row,
		r.leaf::regclass AS partition,
		r.tid
	FROM streaming._rejection r
		JOIN pg_class c ON c.oid = r.viewid
	WHERE pg_has_role(c.relowner, 'USAGE');
COMMENT ON VIEW streaming.errors IS
	'rows of streams that a continuous view did not take, and why';

CREATE VIEW streaming.streams AS
	SELECT c.oid::regclass AS stream,
		pg_get_userbyid(c.relowner) AS owner,
		c.relkind = 'p' AS partitioned,
		a.attname AS event_time,
		ARRAY(SELECT 'streaming.' || n || '=' ||
				CASE WHEN n = 'event_time' THEN a.attname ELSE x END
			FROM unnest(d.option_names, d.option_values) AS o(n, x)
			ORDER BY n) AS options,
		l.partitions,
		l.bytes,
		l.estimated_rows,
		(SELECT count(*) FROM streaming._view v WHERE c.oid = ANY (v.streams))
			AS views
	FROM pg_class c
		LEFT JOIN streaming._stream d ON d.relid = c.oid
		LEFT JOIN pg_attribute a ON a.attrelid = d.relid
			AND a.attnum = d.attnum
		CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE t.relid <> c.oid) AS partitions,
				COALESCE(sum(pg_relation_size(t.relid)), 0)::int8 AS bytes,
				COALESCE(sum(greatest(k.reltuples, 0)), 0)::int8
					AS estimated_rows
			FROM (SELECT c.oid AS relid WHERE c.relkind = 'r'
				UNION ALL
				SELECT relid FROM pg_partition_tree(c.oid)
				WHERE c.relkind = 'p' AND isleaf) t
				JOIN pg_class k ON k.oid = t.relid) l
	WHERE NOT c.relispartition
		AND ((c.relkind = 'r'
				AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'stream'))
			OR (c.relkind = 'p' AND EXISTS (
				SELECT FROM pg_partition_tree(c.oid) t
					JOIN pg_class k ON k.oid = t.relid
					JOIN pg_am a ON a.oid = k.relam
				WHERE t.isleaf AND a.amname = 'stream')));
COMMENT ON VIEW streaming.streams IS 'streams, and how many views read them';

GRANT SELECT ON streaming.views, streaming.streams, streaming.errors TO PUBLIC;

-- _status is called by whoever reads streaming.views.
REVOKE ALL ON FUNCTION streaming._check_preloaded() FROM PUBLIC;
