/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The state store: a keyed table with a write-through cache.
 *
 * The worker that owns a view is the only writer of its state table, so it may
 * keep, per group, where its row is (the TID) and its aggregate states.  Merging
 * a row of the delta is then one hash probe, one call of a combine function per
 * aggregate and one heap update, with no look-up in an index.  Every change is
 * written at once; the cache never holds anything that the table does not.
 *
 * Memory is bounded by streaming.state_cache_size in two generations.  Groups
 * enter the young one; when memory is used up, the old one is dropped as a whole
 * and the young one takes its place.  A group that is touched while in the old
 * generation moves to the young one.  So what is in use stays, and nothing has
 * to be freed one by one (combine functions may leak into their context as they
 * like).
 *
 * A group that is not cached is looked up through the unique index on the keys,
 * except while the cache is complete: it was empty when the table was, and has
 * dropped nothing since.  Keys that cannot be hashed, and views without keys,
 * have no cache and always look up.  Rows whose groups are to be looked up wait, until
 * there are many, or the feed ends (misses.c).
 *
 * With many groups, nearly every access of the above is to memory that is in no
 * processor cache: the bucket, the group, its page, its row.  So rows of the
 * delta queue up for a moment, in a ring; when a row enters, its bucket is
 * prefetched, some rows later the group found there, then the page, then the row
 * on it.  When its turn comes, all is at hand.
 *
 * Rows of new groups wait once more, until there are many, or the feed ends: they are written
 * page by page, and in the order of their keys entered in the index leaf by leaf.  Nobody
 * misses them: a group is written once in a feed, and it is in the cache.  The order in which
 * they are written is that in which they have come, mostly that of a hash of their keys:
 * in this order they come again in later batches, of whatever size, so that these go over
 * the pages from the first to the last, and not to and fro.  Where groups go again by time
 * it is the order of the keys, so that the reaper does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/courtesy.h"
#include "base/debug.h"
#include "state/aggstate.h"
#include "state/keyorder.h"
#include "state/misses.h"
#include "state/statetable.h"
#include "state/store.h"

int			stream_state_cache_size = 262144;

/* What is remembered of a group; its keys are in the hash table. */
typedef struct StateGroup
{
	ItemPointerData tid;
	Buffer		buffer;			/* where its page was seen last: a hint */
	Datum		states[FLEXIBLE_ARRAY_MEMBER];
	/* then one bool per state: is it null? */
} StateGroup;

#define GROUP_NULLS(store, group) \
	((bool *) &(group)->states[(store)->nstates])

typedef struct Generation
{
	MemoryContext context;
	TupleHashTable table;
} Generation;


/* Length of the ring, and after how many rows what is prefetched. */
#define RING_SIZE 16
#define PREFETCH_GROUP 4
#define PREFETCH_PAGE 8
#define PREFETCH_TUPLE 12

/* A row of the delta that waits in the ring. */
typedef struct StagedRow
{
	TupleTableSlot *slot;
	uint32		hash;			/* of its keys */
} StagedRow;

/* A row of a new group, to be written. */
typedef struct NewRow
{
	StreamKeyed row;
	StateGroup *group;
} NewRow;

/* So many are written at once. */
#define NEW_ROWS_TOGETHER 128

/*
 * So many bytes of them, or of rows whose groups are to be looked up, wait at most; less
 * with a small cache.
 */
#define WAITING_SIZE (4 * 1024 * 1024)

typedef struct StoreFeed
{
	int			naggs;
	int		   *aggs;			/* which they are */
	bool		has_all;		/* just all, in order */
	StagedRow	ring[RING_SIZE];
	TupleTableSlot *missslot;	/* the row at hand of those that were looked up */
} StoreFeed;

struct StreamStore
{
	MemoryContext context;
	MemoryContext row;			/* reset for each row */

	/* shape */
	TupleDesc	desc;			/* of the state table */
	TupleDesc	keydesc;		/* its first nkeys columns */
	int			nkeys;
	int			naggs;
	int			nown;			/* so many of them have a state of their own, ... */
	int		   *own;			/* ... which they are */
	int			nstates;		/* remembered: of the aggregates, and expiry,
								 * or what a group's row is ranked by */
	int			npayload;
	AttrNumber	expiry;			/* column of the state table, or 0 */
	StreamAgg **aggs;
	StreamRanking *ranking;		/* which row a group has, or NULL */
	Datum	   *ranks;			/* of the row at hand */
	bool	   *rank_nulls;
	StoreFeed  *feeds;
	int			nfeeds;
	bool		bits;
	bool		timed;			/* groups go by time */
	Oid		   *eqops;
	Oid		   *collations;
	AttrNumber *keycols;
	Oid		   *eqfuncs;
	FmgrInfo   *hashfuncs;		/* NULL: no cache */
	bool		equalimage;		/* equal keys look the same */

	/* cache */
	Generation *young;
	Generation *old;
	bool		complete;		/* every group of the table is cached */
	int			dropped;		/* how often groups have gone from it, in this batch */
	int64		made;			/* groups, in this batch */

	/* who hears of what */
	void		(*on_made) (TupleTableSlot *delta, void *arg);
	void		(*on_change) (TupleTableSlot *row, int sign, void *arg);
	void	   *arg;
	int64		batch;			/* the batch that it is the state after */
	Oid			relfilenode;	/* the storage that the TIDs are about */
	int			probes;			/* since memory was last measured */
	int64		hits;			/* groups that were in it, in this batch */

	/* rows that wait: those numbered [processed, staged) */
	StoreFeed  *feed;			/* whose they are */
	uint64		staged;
	uint64		processed;

