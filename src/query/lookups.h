/*-------------------------------------------------------------------------
 *
 * lookups.h
 *	  What is looked up in tables for rows that come and go.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_LOOKUPS_H
#define STREAMING_LOOKUPS_H

#include "query/cut.h"

/* Is there anything to look up, beside the members of FROM (int) that read streams? */
extern bool stream_lookups_are_wanted(Query *query, const List *members);

/*
 * Moves these members, and the conditions on them, into a sub-select by which the query is
 * told (stream_analyze_looks_up); false: that cannot be done, and the query is no longer of
 * use.  place: that of the query.
 */
extern bool stream_lookups_nest(Query *query, const List *members,
								const StreamPlace *place);

/* Has the operator of that sub-select number its rows, which have a sign. */
extern void stream_lookups_number(StreamCut *rows);

/*
 * Makes the operator of the query; cut->below has that of the sub-select, and cut->number
 * is known.  Errors 0A000, with a position.
 */
extern void stream_lookups_cut(StreamCut *cut);

#endif
