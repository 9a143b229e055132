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
#include "base/locate.h"
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
	inner->querySource = query->querySource;
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

/* ---- a part of FROM ---- */

void
stream_nesting_flatten_all(Query *query)
{
	ListCell   *lc;

	stream_nesting_flatten(query);
#define FLATTEN(field) \
	((field) = (void *) stream_compat_flatten_join_alias_vars(NULL, query, \
															  (Node *) (field)))
	FLATTEN(query->jointree);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		FLATTEN(rte->functions);
		FLATTEN(rte->tablefunc);
		FLATTEN(rte->values_lists);
		if (rte->rtekind == RTE_SUBQUERY)
			FLATTEN(rte->subquery);
	}
#undef FLATTEN
	foreach(lc, query->rtable)
		lfirst_node(RangeTblEntry, lc)->joinaliasvars = NIL;
}

typedef struct Part
{
	Bitmapset  *members;		/* joins among them */
	int			rtindex;		/* of the sub-select */
	List	   *exprs;			/* its columns */
	int			sublevels_up;
} Part;

Bitmapset *
stream_nesting_members(Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;

	if (IsA(jtnode, RangeTblRef))
		return bms_make_singleton(((RangeTblRef *) jtnode)->rtindex);
	return bms_add_member(bms_join(stream_nesting_members(join->larg),
								   stream_nesting_members(join->rarg)),
						  join->rtindex);
}

/* What refers to members of the part refers to the columns of the sub-select. */
static Node *
part_mutator(Node *node, Part *part)
{
	Var		   *var = (Var *) node;
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && var->varlevelsup == part->sublevels_up &&
		bms_is_member(var->varno, part->members))
	{
		Var		   *inner = copyObject(var);
		Var		   *outer;
		int			position;

		inner->varlevelsup = 0;
		outer = (Var *) makeVar(part->rtindex, 0, var->vartype, var->vartypmod,
								var->varcollid, part->sublevels_up);
		stream_compat_part_nulling(inner, outer, part->members);
		position = stream_nesting_position(part->exprs, inner);
		if (position < 0)
		{
			position = list_length(part->exprs);
			part->exprs = lappend(part->exprs, inner);
		}
		outer->varattno = outer->varattnosyn = position + 1;
		return (Node *) outer;
	}
	if (IsA(node, Query))
	{
		part->sublevels_up++;
		result = (Node *) query_tree_mutator((Query *) node, part_mutator,
											 part, 0);
		part->sublevels_up--;
		return result;
	}
	return expression_tree_mutator(node, part_mutator, part);
}

/* What is at a place in the range table that is no member of FROM any more. */
static RangeTblEntry *
nothing(const RangeTblEntry *moved)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias("*RESULT*", NIL);
	rte->enrtuples = stream_locate_count(moved);
	return rte;
}

/* Shares the members of the range table between the query and the sub-select. */
static void
share_members(Query *query, Query *inner, const Bitmapset *moved)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (!bms_is_member(foreach_current_index(lc) + 1, moved))
		{
			inner->rtable = lappend(inner->rtable, nothing(rte));
			continue;
		}
		stream_compat_take_permissions(query, inner, rte);
		inner->rtable = lappend(inner->rtable, rte);
		lfirst(lc) = nothing(rte);
	}
}

/* Adds the sub-select, which has no columns yet. */
static RangeTblEntry *
add_inner(Query *query, Query *inner, const char *name)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = inner;
	rte->eref = makeAlias(name, NIL);
	rte->alias = makeAlias(name, NIL);
	query->rtable = lappend(query->rtable, rte);
	return rte;
}

bool
stream_nesting_move_part(Query *query, Node **place, Node *quals,
						 const char *name)
{
	Query	   *inner = makeNode(Query);
	Part		part = {
		stream_nesting_members(*place), list_length(query->rtable) + 1
	};
	Query	   *above = copyObject(query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	RangeTblEntry *rte;
	ListCell   *lc;

	inner->commandType = CMD_SELECT;
	inner->canSetTag = true;
	inner->jointree = makeFromExpr(list_make1(*place), quals);
	share_members(query, inner, part.members);
	if (!bms_is_subset(pull_varnos(NULL, (Node *) inner), part.members))
	{
		*query = *above;
		return false;
	}
	ref->rtindex = part.rtindex;
	*place = (Node *) ref;
	above = query_tree_mutator(query, part_mutator, &part, 0);
	*query = *above;
	rte = add_inner(query, inner, name);
	foreach(lc, part.exprs)
	{
		int			n = foreach_current_index(lc) + 1;
		char	   *column = psprintf("column%d", n);

		inner->targetList =
			lappend(inner->targetList,
					makeTargetEntry(lfirst(lc), n, column, false));
		rte->eref->colnames = lappend(rte->eref->colnames,
									  makeString(column));
	}
	/* what is around is further away */
	IncrementVarSublevelsUp((Node *) inner, 1, 1);
	inner->hasSubLinks = query->hasSubLinks &&
		checkExprHasSubLink((Node *) inner);
	query->hasSubLinks &= checkExprHasSubLink((Node *) query);
	return true;
}

Query *
stream_nesting_compact(Query *query, List *members)
{
	Query	   *inner = llast_node(RangeTblEntry, query->rtable)->subquery;
	List	   *rtable = NIL;
	RangeTblEntry *skipped = NULL;
	ListCell   *lc;
	ListCell   *lm;

	foreach(lc, inner->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		int			before = foreach_current_index(lc) + 1;
		int			now;

		if (rte->rtekind == RTE_RESULT)
		{
			if (skipped)
				rte->enrtuples += skipped->enrtuples;
			skipped = rte;
			continue;
		}
		if (skipped && skipped->enrtuples > 0)
			rtable = lappend(rtable, skipped);
		skipped = NULL;
		rtable = lappend(rtable, rte);
		now = list_length(rtable);
		if (now == before)
			continue;
		ChangeVarNodes((Node *) inner, before, now, 0);
		foreach(lm, members)
			if (lfirst_int(lm) == before)
				lfirst_int(lm) = now;
	}
	inner->rtable = rtable;
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

bool
stream_nesting_has_sublink(Query *query)
{
	return checkExprHasSubLink((Node *) query->targetList) ||
		checkExprHasSubLink(query->havingQual) ||
		checkExprHasSubLink((Node *) query->windowClause) ||
		checkExprHasSubLink(query->limitOffset) ||
		checkExprHasSubLink(query->limitCount);
}

Query *
stream_nesting_wrap(StreamNesting *nesting, Query *query)
{
	Query	   *inner = stream_nesting_move(nesting, query, STREAM_NESTING_MADE);

	stream_nesting_hide(query);
	/* (what says that there are some must never be false wrongly) */
	query->hasSubLinks = stream_nesting_has_sublink(query);
	return inner;
}
