/*-------------------------------------------------------------------------
 *
 * am.c
 *	  The table access method "stream".
 *
 * A stream is a heap whose rows are only ever appended.  The access method is
 * heap's, on heap's pages, with few callbacks replaced: those that put rows
 * somewhere, so that a reading position can be kept (the placement rule, see
 * README.md), those that would change or remove rows, which raise an error,
 * and VACUUM, which must not cut off the end of the table.
 *
 * Placement.  A transaction never puts a row below (number of blocks at its
 * first insert under the lock it still holds) - 1.  Heap would choose a page
 * from the free space map, or the one that this process remembers from its
 * last insert, maybe long ago.  So the free space map is never asked, and the
 * remembered page is forgotten at the first insert of each transaction into
 * each relation; heap then begins with the last page.  What it remembers from
 * then on cannot be too low as long as the lock on the relation is held.
 * Only the end of the transaction and the rollback of a savepoint release it;
 * both make us start afresh with every relation.
 *
 * Density.  Without the free space map, a process that finds its page full
 * extends the table.  Many writers do so at the same time, and of all their
 * pages only the last is found again.  So before a row is given to heap we
 * look for a page with room ourselves: the remembered one, the last one, and,
 * after waiting for whoever is extending the table, those appended since; only
 * then do we extend, for everyone who waits.  We hold no lock while heap
 * inserts, so somebody could fill the page first.  Therefore we keep a pin on
 * it, and a page counts as having room only if that suffices for a row of each
 * process that has it pinned.  A reader's pin wastes at most the room of a row.
 * If the guess is wrong nevertheless, heap extends, which costs space and
 * nothing else.
 *
 * Building indexes.  heap_getnext() insists on heap's own routine, so that is
 * lent to the relation while heap scans it for an index.  An invalidation in
 * the middle would put ours back, hence the relcache callback.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/hio.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "partitioning/partdesc.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "debug.h"
#include "shmem.h"
#include "am.h"

/* What PageGetHeapFreeSpace says of an empty page */
#define EMPTY_PAGE_ROOM (BLCKSZ - SizeOfPageHeaderData - sizeof(ItemIdData))

/* Pages looked at, or appended, at a time */
#define MAX_PAGES 8

/* Processes to make room for per attempt that has failed: a sign of a crowd */
#define CROWD 8

/* The locks that those who extend take */
#define TRANCHE "streaming_extend"
#define LOCKS 64

/* Heap's routine is lent to this relation. */
typedef struct Loan
{
	Relation	rel;
	struct Loan *outer;			/* the loan in progress when this one began */
} Loan;

static TableAmRoutine routine;
static bool routine_ready = false;

/*
 * The relations whose remembered page is from this transaction, under a lock
 * that it still holds: the last one written to and, if there are others, all
 * of them in a table in the transaction's memory.
 */
static Oid	placed_last = InvalidOid;
static HTAB *placed = NULL;

static Loan *loans = NULL;
static shmem_request_hook_type prev_shmem_request_hook = NULL;

/* What the last row of this relation that was toasted took in its page. */
static Oid	toasted_relid = InvalidOid;
static Size toasted_length = 0;

PG_FUNCTION_INFO_V1(stream_am_handler);

void		(*stream_am_before_rewrite) (Relation rel) = NULL;

/* ---------------------------------------------------------------- placement */

static void
forget_placed(void)
{
	placed_last = InvalidOid;
	if (placed != NULL)
	{
		HTAB	   *table = placed;

		placed = NULL;
		hash_destroy(table);
	}
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		forget_placed();
}

/* A rolled-back savepoint may have taken the lock on any relation with it. */
static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid,
				 SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && !STREAM_MUTATION("subxact"))
		forget_placed();
}

/* True the first time since forget_placed that it is asked about a relation. */
static bool
first_insert(Oid relid)
{
	bool		found;

	/* mostly it is the only one, which needs no table */
	if (placed_last == InvalidOid)
		return true;
	if (placed == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(Oid);
		ctl.hcxt = TopTransactionContext;
		placed = hash_create("streams written to", 16, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		(void) hash_search(placed, &placed_last, HASH_ENTER, &found);
	}
	(void) hash_search(placed, &relid, HASH_ENTER, &found);
	return !found;
}

/*
 * Before an insert: makes heap begin at the end of the relation if this is the
 * transaction's first under its lock.
 */
static void
place(Relation rel, BulkInsertState bistate)
{
	Oid			relid = RelationGetRelid(rel);

	if (relid == placed_last)
		return;
	if (first_insert(relid))
	{
		RelationSetTargetBlock(rel, InvalidBlockNumber);
		if (bistate != NULL)
			ReleaseBulkInsertStatePin(bistate);
	}
	placed_last = relid;
}

/* ------------------------------------------------------------------ density */

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestNamedLWLockTranche(TRANCHE, LOCKS);
}

