/*-------------------------------------------------------------------------
 *
 * bounds.c
 *	  How far apart in time the rows are that a join puts together.
 *
 * From conditions such as
 *
 *		l.ts BETWEEN r.ts - interval '1 hour' AND r.ts
 *		tumble(l.ts, '1 hour') = tumble(r.ts, '1 hour')
 *
 * follows for each two times x and y of the members how much x is after y at least
 * (or before, if that is negative).  What is said of x and y, and of y and z, says
 * something of x and z, too: the longest paths in a graph of few nodes.
 *
 * A row that is new has a time after the watermark.  So what it is put together with has
 * one after the watermark plus that distance, and what has none such can be forgotten;
 * and a row of the join has no time before that either.
 *
 * In append mode, what is equal to an event time, or a window of one, is a key, whatever it
 * is in its own stream: of new rows, those whose key has passed find nothing.  So a key says
 * of them what an event time would.
 *
 * Source: rules J7 and J8 of stream-stream joins in Spark Structured Streaming, and for
 * all pairs the algorithm of R. W. Floyd, CACM 5(6), 1962.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_class.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "time/declare.h"
#include "query/bounds.h"

#define INTERVAL_BTREE_FAM_OID 1982

#define UNBOUNDED PG_INT64_MIN

/* So many times are looked at that conditions do not name; of others, nothing is known. */
#define MAX_ASKED 64

struct StreamBounds
{
	Query	   *query;
	StreamTimeFunction time_of;
	StreamApartFunction apart;
	void	   *arg;			/* of these */
	List	   *nodes;			/* StreamTimeOf */
	List	   *own;			/* int: of each member, its own event time among
								 * them, or -1 */
	List	   *members;
	bool		keys;			/* there may be some (rule J7) */
	bool		equalities;		/* those are taken now */
	int64	   *after;			/* so much is a node after another at least, by what
								 * is said of members ... */
	int64	   *within;			/* ... and what each has been made of, for so many
								 * nodes; */
	int			nwithin;
	int64	   *alone;			/* by the latter only, as for rows that find no other */
	int			nalone;
	int			taken;			/* the first so many are in conditions; or -1: those
								 * are being looked for */
	int			max;			/* those can be so many */
	int			room;			/* the matrices have so many */
};

/* A time, and what is added to it. */
typedef struct Shifted
{
	int			node;
	int64		low;			/* at least, in microseconds */
	int64		high;			/* at most */
	bool		window;			/* it is a window, not a time */
} Shifted;

static bool all_come_at_once(Query *query, Node *jtnode);

static int64
plus(int64 a, int64 b)
{
	int64		sum;

	if (a == UNBOUNDED || b == UNBOUNDED || pg_add_s64_overflow(a, b, &sum))
		return UNBOUNDED;
	return sum;
}

static int64 *
entry(StreamBounds *bounds, int64 *matrix, int x, int y)
{
	return &matrix[x * bounds->room + y];
}

static int64 *
distance(StreamBounds *bounds, int x, int y)
{
	return entry(bounds, bounds->after, x, y);
}

static StreamTimeOf *
node_of(StreamBounds *bounds, int n)
{
	return list_nth(bounds->nodes, n);
}

/* x is so much after y, at least. */
static void
set_after(StreamBounds *bounds, int x, int y, int64 us)
{
	int64	   *after = distance(bounds, x, y);

	*after = Max(*after, us);
}

/* The number of its event time among the nodes, or -1. */
static int
own_time(StreamBounds *bounds, int member)
{
	ListCell   *lm;
	ListCell   *lo;

	forboth(lm, bounds->members, lo, bounds->own)
		if (lfirst_int(lm) == member)
			return lfirst_int(lo);
	return -1;
}

/* ---- nodes ---- */

/* A matrix in which nothing is known, but what is in the old one (or NULL). */
static int64 *
make_matrix(int room, const int64 *old, int old_room)
{
	int64	   *matrix = palloc(sizeof(int64) * room * room);

	for (int x = 0; x < room; x++)
		for (int y = 0; y < room; y++)
			matrix[x * room + y] = old && x < old_room && y < old_room ?
				old[x * old_room + y] : UNBOUNDED;
	return matrix;
}

static void
make_room(StreamBounds *bounds)
{
	int			room = 2 * bounds->room;

	bounds->after = make_matrix(room, bounds->after, bounds->room);
	if (bounds->within)
		bounds->within = make_matrix(room, bounds->within, bounds->room);
	if (bounds->alone)
		bounds->alone = make_matrix(room, bounds->alone, bounds->room);
	bounds->room = room;
}

