/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  Feeding rows again that a view has put aside because they fail.
 *
 * The rows are still in the stream, and count as read.  The position gets a list of
 * those that are to be read once more (position.c), in the transaction that deletes
 * them from streaming.errors.  The batch that reads them takes them from the list; if they
 * fail again, they are put aside again.  So each is in exactly one place: put aside, to
 * be read, or in the view.
 *
 * Views of one group have put the same rows aside, and read them again together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "base/shmem.h"
#include "stream/position.h"
#include "query/analyze.h"
#include "flow/viewgroup.h"
#include "command/guard.h"

PG_FUNCTION_INFO_V1(stream_retry);

/* So many rows go into one position. */
#define MAX_ROWS 100000

typedef struct Feeding
{
	List	   *leaves;			/* OIDs: of the streams, as they are now */
	StreamPosition *position;
	int64		rows;
} Feeding;

/* Is the row still there?  Then it is to be read again. */
static bool
feed_row(Oid leafid, Oid storage, ItemPointer tid, void *arg)
{
	Feeding    *feeding = arg;
	StreamLeaf *leaf = stream_position_leaf(feeding->position, leafid);

	if (leaf == NULL || leaf->relfilenode != storage ||
		!list_member_oid(feeding->leaves, leafid) ||
		feeding->rows >= MAX_ROWS)
		return false;
	stream_position_read_again(feeding->position, leaf, tid);
	feeding->rows++;
	return true;
}

static StreamViewRow *
check_view(Oid viewid)
{
	StreamViewRow *row;

	(void) stream_owner_of(viewid); /* complains if there is none */
	row = stream_catalog_need_view(viewid);
	stream_privilege_need_owner(viewid);
	/* after a crash, other rows may be where they were */
	if (row->unlogged)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of unlogged streams cannot be fed again"),
				 errhint("Insert them once more.")));
	if (row->released)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view \"%s\" has been released from its stream",
						get_rel_name(viewid)),
				 errhint("%s", stream_catalog_release_hint(viewid))));
	return row;
}

/*
 * Moves the rows from what was put aside to the position; returns how many.  The caller
 * has the batch lock.
 */
static int64
feed(StreamViewRow *row, int64 *left)
{
	StreamProgress progress;
	Feeding		feeding = {0};
	int64		fed;

	*left = 0;
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (progress.position == NULL)
		return 0;
	feeding.position = stream_position_read(CurrentMemoryContext,
											progress.position);
	feeding.leaves = stream_analyze_members(row->streams);
	fed = stream_catalog_take_errors(row->viewid, feed_row, &feeding, left);
	if (fed > 0)
	{
		/* a new number, so that its worker reads the position again */
		progress.batch++;
		progress.error_rows -= Min(fed, progress.error_rows);
		progress.position = stream_position_write(feeding.position);
		stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
		/* as many as it may put aside, it has not any more */
		(void) stream_catalog_clear_failure(row->viewid);
		CommandCounterIncrement();
		stream_shmem_views_changed();
	}
	stream_position_free(feeding.position);
	return fed;
}

/*
 * retry(view regclass) returns bigint
 *
 * Has the view read the rows once more that it has put aside because they failed, for
 * those who have the rights of its owner.  Returns how many.  So do the others of its
 * group.  Takes their batch locks, until the transaction ends.
 * Errors: 42P01, 42809 if it is no continuous view, 42501, 0A000 over unlogged streams,
 * 55000 if it has been released, 25006 where nothing may be written.
 */
Datum
stream_retry(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	int64		fed = 0;
	int64		left = 0;
	ListCell   *lc;

	stream_shmem_require();
	stream_owner_refuse_nested("streaming.retry");
	stream_guard_refuse_within("streaming.retry");
	PreventCommandIfReadOnly("streaming.retry");
	PreventCommandDuringRecovery("streaming.retry");
	(void) check_view(viewid);
	foreach(lc, stream_viewgroup_lock(viewid))
	{
		Oid			member = lfirst_oid(lc);
		int64		of_member;
		int64		left_by_member;

		LockRelationOid(member, AccessShareLock);
		of_member = feed(check_view(member), &left_by_member);
		if (member != viewid)
			continue;
		fed = of_member;
		left = left_by_member;
	}
	if (left > 0)
		ereport(NOTICE,
				(errmsg("%lld rows cannot be fed again",
						(long long) left),
				 fed == MAX_ROWS ?
				 errhint("Call the function once more: it takes %d rows at a time.",
						 MAX_ROWS) :
				 errhint("They are not in the stream any more. Delete them with streaming.delete_errors.")));
	PG_RETURN_INT64(fed);
}
