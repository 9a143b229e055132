/*-------------------------------------------------------------------------
 *
 * successor.h
 *	  What will take the place of a view's parts, while workers fill it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SUCCESSOR_H
#define STREAMING_SUCCESSOR_H

#include "storage/lockdefs.h"

#include "base/catalog.h"

/* Is it one? */
extern bool stream_successor_is(const StreamViewRow *row);

/* The view that it is for; InvalidOid if that is gone. */
extern Oid	stream_successor_view(const StreamViewRow *row);

/*
 * Nobody is to run it now: its session is gone, or somebody has, or waits for, AccessExclusiveLock on the
 * view, which he may be dropping.  Keeps locks on both until the transaction ends.
 */
extern bool stream_successor_is_unwanted(const StreamViewRow *row);

/*
 * Keeps others from replacing the view: till the transaction ends, or, session, until
 * stream_successor_unlock; an error ends it, too.  Waits for who has it.
 */
extern void stream_successor_lock(Oid viewid, bool session);
extern void stream_successor_unlock(Oid viewid);

/* Does another session have it so?  It may let it go at any time. */
extern bool stream_successor_is_locked(Oid viewid);

/*
 * The row has new parts for a view, which belong to that: makes it the row of a successor, and has workers
 * run it from the next commit on.  It lives as long as this session has it locked by
 * stream_successor_lock, or until the view is dropped.
 */
extern void stream_successor_begin(StreamViewRow *row);

/*
 * Has the view the successor's parts, and its progress: *row becomes that of the view, with its own options.
 * The old row, before, is gone; the caller has the batch locks of both, exchanges what the
 * view runs, and gives it back its change stream, which its batches say nothing to until then.
 */
extern void stream_successor_take(StreamViewRow *row,
								  const StreamViewRow *before);

/*
 * Drops successors whose session is gone: those of the view, or InvalidOid: all.  What is in use is left alone.
 * rows: all views.  True if any has been dropped.
 */
extern bool stream_successor_clean(List *rows, Oid viewid);

#endif
