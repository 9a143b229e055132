/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Shared memory: databases, workers, streams, views; the wake-up at commit.
 *
 * The processes of the extension and the backends meet here.  What is kept:
 *
 * databases	those that have the extension: their scheduler, and counters
 *				that move when views have changed (version) or all workers
 *				are to look at all their views (wakes).
 * workers		slots 0 .. 63 for the workers of all databases; a slot's number
 *				is its bit in the masks of the streams.
 * views		which worker runs it, what was asked of it and answered, how it
 *				fares.  A request is a number from one ascending sequence; the
 *				worker notes the latest number before a batch, and a batch that
 *				ends well answers every request up to it.
 * streams		leaf relations that workers listen to: a sequence number that
 *				moves at each commit that wrote rows into it, and the masks of
 *				workers that listen and that want to be woken.
 * suspensions	databases that a command needs free of connections.
 *
 * Nothing in here is needed after a restart: the launcher, the schedulers and
 * the workers build it up again from the catalogs.
 *
 * Two locks: "lock" for everything but the streams, "stream_lock" for those.
 * Commits take the latter in shared mode, and only to look up their stream; the
 * sequence numbers are atomic.  No code takes both at the same time.
 *
 * The course of a commit.  The writer's rows become visible, then the commit
 * callback moves the sequence number, then it sets the latches.  The worker
 * reads the sequence number, then takes its snapshot; so if it has missed the
 * rows it will see the number move.  A latch of a process that is gone may
 * belong to another process by now: a spurious wake-up, which all bear.
 *
 * Processes attach before they connect to their database, and detach after
 * they have left it (an on_shmem_exit callback registered before InitPostgres
 * runs after the one that takes the process out of the ProcArray).  Hence who
 * finds no process here knows that there is no connection either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "debug.h"
#include "shmem.h"

#define MAX_SUSPENSIONS 32
#define NUM_REQUEST_CVS 64

/* How long evicted processes may take to go, and how often we tell them. */
#define EVICT_TIMEOUT_MS 30000
#define EVICT_REPEAT_MS 1000

typedef struct Database
{
	Oid			dboid;			/* InvalidOid: this slot is free */
	int			pid;			/* the scheduler, or 0 */
	Latch	   *latch;
	bool		present;		/* the scheduler has found the extension */
	bool		starved;		/* no background workers to be had */
	uint64		absent;			/* version at which it was not there, or 0 */
	pg_atomic_uint64 version;	/* moves when its views have changed */
	pg_atomic_uint64 wakes;		/* moves when workers are to look around */
} Database;

typedef struct Worker
{
	Oid			dboid;			/* InvalidOid: this slot is free */
	uint32		generation;		/* how often it has been taken or given back */
	int			pid;			/* 0: registered but not started yet */
	Latch	   *latch;
	pg_atomic_uint64 assigned;	/* moves when its set of views changes */
	pg_atomic_uint64 requested; /* moves when a view of it is asked for */
} Worker;

/* The key of views and of streams. */
typedef struct EntryKey
{
	Oid			dboid;
	Oid			relid;
} EntryKey;

typedef struct View
{
	EntryKey	key;
	int			worker;			/* slot, or -1 */
	uint64		created;		/* the mark when this entry was made */
	uint64		requested;		/* the latest request */
	uint64		done;			/* the latest one that is done ... */
	uint64		failed;			/* ... and the latest that has failed ... */
	int			sqlstate;		/* ... with this error */
	bool		running;
	bool		more;
	bool		paused;
	TimestampTz retry_at;
} View;

struct StreamSource
{
	EntryKey	key;
	pg_atomic_uint64 sequence;	/* moves at each commit that wrote rows */
	uint64		listeners;		/* workers that hold a pointer to this */
	uint64		wake;			/* those of them to be woken */
};

typedef struct Suspension
{
	Oid			dboid;			/* InvalidOid: free */
	int			pid;			/* the backend that wants it */
} Suspension;

