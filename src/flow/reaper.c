/*-------------------------------------------------------------------------
 *
 * reaper.c
 *	  Giving up the state of closed groups.
 *
 * When the watermark passes the end of a window, its groups are final at once:
 * rows for them are late from then on.  What their state takes up is given back
 * later, some groups at the end of each batch, so that no batch has to wait for
 * a million of them.
 *
 * Closed groups are found through an index that has them in the order in which
 * they end.  All that end at or before a time are done, and after
 * those so many more, in the order of the index; as closed groups
 * never change, that finds the place again after a restart.  In between, the last
 * key is remembered: the next run goes on with the keys after it, that is, with
 * those that are equal in all columns but the last and greater in that, then in
 * all but the last two, and so on.
 *
 * The same index finds the groups that a batch closes, for whom they are handed on to, and
 * rows of a result that are to go some time after they were closed (streaming.ttl): these
 * have a place of their own, behind the other one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/statetable.h"
#include "flow/reaper.h"

struct StreamReaper
{
	MemoryContext context;
	MemoryContext batch;		/* reset for each run */
	TupleDesc	desc;
	StreamReaping reaping;
	Expr	   *end_expr;
	ExprState  *end;
	ExprContext *econtext;
	int64		width;
	bool		closing_index;
	bool		together;		/* those that end at the same time */
	int			first_state;
	int64		(*on_reap) (TupleTableSlot *row, void *arg);
	void	   *arg;

	/* the place that the last key is about */
	MemoryContext place;
	Datum	   *last;			/* the last key; NULL: not known */
	bool	   *last_isnull;
	StreamReaped reaped;
};

/* A group that is closed. */
typedef struct ClosedGroup
{
	ItemPointerData tid;
	int64		end;
} ClosedGroup;

/* A run through the index. */
typedef struct Run
{
	StreamReaper *reaper;
	Relation	rel;
	Relation	index;
	int			nkeys;
	IndexInfo  *info;
	EState	   *estate;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	int			level;			/* the column that is greater ... */
	bool		nulls;			/* ... or null */
	int64		until;			/* groups that end later stay */
	int64		limit;			/* groups in this run */
	ClosedGroup *groups;
	int64		ngroups;
	int64		others;			/* rows of others that went with them */
} Run;

StreamReaper *
stream_reaper_create(MemoryContext parent, TupleDesc desc,
					 StreamReaping reaping, Expr *end, int64 width,
					 bool closing_index, int first_state,
					 int64 (*on_reap) (TupleTableSlot *row, void *arg),
					 void *arg)
{
	MemoryContext context = AllocSetContextCreate(parent, "reaper",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamReaper *reaper = palloc0(sizeof(StreamReaper));

	reaper->context = context;
	reaper->batch = AllocSetContextCreate(context, "batch of the reaper",
										  ALLOCSET_DEFAULT_SIZES);
	reaper->place = AllocSetContextCreate(context, "place of the reaper",
										  ALLOCSET_SMALL_SIZES);
	reaper->desc = CreateTupleDescCopy(desc);
	reaper->reaping = reaping;
	reaper->end_expr = copyObject(end);
	reaper->width = width;
	reaper->closing_index = closing_index;
	reaper->first_state = first_state;
	reaper->on_reap = on_reap;
	reaper->arg = arg;
	MemoryContextSwitchTo(old);
	return reaper;
}

void
stream_reaper_set_together(StreamReaper *reaper)
{
	reaper->together = true;
}

/* ---- the index ---- */

/* Is it the one that has the groups in the order of their ends? */
static bool
is_in_order(StreamReaper *reaper, Form_pg_index form)
{
	if (!form->indisvalid || !form->indisready)
		return false;
	/* users have no index on expressions, nor on the column of the expiry */
	if (reaper->closing_index)
		return !form->indisunique && form->indnatts == 1 &&
			form->indkey.values[0] == (IsA(reaper->end_expr, Var) ?
									   ((Var *) reaper->end_expr)->varattno : 0);
	/* and none on rows that nobody reads */
	return form->indkey.values[0] == 1 &&
		(form->indisunique || reaper->reaping == STREAM_REAP_ROWS);
}

static void
open_index(Run *run)
{
	List	   *indexes = RelationGetIndexList(run->rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		run->index = index_open(lfirst_oid(lc), AccessShareLock);
		if (is_in_order(run->reaper, run->index->rd_index))
			break;
		index_close(run->index, AccessShareLock);
		run->index = NULL;
	}
	if (run->index == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("state table \"%s\" has no index on the ends of its groups",
						RelationGetRelationName(run->rel)),
				 errhint("Drop the continuous view and create it anew.")));
	run->nkeys = IndexRelationGetNumberOfKeyAttributes(run->index);
	run->info = BuildIndexInfo(run->index);
}

