/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  How long change streams, and streams of users, keep their rows.
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
 * To streams of users others write, and nothing but AccessExclusiveLock keeps them out.  So
 * it must not be for long: we wait for it a few milliseconds only, and for nothing else, and
 * what stays must be little.  What that is, the positions say: below the least of them all
 * has been read but for some rows that are known one by one, those to be read once more and
 * those that a view has put aside, which streaming.retry may feed to it again.  What was
 * read is not even looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/rewriteheap.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/pg_class.h"
#include "commands/cluster.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/owner.h"
#include "stream/position.h"
#include "flow/viewgroup.h"
#include "flow/retention.h"

/* So many marks there are in the time that rows are kept for. */
#define MARKS 16

/* So long others wait behind us while we wait for a lock. */
#define HURRY_MS 20

/* So many rows are copied one by one, for one view. */
#define MAX_SINGLE_ROWS 10000

int			stream_retention_size = 16384;

/* A row that stays where almost all go, and its place in the new storage. */
typedef struct SingleRow
{
	ItemPointerData from;
	ItemPointerData to;
} SingleRow;

/* A view that reads the stream. */
typedef struct Reader
{
	const StreamViewRow *row;
	StreamProgress progress;
	StreamPosition *pos;
	StreamMove *move;
	SingleRow  *aside;			/* what it has put aside, in order */
	int			naside;
} Reader;

typedef struct Retention
{
	const StreamViewRow *row;	/* the view whose change stream it is, or NULL: it
								 * is a user's */
	Oid			relid;			/* the stream */
	List	   *readers;		/* of Reader */
	const StreamViewRow *held;	/* one that has not read what could go, or NULL */
	bool		aside;			/* ... or has put too much of it aside */
	List	   *locked;			/* OIDs: the views that have no batch meanwhile */
	int64		batch;			/* of rows up to this one the time is over */

	/* of a stream of a user */
	BlockNumber start;			/* below, nothing stays but single rows */
	SingleRow  *singles;		/* these, in order */
	int			nsingles;
	bool		done;
} Retention;

/* ---- what may go ---- */

List *
stream_retention_readers(List *relids)
{
	List	   *rows = NIL;
	ListCell   *lc;
	ListCell   *ls;

	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (row->released)
			continue;
		foreach(ls, row->streams)
			if (list_member_oid(relids, lfirst_oid(ls)))
			{
				rows = lappend(rows, row);
				break;
			}
	}
	return rows;
}

/* The rows of the views that read the stream. */
static List *
readers_of(Oid relid)
{
	return stream_retention_readers(list_make1_oid(relid));
}

List *
stream_retention_oids(List *rows)
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
		retention->held = reader->row;
		if (reader->progress.position == NULL)
			return false;
		reader->pos = stream_position_read(CurrentMemoryContext,
										   reader->progress.position);
		reader->move = stream_position_begin_move(reader->pos,
												  retention->relid);
		if (reader->move == NULL)
			return false;
		retention->readers = lappend(retention->readers, reader);
	}
	retention->held = NULL;
	return true;
}

static int
compare_singles(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) &((const SingleRow *) a)->from,
							  (ItemPointer) &((const SingleRow *) b)->from);
}

/* The row of a sorted array, or NULL. */
static SingleRow *
find_single(SingleRow *rows, int n, ItemPointer tid)
{
	SingleRow	key;

	key.from = *tid;
	return n == 0 ? NULL :
		bsearch(&key, rows, n, sizeof(SingleRow), compare_singles);
}

static bool
may_go(const Retention *retention, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	ListCell   *lc;

	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);

		if (find_single(reader->aside, reader->naside, &tuple->t_self))
			return false;
		if (!stream_position_has_read(reader->move, &tuple->t_self) &&
			!STREAM_MUTATION("retention_unread"))
			return false;
	}
	if (retention->row == NULL)
		return retention->readers != NIL;
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

/* ---- what may go of a stream of a user ---- */

static bool
add_aside(ItemPointer tid, void *arg)
{
	Reader	   *reader = arg;
	SingleRow  *row = &reader->aside[reader->naside];

	if (reader->naside < MAX_SINGLE_ROWS)
	{
		row->from = *tid;
		ItemPointerSetInvalid(&row->to);
	}
	reader->naside++;
	return false;
}

