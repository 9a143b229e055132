/*-------------------------------------------------------------------------
 *
 * toprows.c
 *	  The first rows of each key.
 *
 * One row of each key (the latest, say) is in the state store, which replaces it
 * by a row that comes before it.  Before that, the rows of a batch are reduced to
 * one of each key, so that each is written once: in a hash table which is emptied
 * into the store whenever it gets large.
 *
 * More rows, or rows that share a rank, are in a table without a cache.  The rows of
 * a batch are sorted by key and rank; for each key that occurs, the rows that the
 * table has are fetched and sorted, too, and both are walked together until the
 * limit is reached.  What has not been passed by then loses: rows of the table make
 * place for new ones, which take their slots, so that the index on key and slot
 * needs no change; rows of the batch are not even looked at.
 *
 * Of rows that rank equal, those that the table has come first, in the order of
 * their slots.  So a row that is kept stays until a better one comes.
 *
 * Of rows that come and go, those of the keys that a batch has touched are read anew,
 * from an operator that keeps all (rows.c).  Rows of the table that are not among them
 * lose; those that it does not have yet take their slots.
 *
 * Which rows have lost, and which have won, is what is handed on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/rowimage.h"
#include "state/statetable.h"
#include "flow/toprows.h"

/* A row of the table. */
typedef struct Kept
{
	ItemPointerData tid;
	int64		slot;
	Datum	   *ranks;
	bool	   *nulls;

	/* with the whole row, of those that come and go */
	uint32		hash;
	MinimalTuple tuple;
	bool		stays;
} Kept;

/* A row that is one of the first, of those that come and go. */
typedef struct First
{
	uint32		hash;
	MinimalTuple tuple;
	bool		is_kept;		/* the table has it */
} First;

/* A walk along the rows of one key. */
typedef struct Walk
{
	int64		rows;
	int64		rank;
	int64		dense_rank;
	Datum	   *ranks;			/* of the last row */
	bool	   *nulls;
} Walk;

struct StreamToprows
{
	MemoryContext context;
	MemoryContext row;			/* reset for each row */
	MemoryContext key;			/* reset for each key */
	TupleDesc	desc;			/* of the state table */
	TupleDesc	feed_desc;		/* the same without slots */
	StreamTopnKind kind;
	int64		limit;
	int			nkeys;
	Oid		   *eqops;
	Oid		   *collations;
	FmgrInfo   *equal;
	StreamRanking *ranking;
	Datum	   *ranks;			/* of the row at hand */
	bool	   *rank_nulls;
	Datum	   *other_ranks;	/* of one that it is compared with */
	bool	   *other_nulls;

	/* one row of each key */
	StreamStore *store;			/* or NULL */
	AttrNumber *keycols;
	Oid		   *eqfuncs;
	FmgrInfo   *hashfuncs;		/* NULL: they cannot be hashed */
	MemoryContext held;			/* rows of the batch, and their table */
	TupleHashTable table;
	MinimalTuple *rows;			/* in the order in which keys came */
	int64		nrows;
	int64		maxrows;
	int			adds;			/* since memory was last measured */
	bool		again;			/* the store has been written to */

	/* sorting */
	int			ncolumns;
	AttrNumber *columns;
	Oid		   *sortops;
	Oid		   *sort_collations;
	bool	   *nulls_first;
	Tuplesortstate *sort;		/* of the batch's rows, if there are any ... */
	Tuplestorestate *unsorted;	/* ... or this, if there is nothing to sort by */
	StreamStateTable state;
	int64		made;
	void		(*changed) (TupleTableSlot *row, int sign, void *arg);
	void	   *arg;

	/* slots */
	TupleTableSlot *delta;		/* of the feed's type: a row of the batch ... */
	TupleTableSlot *winner;		/* ... and one that is kept */
	TupleTableSlot *keys;		/* the key at hand */
	TupleTableSlot *out;		/* the row to write */
	TupleTableSlot *taken;		/* one that comes and goes, without its hash */
};