/*
 * Where those line up who want to extend the relation.  Relations may share
 * one: it is held for moments only.
 */
static LWLock *
extension_lock(Relation rel)
{
	static LWLockPadded *locks = NULL;
	uint32		hash = murmurhash32(rel->rd_node.relNode ^ rel->rd_node.dbNode);

	if (locks == NULL)
		locks = GetNamedLWLockTranche(TRANCHE);
	return &locks[hash % LOCKS].lock;
}

/*
 * The length that the tuple will have in its page.  What toasting will make of
 * it is not known before it is done; rows of a table tend to be alike.
 */
static Size
stored_length(Relation rel, HeapTuple tuple, bool *toasted)
{
	*toasted = HeapTupleHasExternal(tuple) ||
		tuple->t_len > TOAST_TUPLE_THRESHOLD;
	if (!*toasted)
		return tuple->t_len;
	if (toasted_relid == RelationGetRelid(rel))
		return toasted_length;
	return Min(tuple->t_len,
			   RelationGetToastTupleTarget(rel, TOAST_TUPLE_TARGET));
}

static Size
slot_length(Relation rel, TupleTableSlot *slot)
{
	bool		toasted;

	return stored_length(rel, ExecFetchSlotHeapTuple(slot, true, NULL),
						 &toasted);
}

/* Learns from the toasted tuple that has gone to the page pinned as buffer. */
static void
learn_stored_length(Relation rel, HeapTuple tuple, Buffer buffer)
{
	ItemId		item;

	if (ItemPointerGetBlockNumber(&tuple->t_self) !=
		BufferGetBlockNumber(buffer))
		return;

	/* our pin and our being in progress keep the row where it is */
	item = PageGetItemId(BufferGetPage(buffer),
						 ItemPointerGetOffsetNumber(&tuple->t_self));
	toasted_relid = RelationGetRelid(rel);
	toasted_length = ItemIdGetLength(item);
}

/*
 * How many bytes of the page, pinned by us, we may count on for rows and their
 * line pointers, the next row being of this length: an equal share of the room
 * for each process that has the page pinned.  The page is not locked, so this
 * is a guess.  The pins are read first: a process that inserts in between is
 * rather counted twice than not at all.
 */
static Size
share_of_page(Relation rel, Buffer buffer, Size len)
{
	Page		page = BufferGetPage(buffer);
	uint32		state;
	Size		pins;
	Size		room;
	Size		spare;
	Size		nearly_empty;

	state = pg_atomic_read_u32(&GetBufferDescriptor(buffer - 1)->state);
	pins = Max(BUF_STATE_GET_REFCOUNT(state), 1);
	pg_read_barrier();

	if (PageIsNew(page))
		room = EMPTY_PAGE_ROOM;
	else
		room = PageGetHeapFreeSpace(page);

	/* what heap asks for, see RelationGetBufferForTuple */
	spare = RelationGetTargetPageFreeSpace(rel, HEAP_DEFAULT_FILLFACTOR);
	nearly_empty = MaxHeapTupleSize -
		MaxHeapTuplesPerPage / 8 * sizeof(ItemIdData);
	if (MAXALIGN(len) + spare > nearly_empty)
	{
		if (room < Max(MAXALIGN(len), nearly_empty))
			return 0;
		spare = room - MAXALIGN(len);
	}
	if (room < MAXALIGN(len) + spare)
		return 0;

	return (room - spare + sizeof(ItemIdData)) / pins;
}

/*
 * The same as ReadBuffer, but faster for the page asked for last: rows mostly
 * follow each other on one page.
 */
static Buffer
pin_page(Relation rel, BlockNumber block)
{
	static Buffer recent = InvalidBuffer;

	if (!BufferIsValid(recent) ||
		!ReadRecentBuffer(rel->rd_node, MAIN_FORKNUM, block, recent))
		recent = ReadBuffer(rel, block);
	return recent;
}

/* What a row of this length takes in a page. */
static inline Size
row_room(Size len)
{
	return MAXALIGN(len) + sizeof(ItemIdData);
}

/*
 * Looks for room in the last page, or in those appended since the last look;
 * *next is the first block to look at.  Returns a pin on the page, or
 * InvalidBuffer.
 */
