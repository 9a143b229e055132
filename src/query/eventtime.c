/*-------------------------------------------------------------------------
 *
 * eventtime.c
 *	  Which grouping key is a window, and which event time it is about.
 *
 * A column that a stream has declared as its event time stays one through
 * aliases, sub-selects, views and the window functions: an expression is traced
 * down to the column.  date_bin and date_trunc of an event time count as
 * windows, too, from the time they yield for one stride or unit.
 *
 * Whether it is a window's turn to close, or a row is late, is all about where
 * the window ends.  That is written as an expression over the key, so that the
 * same is said to the planner, to the reader of the view and to us.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "stream/am.h"
#include "time/declare.h"
#include "time/watermark.h"
#include "time/window.h"
#include "time/timeexpr.h"
#include "query/analyze.h"
#include "query/bounds.h"
#include "query/chains.h"
#include "query/groupings.h"
#include "query/nesting.h"
#include "query/semijoin.h"
#include "query/eventtime.h"

/* Operators without a symbol of their own in the server's headers. */
#define TimestampTzGreaterOperator 1324
#define TimestampTzLessEqualOperator 1323
#define TimestampGreaterOperator 2064
#define TimestampLessEqualOperator 2063
#define OidEqualOperator 607

/* What an expression is, as to time. */
typedef enum TraceKind
{
	TRACE_NONE,
	TRACE_TIME,					/* a time */
	TRACE_START,				/* a time at which a window starts */
	TRACE_RANGE,				/* a window */
	TRACE_SESSION
} TraceKind;

typedef struct Trace
{
	TraceKind	kind;
	bool		event_time;		/* about a declared event time */
	Oid			type;
	FuncExpr   *call;			/* of the window function */
	const struct Trace *of;		/* what the call is about, unless that is where
								 * the rows of the FROM have their time */
	int64		slack;			/* microseconds after its end, until which groups
								 * below may change */
	bool		grouped;		/* it tells groups below apart; of a session: they have
								 * been merged there */
	bool		stored;			/* in the result of another view */
	int64		shift;			/* a time that is computed of that: so much later at
								 * most, ... */
	int64		behind;			/* ... and before what it all is made of by no more than
								 * this */
	bool		open;			/* rows of a join may come with it however late: it
								 * is for the next join only, where they are late */
	bool		made_up;		/* ... where it may be null, which is not late */
	bool		beside;			/* of hop beside what is joined: late rows are told
								 * before they have windows */
} Trace;

/* What says when the groups of a query close, as found while tracing. */
typedef struct Closing
{
	Query	   *query;
	bool		joins;			/* asked so */
	Node	   *key;			/* or NULL */
	Trace		trace;			/* of the key */
} Closing;

/* Two members of a join of which one's rows are there whatever they find, or are tested. */
typedef struct Pair
{
	StreamBounds *bounds;
	int			left;			/* indexes into the range table */
	int			right;
	bool		left_alone;		/* its rows wait for what they find, or do not */
	bool		right_alone;
} Pair;

/* The bounds of a query that joins streams. */
struct StreamJoined
{
	Query	   *query;
	bool		append;
	List	   *members;		/* int; ... */
	List	   *times;			/* ... by what their rows are late, or NULL */
	bool		timed;			/* they are known */
	int64		lag;			/* rows are late, and go, so long after the watermark, ... */
	int64		output_lag;		/* ... and of what is above this (rule K1), in
								 * microseconds */
	struct Memory *memory;		/* of what is below */
	Node	   *said;			/* its columns and its FROM, or NULL */
	StreamBounds *bounds;		/* of all members, or NULL: ... */
	List	   *pairs;			/* Pair */
};

/* What has been found out so far: each column of each level above asks again. */
typedef struct Memory
{
	List	   *closings;		/* Closing */
	List	   *joined;			/* StreamJoined */
	List	   *columns;		/* ColumnBelow */
	List	   *below;			/* ViewBelow */
	bool		changes;		/* rows come and go at the query at hand */
	bool		append;			/* it is for a view in append mode */
	bool		added_only;		/* other views that the query at hand names in FROM
								 * are read by what is added to them */
	bool		ended;			/* it is asked when something ends: so of sessions of
								 * other views, too */
	bool		computed;		/* of results: also of times that are computed */
	bool		joins;			/* it is asked what a join in append mode goes by */
	bool		closed;			/* groups are handed on when they are closed */
} Memory;

/* A continuous view whose result is read. */
typedef struct ViewBelow
{
	Oid			viewid;
	Query	   *query;
	List	   *columns;		/* ViewColumn: those that have been traced */
} ViewBelow;

/* A column of a sub-select, as a join in append mode has asked for it. */
typedef struct ColumnBelow
{
	Query	   *query;
	AttrNumber	attno;
	bool		ended;			/* asked so */
	bool		computed;
	bool		changes;
	bool		added_only;
	Trace		trace;
} ColumnBelow;

typedef struct ViewColumn
{
	AttrNumber	attno;
	Trace		trace;
} ViewColumn;

static Trace trace_expr(Query *query, Node *expr, Memory *memory);
static StreamJoined *joined_of(Query *query, Memory *memory);
static bool slack_of_joined(StreamJoined *joined, Node *expr, bool made_up,
							int64 *slack);
static bool is_made_up(StreamJoined *joined, Node *expr);
static void nest_chains(Query *query);
static Node *time_of_lateness(StreamJoined *joined, int member);
static Node *column_below(Query *query, Node *expr);
static Trace trace_joined(Query *query, Node *expr, Memory *memory);
static bool joins_members(Query *query, const Memory *memory);
static bool is_known_in_result(const Trace *trace);
static bool is_session_in_result(const Trace *trace);
static int64 window_width(const Trace *trace, const char *source);
static int64 reach_of(const Trace *trace);
static bool is_aligned(const Trace *shorter, const Trace *longer);
static bool is_call_of(FuncExpr *call, const char *name);
static bool has_known_length(const Trace *trace);
static Const *constant_argument(FuncExpr *call, int n, const char *source);

static const Trace no_trace = {TRACE_NONE};

/* ---- functions ---- */

/* The name of one of our own functions, or NULL. */
static const char *
our_function(Oid funcid)
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
stream_eventtime_is_session(Oid funcid)
{
	const char *name = our_function(funcid);

	return name && strcmp(name, "session_window") == 0;
}

static bool
session_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		stream_eventtime_is_session(((FuncExpr *) node)->funcid))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, session_walker, context, 0);
	return expression_tree_walker(node, session_walker, context);
}

bool
stream_eventtime_has_session(Node *node)
{
	return session_walker(node, NULL);
}

/* The time that a call of a window function is about. */
static Node *
window_argument(FuncExpr *call, const char *name)
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

/* The call with its arguments in order, defaults put in. */
static FuncExpr *
with_all_arguments(FuncExpr *call)
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

/* Is it a bound of a range? */
static bool
is_bound(Oid funcid)
{
	return funcid == F_LOWER_ANYRANGE || funcid == F_UPPER_ANYRANGE;
}

/* Is it the sum of a time and an interval, or the difference? */
static bool
is_shifted(OpExpr *op, Node **time, Node **interval, bool *minus)
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

/* ---- tracing ---- */

/*
 * Makes the trace of a time that of a session of it.  What ends with the watermark may
 * still change, by the last microsecond of a window that ends after it: so of groups, a
 * session that ends there may still be touched.
 */
static void
make_session(Trace *trace)
{
	trace->kind = TRACE_SESSION;
	if (trace->grouped && trace->of && trace->of->call)
		trace->slack++;
	trace->grouped = false;
}

/* The trace of something that is made of what has the trace. */
static Trace
made_of(const Trace *trace)
{
	Trace		result = *trace;
	Trace	   *of = palloc(sizeof(Trace));

	*of = *trace;
	result.of = of;
	result.shift = 0;
	return result;
}

/* As trace_expr, also of sessions of other views, which only say when they end. */
static Trace
trace_ended(Query *query, Node *expr, Memory *memory)
{
	bool		save = memory->ended;
	Trace		trace;

	memory->ended = true;
	trace = trace_expr(query, expr, memory);
	memory->ended = save;
	return trace;
}

/* It may be so much before what it is made of, and rows for it come so much longer. */
static bool
put_behind(Trace *trace, int64 us)
{
	return us <= 0 || STREAM_MUTATION("time_behind") ||
		(!pg_add_s64_overflow(trace->slack, us, &trace->slack) &&
		 !pg_add_s64_overflow(trace->behind, us, &trace->behind));
}

/* In a result, that at which a window starts is a time as well. */
static bool
is_start_in_result(const Trace *trace)
{
	return trace->event_time && trace->stored && trace->kind == TRACE_START;
}

/* Makes it that time, for which rows come for as long as the window is. */
static bool
put_behind_width(Trace *trace)
{
	int64		width = window_width(trace, NULL);

	*trace = made_of(trace);
	trace->kind = TRACE_TIME;
	trace->call = NULL;
	return put_behind(trace, width);
}

/*
 * The bound of a window is a time.  As to the lower one, rows for it come for as long as the
 * window is; that of a session, nobody knows.
 */
static Trace
trace_bound(Query *query, FuncExpr *call, Memory *memory)
{
	bool		lower = call->funcid == F_LOWER_ANYRANGE;
	Trace		trace = lower ?
		trace_expr(query, linitial(call->args), memory) :
		trace_ended(query, linitial(call->args), memory);

	if (!memory->computed || !trace.event_time || !has_known_length(&trace) ||
		(trace.kind != TRACE_RANGE &&
		 (lower || trace.kind != TRACE_SESSION)))
		return no_trace;
	trace.stored = false;
	if (lower)
		return put_behind_width(&trace) ? trace : no_trace;
	trace = made_of(&trace);
	trace.kind = TRACE_TIME;
	trace.call = NULL;
	return trace;
}

/*
 * A time that is so much after an event time, or before it: is it before, rows for it
 * come so much longer.
 */
static Trace
trace_shifted(Query *query, OpExpr *op, Memory *memory)
{
	Node	   *time;
	Node	   *interval;
	bool		minus;
	int64		low;
	int64		high;
	Trace		trace;

	if (!memory->computed || !is_shifted(op, &time, &interval, &minus) ||
		!stream_bounds_interval(interval, exprType(time) == TIMESTAMPTZOID,
								&low, &high))
		return no_trace;
	trace = trace_expr(query, time, memory);
	if (!trace.event_time || trace.kind != TRACE_TIME)
		return no_trace;
	trace = made_of(&trace);
	trace.stored = false;
	trace.shift = Max(minus ? -low : high, 0);
	return put_behind(&trace, minus ? high : -low) ? trace : no_trace;
}

/*
 * In a join in append mode, a window of a column of a sub-select is what it is there: rows of a
 * join may come with an old time, but in a window that has not ended.
 */
static bool
trace_window_below(Query *query, FuncExpr *call, Node *argument,
				   Memory *memory, Trace *trace)
{
	RangeTblEntry *rte;
	Query	   *below;
	Node	   *time;
	ListCell   *lc;

	check_stack_depth();
	if (!memory->joins || !IsA(argument, Var) || call->funcretset ||
		((Var *) argument)->varlevelsup > 0 || STREAM_MUTATION("join_window"))
		return false;
	rte = rt_fetch(((Var *) argument)->varno, query->rtable);
	below = rte->subquery;
	if (rte->rtekind != RTE_SUBQUERY || below->setOperations ||
		below->hasAggs || below->groupClause || below->groupingSets ||
		below->distinctClause || below->hasWindowFuncs ||
		below->limitCount || below->limitOffset ||
		stream_analyze_looks_up(below) > 0 ||
		(time = column_below(below, argument)) == NULL)
		return false;
	call = copyObject(call);
	foreach(lc, call->args)
	{
		if (equal(lfirst(lc), argument))
			lfirst(lc) = copyObject(time);
		else if (contain_var_clause(lfirst(lc)))
			return false;
	}
	if (!joins_members(below, memory))
		*trace = trace_expr(below, (Node *) call, memory);
	else
		*trace = trace_joined(below, (Node *) call, memory);
	return true;
}

