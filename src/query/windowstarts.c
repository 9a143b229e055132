/*-------------------------------------------------------------------------
 *
 * windowstarts.c
 *	  Grouping by where windows start.
 *
 * A window is told by its start, which is hashed and compared as a number, where
 * a range is made for each row and taken apart again for each comparison.  So a
 * delta query groups by that, and makes the ranges of its groups only: tumble of
 * the start is the window.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"

#include "query/calls.h"
#include "query/windowstarts.h"

/*
 * The call with all its arguments, if it is one of tumble and they are constant; or NULL.
 * Not with a time zone: near the ends of the calendar there is none.
 */
static FuncExpr *
constant_tumble(Expr *expr)
{
	FuncExpr   *call;
	ListCell   *lc;

	if (!IsA(expr, FuncExpr) || !stream_calls_is((FuncExpr *) expr, "tumble"))
		return NULL;
	call = stream_calls_complete((FuncExpr *) expr);
	if (stream_calls_has_zone(call, 3))
		return NULL;
	for_each_from(lc, call->args, 1)
		if (!IsA(lfirst(lc), Const))
			return NULL;
	return call;
}

static Expr *
start_of(FuncExpr *call)
{
	Oid			type = exprType(linitial(call->args));
	Oid			argtypes[] = {type, INTERVALOID, INTERVALOID};
	Oid			funcid = LookupFuncName(list_make2(makeString("streaming"),
												   makeString("_tumble_start")),
										3, argtypes, false);

	return (Expr *) makeFuncExpr(funcid, type,
								 list_copy_head(copyObject(call->args), 3),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* Groups by a hidden column with the start, instead of by the column itself. */
static void
group_by_start(Query *query, SortGroupClause *clause, TargetEntry *key,
			   FuncExpr *call)
{
	Expr	   *start = start_of(call);
	TargetEntry *hidden = makeTargetEntry(start,
										  list_length(query->targetList) + 1,
										  NULL, true);

	hidden->ressortgroupref = key->ressortgroupref;
	query->targetList = lappend(query->targetList, hidden);
	linitial(call->args) = copyObject(start);
	key->expr = (Expr *) call;
	key->ressortgroupref = 0;
	get_sort_group_operators(exprType((Node *) start), true, true, false,
							 &clause->sortop, &clause->eqop, NULL,
							 &clause->hashable);
}

/* Is it what delta queries of aggregations are? */
static bool
groups_plainly(Query *query)
{
	ListCell   *lc;

	if (query->groupingSets || query->distinctClause || query->sortClause ||
		query->windowClause || query->setOperations || query->havingQual)
		return false;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!IsA(tle->expr, Aggref) &&
			!get_sortgroupref_clause_noerr(tle->ressortgroupref,
										   query->groupClause))
			return false;
	}
	return true;
}

void
stream_windowstarts_group(Query *query)
{
	ListCell   *lc;

	if (!groups_plainly(query))
		return;
	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *key = get_sortgroupclause_tle(clause, query->targetList);
		FuncExpr   *call = constant_tumble(key->expr);

		if (call)
			group_by_start(query, clause, key, call);
	}
}
