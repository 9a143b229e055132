/*-------------------------------------------------------------------------
 *
 * nesting.h
 *	  Moving the FROM and WHERE of a query into a sub-select.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_NESTING_H
#define STREAMING_NESTING_H

#include "nodes/parsenodes.h"

/* The name of members of range tables that the user knows nothing of. */
#define STREAM_NESTING_MADE "joined rows"

/* The columns of the sub-select. */
typedef struct StreamNesting
{
	List	   *exprs;			/* what they are, over the former FROM; NULL:
								 * nothing that the query knows */
	List	   *targets;		/* TargetEntry, in the sub-select */
	int			nkeys;			/* the first of them, which may be more than plain
								 * columns: outside of aggregates they take the
								 * places of what they are */

	/* private */
	int			sublevels_up;
	bool		in_aggregate;
} StreamNesting;

/* Adds a column that is expr above, and value in the sub-select. */
extern TargetEntry *stream_nesting_add(StreamNesting *nesting, Node *expr,
									   Expr *value);

/* An expression over the former FROM becomes one over the sub-select. */
extern Node *stream_nesting_above(StreamNesting *nesting, Node *expr);

/* Has what is above FROM and WHERE refer to no grouping expressions and join aliases. */
extern void stream_nesting_flatten(Query *query);

/*
 * Moves FROM and WHERE of a query, which is flattened, to a sub-select, which becomes the
 * only member of its FROM, under the name, and is returned.  What stays above is
 * changed; columns are added as it needs them.
 */
extern Query *stream_nesting_move(StreamNesting *nesting, Query *query,
								  const char *name);

/*
 * The same.  The sub-select is in the place of the query, and so is any other that is
 * made, has that name and is not inFromCl.
 */
extern Query *stream_nesting_wrap(StreamNesting *nesting, Query *query);

/* Is there a sub-select in an expression, outside of FROM and WHERE? */
extern bool stream_nesting_has_sublink(Query *query);

/* The members of a part of FROM, and its joins. */
extern Bitmapset *stream_nesting_members(Node *jtnode);

/*
 * The same for a part of FROM of a flattened query (stream_nesting_flatten_all), which a
 * reference to the sub-select takes the place of.  The sub-select, the last
 * member of the range table, is hidden as stream_nesting_hide does it.  quals: its WHERE, or
 * NULL.  False: it refers to other parts.
 */
extern void stream_nesting_flatten_all(Query *query);
extern bool stream_nesting_move_part(Query *query, Node **part, Node *quals,
									 const char *name);

/*
 * Makes what are no members of FROM any more one entry, or none, in the range table of the
 * sub-select that has been made so last, or each level of a long chain would have all of them.
 * Returns the sub-select.  members: those of its members that are in the list (indexes into the
 * range table) get their new numbers there.
 */
extern Query *stream_nesting_compact(Query *query, List *members);

/* Says of it that the statement does not show it. */
extern void stream_nesting_hide(Query *query);
extern bool stream_nesting_is_hidden(const RangeTblEntry *rte);

/* The number of an expression from 0 in a list, or -1. */
extern int	stream_nesting_position(const List *exprs, const void *expr);

/* The conditions that AND connects, in the order in which they are written. */
extern List *stream_nesting_conditions(Node *quals);

#endif
