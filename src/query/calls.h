/*-------------------------------------------------------------------------
 *
 * calls.h
 *	  Calls of functions about time: which they are, and their arguments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CALLS_H
#define STREAMING_CALLS_H

#include "nodes/parsenodes.h"

/* The name of one of our own functions, or NULL. */
extern const char *stream_calls_name(Oid funcid);

/* Is it a call of our function of that name?  call may be NULL. */
extern bool stream_calls_is(FuncExpr *call, const char *name);

/* Is the function our session_window? */
extern bool stream_calls_is_session(Oid funcid);

/* Is it called anywhere in an expression, or in a query? */
extern bool stream_calls_has_session(Node *node);

/* Is the function lower or upper of a range? */
extern bool stream_calls_is_bound(Oid funcid);

/*
 * Is it a timestamp plus an interval, or (minus) less one?  Then these are set; otherwise
 * only minus, to false.
 */
extern bool stream_calls_is_shift(OpExpr *op, Node **time, Node **interval,
								  bool *minus);

/*
 * The time that a call of a window function is about, or NULL: it is none.  name: that of
 * the function (stream_calls_name), NULL if it is not one of ours.
 */
extern Node *stream_calls_time(FuncExpr *call, const char *name);

/* A copy of the call with its arguments in order, defaults put in. */
extern FuncExpr *stream_calls_complete(FuncExpr *call);

/*
 * Microseconds of argument n (from 0), an interval: 0 if it is not given.  False: it is not a
 * constant, or has months.
 */
extern bool stream_calls_fixed(FuncExpr *call, int n, int64 *us);

/* Does a call count in a time zone, which is its argument n (from 0), the last? */
extern bool stream_calls_has_zone(FuncExpr *call, int n);

/*
 * Argument n (from 0), the length of a window of an event time.  Error 0A000, with the
 * position in source (may be NULL), if it is not a constant, or null.
 */
extern Const *stream_calls_constant(FuncExpr *call, int n,
									const char *source);

/*
 * Refuses a call of a window function that would fail for every row, by its constant
 * arguments: with the error that it would raise, and the position of the call in source.
 */
extern void stream_calls_check(FuncExpr *call, const char *source);

#endif
