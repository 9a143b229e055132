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
 * Density.  Finding room at the end is space.c's.
 *
 * Building indexes.  heap_getnext() insists on heap's own routine, so that is
 * lent to the relation while heap scans it for an index.  An invalidation in
 * the middle would put ours back, hence the relcache callback.
 *
 * Checking pages.  amcheck insists on heap's name, too: on the OID of the access
 * method in the relation's pg_class row, of which the relation cache has a copy.
 * For the time of a call that one is lent as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "stream/space.h"
#include "stream/am.h"

/* Heap's routine, and perhaps its name, are lent to this relation. */
typedef struct Loan
{
	Relation	rel;
	Oid			amid;			/* its own name, or InvalidOid: heap's is not lent */
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

PG_FUNCTION_INFO_V1(stream_am_handler);

void		(*stream_am_before_rewrite) (Relation rel) = NULL;
void		(*stream_am_before_truncate) (Relation rel) = NULL;
void		(*stream_am_before_copy) (Oid relid) = NULL;

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

/* ------------------------------------------------------------------ inserts */

/* Is it a change stream?  The relation cache's entry remembers the answer. */
static bool
is_changes(Relation rel)
{
	if (rel->rd_amcache == NULL)
	{
		bool		answer =
			OidIsValid(stream_catalog_view_of_changes(RelationGetRelid(rel)));
		bool	   *cached = MemoryContextAlloc(CacheMemoryContext, sizeof(bool));

		*cached = answer;
		rel->rd_amcache = cached;
	}
	return *(bool *) rel->rd_amcache;
}

/*
 * A change stream says what batches have done: nobody else puts rows there, in whatever
 * way.
 */
static void
check_writer(Relation rel, int *options)
{
	Oid			viewid;

	if (*options & STREAM_AM_INSERT_BY_BATCH)
		*options &= ~STREAM_AM_INSERT_BY_BATCH;
	else if (is_changes(rel) && !STREAM_MUTATION("writer"))
	{
		viewid = stream_catalog_view_of_changes(RelationGetRelid(rel));
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot insert into \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("It is the change stream of continuous view \"%s\", and only the batches of that write to it.",
						   get_rel_name(viewid)),
				 errhint("Insert rows into the stream that the view reads.")));
	}
}

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

	check_writer(rel, &options);
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
		len = stream_space_tuple_length(rel, tuple, &toasted);
		reserved = stream_space_reserve(rel, len, stream_space_row(len),
										bistate, &share);
	}

	heap_insert(rel, tuple, cid, options, bistate);
	ItemPointerCopy(&tuple->t_self, &slot->tts_tid);

	if (BufferIsValid(reserved))
	{
		if (toasted)
			stream_space_learn(rel, tuple, reserved);
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
	Size		len = stream_space_slot_length(rel, slots[0]);
	Size		total = stream_space_row(len);

	for (int i = 1; i < nslots; i++)
	{
		len = stream_space_slot_length(rel, slots[i]);
		if (total + stream_space_row(len) > usage / 8)
			break;
		total += stream_space_row(len);
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

	check_writer(rel, &options);
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
		Size		len = stream_space_slot_length(rel, slots[done]);
		Size		used = 0;
		Size		share;
		Size		want = batch_room(rel, slots + done, nslots - done);
		Buffer		reserved;
		int			end = done;

		reserved = stream_space_reserve(rel, len, want, bistate, &share);
		do
		{
			used += stream_space_row(len);
			if (++end == nslots)
				break;
			len = stream_space_slot_length(rel, slots[end]);
		} while (used + stream_space_row(len) <= share);

		heap_multi_insert(rel, slots + done, end - done, cid, options,
						  bistate);
		if (BufferIsValid(reserved))
			ReleaseBuffer(reserved);
		done = end;
	}
	stream_shmem_note_write(rel);
}

/* ----------------------------------------------------------------- refusals */

pg_noreturn static void refuse(CmdType operation, const char *name);

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
			 TU_UpdateIndexes *update_indexes)
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

		/* what becomes of results of views is for guard.c to say */
		if (stream_am_relid_is_stream(relid) &&
			get_rel_namespace(relid) != stream_catalog_schema())
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

/* Does a view read the relation by its name? */
static bool
is_read(Oid relid)
{
	ListCell   *lc;

	foreach(lc, stream_catalog_views())
		if (list_member_oid(((StreamViewRow *) lfirst(lc))->streams, relid))
			return true;
	return false;
}

/*
 * The end of the table stays: writers have seen how many blocks there are.  But only
 * batches write to the result or the change stream of a view, and where no position is
 * about it, the end may go: a batch that fails again and again leaves rows there that
 * nobody sees.
 */
