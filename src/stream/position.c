/*-------------------------------------------------------------------------
 *
 * position.c
 *	  The reading position: which rows a view has read, which are new.
 *
 * Sequence numbers and timestamps are assigned before commit, transaction ids
 * do not survive freezing, so a position made of them loses the rows that
 * commit late.  This one is physical.  README.md ("The reading position")
 * has the argument; in short, per leaf relation:
 *
 *	  next_block	rows below it have been read and none can appear there
 *	  read			the rows at or above it that have been read
 *	  boundary		up to where the last batch has read: its last page, which
 *					may still take rows, is not below it
 *	  tail			the last page of the leaf at that time.  By the placement
 *					rule (am.c) only the transactions that held a writer's
 *					lock on the leaf then can still write below it
 *	  writers		these transactions, each with its floor: the tail of the
 *					last batch before it was seen first.  It cannot write
 *					below its floor
 *
 * The next batch therefore finds all its rows at or above the boundary and the
 * floors of the writers that have ended since; and next_block is the lowest
 * floor of those still running.
 *
 * Order matters: length of the leaf, then the lock holders, then (by the
 * caller) the snapshot.  A writer that is not among the holders has either
 * ended, then the snapshot sees its rows, or takes its lock later, then it
 * writes at or above the length that was measured, less one page.
 *
 * A writer that ends between the two is seen by the snapshot, though some of its rows may
 * be beyond that length, or below the boundary.  The batch takes them in, so that nobody
 * sees half of a transaction (stream_position_extend); what the next batch begins with
 * stays as measured.
 *
 * A batch may end before the end of the leaf (max_rows); its boundary is then
 * where it ends.  The tail is not: floors that lag behind with the boundary
 * would send each batch back to where the one before began.
 *
 * It may also end in the middle of a page (stream_position_cut): the rows of that page
 * are in the read set up to there, and the page is the boundary.
 *
 * again	rows that have been read, and are to be read once more by the next
 *			batch, wherever they are.  They stay in the read set meanwhile, and leave
 *			the list with the batch that reads them
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/twophase.h"
#include "executor/tuptable.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/debug.h"
#include "stream/position.h"

#define POSITION_FORMAT 1

/* of a leaf, in the stored form */
#define FLAG_DETACHED 1
#define FLAG_AGAIN 2			/* there are rows to be read again */

/* Rows per page where nothing is known yet, and there are not more than a few to read. */
#define DEFAULT_DENSITY 100.0
#define FEW_PAGES 10

/* Beyond so many unread pages the lag in rows is estimated. */
#define EXACT_LAG_PAGES 1000

StreamPosition *
stream_position_create(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "reading position",
												  ALLOCSET_SMALL_SIZES);
	StreamPosition *pos = MemoryContextAllocZero(context,
												 sizeof(StreamPosition));

	pos->context = context;
	return pos;
}

void
stream_position_free(StreamPosition *pos)
{
	MemoryContextDelete(pos->context);
}

StreamLeaf *
stream_position_leaf(const StreamPosition *pos, Oid relid)
{
	for (int i = 0; i < pos->nleaves; i++)
		if (pos->leaves[i]->relid == relid)
			return pos->leaves[i];
	return NULL;
}

/* Adds a leaf at its beginning; the caller is in the position's context. */
static StreamLeaf *
add_leaf(StreamPosition *pos, Oid relid, Oid relfilenode)
{
	StreamLeaf *leaf = palloc0(sizeof(StreamLeaf));
	Size		size = sizeof(StreamLeaf *) * (pos->nleaves + 1);

	leaf->relid = relid;
	leaf->relfilenode = relfilenode;
	pos->leaves = pos->leaves ? repalloc(pos->leaves, size) : palloc(size);
	pos->leaves[pos->nleaves++] = leaf;
	return leaf;
}

void
stream_position_forget_leaf(StreamPosition *pos, Oid relid)
{
	for (int i = 0; i < pos->nleaves; i++)
		if (pos->leaves[i]->relid == relid)
			pos->leaves[i] = pos->leaves[--pos->nleaves];
}

void
stream_position_reset_leaf(StreamPosition *pos, Oid relid, Oid relfilenode)
{
	MemoryContext old = MemoryContextSwitchTo(pos->context);
	StreamLeaf *leaf;

	stream_position_forget_leaf(pos, relid);
	leaf = add_leaf(pos, relid, relfilenode);
	leaf->read = stream_readset_create();
	MemoryContextSwitchTo(old);
}

/* ---- moving to other storage ---- */

struct StreamMove
{
	StreamPosition *pos;
	StreamLeaf *leaf;			/* in the old storage */
	StreamReadSet *read;		/* in the new one */
	ItemPointer again;			/* rows to be read once more, sorted: there, rows that
								 * have not been read */
	int			nagain;
	BlockNumber first;			/* the first page with a row that has not been
								 * read, or InvalidBlockNumber */
	BlockNumber block;			/* the page at hand, or InvalidBlockNumber */
	OffsetNumber offsets[MaxHeapTuplesPerPage]; /* rows of it that have been */
	int			noffsets;
};

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

