/*-------------------------------------------------------------------------
 *
 * merging.c
 *	  Sessions of groups, which readers merge.
 *
 * Where a stream is grouped by session_window, its operator merges sessions.  What is
 * grouped by it above another aggregation is left to readers, for a group that changes
 * may tear a session apart.  For them
 *
 *		SELECT k, session_window(t, gap), sum(c) FROM q WHERE x GROUP BY 1, 2
 *
 * becomes
 *
 *		SELECT k, s, sum(c)
 *		FROM (SELECT _merged_session(session_window(t, gap))
 *					OVER (PARTITION BY k ORDER BY session_window(t, gap)) AS s, k, c
 *			FROM q WHERE x AND session_window(t, gap) IS NOT NULL) AS merged
 *		GROUP BY 1, 2
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/eventtime.h"
#include "query/merging.h"

/* ---- which they are ---- */

/* Is it a call of session_window, for each row of FROM by itself? */
static bool
is_session(Query *query, Node *expr)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *rte;
	Query	   *part;

	expr = stream_compat_flatten_join_alias_vars(NULL, query, expr);
	while (IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	if (IsA(expr, FuncExpr))
		return stream_eventtime_is_session(((FuncExpr *) expr)->funcid);
	if (!IsA(expr, Var))
		return false;
	var = (Var *) expr;
	if (var->varlevelsup > 0 || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind == RTE_FUNCTION)
		return list_length(rte->functions) == 1 && var->varattno == 1 &&
			is_session(query, ((RangeTblFunction *)
							   linitial(rte->functions))->funcexpr);
	part = rte->subquery;
	/* what comes out of an aggregation has been merged there */
	if (rte->rtekind != RTE_SUBQUERY || part->hasAggs || part->groupClause ||
		part->distinctClause || part->setOperations)
		return false;
	return is_session(part,
					  (Node *) get_tle_by_resno(part->targetList,
												var->varattno)->expr);
}

/* The grouping clause of the session, or NULL. */
static SortGroupClause *
find_session(Query *query, const StreamPlace *place)
{
	SortGroupClause *found = NULL;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		Node	   *key = get_sortgroupclause_expr(lfirst(lc),
												   query->targetList);
		bool		session = is_session(query, key);

		if (!session && !stream_eventtime_has_session(key))
		{
			stream_eventtime_check_session(query, key, place->source);
			continue;
		}
		if (found || !session)
			stream_refuse_in(place, found ? "grouping by two sessions is" :
							 "grouping by an expression over a session of groups is",
							 key, "Group by one session_window as it is.");
		found = lfirst(lc);
	}
	return found;
}

bool
stream_merging_is_needed(Query *query, const StreamPlace *place)
{
	Query	   *flat;
	SortGroupClause *session;
	ListCell   *lc;

	if (query->groupClause == NIL)
		return false;
	flat = copyObject(query);
	stream_compat_flatten_groups(flat);
	session = find_session(flat, place);
	if (session == NULL)
		return false;
	if (query->groupingSets)
		stream_refuse_in(place, "a session of groups among grouping sets is",
						 linitial(query->groupingSets),
						 "Write one query for each grouping set, and UNION ALL between.");
	if (query->cteList)
		stream_refuse_in(place, "WITH in a query that groups by a session of groups is",
						 linitial(query->cteList),
						 "Write the sub-select in FROM.");
	foreach(lc, flat->groupClause)
		if (!OidIsValid(((SortGroupClause *) lfirst(lc))->sortop))
			stream_refuse_in(place,
							 "a session of groups beside a key that cannot be sorted is",
							 get_sortgroupclause_expr(lfirst(lc),
													  flat->targetList),
							 "Cast the key to another type.");
	return true;
}

/* ---- the sub-select ---- */

typedef struct Merging
{
	List	   *exprs;			/* what its columns are, over the former FROM: */
	List	   *targets;		/* TargetEntry */
	int			nkeys;			/* the first of them */
	int			sublevels_up;
	bool		in_aggregate;
} Merging;

static Node *
column(int n, Node *expr, int sublevels_up)
{
	return (Node *) makeVar(1, n, exprType(expr), exprTypmod(expr),
							exprCollation(expr), sublevels_up);
}

static TargetEntry *
add_column(Merging *merging, Node *expr, Expr *value)
{
	int			n = list_length(merging->targets) + 1;
	TargetEntry *tle = makeTargetEntry(value, n, psprintf("column%d", n),
									   false);

	merging->exprs = lappend(merging->exprs, expr);
	merging->targets = lappend(merging->targets, tle);
	return tle;
}

/* A column of the former FROM: that of the sub-select which has it. */
static Node *
outer_var(Merging *merging, Var *var)
{
	ListCell   *lc;

	var = copyObject(var);
	var->varlevelsup = 0;
	foreach(lc, merging->exprs)
		if (foreach_current_index(lc) >= merging->nkeys &&
			equal(lfirst(lc), var))
			return column(foreach_current_index(lc) + 1, (Node *) var,
						  merging->sublevels_up);
	add_column(merging, (Node *) var, (Expr *) copyObject(var));
	return column(list_length(merging->targets), (Node *) var,
				  merging->sublevels_up);
}

