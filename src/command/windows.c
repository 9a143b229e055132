/*-------------------------------------------------------------------------
 *
 * windows.c
 *	  The function behind streaming.windows: why a window is still open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/catalog.h"
#include "base/debug.h"
#include "base/privilege.h"
#include "time/watermark.h"

PG_FUNCTION_INFO_V1(stream_windows_inputs);

#define NUM_COLUMNS 11

/* A time, or null where there is none. */
static void
put_time(Oid type, int64 time, Datum *value, bool *null)
{
	*null = time == STREAM_NO_TIME;
	if (!*null)
		*value = TimestampTzGetDatum(stream_watermark_shown(type, time));
}

static void
put_input(ReturnSetInfo *rsinfo, const StreamViewRow *row,
		  const StreamWatermark *wm, const StreamInput *input,
		  const StreamProgress *progress)
{
	Datum		values[NUM_COLUMNS] = {0};
	bool		nulls[NUM_COLUMNS] = {0};
	Oid			type = input->declared.type;
	Oid			below = stream_catalog_view_of(input->declared.stream);
	Interval   *delay = palloc0(sizeof(Interval));
	TimestampTz now = stream_debug_now();

	delay->time = input->delay_us;
	values[0] = ObjectIdGetDatum(row->viewid);
	values[1] = ObjectIdGetDatum(OidIsValid(below) ? below :
								 input->declared.stream);
	put_time(type, input->max_time, &values[2], &nulls[2]);
	values[3] = IntervalPGetDatum(delay);
	nulls[3] = input->delay_us < 0;
	put_time(type, input->delay_us < 0 ? STREAM_NO_TIME :
			 stream_watermark_of_input(input, now), &values[4], &nulls[4]);
	values[5] = BoolGetDatum(stream_watermark_holds(wm, input, now));
	nulls[6] = input->seen_at == 0;
	values[6] = TimestampTzGetDatum(input->seen_at);
	nulls[7] = input->seen_at == 0 || input->declared.idle_us <= 0;
	values[7] = TimestampTzGetDatum(input->seen_at + input->declared.idle_us);
	put_time(type, progress->watermark, &values[8], &nulls[8]);
	put_time(type, progress->closed, &values[9], &nulls[9]);
	values[10] = Int64GetDatum(progress->groups);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * _windows() returns setof record: viewid, stream, event_time, delay, reaches, holds_back,
 * seen_at, idle_at, watermark, closed, groups
 *
 * What streaming.windows shows: how far each input with an event time has come, of each view
 * whose data the user may see.  No locks but those of catalog access.
 */
Datum
stream_windows_inputs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);
		StreamProgress progress;
		StreamWatermark *wm;

		CHECK_FOR_INTERRUPTS();
		if ((row->unlogged && RecoveryInProgress()) ||
			!stream_privilege_sees_data(row->viewid))
			continue;
		stream_catalog_read_progress(row->viewid, row->unlogged, NULL,
									 &progress);
		wm = stream_watermark_create(row->viewid, row->streams, NIL,
									 &row->options);
		stream_watermark_load(wm, &progress);
		for (int i = 0; i < wm->ninputs; i++)
			put_input(rsinfo, row, wm, &wm->inputs[i], &progress);
	}
	return (Datum) 0;
}
