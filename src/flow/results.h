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

/*
 * All rows of the batch have been taken: they are in the table.  False: that has triggers,
 * and its rows are held, until nothing else is left to be done.  Then they are written,
 * and the triggers fired: so these are about all rows of the batch, and find what others
 * have written.  As stream_triggers_begin and stream_triggers_end; a command ends between.
 */
extern bool stream_results_close(StreamResults *results);
extern void stream_results_write_held(StreamResults *results);
extern void stream_results_fire(StreamResults *results);

#endif
