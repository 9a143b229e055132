/*-------------------------------------------------------------------------
 *
 * options.h
 *	  The streaming.* options of views and streams.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_OPTIONS_H
#define STREAMING_OPTIONS_H

#include "nodes/parsenodes.h"

/* What "streaming.trigger" says. */
typedef enum StreamTrigger
{
	STREAM_TRIGGER_COMMIT,		/* as soon as rows commit */
	STREAM_TRIGGER_INTERVAL,	/* every trigger_us microseconds */
	STREAM_TRIGGER_MANUAL		/* only on REFRESH */
} StreamTrigger;

/* What "streaming.output_mode" says: which groups the view shows when. */
typedef enum StreamOutputMode
{
	STREAM_OUTPUT_UPDATE,		/* each as it stands; late rows are dropped */
	STREAM_OUTPUT_APPEND,		/* each once, when the watermark has passed it */
	STREAM_OUTPUT_COMPLETE		/* each as it stands; nothing is dropped */
} StreamOutputMode;

/*
 * The options of a view or of a stream, as given in WITH (streaming.…) or SET.
 * Times are in microseconds, a month counting as 31 days.
 */
typedef struct StreamOptions
{
	/* of a view */
	bool		enabled;		/* streaming.enabled */
	StreamTrigger trigger;		/* streaming.trigger */
	int64		trigger_us;
	int64		max_batch_rows; /* streaming.max_batch_rows; 0: the setting */
	StreamOutputMode output_mode;	/* streaming.output_mode */
	bool		watermark_max;	/* streaming.watermark_policy is "max" */
	bool		keep_late_rows; /* streaming.late_rows is "keep" */
	bool		within_watermark;	/* streaming.distinct_within_watermark */
	bool		trust_functions;	/* streaming.trust_functions */
	bool		changes;		/* streaming.changes */
	int64		retention_us;	/* streaming.changes_retention: 0: what has been
								 * read goes, > 0: what is older; -1: not given */
	int64		ttl_us;			/* streaming.ttl: so long after they were closed rows
								 * go; -1: they stay */
	bool		skip_errors;	/* streaming.on_error is "skip" */
	int64		max_errors;		/* streaming.max_errors */
	int64		keep_errors_us; /* streaming.errors_retention; -1: for ever */
	const char *group;			/* streaming.group; NULL: none */
	const char *notify;			/* streaming.notify, a channel; NULL: none */

	/* of both: the view's beats the stream's */
	int64		delay_us;		/* streaming.watermark; -1: not given */

	/* of a stream */
	const char *event_time;		/* streaming.event_time; NULL: none */
	int64		idle_us;		/* streaming.idle_timeout; 0: none */
	int64		max_future_us;	/* streaming.max_future; -1: none */
	int64		keep_us;		/* streaming.retention: 0: what all views have
								 * read goes, > 0: partitions that are older;
								 * -1: not given */
} StreamOptions;

/* Whose options they are. */
typedef enum StreamOptionKind
{
	STREAM_OPTIONS_VIEW,
	STREAM_OPTIONS_STREAM
} StreamOptionKind;

/*
 * Takes the DefElems of namespace "streaming" out of a WITH list.
 * continuous: set to the value of streaming.continuous, false if absent.
 * Returns the other streaming.* options; *deflist keeps the rest.  source: for
 * error positions, or NULL.  Error 42601 if streaming.continuous is not a boolean
 * or is given twice.
 */
extern List *stream_options_extract(List **deflist, bool *continuous,
									const char *source);

/*
 * Checks the DefElems (from stream_options_extract) and merges them into the
 * lists of names and values (String nodes); with reset, removes the names.
 * source: the statement, for error positions, or NULL.
 * Errors: 22023 unknown option or bad value, 42601 an option given twice,
 * 0A000 an option or value that is not supported yet.
 */
extern void stream_options_merge(StreamOptionKind kind, List *defelems,
								 bool reset, List **names, List **values,
								 const char *source);

/*
 * The values of the options in force, defaults included; strings are of the
 * current memory context.
 */
extern void stream_options_fill(List *names, List *values,
								StreamOptions *options);

/* Takes the option security_barrier, which is for the view that readers see, out. */
extern List *stream_options_extract_barrier(List **deflist);

/* The first of them that is for views only, or NULL. */
extern const DefElem *stream_options_find_view_option(List *deflist);

#endif
