/*-------------------------------------------------------------------------
 *
 * statetable.c
 *	  Finding and writing rows of a state table.
 *
 * What the state store does on disk, for the length of one batch.  Everything is
 * opened when it is first needed: a batch that only updates rows in place (HOT)
 * opens no index at all.
 *
 * heap_update does not prune, and nobody else may ever read the page, so a full
 * page is offered for pruning before a row on it is updated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/statetable.h"

/* So much may look-ups leave behind. */
#define LOOKING_SIZE (1024 * 1024)

void
stream_statetable_open(StreamStateTable *table, Relation rel, int nkeys,
					   const Oid *eqops, const Oid *collations,
					   int timed_by, int64 alive_after)
{
	Size		row_size = table->row_size;

	memset(table, 0, sizeof(*table));
	table->rel = rel;
	table->nkeys = nkeys;
	table->eqops = eqops;
	table->collations = collations;
	table->timed_by = timed_by;
	table->alive_after = alive_after;
	table->context = CurrentMemoryContext;
	table->row_size = row_size;
	table->inserted_block = InvalidBlockNumber;
}

void
stream_statetable_close(StreamStateTable *table)
{
	if (table->all)
		table_endscan(table->all);
	if (table->lookup)
	{
		STREAM_DEBUG_POINT("lookups-end");
		index_endscan(table->lookup);
		MemoryContextDelete(table->looking);
	}
	if (table->index)
		index_close(table->index, NoLock);
	if (table->found)
		ExecDropSingleTupleTableSlot(table->found);
	if (table->estate)
	{
		ExecCloseIndices(table->result_rel);
		FreeExecutorState(table->estate);
	}
	table->all = NULL;
	table->lookup = NULL;
	table->looking = NULL;
	table->conditions = NULL;
	table->index = NULL;
	table->found = NULL;
	table->estate = NULL;
	table->rel = NULL;
}

/* ---- finding ---- */

/*
 * Is it the index on the keys, a unique one unless there are many rows: exactly the
 * first nkeys columns, and the time?
 */
static bool
is_key_index(StreamStateTable *table, Form_pg_index form)
{
	int			n = table->nkeys;

	if (!form->indisvalid || form->indisunique == table->many ||
		(form->indisunique && !form->indnullsnotdistinct))
		return false;
	for (int i = 0; i < Min(n, form->indnkeyatts); i++)
		if (form->indkey.values[i] != i + 1)
			return false;
	if (table->timed_by == STREAM_NOT_TIMED)
		return form->indnkeyatts == n + table->nordered;
	return form->indnkeyatts == n + 1 &&
		form->indkey.values[n] == Max(table->timed_by, 0);
}

/* Opens the index on the keys. */
static void
open_key_index(StreamStateTable *table)
{
	List	   *indexes = RelationGetIndexList(table->rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), RowExclusiveLock);

		if (index->rd_rel->relam == BTREE_AM_OID &&
			is_key_index(table, index->rd_index))
		{
			table->index = index;
			break;
		}
		index_close(index, RowExclusiveLock);
	}
	if (table->index == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("state table \"%s\" has no unique index on its keys",
						RelationGetRelationName(table->rel)),
				 errhint("Drop the continuous view and create it anew.")));
	table->looking = AllocSetContextCreate(table->context,
										   "look-ups in a state table",
										   ALLOCSET_DEFAULT_SIZES);
}

static void
begin_lookups(StreamStateTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(table->looking);

	table->lookup =
		stream_compat_index_beginscan(table->rel, table->index, SnapshotSelf,
									  NULL, table->nkeys +
									  (table->timed_by != STREAM_NOT_TIMED),
									  0);
	MemoryContextSwitchTo(old);
}

/*
 * What compares keys may leave something behind each time, as range_eq does, and the scan
 * has things in the same memory: it begins anew.
 */
static void
bound_lookups(StreamStateTable *table)
{
	if (MemoryContextMemAllocated(table->looking, true) < LOOKING_SIZE ||
		STREAM_MUTATION("lookups_leak"))
		return;
	index_endscan(table->lookup);
	table->lookup = NULL;
	MemoryContextReset(table->looking);
	begin_lookups(table);
}

/* What the index is asked, but for the values. */
static void
make_conditions(StreamStateTable *table)
{
	int			n = table->nkeys;

	table->conditions = MemoryContextAllocZero(table->context,
											   sizeof(ScanKeyData) * (n + 1));
	for (int i = 0; i < n; i++)
		ScanKeyEntryInitialize(&table->conditions[i], 0, i + 1,
							   BTEqualStrategyNumber, InvalidOid,
							   table->collations[i],
							   get_opcode(table->eqops[i]), (Datum) 0);
	/* both kinds of timestamp compare alike */
	if (table->timed_by != STREAM_NOT_TIMED)
		ScanKeyInit(&table->conditions[n], n + 1,
					BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT, (Datum) 0);
}