StreamMove *
stream_position_begin_move(StreamPosition *pos, Oid relid)
{
	StreamLeaf *leaf = stream_position_leaf(pos, relid);
	MemoryContext old;
	StreamMove *move;

	if (leaf == NULL)
		return NULL;
	old = MemoryContextSwitchTo(pos->context);
	move = palloc0(sizeof(StreamMove));
	move->pos = pos;
	move->leaf = leaf;
	move->read = stream_readset_create();
	move->first = move->block = InvalidBlockNumber;
	move->nagain = leaf->nagain;
	move->again = palloc(sizeof(ItemPointerData) * (leaf->nagain + 1));
	if (leaf->nagain > 0)
		memcpy(move->again, leaf->again,
			   sizeof(ItemPointerData) * leaf->nagain);
	qsort(move->again, move->nagain, sizeof(ItemPointerData), compare_tids);
	MemoryContextSwitchTo(old);
	return move;
}

bool
stream_position_has_read(const StreamMove *move, ItemPointer from)
{
	BlockNumber block = ItemPointerGetBlockNumber(from);

	return (block < move->leaf->next_block ||
			stream_readset_member(stream_readset_page(move->leaf->read, block),
								  ItemPointerGetOffsetNumber(from))) &&
		(move->nagain == 0 ||
		 bsearch(from, move->again, move->nagain, sizeof(ItemPointerData),
				 compare_tids) == NULL);
}

/*
 * The page at hand is complete.  As long as all has been read, that there are pages before
 * it is all there is to say of them.
 */
static void
end_page(StreamMove *move)
{
	if (!BlockNumberIsValid(move->block))
		return;
	stream_readset_put_page(move->read, move->block, move->offsets,
							move->noffsets);
	if (!BlockNumberIsValid(move->first))
		stream_readset_trim(move->read, move->block);
}

void
stream_position_move(StreamMove *move, ItemPointer from, ItemPointer to)
{
	if (ItemPointerGetBlockNumber(to) != move->block)
	{
		end_page(move);
		move->block = ItemPointerGetBlockNumber(to);
		move->noffsets = 0;
	}
	if (stream_position_has_read(move, from))
		move->offsets[move->noffsets++] = ItemPointerGetOffsetNumber(to);
	else if (!BlockNumberIsValid(move->first))
		move->first = move->block;
}

void
stream_position_end_move(StreamMove *move, Oid relfilenode)
{
	StreamPosition *pos = move->pos;
	Oid			relid = move->leaf->relid;
	StreamLeaf *leaf;

	end_page(move);
	stream_position_reset_leaf(pos, relid, relfilenode);
	leaf = stream_position_leaf(pos, relid);
	stream_readset_free(leaf->read);
	leaf->read = move->read;
	/* rows may still come to the last page */
	if (BlockNumberIsValid(move->first))
		leaf->next_block = move->first;
	else if (BlockNumberIsValid(move->block))
		leaf->next_block = move->block;
	pfree(move->again);
	pfree(move);
}

/* ---- stored form ---- */

struct varlena *
stream_position_write(const StreamPosition *pos)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoChar(&out, POSITION_FORMAT);
	for (int i = 0; i < pos->nleaves; i++)
	{
		const StreamLeaf *leaf = pos->leaves[i];

		appendBinaryStringInfo(&out, (char *) &leaf->relid, sizeof(Oid));
		appendBinaryStringInfo(&out, (char *) &leaf->relfilenode, sizeof(Oid));
		appendBinaryStringInfo(&out, (char *) &leaf->next_block,
							   sizeof(BlockNumber));
		appendStringInfoChar(&out, (leaf->detached ? FLAG_DETACHED : 0) |
							 (leaf->nagain > 0 ? FLAG_AGAIN : 0));
		stream_readset_write(leaf->read, &out);
		if (leaf->nagain == 0)
			continue;
		appendBinaryStringInfo(&out, (char *) &leaf->nagain, sizeof(int));
		appendBinaryStringInfo(&out, (char *) leaf->again,
							   sizeof(ItemPointerData) * leaf->nagain);
	}
	SET_VARSIZE(out.data, out.len);
	return (struct varlena *) out.data;
}

/* Copies a fixed number of bytes from the stored form. */
static void
read_bytes(const char **data, const char *end, void *dest, Size n)
{
	if (end - *data < n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored reading position is damaged")));
	memcpy(dest, *data, n);
	*data += n;
}

/* Reads the rows to be read again; the caller is in the position's context. */
static void
read_again(StreamLeaf *leaf, const char **data, const char *end)
{
	read_bytes(data, end, &leaf->nagain, sizeof(int));
	if (leaf->nagain <= 0 ||
		leaf->nagain > (end - *data) / sizeof(ItemPointerData))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored reading position is damaged")));
	/* room as stream_position_read_again expects it */
	leaf->again = palloc(sizeof(ItemPointerData) *
						 pg_nextpower2_32(leaf->nagain));
	read_bytes(data, end, leaf->again,
			   sizeof(ItemPointerData) * leaf->nagain);
}

StreamPosition *
stream_position_read(MemoryContext parent, struct varlena *stored)
{
	StreamPosition *pos = stream_position_create(parent);
	MemoryContext old = MemoryContextSwitchTo(pos->context);
	const char *data = VARDATA_ANY(stored);
	const char *end = data + VARSIZE_ANY_EXHDR(stored);
	char		format = 0;

	read_bytes(&data, end, &format, 1);
	if (format != POSITION_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored reading position has unknown format %d",
						format)));
	while (data < end)
	{
		Oid			ids[2];
		StreamLeaf *leaf;
		char		flags;

		read_bytes(&data, end, ids, sizeof(ids));
		leaf = add_leaf(pos, ids[0], ids[1]);
		read_bytes(&data, end, &leaf->next_block, sizeof(BlockNumber));
		read_bytes(&data, end, &flags, 1);
		leaf->detached = (flags & FLAG_DETACHED) != 0;
		leaf->read = stream_readset_read(&data, end);
		if (flags & FLAG_AGAIN)
			read_again(leaf, &data, end);
	}
	MemoryContextSwitchTo(old);
	return pos;
}

