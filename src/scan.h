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

#include "position.h"

/*
 * Which of the view's inputs a stream in a query's range table is, counted from
 * 1; 0: none.  One stream may be several inputs.  The field means nothing for
 * tables, and the planner hands it on to partitions.
 */
#define stream_scan_input(rte) ((rte)->ctelevelsup)

/* Registers the node and the planner's hooks; called from _PG_init. */
extern void stream_scan_install(void);

/*
 * Plans a (rewritten) query so that every scan of a stream reads only the rows
 * of the batch that will be in progress when the plan runs.  rows: about how
 * many rows a batch will bring.  Locks must be held as for planner().
 */
extern PlannedStmt *stream_scan_plan(Query *query, double rows);

/*
 * Says which batch the delta scans that run from now on read: the position
 * between stream_position_begin and stream_position_finish.  NULL: none, then a
 * delta scan finds no rows.
 */
extern void stream_scan_set_position(StreamPosition *pos);

#endif