static TupleDesc
first_columns(TupleDesc desc, int n)
{
	TupleDesc	result = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
		TupleDescCopyEntry(result, i + 1, desc, i + 1);
	return result;
}

/* How rows of a batch are sorted: by key, in any order, then by rank. */
static void
prepare_sort(StreamToprows *top, const StreamTopn *topn)
{
	int			n = top->nkeys + topn->nranks;

	top->ncolumns = n;
	top->columns = palloc(sizeof(AttrNumber) * (n + 1));
	top->sortops = palloc(sizeof(Oid) * (n + 1));
	top->sort_collations = palloc(sizeof(Oid) * (n + 1));
	top->nulls_first = palloc(sizeof(bool) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		bool		key = i < top->nkeys;
		const StreamRankColumn *rank = key ? NULL :
			&topn->ranks[i - top->nkeys];

		top->columns[i] = key ? i + 1 : rank->column + 1;
		top->sortops[i] = key ?
			lookup_type_cache(TupleDescAttr(top->desc, i)->atttypid,
							  TYPECACHE_LT_OPR)->lt_opr : rank->sortop;
		top->sort_collations[i] = key ? top->collations[i] : rank->collation;
		top->nulls_first[i] = key ? false : rank->nulls_first;
	}
}

static bool
hashable(int nkeys, const Oid *eqops)
{
	RegProcedure left;
	RegProcedure right;

	for (int i = 0; i < nkeys; i++)
		if (!get_op_hash_functions(eqops[i], &left, &right))
			return false;
	return true;
}

static void
prepare_keys(StreamToprows *top, const StreamStoreShape *shape)
{
	int			n = shape->nkeys;

	top->nkeys = n;
	top->eqops = palloc(sizeof(Oid) * (n + 1));
	top->collations = palloc(sizeof(Oid) * (n + 1));
	top->equal = palloc(sizeof(FmgrInfo) * (n + 1));
	top->keycols = palloc(sizeof(AttrNumber) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		top->eqops[i] = shape->eqops[i];
		top->collations[i] = shape->collations[i];
		fmgr_info(get_opcode(shape->eqops[i]), &top->equal[i]);
		top->keycols[i] = i + 1;
	}
	if (top->store && hashable(n, top->eqops))
		execTuplesHashPrepare(n, top->eqops, &top->eqfuncs, &top->hashfuncs);
}

