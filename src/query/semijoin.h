/*-------------------------------------------------------------------------
 *
 * semijoin.h
 *	  EXISTS and IN over streams, as joins.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SEMIJOIN_H
#define STREAMING_SEMIJOIN_H

#include "nodes/parsenodes.h"

/*
 * Puts the sub-selects of EXISTS and IN that read streams, among the conditions of WHERE,
 * into FROM, if a stream is there and they can be.  Changes the query.
 */
extern void stream_semijoin_pull_up(Query *query);

#endif
