/*-------------------------------------------------------------------------
 *
 * scheduler.c
 *	  The scheduler process: one per database that has the extension.
 *
 * It compares what is with what should be, each time it is woken, and mends
 * the difference: views that came and went, workers that ended, settings that
 * changed.  It keeps no state that matters: workers and assignments are in
 * shared memory, so a new scheduler goes on where the last one ended.
 *
 * There are as many workers as streaming.workers says, but not more than there
 * are views to run; without views there is none.  A view goes to the worker
 * with the fewest views and stays there, for its state is in that worker's
 * cache, unless a worker has nothing to do while others have several.
 *
 * A worker is started in two steps: a slot in shared memory is reserved, to
 * which views can be assigned at once, and a process is registered that is to
 * take the slot.  If that process never comes, the slot is given back.  When a
 * worker ends, its slot is free and its views are without a worker; we are
 * woken and start another, at once the first time, then with growing pauses.
 *
 * When the extension is gone the scheduler ends its workers, and itself.
 *
 * Errors are not caught: the process ends, and the launcher starts another.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "shmem.h"
#include "roster.h"
#include "catalog.h"
#include "worker.h"
#include "scheduler.h"

#define POLL_MS 10000			/* a safety net */
#define RESTART_MIN_MS 100
#define RESTART_MAX_MS 2000
#define LIVED_WELL_MS 5000		/* a worker that lived so long is no crasher */
#define NO_ROOM_RETRY_MS 5000

/* What we know of the worker in each slot. */
typedef struct Start
{
	BackgroundWorkerHandle *handle; /* NULL: not started by us */
	uint32		generation;
	TimestampTz at;
	bool		dismissed;		/* told to end: not a failure */
} Start;

static MemoryContext scheduler_context;
static MemoryContext turn_context;	/* reset at each turn */
static Start starts[STREAM_MAX_WORKERS];

/* The pause before the next start, growing while workers end early. */
static int	restart_ms = 0;
static TimestampTz next_start = 0;
static bool no_room = false;	/* max_worker_processes is exhausted */

bool
stream_scheduler_start(Oid dboid, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "streaming", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "stream_scheduler_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "streaming scheduler", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "streaming scheduler", BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(dboid);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/* ------------------------------------------------------------- catalogs */

/*
 * Is the extension installed?  Locks it first: a transaction that drops it has
 * told us before it released its locks, and its invalidation messages are sure
 * to be there only after that.
 */
static bool
extension_present(void)
{
	Oid			extension = get_extension_oid("streaming", true);

	if (!OidIsValid(extension))
		return false;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return OidIsValid(get_extension_oid("streaming", true)) &&
		OidIsValid(stream_catalog_schema());
}

/*
 * Reads the views: those to run in *enabled, those switched off in *disabled,
 * lists of OIDs in the turn's context.  False without the extension.
 */
static bool
read_views(List **enabled, List **disabled)
{
	ListCell   *lc;
	bool		present;

	*enabled = *disabled = NIL;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	present = extension_present();
	if (present)
	{
		List	   *rows;

		PushActiveSnapshot(GetTransactionSnapshot());
		rows = stream_catalog_views();
		PopActiveSnapshot();
		MemoryContextSwitchTo(turn_context);
		foreach(lc, rows)
		{
			StreamViewRow *row = lfirst(lc);

			if (row->options.enabled)
				*enabled = lappend_oid(*enabled, row->viewid);
			else
				*disabled = lappend_oid(*disabled, row->viewid);
		}
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(turn_context);
	return present;
}

/* -------------------------------------------------------------- workers */

/*
 * Sees to the workers we have started: gives back slots whose process never
 * came, and makes the next start wait if one has ended soon after its start.
 */
static void
reap_workers(void)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int slot = 0; slot < STREAM_MAX_WORKERS; slot++)
	{
		Start	   *start = &starts[slot];
		pid_t		pid;

		if (start->handle == NULL ||
			GetBackgroundWorkerPid(start->handle, &pid) != BGWH_STOPPED)
			continue;
		stream_roster_release_worker(slot, start->generation);
		pfree(start->handle);
		start->handle = NULL;

		if (start->dismissed)
			continue;
		if (TimestampDifferenceExceeds(start->at, now, LIVED_WELL_MS))
			restart_ms = 0;
		next_start = TimestampTzPlusMilliseconds(now, restart_ms);
		restart_ms = restart_ms == 0 ? RESTART_MIN_MS :
			Min(2 * restart_ms, RESTART_MAX_MS);
	}
}

