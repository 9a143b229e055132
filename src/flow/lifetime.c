/*-------------------------------------------------------------------------
 *
 * lifetime.c
 *	  How long streams of users keep their rows: whose turn it is, and partitions.
 *
 * streaming.retention of a stream is carried out by the worker of one of the views that read
 * it, after a batch: they all have to have read what goes, and none of that can be known
 * without their positions.  Which of them it is, is the same for all: the first
 * that has batches by itself.  A stream that no view reads is left alone.
 *
 * Of a plain stream, the space of what has been read is given back (retention.c).  Of a
 * partitioned one, partitions of the root go as a whole, when their time is over by our
 * clock: all rows are older, by the upper bound if the stream is partitioned by its event
 * time, else by the event times themselves.  For the latter the rows are read without a lock,
 * beginning with the last ones, of which mostly the first says no.  A view that has rows
 * to read keeps the partition, however old it is.
 *
 * Writers and readers of the stream are kept out while the partition is dropped, which does
 * not read it: all that is looked at under the lock is what has come since, behind the
 * positions of the views.  We wait for the locks a few milliseconds only, and do so as the
 * owner of the stream, without CASCADE: what depends on the partition keeps it, and the
 * caller leaves that alone for a while.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "stream/position.h"
#include "stream/am.h"
#include "time/declare.h"
#include "query/analyze.h"
#include "flow/retention.h"
#include "flow/viewgroup.h"
#include "flow/lifetime.h"

/* A table of a partition. */
typedef struct Leaf
{
	Oid			relid;
	BlockNumber seen;			/* all views that read it have read what is before this
								 * page; InvalidBlockNumber: there are none */
} Leaf;

/* A partition that may go. */
typedef struct Partition
{
	Oid			root;
	Oid			relid;
	StreamExpiry expiry;
	const char *column;			/* the event time, by name */
	Oid			type;			/* of what tells the age */
	int64		keep_us;		/* streaming.retention */
	int64		limit;			/* what is before that is too old, in that type */
	List	   *leaves;			/* of Leaf */
	List	   *locked;			/* OIDs: the views that have no batch meanwhile */
	bool		aside;			/* a view has put rows of it aside */
} Partition;

/* ---- how old it is ---- */

/* A date or a timestamp as microseconds, without time zone where it has none. */
static int64
time_of(Datum value, Oid type)
{
	int			overflow = 0;

	/* what is after all timestamps is infinity */
	return type == DATEOID ?
		date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow) :
		DatumGetInt64(value);
}

/* Our clock, so much before now, as the column has it. */
static int64
limit_of(Oid type, TimestampTz now, int64 keep_us)
{
	TimestampTz before = now - keep_us;

	if (type == TIMESTAMPTZOID)
		return before;
	return DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp,
												 TimestampTzGetDatum(before)));
}

/* The upper bound of the partition, the first key of it; false: there is none. */
static bool
upper_bound(const Partition *partition, int64 *upper)
{
	HeapTuple	tuple = SearchSysCache1(RELOID,
										ObjectIdGetDatum(partition->relid));
	PartitionBoundSpec *spec = NULL;
	PartitionRangeDatum *first;
	Datum		bound;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return false;
	bound = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);
	if (!isnull)
		spec = stringToNode(TextDatumGetCString(bound));
	ReleaseSysCache(tuple);
	if (spec == NULL || spec->is_default || spec->upperdatums == NIL)
		return false;
	first = linitial_node(PartitionRangeDatum, spec->upperdatums);
	if (first->kind != PARTITION_RANGE_DATUM_VALUE)
		return false;
	*upper = time_of(castNode(Const, first->value)->constvalue,
					 partition->type);
	return true;
}

/* Rows may be the default partition's that belong to no other. */
static bool
is_default(Oid root, Oid relid)
{
	return get_default_partition_oid(root) == relid;
}

/*
 * Are all rows of the table, from a page on, too old?  Of what has no event time nothing is
 * said.  *any: there are some that are.
 */
