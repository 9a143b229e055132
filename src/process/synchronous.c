/*-------------------------------------------------------------------------
 *
 * synchronous.c
 *	  COMMIT that returns when views show what it has written.
 *
 * Before the commit, while catalogs can be read and an error still ends the transaction,
 * we find out who is to be waited for: the views that read what has been written, then those
 * that read the results of these, and so on, in waves.  After it, when all locks are
 * released, each wave is asked for a batch and waited for.
 *
 * Nothing may fail then, and nothing may interrupt us, for the server takes that for an
 * error of the commit.  So we look for interrupts ourselves, and give up, as the wait for
 * a synchronous standby does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/partition.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "stream/am.h"
#include "flow/viewgroup.h"
#include "flow/successor.h"
#include "process/roster.h"
#include "process/synchronous.h"

bool		stream_synchronous = false;
int			stream_synchronous_timeout = 10 * 1000;

/* Sleeps of at most this long, in case a process is lost; interrupts wake us. */
#define RECHECK_MS 1000

/* Who is waited for. */
typedef struct Awaited
{
	StreamViewRow *row;
	Oid			leader;			/* of its group: whose worker is asked */
	const char *name;
	bool		failing;		/* its batches fail: it is not for writers to have them
								 * tried again */
	uint64		request;
} Awaited;

/* What the commit in progress will wait for, or NULL; in TopTransactionContext. */
typedef struct CommitWait
{
	List	   *waves;			/* of Lists of Awaited */
	uint64		version;		/* of the views, as of these and this transaction */
	uint32		wait_event;
} CommitWait;

static CommitWait *plan = NULL;

/* ---- before the commit ---- */

/*
 * Does it have batches of its own accord whenever its streams are written to, and does
 * anybody read it?
 */
static bool
follows_commits(const StreamViewRow *row)
{
	return row->options.enabled && !row->released &&
		row->options.trigger == STREAM_TRIGGER_COMMIT &&
		!stream_successor_is(row);
}

static Awaited *
awaited(List *rows, StreamViewRow *row)
{
	Awaited    *result = palloc0(sizeof(Awaited));
	StreamViewRow *leader = linitial(stream_viewgroup_among(rows, row));

	result->row = row;
	result->leader = leader->viewid;
	result->name = get_rel_name(row->viewid);
	result->failing = stream_catalog_failure(row->viewid) != NULL;
	return result;
}

/* The views that read one of the relations (OIDs), as Awaited. */
static List *
readers(List *rows, List *relids)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *ls;

	foreach(lc, rows)
	{
		StreamViewRow *row = lfirst(lc);

		if (!follows_commits(row))
			continue;
		foreach(ls, row->streams)
			if (list_member_oid(relids, lfirst_oid(ls)))
			{
				result = lappend(result, awaited(rows, row));
				break;
			}
	}
	return result;
}

/* What has been written, and of what that is a partition. */
static List *
written(void)
{
	const Oid  *noted;
	int			n = stream_shmem_noted(&noted);
	List	   *result = NIL;

	for (int i = 0; i < n; i++)
	{
		result = list_append_unique_oid(result, noted[i]);
		if (get_rel_relispartition(noted[i]))
			result = list_concat_unique_oid(result,
											get_partition_ancestors(noted[i]));
	}
	return result;
}

/* What a wave writes in turn. */
static List *
results(List *wave)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, wave)
	{
		const StreamViewRow *row = ((Awaited *) lfirst(lc))->row;

		if (stream_am_relid_is_stream(row->state))
			relids = lappend_oid(relids, row->state);
		if (OidIsValid(row->changes))
			relids = lappend_oid(relids, row->changes);
	}
	return relids;
}

/*
 * A view that several ways lead to is in several waves.  There are no circles, so no more
 * waves than views.
 */
static void
make_plan(void)
{
	uint64		version = stream_roster_views_version();
	List	   *rows = stream_catalog_views();
	List	   *wave = readers(rows, written());
	CommitWait *made = palloc0(sizeof(CommitWait));
	ListCell   *lc;

	for (int i = 0; wave != NIL && i < list_length(rows); i++)
	{
		made->waves = lappend(made->waves, wave);
		foreach(lc, wave)
			stream_roster_prepare_request(((Awaited *) lfirst(lc))->leader);
		wave = readers(rows, results(wave));
	}
	made->version = version + (stream_shmem_changes_views() ? 1 : 0);
	made->wait_event = stream_compat_wait_event(STREAM_WAIT_VIEW);
	if (made->waves)
		plan = made;
}

