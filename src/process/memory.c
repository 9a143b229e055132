/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  How much memory a worker has that is not its views'.
 *
 * What a function of a user makes a process remember stays until the process ends: types of
 * rows that have no name, plans of its queries, entries of the caches.  In a session
 * that is whoever's session it is.  A worker is shared by owners and runs for ever, so it ends
 * when there is too much of that, and the scheduler starts another at once; nothing is
 * lost but what would have been in the caches.
 *
 * What is not too much: a worker remembers its views, which is not counted, and the
 * server what it knows of their relations.  So there is an allowance for each view; and
 * whoever has as much from the beginning, when each view has run that had something to do, would
 * have it again, so it must be twice that; but four times the allowance will do, for one batch can leave
 * any amount behind.  And a worker lives for a while.  So it does not end again and again, whatever
 * the allowance.
 *
 * Not all of it is in memory contexts: before 16, settings that a function makes up (and their
 * names can be long) are not, nor is what PL/Perl or a library of C keeps.  So the C library is asked,
 * where it can tell.
 *
 * To look takes as long as there are contexts, so it is done once for so much work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#define STREAM_TELLS_ALLOCATED __GLIBC_PREREQ(2, 33)
#else
#define STREAM_TELLS_ALLOCATED 0
#endif

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/debug.h"
#include "flow/batch.h"
#include "process/memory.h"

#define LOOK_US USECS_PER_SEC	/* batches have taken so long since the last look */
#define SETTLED_TURNS 8			/* a worker that is always busy has run all by then */
#define LIVES_MS 5000			/* who lives so long is started again at once (scheduler.c) */
#define LIMIT_KB (256 * 1024)
#define VIEW_KB 256
#define MOST 4					/* so many times as much, where it is from the beginning */

static int64 work_us = 0;		/* since the last look */
static int	turns = 0;
static Size settled = 0;		/* what there was when all had run that were due, or 0 */

void
stream_memory_note_batches(int64 us)
{
	work_us += us;
}

/* What the process has got from the C library and not given back; 0 where that cannot be known. */
static Size
allocated(void)
{
#if STREAM_TELLS_ALLOCATED
	struct mallinfo2 info = mallinfo2();

	if (!STREAM_MUTATION("memory_contexts"))
		return info.uordblks + info.hblkhd;
#endif
	return 0;
}

static Size
used(void)
{
	Size		contexts = MemoryContextMemAllocated(TopMemoryContext, true);

	return Max(contexts, allocated()) - stream_batch_memory();
}

bool
stream_memory_is_used_up(int nviews, bool ran)
{
	TimestampTz now;
	Size		limit;
	Size		size;

	if (settled == 0 && (!ran || ++turns >= SETTLED_TURNS))
		settled = used();
	if (settled == 0 || work_us < stream_debug_limit("memory_look_us", LOOK_US))
		return false;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(MyStartTimestamp, now, LIVES_MS))
		return false;
	work_us = 0;
	size = used();
	limit = ((Size) stream_debug_limit("memory_kb", LIMIT_KB) +
			 (Size) nviews * VIEW_KB) * 1024;
	limit = Max(limit, Min(2 * settled, STREAM_MUTATION("memory_from_beginning") ?
						   2 * settled : MOST * limit));
	if (size <= limit || STREAM_MUTATION("worker_memory"))
		return false;
	ereport(LOG,
			(errmsg("worker for continuous views gives %zu MB of memory back",
					size / (1024 * 1024)),
			 errdetail("Functions that its views call have left that behind, and another worker goes on.")));
	return true;
}
