/*-------------------------------------------------------------------------
 *
 * module.c
 *	  Load: settings and hooks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/rls.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/shmem.h"
#include "stream/am.h"
#include "state/store.h"
#include "flow/scan.h"
#include "flow/batch.h"
#include "flow/retention.h"
#include "process/roster.h"
#include "process/launcher.h"
#include "process/pace.h"
#include "process/synchronous.h"
#include "command/guard.h"
#include "command/utility.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(stream_check_preloaded);

extern PGDLLEXPORT void _PG_init(void);

/* settings that belong to no single file (shmem.h) */
int			stream_workers = 2;
int			stream_batch_timeout = 3600 * 1000;
bool		stream_enabled = true;

static void
define_settings(void)
{
	DefineCustomBoolVariable("streaming.enabled",
							 "Runs the batches of continuous views.",
							 "While off, rows wait in their streams.",
							 &stream_enabled, true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.workers",
							"Greatest number of worker processes per database.",
							"Views whose batches take long get up to as many again.",
							&stream_workers, 2, 1, 32, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.batch_timeout",
							"Ends a batch that takes longer.",
							"Zero turns this off.",
							&stream_batch_timeout, 3600 * 1000, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.target_latency",
							"For how long a busy worker may put off batches to have fewer.",
							"Zero turns this off.",
							&stream_target_latency, 10, 0, 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.max_batch_rows",
							"About how many rows a batch takes at most.",
							"A view's own option goes first.",
							&stream_max_batch_rows, 2000000, 1, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.state_cache_size",
							"Memory for the cached state of a continuous view.",
							NULL, &stream_state_cache_size, 262144, 64,
							MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.retention_size",
							"How large a stream is before rows are taken out of it.",
							"Where the stream, or the view whose changes it has, says how long they are kept.",
							&stream_retention_size, 16384, BLCKSZ / 1024,
							MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("streaming.synchronous",
							 "COMMIT returns when continuous views show what has been written to their streams.",
							 NULL, &stream_synchronous, false, PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("streaming.synchronous_timeout",
							"Greatest time that streaming.synchronous has COMMIT wait.",
							"Zero turns this off.",
							&stream_synchronous_timeout, 10 * 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	stream_debug_define_settings();
	MarkGUCPrefixReserved("streaming");
}

void
_PG_init(void)
{
	/* loaded by a session only: the functions work, streams do not */
	if (!process_shared_preload_libraries_in_progress)
		return;
	define_settings();
	stream_shmem_install();
	stream_am_install();
	stream_scan_install();
	stream_guard_install();
	stream_utility_install();
	stream_launcher_register();
	stream_synchronous_install();
}

/*
 * _check_preloaded(): called by CREATE EXTENSION.  A dump, by whose setting we tell it,
 * can be restored all the same: its views go on when the library has been loaded.
 */
Datum
stream_check_preloaded(PG_FUNCTION_ARGS)
{
	if (!row_security && !stream_shmem_available())
	{
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("streaming must be loaded when the server starts"),
				 errdetail("What is restored can be read, but continuous views do not go on."),
				 errhint("Add this line to postgresql.conf and restart the server: shared_preload_libraries = 'streaming'")));
		PG_RETURN_VOID();
	}
	stream_shmem_require();
	stream_roster_require_room();
	PG_RETURN_VOID();
}
