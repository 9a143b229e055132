/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  The wake-up at commit; making way for commands on databases.
 *
 * What writers and commands tell the processes of the extension through shared
 * memory.
 *
 * The course of a commit.  The writer's rows become visible (1); then the
 * commit callback moves the sequence number of the stream's slot (2), reads
 * the slot's mask (3) and sets the latches of who is in it.  The worker enters
 * itself into the mask (4); later, before each batch, it reads the sequence
 * number (5), then takes its snapshot (6).  2 and 4 are atomic operations that
 * are full memory barriers too, so each process's steps happen in this order
 * for all others.
 *
 *	- The writer finds the worker in the mask: the worker wakes, and compares the
 *	  number with that of 5.  If it is the same, 2 was before 5, so 1 was before
 *	  6: the rows are in.  Otherwise it runs a batch.
 *	- It does not: then 3 was before 4, so 2 was before 5 and 1 before 6.
 *
 * So no commit is overlooked, and nobody takes a lock for it or can fail.
 * Slots are shared by streams, and the latch of a process that is gone may
 * belong to another process by now: spurious wake-ups, which all bear.
 *
 * A transaction that is prepared tells nothing: whoever commits it tells all
 * workers.  If it has changed views, they and the scheduler have to read the
 * catalogs again, which would be too much for each COMMIT PREPARED.  So such a
 * transaction keeps a lock that stands for it: locks of prepared transactions
 * are still there after a restart, or on a standby that takes over.
 *
 * Commands that need a database without connections suspend it: new processes
 * stay away, those that are there are terminated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/area.h"
#include "base/crashes.h"
#include "base/shmem.h"

/* How long evicted processes may take to go, and how often we tell them. */
#define EVICT_TIMEOUT_MS 30000
#define EVICT_REPEAT_MS 1000

/* What the current transaction will tell at its commit. */
#define NOTED_CACHE 64
static Oid	last_noted = InvalidOid;
static Oid	noted_cache[NOTED_CACHE];	/* by OID modulo: surely noted */
static Oid *noted = NULL;		/* in TopTransactionContext */
static int	num_noted = 0;
static int	max_noted = 0;
static bool views_changed = false;
static bool databases_changed = false;
static bool restore_moved = false;
static bool resume_at_end = false;	/* lift our suspensions of databases */

static void resume(Oid dboid, bool all);

/* ------------------------------------------------------------ writers */

/*
 * Is there an entry in "noted"?  The cache answers for transactions that write
 * into a few partitions in turn.
 */
static bool
is_noted(Oid relid)
{
	if (num_noted == 0)
		return false;
	if (noted_cache[relid % NOTED_CACHE] == relid)
		return true;
	for (int i = 0; i < num_noted; i++)
		if (noted[i] == relid)
			return true;
	return false;
}

void
stream_shmem_note_write(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (relid == last_noted || stream_area == NULL)
		return;

	if (!is_noted(relid))
	{
		if (num_noted == 0)
		{
			max_noted = 16;
			noted = MemoryContextAlloc(TopTransactionContext,
									   max_noted * sizeof(Oid));
			memset(noted_cache, 0, sizeof(noted_cache));
		}
		else if (num_noted == max_noted)
		{
			noted = repalloc_huge(noted, 2 * max_noted * sizeof(Oid));
			max_noted *= 2;
		}
		noted[num_noted++] = relid;
	}
	noted_cache[relid % NOTED_CACHE] = relid;
	last_noted = relid;
}

int
stream_shmem_noted(const Oid **relids)
{
	*relids = noted;
	return num_noted;
}

bool
stream_shmem_changes_views(void)
{
	return views_changed && stream_area != NULL;
}

void
stream_shmem_views_changed(void)
{
	views_changed = true;
}

void
stream_shmem_restore_moved(void)
{
	restore_moved = true;
}

void
stream_shmem_databases_changed(void)
{
	databases_changed = true;
}

/* Moves the sequence number of a stream and wakes who wants to know. */
static void
tell_stream(Oid relid)
{
	StreamSource *source = stream_area_source(relid);

	pg_atomic_fetch_add_u64(&source->sequence, 1);
	if (STREAM_MUTATION("shmem_no_wake"))
		return;
	for (int i = 0; i < STREAM_WORKER_WORDS; i++)
		for (uint64 mask = pg_atomic_read_u64(&source->wake[i]); mask != 0;
			 mask &= mask - 1)
		{
			volatile StreamWorker *worker = &stream_area->workers
			[i * 64 + pg_rightmost_one_pos64(mask)];
			Latch	   *latch = worker->latch;

			if (latch != NULL)
				SetLatch(latch);
		}
}

