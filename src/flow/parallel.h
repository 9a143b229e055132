/*-------------------------------------------------------------------------
 *
 * parallel.h
 *	  What the processes share that read the new rows of one leaf together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_PARALLEL_H
#define STREAMING_PARALLEL_H

#include "stream/position.h"
#include "time/watermark.h"

/* In shared memory. */
typedef struct StreamParallel StreamParallel;

/* Pages of the leaf that one process reads. */
typedef struct StreamRun
{
	BlockNumber start;			/* [start, end) */
	BlockNumber end;
	bool	   *future;			/* to be set if a row there is to be put aside for its
								 * event time, which is too far in the future */
} StreamRun;

/* The bytes that it takes for a leaf, whose batch has begun; NULL: not read by it. */
extern Size stream_parallel_size(const StreamLeaf *leaf);

/*
 * Puts in what others must know of the leaf (or NULL), and of the input that it belongs to, if
 * somebody looks at its event time; all its range is to be read.
 */
extern void stream_parallel_write(StreamParallel *parallel,
								  const StreamLeaf *leaf,
								  const StreamInputLeaf *input);

/* All its range is to be read once more, and nothing has been seen. */
extern void stream_parallel_rewind(StreamParallel *parallel);

/*
 * The leaf, as another process needs it: the range of its batch, and what has been read
 * there.  In the current context.  NULL: the batch does not read it.
 */
extern StreamLeaf *stream_parallel_leaf(const StreamParallel *parallel);

/* Likewise, the input; NULL if nobody looks at its event time. */
extern StreamInputLeaf *stream_parallel_input(const StreamParallel *parallel);

/* The next pages for the caller to read; false if there are no more. */
extern bool stream_parallel_next(StreamParallel *parallel, StreamRun *run);

/*
 * The process has read rows, of which others than the batch's must say what they have seen
 * (NULL: nothing).  wm has counted late rows: not any more.
 */
extern void stream_parallel_leave(StreamParallel *parallel, int64 rows,
								  const StreamInputLeaf *input,
								  StreamWatermark *wm);

/*
 * The batch's process takes over what the others have seen, when they have ended: into
 * leaf, input and wm (NULL: nobody looks).  Returns the runs (StreamRun) in which they have
 * left rows to be put aside.
 */
extern List *stream_parallel_collect(StreamParallel *parallel, StreamLeaf *leaf,
									 StreamInputLeaf *input,
									 StreamWatermark *wm);

#endif
