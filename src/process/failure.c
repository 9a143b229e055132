/*-------------------------------------------------------------------------
 *
 * failure.c
 *	  What becomes of a batch that has failed.
 *
 * Whatever the error is, the view is tried again after a pause that doubles
 * with each failure in a row, so that a view which always fails costs the
 * others little.  The pause is counted from the time of the last failure,
 * which is recorded: a new worker waits for what is left of it.
 *
 * The text of an error may be anything, of any length, for it may come from
 * the user's own function.  It is cut before it is recorded or logged.
 *
 * The log has a line for each change of what becomes of a view: that it fails (and again
 * only if the error is another), that it is given up, that it runs again; and that it is
 * paused, resumed, released or taken back.  For one that fails with the same error every now and then
 * that would be many lines, so these are logged once in LOG_AGAIN_US.
 *
 * A batch that takes longer than streaming.batch_timeout is cancelled, and its
 * worker says so here.  A function can refuse to be canceled; then the worker
 * is ended (scheduler.c), and the scheduler records the failure in its place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "flow/viewgroup.h"
#include "process/failure.h"

#define RETRY_MIN_US (100 * INT64CONST(1000))
#define RETRY_MAX_US (60 * USECS_PER_SEC)
#define LOCK_RETRY_MAX_US (10 * USECS_PER_SEC)
#define LOG_AGAIN_US (10 * USECS_PER_MINUTE)
#define MAX_TEXT 4096			/* bytes of each text of an error */

#define TIMEOUT_MESSAGE \
	"batch of continuous view \"%s\" took longer than streaming.batch_timeout"
#define TIMEOUT_HINT \
	"Make the view's query faster or its streaming.max_batch_rows smaller, or increase streaming.batch_timeout."

bool
stream_failure_is_temporary(int sqlstate)
{
	/* unlike others of its category: each trial ends connections of others */
	if (sqlstate == ERRCODE_CRASH_SHUTDOWN)
		return false;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('0', '8', '0', '0', '0'):	/* connection */
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):	/* rollback */
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):	/* resources */
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):	/* wrong state, locks */
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):	/* intervention */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):	/* system */
			return true;
		default:
			return false;
	}
}

bool
stream_failure_is_lock_conflict(int sqlstate)
{
	return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;
}

TimestampTz
stream_failure_retry_at(int failures, int sqlstate, TimestampTz at)
{
	int64		max = stream_failure_is_lock_conflict(sqlstate) ?
	LOCK_RETRY_MAX_US : RETRY_MAX_US;

	return at + Min(max, RETRY_MIN_US << Min(Max(failures - 1, 0), 20));
}

/* ---------------------------------------------------------------- texts */

static void
replace_text(char **text, char *new)
{
	if (*text != NULL)
		pfree(*text);
	*text = new;
}

static void
cut_text(char **text)
{
	char	   *new;
	int			len;

	/* strnlen: a text may be a gigabyte */
	if (*text == NULL || strnlen(*text, MAX_TEXT + 1) <= MAX_TEXT)
		return;
	len = pg_mbcliplen(*text, MAX_TEXT, MAX_TEXT - 3);
	new = MemoryContextAlloc(GetMemoryChunkContext(*text), len + 4);
	memcpy(new, *text, len);
	strcpy(new + len, "...");
	replace_text(text, new);
}

void
stream_failure_cut(ErrorData *edata)
{
	cut_text(&edata->message);
	cut_text(&edata->detail);
	cut_text(&edata->detail_log);
	cut_text(&edata->hint);
	cut_text(&edata->context);
	cut_text(&edata->internalquery);
}

void
stream_failure_set_timeout(ErrorData *edata, const char *view_name)
{
	edata->sqlerrcode = ERRCODE_QUERY_CANCELED;
	replace_text(&edata->message, psprintf(TIMEOUT_MESSAGE, view_name));
	replace_text(&edata->detail, NULL);
	replace_text(&edata->detail_log, NULL);
	replace_text(&edata->hint, pstrdup(TIMEOUT_HINT));
}

