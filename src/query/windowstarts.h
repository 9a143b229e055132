/*-------------------------------------------------------------------------
 *
 * windowstarts.h
 *	  Grouping by where windows start.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_WINDOWSTARTS_H
#define STREAMING_WINDOWSTARTS_H

#include "nodes/parsenodes.h"

/*
 * Has a query whose columns are grouping keys and aggregates group by the starts of the
 * windows among its keys, where these are calls of tumble with constant lengths.  Its
 * columns stay what they are; columns that do not show come after them.
 */
extern void stream_windowstarts_group(Query *query);

#endif
