/*-------------------------------------------------------------------------
 *
 * chains.c
 *	  Joins of several streams in append mode, as chains of joins of two.
 *
 *		SELECT ... FROM a JOIN b ON ... JOIN c ON ... WHERE ...
 *
 * becomes
 *
 *		SELECT ... FROM (SELECT ... FROM a, b WHERE ...) AS q, c WHERE ...
 *
 * for in append mode it matters when a and b have met: the pair finds no c whose key has
 * passed by then, and is late if its event time has (rules J7, D1).  Rows of a and b do
 * not say that, but a row of the sub-select is new in that batch.  So each join has two
 * sides, each with its own late rows, and the watermark that its input has (rule K1).
 *
 * Each condition is where all that it is about is there first.  FROM is joined as it is
 * written; but what no condition connects with what has been joined before waits until one
 * does.
 *
 * Of several EXISTS and NOT EXISTS (semijoin.c), each is tested by what has passed those
 * before it, when that passes.
 *
 * Source: Spark Structured Streaming has stream-stream joins of two sides only, which the
 * planner (ReorderJoin, RewritePredicateSubquery) puts in the order above.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

#include "base/debug.h"
#include "query/analyze.h"
#include "query/nesting.h"
#include "query/chains.h"

/* More streams cannot be joined at once, however that is written. */
#define MAX_MEMBERS 32

/* How many of the members are in that part of FROM? */
static int
count_in(const Bitmapset *members, Node *jtnode)
{
	return bms_num_members(bms_intersect(members,
										 stream_nesting_members(jtnode)));
}

/* ---- FROM as a list ---- */

/* Makes inner joins, from the left, members of a list, and adds their conditions to another. */
static void
spread(Node *jtnode, List **items, List **conditions)
{
	JoinExpr   *join = (JoinExpr *) jtnode;

	check_stack_depth();
	if (!IsA(jtnode, JoinExpr) || join->jointype != JOIN_INNER)
	{
		*items = lappend(*items, jtnode);
		return;
	}
	spread(join->larg, items, conditions);
	*items = lappend(*items, join->rarg);
	*conditions = list_concat(*conditions,
							  stream_nesting_conditions(join->quals));
}

/* Does a condition connect it with what has been joined before? */
static bool
is_connected(const List *conditions, const Bitmapset *before,
			 const Bitmapset *item)
{
	ListCell   *lc;

	foreach(lc, conditions)
	{
		Bitmapset  *of = pull_varnos(NULL, lfirst(lc));

		if (bms_overlap(of, before) && bms_overlap(of, item) &&
			bms_is_subset(of, bms_union(before, item)))
			return true;
	}
	return false;
}

/* The order in which they are joined. */
static List *
in_order(List *items, const List *conditions)
{
	List	   *result = NIL;
	Bitmapset  *before = NULL;

	while (items)
	{
		Node	   *next = linitial(items);
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		foreach(lc, before ? items : NIL)
		{
			Node	   *item = lfirst(lc);

			if (!is_connected(conditions, before,
							  stream_nesting_members(item)))
				continue;
			next = item;
			break;
		}
		before = bms_add_members(before, stream_nesting_members(next));
		result = lappend(result, next);
		items = list_delete_ptr(items, next);
	}
	return result;
}

/* Is it a function, which is called for what is joined? */
static bool
is_function(const Query *query, Node *item)
{
	return IsA(item, RangeTblRef) &&
		rt_fetch(((RangeTblRef *) item)->rtindex, query->rtable)->rtekind ==
		RTE_FUNCTION;
}

/* Is there a sub-select that is after what it refers to? */
static bool
has_lateral(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->lateral && rte->rtekind != RTE_FUNCTION)
			return true;
	}
	return false;
}

/* All but the last of the items with members, as one. */
static List *
join_first(List *items, const Bitmapset *members)
{
	int			last = 0;
	Node	   *first = linitial(items);
	ListCell   *lc;

	foreach(lc, items)
		if (count_in(members, lfirst(lc)) > 0)
			last = foreach_current_index(lc);
	for (int i = 1; i < last; i++)
	{
		JoinExpr   *join = makeNode(JoinExpr);

		join->jointype = JOIN_INNER;
		join->larg = first;
		join->rarg = list_nth(items, i);
		first = (Node *) join;
	}
	return last == 0 ? items :
		lcons(first, list_copy_tail(items, last));
}