/* ---- measuring ---- */

/*
 * Number of blocks up to the last page that holds any line pointer.  Pages
 * behind it may not be in the WAL (see README.md).
 */
static BlockNumber
used_blocks(Relation rel)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);

	while (nblocks > 0)
	{
		Buffer		buffer = ReadBuffer(rel, nblocks - 1);
		Page		page;
		bool		used;

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		used = !PageIsNew(page) && PageGetMaxOffsetNumber(page) > 0;
		UnlockReleaseBuffer(buffer);
		if (used)
			break;
		nblocks--;
		CHECK_FOR_INTERRUPTS();
	}
	return nblocks;
}

/* The floor that the last batch knew for a writer, or else its tail. */
static BlockNumber
floor_of(const StreamLeaf *leaf, VirtualTransactionId vxid)
{
	if (!leaf->tracking)
		return leaf->next_block;
	for (int i = 0; i < leaf->nwriters; i++)
		if (VirtualTransactionIdEquals(leaf->writers[i].vxid, vxid))
			return leaf->writers[i].floor;
	return leaf->tail;
}

/* May this very transaction be writing to the leaf? */
static bool
writing_ourselves(const LOCKTAG *tag)
{
	return stream_compat_lock_held_by_me(tag, RowExclusiveLock, false) ||
		stream_compat_lock_held_by_me(tag, ShareRowExclusiveLock, false) ||
		stream_compat_lock_held_by_me(tag, ExclusiveLock, false) ||
		stream_compat_lock_held_by_me(tag, AccessExclusiveLock, false);
}

/* What is measured of a leaf before the snapshot is taken. */
typedef struct Measure
{
	Oid			relid;
	BlockNumber nblocks;
	VirtualTransactionId *writers;
	int			nwriters;
	BlockNumber extended;		/* its length when there was the snapshot, or
								 * InvalidBlockNumber: not known yet */
} Measure;

/* The transactions that may be writing to the leaf now. */
static void
find_writers(Measure *measure)
{
	LOCKTAG		tag;
	VirtualTransactionId *vxids;
	int			n;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, measure->relid);
	vxids = GetLockConflicts(&tag, ShareLock, &n);
	/* there is room: it reckons with every process, and us it leaves out */
	if (writing_ourselves(&tag))
		GET_VXID_FROM_PGPROC(vxids[n++], *MyProc);
	measure->nwriters = n;
	measure->writers = palloc(sizeof(VirtualTransactionId) * (n + 1));
	memcpy(measure->writers, vxids, sizeof(VirtualTransactionId) * n);
	pfree(vxids);
}

static Measure *
find_measure(Relation rel, List *measured)
{
	ListCell   *lc;

	foreach(lc, measured)
	{
		Measure    *measure = lfirst(lc);

		if (measure->relid == RelationGetRelid(rel))
			return measure;
	}
	return NULL;
}

/* Measures a leaf, unless that is in the list (if there is one). */
static Measure *
measure_leaf(Relation rel, List **measured)
{
	Measure    *measure = find_measure(rel, measured ? *measured : NIL);

	if (measure != NULL)
		return measure;
	measure = palloc(sizeof(Measure));
	measure->extended = InvalidBlockNumber;
	measure->relid = RelationGetRelid(rel);
	measure->nblocks = used_blocks(rel);
	find_writers(measure);
	if (measured)
		*measured = lappend(*measured, measure);
	return measure;
}

/* Notes the transactions that may be writing to the leaf. */
static void
note_writers(StreamPosition *pos, StreamLeaf *leaf, const Measure *measure)
{
	int			n = measure->nwriters;

	if (leaf->new_writers)
		pfree(leaf->new_writers);	/* of a batch that found nothing to do */
	leaf->new_writers = MemoryContextAlloc(pos->context,
										   sizeof(StreamWriter) * (n + 1));
	leaf->new_nwriters = n;
	for (int i = 0; i < n; i++)
	{
		leaf->new_writers[i].vxid = measure->writers[i];
		leaf->new_writers[i].floor = floor_of(leaf, measure->writers[i]);
	}
}

/* Is the transaction among the writers noted for the batch in progress? */
static bool
still_writing(const StreamLeaf *leaf, VirtualTransactionId vxid)
{
	for (int i = 0; i < leaf->new_nwriters; i++)
		if (VirtualTransactionIdEquals(leaf->new_writers[i].vxid, vxid))
			return true;
	return false;
}

/* The lowest block where rows can have appeared since the last batch. */
static BlockNumber
first_changed_block(const StreamLeaf *leaf)
{
	BlockNumber first = leaf->boundary;

	if (!leaf->tracking)
		return leaf->next_block;
	for (int i = 0; i < leaf->nwriters; i++)
		if (leaf->writers[i].floor < first &&
			!still_writing(leaf, leaf->writers[i].vxid))
			first = leaf->writers[i].floor;
	return first;
}

