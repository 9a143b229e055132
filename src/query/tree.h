/*-------------------------------------------------------------------------
 *
 * tree.h
 *	  The tree of operators that a query becomes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TREE_H
#define STREAMING_TREE_H

#include "base/options.h"
#include "query/cut.h"

/* A sub-select of the query that readers read from an operator's state. */
typedef struct StreamTreePlace
{
	RangeTblEntry *rte;			/* in the tree's query */
	StreamCut  *cut;
} StreamTreePlace;

/*
 * An aggregation that is left to readers, of a view that shows groups when they are
 * final.
 */
typedef struct StreamTreeFinal
{
	Query	   *query;			/* in the tree's query, or that itself */
	Expr	   *key;			/* the key that is a window, over its FROM */
	StreamWindow *window;
} StreamTreeFinal;

/* The operators of a view, and what is left to its readers. */
typedef struct StreamTree
{
	Query	   *query;			/* the whole */
	bool		append;			/* groups are shown when they are final */
	List	   *cuts;			/* StreamCut: what one hands on is read by later
								 * ones */
	StreamCut  *top;			/* the one that is shown to readers, unless there are
								 * places */
	StreamCut  *changes;		/* the change stream, the last one; or NULL */
	List	   *places;			/* StreamTreePlace; NIL: that one is the whole query */
	List	   *finals;			/* StreamTreeFinal */
	StreamCut  *added;			/* the one to whose table all of the result is added,
								 * and nothing else is done; or NULL; ... */
	AttrNumber	time_column;	/* ... a column of that result that is an event time,
								 * if there is one */
	StreamCut  *alone;			/* the one of whose rows, or groups, readers see each by
								 * itself, whatever others there are; or NULL */
} StreamTree;

#define stream_tree_cut(tree, number) \
	((StreamCut *) list_nth((tree)->cuts, number))

/*
 * Makes the tree of an analysed query (not yet rewritten), or says why it cannot
 * be maintained: error 0A000, with the clause's position.  place: where the query is
 * in a statement; NULL: there is none.  options: those of the view.
 */
extern StreamTree *stream_tree_of_query(Query *query,
										const StreamOptions *options,
										const StreamPlace *place);

/* Are the operators of two trees of one query the same, so that one can have the state of
 * the other? */
extern bool stream_tree_same_operators(const StreamTree *a,
									   const StreamTree *b);

/*
 * The query that the user's view runs over the state tables of its operators (OIDs,
 * one for each; locked).  Changes the tree.  Where it shows groups when they are
 * final, the view's OID has to be put in by stream_closing_set_view then.  Error
 * 0A000, with a position.
 */
extern Query *stream_tree_reading(StreamTree *tree, List *states,
								  const char *source);

#endif
