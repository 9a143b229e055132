/*-------------------------------------------------------------------------
 *
 * watermark.c
 *	  How far the event time of a view's inputs has come.
 *
 * After each batch, for each input: the largest event time seen so far, cut
 * down to milliseconds, less the delay.  The smallest of these (or the largest,
 * by the view's policy) is the watermark of the next batch, unless it would go
 * back.  An input that has shown no row yet holds the others back.  So rows never
 * move the watermark of their own batch.
 *
 * Where a batch leaves rows of some partitions for later, these hold their input
 * back: it has come no farther than each of them has.  Otherwise rows would be late
 * for no other reason than that another partition has been read before.
 *
 * An input that has been idle for longer than its stream allows counts as having
 * come as far as the clock less the delay.
 *
 * An input that is the result of another view has come as far as that view has: rows
 * that it has not added may be the newest, and those that it adds may be of groups that
 * it has only just closed.  It is asked before the batch measures what there is to read,
 * and believed if the batch leaves nothing of that for later.
 *
 * Source of the rules: Spark Structured Streaming 3.5, "Handling Late Data and
 * Watermarking", and Flink's idleness of sources.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "time/watermark.h"

PG_FUNCTION_INFO_V1(stream_watermark_on_time);

#define IDLE_STEP_US USECS_PER_SEC	/* how often an idle input is asked */
#define UNIX_EPOCH \
	(-(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

void *
stream_watermark_param(ParamListInfo params, int number)
{
	ParamExternData *param;

	if (params == NULL || params->numParams != STREAM_NUM_PARAMS)
		return NULL;
	param = &params->params[number - 1];
	if (param->ptype != INTERNALOID || param->isnull)
		return NULL;
	return DatumGetPointer(param->value);
}

StreamWatermark *
stream_watermark_create(Oid viewid, List *streams, List *sights,
						const StreamOptions *options)
{
	StreamWatermark *wm = palloc0(sizeof(StreamWatermark));
	ListCell   *lc;

	wm->viewid = viewid;
	wm->policy_max = options->watermark_max;
	wm->keep_late_rows = options->keep_late_rows;
	wm->inputs = palloc0(sizeof(StreamInput) * (list_length(streams) + 1));
	foreach(lc, streams)
	{
		StreamInput *input = &wm->inputs[wm->ninputs];

		if (!stream_declare_event_time(lfirst_oid(lc), &input->declared))
			continue;
		input->number = foreach_current_index(lc) + 1;
		for (int i = 0; i < wm->ninputs; i++)
			if (wm->inputs[i].declared.stream == lfirst_oid(lc))
				input->occurrence++;
		/* a view may read but a partition of what has declared it */
		input->declared.stream = lfirst_oid(lc);
		input->delay_us = stream_declare_delay(&input->declared, options);
		input->behind_us = OidIsValid(input->declared.result_of) ?
			Max(options->delay_us, 0) : input->delay_us;
		input->max_time = input->below = STREAM_NO_TIME;
		if (sights != NIL)
		{
			StreamSight *sight = list_nth(sights, input->number - 1);

			input->sight.check_as = sight->check_as;
			input->sight.handed_on = bms_copy(sight->handed_on);
			input->sight.hidden = sight->hidden;
		}
		wm->ninputs++;
	}
	return wm;
}

TimestampTz
stream_watermark_shown(Oid type, int64 time)
{
	int			overflow = 0;
	TimestampTz result;

	if (type != TIMESTAMPOID || TIMESTAMP_NOT_FINITE(time))
		return time;
	result = timestamp2timestamptz_opt_overflow(time, &overflow);
	if (overflow != 0)
		return overflow > 0 ? DT_NOEND : DT_NOBEGIN;
	return result;
}

bool
stream_watermark_exists(const StreamWatermark *wm)
{
	for (int i = 0; i < wm->ninputs; i++)
		if (wm->inputs[i].delay_us >= 0)
			return true;
	return false;
}

int64
stream_watermark_delay(const StreamWatermark *wm)
{
	int64		delay = 0;

	for (int i = 0; i < wm->ninputs; i++)
		delay = Max(delay, wm->inputs[i].delay_us);
	return delay;
}

void
stream_watermark_load(StreamWatermark *wm, const StreamProgress *progress)
{
	for (int i = 0; i < wm->ninputs; i++)
	{
		StreamInput *input = &wm->inputs[i];

		const StreamInputProgress *stored =
			stream_catalog_input(progress, input->declared.stream,
								 input->occurrence);

		input->max_time = stored ? stored->max_time : STREAM_NO_TIME;
		input->seen_at = stored ? stored->seen_at : 0;
	}
}

/* ---- the clock ---- */

/* Our clock as the input's event times are written. */
static int64
clock_of(const StreamInput *input, TimestampTz now)
{
	if (input->declared.type == TIMESTAMPTZOID)
		return now;
	return DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp,
												 TimestampTzGetDatum(now)));
}

