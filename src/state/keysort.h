/*-------------------------------------------------------------------------
 *
 * keysort.h
 *	  Rows in the order of the keys that they begin with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_KEYSORT_H
#define STREAMING_KEYSORT_H

#include "executor/tuptable.h"

typedef struct StreamKeySort StreamKeySort;

/*
 * Makes a sort of rows of the type desc by their first nkeys columns (which may be
 * none), that are the same by these equality operators.  last: rows with the same keys
 * come by this column (int4), the greatest first; 0: in any order.  Without keys they
 * come as they were put.
 */
extern StreamKeySort *stream_keysort_create(MemoryContext parent,
											TupleDesc desc, int nkeys,
											const Oid *eqops,
											const Oid *collations,
											AttrNumber last);

/* Begins with no rows; then takes them. */
extern void stream_keysort_begin(StreamKeySort *sort);
extern void stream_keysort_put(StreamKeySort *sort, TupleTableSlot *row);

/* Has taken all. */
extern void stream_keysort_perform(StreamKeySort *sort);

/*
 * The next row, or NULL; valid until the next call.  *first: it is the first one
 * with its keys.
 */
extern TupleTableSlot *stream_keysort_next(StreamKeySort *sort, bool *first);

/* Forgets the rows. */
extern void stream_keysort_end(StreamKeySort *sort);

#endif