StreamToprows *
stream_toprows_create(MemoryContext parent, TupleDesc desc,
					  const StreamTopn *topn, const StreamStoreShape *shape,
					  StreamStore *store)
{
	MemoryContext context = AllocSetContextCreate(parent, "top rows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamToprows *top = palloc0(sizeof(StreamToprows));

	top->context = context;
	top->row = AllocSetContextCreate(context, "row of the feed",
									 ALLOCSET_DEFAULT_SIZES);
	top->key = AllocSetContextCreate(context, "key of the feed",
									 ALLOCSET_DEFAULT_SIZES);
	top->held = AllocSetContextCreate(context, "rows of the batch",
									  ALLOCSET_DEFAULT_SIZES);
	top->desc = CreateTupleDescCopy(desc);
	top->feed_desc = first_columns(desc, store ? desc->natts : desc->natts - 1);
	top->kind = topn->kind;
	top->limit = topn->limit;
	top->store = store;
	prepare_keys(top, shape);
	prepare_sort(top, topn);
	top->ranking = stream_ranking_create(top->desc, topn->nranks, topn->ranks);
	top->ranks = palloc(sizeof(Datum) * (topn->nranks + 1));
	top->rank_nulls = palloc(sizeof(bool) * (topn->nranks + 1));
	top->other_ranks = palloc(sizeof(Datum) * (topn->nranks + 1));
	top->other_nulls = palloc(sizeof(bool) * (topn->nranks + 1));
	top->delta = MakeSingleTupleTableSlot(top->feed_desc, &TTSOpsMinimalTuple);
	top->winner = MakeSingleTupleTableSlot(top->feed_desc,
										   &TTSOpsMinimalTuple);
	top->keys = MakeSingleTupleTableSlot(first_columns(desc, top->nkeys),
										 &TTSOpsVirtual);
	top->out = MakeSingleTupleTableSlot(top->desc, &TTSOpsHeapTuple);
	top->taken = MakeSingleTupleTableSlot(top->feed_desc, &TTSOpsVirtual);
	MemoryContextSwitchTo(old);
	return top;
}

/* ---- one row of each key ---- */

static void
build_table(StreamToprows *top)
{
	MemoryContext old;

	MemoryContextReset(top->held);
	old = MemoryContextSwitchTo(top->held);
	top->table =
		stream_compat_build_hash_table(NULL, top->feed_desc, NULL, top->nkeys,
									   top->keycols, top->eqfuncs,
									   top->hashfuncs, top->collations, 256,
									   STREAM_COMPAT_HASH_EXTRA, top->held,
									   top->held, top->row, false);
	top->nrows = 0;
	top->maxrows = 1024;
	top->rows = palloc(sizeof(MinimalTuple) * top->maxrows);
	MemoryContextSwitchTo(old);
}

/* Writes the rows that are held. */
static void
write_held(StreamToprows *top)
{
	if (top->again)
	{
		/* what has been written may be changed again after that */
		stream_store_begin_feed(top->store, 0);
		CommandCounterIncrement();
	}
	top->again = true;
	for (int64 i = 0; i < top->nrows; i++)
	{
		ExecStoreMinimalTuple(top->rows[i], top->winner, false);
		stream_store_merge(top->store, top->winner);
	}
	ExecClearTuple(top->winner);
}

/* Is the row better than the one that is held? */
static bool
beats(StreamToprows *top, TupleTableSlot *delta, MinimalTuple held)
{
	bool		result;

	ExecStoreMinimalTuple(held, top->winner, false);
	stream_ranking_take(top->ranking, delta, top->ranks, top->rank_nulls);
	stream_ranking_take(top->ranking, top->winner, top->other_ranks,
						top->other_nulls);
	result = stream_ranking_compare(top->ranking, top->ranks, top->rank_nulls,
									top->other_ranks, top->other_nulls) < 0;
	ExecClearTuple(top->winner);
	return result;
}

/* Holds the row, if it is the best of its key so far. */
static void
hold(StreamToprows *top, TupleTableSlot *delta)
{
	bool		isnew;
	TupleHashEntry entry = LookupTupleHashEntry(top->table, delta, &isnew,
												NULL);

	if (isnew)
	{
		if (top->nrows == top->maxrows)
		{
			top->maxrows *= 2;
			top->rows = repalloc_huge(top->rows,
									  sizeof(MinimalTuple) * top->maxrows);
		}
		*stream_compat_hash_pointer(top->table, entry) =
			(void *) (uintptr_t) top->nrows++;
	}
	else if (beats(top, delta, entry->firstTuple))
		stream_compat_hash_replace(top->table, entry,
								   ExecCopySlotMinimalTuple(delta));
	else
		return;
	top->rows[(uintptr_t) *stream_compat_hash_pointer(top->table, entry)] =
		entry->firstTuple;
}

static void
bound_memory(StreamToprows *top)
{
	if (++top->adds < 64)
		return;
	top->adds = 0;
	if (MemoryContextMemAllocated(top->held, true) < stream_store_held_limit())
		return;
	write_held(top);
	top->table = NULL;
}

/* ---- more rows ---- */

/* Gets the next row of the batch, in order. */
static bool
next_row(StreamToprows *top)
{
	CHECK_FOR_INTERRUPTS();
	if (top->unsorted)
		return tuplestore_gettupleslot(top->unsorted, true, false, top->delta);
	return tuplesort_gettupleslot(top->sort, true, false, top->delta, NULL);
}

/* Gets the next row of the batch; false if it is of another key, or there is none. */
static bool
next_delta(StreamToprows *top, bool *more)
{
	MemoryContext old;
	bool		same = true;

	*more = next_row(top);
	if (!*more)
		return false;
	MemoryContextReset(top->row);
	old = MemoryContextSwitchTo(top->row);
	slot_getsomeattrs(top->delta, top->nkeys);
	for (int i = 0; same && i < top->nkeys; i++)
	{
		bool		isnull = top->delta->tts_isnull[i];

		if (isnull || top->keys->tts_isnull[i])
			same = isnull && top->keys->tts_isnull[i];
		else
			same = DatumGetBool(FunctionCall2Coll(&top->equal[i],
												  top->collations[i],
												  top->keys->tts_values[i],
												  top->delta->tts_values[i]));
	}
	MemoryContextSwitchTo(old);
	return same;
}

/* The key that the row begins with is the one at hand. */
static void
begin_key(StreamToprows *top, TupleTableSlot *row)
{
	slot_getallattrs(row);
	ExecClearTuple(top->keys);
	for (int i = 0; i < top->nkeys; i++)
	{
		top->keys->tts_values[i] = row->tts_values[i];
		top->keys->tts_isnull[i] = row->tts_isnull[i];
	}
	ExecStoreVirtualTuple(top->keys);
	ExecMaterializeSlot(top->keys);
}

static int
compare_kept(const void *a, const void *b, void *arg)
{
	StreamToprows *top = arg;
	const Kept *x = a;
	const Kept *y = b;
	int			order = stream_ranking_compare(top->ranking, x->ranks, x->nulls,
											   y->ranks, y->nulls);

	return order != 0 ? order : x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void
remember_kept(StreamToprows *top, Kept *kept, bool whole)
{
	int			n = stream_ranking_width(top->ranking);
	TupleTableSlot *found = top->state.found;

	slot_getallattrs(found);
	kept->tid = found->tts_tid;
	kept->slot = DatumGetInt64(found->tts_values[top->desc->natts - 1]);
	kept->ranks = palloc(sizeof(Datum) * n);
	kept->nulls = palloc(sizeof(bool) * n);
	stream_ranking_take(top->ranking, found, top->ranks, top->rank_nulls);
	stream_ranking_copy(top->ranking, top->ranks, top->rank_nulls,
						kept->ranks, kept->nulls);
	if (!whole)
		return;
	kept->hash = stream_rowimage_hash(top->feed_desc, found);
	kept->tuple = ExecCopySlotMinimalTuple(found);
}

/* The rows of the key that the table has, in the order of their ranks. */
static Kept *
fetch_kept(StreamToprows *top, bool whole, int *n)
{
	int			size = 8;
	Kept	   *kept = palloc(sizeof(Kept) * size);
	bool		found = stream_statetable_find(&top->state, top->keys);

	*n = 0;
	while (found)
	{
		CHECK_FOR_INTERRUPTS();
		if (*n == size)
		{
			size *= 2;
			kept = repalloc_huge(kept, sizeof(Kept) * size);
		}
		remember_kept(top, &kept[(*n)++], whole);
		found = stream_statetable_find_next(&top->state);
	}
	ExecClearTuple(top->state.found);
	qsort_arg(kept, *n, sizeof(Kept), compare_kept, top);
	return kept;
}

/* The walk comes to a row; is that still one of the first? */
static bool
pass(StreamToprows *top, Walk *walk, const Datum *ranks, const bool *nulls)
{
	walk->rows++;
	if (top->kind == STREAM_TOPN_ROW_NUMBER)
		return walk->rows <= top->limit;
	if (walk->rows == 1 ||
		stream_ranking_compare(top->ranking, walk->ranks, walk->nulls,
							   ranks, nulls) != 0)
	{
		walk->rank = walk->rows;
		walk->dense_rank++;
		stream_ranking_copy(top->ranking, ranks, nulls, walk->ranks,
							walk->nulls);
	}
	return (top->kind == STREAM_TOPN_RANK ? walk->rank : walk->dense_rank) <=
		top->limit;
}

/* A row of the table loses. */
static void
hand_on_loser(StreamToprows *top, Kept *loser)
{
	if (top->changed == NULL || STREAM_MUTATION("topn_unsaid"))
		return;
	stream_statetable_fetch(&top->state, &loser->tid);
	top->changed(top->state.found, -1, top->arg);
	ExecClearTuple(top->state.found);
}

/* Puts the row of the batch into the slot of another, or a new one. */
static void
write_winner(StreamToprows *top, MinimalTuple row, int64 slot, Kept *loser)
{
	int			n = top->desc->natts;
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);

	ExecStoreMinimalTuple(row, top->winner, false);
	slot_getallattrs(top->winner);
	memcpy(values, top->winner->tts_values, sizeof(Datum) * (n - 1));
	memcpy(nulls, top->winner->tts_isnull, sizeof(bool) * (n - 1));
	values[n - 1] = Int64GetDatum(slot);
	nulls[n - 1] = false;
	ExecForceStoreHeapTuple(heap_form_tuple(top->desc, values, nulls),
							top->out, false);
	if (loser)
	{
		hand_on_loser(top, loser);
		stream_statetable_update(&top->state, &loser->tid, InvalidBuffer,
								 top->out);
	}
	else
	{
		stream_statetable_insert(&top->state, top->out);
		top->made++;
	}
	if (top->changed)
		top->changed(top->out, 1, top->arg);
	ExecClearTuple(top->out);
	ExecClearTuple(top->winner);
}

/* Winners take the places of losers; what is left of either comes or goes. */
static void
replace_losers(StreamToprows *top, List *winners, Kept *kept, int passed,
			   int nkept)
{
	int			loser = passed;
	int64		last_slot = 0;
	ListCell   *lc;

	if (STREAM_MUTATION("topn_losers"))
		loser = nkept;
	for (int i = 0; i < nkept; i++)
		last_slot = Max(last_slot, kept[i].slot);
	foreach(lc, winners)
	{
		if (loser < nkept)
		{
			write_winner(top, lfirst(lc), kept[loser].slot, &kept[loser]);
			loser++;
		}
		else
			write_winner(top, lfirst(lc), ++last_slot, NULL);
	}
	for (; loser < nkept; loser++)
	{
		hand_on_loser(top, &kept[loser]);
		stream_statetable_delete(&top->state, &kept[loser].tid);
		top->made--;
	}
}

/*
 * Walks along the rows of a key, those of the table and those of the batch, of which
 * the first is at hand.  Returns whether there is another key.
 */
static bool
merge_key(StreamToprows *top)
{
	int			width = stream_ranking_width(top->ranking);
	Walk		walk = {.ranks = palloc(sizeof(Datum) * width),
	.nulls = palloc(sizeof(bool) * width)};
	List	   *winners = NIL;
	bool		more = true;
	bool		same = true;
	int			passed = 0;
	int			nkept;
	Kept	   *kept;

	begin_key(top, top->delta);
	kept = fetch_kept(top, false, &nkept);
	for (;;)
	{
		bool		stays = passed < nkept;

		if (same)
			stream_ranking_take(top->ranking, top->delta, top->ranks,
								top->rank_nulls);
		else if (!stays)
			break;
		if (stays && same)
			stays = stream_ranking_compare(top->ranking, kept[passed].ranks,
										   kept[passed].nulls, top->ranks,
										   top->rank_nulls) <= 0;
		if (stays ?
			!pass(top, &walk, kept[passed].ranks, kept[passed].nulls) :
			!pass(top, &walk, top->ranks, top->rank_nulls))
			break;
		if (stays)
			passed++;
		else
		{
			winners = lappend(winners, ExecCopySlotMinimalTuple(top->delta));
			same = next_delta(top, &more);
		}
	}
	/* without keys, there is no other, and the sort may be bounded */
	while (same && top->nkeys > 0)
		same = next_delta(top, &more);
	if (top->nkeys == 0)
		more = false;
	replace_losers(top, winners, kept, passed, nkept);
	return more;
}

/* The first row of each key in the batch goes to the store. */
static bool
merge_first(StreamToprows *top)
{
	bool		more = true;

	begin_key(top, top->delta);
	stream_store_merge(top->store, top->delta);
	while (next_delta(top, &more))
		;
	return more;
}

static void
merge_sorted(StreamToprows *top)
{
	bool		more;

	if (top->sort)
		tuplesort_performsort(top->sort);
	more = next_row(top);
	while (more)
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(top->key);
		old = MemoryContextSwitchTo(top->key);
		more = top->store ? merge_first(top) : merge_key(top);
		MemoryContextSwitchTo(old);
	}
	ExecClearTuple(top->delta);
	ExecClearTuple(top->keys);
	if (top->unsorted)
		tuplestore_end(top->unsorted);
	else
		tuplesort_end(top->sort);
	top->sort = NULL;
	top->unsorted = NULL;
}