static Buffer
room_at_end(Relation rel, Size len, Size want, BlockNumber *next)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	BlockNumber block;

	if (nblocks == 0)
		return InvalidBuffer;
	block = Min(*next, nblocks - 1);
	if (nblocks - block > MAX_PAGES)
		block = nblocks - MAX_PAGES;
	*next = nblocks;

	for (; block < nblocks; block++)
	{
		Buffer		buffer = pin_page(rel, block);

		if (share_of_page(rel, buffer, len) >= want)
			return buffer;
		ReleaseBuffer(buffer);
	}
	return InvalidBuffer;
}

/*
 * Appends pages for so many processes like us, and returns a pin on the first.
 * They stay as the extension made them, zeroes: whoever puts the first row on
 * a page initialises it, and WAL-logs that.
 */
static Buffer
add_pages(Relation rel, Size want, int askers, BulkInsertState bistate)
{
	int			per_page = Max(EMPTY_PAGE_ROOM / want, 1);
	int			pages = Min((askers + per_page - 1) / per_page, MAX_PAGES);
	BufferAccessStrategy strategy = bistate != NULL ? bistate->strategy : NULL;
	Buffer		first = InvalidBuffer;

	LockRelationForExtension(rel, ExclusiveLock);
	for (int i = 0; i < pages; i++)
	{
		Buffer		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, P_NEW,
												RBM_ZERO_AND_LOCK, strategy);

		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		if (i == 0)
			first = buffer;
		else
			ReleaseBuffer(buffer);
	}
	UnlockRelationForExtension(rel, ExclusiveLock);
	return first;
}

/*
 * Finds room at the end, or makes some; returns a pin on the page.
 *
 * One process extends, the others sleep until it is done, and all look again
 * at the same time.  The heavyweight extension lock would be handed from one
 * to the next, each of them woken only to find that there is room by now; with
 * long rows and many writers that halves the throughput.  It is taken inside,
 * against those who extend the file without asking us.  None of these waits
 * for our lock, so there can be no deadlock.
 */
static Buffer
get_room_at_end(Relation rel, Size len, Size want, BulkInsertState bistate)
{
	LWLock	   *lock = extension_lock(rel);
	BlockNumber next = InvalidBlockNumber;
	Buffer		buffer;
	int			tries = 0;

	for (;;)
	{
		buffer = room_at_end(rel, len, want, &next);
		if (BufferIsValid(buffer))
			return buffer;
		if (LWLockAcquireOrWait(lock, LW_EXCLUSIVE))
			break;
		tries++;
	}

	buffer = room_at_end(rel, len, want, &next);
	if (!BufferIsValid(buffer))
		buffer = add_pages(rel, want, 1 + tries * CROWD, bistate);
	LWLockRelease(lock);
	return buffer;
}

/*
 * Shows heap a page with room for a row of this length, and for want bytes
 * unless bistate is in the middle of a page.  Returns a pin on the page, which
 * reserves the room and is to be released when the rows are in, or
 * InvalidBuffer if bistate has a pin already or heap is to find the page.
 * *share is set to the bytes that rows may take there.
 */
static Buffer
reserve_room(Relation rel, Size len, Size want, BulkInsertState bistate,
			 Size *share)
{
	BlockNumber target = RelationGetTargetBlock(rel);
	Buffer		buffer;

	/*
	 * Heap can do it when nobody else is writing; it will refuse what is too
	 * long; and without shared memory it has to.
	 */
	*share = MaxAllocSize;
	if (RELATION_IS_LOCAL(rel) || MAXALIGN(len) > MaxHeapTupleSize ||
		!stream_shmem_available())
		return InvalidBuffer;

	/* the page that heap would take */
	if (bistate != NULL && BufferIsValid(bistate->current_buf))
	{
		*share = share_of_page(rel, bistate->current_buf, len);
		if (*share >= row_room(len))
			return InvalidBuffer;
	}
	else if (BlockNumberIsValid(target))
	{
		buffer = pin_page(rel, target);
		*share = share_of_page(rel, buffer, len);
		if (*share >= want)
			return buffer;
		ReleaseBuffer(buffer);
	}

	buffer = get_room_at_end(rel, len, want, bistate);
	*share = share_of_page(rel, buffer, len);
	if (bistate != NULL)
		ReleaseBulkInsertStatePin(bistate);
	RelationSetTargetBlock(rel, BufferGetBlockNumber(buffer));
	return buffer;
}