static int
add_node(StreamBounds *bounds, const StreamTimeOf *time)
{
	StreamTimeOf *node = palloc(sizeof(StreamTimeOf));
	int			n = list_length(bounds->nodes);

	if (n == bounds->room)
		make_room(bounds);
	*node = *time;
	bounds->nodes = lappend(bounds->nodes, node);
	return n;
}

/* The node of an expression, a new one if need be; -1: it says nothing of time. */
static int
find_node(StreamBounds *bounds, Node *expr)
{
	StreamTimeOf time = {0};
	ListCell   *lc;

	foreach(lc, bounds->nodes)
		if (equal(((StreamTimeOf *) lfirst(lc))->expr, expr))
			return foreach_current_index(lc);
	if (list_length(bounds->nodes) ==
		(bounds->taken < 0 ? bounds->max : bounds->max + MAX_ASKED) ||
		!bounds->time_of(bounds->query, expr, bounds->arg, &time) ||
		own_time(bounds, time.member) < 0)
		return -1;
	return add_node(bounds, &time);
}

/* ---- conditions ---- */

bool
stream_bounds_interval(Node *expr, bool zoned, int64 *low, int64 *high)
{
	Interval   *interval;
	int64		us;

	expr = eval_const_expressions(NULL, expr);
	if (!IsA(expr, Const) || ((Const *) expr)->constisnull ||
		((Const *) expr)->consttype != INTERVALOID)
		return false;
	interval = DatumGetIntervalP(((Const *) expr)->constvalue);
	if (interval->month != 0 ||
		pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &us) ||
		pg_add_s64_overflow(us, interval->time, &us))
		return false;
	*low = *high = us;
	if (zoned && interval->day != 0)
	{
		*low = plus(us, -USECS_PER_DAY);
		*high = plus(us, USECS_PER_DAY);
	}
	return *low != UNBOUNDED && *high != UNBOUNDED;
}

/* What is left of an expression without the constant intervals in it; NULL: nothing is known. */
static Node *
strip_intervals(Node *expr, int64 *low, int64 *high)
{
	OpExpr	   *op = (OpExpr *) expr;
	Node	   *time;
	Node	   *interval;
	bool		minus = false;
	int64		less;
	int64		more;

	*low = *high = 0;
	if (!IsA(expr, OpExpr))
		return expr;
	set_opfuncid(op);
	switch (op->opfuncid)
	{
		case F_TIMESTAMPTZ_MI_INTERVAL:
		case F_TIMESTAMP_MI_INTERVAL:
			minus = true;
			/* FALLTHROUGH */
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMP_PL_INTERVAL:
			time = linitial(op->args);
			interval = lsecond(op->args);
			break;
		case F_INTERVAL_PL_TIMESTAMPTZ:
		case F_INTERVAL_PL_TIMESTAMP:
			time = lsecond(op->args);
			interval = linitial(op->args);
			break;
		default:
			return NULL;
	}
	if (!stream_bounds_interval(interval, exprType(time) == TIMESTAMPTZOID,
								&less, &more))
		return NULL;
	time = strip_intervals(time, low, high);
	*low = plus(*low, minus ? -more : less);
	*high = plus(*high, minus ? -less : more);
	return *low != UNBOUNDED && *high != UNBOUNDED ? time : NULL;
}

/* Adds that it is so much later, at least and at most; false: that is out of range. */
static bool
shift(Shifted *x, int64 low, int64 high)
{
	x->low = plus(x->low, low);
	x->high = plus(x->high, high);
	return x->low != UNBOUNDED && x->high != UNBOUNDED;
}

/* Says a bound of a window as what it is after the end of that. */
static bool
read_bound(StreamBounds *bounds, const StreamTimeOf *bound, Shifted *x)
{
	int			n = find_node(bounds, bound->of);

	if (n < 0)
		return false;
	x->node = n;
	return shift(x, bound->low - bound->early, bound->high - bound->early);
}

/* Reads a time, plus or minus a constant; or a window. */
static bool
read_shifted(StreamBounds *bounds, Node *expr, Shifted *result)
{
	Node	   *time = strip_intervals(expr, &result->low, &result->high);
	StreamTimeOf bound = {0};
	StreamTimeOf *node;

	result->window = false;
	result->node = -1;
	if (time == NULL)
		return false;
	if (!IsA(time, Var) &&
		bounds->time_of(bounds->query, time, bounds->arg, &bound) && bound.of)
		return read_bound(bounds, &bound, result);
	result->node = find_node(bounds, time);
	if (result->node < 0)
		return false;
	node = node_of(bounds, result->node);
	result->window = node->window;
	return shift(result, -node->early, -node->early);
}

