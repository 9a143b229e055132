/*-------------------------------------------------------------------------
 *
 * chains.h
 *	  Joins of several streams in append mode, as chains of joins of two.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CHAINS_H
#define STREAMING_CHAINS_H

#include "nodes/parsenodes.h"

/*
 * Writes FROM of the query so that no more than two of its members (indexes into the range
 * table), which are joined or tested, are in it: the others are in sub-selects, in the order
 * of FROM.  A part that refers to others outside of it stays as it is, and so do more than 32
 * members, which nothing joins.
 */
extern void stream_chains_nest(Query *query, const List *members);

#endif