static void
relation_vacuum(Relation rel, struct VacuumParams *params,
				BufferAccessStrategy bstrategy)
{
	VacuumParams copy = *params;

	if (!OidIsValid(stream_catalog_view_of(RelationGetRelid(rel))) ||
		(is_read(RelationGetRelid(rel)) && !STREAM_MUTATION("vacuum_result")))
		copy.truncate = VACOPTVALUE_DISABLED;
	GetHeapamTableAmRoutine()->relation_vacuum(rel, &copy, bstrategy);
}

static void
lend_heap(const Loan *loan)
{
	loan->rel->rd_tableam = GetHeapamTableAmRoutine();
	if (OidIsValid(loan->amid))
		loan->rel->rd_rel->relam = HEAP_TABLE_AM_OID;
}

/* name: heap's name as well */
static void
borrow_heap(Loan *loan, Relation rel, bool name)
{
	loan->rel = rel;
	loan->amid = name ? rel->rd_rel->relam : InvalidOid;
	loan->outer = loans;
	loans = loan;
	lend_heap(loan);
}

static void
return_heap(Loan *loan)
{
	loans = loan->outer;
	if (OidIsValid(loan->amid))
		loan->rel->rd_rel->relam = loan->amid;
	loan->rel->rd_tableam = &routine;

	/* an outer loan may have it, too */
	for (Loan *outer = loans; outer != NULL; outer = outer->outer)
	{
		if (outer->rel == loan->rel)
			lend_heap(outer);
	}
}

/* The entry has been rebuilt, with our routine and name: lend heap's again. */
static void
relcache_callback(Datum arg, Oid relid)
{
	for (Loan *loan = loans; loan != NULL; loan = loan->outer)
	{
		if (relid == InvalidOid || relid == RelationGetRelid(loan->rel))
			lend_heap(loan);
	}
}

void
stream_am_as_heap(Relation rel, void (*callback) (Relation rel, void *arg),
				  void *arg)
{
	Loan		loan;

	borrow_heap(&loan, rel, true);
	PG_TRY();
	{
		callback(rel, arg);
	}
	PG_FINALLY();
	{
		return_heap(&loan);
	}
	PG_END_TRY();
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

	borrow_heap(&loan, rel, false);
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

	borrow_heap(&loan, rel, false);
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

/*
 * New storage: of a relation that is being made, which includes what a rewrite
 * copies into; or TRUNCATE's.
 */
static void
relation_set_new_filelocator(Relation rel, const RelFileLocator *locator,
							 char persistence, TransactionId *freeze_xid,
							 MultiXactId *min_multi)
{
	Oid			relid;

	if (stream_am_before_truncate &&
		rel->rd_createSubid == InvalidSubTransactionId)
		stream_am_before_truncate(rel);
	/* what the server calls the table that a rewrite copies into */
	if (stream_am_before_copy &&
		sscanf(RelationGetRelationName(rel), "pg_temp_%u", &relid) == 1)
		stream_am_before_copy(relid);
	GetHeapamTableAmRoutine()->relation_set_new_filelocator(rel, locator,
															persistence,
															freeze_xid,
															min_multi);
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
		routine.relation_set_new_filelocator = relation_set_new_filelocator;

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

/* The relation's access method, if any; its kind too. */
static Oid
access_method(Oid relid, char *relkind)
{
	HeapTuple	tuple;
	Oid			amid;

	*relkind = '\0';
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	amid = ((Form_pg_class) GETSTRUCT(tuple))->relam;
	*relkind = ((Form_pg_class) GETSTRUCT(tuple))->relkind;
	ReleaseSysCache(tuple);
	return amid;
}

static bool
is_ours(Oid amid)
{
	HeapTuple	tuple;
	Oid			handler;

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

bool
stream_am_relid_is_stream(Oid relid)
{
	char		relkind;
	Oid			amid = access_method(relid, &relkind);

	return relkind != RELKIND_PARTITIONED_TABLE && is_ours(amid);
}

bool
stream_am_is_root(Oid relid)
{
	char		relkind;
	Oid			amid = access_method(relid, &relkind);

	return relkind == RELKIND_PARTITIONED_TABLE && is_ours(amid);
}

bool
stream_am_may_have_streams(Oid relid)
{
	char		relkind;
	Oid			amid = access_method(relid, &relkind);

	return relkind == RELKIND_PARTITIONED_TABLE &&
		(amid == InvalidOid || is_ours(amid));
}

void
stream_am_install(void)
{
	(void) stream_am_routine();
	stream_space_install();
}
