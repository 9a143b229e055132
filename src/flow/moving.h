/*-------------------------------------------------------------------------
 *
 * moving.h
 *	  Aggregates over changes: rows come, and go again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_MOVING_H
#define STREAMING_MOVING_H

#include "executor/tuptable.h"

#include "query/cut.h"
#include "state/store.h"

typedef struct StreamMoving StreamMoving;

/*
 * For an aggregation over changes, whose rows are of the type desc: they begin with the
 * keys and end with the sign.
 */
extern StreamMoving *stream_moving_create(MemoryContext parent,
										  const StreamCut *cut, TupleDesc desc,
										  const StreamStoreShape *shape);

/* Takes a row, the first one of a batch or one more. */
extern void stream_moving_add(StreamMoving *moving, TupleTableSlot *row);

/* Puts the rows of the batch into the groups of the store. */
extern void stream_moving_flush(StreamMoving *moving, StreamStore *store);

#endif
