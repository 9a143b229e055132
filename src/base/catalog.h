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
#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/elog.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "base/options.h"

/* One row of streaming._view. */
typedef struct StreamViewRow
{
	Oid			viewid;			/* what the user sees */
	Oid			definition;		/* the view that holds the query */
	Oid			state;			/* the state table of its last operator */
	List	   *below;			/* OIDs: those of the operators before, in order,
								 * InvalidOid for one that has none */
	Oid			changes;		/* its change stream, a table beside it, or
								 * InvalidOid (also though options.changes is set:
								 * nobody is told, see successor.c) */
	List	   *streams;		/* OIDs: the streams, or partitioned roots */
	bool		unlogged;		/* streams, state and progress are unlogged */
	bool		released;		/* no stream waits for it any more
								 * (release.c); until it is made anew it does
								 * not run: options.enabled is false */
	TransactionId changed_by;	/* who has written the row */
	StreamOptions options;
	List	   *option_names;	/* String: names of options given ... */
	List	   *option_values;	/* ... and their values, as text */
	struct ArrayType *settings; /* as in pg_proc.proconfig; or NULL */
} StreamViewRow;

/*
 * The state tables of all operators, in order, palloc'd; InvalidOid for one that
 * has none.
 */
extern List *stream_catalog_states(const StreamViewRow *row);

/* No such time yet; smaller than any other. */
#define STREAM_NO_TIME DT_NOBEGIN

/* How far the event time of one input of a view has come. */
typedef struct StreamInputProgress
{
	Oid			stream;
	int64		max_time;		/* the largest event time seen */
	TimestampTz seen_at;		/* when the last row was seen, by our clock */
} StreamInputProgress;

/*
 * How far an operator has given up the state of groups that are closed: of those
 * that end at or before a time, and of so many that end after it.
 */
typedef struct StreamReaped
{
	int64		until;
	int64		groups;
} StreamReaped;

/*
 * One row of streaming._progress.  Event times are in microseconds as
 * timestamps count them, with or without time zone as the stream's column is.
 */
typedef struct StreamProgress
{
	int64		batch;			/* number of the last committed batch, 0: none */
	int64		rows_read;		/* stream rows consumed so far */
	struct varlena *position;	/* serialised reading position, or NULL */
	TimestampTz batch_time;		/* when the last batch ran, or 0 */
	int64		batch_us;		/* how long it took */

	/* where the query sees an event time */
	int64		watermark;		/* in force for the next batch */
	int64		closed;			/* in force during the last one */
	int			ninputs;
	StreamInputProgress *inputs;
	int64		groups;			/* with state; a closed one has none */
	int64		late_rows;		/* dropped as late, so far */
	int64		null_rows;		/* dropped for want of an event time */
	int64		error_rows;		/* put aside because they fail, and not fed again */
	int			nreaped;		/* operators with a state table ... */
	StreamReaped *reaped;		/* ... and what each has given up */
	ItemPointerData place;		/* where the row is, or not valid: not known */
} StreamProgress;

/*
 * What is stored of one input of the view: of those that are this stream the one
 * before which so many others (occurrence) are; NULL: nothing yet.
 */
extern const StreamInputProgress *stream_catalog_input(const StreamProgress *progress,
													   Oid stream,
													   int occurrence);

/* The schema "streaming", or InvalidOid where the extension is not installed. */
extern Oid	stream_catalog_schema(void);
/* The owner of the extension. */
extern Oid	stream_catalog_owner(void);

/* All rows of _view by viewid, palloc'd StreamViewRow *; NIL without the extension. */
extern List *stream_catalog_views(void);
/* One row, palloc'd, or NULL. */
extern StreamViewRow *stream_catalog_view(Oid viewid);
/* One row; error 42809 if it is no continuous view, 42P01 if there is no such relation. */
extern StreamViewRow *stream_catalog_need_view(Oid viewid);
/* True if relid is a continuous view (cheap when the extension is absent). */
extern bool stream_catalog_is_view(Oid relid);
/* What the names of a view's relations end with, by that of its definition. */
extern char *stream_catalog_suffix(Oid definition);
/*
 * The view that a relation is a part of, or InvalidOid: one in the extension's schema, or
 * a change stream; and the same of change streams alone.
 */
extern Oid	stream_catalog_view_of(Oid relid);
extern Oid	stream_catalog_view_of_changes(Oid relid);
/* The owner of a view, or InvalidOid if it is gone. */
extern Oid	stream_catalog_view_owner(Oid viewid);
extern void stream_catalog_insert_view(const StreamViewRow *row);
extern void stream_catalog_update_view(const StreamViewRow *row);
/* Deletes the rows of the view in all tables. */
extern void stream_catalog_delete_view(Oid viewid);

