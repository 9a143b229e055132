/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The worker process: runs the batches of the views assigned to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_WORKER_H
#define STREAMING_WORKER_H

#include "postmaster/bgworker.h"

/*
 * Registers a worker process for a slot that stream_roster_reserve_worker has
 * given; *handle is palloc'd.  False if the server has no room for another
 * background worker.
 */
extern bool stream_worker_start(Oid dboid, int slot, uint32 generation,
								BackgroundWorkerHandle **handle);

/* Its entry point. */
extern PGDLLEXPORT void stream_worker_main(Datum arg);

#endif
