/*-------------------------------------------------------------------------
 *
 * delta.h
 *	  The delta plan: planned, turned into partial aggregation, kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DELTA_H
#define STREAMING_DELTA_H

#include "executor/execdesc.h"
#include "nodes/plannodes.h"

#include "base/catalog.h"
#include "query/cut.h"

typedef struct StreamDelta
{
	MemoryContext context;
	StreamCut  *cut;			/* aggregates are prepared */
	struct StreamDelta *below;	/* of the cut below, or NULL */
	Oid			definition;		/* the view that holds the query */
	bool		trusts;			/* streaming.trust_functions */
	List	   *streams;		/* OIDs, as the rewritten query has them; NIL
								 * if there is a delta below, which has them */
	List	   *sights;			/* StreamSight, one for each */

	/* plans; valid unless replan */
	MemoryContext plan_context;
	PlannedStmt *small;			/* for batches of few rows, or NULL */
	PlannedStmt *large;			/* for many, or NULL */
	List	   *relations;		/* all that the plans touch, or have touched */
	int			generation;		/* counts how often all was planned anew */

	bool		planning;		/* a plan is being made */

	/* set by invalidation */
	bool		replan;			/* plan again */
	bool		reload;			/* a function changed: begin from scratch */
	List	   *functions;		/* hash values in the PROCOID cache */
} StreamDelta;

/*
 * Loads the delta of a view, on whose definition the caller holds
 * AccessShareLock.  The caller runs as the view's owner.  Errors as in analyze.h
 * and trust.h.
 */
extern StreamDelta *stream_delta_load(MemoryContext parent,
									  const StreamViewRow *row);
extern void stream_delta_free(StreamDelta *delta);

/* The option streaming.trust_functions is now so; plans may have to be made anew. */
extern void stream_delta_set_trust(StreamDelta *delta, bool trusts);

/*
 * The plan for a batch of about so many rows, locked (AccessShareLock on
 * everything it touches).  Planned anew if something has changed.  The caller
 * runs as the view's owner.  Check reload afterwards.  Errors as in trust.h.
 */
extern PlannedStmt *stream_delta_plan(StreamDelta *delta, double rows);

/* The delta that reads the stream: this one, or the one below. */
extern StreamDelta *stream_delta_source(StreamDelta *delta);

/*
 * Raises 0A000 if late rows of the delta cannot be kept: where they are found to
 * be late, it is no longer known which row of a stream that was.
 */
extern void stream_delta_check_late_rows(StreamDelta *delta);

/* A batch of at least so many rows uses the plan for many. */
#define STREAM_DELTA_LARGE 10000

#endif
