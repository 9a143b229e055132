/*-------------------------------------------------------------------------
 *
 * misses.h
 *	  Rows of the delta whose groups are in no cache, looked up together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_MISSES_H
#define STREAMING_MISSES_H

#include "executor/tuptable.h"

#include "state/keyorder.h"
#include "state/statetable.h"

typedef struct StreamMisses StreamMisses;

/* Where the row of its group is, as the index has it. */
typedef enum StreamMissPlace
{
	STREAM_MISS_NONE,			/* there is none */
	STREAM_MISS_ONE,			/* at tid, if it is one of these keys and alive */
	STREAM_MISS_UNKNOWN			/* at one of several places */
} StreamMissPlace;

/* A row of the delta that waits. */
typedef struct StreamMiss
{
	StreamKeyed row;			/* its keys first */
	uint32		hash;			/* of its keys */
	int			number;			/* which it was */
	StreamMissPlace place;
	ItemPointerData tid;
} StreamMiss;

/*
 * Makes a place for rows that begin with the columns of keydesc; order: that of the index,
 * or NULL.
 */
extern StreamMisses *stream_misses_create(MemoryContext parent,
										  TupleDesc keydesc,
										  StreamKeyOrder *order);

/* Has no rows, whatever was there. */
extern void stream_misses_forget(StreamMisses *misses);

/*
 * Takes a row, which all come from slots of one type; returns the size of all that wait, in
 * bytes.
 */
extern Size stream_misses_put(StreamMisses *misses, TupleTableSlot *row,
							  uint32 hash);

/* Are there any? */
extern bool stream_misses_wait(const StreamMisses *misses);

/*
 * Looks them up in the table's index, in its order, and returns them in the order in which
 * they lie in the table, those without a place last, as they have come; as_come: all of
 * them so.  Valid until stream_misses_forget.  Nothing is read of the table itself.
 */
extern StreamMiss *stream_misses_look_up(StreamMisses *misses,
										 StreamStateTable *table,
										 bool as_come, int *n);

#endif
