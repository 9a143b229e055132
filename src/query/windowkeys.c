/*-------------------------------------------------------------------------
 *
 * windowkeys.c
 *	  Which grouping key of a query is a window, and by which its groups close.
 *
 * hop gives a row several windows.  With constant arguments it is done by panes: a row is in
 * one of these, and what the groups of panes add up to becomes that of windows (panes.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "time/timeexpr.h"
#include "query/analyze.h"
#include "query/calls.h"
#include "query/groupings.h"
#include "query/traces.h"
#include "query/eventtime.h"
#include "query/windowkeys.h"

/* ---- sessions that cannot be merged ---- */

bool
stream_windowkeys_groups_by_session(Query *query)
{
	ListCell   *lc;

	query = copyObject(query);
	stream_compat_flatten_groups(query);
	foreach(lc, query->groupClause)
	{
		Node	   *key = get_sortgroupclause_expr(lfirst(lc),
												   query->targetList);

		StreamTrace trace;

		key = stream_compat_flatten_join_alias_vars(NULL, query, key);
		trace = stream_eventtime_trace(query, key, false, false);
		if (trace.kind == STREAM_TRACE_SESSION && !trace.grouped)
			return true;
	}
	return false;
}

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
				output_comes_from_session(stream_analyze_view_query(rte->relid),
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
		stream_calls_is_session(((FuncExpr *) node)->funcid))
		return true;
	if (IsA(node, Var))
		return column_comes_from_session(query, (Var *) node);
	return expression_tree_walker(node, comes_from_session, query);
}