/* How many rows a page of the leaf has, or has had. */
static double
page_density(Relation rel, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(rel, block);
	double		rows;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	rows = PageGetMaxOffsetNumber(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return Max(1.0, rows);
}

/* About how many rows the pages [start, end) have; leaf: may be NULL. */
static double
estimate_rows(const StreamLeaf *leaf, Relation rel, BlockNumber start,
			  BlockNumber end)
{
	BlockNumber pages = end > start ? end - start : 0;
	double		density = DEFAULT_DENSITY;

	if (leaf && leaf->density > 0)
		density = leaf->density;
	else if (rel->rd_rel->relpages > 0 && rel->rd_rel->reltuples > 0)
		density = Max(1.0, rel->rd_rel->reltuples / rel->rd_rel->relpages);
	else if (pages > FEW_PAGES)
		density = page_density(rel, start + pages / 2);
	return density * pages;
}

/* The same of its range, if that is more than the last page. */
static double
leaf_backlog(const StreamLeaf *leaf, Relation rel)
{
	if (leaf->scan_end <= leaf->scan_start + 1)
		return 0;
	return estimate_rows(leaf, rel, leaf->scan_start, leaf->scan_end);
}

/* Settles the range of the leaf, for a batch without bounds. */
static void
settle_range(StreamPosition *pos, StreamLeaf *leaf, const Measure *measure)
{
	BlockNumber nblocks = measure->nblocks;

	note_writers(pos, leaf, measure);
	leaf->active = true;
	leaf->scan_start = first_changed_block(leaf);
	leaf->scan_end = Max(nblocks, leaf->scan_start);
	leaf->new_boundary = nblocks > 0 ? nblocks - 1 : 0;
	leaf->new_tail = leaf->new_boundary;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* How many rows each may have of what max_rows leaves for those with most. */
static double
fair_share(double *needs, int n, double max_rows)
{
	qsort(needs, n, sizeof(double), compare_doubles);
	for (int i = 0; i < n; i++)
	{
		double		share = max_rows / (n - i);

		if (needs[i] > share)
			return share;
		max_rows -= needs[i];
	}
	return DBL_MAX;
}

/*
 * Cuts the ranges down to max_rows in all.  A leaf of which there is but the last
 * page costs nothing.  Where there is less than a page for each, some leaves stay
 * as they are until another batch.  Returns true if rows are left over.
 */
static bool
share_out(StreamPosition *pos, StreamLeaf **leaves, Relation *rels, int n,
		  double max_rows)
{
	double	   *needs = palloc(sizeof(double) * n);
	double		share;
	double		spent = 0;
	bool		more = false;
	int			nneeds = 0;

	for (int i = 0; i < n; i++)
		if (leaf_backlog(leaves[i], rels[i]) > 0)
			needs[nneeds++] = leaf_backlog(leaves[i], rels[i]);
	share = fair_share(needs, nneeds, max_rows);
	pfree(needs);
	for (int i = 0; i < n; i++)
	{
		int			k = (pos->turn + i) % n;
		StreamLeaf *leaf = leaves[k];
		BlockNumber length = leaf->scan_end - leaf->scan_start;
		double		density;
		BlockNumber allowed;

		if (length <= 1)
			continue;
		density = leaf_backlog(leaf, rels[k]) / length;
		allowed = (BlockNumber) Min(Max(1.0, share / density),
									(double) MaxBlockNumber);
		if (spent >= max_rows)
		{
			leaf->active = false;
			leaf->more = true;
		}
		else if (length > allowed)
		{
			leaf->scan_end = leaf->scan_start + allowed;
			leaf->new_boundary = Min(leaf->scan_end, leaf->new_boundary);
			leaf->more = true;
			spent += density * allowed;
		}
		else
			spent += density * length;
		more |= leaf->more;
	}
	return more;
}

/* The leaf's part of the position, added if it has not been met before. */
static StreamLeaf *
enter_leaf(StreamPosition *pos, Relation rel)
{
	StreamLeaf *leaf = stream_position_leaf(pos, RelationGetRelid(rel));
	MemoryContext old;

	if (leaf == NULL)
	{
		old = MemoryContextSwitchTo(pos->context);
		leaf = add_leaf(pos, RelationGetRelid(rel),
						STREAM_COMPAT_RELNUMBER(rel));
		leaf->read = stream_readset_create();
		MemoryContextSwitchTo(old);
	}
	if (leaf->relfilenode != STREAM_COMPAT_RELNUMBER(rel))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("storage of stream \"%s\" has been replaced",
						RelationGetRelationName(rel)),
				 errdetail("The view's reading position belongs to storage that is gone."),
				 errhint("Drop the continuous view and create it anew.")));
	return leaf;
}

bool
stream_position_begin(StreamPosition *pos, Relation *rels, int n,
					  int64 max_rows, List **measured)
{
	StreamLeaf **leaves = palloc(sizeof(StreamLeaf *) * (n + 1));
	bool		more = false;

	for (int i = 0; i < n; i++)
	{
		StreamLeaf *leaf = enter_leaf(pos, rels[i]);

		leaf->detached = false;
		leaf->more = false;
		leaf->scanned = false;
		leaf->rows = 0;
		leaf->seen = false;
		leaf->cut = false;
		leaf->aside = false;
		leaf->taken = false;
		leaf->taking = leaf->nagain;
		settle_range(pos, leaf, measure_leaf(rels[i], measured));
		leaves[i] = leaf;
	}
	if (max_rows > 0 && n > 0)
		more = share_out(pos, leaves, rels, n, (double) max_rows);
	if (more)
		pos->turn = (pos->turn + 1) % n;
	pfree(leaves);
	return more;
}