	/* rows of new groups that wait */
	MemoryContext new_context;
	NewRow	   *new_rows;		/* an array, in that */
	int			nnew;
	int			max_new;
	Size		new_size;		/* in bytes */
	Size		max_new_size;
	TupleTableSlot **new_slots;
	StreamKeyOrder *order;		/* of the keys; or NULL */

	/* rows whose groups are not cached that wait */
	StreamMisses *misses;
	ExprState  *same_keys;		/* has the row found the keys in keyslot? */
	ExprContext *econtext;

	/* slots */
	TupleTableSlot *keyslot;	/* keys of the row at hand */
	TupleTableSlot *cachedslot; /* keys as the table has them, if different */
	TupleTableSlot *outslot;	/* the row to write ... */
	Datum	   *values;			/* ... and what it is made of */
	bool	   *nulls;

	/* a group that is changed by itself */
	StateGroup *group;
	MemoryContext group_context;
	NullableDatum *group_states;

	StreamStateTable table;		/* in the batch in progress */
};

static TupleDesc
key_desc(TupleDesc desc, int nkeys)
{
	TupleDesc	keydesc = CreateTemplateTupleDesc(nkeys);

	for (int i = 0; i < nkeys; i++)
		TupleDescCopyEntry(keydesc, i + 1, desc, i + 1);
	return keydesc;
}

static bool
hashable(int nkeys, const Oid *eqops)
{
	RegProcedure left;
	RegProcedure right;

	if (nkeys == 0)
		return false;
	for (int i = 0; i < nkeys; i++)
		if (!get_op_hash_functions(eqops[i], &left, &right))
			return false;
	return true;
}

/* Do keys that are equal have the same bytes, too?  (As B-tree wants to know.) */
static bool
equal_image(TupleDesc keydesc)
{
	for (int i = 0; i < keydesc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(keydesc, i);
		Oid			opclass = GetDefaultOpClass(attr->atttypid, BTREE_AM_OID);
		Oid			proc;

		if (!OidIsValid(opclass))
			return false;
		proc = get_opfamily_proc(get_opclass_family(opclass),
								 get_opclass_input_type(opclass),
								 get_opclass_input_type(opclass),
								 BTEQUALIMAGE_PROC);
		if (!OidIsValid(proc) ||
			!DatumGetBool(OidFunctionCall1Coll(proc, attr->attcollation,
											   ObjectIdGetDatum(get_opclass_input_type(opclass)))))
			return false;
	}
	return true;
}

/* Says what the feeds have, in the current context. */
static void
set_feeds(StreamStore *store, List *feeds)
{
	ListCell   *lc;

	store->nfeeds = list_length(feeds);
	store->feeds = palloc0(sizeof(StoreFeed) * store->nfeeds);
	foreach(lc, feeds)
	{
		StoreFeed  *feed = &store->feeds[foreach_current_index(lc)];
		List	   *aggs = lfirst(lc);
		ListCell   *la;

		feed->aggs = palloc(sizeof(int) * (list_length(aggs) + 1));
		feed->has_all = list_length(aggs) == store->nown;
		foreach(la, aggs)
		{
			feed->has_all &= lfirst_int(la) == store->own[feed->naggs];
			feed->aggs[feed->naggs++] = lfirst_int(la);
		}
	}
	store->feed = store->feeds;
}

StreamStore *
stream_store_create(MemoryContext parent, TupleDesc desc,
					const StreamStoreShape *shape)
{
	MemoryContext context = AllocSetContextCreate(parent, "state store",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamStore *store = palloc0(sizeof(StreamStore));
	int			nkeys = shape->nkeys;
	int			i = 0;
	ListCell   *lc;

	store->context = context;
	store->row = AllocSetContextCreate(context, "row of the delta",
									   ALLOCSET_DEFAULT_SIZES);
	store->desc = CreateTupleDescCopy(desc);
	store->keydesc = key_desc(desc, nkeys);
	store->nkeys = nkeys;
	store->naggs = list_length(shape->aggs);
	store->nstates = store->naggs + (shape->expires ? 1 : 0) + shape->nranks;
	store->npayload = shape->npayload;
	store->expiry = shape->expires ? desc->natts : 0;
	store->aggs = palloc(sizeof(StreamAgg *) * (store->naggs + 1));
	store->own = palloc(sizeof(int) * (store->naggs + 1));
	foreach(lc, shape->aggs)
	{
		store->aggs[i] = lfirst(lc);
		if (stream_aggstate_is_own(store->aggs[i], i))
			store->own[store->nown++] = i;
		i++;
	}
	set_feeds(store, shape->feeds);
	store->bits = shape->bits;
	store->timed = shape->timed;
	store->eqops = palloc(sizeof(Oid) * (nkeys + 1));
	store->collations = palloc(sizeof(Oid) * (nkeys + 1));
	store->keycols = palloc(sizeof(AttrNumber) * (nkeys + 1));
	for (i = 0; i < nkeys; i++)
	{
		store->eqops[i] = shape->eqops[i];
		store->collations[i] = shape->collations[i];
		store->keycols[i] = i + 1;
	}
	if (hashable(nkeys, store->eqops))
		execTuplesHashPrepare(nkeys, store->eqops, &store->eqfuncs,
							  &store->hashfuncs);
	if (shape->ranks)
		store->ranking = stream_ranking_create(store->desc, shape->nranks,
											   shape->ranks);
	store->ranks = palloc(sizeof(Datum) * (shape->nranks + 1));
	store->rank_nulls = palloc(sizeof(bool) * (shape->nranks + 1));
	/* a row that takes the place of another brings its own keys */
	store->equalimage = store->ranking || equal_image(store->keydesc);
	store->keyslot = MakeSingleTupleTableSlot(store->keydesc, &TTSOpsVirtual);
	store->cachedslot = MakeSingleTupleTableSlot(store->keydesc,
												 &TTSOpsMinimalTuple);
	store->values = palloc(sizeof(Datum) * desc->natts);
	store->nulls = palloc(sizeof(bool) * desc->natts);
	store->group_states = palloc(sizeof(NullableDatum) * (store->naggs + 1));
	store->outslot = MakeSingleTupleTableSlot(store->desc, &TTSOpsHeapTuple);
	store->new_context = AllocSetContextCreate(context, "rows of new groups",
											   ALLOCSET_DEFAULT_SIZES);
	store->max_new_size = stream_debug_limit("new_rows", WAITING_SIZE);
	if (store->hashfuncs)
	{
		store->order = stream_keyorder_create(store->keydesc,
											  store->collations);
		store->misses = stream_misses_create(context, store->keydesc,
											 store->order);
		store->same_keys = execTuplesMatchPrepare(store->keydesc, nkeys,
												  store->keycols, store->eqops,
												  store->collations, NULL);
		store->econtext = CreateStandaloneExprContext();
	}
	MemoryContextSwitchTo(old);
	return store;
}

/* ---- rows of new groups ---- */

/* Has it a row that waits?  Its TID, which is valid, says so. */
static inline bool
row_waits(StateGroup *group)
{
	return ItemPointerIsValid(&group->tid) &&
		ItemPointerGetBlockNumberNoCheck(&group->tid) == InvalidBlockNumber;
}

static void
forget_new_rows(StreamStore *store)
{
	store->new_rows = NULL;
	store->nnew = store->max_new = 0;
	store->new_size = 0;
	MemoryContextReset(store->new_context);
}

/* The slots that rows are written from. */
static void
make_new_slots(StreamStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);

	store->new_slots = palloc(sizeof(TupleTableSlot *) * NEW_ROWS_TOGETHER);
	for (int i = 0; i < NEW_ROWS_TOGETHER; i++)
		store->new_slots[i] = MakeSingleTupleTableSlot(store->desc,
													   &TTSOpsHeapTuple);
	MemoryContextSwitchTo(old);
}

