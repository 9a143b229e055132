/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Rows that are handed on, and those that are kept.
 *
 * New rows go into a tuplestore, for the feeds of the operator above to read, as
 * often as they like.  With grouping sets, each goes there once for each of them, with
 * null for the keys that are not in it: what the row is made of is computed once, and
 * what comes after knows of keys only.
 *
 * Where rows are kept, they go into the state table as they come, so that those of a
 * group are found in that order: array_agg without ORDER BY is as users are used to.
 * Their keys are sorted, and each group that is touched is looked up once, through the
 * index on the keys, to hand on all of its rows.  Keys that are null are found by
 * that index as any others are.
 *
 * Changes of an operator below are rows with a sign.  Those that come are kept first,
 * for one that goes may have come in the same batch.  Then, when the rows of a group
 * are looked up, for each that goes one that is the same in all columns is left out, and
 * deleted: they are found by a hash of the whole row, so that a group is read once,
 * however many of its rows go.
 *
 * Rows of sessions have the session that each would be by itself as their last key, and
 * keep it; which sessions they have been merged into, the operator above knows.  It
 * asks for the rows of each that a batch has touched.  The index has, after the other
 * keys, the end of that: those of a session are the ones whose own ends are in it, for
 * sessions of the same keys do not touch each other.  They go with the session.  One that
 * goes before, by a change, is looked for among those that end when it does.
 *
 * Rows of which the first ones are wanted have an index that goes on, after the keys,
 * with what they are ordered by, and ends with a hash of the whole row: so the first of
 * a key are read from its beginning, and one that goes is found whatever else ranks
 * the same.  The hash is a column that the feed has a place for.
 *
 * Rows that something is looked up for have such a column, too, for they are found by
 * nothing else, and a number.  Of equal rows, each of which may have found something else,
 * one goes as a whole by that.  A row that goes and comes back in the same batch stays, with
 * its number: so rows are netted before anything is done with them.
 *
 * Rows for a join are read from the table by the plans of its feeds.  Where they have
 * signs, those that go are looked up and deleted in the same way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/keysort.h"
#include "state/rowimage.h"
#include "state/statetable.h"
#include "time/window.h"
#include "query/cut.h"
#include "flow/netting.h"
#include "flow/rows.h"

/* Rows that are written together, and of how many bytes about. */
#define MAX_WAITING 64
#define MAX_WAITING_BYTES (64 * 1024)

struct StreamRows
{
	MemoryContext context;
	TupleDesc	desc;
	StreamStoreShape shape;
	StreamRowsKind kind;
	int			until;			/* column, or -1 */
	bool		signs;
	TypeCacheEntry *session;	/* the type of the last key; NULL: no sessions */
	MemoryContext bounds;		/* reset for each row whose session is looked at */
	Timestamp	session_end;	/* of that whose rows are being read */
	List	   *sets;			/* StreamGroupingSet ... */
	int			set_column;		/* ... and the column that has their number */
	TupleTableSlot *set_row;
	int			nordered;		/* so many columns after the keys are in the index */
	StreamStoreShape index;		/* ... with which these are its columns */
	StreamKeySort *sort;		/* of keys, or of whole rows with a sign */
	TupleTableSlot *key;		/* to sort */
	TupleTableSlot *row;		/* one of those that are added */
	TupleTableSlot *waiting[MAX_WAITING];	/* to write together */
	TupleTableSlot *merged;		/* to hand on, of a session */
	TupleTableSlot *hashed_row; /* a row with its hash */
	StreamNetting *netting;		/* of rows that get a number, or NULL */
	TupleDesc	told_apart;		/* the columns by which rows are the same */
	MemoryContext group;		/* reset for each group */

