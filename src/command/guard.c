/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Commands that would tear storage from under a reading position.
 *
 * A reading position is about one storage file of one leaf.  TRUNCATE, a
 * rewriting ALTER TABLE, VACUUM FULL, CLUSTER, and taking away a partition would
 * leave it pointing into nothing: rows not yet read would be lost, others read
 * again.
 *
 * Those that remove old rows are wanted: TRUNCATE, DROP TABLE and DETACH of a
 * partition.  First every view that reads the rows consumes what is pending, by
 * batches in the transaction of the command and under its locks; then the command
 * runs; then the positions are made to fit.  The results stay: what has been
 * counted remains counted.  The position in a detached partition is kept, so that
 * its rows are not counted again when it is attached again.  Lock order is that of
 * a batch: first the batch locks of the views, then relations, parents before
 * partitions.
 *
 * The views may be anybody's who may read the stream.  The functions of others do
 * not run in this session, nor ours in theirs: only views of the very user are
 * brought up to date here.  The others are by their workers, while a lock keeps
 * writers out and lets readers in; rows that our own transaction has inserted were
 * never there for them.  None of that may take for ever: if it does, or if the view
 * fails, the command does, too; the owner of the stream can release the view then
 * (release.c), and nothing here minds it any more.
 *
 * A command that rewrites rows does the same: where everything has been read, all of the
 * new storage is.  Who sees all rows of what is rewritten is asked once more, though: rows
 * that our own transaction has inserted stay, and the views of others cannot read them.
 * Where the blocks are just copied, nothing need be read, for the TIDs stay what they are.
 *
 * The others are refused while a view reads the stream (changing the access method or the
 * persistence, for the state of a view has that of its streams; and commands that use
 * several transactions), the common ones before they begin, by name.  Because there
 * are many ways to the same end (TRUNCATE ... CASCADE, ALTER TABLE that happens
 * to rewrite, DROP SCHEMA with a partition in it), every command that might do
 * so is followed by a check of all positions, in the same transaction.  It takes
 * no locks: it is about what this transaction has done, under the locks that
 * the command has taken; what others do is checked by them.  What is wrong with
 * a view for other reasons is nothing to complain about here, or anybody could
 * make a view that keeps everybody from everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
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
#include "flow/relations.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "flow/successor.h"
#include "process/roster.h"
#include "process/wait.h"
#include "command/guard.h"

/* How long a command waits for a batch of a view, and for its worker. */
#define CATCH_UP_LOCK_MS 10000
#define CATCH_UP_LIMIT_MS 30000

/* Whoever waits for one thing or another may find that a relation has been dropped meanwhile. */
static bool
is_gone(Oid relid)
{
	return get_rel_relkind(relid) == '\0';
}

/* The relation, what is below it, and what is above it. */
static List *
family(Oid relid)
{
	List	   *members = is_gone(relid) ? NIL :
		find_all_inheritors(relid, NoLock, NULL);

	if (get_rel_relispartition(relid))
		members = list_concat(members, get_partition_ancestors(relid));
	return members;
}

/*
 * The views that read the relation, a partition or a parent of it; those that
 * have been released, or those that have not.
 */
static List *
readers_of_kind(Oid relid, bool released)
{
	List	   *rows = stream_catalog_views();
	List	   *result = NIL;
	List	   *members;
	ListCell   *lc;
	ListCell   *ls;

	if (rows == NIL || !OidIsValid(relid))
		return NIL;
	members = family(relid);
	foreach(lc, rows)
	{
		StreamViewRow *row = lfirst(lc);

		if (row->released != released)
			continue;
		foreach(ls, row->streams)
			if (list_member_oid(members, lfirst_oid(ls)))
				result = list_append_unique_oid(result, row->viewid);
	}
	return result;
}

/* Those of them that it has to mind. */
static List *
readers(Oid relid)
{
	return readers_of_kind(relid, false);
}

bool
stream_guard_is_read(Oid relid)
{
	return readers(relid) != NIL;
}

/* The view that this one is to replace, as a name for messages, or NULL. */
static const char *
replaced_name(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	return row && stream_successor_is(row) ?
		get_rel_name(stream_successor_view(row)) : NULL;
}

const char *
stream_guard_reader(Oid relid)
{
	List	   *views = readers(relid);
	const char *replaced;

	if (views == NIL)
		return NULL;
	replaced = replaced_name(linitial_oid(views));
	return replaced ? replaced : get_rel_name(linitial_oid(views));
}

static void
refuse_reading(Oid relid, const char *command, const char *hint)
{
	List	   *views = readers(relid);
	const char *replaced = views == NIL ? NULL :
		replaced_name(linitial_oid(views));

	if (views != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot run %s on stream \"%s\" while continuous views read it",
						command, get_rel_name(relid)),
				 replaced ?
				 errdetail("What is to replace the query of continuous view \"%s\" reads it.",
						   replaced) :
				 errdetail("Continuous view \"%s\" reads it.",
						   get_rel_name(linitial_oid(views))),
				 replaced ?
				 errhint("Cancel the call of streaming.replace first, or drop the view.") :
				 errhint("%s", hint)));
}

void
stream_guard_refuse(Oid relid, const char *command)
{
	refuse_reading(relid, command,
				   "Drop the continuous views first, or have the owner of the stream release them, see streaming.release.");
}

/* ---- what this transaction has done ---- */

/* Has this transaction written or deleted the version of a row? */
static bool
is_ours(HeapTupleHeader tuple)
{
	if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple)))
		return true;
	if ((tuple->t_infomask & HEAP_XMAX_INVALID) ||
		HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_infomask))
		return false;
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple));
}

/*
 * Has this transaction changed, inserted or deleted the row of a relation, in
 * pg_class by its OID, or in pg_inherits as a child?
 */
