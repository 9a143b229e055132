/*-------------------------------------------------------------------------
 *
 * sessions.h
 *	  Session windows: merging rows into sessions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SESSIONS_H
#define STREAMING_SESSIONS_H

#include "state/store.h"

typedef struct StreamSessions StreamSessions;

/*
 * Makes the operator for a state table of the row type desc, whose last key is
 * the session.  The index on the other keys and the session's end is found by
 * stream_sessions_open.
 */
extern StreamSessions *stream_sessions_create(MemoryContext parent,
											  TupleDesc desc,
											  const StreamStoreShape *shape);

/*
 * Where rows come and go: what there is now.  A range is a row that begins with the keys,
 * the last of which it is.
 */
typedef struct StreamSessionRows
{
	bool		(*has) (TupleTableSlot *range, void *arg);	/* a row that is just so? */
	void		(*add) (TupleTableSlot *range, void *arg);	/* adds all that are in it */
	void	   *arg;
} StreamSessionRows;

/* The rows of the delta say where these have changed; they live as long. */
extern void stream_sessions_set_changing(StreamSessions *sessions,
										 const StreamSessionRows *rows);

/*
 * Begins a batch on the state table, on which the caller holds RowExclusiveLock
 * and of which it is the only writer.  late: sessions that end at or before it
 * are closed, and merge no more.  changed: NULL, or called with each row that goes
 * (-1) or comes (1) in the table; one that lacks results of the second feed comes
 * again with them.
 */
extern void stream_sessions_open(StreamSessions *sessions, Relation rel,
								 int64 late,
								 void (*changed) (TupleTableSlot *row,
												  int sign, void *arg),
								 void *arg);

/* Adds a row of the delta: keys, the last its own range, and partial states. */
extern void stream_sessions_add(StreamSessions *sessions,
								TupleTableSlot *delta);

/* Merges the rows with each other and with the sessions of the table. */
extern void stream_sessions_merge(StreamSessions *sessions);

/*
 * Takes a row of the second feed: keys, the last a session that has been merged in this
 * batch, in a command before, and results of aggregates that it does not have yet.
 */
extern void stream_sessions_finish(StreamSessions *sessions,
								   TupleTableSlot *results);

/*
 * When the last of the closed sessions ends that a session of the table overlaps; at its
 * start, if there is none.  All of its own rows end after that, for they came later.
 */
extern int64 stream_sessions_end_before(StreamSessions *sessions,
										TupleTableSlot *session);

/*
 * Merges what there is to merge, and ends the batch.  Returns how many sessions
 * there are more than before (or less).
 */
extern int64 stream_sessions_close(StreamSessions *sessions);

#endif
