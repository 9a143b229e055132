/*-------------------------------------------------------------------------
 *
 * semijoin.c
 *	  EXISTS and IN over streams, as joins.
 *
 *		SELECT ... FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.x > 0)
 *
 * becomes
 *
 *		SELECT ... FROM l, (SELECT DISTINCT r.k FROM r WHERE r.x > 0) AS semi
 *		WHERE semi.k = l.k
 *
 * and so does IN.  As there is one row for each k, a row of l comes out once, when there
 * are both.  That holds only for what is equal, by operators that agree with DISTINCT.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "query/analyze.h"
#include "query/semijoin.h"

/* What becomes of a sub-select. */
typedef struct Semijoin
{
	Query	   *query;			/* with DISTINCT */
	int			rtindex;		/* of it, around */
	List	   *quals;			/* around */
} Semijoin;

/* A column of the sub-select, as it is seen around. */
static Node *
column(const Semijoin *semijoin, int n, Node *expr)
{
	return (Node *) makeVar(semijoin->rtindex, n, exprType(expr),
							exprTypmod(expr), exprCollation(expr), 0);
}

/*
 * Adds a column, which an equality is about.  NULL: what differs by DISTINCT may be
 * equal to the same.
 */
static Node *
add_column(Semijoin *semijoin, Node *expr, const OpExpr *equality)
{
	Query	   *query = semijoin->query;
	int			n = list_length(query->targetList) + 1;
	TypeCacheEntry *type = lookup_type_cache(exprType(expr),
											 TYPECACHE_EQ_OPR |
											 TYPECACHE_LT_OPR);
	SortGroupClause *clause = makeNode(SortGroupClause);
	TargetEntry *tle = makeTargetEntry((Expr *) expr, n,
									   psprintf("column%d", n), false);

	if (!OidIsValid(type->eq_opr) || !OidIsValid(type->lt_opr) ||
		!equality_ops_are_compatible(equality->opno, type->eq_opr) ||
		equality->inputcollid != exprCollation(expr))
		return NULL;
	tle->ressortgroupref = clause->tleSortGroupRef = n;
	get_sort_group_operators(exprType(expr), true, true, false,
							 &clause->sortop, &clause->eqop, NULL,
							 &clause->hashable);
	query->targetList = lappend(query->targetList, tle);
	query->distinctClause = lappend(query->distinctClause, clause);
	return column(semijoin, n, expr);
}

/* The conditions that AND connects. */
static List *
conditions_of(Node *quals)
{
	List	   *conditions = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NIL;
	if (!is_andclause(quals))
		return list_make1(quals);
	foreach(lc, ((BoolExpr *) quals)->args)
		conditions = list_concat(conditions, conditions_of(lfirst(lc)));
	return conditions;
}

static Node *
all_of(List *conditions)
{
	return conditions ? (Node *) make_ands_explicit(conditions) : NULL;
}

/* Is it an expression over what is around, and nothing else? */
static bool
is_outer(Node *expr)
{
	return contain_vars_of_level(expr, 1) && !contain_vars_of_level(expr, 0) &&
		!checkExprHasSubLink(expr);
}

static bool
is_inner(Node *expr)
{
	return !contain_vars_of_level(expr, 1) && !checkExprHasSubLink(expr);
}

static bool
is_equality(Node *expr)
{
	OpExpr	   *op = (OpExpr *) expr;

	return IsA(expr, OpExpr) && list_length(op->args) == 2 &&
		op_mergejoinable(op->opno, exprType(linitial(op->args)));
}

/*
 * Moves an equality of something around and something in the sub-select out of it; false:
 * it is none.
 */
static bool
move_out(Semijoin *semijoin, Node *condition)
{
	OpExpr	   *op = (OpExpr *) condition;
	OpExpr	   *moved;
	bool		outer_first;
	Node	   *inner;

	if (!is_equality(condition))
		return false;
	outer_first = is_outer(linitial(op->args));
	if (outer_first ? !is_inner(lsecond(op->args)) :
		!is_inner(linitial(op->args)) || !is_outer(lsecond(op->args)))
		return false;
	moved = copyObject(op);
	inner = add_column(semijoin, outer_first ? lsecond(moved->args) :
					   linitial(moved->args), op);
	if (inner == NULL)
		return false;
	IncrementVarSublevelsUp(outer_first ? linitial(moved->args) :
							lsecond(moved->args), -1, 1);
	if (outer_first)
		lsecond(moved->args) = inner;
	else
		linitial(moved->args) = inner;
	semijoin->quals = lappend(semijoin->quals, moved);
	return true;
}

