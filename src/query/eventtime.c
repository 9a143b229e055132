/*-------------------------------------------------------------------------
 *
 * eventtime.c
 *	  Which event time an expression is about.
 *
 * A column that a stream has declared as its event time stays one through
 * aliases, sub-selects, views and the window functions: an expression is traced
 * down to the column.  date_bin and date_trunc of an event time count as
 * windows, too, from the time they yield for one stride or unit.
 *
 * What joins say is in the same room: a column of a join is traced by how far apart the rows
 * are that it puts together, and that is known by what the columns of its members are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "stream/am.h"
#include "time/declare.h"
#include "time/timeexpr.h"
#include "query/analyze.h"
#include "query/bounds.h"
#include "query/calls.h"
#include "query/chains.h"
#include "query/nesting.h"
#include "query/pairs.h"
#include "query/semijoin.h"
#include "query/traces.h"
#include "query/eventtime.h"

/* What says when the groups of a query close, as found while tracing. */
typedef struct Closing
{
	Query	   *query;
	bool		joins;			/* asked so */
	Node	   *key;			/* or NULL */
	StreamTrace trace;			/* of the key */
} Closing;

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
	StreamPairs *pairs;
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
	StreamTrace trace;
} ColumnBelow;

typedef struct ViewColumn
{
	AttrNumber	attno;
	StreamTrace trace;
} ViewColumn;

static StreamTrace trace_expr(Query *query, Node *expr, Memory *memory);
static StreamJoined *joined_of(Query *query, Memory *memory);
static void nest_chains(Query *query);
static Node *column_below(Query *query, Node *expr);
static StreamTrace trace_joined(Query *query, Node *expr, Memory *memory);
static bool joins_members(Query *query, const Memory *memory);

static const StreamTrace no_trace = {STREAM_TRACE_NONE};

/* ---- tracing ---- */

/*
 * Makes the trace of a time that of a session of it.  What ends with the watermark may
 * still change, by the last microsecond of a window that ends after it: so of groups, a
 * session that ends there may still be touched.
 */
static void
make_session(StreamTrace *trace)
{
	trace->kind = STREAM_TRACE_SESSION;
	if (trace->grouped && trace->of && trace->of->call)
		trace->slack++;
	trace->grouped = false;
}

/* The trace of something that is made of what has the trace. */
static StreamTrace
made_of(const StreamTrace *trace)
{
	StreamTrace result = *trace;
	StreamTrace *of = palloc(sizeof(StreamTrace));

	*of = *trace;
	result.of = of;
	result.shift = 0;
	/* only hop itself is beside what is joined */
	result.beside = false;
	return result;
}

/* As trace_expr, also of sessions of other views, which only say when they end. */
static StreamTrace
trace_ended(Query *query, Node *expr, Memory *memory)
{
	bool		save = memory->ended;
	StreamTrace trace;

	memory->ended = true;
	trace = trace_expr(query, expr, memory);
	memory->ended = save;
	return trace;
}

/* It may be so much before what it is made of, and rows for it come so much longer. */
static bool
put_behind(StreamTrace *trace, int64 us)
{
	return us <= 0 || STREAM_MUTATION("time_behind") ||
		(!pg_add_s64_overflow(trace->slack, us, &trace->slack) &&
		 !pg_add_s64_overflow(trace->behind, us, &trace->behind));
}

/* In a result, that at which a window starts is a time as well. */
static bool
is_start_in_result(const StreamTrace *trace)
{
	return trace->event_time && trace->stored &&
		trace->kind == STREAM_TRACE_START;
}

/* Makes it that time, for which rows come for as long as the window is. */
static bool
put_behind_width(StreamTrace *trace)
{
	int64		width = stream_traces_width(trace, NULL);

	*trace = made_of(trace);
	trace->kind = STREAM_TRACE_TIME;
	trace->call = NULL;
	return put_behind(trace, width);
}

/*
 * The bound of a window is a time.  As to the lower one, rows for it come for as long as the
 * window is; that of a session, nobody knows.
 */
