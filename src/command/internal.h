/*-------------------------------------------------------------------------
 *
 * internal.h
 *	  Statements that are not for the extension's own relations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_INTERNAL_H
#define STREAMING_INTERNAL_H

#include "executor/execdesc.h"
#include "nodes/nodes.h"
#include "nodes/primnodes.h"

/*
 * Raises 55000 if the utility statement would attach something to one of the
 * extension's own relations: a publication, a foreign key, another extension,
 * extended statistics, a comment, a security label, a child.  Takes no locks.
 * A statement of another kind costs a switch.
 */
extern void stream_internal_check(Node *stmt);

/*
 * Raises 55000 if the relation is one of the extension's (a state table, a
 * definition, a table of its catalog): command is not for those.  Silent while
 * an extension's script or pg_upgrade runs.
 */
extern void stream_internal_refuse(Oid relid, const char *command);

/*
 * The same for a relation as a command names it.  The server looks the name up
 * again when it locks the relation, and by then it may mean another: so names that
 * could come to mean a relation of a view are refused as well (55000).
 */
extern void stream_internal_refuse_name(const RangeVar *name,
										const char *command);

/* The view whose change stream has that name, or InvalidOid. */
extern Oid	stream_internal_view_of_changes(const RangeVar *name);

/*
 * Raises 55000 if the name is that of a change stream, for which a command is not.  Silent
 * as above.
 */
extern void stream_internal_refuse_changes(const RangeVar *name,
										   const char *command);

/*
 * For an ExecutorStart hook, when the statement's relations have been opened:
 * refuses to change a continuous view, or a table of the extension, by INSERT,
 * UPDATE, DELETE or MERGE (55000).  streaming.errors has a trigger for DELETE, and
 * the server refuses the others.
 */
extern void stream_internal_check_statement(QueryDesc *queryDesc);

/*
 * To be called when a subscription has been told what to subscribe to: what is applied,
 * and copied to begin with, passes none of our hooks, so the extension's own relations are
 * taken from it again.  Applying passes over changes of a relation that is not subscribed to.
 */
extern void stream_internal_unsubscribe(const char *name);

#endif