/* Asks the index for the keys. */
static void
ask_index(StreamStateTable *table, TupleTableSlot *keys)
{
	if (table->lookup == NULL)
	{
		open_key_index(table);
		make_conditions(table);
		begin_lookups(table);
	}
	else
		bound_lookups(table);
	for (int i = 0; i < table->nkeys; i++)
	{
		ScanKey		key = &table->conditions[i];
		bool		isnull = keys->tts_isnull[i];

		/* IS NULL has no operator; its strategy is the index's own business */
		key->sk_flags = isnull ? SK_ISNULL | SK_SEARCHNULL : 0;
		key->sk_strategy = isnull ? InvalidStrategy : BTEqualStrategyNumber;
		key->sk_collation = isnull ? InvalidOid : table->collations[i];
		key->sk_argument = isnull ? (Datum) 0 : keys->tts_values[i];
	}
	if (table->timed_by != STREAM_NOT_TIMED)
		table->conditions[table->nkeys].sk_argument =
			Int64GetDatum(table->alive_after);
	index_rescan(table->lookup, table->conditions,
				 table->lookup->numberOfKeys, NULL, 0);
}

/* Looks the keys up in the index. */
static bool
find_by_keys(StreamStateTable *table, TupleTableSlot *keys)
{
	MemoryContext old;
	bool		found;

	ask_index(table, keys);
	old = MemoryContextSwitchTo(table->looking);
	found = index_getnext_slot(table->lookup, ForwardScanDirection,
							   table->found);
	MemoryContextSwitchTo(old);
	return found;
}

static void
make_found(StreamStateTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(table->context);

	if (table->found == NULL)
		table->found = table_slot_create(table->rel, NULL);
	MemoryContextSwitchTo(old);
}

void
stream_statetable_fetch(StreamStateTable *table, ItemPointer tid)
{
	make_found(table);
	if (!table_tuple_fetch_row_version(table->rel, tid, SnapshotAny,
									   table->found))
		elog(ERROR, "row of a group has gone");
}

/* What the scan allocates lives as long as the batch. */
bool
stream_statetable_find(StreamStateTable *table, TupleTableSlot *keys)
{
	MemoryContext old = MemoryContextSwitchTo(table->context);
	bool		found;

	make_found(table);
	if (table->nkeys > 0 || table->nordered > 0 ||
		table->timed_by != STREAM_NOT_TIMED)
		found = find_by_keys(table, keys);
	else
	{
		if (table->all)
			table_endscan(table->all);
		table->all = table_beginscan(table->rel, SnapshotSelf, 0, NULL);
		found = table_scan_getnextslot(table->all, ForwardScanDirection,
									   table->found);
		if (!table->many)
		{
			/* the slot points into what the scan is about to free */
			if (found)
				ExecMaterializeSlot(table->found);
			table_endscan(table->all);
			table->all = NULL;
		}
	}
	MemoryContextSwitchTo(old);
	return found;
}

int
stream_statetable_places(StreamStateTable *table, TupleTableSlot *keys,
						 ItemPointer tid)
{
	MemoryContext old = MemoryContextSwitchTo(table->context);
	int			n = 0;
	ItemPointer next;

	ask_index(table, keys);
	MemoryContextSwitchTo(table->looking);
	while (n < 2 && (next = index_getnext_tid(table->lookup,
											  ForwardScanDirection)) != NULL)
		if (n++ == 0)
			*tid = *next;
	MemoryContextSwitchTo(old);
	return n;
}

void
stream_statetable_end_places(StreamStateTable *table)
{
	if (table->lookup)
		index_rescan(table->lookup, NULL, table->lookup->numberOfKeys, NULL, 0);
}

/*
 * The server's own look-up by TID would offer each page for pruning: as for updates,
 * which do so where it is needed, that is too often.
 */
bool
stream_statetable_fetch_place(StreamStateTable *table, const ItemPointerData *tid)
{
	ItemPointerData at = *tid;
	HeapTuple	tuple;
	Buffer		buffer;
	bool		found;

	make_found(table);
	ExecClearTuple(table->found);
	tuple = &((BufferHeapTupleTableSlot *) table->found)->base.tupdata;
	buffer = ReadBuffer(table->rel, ItemPointerGetBlockNumber(tid));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	found = heap_hot_search_buffer(&at, table->rel, buffer, SnapshotSelf,
								   tuple, NULL, true);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	if (found)
		ExecStorePinnedBufferHeapTuple(tuple, table->found, buffer);
	else
		ReleaseBuffer(buffer);
	return found;
}

bool
stream_statetable_find_next(StreamStateTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(table->all ? table->context :
											  table->looking);
	bool		found = table->all ?
		table_scan_getnextslot(table->all, ForwardScanDirection,
							   table->found) :
		index_getnext_slot(table->lookup, ForwardScanDirection, table->found);

	MemoryContextSwitchTo(old);
	return found;
}

