/*-------------------------------------------------------------------------
 *
 * successor.c
 *	  What will take the place of a view's parts, while workers fill it.
 *
 * A view that gets another query (streaming.replace) goes on with the old one until the
 * new one has caught up.  Meanwhile the new definition and its state tables are a view of
 * their own to all that runs batches, keeps rows from being removed and waits: it has a
 * row in _view and a progress.  There is nothing that users could read, so what it is known
 * by is its definition: _view.viewid is that of the definition itself.
 *
 * It is a part of the view that it will be, by an internal dependency, so it is dropped with that;
 * its state tables are parts of the definition.
 *
 * Only the session that has begun it can bring it to its end.  That one holds a lock on it, beyond
 * the end of transactions; when somebody else gets it, the successor is left over (an
 * error, a crash), and is dropped: by the scheduler, or who next replaces the view.  Its batch, which
 * nobody waits for any more, is ended like that of a view that is paused; so is one that is in the way of
 * who drops the view.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "flow/relations.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "flow/successor.h"

/* Beside the batch lock of a view, which has the number 0. */
#define SUCCESSION 1

bool
stream_successor_is(const StreamViewRow *row)
{
	return row->viewid == row->definition;
}

/* ---- whose it is ---- */

static bool
take_lock(Oid viewid, LOCKMODE mode, bool session, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, viewid,
					   SUCCESSION);
	return LockAcquire(&tag, mode, session, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

void
stream_successor_lock(Oid viewid, bool session)
{
	(void) take_lock(viewid, ExclusiveLock, session, true);
}

void
stream_successor_unlock(Oid viewid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, viewid,
					   SUCCESSION);
	LockRelease(&tag, ExclusiveLock, true);
}

bool
stream_successor_is_locked(Oid viewid)
{
	LOCKTAG		tag;

	if (!take_lock(viewid, ShareLock, false, false))
		return true;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, viewid,
					   SUCCESSION);
	LockRelease(&tag, ShareLock, false);
	return false;
}

/* ---- its life ---- */

/*
 * It runs, whatever the view does, and nobody is told of it.  It stays one that would have a change stream, for
 * its operators are made for that; but it has none.
 */
static void
drop_options(StreamViewRow *row)
{
	static const char *const own[] = {"enabled", "trigger", "group", "notify"};
	List	   *names = NIL;
	List	   *values = NIL;
	ListCell   *ln;
	ListCell   *lv;

	forboth(ln, row->option_names, lv, row->option_values)
	{
		bool		drop = false;

		for (int i = 0; i < lengthof(own); i++)
			drop |= strcmp(strVal(lfirst(ln)), own[i]) == 0;
		if (drop)
			continue;
		names = lappend(names, lfirst(ln));
		values = lappend(values, lfirst(lv));
	}
	row->option_names = names;
	row->option_values = values;
	stream_options_fill(names, values, &row->options);
}

void
stream_successor_begin(StreamViewRow *row)
{
	stream_relations_hand_parts(row, row->definition);
	row->viewid = row->definition;
	row->changes = InvalidOid;
	drop_options(row);
	stream_catalog_insert_view(row);
	CommandCounterIncrement();
	stream_batch_initialize(row->viewid);
	(void) take_lock(row->viewid, ExclusiveLock, true, true);
	stream_shmem_views_changed();
}

void
stream_successor_take(StreamViewRow *row, const StreamViewRow *before)
{
	StreamProgress progress;
	StreamProgress last;

	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	stream_catalog_read_progress(before->viewid, before->unlogged, NULL,
								 &last);
	/* a number that no process remembers of the view */
	progress.batch = Max(progress.batch, last.batch) + 1;
	stream_catalog_delete_view(before->viewid);
	CommandCounterIncrement();
	stream_catalog_adopt_rejections(row->viewid, before->viewid);
	CommandCounterIncrement();
	stream_catalog_delete_view(row->viewid);
	stream_relations_hand_parts(row, before->viewid);
	row->viewid = before->viewid;
	row->option_names = before->option_names;
	row->option_values = before->option_values;
	/* those of one that has been released say that it is paused */
	stream_options_fill(row->option_names, row->option_values, &row->options);
	CommandCounterIncrement();
	stream_catalog_insert_view(row);
	stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
	CommandCounterIncrement();
	stream_batch_forget(row->definition);
	stream_batch_forget(row->viewid);
	/* a worker that waits for the successor's batch lock is not to go on with what it remembers */
	if (!STREAM_MUTATION("successor_remembered"))
		CacheInvalidateRelcacheByRelid(row->definition);
}

/* ---- leftovers ---- */

Oid
stream_successor_view(const StreamViewRow *row)
{
	return stream_relations_whole(row->definition);
}

bool
stream_successor_is_unwanted(const StreamViewRow *row)
{
	Oid			viewid;

	if (!stream_successor_is(row) || STREAM_MUTATION("successor_wanted"))
		return false;
	if (take_lock(row->viewid, ExclusiveLock, false, false))
		return true;
	viewid = stream_successor_view(row);
	return !OidIsValid(viewid) ||
		!ConditionalLockRelationOid(viewid, AccessShareLock);
}

static bool
lock_parts(const StreamViewRow *row)
{
	ListCell   *lc;

	if (!stream_viewgroup_try_lock(row->viewid) ||
		!ConditionalLockRelationOid(row->definition, AccessExclusiveLock))
		return false;
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)) &&
			!ConditionalLockRelationOid(lfirst_oid(lc), AccessExclusiveLock))
			return false;
	return true;
}

static bool
clean(StreamViewRow *row)
{
	/* Its session may have let it go a moment ago, because it is no successor any more. */
	if (!take_lock(row->viewid, ExclusiveLock, false, false) ||
		!lock_parts(row))
		return false;
	row = stream_catalog_view(row->viewid);
	if (row == NULL ||
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(row->definition)))
		return false;
	stream_catalog_delete_view(row->viewid);
	CommandCounterIncrement();
	stream_relations_drop_parts(row);
	stream_shmem_views_changed();
	return true;
}

bool
stream_successor_clean(List *rows, Oid viewid)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, rows)
	{
		StreamViewRow *row = lfirst(lc);

		if (stream_successor_is(row) &&
			(!OidIsValid(viewid) ||
			 stream_relations_is_part(row->definition, viewid)))
			any |= clean(row);
	}
	return any;
}
