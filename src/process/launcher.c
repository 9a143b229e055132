/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The launcher process: one per server.
 *
 * It sees to it that each database that has continuous views has a scheduler.  It
 * is not connected to any database itself and can't know which those are, so
 * it probes: it starts a scheduler, which ends at once if it finds none.  Each
 * database is probed once when the launcher starts, and new databases when they
 * come.  After that a database without views costs nothing; a transaction that
 * makes one makes an entry for the database in shared memory and wakes the
 * launcher.
 *
 * Databases that are probed do not count among those that the server has room
 * for.  If there is none for one that turns out to have the extension, it is
 * probed again from time to time.
 *
 * Processes of a server are few, and who may create databases could have them
 * all.  So there are at most as many schedulers as can have a worker each.  The
 * owners of databases share them: who has most gives one up for another who has
 * fewer.  If there is no room for a process, databases that have several workers
 * make do with one.
 *
 * So the rule is: every database with an entry in shared memory wants a
 * scheduler, unless its scheduler has said that there are no views; then
 * the entry is removed.
 *
 * Schedulers of an earlier launcher are simply there: shared memory says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "process/roster.h"
#include "process/scheduler.h"
#include "process/launcher.h"

#define POLL_MS 60000			/* a safety net */
#define MAX_PROBES 2			/* schedulers starting at the same time */
#define RESTART_MIN_MS 100
#define RESTART_MAX_MS 10000
#define LIVED_WELL_MS 5000
#define NO_ROOM_RETRY_MS 5000
#define SHARE_MS 1000			/* while a database has to do without */

/* A database that can be connected to. */
typedef struct Target
{
	Oid			dboid;
	Oid			owner;
	bool		listed;			/* seen in pg_database this time */
	bool		served;			/* it has a scheduler, or soon will */
	bool		probe;			/* not known yet if it has the extension */
	BackgroundWorkerHandle *handle; /* the scheduler we have started, if any */
	TimestampTz started_at;
	int			restart_ms;		/* the pause after the next early end */
	TimestampTz next_start;
} Target;

static MemoryContext launcher_context;
static List *targets = NIL;
static uint64 databases_version = 0;	/* at which targets was read */
static bool no_room = false;	/* max_worker_processes is exhausted */

void
stream_launcher_register(void)
{
	BackgroundWorker worker;

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "streaming", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "stream_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "streaming launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "streaming launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* ------------------------------------------------------------ databases */

static Target *
find_target(Oid dboid)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);

		if (target->dboid == dboid)
			return target;
	}
	return NULL;
}

/* Notes a database found in pg_database. */
static void
list_target(Oid dboid, Oid owner)
{
	Target	   *target = find_target(dboid);

	if (target == NULL)
	{
		target = MemoryContextAllocZero(launcher_context, sizeof(Target));
		target->dboid = dboid;
		target->probe = true;
		targets = lappend(targets, target);
	}
	target->owner = owner;
	target->listed = true;
}

/* Reads pg_database; forgets databases that are not there any more. */
static void
read_databases(void)
{
	StreamDatabaseStatus known[STREAM_DATABASE_SLOTS];
	int			num_known;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;
	List	   *existing = NIL;

	foreach(lc, targets)
		((Target *) lfirst(lc))->listed = false;

	/* entries made from now on may be of databases we do not see */
	num_known = stream_roster_list_databases(known);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database db = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext caller = MemoryContextSwitchTo(launcher_context);

		existing = lappend_oid(existing, db->oid);
		/* template0 and its like: nobody can have put an extension there */
		if (db->datallowconn)
			list_target(db->oid, db->datdba);
		MemoryContextSwitchTo(caller);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(launcher_context);

	for (int i = 0; i < num_known; i++)
		if (!list_member_oid(existing, known[i].dboid))
			stream_roster_forget_database(known[i].dboid, true);
	list_free(existing);

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);

		if (target->listed)
			continue;
		if (target->handle != NULL)
			pfree(target->handle);
		targets = foreach_delete_current(targets, lc);
		pfree(target);
	}
}

