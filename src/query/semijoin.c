/*-------------------------------------------------------------------------
 *
 * semijoin.c
 *	  EXISTS, IN and NOT EXISTS over streams, as joins.
 *
 *		SELECT ... FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k AND r.x > 0)
 *
 * becomes
 *
 *		SELECT ... FROM l, (SELECT DISTINCT r.k FROM r WHERE r.x > 0) AS semi
 *		WHERE semi.k = l.k
 *
 * As there is one row for each k, a row of l comes out once, when there are both.  That
 * holds only for what is equal, by operators that agree with DISTINCT, and keeps no more
 * of r than it must.  Other conditions make a test of it, as NOT EXISTS is one; and so does
 * what could not be joined with r, which are outer joins of streams, and, where rows of r
 * come and go, tables:
 *
 *		SELECT ... FROM (SELECT ... FROM l WHERE ...) AS kept
 *			ANTI JOIN (SELECT r.k, r.x FROM r) AS tested ON tested.k = kept.k AND ...
 *
 * The parser has no such join, but the planner, who makes one of NOT EXISTS, too.  All
 * else that is in FROM and WHERE goes into the first sub-select; there may be several
 * tests.  Which feeds come of them, joinfeeds.c says.
 *
 * IN is EXISTS with one condition more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/nesting.h"
#include "query/serving.h"
#include "query/semijoin.h"

/* The name of what becomes a member of FROM, which is not inFromCl. */
#define SEMI_NAME "semi"

/* What becomes of a sub-select. */
typedef struct Semijoin
{
	Query	   *query;			/* with DISTINCT */
	int			rtindex;		/* of it, around */
	List	   *quals;			/* around */
} Semijoin;

/* A sub-select whose rows, together with one around, must be some, or none. */
typedef struct Test
{
	Query	   *query;
	bool		none;
} Test;

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

/* Does it compare something around and something in the sub-select? */
static bool
connects(OpExpr *op, bool *outer_first)
{
	*outer_first = is_outer(linitial(op->args));
	return *outer_first ? is_inner(lsecond(op->args)) :
		is_inner(linitial(op->args)) && is_outer(lsecond(op->args));
}

/* ... in a way that finds what belongs together? */
static bool
finds(Node *condition)
{
	OpExpr	   *op = (OpExpr *) condition;
	bool		outer_first;

	return IsA(condition, OpExpr) && list_length(op->args) == 2 &&
		(is_equality(condition) || stream_serving_either(op)) &&
		connects(op, &outer_first);
}

/* Moves such an equality out of the sub-select; false: it is none. */
static bool
move_out(Semijoin *semijoin, Node *condition)
{
	OpExpr	   *op = (OpExpr *) condition;
	OpExpr	   *moved;
	bool		outer_first;
	Node	   *inner;

	if (!is_equality(condition) || !connects(op, &outer_first))
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

/* Adds it to the range table. */
static RangeTblRef *
add_range(Query *query, Query *part, const char *name, bool in_from)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, part->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			names = lappend(names,
							makeString(lfirst_node(TargetEntry, lc)->resname));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = part;
	rte->alias = makeAlias(name, NIL);
	rte->eref = makeAlias(name, names);
	rte->inFromCl = in_from;
	query->rtable = lappend(query->rtable, rte);
	ref->rtindex = list_length(query->rtable);
	return ref;
}

/* ---- the condition of IN ---- */

/* What is compared with a column of the sub-select is so with what that is. */
static Node *
param_mutator(Node *node, List *targets)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_SUBLINK)
		return (Node *) copyObject(get_tle_by_resno(targets,
													((Param *) node)->paramid)->expr);
	return expression_tree_mutator(node, param_mutator, targets);
}

/* The rows of any other sub-select are those of a plain one over it. */
static Query *
make_plain(Query *query)
{
	Query	   *plain = makeNode(Query);
	RangeTblRef *ref;
	ListCell   *lc;

	plain->commandType = CMD_SELECT;
	plain->canSetTag = true;
	ref = add_range(plain, query, STREAM_NESTING_MADE, false);
	plain->jointree = makeFromExpr(list_make1(ref), NULL);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			plain->targetList =
				lappend(plain->targetList,
						makeTargetEntry((Expr *) makeVarFromTargetEntry(1, tle),
										tle->resno, tle->resname, false));
	}
	return plain;
}

