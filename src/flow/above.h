/*-------------------------------------------------------------------------
 *
 * above.h
 *	  Views that read the event time of another view's result.
 *
 * All functions need a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_ABOVE_H
#define STREAMING_ABOVE_H

#include "base/catalog.h"

/* Are there any? */
extern bool stream_above_reads(const StreamViewRow *row);

/* Has one of them, or of those above it, groups that are not closed yet? */
extern bool stream_above_waits(const StreamViewRow *row);

/* At commit, wakes those who run them, though no row may be new in the result. */
extern void stream_above_wake(const StreamViewRow *row);

#endif
