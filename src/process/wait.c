/*-------------------------------------------------------------------------
 *
 * wait.c
 *	  Waiting for a view: REFRESH and streaming.wait.
 *
 * The one who waits makes a request in shared memory, which wakes the view's
 * worker, and sleeps on a condition variable until a batch that began after
 * the request has brought the view up to date, or has failed.  Then the
 * view's error is raised here too.
 *
 * The caller may hold locks that the batch needs.  The deadlock detector can't
 * see that one, for the caller waits for no lock; but the worker gives up after
 * its lock_timeout, and its error ends the wait.
 *
 * Views that advance together have one worker, which is that of their leader; who that is
 * may change while we wait.
 *
 * A view that a dump has brought is none until all of it is there, which the scheduler finds
 * out.  Who waits for it has that look at once, and waits some time for what is missing.
 *
 * A view that this very transaction has created is not visible to the worker.
 * The scheduler, woken by the request, does not find it and says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/objectaddress.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "flow/viewgroup.h"
#include "process/roster.h"
#include "process/failure.h"
#include "process/wait.h"

/*
 * Sleeps of at most this long: not for the wait itself, whose end is always
 * signalled, but lest a lost process leave us here for ever.
 */
#define RECHECK_MS 1000

/* So long who waits for a view has patience with its restore. */
#define RESTORED_MS 10000

PG_FUNCTION_INFO_V1(stream_wait);

/* Name of the view for messages; it may be gone. */
static const char *
view_name(Oid viewid)
{
	char	   *name = get_rel_name(viewid);

	return name != NULL ? name : psprintf("%u", viewid);
}

/* paused: the view, or one of its group. */
static void
raise_paused(Oid viewid, Oid paused)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("continuous view \"%s\" is paused", view_name(paused)),
			 paused != viewid ?
			 errdetail("It belongs to the same group as \"%s\", and they advance together.",
					   view_name(viewid)) : 0,
			 stream_enabled ?
			 errhint("Resume it with ALTER MATERIALIZED VIEW ... SET (streaming.enabled = true).") :
			 errhint("Set streaming.enabled to on and reload the configuration.")));
}

/*
 * Raises the error that the view's batch has failed with.  Its text may quote
 * rows of the stream, which are not for everybody who may read the view.
 */
static void
raise_failure(Oid viewid, int sqlstate)
{
	StreamFailure *f;

	/* what the worker has written just now, whatever our snapshot is */
	PushActiveSnapshot(GetLatestSnapshot());
	f = stream_catalog_failure(viewid);
	PopActiveSnapshot();

	if (f != NULL && !stream_privilege_sees_errors(viewid))
		ereport(ERROR,
				(errcode(f->sqlstate),
				 errmsg("continuous view \"%s\" could not be brought up to date",
						view_name(viewid)),
				 errhint("Ask the owner of the view, who sees the error in streaming.views.")));
	if (f != NULL)
		ereport(ERROR,
				(errcode(f->sqlstate),
				 errmsg_internal("%s", f->message),
				 f->detail ? errdetail_internal("%s", f->detail) : 0,
				 f->hint ? errhint("%s", f->hint) : 0,
				 f->context ? errcontext("%s", f->context) : 0));
	/* it could not be recorded yet: somebody has locked the view */
	if (sqlstate == ERRCODE_QUERY_CANCELED)
		stream_failure_raise_timeout(viewid);
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("continuous view \"%s\" could not be brought up to date",
					view_name(viewid)),
			 errhint("The server log says why.")));
}

/* If the view has been switched off while we waited for it, maybe for ever, says so. */
static void
raise_no_longer(Oid viewid)
{
	StreamViewRow *row;
	Oid			paused;

	/* what somebody else has just committed, whatever our snapshot is */
	PushActiveSnapshot(GetLatestSnapshot());
	row = stream_catalog_view(viewid);
	paused = stream_enabled ? stream_viewgroup_paused(viewid) : viewid;
	PopActiveSnapshot();
	if (row != NULL && row->released)
		raise_failure(viewid, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE);
	if (OidIsValid(paused))
		raise_paused(viewid, paused);
}

/* Raises unless views can be waited for. */
static void
check_server(void)
{
	stream_shmem_require();
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot wait for a continuous view during recovery"),
				 errdetail("A standby server shows what its primary has computed.")));
}

/* Raises unless the view can be waited for. */
static void
check_view(Oid viewid)
{
	StreamViewRow *row;
	Oid			paused;

	row = stream_catalog_need_view(viewid);
	if (row->released)
		raise_failure(viewid, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE);
	paused = stream_enabled ? stream_viewgroup_paused(viewid) : viewid;
	if (OidIsValid(paused))
		raise_paused(viewid, paused);
}

/* The view has vanished from shared memory while we waited for it. */
static void
raise_gone(Oid viewid)
{
	bool		exists;

	PushActiveSnapshot(GetLatestSnapshot());
	exists = stream_catalog_is_view(viewid);
	PopActiveSnapshot();

	if (exists)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot wait for continuous view \"%s\" in the transaction that created it",
						view_name(viewid))));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("the continuous view was dropped while waiting for it")));
}

