/*-------------------------------------------------------------------------
 *
 * figures.c
 *	  What a batch has done, and how long each part of it took.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/instrument.h"
#include "utils/timestamp.h"

#include "base/figures.h"

volatile int *stream_figures_shown = NULL;

const char *
stream_figures_phase_name(StreamPhase phase)
{
	static const char *const names[] = {
		[STREAM_PHASE_NONE] = "none",
		[STREAM_PHASE_LOCK] = "lock",
		[STREAM_PHASE_PLAN] = "plan",
		[STREAM_PHASE_MEASURE] = "measure",
		[STREAM_PHASE_READ] = "read",
		[STREAM_PHASE_MERGE] = "merge",
		[STREAM_PHASE_REAP] = "reap",
		[STREAM_PHASE_TRIGGERS] = "triggers",
		[STREAM_PHASE_COMMIT] = "commit",
	};

	return names[phase];
}

int64
stream_figures_total(const StreamFigures *figures)
{
	int64		us = 0;

	for (int i = 0; i < STREAM_NUM_PHASES; i++)
		us += figures->us[i];
	return us;
}

void
stream_figures_begin(StreamMeter *meter)
{
	memset(meter, 0, sizeof(*meter));
	meter->figures.begun = GetCurrentTimestamp();
}

void
stream_figures_enter(StreamMeter *meter, StreamPhase phase)
{
	StreamFigures *figures = &meter->figures;
	instr_time	now;
	instr_time	took;

	INSTR_TIME_SET_CURRENT(now);
	if (meter->phase != STREAM_PHASE_NONE)
	{
		took = now;
		INSTR_TIME_SUBTRACT(took, meter->since);
		figures->us[meter->phase] += INSTR_TIME_GET_MICROSEC(took);
		figures->wal_bytes += pgWalUsage.wal_bytes - meter->wal_bytes;
	}
	meter->phase = phase;
	meter->since = now;
	meter->wal_bytes = pgWalUsage.wal_bytes;
	if (stream_figures_shown)
		*stream_figures_shown = phase;
}
