/*-------------------------------------------------------------------------
 *
 * joining.h
 *	  Joins of streams.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_JOINING_H
#define STREAMING_JOINING_H

#include "query/cut.h"

/*
 * Has a query whose FROM joins streams read a sub-select instead, which does that; the
 * sub-select is returned.  Error 0A000, with the position, if WITH stands in the way.
 */
extern Query *stream_joining_wrap(Query *query, const StreamPlace *place);

/* Is the query, which joins streams, an outer join of them? */
extern bool stream_joining_is_outer(Query *query);

/*
 * Makes a join of the cut, whose query is a SELECT that joins streams, in no order: gives it its
 * sides (cut->below), which are cuts without a number, and without what is below them
 * and feeds (stream_joining_finish_side).  Error 0A000, with the position, for what
 * cannot be joined.
 */
extern void stream_joining_cut(StreamCut *cut);

/*
 * What takes the place of an outer join in FROM of the operator above it: its rows, with
 * a sign as their last column.
 */
extern Query *stream_joining_changes(StreamCut *cut);

/* Gives a side its feed, when it has its number and what is below it. */
extern void stream_joining_finish_side(StreamCut *side);

#endif
