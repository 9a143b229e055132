/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  One micro-batch of one continuous view.
 *
 * A batch is one transaction: lock, measure, take the snapshot, run the delta
 * plan over the new rows, merge its groups into the state table, write the new
 * reading position; the caller commits.  So state, result and position change
 * together or not at all.
 *
 * Between batches the process remembers, per view: the plans, the state cache
 * and the position with the floors of its writers.  All of it is derived from
 * what is stored as of a batch number, and is dropped when the stored number is
 * another one (another process has run batches), when the last batch was not
 * seen to commit, or when the caller says so.
 *
 * All of it runs as the view's owner, with the settings (search_path, TimeZone
 * and the like) that were in force when the view was created (owner.c).  What the
 * plans need of the batch in progress is handed to them as their parameters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "stream/position.h"
#include "time/watermark.h"
#include "query/analyze.h"
#include "query/trust.h"
#include "flow/above.h"
#include "flow/reaper.h"
#include "flow/operator.h"
#include "flow/delta.h"
#include "flow/executor.h"
#include "flow/dataflow.h"
#include "flow/poison.h"
#include "flow/batch.h"

/* Of so many pages, beside the last one of each leaf, a batch is small. */
#define SMALL_BLOCKS 8

int			stream_max_batch_rows = 2000000;

/* What this process remembers of a view. */
typedef struct BatchView
{
	Oid			viewid;			/* hash key */
	MemoryContext context;
	StreamViewRow *row;
	Oid			owner;
	bool		stale;			/* row and owner must be read again */
	bool		running;		/* a batch was begun and not yet committed */
	StreamDataflow *flow;
	int			nops;
	StreamOperator **ops;		/* those of its tree */
	StreamReaped *places;		/* how far each has given up its state */
	StreamReaped expired;		/* up to where rows have gone that readers saw, as far
								 * as is known */
	StreamPosition *position;	/* as of progress.batch */
	StreamProgress progress;
	List	   *leaves;			/* OIDs, as of generation */
	MemoryContext watermark_context;
	StreamWatermark *watermark; /* as of generation */
	int			generation;		/* of the dataflow, or -1 */
	bool		simple;			/* as of generation: see stream_dataflow_is_simple */
	bool		timed;			/* its query is about an event time */
	bool		passes_clock;	/* views above read an idle input's time */
	StreamFigures figures;		/* of the last batch */
} BatchView;

/* A batch in progress. */
struct StreamBatch
{
	BatchView  *view;
	StreamBatchShared *shared;	/* with others of the transaction, or alone */
	StreamProgressTable *table; /* that of its progress, open */
	Relation   *states;			/* the state tables of the operators, open */
	Relation   *rels;			/* the leaves, open */
	int			nrels;
	Snapshot	snapshot;
	bool		more;			/* the range is bounded, rows are waiting, or
								 * the watermark has moved */
	bool		bounded;		/* rows are waiting */
	int64		rows;			/* stream rows consumed */
	int64		number;			/* its number, when it is committed */
	int64		late;			/* the late threshold */
	int64		closes;			/* what ends until then is final after it */
	bool		whole;			/* it reads all there is */
	bool		due;			/* there is something to do */
	bool		held;			/* and triggers to fire */
	bool		reads_content;	/* what other views show, not how it changes */
	bool		has_group;		/* in the first one, of the operator at hand: it has
								 * been given its row when the view was created */
	TimestampTz now;			/* by our clock, which tests may move */
	StreamMeter meter;
	int64		max_rows;		/* about how many it reads at most */
	StreamPart *part;			/* what it reads a part of, or NULL: all */
	bool		aside;			/* the one row that it reads is put aside */
};

/* Merges what a delta plan yields. */
typedef struct MergeReceiver
{
	DestReceiver pub;
	StreamBatch *batch;
	StreamDelta *delta;
	StreamOperator *op;
} MergeReceiver;

static HTAB *views = NULL;

/* ---- what is remembered ---- */

static void
view_relation_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	BatchView  *view;

	hash_seq_init(&seq, views);
	while ((view = hash_seq_search(&seq)) != NULL)
		if (!OidIsValid(relid) || relid == view->viewid ||
			(view->row && relid == view->row->definition))
			view->stale = true;
}

static void
create_views_table(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(BatchView)};

	views = hash_create("continuous views", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(view_relation_changed, (Datum) 0);
}

/* Drops plans and cache: they will be made again. */
static void
forget_derived(BatchView *view)
{
	for (int i = 0; i < view->nops; i++)
		if (view->ops[i])
			stream_operator_free(view->ops[i]);
	view->nops = 0;
	view->places = NULL;
	if (view->flow)
		stream_dataflow_free(view->flow);
	view->flow = NULL;
	view->generation = -1;
}

void
stream_batch_forget(Oid viewid)
{
	BatchView  *view;

	if (views == NULL)
		return;
	view = hash_search(views, &viewid, HASH_FIND, NULL);
	if (view == NULL)
		return;
	forget_derived(view);
	MemoryContextDelete(view->context);
	hash_search(views, &viewid, HASH_REMOVE, NULL);
}

void
stream_batch_rest(Oid viewid)
{
	BatchView  *view = views ?
		hash_search(views, &viewid, HASH_FIND, NULL) : NULL;
	ListCell   *lc;

	if (view == NULL || view->flow == NULL || view->running ||
		STREAM_MUTATION("executor_awake"))
		return;
	foreach(lc, view->flow->deltas)
		stream_executor_drop(lfirst(lc));
}

void
stream_batch_committed(Oid viewid)
{
	BatchView  *view = views ?
		hash_search(views, &viewid, HASH_FIND, NULL) : NULL;

	if (view)
		view->running = false;
}

static BatchView *
remember_view(Oid viewid)
{
	BatchView  *view;
	bool		found;

	if (views == NULL)
		create_views_table();
	view = hash_search(views, &viewid, HASH_FIND, NULL);
	if (view && view->running)
	{
		/* its last batch has failed */
		stream_batch_forget(viewid);
		view = NULL;
	}
	if (view)
		return view;
	view = hash_search(views, &viewid, HASH_ENTER, &found);
	memset((char *) view + sizeof(Oid), 0, sizeof(BatchView) - sizeof(Oid));
	view->context = AllocSetContextCreate(TopMemoryContext, "continuous view",
										  ALLOCSET_DEFAULT_SIZES);
	view->stale = true;
	view->generation = -1;
	view->expired.until = STREAM_NO_TIME;
	return view;
}