double
stream_position_backlog(const StreamPosition *pos, Relation *rels, int n)
{
	double		rows = 0;

	for (int i = 0; i < n; i++)
		rows += leaf_backlog(stream_position_leaf(pos,
												  RelationGetRelid(rels[i])),
							 rels[i]);
	return rows;
}

double
stream_position_estimate(const StreamPosition *pos, Relation *rels, int n)
{
	double		rows = 0;

	for (int i = 0; i < n; i++)
	{
		StreamLeaf *leaf = stream_position_leaf(pos, RelationGetRelid(rels[i]));

		if (leaf && leaf->active)
			rows += estimate_rows(leaf, rels[i], leaf->scan_start,
								  leaf->scan_end);
	}
	return rows;
}

/* Has the process not ended the transaction yet? */
static bool
is_running(VirtualTransactionId vxid)
{
	PGPROC	   *process = stream_compat_vxid_process(vxid);
	VirtualTransactionId running;

	if (process == NULL)
		return false;
	GET_VXID_FROM_PGPROC(running, *process);
	return VirtualTransactionIdEquals(vxid, running);
}

/*
 * Does the snapshot surely see nothing of the transaction, which may have been writing when
 * the leaf was measured?  Whoever ends one says so before a snapshot can see it.
 */
static bool
is_unseen(VirtualTransactionId vxid, Snapshot snapshot)
{
	VirtualTransactionId ours;
	TransactionId xid;
	bool		several = false;

	GET_VXID_FROM_PGPROC(ours, *MyProc);
	if (VirtualTransactionIdEquals(vxid, ours))
		return false;
	if (VirtualTransactionIdIsRecoveredPreparedXact(vxid))
		return XidInMVCCSnapshot(vxid.localTransactionId, snapshot);
	/* in this order: while it is being prepared, it is both */
	if (is_running(vxid))
		return true;
	xid = TwoPhaseGetXidByVirtualXID(vxid, &several);
	return TransactionIdIsValid(xid) && !several &&
		XidInMVCCSnapshot(xid, snapshot);
}

/* Takes in what the snapshot sees of transactions that have ended since measuring. */
static void
extend_leaf(StreamLeaf *leaf, Relation rel, Snapshot snapshot,
			Measure *measure)
{
	BlockNumber nblocks = measure ? measure->extended : InvalidBlockNumber;

	if (nblocks == InvalidBlockNumber)
	{
		nblocks = RelationGetNumberOfBlocks(rel);
		if (nblocks > (measure ? measure->nblocks : leaf->scan_end))
			nblocks = used_blocks(rel);
		if (measure)
			measure->extended = nblocks;
	}
	leaf->scan_end = Max(leaf->scan_end, nblocks);
	for (int i = 0; i < leaf->new_nwriters; i++)
	{
		StreamWriter *writer = &leaf->new_writers[i];

		if (writer->floor < leaf->scan_start &&
			!is_unseen(writer->vxid, snapshot))
			leaf->scan_start = writer->floor;
	}
}

void
stream_position_extend(StreamPosition *pos, Relation *rels, int n,
					   Snapshot snapshot, List *measured)
{
	for (int i = 0; i < n; i++)
	{
		StreamLeaf *leaf = stream_position_leaf(pos,
												RelationGetRelid(rels[i]));

		if (leaf->active && !leaf->more && !STREAM_MUTATION("half_seen"))
			extend_leaf(leaf, rels[i], snapshot,
						find_measure(rels[i], measured));
	}
}

bool
stream_position_pending(const StreamPosition *pos)
{
	for (int i = 0; i < pos->nleaves; i++)
		if (pos->leaves[i]->active &&
			(pos->leaves[i]->taking > 0 ||
			 pos->leaves[i]->scan_end > pos->leaves[i]->scan_start))
			return true;
	return false;
}

void
stream_position_read_again(StreamPosition *pos, StreamLeaf *leaf,
						   ItemPointer tid)
{
	/* doubles when it is full: at powers of two */
	if (leaf->nagain == 0)
		leaf->again = MemoryContextAlloc(pos->context, sizeof(*tid));
	else if ((leaf->nagain & (leaf->nagain - 1)) == 0)
		leaf->again = repalloc_huge(leaf->again,
									sizeof(*tid) * 2 * (Size) leaf->nagain);
	leaf->again[leaf->nagain++] = *tid;
}

void
stream_position_note_seen(StreamLeaf *leaf, BlockNumber block,
						  const OffsetNumber *offsets, int n)
{
	/* a later one may see what functions of the query have inserted */
	if (leaf->seen)
		return;
	if (leaf->seen_offsets == NULL)
		leaf->seen_offsets =
			MemoryContextAlloc(GetMemoryChunkContext(leaf),
							   sizeof(OffsetNumber) * MaxHeapTuplesPerPage);
	memcpy(leaf->seen_offsets, offsets, sizeof(OffsetNumber) * n);
	leaf->seen_block = block;
	leaf->nseen = n;
	leaf->seen = true;
}

/* ---- a part of what there is ---- */

