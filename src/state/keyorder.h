/*-------------------------------------------------------------------------
 *
 * keyorder.h
 *	  Rows in memory, in about the order of the index on their keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_KEYORDER_H
#define STREAMING_KEYORDER_H

#include "access/htup.h"
#include "access/tupdesc.h"

typedef struct StreamKeyOrder StreamKeyOrder;

/* What begins an element of an array that is to be sorted. */
typedef struct StreamKeyed
{
	HeapTuple	tuple;			/* a row, its keys first */
	Datum		key;			/* the first of these */
	bool		isnull;
} StreamKeyed;

/*
 * The order of rows of any type that begins with the columns of keydesc (one at least), in
 * the current context; collations: per key.  NULL if one of them has no order.
 */
extern StreamKeyOrder *stream_keyorder_create(TupleDesc keydesc,
											  const Oid *collations);

/* An element for the tuple of this type. */
extern StreamKeyed stream_keyorder_element(HeapTuple tuple, TupleDesc desc);

/* Sorts n elements of the given size, of this type; without an order they stay as they are. */
extern void stream_keyorder_sort(StreamKeyOrder *order, void *elements, int n,
								 Size size, TupleDesc desc);

#endif
