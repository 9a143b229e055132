/*-------------------------------------------------------------------------
 *
 * window.c
 *	  Event-time windows: tumble, hop, session_window, window_time.
 *
 * A tumbling window is [start, start + size) with start the largest instant at
 * or before the timestamp that is a whole number of sizes, plus the offset,
 * away from 1970-01-01 00:00:00 (UTC for timestamptz).  Sliding windows start
 * at whole numbers of slides; those that contain the timestamp are it.  All
 * arithmetic is in whole microseconds and floors, so it holds before 1970 too.
 *
 * With a time zone, windows of days or months are those of the calendar there:
 * counted in local time, from 1970-01-01 00:00:00, and converted back.  A local
 * time that occurs twice stands for one instant only, so a window that was
 * found by local time may lie beside the timestamp; then its neighbour is the
 * one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "windowapi.h"

#include "base/compat.h"
#include "base/debug.h"
#include "time/window.h"

PG_FUNCTION_INFO_V1(stream_window_tumble);
PG_FUNCTION_INFO_V1(stream_window_tumble_start);
PG_FUNCTION_INFO_V1(stream_window_hop);
PG_FUNCTION_INFO_V1(stream_window_hop_end);
PG_FUNCTION_INFO_V1(stream_window_hop_first_end);
PG_FUNCTION_INFO_V1(stream_window_end_of);
PG_FUNCTION_INFO_V1(stream_window_session);
PG_FUNCTION_INFO_V1(stream_window_merged);
PG_FUNCTION_INFO_V1(stream_window_time);

/* 1970-01-01 in PostgreSQL's count, which begins in 2000 */
#define UNIX_EPOCH \
	(-(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* The longest sliding window, in months: far from where microseconds overflow */
#define MAX_MONTHS (10000 * 12)

/* The Gregorian calendar's, in microseconds */
#define MEAN_MONTH (INT64CONST(2629746) * USECS_PER_SEC)

/* A length of time: so many months, or so many microseconds. */
typedef struct Length
{
	int64		months;
	int64		us;
} Length;

/* How windows lie on the time line. */
typedef struct Grid
{
	Length		slide;			/* from one start to the next */
	Length		size;
	int64		offset;			/* microseconds */
	text	   *zone;			/* NULL: count in absolute time */
} Grid;

/* ---- arguments ---- */

bool
stream_window_fixed_us(const Interval *interval, int64 *us)
{
	return interval->month == 0 &&
		!pg_mul_s64_overflow(interval->day, USECS_PER_DAY, us) &&
		!pg_add_s64_overflow(*us, interval->time, us);
}

static void
out_of_range(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("%s is out of range", name)));
}

static void
not_positive(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be greater than zero", name)));
}

/*
 * Microseconds of an interval without months; days are 24 hours.  name: of the
 * argument, for the error message.
 */
static int64
interval_us(const Interval *interval, const char *name, const char *hint)
{
	int64		us;

	if (interval->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not contain months or years", name),
				 errdetail("A month has no fixed length."),
				 errhint("%s", hint)));
	if (!stream_window_fixed_us(interval, &us))
		out_of_range(name);
	return us;
}

/* The length that an argument gives; zoned: in the calendar of a time zone. */
static Length
get_length(const Interval *interval, bool zoned, const char *name)
{
	Length		length = {0};

	if (!zoned || interval->month == 0)
		length.us = interval_us(interval, name,
								"Give a time zone for calendar months: timezone => 'Europe/Berlin'.");
	if (zoned && interval->month != 0)
	{
		if (interval->day != 0 || interval->time != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must not mix months with days or hours", name),
					 errhint("Use either months and years, or days.")));
		length.months = interval->month;
	}
	else if (zoned && length.us % USECS_PER_DAY != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be whole days, months or years in a time zone",
						name),
				 errhint("Hours and less do not depend on the time zone: leave it out, or shift the windows with \"offset\".")));
	if (length.months < 0 || length.us < 0 ||
		(length.months == 0 && length.us == 0))
		not_positive(name);
	return length;
}