typedef struct Shared
{
	LWLock	   *lock;
	LWLock	   *stream_lock;
	int			launcher_pid;
	Latch	   *launcher_latch;
	pg_atomic_uint64 databases_version;
	pg_atomic_uint64 probe_version;
	pg_atomic_uint32 prepared_changes;	/* a prepared transaction has (had)
										 * changes of views in it */
	uint64		mark;			/* number of the latest request */
	ConditionVariable detached; /* a scheduler or worker has gone */
	ConditionVariable requests[NUM_REQUEST_CVS];
	Suspension	suspensions[MAX_SUSPENSIONS];
	Database	databases[STREAM_MAX_DATABASES];
	Worker		workers[STREAM_MAX_WORKERS];
} Shared;

static Shared *shared = NULL;
static HTAB *views = NULL;
static HTAB *sources = NULL;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* What this process is, if it is one of ours. */
static Database *my_database = NULL;
static Worker *my_worker = NULL;

/* What the current transaction will tell at its commit. */
#define NOTED_CACHE 64
static Oid	last_noted = InvalidOid;
static Oid	noted_cache[NOTED_CACHE];	/* by OID modulo: surely noted */
static Oid *noted = NULL;		/* in TopTransactionContext */
static int	num_noted = 0;
static int	max_noted = 0;
static bool views_changed = false;
static bool databases_changed = false;
static bool resume_at_end = false;	/* lift our suspensions of databases */

static void resume(Oid dboid, bool all);

/* ------------------------------------------------------------ start-up */

static Size
shmem_size(void)
{
	Size		size = MAXALIGN(sizeof(Shared));

	size = add_size(size, hash_estimate_size(STREAM_MAX_VIEWS, sizeof(View)));
	size = add_size(size, hash_estimate_size(STREAM_MAX_STREAMS,
											 sizeof(StreamSource)));
	return add_size(size, stream_debug_shmem_size());
}

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche("streaming", 2);
}

static HTAB *
make_table(const char *name, long size, Size entrysize)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(EntryKey);
	ctl.entrysize = entrysize;
	return ShmemInitHash(name, size, size, &ctl, HASH_ELEM | HASH_BLOBS);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("streaming", sizeof(Shared), &found);
	if (!found)
	{
		LWLockPadded *locks = GetNamedLWLockTranche("streaming");

		memset(shared, 0, sizeof(Shared));
		shared->lock = &locks[0].lock;
		shared->stream_lock = &locks[1].lock;
		pg_atomic_init_u64(&shared->databases_version, 1);
		pg_atomic_init_u64(&shared->probe_version, 1);
		pg_atomic_init_u32(&shared->prepared_changes, 0);
		ConditionVariableInit(&shared->detached);
		for (int i = 0; i < NUM_REQUEST_CVS; i++)
			ConditionVariableInit(&shared->requests[i]);
		for (int i = 0; i < STREAM_MAX_DATABASES; i++)
		{
			pg_atomic_init_u64(&shared->databases[i].version, 1);
			pg_atomic_init_u64(&shared->databases[i].wakes, 1);
		}
		for (int i = 0; i < STREAM_MAX_WORKERS; i++)
		{
			pg_atomic_init_u64(&shared->workers[i].assigned, 1);
			pg_atomic_init_u64(&shared->workers[i].requested, 1);
		}
	}
	views = make_table("streaming views", STREAM_MAX_VIEWS, sizeof(View));
	sources = make_table("streaming streams", STREAM_MAX_STREAMS,
						 sizeof(StreamSource));
	stream_debug_shmem_init();
	LWLockRelease(AddinShmemInitLock);
}

bool
stream_shmem_available(void)
{
	return shared != NULL;
}

/* ------------------------------------------------------------ look-ups */

static EntryKey
entry_key(Oid dboid, Oid relid)
{
	EntryKey	key;

	key.dboid = dboid;
	key.relid = relid;
	return key;
}

/* All of these want the lock held. */

static Database *
find_database(Oid dboid)
{
	for (int i = 0; i < STREAM_MAX_DATABASES; i++)
		if (shared->databases[i].dboid == dboid)
			return &shared->databases[i];
	return NULL;
}

/* Finds or makes the entry of a database; NULL if there is no room. */
static Database *
enter_database(Oid dboid)
{
	Database   *db = find_database(dboid);

	if (db != NULL)
		return db;
	db = find_database(InvalidOid);
	if (db == NULL)
		return NULL;
	db->dboid = dboid;
	db->pid = 0;
	db->latch = NULL;
	db->present = false;
	db->starved = false;
	db->absent = 0;
	return db;
}