static void
raise_starved(Oid viewid)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no background worker is available for continuous view \"%s\"",
					view_name(viewid)),
			 errhint("Increase max_worker_processes and restart the server.")));
}

/* It is not all there, for a reason that not everybody may know who waits. */
static void
raise_incomplete(Oid viewid, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("continuous view \"%s\" is not complete",
					view_name(viewid)),
			 detail && stream_privilege_sees_errors(viewid) ?
			 errdetail_internal("%s", detail) : 0,
			 errhint("It comes from a dump, and goes on when all of it has been restored.")));
}

/* A request for a batch of a view. */
typedef struct Request
{
	Oid			leader;			/* of the view's group: whose worker was asked */
	TransactionId leader_by;	/* who had changed that one last ... */
	TransactionId view_by;		/* ... and the view itself */
	uint64		number;
	ConditionVariable *cv;
} Request;

/* Who is to be asked for a batch of the view?  Error 42P01 if it is gone. */
static void
find_leader(Oid viewid, Request *request)
{
	StreamViewRow *view;
	StreamViewRow *leader;

	do
	{
		view = stream_catalog_view(viewid);
		request->leader = stream_viewgroup_leader(viewid);
		if (view == NULL || !OidIsValid(request->leader))
			raise_gone(viewid);
		/* it may be dropped this very moment */
		leader = stream_catalog_view(request->leader);
		CHECK_FOR_INTERRUPTS();
	} while (leader == NULL);
	request->view_by = view->changed_by;
	request->leader_by = leader->changed_by;
}

/* The leader has been asked: gets ready to sleep until the answer comes. */
static void
prepare_to_sleep(Request *request)
{
	if (request->number == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use the extension \"streaming\""),
				 errhint("Drop the extension where no view needs it.")));
	request->cv = stream_roster_request_cv(request->leader);
	ConditionVariablePrepareToSleep(request->cv);
}

/* Asks for a batch, and gets ready to sleep until the answer comes. */
static void
ask(Oid viewid, Request *request)
{
	find_leader(viewid, request);
	if (request->leader != viewid &&
		TransactionIdIsCurrentTransactionId(request->view_by))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot wait for continuous view \"%s\" in the transaction that has put it into a group",
						view_name(viewid)),
				 errdetail("The others of the group advance without it until then."),
				 errhint("Commit first.")));
	request->number = stream_roster_request(request->leader);
	prepare_to_sleep(request);
}

/*
 * The one that was asked has answered, or can't.  Did the answer hold for the view, or has
 * its group changed, maybe back again?  Then it is asked for once more.
 */
static bool
has_moved(Oid viewid, const Request *request)
{
	Request		now;

	ConditionVariableCancelSleep();
	/* our transaction need not see it yet */
	PushActiveSnapshot(GetLatestSnapshot());
	find_leader(viewid, &now);
	PopActiveSnapshot();
	return now.leader != request->leader ||
		(now.leader != viewid && (now.leader_by != request->leader_by ||
								  now.view_by != request->view_by));
}

/* Has the request been answered?  Raises what came instead of an answer. */
static bool
is_answered(Oid viewid, Request *request)
{
	int			sqlstate = 0;
	StreamRequestState state =
		stream_roster_request_state(request->leader, request->number,
									&sqlstate);

	if (state != STREAM_REQUEST_PENDING && state != STREAM_REQUEST_STARVED &&
		!(state == STREAM_REQUEST_DONE && request->leader == viewid) &&
		has_moved(viewid, request))
	{
		ask(viewid, request);
		return false;
	}
	switch (state)
	{
		case STREAM_REQUEST_PENDING:
			break;
		case STREAM_REQUEST_DONE:
			return true;
		case STREAM_REQUEST_FAILED:
			ConditionVariableCancelSleep();
			raise_failure(viewid, sqlstate);
			break;
		case STREAM_REQUEST_PAUSED:
			ConditionVariableCancelSleep();
			raise_no_longer(viewid);
			/* the scheduler did not know yet that it is on again */
			ask(viewid, request);
			break;
		case STREAM_REQUEST_GONE:
			ConditionVariableCancelSleep();
			raise_gone(viewid);
			break;
		case STREAM_REQUEST_STARVED:
			raise_starved(viewid);
			break;
	}
	return false;
}

static int64
time_left(TimestampTz start, int64 timeout_us)
{
	return timeout_us < 0 ? timeout_us :
		Max(timeout_us - (GetCurrentTimestamp() - start), 0);
}

/* What is the same for all views of one wait. */
typedef struct Wait
{
	bool		statement;		/* for a utility statement, which needs no snapshot */
	List	   *seen;			/* OIDs: views that have been waited for, whichever way
								 * led to them */
} Wait;

/*
 * The statement's own snapshot would keep VACUUM from removing what batches replace while
 * we sleep.  False if there is another one, which nobody can do without.
 */