/* ---- arithmetic ---- */

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

/* Is it a timestamp that can be shown, and shifted by a time zone's offset? */
static bool
is_ordinary(Timestamp time)
{
	return time >= MIN_TIMESTAMP + 2 * USECS_PER_DAY &&
		time < END_TIMESTAMP - 2 * USECS_PER_DAY;
}

/* The result may be less than any timestamp; it stops at infinity. */
Timestamp
stream_window_plus(Timestamp time, int64 us)
{
	Timestamp	result;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	if (pg_add_s64_overflow(time, us, &result))
		return us > 0 ? DT_NOEND : DT_NOBEGIN;
	return result;
}

static Timestamp
plus_months(Timestamp time, int64 months)
{
	Interval	interval = {.month = months};
	int64		about;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	if (pg_mul_s64_overflow(months, MEAN_MONTH, &about) ||
		!is_ordinary(stream_window_plus(time, about)))
		return months > 0 ? DT_NOEND : DT_NOBEGIN;
	return DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval,
												 TimestampGetDatum(time),
												 IntervalPGetDatum(&interval)));
}

/* The time so many lengths later. */
static Timestamp
plus_length(const Grid *grid, Timestamp time, Length length, int64 times)
{
	int64		us;

	if (length.months == 0)
	{
		if (pg_mul_s64_overflow(length.us, times, &us))
			return times > 0 ? DT_NOEND : DT_NOBEGIN;
		return stream_window_plus(time, us);
	}
	/* months begin at their first: the offset is not part of the calendar */
	time = stream_window_plus(time, -grid->offset);
	time = plus_months(time, length.months * times);
	return stream_window_plus(time, grid->offset);
}

Timestamp
stream_window_start(Timestamp time, int64 slide, int64 offset)
{
	return stream_window_plus(time,
							  -minus_modulo(minus_modulo(time, UNIX_EPOCH, slide),
											offset, slide));
}

/* The largest start of a window at or before the (local) time. */
static Timestamp
floor_to_slide(const Grid *grid, Timestamp time)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int64		month;

	if (grid->slide.months == 0)
		return stream_window_start(time, grid->slide.us, grid->offset);
	time = stream_window_plus(time, -grid->offset);
	if (!is_ordinary(time) ||
		timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return DT_NOBEGIN;
	month = (tm.tm_year - 1970) * INT64CONST(12) + tm.tm_mon - 1;
	month -= minus_modulo(month, 0, grid->slide.months);
	time = plus_months(UNIX_EPOCH, month);
	return stream_window_plus(time, grid->offset);
}

/* ---- time zones ---- */

static Timestamp
to_local(const Grid *grid, Timestamp time)
{
	if (grid->zone == NULL || !is_ordinary(time))
		return time;
	return DatumGetTimestamp(DirectFunctionCall2(timestamptz_zone,
												 PointerGetDatum(grid->zone),
												 TimestampTzGetDatum(time)));
}

static Timestamp
from_local(const Grid *grid, Timestamp local)
{
	if (grid->zone == NULL || !is_ordinary(local))
		return local;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamp_zone,
												   PointerGetDatum(grid->zone),
												   TimestampGetDatum(local)));
}

/* The (local) start of the last window that starts at or before the time. */
static Timestamp
last_start(const Grid *grid, Timestamp time)
{
	Timestamp	local = floor_to_slide(grid, to_local(grid, time));

	if (grid->zone == NULL || TIMESTAMP_NOT_FINITE(local))
		return local;
	while (from_local(grid, local) > time)
		local = plus_length(grid, local, grid->slide, -1);
	for (;;)
	{
		Timestamp	next = plus_length(grid, local, grid->slide, 1);

		if (from_local(grid, next) > time)
			return local;
		local = next;
	}
}

