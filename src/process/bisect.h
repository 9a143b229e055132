/*-------------------------------------------------------------------------
 *
 * bisect.h
 *	  Finding the rows that make batches fail.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_BISECT_H
#define STREAMING_BISECT_H

#include "base/options.h"
#include "flow/batch.h"

/* How far the search has come for one view; zeroes: nothing is searched for. */
typedef struct StreamBisection
{
	bool		active;
	bool		fruitless;		/* what failed last has failed without rows */
	int64		limit;			/* of the next batch, as in StreamPart */
	int64		whole;			/* so many rows the batch had that failed first */
	int64		suspects;		/* one of the next so many rows fails; 0: not known */
	bool		aside;			/* the next batch is to go on without one row: */
	int64		after;			/* if the last one still has this number */
	Oid			relid;
	ItemPointerData tid;
	int			sqlstate;
	Oid			culprit;		/* at whose turn it has failed */
	char	   *message;		/* in the memory of the view, or NULL */
} StreamBisection;

/* What the next batch of the view is to read; valid until the next call for it. */
extern void stream_bisect_next(const StreamBisection *bisection,
							   StreamPart *part);

/*
 * A batch of that part has failed, at the turn of one view.  True: not for the rows of the whole batch, so the next
 * part is to be tried at once.  False: it has failed for good, and the search is over.
 * Memory is of the context.
 */
extern bool stream_bisect_failed(StreamBisection *bisection,
								 const StreamPart *part, Oid at,
								 const ErrorData *error,
								 MemoryContext context);

/*
 * A batch of that part has been committed.  Returns the message of a row that it has put
 * aside, until the next call; or NULL.
 */
extern const char *stream_bisect_succeeded(StreamBisection *bisection,
										   const StreamPart *part);

/* Begins anew with the next batch. */
extern void stream_bisect_reset(StreamBisection *bisection);

/*
 * Says what can be done about rows, if the error is about them and gives no hint itself.
 * Texts are palloc'd where the error's are.
 */
extern void stream_bisect_give_hint(const StreamPart *part,
									ErrorData *error);

#endif
