/*-------------------------------------------------------------------------
 *
 * timeexpr.h
 *	  Building expressions about time.
 *
 * All are in the current memory context and take their arguments over, without a
 * copy.  A type is that of timestamps, with or without time zone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TIMEEXPR_H
#define STREAMING_TIMEEXPR_H

#include "datatype/timestamp.h"
#include "nodes/primnodes.h"

/* Calls of functions of one and two arguments. */
extern Expr *stream_timeexpr_call1(Oid funcid, Oid type, void *arg);
extern Expr *stream_timeexpr_call2(Oid funcid, Oid type, Oid collation,
								   void *arg1, void *arg2);

/* Intervals as constants; one of so many microseconds. */
extern Const *stream_timeexpr_interval(Interval *interval);
extern Const *stream_timeexpr_interval_us(int64 us);

/* upper(range) */
extern Expr *stream_timeexpr_upper(Oid type, Node *range);

/*
 * Where a window ends that starts at the given time: after a fixed length, in
 * which days are 24 hours, or in a time zone (an expression, or NULL); infinity
 * where that is out of range.
 */
extern Expr *stream_timeexpr_end_of(Expr *start, Expr *length, Expr *zone);

/* The same, after so many microseconds. */
extern Expr *stream_timeexpr_later(Expr *time, int64 us);

/*
 * The length of the unit of date_trunc, as an interval.  Error 22007 if it is
 * none.
 */
extern Interval *stream_timeexpr_unit(const char *unit);

/*
 * Where a window of a call of date_trunc ends that starts at the given time.
 * Days and more are counted in a time zone: that of the call, or the one set.
 */
extern Expr *stream_timeexpr_end_of_unit(FuncExpr *call, Expr *start,
										 const char *unit);

/* An external parameter. */
extern Expr *stream_timeexpr_parameter(int number, Oid type);

#endif