/* The range type that a function returns; not for those that return sets. */
static TypeCacheEntry *
result_type(FunctionCallInfo fcinfo)
{
	return range_get_typcache(fcinfo, get_fn_expr_rettype(fcinfo->flinfo));
}

Datum
stream_window_range(TypeCacheEntry *typcache, Timestamp start, Timestamp end)
{
	RangeBound	lower = {.inclusive = true,.lower = true};
	RangeBound	upper = {.inclusive = false,.lower = false};

	lower.val = TimestampGetDatum(start < MIN_TIMESTAMP ? DT_NOBEGIN : start);
	upper.val = TimestampGetDatum(end < END_TIMESTAMP ? end : DT_NOEND);
	return RangeTypePGetDatum(stream_compat_make_range(typcache, &lower,
													   &upper, false, NULL));
}

/* Where the window ends that begins at the (local) start. */
static Timestamp
end_of(const Grid *grid, Timestamp local)
{
	Timestamp	end = from_local(grid,
								 plus_length(grid, local, grid->size, 1));

	return end < END_TIMESTAMP ? end : DT_NOEND;
}

static Datum
window_range(TypeCacheEntry *typcache, const Grid *grid, Timestamp local)
{
	return stream_window_range(typcache, from_local(grid, local),
							   end_of(grid, local));
}

Datum
stream_window_session_range(TypeCacheEntry *typcache, Timestamp start,
							Timestamp end)
{
	RangeBound	lower = {.inclusive = true,.lower = true};
	RangeBound	upper = {.lower = false};

	lower.val = TimestampGetDatum(start);
	upper.val = TimestampGetDatum(end);
	upper.inclusive = start == end;
	return RangeTypePGetDatum(stream_compat_make_range(typcache, &lower,
													   &upper, false, NULL));
}

void
stream_window_session_bounds(TypeCacheEntry *typcache, Datum range,
							 Timestamp *start, Timestamp *end)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(typcache, DatumGetRangeTypeP(range), &lower, &upper,
					  &empty);
	*start = DatumGetTimestamp(lower.val);
	*end = DatumGetTimestamp(upper.val);
}

/* The offset and the time zone, if the call has them, are arguments n and n + 1. */
static void
get_offset_and_zone(FunctionCallInfo fcinfo, int n, Grid *grid)
{
	if (PG_NARGS() > n)
		grid->offset = interval_us(PG_GETARG_INTERVAL_P(n), "window offset",
								   "Use days, hours or less.");
	if (PG_NARGS() > n + 1 && !PG_ARGISNULL(n + 1))
		grid->zone = PG_GETARG_TEXT_PP(n + 1);
}

