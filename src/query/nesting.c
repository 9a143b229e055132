/*-------------------------------------------------------------------------
 *
 * nesting.c
 *	  Moving the FROM and WHERE of a query into a sub-select.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "query/nesting.h"

static Node *
column(int n, Node *expr, int sublevels_up)
{
	return (Node *) makeVar(1, n, exprType(expr), exprTypmod(expr),
							exprCollation(expr), sublevels_up);
}

TargetEntry *
stream_nesting_add(StreamNesting *nesting, Node *expr, Expr *value)
{
	int			n = list_length(nesting->targets) + 1;
	TargetEntry *tle = makeTargetEntry(value, n, psprintf("column%d", n),
									   false);

	nesting->exprs = lappend(nesting->exprs, expr);
	nesting->targets = lappend(nesting->targets, tle);
	return tle;
}

/* A column of the former FROM: that of the sub-select which has it. */
static Node *
outer_var(StreamNesting *nesting, Var *var)
{
	ListCell   *lc;

	var = copyObject(var);
	var->varlevelsup = 0;
	foreach(lc, nesting->exprs)
		if (foreach_current_index(lc) >= nesting->nkeys &&
			equal(lfirst(lc), var))
			return column(foreach_current_index(lc) + 1, (Node *) var,
						  nesting->sublevels_up);
	stream_nesting_add(nesting, (Node *) var, (Expr *) copyObject(var));
	return column(list_length(nesting->targets), (Node *) var,
				  nesting->sublevels_up);
}

static Node *outer_mutator(Node *node, StreamNesting *nesting);

/* What is aggregated is of the row itself; direct arguments are of the group. */
static Node *
outer_aggregate(StreamNesting *nesting, Aggref *aggref)
{
	Aggref	   *bare = makeNode(Aggref);
	Aggref	   *result;
	bool		before = nesting->in_aggregate;

	*bare = *aggref;
	bare->aggdirectargs = NIL;
	nesting->in_aggregate = true;
	result = (Aggref *) expression_tree_mutator((Node *) bare, outer_mutator,
												nesting);
	nesting->in_aggregate = before;
	result->aggdirectargs = (List *)
		outer_mutator((Node *) aggref->aggdirectargs, nesting);
	return (Node *) result;
}

static Node *
outer_mutator(Node *node, StreamNesting *nesting)
{
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (nesting->sublevels_up == 0 && !nesting->in_aggregate)
		for (int i = 0; i < nesting->nkeys; i++)
			if (equal(node, list_nth(nesting->exprs, i)))
				return column(i + 1, node, 0);
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == nesting->sublevels_up)
		return outer_var(nesting, (Var *) node);
	if (IsA(node, Query))
	{
		nesting->sublevels_up++;
		result = (Node *) query_tree_mutator((Query *) node, outer_mutator,
											 nesting, 0);
		nesting->sublevels_up--;
		return result;
	}
	if (IsA(node, Aggref) &&
		((Aggref *) node)->agglevelsup == nesting->sublevels_up)
		return outer_aggregate(nesting, (Aggref *) node);
	return expression_tree_mutator(node, outer_mutator, nesting);
}

Node *
stream_nesting_above(StreamNesting *nesting, Node *expr)
{
	return outer_mutator(expr, nesting);
}

void
stream_nesting_flatten(Query *query)
{
#define FLATTEN(field) \
	((field) = (void *) stream_compat_flatten_join_alias_vars(NULL, query, \
															  (Node *) (field)))
	stream_compat_flatten_groups(query);
	FLATTEN(query->targetList);
	FLATTEN(query->havingQual);
	FLATTEN(query->windowClause);
#undef FLATTEN
}

/* Has the query read the sub-select. */
static void
read_inner(Query *query, Query *inner, const char *name)
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
	rte->eref = makeAlias(name, names);
	rte->alias = makeAlias(name, NIL);
	rte->inFromCl = true;
	query->rtable = list_make1(rte);
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), NULL);
}

Query *
stream_nesting_move(StreamNesting *nesting, Query *query, const char *name)
{
	Query	   *inner = makeNode(Query);

	inner->commandType = CMD_SELECT;
	inner->canSetTag = true;
	inner->rtable = query->rtable;
	stream_compat_move_permissions(query, inner);
	inner->jointree = query->jointree;
	query->targetList = (List *)
		stream_nesting_above(nesting, (Node *) query->targetList);
	query->havingQual = stream_nesting_above(nesting, query->havingQual);
	query->limitOffset = stream_nesting_above(nesting, query->limitOffset);
	query->limitCount = stream_nesting_above(nesting, query->limitCount);
	query->windowClause = (List *)
		stream_nesting_above(nesting, (Node *) query->windowClause);
	inner->targetList = nesting->targets;
	inner->hasSubLinks = checkExprHasSubLink((Node *) inner);
	/* what is around is further away */
	IncrementVarSublevelsUp((Node *) inner, 1, 1);
	read_inner(query, inner, name);
	return inner;
}

void
stream_nesting_hide(Query *query)
{
	linitial_node(RangeTblEntry, query->rtable)->inFromCl = false;
}

/* So are parts of UNION, which the server names. */
bool
stream_nesting_is_hidden(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_SUBQUERY && !rte->inFromCl &&
		rte->eref->aliasname[0] != '*';
}

int
stream_nesting_position(const List *exprs, const void *expr)
{
	ListCell   *lc;

	foreach(lc, exprs)
		if (equal(lfirst(lc), expr))
			return foreach_current_index(lc);
	return -1;
}

List *
stream_nesting_conditions(Node *quals)
{
	List	   *conditions = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NIL;
	if (!is_andclause(quals))
		return list_make1(quals);
	foreach(lc, ((BoolExpr *) quals)->args)
		conditions = list_concat(conditions,
								 stream_nesting_conditions(lfirst(lc)));
	return conditions;
}
