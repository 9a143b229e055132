/*-------------------------------------------------------------------------
 *
 * staterow.h
 *	  Aggregates in the row of a state table.
 *
 * The result of each aggregate is a column; the states that are not the result
 * follow in columns of their own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_STATEROW_H
#define STREAMING_STATEROW_H

#include "executor/tuptable.h"

#include "aggstate.h"

/*
 * Puts an aggregate into a row.  result: its column; *state: the column of the
 * next state that is not a result.
 */
static inline void
stream_staterow_put(StreamAgg *agg, NullableDatum value, int result,
					int *state, Datum *values, bool *nulls)
{
	NullableDatum finished = stream_aggstate_finish(agg, value);

	values[result] = finished.value;
	nulls[result] = finished.isnull;
	if (!agg->final_is_state)
	{
		NullableDatum stored = stream_aggstate_store(agg, value);

		values[*state] = stored.value;
		nulls[*state] = stored.isnull;
		(*state)++;
	}
}

/* Gets its state back, in the context. */
static inline NullableDatum
stream_staterow_get(StreamAgg *agg, TupleTableSlot *row, int result,
					int *state, MemoryContext context)
{
	int			column = agg->final_is_state ? result : (*state)++;
	NullableDatum stored;

	stored.value = row->tts_values[column];
	stored.isnull = row->tts_isnull[column];
	return stream_aggstate_load(agg, context, stored);
}

#endif
