/*-------------------------------------------------------------------------
 *
 * dataflow.h
 *	  The operators of a view and the plans of their feeds, together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DATAFLOW_H
#define STREAMING_DATAFLOW_H

#include "base/catalog.h"
#include "query/tree.h"
#include "flow/delta.h"

typedef struct StreamDataflow
{
	MemoryContext context;
	StreamTree *tree;			/* aggregates are prepared */
	List	   *deltas;			/* StreamDelta: of each feed of each operator, in
								 * the order in which a batch runs them */

	bool		plain;			/* the query runs no code of users, see trust.h */

	/* as of the last stream_dataflow_plan */
	List	   *streams;		/* OIDs: the inputs of the view, in order */
	List	   *sights;			/* StreamSight, one for each */
	int			generation;		/* it was another one with other plans */
} StreamDataflow;

/*
 * Loads the dataflow of a view, on whose definition the caller holds
 * AccessShareLock.  The caller runs as the view's owner.  Errors as in cut.h and
 * trust.h.
 */
extern StreamDataflow *stream_dataflow_load(MemoryContext parent,
											const StreamViewRow *row);
extern void stream_dataflow_free(StreamDataflow *flow);

/*
 * Makes sure of the plans for few rows.  trusts: the option
 * streaming.trust_functions.  Locks and errors as stream_delta_plan.
 */
extern void stream_dataflow_plan(StreamDataflow *flow, bool trusts);

/* Are all of these at hand?  As stream_delta_lock. */
extern bool stream_dataflow_lock(StreamDataflow *flow);

/*
 * Does it touch nothing but these leaves of its streams and these states of its own (OIDs),
 * join none, and run no code of users?
 */
extern bool stream_dataflow_is_simple(const StreamDataflow *flow,
									  List *leaves, List *states);

/* Raises 0A000 if late rows cannot be kept, see delta.h. */
extern void stream_dataflow_check_late_rows(StreamDataflow *flow);

/* Does it read rows that come and go, of other views? */
extern bool stream_dataflow_reads_changes(const StreamDataflow *flow);

/* Raises 0A000 if so: such rows cannot be put aside one by one. */
extern void stream_dataflow_check_skipping(const StreamDataflow *flow);

/* Has something changed since, so that they must be made again? */
extern bool stream_dataflow_is_stale(const StreamDataflow *flow);

/* Has a function changed, so that all must be loaded again? */
extern bool stream_dataflow_must_reload(const StreamDataflow *flow);

#endif