/*
 * Reads the view's progress, as the snapshot sees it (NULL: the newest); false
 * (and a beginner's) if there is no row.
 */
extern bool stream_catalog_read_progress(Oid viewid, bool unlogged,
										 Snapshot snapshot,
										 StreamProgress *progress);

/*
 * The table that it is in and its indexes, open for writing, for all batches of a
 * transaction; zeroed: not open yet.
 */
typedef struct StreamProgressTable
{
	Relation	rel;
	struct ResultRelInfo *indexes;
} StreamProgressTable;

/*
 * Opens it, if that has not been done, and closes it, if it is open.  The lock is kept
 * until the transaction ends, so that the place of a row is still true when it is
 * written.  Error 42704 without the extension.
 */
extern void stream_catalog_open_progress(StreamProgressTable *table,
										 bool unlogged);
extern void stream_catalog_close_progress(StreamProgressTable *table);
/*
 * The same as stream_catalog_read_progress for a batch, which has the view's batch lock:
 * the newest, with its place, where it is looked for first.
 */
extern bool stream_catalog_find_progress(const StreamProgressTable *table,
										 Oid viewid, ItemPointerData place,
										 StreamProgress *progress);
/* The table that it is in, for queries; InvalidOid without the extension. */
extern Oid	stream_catalog_progress_table(bool unlogged);
/* Deletes it. */
extern void stream_catalog_delete_progress(Oid viewid, bool unlogged);
/* Inserts or updates it, where it is said to be, and notes where it is then. */
extern void stream_catalog_put_progress(const StreamProgressTable *table,
										Oid viewid, StreamProgress *progress);
/* The same, for who has not opened the table. */
extern void stream_catalog_write_progress(Oid viewid, bool unlogged,
										  StreamProgress *progress);

/*
 * A row of one of the tables as text, in which relations have their names: what a dump
 * has of it.
 */
typedef struct StreamTextRow
{
	const char *table;
	List	   *columns;		/* char *: but for the OID that it is about */
	List	   *values;			/* char *, NULL: null */
} StreamTextRow;

/* The value of a column, or NULL. */
extern const char *stream_catalog_text(const StreamTextRow *row,
									   const char *column);
/* The rows about a relation that the snapshot sees; positions are left out. */
extern List *stream_catalog_export(const char *table, Oid relid,
								   Snapshot snapshot);
/*
 * Writes the row down as one about relid, with that position (or NULL) where the table
 * has one.  "#" and a number is an OID as it is.  Returns NULL, or else what is missing here.  Errors: those of the types'
 * input functions.
 */
extern const char *stream_catalog_import(const StreamTextRow *row, Oid relid,
										 struct varlena *position);
/* The name by which the relation is found from anywhere; "-" if there is none. */
extern char *stream_catalog_name(Oid relid);
/* The relation of that name, or InvalidOid. */
extern Oid	stream_catalog_named(const char *name);
/* Names in the text of an array. */
extern List *stream_catalog_names(const char *array);

/* One row of streaming._restore: what a dump says of a view that is not one yet. */
typedef struct StreamRestoreRow
{
	Oid			viewid;
	StreamTextRow text;
} StreamRestoreRow;

/* The row as values of the columns item, columns and contents; and back. */
extern void stream_catalog_put_text(const StreamTextRow *row, Datum *item,
									Datum *columns, Datum *contents);
extern void stream_catalog_get_text(StreamTextRow *row, Datum item,
									Datum columns, Datum contents);
/* All of them, those of a view together. */
extern List *stream_catalog_restore_rows(void);
extern void stream_catalog_add_restore(Oid viewid, const StreamTextRow *row);
/* The views that they are about, by OID. */
extern List *stream_catalog_restored_views(void);
/*
 * Is there one about the view (InvalidOid: about any)?  *detail, if wanted, is what has been
 * said of why it is not one yet, or NULL.
 */
extern bool stream_catalog_is_restored(Oid viewid, char **detail);
/* Says why the view is not one yet. */
extern void stream_catalog_explain_restore(Oid viewid, const char *detail);
/* Deletes those of the view. */
extern void stream_catalog_delete_restore(Oid viewid);

/* One row of streaming._stream: what a stream declares. */
typedef struct StreamDeclaration
{
	Oid			relid;
	AttrNumber	attnum;			/* of its event time; 0: none */
	StreamOptions options;
	List	   *option_names;	/* as those of a view */
	List	   *option_values;
} StreamDeclaration;

