/*-------------------------------------------------------------------------
 *
 * roster.c
 *	  Who is there and who does what: processes, views and requests.
 *
 * The launcher, the schedulers and the workers enter themselves here, and find
 * here what they have to do; those who wait for a view find out how it fares.
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

#include "common/hashfn.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/area.h"
#include "base/crashes.h"
#include "base/figures.h"
#include "base/shmem.h"
#include "process/roster.h"

/* Those who find no room try again after less than that. */
#define CROWDED_US (7 * USECS_PER_SEC)

/* What this process is, if it is one of ours. */
static StreamDatabase *my_database = NULL;
static StreamWorker *my_worker = NULL;

/* This process has been told to end. */
static volatile sig_atomic_t told_to_end = false;
static emit_log_hook_type prev_emit_log = NULL;

/* How often this worker has subscribed to each of the sources. */
static uint32 subscriptions[STREAM_MAX_SOURCES];

static int
my_slot(void)
{
	return my_worker - stream_area->workers;
}

/* The view, if it is this worker's. */
static StreamViewEntry *
find_my_view(Oid viewid)
{
	StreamViewEntry *view = stream_area_find_view(viewid);

	if (view == NULL || stream_area_view_worker(view) != my_slot())
		return NULL;
	return view;
}

/* Enters this worker into the mask of a source, or takes it out. */
static void
change_mask(StreamSource *source, bool wake)
{
	pg_atomic_uint64 *word = &source->wake[my_slot() / 64];
	uint64		bit = UINT64CONST(1) << my_slot() % 64;

	if (wake)
		pg_atomic_fetch_or_u64(word, bit);
	else
		pg_atomic_fetch_and_u64(word, ~bit);
}

/* Sends a signal to a worker; wants the lock held. */
static void
signal_worker(StreamWorker *worker, int signal)
{
	if (signal == SIGTERM)
		worker->ended = true;
	kill(worker->pid, signal);
}

/* ------------------------------------------------- attach and detach */

static void
detach_launcher(int code, Datum arg)
{
	stream_area_release_locks();
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	stream_area->launcher_pid = 0;
	stream_area->launcher_latch = NULL;
	LWLockRelease(stream_area->lock);
}

bool
stream_roster_attach_launcher(void)
{
	bool		ok;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	ok = stream_area->launcher_pid == 0;
	if (ok)
	{
		stream_area->launcher_pid = MyProcPid;
		stream_area->launcher_latch = MyLatch;
	}
	LWLockRelease(stream_area->lock);
	if (ok)
		on_shmem_exit(detach_launcher, (Datum) 0);
	return ok;
}

static void
detach_scheduler(int code, Datum arg)
{
	stream_area_release_locks();
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	my_database->pid = 0;
	my_database->latch = NULL;
	/* one that has found out nothing leaves nothing */
	if (my_database->probed && my_database->absent == 0)
		my_database->dboid = InvalidOid;
	stream_area_wake_launcher();
	LWLockRelease(stream_area->lock);
	ConditionVariableBroadcast(&stream_area->detached);
}

static void
log_full(void)
{
	ereport(LOG,
			(errmsg("too many databases use the extension \"streaming\""),
			 errdetail("A server can run continuous views in %d databases.",
					   stream_area->max_databases)));
}

bool
stream_roster_attach_scheduler(Oid dboid)
{
	StreamDatabase *db;
	bool		full = false;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	if (stream_area_is_suspended(dboid))
		db = NULL;
	else
	{
		db = stream_area_enter_database(dboid, true);
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
		db->watched = false;
		db->left_out = InvalidOid;
		db->evicted = false;
		my_database = db;
	}
	LWLockRelease(stream_area->lock);

	if (full)
		log_full();
	if (db != NULL)
		on_shmem_exit(detach_scheduler, (Datum) 0);
	return db != NULL;
}

/*
 * Frees a worker slot; wants the lock held.  The views that it had are without
 * a worker from now on, as its generation has passed.
 */