/*
 * x is not before y, by a strategy of btree.  What is just on a bound that includes it is kept
 * until the watermark is a millisecond beyond, and of several conditions the one counts by
 * which a row is kept longest (rules J8 and J12); but for equalities, which have been taken
 * before.
 */
static void
note_not_before(StreamBounds *bounds, const Shifted *x, const Shifted *y,
				int strategy)
{
	int64	   *after = distance(bounds, x->node, y->node);

	/* x + x.low.. >= y + y.low.. */
	int64		us = plus(y->low, -x->high);

	if (strategy == BTEqualStrategyNumber)
	{
		set_after(bounds, x->node, y->node, us);
		return;
	}
	if ((strategy == BTLessEqualStrategyNumber ||
		 strategy == BTGreaterEqualStrategyNumber) &&
		!STREAM_MUTATION("join_early"))
		us = plus(us, -1000);
	if (*after == UNBOUNDED)
		*after = us;
	else if (plus(*after, *distance(bounds, y->node, x->node)) != 0)
		*after = Min(*after, us);
}

/* Where a window starts, by where it ends; false: it is a range. */
static bool
make_time(StreamBounds *bounds, Shifted *x)
{
	StreamTimeOf *node = node_of(bounds, x->node);

	if (!x->window)
		return true;
	x->window = false;
	return !type_is_range(exprType(node->expr)) &&
		shift(x, STREAM_MUTATION("join_start") ? 0 : -node->width,
			  -node->least);
}

/* x compared with y */
static void
note_comparison(StreamBounds *bounds, const Shifted *x, const Shifted *y,
				int strategy)
{
	if ((strategy == BTEqualStrategyNumber) != bounds->equalities)
		return;
	if (strategy >= BTEqualStrategyNumber)
		note_not_before(bounds, x, y, strategy);
	if (strategy <= BTEqualStrategyNumber)
		note_not_before(bounds, y, x, strategy);
}

/* x - y compared with a constant interval */
static bool
take_difference(StreamBounds *bounds, Node *difference, Node *interval,
				int strategy)
{
	OpExpr	   *op = (OpExpr *) difference;
	Shifted		x;
	Shifted		y;
	int64		low;
	int64		high;

	if (!IsA(difference, OpExpr))
		return false;
	set_opfuncid(op);
	if ((op->opfuncid != F_TIMESTAMPTZ_MI && op->opfuncid != F_TIMESTAMP_MI) ||
		!stream_bounds_interval(interval, false, &low, &high) ||
		!read_shifted(bounds, linitial(op->args), &x) ||
		!read_shifted(bounds, lsecond(op->args), &y))
		return false;
	if (!make_time(bounds, &x) || !make_time(bounds, &y))
		return true;
	y.low = plus(y.low, low);
	y.high = plus(y.high, high);
	if (y.low != UNBOUNDED && y.high != UNBOUNDED)
		note_comparison(bounds, &x, &y, strategy);
	return true;
}

/* The same windows of two times end at the same time: all else must be constant. */
static bool
are_windows_alike(StreamTimeOf *x, StreamTimeOf *y)
{
	ListCell   *lx;
	ListCell   *ly;
	int			times = 0;

	if (!x->window || !y->window ||
		x->call->funcid != y->call->funcid ||
		list_length(x->call->args) != list_length(y->call->args))
		return false;
	forboth(lx, x->call->args, ly, y->call->args)
	{
		if (contain_var_clause(lfirst(lx)) && contain_var_clause(lfirst(ly)))
			times++;
		else if (!equal(lfirst(lx), lfirst(ly)))
			return false;
	}
	return times == 1;
}

/* Windows that begin apart may not end so, for they may be of different length. */
static bool
is_shifted(const Shifted *x)
{
	return x->low != 0 || x->high != 0;
}

/* Is all of the window but its time the same for all rows? */
static bool
is_regular(const StreamTimeOf *time)
{
	ListCell   *lc;
	int			times = 0;

	foreach(lc, time->window && time->call ? time->call->args : NIL)
		times += contain_var_clause(lfirst(lc));
	return times <= 1;
}

/*
 * Is a row of the member new in the batch in which the last of what it is made of has come, or
 * which has closed its group?  What another view shows has been there before: a column says
 * nothing of when.
 */