	/* the batch in progress */
	Relation	rel;
	int64		late;
	int64		batch;
	int64		numbered;		/* so many rows of it */
	int64		more;			/* by so many rows there are more now */
	int			nwaiting;
	Size		waiting_bytes;
	StreamStateTable table;
	StreamStateTable exact;		/* to find rows by all columns of the index */
	Tuplestorestate *added;
	Tuplestorestate *kept;
};

/* A row that goes. */
typedef struct GoneRow
{
	uint32		hash;
	bool		found;
	int64		skip;			/* of the first with a hash: so many after it that
								 * have been found */
	MinimalTuple tuple;
} GoneRow;

/* Those of a group, in the order of their hashes. */
typedef struct GoneRows
{
	GoneRow    *rows;
	int64		n;
	int64		max;
} GoneRows;

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
				   const StreamStoreShape *shape, StreamRowsKind kind,
				   bool signs)
{
	MemoryContext context = AllocSetContextCreate(parent, "rows",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamRows *rows = palloc0(sizeof(StreamRows));

	rows->context = context;
	rows->desc = rows->told_apart = CreateTupleDescCopy(desc);
	rows->shape = *shape;
	rows->kind = kind;
	rows->until = -1;
	rows->signs = signs;
	if (kind == STREAM_ROWS_OF_SESSIONS)
	{
		rows->session =
			lookup_type_cache(TupleDescAttr(desc, shape->nkeys - 1)->atttypid,
							  TYPECACHE_RANGE_INFO);
		rows->bounds = AllocSetContextCreate(context, "bounds of a session",
											 ALLOCSET_SMALL_SIZES);
	}
	if (kind != STREAM_ROWS_PASS)
	{
		TupleDesc	keys = part_of(desc, shape->nkeys, false);
		TupleDesc	whole = part_of(desc, desc->natts, signs);

		rows->sort = stream_keysort_create(context, signs ? whole : keys,
										   shape->nkeys, shape->eqops,
										   shape->collations, 0);
		rows->key = MakeSingleTupleTableSlot(keys, &TTSOpsVirtual);
		rows->row = MakeSingleTupleTableSlot(whole, &TTSOpsMinimalTuple);
		rows->group = AllocSetContextCreate(context, "rows of a group",
											ALLOCSET_DEFAULT_SIZES);
		for (int i = 0; i < MAX_WAITING; i++)
			rows->waiting[i] = MakeSingleTupleTableSlot(rows->desc,
														&TTSOpsHeapTuple);
		rows->merged = MakeSingleTupleTableSlot(rows->desc, &TTSOpsVirtual);
	}
	MemoryContextSwitchTo(old);
	return rows;
}

void
stream_rows_set_until(StreamRows *rows, int column)
{
	rows->until = column;
}

static void
open_table(StreamRows *rows)
{
	const StreamStoreShape *shape = &rows->shape;

	if (rows->session)
		stream_statetable_open(&rows->table, rows->rel, shape->nkeys - 1,
							   shape->eqops, shape->collations,
							   STREAM_BY_EXPRESSION, PG_INT64_MIN);
	else
		stream_statetable_open(&rows->table, rows->rel, shape->nkeys,
							   shape->eqops, shape->collations,
							   STREAM_NOT_TIMED, PG_INT64_MIN);
	rows->table.many = true;
	rows->table.nordered = rows->nordered;
	if (rows->nordered == 0)
		return;
	stream_statetable_open(&rows->exact, rows->rel, rows->index.nkeys,
						   rows->index.eqops, rows->index.collations,
						   STREAM_NOT_TIMED, PG_INT64_MIN);
	rows->exact.many = true;
}

static void
close_table(StreamRows *rows)
{
	stream_statetable_close(&rows->table);
	if (rows->nordered > 0)
		stream_statetable_close(&rows->exact);
}

void
stream_rows_set_groupings(StreamRows *rows, List *sets, int column)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);

	rows->sets = sets;
	rows->set_column = column;
	rows->set_row = MakeSingleTupleTableSlot(rows->row ?
											 rows->row->tts_tupleDescriptor :
											 rows->desc, &TTSOpsVirtual);
	MemoryContextSwitchTo(old);
}