/* Reads the view's row and owner; false if the view is gone. */
static bool
read_row(BatchView *view)
{
	MemoryContext old;
	HeapTuple	tuple;
	StreamViewRow *before = view->row;

	/* first: news that comes while we read makes it stale again */
	view->stale = false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(view->viewid));
	if (!HeapTupleIsValid(tuple))
		return false;
	view->owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	/* a few hundred bytes per change of the view, until it is forgotten */
	old = MemoryContextSwitchTo(view->context);
	view->row = stream_catalog_view(view->viewid);
	MemoryContextSwitchTo(old);
	view->generation = -1;		/* options may have changed */
	if (view->row == NULL)
		return false;
	/* it may have got a change stream, which is an operator */
	if (before && (before->changes != view->row->changes ||
				   before->options.output_mode != view->row->options.output_mode))
		forget_derived(view);
	return true;
}

/* ---- preparing ---- */

/* Makes the operators, as far as there are none yet. */
static void
prepare_operators(StreamBatch *batch)
{
	BatchView  *view = batch->view;
	bool		closes = view->row->options.output_mode !=
	STREAM_OUTPUT_COMPLETE;
	ListCell   *lc;

	if (view->nops == 0)
	{
		int			n = list_length(view->flow->tree->cuts);

		/* another version of the library may have made another tree */
		if (n != list_length(stream_catalog_states(view->row)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("state tables do not fit the definition of the view"),
					 errhint("Drop the continuous view and create it anew.")));
		view->ops = MemoryContextAllocZero(view->flow->context,
										   sizeof(StreamOperator *) * n);
		view->nops = n;
	}
	foreach(lc, view->flow->tree->cuts)
	{
		int			i = foreach_current_index(lc);

		if (view->ops[i] == NULL)
			view->ops[i] =
				stream_operator_create(view->context, lfirst(lc),
									   batch->states[i] ?
									   RelationGetDescr(batch->states[i]) :
									   NULL, closes, view->ops);
	}
}

/* Is the query about an event time? */
static bool
is_timed(const StreamDataflow *flow)
{
	ListCell   *lc;

	foreach(lc, flow->tree->cuts)
		if (stream_cut_is_timed((StreamCut *) lfirst(lc)))
			return true;
	return false;
}

/* Makes sure of plans and operators; the caller runs as the owner. */
static void
prepare_view(StreamBatch *batch)
{
	BatchView  *view = batch->view;

	if (view->flow && stream_dataflow_must_reload(view->flow))
		forget_derived(view);
	if (view->flow == NULL)
	{
		view->flow = stream_dataflow_load(view->context, view->row);
		view->timed = is_timed(view->flow);
	}
	stream_dataflow_plan(view->flow, view->row->options.trust_functions);
	/* an ordinary view below may have been replaced */
	if (view->generation != view->flow->generation &&
		view->row->options.keep_late_rows)
		stream_dataflow_check_late_rows(view->flow);
	prepare_operators(batch);
}

/* Finds the leaves of the stream, and what it says about event time. */
static void
find_inputs(BatchView *view)
{
	bool		unlogged;
	StreamDataflow *flow = view->flow;
	List	   *leaves = stream_analyze_leaves(flow->streams,
											   AccessShareLock, &unlogged);
	MemoryContext old;

	if (leaves != NIL && unlogged != view->row->unlogged)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream of the view has changed between logged and unlogged"),
				 errhint("Drop the continuous view and create it anew.")));
	old = MemoryContextSwitchTo(view->context);
	list_free(view->leaves);
	view->leaves = list_copy(leaves);
	if (view->watermark_context == NULL)
		view->watermark_context =
			AllocSetContextCreate(view->context, "watermark",
								  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(view->watermark_context);
	MemoryContextSwitchTo(view->watermark_context);
	view->watermark =
		stream_watermark_create(view->viewid, flow->streams, flow->sights,
								&view->row->options);
	view->generation = flow->generation;
	MemoryContextSwitchTo(old);
	view->simple = stream_dataflow_is_simple(flow, leaves,
											 stream_catalog_states(view->row));
}

/* Opens the leaves of the stream. */
static void
open_leaves(StreamBatch *batch)
{
	BatchView  *view = batch->view;
	ListCell   *lc;

	if (view->generation != view->flow->generation)
		find_inputs(view);
	batch->rels = palloc(sizeof(Relation) * (list_length(view->leaves) + 1));
	foreach(lc, view->leaves)
		batch->rels[batch->nrels++] = table_open(lfirst_oid(lc),
												 AccessShareLock);
}

static void
close_leaves(StreamBatch *batch)
{
	for (int i = 0; i < batch->nrels; i++)
		table_close(batch->rels[i], NoLock);
	batch->nrels = 0;
}

/* A leaf that was read before must not be missing now. */
static void
check_missing_leaves(BatchView *view)
{
	StreamPosition *pos = view->position;

	for (int i = pos->nleaves - 1; i >= 0; i--)
	{
		StreamLeaf *leaf = pos->leaves[i];

		if (list_member_oid(view->leaves, leaf->relid))
			continue;
		if (!leaf->detached)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("a partition that the view has read is no longer part of its stream"),
					 errhint("Attach the partition again, or drop the continuous view and create it anew.")));
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(leaf->relid)))
			stream_position_forget_leaf(pos, leaf->relid);
	}
}

/*
 * An ordinary view below has been replaced, and reads other streams now: those who
 * look after streams must know.  Changes of the row are made under the lock on the
 * view.  We do not wait for it: who has it changes the view, so that the next
 * batch comes by here again.
 */
static void
note_streams(BatchView *view)
{
	List	   *streams = view->flow->streams;
	StreamViewRow *row;

	if (equal(streams, view->row->streams))
		return;
	view->stale = true;
	if (!ConditionalLockRelationOid(view->viewid, ShareUpdateExclusiveLock))
		return;
	row = stream_catalog_view(view->viewid);
	if (row == NULL || row->released)
		return;
	row->streams = streams;
	stream_catalog_update_view(row);
	CommandCounterIncrement();
	CacheInvalidateRelcacheByRelid(view->viewid);
	stream_shmem_views_changed();
}

/* Takes over how far each operator has given up its state. */
static void
read_places(BatchView *view, const StreamProgress *progress)
{
	StreamReaped *places = MemoryContextAlloc(view->flow->context,
											  sizeof(StreamReaped) * view->nops);

	for (int i = 0; i < view->nops; i++)
	{
		if (i < progress->nreaped)
			places[i] = progress->reaped[i];
		else
		{
			places[i].until = STREAM_NO_TIME;
			places[i].groups = 0;
		}
	}
	if (view->places)
		pfree(view->places);
	view->places = places;
	view->progress.nreaped = view->nops;
	view->progress.reaped = places;
}

