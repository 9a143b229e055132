/*-------------------------------------------------------------------------
 *
 * triggers.c
 *	  Firing the triggers of a view.
 *
 * They belong to the table that says how the result of the view changes.  Rows are only
 * ever appended to that, but as they say what has become of rows of the result, triggers
 * are told of inserts, updates and deletes, with these rows as the old and the new ones;
 * the server finds them by their TIDs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "flow/triggers.h"

struct StreamTriggers
{
	EState	   *estate;
	ResultRelInfo *rel;
	bool		ops;
	ItemPointerData before;		/* the last row that is to be updated */

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

StreamTriggers *
stream_triggers_begin(EState *estate, ResultRelInfo *rel, bool ops)
{
	StreamTriggers *triggers = palloc0(sizeof(StreamTriggers));

	triggers->estate = estate;
	triggers->rel = rel;
	triggers->ops = ops;
	AfterTriggerBeginQuery();
	triggers->inserted = capture(rel, CMD_INSERT);
	triggers->updated = capture(rel, CMD_UPDATE);
	triggers->deleted = capture(rel, CMD_DELETE);
	return triggers;
}

void
stream_triggers_add(StreamTriggers *triggers, TupleTableSlot *row)
{
	bool		isnull;
	int			op = triggers->ops ?
		DatumGetInt32(slot_getattr(row, 2, &isnull)) : STREAM_CHANGE_INSERT;

	if (triggers->ops && DatumGetInt64(slot_getattr(row, 1, &isnull)) ==
		STREAM_CHANGE_BEFORE)
		return;
	switch (op)
	{
		case STREAM_CHANGE_INSERT:
			triggers->inserts = true;
			ExecARInsertTriggers(triggers->estate, triggers->rel, row, NIL,
								 triggers->inserted);
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

void
stream_triggers_end(StreamTriggers *triggers)
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
	pfree(triggers);
}