/* Of one row at least, as good as all: whether there is any, LIMIT does not change. */
static void
drop_limit(Query *query)
{
	Const	   *limit = (Const *)
		eval_const_expressions(NULL, query->limitCount);

	if (limit && IsA(limit, Const) && query->limitOffset == NULL &&
		query->limitOption == LIMIT_OPTION_COUNT &&
		(limit->constisnull || DatumGetInt64(limit->constvalue) > 0))
		query->limitCount = NULL;
}

/*
 * What there must be some, or none, rows of, without its columns; or NULL: it is nothing
 * that can be joined.
 */
static Query *
query_of(SubLink *sublink)
{
	Query	   *query = copyObject((Query *) sublink->subselect);
	Node	   *test;

	if (checkExprHasSubLink(sublink->testexpr))
		return NULL;
	if (sublink->subLinkType == EXISTS_SUBLINK && query->limitCount)
		drop_limit(query);
	if (!is_plain(query) && stream_analyze_is_correlated(query))
		return NULL;
	if (!is_plain(query))
		query = make_plain(query);
	if (sublink->subLinkType == ANY_SUBLINK)
	{
		test = copyObject(sublink->testexpr);
		IncrementVarSublevelsUp(test, 1, 0);
		query->jointree->quals =
			make_and_qual(param_mutator(test, query->targetList),
						  query->jointree->quals);
	}
	query->targetList = query->distinctClause = query->sortClause = NIL;
	return query;
}

/* ---- a member of FROM ---- */

/* Makes one of the sub-select; false: that cannot be done. */
static bool
make_semijoin(Semijoin *semijoin)
{
	Query	   *query = semijoin->query;
	List	   *own = NIL;
	List	   *conditions = stream_nesting_conditions(query->jointree->quals);
	ListCell   *lc;

	foreach(lc, conditions)
		if (!contain_vars_of_level(lfirst(lc), 1))
			own = lappend(own, lfirst(lc));
		else if (!move_out(semijoin, lfirst(lc)))
			return false;
	query->jointree->quals = all_of(own);
	return query->targetList != NIL && !stream_analyze_is_correlated(query);
}

/* Puts it into FROM; returns its conditions, or NIL: it is about more than equality. */
static List *
pull_up(Query *query, Query *part)
{
	Semijoin	semijoin = {.rtindex = list_length(query->rtable) + 1};

	semijoin.query = copyObject(part);
	if (!make_semijoin(&semijoin))
		return NIL;
	query->jointree->fromlist =
		lappend(query->jointree->fromlist,
				add_range(query, semijoin.query, SEMI_NAME, false));
	return semijoin.quals;
}

/* ---- tests ---- */

/* Takes the conditions about what is around away. */
static List *
take_conditions(Query *query)
{
	List	   *own = NIL;
	List	   *taken = NIL;
	ListCell   *lc;
	List	   *conditions = stream_nesting_conditions(query->jointree->quals);

	foreach(lc, conditions)
		if (contain_vars_of_level(lfirst(lc), 1))
			taken = lappend(taken, lfirst(lc));
		else
			own = lappend(own, lfirst(lc));
	query->jointree->quals = all_of(own);
	return taken;
}

/* A test of what is around; NULL: it cannot be done by a join. */
static Test *
make_test(Query *query, bool none, SubLink *sublink, const StreamPlace *place)
{
	Test	   *test = palloc(sizeof(Test));
	Query	   *rest = copyObject(query);
	List	   *conditions = take_conditions(rest);
	ListCell   *lc;
	bool		connected = false;

	if (stream_analyze_is_correlated(rest))
		return NULL;
	foreach(lc, conditions)
	{
		if (checkExprHasSubLink(lfirst(lc)))
			return NULL;
		connected |= finds(lfirst(lc));
	}
	if (!connected)
		stream_refuse_in(place, none ?
						 "NOT EXISTS over a stream without a condition that an index serves is" :
						 "EXISTS or IN over a stream without a condition that an index serves is",
						 sublink, STREAM_SERVING_HINT);
	test->query = query;
	test->none = none;
	return test;
}

/* Has the query, whose other conditions are in FROM and WHERE, make the tests. */
static void
add_tests(Query *query, List *tests)
{
	StreamNesting nesting = {0};
	ListCell   *lc;

	stream_nesting_flatten(query);
	foreach(lc, tests)
	{
		Test	   *test = lfirst(lc);

		test->query = (Query *) stream_nesting_above(&nesting,
													 (Node *) test->query);
	}
	(void) stream_nesting_wrap(&nesting, query);
	foreach(lc, tests)
	{
		Test	   *test = lfirst(lc);
		StreamNesting own = {0};
		JoinExpr   *join = makeNode(JoinExpr);

		join->quals = stream_nesting_above(&own,
										   all_of(take_conditions(test->query)));
		test->query->targetList = own.targets;
		join->rarg = (Node *)
			add_range(query, test->query, STREAM_NESTING_MADE, false);
		ChangeVarNodes(join->quals, 1, list_length(query->rtable), 0);
		IncrementVarSublevelsUp(join->quals, -1, 1);
		/* as the planner has it, without a place in the range table */
		join->jointype = test->none ? JOIN_ANTI : JOIN_SEMI;
		join->larg = linitial(query->jointree->fromlist);
		query->jointree->fromlist = list_make1(join);
	}
}

