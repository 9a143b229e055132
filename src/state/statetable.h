/*-------------------------------------------------------------------------
 *
 * statetable.h
 *	  Finding and writing rows of a state table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_STATETABLE_H
#define STREAMING_STATETABLE_H

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "storage/buf.h"
#include "utils/relcache.h"

#include "state/aggstate.h"

/*
 * The index on the keys may have a time as its last column: rows are found that
 * are later than some time, the earliest first.  timed_by is that column's number
 * in the table, or one of these.
 */
#define STREAM_NOT_TIMED 0
#define STREAM_BY_EXPRESSION (-1)

/* A state table in the course of a batch. */
typedef struct StreamStateTable
{
	Relation	rel;
	int			nkeys;			/* its first columns */
	const Oid  *eqops;			/* per key */
	const Oid  *collations;
	int			timed_by;		/* what ends the index on the keys: see below */
	int64		alive_after;	/* rows up to this time are not found */
	bool		many;			/* there may be many rows with the same keys, ... */
	int			nordered;		/* ... in the order of so many further columns of the
								 * index */
	Size		row_size;		/* of the row updated last, about */
	TupleTableSlot *found;		/* the row that was found last */
	BlockNumber inserted_block; /* where the last row went, ... */
	Buffer		inserted_buffer;	/* ... and where that page was */

	/* private */
	MemoryContext context;		/* lives as long as the batch */
	MemoryContext looking;		/* what looking up in the index leaves behind */
	Relation	index;
	IndexScanDesc lookup;
	struct ScanKeyData *conditions;	/* what it asks */
	TableScanDesc all;			/* without keys */
	EState	   *estate;			/* for writing index entries */
	ResultRelInfo *result_rel;
} StreamStateTable;

/*
 * Begins a batch on rel, on which the caller holds RowExclusiveLock; memory is
 * of the current context until close.  table: zeroed before its first use.
 */
extern void stream_statetable_open(StreamStateTable *table, Relation rel,
								   int nkeys, const Oid *eqops,
								   const Oid *collations, int timed_by,
								   int64 alive_after);

/*
 * Finds the row with the keys (a slot of nkeys columns; without keys, the one
 * row), the earliest that is later than table->alive_after if they are timed:
 * puts it into table->found, or returns false.  Sees what this command has written.  Error 55000 if the index on the keys is
 * missing.
 */
extern bool stream_statetable_find(StreamStateTable *table,
								   TupleTableSlot *keys);

/*
 * Where such a row may be, as the index has it: returns 0, 1, or 2 if there are more places,
 * and the first one, which may be that of a row that is dead by now, or of another one
 * that has come there since.  For a table with keys.  The index stays pinned there until
 * the next look-up, or end_places.  Error 55000 as above.
 */
extern int	stream_statetable_places(StreamStateTable *table,
									 TupleTableSlot *keys, ItemPointer tid);
extern void stream_statetable_end_places(StreamStateTable *table);

/*
 * Puts the row that is alive at such a place into table->found, which the caller clears,
 * or returns false.
 */
extern bool stream_statetable_fetch_place(StreamStateTable *table,
										  const ItemPointerData *tid);

/*
 * The next row with the same keys; for a table that has many.  Nothing else may be
 * looked for meanwhile.
 */
extern bool stream_statetable_find_next(StreamStateTable *table);

/* Puts the row at tid into table->found, which the caller clears. */
extern void stream_statetable_fetch(StreamStateTable *table, ItemPointer tid);

/*
 * Inserts the row (a heap tuple slot); its TID is then in the slot.  Returns
 * where its page is, as a hint.
 */
extern Buffer stream_statetable_insert(StreamStateTable *table,
									   TupleTableSlot *slot);

/*
 * The same for n rows, which is cheaper; for those, but not in the indexes yet; and puts
 * one of these there, whose TID is in the slot.
 */
extern void stream_statetable_insert_all(StreamStateTable *table,
										 TupleTableSlot **slots, int n);
extern void stream_statetable_insert_rows(StreamStateTable *table,
										  TupleTableSlot **slots, int n);
extern void stream_statetable_insert_entries(StreamStateTable *table,
											 TupleTableSlot *slot);

/* Where the page of a row that has been inserted is, as a hint. */
extern Buffer stream_statetable_buffer(StreamStateTable *table,
									   ItemPointer tid);

/*
 * Puts the row in the place of the one at tid; its TID is then in the slot.
 * buffer: a hint at where its page is, or InvalidBuffer; it need not be right.
 * Returns that for the next time.
 * Error 40001 if somebody else has changed the row.
 */
extern Buffer stream_statetable_update(StreamStateTable *table,
									   ItemPointer tid, Buffer buffer,
									   TupleTableSlot *slot);

/* Deletes the row at tid.  Error 40001 as above. */
extern void stream_statetable_delete(StreamStateTable *table, ItemPointer tid);

/* Ends the batch. */
extern void stream_statetable_close(StreamStateTable *table);

/*
 * In a row, the result of each aggregate is a column; the states that are not
 * the result follow in columns of their own, each once.
 */

/*
 * Puts an aggregate into a row.  own: the state is not that of another; result: its
 * column; *state: the column of the next state that is not a result.
 */
static inline void
stream_staterow_put(StreamAgg *agg, bool own, NullableDatum value, int result,
					int *state, Datum *values, bool *nulls)
{
	NullableDatum finished = stream_aggstate_finish(agg, value);

	values[result] = finished.value;
	nulls[result] = finished.isnull;
	if (own && !agg->final_is_state)
	{
		NullableDatum stored = stream_aggstate_store(agg, value);

		values[*state] = stored.value;
		nulls[*state] = stored.isnull;
		(*state)++;
	}
}

/* Gets its own state back, in the context. */
static inline NullableDatum
stream_staterow_get(StreamAgg *agg, TupleTableSlot *row, int result,
					int *state, MemoryContext context)
{
	int			column = agg->final_is_state ? result : (*state)++;
	NullableDatum stored;

	stored.value = row->tts_values[column];
	stored.isnull = row->tts_isnull[column];
	return stream_aggstate_load(agg, context, stored);
}

#endif
