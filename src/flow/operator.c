/*-------------------------------------------------------------------------
 *
 * operator.c
 *	  One stateful operator of a view: from rows of its delta to its state.
 *
 * An operator has a state table of its own.  Which parts it is made of depends
 * on its window: rows of the delta go through panes into the store, or into
 * sessions (over changes, these are of rows that are kept below), or into the store as they
 * are; a reaper gives up what is closed.  Rows
 * of which the first of each key are wanted go through top rows, into the store or
 * instead of it.
 *
 * What an operator hands on goes into a tuplestore, which feeds of others read like a
 * table: rows whose keys are new, or rows as they come (rows.c).
 *
 * A transform has no state but the result, to which its rows are appended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/syscache.h"
#include "utils/reltrigger.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_index.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "access/detoast.h"
#include "common/int.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "stream/am.h"
#include "state/aggstate.h"
#include "state/store.h"
#include "flow/netting.h"
#include "flow/panes.h"
#include "flow/sessions.h"
#include "flow/toprows.h"
#include "flow/reaper.h"
#include "flow/results.h"
#include "flow/changes.h"
#include "flow/rows.h"
#include "flow/moving.h"
#include "flow/operator.h"

/* A side of a join. */
typedef struct StreamSide
{
	StreamRows *rows;
	int			last;			/* the last feed that reads its new rows, or -1 */
	bool		kept;			/* in the batch in progress */
} StreamSide;

struct StreamOperator
{
	MemoryContext context;
	StreamCut  *cut;
	int			ncolumns;		/* of the state table, if it has one ... */
	Oid		   *types;			/* ... and their types */
	StreamStore *store;			/* or sessions, ... */
	StreamSessions *sessions;	/* or rows, or top rows without it, ... */
	StreamRows *rows;			/* or results */
	StreamResults *results;
	StreamChanges *changes;
	bool		untold;			/* a change stream that is not there: of a successor */
	StreamResults *held;		/* either's, when the operator is closed, or NULL */
	StreamToprows *top;			/* before the store, or instead; or NULL */
	StreamRows *from;			/* ... over changes: all the rows, or NULL */
	StreamPanes *panes;			/* before the store, or NULL; ... */
	StreamMoving *moving;		/* ... or this: changes */
	bool		at_changes;		/* they come from the feed in progress */
	StreamReaper *reaper;		/* or NULL */
	StreamReaper *expirer;		/* of what readers see, or NULL */
	StreamRows *kept;			/* below sessions, or NULL */
	StreamSide *sides;			/* below a join, or NULL; ... */
	int			nsides;
	int64		joined;			/* ... so many of their rows have been kept */
	bool		finishing;		/* of sessions, the feed of these is in progress */
	int64		late;			/* in the batch in progress */

	/* if it hands on rows whose keys are new, or how its groups change */
	Tuplestorestate *output;	/* in a batch */
	StreamNetting *netting;		/* of what is handed on; or NULL */
	TupleTableSlot *output_slot;
	int		   *output_columns; /* of the feed, from 0 */
};

/* A row type with the types of the expressions. */
static TupleDesc
desc_of(List *exprs)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(exprs));
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Node	   *expr = lfirst(lc);
		AttrNumber	attno = foreach_current_index(lc) + 1;

		TupleDescInitEntry(desc, attno, NULL, exprType(expr),
						   exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, attno, exprCollation(expr));
	}
	return desc;
}

/* The row type of what its first feed hands on as it is. */
static TupleDesc
input_desc(const StreamCut *cut)
{
	StreamFeed *feed = linitial(cut->feeds);

	return desc_of(stream_cut_input_columns(linitial(feed->inputs)));
}

/* The row type of rows of a result with their sign. */
static TupleDesc
desc_of_changes(const StreamCut *cut)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, ((StreamFeed *) linitial(cut->feeds))->query->targetList)
		exprs = lappend(exprs, lfirst_node(TargetEntry, lc)->expr);
	return desc_of(exprs);
}