static StreamTrace
trace_bound(Query *query, FuncExpr *call, Memory *memory)
{
	bool		lower = call->funcid == F_LOWER_ANYRANGE;
	StreamTrace trace = lower ?
		trace_expr(query, linitial(call->args), memory) :
		trace_ended(query, linitial(call->args), memory);

	if (!memory->computed || !trace.event_time ||
		!stream_traces_has_length(&trace) ||
		(trace.kind != STREAM_TRACE_RANGE &&
		 (lower || trace.kind != STREAM_TRACE_SESSION)))
		return no_trace;
	trace.stored = false;
	if (lower)
		return put_behind_width(&trace) ? trace : no_trace;
	trace = made_of(&trace);
	trace.kind = STREAM_TRACE_TIME;
	trace.call = NULL;
	return trace;
}

/*
 * A time that is so much after an event time, or before it: is it before, rows for it
 * come so much longer.
 */
static StreamTrace
trace_shifted(Query *query, OpExpr *op, Memory *memory)
{
	Node	   *time;
	Node	   *interval;
	bool		minus;
	int64		low;
	int64		high;
	StreamTrace trace;

	if (!memory->computed ||
		!stream_calls_is_shift(op, &time, &interval, &minus) ||
		!stream_bounds_interval(interval, exprType(time) == TIMESTAMPTZOID,
								&low, &high))
		return no_trace;
	trace = trace_expr(query, time, memory);
	if (!trace.event_time || trace.kind != STREAM_TRACE_TIME)
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
				   Memory *memory, StreamTrace *trace)
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

static StreamTrace
trace_call(Query *query, FuncExpr *call, Memory *memory)
{
	const char *name = stream_calls_name(call->funcid);
	FuncExpr   *written = call;
	Node	   *argument;
	StreamTrace trace;

	if (name)
		call = stream_calls_complete(call);
	argument = stream_calls_time(call, name);

	if (argument == NULL)
		return stream_calls_is_bound(call->funcid) ?
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
		if (trace.kind != STREAM_TRACE_RANGE &&
			trace.kind != STREAM_TRACE_SESSION)
			return no_trace;
		trace.kind = STREAM_TRACE_TIME;
		return trace;
	}
	if (trace.kind != STREAM_TRACE_TIME)
		trace.event_time = false;
	trace.type = exprType(argument);
	if (name == NULL)
	{
		/* without an event time, it is an expression like any other */
		if (!trace.event_time)
			return no_trace;
		trace.kind = STREAM_TRACE_START;
	}
	else if (strcmp(name, "session_window") == 0)
		make_session(&trace);
	else if (strcmp(name, "tumble") == 0 || strcmp(name, "hop") == 0)
		trace.kind = STREAM_TRACE_RANGE;
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
 * shortest, a session before all others, as windowkeys.c has it.  It is looked for
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
		StreamTrace trace = trace_expr(query,
									   stream_compat_flatten_join_alias_vars(NULL, query, key),
									   memory);

		if (!trace.event_time)
			continue;
		if (closing->key && (closing->trace.kind == STREAM_TRACE_SESSION ||
							 (trace.kind != STREAM_TRACE_SESSION &&
							  stream_traces_width(&trace, NULL) >=
							  stream_traces_width(&closing->trace, NULL))))
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
		return stream_calls_is_shift((OpExpr *) expr, &argument, &interval,
									 &minus) &&
			is_made_of(argument, key);
	if (!IsA(expr, FuncExpr))
		return false;
	call = (FuncExpr *) expr;
	argument = stream_calls_is_bound(call->funcid) ? linitial(call->args) :
		stream_calls_time(call, stream_calls_name(call->funcid));
	return argument && is_made_of(argument, key);
}

/*
 * The column of an aggregation, or of first rows: groups close, and change no more,
 * when the window does that closes them.  That of another time or window among the
 * keys may have ended before, by no more than the one that closes reaches beyond the
 * time that both are about.
 */
static StreamTrace
trace_key(Query *query, TargetEntry *tle, StreamTrace trace, Memory *memory)
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
		if (closing->trace.kind == STREAM_TRACE_SESSION &&
			trace.kind == STREAM_TRACE_SESSION)
			trace.of = NULL;
		return trace;
	}
	if (closing->key == NULL || closing->trace.kind == STREAM_TRACE_SESSION)
		return no_trace;
	if (stream_traces_is_aligned(&closing->trace, &trace) &&
		closing->trace.slack == 0)
		return trace;
	reach = stream_traces_reach(&closing->trace);
	if (reach == PG_INT64_MAX)
		return no_trace;
	trace.slack = Max(trace.slack,
					  closing->trace.slack + reach + trace.behind);
	return trace;
}

