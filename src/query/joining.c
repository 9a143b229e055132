/*-------------------------------------------------------------------------
 *
 * joining.c
 *	  Joins of streams.
 *
 *		SELECT l.a, count(*) FROM l JOIN r ON l.k = r.k AND l.x < r.y WHERE r.b > 0
 *		GROUP BY l.a
 *
 * first becomes an aggregation over a sub-select that joins:
 *
 *		SELECT a, count(*) FROM (SELECT l.a FROM l JOIN r ...) GROUP BY a
 *
 * The sub-select is an operator.  Below it, each member of its FROM that reads a stream
 * is a side: an operator that keeps, of the rows, the columns that the join needs, and of
 * these only rows that pass the conditions on them alone, in a table with an index on
 * what is equal to something else, or compared with it in another way that an index can
 * serve (serving.c).
 *
 * The join has a feed for each side: its own query with the new rows of that side, and
 * the tables of the others.  Feeds run one after the other, and the new rows of a side
 * are kept after its own has run (rows.c).  So a pair of new rows meets once: when the
 * feed of the later side runs, which finds the earlier one in the table.
 *
 * Rows of a side may come and go: those of an aggregation, of first rows, of an outer
 * join.  Each makes its pairs come or go as it does; the other sides are as they were, or
 * change in turn.  So the pairs have a sign; and nothing but sides may be in FROM, for
 * other rows might be others when a pair goes (lookups.c has them above the join).
 *
 * What else is in FROM (tables, functions) stays there, and is as it is when the last
 * row of a pair is read.
 *
 * Source: the order of a batch is that of stream-stream joins in Spark Structured
 * Streaming, which hold the one side while they read the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/calls.h"
#include "query/eventtime.h"
#include "query/nesting.h"
#include "query/pairs.h"
#include "query/serving.h"
#include "query/joining.h"

/* So many sides; the planner goes through their orders. */
#define MAX_SIDES 32

/* So many conditions find what belongs together; more would hardly help. */
#define MAX_EQUALS 8

/* A side in the making. */
typedef struct Side
{
	int			rtindex;
	List	   *quals;			/* conditions on it alone */
	List	   *equals;			/* Equal */
	List	   *compared;		/* Compared */
	List	   *not_null;		/* those of its columns that an index is on */
	const char *unserved;		/* what no index has that would find its rows, or NULL */
	List	   *exprs;			/* its columns, over the join's range table; keys
								 * come first */
	int			nkeys;
	bool		preserved;		/* by an outer join: conditions of it do not take
								 * its rows away */
	JoinType	test;			/* JOIN_INNER: its rows are joined; JOIN_SEMI or
								 * JOIN_ANTI: of those of the first side, there
								 * must be some, or none, of it */
	Expr	   *final;			/* the event time from which on it finds no other,
								 * or NULL; ... */
	Expr	   *until;			/* ... and is not needed for others */
	List	   *keys;			/* event times of which none must have passed when it
								 * is new, or it finds nothing */
} Side;

/* What of a side is equal to what of others. */
typedef struct Equal
{
	Node	   *expr;
	Bitmapset  *others;			/* relids */
} Equal;

/* What of a side an index finds by others, other than by equality. */
typedef struct Compared
{
	Node	   *expr;
	Bitmapset  *others;			/* relids */
	Oid			method;			/* the access method */
	bool		later;			/* btree: it is greater */
	bool		strict;			/* nothing is found where it is null */
} Compared;

typedef struct Joining
{
	StreamCut  *cut;
	StreamJoined *joined;		/* its event times, unless rows come and go */
	List	   *sides;			/* Side */
	bool		bounded;		/* there is an until, ... */
	bool		timed;			/* ... or would be, were all sides bounded so */
	bool		append;			/* rows come when they are final */
	bool		outer;			/* above it, an expression is not what it is below */
	const Bitmapset *changing;	/* sides whose rows come and go */
} Joining;

/* ---- wrapping ---- */

StreamPlace
stream_joining_locate(const StreamPlace *outer, const Query *query,
					  int rtindex)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

	return stream_nesting_is_hidden(rte) ? *outer :
		stream_locate_member(outer, query, rtindex);
}

/*
 * A grouping expression is computed in the sub-select: if it is a window, there is what
 * says how late it may come.
 */
static void
add_key(StreamNesting *nesting, Node *expr)
{
	if (IsA(expr, FuncExpr) && !contain_volatile_functions(expr) &&
		!stream_calls_has_session(expr) &&
		!checkExprHasSubLink(expr) && !expression_returns_set(expr) &&
		stream_nesting_position(nesting->exprs, expr) < 0)
		stream_nesting_add(nesting, expr, copyObject((Expr *) expr));
}

Query *
stream_joining_wrap(Query *query, const StreamPlace *place)
{
	StreamNesting nesting = {0};
	Query	   *inner;
	ListCell   *lc;

	stream_nesting_flatten(query);
	foreach(lc, query->groupClause)
		add_key(&nesting, get_sortgroupclause_expr(lfirst(lc),
												   query->targetList));
	nesting.nkeys = list_length(nesting.targets);
	if (query->cteList && stream_nesting_has_sublink(query))
		stream_refuse_in(place,
						 "WITH beside a join of streams and a sub-select of an expression is",
						 linitial(query->cteList),
						 "Write the query in FROM.");
	inner = stream_nesting_wrap(&nesting, query);
	inner->cteList = query->cteList;
	inner->hasRecursive = query->hasRecursive;
	query->cteList = NIL;
	query->hasRecursive = false;
	return inner;
}

