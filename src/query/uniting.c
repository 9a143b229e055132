/*-------------------------------------------------------------------------
 *
 * uniting.c
 *	  UNION ALL of what operators hand on.
 *
 *		SELECT k, sum(n) FROM (SELECT k, count(*) AS n FROM a GROUP BY k
 *							   UNION ALL SELECT k, x FROM b) u GROUP BY k
 *
 * The UNION ALL is an operator, which passes on the rows of its parts.  A part that
 * aggregates, joins or has first rows is an operator below it; one that just reads a
 * stream stays in the feed, which is the UNION ALL itself, over new rows of streams and
 * what the operators below hand on:
 *
 *		SELECT k, n, sign FROM changes of a's groups UNION ALL SELECT k, x, 1 FROM b
 *
 * So columns are coerced as the server does it.  If rows of some part come and go, all
 * have a sign, which is 1 in the other parts.
 *
 * A row may go from one part and come from another in the same batch.  Whoever takes the
 * rows finds that it is the same: a sum is moved there and back before it is written, of
 * kept rows one goes and one comes, and what is handed on from there is net (netting.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "base/debug.h"
#include "query/joining.h"
#include "query/uniting.h"

/* The name of the first part, if an operator can be made of it; the server's own differ. */
#define UNITED "*united*"

/* ---- shapes ---- */

bool
stream_uniting_is_union_all(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	if (operations == NULL || IsA(operations, RangeTblRef))
		return true;
	return operation->op == SETOP_UNION && operation->all &&
		stream_uniting_is_union_all(operation->larg) &&
		stream_uniting_is_union_all(operation->rarg);
}

static List *
parts_of(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	if (IsA(operations, RangeTblRef))
		return list_make1_int(((RangeTblRef *) operations)->rtindex);
	return list_concat(parts_of(operation->larg), parts_of(operation->rarg));
}

List *
stream_uniting_parts(const Query *query)
{
	return query->setOperations ? parts_of(query->setOperations) : NIL;
}

static RangeTblEntry *
first_part(const Query *query)
{
	return rt_fetch(linitial_int(parts_of(query->setOperations)),
					query->rtable);
}

void
stream_uniting_mark(Query *query)
{
	first_part(query)->eref->aliasname = pstrdup(UNITED);
}

bool
stream_uniting_is_marked(const Query *query)
{
	return query->setOperations &&
		strcmp(first_part(query)->eref->aliasname, UNITED) == 0;
}

/* ---- moving it into a sub-select ---- */

/* A member of FROM that is the sub-select. */
static RangeTblEntry *
member_of(Query *inner)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, inner->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			names = lappend(names,
							makeString(pstrdup(lfirst_node(TargetEntry,
														   lc)->resname)));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = inner;
	rte->eref = makeAlias(STREAM_NESTING_MADE, names);
	rte->alias = makeAlias(STREAM_NESTING_MADE, NIL);
	return rte;
}

/* The columns of the sub-select, as those of a query that reads it. */
static List *
columns_of(const Query *inner)
{
	List	   *tlist = NIL;
	ListCell   *lc;

	foreach(lc, inner->targetList)
	{
		TargetEntry *tle = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));

		if (tle->resjunk)
			continue;
		tle->expr = stream_cut_column(tle->resno, (Node *) tle->expr);
		tle->resorigtbl = InvalidOid;
		tle->resorigcol = 0;
		tlist = lappend(tlist, tle);
	}
	return tlist;
}

/* SELECT all columns FROM the sub-select, in whose place it is. */
static Query *
select_from(Query *inner)
{
	Query	   *query = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->targetList = columns_of(inner);
	query->rtable = list_make1(member_of(inner));
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	return query;
}

/* Moves all but ORDER BY and LIMIT of the query into a sub-select. */
static Query *
move_union(Query *query)
{
	Query	   *inner = copyObject(query);
	Query	   *outer;
	ListCell   *lc;

	inner->sortClause = NIL;
	inner->limitCount = inner->limitOffset = NULL;
	foreach(lc, inner->targetList)
		lfirst_node(TargetEntry, lc)->ressortgroupref = 0;
	outer = select_from(inner);
	query->targetList = columns_of(query);
	query->rtable = outer->rtable;
	query->jointree = outer->jointree;
	query->setOperations = NULL;
	stream_compat_move_permissions(query, inner);
	return inner;
}

bool
stream_uniting_can_wrap(const Query *query)
{
	return query->cteList == NIL || !query->hasSubLinks;
}

void
stream_uniting_wrap(Query *query)
{
	(void) move_union(query);
}

/* Is it UNION, with ALL or without, at all levels? */
static bool
is_union(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	return IsA(operations, RangeTblRef) ||
		(operation->op == SETOP_UNION && is_union(operation->larg) &&
		 is_union(operation->rarg));
}

static void
keep_all(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	if (IsA(operations, RangeTblRef))
		return;
	operation->all = true;
	operation->groupClauses = NIL;
	keep_all(operation->larg);
	keep_all(operation->rarg);
}

