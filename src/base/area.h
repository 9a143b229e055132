/*-------------------------------------------------------------------------
 *
 * area.h
 *	  The shared memory area: its parts, its locks, look-ups.
 *
 * For shmem.c and roster.c only; the others use what those offer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_AREA_H
#define STREAMING_AREA_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "lib/dshash.h"
#include "utils/dsa.h"

/* Limits of the whole server. */
#define STREAM_MAX_DATABASES 1024	/* databases that have the extension */
#define STREAM_SPARE_SLOTS 8	/* for others, while they are probed */
#define STREAM_DATABASE_SLOTS (STREAM_MAX_DATABASES + STREAM_SPARE_SLOTS)
#define STREAM_MAX_WORKERS 256	/* workers, all databases together */
#define STREAM_MAX_BUNDLE 32	/* views in one transaction: for that many, there are locks enough */
#define STREAM_MAX_SOURCES 16384	/* wake-up slots that streams share */
#define STREAM_MAX_SUSPENSIONS 32	/* databases that commands want free */

#define STREAM_NUM_REQUEST_CVS 64	/* condition variables shared by views */

typedef struct StreamDatabase
{
	Oid			dboid;			/* InvalidOid: this slot is free */
	int			pid;			/* the scheduler, or 0 */
	Latch	   *latch;
	bool		probed;			/* maybe it has not got the extension: it does
								 * not count */
	bool		present;		/* the scheduler has found the extension */
	bool		starved;		/* no background workers to be had */
	bool		evicted;		/* its processes make room for another database */
	uint64		absent;			/* version at which it was not there, or 0 */
	bool		watched;		/* the scheduler looks at batches that begin */
	Oid			left_out;		/* a slow view that is to have the place of the
								 * next slow batch to end, or InvalidOid */
	pg_atomic_uint64 calls;		/* moves when the scheduler has work to do */
	pg_atomic_uint64 version;	/* moves when its views have changed */
	pg_atomic_uint64 wakes;		/* moves when workers are to look around */
	pg_atomic_uint64 restores;	/* moves when a restore has come further */
} StreamDatabase;

typedef struct StreamWorker
{
	Oid			dboid;			/* InvalidOid: this slot is free */
	uint32		generation;		/* how often it has been taken or given back */
	int			pid;			/* 0: registered but not started yet */
	Latch	   *latch;
	TimestampTz busy_since;		/* its batch runs since, by the system's
								 * clock; or 0 */
	Oid			busy_view;		/* that of the batch ... */
	int			nothers;		/* ... and how many more have theirs with it, ... */
	Oid			others[STREAM_MAX_BUNDLE - 1];	/* ... which are these */
	uint64		busy_request;	/* it answers requests up to this one */
	TimestampTz canceled_at;	/* the batch was told to end, or 0 ... */
	bool		unwanted;		/* ... for its view is not to run any more */
	bool		ended;			/* the process was told to end */
	volatile int phase;			/* what its batch is doing (figures.h) */
	pg_atomic_uint64 assigned;	/* moves when its set of views changes */
	pg_atomic_uint64 requested; /* moves when a view of it is asked for */
} StreamWorker;

/* The key of views, and what the slot of a stream is computed from. */
typedef struct StreamEntryKey
{
	Oid			dboid;
	Oid			relid;
} StreamEntryKey;

typedef struct StreamViewEntry
{
	StreamEntryKey key;
	int			worker;			/* slot, or -1; see stream_area_view_worker */
	uint32		generation;		/* of that worker */
	uint64		created;		/* the mark when this entry was made */
	uint64		requested;		/* the latest request */
	uint64		done;			/* the latest one that is done ... */
	uint64		failed;			/* ... and the latest that has failed ... */
	int			sqlstate;		/* ... with this error */
	bool		running;
	bool		more;
	bool		paused;
	bool		slow;			/* a batch took long, and none was short since */
	Oid			owner;			/* when the scheduler looked last */
	TimestampTz begun_at;		/* when its last batch began, or 0 */
	TimestampTz read_at;		/* when the last one began that has read all there was,
								 * or 0 */
	TimestampTz due_at;			/* when it has something to do again, unless a
								 * commit comes first; DT_NOEND: when asked */
	int			cuts;			/* batches ended for the sake of other owners,
								 * less those that have ended well since */
	TimestampTz retry_at;
	int			unrecorded;		/* failures in a row, if the last, with sqlstate, could
								 * not be written down, or 0 */
	TimestampTz unrecorded_at;	/* when that was */
	dsa_pointer history;		/* its last batches (history.c) ... */
	uint64		noted;			/* ... of so many */
} StreamViewEntry;

