/*-------------------------------------------------------------------------
 *
 * bounds.h
 *	  How far apart in time the rows are that a join puts together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_BOUNDS_H
#define STREAMING_BOUNDS_H

#include "nodes/parsenodes.h"

/*
 * What an expression over a member of FROM says of the event time of its rows: that, or
 * the end of a window that it is in, or a bound of that.
 */
typedef struct StreamTimeOf
{
	Node	   *expr;
	int			member;			/* index into the range table */
	Node	   *time;			/* the time that a window is of; or expr */
	bool		window;
	int64		width;			/* the window's, in microseconds; ... */
	int64		least;			/* ... it is not shorter than that */
	Node	   *of;				/* a bound of a window: that; it is then so much after
								 * the window's end, at least and at most */
	int64		low;
	int64		high;
	int64		early;			/* the value is so much before the time that it says */
	int64		slack;			/* a row may come so long after its time has passed */
	FuncExpr   *call;			/* of the window function */
	Oid			type;			/* timestamp or timestamptz */
	bool		made_up;		/* an outer join below may make it null */
	Node	   *key_of;			/* of a key: the event time, or window of one, of another
								 * member that it is equal to; else NULL */
} StreamTimeOf;

/*
 * Says what an expression is; false: nothing of the kind.  The rules of time_of are
 * those of eventtime.c, which is above this.
 */
typedef bool (*StreamTimeFunction) (Query *query, Node *expr, void *arg,
									StreamTimeOf *result);

/*
 * Says how much, in a row of one member, a time of it is after another one at least, in
 * microseconds; false: that is not known.
 */
typedef bool (*StreamApartFunction) (Query *query, Node *expr, Node *other,
									 void *arg, int64 *us);

typedef struct StreamBounds StreamBounds;

/*
 * Finds the bounds in conditions of a SELECT (not yet rewritten) that joins streams: those
 * that hold for all rows of a part of its FROM.  arg: handed on to time_of, also later.
 * members: those whose rows are put together, as indexes into the range table; times: the
 * event time of each, or a window of it, as an expression, or NULL.  keys: what is equal to
 * the event time of another member is a key, whose rows find nothing when it has passed
 * (rule J7).  apart: of times of a member; it counts for what is above, not for when rows go,
 * which only what is said of two members tells (rule J8).
 */
extern StreamBounds *stream_bounds_find(Query *query, Node *from,
										List *members, List *times,
										bool keys, StreamTimeFunction time_of,
										StreamApartFunction apart,
										void *arg);

/* As StreamApartFunction, of what is in a row of the join. */
extern bool stream_bounds_apart(StreamBounds *bounds, Node *expr,
								Node *other, int64 *us);

/* Is anything said of how far apart the times of two members are? */
extern bool stream_bounds_exist(StreamBounds *bounds);

/* The keys of a member (StreamTimeOf): new rows find nothing when one has passed. */
extern List *stream_bounds_keys(StreamBounds *bounds, int member);

/*
 * How long after the watermark has passed the time that the expression says (or the end
 * of its window) rows of the join may still come that have it, in microseconds; false:
 * nobody knows.
 */
extern bool stream_bounds_slack(StreamBounds *bounds, Node *expr,
								int64 *slack);

/*
 * Until when a row of a member can find others: when the watermark has passed one of
 * the times (StreamTimeOf, palloc'd) by so many microseconds (list of int64 pointers, of
 * the same length).  NIL: for ever.
 */
extern List *stream_bounds_expiry(StreamBounds *bounds, int member,
								  List **after);

/*
 * How far the watermark of what is above may be behind that of the members, in microseconds: as
 * far as times are of rows that are kept (rule K1).
 */
extern int64 stream_bounds_lag(StreamBounds *bounds);

/*
 * As stream_bounds_slack, for rows of a member that come when they cannot find others any
 * more.
 */
extern bool stream_bounds_slack_at_expiry(StreamBounds *bounds, Node *expr,
										  int member, int64 *slack);

/*
 * A time of a member that the expression, of what is put together with its row, is after
 * by no more than so many microseconds; NULL: there is none.
 */
extern StreamTimeOf *stream_bounds_not_after(StreamBounds *bounds, Node *expr,
											 int member, int64 *us);

/*
 * A constant interval, in microseconds: at least low, at most high, for days may be longer or
 * shorter where clocks are changed (zoned).  False: it is not known, or has months.
 */
extern bool stream_bounds_interval(Node *expr, bool zoned, int64 *low,
								   int64 *high);

#endif
