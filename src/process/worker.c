/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The worker process: runs the batches of the views assigned to it.
 *
 * The main loop gives each view that is due one batch in turn, so that a
 * backfill does not starve the others, and sleeps when none is due; agenda.c
 * knows which are.  The one that has waited longest comes first.  But in one
 * turn the views of one owner together get no more than SLICE_US (or one
 * batch), for he may have any number of them; the rest of his are the first of
 * the next turn.
 *
 * Errors.  Each step runs in a transaction of its own, under PG_TRY.  When a
 * batch fails its transaction is aborted, everything remembered of the view is
 * dropped, and the failure is written to the catalog in another transaction.
 * Errors that are likely to go away by themselves (out of disk space, a lock
 * timeout, a deadlock, ...) are retried for ever, others MAX_STRIKES times;
 * the time between attempts doubles.  A failed view runs again when somebody
 * waits for it or its definition or options have changed.
 *
 * Views that happen to be due at the same time have their batches in one transaction where
 * nothing speaks against it (bundle.c, agenda.c).  If that fails, or takes longer than
 * BUNDLE_MS, it is no failure of anybody: each has its batch alone, at once.
 *
 * With streaming.on_error = 'skip', the rows that are to blame are searched for first
 * (bisect.c): the batches that fail meanwhile are no failures.
 *
 * How long a batch may take is the scheduler's business: shared memory says
 * since when it runs.  It is told to end by SIGINT, which fails the batch, or
 * SIGTERM.
 *
 * What a batch leaves behind in the session (advisory locks, the last values
 * of sequences) belongs to its view's owner and is let go of when it is over:
 * another owner's batch comes next.  The rest of what DISCARD does is not
 * needed, for a batch cannot make it: security-restricted operations may not
 * prepare, listen or create temporary tables, and settings go back to what
 * they were.  (But for those that a function has made up, which are empty then: the
 * server forgets none of these.)
 *
 * Locks.  A batch does not wait for a lock for long: DDL goes first.  Who
 * waits for us in shared memory may hold the lock we want, which the deadlock
 * detector cannot see; the other views of this worker should not have to wait;
 * and in a deadlock with somebody's DDL we should be the ones who give way, so
 * our timeouts are below the deadlock_timeout of others.  Giving way is no
 * failure: the batch is tried again soon, after a pause that grows (the error
 * may be one that the user's function raises), and only when that has gone on
 * for PATIENCE_MS it becomes one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>

#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/courtesy.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "flow/bundle.h"
#include "flow/retention.h"
#include "flow/lifetime.h"
#include "process/roster.h"
#include "process/history.h"
#include "process/failure.h"
#include "process/agenda.h"
#include "process/pace.h"
#include "process/memory.h"
#include "process/worker.h"

#define SLICE_US USECS_PER_SEC
#define BUNDLE_MS 500			/* so long views may take together at most */
#define MAX_STRIKES 5
#define LOCK_TIMEOUT_MS 900
#define LOCK_DEADLOCK_MS "100ms"
#define GIVE_WAY_MIN_US (100 * INT64CONST(1000))
#define GIVE_WAY_MAX_US (2 * USECS_PER_SEC)
#define PATIENCE_MS 10000
#define RETENTION_MS 1000
#define RETENTION_PAUSE_MS 10000
#define NO_RETENTION_MS 600000
#define HELD_UP_US USECS_PER_MINUTE	/* so long what fails is left alone, ... */
#define HELD_UP_FORGET_US USECS_PER_DAY /* ... and remembered */
#define TRIM_MIN_US USECS_PER_MINUTE	/* how often old errors are deleted, ... */
#define TRIM_MAX_US USECS_PER_HOUR
#define TRIM_ROWS 1000			/* ... and how many in one transaction */

static MemoryContext worker_context;

/* What comes out of batch_step. */
typedef struct BatchOutcome
{
	StreamPart	part;			/* what it was to read, and has read */
	StreamGroupBatch group;		/* its lists outlive the transaction */
	int64		us;				/* how long it took, ... */
	double		counts;			/* ... of which this share counts: see busy_share */
	StreamMeter meter;			/* of the commit */
} BatchOutcome;

/* Several views that have their batches in one transaction. */
typedef struct Bundle
{
	int			n;
	StreamAgendaView **views;
	StreamBundled *bundled;		/* those of them that are ours still ... */
	uint64	   *requested;		/* ... and what was asked of each before it began */
	Oid			at;				/* whose turn it is, or was when it failed */
	StreamMeter meter;			/* of the commit */
} Bundle;

/* What the views of an owner have had in this turn. */
typedef struct Share
{
	Oid			owner;
	int64		us;
} Share;

/* ------------------------------------------------------------ start-up */

bool
stream_worker_start(Oid dboid, int slot, uint32 generation,
					BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "streaming", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "stream_worker_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "streaming worker", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "streaming worker", BGW_MAXLEN);
	worker.bgw_main_arg = Int32GetDatum(slot);
	memcpy(worker.bgw_extra, &dboid, sizeof(Oid));
	memcpy(worker.bgw_extra + sizeof(Oid), &generation, sizeof(uint32));
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

static void
set_option(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

/*
 * What must hold whatever the database's own settings say.  A commit need not
 * wait for the disk: batches lost in a crash are simply run again.
 */
static void
set_options(void)
{
	char		lock_timeout[32];

	set_option("application_name", "streaming worker");
	set_option("synchronous_commit", "off");
	set_option("jit", "off");
	snprintf(lock_timeout, sizeof(lock_timeout), "%dms",
			 Min(LOCK_TIMEOUT_MS, Max(DeadlockTimeout * 9 / 10, 1)));
	set_option("lock_timeout", lock_timeout);
	set_option("deadlock_timeout", LOCK_DEADLOCK_MS);
	/* since 17; streaming.batch_timeout is for batches, and spares the process */
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		set_option("transaction_timeout", "0");
	set_option("default_transaction_isolation", "read committed");
	set_option("default_transaction_read_only", "off");
	set_option("default_transaction_deferrable", "off");
	set_option("session_replication_role", "origin");
	set_option("search_path", "pg_catalog, pg_temp");
}

/* ------------------------------------------------- steps in transactions */

static void
error_context(void *arg)
{
	StreamAgendaView *view = arg;

	errcontext("batch of continuous view \"%s\"", view->name);
}

/* Back to a clean state after an error, which is returned, cut to size. */
static ErrorData *
recover_from_error(void)
{
	ErrorData  *edata;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(worker_context);
	edata = CopyErrorData();
	FlushErrorState();
	disable_all_timeouts(false);
	QueryCancelPending = false;
	AbortCurrentTransaction();
	MemoryContextSwitchTo(worker_context);
	stream_failure_cut(edata);
	RESUME_INTERRUPTS();
	return edata;
}

/*
 * Runs a step for a view in a transaction of its own, with something that it
 * takes or fills in.  Returns NULL, or the error it has failed with.
 */
static ErrorData *
in_transaction(StreamAgendaView *view,
			   void (*step) (StreamAgendaView *view, void *arg), void *arg)
{
	ErrorContextCallback callback;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		callback.callback = error_context;
		callback.arg = view;
		callback.previous = error_context_stack;
		error_context_stack = &callback;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		stream_debug_set_transaction_time();
		step(view, arg);
		CommitTransactionCommand();

		error_context_stack = callback.previous;
	}
	PG_CATCH();
	{
		error = recover_from_error();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(worker_context);
	return error;
}

/*
 * Which share of the time since then counts, when it is said how long batches take.  To
 * wait for the processor has nothing to do with the views, and would part them where that is
 * scarce, so that all of them take more of it.  Where the process has given it up by
 * itself, for the disk, a lock or to sleep, all of it counts.
 */
static double
busy_share(const struct rusage *before, int64 us)
{
	struct rusage now;
	double		used;

	getrusage(RUSAGE_SELF, &now);
	if (now.ru_nvcsw != before->ru_nvcsw || us <= 0)
		return 1;
	used = (now.ru_utime.tv_sec - before->ru_utime.tv_sec +
			now.ru_stime.tv_sec - before->ru_stime.tv_sec) * 1e6 +
		(now.ru_utime.tv_usec - before->ru_utime.tv_usec +
		 now.ru_stime.tv_usec - before->ru_stime.tv_usec);
	return Min(used / us, 1);
}

/* Are the view's definition and options still the same? */
static bool
same_row(const StreamViewRow *a, const StreamViewRow *b)
{
	if (a->definition != b->definition || a->state != b->state ||
		!equal(a->streams, b->streams) || a->unlogged != b->unlogged ||
		!equal(a->option_names, b->option_names) ||
		!equal(a->option_values, b->option_values))
		return false;
	if (a->settings == NULL || b->settings == NULL)
		return a->settings == b->settings;
	return datumIsEqual(PointerGetDatum(a->settings),
						PointerGetDatum(b->settings), false, -1);
}

/* The same for those that advance together; and are they the same? */
static bool
same_rows(List *a, List *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(la, a, lb, b)
	{
		StreamViewRow *x = lfirst(la);
		StreamViewRow *y = lfirst(lb);

		if (x->viewid != y->viewid || !same_row(x, y))
			return false;
	}
	return true;
}

/* Back to a view without failures. */
static void
reset_failures(StreamAgendaView *view)
{
	view->failures = 0;
	view->strikes = 0;
	view->failed = false;
	view->retry_at = 0;
	view->blocked_since = 0;
	view->conflicts = 0;
}

/* Takes over what an earlier worker went through; its pause is not over yet. */
static void
inherit_failure(StreamAgendaView *view, const StreamFailure *failure,
				const StreamOptions *options)
{
	view->failures = failure->failures;
	view->failed = failure->failed;
	view->strikes = stream_failure_is_temporary(failure->sqlstate) ? 0 :
		failure->failures;
	if (!view->failed && options->trigger != STREAM_TRIGGER_MANUAL)
		view->retry_at = stream_failure_retry_at(failure->failures,
												 failure->sqlstate,
												 failure->at);
	stream_failure_was_logged(&view->logged, failure);
}

/* How long the views keep errors that go, the shortest time; -1: there are none. */
static int64
keeps_errors_us(List *rows)
{
	int64		us = -1;
	ListCell   *lc;

	foreach(lc, rows)
	{
		int64		of_view = ((StreamViewRow *) lfirst(lc))->options.keep_errors_us;

		if (of_view > 0 && (us < 0 || of_view < us))
			us = of_view;
	}
	return us;
}

/* Those that advance together as one view: its own row, and it is off if one of them is. */
static StreamViewRow *
row_of(Oid viewid, List *rows)
{
	StreamViewRow *row = NULL;
	bool		enabled = true;
	ListCell   *lc;

	foreach(lc, rows)
	{
		enabled &= ((StreamViewRow *) lfirst(lc))->options.enabled;
		if (((StreamViewRow *) lfirst(lc))->viewid == viewid)
			row = lfirst(lc);
	}
	if (row != NULL)
		row->options.enabled = enabled;
	return row;
}

/*
 * Step: reads the catalog rows of the view and its group.  Other transactions may have
 * cleared the failure or changed the views; both mean a new start.
 */
static void
load_step(StreamAgendaView *view, void *arg)
{
	MemoryContext context;
	MemoryContext caller = CurrentMemoryContext;
	List	   *members;
	List	   *rows = NIL;
	StreamViewRow *row;
	ListCell   *lc;
	StreamFailure *failure;
	char	   *relname = get_rel_name(view->viewid);
	char	   *schema = get_namespace_name(get_rel_namespace(view->viewid));
	Oid			owner = stream_catalog_view_owner(view->viewid);
	bool		first = view->row == NULL;

	context = AllocSetContextCreate(CurrentMemoryContext, "row of a view",
									ALLOCSET_SMALL_SIZES);
	PushActiveSnapshot(GetTransactionSnapshot());
	members = stream_viewgroup_members(view->viewid);
	failure = stream_failure_of(members);
	MemoryContextSwitchTo(context);
	foreach(lc, members)
	{
		row = stream_catalog_view(lfirst_oid(lc));
		if (row != NULL)
			rows = lappend(rows, row);
	}
	MemoryContextSwitchTo(caller);
	PopActiveSnapshot();
	row = row_of(view->viewid, rows);
	view->gone = row == NULL || relname == NULL;
	if (view->gone)
		return;

	view->changed = first || !same_rows(view->rows, rows);
	view->recorded = failure != NULL;
	if (view->changed)
	{
		stream_bisect_reset(&view->bisection);
		view->trim_at = keeps_errors_us(rows) > 0 ? 0 : DT_NOEND;
	}
	if ((failure == NULL && view->failures > 0) || (view->changed && !first))
		reset_failures(view);
	else if (failure != NULL && first)
		inherit_failure(view, failure, &row->options);
	if (first)
		stream_roster_view_waits(view->viewid, view->retry_at, view->failed);

	view->name = MemoryContextStrdup(context, psprintf("%s.%s",
													   schema ? schema : "?",
													   relname));
	view->activity = MemoryContextStrdup(context, psprintf("batch of view %s",
														   view->name));
	view->owner = owner;
	view->row = row;
	view->rows = rows;
	MemoryContextSetParent(context, view->context);
	if (view->row_context != NULL)
		MemoryContextDelete(view->row_context);
	view->row_context = context;
}

static void
batch_step(StreamAgendaView *view, void *arg)
{
	BatchOutcome *outcome = arg;
	StreamGroupBatch *group = &outcome->group;
	MemoryContext caller;

	STREAM_DEBUG_POINT("worker_before_batch");
	stream_viewgroup_run(view->viewid, false, &outcome->part, group);
	caller = MemoryContextSwitchTo(worker_context);
	group->views = list_copy(group->views);
	group->leaves = list_copy(group->leaves);
	MemoryContextSwitchTo(caller);
	stream_figures_enter(&outcome->meter, STREAM_PHASE_COMMIT);
	STREAM_DEBUG_POINT("worker_before_commit");
}

/* A failure to write down, and whose it is. */
typedef struct Failure
{
	StreamFailure f;
	Oid			at;
} Failure;

static void
write_failure_step(StreamAgendaView *view, void *arg)
{
	Failure    *failure = arg;
	StreamViewRow *row;
	ListCell   *lc;

	/* an active snapshot, for long texts are toasted */
	PushActiveSnapshot(GetTransactionSnapshot());
	/* the record of one that is being dropped would stay */
	if (!STREAM_MUTATION("failure_stays"))
		foreach(lc, stream_viewgroup_members(view->viewid))
			LockRelationOid(lfirst_oid(lc), AccessShareLock);
	row = stream_catalog_view(view->viewid);
	view->gone = row == NULL;
	view->released = row != NULL && row->released;
	stream_failure_record(view->viewid, failure->at, &failure->f);
	PopActiveSnapshot();
}

static void
clear_failure_step(StreamAgendaView *view, void *arg)
{
	ListCell   *lc;

	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, stream_viewgroup_members(view->viewid))
		if (stream_failure_is_recordable(lfirst_oid(lc)))
			stream_catalog_clear_failure(lfirst_oid(lc));
	STREAM_DEBUG_POINT("failure-cleared");
	PopActiveSnapshot();
}

/* ------------------------------------------------------------- failures */

/*
 * If a batch has failed for want of a lock and that has not gone on for long,
 * see to it that it is tried again and return true.
 */
static bool
give_way(StreamAgendaView *view, ErrorData *edata)
{
	TimestampTz now = stream_debug_now();

	if (!stream_failure_is_lock_conflict(edata->sqlerrcode))
		return false;
	if (view->blocked_since == 0)
		view->blocked_since = now;
	if (now - view->blocked_since >=
		stream_debug_limit("patience", PATIENCE_MS) * INT64CONST(1000))
		return false;

	ereport(DEBUG1,
			(errmsg_internal("batch of continuous view \"%s\" gives way: %s",
							 view->name, edata->message)));
	stream_agenda_forget_batches(view);
	view->due = true;
	view->retry_at = now + Min(GIVE_WAY_MAX_US,
							   GIVE_WAY_MIN_US << Min(view->conflicts, 20));
	view->conflicts++;
	stream_roster_view_put_off(view->viewid, view->more);
	FreeErrorData(edata);
	return true;
}

/* The batch was ended because its view is not to run any more. */
static void
put_off(StreamAgendaView *view, ErrorData *edata)
{
	stream_agenda_forget_batches(view);
	view->due = true;
	stream_roster_view_put_off(view->viewid, view->more);
	FreeErrorData(edata);
}

/*
 * If it is for some of its rows that a batch has failed, and the view is to go on without
 * those, sees to it that they are searched for at once, and returns true.
 */
static bool
search_rows(StreamAgendaView *view, const StreamPart *part, Oid at,
			ErrorData *edata)
{
	if (!stream_bisect_failed(&view->bisection, part, at, edata,
							  view->context))
		return false;
	ereport(DEBUG1,
			(errmsg_internal("batch of continuous view \"%s\" failed with " INT64_FORMAT " rows: %s",
							 view->name, part->cutting.taken, edata->message)));
	view->more = true;
	view->retry_at = 0;
	put_off(view, edata);
	return true;
}

/* The batch has gone on without a row: its error is a warning. */
static void
log_row_aside(StreamAgendaView *view, const char *message)
{
	ErrorData	edata = {0};

	edata.sqlerrcode = view->bisection.sqlstate;
	edata.message = (char *) message;
	edata.detail = "The row has been put aside, see streaming.errors.";
	edata.context = (char *) view->activity;
	edata.assoc_context = CurrentMemoryContext;
	stream_failure_log(&view->logged, &edata);
}

/*
 * A step has failed, or the batch at the turn of one view: writes it down, and says when
 * to try again.
 */
static void
handle_failure(StreamAgendaView *view, Oid at, ErrorData *edata,
			   uint64 requested)
{
	TimestampTz now = stream_debug_now();
	TimestampTz retry_at;
	Failure		failure = {.at = at};
	StreamFailure *f = &failure.f;
	ErrorData  *error;
	bool		had_failed = view->failed;

	stream_agenda_forget_batches(view);

	view->failures++;
	view->strikes = stream_failure_is_temporary(edata->sqlerrcode) ? 0 :
		view->strikes + 1;
	view->failed = view->strikes >= MAX_STRIKES;
	view->due = true;
	view->more = false;
	view->asked = false;
	retry_at = stream_failure_retry_at(view->failures, edata->sqlerrcode, now);
	if (view->reload)
		view->reload_at = retry_at;
	else if (view->failed ||
			 view->row->options.trigger == STREAM_TRIGGER_MANUAL)
		view->retry_at = 0;
	else
		view->retry_at = retry_at;

	f->failures = view->failures;
	f->failed = view->failed;
	f->sqlstate = edata->sqlerrcode;
	f->message = edata->message ? edata->message : "";
	f->detail = edata->detail;
	f->hint = edata->hint;
	f->context = edata->context;
	f->at = now;

	error = in_transaction(view, write_failure_step, &failure);
	view->recorded = true;
	if (!view->gone)
	{
		if (!view->released)
			stream_failure_log(&view->logged, edata);
		if (!view->released && view->failed && !had_failed)
			stream_failure_log_failed(view->name, view->failures);
		if (error != NULL)
			stream_failure_log(&view->logged_recording, error);
		else
			view->logged_recording.open = false;
		stream_roster_view_failed(view->viewid, requested, edata->sqlerrcode,
								  view->retry_at,
								  error != NULL ? view->failures : 0);
	}
	if (error != NULL)
		FreeErrorData(error);
	FreeErrorData(edata);
}

/* ------------------------------------------------------------- one batch */

/* Step: says what becomes of batches that end their process. */
static void
crashed_step(StreamAgendaView *view, void *arg)
{
	stream_failure_raise_crashes(view->name, *(int *) arg);
}

/*
 * If batches of the view end the process or crash the server, that is a failure
 * like others, also for who waits for it.  It is counted here, for a crash can lose
 * the record of the last.
 */
static void
account_for_crashes(StreamAgendaView *view, uint64 requested)
{
	int			times = stream_roster_view_crashes(view->viewid);

	if (times == 0)
		return;
	view->failures = Max(view->failures, times - 2);
	view->strikes = Max(view->strikes, times - 2);
	handle_failure(view, view->viewid,
				   in_transaction(view, crashed_step, &times), requested);
}

/*
 * With news: streams may have got streaming.retention.  Views are not to look all at once,
 * for each has a batch alone then.
 */
static void
look_at_streams_soon(StreamAgendaView *view)
{
	int			ms = RETENTION_PAUSE_MS +
	murmurhash32(view->viewid) % RETENTION_PAUSE_MS;
	TimestampTz at = TimestampTzPlusMilliseconds(stream_debug_now(),
												 stream_debug_limit("retention", ms));

	view->streams_at = Min(view->streams_at, at);
}

/* Reads the view's row; view->reload stays set if that did not work out. */
static void
load_view(StreamAgendaView *view)
{
	ErrorData  *error;
	uint64		requested;
	uint64		answered;

	view->lost = !stream_roster_view_requests(view->viewid, &requested,
											  &answered);
	if (view->lost)
		return;
	error = in_transaction(view, load_step, NULL);
	if (error != NULL)
		handle_failure(view, view->viewid, error, requested);
	if (error != NULL || view->gone)
		return;
	view->reload = false;
	view->reload_at = 0;
	look_at_streams_soon(view);
	if (view->changed)
		stream_agenda_view_changed(view);
	account_for_crashes(view, requested);
}

/* What its batch has done, with one part of so many of the commit (NULL: nothing of it). */
static void
note_figures(Oid viewid, const StreamMeter *commit, int parts)
{
	const StreamFigures *known = stream_batch_figures(viewid);
	StreamFigures figures;

	if (known == NULL || known->number == 0)
		return;
	figures = *known;
	if (commit != NULL)
	{
		figures.us[STREAM_PHASE_COMMIT] =
			commit->figures.us[STREAM_PHASE_COMMIT] / parts;
		figures.wal_bytes += commit->figures.wal_bytes / parts;
	}
	stream_history_note(viewid, &figures);
}

/* What its batch has done; that of a group has one commit, which is its leader's. */
static void
note_history(StreamAgendaView *view, BatchOutcome *outcome)
{
	ListCell   *lc;

	stream_figures_enter(&outcome->meter, STREAM_PHASE_NONE);
	foreach(lc, outcome->group.views)
		note_figures(lfirst_oid(lc), lfirst_oid(lc) == view->viewid ?
					 &outcome->meter : NULL, 1);
}

/* Step: deletes what is older than streaming.errors_retention; *arg: is there more? */
static void
trim_step(StreamAgendaView *view, void *arg)
{
	TimestampTz now = stream_debug_now();
	ListCell   *lc;

	/* an active snapshot, for long texts are toasted */
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, view->rows)
	{
		StreamViewRow *row = lfirst(lc);

		if (row->options.keep_errors_us > 0 &&
			stream_catalog_trim_rejections(row->viewid,
										   now - row->options.keep_errors_us,
										   TRIM_ROWS) == TRIM_ROWS)
			*(bool *) arg = true;
	}
	PopActiveSnapshot();
}

/*
 * By the clock, whether the view has batches or not: old errors go, at the latest a tenth of their time
 * after that.  If that fails, then later.
 */
static void
trim_errors(StreamAgendaView *view)
{
	TimestampTz now = stream_debug_now();
	bool		more = false;
	ErrorData  *error;

	if (now < view->trim_at)
		return;
	error = in_transaction(view, trim_step, &more);
	view->trim_at = error == NULL && more ? now :
		now + Max(TRIM_MIN_US, Min(TRIM_MAX_US, keeps_errors_us(view->rows) / 10));
	if (error != NULL)
	{
		stream_failure_log(&view->logged_recording, error);
		FreeErrorData(error);
	}
}

/* A batch has ended well; alone: there was no other view's in its transaction. */
static void
finish_batch(StreamAgendaView *view, const BatchOutcome *outcome,
			 uint64 requested, bool alone)
{
	const StreamFigures *figures = stream_batch_figures(view->viewid);

	if (figures != NULL)
		stream_agenda_note_batch(view, alone, (int64) (outcome->counts *
								 stream_figures_total(figures)));
	if (view->recorded)
	{
		ErrorData  *error = in_transaction(view, clear_failure_step, NULL);

		/* if that went wrong, the next batch tries again */
		view->recorded = error != NULL;
		if (error != NULL)
		{
			stream_failure_log(&view->logged_recording, error);
			FreeErrorData(error);
		}
	}
	stream_failure_log_end(&view->logged, view->name);
	reset_failures(view);
	view->backlog = outcome->group.leaves_rows;
	stream_agenda_after_batch(view, outcome->group.views,
							  outcome->group.leaves,
							  outcome->group.result == STREAM_BATCH_MORE);
	stream_roster_view_end(view->viewid, requested, view->more,
						   !outcome->group.leaves_rows, outcome->us,
						   view->more ? 0 : stream_agenda_due_at(view));
}

/* Takes rows out of the change streams of the view and of its group. */
static void
retention_step(StreamAgendaView *view, void *arg)
{
	ListCell   *lc;

	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, (List *) arg)
	{
		StreamViewRow *row = stream_catalog_view(lfirst_oid(lc));

		if (row && OidIsValid(row->changes) && row->options.retention_us >= 0 &&
			stream_retention_run(row))
			break;				/* one at a time, with its locks */
	}
	PopActiveSnapshot();
}