static bool
row_changed_here(Oid catalog, Oid index, AttrNumber attnum, Oid relid)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	bool		changed = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, index, true, SnapshotAny, 1, &key);
	while (!changed && HeapTupleIsValid(tuple = systable_getnext(scan)))
		changed = is_ours(tuple->t_data);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return changed;
}

static bool
link_changed_here(Oid relid)
{
	return row_changed_here(InheritsRelationId, InheritsRelidSeqnoIndexId,
							Anum_pg_inherits_inhrelid, relid);
}

/* The same, or what is above it. */
static bool
link_changed_above(Oid relid)
{
	ListCell   *lc;

	if (link_changed_here(relid))
		return true;
	foreach(lc, get_partition_ancestors(relid))
		if (link_changed_here(lfirst_oid(lc)))
			return true;
	return false;
}

/* ---- event time ---- */

/*
 * The view as an argument, for statements in hints: who may not use its schema names
 * it by its OID.  Without a lock, it may just have been dropped.
 */
static char *
view_literal(Oid viewid)
{
	Oid			namespace = get_rel_namespace(viewid);

	if (!OidIsValid(namespace) ||
		object_aclcheck(NamespaceRelationId, namespace, GetUserId(),
						ACL_USAGE) != ACLCHECK_OK)
		return psprintf("%u", viewid);
	return quote_literal_cstr(stream_catalog_name(viewid));
}

/* What a stream that a view reads says, by itself or by its root. */
typedef struct NotedEventTime
{
	Oid			relid;
	bool		exists;
	StreamEventTime event_time;
} NotedEventTime;

List *
stream_guard_note_event_times(void)
{
	List	   *result = NIL;
	List	   *streams = NIL;
	ListCell   *lc;

	foreach(lc, stream_catalog_views())
		streams = list_concat(streams, ((StreamViewRow *) lfirst(lc))->streams);
	list_sort(streams, list_oid_cmp);
	list_deduplicate_oid(streams);
	foreach(lc, streams)
	{
		NotedEventTime *noted = palloc0(sizeof(NotedEventTime));

		noted->relid = lfirst_oid(lc);
		noted->exists = stream_declare_event_time(noted->relid,
												  &noted->event_time);
		result = lappend(result, noted);
	}
	return result;
}

void
stream_guard_check_event_times(List *noted)
{
	ListCell   *lc;

	foreach(lc, noted)
	{
		NotedEventTime *before = lfirst(lc);
		StreamEventTime now;

		if (!link_changed_above(before->relid))
			continue;
		if (stream_declare_event_time(before->relid, &now) != before->exists ||
			(before->exists && (now.attnum != before->event_time.attnum ||
								(now.delay_us < 0) != (before->event_time.delay_us < 0))))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("cannot change the event time of stream \"%s\" while continuous views read it",
							get_rel_name(before->relid)),
					 errdetail("A partition has the event time and the watermark of its root."),
					 errhint("Drop the continuous views first, and create them anew.")));
	}
}

/* ---- a partition that a view reads twice ---- */

/* One of the relations that the view reads by its name, or InvalidOid. */
static Oid
named_stream(StreamViewRow *row, List *relids)
{
	ListCell   *lc;

	foreach(lc, row->streams)
		if (list_member_oid(relids, lfirst_oid(lc)))
			return lfirst_oid(lc);
	return InvalidOid;
}

/*
 * A leaf has one position, which says for all inputs of the view that can see it
 * how far it has been read.  If it is in two of them from the first row on, all is
 * well; but what one of them has read before, the other would never see.
 */
void
stream_guard_check_attached(void)
{
	ListCell   *lc;
	ListCell   *ls;

	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (row->released)
			continue;
		foreach(ls, row->streams)
		{
			Oid			part = lfirst_oid(ls);
			Oid			whole = named_stream(row, get_partition_ancestors(part));

			if (OidIsValid(whole) && link_changed_above(part))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_IN_USE),
						 errmsg("cannot make stream \"%s\" a part of stream \"%s\" while a continuous view reads both",
								get_rel_name(part), get_rel_name(whole)),
						 errdetail("Continuous view \"%s\" would not read the rows that it has read from \"%s\" once more as those of \"%s\".",
								   get_rel_name(row->viewid),
								   get_rel_name(part), get_rel_name(whole)),
						 errhint("Drop the view first and create it anew, or insert the rows into a new partition; or the owner of the stream releases the view first: SELECT streaming.release(%s);",
								 view_literal(row->viewid))));
		}
	}
}

/* ---- refusing ---- */

/* What may be rewritten, for views have consumed it; or NULL. */
static struct StreamTakeaway *rewriting = NULL;

static bool is_rewritten(Oid relid);
static void check_copied(Oid relid);

static void
refuse_rewrite(Relation rel)
{
	if (!is_rewritten(RelationGetRelid(rel)))
		refuse_reading(RelationGetRelid(rel), "VACUUM FULL or CLUSTER",
					   "Name each stream, or partition of one, in a command of its own.");
}

/* Is TRUNCATE running, of what views have consumed? */
static bool truncating = false;

/* The appliers of logical replication do not come by the hook. */
static void
refuse_truncate(Relation rel)
{
	List	   *views = truncating ? NIL : readers(RelationGetRelid(rel));

	if (views != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot truncate stream \"%s\" while continuous views read it",
						RelationGetRelationName(rel)),
				 errdetail("Logical replication removes the rows before continuous view \"%s\" has read them.",
						   get_rel_name(linitial_oid(views))),
				 errhint("Publish WITH (publish = 'insert'), and run TRUNCATE here.")));
}

void
stream_guard_install(void)
{
	stream_am_before_rewrite = refuse_rewrite;
	stream_am_before_truncate = refuse_truncate;
	stream_am_before_copy = check_copied;
}

