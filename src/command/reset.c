/*-------------------------------------------------------------------------
 *
 * reset.c
 *	  streaming.reset: a view is made anew from what its streams hold.
 *
 * Its tables are emptied as by TRUNCATE and its progress becomes that of a view that
 * has had no batch; then it has its first one, over all there is, in this session, which is
 * its owner's.  All of that is one transaction under the batch locks of the view and
 * those that advance with it: readers wait for it, or see what was.  One that has been released
 * comes back that way.
 *
 * What others have been told of the view can't be taken back: one with a change stream,
 * with triggers, or whose rows other views read, is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "flow/successor.h"
#include "command/guard.h"
#include "command/reset.h"

/* So many batches at most are run here. */
#define MAX_BATCHES 10

PG_FUNCTION_INFO_V1(stream_reset);

pg_noreturn static void refuse(const StreamViewRow *row, const char *verb,
							   const char *why, const char *hint);

static void
refuse(const StreamViewRow *row, const char *verb, const char *why,
	   const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot %s continuous view \"%s\"", verb,
					get_rel_name(row->viewid)),
			 errdetail("%s", why),
			 errhint("%s", hint)));
}

void
stream_reset_check_view(const StreamViewRow *row, const char *verb)
{
	Relation	state = table_open(row->state, AccessShareLock);
	bool		triggers = state->trigdesc != NULL;
	const char *anew = "Drop the view and create it anew.";

	table_close(state, NoLock);
	if (OidIsValid(row->changes))
		refuse(row, verb, "It has a change stream, which others may have read.",
			   "Give the view the query that it has with streaming.replace: what is different then is in the change stream, too.");
	if (triggers)
		refuse(row, verb, "It has triggers, which would fire for all of its rows once more.",
			   "Drop the triggers, and create them again after this, in one transaction.");
	if (stream_guard_is_read(row->state))
		refuse(row, verb, "Other continuous views read its rows.", anew);
}

/* Not by membership: the batch runs in this session. */
static void
check_owner(Oid viewid)
{
	if (stream_owner_of(viewid) != GetUserId())
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW,
					   get_rel_name(viewid));
}

void
stream_reset_check_caller(Oid viewid, const char *function)
{
	StreamViewRow *row;

	stream_shmem_require();
	stream_owner_refuse_nested(function);
	stream_guard_refuse_within(function);
	PreventCommandIfReadOnly(function);
	PreventCommandDuringRecovery(function);
	PreventCommandIfParallelMode(function);
	check_owner(viewid);
	row = stream_catalog_view(viewid);
	if (row && stream_successor_is(row))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous view",
						get_rel_name(viewid)),
				 errdetail("It is what a view is replaced by, and not complete yet.")));
}

StreamViewRow *
stream_reset_lock(Oid viewid, Oid other, LOCKMODE lockmode)
{
	StreamViewRow *row;
	List	   *locked = stream_viewgroup_to_be(viewid);
	ListCell   *lc;

	if (OidIsValid(other))
		locked = lappend_oid(locked, other);
	list_sort(locked, list_oid_cmp);
	foreach(lc, locked)
		LockDatabaseObject(RelationRelationId, lfirst_oid(lc), 0,
						   ShareUpdateExclusiveLock);
	LockRelationOid(viewid, lockmode);
	row = stream_catalog_need_view(viewid);
	/* it may have another one since */
	check_owner(viewid);
	return row;
}

/* As TRUNCATE does it. */
static void
empty_tables(const StreamViewRow *row)
{
	List	   *rels = NIL;
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, stream_catalog_states(row))
	{
		Relation	rel;

		if (!OidIsValid(lfirst_oid(lc)))
			continue;
		rel = table_open(lfirst_oid(lc), NoLock);
		CheckTableNotInUse(rel, "streaming.reset");
		rels = lappend(rels, rel);
		relids = lappend_oid(relids, lfirst_oid(lc));
	}
	stream_compat_truncate(rels, relids, NIL, DROP_RESTRICT, false, false);
	foreach(lc, rels)
		table_close(lfirst(lc), NoLock);
}

/*
 * What has been closed by the first batch is shown by the next; others may go on writing,
 * so there are not many.
 */
void
stream_reset_catch_up(Oid viewid)
{
	StreamGroupBatch group = {.at = viewid};
	int			n = 0;
	ListCell   *lc;

	do
	{
		stream_viewgroup_run(viewid, true, NULL, &group);
		foreach(lc, group.views)
			stream_batch_committed(lfirst_oid(lc));
		CommandCounterIncrement();
		foreach(lc, group.views)
			stream_batch_forget(lfirst_oid(lc));
	} while (group.result == STREAM_BATCH_MORE && ++n < MAX_BATCHES &&
			 !STREAM_MUTATION("replace_once"));
}

void
stream_reset_run(const StreamViewRow *row, int64 last)
{
	StreamProgress progress;

	stream_batch_forget(row->viewid);
	stream_batch_initialize(row->viewid);
	CommandCounterIncrement();
	stream_reset_catch_up(row->viewid);
	/* numbers go on, so that processes drop what they remember */
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (!STREAM_MUTATION("reset_number"))
		progress.batch += last + 1;
	stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
	CommandCounterIncrement();
}

/* The view is one again that streams wait for, and one of its group. */
static void
take_back(StreamViewRow *row)
{
	stream_catalog_take_back(row);
	stream_viewgroup_check(row->viewid, NIL, NULL);
}

/*
 * reset(view regclass) returns void
 *
 * For the owner of the view.  Takes the batch locks of the view and its group, and
 * AccessExclusiveLock on its tables.  Errors: 42P01, 42809 if it is no continuous view,
 * 42501, 0A000 where others depend on what it has shown, 25006 where nothing may be
 * written; and what a batch raises.
 */
Datum
stream_reset(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	StreamViewRow *row;
	StreamProgress before;
	StreamProgress beginning;
	bool		released;
	ListCell   *lc;

	stream_reset_check_caller(viewid, "streaming.reset");
	row = stream_reset_lock(viewid, InvalidOid, AccessShareLock);
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
			LockRelationOid(lfirst_oid(lc), AccessExclusiveLock);
	stream_reset_check_view(row, "reset");
	released = row->released;
	if (released)
		take_back(row);
	empty_tables(row);
	stream_catalog_read_progress(viewid, row->unlogged, NULL, &before);
	/* of no view: a beginner's */
	stream_catalog_read_progress(InvalidOid, row->unlogged, NULL, &beginning);
	stream_catalog_write_progress(viewid, row->unlogged, &beginning);
	stream_catalog_delete_rejections(viewid, DT_NOEND, NULL);
	(void) stream_catalog_clear_failure(viewid);
	CommandCounterIncrement();
	stream_reset_run(row, before.batch);
	/* who was removing rows until we could read them has said once more what it lost */
	if (released)
		stream_catalog_take_back(row);
	stream_shmem_views_changed();
	PG_RETURN_VOID();
}