/* Writes some of the rows of new groups that wait, but for the index. */
static void
write_some_rows(StreamStore *store, NewRow *rows, int n)
{
	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < n; i++)
		ExecStoreHeapTuple(rows[i].row.tuple, store->new_slots[i], false);
	stream_statetable_insert_rows(&store->table, store->new_slots, n);
	for (int i = 0; i < n; i++)
	{
		StateGroup *group = rows[i].group;
		HeapTuple	tuple = rows[i].row.tuple;

		/* the slot that the index is served from is made of the tuple again */
		tuple->t_tableOid = store->new_slots[i]->tts_tableOid;
		group->tid = tuple->t_self = store->new_slots[i]->tts_tid;
		group->buffer = stream_statetable_buffer(&store->table, &group->tid);
		ExecClearTuple(store->new_slots[i]);
	}
}

static void
sort_new_rows(StreamStore *store)
{
	stream_keyorder_sort(store->order, store->new_rows, store->nnew,
						 sizeof(NewRow), store->desc);
}

/* Writes the rows of new groups that wait. */
static void
write_new_rows(StreamStore *store)
{
	if (store->nnew == 0)
		return;
	if (store->new_slots == NULL)
		make_new_slots(store);
	if (STREAM_MUTATION("new_row_lost"))
		store->nnew--;
	if (store->timed)
		sort_new_rows(store);
	for (int begin = 0; begin < store->nnew; begin += NEW_ROWS_TOGETHER)
		write_some_rows(store, store->new_rows + begin,
						Min(store->nnew - begin, NEW_ROWS_TOGETHER));
	if (!store->timed)
		sort_new_rows(store);
	for (int i = 0; i < store->nnew; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreHeapTuple(store->new_rows[i].row.tuple, store->new_slots[0],
						   false);
		stream_statetable_insert_entries(&store->table, store->new_slots[0]);
		ExecClearTuple(store->new_slots[0]);
	}
	forget_new_rows(store);
}

/*
 * The row, in the memory of new rows, waits to be written as that of the group, which is
 * in the cache.
 */
static void
put_new_row(StreamStore *store, StateGroup *group, HeapTuple tuple)
{
	NewRow	   *row;

	if (store->nnew == store->max_new)
	{
		Size		size;

		store->max_new = Max(store->max_new * 2, 64);
		size = sizeof(NewRow) * store->max_new;
		store->new_rows = store->new_rows ?
			repalloc(store->new_rows, size) :
			MemoryContextAlloc(store->new_context, size);
	}
	row = &store->new_rows[store->nnew++];
	row->group = group;
	group->buffer = InvalidBuffer;
	ItemPointerSet(&group->tid, InvalidBlockNumber, FirstOffsetNumber);
	row->row = stream_keyorder_element(tuple, store->desc);
	store->new_size += HEAPTUPLESIZE + tuple->t_len;
	if (store->new_size > Min(store->max_new_size, stream_store_held_limit()))
		write_new_rows(store);
}

/* ---- generations ---- */

static Generation *
create_generation(StreamStore *store)
{
	MemoryContext context = AllocSetContextCreate(store->context,
												  "state cache",
												  ALLOCSET_DEFAULT_SIZES);
	Generation *gen = MemoryContextAlloc(context, sizeof(Generation));

	gen->context = context;
	gen->table =
		stream_compat_build_hash_table(NULL, store->keydesc, NULL,
									   store->nkeys, store->keycols,
									   store->eqfuncs, store->hashfuncs,
									   store->collations, 256,
									   STREAM_COMPAT_HASH_EXTRA, context,
									   context, store->row, false);
	return gen;
}

