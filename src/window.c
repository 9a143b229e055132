/*-------------------------------------------------------------------------
 *
 * window.c
 *	  Event-time windows: tumble.
 *
 * A tumbling window is [start, start + size) with start the largest instant at
 * or before the timestamp that is a whole number of sizes, plus the offset,
 * away from 1970-01-01 00:00:00 (UTC for timestamptz).  All arithmetic is in
 * whole microseconds and floors, so it holds before 1970 too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "compat.h"
#include "window.h"

PG_FUNCTION_INFO_V1(stream_window_tumble);

/* 1970-01-01 in PostgreSQL's count, which begins in 2000 */
#define UNIX_EPOCH \
	(-(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

bool
stream_window_fixed_us(const Interval *interval, int64 *us)
{
	return interval->month == 0 &&
		!pg_mul_s64_overflow(interval->day, USECS_PER_DAY, us) &&
		!pg_add_s64_overflow(*us, interval->time, us);
}

/*
 * Microseconds of an interval without months; days are 24 hours.  name: of the
 * argument, for the error message.
 */
static int64
interval_us(const Interval *interval, const char *name)
{
	int64		us;

	if (interval->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not contain months or years", name),
				 errdetail("A month has no fixed length."),
				 errhint("Group by date_trunc('month', ...) for calendar months.")));
	if (!stream_window_fixed_us(interval, &us))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s is out of range", name)));
	return us;
}

/* a - b modulo size, in [0, size); nothing can overflow. */
static int64
minus_modulo(int64 a, int64 b, int64 size)
{
	a %= size;
	if (a < 0)
		a += size;
	b %= size;
	if (b < 0)
		b += size;
	return a >= b ? a - b : a - b + size;
}

/* tumble(timestamp with or without time zone, size, offset) */
Datum
stream_window_tumble(PG_FUNCTION_ARGS)
{
	Timestamp	ts = PG_GETARG_TIMESTAMP(0);
	int64		size = interval_us(PG_GETARG_INTERVAL_P(1), "window size");
	int64		offset = 0;
	Oid			rangetype = get_fn_expr_rettype(fcinfo->flinfo);
	TypeCacheEntry *typcache = range_get_typcache(fcinfo, rangetype);
	int64		rest;
	RangeBound	lower = {.inclusive = true,.lower = true};
	RangeBound	upper = {.inclusive = false,.lower = false};
	int64		start;
	int64		end;

	if (PG_NARGS() > 2)
		offset = interval_us(PG_GETARG_INTERVAL_P(2), "window offset");
	if (size <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window size must be greater than zero")));
	/* an infinite time has a window of its own: a bad row stops no view */
	if (TIMESTAMP_NOT_FINITE(ts))
	{
		lower.val = upper.val = TimestampGetDatum(ts);
		upper.inclusive = true;
		PG_RETURN_RANGE_P(make_range(typcache, &lower, &upper, false));
	}

	rest = minus_modulo(minus_modulo(ts, UNIX_EPOCH, size), offset, size);
	if (pg_sub_s64_overflow(ts, rest, &start) ||
		pg_add_s64_overflow(start, size, &end) ||
		!IS_VALID_TIMESTAMP(start) || !IS_VALID_TIMESTAMP(end))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("window is out of range")));
	lower.val = TimestampGetDatum(start);
	upper.val = TimestampGetDatum(end);
	PG_RETURN_RANGE_P(make_range(typcache, &lower, &upper, false));
}