/* ---- all of them ---- */

bool
stream_semijoin_is_member(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_SUBQUERY && !rte->inFromCl &&
		strcmp(rte->eref->aliasname, SEMI_NAME) == 0;
}

SubLink *
stream_semijoin_of_condition(Node *condition, bool *none)
{
	SubLink    *sublink;

	*none = is_notclause(condition);
	sublink = *none ? (SubLink *) get_notclausearg((Expr *) condition) :
		(SubLink *) condition;
	return IsA(sublink, SubLink) &&
		(sublink->subLinkType == EXISTS_SUBLINK ||
		 sublink->subLinkType == ANY_SUBLINK) ? sublink : NULL;
}

/* The same, if it reads a stream. */
static SubLink *
sublink_of(Node *condition, bool *none)
{
	SubLink    *sublink = stream_semijoin_of_condition(condition, none);

	return sublink && stream_analyze_has_stream(sublink->subselect) ?
		sublink : NULL;
}

/*
 * The conditions of inner joins in that part of FROM that are as good as conditions of
 * WHERE: beside these, there may be outer ones that keep all rows of theirs.
 */
static List *
conditions_of_joins(Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;
	List	   *conditions = NIL;

	if (!IsA(jtnode, JoinExpr))
		return NIL;
	if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
		conditions = conditions_of_joins(join->larg);
	if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
		conditions = list_concat(conditions, conditions_of_joins(join->rarg));
	return join->jointype != JOIN_INNER ? conditions :
		list_concat(conditions, stream_nesting_conditions(join->quals));
}

static List *
conditions_of_from(const Query *query)
{
	List	   *conditions = NIL;
	ListCell   *lc;

	foreach(lc, query->jointree->fromlist)
		conditions = list_concat(conditions,
								 conditions_of_joins(lfirst(lc)));
	return conditions;
}

List *
stream_semijoin_conditions(Query *query)
{
	return list_concat(conditions_of_from(query),
					   stream_nesting_conditions(query->jointree->quals));
}

/* Takes the given conditions out of these joins. */
static void
take_from_joins(Node *jtnode, const List *taken)
{
	JoinExpr   *join = (JoinExpr *) jtnode;
	List	   *conditions;

	if (!IsA(jtnode, JoinExpr))
		return;
	take_from_joins(join->larg, taken);
	take_from_joins(join->rarg, taken);
	conditions = stream_nesting_conditions(join->quals);
	join->quals = all_of(list_difference_ptr(conditions, taken));
}

/* Those of inner joins that are about sub-selects over streams become conditions of WHERE. */
static void
move_to_where(Query *query)
{
	List	   *conditions = conditions_of_from(query);
	List	   *taken = NIL;
	ListCell   *lc;
	bool		none;

	foreach(lc, conditions)
		if (sublink_of(lfirst(lc), &none))
			taken = lappend(taken, lfirst(lc));
	if (taken == NIL)
		return;
	foreach(lc, query->jointree->fromlist)
		take_from_joins(lfirst(lc), taken);
	query->jointree->quals = make_and_qual(all_of(taken),
										   query->jointree->quals);
}

/* May it be something else for the same rows another time? */
static bool
may_differ(Node *expr)
{
	return checkExprHasSubLink(expr) || contain_mutable_functions(expr);
}

/* Are in that part of FROM only rows of streams, each of which is there or not? */
static bool
joins_streams_only(const List *members, Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return list_member_int(members, ((RangeTblRef *) jtnode)->rtindex);
	if (IsA(jtnode, JoinExpr))
		return join->jointype == JOIN_INNER && !may_differ(join->quals) &&
			joins_streams_only(members, join->larg) &&
			joins_streams_only(members, join->rarg);
	foreach(lc, ((FromExpr *) jtnode)->fromlist)
		if (!joins_streams_only(members, lfirst(lc)))
			return false;
	return true;
}

