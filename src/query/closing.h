/*-------------------------------------------------------------------------
 *
 * closing.h
 *	  Conditions on time: which rows are late, which groups are closed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CLOSING_H
#define STREAMING_CLOSING_H

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
	Expr	   *first_end;		/* where a row has several windows: the end of its
								 * first, else NULL */
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
 * The window is now the first of nkeys keys; a session, the last.
 */
extern void stream_closing_place(StreamWindow *window, int nkeys);

/* Where a session ends, over a table with the keys as relation 1. */
extern Expr *stream_closing_session_end(const StreamWindow *window);

/*
 * When a key expires that is first seen with a row: the row's end plus the
 * watermark's delay, an external parameter (watermark.h).
 */
extern Expr *stream_closing_expiry(const StreamWindow *window);

/*
 * The condition that a row is not late and has an event time, given the late
 * threshold and the watermark as external parameters (watermark.h).  It counts
 * rows that are late, and those that are for some of their windows, which it lets
 * through.
 */
extern Node *stream_closing_filter(const StreamWindow *window);

/* Is it the function call that this condition has in it? */
extern bool stream_closing_is_filter(Node *node);

/* The condition that none of these times has passed; NULL, if there are none. */
extern Node *stream_closing_is_after(List *ends);

/*
 * Conditions on a time from which on a row of a join finds no other: in this batch it finds
 * none any more; or it was so before, by external parameters (watermark.h).  Each time expires
 * in one batch only.
 */
extern Node *stream_closing_expires(Expr *final);
extern Node *stream_closing_has_expired(Expr *final);

/*
 * The condition that a group is final, for a query over a table with the keys
 * as relation 1.  viewid: its place is held by 0 until
 * stream_closing_set_view.
 */
extern Node *stream_closing_is_closed(const StreamWindow *window,
									  bool unlogged);
extern void stream_closing_set_view(Query *query, Oid viewid);

/*
 * The condition asks for no permission to read the table of progress.  pg_upgrade and
 * dumps make the query anew from its text, which does: takes that away again, in
 * place.  written: the OID that the view has in the text.
 */
extern void stream_closing_permit(Query *query, Oid written, Oid viewid);

#endif
