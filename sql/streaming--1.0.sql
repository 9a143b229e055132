/*
 * streaming 1.0: the objects of the extension.
 *
 * What a query writes (the window functions) is in the schema that CREATE
 * EXTENSION was given; everything else is in schema "streaming".
 *
 * While this runs, the schema of the statement is in the search_path, and what
 * is in it may be anybody's.  A function or operator there whose arguments fit
 * better than those of the server's own would be taken instead.  So every name
 * is qualified, every literal has a type, and every argument has exactly the
 * type that is declared.  There is no USING, NATURAL, IN, BETWEEN or CASE x
 * WHEN, which look up their operators by the search_path, too; ORDER BY goes by
 * the operator class of the type.
 */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION streaming" to load this file. \quit

CREATE SCHEMA streaming;
COMMENT ON SCHEMA streaming IS
	'continuous queries: monitoring, and what keeps the views up to date';
GRANT USAGE ON SCHEMA streaming TO PUBLIC;

-- Without shared_preload_libraries this fails with the line to add.
CREATE FUNCTION streaming._check_preloaded() RETURNS pg_catalog.void
	LANGUAGE c AS 'MODULE_PATHNAME', 'stream_check_preloaded';
COMMENT ON FUNCTION streaming._check_preloaded() IS
	'internal: fails unless the library was loaded at server start';
SELECT streaming._check_preloaded();

---------------------------------------------------------------- streams

CREATE FUNCTION streaming._stream_handler(pg_catalog.internal)
	RETURNS pg_catalog.table_am_handler
	LANGUAGE c AS 'MODULE_PATHNAME', 'stream_am_handler';
COMMENT ON FUNCTION streaming._stream_handler(pg_catalog.internal) IS
	'internal: handler of the table access method "stream"';

CREATE ACCESS METHOD stream TYPE TABLE HANDLER streaming._stream_handler;
COMMENT ON ACCESS METHOD stream IS
	'append-only tables that continuous views read';

---------------------------------------------------------------- catalog
-- One file, src/catalog.c, reads and writes these tables.

CREATE TABLE streaming._view (
	viewid pg_catalog.oid PRIMARY KEY,
	definition pg_catalog.oid NOT NULL,
	state pg_catalog.oid NOT NULL,
	below pg_catalog.oid[] NOT NULL,
	streams pg_catalog.oid[] NOT NULL,
	unlogged pg_catalog.bool NOT NULL,
	option_names pg_catalog.text[] NOT NULL,
	option_values pg_catalog.text[] NOT NULL,
	settings pg_catalog.text[],
	version pg_catalog.int4 NOT NULL,
	changes pg_catalog.oid NOT NULL
) USING heap;
COMMENT ON TABLE streaming._view IS 'internal: one row per continuous view';
CREATE INDEX _view_changes ON streaming._view (changes);

