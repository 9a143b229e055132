/*-------------------------------------------------------------------------
 *
 * space.h
 *	  Room for new rows at the end of a stream.
 *
 * The stream is open and locked by whoever calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SPACE_H
#define STREAMING_SPACE_H

#include "access/hio.h"
#include "access/htup.h"
#include "executor/tuptable.h"
#include "storage/buf.h"
#include "storage/itemid.h"
#include "utils/relcache.h"

/*
 * The length that the tuple will have in its page; *toasted: is it a guess?
 * What toasting will make of it is not known before it is done; rows of a table
 * tend to be alike.
 */
extern Size stream_space_tuple_length(Relation rel, HeapTuple tuple,
									  bool *toasted);

/* The same for the tuple of a slot, which is materialised. */
extern Size stream_space_slot_length(Relation rel, TupleTableSlot *slot);

/* What a row of this length takes in a page. */
static inline Size
stream_space_row(Size len)
{
	return MAXALIGN(len) + sizeof(ItemIdData);
}

/*
 * Shows heap a page with room for a row of this length, and for want bytes
 * unless bistate is in the middle of a page.  Returns a pin on the page, which
 * reserves the room and is to be released when the rows are in, or
 * InvalidBuffer if bistate has a pin already or heap is to find the page.
 * *share is set to the bytes that rows may take there.
 */
extern Buffer stream_space_reserve(Relation rel, Size len, Size want,
								   BulkInsertState bistate, Size *share);

/*
 * Learns from the toasted tuple that has gone to the page, if that is the one
 * pinned as buffer.
 */
extern void stream_space_learn(Relation rel, HeapTuple tuple, Buffer buffer);

/* Asks for the locks of those who extend; called from _PG_init. */
extern void stream_space_install(void);

#endif
