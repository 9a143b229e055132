/*-------------------------------------------------------------------------
 *
 * changes.h
 *	  Writing down how the result of a view changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_FLOW_CHANGES_H
#define STREAMING_FLOW_CHANGES_H

#include "executor/tuptable.h"
#include "utils/relcache.h"

#include "query/cut.h"

typedef struct StreamChanges StreamChanges;

/*
 * For a change stream of the row type desc: the number of the batch (int8), what has
 * become of the row (int4), and the row.  input: the row type of what it takes, which
 * is a row and its sign.
 */
extern StreamChanges *stream_changes_create(MemoryContext parent,
											const StreamCut *cut,
											TupleDesc input, TupleDesc desc);

/* Begins the batch of that number. */
extern void stream_changes_open(StreamChanges *changes, Relation rel,
								int64 batch);

/* What comes has been in the result before there was a change stream. */
extern void stream_changes_begin_filling(StreamChanges *changes);

/* Takes a row that comes or goes. */
extern void stream_changes_add(StreamChanges *changes, TupleTableSlot *row);

/* Has written them all: NULL; or what holds them, see stream_results_close. */
extern StreamResults *stream_changes_close(StreamChanges *changes);

#endif