static bool
comes_at_once(RangeTblEntry *rte)
{
	Query	   *query = rte->subquery;

	check_stack_depth();
	if (rte->rtekind == RTE_RELATION)
		return !stream_catalog_is_view(rte->relid) &&
			!OidIsValid(stream_catalog_view_of(rte->relid)) &&
			rte->relkind != RELKIND_VIEW;
	return rte->rtekind == RTE_SUBQUERY && !query->setOperations &&
		!query->hasDistinctOn && !query->hasWindowFuncs &&
		!query->hasSubLinks && !query->cteList &&
		all_come_at_once(query, (Node *) query->jointree);
}

/* Are they so in that part of FROM? */
static bool
all_come_at_once(Query *query, Node *jtnode)
{
	RangeTblEntry *rte;
	ListCell   *lc;

	if (IsA(jtnode, JoinExpr))
		return all_come_at_once(query, ((JoinExpr *) jtnode)->larg) &&
			all_come_at_once(query, ((JoinExpr *) jtnode)->rarg);
	if (IsA(jtnode, FromExpr))
	{
		foreach(lc, ((FromExpr *) jtnode)->fromlist)
			if (!all_come_at_once(query, lfirst(lc)))
				return false;
		return true;
	}
	rte = rt_fetch(((RangeTblRef *) jtnode)->rtindex, query->rtable);
	return (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_SUBQUERY) ||
		comes_at_once(rte);
}

/*
 * Can the expression be a key that is equal to the time?  What comes too late for that finds
 * nothing.  Of more members than two (chains.c has none of these where there is an event
 * time), a row does not say by itself when it has met the others.
 */
static bool
can_be_key(StreamBounds *bounds, Node *expr, const StreamTimeOf *time)
{
	int			member;
	ListCell   *lc;

	/* an event time says by itself what is late */
	if (find_node(bounds, expr) >= 0 || time->key_of || !is_regular(time) ||
		list_length(bounds->members) > 2 ||
		list_length(bounds->nodes) == bounds->max ||
		!bms_get_singleton_member(pull_varnos(NULL, expr), &member) ||
		member == time->member ||
		!list_member_int(bounds->members, member) ||
		!comes_at_once(rt_fetch(member, bounds->query->rtable)) ||
		contain_volatile_functions(expr) || contain_subplans(expr))
		return false;
	/* there is one threshold for all that a row says */
	foreach(lc, bounds->nodes)
	{
		StreamTimeOf *node = lfirst(lc);

		if (node->member == member && node->type != time->type)
			return false;
	}
	return true;
}

/* Takes that an expression is equal to another, which may be an event time. */
static void
take_key(StreamBounds *bounds, Node *expr, Node *other)
{
	int			n = find_node(bounds, other);
	StreamTimeOf key;
	int			added;

	if (n < 0 || !can_be_key(bounds, expr, node_of(bounds, n)))
		return;
	key = *node_of(bounds, n);
	(void) bms_get_singleton_member(pull_varnos(NULL, expr), &key.member);
	key.expr = key.time = expr;
	key.of = NULL;
	key.key_of = other;
	key.made_up = true;
	added = add_node(bounds, &key);
	set_after(bounds, added, n, 0);
	set_after(bounds, n, added, 0);
}

/* A time is in a window: not before it starts, and before it ends. */
static void
take_containment(StreamBounds *bounds, Node *time, Node *window)
{
	Shifted		x;
	Shifted		end;
	Shifted		start;
	StreamTimeOf *node;

	if (bounds->equalities || !read_shifted(bounds, time, &x) || x.window ||
		!read_shifted(bounds, window, &end) || !end.window)
		return;
	node = node_of(bounds, end.node);
	start = end;
	if (shift(&start, -node->width, -node->least))
		note_comparison(bounds, &x, &start, BTGreaterEqualStrategyNumber);
	note_comparison(bounds, &x, &end, BTLessStrategyNumber);
}

