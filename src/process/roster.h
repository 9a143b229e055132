/*-------------------------------------------------------------------------
 *
 * roster.h
 *	  Who is there and who does what: processes, views and requests.
 *
 * Needs no transaction, but the shared memory: see stream_shmem_available.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_ROSTER_H
#define STREAMING_ROSTER_H

#include "nodes/pg_list.h"

#include "base/area.h"
#include "base/shmem.h"

/*
 * Raises 53400 if the server cannot run views in this database because so many
 * others have some.
 */
extern void stream_roster_require_room(void);

/* ---- the launcher ---- */

typedef struct StreamDatabaseStatus
{
	Oid			dboid;
	bool		running;		/* it has a scheduler */
	bool		present;		/* the scheduler has found views */
	bool		absent;			/* a scheduler looked and did not find any */
	bool		evicted;		/* it makes room for another */
} StreamDatabaseStatus;

/* Makes this process the launcher; false if there is one. */
extern bool stream_roster_attach_launcher(void);

/* Fills list (room for STREAM_DATABASE_SLOTS), returns how many. */
extern int	stream_roster_list_databases(StreamDatabaseStatus *list);

/* True while a command wants the database free of connections. */
extern bool stream_roster_database_suspended(Oid dboid);

/* Moves when the list of databases may have changed. */
extern uint64 stream_roster_databases_version(void);

/* Moves when any database may have got the extension, unknown which. */
extern uint64 stream_roster_probe_version(void);

/*
 * Forgets the database and its views, unless processes are at work in it or
 * it has been told of views since its scheduler found no extension
 * (gone = true: forget in any case, the database does not exist any more).
 */
extern void stream_roster_forget_database(Oid dboid, bool gone);

/*
 * Says that background workers for the database can't be had (or can again).
 * Those who wait for a view without a worker then fail instead of waiting.
 */
extern void stream_roster_set_starved(Oid dboid, bool starved);

/*
 * Ends the processes of the database to make room for another one's; no worker
 * starts there before the next scheduler does.
 */
extern void stream_roster_evict_database(Oid dboid);

/*
 * Says that a database has no process at all for want of room, and that others
 * are to make do with one worker for a while.
 */
extern void stream_roster_set_crowded(void);
extern bool stream_roster_is_crowded(void);

/* ---- the scheduler ---- */

typedef struct StreamWorkerStatus
{
	int			slot;			/* 0 .. STREAM_MAX_WORKERS - 1 */
	uint32		generation;		/* tells users of the same slot apart */
	int			pid;			/* 0: has not started yet */
	TimestampTz busy_since;		/* its batch runs since, or 0 ... */
	Oid			busy_view;		/* ... of this view ... */
	bool		busy_bundle;	/* ... and others, see stream_roster_batch_of ... */
	uint64		busy_request;	/* ... for requests up to this one ... */
	bool		busy_slow;		/* ... which is known to be slow ... */
	TimestampTz canceled_at;	/* ... and was told to end, or 0 ... */
	bool		unwanted;		/* ... as its view is not to run any more */
	bool		ended;			/* the process was told to end */
} StreamWorkerStatus;

typedef struct StreamViewAssignment
{
	Oid			viewid;
	int			slot;			/* of its worker, or -1 */
	uint64		mark;			/* stream_roster_mark() of its latest request */
	bool		running;		/* a batch is running now */
	bool		slow;			/* its batches take long */
	Oid			owner;
	TimestampTz begun_at;		/* when its last batch began, or 0 */
	bool		due;			/* it has something to do, so far as is known */
	int			cuts;			/* see stream_roster_cut_batch */
} StreamViewAssignment;

/*
 * A batch that runs longer is long, and makes its view slow; one that takes
 * less than the other is short, and ends that.
 */
#define STREAM_LONG_BATCH_US USECS_PER_SEC
#define STREAM_SHORT_BATCH_US (STREAM_LONG_BATCH_US / 2)

/*
 * Makes this process the scheduler of the database; false if it has one, is
 * suspended or too many are being started (which is logged).  Call it before
 * connecting: then an eviction can't miss us.
 */
extern bool stream_roster_attach_scheduler(Oid dboid);

/*
 * The scheduler has found the extension; false if too many databases have it
 * (which is logged): then it has to end.
 */
extern bool stream_roster_set_present(void);

/* It has not found it; the version is from before it has looked. */
extern void stream_roster_set_absent(uint64 version);

