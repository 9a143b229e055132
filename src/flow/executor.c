/*-------------------------------------------------------------------------
 *
 * executor.c
 *	  Running the plan of a feed, with an executor that is kept between batches.
 *
 * To make an executor ready and to end it costs more than to run it over a few rows: of
 * a batch of one row, a third.  So that of the plan for few rows is kept, and
 * each batch rescans it, as a nested loop does with its inner side.
 *
 * What is kept is memory and nothing else, below that of the plans.  After each batch it
 * gives back what belongs to a transaction: the relations, and the page that the scan is at.
 * Row types of relations, which slots pin, are replaced by copies.  So it needs no end: who
 * drops the plans drops it, also after an error in the middle of a batch.
 *
 * What is looked up when an executor is made must still be so when it is used.
 * With relations and their columns, types of users, operators and roles the plan goes when
 * they change (delta.c), and the executor with it; of functions, which are looked up with the
 * right to call them, any that changes makes all executors outdated.  The right to read the
 * relations is asked for in each batch.  Functions of users may keep in an executor what
 * belongs to a transaction, so plans that call any have a new one for each batch.
 *
 * What batches leave behind in its memory, which should be nothing, is bounded: if there
 * is too much, one of the next batches has another.  So it is after a batch of many groups, for
 * each would walk through a hash table as large as that.  It is some 75 kB, so views that
 * are asleep (agenda.c) have none.
 *
 * Others look at executors, too.  Who measures one, or takes its memory over, wants to see
 * its end: it is not kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "jit/jit.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/debug.h"
#include "flow/scan.h"
#include "flow/executor.h"

/* By so much the memory of one may grow; it is looked at from time to time. */
#define MAX_GROWTH (32 * 1024)
#define LOOK_EACH 16

typedef struct StreamExecutor
{
	MemoryContext context;
	Size		size;			/* of its memory, when it was new */
	uint32		batches;
	QueryDesc  *desc;
	bool		running;		/* also after an error */
} StreamExecutor;

/* The scan of a plan that is simple enough: that, or an aggregation of it. */
static const Plan *
scan_of(const Plan *top)
{
	const Plan *scan = IsA(top, Agg) && ((const Agg *) top)->chain == NIL ?
		outerPlan(top) : top;

	return scan && stream_scan_is_delta(scan) ? scan : NULL;
}

/* May an executor of the plan be kept? */
static bool
may_keep(const StreamDelta *delta, const PlannedStmt *plan,
		 const StreamExecution *execution)
{
	return plan == delta->small && delta->plain && execution->env == NULL &&
		plan->jitFlags == PGJIT_NONE && plan->subplans == NIL &&
		plan->paramExecTypes == NIL && !plan->parallelModeNeeded &&
		scan_of(plan->planTree) != NULL;
}

static PlanState *
scan_state(const StreamExecutor *executor)
{
	PlanState  *top = executor->desc->planstate;

	return IsA(top, AggState) ? outerPlanState(top) : top;
}

void
stream_executor_drop(StreamDelta *delta)
{
	if (delta->executor)
		MemoryContextDelete(delta->executor->context);
	delta->executor = NULL;
}

/* Makes an executor, in the current context. */
static QueryDesc *
start(StreamDelta *delta, PlannedStmt *plan, const StreamExecution *execution,
	  int flags)
{
	ParamListInfo params = stream_delta_params(delta, execution->late,
											   execution->closes,
											   execution->position,
											   execution->watermark);
	QueryDesc  *desc = CreateQueryDesc(plan, "batch of a continuous view",
									   GetActiveSnapshot(), InvalidSnapshot,
									   execution->receiver, params,
									   execution->env, 0);

	ExecutorStart(desc, flags);
	return desc;
}

/* Does anybody else want to see the end of the executor? */
static bool
is_watched(const StreamExecutor *executor)
{
	return executor->desc->totaltime != NULL ||
		MemoryContextGetParent(executor->desc->estate->es_query_cxt) !=
		executor->context;
}

/*
 * Row types of relations, which slots pin until the transaction ends, are replaced by
 * copies.
 */
static void
unpin_row_types(EState *estate)
{
	ListCell   *lc;

	foreach(lc, estate->es_tupleTable)
	{
		TupleTableSlot *slot = lfirst_node(TupleTableSlot, lc);
		TupleDesc	desc = slot->tts_tupleDescriptor;

		if (desc == NULL || desc->tdrefcount < 0)
			continue;
		slot->tts_tupleDescriptor = CreateTupleDescCopyConstr(desc);
		ReleaseTupleDesc(desc);
	}
}