/* May there be something to take out of change streams of these views? */
static bool
is_time_for_retention(StreamAgendaView *view)
{
	TimestampTz now = stream_debug_now();
	ListCell   *lc;

	if (now < view->retain_at)
		return false;
	foreach(lc, view->rows)
		if (((StreamViewRow *) lfirst(lc))->options.retention_us >= 0)
		{
			view->retain_at = TimestampTzPlusMilliseconds(now,
														  stream_debug_limit("retention",
																			 RETENTION_MS));
			return true;
		}
	return false;
}

/*
 * After a batch, and watched as that is: old changes go.  Where that does not work there
 * are only too many of them, so it is no failure of the view: it is tried again later.
 */
static void
retain_changes(StreamAgendaView *view, const BatchOutcome *outcome)
{
	ErrorData  *error;

	if (outcome->group.result == STREAM_BATCH_GONE ||
		!is_time_for_retention(view))
		return;
	error = in_transaction(view, retention_step, outcome->group.views);
	if (error == NULL)
		return;
	view->retain_at = TimestampTzPlusMilliseconds(stream_debug_now(),
												  stream_debug_limit("retention",
																	 RETENTION_PAUSE_MS));
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
		error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		stream_failure_log(&view->logged_retention, error);
	FreeErrorData(error);
}

