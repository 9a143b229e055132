/*-------------------------------------------------------------------------
 *
 * history.h
 *	  The last batches of each view, in shared memory.
 *
 * Needs no transaction, but the shared memory: see stream_shmem_available.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_HISTORY_H
#define STREAMING_HISTORY_H

#include "base/figures.h"

/* So many batches of each view are remembered, those that had something to do. */
#define STREAM_HISTORY_LENGTH 100

/*
 * Notes a batch of a view that a worker has committed.  Raises nothing: where there is no
 * memory for it, it is not noted.
 */
extern void stream_history_note(Oid viewid, const StreamFigures *figures);

/* A batch that is running. */
typedef struct StreamRunning
{
	int			pid;			/* of its worker; 0: none is running */
	TimestampTz begun;
	StreamPhase phase;
} StreamRunning;

/*
 * What is known of a view: its last batches in the order in which they were, palloc'd;
 * returns how many.  Errors: 53200.
 */
extern int	stream_history_read(Oid viewid, StreamFigures **batches,
								StreamRunning *running);

#endif