static void
drop_generation(Generation **gen)
{
	if (*gen)
		MemoryContextDelete((*gen)->context);
	*gen = NULL;
}

static void
drop_cache(StreamStore *store)
{
	drop_generation(&store->young);
	drop_generation(&store->old);
	store->complete = false;
}

/*
 * Begins a new generation when memory is used up.  The first one may take two
 * thirds of it, so that there is a third for the next.
 */
static void
bound_memory(StreamStore *store)
{
	Size		limit = (Size) stream_state_cache_size * 1024;
	Size		used;

	if (++store->probes < 64)
		return;
	store->probes = 0;
	used = MemoryContextMemAllocated(store->young->context, true);
	if (store->old)
		used += MemoryContextMemAllocated(store->old->context, true);
	else
		limit = limit / 3 * 2;
	if (used < limit)
		return;
	/* what waits is of groups that may go with the old one */
	write_new_rows(store);
	if (store->old)
	{
		store->complete = false;
		store->dropped++;
	}
	drop_generation(&store->old);
	store->old = store->young;
	store->young = create_generation(store);
}

/* ---- a batch ---- */

void
stream_store_open(StreamStore *store, Relation rel, int64 batch,
				  int64 alive_after,
				  void (*made) (TupleTableSlot *delta, void *arg),
				  void (*changed) (TupleTableSlot *row, int sign, void *arg),
				  void *arg)
{
	stream_statetable_open(&store->table, rel, store->nkeys, store->eqops,
						   store->collations, store->expiry, alive_after);
	store->made = 0;
	store->hits = 0;
	store->dropped = 0;
	store->on_made = made;
	store->on_change = changed;
	store->arg = arg;
	store->staged = store->processed = 0;
	store->feed = store->feeds;
	forget_new_rows(store);
	if (!store->hashfuncs)
		return;
	stream_misses_forget(store->misses);
	if (store->batch != batch ||
		store->relfilenode != STREAM_COMPAT_RELNUMBER(rel) ||
		store->young == NULL)
	{
		if (!STREAM_MUTATION("cache") || store->young == NULL)
		{
			drop_cache(store);
			store->young = create_generation(store);
			store->complete = RelationGetNumberOfBlocks(rel) == 0;
		}
	}
	store->relfilenode = STREAM_COMPAT_RELNUMBER(rel);
	/* whatever ends this batch other than stream_store_settle is a failure */
	store->batch = -1;
}

/* ---- groups ---- */

static inline NullableDatum
get_state(StreamStore *store, StateGroup *group, int i)
{
	NullableDatum state = {
		.value = group->states[i],.isnull = GROUP_NULLS(store, group)[i]
	};

	return state;
}

static inline void
set_state(StreamStore *store, StateGroup *group, int i, NullableDatum state)
{
	group->states[i] = state.value;
	GROUP_NULLS(store, group)[i] = state.isnull;
}

/* The last of the states is when the group expires. */
static inline void
set_expiry(StreamStore *store, StateGroup *group, Datum expiry)
{
	group->states[store->nstates - 1] = expiry;
	GROUP_NULLS(store, group)[store->nstates - 1] = false;
}

/* The states are what the group's row is ranked by; copied to the context. */
static inline void
set_ranks(StreamStore *store, StateGroup *group, const Datum *ranks,
		  const bool *nulls, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	stream_ranking_copy(store->ranking, ranks, nulls, group->states,
						GROUP_NULLS(store, group));
	MemoryContextSwitchTo(old);
}

/* Does the row of the delta come before the one that the group has? */
static bool
is_better(StreamStore *store, StateGroup *group, TupleTableSlot *delta)
{
	int			order;

	stream_ranking_take(store->ranking, delta, store->ranks,
						store->rank_nulls);
	order = stream_ranking_compare(store->ranking, store->ranks,
								   store->rank_nulls, group->states,
								   GROUP_NULLS(store, group));
	return STREAM_MUTATION("topn_better") ? order > 0 : order < 0;
}

/* Is the group one that the table does not have, or one that has expired? */
static inline bool
is_new(StreamStore *store, StateGroup *group)
{
	return !ItemPointerIsValid(&group->tid) ||
		(store->expiry && DatumGetInt64(group->states[store->nstates - 1]) <=
		 store->table.alive_after);
}

/* Fills a group from the row found; states go to the context. */
static void
load_group(StreamStore *store, StateGroup *group, MemoryContext context)
{
	int			column = store->nkeys + store->naggs;

	slot_getallattrs(store->table.found);
	group->tid = store->table.found->tts_tid;
	if (TTS_IS_BUFFERTUPLE(store->table.found))
		group->buffer =
			((BufferHeapTupleTableSlot *) store->table.found)->buffer;
	for (int j = 0; j < store->nown; j++)
	{
		int			i = store->own[j];

		set_state(store, group, i,
				  stream_staterow_get(store->aggs[i], store->table.found,
									  store->nkeys + i, &column, context));
	}
	if (store->expiry)
		set_expiry(store, group,
				   store->table.found->tts_values[store->expiry - 1]);
	if (store->ranking)
	{
		stream_ranking_take(store->ranking, store->table.found, store->ranks,
							store->rank_nulls);
		set_ranks(store, group, store->ranks, store->rank_nulls, context);
	}
}

