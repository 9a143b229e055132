/*-------------------------------------------------------------------------
 *
 * analyze.h
 *	  Which streams a query reads, and whether it reads them row by row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_ANALYZE_H
#define STREAMING_ANALYZE_H

#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"

#include "base/locate.h"

/*
 * Which of the view's inputs a stream in a query's range table is, counted from
 * 1; 0: none.  One stream may be several inputs.  guarded: it is behind a
 * security barrier.  The field means nothing for tables, and the planner hands
 * it on to partitions.
 */
#define stream_analyze_set_input(rte, number, guarded) \
	((rte)->ctelevelsup = (Index) (number) * 2 + ((guarded) ? 1 : 0))
#define stream_analyze_input(rte) ((int) ((rte)->ctelevelsup / 2))
#define stream_analyze_is_guarded(rte) ((rte)->ctelevelsup % 2 == 1)

/*
 * Is there a stream anywhere in the query or expression, or in the views it
 * names?  Locks these with AccessShareLock.
 */
extern bool stream_analyze_has_stream(void *node);

/*
 * The name of what stands for the changes of another continuous view until an operator
 * reads them (changes.c); is the member of a range table that?
 */
#define STREAM_ANALYZE_CHANGES "changes of a continuous view"
extern bool stream_analyze_is_changes(const RangeTblEntry *rte);

/* Is there such a one anywhere in the query or expression? */
extern bool stream_analyze_reads_changes(void *node);

/*
 * The name of the sub-select in FROM for whose rows, which come and go, the query looks up
 * what else is there (lookups.c); which is it, as an index into the range table?  0: there
 * is none.
 */
#define STREAM_ANALYZE_LOOKS_UP "rows to look up for"
extern int	stream_analyze_looks_up(const Query *query);

/* Is the relation a stream, or a view that reads one? */
extern bool stream_analyze_names_stream(RangeTblEntry *rte);

/* Does the sub-select refer to anything around it, at whatever depth? */
extern bool stream_analyze_is_correlated(Query *query);

/*
 * Error 54000 if the query is huge with the views that it reads in it, and the policies of
 * what they read.  (The server would put it together, and could not be interrupted.)  To be
 * called before anything else goes through it.  Locks these relations.
 */
extern void stream_analyze_check_size(Query *query);

/* Refuses transition tables, at any depth: error 0A000. */
extern void stream_analyze_check_tables(Query *query,
										const StreamPlace *place);

/*
 * The members of FROM that read streams, as indexes into the range table, in the order
 * in which they are written; of a set operation, NIL.
 */
extern List *stream_analyze_members_of_from(Query *query);

/*
 * The joins (JoinExpr) that FROM consists of, if a row can be in the result, or not, for what
 * it finds no partner: the outer join of two streams, or tests by EXISTS and NOT EXISTS
 * (JOIN_SEMI, JOIN_ANTI; semijoin.c), of which the last is that of the first side.  Or NIL.
 */
extern List *stream_analyze_partial_joins(Query *query);

/*
 * May rows go that the sub-select reads: those of groups, first rows, outer joins, or other
 * continuous views?
 */
extern bool stream_analyze_may_change(Query *query);

/*
 * Joins the query streams with groups or first rows, which may change; or (outer) with what
 * outer joins and NOT EXISTS alter, too?
 */
extern bool stream_analyze_joins_changing(Query *query, bool outer);

/*
 * Notes of a SELECT that only joins, computes and filters, over nothing but groups and
 * first rows, that it is to be kept by their changes, rather than be left to readers;
 * has that been noted?
 */
extern void stream_analyze_want_changes(Query *query);
extern bool stream_analyze_wants_changes(const Query *query);

/*
 * Notes of an aggregation that it hands on each group once, when it is closed (in append
 * mode); has that been noted?
 */
extern void stream_analyze_hand_on_closed(Query *query);
extern bool stream_analyze_hands_on_closed(const Query *query);

/*
 * Does its FROM join streams row by row: several members that read some, not all of
 * which are aggregations or deduplications, unless it is to be kept by their changes, or
 * these hand on closed groups?
 */
extern bool stream_analyze_joins_rows(Query *query);

/*
 * Checks a rewritten delta query: one stream, or UNION ALL of some, read row by
 * row.  Returns the inputs: the streams' OIDs (of the partitioned root, if one
 * is) in the order in which the query names them, one as often as it is named;
 * NIL if it reads what another operator hands on.  The query's streams are
 * numbered so (stream_analyze_input), after the given number of others.  place:
 * where the query is, for error positions, or NULL.  Errors 0A000, with a position;
 * 42809 if the query reads no stream, and with a place also what
 * stream_analyze_leaves says of each.
 */
extern List *stream_analyze_streams(Query *delta, int others,
									const StreamPlace *place);

/*
 * A rewritten copy of a SELECT: views and row-level security are expanded, and
 * WITH queries that read a stream are in FROM.  Locks its relations.
 */
extern Query *stream_analyze_rewrite(Query *query);

/*
 * Turns WITH queries that read a stream or a continuous view, or that a sub-select refers
 * to, in the query and its sub-selects, into sub-selects of FROM wherever they are referred
 * to.
 */
extern void stream_analyze_inline_with(Query *query);

/* A copy of the query of an ordinary view, after that.  Locks the view. */
extern Query *stream_analyze_view_query(Oid relid);

/* The WITH query or sub-select of an expression with a stream, or NULL. */
extern Node *stream_analyze_hidden_stream(void *node);

/*
 * Can a btree index have values of the type?  Not if what they are made of has no order
 * (an array of xid).
 */
extern bool stream_analyze_has_order(Oid type);

/* The first window function of the query, or NULL. */
extern Node *stream_analyze_window_function(Query *query);

/*
 * The leaf relations of streams, each once, as OIDs, locked with the mode; a
 * stream itself if it is a plain table.
 * Error 42809 if one is not a stream, or if only some are unlogged; 0A000 if
 * they are children by inheritance.
 */
extern List *stream_analyze_leaves(List *streams, LOCKMODE lockmode,
								   bool *unlogged);

/*
 * The same without locks and errors: whatever is below them and not a partitioned
 * table, whether a view could read it or not.
 */
extern List *stream_analyze_members(List *streams);

/*
 * A transaction that has given a stream a leaf is over for snapshots before others are told
 * of that.  What it holds from here on, until they have been, keeps that apart.
 */
extern void stream_analyze_hold_leaves(void);

/* May there be leaves that a snapshot sees, and nobody has been told of? */
extern bool stream_analyze_leaves_untold(void);

#endif
