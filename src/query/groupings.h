/*-------------------------------------------------------------------------
 *
 * groupings.h
 *	  Grouping sets: which rows of a view belong to which of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_GROUPINGS_H
#define STREAMING_GROUPINGS_H

#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "base/locate.h"

/*
 * Refuses a grouping set, or an expression in them, that comes twice: error 0A000,
 * with its position.  Takes the clause out of a query whose only grouping set is the
 * empty one.
 */
extern void stream_groupings_check(Query *query, const StreamPlace *place);

/* Are there no such ones? */
extern bool stream_groupings_can_be_told(Query *query);

/* Is there an empty one among them? */
extern bool stream_groupings_has_empty(Query *query);

/*
 * Is the grouping expression a part of each?  n: its number in GROUP BY, from 0.
 * True without grouping sets.
 */
extern bool stream_groupings_all_have(Query *query, int n);

/* The number of each of them (int), which is what stream_groupings_number yields. */
extern List *stream_groupings_numbers(Query *query);

/*
 * The bit of such a number that says that the grouping expression is not in the set,
 * from the right.
 */
extern int	stream_groupings_bit(const GroupingFunc *number, Index sortgroupref);

/*
 * GROUPING of all grouping expressions of the query, which is another number for
 * each grouping set; NULL without grouping sets.
 */
extern GroupingFunc *stream_groupings_number(Query *query);

/* Is it the number of the empty one? */
extern bool stream_groupings_is_empty_set(const GroupingFunc *number,
										  int32 value);

/*
 * The same for a feed: one that says nothing about what the expressions are, for
 * they may be others there.
 */
extern Expr *stream_groupings_number_in_feed(const GroupingFunc *number);

/*
 * What a call of GROUPING is, computed from that number, which is in the given
 * column; number and column are NULL without grouping sets.
 */
extern Node *stream_groupings_compute(const GroupingFunc *call,
									  const GroupingFunc *number,
									  Node *column);

#endif
