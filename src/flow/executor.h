/*-------------------------------------------------------------------------
 *
 * executor.h
 *	  Running the plan of a feed, with an executor that is kept between batches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_EXECUTOR_H
#define STREAMING_EXECUTOR_H

#include "tcop/dest.h"
#include "utils/queryenvironment.h"

#include "flow/delta.h"

/* What a batch runs a plan over (see stream_delta_params), and where to. */
typedef struct StreamExecution
{
	TimestampTz late;
	TimestampTz closes;
	StreamPosition *position;
	StreamWatermark *watermark;
	QueryEnvironment *env;		/* what operators have handed on, or NULL */
	DestReceiver *receiver;
} StreamExecution;

/*
 * Runs a plan that stream_delta_plan has just given, as of the active snapshot.  The caller
 * runs as the view's owner.  After an error, the delta must not be used again unless
 * its plans are dropped, or its memory.
 */
extern void stream_executor_run(StreamDelta *delta, PlannedStmt *plan,
								const StreamExecution *execution);

/* Gives up the executor that is kept, if there is one. */
extern void stream_executor_drop(StreamDelta *delta);

#endif