/* What the view has put aside; false if that is too much. */
static bool
read_aside(Reader *reader, Relation rel)
{
	Oid			storage = STREAM_COMPAT_RELNUMBER(rel);

	reader->naside = 0;
	if (reader->progress.error_rows == 0 || STREAM_MUTATION("retention_aside"))
		return true;
	reader->aside = palloc(sizeof(SingleRow) * MAX_SINGLE_ROWS);
	stream_catalog_move_errors(reader->row->viewid, RelationGetRelid(rel),
							   storage, storage, add_aside, reader);
	if (reader->naside > MAX_SINGLE_ROWS)
		return false;
	qsort(reader->aside, reader->naside, sizeof(SingleRow), compare_singles);
	return true;
}

/* Adds a row that stays, if it is where nothing else does. */
static void
add_single(Retention *retention, ItemPointer tid)
{
	if (ItemPointerGetBlockNumber(tid) < retention->start)
		retention->singles[retention->nsingles++].from = *tid;
}

/* Which of all that the views have not read, or may read again, is below the start? */
static void
collect_singles(Retention *retention)
{
	Size		n = 0;
	int			kept = 0;
	ListCell   *lc;

	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);

		n += reader->naside +
			stream_position_leaf(reader->pos, retention->relid)->nagain;
	}
	retention->singles = palloc_extended(sizeof(SingleRow) * (n + 1),
										 MCXT_ALLOC_HUGE);
	retention->nsingles = 0;
	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);
		StreamLeaf *leaf = stream_position_leaf(reader->pos, retention->relid);

		for (int i = 0; i < reader->naside; i++)
			add_single(retention, &reader->aside[i].from);
		for (int i = 0; i < leaf->nagain; i++)
			add_single(retention, &leaf->again[i]);
	}
	qsort(retention->singles, retention->nsingles, sizeof(SingleRow),
		  compare_singles);
	for (int i = 0; i < retention->nsingles; i++)
		if (i == 0 || compare_singles(&retention->singles[i],
									  &retention->singles[kept - 1]) != 0)
			retention->singles[kept++] = retention->singles[i];
	retention->nsingles = kept;
}

/* The pages of its TOAST table. */
static BlockNumber
toast_blocks(Relation rel)
{
	Relation	toast;
	BlockNumber nblocks;

	if (!OidIsValid(rel->rd_rel->reltoastrelid))
		return 0;
	toast = table_open(rel->rd_rel->reltoastrelid, AccessShareLock);
	nblocks = RelationGetNumberOfBlocks(toast);
	table_close(toast, AccessShareLock);
	return nblocks;
}

static BlockNumber
size_in_blocks(void)
{
	return stream_retention_size / (BLCKSZ / 1024);
}

/* Is it as large as a stream has to be for something to be taken out? */
static bool
is_large(Relation rel)
{
	return (uint64) RelationGetNumberOfBlocks(rel) + toast_blocks(rel) >=
		size_in_blocks();
}

/* Have the views read all that there is? */
static bool
all_is_read(const Retention *retention, Relation rel)
{
	bool		result = true;
	ListCell   *lc;

	PushActiveSnapshot(GetLatestSnapshot());
	foreach(lc, retention->readers)
		result = result &&
			stream_position_is_read(((Reader *) lfirst(lc))->pos, rel,
									GetActiveSnapshot());
	PopActiveSnapshot();
	return result;
}

/*
 * How much do the positions, which have been read, let go?  True if that is half of all,
 * and what stays is little.
 */
