/*-------------------------------------------------------------------------
 *
 * scheduler.c
 *	  The scheduler process: one per database that has continuous views.
 *
 * It compares what is with what should be, each time it is woken, and mends
 * the difference: views that came and went, workers that ended, settings that
 * changed.  It keeps no state that matters: workers and assignments are in
 * shared memory, so a new scheduler goes on where the last one ended.
 *
 * How many workers there are, and which view goes to which, says lanes.c.
 *
 * A worker is started in two steps: a slot in shared memory is reserved, to
 * which views can be assigned at once, and a process is registered that is to
 * take the slot.  If that process never comes, the slot is given back.  When a
 * worker ends, its slot is free and its views are without a worker; we are
 * woken and start another, at once the first time, then with growing pauses.
 *
 * We also watch the batches.  One that lasts long makes its view slow, and the
 * other views of its worker go elsewhere.  One that lasts longer than
 * streaming.batch_timeout is told to end by SIGINT.  A function can catch
 * that, so if it still runs after GRACE_MS its worker is ended by SIGTERM,
 * which it cannot, and we record the failure in the worker's place before we
 * give the view to another.  Workers do not wake us for each batch: while one
 * has been seen to run we sleep for no longer than it takes to become long,
 * and say so in shared memory ("watched"); otherwise the next batch that
 * begins wakes us, once.  What is not told by the count of calls is no reason
 * to read the catalogs.
 *
 * When the extension is gone the scheduler ends its workers, and itself; so it
 * does when there have been no views for IDLE_MS, or none when it came, for the
 * processes of a server are few and anybody who may create databases could have
 * them all.  The first view to come lets the launcher start another.
 *
 * What is done for one view is done in a savepoint of its own: if it fails, it is tried again
 * after growing pauses, and the other views go on.  Other errors are not caught: the
 * process ends, and the launcher starts another.
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
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/savepoint.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "flow/relations.h"
#include "flow/successor.h"
#include "flow/restore.h"
#include "flow/viewgroup.h"
#include "flow/retention.h"
#include "process/roster.h"
#include "process/failure.h"
#include "process/worker.h"
#include "process/lanes.h"
#include "process/scheduler.h"

#define POLL_MS 10000			/* a safety net */
#define SUCCESSOR_US USECS_PER_SEC	/* while a view is being replaced */
#define TROUBLE_MIN_MS 1000		/* after what failed for one view */
#define TROUBLE_MAX_MS 300000
#define RESTART_MIN_MS 100
#define RESTORE_MIN_MS 200
#define RESTART_MAX_MS 2000
#define LIVED_WELL_MS 5000		/* a worker that lived so long is no crasher */
#define NO_ROOM_RETRY_MS 5000
#define GRACE_MS 5000			/* from SIGINT to SIGTERM */
#define IN_THE_WAY_US (USECS_PER_SEC / 2)	/* how often a long batch is asked who waits for it */
#define BUNDLE_MS 2000			/* those of several views, which end by themselves before */
#define RECORD_RETRY_US USECS_PER_SEC
#define RECORD_US (10 * USECS_PER_SEC)	/* who waits is told without a record */
#define IDLE_MS 10000			/* so long we stay without views */
#define NUM_ENDINGS (2 * STREAM_MAX_WORKERS)
#define SHARE_US USECS_PER_SEC	/* while an owner is left out of the slow lane */

/* What we know of the worker in each slot. */
typedef struct Start
{
	BackgroundWorkerHandle *handle; /* NULL: not started by us */
	uint32		generation;
	TimestampTz at;
	bool		dismissed;		/* told to end: not a failure */
} Start;

/* A worker that we have ended because of its batch. */
typedef struct Ending
{
	Oid			viewid;			/* InvalidOid: none */
	uint64		request;		/* its batch would have answered those up to */
	int			slot;			/* of the worker ... */
	uint32		generation;		/* ... which tells it from its successors */
	TimestampTz until;			/* they wait for the record until then */
} Ending;

/* A view for which something has failed. */
typedef struct Trouble
{
	Oid			viewid;
	int			pause_ms;
	TimestampTz next_try;
	StreamFailureLog logged;
} Trouble;

