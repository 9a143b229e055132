/*-------------------------------------------------------------------------
 *
 * topn.c
 *	  Queries that want the first rows of each key.
 *
 * There are two ways to write them.  DISTINCT ON (k) with an ORDER BY that goes
 * on after k wants one row of each key.  And a SELECT with row_number(), rank() or
 * dense_rank() wants as many as the query around it lets pass, by a condition on
 * that column: rn <= 10, 10 > rn, rn BETWEEN 2 AND 5, rn IN (1, 3).  What counts
 * is the upper bound; such a condition never holds for a row above it, so rows
 * above it need not be there, whatever else the query does.
 *
 * A row that is not among the first now never will be, as rows only come in.  So
 * the operator keeps the first ones and forgets the others; the ranks themselves
 * are computed when the view is read, over what is kept.  A rank depends on the
 * rows before it only, and these are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/topn.h"

/* ---- DISTINCT ON ---- */

/* Does it neither aggregate nor combine? */
static bool
is_of_rows(Query *query)
{
	return !query->hasAggs && query->groupClause == NIL &&
		query->groupingSets == NIL && query->havingQual == NULL &&
		query->setOperations == NULL;
}

StreamTopn *
stream_topn_of_distinct(Query *query)
{
	StreamTopn *topn;
	List	   *order = NIL;
	ListCell   *lc;

	if (!query->hasDistinctOn || !is_of_rows(query))
		return NULL;
	foreach(lc, query->sortClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		if (!get_sortgroupref_clause_noerr(clause->tleSortGroupRef,
										   query->distinctClause))
			order = lappend(order, clause);
	}
	if (order == NIL)
		return NULL;
	topn = palloc0(sizeof(StreamTopn));
	topn->kind = STREAM_TOPN_ROW_NUMBER;
	topn->limit = 1;
	topn->distinct_on = true;
	topn->keys = copyObject(query->distinctClause);
	topn->order = copyObject(order);
	return topn;
}

/* ---- bounds ---- */

/* The column of a sub-select that a bound is looked for. */
typedef struct Ranked
{
	int			rtindex;
	AttrNumber	attno;
} Ranked;

/* Is it the column, as it is or as another integer? */
static bool
is_ranked(Node *node, const Ranked *ranked)
{
	Var		   *var = (Var *) node;

	while (IsA(node, RelabelType) ||
		   (IsA(node, FuncExpr) &&
			(((FuncExpr *) node)->funcid == F_INT4_INT8 ||
			 ((FuncExpr *) node)->funcid == F_INT8_INT4)))
		node = IsA(node, RelabelType) ?
			(Node *) ((RelabelType *) node)->arg :
			linitial(((FuncExpr *) node)->args);
	var = (Var *) node;
	return IsA(node, Var) && var->varno == ranked->rtindex &&
		var->varattno == ranked->attno && var->varlevelsup == 0;
}

static bool
integer_of(Oid type, Datum datum, int64 *value)
{
	switch (type)
	{
		case INT2OID:
			*value = DatumGetInt16(datum);
			return true;
		case INT4OID:
			*value = DatumGetInt32(datum);
			return true;
		case INT8OID:
			*value = DatumGetInt64(datum);
			return true;
		default:
			return false;
	}
}

/* The constant that an expression is, or NULL. */
static Const *
constant_of(Node *node)
{
	node = eval_const_expressions(NULL, copyObject(node));
	return IsA(node, Const) && !((Const *) node)->constisnull ?
		(Const *) node : NULL;
}

/* The largest integer in an array that a constant is. */
static bool
largest_of(Const *array, int64 *largest)
{
	ArrayType  *values;
	Datum	   *elems;
	bool	   *nulls;
	int			n;
	bool		found = false;
	Oid			type = get_element_type(array->consttype);
	int16		length;
	bool		byval;
	char		align;

	if (type != INT2OID && type != INT4OID && type != INT8OID)
		return false;
	values = DatumGetArrayTypeP(array->constvalue);
	get_typlenbyvalalign(type, &length, &byval, &align);
	deconstruct_array(values, type, length, byval, align, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		int64		value;

		if (nulls[i] || !integer_of(type, elems[i], &value))
			continue;
		*largest = found ? Max(*largest, value) : value;
		found = true;
	}
	return found;
}