static void
take_condition(StreamBounds *bounds, Node *condition)
{
	OpExpr	   *op = (OpExpr *) condition;
	Node	   *left;
	Node	   *right;
	Shifted		x;
	Shifted		y;
	int			strategy;

	if (!IsA(condition, OpExpr) || list_length(op->args) != 2)
		return;
	left = linitial(op->args);
	right = lsecond(op->args);
	set_opfuncid(op);
	if (op->opfuncid == F_ELEM_CONTAINED_BY_RANGE)
		take_containment(bounds, left, right);
	else if (op->opfuncid == F_RANGE_CONTAINS_ELEM)
		take_containment(bounds, right, left);
	strategy = get_op_opfamily_strategy(op->opno, INTERVAL_BTREE_FAM_OID);
	if (strategy != InvalidStrategy)
	{
		if (!take_difference(bounds, left, right, strategy))
			(void) take_difference(bounds, right, left,
								   BTMaxStrategyNumber + 1 - strategy);
		return;
	}
	strategy = get_op_opfamily_strategy(op->opno, STREAM_DATETIME_BTREE_FAM_OID);
	if (strategy == InvalidStrategy && op_mergejoinable(op->opno, exprType(left)))
		strategy = BTEqualStrategyNumber;
	if (strategy == InvalidStrategy || exprType(left) != exprType(right))
		return;
	if (bounds->keys && bounds->equalities &&
		strategy == BTEqualStrategyNumber && !STREAM_MUTATION("join_keys"))
	{
		take_key(bounds, left, right);
		take_key(bounds, right, left);
	}
	if (!read_shifted(bounds, left, &x) || !read_shifted(bounds, right, &y))
		return;
	if (x.window && y.window && strategy == BTEqualStrategyNumber)
	{
		if (is_shifted(&x) || is_shifted(&y) ||
			!are_windows_alike(node_of(bounds, x.node),
							   node_of(bounds, y.node)))
			return;
	}
	else if (!make_time(bounds, &x) || !make_time(bounds, &y))
		return;
	note_comparison(bounds, &x, &y, strategy);
}

static void
take_conditions(StreamBounds *bounds, Node *quals)
{
	ListCell   *lc;

	if (quals == NULL)
		return;
	if (!is_andclause(quals))
	{
		take_condition(bounds, quals);
		return;
	}
	foreach(lc, ((BoolExpr *) quals)->args)
		take_conditions(bounds, lfirst(lc));
}

/* Conditions that hold for all rows of the join. */
static void
take_from(StreamBounds *bounds, Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;
	ListCell   *lc;

	if (IsA(jtnode, FromExpr))
	{
		foreach(lc, ((FromExpr *) jtnode)->fromlist)
			take_from(bounds, lfirst(lc));
		take_conditions(bounds, ((FromExpr *) jtnode)->quals);
	}
	else if (IsA(jtnode, JoinExpr) && join->jointype == JOIN_INNER)
	{
		take_from(bounds, join->larg);
		take_from(bounds, join->rarg);
		take_conditions(bounds, join->quals);
	}
	/* an outer join with a table keeps all rows of one side, as they are there */
	else if (IsA(jtnode, JoinExpr) && join->jointype == JOIN_LEFT &&
			 !STREAM_MUTATION("join_beside"))
		take_from(bounds, join->larg);
	else if (IsA(jtnode, JoinExpr) && join->jointype == JOIN_RIGHT)
		take_from(bounds, join->rarg);
}

/* ---- all of them ---- */

/* A window ends after the time that it is of, but not by more than its width. */
static void
relate(StreamBounds *bounds, int n)
{
	StreamTimeOf *node = node_of(bounds, n);

	set_after(bounds, n, n, 0);
	for (int i = 0; i < list_length(bounds->nodes); i++)
	{
		StreamTimeOf *time = node_of(bounds, i);

		if (i == n)
			continue;
		if (node->of && equal(node->of, time->expr))
		{
			set_after(bounds, n, i, node->low);
			set_after(bounds, i, n, -node->high);
		}
		if (node->time == node->expr || !equal(node->time, time->expr))
			continue;
		set_after(bounds, n, i, 0);
		set_after(bounds, i, n, -node->width);
	}
}

/*
 * Is the time there in all rows that find others?  One that may be null is, if a condition is
 * about it.
 */
static bool
is_there(StreamBounds *bounds, int n)
{
	if (!node_of(bounds, n)->made_up || STREAM_MUTATION("join_null_time"))
		return true;
	for (int i = 0; i < bounds->taken; i++)
		if (node_of(bounds, i)->member != node_of(bounds, n)->member &&
			(*distance(bounds, i, n) != UNBOUNDED ||
			 *distance(bounds, n, i) != UNBOUNDED))
			return true;
	return false;
}

/* Does the matrix say nothing of other times by way of that one, which may be null? */
static bool
leads_nowhere(StreamBounds *bounds, const int64 *matrix, int n)
{
	if (matrix == bounds->after || STREAM_MUTATION("join_null_time"))
		return false;
	return matrix == bounds->alone ? node_of(bounds, n)->made_up :
		!is_there(bounds, n);
}