static bool
rows_are_old(const Partition *partition, Oid relid, BlockNumber start,
			 bool *any)
{
	Relation	rel = table_open(relid, NoLock);
	AttrNumber	attnum = get_attnum(relid, partition->column);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc scan;
	bool		old = true;

	ItemPointerSet(&first, start, FirstOffsetNumber);
	ItemPointerSet(&last, MaxBlockNumber, MaxOffsetNumber);
	PushActiveSnapshot(GetLatestSnapshot());
	scan = table_beginscan_tidrange(rel, GetActiveSnapshot(), &first, &last);
	while (old &&
		   table_scan_getnextslot_tidrange(scan, BackwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attnum, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		*any = true;
		old = DatumGetInt64(value) < partition->limit;
	}
	table_endscan(scan);
	PopActiveSnapshot();
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	return old;
}

/*
 * Is the time over?  again: it was, and only rows from the pages seen on are looked at.  Its
 * tables are locked.
 */
static bool
is_old(const Partition *partition, bool again)
{
	bool		any = again;
	int64		upper;
	ListCell   *lc;

	if (partition->expiry == STREAM_EXPIRES_BY_BOUND)
		return upper_bound(partition, &upper) && upper < partition->limit;
	foreach(lc, partition->leaves)
	{
		Leaf	   *leaf = lfirst(lc);
		bool		known = again && leaf->seen != InvalidBlockNumber;

		if (!rows_are_old(partition, leaf->relid, known ? leaf->seen : 0, &any))
			return false;
	}
	return any;
}

/* ---- who has to read it ---- */

/* The rows of the views that read something of the partition. */
static List *
readers_of(const Partition *partition)
{
	List	   *family = find_all_inheritors(partition->relid, NoLock, NULL);

	return stream_retention_readers(lappend_oid(family, partition->root));
}

static bool
note_aside(ItemPointer tid, void *arg)
{
	*(bool *) arg = true;
	return false;
}

/* Has the view put rows of the table aside, which may be fed to it again? */
static bool
has_aside(const StreamViewRow *row, Relation rel)
{
	Oid			storage = STREAM_COMPAT_RELNUMBER(rel);
	bool		found = false;

	stream_catalog_move_errors(row->viewid, RelationGetRelid(rel), storage,
							   storage, note_aside, &found);
	return found;
}

/*
 * Has the view read all rows of the partition, and put none aside?  Moves the pages seen down to its position.
 * The tables are locked.
 */
static bool
is_read(const StreamViewRow *row, Partition *partition)
{
	StreamProgress progress;
	StreamPosition *pos;
	List	   *members = stream_analyze_members(row->streams);
	bool		result = true;
	ListCell   *lc;

	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	pos = progress.position ?
		stream_position_read(CurrentMemoryContext, progress.position) :
		stream_position_create(CurrentMemoryContext);
	PushActiveSnapshot(GetLatestSnapshot());
	foreach(lc, partition->leaves)
	{
		Leaf	   *leaf = lfirst(lc);
		Relation	rel;
		StreamLeaf *read = stream_position_leaf(pos, leaf->relid);

		if (!list_member_oid(members, leaf->relid))
			continue;
		rel = table_open(leaf->relid, NoLock);
		result = result &&
			stream_position_is_read(pos, rel, GetActiveSnapshot());
		if (result && progress.error_rows > 0 && has_aside(row, rel) &&
			!STREAM_MUTATION("lifetime_aside"))
		{
			partition->aside = true;
			result = false;
		}
		leaf->seen = Min(leaf->seen, read ? read->next_block : 0);
		table_close(rel, NoLock);
	}
	PopActiveSnapshot();
	stream_position_free(pos);
	return result || STREAM_MUTATION("lifetime_unread");
}

/* A view that has not, or NULL. */
static const StreamViewRow *
unread_by(Partition *partition, List *rows)
{
	ListCell   *lc;

	partition->aside = false;
	foreach(lc, rows)
		if (!is_read(lfirst(lc), partition))
			return lfirst(lc);
	return NULL;
}

/* ---- dropping it ---- */

/*
 * Locks the tables of the partition, and notes which these are.  False if there is something
 * else among them than streams.
 */
static bool
lock_leaves(Partition *partition, LOCKMODE lockmode)
{
	List	   *before = partition->leaves;
	bool		streams = true;
	ListCell   *lc;
	ListCell   *lb;

	partition->leaves = NIL;
	foreach(lc, find_all_inheritors(partition->relid, lockmode, NULL))
	{
		Leaf	   *leaf;

		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_PARTITIONED_TABLE)
			continue;
		streams = streams && stream_am_relid_is_stream(lfirst_oid(lc));
		leaf = palloc(sizeof(Leaf));
		leaf->relid = lfirst_oid(lc);
		leaf->seen = before == NIL ? InvalidBlockNumber : 0;
		foreach(lb, before)
			if (((Leaf *) lfirst(lb))->relid == leaf->relid)
				leaf->seen = ((Leaf *) lfirst(lb))->seen;
		partition->leaves = lappend(partition->leaves, leaf);
	}
	return streams;
}

