/*-------------------------------------------------------------------------
 *
 * dump.h
 *	  What a dump has to say of continuous views and streams.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DUMP_H
#define STREAMING_DUMP_H

#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

#include "base/catalog.h"

/*
 * What a dump says, beside the rows of the catalog, which are named like their tables:
 *
 *	_view_of	oid: of the view; items: how many there are of it, this one included
 *	_table		name, rows, indexes, own_indexes, triggers: of a state table;
 *				hash: its column with the hash of the row, or empty
 *	_leaf		name, detached, rows: of a leaf in the reading position;
 *				read: which of them have been read, by their place among all,
 *				counted from 0, as "from-to", with to the first that has not
 *
 * A row that has been put aside has its place in the place of its TID, too, if it is
 * still there.
 */
#define STREAM_DUMP_VIEW "_view_of"
#define STREAM_DUMP_TABLE "_table"
#define STREAM_DUMP_LEAF "_leaf"

/* How many indexes (own: not those of users), and triggers of users, a table has. */
extern int	stream_dump_indexes(Relation rel, bool own);
extern int	stream_dump_triggers(Relation rel);

/*
 * The hash by which a kept row is found among those that come and go, as is in the
 * column; hashed: a virtual slot for rows of the table.
 */
extern int32 stream_dump_hash(TupleTableSlot *slot, TupleTableSlot *hashed,
							  AttrNumber column);

/* Rows of a leaf that have been put aside, in the order of their TIDs or places. */
typedef struct StreamPutAside
{
	struct StreamAside
	{
		StreamTextRow *item;
		ItemPointerData tid;	/* of a dump: where it is */
		int64		place;		/* of a restore: the place of it */
	}		   *rows;
	int			n;
	int			next;			/* the first that has not been met */
} StreamPutAside;

/* Those among the items that are of the leaf; by_place: they have been restored. */
extern void stream_dump_put_aside(StreamPutAside *aside, List *items,
								  const char *leaf, bool by_place);
/* Says another thing of an item. */
extern void stream_dump_replace(StreamTextRow *item, const char *column,
								char *value);

#endif