/* ---- making it ---- */

static void
refuse_state_table(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("state table does not fit the definition of the view"),
			 errhint("Drop the continuous view and create it anew.")));
}

static void
check_column(TupleDesc desc, int *column, Oid type)
{
	if (*column >= desc->natts ||
		TupleDescAttr(desc, *column)->atttypid != type)
		refuse_state_table();
	(*column)++;
}

/* The state table must have the columns that store.h speaks of. */
static void
check_state_table(StreamCut *cut, TupleDesc desc)
{
	int			column = 0;
	ListCell   *lc;

	if (cut->kind == STREAM_CUT_CHANGES)
	{
		check_column(desc, &column, INT8OID);
		check_column(desc, &column, TEXTOID);
	}
	foreach(lc, cut->keys)
		check_column(desc, &column,
					 exprType((Node *) ((StreamKey *) lfirst(lc))->expr));
	foreach(lc, cut->aggs)
		check_column(desc, &column, ((StreamAgg *) lfirst(lc))->aggref->aggtype);
	foreach(lc, cut->aggs)
	{
		StreamAgg  *agg = lfirst(lc);

		if (!agg->final_is_state &&
			stream_aggstate_is_own(agg, foreach_current_index(lc)))
			check_column(desc, &column, agg->storedtype);
	}
	foreach(lc, cut->payload)
		check_column(desc, &column,
					 exprType((Node *) ((StreamPayload *) lfirst(lc))->expr));
	if (cut->expiry)
		check_column(desc, &column, cut->window->type);
	if (cut->topn && cut->topn->slot_name)
		check_column(desc, &column, INT8OID);
	if (column != desc->natts)
		refuse_state_table();
}

static void
note_columns(StreamOperator *op, TupleDesc desc)
{
	op->ncolumns = desc->natts;
	op->types = palloc(sizeof(Oid) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
		op->types[i] = TupleDescAttr(desc, i)->atttypid;
}

/* It must be no other than when the operator was made. */
static void
check_columns(const StreamOperator *op, TupleDesc desc)
{
	bool		same = desc->natts == op->ncolumns;

	for (int i = 0; same && i < desc->natts; i++)
		same = TupleDescAttr(desc, i)->atttypid == op->types[i];
	if (!same)
		refuse_state_table();
}

/* Has it an index that is more than columns as they are? */
static bool
has_odd_index(Relation rel)
{
	bool		result = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(lc)));

		if (!HeapTupleIsValid(tuple))
			continue;
		result |= ((Form_pg_index) GETSTRUCT(tuple))->indisunique ||
			!heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) ||
			!heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
		ReleaseSysCache(tuple);
	}
	return result;
}

static bool
has_early_trigger(Relation rel)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
		if (!TRIGGER_FOR_AFTER(rel->trigdesc->triggers[i].tgtype))
			return true;
	return false;
}

/*
 * A change stream is in a schema of users, and its name is theirs: a command that is refused
 * for it may get to it all the same, by a name that means another relation when the command
 * has its lock.  No batch runs what has come by that.
 */
void
stream_operator_check_change_stream(Relation rel)
{
	if (rel->rd_rules == NULL && !rel->rd_rel->relrowsecurity &&
		!rel->rd_rel->relforcerowsecurity &&
		RelationGetDescr(rel)->constr == NULL && !has_early_trigger(rel) &&
		!has_odd_index(rel))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change stream \"%s\" has rules, policies, constraints, defaults, or triggers or indexes that it cannot have",
					RelationGetRelationName(rel)),
			 errhint("Drop them, or drop the continuous view and create it anew.")));
}

