/*-------------------------------------------------------------------------
 *
 * averages.c
 *	  Averages as sums and counts.
 *
 * avg(x) is sum(x) / count(x), to the last digit: the server's final functions divide
 * just these.  Where it is kept as the two, there is neither a state (an array, for
 * integers and float8) nor a result in the row of a group; both are often there
 * already, for the query asks for them, too; numbers of eight bytes are combined in
 * place; and the division is made by who reads the average, not whenever its group is
 * touched.  He calls the final function itself, of an array of the two.
 *
 * The sum of bigint or numeric needs a state as large as that of the average, so that
 * must be asked for; and so must any sum of rows that come and go, for its state is then
 * an array as well.  The state of float8 serves variances, too, and stays if there are
 * any of the same values.
 *
 * Nothing is computed more often for it that could be dear: arguments and conditions
 * that call functions of users or have sub-selects are what they were, unless one of
 * the two is asked for anyway.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "query/averages.h"

/* An average, and what is the same. */
typedef struct Average
{
	Oid			function;
	Oid			sum;			/* of its arguments */
	Oid			sum_type;
	bool		small;			/* of which the state is the result */
	Oid			quotient;		/* makes the average of both */
} Average;

static const Average averages[] = {
	{F_AVG_INT2, F_SUM_INT2, INT8OID, true, F_INT8_AVG},
	{F_AVG_INT4, F_SUM_INT4, INT8OID, true, F_INT8_AVG},
	{F_AVG_INT8, F_SUM_INT8, NUMERICOID, false, F_NUMERIC_DIV},
	{F_AVG_NUMERIC, F_SUM_NUMERIC, NUMERICOID, false, F_NUMERIC_DIV},
	{F_AVG_FLOAT8, F_SUM_FLOAT8, FLOAT8OID, true, F_FLOAT8_AVG},
};

typedef struct SplitContext
{
	List	   *aggrefs;		/* what the query asks for */
	bool		over_changes;
} SplitContext;

static bool
collect_aggrefs(Node *node, List **aggrefs)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		if (((Aggref *) node)->agglevelsup == 0)
			*aggrefs = lappend(*aggrefs, node);
		return false;
	}
	return expression_tree_walker(node, collect_aggrefs, (void *) aggrefs);
}

/* ---- is it worth it? ---- */

static bool
is_of_user(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* Could it take long to compute? */
static bool
is_dear(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || check_functions_in_node(node, is_of_user, NULL))
		return true;
	return expression_tree_walker(node, is_dear, context);
}

static const Average *
find_average(const Aggref *aggref)
{
	if (aggref->agglevelsup > 0 || aggref->aggdistinct || aggref->aggorder)
		return NULL;
	for (int i = 0; i < lengthof(averages); i++)
		if (averages[i].function == aggref->aggfnoid)
			return &averages[i];
	return NULL;
}

static Oid
transition_of(const Aggref *aggref)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID,
										ObjectIdGetDatum(aggref->aggfnoid));
	Oid			result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	result = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggtransfn;
	ReleaseSysCache(tuple);
	return result;
}

/* Is there something else that needs the state of the average? */
static bool
serves_others(const Aggref *aggref, const SplitContext *context)
{
	ListCell   *lc;

	foreach(lc, context->aggrefs)
	{
		Aggref	   *other = lfirst_node(Aggref, lc);

		if (other->aggfnoid != aggref->aggfnoid &&
			equal(other->args, aggref->args) &&
			equal(other->aggfilter, aggref->aggfilter) &&
			transition_of(other) == transition_of(aggref))
			return true;
	}
	return false;
}

/* ---- splitting ---- */

/* An aggregate of the same rows and values. */
static Aggref *
beside(const Aggref *average, Oid function, Oid type)
{
	Aggref	   *aggref = copyObject((Aggref *) average);

	aggref->aggfnoid = function;
	aggref->aggtype = type;
	aggref->aggcollid = InvalidOid;
	if (function == F_COUNT_ANY && STREAM_MUTATION("average_unfiltered"))
		aggref->aggfilter = NULL;
	return aggref;
}

static Expr *
call(Oid function, Oid type, List *args, CoercionForm form)
{
	return (Expr *) makeFuncExpr(function, type, args, InvalidOid, InvalidOid,
								 form);
}

