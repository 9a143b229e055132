/*-------------------------------------------------------------------------
 *
 * outerjoins.h
 *	  Outer joins of streams beside other members of FROM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_OUTERJOINS_H
#define STREAMING_OUTERJOINS_H

#include "nodes/parsenodes.h"

/*
 * Writes the query, at all levels, so that an outer join that makes up rows of streams is
 * all of its FROM and has two members.  What cannot be written so stays as it is.
 */
extern void stream_outerjoins_nest(Query *query);

#endif
