/*-------------------------------------------------------------------------
 *
 * failure.h
 *	  What becomes of a batch that has failed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_FAILURE_H
#define STREAMING_FAILURE_H

#include "base/compat.h"
#include "base/catalog.h"

/* Is the error likely to go away by itself?  Then it is retried for ever. */
extern bool stream_failure_is_temporary(int sqlstate);

/* Has somebody else a lock that the batch needs? */
extern bool stream_failure_is_lock_conflict(int sqlstate);

/*
 * When to try again after so many failures in a row, the last of them at this
 * time.
 */
extern TimestampTz stream_failure_retry_at(int failures, int sqlstate,
										   TimestampTz at);

/*
 * Cuts all texts of the error to a few kB; the rest says "...".  New texts are
 * palloc'd where the error's are.
 */
extern void stream_failure_cut(ErrorData *edata);

/*
 * Makes the error that a batch was ended with for taking longer than
 * streaming.batch_timeout say so.
 */
extern void stream_failure_set_timeout(ErrorData *edata, const char *view_name);

/*
 * Is there something to be recorded, or cleared, of the view?  Not if it is gone,
 * and not if it has been released: what it has to say then stays.
 */
extern bool stream_failure_is_recordable(Oid viewid);

/*
 * Records the failure of a batch of the group of a view, at the turn of one of them,
 * which it is about; that of the others says so.
 */
extern void stream_failure_record(Oid viewid, Oid at, const StreamFailure *f);

/*
 * The failure of views that advance together, palloc'd, or NULL: if they have been given
 * up, one that says so.
 */
extern StreamFailure *stream_failure_of(List *viewids);

/* What was logged last about one view; zeroes: nothing. */
typedef struct StreamFailureLog
{
	int			sqlstate;
	uint32		message;		/* its hash */
	TimestampTz at;
	bool		open;			/* the view has not run since */
} StreamFailureLog;

/* Notes that the recorded failure is in the log already. */
extern void stream_failure_was_logged(StreamFailureLog *last,
									  const StreamFailure *f);

/*
 * Writes the error to the server log as a warning, but for one that says the
 * same as the one logged last, if the view has not run since or that was not long ago.
 */
extern void stream_failure_log(StreamFailureLog *last, ErrorData *edata);

/* Logs that the view is given up, after so many failures in a row. */
extern void stream_failure_log_failed(const char *view_name, int failures);

/* The view has run: logs that if the log says that it has failed. */
extern void stream_failure_log_end(StreamFailureLog *last,
								   const char *view_name);

/*
 * Logs which views have been paused, resumed, released or taken back since the last call in this
 * process.  rows: all of them, by viewid; in a transaction.
 */
extern void stream_failure_log_views(List *rows);

/* Raises 57P02 for a view whose batches have ended their process, so many times. */
pg_noreturn extern void stream_failure_raise_crashes(const char *view_name,
													 int times);

/* Raises that error, 57014, for a view where it is not recorded. */
pg_noreturn extern void stream_failure_raise_timeout(Oid viewid);

/*
 * Records and logs, in a transaction of its own, that the worker of the view
 * was ended because a batch took too long; nothing if the view is gone, or does
 * not run any more.  Waits for no lock: false if somebody has the view's batch
 * lock.  *retry_at: when the view is to be tried again; 0: not by itself.
 */
extern bool stream_failure_record_timeout(Oid viewid, TimestampTz *retry_at);

#endif
