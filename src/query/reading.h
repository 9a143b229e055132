/*-------------------------------------------------------------------------
 *
 * reading.h
 *	  The query that the user's view runs over the state table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_READING_H
#define STREAMING_READING_H

#include "query/tree.h"
#include "utils/relcache.h"

/*
 * The query that the user's view runs over the state tables of its operators
 * (OIDs, one for each; locked), whose columns are as store.h says.  Changes the
 * tree.  final_only: it shows groups when they are final (its OID has to be put in by
 * stream_eventtime_set_view then).  Error 0A000, with a position.
 */
extern Query *stream_reading_query(StreamTree *tree, List *states,
								   bool final_only, const char *source);

#endif
