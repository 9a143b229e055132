/*-------------------------------------------------------------------------
 *
 * netting.h
 *	  What is left of rows that come and go in a batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_NETTING_H
#define STREAMING_NETTING_H

#include "executor/tuptable.h"

typedef struct StreamNetting StreamNetting;

/*
 * A row that has gone (old), one that has come (new), or one that has taken the place of
 * another (both); valid during the call.
 */
typedef void (*StreamNettingCallback) (TupleTableSlot *old,
									   TupleTableSlot *new, void *arg);

/*
 * For rows of the type desc, whose last column (int4) says whether they come (1) or go
 * (-1).  keys: the columns (from 0) by which rows are told apart: of rows that are the
 * same in these, one takes the place of another; without any (nkeys = 0) there is one row
 * at a time.  keys = NULL: rows are told apart by all columns.
 */
extern StreamNetting *stream_netting_create(MemoryContext parent,
											TupleDesc desc, int nkeys,
											const int *keys);

/* Begins a batch, and takes its rows, in any order. */
extern void stream_netting_begin(StreamNetting *netting);
extern void stream_netting_add(StreamNetting *netting, TupleTableSlot *row);

/* Says what is left: rows that are the same to the byte, one of which comes and one
 * goes, are nothing. */
extern void stream_netting_end(StreamNetting *netting,
							   StreamNettingCallback callback, void *arg);

#endif