/* The storage of a relation, as this transaction has left it. */
static Oid
current_relfilenode(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			relfilenode = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		relfilenode = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode;
		ReleaseSysCache(tuple);
	}
	return relfilenode;
}

/*
 * Has this transaction replaced the storage of the relation?  (What others have
 * done before must not stand in the way of every command that comes after.)
 */
static bool
storage_replaced_here(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		replaced;

	if (rel == NULL)
		return false;
	replaced = rel->rd_firstRelfilelocatorSubid != InvalidSubTransactionId;
	RelationClose(rel);
	return replaced;
}

/* ---- taking rows away ---- */

/* What is consumed before a command, and settled after it. */
typedef struct StreamTakeaway
{
	List	   *views;			/* OIDs */
	List	   *leaves;			/* OIDs of the leaves whose rows go */
	StreamTakeawayKind kind;
	List	   *copied;			/* CopiedLeaf, in the memory of the transaction */
	bool		reorders;		/* rows come to lie in another order */
} StreamTakeaway;

/* A row that views have put aside, and where it lies. */
typedef struct AsideRow
{
	ItemPointerData from;
	ItemPointerData to;
	int64		rank;			/* which of the visible rows it is, from 0; -1: none */
} AsideRow;

/* A leaf that has been given other storage: so many rows are to be in that. */
typedef struct CopiedLeaf
{
	Oid			relid;
	int64		rows;
	Oid			storage;		/* what it was in, ... */
	AsideRow   *aside;			/* ... and which rows of it are put aside, in order */
	int			naside;
	int			max_aside;
} CopiedLeaf;

/*
 * Locks the relation, and what is below it, which is returned with it.  Where it has been
 * dropped meanwhile there is nothing; the command will say so.
 */
static List *
lock_with_members(Oid relid, LOCKMODE lockmode)
{
	LockRelationOid(relid, lockmode);
	if (!is_gone(relid) || STREAM_MUTATION("dropped_meanwhile"))
		return find_all_inheritors(relid, lockmode, NULL);
	UnlockRelationOid(relid, lockmode);
	return NIL;
}

/* Locks the relations whose rows go, parents first; returns the leaves. */
static List *
lock_leaves(List *relids, StreamTakeawayKind kind)
{
	List	   *leaves = NIL;
	ListCell   *lc;
	ListCell   *ll;

	foreach(lc, relids)
	{
		Oid			relid = lfirst_oid(lc);

		if ((kind == STREAM_DROP || kind == STREAM_DETACH) &&
			get_rel_relispartition(relid))
			LockRelationOid(get_partition_parent(relid, true),
							AccessExclusiveLock);
		foreach(ll, lock_with_members(relid, AccessExclusiveLock))
			if (get_rel_relkind(lfirst_oid(ll)) == RELKIND_RELATION)
				leaves = list_append_unique_oid(leaves, lfirst_oid(ll));
	}
	return leaves;
}

/*
 * Has views that a dump has brought wait: one that finds all of its rows here goes on
 * (restore.c, under ShareLock), and must not between our look at who reads the rows and
 * the command.  pg_restore empties tables before it fills them, while other views go on.
 */
static void
keep_restored_out(List *relids)
{
	ListCell   *lc;
	ListCell   *ll;

	if (STREAM_MUTATION("truncate_restored"))
		return;
	foreach(lc, relids)
	{
		Oid			relid = lfirst_oid(lc);
		bool		is_stream = false;

		foreach(ll, is_gone(relid) ? NIL :
				find_all_inheritors(relid, NoLock, NULL))
			is_stream |= stream_am_relid_is_stream(lfirst_oid(ll));
		if (is_stream)
			(void) lock_with_members(relid, ShareUpdateExclusiveLock);
	}
}

/* Keeps all from writing to them, but not from reading; returns the leaves. */
static List *
keep_writers_out(List *relids)
{
	List	   *leaves = NIL;
	ListCell   *lc;
	ListCell   *ll;

	foreach(lc, relids)
		foreach(ll, lock_with_members(lfirst_oid(lc), ExclusiveLock))
			if (get_rel_relkind(lfirst_oid(ll)) == RELKIND_RELATION)
				leaves = list_append_unique_oid(leaves, lfirst_oid(ll));
	return leaves;
}

/* A view, as messages name it. */
typedef struct NamedView
{
	Oid			viewid;
	const char *name;
	const char *literal;		/* quoted, with its schema */
	bool		replacing;		/* what is named is being replaced by it */
	bool		skips;			/* it goes on without rows that fail, up to some number */
} NamedView;

/* What is done for some views, one after the other. */
typedef struct CatchUp
{
	List	   *named;			/* NamedView, for each of them */
	Oid			viewid;			/* the one at hand */
	StreamGroupBatch group;		/* group.at: of those that advance with it, the one whose
								 * turn it is, or InvalidOid */
	List	   *oids;			/* what is handed from one to the next */
	bool		stay;			/* the rows stay, in other storage */
	TimestampTz deadline;
} CatchUp;

/*
 * Says what an error is about, and how the owner of the stream gets rid of a view
 * that keeps his rows from going.
 */
