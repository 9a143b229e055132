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
 * The other keys of a group are looked up once for each row of the delta and get
 * a number; a window is found by that and by where it starts.  When all that gets too
 * large for memory, it is merged into the store, and gathering begins anew.
 *
 * Source: J. Li et al., "No Pane, No Gain: Efficient Evaluation of
 * Sliding-Window Aggregates over Data Streams", SIGMOD Record 34(1), 2005.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "time/window.h"
#include "state/aggstate.h"
#include "flow/panes.h"

typedef struct WindowKey
{
	Timestamp	start;
	int64		group;			/* the number of the other keys */
} WindowKey;

/* A window of a group, with its states so far. */
typedef struct PaneWindow
{
	WindowKey	key;
	NullableDatum *states;
	char		status;
} PaneWindow;

static inline uint32
hash_window(WindowKey key)
{
	uint64		start = key.start;

	return hash_combine(murmurhash32((uint32) (start ^ (start >> 32))),
						murmurhash32((uint32) key.group));
}

#define SH_PREFIX panewindows
#define SH_ELEMENT_TYPE PaneWindow
#define SH_KEY_TYPE WindowKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_window(key)
#define SH_EQUAL(tb, a, b) ((a).start == (b).start && (a).group == (b).group)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct StreamPanes
{
	MemoryContext context;
	MemoryContext batch;		/* all that is gathered */
	MemoryContext row;			/* reset for each row */
	const StreamWindow *window;
	int			nkeys;
	int			naggs;
	StreamAgg **aggs;
	TypeCacheEntry *range;

	/* the keys other than the window */
	int			nothers;
	AttrNumber *others;			/* their columns */
	Oid		   *eqfuncs;
	FmgrInfo   *hashfuncs;
	Oid		   *collations;

	/* the pane at hand */
	NullableDatum *states;

	/* gathered in a batch; slot is NULL before the first one ever */
	TupleTableSlot *slot;		/* a row of the delta */
	TupleHashTable groups;		/* the other keys, each with its number */
	int64		ngroups;
	MinimalTuple *keys;			/* those of each group */
	int64		maxgroups;
	panewindows_hash *windows;
	int			adds;			/* since memory was last measured */
	bool		again;			/* the store has been written to in this batch */
};

