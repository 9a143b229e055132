/*-------------------------------------------------------------------------
 *
 * delta.h
 *	  The plan of a feed: planned, turned into partial aggregation, kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DELTA_H
#define STREAMING_DELTA_H

#include "executor/execdesc.h"
#include "nodes/params.h"
#include "nodes/plannodes.h"

#include "base/catalog.h"
#include "stream/position.h"
#include "time/watermark.h"
#include "query/cut.h"

/* So many relations may change, of those that it turns out not to read, while a plan is made. */
#define STREAM_DELTA_CHANGED 64

typedef struct StreamDelta
{
	MemoryContext context;
	StreamCut  *cut;			/* aggregates are prepared */
	StreamFeed *feed;			/* one of its feeds */
	Oid			definition;		/* the view that holds the query */
	bool		trusts;			/* streaming.trust_functions */
	int			others;			/* inputs of the view that come before */
	List	   *streams;		/* OIDs, as the rewritten query has them; NIL
								 * if it reads what operators hand on */
	List	   *sights;			/* StreamSight, one for each */

	/* plans; valid unless replan */
	MemoryContext plan_context;
	PlannedStmt *small;			/* for batches of few rows, or NULL */
	PlannedStmt *large;			/* for many, or NULL */
	PlannedStmt *backlog;		/* for so many that other processes may help */
	struct StreamExecutor *executor;	/* of the plan for few rows (executor.c), or NULL */
	BlockNumber blocks;			/* of the tables that are joined, then */
	List	   *relations;		/* all that the plans touch, or have touched */
	bool		plain;			/* they run no code of users, see trust.h */
	int			generation;		/* counts how often all was planned anew */

	bool		planning;		/* a plan is being made: */
	int			nchanged;		/* relations that have changed meanwhile */
	Oid			changed[STREAM_DELTA_CHANGED];

	/* set by invalidation */
	bool		outdated;		/* the executor may go by what is no longer so */
	bool		replan;			/* plan again */
	bool		reload;			/* a function, or a row type, changed: begin from
								 * scratch */
	List	   *row_types;		/* OIDs of their relations: of keys */
	List	   *functions;		/* hash values in the PROCOID cache ... */
	List	   *types;			/* ... and in the TYPEOID cache, of domains */
} StreamDelta;

/*
 * Makes the delta of a feed of an operator of a view, in the current context.  The
 * operator's aggregates are prepared, and must live as long.
 */
extern StreamDelta *stream_delta_create(const StreamViewRow *row,
										StreamCut *cut, StreamFeed *feed);

/*
 * What must be so when it is planned: the option streaming.trust_functions, and how
 * many inputs of the view come before its own.  Plans may have to be made anew.
 */
extern void stream_delta_set(StreamDelta *delta, bool trusts, int others);

/*
 * The plan for a batch of about so many rows, locked (AccessShareLock on
 * everything it touches).  Planned anew if something has changed.  The caller
 * runs as the view's owner.  Check reload afterwards.  Errors as in trust.h.
 *
 * parallel: it may be one that parallel workers help with (parallelModeNeeded), if there are
 * so many rows that it is worth it: what it yields must be stored until it has ended.
 */
extern PlannedStmt *stream_delta_plan(StreamDelta *delta, double rows,
									  bool parallel);

/*
 * Is the plan for few rows at hand, and as it would be made now?  Then what it touches is
 * locked, and nothing of the user's has run.
 */
extern bool stream_delta_lock(StreamDelta *delta);

/*
 * The parameters of a plan (watermark.h), in the current context: the late threshold,
 * what the batch closes, which rows of streams it reads (null: none), and who looks at
 * their event time (null: nobody).
 */
extern ParamListInfo stream_delta_params(StreamDelta *delta, TimestampTz late,
										 TimestampTz closes,
										 StreamPosition *position,
										 StreamWatermark *watermark);

/* Gives these other values, for another batch. */
extern void stream_delta_set_params(StreamDelta *delta, ParamListInfo params,
									TimestampTz late, TimestampTz closes,
									StreamPosition *position,
									StreamWatermark *watermark);

/*
 * Raises 0A000 if late rows of the delta cannot be kept: where they are found to
 * be late, it is no longer known which row of a stream that was.
 */
extern void stream_delta_check_late_rows(StreamDelta *delta);

/* A batch of at least so many rows uses the plan for many. */
#define STREAM_DELTA_LARGE 10000

/* For less rows, starting other processes would take longer than they help. */
#define STREAM_DELTA_BACKLOG 200000

#endif