/* What is above the sub-select, over its columns. */
static Node *
outer_mutator(Node *node, Merging *merging)
{
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (merging->sublevels_up == 0 && !merging->in_aggregate)
		for (int i = 0; i < merging->nkeys; i++)
			if (equal(node, list_nth(merging->exprs, i)))
				return column(i + 1, node, 0);
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == merging->sublevels_up)
		return outer_var(merging, (Var *) node);
	if (IsA(node, Query))
	{
		merging->sublevels_up++;
		result = (Node *) query_tree_mutator((Query *) node, outer_mutator,
											 merging, 0);
		merging->sublevels_up--;
		return result;
	}
	if (IsA(node, Aggref) &&
		((Aggref *) node)->agglevelsup == merging->sublevels_up)
	{
		/* what is aggregated is of the row itself */
		bool		before = merging->in_aggregate;

		merging->in_aggregate = true;
		result = expression_tree_mutator(node, outer_mutator, merging);
		merging->in_aggregate = before;
		return result;
	}
	return expression_tree_mutator(node, outer_mutator, merging);
}

/* _merged_session(session) OVER the only window */
static Expr *
merged_session(Node *session)
{
	WindowFunc *call = makeNode(WindowFunc);
	Oid			type = exprType(session);

	call->winfnoid = LookupFuncName(list_make2(makeString("streaming"),
											   makeString("_merged_session")),
									1, &type, false);
	call->wintype = type;
	call->args = list_make1(copyObject(session));
	call->winref = 1;
	call->location = -1;
	return (Expr *) call;
}

/* The columns that are keys; the session's is the first. */
static void
add_keys(Merging *merging, Query *query, SortGroupClause *session,
		 WindowClause *window)
{
	Node	   *expr = get_sortgroupclause_expr(session, query->targetList);
	TargetEntry *tle;
	ListCell   *lc;

	add_column(merging, expr, merged_session(expr));
	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = copyObject(lfirst_node(SortGroupClause, lc));
		Node	   *key = get_sortgroupclause_expr(clause, query->targetList);

		if (lfirst(lc) == session)
			continue;
		tle = add_column(merging, key, copyObject((Expr *) key));
		clause->tleSortGroupRef = tle->ressortgroupref = tle->resno;
		window->partitionClause = lappend(window->partitionClause, clause);
	}
	merging->nkeys = list_length(merging->targets);

	/* what the session is merged from */
	tle = add_column(merging, NULL, copyObject((Expr *) expr));
	session = copyObject(session);
	session->tleSortGroupRef = tle->ressortgroupref = tle->resno;
	window->orderClause = list_make1(session);
}

/* Moves FROM and WHERE to a sub-select that has not any columns yet. */
static Query *
split_from(Query *query, Node *session)
{
	Query	   *inner = makeNode(Query);
	NullTest   *test = makeNode(NullTest);

	inner->commandType = CMD_SELECT;
	inner->canSetTag = true;
	inner->rtable = query->rtable;
	stream_compat_move_permissions(query, inner);
	inner->jointree = query->jointree;
	inner->hasSubLinks = query->hasSubLinks;
	test->arg = copyObject((Expr *) session);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	inner->jointree->quals = make_and_qual(inner->jointree->quals,
										   (Node *) test);
	return inner;
}

/* Has the query read the sub-select. */
static void
read_inner(Query *query, Query *inner)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, inner->targetList)
		names = lappend(names,
						makeString(pstrdup(((TargetEntry *) lfirst(lc))->resname)));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = inner;
	rte->eref = makeAlias("merged", names);
	rte->alias = makeAlias("merged", NIL);
	rte->inFromCl = true;
	query->rtable = list_make1(rte);
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), NULL);
}

Query *
stream_merging_rewrite(Query *query, Expr **key)
{
	StreamPlace nowhere = {0};
	Merging		merging = {0};
	WindowClause *window = makeNode(WindowClause);
	SortGroupClause *session;
	Query	   *inner;

	stream_compat_flatten_groups(query);
	session = find_session(query, &nowhere);
	window->frameOptions = FRAMEOPTION_DEFAULTS;
	window->winref = 1;
	add_keys(&merging, query, session, window);
	inner = split_from(query, linitial(merging.exprs));
	query->targetList = (List *)
		outer_mutator((Node *) query->targetList, &merging);
	query->havingQual = outer_mutator(query->havingQual, &merging);
	query->limitOffset = outer_mutator(query->limitOffset, &merging);
	query->limitCount = outer_mutator(query->limitCount, &merging);
	query->windowClause = (List *)
		outer_mutator((Node *) query->windowClause, &merging);
	if (key)
		*key = (Expr *) outer_mutator((Node *) *key, &merging);
	inner->targetList = merging.targets;
	inner->windowClause = list_make1(window);
	inner->hasWindowFuncs = true;
	read_inner(query, inner);
	return inner;
}