static List *troubles = NIL;	/* of Trouble, in scheduler_context */
static MemoryContext scheduler_context;
static MemoryContext turn_context;	/* reset at each turn */
static Start starts[STREAM_MAX_WORKERS];
static Ending endings[NUM_ENDINGS];

/* When to read the catalogs again, whatever happens; or at once. */
static TimestampTz next_turn = 0;
static uint64 calls = 0;		/* the last turn has seen to those */

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

/* What the catalogs say: lists of OIDs, by that of the views. */
typedef struct Views
{
	List	   *all;
	List	   *enabled;		/* those to run ... */
	List	   *owners;			/* ... and whose they are */
	List	   *disabled;		/* those that are off or left over, or all if the server is off */
	List	   *followers;		/* those that are run with another */
	List	   *left;			/* those that one has left which was released */
	bool		restoring;		/* there are some that are not complete yet ... */
	List	   *unseen;			/* ... at which this turn has not looked */
} Views;

/* What has been tried for, or NULL. */
static Trouble *
trouble_of(Oid viewid)
{
	ListCell   *lc;

	foreach(lc, troubles)
		if (((Trouble *) lfirst(lc))->viewid == viewid)
			return lfirst(lc);
	return NULL;
}

/* Something for a view has failed: it is tried again later, and is in the log once. */
static void
note_trouble(Oid viewid, ErrorData *error)
{
	Trouble    *trouble = trouble_of(viewid);
	MemoryContext caller = MemoryContextSwitchTo(scheduler_context);

	if (trouble == NULL)
	{
		trouble = palloc0(sizeof(Trouble));
		trouble->viewid = viewid;
		trouble->pause_ms = TROUBLE_MIN_MS;
		troubles = lappend(troubles, trouble);
	}
	else
		trouble->pause_ms = Min(2 * trouble->pause_ms, TROUBLE_MAX_MS);
	MemoryContextSwitchTo(caller);
	trouble->next_try = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													trouble->pause_ms);
	stream_failure_cut(error);
	stream_failure_log(&trouble->logged, error);
}

/* Forgets those of views that are gone. */
static void
forget_troubles(List *rows)
{
	ListCell   *lc;
	ListCell   *lv;

	foreach(lc, troubles)
	{
		Trouble    *trouble = lfirst(lc);
		bool		there = false;

		foreach(lv, rows)
			there |= ((StreamViewRow *) lfirst(lv))->viewid == trouble->viewid;
		if (there)
			continue;
		troubles = foreach_delete_current(troubles, lc);
		pfree(trouble);
	}
}

static void
error_context(void *arg)
{
	StreamViewRow *row = arg;
	char	   *name = get_rel_name(row->viewid);

	errcontext("scheduler, for continuous view \"%s\"", name ? name : "?");
}

/* Something that is done for one view. */
typedef struct ForView
{
	StreamViewRow *row;
	bool		(*step) (StreamViewRow *row);
	bool		done;
} ForView;

static void
run_for_view(void *arg)
{
	ForView    *at_hand = arg;
	int			level = NewGUCNestLevel();
	ErrorContextCallback callback = {
		.callback = error_context,.arg = at_hand->row,
		.previous = error_context_stack
	};

	error_context_stack = &callback;
	stream_retention_hurry();
	at_hand->done = at_hand->step(at_hand->row);
	AtEOXact_GUC(true, level);
	error_context_stack = callback.previous;
}

/*
 * Does something for one view, in a savepoint, so that what is wrong with it is nothing to
 * the others, and without waiting long for anybody's lock.  False if it has failed, or has
 * not long ago.
 */
static bool
try_for_view(StreamViewRow *row, bool (*step) (StreamViewRow *row))
{
	ForView		at_hand = {.row = row,.step = step};
	Trouble    *trouble = trouble_of(row->viewid);
	ErrorData  *error;

	if (trouble && GetCurrentTimestamp() < trouble->next_try)
	{
		next_turn = Min(next_turn, trouble->next_try);
		return false;
	}
	error = stream_savepoint_try(run_for_view, &at_hand);
	if (error == NULL)
		return at_hand.done;
	note_trouble(row->viewid, error);
	next_turn = Min(next_turn, trouble_of(row->viewid)->next_try);
	return false;
}

static bool
attach_view(StreamViewRow *row)
{
	return stream_relations_attach(row, row->viewid);
}

