/*-------------------------------------------------------------------------
 *
 * eventtime.h
 *	  Which event time an expression is about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_EVENTTIME_H
#define STREAMING_EVENTTIME_H

#include "nodes/parsenodes.h"

#include "query/pairs.h"
#include "query/traces.h"

/*
 * What an expression over the FROM of an analysed query is, as to time.  append: the query is
 * for a view in append mode; changes: its rows come and go.
 */
extern StreamTrace stream_eventtime_trace(Query *query, Node *expr,
										  bool append, bool changes);

/* Is an event time among the keys of the query, in append mode, so that its groups close? */
extern bool stream_eventtime_closes(Query *query);

/*
 * The event time of the query's stream, whether or not the query shows it, as a
 * window without a key (-1); NULL if there is none.
 */
extern StreamWindow *stream_eventtime_of_input(Query *query, bool append);

/*
 * The output column of a query whose rows are only added to its result that is an event
 * time, or a window of one; InvalidAttrNumber: there is none.  The query is changed in append
 * mode, as stream_eventtime_nest does it.
 */
extern AttrNumber stream_eventtime_of_output(Query *query, bool append);

/*
 * In append mode: writes a join of more than two members, or several tests, as a chain of those
 * of two, where any member has an event time (chains.h).  results: the results of other views
 * are among them.
 */
extern void stream_eventtime_nest(Query *query, bool results);

/*
 * How far apart in event time the rows are that a SELECT that joins streams puts
 * together, or tests for each other.
 */
typedef struct StreamJoined StreamJoined;

extern StreamJoined *stream_eventtime_joined(Query *query, bool append);

/*
 * By what rows of a side are late, which is a SELECT from the member alone, as a window without
 * a key: the event time of the member; or a window of it, if the join sees no more than that;
 * NULL: there is none.  seen: it is one of these columns (attribute numbers); NULL: any.
 */
extern StreamWindow *stream_eventtime_of_side(StreamJoined *joined,
											  int member, Query *query,
											  const Bitmapset *seen);

/* How far apart they are, and until when rows of members find others. */
extern StreamPairs *stream_eventtime_joined_pairs(StreamJoined *joined);

/* Has any member an event time? */
extern bool stream_eventtime_joined_has_times(const StreamJoined *joined);

#endif