static void
free_worker(StreamWorker *worker)
{
	Oid			dboid = worker->dboid;

	worker->dboid = InvalidOid;
	worker->pid = 0;
	worker->latch = NULL;
	worker->generation++;
	stream_area_wake_scheduler(dboid);
}

/* Takes this worker out of the masks of its streams. */
static void
unsubscribe_all(void)
{
	for (int i = 0; i < STREAM_MAX_SOURCES; i++)
		if (subscriptions[i] > 0)
			change_mask(&stream_area_sources[i], false);
}

static void
detach_worker(int code, Datum arg)
{
	stream_area_release_locks();
	stream_figures_shown = NULL;
	unsubscribe_all();
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	stream_crashes_gone(my_slot(), !told_to_end);
	free_worker(my_worker);
	LWLockRelease(stream_area->lock);
	ConditionVariableBroadcast(&stream_area->detached);
}

static void
handle_term(SIGNAL_ARGS)
{
	told_to_end = true;
	die(postgres_signal_arg);
}

/* That we end because we were told to is no news. */
static void
hush(ErrorData *edata)
{
	if (prev_emit_log)
		prev_emit_log(edata);
	if (told_to_end && edata->elevel == FATAL &&
		edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		edata->output_to_server = false;
}

void
stream_roster_set_signals(void)
{
	prev_emit_log = emit_log_hook;
	emit_log_hook = hush;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_term);
	BackgroundWorkerUnblockSignals();
}

void
stream_roster_check_interrupts(int code)
{
	QueryCancelPending = false;
	if (ProcDiePending)
		proc_exit(code);
	CHECK_FOR_INTERRUPTS();
}

bool
stream_roster_attach_worker(int slot, uint32 generation, Oid dboid)
{
	StreamWorker *worker = &stream_area->workers[slot];
	bool		ok = false;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	if (worker->dboid == dboid && worker->generation == generation &&
		worker->pid == 0)
	{
		my_database = stream_area_find_database(dboid);
		ok = my_database != NULL && !my_database->evicted &&
			!stream_area_is_suspended(dboid);
		if (ok)
		{
			worker->pid = MyProcPid;
			worker->latch = MyLatch;
			my_worker = worker;
			stream_figures_shown = &worker->phase;
		}
		else
			free_worker(worker);
	}
	LWLockRelease(stream_area->lock);
	if (ok)
	{
		stream_crashes_watch(slot);
		on_shmem_exit(detach_worker, (Datum) 0);
	}
	return ok;
}

/* -------------------------------------------------------- any backend */

void
stream_roster_require_room(void)
{
	bool		room;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	room = stream_area_has_room(MyDatabaseId);
	LWLockRelease(stream_area->lock);
	if (!room)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use the extension \"streaming\""),
				 errdetail("A server can run continuous views in %d databases.",
						   stream_area->max_databases),
				 errhint("Drop the extension where no view needs it.")));
}

/* ------------------------------------------------------- the launcher */

int
stream_roster_list_databases(StreamDatabaseStatus *list)
{
	int			n = 0;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	for (int i = 0; i < STREAM_DATABASE_SLOTS; i++)
	{
		StreamDatabase *db = &stream_area->databases[i];

		if (!OidIsValid(db->dboid))
			continue;
		list[n].dboid = db->dboid;
		list[n].running = db->pid != 0;
		list[n].present = db->present;
		list[n].absent = db->absent != 0 &&
			db->absent == pg_atomic_read_u64(&db->version);
		list[n].evicted = db->evicted;
		n++;
	}
	LWLockRelease(stream_area->lock);
	return n;
}

uint64
stream_roster_databases_version(void)
{
	return pg_atomic_read_u64(&stream_area->databases_version);
}

uint64
stream_roster_probe_version(void)
{
	return pg_atomic_read_u64(&stream_area->probe_version);
}