void
stream_rows_set_order(StreamRows *rows, int nranks,
					  const StreamRankColumn *ranks)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	StreamStoreShape *index = &rows->index;

	*index = rows->shape;
	for (int i = 0; i < nranks; i++)
	{
		Assert(ranks[i].column == index->nkeys);
		index->eqops[index->nkeys] =
			get_equality_op_for_ordering_op(ranks[i].sortop, NULL);
		index->collations[index->nkeys++] = ranks[i].collation;
	}
	index->eqops[index->nkeys] = Int4EqualOperator;
	index->collations[index->nkeys++] = InvalidOid;
	rows->nordered = nranks + 1;
	rows->hashed_row = MakeSingleTupleTableSlot(rows->row->tts_tupleDescriptor,
												&TTSOpsVirtual);
	MemoryContextSwitchTo(old);
}

/* The columns of a number are the last ones. */
#define NUMBER_COLUMNS 2

void
stream_rows_set_numbered(StreamRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);

	rows->told_apart = part_of(rows->desc,
							   rows->desc->natts - NUMBER_COLUMNS, false);
	rows->netting = stream_netting_create(rows->context,
										  rows->row->tts_tupleDescriptor, 0,
										  NULL);
	MemoryContextSwitchTo(old);
}

void
stream_rows_open(StreamRows *rows, Relation rel, int64 batch, int64 late)
{
	rows->rel = rel;
	rows->late = late;
	rows->batch = batch;
	rows->numbered = rows->more = 0;
	if (rows->netting)
		stream_netting_begin(rows->netting);
	rows->added = tuplestore_begin_heap(true, false, work_mem);
	if (rows->kind == STREAM_ROWS_PASS)
		return;
	rows->kept = tuplestore_begin_heap(true, false, work_mem);
	open_table(rows);
}

/* The row as a grouping set has it. */
static TupleTableSlot *
row_of_set(StreamRows *rows, const StreamGroupingSet *set,
		   TupleTableSlot *slot)
{
	TupleTableSlot *row = rows->set_row;
	int			natts = row->tts_tupleDescriptor->natts;
	int			key = -1;

	ExecClearTuple(row);
	memcpy(row->tts_values, slot->tts_values, natts * sizeof(Datum));
	memcpy(row->tts_isnull, slot->tts_isnull, natts * sizeof(bool));
	while ((key = bms_next_member(set->missing, key)) >= 0)
		row->tts_isnull[key] = true;
	row->tts_values[rows->set_column] =
		Int32GetDatum(STREAM_MUTATION("grouping") ? 0 : set->number);
	row->tts_isnull[rows->set_column] = false;
	return ExecStoreVirtualTuple(row);
}

/* The row with its hash, of that and all other columns but the sign. */
static TupleTableSlot *
row_with_hash(StreamRows *rows, TupleTableSlot *slot)
{
	TupleTableSlot *row = rows->hashed_row;
	int			natts = row->tts_tupleDescriptor->natts;
	int			hash = rows->index.nkeys - 1;

	slot_getallattrs(slot);
	ExecClearTuple(row);
	memcpy(row->tts_values, slot->tts_values, natts * sizeof(Datum));
	memcpy(row->tts_isnull, slot->tts_isnull, natts * sizeof(bool));
	row->tts_values[hash] =
		Int32GetDatum((int32) stream_rowimage_hash(rows->desc, slot));
	return ExecStoreVirtualTuple(row);
}

