/*-------------------------------------------------------------------------
 *
 * sessions.c
 *	  Session windows: merging rows into sessions.
 *
 * A row is the session [ts, ts + gap).  The delta query groups rows of the same
 * range; its rows are sorted by key and start here, and those that overlap or
 * touch become one.  That one takes over the sessions of the table which it
 * overlaps or touches in turn: one of their rows is replaced, the others go.
 *
 * Open sessions of one key never touch each other, so by their ends they are in
 * the same order as by their starts: those that a range touches are found
 * through an index on keys and end, beginning with the first that ends at or
 * after the range's start, up to one that starts after its end.  A session that
 * the watermark has passed ends below all of these and is not met.
 *
 * Aggregates that need all rows of a session come in a second feed, when the sessions
 * have been merged: a row with their results for each session that was touched.
 *
 * When rows come and go, a session may fall apart.  The delta says only which ranges
 * have changed.  They are merged as above, with the sessions of the table that they
 * touch.  If each of these ranges is still that of some row, so are all others that the
 * session consists of.  Else it is torn: whatever rows there are now within it are merged
 * in turn, and make the sessions that take its place.  None of their rows can be in
 * another one, for that would have been touched, too.
 *
 * Source: T. Akidau et al., "The Dataflow Model", PVLDB 8(12), 2015, on merging
 * of windows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "parser/parse_oper.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "time/window.h"
#include "state/aggstate.h"
#include "state/statetable.h"
#include "flow/sessions.h"

/* The session that is being put together. */
typedef struct Session
{
	Timestamp	start;
	Timestamp	end;
	NullableDatum *states;
	List	   *replaced;		/* ItemPointer: rows of the table */
	int64		looked;			/* the table was searched for ends up to here */
	bool		torn;			/* there are no rows any more of a range in it */
} Session;

struct StreamSessions
{
	MemoryContext context;
	MemoryContext session;		/* reset for each session */
	MemoryContext row;			/* reset for each row */
	MemoryContext taken;		/* reset for each session of the table */

	/* shape */
	TupleDesc	desc;			/* of the state table */
	StreamStoreShape shape;
	int			nkeys;			/* without the session */
	int			naggs;
	StreamAgg **aggs;
	int		   *partials;		/* of each, the column of its partial state in
								 * the rows of the delta, or -1 */
	int		   *finals;			/* the same for results of those that are kept */
	TypeCacheEntry *range_type;
	AttrNumber *sortcols;
	Oid		   *sortops;
	bool	   *nullsfirst;

	/* for comparing keys */
	ExprState  *same_keys;		/* NULL: there are none */
	ExprContext *econtext;

	/* slots */
	TupleTableSlot *sorted;		/* a row of the delta */
	TupleTableSlot *keys;		/* those of the session at hand, in its memory */
	TupleTableSlot *out;
	Datum	   *values;
	bool	   *nulls;

	/* of rows that come and go, or NULL */
	const StreamSessionRows *rows;
	TupleTableSlot *range;		/* keys and range of a row */

	/* the batch in progress */
	Tuplesortstate *sort;
	StreamStateTable table;
	int64		late;
	int64		made;
	void		(*on_change) (TupleTableSlot *row, int sign, void *arg);
	void	   *arg;
};

/* Where the rows of a feed have what is about each of the aggregates. */
static int *
columns_of(StreamSessions *sessions, const StreamStoreShape *shape, int feed)
{
	int		   *columns = palloc(sizeof(int) * (sessions->naggs + 1));
	ListCell   *lc;

	for (int i = 0; i < sessions->naggs; i++)
		columns[i] = -1;
	if (feed < list_length(shape->feeds))
		foreach(lc, (List *) list_nth(shape->feeds, feed))
			columns[lfirst_int(lc)] = shape->nkeys + foreach_current_index(lc);
	return columns;
}