/* ---- writing ---- */

/* Sets up what index entries need, once per batch. */
static void
open_indices(StreamStateTable *table)
{
	MemoryContext old;

	if (table->estate)
		return;
	old = MemoryContextSwitchTo(table->context);
	table->estate = CreateExecutorState();
	MemoryContextSwitchTo(table->estate->es_query_cxt);
	table->result_rel = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result_rel, table->rel, 0, NULL, 0);
	ExecOpenIndices(table->result_rel, false);
	MemoryContextSwitchTo(old);
}

static void
insert_index_entries(StreamStateTable *table, TupleTableSlot *slot,
					 bool update, bool only_summarizing)
{
	open_indices(table);
	if (table->result_rel->ri_NumIndices > 0)
		list_free(stream_compat_insert_index_tuples(table->result_rel, slot,
													table->estate, update,
													false, NULL, NIL,
													only_summarizing));
	ResetPerTupleExprContext(table->estate);
}

Buffer
stream_statetable_insert(StreamStateTable *table, TupleTableSlot *slot)
{
	table_tuple_insert(table->rel, slot, GetCurrentCommandId(true),
					   0, NULL);
	insert_index_entries(table, slot, false, false);
	return stream_statetable_buffer(table, &slot->tts_tid);
}

Buffer
stream_statetable_buffer(StreamStateTable *table, ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);

	if (block != table->inserted_block)
	{
		table->inserted_block = block;
		table->inserted_buffer = ReadBuffer(table->rel, block);
		ReleaseBuffer(table->inserted_buffer);
	}
	return table->inserted_buffer;
}

void
stream_statetable_insert_rows(StreamStateTable *table, TupleTableSlot **slots,
							  int n)
{
	MemoryContext old;

	open_indices(table);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(table->estate));
	table_multi_insert(table->rel, slots, n, GetCurrentCommandId(true), 0,
					   NULL);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(table->estate);
}

void
stream_statetable_insert_entries(StreamStateTable *table, TupleTableSlot *slot)
{
	insert_index_entries(table, slot, false, false);
}

void
stream_statetable_insert_all(StreamStateTable *table, TupleTableSlot **slots,
							 int n)
{
	if (n == 0)
		return;
	stream_statetable_insert_rows(table, slots, n);
	for (int i = 0; i < n; i++)
		stream_statetable_insert_entries(table, slots[i]);
}

/* Does the page look as if the new version of a row would fit? */
static bool
has_room(StreamStateTable *table, Page page)
{
	PageHeader	header = (PageHeader) page;

	return header->pd_upper >= header->pd_lower + table->row_size +
		sizeof(ItemIdData);
}

/*
 * Offers the page of the row for pruning if the new version would not fit.  The
 * server's own rule would prune at nearly every update, since half of the page
 * is meant to be free.
 *
 * The looks at the page are without a lock, the first even without a pin, at
 * where it was the last time (or at some other page by now): they only decide
 * whether pruning is worth a try.  Returns the buffer to look at next time.
 */
static Buffer
prune_page(StreamStateTable *table, ItemPointer tid, Buffer buffer)
{
	if (BufferIsValid(buffer) && has_room(table, BufferGetPage(buffer)))
		return buffer;
	buffer = ReadBuffer(table->rel, ItemPointerGetBlockNumber(tid));
	if (!has_room(table, BufferGetPage(buffer)))
		heap_page_prune_opt(table->rel, buffer);
	ReleaseBuffer(buffer);
	return buffer;
}

static void
check_result(StreamStateTable *table, TM_Result result)
{
	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("state table \"%s\" was changed by another session",
						RelationGetRelationName(table->rel)),
				 errhint("Only the extension may write to it.")));
}

void
stream_statetable_delete(StreamStateTable *table, ItemPointer tid)
{
	TM_FailureData tmfd;

	check_result(table,
				 table_tuple_delete(table->rel, tid, GetCurrentCommandId(true),
									InvalidSnapshot, InvalidSnapshot, true,
									&tmfd, false));
}

Buffer
stream_statetable_update(StreamStateTable *table, ItemPointer tid,
						 Buffer buffer, TupleTableSlot *slot)
{
	TM_FailureData tmfd;
	LockTupleMode lockmode;
	TU_UpdateIndexes update_indexes;
	TM_Result	result;
	HeapTuple	tuple;

	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);
	table->row_size = Min(MAXALIGN(tuple->t_len), BLCKSZ / 4);
	buffer = prune_page(table, tid, buffer);
	result = table_tuple_update(table->rel, tid, slot,
								GetCurrentCommandId(true), InvalidSnapshot,
								InvalidSnapshot, true, &tmfd, &lockmode,
								&update_indexes);
	check_result(table, result);
	if (update_indexes != TU_None)
		insert_index_entries(table, slot, true,
							 stream_compat_only_summarizing(update_indexes));
	return buffer;
}