void
stream_rows_add(StreamRows *rows, TupleTableSlot *slot)
{
	ListCell   *lc;

	if (rows->netting)
	{
		TupleTableSlot *row = row_with_hash(rows, slot);

		if (STREAM_MUTATION("looked_up_again"))
			row->tts_values[rows->told_apart->natts] =
				row->tts_values[rows->desc->natts];
		stream_netting_add(rows->netting, row);
		ExecClearTuple(row);
		return;
	}
	if (rows->nordered > 0)
	{
		tuplestore_puttupleslot(rows->added, row_with_hash(rows, slot));
		ExecClearTuple(rows->hashed_row);
		return;
	}
	if (rows->sets == NIL)
	{
		tuplestore_puttupleslot(rows->added, slot);
		return;
	}
	slot_getallattrs(slot);
	foreach(lc, rows->sets)
		tuplestore_puttupleslot(rows->added,
								row_of_set(rows, lfirst(lc), slot));
	/* what it points to is the caller's */
	ExecClearTuple(rows->set_row);
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

/* Groups are looked up, each once. */
static void
sort_row(StreamRows *rows)
{
	if (rows->signs)
		stream_keysort_put(rows->sort, rows->row);
	else if (rows->kind == STREAM_ROWS_OF_GROUPS)
		sort_key(rows);
}

static void
write_waiting(StreamRows *rows)
{
	stream_statetable_insert_all(&rows->table, rows->waiting, rows->nwaiting);
	for (int i = 0; i < rows->nwaiting; i++)
		ExecClearTuple(rows->waiting[i]);
	rows->nwaiting = 0;
	rows->waiting_bytes = 0;
}

/* It can be found only after write_waiting. */
static void
keep_row(StreamRows *rows, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	HeapTuple	tuple = heap_form_tuple(rows->desc, row->tts_values,
										row->tts_isnull);

	MemoryContextSwitchTo(old);
	ExecForceStoreHeapTuple(tuple, rows->waiting[rows->nwaiting++], true);
	rows->waiting_bytes += tuple->t_len;
	if (rows->nwaiting == MAX_WAITING ||
		rows->waiting_bytes >= MAX_WAITING_BYTES)
		write_waiting(rows);
}

/* Does the row go? */
static bool
goes(StreamRows *rows, TupleTableSlot *row)
{
	return rows->signs &&
		DatumGetInt32(row->tts_values[rows->desc->natts]) < 0;
}

/* A row without a time, or without a gap, is in no session. */
static bool
is_in_session(StreamRows *rows, TupleTableSlot *row)
{
	return !row->tts_isnull[rows->shape.nkeys - 1];
}

/*
 * Can it find no other row any more?  No reaper would look for it.  What has no time finds
 * none.
 */
static bool
is_over(StreamRows *rows, TupleTableSlot *row)
{
	return rows->until >= 0 &&
		(row->tts_isnull[rows->until] ||
		 DatumGetInt64(row->tts_values[rows->until]) <= rows->late);
}

/* Keeps the rows that come, and sorts all; returns how many come. */
static int64
keep_rows(StreamRows *rows)
{
	int64		n = 0;

	while (tuplestore_gettupleslot(rows->added, true, false, rows->row))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(rows->row);
		if (rows->session ? !is_in_session(rows, rows->row) :
			is_over(rows, rows->row))
			continue;
		if (rows->nordered == 0)
			sort_row(rows);
		if (goes(rows, rows->row))
			continue;
		keep_row(rows, rows->row);
		n++;
	}
	write_waiting(rows);
	return n;
}

/* ---- rows that go ---- */

/* The rows of a group are in its memory. */
static void
note_gone(StreamRows *rows, GoneRows *gone, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(rows->group);
	GoneRow    *new;

	if (gone->n == gone->max)
	{
		gone->max = Max(16, gone->max * 2);
		gone->rows = gone->rows ?
			repalloc_huge(gone->rows, sizeof(GoneRow) * gone->max) :
			palloc(sizeof(GoneRow) * gone->max);
	}
	new = &gone->rows[gone->n++];
	new->hash = stream_rowimage_hash(rows->desc, row);
	new->found = false;
	new->skip = 0;
	new->tuple = ExecCopySlotMinimalTuple(row);
	MemoryContextSwitchTo(old);
}

