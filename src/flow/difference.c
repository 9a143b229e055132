/*-------------------------------------------------------------------------
 *
 * difference.c
 *	  What is different about a view that has another query, for those who are told of its
 *	  changes.
 *
 * The change stream of a view says all that its result has ever been.  So when the view gets another
 * query (streaming.replace), what was shown before and is not shown now goes, and what is shown now
 * and was not comes: as one batch of its own, in the transaction in which readers find the
 * new result.  Who adds up all changes has the view's rows before and after it, and so have triggers
 * and views above; none of them needs to know that the query is another one.
 *
 * Both results are read by the queries that the view runs, the former one before the view has
 * its new parts and the new one before it is locked for readers; rows that are the same in both are
 * nothing (netting.c).  Where readers tell rows apart by the same columns before and after, a row
 * that goes and one that comes are an update.  Rows that just go are handed on
 * first, so that a copy with a key of its own can be kept by row triggers.
 *
 * Columns that the new query adds are null in rows from before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/owner.h"
#include "time/declare.h"
#include "query/analyze.h"
#include "query/changes.h"
#include "query/closing.h"
#include "query/tree.h"
#include "query/trust.h"
#include "flow/netting.h"
#include "flow/operator.h"
#include "flow/results.h"
#include "flow/batch.h"
#include "flow/difference.h"

struct StreamDifference
{
	MemoryContext context;
	MemoryContext scratch;		/* for a row */
	const StreamViewRow *before;
	const StreamViewRow *row;
	StreamTree *former;			/* what the view was ... */
	StreamTree *tree;			/* ... and is */
	bool		final;			/* rows are only added to the change stream */
	StreamNetting *netting;
	TupleTableSlot *counted;	/* a row, and its sign */
	TupleTableSlot *change;		/* a row of the change stream */
	Datum		names[STREAM_CHANGES];
	Tuplestorestate *gone;		/* what just goes, ... */
	Tuplestorestate *others;	/* ... and what else there is */
	int64		number;			/* of the batch */
};

/* Takes the rows of a result. */
typedef struct CountReceiver
{
	DestReceiver pub;
	StreamDifference *difference;
	int			sign;
} CountReceiver;

pg_noreturn static void
refuse(const StreamDifference *d, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot replace the query of continuous view \"%s\"",
					get_rel_name(d->before->viewid)),
			 errdetail("%s", why), errhint("%s", hint)));
}

/* ---- what the view was, and is ---- */

static StreamTree *
tree_of(const StreamViewRow *row)
{
	Relation	definition = table_open(row->definition, AccessShareLock);
	StreamTree *tree = stream_tree_of_query(get_view_query(definition),
											&row->options, NULL);

	table_close(definition, NoLock);
	return tree;
}

static void
compare_as_owner(void *arg)
{
	StreamDifference *d = arg;

	d->former = tree_of(d->before);
}

static void
look_as_owner(void *arg)
{
	StreamDifference *d = arg;

	d->tree = tree_of(d->row);
}

/* Makes the trees, and refuses what can't be. */
static void
look(StreamDifference *d)
{
	Oid			owner = stream_owner_of(d->before->viewid);

	stream_owner_run(owner, d->before->settings, compare_as_owner, d);
	stream_owner_run(owner, d->row->settings, look_as_owner, d);
	d->final = stream_declare_is_result(d->before->changes);
	if (d->final && d->tree->added != d->tree->changes)
		refuse(d, "Rows are only added to its result so far, and by the new query they could change.",
			   "Drop the view and create it anew.");
	if (d->row->unlogged != d->before->unlogged)
		refuse(d, "Its change stream is logged if the streams are that it reads.",
			   "Drop the view and create it anew.");
	if (d->before->options.ttl_us >= 0)
		refuse(d, "It has a change stream, which says nothing of the rows that have gone by streaming.ttl.",
			   "Drop the view and create it anew.");
}

void
stream_difference_check(const StreamViewRow *before, const StreamViewRow *row)
{
	StreamDifference d = {.before = before,.row = row};

	look(&d);
}

/* ---- reading results ---- */

/* A value that stays when the table goes that it comes from. */
static Datum
lasting_value(Form_pg_attribute attr, Datum value)
{
	struct varlena *data = (struct varlena *) DatumGetPointer(value);

	if (attr->attlen != -1 || !VARATT_IS_EXTERNAL(data) ||
		STREAM_MUTATION("replace_pointers"))
		return value;
	return PointerGetDatum(detoast_external_attr(data));
}