/* Makes sure that the position is that of the last committed batch. */
static void
read_position(BatchView *view, const StreamProgressTable *table)
{
	StreamProgress progress;

	stream_catalog_find_progress(table, view->viewid, view->progress.place,
								 &progress);
	if (view->position == NULL || progress.batch != view->progress.batch)
	{
		if (view->position)
			stream_position_free(view->position);
		view->position = progress.position ?
			stream_position_read(view->context, progress.position) :
			stream_position_create(view->context);
		view->expired.until = STREAM_NO_TIME;
	}
	view->progress = progress;
	view->progress.position = NULL;
	read_places(view, &progress);
	stream_watermark_load(view->watermark, &progress);
	check_missing_leaves(view);
}

/* ---- event time ---- */

/*
 * Is it about more than which rows are late for a join?  If not, no batch without rows
 * follows one that has moved the watermark (rule A2).
 */
static bool
waits_for_event_time(BatchView *view)
{
	ListCell   *lc;

	foreach(lc, view->flow->tree->cuts)
	{
		StreamCut  *cut = lfirst(lc);

		if (stream_cut_is_timed(cut) &&
			(!cut->only_late || STREAM_MUTATION("join_no_data")))
			return true;
	}
	return false;
}

/* Does the watermark close groups of the view? */
static bool
closes_groups(BatchView *view)
{
	return view->timed &&
		view->row->options.output_mode != STREAM_OUTPUT_COMPLETE &&
		stream_watermark_exists(view->watermark);
}

/* Has the watermark moved since the last batch, so that groups may close? */
static bool
has_groups_to_close(BatchView *view)
{
	return closes_groups(view) && waits_for_event_time(view) &&
		view->progress.watermark > view->progress.closed;
}

/*
 * The number of the change stream's operator, if the view has one to which groups are
 * handed on when they are closed; or -1.  Its place is up to where that has been done.
 */
static int
changes_of_closed(BatchView *view)
{
	StreamTree *tree = view->flow->tree;

	return tree->changes && tree->top->final_only ? tree->changes->number : -1;
}

/* Have groups been closed that are not in the change stream, since it is younger? */
static bool
has_closed_to_hand_on(BatchView *view)
{
	int			changes = changes_of_closed(view);

	return changes >= 0 && closes_groups(view) &&
		view->places[changes].until < view->progress.closed;
}

/* Up to where state is to be given up. */
static int64
reaps_until(BatchView *view, int i)
{
	if (STREAM_MUTATION("join_evicted_early") &&
		stream_tree_cut(view->flow->tree, i)->joined)
		return view->progress.closed + 1000;
	return view->progress.closed;
}

/* Has the operator closed groups whose state has not been given up yet? */
static bool
must_reap(BatchView *view, int i)
{
	return stream_operator_can_reap(view->ops[i]) &&
		view->places[i].until < view->progress.closed;
}

/*
 * Up to where rows that readers see are to go (streaming.ttl), when closed is up to where
 * groups are final; STREAM_NO_TIME: none.  Those that have just been closed have state to
 * give up first, and may have to be handed on.
 */
static int64
expires_until(BatchView *view, int64 closed)
{
	StreamCut  *cut = view->flow->tree->alone;
	int			changes = changes_of_closed(view);
	int64		until;

	if (view->row->options.ttl_us < 0 || cut == NULL ||
		!stream_operator_can_expire(view->ops[cut->number]) ||
		pg_sub_s64_overflow(closed, view->row->options.ttl_us, &until))
		return STREAM_NO_TIME;
	if (STREAM_MUTATION("ttl_early"))
		until += 1000;
	until = Min(until, view->places[cut->number].until);
	return changes >= 0 && !STREAM_MUTATION("ttl_ahead") ?
		Min(until, view->places[changes].until) : until;
}

static bool
must_expire(BatchView *view)
{
	return view->expired.until < expires_until(view, view->progress.closed);
}

static bool
can_reap(BatchView *view)
{
	for (int i = 0; i < view->nops; i++)
		if (stream_operator_can_reap(view->ops[i]))
			return true;
	return false;
}

static bool
has_groups_to_reap(BatchView *view)
{
	if (!closes_groups(view))
		return false;
	for (int i = 0; i < view->nops; i++)
		if (must_reap(view, i))
			return true;
	return must_expire(view);
}

/* Has the watermark moved, which means nothing here, but to views above? */
static bool
has_time_to_pass_on(BatchView *view)
{
	return !view->timed &&
		view->progress.watermark > view->progress.closed &&
		stream_above_waits(view->row);
}

/* ---- running ---- */

/* Rows that the delta scans of the batch in progress have handed out. */
static int64
rows_read(StreamPosition *position)
{
	int64		rows = 0;

	for (int i = 0; i < position->nleaves; i++)
		rows += position->leaves[i]->rows;
	return rows;
}

/* What an operator has handed on. */
static Tuplestorestate *
handed_on(BatchView *view, const StreamFeedInput *input)
{
	return stream_operator_output(view->ops[input->cut->number], input);
}

/*
 * How many rows operators have handed on to a feed.  An aggregation without keys that
 * has lost the last of its kept rows is one over no rows: there, those that have
 * touched it count.
 */
static int64
rows_handed_on(BatchView *view, const StreamDelta *delta)
{
	int64		rows = 0;
	ListCell   *lc;

	foreach(lc, delta->feed->inputs)
	{
		StreamFeedInput input = *(StreamFeedInput *) lfirst(lc);

		if (input.table)
			continue;
		input.kept &= delta->cut->keys != NIL;
		rows += tuplestore_tuple_count(handed_on(view, &input));
	}
	return rows;
}

/*
 * May the plan have had any input?  An aggregation that has a group from the
 * beginning has a row for no input, too: the first batch needs it, others have
 * nothing to merge then.  Over changes, the row that the group below has from the
 * beginning came before the first batch already, with that.
 */
static bool
has_input(MergeReceiver *receiver)
{
	BatchView  *view = receiver->batch->view;
	const StreamCut *cut = receiver->delta->cut;

	if (!cut->from_beginning)
		return true;
	/* over changes, what the group was made of when the view was created is not here */
	if (view->progress.batch == 0)
		return !cut->over_changes || !receiver->batch->has_group ||
			rows_handed_on(view, receiver->delta) > 0;
	if (receiver->delta->streams == NIL)
		return rows_handed_on(view, receiver->delta) > 0;
	return view->position && rows_read(view->position) > 0;
}

