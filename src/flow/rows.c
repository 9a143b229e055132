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
 * Changes of an operator below are rows with a sign.  Those that come are kept first,
 * for one that goes may have come in the same batch; for each that goes, one that is
 * the same in all columns is looked for among the rows of its keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/keysort.h"
#include "state/statetable.h"
#include "flow/rows.h"

struct StreamRows
{
	MemoryContext context;
	TupleDesc	desc;
	StreamStoreShape shape;
	bool		keeps;
	bool		signs;
	StreamKeySort *sort;		/* of keys */
	TupleTableSlot *key;		/* to sort */
	TupleTableSlot *row;		/* one of those that are added */
	TupleTableSlot *out;		/* to write */

	/* the batch in progress */
	StreamStateTable table;
	Tuplestorestate *added;
	Tuplestorestate *kept;
};

/* The first columns of a row type, and maybe a sign after them. */
static TupleDesc
part_of(TupleDesc desc, int natts, bool sign)
{
	TupleDesc	part = CreateTemplateTupleDesc(natts + (sign ? 1 : 0));

	for (int i = 1; i <= natts; i++)
		TupleDescCopyEntry(part, i, desc, i);
	if (sign)
		TupleDescInitEntry(part, natts + 1, NULL, INT4OID, -1, 0);
	return part;
}

StreamRows *
stream_rows_create(MemoryContext parent, TupleDesc desc,
				   const StreamStoreShape *shape, bool keeps, bool signs)
{
	MemoryContext context = AllocSetContextCreate(parent, "rows",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamRows *rows = palloc0(sizeof(StreamRows));

	rows->context = context;
	rows->desc = CreateTupleDescCopy(desc);
	rows->shape = *shape;
	rows->keeps = keeps;
	rows->signs = signs;
	if (keeps)
	{
		TupleDesc	keys = part_of(desc, shape->nkeys, false);

		rows->sort = stream_keysort_create(context, keys, shape->nkeys,
										   shape->eqops, shape->collations, 0);
		rows->key = MakeSingleTupleTableSlot(keys, &TTSOpsVirtual);
		rows->row = MakeSingleTupleTableSlot(part_of(desc, desc->natts, signs),
											 &TTSOpsMinimalTuple);
		rows->out = MakeSingleTupleTableSlot(rows->desc, &TTSOpsHeapTuple);
	}
	MemoryContextSwitchTo(old);
	return rows;
}

void
stream_rows_free(StreamRows *rows)
{
	if (rows->keeps)
	{
		stream_keysort_free(rows->sort);
		ExecDropSingleTupleTableSlot(rows->key);
		ExecDropSingleTupleTableSlot(rows->row);
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

static void
sort_key(StreamRows *rows)
{
	ExecClearTuple(rows->key);
	for (int i = 0; i < rows->shape.nkeys; i++)
	{
		rows->key->tts_values[i] = rows->row->tts_values[i];
		rows->key->tts_isnull[i] = rows->row->tts_isnull[i];
	}
	stream_keysort_put(rows->sort, ExecStoreVirtualTuple(rows->key));
}

static void
keep_row(StreamRows *rows)
{
	HeapTuple	tuple = heap_form_tuple(rows->desc, rows->row->tts_values,
										rows->row->tts_isnull);

	ExecForceStoreHeapTuple(tuple, rows->out, true);
	stream_statetable_insert(&rows->table, rows->out);
	ExecClearTuple(rows->out);
}

/* Are the row at hand and the one that was found the same? */
static bool
is_same_row(StreamRows *rows)
{
	TupleTableSlot *found = rows->table.found;

	slot_getallattrs(found);
	for (int i = 0; i < rows->desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(rows->desc, i);

		if (found->tts_isnull[i] != rows->row->tts_isnull[i])
			return false;
		if (!found->tts_isnull[i] &&
			!datum_image_eq(found->tts_values[i], rows->row->tts_values[i],
							attr->attbyval, attr->attlen))
			return false;
	}
	return true;
}

static void
take_row_away(StreamRows *rows)
{
	bool		found;

	for (found = stream_statetable_find(&rows->table, rows->row); found;
		 found = stream_statetable_find_next(&rows->table))
	{
		if (!is_same_row(rows))
			continue;
		if (!STREAM_MUTATION("rows_stay"))
			stream_statetable_delete(&rows->table,
									 &rows->table.found->tts_tid);
		return;
	}
	elog(ERROR, "row to be taken away not found in \"%s\"",
		 RelationGetRelationName(rows->table.rel));
}

/* Does the row at hand go? */
static bool
goes(StreamRows *rows)
{
	return rows->signs &&
		DatumGetInt32(rows->row->tts_values[rows->desc->natts]) < 0;
}

/* Keeps the rows that come, and notes the keys of all; returns how many come. */
static int64
keep_rows(StreamRows *rows)
{
	int64		n = 0;

	while (tuplestore_gettupleslot(rows->added, true, false, rows->row))
	{
		slot_getallattrs(rows->row);
		sort_key(rows);
		if (goes(rows))
			continue;
		keep_row(rows);
		n++;
	}
	return n;
}

/* Returns how many go. */
static int64
take_rows_away(StreamRows *rows)
{
	int64		n = 0;

	tuplestore_rescan(rows->added);
	CommandCounterIncrement();
	while (tuplestore_gettupleslot(rows->added, true, false, rows->row))
	{
		slot_getallattrs(rows->row);
		if (!goes(rows))
			continue;
		take_row_away(rows);
		n++;
		CHECK_FOR_INTERRUPTS();
	}
	return n;
}

/* Hands on all rows with the keys. */
static void
hand_on_group(StreamRows *rows, TupleTableSlot *keys)
{
	bool		found;

	if (STREAM_MUTATION("rows_forgotten"))
		return;
	slot_getallattrs(keys);
	for (found = stream_statetable_find(&rows->table, keys); found;
		 found = stream_statetable_find_next(&rows->table))
	{
		tuplestore_puttupleslot(rows->kept, rows->table.found);
		CHECK_FOR_INTERRUPTS();
	}
}

int64
stream_rows_close(StreamRows *rows)
{
	TupleTableSlot *keys;
	bool		first;
	int64		n;

	if (!rows->keeps)
		return 0;
	stream_keysort_begin(rows->sort);
	n = keep_rows(rows);
	if (rows->signs)
		n -= take_rows_away(rows);
	stream_keysort_perform(rows->sort);
	while ((keys = stream_keysort_next(rows->sort, &first)) != NULL)
		if (first)
			hand_on_group(rows, keys);
	stream_keysort_end(rows->sort);
	tuplestore_rescan(rows->added);
	ExecClearTuple(rows->row);
	ExecClearTuple(rows->key);
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