/* ---- what is joined ---- */

static Side *
find_side(const Joining *joining, int rtindex)
{
	ListCell   *lc;

	foreach(lc, joining->sides)
		if (((Side *) lfirst(lc))->rtindex == rtindex)
			return lfirst(lc);
	return NULL;
}

/* A side in that part of FROM, as an index into the range table; or 0. */
static int
side_in(const Joining *joining, Node *jtnode)
{
	int			side;
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return find_side(joining, ((RangeTblRef *) jtnode)->rtindex) ?
			((RangeTblRef *) jtnode)->rtindex : 0;
	if (IsA(jtnode, JoinExpr))
	{
		side = side_in(joining, ((JoinExpr *) jtnode)->larg);
		return side ? side : side_in(joining, ((JoinExpr *) jtnode)->rarg);
	}
	foreach(lc, ((FromExpr *) jtnode)->fromlist)
		if ((side = side_in(joining, lfirst(lc))) != 0)
			return side;
	return 0;
}

static StreamPlace
place_of_side(const Joining *joining, int rtindex)
{
	return stream_joining_locate(&joining->cut->place, joining->cut->query,
								 rtindex);
}

static void
refuse_outer_join(const Joining *joining, int rtindex)
{
	StreamPlace place = place_of_side(joining, rtindex);

	stream_refuse_clause(&place, STREAM_CLAUSE_ANY,
						 "an outer join that makes up rows for a stream, beside other members of FROM, is",
						 "Put the stream on the side of the join whose rows are all kept.");
}

/* Arithmetic of times with nothing stable in it but the time zone, which a view keeps. */
static bool
is_of_time_zone(Oid funcid)
{
	switch (funcid)
	{
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMPTZ_MI_INTERVAL:
		case F_INTERVAL_PL_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

/* Such functions are taken away from around their arguments. */
static Node *
zone_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, OpExpr))
		set_opfuncid((OpExpr *) node);
	if (IsA(node, OpExpr) && is_of_time_zone(((OpExpr *) node)->opfuncid))
		return zone_mutator((Node *) ((OpExpr *) node)->args, context);
	if (IsA(node, FuncExpr) && is_of_time_zone(((FuncExpr *) node)->funcid))
		return zone_mutator((Node *) ((FuncExpr *) node)->args, context);
	return expression_tree_mutator(node, zone_mutator, context);
}

/* Is it the same in any batch, and needs no other query? */
static bool
is_pure(Node *expr)
{
	return !checkExprHasSubLink(expr) &&
		!contain_mutable_functions(zone_mutator(expr, NULL));
}

/*
 * The side that an expression is over which a condition compares with something of
 * others, if it can be a column; or NULL.
 */
static Side *
side_of(Joining *joining, Node *expr, Bitmapset *others)
{
	Bitmapset  *of = pull_varnos(NULL, expr);
	int			rtindex;

	if (!bms_get_singleton_member(of, &rtindex) || bms_is_empty(others) ||
		bms_overlap(of, others) || !is_pure(expr))
		return NULL;
	return find_side(joining, rtindex);
}

static Node *
is_not_null(Node *expr)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = copyObject((Expr *) expr);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Node *) test;
}

/* Notes that an expression over one side is equal to something of others. */
static void
note_equal(Joining *joining, Node *expr, Node *other)
{
	Bitmapset  *others = pull_varnos(NULL, other);
	Side	   *side = side_of(joining, expr, others);
	Equal	   *equal;

	if (side == NULL || list_length(side->equals) >=
		MAX_EQUALS * list_length(joining->sides) ||
		!stream_analyze_has_order(exprType(expr)))
		return;
	equal = palloc(sizeof(Equal));
	equal->expr = expr;
	equal->others = others;
	side->equals = lappend(side->equals, equal);

	/* null is equal to nothing: such rows need not be kept */
	if (!side->preserved)
		side->quals = list_append_unique(side->quals, is_not_null(expr));
}

/*
 * Notes that an index finds what is left of an operator by what is right of it, which is
 * of others; false: none does.  op: the condition; opno: that, or its commutator.
 */
static bool
note_compared(Joining *joining, OpExpr *op, Oid opno, Node *expr, Node *other)
{
	Bitmapset  *others = pull_varnos(NULL, other);
	Side	   *side = side_of(joining, expr, others);
	Compared   *compared = palloc(sizeof(Compared));

	if (side == NULL || list_length(side->compared) >=
		MAX_EQUALS * list_length(joining->sides))
		return false;
	compared->expr = expr;
	compared->others = others;
	compared->method = OidIsValid(opno) ?
		stream_serving_method(expr, opno, op->inputcollid, &compared->later) :
		InvalidOid;
	if (!OidIsValid(compared->method))
	{
		side->unserved = OidIsValid(opno) ? format_operator(opno) :
			psprintf("the commutator of %s", format_operator(op->opno));
		return false;
	}
	compared->strict = op_strict(opno);
	side->compared = lappend(side->compared, compared);
	return true;
}

/*
 * Notes what finds rows by a condition that is no equality.  Returns conditions that it
 * implies, and that find rows of a side that it does not.
 */
static List *
note_comparison(Joining *joining, OpExpr *op)
{
	List	   *implied = stream_serving_implied(op);
	List	   *result = NIL;
	ListCell   *lc;

	(void) note_compared(joining, op, op->opno, linitial(op->args),
						 lsecond(op->args));
	(void) note_compared(joining, op, get_commutator(op->opno),
						 lsecond(op->args), linitial(op->args));
	foreach(lc, implied)
	{
		OpExpr	   *other = lfirst_node(OpExpr, lc);

		if (note_compared(joining, other, other->opno, linitial(other->args),
						  lsecond(other->args)))
			result = lappend(result, other);
	}
	return result;
}