/* Can a column of UNION be that?  hop is for where its panes can be made. */
static bool
can_be_of_union(const StreamTrace *trace)
{
	const char *name;

	if (trace->kind == STREAM_TRACE_TIME)
		return true;
	if (trace->kind != STREAM_TRACE_RANGE && trace->kind != STREAM_TRACE_START)
		return false;
	name = stream_calls_name(trace->call->funcid);
	return name == NULL || strcmp(name, "tumble") == 0;
}

/* Are two parts of UNION of one mind about what is a time, or which window it is? */
static bool
agree(const StreamTrace *a, const StreamTrace *b)
{
	const char *name;
	ListCell   *la;
	ListCell   *lb;

	if (a->kind == STREAM_TRACE_TIME)
		return true;
	if (a->call->funcid != b->call->funcid ||
		(a->kind == STREAM_TRACE_START && a->stored != b->stored))
		return false;
	name = stream_calls_name(a->call->funcid);
	forboth(la, a->call->args, lb, b->call->args)
	{
		Node	   *arg;

		if (lfirst(la) == stream_calls_time(a->call, name))
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
trace_both(StreamTrace *trace, const StreamTrace *other)
{
	trace->slack = Max(trace->slack, other->slack);
	if (trace->call == NULL)
		trace->call = other->call;
	if (stream_traces_reach(other) > stream_traces_reach(trace))
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
static StreamTrace
trace_in_join(Query *query, Node *expr, Memory *memory)
{
	bool		save = memory->joins;
	StreamTrace trace;

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
static StreamTrace
trace_joined(Query *query, Node *expr, Memory *memory)
{
	StreamTrace trace = trace_in_join(query, expr, memory);
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
	bounded = stream_pairs_slack(joined->pairs, expr, memory->joins, &slack);
	if (memory->joins)
	{
		trace.slack = joined->output_lag;
		if (bounded && !STREAM_MUTATION("join_behind"))
			trace.slack = Max(trace.slack, slack);
		trace.open = !bounded;
		trace.made_up |= stream_pairs_is_made_up(joined->pairs, expr);
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

static StreamTrace find_output(Query *query, AttrNumber attno, Memory *memory);

/* The same, as it is for those who read the query's result when its rows are final. */
static StreamTrace
find_final_output(Query *query, AttrNumber attno, Memory *memory)
{
	bool		ended = memory->ended;
	bool		computed = memory->computed;
	bool		joins = memory->joins;
	StreamTrace trace;

	memory->ended = memory->joins = false;
	memory->computed = true;
	trace = find_output(query, attno, memory);
	memory->ended = ended;
	memory->computed = computed;
	memory->joins = joins;
	trace.stored = true;
	trace.grouped = false;
	return stream_traces_is_known(&trace) || stream_traces_is_session(&trace) ?
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
static StreamTrace
column_of_output(Query *query, AttrNumber attno, Memory *memory)
{
	bool		closed = memory->closed;
	StreamTrace trace;

	if (!is_closed(query, memory) || STREAM_MUTATION("closed_time"))
		return find_output(query, attno, memory);
	memory->closed = true;
	trace = find_final_output(query, attno, memory);
	memory->closed = closed;
	return stream_traces_is_session(&trace) && !memory->ended ?
		no_trace : trace;
}

/* The output column of a sub-select. */
static StreamTrace
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
static StreamTrace
find_output(Query *query, AttrNumber attno, Memory *memory)
{
	TargetEntry *tle;
	Node	   *expr;
	StreamTrace result = no_trace;
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
		StreamTrace trace;

		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		trace = trace_output(rte->subquery, attno, memory);
		if (!trace.event_time || (result.kind != STREAM_TRACE_NONE &&
								  (result.kind != trace.kind ||
								   result.type != trace.type)))
			return no_trace;
		if (result.kind == STREAM_TRACE_NONE ? !can_be_of_union(&trace) :
			!agree(&trace, &result))
			return no_trace;
		if (result.kind != STREAM_TRACE_NONE)
			trace_both(&trace, &result);
		result = trace;
	}
	return result;
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
	below->query = stream_analyze_view_query(row->definition);
	prepare(below->query,
			row->options.output_mode == STREAM_OUTPUT_APPEND);
	memory->below = lappend(memory->below, below);
	return below;
}

/*
 * The output column of another continuous view, to whose result rows are only added: it is
 * what it would be if the view's query were a sub-select.
 */
static StreamTrace
trace_result(const StreamViewRow *row, AttrNumber attno, Memory *memory)
{
	ViewBelow  *below = view_below(row, memory);
	bool		added_only = memory->added_only;
	bool		append = memory->append;
	bool		closed = memory->closed;
	ViewColumn *column = NULL;
	StreamTrace trace;
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
	return stream_traces_is_session(&column->trace) && !memory->ended ?
		no_trace : column->trace;
}

/* The same, by the name of the view. */
static StreamTrace
trace_view_column(const StreamViewRow *row, AttrNumber attno, Memory *memory)
{
	Oid			result = stream_am_relid_is_stream(row->state) ? row->state :
		memory->added_only ? row->changes : InvalidOid;
	StreamEventTime declared;

	return OidIsValid(result) &&
		stream_declare_event_time(result, &declared) ?
		trace_result(row, attno, memory) : no_trace;
}

static StreamTrace
trace_table_column(Oid relid, AttrNumber attno, Memory *memory)
{
	bool		added_only = memory->added_only;
	StreamTrace trace = no_trace;
	StreamEventTime declared;
	StreamViewRow *row;

	if (get_rel_relkind(relid) == RELKIND_VIEW)
	{
		row = stream_catalog_view(relid);
		if (row)
			return trace_view_column(row, attno, memory);
		/* in an ordinary view other views are looked at as tables are */
		memory->added_only = false;
		trace = trace_output(stream_analyze_view_query(relid), attno, memory);
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
	trace.kind = STREAM_TRACE_TIME;
	trace.event_time = true;
	trace.type = declared.type;
	return trace;
}

static StreamTrace
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

static StreamTrace
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

StreamTrace
stream_eventtime_trace(Query *query, Node *expr, bool append, bool changes)
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

/* ---- joins ---- */

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
		StreamTrace trace;
		int			rank;

		if (!IsA(lfirst(lc), Var) ||
			(seen && !bms_is_member(lfirst_node(Var, lc)->varattno, seen)))
			continue;
		trace = trace_expr(query, lfirst(lc), memory);
		if (!trace.event_time ||
			!(window ? (trace.kind == STREAM_TRACE_START ||
						trace.kind == STREAM_TRACE_RANGE) &&
			  stream_traces_has_length(&trace) :
			  trace.kind == STREAM_TRACE_TIME))
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
	Node	   *late = stream_pairs_time(joined->members, joined->times,
										 time->member);

	return !joined->timed ||
		(late && (equal(late, time->expr) || equal(late, time->time)));
}

/* As trace_in_join, also of a time that is computed of an event time. */
static StreamTrace
trace_said(Query *query, Node *expr, Memory *memory)
{
	bool		save = memory->computed;
	StreamTrace trace;

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
		(stream_calls_is_bound(call->funcid) || stream_calls_is(call, "window_time")) ?
		linitial(call->args) : NULL;
}

/* No window is shorter: those of days and months may be, where clocks are changed. */
static int64
least_width(const StreamTrace *trace, int64 longest)
{
	int64		us;

	return trace->kind == STREAM_TRACE_RANGE &&
		stream_calls_fixed(trace->call, 1, &us) && us == longest ? us : 1;
}

/* Makes of what is said of a window what is said of a bound of it. */
static void
make_bound_of(StreamTimeOf *result, Node *expr, Node *window)
{
	result->expr = expr;
	result->of = window;
	result->window = false;
	result->early = stream_calls_is((FuncExpr *) expr, "window_time") ? 1 : 0;
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
	StreamTrace trace;
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
	if (!trace.event_time || trace.kind == STREAM_TRACE_NONE ||
		trace.kind == STREAM_TRACE_SESSION ||
		!bms_get_singleton_member(pull_varnos(NULL, expr), &result->member))
		return false;
	if (trace.kind != STREAM_TRACE_TIME && trace.of == NULL)
		return false;
	if (!stream_traces_has_length(&trace))
		return false;
	result->expr = expr;
	result->window = trace.kind != STREAM_TRACE_TIME;
	result->time = result->window && IsA(expr, FuncExpr) ?
		stream_calls_time((FuncExpr *) expr,
						  stream_calls_name(((FuncExpr *) expr)->funcid)) : expr;
	result->width = stream_traces_width(&trace, NULL);
	result->least = least_width(&trace, result->width);
	/* that of a window is a microsecond before it ends */
	if (trace.kind == STREAM_TRACE_TIME && trace.call)
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
	int			member;
	RangeTblEntry *rte;

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
	return stream_pairs_apart(joined_of(query, memory)->pairs, expr, other,
							  us);
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

/* Where a time ends, and so long after that; what a key ends with is what it is equal to. */
static Expr *
end_of_time(Query *query, StreamTimeOf *time, int64 us, void *arg)
{
	StreamTrace trace = trace_said(query,
								   time->key_of ? time->key_of : time->expr,
								   arg);
	Expr	   *end = stream_traces_end(&trace, copyObject(time->expr), NULL);

	return us == 0 ? end : stream_timeexpr_later(end, us);
}

static StreamJoined *
joined_of(Query *query, Memory *memory)
{
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
	joined->pairs = stream_pairs_find(query, joined->members, joined->times,
									  memory->append, time_of_member,
									  apart_in_member, end_of_time, memory);
	joined->output_lag = Max(joined->lag, stream_pairs_lag(joined->pairs));
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

StreamJoined *
stream_eventtime_joined(Query *query, bool append)
{
	/* it is asked later, too */
	Memory	   *memory = palloc0(sizeof(Memory));

	memory->append = append;
	return joined_of(query, memory);
}

StreamPairs *
stream_eventtime_joined_pairs(StreamJoined *joined)
{
	return joined->pairs;
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

/* ---- of inputs, outputs and sides ---- */

/* Any event time, or window of one, of the query's members, as a window without a key. */
static StreamWindow *
window_of_input(Query *query, bool append, bool window, const Bitmapset *seen,
				int64 lag)
{
	for (int i = 1; i <= list_length(query->rtable); i++)
	{
		Memory		memory = {.append = append};
		Node	   *column = time_column(query, i, window, seen, &memory);
		StreamTrace trace;
		StreamWindow *result;

		if (column == NULL)
			continue;
		trace = stream_eventtime_trace(query, column, append, false);
		trace.slack = Max(trace.slack, lag);
		result = stream_traces_window(&trace, 0, column, NULL);
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
		StreamTrace trace = trace_output(query, tle->resno, &memory);

		if (!stream_traces_is_known(&trace) &&
			!stream_traces_is_session(&trace))
			continue;
		if (trace.kind == STREAM_TRACE_TIME && trace.of == NULL)
			return tle->resno;
		if (trace.kind == STREAM_TRACE_TIME && computed == InvalidAttrNumber)
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
	Node	   *time = stream_pairs_time(joined->members, joined->times,
										 member);

	if (time && (!IsA(time, Var) || made) && is_given(time, seen))
	{
		StreamTrace trace = trace_in_join(joined->query, time,
										  joined->memory);

		time = copyObject(time);
		ChangeVarNodes(time, member, 1, 0);
		trace.call = copyObject(trace.call);
		ChangeVarNodes((Node *) trace.call, member, 1, 0);
		trace.slack = Max(trace.slack, joined->lag);
		window = stream_traces_window(&trace, 0, time, NULL);
		window->key = -1;
		if (trace.made_up && !STREAM_MUTATION("join_made_up"))
			window->row_end = never_if_null(window->row_end);
		return window;
	}
	window = window_of_input(query, append, false, seen, joined->lag);
	return window ? window : window_of_input(query, append, true, seen,
											 joined->lag);
}