/* Has the database a process, started or about to? */
static bool
has_processes(StreamDatabase *db)
{
	if (db->pid != 0)
		return true;
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
		if (stream_area->workers[i].dboid == db->dboid)
			return true;
	return false;
}

void
stream_roster_forget_database(Oid dboid, bool gone)
{
	StreamDatabase *db;

	stream_area_lock_views(LW_EXCLUSIVE);
	db = stream_area_find_database(dboid);
	if (db != NULL && !has_processes(db) &&
		(gone || db->absent == pg_atomic_read_u64(&db->version)))
	{
		dshash_seq_status seq;
		StreamViewEntry *view;

		dshash_seq_init(&seq, stream_area_views, true);
		while ((view = dshash_seq_next(&seq)) != NULL)
			if (view->key.dboid == dboid)
			{
				stream_area_clear_view(view);
				dshash_delete_current(&seq);
			}
		dshash_seq_term(&seq);
		db->dboid = InvalidOid;
	}
	LWLockRelease(stream_area->lock);
	for (int i = 0; i < STREAM_NUM_REQUEST_CVS; i++)
		ConditionVariableBroadcast(&stream_area->requests[i]);
}

void
stream_roster_set_starved(Oid dboid, bool starved)
{
	StreamDatabase *db;
	bool		changed;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	db = stream_area_find_database(dboid);
	changed = db != NULL && db->starved != starved;
	if (changed)
		db->starved = starved;
	LWLockRelease(stream_area->lock);
	for (int i = 0; changed && i < STREAM_NUM_REQUEST_CVS; i++)
		ConditionVariableBroadcast(&stream_area->requests[i]);
}

void
stream_roster_evict_database(Oid dboid)
{
	StreamDatabase *db;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	db = stream_area_find_database(dboid);
	if (db != NULL)
	{
		db->evicted = true;
		if (db->pid != 0)
			kill(db->pid, SIGTERM);
		for (int i = 0; i < STREAM_MAX_WORKERS; i++)
		{
			StreamWorker *worker = &stream_area->workers[i];

			if (worker->dboid == dboid && worker->pid != 0)
				signal_worker(worker, SIGTERM);
		}
	}
	LWLockRelease(stream_area->lock);
}

void
stream_roster_set_crowded(void)
{
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	stream_area->crowded_until = GetCurrentTimestamp() + CROWDED_US;
	for (int i = 0; i < STREAM_DATABASE_SLOTS; i++)
		if (stream_area->databases[i].pid != 0)
			stream_area_wake_scheduler(stream_area->databases[i].dboid);
	LWLockRelease(stream_area->lock);
}

bool
stream_roster_is_crowded(void)
{
	bool		crowded;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	crowded = GetCurrentTimestamp() < stream_area->crowded_until;
	LWLockRelease(stream_area->lock);
	return crowded;
}

bool
stream_roster_database_suspended(Oid dboid)
{
	bool		result;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	result = stream_area_is_suspended(dboid);
	LWLockRelease(stream_area->lock);
	return result;
}

/* ------------------------------------------------------ the scheduler */

bool
stream_roster_set_present(void)
{
	bool		room;

	if (my_database->present)
		return true;
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	room = stream_area_enter_database(MyDatabaseId, false) != NULL;
	if (room)
	{
		my_database->present = true;
		stream_area_wake_launcher();
	}
	LWLockRelease(stream_area->lock);
	if (!room)
		log_full();
	return room;
}

void
stream_roster_set_absent(uint64 version)
{
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	my_database->absent = version;
	LWLockRelease(stream_area->lock);
}

uint64
stream_roster_views_version(void)
{
	StreamDatabase *db = my_database;
	uint64		version;

	if (db != NULL)
		return pg_atomic_read_u64(&db->version);
	LWLockAcquire(stream_area->lock, LW_SHARED);
	db = stream_area_find_database(MyDatabaseId);
	version = db ? pg_atomic_read_u64(&db->version) : 0;
	LWLockRelease(stream_area->lock);
	return version;
}