/* ----------------------------------------------------------- schedulers */

/* Notices that the scheduler has ended; the next one may have to wait. */
static void
reap_scheduler(Target *target)
{
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pid;

	if (target->handle == NULL ||
		GetBackgroundWorkerPid(target->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(target->handle);
	target->handle = NULL;
	if (TimestampDifferenceExceeds(target->started_at, now, LIVED_WELL_MS))
		target->restart_ms = 0;
	target->next_start = TimestampTzPlusMilliseconds(now, target->restart_ms);
	target->restart_ms = target->restart_ms == 0 ? RESTART_MIN_MS :
		Min(2 * target->restart_ms, RESTART_MAX_MS);
}

static void
start_scheduler(Target *target)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		ok;

	target->started_at = now;
	ok = stream_scheduler_start(target->dboid, &target->handle);
	if (!ok)
	{
		target->handle = NULL;
		/* others make room for a database that is known to have views */
		target->next_start = TimestampTzPlusMilliseconds(now, target->probe ?
														 NO_ROOM_RETRY_MS : SHARE_MS);
		if (!no_room)
			ereport(LOG,
					(errmsg("could not start a scheduler for continuous views"),
					 errhint("You might need to increase max_worker_processes.")));
	}
	no_room = !ok;
	if (no_room)
		stream_roster_set_crowded();
	stream_roster_set_starved(target->dboid, no_room);
}

/* What shared memory knows of the database, or NULL. */
static StreamDatabaseStatus *
find_status(StreamDatabaseStatus *list, int n, Oid dboid)
{
	for (int i = 0; i < n; i++)
		if (list[i].dboid == dboid)
			return &list[i];
	return NULL;
}

/*
 * Does the database want a scheduler that it has not got?  Also cleans up after
 * schedulers that found no extension.
 */
static bool
wants_scheduler(Target *target, StreamDatabaseStatus *status)
{
	if (status != NULL && status->running)
	{
		if (status->present)
			target->probe = false;
		return false;
	}
	if (target->handle != NULL)
		return false;			/* starting, or ended but not reaped yet */
	if (status != NULL && status->absent)
	{
		stream_roster_forget_database(target->dboid, false);
		target->probe = false;
		target->restart_ms = 0;
		target->next_start = 0;
		return false;
	}
	if (stream_roster_database_suspended(target->dboid))
	{
		/* then its end was no crash */
		target->restart_ms = 0;
		target->next_start = 0;
		return false;
	}
	/* if it was suspended until just now, it may be gone: look first */
	if (stream_roster_databases_version() != databases_version)
		return false;
	return target->probe || status != NULL;
}

/* How many schedulers can have a worker each, besides us and another's process. */
static int
max_schedulers(void)
{
	return Max(1, (max_worker_processes - 2) / 2);
}

/* How many databases of the owner are served. */
static int
count_served(Oid owner)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);

		if (target->served && target->owner == owner)
			n++;
	}
	return n;
}

/* Who has which part of the schedulers. */
typedef struct Shares
{
	int			served;			/* databases that have one, or soon will */
	int			most;			/* so many of one owner ... */
	Target	   *last;			/* ... of which this is the latest */
} Shares;

static void
add_up(Shares *shares)
{
	ListCell   *lc;

	memset(shares, 0, sizeof(Shares));
	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		int			n;

		if (!target->served)
			continue;
		shares->served++;
		n = count_served(target->owner);
		if (n > shares->most ||
			(n == shares->most &&
			 target->started_at > shares->last->started_at))
		{
			shares->most = n;
			shares->last = target;
		}
	}
}

