/*-------------------------------------------------------------------------
 *
 * verbs.h
 *	  Statements on a continuous view that are about its tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_VERBS_H
#define STREAMING_VERBS_H

#include "nodes/parsenodes.h"

#include "command/statement.h"

/*
 * ALTER MATERIALIZED VIEW: takes the commands that are about tables out of the statement
 * (the caller's own) and does them.  Locks the view in AccessShare mode, and its tables
 * as ALTER TABLE does.  Errors: 42501 for others than the owner; 0A000 for commands that
 * continuous views do not know, and for columns that are computed when the view is read.
 */
extern void stream_verbs_alter(StreamStatement *s, Oid viewid,
							   AlterTableStmt *stmt);

/* The handlers of statements that may name a continuous view. */
extern void stream_verbs_cluster(StreamStatement *s);
extern void stream_verbs_vacuum(StreamStatement *s);
extern void stream_verbs_reindex(StreamStatement *s);
extern void stream_verbs_create_statistics(StreamStatement *s);
extern void stream_verbs_depends(StreamStatement *s);
extern void stream_verbs_label(StreamStatement *s);

#endif