/* What a comparison with a value bounds; strategy: of the column on the left. */
static bool
bound_of_comparison(int strategy, int64 value, int64 *bound)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			*bound = value > PG_INT64_MIN ? value - 1 : value;
			return true;
		case BTLessEqualStrategyNumber:
		case BTEqualStrategyNumber:
			*bound = value;
			return true;
		default:
			return false;
	}
}

static bool
bound_of_operator(OpExpr *op, const Ranked *ranked, int64 *bound)
{
	Node	   *left;
	Node	   *right;
	Const	   *value;
	int64		number;
	Oid			opno = op->opno;

	if (list_length(op->args) != 2)
		return false;
	left = linitial(op->args);
	right = lsecond(op->args);
	if (is_ranked(right, ranked))
	{
		right = left;
		opno = get_commutator(opno);
	}
	else if (!is_ranked(left, ranked))
		return false;
	value = constant_of(right);
	return value && integer_of(value->consttype, value->constvalue, &number) &&
		bound_of_comparison(get_op_opfamily_strategy(opno,
													 INTEGER_BTREE_FAM_OID),
							number, bound);
}

static bool
bound_of_array(ScalarArrayOpExpr *op, const Ranked *ranked, int64 *bound)
{
	Const	   *array;
	int64		largest;

	if (!op->useOr || !is_ranked(linitial(op->args), ranked))
		return false;
	array = constant_of(lsecond(op->args));
	return array && largest_of(array, &largest) &&
		bound_of_comparison(get_op_opfamily_strategy(op->opno,
													 INTEGER_BTREE_FAM_OID),
							largest, bound);
}

static bool bound_of(Node *node, const Ranked *ranked, int64 *bound);

/* AND: the lowest bound of any.  OR: the highest, if all have one. */
static bool
bound_of_all(List *args, bool any, const Ranked *ranked, int64 *bound)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, args)
	{
		int64		one;

		if (!bound_of(lfirst(lc), ranked, &one))
		{
			if (any)
				return false;
			continue;
		}
		if (!found)
			*bound = one;
		else
			*bound = any ? Max(*bound, one) : Min(*bound, one);
		found = true;
	}
	return found;
}

/* Above which value of the column can the condition not hold? */
static bool
bound_of(Node *node, const Ranked *ranked, int64 *bound)
{
	if (node == NULL)
		return false;
	if (IsA(node, List))
		return bound_of_all((List *) node, false, ranked, bound);
	if (IsA(node, BoolExpr))
	{
		BoolExpr   *expr = (BoolExpr *) node;

		return expr->boolop != NOT_EXPR &&
			bound_of_all(expr->args, expr->boolop == OR_EXPR, ranked, bound);
	}
	if (IsA(node, OpExpr))
		return bound_of_operator((OpExpr *) node, ranked, bound);
	if (IsA(node, ScalarArrayOpExpr))
		return bound_of_array((ScalarArrayOpExpr *) node, ranked, bound);
	return false;
}

/* ---- members ---- */

/*
 * Collects the conditions without which no row of the member comes through; true
 * if it is in this part of FROM.  Those of an outer join count if the member is
 * on the side that NULLs stand in for.
 */
static bool
collect_conditions(Node *node, int rtindex, List **conditions)
{
	bool		found = false;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rtindex;
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		left = collect_conditions(join->larg, rtindex, conditions);
		bool		right = collect_conditions(join->rarg, rtindex, conditions);

		if ((join->jointype == JOIN_INNER && (left || right)) ||
			(join->jointype == JOIN_LEFT && right) ||
			(join->jointype == JOIN_RIGHT && left))
			*conditions = lappend(*conditions, join->quals);
		return left || right;
	}
	foreach(lc, castNode(FromExpr, node)->fromlist)
		found |= collect_conditions(lfirst(lc), rtindex, conditions);
	if (found)
		*conditions = lappend(*conditions, ((FromExpr *) node)->quals);
	return found;
}