/*
 * Sees once to what pg_upgrade has left undone.  A view that is locked is tried
 * again at the next turn.
 */
static void
attach_views(List *rows)
{
	static bool attached = false;
	bool		all = true;
	ListCell   *lc;

	if (attached)
		return;
	foreach(lc, rows)
		if (!try_for_view(lfirst(lc), attach_view))
			all = false;
	attached = all;
}

static bool
clean_successor(StreamViewRow *row)
{
	return stream_successor_clean(list_make1(row), InvalidOid);
}

/* Drops what was to replace a view whose session is gone; returns all views. */
static List *
clean_successors(List *rows)
{
	bool		found = false;
	bool		any = false;
	ListCell   *lc;

	foreach(lc, rows)
	{
		if (!stream_successor_is(lfirst(lc)))
			continue;
		found = true;
		any |= try_for_view(lfirst(lc), clean_successor);
	}
	if (found)
		next_turn = Min(next_turn, GetCurrentTimestamp() + SUCCESSOR_US);
	return any ? stream_catalog_views() : rows;
}

/*
 * Has views go on that a dump has brought, if all of them is there.  It may read all that
 * they have, so it is tried with growing pauses: but soon when a restore has come further,
 * or somebody waits for one of them (moves), if it takes no more than half of the time.
 */
static void
restore_views(Views *views, uint64 moves)
{
	static int	pause_ms = RESTORE_MIN_MS;
	static uint64 seen = 0;
	static TimestampTz next_try = 0;
	static TimestampTz soonest = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (moves != seen)
	{
		pause_ms = RESTORE_MIN_MS;
		next_try = Min(next_try, soonest);
	}
	if (now < next_try)
	{
		views->unseen = stream_catalog_restored_views();
		views->restoring = views->unseen != NIL;
	}
	else
	{
		TimestampTz end;

		seen = moves;
		views->restoring = stream_restore_attach();
		end = GetCurrentTimestamp();
		soonest = TimestampTzPlusMilliseconds(end, RESTORE_MIN_MS) +
			(end - now);
		next_try = STREAM_MUTATION("no_polls") ? end + 10 * USECS_PER_MINUTE :
			Max(TimestampTzPlusMilliseconds(end, pause_ms), soonest);
		pause_ms = Min(2 * pause_ms, POLL_MS);
	}
	if (views->restoring)
		next_turn = Min(next_turn, next_try);
	else
	{
		pause_ms = RESTORE_MIN_MS;
		next_try = 0;
	}
}

/*
 * A view that has been released has left its group, and so is to end the batch that it
 * may be at, with the others: once, for the next one is without it.
 */
static void
leave_group(Views *views, StreamViewRow *row, List *rows)
{
	static List *known = NIL;	/* in scheduler_context */
	StreamViewRow was = *row;
	MemoryContext caller;
	ListCell   *lc;

	if (!row->released || row->options.group == NULL ||
		list_member_oid(known, row->viewid))
		return;
	caller = MemoryContextSwitchTo(scheduler_context);
	known = lappend_oid(known, row->viewid);
	MemoryContextSwitchTo(caller);
	was.released = false;
	foreach(lc, stream_viewgroup_among(rows, &was))
		views->left = lappend_oid(views->left,
								  ((StreamViewRow *) lfirst(lc))->viewid);
}

/* What is to be done with a view? */
static void
sort_view(Views *views, StreamViewRow *row, List *rows, HTAB *groups)
{
	const StreamViewgroup *group = stream_viewgroup_of(groups, row);
	bool		enabled = stream_enabled &&
		(group ? group->enabled : row->options.enabled) &&
		!stream_successor_is_unwanted(row);

	leave_group(views, row, rows);
	views->all = lappend_oid(views->all, row->viewid);
	if (!enabled)
		views->disabled = lappend_oid(views->disabled, row->viewid);
	else if (group && group->leader != row)
		views->followers = lappend_oid(views->followers, row->viewid);
	else
	{
		views->enabled = lappend_oid(views->enabled, row->viewid);
		views->owners = lappend_oid(views->owners,
									stream_catalog_view_owner(row->viewid));
	}
}