/*
 * A slot that waits for a process which a former scheduler has registered, or
 * has not: without its handle we can't know.
 */
static void
release_orphans(void)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	int			n = stream_roster_list_workers(list);

	for (int i = 0; i < n; i++)
		if (list[i].pid == 0)
			stream_roster_release_worker(list[i].slot, list[i].generation);
}

/* Starts one more worker; false if that is not possible now. */
static bool
start_worker(void)
{
	uint32		generation;
	int			slot = stream_roster_reserve_worker(&generation);
	MemoryContext caller = MemoryContextSwitchTo(scheduler_context);
	bool		ok = false;

	if (slot >= 0)
	{
		Start	   *start = &starts[slot];

		if (start->handle != NULL)
			pfree(start->handle);
		start->handle = NULL;
		ok = stream_worker_start(MyDatabaseId, slot, generation,
								 &start->handle);
		start->generation = generation;
		start->at = GetCurrentTimestamp();
		start->dismissed = false;
		if (!ok)
			stream_roster_release_worker(slot, generation);
	}
	MemoryContextSwitchTo(caller);

	if (!ok && !no_room)
		ereport(LOG,
				(errmsg("could not start a worker for continuous views"),
				 slot >= 0 ?
				 errhint("You might need to increase max_worker_processes.") :
				 errdetail("A server can run %d such workers.",
						   STREAM_MAX_WORKERS)));
	no_room = !ok;
	return ok;
}

/* Brings the number of workers to target. */
static void
adjust_workers(int target)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	int			n = stream_roster_list_workers(list);
	TimestampTz now = GetCurrentTimestamp();

	while (n < target && now >= next_start)
	{
		if (start_worker())
			n++;
		else
			next_start = TimestampTzPlusMilliseconds(now, NO_ROOM_RETRY_MS);
	}
	stream_roster_set_starved(MyDatabaseId, no_room && n == 0 && target > 0);

	/* too many: those with the fewest views go */
	for (; n > target; n--)
	{
		int			least = 0;

		for (int i = 1; i < n; i++)
			if (list[i].views < list[least].views)
				least = i;
		if (list[least].pid == 0)
			stream_roster_release_worker(list[least].slot,
										 list[least].generation);
		else
		{
			starts[list[least].slot].dismissed = true;
			stream_roster_terminate_worker(list[least].slot);
		}
		list[least] = list[n - 1];
	}
}

/* ---------------------------------------------------------------- views */

/* What shared memory knows of the view, or NULL. */
static StreamViewAssignment *
find_assignment(StreamViewAssignment *list, int n, Oid viewid)
{
	for (int i = 0; i < n; i++)
		if (list[i].viewid == viewid)
			return &list[i];
	return NULL;
}

/* The workers with the fewest and with the most views. */
static void
find_extremes(StreamWorkerStatus *list, int n,
			  StreamWorkerStatus **least, StreamWorkerStatus **most)
{
	*least = *most = &list[0];
	for (int i = 1; i < n; i++)
	{
		if (list[i].views < (*least)->views)
			*least = &list[i];
		if (list[i].views > (*most)->views)
			*most = &list[i];
	}
}

/* Gives each enabled view without a worker to the one with the fewest. */
static void
assign_views(List *enabled, StreamWorkerStatus *workers, int num_workers)
{
	StreamViewAssignment *known;
	int			num_known = stream_roster_list_views(&known);
	ListCell   *lc;

	foreach(lc, enabled)
	{
		Oid			viewid = lfirst_oid(lc);
		StreamViewAssignment *view = find_assignment(known, num_known,
													 viewid);
		StreamWorkerStatus *least,
				   *most;
		int			slot = -1;

		if (view != NULL && view->slot >= 0)
			continue;
		if (num_workers > 0)
		{
			find_extremes(workers, num_workers, &least, &most);
			slot = least->slot;
			least->views++;
		}
		stream_roster_assign_view(viewid, slot, false);
	}
}

