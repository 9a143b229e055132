/*-------------------------------------------------------------------------
 *
 * rowimage.h
 *	  Are two rows the same, to the byte?
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_ROWIMAGE_H
#define STREAMING_ROWIMAGE_H

#include "access/tupdesc.h"
#include "executor/tuptable.h"

/*
 * Of the first columns of rows, as many as the row type desc has.  Those that are the
 * same have the same hash, however their values are stored.
 */
extern uint32 stream_rowimage_hash(TupleDesc desc, TupleTableSlot *row);
extern bool stream_rowimage_equal(TupleDesc desc, TupleTableSlot *a,
								  TupleTableSlot *b);

#endif