/* ---- rows that come and go ---- */

/* A row of those that come and go, which has its hash after what ranks it. */
static MinimalTuple
take_row(StreamToprows *top, TupleTableSlot *row)
{
	int			hash = top->nkeys + stream_ranking_width(top->ranking);
	int			natts = top->feed_desc->natts;

	slot_getallattrs(row);
	ExecClearTuple(top->taken);
	for (int i = 0; i < natts; i++)
	{
		int			column = i < hash ? i : i + 1;

		top->taken->tts_values[i] = row->tts_values[column];
		top->taken->tts_isnull[i] = row->tts_isnull[column];
	}
	return ExecCopySlotMinimalTuple(ExecStoreVirtualTuple(top->taken));
}

static int
compare_firsts(const void *a, const void *b)
{
	uint32		x = ((const First *) a)->hash;
	uint32		y = ((const First *) b)->hash;

	return x < y ? -1 : x > y;
}

/* The first rows of the key at hand, in the order of their hashes. */
static First *
read_firsts(StreamToprows *top, StreamRows *from, int *n)
{
	int			width = stream_ranking_width(top->ranking);
	Walk		walk = {.ranks = palloc(sizeof(Datum) * width),
	.nulls = palloc(sizeof(bool) * width)};
	int			size = 8;
	First	   *firsts = palloc(sizeof(First) * size);

	*n = 0;
	for (TupleTableSlot *row = stream_rows_first(from, top->keys); row;
		 row = stream_rows_next(from))
	{
		CHECK_FOR_INTERRUPTS();
		stream_ranking_take(top->ranking, row, top->ranks, top->rank_nulls);
		if (!pass(top, &walk, top->ranks, top->rank_nulls))
			break;
		if (*n == size)
		{
			size *= 2;
			firsts = repalloc_huge(firsts, sizeof(First) * size);
		}
		firsts[*n].tuple = take_row(top, row);
		firsts[*n].is_kept = false;
		firsts[(*n)++].hash = stream_rowimage_hash(top->feed_desc, top->taken);
		ExecClearTuple(top->taken);
	}
	qsort(firsts, *n, sizeof(First), compare_firsts);
	return firsts;
}