/* Step: looks at streaming.retention of the streams of the view and of its group. */
static void
streams_step(StreamAgendaView *view, void *arg)
{
	stream_lifetime_run(arg);
}

static StreamAgendaHeldUp *
find_held_up(StreamAgendaView *view, Oid relid)
{
	ListCell   *lc;

	foreach(lc, view->held_up)
		if (((StreamAgendaHeldUp *) lfirst(lc))->relid == relid)
			return lfirst(lc);
	return NULL;
}

/* What is to be left alone, for it has failed; OIDs. */
static List *
held_up(StreamAgendaView *view, TimestampTz now)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, view->held_up)
	{
		StreamAgendaHeldUp *held = lfirst(lc);

		if (now < held->until)
			relids = lappend_oid(relids, held->relid);
		else if (now >= held->until + HELD_UP_FORGET_US)
		{
			view->held_up = foreach_delete_current(view->held_up, lc);
			pfree(held);
		}
	}
	return relids;
}

/* Streams, or partitions of them, could not be looked after: says so once. */
static void
hold_up(StreamAgendaView *view, Oid relid, ErrorData *error)
{
	StreamAgendaHeldUp *held = find_held_up(view, relid);

	if (held == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(view->context);

		held = palloc0(sizeof(StreamAgendaHeldUp));
		held->relid = relid;
		view->held_up = lappend(view->held_up, held);
		MemoryContextSwitchTo(caller);
	}
	held->until = stream_debug_now() +
		stream_debug_limit("held_up", HELD_UP_US / 1000) * INT64CONST(1000);
	stream_failure_log(&held->logged, error);
}