/* The same of a comparison of rows, of which no index finds more than their first values. */
static List *
note_rows_compared(Joining *joining, RowCompareExpr *row)
{
	OpExpr	   *first = stream_serving_first(row);
	bool		found;

	if (!OidIsValid(first->opno))
		return NIL;
	set_opfuncid(first);
	found = note_compared(joining, first, first->opno, linitial(first->args),
						  lsecond(first->args));
	if (note_compared(joining, first, get_commutator(first->opno),
					  lsecond(first->args), linitial(first->args)))
		found = true;
	return found ? list_make1(first) : NIL;
}

/*
 * Takes a condition of a join; returns what is left of it in its place.  What a preserved
 * side does not pass must not take its rows away.
 */
static List *
take_condition(Joining *joining, Node *condition)
{
	Bitmapset  *of = pull_varnos(NULL, condition);
	OpExpr	   *op = (OpExpr *) condition;
	Side	   *side;
	int			rtindex;

	if (bms_get_singleton_member(of, &rtindex) && is_pure(condition) &&
		(side = find_side(joining, rtindex)) != NULL && !side->preserved)
	{
		side->quals = lappend(side->quals, condition);
		return NIL;
	}
	if (IsA(condition, RowCompareExpr))
		return lcons(condition,
					 note_rows_compared(joining, (RowCompareExpr *) condition));
	if (!IsA(condition, OpExpr) || list_length(op->args) != 2)
		return list_make1(condition);
	if (!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return lcons(condition, note_comparison(joining, op));
	note_equal(joining, linitial(op->args), lsecond(op->args));
	note_equal(joining, lsecond(op->args), linitial(op->args));
	return list_make1(condition);
}

/* Takes what can be taken of conditions that hold for all rows of the join. */
static Node *
take_conditions(Joining *joining, Node *quals)
{
	List	   *left = NIL;
	ListCell   *lc;
	List	   *conditions = stream_nesting_conditions(quals);

	foreach(lc, conditions)
		left = list_concat(left, take_condition(joining, lfirst(lc)));
	return left ? (Node *) make_ands_explicit(left) : NULL;
}

/* Goes through a part of FROM whose rows are all in the join. */
static void
take_from(Joining *joining, Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;
	FromExpr   *from = (FromExpr *) jtnode;
	ListCell   *lc;

	if (IsA(jtnode, FromExpr))
	{
		foreach(lc, from->fromlist)
			take_from(joining, lfirst(lc));
		from->quals = take_conditions(joining, from->quals);
	}
	else if (IsA(jtnode, JoinExpr) && join->jointype == JOIN_INNER)
	{
		take_from(joining, join->larg);
		take_from(joining, join->rarg);
		join->quals = take_conditions(joining, join->quals);
	}
	else if (IsA(jtnode, JoinExpr))
	{
		int			left = side_in(joining, join->larg);
		int			right = side_in(joining, join->rarg);

		if (left && join->jointype != JOIN_LEFT)
			refuse_outer_join(joining, left);
		if (right && join->jointype != JOIN_RIGHT)
			refuse_outer_join(joining, right);
		if (left)
			take_from(joining, join->larg);
		if (right)
			take_from(joining, join->rarg);
	}
}

/* ---- outer joins ---- */

/* Is it one of those that semijoin.c makes? */
static bool
is_test(const JoinExpr *join)
{
	return join->jointype == JOIN_SEMI || join->jointype == JOIN_ANTI;
}

/* The outer join of two sides that FROM consists of, or NULL. */
static JoinExpr *
find_outer_join(const Joining *joining)
{
	List	   *joins = stream_analyze_partial_joins(joining->cut->query);

	return joins && !is_test(linitial(joins)) ? linitial(joins) : NULL;
}

bool
stream_joining_has_tests(Query *query)
{
	List	   *joins = stream_analyze_partial_joins(query);

	return joins && is_test(linitial(joins));
}

bool
stream_joining_rows_go(Query *query)
{
	List	   *joins = stream_analyze_partial_joins(query);
	ListCell   *lc;

	foreach(lc, joins)
		if (lfirst_node(JoinExpr, lc)->jointype != JOIN_SEMI)
			return true;
	return false;
}

/*
 * The rows of a side come out alone, too: when they are final, or until they find
 * others.
 */
static void
preserve(const Joining *joining, Node *ref)
{
	Side	   *side = find_side(joining, ((RangeTblRef *) ref)->rtindex);

	side->preserved = true;
	if (!joining->append)
		joining->cut->signs = true;
	else if (side->final == NULL)
		stream_refuse_in(&joining->cut->place,
						 "output mode \"append\" of an outer join, or NOT EXISTS, of streams that their event times do not bound is",
						 joining->cut->query->targetList,
						 "Have event times with a watermark in the streams, and a condition on how far apart they are, such as l.ts BETWEEN r.ts - interval '1 hour' AND r.ts, or equal windows; or use output mode \"update\".");
}

/*
 * Rows of an outer join go when others come: what is said of them must be the same
 * then.
 */
static void
check_outer_join(const Joining *joining)
{
	Query	   *query = joining->cut->query;

	if (query->hasTargetSRFs || !is_pure((Node *) query->targetList) ||
		!is_pure((Node *) query->jointree))
		stream_refuse_in(&joining->cut->place,
						 "an outer join of streams with set-returning functions, sub-selects of expressions, or functions that are not immutable, is",
						 query->targetList,
						 "Put these below the join, into sub-selects of FROM.");
}

/* Makes it an outer join, whose rows may go; false: it is none. */
static bool
take_outer_join(Joining *joining)
{
	JoinExpr   *join = find_outer_join(joining);

	if (join == NULL)
		return false;
	check_outer_join(joining);
	if (join->jointype != JOIN_RIGHT)
		preserve(joining, join->larg);
	if (join->jointype != JOIN_LEFT)
		preserve(joining, join->rarg);
	joining->outer = true;
	stream_compat_remove_nulling(joining->cut->query, join->rtindex);
	join = find_outer_join(joining);
	join->quals = take_conditions(joining, join->quals);
	return true;
}

/* ---- sides whose rows come and go ---- */

/* Is that part of FROM made of inner joins of sides? */
static bool
joins_sides_only(const Joining *joining, Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return find_side(joining, ((RangeTblRef *) jtnode)->rtindex) != NULL;
	if (IsA(jtnode, JoinExpr))
		return join->jointype == JOIN_INNER &&
			joins_sides_only(joining, join->larg) &&
			joins_sides_only(joining, join->rarg);
	foreach(lc, ((FromExpr *) jtnode)->fromlist)
		if (!joins_sides_only(joining, lfirst(lc)))
			return false;
	return true;
}

/* What is said of a pair must be the same when it comes and when it goes. */
static void
check_changing(const Joining *joining)
{
	Query	   *query = joining->cut->query;

	if (joining->append)
		stream_refuse_in(&joining->cut->place,
						 "output mode \"append\" of a join with rows that change is",
						 query->targetList,
						 "Have these rows in a continuous view in output mode \"append\", and join that; or use output mode \"update\".");
	if (stream_analyze_partial_joins(query) == NIL &&
		!joins_sides_only(joining, (Node *) query->jointree))
		stream_refuse_in(&joining->cut->place,
						 "a join of rows that change with anything but rows of streams is",
						 query->targetList,
						 "Have these rows on the side of a join with a table whose rows are all kept, and connect streams by conditions that are not about tables.");
	if (query->hasTargetSRFs || !is_pure((Node *) query->targetList) ||
		!is_pure((Node *) query->jointree))
		stream_refuse_in(&joining->cut->place,
						 "a join with rows that change, with set-returning functions, sub-selects of expressions, or functions that are not immutable, is",
						 query->targetList,
						 "Put these below the join, into sub-selects of FROM.");
}

/* ---- tests ---- */

/* What is found to match once must not be found not to, later. */
static void
check_test(const Joining *joining, JoinExpr *join)
{
	if (!is_pure(join->quals))
		stream_refuse_in(&joining->cut->place,
						 "EXISTS or NOT EXISTS over a stream by functions that are not immutable is",
						 join->quals,
						 "Compute what it compares in sub-selects of FROM.");
}

/* The same of what is said of rows that go. */
static void
check_tested(const Joining *joining)
{
	Query	   *query = joining->cut->query;

	if (query->hasTargetSRFs || !is_pure((Node *) query->targetList))
		stream_refuse_in(&joining->cut->place,
						 "NOT EXISTS over a stream with set-returning functions, sub-selects of expressions, or functions that are not immutable, is",
						 query->targetList,
						 "Put these into a sub-select of FROM.");
}

/* Makes tests of what EXISTS and NOT EXISTS have become (semijoin.c); false: it is none. */
static bool
take_tests(Joining *joining)
{
	List	   *joins = stream_analyze_partial_joins(joining->cut->query);
	bool		none = false;
	ListCell   *lc;

	if (joins == NIL || !is_test(linitial(joins)))
		return false;
	foreach(lc, joins)
	{
		JoinExpr   *join = lfirst(lc);

		check_test(joining, join);
		find_side(joining, ((RangeTblRef *) join->rarg)->rtindex)->test =
			join->jointype;
		none |= join->jointype == JOIN_ANTI;
	}
	if (none)
	{
		check_tested(joining);
		preserve(joining, ((JoinExpr *) llast(joins))->larg);
	}
	foreach(lc, joins)
	{
		JoinExpr   *join = lfirst(lc);

		join->quals = take_conditions(joining, join->quals);
	}
	return true;
}

/* ---- columns ---- */

static int
add_column(Side *side, Node *expr)
{
	int			position = stream_nesting_position(side->exprs, expr);

	if (position >= 0)
		return position;
	side->exprs = lappend(side->exprs, expr);
	return list_length(side->exprs) - 1;
}

/* Adds an index, unless there is one that begins so; columns: int. */
static void
add_index(List **indexes, Oid method, List *columns)
{
	StreamCutIndex *index;
	ListCell   *lc;

	foreach(lc, *indexes)
	{
		index = lfirst(lc);
		if (index->method == method &&
			list_difference_int(columns,
								list_truncate(list_copy(index->columns),
											  list_length(columns))) == NIL)
			return;
	}
	index = palloc(sizeof(StreamCutIndex));
	index->method = method;
	index->columns = columns;
	*indexes = lappend(*indexes, index);
}

/*
 * A short column as it is that is compared with these others by an operator of btree's, or
 * NULL: of a key that many rows have, an index that goes on with that finds fewer.
 */
static Node *
compared_with(const Side *side, const Bitmapset *others)
{
	ListCell   *lc;

	foreach(lc, side->compared)
	{
		Compared   *compared = lfirst(lc);

		if (compared->method == BTREE_AM_OID && IsA(compared->expr, Var) &&
			get_typlen(exprType(compared->expr)) > 0 &&
			bms_equal(compared->others, others) &&
			!STREAM_MUTATION("join_key_only"))
			return compared->expr;
	}
	return NULL;
}

/* Those on columns that are equal to something of the same others. */
static List *
index_equals(Side *side)
{
	List	   *indexes = NIL;
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, side->equals)
	{
		Equal	   *first = lfirst(lc);
		Node	   *compared = compared_with(side, first->others);
		List	   *columns = NIL;

		for_each_cell(lo, side->equals, lc)
		{
			Equal	   *equal = lfirst(lo);

			if (bms_equal(equal->others, first->others) &&
				list_length(columns) < MAX_EQUALS)
				columns = list_append_unique_int(columns,
												 add_column(side, equal->expr));
		}
		if (compared)
			columns = list_append_unique_int(columns,
											 add_column(side, compared));
		add_index(&indexes, BTREE_AM_OID, columns);
	}
	return indexes;
}