uint64
stream_roster_mark(void)
{
	uint64		mark;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	mark = stream_area->mark;
	LWLockRelease(stream_area->lock);
	return mark;
}

uint64
stream_roster_restores(void)
{
	return pg_atomic_read_u64(&my_database->restores);
}

uint64
stream_roster_calls(void)
{
	return pg_atomic_read_u64(&my_database->calls);
}

int
stream_roster_list_workers(StreamWorkerStatus *list)
{
	int			n = 0;

	stream_area_lock_views(LW_SHARED);
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		StreamWorker *worker = &stream_area->workers[i];
		StreamViewEntry *view = NULL;

		if (worker->dboid != MyDatabaseId)
			continue;
		if (worker->busy_since != 0)
			view = stream_area_find_view(worker->busy_view);
		list[n].slot = i;
		list[n].generation = worker->generation;
		list[n].pid = worker->pid;
		list[n].busy_since = worker->busy_since;
		list[n].busy_view = worker->busy_view;
		list[n].busy_bundle = worker->busy_since != 0 && worker->nothers > 0;
		list[n].busy_request = worker->busy_request;
		/* one that nobody knows is of no interest */
		list[n].busy_slow = view == NULL || view->slow;
		list[n].canceled_at = worker->canceled_at;
		list[n].unwanted = worker->unwanted;
		list[n].ended = worker->ended;
		n++;
	}
	LWLockRelease(stream_area->lock);
	return n;
}

void
stream_roster_set_watched(bool watched)
{
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	my_database->watched = watched;
	LWLockRelease(stream_area->lock);
}

void
stream_roster_set_left_out(Oid viewid)
{
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	my_database->left_out = viewid;
	LWLockRelease(stream_area->lock);
}

/* The worker, if it is still in the batch; wants the lock held. */
static StreamWorker *
find_batch(const StreamWorkerStatus *status)
{
	StreamWorker *worker = &stream_area->workers[status->slot];

	if (worker->generation != status->generation || worker->pid == 0 ||
		worker->busy_since != status->busy_since ||
		worker->busy_view != status->busy_view)
		return NULL;
	return worker;
}

List *
stream_roster_batch_of(const StreamWorkerStatus *status)
{
	Oid			others[STREAM_MAX_BUNDLE - 1];
	StreamWorker *worker;
	List	   *views = NIL;
	int			n = -1;

	LWLockAcquire(stream_area->lock, LW_SHARED);
	worker = find_batch(status);
	if (worker != NULL)
	{
		n = worker->nothers;
		memcpy(others, worker->others, n * sizeof(Oid));
	}
	LWLockRelease(stream_area->lock);
	if (n >= 0)
		views = list_make1_oid(status->busy_view);
	for (int i = 0; i < n && !STREAM_MUTATION("bundle_first_only"); i++)
		views = lappend_oid(views, others[i]);
	return views;
}

void
stream_roster_set_slow(const StreamWorkerStatus *worker)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = stream_area_find_view(worker->busy_view);
	if (view != NULL && find_batch(worker) != NULL)
		view->slow = true;
	LWLockRelease(stream_area->lock);
}

bool
stream_roster_end_batch(const StreamWorkerStatus *status, int signal,
						bool unwanted)
{
	StreamWorker *worker;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	worker = find_batch(status);
	if (worker != NULL)
	{
		if (worker->canceled_at == 0 && signal == SIGINT)
		{
			worker->canceled_at = GetCurrentTimestamp();
			worker->unwanted = unwanted;
		}
		signal_worker(worker, signal);
	}
	LWLockRelease(stream_area->lock);
	return worker != NULL;
}

bool
stream_roster_cut_batch(const StreamWorkerStatus *status)
{
	StreamWorker *worker;
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	worker = find_batch(status);
	view = stream_area_find_view(status->busy_view);
	if (worker != NULL)
	{
		if (view != NULL)
			view->cuts++;
		signal_worker(worker, SIGTERM);
	}
	LWLockRelease(stream_area->lock);
	return worker != NULL;
}

