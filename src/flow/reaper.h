/*-------------------------------------------------------------------------
 *
 * reaper.h
 *	  Giving up the state of closed groups.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_REAPER_H
#define STREAMING_REAPER_H

#include "base/catalog.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

/* What is done with a group that is closed. */
typedef enum StreamReaping
{
	STREAM_REAP_COUNT,			/* there is nothing to give up */
	STREAM_REAP_STATES,			/* its states become null */
	STREAM_REAP_ROWS,			/* its row goes */
	STREAM_REAP_RESULTS			/* the same, of a table that readers know and may have
								 * indexed */
} StreamReaping;

typedef struct StreamReaper StreamReaper;

/*
 * Makes a reaper for a state table of the row type desc.  end: when the group
 * of a row ends, over the table as relation 1; width: the longest time between
 * the first column of the index and that, in microseconds; closing_index: there
 * is an index on the end, other than the one on the keys (which then has the
 * window as its first column); first_state: the first column that holds a state.
 * on_reap: NULL, or called with the row of each group, gives up what others keep for it,
 * and returns how many rows these were.
 */
extern StreamReaper *stream_reaper_create(MemoryContext parent, TupleDesc desc,
										  StreamReaping reaping, Expr *end,
										  int64 width, bool closing_index,
										  int first_state,
										  int64 (*on_reap) (TupleTableSlot *row,
															void *arg),
										  void *arg);

/*
 * Groups that end at the same time are given up together, however many they are: what
 * is said of one may be about others.
 */
extern void stream_reaper_set_together(StreamReaper *reaper);

/*
 * Gives up the state of groups that end at or before closed, of about limit of
 * them, going on from the place, which it updates.  rel: the state table, on which
 * the caller holds RowExclusiveLock.  Returns how many, and rows that others kept for
 * them; none are left if the place is closed then.
 */
extern int64 stream_reaper_run(StreamReaper *reaper, Relation rel,
							   StreamReaped *place, int64 closed,
							   int64 limit);

/*
 * Calls show with the row of each group that ends after one time, and at or before
 * another, in the order in which they end.  rel: as above.
 */
extern void stream_reaper_show(StreamReaper *reaper, Relation rel, int64 after,
							   int64 until,
							   void (*show) (TupleTableSlot *row, void *arg),
							   void *arg);

/* So many take no time to speak of. */
#define STREAM_REAP_GROUPS 5000

#endif
