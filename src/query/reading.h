/*-------------------------------------------------------------------------
 *
 * reading.h
 *	  The query that the user's view runs over the state table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_READING_H
#define STREAMING_READING_H

#include "query/cut.h"
#include "utils/relcache.h"

/*
 * The query that the user's view runs over the state table, whose columns are
 * as store.h says.  final_only: it shows groups when they are final (its OID has
 * to be put in by stream_eventtime_set_view then).  Errors 0A000, as above.
 */
extern Query *stream_reading_query(StreamCut *cut, Relation state,
								   bool final_only, const char *source);

#endif