static View *
find_view(Oid viewid)
{
	EntryKey	key = entry_key(MyDatabaseId, viewid);

	return hash_search(views, &key, HASH_FIND, NULL);
}

/* Finds or makes the entry of a view; NULL if there is no room. */
static View *
enter_view(Oid viewid)
{
	EntryKey	key = entry_key(MyDatabaseId, viewid);
	View	   *view = find_view(viewid);

	if (view != NULL)
		return view;
	if (hash_get_num_entries(views) >= STREAM_MAX_VIEWS)
		return NULL;
	view = hash_search(views, &key, HASH_ENTER_NULL, NULL);
	if (view == NULL)
		return NULL;
	memset((char *) view + sizeof(EntryKey), 0,
		   sizeof(View) - sizeof(EntryKey));
	view->worker = -1;
	view->created = ++shared->mark;
	return view;
}

/* The view, if it is this worker's. */
static View *
find_my_view(Oid viewid)
{
	View	   *view = find_view(viewid);

	if (view == NULL || view->worker != my_worker - shared->workers)
		return NULL;
	return view;
}

static bool
is_suspended(Oid dboid)
{
	for (int i = 0; i < MAX_SUSPENSIONS; i++)
		if (shared->suspensions[i].dboid == dboid)
			return true;
	return false;
}

static void
wake_launcher(void)
{
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
}

/* Wakes the scheduler of the database; if it has none, the launcher. */
static void
wake_scheduler(Oid dboid)
{
	Database   *db = find_database(dboid);

	if (db != NULL && db->latch != NULL)
		SetLatch(db->latch);
	else
		wake_launcher();
}

static void
wake_workers(Oid dboid)
{
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		Worker	   *worker = &shared->workers[i];

		if (worker->dboid == dboid && worker->latch != NULL)
			SetLatch(worker->latch);
	}
}

ConditionVariable *
stream_shmem_request_cv(Oid viewid)
{
	EntryKey	key = entry_key(MyDatabaseId, viewid);
	uint32		hash = hash_bytes((unsigned char *) &key, sizeof(key));

	return &shared->requests[hash % NUM_REQUEST_CVS];
}

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

	if (relid == last_noted || shared == NULL)
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

void
stream_shmem_views_changed(void)
{
	views_changed = true;
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
	EntryKey	key = entry_key(MyDatabaseId, relid);
	StreamSource *source = hash_search(sources, &key, HASH_FIND, NULL);
	uint64		mask;

	if (source == NULL)
		return;
	pg_atomic_fetch_add_u64(&source->sequence, 1);
	if (STREAM_MUTATION("shmem_no_wake"))
		return;
	for (mask = source->wake; mask != 0; mask &= mask - 1)
	{
		Latch	   *latch =
		shared->workers[pg_rightmost_one_pos64(mask)].latch;

		if (latch != NULL)
			SetLatch(latch);
	}
}

static void
tell_views_changed(void)
{
	Database   *db;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	db = enter_database(MyDatabaseId);
	if (db != NULL)
	{
		pg_atomic_fetch_add_u64(&db->version, 1);
		wake_scheduler(MyDatabaseId);
		wake_workers(MyDatabaseId);
	}
	else
	{
		/* no room to say which database it is */
		pg_atomic_fetch_add_u64(&shared->probe_version, 1);
		wake_launcher();
	}
	LWLockRelease(shared->lock);
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
			{
				LWLockAcquire(shared->stream_lock, LW_SHARED);
				for (int i = 0; i < num_noted; i++)
					tell_stream(noted[i]);
				LWLockRelease(shared->stream_lock);
			}
			if (views_changed && shared != NULL)
				tell_views_changed();
			if (databases_changed && shared != NULL)
			{
				pg_atomic_fetch_add_u64(&shared->databases_version, 1);
				LWLockAcquire(shared->lock, LW_SHARED);
				wake_launcher();
				LWLockRelease(shared->lock);
			}
			break;
		case XACT_EVENT_PREPARE:
			/* the second phase calls stream_shmem_wake_database */
			if (views_changed && shared != NULL)
				pg_atomic_write_u32(&shared->prepared_changes, 1);
			break;
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
}