CREATE TABLE streaming._progress (
	viewid pg_catalog.oid PRIMARY KEY,
	batch pg_catalog.int8 NOT NULL,
	rows_read pg_catalog.int8 NOT NULL,
	position pg_catalog.bytea,
	batch_time pg_catalog.timestamptz,
	batch_us pg_catalog.int8 NOT NULL,
	watermark pg_catalog.timestamptz NOT NULL,
	closed pg_catalog.timestamptz NOT NULL,
	inputs pg_catalog.oid[],
	input_maxima pg_catalog.timestamptz[],
	input_seen pg_catalog.timestamptz[],
	groups pg_catalog.int8 NOT NULL,
	late_rows pg_catalog.int8 NOT NULL,
	null_rows pg_catalog.int8 NOT NULL,
	reaped pg_catalog.timestamptz[] NOT NULL,
	reaped_groups pg_catalog.int8[] NOT NULL,
	error_rows pg_catalog.int8
) USING heap WITH (fillfactor = 20, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE streaming._progress IS
	'internal: how far each continuous view has read';
ALTER TABLE streaming._progress ALTER COLUMN position SET STORAGE EXTERNAL;

CREATE UNLOGGED TABLE streaming._progress_unlogged (LIKE streaming._progress INCLUDING ALL)
	USING heap WITH (fillfactor = 20, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE streaming._progress_unlogged IS
	'internal: like _progress, for views over unlogged streams';

CREATE TABLE streaming._stream (
	relid pg_catalog.oid PRIMARY KEY,
	attnum pg_catalog.int2 NOT NULL,
	option_names pg_catalog.text[] NOT NULL,
	option_values pg_catalog.text[] NOT NULL
) USING heap;
COMMENT ON TABLE streaming._stream IS
	'internal: what streams declare, such as their event time';

CREATE TABLE streaming._rejection (
	viewid pg_catalog.oid NOT NULL,
	at pg_catalog.timestamptz NOT NULL,
	stream pg_catalog.oid NOT NULL,
	leaf pg_catalog.oid NOT NULL,
	tid pg_catalog.tid NOT NULL,
	reason pg_catalog.text NOT NULL,
	event_time pg_catalog.timestamptz,
	stream_row pg_catalog.text NOT NULL,
	sqlstate pg_catalog.text,
	message pg_catalog.text,
	batch pg_catalog.int8,
	storage pg_catalog.oid
) USING heap;
CREATE INDEX _rejection_viewid ON streaming._rejection (viewid, at);
COMMENT ON TABLE streaming._rejection IS
	'internal: stream rows that a view does not take';

CREATE TABLE streaming._error (
	viewid pg_catalog.oid PRIMARY KEY,
	failures pg_catalog.int4 NOT NULL,
	failed pg_catalog.bool NOT NULL,
	sqlstate pg_catalog.text NOT NULL,
	message pg_catalog.text NOT NULL,
	detail pg_catalog.text,
	hint pg_catalog.text,
	context pg_catalog.text,
	at pg_catalog.timestamptz NOT NULL
) USING heap;
COMMENT ON TABLE streaming._error IS
	'internal: the present trouble of a continuous view, if any';

CREATE TABLE streaming._release (
	viewid pg_catalog.oid,
	stream pg_catalog.oid,
	message pg_catalog.text NOT NULL,
	detail pg_catalog.text NOT NULL,
	hint pg_catalog.text NOT NULL,
	at pg_catalog.timestamptz,
	PRIMARY KEY (viewid, stream, at)
) USING heap;
COMMENT ON TABLE streaming._release IS
	'internal: views that streams wait for no more';

CREATE TABLE streaming._mark (
	viewid pg_catalog.oid,
	batch pg_catalog.int8,
	at pg_catalog.timestamptz NOT NULL,
	PRIMARY KEY (viewid, batch)
) USING heap;
COMMENT ON TABLE streaming._mark IS
	'internal: when a batch had been committed, for change streams that keep rows for a time';

-- What a dump has of views and of what streams declare: the rows of _dumped.  A row that
-- is restored goes to _restore, or where it belongs.
CREATE TABLE streaming._dump (
	view pg_catalog.text NOT NULL,
	item pg_catalog.text NOT NULL,
	columns pg_catalog.text[] NOT NULL,
	contents pg_catalog.text[] NOT NULL
) USING heap;
COMMENT ON TABLE streaming._dump IS
	'internal: always empty; a dump has what there is to say of continuous views and streams in its place';
GRANT SELECT ON streaming._dump TO PUBLIC;

CREATE TABLE streaming._restore (
	viewid pg_catalog.oid NOT NULL,
	item pg_catalog.text NOT NULL,
	columns pg_catalog.text[] NOT NULL,
	contents pg_catalog.text[] NOT NULL,
	detail pg_catalog.text
) USING heap;
COMMENT ON TABLE streaming._restore IS
	'internal: what a dump has said of continuous views that are not complete yet';

CREATE FUNCTION streaming._dumped(OUT view pg_catalog.text, OUT item pg_catalog.text,
		OUT columns pg_catalog.text[], OUT contents pg_catalog.text[])
	RETURNS SETOF pg_catalog.record LANGUAGE c STABLE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_dump_rows';
COMMENT ON FUNCTION streaming._dumped() IS
	'internal: what a dump has to say of continuous views and streams; of those whose owner''s rights the caller has';
SELECT pg_catalog.pg_extension_config_dump('streaming._dump'::pg_catalog.regclass,
	'UNION ALL SELECT * FROM streaming._dumped()'::pg_catalog.text);

CREATE FUNCTION streaming._take_dump() RETURNS pg_catalog.trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'stream_restore_take';
COMMENT ON FUNCTION streaming._take_dump() IS
	'internal: takes a row of a dump';
REVOKE ALL ON FUNCTION streaming._take_dump() FROM PUBLIC;
CREATE TRIGGER _take BEFORE INSERT ON streaming._dump
	FOR EACH ROW EXECUTE FUNCTION streaming._take_dump();
ALTER TABLE streaming._dump ENABLE ALWAYS TRIGGER _take;

CREATE FUNCTION streaming.attach(view pg_catalog.regclass)
	RETURNS pg_catalog.void LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_restore_attach_view';
COMMENT ON FUNCTION streaming.attach(pg_catalog.regclass) IS
	'has a view go on that a dump has brought, or fails with what is in the way; also where rows were restored one by one, or indexes or triggers of the view''s owner are missing; for who has the rights of the view''s owner';

---------------------------------------------------------------- windows

CREATE FUNCTION @extschema@.tumble(ts pg_catalog.timestamptz,
		size pg_catalog.interval,
		"offset" pg_catalog.interval DEFAULT '0'::pg_catalog.interval,
		timezone pg_catalog.text DEFAULT NULL::pg_catalog.text)
	RETURNS pg_catalog.tstzrange LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_tumble';
CREATE FUNCTION @extschema@.tumble(ts pg_catalog.timestamp,
		size pg_catalog.interval,
		"offset" pg_catalog.interval DEFAULT '0'::pg_catalog.interval)
	RETURNS pg_catalog.tsrange LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_tumble';
COMMENT ON FUNCTION @extschema@.tumble(pg_catalog.timestamptz, pg_catalog.interval, pg_catalog.interval, pg_catalog.text) IS
	'the tumbling window [start, start + size) of a timestamp, counted from 1970-01-01 00:00:00 UTC (or in the time zone) plus offset';
COMMENT ON FUNCTION @extschema@.tumble(pg_catalog.timestamp, pg_catalog.interval, pg_catalog.interval) IS
	'the tumbling window [start, start + size) of a timestamp, counted from 1970-01-01 00:00:00 plus offset';

CREATE FUNCTION @extschema@.hop(ts pg_catalog.timestamptz,
		size pg_catalog.interval, slide pg_catalog.interval,
		"offset" pg_catalog.interval DEFAULT '0'::pg_catalog.interval,
		timezone pg_catalog.text DEFAULT NULL::pg_catalog.text)
	RETURNS SETOF pg_catalog.tstzrange LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_window_hop';
CREATE FUNCTION @extschema@.hop(ts pg_catalog.timestamp,
		size pg_catalog.interval, slide pg_catalog.interval,
		"offset" pg_catalog.interval DEFAULT '0'::pg_catalog.interval)
	RETURNS SETOF pg_catalog.tsrange LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'stream_window_hop';
COMMENT ON FUNCTION @extschema@.hop(pg_catalog.timestamptz, pg_catalog.interval, pg_catalog.interval, pg_catalog.interval, pg_catalog.text) IS
	'the sliding windows of the size that a timestamp is in; one starts every slide, counted from 1970-01-01 00:00:00 UTC (or in the time zone) plus offset';
COMMENT ON FUNCTION @extschema@.hop(pg_catalog.timestamp, pg_catalog.interval, pg_catalog.interval, pg_catalog.interval) IS
	'the sliding windows of the size that a timestamp is in; one starts every slide, counted from 1970-01-01 00:00:00 plus offset';

CREATE FUNCTION @extschema@.session_window(ts pg_catalog.timestamptz, gap pg_catalog.interval)
	RETURNS pg_catalog.tstzrange LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_session';
CREATE FUNCTION @extschema@.session_window(ts pg_catalog.timestamp, gap pg_catalog.interval)
	RETURNS pg_catalog.tsrange LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_session';
COMMENT ON FUNCTION @extschema@.session_window(pg_catalog.timestamptz, pg_catalog.interval) IS
	'the session [ts, ts + gap) of one row; null for a gap that is not positive; a continuous view that groups by it merges sessions that overlap or touch';
COMMENT ON FUNCTION @extschema@.session_window(pg_catalog.timestamp, pg_catalog.interval) IS
	'the session [ts, ts + gap) of one row; null for a gap that is not positive; a continuous view that groups by it merges sessions that overlap or touch';

CREATE FUNCTION @extschema@.window_time("window" pg_catalog.tstzrange)
	RETURNS pg_catalog.timestamptz LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_time';
CREATE FUNCTION @extschema@.window_time("window" pg_catalog.tsrange)
	RETURNS pg_catalog.timestamp LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_time';
COMMENT ON FUNCTION @extschema@.window_time(pg_catalog.tstzrange) IS
	'the event time of a window: its end less a microsecond';
COMMENT ON FUNCTION @extschema@.window_time(pg_catalog.tsrange) IS
	'the event time of a window: its end less a microsecond';

---------------------------------------------------------------- event time

CREATE FUNCTION streaming._on_time(event_time pg_catalog.timestamptz,
		late pg_catalog.timestamptz, batch pg_catalog.internal)
	RETURNS pg_catalog.bool LANGUAGE c STABLE PARALLEL SAFE COST 100000
	AS 'MODULE_PATHNAME', 'stream_watermark_on_time';
CREATE FUNCTION streaming._on_time(event_time pg_catalog.timestamp,
		late pg_catalog.timestamp, batch pg_catalog.internal)
	RETURNS pg_catalog.bool LANGUAGE c STABLE PARALLEL SAFE COST 100000
	AS 'MODULE_PATHNAME', 'stream_watermark_on_time';
COMMENT ON FUNCTION streaming._on_time(pg_catalog.timestamptz, pg_catalog.timestamptz,
		pg_catalog.internal) IS
	'internal: part of delta queries, keeps late rows out';
COMMENT ON FUNCTION streaming._on_time(pg_catalog.timestamp, pg_catalog.timestamp,
		pg_catalog.internal) IS
	'internal: part of delta queries, keeps late rows out';
CREATE FUNCTION streaming._on_time(event_time pg_catalog.timestamptz,
		late pg_catalog.timestamptz, batch pg_catalog.internal,
		first pg_catalog.timestamptz)
	RETURNS pg_catalog.bool LANGUAGE c STABLE PARALLEL SAFE COST 100000
	AS 'MODULE_PATHNAME', 'stream_watermark_on_time';
CREATE FUNCTION streaming._on_time(event_time pg_catalog.timestamp,
		late pg_catalog.timestamp, batch pg_catalog.internal,
		first pg_catalog.timestamp)
	RETURNS pg_catalog.bool LANGUAGE c STABLE PARALLEL SAFE COST 100000
	AS 'MODULE_PATHNAME', 'stream_watermark_on_time';
COMMENT ON FUNCTION streaming._on_time(pg_catalog.timestamptz, pg_catalog.timestamptz,
		pg_catalog.internal, pg_catalog.timestamptz) IS
	'internal: part of delta queries, keeps late rows out; counts those, too, that are late for the first of their windows only';
COMMENT ON FUNCTION streaming._on_time(pg_catalog.timestamp, pg_catalog.timestamp,
		pg_catalog.internal, pg_catalog.timestamp) IS
	'internal: part of delta queries, keeps late rows out; counts those, too, that are late for the first of their windows only';

CREATE FUNCTION streaming._hop_end(ts pg_catalog.timestamptz,
		size pg_catalog.interval, slide pg_catalog.interval,
		"offset" pg_catalog.interval, timezone pg_catalog.text)
	RETURNS pg_catalog.timestamptz LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_hop_end';
CREATE FUNCTION streaming._hop_end(ts pg_catalog.timestamp,
		size pg_catalog.interval, slide pg_catalog.interval,
		"offset" pg_catalog.interval)
	RETURNS pg_catalog.timestamp LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_hop_end';
COMMENT ON FUNCTION streaming._hop_end(pg_catalog.timestamptz, pg_catalog.interval, pg_catalog.interval, pg_catalog.interval, pg_catalog.text) IS
	'internal: the end of the last of the sliding windows that a timestamp is in';
COMMENT ON FUNCTION streaming._hop_end(pg_catalog.timestamp, pg_catalog.interval, pg_catalog.interval, pg_catalog.interval) IS
	'internal: the end of the last of the sliding windows that a timestamp is in';

CREATE FUNCTION streaming._hop_first_end(ts pg_catalog.timestamptz,
		size pg_catalog.interval, slide pg_catalog.interval,
		"offset" pg_catalog.interval, timezone pg_catalog.text)
	RETURNS pg_catalog.timestamptz LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_hop_first_end';
CREATE FUNCTION streaming._hop_first_end(ts pg_catalog.timestamp,
		size pg_catalog.interval, slide pg_catalog.interval,
		"offset" pg_catalog.interval)
	RETURNS pg_catalog.timestamp LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_hop_first_end';
COMMENT ON FUNCTION streaming._hop_first_end(pg_catalog.timestamptz, pg_catalog.interval, pg_catalog.interval, pg_catalog.interval, pg_catalog.text) IS
	'internal: the end of the first of the sliding windows that a timestamp is in';
COMMENT ON FUNCTION streaming._hop_first_end(pg_catalog.timestamp, pg_catalog.interval, pg_catalog.interval, pg_catalog.interval) IS
	'internal: the end of the first of the sliding windows that a timestamp is in';

CREATE FUNCTION streaming._tumble_start(ts pg_catalog.timestamptz,
		size pg_catalog.interval, "offset" pg_catalog.interval)
	RETURNS pg_catalog.timestamptz LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_tumble_start';
CREATE FUNCTION streaming._tumble_start(ts pg_catalog.timestamp,
		size pg_catalog.interval, "offset" pg_catalog.interval)
	RETURNS pg_catalog.timestamp LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_tumble_start';
COMMENT ON FUNCTION streaming._tumble_start(pg_catalog.timestamptz, pg_catalog.interval, pg_catalog.interval) IS
	'internal: where the window of tumble starts, or the first time there is in it';
COMMENT ON FUNCTION streaming._tumble_start(pg_catalog.timestamp, pg_catalog.interval, pg_catalog.interval) IS
	'internal: where the window of tumble starts, or the first time there is in it';

CREATE FUNCTION streaming._end_of(start pg_catalog.timestamptz,
		length pg_catalog.interval, timezone pg_catalog.text)
	RETURNS pg_catalog.timestamptz LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_end_of';
CREATE FUNCTION streaming._end_of(start pg_catalog.timestamp,
		length pg_catalog.interval)
	RETURNS pg_catalog.timestamp LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_end_of';
COMMENT ON FUNCTION streaming._end_of(pg_catalog.timestamptz, pg_catalog.interval, pg_catalog.text) IS
	'internal: where a window of that length ends that is told by its start';
COMMENT ON FUNCTION streaming._end_of(pg_catalog.timestamp, pg_catalog.interval) IS
	'internal: where a window of that length ends that is told by its start';

CREATE FUNCTION streaming._merged_session(pg_catalog.tstzrange)
	RETURNS pg_catalog.tstzrange LANGUAGE c IMMUTABLE WINDOW PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_merged';
CREATE FUNCTION streaming._merged_session(pg_catalog.tsrange)
	RETURNS pg_catalog.tsrange LANGUAGE c IMMUTABLE WINDOW PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_window_merged';
COMMENT ON FUNCTION streaming._merged_session(pg_catalog.tstzrange) IS
	'internal: part of views that group by sessions of groups; the session that one becomes with those of the partition that it overlaps or touches; the window is ordered by the argument';
COMMENT ON FUNCTION streaming._merged_session(pg_catalog.tsrange) IS
	'internal: part of views that group by sessions of groups; the session that one becomes with those of the partition that it overlaps or touches; the window is ordered by the argument';

---------------------------------------------------------------- waiting

CREATE FUNCTION streaming.wait(view pg_catalog.regclass,
		timeout pg_catalog.interval DEFAULT NULL::pg_catalog.interval)
	RETURNS pg_catalog.bool LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_wait';
COMMENT ON FUNCTION streaming.wait(pg_catalog.regclass, pg_catalog.interval) IS
	'waits until everything committed before the call is in the view, whose batch runs at once; false when the timeout (null: none) is over first; needs SELECT on the view and holds no lock on it; fails with the error of the batch (its SQLSTATE alone for those who may not see last_error in streaming.views), or with 55000 if the view is paused, is new in this transaction, or is on a standby';

CREATE FUNCTION streaming.release(view pg_catalog.regclass)
	RETURNS pg_catalog.void LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_release';
COMMENT ON FUNCTION streaming.release(pg_catalog.regclass) IS
	'for the owner of a stream: commands that take rows away do not wait any more for a view that reads it; the view keeps its result, and runs again when its owner has it made anew by streaming.reset or streaming.replace';

CREATE FUNCTION streaming.reset(view pg_catalog.regclass)
	RETURNS pg_catalog.void LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_reset';
COMMENT ON FUNCTION streaming.reset(pg_catalog.regclass) IS
	'for the owner of a view: makes it anew from what its streams hold, in this transaction; not if it has a change stream or triggers, or other views read its rows';
CREATE PROCEDURE streaming.replace(view pg_catalog.regclass, query pg_catalog.text)
	LANGUAGE c AS 'MODULE_PATHNAME', 'stream_replace';
COMMENT ON PROCEDURE streaming.replace(pg_catalog.regclass, pg_catalog.text) IS
	'for the owner of a view: gives it another query, whose result is made of what the streams hold, while the view goes on with the old one; in a transaction block, in this transaction; columns that it has must stay, others may come after them; what differs is in its change stream';
CREATE FUNCTION streaming.retry(view pg_catalog.regclass)
	RETURNS pg_catalog.int8 LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_retry';
COMMENT ON FUNCTION streaming.retry(pg_catalog.regclass) IS
	'has a view read the rows once more that it has put aside because they failed, as far as they are still in the stream; returns how many; needs the rights of the view''s owner';

---------------------------------------------------------------- monitoring

CREATE FUNCTION streaming.explain(view pg_catalog.regclass)
	RETURNS SETOF pg_catalog.text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_explain';
COMMENT ON FUNCTION streaming.explain(pg_catalog.regclass) IS
	'the plan that a continuous view runs over the new rows of a batch, one line a row; does not run it; for those who have the rights of the view''s owner; locks the streams as a SELECT does';

CREATE FUNCTION streaming._status(viewid pg_catalog.oid, OUT state pg_catalog.text,
		OUT worker_pid pg_catalog.int4, OUT retry_at pg_catalog.timestamptz,
		OUT batches pg_catalog.int8, OUT rows_read pg_catalog.int8,
		OUT lag_rows pg_catalog.int8, OUT lag_bytes pg_catalog.int8,
		OUT last_batch_at pg_catalog.timestamptz,
		OUT last_batch_ms pg_catalog.float8,
		OUT watermark pg_catalog.timestamptz, OUT groups pg_catalog.int8,
		OUT late_rows pg_catalog.int8, OUT null_rows pg_catalog.int8,
		OUT input_times pg_catalog.timestamptz[],
		OUT input_seen pg_catalog.timestamptz[])
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_status';
COMMENT ON FUNCTION streaming._status(pg_catalog.oid) IS
	'internal: what streaming.views shows beside the catalog';

CREATE FUNCTION streaming._inputs(viewid pg_catalog.oid,
		OUT inputs pg_catalog.oid[], OUT lag_rows pg_catalog.int8,
		OUT skipped_rows pg_catalog.int8,
		OUT lag_since pg_catalog.timestamptz,
		OUT read_at pg_catalog.timestamptz,
		OUT state_bytes pg_catalog.int8, OUT row_ms pg_catalog.float8,
		OUT unrecorded_failures pg_catalog.int4,
		OUT unrecorded_sqlstate pg_catalog.text,
		OUT unrecorded_at pg_catalog.timestamptz)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_inputs';
COMMENT ON FUNCTION streaming._inputs(pg_catalog.oid) IS
	'internal: what a view reads, what that has still to read and since when, how many rows were put aside because they fail, how large its state is, how long a row takes, and what its last batch failed with, if that could not be written down, for streaming.views';

CREATE FUNCTION streaming._definition(relid pg_catalog.oid) RETURNS pg_catalog.text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_definition';
COMMENT ON FUNCTION streaming._definition(pg_catalog.oid) IS
	'internal: the query of a view, unless somebody has locked what it reads, for streaming.views';

CREATE VIEW streaming.views AS
	SELECT v.viewid::pg_catalog.regclass AS view,
		pg_catalog.pg_get_userbyid(c.relowner) AS owner,
		i.inputs::pg_catalog.regclass[] AS streams,
		s.state,
		CASE WHEN pg_catalog.pg_has_role(c.relowner, 'USAGE'::pg_catalog.text)
			OR pg_catalog.pg_has_role('pg_read_all_stats'::pg_catalog.name,
				'USAGE'::pg_catalog.text) THEN COALESCE(r.message,
				CASE WHEN i.unrecorded_failures OPERATOR(pg_catalog.>) 0::pg_catalog.int4
				THEN 'the error could not be recorded, see the server log'::pg_catalog.text
				END, e.message) END
			AS last_error,
		COALESCE(r.sqlstate, i.unrecorded_sqlstate, e.sqlstate) AS last_error_sqlstate,
		COALESCE(r.at, i.unrecorded_at, e.at) AS last_error_at,
		COALESCE(i.unrecorded_failures, e.failures, 0::pg_catalog.int4) AS failures,
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
		v.state::pg_catalog.regclass AS state_table,
		ARRAY(SELECT 'streaming.'::pg_catalog.text OPERATOR(pg_catalog.||) n
				OPERATOR(pg_catalog.||) '='::pg_catalog.text
				OPERATOR(pg_catalog.||) x
			FROM ROWS FROM (pg_catalog.unnest(v.option_names),
				pg_catalog.unnest(v.option_values)) AS o(n, x)
			ORDER BY n) AS options,
		streaming._definition(v.definition) AS definition,
		i.lag_rows AS inherited_lag_rows,
		CASE WHEN v.changes OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
			THEN v.changes::pg_catalog.regclass END AS change_stream,
		i.skipped_rows,
		CASE WHEN s.lag_rows OPERATOR(pg_catalog.=) 0::pg_catalog.int8
			THEN '0'::pg_catalog.interval
			WHEN s.lag_rows OPERATOR(pg_catalog.>) 0::pg_catalog.int8
			THEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) i.read_at
			END AS lag_time,
		CASE WHEN i.lag_rows OPERATOR(pg_catalog.=) 0::pg_catalog.int8
			THEN '0'::pg_catalog.interval
			ELSE pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) i.lag_since
			END AS inherited_lag_time,
		i.state_bytes,
		CASE WHEN s.state OPERATOR(pg_catalog.=) 'backfilling'::pg_catalog.text
			THEN s.rows_read::pg_catalog.float8 OPERATOR(pg_catalog./)
				NULLIF((s.rows_read OPERATOR(pg_catalog.+) s.lag_rows)::pg_catalog.float8,
					0::pg_catalog.float8) END AS backfill_share,
		CASE WHEN s.state OPERATOR(pg_catalog.=) 'backfilling'::pg_catalog.text
			THEN '1 millisecond'::pg_catalog.interval OPERATOR(pg_catalog.*)
				(s.lag_rows::pg_catalog.float8 OPERATOR(pg_catalog.*) i.row_ms)
			END AS backfill_time_left,
		CASE WHEN v.viewid OPERATOR(pg_catalog.=) v.definition
			THEN (SELECT d.refobjid::pg_catalog.regclass
				FROM pg_catalog.pg_depend d
				WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
					AND d.objid OPERATOR(pg_catalog.=) v.viewid
					AND d.deptype OPERATOR(pg_catalog.=) 'i'::pg_catalog."char"
				LIMIT 1::pg_catalog.int8) END
			AS replaces
	FROM streaming._view v
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) v.viewid
		LEFT JOIN streaming._error e
			ON e.viewid OPERATOR(pg_catalog.=) v.viewid
		LEFT JOIN LATERAL (SELECT x.message, x.at,
				'55000'::pg_catalog.text AS sqlstate
			FROM streaming._release x
			WHERE x.viewid OPERATOR(pg_catalog.=) v.viewid
			ORDER BY x.at DESC LIMIT 1::pg_catalog.int8) r ON true
		CROSS JOIN LATERAL streaming._status(v.viewid) s
		CROSS JOIN LATERAL streaming._inputs(v.viewid) i
	UNION ALL SELECT r.viewid::pg_catalog.regclass, pg_catalog.pg_get_userbyid(c.relowner), NULL,
		'restoring'::pg_catalog.text,
		CASE WHEN pg_catalog.pg_has_role(c.relowner, 'USAGE'::pg_catalog.text)
			OR pg_catalog.pg_has_role('pg_read_all_stats'::pg_catalog.name,
				'USAGE'::pg_catalog.text) THEN r.detail END,
		NULL, NULL, 0::pg_catalog.int4, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL
	FROM streaming._restore r
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.viewid
	WHERE r.item OPERATOR(pg_catalog.=) '_view'::pg_catalog.text;
