/*-------------------------------------------------------------------------
 *
 * semijoin.h
 *	  EXISTS, IN and NOT EXISTS over streams, as joins.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SEMIJOIN_H
#define STREAMING_SEMIJOIN_H

#include "nodes/parsenodes.h"

#include "base/locate.h"

/* The conditions of WHERE, and of inner joins in FROM, where they are the same. */
extern List *stream_semijoin_conditions(Query *query);

/*
 * Puts the sub-selects of EXISTS, IN and NOT EXISTS that read streams, among these
 * conditions, into FROM, if a stream is there and they can be.  Changes the query.  True: FROM
 * has joins of the types JOIN_SEMI and JOIN_ANTI then, which must become operators.  append: for
 * a view in append mode, where several of them are all such joins.  Error 0A000, with
 * the position, for what can be none.
 */
extern bool stream_semijoin_pull_up(Query *query, bool append,
									const StreamPlace *place);

/* The same in all sub-selects of FROM of a query that is known to be accepted. */
extern void stream_semijoin_pull_up_all(Query *query, bool append);

/* Is the member of FROM what EXISTS or IN has become, the SELECT DISTINCT of what is asked for? */
extern bool stream_semijoin_is_member(const RangeTblEntry *rte);

/* The EXISTS or IN that a condition is, or NULL; none: it is negated. */
extern SubLink *stream_semijoin_of_condition(Node *condition, bool *none);

#endif
