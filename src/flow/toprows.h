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
#include "flow/rows.h"

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

/*
 * Begins a batch on the state table; its store, if any, is open.  changed: NULL, or
 * called with each row that goes (-1) or comes (1) in a table without a store.
 */
extern void stream_toprows_open(StreamToprows *top, Relation state,
								void (*changed) (TupleTableSlot *row,
												 int sign, void *arg),
								void *arg);

/* Takes a row of the feed: keys, then what comes with them. */
extern void stream_toprows_add(StreamToprows *top, TupleTableSlot *delta);

/*
 * Of rows that come and go, and are kept by another operator: reads the first ones of
 * the keys anew.
 */
extern void stream_toprows_refill(StreamToprows *top, StreamRows *from,
								  TupleTableSlot *keys);

/*
 * Writes what the batch has changed, to the store if there is one (which the caller
 * closes).  Returns by how many the rows of the table have become more, by its own
 * doing.
 */
extern int64 stream_toprows_close(StreamToprows *top);

#endif
