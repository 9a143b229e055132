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
#include "query/nesting.h"

/*
 * Has a query whose FROM joins streams read a sub-select instead, which does that; the
 * sub-select is returned.  Error 0A000, with the position, if WITH stands in the way.
 */
extern Query *stream_joining_wrap(Query *query, const StreamPlace *place);

/* Is its FROM made of tests by EXISTS and NOT EXISTS, which are for operators only? */
extern bool stream_joining_has_tests(Query *query);

/*
 * Do rows of the query, which joins streams, go when others come, unless these are waited
 * for in append mode?
 */
extern bool stream_joining_rows_go(Query *query);

/* Where a member of FROM is: what has been made is where the query around it is. */
extern StreamPlace stream_joining_locate(const StreamPlace *outer,
										 const Query *query, int rtindex);

/*
 * Would stream_joining_cut make a join of the query, whose rows may go (not in append mode)?
 * For one that can be left to readers.
 */
extern bool stream_joining_is_possible(Query *query,
									   const Bitmapset *changing);

/*
 * Makes a join of the cut, whose query is a SELECT that joins streams, in no order: gives
 * it its sides (cut->below), which are cuts without a number, and without what is below
 * them and feeds (stream_joining_finish_side).  append: rows come when they are final.
 * changing: the members of FROM, by their places in the range table, whose rows come and
 * go; these sides, and the join, have rows with a sign.  Error 0A000, with the position, for what cannot be joined.
 */
extern void stream_joining_cut(StreamCut *cut, bool append,
							   const Bitmapset *changing);

/*
 * What takes the place of an outer join in FROM of the operator above it: its rows, with
 * a sign as their last column.
 */
extern Query *stream_joining_changes(StreamCut *cut);

/* Gives a side its feed, when it has its number and what is below it. */
extern void stream_joining_finish_side(StreamCut *side);

#endif
