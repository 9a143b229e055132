/*-------------------------------------------------------------------------
 *
 * firsts.h
 *	  The first of rows that come and go.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_FIRSTS_H
#define STREAMING_FIRSTS_H

#include "query/cut.h"

/*
 * Has a query that ranks its groups read them from a sub-select.  It has no grouping sets
 * and no sub-selects of expressions.
 */
extern void stream_firsts_nest(Query *query);

/*
 * Gives first rows over changes (stream_cut_topn) their feed.  Returns the operator that
 * comes before it, with the given number.
 */
extern StreamCut *stream_firsts_plan(StreamCut *cut, int number);

#endif
