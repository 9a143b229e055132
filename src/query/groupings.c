/*-------------------------------------------------------------------------
 *
 * groupings.c
 *	  Grouping sets: which rows of a view belong to which of them.
 *
 * All sets of a query are one operator: its feed keeps the clause, so that the
 * input is read once, and the state table has the groups of all sets.  (Where it has
 * rows below it (keeping.c), these are handed on once for each set instead.)  A key that
 * is not in a row's set is null in the row; what tells it from a null that came
 * with the input is one key more, GROUPING of all the others.  Each bit of it
 * says that an expression is not in the set, so whatever GROUPING the query asks
 * for is computed from it when the view is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_agg.h"

#include "base/debug.h"
#include "base/refuse.h"
#include "query/groupings.h"

/* Operators without a symbol of their own in the server's headers. */
#define Int4AndOperator 1880
#define Int4OrOperator 1881
#define Int4ShiftLeftOperator 1884
#define Int4ShiftRightOperator 1885

/* Each set, as the list of its sortgrouprefs. */
static List *
expand(Query *query)
{
	return expand_grouping_sets(copyObject(query->groupingSets),
								query->groupDistinct, -1);
}

static Bitmapset *
members_of(List *set)
{
	Bitmapset  *members = NULL;
	ListCell   *lc;

	foreach(lc, set)
		members = bms_add_member(members, lfirst_int(lc));
	return members;
}

static bool
has_set_twice(Query *query)
{
	List	   *seen = NIL;
	ListCell   *lc;
	ListCell   *ls;

	foreach(lc, expand(query))
	{
		Bitmapset  *members = members_of(lfirst(lc));

		foreach(ls, seen)
			if (bms_equal(lfirst(ls), members))
				return true;
		seen = lappend(seen, members);
	}
	return false;
}

/*
 * A grouping expression that comes twice is two keys, one of which may be in a set
 * and the other not.  But the text of the definition shows them alike, and what
 * pg_upgrade makes of that is another query.
 */
static bool
has_twins(Query *query)
{
	List	   *targets = (List *) stream_compat_flat(query, query->targetList);
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst(lc), targets);

		if (list_member(seen, expr))
			return true;
		seen = lappend(seen, expr);
	}
	return false;
}

bool
stream_groupings_can_be_told(Query *query)
{
	return query->groupingSets == NIL ||
		(!has_set_twice(query) && !has_twins(query));
}

void
stream_groupings_check(Query *query, const StreamPlace *place)
{
	if (query->groupingSets == NIL)
		return;
	if (has_set_twice(query))
		stream_refuse_in(place, "having a grouping set twice is",
						 linitial(query->groupingSets),
						 "Write GROUP BY DISTINCT, which leaves out the second.");
	if (has_twins(query))
		stream_refuse_in(place,
						 "the same expression twice among the keys of grouping sets is",
						 linitial(query->groupingSets),
						 "Write one of them in another way, such as coalesce(x).");
	if (query->groupClause == NIL)
		query->groupingSets = NIL;
}

bool
stream_groupings_is_empty_set(const GroupingFunc *number, int32 value)
{
	return (uint32) value == (UINT64CONST(1) << list_length(number->refs)) - 1;
}

bool
stream_groupings_has_empty(Query *query)
{
	ListCell   *lc;

	foreach(lc, expand(query))
		if (lfirst(lc) == NIL)
			return true;
	return false;
}

bool
stream_groupings_all_have(Query *query, int n)
{
	ListCell   *lc;
	Index		ref;

	if (query->groupingSets == NIL)
		return true;
	ref = list_nth_node(SortGroupClause, query->groupClause,
						n)->tleSortGroupRef;
	foreach(lc, expand(query))
		if (!list_member_int(lfirst(lc), ref))
			return false;
	return true;
}

GroupingFunc *
stream_groupings_number(Query *query)
{
	GroupingFunc *number;
	ListCell   *lc;

	if (query->groupingSets == NIL)
		return NULL;
	number = makeNode(GroupingFunc);
	number->location = -1;
	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		number->refs = lappend_int(number->refs, clause->tleSortGroupRef);
		number->args =
			lappend(number->args,
					copyObject(get_sortgroupclause_expr(clause,
														query->targetList)));
	}
	return number;
}

static Node *
int4_const(int32 value)
{
	return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
							  Int32GetDatum(value), false, true);
}

Expr *
stream_groupings_number_in_feed(const GroupingFunc *number)
{
	GroupingFunc *result = copyObject((GroupingFunc *) number);
	ListCell   *lc;

	if (STREAM_MUTATION("grouping"))
		return (Expr *) int4_const(0);
	/* they are there for EXPLAIN only */
	foreach(lc, result->args)
		lfirst(lc) = int4_const(foreach_current_index(lc) + 1);
	return (Expr *) result;
}

static Node *
int4_op(Oid operator, Node *left, Node *right)
{
	OpExpr	   *result = (OpExpr *)
		make_opclause(operator, INT4OID, false, (Expr *) left, (Expr *) right,
					  InvalidOid, InvalidOid);

	set_opfuncid(result);
	return (Node *) result;
}

int
stream_groupings_bit(const GroupingFunc *number, Index sortgroupref)
{
	ListCell   *lc;

	foreach(lc, number->refs)
		if (lfirst_int(lc) == sortgroupref)
			return list_length(number->refs) - 1 - foreach_current_index(lc);
	elog(ERROR, "argument of GROUPING not found among the keys");
}

List *
stream_groupings_numbers(Query *query)
{
	GroupingFunc *number = stream_groupings_number(query);
	List	   *numbers = NIL;
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, expand(query))
	{
		int			n = 0;

		foreach(lr, number->refs)
			if (!list_member_int(lfirst(lc), lfirst_int(lr)))
				n |= 1 << stream_groupings_bit(number, lfirst_int(lr));
		numbers = lappend_int(numbers, n);
	}
	return numbers;
}

/* The bit of the number, moved to another place. */
static Node *
moved_bit(Node *column, int from, int to)
{
	Node	   *result = copyObject(column);

	if (from > 0)
		result = int4_op(Int4ShiftRightOperator, result, int4_const(from));
	result = int4_op(Int4AndOperator, result, int4_const(1));
	if (to > 0)
		result = int4_op(Int4ShiftLeftOperator, result, int4_const(to));
	return result;
}

Node *
stream_groupings_compute(const GroupingFunc *call, const GroupingFunc *number,
						 Node *column)
{
	int			to = list_length(call->refs);
	Node	   *result = NULL;
	ListCell   *lc;

	/* there is one set, with everything in it */
	if (number == NULL)
		return int4_const(0);
	if (equal(call->refs, number->refs))
		return column;
	foreach(lc, call->refs)
	{
		Node	   *bit = moved_bit(column,
									stream_groupings_bit(number,
														 lfirst_int(lc)),
									--to);

		result = result ? int4_op(Int4OrOperator, result, bit) : bit;
	}
	return result;
}