static StateGroup *
alloc_group(StreamStore *store, MemoryContext context)
{
	StateGroup *group = MemoryContextAlloc(context, offsetof(StateGroup, states) +
										   (sizeof(Datum) + sizeof(bool)) *
										   store->nstates);

	ItemPointerSetInvalid(&group->tid);
	group->buffer = InvalidBuffer;
	return group;
}

/* ---- finding a group ---- */

/* Takes the group over from the old generation, if it is there. */
static bool
promote(StreamStore *store, TupleHashEntry young, uint32 hash)
{
	StateGroup *group = *stream_compat_hash_pointer(store->young->table, young);
	TupleHashEntry entry;
	StateGroup *old;

	if (store->old == NULL)
		return false;
	entry = LookupTupleHashEntryHash(store->old->table, store->keyslot,
									 NULL, hash);
	if (entry == NULL)
		return false;
	old = *stream_compat_hash_pointer(store->old->table, entry);
	group->tid = old->tid;
	group->buffer = old->buffer;
	stream_compat_hash_replace(store->young->table, young, entry->firstTuple);
	for (int j = 0; j < store->nown; j++)
	{
		int			i = store->own[j];
		NullableDatum stored = stream_aggstate_store(store->aggs[i],
													 get_state(store, old, i));

		set_state(store, group, i,
				  stream_aggstate_load(store->aggs[i], store->young->context,
									   stored));
	}
	if (store->expiry)
		set_expiry(store, group, old->states[store->nstates - 1]);
	if (store->ranking)
		set_ranks(store, group, old->states, GROUP_NULLS(store, old),
				  store->young->context);
	return true;
}

/*
 * Keys can be equal and yet look different (1.0 and 1.00).  The group keeps
 * those that the table has.
 */
static void
keep_stored_keys(StreamStore *store, TupleHashEntry entry)
{
	if (store->equalimage)
		return;
	for (int i = 0; i < store->nkeys; i++)
	{
		store->keyslot->tts_values[i] = store->table.found->tts_values[i];
		store->keyslot->tts_isnull[i] = store->table.found->tts_isnull[i];
	}
	stream_compat_hash_replace(store->young->table, entry,
							   ExecCopySlotMinimalTuple(store->keyslot));
}

/*
 * A group that has gone, or has expired, looks as what it comes back by.
 */
static void
take_new_keys(StreamStore *store, TupleHashEntry entry)
{
	if (!store->equalimage && !STREAM_MUTATION("old_look"))
		stream_compat_hash_replace(store->young->table, entry,
								   ExecCopySlotMinimalTuple(store->keyslot));
}

/*
 * The entry in the cache for the keys in keyslot, made if need be; but may_miss: NULL if
 * the cache does not know whether there is such a group.
 */
static TupleHashEntry
enter_group(StreamStore *store, uint32 hash, bool may_miss, bool *isnew)
{
	*isnew = false;
	if (may_miss && !store->complete)
	{
		TupleHashEntry entry =
			LookupTupleHashEntryHash(store->young->table, store->keyslot,
									 NULL, hash);

		if (entry)
			return entry;
		if (store->old == NULL ||
			LookupTupleHashEntryHash(store->old->table, store->keyslot,
									 NULL, hash) == NULL)
			return NULL;
	}
	return LookupTupleHashEntryHash(store->young->table, store->keyslot,
									isnew, hash);
}

/* Does the row found have the keys in keyslot, and is it alive? */
static bool
is_found(StreamStore *store)
{
	bool		same;
	bool		isnull;

	store->econtext->ecxt_innertuple = store->keyslot;
	store->econtext->ecxt_outertuple = store->table.found;
	same = ExecQual(store->same_keys, store->econtext) ||
		STREAM_MUTATION("miss_taken");
	ResetExprContext(store->econtext);
	return same &&
		(!store->expiry ||
		 DatumGetInt64(slot_getattr(store->table.found, store->expiry,
									&isnull)) > store->table.alive_after);
}

/*
 * Puts the row with the keys in keyslot into table.found, or returns false.  miss: where
 * the index has it, or NULL; what has been there may have gone since, and another row
 * may be there.
 */
static bool
find_row(StreamStore *store, const StreamMiss *miss)
{
	if (miss && miss->place == STREAM_MISS_NONE)
		return false;
	if (miss && miss->place == STREAM_MISS_ONE &&
		stream_statetable_fetch_place(&store->table, &miss->tid) &&
		is_found(store))
		return true;
	return stream_statetable_find(&store->table, store->keyslot);
}

/*
 * The group with the keys in keyslot, in the cache; its TID is invalid if it is
 * new.  On return cachedslot has the keys.  miss: where its row is, or NULL; may_miss:
 * NULL if it is to be looked up.
 */
static StateGroup *
find_cached(StreamStore *store, uint32 hash, const StreamMiss *miss,
			bool may_miss, MemoryContext *context)
{
	TupleHashEntry entry;
	bool		isnew;
	bool		known = true;
	StateGroup *group;

	bound_memory(store);
	*context = store->young->context;
	entry = enter_group(store, hash, may_miss, &isnew);
	if (entry == NULL)
		return NULL;
	if (!isnew)
	{
		group = *stream_compat_hash_pointer(store->young->table, entry);
		store->hits++;
	}
	else
	{
		group = alloc_group(store, *context);
		*stream_compat_hash_pointer(store->young->table, entry) = group;
		if (promote(store, entry, hash))
			store->hits++;
		else if (!store->complete && find_row(store, miss))
		{
			load_group(store, group, *context);
			keep_stored_keys(store, entry);
			ExecClearTuple(store->table.found);
		}
		else
			known = false;
	}
	if (known && is_new(store, group))
		take_new_keys(store, entry);
	if (!store->equalimage)
		ExecStoreMinimalTuple(entry->firstTuple, store->cachedslot, false);
	return group;
}