static bool
kind_of(Oid function, StreamTopnKind *kind)
{
	switch (function)
	{
		case F_ROW_NUMBER:
			*kind = STREAM_TOPN_ROW_NUMBER;
			return true;
		case F_RANK_:
			*kind = STREAM_TOPN_RANK;
			return true;
		case F_DENSE_RANK_:
			*kind = STREAM_TOPN_DENSE_RANK;
			return true;
		default:
			return false;
	}
}

/* The window function that a column is, as it is or as another integer. */
static WindowFunc *
ranking_column(TargetEntry *tle)
{
	Node	   *node = (Node *) tle->expr;

	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_INT4_INT8)
		node = linitial(((FuncExpr *) node)->args);
	return IsA(node, WindowFunc) ? (WindowFunc *) node : NULL;
}

static WindowClause *
window_of(Query *query, WindowFunc *function)
{
	ListCell   *lc;

	foreach(lc, query->windowClause)
		if (lfirst_node(WindowClause, lc)->winref == function->winref)
			return lfirst(lc);
	elog(ERROR, "window clause not found");
}

static StreamTopn *
make_topn(Query *part, WindowFunc *function, StreamTopnKind kind,
		  int64 limit)
{
	WindowClause *window = window_of(part, function);
	StreamTopn *topn = palloc0(sizeof(StreamTopn));

	topn->kind = kind;
	/* one row is enough to show none */
	topn->limit = Max(limit, 1);
	topn->keys = copyObject(window->partitionClause);
	topn->order = copyObject(window->orderClause);
	return topn;
}

StreamTopn *
stream_topn_of_member(Query *query, int rtindex)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	Query	   *part = rte->subquery;
	StreamTopn *best = NULL;
	List	   *conditions = NIL;
	ListCell   *lc;

	if (rte->rtekind != RTE_SUBQUERY || !part->hasWindowFuncs ||
		!is_of_rows(part) ||
		!collect_conditions((Node *) query->jointree, rtindex, &conditions))
		return NULL;
	conditions = (List *)
		stream_compat_flatten_join_alias_vars(NULL, query,
											  copyObject((Node *) conditions));
	foreach(lc, part->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Ranked		ranked = {rtindex, tle->resno};
		WindowFunc *function = ranking_column(tle);
		StreamTopnKind kind;
		int64		limit;

		if (tle->resjunk || function == NULL ||
			!kind_of(function->winfnoid, &kind) ||
			!bound_of((Node *) conditions, &ranked, &limit))
			continue;
		/* any of them will do; the number of rows bounds what is kept best */
		if (best == NULL || kind < best->kind ||
			(kind == best->kind && limit < best->limit))
			best = make_topn(part, function, kind, limit);
	}
	return best;
}

/* ---- checking ---- */

static bool
window_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, WindowFunc) ||
		expression_tree_walker(node, window_walker, context);
}

typedef struct OtherWindows
{
	Query	   *query;
	const StreamTopn *topn;

	/* a window function that is not about the first rows: */
	Node	   *node;
	const char *what;
	const char *hint;
} OtherWindows;

static bool
note_other(OtherWindows *context, Node *node, const char *what,
		   const char *hint)
{
	context->node = node;
	context->what = what;
	context->hint = hint;
	return true;
}

/* All window functions must rank, by what is kept; true: one does not. */
static bool
other_windows_walker(Node *node, OtherWindows *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
	{
		WindowFunc *function = (WindowFunc *) node;
		WindowClause *window = window_of(context->query, function);
		StreamTopnKind kind;

		if (context->topn->distinct_on)
			return note_other(context, node,
							  "a window function over the rows of a stream is",
							  "Window functions are for the SELECT around this one.");
		if (!kind_of(function->winfnoid, &kind))
			return note_other(context, node,
							  "a window function other than row_number, rank and dense_rank over the rows of a stream is",
							  "Compute it over what is kept, in the SELECT around this one.");
		if (!equal(window->partitionClause, context->topn->keys) ||
			!equal(window->orderClause, context->topn->order))
			return note_other(context, node,
							  "ranking the rows of a stream in more than one way is",
							  "Have one PARTITION BY and ORDER BY, or create a continuous view for each.");
		return false;
	}
	return expression_tree_walker(node, other_windows_walker, context);
}