/* Does an equality with these, or some of them, find it? */
static bool
is_equal_to(const Side *side, const Bitmapset *others)
{
	ListCell   *lc;

	foreach(lc, side->equals)
		if (bms_is_subset(((Equal *) lfirst(lc))->others, others))
			return true;
	return false;
}

/*
 * btree finds what is greater, or less, than something of the same others by one index:
 * by its first column, and looks at the next ones on the way.  First comes what is
 * greater, for of times that is less.
 */
static List *
columns_between(Side *side, const Compared *first)
{
	List	   *columns = NIL;

	for (int later = 1; later >= 0; later--)
	{
		ListCell   *lc;

		foreach(lc, side->compared)
		{
			Compared   *compared = lfirst(lc);

			if (compared->method == BTREE_AM_OID &&
				compared->later == (later == 1) &&
				bms_equal(compared->others, first->others) &&
				list_length(columns) < MAX_EQUALS)
				columns = list_append_unique_int(columns,
												 add_column(side, compared->expr));
		}
	}
	return columns;
}

/* Adds those on what is compared with others to which nothing is equal. */
static List *
index_compared(const Joining *joining, Side *side, List *indexes)
{
	int			max = list_length(joining->sides) + MAX_EQUALS;
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, side->compared)
	{
		Compared   *compared = lfirst(lc);

		if (is_equal_to(side, compared->others))
			continue;
		if (compared->strict && !side->preserved)
			side->not_null = list_append_unique(side->not_null, compared->expr);
		if (compared->method == BTREE_AM_OID)
			add_index(&indexes, BTREE_AM_OID, columns_between(side, compared));
		else
			others = lappend(others, compared);
	}
	foreach(lc, others)
	{
		Compared   *compared = lfirst(lc);

		if (list_length(indexes) < max)
			add_index(&indexes, compared->method,
					  list_make1_int(add_column(side, compared->expr)));
	}
	return indexes;
}