static int
compare_gone(const void *a, const void *b)
{
	uint32		x = ((const GoneRow *) a)->hash;
	uint32		y = ((const GoneRow *) b)->hash;

	return x < y ? -1 : x > y;
}

/* The first with the hash, or where it would be. */
static int64
find_hash(const GoneRows *gone, uint32 hash)
{
	int64		low = 0;
	int64		high = gone->n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (gone->rows[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is the row of the table one of those that go?  Each of them takes one away. */
static bool
is_gone(StreamRows *rows, GoneRows *gone)
{
	uint32		hash = stream_rowimage_hash(rows->desc, rows->table.found);
	int64		first = find_hash(gone, hash);
	int64	   *skip;

	if (first == gone->n || gone->rows[first].hash != hash)
		return false;
	skip = &gone->rows[first].skip;
	while (first + *skip < gone->n && gone->rows[first + *skip].found)
		(*skip)++;
	for (int64 i = first + *skip;
		 i < gone->n && gone->rows[i].hash == hash; i++)
	{
		GoneRow    *row = &gone->rows[i];

		if (row->found)
			continue;
		ExecStoreMinimalTuple(row->tuple, rows->row, false);
		row->found = stream_rowimage_equal(rows->desc, rows->table.found,
										   rows->row);
		if (row->found)
			return true;
	}
	return false;
}

/* ---- rows of a session ---- */

/* Where the session that is a row's last key begins and ends. */
static void
read_bounds(StreamRows *rows, TupleTableSlot *row, Timestamp *start,
			Timestamp *end)
{
	MemoryContext old = MemoryContextSwitchTo(rows->bounds);

	slot_getallattrs(row);
	stream_window_session_bounds(rows->session,
								 row->tts_values[rows->shape.nkeys - 1],
								 start, end);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->bounds);
}

/* Is the row that has been found still one of the session? */
static bool
is_in_it(StreamRows *rows)
{
	Timestamp	start;
	Timestamp	end;

	read_bounds(rows, rows->table.found, &start, &end);
	return STREAM_MUTATION("session_rows") ? end < rows->session_end :
		end <= rows->session_end;
}

/* Finds the first row of a session that ends after a time. */
static bool
find_in_session(StreamRows *rows, TupleTableSlot *session, int64 after)
{
	Timestamp	start;

	read_bounds(rows, session, &start, &rows->session_end);
	/* rows that end where it begins are of another; but not at infinity */
	rows->table.alive_after =
		Max(after, start < rows->session_end ? start : start - 1);
	return stream_statetable_find(&rows->table, session) && is_in_it(rows);
}

/* The same of those that end when the session does. */
static bool
find_at_end(StreamRows *rows, TupleTableSlot *session)
{
	Timestamp	start;

	read_bounds(rows, session, &start, &rows->session_end);
	rows->table.alive_after = rows->session_end - 1;
	return stream_statetable_find(&rows->table, session) && is_in_it(rows);
}

static bool
find_next_in_session(StreamRows *rows)
{
	return stream_statetable_find_next(&rows->table) && is_in_it(rows);
}

/* ---- groups ---- */

static void
complain_of_gone_row(StreamRows *rows)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a row that goes is not among those that \"%s\" keeps",
					RelationGetRelationName(rows->table.rel)),
			 errhint("A function between the aggregations has been replaced by one that gives other results: drop the continuous view and create it anew.")));
}

/* Are all rows of a group handed on when it is touched? */
static bool
hands_on_groups(const StreamRows *rows)
{
	return rows->kind == STREAM_ROWS_OF_GROUPS;
}

/* Finds the first row with the keys.  Of sessions, the last of these is the row's own. */
static bool
find_in_group(StreamRows *rows, TupleTableSlot *keys)
{
	return rows->session ? find_at_end(rows, keys) :
		stream_statetable_find(&rows->table, keys);
}

