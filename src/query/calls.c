/*-------------------------------------------------------------------------
 *
 * calls.c
 *	  Calls of functions about time: which they are, and their arguments.
 *
 * Window functions are those of the extension, which are known by their names, and date_bin
 * and date_trunc.  Nothing here says whether what they are called with is an event time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/refuse.h"
#include "time/window.h"
#include "query/calls.h"

/* ---- functions ---- */

const char *
stream_calls_name(Oid funcid)
{
	Oid			extension;

	if (funcid < FirstNormalObjectId)
		return NULL;
	extension = get_extension_oid("streaming", true);
	if (!OidIsValid(extension) ||
		getExtensionOfObject(ProcedureRelationId, funcid) != extension)
		return NULL;
	return get_func_name(funcid);
}

bool
stream_calls_is_session(Oid funcid)
{
	const char *name = stream_calls_name(funcid);

	return name && strcmp(name, "session_window") == 0;
}

static bool
session_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		stream_calls_is_session(((FuncExpr *) node)->funcid))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, session_walker, context, 0);
	return expression_tree_walker(node, session_walker, context);
}

bool
stream_calls_has_session(Node *node)
{
	return session_walker(node, NULL);
}

bool
stream_calls_is(FuncExpr *call, const char *name)
{
	const char *ours = call ? stream_calls_name(call->funcid) : NULL;

	return ours && strcmp(ours, name) == 0;
}

Node *
stream_calls_time(FuncExpr *call, const char *name)
{
	switch (call->funcid)
	{
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			return lsecond(call->args);
		default:
			return name ? linitial(call->args) : NULL;
	}
}

FuncExpr *
stream_calls_complete(FuncExpr *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID,
										ObjectIdGetDatum(call->funcid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->funcid);
	call = copyObject(call);
	call->args = expand_function_arguments(call->args, false,
										   call->funcresulttype, tuple);
	ReleaseSysCache(tuple);
	return call;
}

bool
stream_calls_is_bound(Oid funcid)
{
	return funcid == F_LOWER_ANYRANGE || funcid == F_UPPER_ANYRANGE;
}

bool
stream_calls_is_shift(OpExpr *op, Node **time, Node **interval, bool *minus)
{
	*minus = false;
	set_opfuncid(op);
	switch (op->opfuncid)
	{
		case F_TIMESTAMPTZ_MI_INTERVAL:
		case F_TIMESTAMP_MI_INTERVAL:
			*minus = true;
			/* FALLTHROUGH */
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMP_PL_INTERVAL:
			*time = linitial(op->args);
			*interval = lsecond(op->args);
			return true;
		case F_INTERVAL_PL_TIMESTAMPTZ:
		case F_INTERVAL_PL_TIMESTAMP:
			*time = lsecond(op->args);
			*interval = linitial(op->args);
			return true;
		default:
			return false;
	}
}

/* ---- arguments ---- */

bool
stream_calls_fixed(FuncExpr *call, int n, int64 *us)
{
	Node	   *arg;

	*us = 0;
	if (list_length(call->args) <= n)
		return true;
	arg = eval_const_expressions(NULL, list_nth(call->args, n));
	return IsA(arg, Const) && !((Const *) arg)->constisnull &&
		((Const *) arg)->consttype == INTERVALOID &&
		stream_window_fixed_us(DatumGetIntervalP(((Const *) arg)->constvalue),
							   us);
}

bool
stream_calls_has_zone(FuncExpr *call, int n)
{
	Node	   *zone;

	if (list_length(call->args) <= n)
		return false;
	zone = eval_const_expressions(NULL, llast(call->args));
	return !IsA(zone, Const) || !((Const *) zone)->constisnull;
}

Const *
stream_calls_constant(FuncExpr *call, int n, const char *source)
{
	Node	   *arg = eval_const_expressions(NULL, list_nth(call->args, n));

	if (!IsA(arg, Const) || ((Const *) arg)->constisnull)
		stream_refuse("a window of the event time whose length is not a constant is",
					  list_nth(call->args, n), source,
					  "Write the length as a literal.");
	return (Const *) arg;
}

/* Argument n of a call, if it is a constant; else NULL. */
static void *
known_argument(FuncExpr *call, int n)
{
	Node	   *arg;

	if (list_length(call->args) <= n)
		return NULL;
	arg = eval_const_expressions(NULL, list_nth(call->args, n));
	if (!IsA(arg, Const) || ((Const *) arg)->constisnull)
		return NULL;
	return DatumGetPointer(((Const *) arg)->constvalue);
}

static void
check_known_arguments(FuncExpr *call, const char *name)
{
	void	   *first = known_argument(call, 0);
	void	   *second = known_argument(call, 1);

	if (name && strcmp(name, "tumble") == 0)
		stream_window_check(second, NULL, known_argument(call, 2),
							known_argument(call, 3));
	else if (name && strcmp(name, "hop") == 0)
		stream_window_check(second, known_argument(call, 2),
							known_argument(call, 3), known_argument(call, 4));
	else if (name && strcmp(name, "session_window") == 0 && second)
		stream_window_check_fixed("gap of a session", second, false);
	else if (name || first == NULL)
		return;
	else if (exprType(linitial(call->args)) == INTERVALOID)
		stream_window_check_fixed("stride of date_bin", first, true);
	else
		DirectFunctionCall2(timestamp_trunc, PointerGetDatum(first),
							TimestampGetDatum(0));
}

void
stream_calls_check(FuncExpr *call, const char *source)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseCallbackState callback;

	pstate->p_sourcetext = source;
	setup_parser_errposition_callback(&callback, pstate, call->location);
	check_known_arguments(call, stream_calls_name(call->funcid));
	cancel_parser_errposition_callback(&callback);
}