static Trace
trace_call(Query *query, FuncExpr *call, Memory *memory)
{
	const char *name = our_function(call->funcid);
	FuncExpr   *written = call;
	Node	   *argument;
	Trace		trace;

	if (name)
		call = with_all_arguments(call);
	argument = window_argument(call, name);

	if (argument == NULL)
		return is_bound(call->funcid) ?
			trace_bound(query, call, memory) : no_trace;
	if (trace_window_below(query, written, argument, memory, &trace))
	{
		trace.call = call;
		return trace;
	}
	trace = name && strcmp(name, "window_time") == 0 ?
		trace_ended(query, argument, memory) :
		trace_expr(query, argument, memory);
	if (is_start_in_result(&trace) && !put_behind_width(&trace))
		return no_trace;
	if (trace.event_time)
		trace = made_of(&trace);
	trace.call = call;
	trace.stored = false;
	if (name && strcmp(name, "window_time") == 0)
	{
		if (trace.kind != TRACE_RANGE && trace.kind != TRACE_SESSION)
			return no_trace;
		trace.kind = TRACE_TIME;
		return trace;
	}
	if (trace.kind != TRACE_TIME)
		trace.event_time = false;
	trace.type = exprType(argument);
	if (name == NULL)
	{
		/* without an event time, it is an expression like any other */
		if (!trace.event_time)
			return no_trace;
		trace.kind = TRACE_START;
	}
	else if (strcmp(name, "session_window") == 0)
		make_session(&trace);
	else if (strcmp(name, "tumble") == 0 || strcmp(name, "hop") == 0)
		trace.kind = TRACE_RANGE;
	else
		return no_trace;
	return trace;
}

/* Is it a DISTINCT ON whose ORDER BY chooses the row? */
static bool
is_ordered_distinct(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->hasDistinctOn ? query->sortClause : NIL)
		if (get_sortgroupref_clause_noerr(lfirst_node(SortGroupClause,
													  lc)->tleSortGroupRef,
										  query->distinctClause) == NULL)
			return true;
	return false;
}

/*
 * Are rows of the query chosen by what comes with others, so that they may go when
 * those come?  They are final with what they are chosen among: then only the columns
 * by which that is told say when.
 */
static bool
is_chosen_among_others(Query *query, TargetEntry *tle)
{
	ListCell   *lc;

	if (query->limitCount || query->limitOffset)
		return true;
	if (is_ordered_distinct(query) &&
		get_sortgroupref_clause_noerr(tle->ressortgroupref,
									  query->distinctClause) == NULL)
		return true;
	foreach(lc, query->hasWindowFuncs ? query->windowClause : NIL)
		if (get_sortgroupref_clause_noerr(tle->ressortgroupref,
										  lfirst_node(WindowClause,
													  lc)->partitionClause) == NULL)
			return true;
	return false;
}

/* By what the groups of the query, or the keys of its first rows, are told apart. */
static List *
keys_of(Query *query)
{
	if (query->groupClause)
		return query->groupClause;
	if (is_ordered_distinct(query))
		return query->distinctClause;
	return query->hasWindowFuncs ?
		linitial_node(WindowClause, query->windowClause)->partitionClause : NIL;
}

/*
 * The grouping expression that says when a group of the query closes: of several the
 * shortest, a session before all others, as choose_window has it.  It is looked for
 * once: each column of each level above asks.
 */
static Closing *
closing_of(Query *query, Memory *memory)
{
	Closing    *closing;
	bool		ended = memory->ended;
	bool		computed = memory->computed;
	ListCell   *lc;

	foreach(lc, memory->closings)
	{
		closing = lfirst(lc);
		if (closing->query == query && closing->joins == memory->joins)
			return closing;
	}
	closing = palloc0(sizeof(Closing));
	closing->query = query;
	closing->joins = memory->joins;
	memory->ended = memory->computed = false;
	foreach(lc, keys_of(query))
	{
		Node	   *key = get_sortgroupclause_expr(lfirst(lc), query->targetList);
		Trace		trace = trace_expr(query,
									   stream_compat_flatten_join_alias_vars(NULL, query, key),
									   memory);

		if (!trace.event_time)
			continue;
		if (closing->key && (closing->trace.kind == TRACE_SESSION ||
							 (trace.kind != TRACE_SESSION &&
							  window_width(&trace, NULL) >=
							  window_width(&closing->trace, NULL))))
			continue;
		closing->trace = trace;
		closing->key = key;
	}
	memory->ended = ended;
	memory->computed = computed;
	memory->closings = lappend(memory->closings, closing);
	return closing;
}

/* Is it the key, or a time or a window that is made of it? */
static bool
is_made_of(Node *expr, Node *key)
{
	FuncExpr   *call;
	Node	   *argument;
	Node	   *interval;
	bool		minus;

	if (equal(expr, key))
		return true;
	if (IsA(expr, OpExpr))
		return is_shifted((OpExpr *) expr, &argument, &interval, &minus) &&
			is_made_of(argument, key);
	if (!IsA(expr, FuncExpr))
		return false;
	call = (FuncExpr *) expr;
	argument = is_bound(call->funcid) ? linitial(call->args) :
		window_argument(call, our_function(call->funcid));
	return argument && is_made_of(argument, key);
}

/*
 * The column of an aggregation, or of first rows: groups close, and change no more,
 * when the window does that closes them.  That of another time or window among the
 * keys may have ended before, by no more than the one that closes reaches beyond the
 * time that both are about.
 */
static Trace
trace_key(Query *query, TargetEntry *tle, Trace trace, Memory *memory)
{
	Closing    *closing;
	int64		reach;

	trace.grouped = true;
	if (!trace.event_time)
		return trace;
	closing = closing_of(query, memory);
	if (closing->key && is_made_of((Node *) tle->expr, closing->key))
	{
		/* what is above has the time of sessions, whatever they were made of */
		if (closing->trace.kind == TRACE_SESSION && trace.kind == TRACE_SESSION)
			trace.of = NULL;
		return trace;
	}
	if (closing->key == NULL || closing->trace.kind == TRACE_SESSION)
		return no_trace;
	if (is_aligned(&closing->trace, &trace) && closing->trace.slack == 0)
		return trace;
	reach = reach_of(&closing->trace);
	if (reach == PG_INT64_MAX)
		return no_trace;
	trace.slack = Max(trace.slack,
					  closing->trace.slack + reach + trace.behind);
	return trace;
}

/* Can a column of UNION be that?  hop is for where its panes can be made. */
static bool
can_be_of_union(const Trace *trace)
{
	const char *name;

	if (trace->kind == TRACE_TIME)
		return true;
	if (trace->kind != TRACE_RANGE && trace->kind != TRACE_START)
		return false;
	name = our_function(trace->call->funcid);
	return name == NULL || strcmp(name, "tumble") == 0;
}

/* Are two parts of UNION of one mind about what is a time, or which window it is? */
static bool
agree(const Trace *a, const Trace *b)
{
	const char *name;
	ListCell   *la;
	ListCell   *lb;

	if (a->kind == TRACE_TIME)
		return true;
	if (a->call->funcid != b->call->funcid ||
		(a->kind == TRACE_START && a->stored != b->stored))
		return false;
	name = our_function(a->call->funcid);
	forboth(la, a->call->args, lb, b->call->args)
	{
		Node	   *arg;

		if (lfirst(la) == window_argument(a->call, name))
			continue;
		arg = eval_const_expressions(NULL, lfirst(la));
		if (!IsA(arg, Const) ||
			!equal(arg, eval_const_expressions(NULL, lfirst(lb))))
			return false;
	}
	return true;
}

/* Makes the trace of a column of UNION that of both parts, which agree. */
static void
trace_both(Trace *trace, const Trace *other)
{
	trace->slack = Max(trace->slack, other->slack);
	if (trace->call == NULL)
		trace->call = other->call;
	if (reach_of(other) > reach_of(trace))
	{
		trace->of = other->of;
		trace->shift = other->shift;
	}
	trace->behind = Max(trace->behind, other->behind);
}

/* A column of a SELECT, of the members of FROM as they are below its outer joins. */
static Node *
below_joins(Query *query, Expr *column)
{
	Node	   *expr = stream_compat_flatten_join_alias_vars(NULL, query,
															 (Node *) column);
	ListCell   *lc;

	foreach(lc, query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_JOIN)
			stream_compat_remove_nulling(expr, foreach_current_index(lc) + 1);
	return expr;
}

/* As trace_expr, for a join in append mode. */
static Trace
trace_in_join(Query *query, Node *expr, Memory *memory)
{
	bool		save = memory->joins;
	Trace		trace;

	memory->joins = memory->append && !STREAM_MUTATION("join_lag");
	trace = trace_expr(query, expr, memory);
	memory->joins = save;
	return trace;
}

static Node *call_in_from(Query *query, Node *expr);

/*
 * The same of a member of FROM that has been made of a part of it, by the columns that this
 * hands on.
 */
static Node *
call_in_part(const RangeTblEntry *rte, const Var *var)
{
	Query	   *part = rte->subquery;
	TargetEntry *tle;
	FuncExpr   *call;
	ListCell   *lc;
	ListCell   *lt;

	if (!stream_nesting_is_hidden(rte) || part->setOperations ||
		(tle = get_tle_by_resno(part->targetList, var->varattno)) == NULL)
		return NULL;
	call = (FuncExpr *) call_in_from(part, (Node *) tle->expr);
	if (call == NULL || !IsA(call, FuncExpr))
		return NULL;
	call = copyObject(call);
	foreach(lc, call->args)
		foreach(lt, part->targetList)
			if (equal(lfirst(lc), lfirst_node(TargetEntry, lt)->expr))
			{
				lfirst(lc) = makeVarFromTargetEntry(var->varno, lfirst(lt));
				break;
			}
			else if (lnext(part->targetList, lt) == NULL &&
					 contain_var_clause(lfirst(lc)))
				return NULL;
	return (Node *) call;
}

/* What a column of a function in FROM is called by; NULL: it is none. */
static Node *
call_in_from(Query *query, Node *expr)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *rte;

	if (!IsA(expr, Var) || var->varlevelsup > 0)
		return NULL;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind == RTE_SUBQUERY)
		return call_in_part(rte, var);
	return rte->rtekind == RTE_FUNCTION && var->varattno == 1 &&
		list_length(rte->functions) == 1 ?
		linitial_node(RangeTblFunction, rte->functions)->funcexpr : NULL;
}

/* The output column of a SELECT that joins streams. */
static Trace
trace_joined(Query *query, Node *expr, Memory *memory)
{
	Trace		trace = trace_in_join(query, expr, memory);
	Node	   *call = call_in_from(query, expr);
	StreamJoined *joined;
	int64		slack;
	bool		bounded;

	if (!trace.event_time)
		return trace;
	/* so the windows are as far behind as what they are of */
	if (call)
		expr = call;
	trace.beside = call != NULL;
	/*
	 * rows of a group may join others any time, unless it is closed, and so may what an outer
	 * join alters
	 */
	if (!memory->append && stream_analyze_joins_changing(query, memory->changes))
		return no_trace;
	joined = joined_of(query, memory);
	bounded = slack_of_joined(joined, expr, memory->joins, &slack);
	if (memory->joins)
	{
		trace.slack = joined->output_lag;
		if (bounded && !STREAM_MUTATION("join_behind"))
			trace.slack = Max(trace.slack, slack);
		trace.open = !bounded;
		trace.made_up |= is_made_up(joined, expr);
		return trace;
	}
	if (!bounded || trace.made_up)
		return no_trace;
	trace.open = false;
	if (!STREAM_MUTATION("hop_beside") || call == NULL)
		trace.slack = Max(trace.slack, slack);
	return trace;
}