static bool
merge_receive(TupleTableSlot *slot, DestReceiver *self)
{
	MergeReceiver *receiver = (MergeReceiver *) self;

	StreamMeter *meter = &receiver->batch->meter;

	if (meter->phase == STREAM_PHASE_READ)
		stream_figures_enter(meter, STREAM_PHASE_MERGE);
	if (has_input(receiver))
	{
		meter->figures.touched++;
		stream_operator_add(receiver->op, slot);
	}
	return true;
}

static void
merge_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
merge_shutdown(DestReceiver *self)
{
}

/* What the feed can read beside relations: what operators have handed on. */
static QueryEnvironment *
environment(BatchView *view, const StreamFeed *feed)
{
	QueryEnvironment *env;
	ListCell   *lc;

	if (feed->inputs == NIL)
		return NULL;
	env = create_queryEnv();
	foreach(lc, feed->inputs)
		stream_operator_register(lfirst(lc), handed_on(view, lfirst(lc)), env);
	return env;
}

/*
 * Is the feed of what there is before there are rows needed after that?  Rows that go
 * may have been the last ones, so aggregates that are kept begin as over none.
 */
static bool
is_first_again(const StreamDelta *delta)
{
	return delta->cut->over_changes && delta->feed->aggs != NIL;
}

/*
 * Can a feed have no rows, for operators have handed on none?  One that reads no new rows
 * is for what the watermark closes.
 */
static bool
has_no_rows(StreamBatch *batch, const StreamDelta *delta, double rows)
{
	if (!stream_cut_reads_new(delta->feed))
		return !has_groups_to_close(batch->view);
	return delta->streams == NIL && rows == 0;
}

/*
 * May other processes help to read the range?  Not where rows have to be told apart: that
 * are read again, or one by one, or kept because they are late.
 */
static bool
is_shared(const BatchView *view, const StreamPosition *position)
{
	if (position == NULL || (view->watermark && view->watermark->keep_late_rows))
		return false;
	for (int i = 0; i < position->nleaves; i++)
	{
		StreamLeaf *leaf = position->leaves[i];

		if (leaf->active && (leaf->taking > 0 || leaf->aside))
			return false;
	}
	return true;
}

/* Runs the plan; what comes out goes to the receiver. */
static void
run_plan(StreamBatch *batch, StreamDelta *delta, PlannedStmt *plan,
		 StreamPosition *position, DestReceiver *receiver)
{
	StreamExecution execution = {
		.late = batch->late,.closes = batch->closes,.position = position,
		.watermark = batch->view->watermark,
		.env = environment(batch->view, delta->feed),.receiver = receiver
	};

	stream_executor_run(delta, plan, &execution);
}

/* The same for a plan with other processes: nothing is written before they have ended. */
static void
run_parallel(StreamBatch *batch, StreamDelta *delta, PlannedStmt *plan,
			 StreamPosition *position, DestReceiver *receiver)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	DestReceiver *into = CreateDestReceiver(DestTuplestore);
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(ExecTypeFromTL(plan->planTree->targetlist),
								 &TTSOpsMinimalTuple);

	SetTuplestoreDestReceiverParams(into, store, CurrentMemoryContext, false,
									NULL, NULL);
	run_plan(batch, delta, plan, position, into);
	while (tuplestore_gettupleslot(store, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		(void) receiver->receiveSlot(slot, receiver);
	}
	ExecDropSingleTupleTableSlot(slot);
	into->rDestroy(into);
	tuplestore_end(store);
}

/*
 * Runs a delta plan, over the rows of the position's range (none without one), or
 * over what operators have handed on.  What comes out is merged by its operator.
 */
static void
run_delta(StreamBatch *batch, StreamDelta *delta, StreamPosition *position)
{
	BatchView  *view = batch->view;
	double		rows = delta->streams == NIL ?
		rows_handed_on(view, delta) :
		position ? stream_position_estimate(position, batch->rels,
											batch->nrels) : 1;
	MergeReceiver receiver = {
		{merge_receive, merge_startup, merge_shutdown, merge_shutdown,
		DestNone}, batch, delta, view->ops[delta->cut->number]
	};
	PlannedStmt *plan;

	if (view->progress.batch > 0 ?
		(delta->feed->first && !is_first_again(delta)) ||
		has_no_rows(batch, delta, rows) :
		delta->feed->later ||
		(delta->feed->content &&
		 (position == NULL || STREAM_MUTATION("content_skipped"))))
		return;
	stream_figures_enter(&batch->meter, STREAM_PHASE_READ);
	/* a join reads what this batch has kept */
	PushCopiedSnapshot(batch->snapshot);
	if (delta->feed->tables)
		UpdateActiveSnapshotCommandId();
	plan = stream_delta_plan(delta, rows, is_shared(view, position));
	if (plan->parallelModeNeeded)
		run_parallel(batch, delta, plan, position, &receiver.pub);
	else
		run_plan(batch, delta, plan, position, &receiver.pub);
	PopActiveSnapshot();
}

/* What operators have handed on is not needed any more. */
static void
settle_operators(StreamBatch *batch)
{
	BatchView  *view = batch->view;

	for (int i = 0; i < view->nops; i++)
		stream_operator_settle(view->ops[i], batch->number);
}

/*
 * Are there rows that no plan has looked at?  The planner may see that a condition
 * is never true; they are read all the same.
 */
static bool
has_passed_over(StreamPosition *position)
{
	for (int i = 0; i < position->nleaves; i++)
	{
		StreamLeaf *leaf = position->leaves[i];

		if (leaf->active && !leaf->scanned &&
			(leaf->taking > 0 || leaf->scan_end > leaf->scan_start))
			return true;
	}
	return false;
}

/*
 * The streams have been read: is there anything to commit under a new number?  moved:
 * the watermark, what it has closed, or what of that has been handed on.
 */
static void
settle(StreamBatch *batch, bool moved)
{
	BatchView  *view = batch->view;
	int64		last = view->progress.batch;

	batch->rows = rows_read(view->position) + batch->aside;
	batch->number = batch->rows > 0 || last == 0 || moved ||
		has_passed_over(view->position) || has_groups_to_reap(view) ?
		last + 1 : last;
	settle_operators(batch);
}

/*
 * Hands on the groups that the batch closes, once: before anything of them is given up,
 * and up to where they are handed on changes with the state, in one transaction.  What
 * was closed before there was a change stream comes first, by itself.
 */
static void
hand_on_closed(StreamBatch *batch, int changes)
{
	BatchView  *view = batch->view;
	StreamReaped *place = &view->places[changes];
	int			top = view->flow->tree->top->number;
	int64		until = batch->closes;

	if (place->until == STREAM_NO_TIME &&
		view->progress.closed != STREAM_NO_TIME)
	{
		until = view->progress.closed;
		stream_operator_begin_filling(view->ops[changes]);
	}
	if (until <= place->until)
		return;
	stream_operator_hand_on_closed(view->ops[top], batch->states[top],
								   place->until, until);
	place->until = until;
}

