/*-------------------------------------------------------------------------
 *
 * position.h
 *	  The reading position: which rows a view has read, which are new.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_POSITION_H
#define STREAMING_POSITION_H

#include "nodes/pg_list.h"
#include "storage/block.h"
#include "storage/lock.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "stream/readset.h"

/* A transaction that may be writing, and the lowest block it may write to. */
typedef struct StreamWriter
{
	VirtualTransactionId vxid;
	BlockNumber floor;
} StreamWriter;

/* The position in one leaf relation, and the range of the batch in progress. */
typedef struct StreamLeaf
{
	Oid			relid;
	Oid			relfilenode;	/* the storage that the position is about */

	/* stored */
	BlockNumber next_block;		/* below: all read, nothing can appear */
	StreamReadSet *read;		/* rows read at or above next_block */
	bool		detached;		/* not part of the stream, but may come back */
	ItemPointerData *again;		/* rows read that are to be read once more */
	int			nagain;

	/* in memory, empty after a start */
	bool		tracking;		/* the next four are known */
	BlockNumber boundary;		/* the last batch has read up to here */
	BlockNumber tail;			/* below: only the writers can write */
	StreamWriter *writers;
	int			nwriters;

	/* the batch in progress */
	bool		active;			/* this leaf is part of it */
	bool		more;			/* rows beyond the range may be waiting */
	bool		scanned;		/* a plan of the batch has a scan of it */
	BlockNumber scan_start;		/* new rows are in [scan_start, scan_end) ... */
	BlockNumber scan_end;		/* ... and not in the read set */
	bool		cut;			/* the range ends with this row, which may be in
								 * the middle of a page: */
	ItemPointerData last;
	int			taking;			/* so many of the rows that are read again */
	bool		taken;			/* the cut has left it rows */
	bool		aside;			/* its one row counts as read, but no scan has it */
	BlockNumber new_boundary;
	BlockNumber new_tail;
	StreamWriter *new_writers;
	int			new_nwriters;
	int64		rows;			/* counted by the delta scan */
	bool		seen;			/* a scan has been through the range, ... */
	BlockNumber seen_block;		/* ... and these are the last rows, of one page */
	int			nseen;
	OffsetNumber *seen_offsets;

	/* rows per page, as the last scans found them; 0: not known */
	double		density;
} StreamLeaf;

typedef struct StreamPosition
{
	MemoryContext context;
	StreamLeaf **leaves;
	int			nleaves;
	int			turn;			/* leaf that the next bounded batch begins with */
} StreamPosition;

/* A position at the beginning of everything, in a context of its own. */
extern StreamPosition *stream_position_create(MemoryContext parent);
extern void stream_position_free(StreamPosition *pos);

/* Its stored form and back.  Error XX001 if the stored form is damaged. */
extern struct varlena *stream_position_write(const StreamPosition *pos);
extern StreamPosition *stream_position_read(MemoryContext parent,
											struct varlena *stored);

/* The leaf's part, or NULL. */
extern StreamLeaf *stream_position_leaf(const StreamPosition *pos, Oid relid);

/* The leaf is no more. */
extern void stream_position_forget_leaf(StreamPosition *pos, Oid relid);

/* The leaf begins anew, empty, in other storage. */
extern void stream_position_reset_leaf(StreamPosition *pos, Oid relid,
									   Oid relfilenode);

/*
 * Rows of a leaf move to other storage, in their order, and some are left behind: what has
 * been read of them counts as read there.  (Nobody writes to either meanwhile.)
 */
typedef struct StreamMove StreamMove;

/* Begins; NULL if the position knows nothing of the leaf. */
extern StreamMove *stream_position_begin_move(StreamPosition *pos, Oid relid);

/* Has the row been read? */
extern bool stream_position_has_read(const StreamMove *move, ItemPointer from);

/* The next row has moved; to: behind all others. */
extern void stream_position_move(StreamMove *move, ItemPointer from,
								 ItemPointer to);

/* All have: the leaf has the new storage.  Frees move. */
extern void stream_position_end_move(StreamMove *move, Oid relfilenode);

/*
 * All of the leaf has been read, and has other storage now.  The caller holds
 * AccessExclusiveLock on it; the snapshot sees all rows.
 */