/* Is one of the first n arguments null? */
static bool
has_null(FunctionCallInfo fcinfo, int n)
{
	for (int i = 0; i < Min(n, PG_NARGS()); i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

/* ---- the functions ---- */

/* The (local) start of the window of a call of tumble; infinite: that has none. */
static Timestamp
tumble_start(FunctionCallInfo fcinfo, Grid *grid)
{
	Timestamp	time = PG_GETARG_TIMESTAMP(0);

	get_offset_and_zone(fcinfo, 2, grid);
	grid->size = grid->slide = get_length(PG_GETARG_INTERVAL_P(1),
										  grid->zone != NULL, "window size");
	return TIMESTAMP_NOT_FINITE(time) ? time : last_start(grid, time);
}

/* tumble(ts, size, offset, timezone) */
Datum
stream_window_tumble(PG_FUNCTION_ARGS)
{
	Timestamp	start;
	Grid		grid = {0};

	if (has_null(fcinfo, 3))
		PG_RETURN_NULL();
	start = tumble_start(fcinfo, &grid);
	if (TIMESTAMP_NOT_FINITE(start))
	{
		Timestamp	time = PG_GETARG_TIMESTAMP(0);

		return stream_window_session_range(result_type(fcinfo), time, time);
	}
	return window_range(result_type(fcinfo), &grid, start);
}

/*
 * _tumble_start(ts, size, offset): where the window of tumble starts, or the first time there
 * is in it.  That is one for all times in the window, which tumble of it is.
 */
Datum
stream_window_tumble_start(PG_FUNCTION_ARGS)
{
	Timestamp	start;
	Grid		grid = {0};

	if (has_null(fcinfo, 3))
		PG_RETURN_NULL();
	start = tumble_start(fcinfo, &grid);
	/* what has none stands for itself */
	if (TIMESTAMP_NOT_FINITE(start) || STREAM_MUTATION("tumble_start"))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	PG_RETURN_TIMESTAMP(Max(start, MIN_TIMESTAMP));
}

/* What hop has still to return. */
typedef struct Hopping
{
	Grid		grid;
	TypeCacheEntry *typcache;
	Timestamp	next;			/* local start of the next window; infinite:
								 * only that of the time's own */
} Hopping;

static void
check_hop(const Grid *grid)
{
	if ((grid->slide.months > 0) != (grid->size.months > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("window size and slide must both be days, or both be months"),
				 errhint("A slide of days does not fit the calendar's months.")));
	if (grid->size.months > MAX_MONTHS || grid->size.us / MEAN_MONTH >= MAX_MONTHS)
		out_of_range("window size");
	if (grid->slide.months > grid->size.months ||
		grid->slide.us > grid->size.us)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slide of a window must not be greater than its size"),
				 errdetail("Rows between two windows would be in none."),
				 errhint("The order of the arguments is hop(ts, size, slide).")));
}

/* The (local) start of the first window that the time is in. */
static Timestamp
first_start(const Grid *grid, Timestamp time)
{
	Timestamp	start = last_start(grid, time);

	while (!TIMESTAMP_NOT_FINITE(start))
	{
		Timestamp	before = plus_length(grid, start, grid->slide, -1);

		CHECK_FOR_INTERRUPTS();
		if (from_local(grid, plus_length(grid, before, grid->size, 1)) <= time)
			return start;
		start = before;
	}
	return start;
}

void
stream_window_check(const Interval *size, const Interval *slide,
					const Interval *offset, text *zone)
{
	Grid		grid = {.zone = zone};

	if (offset)
		interval_us(offset, "window offset", "Use days, hours or less.");
	if (size)
		grid.size = get_length(size, zone != NULL, "window size");
	if (slide)
		grid.slide = get_length(slide, zone != NULL, "slide of a window");
	if (size && slide)
		check_hop(&grid);
	/* is there such a time zone? */
	to_local(&grid, UNIX_EPOCH);
}

void
stream_window_check_fixed(const char *name, const Interval *interval,
						  bool positive)
{
	if (interval_us(interval, name, "Use days, hours or less.") <= 0 &&
		positive)
		not_positive(name);
}

/* For absolute time, there is no need to go back window by window. */
static Timestamp
first_fixed_start(const Grid *grid, Timestamp time)
{
	Timestamp	last = last_start(grid, time);
	int64		before = (grid->size.us - 1 - (time - last)) / grid->slide.us;

	return plus_length(grid, last, grid->slide, -before);
}

/* The grid that the arguments of hop lay. */
static void
get_hop_grid(FunctionCallInfo fcinfo, Grid *grid)
{
	get_offset_and_zone(fcinfo, 3, grid);
	grid->size = get_length(PG_GETARG_INTERVAL_P(1), grid->zone != NULL,
							"window size");
	grid->slide = get_length(PG_GETARG_INTERVAL_P(2), grid->zone != NULL,
							 "slide of a window");
	check_hop(grid);
}

/* The (local) start of the first window that hop gives, or infinity. */
static Timestamp
hop_start(const Grid *grid, Timestamp time)
{
	return grid->zone ? first_start(grid, time) : first_fixed_start(grid, time);
}

