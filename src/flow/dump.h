/*-------------------------------------------------------------------------
 *
 * dump.h
 *	  What a dump has to say of continuous views and streams.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DUMP_H
#define STREAMING_DUMP_H

#include "utils/relcache.h"

/*
 * What a dump says, beside the rows of the catalog, which are named like their tables:
 *
 *	_view_of	oid: of the view; items: how many there are of it, this one included
 *	_table		name, rows, indexes, own_indexes, triggers: of a state table
 *	_leaf		name, detached, rows: of a leaf in the reading position;
 *				read: which of them have been read, by their place among all,
 *				counted from 0, as "from-to", with to the first that has not
 */
#define STREAM_DUMP_VIEW "_view_of"
#define STREAM_DUMP_TABLE "_table"
#define STREAM_DUMP_LEAF "_leaf"

/* How many indexes (own: not those of users), and triggers of users, a table has. */
extern int	stream_dump_indexes(Relation rel, bool own);
extern int	stream_dump_triggers(Relation rel);

#endif