bool
stream_uniting_is_distinct(const Query *query)
{
	return query->setOperations && is_union(query->setOperations) &&
		!((SetOperationStmt *) query->setOperations)->all;
}

/* A column of the query that is told apart by, as ORDER BY refers to it. */
static Index
ref_of(List *tlist, TargetEntry *tle)
{
	ListCell   *lc;
	Index		max = 0;

	foreach(lc, tlist)
		max = Max(max, lfirst_node(TargetEntry, lc)->ressortgroupref);
	if (tle->ressortgroupref == 0)
		tle->ressortgroupref = max + 1;
	return tle->ressortgroupref;
}

void
stream_uniting_nest_distinct(Query *query)
{
	SetOperationStmt *operation = (SetOperationStmt *) query->setOperations;
	List	   *clauses = operation->groupClauses;
	Query	   *inner = move_union(query);
	ListCell   *lc;
	ListCell   *lt;

	keep_all(inner->setOperations);
	forboth(lc, clauses, lt, query->targetList)
	{
		SortGroupClause *clause = copyObject(lfirst_node(SortGroupClause, lc));

		clause->tleSortGroupRef = ref_of(query->targetList, lfirst(lt));
		query->distinctClause = lappend(query->distinctClause, clause);
	}
}

/* ---- the operator ---- */

static Expr *
sign_of_new(void)
{
	return (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
							  Int32GetDatum(STREAM_MUTATION("united_signs") ?
											-1 : 1), false, true);
}

static void
add_column(Query *query, Expr *expr, const char *name)
{
	query->targetList = lappend(query->targetList,
								makeTargetEntry(expr,
												list_length(query->targetList) + 1,
												pstrdup(name), false));
}

/* UNION has one column more. */
static void
add_sign_to_union(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	if (IsA(operations, RangeTblRef))
		return;
	operation->colTypes = lappend_oid(operation->colTypes, INT4OID);
	operation->colTypmods = lappend_int(operation->colTypmods, -1);
	operation->colCollations = lappend_oid(operation->colCollations,
										   InvalidOid);
	add_sign_to_union(operation->larg);
	add_sign_to_union(operation->rarg);
}

/* The part that has become an operator, or NULL. */
static StreamCutInput *
find_input(const StreamCut *cut, int rtindex)
{
	ListCell   *lc;

	foreach(lc, cut->below)
		if (((StreamCutInput *) lfirst(lc))->rtindex == rtindex)
			return lfirst(lc);
	return NULL;
}

/* Has what is read of the part a sign? */
static bool
has_sign(const StreamCutInput *input)
{
	return input->cut->signs || (input->changes && !input->cut->final_only);
}

/* What the part is in the feed. */
static void
read_part(const StreamCut *cut, RangeTblEntry *rte, int rtindex)
{
	StreamCutInput *input = find_input(cut, rtindex);

	if (input)
		rte->subquery = input->changes ? copyObject(input->changes) :
			stream_joining_changes(input->cut);
	if (!cut->signs)
		return;
	if (input == NULL)
	{
		IncrementVarSublevelsUp((Node *) rte->subquery, 1, 1);
		rte->subquery = select_from(rte->subquery);
	}
	if (input == NULL || !has_sign(input))
		add_column(rte->subquery, sign_of_new(), "_sign");
	rte->eref->colnames = lappend(rte->eref->colnames, makeString("_sign"));
}

static Query *
make_feed(const StreamCut *cut)
{
	Query	   *feed = copyObject(cut->query);
	ListCell   *lc;

	foreach(lc, stream_uniting_parts(feed))
		read_part(cut, rt_fetch(lfirst_int(lc), feed->rtable), lfirst_int(lc));
	if (!cut->signs)
		return feed;
	add_sign_to_union(feed->setOperations);
	add_column(feed, (Expr *) makeVar(linitial_int(stream_uniting_parts(feed)),
									  list_length(feed->targetList) + 1,
									  INT4OID, -1, InvalidOid, 0), "_sign");
	return feed;
}

void
stream_uniting_cut(StreamCut *cut)
{
	List	   *names = NIL;
	ListCell   *lc;

	cut->kind = STREAM_CUT_ROWS;
	cut->hands_on = true;
	cut->over_changes = false;
	foreach(lc, cut->below)
		cut->signs |= has_sign(lfirst(lc));
	foreach(lc, cut->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		StreamPayload *column = palloc0(sizeof(StreamPayload));

		column->expr = tle->expr;
		column->name = stream_cut_reserve_name(tle->resname, &names);
		cut->payload = lappend(cut->payload, column);
	}
	stream_cut_add_feed_from(cut, make_feed(cut), STREAM_FEED_ROWS);
}

void
stream_uniting_set_window(List *below, StreamWindow *window)
{
	ListCell   *lc;

	foreach(lc, below)
	{
		StreamCut  *cut = ((StreamCutInput *) lfirst(lc))->cut;

		if (cut->kind != STREAM_CUT_ROWS || cut->keeps)
			continue;
		if (cut->query->setOperations)
			cut->window = window;
		stream_uniting_set_window(cut->below, window);
	}
}