extern void stream_position_leaf_rewritten(StreamPosition *pos, Relation rel,
										   Snapshot snapshot);

/*
 * Has everything in the leaf been read that the snapshot sees?  Looks at each page that
 * might have more.  The caller holds a lock on it.
 */
extern bool stream_position_is_read(const StreamPosition *pos, Relation rel,
									Snapshot snapshot);

/*
 * Begins a batch over the leaves rels[0..n): measures them and notes who may
 * be writing, then settles the range to read, of about max_rows rows in all (0:
 * no bound), of which those leaves have the same share that have more to read.
 * Leaves not met before start at their beginning.
 *
 * Call before taking the batch's snapshot.  The caller holds AccessShareLock
 * on the leaves.  Returns true if rows beyond the range may be waiting.
 * measured: NULL, or a list, empty at first, of what has been measured: several
 * positions that share it, without a bound, and a snapshot, read the same rows of a
 * leaf, or those of them that they have not read.
 * Error 55000 if the storage of a leaf has been replaced.
 */
extern bool stream_position_begin(StreamPosition *pos, Relation *rels, int n,
								  int64 max_rows, List **measured);

/*
 * About how many rows the range has that stream_position_begin has settled without a
 * bound; a leaf of which it has but one page counts as none.
 */
extern double stream_position_backlog(const StreamPosition *pos, Relation *rels,
									  int n);

/* The same of the range of a batch in progress, the last pages included. */
extern double stream_position_estimate(const StreamPosition *pos,
									   Relation *rels, int n);

/*
 * Takes into the batch's range, where this reaches to the end of a leaf, what the snapshot
 * of the batch sees of transactions that have ended since stream_position_begin.  rels
 * as there, and measured, which is for batches of one snapshot: what the first of them
 * finds out holds for all.
 */
extern void stream_position_extend(StreamPosition *pos, Relation *rels, int n,
								   Snapshot snapshot, List *measured);

/* What a batch has been cut down to. */
typedef struct StreamCutting
{
	int64		found;			/* so many new rows there were; 0: not counted */
	int64		taken;			/* so many of them are left to the batch ... */
	Oid			relid;			/* ... and this is the first */
	ItemPointerData tid;
} StreamCutting;

/*
 * Cuts the batch of several positions, which stream_position_begin has begun without a bound,
 * down to the first limit rows that are new to one of them, and to the snapshot of the
 * batch, leaf by leaf; half: to the first half of these, at least one.  rels: all leaves
 * of theirs.
 */
extern void stream_position_cut(StreamPosition **pos, int npos,
								Relation *rels, int n,
								Snapshot snapshot, int64 limit, bool half,
								StreamCutting *cutting);

/* Has the cut left any rows of the leaf to the position? */
extern bool stream_position_takes(const StreamPosition *pos, Oid relid);

/* A row that has been read is to be read once more, by the next batch. */
extern void stream_position_read_again(StreamPosition *pos, StreamLeaf *leaf,
									   ItemPointer tid);

/*
 * A scan with the snapshot of the batch has been through the leaf's range, from its beginning
 * to its end.  The last page with rows that the snapshot sees has these n, new or not, ascending;
 * n = 0: there is none.
 */
extern void stream_position_note_seen(StreamLeaf *leaf, BlockNumber block,
									  const OffsetNumber *offsets, int n);

/* May the batch's range hold new rows?  (False: surely none.) */
extern bool stream_position_pending(const StreamPosition *pos);

/*
 * Ends the batch: every row of its range that the snapshot sees is read.
 * Afterwards the position must be stored and committed, or thrown away.
 */
extern void stream_position_finish(StreamPosition *pos, Relation *rels, int n,
								   Snapshot snapshot);

/*
 * How far the stored position is behind the stream's end, over all leaves:
 * bytes of pages not yet read, and (an estimate from density when there are
 * more than a thousand such pages, else exact) rows.
 * rels as in stream_position_begin.
 */
extern void stream_position_lag(const StreamPosition *pos, Relation *rels,
								int n, Snapshot snapshot,
								int64 *rows, int64 *bytes);

#endif
