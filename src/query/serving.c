/*-------------------------------------------------------------------------
 *
 * serving.c
 *	  Which conditions of a join an index can serve, other than equalities.
 *
 *		a.x BETWEEN b.lo AND b.hi		a.addr <<= b.net		a.area && b.area
 *
 * New rows of a look up those of b in an index on what the condition compares, and new
 * rows of b those of a.  So its operator must be one by which an index is searched, and
 * so must be its commutator: those of the default operator classes of btree, GiST and
 * SP-GiST are.
 *
 * No index finds points by a range that contains them: in
 *
 *		a.x <@ b.range
 *
 * x is then also between the bounds of the range, which btree serves.  In the same way
 * a box that contains a point contains the box that is no larger than that.  Of rows that are
 * compared, (a.x, a.y) < (b.x, b.y), the first values are so, or equal.  What is implied need
 * not be exact, for the condition itself stays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "query/analyze.h"
#include "query/serving.h"

/* No value of the type is before the first, or after the last one. */
typedef struct Limits
{
	Oid			type;
	const char *first;
	const char *last;
} Limits;

static const Limits limits[] = {
	{INT4OID, "-2147483648", "2147483647"},
	{INT8OID, "-9223372036854775808", "9223372036854775807"},
	{FLOAT8OID, "-infinity", "NaN"},
	{NUMERICOID, "-infinity", "NaN"},
	{DATEOID, "-infinity", "infinity"},
	{TIMESTAMPOID, "-infinity", "infinity"},
	{TIMESTAMPTZOID, "-infinity", "infinity"},
};

Oid
stream_serving_method(Node *expr, Oid opno, Oid inputcollid, bool *later)
{
	static const Oid methods[] = {BTREE_AM_OID, GIST_AM_OID, SPGIST_AM_OID};
	Oid			type = exprType(expr);
	Oid			collation = exprCollation(expr);

	if (OidIsValid(collation) && collation != inputcollid)
		return InvalidOid;
	for (int i = 0; i < lengthof(methods); i++)
	{
		Oid			opclass = GetDefaultOpClass(type, methods[i]);
		int			strategy = OidIsValid(opclass) ?
			get_op_opfamily_strategy(opno, get_opclass_family(opclass)) : 0;

		*later = strategy == BTGreaterStrategyNumber ||
			strategy == BTGreaterEqualStrategyNumber;
		if (strategy != InvalidStrategy &&
			(methods[i] != BTREE_AM_OID || stream_analyze_has_order(type)))
			return methods[i];
	}
	return InvalidOid;
}

/* ---- what contains something ---- */

static Expr *
constant_of(Oid type, const char *text)
{
	Oid			input;
	Oid			ioparam;
	int16		length;
	bool		byval;

	getTypeInputInfo(type, &input, &ioparam);
	get_typlenbyval(type, &length, &byval);
	return (Expr *) makeConst(type, -1, InvalidOid, length,
							  OidInputFunctionCall(input, pstrdup(text),
												   ioparam, -1), false, byval);
}

/* coalesce(lower(range), first value), or the same of its upper bound */
static Expr *
make_bound(Oid function, Expr *range, Oid type, const char *otherwise)
{
	CoalesceExpr *result = makeNode(CoalesceExpr);
	FuncExpr   *call = makeFuncExpr(function, type,
									list_make1(copyObject(range)), InvalidOid,
									InvalidOid, COERCE_EXPLICIT_CALL);

	result->coalescetype = type;
	result->args = list_make2(call, constant_of(type, otherwise));
	result->location = -1;
	return (Expr *) result;
}