StreamSessions *
stream_sessions_create(MemoryContext parent, TupleDesc desc,
					   const StreamStoreShape *shape)
{
	MemoryContext context = AllocSetContextCreate(parent, "sessions",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamSessions *sessions = palloc0(sizeof(StreamSessions));
	int			nkeys = shape->nkeys;
	ListCell   *lc;

	sessions->context = context;
	sessions->session = AllocSetContextCreate(context, "session",
											  ALLOCSET_DEFAULT_SIZES);
	sessions->row = AllocSetContextCreate(context, "row of the delta",
										  ALLOCSET_DEFAULT_SIZES);
	sessions->taken = AllocSetContextCreate(context, "session of the table",
											ALLOCSET_DEFAULT_SIZES);
	sessions->desc = CreateTupleDescCopy(desc);
	sessions->shape = *shape;
	sessions->nkeys = nkeys - 1;
	sessions->aggs = palloc(sizeof(StreamAgg *) *
							(list_length(shape->aggs) + 1));
	foreach(lc, shape->aggs)
		sessions->aggs[sessions->naggs++] = lfirst(lc);
	sessions->partials = columns_of(sessions, shape, 0);
	sessions->finals = columns_of(sessions, shape, 1);
	sessions->range_type =
		lookup_type_cache(TupleDescAttr(desc, nkeys - 1)->atttypid,
						  TYPECACHE_RANGE_INFO);
	sessions->sortcols = palloc(sizeof(AttrNumber) * nkeys);
	sessions->sortops = palloc(sizeof(Oid) * nkeys);
	sessions->nullsfirst = palloc0(sizeof(bool) * nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		sessions->sortcols[i] = i + 1;
		get_sort_group_operators(TupleDescAttr(desc, i)->atttypid, true, false,
								 false, &sessions->sortops[i], NULL, NULL,
								 NULL);
	}
	sessions->econtext = CreateStandaloneExprContext();
	sessions->out = MakeSingleTupleTableSlot(sessions->desc,
											 &TTSOpsHeapTuple);
	sessions->values = palloc(sizeof(Datum) * desc->natts);
	sessions->nulls = palloc(sizeof(bool) * desc->natts);
	MemoryContextSwitchTo(old);
	return sessions;
}

/* What depends on the row type of the delta, which is always the same. */
static void
know_delta(StreamSessions *sessions, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(sessions->context);

	desc = CreateTupleDescCopy(desc);
	sessions->sorted = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	sessions->keys = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sessions->same_keys =
		execTuplesMatchPrepare(desc, sessions->nkeys, sessions->sortcols,
							   sessions->shape.eqops,
							   sessions->shape.collations, NULL);
	MemoryContextSwitchTo(old);
}

void
stream_sessions_set_changing(StreamSessions *sessions,
							 const StreamSessionRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(sessions->context);
	TupleDesc	desc = CreateTemplateTupleDesc(sessions->nkeys + 1);

	for (int i = 1; i <= desc->natts; i++)
		TupleDescCopyEntry(desc, i, sessions->desc, i);
	sessions->range = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sessions->rows = rows;
	MemoryContextSwitchTo(old);
}

void
stream_sessions_open(StreamSessions *sessions, Relation rel, int64 late,
					 void (*changed) (TupleTableSlot *row, int sign,
									  void *arg),
					 void *arg)
{
	stream_statetable_open(&sessions->table, rel, sessions->nkeys,
						   sessions->shape.eqops, sessions->shape.collations,
						   STREAM_BY_EXPRESSION, late);
	sessions->late = late;
	sessions->on_change = changed;
	sessions->arg = arg;
	sessions->made = 0;
	sessions->sort = NULL;
}

/*
 * The rows wait until the delta query, and its memory, are gone: the sort is
 * given our own copy of the descriptor, for it keeps the pointer.
 */
static void
begin_sort(StreamSessions *sessions)
{
	MemoryContext old = MemoryContextSwitchTo(sessions->context);

	sessions->sort =
		tuplesort_begin_heap(sessions->sorted->tts_tupleDescriptor,
							 sessions->nkeys + 1, sessions->sortcols,
							 sessions->sortops, sessions->shape.collations,
							 sessions->nullsfirst, work_mem, NULL,
							 TUPLESORT_NONE);
	MemoryContextSwitchTo(old);
}

/* What a row has before its other columns. */
static TupleTableSlot *
range_of(StreamSessions *sessions, TupleTableSlot *row)
{
	TupleTableSlot *range = sessions->range;
	int			n = range->tts_tupleDescriptor->natts;

	ExecClearTuple(range);
	memcpy(range->tts_values, row->tts_values, sizeof(Datum) * n);
	memcpy(range->tts_isnull, row->tts_isnull, sizeof(bool) * n);
	return ExecStoreVirtualTuple(range);
}

void
stream_sessions_add(StreamSessions *sessions, TupleTableSlot *delta)
{
	slot_getallattrs(delta);
	if (sessions->range)
		delta = range_of(sessions, delta);
	/* a row without a time, or without a gap, is in no session */
	if (delta->tts_isnull[sessions->nkeys])
		return;
	if (sessions->sorted == NULL)
		know_delta(sessions, delta->tts_tupleDescriptor);
	if (sessions->sort == NULL)
		begin_sort(sessions);
	tuplesort_puttupleslot(sessions->sort, delta);
	/* what it points to is the caller's */
	if (sessions->range)
		ExecClearTuple(sessions->range);
}

/* ---- putting a session together ---- */

/* The range of the sorted row. */
static void
read_sorted(StreamSessions *sessions, Timestamp *start, Timestamp *end)
{
	stream_window_session_bounds(sessions->range_type,
								 sessions->sorted->tts_values[sessions->nkeys],
								 start, end);
}

/* Copies the keys of the sorted row, as those of the session. */
static void
take_keys(StreamSessions *sessions)
{
	TupleTableSlot *from = sessions->sorted;
	TupleTableSlot *to = sessions->keys;

	ExecClearTuple(to);
	for (int i = 0; i < to->tts_tupleDescriptor->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(to->tts_tupleDescriptor, i);

		to->tts_isnull[i] = i >= sessions->nkeys || from->tts_isnull[i];
		to->tts_values[i] = to->tts_isnull[i] ? (Datum) 0 :
			datumCopy(from->tts_values[i], attr->attbyval, attr->attlen);
	}
	ExecStoreVirtualTuple(to);
}

static NullableDatum
partial_state(StreamSessions *sessions, int i)
{
	int			column = sessions->partials[i];
	NullableDatum partial = {.value = (Datum) 0,.isnull = true};

	if (column < 0)
		return partial;
	partial.value = sessions->sorted->tts_values[column];
	partial.isnull = sessions->sorted->tts_isnull[column];
	return partial;
}

/* The sorted row is the beginning of a session. */
static void
begin_session(StreamSessions *sessions, Session *session)
{
	MemoryContext old;

	MemoryContextReset(sessions->session);
	old = MemoryContextSwitchTo(sessions->session);
	take_keys(sessions);
	read_sorted(sessions, &session->start, &session->end);
	session->states = palloc(sizeof(NullableDatum) * (sessions->naggs + 1));
	for (int i = 0; i < sessions->naggs; i++)
		session->states[i] = stream_aggstate_load(sessions->aggs[i],
												  sessions->session,
												  partial_state(sessions, i));
	session->replaced = NIL;
	session->torn = false;
	/* those that touch the start end at it, or later */
	session->looked = session->start > sessions->late + 1 ?
		session->start - 1 : sessions->late;
	MemoryContextSwitchTo(old);
}

/* The sorted row goes on with the session. */
static void
extend_session(StreamSessions *sessions, Session *session, Timestamp end)
{
	session->end = Max(session->end, end);
	for (int i = 0; i < sessions->naggs; i++)
		if (sessions->partials[i] >= 0)
			stream_aggstate_combine(sessions->aggs[i], sessions->session,
									&session->states[i],
									partial_state(sessions, i));
}

/* Takes over what the row found in the table holds. */
static void
take_over(StreamSessions *sessions, Session *session, Timestamp start,
		  Timestamp end)
{
	TupleTableSlot *found = sessions->table.found;
	ItemPointer tid = MemoryContextAlloc(sessions->session,
										 sizeof(ItemPointerData));
	MemoryContext old = MemoryContextSwitchTo(sessions->taken);
	int			column = sessions->nkeys + 1 + sessions->naggs;

	*tid = found->tts_tid;
	for (int i = 0; i < sessions->naggs; i++)
	{
		StreamAgg  *agg = sessions->aggs[i];
		NullableDatum other;

		if (sessions->partials[i] < 0)
			continue;
		other = stream_staterow_get(agg, found, sessions->nkeys + 1 + i,
									&column, sessions->taken);
		stream_aggstate_combine_unpacked(agg, sessions->session,
										 &session->states[i], other);
	}
	if (sessions->on_change)
		sessions->on_change(found, -1, sessions->arg);
	session->start = Min(session->start, start);
	session->end = Max(session->end, end);
	session->looked = end;
	MemoryContextSwitchTo(sessions->session);
	session->replaced = lappend(session->replaced, tid);
	MemoryContextSwitchTo(old);
	MemoryContextReset(sessions->taken);
}

/* Takes over the sessions of the table that this one overlaps or touches. */
static void
take_over_touched(StreamSessions *sessions, Session *session)
{
	for (;;)
	{
		Timestamp	start;
		Timestamp	end;
		bool		touches = false;

		sessions->table.alive_after = session->looked;
		if (!stream_statetable_find(&sessions->table, sessions->keys))
			break;
		slot_getallattrs(sessions->table.found);
		stream_window_session_bounds(sessions->range_type,
									 sessions->table.found->tts_values[sessions->nkeys],
									 &start, &end);
		touches = start <= session->end;
		if (touches)
			take_over(sessions, session, start, end);
		ExecClearTuple(sessions->table.found);
		if (!touches)
			break;
	}
}

/* Writes the session into the table. */
static void
write_session(StreamSessions *sessions, Session *session)
{
	Datum	   *values = sessions->values;
	bool	   *nulls = sessions->nulls;
	int			column = sessions->nkeys + 1 + sessions->naggs;
	ListCell   *lc;

	for (int i = 0; i < sessions->nkeys; i++)
	{
		values[i] = sessions->keys->tts_values[i];
		nulls[i] = sessions->keys->tts_isnull[i];
	}
	values[sessions->nkeys] = stream_window_session_range(sessions->range_type,
														  session->start,
														  session->end);
	nulls[sessions->nkeys] = false;
	for (int i = 0; i < sessions->naggs; i++)
	{
		int			state = sessions->aggs[i]->state_of;

		stream_staterow_put(sessions->aggs[i], state == i,
							session->states[state], sessions->nkeys + 1 + i,
							&column, values, nulls);
	}
	ExecForceStoreHeapTuple(heap_form_tuple(sessions->desc, values, nulls),
							sessions->out, false);
	/* first those that go: one of them may end where this one does */
	for_each_from(lc, session->replaced, 1)
		stream_statetable_delete(&sessions->table, lfirst(lc));
	if (session->replaced)
		stream_statetable_update(&sessions->table,
								 linitial(session->replaced), InvalidBuffer,
								 sessions->out);
	else
		stream_statetable_insert(&sessions->table, sessions->out);
	sessions->made += 1 - list_length(session->replaced);
	if (sessions->on_change)
		sessions->on_change(sessions->out, 1, sessions->arg);
	ExecClearTuple(sessions->out);
}

/* The sessions that this one has taken over go; its rows are added, for the next time. */
static void
dissolve_session(StreamSessions *sessions, Session *session)
{
	MemoryContext old = MemoryContextSwitchTo(sessions->session);
	TupleTableSlot *keys = sessions->keys;
	ListCell   *lc;

	foreach(lc, session->replaced)
		stream_statetable_delete(&sessions->table, lfirst(lc));
	sessions->made -= list_length(session->replaced);
	keys->tts_values[sessions->nkeys] =
		stream_window_session_range(sessions->range_type, session->start,
									session->end);
	keys->tts_isnull[sessions->nkeys] = false;
	MemoryContextSwitchTo(old);
	sessions->rows->add(keys, sessions->rows->arg);
}

/* Nothing more belongs to the session. */
static void
end_session(StreamSessions *sessions, Session *session)
{
	take_over_touched(sessions, session);
	if (session->torn)
		dissolve_session(sessions, session);
	else
		write_session(sessions, session);
}

static bool
has_same_keys(StreamSessions *sessions)
{
	if (sessions->same_keys == NULL)
		return true;
	sessions->econtext->ecxt_innertuple = sessions->sorted;
	sessions->econtext->ecxt_outertuple = sessions->keys;
	return ExecQualAndReset(sessions->same_keys, sessions->econtext);
}

/* Does the sorted row go on with the session?  Then it does. */
static bool
continues(StreamSessions *sessions, Session *session)
{
	Timestamp	start;
	Timestamp	end;

	if (!has_same_keys(sessions))
		return false;
	read_sorted(sessions, &start, &end);
	if (start > session->end)
	{
		/* what is in the table may fill the gap */
		if (!STREAM_MUTATION("sessions"))
			take_over_touched(sessions, session);
		if (start > session->end)
			return false;
	}
	extend_session(sessions, session, end);
	return true;
}

/*
 * Merges the rows that have been added, with each other and with sessions of the table.
 * changes: they say what has changed.
 */
static void
merge_rows(StreamSessions *sessions, bool changes)
{
	MemoryContext old = MemoryContextSwitchTo(sessions->row);
	Tuplesortstate *sort = sessions->sort;
	Session		session;
	bool		any = false;

	sessions->sort = NULL;
	if (sort)
		tuplesort_performsort(sort);
	while (sort && tuplesort_gettupleslot(sort, true, false,
										  sessions->sorted, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(sessions->row);
		slot_getallattrs(sessions->sorted);
		if (!any || !continues(sessions, &session))
		{
			if (any)
				end_session(sessions, &session);
			begin_session(sessions, &session);
			any = true;
		}
		if (changes && !session.torn)
			session.torn = !sessions->rows->has(sessions->sorted,
												sessions->rows->arg);
	}
	if (any)
	{
		end_session(sessions, &session);
		ExecClearTuple(sessions->sorted);
		ExecClearTuple(sessions->keys);
		MemoryContextReset(sessions->session);
	}
	if (sort)
		tuplesort_end(sort);
	MemoryContextSwitchTo(old);
	MemoryContextReset(sessions->row);
}

void
stream_sessions_merge(StreamSessions *sessions)
{
	if (sessions->rows && !STREAM_MUTATION("sessions_whole"))
		merge_rows(sessions, true);
	/* rows of a stream, or of what has been torn */
	merge_rows(sessions, false);
}

void
stream_sessions_finish(StreamSessions *sessions, TupleTableSlot *results)
{
	MemoryContext old = MemoryContextSwitchTo(sessions->row);
	TupleTableSlot *found;
	ItemPointerData tid;
	Timestamp	start;
	Timestamp	end;

	MemoryContextReset(sessions->row);
	slot_getallattrs(results);
	stream_window_session_bounds(sessions->range_type,
								 results->tts_values[sessions->nkeys], &start,
								 &end);
	sessions->table.alive_after = end - 1;
	if (!stream_statetable_find(&sessions->table, results))
		elog(ERROR, "session not found among those that have been merged");
	found = sessions->table.found;
	slot_getallattrs(found);
	for (int i = 0; i < sessions->desc->natts; i++)
	{
		sessions->values[i] = found->tts_values[i];
		sessions->nulls[i] = found->tts_isnull[i];
	}
	for (int i = 0; i < sessions->naggs; i++)
	{
		int			column = sessions->finals[i];

		if (column < 0)
			continue;
		sessions->values[sessions->nkeys + 1 + i] = results->tts_values[column];
		sessions->nulls[sessions->nkeys + 1 + i] = results->tts_isnull[column];
	}
	ExecForceStoreHeapTuple(heap_form_tuple(sessions->desc, sessions->values,
											sessions->nulls),
							sessions->out, false);
	tid = found->tts_tid;
	ExecClearTuple(found);
	stream_statetable_update(&sessions->table, &tid, InvalidBuffer,
							 sessions->out);
	if (sessions->on_change)
		sessions->on_change(sessions->out, 1, sessions->arg);
	ExecClearTuple(sessions->out);
	MemoryContextSwitchTo(old);
}

int64
stream_sessions_end_before(StreamSessions *sessions, TupleTableSlot *session)
{
	Timestamp	start;
	Timestamp	end;
	int64		before;

	slot_getallattrs(session);
	stream_window_session_bounds(sessions->range_type,
								 session->tts_values[sessions->nkeys], &start,
								 &end);
	/* all that is at infinity ends where it begins */
	for (before = start < end ? start : start - 1; before < sessions->late;
		 before = end)
	{
		sessions->table.alive_after = before;
		if (!stream_statetable_find(&sessions->table, session))
			break;
		slot_getallattrs(sessions->table.found);
		stream_window_session_bounds(sessions->range_type,
									 sessions->table.found->tts_values[sessions->nkeys],
									 &start, &end);
		ExecClearTuple(sessions->table.found);
		if (end > sessions->late)
			break;
	}
	return before;
}

int64
stream_sessions_close(StreamSessions *sessions)
{
	stream_sessions_merge(sessions);
	stream_statetable_close(&sessions->table);
	return sessions->made;
}