void
stream_failure_raise_timeout(Oid viewid)
{
	char	   *schema = get_namespace_name(get_rel_namespace(viewid));
	char	   *relname = get_rel_name(viewid);

	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg(TIMEOUT_MESSAGE,
					psprintf("%s.%s", schema ? schema : "?",
							 relname ? relname : "?")),
			 errhint(TIMEOUT_HINT)));
}

void
stream_failure_raise_crashes(const char *view_name, int times)
{
	ereport(ERROR,
			(errcode(ERRCODE_CRASH_SHUTDOWN),
			 errmsg("%d batches in a row of continuous view \"%s\" did not end, but their process or the server did",
					times, view_name),
			 errhint("See the server log for how it ended.")));
}

/* -------------------------------------------------------------- the log */

static uint32
hash_text(const char *text)
{
	return text == NULL ? 0 :
		hash_bytes((const unsigned char *) text, strlen(text));
}

void
stream_failure_was_logged(StreamFailureLog *last, const StreamFailure *f)
{
	last->sqlstate = f->sqlstate;
	last->message = hash_text(f->message);
	last->at = f->at;
	last->open = true;
}

/* Does the failure say what is in the log already? */
static bool
is_known(const StreamFailureLog *last, const StreamFailure *f)
{
	return last->at != 0 && last->sqlstate == f->sqlstate &&
		last->message == hash_text(f->message) &&
		(last->open || f->at - last->at < LOG_AGAIN_US);
}

void
stream_failure_log(StreamFailureLog *last, ErrorData *edata)
{
	StreamFailure f = {0};

	f.sqlstate = edata->sqlerrcode;
	f.message = edata->message;
	f.at = stream_debug_now();
	if (is_known(last, &f))
		return;
	stream_failure_was_logged(last, &f);
	edata->elevel = WARNING;
	ThrowErrorData(edata);
}

void
stream_failure_log_failed(const char *view_name, int failures)
{
	ereport(WARNING,
			(errmsg("continuous view \"%s\" has failed", view_name),
			 errdetail("Its batches failed %d times in a row.", failures),
			 errhint("It runs again when somebody refreshes it, or changes its definition or options; see last_error in streaming.views.")));
}

void
stream_failure_log_end(StreamFailureLog *last, const char *view_name)
{
	if (last->open)
		ereport(LOG,
				(errmsg("continuous view \"%s\" runs again", view_name)));
	last->open = false;
}

/* A view as the scheduler has seen it last. */
typedef struct KnownView
{
	Oid			viewid;
	bool		enabled;
	bool		released;
} KnownView;

/* All of them, by viewid; NULL at first. */
static KnownView *known_views = NULL;
static int	num_known_views = 0;

static void
log_view(const KnownView *before, const StreamViewRow *row)
{
	const char *what = row->released ? "has been released" :
		before->released ? "has been taken back" :
		row->options.enabled ? "has been resumed" : "has been paused";
	char	   *schema = get_namespace_name(get_rel_namespace(row->viewid));
	char	   *relname = get_rel_name(row->viewid);

	if ((before->enabled == row->options.enabled &&
		 before->released == row->released) || relname == NULL)
		return;
	ereport(LOG,
			(errmsg("continuous view \"%s.%s\" %s", schema ? schema : "?",
					relname, what)));
}

void
stream_failure_log_views(List *rows)
{
	KnownView  *known = MemoryContextAlloc(TopMemoryContext,
										   sizeof(KnownView) * (list_length(rows) + 1));
	int			n = 0;
	int			before = 0;
	ListCell   *lc;

	/* both are sorted */
	foreach(lc, rows)
	{
		StreamViewRow *row = lfirst(lc);

		known[n].viewid = row->viewid;
		known[n].enabled = row->options.enabled;
		known[n].released = row->released;
		n++;
		while (before < num_known_views &&
			   known_views[before].viewid < row->viewid)
			before++;
		if (before < num_known_views &&
			known_views[before].viewid == row->viewid)
			log_view(&known_views[before], row);
	}
	if (known_views != NULL)
		pfree(known_views);
	known_views = known;
	num_known_views = n;
}

