/*-------------------------------------------------------------------------
 *
 * parallel.c
 *	  What the processes share that read the new rows of one leaf together.
 *
 * A backlog is read by the server's own parallel workers, too.  The position belongs to
 * the process that runs the batch; the others get of it the range, and what of that has
 * been read before.  Pages are taken in runs, so that each process reads in order.
 *
 * What they see of the event time goes back the same way.  Nobody can write meanwhile:
 * rows that are too far in the future are put aside afterwards, by the batch's process,
 * which looks once more at the runs that have such.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "port/atomics.h"
#include "storage/spin.h"

#include "base/compat.h"
#include "base/debug.h"
#include "flow/parallel.h"

/* So many pages are read at a time by one process. */
#define RUN_PAGES 64

struct StreamParallel
{
	Oid			relid;			/* InvalidOid: the batch does not read it */
	BlockNumber start;
	BlockNumber end;
	bool		cut;
	ItemPointerData last;

	/* the event time */
	bool		watched;
	bool		is_range;
	bool		observed;
	AttrNumber	attnum;
	int64		limit;

	pg_atomic_uint64 next;		/* the first page that nobody has taken */

	slock_t		mutex;			/* for what has been seen: */
	int64		rows;
	int64		batch_max;
	int64		late_rows;
	int64		null_rows;

	Size		length;			/* of the read set, in its stored form: */
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* that, and behind it for each
												 * run whether it has rows that
												 * are too far in the future */
};

static void
write_read(const StreamLeaf *leaf, StringInfo stored)
{
	initStringInfo(stored);
	stream_readset_write(leaf->read, stored);
}

static int
count_runs(BlockNumber start, BlockNumber end)
{
	return end > start ? (end - start - 1) / RUN_PAGES + 1 : 0;
}

/* Whether the runs have rows that are too far in the future. */
static bool *
futures(StreamParallel *parallel)
{
	return (bool *) (parallel->data + parallel->length);
}

Size
stream_parallel_size(const StreamLeaf *leaf)
{
	StringInfoData stored;

	if (leaf == NULL)
		return sizeof(StreamParallel);
	write_read(leaf, &stored);
	pfree(stored.data);
	return add_size(offsetof(StreamParallel, data),
					add_size(stored.len,
							 count_runs(leaf->scan_start, leaf->scan_end)));
}

void
stream_parallel_write(StreamParallel *parallel, const StreamLeaf *leaf,
					  const StreamInputLeaf *input)
{
	StringInfoData stored;

	memset(parallel, 0, sizeof(StreamParallel));
	if (leaf == NULL)
		return;
	parallel->relid = leaf->relid;
	parallel->start = leaf->scan_start;
	parallel->end = leaf->scan_end;
	parallel->cut = leaf->cut;
	parallel->last = leaf->last;
	if (input)
	{
		parallel->watched = true;
		parallel->is_range = input->input->declared.is_range;
		parallel->observed = input->input->observed;
		parallel->attnum = input->attnum;
		parallel->limit = input->input->limit;
	}
	pg_atomic_init_u64(&parallel->next, 0);
	SpinLockInit(&parallel->mutex);
	write_read(leaf, &stored);
	parallel->length = stored.len;
	memcpy(parallel->data, stored.data, stored.len);
	pfree(stored.data);
	stream_parallel_rewind(parallel);
}

void
stream_parallel_rewind(StreamParallel *parallel)
{
	pg_atomic_write_u64(&parallel->next, parallel->start);
	parallel->rows = parallel->late_rows = parallel->null_rows = 0;
	parallel->batch_max = STREAM_NO_TIME;
	memset(futures(parallel), 0, count_runs(parallel->start, parallel->end));
}

StreamLeaf *
stream_parallel_leaf(const StreamParallel *parallel)
{
	const char *data = parallel->data;
	StreamLeaf *leaf;

	if (!OidIsValid(parallel->relid))
		return NULL;
	leaf = palloc0(sizeof(StreamLeaf));
	leaf->relid = parallel->relid;
	leaf->active = true;
	leaf->scan_start = parallel->start;
	leaf->scan_end = parallel->end;
	leaf->cut = parallel->cut;
	leaf->last = parallel->last;
	leaf->read = STREAM_MUTATION("parallel_read") ? stream_readset_create() :
		stream_readset_read(&data, data + parallel->length);
	return leaf;
}

StreamInputLeaf *
stream_parallel_input(const StreamParallel *parallel)
{
	StreamInputLeaf *leaf;

	if (!parallel->watched)
		return NULL;
	leaf = palloc0(sizeof(StreamInputLeaf));
	leaf->input = palloc0(sizeof(StreamInput));
	leaf->input->declared.is_range = parallel->is_range;
	leaf->input->observed = parallel->observed;
	leaf->input->limit = parallel->limit;
	leaf->relid = parallel->relid;
	leaf->attnum = parallel->attnum;
	leaf->batch_max = STREAM_NO_TIME;
	return leaf;
}

/* The i-th run of the leaf. */
static StreamRun
run_of(StreamParallel *parallel, int i)
{
	StreamRun	run;

	run.start = parallel->start + i * RUN_PAGES;
	run.end = Min(parallel->end - run.start, RUN_PAGES) + run.start;
	run.future = &futures(parallel)[i];
	return run;
}

bool
stream_parallel_next(StreamParallel *parallel, StreamRun *run)
{
	uint64		next = pg_atomic_fetch_add_u64(&parallel->next, RUN_PAGES);

	if (next >= parallel->end)
		return false;
	*run = run_of(parallel, (next - parallel->start) / RUN_PAGES);
	return true;
}

void
stream_parallel_leave(StreamParallel *parallel, int64 rows,
					  const StreamInputLeaf *input, StreamWatermark *wm)
{
	SpinLockAcquire(&parallel->mutex);
	parallel->rows += rows;
	if (input)
	{
		parallel->batch_max = Max(parallel->batch_max, input->batch_max);
		parallel->late_rows += wm->late_rows;
		parallel->null_rows += wm->null_rows;
	}
	SpinLockRelease(&parallel->mutex);
	if (input)
		wm->late_rows = wm->null_rows = 0;
}

List *
stream_parallel_collect(StreamParallel *parallel, StreamLeaf *leaf,
						StreamInputLeaf *input, StreamWatermark *wm)
{
	List	   *runs = NIL;

	leaf->rows = Max(leaf->rows, parallel->rows);
	if (input == NULL || STREAM_MUTATION("parallel_seen"))
		return NIL;
	input->batch_max = Max(input->batch_max, parallel->batch_max);
	wm->late_rows += parallel->late_rows;
	wm->null_rows += parallel->null_rows;
	for (int i = count_runs(parallel->start, parallel->end) - 1; i >= 0; i--)
	{
		StreamRun	run = run_of(parallel, i);

		if (*run.future)
			runs = lcons(memcpy(palloc(sizeof(run)), &run, sizeof(run)), runs);
	}
	return runs;
}
