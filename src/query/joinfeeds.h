/*-------------------------------------------------------------------------
 *
 * joinfeeds.h
 *	  The feeds of a join of streams.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_JOINFEEDS_H
#define STREAMING_JOINFEEDS_H

#include "query/cut.h"

/*
 * Gives a join (joining.h) its feeds, when all sides have their numbers: those of a side
 * come one after the other.
 */
extern void stream_joinfeeds_make(StreamCut *cut);

/* Has a feed read the tables of what is kept: OIDs, one for each operator. */
extern void stream_joinfeeds_set_tables(StreamFeed *feed, List *states);

#endif
