/*-------------------------------------------------------------------------
 *
 * monitor.c
 *	  Functions behind the monitoring views.
 *
 * The views themselves are SQL, in the install script.  Here is what SQL cannot
 * know: what is in shared memory, and how far a reading position is behind its
 * stream.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/savepoint.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "stream/am.h"
#include "stream/position.h"
#include "time/declare.h"
#include "time/watermark.h"
#include "query/analyze.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "process/failure.h"
#include "process/history.h"
#include "command/monitor.h"

PG_FUNCTION_INFO_V1(stream_monitor_status);
PG_FUNCTION_INFO_V1(stream_monitor_inputs);
PG_FUNCTION_INFO_V1(stream_monitor_definition);
PG_FUNCTION_INFO_V1(stream_monitor_stream_status);
PG_FUNCTION_INFO_V1(stream_monitor_delete_errors);

/*
 * Locks and opens the leaves of the view's streams; false if that would have to
 * wait, or there are others than streams.
 */
static bool
open_leaves(StreamViewRow *row, Relation **rels, int *n)
{
	List	   *leaves = stream_analyze_members(row->streams);
	ListCell   *lc;

	*rels = palloc(sizeof(Relation) * (list_length(leaves) + 1));
	*n = 0;
	foreach(lc, leaves)
	{
		Relation	rel;

		/* what does not fit the view says the view; here, nobody is to fail for it */
		if (!stream_am_relid_is_stream(lfirst_oid(lc)) ||
			!ConditionalLockRelationOid(lfirst_oid(lc), AccessShareLock))
			return false;
		/* without a lock, it may just have been dropped */
		rel = try_table_open(lfirst_oid(lc), NoLock);
		if (rel)
			(*rels)[(*n)++] = rel;
		else
			UnlockRelationOid(lfirst_oid(lc), AccessShareLock);
	}
	return true;
}

/*
 * Rows and bytes that the stored position is behind its stream.  False if
 * somebody has locked the stream: who wants to see what is wrong should not have
 * to wait for that.
 */
static bool
view_lag(StreamViewRow *row, const StreamProgress *progress,
		 int64 *lag_rows, int64 *lag_bytes)
{
	StreamPosition *pos;
	Relation   *rels;
	int			n;
	bool		opened = open_leaves(row, &rels, &n);

	if (opened)
	{
		pos = progress->position ?
			stream_position_read(CurrentMemoryContext, progress->position) :
			stream_position_create(CurrentMemoryContext);
		stream_position_lag(pos, rels, n, GetActiveSnapshot(),
							lag_rows, lag_bytes);
		stream_position_free(pos);
	}
	for (int i = 0; i < n; i++)
		table_close(rels[i], AccessShareLock);
	return opened;
}

/* An event time, to be shown so that it reads as in the stream. */
static Datum
shown_time(Oid stream, int64 time)
{
	StreamEventTime declared;

	if (time != STREAM_NO_TIME && stream_declare_event_time(stream, &declared))
		time = stream_watermark_shown(declared.type, time);
	return TimestampTzGetDatum(time);
}

/*
 * The largest event time of each of the view's streams, or (seen) when the last
 * row of it was seen, by our clock; null where there is none.
 */