/* Does it read another continuous view, to whose result rows are only added, by its name? */
static bool
reads_result(const RangeTblEntry *rte)
{
	StreamViewRow *row;
	ListCell   *lc;

	if (rte->rtekind == RTE_RELATION && rte->inFromCl &&
		rte->relkind == RELKIND_VIEW)
	{
		row = stream_catalog_view(rte->relid);
		return row && !stream_am_relid_is_stream(row->state);
	}
	foreach(lc, rte->rtekind == RTE_SUBQUERY ? rte->subquery->rtable : NIL)
		if (reads_result(lfirst(lc)))
			return true;
	return false;
}

/* The members of FROM that do, as indexes into the range table. */
static List *
results_in(Query *query, Node *jtnode)
{
	List	   *results = NIL;
	int			rtindex;
	ListCell   *lc;

	if (IsA(jtnode, JoinExpr))
		return list_concat(results_in(query, ((JoinExpr *) jtnode)->larg),
						   results_in(query, ((JoinExpr *) jtnode)->rarg));
	if (IsA(jtnode, FromExpr))
	{
		foreach(lc, ((FromExpr *) jtnode)->fromlist)
			results = list_concat(results, results_in(query, lfirst(lc)));
		return results;
	}
	rtindex = ((RangeTblRef *) jtnode)->rtindex;
	return reads_result(rt_fetch(rtindex, query->rtable)) ?
		list_make1_int(rtindex) : NIL;
}

/* The members of FROM whose rows are joined: those that read streams, or such results. */
static List *
joined_members(Query *query, const Memory *memory)
{
	List	   *members = stream_analyze_members_of_from(query);

	return memory->added_only ?
		list_union_int(members, results_in(query, (Node *) query->jointree)) :
		members;
}

/* Does FROM join such a result with rows of streams, or another one? */
static bool
joins_results(Query *query, const Memory *memory)
{
	return memory->added_only && results_in(query, (Node *) query->jointree) &&
		list_length(joined_members(query, memory)) > 1;
}

/* Is it a join, of such results, of rows of streams, or of closed groups? */
static bool
joins_members(Query *query, const Memory *memory)
{
	return stream_analyze_joins_rows(query) || joins_results(query, memory) ||
		(memory->append &&
		 list_length(stream_analyze_members_of_from(query)) > 1);
}

static Trace find_output(Query *query, AttrNumber attno, Memory *memory);

/* The same, as it is for those who read the query's result when its rows are final. */
static Trace
find_final_output(Query *query, AttrNumber attno, Memory *memory)
{
	bool		ended = memory->ended;
	bool		computed = memory->computed;
	bool		joins = memory->joins;
	Trace		trace;

	memory->ended = memory->joins = false;
	memory->computed = true;
	trace = find_output(query, attno, memory);
	memory->ended = ended;
	memory->computed = computed;
	memory->joins = joins;
	trace.stored = true;
	trace.grouped = false;
	return is_known_in_result(&trace) || is_session_in_result(&trace) ?
		trace : no_trace;
}

/* Does it hand on groups when they are closed? */
static bool
is_closed(const Query *query, const Memory *memory)
{
	return stream_analyze_hands_on_closed(query) ||
		(memory->append && (memory->joins || memory->closed) &&
		 query->setOperations == NULL &&
		 (query->hasAggs || query->groupClause || query->groupingSets));
}

/*
 * An output column.  Groups that are handed on when they are closed are read like the result
 * of another view.
 */
static Trace
column_of_output(Query *query, AttrNumber attno, Memory *memory)
{
	bool		closed = memory->closed;
	Trace		trace;

	if (!is_closed(query, memory) || STREAM_MUTATION("closed_time"))
		return find_output(query, attno, memory);
	memory->closed = true;
	trace = find_final_output(query, attno, memory);
	memory->closed = closed;
	return is_session_in_result(&trace) && !memory->ended ? no_trace : trace;
}

/* The output column of a sub-select. */
static Trace
trace_output(Query *query, AttrNumber attno, Memory *memory)
{
	ColumnBelow *column;
	ListCell   *lc;

	check_stack_depth();
	if (!memory->joins)
		return column_of_output(query, attno, memory);
	/* each join above asks again */
	foreach(lc, memory->columns)
	{
		column = lfirst(lc);
		if (column->query == query && column->attno == attno &&
			column->ended == memory->ended &&
			column->computed == memory->computed &&
			column->changes == memory->changes &&
			column->added_only == memory->added_only)
			return column->trace;
	}
	column = palloc(sizeof(ColumnBelow));
	column->query = query;
	column->attno = attno;
	column->ended = memory->ended;
	column->computed = memory->computed;
	column->changes = memory->changes;
	column->added_only = memory->added_only;
	column->trace = column_of_output(query, attno, memory);
	memory->columns = lappend(memory->columns, column);
	return column->trace;
}

/* The same, looked for; of UNION, all parts must agree. */
static Trace
find_output(Query *query, AttrNumber attno, Memory *memory)
{
	TargetEntry *tle;
	Node	   *expr;
	Trace		result = no_trace;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	if (query->setOperations == NULL)
	{
		tle = get_tle_by_resno(query->targetList, attno);
		if (tle == NULL || tle->resjunk || is_chosen_among_others(query, tle))
			return no_trace;
		/* rows that are looked up for may change any time */
		if (stream_analyze_looks_up(query) > 0)
			return no_trace;
		expr = below_joins(query, tle->expr);
		if (joins_members(query, memory))
			return trace_joined(query, expr, memory);
		result = trace_expr(query, expr, memory);
		return keys_of(query) ?
			trace_key(query, tle, result, memory) : result;
	}
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Trace		trace;

		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		trace = trace_output(rte->subquery, attno, memory);
		if (!trace.event_time || (result.kind != TRACE_NONE &&
								  (result.kind != trace.kind ||
								   result.type != trace.type)))
			return no_trace;
		if (result.kind == TRACE_NONE ? !can_be_of_union(&trace) :
			!agree(&trace, &result))
			return no_trace;
		if (result.kind != TRACE_NONE)
			trace_both(&trace, &result);
		result = trace;
	}
	return result;
}

/* The query of an ordinary view, with WITH put in its place. */
static Query *
query_of_view(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Query	   *query = copyObject(get_view_query(rel));

	table_close(rel, NoLock);
	stream_analyze_inline_with(query);
	return query;
}

/* Writes joins, EXISTS and NOT EXISTS in the definition of a view as its operators have them. */
static void
prepare(Query *query, bool append)
{
	stream_semijoin_pull_up_all(query, append);
	if (append)
		nest_chains(query);
}

static ViewBelow *
view_below(const StreamViewRow *row, Memory *memory)
{
	ViewBelow  *below;
	ListCell   *lc;

	foreach(lc, memory->below)
		if (((ViewBelow *) lfirst(lc))->viewid == row->viewid)
			return lfirst(lc);
	below = palloc0(sizeof(ViewBelow));
	below->viewid = row->viewid;
	below->query = query_of_view(row->definition);
	prepare(below->query,
			row->options.output_mode == STREAM_OUTPUT_APPEND);
	memory->below = lappend(memory->below, below);
	return below;
}

/*
 * Does the value of a column of a result say when it ends?  It may be read under another
 * time zone than it was made.
 */
static bool
is_known_in_result(const Trace *trace)
{
	Interval   *unit;

	if (!trace->event_time || trace->kind == TRACE_SESSION ||
		!has_known_length(trace))
		return false;
	if (trace->kind != TRACE_START)
		return true;
	if (trace->call->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT)
		return !contain_var_clause(lthird(trace->call->args));
	if (trace->call->funcid != F_DATE_TRUNC_TEXT_TIMESTAMPTZ)
		return true;
	unit = stream_timeexpr_unit(TextDatumGetCString(constant_argument(trace->call,
																	  0, NULL)->constvalue));
	return unit->month == 0 && unit->day == 0;
}

/* Is it a session, which what is above would merge once more, but for when it ends? */
static bool
is_session_in_result(const Trace *trace)
{
	return trace->event_time && trace->kind == TRACE_SESSION;
}

/*
 * The output column of another continuous view, to whose result rows are only added: it is
 * what it would be if the view's query were a sub-select.
 */
static Trace
trace_result(const StreamViewRow *row, AttrNumber attno, Memory *memory)
{
	ViewBelow  *below = view_below(row, memory);
	bool		added_only = memory->added_only;
	bool		append = memory->append;
	bool		closed = memory->closed;
	ViewColumn *column = NULL;
	Trace		trace;
	ListCell   *lc;

	check_stack_depth();
	/* many ways may lead to it */
	foreach(lc, below->columns)
		if (((ViewColumn *) lfirst(lc))->attno == attno)
			column = lfirst(lc);
	if (column == NULL)
	{
		memory->added_only = true;
		memory->append = row->options.output_mode == STREAM_OUTPUT_APPEND;
		memory->closed = false;
		/* what else is in a sub-select of an expression is not looked through */
		trace = stream_analyze_hidden_stream(below->query) ? no_trace :
			find_final_output(below->query, attno, memory);
		memory->added_only = added_only;
		memory->append = append;
		memory->closed = closed;
		column = palloc(sizeof(ViewColumn));
		column->attno = attno;
		column->trace = trace;
		below->columns = lappend(below->columns, column);
	}
	return is_session_in_result(&column->trace) && !memory->ended ? no_trace :
		column->trace;
}

/* The same, by the name of the view. */
static Trace
trace_view_column(const StreamViewRow *row, AttrNumber attno, Memory *memory)
{
	Oid			result = stream_am_relid_is_stream(row->state) ? row->state :
		memory->added_only ? row->changes : InvalidOid;
	StreamEventTime declared;

	return OidIsValid(result) &&
		stream_declare_event_time(result, &declared) ?
		trace_result(row, attno, memory) : no_trace;
}

static Trace
trace_table_column(Oid relid, AttrNumber attno, Memory *memory)
{
	bool		added_only = memory->added_only;
	Trace		trace = no_trace;
	StreamEventTime declared;
	StreamViewRow *row;

	if (get_rel_relkind(relid) == RELKIND_VIEW)
	{
		row = stream_catalog_view(relid);
		if (row)
			return trace_view_column(row, attno, memory);
		/* in an ordinary view other views are looked at as tables are */
		memory->added_only = false;
		trace = trace_output(query_of_view(relid), attno, memory);
		memory->added_only = added_only;
		return trace;
	}
	if (!stream_declare_event_time(relid, &declared))
		return no_trace;
	if (OidIsValid(declared.result_of))
	{
		row = stream_catalog_view(declared.result_of);
		/* in a change stream, two columns come first */
		return trace_result(row, row->changes == relid ? attno - 2 : attno,
							memory);
	}
	if (declared.attnum != attno)
		return no_trace;
	trace.kind = TRACE_TIME;
	trace.event_time = true;
	trace.type = declared.type;
	return trace;
}

static Trace
trace_column(Query *query, Var *var, Memory *memory)
{
	RangeTblEntry *rte;
	Node	   *grouped;

	if (var->varlevelsup > 0 || var->varattno <= 0)
		return no_trace;
	rte = rt_fetch(var->varno, query->rtable);
	grouped = stream_compat_group_expr(rte, var->varattno);
	if (grouped)
		return trace_expr(query, grouped, memory);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return trace_table_column(rte->relid, var->varattno, memory);
		case RTE_SUBQUERY:
			return trace_output(rte->subquery, var->varattno, memory);
		case RTE_FUNCTION:
			{
				RangeTblFunction *function = linitial(rte->functions);

				if (list_length(rte->functions) > 1 || var->varattno != 1)
					return no_trace;
				return trace_expr(query, function->funcexpr, memory);
			}
		default:
			return no_trace;
	}
}