/* What follows, in a matrix of the nodes before n, when n is put to them. */
static void
close_paths(StreamBounds *bounds, int64 *matrix, int n)
{
	CHECK_FOR_INTERRUPTS();
	for (int x = 0; x <= n; x++)
	{
		if (leads_nowhere(bounds, matrix, x))
			continue;
		for (int y = 0; y <= n; y++)
		{
			int64	   *there = entry(bounds, matrix, n, y);
			int64	   *back = entry(bounds, matrix, y, n);

			*there = Max(*there, plus(*entry(bounds, matrix, n, x),
									  *entry(bounds, matrix, x, y)));
			*back = Max(*back, plus(*entry(bounds, matrix, y, x),
									*entry(bounds, matrix, x, n)));
		}
	}
	if (leads_nowhere(bounds, matrix, n))
		return;
	for (int x = 0; x <= n; x++)
		for (int y = 0; y <= n; y++)
		{
			int64	   *after = entry(bounds, matrix, x, y);

			*after = Max(*after, plus(*entry(bounds, matrix, x, n),
									  *entry(bounds, matrix, n, y)));
		}
}

static void
find_all(StreamBounds *bounds, Node *from)
{
	int			n;

	from = stream_compat_flatten_join_alias_vars(NULL, bounds->query, from);
	bounds->equalities = true;
	take_from(bounds, from);
	bounds->equalities = false;
	take_from(bounds, from);
	n = list_length(bounds->nodes);
	for (int i = 0; i < n; i++)
		relate(bounds, i);
	for (int i = 0; i < n; i++)
		close_paths(bounds, bounds->after, i);
	bounds->taken = n;
}

StreamBounds *
stream_bounds_find(Query *query, Node *from, List *members, List *times,
				   bool keys, StreamTimeFunction time_of,
				   StreamApartFunction apart, void *arg)
{
	StreamBounds *bounds = palloc0(sizeof(StreamBounds));
	ListCell   *lt;
	ListCell   *lm;

	bounds->query = query;
	bounds->time_of = time_of;
	bounds->apart = apart;
	bounds->arg = arg;
	bounds->members = members;
	bounds->keys = keys;
	/* of more times, what comes last says nothing */
	bounds->max = 4 * list_length(members);
	bounds->taken = -1;
	bounds->room = bounds->max;
	bounds->after = make_matrix(bounds->room, NULL, 0);
	forboth(lm, members, lt, times)
	{
		StreamTimeOf time = {0};

		bounds->own = lappend_int(bounds->own, lfirst(lt) &&
								  time_of(query, lfirst(lt), arg, &time) ?
								  add_node(bounds, &time) : -1);
	}
	find_all(bounds, from);
	return bounds;
}

/* ---- what follows ---- */

bool
stream_bounds_exist(StreamBounds *bounds)
{
	int			n = list_length(bounds->nodes);

	for (int x = 0; x < n; x++)
		for (int y = 0; y < n; y++)
			if (node_of(bounds, x)->member != node_of(bounds, y)->member &&
				*distance(bounds, x, y) != UNBOUNDED)
				return true;
	return false;
}

List *
stream_bounds_keys(StreamBounds *bounds, int member)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, bounds->nodes)
	{
		StreamTimeOf *node = lfirst(lc);

		if (node->member == member && node->key_of)
			keys = lappend(keys, node);
	}
	return keys;
}

/*
 * How much it is after an event time of a member's new rows, at least, by that matrix.  All
 * that a row says of its time is after the watermark when it is new, but for the slack that
 * it has itself.
 */
static int64
after_new(StreamBounds *bounds, int64 *matrix, int n, int member)
{
	int64		after = UNBOUNDED;

	for (int i = 0; i < list_length(bounds->nodes); i++)
	{
		StreamTimeOf *node = node_of(bounds, i);

		/* what has been asked before makes no difference */
		if (node->member == member &&
			(i == n || (i < bounds->taken && is_there(bounds, i))))
			after = Max(after, plus(i == n ? 0 : *entry(bounds, matrix, n, i),
									-node->slack));
	}
	return after;
}

static int64
after_member(StreamBounds *bounds, int n, int member)
{
	return after_new(bounds, bounds->after, n, member);
}

/* As find_node, when all conditions have been taken; a bound is about its window. */
static int
find_related(StreamBounds *bounds, Node *expr)
{
	int			known = list_length(bounds->nodes);
	int			n = find_node(bounds, expr);

	if (n >= known && node_of(bounds, n)->of)
		(void) find_node(bounds, node_of(bounds, n)->of);
	for (; known < list_length(bounds->nodes); known++)
	{
		relate(bounds, known);
		close_paths(bounds, bounds->after, known);
	}
	return n;
}