/* Rows that go are found by columns that btree can have: of these there must be one. */
static List *
index_for_going(const Joining *joining, Side *side)
{
	List	   *indexes = NIL;
	StreamPlace place;
	ListCell   *lc;

	/* one by which it is compared will do */
	foreach(lc, side->compared)
		if (((Compared *) lfirst(lc))->method == BTREE_AM_OID)
			return NIL;

	foreach(lc, side->compared)
	{
		Node	   *expr = ((Compared *) lfirst(lc))->expr;

		if (!stream_analyze_has_order(exprType(expr)))
			continue;
		add_index(&indexes, BTREE_AM_OID,
				  list_make1_int(add_column(side, expr)));
		return indexes;
	}
	place = place_of_side(joining, side->rtindex);
	stream_refuse_clause(&place, STREAM_CLAUSE_ANY,
						 "joining rows that change by nothing that a btree index can have is",
						 "Have a condition such as a.x = b.y or a.x < b.y beside.");
}

/*
 * The indexes of the side's table (StreamCutIndex).  The columns of the first one, if it
 * is a btree, are the keys.
 */
static List *
index_columns(const Joining *joining, Side *side)
{
	List	   *indexes = index_equals(side);
	StreamCutIndex *first;

	if (indexes == NIL && bms_is_member(side->rtindex, joining->changing))
		indexes = index_for_going(joining, side);
	indexes = index_compared(joining, side, indexes);
	first = linitial(indexes);
	if (first->method == BTREE_AM_OID)
		side->nkeys = list_length(first->columns);
	return indexes;
}

typedef struct Needed
{
	Joining    *joining;
	int			sublevels_up;
	bool		in_condition;	/* of a JOIN */
} Needed;

/* Adds the columns of sides that the join refers to. */
static bool
needed_walker(Node *node, Needed *context)
{
	Var		   *var = (Var *) node;
	Side	   *side;
	ListCell   *lc;
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr))
	{
		bool		before = context->in_condition;

		context->in_condition = true;
		result = expression_tree_walker(node, needed_walker, context);
		context->in_condition = before;
		return result;
	}
	/* above an outer join, an expression is not what it is below */
	if (context->sublevels_up == 0 && !IsA(node, List) &&
		(context->in_condition || !context->joining->outer))
		foreach(lc, context->joining->sides)
			if (stream_nesting_position(((Side *) lfirst(lc))->exprs, node) >= 0)
				return false;
	if (IsA(node, Var) && var->varlevelsup == context->sublevels_up &&
		(side = find_side(context->joining, var->varno)) != NULL)
	{
		var = copyObject(var);
		var->varlevelsup = 0;
		add_column(side, (Node *) var);
		return false;
	}
	if (IsA(node, Query))
	{
		context->sublevels_up++;
		result = query_tree_walker((Query *) node, needed_walker, context, 0);
		context->sublevels_up--;
		return result;
	}
	return expression_tree_walker(node, needed_walker, context);
}

