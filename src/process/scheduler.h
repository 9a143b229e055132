/*-------------------------------------------------------------------------
 *
 * scheduler.h
 *	  The scheduler process: one per database that has the extension.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SCHEDULER_H
#define STREAMING_SCHEDULER_H

#include "postmaster/bgworker.h"

/*
 * Registers the scheduler process of a database; *handle is palloc'd.  False
 * if the server has no room for another background worker.
 */
extern bool stream_scheduler_start(Oid dboid,
								   BackgroundWorkerHandle **handle);

/* Its entry point. */
extern PGDLLEXPORT void stream_scheduler_main(Datum arg);

#endif
