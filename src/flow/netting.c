/*-------------------------------------------------------------------------
 *
 * netting.c
 *	  What is left of rows that come and go in a batch.
 *
 * Where several feeds change a group, or one more than once, its rows come and go again
 * and again in a batch, and nobody is to see, or to compute anything of, what they were in
 * between.  So the rows are held until the batch is over, and sorted by a hash, of what
 * tells them apart or else of the whole row.  Of equal rows the difference of those that
 * come and those that go is left: of a group, what it was and what it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "state/keysort.h"
#include "state/rowimage.h"
#include "flow/netting.h"

/* Equal rows of a batch. */
typedef struct NetRow
{
	MinimalTuple tuple;
	int64		n;				/* how many more come than go */
} NetRow;

struct StreamNetting
{
	int			nkeys;
	int		   *keys;			/* NULL: all columns */
	TupleDesc	compared;		/* all columns but the sign */
	StreamKeySort *sort;		/* of rows behind their hashes */
	TupleTableSlot *hashed;
	TupleTableSlot *added;
	TupleTableSlot *old;
	TupleTableSlot *new;
	MemoryContext context;		/* of rows with the same hash: */
	NetRow	   *rows;
	int			nrows;
	int			maxrows;
};

StreamNetting *
stream_netting_create(MemoryContext parent, TupleDesc desc, int nkeys,
					  const int *keys)
{
	MemoryContext old = MemoryContextSwitchTo(parent);
	StreamNetting *netting = palloc0(sizeof(StreamNetting));
	TupleDesc	hashed = CreateTemplateTupleDesc(desc->natts + 1);
	Oid			eqop = Int4EqualOperator;
	Oid			collation = InvalidOid;

	netting->nkeys = nkeys;
	netting->keys = keys ? palloc(sizeof(int) * (nkeys + 1)) : NULL;
	for (int i = 0; i < nkeys; i++)
		netting->keys[i] = keys[i];
	TupleDescInitEntry(hashed, 1, NULL, INT4OID, -1, 0);
	for (int i = 1; i <= desc->natts; i++)
		TupleDescCopyEntry(hashed, i + 1, desc, i);
	netting->compared = CreateTemplateTupleDesc(desc->natts - 1);
	for (int i = 1; i < desc->natts; i++)
		TupleDescCopyEntry(netting->compared, i, desc, i);
	netting->sort = stream_keysort_create(parent, hashed, 1, &eqop, &collation,
										  0);
	netting->hashed = MakeSingleTupleTableSlot(hashed, &TTSOpsVirtual);
	netting->added = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	netting->old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	netting->new = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	netting->context = AllocSetContextCreate(parent, "rows to compare",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
	return netting;
}

void
stream_netting_begin(StreamNetting *netting)
{
	netting->rows = NULL;
	netting->nrows = netting->maxrows = 0;
	stream_keysort_begin(netting->sort);
}

static uint32
hash_of(StreamNetting *netting, TupleTableSlot *row)
{
	uint32		hash = 0;

	if (netting->keys == NULL)
		return stream_rowimage_hash(netting->compared, row);
	for (int i = 0; i < netting->nkeys; i++)
	{
		int			column = netting->keys[i];
		Form_pg_attribute attr = TupleDescAttr(netting->compared, column);

		hash = hash_combine(hash, row->tts_isnull[column] ? 0 :
							datum_image_hash(row->tts_values[column],
											 attr->attbyval, attr->attlen));
	}
	return hash;
}

void
stream_netting_add(StreamNetting *netting, TupleTableSlot *row)
{
	TupleTableSlot *hashed = netting->hashed;
	int			natts = row->tts_tupleDescriptor->natts;

	slot_getallattrs(row);
	ExecClearTuple(hashed);
	hashed->tts_values[0] = Int32GetDatum((int32) hash_of(netting, row));
	hashed->tts_isnull[0] = false;
	memcpy(hashed->tts_values + 1, row->tts_values, natts * sizeof(Datum));
	memcpy(hashed->tts_isnull + 1, row->tts_isnull, natts * sizeof(bool));
	stream_keysort_put(netting->sort, ExecStoreVirtualTuple(hashed));
	ExecClearTuple(hashed);
}

/* ---- rows with the same hash ---- */

static TupleTableSlot *
row_in(StreamNetting *netting, int i, TupleTableSlot *slot)
{
	ExecStoreMinimalTuple(netting->rows[i].tuple, slot, false);
	slot_getallattrs(slot);
	return slot;
}

static void
count_row(StreamNetting *netting, TupleTableSlot *row, int n)
{
	MemoryContext old;

	for (int i = 0; i < netting->nrows; i++)
		if (stream_rowimage_equal(netting->compared,
								  row_in(netting, i, netting->old), row))
		{
			netting->rows[i].n += n;
			return;
		}
	old = MemoryContextSwitchTo(netting->context);
	if (netting->nrows == netting->maxrows)
	{
		netting->maxrows = Max(8, netting->maxrows * 2);
		netting->rows = netting->rows ?
			repalloc_huge(netting->rows, sizeof(NetRow) * netting->maxrows) :
			palloc(sizeof(NetRow) * netting->maxrows);
	}
	netting->rows[netting->nrows].tuple = ExecCopySlotMinimalTuple(row);
	netting->rows[netting->nrows++].n = n;
	MemoryContextSwitchTo(old);
}

static bool
has_same_keys(StreamNetting *netting, TupleTableSlot *a, TupleTableSlot *b)
{
	for (int i = 0; i < netting->nkeys; i++)
	{
		int			column = netting->keys[i];
		Form_pg_attribute attr = TupleDescAttr(netting->compared, column);

		if (a->tts_isnull[column] != b->tts_isnull[column] ||
			(!a->tts_isnull[column] &&
			 !datum_image_eq(a->tts_values[column], b->tts_values[column],
							 attr->attbyval, attr->attlen)))
			return false;
	}
	return netting->keys != NULL;
}

/* The row that takes the place of the one in the slot, or -1. */
static int
find_successor(StreamNetting *netting, TupleTableSlot *old)
{
	for (int i = 0; i < netting->nrows; i++)
		if (netting->rows[i].n > 0 &&
			has_same_keys(netting, old, row_in(netting, i, netting->new)))
			return i;
	return -1;
}

/* Says what is left of them. */
static void
finish_rows(StreamNetting *netting, StreamNettingCallback callback, void *arg)
{
	for (int i = 0; i < netting->nrows; i++)
		for (; netting->rows[i].n < 0; netting->rows[i].n++)
		{
			TupleTableSlot *old = row_in(netting, i, netting->old);
			int			next = find_successor(netting, old);

			CHECK_FOR_INTERRUPTS();
			callback(old, next < 0 ? NULL :
					 row_in(netting, next, netting->new), arg);
			if (next >= 0)
				netting->rows[next].n--;
		}
	for (int i = 0; i < netting->nrows; i++)
		for (; netting->rows[i].n > 0; netting->rows[i].n--)
		{
			CHECK_FOR_INTERRUPTS();
			callback(NULL, row_in(netting, i, netting->new), arg);
		}
	ExecClearTuple(netting->old);
	ExecClearTuple(netting->new);
	netting->rows = NULL;
	netting->nrows = netting->maxrows = 0;
	MemoryContextReset(netting->context);
}

void
stream_netting_end(StreamNetting *netting, StreamNettingCallback callback,
				   void *arg)
{
	TupleTableSlot *added = netting->added;
	int			natts = added->tts_tupleDescriptor->natts;
	TupleTableSlot *hashed;
	bool		first;

	stream_keysort_perform(netting->sort);
	while ((hashed = stream_keysort_next(netting->sort, &first)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(hashed);
		if (first)
			finish_rows(netting, callback, arg);
		ExecClearTuple(added);
		memcpy(added->tts_values, hashed->tts_values + 1,
			   natts * sizeof(Datum));
		memcpy(added->tts_isnull, hashed->tts_isnull + 1,
			   natts * sizeof(bool));
		ExecStoreVirtualTuple(added);
		count_row(netting, added,
				  DatumGetInt32(added->tts_values[natts - 1]) > 0 ? 1 : -1);
	}
	finish_rows(netting, callback, arg);
	ExecClearTuple(added);
	stream_keysort_end(netting->sort);
}