/* Same without a cache: the group lives as long as the row of the delta. */
static StateGroup *
find_uncached(StreamStore *store, MemoryContext *context)
{
	StateGroup *group = alloc_group(store, store->row);

	*context = store->row;
	if (stream_statetable_find(&store->table, store->keyslot))
	{
		load_group(store, group, store->row);
		for (int i = 0; !store->equalimage && i < store->nkeys; i++)
		{
			store->keyslot->tts_values[i] = store->table.found->tts_values[i];
			store->keyslot->tts_isnull[i] = store->table.found->tts_isnull[i];
		}
	}
	if (!store->equalimage)
		ExecCopySlot(store->cachedslot, store->keyslot);
	if (store->table.found)
		ExecClearTuple(store->table.found);
	return group;
}

/* ---- writing ---- */

/*
 * Puts keys, results and states of the group into outslot, a tuple in the context; the
 * rest, if any, is what the row of the delta brings.
 */
static void
form_row(StreamStore *store, StateGroup *group, TupleTableSlot *delta,
		 MemoryContext context)
{
	MemoryContext old;
	Datum	   *values = store->values;
	bool	   *nulls = store->nulls;
	int			column = store->nkeys + store->naggs;

	TupleTableSlot *keys = store->equalimage ?
		store->keyslot : store->cachedslot;

	slot_getallattrs(keys);
	for (int i = 0; i < store->nkeys; i++)
	{
		values[i] = keys->tts_values[i];
		nulls[i] = keys->tts_isnull[i];
	}
	for (int i = 0; i < store->naggs; i++)
	{
		int			state = store->aggs[i]->state_of;

		stream_staterow_put(store->aggs[i], state == i,
							get_state(store, group, state),
							store->nkeys + i, &column, values, nulls);
	}
	for (int i = store->nkeys + store->naggs;
		 column < store->desc->natts; i++, column++)
	{
		values[column] = delta->tts_values[i];
		nulls[column] = delta->tts_isnull[i];
	}
	old = MemoryContextSwitchTo(context);
	ExecStoreHeapTuple(heap_form_tuple(store->desc, values, nulls),
					   store->outslot, false);
	MemoryContextSwitchTo(old);
}

/* Puts the keys of a row of the delta into keyslot. */
static void
take_keys(StreamStore *store, TupleTableSlot *delta)
{
	slot_getallattrs(delta);
	ExecClearTuple(store->keyslot);
	for (int i = 0; i < store->nkeys; i++)
	{
		store->keyslot->tts_values[i] = delta->tts_values[i];
		store->keyslot->tts_isnull[i] = delta->tts_isnull[i];
	}
	ExecStoreVirtualTuple(store->keyslot);
}

/* The group has the row of the delta now. */
static void
take_ranks(StreamStore *store, StateGroup *group, TupleTableSlot *delta,
		   MemoryContext context, bool isnew)
{
	if (!isnew)
		stream_ranking_free(store->ranking, group->states,
							GROUP_NULLS(store, group));
	stream_ranking_take(store->ranking, delta, store->ranks,
						store->rank_nulls);
	set_ranks(store, group, store->ranks, store->rank_nulls, context);
}

/* A row of the table is about to be replaced, or to go. */
static void
tell_of_old_row(StreamStore *store, StateGroup *group)
{
	if (row_waits(group))
		write_new_rows(store);
	if (store->on_change == NULL)
		return;
	stream_statetable_fetch(&store->table, &group->tid);
	store->on_change(store->table.found, -1, store->arg);
	ExecClearTuple(store->table.found);
}

/* Forms and writes the row of a group. */
static void
write_row(StreamStore *store, StateGroup *group, TupleTableSlot *delta,
		  bool isnew)
{
	bool		waits = isnew && store->hashfuncs;

	form_row(store, group, delta, waits ? store->new_context : store->row);
	if (isnew)
		store->made++;
	else
		tell_of_old_row(store, group);
	if (store->on_change)
		store->on_change(store->outslot, 1, store->arg);
	if (waits)
		put_new_row(store, group,
					ExecFetchSlotHeapTuple(store->outslot, false, NULL));
	else
	{
		group->buffer = isnew ?
			stream_statetable_insert(&store->table, store->outslot) :
			stream_statetable_update(&store->table, &group->tid,
									 group->buffer, store->outslot);
		group->tid = store->outslot->tts_tid;
	}
	ExecClearTuple(store->outslot);
}

/* The states of a group over no rows. */
static void
begin_states(StreamStore *store, StateGroup *group, MemoryContext context)
{
	for (int j = 0; j < store->nown; j++)
	{
		int			i = store->own[j];

		set_state(store, group, i,
				  stream_aggstate_load(store->aggs[i], context,
									   store->aggs[i]->initial));
	}
}

/* The bits of a group. */
static inline int64
get_bits(StreamStore *store, StateGroup *group)
{
	return DatumGetInt64(get_state(store, group, 0).value);
}