/* What a member knows of a time itself: that, or the time that a window is of. */
static Node *
known_time(const StreamTimeOf *node, int64 *width)
{
	bool		made = node->time != node->expr;

	*width = made ? node->width : 0;
	return node->time;
}

/* What has been made of one member says how far apart its times are, too. */
static void
note_apart(StreamBounds *bounds, int64 *matrix, int x, int y)
{
	int64		width;
	int64		longer;
	int64		low;
	int64		high;
	int64		unused;
	Node	   *time = strip_intervals(known_time(node_of(bounds, x), &longer),
									   &low, &unused);
	Node	   *before = strip_intervals(known_time(node_of(bounds, y), &width),
										 &unused, &high);
	int64	   *after = entry(bounds, matrix, x, y);
	int64		us = 0;

	if (node_of(bounds, x)->of &&
		equal(node_of(bounds, x)->of, node_of(bounds, y)->expr))
		*after = Max(*after, node_of(bounds, x)->low);
	if (node_of(bounds, y)->of &&
		equal(node_of(bounds, y)->of, node_of(bounds, x)->expr))
		*after = Max(*after, -node_of(bounds, y)->high);
	if (node_of(bounds, x)->member != node_of(bounds, y)->member ||
		time == NULL || before == NULL)
		return;
	/* a window ends after the time that it is of, but not by more than its width */
	if (equal(time, before) ||
		(!STREAM_MUTATION("join_apart") &&
		 bounds->apart(bounds->query, time, before, bounds->arg, &us)))
		*after = Max(*after, plus(plus(us, low), plus(-high, -width)));
}

/* The distances with all that, of all nodes that there are now. */
static int64 *
within_members(StreamBounds *bounds)
{
	if (bounds->within == NULL)
		bounds->within = make_matrix(bounds->room, NULL, 0);
	for (; bounds->nwithin < list_length(bounds->nodes); bounds->nwithin++)
	{
		int			n = bounds->nwithin;

		for (int i = 0; i <= n; i++)
		{
			*entry(bounds, bounds->within, i, n) = *distance(bounds, i, n);
			*entry(bounds, bounds->within, n, i) = *distance(bounds, n, i);
			note_apart(bounds, bounds->within, i, n);
			note_apart(bounds, bounds->within, n, i);
		}
		close_paths(bounds, bounds->within, n);
	}
	return bounds->within;
}

/*
 * The distances within a row that finds no other: the conditions of the join say nothing of
 * it, so those of other members are no way to go.
 */
static int64 *
within_alone(StreamBounds *bounds)
{
	if (STREAM_MUTATION("join_alone"))
		return within_members(bounds);
	if (bounds->alone == NULL)
		bounds->alone = make_matrix(bounds->room, NULL, 0);
	for (; bounds->nalone < list_length(bounds->nodes); bounds->nalone++)
	{
		int			n = bounds->nalone;

		*entry(bounds, bounds->alone, n, n) = 0;
		for (int i = 0; i < n; i++)
		{
			note_apart(bounds, bounds->alone, i, n);
			note_apart(bounds, bounds->alone, n, i);
		}
		close_paths(bounds, bounds->alone, n);
	}
	return bounds->alone;
}

bool
stream_bounds_apart(StreamBounds *bounds, Node *expr, Node *other, int64 *us)
{
	int			x = find_related(bounds, expr);
	int			y = find_related(bounds, other);

	if (x < 0 || y < 0)
		return false;
	*us = *entry(bounds, within_members(bounds), x, y);
	return *us != UNBOUNDED;
}

bool
stream_bounds_slack(StreamBounds *bounds, Node *expr, int64 *slack)
{
	int			n = find_related(bounds, expr);
	ListCell   *lc;

	*slack = 0;
	if (n < 0)
		return false;
	foreach(lc, bounds->members)
	{
		int64		after = after_new(bounds, within_members(bounds), n,
									  lfirst_int(lc));

		if (after == UNBOUNDED)
			return false;
		*slack = Max(*slack, -after);
	}
	return true;
}

/* How far a time is after another one. */
static int64
after_time(StreamBounds *bounds, int n, int other)
{
	return *distance(bounds, n, other);
}

/*
 * Of the times of a member, the one that comes first after those of another, or after one
 * time, or -1: as the function has it.
 */
static int
first_after(StreamBounds *bounds, int member, int other,
			int64 (*after_other) (StreamBounds *bounds, int n, int other))
{
	int			best = -1;
	int64		best_end = 0;

	for (int i = 0; i < bounds->taken; i++)
	{
		StreamTimeOf *node = node_of(bounds, i);
		int64		after = after_other(bounds, i, other);
		int64		end;

		if (node->member != member || after == UNBOUNDED)
			continue;
		end = plus(node->width, -after);
		/* the end of a window is not after the longest that it can be */
		if (best >= 0 && (end > best_end ||
						  (end == best_end && !node->window)))
			continue;
		best = i;
		best_end = end;
	}
	return best;
}