static Trace
trace_expr(Query *query, Node *expr, Memory *memory)
{
	while (IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	if (IsA(expr, Var))
		return trace_column(query, (Var *) expr, memory);
	if (IsA(expr, FuncExpr))
		return trace_call(query, (FuncExpr *) expr, memory);
	if (IsA(expr, OpExpr))
		return trace_shifted(query, (OpExpr *) expr, memory);
	return no_trace;
}

/* What an expression over the query's FROM is, as to time. */
static Trace
trace_of(Query *query, Node *expr, bool append, bool changes)
{
	Memory		memory = {.append = append,.changes = changes};

	return trace_expr(query, expr, &memory);
}

bool
stream_eventtime_closes(Query *query)
{
	Memory		memory = {.append = true};

	return closing_of(query, &memory)->key != NULL;
}

bool
stream_eventtime_groups_by_session(Query *query)
{
	ListCell   *lc;

	query = copyObject(query);
	stream_compat_flatten_groups(query);
	foreach(lc, query->groupClause)
	{
		Node	   *key = get_sortgroupclause_expr(lfirst(lc),
												   query->targetList);

		Trace		trace;

		key = stream_compat_flatten_join_alias_vars(NULL, query, key);
		trace = trace_of(query, key, false, false);
		if (trace.kind == TRACE_SESSION && !trace.grouped)
			return true;
	}
	return false;
}

/* ---- sessions that cannot be merged ---- */

static bool comes_from_session(Node *node, Query *query);

static bool
output_comes_from_session(Query *query, AttrNumber attno)
{
	TargetEntry *tle = get_tle_by_resno(query->targetList, attno);
	ListCell   *lc;

	/* what comes out of an aggregation has been merged there */
	if (query->hasAggs || query->groupClause || tle == NULL)
		return false;
	if (query->setOperations == NULL)
		return comes_from_session((Node *) tle->expr, query);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY &&
			output_comes_from_session(rte->subquery, attno))
			return true;
	}
	return false;
}

static bool
column_comes_from_session(Query *query, Var *var)
{
	RangeTblEntry *rte;

	if (var->varlevelsup > 0 || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return get_rel_relkind(rte->relid) == RELKIND_VIEW &&
				output_comes_from_session(query_of_view(rte->relid),
										  var->varattno);
		case RTE_SUBQUERY:
			return output_comes_from_session(rte->subquery, var->varattno);
		case RTE_JOIN:
			return comes_from_session(list_nth(rte->joinaliasvars,
											   var->varattno - 1), query);
		case RTE_FUNCTION:
			return comes_from_session((Node *) rte->functions, query);
		case RTE_VALUES:
			return comes_from_session((Node *) rte->values_lists, query);
		default:
			return false;
	}
}

static bool
comes_from_session(Node *node, Query *query)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		stream_eventtime_is_session(((FuncExpr *) node)->funcid))
		return true;
	if (IsA(node, Var))
		return column_comes_from_session(query, (Var *) node);
	return expression_tree_walker(node, comes_from_session, query);
}

void
stream_eventtime_check_session(Query *query, Node *key, bool changes,
							   const char *source)
{
	Oid			type = exprType(key);

	if (changes && stream_eventtime_has_session(key) &&
		trace_of(query, key, false, true).kind != TRACE_SESSION)
		stream_refuse("grouping by an expression over a session of groups is",
					  key, source, "Group by one session_window as it is.");
	if ((type == TSRANGEOID || type == TSTZRANGEOID) &&
		trace_of(query, key, false, false).kind == TRACE_NONE &&
		comes_from_session(key, query))
		stream_refuse("a session that is more than a column of sub-selects is",
					  key, source,
					  "Group by session_window in the SELECT whose FROM has the time.");
}

/* ---- arguments ---- */

static bool
is_call_of(FuncExpr *call, const char *name)
{
	const char *ours = call ? our_function(call->funcid) : NULL;

	return ours && strcmp(ours, name) == 0;
}

/* Microseconds of a constant interval argument; false if it is not fixed. */
static bool
fixed_argument(FuncExpr *call, int n, int64 *us)
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

/* Does a call count in a time zone, which is its argument n? */
static bool
has_time_zone(FuncExpr *call, int n)
{
	Node	   *zone;

	if (list_length(call->args) <= n)
		return false;
	zone = eval_const_expressions(NULL, llast(call->args));
	return !IsA(zone, Const) || !((Const *) zone)->constisnull;
}

/* ---- lengths and ends ---- */

