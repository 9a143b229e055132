/*-------------------------------------------------------------------------
 *
 * reset.h
 *	  A view is made anew from what its streams hold.
 *
 * What streaming.reset shares with streaming.replace: both run the first batch of a view
 * that is there, in the session of its owner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RESET_H
#define STREAMING_RESET_H

#include "storage/lockdefs.h"

#include "base/catalog.h"

/*
 * May the function (its name is for messages) be called here, and by the current user?
 * Errors: 42P01, 42501 unless he is the owner, by SET ROLE if need be; 25006 where nothing
 * may be written; 0A000 in code that a batch runs.
 */
extern void stream_reset_check_caller(Oid viewid, const char *function);

/*
 * The view's row, under the batch locks of the view and its group, and of another (or InvalidOid), with
 * the view locked.  The group of one that has been released is the one that it comes back to.  Errors: 42809 if it is no continuous view, 42501 as above.
 */
extern StreamViewRow *stream_reset_lock(Oid viewid, Oid other,
										LOCKMODE lockmode);

/*
 * Error 0A000 if what others have been told of the view could not be taken back; verb: what is
 * done to it.  Locks the state table by AccessShareLock.
 */
extern void stream_reset_check_view(const StreamViewRow *row,
									const char *verb);

/*
 * Runs the batches of a beginner, over all there is: the row has been written, its tables
 * are empty, and there is no progress.  last: the number of its last batch.  Raises what a batch
 * raises.
 */
extern void stream_reset_run(const StreamViewRow *row, int64 last);

/*
 * Runs batches in this session until the view shows all that there is.  The caller has the batch
 * locks.  Raises what a batch raises.
 */
extern void stream_reset_catch_up(Oid viewid);

#endif