/* ------------------------------------------------------------ the record */

bool
stream_failure_is_recordable(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	return row != NULL && !row->released;
}

/*
 * What it is to those who wait for the one that has failed.  It is that one that has been
 * given up: without it, the others go on.
 */
static StreamFailure
failure_of_other(Oid at, const StreamFailure *f)
{
	StreamFailure other = *f;
	char	   *name = get_rel_name(at);

	other.failed = false;
	other.message = psprintf("continuous view \"%s\" of the same group could not be brought up to date",
							 name ? name : "?");
	other.detail = "Views of a group advance together, or not at all.";
	other.hint = "See last_error of that view in streaming.views, or take it out of the group: ALTER MATERIALIZED VIEW ... RESET (streaming.group).";
	other.context = NULL;
	return other;
}

void
stream_failure_record(Oid viewid, Oid at, const StreamFailure *f)
{
	StreamFailure other = failure_of_other(at, f);
	ListCell   *lc;

	foreach(lc, stream_viewgroup_members(viewid))
		if (stream_failure_is_recordable(lfirst_oid(lc)))
		{
			STREAM_DEBUG_POINT("failure-before-record");
			stream_catalog_write_failure(lfirst_oid(lc),
										 lfirst_oid(lc) == at ? f : &other);
		}
}

StreamFailure *
stream_failure_of(List *viewids)
{
	StreamFailure *result = NULL;
	ListCell   *lc;

	foreach(lc, viewids)
	{
		StreamFailure *f = stream_catalog_failure(lfirst_oid(lc));

		if (f != NULL && (result == NULL || f->failed))
			result = f;
	}
	return result;
}

/* -------------------------------------------- in place of a worker's own */

/*
 * The batch locks of the view and those that advance with it, if they can be had at
 * once.  With them, nobody has an open transaction that has dropped one, whose end we
 * would have to wait for to write about it.
 */
static bool
try_batch_locks(Oid viewid)
{
	ListCell   *lc;

	foreach(lc, stream_viewgroup_members(viewid))
		if (!stream_viewgroup_try_lock(lfirst_oid(lc)))
			return false;
	return true;
}

static void
log_timeout(const StreamFailure *f, const StreamFailure *before)
{
	StreamFailureLog last = {0};
	ErrorData	edata = {0};

	if (before != NULL)
		stream_failure_was_logged(&last, before);
	edata.sqlerrcode = f->sqlstate;
	edata.message = f->message;
	edata.detail = f->detail;
	edata.hint = f->hint;
	edata.assoc_context = CurrentMemoryContext;
	stream_failure_log(&last, &edata);
}

static TimestampTz
record_timeout(StreamViewRow *row, const char *relname)
{
	StreamFailure f = {0};
	StreamFailure *before = stream_catalog_failure(row->viewid);
	char	   *schema = get_namespace_name(get_rel_namespace(row->viewid));

	f.failures = before ? before->failures + 1 : 1;
	f.sqlstate = ERRCODE_QUERY_CANCELED;
	f.message = psprintf(TIMEOUT_MESSAGE,
						 psprintf("%s.%s", schema ? schema : "?", relname));
	f.detail = "It did not let itself be canceled, so its worker was ended.";
	f.hint = TIMEOUT_HINT;
	f.at = stream_debug_now();
	stream_failure_record(row->viewid, row->viewid, &f);
	log_timeout(&f, before);
	if (row->options.trigger == STREAM_TRIGGER_MANUAL)
		return 0;
	return stream_failure_retry_at(f.failures, f.sqlstate, f.at);
}

bool
stream_failure_record_timeout(Oid viewid, TimestampTz *retry_at)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		locked;

	*retry_at = 0;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	locked = try_batch_locks(viewid);
	if (locked)
	{
		StreamViewRow *row;
		char	   *relname;

		PushActiveSnapshot(GetTransactionSnapshot());
		relname = get_rel_name(viewid);
		row = stream_catalog_view(viewid);
		if (relname != NULL && row != NULL && row->options.enabled)
			*retry_at = record_timeout(row, relname);
		PopActiveSnapshot();
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return locked;
}
