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
#include "nodes/pg_list.h"

#include "catalog.h"
#include "declare.h"

/* A stream with an event time, as an input of one view. */
typedef struct StreamInput
{
	int			number;			/* of all inputs of the view, counted from 1 */
	int			occurrence;		/* of the stream among them, counted from 0 */
	StreamEventTime declared;
	int64		delay_us;		/* -1: has no watermark */
	int64		max_time;		/* the largest event time of earlier batches */
	TimestampTz seen_at;		/* when the last row was seen; 0: never */

	/* the batch in progress */
	int64		batch_max;		/* the largest event time so far */
	int64		limit;			/* rows beyond are not for the view */
} StreamInput;

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
	StreamInput *row_input;		/* whose row is being looked at, ... */
	TupleTableSlot *row;		/* ... the row, ... */
	int64		row_time;		/* ... and its event time, if any */
} StreamWatermark;

/*
 * The inputs of a view: those of the streams that declare an event time.
 * Memory is of the current context.
 */
extern StreamWatermark *stream_watermark_create(Oid viewid, List *streams,
												const StreamOptions *options);

/* Has any input a watermark? */
extern bool stream_watermark_exists(const StreamWatermark *wm);

/* The longest delay of them, in microseconds. */
extern int64 stream_watermark_delay(const StreamWatermark *wm);

/* Takes over what earlier batches have seen. */
extern void stream_watermark_load(StreamWatermark *wm,
								  const StreamProgress *progress);

/*
 * Begins a batch whose late threshold is late; until stream_watermark_end, or
 * begin with NULL, it is the one that scans report to.  now: our clock.
 */
extern void stream_watermark_begin(StreamWatermark *wm, TimestampTz now,
								   int64 late);

/* No more rows of streams are looked at in this batch. */
extern void stream_watermark_leave_rows(void);

/*
 * Ends the batch: puts what it has seen, and the watermark in force for the
 * next one, into the progress.
 */
extern void stream_watermark_end(StreamWatermark *wm,
								 StreamProgress *progress);

/*
 * Moves the watermark on where inputs have been idle for so long that it may
 * follow the clock; true if it has moved.
 */
extern bool stream_watermark_follow_clock(StreamWatermark *wm,
										  StreamProgress *progress,
										  TimestampTz now);

/* When that is worth a try; DT_NOEND: never. */
extern TimestampTz stream_watermark_idle_at(const StreamWatermark *wm,
											TimestampTz now);

/*
 * The input of that number of the batch in progress, or NULL if it has no event
 * time; *attnum is set to the column of the leaf that holds it.
 */
extern StreamInput *stream_watermark_input(int number, Oid leaf,
										   AttrNumber *attnum);

/*
 * A row of the input is about to be looked at.  False if it is too far in the
 * future to be looked at at all; then it has been put aside.
 */
extern bool stream_watermark_observe(StreamInput *input, AttrNumber attnum,
									 TupleTableSlot *slot);

#endif
