/*-------------------------------------------------------------------------
 *
 * pace.h
 *	  How long a worker that is always busy waits before its next turn.
 *
 * All of it is in the memory of the worker process; nothing raises errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_PACE_H
#define STREAMING_PACE_H

#include "datatype/timestamp.h"

/*
 * streaming.target_latency: by how many ms the worker may put off a batch at most to
 * save work; 0: not at all.
 */
extern int	stream_target_latency;

/* A batch took so many microseconds, and these commits have led to it. */
extern void stream_pace_note_batch(int64 us, uint64 commits);

/*
 * A turn that has begun at one time is over by another, and has left views behind or not:
 * how long to wait before the next, in microseconds.
 */
extern int64 stream_pace_pause(TimestampTz begun, TimestampTz now, bool behind);

/*
 * For how many microseconds the next turn should let others run in the middle of it: it has
 * the time if there was a pause before it.
 */
extern int64 stream_pace_courtesy(void);

#endif