/* Those that have a scheduler which is to stay. */
static void
look_who_is_served(StreamDatabaseStatus *known, int num_known)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		StreamDatabaseStatus *status = find_status(known, num_known,
												   target->dboid);

		target->served = status != NULL && !status->evicted &&
			((status->running && status->present) ||
			 (target->handle != NULL && !target->probe));
	}
}

/* The owner who has most gives up the scheduler that came last. */
static void
evict_last(Shares *shares)
{
	stream_roster_evict_database(shares->last->dboid);
	shares->last->served = false;
	add_up(shares);
}

/*
 * May the database have a scheduler?  If all are taken, the owner who has most of
 * them gives one up if he still has as many as the database's own after that.
 */
static bool
may_have_scheduler(Target *target, Shares *shares)
{
	/* one that is not known yet to have views: it may be none */
	if (target->probe || shares->served < max_schedulers())
		return true;
	if (shares->most > count_served(target->owner) + 1)
		evict_last(shares);
	else
		stream_roster_set_starved(target->dboid, true);
	return false;
}

/*
 * Starts what is missing.  Returns how long to sleep if nothing happens, in
 * milliseconds.
 */
static long
start_schedulers(void)
{
	StreamDatabaseStatus known[STREAM_DATABASE_SLOTS];
	int			num_known;
	int			starting = 0;
	TimestampTz now = GetCurrentTimestamp();
	long		timeout = POLL_MS;
	Shares		shares;
	ListCell   *lc;

	foreach(lc, targets)
		reap_scheduler(lfirst(lc));
	num_known = stream_roster_list_databases(known);
	look_who_is_served(known, num_known);
	add_up(&shares);

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		StreamDatabaseStatus *status = find_status(known, num_known,
												   target->dboid);

		if (target->handle != NULL && (status == NULL || !status->present))
			starting++;
	}

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		StreamDatabaseStatus *status = find_status(known, num_known,
												   target->dboid);

		if (!wants_scheduler(target, status))
			continue;
		if (target->next_start > now)
			timeout = Min(timeout,
						  TimestampDifferenceMilliseconds(now,
														  target->next_start));
		else if (!may_have_scheduler(target, &shares))
			timeout = Min(timeout, SHARE_MS);
		else if (starting < MAX_PROBES)
		{
			start_scheduler(target);
			/* a start that found no room takes no place of another's */
			if (target->handle != NULL)
				starting++;
			if (target->handle != NULL && !target->probe)
			{
				target->served = true;
				add_up(&shares);
			}
		}
	}
	/* more than that if some turned out to have views */
	if (shares.served > max_schedulers())
		evict_last(&shares);
	return timeout;
}

/* ------------------------------------------------------------ main loop */

void
stream_launcher_main(Datum arg)
{
	uint64		probe_version;
	TimestampTz read_at = 0;

	stream_roster_set_signals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	if (!stream_roster_attach_launcher())
		ereport(FATAL,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the streaming launcher is running already")));
	SetConfigOption("application_name", "streaming launcher", PGC_SUSET,
					PGC_S_SESSION);
	pgstat_report_activity(STATE_IDLE, NULL);
	launcher_context = AllocSetContextCreate(TopMemoryContext,
											 "streaming launcher",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(launcher_context);
	probe_version = stream_roster_probe_version();

	for (;;)
	{
		uint64		version = stream_roster_databases_version();
		uint64		probes = stream_roster_probe_version();
		TimestampTz now = GetCurrentTimestamp();
		ListCell   *lc;

		if (version != databases_version ||
			TimestampDifferenceExceeds(read_at, now, POLL_MS))
		{
			read_databases();
			databases_version = version;
			read_at = now;
		}
		if (probes != probe_version)
			foreach(lc, targets)
				((Target *) lfirst(lc))->probe = true;
		probe_version = probes;

		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
				  start_schedulers(),
				  stream_compat_wait_event(STREAM_WAIT_LAUNCHER));
		ResetLatch(MyLatch);
		stream_roster_check_interrupts(1);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}
