/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The last batches of each view, in shared memory.
 *
 * Each view has a ring of figures, which is made when it has its first batch and goes with
 * its entry.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/area.h"
#include "process/history.h"

/* The ring of the view, or NULL; made if need be and if that is possible. */
static StreamFigures *
ring_of(StreamViewEntry *view, bool make)
{
	if (!DsaPointerIsValid(view->history) && make)
		view->history = dsa_allocate_extended(stream_area_memory,
											  sizeof(StreamFigures) *
											  STREAM_HISTORY_LENGTH,
											  DSA_ALLOC_NO_OOM);
	return DsaPointerIsValid(view->history) ?
		dsa_get_address(stream_area_memory, view->history) : NULL;
}

void
stream_history_note(Oid viewid, const StreamFigures *figures)
{
	StreamViewEntry *view;
	StreamFigures *ring;

	stream_area_lock_views(LW_EXCLUSIVE);
	view = stream_area_find_view(viewid);
	ring = view ? ring_of(view, true) : NULL;
	if (ring)
		ring[view->noted++ % STREAM_HISTORY_LENGTH] = *figures;
	LWLockRelease(stream_area->lock);
}

int
stream_history_read(Oid viewid, StreamFigures **batches,
					StreamRunning *running)
{
	StreamViewEntry *view;
	StreamFigures *ring;
	int			n = 0;

	*batches = palloc(sizeof(StreamFigures) * STREAM_HISTORY_LENGTH);
	memset(running, 0, sizeof(*running));
	stream_area_lock_views(LW_SHARED);
	view = stream_area_find_view(viewid);
	ring = view ? ring_of(view, false) : NULL;
	if (ring)
	{
		n = Min(view->noted, STREAM_HISTORY_LENGTH);
		for (int i = 0; i < n; i++)
			(*batches)[i] = ring[(view->noted - n + i) %
								 STREAM_HISTORY_LENGTH];
	}
	if (view && view->running)
	{
		int			slot = stream_area_view_worker(view);

		if (slot >= 0)
		{
			running->pid = stream_area->workers[slot].pid;
			running->begun = view->begun_at;
			running->phase = stream_area->workers[slot].phase;
		}
	}
	LWLockRelease(stream_area->lock);
	return n;
}
