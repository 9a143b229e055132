/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  How long change streams keep their rows.
 *
 * A stream grows at its end, and the space of what goes at its beginning would never be
 * used again: the placement rule (am.c) lets nobody write there.  So the rows that stay
 * are copied to new storage, when at least half of the old one can go: each row is copied
 * about once, and there is never more than twice what is kept.
 *
 * A row goes when every view that reads the change stream has read it and, if that keeps
 * rows for a time, when the time is over; without such a view, and a time, all stay.  When a
 * batch was committed, which the rows do not say, is what marks are for: from time to time
 * one notes up to which batch all was committed.
 *
 * Only batches of the view write to its change stream.  While they are locked out the copy
 * is made, and others may read.  Rows keep what the server knows of them, above all who
 * has inserted them, so that a snapshot sees of the rows that stay what it would have seen.
 * The views that read the change stream have no batch meanwhile, either: their positions
 * follow the rows (position.c).  Who reads the table is kept out for the moment of the
 * exchange only, and if he does not leave, all is as before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/rewriteheap.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/cluster.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "storage/procarray.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/owner.h"
#include "stream/position.h"
#include "flow/retention.h"

/* So many marks there are in the time that rows are kept for. */
#define MARKS 16

int			stream_retention_size = 16384;

/* A view that reads the change stream. */
typedef struct Reader
{
	const StreamViewRow *row;
	StreamProgress progress;
	StreamPosition *pos;
	StreamMove *move;
} Reader;

typedef struct Retention
{
	const StreamViewRow *row;
	List	   *readers;		/* of Reader */
	List	   *locked;			/* OIDs: the views that have no batch meanwhile */
	int64		batch;			/* of rows up to this one the time is over */
} Retention;

/* ---- what may go ---- */

/* The rows of the views that read the change stream. */
static List *
readers_of(Oid changes)
{
	List	   *rows = NIL;
	ListCell   *lc;

	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (!row->released && list_member_oid(row->streams, changes))
			rows = lappend(rows, row);
	}
	return rows;
}

static List *
oids_of(List *rows)
{
	List	   *oids = NIL;
	ListCell   *lc;

	foreach(lc, rows)
		oids = lappend_oid(oids, ((StreamViewRow *) lfirst(lc))->viewid);
	return oids;
}

/* The positions of the readers; false if one has none: it has yet to begin. */
static bool
read_positions(Retention *retention, List *rows)
{
	ListCell   *lc;

	retention->readers = NIL;
	foreach(lc, rows)
	{
		Reader	   *reader = palloc0(sizeof(Reader));

		reader->row = lfirst(lc);
		stream_catalog_read_progress(reader->row->viewid, reader->row->unlogged,
									 NULL, &reader->progress);
		if (reader->progress.position == NULL)
			return false;
		reader->pos = stream_position_read(CurrentMemoryContext,
										   reader->progress.position);
		reader->move = stream_position_begin_move(reader->pos,
												  retention->row->changes);
		if (reader->move == NULL)
			return false;
		retention->readers = lappend(retention->readers, reader);
	}
	return true;
}

static bool
may_go(const Retention *retention, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	ListCell   *lc;

	foreach(lc, retention->readers)
		if (!stream_position_has_read(((Reader *) lfirst(lc))->move,
									  &tuple->t_self) &&
			!STREAM_MUTATION("retention_unread"))
			return false;
	if (retention->row->options.retention_us == 0)
		return retention->readers != NIL;
	return DatumGetInt64(heap_getattr(tuple, 1, desc, &isnull)) <=
		retention->batch;
}

