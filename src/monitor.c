/*-------------------------------------------------------------------------
 *
 * monitor.c
 *	  Functions behind the monitoring views; streaming.explain.
 *
 * The views themselves are SQL, in the install script.  Here is what SQL cannot
 * know: what is in shared memory, how far a reading position is behind its
 * stream, and what the delta plan looks like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "commands/explain.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "analyze.h"
#include "batch.h"
#include "catalog.h"
#include "delta.h"
#include "monitor.h"
#include "position.h"
#include "shmem.h"

PG_FUNCTION_INFO_V1(stream_monitor_status);
PG_FUNCTION_INFO_V1(stream_monitor_explain);

/* Rows and bytes that the stored position is behind its stream. */
static void
view_lag(StreamViewRow *row, int64 *lag_rows, int64 *lag_bytes)
{
	StreamProgress progress;
	StreamPosition *pos;
	bool		unlogged;
	List	   *leaves;
	Relation   *rels;
	int			n = 0;
	ListCell   *lc;

	leaves = stream_analyze_leaves(row->stream, AccessShareLock, &unlogged);
	rels = palloc(sizeof(Relation) * (list_length(leaves) + 1));
	foreach(lc, leaves)
		rels[n++] = table_open(lfirst_oid(lc), AccessShareLock);
	stream_catalog_read_progress(row->viewid, row->unlogged, &progress);
	pos = progress.position ?
		stream_position_read(CurrentMemoryContext, progress.position) :
		stream_position_create(CurrentMemoryContext);
	stream_position_lag(pos, rels, n, GetActiveSnapshot(),
						lag_rows, lag_bytes);
	stream_position_free(pos);
	for (int i = 0; i < n; i++)
		table_close(rels[i], AccessShareLock);
}

/*
 * _status(viewid) returns state, worker_pid, retry_at, lag_rows, lag_bytes
 *
 * One row of what streaming.views shows beside the catalog.  Takes
 * AccessShareLock on the leaves of the stream.
 */
Datum
stream_monitor_status(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	StreamViewRow *row = stream_catalog_view(viewid);
	StreamViewStatus status = {0};
	StreamFailure *failure;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	int64		rows = 0;
	int64		bytes = 0;
	const char *state;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (row == NULL)
		PG_RETURN_NULL();
	stream_shmem_view_status(viewid, &status);
	failure = stream_catalog_failure(viewid);
	/* unlogged relations cannot be read during recovery */
	nulls[3] = nulls[4] = row->unlogged && RecoveryInProgress();
	if (!nulls[3])
		view_lag(row, &rows, &bytes);

	if (failure && failure->failed)
		state = "failed";
	else if (!row->options.enabled || !stream_enabled || status.paused)
		state = "paused";
	else if (status.more || rows > stream_max_batch_rows)
		state = "backfilling";
	else
		state = "running";
	values[0] = CStringGetTextDatum(state);
	values[1] = Int32GetDatum(status.worker_pid);
	nulls[1] = status.worker_pid == 0;
	values[2] = TimestampTzGetDatum(status.retry_at);
	nulls[2] = status.retry_at == 0;
	values[3] = Int64GetDatum(rows);
	values[4] = Int64GetDatum(bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* The delta plan as text, one string with newlines. */
static char *
explain_plan(PlannedStmt *stmt)
{
	ExplainState *es = NewExplainState();

	es->costs = false;
	es->verbose = true;
	ExplainBeginOutput(es);
	ExplainOnePlan(stmt, NULL, es, "batch of a continuous view", NULL, NULL,
				   NULL, NULL);
	ExplainEndOutput(es);
	return es->str->data;
}

static void
put_lines(ReturnSetInfo *rsinfo, char *text)
{
	char	   *line;

	while ((line = strsep(&text, "\n")) != NULL)
	{
		Datum		value = CStringGetTextDatum(line);
		bool		isnull = false;

		if (*line != '\0')
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
								 &isnull);
	}
}

/*
 * explain(view) returns setof text: the plan that runs over the new rows
 *
 * For those who may read the view.  Plans as the view's owner, executes nothing.
 * Errors: 42809 if it is no continuous view, 42501.
 */
Datum
stream_monitor_explain(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	StreamViewRow *row = stream_catalog_view(viewid);
	StreamDelta *delta;
	AclResult	acl;
	Oid			save_userid;
	int			save_sec_context;
	HeapTuple	tuple;

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous view",
						get_rel_name(viewid) ? get_rel_name(viewid) : "?")));
	acl = pg_class_aclcheck(viewid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_VIEW, get_rel_name(viewid));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(viewid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", viewid);
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(((Form_pg_class) GETSTRUCT(tuple))->relowner,
						   save_sec_context | SECURITY_RESTRICTED_OPERATION);
	ReleaseSysCache(tuple);

	LockRelationOid(row->definition, AccessShareLock);
	delta = stream_delta_load(CurrentMemoryContext, row->definition);
	PG_TRY();
	{
		put_lines((ReturnSetInfo *) fcinfo->resultinfo,
				  explain_plan(stream_delta_plan(delta, 1)));
	}
	PG_FINALLY();
	{
		stream_delta_free(delta);
	}
	PG_END_TRY();
	SetUserIdAndSecContext(save_userid, save_sec_context);
	return (Datum) 0;
}
