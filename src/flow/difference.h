/*-------------------------------------------------------------------------
 *
 * difference.h
 *	  What is different about a view that has another query, for those who are told of its
 *	  changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DIFFERENCE_H
#define STREAMING_DIFFERENCE_H

#include "nodes/parsenodes.h"

#include "base/catalog.h"

typedef struct StreamDifference StreamDifference;

/*
 * Can what the view with a change stream shows become what the new parts show?  Error 0A000 if not, as
 * far as that can be said before there are any rows.  Both rows have the view's options; row->changes does
 * not count.
 */
extern void stream_difference_check(const StreamViewRow *before,
									const StreamViewRow *row);

/*
 * Reads what the view shows.  The caller has its batch lock, and the view its former parts.
 * The result lives until the (sub)transaction ends.  Errors: as above.
 */
extern StreamDifference *stream_difference_begin(const StreamViewRow *before,
												 const StreamViewRow *row);

/*
 * The view has the new parts in the catalog, and no batch will come; reading: the query that
 * it is about to run.  Finds out what is different.  Error 0A000 if something has gone that was
 * handed on as final.
 */
extern void stream_difference_find(StreamDifference *difference,
								   const Query *reading);

/*
 * The view shows the new rows: writes the difference to the change stream as one batch, whose
 * number follows that of the last one, and fires triggers.  The stream has its new columns, if any.  row:
 * the view's, with the change stream.  Raises what triggers raise.
 */
extern void stream_difference_hand_on(StreamDifference *difference,
									  const StreamViewRow *row);

#endif
