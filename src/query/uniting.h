/*-------------------------------------------------------------------------
 *
 * uniting.h
 *	  UNION ALL of what operators hand on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_UNITING_H
#define STREAMING_UNITING_H

#include "query/cut.h"

/* Is it UNION ALL, at all levels? */
extern bool stream_uniting_is_union_all(Node *operations);

/* The parts of UNION ALL, as indexes into its range table. */
extern List *stream_uniting_parts(const Query *query);

/* Marks UNION ALL as such that an operator can be made of; is it one? */
extern void stream_uniting_mark(Query *query);
extern bool stream_uniting_is_marked(const Query *query);

/*
 * UNION without ALL at the top, of UNION at all levels, is DISTINCT over UNION ALL; is the
 * query such?  Has it read a sub-select, which is that.
 */
extern bool stream_uniting_is_distinct(const Query *query);
extern void stream_uniting_nest_distinct(Query *query);

/* Has a UNION ALL that is a whole query read from a sub-select, which is that. */
extern void stream_uniting_wrap(Query *query);

/* Can it be moved into a sub-select: is LIMIT without a query that could refer to WITH? */
extern bool stream_uniting_can_wrap(const Query *query);

/*
 * Makes an operator of the cut, whose query is UNION ALL, in no order.  cut->below has
 * the parts that are operators, with what takes their places if they hand on groups; the
 * others are read as they are.  If rows of some come and go, all have a sign.
 */
extern void stream_uniting_cut(StreamCut *cut);

/*
 * What is above takes the rows by a window of their event time, which is thereby one of
 * the streams that the unions below (StreamCutInput) read.
 */
extern void stream_uniting_set_window(List *below, StreamWindow *window);

#endif
