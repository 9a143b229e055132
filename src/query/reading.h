/*-------------------------------------------------------------------------
 *
 * reading.h
 *	  What is above an operator's aggregation, over its state or its changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_READING_H
#define STREAMING_READING_H

#include "query/cut.h"

/*
 * The operator's query over its state table, whose columns are as store.h says;
 * locked.  final_only: it shows groups when they are final (the OID of the view has to
 * be put in by stream_closing_set_view then).  Error 0A000, with the position in
 * source, which may be NULL.
 */
extern Query *stream_reading_of_cut(StreamCut *cut, Oid stateid,
									bool final_only, const char *source);

/*
 * The same over what the operator hands on, with a column more: the sign.  The query has
 * neither window functions, DISTINCT nor LIMIT.
 */
extern Query *stream_reading_of_changes(StreamCut *cut);

#endif