void
stream_windowkeys_check_session(Query *query, Node *key, bool changes,
								const char *source)
{
	Oid			type = exprType(key);

	if (changes && stream_calls_has_session(key) &&
		stream_eventtime_trace(query, key, false,
							   true).kind != STREAM_TRACE_SESSION)
		stream_refuse("grouping by an expression over a session of groups is",
					  key, source, "Group by one session_window as it is.");
	if ((type == TSRANGEOID || type == TSTZRANGEOID) &&
		stream_eventtime_trace(query, key, false,
							   false).kind == STREAM_TRACE_NONE &&
		comes_from_session(key, query))
		stream_refuse("a session that is more than a column of sub-selects is",
					  key, source,
					  "Group by session_window in the SELECT whose FROM has the time.");
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

/*
 * The end of one of the windows that a call of hop gives, as the function tells it,
 * and so long after it.
 */
static Expr *
hop_end(const char *funcname, FuncExpr *call, int64 slack)
{
	Oid			type = exprType(linitial(call->args));
	bool		zoned = type == TIMESTAMPTZOID;
	Oid			argtypes[] = {
		type, INTERVALOID, INTERVALOID, INTERVALOID, TEXTOID
	};
	Oid			funcid = LookupFuncName(list_make2(makeString("streaming"),
												   makeString(pstrdup(funcname))),
										zoned ? 5 : 4, argtypes, false);
	Expr	   *end = (Expr *)
		makeFuncExpr(funcid, type, copyObject(call->args), InvalidOid,
					 DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);

	return slack == 0 ? end : stream_timeexpr_later(end, slack);
}

static Expr *
last_end(FuncExpr *call, int64 slack)
{
	return hop_end("_hop_end", call, slack);
}

static Expr *
first_end(FuncExpr *call, int64 slack)
{
	return hop_end("_hop_first_end", call, slack);
}

/*
 * A call of hop with constant arguments is done by panes: the largest pieces of
 * time that no window begins or ends within.
 */
static void
divide_into_panes(StreamWindow *window, FuncExpr *call)
{
	if (!stream_calls_fixed(call, 1, &window->size) ||
		!stream_calls_fixed(call, 2, &window->slide) ||
		!stream_calls_fixed(call, 3, &window->offset) ||
		window->size <= 0 || window->slide <= 0 ||
		window->slide > window->size || stream_calls_has_zone(call, 4))
		return;
	window->kind = STREAM_WINDOW_PANES;
	window->pane = tumble_by(call, greatest_common_divisor(window->size,
														   window->slide),
							 window->offset);
	window->row_end = last_end(call, window->slack);
	window->first_end = first_end(call, window->slack);
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

/*
 * Does hop, among the columns, give its windows in step with the rows of another
 * function?  Panes would not keep pace with these.
 */
static bool
is_in_step(Query *query, List *keys, int key)
{
	ListCell   *lc;

	foreach(lc, keys)
		if (foreach_current_index(lc) != key &&
			expression_returns_set(lfirst(lc)))
			return true;
	/* what else is computed of groups comes after them */
	if (query->hasAggs || query->groupClause || query->groupingSets)
		return false;
	foreach(lc, query->targetList)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

		if (expression_returns_set(expr) &&
			!equal(expr, list_nth(keys, key)))
			return true;
	}
	return false;
}

/*
 * Makes panes of the windows of hop, where that can be done.  Elsewhere a row
 * becomes as many as it has windows, and may be late in some only.
 */
static void
make_panes(StreamWindow *window, Query *query, List *keys, FuncExpr *call,
		   bool whole, bool in_step)
{
	Node	   *expr = list_nth(keys, window->key);
	int			rtindex;

	if (IsA(expr, FuncExpr))
	{
		/* a set without the window counts a row as often as it has windows */
		if (!window->in_all_sets)
			return;
		window->row_time = linitial(call->args);
		if (!whole && !in_step)
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
	{
		window->last_end = last_end(call, window->slack);
		window->first_end = first_end(call, window->slack);
	}
}

/* Refuses calls of hop of an event time whose late rows could not be told. */
static void
check_hop(StreamWindow *window, Node *expr, bool whole, bool in_step,
		  const char *source)
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
		stream_refuse(in_step ?
					  "hop among the columns, beside another function that returns a set, is" :
					  whole ?
					  "hop among the columns, beside aggregates that need whole rows, is" :
					  "hop in a time zone, or by lengths that are not constant, among the columns is",
					  expr, source,
					  "Call it in FROM: FROM stream, hop(stream.ts, ...) AS w ... GROUP BY w.");
}

/* Refuses what is made of hop, or the like, and late rows could not be told by. */
static void
check_made_of_set(StreamWindow *window, Node *expr, const char *source)
{
	if (window->event_time &&
		expression_returns_set((Node *) window->row_end))
		stream_refuse("an event time or a window that is made of one of many, by a function that returns a set, is",
					  expr, source,
					  "Call the function in FROM: FROM stream, hop(stream.ts, ...) AS w ... GROUP BY window_time(w).");
}

/* ---- finding ---- */

/* Is the first of two windows among the keys the one that closes groups? */
static bool
closes_first(const StreamTrace *a, const StreamTrace *b, Node *expr,
			 const char *source)
{
	bool		session = a->kind == STREAM_TRACE_SESSION;

	if (session && b->kind == STREAM_TRACE_SESSION)
		stream_refuse("grouping by more than one session is", expr, source,
					  "Group by one of them.");
	if (session || b->kind == STREAM_TRACE_SESSION)
		return session;
	if (a->event_time != b->event_time)
		return a->event_time;
	return stream_traces_width(a, source) < stream_traces_width(b, source);
}

/*
 * A group that has several windows is final when one of them is closed: the
 * shortest.  Where that is not a part of the others, something may be late for one
 * of them that still counts.
 */
static void
notice_longer(const StreamTrace *shorter, const StreamTrace *longer,
			  const char *source)
{
	int64		width;

	/* once, with the statement */
	if (source == NULL || !shorter->event_time || !longer->event_time)
		return;
	width = stream_traces_width(shorter, source);
	if (width > 0 && stream_traces_width(longer, source) % width != 0)
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
	StreamTrace chosen;
	int			key = -1;
	ListCell   *lc;

	foreach(lc, keys)
	{
		Node	   *expr = lfirst(lc);
		StreamTrace trace = stream_eventtime_trace(query, expr, append,
												   changes);
		bool		first;

		if (trace.kind == STREAM_TRACE_START ||
			trace.kind == STREAM_TRACE_RANGE ||
			trace.kind == STREAM_TRACE_SESSION)
			stream_calls_check(trace.call, source);
		/* without an event time, only some windows need our attention */
		if (!trace.event_time && trace.kind != STREAM_TRACE_SESSION &&
			!stream_calls_is(trace.call, "hop"))
			continue;
		/* sessions that have been merged below are values like others */
		if (changes && trace.kind == STREAM_TRACE_SESSION && trace.grouped)
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

StreamWindow *
stream_windowkeys_find(Query *query, List *keys, bool append, bool whole,
					   bool changes, const char *source)
{
	int			key = choose_window(query, keys, append, changes, source);
	StreamWindow *window;
	Node	   *expr;
	StreamTrace trace;

	if (key < 0)
		return NULL;
	expr = list_nth(keys, key);
	trace = stream_eventtime_trace(query, expr, append, changes);
	window = stream_traces_window(&trace, key, expr, source);
	window->in_all_sets = stream_groupings_all_have(query, key);
	if (trace.kind == STREAM_TRACE_SESSION && !window->in_all_sets)
		stream_refuse("a grouping set without the session is", expr, source,
					  "Have the session in each grouping set, and create another continuous view for what is not about sessions.");
	/* whose rows are late is told below what changes */
	if (stream_calls_is(trace.call, "hop") && !trace.stored && !changes &&
		!trace.beside)
	{
		bool		in_step = is_in_step(query, keys, key);

		make_panes(window, query, keys, trace.call, whole, in_step);
		if (window->event_time)
			check_hop(window, expr, whole, in_step, source);
	}
	if (!changes)
		check_made_of_set(window, expr, source);
	return window;
}
