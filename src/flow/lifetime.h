/*-------------------------------------------------------------------------
 *
 * lifetime.h
 *	  How long streams of users keep their rows: whose turn it is, and partitions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_LIFETIME_H
#define STREAMING_LIFETIME_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* A look at the streams that some views read. */
typedef struct StreamLifetimeTurn
{
	List	   *views;			/* OIDs: those that have just had a batch */
	List	   *skip;			/* OIDs: streams and partitions to be left alone */
	TimestampTz now;			/* by our clock */

	/* what comes out, also when it fails */
	Oid			at;				/* the stream or the partition at hand */
	bool		found;			/* a stream has streaming.retention */
	bool		again;			/* there may be more to do */
} StreamLifetimeTurn;

/*
 * Does what streaming.retention says of the streams of these views, where it is them who
 * look after it: one stream, or one partition, at a time.  In a transaction of its own, by
 * a worker.  Takes locks as retention.h says; for a partition, AccessExclusiveLock on
 * its root, too.  Errors: as there; 42501 if the partition is not one of the root's owner;
 * 2BP01 if something depends on it.
 */
extern void stream_lifetime_run(StreamLifetimeTurn *turn);

#endif
