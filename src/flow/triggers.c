/*-------------------------------------------------------------------------
 *
 * triggers.c
 *	  Firing the triggers of a view, and of its change stream.
 *
 * Both belong to the table that says how the result of the view changes.  Rows are only
 * ever appended to that, but as they say what has become of rows of the result, the view's
 * triggers are told of inserts, updates and deletes, with these rows as the old and the new
 * ones; the server finds them by their TIDs.  Triggers on the change stream itself are told
 * of the rows that are appended to it.
 *
 * The view's are marked: they fire ALWAYS, which of these two no other does.  Those of one
 * kind are fired in a query of their own, for transition tables belong to one; the others
 * count as disabled meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "query/changes.h"
#include "flow/triggers.h"

struct StreamTriggers
{
	EState	   *estate;
	ResultRelInfo *rel;			/* with those to fire now, others disabled */
	ResultRelInfo *later;		/* with those to fire in another query, or NULL */
	bool		ops;			/* rows say what has become of others */
	ItemPointerData before;		/* the last row that is to be updated */
	ItemPointerData *rows;		/* all, for later */
	Size		nrows;
	Size		max_rows;

	/* what statements there are, and what they capture for transition tables */
	bool		inserts;
	bool		updates;
	bool		deletes;
	TransitionCaptureState *inserted;
	TransitionCaptureState *updated;
	TransitionCaptureState *deleted;
};

static TransitionCaptureState *
capture(ResultRelInfo *rel, CmdType command)
{
	return MakeTransitionCaptureState(rel->ri_TrigDesc,
									  RelationGetRelid(rel->ri_RelationDesc),
									  command);
}

static void
begin_query(StreamTriggers *triggers)
{
	AfterTriggerBeginQuery();
	triggers->inserts = triggers->updates = triggers->deletes = false;
	triggers->inserted = capture(triggers->rel, CMD_INSERT);
	triggers->updated = triggers->ops ? capture(triggers->rel, CMD_UPDATE) : NULL;
	triggers->deleted = triggers->ops ? capture(triggers->rel, CMD_DELETE) : NULL;
}

/* The relation with the triggers of the view, or those of the table; NULL: none. */
static ResultRelInfo *
with_triggers(const ResultRelInfo *rel, bool of_view)
{
	ResultRelInfo *copy = makeNode(ResultRelInfo);
	TriggerDesc *desc = CopyTriggerDesc(rel->ri_TrigDesc);
	bool		any = false;

	for (int i = 0; i < desc->numtriggers; i++)
	{
		Trigger    *trigger = &desc->triggers[i];

		if (stream_triggers_is_of_view(trigger) != of_view)
			trigger->tgenabled = TRIGGER_DISABLED;
		any |= trigger->tgenabled != TRIGGER_DISABLED;
	}
	if (!any)
		return NULL;
	*copy = *rel;
	copy->ri_TrigDesc = desc;
	copy->ri_TrigFunctions = palloc0(sizeof(FmgrInfo) * desc->numtriggers);
	copy->ri_TrigWhenExprs = palloc0(sizeof(ExprState *) * desc->numtriggers);
	return copy;
}

