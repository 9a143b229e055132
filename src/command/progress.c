/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  The function behind streaming.progress.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/catalog.h"
#include "base/privilege.h"
#include "base/shmem.h"
#include "time/declare.h"
#include "time/watermark.h"
#include "process/history.h"

PG_FUNCTION_INFO_V1(stream_progress_batches);

#define NUM_COLUMNS 21

static Datum
milliseconds(int64 us)
{
	return Float8GetDatum(us / 1000.0);
}

/* type: of the watermark; InvalidOid if it is not to be shown */
static void
put_batch(ReturnSetInfo *rsinfo, Oid viewid, const StreamFigures *f,
		  Oid type)
{
	Datum		values[NUM_COLUMNS] = {0};
	bool		nulls[NUM_COLUMNS] = {0};
	int			n = 0;

	values[n++] = ObjectIdGetDatum(viewid);
	values[n++] = Int64GetDatum(f->number);
	nulls[n++] = true;			/* the phase ... */
	nulls[n++] = true;			/* ... and the process of one that is running */
	values[n++] = TimestampTzGetDatum(f->begun);
	values[n++] = milliseconds(stream_figures_total(f));
	for (int i = STREAM_PHASE_LOCK; i < STREAM_NUM_PHASES; i++)
		values[n++] = milliseconds(f->us[i]);
	values[n++] = Int64GetDatum(f->rows);
	values[n++] = Int64GetDatum(f->touched);
	values[n++] = Int64GetDatum(f->added);
	values[n++] = Int64GetDatum(f->removed);
	nulls[n] = !OidIsValid(type) || f->watermark == STREAM_NO_TIME;
	if (!nulls[n])
		values[n] = TimestampTzGetDatum(stream_watermark_shown(type,
															   f->watermark));
	n++;
	values[n++] = Int64GetDatum(f->wal_bytes);
	values[n++] = Int64GetDatum(f->cache_hits);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* InvalidOid if the user may not see it. */
static Oid
type_of_watermark(StreamViewRow *row)
{
	StreamEventTime declared;

	if (!stream_privilege_sees_data(row->viewid))
		return InvalidOid;
	return stream_declare_event_time(linitial_oid(row->streams), &declared) ?
		declared.type : TIMESTAMPTZOID;
}

static void
put_running(ReturnSetInfo *rsinfo, Oid viewid, const StreamRunning *running)
{
	Datum		values[NUM_COLUMNS] = {0};
	bool		nulls[NUM_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[0] = ObjectIdGetDatum(viewid);
	values[2] = CStringGetTextDatum(stream_figures_phase_name(running->phase));
	values[3] = Int32GetDatum(running->pid);
	values[4] = TimestampTzGetDatum(running->begun);
	values[5] = milliseconds(GetCurrentTimestamp() - running->begun);
	nulls[0] = nulls[2] = nulls[3] = nulls[4] = nulls[5] = false;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * _batches() returns setof record: viewid, batch, phase, pid, begun_at, ms, and for each
 * phase milliseconds, rows, touched, added, removed, watermark, wal_bytes, cache_hits
 *
 * What streaming.progress shows: the last batches of each view of this database, and one
 * that is running (without a number, and with its phase).  Anybody may call it; the
 * watermark is null for those who may not see data of the view.  No locks.
 */
Datum
stream_progress_batches(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (!stream_shmem_available())
		return (Datum) 0;
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);
		Oid			viewid = row->viewid;
		StreamFigures *batches;
		StreamRunning running;
		int			n = stream_history_read(viewid, &batches, &running);
		Oid			type = n > 0 ? type_of_watermark(row) : InvalidOid;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			put_batch(rsinfo, viewid, &batches[i], type);
		if (running.pid != 0)
			put_running(rsinfo, viewid, &running);
		pfree(batches);
	}
	return (Datum) 0;
}
