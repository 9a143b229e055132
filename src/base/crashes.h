/*-------------------------------------------------------------------------
 *
 * crashes.h
 *	  Which batches the server, or their process, did not survive.
 *
 * The notes are in memory that the postmaster shares with its children and that
 * no crash resets; they are gone when the postmaster ends.  All but install and end
 * want stream_area->lock held exclusively.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CRASHES_H
#define STREAMING_CRASHES_H

#include "base/area.h"

/* Makes the notes; called while preloading.  FATAL without memory. */
extern void stream_crashes_install(void);

/*
 * The calling process is the worker in this slot: when the server ends it because of
 * another process, nothing is said of its batch.
 */
extern void stream_crashes_watch(int slot);

/* The worker in this slot begins a batch of this view. */
extern void stream_crashes_begin(int slot, Oid viewid);

/*
 * Its process has survived it, however the batch went, and what it had to say of it is
 * written down.  Takes stream_area->lock if there are suspects.
 */
extern void stream_crashes_end(int slot);

/* Its process ends; unasked: and nobody has told it to. */
extern void stream_crashes_gone(int slot, bool unasked);

/*
 * How many batches of the view in a row were not survived.  Zero if that is just
 * one, for it may have been somebody else's fault; and if this has been asked
 * since the last of them.
 */
extern int	stream_crashes_take(Oid viewid);

#endif