/* ------------------------------------------------------------------ inserts */

/* The same as heap's callback, but for the choice of the page. */
static void
insert_slot(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
			BulkInsertState bistate, uint32 *token)
{
	bool		should_free;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, true, &should_free);
	Buffer		reserved = InvalidBuffer;
	bool		toasted = false;
	Size		len;
	Size		share;

	slot->tts_tableOid = RelationGetRelid(rel);
	tuple->t_tableOid = slot->tts_tableOid;
	if (token != NULL)
	{
		HeapTupleHeaderSetSpeculativeToken(tuple->t_data, *token);
		options |= HEAP_INSERT_SPECULATIVE;
	}

	if (!STREAM_MUTATION("placement"))
	{
		options |= TABLE_INSERT_SKIP_FSM;
		place(rel, bistate);
		len = stored_length(rel, tuple, &toasted);
		reserved = reserve_room(rel, len, row_room(len), bistate, &share);
	}

	heap_insert(rel, tuple, cid, options, bistate);
	ItemPointerCopy(&tuple->t_self, &slot->tts_tid);

	if (BufferIsValid(reserved))
	{
		if (toasted)
			learn_stored_length(rel, tuple, reserved);
		ReleaseBuffer(reserved);
	}
	if (should_free)
		pfree(tuple);

	stream_shmem_note_write(rel);
}

static void
tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
			 BulkInsertState bistate)
{
	insert_slot(rel, slot, cid, options, bistate, NULL);
}

static void
tuple_insert_speculative(Relation rel, TupleTableSlot *slot, CommandId cid,
						 int options, BulkInsertState bistate, uint32 token)
{
	insert_slot(rel, slot, cid, options, bistate, &token);
}

/*
 * The room that these rows should find on one page: for all of them if they
 * are few, so that many small COPYs at a time do not each spill over.
 */
static Size
batch_room(Relation rel, TupleTableSlot **slots, int nslots)
{
	Size		usage = RelationGetTargetPageUsage(rel, HEAP_DEFAULT_FILLFACTOR);
	Size		total = row_room(slot_length(rel, slots[0]));

	for (int i = 1; i < nslots; i++)
	{
		Size		room = row_room(slot_length(rel, slots[i]));

		if (total + room > usage / 8)
			break;
		total += room;
	}
	return total;
}

/*
 * A batch of COPY, in portions that should fit in a page each, so that heap
 * need not look for more room in the middle.
 */
static void
multi_insert(Relation rel, TupleTableSlot **slots, int nslots, CommandId cid,
			 int options, BulkInsertState bistate)
{
	int			done = 0;

	if (STREAM_MUTATION("placement"))
	{
		heap_multi_insert(rel, slots, nslots, cid, options, bistate);
		stream_shmem_note_write(rel);
		return;
	}

	options |= TABLE_INSERT_SKIP_FSM;
	place(rel, bistate);
	while (done < nslots)
	{
		Size		len = slot_length(rel, slots[done]);
		Size		used = 0;
		Size		share;
		Size		want = batch_room(rel, slots + done, nslots - done);
		Buffer		reserved = reserve_room(rel, len, want, bistate, &share);
		int			end = done;

		do
		{
			used += row_room(len);
			if (++end == nslots)
				break;
			len = slot_length(rel, slots[end]);
		} while (used + row_room(len) <= share);

		heap_multi_insert(rel, slots + done, end - done, cid, options,
						  bistate);
		if (BufferIsValid(reserved))
			ReleaseBuffer(reserved);
		done = end;
	}
	stream_shmem_note_write(rel);
}

/* ----------------------------------------------------------------- refusals */

static void refuse(CmdType operation, const char *name)
			pg_attribute_noreturn();

/* CMD_INSERT stands for INSERT ... ON CONFLICT DO UPDATE. */
static void
refuse(CmdType operation, const char *name)
{
	const char *hint;

	if (operation == CMD_DELETE)
		hint = gettext_noop("To get rid of old rows, partition the stream and drop the oldest partitions.");
	else if (operation == CMD_MERGE)
		hint = gettext_noop("Use INSERT, with ON CONFLICT DO NOTHING to skip rows that exist.");
	else if (operation == CMD_INSERT)
		hint = gettext_noop("Use ON CONFLICT DO NOTHING.");
	else
		hint = gettext_noop("Insert another row, or keep what changes in an ordinary table.");

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 operation == CMD_DELETE ?
			 errmsg("cannot delete rows of stream \"%s\"", name) :
			 operation == CMD_MERGE ?
			 errmsg("cannot merge into stream \"%s\"", name) :
			 errmsg("cannot update rows of stream \"%s\"", name),
			 errdetail("A stream is append-only."),
			 errhint("%s", _(hint))));
}