static Const *
constant_argument(FuncExpr *call, int n, const char *source)
{
	Node	   *arg = eval_const_expressions(NULL, list_nth(call->args, n));

	if (!IsA(arg, Const) || ((Const *) arg)->constisnull)
		stream_refuse("a window of the event time whose length is not a constant is",
					  list_nth(call->args, n), source,
					  "Write the length as a literal.");
	return (Const *) arg;
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

/*
 * The longest that windows of an event time are; their lengths are the same, or
 * at least they end in the order in which they begin.
 */
static int64
window_width(const Trace *trace, const char *source)
{
	Const	   *length;

	if (!trace->event_time || trace->kind == TRACE_TIME ||
		trace->kind == TRACE_SESSION)
		return 0;
	length = constant_argument(trace->call, trace->kind == TRACE_RANGE ? 1 : 0,
							   source);
	if (length->consttype == INTERVALOID)
		return longest(DatumGetIntervalP(length->constvalue));
	return longest(stream_timeexpr_unit(TextDatumGetCString(length->constvalue)));
}

/*
 * How long after the time that it is made of the window or time may end, in
 * microseconds; PG_INT64_MAX: nobody knows.
 */
static int64
reach_of(const Trace *trace)
{
	int64		width;
	int64		reach;

	if (trace->of == NULL)
		return 0;
	reach = reach_of(trace->of);
	if (trace->kind == TRACE_TIME)
		return reach == PG_INT64_MAX ||
			pg_add_s64_overflow(reach, trace->shift, &reach) ? PG_INT64_MAX :
			reach;
	if (!has_known_length(trace))
		return PG_INT64_MAX;
	if (trace->kind != TRACE_SESSION)
		width = window_width(trace, NULL);
	else if (!fixed_argument(trace->call, 1, &width))
		return PG_INT64_MAX;
	return pg_add_s64_overflow(reach, width, &reach) ? PG_INT64_MAX : reach;
}

/* Is each of the first windows within one of the second, as far as is known? */
static bool
is_aligned(const Trace *shorter, const Trace *longer)
{
	int64		sizes[2];
	int64		offsets[2];

	/* a time is within all of its windows */
	if (shorter->kind == TRACE_TIME)
		return reach_of(shorter) == 0;
	for (int i = 0; i < 2; i++)
	{
		const Trace *trace = i == 0 ? shorter : longer;

		if (trace->kind != TRACE_RANGE || !is_call_of(trace->call, "tumble") ||
			reach_of(trace->of) != 0 || trace->behind != 0 ||
			has_time_zone(trace->call, 3) ||
			!fixed_argument(trace->call, 1, &sizes[i]) ||
			!fixed_argument(trace->call, 2, &offsets[i]))
			return false;
	}
	return sizes[0] > 0 && sizes[1] % sizes[0] == 0 &&
		(offsets[1] - offsets[0]) % sizes[0] == 0;
}

/* Where the window ends that is told by the value. */
static Expr *
end_of_window(const Trace *trace, Node *value, const char *source)
{
	Const	   *length;

	switch (trace->kind)
	{
		case TRACE_TIME:
			/* that of a window is a microsecond before it ends */
			return trace->call == NULL ? (Expr *) value :
				stream_timeexpr_later((Expr *) value, 1);
		case TRACE_RANGE:
		case TRACE_SESSION:
			return stream_timeexpr_upper(trace->type, value);
		default:
			break;
	}
	length = constant_argument(trace->call, 0, source);
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
end_of(const Trace *trace, Node *value, const char *source)
{
	Expr	   *end = end_of_window(trace, value, source);

	return trace->slack == 0 ? end : stream_timeexpr_later(end, trace->slack);
}

/* ---- checking ---- */

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

/* What would fail for every row is refused; the error points to the call. */
static void
check_call(FuncExpr *call, const char *source)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseCallbackState callback;

	pstate->p_sourcetext = source;
	setup_parser_errposition_callback(&callback, pstate, call->location);
	check_known_arguments(call, our_function(call->funcid));
	cancel_parser_errposition_callback(&callback);
}

/* ---- hop ---- */

static int64
greatest_common_divisor(int64 a, int64 b)
{
	while (b != 0)
	{
		int64		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* tumble of the time that a call of hop is about, by so many microseconds. */
static Expr *
tumble_by(FuncExpr *call, int64 size, int64 offset)
{
	Node	   *time = linitial(call->args);
	Oid			argtypes[] = {
		exprType(time), INTERVALOID, INTERVALOID, TEXTOID
	};
	char	   *schema = get_namespace_name(get_func_namespace(call->funcid));
	bool		zoned = exprType(time) == TIMESTAMPTZOID;
	Oid			funcid = LookupFuncName(list_make2(makeString(schema),
												   makeString("tumble")),
										zoned ? 4 : 3, argtypes, false);
	List	   *args = list_make3(copyObject(time),
								  stream_timeexpr_interval_us(size),
								  stream_timeexpr_interval_us(offset));

	if (zoned)
		args = lappend(args, makeNullConst(TEXTOID, -1,
										   DEFAULT_COLLATION_OID));
	return (Expr *) makeFuncExpr(funcid, exprType((Node *) call), args,
								 InvalidOid, DEFAULT_COLLATION_OID,
								 COERCE_EXPLICIT_CALL);
}

/* The end of the last of the windows that a call of hop gives, and so long after it. */
static Expr *
last_end(FuncExpr *call, int64 slack)
{
	Oid			type = exprType(linitial(call->args));
	bool		zoned = type == TIMESTAMPTZOID;
	Oid			argtypes[] = {
		type, INTERVALOID, INTERVALOID, INTERVALOID, TEXTOID
	};
	Oid			funcid = LookupFuncName(list_make2(makeString("streaming"),
												   makeString("_hop_end")),
										zoned ? 5 : 4, argtypes, false);
	Expr	   *end = (Expr *)
		makeFuncExpr(funcid, type, copyObject(call->args), InvalidOid,
					 DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);

	return slack == 0 ? end : stream_timeexpr_later(end, slack);
}

/*
 * A call of hop with constant arguments is done by panes: the largest pieces of
 * time that no window begins or ends within.
 */
static void
divide_into_panes(StreamWindow *window, FuncExpr *call)
{
	if (!fixed_argument(call, 1, &window->size) ||
		!fixed_argument(call, 2, &window->slide) ||
		!fixed_argument(call, 3, &window->offset) ||
		window->size <= 0 || window->slide <= 0 ||
		window->slide > window->size || has_time_zone(call, 4))
		return;
	window->kind = STREAM_WINDOW_PANES;
	window->pane = tumble_by(call, greatest_common_divisor(window->size,
														   window->slide),
							 window->offset);
	window->row_end = last_end(call, window->slack);
}

/* Is the member of FROM one that no outer join makes up rows for? */
static bool
is_joined_inside(Node *jtnode, int rtindex)
{
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return ((RangeTblRef *) jtnode)->rtindex == rtindex;
	if (IsA(jtnode, JoinExpr))
		return ((JoinExpr *) jtnode)->jointype == JOIN_INNER &&
			(is_joined_inside(((JoinExpr *) jtnode)->larg, rtindex) ||
			 is_joined_inside(((JoinExpr *) jtnode)->rarg, rtindex));
	foreach(lc, castNode(FromExpr, jtnode)->fromlist)
		if (is_joined_inside(lfirst(lc), rtindex))
			return true;
	return false;
}

typedef struct UseOfWindow
{
	int			rtindex;
	bool		inside;			/* within an aggregate or a sub-select */
	int			sublevels_up;
} UseOfWindow;

/* Is the member of FROM used for anything but its column in the output? */
static bool
used_walker(Node *node, UseOfWindow *use)
{
	bool		inside = use->inside;
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return use->inside && ((Var *) node)->varno == use->rtindex &&
			((Var *) node)->varlevelsup == use->sublevels_up;
	if (IsA(node, Query))
	{
		use->inside = true;
		use->sublevels_up++;
		result = query_tree_walker((Query *) node, used_walker, use, 0);
		use->sublevels_up--;
	}
	else
	{
		use->inside = use->inside || IsA(node, Aggref);
		result = expression_tree_walker(node, used_walker, use);
	}
	use->inside = inside;
	return result;
}

/*
 * May panes take the place of the windows that a member of FROM gives?  Only if
 * nothing below the aggregation looks at them.
 */
static bool
can_be_panes(Query *query, List *keys, int key, int rtindex)
{
	UseOfWindow use = {rtindex, false, 0};
	ListCell   *lc;

	if (used_walker((Node *) query->targetList, &use) ||
		used_walker(query->havingQual, &use))
		return false;
	use.inside = true;
	if (used_walker((Node *) query->jointree, &use))
		return false;
	foreach(lc, keys)
		if (foreach_current_index(lc) != key &&
			used_walker(lfirst(lc), &use))
			return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (foreach_current_index(lc) + 1 != rtindex && rte->lateral)
			return false;
	}
	return true;
}

/* ---- finding ---- */

/*
 * Makes panes of the windows of hop, where that can be done.  Elsewhere a row
 * becomes as many as it has windows, and may be late in some only.
 */
static void
make_panes(StreamWindow *window, Query *query, List *keys, FuncExpr *call,
		   bool whole)
{
	Node	   *expr = list_nth(keys, window->key);
	int			rtindex;

	/* a set without the window counts a row as often as it has windows */
	if (!window->in_all_sets && IsA(expr, FuncExpr))
		return;
	if (IsA(expr, FuncExpr))
	{
		if (!whole)
			divide_into_panes(window, call);
		return;
	}
	if (!IsA(expr, Var))
		return;
	rtindex = ((Var *) expr)->varno;
	if (rt_fetch(rtindex, query->rtable)->rtekind != RTE_FUNCTION ||
		!is_joined_inside((Node *) query->jointree, rtindex))
		return;
	window->row_time = linitial(call->args);
	if (!whole && window->in_all_sets &&
		can_be_panes(query, keys, window->key, rtindex))
		divide_into_panes(window, call);
	if (window->pane)
		window->pane_rtindex = rtindex;
	else
		window->last_end = last_end(call, window->slack);
}

/* Is there a window for every time?  A session has none if its gap is bad. */
static bool
has_window_for_all(const Trace *trace)
{
	int64		gap;

	return trace->kind != TRACE_SESSION ||
		(fixed_argument(trace->call, 1, &gap) && gap > 0);
}

static StreamWindow *
make_window(const Trace *trace, int key, Node *expr, const char *source)
{
	StreamWindow *window = palloc0(sizeof(StreamWindow));
	Var		   *column = makeVar(1, key + 1, exprType(expr), exprTypmod(expr),
								 exprCollation(expr), 0);

	window->key = key;
	window->event_time = trace->event_time;
	window->type = trace->type;
	window->slack = trace->slack;
	window->width = window_width(trace, source) + trace->slack;
	window->key_column = column;
	window->key_end = end_of(trace, (Node *) column, source);
	window->row_end = end_of(trace, copyObject(expr), source);
	if (trace->kind == TRACE_TIME)
		window->row_time = window->row_end;
	else if (IsA(expr, FuncExpr) && has_window_for_all(trace))
		window->row_time = (Expr *)
			window_argument(trace->call, our_function(trace->call->funcid));
	switch (trace->kind)
	{
		case TRACE_TIME:
			window->kind = STREAM_WINDOW_NONE;
			break;
		case TRACE_START:
			window->kind = STREAM_WINDOW_START;
			break;
		case TRACE_SESSION:
			window->kind = STREAM_WINDOW_SESSION;
			break;
		default:
			window->kind = STREAM_WINDOW_RANGE;
	}
	return window;
}

/* Is the first of two windows among the keys the one that closes groups? */
static bool
closes_first(const Trace *a, const Trace *b, Node *expr, const char *source)
{
	bool		session = a->kind == TRACE_SESSION;

	if (session && b->kind == TRACE_SESSION)
		stream_refuse("grouping by more than one session is", expr, source,
					  "Group by one of them.");
	if (session || b->kind == TRACE_SESSION)
		return session;
	if (a->event_time != b->event_time)
		return a->event_time;
	return window_width(a, source) < window_width(b, source);
}

/*
 * A group that has several windows is final when one of them is closed: the
 * shortest.  Where that is not a part of the others, something may be late for one
 * of them that still counts.
 */
static void
notice_longer(const Trace *shorter, const Trace *longer, const char *source)
{
	int64		width;

	/* once, with the statement */
	if (source == NULL || !shorter->event_time || !longer->event_time)
		return;
	width = window_width(shorter, source);
	if (width > 0 && window_width(longer, source) % width != 0)
		ereport(NOTICE,
				(errmsg("a group is final when the shortest of its windows is closed"),
				 errdetail("A row that is late for a longer one only still counts."),
				 errhint("Have windows that are parts of each other, such as hours and days.")));
}

/* The key that is the window by which groups close, or -1. */
static int
choose_window(Query *query, List *keys, bool append, bool changes,
			  const char *source)
{
	Trace		chosen;
	int			key = -1;
	ListCell   *lc;

	foreach(lc, keys)
	{
		Node	   *expr = lfirst(lc);
		Trace		trace = trace_of(query, expr, append, changes);
		bool		first;

		if (trace.kind == TRACE_START || trace.kind == TRACE_RANGE ||
			trace.kind == TRACE_SESSION)
			check_call(trace.call, source);
		/* without an event time, only some windows need our attention */
		if (!trace.event_time && trace.kind != TRACE_SESSION &&
			!is_call_of(trace.call, "hop"))
			continue;
		/* sessions that have been merged below are values like others */
		if (changes && trace.kind == TRACE_SESSION && trace.grouped)
			continue;
		first = key < 0 || closes_first(&trace, &chosen, expr, source);
		if (key >= 0)
			notice_longer(first ? &trace : &chosen, first ? &chosen : &trace,
						  source);
		if (!first)
			continue;
		chosen = trace;
		key = foreach_current_index(lc);
	}
	return key;
}

/* Refuses calls of hop of an event time whose late rows could not be told. */
static void
check_hop(StreamWindow *window, Node *expr, bool whole, const char *source)
{
	if (window->pane == NULL && window->last_end == NULL &&
		!expression_returns_set(expr))
		stream_refuse("hop in a sub-select, in a view or in an outer join is",
					  expr, source,
					  "Call it in the outermost FROM: FROM stream, hop(stream.ts, ...) AS w ... GROUP BY w.");
	if (!window->in_all_sets && expression_returns_set(expr))
		stream_refuse("hop among the columns that is not in every grouping set is",
					  expr, source,
					  "Call it in FROM: FROM stream, hop(stream.ts, ...) AS w.");
	if (window->pane == NULL && expression_returns_set(expr))
		stream_refuse(whole ?
					  "hop among the columns, beside aggregates that need whole rows, is" :
					  "hop in a time zone, or by lengths that are not constant, among the columns is",
					  expr, source,
					  "Call it in FROM: FROM stream, hop(stream.ts, ...) AS w ... GROUP BY w.");
}

StreamWindow *
stream_eventtime_find(Query *query, List *keys, bool append, bool whole,
					  bool changes, const char *source)
{
	int			key = choose_window(query, keys, append, changes, source);
	StreamWindow *window;
	Node	   *expr;
	Trace		trace;

	if (key < 0)
		return NULL;
	expr = list_nth(keys, key);
	trace = trace_of(query, expr, append, changes);
	window = make_window(&trace, key, expr, source);
	window->in_all_sets = stream_groupings_all_have(query, key);
	if (trace.kind == TRACE_SESSION && !window->in_all_sets)
		stream_refuse("a grouping set without the session is", expr, source,
					  "Have the session in each grouping set, and create another continuous view for what is not about sessions.");
	/* whose rows are late is told below what changes */
	if (is_call_of(trace.call, "hop") && !trace.stored && !changes &&
		!trace.beside)
	{
		make_panes(window, query, keys, trace.call, whole);
		if (window->event_time)
			check_hop(window, expr, whole, source);
	}
	return window;
}

Expr *
stream_eventtime_session_end(const StreamWindow *window)
{
	return stream_timeexpr_upper(window->type, (Node *) window->key_column);
}

void
stream_eventtime_place(StreamWindow *window, int nkeys)
{
	window->key = window->kind == STREAM_WINDOW_SESSION ? nkeys - 1 : 0;
	window->key_column->varattno = window->key_column->varattnosyn =
		window->key + 1;
}

/* Is the length of the window a constant? */
static bool
has_known_length(const Trace *trace)
{
	Node	   *length;

	if (trace->kind != TRACE_RANGE && trace->kind != TRACE_START)
		return true;
	length = eval_const_expressions(NULL,
									list_nth(trace->call->args,
											 trace->kind == TRACE_RANGE ? 1 : 0));
	return IsA(length, Const) && !((Const *) length)->constisnull;
}

/*
 * A column of a member of FROM that is an event time (or a window), or NULL.  seen: one of
 * these (attribute numbers); NULL: any.
 */
static Node *
time_column(Query *query, int rtindex, bool window, const Bitmapset *seen,
			Memory *memory)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	List	   *vars;
	Node	   *best = NULL;
	int			best_rank = 0;
	List	   *open = NIL;
	ListCell   *lc;

	if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_SUBQUERY)
		return NULL;
	stream_compat_expand_rte(rte, rtindex, 0, VAR_RETURNING_DEFAULT, -1, false,
							 NULL, &vars);
	foreach(lc, vars)
	{
		Trace		trace;
		int			rank;

		if (!IsA(lfirst(lc), Var) ||
			(seen && !bms_is_member(lfirst_node(Var, lc)->varattno, seen)))
			continue;
		trace = trace_expr(query, lfirst(lc), memory);
		if (!trace.event_time ||
			!(window ? (trace.kind == TRACE_START ||
						trace.kind == TRACE_RANGE) && has_known_length(&trace) :
			  trace.kind == TRACE_TIME))
			continue;
		if (trace.open)
		{
			open = lappend(open, lfirst(lc));
			continue;
		}
		/* rather one that is never null, and rather one that is not computed */
		rank = (trace.made_up ? 2 : 0) + (!window && trace.of ? 1 : 0);
		if (best && rank >= best_rank)
			continue;
		best = lfirst(lc);
		best_rank = rank;
	}
	/* a row with several times that say nothing of when it comes is late by none (rule B10) */
	return best == NULL && list_length(open) == 1 ? linitial(open) : best;
}

/* ---- joins ---- */

/* What is known so far of a query that joins streams, or NULL. */
static StreamJoined *
find_joined(Query *query, Memory *memory)
{
	ListCell   *lc;

	foreach(lc, memory->joined)
		if (((StreamJoined *) lfirst(lc))->query == query)
			return lfirst(lc);
	return NULL;
}

/* Are rows of the member late by that time, or by the window of it? */
static bool
says_what_is_late(StreamJoined *joined, const StreamTimeOf *time)
{
	Node	   *late = time_of_lateness(joined, time->member);

	return !joined->timed ||
		(late && (equal(late, time->expr) || equal(late, time->time)));
}