static StreamStoreShape
shape_of(StreamCut *cut)
{
	StreamStoreShape shape = {0};
	ListCell   *lc;

	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);

		shape.eqops[shape.nkeys] = key->eqop;
		shape.collations[shape.nkeys++] = key->collation;
	}
	shape.aggs = cut->aggs;
	foreach(lc, cut->feeds)
		shape.feeds = lappend(shape.feeds, ((StreamFeed *) lfirst(lc))->aggs);
	shape.bits = cut->bits;
	shape.npayload = list_length(cut->payload);
	shape.expires = cut->expiry != NULL;
	shape.timed = stream_cut_is_timed(cut);
	if (cut->topn)
	{
		shape.ranks = cut->topn->ranks;
		shape.nranks = cut->topn->nranks;
	}
	return shape;
}

/* What becomes of the rows of an operator that hands them on. */
static StreamRowsKind
kind_of_rows(const StreamCut *cut)
{
	if (!cut->keeps)
		return STREAM_ROWS_PASS;
	if (cut->joined)
		return STREAM_ROWS_OF_JOIN;
	if (!cut->hands_on || cut->looks_up)
		return STREAM_ROWS_OF_RESULT;
	return stream_cut_has_sessions(cut) ? STREAM_ROWS_OF_SESSIONS :
		STREAM_ROWS_OF_GROUPS;
}

/* The last feed that reads new rows of what is below before they are kept, or -1. */
static int
last_feed(const StreamCut *cut, const StreamCut *below)
{
	int			last = -1;
	ListCell   *lc;
	ListCell   *li;

	foreach(lc, cut->feeds)
		foreach(li, ((StreamFeed *) lfirst(lc))->inputs)
		{
			StreamFeedInput *input = lfirst(li);

			if (input->cut == below && !input->table && !input->again)
				last = foreach_current_index(lc);
		}
	return last;
}

static void
find_sides(StreamOperator *op, StreamOperator **below)
{
	ListCell   *lc;

	op->nsides = list_length(op->cut->below);
	op->sides = palloc0(sizeof(StreamSide) * op->nsides);
	foreach(lc, op->cut->below)
	{
		StreamCut  *cut = ((StreamCutInput *) lfirst(lc))->cut;
		StreamSide *side = &op->sides[foreach_current_index(lc)];

		side->rows = below[cut->number]->rows;
		side->last = last_feed(op->cut, cut);
	}
}

/* The rows of which first ones over changes are read, or NULL. */
static StreamRows *
find_ordered(const StreamCut *cut, StreamOperator **below)
{
	StreamFeed *feed = linitial(cut->feeds);

	if (cut->topn == NULL || !cut->over_changes)
		return NULL;
	return below[((StreamFeedInput *) linitial(feed->inputs))->cut->number]->rows;
}

/* The rows that a feed of sessions wants to have kept, or NULL. */
static StreamRows *
find_kept(const StreamCut *cut, StreamOperator **below)
{
	ListCell   *lc;
	ListCell   *li;

	foreach(lc, cut->feeds)
		foreach(li, ((StreamFeed *) lfirst(lc))->inputs)
		{
			StreamFeedInput *input = lfirst(li);

			if (input->kept)
				return below[input->cut->number]->rows;
		}
	return NULL;
}

/* The kept rows of a session go with it. */
static int64
session_closed(TupleTableSlot *session, void *arg)
{
	return stream_rows_reap_session(((StreamOperator *) arg)->kept, session);
}

/* Of sessions over changes: is there a row that would be that session by itself? */
static bool
has_row_of_session(TupleTableSlot *range, void *arg)
{
	return stream_rows_has_session(((StreamOperator *) arg)->kept, range);
}

/* What there is in a range is to be put together to sessions anew. */
static void
add_rows_of_session(TupleTableSlot *range, void *arg)
{
	StreamOperator *op = arg;
	TupleTableSlot *row;

	for (row = stream_rows_first_of_session(op->kept, range); row;
		 row = stream_rows_next_of_session(op->kept))
	{
		CHECK_FOR_INTERRUPTS();
		stream_sessions_add(op->sessions, row);
	}
}