static void
catch_up_context(void *arg)
{
	const CatchUp *all = arg;
	Oid			at = OidIsValid(all->group.at) ? all->group.at : all->viewid;
	ListCell   *lc;

	foreach(lc, all->named)
	{
		const NamedView *view = lfirst(lc);

		if (view->viewid != at)
			continue;
		if (view->replacing)
		{
			errcontext("the replacement of continuous view \"%s\" reading rows that are about to %s",
					   view->name, all->stay ? "be rewritten" : "go");
			errhint("Try again when streaming.replace is done, or cancel that.");
			continue;
		}
		errcontext(all->stay ?
				   "continuous view \"%s\" reading rows that are about to be rewritten" :
				   "continuous view \"%s\" reading rows that are about to go",
				   view->name);
		errhint(all->stay ?
				"The view's owner can have it go on without %s); or drop it. If that view need not read them any more, the owner of the stream can release it first: SELECT streaming.release(%s);" :
				"The view's owner can have it go on without %s); or drop it. If the rows are to go without that view having read them, the owner of the stream can release it first: SELECT streaming.release(%s);",
				view->skips ?
				"more rows that fail: ALTER MATERIALIZED VIEW ... SET (streaming.max_errors = ..." :
				"rows that fail: ALTER MATERIALIZED VIEW ... SET (streaming.on_error = 'skip'",
				view->literal);
	}
}

/* Milliseconds that are left until a deadline, at least 1. */
static int
time_left(TimestampTz deadline)
{
	return (int) Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														deadline));
}

/* Takes the batch lock of a view; a batch that never ends does not keep us. */
static void
lock_batches(CatchUp *all)
{
	int			nestlevel = NewGUCNestLevel();
	int			limit = time_left(all->deadline);

	if (LockTimeout == 0 || LockTimeout > limit)
		(void) set_config_option("lock_timeout", psprintf("%d", limit),
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	LockDatabaseObject(RelationRelationId, all->viewid, 0,
					   ShareUpdateExclusiveLock);
	AtEOXact_GUC(false, nestlevel);
}

/* About how many rows the view has not read, as we see it; leaves are locked. */
static int64
unread_rows(StreamViewRow *row, List *leaves)
{
	Relation   *rels = palloc(sizeof(Relation) * (list_length(leaves) + 1));
	int			n = 0;
	StreamProgress progress;
	StreamPosition *pos;
	int64		rows;
	int64		bytes;
	ListCell   *lc;

	foreach(lc, leaves)
		rels[n++] = table_open(lfirst_oid(lc), NoLock);
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	pos = progress.position ?
		stream_position_read(CurrentMemoryContext, progress.position) :
		stream_position_create(CurrentMemoryContext);
	PushActiveSnapshot(GetLatestSnapshot());
	stream_position_lag(pos, rels, n, GetActiveSnapshot(), &rows, &bytes);
	PopActiveSnapshot();
	stream_position_free(pos);
	while (n > 0)
		table_close(rels[--n], NoLock);
	return rows;
}

/* Has the view read all rows of the leaf that we can see?  The leaf is locked. */
static bool
is_read(StreamViewRow *row, Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	StreamProgress progress;
	StreamPosition *pos;
	bool		result;

	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	pos = progress.position ?
		stream_position_read(CurrentMemoryContext, progress.position) :
		stream_position_create(CurrentMemoryContext);
	PushActiveSnapshot(GetLatestSnapshot());
	result = stream_position_is_read(pos, rel, GetActiveSnapshot());
	PopActiveSnapshot();
	stream_position_free(pos);
	table_close(rel, NoLock);
	return result;
}

/* Has the view rows to read, as far as we can see, in leaves whose rows go? */
static bool
has_unread_rows(StreamViewRow *row, List *leaves)
{
	ListCell   *lc;

	foreach(lc, leaves)
		/* what is in storage that this transaction has made is its own */
		if (!storage_replaced_here(lfirst_oid(lc)) &&
			!is_read(row, lfirst_oid(lc)))
			return true;
	return false;
}

/* Before they are rewritten: nobody must read the rows of the leaves after that. */
static void
check_read(const struct StreamTakeaway *takeaway, List *leaves)
{
	ListCell   *lc;
	ListCell   *ll;

	foreach(lc, takeaway->views)
	{
		StreamViewRow *row = stream_catalog_view(lfirst_oid(lc));
		List	   *members = row ? stream_analyze_members(row->streams) : NIL;

		foreach(ll, leaves)
			if (list_member_oid(members, lfirst_oid(ll)) &&
				!is_read(row, lfirst_oid(ll)))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_IN_USE),
						 errmsg("cannot rewrite stream \"%s\", which continuous view \"%s\" has not read yet",
								get_rel_name(lfirst_oid(ll)),
								get_rel_name(row->viewid)),
						 errhint("If this transaction has inserted rows, run the command in one of its own.")));
	}
}

static bool
is_rewritten(Oid relid)
{
	return rewriting != NULL && list_member_oid(rewriting->leaves, relid);
}

/* Notes a row that is put aside. */
static bool
add_aside(ItemPointer tid, void *arg)
{
	CopiedLeaf *copied = arg;

	if (copied->naside == copied->max_aside)
	{
		copied->max_aside = Max(64, 2 * copied->max_aside);
		copied->aside = copied->aside ?
			repalloc_huge(copied->aside,
						  copied->max_aside * sizeof(AsideRow)) :
			palloc(copied->max_aside * sizeof(AsideRow));
	}
	copied->aside[copied->naside].from = *tid;
	copied->aside[copied->naside++].rank = -1;
	return false;
}

static int
compare_aside(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) &((const AsideRow *) a)->from,
							  (ItemPointer) &((const AsideRow *) b)->from);
}

/* Finds the rows that views have put aside, for streaming.retry: each once. */
static void
find_aside(CopiedLeaf *copied, List *views)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, views)
		stream_catalog_move_errors(lfirst_oid(lc), copied->relid,
								   copied->storage, copied->storage, add_aside,
								   copied);
	if (copied->naside > 0)
		qsort(copied->aside, copied->naside, sizeof(AsideRow), compare_aside);
	for (int i = 0; i < copied->naside; i++)
		if (i == 0 ||
			compare_aside(&copied->aside[n - 1], &copied->aside[i]) != 0)
			copied->aside[n++] = copied->aside[i];
	copied->naside = n;
}