COMMENT ON VIEW streaming.views IS
	'continuous views and how they are doing; waits for no lock on their streams, but for the column definition';

-- A barrier, lest a condition of the reader's be tried on rows of others.
CREATE VIEW streaming.errors WITH (security_barrier) AS
	SELECT r.viewid::pg_catalog.regclass AS view,
		r.stream::pg_catalog.regclass AS stream,
		r.at,
		r.reason,
		r.event_time,
		r.stream_row,
		r.leaf::pg_catalog.regclass AS partition,
		r.tid,
		r.sqlstate,
		r.message,
		r.batch
	FROM streaming._rejection r
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.viewid
	WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW streaming.errors IS
	'rows of streams that a continuous view did not take, and why; who has the rights of the view''s owner may delete them with streaming.delete_errors';

CREATE FUNCTION streaming.delete_errors(view pg_catalog.regclass,
		before pg_catalog.timestamptz DEFAULT NULL::pg_catalog.timestamptz)
	RETURNS pg_catalog.int8 LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_delete_errors';
COMMENT ON FUNCTION streaming.delete_errors(pg_catalog.regclass, pg_catalog.timestamptz) IS
	'deletes the rows of streaming.errors that a view has put aside, or those of them before a time; returns how many; needs the rights of the view''s owner';

