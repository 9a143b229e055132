/*-------------------------------------------------------------------------
 *
 * watermark.h
 *	  How far the event time of a view's inputs has come.
 *
 * Event times are int64 as timestamps are, in microseconds; STREAM_NO_TIME
 * (catalog.h) is less than all of them and means: not known yet.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_WATERMARK_H
#define STREAMING_WATERMARK_H

#include "executor/tuptable.h"
#include "nodes/bitmapset.h"
#include "nodes/params.h"
#include "nodes/pg_list.h"

#include "base/catalog.h"
#include "time/declare.h"

/*
 * What a query may show of one of its inputs to the owner of the view: where the
 * query names the stream itself, the columns that he may read; where a view of
 * somebody else stands between, those that this hands on and the query uses.
 */
typedef struct StreamSight
{
	Oid			check_as;		/* that somebody else, or InvalidOid */
	Bitmapset  *handed_on;		/* attribute numbers of the stream */
	bool		hidden;			/* a security barrier hides rows by more than
								 * conditions on the stream */
	bool		guarded;		/* rows may be hidden at all: by a security barrier,
								 * or row-level security */
} StreamSight;

/* May the owner of the view see the column of a stream that is an input of it? */
extern bool stream_watermark_may_see(const StreamSight *sight, Oid stream,
									 AttrNumber attnum, Oid owner);

/*
 * The external parameters of a delta plan.  Two are pointers (of type
 * internal), by which the plan finds the batch that it is run for: nobody but
 * the batch can make them.
 */
#define STREAM_PARAM_LATE 1		/* late threshold, a timestamp */
#define STREAM_PARAM_DELAY 2	/* longest delay, an interval */
#define STREAM_PARAM_POSITION 3 /* StreamPosition, or null: no rows */
#define STREAM_PARAM_WATERMARK 4	/* StreamWatermark, or null: none looks */
#define STREAM_PARAM_CLOSED 5	/* what the batch closes, a timestamp as the first */
#define STREAM_NUM_PARAMS 5

/* The pointer that is one of these, or NULL.  params may be NULL. */
extern void *stream_watermark_param(ParamListInfo params, int number);

/* A stream with an event time, as an input of one view. */
typedef struct StreamInput
{
	int			number;			/* of all inputs of the view, counted from 1 */
	int			occurrence;		/* of the stream among them, counted from 0 */
	StreamEventTime declared;
	StreamSight sight;
	int64		delay_us;		/* -1: has no watermark */
	int64		behind_us;		/* so far its watermark is behind max_time */
	int64		max_time;		/* the largest event time of earlier batches; of a
								 * result, up to where the view below had come */
	TimestampTz seen_at;		/* when the last row was seen; 0: never */

	/* the batch in progress */
	int64		below;			/* of a result: up to where that view has come */
	List	   *leaves;			/* StreamInputLeaf of those it reads */
	int64		limit;			/* rows beyond are not for the view */
	bool		observed;		/* it moves the watermark */
	Oid			shown_leaf;		/* whose columns are next: */
	bool	   *shown;			/* may the view's owner see them? */
} StreamInput;

/* A leaf of an input, in the batch in progress. */
typedef struct StreamInputLeaf
{
	StreamInput *input;
	Oid			relid;
	AttrNumber	attnum;			/* the event time */
	bool		more;			/* rows are left for later batches */
	int64		batch_max;		/* the largest event time so far */
} StreamInputLeaf;

typedef struct StreamWatermark
{
	Oid			viewid;
	bool		policy_max;
	bool		keep_late_rows;
	int			ninputs;
	StreamInput *inputs;

	/* the batch in progress */
	TimestampTz now;			/* by our clock */
	int64		late;			/* rows at or before it are late */
	int64		late_rows;		/* dropped */
	int64		null_rows;		/* dropped */
	StreamInput *row_input;		/* whose row a scan is looking at, ... */
	TupleTableSlot *row;		/* ... the row, or NULL, ... */
	int64		row_time;		/* ... its event time, if any; ... */
	bool		row_again;		/* it has been looked at before */
	bool	   *future;			/* NULL, or where to note that a row is too far in the
								 * future, instead of putting it aside */
} StreamWatermark;

/*
 * The inputs of a view: those of the streams that declare an event time; sights:
 * NIL, or a StreamSight for each stream.  Memory is of the current context.  The current
 * user is the view's owner.
 */
extern StreamWatermark *stream_watermark_create(Oid viewid, List *streams,
												List *sights,
												const StreamOptions *options);

/*
 * An event time of a column of that type, to be shown: one without time zone as
 * the session's time zone has it; infinite where that is out of range.
 */
extern TimestampTz stream_watermark_shown(Oid type, int64 time);

/* Has any input a watermark? */
extern bool stream_watermark_exists(const StreamWatermark *wm);

/* The longest delay of them, in microseconds. */
extern int64 stream_watermark_delay(const StreamWatermark *wm);

/* Takes over what earlier batches have seen. */
extern void stream_watermark_load(StreamWatermark *wm,
								  const StreamProgress *progress);

/*
 * How far an input has come, less its delay; STREAM_NO_TIME: not known.  And does the
 * view's watermark wait for it: are the others farther, or not (with watermark_policy
 * "max"), or as far?  now: by our clock.
 */
extern int64 stream_watermark_of_input(const StreamInput *input,
									   TimestampTz now);
extern bool stream_watermark_holds(const StreamWatermark *wm,
								   const StreamInput *input, TimestampTz now);

/*
 * Asks the views below how far they have come, before anybody measures which rows of
 * their results the batch will read: so what they have added by then is among these.
 * owner: of the view, who must be allowed to see that.  used: as below.
 */
extern void stream_watermark_ask_below(StreamWatermark *wm, Oid owner,
									   bool used);

/*
 * Begins a batch whose late threshold is late.  now: our clock.  used: the query
 * is about the event time; otherwise only that of inputs whose event time the
 * current user, the view's owner, may see is noted.
 */
extern void stream_watermark_begin(StreamWatermark *wm, TimestampTz now,
								   int64 late, bool used);

/* The scan has done with the row that it has shown. */
static inline void
stream_watermark_leave_row(StreamWatermark *wm)
{
	wm->row = NULL;
	wm->row_again = false;
}

/*
 * Ends the batch: puts what it has seen, and the watermark in force for the
 * next one, into the progress.
 */
extern void stream_watermark_end(StreamWatermark *wm,
								 StreamProgress *progress);

/*
 * For a batch that leaves nothing for later, before it: moves the watermark on where
 * views below have come farther, and where inputs have been idle for so long that it may
 * follow the clock; true if it has moved.
 */
extern bool stream_watermark_follow(StreamWatermark *wm,
									StreamProgress *progress,
									TimestampTz now);

/* When that is worth a try; DT_NOEND: never. */
extern TimestampTz stream_watermark_idle_at(const StreamWatermark *wm,
											TimestampTz now);

/*
 * A leaf of the input of that number, as a part of the batch; NULL if the input has
 * no event time.  more: rows of it are left for later batches, so that it may hold
 * back the watermark.
 */
extern StreamInputLeaf *stream_watermark_leaf(StreamWatermark *wm, int number,
											  Oid relid, bool more);

/*
 * A row of the leaf is about to be looked at, by conditions of the scan, until
 * stream_watermark_leave_row; again: not for the first time.  False if it is too
 * far in the future to be looked at at all; then it has been put aside, or noted.
 */
extern bool stream_watermark_observe(StreamWatermark *wm,
									 StreamInputLeaf *leaf,
									 TupleTableSlot *slot, bool again);

#endif