static bool
is_idle(const StreamInput *input, TimestampTz now)
{
	return input->declared.idle_us > 0 && input->seen_at != 0 &&
		now - input->seen_at >= input->declared.idle_us;
}

TimestampTz
stream_watermark_idle_at(const StreamWatermark *wm, TimestampTz now)
{
	TimestampTz at = DT_NOEND;

	for (int i = 0; i < wm->ninputs; i++)
	{
		const StreamInput *input = &wm->inputs[i];

		if (input->delay_us < 0 || input->declared.idle_us <= 0 ||
			input->seen_at == 0)
			continue;
		/* its time goes on with the clock, but not in a batch for each tick */
		at = Min(at, is_idle(input, now) ?
				 now + Max(input->declared.idle_us, IDLE_STEP_US) :
				 input->seen_at + input->declared.idle_us);
	}
	return at;
}

/* ---- computing ---- */

/* Cut down to milliseconds, also before 2000. */
static int64
whole_ms(int64 time)
{
	int64		rest = time % 1000;

	return time - (rest < 0 ? rest + 1000 : rest);
}

/* The largest event time that the batch has seen. */
static int64
batch_max(const StreamInput *input)
{
	int64		result = STREAM_NO_TIME;
	ListCell   *lc;

	foreach(lc, input->leaves)
		result = Max(result, ((StreamInputLeaf *) lfirst(lc))->batch_max);
	return result;
}

/*
 * How far the leaves have come that the batch has not read to their ends;
 * PG_INT64_MAX if there are none.
 */
static int64
held_at(const StreamInput *input)
{
	int64		result = PG_INT64_MAX;
	ListCell   *lc;

	foreach(lc, input->leaves)
	{
		StreamInputLeaf *leaf = lfirst(lc);

		if (leaf->more)
			result = Min(result, leaf->batch_max);
	}
	return result;
}

int64
stream_watermark_of_input(const StreamInput *input, TimestampTz now)
{
	int64		max_time = input->max_time;
	int64		result = STREAM_NO_TIME;

	/* what is left of a single leaf comes in its order */
	if (list_length(input->leaves) > 1)
		max_time = Min(max_time, held_at(input));

	if (max_time != STREAM_NO_TIME)
		/* of a result, it is a watermark, which has been cut down */
		result = (OidIsValid(input->declared.result_of) ? max_time :
				  whole_ms(max_time)) - input->behind_us;
	if (is_idle(input, now))
		result = Max(result, whole_ms(clock_of(input, now)) - input->delay_us);
	return result > UNIX_EPOCH ? result : STREAM_NO_TIME;
}

/*
 * The view's watermark by its policy, whether or not that goes back.  now: as is_idle
 * has it; 0 is before all.
 */
static int64
global_watermark(const StreamWatermark *wm, TimestampTz now)
{
	int64		result = STREAM_NO_TIME;
	bool		first = true;

	for (int i = 0; i < wm->ninputs; i++)
	{
		int64		watermark;

		if (wm->inputs[i].delay_us < 0)
			continue;
		watermark = stream_watermark_of_input(&wm->inputs[i], now);
		if (first)
			result = watermark;
		else if (wm->policy_max)
			result = Max(result, watermark);
		else
			result = Min(result, watermark);
		first = false;
	}
	return result;
}

bool
stream_watermark_holds(const StreamWatermark *wm, const StreamInput *input,
					   TimestampTz now)
{
	return input->delay_us >= 0 &&
		stream_watermark_of_input(input, now) == global_watermark(wm, now);
}

/* ---- what the owner may see ---- */

bool
stream_watermark_may_see(const StreamSight *sight, Oid stream,
						 AttrNumber attnum, Oid owner)
{
	if (OidIsValid(sight->check_as) && sight->check_as != owner)
		return bms_is_member(attnum, sight->handed_on);
	return pg_class_aclcheck(stream, owner, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck(stream, attnum, owner,
							  ACL_SELECT) == ACLCHECK_OK;
}

static bool
may_see(const StreamInput *input, AttrNumber attnum, Oid owner)
{
	return stream_watermark_may_see(&input->sight, input->declared.stream,
									attnum, owner);
}

/*
 * Which columns of a leaf may be shown, by their numbers there from 0.  Columns
 * of partitions may be in another order.
 */
static const bool *
shown_columns(StreamInput *input, TupleTableSlot *row)
{
	TupleDesc	desc = row->tts_tupleDescriptor;
	Oid			stream = input->declared.stream;

	if (input->shown && input->shown_leaf == row->tts_tableOid)
		return input->shown;
	/* as long as the batch */
	input->shown = MemoryContextAllocZero(CurTransactionContext,
										  sizeof(bool) * (desc->natts + 1));
	input->shown_leaf = row->tts_tableOid;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		AttrNumber	attnum = att->attisdropped ? InvalidAttrNumber :
			get_attnum(stream, NameStr(att->attname));

		input->shown[i] = attnum != InvalidAttrNumber &&
			may_see(input, attnum, GetUserId());
	}
	return input->shown;
}