/* Merges the row of the delta whose keys are in keyslot into their group. */
static void
merge_into(StreamStore *store, StateGroup *group, TupleTableSlot *delta,
		   MemoryContext context)
{
	bool		isnew = is_new(store, group);
	int64		bits = store->bits && !isnew ? get_bits(store, group) : 0;

	stream_courtesy();
	if (isnew && !store->feed->has_all)
		begin_states(store, group, context);
	for (int j = 0; j < store->feed->naggs; j++)
	{
		int			i = store->feed->aggs[j];
		NullableDatum partial;
		NullableDatum state;

		partial.value = delta->tts_values[store->nkeys + j];
		partial.isnull = delta->tts_isnull[store->nkeys + j];
		if (isnew && store->feed->has_all)
			state = stream_aggstate_load(store->aggs[i], context, partial);
		else
		{
			state = get_state(store, group, i);
			stream_aggstate_combine(store->aggs[i], context, &state, partial);
		}
		set_state(store, group, i, state);
	}
	if (store->bits)
	{
		if (STREAM_MUTATION("bits_again"))
			bits = 0;
		bits = get_bits(store, group) & ~bits;
		delta->tts_values[store->nkeys] = Int64GetDatum(bits);
	}
	if (store->bits ? bits != 0 : isnew || store->feed->naggs > 0 ||
		(store->ranking && is_better(store, group, delta)))
	{
		write_row(store, group, delta, isnew);
		if (isnew && store->expiry)
			set_expiry(store, group, store->values[store->expiry - 1]);
		if (store->on_made && (isnew || store->bits))
			store->on_made(delta, store->arg);
		if (store->ranking)
			take_ranks(store, group, delta, context, isnew);
	}
	ExecClearTuple(store->cachedslot);
}

/* ---- one group ---- */

void
stream_store_begin_group(StreamStore *store, TupleTableSlot *row)
{
	MemoryContext old;

	MemoryContextReset(store->row);
	old = MemoryContextSwitchTo(store->row);
	if (row)
	{
		take_keys(store, row);
		/* the row may be gone before the group is written */
		ExecMaterializeSlot(store->keyslot);
	}
	store->group = store->hashfuncs ?
		find_cached(store, TupleHashTableHash(store->young->table,
											  store->keyslot),
					NULL, false, &store->group_context) :
		find_uncached(store, &store->group_context);
	if (is_new(store, store->group))
		begin_states(store, store->group, store->group_context);
	for (int j = 0; j < store->nown; j++)
		store->group_states[store->own[j]] =
			get_state(store, store->group, store->own[j]);
	MemoryContextSwitchTo(old);
}

NullableDatum *
stream_store_group_state(StreamStore *store, int agg, MemoryContext *context)
{
	*context = store->group_context;
	return &store->group_states[agg];
}

bool
stream_store_group_is_new(StreamStore *store)
{
	return is_new(store, store->group);
}

void
stream_store_end_group(StreamStore *store, bool gone)
{
	StateGroup *group = store->group;
	bool		isnew = is_new(store, group);
	MemoryContext old = MemoryContextSwitchTo(store->row);

	for (int j = 0; j < store->nown; j++)
		set_state(store, group, store->own[j],
				  store->group_states[store->own[j]]);
	if (!gone)
		write_row(store, group, NULL, isnew);
	else if (!isnew)
	{
		tell_of_old_row(store, group);
		stream_statetable_delete(&store->table, &group->tid);
		ItemPointerSetInvalid(&group->tid);
		store->made--;
	}
	ExecClearTuple(store->cachedslot);
	MemoryContextSwitchTo(old);
}

/* ---- the ring ---- */

/* The bucket of the hash table where a staged row's group should be. */
static TupleHashEntryData *
expected_bucket(StreamStore *store, uint32 hash)
{
	struct tuplehash_hash *table = store->young->table->hashtab;

	return &table->data[hash & table->sizemask];
}

/* The group there, or NULL: without probing any further, this is about time. */
static StateGroup *
expected_group(StreamStore *store, uint32 hash)
{
	TupleHashEntryData *entry = expected_bucket(store, hash);

	if (entry->status == 0 || entry->hash != hash)
		return NULL;
	__builtin_prefetch(entry->firstTuple);
	return *stream_compat_hash_pointer(store->young->table, entry);
}

/*
 * Prefetches the page of the group, and its line pointer there.  (Inline, for a
 * function that only prefetches is one without effects to GCC: it drops calls.)
 */
static pg_attribute_always_inline void
prefetch_page(StateGroup *group)
{
	char	   *page;

	if (!BufferIsValid(group->buffer) || !ItemPointerIsValid(&group->tid))
		return;
	page = (char *) BufferGetPage(group->buffer);
	__builtin_prefetch(page);
	__builtin_prefetch(page + SizeOfPageHeaderData +
					   sizeof(ItemIdData) *
					   (ItemPointerGetOffsetNumberNoCheck(&group->tid) - 1));
}

/*
 * Prefetches the group's row, and where its next version will go.  What is read
 * of the page here, without lock or pin, may be of any other page by now: it
 * serves as a guess only.
 */
static pg_attribute_always_inline void
prefetch_tuple(StreamStore *store, StateGroup *group)
{
	Page		page;
	ItemId		item;
	uint32		upper;

	if (!BufferIsValid(group->buffer) || !ItemPointerIsValid(&group->tid))
		return;
	page = BufferGetPage(group->buffer);
	item = &((PageHeader) page)->pd_linp[
										 ItemPointerGetOffsetNumberNoCheck(&group->tid) - 1];
	if (ItemIdGetOffset(item) < BLCKSZ)
		__builtin_prefetch((char *) page + ItemIdGetOffset(item));
	upper = ((PageHeader) page)->pd_upper;
	if (upper <= BLCKSZ && upper > store->table.row_size)
		__builtin_prefetch((char *) page + upper - store->table.row_size, 1);
}

/* The row that entered the ring the given number of rows ago, or NULL. */
static StagedRow *
staged_before(StreamStore *store, int rows)
{
	if (store->staged < store->processed + rows + 1)
		return NULL;
	return &store->feed->ring[(store->staged - 1 - rows) % RING_SIZE];
}

