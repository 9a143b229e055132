/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  Rows that are handed on, and those that are kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_ROWS_H
#define STREAMING_ROWS_H

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/tuplestore.h"

#include "state/store.h"

typedef struct StreamRows StreamRows;

/* What becomes of them, beside being handed on. */
typedef enum StreamRowsKind
{
	STREAM_ROWS_PASS,			/* nothing */
	STREAM_ROWS_OF_GROUPS,		/* they are kept, and handed on again with new ones
								 * of their keys */
	STREAM_ROWS_OF_SESSIONS,	/* ... of a session; the last key is that which the
								 * row would be by itself */
	STREAM_ROWS_OF_JOIN,		/* they are kept for a join, which says when */
	STREAM_ROWS_OF_RESULT		/* they are kept, for readers of the table, or until
								 * they go */
} StreamRowsKind;

/*
 * Makes the operator for rows of the type desc, which begin with the keys of the
 * shape.  If they are kept, that is the row type of the state table.  signs: a column
 * more (int4) says if a row comes (1) or goes (-1).
 */
extern StreamRows *stream_rows_create(MemoryContext parent, TupleDesc desc,
									  const StreamStoreShape *shape,
									  StreamRowsKind kind, bool signs);

/*
 * Each row that is taken is one for each of the grouping sets (StreamGroupingSet), whose
 * number the column of the given number (from 0) has.
 */
extern void stream_rows_set_groupings(StreamRows *rows, List *sets, int column);

/*
 * Of a join: a column (from 0) says until when a row can find others.  One that cannot
 * any more when it comes is not kept.
 */
extern void stream_rows_set_until(StreamRows *rows, int column);

/*
 * Of groups, rows with a sign: the first of each key are asked for, in the order of the
 * columns that come after the keys.  The column after these has the hash of a row; its
 * feed puts nothing there.
 */
extern void stream_rows_set_order(StreamRows *rows, int nranks,
								  const StreamRankColumn *ranks);

/*
 * Of rows that have a place for their hash (stream_rows_set_order): what comes and goes as
 * the same row in a batch is nothing, and each other gets a number that it is handed on
 * with, when it comes and when it goes.  The last two columns (int8, in which its feed puts
 * 0) are that: the batch, and which it is of that.
 */
extern void stream_rows_set_numbered(StreamRows *rows);

/*
 * The first of the rows with the keys, and the next one; NULL: no more.  A slot that is
 * valid until the next call.  Between close and settle.
 */
extern TupleTableSlot *stream_rows_first(StreamRows *rows,
										 TupleTableSlot *keys);
extern TupleTableSlot *stream_rows_next(StreamRows *rows);

/*
 * Begins a batch.  rel: the state table, on which the caller holds RowExclusiveLock
 * and of which it is the only writer; NULL if nothing is kept.  batch: how many there
 * have been before.
 */
extern void stream_rows_open(StreamRows *rows, Relation rel, int64 batch,
							 int64 late);

/* Takes a row. */
extern void stream_rows_add(StreamRows *rows, TupleTableSlot *slot);

/*
 * Keeps the rows of the batch, and finds those that belong to the same keys.
 * Returns by how many those that are kept have become more.
 */
extern int64 stream_rows_close(StreamRows *rows);

/*
 * Keeps the rows of the batch for a join; returns how many.  Between close and settle,
 * once.
 */
extern int64 stream_rows_keep(StreamRows *rows);

/*
 * Hands on the kept rows of a session, with it as their last key: those that end after a
 * time, for the others are of closed sessions which it overlaps.  The session's row
 * begins with the same keys.  Between close and settle.
 */
extern void stream_rows_hand_on_session(StreamRows *rows,
										TupleTableSlot *session,
										int64 after);

/*
 * Is there a kept row that would be just that session by itself?  Between close and
 * settle.
 */
extern bool stream_rows_has_session(StreamRows *rows, TupleTableSlot *range);

/*
 * The first of the kept rows of a session, and the next one; NULL: no more.  A slot that
 * is valid until the next call.  Between close and settle.
 */
extern TupleTableSlot *stream_rows_first_of_session(StreamRows *rows,
													TupleTableSlot *session);
extern TupleTableSlot *stream_rows_next_of_session(StreamRows *rows);

/*
 * After settle, in the same batch: deletes the kept rows of sessions that are closed,
 * and returns how many those of one were; between begin and end.
 */
extern void stream_rows_begin_reaping(StreamRows *rows);
extern int64 stream_rows_reap_session(StreamRows *rows,
									  TupleTableSlot *session);
extern void stream_rows_end_reaping(StreamRows *rows);

/* Those of the batch, or (kept) all of the keys that they are of; until settle. */
extern Tuplestorestate *stream_rows_output(const StreamRows *rows, bool kept);

/* Ends the batch. */
extern void stream_rows_settle(StreamRows *rows);

#endif
