/*-------------------------------------------------------------------------
 *
 * lanes.c
 *	  Which worker gets which view: the regular lane and the slow lane.
 *
 * A view goes to the worker with the fewest views and stays there, for its
 * state is in that worker's cache, unless a worker has nothing to do while
 * others have several.
 *
 * But a worker runs one batch at a time, and nobody knows how long a batch
 * will take: a query may do much, or sleep.  So that no view waits for another
 * user's for long, there are two lanes.  A view is slow from when a batch of
 * it was seen to take long (STREAM_LONG_BATCH_US) until one has ended well in
 * less than half of that, so that it does not change lanes all the time.  A
 * worker that has a slow view is in the slow lane, the others are in the
 * regular one.  Each lane has as many workers as streaming.workers says, but
 * not more than it has views.  Views of the regular lane leave a worker as
 * soon as one of its views turns out to be slow; the slow one stays where it
 * is, and its worker changes the lane with it.
 *
 * If the slow lane is full by then, the worker is ended: its slow view waits
 * in the slow lane for its turn, with others of its kind, and starts its batch
 * anew.  That is no failure of the view, and it does not happen to it again
 * while it is slow.  So views that are slow, in good faith or bad, hold up
 * each other, but a regular view only for as long as it takes to find out.
 *
 * Owners share the slow lane.  Where a slow view waits whose owner has no batch
 * there, and all of the lane are busy, a batch is cut short: its worker is ended,
 * the view that waits gets the next one.  That is no failure either.  The owner
 * who has most batches there gives up one; if each has one, the latest to come
 * gives way, when it has had TURN_US.  Batches that end before that make room,
 * too, though others of the same view may follow at once: the view that waits
 * goes to the first worker that ends one, wherever it has waited.  It must not happen that a batch which
 * honestly takes long begins anew for ever, so the number of cuts that a view
 * has suffered is kept, less one for each batch that ends well:
 *
 *	- with each, the view's next turn is twice as long, so that a batch is cut
 *	  a few times at most.  But only the oldest batches may go on for as long as
 *	  streaming.batch_timeout lets them, so if there are two workers or more,
 *	  whoever waits gets one within TURN_US << MAX_SHIFT;
 *	- a view that has been cut waits behind batches of its own owner, where he
 *	  has any: there nobody else cuts it, and his views take turns;
 *	- it comes last in turn, and of the batches of an owner those are cut first
 *	  that were not cut before.
 *
 * If the server has no room for so many processes, the views share those that
 * there are: badly served is better than not at all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/debug.h"
#include "base/shmem.h"
#include "process/roster.h"
#include "process/lanes.h"

/* A worker in a batch for that long may be stuck: prefer another. */
#define HELD_UP_US (100 * INT64CONST(1000))

/* How long a slow batch runs before it may be cut: one of several, or the only. */
#define HOLD_US (3 * USECS_PER_SEC)
#define TURN_US (10 * USECS_PER_SEC)
#define MAX_SHIFT 4				/* the longest turn, where there are others ... */
#define MAX_SHIFT_ALONE 12		/* ... and with one worker, whose turn it is */

typedef struct Worker
{
	StreamWorkerStatus status;
	const StreamViewAssignment *batch;	/* the slow view that it runs, or NULL */
	int			slow;			/* slow views that it has ... */
	int			regular;		/* ... and others */
	bool		held_up;
	bool		ending;
} Worker;

struct StreamLanes
{
	int			num_workers;
	Worker		workers[STREAM_MAX_WORKERS];
	Worker	   *by_slot[STREAM_MAX_WORKERS];
	int			num_views;
	StreamViewAssignment *views;	/* those to run, by OID */
	int			slow_views;
	StreamViewAssignment **waiting; /* slow ones that do not run, by need */
	int			num_waiting;
};

/* ------------------------------------------------------ what there is */

/* Adds a view that is to be run. */
static void
add_view(StreamLanes *lanes, Oid viewid, Oid owner,
		 const StreamViewAssignment *known)
{
	StreamViewAssignment *view = &lanes->views[lanes->num_views++];

	if (known != NULL)
		*view = *known;
	else
	{
		memset(view, 0, sizeof(*view));
		view->viewid = viewid;
		view->slot = -1;
	}
	if (known != NULL && known->owner != owner)
		stream_roster_assign_view(viewid, owner, known->slot, false);
	view->owner = owner;
	/* its worker may have come after we looked at the workers */
	if (view->slot >= 0 && lanes->by_slot[view->slot] == NULL)
		view->slot = -1;
	if (view->slow)
		lanes->slow_views++;
	if (view->slot < 0)
		return;
	if (view->slow)
		lanes->by_slot[view->slot]->slow++;
	else
		lanes->by_slot[view->slot]->regular++;
	if (view->slow && view->running)
		lanes->by_slot[view->slot]->batch = view;
}

