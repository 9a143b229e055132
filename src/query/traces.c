/*-------------------------------------------------------------------------
 *
 * traces.c
 *	  What an expression is, as to time: how long its windows are, where they end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "time/timeexpr.h"
#include "query/calls.h"
#include "query/traces.h"

/* ---- lengths ---- */

/* The argument of its window function that is the length. */
static int
length_argument(const StreamTrace *trace)
{
	return trace->kind == STREAM_TRACE_RANGE ? 1 : 0;
}

bool
stream_traces_has_length(const StreamTrace *trace)
{
	Node	   *length;

	if (trace->kind != STREAM_TRACE_RANGE && trace->kind != STREAM_TRACE_START)
		return true;
	length = eval_const_expressions(NULL,
									list_nth(trace->call->args,
											 length_argument(trace)));
	return IsA(length, Const) && !((Const *) length)->constisnull;
}

/* As long as the interval can be, in microseconds. */
static int64
longest(const Interval *interval)
{
	int64		us = interval->time;

	us += interval->day * USECS_PER_DAY;
	us += interval->month * 31 * USECS_PER_DAY;
	/* a change of the time zone's offset makes it longer */
	return us + (interval->day != 0 || interval->month != 0 ?
				 USECS_PER_DAY : 0);
}

int64
stream_traces_width(const StreamTrace *trace, const char *source)
{
	Const	   *length;

	if (!trace->event_time || trace->kind == STREAM_TRACE_TIME ||
		trace->kind == STREAM_TRACE_SESSION)
		return 0;
	length = stream_calls_constant(trace->call, length_argument(trace),
								   source);
	if (length->consttype == INTERVALOID)
		return longest(DatumGetIntervalP(length->constvalue));
	return longest(stream_timeexpr_unit(TextDatumGetCString(length->constvalue)));
}

int64
stream_traces_reach(const StreamTrace *trace)
{
	int64		width;
	int64		reach;

	if (trace->of == NULL)
		return 0;
	reach = stream_traces_reach(trace->of);
	if (trace->kind == STREAM_TRACE_TIME)
		return reach == PG_INT64_MAX ||
			pg_add_s64_overflow(reach, trace->shift, &reach) ? PG_INT64_MAX :
			reach;
	if (!stream_traces_has_length(trace))
		return PG_INT64_MAX;
	if (trace->kind != STREAM_TRACE_SESSION)
		width = stream_traces_width(trace, NULL);
	else if (!stream_calls_fixed(trace->call, 1, &width))
		return PG_INT64_MAX;
	return pg_add_s64_overflow(reach, width, &reach) ? PG_INT64_MAX : reach;
}

bool
stream_traces_is_aligned(const StreamTrace *shorter, const StreamTrace *longer)
{
	int64		sizes[2];
	int64		offsets[2];

	/* a time is within all of its windows */
	if (shorter->kind == STREAM_TRACE_TIME)
		return stream_traces_reach(shorter) == 0;
	for (int i = 0; i < 2; i++)
	{
		const StreamTrace *trace = i == 0 ? shorter : longer;

		if (trace->kind != STREAM_TRACE_RANGE ||
			!stream_calls_is(trace->call, "tumble") ||
			stream_traces_reach(trace->of) != 0 || trace->behind != 0 ||
			stream_calls_has_zone(trace->call, 3) ||
			!stream_calls_fixed(trace->call, 1, &sizes[i]) ||
			!stream_calls_fixed(trace->call, 2, &offsets[i]))
			return false;
	}
	return sizes[0] > 0 && sizes[1] % sizes[0] == 0 &&
		(offsets[1] - offsets[0]) % sizes[0] == 0;
}

bool
stream_traces_is_known(const StreamTrace *trace)
{
	Interval   *unit;

	if (!trace->event_time || trace->kind == STREAM_TRACE_SESSION ||
		!stream_traces_has_length(trace))
		return false;
	if (trace->kind != STREAM_TRACE_START)
		return true;
	if (trace->call->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT)
		return !contain_var_clause(lthird(trace->call->args));
	if (trace->call->funcid != F_DATE_TRUNC_TEXT_TIMESTAMPTZ)
		return true;
	unit = stream_timeexpr_unit(TextDatumGetCString(stream_calls_constant(trace->call, 0,
																		  NULL)->constvalue));
	return unit->month == 0 && unit->day == 0;
}

bool
stream_traces_is_session(const StreamTrace *trace)
{
	return trace->event_time && trace->kind == STREAM_TRACE_SESSION;
}

/* ---- ends ---- */

Expr *
stream_traces_end(const StreamTrace *trace, Node *value, const char *source)
{
	Const	   *length;

	switch (trace->kind)
	{
		case STREAM_TRACE_TIME:
			/* that of a window is a microsecond before it ends */
			return trace->call == NULL ? (Expr *) value :
				stream_timeexpr_later((Expr *) value, 1);
		case STREAM_TRACE_RANGE:
		case STREAM_TRACE_SESSION:
			return stream_timeexpr_upper(trace->type, value);
		default:
			break;
	}
	length = stream_calls_constant(trace->call, 0, source);
	if (length->consttype == INTERVALOID)
		return stream_timeexpr_end_of((Expr *) value, (Expr *) length, NULL);
	return stream_timeexpr_end_of_unit(trace->call, (Expr *) value,
									   TextDatumGetCString(length->constvalue));
}

/*
 * Where the group ends whose key is the given expression, which is either the
 * key itself or the column that holds it.  It becomes part of the result.
 */
static Expr *
end_of(const StreamTrace *trace, Node *value, const char *source)
{
	Expr	   *end = stream_traces_end(trace, value, source);

	return trace->slack == 0 ? end : stream_timeexpr_later(end, trace->slack);
}

/* Is there a window for every time?  A session has none if its gap is bad. */
static bool
has_window_for_all(const StreamTrace *trace)
{
	int64		gap;

	return trace->kind != STREAM_TRACE_SESSION ||
		(stream_calls_fixed(trace->call, 1, &gap) && gap > 0);
}

StreamWindow *
stream_traces_window(const StreamTrace *trace, int key, Node *expr,
					 const char *source)
{
	StreamWindow *window = palloc0(sizeof(StreamWindow));
	Var		   *column = makeVar(1, key + 1, exprType(expr), exprTypmod(expr),
								 exprCollation(expr), 0);

	window->key = key;
	window->event_time = trace->event_time;
	window->type = trace->type;
	window->slack = trace->slack;
	window->width = stream_traces_width(trace, source) + trace->slack;
	window->key_column = column;
	window->key_end = end_of(trace, (Node *) column, source);
	window->row_end = end_of(trace, copyObject(expr), source);
	if (trace->kind == STREAM_TRACE_TIME)
		window->row_time = window->row_end;
	else if (IsA(expr, FuncExpr) && has_window_for_all(trace))
		window->row_time = (Expr *)
			stream_calls_time(trace->call,
							  stream_calls_name(trace->call->funcid));
	switch (trace->kind)
	{
		case STREAM_TRACE_TIME:
			window->kind = STREAM_WINDOW_NONE;
			break;
		case STREAM_TRACE_START:
			window->kind = STREAM_WINDOW_START;
			break;
		case STREAM_TRACE_SESSION:
			window->kind = STREAM_WINDOW_SESSION;
			break;
		default:
			window->kind = STREAM_WINDOW_RANGE;
	}
	return window;
}