/*
 * After a batch, and watched as that is: what need not be kept of the streams goes.  Where
 * that does not work it is no failure of the view either.
 */
static void
retain_streams(StreamAgendaView *view, const BatchOutcome *outcome)
{
	TimestampTz now = stream_debug_now();
	StreamLifetimeTurn turn = {.views = outcome->group.views,.now = now};
	ErrorData  *error;
	int			pause_ms;

	if (outcome->group.result == STREAM_BATCH_GONE || now < view->streams_at)
		return;
	turn.skip = held_up(view, now);
	/* partitions are dropped one in each transaction */
	do
		error = in_transaction(view, streams_step, &turn);
	while (error == NULL && turn.again &&
		   stream_debug_now() - now < RETENTION_MS * INT64CONST(500));
	list_free(turn.skip);
	/* that it is wanted now is news, with which this is looked at again */
	pause_ms = turn.again && error == NULL ? 0 :
		stream_debug_limit("retention", error != NULL ? RETENTION_PAUSE_MS :
						   turn.found ? RETENTION_MS : NO_RETENTION_MS);
	view->streams_at = TimestampTzPlusMilliseconds(stream_debug_now(), pause_ms);
	if (error == NULL)
		return;
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
		error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		hold_up(view, turn.at, error);
	FreeErrorData(error);
}