static void
tell_views_changed(void)
{
	StreamDatabase *db;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	db = stream_area_enter_database(MyDatabaseId, false);
	if (db != NULL)
	{
		pg_atomic_fetch_add_u64(&db->version, 1);
		stream_area_wake_scheduler(MyDatabaseId);
		stream_area_wake_workers(MyDatabaseId);
	}
	else
	{
		/* no room to say which database it is; what was found there is old */
		db = stream_area_find_database(MyDatabaseId);
		if (db != NULL)
			pg_atomic_fetch_add_u64(&db->version, 1);
		pg_atomic_fetch_add_u64(&stream_area->probe_version, 1);
		stream_area_wake_launcher();
	}
	LWLockRelease(stream_area->lock);
}

static void
tell_restore_moved(void)
{
	StreamDatabase *db;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	db = stream_area_find_database(MyDatabaseId);
	if (db != NULL)
	{
		pg_atomic_fetch_add_u64(&db->restores, 1);
		stream_area_wake_scheduler(MyDatabaseId);
	}
	LWLockRelease(stream_area->lock);
}

/*
 * The lock that prepared transactions of this database keep which have changed
 * views; no object has that OID.
 */
static LOCKTAG
prepared_changes_tag(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, InvalidOid, 0);
	return tag;
}

/* Takes it, until the prepared transaction ends; nobody has to wait. */
static void
keep_prepared_changes(void)
{
	LOCKTAG		tag = prepared_changes_tag();

	(void) LockAcquire(&tag, RowExclusiveLock, false, false);
}

/*
 * At the end of a transaction: tells, if it was a commit, and forgets.  At
 * XACT_EVENT_COMMIT the rows are visible already, and nothing may fail any
 * more.  The locks are still held, though: who looks at what DDL has changed
 * may have to wait for them.
 */
static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (num_noted > 0)
				STREAM_DEBUG_POINT("commit-untold");
			for (int i = 0; i < num_noted; i++)
				tell_stream(noted[i]);
			if (views_changed && stream_area != NULL)
				tell_views_changed();
			if (restore_moved && stream_area != NULL)
				tell_restore_moved();
			if (databases_changed && stream_area != NULL)
			{
				pg_atomic_fetch_add_u64(&stream_area->databases_version, 1);
				LWLockAcquire(stream_area->lock, LW_SHARED);
				stream_area_wake_launcher();
				LWLockRelease(stream_area->lock);
			}
			break;
		case XACT_EVENT_PREPARE:
			/* the second phase calls stream_shmem_wake_database */
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (views_changed && stream_area != NULL)
				keep_prepared_changes();
			return;
		case XACT_EVENT_ABORT:
			break;
		default:
			return;
	}
	if (resume_at_end)
		resume(InvalidOid, true);
	resume_at_end = false;
	last_noted = InvalidOid;
	noted = NULL;
	num_noted = 0;
	views_changed = false;
	databases_changed = false;
	restore_moved = false;
}

bool
stream_shmem_prepared_changes(void)
{
	LOCKTAG		tag = prepared_changes_tag();
	int			count;

	(void) GetLockConflicts(&tag, ExclusiveLock, &count);
	return count > 0;
}

void
stream_shmem_wake_database(bool views_changed)
{
	StreamDatabase *db;

	if (stream_area == NULL)
		return;
	if (views_changed)
		tell_views_changed();
	LWLockAcquire(stream_area->lock, LW_SHARED);
	db = stream_area_find_database(MyDatabaseId);
	if (db != NULL)
	{
		pg_atomic_fetch_add_u64(&db->wakes, 1);
		stream_area_wake_workers(MyDatabaseId);
	}
	LWLockRelease(stream_area->lock);
}

void
stream_shmem_install(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	stream_area_install();
	stream_crashes_install();
	RegisterXactCallback(xact_callback, NULL);
}

bool
stream_shmem_available(void)
{
	return stream_area != NULL;
}

void
stream_shmem_require(void)
{
	if (!stream_shmem_available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("streaming must be loaded when the server starts"),
				 errhint("Add this line to postgresql.conf and restart the server: shared_preload_libraries = 'streaming'")));
}

/* ------------------------------------------------- suspended databases */