CREATE FUNCTION streaming._stream_status(relid pg_catalog.oid,
		OUT is_stream pg_catalog.bool, OUT partitions pg_catalog.int8,
		OUT bytes pg_catalog.int8, OUT estimated_rows pg_catalog.int8)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_monitor_stream_status';
COMMENT ON FUNCTION streaming._stream_status(pg_catalog.oid) IS
	'internal: what streaming.streams shows beside the catalog';

CREATE VIEW streaming.streams AS
	SELECT c.oid::pg_catalog.regclass AS stream,
		pg_catalog.pg_get_userbyid(c.relowner) AS owner,
		c.relkind OPERATOR(pg_catalog.=) 'p'::pg_catalog."char" AS partitioned,
		a.attname AS event_time,
		ARRAY(SELECT 'streaming.'::pg_catalog.text OPERATOR(pg_catalog.||) n
				OPERATOR(pg_catalog.||) '='::pg_catalog.text
				OPERATOR(pg_catalog.||)
				CASE WHEN n OPERATOR(pg_catalog.=) 'event_time'::pg_catalog.text
					THEN a.attname::pg_catalog.text ELSE x END
			FROM ROWS FROM (pg_catalog.unnest(d.option_names),
				pg_catalog.unnest(d.option_values)) AS o(n, x)
			ORDER BY n) AS options,
		l.partitions,
		l.bytes,
		l.estimated_rows,
		(SELECT pg_catalog.count(*) FROM streaming._view v
			WHERE c.oid OPERATOR(pg_catalog.=) ANY (v.streams)) AS views
	FROM pg_catalog.pg_class c
		LEFT JOIN streaming._stream d
			ON d.relid OPERATOR(pg_catalog.=) c.oid
		LEFT JOIN pg_catalog.pg_attribute a
			ON a.attrelid OPERATOR(pg_catalog.=) d.relid
			AND a.attnum OPERATOR(pg_catalog.=) d.attnum
		CROSS JOIN LATERAL streaming._stream_status(c.oid) l
	WHERE NOT c.relispartition
		AND (c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
			OR c.relkind OPERATOR(pg_catalog.=) 'p'::pg_catalog."char")
		AND l.is_stream;