/* As DISCARD does: what the batch has left behind in the session. */
static void
discard_leavings(void)
{
	LockReleaseAll(USER_LOCKMETHOD, true);
	ResetSequenceCaches();
}

/* Gives the view a batch; returns how long it took. */
static int64
run_batch(StreamAgendaView *view)
{
	BatchOutcome outcome = {.group.at = view->viewid};
	const char *aside;
	ListCell   *lc;
	uint64		requested;
	struct rusage before;
	ErrorData  *error;
	StreamCancel cancel;

	view->lost = !stream_roster_view_begin(view->viewid, &requested);
	if (view->lost)
		return 0;
	pgstat_report_activity(STATE_RUNNING, view->activity);

	stream_agenda_before_batch(view);
	stream_bisect_next(&view->bisection, &outcome.part);
	getrusage(RUSAGE_SELF, &before);
	error = in_transaction(view, batch_step, &outcome);
	if (error == NULL)
	{
		retain_changes(view, &outcome);
		retain_streams(view, &outcome);
	}
	outcome.us = stream_roster_batch_over(&cancel);
	outcome.counts = busy_share(&before, outcome.us);
	/* the signal may have come too late for the batch; it is for nobody else */
	QueryCancelPending = false;
	if (!STREAM_MUTATION("worker_keep_leavings"))
		discard_leavings();
	if (STREAM_MUTATION("worker_late_sequence"))
		stream_agenda_before_batch(view);
	if (error != NULL && cancel == STREAM_CANCEL_UNWANTED)
		put_off(view, error);
	else if (error != NULL)
	{
		if (cancel == STREAM_CANCEL_TIMEOUT)
			stream_failure_set_timeout(error, view->name);
		else
			stream_bisect_give_hint(&outcome.part, error);
		if (!give_way(view, error) &&
			!search_rows(view, &outcome.part, outcome.group.at, error))
			handle_failure(view, outcome.group.at, error, requested);
	}
	else if (outcome.group.result == STREAM_BATCH_GONE)
		view->gone = true;
	else
	{
		stream_pace_note_batch(outcome.us, stream_agenda_commits(view));
		note_history(view, &outcome);
		foreach(lc, outcome.group.views)
			stream_batch_committed(lfirst_oid(lc));
		aside = stream_bisect_succeeded(&view->bisection, &outcome.part);
		if (aside != NULL)
			log_row_aside(view, aside);
		finish_batch(view, &outcome, requested, true);
	}
	if (error == NULL)
	{
		list_free(outcome.group.views);
		list_free(outcome.group.leaves);
	}
	stream_roster_batch_survived();
	return outcome.us;
}

