/*-------------------------------------------------------------------------
 *
 * results.h
 *	  Appending rows to the result of a view that has no other state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RESULTS_H
#define STREAMING_RESULTS_H

#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct StreamResults StreamResults;

/*
 * Makes one for tables of that row type, in memory of its own.  ops: of a change stream
 * (triggers.h).
 */
extern StreamResults *stream_results_create(MemoryContext parent,
											TupleDesc desc, bool ops);

/* Begins a batch on rel, on which the caller holds RowExclusiveLock. */
extern void stream_results_open(StreamResults *results, Relation rel);

/* Takes a row, whose columns are those of the table. */
extern void stream_results_add(StreamResults *results, TupleTableSlot *row);

/* All rows of the batch have been taken: they are in the table. */
extern void stream_results_close(StreamResults *results);

#endif