/* What the stream itself declares, palloc'd, or NULL. */
extern StreamDeclaration *stream_catalog_declaration(Oid relid);
/* OIDs of all streams that declare something. */
extern List *stream_catalog_declared(void);
/* Inserts or updates it. */
extern void stream_catalog_write_declaration(const StreamDeclaration *decl);
/* Deletes it; true if there was one. */
extern bool stream_catalog_delete_declaration(Oid relid);

/* One row of streaming._rejection: a stream row that a view does not take. */
typedef struct StreamRejection
{
	Oid			viewid;
	Oid			stream;
	Oid			leaf;			/* where it is, with its TID in the slot */
	TimestampTz at;				/* by our clock */
	const char *reason;			/* "late", "partly late", "null", "future" or "error" */
	int64		event_time;		/* STREAM_NO_TIME: null */

	/* of one that fails */
	const char *message;		/* or NULL: it is none */
	int			sqlstate;
	int64		batch;			/* the one that has gone on without it */
	Oid			storage;		/* relfilenode of the leaf then */
} StreamRejection;

/*
 * Writes it down, with the text of the row; columns that are not to be shown
 * (shown: one for each, from 0) are null in it.
 */
extern void stream_catalog_write_rejection(const StreamRejection *rejection,
										   TupleTableSlot *row,
										   const bool *shown);

/*
 * Deletes what the view has put aside before a time, as the snapshot sees it (NULL:
 * the newest); returns how many rows.  Error 40001 where the transaction's snapshot
 * does not see that somebody else has deleted one.
 */
extern int64 stream_catalog_delete_rejections(Oid viewid, TimestampTz before,
											  Snapshot snapshot);

/* The same, as the newest snapshot sees it, of the oldest, at most limit rows. */
extern int64 stream_catalog_trim_rejections(Oid viewid, TimestampTz before,
											int64 limit);

/*
 * Takes back what the view has put aside because it fails, as far as take(leaf, storage,
 * tid, arg) says: these rows are deleted.  Returns how many; *left: how many stay.
 */
typedef bool (*StreamTakeRow) (Oid leaf, Oid storage, ItemPointer tid,
							   void *arg);
extern int64 stream_catalog_take_errors(Oid viewid, StreamTakeRow take,
										void *arg, int64 *left);

/*
 * Looks at what the view has put aside of a leaf because it fails, in that storage: move
 * returns true if the row is in other storage now, and *tid its place there.
 */
typedef bool (*StreamMoveRow) (ItemPointer tid, void *arg);
extern void stream_catalog_move_errors(Oid viewid, Oid leaf, Oid storage,
									   Oid moved_to, StreamMoveRow move,
									   void *arg);

/* What the view has put aside is from now on what another one has. */
extern void stream_catalog_adopt_rejections(Oid viewid, Oid heir);

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

/*
 * Says that a stream does not wait for the view any more, which has that failure from
 * then on.  Waits for nobody: it may be said more than once.
 */
extern void stream_catalog_write_release(Oid viewid, Oid stream,
										 const StreamFailure *f);

/*
 * Takes back what has been said of that kind: the row is that of an ordinary view again.  The caller has
 * its batch lock.
 */
extern void stream_catalog_take_back(StreamViewRow *row);

/*
 * The extensions that the view depends on, by ALTER ... DEPENDS ON EXTENSION, as the text of an array of names;
 * has it depend on them, those that are there.
 */
extern char *stream_catalog_extensions(Oid viewid);
extern void stream_catalog_depend_on(Oid viewid, const char *extensions);

/* The hint how the owner of a view that has been released has it taken back. */
extern char *stream_catalog_release_hint(Oid viewid);

/*
 * Of the marks of a view, which say that a batch had been committed at a time: the last
 * batch of those that are not after a time (0: none); *last, *last_at: the last one of all, 0 if
 * there is none.  Deletes those that the found one makes superfluous.
 */
extern int64 stream_catalog_marked_batch(Oid viewid, TimestampTz before,
										 int64 *last, TimestampTz *last_at);

/* Writes one.  The view has none of that batch. */
extern void stream_catalog_write_mark(Oid viewid, int64 batch, TimestampTz at);

/*
 * Records the failure of a batch (replaces the previous one), or the trouble is over; true if
 * there was any.  Both take a lock that others want for the same, until the transaction ends.
 */
extern void stream_catalog_write_failure(Oid viewid, const StreamFailure *f);
extern bool stream_catalog_clear_failure(Oid viewid);

/* The view's present trouble, palloc'd, or NULL. */
extern StreamFailure *stream_catalog_failure(Oid viewid);

#endif