/* ------------------------------------------------------------- a bundle */

static void
bundle_step(StreamAgendaView *view, void *arg)
{
	Bundle	   *bundle = arg;
	MemoryContext caller;

	/* what takes long is to be alone, where the others do not wait for it */
	if (!STREAM_MUTATION("bundle_endless"))
		enable_timeout_after(STATEMENT_TIMEOUT,
							 stream_debug_limit("bundle", BUNDLE_MS));
	stream_bundle_run(bundle->bundled, bundle->n, &bundle->at);
	disable_timeout(STATEMENT_TIMEOUT, false);
	caller = MemoryContextSwitchTo(worker_context);
	for (int i = 0; i < bundle->n; i++)
		bundle->bundled[i].leaves = list_copy(bundle->bundled[i].leaves);
	MemoryContextSwitchTo(caller);
	stream_figures_enter(&bundle->meter, STREAM_PHASE_COMMIT);
	STREAM_DEBUG_POINT("worker_before_commit");
}

/* Begins the batches of the views, of which the first that is ours stands for all. */
static void
begin_bundle(Bundle *bundle, List *views)
{
	ListCell   *lc;

	bundle->views = palloc(list_length(views) * sizeof(StreamAgendaView *));
	bundle->bundled = palloc0(list_length(views) * sizeof(StreamBundled));
	bundle->requested = palloc(list_length(views) * sizeof(uint64));
	foreach(lc, views)
	{
		StreamAgendaView *view = lfirst(lc);
		uint64	   *requested = &bundle->requested[bundle->n];

		if (!(bundle->n == 0 ?
			  stream_roster_view_begin(view->viewid, requested) :
			  stream_roster_view_joins(view->viewid, requested)))
			continue;
		stream_agenda_before_batch(view);
		bundle->bundled[bundle->n].viewid = view->viewid;
		bundle->views[bundle->n++] = view;
	}
}

