/*-------------------------------------------------------------------------
 *
 * courtesy.c
 *	  Leaving the processor to others in the middle of a batch.
 *
 * A worker that has slept through a pause is run at once by the kernel, and then as long as
 * its batch takes.  On a machine without idle cores whoever was running there waits for the
 * whole of it, a millisecond or more, which for transactions of a tenth of that is the
 * slowest of a hundred.  So a worker that has time, for it has had a pause, lets them run in between.
 * One that has none keeps to what is its share.
 *
 * Where many want the processor, each time takes as long as they all run, which may be a
 * thousand times of what it has worked in between.  So what they take is counted, too: else
 * anybody with some busy sessions could keep all views waiting.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sched.h>

#include "portability/instr_time.h"

#include "base/courtesy.h"
#include "base/debug.h"

/* How long it keeps the processor: some transactions. */
#define SLICE_US 100

int			stream_courtesy_rows = 0;	/* until the clock is looked at; 0: never */

static instr_time last;			/* when others could run */
static int64 left = 0;			/* microseconds, from then */

void
stream_courtesy_begin(int64 us)
{
	left = us;
	stream_courtesy_rows = us > 0 ? STREAM_COURTESY_ROWS : 0;
	if (us > 0)
		INSTR_TIME_SET_CURRENT(last);
}

static int64
passed(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, last);
	return INSTR_TIME_GET_MICROSEC(now);
}

void
stream_courtesy_look(void)
{
	int64		us = passed();

	stream_courtesy_rows = STREAM_COURTESY_ROWS;
	if (us < SLICE_US)
		return;
	sched_yield();
	STREAM_DEBUG_POINT("gives-way");
	left -= STREAM_MUTATION("pace_generous") ? us : passed();
	INSTR_TIME_SET_CURRENT(last);
	if (left <= 0)
		stream_courtesy_rows = 0;
}
