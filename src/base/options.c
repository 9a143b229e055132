/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The streaming.* options of views and streams.
 *
 * Options are kept as the text that the user gave, one name and one value
 * each, so that a later version can read what an earlier one stored.  One
 * table says which options there are, whose they are and how each is read; the
 * values are checked by reading them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "base/options.h"

/* Reads value into options; returns NULL, or what would be right. */
typedef const char *(*OptionReader) (const char *value, StreamOptions *options);

typedef struct OptionDef
{
	const char *name;
	bool		of_view;
	bool		of_stream;
	OptionReader read;
} OptionDef;

/* No option's time is longer than about a hundred years. */
#define MAX_DAYS (100 * 12 * 31)

/* What is wrong with so many rows is not the rows. */
#define DEFAULT_MAX_ERRORS 1000

static const char *
read_enabled(const char *value, StreamOptions *options)
{
	if (!parse_bool(value, &options->enabled))
		return "Valid values are \"on\" and \"off\".";
	return NULL;
}

/* Reads a number of at least 1; false if it is none. */
static bool
read_number(const char *value, int64 *number)
{
	char	   *end;

	errno = 0;
	*number = strtoi64(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && *number >= 1;
}

static const char *
read_max_batch_rows(const char *value, StreamOptions *options)
{
	if (!read_number(value, &options->max_batch_rows))
		return "A valid value is a number of rows, at least 1.";
	return NULL;
}

/*
 * Reads an interval without raising an error, so that the complaint can say
 * which option it is about.  False if it is no interval, negative or absurdly
 * long.  month_days: what a month counts as; 0: months are not allowed.
 */
static bool
read_interval(const char *value, int month_days, int64 *us)
{
	char		buffer[256];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;
	struct pg_itm_in itm;

	memset(&itm, 0, sizeof(itm));
	if (ParseDateTime(value, buffer, sizeof(buffer), field, ftype,
					  MAXDATEFIELDS, &nf) != 0)
		return false;
	if (DecodeInterval(field, ftype, nf, INTERVAL_FULL_RANGE,
					   &dtype, &itm) != 0 || dtype != DTK_DELTA)
		return false;
	if ((itm.tm_year != 0 || itm.tm_mon != 0) && month_days == 0)
		return false;
	if (abs(itm.tm_mday) > MAX_DAYS || abs(itm.tm_mon) > MAX_DAYS ||
		abs(itm.tm_year) > MAX_DAYS)
		return false;
	*us = itm.tm_usec + itm.tm_mday * USECS_PER_DAY +
		(itm.tm_year * INT64CONST(12) + itm.tm_mon) * month_days * USECS_PER_DAY;
	return *us >= 0 && *us <= MAX_DAYS * USECS_PER_DAY;
}

static const char *
read_trigger(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "commit") == 0)
		options->trigger = STREAM_TRIGGER_COMMIT;
	else if (pg_strcasecmp(value, "manual") == 0)
		options->trigger = STREAM_TRIGGER_MANUAL;
	else if (read_interval(value, 0, &options->trigger_us) &&
			 options->trigger_us > 0)
		options->trigger = STREAM_TRIGGER_INTERVAL;
	else
		return "Valid values are \"commit\", \"manual\" and a positive interval without months, such as '10 seconds'.";
	return NULL;
}

static const char *
read_output_mode(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "update") == 0)
		options->output_mode = STREAM_OUTPUT_UPDATE;
	else if (pg_strcasecmp(value, "append") == 0)
		options->output_mode = STREAM_OUTPUT_APPEND;
	else if (pg_strcasecmp(value, "complete") == 0)
		options->output_mode = STREAM_OUTPUT_COMPLETE;
	else
		return "Valid values are \"update\", \"append\" and \"complete\".";
	return NULL;
}

static const char *
read_watermark(const char *value, StreamOptions *options)
{
	if (!read_interval(value, 31, &options->delay_us))
		return "A valid value is an interval, zero or more, such as '10 seconds'.";
	return NULL;
}

static const char *
read_watermark_policy(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "min") == 0)
		options->watermark_max = false;
	else if (pg_strcasecmp(value, "max") == 0)
		options->watermark_max = true;
	else
		return "Valid values are \"min\" and \"max\".";
	return NULL;
}

static const char *
read_late_rows(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "drop") == 0)
		options->keep_late_rows = false;
	else if (pg_strcasecmp(value, "keep") == 0)
		options->keep_late_rows = true;
	else
		return "Valid values are \"drop\" and \"keep\".";
	return NULL;
}

static const char *
read_within_watermark(const char *value, StreamOptions *options)
{
	if (!parse_bool(value, &options->within_watermark))
		return "Valid values are \"on\" and \"off\".";
	return NULL;
}