static Const *
zero(Oid type)
{
	return makeConst(type, -1, InvalidOid, sizeof(int64),
					 type == INT8OID ? Int64GetDatum(0) : Float8GetDatum(0),
					 false, FLOAT8PASSBYVAL);
}

/*
 * The state that the average would have: what its final function looks at.  A sum of
 * float8 begins with its first value, which may be -0, that of an average with 0.
 */
static Expr *
state_of(Aggref *sum, Aggref *count)
{
	ArrayExpr  *array = makeNode(ArrayExpr);
	CoalesceExpr *total = makeNode(CoalesceExpr);

	total->coalescetype = sum->aggtype;
	total->args = list_make2(sum, zero(sum->aggtype));
	total->location = -1;
	array->element_typeid = sum->aggtype;
	array->location = -1;
	if (sum->aggtype == INT8OID)
	{
		array->array_typeid = INT8ARRAYOID;
		array->elements = list_make2(count, total);
		return (Expr *) array;
	}
	array->array_typeid = FLOAT8ARRAYOID;
	array->elements =
		list_make3(call(F_FLOAT8_INT8, FLOAT8OID, list_make1(count),
						COERCE_EXPLICIT_CAST),
				   call(F_FLOAT8PL, FLOAT8OID,
						list_make2(total, zero(FLOAT8OID)),
						COERCE_EXPLICIT_CALL),
				   zero(FLOAT8OID));
	return (Expr *) array;
}

/* Over no values, the sum is null, and so is a division by their count. */
static Expr *
make_quotient(const Average *average, Aggref *sum, Aggref *count)
{
	List	   *args;

	if (average->quotient != F_NUMERIC_DIV)
		args = list_make1(state_of(sum, count));
	else
		args = list_make2(sum, call(F_NUMERIC_INT8, NUMERICOID,
									list_make1(count), COERCE_EXPLICIT_CAST));
	return call(average->quotient, average->sum_type == FLOAT8OID ?
				FLOAT8OID : NUMERICOID, args, COERCE_EXPLICIT_CALL);
}

/* What takes the place of the aggregate, or NULL. */
static Expr *
split(Aggref *aggref, SplitContext *context)
{
	const Average *average = find_average(aggref);
	List	   *parts = list_make2(aggref->args, aggref->aggfilter);
	Aggref	   *sum;
	Aggref	   *count;
	bool		has_sum;

	if (average == NULL || contain_volatile_functions((Node *) parts) ||
		(average->sum_type == FLOAT8OID && serves_others(aggref, context)))
		return NULL;
	sum = beside(aggref, average->sum, average->sum_type);
	count = beside(aggref, F_COUNT_ANY, INT8OID);
	has_sum = list_member(context->aggrefs, sum);
	if (!has_sum && (!average->small || context->over_changes))
		return NULL;
	if (!has_sum && !list_member(context->aggrefs, count) &&
		is_dear((Node *) parts, NULL))
		return NULL;
	return make_quotient(average, sum, count);
}

static Node *
split_mutator(Node *node, SplitContext *context)
{
	Expr	   *quotient;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
	{
		quotient = split((Aggref *) node, context);
		return quotient ? (Node *) quotient : node;
	}
	return expression_tree_mutator(node, split_mutator, (void *) context);
}

void
stream_averages_split(Query *query, bool over_changes)
{
	SplitContext context = {NIL, over_changes};

	(void) collect_aggrefs((Node *) query->targetList, &context.aggrefs);
	(void) collect_aggrefs(query->havingQual, &context.aggrefs);
	query->targetList = (List *)
		split_mutator((Node *) query->targetList, &context);
	query->havingQual = split_mutator(query->havingQual, &context);
}

/* ---- indexes ---- */

bool
stream_averages_is_quotient(Node *expr)
{
	FuncExpr   *quotient = (FuncExpr *) expr;
	FuncExpr   *count;

	if (!IsA(expr, FuncExpr))
		return false;
	if (quotient->funcid == F_INT8_AVG || quotient->funcid == F_FLOAT8_AVG)
		return IsA(linitial(quotient->args), ArrayExpr);
	if (quotient->funcid != F_NUMERIC_DIV)
		return false;
	count = lsecond(quotient->args);
	return IsA(linitial(quotient->args), Var) && IsA(count, FuncExpr) &&
		count->funcid == F_NUMERIC_INT8 && IsA(linitial(count->args), Var);
}
