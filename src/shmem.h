/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Shared memory of the extension and the wake-up at commit.
 *
 * Everything here may be called without a transaction, unless it says
 * otherwise.  Without shared_preload_libraries there is no shared memory: the
 * functions of the first three sections then do nothing; those of the others
 * must not be called.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SHMEM_H
#define STREAMING_SHMEM_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/condition_variable.h"
#include "utils/relcache.h"

/* Settings, defined in module.c. */
extern int	stream_workers;		/* streaming.workers: workers per database */
extern bool stream_enabled;		/* streaming.enabled: run batches at all */

/* Limits of the whole server. */
#define STREAM_MAX_DATABASES 64 /* databases that have the extension */
#define STREAM_MAX_WORKERS 64	/* workers, all databases together */
#define STREAM_MAX_STREAMS 4096 /* leaf relations that workers listen to */
#define STREAM_MAX_VIEWS 4096	/* continuous views, all databases together */

/* Installs the shmem hooks; called from _PG_init. */
extern void stream_shmem_install(void);

/* True when the library was loaded by shared_preload_libraries. */
extern bool stream_shmem_available(void);

/* ---- writers ---- */

/*
 * Notes that the current transaction has written a row into the stream; at
 * its commit, workers that read the stream are woken.  Called per insert: as
 * cheap as a comparison when the stream is the one noted last.
 */
extern void stream_shmem_note_write(Relation rel);

/*
 * At the commit of the current transaction, tell the database's scheduler
 * (started through the launcher if there is none yet) and its workers that
 * views have come, gone or changed.  A rollback cancels it.  Savepoints that
 * roll back may still cause a (harmless) wake-up.
 */
extern void stream_shmem_views_changed(void);

/*
 * Wakes every worker of this database at once, each to look at all its views:
 * after COMMIT PREPARED, whose rows come without a note.
 */
extern void stream_shmem_wake_database(void);

/* ---- commands on databases ---- */

/*
 * Makes way for a command that needs a database without connections (DROP,
 * RENAME, SET TABLESPACE, template of CREATE DATABASE): ends the scheduler and
 * the workers of the database, returns when they are gone and keeps new ones
 * away until stream_shmem_resume_database, or the end of this process.  Check
 * permissions first.  Raises 55006 when they are not gone within 30 s (the
 * suspension is lifted then), and query cancel.
 */
extern void stream_shmem_evict_database(Oid dboid);

/*
 * Lifts what stream_shmem_evict_database of this process did to the database,
 * if anything, at the end of the transaction if there is one; the launcher
 * starts its processes again if it still exists.
 * Raises nothing: fit for PG_FINALLY.
 */
extern void stream_shmem_resume_database(Oid dboid);

/* At commit of the current transaction: the launcher reads pg_database anew. */
extern void stream_shmem_databases_changed(void);

/* ---- monitoring ---- */

typedef struct StreamViewStatus
{
	int			worker_pid;		/* the worker that has the view, or 0 */
	bool		running;		/* a batch is running now */
	bool		more;			/* the last batch left rows for the next */
	bool		paused;			/* switched off, by setting or by option */
	TimestampTz retry_at;		/* next attempt after a failure, or 0 */
} StreamViewStatus;

/* False (and zeroes) if no process of this database knows the view. */
extern bool stream_shmem_view_status(Oid viewid, StreamViewStatus *status);

/* ---- the launcher ---- */

typedef struct StreamDatabaseStatus
{
	Oid			dboid;
	bool		running;		/* it has a scheduler */
	bool		present;		/* the scheduler has found the extension */
	bool		absent;			/* a scheduler looked and did not find it */
} StreamDatabaseStatus;

/* Makes this process the launcher; false if there is one. */
extern bool stream_shmem_attach_launcher(void);

/* Fills list (room for STREAM_MAX_DATABASES), returns how many. */
extern int	stream_shmem_list_databases(StreamDatabaseStatus *list);

/* True while a command wants the database free of connections. */
extern bool stream_shmem_database_suspended(Oid dboid);

/* Moves when the list of databases may have changed. */
extern uint64 stream_shmem_databases_version(void);

/* Moves when any database may have got the extension, unknown which. */
extern uint64 stream_shmem_probe_version(void);

/*
 * Forgets the database and its views, unless processes are at work in it or
 * it has been told of views since its scheduler found no extension
 * (gone = true: forget in any case, the database does not exist any more).
 */
extern void stream_shmem_forget_database(Oid dboid, bool gone);

/*
 * Says that background workers for the database can't be had (or can again).
 * Those who wait for a view without a worker then fail instead of waiting.
 */
extern void stream_shmem_set_starved(Oid dboid, bool starved);

/* ---- the scheduler ---- */