void
stream_shmem_wake_database(void)
{
	Database   *db;

	if (shared == NULL)
		return;
	if (pg_atomic_read_u32(&shared->prepared_changes) != 0)
		tell_views_changed();
	LWLockAcquire(shared->lock, LW_SHARED);
	db = find_database(MyDatabaseId);
	if (db != NULL)
	{
		pg_atomic_fetch_add_u64(&db->wakes, 1);
		wake_workers(MyDatabaseId);
	}
	LWLockRelease(shared->lock);
}

void
stream_shmem_install(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	RegisterXactCallback(xact_callback, NULL);
}

/* ------------------------------------------------- attach and detach */

static void
detach_launcher(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = 0;
	shared->launcher_latch = NULL;
	LWLockRelease(shared->lock);
}

bool
stream_shmem_attach_launcher(void)
{
	bool		ok;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	ok = shared->launcher_pid == 0;
	if (ok)
	{
		shared->launcher_pid = MyProcPid;
		shared->launcher_latch = MyLatch;
	}
	LWLockRelease(shared->lock);
	if (ok)
		on_shmem_exit(detach_launcher, (Datum) 0);
	return ok;
}

static void
detach_scheduler(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_database->pid = 0;
	my_database->latch = NULL;
	wake_launcher();
	LWLockRelease(shared->lock);
	ConditionVariableBroadcast(&shared->detached);
}

bool
stream_shmem_attach_scheduler(Oid dboid)
{
	Database   *db;
	bool		full = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (is_suspended(dboid))
		db = NULL;
	else
	{
		db = enter_database(dboid);
		full = db == NULL;
		if (db != NULL && db->pid != 0)
			db = NULL;
	}
	if (db != NULL)
	{
		db->pid = MyProcPid;
		db->latch = MyLatch;
		db->present = false;
		db->absent = 0;
		my_database = db;
	}
	LWLockRelease(shared->lock);

	if (full)
		ereport(LOG,
				(errmsg("too many databases use the extension \"streaming\""),
				 errdetail("A server can run continuous views in %d databases.",
						   STREAM_MAX_DATABASES)));
	if (db != NULL)
		on_shmem_exit(detach_scheduler, (Datum) 0);
	return db != NULL;
}

/* Takes a worker away from all its streams. */
static void
unsubscribe_all(uint64 bit)
{
	HASH_SEQ_STATUS seq;
	StreamSource *source;

	LWLockAcquire(shared->stream_lock, LW_EXCLUSIVE);
	hash_seq_init(&seq, sources);
	while ((source = hash_seq_search(&seq)) != NULL)
	{
		source->wake &= ~bit;
		source->listeners &= ~bit;
		if (source->listeners == 0)
			hash_search(sources, &source->key, HASH_REMOVE, NULL);
	}
	LWLockRelease(shared->stream_lock);
}

/* Frees a worker slot and takes its views from it; wants the lock held. */
static void
free_worker(Worker *worker)
{
	HASH_SEQ_STATUS seq;
	View	   *view;
	Oid			dboid = worker->dboid;

	hash_seq_init(&seq, views);
	while ((view = hash_seq_search(&seq)) != NULL)
		if (view->worker == worker - shared->workers)
		{
			view->worker = -1;
			view->running = false;
			view->retry_at = 0;
		}
	worker->dboid = InvalidOid;
	worker->pid = 0;
	worker->latch = NULL;
	worker->generation++;
	wake_scheduler(dboid);
}

static void
detach_worker(int code, Datum arg)
{
	unsubscribe_all(UINT64CONST(1) << (my_worker - shared->workers));
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	free_worker(my_worker);
	LWLockRelease(shared->lock);
	ConditionVariableBroadcast(&shared->detached);
}

