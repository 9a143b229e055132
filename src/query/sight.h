/*-------------------------------------------------------------------------
 *
 * sight.h
 *	  What a query lets the owner of a view see of its inputs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SIGHT_H
#define STREAMING_SIGHT_H

#include "nodes/parsenodes.h"

/*
 * For each input of a rewritten delta query, as stream_analyze_streams has
 * numbered them, a StreamSight (watermark.h); palloc'd.  Marks the inputs that
 * are behind a security barrier (scan.h).
 */
extern List *stream_sight_of_inputs(Query *query, int ninputs);

#endif