/* The wake-up slot of a stream, which it may share with others. */
#define STREAM_WORKER_WORDS (STREAM_MAX_WORKERS / 64)

typedef union StreamSource
{
	struct
	{
		pg_atomic_uint64 sequence;	/* moves at each commit that wrote rows */
		pg_atomic_uint64 wake[STREAM_WORKER_WORDS]; /* workers to be woken */
	};
	char		pad[PG_CACHE_LINE_SIZE];
} StreamSource;

typedef struct StreamSuspension
{
	Oid			dboid;			/* InvalidOid: free */
	int			pid;			/* the backend that wants it */
} StreamSuspension;

typedef struct StreamArea
{
	LWLock	   *lock;
	int			max_databases;	/* STREAM_MAX_DATABASES and ... */
	int			max_sources;	/* ... STREAM_MAX_SOURCES but for tests */
	int			dsa_tranche;	/* of the memory of the views ... */
	int			hash_tranche;	/* ... and of their table, which is this */
	dshash_table_handle views;
	int			launcher_pid;
	Latch	   *launcher_latch;
	pg_atomic_uint64 databases_version;
	pg_atomic_uint64 probe_version;
	uint64		mark;			/* number of the latest request */
	TimestampTz crowded_until;	/* databases are to make do with one worker */
	ConditionVariable detached; /* a scheduler or worker has gone */
	ConditionVariable requests[STREAM_NUM_REQUEST_CVS];
	StreamSuspension suspensions[STREAM_MAX_SUSPENSIONS];
	StreamDatabase databases[STREAM_DATABASE_SLOTS];
	StreamWorker workers[STREAM_MAX_WORKERS];
} StreamArea;

/* NULL when the library was not preloaded. */
extern StreamArea *stream_area;

/* Of StreamViewEntry; NULL before the first stream_area_lock_views. */
extern dshash_table *stream_area_views;

/* The memory that they, and what they point to, are in; likewise. */
extern dsa_area *stream_area_memory;

/* The wake-up slots of streams, STREAM_MAX_SOURCES of them. */
extern StreamSource *stream_area_sources;

/* Installs the shmem hooks; called while preloading. */
extern void stream_area_install(void);

extern StreamEntryKey stream_area_key(Oid dboid, Oid relid);

/* The wake-up slot of a stream of this database; no lock, no errors. */
extern StreamSource *stream_area_source(Oid relid);

/*
 * Takes stream_area->lock for one who is going to look at views: the process
 * first attaches to the memory that they are in, which may fail for want of
 * memory (53200).  Never call this at the end of a transaction, or when the
 * process ends.
 */
extern void stream_area_lock_views(LWLockMode mode);

/*
 * To be called first when a process of ours ends: it may have failed while it
 * held a lock.
 */
extern void stream_area_release_locks(void);

/* All that follow want stream_area->lock held, "enter" exclusively. */

/* The entry of a database, or NULL. */
extern StreamDatabase *stream_area_find_database(Oid dboid);
/*
 * Finds or makes it; NULL if there is no room.  probe: nobody knows yet if the
 * database has the extension, so it takes no room from others; otherwise it
 * counts from now on.
 */
extern StreamDatabase *stream_area_enter_database(Oid dboid, bool probe);
/* Is there room for one more that counts, or does this one already? */
extern bool stream_area_has_room(Oid dboid);

/* The next three want it from stream_area_lock_views. */

/* The entry of a view of this database, or NULL. */
extern StreamViewEntry *stream_area_find_view(Oid viewid);
/* Finds or makes it; may fail for want of memory (53200). */
extern StreamViewEntry *stream_area_enter_view(Oid viewid);
/* Forgets it. */
extern void stream_area_remove_view(StreamViewEntry *view);
/* Frees what its entry points to, which the caller removes. */
extern void stream_area_clear_view(StreamViewEntry *view);

/* The slot of the worker that has the view, or -1 if that has gone. */
extern int	stream_area_view_worker(const StreamViewEntry *view);
/* Does a command want the database free of connections? */
extern bool stream_area_is_suspended(Oid dboid);
extern void stream_area_wake_launcher(void);
/* Gives the scheduler of the database, or the launcher, something to do. */
extern void stream_area_wake_scheduler(Oid dboid);
extern void stream_area_wake_workers(Oid dboid);

#endif