static const char *
read_trust_functions(const char *value, StreamOptions *options)
{
	if (!parse_bool(value, &options->trust_functions))
		return "Valid values are \"on\" and \"off\".";
	return NULL;
}

static const char *
read_changes(const char *value, StreamOptions *options)
{
	if (!parse_bool(value, &options->changes))
		return "Valid values are \"on\" and \"off\".";
	return NULL;
}

static const char *
read_changes_retention(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "consumed") == 0)
		options->retention_us = 0;
	else if (!read_interval(value, 31, &options->retention_us) ||
			 options->retention_us == 0)
		return "Valid values are \"consumed\" and a positive interval, such as '7 days'.";
	return NULL;
}

static const char *
read_ttl(const char *value, StreamOptions *options)
{
	if (!read_interval(value, 31, &options->ttl_us))
		return "A valid value is an interval, zero or more, such as '90 days'.";
	return NULL;
}

static const char *
read_group(const char *value, StreamOptions *options)
{
	if (*value == '\0' || strlen(value) >= NAMEDATALEN)
		return "A valid value is a name of 1 to 63 bytes.";
	options->group = pstrdup(value);
	return NULL;
}

static const char *
read_notify(const char *value, StreamOptions *options)
{
	if (*value == '\0' || strlen(value) >= NAMEDATALEN)
		return "A valid value is the name of a channel, of at most 63 bytes.";
	options->notify = pstrdup(value);
	return NULL;
}

static const char *
read_event_time(const char *value, StreamOptions *options)
{
	if (*value == '\0')
		return "A valid value is the name of a column.";
	options->event_time = pstrdup(value);
	return NULL;
}

static const char *
read_idle_timeout(const char *value, StreamOptions *options)
{
	if (!read_interval(value, 31, &options->idle_us) || options->idle_us == 0)
		return "A valid value is a positive interval, such as '1 minute'.";
	return NULL;
}

static const char *
read_max_future(const char *value, StreamOptions *options)
{
	if (!read_interval(value, 31, &options->max_future_us))
		return "A valid value is an interval, zero or more, such as '1 hour'.";
	return NULL;
}

static const char *
read_retention(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "consumed") == 0)
		options->keep_us = 0;
	else if (!read_interval(value, 31, &options->keep_us) ||
			 options->keep_us == 0)
		return "Valid values are \"consumed\" and a positive interval, such as '30 days'.";
	return NULL;
}

static const char *
read_on_error(const char *value, StreamOptions *options)
{
	if (pg_strcasecmp(value, "stop") == 0)
		options->skip_errors = false;
	else if (pg_strcasecmp(value, "skip") == 0)
		options->skip_errors = true;
	else
		return "Valid values are \"stop\" and \"skip\".";
	return NULL;
}

static const char *
read_max_errors(const char *value, StreamOptions *options)
{
	if (!read_number(value, &options->max_errors))
		return "A valid value is a number of rows, at least 1.";
	return NULL;
}

static const char *
read_errors_retention(const char *value, StreamOptions *options)
{
	if (!read_interval(value, 31, &options->keep_errors_us) ||
		options->keep_errors_us == 0)
		return "A valid value is a positive interval, such as '30 days'.";
	return NULL;
}

static const OptionDef option_defs[] = {
	{"changes", true, false, read_changes},
	{"changes_retention", true, false, read_changes_retention},
	{"distinct_within_watermark", true, false, read_within_watermark},
	{"enabled", true, false, read_enabled},
	{"errors_retention", true, false, read_errors_retention},
	{"event_time", false, true, read_event_time},
	{"group", true, false, read_group},
	{"idle_timeout", false, true, read_idle_timeout},
	{"late_rows", true, false, read_late_rows},
	{"max_batch_rows", true, false, read_max_batch_rows},
	{"max_errors", true, false, read_max_errors},
	{"max_future", false, true, read_max_future},
	{"notify", true, false, read_notify},
	{"on_error", true, false, read_on_error},
	{"output_mode", true, false, read_output_mode},
	{"retention", false, true, read_retention},
	{"trigger", true, false, read_trigger},
	{"trust_functions", true, false, read_trust_functions},
	{"ttl", true, false, read_ttl},
	{"watermark", true, true, read_watermark},
	{"watermark_policy", true, false, read_watermark_policy},
	{NULL}
};

static bool
is_of_kind(const OptionDef *def, StreamOptionKind kind)
{
	return kind == STREAM_OPTIONS_VIEW ? def->of_view : def->of_stream;
}

static const OptionDef *
find_option(const char *name)
{
	for (const OptionDef *def = option_defs; def->name; def++)
		if (strcmp(def->name, name) == 0)
			return def;
	return NULL;
}