static bool
half_is_read(Retention *retention, Relation rel)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	uint64		stay;
	ListCell   *lc;

	retention->start = nblocks;
	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);
		StreamLeaf *leaf = stream_position_leaf(reader->pos, retention->relid);

		if (leaf->relfilenode != STREAM_COMPAT_RELNUMBER(rel))
			return false;
		if (leaf->next_block < retention->start &&
			(reader->row->options.enabled ||
			 !STREAM_MUTATION("retention_lagging")))
		{
			retention->start = leaf->next_block;
			retention->held = reader->row;
		}
	}
	stay = nblocks - retention->start;
	if (stay > size_in_blocks() ||
		(stay * 2 > nblocks && !all_is_read(retention, rel)))
		return false;
	foreach(lc, retention->readers)
		if (!read_aside(lfirst(lc), rel))
		{
			retention->held = ((Reader *) lfirst(lc))->row;
			retention->aside = true;
			return false;
		}
	collect_singles(retention);
	/* of single rows, there may be one on a page; of values out of line, the same part */
	if ((stay + retention->nsingles) * 2 <= nblocks &&
		stay + (nblocks == 0 ? 0 : (uint64) toast_blocks(rel) * stay / nblocks) <=
		size_in_blocks())
		return true;
	if (retention->nsingles == 0)
		return all_is_read(retention, rel);
	foreach(lc, retention->readers)
		if (((Reader *) lfirst(lc))->naside > 0)
		{
			retention->held = ((Reader *) lfirst(lc))->row;
			retention->aside = true;
		}
	return false;
}

void
stream_retention_complain(const StreamViewRow *row, Oid relid, bool aside)
{
	bool		paused = OidIsValid(stream_viewgroup_paused(row->viewid));
	bool		fails = stream_catalog_failure(row->viewid) != NULL;
	const char *literal = stream_catalog_name(row->viewid);

	if (aside)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("continuous view \"%s\" keeps rows of stream \"%s\" that could go",
						get_rel_name(row->viewid), get_rel_name(relid)),
				 errdetail("It has put them aside, for they make its batches fail."),
				 errhint("Mend the cause and have them read once more: SELECT streaming.retry(%s); or give them up: SELECT streaming.delete_errors(%s);",
						 quote_literal_cstr(literal), quote_literal_cstr(literal))));
	if (!paused && !fails && row->options.trigger != STREAM_TRIGGER_MANUAL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("continuous view \"%s\" keeps rows of stream \"%s\" that could go",
					get_rel_name(row->viewid), get_rel_name(relid)),
			 errdetail("It has not read them: %s.",
					   paused ? "it, or one of its group, is paused" :
					   fails ? "its batches fail" :
					   "it has \"streaming.trigger\" = \"manual\""),
			 errhint("If it need not read them, the owner of the stream can let it go: SELECT streaming.release(%s);",
					 quote_literal_cstr(literal))));
}

/*
 * Are there enough rows of it that all views have read?  As it looks without locks.
 * Raises an error if that will not change by itself.
 */
static bool
is_consumed(Retention *retention)
{
	Relation	rel = try_table_open(retention->relid, AccessShareLock);
	bool		result;

	if (rel == NULL)
		return false;
	result = is_large(rel) &&
		read_positions(retention, readers_of(retention->relid)) &&
		half_is_read(retention, rel);
	table_close(rel, AccessShareLock);
	if (!result && retention->held != NULL)
		stream_retention_complain(retention->held, retention->relid,
								  retention->aside);
	return result;
}

/* ---- taking it away ---- */

/* Copies a row, and notes where it is. */
static void
copy_row(Retention *retention, RewriteState state, HeapTuple tuple,
		 TupleDesc desc)
{
	/* what it lacks of columns that have been added is forgotten with the old storage */
	HeapTuple	copy = HeapTupleHeaderGetNatts(tuple->t_data) < desc->natts ?
		heap_expand_tuple(tuple, desc) : heap_copytuple(tuple);
	ListCell   *lc;

	rewrite_heap_tuple(state, tuple, copy);
	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);
		SingleRow  *aside = find_single(reader->aside, reader->naside,
										&tuple->t_self);

		stream_position_move(reader->move, &tuple->t_self, &copy->t_self);
		if (aside)
			aside->to = copy->t_self;
	}
	heap_freetuple(copy);
}

