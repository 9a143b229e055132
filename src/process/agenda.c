/*-------------------------------------------------------------------------
 *
 * agenda.c
 *	  What a worker has to do: its views, what each reads, when each is due.
 *
 * A view is due when there is reason to think that a batch would find
 * something:
 *
 *	- a sequence number of its streams has moved (a commit has woken us);
 *	- the last batch has left rows;
 *	- somebody waits for it (REFRESH), which beats all that follows;
 *	- it is new here, or views of the database have changed;
 *	- its interval is over, if it has one;
 *	- the time to try again after a failure has come;
 *	- it has not been looked at for a while: a safety net.
 *
 * Views have their turns in an order in which their owners take turns, see
 * worker.c.  It comes from shared memory, which knows who had his last turn
 * when: so a batch that ends its worker was a turn too.
 *
 * No wake-up is lost: the sequence numbers are read before the batch takes its
 * snapshot, and a stream that the batch turned out to read and that we had not
 * listened to so far makes the view due once more.
 *
 * Which views have their batches in one transaction (bundle.c) is decided here, too: those
 * of one owner that are due over the same leaves, whose batches take little time, all of
 * them together, and of which nothing is known to be out of the ordinary.  One that was
 * left out, or at whose turn they have failed, has its next batches alone.
 *
 * All that a quiet turn costs is reading some counters in shared memory; a
 * view is marked to be reloaded from the catalog only when the database's
 * version has moved.
 *
 * Views for which nothing has happened for a while are asleep: turns do not go over them.
 * They wake up when one of their streams moves, of which there is one list for all, at the
 * time when the first of them is due, and with news.  So a thousand idle views
 * cost a worker that is busy with others nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "flow/batch.h"
#include "flow/successor.h"
#include "process/roster.h"
#include "process/agenda.h"

#define POLL_US (5 * USECS_PER_SEC) /* the safety net: 5 s, or longer ... */
#define POLLS_PER_SEC 4			/* ... with more than 20 views */

#define ASLEEP_MS 1000			/* without a batch, until a view sleeps */

/* Views that have their batches together: */
#define MAX_LOOKED_AT 256		/* so many views are asked */
#define BUNDLE_US 5000			/* so long they may take, all of them ... */
#define MEMBER_US 2000			/* ... and each; about, from what is known */
#define ALONE_AT_FIRST 3		/* so many batches show how long one takes */
#define ALONE_SPOILT 8			/* doubles each time that it has failed */
#define MAX_SPOILT 8

static MemoryContext agenda_context;
static List *my_views = NIL;
static List *awake = NIL;		/* those of them that are not asleep, as turns take them */
static StreamWorkerNews news;

/* A leaf that views read which are asleep, and how far it had come then. */
typedef struct Watched
{
	StreamSource *source;		/* hash key */
	uint64		seen;
} Watched;

static HTAB *watched = NULL;
static TimestampTz asleep_until = DT_NOEND; /* when the first is due */
static TimestampTz turn_at = 0; /* when the turn began that is on */

static void come_first(List *woken);
static void wake_all(void);

void
stream_agenda_init(MemoryContext context)
{
	agenda_context = context;
}

List *
stream_agenda_views(void)
{
	return my_views;
}

int
stream_agenda_asleep(void)
{
	return list_length(my_views) - list_length(awake);
}

/* ------------------------------------------------------------- the views */

static StreamAgendaView *
find_view(Oid viewid)
{
	ListCell   *lc;

	foreach(lc, my_views)
	{
		StreamAgendaView *view = lfirst(lc);

		if (view->viewid == viewid)
			return view;
	}
	return NULL;
}

static StreamAgendaView *
add_view(Oid viewid)
{
	MemoryContext context = AllocSetContextCreate(agenda_context,
												  "continuous view",
												  ALLOCSET_SMALL_SIZES);
	StreamAgendaView *view;

	view = MemoryContextAllocZero(context, sizeof(StreamAgendaView));
	view->viewid = viewid;
	view->context = context;
	view->name = "?";
	view->reload = true;
	view->due = true;
	view->alone = ALONE_AT_FIRST;
	my_views = lappend(my_views, view);
	awake = lappend(awake, view);
	return view;
}

