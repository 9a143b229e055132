/*-------------------------------------------------------------------------
 *
 * toprows.h
 *	  The first rows of each key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TOPROWS_H
#define STREAMING_TOPROWS_H

#include "executor/tuptable.h"
#include "utils/relcache.h"

#include "state/store.h"
#include "query/topn.h"

typedef struct StreamToprows StreamToprows;

/*
 * For a state table of the row type desc, with a shape that has its keys.  store: that
 * of the table if each key has one row, else NULL.
 */
extern StreamToprows *stream_toprows_create(MemoryContext parent,
											TupleDesc desc,
											const StreamTopn *topn,
											const StreamStoreShape *shape,
											StreamStore *store);

/* Begins a batch on the state table; its store, if any, is open. */
extern void stream_toprows_open(StreamToprows *top, Relation state);

/* Takes a row of the feed: keys, then what comes with them. */
extern void stream_toprows_add(StreamToprows *top, TupleTableSlot *delta);

/*
 * Writes what the batch has changed, to the store if there is one (which the caller
 * closes).  Returns by how many the rows of the table have become more, by its own
 * doing.
 */
extern int64 stream_toprows_close(StreamToprows *top);

#endif
