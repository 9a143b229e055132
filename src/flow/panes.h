/*-------------------------------------------------------------------------
 *
 * panes.h
 *	  Sliding windows: from panes to windows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_PANES_H
#define STREAMING_PANES_H

#include "state/store.h"
#include "query/closing.h"

typedef struct StreamPanes StreamPanes;

/* Makes the operator for a view whose window, one of its keys, has panes. */
extern StreamPanes *stream_panes_create(MemoryContext parent,
										const StreamWindow *window,
										const StreamStoreShape *shape);

/*
 * Adds a row of the delta: keys, of which one is a pane, and partial states.
 * Windows that end at or before late are left out.  When there are many, they are
 * merged into the store; a command ends before it is written to again.
 */
extern void stream_panes_add(StreamPanes *panes, StreamStore *store,
							 TupleTableSlot *delta, int64 late);

/* Merges the rest: the batch has no more. */
extern void stream_panes_close(StreamPanes *panes, StreamStore *store);

#endif