/*
 * Hands on the groups of an operator below others that the batch closes, to these.  What the
 * batch before has closed, it has handed on.
 */
static void
hand_on_closed_below(StreamBatch *batch, int i)
{
	BatchView  *view = batch->view;
	const StreamCut *cut = stream_tree_cut(view->flow->tree, i);
	int64		after = view->progress.closed;
	int64		until = batch->closes;

	if (STREAM_MUTATION("closed_early"))
		until += until == STREAM_NO_TIME ? 0 : 1000;
	if (cut->final_only && !cut->shown && until > after)
		stream_operator_hand_on_closed(view->ops[i], batch->states[i], after,
									   until);
}

/* What else changes is handed on as it comes. */
static void
note_handed_on(BatchView *view)
{
	StreamTree *tree = view->flow->tree;

	if (tree->changes && changes_of_closed(view) < 0)
		view->places[tree->changes->number].until = view->progress.closed;
}

/* What is wrong on purpose: a row that goes because it is old goes above, too. */
static void
subtract_expired(StreamBatch *batch, int i)
{
	BatchView  *view = batch->view;
	StreamTree *tree = view->flow->tree;
	int64		until;

	if (view->places == NULL || tree->changes == NULL ||
		tree->alone == NULL || tree->alone->number != i)
		return;
	until = expires_until(view, batch->closes);
	if (until > view->expired.until)
		stream_operator_hand_on_closed(view->ops[i], batch->states[i],
									   view->expired.until, until);
}

/*
 * Runs the operators from the leaves up: the plans of their feeds, over the rows of
 * the position's range (none without one).  Rows that end at or before batch->late
 * are dropped, groups that end at or before batch->closes are closed.
 */
static void
run_operators(StreamBatch *batch, StreamPosition *position)
{
	BatchView  *view = batch->view;
	ListCell   *lc = list_head(view->flow->deltas);

	for (int i = 0; i < view->nops; i++)
		stream_operator_open(view->ops[i], batch->states[i],
							 view->progress.batch, batch->late);
	for (int i = 0; i < view->nops; i++)
	{
		int			feed = 0;

		batch->has_group = view->progress.batch == 0 && batch->states[i] &&
			RelationGetNumberOfBlocks(batch->states[i]) > 0;
		if (i == changes_of_closed(view) && batch->closes != STREAM_NO_TIME)
			hand_on_closed(batch, i);
		for (; lc && ((StreamDelta *) lfirst(lc))->cut->number == i;
			 lc = lnext(view->flow->deltas, lc))
		{
			/* a row that one feed has written may be changed by the next */
			if (feed > 0)
			{
				stream_operator_begin_feed(view->ops[i], feed);
				CommandCounterIncrement();
			}
			feed++;
			run_delta(batch, lfirst(lc), position);
		}
		stream_figures_enter(&batch->meter, STREAM_PHASE_MERGE);
		if (STREAM_MUTATION("ttl_subtracted"))
			subtract_expired(batch, i);
		batch->meter.figures.added += stream_operator_close(view->ops[i]);
		batch->meter.figures.cache_hits +=
			stream_operator_cache_hits(view->ops[i]);
		hand_on_closed_below(batch, i);
	}
	view->progress.groups += batch->meter.figures.added;
}

/* Removes rows whose time is over. */
static void
expire_rows(StreamBatch *batch, int64 limit)
{
	BatchView  *view = batch->view;
	int			i = view->flow->tree->alone->number;

	/* some of them have given up their state just now */
	CommandCounterIncrement();
	stream_operator_expire(view->ops[i], batch->states[i], &view->expired,
						   expires_until(view, view->progress.closed), limit);
}

/*
 * Gives up state of groups that have closed, keeping up with what a large batch
 * makes; and rows whose time is over.
 */
static void
reap_groups(StreamBatch *batch, int64 made)
{
	BatchView  *view = batch->view;
	StreamProgress *progress = &view->progress;
	StreamFigures *figures = &batch->meter.figures;
	int64		limit = Max(STREAM_REAP_GROUPS, 2 * made);

	stream_figures_enter(&batch->meter, STREAM_PHASE_REAP);
	/* a row that this very batch has written can be changed again after that */
	CommandCounterIncrement();
	for (int i = 0; i < view->nops; i++)
		if (must_reap(view, i))
			figures->removed += stream_operator_reap(view->ops[i],
													 batch->states[i],
													 &view->places[i],
													 reaps_until(view, i), limit);
	progress->groups -= figures->removed;
	if (must_expire(view))
		expire_rows(batch, limit);
}

void
stream_batch_notify(const StreamViewRow *row, int64 batch)
{
	StringInfoData message;

	if (row->options.notify == NULL)
		return;
	initStringInfo(&message);
	appendStringInfoString(&message, "{\"view\": ");
	escape_json(&message, stream_catalog_name(row->viewid));
	appendStringInfo(&message, ", \"batch\": " INT64_FORMAT "}", batch);
	Async_Notify(row->options.notify, message.data);
}

/* Writes the new position, if the batch has changed anything. */
static void
write_progress(StreamBatch *batch, TimestampTz started)
{
	BatchView  *view = batch->view;
	StreamProgress *progress = &view->progress;

	progress->batch++;
	batch->meter.figures.number = progress->batch;
	progress->rows_read += batch->rows;
	progress->batch_time = GetCurrentTransactionStartTimestamp();
	progress->batch_us = GetCurrentTimestamp() - started;
	progress->position = stream_position_write(view->position);
	stream_catalog_put_progress(batch->table, view->viewid, progress);
	progress->position = NULL;
	stream_batch_notify(view->row, progress->batch);
}

/* What the row has failed with: if in another view of the group, that is said. */
static const char *
message_of(const BatchView *view, const StreamPart *part)
{
	if (part->culprit == view->viewid || !part->several)
		return part->message;
	return psprintf("%s (in continuous view \"%s\" of the same group)",
					part->message, get_rel_name(part->culprit));
}

/* Writes down the row that the view goes on without. */
static void
put_aside(StreamBatch *batch)
{
	BatchView  *view = batch->view;
	const StreamPart *part = batch->part;
	StreamRejection rejection = {
		.viewid = view->viewid,.leaf = part->relid,.at = batch->now,
		.reason = "error",.event_time = STREAM_NO_TIME,
		.message = message_of(view, part),.sqlstate = part->sqlstate,
		.batch = batch->number
	};

	for (int i = 0; i < batch->nrels; i++)
		if (RelationGetRelid(batch->rels[i]) == part->relid)
			stream_poison_put_aside(&rejection, view->flow->streams,
									view->flow->sights, batch->rels[i],
									(ItemPointer) &part->tid, batch->snapshot);
	view->progress.error_rows++;
}