/* As trace_in_join, also of a time that is computed of an event time. */
static Trace
trace_said(Query *query, Node *expr, Memory *memory)
{
	bool		save = memory->computed;
	Trace		trace;

	memory->computed = true;
	trace = trace_in_join(query, expr, memory);
	memory->computed = save;
	return trace;
}

/* The window that the expression is a bound, or the last microsecond, of; or NULL. */
static Node *
bounded_window(Node *expr)
{
	FuncExpr   *call = (FuncExpr *) expr;

	return IsA(expr, FuncExpr) && list_length(call->args) == 1 &&
		(is_bound(call->funcid) || is_call_of(call, "window_time")) ?
		linitial(call->args) : NULL;
}

/* No window is shorter: those of days and months may be, where clocks are changed. */
static int64
least_width(const Trace *trace, int64 longest)
{
	int64		us;

	return trace->kind == TRACE_RANGE && fixed_argument(trace->call, 1, &us) &&
		us == longest ? us : 1;
}

/* Makes of what is said of a window what is said of a bound of it. */
static void
make_bound_of(StreamTimeOf *result, Node *expr, Node *window)
{
	result->expr = expr;
	result->of = window;
	result->window = false;
	result->early = is_call_of((FuncExpr *) expr, "window_time") ? 1 : 0;
	if (((FuncExpr *) expr)->funcid == F_LOWER_ANYRANGE &&
		!STREAM_MUTATION("join_bound"))
	{
		result->low = -result->width;
		result->high = -result->least;
		result->slack += result->width;
	}
	/* what it is a window of says no more than the window does */
	if (result->low != 0 || IsA(window, Var))
	{
		result->time = expr;
		result->width = 0;
	}
}

/*
 * What an expression says of the event time of one member of FROM.  What is before that, or
 * computed of a window, comes for so much longer.
 */
static bool
time_of_member(Query *query, Node *expr, void *arg, StreamTimeOf *result)
{
	Memory	   *memory = arg;
	Node	   *window = bounded_window(expr);
	Trace		trace;
	StreamJoined *joined;

	if (window && time_of_member(query, window, arg, result) &&
		result->window)
	{
		make_bound_of(result, expr, window);
		return true;
	}
	memset(result, 0, sizeof(StreamTimeOf));
	/* what is added to a time is said beside it */
	if (IsA(expr, OpExpr))
		return false;
	trace = trace_said(query, expr, memory);
	joined = find_joined(query, memory);
	if (!trace.event_time || trace.kind == TRACE_NONE ||
		trace.kind == TRACE_SESSION ||
		!bms_get_singleton_member(pull_varnos(NULL, expr), &result->member))
		return false;
	if (trace.kind != TRACE_TIME && trace.of == NULL)
		return false;
	if (!has_known_length(&trace))
		return false;
	result->expr = expr;
	result->window = trace.kind != TRACE_TIME;
	result->time = result->window && IsA(expr, FuncExpr) ?
		window_argument((FuncExpr *) expr,
						our_function(((FuncExpr *) expr)->funcid)) : expr;
	result->width = window_width(&trace, NULL);
	result->least = least_width(&trace, result->width);
	/* that of a window is a microsecond before it ends */
	if (trace.kind == TRACE_TIME && trace.call)
		result->early = 1;
	if (pg_add_s64_overflow(joined->lag, trace.behind, &result->slack))
		return false;
	result->slack = Max(result->slack, trace.slack);
	result->call = trace.call;
	result->type = trace.type;
	result->made_up = trace.made_up;
	return !trace.open || says_what_is_late(joined, result);
}

/* What a column of a sub-select is there, or NULL. */
static Node *
column_below(Query *query, Node *expr)
{
	Var		   *var = (Var *) expr;
	TargetEntry *tle;

	if (!IsA(expr, Var) || query->setOperations)
		return NULL;
	tle = get_tle_by_resno(query->targetList, var->varattno);
	return tle ? below_joins(query, tle->expr) : NULL;
}

/*
 * How much one time of a member is after another: what has joined them says that (of rows that
 * an outer join makes up, one is null).
 */
static bool
apart_in_member(Query *query, Node *expr, Node *other, void *arg, int64 *us)
{
	Memory	   *memory = arg;
	StreamJoined *joined;
	int			member;
	RangeTblEntry *rte;
	ListCell   *lc;

	check_stack_depth();
	if (!memory->append ||
		!bms_get_singleton_member(pull_varnos(NULL, expr), &member))
		return false;
	rte = rt_fetch(member, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	query = rte->subquery;
	expr = column_below(query, expr);
	other = column_below(query, other);
	if (expr == NULL || other == NULL || query->groupClause ||
		query->hasAggs || query->distinctClause)
		return false;
	if (bms_equal(pull_varnos(NULL, expr), pull_varnos(NULL, other)))
		return apart_in_member(query, expr, other, arg, us);
	if (!joins_members(query, memory))
		return false;
	joined = joined_of(query, memory);
	if (joined->bounds)
		return stream_bounds_apart(joined->bounds, expr, other, us);
	foreach(lc, joined->pairs)
		if (stream_bounds_apart(((Pair *) lfirst(lc))->bounds, expr, other, us))
			return true;
	return false;
}

/* What a query that joins says with the event time of a member. */
typedef struct UseOfTime
{
	Query	   *query;
	Memory	   *memory;
	Var		   *time;
	bool		bare;			/* that itself, or what is no window of it */
	Node	   *window;			/* a window of it; ... */
	bool		several;		/* ... there are others */
} UseOfTime;

static bool
is_time(Node *node, const Var *time)
{
	Var		   *var = (Var *) node;

	return IsA(node, Var) && var->varno == time->varno &&
		var->varlevelsup == 0 &&
		(var->varattno == time->varattno ||
		 var->varattno == InvalidAttrNumber);
}

static bool
use_walker(Node *node, UseOfTime *use)
{
	StreamTimeOf time = {0};

	if (node == NULL)
		return false;
	if (is_time(node, use->time))
	{
		use->bare = true;
		return true;
	}
	if (IsA(node, FuncExpr) && !((FuncExpr *) node)->funcretset &&
		time_of_member(use->query, node, use->memory, &time) &&
		time.window && is_time(time.time, use->time))
	{
		use->several |= use->window && !equal(use->window, node);
		use->window = node;
		return false;
	}
	return expression_tree_walker(node, use_walker, use);
}

/* A copy of its columns and its FROM, without the sub-selects there. */
static Query *
copy_without_members(const Query *query)
{
	Query	   *result = makeNode(Query);
	ListCell   *lc;

	*result = *query;
	result->rtable = NIL;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = makeNode(RangeTblEntry);

		*rte = *lfirst_node(RangeTblEntry, lc);
		rte->subquery = NULL;
		result->rtable = lappend(result->rtable, rte);
	}
	result->targetList = copyObject(query->targetList);
	result->jointree = copyObject(query->jointree);
	return result;
}

/* Its columns and its FROM, as they are below outer joins. */
static Node *
find_said(Query *query)
{
	List	   *partial = stream_analyze_partial_joins(query);
	ListCell   *lc;

	query = copy_without_members(query);
	foreach(lc, partial)
		if (lfirst_node(JoinExpr, lc)->rtindex > 0)
			stream_compat_remove_nulling(query,
										 lfirst_node(JoinExpr, lc)->rtindex);
	stream_compat_flatten_groups(query);
	return stream_compat_flatten_join_alias_vars(NULL, query, (Node *)
												 list_make2(query->targetList,
															query->jointree));
}

static Node *
said_by(Query *query, Memory *memory)
{
	StreamJoined *joined = find_joined(query, memory);

	if (joined->said == NULL)
		joined->said = find_said(query);
	return joined->said;
}

/*
 * The window of a member's event time that is all that the join says of it: then its rows
 * are late when that has ended (rule D1).  NULL: there is none, or it says more.
 */
static Node *
only_window(Query *query, Node *time, Memory *memory)
{
	UseOfTime	use = {query, memory, (Var *) time};

	if (query->hasSubLinks || STREAM_MUTATION("join_row_time"))
		return NULL;
	(void) use_walker(said_by(query, memory), &use);
	return use.bare || use.several ? NULL : use.window;
}

/* The columns of a sub-select that the join is given (attribute numbers); NULL: all. */
static Bitmapset *
columns_given(Query *query, int rtindex, Memory *memory)
{
	Bitmapset  *given = bms_make_singleton(0);
	ListCell   *lc;
	List	   *vars = pull_vars_of_level(said_by(query, memory), 0);

	foreach(lc, vars)
	{
		Var		   *var = lfirst_node(Var, lc);

		if (var->varno != rtindex)
			continue;
		if (var->varattno == InvalidAttrNumber)
			return NULL;
		if (var->varattno > 0)
			given = bms_add_member(given, var->varattno);
	}
	return given;
}

/* By what rows of a member are late: an event time, or a window of one; or NULL. */
static Node *
lateness_of_member(Query *query, int rtindex, Memory *memory)
{
	Bitmapset  *given = memory->joins &&
		rt_fetch(rtindex, query->rtable)->rtekind == RTE_SUBQUERY ?
		columns_given(query, rtindex, memory) : NULL;
	Node	   *time = time_column(query, rtindex, false, given, memory);
	Node	   *window = time ? only_window(query, time, memory) : NULL;

	if (window)
		return window;
	return time ? time : time_column(query, rtindex, true, given, memory);
}

static Node *
time_of_lateness(StreamJoined *joined, int member)
{
	ListCell   *lm;
	ListCell   *lt;

	forboth(lm, joined->members, lt, joined->times)
		if (lfirst_int(lm) == member)
			return lfirst(lt);
	return NULL;
}

/* The bounds of members, by conditions of that part of FROM. */
static StreamBounds *
find_bounds(StreamJoined *joined, Node *from, List *members, Memory *memory)
{
	List	   *times = NIL;
	ListCell   *lc;

	foreach(lc, members)
		times = lappend(times, time_of_lateness(joined, lfirst_int(lc)));
	return stream_bounds_find(joined->query, from, members, times,
							  memory->append, time_of_member, apart_in_member,
							  memory);
}

/* The first side of the tests, or of the join. */
static int
first_member(Node *jtnode)
{
	while (IsA(jtnode, JoinExpr))
		jtnode = ((JoinExpr *) jtnode)->larg;
	return ((RangeTblRef *) jtnode)->rtindex;
}

static Pair *
make_pair(StreamJoined *joined, JoinExpr *join, Memory *memory)
{
	Pair	   *pair = palloc(sizeof(Pair));

	pair->left = first_member((Node *) join);
	pair->right = ((RangeTblRef *) join->rarg)->rtindex;
	pair->left_alone = join->jointype != JOIN_RIGHT;
	pair->right_alone = join->jointype == JOIN_RIGHT ||
		join->jointype == JOIN_FULL;
	/* other conditions do not say what finds what */
	pair->bounds = find_bounds(joined,
							   (Node *) makeFromExpr(NIL, join->quals),
							   list_make2_int(pair->left, pair->right),
							   memory);
	return pair;
}

/*
 * ---- the watermark of joins (rule K1) ----
 *
 * Of what has been in time, no row that a join hands on is late above it: there, each time of
 * it that is not open is after the watermark of that join.  That is why it is the least that the
 * members hand on, less how far the time that says what is late may be behind (trace_joined).
 */

static int64 lag_of_query(Query *query, Memory *memory);

/* How far what a member hands on may be behind the watermark, in microseconds. */
static int64
lag_of_member(Query *query, int rtindex, Memory *memory)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	Node	   *time;

	if (rte->rtekind == RTE_SUBQUERY)
		return lag_of_query(rte->subquery, memory);
	time = time_column(query, rtindex, false, NULL, memory);
	if (time == NULL)
		time = time_column(query, rtindex, true, NULL, memory);
	return time ? trace_expr(query, time, memory).slack : 0;
}