/* A batch of the view has failed; wants the lock held. */
static void
fail(StreamViewEntry *view, uint64 answered, int sqlstate,
	 TimestampTz retry_at)
{
	view->running = false;
	view->retry_at = retry_at;
	view->due_at = retry_at != 0 ? retry_at : DT_NOEND;
	view->failed = Max(view->failed, answered);
	view->sqlstate = sqlstate;
	view->unrecorded = 0;
}

void
stream_roster_batch_ended(Oid viewid, uint64 answered, int sqlstate,
						  TimestampTz retry_at)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = stream_area_find_view(viewid);
	if (view != NULL && stream_area_view_worker(view) < 0)
		fail(view, answered, sqlstate, retry_at);
	else if (view != NULL && view->failed < answered)
	{
		/* another worker has it by now */
		view->failed = answered;
		view->sqlstate = sqlstate;
	}
	LWLockRelease(stream_area->lock);
	ConditionVariableBroadcast(stream_roster_request_cv(viewid));
}

static int
compare_assignments(const void *a, const void *b)
{
	Oid			x = ((const StreamViewAssignment *) a)->viewid;
	Oid			y = ((const StreamViewAssignment *) b)->viewid;

	return x < y ? -1 : x > y;
}

int
stream_roster_list_views(StreamViewAssignment **list)
{
	dshash_seq_status seq;
	StreamViewEntry *view;
	TimestampTz now = stream_debug_now();
	int			room = 64;
	int			n = 0;

	*list = palloc(room * sizeof(StreamViewAssignment));
	stream_area_lock_views(LW_SHARED);
	dshash_seq_init(&seq, stream_area_views, false);
	while ((view = dshash_seq_next(&seq)) != NULL)
	{
		if (view->key.dboid != MyDatabaseId)
			continue;
		if (n == room)
		{
			room *= 2;
			*list = repalloc_huge(*list, room * sizeof(StreamViewAssignment));
		}
		(*list)[n].viewid = view->key.relid;
		(*list)[n].slot = stream_area_view_worker(view);
		(*list)[n].mark = Max(view->created, view->requested);
		(*list)[n].running = view->running && (*list)[n].slot >= 0;
		(*list)[n].slow = view->slow;
		(*list)[n].owner = view->owner;
		(*list)[n].begun_at = view->begun_at;
		(*list)[n].due = now >= view->due_at ||
			view->requested > Max(view->done, view->failed);
		(*list)[n].cuts = view->cuts;
		n++;
	}
	dshash_seq_term(&seq);
	LWLockRelease(stream_area->lock);
	qsort(*list, n, sizeof(StreamViewAssignment), compare_assignments);
	return n;
}

int
stream_roster_reserve_worker(uint32 *generation)
{
	int			slot = -1;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STREAM_MAX_WORKERS && slot < 0; i++)
	{
		StreamWorker *worker = &stream_area->workers[i];

		if (OidIsValid(worker->dboid))
			continue;
		worker->dboid = MyDatabaseId;
		worker->pid = 0;
		worker->latch = NULL;
		worker->busy_since = 0;
		worker->busy_view = InvalidOid;
		worker->busy_request = 0;
		worker->canceled_at = 0;
		worker->ended = false;
		*generation = ++worker->generation;
		slot = i;
	}
	LWLockRelease(stream_area->lock);
	return slot;
}

void
stream_roster_release_worker(int slot, uint32 generation)
{
	StreamWorker *worker = &stream_area->workers[slot];

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	if (worker->dboid == MyDatabaseId && worker->generation == generation &&
		worker->pid == 0)
		free_worker(worker);
	LWLockRelease(stream_area->lock);
}

void
stream_roster_terminate_worker(int slot)
{
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		StreamWorker *worker = &stream_area->workers[i];

		if (worker->dboid == MyDatabaseId && worker->pid != 0 &&
			(slot < 0 || slot == i))
			signal_worker(worker, SIGTERM);
	}
	LWLockRelease(stream_area->lock);
}