/* ---- sides ---- */

/* A SELECT from the member of FROM alone, with the conditions on it. */
static Query *
query_of_side(const Joining *joining, const Side *side)
{
	const Query *from = joining->cut->query;
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = copyObject(rt_fetch(side->rtindex, from->rtable));
	RangeTblRef *ref = makeNode(RangeTblRef);
	Node	   *quals = side->quals ?
		(Node *) make_ands_explicit(copyObject(side->quals)) : NULL;

	ChangeVarNodes(quals, side->rtindex, 1, 0);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	stream_compat_copy_permissions(from, query, rte);
	query->cteList = copyObject(from->cteList);
	query->hasRecursive = from->hasRecursive;
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), quals);
	return query;
}

/* The name that a column has in the stream. */
static const char *
name_of_column(const Query *query, Expr *expr)
{
	Var		   *var = (Var *) expr;

	return IsA(expr, Var) && var->varattno > 0 ?
		get_rte_attribute_name(linitial(query->rtable), var->varattno) : NULL;
}

static void
check_column(const Joining *joining, const Side *side, Expr *expr)
{
	StreamPlace place = place_of_side(joining, side->rtindex);

	if (get_typtype(exprType((Node *) expr)) == TYPTYPE_PSEUDO)
		stream_refuse_in(&place, psprintf("a value of type %s in a join of streams is",
										  format_type_be(exprType((Node *) expr))),
						 expr, "Name the columns one by one.");
}

static StreamKey *
make_key(Expr *expr, char *name)
{
	StreamKey  *key = palloc0(sizeof(StreamKey));

	key->expr = expr;
	key->collation = exprCollation((Node *) expr);
	key->name = name;
	get_sort_group_operators(exprType((Node *) expr), false, true, false, NULL,
							 &key->eqop, NULL, NULL);
	return key;
}

static void
add_payload(StreamCut *cut, Expr *expr, char *name)
{
	StreamPayload *payload = palloc0(sizeof(StreamPayload));

	payload->expr = expr;
	payload->name = name;
	cut->payload = lappend(cut->payload, payload);
}

/* A time of the side, by which its rows are found in the end. */
static void
add_time(StreamCut *cut, const Side *side, Expr *time, char *name)
{
	time = copyObject(time);
	ChangeVarNodes((Node *) time, side->rtindex, 1, 0);
	add_payload(cut, time, name);
}

/*
 * Rows in which an expression is null that others are to find are not kept.  Those
 * without an event time are dropped otherwise, which counts them.
 */
static void
leave_nulls_out(StreamCut *cut, const Side *side)
{
	ListCell   *lc;

	foreach(lc, side->not_null)
	{
		Node	   *expr = copyObject(lfirst(lc));

		ChangeVarNodes(expr, side->rtindex, 1, 0);
		if (cut->window == NULL || !equal(cut->window->row_end, expr))
			cut->query->jointree->quals =
				make_and_qual(cut->query->jointree->quals, is_not_null(expr));
	}
}

/* Which columns of the member of FROM are in what the join is given of it; NULL: all. */
static Bitmapset *
columns_seen(const StreamCut *cut)
{
	Bitmapset  *seen = bms_make_singleton(0);
	ListCell   *lc;
	List	   *vars = pull_var_clause((Node *) stream_cut_output(cut), 0);

	foreach(lc, vars)
	{
		Var		   *var = lfirst_node(Var, lc);

		if (var->varattno == InvalidAttrNumber)
			return NULL;
		if (var->varattno > 0)
			seen = bms_add_member(seen, var->varattno);
	}
	return seen;
}

/* The type of all thresholds that a side's rows are late by; there is one for each feed. */
static Oid
type_of_thresholds(const Joining *joining, const Side *side,
				   const StreamWindow *window)
{
	Oid			type = exprType(linitial(side->keys));
	bool		same = window == NULL || window->type == type;
	ListCell   *lc;

	foreach(lc, side->keys)
		same &= exprType(lfirst(lc)) == type;
	if (!same)
	{
		StreamPlace place = place_of_side(joining, side->rtindex);

		stream_refuse_clause(&place, STREAM_CLAUSE_ANY,
							 "joining by event times some of which have a time zone is",
							 "Have the event times of all streams with a time zone, or without.");
	}
	return type;
}

/*
 * Late rows of a side are dropped where rows go, or they would stay; and in append mode by
 * the event time that the join sees, whatever it is about (rule J10).  There, a row also
 * comes too late for what it is to be equal to; if it is to come out alone, the feeds of the
 * join see to that (add_found_by).
 */
