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