static Datum
times_of_inputs(StreamViewRow *row, const StreamProgress *progress, bool seen)
{
	int			n = list_length(row->streams);
	Datum	   *elems = palloc0(sizeof(Datum) * (n + 1));
	bool	   *nulls = palloc(sizeof(bool) * (n + 1));
	int			lbound = 1;

	for (int i = 0; i < n; i++)
	{
		Oid			stream = list_nth_oid(row->streams, i);
		int			occurrence = 0;
		const StreamInputProgress *input;

		for (int j = 0; j < i; j++)
			if (list_nth_oid(row->streams, j) == stream)
				occurrence++;
		input = stream_catalog_input(progress, stream, occurrence);
		nulls[i] = input == NULL || input->max_time == STREAM_NO_TIME;
		if (nulls[i])
			continue;
		elems[i] = seen ? TimestampTzGetDatum(input->seen_at) :
			shown_time(stream, input->max_time);
	}
	return PointerGetDatum(construct_md_array(elems, nulls, 1, &n, &lbound,
											  TIMESTAMPTZOID, sizeof(int64),
											  FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

/* What the state of a view is called; that of its group is its own. */
static const char *
state_name(StreamViewRow *row, const StreamViewStatus *status,
		   const StreamFailure *failure, int64 lag_rows)
{
	int64		max_rows = stream_max_batch_rows;

	if (failure && failure->failed)
		return "failed";
	if (OidIsValid(stream_viewgroup_paused(row->viewid)) || !stream_enabled)
		return "paused";
	if (row->options.max_batch_rows > 0)
		max_rows = row->options.max_batch_rows;
	if (status->more || lag_rows > max_rows)
		return "backfilling";
	return "running";
}

/*
 * _status(viewid) returns state, worker_pid, retry_at, batches, rows_read,
 * lag_rows, lag_bytes, last_batch_at, last_batch_ms, watermark, groups,
 * late_rows, null_rows, input_times, input_seen
 *
 * What streaming.views shows beside the catalog.  Anybody may call it; times
 * that come from rows are null for those who may not see data of the view.
 * Takes AccessShareLock on the leaves of the stream, where it can have it at
 * once; the lag is null elsewhere.  During recovery unlogged relations cannot be
 * read: their figures are null then.
 */
Datum
stream_monitor_status(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	StreamViewRow *row = stream_catalog_view(viewid);
	List	   *members;
	StreamViewStatus status = {0};
	StreamProgress progress = {0};
	TupleDesc	desc;
	Datum		values[15];
	bool		nulls[15] = {0};
	int64		rows = 0;
	int64		bytes = 0;
	bool		unreadable;
	bool		measured = false;
	bool		sees_data;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (row == NULL)
		PG_RETURN_NULL();
	members = stream_viewgroup_members(viewid);
	if (members == NIL)
		PG_RETURN_NULL();
	stream_shmem_view_status(linitial_oid(members), &status);
	unreadable = row->unlogged && RecoveryInProgress();
	sees_data = stream_privilege_sees_data(viewid);
	if (!unreadable)
	{
		stream_catalog_read_progress(viewid, row->unlogged, NULL, &progress);
		measured = view_lag(row, &progress, &rows, &bytes);
	}
	values[0] = CStringGetTextDatum(state_name(row, &status,
											   stream_failure_of(members),
											   rows));
	values[1] = Int32GetDatum(status.worker_pid);
	nulls[1] = status.worker_pid == 0;
	values[2] = TimestampTzGetDatum(status.retry_at);
	nulls[2] = status.retry_at == 0;
	values[3] = Int64GetDatum(progress.batch);
	values[4] = Int64GetDatum(progress.rows_read);
	values[5] = Int64GetDatum(rows);
	values[6] = Int64GetDatum(bytes);
	nulls[3] = nulls[4] = unreadable;
	nulls[5] = nulls[6] = !measured;
	values[7] = TimestampTzGetDatum(progress.batch_time);
	values[8] = Float8GetDatum(progress.batch_us / 1000.0);
	nulls[7] = nulls[8] = progress.batch_time == 0;
	values[9] = shown_time(linitial_oid(row->streams), progress.watermark);
	nulls[9] = !sees_data || unreadable ||
		progress.watermark == STREAM_NO_TIME;
	values[10] = Int64GetDatum(progress.groups);
	values[11] = Int64GetDatum(progress.late_rows);
	values[12] = Int64GetDatum(progress.null_rows);
	nulls[10] = nulls[11] = nulls[12] = unreadable;
	values[13] = times_of_inputs(row, &progress, false);
	values[14] = times_of_inputs(row, &progress, true);
	nulls[13] = nulls[14] = !sees_data || progress.ninputs == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* When the last batch began that has read all there was; 0: not known. */
static TimestampTz
read_at(Oid viewid)
{
	StreamViewStatus status;

	stream_shmem_view_status(stream_viewgroup_leader(viewid), &status);
	return status.read_at;
}

/* How far views are behind on whose results another one depends. */
typedef struct InheritedLag
{
	int64		rows;			/* that they have still to read, together */
	TimestampTz since;			/* the time by which all that was committed has been
								 * read by each that has some; 0: not known */
} InheritedLag;

/*
 * Finds the lag of all views on whose results this one depends, each once; false if that
 * cannot be said of one.
 */
static bool
inherited_lag(const StreamViewRow *row, List **seen, InheritedLag *lag)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, row->streams)
	{
		Oid			viewid = stream_catalog_view_of(lfirst_oid(lc));
		StreamViewRow *input;
		StreamProgress progress = {0};
		int64		rows = 0;
		int64		bytes;

		if (!OidIsValid(viewid) || list_member_oid(*seen, viewid))
			continue;
		*seen = lappend_oid(*seen, viewid);
		input = stream_catalog_view(viewid);
		if (input == NULL)
			continue;
		if (input->unlogged && RecoveryInProgress())
			return false;
		stream_catalog_read_progress(viewid, input->unlogged, NULL, &progress);
		if (!view_lag(input, &progress, &rows, &bytes) ||
			!inherited_lag(input, seen, lag))
			return false;
		lag->rows += rows;
		if (rows > 0)
			lag->since = Min(lag->since, read_at(viewid));
	}
	return true;
}

/* ---- sizes ---- */

/*
 * Adds the size of a relation with its indexes and TOAST table, in bytes, as
 * pg_total_relation_size does; false if somebody has locked one of them.
 */
static bool
measure_all(Oid relid, int64 *bytes)
{
	Relation	rel;
	List	   *parts;
	ListCell   *lc;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	/* without a lock, it may just have been dropped */
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, AccessShareLock);
		return true;
	}
	for (ForkNumber fork = 0; fork <= MAX_FORKNUM; fork++)
		if (smgrexists(RelationGetSmgr(rel), fork))
			*bytes += (int64) smgrnblocks(RelationGetSmgr(rel), fork) * BLCKSZ;
	parts = rel->rd_rel->relkind == RELKIND_INDEX ? NIL :
		list_copy(RelationGetIndexList(rel));
	if (OidIsValid(rel->rd_rel->reltoastrelid))
		parts = lappend_oid(parts, rel->rd_rel->reltoastrelid);
	relation_close(rel, AccessShareLock);
	foreach(lc, parts)
		if (!measure_all(lfirst_oid(lc), bytes))
			return false;
	return true;
}