/* Reads the views, into the turn's context.  False without the extension. */
static bool
read_views(Views *views)
{
	ListCell   *lc;
	bool		present;
	uint64		restores = stream_roster_restores();

	memset(views, 0, sizeof(Views));
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	present = extension_present();
	if (present)
	{
		List	   *rows;
		HTAB	   *groups;

		PushActiveSnapshot(GetTransactionSnapshot());
		restore_views(views, restores);
		rows = stream_catalog_views();
		rows = clean_successors(rows);
		attach_views(rows);
		forget_troubles(rows);
		stream_failure_log_views(rows);
		PopActiveSnapshot();
		groups = stream_viewgroup_collect(rows);
		MemoryContextSwitchTo(turn_context);
		views->unseen = list_copy(views->unseen);
		foreach(lc, rows)
			sort_view(views, lfirst(lc), rows, groups);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(turn_context);
	return present;
}

/* -------------------------------------------------------------- workers */

/*
 * Sees to the workers we have started: gives back slots whose process never
 * came, and makes the next start wait if one has ended soon after its start.
 * True if any has ended.
 */
static bool
reap_workers(void)
{
	bool		found = false;
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
		found = true;

		if (start->dismissed)
			continue;
		if (TimestampDifferenceExceeds(start->at, now, LIVED_WELL_MS))
			restart_ms = 0;
		next_start = TimestampTzPlusMilliseconds(now, restart_ms);
		restart_ms = restart_ms == 0 ? RESTART_MIN_MS :
			Min(2 * restart_ms, RESTART_MAX_MS);
	}
	return found;
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

/*
 * Starts one more worker; false if that is not possible now.  A worker that
 * was ended may have had the slot before.
 */
static bool
start_worker(StreamLanes *lanes)
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
	if (ok)
		stream_lanes_add(lanes, slot, generation);

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

/* Ends a worker that we can do without. */
static void
dismiss_worker(const StreamWorkerStatus *worker)
{
	if (worker->pid == 0)
		stream_roster_release_worker(worker->slot, worker->generation);
	else
	{
		starts[worker->slot].dismissed = true;
		stream_roster_terminate_worker(worker->slot);
	}
}

/*
 * Where databases share a server that has not room for all workers that they
 * want, each is to have one.
 */
static void
make_way(StreamLanes *lanes, bool crowded)
{
	if (!crowded)
		return;
	if (stream_lanes_workers(lanes) > 1)
		dismiss_worker(stream_lanes_least(lanes));
	next_turn = Min(next_turn, GetCurrentTimestamp() + SHARE_US);
}

/*
 * How long to wait for room, in microseconds.  Others make some for who has no worker at all;
 * a scheduler that is probed could be in that place each time, if he waited as long as the launcher.
 */
static int64
no_room_pause_us(StreamLanes *lanes)
{
	return stream_lanes_workers(lanes) == 0 && !STREAM_MUTATION("room_patience") ?
		SHARE_US :
		STREAM_MUTATION("no_polls") ? 10 * USECS_PER_MINUTE :
		NO_ROOM_RETRY_MS * INT64CONST(1000);
}

/* Brings the number of workers to what it should be. */
static void
adjust_workers(StreamLanes *lanes)
{
	TimestampTz now = GetCurrentTimestamp();
	const StreamWorkerStatus *worker;
	bool		crowded = stream_roster_is_crowded();

	while ((worker = stream_lanes_surplus(lanes)) != NULL)
		dismiss_worker(worker);
	for (int n = stream_lanes_missing(lanes); n > 0 && now >= next_start; n--)
	{
		if (crowded && stream_lanes_workers(lanes) > 0)
			break;
		if (start_worker(lanes))
			continue;
		next_start = now + no_room_pause_us(lanes);
		if (stream_lanes_workers(lanes) == 0)
			stream_roster_set_crowded();
	}
	make_way(lanes, crowded);
	worker = no_room ? stream_lanes_make_room(lanes) : NULL;
	if (worker != NULL)
	{
		dismiss_worker(worker);
		next_start = TimestampTzPlusMilliseconds(now, RESTART_MIN_MS);
	}
	stream_roster_set_starved(MyDatabaseId, no_room &&
							  stream_lanes_workers(lanes) == 0 &&
							  stream_lanes_missing(lanes) > 0);
}

/* -------------------------------------------------------------- batches */

/* Ends the worker, whose batch does not end when it is told to. */
static void
end_worker(const StreamWorkerStatus *worker)
{
	Ending	   *ending = endings;

	if (!stream_roster_end_batch(worker, SIGTERM, worker->unwanted))
		return;
	starts[worker->slot].dismissed = true;
	if (worker->unwanted)
		return;					/* that is no failure */
	/* one place each, and there are few that cannot be recorded at once */
	while (OidIsValid(ending->viewid) && ending < &endings[NUM_ENDINGS - 1] &&
		   (ending->slot != worker->slot ||
			ending->generation != worker->generation))
		ending++;
	ending->viewid = worker->busy_view;
	ending->request = worker->busy_request;
	ending->slot = worker->slot;
	ending->generation = worker->generation;
	ending->until = GetCurrentTimestamp() + RECORD_US;
}

/*
 * Records the failures of views whose workers we have ended, and answers who
 * waits for them, lest the next worker try again at once.  Not while the worker
 * is there: it has the view's batch lock, and might do it itself.  If somebody
 * else has that lock we try again later: until then no worker gets the view,
 * which could not run it anyway.
 */
static void
record_failures(void)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	int			n = stream_roster_list_workers(list);
	TimestampTz now = GetCurrentTimestamp();

	for (int e = 0; e < NUM_ENDINGS; e++)
	{
		Ending	   *ending = &endings[e];
		TimestampTz retry_at;
		bool		there = false;
		bool		recorded;

		if (!OidIsValid(ending->viewid))
			continue;
		for (int i = 0; i < n; i++)
			there |= list[i].slot == ending->slot &&
				list[i].generation == ending->generation;
		if (there)
			continue;
		recorded = stream_failure_record_timeout(ending->viewid, &retry_at);
		if (!recorded)
			next_turn = Min(next_turn, now + RECORD_RETRY_US);
		if (recorded || now >= ending->until)
			stream_roster_batch_ended(ending->viewid, ending->request,
									  ERRCODE_QUERY_CANCELED, retry_at);
		if (recorded)
			ending->viewid = InvalidOid;
	}
}