static void
look_at_workers(StreamLanes *lanes)
{
	StreamWorkerStatus list[STREAM_MAX_WORKERS];
	TimestampTz now = GetCurrentTimestamp();

	lanes->num_workers = stream_roster_list_workers(list);
	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];

		worker->status = list[i];
		worker->held_up = list[i].busy_since != 0 &&
			now - list[i].busy_since > HELD_UP_US;
		worker->ending = list[i].ended;
		lanes->by_slot[list[i].slot] = worker;
	}
}

/* How many slow batches of the owner run. */
static int
held_by(StreamLanes *lanes, Oid owner)
{
	int			n = 0;

	for (int i = 0; i < lanes->num_workers; i++)
		if (lanes->workers[i].batch != NULL &&
			lanes->workers[i].batch->owner == owner)
			n++;
	return n;
}

/* The one who needs a worker more comes first. */
static int
compare_need(const void *a, const void *b, void *arg)
{
	const StreamViewAssignment *x = *(StreamViewAssignment *const *) a;
	const StreamViewAssignment *y = *(StreamViewAssignment *const *) b;
	bool		x_holds = held_by(arg, x->owner) > 0;
	bool		y_holds = held_by(arg, y->owner) > 0;

	if (x->due != y->due)
		return x->due ? -1 : 1;
	if (x_holds != y_holds)
		return x_holds ? 1 : -1;
	if (x->cuts != y->cuts)
		return x->cuts - y->cuts;
	return x->begun_at < y->begun_at ? -1 : x->begun_at > y->begun_at;
}

static void
list_waiting(StreamLanes *lanes)
{
	lanes->waiting = palloc_extended((lanes->slow_views + 1) *
									 sizeof(StreamViewAssignment *),
									 MCXT_ALLOC_HUGE);
	for (int i = 0; i < lanes->num_views; i++)
		if (lanes->views[i].slow && !lanes->views[i].running)
			lanes->waiting[lanes->num_waiting++] = &lanes->views[i];
	qsort_arg(lanes->waiting, lanes->num_waiting,
			  sizeof(StreamViewAssignment *), compare_need, lanes);
}

StreamLanes *
stream_lanes_look(List *enabled, List *owners)
{
	StreamLanes *lanes = palloc0(sizeof(StreamLanes));
	StreamViewAssignment *known;
	int			num_known;
	int			i = 0;
	ListCell   *lc;
	ListCell   *lc2;

	num_known = stream_roster_list_views(&known);
	look_at_workers(lanes);
	lanes->views = palloc_extended((list_length(enabled) + 1) *
								   sizeof(StreamViewAssignment),
								   MCXT_ALLOC_HUGE);
	forboth(lc, enabled, lc2, owners)
	{
		Oid			viewid = lfirst_oid(lc);

		while (i < num_known && known[i].viewid < viewid)
			i++;
		add_view(lanes, viewid, lfirst_oid(lc2),
				 i < num_known && known[i].viewid == viewid ?
				 &known[i] : NULL);
	}
	list_waiting(lanes);
	return lanes;
}

int
stream_lanes_slow_views(StreamLanes *lanes)
{
	return lanes->slow_views;
}

/* -------------------------------------------------- how many workers */

static int
count_workers(StreamLanes *lanes, bool slow)
{
	int			n = 0;

	for (int i = 0; i < lanes->num_workers; i++)
		if (!lanes->workers[i].ending && (lanes->workers[i].slow > 0) == slow)
			n++;
	return n;
}

static int
wanted_slow(StreamLanes *lanes)
{
	return Min(stream_workers, lanes->slow_views);
}

static int
wanted_regular(StreamLanes *lanes)
{
	return Min(stream_workers, lanes->num_views - lanes->slow_views);
}

int
stream_lanes_workers(StreamLanes *lanes)
{
	return count_workers(lanes, false) + count_workers(lanes, true);
}