/* The same of all state tables of a view. */
static bool
measure_states(const StreamViewRow *row, int64 *bytes)
{
	ListCell   *lc;

	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)) && !measure_all(lfirst_oid(lc), bytes))
			return false;
	return true;
}

/* How many milliseconds a row has taken in the last batches that had any; 0: not known. */
static double
time_of_row(Oid viewid)
{
	StreamFigures *batches;
	StreamRunning running;
	int64		rows = 0;
	int64		us = 0;
	int			n;

	if (!stream_shmem_available())
		return 0;
	n = stream_history_read(viewid, &batches, &running);
	for (int i = 0; i < n; i++)
	{
		if (batches[i].rows == 0)
			continue;
		rows += batches[i].rows;
		for (int j = 0; j < STREAM_NUM_PHASES; j++)
			us += batches[i].us[j];
	}
	return rows > 0 ? us / 1000.0 / rows : 0;
}

/*
 * _inputs(viewid) returns inputs, lag_rows, skipped_rows, lag_since, read_at, state_bytes,
 * row_ms, unrecorded_failures, unrecorded_sqlstate, unrecorded_at
 *
 * What a view reads, as its user knows it: streams, and, for the results of other views,
 * these; how many rows those, and the ones that they read, have still to read; how many
 * rows it has put aside because they fail, and not been fed again.  The time by which all
 * that was committed had been read, by those with a lag, and by itself.  The size of its
 * state tables, and how long its last batches took for a row.  If its last batch has failed and
 * that could not be written down: failures in a row, and what they were.  Who
 * may call it, and locks: as for _status, and on the state tables.
 */
