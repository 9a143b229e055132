/*-------------------------------------------------------------------------
 *
 * space.c
 *	  Room for new rows at the end of a stream.
 *
 * The free space map is never asked (the placement rule, see am.c).  Without
 * it, a process that finds its page full extends the table.  Many writers do
 * so at the same time, and of all their pages only the last is found again.  So
 * before a row is given to heap we look for a page with room ourselves: the
 * remembered one, the last one, and, after waiting for whoever is extending the
 * table, those appended since; only then do we extend, for everyone who waits.
 * We hold no lock while heap inserts, so somebody could fill the page first.
 * Therefore we keep a pin on it, and a page counts as having room only if that
 * suffices for a row of each process that has it pinned.  A reader's pin wastes
 * at most the room of a row.  If the guess is wrong nevertheless, heap extends,
 * which costs space and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/hio.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "stream/space.h"

/* What PageGetHeapFreeSpace says of an empty page */
#define EMPTY_PAGE_ROOM (BLCKSZ - SizeOfPageHeaderData - sizeof(ItemIdData))

/* Pages looked at, or appended, at a time */
#define MAX_PAGES 8

/* Processes to make room for per attempt that has failed: a sign of a crowd */
#define CROWD 8

/* The locks that those who extend take */
#define TRANCHE "streaming_extend"
#define LOCKS 64

static shmem_request_hook_type prev_shmem_request_hook = NULL;

/* What the last row of this relation that was toasted took in its page. */
static Oid	toasted_relid = InvalidOid;
static Size toasted_length = 0;

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
	uint32		hash = murmurhash32(STREAM_COMPAT_RELNUMBER(rel) ^
										  STREAM_COMPAT_DATABASE(rel));

	if (locks == NULL)
		locks = GetNamedLWLockTranche(TRANCHE);
	return &locks[hash % LOCKS].lock;
}

Size
stream_space_tuple_length(Relation rel, HeapTuple tuple, bool *toasted)
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

Size
stream_space_slot_length(Relation rel, TupleTableSlot *slot)
{
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, true, NULL);
	bool		toasted;

	return stream_space_tuple_length(rel, tuple, &toasted);
}

void
stream_space_learn(Relation rel, HeapTuple tuple, Buffer buffer)
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
		!ReadRecentBuffer(STREAM_COMPAT_LOCATOR(rel), MAIN_FORKNUM, block,
						  recent))
		recent = ReadBuffer(rel, block);
	return recent;
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

Buffer
stream_space_reserve(Relation rel, Size len, Size want,
					 BulkInsertState bistate, Size *share)
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
		if (*share >= stream_space_row(len))
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

void
stream_space_install(void)
{
	if (process_shared_preload_libraries_in_progress)
	{
		prev_shmem_request_hook = shmem_request_hook;
		shmem_request_hook = shmem_request;
	}
}