/* They have committed.  Who was left out has its turn still, alone or with others. */
static void
finish_bundle(Bundle *bundle, int64 us, double counts)
{
	int			ran = 0;

	stream_figures_enter(&bundle->meter, STREAM_PHASE_NONE);
	stream_pace_note_batch(us, stream_agenda_commits(bundle->views[0]));
	for (int i = 0; i < bundle->n; i++)
		ran += bundle->bundled[i].ran;
	for (int i = 0; i < bundle->n; i++)
	{
		StreamAgendaView *view = bundle->views[i];
		StreamBundled *bundled = &bundle->bundled[i];
		BatchOutcome outcome = {
			.group.result = bundled->result,
			.group.leaves_rows = bundled->leaves_rows,
			.group.leaves = bundled->leaves,.us = us,.counts = counts
		};

		if (bundled->opened)
			stream_batch_committed(view->viewid);
		if (!bundled->ran)
		{
			if (!bundled->waits)
				stream_agenda_wants_alone(view);
			stream_roster_view_put_off(view->viewid, view->more);
			continue;
		}
		note_figures(view->viewid, &bundle->meter, ran);
		outcome.group.views = list_make1_oid(view->viewid);
		finish_batch(view, &outcome, bundle->requested[i], false);
		stream_agenda_had_turn(view);
		list_free(outcome.group.views);
		list_free(bundled->leaves);
	}
}

/* They have failed: each has its batch alone, and what is wrong is seen there. */
static void
spoil_bundle(Bundle *bundle, ErrorData *edata)
{
	ereport(DEBUG1,
			(errmsg_internal("batches of %d continuous views are run one by one: %s",
							 bundle->n, edata->message)));
	if (STREAM_MUTATION("bundle_blame"))
	{
		handle_failure(bundle->views[0], bundle->at, edata,
					   bundle->requested[0]);
		return;
	}
	for (int i = 0; i < bundle->n; i++)
	{
		StreamAgendaView *view = bundle->views[i];

		if (view->viewid == bundle->at)
			stream_agenda_note_spoilt(view);
		stream_agenda_wants_alone(view);
		stream_roster_view_put_off(view->viewid, view->more);
	}
	FreeErrorData(edata);
}

/* Gives views a batch in one transaction, as far as that can be; returns how long it took. */
static int64
run_bundle(List *views)
{
	Bundle		bundle = {0};
	struct rusage before;
	StreamCancel cancel;
	ErrorData  *error;
	char	   *activity;
	int64		us = 0;

	begin_bundle(&bundle, views);
	if (bundle.n > 0)
	{
		activity = psprintf("%s and %d others", bundle.views[0]->activity,
							bundle.n - 1);
		pgstat_report_activity(STATE_RUNNING, activity);
		pfree(activity);
		getrusage(RUSAGE_SELF, &before);
		error = in_transaction(bundle.views[0], bundle_step, &bundle);
		us = stream_roster_batch_over(&cancel);
		/* whatever the signal was for, each comes to it again alone */
		QueryCancelPending = false;
		discard_leavings();
		if (error != NULL)
			spoil_bundle(&bundle, error);
		else
			finish_bundle(&bundle, us, busy_share(&before, us));
		stream_roster_batch_survived();
	}
	pfree(bundle.views);
	pfree(bundle.bundled);
	pfree(bundle.requested);
	list_free(views);
	return us;
}