static bool
count_receive(TupleTableSlot *slot, DestReceiver *self)
{
	CountReceiver *receiver = (CountReceiver *) self;
	StreamDifference *d = receiver->difference;
	MemoryContext old = MemoryContextSwitchTo(d->scratch);
	TupleTableSlot *counted = d->counted;
	int			natts = counted->tts_tupleDescriptor->natts - 1;
	int			n = Min(natts, slot->tts_tupleDescriptor->natts);

	slot_getallattrs(slot);
	ExecClearTuple(counted);
	for (int i = 0; i < natts; i++)
	{
		counted->tts_isnull[i] = i >= n || slot->tts_isnull[i];
		counted->tts_values[i] = counted->tts_isnull[i] ? (Datum) 0 :
			lasting_value(TupleDescAttr(counted->tts_tupleDescriptor, i),
						  slot->tts_values[i]);
	}
	counted->tts_values[natts] = Int32GetDatum(receiver->sign);
	counted->tts_isnull[natts] = false;
	stream_netting_add(d->netting, ExecStoreVirtualTuple(counted));
	ExecClearTuple(counted);
	MemoryContextSwitchTo(old);
	MemoryContextReset(d->scratch);
	return true;
}

static void
count_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
count_shutdown(DestReceiver *self)
{
}