int
stream_lanes_missing(StreamLanes *lanes)
{
	int			missing = wanted_slow(lanes) + wanted_regular(lanes) -
	stream_lanes_workers(lanes);

	/* one that still has to end takes the place of its successor */
	for (int i = 0; i < lanes->num_workers; i++)
		if (lanes->workers[i].status.ended)
			missing--;
	return Max(missing, 0);
}

/* Is it better to end worker a than b?  Both are in the same lane. */
static bool
is_lesser(StreamLanes *lanes, const Worker *a, const Worker *b)
{
	int			a_held = a->batch == NULL ? 0 : held_by(lanes, a->batch->owner);
	int			b_held = b->batch == NULL ? 0 : held_by(lanes, b->batch->owner);

	/* batches of who has several are for others to have a place */
	if (a_held != b_held && (a_held > 1 || b_held > 1))
		return a_held > b_held;
	if (a->slow != b->slow)
		return a->slow < b->slow;
	if (a->slow == 0)
		return a->regular < b->regular;
	/* the batch that has begun last: the others were there before */
	if ((a->status.busy_since == 0) != (b->status.busy_since == 0))
		return a->status.busy_since == 0;
	return a->status.busy_since > b->status.busy_since;
}

/* The worker of a lane to end first. */
static const StreamWorkerStatus *
end_least(StreamLanes *lanes, bool slow)
{
	Worker	   *least = NULL;

	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];

		if (!worker->ending && (worker->slow > 0) == slow &&
			(least == NULL || is_lesser(lanes, worker, least)))
			least = worker;
	}
	Assert(least != NULL);
	least->ending = true;
	return &least->status;
}

const StreamWorkerStatus *
stream_lanes_surplus(StreamLanes *lanes)
{
	if (count_workers(lanes, true) > wanted_slow(lanes))
		return end_least(lanes, true);
	if (count_workers(lanes, false) > 0 &&
		stream_lanes_workers(lanes) >
		wanted_slow(lanes) + wanted_regular(lanes))
		return end_least(lanes, false);
	return NULL;
}

const StreamWorkerStatus *
stream_lanes_make_room(StreamLanes *lanes)
{
	if (wanted_regular(lanes) > 0 && count_workers(lanes, false) == 0 &&
		count_workers(lanes, true) > 1)
		return end_least(lanes, true);
	return NULL;
}

const StreamWorkerStatus *
stream_lanes_least(StreamLanes *lanes)
{
	return end_least(lanes, count_workers(lanes, true) >=
					 count_workers(lanes, false));
}

void
stream_lanes_add(StreamLanes *lanes, int slot, uint32 generation)
{
	Worker	   *worker;

	/* one may just have ended in the slot */
	worker = lanes->by_slot[slot];
	if (worker == NULL)
		worker = &lanes->workers[lanes->num_workers++];
	memset(worker, 0, sizeof(Worker));
	worker->status.slot = slot;
	worker->status.generation = generation;
	lanes->by_slot[slot] = worker;
	for (int i = 0; i < lanes->num_views; i++)
		if (lanes->views[i].slot == slot)
			lanes->views[i].slot = -1;
}

/* ----------------------------------------------------- who gets what */

/* Where the owner's own slow batch runs, or NULL. */
static Worker *
find_own(StreamLanes *lanes, Oid owner)
{
	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];

		if (!worker->ending && worker->batch != NULL &&
			worker->batch->owner == owner)
			return worker;
	}
	return NULL;
}

/* The worker of a lane to give a view to, or NULL. */
static Worker *
pick(StreamLanes *lanes, bool slow)
{
	Worker	   *best = NULL;

	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];
		int			views = worker->slow + worker->regular;

		if (worker->ending || (worker->slow > 0) != slow)
			continue;
		if (best == NULL || worker->held_up < best->held_up ||
			(worker->held_up == best->held_up &&
			 views < best->slow + best->regular))
			best = worker;
	}
	return best;
}

/* For a slow view without a worker. */
static Worker *
pick_slow(StreamLanes *lanes, const StreamViewAssignment *view)
{
	int			slow = count_workers(lanes, true);
	int			regular = count_workers(lanes, false);
	Worker	   *own = find_own(lanes, view->owner);

	/* the lane may have another worker, if one is left for the regular views */
	if (slow < wanted_slow(lanes) && regular > 0 &&
		(regular > wanted_regular(lanes) || (slow == 0 && regular > 1)))
		return pick(lanes, false);
	if (view->cuts > 0 && own != NULL)
		return own;
	return slow > 0 ? pick(lanes, true) : pick(lanes, false);
}