/* What ranks rows must fit into a column. */
static void
check_order(Query *query, const StreamTopn *topn, const StreamPlace *place)
{
	ListCell   *lc;

	foreach(lc, topn->order)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst(lc),
													query->targetList);
		Oid			type = exprType(expr);

		if (get_typtype(type) == TYPTYPE_PSEUDO)
			stream_refuse_in(place,
							 psprintf("ranking rows by a value of type %s is",
									  format_type_be(type)), expr,
							 "Order by its fields.");
	}
}

void
stream_topn_check(Query *query, const StreamTopn *topn,
				  const StreamPlace *place)
{
	OtherWindows context = {query, topn};

	if (query->rowMarks)
		stream_refuse_clause(place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
	if (other_windows_walker((Node *) query->targetList, &context))
		stream_refuse_in(place, context.what, context.node, context.hint);
	if (!topn->distinct_on)
	{
		if (query->distinctClause)
			stream_refuse_in(place,
							 "DISTINCT beside a window function over the rows of a stream is",
							 query->targetList,
							 "Use DISTINCT in the SELECT around this one.");
		if (query->limitCount || query->limitOffset)
			stream_refuse_in(place,
							 "LIMIT beside a window function over the rows of a stream is",
							 query->limitCount ? query->limitCount :
							 query->limitOffset,
							 "LIMIT is for the SELECT around this one.");
	}
	if (query->hasTargetSRFs)
		stream_refuse_in(place,
						 "a set-returning function among the columns of ranked rows is",
						 query->targetList, "Call it in FROM.");
	if (topn->kind != STREAM_TOPN_ROW_NUMBER && topn->order == NIL)
		stream_refuse_in(place,
						 "ranking the rows of a stream without ORDER BY is",
						 query->targetList,
						 "Say in OVER (... ORDER BY ...) which come first.");
	check_order(query, topn, place);
}

/* ---- over changes ---- */

/* Can an index have rows in this order? */
static bool
can_be_indexed(Query *query, SortGroupClause *clause)
{
	Oid			type = exprType(get_sortgroupclause_expr(clause,
														 query->targetList));
	Oid			opclass = GetDefaultOpClass(type, BTREE_AM_OID);

	return get_typtype(type) != TYPTYPE_PSEUDO && OidIsValid(opclass) &&
		op_in_opfamily(clause->sortop, get_opclass_family(opclass));
}

bool
stream_topn_can_change(Query *query, const StreamTopn *topn)
{
	OtherWindows context = {query, topn};
	ListCell   *lc;

	if (query->rowMarks || query->hasTargetSRFs || query->hasSubLinks ||
		other_windows_walker((Node *) query->targetList, &context) ||
		(topn->kind != STREAM_TOPN_ROW_NUMBER && topn->order == NIL))
		return false;
	if (!topn->distinct_on && (query->distinctClause || query->limitCount ||
							   query->limitOffset))
		return false;
	/* the index has one column more */
	if (list_length(topn->keys) + list_length(topn->order) >= INDEX_MAX_KEYS)
		return false;
	foreach(lc, topn->order)
		if (!can_be_indexed(query, lfirst(lc)))
			return false;
	foreach(lc, stream_topn_values(query))
		if (get_typtype(exprType((Node *) lfirst_node(TargetEntry,
													  lc)->expr)) == TYPTYPE_PSEUDO)
			return false;
	return true;
}

/* Is it a column that says how rows of the member rank? */
static bool
ranks_walker(Node *node, Ranked *ranked)
{
	Var		   *var = (Var *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return var->varno == ranked->rtindex && var->varlevelsup == 0 &&
			(var->varattno == ranked->attno || var->varattno == 0);
	return expression_tree_walker(node, ranks_walker, ranked);
}

/* Does the condition hold just for the first rows, up to its bound? */
static bool
is_upper_bound(Node *condition, const Ranked *ranked)
{
	OpExpr	   *op = (OpExpr *) condition;
	int64		bound;
	int			strategy;

	if (!IsA(condition, OpExpr) || !bound_of_operator(op, ranked, &bound))
		return false;
	strategy = get_op_opfamily_strategy(is_ranked(linitial(op->args), ranked) ?
										op->opno : get_commutator(op->opno),
										INTEGER_BTREE_FAM_OID);
	/* there is none before 1 */
	return strategy != BTEqualStrategyNumber || bound == 1;
}

/* Do conditions say anything of the column but bounds? */
static bool
says_more(Node *quals, Ranked *ranked, bool counts)
{
	ListCell   *lc;
	List	   *conditions = make_ands_implicit((Expr *) quals);

	foreach(lc, conditions)
		if (!(counts && is_upper_bound(lfirst(lc), ranked)) &&
			ranks_walker(lfirst(lc), ranked))
			return true;
	return false;
}

/* The same of those of a part of FROM. */
static bool
from_says_more(Node *node, Ranked *ranked, bool counts)
{
	JoinExpr   *join = (JoinExpr *) node;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return false;
	if (IsA(node, JoinExpr))
		return says_more(join->quals, ranked, counts) ||
			from_says_more(join->larg, ranked, counts) ||
			from_says_more(join->rarg, ranked, counts);
	foreach(lc, castNode(FromExpr, node)->fromlist)
		if (from_says_more(lfirst(lc), ranked, counts))
			return true;
	return says_more(((FromExpr *) node)->quals, ranked, counts);
}

typedef struct Reading
{
	Query	   *query;
	int			rtindex;
	int			sublevels_up;
	Bitmapset  *columns;		/* of the member that are read; 0: all */
} Reading;

/*
 * Notes which columns of a member are read anywhere in the query.  (All in one walk: there may be
 * many, and many sub-selects.)
 */
static bool
reads_walker(Node *node, Reading *reading)
{
	int			level = reading->sublevels_up;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == level)
	{
		Var		   *var = (Var *) node;
		RangeTblEntry *rte = rt_fetch(var->varno, reading->query->rtable);

		if (var->varattno >= 0 && (var->varno == reading->rtindex ||
								   (rte->rtekind == RTE_JOIN && var->varattno == 0)))
			reading->columns = bms_add_member(reading->columns, var->varattno);
		else if (rte->rtekind == RTE_JOIN)
		{
			reading->sublevels_up = 0;
			(void) reads_walker(list_nth(rte->joinaliasvars, var->varattno - 1),
								reading);
			reading->sublevels_up = level;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		CHECK_FOR_INTERRUPTS();
		reading->sublevels_up++;
		(void) query_tree_walker((Query *) node, reads_walker, reading,
								 QTW_IGNORE_JOINALIASES);
		reading->sublevels_up--;
		return false;
	}
	return expression_tree_walker(node, reads_walker, reading);
}

/* ... in LATERAL, a function in FROM, or a sub-select of an expression. */
static bool
reads_deeper_walker(Node *node, Reading *reading)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return reads_walker(node, reading);
	return expression_tree_walker(node, reads_deeper_walker, reading);
}

static bool
reads_column(const Reading *reading, AttrNumber attno)
{
	return bms_is_member(0, reading->columns) ||
		bms_is_member(attno, reading->columns);
}

static bool
is_read_deeper(Query *query, const Ranked *ranked)
{
	Reading		reading = {query, ranked->rtindex};

	(void) range_table_walker(query->rtable, reads_walker, &reading,
							  QTW_IGNORE_JOINALIASES);
	(void) reads_deeper_walker((Node *) query->targetList, &reading);
	(void) reads_deeper_walker(query->havingQual, &reading);
	(void) reads_deeper_walker((Node *) query->jointree, &reading);
	return reads_column(&reading, ranked->attno);
}

/* Is the column of the member used for nothing but bounds? */
static bool
only_bounds(Query *query, Ranked *ranked, bool counts)
{
	return !ranks_walker(stream_compat_flat(query, query->targetList),
						 ranked) &&
		!ranks_walker(stream_compat_flat(query, query->havingQual), ranked) &&
		!from_says_more(stream_compat_flat(query, query->jointree), ranked,
						counts) &&
		!is_read_deeper(query, ranked);
}

bool
stream_topn_is_bound(Query *query, int rtindex, const StreamTopn *topn)
{
	Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;
	ListCell   *lc;

	foreach(lc, part->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Ranked		ranked = {rtindex, tle->resno};
		WindowFunc *function = ranking_column(tle);
		StreamTopnKind kind;
		bool		counts = function && kind_of(function->winfnoid, &kind) &&
			kind == topn->kind;

		if (!tle->resjunk && window_walker((Node *) tle->expr, NULL) &&
			!only_bounds(query, &ranked, counts))
			return false;
	}
	return true;
}

/* ---- ranks that nobody reads ---- */

/* Is it a rank, or what a sub-select below has from one? */
static bool
is_rank(Query *query, Expr *expr)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *rte;
	TargetEntry *tle;

	if (!IsA(expr, Var) || var->varlevelsup > 0 || var->varattno <= 0)
		return IsA(expr, WindowFunc);
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY ||
		var->varattno > list_length(rte->subquery->targetList))
		return false;
	/* its columns are in their order, and others follow */
	tle = list_nth_node(TargetEntry, rte->subquery->targetList,
						var->varattno - 1);
	return is_rank(rte->subquery, tle->expr);
}

