/*-------------------------------------------------------------------------
 *
 * release.c
 *	  Letting a view go that keeps rows of a stream from being removed.
 *
 * Rows of a stream are removed when every view has read them.  A view that fails,
 * or never ends, stands in the way of that; and anybody who may read a stream can
 * make one.  The rows are the stream owner's to decide about: he releases the view.
 * Its result stays as it is, it does not run (for what it would show from then
 * on would be its query over no set of rows at all), and commands on the stream do
 * not mind it any more.  Its owner can take it back by having it made anew from what the
 * streams hold then (reset.c, replace.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/partition.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"

PG_FUNCTION_INFO_V1(stream_release);

/* A stream of the view that is the current user's, or InvalidOid. */
static Oid
own_stream(const StreamViewRow *row)
{
	ListCell   *lc;

	foreach(lc, row->streams)
	{
		Oid			stream = lfirst_oid(lc);
		List	   *ancestors = get_partition_ancestors(stream);

		if (object_ownercheck(RelationRelationId, stream, GetUserId()))
			return stream;
		/* the partitions are the root's owner's to drop */
		if (get_rel_relispartition(stream) && ancestors != NIL &&
			object_ownercheck(RelationRelationId, llast_oid(ancestors),
							  GetUserId()))
			return stream;
	}
	return InvalidOid;
}

static void
release_view(StreamViewRow *row, Oid stream)
{
	StreamFailure failure = {
		.failed = true,.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		/* a part of the key, so that nobody has to wait for another */
		.at = GetCurrentTimestamp()
	};

	failure.message = psprintf("continuous view \"%s\" has been released from stream \"%s\"",
							   get_rel_name(row->viewid),
							   get_rel_name(stream));
	failure.detail = psprintf("Role \"%s\" lets rows of the stream go without waiting for the view.",
							  GetUserNameFromId(GetUserId(), false));
	failure.hint = stream_catalog_release_hint(row->viewid);
	stream_catalog_write_release(row->viewid, stream, &failure);
	CommandCounterIncrement();
	CacheInvalidateRelcacheByRelid(row->viewid);
	stream_shmem_views_changed();
}

/*
 * release(view regclass) returns void
 *
 * For the owner of a stream that the view reads, or of the root of a partition.
 * Waits for nobody, whatever the view's owner has locked: the view's own rows and locks
 * are left alone.  A batch in progress is ended after the commit.
 * Errors: 42P01, 42809 if it is no continuous view, 42501, 25006 where nothing may
 * be written.
 */
Datum
stream_release(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	StreamViewRow *row;
	Oid			stream;

	stream_shmem_require();
	stream_owner_refuse_nested("streaming.release");
	PreventCommandIfReadOnly("streaming.release");
	PreventCommandDuringRecovery("streaming.release");
	(void) stream_owner_of(viewid); /* complains if there is none */
	row = stream_catalog_need_view(viewid);
	stream = own_stream(row);
	if (!OidIsValid(stream))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of a stream that continuous view \"%s\" reads",
						get_rel_name(viewid))));
	if (!row->released)
		release_view(row, stream);
	PG_RETURN_VOID();
}
