/*-------------------------------------------------------------------------
 *
 * declare.h
 *	  What a stream declares: its event time, and how late that may be.
 *
 * The result of a view to which rows are only added is a stream, too.  If it has an event
 * time among its columns, that is declared when it is made; how far it has come, the
 * progress of the view says (as "closed"): nothing comes out of it any more that ends at
 * or before that, but rows that were late where the view reads them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DECLARE_H
#define STREAMING_DECLARE_H

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "base/options.h"
#include "base/catalog.h"

/* btree's family of dates and timestamps, which has no symbol */
#define STREAM_DATETIME_BTREE_FAM_OID 434

/* The event time of a stream. */
typedef struct StreamEventTime
{
	Oid			stream;			/* where it is declared */
	AttrNumber	attnum;			/* its column in the relation asked about */
	Oid			type;			/* timestamp or timestamptz */
	bool		is_range;		/* the column is a range of these */
	int64		delay_us;		/* streaming.watermark; -1: not given */
	int64		idle_us;		/* streaming.idle_timeout; 0: none */
	int64		max_future_us;	/* streaming.max_future; -1: none */
	Oid			result_of;		/* the view whose result it is; delay_us is that of
								 * the streams below then */
} StreamEventTime;

/*
 * Sets (or, with reset, takes back) streaming.* options of a stream, plain or
 * partitioned: DefElems as from stream_options_extract.  in_use: a continuous
 * view reads it, so that the event time must stay what it is; times may change.
 * Takes ShareUpdateExclusiveLock on the stream.  source: the statement, for
 * error positions.
 * Errors: as options.h; 42809 for other relations and for partitions, 42501 for
 * others than the owner, 42703 and 42804 for a wrong column, 55006 as said
 * and for taking back a watermark in use, 22023
 * for options that need an event time, and for a streaming.retention that is not for such
 * a stream.
 */
extern void stream_declare_set(Oid relid, List *options, bool reset,
							   bool in_use, const char *source);

/*
 * The event time that the relation, or a parent of it, declares; false if there
 * is none.
 */
extern bool stream_declare_event_time(Oid relid, StreamEventTime *result);

/* By what the partitions of a stream are told to be old. */
typedef enum StreamExpiry
{
	STREAM_EXPIRES_NOT,			/* by nothing */
	STREAM_EXPIRES_BY_BOUND,	/* by their upper bounds: they are ranges of time */
	STREAM_EXPIRES_BY_ROWS		/* by the event time of their rows */
} StreamExpiry;

/* The same of the root that has declared that; takes AccessShareLock on it. */
extern StreamExpiry stream_declare_expiry(const StreamDeclaration *decl);

/* The delay of it in a view with these options, in microseconds; -1: no watermark. */
extern int64 stream_declare_delay(const StreamEventTime *declared,
								  const StreamOptions *options);

/*
 * Says that rows are only added to the result of a view, and which of its columns is an
 * event time, or a window of one; InvalidAttrNumber: none.
 */
extern void stream_declare_result(Oid relid, AttrNumber attnum);

/* Has that been said of it? */
extern bool stream_declare_is_result(Oid relid);

/*
 * After ALTER TABLE: the event time must still be a timestamp.  Error 42804.
 */
extern void stream_declare_check(Oid relid);

/* The relation is dropped; or, with attnum, a column.  Error 2BP01. */
extern void stream_declare_dropped(Oid relid, AttrNumber attnum);

#endif