Datum
stream_monitor_inputs(PG_FUNCTION_ARGS)
{
	StreamViewRow *row = stream_catalog_view(PG_GETARG_OID(0));
	TupleDesc	desc;
	Datum		values[10];
	bool		nulls[10] = {0};
	Datum	   *inputs;
	StreamViewStatus status;
	StreamProgress progress = {0};
	InheritedLag lag = {.since = DT_NOEND};
	List	   *seen = NIL;
	int64		bytes = 0;
	double		row_ms;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (row == NULL)
		PG_RETURN_NULL();
	inputs = palloc(sizeof(Datum) * (list_length(row->streams) + 1));
	for (int i = 0; i < list_length(row->streams); i++)
	{
		Oid			stream = list_nth_oid(row->streams, i);
		Oid			viewid = stream_catalog_view_of(stream);

		inputs[i] = ObjectIdGetDatum(OidIsValid(viewid) ? viewid : stream);
	}
	values[0] = PointerGetDatum(construct_array(inputs,
												list_length(row->streams),
												OIDOID, sizeof(Oid), true,
												TYPALIGN_INT));
	nulls[1] = !inherited_lag(row, &seen, &lag);
	values[1] = Int64GetDatum(lag.rows);
	nulls[2] = row->unlogged && RecoveryInProgress();
	if (!nulls[2])
		stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	values[2] = Int64GetDatum(progress.error_rows);
	nulls[3] = nulls[1] || lag.rows == 0 || lag.since == 0;
	values[3] = TimestampTzGetDatum(lag.since);
	stream_shmem_view_status(stream_viewgroup_leader(row->viewid), &status);
	nulls[4] = status.read_at == 0;
	values[4] = TimestampTzGetDatum(status.read_at);
	nulls[5] = !measure_states(row, &bytes);
	values[5] = Int64GetDatum(bytes);
	row_ms = time_of_row(row->viewid);
	nulls[6] = row_ms == 0;
	values[6] = Float8GetDatum(row_ms);
	nulls[7] = nulls[8] = nulls[9] = status.unrecorded == 0;
	values[7] = Int32GetDatum(status.unrecorded);
	values[8] = CStringGetTextDatum(unpack_sql_state(status.sqlstate));
	values[9] = TimestampTzGetDatum(status.unrecorded_at);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* ---- definitions ---- */

/* What pg_get_viewdef says of a relation; NULL: nothing. */
typedef struct Definition
{
	Oid			relid;
	text	   *query;
} Definition;

/* Locks what a query reads; true if something cannot be had at once. */
static bool
is_locked_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		Oid			relid = ((RangeTblEntry *) node)->relid;

		return OidIsValid(relid) &&
			!ConditionalLockRelationOid(relid, AccessShareLock);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, is_locked_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, is_locked_walker, context);
}

static void
lock_definition(Oid relid)
{
	Relation	rel = ConditionalLockRelationOid(relid, AccessShareLock) ?
		try_relation_open(relid, NoLock) : NULL;

	/* it may be any relation, or one that has its query only soon */
	if (rel == NULL || rel->rd_rel->relkind != RELKIND_VIEW ||
		rel->rd_rules == NULL ||
		is_locked_walker((Node *) get_view_query(rel), NULL))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg_internal("the query of a view is locked")));
	relation_close(rel, NoLock);
}