typedef struct StreamWorkerStatus
{
	int			slot;			/* 0 .. STREAM_MAX_WORKERS - 1 */
	uint32		generation;		/* tells users of the same slot apart */
	int			pid;			/* 0: has not started yet */
	int			views;			/* views assigned to it */
} StreamWorkerStatus;

typedef struct StreamViewAssignment
{
	Oid			viewid;
	int			slot;			/* of its worker, or -1 */
	uint64		mark;			/* stream_shmem_mark() of its latest request */
} StreamViewAssignment;

/*
 * Makes this process the scheduler of the database; false if it has one, is
 * suspended or too many databases have one (which is logged).  Call it before
 * connecting: then an eviction can't miss us.
 */
extern bool stream_shmem_attach_scheduler(Oid dboid);

/* The scheduler has found the extension, or (with this version) has not. */
extern void stream_shmem_set_present(void);
extern void stream_shmem_set_absent(uint64 version);

/* Moves when the views of this database have changed; for both processes. */
extern uint64 stream_shmem_views_version(void);

/* A number above all requests made so far, below all later ones. */
extern uint64 stream_shmem_mark(void);

/* Workers of this database; list has room for STREAM_MAX_WORKERS. */
extern int	stream_shmem_list_workers(StreamWorkerStatus *list);

/* The views of this database, palloc'd array; returns how many. */
extern int	stream_shmem_list_views(StreamViewAssignment **list);

/* Takes a free slot for a worker about to be started, or -1. */
extern int	stream_shmem_reserve_worker(uint32 *generation);

/* Gives it back if no worker has started in it. */
extern void stream_shmem_release_worker(int slot, uint32 generation);

/* Sends SIGTERM to a worker of this database; slot -1: to all. */
extern void stream_shmem_terminate_worker(int slot);

/*
 * Assigns the view to a worker slot, or with -1 to none; paused says that it
 * is switched off.  False if there is no room for another view.
 */
extern bool stream_shmem_assign_view(Oid viewid, int slot, bool paused);

/*
 * Forgets a view that is not in the catalog (any more).  With mark != 0 only
 * if it was not asked for after that mark.  Tells those who wait for it.
 */
extern void stream_shmem_forget_view(Oid viewid, uint64 mark);

/* ---- the worker ---- */

/* Counters that tell a worker what to look at; each only ever moves up. */
typedef struct StreamWorkerNews
{
	uint64		version;		/* views of the database have changed */
	uint64		wakes;			/* all views are to be looked at */
	uint64		assigned;		/* my set of views has changed */
	uint64		requested;		/* somebody waits for one of my views */
} StreamWorkerNews;

/* A stream as workers and writers share it. */
typedef struct StreamSource StreamSource;

/* Makes this process the worker of the slot; false if it is not wanted. */
extern bool stream_shmem_attach_worker(int slot, uint32 generation,
									   Oid dboid);

/* Reads the counters; no lock. */
extern void stream_shmem_worker_news(StreamWorkerNews *news);

/* The OIDs of the views assigned to this worker, a palloc'd list. */
extern List *stream_shmem_my_views(void);

/*
 * What was asked of the view: the latest request, and the latest one that has
 * been answered; false if the view is not ours any more.
 */
extern bool stream_shmem_view_requests(Oid viewid, uint64 *requested,
									   uint64 *answered);

/*
 * A batch begins: returns in *requested the latest request; everything that
 * was committed before it is visible to the batch.  False if the view is not
 * ours any more.
 */
extern bool stream_shmem_view_begin(Oid viewid, uint64 *requested);

/* It ended well; if there is no more, requests up to answered are done. */
extern void stream_shmem_view_end(Oid viewid, uint64 answered, bool more);

/* It failed; requests up to answered fail with it. */
extern void stream_shmem_view_failed(Oid viewid, uint64 answered,
									 int sqlstate, TimestampTz retry_at);

/* The worker does not run the view because it is switched off, or does. */
extern void stream_shmem_view_paused(Oid viewid, bool paused);

/*
 * Listens to a stream of this database.  With wake, commits of its writers set
 * our latch, otherwise they only move its sequence number.  NULL if there is
 * no room: then poll.  Valid until stream_shmem_unsubscribe.
 */
extern StreamSource *stream_shmem_subscribe(Oid relid, bool wake);
extern void stream_shmem_unsubscribe(Oid relid);

/* The sequence number of its commits; no lock. */
extern uint64 stream_shmem_sequence(StreamSource *source);

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
 * it; returns the number of the request, or 0 if there is no room.
 */
extern uint64 stream_shmem_request(Oid viewid);

/* What became of it; *sqlstate is set when it has failed. */
extern StreamRequestState stream_shmem_request_state(Oid viewid,
													 uint64 request,
													 int *sqlstate);

/* Is broadcast when the state of a request may have changed. */
extern ConditionVariable *stream_shmem_request_cv(Oid viewid);

#endif