COMMENT ON VIEW streaming.streams IS
	'streams, and how many views read them; waits for no lock: bytes is null for one that somebody has locked';

CREATE FUNCTION streaming._batches(OUT viewid pg_catalog.oid,
		OUT batch pg_catalog.int8, OUT phase pg_catalog.text,
		OUT pid pg_catalog.int4, OUT begun_at pg_catalog.timestamptz,
		OUT ms pg_catalog.float8, OUT lock_ms pg_catalog.float8,
		OUT plan_ms pg_catalog.float8, OUT measure_ms pg_catalog.float8,
		OUT read_ms pg_catalog.float8, OUT merge_ms pg_catalog.float8,
		OUT reap_ms pg_catalog.float8, OUT triggers_ms pg_catalog.float8,
		OUT commit_ms pg_catalog.float8, OUT rows pg_catalog.int8,
		OUT touched pg_catalog.int8, OUT added pg_catalog.int8,
		OUT removed pg_catalog.int8, OUT watermark pg_catalog.timestamptz,
		OUT wal_bytes pg_catalog.int8, OUT cache_hits pg_catalog.int8)
	RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_progress_batches';
COMMENT ON FUNCTION streaming._batches() IS
	'internal: what streaming.progress shows';

CREATE VIEW streaming.progress AS
	SELECT b.viewid::pg_catalog.regclass AS view,
		b.batch,
		b.phase,
		b.pid,
		b.begun_at,
		b.ms,
		b.lock_ms,
		b.plan_ms,
		b.measure_ms,
		b.read_ms,
		b.merge_ms,
		b.reap_ms,
		b.triggers_ms,
		b.commit_ms,
		b.rows,
		b.rows OPERATOR(pg_catalog./)
			NULLIF(b.ms, 0::pg_catalog.float8) OPERATOR(pg_catalog.*)
			1000::pg_catalog.float8 AS rows_per_second,
		b.touched,
		b.added,
		b.removed,
		b.watermark,
		b.wal_bytes,
		b.cache_hits
	FROM streaming._batches() b;
