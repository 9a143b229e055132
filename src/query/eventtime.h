/*-------------------------------------------------------------------------
 *
 * eventtime.h
 *	  Which grouping key is a window, and which event time it is about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_EVENTTIME_H
#define STREAMING_EVENTTIME_H

#include "nodes/parsenodes.h"

typedef enum StreamWindowKind
{
	STREAM_WINDOW_NONE,			/* the event time itself */
	STREAM_WINDOW_START,		/* date_bin, date_trunc: where a window starts */
	STREAM_WINDOW_RANGE,		/* a range that follows from the event time */
	STREAM_WINDOW_PANES,		/* hop with constant arguments */
	STREAM_WINDOW_SESSION		/* session_window: ranges that merge */
} StreamWindowKind;

/*
 * The key of a view that is a window, or an event time.  "End" is rule D1's
 * et(): where the window ends, or the event time itself.
 */
typedef struct StreamWindow
{
	int			key;			/* its number among the keys, from 0; or -1 */
	StreamWindowKind kind;
	bool		event_time;		/* about a declared event time */
	bool		in_all_sets;	/* a part of each grouping set, if there are any */
	Oid			type;			/* timestamp or timestamptz */

	/* over the query's FROM: */
	Expr	   *row_time;		/* some time before a row's end, or NULL */
	Expr	   *row_end;		/* a row's end (for panes: its last) */
	Expr	   *last_end;		/* where FROM makes a row of each window: the
								 * end of the row's last, else NULL */
	Expr	   *pane;			/* for panes: what takes hop's place in the
								 * delta query, in the key ... */
	int			pane_rtindex;	/* ... or, if not 0, in this member of FROM */

	/* over a table whose columns are the keys, as relation 1: */
	Var		   *key_column;		/* the key */
	Expr	   *key_end;		/* a group's end, with key_column in it */
	int64		width;			/* no window is longer, in microseconds */
	int64		slack;			/* so long after a window there may be rows for it:
								 * part of what is an end here */

	/* panes only, in microseconds */
	int64		size;
	int64		slide;
	int64		offset;
} StreamWindow;

/*
 * Finds the window among the key expressions of an analysed query (join aliases
 * flattened): of several, the one that closes first; NULL if there is none.  append: it is
 * for a view in append mode.  whole:
 * each row is wanted in each of its windows, so that there are no panes.  changes: so it is
 * of rows that come and go.
 * Errors: 0A000, with the position in source (may be NULL), if there are two sessions,
 * or for windows that cannot be kept.
 */
extern StreamWindow *stream_eventtime_find(Query *query, List *keys,
										   bool append, bool whole,
										   bool changes, const char *source);

/* Is an event time among the keys of the query, in append mode, so that its groups close? */
extern bool stream_eventtime_closes(Query *query);

/* Is the function our session_window? */
extern bool stream_eventtime_is_session(Oid funcid);

/* Is it called anywhere in an expression, or in a query? */
extern bool stream_eventtime_has_session(Node *node);

/*
 * Refuses a grouping expression that comes from session_window, but in a way that is
 * not seen through, so that it would not be merged.  changes: of rows that come and go,
 * also one that has a session in it.  Error 0A000, with the position in source.
 */
extern void stream_eventtime_check_session(Query *query, Node *key,
										   bool changes, const char *source);

/* Does the query group by a session, other than one that a sub-select has merged? */
extern bool stream_eventtime_groups_by_session(Query *query);

/* Where a session ends, over a table with the keys as relation 1. */
extern Expr *stream_eventtime_session_end(const StreamWindow *window);

/*
 * The window is now the first of nkeys keys; a session, the last.
 */
extern void stream_eventtime_place(StreamWindow *window, int nkeys);

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

/*
 * The event time from which on a row of a member of such a join finds no other, over its
 * FROM; and that from which on it is not needed, for no other waits for more rows,
 * either, that it has found.  NULL: there is none.
 */
extern Expr *stream_eventtime_joined_final(StreamJoined *joined, int member);
extern Expr *stream_eventtime_joined_until(StreamJoined *joined, int member);

/* Has any member an event time? */
extern bool stream_eventtime_joined_has_times(const StreamJoined *joined);

/* Is anything said of how far apart they are, though it may not bound all of them? */
extern bool stream_eventtime_joined_exist(StreamJoined *joined);

/*
 * In append mode: times of a member's row (over FROM), of which none must have passed when it
 * is new, or it finds nothing (rule J7): of the other member, or (0) of any.  NIL: there are
 * none.
 */
extern List *stream_eventtime_joined_keys(StreamJoined *joined, int member,
										  int other);

/* The condition that none has passed; NULL, if there are none. */
extern Node *stream_eventtime_is_after(List *ends);

/*
 * Conditions on such a time: in this batch the row finds no other any more; or it was so
 * before, by external parameters (watermark.h).  Each time expires in one batch only.
 */
extern Node *stream_eventtime_expires(Expr *final);
extern Node *stream_eventtime_has_expired(Expr *final);

/*
 * When a key expires that is first seen with a row: the row's end plus the
 * watermark's delay, an external parameter (watermark.h).
 */
extern Expr *stream_eventtime_expiry(const StreamWindow *window);

/*
 * The condition that a row is not late and has an event time, given the late
 * threshold and the watermark as external parameters (watermark.h).
 */
extern Node *stream_eventtime_filter(const StreamWindow *window);

/* Is it the function call that this condition has in it? */
extern bool stream_eventtime_is_filter(Node *node);

/*
 * The condition that a group is final, for a query over a table with the keys
 * as relation 1.  viewid: its place is held by 0 until
 * stream_eventtime_set_view.
 */
extern Node *stream_eventtime_is_closed(const StreamWindow *window,
										bool unlogged);
extern void stream_eventtime_set_view(Query *query, Oid viewid);

/*
 * The condition asks for no permission to read the table of progress.  pg_upgrade and
 * dumps make the query anew from its text, which does: takes that away again, in
 * place.  written: the OID that the view has in the text.
 */
extern void stream_eventtime_permit_closed(Query *query, Oid written,
										   Oid viewid);

#endif