/* Moves when the views of this database have changed; for all processes. */
extern uint64 stream_roster_views_version(void);

/* Moves when a restore of this database has come further, or somebody waits for it. */
extern uint64 stream_roster_restores(void);

/* Moves when there is something to do for the scheduler. */
extern uint64 stream_roster_calls(void);

/* A number above all requests made so far, below all later ones. */
extern uint64 stream_roster_mark(void);

/* Workers of this database; list has room for STREAM_MAX_WORKERS. */
extern int	stream_roster_list_workers(StreamWorkerStatus *list);

/* The views of this database, palloc'd array by OID; returns how many. */
extern int	stream_roster_list_views(StreamViewAssignment **list);

/* Takes a free slot for a worker about to be started, or -1. */
extern int	stream_roster_reserve_worker(uint32 *generation);

/* Gives it back if no worker has started in it. */
extern void stream_roster_release_worker(int slot, uint32 generation);

/*
 * Unless the scheduler is said to watch, it is woken by the next batch that
 * begins.
 */
extern void stream_roster_set_watched(bool watched);

/*
 * OIDs: the views whose batch the worker is in, if it is still that one, or NIL.
 */
extern List *stream_roster_batch_of(const StreamWorkerStatus *worker);

/*
 * The slow view that is to go to the worker whose slow batch ends next, or InvalidOid: it
 * waits behind another batch, and its owner has none.
 */
extern void stream_roster_set_left_out(Oid viewid);

/* Notes that the worker's batch takes long, if it is still that one. */
extern void stream_roster_set_slow(const StreamWorkerStatus *worker);

/*
 * Sends the worker SIGINT (noting that its batch was told to end) or SIGTERM,
 * if it is still in that batch; false if not.  unwanted: its view is not to run
 * any more, so that is no failure.
 */
extern bool stream_roster_end_batch(const StreamWorkerStatus *worker,
									int signal, bool unwanted);

/*
 * Sends SIGTERM to the worker, if it is still in that batch, so that a view of
 * another owner gets its place, and counts that; false if not.  The view has not
 * failed.
 */
extern bool stream_roster_cut_batch(const StreamWorkerStatus *worker);

/*
 * The batch of a worker that has been ended: requests up to answered have failed
 * with it.
 */
extern void stream_roster_batch_ended(Oid viewid, uint64 answered,
									  int sqlstate, TimestampTz retry_at);

/* Sends SIGTERM to a worker of this database; slot -1: to all. */
extern void stream_roster_terminate_worker(int slot);

/*
 * Assigns the view to a worker slot, or with -1 to none; paused says that it
 * is switched off.  Errors: 53200.
 */
extern void stream_roster_assign_view(Oid viewid, Oid owner, int slot,
									  bool paused);

/*
 * Forgets a view that is not in the catalog (any more), but only if it was not
 * asked for after that mark (PG_UINT64_MAX: whoever asks).  Tells those who wait
 * for it.
 */
extern void stream_roster_forget_view(Oid viewid, uint64 mark);

/* ---- the worker ---- */

/* Counters that tell a worker what to look at; each only ever moves up. */
typedef struct StreamWorkerNews
{
	uint64		version;		/* views of the database have changed */
	uint64		wakes;			/* all views are to be looked at */
	uint64		assigned;		/* my set of views has changed */
	uint64		requested;		/* somebody waits for one of my views */
} StreamWorkerNews;

/*
 * What signals do to a process of ours, from now on: SIGTERM ends it, in a transaction
 * with an error that the log does not show and that nobody wonders about.
 */
extern void stream_roster_set_signals(void);

/*
 * Between transactions: ends the process, with this exit code, if it was told to.  The
 * server starts it again (if it ever does) unless the code is 0.
 */
extern void stream_roster_check_interrupts(int code);

/* Makes this process the worker of the slot; false if it is not wanted. */
extern bool stream_roster_attach_worker(int slot, uint32 generation,
										Oid dboid);

/* Reads the counters; no lock. */
extern void stream_roster_worker_news(StreamWorkerNews *news);

/* Is this process a worker? */
extern bool stream_roster_is_worker(void);

/* The slot of this worker. */
extern int	stream_roster_my_slot(void);

/*
 * How many batches of the view in a row have ended their process, if those are two
 * at least and this was not asked since the last; see crashes.h.
 */
extern int	stream_roster_view_crashes(Oid viewid);

