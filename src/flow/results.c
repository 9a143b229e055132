/*-------------------------------------------------------------------------
 *
 * results.c
 *	  Appending rows to the result of a view that has no other state.
 *
 * The table is a stream, and only the batches of its view write to it.  Rows are
 * collected and go there many at a time, as COPY does it: one WAL record for those
 * of a page.  After that each has its entries in the indexes that the user may have
 * made.  Nothing is kept from one batch to the next but empty slots, so that a batch
 * that fails leaves nothing that another could insert.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/debug.h"
#include "stream/am.h"
#include "flow/triggers.h"
#include "flow/results.h"

/* So many rows, or bytes of them, go to the table at a time. */
#define MAX_ROWS 1000
#define MAX_BYTES 65536

struct StreamResults
{
	MemoryContext context;
	MemoryContext scratch;		/* while rows go to the table */
	TupleDesc	desc;
	bool		ops;			/* of a change stream */
	TupleTableSlot *slots[MAX_ROWS];	/* as far as they were ever needed */

	/* in a batch */
	Relation	rel;
	int			nrows;			/* waiting in slots */
	Size		bytes;			/* about what they take */
	BulkInsertState bulk;		/* once there are many rows, or NULL */
	EState	   *estate;			/* for index entries and triggers, or NULL */
	ResultRelInfo *result_rel;
	Tuplestorestate *held;		/* rows of a table with triggers, or NULL */
	StreamTriggers *triggers;	/* while they go to it */
};

StreamResults *
stream_results_create(MemoryContext parent, TupleDesc desc, bool ops)
{
	MemoryContext context = AllocSetContextCreate(parent, "results",
												  ALLOCSET_DEFAULT_SIZES);
	StreamResults *results = MemoryContextAllocZero(context,
													sizeof(StreamResults));
	MemoryContext old = MemoryContextSwitchTo(context);

	results->context = context;
	results->ops = ops;
	results->scratch = AllocSetContextCreate(context, "rows of results",
											 ALLOCSET_DEFAULT_SIZES);
	/* not the relation cache's, for slots outlive transactions */
	results->desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
	return results;
}

void
stream_results_open(StreamResults *results, Relation rel)
{
	MemoryContext old = MemoryContextSwitchTo(results->context);

	results->rel = rel;
	results->nrows = 0;
	results->bytes = 0;
	results->held = rel->trigdesc ?
		tuplestore_begin_heap(false, false, work_mem) : NULL;
	MemoryContextSwitchTo(old);
}

/* ---- writing ---- */

/* Sets up what is needed for as long as the batch. */
static void
prepare_flush(StreamResults *results, bool more)
{
	MemoryContext old = MemoryContextSwitchTo(results->context);

	/* a handful of rows is not worth a ring of buffers */
	if (more && results->bulk == NULL)
		results->bulk = GetBulkInsertState();
	if ((results->rel->rd_rel->relhasindex || results->held) &&
		results->estate == NULL)
	{
		results->estate = CreateExecutorState();
		results->result_rel = makeNode(ResultRelInfo);
		InitResultRelInfo(results->result_rel, results->rel, 0, NULL, 0);
		ExecOpenIndices(results->result_rel, false);
		results->estate->es_opened_result_relations =
			list_make1(results->result_rel);
	}
	MemoryContextSwitchTo(old);
}

static void
insert_index_entries(StreamResults *results)
{
	if (results->estate == NULL || results->result_rel->ri_NumIndices == 0 ||
		STREAM_MUTATION("results"))
		return;
	for (int i = 0; i < results->nrows; i++)
	{
		(void) stream_compat_insert_index_tuples(results->result_rel,
												 results->slots[i],
												 results->estate, false, false,
												 NULL, NIL, false);
		ResetPerTupleExprContext(results->estate);
	}
}

/* Puts the rows that are waiting into the table; more: others will come. */
static void
flush(StreamResults *results, bool more)
{
	MemoryContext old;

	prepare_flush(results, more);
	old = MemoryContextSwitchTo(results->scratch);
	table_multi_insert(results->rel, results->slots, results->nrows,
					   GetCurrentCommandId(true), STREAM_AM_INSERT_BY_BATCH,
					   results->bulk);
	insert_index_entries(results);
	for (int i = 0; results->triggers && i < results->nrows; i++)
		stream_triggers_add(results->triggers, results->slots[i]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(results->scratch);
	for (int i = 0; i < results->nrows; i++)
		ExecClearTuple(results->slots[i]);
	results->nrows = 0;
	results->bytes = 0;
}

/* The slot for the next row. */
static TupleTableSlot *
next_slot(StreamResults *results)
{
	TupleTableSlot **slot = &results->slots[results->nrows];
	MemoryContext old;

	if (*slot == NULL)
	{
		old = MemoryContextSwitchTo(results->context);
		*slot = MakeSingleTupleTableSlot(results->desc, &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

static void
add_row(StreamResults *results, TupleTableSlot *row)
{
	TupleTableSlot *slot = next_slot(results);

	/* a row of the stream as it is may have been stored before ADD COLUMN */
	slot_getallattrs(row);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, row->tts_values,
		   sizeof(Datum) * results->desc->natts);
	memcpy(slot->tts_isnull, row->tts_isnull,
		   sizeof(bool) * results->desc->natts);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	results->bytes += ExecFetchSlotHeapTuple(slot, false, NULL)->t_len;
	if (++results->nrows == MAX_ROWS || results->bytes >= MAX_BYTES)
		flush(results, true);
}

void
stream_results_add(StreamResults *results, TupleTableSlot *row)
{
	if (results->held)
		tuplestore_puttupleslot(results->held, row);
	else
		add_row(results, row);
}

/* Ends the batch. */
static void
clean_up(StreamResults *results)
{
	if (results->held)
		tuplestore_end(results->held);
	results->held = NULL;
	if (results->bulk)
		FreeBulkInsertState(results->bulk);
	if (results->estate)
	{
		/* rows of triggers hold on to their row type */
		ExecResetTupleTable(results->estate->es_tupleTable, false);
		ExecCloseResultRelations(results->estate);
		FreeExecutorState(results->estate);
	}
	results->bulk = NULL;
	results->estate = NULL;
	results->result_rel = NULL;
	results->rel = NULL;
}

bool
stream_results_close(StreamResults *results)
{
	if (results->held && tuplestore_tuple_count(results->held) > 0)
		return false;
	if (results->nrows > 0)
		flush(results, false);
	clean_up(results);
	return true;
}

void
stream_results_write_held(StreamResults *results)
{
	TupleTableSlot *row = MakeSingleTupleTableSlot(results->desc,
												   &TTSOpsMinimalTuple);
	MemoryContext old;

	prepare_flush(results, false);
	old = MemoryContextSwitchTo(results->estate->es_query_cxt);
	results->triggers = stream_triggers_begin(results->estate,
											  results->result_rel,
											  results->ops);
	MemoryContextSwitchTo(old);
	tuplestore_rescan(results->held);
	while (tuplestore_gettupleslot(results->held, true, false, row))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(results, row);
	}
	if (results->nrows > 0)
		flush(results, false);
	ExecDropSingleTupleTableSlot(row);
}

void
stream_results_fire(StreamResults *results)
{
	stream_triggers_end(results->triggers);
	results->triggers = NULL;
	clean_up(results);
}