/* Begins to read the pages [start, end). */
static TableScanDesc
begin_scan(Relation rel, Snapshot snapshot, BlockNumber start,
		   BlockNumber end)
{
	ItemPointerData low;
	ItemPointerData high;

	ItemPointerSet(&low, start, FirstOffsetNumber);
	ItemPointerSet(&high, end - 1, MaxOffsetNumber);
	return table_beginscan_tidrange(rel, snapshot, &low, &high);
}

/* One leaf, in all positions of a batch that have it. */
typedef struct CutLeaf
{
	Relation	rel;
	StreamLeaf **leaves;
	int			n;
	ItemPointerData *again;		/* what any of them reads again, ascending */
	int64		nagain;
} CutLeaf;

/* Is the row new to the position? */
static bool
is_new(const StreamLeaf *leaf, ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);

	return block >= leaf->scan_start && block < leaf->scan_end &&
		!stream_readset_member(stream_readset_page(leaf->read, block),
							   ItemPointerGetOffsetNumber(tid));
}

static bool
is_new_to_any(const CutLeaf *cut, ItemPointer tid)
{
	for (int i = 0; i < cut->n; i++)
		if (is_new(cut->leaves[i], tid))
			return true;
		else if (STREAM_MUTATION("group_cut"))
			return false;
	return false;
}

/* The pages where there may be rows that are new to any; false: none. */
static bool
range_of_all(const CutLeaf *cut, BlockNumber *start, BlockNumber *end)
{
	*start = InvalidBlockNumber;
	*end = 0;
	for (int i = 0; i < cut->n; i++)
	{
		StreamLeaf *leaf = cut->leaves[i];

		if (leaf->scan_end <= leaf->scan_start)
			continue;
		*start = Min(*start, leaf->scan_start);
		*end = Max(*end, leaf->scan_end);
	}
	return *end > 0;
}

/*
 * Counts new rows in the leaf's pages, up to a limit; *first: the first, *last: the last
 * of them.
 */
static int64
count_new(const CutLeaf *cut, Snapshot snapshot, int64 limit,
		  ItemPointer first, ItemPointer last)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		count = 0;
	BlockNumber start;
	BlockNumber end;

	if (!range_of_all(cut, &start, &end))
		return 0;
	slot = table_slot_create(cut->rel, NULL);
	scan = begin_scan(cut->rel, snapshot, start, end);
	while (count < limit &&
		   table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_new_to_any(cut, &slot->tts_tid))
			continue;
		if (count++ == 0)
			*first = slot->tts_tid;
		*last = slot->tts_tid;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return count;
}

/* The leaf in those positions that have it. */
static void
gather_leaf(CutLeaf *cut, StreamPosition **pos, int npos, Relation rel)
{
	int64		n = 0;

	cut->rel = rel;
	cut->leaves = palloc(sizeof(StreamLeaf *) * npos);
	cut->n = 0;
	for (int i = 0; i < npos; i++)
	{
		StreamLeaf *leaf = stream_position_leaf(pos[i], RelationGetRelid(rel));

		if (leaf == NULL || !leaf->active)
			continue;
		cut->leaves[cut->n++] = leaf;
		n += leaf->nagain;
	}
	cut->nagain = 0;
	if (n == 0)
		return;
	cut->again = palloc_extended(sizeof(ItemPointerData) * n, MCXT_ALLOC_HUGE);
	for (int i = 0; i < cut->n; i++)
	{
		StreamLeaf *leaf = cut->leaves[i];

		if (leaf->nagain == 0)
			continue;
		qsort(leaf->again, leaf->nagain, sizeof(ItemPointerData),
			  compare_tids);
		memcpy(cut->again + cut->nagain, leaf->again,
			   sizeof(ItemPointerData) * leaf->nagain);
		cut->nagain += leaf->nagain;
	}
	qsort(cut->again, cut->nagain, sizeof(ItemPointerData), compare_tids);
	cut->nagain = qunique(cut->again, cut->nagain, sizeof(ItemPointerData),
						  compare_tids);
}

/* The batch leaves the leaf for later. */
static void
leave_leaf(CutLeaf *cut)
{
	for (int i = 0; i < cut->n; i++)
	{
		cut->leaves[i]->active = false;
		cut->leaves[i]->more = true;
	}
}

/* Of what the position reads again, takes all up to that row. */
static void
take_again(StreamLeaf *leaf, ItemPointer last)
{
	leaf->taking = 0;
	while (leaf->taking < leaf->nagain &&
		   ItemPointerCompare(&leaf->again[leaf->taking], last) <= 0)
		leaf->taking++;
	leaf->taken = leaf->taking > 0;
}

/* The range of the position ends with that row; first: the first that is new to any. */
static void
take_until(StreamLeaf *leaf, ItemPointer first, ItemPointer last)
{
	leaf->taken |= ItemPointerEquals(first, last) ? is_new(leaf, first) : true;
	leaf->more = true;
	/* its own range may begin later, or end before */
	if (leaf->scan_end <= ItemPointerGetBlockNumber(last))
		return;
	leaf->cut = true;
	leaf->last = *last;
	leaf->scan_end = Max(leaf->scan_start, ItemPointerGetBlockNumber(last) + 1);
	leaf->new_boundary = Min(leaf->new_boundary,
							 Max(leaf->scan_start,
								 ItemPointerGetBlockNumber(last)));
}