static void
move(StreamLanes *lanes, StreamViewAssignment *view, Worker *to)
{
	Worker	   *from = view->slot >= 0 ? lanes->by_slot[view->slot] : NULL;
	int			slot = to != NULL ? to->status.slot : -1;

	/* also to nowhere: then it is known at least */
	stream_roster_assign_view(view->viewid, view->owner, slot, false);
	if (from != NULL)
		*(view->slow ? &from->slow : &from->regular) -= 1;
	if (to != NULL)
		*(view->slow ? &to->slow : &to->regular) += 1;
	view->slot = slot;
}

/* Views without a worker, or with one in the wrong lane. */
static void
place_views(StreamLanes *lanes)
{
	for (int i = 0; i < lanes->num_waiting; i++)
	{
		StreamViewAssignment *view = lanes->waiting[i];

		if (view->slot < 0)
			move(lanes, view, pick_slow(lanes, view));
	}

	for (int i = 0; i < lanes->num_views; i++)
	{
		StreamViewAssignment *view = &lanes->views[i];
		Worker	   *from = view->slot >= 0 ? lanes->by_slot[view->slot] : NULL;
		Worker	   *to;

		if (view->slow ||
			(from != NULL && from->slow == 0 && !from->ending))
			continue;
		to = pick(lanes, false);
		if (to == NULL && (from == NULL || from->ending))
			to = pick(lanes, true);
		if (to != NULL || from == NULL)
			move(lanes, view, to);
	}
}

/* The regular workers with the fewest and with the most views. */
static void
find_extremes(StreamLanes *lanes, Worker **least, Worker **most)
{
	*least = *most = NULL;
	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];

		if (worker->ending || worker->slow > 0)
			continue;
		if (*least == NULL || worker->regular < (*least)->regular)
			*least = worker;
		if (*most == NULL || worker->regular > (*most)->regular)
			*most = worker;
	}
}

/* If a regular worker has nothing to do, it gets its share. */
static void
rebalance(StreamLanes *lanes)
{
	Worker	   *least,
			   *most;

	find_extremes(lanes, &least, &most);
	if (least == NULL || least->regular > 0 || most->regular < 2)
		return;
	for (int i = 0; i < lanes->num_views; i++)
	{
		StreamViewAssignment *view = &lanes->views[i];

		find_extremes(lanes, &least, &most);
		if (most->regular - least->regular < 2)
			break;
		if (!view->slow && !view->running && view->slot == most->status.slot)
			move(lanes, view, least);
	}
}

/* If the slow lane may have more workers, views that wait in it get some. */
static void
spread_slow_views(StreamLanes *lanes)
{
	for (int i = 0; i < lanes->num_waiting; i++)
	{
		StreamViewAssignment *view = lanes->waiting[i];
		Worker	   *from = view->slot >= 0 ? lanes->by_slot[view->slot] : NULL;

		if (count_workers(lanes, true) >= wanted_slow(lanes) ||
			count_workers(lanes, false) <= wanted_regular(lanes))
			break;
		if (from == NULL || from->slow > 1)
			move(lanes, view, pick(lanes, false));
	}
}

/* A worker of the slow lane that none of its views keeps busy, or NULL. */
static Worker *
find_idle(StreamLanes *lanes)
{
	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];
		bool		idle = worker->slow > 0 && !worker->ending &&
			worker->status.busy_since == 0;

		for (int j = 0; idle && j < lanes->num_waiting; j++)
			idle = !lanes->waiting[j]->due ||
				lanes->waiting[j]->slot != worker->status.slot;
		if (idle)
			return worker;
	}
	return NULL;
}

/*
 * A slow view that waits behind another gets an idle worker; but not one that
 * has been cut and can wait behind its owner's own, or it would be cut again.
 */
