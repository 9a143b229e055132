/*-------------------------------------------------------------------------
 *
 * window.h
 *	  Event-time windows: tumble, hop, session_window, window_time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_WINDOW_H
#define STREAMING_WINDOW_H

#include "datatype/timestamp.h"

/*
 * The length of an interval in microseconds, days being 24 hours; false if it
 * has months, or does not fit.
 */
extern bool stream_window_fixed_us(const Interval *interval, int64 *us);

/*
 * The last start of a window at or before a (finite) time: starts are slide
 * microseconds apart, and offset away from 1970.  Error 22008 out of range.
 */
extern Timestamp stream_window_start(Timestamp time, int64 slide,
									 int64 offset);

#endif
