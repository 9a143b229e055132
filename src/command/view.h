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
 * Makes the parts of a view anew for another query, that of stmt (analysed, with stream_compat_locate_groups; source is its
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
 * The state table's name for a column of the view, palloc'd, or NULL if it is computed when
 * the view is read.  Error 42703 if there is no such column.
 */
extern char *stream_view_state_column(const StreamViewRow *row,
									  const char *name);

/*
 * What a column, by its number, of the query that a view runs over its state table is: an
 * expression over that as relation 1; NULL if it is about something else.
 */
extern Node *stream_view_read_column(Query *reading, Oid state,
									 AttrNumber attno);

/*
 * Has a column of an index (included: which is only stored there) of the state table be
 * what such an expression says: a column, or an average of two.  False: there can be none
 * on that.
 */
extern bool stream_view_index_column(IndexElem *elem, bool included,
									 Node *expr, Oid state);

/*
 * CREATE INDEX on the view: creates it on the state table, as the user, and
 * returns it; stmt is changed to say so.  Takes AccessShareLock on the view and
 * ShareLock on the state table.
 * Errors: 42501 for others than the owner, and for a tablespace, be it the
 * default one, that the user may not create in; 0A000 for a column that is
 * computed when the view is read, other than an average, and for anything but plain
 * columns; 42939 for a reserved name.
 */
extern ObjectAddress stream_view_create_index(Oid viewid, IndexStmt *stmt);

/* Is it an index that can be on a change stream, too?  Errors: 0A000. */
extern void stream_view_check_index(IndexStmt *stmt);

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

/* Forgets the view; called when v is dropped. */
extern void stream_view_dropped(Oid viewid);

#endif