static void
set_session_rows(StreamOperator *op)
{
	StreamSessionRows *rows = palloc(sizeof(StreamSessionRows));

	rows->has = has_row_of_session;
	rows->add = add_rows_of_session;
	rows->arg = op;
	stream_sessions_set_changing(op->sessions, rows);
}

/*
 * Groups that close give up their state; keys below another operator go.  results: rows
 * that readers see go, which have given up theirs.
 */
static StreamReaper *
make_reaper(StreamOperator *op, TupleDesc desc, bool results)
{
	StreamCut  *cut = op->cut;
	StreamWindow *window = cut->window;
	StreamReaping reaping = STREAM_REAP_COUNT;
	Expr	   *end;

	if (!stream_cut_is_timed(cut))
		return NULL;
	/* rows of sessions go with these */
	if (cut->kind == STREAM_CUT_ROWS && stream_cut_has_sessions(cut))
		return NULL;
	if (cut->expiry_name)
		end = (Expr *) makeVar(1, desc->natts,
							   TupleDescAttr(desc, desc->natts - 1)->atttypid,
							   -1, InvalidOid, 0);
	else if (window->key >= 0)
		end = window->key_end;
	else
		return NULL;
	if (results)
		reaping = STREAM_REAP_RESULTS;
	else if (cut->hands_on && !cut->shown)
		reaping = STREAM_REAP_ROWS;
	else if (cut->state_names)
		reaping = STREAM_REAP_STATES;
	return stream_reaper_create(CurrentMemoryContext, desc, reaping, end,
								window ? window->width : 0,
								stream_cut_has_closing_index(cut),
								list_length(cut->keys) +
								list_length(cut->aggs),
								op->kept && !results ? session_closed : NULL,
								op);
}

/* Both, as far as there is something for them to do. */
static void
make_reapers(StreamOperator *op, TupleDesc desc)
{
	StreamCut  *cut = op->cut;

	op->reaper = make_reaper(op, desc, false);
	if (op->reaper == NULL || !cut->shown ||
		!(stream_cut_has_groups(cut) || cut->kind == STREAM_CUT_DISTINCT))
		return;
	op->expirer = make_reaper(op, desc, true);
	/* readers rank the rows of a key */
	if (cut->topn && cut->topn->slot_name)
		stream_reaper_set_together(op->expirer);
}