/* The batch proper, run as the owner: from the range to the new position. */
static void
process_range(StreamBatch *batch)
{
	BatchView  *view = batch->view;
	StreamProgress *progress = &view->progress;
	TimestampTz started = GetCurrentTimestamp();
	int64		groups = progress->groups;
	int64		closed = progress->closed;
	int64		watermark = progress->watermark;
	bool		fills = has_closed_to_hand_on(view);

	batch->late = closes_groups(view) ? progress->closed : STREAM_NO_TIME;
	batch->closes = closes_groups(view) ? progress->watermark : STREAM_NO_TIME;
	if (STREAM_MUTATION("threshold") && closes_groups(view))
		batch->late = progress->watermark;
	STREAM_DEBUG_POINT("batch-before-merge");
	stream_watermark_begin(view->watermark, batch->now, batch->late,
						   view->timed);
	run_operators(batch, view->position);
	/* a look that finds no rows is no batch, where none without rows is wanted */
	if (closes_groups(view) &&
		(waits_for_event_time(view) || rows_read(view->position) > 0))
		progress->closed = batch->closes;
	stream_watermark_end(view->watermark, progress);
	/* nothing is late for what does not look at event times */
	if (!view->timed)
		progress->closed = progress->watermark;
	note_handed_on(view);
	settle(batch, fills || progress->closed != closed ||
		   progress->watermark != watermark);
	if (has_groups_to_reap(view))
		reap_groups(batch, progress->groups - groups);
	STREAM_DEBUG_POINT("batch-after-merge");
	if (batch->aside)
		put_aside(batch);
	stream_position_finish(view->position, batch->rels, batch->nrels,
						   batch->snapshot);
	if (batch->number > progress->batch)
		write_progress(batch, started);
	if (progress->closed != closed)
		stream_above_wake(view->row);
	STREAM_DEBUG_POINT("batch-before-commit");
}

static void
open_tables(StreamBatch *batch)
{
	List	   *states = stream_catalog_states(batch->view->row);
	ListCell   *lc;

	batch->states = palloc0(sizeof(Relation) * list_length(states));
	foreach(lc, states)
		if (OidIsValid(lfirst_oid(lc)))
			batch->states[foreach_current_index(lc)] =
				table_open(lfirst_oid(lc), RowExclusiveLock);
}

static void
close_tables(StreamBatch *batch)
{
	int			n = list_length(stream_catalog_states(batch->view->row));

	for (int i = 0; i < n; i++)
		if (batch->states[i])
			table_close(batch->states[i], NoLock);
}

/*
 * An aggregation without keys has its one row from the beginning, and so has an
 * empty grouping set: the aggregates over no rows at all.
 */
static void
put_initial_row(void *arg)
{
	StreamBatch *batch = arg;
	bool		has_row = false;
	ListCell   *lc;

	open_tables(batch);
	PushActiveSnapshot(GetLatestSnapshot());
	batch->snapshot = GetActiveSnapshot();
	prepare_view(batch);
	foreach(lc, batch->view->flow->tree->cuts)
		has_row |= ((StreamCut *) lfirst(lc))->from_beginning;
	if (has_row)
	{
		run_operators(batch, NULL);
		settle_operators(batch);
	}
	PopActiveSnapshot();
	close_tables(batch);
}

void
stream_batch_initialize(Oid viewid)
{
	BatchView  *view = remember_view(viewid);
	StreamBatch batch = {
		.view = view,.late = STREAM_NO_TIME,.closes = STREAM_NO_TIME
	};

	view->running = true;
	if (read_row(view))
	{
		LockRelationOid(view->row->definition, AccessShareLock);
		stream_owner_run(view->owner, view->row->settings, put_initial_row,
						 &batch);
	}
	stream_batch_forget(viewid);
}

/*
 * Does the first batch read what other views show?  It takes what is in their change
 * streams by then as read: both are what its snapshot sees (stream_position_extend).
 */
static bool
reads_content(BatchView *view)
{
	return view->progress.batch == 0 &&
		stream_dataflow_reads_changes(view->flow);
}

/* Are plans, operators and leaves at hand, and as the catalogs have them? */
static bool
is_prepared(BatchView *view)
{
	return view->nops > 0 && !stream_dataflow_is_stale(view->flow) &&
		!stream_dataflow_must_reload(view->flow) &&
		view->generation == view->flow->generation;
}

StreamBatch *
stream_batch_open(Oid viewid, bool whole)
{
	StreamBatch *batch = palloc0(sizeof(StreamBatch));
	BatchView  *view;

	stream_figures_begin(&batch->meter);
	stream_figures_enter(&batch->meter, STREAM_PHASE_LOCK);
	LockRelationOid(viewid, AccessShareLock);
	view = remember_view(viewid);
	if (view->stale && !read_row(view))
	{
		stream_batch_forget(viewid);
		return NULL;
	}
	LockRelationOid(view->row->definition, AccessShareLock);
	view->running = true;
	batch->view = view;
	batch->whole = whole;
	open_tables(batch);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
	return batch;
}

static void
prepare_as_owner(void *arg)
{
	StreamBatch *batch = arg;

	close_leaves(batch);
	/* planning may call functions that need a snapshot */
	PushActiveSnapshot(GetTransactionSnapshot());
	prepare_view(batch);
	PopActiveSnapshot();
	open_leaves(batch);
}

void
stream_batch_prepare(StreamBatch *batch)
{
	BatchView  *view = batch->view;

	/* even if all is at hand: news comes with the locks that are taken for it */
	if (batch->rels == NULL)
		stream_batch_lock(batch);
	stream_figures_enter(&batch->meter, STREAM_PHASE_PLAN);
	if (batch->rels == NULL || !is_prepared(view))
		stream_owner_run(view->owner, view->row->settings, prepare_as_owner,
						 batch);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
}

void
stream_batch_lock(StreamBatch *batch)
{
	stream_figures_enter(&batch->meter, STREAM_PHASE_LOCK);
	if (is_prepared(batch->view) &&
		stream_dataflow_lock(batch->view->flow))
		open_leaves(batch);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
}

/* Are there streams that may get leaves? */
static bool
are_partitions(const BatchView *view)
{
	return list_difference_oid(view->flow->streams, view->leaves) != NIL;
}

