/*-------------------------------------------------------------------------
 *
 * debug.c
 *	  Debug points, mutations and the mocked clock.
 *
 * Tests use these to bring a process to an exact place in the code, and to
 * make time pass.  A release build has none of it: there the clock is the
 * system's, and the rest of this file is empty.
 *
 * A test creates the SQL functions itself, for instance
 *
 *	CREATE FUNCTION _debug_arm(text, text) RETURNS void
 *		LANGUAGE c AS '$libdir/streaming', 'stream_debug_arm';
 *
 * Points are kept by name in a small table in shared memory under a spinlock.
 * Arming a point again changes its action.  A process waits at a point until
 * the point is disarmed or armed with another action, or until the process is
 * cancelled or terminated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"

#ifdef STREAMING_DEBUG

#define MAX_POINTS 32
#define POINT_NAME_LEN 64

typedef enum Action
{
	ACTION_NONE,
	ACTION_WAIT,
	ACTION_ERROR,
	ACTION_KILL
} Action;

typedef struct Point
{
	char		name[POINT_NAME_LEN];	/* empty: never used */
	Action		action;
	int			waiting;		/* processes that wait here now */
	ConditionVariable released;
} Point;

typedef struct DebugShared
{
	slock_t		mutex;			/* protects the points */
	pg_atomic_uint32 armed;		/* points with an action: usually none */
	pg_atomic_uint64 clock_offset;	/* microseconds */
	Point		points[MAX_POINTS];
} DebugShared;

static DebugShared *debug = NULL;

/* streaming.debug_mutation: a comma-separated list of names */
static char *debug_mutation = NULL;

/* streaming.debug_limits: a comma-separated list of name=number */
static char *debug_limits = NULL;

PG_FUNCTION_INFO_V1(stream_debug_arm);
PG_FUNCTION_INFO_V1(stream_debug_disarm);
PG_FUNCTION_INFO_V1(stream_debug_waiting);
PG_FUNCTION_INFO_V1(stream_debug_advance_clock);

Size
stream_debug_shmem_size(void)
{
	return MAXALIGN(sizeof(DebugShared));
}

void
stream_debug_shmem_init(void)
{
	bool		found;

	debug = ShmemInitStruct("streaming debug", sizeof(DebugShared), &found);
	if (found)
		return;
	memset(debug, 0, sizeof(DebugShared));
	SpinLockInit(&debug->mutex);
	pg_atomic_init_u32(&debug->armed, 0);
	pg_atomic_init_u64(&debug->clock_offset, 0);
	for (int i = 0; i < MAX_POINTS; i++)
		ConditionVariableInit(&debug->points[i].released);
}

void
stream_debug_define_settings(void)
{
	DefineCustomStringVariable("streaming.debug_mutation",
							   "Deliberate bugs to switch on, for tests of the tests.",
							   NULL, &debug_mutation, "",
							   PGC_SUSET, GUC_NOT_IN_SAMPLE,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("streaming.debug_limits",
							   "Limits of the server to make smaller, to see them reached.",
							   NULL, &debug_limits, "",
							   PGC_POSTMASTER, GUC_NOT_IN_SAMPLE,
							   NULL, NULL, NULL);
}

int
stream_debug_limit(const char *name, int normal)
{
	size_t		len = strlen(name);
	const char *p = debug_limits;

	while (p != NULL && *p != '\0')
	{
		p += strspn(p, ", ");
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return Min(Max(atoi(p + len + 1), 1), normal);
		p += strcspn(p, ", ");
	}
	return normal;
}

bool
stream_debug_mutation(const char *name)
{
	size_t		len = strlen(name);
	const char *p = debug_mutation;

	while (p != NULL && *p != '\0')
	{
		p += strspn(p, ", ");
		if (strncmp(p, name, len) == 0 && strchr(", ", p[len]) != NULL)
			return true;
		p += strcspn(p, ", ");
	}
	return false;
}

/* The point of that name, or NULL; wants the mutex held. */
static Point *
find_point(const char *name)
{
	for (int i = 0; i < MAX_POINTS; i++)
		if (strcmp(debug->points[i].name, name) == 0)
			return &debug->points[i];
	return NULL;
}

static Action
point_action(const char *name, Point **point)
{
	Action		action = ACTION_NONE;

	SpinLockAcquire(&debug->mutex);
	*point = find_point(name);
	if (*point != NULL)
		action = (*point)->action;
	SpinLockRelease(&debug->mutex);
	return action;
}

static void
add_waiting(Point *point, int n)
{
	SpinLockAcquire(&debug->mutex);
	point->waiting += n;
	SpinLockRelease(&debug->mutex);
}

/* We do not wait any longer; also called when the process is terminated. */
static void
leave_point(int code, Datum arg)
{
	ConditionVariableCancelSleep();
	add_waiting((Point *) DatumGetPointer(arg), -1);
}

static void
wait_at_point(Point *point)
{
	Point	   *again;

	add_waiting(point, 1);
	PG_ENSURE_ERROR_CLEANUP(leave_point, PointerGetDatum(point));
	{
		ConditionVariablePrepareToSleep(&point->released);
		while (point_action(point->name, &again) == ACTION_WAIT)
			ConditionVariableSleep(&point->released,
								   stream_compat_wait_event(STREAM_WAIT_DEBUG_POINT));
	}
	PG_END_ENSURE_ERROR_CLEANUP(leave_point, PointerGetDatum(point));
	leave_point(0, PointerGetDatum(point));
}

void
stream_debug_point(const char *name)
{
	Point	   *point;

	if (debug == NULL || pg_atomic_read_u32(&debug->armed) == 0)
		return;
	switch (point_action(name, &point))
	{
		case ACTION_NONE:
			break;
		case ACTION_WAIT:
			wait_at_point(point);
			break;
		case ACTION_ERROR:
			ereport(ERROR,
					(errcode(ERRCODE_SYSTEM_ERROR),
					 errmsg("debug point \"%s\"", name)));
			break;
		case ACTION_KILL:
			kill(getpid(), SIGKILL);
			pg_unreachable();
			break;
	}
}

static void
check_debug_shmem(void)
{
	if (debug == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("debug points need the library in shared_preload_libraries")));
}

