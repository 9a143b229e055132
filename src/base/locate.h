/*-------------------------------------------------------------------------
 *
 * locate.h
 *	  Where in the statement a part of a query is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_LOCATE_H
#define STREAMING_LOCATE_H

#include "nodes/parsenodes.h"

/*
 * A place in the query of a CREATE MATERIALIZED VIEW: the query itself, or a
 * member of its FROM (or a part of its UNION), a member of that, and so on.
 * All zero: there is no statement to point into.
 */
typedef struct StreamPlace
{
	const char *source;			/* the statement's text, or NULL */
	int			anchor;			/* where the new view's name is in it; 0: it is
								 * the query, and nothing else */
	List	   *path;			/* int: which member, from 1; outermost first */
} StreamPlace;

/* What to point at in a place. */
typedef enum StreamClause
{
	STREAM_CLAUSE_ANY,			/* the place itself */
	STREAM_CLAUSE_FROM,			/* FROM of its SELECT */
	STREAM_CLAUSE_LOCKING,		/* FOR UPDATE or FOR SHARE of its SELECT */
	STREAM_CLAUSE_SAMPLE		/* TABLESAMPLE of this member of FROM */
} StreamClause;

/*
 * The place of a range table entry of the query that is at the outer place.
 * Costs nothing: nothing is looked up until something is refused.
 */
extern StreamPlace stream_locate_member(const StreamPlace *outer,
										const Query *query, int rtindex);

/*
 * For how many members of the FROM of a statement a range table entry stands: one, none (a join),
 * or, in place of what has been moved away (RTE_RESULT), as many as its enrtuples.
 */
extern int	stream_locate_count(const RangeTblEntry *rte);

/*
 * The location of a clause, as in parse nodes; that of what is nearest if the
 * parser has kept none for it; -1 if nothing is known.  What comes out of a view
 * is where the view is named.  For when an error is about to be raised: parses
 * the statement again.
 */
extern int	stream_locate_clause(const StreamPlace *place,
								 StreamClause clause);

/* The location of an option of the statement's WITH (streaming.*), or -1. */
extern int	stream_locate_option(const StreamPlace *place, const char *name);

#endif
