/*-------------------------------------------------------------------------
 *
 * index.h
 *	  Indexes on a continuous view, which are on its state table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_INDEX_H
#define STREAMING_INDEX_H

#include "catalog/objectaddress.h"
#include "nodes/parsenodes.h"

#include "base/catalog.h"

/*
 * The state table's name for a column of the view, palloc'd, or NULL if it is computed when
 * the view is read.  Error 42703 if there is no such column.
 */
extern char *stream_index_state_column(const StreamViewRow *row,
									  const char *name);

/*
 * What a column, by its number, of the query that a view runs over its state table is: an
 * expression over that as relation 1; NULL if it is about something else.
 */
extern Node *stream_index_shown(Query *reading, Oid state,
									 AttrNumber attno);

/*
 * Has a column of an index (included: which is only stored there) of the state table be
 * what such an expression says: a column, or an average of two.  False: there can be none
 * on that.
 */
extern bool stream_index_set_column(IndexElem *elem, bool included,
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
extern ObjectAddress stream_index_create(Oid viewid, IndexStmt *stmt);

/* The index of that name, if it is one that a user has made on his view, or InvalidOid. */
extern Oid	stream_index_of_view(const RangeVar *name);

/*
 * Gives such an index, which is the current user's, another name.  Takes ShareUpdateExclusiveLock on it.
 * Errors: 42501, 42939 for a reserved name, 42P07.
 */
extern ObjectAddress stream_index_rename(Oid index, const char *name);

/* Is it an index that can be on a change stream, too?  Errors: 0A000. */
extern void stream_index_check(IndexStmt *stmt);

#endif
