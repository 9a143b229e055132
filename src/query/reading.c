/*-------------------------------------------------------------------------
 *
 * reading.c
 *	  What is above an operator's aggregation, over its state or its changes.
 *
 * For an operator, it has the same clauses as its query above the aggregation, with
 * each key and each aggregate replaced by a column of the state table.  Over rows of
 * that table which come and go, the same clauses say what is handed on to an operator
 * above.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "state/aggstate.h"
#include "query/analyze.h"
#include "query/transform.h"
#include "query/groupings.h"
#include "query/reading.h"

typedef struct ReadingContext
{
	StreamCut  *cut;
	int			sublevels_up;
	const char *source;
} ReadingContext;

/* The column of the state table that holds the expression, as a Var. */
static Node *
state_column(int attno, Node *expr, int sublevels_up)
{
	return (Node *) makeVar(1, attno, exprType(expr), exprTypmod(expr),
							exprCollation(expr), sublevels_up);
}

/* What GROUPING is, from the column of the state table that tells. */
static Node *
grouping_value(GroupingFunc *call, ReadingContext *context)
{
	StreamCut  *cut = context->cut;
	Node	   *column = NULL;

	if (cut->grouping)
		column = state_column(stream_cut_grouping_key(cut) + 1,
							  (Node *) cut->grouping, context->sublevels_up);
	return stream_groupings_compute(call, cut->grouping, column);
}

/* The state column of a key that equals the node, or NULL. */
static Node *
match_key(Node *node, ReadingContext *context)
{
	ListCell   *lc;

	if (IsA(node, Const))
		return NULL;
	foreach(lc, context->cut->keys)
	{
		Node	   *key = (Node *) ((StreamKey *) lfirst(lc))->expr;

		if (context->sublevels_up > 0)
		{
			/* in a sub-select, only plain columns are found again */
			if (!IsA(key, Var) || !IsA(node, Var))
				continue;
			key = copyObject(key);
			((Var *) key)->varlevelsup = context->sublevels_up;
		}
		if (equal(node, key))
			return state_column(foreach_current_index(lc) + 1, node,
								context->sublevels_up);
	}
	return NULL;
}

/* The state column of a payload expression that equals the node, or NULL. */
static Node *
match_payload(Node *node, ReadingContext *context)
{
	ListCell   *lc;

	foreach(lc, context->cut->payload)
		if (equal(node, ((StreamPayload *) lfirst(lc))->expr))
			return state_column(list_length(context->cut->keys) +
								foreach_current_index(lc) + 1, node, 0);
	return NULL;
}

static Node *
reading_mutator(Node *node, ReadingContext *context)
{
	Node	   *column;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref) &&
		((Aggref *) node)->agglevelsup == context->sublevels_up)
	{
		ListCell   *lc;

		if (context->sublevels_up > 0)
			stream_refuse("an aggregate of the outer query in a sub-select is", node,
						  context->source,
						  "Use an ordinary view over the continuous view for it.");
		foreach(lc, context->cut->aggs)
			if (equal(((StreamAgg *) lfirst(lc))->aggref, node))
				return state_column(list_length(context->cut->keys) +
									foreach_current_index(lc) + 1, node, 0);
		elog(ERROR, "aggregate not found in the cut");
	}
	if (IsA(node, GroupingFunc) &&
		((GroupingFunc *) node)->agglevelsup == context->sublevels_up)
		return grouping_value((GroupingFunc *) node, context);
	if (context->sublevels_up == 0 && context->cut->payload)
	{
		column = match_payload(node, context);
		if (column)
			return column;
	}
	if (context->sublevels_up == 0 || IsA(node, Var))
	{
		column = match_key(node, context);
		if (column)
			return column;
	}
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == context->sublevels_up)
		stream_refuse("a column that is not in GROUP BY is", node, context->source,
					  "Add the column to GROUP BY.");
	if (IsA(node, Query))
	{
		Query	   *result;

		context->sublevels_up++;
		result = query_tree_mutator((Query *) node, reading_mutator, context,
									0);
		context->sublevels_up--;
		return (Node *) result;
	}
	return expression_tree_mutator(node, reading_mutator, context);
}

/* Is the target entry needed for another clause than GROUP BY? */
static bool
is_sorted_by(Query *query, TargetEntry *tle)
{
	ListCell   *lc;

	if (get_sortgroupref_clause_noerr(tle->ressortgroupref,
									  query->sortClause) ||
		get_sortgroupref_clause_noerr(tle->ressortgroupref,
									  query->distinctClause))
		return true;
	foreach(lc, query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		if (get_sortgroupref_clause_noerr(tle->ressortgroupref,
										  window->partitionClause) ||
			get_sortgroupref_clause_noerr(tle->ressortgroupref,
										  window->orderClause))
			return true;
	}
	return false;
}

/*
 * With grouping sets, an output column that is a key is null in those where it is
 * not, even if it is a constant.  (In an expression, a constant stays one.)
 */
static Node *
match_output(TargetEntry *tle, ReadingContext *context)
{
	ListCell   *lc;

	if (context->cut->grouping == NULL || tle->ressortgroupref == 0)
		return NULL;
	foreach(lc, context->cut->keys)
		if (((StreamKey *) lfirst(lc))->sortgroupref == tle->ressortgroupref)
			return state_column(foreach_current_index(lc) + 1,
								(Node *) tle->expr, 0);
	return NULL;
}

