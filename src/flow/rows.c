/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Rows that are handed on, and those that are kept.
 *
 * New rows go into a tuplestore, for the feeds of the operator above to read, as
 * often as they like.
 *
 * Where rows are kept, they go into the state table as they come, so that those of a
 * group are found in that order: array_agg without ORDER BY is as users are used to.
 * Their keys are sorted, and each group that is touched is looked up once, through the
 * index on the keys, to hand on all of its rows.  Keys that are null are found by
 * that index as any others are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/statetable.h"
#include "flow/rows.h"

struct StreamRows
{
	MemoryContext context;
	TupleDesc	desc;
	StreamStoreShape shape;
	bool		keeps;
	Oid			sortops[INDEX_MAX_KEYS];
	AttrNumber	columns[INDEX_MAX_KEYS];
	bool		nulls_first[INDEX_MAX_KEYS];
	ExprState  *same_keys;		/* of the last slots below; NULL without keys */
	ExprContext *econtext;
	TupleDesc	keydesc;
	TupleTableSlot *row;		/* a row */
	TupleTableSlot *key;		/* keys, in order ... */
	TupleTableSlot *group;		/* ... and those before */
	TupleTableSlot *out;		/* to write, or to read */

	/* the batch in progress */
	StreamStateTable table;
	Tuplestorestate *added;
	Tuplestorestate *kept;
};

/* How rows are sorted by their keys. */
static void
prepare_sort(StreamRows *rows)
{
	int			nkeys = rows->shape.nkeys;

	for (int i = 0; i < nkeys; i++)
	{
		TypeCacheEntry *type =
			lookup_type_cache(TupleDescAttr(rows->desc, i)->atttypid,
							  TYPECACHE_LT_OPR);

		rows->sortops[i] = type->lt_opr;
		rows->columns[i] = i + 1;
		rows->nulls_first[i] = false;
	}
	rows->econtext = CreateStandaloneExprContext();
	rows->same_keys = execTuplesMatchPrepare(rows->keydesc, nkeys, rows->columns,
											 rows->shape.eqops,
											 rows->shape.collations, NULL);
}

