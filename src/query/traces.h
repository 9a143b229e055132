/*-------------------------------------------------------------------------
 *
 * traces.h
 *	  What an expression is, as to time: how long its windows are, where they end.
 *
 * A trace is what is found where an expression is followed down to the column that it is made
 * of (eventtime.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TRACES_H
#define STREAMING_TRACES_H

#include "nodes/parsenodes.h"

#include "query/closing.h"

/* What an expression is, as to time. */
typedef enum StreamTraceKind
{
	STREAM_TRACE_NONE,
	STREAM_TRACE_TIME,			/* a time */
	STREAM_TRACE_START,			/* a time at which a window starts */
	STREAM_TRACE_RANGE,			/* a window */
	STREAM_TRACE_SESSION
} StreamTraceKind;

typedef struct StreamTrace
{
	StreamTraceKind kind;
	bool		event_time;		/* about a declared event time */
	Oid			type;
	FuncExpr   *call;			/* of the window function */
	const struct StreamTrace *of;	/* what the call is about, unless that is
									 * where the rows of the FROM have their
									 * time */
	int64		slack;			/* microseconds after its end, until which groups
								 * below may change */
	bool		grouped;		/* it tells groups below apart; of a session: they have
								 * been merged there */
	bool		stored;			/* in the result of another view */
	int64		shift;			/* a time that is computed of that: so much later at
								 * most, ... */
	int64		behind;			/* ... and before what it all is made of by no more than
								 * this */
	bool		open;			/* rows of a join may come with it however late: it
								 * is for the next join only, where they are late */
	bool		made_up;		/* ... where it may be null, which is not late */
	bool		beside;			/* of hop beside what is joined: late rows are told
								 * before they have windows */
} StreamTrace;

/* Is the length of its windows a constant, or has it none that a call gives? */
extern bool stream_traces_has_length(const StreamTrace *trace);

/*
 * The longest that windows of an event time are, in microseconds; their lengths are the same,
 * or at least they end in the order in which they begin.  0: of a time, a session, or what is
 * not about an event time.  Error 0A000, with the position in source (may be NULL), if the
 * length is not a constant.
 */
extern int64 stream_traces_width(const StreamTrace *trace,
								 const char *source);

/*
 * How long after the time that it is made of the window or time may end, in
 * microseconds; PG_INT64_MAX: nobody knows.
 */
extern int64 stream_traces_reach(const StreamTrace *trace);

/* Is each of the first windows within one of the second, as far as is known? */
extern bool stream_traces_is_aligned(const StreamTrace *shorter,
									 const StreamTrace *longer);

/*
 * Does the value of a column of a result say when it ends?  It may be read under another
 * time zone than it was made.
 */
extern bool stream_traces_is_known(const StreamTrace *trace);

/* Is it a session, which what is above would merge once more, but for when it ends? */
extern bool stream_traces_is_session(const StreamTrace *trace);

/*
 * Where the window ends that is told by the value, or the value, if that is a time.  Errors as
 * of stream_traces_width.
 */
extern Expr *stream_traces_end(const StreamTrace *trace, Node *value,
							   const char *source);

/*
 * The window that an expression over a query's FROM is, which has the trace, as key number key
 * (from 0).  Nothing of its panes and grouping sets is set.  Errors as of stream_traces_width.
 */
extern StreamWindow *stream_traces_window(const StreamTrace *trace, int key,
										  Node *expr, const char *source);

#endif