/* Is the sub-select a plain one, of which there may be a DISTINCT? */
static bool
is_plain(Query *query)
{
	return query->setOperations == NULL && !query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && !query->hasDistinctOn &&
		query->limitCount == NULL && query->limitOffset == NULL &&
		query->rowMarks == NIL && query->cteList == NIL;
}

typedef struct Params
{
	Semijoin   *semijoin;
	List	   *targets;		/* of the sub-select as it was */
	bool		failed;
} Params;

/* One of the equalities of IN: its parameter becomes a column. */
static Node *
take_test(Node *node, Params *params)
{
	OpExpr	   *op = (OpExpr *) node;
	Param	   *param;
	TargetEntry *tle;

	if (!is_equality(node) || !IsA(lsecond(op->args), Param) ||
		contain_vars_of_level((Node *) linitial(op->args), 1) ||
		checkExprHasSubLink(linitial(op->args)))
	{
		params->failed = true;
		return node;
	}
	op = copyObject(op);
	param = lsecond(op->args);
	tle = list_nth(params->targets, param->paramid - 1);
	lsecond(op->args) = add_column(params->semijoin, (Node *) tle->expr, op);
	params->failed |= lsecond(op->args) == NULL || !is_inner((Node *) tle->expr);
	return (Node *) op;
}

/* Makes a member of FROM of the sub-select; false: that cannot be done. */
static bool
make_semijoin(Semijoin *semijoin, SubLink *sublink)
{
	Query	   *query = semijoin->query;
	Params		params = {semijoin, query->targetList};
	List	   *own = NIL;
	ListCell   *lc;

	query->targetList = query->distinctClause = query->sortClause = NIL;
	if (sublink->subLinkType == ANY_SUBLINK)
		foreach(lc, conditions_of(sublink->testexpr))
			semijoin->quals = lappend(semijoin->quals,
									  take_test(lfirst(lc), &params));
	if (params.failed)
		return false;
	foreach(lc, conditions_of(query->jointree->quals))
		if (!contain_vars_of_level(lfirst(lc), 1))
			own = lappend(own, lfirst(lc));
		else if (!move_out(semijoin, lfirst(lc)))
			return false;
	query->jointree->quals = all_of(own);
	return query->targetList != NIL &&
		!contain_vars_of_level((Node *) query, 1);
}

static void
add_member(Query *query, const Semijoin *semijoin)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, semijoin->query->targetList)
		names = lappend(names,
						makeString(lfirst_node(TargetEntry, lc)->resname));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = semijoin->query;
	rte->alias = makeAlias("semi", NIL);
	rte->eref = makeAlias("semi", names);
	rte->inFromCl = true;
	query->rtable = lappend(query->rtable, rte);
	ref->rtindex = list_length(query->rtable);
	query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
}

/* Puts it into FROM; returns its conditions, or NIL. */
static List *
pull_up(Query *query, SubLink *sublink)
{
	Semijoin	semijoin = {.rtindex = list_length(query->rtable) + 1};

	if ((sublink->subLinkType != EXISTS_SUBLINK &&
		 sublink->subLinkType != ANY_SUBLINK) ||
		!stream_analyze_has_stream(sublink->subselect) ||
		!is_plain(castNode(Query, sublink->subselect)))
		return NIL;
	semijoin.query = copyObject(castNode(Query, sublink->subselect));
	if (!make_semijoin(&semijoin, sublink))
		return NIL;
	add_member(query, &semijoin);
	return semijoin.quals;
}

void
stream_semijoin_pull_up(Query *query)
{
	List	   *conditions = NIL;
	ListCell   *lc;
	bool		any = false;

	if (!stream_analyze_has_stream(query->jointree->quals) ||
		stream_analyze_members_of_from(query) == NIL)
		return;
	stream_compat_flatten_groups(query);
	foreach(lc, conditions_of(query->jointree->quals))
	{
		List	   *quals = IsA(lfirst(lc), SubLink) ?
			pull_up(query, lfirst(lc)) : NIL;

		any |= quals != NIL;
		conditions = list_concat(conditions,
								 quals ? quals : list_make1(lfirst(lc)));
	}
	if (!any)
		return;
	query->jointree->quals = all_of(conditions);
}