/* A condition on a column of the index; strategy 0: it is null. */
static void
set_key(Run *run, ScanKey key, int column, StrategyNumber strategy,
		Datum value)
{
	Oid			type = run->index->rd_opcintype[column];
	Oid			operator;

	if (strategy == InvalidStrategy)
	{
		ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, column + 1,
							   InvalidStrategy, InvalidOid, InvalidOid,
							   InvalidOid, (Datum) 0);
		return;
	}
	operator = get_opfamily_member(run->index->rd_opfamily[column], type, type,
								   strategy);
	ScanKeyEntryInitialize(key, 0, column + 1, strategy, InvalidOid,
						   run->index->rd_indcollation[column],
						   get_opcode(operator), value);
}

static void
scan_again(Run *run, ScanKey keys, int nkeys)
{
	if (run->scan)
		index_endscan(run->scan);
	run->scan = stream_compat_index_beginscan(run->rel, run->index,
											  SnapshotSelf, NULL, nkeys, 0);
	index_rescan(run->scan, keys, nkeys, NULL, 0);
}

/* That, or the least of the ranges that begin then. */
static Datum
time_in_index(Run *run, int64 time)
{
	TypeCacheEntry *typcache;
	RangeBound	bound = {.val = Int64GetDatum(time),.inclusive = true,.lower = true};
	RangeBound	infinite = {.infinite = true};

	if (run->index->rd_opcintype[0] != ANYRANGEOID)
		return Int64GetDatum(time);
	typcache = lookup_type_cache(TupleDescAttr(run->reaper->desc, 0)->atttypid,
								 TYPECACHE_RANGE_INFO);
	return RangeTypePGetDatum(stream_compat_make_range(typcache, &bound,
													   &infinite, false, NULL));
}

/*
 * No group ends before the time in the index's first column: a scan for those that have
 * ended need not look at all that is on its last page.
 */
static void
set_last_key(Run *run, ScanKey key)
{
	set_key(run, key, 0, BTLessEqualStrategyNumber,
			time_in_index(run, run->until));
}

/* Begins with the keys that are greater than the last in the run's level. */
static void
scan_level(Run *run)
{
	StreamReaper *reaper = run->reaper;
	ScanKeyData keys[INDEX_MAX_KEYS + 1];
	int			nkeys = run->level + 1;

	for (int i = 0; i < run->level; i++)
		set_key(run, &keys[i], i, reaper->last_isnull[i] ? InvalidStrategy :
				BTEqualStrategyNumber, reaper->last[i]);
	set_key(run, &keys[run->level], run->level, run->nulls ? InvalidStrategy :
			BTGreaterStrategyNumber, reaper->last[run->level]);
	if (run->level == 0 && !run->nulls)
		set_last_key(run, &keys[nkeys++]);
	scan_again(run, keys, nkeys);
}

/* A value of the index's first column below that of all groups not yet reaped. */
static Datum
lower_bound(Run *run, int64 reaped)
{
	int64		low = reaped;

	if (reaped != STREAM_NO_TIME &&
		pg_sub_s64_overflow(reaped, run->reaper->width + 1, &low))
		low = STREAM_NO_TIME;
	return time_in_index(run, low);
}

/* Begins before all groups that are not reaped yet. */
static void
scan_from(Run *run, int64 reaped)
{
	ScanKeyData keys[2];

	/* what begins earlier is smaller, however it ends */
	set_key(run, &keys[0], 0, BTGreaterEqualStrategyNumber,
			lower_bound(run, reaped));
	set_last_key(run, &keys[1]);
	scan_again(run, keys, 2);
	run->level = 0;
	run->nulls = false;
}

/* Goes on to the next part of what is after the last key; false: no more. */
static bool
next_level(Run *run)
{
	while (run->level > 0)
	{
		/* nulls come last; there are none in the first column */
		if (!run->nulls && run->reaper->last &&
			!run->reaper->last_isnull[run->level])
		{
			run->nulls = true;
			scan_level(run);
			return true;
		}
		run->level--;
		run->nulls = false;
		if (!run->reaper->last_isnull[run->level])
		{
			scan_level(run);
			return true;
		}
		/* after null comes nothing */
		run->nulls = true;
	}
	return false;
}

