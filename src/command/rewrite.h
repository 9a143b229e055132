/*-------------------------------------------------------------------------
 *
 * rewrite.h
 *	  Commands that give streams other storage.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_REWRITE_H
#define STREAMING_REWRITE_H

#include "nodes/parsenodes.h"

#include "command/guard.h"
#include "command/statement.h"

/*
 * Would ALTER TABLE by the current user replace the storage of a stream that views read?
 * Then *kind is how.  It may turn out not to; and what is overlooked here is refused when
 * it has been done (guard.h).
 */
extern bool stream_rewrite_in_alter(const AlterTableStmt *stmt, Oid relid,
									StreamTakeawayKind *kind);

/*
 * Refuses, with an error of which the server has no better (0A000), that ALTER TABLE by the
 * owner gives another type to a column that is in the query of a continuous view.  source: as
 * for stream_refuse_position.
 */
extern void stream_rewrite_check_types(const AlterTableStmt *stmt, Oid relid,
									   const char *source);

/* Can a stream that views read become logged, or unlogged, and they with it? */
extern bool stream_rewrite_may_change_persistence(Oid relid);

/*
 * Passes a StreamStatement on that does that (ALTER TABLE ... SET LOGGED or UNLOGGED), and has the views of the stream
 * follow; for stream_guard_rewrite.
 */
extern void stream_rewrite_change_persistence(void *statement);

/* Passes CLUSTER of a relation on, as guard.h has it. */
extern void stream_rewrite_cluster(StreamStatement *s, Oid relid);

/*
 * VACUUM, in the caller's own copy: does FULL, in one transaction, of those of its tables
 * that are streams which views read, and takes them out of the statement.
 */
extern void stream_rewrite_vacuum(StreamStatement *s, VacuumStmt *stmt);

#endif
