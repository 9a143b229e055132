/*-------------------------------------------------------------------------
 *
 * retention.h
 *	  How long change streams, and streams of users, keep their rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RETENTION_H
#define STREAMING_RETENTION_H

#include "base/catalog.h"

/* streaming.retention_size, in kilobytes: smaller streams are left alone */
extern int	stream_retention_size;

/*
 * Takes the rows out of the change stream of the view that need not be kept, if they are
 * at least half of it; true if it has.  In a transaction of its own, between batches of the
 * view, by its worker: takes the batch locks of the view and of those that read the change
 * stream, then ShareUpdateExclusiveLock on that while the other rows are copied, and
 * AccessExclusiveLock at the end.  Errors: 55P03 if these are not to be had within
 * lock_timeout; those of building indexes.
 */
extern bool stream_retention_run(const StreamViewRow *row);

/*
 * Gives the space of rows back, if there is enough to be had, that all views have read, of a stream that is no partition,
 * if they are at least half of it, and what stays is no more than streaming.retention_size.
 * In a transaction of its own, by a worker.  Takes the batch locks of the views,
 * if they can be had at once, and AccessExclusiveLock, for which it waits a few
 * milliseconds.  Errors: 55P03 if these are not to be had; 55006 if it is for a
 * view that will not read by itself; 0A000 if foreign keys refer to the stream; those of
 * building indexes.
 */
extern bool stream_retention_run_consumed(Oid relid);

/*
 * What both ways of keeping rows for a time have in common: the rows of the views, not
 * released, that read one of the relations by its name; the OIDs of such rows; their batch
 * locks, as far as they can be had at once; and a short lock_timeout, until the GUC nest
 * level ends.
 */
extern List *stream_retention_readers(List *relids);
extern List *stream_retention_oids(List *rows);
extern bool stream_retention_lock_batches(List *views);
extern void stream_retention_hurry(void);

/*
 * Rows of the stream could go, but the view has not read them, or (aside) has put them
 * aside: raises 55006 if that is not to change by itself.
 */
extern void stream_retention_complain(const StreamViewRow *row, Oid relid,
									  bool aside);

#endif