static void
drop_late(const Joining *joining, const Side *side, StreamCut *cut)
{
	if (joining->append && !STREAM_MUTATION("join_late"))
		cut->window = stream_eventtime_of_side(joining->joined, side->rtindex,
											   cut->query,
											   columns_seen(cut));
	else if (joining->bounded)
		cut->window = stream_eventtime_of_side(joining->joined, side->rtindex,
											   cut->query, NULL);
	if (STREAM_MUTATION("join_late_left") && side == linitial(joining->sides))
		cut->window = NULL;
	cut->only_late = !joining->timed;
	if (side->keys == NIL)
		return;
	cut->thresholds = type_of_thresholds(joining, side, cut->window);
	if (!side->preserved)
	{
		Node	   *on_time = stream_closing_is_after(side->keys);

		ChangeVarNodes(on_time, side->rtindex, 1, 0);
		cut->query->jointree->quals =
			make_and_qual(cut->query->jointree->quals, on_time);
	}
}

static StreamCut *
make_side(const Joining *joining, Side *side, List *indexes)
{
	StreamCut  *cut = palloc0(sizeof(StreamCut));
	List	   *names = NIL;
	ListCell   *lc;

	cut->kind = STREAM_CUT_ROWS;
	cut->place = place_of_side(joining, side->rtindex);
	cut->query = query_of_side(joining, side);
	cut->keeps = cut->joined = cut->hands_on = true;
	cut->signs = bms_is_member(side->rtindex, joining->changing);
	cut->indexes = side->nkeys > 0 ? list_delete_first(indexes) : indexes;
	foreach(lc, side->exprs)
	{
		Expr	   *expr = copyObject(lfirst(lc));
		char	   *name;

		check_column(joining, side, expr);
		ChangeVarNodes((Node *) expr, side->rtindex, 1, 0);
		name = stream_cut_reserve_name(name_of_column(cut->query, expr),
									   &names);
		if (foreach_current_index(lc) < side->nkeys)
		{
			cut->keys = lappend(cut->keys, make_key(expr, name));
			continue;
		}
		add_payload(cut, expr, name);
	}
	drop_late(joining, side, cut);
	leave_nulls_out(cut, side);
	if (joining->append && side->preserved && !equal(side->final, side->until))
	{
		add_time(cut, side, side->final,
				 stream_cut_reserve_name("_final", &names));
		add_index(&cut->indexes, BTREE_AM_OID,
				  list_make1_int(list_length(stream_cut_output(cut)) - 1));
	}
	if (side->until)
	{
		cut->expiry_name = stream_cut_reserve_name("_until", &names);
		add_time(cut, side, side->until, cut->expiry_name);
	}
	stream_cut_check_key_count(cut, side->nkeys, llast(side->exprs));
	return cut;
}

/* A side that nothing finds, so that it would be read from end to end; or NULL. */
static const Side *
find_unfound(const Joining *joining)
{
	const Side *last = NULL;
	ListCell   *lc;

	foreach(lc, joining->sides)
	{
		const Side *side = lfirst(lc);

		if (side->equals == NIL && side->compared == NIL)
			last = side;
	}
	return last;
}

static void
check_found(const Joining *joining)
{
	const Side *last = find_unfound(joining);
	StreamPlace place;

	if (last == NULL)
		return;
	place = place_of_side(joining, last->rtindex);
	stream_refuse_clause(&place, STREAM_CLAUSE_ANY,
						 "joining a stream without a condition that an index serves is",
						 last->unserved ?
						 psprintf("No index finds them by %s, which is in no default operator class of btree, GiST or SP-GiST. %s",
								  last->unserved, STREAM_SERVING_HINT) :
						 STREAM_SERVING_HINT);
}

/* The members of FROM that are joined. */
static void
find_sides(Joining *joining)
{
	Query	   *query = joining->cut->query;
	ListCell   *lc;

	foreach(lc, stream_analyze_members_of_from(query))
	{
		Side	   *side = palloc0(sizeof(Side));
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);
		StreamPlace place = place_of_side(joining, lfirst_int(lc));

		if (list_length(joining->sides) == MAX_SIDES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a continuous view cannot join more than %d streams at once",
							MAX_SIDES),
					 errhint("Join some of them in a sub-select of FROM."),
					 stream_refuse_clause_position(&place,
												   STREAM_CLAUSE_ANY)));
		if (rte->rtekind == RTE_SUBQUERY &&
			stream_analyze_is_correlated(rte->subquery))
			stream_refuse_clause(&place, STREAM_CLAUSE_ANY,
								 "a LATERAL sub-select in a join of streams is",
								 "Have it refer to nothing around it, and join by conditions.");
		side->rtindex = lfirst_int(lc);
		joining->sides = lappend(joining->sides, side);
	}
}

/* In append mode it matters when rows have met, which of more than two they do not say. */
static void
check_chain(const Joining *joining)
{
	StreamPlace place;

	if (!joining->append || list_length(joining->sides) < 3 ||
		!stream_eventtime_joined_has_times(joining->joined) ||
		STREAM_MUTATION("join_chain"))
		return;
	place = place_of_side(joining, ((Side *) lthird(joining->sides))->rtindex);
	stream_refuse_clause(&place, STREAM_CLAUSE_ANY,
						 "output mode \"append\" of a join of more than two streams that cannot be made one after the other is",
						 "Join two of them in a sub-select of FROM, and that with the next one.");
}

/* Until when rows are needed; before conditions are taken away. */
static void
find_bounds(Joining *joining)
{
	StreamPairs *pairs;
	ListCell   *lc;

	joining->joined = stream_eventtime_joined(joining->cut->query,
											  joining->append);
	check_chain(joining);
	pairs = stream_eventtime_joined_pairs(joining->joined);
	foreach(lc, joining->sides)
	{
		Side	   *side = lfirst(lc);

		side->final = stream_pairs_final(pairs, side->rtindex);
		side->until = stream_pairs_until(pairs, side->rtindex);
		side->keys = stream_pairs_keys(pairs, side->rtindex, 0);
		joining->bounded |= side->until || (joining->append && side->final);
	}
	joining->timed = stream_pairs_exist(pairs);
}