/*
 * Gives back what a new one holds of the transaction beside its relations.  The snapshot is
 * the active one, which stays where it is as long as the batch runs the plan.
 */
static void
let_go(StreamExecutor *executor)
{
	QueryDesc  *desc = executor->desc;
	EState	   *estate = desc->estate;
	ScanState  *scan = (ScanState *) scan_state(executor);
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);

	unpin_row_types(estate);
	scan->ps.scandesc = scan->ss_ScanTupleSlot->tts_tupleDescriptor;
	UnregisterSnapshot(estate->es_snapshot);
	UnregisterSnapshot(desc->snapshot);
	estate->es_snapshot = desc->snapshot = GetActiveSnapshot();
	MemoryContextSwitchTo(old);
}

/* Makes the executor that is to be kept; false if it cannot be. */
static bool
start_kept(StreamDelta *delta, PlannedStmt *plan,
		   const StreamExecution *execution)
{
	MemoryContext context = AllocSetContextCreate(delta->plan_context,
												  "kept executor",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamExecutor *executor = palloc0(sizeof(StreamExecutor));

	executor->context = context;
	executor->running = true;
	delta->executor = executor;
	/* news that comes meanwhile is news */
	delta->outdated = false;
	/* it changes nothing, so it has no triggers that would wait for its end */
	executor->desc = start(delta, plan, execution, EXEC_FLAG_SKIP_TRIGGERS);
	MemoryContextSwitchTo(old);
	if (is_watched(executor))
		return false;
	let_go(executor);
	executor->size = MemoryContextMemAllocated(context, true);
	return true;
}

/* Makes it ready for the next batch. */
static void
resume(StreamDelta *delta, const StreamExecution *execution)
{
	StreamExecutor *executor = delta->executor;
	QueryDesc  *desc = executor->desc;
	EState	   *estate = desc->estate;
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);

	executor->running = true;
	stream_compat_check_permissions(desc->plannedstmt);
	if (!STREAM_MUTATION("executor_params"))
		stream_delta_set_params(delta, estate->es_param_list_info,
								execution->late, execution->closes,
								execution->position, execution->watermark);
	estate->es_snapshot = desc->snapshot = GetActiveSnapshot();
	stream_scan_resume(scan_state(executor));
	desc->dest = execution->receiver;
	desc->already_executed = false;
	MemoryContextSwitchTo(old);
}

/*
 * Has the top of the plan begin anew.  An aggregation would yield once more what it has in
 * its hash table, unless it is told that its input is another.
 */
static void
rescan(PlanState *top)
{
	PlanState  *outer = outerPlanState(top);

	if (outer)
		outer->chgParam = bms_add_member(outer->chgParam, 0);
	ExecReScan(top);
}

/* The batch is over: gives back all but memory. */
static void
suspend(StreamExecutor *executor)
{
	QueryDesc  *desc = executor->desc;
	EState	   *estate = desc->estate;
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);

	stream_scan_leave(scan_state(executor));
	rescan(desc->planstate);
	ExecCloseRangeTableRelations(estate);
	memset(estate->es_relations, 0,
		   sizeof(Relation) * estate->es_range_table_size);
	estate->es_snapshot = desc->snapshot = InvalidSnapshot;
	desc->dest = NULL;
	executor->running = false;
	MemoryContextSwitchTo(old);
}

/* Does it take more memory than it should, or walk through a larger hash table? */
static bool
has_grown(StreamExecutor *executor)
{
	return executor->batches++ % LOOK_EACH == 0 &&
		MemoryContextMemAllocated(executor->context, true) >
		executor->size + MAX_GROWTH;
}

/* Runs a plan and ends it. */
static void
run_once(QueryDesc *desc)
{
	stream_compat_executor_run(desc, ForwardScanDirection, 0);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

void
stream_executor_run(StreamDelta *delta, PlannedStmt *plan,
					const StreamExecution *execution)
{
	if (!may_keep(delta, plan, execution))
	{
		run_once(start(delta, plan, execution, 0));
		return;
	}
	if (delta->executor && (delta->outdated || delta->executor->running))
		stream_executor_drop(delta);
	if (delta->executor)
		resume(delta, execution);
	else if (!start_kept(delta, plan, execution))
	{
		run_once(delta->executor->desc);
		stream_executor_drop(delta);
		return;
	}
	stream_compat_executor_run(delta->executor->desc, ForwardScanDirection, 0);
	suspend(delta->executor);
	if (has_grown(delta->executor))
		stream_executor_drop(delta);
}
