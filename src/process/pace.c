/*-------------------------------------------------------------------------
 *
 * pace.c
 *	  How long a worker that is always busy waits before its next turn.
 *
 * A batch costs something however few rows it has.  As long as there is time enough,
 * a batch for each commit is right: results are there at once.  With many commits that
 * takes a core, of which the writers could make better use, and one batch for many
 * of them costs little more than one for each.
 *
 * The measure is the load: the part of the time that batches would take if there
 * was one for each commit (commits a second, times how long a batch takes), as a mean over
 * about SMOOTH_US.  Up to LOW_LOAD there is no pause, from HIGH_LOAD on the turn and the
 * pause after it take streaming.target_latency together, and in between in
 * proportion.  How many commits come does not depend on the pause, and a
 * batch of many takes hardly longer, so this does not swing.
 *
 * A turn is a round of all views that are due.  A row that a view has just missed waits for
 * the rest of the turn, for the pause, and for the view's place in the next turn.  Where
 * a turn has more transactions than one, each of them has commits to take that have come during
 * the others, so a pause saves less, and the turn takes longer: there, a pause and what TURNS
 * turns take of the processor are no longer than streaming.target_latency.  It is the
 * processor's time, for on a machine that is busy most of a turn may be waiting for that, and
 * pauses are what leaves it to others.  Where views are behind there is no pause.
 *
 * The worker sleeps through its pause whatever comes, for to be woken by each commit
 * is half of what is to be saved.  And as it has time, it lets others run in the middle of
 * its next batch (courtesy.c), if a round is one transaction: in one of several, who writes
 * would be followed later by all but the first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "base/debug.h"
#include "process/pace.h"

#define SMOOTH_US 50000.0
#define LOW_LOAD 0.5
#define HIGH_LOAD 1.5
#define TURNS 6
#define SMOOTH_TURNS 16

int			stream_target_latency = 10;

static double load = 0;			/* as of the last turn */
static double noted = 0;		/* microseconds, of batches since then */
static int	batches = 0;			/* transactions with batches, since then */
static double batches_a_turn = 1;	/* as a mean over about SMOOTH_TURNS */
static TimestampTz last_turn = 0;	/* when it began */
static clock_t used = 0;		/* of the processor, at its end */
static bool at_leisure = false; /* it was one transaction, and a pause follows */

void
stream_pace_note_batch(int64 us, uint64 commits)
{
	noted += (double) us * (double) commits;
	batches++;
}

/* How many turns the pause and they may take together: more, the more transactions a turn has. */
static double
turns_to_allow_for(void)
{
	batches_a_turn += (Max(batches, 1) - batches_a_turn) / SMOOTH_TURNS;
	batches = 0;
	if (STREAM_MUTATION("pace_many"))
		return TURNS;
	return 1 + (TURNS - 1) * Min(batches_a_turn - 1, 1);
}

int64
stream_pace_pause(TimestampTz begun, TimestampTz now, bool behind)
{
	double		passed = Max(begun - last_turn, 1);
	double		target = stream_target_latency * 1000.0;
	clock_t		before = used;
	double		turns = turns_to_allow_for();
	double		turn_us;
	double		share;
	double		pause;

	used = clock();
	turn_us = (double) (used - before) * USECS_PER_SEC / CLOCKS_PER_SEC;
	load += Min(passed / SMOOTH_US, 1.0) * (noted / passed - load);
	noted = 0;
	last_turn = begun;

	share = (load - LOW_LOAD) / (HIGH_LOAD - LOW_LOAD);
	pause = behind ? 0 : Min(Min(Max(share, 0.0), 1.0) * target - (now - begun),
							 target - turns * turn_us);
	at_leisure = pause > 0 && batches_a_turn < 1.5;
	return (int64) pause;
}

int64
stream_pace_courtesy(void)
{
	return at_leisure && !STREAM_MUTATION("pace_rude") ?
		stream_target_latency * INT64CONST(1000) : 0;
}