/*
 * Event triggers have run since the rows were read.  The rows are counted in the order in which they lie, which
 * copying keeps: so where a row lies that is put aside is found by its rank; before: that is to be noted.
 */
static int64
count_rows(CopiedLeaf *copied, bool before)
{
	Relation	rel = table_open(copied->relid, NoLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	/* from the beginning */
	TableScanDesc scan = table_beginscan_strat(rel, snapshot, 0, NULL, true,
											   false);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	int64		rows = 0;
	int			next = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		while (next < copied->naside && before &&
			   ItemPointerCompare(&copied->aside[next].from, &slot->tts_tid) < 0)
			next++;				/* it is not there any more */
		while (next < copied->naside && !before &&
			   copied->aside[next].rank < rows)
			next++;
		if (next < copied->naside &&
			(before ? ItemPointerEquals(&copied->aside[next].from, &slot->tts_tid) :
			 copied->aside[next].rank == rows))
		{
			copied->aside[next].rank = rows;
			copied->aside[next++].to = slot->tts_tid;
		}
		rows++;
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return rows;
}

static void
check_copied(Oid relid)
{
	MemoryContext old;
	CopiedLeaf *copied;

	if (!is_rewritten(relid))
		return;
	check_read(rewriting, list_make1_oid(relid));
	old = MemoryContextSwitchTo(TopTransactionContext);
	copied = palloc0(sizeof(CopiedLeaf));
	copied->relid = relid;
	copied->storage = current_relfilenode(relid);
	if (!rewriting->reorders && !STREAM_MUTATION("aside_stays"))
		find_aside(copied, rewriting->views);
	copied->rows = count_rows(copied, true);
	rewriting->copied = lappend(rewriting->copied, copied);
	MemoryContextSwitchTo(old);
}

/* Has the worker of a view begin, without waiting for it. */
static void
request_batch(Oid viewid)
{
	Oid			leader = stream_viewgroup_leader(viewid);

	if (OidIsValid(leader))
		(void) stream_roster_request(leader);
}

/*
 * Has the view's worker read what is committed, while nobody can write to the
 * leaves (all->oids) any more.  Rows of our own transaction will never have been there.
 */
static void
wait_for_worker(CatchUp *all)
{
	StreamViewRow *row = stream_catalog_view(all->viewid);

	if (row == NULL || !has_unread_rows(row, all->oids))
		return;
	if (!stream_wait_for(all->viewid,
						 time_left(all->deadline) * INT64CONST(1000)))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("continuous view \"%s\" takes too long to read rows that are about to go",
						replaced_name(all->viewid) ? replaced_name(all->viewid) :
						get_rel_name(all->viewid))));
}

/*
 * Has the view read everything that is visible, in one batch: others may write to what
 * stays, and a second one would find more, for ever.  all->oids: those that have, also
 * as ones of a group.
 */
static void
catch_up(CatchUp *all)
{
	ListCell   *lc;

	if (list_member_oid(all->oids, all->viewid))
		return;
	stream_viewgroup_run(all->viewid, true, NULL, &all->group);
	foreach(lc, all->group.views)
		stream_batch_committed(lfirst_oid(lc));
	CommandCounterIncrement();
	foreach(lc, all->group.views)
		stream_batch_forget(lfirst_oid(lc));
	all->oids = list_concat(all->oids, all->group.views);
}

static NamedView *
named_view(Oid viewid)
{
	NamedView  *view = palloc(sizeof(NamedView));
	StreamViewRow *row = stream_catalog_view(viewid);

	view->viewid = viewid;
	view->skips = row != NULL && row->options.skip_errors;
	view->name = replaced_name(viewid);
	view->replacing = view->name != NULL;
	if (!view->replacing)
		view->name = get_rel_name(viewid);
	view->literal = view_literal(viewid);
	return view;
}

/*
 * Does something for each of the views, with a list of OIDs, for all of them within so
 * many milliseconds; errors say for which.
 */
static void
for_each_view(List *views, StreamTakeawayKind kind,
			  void (*work) (CatchUp *all), List *oids, int limit_ms)
{
	ErrorContextCallback callback;
	CatchUp		all = {.oids = oids};
	ListCell   *lc;

	all.stay = kind == STREAM_REWRITE || kind == STREAM_MOVE;
	all.deadline =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									stream_debug_limit("catch_up", limit_ms));
	foreach(lc, views)
		all.named = lappend(all.named, named_view(lfirst_oid(lc)));
	callback.callback = catch_up_context;
	callback.arg = &all;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	foreach(lc, views)
	{
		all.viewid = lfirst_oid(lc);
		all.group.at = InvalidOid;
		if (!is_gone(all.viewid))
			work(&all);
	}
	error_context_stack = callback.previous;
}

/* ---- what released views lose ---- */

/* Writes down what a view has not read of leaves whose rows go. */
static void
note_loss(Oid viewid, List *leaves)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	StreamFailure *failure = stream_catalog_failure(viewid);

	if (row == NULL || failure == NULL)
		return;
	failure->detail = psprintf("About " INT64_FORMAT " rows that it had not read were removed at %s.",
							   unread_rows(row, leaves),
							   timestamptz_to_str(GetCurrentTimestamp()));
	failure->at = GetCurrentTimestamp();
	PushActiveSnapshot(GetLatestSnapshot());
	stream_catalog_write_release(viewid, linitial_oid(row->streams), failure);
	PopActiveSnapshot();
}

/*
 * Own views are brought up to date here, and with them all that advance with them, though
 * they may not read what goes.
 */