/* ------------------------------------------------------------- one turn */

/* The share of an owner in this turn; made if need be. */
static Share *
find_share(List **shares, Oid owner)
{
	Share	   *share;
	ListCell   *lc;

	foreach(lc, *shares)
	{
		share = lfirst(lc);
		if (share->owner == owner)
			return share;
	}
	share = palloc0(sizeof(Share));
	share->owner = owner;
	*shares = lappend(*shares, share);
	return share;
}

/*
 * Gives the view a batch if it is due, and with it others that can have theirs in one
 * transaction; true if there was something to do.  *behind: there is more of it.
 */
static bool
run_view(StreamAgendaView *view, TimestampTz now, List **shares, bool *behind)
{
	bool		ran = false;
	List	   *bundle;
	int64		us = 0;

	if (view->had_turn)
		return false;
	if (view->reload && (view->asked || now >= view->reload_at))
	{
		ran = true;
		load_view(view);
	}
	if (!view->reload)
		trim_errors(view);
	if (!view->reload && !stream_agenda_is_paused(view) &&
		find_share(shares, view->owner)->us >= SLICE_US)
		*behind = true;
	else if (!view->reload && !view->paused && stream_agenda_is_due(view, now))
	{
		ran = true;
		bundle = stream_agenda_bundle(view, now);
		if (bundle != NIL)
			us += run_bundle(bundle);
		if (!view->had_turn)
			us += run_batch(view);
		find_share(shares, view->owner)->us += us;
		stream_memory_note_batches(us);
		stream_agenda_had_turn(view);
		*behind |= view->backlog;
	}
	if (view->gone)
		stream_roster_forget_view(view->viewid, PG_UINT64_MAX);
	if (view->gone || view->lost)
		stream_agenda_drop(view);
	return ran;
}

/* A pause of so many microseconds, in which commits do not wake us. */
static void
rest(int64 us)
{
	if (us <= 0)
		return;
	pgstat_report_activity(STATE_IDLE, "waiting for more commits");
	pg_usleep(us);
}

/* Gives each view that is due a batch, and a busy turn a pause; true if there was any. */
static bool
run_views(void)
{
	TimestampTz begun = GetCurrentTimestamp();
	TimestampTz now = stream_debug_now();
	List	   *turn = stream_agenda_begin_turn(now);
	List	   *shares = NIL;
	ListCell   *lc;
	bool		ran = false;
	bool		behind = false;

	stream_courtesy_begin(stream_pace_courtesy());
	foreach(lc, turn)
	{
		stream_roster_check_interrupts(0);
		ran |= run_view(lfirst(lc), now, &shares, &behind);
	}
	list_free(turn);
	list_free_deep(shares);
	if (ran)
		rest(stream_pace_pause(begun, GetCurrentTimestamp(), behind));
	return ran;
}

/* ------------------------------------------------------------ main loop */

/* How long to sleep, in milliseconds; -1: until we are woken. */
static long
sleep_time(void)
{
	TimestampTz at = stream_agenda_next_due();
	long		ms;

	if (at == DT_NOEND)
		return -1L;
	/* a latch waits for 24 days at most, an interval may be longer */
	ms = TimestampDifferenceMilliseconds(stream_debug_now(), at);
	return Min(ms, INT_MAX);
}

static void
sleep_until_due(void)
{
	char		activity[64];
	long		timeout = sleep_time();
	long		stats = pgstat_report_stat(false);
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

	if (stats > 0 && (timeout < 0 || stats < timeout))
		timeout = stats;
	if (timeout >= 0)
		events |= WL_TIMEOUT;
	snprintf(activity, sizeof(activity), "idle: %d views, %d asleep",
			 list_length(stream_agenda_views()), stream_agenda_asleep());
	pgstat_report_activity(STATE_IDLE, activity);

	WaitLatch(MyLatch, events, timeout,
			  stream_compat_wait_event(STREAM_WAIT_WORKER));
	ResetLatch(MyLatch);

	stream_roster_check_interrupts(0);
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
}

void
stream_worker_main(Datum arg)
{
	int			slot = DatumGetInt32(arg);
	Oid			dboid;
	uint32		generation;

	memcpy(&dboid, MyBgworkerEntry->bgw_extra, sizeof(Oid));
	memcpy(&generation, MyBgworkerEntry->bgw_extra + sizeof(Oid),
		   sizeof(uint32));
	if (!stream_roster_attach_worker(slot, generation, dboid))
		proc_exit(0);

	stream_roster_set_signals();
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	set_options();
	stream_owner_begin_process();
	worker_context = AllocSetContextCreate(TopMemoryContext,
										   "streaming worker",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(worker_context);
	stream_agenda_init(worker_context);

	for (;;)
	{
		bool		ran;

		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			stream_agenda_wake();
		}
		stream_agenda_take_news();
		ran = run_views();
		/* the scheduler, which that wakes, starts another at once */
		if (stream_memory_is_used_up(list_length(stream_agenda_views()), ran))
			proc_exit(0);
		if (!ran)
			sleep_until_due();
	}
}