/* Has the member hand on nothing in the place of ranks that the query does not read. */
static void
forget_ranks_of(Query *query, int rtindex)
{
	Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;
	Reading		reading = {query, rtindex};
	ListCell   *lc;

	if (part->setOperations || part->distinctClause || part->groupClause ||
		part->hasAggs || part->hasWindowFuncs)
		return;
	(void) query_tree_walker(query, reads_walker, &reading,
							 QTW_IGNORE_JOINALIASES);
	foreach(lc, part->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->ressortgroupref == 0 &&
			!reads_column(&reading, tle->resno) && is_rank(part, tle->expr))
			tle->expr = (Expr *) makeNullConst(exprType((Node *) tle->expr),
											   exprTypmod((Node *) tle->expr),
											   exprCollation((Node *) tle->expr));
	}
}

static bool
forget_walker(Node *node, void *context)
{
	Query	   *query = (Query *) node;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, forget_walker, context);
	CHECK_FOR_INTERRUPTS();
	foreach(lc, query->setOperations ? NIL : query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_SUBQUERY)
			forget_ranks_of(query, foreach_current_index(lc) + 1);
	return query_tree_walker(query, forget_walker, context, 0);
}

void
stream_topn_forget_ranks(Query *query)
{
	(void) forget_walker((Node *) query, NULL);
}