/* The same of a sub-select: of several, it is the one that is furthest behind. */
static int64
lag_of_query(Query *query, Memory *memory)
{
	int64		lag = 0;
	ListCell   *lc;
	List	   *members;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (query->setOperations)
	{
		foreach(lc, query->rtable)
			if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_SUBQUERY)
				lag = Max(lag,
						  lag_of_query(lfirst_node(RangeTblEntry,
												   lc)->subquery, memory));
		return lag;
	}
	if (joins_members(query, memory))
		return joined_of(query, memory)->output_lag;
	members = joined_members(query, memory);
	foreach(lc, members)
		lag = Max(lag, lag_of_member(query, lfirst_int(lc), memory));
	return lag;
}

/*
 * The watermark of a join: the least that its members hand on, less what the time by which rows
 * of one are late may be behind that, where that is another one than theirs.
 */
static int64
lag_of_members(StreamJoined *joined, Memory *memory)
{
	int64		lag = 0;
	ListCell   *lm;
	ListCell   *lt;

	if (!memory->joins)
		return 0;
	forboth(lm, joined->members, lt, joined->times)
	{
		lag = Max(lag, lag_of_member(joined->query, lfirst_int(lm), memory));
		if (lfirst(lt))
			lag = Max(lag, trace_expr(joined->query, lfirst(lt),
									  memory).slack);
	}
	return lag;
}

static int64
lag_of_output(const StreamJoined *joined)
{
	int64		lag = joined->lag;
	ListCell   *lc;

	if (joined->bounds)
		lag = Max(lag, stream_bounds_lag(joined->bounds));
	foreach(lc, joined->pairs)
		lag = Max(lag, stream_bounds_lag(((Pair *) lfirst(lc))->bounds));
	return lag;
}

static StreamJoined *
joined_of(Query *query, Memory *memory)
{
	List	   *partial = stream_analyze_partial_joins(query);
	bool		ended = memory->ended;
	bool		computed = memory->computed;
	bool		joins = memory->joins;
	StreamJoined *joined = find_joined(query, memory);
	ListCell   *lc;

	if (joined)
		return joined;
	joined = palloc0(sizeof(StreamJoined));
	joined->query = query;
	joined->memory = memory;
	joined->append = memory->append;
	memory->ended = memory->computed = false;
	memory->joins = memory->append && !STREAM_MUTATION("join_lag");
	joined->members = joined_members(query, memory);
	memory->joined = lappend(memory->joined, joined);
	foreach(lc, joined->members)
		joined->times = lappend(joined->times,
								lateness_of_member(query, lfirst_int(lc),
												   memory));
	joined->timed = true;
	joined->lag = lag_of_members(joined, memory);
	foreach(lc, partial)
		joined->pairs = lappend(joined->pairs,
								make_pair(joined, lfirst(lc), memory));
	if (partial == NIL)
		joined->bounds =
			find_bounds(joined, (Node *) query->jointree, joined->members,
						memory);
	joined->output_lag = lag_of_output(joined);
	memory->ended = ended;
	memory->computed = computed;
	memory->joins = joins;
	return joined;
}

/* Has any member of FROM an event time? */
static bool
has_time(Query *query, const List *members, Memory *memory)
{
	ListCell   *lc;

	foreach(lc, members)
		if (time_column(query, lfirst_int(lc), false, NULL, memory) ||
			time_column(query, lfirst_int(lc), true, NULL, memory))
			return true;
	return false;
}

void
stream_eventtime_nest(Query *query, bool results)
{
	Memory		memory = {
		.append = true,.added_only = results,.joins = true
	};
	List	   *members = joined_members(query, &memory);

	if (list_length(members) > 2 && has_time(query, members, &memory))
		stream_chains_nest(query, members);
}

/* The same at all levels of a definition, which reads results by the names of their views. */
static void
nest_chains(Query *query)
{
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			nest_chains(rte->subquery);
	}
	stream_eventtime_nest(query, true);
}

/* Is what it is of made up where a row comes alone? */
static bool
is_made_up(StreamJoined *joined, Node *expr)
{
	Bitmapset  *of = pull_varnos(NULL, expr);
	ListCell   *lc;

	foreach(lc, joined->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((bms_is_member(pair->left, of) && pair->right_alone) ||
			(bms_is_member(pair->right, of) && pair->left_alone))
			return true;
	}
	return false;
}

/*
 * As stream_bounds_slack, for what is of a side: its rows come, and go, with new ones of any,
 * or when they cannot find others any more.  made_up: also where others come without it.
 */
static bool
slack_of_pair(const Pair *pair, Node *expr, int member, bool made_up,
			  int64 *slack)
{
	bool		alone = member == pair->left ? pair->left_alone :
		pair->right_alone;
	int64		us;

	if ((member == pair->left ? pair->right_alone : pair->left_alone) &&
		!made_up)
		return false;
	if (!stream_bounds_slack(pair->bounds, expr, slack))
		return false;
	if (!alone)
		return true;
	if (!stream_bounds_slack_at_expiry(pair->bounds, expr, member, &us))
		return false;
	*slack = Max(*slack, us);
	return true;
}

/* As stream_bounds_slack, for a row of any join. */
static bool
slack_of_joined(StreamJoined *joined, Node *expr, bool made_up, int64 *slack)
{
	int			member;
	ListCell   *lc;

	if (joined->bounds)
		return stream_bounds_slack(joined->bounds, expr, slack);
	*slack = 0;
	if (!bms_get_singleton_member(pull_varnos(NULL, expr), &member))
		return false;
	foreach(lc, joined->pairs)
	{
		int64		us;

		if (!slack_of_pair(lfirst(lc), expr, member,
						   made_up && list_length(joined->pairs) == 1, &us))
			return false;
		*slack = Max(*slack, us);
	}
	return true;
}

StreamJoined *
stream_eventtime_joined(Query *query, bool append)
{
	/* it is asked later, too */
	Memory	   *memory = palloc0(sizeof(Memory));

	memory->append = append;
	return joined_of(query, memory);
}

/* Where a time ends, and so long after that; what a key ends with is what it is equal to. */
static Expr *
end_of_time(StreamJoined *joined, StreamTimeOf *time, int64 us)
{
	Trace		trace = trace_said(joined->query,
								   time->key_of ? time->key_of : time->expr,
								   joined->memory);
	Expr	   *end = end_of_window(&trace, copyObject(time->expr), NULL);

	return us == 0 ? end : stream_timeexpr_later(end, us);
}

/* The greatest or the least of times; NULL: there is none. */
static Expr *
one_of_times(List *ends, MinMaxOp op)
{
	MinMaxExpr *one;

	if (list_length(ends) <= 1)
		return ends ? linitial(ends) : NULL;
	one = makeNode(MinMaxExpr);
	one->minmaxtype = exprType(linitial(ends));
	one->op = op;
	one->args = ends;
	one->location = -1;
	return (Expr *) one;
}

/* Of these bounds, when keys of a member's row have passed. */
static List *
ends_of_keys(StreamJoined *joined, StreamBounds *bounds, int member)
{
	List	   *ends = NIL;
	ListCell   *lc;
	List	   *keys = stream_bounds_keys(bounds, member);

	foreach(lc, keys)
	{
		StreamTimeOf *key = lfirst(lc);

		ends = list_append_unique(ends, end_of_time(joined, key, key->slack));
	}
	return ends;
}

/*
 * Adds when a row of a member finds no new one; false: it always may.  Of two, it finds none
 * when a key of it has passed, either; of more, what has found one by then waits for others.
 */
static bool
add_expiry(StreamJoined *joined, StreamBounds *bounds, int member, List **ends)
{
	List	   *after;
	List	   *times = stream_bounds_expiry(bounds, member, &after);
	List	   *keys = list_length(times) == 1 ?
		ends_of_keys(joined, bounds, member) : NIL;
	ListCell   *lt;
	ListCell   *la;

	forboth(lt, times, la, after)
	{
		Expr	   *end = end_of_time(joined, lfirst(lt),
									  *(int64 *) lfirst(la));

		end = one_of_times(list_append_unique(list_copy(keys), end), IS_LEAST);
		*ends = list_append_unique(*ends, end);
	}
	return times != NIL;
}

/*
 * Adds when no row that a row of the member has been found by waits for others any more,
 * and would forget that it has been; false: some always may.
 */
static bool
add_waiting(StreamJoined *joined, const Pair *pair, int member, List **ends)
{
	int			waiting = member == pair->left ? pair->right : pair->left;
	ListCell   *lc;

	if (STREAM_MUTATION("join_waiting"))
		return true;
	foreach(lc, joined->pairs)
	{
		Pair	   *other = lfirst(lc);
		List	   *after;
		List	   *times = stream_bounds_expiry(other->bounds, waiting, &after);
		ListCell   *lt;
		ListCell   *la;

		if (times == NIL)
			return false;
		forboth(lt, times, la, after)
		{
			int64		us;
			StreamTimeOf *time =
				stream_bounds_not_after(pair->bounds,
										((StreamTimeOf *) lfirst(lt))->expr,
										member, &us);

			if (time == NULL ||
				pg_add_s64_overflow(us, *(int64 *) lfirst(la), &us))
				return false;
			*ends = list_append_unique(*ends, end_of_time(joined, time, us));
		}
	}
	return true;
}

Expr *
stream_eventtime_joined_final(StreamJoined *joined, int member)
{
	List	   *ends = NIL;
	ListCell   *lc;

	if (joined->bounds && !add_expiry(joined, joined->bounds, member, &ends))
		return NULL;
	foreach(lc, joined->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((member == pair->left || member == pair->right) &&
			!add_expiry(joined, pair->bounds, member, &ends))
			return NULL;
	}
	return one_of_times(ends, IS_GREATEST);
}

Expr *
stream_eventtime_joined_until(StreamJoined *joined, int member)
{
	Expr	   *final = stream_eventtime_joined_final(joined, member);
	List	   *ends = final ? list_make1(final) : NIL;
	ListCell   *lc;

	if (final == NULL)
		return NULL;
	foreach(lc, joined->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((member == pair->left ? pair->right_alone :
			 member == pair->right && pair->left_alone) &&
			!add_waiting(joined, pair, member, &ends))
			return NULL;
	}
	return one_of_times(ends, IS_GREATEST);
}

bool
stream_eventtime_joined_has_times(const StreamJoined *joined)
{
	ListCell   *lc;

	foreach(lc, joined->times)
		if (lfirst(lc))
			return true;
	return false;
}

bool
stream_eventtime_joined_exist(StreamJoined *joined)
{
	ListCell   *lc;

	if (joined->bounds)
		return stream_bounds_exist(joined->bounds);
	foreach(lc, joined->pairs)
		if (stream_bounds_exist(((Pair *) lfirst(lc))->bounds))
			return true;
	return false;
}

List *
stream_eventtime_joined_keys(StreamJoined *joined, int member, int other)
{
	List	   *ends = NIL;
	ListCell   *lc;

	if (joined->bounds)
		return ends_of_keys(joined, joined->bounds, member);
	foreach(lc, joined->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((member == pair->left && (other == 0 || other == pair->right)) ||
			(member == pair->right && (other == 0 || other == pair->left)))
			ends = list_concat_unique(ends, ends_of_keys(joined, pair->bounds,
														 member));
	}
	return ends;
}

/* time > threshold, or <= */
static Expr *
compare_threshold(Expr *time, int parameter, bool after)
{
	Oid			type = exprType((Node *) time);
	bool		zoned = type == TIMESTAMPTZOID;
	Expr	   *result = make_opclause(after ?
									   (zoned ? TimestampTzGreaterOperator :
										TimestampGreaterOperator) :
									   (zoned ? TimestampTzLessEqualOperator :
										TimestampLessEqualOperator),
									   BOOLOID, false, copyObject(time),
									   stream_timeexpr_parameter(parameter,
																 type),
									   InvalidOid, InvalidOid);

	set_opfuncid((OpExpr *) result);
	return result;
}