/* Can half of it go?  Rows are in the order of the batches. */
static bool
half_may_go(const Retention *retention, Relation rel)
{
	BlockNumber middle = RelationGetNumberOfBlocks(rel) / 2;
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc scan;
	bool		result = true;

	ItemPointerSet(&first, middle, FirstOffsetNumber);
	ItemPointerSet(&last, MaxBlockNumber, MaxOffsetNumber);
	PushActiveSnapshot(GetLatestSnapshot());
	scan = table_beginscan_tidrange(rel, GetActiveSnapshot(), &first, &last);
	if (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
		result = may_go(retention, ExecFetchSlotHeapTuple(slot, false, NULL),
						RelationGetDescr(rel));
	table_endscan(scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

/* Finds out of which batches the time is over, and marks the last one if it is time. */
static void
look_at_marks(Retention *retention)
{
	const StreamViewRow *row = retention->row;
	TimestampTz now = stream_debug_now();
	TimestampTz marked_at;
	int64		marked;
	StreamProgress progress;

	if (row->options.retention_us == 0)
		return;
	retention->batch = stream_catalog_marked_batch(row->viewid,
												   now - row->options.retention_us,
												   &marked, &marked_at);
	if (marked > 0 && now < marked_at + row->options.retention_us / MARKS)
		return;
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (progress.batch > marked)
		stream_catalog_write_mark(row->viewid, progress.batch, now);
}

/* ---- taking it away ---- */

/* Copies the rows that stay. */
static void
copy_rows(Retention *retention, Relation rel, Relation new)
{
	RewriteState state =
		begin_heap_rewrite(rel, new, GetOldestNonRemovableTransactionId(rel),
						   rel->rd_rel->relfrozenxid, rel->rd_rel->relminmxid);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;
	ListCell   *lc;

	/* what is committed; those who have failed have left rows, too */
	PushActiveSnapshot(GetLatestSnapshot());
	/* in the order in which they are there: from the beginning */
	scan = table_beginscan_strat(rel, GetActiveSnapshot(), 0, NULL, true,
								 false);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);
		HeapTuple	copy;

		CHECK_FOR_INTERRUPTS();
		if (may_go(retention, tuple, RelationGetDescr(rel)))
			continue;
		copy = heap_copytuple(tuple);
		rewrite_heap_tuple(state, tuple, copy);
		foreach(lc, retention->readers)
			stream_position_move(((Reader *) lfirst(lc))->move,
								 &tuple->t_self, &copy->t_self);
		heap_freetuple(copy);
	}
	table_endscan(scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	end_heap_rewrite(state);
}

/* The positions of the readers follow. */
static void
settle_readers(Retention *retention)
{
	Relation	rel = table_open(retention->row->changes, NoLock);
	Oid			relfilenode = rel->rd_rel->relfilenode;
	ListCell   *lc;

	table_close(rel, NoLock);
	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);

		stream_position_end_move(reader->move, relfilenode);
		/* a new number, so that its worker reads the position again */
		reader->progress.batch++;
		reader->progress.position = stream_position_write(reader->pos);
		stream_catalog_write_progress(reader->row->viewid,
									  reader->row->unlogged,
									  &reader->progress);
		stream_position_free(reader->pos);
	}
	CommandCounterIncrement();
}

/* As the owner of the view: building indexes may run functions of his. */
static void
exchange_storage(void *arg)
{
	Retention  *retention = arg;
	Oid			changes = retention->row->changes;
	Relation	rel = table_open(changes, ShareUpdateExclusiveLock);
	TransactionId frozen = rel->rd_rel->relfrozenxid;
	MultiXactId minmulti = rel->rd_rel->relminmxid;
	char		persistence = rel->rd_rel->relpersistence;
	Oid			newid = make_new_heap(changes, rel->rd_rel->reltablespace,
									  rel->rd_rel->relam, persistence,
									  ShareUpdateExclusiveLock);
	Relation	new = table_open(newid, AccessExclusiveLock);

	copy_rows(retention, rel, new);
	table_close(new, NoLock);
	table_close(rel, NoLock);
	STREAM_DEBUG_POINT("retention_copied");
	LockRelationOid(changes, AccessExclusiveLock);
	/* who has come to read it since then has a position in the old storage */
	if (list_difference_oid(oids_of(readers_of(changes)), retention->locked) != NIL &&
		!STREAM_MUTATION("retention_new_reader"))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("another view reads change stream \"%s\" now",
						get_rel_name(changes))));
	rel = table_open(changes, NoLock);
	TransferPredicateLocksToHeapRelation(rel);
	table_close(rel, NoLock);
	finish_heap_swap(changes, newid, false, false, false, true, frozen,
					 minmulti, persistence);
	CommandCounterIncrement();
	settle_readers(retention);
	STREAM_DEBUG_POINT("retention_settled");
}

/* Is it large enough, and is there enough to go?  As it looks without locks. */
static bool
is_worth_it(Retention *retention)
{
	Relation	rel = try_table_open(retention->row->changes, AccessShareLock);
	bool		result;

	if (rel == NULL)
		return false;
	result = RelationGetNumberOfBlocks(rel) >=
		stream_retention_size / (BLCKSZ / 1024) &&
		read_positions(retention, readers_of(retention->row->changes)) &&
		half_may_go(retention, rel);
	table_close(rel, AccessShareLock);
	return result;
}

/* Could readers be kept out now?  Else copying is for nothing. */
static bool
is_unused(Oid changes)
{
	if (!ConditionalLockRelationOid(changes, AccessExclusiveLock))
		return false;
	UnlockRelationOid(changes, AccessExclusiveLock);
	return true;
}

bool
stream_retention_run(const StreamViewRow *row)
{
	Retention	retention = {row};
	ListCell   *lc;

	look_at_marks(&retention);
	if (!is_worth_it(&retention) || !is_unused(row->changes))
		return false;
	/* in the order in which everybody takes batch locks */
	retention.locked = lappend_oid(oids_of(readers_of(row->changes)),
								   row->viewid);
	list_sort(retention.locked, list_oid_cmp);
	foreach(lc, retention.locked)
		LockDatabaseObject(RelationRelationId, lfirst_oid(lc), 0,
						   ShareUpdateExclusiveLock);
	retention.row = stream_catalog_view(row->viewid);
	/* others may have come, or gone, meanwhile */
	if (retention.row == NULL || retention.row->changes != row->changes ||
		retention.row->options.retention_us != row->options.retention_us ||
		list_difference_oid(oids_of(readers_of(row->changes)),
							retention.locked) != NIL ||
		!is_worth_it(&retention))
		return false;
	stream_owner_run(stream_owner_of(row->viewid), row->settings,
					 exchange_storage, &retention);
	return true;
}