/* Tells a worker that its set of views has changed; wants the lock held. */
static void
tell_assigned(int slot)
{
	StreamWorker *worker;

	if (slot < 0)
		return;
	worker = &stream_area->workers[slot];
	pg_atomic_fetch_add_u64(&worker->assigned, 1);
	if (worker->latch != NULL)
		SetLatch(worker->latch);
}

void
stream_roster_assign_view(Oid viewid, Oid owner, int slot, bool paused)
{
	StreamViewEntry *view;
	int			old;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = stream_area_enter_view(viewid);
	old = stream_area_view_worker(view);
	/* the slot may have been freed since the caller looked */
	if (slot >= 0 && stream_area->workers[slot].dboid != MyDatabaseId)
		slot = -1;
	view->owner = owner;
	view->paused = paused;
	if (slot != old || slot < 0)
	{
		view->worker = slot;
		if (slot >= 0)
			view->generation = stream_area->workers[slot].generation;
		view->running = false;
		/* a new worker waits as long as the old one would have */
		if (slot < 0)
			view->retry_at = 0;
	}
	if (slot != old)
	{
		tell_assigned(old);
		tell_assigned(slot);
	}
	LWLockRelease(stream_area->lock);
	if (paused)
		ConditionVariableBroadcast(stream_roster_request_cv(viewid));
}

void
stream_roster_forget_view(Oid viewid, uint64 mark)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = stream_area_find_view(viewid);
	if (view != NULL && Max(view->created, view->requested) <= mark)
	{
		tell_assigned(stream_area_view_worker(view));
		stream_area_remove_view(view);
	}
	LWLockRelease(stream_area->lock);
	ConditionVariableBroadcast(stream_roster_request_cv(viewid));
}

/* --------------------------------------------------------- the worker */

void
stream_roster_worker_news(StreamWorkerNews *news)
{
	news->version = pg_atomic_read_u64(&my_database->version);
	news->wakes = pg_atomic_read_u64(&my_database->wakes);
	news->assigned = pg_atomic_read_u64(&my_worker->assigned);
	news->requested = pg_atomic_read_u64(&my_worker->requested);
}

bool
stream_roster_is_worker(void)
{
	return my_worker != NULL;
}

int
stream_roster_my_slot(void)
{
	return my_slot();
}

int
stream_roster_view_crashes(Oid viewid)
{
	int			times;

	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	times = stream_crashes_take(viewid);
	LWLockRelease(stream_area->lock);
	return times;
}

bool
stream_roster_view_requests(Oid viewid, uint64 *requested, uint64 *answered)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_SHARED);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		*requested = view->requested;
		*answered = Max(view->done, view->failed);
	}
	LWLockRelease(stream_area->lock);
	return view != NULL;
}

/* A batch of the view begins; wants the lock held.  NULL: it is not ours any more. */
static StreamViewEntry *
begin_batch(Oid viewid, TimestampTz now, uint64 *requested)
{
	StreamViewEntry *view = find_my_view(viewid);

	if (view == NULL)
		return NULL;
	*requested = view->requested;
	view->running = true;
	view->paused = false;
	view->begun_at = now;
	/* should it be ended, it has still to be run */
	view->due_at = 0;
	return view;
}

bool
stream_roster_view_joins(Oid viewid, uint64 *requested)
{
	bool		ours;

	stream_area_lock_views(LW_EXCLUSIVE);
	ours = begin_batch(viewid, my_worker->busy_since, requested) != NULL;
	if (ours)
		my_worker->others[my_worker->nothers++] = viewid;
	LWLockRelease(stream_area->lock);
	return ours;
}