/* Is the view to be woken by commits into its leaves? */
static bool
wants_waking(StreamAgendaView *view)
{
	return view->row->options.trigger == STREAM_TRIGGER_COMMIT;
}

/* Lets commits into the leaves wake us, or not. */
static void
listen_to_leaves(StreamAgendaView *view, bool listen)
{
	for (int i = 0; i < view->num_leaves; i++)
	{
		StreamAgendaLeaf *leaf = &view->leaves[i];

		if (listen && !leaf->listening)
			stream_roster_subscribe(leaf->source);
		else if (!listen && leaf->listening)
			stream_roster_unsubscribe(leaf->source);
		leaf->listening = listen;
	}
}

/* Forgets the view's leaves. */
static void
drop_leaves(StreamAgendaView *view)
{
	listen_to_leaves(view, false);
	if (view->leaves != NULL)
		pfree(view->leaves);
	view->leaves = NULL;
	view->num_leaves = 0;
}

static bool
same_leaves(StreamAgendaView *view, List *leaves)
{
	if (list_length(leaves) != view->num_leaves)
		return false;
	for (int i = 0; i < view->num_leaves; i++)
		if (view->leaves[i].relid != list_nth_oid(leaves, i))
			return false;
	return true;
}

/*
 * Takes over the leaves that the batch has read.  Commits into those that are
 * new to us may have come after the batch and before we listened.
 */
static void
take_leaves(StreamAgendaView *view, List *leaves)
{
	ListCell   *lc;

	if (view->row->options.trigger == STREAM_TRIGGER_MANUAL)
		leaves = NIL;			/* it does not care */
	if (same_leaves(view, leaves))
		return;

	drop_leaves(view);
	view->leaves = MemoryContextAllocZero(view->context,
										  Max(list_length(leaves), 1) *
										  sizeof(StreamAgendaLeaf));
	foreach(lc, leaves)
	{
		StreamAgendaLeaf *leaf = &view->leaves[view->num_leaves++];

		leaf->relid = lfirst_oid(lc);
		leaf->source = stream_roster_source(leaf->relid);
	}
	listen_to_leaves(view, wants_waking(view));
	for (int i = 0; i < view->num_leaves; i++)
		view->leaves[i].seen = stream_roster_sequence(view->leaves[i].source);
	view->due = true;
}

static List *
make_last(List *views, StreamAgendaView *view)
{
	if (llast(views) == view)
		return views;
	return lappend(list_delete_ptr(views, view), view);
}

void
stream_agenda_had_turn(StreamAgendaView *view)
{
	view->had_turn = true;
	view->turn_at = turn_at;
	my_views = make_last(my_views, view);
	awake = make_last(awake, view);
}

void
stream_agenda_forget_batches(StreamAgendaView *view)
{
	ListCell   *lc;

	view->alone = Max(view->alone, ALONE_AT_FIRST);

	foreach(lc, view->batched)
		stream_batch_forget(lfirst_oid(lc));
	stream_batch_forget(view->viewid);
}

void
stream_agenda_drop(StreamAgendaView *view)
{
	my_views = list_delete_ptr(my_views, view);
	awake = list_delete_ptr(awake, view);
	drop_leaves(view);
	stream_agenda_forget_batches(view);
	MemoryContextDelete(view->context);
}

/* A view's place in the order of turns. */
typedef struct Turn
{
	const StreamViewAssignment *view;
	int			round;			/* so many of the owner's come before */
	TimestampTz latest;			/* when a view of the owner had the last one */
} Turn;

static int
compare_owners(const void *a, const void *b)
{
	const StreamViewAssignment *x = a;
	const StreamViewAssignment *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->begun_at < y->begun_at ? -1 : x->begun_at > y->begun_at;
}

static int
compare_turns(const void *a, const void *b)
{
	const Turn *x = a;
	const Turn *y = b;

	if (x->round != y->round)
		return x->round - y->round;
	return x->latest < y->latest ? -1 : x->latest > y->latest;
}

/*
 * The OIDs of the views assigned to this worker, in the order in which they
 * are to have their turns: owners take turns, the one first whose views have
 * all waited longest, and so do the views of each.
 */