/* May the watermark show how far the view below has come? */
static bool
may_observe(const StreamInput *input, Oid owner, bool used)
{
	/* a view that is named itself shows that to whoever may read all of it */
	return used || may_see(input, input->declared.attnum, owner) ||
		(!OidIsValid(input->sight.check_as) &&
		 pg_class_aclcheck(input->declared.result_of, owner,
						   ACL_SELECT) == ACLCHECK_OK);
}

/*
 * Up to where the view has come: it adds nothing any more that ends at or before that.
 * What it closes it hands on to its change stream, if that is what is read.
 */
static int64
time_below(const StreamViewRow *row, const StreamProgress *progress,
		   Oid stream)
{
	int			place = list_length(stream_catalog_states(row)) - 1;

	if (stream != row->changes || STREAM_MUTATION("below_ahead"))
		return progress->closed;
	return place < progress->nreaped ? progress->reaped[place].until :
		STREAM_NO_TIME;
}

/* ---- a batch ---- */

void
stream_watermark_ask_below(StreamWatermark *wm, Oid owner, bool used)
{
	for (int i = 0; i < wm->ninputs; i++)
	{
		StreamInput *input = &wm->inputs[i];
		StreamViewRow *row;
		StreamProgress progress;

		input->below = STREAM_NO_TIME;
		if (!OidIsValid(input->declared.result_of) ||
			!may_observe(input, owner, used))
			continue;
		row = stream_catalog_view(input->declared.result_of);
		if (row && stream_catalog_read_progress(row->viewid, row->unlogged,
												NULL, &progress))
			input->below = time_below(row, &progress, input->declared.stream);
	}
}

void
stream_watermark_begin(StreamWatermark *wm, TimestampTz now, int64 late,
					   bool used)
{
	wm->now = now;
	wm->late = late;
	wm->late_rows = wm->null_rows = 0;
	wm->row_input = NULL;
	stream_watermark_leave_row(wm);
	for (int i = 0; i < wm->ninputs; i++)
	{
		StreamInput *input = &wm->inputs[i];

		input->leaves = NIL;
		input->limit = PG_INT64_MAX;
		input->observed = !OidIsValid(input->declared.result_of) &&
			(used || may_see(input, input->declared.attnum, GetUserId()));
		input->shown = NULL;
		if (input->declared.max_future_us >= 0)
			input->limit = clock_of(input, now) +
				input->declared.max_future_us;
	}
}

/* Writes down what all batches so far have seen. */
static void
put_inputs(StreamWatermark *wm, StreamProgress *progress)
{
	progress->ninputs = wm->ninputs;
	progress->inputs = palloc(sizeof(StreamInputProgress) *
							  (wm->ninputs + 1));
	for (int i = 0; i < wm->ninputs; i++)
	{
		progress->inputs[i].stream = wm->inputs[i].declared.stream;
		progress->inputs[i].max_time = wm->inputs[i].max_time;
		progress->inputs[i].seen_at = wm->inputs[i].seen_at;
	}
}

void
stream_watermark_end(StreamWatermark *wm, StreamProgress *progress)
{
	for (int i = 0; i < wm->ninputs; i++)
	{
		StreamInput *input = &wm->inputs[i];

		/* nothing is idle whose rows wait */
		if (batch_max(input) != STREAM_NO_TIME || input->seen_at == 0 ||
			held_at(input) != PG_INT64_MAX)
			input->seen_at = wm->now;
		input->max_time = Max(input->max_time, batch_max(input));
	}
	put_inputs(wm, progress);
	progress->late_rows += wm->late_rows;
	progress->null_rows += wm->null_rows;
	progress->watermark = Max(progress->watermark,
							  global_watermark(wm, wm->now));
	for (int i = 0; i < wm->ninputs; i++)
		wm->inputs[i].leaves = NIL;
}

bool
stream_watermark_follow(StreamWatermark *wm, StreamProgress *progress,
						TimestampTz now)
{
	int64		watermark;
	bool		held = global_watermark(wm, 0) > progress->watermark;

	for (int i = 0; i < wm->ninputs; i++)
		wm->inputs[i].max_time = Max(wm->inputs[i].max_time,
									 wm->inputs[i].below);

	/*
	 * Where no clock counts: partitions hold it back, until a batch has read what
	 * is left of them.
	 */
	if (held)
		return false;
	watermark = global_watermark(wm, now);
	if (watermark <= progress->watermark)
		return false;
	progress->watermark = watermark;
	return true;
}