/* Counts the rows that come out of the query; the caller runs as the owner. */
static void
count_rows(StreamDifference *d, const Query *query, int sign)
{
	CountReceiver receiver = {
		{count_receive, count_startup, count_shutdown, count_shutdown,
		DestNone}, d, sign
	};
	PlannedStmt *plan;
	QueryDesc  *desc;

	/* planning may call functions that need one */
	PushActiveSnapshot(GetLatestSnapshot());
	plan = pg_plan_query(stream_analyze_rewrite((Query *) query),
						 "the result of a continuous view", 0, NULL);
	desc = CreateQueryDesc(plan, "the result of a continuous view",
						   GetActiveSnapshot(), InvalidSnapshot,
						   &receiver.pub, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	stream_compat_executor_run(desc, ForwardScanDirection, 0);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	PopActiveSnapshot();
}

/* The columns of the result, which are the same before and after, and those that are added. */
static TupleDesc
desc_of_rows(const StreamDifference *d, int first, int last)
{
	int			natts = list_length(d->tree->changes->payload);
	TupleDesc	desc = CreateTemplateTupleDesc(first + natts + last);
	ListCell   *lc;

	foreach(lc, d->tree->changes->payload)
	{
		Node	   *expr = (Node *) ((StreamPayload *) lfirst(lc))->expr;
		AttrNumber	attno = first + foreach_current_index(lc) + 1;

		TupleDescInitEntry(desc, attno, NULL, exprType(expr),
						   exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, attno, exprCollation(expr));
	}
	return desc;
}

/* The columns by which readers tell rows apart, if these are the same ones. */
static int
identity(const StreamDifference *d, int **keys)
{
	const StreamCut *was = d->former->changes;
	const StreamCut *is = d->tree->changes;
	int			n = 0;
	ListCell   *lc;

	*keys = NULL;
	if (!was->updates || !is->updates || d->final ||
		list_difference_int(was->identity, is->identity) != NIL ||
		list_difference_int(is->identity, was->identity) != NIL)
		return 0;
	*keys = palloc(sizeof(int) * (list_length(is->identity) + 1));
	foreach(lc, is->identity)
		(*keys)[n++] = lfirst_int(lc);
	return n;
}

static void
make_netting(StreamDifference *d)
{
	TupleDesc	counted = desc_of_rows(d, 0, 1);
	TupleDesc	change = desc_of_rows(d, 2, 0);
	int		   *keys;
	int			nkeys = identity(d, &keys);

	TupleDescInitEntry(counted, counted->natts, NULL, INT4OID, -1, 0);
	TupleDescInitEntry(change, 1, NULL, INT8OID, -1, 0);
	TupleDescInitEntry(change, 2, NULL, TEXTOID, -1, 0);
	TupleDescInitEntryCollation(change, 2, DEFAULT_COLLATION_OID);
	d->counted = MakeSingleTupleTableSlot(counted, &TTSOpsVirtual);
	d->change = MakeSingleTupleTableSlot(change, &TTSOpsVirtual);
	for (int i = 0; i < STREAM_CHANGES; i++)
		d->names[i] = CStringGetTextDatum(stream_changes_names[i]);
	d->netting = stream_netting_create(d->context, counted, nkeys, keys);
	stream_netting_begin(d->netting);
}

static void
count_former(void *arg)
{
	StreamDifference *d = arg;
	Relation	view = table_open(d->before->viewid, NoLock);

	count_rows(d, get_view_query(view), -1);
	table_close(view, NoLock);
}

StreamDifference *
stream_difference_begin(const StreamViewRow *before, const StreamViewRow *row)
{
	MemoryContext context = AllocSetContextCreate(CurTransactionContext,
												  "difference of results",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamDifference *d = palloc0(sizeof(StreamDifference));

	d->context = context;
	d->scratch = AllocSetContextCreate(context, "row of a result",
									   ALLOCSET_DEFAULT_SIZES);
	d->before = before;
	d->row = row;
	look(d);
	make_netting(d);
	stream_owner_run(stream_owner_of(before->viewid), before->settings,
					 count_former, d);
	MemoryContextSwitchTo(old);
	return d;
}

/* ---- what is different ---- */

static void
put(StreamDifference *d, Tuplestorestate *store, TupleTableSlot *row,
	StreamChange what)
{
	TupleTableSlot *change = d->change;

	slot_getallattrs(row);
	ExecClearTuple(change);
	change->tts_values[0] = Int64GetDatum(d->number);
	change->tts_values[1] = d->names[what];
	change->tts_isnull[0] = change->tts_isnull[1] = false;
	for (int i = 2; i < change->tts_tupleDescriptor->natts; i++)
	{
		change->tts_values[i] = row->tts_values[i - 2];
		change->tts_isnull[i] = row->tts_isnull[i - 2];
	}
	tuplestore_puttupleslot(store, ExecStoreVirtualTuple(change));
	ExecClearTuple(change);
}

static void
say(TupleTableSlot *old, TupleTableSlot *new, void *arg)
{
	StreamDifference *d = arg;

	if (old && d->final)
		refuse(d, "Rows that were handed on as final are not in the new result.",
			   "Drop the view and create it anew.");
	if (old)
		put(d, new || STREAM_MUTATION("replace_disordered") ? d->others : d->gone,
			old, new ? STREAM_CHANGE_UPDATE_BEFORE : STREAM_CHANGE_DELETE);
	if (new)
		put(d, d->others, new,
			old ? STREAM_CHANGE_UPDATE_AFTER : STREAM_CHANGE_INSERT);
}

/* What the view is about to run, and the rows of that. */
typedef struct CountNew
{
	StreamDifference *difference;
	Query	   *reading;
} CountNew;

static void
count_new(void *arg)
{
	CountNew   *count = arg;

	count_rows(count->difference, count->reading, 1);
}

void
stream_difference_find(StreamDifference *d, const Query *reading)
{
	MemoryContext old = MemoryContextSwitchTo(d->context);
	CountNew	count = {d, copyObject((Query *) reading)};
	StreamProgress progress;

	stream_closing_set_view(count.reading, d->before->viewid);
	stream_owner_run(stream_owner_of(d->before->viewid), d->row->settings,
					 count_new, &count);
	stream_catalog_read_progress(d->before->viewid, d->row->unlogged, NULL,
								 &progress);
	d->number = progress.batch + 1;
	d->gone = tuplestore_begin_heap(false, false, work_mem);
	d->others = tuplestore_begin_heap(false, false, work_mem);
	stream_netting_end(d->netting, say, d);
	MemoryContextSwitchTo(old);
}

/* ---- handing it on ---- */

static void
put_all(StreamDifference *d, StreamResults *results, Tuplestorestate *store)
{
	TupleTableSlot *row = MakeSingleTupleTableSlot(d->change->tts_tupleDescriptor,
												   &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(store, true, false, row))
	{
		CHECK_FOR_INTERRUPTS();
		stream_results_add(results, row);
	}
	ExecDropSingleTupleTableSlot(row);
	tuplestore_end(store);
}

static void
write_as_owner(void *arg)
{
	StreamDifference *d = arg;
	Relation	rel = table_open(d->before->changes, RowExclusiveLock);
	StreamResults *results;

	stream_operator_check_change_stream(rel);
	if (rel->trigdesc && !d->before->options.trust_functions)
		stream_trust_check_triggers(rel);
	results = stream_results_create(d->context, RelationGetDescr(rel), true);
	PushActiveSnapshot(GetLatestSnapshot());
	stream_results_open(results, rel);
	put_all(d, results, d->gone);
	put_all(d, results, d->others);
	if (!stream_results_close(results))
	{
		stream_results_write_held(results);
		CommandCounterIncrement();
		stream_results_fire(results);
	}
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

/* The batch has happened. */
static void
count_batch(const StreamViewRow *row)
{
	StreamProgress progress;

	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	progress.batch++;
	stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
	CommandCounterIncrement();
	stream_batch_notify(row, progress.batch);
}

void
stream_difference_hand_on(StreamDifference *d, const StreamViewRow *row)
{
	MemoryContext old = MemoryContextSwitchTo(d->context);

	if (d->final)
		stream_declare_result(row->changes,
							  d->tree->time_column == InvalidAttrNumber ?
							  InvalidAttrNumber : d->tree->time_column + 2);
	if (tuplestore_tuple_count(d->gone) + tuplestore_tuple_count(d->others) > 0 &&
		!STREAM_MUTATION("replace_untold"))
	{
		count_batch(row);
		stream_owner_run(stream_owner_of(row->viewid), row->settings,
						 write_as_owner, d);
		CommandCounterIncrement();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(d->context);
}