StreamPanes *
stream_panes_create(MemoryContext parent, const StreamWindow *window,
					const StreamStoreShape *shape)
{
	MemoryContext context = AllocSetContextCreate(parent, "sliding windows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamPanes *panes = palloc0(sizeof(StreamPanes));
	int			nkeys = shape->nkeys;
	Oid		   *eqops = palloc(sizeof(Oid) * nkeys);
	ListCell   *lc;

	panes->context = context;
	panes->batch = AllocSetContextCreate(context, "windows of a batch",
										 ALLOCSET_DEFAULT_SIZES);
	panes->row = AllocSetContextCreate(context, "row of the delta",
									   ALLOCSET_DEFAULT_SIZES);
	panes->window = window;
	panes->nkeys = nkeys;
	panes->aggs = palloc(sizeof(StreamAgg *) * (list_length(shape->aggs) + 1));
	/* those that rows of the delta have states of */
	foreach(lc, shape->aggs)
		if (stream_aggstate_is_own((StreamAgg *) lfirst(lc),
								   foreach_current_index(lc)))
			panes->aggs[panes->naggs++] = lfirst(lc);
	panes->states = palloc(sizeof(NullableDatum) * (panes->naggs + 1));
	panes->others = palloc(sizeof(AttrNumber) * nkeys);
	panes->collations = palloc(sizeof(Oid) * nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		if (i == window->key)
			continue;
		eqops[panes->nothers] = shape->eqops[i];
		panes->collations[panes->nothers] = shape->collations[i];
		panes->others[panes->nothers++] = i + 1;
	}
	execTuplesHashPrepare(panes->nothers, eqops, &panes->eqfuncs,
						  &panes->hashfuncs);
	MemoryContextSwitchTo(old);
	return panes;
}

/* ---- gathering ---- */

/* Gets ready for the first row of a batch. */
static void
begin_batch(StreamPanes *panes, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(panes->context);
	Oid			rangetype = TupleDescAttr(desc, panes->window->key)->atttypid;

	if (panes->slot == NULL)
	{
		desc = CreateTupleDescCopy(desc);
		panes->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		panes->range = lookup_type_cache(rangetype, TYPECACHE_RANGE_INFO);
	}
	if (panes->nothers > 0)
		panes->groups =
			stream_compat_build_hash_table(NULL,
										   panes->slot->tts_tupleDescriptor,
										   NULL, panes->nothers, panes->others,
										   panes->eqfuncs, panes->hashfuncs,
										   panes->collations, 256,
										   STREAM_COMPAT_HASH_EXTRA,
										   panes->batch, panes->batch,
										   panes->row, false);
	MemoryContextSwitchTo(panes->batch);
	panes->windows = panewindows_create(panes->batch, 1024, NULL);
	panes->ngroups = 0;
	panes->maxgroups = 256;
	panes->keys = palloc(sizeof(MinimalTuple) * panes->maxgroups);
	MemoryContextSwitchTo(old);
}

/* The number of the row's other keys. */
static int64
number_of_keys(StreamPanes *panes, TupleTableSlot *delta)
{
	TupleTableSlot *slot = panes->slot;
	TupleHashEntry entry;
	void	  **number;
	bool		isnew;

	if (panes->nothers == 0)
		return 0;
	ExecClearTuple(slot);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		bool		other = i < panes->nkeys && i != panes->window->key;

		slot->tts_values[i] = delta->tts_values[i];
		slot->tts_isnull[i] = !other || delta->tts_isnull[i];
	}
	ExecStoreVirtualTuple(slot);
	entry = LookupTupleHashEntry(panes->groups, slot, &isnew, NULL);
	number = stream_compat_hash_pointer(panes->groups, entry);
	if (!isnew)
		return (int64) (intptr_t) *number;
	if (panes->ngroups == panes->maxgroups)
	{
		panes->maxgroups *= 2;
		panes->keys = repalloc_huge(panes->keys, sizeof(MinimalTuple) *
									panes->maxgroups);
	}
	panes->keys[panes->ngroups] = entry->firstTuple;
	*number = (void *) (intptr_t) panes->ngroups;
	return panes->ngroups++;
}

/* Takes the partial states of a row of the delta out of their stored form. */
static void
unpack_states(StreamPanes *panes, TupleTableSlot *delta)
{
	for (int i = 0; i < panes->naggs; i++)
	{
		NullableDatum stored;

		stored.value = delta->tts_values[panes->nkeys + i];
		stored.isnull = delta->tts_isnull[panes->nkeys + i];
		panes->states[i] = stream_aggstate_unpack(panes->aggs[i], stored);
	}
}

/* Combines the pane's states into those of a window. */
static void
combine(StreamPanes *panes, TupleTableSlot *delta, Timestamp start,
		int64 group)
{
	WindowKey	key = {start, group};
	bool		found;
	PaneWindow *window = panewindows_insert(panes->windows, key, &found);

	if (!found)
		window->states =
			MemoryContextAlloc(panes->batch, sizeof(NullableDatum) *
							   (panes->naggs + 1));
	for (int i = 0; i < panes->naggs; i++)
	{
		if (!found)
		{
			NullableDatum stored;

			stored.value = delta->tts_values[panes->nkeys + i];
			stored.isnull = delta->tts_isnull[panes->nkeys + i];
			window->states[i] = stream_aggstate_load(panes->aggs[i],
													 panes->batch, stored);
		}
		else
			stream_aggstate_combine_unpacked(panes->aggs[i], panes->batch,
											 &window->states[i],
											 panes->states[i]);
	}
}

static Timestamp
start_of_pane(StreamPanes *panes, Datum pane)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(panes->range, DatumGetRangeTypeP(pane), &lower, &upper,
					  &empty);
	return DatumGetTimestamp(lower.val);
}

static Timestamp
end_of_window(StreamPanes *panes, Timestamp start)
{
	return stream_window_plus(start, panes->window->size);
}

/* ---- handing on ---- */

static Datum
window_range(StreamPanes *panes, Timestamp start)
{
	RangeBound	bound = {
		.val = TimestampGetDatum(start),.inclusive = true,.lower = true
	};
	RangeBound	upper = bound;

	if (!TIMESTAMP_NOT_FINITE(start))
		return stream_window_range(panes->range, start,
								   end_of_window(panes, start));
	upper.lower = false;
	return RangeTypePGetDatum(stream_compat_make_range(panes->range,
													   &bound, &upper, false,
													   NULL));
}

