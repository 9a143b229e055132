/*-------------------------------------------------------------------------
 *
 * view.h
 *	  Creating and changing a continuous view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_VIEW_H
#define STREAMING_VIEW_H

#include "catalog/objectaddress.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"

#include "base/catalog.h"

/*
 * CREATE MATERIALIZED VIEW ... WITH (streaming.continuous): options are the
 * streaming.* ones, taken out of stmt's list.  Returns false if the view was
 * there already and IF NOT EXISTS was said.  Errors: as analyze.h and
 * options.h; 42501 without SELECT on the stream, or CREATE on the schema or the
 * tablespace; 42P07 if the name is taken.
 */
extern bool stream_view_create(CreateTableAsStmt *stmt, List *options,
							   const char *source);

/*
 * Makes the parts of a view anew for another query, that of stmt (analysed, its groups located; source is its
 * text and nothing else), whose other clauses say what the state tables are like: fills them
 * into the row, with the streams and the settings.  The view stays as it is.  Runs as the current user, who is its owner.
 * Returns the query that the view will run over them.  Errors: as stream_view_create; 42P17 if the
 * view would read itself.
 */
extern Query *stream_view_remake(StreamViewRow *row, CreateTableAsStmt *stmt,
								 const char *source);

/*
 * ALTER ... SET or RESET (streaming.*).  Takes ShareUpdateExclusiveLock on the
 * view, and its batch lock if its group changes.  Errors: as options.h and viewgroup.h;
 * 42501 for others than the owner.
 */
extern void stream_view_set_options(Oid viewid, List *options, bool reset,
									const char *source);

/*
 * The tablespace that a relation of a view goes to: the one named, or the user's default
 * (NULL).  Relations in the extension's schema are made with other rights than his, so this
 * is said with the statement, by name, and never left to be found out there.
 * Errors: 42501 if he may not create there; 42704.
 */
extern char *stream_view_tablespace(const char *name, char persistence);

/*
 * The view has another owner now: so have its parts, and it is in his group of that name.
 * Errors: as viewgroup.h.
 */
extern void stream_view_owner_changed(Oid viewid);

/*
 * It has another schema than before: so has its change stream.  Locks that by
 * AccessExclusiveLock.  Errors: 42P07 if its name is taken.
 */
extern void stream_view_schema_changed(Oid viewid, Oid from);

/*
 * Makes an ordinary view of it, and leaves its parts as relations of their own.  The view is
 * locked with AccessExclusiveLock.
 */
extern void stream_view_dissolve(Oid viewid);

/* Forgets the view; called when v is dropped. */
extern void stream_view_dropped(Oid viewid);

#endif
