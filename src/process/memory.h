/*-------------------------------------------------------------------------
 *
 * memory.h
 *	  How much memory a worker has that is not its views'.
 *
 * All of it is in the memory of the worker process; nothing raises errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_MEMORY_H
#define STREAMING_MEMORY_H

/* Batches have taken so many microseconds. */
extern void stream_memory_note_batches(int64 us);

/*
 * Between turns, of which the last has run something or not: does the worker with so many
 * views have so much that it should end, and another begin anew?  Says so in the log then.
 */
extern bool stream_memory_is_used_up(int nviews, bool ran);

#endif
