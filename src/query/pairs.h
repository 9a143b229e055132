/*-------------------------------------------------------------------------
 *
 * pairs.h
 *	  Which rows a join puts together in time, and until when each finds others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_PAIRS_H
#define STREAMING_PAIRS_H

#include "nodes/parsenodes.h"

#include "query/bounds.h"

/* The bounds of a SELECT that joins streams, or tests rows of one for those of others. */
typedef struct StreamPairs StreamPairs;

/*
 * Where a time ends, as an expression over FROM, and so many microseconds after that; what a
 * key ends with is what it is equal to.
 */
typedef Expr *(*StreamEndFunction) (Query *query, StreamTimeOf *time,
									int64 us, void *arg);

/*
 * Finds them in the query (not yet rewritten).  members: those whose rows are put together, as
 * indexes into the range table; times: by what the rows of each are late, as an expression, or
 * NULL.  keys, time_of, apart: as for stream_bounds_find.  arg: handed on to all functions,
 * also later.
 */
extern StreamPairs *stream_pairs_find(Query *query, List *members,
									  List *times, bool keys,
									  StreamTimeFunction time_of,
									  StreamApartFunction apart,
									  StreamEndFunction end_of, void *arg);

/* Of times of members, that of one; NULL: it has none, or is not among them. */
extern Node *stream_pairs_time(const List *members, const List *times,
							   int member);

/* Is anything said of how far apart they are, though it may not bound all of them? */
extern bool stream_pairs_exist(const StreamPairs *pairs);

/* Is what an expression is of made up where a row comes alone? */
extern bool stream_pairs_is_made_up(const StreamPairs *pairs, Node *expr);

/*
 * As stream_bounds_slack, for a row of any join.  made_up: also of a member that is made up
 * where a row of the other one comes alone, if two are joined.
 */
extern bool stream_pairs_slack(const StreamPairs *pairs, Node *expr,
							   bool made_up, int64 *slack);

/* As stream_bounds_lag, the most of all. */
extern int64 stream_pairs_lag(const StreamPairs *pairs);

/* As stream_bounds_apart. */
extern bool stream_pairs_apart(const StreamPairs *pairs, Node *expr,
							   Node *other, int64 *us);

/*
 * The event time from which on a row of a member finds no other, over FROM; and that from
 * which on it is not needed, for no other waits for more rows, either, that it has found.
 * NULL: there is none.
 */
extern Expr *stream_pairs_final(const StreamPairs *pairs, int member);
extern Expr *stream_pairs_until(const StreamPairs *pairs, int member);

/*
 * In append mode: times of a member's row (over FROM), of which none must have passed when it
 * is new, or it finds nothing (rule J7): of the other member, or (0) of any.  NIL: there are
 * none.
 */
extern List *stream_pairs_keys(const StreamPairs *pairs, int member,
							   int other);

#endif