StreamOperator *
stream_operator_create(MemoryContext parent, StreamCut *cut, TupleDesc desc,
					   bool closes, StreamOperator **below)
{
	MemoryContext context;
	MemoryContext old;
	StreamOperator *op;
	StreamStoreShape shape = shape_of(cut);

	if (stream_cut_has_state(cut) != (desc != NULL) &&
		cut->kind != STREAM_CUT_CHANGES)
		refuse_state_table();
	if (desc)
		check_state_table(cut, desc);
	context = AllocSetContextCreate(parent, "operator", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	op = palloc0(sizeof(StreamOperator));
	op->context = context;
	op->cut = cut;
	if (desc)
		note_columns(op, desc);
	if (cut->kind == STREAM_CUT_TRANSFORM)
		op->results = stream_results_create(context, desc, false);
	else if (cut->kind == STREAM_CUT_CHANGES && desc)
		op->changes = stream_changes_create(context, cut,
											desc_of_changes(cut), desc);
	else if (cut->kind == STREAM_CUT_CHANGES)
		op->untold = true;
	else if (cut->kind == STREAM_CUT_ROWS)
		op->rows = stream_rows_create(context, desc ? desc :
									  desc_of(stream_cut_output(cut)),
									  &shape, kind_of_rows(cut), cut->signs);
	else if (cut->kind == STREAM_CUT_JOIN)
	{
		op->rows = stream_rows_create(context,
									  desc_of(stream_cut_output(cut)),
									  &shape, STREAM_ROWS_PASS, false);
		find_sides(op, below);
	}
	else if (stream_cut_has_sessions(cut))
	{
		op->sessions = stream_sessions_create(context, desc, &shape);
		op->kept = find_kept(cut, below);
		if (cut->over_changes)
			set_session_rows(op);
	}
	else if (cut->topn == NULL || cut->topn->slot_name == NULL)
		op->store = stream_store_create(context, desc, &shape);
	if (cut->sets)
		stream_rows_set_groupings(op->rows, cut->sets,
								  stream_cut_grouping_key(cut));
	if (cut->joined && cut->expiry_name)
		stream_rows_set_until(op->rows, desc->natts - 1);
	if (cut->topn)
		op->top = stream_toprows_create(context, desc, cut->topn, &shape,
										op->store);
	op->from = find_ordered(cut, below);
	if (cut->ordered)
		stream_rows_set_order(op->rows, cut->ordered->nranks,
							  cut->ordered->ranks);
	if (cut->numbered)
		stream_rows_set_numbered(op->rows);
	if (cut->window && cut->window->pane)
		op->panes = stream_panes_create(context, cut->window, &shape);
	if (cut->over_changes && op->store && op->top == NULL)
		op->moving = stream_moving_create(context, cut, input_desc(cut),
										  &shape);
	op->at_changes = op->moving != NULL;
	if (closes && desc)
		make_reapers(op, desc);
	MemoryContextSwitchTo(old);
	return op;
}

/*
 * An error may have left slots behind with rows whose memory is gone.  So the parts of
 * an operator, all of whose memory is below its own, have no ends of their own.
 */
void
stream_operator_free(StreamOperator *op)
{
	MemoryContextDelete(op->context);
}

/* ---- handing on ---- */

/* The column of the feed that holds an expression of the output. */
static int
column_of(StreamCut *cut, Expr *expr)
{
	ListCell   *lc;

	foreach(lc, cut->keys)
		if (equal(((StreamKey *) lfirst(lc))->expr, expr))
			return foreach_current_index(lc);
	foreach(lc, cut->payload)
		if (equal(((StreamPayload *) lfirst(lc))->expr, expr))
			return list_length(cut->keys) + foreach_current_index(lc);
	elog(ERROR, "output column not found in the cut");
}

static void
prepare_output(StreamOperator *op)
{
	MemoryContext old = MemoryContextSwitchTo(op->context);
	List	   *exprs = stream_cut_output(op->cut);
	ListCell   *lc;

	op->output_columns = palloc(sizeof(int) * (list_length(exprs) + 1));
	foreach(lc, exprs)
		op->output_columns[foreach_current_index(lc)] =
			op->cut->kind == STREAM_CUT_DISTINCT ?
			column_of(op->cut, lfirst(lc)) : foreach_current_index(lc);
	op->output_slot = MakeSingleTupleTableSlot(desc_of(exprs),
											   &TTSOpsVirtual);
	MemoryContextSwitchTo(old);
}

/* The keys of a row of the feed are new, or it is one of the result. */
static void
hand_on(TupleTableSlot *delta, void *arg)
{
	StreamOperator *op = arg;
	TupleTableSlot *slot = op->output_slot;

	ExecClearTuple(slot);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = delta->tts_values[op->output_columns[i]];
		slot->tts_isnull[i] = delta->tts_isnull[op->output_columns[i]];
	}
	ExecStoreVirtualTuple(slot);
	tuplestore_puttupleslot(op->output, slot);
}

/*
 * A value as the expressions above are to see it, whether the row comes from memory or
 * from the table, which has compressed it: what is made of it must be the same.
 */
static Datum
plain_value(Form_pg_attribute attr, Datum value)
{
	struct varlena *data = (struct varlena *) DatumGetPointer(value);

	if (attr->attlen != -1 ||
		!(VARATT_IS_EXTERNAL(data) || VARATT_IS_COMPRESSED(data)))
		return value;
	return PointerGetDatum(detoast_attr(data));
}