/*
 * The time of a member that is equal to one of another, or -1: that alone says until when its
 * rows are kept (rule J7).
 */
static int
equal_time(StreamBounds *bounds, int member, int other, int64 *us)
{
	for (int x = 0; x < bounds->taken; x++)
		for (int y = 0; y < bounds->taken; y++)
			if (node_of(bounds, x)->member == member &&
				node_of(bounds, y)->member == other &&
				*distance(bounds, x, y) >= 0 && *distance(bounds, y, x) >= 0)
			{
				*us = node_of(bounds, y)->slack;
				return x;
			}
	return -1;
}

List *
stream_bounds_expiry(StreamBounds *bounds, int member, List **after)
{
	List	   *result = NIL;
	ListCell   *lc;

	*after = NIL;
	foreach(lc, bounds->members)
	{
		int			n;
		int64	   *us;

		if (lfirst_int(lc) == member)
			continue;
		us = palloc(sizeof(int64));
		n = equal_time(bounds, member, lfirst_int(lc), us);
		if (n < 0)
		{
			n = first_after(bounds, member, lfirst_int(lc), after_member);
			if (n < 0)
				return NIL;
			*us = -after_member(bounds, n, lfirst_int(lc));
		}
		result = lappend(result, node_of(bounds, n));
		*after = lappend(*after, us);
	}
	return result;
}

/*
 * The rows that are kept of a member have times after what it gives up by.  Keys give it up with
 * the watermark (rule K1).
 */
int64
stream_bounds_lag(StreamBounds *bounds)
{
	int64		lag = 0;
	ListCell   *lm;
	ListCell   *lo;

	foreach(lm, bounds->members)
		foreach(lo, bounds->members)
		{
			int			own = own_time(bounds, lfirst_int(lm));
			int64		after;
			int64		us;

			if (own < 0 || lfirst_int(lm) == lfirst_int(lo) ||
				equal_time(bounds, lfirst_int(lm), lfirst_int(lo), &us) >= 0)
				continue;
			after = after_member(bounds, own, lfirst_int(lo));
			if (after != UNBOUNDED)
				lag = Max(lag, -after);
		}
	return lag;
}

/* As after_new, of a row that finds no other: when it is new, a key of it may have passed. */
static int64
after_new_alone(StreamBounds *bounds, int n, int member)
{
	int64	   *matrix = within_alone(bounds);
	int64		after = UNBOUNDED;

	for (int i = 0; i < list_length(bounds->nodes); i++)
	{
		StreamTimeOf *node = node_of(bounds, i);

		if (node->member == member && node->key_of == NULL &&
			(i == n || (i < bounds->taken &&
						!leads_nowhere(bounds, matrix, i))))
			after = Max(after, plus(i == n ? 0 : *entry(bounds, matrix, n, i),
									-node->slack));
	}
	return after;
}

bool
stream_bounds_slack_at_expiry(StreamBounds *bounds, Node *expr, int member,
							  int64 *slack)
{
	List	   *after;
	List	   *times = stream_bounds_expiry(bounds, member, &after);
	int			n = find_related(bounds, expr);
	ListCell   *lt;
	ListCell   *la;

	*slack = 0;
	if (times == NIL || n < 0 || node_of(bounds, n)->member != member)
		return false;
	/* it may come as soon as it is there */
	if (!STREAM_MUTATION("join_alone"))
		*slack = Max(0, -after_new_alone(bounds, n, member));
	forboth(lt, times, la, after)
	{
		int			time = find_node(bounds,
									 ((StreamTimeOf *) lfirst(lt))->expr);
		int64		distant = *entry(bounds, within_alone(bounds), n, time);
		int64		us;

		if (distant == UNBOUNDED ||
			pg_sub_s64_overflow(*(int64 *) lfirst(la), distant, &us))
			return false;
		*slack = Max(*slack, us);
	}
	return true;
}

StreamTimeOf *
stream_bounds_not_after(StreamBounds *bounds, Node *expr, int member,
						int64 *us)
{
	int			n = find_related(bounds, expr);
	int			best = n < 0 ? -1 : first_after(bounds, member, n, after_time);

	if (best < 0)
		return NULL;
	*us = -*distance(bounds, best, n);
	return node_of(bounds, best);
}
