/*-------------------------------------------------------------------------
 *
 * triggers.h
 *	  Firing the triggers of a view, and of its change stream.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TRIGGERS_H
#define STREAMING_TRIGGERS_H

#include "nodes/execnodes.h"
#include "utils/reltrigger.h"

typedef struct StreamTriggers StreamTriggers;

/*
 * Of the triggers on a change stream: is it the view's?  (Such fire ALWAYS; those that are
 * the table's do not.)
 */
extern bool stream_triggers_is_of_view(const Trigger *trigger);

/*
 * Begins a batch of rows of a change stream, or (ops: false) of a result that is only
 * added to.  The view's triggers are fired as if what the rows say had been done to a
 * table, those of the change stream as it is inserted to.
 * No query may begin before the end that does not end before it, too.
 */
extern StreamTriggers *stream_triggers_begin(EState *estate,
											 ResultRelInfo *rel, bool ops);

/*
 * Takes a row, which is in the table, with its TID.  What was there before there was a
 * change stream is none of the business of the view's triggers.
 */
extern void stream_triggers_add(StreamTriggers *triggers,
								TupleTableSlot *row);

/* Fires them.  Errors: theirs. */
extern void stream_triggers_end(StreamTriggers *triggers);

#endif