/* The views have no position in it any more. */
static void
settle_view(const StreamViewRow *row, const Partition *partition)
{
	StreamProgress progress;
	StreamPosition *pos;
	ListCell   *lc;

	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (progress.position == NULL)
		return;
	pos = stream_position_read(CurrentMemoryContext, progress.position);
	foreach(lc, partition->leaves)
		stream_position_forget_leaf(pos, ((Leaf *) lfirst(lc))->relid);
	/* a new number, so that its worker reads the position again */
	progress.batch++;
	progress.position = stream_position_write(pos);
	stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
	stream_position_free(pos);
}

static void
lock_not_available(const Partition *partition)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("partition \"%s\" is in use",
					get_rel_name(partition->relid))));
}

/* Is it still one, and to be dropped when it is that old?  It is locked, as is the stream. */
static bool
is_declared(const Partition *partition)
{
	StreamDeclaration *decl = stream_catalog_declaration(partition->root);

	return decl != NULL && decl->options.keep_us == partition->keep_us &&
		stream_declare_expiry(decl) == partition->expiry &&
		get_rel_relispartition(partition->relid) &&
		get_partition_parent(partition->relid, true) == partition->root &&
		!is_default(partition->root, partition->relid);
}

/* As the owner of the stream; the views have no batches. */
static void
drop_partition(void *arg)
{
	Partition  *partition = arg;
	ObjectAddress object = {RelationRelationId, partition->relid, 0};
	List	   *rows;
	char	   *name;
	ListCell   *lc;

	stream_retention_hurry();
	LockRelationOid(partition->root, AccessExclusiveLock);
	LockRelationOid(partition->relid, AccessExclusiveLock);
	if (!is_declared(partition) || !lock_leaves(partition, AccessExclusiveLock))
		return;
	foreach(lc, find_all_inheritors(partition->relid, NoLock, NULL))
		if (!object_ownercheck(RelationRelationId, lfirst_oid(lc), GetUserId()))
			aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE,
						   get_rel_name(lfirst_oid(lc)));
	rows = readers_of(partition);
	if (list_difference_oid(stream_retention_oids(rows), partition->locked) != NIL ||
		!is_old(partition, true) || unread_by(partition, rows) != NULL)
		lock_not_available(partition);
	STREAM_DEBUG_POINT("lifetime_locked");
	foreach(lc, rows)
		settle_view(lfirst(lc), partition);
	name = get_rel_name(partition->relid);
	performDeletion(&object, DROP_RESTRICT, 0);
	CommandCounterIncrement();
	ereport(LOG,
			(errmsg("partition \"%s\" of stream \"%s\" is dropped: its time is over",
					name, get_rel_name(partition->root))));
	stream_shmem_views_changed();
	STREAM_DEBUG_POINT("lifetime_dropped");
}

/* Drops it, if its time is over and all views have read it.  True if it has. */
static bool
look_at_partition(Partition *partition)
{
	const StreamViewRow *row;
	List	   *rows;

	/* the cheap question first */
	if (partition->expiry == STREAM_EXPIRES_BY_BOUND &&
		!is_old(partition, false))
		return false;
	LockRelationOid(partition->relid, AccessShareLock);
	if (!lock_leaves(partition, AccessShareLock))
		return false;
	rows = readers_of(partition);
	row = unread_by(partition, rows);
	if (row != NULL)
	{
		if (partition->expiry == STREAM_EXPIRES_BY_BOUND ||
			(partition->aside && is_old(partition, false)))
			stream_retention_complain(row, partition->root, partition->aside);
		return false;
	}
	if (partition->expiry == STREAM_EXPIRES_BY_ROWS &&
		!is_old(partition, false))
		return false;
	partition->locked = stream_retention_oids(rows);
	if (!stream_retention_lock_batches(partition->locked))
		lock_not_available(partition);
	stream_owner_run(stream_owner_of(partition->root), NULL, drop_partition,
					 partition);
	return true;
}