/*
 * These catch what stream_am_check_statement does not see: the appliers of
 * logical replication, and foreign keys' actions.
 */
static TM_Result
tuple_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot,
			 Snapshot crosscheck, bool wait, TM_FailureData *tmfd,
			 bool changingPart)
{
	refuse(CMD_DELETE, RelationGetRelationName(rel));
}

static TM_Result
tuple_update(Relation rel, ItemPointer otid, TupleTableSlot *slot,
			 CommandId cid, Snapshot snapshot, Snapshot crosscheck, bool wait,
			 TM_FailureData *tmfd, LockTupleMode *lockmode,
			 bool *update_indexes)
{
	refuse(CMD_UPDATE, RelationGetRelationName(rel));
}

/* The first leaf of the partitioned table, or InvalidOid. */
static Oid
first_leaf(Oid relid, LOCKMODE lockmode)
{
	Relation	rel = table_open(relid, lockmode);
	PartitionDesc desc = RelationGetPartitionDesc(rel, false);
	Oid			leaf = InvalidOid;

	for (int i = 0; i < desc->nparts && !OidIsValid(leaf); i++)
	{
		if (desc->is_leaf[i])
			leaf = desc->oids[i];
		else
			leaf = first_leaf(desc->oids[i], AccessShareLock);
	}
	table_close(rel, NoLock);
	return leaf;
}

static void
check_modify_table(PlannedStmt *stmt, ModifyTable *plan)
{
	RangeTblEntry *nominal = rt_fetch(plan->nominalRelation, stmt->rtable);
	ListCell   *lc;

	if (plan->operation == CMD_INSERT &&
		plan->onConflictAction != ONCONFLICT_UPDATE)
		return;

	foreach(lc, plan->resultRelations)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), stmt->rtable);
		Oid			relid = rte->relid;

		/*
		 * The partitioned table itself is there for an INSERT, and when all
		 * its partitions were pruned; the statement has locked it.
		 */
		if (rte->relkind == RELKIND_PARTITIONED_TABLE)
			relid = first_leaf(relid, NoLock);

		if (stream_am_relid_is_stream(relid))
		{
			if (nominal->relkind == RELKIND_PARTITIONED_TABLE)
				rte = nominal;
			refuse(plan->operation, get_rel_name(rte->relid));
		}
	}
}

void
stream_am_check_statement(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	ListCell   *lc;

	if (stmt->resultRelations == NIL)
		return;

	/*
	 * The action of a foreign key runs whether there are rows to act on or
	 * not.  Without this, ON DELETE CASCADE would not let go even of rows
	 * that no stream refers to.
	 */
	if (InNoForceRLSOperation())
		return;

	if (stmt->planTree != NULL && IsA(stmt->planTree, ModifyTable))
		check_modify_table(stmt, (ModifyTable *) stmt->planTree);
	if (!stmt->hasModifyingCTE)
		return;
	foreach(lc, stmt->subplans)
	{
		Plan	   *plan = (Plan *) lfirst(lc);

		if (plan != NULL && IsA(plan, ModifyTable))
			check_modify_table(stmt, (ModifyTable *) plan);
	}
}

/* ------------------------------------------------------- vacuum and indexes */

/* The end of the table stays: writers have seen how many blocks there are. */
static void
relation_vacuum(Relation rel, struct VacuumParams *params,
				BufferAccessStrategy bstrategy)
{
	VacuumParams copy = *params;

	copy.truncate = VACOPTVALUE_DISABLED;
	GetHeapamTableAmRoutine()->relation_vacuum(rel, &copy, bstrategy);
}

static void
borrow_heap(Loan *loan, Relation rel)
{
	loan->rel = rel;
	loan->outer = loans;
	loans = loan;
	rel->rd_tableam = GetHeapamTableAmRoutine();
}

static void
return_heap(Loan *loan)
{
	loans = loan->outer;

	/* unless an outer loan has it too */
	for (Loan *outer = loans; outer != NULL; outer = outer->outer)
	{
		if (outer->rel == loan->rel)
			return;
	}
	loan->rel->rd_tableam = &routine;
}

/* The entry has been rebuilt, with our routine: lend heap's again. */
static void
relcache_callback(Datum arg, Oid relid)
{
	for (Loan *loan = loans; loan != NULL; loan = loan->outer)
	{
		if (relid == InvalidOid || relid == RelationGetRelid(loan->rel))
			loan->rel->rd_tableam = GetHeapamTableAmRoutine();
	}
}

