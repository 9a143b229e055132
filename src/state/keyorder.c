/*-------------------------------------------------------------------------
 *
 * keyorder.c
 *	  Rows in memory, in about the order of the index on their keys.
 *
 * Who goes through an index in its order goes leaf by leaf.  It is for speed only, so it
 * need not be that order in all: texts are compared fast, by their bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

#include "state/keyorder.h"

struct StreamKeyOrder
{
	int			nkeys;
	SortSupport keys;
	TupleDesc	desc;			/* of what is being sorted */
};

StreamKeyOrder *
stream_keyorder_create(TupleDesc keydesc, const Oid *collations)
{
	StreamKeyOrder *order = palloc(sizeof(StreamKeyOrder));

	order->nkeys = keydesc->natts;
	order->keys = palloc0(sizeof(SortSupportData) * keydesc->natts);
	for (int i = 0; i < keydesc->natts; i++)
	{
		Oid			type = TupleDescAttr(keydesc, i)->atttypid;
		Oid			before = lookup_type_cache(type, TYPECACHE_LT_OPR)->lt_opr;

		if (!OidIsValid(before))
			return NULL;
		order->keys[i].ssup_cxt = CurrentMemoryContext;
		order->keys[i].ssup_collation = OidIsValid(collations[i]) ?
			C_COLLATION_OID : InvalidOid;
		order->keys[i].ssup_attno = i + 1;
		PrepareSortSupportFromOrderingOp(before, &order->keys[i]);
	}
	return order;
}

StreamKeyed
stream_keyorder_element(HeapTuple tuple, TupleDesc desc)
{
	StreamKeyed element = {.tuple = tuple};

	element.key = heap_getattr(tuple, 1, desc, &element.isnull);
	return element;
}

static int
compare(const void *left, const void *right, void *arg)
{
	const StreamKeyed *a = left;
	const StreamKeyed *b = right;
	StreamKeyOrder *order = arg;
	int			result = ApplySortComparator(a->key, a->isnull,
											 b->key, b->isnull, order->keys);

	/* there are orders for which sorting takes long */
	CHECK_FOR_INTERRUPTS();
	for (int i = 1; result == 0 && i < order->nkeys; i++)
	{
		bool		anull;
		bool		bnull;
		Datum		akey = heap_getattr(a->tuple, i + 1, order->desc, &anull);
		Datum		bkey = heap_getattr(b->tuple, i + 1, order->desc, &bnull);

		result = ApplySortComparator(akey, anull, bkey, bnull,
									 &order->keys[i]);
	}
	return result;
}

void
stream_keyorder_sort(StreamKeyOrder *order, void *elements, int n, Size size,
					 TupleDesc desc)
{
	if (order == NULL)
		return;
	order->desc = desc;
	qsort_arg(elements, n, size, compare, order);
}