/* Puts a window into the slot, as a row of the delta. */
static void
form_delta(StreamPanes *panes, PaneWindow *window)
{
	TupleTableSlot *slot = panes->slot;
	int			key = panes->window->key;

	ExecClearTuple(slot);
	if (panes->nothers > 0)
	{
		TupleTableSlot *keys = panes->groups->tableslot;

		ExecStoreMinimalTuple(panes->keys[window->key.group], keys, false);
		slot_getsomeattrs(keys, panes->nkeys);
		for (int i = 0; i < panes->nkeys; i++)
		{
			slot->tts_values[i] = keys->tts_values[i];
			slot->tts_isnull[i] = keys->tts_isnull[i];
		}
	}
	slot->tts_values[key] = window_range(panes, window->key.start);
	slot->tts_isnull[key] = false;
	for (int i = 0; i < panes->naggs; i++)
	{
		NullableDatum stored = stream_aggstate_store(panes->aggs[i],
													 window->states[i]);

		slot->tts_values[panes->nkeys + i] = stored.value;
		slot->tts_isnull[panes->nkeys + i] = stored.isnull;
	}
	ExecStoreVirtualTuple(slot);
}

/* Merges what has been gathered into the store, and forgets it. */
static void
flush(StreamPanes *panes, StreamStore *store)
{
	panewindows_iterator iterator;
	PaneWindow *window;

	if (panes->windows == NULL)
		return;
	if (panes->again)
	{
		/* what has been written may be changed again after that */
		stream_store_begin_feed(store, 0);
		CommandCounterIncrement();
	}
	panes->again = true;
	panewindows_start_iterate(panes->windows, &iterator);
	while ((window = panewindows_iterate(panes->windows, &iterator)) != NULL)
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(panes->row);
		old = MemoryContextSwitchTo(panes->row);
		form_delta(panes, window);
		stream_store_merge(store, panes->slot);
		MemoryContextSwitchTo(old);
	}
	ExecClearTuple(panes->slot);
	panes->groups = NULL;
	panes->windows = NULL;
	MemoryContextReset(panes->batch);
}

/* Is more gathered than fits into memory?  Measured now and then. */
static bool
is_full(StreamPanes *panes)
{
	if (++panes->adds < 64)
		return false;
	panes->adds = 0;
	return panes->windows != NULL &&
		MemoryContextMemAllocated(panes->batch, true) >=
		stream_store_held_limit();
}

/* Gets ready for combining the row; returns the number of its other keys. */
static int64
begin_row(StreamPanes *panes, TupleTableSlot *delta)
{
	int64		group;

	if (panes->windows == NULL)
		begin_batch(panes, delta->tts_tupleDescriptor);
	MemoryContextReset(panes->row);
	group = number_of_keys(panes, delta);
	unpack_states(panes, delta);
	return group;
}

void
stream_panes_add(StreamPanes *panes, StreamStore *store,
				 TupleTableSlot *delta, int64 late)
{
	const StreamWindow *window = panes->window;
	MemoryContext old;
	Timestamp	pane;
	Timestamp	start;
	int64		group;

	if (late != STREAM_NO_TIME)
		late -= window->slack;
	slot_getallattrs(delta);
	/* hop of a null time has no windows */
	if (delta->tts_isnull[window->key])
		return;
	old = MemoryContextSwitchTo(panes->row);
	group = begin_row(panes, delta);
	pane = start_of_pane(panes, delta->tts_values[window->key]);
	if (TIMESTAMP_NOT_FINITE(pane))
		combine(panes, delta, pane, group); /* it has a window of its own */
	else
		for (start = stream_window_start(pane, window->slide, window->offset);
			 end_of_window(panes, start) > Max(pane, late);
			 start -= window->slide)
		{
			CHECK_FOR_INTERRUPTS();
			if (is_full(panes))
			{
				flush(panes, store);
				group = begin_row(panes, delta);
			}
			combine(panes, delta, start, group);
		}
	MemoryContextSwitchTo(old);
}

void
stream_panes_close(StreamPanes *panes, StreamStore *store)
{
	flush(panes, store);
	panes->again = false;
}
