/*-------------------------------------------------------------------------
 *
 * panes.c
 *	  Sliding windows: from panes to windows.
 *
 * A row is in many sliding windows, but in one pane: the pieces that the time
 * line is cut into by the windows' ends.  So the delta query groups by panes, as
 * if they were tumbling windows, and the partial states of each pane are then
 * combined into those of the windows it is a part of.  What that costs depends
 * on how many panes a batch touches, not on how many rows it has.
 *
 * Source: J. Li et al., "No Pane, No Gain: Efficient Evaluation of
 * Sliding-Window Aggregates over Data Streams", SIGMOD Record 34(1), 2005.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "compat.h"
#include "aggstate.h"
#include "panes.h"
#include "window.h"

struct StreamPanes
{
	MemoryContext context;
	MemoryContext batch;		/* the groups */
	MemoryContext row;			/* reset for each row */
	const StreamWindow *window;
	StreamStoreShape shape;
	int			naggs;
	StreamAgg **aggs;
	AttrNumber *keycols;
	Oid		   *eqfuncs;
	FmgrInfo   *hashfuncs;
	TypeCacheEntry *range;

	/* made from the first row of a batch */
	TupleTableSlot *slot;		/* a row with a window in the pane's place */
	TupleHashTable groups;		/* each with its states, in an array */
};