bool
stream_shmem_attach_worker(int slot, uint32 generation, Oid dboid)
{
	Worker	   *worker = &shared->workers[slot];
	bool		ok = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (worker->dboid == dboid && worker->generation == generation &&
		worker->pid == 0)
	{
		my_database = find_database(dboid);
		ok = my_database != NULL && !is_suspended(dboid);
		if (ok)
		{
			worker->pid = MyProcPid;
			worker->latch = MyLatch;
			my_worker = worker;
		}
		else
			free_worker(worker);
	}
	LWLockRelease(shared->lock);
	if (ok)
		on_shmem_exit(detach_worker, (Datum) 0);
	return ok;
}

/* ------------------------------------------------- suspended databases */

static void
resume(Oid dboid, bool all)
{
	bool		found = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_SUSPENSIONS; i++)
	{
		Suspension *s = &shared->suspensions[i];

		if (OidIsValid(s->dboid) && s->pid == MyProcPid &&
			(all || s->dboid == dboid))
		{
			s->dboid = InvalidOid;
			found = true;
		}
	}
	if (found)
	{
		pg_atomic_fetch_add_u64(&shared->databases_version, 1);
		wake_launcher();
	}
	LWLockRelease(shared->lock);
}

/*
 * Not before the end of the transaction: until then a database that has been
 * dropped is still in pg_database, and the launcher would go for it.
 */
void
stream_shmem_resume_database(Oid dboid)
{
	if (shared == NULL)
		return;
	if (IsTransactionState())
		resume_at_end = true;
	else
		resume(dboid, false);
}

static void
resume_at_exit(int code, Datum arg)
{
	resume(InvalidOid, true);
}

static void
suspend(Oid dboid)
{
	static bool registered = false;
	Suspension *free = NULL;

	if (!registered)
		before_shmem_exit(resume_at_exit, (Datum) 0);
	registered = true;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_SUSPENSIONS && free == NULL; i++)
		if (!OidIsValid(shared->suspensions[i].dboid))
			free = &shared->suspensions[i];
	if (free != NULL)
	{
		free->dboid = dboid;
		free->pid = MyProcPid;
	}
	LWLockRelease(shared->lock);
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
	Database   *db;
	bool		found = false;

	LWLockAcquire(shared->lock, LW_SHARED);
	db = find_database(dboid);
	if (db != NULL && db->pid != 0)
	{
		found = true;
		if (tell)
			kill(db->pid, SIGTERM);
	}
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		Worker	   *worker = &shared->workers[i];

		if (worker->dboid != dboid || worker->pid == 0)
			continue;
		found = true;
		if (tell)
			kill(worker->pid, SIGTERM);
	}
	LWLockRelease(shared->lock);
	return found;
}

void
stream_shmem_evict_database(Oid dboid)
{
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz told = 0;

	if (shared == NULL || !OidIsValid(dboid))
		return;
	suspend(dboid);

	PG_TRY();
	{
		ConditionVariablePrepareToSleep(&shared->detached);
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
			ConditionVariableTimedSleep(&shared->detached, EVICT_REPEAT_MS,
										PG_WAIT_EXTENSION);
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

bool
stream_shmem_database_suspended(Oid dboid)
{
	bool		result;

	LWLockAcquire(shared->lock, LW_SHARED);
	result = is_suspended(dboid);
	LWLockRelease(shared->lock);
	return result;
}

/* ------------------------------------------------------- the launcher */

int
stream_shmem_list_databases(StreamDatabaseStatus *list)
{
	int			n = 0;

	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < STREAM_MAX_DATABASES; i++)
	{
		Database   *db = &shared->databases[i];

		if (!OidIsValid(db->dboid))
			continue;
		list[n].dboid = db->dboid;
		list[n].running = db->pid != 0;
		list[n].present = db->present;
		list[n].absent = db->absent != 0 &&
			db->absent == pg_atomic_read_u64(&db->version);
		n++;
	}
	LWLockRelease(shared->lock);
	return n;
}

uint64
stream_shmem_databases_version(void)
{
	return pg_atomic_read_u64(&shared->databases_version);
}

uint64
stream_shmem_probe_version(void)
{
	return pg_atomic_read_u64(&shared->probe_version);
}

/* Has the database a process, started or about to? */
static bool
has_processes(Database *db)
{
	if (db->pid != 0)
		return true;
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
		if (shared->workers[i].dboid == db->dboid)
			return true;
	return false;
}

void
stream_shmem_forget_database(Oid dboid, bool gone)
{
	Database   *db;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	db = find_database(dboid);
	if (db != NULL && !has_processes(db) &&
		(gone || db->absent == pg_atomic_read_u64(&db->version)))
	{
		HASH_SEQ_STATUS seq;
		View	   *view;

		hash_seq_init(&seq, views);
		while ((view = hash_seq_search(&seq)) != NULL)
			if (view->key.dboid == dboid)
				hash_search(views, &view->key, HASH_REMOVE, NULL);
		db->dboid = InvalidOid;
	}
	LWLockRelease(shared->lock);
	for (int i = 0; i < NUM_REQUEST_CVS; i++)
		ConditionVariableBroadcast(&shared->requests[i]);
}

void
stream_shmem_set_starved(Oid dboid, bool starved)
{
	Database   *db;
	bool		changed;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	db = find_database(dboid);
	changed = db != NULL && db->starved != starved;
	if (changed)
		db->starved = starved;
	LWLockRelease(shared->lock);
	for (int i = 0; changed && i < NUM_REQUEST_CVS; i++)
		ConditionVariableBroadcast(&shared->requests[i]);
}

/* ------------------------------------------------------ the scheduler */

void
stream_shmem_set_present(void)
{
	if (my_database->present)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_database->present = true;
	wake_launcher();
	LWLockRelease(shared->lock);
}

void
stream_shmem_set_absent(uint64 version)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_database->absent = version;
	LWLockRelease(shared->lock);
}