static bool
find_next_in_group(StreamRows *rows)
{
	return rows->session ? find_next_in_session(rows) :
		stream_statetable_find_next(&rows->table);
}

/* Hands on all rows with the keys but those that go, which it deletes. */
static void
hand_on_group(StreamRows *rows, TupleTableSlot *keys, GoneRows *gone)
{
	bool		found;
	int64		taken = 0;

	slot_getallattrs(keys);
	if (gone->n > 1)
		qsort(gone->rows, gone->n, sizeof(GoneRow), compare_gone);
	for (found = find_in_group(rows, keys); found;
		 found = find_next_in_group(rows))
	{
		CHECK_FOR_INTERRUPTS();
		if (gone->n > taken && is_gone(rows, gone))
		{
			taken++;
			if (!STREAM_MUTATION("rows_stay"))
			{
				stream_statetable_delete(&rows->table,
										 &rows->table.found->tts_tid);
				continue;
			}
		}
		if (gone->n > 0 && taken == gone->n && !hands_on_groups(rows))
			break;
		if (hands_on_groups(rows) && !STREAM_MUTATION("rows_forgotten"))
			tuplestore_puttupleslot(rows->kept, rows->table.found);
	}
	if (taken < gone->n)
		complain_of_gone_row(rows);
}

/* Of sessions, results, and what is joined, only groups that lose rows are looked at. */
static void
finish_group(StreamRows *rows, TupleTableSlot *keys, GoneRows *gone)
{
	if (hands_on_groups(rows) || gone->n > 0)
		hand_on_group(rows, keys, gone);
}

/* Goes through the groups of the rows that were sorted; returns how many go. */
static int64
hand_on_groups(StreamRows *rows)
{
	TupleTableSlot *keys = MakeSingleTupleTableSlot(rows->key->tts_tupleDescriptor,
													&TTSOpsVirtual);
	GoneRows	gone = {0};
	TupleTableSlot *row;
	bool		first;
	bool		open = false;
	int64		n = 0;

	while ((row = stream_keysort_next(rows->sort, &first)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(row);
		if (first && open)
			finish_group(rows, keys, &gone);
		if (first)
		{
			MemoryContextReset(rows->group);
			memset(&gone, 0, sizeof(gone));
			ExecClearTuple(keys);
			for (int i = 0; i < rows->shape.nkeys; i++)
			{
				keys->tts_values[i] = row->tts_values[i];
				keys->tts_isnull[i] = row->tts_isnull[i];
			}
			/* the row may be gone before its group is */
			ExecMaterializeSlot(ExecStoreVirtualTuple(keys));
			open = true;
		}
		if (goes(rows, row))
		{
			note_gone(rows, &gone, row);
			n++;
		}
	}
	if (open)
		finish_group(rows, keys, &gone);
	ExecDropSingleTupleTableSlot(keys);
	MemoryContextReset(rows->group);
	return n;
}

/* Keeps the rows, and hands on the groups that they are of. */
static int64
keep_groups(StreamRows *rows)
{
	int64		n;

	stream_keysort_begin(rows->sort);
	n = keep_rows(rows);
	/* what has come in this batch may go in it, too */
	if (rows->signs)
		CommandCounterIncrement();
	stream_keysort_perform(rows->sort);
	n -= hand_on_groups(rows);
	stream_keysort_end(rows->sort);
	return n;
}

/* ---- in order ---- */

/*
 * Deletes one that is the same as the row, and returns it, until the next is looked for.
 * again: so was the last one, after which it is looked for.
 */
static TupleTableSlot *
delete_same(StreamRows *rows, TupleTableSlot *row, bool again)
{
	StreamStateTable *exact = &rows->exact;
	bool		found;

	for (found = again ? stream_statetable_find_next(exact) :
		 stream_statetable_find(exact, row); found;
		 found = stream_statetable_find_next(exact))
	{
		CHECK_FOR_INTERRUPTS();
		if (!stream_rowimage_equal(rows->told_apart, exact->found, row))
			continue;
		stream_statetable_delete(exact, &exact->found->tts_tid);
		return exact->found;
	}
	complain_of_gone_row(rows);
	return NULL;
}

/* Keeps the rows that come, and deletes those that go. */
static int64
keep_ordered(StreamRows *rows)
{
	int64		n = keep_rows(rows);

	/* what has come in this batch may go in it, too */
	CommandCounterIncrement();
	tuplestore_rescan(rows->added);
	while (tuplestore_gettupleslot(rows->added, true, false, rows->row))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(rows->row);
		if (!goes(rows, rows->row) || STREAM_MUTATION("ordered_stay"))
			continue;
		ExecClearTuple(delete_same(rows, rows->row, false));
		n--;
	}
	return n;
}

