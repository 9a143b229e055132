/*-------------------------------------------------------------------------
 *
 * above.c
 *	  Views that read the event time of another view's result.
 *
 * Their watermarks follow that of the view below, which they find in its progress.  So it
 * must be written down when it moves, and they must be told, also where the view itself
 * has nothing to do; but not for each tick of the clock when nobody waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"

#include "base/shmem.h"
#include "stream/am.h"
#include "flow/above.h"

/* What they read, or InvalidOid if it has no event time. */
static Oid
result_of(const StreamViewRow *row)
{
	Oid			relid = stream_am_relid_is_stream(row->state) ? row->state :
		row->changes;
	StreamDeclaration *decl = OidIsValid(relid) ?
		stream_catalog_declaration(relid) : NULL;

	return decl && decl->attnum != InvalidAttrNumber ? relid : InvalidOid;
}

/* The rows of the views that read it. */
static List *
views_above(const StreamViewRow *row)
{
	Oid			result = result_of(row);
	List	   *above = NIL;
	ListCell   *lc;

	if (!OidIsValid(result))
		return NIL;
	foreach(lc, stream_catalog_views())
		if (list_member_oid(((StreamViewRow *) lfirst(lc))->streams, result))
			above = lappend(above, lfirst(lc));
	return above;
}

bool
stream_above_reads(const StreamViewRow *row)
{
	return views_above(row) != NIL;
}

/* Each view is asked once, however many ways lead to it. */
static bool
are_waiting(const StreamViewRow *row, List **seen)
{
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(lc, views_above(row))
	{
		StreamViewRow *above = lfirst(lc);
		StreamProgress progress;

		if (list_member_oid(*seen, above->viewid))
			continue;
		*seen = lappend_oid(*seen, above->viewid);
		stream_catalog_read_progress(above->viewid, above->unlogged, NULL,
									 &progress);
		if (progress.groups > 0 || are_waiting(above, seen))
			return true;
	}
	return false;
}

bool
stream_above_waits(const StreamViewRow *row)
{
	List	   *seen = NIL;

	return are_waiting(row, &seen);
}

void
stream_above_wake(const StreamViewRow *row)
{
	Oid			result = result_of(row);
	Relation	rel;

	if (!OidIsValid(result))
		return;
	rel = table_open(result, NoLock);
	stream_shmem_note_write(rel);
	table_close(rel, NoLock);
}