bool
stream_batch_has_new_leaves(const StreamBatch *batch)
{
	bool		unlogged;
	bool		untold = are_partitions(batch->view) &&
		stream_analyze_leaves_untold();
	List	   *leaves;

	AcceptInvalidationMessages();
	if (is_prepared(batch->view) && !untold)
		return false;
	InvalidateCatalogSnapshot();
	leaves = stream_analyze_leaves(batch->view->flow->streams, AccessShareLock,
								   &unlogged);
	return list_difference_oid(leaves, batch->view->leaves) != NIL;
}

bool
stream_batch_is_prepared(const StreamBatch *batch)
{
	return batch->rels != NULL && is_prepared(batch->view);
}

List *
stream_batch_streams(const StreamBatch *batch)
{
	return batch->view->flow->streams;
}

bool
stream_batch_has_new_streams(const StreamBatch *batch)
{
	return !equal(batch->view->flow->streams, batch->view->row->streams);
}

List *
stream_batch_leaves(const StreamBatch *batch)
{
	return batch->view->leaves;
}

void
stream_batch_read_position(StreamBatch *batch, StreamBatchShared *shared)
{
	BatchView  *view = batch->view;

	stream_figures_enter(&batch->meter, STREAM_PHASE_MEASURE);
	batch->shared = shared;
	batch->table = view->row->unlogged ? &shared->unlogged : &shared->logged;
	stream_catalog_open_progress(batch->table, view->row->unlogged);
	read_position(view, batch->table);
	stream_watermark_ask_below(view->watermark, view->owner,
							   view->timed);
	note_streams(view);
	batch->reads_content = reads_content(view);
	batch->whole |= batch->reads_content;
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
}

void
stream_batch_ask_part(const StreamBatch *batch, StreamPart *part)
{
	const BatchView *view = batch->view;
	const StreamOptions *options = &view->row->options;
	bool		first = part->max_errors < 0;
	int64		room = options->max_errors - view->progress.error_rows;

	/* a row that goes would have to be put aside with the one that has come */
	part->possible = (first || part->possible) && !batch->reads_content &&
		!stream_dataflow_reads_changes(view->flow);
	part->skip_errors = (first || part->skip_errors) && options->skip_errors;
	if (first || room < part->max_errors - part->error_rows)
	{
		part->max_errors = options->max_errors;
		part->error_rows = view->progress.error_rows;
	}
	part->last_batch = part->several ?
		hash_combine64(hash_combine64(part->last_batch, view->viewid),
					   view->progress.batch) : view->progress.batch;
}

void
stream_batch_set_part(StreamBatch *batch, StreamPart *part)
{
	batch->part = part;
	/* which rows these are will be known when there is a snapshot */
	batch->more |= batch->part != NULL;
	batch->bounded = batch->more;
}

double
stream_batch_backlog(const StreamBatch *batch, int64 *max_rows)
{
	*max_rows = Min(*max_rows, batch->max_rows);
	return stream_position_backlog(batch->view->position, batch->rels,
								   batch->nrels);
}

void
stream_batch_end_sharing(StreamBatchShared *shared)
{
	stream_catalog_close_progress(&shared->logged);
	stream_catalog_close_progress(&shared->unlogged);
}

void
stream_batch_measure(StreamBatch *batch)
{
	BatchView  *view = batch->view;

	stream_figures_enter(&batch->meter, STREAM_PHASE_MEASURE);
	batch->max_rows = view->row->options.max_batch_rows > 0 ?
		view->row->options.max_batch_rows : stream_max_batch_rows;
	batch->more = stream_position_begin(view->position, batch->rels,
										batch->nrels,
										batch->whole || batch->part ? 0 :
										batch->max_rows,
										&batch->shared->measured);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
	stream_batch_set_part(batch, batch->part);
	if (batch->reads_content)
		STREAM_DEBUG_POINT("batch-reads-content");
}

bool
stream_batch_is_due(StreamBatch *batch, TimestampTz now)
{
	BatchView  *view = batch->view;

	batch->now = now;
	/* an input is not idle whose rows this batch will leave unread */
	if (!batch->more)
		stream_watermark_follow(view->watermark, &view->progress, now);
	batch->due = stream_position_pending(view->position) ||
		view->progress.batch == 0 || has_groups_to_close(view) ||
		has_closed_to_hand_on(view) || has_groups_to_reap(view) ||
		has_time_to_pass_on(view);
	return batch->due;
}

/*
 * All that the view consists of must have its owner; and triggers may have come with a
 * former one.
 */
static void
check_relations(StreamBatch *batch)
{
	BatchView  *view = batch->view;
	bool		theirs = stream_owner_of(view->row->definition) == view->owner;

	for (int i = 0; i < view->nops; i++)
		theirs &= batch->states[i] == NULL ||
			batch->states[i]->rd_rel->relowner == view->owner;
	if (!theirs)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("parts of continuous view \"%s\" have another owner than the view",
						get_rel_name(view->viewid)),
				 errhint("Run ALTER MATERIALIZED VIEW ... OWNER TO for the former owner, and back.")));
	for (int i = 0; i < view->nops && !view->row->options.trust_functions; i++)
		if (batch->states[i] && batch->states[i]->trigdesc)
			stream_trust_check_triggers(batch->states[i]);
}

static void
process_as_owner(void *arg)
{
	StreamBatch *batch = arg;
	BatchView  *view = batch->view;

	check_relations(batch);
	process_range(batch);
	/* a batch without rows lets the watermark do its work */
	if (has_groups_to_close(view) || has_closed_to_hand_on(view) ||
		has_groups_to_reap(view))
		batch->more = true;
}

void
stream_batch_extend(StreamBatch *batch, Snapshot snapshot)
{
	stream_figures_enter(&batch->meter, STREAM_PHASE_MEASURE);
	stream_position_extend(batch->view->position, batch->rels, batch->nrels,
						   snapshot, batch->shared->measured);
	batch->due |= stream_position_pending(batch->view->position);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
}

/* The leaves of all of them, each once; the caller pfrees. */
static Relation *
leaves_of_all(StreamBatch **batches, int n, int *nrels)
{
	Relation   *rels;
	List	   *seen = NIL;
	int			max = 0;

	for (int i = 0; i < n; i++)
		max += batches[i]->nrels;
	rels = palloc(sizeof(Relation) * (max + 1));
	*nrels = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < batches[i]->nrels; k++)
		{
			Relation	rel = batches[i]->rels[k];

			if (i > 0 && list_member_oid(seen, RelationGetRelid(rel)))
				continue;
			if (n > 1)
				seen = lappend_oid(seen, RelationGetRelid(rel));
			rels[(*nrels)++] = rel;
		}
	list_free(seen);
	return rels;
}