/* Takes all conditions that sides can make use of. */
static void
take_join(Joining *joining)
{
	if (!take_outer_join(joining) && !take_tests(joining))
		take_from(joining, (Node *) joining->cut->query->jointree);
}

/* Finds the columns of sides; returns the indexes of each. */
static List *
find_columns(Joining *joining)
{
	Needed		needed = {joining};
	List	   *indexes = NIL;
	ListCell   *lc;

	foreach(lc, joining->sides)
		indexes = lappend(indexes, index_columns(joining, lfirst(lc)));
	query_tree_walker(joining->cut->query, needed_walker, &needed, 0);
	return indexes;
}

static bool
can_be_columns(const List *exprs)
{
	ListCell   *lc;

	foreach(lc, exprs)
		if (get_typtype(exprType(lfirst(lc))) == TYPTYPE_PSEUDO)
			return false;
	return true;
}

bool
stream_joining_is_possible(Query *query, const Bitmapset *changing)
{
	StreamCut	cut = {.query = copyObject(query)};
	Joining		joining = {.cut = &cut,.changing = changing};
	ListCell   *lc;

	if (query->rowMarks || query->hasTargetSRFs ||
		list_length(stream_analyze_members_of_from(query)) > MAX_SIDES ||
		!is_pure((Node *) query->targetList) ||
		!is_pure((Node *) query->jointree))
		return false;
	foreach(lc, query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->lateral)
			return false;
	stream_nesting_flatten_all(cut.query);
	find_sides(&joining);
	if (stream_analyze_partial_joins(cut.query) == NIL &&
		!joins_sides_only(&joining, (Node *) cut.query->jointree))
		return false;
	take_join(&joining);
	if (find_unfound(&joining))
		return false;
	(void) find_columns(&joining);
	foreach(lc, joining.sides)
		if (!can_be_columns(((Side *) lfirst(lc))->exprs))
			return false;
	return true;
}

/*
 * In append mode, a new row of a preserved side may be too late to find others, and come out
 * alone.
 */
static void
add_found_by(const Joining *joining)
{
	Side	   *first = linitial(joining->sides);
	ListCell   *lc;

	if (!joining->append || joining->joined == NULL)
		return;
	foreach(lc, joining->cut->below)
	{
		StreamCutInput *input = lfirst(lc);
		Side	   *other = first;
		List	   *keys;

		if (input->test == JOIN_INNER && other->rtindex == input->rtindex)
			other = lsecond(joining->sides);
		if (!other->preserved || other->rtindex == input->rtindex)
			continue;
		keys = stream_pairs_keys(stream_eventtime_joined_pairs(joining->joined),
								 other->rtindex, input->rtindex);
		input->found_by = copyObject(stream_closing_is_after(keys));
	}
}

void
stream_joining_cut(StreamCut *cut, bool append, const Bitmapset *changing)
{
	Query	   *query = cut->query;
	Joining		joining = {.cut = cut,.append = append,.changing = changing};
	List	   *indexes;
	ListCell   *lc;
	ListCell   *li;

	if (query->rowMarks)
		stream_refuse_clause(&cut->place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
	cut->kind = STREAM_CUT_JOIN;
	cut->hands_on = true;
	stream_nesting_flatten_all(query);
	find_sides(&joining);
	cut->signs = changing != NULL;
	if (cut->signs)
		check_changing(&joining);
	else
		find_bounds(&joining);
	take_join(&joining);
	check_found(&joining);
	indexes = find_columns(&joining);
	forboth(lc, joining.sides, li, indexes)
	{
		StreamCutInput *input = palloc0(sizeof(StreamCutInput));
		Side	   *side = lfirst(lc);

		input->rtindex = side->rtindex;
		input->preserved = side->preserved;
		input->test = side->test;
		if (side->preserved && append)
			input->final = list_length(side->exprs) + 1;
		input->cut = make_side(&joining, side, lfirst(li));
		cut->below = lappend(cut->below, input);
	}
	add_found_by(&joining);
}

Query *
stream_joining_changes(StreamCut *cut)
{
	StreamFeedInput input = {cut};
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;
	ListCell   *lc;
	List	   *output = stream_cut_output(cut);
	int			hidden = cut->looks_up ? list_length(cut->keys) : 0;

	stream_cut_read(rte, &input);
	ref->rtindex = 1;
	foreach(lc, output)
	{
		int			n = foreach_current_index(lc) + 1;
		Node	   *expr = lfirst(lc);
		char	   *name = psprintf("column%d", n);

		names = lappend(names, makeString(name));
		/* the numbers of rows are nobody else's */
		if (n <= hidden)
			continue;
		query->targetList =
			lappend(query->targetList,
					makeTargetEntry((Expr *) makeVar(1, n, exprType(expr),
													 exprTypmod(expr),
													 exprCollation(expr), 0),
									n - hidden, name, false));
	}
	rte->eref = makeAlias("changes", names);
	rte->inFromCl = true;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	return query;
}

void
stream_joining_finish_side(StreamCut *side)
{
	if (side->signs)
		side->sign = stream_cut_sign_of_changes(side);
	stream_cut_add_feed_from(side, stream_cut_rows_query(side, side),
							 STREAM_FEED_ROWS)->closes = side->thresholds;
}
