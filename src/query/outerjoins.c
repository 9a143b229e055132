/*-------------------------------------------------------------------------
 *
 * outerjoins.c
 *	  Outer joins of streams beside other members of FROM.
 *
 *		SELECT ... FROM a LEFT JOIN b ON ... LEFT JOIN c ON ... JOIN d ON ...
 *
 * An operator is an outer join of two sides, and nothing else (joining.c).  So each side
 * that is a join itself becomes a sub-select, and so does an outer join that is not all of
 * FROM:
 *
 *		SELECT ... FROM (SELECT ... FROM (SELECT ... FROM a LEFT JOIN b ON ...) AS q
 *			LEFT JOIN c ON ...) AS r JOIN d ON ...
 *
 * What is looked up in a table for rows that may go might be something else by then.  Where
 * it is looked up for the rows that are all kept, that is done before:
 *
 *		a LEFT JOIN b ON ... LEFT JOIN t ON t.k = a.k
 *
 * is the same as
 *
 *		a LEFT JOIN t ON t.k = a.k LEFT JOIN b ON ...
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "query/analyze.h"
#include "query/nesting.h"
#include "query/outerjoins.h"

/* More streams cannot be joined at once, however that is written. */
#define MAX_MEMBERS 32

/* Are streams read in that part of FROM? */
static bool
reads_stream(const Bitmapset *streams, Node *jtnode)
{
	return bms_overlap(stream_nesting_members(jtnode), streams);
}

/* Is it an outer join that makes up rows of streams? */
static bool
joins_streams(const Bitmapset *streams, Node *jtnode)
{
	JoinExpr   *join = (JoinExpr *) jtnode;

	return IsA(jtnode, JoinExpr) && join->jointype != JOIN_INNER &&
		reads_stream(streams, join->larg) &&
		reads_stream(streams, join->rarg);
}

/* Is there such a join in it? */
static bool
has_join(const Bitmapset *streams, Node *jtnode)
{
	return IsA(jtnode, JoinExpr) &&
		(joins_streams(streams, jtnode) ||
		 has_join(streams, ((JoinExpr *) jtnode)->larg) ||
		 has_join(streams, ((JoinExpr *) jtnode)->rarg));
}

/* ---- tables ---- */