void
stream_batch_cut(StreamBatch **batches, int n, StreamPart *part,
				 Snapshot snapshot)
{
	StreamCutting *cutting = &part->cutting;
	StreamPosition **positions = palloc(sizeof(StreamPosition *) * n);
	int64		max_rows = batches[0]->max_rows;
	int			nrels;
	Relation   *rels = leaves_of_all(batches, n, &nrels);

	for (int i = 0; i < n; i++)
	{
		positions[i] = batches[i]->view->position;
		max_rows = Min(max_rows, batches[i]->max_rows);
	}
	stream_position_cut(positions, n, rels, nrels, snapshot,
						part->limit == STREAM_PART_HALF ? max_rows : part->limit,
						part->limit == STREAM_PART_HALF, cutting);
	part->is_aside = part->aside && part->after == part->last_batch &&
		cutting->taken == 1 &&
		cutting->relid == part->relid &&
		ItemPointerEquals(&cutting->tid, &part->tid);
	for (int i = 0; i < n && part->is_aside; i++)
	{
		/* some views may have read it, or do not read its stream */
		batches[i]->aside = stream_position_takes(positions[i], part->relid) &&
			(i == 0 || !STREAM_MUTATION("group_aside"));
		if (batches[i]->aside)
			stream_position_leaf(positions[i], part->relid)->aside = true;
	}
	pfree(rels);
	pfree(positions);
	STREAM_DEBUG_POINT("batch-of-part");
}

void
stream_batch_process(StreamBatch *batch, Snapshot snapshot)
{
	BatchView  *view = batch->view;

	if (!batch->due)
		return;
	batch->snapshot = snapshot;
	stream_figures_enter(&batch->meter, STREAM_PHASE_READ);
	stream_owner_run(view->owner, view->row->settings, process_as_owner,
					 batch);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
}

static void
write_held_as_owner(void *arg)
{
	BatchView  *view = ((StreamBatch *) arg)->view;

	for (int i = 0; i < view->nops; i++)
		stream_operator_write_held(view->ops[i]);
}

bool
stream_batch_write_held(StreamBatch *batch)
{
	BatchView  *view = batch->view;

	batch->held = false;
	for (int i = 0; batch->due && i < view->nops; i++)
		batch->held |= stream_operator_has_held(view->ops[i]);
	if (batch->held)
	{
		stream_figures_enter(&batch->meter, STREAM_PHASE_TRIGGERS);
		stream_owner_run(view->owner, view->row->settings,
						 write_held_as_owner, batch);
		stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
	}
	return batch->held;
}

static void
fire_as_owner(void *arg)
{
	BatchView  *view = ((StreamBatch *) arg)->view;

	/* they are nested */
	for (int i = view->nops - 1; i >= 0; i--)
		stream_operator_fire(view->ops[i]);
}

void
stream_batch_fire(StreamBatch *batch)
{
	if (!batch->held)
		return;
	stream_figures_enter(&batch->meter, STREAM_PHASE_TRIGGERS);
	stream_owner_run(batch->view->owner, batch->view->row->settings,
					 fire_as_owner, batch);
	stream_figures_enter(&batch->meter, STREAM_PHASE_NONE);
}

/* What there is to say of the batch, when it is committed. */
static void
note_figures(StreamBatch *batch)
{
	BatchView  *view = batch->view;
	StreamFigures *figures = &batch->meter.figures;

	figures->rows = batch->rows;
	figures->watermark = view->progress.watermark;
	view->figures = *figures;
}

bool
stream_batch_leaves_rows(const StreamBatch *batch)
{
	return batch->bounded;
}

StreamBatchResult
stream_batch_close(StreamBatch *batch)
{
	BatchView  *view = batch->view;

	view->passes_clock = view->watermark &&
		stream_watermark_idle_at(view->watermark, 0) != DT_NOEND &&
		stream_above_reads(view->row);
	close_leaves(batch);
	close_tables(batch);
	note_figures(batch);
	if (batch->more)
		return STREAM_BATCH_MORE;
	return batch->rows > 0 ? STREAM_BATCH_DONE : STREAM_BATCH_IDLE;
}

const StreamFigures *
stream_batch_figures(Oid viewid)
{
	BatchView  *view = views ?
		hash_search(views, &viewid, HASH_FIND, NULL) : NULL;

	return view ? &view->figures : NULL;
}

bool
stream_batch_is_alone(Oid viewid)
{
	BatchView  *view = views ?
		hash_search(views, &viewid, HASH_FIND, NULL) : NULL;

	return view && view->row && !view->stale &&
		view->row->options.group == NULL;
}

ArrayType *
stream_batch_settings(const StreamBatch *batch)
{
	return batch->view->row->settings;
}

bool
stream_batch_is_simple(Oid viewid)
{
	BatchView  *view = views ?
		hash_search(views, &viewid, HASH_FIND, NULL) : NULL;

	return view && view->row && !view->stale && !view->running &&
		view->flow && is_prepared(view) && view->simple &&
		view->row->options.group == NULL && view->progress.batch > 0;
}

bool
stream_batch_writes_plainly(const StreamBatch *batch)
{
	for (int i = 0; i < batch->view->nops; i++)
		if (batch->states[i] &&
			(batch->states[i]->trigdesc ||
			 !stream_trust_indexes_are_plain(batch->states[i])))
			return false;
	return true;
}

Size
stream_batch_memory(void)
{
	HASH_SEQ_STATUS seq;
	BatchView  *view;
	Size		size = 0;

	if (views == NULL)
		return 0;
	hash_seq_init(&seq, views);
	while ((view = hash_seq_search(&seq)) != NULL)
		size += MemoryContextMemAllocated(view->context, true);
	return size;
}

bool
stream_batch_is_small(const StreamBatch *batch)
{
	StreamPosition *position = batch->view->position;
	BlockNumber blocks = 0;

	if (batch->bounded || batch->reads_content)
		return false;
	/* the last page of each leaf is always looked at */
	for (int i = 0; i < position->nleaves && blocks <= SMALL_BLOCKS; i++)
	{
		StreamLeaf *leaf = position->leaves[i];

		if (leaf->active && leaf->scan_end > leaf->scan_start + 1)
			blocks += leaf->scan_end - leaf->scan_start - 1;
	}
	return blocks <= SMALL_BLOCKS;
}

TimestampTz
stream_batch_wake_at(Oid viewid)
{
	BatchView  *view = views ?
		hash_search(views, &viewid, HASH_FIND, NULL) : NULL;

	if (view == NULL || view->nops == 0 ||
		!(view->passes_clock ||
		  (closes_groups(view) && can_reap(view) &&
		   view->progress.groups > 0)))
		return DT_NOEND;
	return stream_watermark_idle_at(view->watermark, stream_debug_now());
}