/*
 * What was asked of the view: the latest request, and the latest one that has
 * been answered; false if the view is not ours any more.
 */
extern bool stream_roster_view_requests(Oid viewid, uint64 *requested,
										uint64 *answered);

/*
 * A batch begins: returns in *requested the latest request; everything that
 * was committed before it is visible to the batch.  False if the view is not
 * ours any more.
 */
extern bool stream_roster_view_begin(Oid viewid, uint64 *requested);

/*
 * The same for another view that has its batch together with that one, which stands for all,
 * though what ends it may be for the sake of any.  There are at most STREAM_MAX_BUNDLE.
 */
extern bool stream_roster_view_joins(Oid viewid, uint64 *requested);

typedef enum StreamCancel
{
	STREAM_CANCEL_NONE,
	STREAM_CANCEL_TIMEOUT,		/* it takes too long */
	STREAM_CANCEL_UNWANTED		/* its view is not to run any more */
} StreamCancel;

/*
 * The batch is over, its transaction has ended; returns how long it took in
 * microseconds.  *cancel: why the scheduler told it to end, if it did; after this
 * no such signal comes any more.
 */
extern int64 stream_roster_batch_over(StreamCancel *cancel);

/* And what came of it has been written down. */
extern void stream_roster_batch_survived(void);

/* What came of it is one of these: */

/*
 * It ended well and took so long; if there is no more, requests up to answered
 * are done.  all: it has read all rows there were when it began.  due_at: when it is to
 * run again if nothing happens, or DT_NOEND.
 */
extern void stream_roster_view_end(Oid viewid, uint64 answered, bool more,
								   bool all, int64 batch_us,
								   TimestampTz due_at);

/*
 * It failed; requests up to answered fail with it.  unrecorded: failures in a row, if that could not be
 * written down, or 0.
 */
extern void stream_roster_view_failed(Oid viewid, uint64 answered,
									  int sqlstate, TimestampTz retry_at,
									  int unrecorded);

/* It is put off: neither well nor failed. */
extern void stream_roster_view_put_off(Oid viewid, bool more);

/*
 * The view waits until then, after a failure that another worker met; failed: it
 * has been given up, and waits for somebody who asks.
 */
extern void stream_roster_view_waits(Oid viewid, TimestampTz retry_at,
									 bool failed);

/* The worker does not run the view because it is switched off, or does. */
extern void stream_roster_view_paused(Oid viewid, bool paused);

/*
 * What moves at commits into the stream of this database, and maybe at those
 * into others; always valid.
 */
extern StreamSource *stream_roster_source(Oid relid);

/*
 * Commits that move it set our latch, until stream_roster_unsubscribe has been
 * called as often as this.  No lock, no errors.
 */
extern void stream_roster_subscribe(StreamSource *source);
extern void stream_roster_unsubscribe(StreamSource *source);

/* The sequence number of its commits; no lock. */
extern uint64 stream_roster_sequence(StreamSource *source);

/* ---- those who wait ---- */

typedef enum StreamRequestState
{
	STREAM_REQUEST_PENDING,
	STREAM_REQUEST_DONE,		/* all committed before the request is in */
	STREAM_REQUEST_FAILED,		/* a batch after the request failed */
	STREAM_REQUEST_PAUSED,		/* the view is switched off */
	STREAM_REQUEST_STARVED,		/* no background worker can be started */
	STREAM_REQUEST_GONE			/* nobody knows the view */
} StreamRequestState;

/*
 * Asks for a batch of the view of this database and wakes whoever is to run
 * it; returns the number of the request, or 0 if there is no room for the
 * database.  Errors: 53200.
 */
extern uint64 stream_roster_request(Oid viewid);

/*
 * The same for a view that a dump has brought and that is not one yet: the scheduler looks whether
 * all of it is there.
 */
extern uint64 stream_roster_request_restored(Oid viewid);

/*
 * The same in two parts, for who must not fail when he asks: the first may fail (53200), the
 * second has 0 for a view that the first was not called for, or that is gone.
 */
extern void stream_roster_prepare_request(Oid viewid);
extern uint64 stream_roster_request_prepared(Oid viewid);

/* What became of it; *sqlstate is set when it has failed. */
extern StreamRequestState stream_roster_request_state(Oid viewid,
													  uint64 request,
													  int *sqlstate);

/* Is broadcast when the state of a request may have changed. */
extern ConditionVariable *stream_roster_request_cv(Oid viewid);

#endif