static void
before_commit(XactEvent event, void *arg)
{
	const Oid  *noted;
	MemoryContext caller;

	/* batches are what is waited for */
	if (event != XACT_EVENT_PRE_COMMIT || !stream_synchronous ||
		!stream_enabled || stream_shmem_noted(&noted) == 0 ||
		stream_roster_is_worker())
		return;
	caller = MemoryContextSwitchTo(TopTransactionContext);
	PushActiveSnapshot(GetLatestSnapshot());
	make_plan();
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
}

/* ---- after it ---- */

/* Have we been told to stop?  A cancel is spent by that; what ends the process is not. */
static bool
is_interrupted(void)
{
	if (ProcDiePending)
		return true;
	if (!QueryCancelPending)
		return false;
	QueryCancelPending = false;
	ereport(WARNING,
			(errmsg("canceling the wait for continuous views due to user request"),
			 errdetail("The transaction has been committed; the views will show its rows later.")));
	return true;
}

/* An answer for a group may not be one for a view that has come to it, or left it, since. */
static bool
may_have_moved(const Awaited *view)
{
	return view->row->options.group != NULL &&
		plan->version != stream_roster_views_version();
}

/* It is not to be had, or not for sure. */
static void
warn_of(const Awaited *view, StreamRequestState state)
{
	if (state == STREAM_REQUEST_FAILED || state == STREAM_REQUEST_STARVED)
		ereport(WARNING,
				(errmsg("continuous view \"%s\" could not be brought up to date",
						view->name),
				 errdetail("The transaction has been committed."),
				 errhint("The owner of the view sees the reason in streaming.views.")));
	else if (state != STREAM_REQUEST_DONE || may_have_moved(view))
		ereport(WARNING,
				(errmsg("continuous view \"%s\" may not show the rows of this transaction yet",
						view->name),
				 errdetail("The transaction has been committed; the view, or its group, has been paused, dropped or changed meanwhile.")));
}

/*
 * Waits for one of them; false: for no others either.  (The condition variable is shared
 * with other views.  It cannot be slept on where interrupts are held.)
 */
static bool
wait_for(const Awaited *view, TimestampTz deadline)
{
	ConditionVariable *cv = stream_roster_request_cv(view->leader);
	int			sqlstate;

	for (;;)
	{
		StreamRequestState state;
		long		left = RECHECK_MS;

		ConditionVariablePrepareToSleep(cv);
		state = stream_roster_request_state(view->leader, view->request,
											&sqlstate);
		if (state != STREAM_REQUEST_PENDING)
		{
			warn_of(view, state);
			return true;
		}
		if (deadline != 0)
			left = Min(left,
					   TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													   deadline));
		if (left == 0)
		{
			ereport(WARNING,
					(errmsg("continuous view \"%s\" does not show the rows of this transaction within streaming.synchronous_timeout",
							view->name),
					 errdetail("The transaction has been committed; the view will show its rows later.")));
			return false;
		}
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 plan->wait_event);
		ResetLatch(MyLatch);
		if (is_interrupted())
			return false;
	}
}

/* Views of one group have been asked together. */
static void
ask(List *wave, Awaited *view)
{
	ListCell   *lc;

	if (view->failing)
		return;
	foreach(lc, wave)
	{
		const Awaited *other = lfirst(lc);

		if (other == view)
			break;
		if (other->leader == view->leader)
		{
			view->request = other->request;
			return;
		}
	}
	view->request = stream_roster_request_prepared(view->leader);
}

static void
carry_out(void)
{
	TimestampTz deadline = stream_synchronous_timeout == 0 ? 0 :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									stream_synchronous_timeout);
	ListCell   *lw;
	ListCell   *lc;

	foreach(lw, plan->waves)
	{
		List	   *wave = lfirst(lw);

		foreach(lc, wave)
			ask(wave, lfirst(lc));
		foreach(lc, wave)
		{
			const Awaited *view = lfirst(lc);
			bool		go_on = true;

			if (view->failing)
				warn_of(view, STREAM_REQUEST_FAILED);
			else if (view->request != 0)
				go_on = wait_for(view, deadline);
			ConditionVariableCancelSleep();
			if (!go_on)
				return;
		}
	}
}

/* At the end of the transaction, when its locks are released. */
static void
after_locks(ResourceReleasePhase phase, bool isCommit, bool isTopLevel,
			void *arg)
{
	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !isTopLevel || plan == NULL)
		return;
	if (isCommit)
		carry_out();
	plan = NULL;
}

void
stream_synchronous_install(void)
{
	RegisterXactCallback(before_commit, NULL);
	RegisterResourceReleaseCallback(after_locks, NULL);
}
