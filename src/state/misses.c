/*-------------------------------------------------------------------------
 *
 * misses.c
 *	  Rows of the delta whose groups are in no cache, looked up together.
 *
 * With far more groups than a cache holds, what a touched group costs is finding it:
 * a leaf of the index and a page of the table, each in no processor cache and often in
 * no buffer.  Rows come in the order of a hash, in which each leaf is visited as often
 * as it has rows.  So they wait, and are looked up in the order of the index, and then
 * taken in that of the table: as PostgreSQL's bitmap scans do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/misses.h"

struct StreamMisses
{
	StreamKeyOrder *order;
	TupleTableSlot *keys;
	TupleDesc	desc;			/* of the rows */
	MemoryContext context;		/* of what waits */
	StreamMiss *rows;			/* an array in that, or NULL */
	int			n;
	int			max;
	Size		size;			/* of the tuples */
};

StreamMisses *
stream_misses_create(MemoryContext parent, TupleDesc keydesc,
					 StreamKeyOrder *order)
{
	MemoryContext old = MemoryContextSwitchTo(parent);
	StreamMisses *misses = palloc0(sizeof(StreamMisses));

	misses->order = order;
	misses->keys = MakeSingleTupleTableSlot(keydesc, &TTSOpsVirtual);
	misses->context = AllocSetContextCreate(parent, "rows of uncached groups",
											ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
	return misses;
}

void
stream_misses_forget(StreamMisses *misses)
{
	ExecClearTuple(misses->keys);
	misses->rows = NULL;
	misses->n = misses->max = 0;
	misses->size = 0;
	MemoryContextReset(misses->context);
}

Size
stream_misses_put(StreamMisses *misses, TupleTableSlot *row, uint32 hash)
{
	MemoryContext old = MemoryContextSwitchTo(misses->context);
	HeapTuple	tuple = ExecCopySlotHeapTuple(row);
	StreamMiss *miss;

	misses->desc = row->tts_tupleDescriptor;
	if (misses->n == misses->max)
	{
		misses->max = Max(misses->max * 2, 64);
		misses->rows = misses->rows ?
			repalloc(misses->rows, sizeof(StreamMiss) * misses->max) :
			palloc(sizeof(StreamMiss) * misses->max);
	}
	miss = &misses->rows[misses->n];
	miss->row = stream_keyorder_element(tuple, misses->desc);
	miss->hash = hash;
	miss->number = misses->n++;
	misses->size += sizeof(StreamMiss) + HEAPTUPLESIZE + tuple->t_len;
	MemoryContextSwitchTo(old);
	return misses->size;
}

bool
stream_misses_wait(const StreamMisses *misses)
{
	return misses->n > 0;
}

static int
compare_numbers(const void *left, const void *right)
{
	return ((const StreamMiss *) left)->number -
		((const StreamMiss *) right)->number;
}

/* Those with a place, by that; then the others, as they have come. */
static int
compare_places(const void *left, const void *right)
{
	const StreamMiss *a = left;
	const StreamMiss *b = right;

	if ((a->place == STREAM_MISS_ONE) != (b->place == STREAM_MISS_ONE))
		return a->place == STREAM_MISS_ONE ? -1 : 1;
	if (a->place == STREAM_MISS_ONE)
	{
		int			order = ItemPointerCompare((ItemPointer) &a->tid,
											   (ItemPointer) &b->tid);

		if (order != 0)
			return order;
	}
	return compare_numbers(a, b);
}

static void
look_up(StreamMisses *misses, StreamMiss *miss, StreamStateTable *table)
{
	int			n;

	ExecClearTuple(misses->keys);
	for (int i = 0; i < misses->keys->tts_tupleDescriptor->natts; i++)
		misses->keys->tts_values[i] =
			heap_getattr(miss->row.tuple, i + 1, misses->desc,
						 &misses->keys->tts_isnull[i]);
	ExecStoreVirtualTuple(misses->keys);
	n = stream_statetable_places(table, misses->keys, &miss->tid);
	miss->place = n == 0 ? STREAM_MISS_NONE :
		n == 1 ? STREAM_MISS_ONE : STREAM_MISS_UNKNOWN;
}

StreamMiss *
stream_misses_look_up(StreamMisses *misses, StreamStateTable *table,
					  bool as_come, int *n)
{
	if (misses->n > 0 && STREAM_MUTATION("miss_lost"))
		misses->n--;
	stream_keyorder_sort(misses->order, misses->rows, misses->n,
						 sizeof(StreamMiss), misses->desc);
	for (int i = 0; i < misses->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		look_up(misses, &misses->rows[i], table);
	}
	stream_statetable_end_places(table);
	if (misses->n > 0)
		STREAM_DEBUG_POINT("misses-looked-up");
	qsort(misses->rows, misses->n, sizeof(StreamMiss),
		  as_come && !STREAM_MUTATION("miss_order") ? compare_numbers :
		  compare_places);
	*n = misses->n;
	return misses->rows;
}