static List *
with_own_groups(List *views)
{
	List	   *result = list_copy(views);
	ListCell   *lc;

	foreach(lc, views)
		if (!is_gone(lfirst_oid(lc)) &&
			stream_owner_of(lfirst_oid(lc)) == GetUserId())
			result = list_concat_unique_oid(result,
											stream_viewgroup_members(lfirst_oid(lc)));
	return result;
}

/*
 * Own views that go on without rows that fail: their workers find these, our own batch does
 * not.  What this transaction has made or changed, or is paused, no worker can read.
 */
static List *
views_that_skip(List *views)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, views)
	{
		StreamViewRow *row = stream_catalog_view(lfirst_oid(lc));

		if (row != NULL && row->options.skip_errors && row->options.enabled &&
			stream_enabled &&
			!TransactionIdIsCurrentTransactionId(row->changed_by))
			result = lappend_oid(result, row->viewid);
	}
	return result;
}

/* Those of the views that are the current user's own, or those that are not. */
static List *
views_of_mine(List *views, bool mine)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, views)
		if (!is_gone(lfirst_oid(lc)) &&
			(stream_owner_of(lfirst_oid(lc)) == GetUserId()) == mine)
			result = lappend_oid(result, lfirst_oid(lc));
	return result;
}

/*
 * What was to replace a view may have done so while we waited for its batch lock: then it is
 * the view that reads the rows, which has not been asked.
 */
static void
check_not_replaced(List *views)
{
	ListCell   *lc;

	foreach(lc, views)
	{
		Oid			viewid = lfirst_oid(lc);

		if (is_gone(viewid) || stream_catalog_view(viewid) != NULL)
			continue;
		viewid = stream_relations_whole(viewid);
		if (OidIsValid(viewid) && get_rel_name(viewid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("the query of continuous view \"%s\" has been replaced meanwhile",
							get_rel_name(viewid)),
					 errdetail("The view reads the rows now."),
					 errhint("Run the command again.")));
	}
}

StreamTakeaway *
stream_guard_consume(List *relids, StreamTakeawayKind kind)
{
	StreamTakeaway *takeaway = palloc0(sizeof(StreamTakeaway));
	List	   *released = NIL;
	List	   *others;
	ListCell   *lc;

	if (kind == STREAM_TRUNCATE)
		keep_restored_out(relids);
	foreach(lc, relids)
	{
		takeaway->views = list_concat_unique_oid(takeaway->views,
												 readers(lfirst_oid(lc)));
		released = list_concat_unique_oid(released,
										  readers_of_kind(lfirst_oid(lc), true));
	}
	if (takeaway->views == NIL && released == NIL)
		return NULL;
	if (kind != STREAM_MOVE)
		takeaway->views = with_own_groups(takeaway->views);
	list_sort(takeaway->views, list_oid_cmp);
	others = list_concat(views_of_mine(takeaway->views, false),
						 views_that_skip(views_of_mine(takeaway->views, true)));
	if (others != NIL && kind != STREAM_MOVE)
	{
		List	   *leaves = keep_writers_out(relids);

		/* the workers may as well begin at the same time */
		foreach(lc, others)
			request_batch(lfirst_oid(lc));
		for_each_view(others, kind, wait_for_worker, leaves,
					  CATCH_UP_LIMIT_MS);
	}
	for_each_view(takeaway->views, kind, lock_batches, NIL, CATCH_UP_LOCK_MS);
	check_not_replaced(takeaway->views);
	takeaway->kind = kind;
	takeaway->leaves = lock_leaves(relids, kind);
	if (kind != STREAM_MOVE)
		for_each_view(views_of_mine(takeaway->views, true), kind, catch_up,
					  NIL, 0);
	if (kind == STREAM_REWRITE)
		check_read(takeaway, takeaway->leaves);
	if (kind == STREAM_TRUNCATE || kind == STREAM_DROP)
		foreach(lc, released)
			note_loss(lfirst_oid(lc), takeaway->leaves);
	return takeaway;
}

/* The leaf has other storage, or not, after a command that was free to replace it. */
static void
settle_leaf(StreamPosition *pos, StreamLeaf *leaf, StreamTakeawayKind kind)
{
	Oid			relfilenode = current_relfilenode(leaf->relid);
	Relation	rel;

	if (relfilenode == leaf->relfilenode)
		return;
	if (kind == STREAM_MOVE)
	{
		leaf->relfilenode = relfilenode;
		return;
	}
	rel = table_open(leaf->relid, NoLock);
	PushActiveSnapshot(GetLatestSnapshot());
	stream_position_leaf_rewritten(pos, rel, GetActiveSnapshot());
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

/* What the command's own functions have inserted meanwhile nobody has read. */
static void
check_nothing_came(const StreamTakeaway *takeaway)
{
	ListCell   *lc;

	foreach(lc, takeaway->copied)
	{
		CopiedLeaf *copied = lfirst(lc);

		if (get_rel_name(copied->relid) != NULL &&
			count_rows(copied, false) != copied->rows)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("rows of stream \"%s\" have been inserted while it was rewritten",
							get_rel_name(copied->relid)),
					 errhint("Do not insert into the stream in functions that the command calls.")));
	}
}

/* A row that is put aside lies elsewhere now. */
static bool
move_aside(ItemPointer tid, void *arg)
{
	const CopiedLeaf *copied = arg;
	AsideRow	key = {.from = *tid};
	const AsideRow *found = copied->naside == 0 ? NULL :
		bsearch(&key, copied->aside, copied->naside, sizeof(AsideRow),
				compare_aside);

	if (found == NULL || found->rank < 0)
		return false;
	*tid = found->to;
	return true;
}

static bool
stays_aside(ItemPointer tid, void *arg)
{
	return true;
}

