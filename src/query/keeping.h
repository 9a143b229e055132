/*-------------------------------------------------------------------------
 *
 * keeping.h
 *	  Aggregates that need more of their rows than partial states.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_KEEPING_H
#define STREAMING_KEEPING_H

#include "query/cut.h"

/* Has the aggregation such aggregates? */
extern bool stream_keeping_is_needed(const StreamCut *cut);

/*
 * Gives an aggregation its feeds.  Returns the operators that come before it, numbered
 * from the given number on.  Error 0A000, with the position of an aggregate that
 * cannot be maintained; 54011 if DISTINCT has too many keys.
 */
extern List *stream_keeping_plan(StreamCut *cut, int number);

#endif
