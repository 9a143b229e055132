/*-------------------------------------------------------------------------
 *
 * moving.c
 *	  Aggregates over changes: rows come, and go again.
 *
 * The server can take a row from an aggregate's state, for frames of windows that
 * move on.  Here rows of a group come and go as the groups of an operator below
 * change.  They are sorted by their keys, so that each group is found and written
 * once; those that come first, for one that goes may have come in the same batch.
 *
 * The first aggregate counts the rows of a group: without any, it is no more.  (A view
 * without keys keeps its one, and so does an empty grouping set.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/aggstate.h"
#include "state/keysort.h"
#include "query/groupings.h"
#include "flow/moving.h"

struct StreamMoving
{
	MemoryContext context;
	MemoryContext row;			/* reset for each row */
	const StreamCut *cut;
	StreamKeySort *sort;
	int			sign;			/* the column of the sign */
	bool		begun;			/* there are rows */
	bool		stays;			/* the group at hand is there without rows, too */
};

StreamMoving *
stream_moving_create(MemoryContext parent, const StreamCut *cut,
					 TupleDesc desc, const StreamStoreShape *shape)
{
	MemoryContext context = AllocSetContextCreate(parent, "changes",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamMoving *moving = palloc0(sizeof(StreamMoving));

	moving->context = context;
	moving->row = AllocSetContextCreate(context, "row of changes",
										ALLOCSET_SMALL_SIZES);
	moving->cut = cut;
	moving->sort = stream_keysort_create(context, desc, shape->nkeys,
										 shape->eqops, shape->collations,
										 desc->natts);
	moving->sign = desc->natts - 1;
	MemoryContextSwitchTo(old);
	return moving;
}

void
stream_moving_add(StreamMoving *moving, TupleTableSlot *row)
{
	if (!moving->begun)
		stream_keysort_begin(moving->sort);
	moving->begun = true;
	stream_keysort_put(moving->sort, row);
}

/* Moves one aggregate of the group. */
static void
move_agg(StreamStore *store, int i, StreamAgg *agg, StreamMove *move,
		 TupleTableSlot *row, bool add)
{
	NullableDatum args[FUNC_MAX_ARGS];
	NullableDatum *state;
	MemoryContext context;
	ListCell   *lc;
	ListCell   *lk;
	int			n = 0;

	if (!move->moved ||
		(move->filter >= 0 && (row->tts_isnull[move->filter] ||
							   !DatumGetBool(row->tts_values[move->filter]))))
		return;
	forboth(lc, move->args, lk, move->consts)
	{
		Const	   *value = lfirst(lk);

		args[n].value = value ? value->constvalue :
			row->tts_values[lfirst_int(lc)];
		args[n++].isnull = value ? value->constisnull :
			row->tts_isnull[lfirst_int(lc)];
	}
	state = stream_store_group_state(store, i, &context);
	stream_aggstate_move(agg, context, state, args, add);
}

static void
move_row(StreamMoving *moving, StreamStore *store, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(moving->row);
	bool		add;
	ListCell   *lc;
	ListCell   *lm;

	slot_getallattrs(row);
	add = DatumGetInt32(row->tts_values[moving->sign]) > 0;
	if (STREAM_MUTATION("changes_lost") && !add)
		add = true;
	forboth(lc, moving->cut->aggs, lm, moving->cut->moves)
		move_agg(store, foreach_current_index(lc), lfirst(lc), lfirst(lm), row,
				 add);
	MemoryContextSwitchTo(old);
	MemoryContextReset(moving->row);
}

/* Has the group no rows any more? */
static bool
is_empty(StreamMoving *moving, StreamStore *store)
{
	MemoryContext context;
	int64		rows = DatumGetInt64(stream_store_group_state(store, 0,
															  &context)->value);

	if (rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a row that has gone from a group was never in it"),
				 errhint("A function between the aggregations has been replaced by one that gives other results: drop the continuous view and create it anew.")));
	return rows == 0 && !moving->stays;
}

/* Is the row of a group that there is in any case? */
static bool
is_of_staying_group(StreamMoving *moving, TupleTableSlot *row)
{
	const StreamCut *cut = moving->cut;
	int			grouping = stream_cut_grouping_key(cut);

	if (STREAM_MUTATION("empty_set_goes"))
		return cut->keys == NIL;
	return cut->keys == NIL || (grouping >= 0 &&
								stream_groupings_is_empty_set(cut->grouping,
															  DatumGetInt32(row->tts_values[grouping])));
}

/* Without keys there is a row, also over no rows at all. */
static void
put_first_row(StreamMoving *moving, StreamStore *store)
{
	if (moving->cut->keys != NIL)
		return;
	stream_store_begin_group(store, NULL);
	if (stream_store_group_is_new(store))
		stream_store_end_group(store, false);
}

void
stream_moving_flush(StreamMoving *moving, StreamStore *store)
{
	TupleTableSlot *row;
	bool		first;
	bool		open = false;

	if (!moving->begun)
	{
		put_first_row(moving, store);
		return;
	}
	stream_keysort_perform(moving->sort);
	while ((row = stream_keysort_next(moving->sort, &first)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (first && open)
			stream_store_end_group(store, is_empty(moving, store));
		slot_getallattrs(row);
		if (first)
		{
			moving->stays = is_of_staying_group(moving, row);
			stream_store_begin_group(store, row);
		}
		open = true;
		move_row(moving, store, row);
	}
	if (open)
		stream_store_end_group(store, is_empty(moving, store));
	stream_keysort_end(moving->sort);
	moving->begun = false;
}