static List *
assigned_views(void)
{
	StreamViewAssignment *list;
	int			n = stream_roster_list_views(&list);
	Size		size = (n + 1) * sizeof(Turn);
	Turn	   *turns = palloc_extended(size, MCXT_ALLOC_HUGE);
	int			num_turns = 0;
	List	   *result = NIL;
	int			next;

	qsort(list, n, sizeof(StreamViewAssignment), compare_owners);
	for (int first = 0; first < n; first = next)
	{
		int			round = 0;

		for (next = first; next < n && list[next].owner == list[first].owner;)
			next++;
		for (int i = first; i < next; i++)
			if (list[i].slot == stream_roster_my_slot())
			{
				turns[num_turns].view = &list[i];
				turns[num_turns].round = round++;
				turns[num_turns].latest = list[next - 1].begun_at;
				num_turns++;
			}
	}
	qsort(turns, num_turns, sizeof(Turn), compare_turns);
	for (int i = 0; i < num_turns; i++)
		result = lappend_oid(result, turns[i].view->viewid);
	pfree(turns);
	pfree(list);
	return result;
}

/* Compares the list of views with shared memory, and puts it in order. */
static void
take_assignments(void)
{
	List	   *assigned = assigned_views();
	List	   *before = list_copy(my_views);
	List	   *in_order = NIL;
	ListCell   *lc;

	foreach(lc, before)
		((StreamAgendaView *) lfirst(lc))->assigned = false;
	foreach(lc, assigned)
	{
		StreamAgendaView *view = find_view(lfirst_oid(lc));

		if (view == NULL)
			view = add_view(lfirst_oid(lc));
		view->assigned = true;
		in_order = lappend(in_order, view);
	}
	foreach(lc, before)
	{
		if (!((StreamAgendaView *) lfirst(lc))->assigned)
			stream_agenda_drop(lfirst(lc));
	}
	list_free(before);
	list_free(assigned);
	list_free(my_views);
	my_views = in_order;
	wake_all();
}

/* Which of the views does somebody wait for? */
static void
take_requests(void)
{
	List	   *woken = NIL;
	ListCell   *lc;

	foreach(lc, my_views)
	{
		StreamAgendaView *view = lfirst(lc);
		uint64		requested;
		uint64		answered;

		view->asked = stream_roster_view_requests(view->viewid, &requested,
												  &answered) &&
			requested > answered;
		if (view->asked && view->asleep)
			woken = lappend(woken, view);
	}
	come_first(woken);
}

void
stream_agenda_take_news(void)
{
	StreamWorkerNews last = news;
	ListCell   *lc;

	/* the counters first, then what they stand for */
	stream_roster_worker_news(&news);
	if (news.assigned != last.assigned)
		take_assignments();
	if (news.version != last.version || news.wakes != last.wakes)
	{
		foreach(lc, my_views)
		{
			StreamAgendaView *view = lfirst(lc);

			if (news.version != last.version)
				view->reload = true;
			view->due = true;
		}
		wake_all();
	}
	if (news.requested != last.requested || news.assigned != last.assigned)
		take_requests();
}

/* ------------------------------------------------------- what is due when */

static bool
has_moved(StreamAgendaView *view)
{
	for (int i = 0; i < view->num_leaves; i++)
	{
		StreamAgendaLeaf *leaf = &view->leaves[i];

		if (leaf->seen != stream_roster_sequence(leaf->source))
			return true;
	}
	return false;
}

bool
stream_agenda_is_due(StreamAgendaView *view, TimestampTz now)
{
	if (view->asked)
		return true;
	if (view->failed)
		return false;
	switch (view->row->options.trigger)
	{
		case STREAM_TRIGGER_MANUAL:
			return false;
		case STREAM_TRIGGER_INTERVAL:
			if (view->retry_at != 0)
				return now >= view->retry_at;
			if (view->more)
				return true;
			if (now < view->tick_at)
				return false;
			view->tick_at = now + view->row->options.trigger_us;
			return view->due || has_moved(view) || now >= view->poll_at;
		case STREAM_TRIGGER_COMMIT:
			if (view->retry_at != 0)
				return now >= view->retry_at;
			return view->due || view->more || has_moved(view) ||
				now >= view->poll_at;
	}
	return false;
}