/* A row of a state table with groups comes (1) or goes (-1). */
static void
hand_on_change(TupleTableSlot *row, int sign, void *arg)
{
	StreamOperator *op = arg;
	TupleTableSlot *slot = op->output_slot;
	int			n = slot->tts_tupleDescriptor->natts - 1;

	slot_getsomeattrs(row, n);
	ExecClearTuple(slot);
	for (int i = 0; i < n; i++)
	{
		slot->tts_isnull[i] = row->tts_isnull[i];
		slot->tts_values[i] = row->tts_isnull[i] ? (Datum) 0 :
			plain_value(TupleDescAttr(slot->tts_tupleDescriptor, i),
						row->tts_values[i]);
	}
	slot->tts_values[n] = Int32GetDatum(sign);
	slot->tts_isnull[n] = false;
	ExecStoreVirtualTuple(slot);
	if (op->netting)
		stream_netting_add(op->netting, slot);
	else
		tuplestore_puttupleslot(op->output, slot);
}

/* May a group change more than once in a batch, in a way that others would see? */
static bool
must_net(const StreamCut *cut)
{
	return stream_cut_has_groups(cut) && !cut->final_only &&
		(cut->kind == STREAM_CUT_TOPN || cut->over_changes ||
		 list_length(cut->feeds) > 1 || (cut->window && cut->window->pane)) &&
		!STREAM_MUTATION("changes_between");
}

/* Groups are told apart by their keys, several first rows of a key by all they are. */
static void
prepare_netting(StreamOperator *op)
{
	const StreamCut *cut = op->cut;
	bool		by_keys = !cut->topn || stream_topn_is_one_row(cut->topn);
	int			nkeys = by_keys ? list_length(cut->keys) : 0;
	int		   *keys = palloc(sizeof(int) * (nkeys + 1));

	for (int i = 0; i < nkeys; i++)
		keys[i] = i;
	if (must_net(cut))
		op->netting = stream_netting_create(op->context,
											op->output_slot->tts_tupleDescriptor,
											nkeys, by_keys ? keys : NULL);
	pfree(keys);
}

static void
put_signed(StreamOperator *op, TupleTableSlot *row, int sign)
{
	TupleTableSlot *slot = op->output_slot;
	int			natts = slot->tts_tupleDescriptor->natts;

	ExecClearTuple(slot);
	memcpy(slot->tts_values, row->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, row->tts_isnull, natts * sizeof(bool));
	slot->tts_values[natts - 1] = Int32GetDatum(sign);
	tuplestore_puttupleslot(op->output, ExecStoreVirtualTuple(slot));
	ExecClearTuple(slot);
}

static void
put_netted(TupleTableSlot *old, TupleTableSlot *new, void *arg)
{
	if (old)
		put_signed(arg, old, -1);
	if (new)
		put_signed(arg, new, 1);
}

/*
 * A row of a table of sessions comes or goes.  One whose kept rows are still to be
 * aggregated comes when that has been done.
 */
static void
session_changed(TupleTableSlot *row, int sign, void *arg)
{
	StreamOperator *op = arg;

	if (op->kept && sign > 0 && !op->finishing)
		stream_rows_hand_on_session(op->kept, row,
									stream_sessions_end_before(op->sessions,
															   row));
	else if (op->output && !op->cut->final_only)
		hand_on_change(row, sign, op);
}

Tuplestorestate *
stream_operator_output(const StreamOperator *op, const StreamFeedInput *input)
{
	return op->rows ? stream_rows_output(op->rows, input->kept) : op->output;
}

void
stream_operator_register(const StreamFeedInput *input, Tuplestorestate *rows,
						 QueryEnvironment *env)
{
	EphemeralNamedRelation enr;

	if (input->table)
		return;
	enr = palloc0(sizeof(EphemeralNamedRelationData));
	enr->md.name = stream_cut_input_name(input);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = desc_of(stream_cut_input_columns(input));
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = rows ? tuplestore_tuple_count(rows) : 0;
	enr->reldata = rows ? rows :
		tuplestore_begin_heap(false, false, work_mem);
	register_ENR(env, enr);
}

