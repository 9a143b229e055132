/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  The wake-up at commit; making way for commands on databases.
 *
 * Everything here may be called without a transaction, unless it says
 * otherwise.  Without shared_preload_libraries there is no shared memory: then
 * nothing is done.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SHMEM_H
#define STREAMING_SHMEM_H

#include "datatype/timestamp.h"
#include "utils/relcache.h"

/* Settings, defined in module.c. */
extern int	stream_workers;		/* streaming.workers: workers per database */
extern int	stream_batch_timeout;	/* streaming.batch_timeout: ms, 0: none */
extern bool stream_enabled;		/* streaming.enabled: run batches at all */

/* Installs the shmem hooks; called from _PG_init. */
extern void stream_shmem_install(void);

/* True when the library was loaded by shared_preload_libraries. */
extern bool stream_shmem_available(void);

/* Raises 55000 if it was not. */
extern void stream_shmem_require(void);

/* ---- writers ---- */

/*
 * Notes that the current transaction has written a row into the stream; at
 * its commit, workers that read the stream are woken.  Called per insert: as
 * cheap as a comparison when the stream is the one noted last.
 */
extern void stream_shmem_note_write(Relation rel);

/* What has been noted so far: how many relations, and their OIDs. */
extern int	stream_shmem_noted(const Oid **relids);

/*
 * At the commit of the current transaction, tell the database's scheduler
 * (started through the launcher if there is none yet) and its workers that
 * views have come, gone or changed.  A rollback cancels it.  Savepoints that
 * roll back may still cause a (harmless) wake-up.
 */
extern void stream_shmem_views_changed(void);

/* Will this one tell others so, if it commits? */
extern bool stream_shmem_changes_views(void);

/*
 * At the commit of the current transaction, tell the database's scheduler that a restore has
 * come further.
 */
extern void stream_shmem_restore_moved(void);

/*
 * Is there a prepared transaction in this database that has changed views?
 * Needs a transaction.
 */
extern bool stream_shmem_prepared_changes(void);

/*
 * Wakes every worker of this database at once, each to look at all its views:
 * after COMMIT PREPARED, whose rows come without a note.  views_changed: what
 * stream_shmem_prepared_changes said before it.
 */
extern void stream_shmem_wake_database(bool views_changed);

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
	TimestampTz retry_at;		/* next attempt after a failure, or 0 */
	TimestampTz read_at;		/* all that was committed by then has been read; 0:
								 * not known */
	int			unrecorded;		/* failures in a row, if the last could not be written
								 * down, or 0 ... */
	int			sqlstate;		/* ... of that one ... */
	TimestampTz unrecorded_at;	/* ... and when it was */
} StreamViewStatus;

/* False (and zeroes) if no process of this database knows the view. */
extern bool stream_shmem_view_status(Oid viewid, StreamViewStatus *status);

#endif