/* element >= first and element <= last of a range, or a multirange */
static List *
between_bounds(Expr *element, Expr *container, Oid lower, Oid upper)
{
	Oid			type = exprType((Node *) element);
	Oid			rangetype = exprType((Node *) container);
	TypeCacheEntry *range;
	Oid			opclass = GetDefaultOpClass(type, BTREE_AM_OID);
	const Limits *ends = NULL;
	Oid			family;

	if (type_is_multirange(rangetype))
		rangetype = get_multirange_range(rangetype);
	range = lookup_type_cache(rangetype, TYPECACHE_RANGE_INFO);
	for (int i = 0; i < lengthof(limits); i++)
		if (limits[i].type == type)
			ends = &limits[i];
	if (ends == NULL || range->rngelemtype == NULL ||
		range->rngelemtype->type_id != type || !OidIsValid(opclass))
		return NIL;
	/* a range may have an order of its own */
	family = get_opclass_family(opclass);
	if (range->rng_cmp_proc_finfo.fn_oid !=
		get_opfamily_proc(family, type, type, BTORDER_PROC))
		return NIL;
	if (STREAM_MUTATION("join_implied"))
		upper = lower;
	return list_make2(make_opclause(get_opfamily_member(family, type, type,
														BTGreaterEqualStrategyNumber),
									BOOLOID, false, copyObject(element),
									make_bound(lower, container, type,
											   ends->first),
									InvalidOid, InvalidOid),
					  make_opclause(get_opfamily_member(family, type, type,
														BTLessEqualStrategyNumber),
									BOOLOID, false, copyObject(element),
									make_bound(upper, container, type,
											   ends->last),
									InvalidOid, InvalidOid));
}

/* box @> box(point) */
static List *
contains_box(Expr *point, Expr *box)
{
	Oid			opno = OpernameGetOprid(list_make2(makeString("pg_catalog"),
												   makeString("@>")),
										BOXOID, BOXOID);
	FuncExpr   *call = makeFuncExpr(F_BOX_POINT, BOXOID,
									list_make1(copyObject(point)), InvalidOid,
									InvalidOid, COERCE_EXPLICIT_CALL);

	return list_make1(make_opclause(opno, BOOLOID, false, copyObject(box),
									(Expr *) call, InvalidOid, InvalidOid));
}

List *
stream_serving_implied(OpExpr *op)
{
	Expr	   *left = linitial(op->args);
	Expr	   *right = lsecond(op->args);

	set_opfuncid(op);
	switch (op->opfuncid)
	{
		case F_ELEM_CONTAINED_BY_RANGE:
			return between_bounds(left, right, F_LOWER_ANYRANGE,
								  F_UPPER_ANYRANGE);
		case F_RANGE_CONTAINS_ELEM:
			return between_bounds(right, left, F_LOWER_ANYRANGE,
								  F_UPPER_ANYRANGE);
		case F_ELEM_CONTAINED_BY_MULTIRANGE:
			return between_bounds(left, right, F_LOWER_ANYMULTIRANGE,
								  F_UPPER_ANYMULTIRANGE);
		case F_MULTIRANGE_CONTAINS_ELEM:
			return between_bounds(right, left, F_LOWER_ANYMULTIRANGE,
								  F_UPPER_ANYMULTIRANGE);
		case F_ON_PB:
			return contains_box(left, right);
		case F_BOX_CONTAIN_PT:
			return contains_box(right, left);
		default:
			return NIL;
	}
}

OpExpr *
stream_serving_first(RowCompareExpr *row)
{
	Node	   *left = linitial(row->largs);
	Node	   *right = linitial(row->rargs);
	Oid			family = linitial_oid(row->opfamilies);
	Oid			lefttype;
	Oid			righttype;
	int			strategy;

	/* (operands may be of types that are only read as those of the operator) */
	get_op_opfamily_properties(linitial_oid(row->opnos), family, false,
							   &strategy, &lefttype, &righttype);
	strategy = strategy <= BTLessEqualStrategyNumber &&
		!STREAM_MUTATION("join_implied") ?
		BTLessEqualStrategyNumber : BTGreaterEqualStrategyNumber;
	return (OpExpr *)
		make_opclause(get_opfamily_member(family, lefttype, righttype,
										  strategy),
					  BOOLOID, false, (Expr *) copyObject(left),
					  (Expr *) copyObject(right),
					  InvalidOid, linitial_oid(row->inputcollids));
}

bool
stream_serving_either(OpExpr *op)
{
	Oid			commutator = get_commutator(op->opno);
	bool		later;

	return OidIsValid(stream_serving_method(linitial(op->args), op->opno,
											op->inputcollid, &later)) ||
		(OidIsValid(commutator) &&
		 OidIsValid(stream_serving_method(lsecond(op->args), commutator,
										  op->inputcollid, &later)));
}
