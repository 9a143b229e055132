/*-------------------------------------------------------------------------
 *
 * bundle.h
 *	  Views that happen to be due at the same time: one transaction for all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_BUNDLE_H
#define STREAMING_BUNDLE_H

#include "flow/batch.h"

/* What comes out of a bundle for one view. */
typedef struct StreamBundled
{
	Oid			viewid;
	StreamBatch *batch;			/* in progress, or NULL */
	bool		opened;			/* that there was one: see stream_batch_committed */
	bool		ran;			/* it has had its batch; if not, it is to have one alone, ... */
	bool		waits;			/* ... or just later: the others have taken their time */
	StreamBatchResult result;
	bool		leaves_rows;	/* it has not read all there was */
	List	   *leaves;			/* OIDs: the leaf relations that it reads */
} StreamBundled;

/*
 * Runs a micro-batch of each of n views of one owner, of which the caller has filled in
 * viewid, in the current transaction, which he commits or aborts, as that of
 * stream_viewgroup_run: all views of the bundle then have or have not committed.  Views
 * with which anything is out of the ordinary are left out, and those whose locks are
 * not to be had at once.  *at is whose turn it is, or was when it failed.  Lists are in
 * the current memory context.  Raises whatever the views' queries raise.
 */
extern void stream_bundle_run(StreamBundled *views, int n, Oid *at);

#endif