/* ---- a batch ---- */

/* Sessions that end until then are closed: rows for them may come after their ends. */
static int64
closed_sessions(const StreamOperator *op)
{
	int64		closed;

	if (op->late == STREAM_NO_TIME || STREAM_MUTATION("sessions_edge"))
		return op->late;
	return pg_sub_s64_overflow(op->late, op->cut->window->slack, &closed) ?
		STREAM_NO_TIME : closed;
}

void
stream_operator_open(StreamOperator *op, Relation state, int64 batch,
					 int64 late)
{
	if (state && op->types)
		check_columns(op, RelationGetDescr(state));
	else if (state)
		check_state_table(op->cut, RelationGetDescr(state));
	if (op->changes)
		stream_operator_check_change_stream(state);
	/* what the watermark is not about is never late */
	if (!stream_cut_is_timed(op->cut))
		late = STREAM_NO_TIME;
	op->late = late;
	op->finishing = false;
	op->held = NULL;
	op->joined = 0;
	for (int i = 0; i < op->nsides; i++)
		op->sides[i].kept = false;
	if (op->rows)
	{
		stream_rows_open(op->rows, state, batch, late);
		return;
	}
	if (op->cut->hands_on)
	{
		if (op->output_slot == NULL)
		{
			prepare_output(op);
			prepare_netting(op);
		}
		op->output = tuplestore_begin_heap(false, false, work_mem);
		if (op->netting)
			stream_netting_begin(op->netting);
	}
	if ((op->results || op->changes) && !stream_am_is_stream(state))
		refuse_state_table();
	if (op->results)
		stream_results_open(op->results, state);
	else if (op->changes)
		stream_changes_open(op->changes, state, batch + 1);
	else if (op->sessions)
		stream_sessions_open(op->sessions, state, closed_sessions(op),
							 op->output || op->kept ? session_changed : NULL,
							 op);
	else if (op->store)
	{
		bool		changes = stream_cut_has_groups(op->cut);

		stream_store_open(op->store, state, batch, late,
						  op->output && !changes ? hand_on : NULL,
						  op->output && changes && !op->cut->final_only ?
						  hand_on_change : NULL, op);
	}
	if (op->top)
		stream_toprows_open(op->top, state,
							op->output && !op->cut->final_only ?
							hand_on_change : NULL, op);
}

/*
 * Before a feed of a join runs: it finds the rows of sides that no feed takes from here
 * on.
 */
static void
keep_sides(StreamOperator *op, int feed)
{
	for (int i = 0; i < op->nsides; i++)
	{
		StreamSide *side = &op->sides[i];

		if (side->kept ||
			(side->last >= feed && !STREAM_MUTATION("join_twice")))
			continue;
		op->joined += stream_rows_keep(side->rows);
		side->kept = true;
	}
}

void
stream_operator_begin_feed(StreamOperator *op, int feed)
{
	if (op->sides)
	{
		keep_sides(op, feed);
		return;
	}
	if (op->rows)
		return;
	if (op->sessions)
	{
		stream_sessions_merge(op->sessions);
		op->finishing = true;
		return;
	}
	if (op->at_changes)
		stream_moving_flush(op->moving, op->store);
	op->at_changes = false;
	stream_store_begin_feed(op->store, feed);
}

void
stream_operator_add(StreamOperator *op, TupleTableSlot *delta)
{
	if (op->untold)
		return;
	if (op->results)
	{
		if (op->output && !STREAM_MUTATION("added_untold"))
		{
			slot_getallattrs(delta);
			hand_on(delta, op);
		}
		stream_results_add(op->results, delta);
	}
	else if (op->changes)
		stream_changes_add(op->changes, delta);
	else if (op->rows)
		stream_rows_add(op->rows, delta);
	else if (op->at_changes)
		stream_moving_add(op->moving, delta);
	else if (op->panes)
		stream_panes_add(op->panes, op->store, delta, op->late);
	else if (op->finishing)
		stream_sessions_finish(op->sessions, delta);
	else if (op->sessions)
		stream_sessions_add(op->sessions, delta);
	else if (op->from)
		stream_toprows_refill(op->top, op->from, delta);
	else if (op->top)
		stream_toprows_add(op->top, delta);
	else
		stream_store_merge(op->store, delta);
}

