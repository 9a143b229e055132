/*-------------------------------------------------------------------------
 *
 * rowimage.c
 *	  Are two rows the same, to the byte?
 *
 * A row that goes is to be found among those that have come, of whatever types its
 * columns are, also of such as have no equality.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "state/rowimage.h"

uint32
stream_rowimage_hash(TupleDesc desc, TupleTableSlot *row)
{
	uint32		hash = 0;

	slot_getsomeattrs(row, desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (type_is_rowtype(attr->atttypid))
			continue;
		hash = hash_combine(hash, row->tts_isnull[i] ? 0 :
							datum_image_hash(row->tts_values[i],
											 attr->attbyval, attr->attlen));
	}
	return hash;
}

/*
 * Values of a composite type are the same if their fields are: the type may have got
 * another since.
 */
static bool
is_same_value(Form_pg_attribute attr, Datum a, Datum b)
{
	if (type_is_rowtype(attr->atttypid))
		return DatumGetBool(OidFunctionCall2(F_RECORD_IMAGE_EQ, a, b));
	return datum_image_eq(a, b, attr->attbyval, attr->attlen);
}

bool
stream_rowimage_equal(TupleDesc desc, TupleTableSlot *a, TupleTableSlot *b)
{
	slot_getsomeattrs(a, desc->natts);
	slot_getsomeattrs(b, desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		if (a->tts_isnull[i] != b->tts_isnull[i])
			return false;
		if (!a->tts_isnull[i] &&
			!is_same_value(TupleDescAttr(desc, i), a->tts_values[i],
						   b->tts_values[i]))
			return false;
	}
	return true;
}
