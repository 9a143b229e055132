/*-------------------------------------------------------------------------
 *
 * monitor.h
 *	  Functions behind the monitoring views; streaming.explain.
 *
 * SQL functions only; see the install script.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_MONITOR_H
#define STREAMING_MONITOR_H

#include "fmgr.h"

extern Datum stream_monitor_status(PG_FUNCTION_ARGS);
extern Datum stream_monitor_explain(PG_FUNCTION_ARGS);

#endif
