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
#include "utils/array.h"
#include "utils/snapshot.h"

#include "base/catalog.h"
#include "base/figures.h"
#include "base/catalog.h"
#include "stream/position.h"

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
 * A part of what there is to read: by such batches it is found out which rows fail
 * (bisect.c).  What comes out of it is there when the batch has failed, too.
 */
#define STREAM_PART_ALL (-1)	/* limit: all there is */
#define STREAM_PART_HALF 0		/* half of that, at least one row */

typedef struct StreamPart
{
	int64		limit;			/* so many rows, or one of the above */
	bool		aside;			/* the row is put aside, if it is this one, */
	int64		after;			/* nobody has had a batch after that, */
	Oid			relid;			/* in this leaf, ... */
	ItemPointerData tid;
	int			sqlstate;		/* ... and this is what it has failed with, */
	const char *message;
	Oid			culprit;		/* at the turn of this view */

	/* what comes out; of several views, it is about all of them */
	bool		possible;		/* the views' batches can be cut */
	bool		several;		/* there is more than one */
	bool		skip_errors;	/* they are to go on without rows that fail, ... */
	int64		max_errors;		/* ... so many; of the one that may have least: */
	int64		error_rows;		/* put aside before it, and not fed again */
	int64		last_batch;		/* says which was the one before it */
	StreamCutting cutting;		/* what it has been cut down to */
	bool		is_aside;		/* the row is put aside, and nothing else is read */
} StreamPart;

/*
 * A batch in progress, of one view, in the current transaction; it is in the memory
 * of the caller.  These are the steps of viewgroup.c, in order, which takes one after
 * the other for all views that advance together.
 */
typedef struct StreamBatch StreamBatch;

/*
 * Begins one; the caller has the view's batch lock.  Takes locks on the view, its
 * definition and its state.  whole: it reads all there is, whatever
 * streaming.max_batch_rows says.  NULL: the view is gone.
 */
extern StreamBatch *stream_batch_open(Oid viewid, bool whole);

/*
 * Makes sure of plans and leaves, as far as they are not at hand.  News that comes with
 * the locks on the leaves may be about them: then they are not prepared, and the caller
 * tries again.  Raises what planning the view's query raises.
 */
extern void stream_batch_prepare(StreamBatch *batch);

/*
 * Has a stream got other leaves since that, of which the caller's snapshot may see rows?
 * Then what the batch would read is not all of it.
 */
extern bool stream_batch_has_new_leaves(const StreamBatch *batch);
extern bool stream_batch_is_prepared(const StreamBatch *batch);

/*
 * The same where all was at hand when it was opened: opens the leaves, and takes the locks
 * that the plans need.  Runs nothing of the user's; who is not prepared then stays so.
 */
extern void stream_batch_lock(StreamBatch *batch);

/* OIDs: the streams that a prepared batch reads, and their leaves. */
extern List *stream_batch_streams(const StreamBatch *batch);

/* Are the streams others than the last batch has written down? */
extern bool stream_batch_has_new_streams(const StreamBatch *batch);
extern List *stream_batch_leaves(const StreamBatch *batch);

/*
 * What all batches of a transaction share, zeroed at first: the tables of progress, opened
 * as they are needed, and what has been measured of the leaves (stream_position_begin).
 */
typedef struct StreamBatchShared
{
	StreamProgressTable logged;
	StreamProgressTable unlogged;
	List	   *measured;
} StreamBatchShared;

/* Closes the tables, when all have been processed. */
extern void stream_batch_end_sharing(StreamBatchShared *shared);

/* Where the last batch has ended. */
extern void stream_batch_read_position(StreamBatch *batch,
									   StreamBatchShared *shared);

/*
 * What the position says of a part that could be read: adds to what comes out of it.  The
 * first is told that nothing is said yet (part->max_errors is -1).
 */
extern void stream_batch_ask_part(const StreamBatch *batch, StreamPart *part);