Node *
stream_eventtime_is_after(List *ends)
{
	Node	   *result = NULL;
	ListCell   *lc;

	foreach(lc, ends)
		result = make_and_qual(result,
							   (Node *) compare_threshold(lfirst(lc),
														  STREAM_PARAM_LATE,
														  true));
	return result;
}

Node *
stream_eventtime_expires(Expr *final)
{
	return make_and_qual((Node *) compare_threshold(final, STREAM_PARAM_LATE,
													true),
						 (Node *) compare_threshold(final, STREAM_PARAM_CLOSED,
													false));
}

Node *
stream_eventtime_has_expired(Expr *final)
{
	BooleanTest *test = makeNode(BooleanTest);

	/* what has no time finds nothing, either */
	test->arg = compare_threshold(final, STREAM_PARAM_LATE, true);
	test->booltesttype = IS_NOT_TRUE;
	test->location = -1;
	return (Node *) test;
}

/* Any event time, or window of one, of the query's members, as a window without a key. */
static StreamWindow *
window_of_input(Query *query, bool append, bool window, const Bitmapset *seen,
				int64 lag)
{
	for (int i = 1; i <= list_length(query->rtable); i++)
	{
		Memory		memory = {.append = append};
		Node	   *column = time_column(query, i, window, seen, &memory);
		Trace		trace;
		StreamWindow *result;

		if (column == NULL)
			continue;
		trace = trace_of(query, column, append, false);
		trace.slack = Max(trace.slack, lag);
		result = make_window(&trace, 0, column, NULL);
		result->key = -1;
		return result;
	}
	return NULL;
}

StreamWindow *
stream_eventtime_of_input(Query *query, bool append)
{
	return window_of_input(query, append, false, NULL, 0);
}

AttrNumber
stream_eventtime_of_output(Query *query, bool append)
{
	Memory		memory = {
		.append = append,.added_only = true,.computed = true
	};
	AttrNumber	computed = InvalidAttrNumber;
	AttrNumber	window = InvalidAttrNumber;
	ListCell   *lc;

	if (append)
		nest_chains(query);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Trace		trace = trace_output(query, tle->resno, &memory);

		if (!is_known_in_result(&trace) && !is_session_in_result(&trace))
			continue;
		if (trace.kind == TRACE_TIME && trace.of == NULL)
			return tle->resno;
		if (trace.kind == TRACE_TIME && computed == InvalidAttrNumber)
			computed = tle->resno;
		if (window == InvalidAttrNumber)
			window = tle->resno;
	}
	return computed != InvalidAttrNumber ? computed : window;
}

/* The time; or what never passes, if there is none. */
static Expr *
never_if_null(Expr *time)
{
	CoalesceExpr *coalesce = makeNode(CoalesceExpr);
	Oid			type = exprType((Node *) time);

	coalesce->coalescetype = type;
	coalesce->args = list_make2(time,
								makeConst(type, -1, InvalidOid,
										  sizeof(TimestampTz),
										  TimestampTzGetDatum(DT_NOEND), false,
										  FLOAT8PASSBYVAL));
	coalesce->location = -1;
	return (Expr *) coalesce;
}

/* Is the time given to the join, of whose side it is a column? */
static bool
is_given(Node *time, const Bitmapset *seen)
{
	return !IsA(time, Var) || seen == NULL ||
		bms_is_member(((Var *) time)->varattno, seen);
}

StreamWindow *
stream_eventtime_of_side(StreamJoined *joined, int member, Query *query,
						 const Bitmapset *seen)
{
	bool		append = joined->append;
	bool		made = append && linitial_node(RangeTblEntry,
											   query->rtable)->rtekind == RTE_SUBQUERY;
	StreamWindow *window;
	Node	   *time = time_of_lateness(joined, member);

	if (time && (!IsA(time, Var) || made) && is_given(time, seen))
	{
		Trace		trace = trace_in_join(joined->query, time, joined->memory);

		time = copyObject(time);
		ChangeVarNodes(time, member, 1, 0);
		trace.call = copyObject(trace.call);
		ChangeVarNodes((Node *) trace.call, member, 1, 0);
		trace.slack = Max(trace.slack, joined->lag);
		window = make_window(&trace, 0, time, NULL);
		window->key = -1;
		if (trace.made_up && !STREAM_MUTATION("join_made_up"))
			window->row_end = never_if_null(window->row_end);
		return window;
	}
	window = window_of_input(query, append, false, seen, joined->lag);
	return window ? window : window_of_input(query, append, true, seen,
											 joined->lag);
}

/* ---- conditions ---- */

/* A function of ours that comes for both kinds of timestamp. */
static Oid
our_funcid(const char *name, int nargs, Oid type1, Oid type2)
{
	Oid			argtypes[] = {type1, type2, INTERNALOID};

	return LookupFuncName(list_make2(makeString("streaming"),
									 makeString(pstrdup(name))),
						  nargs, argtypes, false);
}

static Expr *
late_threshold(Oid type)
{
	return stream_timeexpr_parameter(STREAM_PARAM_LATE, type);
}

Expr *
stream_eventtime_expiry(const StreamWindow *window)
{
	return stream_timeexpr_end_of(copyObject(window->row_end),
								  stream_timeexpr_parameter(STREAM_PARAM_DELAY,
															INTERVALOID), NULL);
}

Node *
stream_eventtime_filter(const StreamWindow *window)
{
	Oid			type = window->type;
	Expr	   *end = window->last_end ? window->last_end : window->row_end;
	Expr	   *result = (Expr *)
		makeFuncExpr(our_funcid("_on_time", 3, type, type), BOOLOID,
					 list_make3(copyObject(end), late_threshold(type),
								stream_timeexpr_parameter(STREAM_PARAM_WATERMARK,
														  INTERNALOID)),
					 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);

	/* what is after the threshold itself ends after it, too */
	if (window->row_time)
		result = makeBoolExpr(OR_EXPR,
							  list_make2(compare_threshold(window->row_time,
															STREAM_PARAM_LATE, true),
										 result), -1);
	if (window->last_end)
		result = makeBoolExpr(AND_EXPR,
							  list_make2(result,
										 compare_threshold(window->row_end,
															STREAM_PARAM_LATE, true)),
							  -1);
	return (Node *) result;
}

bool
stream_eventtime_is_filter(Node *node)
{
	return IsA(node, FuncExpr) && is_call_of((FuncExpr *) node, "_on_time");
}

/* The table of progress as the only member of FROM, for all to read. */
static RangeTblEntry *
progress_entry(Oid relid)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *names = NIL;

	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
		names = lappend(names,
						makeString(pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel),
																 i)->attname))));
	rte->rtekind = RTE_RELATION;
	rte->relid = relid;
	rte->relkind = RELKIND_RELATION;
	rte->rellockmode = AccessShareLock;
	rte->eref = makeAlias(RelationGetRelationName(rel), names);
	rte->inFromCl = true;
	/* no permission is required: the condition shows the view's own row only */
	table_close(rel, NoLock);
	return rte;
}

static Var *
progress_column(Oid relid, const char *name, Oid type)
{
	return makeVar(1, get_attnum(relid, name), type, -1, InvalidOid, 0);
}

/* SELECT closed FROM progress WHERE viewid = 0 */
static Query *
closed_query(Oid relid, bool zoned)
{
	Query	   *query = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Expr	   *closed = (Expr *) progress_column(relid, "closed",
												  TIMESTAMPTZOID);
	Expr	   *own = make_opclause(OidEqualOperator, BOOLOID, false,
									(Expr *) progress_column(relid, "viewid", OIDOID),
									(Expr *) makeConst(OIDOID, -1, InvalidOid,
													   sizeof(Oid),
													   ObjectIdGetDatum(InvalidOid),
													   false, true),
									InvalidOid, InvalidOid);

	/* times without a zone are stored as those of UTC */
	if (!zoned)
		closed = stream_timeexpr_call2(F_TIMEZONE_TEXT_TIMESTAMPTZ,
									   TIMESTAMPOID, InvalidOid,
									   makeConst(TEXTOID, -1,
												 DEFAULT_COLLATION_OID, -1,
												 CStringGetTextDatum("UTC"),
												 false, false), closed);
	set_opfuncid((OpExpr *) own);
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->querySource = QSRC_ORIGINAL;
	query->canSetTag = true;
	query->rtable = list_make1(progress_entry(relid));
	stream_compat_require_nothing(query, linitial(query->rtable));
	query->jointree = makeFromExpr(list_make1(ref), (Node *) own);
	query->targetList = list_make1(makeTargetEntry(closed, 1, "closed",
												   false));
	return query;
}

Node *
stream_eventtime_is_closed(const StreamWindow *window, bool unlogged)
{
	bool		zoned = window->type == TIMESTAMPTZOID;
	SubLink    *sublink = makeNode(SubLink);
	Expr	   *result;

	/* a sub-select is evaluated once, not for each row */
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *)
		closed_query(stream_catalog_progress_table(unlogged), zoned);
	sublink->location = -1;
	result = make_opclause(zoned ? TimestampTzLessEqualOperator :
						   TimestampLessEqualOperator, BOOLOID, false,
						   copyObject(window->key_end), (Expr *) sublink,
						   InvalidOid, InvalidOid);
	set_opfuncid((OpExpr *) result);
	return (Node *) result;
}

/* Is it the sub-select above, of that view? */
static bool
is_closed_query(Query *query, Oid viewid)
{
	RangeTblEntry *rte;
	OpExpr	   *own;
	Const	   *value;

	if (list_length(query->rtable) != 1 || query->jointree == NULL ||
		query->jointree->quals == NULL ||
		!IsA(query->jointree->quals, OpExpr))
		return false;
	rte = linitial_node(RangeTblEntry, query->rtable);
	own = (OpExpr *) query->jointree->quals;
	if (rte->rtekind != RTE_RELATION ||
		(rte->relid != stream_catalog_progress_table(false) &&
		 rte->relid != stream_catalog_progress_table(true)) ||
		own->opno != OidEqualOperator || !IsA(linitial(own->args), Var) ||
		!IsA(lsecond(own->args), Const))
		return false;
	value = lsecond_node(Const, own->args);
	return linitial_node(Var, own->args)->varattno ==
		get_attnum(rte->relid, "viewid") &&
		!value->constisnull && DatumGetObjectId(value->constvalue) == viewid;
}

/* A view that gets its OID. */
typedef struct Numbering
{
	Oid			written;		/* what the query has in its place */
	Oid			viewid;
	bool		permit;			/* whoever has written the sub-select: it shows
								 * nothing but the view's own row, to those who
								 * may read the view */
} Numbering;

static bool
number_walker(Node *node, Numbering *numbering)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query) && is_closed_query((Query *) node, numbering->written))
	{
		OpExpr	   *own = (OpExpr *) ((Query *) node)->jointree->quals;

		lsecond_node(Const, own->args)->constvalue =
			ObjectIdGetDatum(numbering->viewid);
		if (numbering->permit)
			stream_compat_permit((Query *) node,
								 linitial(((Query *) node)->rtable));
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, number_walker, numbering, 0);
	return expression_tree_walker(node, number_walker, numbering);
}

void
stream_eventtime_set_view(Query *query, Oid viewid)
{
	Numbering	numbering = {InvalidOid, viewid, false};

	number_walker((Node *) query, &numbering);
}

void
stream_eventtime_permit_closed(Query *query, Oid written, Oid viewid)
{
	Numbering	numbering = {written, viewid, true};

	number_walker((Node *) query, &numbering);
}