/* hop(ts, size, slide, offset, timezone), one window a call, in order of time */
Datum
stream_window_hop(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	Hopping    *hopping;
	Timestamp	time = PG_ARGISNULL(0) ? 0 : PG_GETARG_TIMESTAMP(0);
	Datum		result;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		funcctx = SRF_FIRSTCALL_INIT();
		if (has_null(fcinfo, 4))
			SRF_RETURN_DONE(funcctx);
		old = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		hopping = palloc0(sizeof(Hopping));
		hopping->typcache =
			lookup_type_cache(get_fn_expr_rettype(fcinfo->flinfo),
							  TYPECACHE_RANGE_INFO);
		get_hop_grid(fcinfo, &hopping->grid);
		if (hopping->grid.zone)
			hopping->grid.zone = (text *)
				PG_DETOAST_DATUM_COPY(PointerGetDatum(hopping->grid.zone));
		hopping->next = TIMESTAMP_NOT_FINITE(time) ? time :
			hop_start(&hopping->grid, time);
		funcctx->user_fctx = hopping;
		MemoryContextSwitchTo(old);
	}
	funcctx = SRF_PERCALL_SETUP();
	hopping = funcctx->user_fctx;
	if (TIMESTAMP_NOT_FINITE(hopping->next) && funcctx->call_cntr == 0)
	{
		result = stream_window_session_range(hopping->typcache, time, time);
		SRF_RETURN_NEXT(funcctx, result);
	}
	if (TIMESTAMP_NOT_FINITE(hopping->next) ||
		from_local(&hopping->grid, hopping->next) > time)
		SRF_RETURN_DONE(funcctx);
	result = window_range(hopping->typcache, &hopping->grid, hopping->next);
	hopping->next = plus_length(&hopping->grid, hopping->next,
								hopping->grid.slide, 1);
	SRF_RETURN_NEXT(funcctx, result);
}

/* The end of the first or last of the windows that hop gives, or null if it gives none. */
static Datum
hop_end(FunctionCallInfo fcinfo, Timestamp (*get_start) (const Grid *grid, Timestamp time))
{
	Timestamp	time;
	Timestamp	start;
	Grid		grid = {0};

	if (has_null(fcinfo, 4))
		PG_RETURN_NULL();
	time = PG_GETARG_TIMESTAMP(0);
	get_hop_grid(fcinfo, &grid);
	start = TIMESTAMP_NOT_FINITE(time) ? time : get_start(&grid, time);
	if (TIMESTAMP_NOT_FINITE(start))
		PG_RETURN_TIMESTAMP(time);
	PG_RETURN_TIMESTAMP(end_of(&grid, start));
}

/* _hop_end(ts, size, slide, offset, timezone): of the last */
Datum
stream_window_hop_end(PG_FUNCTION_ARGS)
{
	return hop_end(fcinfo, last_start);
}

/* _hop_first_end(ts, size, slide, offset, timezone): of the first */
Datum
stream_window_hop_first_end(PG_FUNCTION_ARGS)
{
	return hop_end(fcinfo, hop_start);
}

/*
 * _end_of(start, length, timezone): where a window ends that is not a range but
 * told by its start; days are 24 hours, but in a time zone
 */
Datum
stream_window_end_of(PG_FUNCTION_ARGS)
{
	Interval   *length;
	Grid		grid = {0};

	if (has_null(fcinfo, 2))
		PG_RETURN_NULL();
	length = PG_GETARG_INTERVAL_P(1);
	if (PG_NARGS() > 2 && !PG_ARGISNULL(2))
		grid.zone = PG_GETARG_TEXT_PP(2);
	if (length->month != 0)
		grid.size = get_length(length, true, "window size");
	else
		grid.size.us = interval_us(length, "window size", NULL);
	PG_RETURN_TIMESTAMP(end_of(&grid, to_local(&grid, PG_GETARG_TIMESTAMP(0))));
}

