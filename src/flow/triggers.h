/*-------------------------------------------------------------------------
 *
 * triggers.h
 *	  Firing the triggers of a view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TRIGGERS_H
#define STREAMING_TRIGGERS_H

#include "nodes/execnodes.h"

typedef struct StreamTriggers StreamTriggers;

/*
 * What a change stream says, in the second column, has become of a row.  A row that is
 * updated is there twice, as it was and, next, as it is.
 */
#define STREAM_CHANGE_DELETE (-1)
#define STREAM_CHANGE_INSERT 1
#define STREAM_CHANGE_UPDATE_BEFORE (-2)
#define STREAM_CHANGE_UPDATE_AFTER 2

/* The number of the batch, the first column, of what was there before the change stream. */
#define STREAM_CHANGE_BEFORE 0

/*
 * Begins a batch of rows of a change stream, or (ops: false) of a result that is only
 * added to.  Its triggers are fired as if what the rows say had been done to a table.
 * No query may begin before the end that does not end before it, too.
 */
extern StreamTriggers *stream_triggers_begin(EState *estate,
											 ResultRelInfo *rel, bool ops);

/*
 * Takes a row, which is in the table, with its TID.  What was there before there was a
 * change stream is none of the triggers' business.
 */
extern void stream_triggers_add(StreamTriggers *triggers,
								TupleTableSlot *row);

/* Fires them.  Errors: theirs. */
extern void stream_triggers_end(StreamTriggers *triggers);

#endif