/* The output columns, and the hidden ones that a clause above needs. */
static List *
reading_targetlist(Query *query, ReadingContext *context)
{
	List	   *tlist = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *key;

		if (tle->resjunk && !is_sorted_by(query, tle))
			continue;
		key = match_output(tle, context);
		tle = flatCopyTargetEntry(tle);
		tle->expr = (Expr *) (key ? key :
							  reading_mutator((Node *) tle->expr, context));
		tle->resno = list_length(tlist) + 1;
		tle->resorigtbl = InvalidOid;
		tle->resorigcol = 0;
		tlist = lappend(tlist, tle);
	}
	return tlist;
}

/* Has the query read a state table, as relation 1. */
static void
read_state(Query *query, Relation state)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *nsitem =
		addRangeTableEntryForRelation(pstate, state, AccessShareLock, NULL,
									  false, true);

	query->rtable = list_make1(nsitem->p_rte);
	stream_compat_set_permissions(query, pstate);
	for (int i = 1; i <= RelationGetNumberOfAttributes(state); i++)
		stream_compat_note_selected(query, nsitem->p_rte, i);
}

/* Has it read the operator's changes instead, and hand on their sign. */
static void
read_changes(Query *query, StreamCut *cut)
{
	StreamFeedInput input = {cut, false};
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	ParseState *pstate pg_attribute_unused() = make_parsestate(NULL);
	List	   *names = NIL;
	int			n;
	ListCell   *lc;

	stream_cut_read(rte, &input);
	n = list_length(rte->coltypes);
	for (int i = 1; i <= n; i++)
		names = lappend(names, makeString(psprintf("column%d", i)));
	rte->eref = makeAlias("changes", names);
	rte->inFromCl = true;
	query->rtable = list_make1(rte);
	stream_compat_set_permissions(query, pstate);

	/* in no order, so that nothing hidden comes before the sign */
	query->sortClause = query->windowClause = NIL;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		tle->ressortgroupref = 0;
		if (tle->resjunk)
			query->targetList = foreach_delete_current(query->targetList, lc);
	}
	query->targetList =
		lappend(query->targetList,
				makeTargetEntry((Expr *) makeVar(1, n, INT4OID, -1, InvalidOid,
												 0),
								list_length(query->targetList) + 1, "_sign",
								false));
}

/* The columns and clauses of a query that are above its cut. */
static Query *
above_cut(StreamCut *cut, const char *source)
{
	ReadingContext context = {cut, 0, source};
	Query	   *query = copyObject(cut->query);

	query->targetList = reading_targetlist(query, &context);
	query->havingQual = reading_mutator(query->havingQual, &context);
	query->limitOffset = reading_mutator(query->limitOffset, &context);
	query->limitCount = reading_mutator(query->limitCount, &context);
	query->windowClause = (List *)
		reading_mutator((Node *) query->windowClause, &context);
	return query;
}

/* The clauses of an operator's query that are above its aggregation. */
static Query *
clauses_above(StreamCut *cut, const char *source)
{
	Query	   *query = cut->kind == STREAM_CUT_TRANSFORM ?
		stream_transform_reading(cut) : above_cut(cut, source);
	Node	   *having = query->havingQual;
	RangeTblRef *rtr = makeNode(RangeTblRef);
	Node	   *hidden;

	hidden = stream_analyze_hidden_stream(list_make4(query->targetList, having,
													 query->limitOffset,
													 query->limitCount));
	if (hidden)
		stream_refuse_in(&cut->place,
						 "reading a stream in a sub-select of an expression is",
						 hidden, "Name the stream in FROM.");
	rtr->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(rtr), having);
	query->groupClause = NIL;
	query->groupingSets = NIL;
	query->groupDistinct = false;
	query->havingQual = NULL;
	query->hasAggs = false;
	if (cut->kind == STREAM_CUT_DISTINCT)
		query->hasDistinctOn = false;
	query->hasTargetSRFs = expression_returns_set((Node *) query->targetList);
	query->hasSubLinks = checkExprHasSubLink((Node *) query->targetList) ||
		checkExprHasSubLink(having) ||
		checkExprHasSubLink((Node *) query->windowClause) ||
		checkExprHasSubLink(query->limitOffset) ||
		checkExprHasSubLink(query->limitCount);
	if (!query->hasSubLinks)
	{
		query->cteList = NIL;
		query->hasRecursive = false;
	}
	return query;
}

Query *
stream_reading_of_changes(StreamCut *cut)
{
	Query	   *query = clauses_above(cut, NULL);

	read_changes(query, cut);
	return query;
}

Query *
stream_reading_of_cut(StreamCut *cut, Oid stateid, bool final_only,
					  const char *source)
{
	Query	   *query = clauses_above(cut, source);
	Relation	state = table_open(stateid, NoLock);

	read_state(query, state);
	if (final_only && stream_cut_has_groups(cut))
	{
		query->jointree->quals =
			make_and_qual(query->jointree->quals,
						  stream_closing_is_closed(cut->window,
												   !RelationIsPermanent(state)));
		query->hasSubLinks = true;
	}
	table_close(state, NoLock);
	return query;
}