TimestampTz
stream_agenda_due_at(StreamAgendaView *view)
{
	if (view->reload)
		return view->reload_at;
	if (view->paused || view->failed ||
		view->row->options.trigger == STREAM_TRIGGER_MANUAL)
		return DT_NOEND;
	if (view->retry_at != 0)
		return view->retry_at;
	if (view->row->options.trigger == STREAM_TRIGGER_INTERVAL)
		return view->tick_at;
	return view->poll_at;
}

/* When is there something to do for the view, be it no batch? */
static TimestampTz
look_at(StreamAgendaView *view)
{
	TimestampTz due_at = stream_agenda_due_at(view);

	return view->reload || STREAM_MUTATION("trim_with_batch") ? due_at :
		Min(due_at, view->trim_at);
}

/* After so long without a batch a view falls asleep. */
static int64
asleep_us(void)
{
	return stream_debug_limit("asleep", ASLEEP_MS) * INT64CONST(1000);
}

TimestampTz
stream_agenda_next_due(void)
{
	TimestampTz at = DT_NOEND;
	int64		asleep = asleep_us();
	ListCell   *lc;

	foreach(lc, awake)
	{
		StreamAgendaView *view = lfirst(lc);
		TimestampTz due_at = look_at(view);
		TimestampTz tired_at = view->turn_at + asleep;

		/* once: a turn in which it is put to sleep */
		if (tired_at > turn_at && due_at >= tired_at + asleep)
			at = Min(at, tired_at);
		at = Min(at, due_at);
	}
	return Min(at, asleep_until);
}

/* ------------------------------------------------------ who is asleep */

/* Is the view one that commits into its leaves make due? */
static bool
follows_commits(const StreamAgendaView *view)
{
	return view->row->options.trigger == STREAM_TRIGGER_COMMIT &&
		!view->paused && !view->failed && view->retry_at == 0;
}

/*
 * Watches the leaves of a view that is to sleep.  All that sleep over a leaf have come as
 * far, so that they wake up together; false if others have not come as far as this one.
 */