/* Cuts one leaf down to limit rows; returns how many it has. */
static int64
cut_leaf(CutLeaf *cut, Snapshot snapshot, int64 limit, ItemPointer first)
{
	int64		count = Min(cut->nagain, limit);
	ItemPointerData start = {0};
	ItemPointerData last;

	for (int i = 0; i < cut->n && count > 0; i++)
		take_again(cut->leaves[i], &cut->again[count - 1]);
	if (count > 0)
		*first = cut->again[0];
	if (count == limit)
	{
		for (int i = 0; i < cut->n; i++)
		{
			StreamLeaf *leaf = cut->leaves[i];

			leaf->more = true;
			leaf->scan_end = leaf->scan_start;
			leaf->new_boundary = Min(leaf->new_boundary, leaf->scan_start);
		}
		return count;
	}
	count += count_new(cut, snapshot, limit - count, &start, &last);
	if (cut->nagain == 0)
		*first = start;
	for (int i = 0; i < cut->n && count == limit; i++)
		take_until(cut->leaves[i], &start, &last);
	return count;
}

void
stream_position_cut(StreamPosition **pos, int npos, Relation *rels, int n,
					Snapshot snapshot, int64 limit, bool half,
					StreamCutting *cutting)
{
	CutLeaf    *cuts = palloc0(sizeof(CutLeaf) * (n + 1));
	ItemPointerData tid;
	ItemPointerData last;

	memset(cutting, 0, sizeof(*cutting));
	for (int i = 0; i < n; i++)
		gather_leaf(&cuts[i], pos, npos, rels[i]);
	for (int i = 0; half && i < n && cutting->found < limit; i++)
	{
		cutting->found += cuts[i].nagain;
		cutting->found += count_new(&cuts[i], snapshot,
									limit - cutting->found, &tid, &last);
	}
	if (half)
		limit = Max(1, cutting->found / 2);
	for (int i = 0; i < n; i++)
	{
		int64		count;

		if (cutting->taken == limit)
		{
			leave_leaf(&cuts[i]);
			continue;
		}
		count = cut_leaf(&cuts[i], snapshot, limit - cutting->taken, &tid);
		if (cutting->taken == 0 && count > 0)
		{
			cutting->relid = RelationGetRelid(cuts[i].rel);
			cutting->tid = tid;
		}
		cutting->taken += count;
	}
}

bool
stream_position_takes(const StreamPosition *pos, Oid relid)
{
	StreamLeaf *leaf = stream_position_leaf(pos, relid);

	return leaf != NULL && leaf->active && leaf->taken;
}

/* ---- ending a batch ---- */

/*
 * Is the row, of the page at hand, one that has been read by the end of the batch?  Beyond
 * the end of a range that ends on the page, those that were read before.
 */
static bool
has_been_read(const StreamLeaf *leaf, ItemPointer tid)
{
	if (!leaf->cut || ItemPointerCompare(tid, (ItemPointer) &leaf->last) <= 0 ||
		STREAM_MUTATION("cut_page"))
		return true;
	return stream_readset_member(stream_readset_page(leaf->read,
													 ItemPointerGetBlockNumber(tid)),
								 ItemPointerGetOffsetNumber(tid));
}

/* Writes the entries of pages [start, end) into the read set. */
static void
collect_read_rows(StreamLeaf *leaf, Relation rel, Snapshot snapshot,
				  BlockNumber start, BlockNumber end)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	BlockNumber block = InvalidBlockNumber;
	OffsetNumber offsets[MaxHeapTuplesPerPage];
	int			n = 0;

	slot = table_slot_create(rel, NULL);
	scan = begin_scan(rel, snapshot, start, end);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		if (ItemPointerGetBlockNumber(&slot->tts_tid) != block)
		{
			if (n > 0)
				stream_readset_put_page(leaf->read, block, offsets, n);
			block = ItemPointerGetBlockNumber(&slot->tts_tid);
			n = 0;
			CHECK_FOR_INTERRUPTS();
		}
		if (has_been_read(leaf, &slot->tts_tid))
			offsets[n++] = ItemPointerGetOffsetNumber(&slot->tts_tid);
	}
	if (n > 0)
		stream_readset_put_page(leaf->read, block, offsets, n);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * The same if only the last page of the range is wanted, from what the delta scan has seen
 * there.
 */
static void
put_seen_rows(StreamLeaf *leaf, BlockNumber block)
{
	int			n = leaf->nseen;

	if (STREAM_MUTATION("seen_rows"))
		n--;
	if (n > 0 && leaf->seen_block == block)
		stream_readset_put_page(leaf->read, block, leaf->seen_offsets, n);
}

#ifdef USE_ASSERT_CHECKING
/* What has been seen there is what there is. */
static void
check_seen_rows(StreamLeaf *leaf, Relation rel, Snapshot snapshot,
				BlockNumber block)
{
	StringInfoData seen;
	StringInfoData read;

	if (STREAM_MUTATION("seen_rows"))
		return;
	initStringInfo(&seen);
	initStringInfo(&read);
	stream_readset_write(leaf->read, &seen);
	collect_read_rows(leaf, rel, snapshot, block, block + 1);
	stream_readset_write(leaf->read, &read);
	Assert(seen.len == read.len && memcmp(seen.data, read.data, read.len) == 0);
	pfree(seen.data);
	pfree(read.data);
}
#endif

static BlockNumber
lowest_floor(const StreamLeaf *leaf)
{
	BlockNumber lowest = leaf->new_boundary;

	for (int i = 0; i < leaf->new_nwriters; i++)
		lowest = Min(lowest, leaf->new_writers[i].floor);
	return lowest;
}

