/*-------------------------------------------------------------------------
 *
 * relations.h
 *	  The relations that a continuous view consists of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RELATIONS_H
#define STREAMING_RELATIONS_H

#include "nodes/parsenodes.h"
#include "utils/relcache.h"

#include "base/catalog.h"
#include "query/tree.h"

/*
 * Makes the relations of a view with the query and its operators, and what they depend
 * on, and fills their OIDs into the row; options: security_barrier is for the view, all
 * others for the state tables.
 * into must name a tablespace that the user may create in: that is not checked.
 * Locks what it makes.  Errors: as CREATE TABLE and CREATE VIEW.
 */
extern void stream_relations_create(StreamViewRow *row, StreamTree *tree,
									Query *query, const IntoClause *into,
									List *options, const char *source);

/*
 * For a view that is there and is to have another query.  Makes other parts for it, as
 * above (into->options are for the state tables), and fills them into the row; returns the
 * query that the view will run over them.  The view itself and the parts that it has stay as
 * they are.
 */
extern Query *stream_relations_create_parts(StreamViewRow *row,
											StreamTree *tree, Query *query,
											const IntoClause *into,
											const char *source);

/* The storage parameters of a state table that are not our own, for another one. */
extern List *stream_relations_storage(Oid state);

/*
 * What CREATE OR REPLACE VIEW asks of the query: the columns that the view has, it has first,
 * with their names, types and collations.  Returns the commands (AlterTableCmd) that add the
 * others.  source: the query's text.  Error 42P16, with a position.
 */
extern List *stream_relations_added_columns(Relation view, Query *query,
											const char *source);

/* Adds these columns to the view's change stream, too; locks it with AccessExclusiveLock. */
extern void stream_relations_extend_changes(Oid changes, List *columns);

/*
 * From now on the view consists of the parts in the row, and runs the query over them; those
 * of before are dropped, which they lock with AccessExclusiveLock.  The caller has the view
 * locked with that, and it has all columns.  Errors: 2BP01.
 */
extern void stream_relations_exchange(const StreamViewRow *before,
									  const StreamViewRow *row,
									  Query *reading);

/* Has the state tables, which are parts of the view of the row, be parts of another. */
extern void stream_relations_hand_parts(const StreamViewRow *row, Oid viewid);

/*
 * Drops the definition and the state tables, and what others have hung on them (strangers.h);
 * no row of the catalog has them.  Errors: 2BP01 if something of the owner's
 * depends on them, or on that; strangers.h.
 */
extern void stream_relations_drop_parts(const StreamViewRow *row);

/*
 * Has the definition and the tables be no parts of the view any more; locks the tables
 * with AccessExclusiveLock.
 */
extern void stream_relations_release_parts(const StreamViewRow *row);

/* Does it depend on the view as a part of it? */
extern bool stream_relations_is_part(Oid relid, Oid viewid);

/* The view that it is a part of, or InvalidOid. */
extern Oid	stream_relations_whole(Oid relid);

/*
 * Makes the change stream of a view that has none yet, a table beside it, named like it
 * with "_changes", and fills it into the row.  Errors: as CREATE TABLE.
 */
extern void stream_relations_create_changes(StreamViewRow *row, StreamTree *tree,
											const char *tablespace);

/*
 * Gives the view's internal relations the owner that the view has now; locks
 * them with AccessExclusiveLock.
 */
extern void stream_relations_sync_owner(Oid viewid);

/*
 * pg_upgrade and dumps carry the relations of a view, but not what makes them its own:
 * has them depend on the view again, if they do not, and lets the view see when its
 * groups are final.  written: the OID that the view has in its query.  Runs nobody's code.  Locks them with AccessShareLock then,
 * a view in append mode with AccessExclusiveLock, until commit; false if that
 * would have to wait.
 */
extern bool stream_relations_attach(const StreamViewRow *row, Oid written);

/*
 * Called for each relation that is about to be dropped.  Errors: 55000, if it is
 * one of a view's that has not been attached yet: others would stay behind.
 */
extern void stream_relations_check_drop(Oid relid);

/*
 * Makes the query that the view runs over its state anew, from the definition, if
 * it is one that shows groups when they are final.  For update scripts: needs
 * ownership of the view, and locks it with AccessExclusiveLock.
 */
extern void stream_relations_renew_reading(const StreamViewRow *row);

/*
 * The same of any view, whose output mode has changed, and which has the same operators
 * in both.
 */
extern void stream_relations_change_reading(const StreamViewRow *row);

#endif