static bool
watch_leaves(const StreamAgendaView *view)
{
	if (watched == NULL)
	{
		HASHCTL		ctl = {
			.keysize = sizeof(StreamSource *),
			.entrysize = sizeof(Watched),
			.hcxt = agenda_context
		};

		watched = hash_create("leaves of sleeping views", 64, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	for (int i = 0; i < view->num_leaves; i++)
	{
		const StreamAgendaLeaf *leaf = &view->leaves[i];
		bool		found;
		Watched    *known = hash_search(watched, &leaf->source, HASH_ENTER,
										&found);

		if (!found)
			known->seen = leaf->seen;
		else if (known->seen != leaf->seen)
			return false;
	}
	return true;
}

/* Those who have just woken up have waited longest. */
static void
come_first(List *woken)
{
	ListCell   *lc;

	foreach(lc, woken)
		((StreamAgendaView *) lfirst(lc))->asleep = false;
	woken = list_concat(woken, awake);
	list_free(awake);
	awake = woken;
}

static void
wake_all(void)
{
	ListCell   *lc;

	if (watched)
		hash_destroy(watched);
	watched = NULL;
	asleep_until = DT_NOEND;
	list_free(awake);
	awake = list_copy(my_views);
	foreach(lc, awake)
		((StreamAgendaView *) lfirst(lc))->asleep = false;
}

void
stream_agenda_wake(void)
{
	wake_all();
}

/* Is there something to do for one that is asleep?  Leaves that have moved are let go. */
static bool
must_wake(TimestampTz now)
{
	bool		must = now >= asleep_until;
	HASH_SEQ_STATUS seq;
	Watched    *leaf;

	if (watched == NULL || STREAM_MUTATION("agenda_overslept"))
		return must;
	hash_seq_init(&seq, watched);
	while ((leaf = hash_seq_search(&seq)) != NULL)
		if (leaf->seen != stream_roster_sequence(leaf->source))
		{
			must = true;
			hash_search(watched, &leaf->source, HASH_REMOVE, NULL);
		}
	return must;
}

/* Wakes those for which there is. */
static void
wake_due(TimestampTz now)
{
	List	   *woken = NIL;
	ListCell   *lc;

	asleep_until = DT_NOEND;
	foreach(lc, my_views)
	{
		StreamAgendaView *view = lfirst(lc);
		TimestampTz due_at;

		if (!view->asleep)
			continue;
		due_at = look_at(view);
		if (now >= due_at || (follows_commits(view) && has_moved(view)))
		{
			view->turn_at = now;
			woken = lappend(woken, view);
		}
		else
			asleep_until = Min(asleep_until, due_at);
	}
	come_first(woken);
}

/* Has nothing happened to the view for a while, and is nothing about to? */
static bool
may_sleep(StreamAgendaView *view, TimestampTz now)
{
	int64		asleep = asleep_us();

	if (view->row == NULL || view->reload || view->asked ||
		now < view->turn_at + asleep || look_at(view) < now + asleep)
		return false;
	/* of these it is only the time that counts, and of others with an interval */
	if (view->paused || view->failed || view->retry_at != 0)
		return true;
	return !view->more &&
		!(follows_commits(view) && (view->due || has_moved(view)));
}

static void
put_to_sleep(TimestampTz now)
{
	ListCell   *lc;
	ListCell   *lv;

	foreach(lc, awake)
	{
		StreamAgendaView *view = lfirst(lc);

		if (!may_sleep(view, now) ||
			(follows_commits(view) && !watch_leaves(view)))
			continue;
		view->asleep = true;
		foreach(lv, view->batched)
			stream_batch_rest(lfirst_oid(lv));
		asleep_until = Min(asleep_until, look_at(view));
		awake = foreach_delete_current(awake, lc);
	}
}

List *
stream_agenda_begin_turn(TimestampTz now)
{
	ListCell   *lc;

	turn_at = now;
	if (must_wake(now))
		wake_due(now);
	put_to_sleep(now);
	foreach(lc, awake)
		((StreamAgendaView *) lfirst(lc))->had_turn = false;
	return list_copy(awake);
}

bool
stream_agenda_is_paused(StreamAgendaView *view)
{
	bool		paused = !stream_enabled || !view->row->options.enabled;

	if (paused != view->paused || (paused && view->asked))
	{
		stream_roster_view_paused(view->viewid, paused);
		view->asked &= !paused;
		view->due |= !paused;
	}
	view->paused = paused;
	return paused;
}

void
stream_agenda_view_changed(StreamAgendaView *view)
{
	view->tick_at = 0;
	view->due = true;
	listen_to_leaves(view, wants_waking(view));
	view->retain_at = 0;
	view->streams_at = 0;
	view->alone = ALONE_AT_FIRST;
	view->spoilt = 0;
}

void
stream_agenda_before_batch(StreamAgendaView *view)
{
	for (int i = 0; i < view->num_leaves; i++)
	{
		StreamAgendaLeaf *leaf = &view->leaves[i];

		leaf->before = stream_roster_sequence(leaf->source);
	}
}

uint64
stream_agenda_commits(StreamAgendaView *view)
{
	uint64		commits = 0;

	for (int i = 0; i < view->num_leaves; i++)
		commits += view->leaves[i].before - view->leaves[i].seen;
	return commits;
}

/*
 * After what time to look at a view for which nothing has happened.  Many idle
 * views together should not cost much either.
 */
static int64
poll_interval(void)
{
	if (STREAM_MUTATION("agenda_no_polls"))
		return USECS_PER_HOUR;	/* what is to wake views has to do without */
	return Max(POLL_US,
			   list_length(my_views) * (USECS_PER_SEC / POLLS_PER_SEC));
}

/* Takes over who has had the batch; what others have left behind is of no more use. */
static void
take_batched(StreamAgendaView *view, List *batched)
{
	MemoryContext caller = MemoryContextSwitchTo(view->context);
	ListCell   *lc;

	foreach(lc, view->batched)
		if (!list_member_oid(batched, lfirst_oid(lc)))
			stream_batch_forget(lfirst_oid(lc));
	list_free(view->batched);
	view->batched = list_copy(batched);
	MemoryContextSwitchTo(caller);
}

void
stream_agenda_after_batch(StreamAgendaView *view, List *batched,
						  List *leaves, bool more)
{
	ListCell   *lc;

	for (int i = 0; i < view->num_leaves; i++)
		view->leaves[i].seen = view->leaves[i].before;
	view->more = more;
	view->due = false;
	view->poll_at = stream_debug_now() + poll_interval();
	take_batched(view, batched);
	foreach(lc, view->batched)
	{
		TimestampTz wake_at = stream_batch_wake_at(lfirst_oid(lc));

		view->poll_at = Min(view->poll_at, wake_at);
	}
	take_leaves(view, leaves);
	if (!more)
		view->asked = false;
}

/* ---------------------------------------------------- batches in bundles */

/* Is there something to do beside a batch?  See worker.c. */
static bool
has_chores(const StreamAgendaView *view, TimestampTz now)
{
	const StreamOptions *options = &view->row->options;

	return now >= view->streams_at ||
		(options->retention_us >= 0 && now >= view->retain_at) ||
		now >= view->trim_at;
}

/*
 * May the view have a batch together with others?  It must have nothing to do but that,
 * and nothing must have gone wrong lately.
 */
static bool
may_share(const StreamAgendaView *view, TimestampTz now)
{
	const StreamOptions *options = &view->row->options;

	return view->alone == 0 && !view->backlog && view->mean_us < MEMBER_US &&
		!view->failed && view->retry_at == 0 && view->blocked_since == 0 &&
		!view->recorded && !view->bisection.active && !view->bisection.aside &&
		options->trigger == STREAM_TRIGGER_COMMIT && options->group == NULL &&
		!stream_successor_is(view->row) && !has_chores(view, now) && stream_batch_is_simple(view->viewid);
}

/* Does another view read the same? */
static bool
reads_the_same(const StreamAgendaView *view, const StreamAgendaView *other)
{
	if (view->num_leaves != other->num_leaves)
		return false;
	for (int i = 0; i < view->num_leaves; i++)
		if (view->leaves[i].relid != other->leaves[i].relid)
			return false;
	return true;
}

List *
stream_agenda_bundle(StreamAgendaView *view, TimestampTz now)
{
	List	   *bundle;
	int64		us = view->mean_us;
	int			looked_at = 0;
	ListCell   *lc;

	if (view->num_leaves == 0 || !may_share(view, now))
		return NIL;
	bundle = list_make1(view);
	foreach(lc, awake)
	{
		StreamAgendaView *other = lfirst(lc);

		if (++looked_at > MAX_LOOKED_AT || list_length(bundle) == STREAM_MAX_BUNDLE)
			break;
		if (other == view || other->had_turn || other->reload ||
			other->owner != view->owner || !reads_the_same(view, other) ||
			us + other->mean_us > BUNDLE_US || !may_share(other, now) ||
			stream_agenda_is_paused(other) || !stream_agenda_is_due(other, now))
			continue;
		us += other->mean_us;
		bundle = lappend(bundle, other);
	}
	if (list_length(bundle) > 1)
		return bundle;
	list_free(bundle);
	return NIL;
}

void
stream_agenda_note_batch(StreamAgendaView *view, bool alone, int64 us)
{
	/*
	 * Where the processor is scarce, all takes longer at times.  So what takes less is
	 * believed at once, and what takes longer when it goes on.
	 */
	if (view->mean_us == 0)
		view->mean_us = us;
	else if (us <= view->mean_us)
		view->mean_us = (view->mean_us + us) / 2;
	else
		view->mean_us += Min(us - view->mean_us, view->mean_us) / 4 + 1;
	if (alone && view->alone > 0)
		view->alone--;
}

void
stream_agenda_note_spoilt(StreamAgendaView *view)
{
	view->alone = ALONE_SPOILT << view->spoilt;
	view->spoilt = Min(view->spoilt + 1, MAX_SPOILT);
}

void
stream_agenda_wants_alone(StreamAgendaView *view)
{
	view->due = true;
	view->alone = Max(view->alone, 1);
}
