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
#include "utils/typcache.h"

/*
 * The length of an interval in microseconds, days being 24 hours; false if it
 * has months, or does not fit.
 */
extern bool stream_window_fixed_us(const Interval *interval, int64 *us);

/*
 * Raises what tumble or hop (with slide) would raise for such arguments,
 * whatever the time.  NULL: not given, or not known.
 */
extern void stream_window_check(const Interval *size, const Interval *slide,
								const Interval *offset, text *zone);

/* The same for an interval that must have no months; name: of the argument. */
extern void stream_window_check_fixed(const char *name,
									  const Interval *interval, bool positive);

/*
 * The last start of a window at or before a (finite) time: starts are slide
 * microseconds apart, and offset away from 1970.  May be less than any timestamp.
 */
extern Timestamp stream_window_start(Timestamp time, int64 slide,
									 int64 offset);

/* So many microseconds later: beyond what can be counted there is infinity. */
extern Timestamp stream_window_plus(Timestamp time, int64 us);

/*
 * The range of a window, given as counted; what is beyond a timestamp's range
 * becomes infinity.
 */
extern Datum stream_window_range(TypeCacheEntry *typcache, Timestamp start,
								 Timestamp end);

/*
 * That of a session.  The range of one moment, which is not a session's, stands for an
 * infinite time, and for one whose window begins before the calendar: a bad row stops
 * no view.
 */
extern Datum stream_window_session_range(TypeCacheEntry *typcache,
										 Timestamp start, Timestamp end);

/* The two ends of such a range. */
extern void stream_window_session_bounds(TypeCacheEntry *typcache, Datum range,
										 Timestamp *start, Timestamp *end);

#endif