static void
resume(Oid dboid, bool all)
{
	bool		found = false;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STREAM_MAX_SUSPENSIONS; i++)
	{
		StreamSuspension *s = &stream_area->suspensions[i];

		if (OidIsValid(s->dboid) && s->pid == MyProcPid &&
			(all || s->dboid == dboid))
		{
			s->dboid = InvalidOid;
			found = true;
		}
	}
	if (found)
	{
		pg_atomic_fetch_add_u64(&stream_area->databases_version, 1);
		stream_area_wake_launcher();
	}
	LWLockRelease(stream_area->lock);
}

/*
 * Not before the end of the transaction: until then a database that has been
 * dropped is still in pg_database, and the launcher would go for it.
 */
void
stream_shmem_resume_database(Oid dboid)
{
	if (stream_area == NULL)
		return;
	if (IsTransactionState())
		resume_at_end = true;
	else
		resume(dboid, false);
}

static void
resume_at_exit(int code, Datum arg)
{
	stream_area_release_locks();
	resume(InvalidOid, true);
}

static void
suspend(Oid dboid)
{
	static bool registered = false;
	StreamSuspension *free = NULL;

	if (!registered)
		before_shmem_exit(resume_at_exit, (Datum) 0);
	registered = true;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STREAM_MAX_SUSPENSIONS && free == NULL; i++)
		if (!OidIsValid(stream_area->suspensions[i].dboid))
			free = &stream_area->suspensions[i];
	if (free != NULL)
	{
		free->dboid = dboid;
		free->pid = MyProcPid;
	}
	LWLockRelease(stream_area->lock);
	if (free == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases are being changed at the same time"),
				 errhint("Try again later.")));
}

/*
 * Sends SIGTERM to the scheduler and the workers of a database; true if there
 * were any.  Processes detach under the lock, so the pids are theirs.
 */
static bool
terminate_all(Oid dboid, bool tell)
{
	StreamDatabase *db;
	bool		found = false;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	db = stream_area_find_database(dboid);
	if (db != NULL && db->pid != 0)
	{
		found = true;
		if (tell)
			kill(db->pid, SIGTERM);
	}
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		StreamWorker *worker = &stream_area->workers[i];

		if (worker->dboid != dboid || worker->pid == 0)
			continue;
		found = true;
		if (tell)
			kill(worker->pid, SIGTERM);
	}
	LWLockRelease(stream_area->lock);
	return found;
}

void
stream_shmem_evict_database(Oid dboid)
{
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz told = 0;

	if (stream_area == NULL || !OidIsValid(dboid))
		return;
	suspend(dboid);

	PG_TRY();
	{
		ConditionVariablePrepareToSleep(&stream_area->detached);
		for (;;)
		{
			TimestampTz now = GetCurrentTimestamp();
			bool		tell = told == 0 ||
			TimestampDifferenceExceeds(told, now, EVICT_REPEAT_MS);

			if (!terminate_all(dboid, tell))
				break;
			if (tell)
				told = now;
			if (TimestampDifferenceExceeds(start, now, EVICT_TIMEOUT_MS))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_IN_USE),
						 errmsg("could not stop the processes that run continuous views in the database"),
						 errhint("Try again, or terminate them with pg_terminate_backend.")));
			ConditionVariableTimedSleep(&stream_area->detached, EVICT_REPEAT_MS,
										stream_compat_wait_event(STREAM_WAIT_PROCESSES));
		}
		ConditionVariableCancelSleep();
	}
	PG_CATCH();
	{
		ConditionVariableCancelSleep();
		resume(dboid, false);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* --------------------------------------------------------- monitoring */

bool
stream_shmem_view_status(Oid viewid, StreamViewStatus *status)
{
	StreamViewEntry *view;

	memset(status, 0, sizeof(*status));
	if (stream_area == NULL)
		return false;
	stream_area_lock_views(LW_SHARED);
	view = stream_area_find_view(viewid);
	if (view != NULL)
	{
		int			slot = stream_area_view_worker(view);

		if (slot >= 0)
		{
			status->worker_pid = stream_area->workers[slot].pid;
			status->running = view->running;
			status->retry_at = view->retry_at;
		}
		status->more = view->more;
		status->read_at = view->read_at;
		status->unrecorded = view->unrecorded;
		status->sqlstate = view->sqlstate;
		status->unrecorded_at = view->unrecorded_at;
	}
	LWLockRelease(stream_area->lock);
	return view != NULL;
}