/* The partitions of the stream, one after the other, until one has been dropped. */
static void
look_at_partitions(StreamLifetimeTurn *turn, const StreamDeclaration *decl)
{
	Relation	rel = try_table_open(decl->relid, AccessShareLock);
	Partition	partition = {.root = decl->relid};
	ListCell   *lc;

	if (rel == NULL)
		return;
	partition.expiry = stream_declare_expiry(decl);
	if (partition.expiry == STREAM_EXPIRES_BY_BOUND)
		partition.type = RelationGetPartitionKey(rel)->parttypid[0];
	else if (partition.expiry == STREAM_EXPIRES_BY_ROWS)
	{
		partition.type = get_atttype(decl->relid, decl->attnum);
		partition.column = get_attname(decl->relid, decl->attnum, false);
	}
	table_close(rel, NoLock);
	if (partition.expiry == STREAM_EXPIRES_NOT)
		return;
	partition.keep_us = decl->options.keep_us;
	partition.limit = limit_of(partition.type, turn->now, partition.keep_us);
	foreach(lc, find_inheritance_children(decl->relid, NoLock))
	{
		CHECK_FOR_INTERRUPTS();
		partition.relid = turn->at = lfirst_oid(lc);
		partition.leaves = NIL;
		if (list_member_oid(turn->skip, partition.relid) ||
			is_default(decl->relid, partition.relid))
			continue;
		turn->again = look_at_partition(&partition);
		if (turn->again)
			break;
	}
}

/* ---- whose turn it is ---- */

/* What declares streaming.retention for it: what is above all, or itself. */
static Oid
root_of(Oid relid)
{
	List	   *ancestors = get_rel_relispartition(relid) ?
		get_partition_ancestors(relid) : NIL;

	return ancestors == NIL ? relid : llast_oid(ancestors);
}

/* Is it one of these views that looks after the stream: the first that has batches? */
static bool
look_after(List *views, Oid root)
{
	const StreamViewRow *first = NULL;
	ListCell   *lc;

	foreach(lc, stream_retention_readers(find_all_inheritors(root, NoLock, NULL)))
	{
		const StreamViewRow *row = lfirst(lc);

		if (OidIsValid(stream_viewgroup_paused(row->viewid)))
			continue;
		if (first == NULL ||
			(first->options.trigger == STREAM_TRIGGER_MANUAL &&
			 row->options.trigger != STREAM_TRIGGER_MANUAL))
			first = row;
		if (row->options.trigger == STREAM_TRIGGER_COMMIT &&
			stream_catalog_failure(row->viewid) == NULL)
		{
			first = row;
			break;
		}
	}
	return first != NULL && list_member_oid(views, first->viewid);
}

static void
look_at_stream(StreamLifetimeTurn *turn, Oid relid)
{
	StreamDeclaration *decl = stream_catalog_declaration(relid);
	char		relkind = get_rel_relkind(relid);

	if (decl == NULL || decl->options.keep_us < 0)
		return;
	turn->found = true;
	turn->at = relid;
	if (list_member_oid(turn->skip, relid) || !look_after(turn->views, relid))
		return;
	if (relkind == RELKIND_PARTITIONED_TABLE && decl->options.keep_us > 0)
		look_at_partitions(turn, decl);
	else if (relkind == RELKIND_RELATION && decl->options.keep_us == 0 &&
			 !get_rel_relispartition(relid) &&
			 stream_am_relid_is_stream(relid))
		turn->again = stream_retention_run_consumed(relid);
}

static void
error_context(void *arg)
{
	errcontext("streaming.retention of a stream");
}

void
stream_lifetime_run(StreamLifetimeTurn *turn)
{
	ErrorContextCallback callback;
	List	   *roots = NIL;
	ListCell   *lc;
	ListCell   *ls;

	turn->at = InvalidOid;
	turn->found = turn->again = false;
	/* views that a dump has brought are about all the rows that it has brought */
	if (stream_catalog_is_restored(InvalidOid, NULL))
		return;
	foreach(lc, turn->views)
	{
		StreamViewRow *row = stream_catalog_view(lfirst_oid(lc));

		foreach(ls, row ? row->streams : NIL)
			roots = list_append_unique_oid(roots, root_of(lfirst_oid(ls)));
	}
	callback.callback = error_context;
	callback.arg = NULL;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	PushActiveSnapshot(GetLatestSnapshot());
	foreach(lc, roots)
	{
		look_at_stream(turn, lfirst_oid(lc));
		if (turn->again)
			break;				/* one at a time, with its locks */
	}
	PopActiveSnapshot();
	error_context_stack = callback.previous;
}