static void
finish_leaf(StreamLeaf *leaf, Relation rel, Snapshot snapshot)
{
	BlockNumber start;

	if (STREAM_MUTATION("read_again"))
		leaf->taking = 0;
	leaf->nagain -= leaf->taking;
	if (leaf->taking > 0)
		memmove(leaf->again, leaf->again + leaf->taking,
				sizeof(ItemPointerData) * leaf->nagain);
	leaf->next_block = Max(leaf->next_block, lowest_floor(leaf));
	stream_readset_trim(leaf->read, leaf->next_block);
	start = Max(leaf->scan_start, leaf->next_block);
	if (leaf->seen && !leaf->cut && start + 1 == leaf->scan_end &&
		!STREAM_MUTATION("readset"))
	{
		put_seen_rows(leaf, start);
#ifdef USE_ASSERT_CHECKING
		check_seen_rows(leaf, rel, snapshot, start);
#endif
	}
	else if (start < leaf->scan_end && !STREAM_MUTATION("readset"))
		collect_read_rows(leaf, rel, snapshot, start, leaf->scan_end);

	if (leaf->rows > 0 && leaf->scan_end > leaf->scan_start + FEW_PAGES)
		leaf->density = Max(1.0, (double) leaf->rows /
							(leaf->scan_end - leaf->scan_start));
	if (leaf->writers)
		pfree(leaf->writers);
	leaf->writers = leaf->new_writers;
	leaf->nwriters = leaf->new_nwriters;
	leaf->new_writers = NULL;
	leaf->boundary = leaf->new_boundary;
	leaf->tail = leaf->new_tail;
	leaf->tracking = true;
	leaf->active = false;
}

void
stream_position_finish(StreamPosition *pos, Relation *rels, int n,
					   Snapshot snapshot)
{
	MemoryContext old = MemoryContextSwitchTo(pos->context);

	for (int i = 0; i < n; i++)
	{
		StreamLeaf *leaf = stream_position_leaf(pos,
												RelationGetRelid(rels[i]));

		if (leaf->active)
			finish_leaf(leaf, rels[i], snapshot);
	}
	MemoryContextSwitchTo(old);
}

void
stream_position_leaf_rewritten(StreamPosition *pos, Relation rel,
							   Snapshot snapshot)
{
	MemoryContext old = MemoryContextSwitchTo(pos->context);
	BlockNumber used = used_blocks(rel);
	StreamLeaf *leaf;

	stream_position_reset_leaf(pos, RelationGetRelid(rel),
							   rel->rd_rel->relfilenode);
	leaf = stream_position_leaf(pos, RelationGetRelid(rel));
	if (used > 0 && !STREAM_MUTATION("rewrite_unread"))
	{
		/* who writes next begins on the last page */
		leaf->next_block = used - 1;
		collect_read_rows(leaf, rel, snapshot, used - 1, used);
	}
	MemoryContextSwitchTo(old);
}

/* ---- what has not been read ---- */

/* Rows in [start, end) that the snapshot sees and that are not read; up to a limit. */
static int64
count_unread(const StreamLeaf *leaf, Relation rel, Snapshot snapshot,
			 BlockNumber start, BlockNumber end, int64 limit)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		count = 0;

	slot = table_slot_create(rel, NULL);
	scan = begin_scan(rel, snapshot, start, end);
	while (count < limit &&
		   table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		const StreamReadPage *page = NULL;

		CHECK_FOR_INTERRUPTS();
		if (leaf)
			page = stream_readset_page(leaf->read,
									   ItemPointerGetBlockNumber(&slot->tts_tid));
		if (!stream_readset_member(page,
								   ItemPointerGetOffsetNumber(&slot->tts_tid)))
			count++;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return count;
}

bool
stream_position_is_read(const StreamPosition *pos, Relation rel,
						Snapshot snapshot)
{
	const StreamLeaf *leaf = stream_position_leaf(pos, RelationGetRelid(rel));
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	BlockNumber start = leaf ? leaf->next_block : 0;

	return (leaf == NULL || leaf->nagain == 0) &&
		(start >= nblocks ||
		 count_unread(leaf, rel, snapshot, start, nblocks, 1) == 0);
}

void
stream_position_lag(const StreamPosition *pos, Relation *rels, int n,
					Snapshot snapshot, int64 *rows, int64 *bytes)
{
	*rows = 0;
	*bytes = 0;
	for (int i = 0; i < n; i++)
	{
		const StreamLeaf *leaf = stream_position_leaf(pos,
													  RelationGetRelid(rels[i]));
		BlockNumber nblocks = RelationGetNumberOfBlocks(rels[i]);
		BlockNumber start = leaf ? leaf->next_block : 0;
		BlockNumber unread;
		int64		unread_rows;

		if (leaf)
			*rows += leaf->nagain;
		if (start >= nblocks)
			continue;
		unread = nblocks - start;
		if (leaf)
			unread -= Min(unread, stream_readset_npages(leaf->read));
		if (nblocks - start <= EXACT_LAG_PAGES)
			unread_rows = count_unread(leaf, rels[i], snapshot, start, nblocks,
									   PG_INT64_MAX);
		else
			unread_rows = estimate_rows(leaf, rels[i], nblocks - unread,
										nblocks);
		*rows += unread_rows;
		if (unread_rows > 0)
			*bytes += (int64) Max(unread, 1) * BLCKSZ;
	}
}