/* If a worker has nothing to do, it gets its share. */
static void
rebalance(StreamWorkerStatus *workers, int num_workers)
{
	StreamViewAssignment *known;
	int			num_known;
	StreamWorkerStatus *least,
			   *most;

	if (num_workers < 2)
		return;
	find_extremes(workers, num_workers, &least, &most);
	if (least->views > 0 || most->views < 2)
		return;

	num_known = stream_roster_list_views(&known);
	for (int i = 0; i < num_known; i++)
	{
		find_extremes(workers, num_workers, &least, &most);
		if (most->views - least->views < 2)
			break;
		/* views are in random order: that of a hash table */
		if (known[i].slot != most->slot)
			continue;
		stream_roster_assign_view(known[i].viewid, least->slot, false);
		most->views--;
		least->views++;
	}
}

/* Views that are not in the catalog, though it was read after their mark. */
static void
forget_views(List *enabled, List *disabled, uint64 mark)
{
	StreamViewAssignment *known;
	int			n = stream_roster_list_views(&known);

	for (int i = 0; i < n; i++)
		if (!list_member_oid(enabled, known[i].viewid) &&
			!list_member_oid(disabled, known[i].viewid))
			stream_roster_forget_view(known[i].viewid, mark);
}

/* ------------------------------------------------------------ main loop */

/* Sleeps until something happens, or for so many milliseconds. */
static void
nap(long timeout)
{
	WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
			  timeout, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* The extension is gone, and so are its workers and we. */
static void
retire(uint64 version)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	StreamViewAssignment *known;
	int			n;

	pgstat_report_activity(STATE_RUNNING, "ending: the extension was dropped");
	release_orphans();
	while (stream_roster_list_workers(list) > 0)
	{
		stream_roster_terminate_worker(-1);
		nap(1000);
	}
	n = stream_roster_list_views(&known);
	for (int i = 0; i < n; i++)
		stream_roster_forget_view(known[i].viewid, 0);
	stream_roster_set_absent(version);
	proc_exit(0);
}

/* One turn: see what has changed and act on it. */
static void
take_turn(void)
{
	StreamWorkerStatus workers[STREAM_MAX_WORKERS];
	int			num_workers;
	uint64		version = stream_roster_views_version();
	uint64		mark = stream_roster_mark();
	List	   *enabled;
	List	   *disabled;
	ListCell   *lc;
	char		activity[64];

	if (!read_views(&enabled, &disabled))
		retire(version);
	stream_roster_set_present();

	forget_views(enabled, disabled, mark);
	foreach(lc, disabled)
		stream_roster_assign_view(lfirst_oid(lc), -1, true);

	reap_workers();
	adjust_workers(Min(stream_workers, list_length(enabled)));
	num_workers = stream_roster_list_workers(workers);
	assign_views(enabled, workers, num_workers);
	rebalance(workers, num_workers);

	snprintf(activity, sizeof(activity), "%d views, %d workers",
			 list_length(enabled), num_workers);
	pgstat_report_activity(STATE_IDLE, activity);
}

/* When to take the next turn, if nobody wakes us. */
static long
turn_timeout(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (next_start > now)
		return Min(POLL_MS, TimestampDifferenceMilliseconds(now, next_start));
	return POLL_MS;
}

void
stream_scheduler_main(Datum arg)
{
	Oid			dboid = DatumGetObjectId(arg);

	if (!stream_roster_attach_scheduler(dboid))
		proc_exit(0);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	SetConfigOption("application_name", "streaming scheduler", PGC_SUSET,
					PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_SUSET, PGC_S_SESSION);
	scheduler_context = AllocSetContextCreate(TopMemoryContext,
											  "streaming scheduler",
											  ALLOCSET_DEFAULT_SIZES);
	turn_context = AllocSetContextCreate(scheduler_context, "turn",
										 ALLOCSET_DEFAULT_SIZES);
	release_orphans();
	for (;;)
	{
		MemoryContextReset(turn_context);
		MemoryContextSwitchTo(turn_context);
		take_turn();
		pgstat_report_stat(true);
		nap(turn_timeout());
	}
}