/* The batch is of a part, which stays the caller's; or NULL.  Before it is due. */
extern void stream_batch_set_part(StreamBatch *batch, StreamPart *part);

/* Settles what it reads, before the snapshot. */
extern void stream_batch_measure(StreamBatch *batch);

/*
 * About how many rows it is going to read, having been measured without a bound; *max_rows:
 * lowered to so many that it would take by its options.
 */
extern double stream_batch_backlog(const StreamBatch *batch, int64 *max_rows);

/* Is there anything to do?  now: by the clock of stream_debug_now. */
extern bool stream_batch_is_due(StreamBatch *batch, TimestampTz now);

/* When there is the snapshot: takes in all that it sees, see stream_position_extend. */
extern void stream_batch_extend(StreamBatch *batch, Snapshot snapshot);

/* Cuts n batches, which have been extended, down to their part. */
extern void stream_batch_cut(StreamBatch **batches, int n, StreamPart *part,
							 Snapshot snapshot);

/*
 * Does it: new rows, as the active snapshot sees them, go into the view.  Raises
 * whatever the view's query raises.
 */
extern void stream_batch_process(StreamBatch *batch, Snapshot snapshot);

/*
 * If the view has triggers: the rows that they are about go into their table; and they are
 * fired, when that has been done for all views, the one first whose rows came last.  A
 * command ends between.  True if there are any.  Raises whatever the triggers raise.
 */
extern bool stream_batch_write_held(StreamBatch *batch);
extern void stream_batch_fire(StreamBatch *batch);

/* Are there rows that it leaves for later ones? */
extern bool stream_batch_leaves_rows(const StreamBatch *batch);

/* Closes what is open, and says what came of it. */
extern StreamBatchResult stream_batch_close(StreamBatch *batch);

/*
 * What the last batch of the view has done, but for the commit, if that is known in this
 * process, or NULL.  It was committed if the caller has seen that.
 */
extern const StreamFigures *stream_batch_figures(Oid viewid);

/*
 * Is it known that the view is in no group?  Holds if we have its batch lock, or asks
 * again when we have it.
 */
extern bool stream_batch_is_alone(Oid viewid);

/* The settings that its view runs with, as long as the batch is in progress, or NULL. */
extern ArrayType *stream_batch_settings(const StreamBatch *batch);

/*
 * Could the view have its next batch in one transaction with those of others?  Its plans are
 * at hand, it has had batches before, is in no group, reads nothing but its streams and its
 * own state, and runs no code of users.  All of that as far as is
 * known; see stream_batch_is_alone.
 */
extern bool stream_batch_is_simple(Oid viewid);

/* Of a batch that is open: is what it writes without triggers, and code of users in indexes? */
extern bool stream_batch_writes_plainly(const StreamBatch *batch);

/* Of one that has been measured: is there little to read, and can all of it be read? */
extern bool stream_batch_is_small(const StreamBatch *batch);

/* How much memory this process has for what it remembers of views. */
extern Size stream_batch_memory(void);

/*
 * Gives a view that was just created its first row, if it has no keys.  Runs
 * as the current user.
 */
extern void stream_batch_initialize(Oid viewid);

/* Tells those who listen to the view's channel, once the batch of that number is committed. */
extern void stream_batch_notify(const StreamViewRow *row, int64 batch);

/* The transaction of the last batch of the view has committed. */
extern void stream_batch_committed(Oid viewid);

/*
 * When the view should have a batch though nothing is new: an idle stream whose
 * watermark may then follow the clock.  DT_NOEND: never.
 */
extern TimestampTz stream_batch_wake_at(Oid viewid);

/* Drops everything this process remembers of the view; safe for any OID. */
extern void stream_batch_forget(Oid viewid);

/*
 * The view is not expected to have a batch soon: what is remembered only so that the next
 * one begins sooner goes.  Between transactions.
 */
extern void stream_batch_rest(Oid viewid);

#endif
