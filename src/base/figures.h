/*-------------------------------------------------------------------------
 *
 * figures.h
 *	  What a batch has done, and how long each part of it took.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_FIGURES_H
#define STREAMING_FIGURES_H

#include "datatype/timestamp.h"
#include "portability/instr_time.h"

/* What a batch is doing. */
typedef enum StreamPhase
{
	STREAM_PHASE_NONE,
	STREAM_PHASE_LOCK,			/* locks, and whether anything has changed */
	STREAM_PHASE_PLAN,
	STREAM_PHASE_MEASURE,		/* what there is to read */
	STREAM_PHASE_READ,			/* plans run until they hand out rows: reading and
								 * aggregating */
	STREAM_PHASE_MERGE,			/* and from then on: rows go into state and results */
	STREAM_PHASE_REAP,			/* giving up the state of closed groups */
	STREAM_PHASE_TRIGGERS,
	STREAM_PHASE_COMMIT
} StreamPhase;

#define STREAM_NUM_PHASES (STREAM_PHASE_COMMIT + 1)

/* The name of a phase. */
extern const char *stream_figures_phase_name(StreamPhase phase);

/* Those of one batch of one view. */
typedef struct StreamFigures
{
	int64		number;			/* of the batch; 0: it had nothing to do */
	TimestampTz begun;
	int64		us[STREAM_NUM_PHASES];	/* microseconds, by phase */
	int64		wal_bytes;
	int64		rows;			/* of streams */
	int64		touched;		/* rows that plans have handed out to operators */
	int64		added;			/* groups, keys and kept rows that are new ... */
	int64		removed;		/* ... and those that have been given up */
	int64		cache_hits;		/* of what was touched, found in caches of states */
	int64		watermark;		/* as in StreamProgress */
} StreamFigures;

/* Figures in the making. */
typedef struct StreamMeter
{
	StreamFigures figures;
	StreamPhase phase;			/* since when, and at how much WAL of this process: */
	instr_time	since;
	uint64		wal_bytes;
} StreamMeter;

/* Begins; the phase is none. */
extern void stream_figures_begin(StreamMeter *meter);

/* Another phase begins, or none.  A few dozen nanoseconds. */
extern void stream_figures_enter(StreamMeter *meter, StreamPhase phase);

/* How long all phases took, in microseconds. */
extern int64 stream_figures_total(const StreamFigures *figures);

/* Where others see the phase, in shared memory, or NULL. */
extern volatile int *stream_figures_shown;

#endif