/* Those that are known one by one. */
static void
copy_singles(Retention *retention, RewriteState state, Relation rel,
			 TupleTableSlot *slot)
{
	for (int i = 0; i < retention->nsingles; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (table_tuple_fetch_row_version(rel, &retention->singles[i].from,
										  GetActiveSnapshot(), slot))
			copy_row(retention, state,
					 ExecFetchSlotHeapTuple(slot, false, NULL),
					 RelationGetDescr(rel));
	}
	ExecClearTuple(slot);
}

/* Nobody can write while we do: that must not take long. */
static void
check_length(Relation new)
{
	if ((uint64) RelationGetNumberOfBlocks(new) + toast_blocks(new) >
		4 * (uint64) size_in_blocks() + 4)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("too much of the stream stays")));
}

/* Copies the rows that stay. */
static void
copy_rows(Retention *retention, Relation rel, Relation new)
{
	RewriteState state =
		begin_heap_rewrite(rel, new, GetOldestNonRemovableTransactionId(rel),
						   rel->rd_rel->relfrozenxid, rel->rd_rel->relminmxid);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc scan;

	/* what is committed; those who have failed have left rows, too */
	PushActiveSnapshot(GetLatestSnapshot());
	copy_singles(retention, state, rel, slot);
	/* in the order in which they are there */
	ItemPointerSet(&first, retention->start, FirstOffsetNumber);
	ItemPointerSet(&last, MaxBlockNumber, MaxOffsetNumber);
	scan = table_beginscan_tidrange(rel, GetActiveSnapshot(), &first, &last);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);

		CHECK_FOR_INTERRUPTS();
		if (may_go(retention, tuple, RelationGetDescr(rel)))
			continue;
		copy_row(retention, state, tuple, RelationGetDescr(rel));
		if (retention->row == NULL)
			check_length(new);
	}
	table_endscan(scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	end_heap_rewrite(state);
}

/* Where a row that was put aside is now. */
static bool
place_of_aside(ItemPointer tid, void *arg)
{
	Reader	   *reader = arg;
	SingleRow  *aside = find_single(reader->aside, reader->naside, tid);

	if (aside == NULL || !ItemPointerIsValid(&aside->to))
		return false;
	*tid = aside->to;
	return true;
}

/* The positions of the readers follow, and what they have put aside. */
static void
settle_readers(Retention *retention, Oid storage)
{
	Relation	rel = table_open(retention->relid, NoLock);
	Oid			relfilenode = rel->rd_rel->relfilenode;
	ListCell   *lc;

	table_close(rel, NoLock);
	foreach(lc, retention->readers)
	{
		Reader	   *reader = lfirst(lc);

		if (reader->naside > 0)
			stream_catalog_move_errors(reader->row->viewid, retention->relid,
									   storage, relfilenode, place_of_aside,
									   reader);
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

/* As the owner of the view, or the stream: building indexes may run functions of his. */
static void
exchange_storage(void *arg)
{
	Retention  *retention = arg;
	Oid			changes = retention->relid;
	LOCKMODE	lockmode = retention->row ? ShareUpdateExclusiveLock :
	AccessExclusiveLock;
	Relation	rel = table_open(changes, lockmode);
	Oid			storage = STREAM_COMPAT_RELNUMBER(rel);
	TransactionId frozen = rel->rd_rel->relfrozenxid;
	MultiXactId minmulti = rel->rd_rel->relminmxid;
	char		persistence = rel->rd_rel->relpersistence;
	Oid			newid = make_new_heap(changes, rel->rd_rel->reltablespace,
									  rel->rd_rel->relam, persistence,
									  lockmode);
	Relation	new = table_open(newid, AccessExclusiveLock);

	copy_rows(retention, rel, new);
	table_close(new, NoLock);
	table_close(rel, NoLock);
	STREAM_DEBUG_POINT("retention_copied");
	LockRelationOid(changes, AccessExclusiveLock);
	/* who has come to read it since then has a position in the old storage */
	if (list_difference_oid(stream_retention_oids(readers_of(changes)), retention->locked) != NIL &&
		!STREAM_MUTATION("retention_new_reader"))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("another view reads stream \"%s\" now",
						get_rel_name(changes))));
	rel = table_open(changes, NoLock);
	TransferPredicateLocksToHeapRelation(rel);
	table_close(rel, NoLock);
	finish_heap_swap(changes, newid, false, false, false, true, frozen,
					 minmulti, persistence);
	CommandCounterIncrement();
	settle_readers(retention, storage);
	STREAM_DEBUG_POINT("retention_settled");
}