/* Is the row of the table one of the first rows?  Each of these is one of it. */
static bool
is_first(StreamToprows *top, Kept *kept, First *firsts, int n)
{
	First		key = {.hash = kept->hash};
	First	   *first = bsearch(&key, firsts, n, sizeof(First),
								compare_firsts);

	while (first && first > firsts && first[-1].hash == kept->hash)
		first--;
	for (; first && first < firsts + n && first->hash == kept->hash; first++)
	{
		if (first->is_kept)
			continue;
		ExecStoreMinimalTuple(kept->tuple, top->winner, false);
		ExecStoreMinimalTuple(first->tuple, top->delta, false);
		first->is_kept = stream_rowimage_equal(top->feed_desc, top->winner,
											   top->delta);
		if (first->is_kept)
			return true;
	}
	return false;
}

/* Those that stay come first. */
static int
compare_stays(const void *a, const void *b)
{
	return ((const Kept *) b)->stays - ((const Kept *) a)->stays;
}

/* Finds out which rows of the table are among the first; returns how many. */
static int
match_kept(StreamToprows *top, Kept *kept, int nkept, First *firsts, int n)
{
	int			stay = 0;

	for (int i = 0; i < nkept; i++)
	{
		CHECK_FOR_INTERRUPTS();
		kept[i].stays = is_first(top, &kept[i], firsts, n);
		stay += kept[i].stays;
	}
	ExecClearTuple(top->winner);
	ExecClearTuple(top->delta);
	qsort(kept, nkept, sizeof(Kept), compare_stays);
	return stay;
}