StreamPanes *
stream_panes_create(MemoryContext parent, const StreamWindow *window,
					const StreamStoreShape *shape)
{
	MemoryContext context = AllocSetContextCreate(parent, "sliding windows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamPanes *panes = palloc0(sizeof(StreamPanes));
	ListCell   *lc;

	panes->context = context;
	panes->batch = AllocSetContextCreate(context, "groups of a batch",
										 ALLOCSET_DEFAULT_SIZES);
	panes->row = AllocSetContextCreate(context, "row of the delta",
									   ALLOCSET_DEFAULT_SIZES);
	panes->window = window;
	panes->shape = *shape;
	panes->aggs = palloc(sizeof(StreamAgg *) * (list_length(shape->aggs) + 1));
	foreach(lc, shape->aggs)
		panes->aggs[panes->naggs++] = lfirst(lc);
	panes->keycols = palloc(sizeof(AttrNumber) * shape->nkeys);
	for (int i = 0; i < shape->nkeys; i++)
		panes->keycols[i] = i + 1;
	execTuplesHashPrepare(shape->nkeys, panes->shape.eqops, &panes->eqfuncs,
						  &panes->hashfuncs);
	MemoryContextSwitchTo(old);
	return panes;
}

/* Gets ready for the first row of a batch. */
static void
begin_groups(StreamPanes *panes, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(panes->context);
	Oid			rangetype = TupleDescAttr(desc, panes->window->key)->atttypid;

	if (panes->slot == NULL)
	{
		desc = CreateTupleDescCopy(desc);
		panes->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		panes->range = lookup_type_cache(rangetype, TYPECACHE_RANGE_INFO);
	}
	panes->groups =
		BuildTupleHashTableExt(NULL, panes->slot->tts_tupleDescriptor,
							   panes->shape.nkeys, panes->keycols,
							   panes->eqfuncs, panes->hashfuncs,
							   panes->shape.collations, 1024, 0, panes->batch,
							   panes->batch, panes->row, false);
	MemoryContextSwitchTo(old);
}

/* Combines the row's states into those of the group whose keys are in the slot. */
static void
combine(StreamPanes *panes, TupleTableSlot *delta)
{
	bool		isnew;
	TupleHashEntry entry = LookupTupleHashEntry(panes->groups, panes->slot,
												&isnew, NULL);
	NullableDatum *states = entry->additional;

	if (isnew)
		entry->additional = states =
			MemoryContextAlloc(panes->batch, sizeof(NullableDatum) *
							   (panes->naggs + 1));
	for (int i = 0; i < panes->naggs; i++)
	{
		int			column = panes->shape.nkeys + i;
		NullableDatum partial;

		partial.value = delta->tts_values[column];
		partial.isnull = delta->tts_isnull[column];
		if (isnew)
			states[i] = stream_aggstate_load(panes->aggs[i],
													panes->batch, partial);
		else
			stream_aggstate_combine(panes->aggs[i], panes->batch,
									&states[i], partial);
	}
}

static Datum
window_range(StreamPanes *panes, Timestamp start)
{
	RangeBound	lower = {.inclusive = true,.lower = true};
	RangeBound	upper = {.inclusive = false,.lower = false};

	lower.val = TimestampGetDatum(start);
	upper.val = TimestampGetDatum(start + panes->window->size);
	return RangeTypePGetDatum(make_range(panes->range, &lower, &upper,
										 false));
}

/* Puts the keys of a row of the delta into the slot. */
static void
take_keys(StreamPanes *panes, TupleTableSlot *delta)
{
	ExecClearTuple(panes->slot);
	for (int i = 0; i < delta->tts_tupleDescriptor->natts; i++)
	{
		panes->slot->tts_values[i] = delta->tts_values[i];
		panes->slot->tts_isnull[i] = delta->tts_isnull[i];
	}
	ExecStoreVirtualTuple(panes->slot);
}

void
stream_panes_add(StreamPanes *panes, TupleTableSlot *delta, int64 late)
{
	const StreamWindow *window = panes->window;
	Datum	   *key;
	MemoryContext old;
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	Timestamp	pane;

	slot_getallattrs(delta);
	/* hop of a null time has no windows */
	if (delta->tts_isnull[window->key])
		return;
	if (panes->groups == NULL)
		begin_groups(panes, delta->tts_tupleDescriptor);
	MemoryContextReset(panes->row);
	old = MemoryContextSwitchTo(panes->row);
	take_keys(panes, delta);
	key = &panes->slot->tts_values[window->key];
	range_deserialize(panes->range, DatumGetRangeTypeP(*key), &lower, &upper,
					  &empty);
	pane = DatumGetTimestamp(lower.val);
	if (TIMESTAMP_NOT_FINITE(pane))
		combine(panes, delta);	/* it has a window of its own */
	else
		for (Timestamp start = stream_window_start(pane, window->slide,
												   window->offset);
			 start + window->size > pane && start + window->size > late;
			 start -= window->slide)
		{
			*key = window_range(panes, start);
			combine(panes, delta);
		}
	MemoryContextSwitchTo(old);
}

/* Puts a group into the slot, as a row of the delta. */
static void
form_delta(StreamPanes *panes, TupleHashEntry entry)
{
	NullableDatum *states = entry->additional;
	TupleTableSlot *keys = panes->groups->tableslot;

	ExecStoreMinimalTuple(entry->firstTuple, keys, false);
	slot_getsomeattrs(keys, panes->shape.nkeys);
	ExecClearTuple(panes->slot);
	for (int i = 0; i < panes->shape.nkeys; i++)
	{
		panes->slot->tts_values[i] = keys->tts_values[i];
		panes->slot->tts_isnull[i] = keys->tts_isnull[i];
	}
	for (int i = 0; i < panes->naggs; i++)
	{
		NullableDatum stored = stream_aggstate_store(panes->aggs[i],
													 states[i]);

		panes->slot->tts_values[panes->shape.nkeys + i] = stored.value;
		panes->slot->tts_isnull[panes->shape.nkeys + i] = stored.isnull;
	}
	ExecStoreVirtualTuple(panes->slot);
}

void
stream_panes_flush(StreamPanes *panes, StreamStore *store)
{
	TupleHashIterator iterator;
	TupleHashEntry entry;

	if (panes->groups == NULL)
		return;
	InitTupleHashIterator(panes->groups, &iterator);
	while ((entry = ScanTupleHashTable(panes->groups, &iterator)) != NULL)
	{
		MemoryContext old;

		MemoryContextReset(panes->row);
		old = MemoryContextSwitchTo(panes->row);
		form_delta(panes, entry);
		stream_store_merge(store, panes->slot);
		MemoryContextSwitchTo(old);
	}
	TermTupleHashIterator(&iterator);
	ExecClearTuple(panes->slot);
	panes->groups = NULL;
	MemoryContextReset(panes->batch);
}