/* Does LATERAL in that part of FROM, or a function, refer to any of the members? */
static bool
refers_to(Query *query, Node *jtnode, const Bitmapset *members)
{
	Bitmapset  *part = stream_nesting_members(jtnode);
	int			rtindex = -1;

	while ((rtindex = bms_next_member(part, rtindex)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

		if (rte->lateral &&
			(bms_overlap(pull_varnos_of_level(NULL, (Node *) rte->subquery, 1),
						 members) ||
			 bms_overlap(pull_varnos(NULL, (Node *) rte->functions), members) ||
			 bms_overlap(pull_varnos(NULL, (Node *) rte->tablefunc), members) ||
			 bms_overlap(pull_varnos(NULL, (Node *) rte->values_lists),
						 members)))
			return true;
	}
	return false;
}

/* Looks up in tables first what concerns rows that are all kept. */
static Node *
look_up_first(Query *query, const Bitmapset *streams, Node *jtnode)
{
	JoinExpr   *lookup = (JoinExpr *) jtnode;
	JoinExpr   *join;

	if (!IsA(jtnode, JoinExpr))
		return jtnode;
	CHECK_FOR_INTERRUPTS();
	lookup->larg = look_up_first(query, streams, lookup->larg);
	lookup->rarg = look_up_first(query, streams, lookup->rarg);
	join = (JoinExpr *) lookup->larg;
	if ((lookup->jointype != JOIN_INNER && lookup->jointype != JOIN_LEFT) ||
		reads_stream(streams, lookup->rarg) ||
		!joins_streams(streams, (Node *) join) ||
		join->jointype != JOIN_LEFT ||
		bms_overlap(pull_varnos(NULL, lookup->quals),
					stream_nesting_members(join->rarg)) ||
		refers_to(query, lookup->rarg, stream_nesting_members(join->rarg)))
		return jtnode;
	lookup->larg = join->larg;
	join->larg = look_up_first(query, streams, (Node *) lookup);
	return (Node *) join;
}

/* ---- sub-selects ---- */

/*
 * Do conditions ask tables?  Those of the query are asked when a row of the outer join
 * comes (lookups.c).
 */
static bool
looks_up(Node *quals)
{
	List	   *conditions = stream_nesting_conditions(quals);
	ListCell   *lc;

	foreach(lc, conditions)
		if (checkExprHasSubLink(lfirst(lc)) &&
			!stream_analyze_has_stream(lfirst(lc)))
			return true;
	return false;
}

static Node **part_to_move(const Bitmapset *streams, Node **place, bool alone);

/* The same for a side of an outer join that makes up rows of streams. */
static Node **
side_to_move(const Bitmapset *streams, Node **side)
{
	Node	  **part = part_to_move(streams, side, true);

	return part == NULL && IsA(*side, JoinExpr) ? side : part;
}

/*
 * The first part that has to be a sub-select, with nothing in it that has to be one; NULL:
 * none.  alone: it is all of FROM, or will be.
 */
static Node **
part_to_move(const Bitmapset *streams, Node **place, bool alone)
{
	JoinExpr   *join = (JoinExpr *) *place;
	Node	  **part;

	if (!IsA(join, JoinExpr))
		return NULL;
	if (joins_streams(streams, (Node *) join))
	{
		part = side_to_move(streams, &join->larg);
		if (part == NULL)
			part = side_to_move(streams, &join->rarg);
		return part == NULL && !alone ? place : part;
	}
	part = part_to_move(streams, &join->larg, false);
	return part ? part : part_to_move(streams, &join->rarg, false);
}

/* The same for all of FROM. */
static Node **
find_part(const Bitmapset *streams, Query *query)
{
	List	   *from = query->jointree->fromlist;
	ListCell   *lc;

	foreach(lc, from)
	{
		Node	  **part = part_to_move(streams, (Node **) &lfirst(lc),
										list_length(from) == 1 &&
										!looks_up(query->jointree->quals));

		if (part)
			return part;
	}
	return NULL;
}

/* Has FROM of a query outer joins of one more than two sides, or beside others? */
static bool
needs_nesting(Query *query, const Bitmapset *streams)
{
	ListCell   *lc;

	if (bms_num_members(streams) < 2 || bms_num_members(streams) > MAX_MEMBERS ||
		query->cteList || query->rowMarks ||
		!stream_analyze_joins_rows(query) ||
		(stream_analyze_partial_joins(query) &&
		 !looks_up(query->jointree->quals)))
		return false;
	foreach(lc, query->jointree->fromlist)
		if (has_join(streams, lfirst(lc)))
			return true;
	return false;
}

static Bitmapset *
streams_of(Query *query)
{
	Bitmapset  *streams = NULL;
	ListCell   *lc;
	List	   *members = stream_analyze_members_of_from(query);

	foreach(lc, members)
		streams = bms_add_member(streams, lfirst_int(lc));
	return streams;
}

static void
nest(Query *query)
{
	Bitmapset  *streams = streams_of(query);
	Node	  **part;
	ListCell   *lc;

	if (!needs_nesting(query, streams))
		return;
	stream_nesting_flatten_all(query);
	foreach(lc, query->jointree->fromlist)
		lfirst(lc) = look_up_first(query, streams, lfirst(lc));
	while ((part = find_part(streams, query)) != NULL &&
		   stream_nesting_move_part(query, part, NULL,
									 STREAM_NESTING_MADE))
	{
		(void) stream_nesting_compact(query, NIL);
		streams = streams_of(query);
	}
}

static bool
nest_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, nest_walker, context);
	query_tree_walker((Query *) node, nest_walker, context, 0);
	nest((Query *) node);
	return false;
}

void
stream_outerjoins_nest(Query *query)
{
	(void) nest_walker((Node *) query, NULL);
}
