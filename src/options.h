/*-------------------------------------------------------------------------
 *
 * options.h
 *	  The streaming.* options of a view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_OPTIONS_H
#define STREAMING_OPTIONS_H

#include "nodes/pg_list.h"

/* What "streaming.trigger" says. */
typedef enum StreamTrigger
{
	STREAM_TRIGGER_COMMIT,		/* as soon as rows commit */
	STREAM_TRIGGER_INTERVAL,	/* every trigger_us microseconds */
	STREAM_TRIGGER_MANUAL		/* only on REFRESH */
} StreamTrigger;

/* The options of a view, as given in WITH (streaming.…) or SET. */
typedef struct StreamOptions
{
	bool		enabled;		/* streaming.enabled */
	StreamTrigger trigger;		/* streaming.trigger */
	int64		trigger_us;
	int64		max_batch_rows; /* streaming.max_batch_rows; 0: the setting */
} StreamOptions;

/*
 * Takes the DefElems of namespace "streaming" out of a WITH list.
 * continuous: set to the value of streaming.continuous, false if absent.
 * Returns the other streaming.* options; *deflist keeps the rest.
 */
extern List *stream_options_extract(List **deflist, bool *continuous);

/*
 * Checks the DefElems (from stream_options_extract) and merges them into the
 * lists of names and values (String nodes); with reset, removes the names.
 * source: the statement, for error positions, or NULL.
 * Errors: 22023 unknown option or bad value, 42601 an option given twice,
 * 0A000 an option or value that is not supported yet.
 */
extern void stream_options_merge(List *defelems, bool reset,
								 List **names, List **values,
								 const char *source);

/* The values of the options in force, defaults included. */
extern void stream_options_fill(List *names, List *values,
								StreamOptions *options);

#endif