uint64
stream_shmem_views_version(void)
{
	return pg_atomic_read_u64(&my_database->version);
}

uint64
stream_shmem_mark(void)
{
	uint64		mark;

	LWLockAcquire(shared->lock, LW_SHARED);
	mark = shared->mark;
	LWLockRelease(shared->lock);
	return mark;
}

int
stream_shmem_list_workers(StreamWorkerStatus *list)
{
	HASH_SEQ_STATUS seq;
	View	   *view;
	int			views_of[STREAM_MAX_WORKERS] = {0};
	int			n = 0;

	LWLockAcquire(shared->lock, LW_SHARED);
	hash_seq_init(&seq, views);
	while ((view = hash_seq_search(&seq)) != NULL)
		if (view->worker >= 0)
			views_of[view->worker]++;
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		Worker	   *worker = &shared->workers[i];

		if (worker->dboid != MyDatabaseId)
			continue;
		list[n].slot = i;
		list[n].generation = worker->generation;
		list[n].pid = worker->pid;
		list[n].views = views_of[i];
		n++;
	}
	LWLockRelease(shared->lock);
	return n;
}

int
stream_shmem_list_views(StreamViewAssignment **list)
{
	HASH_SEQ_STATUS seq;
	View	   *view;
	int			n = 0;

	/* allocated before the lock is taken, as palloc may fail */
	*list = palloc(STREAM_MAX_VIEWS * sizeof(StreamViewAssignment));
	LWLockAcquire(shared->lock, LW_SHARED);
	hash_seq_init(&seq, views);
	while ((view = hash_seq_search(&seq)) != NULL)
	{
		if (view->key.dboid != MyDatabaseId)
			continue;
		(*list)[n].viewid = view->key.relid;
		(*list)[n].slot = view->worker;
		(*list)[n].mark = Max(view->created, view->requested);
		n++;
	}
	LWLockRelease(shared->lock);
	return n;
}

int
stream_shmem_reserve_worker(uint32 *generation)
{
	int			slot = -1;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STREAM_MAX_WORKERS && slot < 0; i++)
	{
		Worker	   *worker = &shared->workers[i];

		if (OidIsValid(worker->dboid))
			continue;
		worker->dboid = MyDatabaseId;
		worker->pid = 0;
		worker->latch = NULL;
		*generation = ++worker->generation;
		slot = i;
	}
	LWLockRelease(shared->lock);
	return slot;
}

void
stream_shmem_release_worker(int slot, uint32 generation)
{
	Worker	   *worker = &shared->workers[slot];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (worker->dboid == MyDatabaseId && worker->generation == generation &&
		worker->pid == 0)
		free_worker(worker);
	LWLockRelease(shared->lock);
}

