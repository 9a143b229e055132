/*-------------------------------------------------------------------------
 *
 * poison.c
 *	  Putting a row aside that no batch can take.
 *
 * The row is one of a stream, and has made a batch fail that had no other
 * (bisect.c).  Where it failed is not known, so it may not have passed any condition: if
 * one can hide it from the view's owner, by row-level security, a security barrier or
 * somebody else's view, nothing of it is shown.  Of other rows he sees the columns that
 * he may read by each input of the view, as of late rows (watermark.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/partition.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "time/watermark.h"
#include "flow/poison.h"

/* Is the leaf the input, or a partition of it? */
static bool
is_of_input(Oid leaf, Oid stream)
{
	return leaf == stream ||
		(get_rel_relispartition(leaf) &&
		 list_member_oid(get_partition_ancestors(leaf), stream));
}

/* May the owner see the column of the leaf by this input? */
static bool
may_see(const StreamSight *sight, Oid stream, const char *column)
{
	AttrNumber	attnum = get_attnum(stream, column);

	return !sight->guarded &&
		(!OidIsValid(sight->check_as) || sight->check_as == GetUserId()) &&
		attnum != InvalidAttrNumber &&
		stream_watermark_may_see(sight, stream, attnum, GetUserId());
}

/* Which columns of the leaf may be shown, by their numbers from 0. */
static bool *
shown_columns(Relation leaf, List *streams, List *sights)
{
	TupleDesc	desc = RelationGetDescr(leaf);
	bool	   *shown = palloc(sizeof(bool) * (desc->natts + 1));
	ListCell   *lc;
	ListCell   *ls;

	for (int i = 0; i < desc->natts; i++)
		shown[i] = !TupleDescAttr(desc, i)->attisdropped;
	forboth(lc, streams, ls, sights)
	{
		Oid			stream = lfirst_oid(lc);

		if (!is_of_input(RelationGetRelid(leaf), stream))
			continue;
		for (int i = 0; i < desc->natts; i++)
			shown[i] = shown[i] &&
				may_see(lfirst(ls), stream,
						NameStr(TupleDescAttr(desc, i)->attname));
	}
	return shown;
}

/* The stream as the view's user knows it: the first input that has the leaf. */
static Oid
stream_of_leaf(Oid leaf, List *streams)
{
	ListCell   *lc;

	foreach(lc, streams)
	{
		Oid			viewid;

		if (!is_of_input(leaf, lfirst_oid(lc)))
			continue;
		viewid = stream_catalog_view_of(lfirst_oid(lc));
		return OidIsValid(viewid) ? viewid : lfirst_oid(lc);
	}
	return leaf;
}

void
stream_poison_put_aside(StreamRejection *rejection, List *streams,
						List *sights, Relation leaf, ItemPointer tid,
						Snapshot snapshot)
{
	TupleTableSlot *slot = table_slot_create(leaf, NULL);

	rejection->stream = stream_of_leaf(RelationGetRelid(leaf), streams);
	rejection->storage = STREAM_COMPAT_RELNUMBER(leaf);
	if (!table_tuple_fetch_row_version(leaf, tid, snapshot, slot))
		elog(ERROR, "a row that is to be put aside is gone");
	stream_catalog_write_rejection(rejection, slot,
								   shown_columns(leaf, streams, sights));
	ExecDropSingleTupleTableSlot(slot);
}