/* Can rows that come and go be joined with those of FROM and WHERE as they are? */
static bool
can_join_changing(Query *query, const List *conditions)
{
	ListCell   *lc;
	bool		none;

	foreach(lc, conditions)
		if (sublink_of(lfirst(lc), &none) == NULL && may_differ(lfirst(lc)))
			return false;
	return joins_streams_only(stream_analyze_members_of_from(query),
							  (Node *) query->jointree);
}

static void
refuse_not_in(SubLink *sublink, const StreamPlace *place)
{
	stream_refuse_in(place, "NOT IN over a stream is", sublink,
					 "Write NOT EXISTS (SELECT FROM ... WHERE a.x = b.y), which, other than NOT IN, takes a null for a value that is not there.");
}

/* What stays a condition is looked up, which the changes of a view cannot be. */
static void
check_left(SubLink *sublink, const StreamPlace *place)
{
	if (sublink && stream_analyze_reads_changes(sublink->subselect))
		stream_refuse_in(place,
						 "EXISTS or IN over a continuous view whose rows change, with LIMIT, groups or sub-selects that refer to what is around, is",
						 sublink,
						 "Have conditions in it such as a.x = b.y, and nothing else that refers to what is around.");
}

/*
 * Does FROM join streams?  The watermark of what is above may be behind that by which a DISTINCT
 * would drop late rows (rule K1).
 */
static bool
has_joined(Query *query)
{
	List	   *members = stream_analyze_members_of_from(query);
	RangeTblEntry *rte;

	if (list_length(members) != 1)
		return true;
	rte = rt_fetch(linitial_int(members), query->rtable);
	return rte->rtekind == RTE_SUBQUERY && (rte->subquery->setOperations ||
											has_joined(rte->subquery));
}

/*
 * Is there one of these at most, which asks for nothing but equality, so that it can be a member
 * of FROM?  A second one would be above a join.
 */
static bool
is_member(const List *conditions)
{
	int			asked = 0;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		bool		none;
		SubLink    *sublink = sublink_of(lfirst(lc), &none);
		Query	   *part = sublink ? query_of(sublink) : NULL;
		Semijoin	semijoin = {.rtindex = 1};

		if (part == NULL)
			continue;
		semijoin.query = copyObject(part);
		if (none || ++asked > 1 || !make_semijoin(&semijoin))
			return false;
	}
	return true;
}

bool
stream_semijoin_pull_up(Query *query, bool append, const StreamPlace *place)
{
	List	   *left = NIL;
	List	   *tests = NIL;
	List	   *conditions;
	bool		joins;
	bool		alone;
	ListCell   *lc;

	move_to_where(query);
	if (!stream_analyze_has_stream(query->jointree->quals) ||
		stream_analyze_members_of_from(query) == NIL)
		return false;
	stream_compat_flatten_groups(query);
	conditions = stream_nesting_conditions(query->jointree->quals);
	joins = can_join_changing(query, conditions);
	/*
	 * Nothing else can be beside an outer join of streams.  In append mode, what passes one
	 * test is asked for the next one then, in the order in which they are written.
	 */
	alone = stream_analyze_partial_joins(query) != NIL ||
		(append && (has_joined(query) || !is_member(conditions)));
	foreach(lc, conditions)
	{
		bool		none;
		SubLink    *sublink = sublink_of(lfirst(lc), &none);
		Query	   *part = sublink ? query_of(sublink) : NULL;
		List	   *quals;
		Test	   *test;

		if (sublink && none && sublink->subLinkType == ANY_SUBLINK)
			refuse_not_in(sublink, place);
		if (part && !none && !alone &&
			(joins || !stream_analyze_may_change(part)) &&
			(quals = pull_up(query, part)) != NIL)
			left = list_concat(left, quals);
		else if (part && (test = make_test(part, none, sublink, place)) != NULL)
			tests = lappend(tests, test);
		else
		{
			check_left(sublink, place);
			left = lappend(left, lfirst(lc));
		}
	}
	query->jointree->quals = all_of(left);
	query->hasSubLinks = checkExprHasSubLink((Node *) query);
	if (tests == NIL)
		return false;
	if (query->cteList)
		stream_refuse_in(place,
						 "WITH beside EXISTS or NOT EXISTS over a stream is",
						 linitial(query->cteList),
						 "Write the query in FROM.");
	add_tests(query, tests);
	return true;
}

void
stream_semijoin_pull_up_all(Query *query, bool append)
{
	StreamPlace nowhere = {0};
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	(void) stream_semijoin_pull_up(query, append, &nowhere);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY &&
			stream_analyze_has_stream(rte->subquery))
			stream_semijoin_pull_up_all(rte->subquery, append);
	}
}