void
stream_shmem_terminate_worker(int slot)
{
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		Worker	   *worker = &shared->workers[i];

		if (worker->dboid == MyDatabaseId && worker->pid != 0 &&
			(slot < 0 || slot == i))
			kill(worker->pid, SIGTERM);
	}
	LWLockRelease(shared->lock);
}

/* Tells a worker that its set of views has changed; wants the lock held. */
static void
tell_assigned(int slot)
{
	Worker	   *worker;

	if (slot < 0)
		return;
	worker = &shared->workers[slot];
	pg_atomic_fetch_add_u64(&worker->assigned, 1);
	if (worker->latch != NULL)
		SetLatch(worker->latch);
}

bool
stream_shmem_assign_view(Oid viewid, int slot, bool paused)
{
	View	   *view;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = enter_view(viewid);
	if (view != NULL)
	{
		int			old = view->worker;

		/* the slot may have been freed since the caller looked */
		if (slot >= 0 && shared->workers[slot].dboid != MyDatabaseId)
			slot = -1;
		view->paused = paused;
		if (slot != old)
		{
			view->worker = slot;
			view->running = false;
			view->retry_at = 0;
			tell_assigned(old);
			tell_assigned(slot);
		}
	}
	LWLockRelease(shared->lock);
	if (paused)
		ConditionVariableBroadcast(stream_shmem_request_cv(viewid));
	return view != NULL;
}

void
stream_shmem_forget_view(Oid viewid, uint64 mark)
{
	View	   *view;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = find_view(viewid);
	if (view != NULL &&
		(mark == 0 || Max(view->created, view->requested) <= mark))
	{
		tell_assigned(view->worker);
		hash_search(views, &view->key, HASH_REMOVE, NULL);
	}
	LWLockRelease(shared->lock);
	ConditionVariableBroadcast(stream_shmem_request_cv(viewid));
}

/* --------------------------------------------------------- the worker */

void
stream_shmem_worker_news(StreamWorkerNews *news)
{
	news->version = pg_atomic_read_u64(&my_database->version);
	news->wakes = pg_atomic_read_u64(&my_database->wakes);
	news->assigned = pg_atomic_read_u64(&my_worker->assigned);
	news->requested = pg_atomic_read_u64(&my_worker->requested);
}

List *
stream_shmem_my_views(void)
{
	StreamViewAssignment *list;
	int			n = stream_shmem_list_views(&list);
	List	   *result = NIL;

	for (int i = 0; i < n; i++)
		if (list[i].slot == my_worker - shared->workers)
			result = lappend_oid(result, list[i].viewid);
	pfree(list);
	return result;
}

bool
stream_shmem_view_requests(Oid viewid, uint64 *requested, uint64 *answered)
{
	View	   *view;

	LWLockAcquire(shared->lock, LW_SHARED);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		*requested = view->requested;
		*answered = Max(view->done, view->failed);
	}
	LWLockRelease(shared->lock);
	return view != NULL;
}

bool
stream_shmem_view_begin(Oid viewid, uint64 *requested)
{
	View	   *view;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		*requested = view->requested;
		view->running = true;
		view->paused = false;
	}
	LWLockRelease(shared->lock);
	return view != NULL;
}

void
stream_shmem_view_end(Oid viewid, uint64 answered, bool more)
{
	View	   *view;
	bool		tell = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		view->running = false;
		view->more = more;
		view->retry_at = 0;
		if (!more && answered > view->done)
		{
			view->done = answered;
			tell = true;
		}
	}
	LWLockRelease(shared->lock);
	if (tell)
		ConditionVariableBroadcast(stream_shmem_request_cv(viewid));
}

void
stream_shmem_view_failed(Oid viewid, uint64 answered, int sqlstate,
						 TimestampTz retry_at)
{
	View	   *view;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		view->running = false;
		view->retry_at = retry_at;
		view->failed = Max(view->failed, answered);
		view->sqlstate = sqlstate;
	}
	LWLockRelease(shared->lock);
	ConditionVariableBroadcast(stream_shmem_request_cv(viewid));
}

