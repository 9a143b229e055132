/*-------------------------------------------------------------------------
 *
 * wait.h
 *	  Waiting until a continuous view has caught up.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_WAIT_H
#define STREAMING_WAIT_H

/*
 * For a utility statement (REFRESH): returns when everything committed before the call is in the
 * view.  Sleeps without the statement's snapshot, so the one that is active after it may be another.
 * Needs a transaction; interruptible; permissions are the caller's business.
 * Errors: 42809 not a continuous view; 55000 the view is paused, was created
 * in this transaction, the server is a standby or the library not preloaded;
 * 53400 no background worker to be had; 42P01 dropped meanwhile; and whatever
 * the batch failed with: only its SQLSTATE for those who may not see errors of
 * the view (privilege.h).
 */
extern void stream_wait_refresh(Oid viewid);

/*
 * The same, but for at most timeout_us microseconds (-1: for ever); false if
 * the time was up first.
 */
extern bool stream_wait_for(Oid viewid, int64 timeout_us);

#endif
