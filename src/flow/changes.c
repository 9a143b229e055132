/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  Writing down how the result of a view changes.
 *
 * A group that changes hands on its old row and then the new one.  One after the other,
 * with the same keys, they are an update; the same in all columns, they are nothing.
 * Rows of anything else, of joins above all, may come and go in a batch (netting.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/debug.h"
#include "query/changes.h"
#include "flow/netting.h"
#include "flow/triggers.h"
#include "flow/results.h"
#include "flow/changes.h"

struct StreamChanges
{
	StreamResults *results;
	bool		updates;		/* rows have an identity, ... */
	int			nkeys;			/* ... which are these columns, from 0 */
	int		   *keys;
	TupleTableSlot *gone;		/* a row that goes, until we know what follows it */
	TupleTableSlot *out;
	int64		batch;
	Datum		names[STREAM_CHANGES];	/* of what may become of a row */
	StreamNetting *netting;		/* of rows that may come and go; or NULL */
};

/* Does each row that it takes follow the one whose place it takes, if there is one? */
static bool
takes_groups(const StreamCut *cut)
{
	ListCell   *lc;
	ListCell   *li;

	foreach(lc, cut->feeds)
		foreach(li, ((StreamFeed *) lfirst(lc))->inputs)
		{
			const StreamCut *from = ((StreamFeedInput *) lfirst(li))->cut;

			if (from->kind != STREAM_CUT_AGGREGATE &&
				from->kind != STREAM_CUT_TRANSFORM &&
				!(from->topn && stream_topn_is_one_row(from->topn)))
				return false;
		}
	return true;
}

StreamChanges *
stream_changes_create(MemoryContext parent, const StreamCut *cut,
					  TupleDesc input, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(parent);
	StreamChanges *changes = palloc0(sizeof(StreamChanges));
	ListCell   *lc;

	changes->results = stream_results_create(parent, desc, true);
	changes->updates = cut->updates;
	changes->keys = palloc(sizeof(int) * (list_length(cut->identity) + 1));
	foreach(lc, cut->updates ? cut->identity : NIL)
		changes->keys[changes->nkeys++] = lfirst_int(lc);
	changes->gone = MakeSingleTupleTableSlot(input, &TTSOpsMinimalTuple);
	changes->out = MakeSingleTupleTableSlot(CreateTupleDescCopy(desc),
											&TTSOpsVirtual);
	for (int i = 0; i < STREAM_CHANGES; i++)
		changes->names[i] = CStringGetTextDatum(stream_changes_names[i]);
	if (!takes_groups(cut) && !STREAM_MUTATION("changes_between"))
		changes->netting = stream_netting_create(CurrentMemoryContext, input,
												 changes->nkeys,
												 changes->updates ?
												 changes->keys : NULL);
	MemoryContextSwitchTo(old);
	return changes;
}

void
stream_changes_open(StreamChanges *changes, Relation rel, int64 batch)
{
	stream_results_open(changes->results, rel);
	changes->batch = batch;
	if (changes->netting)
		stream_netting_begin(changes->netting);
}

void
stream_changes_begin_filling(StreamChanges *changes)
{
	changes->batch = STREAM_CHANGES_BEFORE;
}

static void
put(StreamChanges *changes, TupleTableSlot *row, StreamChange change)
{
	TupleTableSlot *out = changes->out;

	ExecClearTuple(out);
	slot_getallattrs(row);
	out->tts_values[0] = Int64GetDatum(changes->batch);
	out->tts_values[1] = changes->names[change];
	out->tts_isnull[0] = out->tts_isnull[1] = false;
	for (int i = 2; i < out->tts_tupleDescriptor->natts; i++)
	{
		out->tts_values[i] = row->tts_values[i - 2];
		out->tts_isnull[i] = row->tts_isnull[i - 2];
	}
	stream_results_add(changes->results, ExecStoreVirtualTuple(out));
	ExecClearTuple(out);
}

static void
put_gone(StreamChanges *changes, StreamChange change)
{
	put(changes, changes->gone, change);
	ExecClearTuple(changes->gone);
}

static bool
is_column_of_gone(StreamChanges *changes, TupleTableSlot *row, int column)
{
	Form_pg_attribute attr = TupleDescAttr(row->tts_tupleDescriptor, column);

	if (row->tts_isnull[column] || changes->gone->tts_isnull[column])
		return row->tts_isnull[column] && changes->gone->tts_isnull[column];
	return datum_image_eq(row->tts_values[column],
						  changes->gone->tts_values[column], attr->attbyval,
						  attr->attlen);
}

static bool
has_keys_of_gone(StreamChanges *changes, TupleTableSlot *row)
{
	for (int i = 0; i < changes->nkeys; i++)
		if (!is_column_of_gone(changes, row, changes->keys[i]))
			return false;
	return true;
}

/* What has changed is not shown, as the sign alone (the last column) tells. */
static bool
is_gone(StreamChanges *changes, TupleTableSlot *row)
{
	for (int i = 0; i < row->tts_tupleDescriptor->natts - 1; i++)
		if (!is_column_of_gone(changes, row, i))
			return false;
	return true;
}

void
stream_changes_add(StreamChanges *changes, TupleTableSlot *row)
{
	bool		comes;

	if (changes->netting)
	{
		stream_netting_add(changes->netting, row);
		return;
	}
	slot_getallattrs(row);
	comes = DatumGetInt32(row->tts_values[row->tts_tupleDescriptor->natts - 1]) > 0;
	if (!TTS_EMPTY(changes->gone))
	{
		slot_getallattrs(changes->gone);
		if (comes && is_gone(changes, row))
		{
			ExecClearTuple(changes->gone);
			return;
		}
		if (comes && changes->updates && has_keys_of_gone(changes, row))
		{
			put_gone(changes, STREAM_CHANGE_UPDATE_BEFORE);
			put(changes, row, STREAM_CHANGE_UPDATE_AFTER);
			return;
		}
		put_gone(changes, STREAM_CHANGE_DELETE);
	}
	if (comes)
		put(changes, row, STREAM_CHANGE_INSERT);
	else
		ExecCopySlot(changes->gone, row);
}

static void
put_netted(TupleTableSlot *old, TupleTableSlot *new, void *arg)
{
	if (old)
		put(arg, old, new ? STREAM_CHANGE_UPDATE_BEFORE : STREAM_CHANGE_DELETE);
	if (new)
		put(arg, new, old ? STREAM_CHANGE_UPDATE_AFTER : STREAM_CHANGE_INSERT);
}

StreamResults *
stream_changes_close(StreamChanges *changes)
{
	if (changes->netting)
		stream_netting_end(changes->netting, put_netted, changes);
	if (!TTS_EMPTY(changes->gone))
		put_gone(changes, STREAM_CHANGE_DELETE);
	return stream_results_close(changes->results) ? NULL : changes->results;
}