/* ---- rows ---- */

StreamInputLeaf *
stream_watermark_leaf(StreamWatermark *wm, int number, Oid relid, bool more)
{
	StreamInput *input = NULL;
	StreamInputLeaf *leaf;
	MemoryContext old;
	ListCell   *lc;

	for (int i = 0; i < wm->ninputs; i++)
		if (wm->inputs[i].number == number)
			input = &wm->inputs[i];
	if (input == NULL)
		return NULL;
	foreach(lc, input->leaves)
		if (((StreamInputLeaf *) lfirst(lc))->relid == relid)
			return lfirst(lc);
	/* as long as the batch */
	old = MemoryContextSwitchTo(CurTransactionContext);
	leaf = palloc0(sizeof(StreamInputLeaf));
	leaf->input = input;
	leaf->relid = relid;
	leaf->attnum = input->declared.stream == relid ? input->declared.attnum :
		get_attnum(relid, get_attname(input->declared.stream,
									  input->declared.attnum, false));
	leaf->more = more;
	leaf->batch_max = STREAM_NO_TIME;
	input->leaves = lappend(input->leaves, leaf);
	MemoryContextSwitchTo(old);
	return leaf;
}

/*
 * Puts the row at hand aside, with the columns that the owner of the view may
 * see: the view does not take it.
 */
static void
put_aside(StreamWatermark *wm, const char *reason)
{
	StreamInput *input = wm->row_input;
	StreamRejection rejection = {
		.viewid = wm->viewid,
		.stream = OidIsValid(input->declared.result_of) ?
		input->declared.result_of : input->declared.stream,
		.leaf = wm->row->tts_tableOid,
		.at = wm->now,
		.reason = reason,
		.event_time = STREAM_NO_TIME
	};

	if (may_see(input, input->declared.attnum, GetUserId()))
		rejection.event_time = wm->row_time;
	rejection.event_time = stream_watermark_shown(input->declared.type,
												  rejection.event_time);
	stream_catalog_write_rejection(&rejection, wm->row,
								   shown_columns(input, wm->row));
}

bool
stream_watermark_observe(StreamWatermark *wm, StreamInputLeaf *leaf,
						 TupleTableSlot *slot, bool again)
{
	StreamInput *input = leaf->input;
	bool		isnull = true;
	int64		time = 0;

	if (!input->declared.is_range)
		time = DatumGetInt64(slot_getattr(slot, leaf->attnum, &isnull));
	wm->row = slot;
	wm->row_input = input;
	wm->row_time = isnull ? STREAM_NO_TIME : time;
	wm->row_again = again;
	if (isnull)
		return true;
	if (unlikely(time > input->limit))
	{
		if (wm->future)
			*wm->future = true;
		else if (!again)
			put_aside(wm, "future");
		return false;
	}
	/* infinite times say nothing about how far time has come */
	if (TIMESTAMP_NOT_FINITE(time) || !input->observed)
		return true;
	if (time > leaf->batch_max)
		leaf->batch_max = time;
	return true;
}

/* Counts, and perhaps keeps, the row at hand. */
static void
note_late(StreamWatermark *wm, const char *reason)
{
	/* a join may have the stream read more than once */
	if (wm->row_again)
		return;
	if (strcmp(reason, "null") == 0)
		wm->null_rows++;
	else
		wm->late_rows++;
	if (wm->keep_late_rows && wm->row)
		put_aside(wm, reason);
}

/*
 * _on_time(event time, late threshold, watermark [, first]): does a row that is not
 * clearly after the threshold belong to the batch?  Counts, and perhaps keeps, those
 * that do not, and those that do of which the first of several event times is late.
 *
 * Part of delta queries; the third argument is STREAM_PARAM_WATERMARK, which only
 * a batch can give.
 */
Datum
stream_watermark_on_time(PG_FUNCTION_ARGS)
{
	int64		late = PG_GETARG_INT64(1);
	bool		isnull = PG_ARGISNULL(0) ||
		TIMESTAMP_IS_NOBEGIN(PG_GETARG_INT64(0));
	bool		on_time;
	bool		wholly;

	/* what has always been is no event, either */
	on_time = !isnull && (late == STREAM_NO_TIME || PG_GETARG_INT64(0) > late);
	wholly = on_time &&
		(PG_NARGS() <= 3 || PG_ARGISNULL(3) || late == STREAM_NO_TIME ||
		 PG_GETARG_INT64(3) > late || STREAM_MUTATION("late_in_part"));
	if (!wholly && !PG_ARGISNULL(2))
		note_late((StreamWatermark *) PG_GETARG_POINTER(2),
				  isnull ? "null" : on_time ? "partly late" : "late");
	PG_RETURN_BOOL(on_time);
}