static void
refill_key(StreamToprows *top, StreamRows *from, TupleTableSlot *keys)
{
	List	   *winners = NIL;
	First	   *firsts;
	Kept	   *kept;
	int			n;
	int			nkept;
	int			stay;

	begin_key(top, keys);
	firsts = read_firsts(top, from, &n);
	kept = fetch_kept(top, true, &nkept);
	stay = match_kept(top, kept, nkept, firsts, n);
	for (int i = 0; i < n; i++)
		if (!firsts[i].is_kept)
			winners = lappend(winners, firsts[i].tuple);
	replace_losers(top, winners, kept, stay, nkept);
	ExecClearTuple(top->keys);
}

void
stream_toprows_refill(StreamToprows *top, StreamRows *from,
					  TupleTableSlot *keys)
{
	MemoryContext old;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(top->key);
	old = MemoryContextSwitchTo(top->key);
	refill_key(top, from, keys);
	MemoryContextSwitchTo(old);
}

/* ---- a batch ---- */

void
stream_toprows_open(StreamToprows *top, Relation state,
					void (*changed) (TupleTableSlot *row, int sign, void *arg),
					void *arg)
{
	top->made = 0;
	top->changed = changed;
	top->arg = arg;
	top->again = false;
	top->sort = NULL;
	top->unsorted = NULL;
	top->table = NULL;
	if (!top->store)
		stream_statetable_open(&top->state, state, top->nkeys, top->eqops,
							   top->collations, top->desc->natts, 0);
}

