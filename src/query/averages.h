/*-------------------------------------------------------------------------
 *
 * averages.h
 *	  Averages as sums and counts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_AVERAGES_H
#define STREAMING_AVERAGES_H

#include "nodes/parsenodes.h"

/*
 * Has sum(x) / count(x) take the place of avg(x) in the SELECT list and HAVING of a
 * query, where that is the same and takes less room.  over_changes: its rows come and go.
 */
extern void stream_averages_split(Query *query, bool over_changes);

/*
 * Does the expression, over columns of a state table, look like such a quotient?  It
 * can be in an index then.
 */
extern bool stream_averages_is_quotient(Node *expr);

#endif