/* Takes out the views whose failures are still to be recorded. */
static void
leave_out_endings(Views *views)
{
	for (int e = 0; e < NUM_ENDINGS; e++)
	{
		ListCell   *lc;

		if (!OidIsValid(endings[e].viewid))
			continue;
		foreach(lc, views->enabled)
			if (lfirst_oid(lc) == endings[e].viewid)
			{
				views->owners = list_delete_nth_cell(views->owners,
													 foreach_current_index(lc));
				views->enabled = list_delete_nth_cell(views->enabled,
													  foreach_current_index(lc));
				break;
			}
	}
}

/*
 * Ends the batches of views that have been paused or released, or replace none: nobody waits for
 * what they do, and others may for the locks that they hold and their place.
 */
static void
end_unwanted(List *unwanted)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	int			n;

	if (unwanted == NIL)
		return;
	n = stream_roster_list_workers(list);
	for (int i = 0; i < n; i++)
	{
		List	   *views;
		ListCell   *lc;

		if (list[i].busy_since == 0 || list[i].canceled_at != 0)
			continue;
		views = stream_roster_batch_of(&list[i]);
		foreach(lc, views)
			if (list_member_oid(unwanted, lfirst_oid(lc)))
			{
				(void) stream_roster_end_batch(&list[i], SIGINT, true);
				break;
			}
		list_free(views);
	}
}

/* From SIGINT to SIGTERM, in microseconds. */
static int64
grace_us(void)
{
	return stream_debug_limit("grace", GRACE_MS) * INT64CONST(1000);
}

/*
 * Does somebody wait for AccessExclusiveLock on one of the views?  He may be dropping it, or change what the
 * batch is about, and keeps its readers waiting, too.
 */
static bool
is_in_the_way(const StreamWorkerStatus *worker)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *views = stream_roster_batch_of(worker);
	bool		any = false;
	ListCell   *lc;

	StartTransactionCommand();
	foreach(lc, views)
		any |= !ConditionalLockRelationOid(lfirst_oid(lc), AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	list_free(views);
	return any && !STREAM_MUTATION("drop_waits");
}

