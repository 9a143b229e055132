/*-------------------------------------------------------------------------
 *
 * tree.h
 *	  The tree of operators that a query becomes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TREE_H
#define STREAMING_TREE_H

#include "query/cut.h"

/* A sub-select of the query that readers read from an operator's state. */
typedef struct StreamTreePlace
{
	RangeTblEntry *rte;			/* in the tree's query */
	StreamCut  *cut;
} StreamTreePlace;

/* The operators of a view, and what is left to its readers. */
typedef struct StreamTree
{
	Query	   *query;			/* the whole */
	List	   *cuts;			/* StreamCut: what one hands on is read by later
								 * ones; the last is shown to readers */
	List	   *places;			/* StreamTreePlace; NIL: the last cut is the whole
								 * query */
} StreamTree;

#define stream_tree_cut(tree, number) \
	((StreamCut *) list_nth((tree)->cuts, number))
#define stream_tree_top(tree) ((StreamCut *) llast((tree)->cuts))

/*
 * Makes the tree of an analysed query (not yet rewritten), or says why it cannot
 * be maintained: error 0A000, with the clause's position.  place: where the query is
 * in a statement; NULL: there is none.
 * within_watermark: the option streaming.distinct_within_watermark.
 */
extern StreamTree *stream_tree_of_query(Query *query, bool within_watermark,
										const StreamPlace *place);

#endif
