/*-------------------------------------------------------------------------
 *
 * merging.c
 *	  Sessions of groups that readers merge.
 *
 * Where rows are grouped by session_window, an operator merges sessions (flow/sessions.c).
 * Where that is left to readers (in append mode, or with more than groups in FROM),
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
#include "query/calls.h"
#include "query/nesting.h"
#include "query/windowkeys.h"
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
		return stream_calls_is_session(((FuncExpr *) expr)->funcid);
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

		if (!session && !stream_calls_has_session(key))
		{
			stream_windowkeys_check_session(query, key, false, place->source);
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
add_keys(StreamNesting *nesting, Query *query, SortGroupClause *session,
		 WindowClause *window)
{
	Node	   *expr = get_sortgroupclause_expr(session, query->targetList);
	TargetEntry *tle;
	ListCell   *lc;

	stream_nesting_add(nesting, expr, merged_session(expr));
	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = copyObject(lfirst_node(SortGroupClause, lc));
		Node	   *key = get_sortgroupclause_expr(clause, query->targetList);

		if (lfirst(lc) == session)
			continue;
		tle = stream_nesting_add(nesting, key, copyObject((Expr *) key));
		clause->tleSortGroupRef = tle->ressortgroupref = tle->resno;
		window->partitionClause = lappend(window->partitionClause, clause);
	}
	nesting->nkeys = list_length(nesting->targets);

	/* what the session is merged from */
	tle = stream_nesting_add(nesting, NULL, copyObject((Expr *) expr));
	session = copyObject(session);
	session->tleSortGroupRef = tle->ressortgroupref = tle->resno;
	window->orderClause = list_make1(session);
}

/* Has the sub-select leave out rows without a session. */
static void
add_test(Query *inner, Node *session)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = copyObject((Expr *) session);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	inner->jointree->quals = make_and_qual(inner->jointree->quals,
										   (Node *) test);
}

Query *
stream_merging_rewrite(Query *query, Expr **key)
{
	StreamPlace nowhere = {0};
	StreamNesting nesting = {0};
	WindowClause *window = makeNode(WindowClause);
	SortGroupClause *session;
	Query	   *inner;

	stream_compat_flatten_groups(query);
	session = find_session(query, &nowhere);
	window->frameOptions = FRAMEOPTION_DEFAULTS;
	window->winref = 1;
	add_keys(&nesting, query, session, window);
	if (key)
		*key = (Expr *) stream_nesting_above(&nesting, (Node *) *key);
	inner = stream_nesting_move(&nesting, query, "merged");
	add_test(inner, linitial(nesting.exprs));
	inner->windowClause = list_make1(window);
	inner->hasWindowFuncs = true;
	return inner;
}