/* session_window(ts, gap): the row's own [ts, ts + gap), or null */
Datum
stream_window_session(PG_FUNCTION_ARGS)
{
	Timestamp	time = PG_GETARG_TIMESTAMP(0);
	int64		gap = interval_us(PG_GETARG_INTERVAL_P(1), "gap of a session",
								  "Use days, hours or less.");
	Grid		grid = {0};

	if (gap <= 0 || TIMESTAMP_IS_NOBEGIN(time))
		PG_RETURN_NULL();
	if (TIMESTAMP_NOT_FINITE(time))
		return stream_window_session_range(result_type(fcinfo), time, time);
	grid.size.us = gap;
	return window_range(result_type(fcinfo), &grid, time);
}

/* Where the session ends that the rows of a partition have merged into so far. */
typedef struct Merged
{
	Timestamp	start;
	Timestamp	end;
	int64		next;			/* the first row after it, from 0 */
} Merged;

/* Row n of the partition, as a session; false if there is none. */
static bool
session_of_row(WindowObject winobj, TypeCacheEntry *typcache, int64 n,
			   Timestamp *start, Timestamp *end)
{
	bool		isnull;
	bool		isout;
	Datum		value = WinGetFuncArgInPartition(winobj, 0, n, WINDOW_SEEK_HEAD,
												 false, &isnull, &isout);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty = true;

	if (isout)
		return false;
	if (!isnull)
		range_deserialize(typcache, DatumGetRangeTypeP(value), &lower, &upper,
						  &empty);
	if (empty || lower.infinite || upper.infinite)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a session must have a start and an end")));
	*start = DatumGetTimestamp(lower.val);
	*end = DatumGetTimestamp(upper.val);
	return true;
}

/*
 * _merged_session(range) OVER (... ORDER BY range): what the session of the row becomes
 * together with those that it overlaps or touches, and those that these do, and so on.
 * Each row is looked at once, and once more if it is the first of the next.
 */
Datum
stream_window_merged(PG_FUNCTION_ARGS)
{
	WindowObject winobj = PG_WINDOW_OBJECT();
	Merged	   *merged;
	TypeCacheEntry *typcache;
	int64		row;

	/* it can be the function of an operator */
	if (!WindowObjectIsValid(winobj))
		ereport(ERROR,
				(errcode(ERRCODE_WINDOWING_ERROR),
				 errmsg("window function streaming._merged_session requires an OVER clause")));
	merged = WinGetPartitionLocalMemory(winobj, sizeof(Merged));
	typcache = result_type(fcinfo);
	row = WinGetCurrentPosition(winobj);
	if (row >= merged->next)
	{
		Timestamp	start;
		Timestamp	end;

		merged->next = row;
		while (session_of_row(winobj, typcache, merged->next, &start, &end))
		{
			CHECK_FOR_INTERRUPTS();
			if (merged->next == row)
			{
				merged->start = start;
				merged->end = end;
			}
			else if (start > merged->end)
				break;
			merged->end = Max(merged->end, end);
			merged->next++;
		}
	}
	WinSetMarkPosition(winobj, row);
	return stream_window_session_range(typcache, merged->start, merged->end);
}

/* window_time(range): the last microsecond of a window, or null */
Datum
stream_window_time(PG_FUNCTION_ARGS)
{
	RangeType  *range = PG_GETARG_RANGE_P(0);
	TypeCacheEntry *typcache = range_get_typcache(fcinfo,
												  RangeTypeGetOid(range));
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	Timestamp	end;

	range_deserialize(typcache, range, &lower, &upper, &empty);
	if (empty || upper.infinite)
		PG_RETURN_NULL();
	end = DatumGetTimestamp(upper.val);
	if (TIMESTAMP_NOT_FINITE(end) || upper.inclusive)
		PG_RETURN_TIMESTAMP(end);
	PG_RETURN_TIMESTAMP(stream_window_plus(end, -1));
}