/* Hands on a row, which comes or goes, under its number. */
static TupleTableSlot *
hand_on_numbered(StreamRows *rows, TupleTableSlot *slot, int sign,
				 int64 batch, int64 number)
{
	TupleTableSlot *row = rows->hashed_row;
	int			natts = row->tts_tupleDescriptor->natts;
	int			column = rows->told_apart->natts;

	ExecClearTuple(row);
	memcpy(row->tts_values, slot->tts_values, natts * sizeof(Datum));
	memcpy(row->tts_isnull, slot->tts_isnull, natts * sizeof(bool));
	row->tts_values[column] = Int64GetDatum(batch);
	row->tts_values[column + 1] = Int64GetDatum(number);
	row->tts_values[natts - 1] = Int32GetDatum(sign);
	ExecStoreVirtualTuple(row);
	tuplestore_puttupleslot(rows->added, row);
	return row;
}

/* What is left of the rows of a batch: one that goes has a number, one that comes gets it. */
static void
number_row(TupleTableSlot *old, TupleTableSlot *new, void *arg)
{
	StreamRows *rows = arg;
	int			column = rows->told_apart->natts;

	if (old)
	{
		TupleTableSlot *found = rows->exact.found;
		bool		again = found && !TTS_EMPTY(found) &&
			stream_rowimage_equal(rows->told_apart, found, old);

		found = delete_same(rows, old, again);
		slot_getallattrs(found);
		if (!STREAM_MUTATION("looked_up_stays"))
			(void) hand_on_numbered(rows, old, -1,
									DatumGetInt64(found->tts_values[column]),
									DatumGetInt64(found->tts_values[column + 1]));
		rows->more--;
	}
	if (new)
	{
		keep_row(rows, hand_on_numbered(rows, new, 1, rows->batch,
										rows->numbered++));
		rows->more++;
	}
	ExecClearTuple(rows->hashed_row);
}

/* Keeps the rows that come, and deletes those that go, of which none is the same. */
static int64
keep_numbered(StreamRows *rows)
{
	stream_netting_end(rows->netting, number_row, rows);
	write_waiting(rows);
	if (rows->exact.found)
		ExecClearTuple(rows->exact.found);
	return rows->more;
}

TupleTableSlot *
stream_rows_first(StreamRows *rows, TupleTableSlot *keys)
{
	return stream_statetable_find(&rows->table, keys) ?
		rows->table.found : NULL;
}

TupleTableSlot *
stream_rows_next(StreamRows *rows)
{
	return stream_statetable_find_next(&rows->table) ?
		rows->table.found : NULL;
}

/* ---- closing ---- */

int64
stream_rows_close(StreamRows *rows)
{
	int64		n;

	if (rows->kind == STREAM_ROWS_PASS || rows->kind == STREAM_ROWS_OF_JOIN)
		return 0;
	if (rows->netting)
		n = keep_numbered(rows);
	else if (rows->nordered > 0)
		n = keep_ordered(rows);
	else
		n = rows->session && !rows->signs ? keep_rows(rows) :
			keep_groups(rows);
	tuplestore_rescan(rows->added);
	ExecClearTuple(rows->row);
	ExecClearTuple(rows->key);
	return n;
}