static int64
close_groups(StreamOperator *op)
{
	int64		made = 0;

	if (op->untold)
		return 0;
	if (op->results)
	{
		op->held = stream_results_close(op->results) ? NULL : op->results;
		return 0;
	}
	if (op->changes)
	{
		op->held = stream_changes_close(op->changes);
		return 0;
	}
	if (op->sides)
	{
		keep_sides(op, list_length(op->cut->feeds));
		return op->joined;
	}
	if (op->rows)
		return stream_rows_close(op->rows);
	if (op->sessions)
		return stream_sessions_close(op->sessions);
	if (op->panes)
		stream_panes_close(op->panes, op->store);
	if (op->top)
		made = stream_toprows_close(op->top);
	if (op->store == NULL)
		return made;
	if (op->at_changes)
		stream_moving_flush(op->moving, op->store);
	op->at_changes = op->moving != NULL;
	stream_store_close(op->store);
	return stream_store_made(op->store);
}

int64
stream_operator_close(StreamOperator *op)
{
	int64		made = close_groups(op);

	if (op->netting)
		stream_netting_end(op->netting, put_netted, op);
	return made;
}

int64
stream_operator_cache_hits(const StreamOperator *op)
{
	return op->store ? stream_store_hits(op->store) : 0;
}

void
stream_operator_write_held(StreamOperator *op)
{
	if (op->held)
		stream_results_write_held(op->held);
}

void
stream_operator_fire(StreamOperator *op)
{
	if (op->held)
		stream_results_fire(op->held);
	op->held = NULL;
}

bool
stream_operator_has_held(const StreamOperator *op)
{
	return op->held != NULL;
}

void
stream_operator_settle(StreamOperator *op, int64 batch)
{
	if (op->rows)
		stream_rows_settle(op->rows);
	if (op->store)
		stream_store_settle(op->store, batch);
	if (op->output == NULL)
		return;
	ExecClearTuple(op->output_slot);
	tuplestore_end(op->output);
	op->output = NULL;
}

static void
hand_on_closed(TupleTableSlot *row, void *arg)
{
	hand_on_change(row, STREAM_MUTATION("ttl_subtracted") ? -1 : 1, arg);
	if (STREAM_MUTATION("closed_twice"))
		hand_on_change(row, 1, arg);
}

void
stream_operator_hand_on_closed(StreamOperator *op, Relation state,
							   int64 after, int64 until)
{
	stream_reaper_show(op->reaper, state, after, until, hand_on_closed, op);
}

void
stream_operator_begin_filling(StreamOperator *op)
{
	if (op->changes)
		stream_changes_begin_filling(op->changes);
}

bool
stream_operator_can_reap(const StreamOperator *op)
{
	return op->reaper != NULL;
}

int64
stream_operator_reap(StreamOperator *op, Relation state, StreamReaped *place,
					 int64 closed, int64 limit)
{
	int64		n;

	if (op->kept)
		stream_rows_begin_reaping(op->kept);
	n = stream_reaper_run(op->reaper, state, place, closed, limit);
	if (op->kept)
		stream_rows_end_reaping(op->kept);
	return n;
}

bool
stream_operator_can_expire(const StreamOperator *op)
{
	return op->expirer != NULL;
}

int64
stream_operator_expire(StreamOperator *op, Relation state,
					   StreamReaped *place, int64 until, int64 limit)
{
	return stream_reaper_run(op->expirer, state, place, until, limit);
}