/* Gives a point its action; makes it if need be. */
static void
set_action(const char *name, Action action)
{
	Point	   *point;

	check_debug_shmem();
	if (strlen(name) >= POINT_NAME_LEN || name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name of a debug point: \"%s\"", name)));

	SpinLockAcquire(&debug->mutex);
	point = find_point(name);
	if (point == NULL)
	{
		point = find_point("");
		if (point != NULL)
			strcpy(point->name, name);
	}
	if (point != NULL)
	{
		if (point->action == ACTION_NONE && action != ACTION_NONE)
			pg_atomic_fetch_add_u32(&debug->armed, 1);
		else if (point->action != ACTION_NONE && action == ACTION_NONE)
			pg_atomic_fetch_sub_u32(&debug->armed, 1);
		point->action = action;
	}
	SpinLockRelease(&debug->mutex);

	if (point == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many debug points")));
	ConditionVariableBroadcast(&point->released);
}

/* _debug_arm(point text, action text) */
Datum
stream_debug_arm(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *action = text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (strcmp(action, "wait") == 0)
		set_action(name, ACTION_WAIT);
	else if (strcmp(action, "error") == 0)
		set_action(name, ACTION_ERROR);
	else if (strcmp(action, "kill") == 0)
		set_action(name, ACTION_KILL);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown action of a debug point: \"%s\"", action)));
	PG_RETURN_VOID();
}

/* _debug_disarm(point text) */
Datum
stream_debug_disarm(PG_FUNCTION_ARGS)
{
	set_action(text_to_cstring(PG_GETARG_TEXT_PP(0)), ACTION_NONE);
	PG_RETURN_VOID();
}

/* _debug_waiting(point text) returns int: processes that wait there now */
Datum
stream_debug_waiting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Point	   *point;
	int			waiting = 0;

	check_debug_shmem();
	SpinLockAcquire(&debug->mutex);
	point = find_point(name);
	if (point != NULL)
		waiting = point->waiting;
	SpinLockRelease(&debug->mutex);
	PG_RETURN_INT32(waiting);
}

/*
 * _debug_advance_clock(interval): the clock jumps, and every process of the
 * server looks at it.
 */
Datum
stream_debug_advance_clock(PG_FUNCTION_ARGS)
{
	Interval   *interval = PG_GETARG_INTERVAL_P(0);
	int64		days = interval->month * (int64) DAYS_PER_MONTH + interval->day;

	check_debug_shmem();
	pg_atomic_fetch_add_u64(&debug->clock_offset,
							days * USECS_PER_DAY + interval->time);
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
		SetLatch(&ProcGlobal->allProcs[i].procLatch);
	PG_RETURN_VOID();
}

TimestampTz
stream_debug_now(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (debug != NULL)
		now += (int64) pg_atomic_read_u64(&debug->clock_offset);
	return now;
}

/* Only what a parallel worker is told by its leader can be set, so be one. */
void
stream_debug_set_transaction_time(void)
{
	int			number = ParallelWorkerNumber;
	TimestampTz now = stream_debug_now();

	ParallelWorkerNumber = 0;
	SetParallelStartTimestamps(now, now);
	ParallelWorkerNumber = number;
}

#else							/* !STREAMING_DEBUG */

Size
stream_debug_shmem_size(void)
{
	return 0;
}

void
stream_debug_shmem_init(void)
{
}

void
stream_debug_define_settings(void)
{
}

int
stream_debug_limit(const char *name, int normal)
{
	return normal;
}

TimestampTz
stream_debug_now(void)
{
	return GetCurrentTimestamp();
}

void
stream_debug_set_transaction_time(void)
{
}

#endif							/* STREAMING_DEBUG */
