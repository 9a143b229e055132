/*-------------------------------------------------------------------------
 *
 * lanes.h
 *	  Which worker gets which view: the regular lane and the slow lane.
 *
 * For the scheduler, which calls these in the order in which they stand here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_LANES_H
#define STREAMING_LANES_H

#include "nodes/pg_list.h"

#include "process/roster.h"

typedef struct StreamLanes StreamLanes;

/*
 * What shared memory says of the workers and of the views to run (a sorted
 * list of OIDs, with that of their owners), palloc'd.  Views that it does not
 * know yet are in it too.
 */
extern StreamLanes *stream_lanes_look(List *enabled, List *owners);

/* How many views are slow. */
extern int	stream_lanes_slow_views(StreamLanes *lanes);

/*
 * The next worker that is too many, or NULL.  The caller is to end it; it gets
 * no view any more.  If it is in a batch, that is of a slow view.
 */
extern const StreamWorkerStatus *stream_lanes_surplus(StreamLanes *lanes);

/* How many workers are missing. */
extern int	stream_lanes_missing(StreamLanes *lanes);

/*
 * If the server has no room for those that are missing: a worker of the slow
 * lane to end, so that the regular one gets at least one; or NULL.
 */
extern const StreamWorkerStatus *stream_lanes_make_room(StreamLanes *lanes);

/* One of several, that we can do without best: the database is to have one only. */
extern const StreamWorkerStatus *stream_lanes_least(StreamLanes *lanes);

/* How many there are. */
extern int	stream_lanes_workers(StreamLanes *lanes);

/* One of them has been started. */
extern void stream_lanes_add(StreamLanes *lanes, int slot, uint32 generation);

/* Gives each view to the worker that it belongs to.  Errors: 53200. */
extern void stream_lanes_assign(StreamLanes *lanes);

/*
 * If the slow lane is full and an owner has no part in it: a worker whose batch
 * is to be cut short for him, or NULL.  *left_out: the view that he has waiting, or
 * InvalidOid; if no batch is to be cut now, ask again soon.
 */
extern const StreamWorkerStatus *stream_lanes_share(StreamLanes *lanes,
													Oid *left_out);

#endif
