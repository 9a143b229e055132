/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  One micro-batch of one continuous view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_BATCH_H
#define STREAMING_BATCH_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Setting streaming.max_batch_rows. */
extern int	stream_max_batch_rows;

typedef enum StreamBatchResult
{
	STREAM_BATCH_GONE,			/* the view does not exist any more */
	STREAM_BATCH_IDLE,			/* nothing new: everything committed before the
								 * call is in the view */
	STREAM_BATCH_DONE,			/* rows were processed; everything committed
								 * before the call is in the view */
	STREAM_BATCH_MORE			/* rows were processed, more are waiting */
} StreamBatchResult;

/*
 * Runs one micro-batch of the view in the current transaction, which the
 * caller commits (then calls stream_batch_committed) or, after an error,
 * aborts (then calls stream_batch_forget).  No snapshot may be active.
 * Waits for the view's batch lock.  Raises whatever the view's query raises.
 * whole: it reads all there is, whatever streaming.max_batch_rows says.
 * leaves: if not NULL, set to the OIDs of the leaf relations that the view
 * reads, a list that stays valid until the next call for the view.
 */
extern StreamBatchResult stream_batch_run(Oid viewid, bool whole,
										  List **leaves);

/*
 * Gives a view that was just created its first row, if it has no keys.  Runs
 * as the current user.
 */
extern void stream_batch_initialize(Oid viewid);

/* The transaction of the last stream_batch_run for the view has committed. */
extern void stream_batch_committed(Oid viewid);

/*
 * When the view should have a batch though nothing is new: an idle stream whose
 * watermark may then follow the clock.  DT_NOEND: never.
 */
extern TimestampTz stream_batch_wake_at(Oid viewid);

/* Drops everything this process remembers of the view; safe for any OID. */
extern void stream_batch_forget(Oid viewid);

#endif