static void
use_idle_workers(StreamLanes *lanes)
{
	for (int i = 0; i < lanes->num_waiting; i++)
	{
		StreamViewAssignment *view = lanes->waiting[i];
		Worker	   *from = view->slot >= 0 ? lanes->by_slot[view->slot] : NULL;
		Worker	   *idle;

		if (!view->due || from == NULL || !from->held_up || from->ending ||
			(view->cuts > 0 && held_by(lanes, view->owner) > 0))
			continue;
		idle = find_idle(lanes);
		if (idle == NULL)
			break;
		move(lanes, view, idle);
	}
}

/*
 * A slow view that waits behind another owner's batch, which has gone on since before
 * its own owner's batch elsewhere began, waits behind that one instead: his views take
 * turns, and the other batch may never end.
 */
static void
join_own(StreamLanes *lanes)
{
	for (int i = 0; i < lanes->num_waiting; i++)
	{
		StreamViewAssignment *view = lanes->waiting[i];
		Worker	   *from = view->slot >= 0 ? lanes->by_slot[view->slot] : NULL;
		Worker	   *own = find_own(lanes, view->owner);

		if (view->due && own != NULL && from != NULL && from->batch != NULL &&
			from->batch->owner != view->owner &&
			from->status.busy_since < own->status.busy_since &&
			!STREAM_MUTATION("own_elsewhere"))
			move(lanes, view, own);
	}
}

void
stream_lanes_assign(StreamLanes *lanes)
{
	spread_slow_views(lanes);
	place_views(lanes);
	use_idle_workers(lanes);
	join_own(lanes);
	rebalance(lanes);
}

/* ------------------------------------------------- owners take turns */

/* The slow view that has to wait though its owner has no slow batch, or NULL. */
static const StreamViewAssignment *
find_left_out(StreamLanes *lanes)
{
	for (int i = 0; i < lanes->num_waiting; i++)
	{
		StreamViewAssignment *view = lanes->waiting[i];
		Worker	   *at = view->slot >= 0 ? lanes->by_slot[view->slot] : NULL;

		if (view->due && held_by(lanes, view->owner) == 0 &&
			(at == NULL || at->held_up))
			return view;
	}
	return NULL;
}

/* Whose batch is to be cut rather than b's?  They have the same owner. */
static bool
is_cut_before(const Worker *a, const Worker *b)
{
	if (a->batch->cuts != b->batch->cuts)
		return a->batch->cuts < b->batch->cuts;
	return a->status.busy_since > b->status.busy_since;
}

/* The batch to cut of the owner who has most, or NULL if none has several. */
static Worker *
find_of_many(StreamLanes *lanes)
{
	Worker	   *result = NULL;
	int			most = 1;

	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];
		int			held;

		if (worker->batch == NULL)
			continue;
		held = held_by(lanes, worker->batch->owner);
		if (held > most ||
			(held == most && result != NULL &&
			 result->batch->owner == worker->batch->owner &&
			 is_cut_before(worker, result)))
		{
			result = worker;
			most = held;
		}
	}
	return result;
}

static Worker *
find_latest(StreamLanes *lanes)
{
	Worker	   *result = NULL;

	for (int i = 0; i < lanes->num_workers; i++)
	{
		Worker	   *worker = &lanes->workers[i];

		if (worker->batch != NULL &&
			(result == NULL ||
			 worker->status.busy_since > result->status.busy_since))
			result = worker;
	}
	return result;
}

const StreamWorkerStatus *
stream_lanes_share(StreamLanes *lanes, Oid *left_out)
{
	const StreamViewAssignment *view = find_left_out(lanes);
	int			alone = count_workers(lanes, true) < 2;
	Worker	   *worker;
	int64		turn = stream_debug_limit("hold", HOLD_US / 1000);

	*left_out = view == NULL ? InvalidOid : view->viewid;
	if (view == NULL)
		return NULL;
	/* one that ends makes room, and so does one that is idle */
	for (int i = 0; i < lanes->num_workers; i++)
		if (lanes->workers[i].ending ||
			(lanes->workers[i].slow > 0 && lanes->workers[i].batch == NULL))
			return NULL;
	worker = find_of_many(lanes);
	if (worker == NULL && (worker = find_latest(lanes)) != NULL)
		turn = stream_debug_limit("turn", TURN_US / 1000)
			<< Min(worker->batch->cuts, alone ? MAX_SHIFT_ALONE : MAX_SHIFT);
	if (worker == NULL || worker->status.busy_since == 0 ||
		GetCurrentTimestamp() - worker->status.busy_since < turn * 1000)
		return NULL;
	return &worker->status;
}
