/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  The delta scan: a custom scan node that reads only the new rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SCAN_H
#define STREAMING_SCAN_H

#include "nodes/execnodes.h"
#include "nodes/plannodes.h"

/* Registers the node and the planner's hooks; called from _PG_init. */
extern void stream_scan_install(void);

/*
 * Plans a (rewritten) query so that every scan of a stream reads only the rows
 * of the batch for which the plan runs: those of the position that is its
 * parameter STREAM_PARAM_POSITION, between stream_position_begin and
 * stream_position_finish; without one, no rows.  rows: about how many rows a
 * batch will bring.  parallel: other processes may help.  looked_up: tables (OIDs) that
 * are not to be read from end to end, if there is another way.  Locks must be held as for
 * planner().
 */
extern PlannedStmt *stream_scan_plan(Query *query, double rows, bool parallel,
									 List *looked_up);

/* Is the node one of ours? */
extern bool stream_scan_is_delta(const Plan *plan);

/*
 * One of ours that several batches use, one after the other (executor.c): the batch is
 * over, of which the node reads what the plan has left, and keeps nothing; and it takes what the
 * next one is to read from the parameters, before which it is rescanned.  In the memory of
 * the executor.
 */
extern void stream_scan_leave(PlanState *node);
extern void stream_scan_resume(PlanState *node);

#endif