/* What the view has put aside is put aside where the rows are now. */
static void
settle_aside(const StreamViewRow *row, const StreamTakeaway *takeaway,
			 const StreamLeaf *leaf, Oid before)
{
	ListCell   *lc;

	if (leaf->relfilenode == before)
		return;
	if (takeaway->kind == STREAM_MOVE)
		stream_catalog_move_errors(row->viewid, leaf->relid, before,
								   leaf->relfilenode, stays_aside, NULL);
	foreach(lc, takeaway->copied)
	{
		CopiedLeaf *copied = lfirst(lc);

		if (copied->relid == leaf->relid && copied->storage == before)
			stream_catalog_move_errors(row->viewid, leaf->relid, before,
									   leaf->relfilenode, move_aside, copied);
	}
}

static void
settle_view(StreamViewRow *row, StreamTakeaway *takeaway)
{
	StreamProgress progress;
	StreamPosition *pos;
	List	   *leaves = stream_analyze_members(row->streams);
	ListCell   *lc;

	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (progress.position == NULL)
		return;
	pos = stream_position_read(CurrentMemoryContext, progress.position);
	foreach(lc, takeaway->leaves)
	{
		Oid			relid = lfirst_oid(lc);
		StreamLeaf *leaf = stream_position_leaf(pos, relid);

		if (leaf == NULL)
			continue;
		if (takeaway->kind == STREAM_REWRITE || takeaway->kind == STREAM_MOVE)
		{
			Oid			before = leaf->relfilenode;

			settle_leaf(pos, leaf, takeaway->kind);
			/* it may be another one */
			settle_aside(row, takeaway, stream_position_leaf(pos, relid),
						 before);
		}
		else if (takeaway->kind == STREAM_TRUNCATE)
			stream_position_reset_leaf(pos, relid,
									   current_relfilenode(relid));
		else if (list_member_oid(leaves, relid))
			continue;			/* the view reads it by its own name */
		else if (takeaway->kind == STREAM_DETACH)
			leaf->detached = true;
		else
			stream_position_forget_leaf(pos, relid);
	}
	/* a new number, so that its worker reads the position again */
	progress.batch++;
	progress.position = stream_position_write(pos);
	stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
	stream_position_free(pos);
}

void
stream_guard_settle(StreamTakeaway *takeaway)
{
	ListCell   *lc;

	if (takeaway == NULL)
		return;
	CommandCounterIncrement();
	check_nothing_came(takeaway);
	foreach(lc, takeaway->views)
	{
		StreamViewRow *row = stream_catalog_view(lfirst_oid(lc));

		if (row)
			settle_view(row, takeaway);
	}
	CommandCounterIncrement();
	stream_shmem_views_changed();
}

void
stream_guard_check_detached(const StreamTakeaway *takeaway, Oid parent)
{
	List	   *above = list_make1_oid(parent);
	ListCell   *lc;
	ListCell   *ls;

	if (OidIsValid(parent) && get_rel_relispartition(parent))
		above = list_concat(above, get_partition_ancestors(parent));
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (row->released || STREAM_MUTATION("attached_meanwhile") ||
			(takeaway && list_member_oid(takeaway->views, row->viewid)))
			continue;
		foreach(ls, row->streams)
			if (list_member_oid(above, lfirst_oid(ls)))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_IN_USE),
						 errmsg("DETACH PARTITION would take away rows that continuous view \"%s\" reads",
								get_rel_name(row->viewid)),
						 errdetail("They have come into its stream while the command waited."),
						 errhint("Run the command again: the view reads them before they go.")));
	}
}

void
stream_guard_truncate(List *relids, void (*command) (void *arg), void *arg)
{
	StreamTakeaway *takeaway = stream_guard_consume(relids, STREAM_TRUNCATE);
	bool		outer = truncating;

	truncating = true;
	PG_TRY();
	{
		command(arg);
	}
	PG_FINALLY();
	{
		truncating = outer;
	}
	PG_END_TRY();
	stream_guard_settle(takeaway);
	stream_guard_check_views("TRUNCATE");
}

void
stream_guard_rewrite(List *relids, StreamTakeawayKind kind, const char *name,
					 void (*command) (void *arg), void *arg)
{
	StreamTakeaway *takeaway =
		stream_guard_consume(relids, kind == STREAM_REORDER ?
							 STREAM_REWRITE : kind);
	StreamTakeaway *outer = rewriting;

	if (takeaway)
		takeaway->reorders = kind == STREAM_REORDER;
	rewriting = takeaway;
	PG_TRY();
	{
		command(arg);
	}
	PG_FINALLY();
	{
		rewriting = outer;
	}
	PG_END_TRY();
	stream_guard_settle(takeaway);
	stream_guard_check_views(name);
}

/* ---- partitions that go with other things ---- */

/* A partition that a command drops, and a view that has not read it. */
typedef struct Unread
{
	Oid			viewid;
	const char *partition;
} Unread;

/*
 * What the command that is running drops in that way, for the hook that sees all
 * drops; and what it is free to, for the views have consumed it.
 */
typedef struct Dropping
{
	List	   *consumed;		/* OIDs of leaves */
	List	   *unread;			/* of Unread */
	MemoryContext context;
} Dropping;

static Dropping *dropping = NULL;

void
stream_guard_refuse_within(const char *what)
{
	if (truncating || rewriting || dropping)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot run while a command takes rows of streams away or rewrites them",
						what),
				 errhint("Run it after that command.")));
}

/* Has the view a position in the leaf? */
static bool
has_met(Oid viewid, Oid relid)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	StreamProgress progress;
	StreamPosition *pos;
	bool		met;

	if (row == NULL)
		return true;
	stream_catalog_read_progress(viewid, row->unlogged, NULL, &progress);
	if (progress.position == NULL)
		return false;
	pos = stream_position_read(CurrentMemoryContext, progress.position);
	met = stream_position_leaf(pos, relid) != NULL;
	stream_position_free(pos);
	return met;
}

