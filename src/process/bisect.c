/*-------------------------------------------------------------------------
 *
 * bisect.c
 *	  Finding the rows that make batches fail.
 *
 * With streaming.on_error = 'skip', a view goes on without such rows.  Which they are, a
 * batch that fails does not say: an error may come from anywhere in its plans.  So
 * the view's next batches are of parts of what there is to read, each a transaction
 * like any other:
 *
 * - a batch of n rows has failed: the next is of the first half of them.  So it goes on
 *	 until one row fails alone.
 * - a batch of a part is committed: one of the rows after it fails, so the next is of
 *	 half of those.
 * - a row has failed alone: the next batch puts it aside.  It does all that a batch does,
 *	 but no plan sees the row.  If that fails, too, it is not for the row, and the view has
 *	 failed as it would without the option.
 * - after that, parts begin with one row and double: where there are n rows, a row
 *	 that fails costs some 2 log n batches, where all fail, it costs two.
 *
 * A batch may fail without any rows, for what the watermark closes.  Where the half of what
 * there is has none, the next failure of a whole batch is not for rows.
 *
 * Which rows a part has is said by their number, from where the position is; what else comes
 * in meanwhile can only make the search longer.  A row is put aside if it is the very
 * one that has failed (batch.c).  Where the search stands is known to the worker alone: after a
 * restart it begins anew, from the position.
 *
 * Views that advance together are searched as one: a part is one of what any of them has
 * not read, and a row that fails is put aside for all that would read it (viewgroup.c).
 *
 * Which errors are of rows.  Those that say that a value is not what it should be, and
 * those that users' functions raise on purpose.  Whatever can have its cause elsewhere
 * is none: memory, disks, locks, cancellation, rights, what is missing in the catalogs, bugs.
 * That would put all rows aside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/elog.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "process/bisect.h"

/* The classes of SQLSTATEs that are about rows. */
static const char *const row_classes[] = {
	"20",						/* case not found */
	"21",						/* cardinality violation */
	"22",						/* data exception */
	"23",						/* integrity constraint violation */
	"2F",						/* SQL routine exception */
	"38",						/* external routine exception */
	"39",						/* external routine invocation exception */
	"44",						/* WITH CHECK OPTION violation */
	"45",						/* the standard's for users' own conditions */
	"54",						/* program limit exceeded: keys too long, nesting */
	"P0",						/* PL/pgSQL: RAISE, ASSERT, STRICT */
};

/* Does it say that there is something wrong with a row? */
static bool
is_about_rows(int sqlstate)
{
	const char *state = unpack_sql_state(sqlstate);

	for (int i = 0; i < lengthof(row_classes); i++)
		if (strncmp(state, row_classes[i], 2) == 0)
			return true;
	/* from I on, classes are free for all; the server has P0 and XX of them */
	return state[0] >= 'I' && state[0] <= 'Z' && strncmp(state, "XX", 2) != 0;
}

/* The next batch is of all there is. */
static void
end_search(StreamBisection *bisection)
{
	bool		fruitless = bisection->fruitless;

	if (bisection->message)
		pfree(bisection->message);
	memset(bisection, 0, sizeof(*bisection));
	bisection->fruitless = fruitless;
}

void
stream_bisect_reset(StreamBisection *bisection)
{
	end_search(bisection);
	bisection->fruitless = false;
}

void
stream_bisect_next(const StreamBisection *bisection, StreamPart *part)
{
	memset(part, 0, sizeof(*part));
	part->limit = STREAM_PART_ALL;
	if (!bisection->active)
		return;
	part->limit = bisection->limit;
	part->aside = bisection->aside;
	part->after = bisection->after;
	part->relid = bisection->relid;
	part->tid = bisection->tid;
	part->sqlstate = bisection->sqlstate;
	part->message = bisection->message;
	part->culprit = bisection->culprit;
}

/* The row of the part has failed alone. */
static void
put_aside(StreamBisection *bisection, const StreamPart *part, Oid at,
		  const ErrorData *error, MemoryContext context)
{
	if (bisection->message)
		pfree(bisection->message);
	bisection->message =
		MemoryContextStrdup(context, error->message ? error->message : "");
	bisection->sqlstate = error->sqlerrcode;
	bisection->culprit = at;
	bisection->aside = true;
	bisection->after = part->last_batch;
	bisection->relid = part->cutting.relid;
	bisection->tid = part->cutting.tid;
	bisection->limit = 1;
}

bool
stream_bisect_failed(StreamBisection *bisection, const StreamPart *part,
					 Oid at, const ErrorData *error, MemoryContext context)
{
	int64		taken = part->cutting.taken;
	bool		whole = part->limit == STREAM_PART_ALL;

	if (!part->possible || !part->skip_errors ||
		!is_about_rows(error->sqlerrcode) ||
		part->error_rows >= part->max_errors || part->is_aside ||
		(whole ? bisection->fruitless : taken == 0))
	{
		end_search(bisection);
		return false;
	}
	bisection->active = true;
	if (part->limit == STREAM_PART_HALF)
		bisection->whole = part->cutting.found;
	if (whole)
		bisection->limit = STREAM_PART_HALF;
	else if (taken == 1)
		put_aside(bisection, part, at, error, context);
	else
	{
		bisection->aside = false;
		bisection->suspects = taken;
		bisection->limit = taken / 2;
	}
	return true;
}

const char *
stream_bisect_succeeded(StreamBisection *bisection, const StreamPart *part)
{
	int64		taken = part->cutting.taken;

	/* the view may have become one that is not cut */
	if (!bisection->active || !part->possible)
	{
		stream_bisect_reset(bisection);
		return NULL;
	}
	bisection->fruitless = part->limit == STREAM_PART_HALF && taken == 0;
	if (part->limit == STREAM_PART_HALF)
		bisection->whole = bisection->suspects = part->cutting.found;
	bisection->aside = false;
	bisection->suspects -= Min(taken, bisection->suspects);
	if (part->is_aside)
	{
		bisection->suspects = 0;
		bisection->limit = 1;
		return bisection->message;
	}
	if (taken == 0 || taken < part->limit ||
		(bisection->suspects == 0 && taken >= bisection->whole))
		end_search(bisection);
	else if (bisection->suspects > 0)
		bisection->limit = Max(1, bisection->suspects / 2);
	else
		bisection->limit = 2 * taken;
	return NULL;
}

void
stream_bisect_give_hint(const StreamPart *part, ErrorData *error)
{
	MemoryContext caller;

	if (error->hint != NULL || !part->possible ||
		!is_about_rows(error->sqlerrcode))
		return;
	caller = MemoryContextSwitchTo(error->assoc_context);
	if (!part->skip_errors && part->several)
		error->hint = pstrdup("Mend the cause, or let all views of the group go on without the rows that fail: ALTER MATERIALIZED VIEW ... SET (streaming.on_error = 'skip').");
	else if (!part->skip_errors)
		error->hint = pstrdup("Mend the cause, or let the view go on without the rows that fail: ALTER MATERIALIZED VIEW ... SET (streaming.on_error = 'skip').");
	else if (part->error_rows >= part->max_errors)
		error->hint = psprintf("The view has gone on without " INT64_FORMAT " rows that fail, as many as \"streaming.max_errors\" allows. Mend the cause and feed them again with streaming.retry, or increase the option.",
							   part->error_rows);
	MemoryContextSwitchTo(caller);
}