COMMENT ON VIEW streaming.progress IS
	'the last 100 batches of each continuous view since the server was started, and those that are running; from shared memory, without locks';

CREATE FUNCTION streaming._windows(OUT viewid pg_catalog.oid,
		OUT stream pg_catalog.oid, OUT event_time pg_catalog.timestamptz,
		OUT delay pg_catalog.interval, OUT reaches pg_catalog.timestamptz,
		OUT holds_back pg_catalog.bool, OUT seen_at pg_catalog.timestamptz,
		OUT idle_at pg_catalog.timestamptz,
		OUT watermark pg_catalog.timestamptz,
		OUT closed pg_catalog.timestamptz, OUT groups pg_catalog.int8)
	RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_windows_inputs';
COMMENT ON FUNCTION streaming._windows() IS
	'internal: what streaming.windows shows';

CREATE VIEW streaming.windows AS
	SELECT w.viewid::pg_catalog.regclass AS view,
		w.stream::pg_catalog.regclass AS stream,
		w.event_time,
		w.delay,
		w.reaches,
		w.holds_back,
		w.seen_at,
		w.idle_at,
		w.watermark,
		w.closed,
		w.groups
	FROM streaming._windows() w;
COMMENT ON VIEW streaming.windows IS
	'why windows are still open: how far the event time of each input of a continuous view has come, and which one the watermark waits for; of views that the user may read';

CREATE FUNCTION streaming.check_pages(stream pg_catalog.regclass,
		OUT partition pg_catalog.regclass, OUT blkno pg_catalog.int8,
		OUT offnum pg_catalog.int4, OUT attnum pg_catalog.int4,
		OUT msg pg_catalog.text)
	RETURNS SETOF pg_catalog.record LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'stream_verify_check_pages';
COMMENT ON FUNCTION streaming.check_pages(pg_catalog.regclass) IS
	'what verify_heapam of the extension amcheck finds in the pages of a stream, its partitions and their TOAST tables; nothing, if they are sound; for those who may execute verify_heapam';

GRANT SELECT ON streaming.views, streaming.streams, streaming.errors, streaming.progress, streaming.windows TO PUBLIC;

-- _status is called by whoever reads streaming.views.
REVOKE ALL ON FUNCTION streaming._check_preloaded() FROM PUBLIC;