void
stream_guard_dropped(Oid relid)
{
	MemoryContext caller;
	ListCell   *lc;

	if (dropping == NULL || !get_rel_relispartition(relid) ||
		!stream_am_relid_is_stream(relid) ||
		list_member_oid(dropping->consumed, relid))
		return;
	caller = MemoryContextSwitchTo(dropping->context);
	foreach(lc, readers(relid))
		/* about those that it has, the check afterwards complains */
		if (!has_met(lfirst_oid(lc), relid))
		{
			Unread	   *unread = palloc(sizeof(Unread));

			unread->viewid = lfirst_oid(lc);
			unread->partition = get_rel_name(relid);
			dropping->unread = lappend(dropping->unread, unread);
		}
	MemoryContextSwitchTo(caller);
}

/* Views may have been dropped by the same command: then it takes nothing away. */
static void
check_unread(List *unread, const char *command)
{
	ListCell   *lc;

	foreach(lc, unread)
	{
		Unread	   *u = lfirst(lc);

		if (stream_catalog_view(u->viewid) == NULL)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("%s would take away rows that continuous view \"%s\" reads",
						command, get_rel_name(u->viewid)),
				 errdetail("It drops partition \"%s\", which the view has not read yet.",
						   u->partition),
				 errhint("Drop the partition by itself first: the view reads it before it goes.")));
	}
}

void
stream_guard_drop(List *partitions, const char *name,
				  void (*command) (void *arg), void *arg)
{
	StreamTakeaway *takeaway = stream_guard_consume(partitions, STREAM_DROP);
	Dropping   *outer = dropping;
	Dropping	mine = {0};

	if (takeaway)
		mine.consumed = takeaway->leaves;
	mine.context = CurrentMemoryContext;
	dropping = &mine;
	PG_TRY();
	{
		command(arg);
	}
	PG_FINALLY();
	{
		dropping = outer;
	}
	PG_END_TRY();
	stream_guard_settle(takeaway);
	if (mine.unread != NIL)
	{
		CommandCounterIncrement();
		check_unread(mine.unread, name);
	}
}

/* ---- checking ---- */

/*
 * Has this transaction made, changed or dropped the leaf, or moved it, with what
 * is above it, into a partitioned table or out of one?
 */
static bool
leaf_changed_here(Oid relid)
{
	return row_changed_here(RelationRelationId, ClassOidIndexId,
							Anum_pg_class_oid, relid) ||
		link_changed_above(relid);
}

/* What a batch of the view would say about a leaf is said now. */
static void
check_members(StreamViewRow *row, List *leaves)
{
	bool		unlogged;
	ListCell   *lc;

	foreach(lc, leaves)
	{
		Oid			relid = lfirst_oid(lc);
		bool		fits = stream_am_relid_is_stream(relid) &&
			(get_rel_persistence(relid) ==
			 RELPERSISTENCE_UNLOGGED) == row->unlogged &&
			(list_member_oid(row->streams, relid) ?
			 !has_subclass(relid) : get_rel_relispartition(relid));

		if (fits || !leaf_changed_here(relid))
			continue;
		(void) stream_analyze_leaves(row->streams, NoLock, &unlogged);
		/* the view may have come while the command waited */
		if (unlogged != row->unlogged && !STREAM_MUTATION("follow_nobody"))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("continuous view \"%s\" reads \"%s\", which would change between logged and unlogged without it",
							get_rel_name(row->viewid), get_rel_name(relid)),
					 errhint("Run the command again.")));
	}
}

static void
check_leaf(StreamViewRow *row, StreamLeaf *leaf, bool member,
		   const char *command)
{
	bool		replaced = member &&
		current_relfilenode(leaf->relid) != leaf->relfilenode;

	if (replaced && leaf->detached && leaf_changed_here(leaf->relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("partition \"%s\" has been rewritten or truncated while it was detached",
						get_rel_name(leaf->relid)),
				 errdetail("Continuous view \"%s\" cannot tell which of its rows it has read before.",
						   get_rel_name(row->viewid)),
				 errhint("Insert the rows that are to be read into a new partition; or the owner of the stream releases the view first: SELECT streaming.release(%s);",
						 view_literal(row->viewid))));
	if (member ? replaced && storage_replaced_here(leaf->relid) :
		!leaf->detached && leaf_changed_here(leaf->relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("%s would take away rows that continuous view \"%s\" reads",
						command, get_rel_name(row->viewid)),
				 get_rel_name(leaf->relid) == NULL ?
				 errdetail("It drops a partition whose rows the view has read.") :
				 errdetail("It replaces the storage of \"%s\", or removes it from its stream.",
						   get_rel_name(leaf->relid)),
				 errhint("Drop the continuous views first.")));
}

static void
check_view(StreamViewRow *row, const char *command)
{
	StreamProgress progress;
	StreamPosition *pos;
	List	   *leaves;
	ListCell   *lc;

	if (row->released)
		return;
	foreach(lc, row->streams)
		if (get_rel_name(lfirst_oid(lc)) == NULL)
			return;				/* its view is on the way out, too */
	leaves = stream_analyze_members(row->streams);
	check_members(row, leaves);
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (progress.position == NULL)
		return;
	pos = stream_position_read(CurrentMemoryContext, progress.position);
	for (int i = 0; i < pos->nleaves; i++)
		check_leaf(row, pos->leaves[i],
				   list_member_oid(leaves, pos->leaves[i]->relid), command);
	stream_position_free(pos);
}

void
stream_guard_check_views(const char *command)
{
	ListCell   *lc;
	List	   *rows = stream_catalog_views();

	if (rows == NIL)
		return;
	CommandCounterIncrement();
	foreach(lc, rows)
		check_view(lfirst(lc), command);
}
