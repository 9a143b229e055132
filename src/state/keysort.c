/*-------------------------------------------------------------------------
 *
 * keysort.c
 *	  Rows in the order of the keys that they begin with.
 *
 * The server's tuplesort, and a comparison of neighbours that tells where the rows of
 * another group begin.  Without keys all rows are one group, in the order in which
 * they came.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "state/keysort.h"

struct StreamKeySort
{
	MemoryContext context;
	TupleDesc	desc;
	int			nkeys;
	int			ncolumns;		/* to sort by: the keys, and maybe one more */
	AttrNumber	columns[INDEX_MAX_KEYS + 1];
	Oid			sortops[INDEX_MAX_KEYS + 1];
	Oid			collations[INDEX_MAX_KEYS + 1];
	bool		nulls_first[INDEX_MAX_KEYS + 1];
	ExprState  *same_keys;		/* of the row and the one before */
	ExprContext *econtext;
	TupleTableSlot *row;
	TupleTableSlot *before;

	/* the rows */
	Tuplesortstate *sorted;
	Tuplestorestate *unsorted;	/* without keys */
	bool		begun;			/* there is one before */
};

StreamKeySort *
stream_keysort_create(MemoryContext parent, TupleDesc desc, int nkeys,
					  const Oid *eqops, const Oid *collations,
					  AttrNumber last)
{
	MemoryContext context = AllocSetContextCreate(parent, "sort by keys",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamKeySort *sort = palloc0(sizeof(StreamKeySort));

	sort->context = context;
	sort->desc = CreateTupleDescCopy(desc);
	sort->nkeys = nkeys;
	for (int i = 0; i < nkeys; i++)
	{
		sort->columns[i] = i + 1;
		sort->collations[i] = collations[i];
		sort->sortops[i] = lookup_type_cache(TupleDescAttr(desc, i)->atttypid,
											 TYPECACHE_LT_OPR)->lt_opr;
	}
	sort->ncolumns = nkeys;
	if (last > 0)
	{
		sort->columns[nkeys] = last;
		sort->sortops[nkeys] = lookup_type_cache(INT4OID,
												 TYPECACHE_GT_OPR)->gt_opr;
		sort->ncolumns++;
	}
	sort->row = MakeSingleTupleTableSlot(sort->desc, &TTSOpsMinimalTuple);
	sort->before = MakeSingleTupleTableSlot(sort->desc, &TTSOpsMinimalTuple);
	sort->econtext = CreateStandaloneExprContext();
	if (nkeys > 0)
		sort->same_keys = execTuplesMatchPrepare(sort->desc, nkeys,
												 sort->columns, eqops,
												 collations, NULL);
	MemoryContextSwitchTo(old);
	return sort;
}

void
stream_keysort_begin(StreamKeySort *sort)
{
	/* rows may come from a plan whose memory goes before they are read */
	MemoryContext old = MemoryContextSwitchTo(sort->context);

	sort->begun = false;
	if (sort->nkeys == 0)
		sort->unsorted = tuplestore_begin_heap(false, false, work_mem);
	else
		sort->sorted = tuplesort_begin_heap(sort->desc, sort->ncolumns,
											sort->columns, sort->sortops,
											sort->collations,
											sort->nulls_first, work_mem, NULL,
											TUPLESORT_NONE);
	MemoryContextSwitchTo(old);
}

void
stream_keysort_put(StreamKeySort *sort, TupleTableSlot *row)
{
	if (sort->nkeys == 0)
		tuplestore_puttupleslot(sort->unsorted, row);
	else
		tuplesort_puttupleslot(sort->sorted, row);
}

void
stream_keysort_perform(StreamKeySort *sort)
{
	if (sort->sorted)
		tuplesort_performsort(sort->sorted);
}

static bool
is_same_group(StreamKeySort *sort)
{
	bool		result;

	if (!sort->begun || sort->nkeys == 0)
		return sort->begun;
	sort->econtext->ecxt_innertuple = sort->row;
	sort->econtext->ecxt_outertuple = sort->before;
	result = ExecQual(sort->same_keys, sort->econtext);
	ResetExprContext(sort->econtext);
	return result;
}

TupleTableSlot *
stream_keysort_next(StreamKeySort *sort, bool *first)
{
	bool		found = sort->nkeys == 0 ?
		tuplestore_gettupleslot(sort->unsorted, true, false, sort->row) :
		tuplesort_gettupleslot(sort->sorted, true, true, sort->row, NULL);

	if (!found)
		return NULL;
	*first = !is_same_group(sort);
	if (*first && sort->nkeys > 0)
		ExecCopySlot(sort->before, sort->row);
	sort->begun = true;
	return sort->row;
}

void
stream_keysort_end(StreamKeySort *sort)
{
	ExecClearTuple(sort->row);
	ExecClearTuple(sort->before);
	if (sort->sorted)
		tuplesort_end(sort->sorted);
	if (sort->unsorted)
		tuplestore_end(sort->unsorted);
	sort->sorted = NULL;
	sort->unsorted = NULL;
}
