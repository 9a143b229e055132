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
 * Gives first rows over changes (stream_cut_topn) their feed.  Returns the operator that
 * comes before it, with the given number.
 */
extern StreamCut *stream_firsts_plan(StreamCut *cut, int number);

#endif
