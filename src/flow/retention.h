/*-------------------------------------------------------------------------
 *
 * retention.h
 *	  How long change streams keep their rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RETENTION_H
#define STREAMING_RETENTION_H

#include "base/catalog.h"

/* streaming.retention_size, in kilobytes: smaller change streams are left alone */
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

#endif
