/*-------------------------------------------------------------------------
 *
 * viewgroup.h
 *	  Views that advance together: streaming.group.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_VIEWGROUP_H
#define STREAMING_VIEWGROUP_H

#include "base/catalog.h"
#include "flow/batch.h"

/* What comes out of a batch of a view, and of those that advance with it. */
typedef struct StreamGroupBatch
{
	StreamBatchResult result;
	bool		leaves_rows;	/* one of them has not read all there was */
	List	   *views;			/* OIDs: those that have had a batch */
	List	   *leaves;			/* OIDs: the leaf relations that they read */
	Oid			at;				/* whose turn it is, or was when it failed */
} StreamGroupBatch;

/*
 * Runs one micro-batch of the view and all others of its group in the current
 * transaction, which the caller commits (then calls stream_batch_committed for each)
 * or, after an error, aborts (then calls stream_batch_forget).  No snapshot may be
 * active.  Waits for the views' batch locks.  whole: it reads all there is; part: NULL,
 * which is the same for several views, or which part of what there is to read.  Lists are in the current memory context.  Raises whatever
 * the views' queries raise, and says which view that was, in the error's context and in
 * group->at.
 */
extern void stream_viewgroup_run(Oid viewid, bool whole, StreamPart *part,
								 StreamGroupBatch *group);

/*
 * The OIDs of the views of its group, in ascending order; of itself, if it has none or
 * has been released.  NIL if the view is gone.
 */
extern List *stream_viewgroup_members(Oid viewid);

/* The same, where one that has been released is to come back. */
extern List *stream_viewgroup_to_be(Oid viewid);

/*
 * Takes the batch locks of the views of its group, and returns these.  Only in a race with
 * one who joins are they not taken in order.
 */
extern List *stream_viewgroup_lock(Oid viewid);

/* The same: those of a list of rows (as of stream_catalog_views). */
extern List *stream_viewgroup_among(List *rows, StreamViewRow *row);

/* The groups of all of these rows, found in one pass, in the current memory context. */
extern HTAB *stream_viewgroup_collect(List *rows);

/* One of them. */
typedef struct StreamViewgroup
{
	struct
	{
		Oid			owner;
		char		name[NAMEDATALEN];
	}			key;
	StreamViewRow *leader;
	bool		enabled;		/* none of its views is paused */
} StreamViewgroup;

/* That of a row of the list, or NULL: it is in none. */
extern const StreamViewgroup *stream_viewgroup_of(HTAB *groups,
												  const StreamViewRow *row);

/* The first of them, whose worker runs their batches; InvalidOid if the view is gone. */
extern Oid	stream_viewgroup_leader(Oid viewid);

/* One of them that is switched off, or InvalidOid. */
extern Oid	stream_viewgroup_paused(Oid viewid);

/*
 * The view has joined its group, or its options are others: may they advance together?
 * Locks the groups of its owner against other such changes.  options, source: to point
 * into, or NULL.  Errors: 22023, 0A000.
 */
extern void stream_viewgroup_check(Oid viewid, List *options,
								   const char *source);

/* Takes the batch lock of a view, if it can be had at once, until the transaction ends. */
extern bool stream_viewgroup_try_lock(Oid viewid);

#endif