static void
read_definition(void *arg)
{
	Definition *definition = arg;
	int			nestlevel = NewGUCNestLevel();
	FmgrInfo	function;
	Datum		query;

	LOCAL_FCINFO(call, 1);

	lock_definition(definition->relid);
	/* types have locks, too; the least there is */
	(void) set_config_option("lock_timeout", "1", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	fmgr_info(F_PG_GET_VIEWDEF_OID, &function);
	InitFunctionCallInfoData(*call, &function, 1, InvalidOid, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(definition->relid);
	call->args[0].isnull = false;
	query = FunctionCallInvoke(call);
	if (!call->isnull)
		definition->query = DatumGetTextP(query);
	AtEOXact_GUC(false, nestlevel);
}

/*
 * _definition(relid) returns text
 *
 * pg_get_viewdef, which opens all that the query reads: null where somebody has locked some of that,
 * or where it is gone since the snapshot was taken that the row is from, so that nobody can keep others
 * from seeing how the views are.  No lock stays, so that nobody who has seen them, and goes on with
 * his transaction, keeps others from changing their streams.
 */
Datum
stream_monitor_definition(PG_FUNCTION_ARGS)
{
	Definition	definition = {.relid = PG_GETARG_OID(0)};
	ErrorData  *error = STREAM_MUTATION("definition_locks") ?
		stream_savepoint_try(read_definition, &definition) :
		stream_savepoint_look(read_definition, &definition);

	if (error != NULL && (STREAM_MUTATION("definition_waits") ||
						  (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
						   error->sqlerrcode != ERRCODE_UNDEFINED_TABLE &&
						   error->sqlerrcode != ERRCODE_INTERNAL_ERROR)))
		ReThrowError(error);
	if (error != NULL || definition.query == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(definition.query);
}

/* ---- streaming.streams ---- */

/* The size of a relation in bytes; false if somebody has locked it. */
static bool
measure(Oid relid, int64 *bytes)
{
	Relation	rel;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	/* without a lock, it may just have been dropped */
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, AccessShareLock);
		return true;
	}
	if (RELKIND_HAS_STORAGE(rel->rd_rel->relkind) &&
		!RELATION_IS_OTHER_TEMP(rel))
		*bytes += (int64) RelationGetNumberOfBlocks(rel) * BLCKSZ;
	relation_close(rel, AccessShareLock);
	return true;
}

/* How many rows the server thinks there are. */
static double
estimated_rows(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return rows > 0 ? rows : 0;
}

/*
 * _stream_status(relid) returns is_stream, partitions, bytes, estimated_rows
 *
 * What streaming.streams shows beside the catalog; the rest is null for what is no
 * stream.  Anybody may call it, and may ask the server for the same.  Takes
 * AccessShareLock where it can have it at once; bytes is null elsewhere.
 */
Datum
stream_monitor_stream_status(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char		relkind = get_rel_relkind(relid);
	TupleDesc	desc;
	Datum		values[4] = {0};
	bool		nulls[4] = {0};
	List	   *members = NIL;
	ListCell   *lc;
	int64		partitions = 0;
	int64		bytes = 0;
	double		rows = 0;
	bool		is_stream = false;
	bool		measured = true;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (relkind == RELKIND_RELATION)
		members = list_make1_oid(relid);
	else if (relkind == RELKIND_PARTITIONED_TABLE)
		members = find_all_inheritors(relid, NoLock, NULL);
	/* the result of a view may be kept in one, and what becomes of it */
	foreach(lc, OidIsValid(stream_catalog_view_of(relid)) ? NIL : members)
		is_stream |= stream_am_relid_is_stream(lfirst_oid(lc));
	/* one without partitions that says what they are to be */
	if (relkind == RELKIND_PARTITIONED_TABLE && !is_stream)
		is_stream = stream_am_is_root(relid);
	foreach(lc, members)
	{
		Oid			member = lfirst_oid(lc);

		if (!is_stream || get_rel_relkind(member) == RELKIND_PARTITIONED_TABLE)
			continue;
		if (member != relid)
			partitions++;
		rows += estimated_rows(member);
		measured &= measure(member, &bytes);
	}
	values[0] = BoolGetDatum(is_stream);
	values[1] = Int64GetDatum(partitions);
	values[2] = Int64GetDatum(bytes);
	values[3] = Int64GetDatum((int64) rows);
	nulls[1] = nulls[3] = !is_stream;
	nulls[2] = !is_stream || !measured;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* ---- streaming.explain ---- */

/* ---- streaming.errors ---- */

/*
 * delete_errors(view regclass, before timestamptz) returns bigint
 *
 * Deletes what the view has put aside, before a time if one is given; for those who
 * have the rights of its owner.  Returns how many rows; one that somebody else has
 * deleted meanwhile is not counted.
 * (A DELETE privilege on streaming.errors would let everybody lock it, and what it
 * reads, against all others.)
 * Errors: 42P01, 42809 if it is no continuous view, 42501, 25006 where nothing may
 * be written, 40001.
 */
Datum
stream_monitor_delete_errors(PG_FUNCTION_ARGS)
{
	Oid			viewid;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	viewid = PG_GETARG_OID(0);
	stream_owner_refuse_nested("streaming.delete_errors");
	PreventCommandIfReadOnly("streaming.delete_errors");
	PreventCommandDuringRecovery("streaming.delete_errors");
	(void) stream_owner_of(viewid); /* complains if there is none */
	(void) stream_catalog_need_view(viewid);
	stream_privilege_need_owner(viewid);
	PG_RETURN_INT64(stream_catalog_delete_rejections(viewid, PG_ARGISNULL(1) ?
													 DT_NOEND :
													 PG_GETARG_TIMESTAMPTZ(1),
													 GetActiveSnapshot()));
}