/* Says which options there are; for errhint. */
static const char *
options_hint(const OptionDef *option, StreamOptionKind kind)
{
	StringInfoData names;

	if (option)
		return kind == STREAM_OPTIONS_VIEW ?
			"It is an option of streams: set it with ALTER TABLE." :
			"It is an option of continuous views: set it with ALTER MATERIALIZED VIEW.";
	initStringInfo(&names);
	for (const OptionDef *def = option_defs; def->name; def++)
		if (is_of_kind(def, kind))
			appendStringInfo(&names, "%sstreaming.%s",
							 names.len > 0 ? ", " : "", def->name);
	return psprintf(kind == STREAM_OPTIONS_VIEW ?
					"The options of a continuous view are %s." :
					"The options of a stream are %s.", names.data);
}

List *
stream_options_extract(List **deflist, bool *continuous, const char *source)
{
	List	   *mine = NIL;
	List	   *rest = NIL;
	bool		seen = false;
	ListCell   *lc;

	*continuous = false;
	foreach(lc, *deflist)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (def->defnamespace == NULL ||
			strcmp(def->defnamespace, "streaming") != 0)
			rest = lappend(rest, def);
		else if (strcmp(def->defname, "continuous") == 0)
		{
			if (seen)
				ereport(ERROR,
						(errcode(ERRCODE_SYNTAX_ERROR),
						 errmsg("option \"streaming.%s\" given more than once",
								def->defname),
						 errhint("Give it once."),
						 stream_refuse_position(source, def->location)));
			*continuous = defGetBoolean(def);
			seen = true;
		}
		else
			mine = lappend(mine, def);
	}
	*deflist = rest;
	return mine;
}

List *
stream_options_extract_barrier(List **deflist)
{
	List	   *mine = NIL;
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, *deflist)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (def->defnamespace == NULL &&
			strcmp(def->defname, "security_barrier") == 0)
			mine = lappend(mine, def);
		else
			rest = lappend(rest, def);
	}
	*deflist = rest;
	return mine;
}

const DefElem *
stream_options_find_view_option(List *deflist)
{
	ListCell   *lc;

	foreach(lc, deflist)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "security_invoker") == 0 ||
			strcmp(def->defname, "check_option") == 0)
			return def;
	}
	return NULL;
}

/* Removes the option from both lists, if it is there. */
static void
remove_option(const char *name, List **names, List **values)
{
	for (int i = 0; i < list_length(*names); i++)
	{
		if (strcmp(strVal(list_nth(*names, i)), name) == 0)
		{
			*names = list_delete_nth_cell(*names, i);
			*values = list_delete_nth_cell(*values, i);
			return;
		}
	}
}

void
stream_options_merge(StreamOptionKind kind, List *defelems, bool reset,
					 List **names, List **values, const char *source)
{
	StreamOptions scratch;
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, defelems)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const OptionDef *option = find_option(def->defname);
		StreamRefuseDefault frame;
		const char *wanted;
		char	   *value;

		if (strcmp(def->defname, "continuous") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"streaming.continuous\" cannot be changed"),
					 errhint("Drop the view and create it anew."),
					 stream_refuse_position(source, def->location)));
		if (option == NULL || !is_of_kind(option, kind))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg(kind == STREAM_OPTIONS_VIEW ?
							"unrecognized option \"streaming.%s\"" :
							"unrecognized option \"streaming.%s\" of a stream",
							def->defname),
					 errhint("%s", options_hint(option, kind)),
					 stream_refuse_position(source, def->location)));
		if (list_member(seen, makeString(def->defname)))
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("option \"streaming.%s\" given more than once",
							def->defname),
					 errhint("Give it once."),
					 stream_refuse_position(source, def->location)));
		seen = lappend(seen, makeString(def->defname));
		remove_option(def->defname, names, values);
		if (reset)
			continue;
		value = def->arg ? defGetString(def) : pstrdup("true");
		stream_refuse_push(&frame, source, def->location);
		wanted = option->read(value, &scratch);
		stream_refuse_pop(&frame);
		if (wanted)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for option \"streaming.%s\": \"%s\"",
							def->defname, value),
					 errhint("%s", wanted),
					 stream_refuse_position(source, def->location)));
		*names = lappend(*names, makeString(pstrdup(def->defname)));
		*values = lappend(*values, makeString(value));
	}
}

void
stream_options_fill(List *names, List *values, StreamOptions *options)
{
	ListCell   *ln;
	ListCell   *lv;

	memset(options, 0, sizeof(*options));
	options->enabled = true;
	options->trigger = STREAM_TRIGGER_COMMIT;
	options->retention_us = -1;
	options->ttl_us = -1;
	options->delay_us = -1;
	options->max_future_us = -1;
	options->keep_us = -1;
	options->max_errors = DEFAULT_MAX_ERRORS;
	options->keep_errors_us = -1;
	forboth(ln, names, lv, values)
	{
		const OptionDef *option = find_option(strVal(lfirst(ln)));

		if (option)
			option->read(strVal(lfirst(lv)), options);
	}
}