static bool
give_up_snapshot(const Wait *wait)
{
	Portal		portal = ActivePortal;

	if (!wait->statement || IsolationUsesXactSnapshot() || portal == NULL ||
		portal->portalSnapshot == NULL || !ActiveSnapshotSet() ||
		GetActiveSnapshot() != portal->portalSnapshot ||
		STREAM_MUTATION("wait_snapshot"))
		return false;
	portal->portalSnapshot = NULL;
	PopActiveSnapshot();
	InvalidateCatalogSnapshot();
	return true;
}

/* Sleeps until there may be an answer; false if the time is over. */
static bool
sleep_on(const Wait *wait, const Request *request, TimestampTz start,
		 int64 timeout_us)
{
	int64		left = time_left(start, timeout_us);
	long		sleep_ms = left < 0 ? RECHECK_MS :
		Min(RECHECK_MS, (left + 999) / 1000);
	bool		given_up;

	if (left == 0)
		return false;
	given_up = give_up_snapshot(wait);
	ConditionVariableTimedSleep(request->cv, sleep_ms,
								stream_compat_wait_event(STREAM_WAIT_VIEW));
	if (given_up)
		EnsurePortalSnapshotExists();
	return true;
}

/*
 * Waits until a view that a dump has brought is one, if it is not: it comes to that with an
 * answer, whichever that is.  False if that took too long.
 */
static bool
wait_restored(Oid viewid, int64 timeout_us, const Wait *wait)
{
	TimestampTz start = GetCurrentTimestamp();
	int			patience_ms = stream_debug_limit("restored", RESTORED_MS);
	char	   *detail;

	while (stream_catalog_is_restored(viewid, &detail))
	{
		Request		request = {.leader = viewid};
		StreamRequestState state;
		int			sqlstate;

		if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   patience_ms))
			raise_incomplete(viewid, detail);
		request.number = stream_roster_request_restored(viewid);
		prepare_to_sleep(&request);
		while ((state = stream_roster_request_state(viewid, request.number,
													&sqlstate)) == STREAM_REQUEST_PENDING)
			if (!sleep_on(wait, &request, start, timeout_us))
				break;
		ConditionVariableCancelSleep();
		if (state == STREAM_REQUEST_PENDING)
			return false;
		if (state == STREAM_REQUEST_STARVED)
			raise_starved(viewid);
	}
	return true;
}

static bool wait_for_view(Oid viewid, int64 timeout_us, Wait *wait);

/*
 * Waits for the views whose results this one reads, and so on.  (There are no circles: a
 * view reads what was there when it was created.)
 */
static bool
wait_for_inputs(Oid viewid, int64 timeout_us, Wait *wait)
{
	TimestampTz start = GetCurrentTimestamp();
	StreamViewRow *row = stream_catalog_view(viewid);
	ListCell   *lc;

	foreach(lc, row ? row->streams : NIL)
	{
		Oid			input = stream_catalog_view_of(lfirst_oid(lc));

		if (!OidIsValid(input) || list_member_oid(wait->seen, input))
			continue;
		wait->seen = lappend_oid(wait->seen, input);
		if (!wait_for_view(input, time_left(start, timeout_us), wait))
			return false;
	}
	return true;
}

static bool
wait_for_view(Oid viewid, int64 timeout_us, Wait *wait)
{
	TimestampTz start = GetCurrentTimestamp();
	Request		request;
	bool		answered;

	check_server();
	if (!stream_catalog_is_view(viewid) &&
		!wait_restored(viewid, timeout_us, wait))
		return false;
	check_view(viewid);
	check_stack_depth();
	if (!wait_for_inputs(viewid, time_left(start, timeout_us), wait))
		return false;
	ask(viewid, &request);
	while (!(answered = is_answered(viewid, &request)))
		if (!sleep_on(wait, &request, start, timeout_us))
			break;
	ConditionVariableCancelSleep();
	return answered;
}

bool
stream_wait_for(Oid viewid, int64 timeout_us)
{
	Wait		wait = {0};

	stream_owner_refuse_nested("streaming.wait");
	return wait_for_view(viewid, timeout_us, &wait);
}

void
stream_wait_refresh(Oid viewid)
{
	Wait		wait = {.statement = true};

	stream_owner_refuse_nested("REFRESH MATERIALIZED VIEW");
	wait_for_view(viewid, -1, &wait);
}

/*
 * wait(view regclass, timeout interval) returns boolean: true when everything
 * committed before the call is in the view, false if that took longer.  No
 * timeout (NULL): wait for ever.
 */
Datum
stream_wait(PG_FUNCTION_ARGS)
{
	Oid			viewid;
	int64		timeout_us = -1;
	AclResult	acl;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	viewid = PG_GETARG_OID(0);
	if (!PG_ARGISNULL(1))
	{
		Interval   *interval = PG_GETARG_INTERVAL_P(1);
		int64		days;

		days = interval->month * (int64) DAYS_PER_MONTH + interval->day;
		timeout_us = Max(days * USECS_PER_DAY + interval->time, 0);
	}

	if (get_rel_name(viewid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", viewid)));
	acl = pg_class_aclcheck(viewid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, get_relkind_objtype(get_rel_relkind(viewid)),
					   get_rel_name(viewid));
	PG_RETURN_BOOL(stream_wait_for(viewid, timeout_us));
}