static void
begin_scan(Run *run, const StreamReaped *place)
{
	StreamReaper *reaper = run->reaper;

	if (reaper->last && (reaper->reaped.until != place->until ||
						 reaper->reaped.groups != place->groups))
		reaper->last = NULL;
	if (reaper->last == NULL)
	{
		scan_from(run, place->until);
		return;
	}
	run->level = run->nkeys - 1;
	run->nulls = reaper->last_isnull[run->level];
	if (!run->nulls)
		scan_level(run);
	else if (!next_level(run))
		elog(ERROR, "no place to go on reaping");
}

static bool
next_row(Run *run)
{
	for (;;)
	{
		if (index_getnext_slot(run->scan, ForwardScanDirection, run->slot))
			return true;
		if (run->reaper->last == NULL || !next_level(run))
			return false;
	}
}

/* ---- groups ---- */

static int64
end_of_row(StreamReaper *reaper, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		end;

	reaper->econtext->ecxt_scantuple = slot;
	end = ExecEvalExprSwitchContext(reaper->end, reaper->econtext, &isnull);
	ResetExprContext(reaper->econtext);
	return isnull ? DT_NOEND : DatumGetInt64(end);
}

/* The row is the last one that has been looked at. */
static void
remember_place(Run *run)
{
	StreamReaper *reaper = run->reaper;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	MemoryContext old;

	GetPerTupleExprContext(run->estate)->ecxt_scantuple = run->slot;
	FormIndexDatum(run->info, run->slot, run->estate, values, isnull);
	MemoryContextReset(reaper->place);
	old = MemoryContextSwitchTo(reaper->place);
	reaper->last = palloc(sizeof(Datum) * run->nkeys);
	reaper->last_isnull = palloc(sizeof(bool) * run->nkeys);
	for (int i = 0; i < run->nkeys; i++)
	{
		Form_pg_attribute attr =
			TupleDescAttr(RelationGetDescr(run->index), i);

		reaper->last_isnull[i] = isnull[i];
		reaper->last[i] = isnull[i] ? (Datum) 0 :
			datumCopy(values[i], attr->attbyval, attr->attlen);
	}
	MemoryContextSwitchTo(old);
}

/*
 * Collects groups that are closed and not reaped yet.  Returns true if there
 * are no more.
 */
static bool
collect_groups(Run *run, const StreamReaped *place, int64 closed)
{
	StreamReaper *reaper = run->reaper;
	bool		resumed = reaper->last != NULL;
	int64		skip = resumed ? 0 : place->groups;
	int64		limit = run->limit;
	int64		previous = STREAM_NO_TIME;
	int64		size = limit;

	run->groups = palloc_extended(sizeof(ClosedGroup) * size,
								  MCXT_ALLOC_HUGE);
	while (next_row(run))
	{
		int64		end = end_of_row(reaper, run->slot);

		CHECK_FOR_INTERRUPTS();
		if (end > closed)
			return true;
		if (end <= place->until || skip-- > 0)
			continue;
		/* an index on the ends alone cannot go on in between equal ones */
		if (run->ngroups >= limit &&
			((run->nkeys > 1 && !reaper->together) || end != previous))
			return false;
		if (run->ngroups == size)
		{
			size *= 2;
			run->groups = repalloc_huge(run->groups,
										sizeof(ClosedGroup) * size);
		}
		run->groups[run->ngroups].tid = run->slot->tts_tid;
		run->groups[run->ngroups++].end = end;
		previous = end;
		if (run->ngroups >= limit)
			remember_place(run);
	}
	return true;
}

static void
fetch_group(Run *run, ItemPointer tid)
{
	if (!table_tuple_fetch_row_version(run->rel, tid, SnapshotSelf, run->slot))
		elog(ERROR, "row of a closed group has gone");
	slot_getallattrs(run->slot);
}

/* Tells others that the group goes. */
static void
tell_of_group(Run *run, ItemPointer tid)
{
	fetch_group(run, tid);
	run->others += run->reaper->on_reap(run->slot, run->reaper->arg);
	ExecClearTuple(run->slot);
}

static bool
removes_rows(const StreamReaper *reaper)
{
	return reaper->reaping == STREAM_REAP_ROWS ||
		reaper->reaping == STREAM_REAP_RESULTS;
}

