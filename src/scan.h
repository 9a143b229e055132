/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  The delta scan: a custom scan node that reads only the new rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SCAN_H
#define STREAMING_SCAN_H

#include "nodes/plannodes.h"

/*
 * Which of the view's inputs a stream in a query's range table is, counted from
 * 1; 0: none.  One stream may be several inputs.  guarded: it is behind a
 * security barrier.  The field means nothing for tables, and the planner hands
 * it on to partitions.
 */
#define stream_scan_set_input(rte, number, guarded) \
	((rte)->ctelevelsup = (Index) (number) * 2 + ((guarded) ? 1 : 0))
#define stream_scan_input(rte) ((int) ((rte)->ctelevelsup / 2))
#define stream_scan_is_guarded(rte) ((rte)->ctelevelsup % 2 == 1)

/* Registers the node and the planner's hooks; called from _PG_init. */
extern void stream_scan_install(void);

/*
 * Plans a (rewritten) query so that every scan of a stream reads only the rows
 * of the batch for which the plan runs: those of the position that is its
 * parameter STREAM_PARAM_POSITION, between stream_position_begin and
 * stream_position_finish; without one, no rows.  rows: about how many rows a
 * batch will bring.  Locks must be held as for planner().
 */
extern PlannedStmt *stream_scan_plan(Query *query, double rows);

#endif
