/*-------------------------------------------------------------------------
 *
 * bundle.c
 *	  Views that happen to be due at the same time: one transaction for all.
 *
 * To begin and to end a transaction, to take a snapshot and to measure a stream costs as
 * much for one view as for many.  So a worker that has several views of one owner to run
 * over the same streams runs them together, where each of them is quick and none has
 * failed lately (agenda.c says which).  That is for the sake of speed only: other than
 * those of a group (viewgroup.c) they have nothing to do with each other, and may part
 * any time.  Each reads what it has not read, and writes its own position.
 *
 * What is run here is the ordinary case.  Who needs anything else is left out, and has a
 * batch of its own: whose plans are not at hand, for planning may take long and fail; who
 * has much to read; who fires triggers; who runs any code of users (trust.c), which may
 * catch the signal that ends a bundle; who reads anything but its streams and its own state,
 * which others may lock for long.  So there is hardly a lock to wait for and nothing that
 * does not end when it is told to, and one view holds up the others of its owner by no more
 * than the time that the caller gives a bundle.  Whose turn comes when the others have taken
 * a while just waits for another.
 *
 * When one of them fails the transaction is lost for all.  The caller runs each
 * alone then, and the failure is that of a batch of one view, as always.
 *
 * Locks.  No batch lock is waited for, so the order in which they are taken does not
 * matter; nor is one on a view.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/debug.h"
#include "base/owner.h"
#include "flow/viewgroup.h"
#include "flow/bundle.h"

/* When so much time has passed, who has not begun waits for another transaction. */
#define ENOUGH_US 20000

/* A bundle in progress. */
typedef struct Bundle
{
	StreamBundled *views;
	int			n;
	Oid		   *at;
	StreamBatchShared shared;
} Bundle;

/* The view is left out: nothing of it has been changed. */
static void
leave_out(StreamBundled *view)
{
	(void) stream_batch_close(view->batch);
	view->batch = NULL;
}

/* Begins the batch of a view, if all of it is to be had at once. */
static void
open_view(StreamBundled *view)
{
	/* it was simple; but with the locks news may come */
	if (!stream_viewgroup_try_lock(view->viewid) ||
		!ConditionalLockRelationOid(view->viewid, AccessShareLock) ||
		!stream_batch_is_simple(view->viewid))
		return;
	view->batch = stream_batch_open(view->viewid, false);
	view->opened = view->batch != NULL;
	if (view->batch && !stream_batch_writes_plainly(view->batch))
		leave_out(view);
}

/* Takes the locks of all; whose plans are not as they should be then is left out. */
static void
prepare_views(StreamBundled *views, int n, Oid *at)
{
	for (int i = 0; i < n; i++)
	{
		*at = views[i].viewid;
		open_view(&views[i]);
		if (views[i].batch)
			stream_batch_lock(views[i].batch);
	}
	for (int i = 0; i < n; i++)
		if (views[i].batch &&
			(!stream_batch_is_prepared(views[i].batch) ||
			 stream_batch_has_new_streams(views[i].batch)))
			leave_out(&views[i]);
}

/* Measures what they read, once for all. */
static void
measure_views(Bundle *bundle)
{
	TimestampTz now = stream_debug_now();

	for (int i = 0; i < bundle->n; i++)
	{
		StreamBundled *view = &bundle->views[i];

		if (view->batch == NULL)
			continue;
		*bundle->at = view->viewid;
		stream_batch_read_position(view->batch, &bundle->shared);
		stream_batch_measure(view->batch);
		if (stream_batch_is_small(view->batch))
			(void) stream_batch_is_due(view->batch, now);
		else if (!STREAM_MUTATION("bundle_left_out"))
			leave_out(view);
	}
}

/* The batches proper; of views that have much to close, it may be few that have one. */
static void
process_views(void *arg)
{
	Bundle	   *bundle = arg;
	TimestampTz begun = GetCurrentTimestamp();

	PushActiveSnapshot(GetLatestSnapshot());
	for (int i = 0; i < bundle->n; i++)
	{
		StreamBundled *view = &bundle->views[i];

		if (view->batch == NULL)
			continue;
		CHECK_FOR_INTERRUPTS();
		view->waits = GetCurrentTimestamp() - begun > ENOUGH_US;
		if (view->waits || stream_batch_has_new_leaves(view->batch))
		{
			leave_out(view);
			continue;
		}
		*bundle->at = view->viewid;
		stream_batch_extend(view->batch, GetActiveSnapshot());
		stream_batch_process(view->batch, GetActiveSnapshot());
		STREAM_DEBUG_POINT("bundle-processed-one");
	}
	PopActiveSnapshot();
}

/*
 * What is in force for the first of them is so for most: views made in one session.  They
 * have one owner.
 */
static void
process_together(Bundle *bundle)
{
	for (int i = 0; i < bundle->n; i++)
	{
		StreamBundled *view = &bundle->views[i];

		if (view->batch == NULL)
			continue;
		stream_owner_share(stream_owner_of(view->viewid),
						   stream_batch_settings(view->batch), process_views,
						   bundle);
		return;
	}
}

void
stream_bundle_run(StreamBundled *views, int n, Oid *at)
{
	Bundle		bundle = {.views = views,.n = n,.at = at};

	stream_owner_refuse_nested("a batch");
	prepare_views(views, n, at);
	measure_views(&bundle);
	process_together(&bundle);
	stream_batch_end_sharing(&bundle.shared);
	for (int i = 0; i < n; i++)
	{
		StreamBundled *view = &views[i];

		if (view->batch == NULL)
			continue;
		*at = view->viewid;
		view->leaves_rows = stream_batch_leaves_rows(view->batch);
		view->leaves = list_copy(stream_batch_leaves(view->batch));
		view->result = stream_batch_close(view->batch);
		view->batch = NULL;
		view->ran = true;
	}
}
