/*-------------------------------------------------------------------------
 *
 * pasting.c
 *	  Ordinary views in FROM whose queries need operators.
 *
 *		CREATE VIEW per_k AS SELECT k, count(*) FROM s GROUP BY k;
 *		CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
 *			SELECT ... FROM per_k JOIN r ...
 *
 * An ordinary view that only filters and computes is looked through when a feed is
 * planned, and may be replaced.  One that aggregates or joins streams becomes operators,
 * whose states are about that query and no other.  So its query is taken when the
 * continuous view is created, as if it were written there, and kept in the definition:
 * what becomes of the ordinary view later does not matter.
 *
 * From then on it is the owner of the continuous view who reads what is in it.  So it must
 * have been him before: the ordinary view must be his own, whether it has security_invoker
 * or not, and no security barrier, for what is behind one is not to be taken apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/owner.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/uniting.h"
#include "query/pasting.h"

static bool needs_operators(Query *query, const List *within);

/* Is it an ordinary view in FROM that reads streams, and none of those it is named by? */
static bool
is_view(RangeTblEntry *rte, const List *within)
{
	return rte->rtekind == RTE_RELATION && rte->inFromCl &&
		rte->relkind == RELKIND_VIEW &&
		!list_member_oid(within, rte->relid) &&
		stream_catalog_view(rte->relid) == NULL &&
		stream_analyze_names_stream(rte);
}

/* The query of a view, without the view itself, which is in its range table before 16. */
static Query *
query_of_view(Relation view)
{
	Query	   *query = copyObject(get_view_query(view));

	while (query->rtable != NIL)
	{
		RangeTblEntry *rte = linitial_node(RangeTblEntry, query->rtable);

		if (rte->rtekind != RTE_RELATION || rte->inFromCl ||
			rte->relid != RelationGetRelid(view))
			break;
		OffsetVarNodes((Node *) query, -1, 0);
		query->rtable = list_delete_first(query->rtable);
	}
	AcquireRewriteLocks(query, true, false);
	return query;
}

static bool
view_needs_operators(Oid relid, const List *within)
{
	Relation	view = table_open(relid, AccessShareLock);
	Query	   *query = query_of_view(view);

	table_close(view, NoLock);
	stream_analyze_inline_with(query);
	return needs_operators(query, lappend_oid(list_copy(within), relid));
}

/* Does it more than to read a stream row by row? */
static bool
needs_operators(Query *query, const List *within)
{
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (query->hasAggs || query->groupClause || query->groupingSets ||
		query->havingQual || query->distinctClause || query->hasWindowFuncs ||
		query->limitCount || query->limitOffset ||
		!stream_uniting_is_union_all(query->setOperations) ||
		list_length(stream_analyze_members_of_from(query)) > 1 ||
		stream_analyze_hidden_stream(query))
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY ?
			stream_analyze_has_stream(rte->subquery) &&
			needs_operators(rte->subquery, within) :
			is_view(rte, within) && view_needs_operators(rte->relid, within))
			return true;
	}
	return false;
}

/* ---- putting it there ---- */

typedef struct WholeRow
{
	int			rtindex;
	int			sublevels_up;
} WholeRow;

static bool
whole_row_walker(Node *node, WholeRow *row)
{
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno == row->rtindex &&
			((Var *) node)->varattno == 0 &&
			((Var *) node)->varlevelsup == row->sublevels_up;
	if (!IsA(node, Query))
		return expression_tree_walker(node, whole_row_walker, row);
	row->sublevels_up++;
	result = query_tree_walker((Query *) node, whole_row_walker, row, 0);
	row->sublevels_up--;
	return result;
}

static bool
has_whole_row(Query *query, int rtindex)
{
	WholeRow	row = {rtindex, 0};

	return query_tree_walker(query, whole_row_walker, &row, 0);
}

static void
check_view(Query *query, int rtindex, Relation view, const StreamPlace *place)
{
	if (stream_owner_of(RelationGetRelid(view)) != GetUserId())
		stream_refuse_clause(place, STREAM_CLAUSE_ANY,
							 "an ordinary view of another role that aggregates or joins streams is",
							 "Write its query as a sub-select, or have its owner create a continuous view.");
	if (RelationIsSecurityView(view))
		stream_refuse_clause(place, STREAM_CLAUSE_ANY,
							 "a security_barrier view that aggregates or joins streams is",
							 "Create a continuous view of its query, and read that.");
	if (has_whole_row(query, rtindex))
		stream_refuse_clause(place, STREAM_CLAUSE_ANY,
							 "the whole row of an ordinary view that aggregates or joins streams is",
							 "Name its columns one by one.");
}

/* The member of FROM becomes a sub-select, which has the columns under the same names. */
static void
paste_view(Query *query, int rtindex, const StreamPlace *place)
{
	RangeTblEntry *rte = list_nth_node(RangeTblEntry, query->rtable,
									   rtindex - 1);
	Relation	view = table_open(rte->relid, AccessShareLock);

	check_view(query, rtindex, view, place);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query_of_view(view);
	rte->alias = makeAlias(rte->eref->aliasname,
						   copyObject(rte->eref->colnames));
	rte->inh = false;
	rte->relid = InvalidOid;
	rte->relkind = '\0';
	rte->rellockmode = NoLock;
	stream_compat_forget_permissions(rte);
	table_close(view, NoLock);
}

typedef struct Pasting
{
	StreamPlace place;
	List	   *within;			/* OIDs of views that what is at hand comes out of */
} Pasting;

static void paste(Query *query, Pasting *pasting);

/* Sub-selects of expressions and WITH are where the query around them is. */
static bool
paste_walker(Node *node, Pasting *pasting)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, paste_walker, pasting);
	paste((Query *) node, pasting);
	return false;
}

static void
paste_member(Query *query, int rtindex, const Pasting *outer)
{
	RangeTblEntry *rte = list_nth_node(RangeTblEntry, query->rtable,
									   rtindex - 1);
	Pasting		pasting = *outer;

	pasting.place = stream_locate_member(&outer->place, query, rtindex);
	if (is_view(rte, pasting.within) &&
		view_needs_operators(rte->relid, pasting.within))
	{
		pasting.within = lappend_oid(list_copy(pasting.within), rte->relid);
		paste_view(query, rtindex, &pasting.place);
	}
	if (rte->rtekind == RTE_SUBQUERY)
		paste(rte->subquery, &pasting);
}

static void
paste(Query *query, Pasting *pasting)
{
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	for (int i = 1; i <= list_length(query->rtable); i++)
		paste_member(query, i, pasting);
	(void) query_tree_walker(query, paste_walker, pasting,
							 QTW_IGNORE_RT_SUBQUERIES);
}

Query *
stream_pasting_expand(const Query *query, const StreamPlace *place)
{
	Query	   *result = copyObject((Query *) query);
	Pasting		pasting = {*place, NIL};

	paste(result, &pasting);
	return result;
}
