/*-------------------------------------------------------------------------
 *
 * merging.h
 *	  Sessions of groups that readers merge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_MERGING_H
#define STREAMING_MERGING_H

#include "nodes/parsenodes.h"

#include "base/locate.h"

/*
 * Does the query, which is left to readers, group by a session of rows that are not
 * those of a stream?  Error 0A000, with its position, if it does so in a way that
 * cannot be merged.
 */
extern bool stream_merging_is_needed(Query *query, const StreamPlace *place);

/*
 * Has such a query read its FROM and WHERE from a sub-select, which becomes the only
 * member of its FROM and is returned.  It has the rows whose session is not null, and
 * with each the merged one.  *key: an expression over the former FROM that is to go
 * on in the query, or NULL.
 */
extern Query *stream_merging_rewrite(Query *query, Expr **key);

#endif
