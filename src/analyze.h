/*-------------------------------------------------------------------------
 *
 * analyze.h
 *	  Which streams a query reads, and whether it reads them row by row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_ANALYZE_H
#define STREAMING_ANALYZE_H

#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"

/* Is there a stream anywhere in the query or expression? */
extern bool stream_analyze_has_stream(void *node);

/*
 * Checks a rewritten delta query: one stream, read row by row.  Returns the
 * stream's OID (of the partitioned root, if it is one); InvalidOid if it reads
 * what another operator hands on.  Errors as above, and
 * 42809 if the query reads no stream.
 */
extern Oid	stream_analyze_stream(Query *delta, const char *source);

/*
 * The leaf relations of a stream, as OIDs, locked with the mode; the stream
 * itself if it is a plain table.
 * Error 42809 if one is not a stream, or if only some are unlogged; 0A000 if
 * they are children by inheritance.
 */
extern List *stream_analyze_leaves(Oid stream, LOCKMODE lockmode,
								   bool *unlogged);

#endif
