/*-------------------------------------------------------------------------
 *
 * debug.h
 *	  Debug points, mutations and the mocked clock.
 *
 * Compiled in only with -DSTREAMING_DEBUG (make STREAMING_DEBUG=1).  Without it
 * the macros cost nothing and the clock is the system's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DEBUG_H
#define STREAMING_DEBUG_H

#include "datatype/timestamp.h"

#ifdef STREAMING_DEBUG

/*
 * A named place in the code where a test can make a process wait, fail with
 * an error or die at once.  Armed in shared memory with the SQL function
 * _debug_arm(point text, action text), action one of 'wait', 'error', 'kill'.
 * May raise an error (action 'error'); never call it while holding an LWLock
 * or inside a critical section.
 */
extern void stream_debug_point(const char *name);

/*
 * True if the named deliberate bug is switched on (setting
 * streaming.debug_mutation).  Tests switch on one at a time and must turn red.
 */
extern bool stream_debug_mutation(const char *name);

#define STREAM_DEBUG_POINT(name) stream_debug_point(name)
#define STREAM_MUTATION(name) unlikely(stream_debug_mutation(name))
#else
#define STREAM_DEBUG_POINT(name) ((void) 0)
#define STREAM_MUTATION(name) false
#endif

/*
 * A limit of the whole server, read once when it starts: a test can make it
 * smaller with streaming.debug_limits = 'name=number, ...'.
 */
extern int	stream_debug_limit(const char *name, int normal);

/*
 * The clock that back-off, triggers and batches go by: the system's, plus what a
 * test has added with _debug_advance_clock(interval).
 */
extern TimestampTz stream_debug_now(void);

/* Lets the transaction that has just begun take its time, now(), from there. */
extern void stream_debug_set_transaction_time(void);

extern Size stream_debug_shmem_size(void);
extern void stream_debug_shmem_init(void);
/* Defines the settings of a test build; called from _PG_init. */
extern void stream_debug_define_settings(void);

#endif