/* Looks at a worker's batch; returns when to look again. */
static TimestampTz
watch_batch(const StreamWorkerStatus *worker, TimestampTz now)
{
	TimestampTz next = DT_NOEND;
	int			timeout_ms = stream_batch_timeout;
	TimestampTz late;

	/* that ends by itself, or something is wrong that is nobody's failure */
	if (worker->busy_bundle && !STREAM_MUTATION("bundle_forever"))
		timeout_ms = timeout_ms == 0 ? BUNDLE_MS : Min(timeout_ms, BUNDLE_MS);
	late = worker->busy_since + timeout_ms * INT64CONST(1000);
	if (!worker->busy_slow)
	{
		if (now - worker->busy_since < STREAM_LONG_BATCH_US)
			next = worker->busy_since + STREAM_LONG_BATCH_US;
		else
		{
			stream_roster_set_slow(worker);
			next_turn = 0;
		}
	}
	if (worker->canceled_at != 0)
	{
		if (now >= worker->canceled_at + grace_us())
		{
			end_worker(worker);
			return Min(next, now + grace_us());
		}
		return Min(next, worker->canceled_at + grace_us());
	}
	if (worker->busy_slow)
	{
		if (is_in_the_way(worker))
		{
			stream_roster_end_batch(worker, SIGINT, true);
			return Min(next, now + grace_us());
		}
		next = Min(next, now + IN_THE_WAY_US);
	}
	if (timeout_ms == 0)
		return next;
	if (now < late)
		return Min(next, late);
	stream_roster_end_batch(worker, SIGINT, worker->busy_bundle);
	return Min(next, now + grace_us());
}

/* Looks at all batches that run; returns when to look again. */
static TimestampTz
watch_batches(void)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	TimestampTz now;
	TimestampTz next = DT_NOEND;
	int			n;

	/* batches that begin after this wake us, or are in the list */
	stream_roster_set_watched(false);
	n = stream_roster_list_workers(list);
	now = GetCurrentTimestamp();
	for (int i = 0; i < n; i++)
		if (list[i].busy_since != 0)
		{
			/* not in Min, which may call it twice */
			TimestampTz at = watch_batch(&list[i], now);

			next = Min(next, at);
		}
	if (next != DT_NOEND && next - now <= STREAM_LONG_BATCH_US)
		stream_roster_set_watched(true);
	return next;
}

/* ---------------------------------------------------------------- views */

/*
 * Views that are not in the catalog, though it was read after their mark; but for those that a
 * dump has brought and nobody has looked at.
 */
static void
forget_views(List *views, List *unseen, uint64 mark)
{
	StreamViewAssignment *known;
	int			n = stream_roster_list_views(&known);
	ListCell   *lc = list_head(views);

	/* both are sorted */
	for (int i = 0; i < n; i++)
	{
		while (lc != NULL && lfirst_oid(lc) < known[i].viewid)
			lc = lnext(views, lc);
		if ((lc == NULL || lfirst_oid(lc) != known[i].viewid) &&
			!list_member_oid(unseen, known[i].viewid))
			stream_roster_forget_view(known[i].viewid, mark);
	}
}

/* ------------------------------------------------------------ main loop */

/* Sleeps until something happens, or for so many milliseconds. */
static void
nap(long timeout)
{
	WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
			  timeout, stream_compat_wait_event(STREAM_WAIT_SCHEDULER));
	ResetLatch(MyLatch);
	stream_roster_check_interrupts(0);
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		next_turn = 0;
	}
}

/*
 * The extension is gone, or the last view, and so are the workers and we.  Returns if
 * somebody has asked for a view meanwhile, which may be a new one.
 */
static void
retire(uint64 version, uint64 mark)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	StreamViewAssignment *known;

	pgstat_report_activity(STATE_RUNNING, "ending: there are no views");
	STREAM_DEBUG_POINT("scheduler-retires");
	release_orphans();
	while (stream_roster_list_workers(list) > 0)
	{
		stream_roster_terminate_worker(-1);
		nap(1000);
	}
	forget_views(NIL, NIL, mark);
	if (stream_roster_list_views(&known) > 0)
	{
		next_turn = 0;
		return;
	}
	stream_roster_set_absent(version);
	proc_exit(0);
}