/* Writes FROM so that what is joined first is one member of its list. */
static void
write_from(Query *query, const Bitmapset *members)
{
	FromExpr   *from = query->jointree;
	List	   *items = NIL;
	List	   *conditions = NIL;
	List	   *joined = NIL;
	List	   *functions = NIL;
	ListCell   *lc;

	/* what is in parentheses is joined with each other first */
	foreach(lc, from->fromlist)
		if (items == NIL)
			spread(lfirst(lc), &items, &conditions);
		else
			items = lappend(items, lfirst(lc));
	conditions = list_concat(conditions,
							 stream_nesting_conditions(from->quals));
	/* windows that hop gives are not looked through below (eventtime.c) */
	foreach(lc, items)
		if (is_function(query, lfirst(lc)))
			functions = lappend(functions, lfirst(lc));
		else
			joined = lappend(joined, lfirst(lc));
	if (!has_lateral(query))
		joined = in_order(joined, conditions);
	from->fromlist = list_concat(join_first(joined, members), functions);
	from->quals = conditions ? (Node *) make_ands_explicit(conditions) : NULL;
}

/* ---- sub-selects ---- */

/* The part of FROM that is to be a sub-select; NULL: none. */
static Node **
part_to_move(Query *query, const Bitmapset *members)
{
	ListCell   *lc;

	foreach(lc, query->jointree->fromlist)
	{
		Node	  **place = (Node **) &lfirst(lc);
		JoinExpr   *join;

		if (count_in(members, *place) < 2)
			continue;
		if (list_length(query->jointree->fromlist) > 1)
			return place;
		/* all but what is looked up for it */
		for (join = (JoinExpr *) *place; IsA(join, JoinExpr);
			 join = (JoinExpr *) *place)
		{
			if (join->jointype == JOIN_INNER)
				return place;
			place = count_in(members, join->larg) > 0 ? &join->larg :
				&join->rarg;
		}
	}
	return NULL;
}

/* Takes the conditions that are about the part alone. */
static Node *
take_conditions(Query *query, Node *part)
{
	Bitmapset  *members = stream_nesting_members(part);
	List	   *taken = NIL;
	List	   *left = NIL;
	List	   *conditions = stream_nesting_conditions(query->jointree->quals);
	ListCell   *lc;

	foreach(lc, conditions)
	{
		Bitmapset  *of = pull_varnos(NULL, lfirst(lc));

		if (!bms_is_empty(of) && bms_is_subset(of, members) &&
			!contain_volatile_functions(lfirst(lc)))
			taken = lappend(taken, lfirst(lc));
		else
			left = lappend(left, lfirst(lc));
	}
	query->jointree->quals = left ? (Node *) make_ands_explicit(left) : NULL;
	return taken ? (Node *) make_ands_explicit(taken) : NULL;
}

/* Moves a part, which may have more than two members itself. */
static bool
move(Query *query, Node **part, const Bitmapset *members)
{
	Bitmapset  *inside = bms_intersect(members, stream_nesting_members(*part));
	Node	   *all = query->jointree->quals;
	Node	   *conditions = take_conditions(query, *part);
	Query	   *inner;
	List	   *rest = NIL;
	int			member = -1;

	if (!stream_nesting_move_part(query, part, conditions,
								  STREAM_NESTING_MADE))
	{
		query->jointree->quals = all;
		return false;
	}
	while ((member = bms_next_member(inside, member)) >= 0)
		rest = lappend_int(rest, member);
	inner = stream_nesting_compact(query, rest);
	if (list_length(rest) < 3 && stream_analyze_partial_joins(inner) == NIL)
		write_from(inner, NULL);
	stream_chains_nest(inner, rest);
	return true;
}

/* ---- tests ---- */

/* The test that is made before the last one, or NULL. */
static Node **
test_to_move(Query *query)
{
	JoinExpr   *last = linitial(query->jointree->fromlist);

	return IsA(last->larg, JoinExpr) ? &last->larg : NULL;
}

/* Each test but the last becomes a sub-select. */
static void
nest_tests(Query *query)
{
	Node	  **part = test_to_move(query);
	List	   *members;

	if (part == NULL)
		return;
	stream_nesting_flatten_all(query);
	part = test_to_move(query);
	/* what is asked of the first side alone has been asked before */
	if (stream_nesting_move_part(query, part, NULL, STREAM_NESTING_MADE))
	{
		Query	   *inner = stream_nesting_compact(query, NIL);

		members = stream_analyze_members_of_from(inner);
		stream_chains_nest(inner, members);
	}
}

void
stream_chains_nest(Query *query, const List *members)
{
	Bitmapset  *set = NULL;
	List	   *partial = stream_analyze_partial_joins(query);
	Node	  **part;
	ListCell   *lc;

	if (list_length(members) < 3 || list_length(members) > MAX_MEMBERS ||
		query->cteList || query->rowMarks ||
		STREAM_MUTATION("join_chain"))
		return;
	if (partial)
	{
		nest_tests(query);
		return;
	}
	foreach(lc, members)
		set = bms_add_member(set, lfirst_int(lc));
	stream_nesting_flatten_all(query);
	write_from(query, set);
	while ((part = part_to_move(query, set)) != NULL &&
		   move(query, part, set))
		;
}