/* Is it large enough, and is there enough to go?  As it looks without locks. */
static bool
is_worth_it(Retention *retention)
{
	Relation	rel = try_table_open(retention->relid, AccessShareLock);
	bool		result;

	if (rel == NULL)
		return false;
	result = RelationGetNumberOfBlocks(rel) >= size_in_blocks() &&
		read_positions(retention, readers_of(retention->relid)) &&
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
	Retention	retention = {.row = row,.relid = row->changes};
	ListCell   *lc;

	/* the mark of one that is being dropped would stay */
	if (!STREAM_MUTATION("mark_stays") &&
		(!ConditionalLockRelationOid(row->viewid, AccessShareLock) ||
		 stream_catalog_view(row->viewid) == NULL))
		return false;
	look_at_marks(&retention);
	STREAM_DEBUG_POINT("retention_marked");
	if (!is_worth_it(&retention) || !is_unused(row->changes))
		return false;
	/* in the order in which everybody takes batch locks */
	retention.locked = lappend_oid(stream_retention_oids(readers_of(row->changes)),
								   row->viewid);
	list_sort(retention.locked, list_oid_cmp);
	foreach(lc, retention.locked)
		LockDatabaseObject(RelationRelationId, lfirst_oid(lc), 0,
						   ShareUpdateExclusiveLock);
	retention.row = stream_catalog_view(row->viewid);
	/* others may have come, or gone, meanwhile */
	if (retention.row == NULL || retention.row->changes != row->changes ||
		retention.row->options.retention_us != row->options.retention_us ||
		list_difference_oid(stream_retention_oids(readers_of(row->changes)),
							retention.locked) != NIL ||
		!is_worth_it(&retention))
		return false;
	stream_owner_run(stream_owner_of(row->viewid), row->settings,
					 exchange_storage, &retention);
	return true;
}

/* ---- streams of users ---- */

void
stream_retention_hurry(void)
{
	(void) set_config_option("lock_timeout",
							 psprintf("%d", stream_debug_limit("hurry", HURRY_MS)),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

bool
stream_retention_lock_batches(List *views)
{
	ListCell   *lc;

	foreach(lc, views)
		if (!stream_viewgroup_try_lock(lfirst_oid(lc)))
			return false;
	return true;
}

/* As the owner of the stream; the views have no batches. */
static void
give_space_back(void *arg)
{
	Retention  *retention = arg;
	StreamDeclaration *decl;
	Relation	rel;
	bool		consumed;

	stream_retention_hurry();
	LockRelationOid(retention->relid, AccessExclusiveLock);
	decl = stream_catalog_declaration(retention->relid);
	if (decl == NULL || decl->options.keep_us != 0 ||
		get_rel_relispartition(retention->relid))
		return;
	rel = table_open(retention->relid, NoLock);
	/* so that it is not waited for when the old storage goes */
	if (OidIsValid(rel->rd_rel->reltoastrelid))
		LockRelationOid(rel->rd_rel->reltoastrelid, AccessExclusiveLock);
	/* as for TRUNCATE: rows of others may refer to those that go */
	heap_truncate_check_FKs(list_make1(rel), false);
	consumed = half_is_read(retention, rel);
	table_close(rel, NoLock);
	if (consumed)
	{
		exchange_storage(retention);
		retention->done = true;
	}
}

bool
stream_retention_run_consumed(Oid relid)
{
	Retention	retention = {.relid = relid};

	if (!is_consumed(&retention))
		return false;
	retention.locked = stream_retention_oids(readers_of(relid));
	if (!stream_retention_lock_batches(retention.locked))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("a view that reads stream \"%s\" has a batch",
						get_rel_name(relid))));
	/* what they have read meanwhile */
	if (read_positions(&retention, readers_of(relid)))
		stream_owner_run(stream_owner_of(relid), NULL, give_space_back,
						 &retention);
	return retention.done;
}