/* Without keys and ranks, any rows will do, or (of a rank that all share) all. */
static void
begin_sort(StreamToprows *top)
{
	MemoryContext old = MemoryContextSwitchTo(top->held);

	MemoryContextReset(top->held);
	if (top->ncolumns == 0)
		top->unsorted = tuplestore_begin_heap(false, false, work_mem);
	else
	{
		top->sort = tuplesort_begin_heap(top->feed_desc, top->ncolumns,
										 top->columns, top->sortops,
										 top->sort_collations,
										 top->nulls_first, work_mem, NULL,
										 TUPLESORT_ALLOWBOUNDED);
		/* without keys, no others can be among the first; one more is read */
		if (top->nkeys == 0 && top->kind == STREAM_TOPN_ROW_NUMBER &&
			top->limit < PG_INT32_MAX)
			tuplesort_set_bound(top->sort, top->limit + 1);
	}
	MemoryContextSwitchTo(old);
}

/* Takes a row that is to be sorted. */
static void
put_row(StreamToprows *top, TupleTableSlot *delta)
{
	if (top->sort == NULL && top->unsorted == NULL)
		begin_sort(top);
	if (top->sort)
		tuplesort_puttupleslot(top->sort, delta);
	else if (top->kind != STREAM_TOPN_ROW_NUMBER ||
			 tuplestore_tuple_count(top->unsorted) < top->limit)
		tuplestore_puttupleslot(top->unsorted, delta);
}

void
stream_toprows_add(StreamToprows *top, TupleTableSlot *delta)
{
	MemoryContext old;

	if (!top->hashfuncs)
	{
		put_row(top, delta);
		return;
	}
	if (top->table == NULL)
		build_table(top);
	MemoryContextReset(top->row);
	old = MemoryContextSwitchTo(top->row);
	hold(top, delta);
	MemoryContextSwitchTo(old);
	bound_memory(top);
}

int64
stream_toprows_close(StreamToprows *top)
{
	if (top->table)
	{
		write_held(top);
		top->table = NULL;
	}
	else if (top->sort || top->unsorted)
		merge_sorted(top);
	if (!top->store)
		stream_statetable_close(&top->state);
	MemoryContextReset(top->held);
	MemoryContextReset(top->row);
	MemoryContextReset(top->key);
	return top->made;
}