StreamRows *
stream_rows_create(MemoryContext parent, TupleDesc desc,
				   const StreamStoreShape *shape, bool keeps)
{
	MemoryContext context = AllocSetContextCreate(parent, "rows",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamRows *rows = palloc0(sizeof(StreamRows));

	rows->context = context;
	rows->desc = CreateTupleDescCopy(desc);
	rows->shape = *shape;
	rows->keeps = keeps;
	if (keeps)
	{
		rows->row = MakeSingleTupleTableSlot(rows->desc, &TTSOpsMinimalTuple);
		rows->keydesc = CreateTemplateTupleDesc(shape->nkeys);
		for (int i = 1; i <= shape->nkeys; i++)
			TupleDescCopyEntry(rows->keydesc, i, desc, i);
		rows->key = MakeSingleTupleTableSlot(rows->keydesc,
											 &TTSOpsMinimalTuple);
		rows->group = MakeSingleTupleTableSlot(rows->keydesc,
											   &TTSOpsMinimalTuple);
		rows->out = MakeSingleTupleTableSlot(rows->desc, &TTSOpsHeapTuple);
		if (shape->nkeys > 0)
			prepare_sort(rows);
	}
	MemoryContextSwitchTo(old);
	return rows;
}

void
stream_rows_free(StreamRows *rows)
{
	if (rows->econtext)
		FreeExprContext(rows->econtext, true);
	if (rows->keeps)
	{
		ExecDropSingleTupleTableSlot(rows->row);
		ExecDropSingleTupleTableSlot(rows->key);
		ExecDropSingleTupleTableSlot(rows->group);
		ExecDropSingleTupleTableSlot(rows->out);
	}
	MemoryContextDelete(rows->context);
}

void
stream_rows_open(StreamRows *rows, Relation rel)
{
	rows->added = tuplestore_begin_heap(true, false, work_mem);
	if (!rows->keeps)
		return;
	rows->kept = tuplestore_begin_heap(true, false, work_mem);
	stream_statetable_open(&rows->table, rel, rows->shape.nkeys,
						   rows->shape.eqops, rows->shape.collations,
						   STREAM_NOT_TIMED, PG_INT64_MIN);
	rows->table.many = true;
}

void
stream_rows_add(StreamRows *rows, TupleTableSlot *slot)
{
	tuplestore_puttupleslot(rows->added, slot);
}

/* ---- keeping ---- */

/* Puts the row into the state table. */
static void
keep_row(StreamRows *rows, TupleTableSlot *slot)
{
	HeapTuple	tuple;

	slot_getallattrs(slot);
	tuple = heap_form_tuple(rows->desc, slot->tts_values, slot->tts_isnull);
	ExecForceStoreHeapTuple(tuple, rows->out, true);
	stream_statetable_insert(&rows->table, rows->out);
	ExecClearTuple(rows->out);
}

/* Hands on all rows with the keys of this one. */
static void
hand_on_group(StreamRows *rows, TupleTableSlot *keys)
{
	bool		found;

	if (STREAM_MUTATION("rows_forgotten"))
		return;
	if (keys)
		slot_getallattrs(keys);
	for (found = stream_statetable_find(&rows->table, keys); found;
		 found = stream_statetable_find_next(&rows->table))
	{
		tuplestore_puttupleslot(rows->kept, rows->table.found);
		CHECK_FOR_INTERRUPTS();
	}
}

static bool
is_same_group(StreamRows *rows)
{
	bool		result;

	rows->econtext->ecxt_innertuple = rows->key;
	rows->econtext->ecxt_outertuple = rows->group;
	result = ExecQual(rows->same_keys, rows->econtext);
	ResetExprContext(rows->econtext);
	return result;
}

/* Keeps the rows, and sorts their keys. */
static Tuplesortstate *
keep_and_sort(StreamRows *rows, int64 *n)
{
	TupleTableSlot *keys = MakeSingleTupleTableSlot(rows->keydesc,
													&TTSOpsVirtual);
	Tuplesortstate *sort = tuplesort_begin_heap(rows->keydesc,
												rows->shape.nkeys,
												rows->columns, rows->sortops,
												rows->shape.collations,
												rows->nulls_first, work_mem,
												NULL, TUPLESORT_NONE);

	while (tuplestore_gettupleslot(rows->added, true, false, rows->row))
	{
		keep_row(rows, rows->row);
		ExecClearTuple(keys);
		for (int i = 0; i < rows->shape.nkeys; i++)
		{
			keys->tts_values[i] = rows->row->tts_values[i];
			keys->tts_isnull[i] = rows->row->tts_isnull[i];
		}
		tuplesort_puttupleslot(sort, ExecStoreVirtualTuple(keys));
		(*n)++;
	}
	ExecDropSingleTupleTableSlot(keys);
	tuplesort_performsort(sort);
	return sort;
}

static int64
keep_by_keys(StreamRows *rows)
{
	int64		n = 0;
	Tuplesortstate *sort = keep_and_sort(rows, &n);
	bool		first = true;

	while (tuplesort_gettupleslot(sort, true, true, rows->key, NULL))
	{
		if (!first && is_same_group(rows))
			continue;
		hand_on_group(rows, rows->key);
		ExecCopySlot(rows->group, rows->key);
		first = false;
	}
	tuplesort_end(sort);
	return n;
}

static int64
keep_all(StreamRows *rows)
{
	int64		n = 0;

	while (tuplestore_gettupleslot(rows->added, true, false, rows->row))
	{
		keep_row(rows, rows->row);
		n++;
	}
	if (n > 0)
		hand_on_group(rows, NULL);
	return n;
}

int64
stream_rows_close(StreamRows *rows)
{
	int64		n;

	if (!rows->keeps)
		return 0;
	n = rows->shape.nkeys > 0 ? keep_by_keys(rows) : keep_all(rows);
	tuplestore_rescan(rows->added);
	ExecClearTuple(rows->row);
	ExecClearTuple(rows->key);
	ExecClearTuple(rows->group);
	stream_statetable_close(&rows->table);
	return n;
}

Tuplestorestate *
stream_rows_output(const StreamRows *rows, bool kept)
{
	return kept ? rows->kept : rows->added;
}

void
stream_rows_settle(StreamRows *rows)
{
	tuplestore_end(rows->added);
	if (rows->kept)
		tuplestore_end(rows->kept);
	rows->added = rows->kept = NULL;
}