/* Cuts a batch of the slow lane short for an owner who has no part in it. */
static void
share_slow_lane(StreamLanes *lanes)
{
	Oid			left_out;
	const StreamWorkerStatus *worker = stream_lanes_share(lanes, &left_out);
	bool		starting = !no_room && stream_lanes_missing(lanes) > 0;

	if (worker != NULL && !starting && stream_roster_cut_batch(worker))
		starts[worker->slot].dismissed = true;
	stream_roster_set_left_out(left_out);
	if (OidIsValid(left_out))
		next_turn = Min(next_turn, GetCurrentTimestamp() + SHARE_US);
}

/* Is there nothing to do here, and not only for a moment? */
static bool
is_idle(const Views *views)
{
	static bool had_views = false;
	static TimestampTz idle_since = 0;
	TimestampTz now = GetCurrentTimestamp();
	int64		idle_us = stream_debug_limit("idle", IDLE_MS) * INT64CONST(1000);

	if (views->all != NIL || views->restoring)
	{
		had_views = true;
		idle_since = 0;
		return false;
	}
	if (idle_since == 0)
		idle_since = now;
	next_turn = Min(next_turn, idle_since + idle_us);
	return !had_views || now >= idle_since + idle_us;
}

/* One turn: see what has changed and act on it. */
static void
take_turn(void)
{
	StreamLanes *lanes;
	uint64		version = stream_roster_views_version();
	uint64		mark = stream_roster_mark();
	Views		views;
	ListCell   *lc;
	char		activity[64];

	if (!read_views(&views) || is_idle(&views))
	{
		retire(version, mark);
		return;
	}
	if (!stream_roster_set_present())
		proc_exit(0);

	end_unwanted(views.disabled);
	end_unwanted(views.left);
	forget_views(views.all, views.unseen, mark);
	foreach(lc, views.disabled)
		stream_roster_assign_view(lfirst_oid(lc), InvalidOid, -1, true);
	/* who waits for one of those asks its leader then */
	foreach(lc, views.followers)
		stream_roster_assign_view(lfirst_oid(lc), InvalidOid, -1, true);

	/* before their views get a new worker */
	record_failures();
	leave_out_endings(&views);
	lanes = stream_lanes_look(views.enabled, views.owners);
	adjust_workers(lanes);
	stream_lanes_assign(lanes);
	share_slow_lane(lanes);

	snprintf(activity, sizeof(activity), "%d views (%d slow), %d workers",
			 list_length(views.enabled), stream_lanes_slow_views(lanes),
			 stream_lanes_workers(lanes));
	pgstat_report_activity(STATE_IDLE, activity);
}

/* Takes a turn if there is a reason for it. */
static void
take_turn_if_due(void)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64		new_calls = stream_roster_calls();

	if (!reap_workers() && new_calls == calls && now < next_turn &&
		(next_start == 0 || now < next_start))
		return;
	calls = new_calls;
	if (next_start <= now)
		next_start = 0;
	next_turn = TimestampTzPlusMilliseconds(now, POLL_MS);
	take_turn();
}

void
stream_scheduler_main(Datum arg)
{
	Oid			dboid = DatumGetObjectId(arg);

	if (!stream_roster_attach_scheduler(dboid))
		proc_exit(0);

	stream_roster_set_signals();
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	SetConfigOption("application_name", "streaming scheduler", PGC_SUSET,
					PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_SUSET, PGC_S_SESSION);
	stream_owner_begin_process();
	scheduler_context = AllocSetContextCreate(TopMemoryContext,
											  "streaming scheduler",
											  ALLOCSET_DEFAULT_SIZES);
	turn_context = AllocSetContextCreate(scheduler_context, "turn",
										 ALLOCSET_DEFAULT_SIZES);
	release_orphans();
	for (;;)
	{
		TimestampTz next;

		MemoryContextReset(turn_context);
		MemoryContextSwitchTo(turn_context);
		take_turn_if_due();
		/* may move next_turn, and may say "never": so not inside of Min */
		next = watch_batches();
		next = Min(next, next_turn);
		if (next_start != 0)
			next = Min(next, next_start);
		pgstat_report_stat(true);
		nap(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next));
	}
}
