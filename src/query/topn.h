/*-------------------------------------------------------------------------
 *
 * topn.h
 *	  Queries that want the first rows of each key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TOPN_H
#define STREAMING_TOPN_H

#include "nodes/parsenodes.h"

#include "base/locate.h"
#include "state/ranking.h"

/* What a row's place in its key is counted by. */
typedef enum StreamTopnKind
{
	STREAM_TOPN_ROW_NUMBER,
	STREAM_TOPN_RANK,
	STREAM_TOPN_DENSE_RANK
} StreamTopnKind;

/* Which rows of each key are wanted: those whose place is not above the limit. */
typedef struct StreamTopn
{
	StreamTopnKind kind;
	int64		limit;			/* 1 or more */
	bool		distinct_on;	/* it is a DISTINCT ON, not a window function */
	List	   *keys;			/* SortGroupClause: PARTITION BY */
	List	   *order;			/* SortGroupClause: ORDER BY, without keys */

	/* set by the cut (cut.c) */
	StreamRankColumn *ranks;	/* the same, as columns of a feed */
	int			nranks;
	char	   *slot_name;		/* column of the state table that tells the rows
								 * of a key apart; NULL: each key has one row */
} StreamTopn;

/*
 * What an analysed SELECT with DISTINCT ON wants, if its ORDER BY chooses the
 * row; else NULL.
 */
extern StreamTopn *stream_topn_of_distinct(Query *query);

/*
 * What a query wants of a sub-select in its FROM which has a ranking window
 * function: its conditions let rows pass up to a place only.  NULL: it wants
 * all, or it is no such sub-select.
 */
extern StreamTopn *stream_topn_of_member(Query *query, int rtindex);

/*
 * Refuses what cannot be kept by the query's first rows alone: error 0A000, with
 * a position.
 */
extern void stream_topn_check(Query *query, const StreamTopn *topn,
							  const StreamPlace *place);

/* Can they be kept of rows that come and go?  Others are left to readers. */
extern bool stream_topn_can_change(Query *query, const StreamTopn *topn);

/*
 * Has sub-selects of FROM, at any depth, that only filter and compute not hand on ranks
 * which are not read around them, as SELECT * does.  Changes the query.
 */
extern void stream_topn_forget_ranks(Query *query);

/*
 * Is nothing said of how rows rank but that they are among the first, in a query that
 * wants those of a member of its FROM?
 */
extern bool stream_topn_is_bound(Query *query, int rtindex,
								 const StreamTopn *topn);

/* Is one row of each key wanted?  There must be keys. */
extern bool stream_topn_is_one_row(const StreamTopn *topn);

/*
 * Says in the SELECT that each row is the first, where that has a window function: so
 * it is, or it is the same to a query that only bounds the ranks.
 */
extern void stream_topn_set_first(Query *query);

/*
 * What the readers' query needs of a row: TargetEntries, each once, without
 * constants.
 */
extern List *stream_topn_values(Query *query);

#endif