void
stream_shmem_view_paused(Oid viewid, bool paused)
{
	View	   *view;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
		view->paused = paused;
	LWLockRelease(shared->lock);
	if (paused)
		ConditionVariableBroadcast(stream_shmem_request_cv(viewid));
}

StreamSource *
stream_shmem_subscribe(Oid relid, bool wake)
{
	EntryKey	key = entry_key(MyDatabaseId, relid);
	uint64		bit = UINT64CONST(1) << (my_worker - shared->workers);
	StreamSource *source;

	LWLockAcquire(shared->stream_lock, LW_EXCLUSIVE);
	source = hash_search(sources, &key, HASH_FIND, NULL);
	if (source == NULL && hash_get_num_entries(sources) < STREAM_MAX_STREAMS)
	{
		source = hash_search(sources, &key, HASH_ENTER_NULL, NULL);
		if (source != NULL)
		{
			pg_atomic_init_u64(&source->sequence, 1);
			source->listeners = 0;
			source->wake = 0;
		}
	}
	if (source != NULL)
	{
		source->listeners |= bit;
		if (wake)
			source->wake |= bit;
		else
			source->wake &= ~bit;
	}
	LWLockRelease(shared->stream_lock);
	return source;
}

void
stream_shmem_unsubscribe(Oid relid)
{
	EntryKey	key = entry_key(MyDatabaseId, relid);
	uint64		bit = UINT64CONST(1) << (my_worker - shared->workers);
	StreamSource *source;

	LWLockAcquire(shared->stream_lock, LW_EXCLUSIVE);
	source = hash_search(sources, &key, HASH_FIND, NULL);
	if (source != NULL)
	{
		source->wake &= ~bit;
		source->listeners &= ~bit;
		if (source->listeners == 0)
			hash_search(sources, &key, HASH_REMOVE, NULL);
	}
	LWLockRelease(shared->stream_lock);
}

uint64
stream_shmem_sequence(StreamSource *source)
{
	return pg_atomic_read_u64(&source->sequence);
}

/* ------------------------------------------------ waiting, monitoring */

uint64
stream_shmem_request(Oid viewid)
{
	View	   *view;
	uint64		request = 0;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	view = enter_database(MyDatabaseId) ? enter_view(viewid) : NULL;
	if (view != NULL)
	{
		request = view->requested = ++shared->mark;
		view->paused = false;
		if (view->worker >= 0)
		{
			Worker	   *worker = &shared->workers[view->worker];

			pg_atomic_fetch_add_u64(&worker->requested, 1);
			if (worker->latch != NULL)
				SetLatch(worker->latch);
		}
		else
			wake_scheduler(MyDatabaseId);
	}
	LWLockRelease(shared->lock);
	return request;
}

StreamRequestState
stream_shmem_request_state(Oid viewid, uint64 request, int *sqlstate)
{
	StreamRequestState state = STREAM_REQUEST_PENDING;
	View	   *view;
	Database   *db;

	LWLockAcquire(shared->lock, LW_SHARED);
	view = find_view(viewid);
	db = find_database(MyDatabaseId);
	if (view == NULL)
		state = STREAM_REQUEST_GONE;
	else if (view->done >= request)
		state = STREAM_REQUEST_DONE;
	else if (view->failed >= request)
	{
		state = STREAM_REQUEST_FAILED;
		*sqlstate = view->sqlstate;
	}
	else if (view->paused)
		state = STREAM_REQUEST_PAUSED;
	else if (view->worker < 0 && db != NULL && db->starved)
		state = STREAM_REQUEST_STARVED;
	LWLockRelease(shared->lock);
	return state;
}

bool
stream_shmem_view_status(Oid viewid, StreamViewStatus *status)
{
	View	   *view;

	memset(status, 0, sizeof(*status));
	if (shared == NULL)
		return false;
	LWLockAcquire(shared->lock, LW_SHARED);
	view = find_view(viewid);
	if (view != NULL)
	{
		if (view->worker >= 0)
			status->worker_pid = shared->workers[view->worker].pid;
		status->running = view->running;
		status->more = view->more;
		status->paused = view->paused;
		status->retry_at = view->retry_at;
	}
	LWLockRelease(shared->lock);
	return view != NULL;
}
