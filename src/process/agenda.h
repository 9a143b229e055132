/*-------------------------------------------------------------------------
 *
 * agenda.h
 *	  What a worker has to do: its views, what each reads, when each is due.
 *
 * All of it is in the memory of the worker process.  Nothing here runs in a
 * transaction, and nothing raises errors but for want of memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_AGENDA_H
#define STREAMING_AGENDA_H

#include "base/catalog.h"
#include "process/roster.h"
#include "process/failure.h"
#include "process/bisect.h"

/* A leaf relation that a view reads. */
typedef struct StreamAgendaLeaf
{
	Oid			relid;
	StreamSource *source;		/* what its commits move */
	bool		listening;		/* they wake us too */
	uint64		seen;			/* sequence number before the last batch ... */
	uint64		before;			/* ... and before the one that runs now */
} StreamAgendaLeaf;

/* A stream, or a partition, of which streaming.retention could not be carried out. */
typedef struct StreamAgendaHeldUp
{
	Oid			relid;
	TimestampTz until;			/* it is left alone until then */
	StreamFailureLog logged;
} StreamAgendaHeldUp;

/* A view as its worker knows it. */
typedef struct StreamAgendaView
{
	Oid			viewid;
	MemoryContext context;		/* this struct and all it points to */
	MemoryContext row_context;	/* what was read from the catalog: */
	StreamViewRow *row;			/* its row; NULL: not read yet */
	List	   *rows;			/* of all of its group, itself included */
	Oid			owner;			/* ... what it says of itself ... */
	const char *name;			/* ... schema.name, for messages ... */
	const char *activity;		/* ... and for pg_stat_activity */
	bool		reload;			/* read it again before going on ... */
	TimestampTz reload_at;		/* ... but not before this time */
	bool		changed;		/* that has found something new */
	bool		assigned;		/* used while comparing with shared memory */
	bool		lost;			/* it is not ours any more */
	bool		gone;			/* it does not exist any more */
	bool		released;		/* nobody wants to hear of its failures */

	bool		paused;			/* what shared memory says of it */
	bool		due;			/* run it, whatever the counters say */
	bool		more;			/* the last batch left rows */
	bool		backlog;		/* of those that it has not read, at that */
	bool		asked;			/* there is a request not answered yet */
	bool		had_turn;		/* in the turn of all views that is on */
	bool		asleep;			/* there is nothing to do for it */
	TimestampTz turn_at;		/* the last turn in which it had a batch, or woke up */
	TimestampTz poll_at;
	TimestampTz tick_at;		/* when its interval is over */

	int			failures;		/* in a row */
	int			strikes;		/* those of them that count */
	bool		failed;			/* given up */
	bool		recorded;		/* there is a failure in the catalog */
	TimestampTz blocked_since;	/* has not got its locks since, or 0 */
	int			conflicts;		/* how often it gave way since then */
	TimestampTz retry_at;
	StreamBisection bisection;	/* the search for rows that fail */
	TimestampTz trim_at;		/* when its old errors are deleted next; DT_NOEND:
								 * never */
	StreamFailureLog logged;	/* of its batches ... */
	StreamFailureLog logged_recording;	/* ... and of recording failures */
	StreamFailureLog logged_retention;	/* ... and of taking old changes away */
	TimestampTz retain_at;		/* look at that then, ... */
	TimestampTz streams_at;		/* ... and at streaming.retention of its streams */
	List	   *held_up;		/* of StreamAgendaHeldUp */

	int64		mean_us;		/* about how long its batches take */
	int			alone;			/* so many batches it has alone before it has one with
								 * others */
	int			spoilt;			/* how often these have failed because of it */

	StreamAgendaLeaf *leaves;
	int			num_leaves;
	List	   *batched;		/* OIDs: those that had the last batch together */
} StreamAgendaView;

/* Starts with no views; they will be kept in children of the context. */
extern void stream_agenda_init(MemoryContext context);

/*
 * Looks at the counters in shared memory, and at what has moved: views come
 * and go, are to be reloaded, are due, are asked for.
 */
extern void stream_agenda_take_news(void);

/* The views, as a list of StreamAgendaView *, and how many of them are asleep. */
extern List *stream_agenda_views(void);
extern int	stream_agenda_asleep(void);

/*
 * A turn of all views begins: a copy of the list of those that are awake.  No other has
 * anything to do.
 */
extern List *stream_agenda_begin_turn(TimestampTz now);

/* Settings have changed: all of them are looked at. */
extern void stream_agenda_wake(void);

/* The view has had its turn in it: it becomes the last of them. */
extern void stream_agenda_had_turn(StreamAgendaView *view);

/* Forgets a view and all that this process remembers of it; frees it. */
extern void stream_agenda_drop(StreamAgendaView *view);

/* The view's row has been read and is not what it was. */
extern void stream_agenda_view_changed(StreamAgendaView *view);

/*
 * A view that is switched off.  Shared memory is told each time there is a
 * request, for those are waiting for an answer.  The view's row must have been
 * read.
 */
extern bool stream_agenda_is_paused(StreamAgendaView *view);

/*
 * Is it time for a batch?  If the view has an interval and that is over, the
 * next one begins.  The view's row must have been read.
 */
extern bool stream_agenda_is_due(StreamAgendaView *view, TimestampTz now);

/* When will the view be due, if nothing happens?  DT_NOEND: never. */
extern TimestampTz stream_agenda_due_at(StreamAgendaView *view);

/* When will the next turn have something to do, if nothing happens?  DT_NOEND: never. */
extern TimestampTz stream_agenda_next_due(void);

/*
 * Notes the sequence numbers of the leaves.  To be called before the batch
 * takes its snapshot: then no commit is overlooked.
 */
extern void stream_agenda_before_batch(StreamAgendaView *view);

/* How many commits that stream_agenda_before_batch has noted the last batch has not seen. */
extern uint64 stream_agenda_commits(StreamAgendaView *view);

/*
 * A batch has ended well: these views have had it together, it has read these leaves
 * (OIDs), up to at least what stream_agenda_before_batch has noted, and has left rows if
 * more is true.
 */
extern void stream_agenda_after_batch(StreamAgendaView *view, List *batched,
									  List *leaves, bool more);

/*
 * Views that are due, and that the view can have its next batch with, in one transaction
 * (bundle.h): a list that begins with itself, or NIL.  It must be due.
 */
extern List *stream_agenda_bundle(StreamAgendaView *view, TimestampTz now);

/* A batch of the view has ended well, which was alone or not; it took so long. */
extern void stream_agenda_note_batch(StreamAgendaView *view, bool alone,
									 int64 us);

/* Views have failed together, at the turn of this one; or it was left out. */
extern void stream_agenda_note_spoilt(StreamAgendaView *view);
extern void stream_agenda_wants_alone(StreamAgendaView *view);

/* Forgets what this process remembers of the batches of the view and its group. */
extern void stream_agenda_forget_batches(StreamAgendaView *view);

#endif