int64
stream_rows_keep(StreamRows *rows)
{
	int64		n;

	if (STREAM_MUTATION("join_forgotten"))
		return 0;
	/* the feed has had a pointer of its own */
	tuplestore_select_read_pointer(rows->added, 0);
	n = rows->signs ? keep_groups(rows) : keep_rows(rows);
	ExecClearTuple(rows->row);
	ExecClearTuple(rows->key);
	return n;
}

/* ---- sessions ---- */

/* The row that has been found, as one of the session. */
static void
hand_on_found(StreamRows *rows, Datum session)
{
	TupleTableSlot *found = rows->table.found;
	int			natts = rows->desc->natts;

	ExecClearTuple(rows->merged);
	memcpy(rows->merged->tts_values, found->tts_values, sizeof(Datum) * natts);
	memcpy(rows->merged->tts_isnull, found->tts_isnull, sizeof(bool) * natts);
	rows->merged->tts_values[rows->shape.nkeys - 1] = session;
	tuplestore_puttupleslot(rows->kept, ExecStoreVirtualTuple(rows->merged));
	ExecClearTuple(rows->merged);
}

void
stream_rows_hand_on_session(StreamRows *rows, TupleTableSlot *session,
							int64 after)
{
	bool		found;

	for (found = find_in_session(rows, session, after); found;
		 found = find_next_in_session(rows))
	{
		CHECK_FOR_INTERRUPTS();
		hand_on_found(rows, session->tts_values[rows->shape.nkeys - 1]);
	}
	ExecClearTuple(rows->table.found);
}

bool
stream_rows_has_session(StreamRows *rows, TupleTableSlot *range)
{
	Timestamp	start;
	Timestamp	end;
	Timestamp	found_start;
	bool		found;

	read_bounds(rows, range, &start, &end);
	for (found = find_at_end(rows, range); found;
		 found = find_next_in_session(rows))
	{
		CHECK_FOR_INTERRUPTS();
		read_bounds(rows, rows->table.found, &found_start, &end);
		if (found_start == start)
			break;
	}
	ExecClearTuple(rows->table.found);
	return found;
}

TupleTableSlot *
stream_rows_first_of_session(StreamRows *rows, TupleTableSlot *session)
{
	return find_in_session(rows, session, PG_INT64_MIN) ?
		rows->table.found : NULL;
}

TupleTableSlot *
stream_rows_next_of_session(StreamRows *rows)
{
	return find_next_in_session(rows) ? rows->table.found : NULL;
}

void
stream_rows_begin_reaping(StreamRows *rows)
{
	open_table(rows);
}

int64
stream_rows_reap_session(StreamRows *rows, TupleTableSlot *session)
{
	bool		found;
	int64		n = 0;

	for (found = find_in_session(rows, session, PG_INT64_MIN); found;
		 found = find_next_in_session(rows))
	{
		CHECK_FOR_INTERRUPTS();
		stream_statetable_delete(&rows->table, &rows->table.found->tts_tid);
		n++;
	}
	ExecClearTuple(rows->table.found);
	return n;
}

void
stream_rows_end_reaping(StreamRows *rows)
{
	close_table(rows);
}

/* ---- handing on ---- */

Tuplestorestate *
stream_rows_output(const StreamRows *rows, bool kept)
{
	return kept ? rows->kept : rows->added;
}

void
stream_rows_settle(StreamRows *rows)
{
	if (rows->kind != STREAM_ROWS_PASS)
		close_table(rows);
	tuplestore_end(rows->added);
	if (rows->kept)
		tuplestore_end(rows->kept);
	rows->added = rows->kept = NULL;
}