bool
stream_triggers_is_of_view(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

StreamTriggers *
stream_triggers_begin(EState *estate, ResultRelInfo *rel, bool ops)
{
	StreamTriggers *triggers = palloc0(sizeof(StreamTriggers));

	triggers->estate = estate;
	triggers->rel = rel;
	if (ops)
	{
		triggers->rel = with_triggers(rel, true);
		triggers->later = with_triggers(rel, false);
		triggers->ops = triggers->rel != NULL;
		if (triggers->rel == NULL)
		{
			triggers->rel = triggers->later ? triggers->later : rel;
			triggers->later = NULL;
		}
	}
	begin_query(triggers);
	return triggers;
}

static StreamChange
change_of(TupleTableSlot *row)
{
	bool		isnull;
	text	   *name = DatumGetTextPP(slot_getattr(row, 2, &isnull));

	for (int i = 0; i < STREAM_CHANGES; i++)
		if (VARSIZE_ANY_EXHDR(name) == strlen(stream_changes_names[i]) &&
			memcmp(VARDATA_ANY(name), stream_changes_names[i],
				   VARSIZE_ANY_EXHDR(name)) == 0)
			return i;
	elog(ERROR, "a change stream says \"%s\"", text_to_cstring(name));
	return STREAM_CHANGE_INSERT;
}

static void
inserted(StreamTriggers *triggers, TupleTableSlot *row)
{
	triggers->inserts = true;
	ExecARInsertTriggers(triggers->estate, triggers->rel, row, NIL,
						 triggers->inserted);
}

/* What the row says has been done to the result. */
static void
changed(StreamTriggers *triggers, TupleTableSlot *row)
{
	bool		isnull;

	if (DatumGetInt64(slot_getattr(row, 1, &isnull)) == STREAM_CHANGES_BEFORE)
		return;
	switch (change_of(row))
	{
		case STREAM_CHANGE_INSERT:
			inserted(triggers, row);
			break;
		case STREAM_CHANGE_UPDATE_BEFORE:
			triggers->before = row->tts_tid;
			break;
		case STREAM_CHANGE_UPDATE_AFTER:
			triggers->updates = true;
			ExecARUpdateTriggers(triggers->estate, triggers->rel, NULL, NULL,
								 &triggers->before, NULL, row, NIL,
								 triggers->updated, false);
			break;
		case STREAM_CHANGE_DELETE:
			triggers->deletes = true;
			ExecARDeleteTriggers(triggers->estate, triggers->rel,
								 &row->tts_tid, NULL, triggers->deleted,
								 false);
			break;
	}
}

static void
remember(StreamTriggers *triggers, ItemPointer tid)
{
	if (triggers->nrows == triggers->max_rows)
	{
		triggers->max_rows = Max(1024, 2 * triggers->max_rows);
		triggers->rows = triggers->rows ?
			repalloc_huge(triggers->rows,
						  triggers->max_rows * sizeof(ItemPointerData)) :
			MemoryContextAllocHuge(triggers->estate->es_query_cxt,
								   triggers->max_rows * sizeof(ItemPointerData));
	}
	triggers->rows[triggers->nrows++] = *tid;
}

void
stream_triggers_add(StreamTriggers *triggers, TupleTableSlot *row)
{
	if (triggers->ops)
		changed(triggers, row);
	else
		inserted(triggers, row);
	if (triggers->later)
		remember(triggers, &row->tts_tid);
}

/* Fires those of the query. */
static void
end_query(StreamTriggers *triggers)
{
	if (triggers->inserts)
		ExecASInsertTriggers(triggers->estate, triggers->rel,
							 triggers->inserted);
	if (triggers->updates)
		ExecASUpdateTriggers(triggers->estate, triggers->rel,
							 triggers->updated);
	if (triggers->deletes)
		ExecASDeleteTriggers(triggers->estate, triggers->rel,
							 triggers->deleted);
	AfterTriggerEndQuery(triggers->estate);
}

/* Those of the table, of the rows that are in it. */
static void
fire_later(StreamTriggers *triggers)
{
	Relation	rel = triggers->rel->ri_RelationDesc;
	TupleTableSlot *row = table_slot_create(rel,
											&triggers->estate->es_tupleTable);

	triggers->rel = triggers->later;
	triggers->ops = false;
	begin_query(triggers);
	for (Size i = 0; i < triggers->nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!table_tuple_fetch_row_version(rel, &triggers->rows[i],
										   SnapshotAny, row))
			elog(ERROR, "a row of a change stream is gone");
		inserted(triggers, row);
	}
	ExecClearTuple(row);
	end_query(triggers);
}

void
stream_triggers_end(StreamTriggers *triggers)
{
	end_query(triggers);
	if (triggers->later)
		fire_later(triggers);
	pfree(triggers);
}
