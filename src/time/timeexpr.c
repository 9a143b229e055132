/*-------------------------------------------------------------------------
 *
 * timeexpr.c
 *	  Building expressions about time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "time/timeexpr.h"

Expr *
stream_timeexpr_call1(Oid funcid, Oid type, void *arg)
{
	return (Expr *) makeFuncExpr(funcid, type, list_make1(arg), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

Expr *
stream_timeexpr_call2(Oid funcid, Oid type, Oid collation, void *arg1, void *arg2)
{
	return (Expr *) makeFuncExpr(funcid, type, list_make2(arg1, arg2),
								 InvalidOid, collation, COERCE_EXPLICIT_CALL);
}

Const *
stream_timeexpr_interval(Interval *interval)
{
	return makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
					 IntervalPGetDatum(interval), false, false);
}

Const *
stream_timeexpr_interval_us(int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = us;
	return stream_timeexpr_interval(interval);
}

static Const *
text_const(const char *text)
{
	return makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
					 CStringGetTextDatum(text), false, false);
}

Expr *
stream_timeexpr_upper(Oid type, Node *range)
{
	return stream_timeexpr_call1(F_UPPER_ANYRANGE, type, range);
}

/* The length of the unit of date_trunc, as an interval. */
Interval *
stream_timeexpr_unit(const char *unit)
{
	char	   *text = pg_strcasecmp(unit, "quarter") == 0 ||
		pg_strcasecmp(unit, "qtr") == 0 ? "3 months" : psprintf("1 %s", unit);

	return DatumGetIntervalP(DirectFunctionCall3(interval_in,
												 CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
}

Expr *
stream_timeexpr_end_of(Expr *start, Expr *length, Expr *zone)
{
	Oid			type = exprType((Node *) start);
	Oid			argtypes[] = {type, INTERVALOID, TEXTOID};
	List	   *args = list_make2(start, length);
	Oid			funcid;

	if (type == TIMESTAMPTZOID)
		args = lappend(args, zone ? zone : (Expr *)
					   makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID));
	funcid = LookupFuncName(list_make2(makeString("streaming"),
									   makeString("_end_of")),
							list_length(args), argtypes, false);
	return (Expr *) makeFuncExpr(funcid, type, args, InvalidOid,
								 DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
}

Expr *
stream_timeexpr_later(Expr *time, int64 us)
{
	return stream_timeexpr_end_of(time, (Expr *) stream_timeexpr_interval_us(us),
								  NULL);
}

/*
 * Where a window of date_trunc ends that starts at the given time.  Days and
 * more are counted in a time zone: that of the call, or the view's own.
 */
Expr *
stream_timeexpr_end_of_unit(FuncExpr *call, Expr *start, const char *unit)
{
	Interval   *interval = stream_timeexpr_unit(unit);
	Expr	   *length = (Expr *) stream_timeexpr_interval(interval);
	Expr	   *zone;

	if (interval->month == 0 && interval->day == 0)
		return stream_timeexpr_end_of(start, length, NULL);
	zone = list_length(call->args) > 2 ? copyObject(lthird(call->args)) :
		(Expr *) text_const(GetConfigOption("TimeZone", false, false));
	return stream_timeexpr_end_of(start, length, zone);
}

/* A parameter of the delta query. */
Expr *
stream_timeexpr_parameter(int number, Oid type)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = type;
	param->paramtypmod = -1;
	param->location = -1;
	return (Expr *) param;
}