/* A slot for rows of the feed, for as long as the store lives. */
static TupleTableSlot *
make_delta_slot(StreamStore *store, TupleTableSlot *delta)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);
	TupleDesc	desc = CreateTupleDescCopy(delta->tts_tupleDescriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);

	MemoryContextSwitchTo(old);
	return slot;
}

static void
stage_row(StreamStore *store, TupleTableSlot *delta)
{
	StagedRow  *row = &store->feed->ring[store->staged % RING_SIZE];
	StateGroup *group;

	if (row->slot == NULL)
		row->slot = make_delta_slot(store, delta);
	if (store->feed->missslot == NULL)
		store->feed->missslot = make_delta_slot(store, delta);
	take_keys(store, delta);
	row->hash = TupleHashTableHash(store->young->table, store->keyslot);
	ExecCopySlot(row->slot, delta);
	store->staged++;
	__builtin_prefetch(expected_bucket(store, row->hash));

	row = staged_before(store, PREFETCH_GROUP);
	if (row && (group = expected_group(store, row->hash)) != NULL)
		__builtin_prefetch(group);
	row = staged_before(store, PREFETCH_PAGE);
	if (row && (group = expected_group(store, row->hash)) != NULL)
		prefetch_page(group);
	row = staged_before(store, PREFETCH_TUPLE);
	if (row && (group = expected_group(store, row->hash)) != NULL)
		prefetch_tuple(store, group);
}

/* ---- rows whose groups are not cached ---- */

/*
 * Is each group what the first of its rows says?  Which is the first may depend on the order of
 * groups, too, for who hears of them.
 */
static bool
goes_by_order(StreamStore *store)
{
	return store->feed->naggs == 0 && store->ranking == NULL;
}

/* Does the row make a group, though rows before it wait that may make others? */
static bool
overtakes(StreamStore *store, StateGroup *group)
{
	return goes_by_order(store) && stream_misses_wait(store->misses) &&
		is_new(store, group) && !STREAM_MUTATION("miss_overtaken");
}

/* Merges one; its slot has no tuple, for who hears of it may find other values there. */
static void
merge_miss(StreamStore *store, const StreamMiss *miss)
{
	TupleTableSlot *slot = store->feed->missslot;
	MemoryContext context;
	StateGroup *group;

	MemoryContextReset(store->row);
	ExecClearTuple(slot);
	heap_deform_tuple(miss->row.tuple, slot->tts_tupleDescriptor,
					  slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	take_keys(store, slot);
	group = find_cached(store, miss->hash, miss, false, &context);
	merge_into(store, group, slot, context);
	ExecClearTuple(slot);
}

/* Looks up and merges those that wait. */
static void
merge_misses(StreamStore *store)
{
	int			n;
	StreamMiss *rows = stream_misses_look_up(store->misses, &store->table,
											 goes_by_order(store), &n);
	int			dropped = store->dropped;

	for (int i = 0; i < n; i++)
	{
		/* each may read a page */
		CHECK_FOR_INTERRUPTS();
		/* there may be one now, which a row before this has made, and the cache dropped */
		if (rows[i].place == STREAM_MISS_NONE && store->dropped != dropped &&
			!STREAM_MUTATION("miss_none"))
			rows[i].place = STREAM_MISS_UNKNOWN;
		merge_miss(store, &rows[i]);
	}
	stream_misses_forget(store->misses);
}

/* Merges the row that has waited longest, if its group is cached; or it waits on. */
static void
merge_staged_row(StreamStore *store)
{
	StagedRow  *row = &store->feed->ring[store->processed++ % RING_SIZE];
	MemoryContext context;
	StateGroup *group;

	take_keys(store, row->slot);
	group = find_cached(store, row->hash, NULL, true, &context);
	if (group && !overtakes(store, group))
		merge_into(store, group, row->slot, context);
	else if (stream_misses_put(store->misses, row->slot, row->hash) >
			 Min(WAITING_SIZE, stream_store_held_limit()))
		merge_misses(store);
}

void
stream_store_merge(StreamStore *store, TupleTableSlot *delta)
{
	MemoryContext old;

	MemoryContextReset(store->row);
	old = MemoryContextSwitchTo(store->row);
	if (store->hashfuncs)
	{
		if (store->staged == store->processed + RING_SIZE)
			merge_staged_row(store);
		stage_row(store, delta);
	}
	else
	{
		MemoryContext context;
		StateGroup *group;

		take_keys(store, delta);
		group = find_uncached(store, &context);
		merge_into(store, group, delta, context);
	}
	MemoryContextSwitchTo(old);
}

/* Merges, and writes, the rows that still wait. */
static void
drain_ring(StreamStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(store->row);

	while (store->processed < store->staged)
	{
		MemoryContextReset(store->row);
		merge_staged_row(store);
	}
	if (store->misses)
		merge_misses(store);
	write_new_rows(store);
	MemoryContextSwitchTo(old);
}

void
stream_store_begin_feed(StreamStore *store, int feed)
{
	drain_ring(store);
	store->staged = store->processed = 0;
	store->feed = &store->feeds[feed];
}

int64
stream_store_made(const StreamStore *store)
{
	return store->made;
}

int64
stream_store_hits(const StreamStore *store)
{
	return store->hits;
}

void
stream_store_close(StreamStore *store)
{
	drain_ring(store);
	stream_statetable_close(&store->table);
	ExecClearTuple(store->keyslot);
	ExecClearTuple(store->cachedslot);
	ExecClearTuple(store->outslot);
	MemoryContextReset(store->row);
}

void
stream_store_settle(StreamStore *store, int64 batch)
{
	store->batch = batch;
}