static double
index_build_range_scan(Relation rel, Relation index, IndexInfo *info,
					   bool allow_sync, bool anyvisible, bool progress,
					   BlockNumber start_blockno, BlockNumber numblocks,
					   IndexBuildCallback callback, void *callback_state,
					   TableScanDesc scan)
{
	Loan		loan;
	volatile double result = 0;

	borrow_heap(&loan, rel);
	PG_TRY();
	{
		result = rel->rd_tableam->index_build_range_scan(rel, index, info,
														 allow_sync,
														 anyvisible, progress,
														 start_blockno,
														 numblocks, callback,
														 callback_state, scan);
	}
	PG_FINALLY();
	{
		return_heap(&loan);
	}
	PG_END_TRY();
	return result;
}

static void
index_validate_scan(Relation rel, Relation index, IndexInfo *info,
					Snapshot snapshot, struct ValidateIndexState *state)
{
	Loan		loan;

	borrow_heap(&loan, rel);
	PG_TRY();
	{
		rel->rd_tableam->index_validate_scan(rel, index, info, snapshot,
											 state);
	}
	PG_FINALLY();
	{
		return_heap(&loan);
	}
	PG_END_TRY();
}

static void
relation_copy_for_cluster(Relation old, Relation new, Relation index,
						  bool use_sort, TransactionId oldest_xmin,
						  TransactionId *xid_cutoff,
						  MultiXactId *multi_cutoff, double *num_tuples,
						  double *tups_vacuumed, double *tups_recently_dead)
{
	if (stream_am_before_rewrite)
		stream_am_before_rewrite(old);
	GetHeapamTableAmRoutine()->relation_copy_for_cluster(old, new, index,
														 use_sort, oldest_xmin,
														 xid_cutoff,
														 multi_cutoff,
														 num_tuples,
														 tups_vacuumed,
														 tups_recently_dead);
}

/* The TOAST table is an ordinary heap. */
static Oid
relation_toast_am(Relation rel)
{
	return HEAP_TABLE_AM_OID;
}

/* ------------------------------------------------------------------ routine */

const TableAmRoutine *
stream_am_routine(void)
{
	if (!routine_ready)
	{
		routine = *GetHeapamTableAmRoutine();
		routine.tuple_insert = tuple_insert;
		routine.tuple_insert_speculative = tuple_insert_speculative;
		routine.multi_insert = multi_insert;
		routine.tuple_delete = tuple_delete;
		routine.tuple_update = tuple_update;
		routine.relation_vacuum = relation_vacuum;
		routine.index_build_range_scan = index_build_range_scan;
		routine.index_validate_scan = index_validate_scan;
		routine.relation_copy_for_cluster = relation_copy_for_cluster;
		routine.relation_toast_am = relation_toast_am;

		/* not in stream_am_install: streams exist without it being called */
		RegisterXactCallback(xact_callback, NULL);
		RegisterSubXactCallback(subxact_callback, NULL);
		CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
		routine_ready = true;
	}
	return &routine;
}

Datum
stream_am_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(stream_am_routine());
}

bool
stream_am_is_stream(Relation rel)
{
	return rel->rd_tableam == &routine;
}

bool
stream_am_relid_is_stream(Oid relid)
{
	HeapTuple	tuple;
	Oid			amid;
	Oid			handler;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return false;
	amid = ((Form_pg_class) GETSTRUCT(tuple))->relam;
	ReleaseSysCache(tuple);
	if (amid == InvalidOid || amid == HEAP_TABLE_AM_OID)
		return false;

	tuple = SearchSysCache1(AMOID, ObjectIdGetDatum(amid));
	if (!HeapTupleIsValid(tuple))
		return false;
	if (((Form_pg_am) GETSTRUCT(tuple))->amtype != AMTYPE_TABLE)
	{
		ReleaseSysCache(tuple);
		return false;
	}
	handler = ((Form_pg_am) GETSTRUCT(tuple))->amhandler;
	ReleaseSysCache(tuple);

	/* several access methods may have been made with our handler */
	return GetTableAmRoutine(handler) == stream_am_routine();
}

void
stream_am_install(void)
{
	(void) stream_am_routine();
	if (process_shared_preload_libraries_in_progress)
	{
		prev_shmem_request_hook = shmem_request_hook;
		shmem_request_hook = shmem_request;
	}
}