bool
stream_roster_view_begin(Oid viewid, uint64 *requested)
{
	StreamViewEntry *view;
	TimestampTz now = GetCurrentTimestamp();

	stream_area_lock_views(LW_EXCLUSIVE);
	view = begin_batch(viewid, now, requested);
	if (view != NULL)
	{
		my_worker->busy_since = now;
		my_worker->busy_view = viewid;
		my_worker->nothers = 0;
		my_worker->busy_request = view->requested;
		my_worker->canceled_at = 0;
		stream_crashes_begin(my_slot(), viewid);
		if (!my_database->watched && my_database->latch != NULL)
		{
			/* nobody need tell it again */
			my_database->watched = true;
			SetLatch(my_database->latch);
		}
	}
	LWLockRelease(stream_area->lock);
	return view != NULL;
}

/*
 * A batch of this worker has ended.  If it was a slow one, and a view is left out that
 * waits for a worker which is at another batch, we take it: should our next batch begin
 * at once, and each be too short to be cut, it would not have its turn for as long as
 * the other batch goes on.  Wants the lock held.
 */
static void
take_left_out(void)
{
	StreamViewEntry *ended = stream_area_find_view(my_worker->busy_view);
	StreamViewEntry *view = stream_area_find_view(my_database->left_out);
	int			old;

	if (ended == NULL || !ended->slow || STREAM_MUTATION("left_out_stays"))
		return;
	my_database->left_out = InvalidOid;
	if (view == NULL || !view->slow || view->paused)
		return;
	old = stream_area_view_worker(view);
	if (old == my_slot() ||
		(old >= 0 && (view->running || stream_area->workers[old].busy_since == 0)))
		return;
	view->worker = my_slot();
	view->generation = my_worker->generation;
	view->running = false;
	tell_assigned(old);
	tell_assigned(my_slot());
}

int64
stream_roster_batch_over(StreamCancel *cancel)
{
	int64		batch_us = GetCurrentTimestamp() - my_worker->busy_since;

	stream_area_lock_views(LW_EXCLUSIVE);
	*cancel = my_worker->canceled_at == 0 ? STREAM_CANCEL_NONE :
		my_worker->unwanted ? STREAM_CANCEL_UNWANTED : STREAM_CANCEL_TIMEOUT;
	if (OidIsValid(my_database->left_out))
		take_left_out();
	my_worker->busy_since = 0;
	my_worker->busy_view = InvalidOid;
	my_worker->nothers = 0;
	my_worker->canceled_at = 0;
	LWLockRelease(stream_area->lock);
	return batch_us;
}

void
stream_roster_batch_survived(void)
{
	stream_crashes_end(my_slot());
}

void
stream_roster_view_end(Oid viewid, uint64 answered, bool more, bool all,
					   int64 batch_us, TimestampTz due_at)
{
	StreamViewEntry *view;
	bool		tell = false;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		view->running = false;
		view->more = more;
		view->retry_at = 0;
		view->due_at = due_at;
		view->unrecorded = 0;
		if (all)
			view->read_at = view->begun_at;
		if (view->cuts > 0)
			view->cuts--;
		if (view->slow && batch_us < STREAM_SHORT_BATCH_US)
		{
			view->slow = false;
			view->cuts = 0;
			stream_area_wake_scheduler(MyDatabaseId);
		}
		if (!more && answered > view->done)
		{
			view->done = answered;
			tell = true;
		}
	}
	LWLockRelease(stream_area->lock);
	if (tell)
		ConditionVariableBroadcast(stream_roster_request_cv(viewid));
}

void
stream_roster_view_failed(Oid viewid, uint64 answered, int sqlstate,
						  TimestampTz retry_at, int unrecorded)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		fail(view, answered, sqlstate, retry_at);
		view->unrecorded = unrecorded;
		view->unrecorded_at = GetCurrentTimestamp();
	}
	LWLockRelease(stream_area->lock);
	ConditionVariableBroadcast(stream_roster_request_cv(viewid));
}

void
stream_roster_view_put_off(Oid viewid, bool more)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		view->running = false;
		view->more = more;
		view->retry_at = 0;
		view->due_at = 0;
	}
	LWLockRelease(stream_area->lock);
}

