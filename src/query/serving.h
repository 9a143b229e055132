/*-------------------------------------------------------------------------
 *
 * serving.h
 *	  Which conditions of a join an index can serve, other than equalities.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SERVING_H
#define STREAMING_SERVING_H

#include "nodes/primnodes.h"

/* What to write where no index finds the rows of a stream. */
#define STREAM_SERVING_HINT \
	"Have a condition such as a.x = b.y, a.x BETWEEN b.lo AND b.hi, a.x <@ b.range or a.box && b.box, which says what belongs together."

/*
 * The access method (its OID) of an index on the expression that finds its values by
 * the operator, whose left operand it is; or InvalidOid.  Its default operator class has
 * the operator, with the collation.  later: btree finds what is greater.
 */
extern Oid	stream_serving_method(Node *expr, Oid opno, Oid inputcollid,
								  bool *later);

/*
 * Conditions (OpExpr) that are true where this one is, but an index can serve: their
 * left operands are what it finds.
 */
extern List *stream_serving_implied(OpExpr *op);

/* What follows for the first values of a comparison of rows: an OpExpr. */
extern OpExpr *stream_serving_first(RowCompareExpr *row);

/* Can an index find values of either operand by those of the other one? */
extern bool stream_serving_either(OpExpr *op);

#endif