/* ---- one row ---- */

bool
stream_topn_is_one_row(const StreamTopn *topn)
{
	return topn->kind == STREAM_TOPN_ROW_NUMBER && topn->limit == 1 &&
		topn->keys != NIL;
}

static Node *
first_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, WindowFunc))
		return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
								  Int64GetDatum(1), false, FLOAT8PASSBYVAL);
	return expression_tree_mutator(node, first_mutator, context);
}

void
stream_topn_set_first(Query *query)
{
	query->targetList = (List *)
		first_mutator((Node *) query->targetList, NULL);
	query->hasWindowFuncs = false;
}

/* ---- what is kept ---- */

static List *
add_value(List *values, Expr *expr, char *name)
{
	ListCell   *lc;

	if (IsA(expr, Const))
		return values;
	foreach(lc, values)
		if (equal(lfirst_node(TargetEntry, lc)->expr, expr))
			return values;
	return lappend(values, makeTargetEntry(expr, list_length(values) + 1,
										   name ? name : "_value", false));
}

List *
stream_topn_values(Query *query)
{
	List	   *values = NIL;
	ListCell   *lc;
	ListCell   *lv;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!window_walker((Node *) tle->expr, NULL))
		{
			values = add_value(values, tle->expr, tle->resname);
			continue;
		}
		/* computed by readers, of columns */
		foreach(lv, pull_var_clause((Node *) tle->expr,
									PVC_RECURSE_WINDOWFUNCS |
									PVC_RECURSE_PLACEHOLDERS))
			values = add_value(values, lfirst(lv), NULL);
	}
	return values;
}