void
stream_roster_view_waits(Oid viewid, TimestampTz retry_at, bool failed)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
	{
		view->retry_at = retry_at;
		view->due_at = failed ? DT_NOEND : retry_at;
	}
	LWLockRelease(stream_area->lock);
}

void
stream_roster_view_paused(Oid viewid, bool paused)
{
	StreamViewEntry *view;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = find_my_view(viewid);
	if (view != NULL)
		view->paused = paused;
	LWLockRelease(stream_area->lock);
	if (paused)
		ConditionVariableBroadcast(stream_roster_request_cv(viewid));
}

StreamSource *
stream_roster_source(Oid relid)
{
	return stream_area_source(relid);
}

void
stream_roster_subscribe(StreamSource *source)
{
	if (subscriptions[source - stream_area_sources]++ == 0)
		change_mask(source, true);
}

void
stream_roster_unsubscribe(StreamSource *source)
{
	if (--subscriptions[source - stream_area_sources] == 0)
		change_mask(source, false);
}

uint64
stream_roster_sequence(StreamSource *source)
{
	return pg_atomic_read_u64(&source->sequence);
}

/* ------------------------------------------------ those who wait */

static uint64
request(StreamViewEntry *view)
{
	int			slot = stream_area_view_worker(view);

	view->requested = ++stream_area->mark;
	view->paused = false;
	if (slot >= 0)
	{
		StreamWorker *worker = &stream_area->workers[slot];

		pg_atomic_fetch_add_u64(&worker->requested, 1);
		if (worker->latch != NULL)
			SetLatch(worker->latch);
	}
	else
		stream_area_wake_scheduler(MyDatabaseId);
	return view->requested;
}

static uint64
request_of_database(Oid viewid, bool restored)
{
	StreamDatabase *db;
	uint64		number = 0;

	stream_area_lock_views(LW_EXCLUSIVE);
	db = stream_area_enter_database(MyDatabaseId, false);
	if (db != NULL)
	{
		if (restored)
			pg_atomic_fetch_add_u64(&db->restores, 1);
		number = request(stream_area_enter_view(viewid));
	}
	LWLockRelease(stream_area->lock);
	return number;
}

uint64
stream_roster_request(Oid viewid)
{
	return request_of_database(viewid, false);
}

uint64
stream_roster_request_restored(Oid viewid)
{
	return request_of_database(viewid, true);
}

void
stream_roster_prepare_request(Oid viewid)
{
	stream_area_lock_views(LW_EXCLUSIVE);
	if (stream_area_enter_database(MyDatabaseId, false) != NULL)
		(void) stream_area_enter_view(viewid);
	LWLockRelease(stream_area->lock);
}

uint64
stream_roster_request_prepared(Oid viewid)
{
	StreamViewEntry *view;
	uint64		number;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = stream_area_find_view(viewid);
	number = view ? request(view) : 0;
	LWLockRelease(stream_area->lock);
	return number;
}

StreamRequestState
stream_roster_request_state(Oid viewid, uint64 request, int *sqlstate)
{
	StreamRequestState state = STREAM_REQUEST_PENDING;
	StreamViewEntry *view;
	StreamDatabase *db;

	stream_area_lock_views(LW_SHARED);
	view = stream_area_find_view(viewid);
	db = stream_area_find_database(MyDatabaseId);
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
	else if (stream_area_view_worker(view) < 0 && db != NULL && db->starved)
		state = STREAM_REQUEST_STARVED;
	LWLockRelease(stream_area->lock);
	return state;
}

ConditionVariable *
stream_roster_request_cv(Oid viewid)
{
	StreamEntryKey key = stream_area_key(MyDatabaseId, viewid);
	uint32		hash = hash_bytes((unsigned char *) &key, sizeof(key));

	return &stream_area->requests[hash % STREAM_NUM_REQUEST_CVS];
}
