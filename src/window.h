/*-------------------------------------------------------------------------
 *
 * window.h
 *	  Event-time windows: tumble.
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

#endif