static void
reap_group(Run *run, StreamStateTable *table, ItemPointer tid,
		   TupleTableSlot *out)
{
	StreamReaper *reaper = run->reaper;
	HeapTuple	tuple;

	if (reaper->reaping == STREAM_REAP_COUNT)
		return;
	if (removes_rows(reaper))
	{
		stream_statetable_delete(table, tid);
		return;
	}
	fetch_group(run, tid);
	for (int i = reaper->first_state; i < reaper->desc->natts; i++)
		run->slot->tts_isnull[i] = true;
	tuple = heap_form_tuple(RelationGetDescr(run->rel), run->slot->tts_values,
							run->slot->tts_isnull);
	ExecForceStoreHeapTuple(tuple, out, false);
	stream_statetable_update(table, tid, InvalidBuffer, out);
	ExecClearTuple(run->slot);
	ExecClearTuple(out);
	heap_freetuple(tuple);
}

/*
 * Gives up the groups that have been collected; or the first of them, if what others
 * give up with them is as much as a run may take, but all that end at the same time.
 * Returns whether it has come to the last.
 */
static bool
reap_groups(Run *run)
{
	StreamReaper *reaper = run->reaper;
	StreamStateTable table = {0};
	TupleTableSlot *out;
	bool		all = true;

	if (reaper->reaping == STREAM_REAP_COUNT && reaper->on_reap == NULL)
		return true;
	out = MakeSingleTupleTableSlot(RelationGetDescr(run->rel),
								   &TTSOpsHeapTuple);
	stream_statetable_open(&table, run->rel, 0, NULL, NULL, STREAM_NOT_TIMED,
						   STREAM_NO_TIME);
	for (int64 i = 0; i < run->ngroups; i++)
	{
		ClosedGroup *group = &run->groups[i];

		CHECK_FOR_INTERRUPTS();
		if (run->others >= run->limit && group->end != group[-1].end)
		{
			run->ngroups = i;
			all = false;
			break;
		}
		if (reaper->on_reap)
			tell_of_group(run, &group->tid);
		reap_group(run, &table, &group->tid, out);
	}
	stream_statetable_close(&table);
	ExecDropSingleTupleTableSlot(out);
	return all;
}

static void
prepare_end(StreamReaper *reaper)
{
	MemoryContext old = MemoryContextSwitchTo(reaper->context);

	if (reaper->end == NULL)
	{
		reaper->econtext = CreateStandaloneExprContext();
		reaper->end = ExecInitExpr(reaper->end_expr, NULL);
	}
	MemoryContextSwitchTo(old);
}

void
stream_reaper_show(StreamReaper *reaper, Relation rel, int64 after,
				   int64 until,
				   void (*show) (TupleTableSlot *row, void *arg), void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(reaper->batch);
	Run			run = {.reaper = reaper,.rel = rel,.until = until};

	prepare_end(reaper);
	run.slot = table_slot_create(rel, NULL);
	open_index(&run);
	scan_from(&run, after);
	while (index_getnext_slot(run.scan, ForwardScanDirection, run.slot))
	{
		int64		end = end_of_row(reaper, run.slot);

		CHECK_FOR_INTERRUPTS();
		if (end > until || (STREAM_MUTATION("closed_skipped") && end == until))
			break;
		if (end > after || (STREAM_MUTATION("closed_again") && end == after))
			show(run.slot, arg);
	}
	index_endscan(run.scan);
	index_close(run.index, NoLock);
	ExecDropSingleTupleTableSlot(run.slot);
	MemoryContextSwitchTo(old);
	MemoryContextReset(reaper->batch);
}

int64
stream_reaper_run(StreamReaper *reaper, Relation rel, StreamReaped *place,
				  int64 closed, int64 limit)
{
	MemoryContext old = MemoryContextSwitchTo(reaper->batch);
	Run			run = {.reaper = reaper,.rel = rel,.until = closed,.limit = limit};
	bool		done;

	prepare_end(reaper);
	run.estate = CreateExecutorState();
	run.slot = table_slot_create(rel, NULL);
	open_index(&run);
	begin_scan(&run, place);
	done = collect_groups(&run, place, closed);
	index_endscan(run.scan);
	index_close(run.index, NoLock);
	if (!reap_groups(&run))
	{
		done = false;
		reaper->last = NULL;	/* it is beyond the place */
	}
	ExecDropSingleTupleTableSlot(run.slot);
	FreeExecutorState(run.estate);

	if (done)
	{
		place->until = closed;
		place->groups = 0;
		reaper->last = NULL;
	}
	else if (removes_rows(reaper))
		reaper->last = NULL;	/* the next one is the first there is */
	else
		place->groups += run.ngroups;
	reaper->reaped = *place;
	MemoryContextSwitchTo(old);
	MemoryContextReset(reaper->batch);
	return run.ngroups + run.others;
}
