/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The extension's own tables.
 *
 * All functions need a transaction.  Locks are the ordinary ones of catalog
 * access (AccessShare to read, RowExclusive to write, kept until commit).
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CATALOG_H
#define STREAMING_CATALOG_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/elog.h"
#include "utils/relcache.h"

#include "options.h"

/* One row of streaming._view. */
typedef struct StreamViewRow
{
	Oid			viewid;			/* what the user sees */
	Oid			definition;		/* the view that holds the query */
	Oid			state;			/* the state table */
	Oid			stream;			/* the stream, or the partitioned root */
	bool		unlogged;		/* stream, state and progress are unlogged */
	StreamOptions options;
	List	   *option_names;	/* String: names of options given ... */
	List	   *option_values;	/* ... and their values, as text */
	struct ArrayType *settings; /* as in pg_proc.proconfig; or NULL */
} StreamViewRow;

/* One row of streaming._progress. */
typedef struct StreamProgress
{
	int64		batch;			/* number of the last committed batch, 0: none */
	int64		rows_read;		/* stream rows consumed so far */
	struct varlena *position;	/* serialised reading position, or NULL */
	TimestampTz batch_time;		/* when the last batch ran, or 0 */
	int64		batch_us;		/* how long it took */
} StreamProgress;

/* The schema "streaming", or InvalidOid where the extension is not installed. */
extern Oid	stream_catalog_schema(void);
/* The owner of the extension. */
extern Oid	stream_catalog_owner(void);

/* All rows of _view by viewid, palloc'd StreamViewRow *; NIL without the extension. */
extern List *stream_catalog_views(void);
/* One row, palloc'd, or NULL. */
extern StreamViewRow *stream_catalog_view(Oid viewid);
/* True if relid is a continuous view (cheap when the extension is absent). */
extern bool stream_catalog_is_view(Oid relid);
extern void stream_catalog_insert_view(const StreamViewRow *row);
extern void stream_catalog_update_view(const StreamViewRow *row);
/* Deletes the rows of the view in all tables. */
extern void stream_catalog_delete_view(Oid viewid);

/* Reads the view's progress; false (and zeroes) if there is no row. */
extern bool stream_catalog_read_progress(Oid viewid, bool unlogged,
										 StreamProgress *progress);
/* Inserts or updates it. */
extern void stream_catalog_write_progress(Oid viewid, bool unlogged,
										  const StreamProgress *progress);

/* One row of streaming._error: the present trouble of a view. */
typedef struct StreamFailure
{
	int			failures;		/* failed attempts in a row */
	bool		failed;			/* given up: runs again only when asked to */
	int			sqlstate;
	char	   *message;
	char	   *detail;			/* or NULL */
	char	   *hint;			/* or NULL */
	char	   *context;		/* or NULL */
	TimestampTz at;
} StreamFailure;

/* Records the failure of a batch (replaces the previous one). */
extern void stream_catalog_write_failure(Oid viewid, const StreamFailure *f);
/* The view's present trouble, palloc'd, or NULL. */
extern StreamFailure *stream_catalog_failure(Oid viewid);
/* The trouble is over; true if there was any. */
extern bool stream_catalog_clear_failure(Oid viewid);

#endif
