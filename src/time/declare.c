/*-------------------------------------------------------------------------
 *
 * declare.c
 *	  What a stream declares: its event time, and how late that may be.
 *
 * A stream says in its options which column is the event time of its rows and
 * how long rows may be under way (the delay of the watermark).  For a partitioned
 * stream the root says it, for all partitions.  Options are kept in the catalog
 * as text, and the column by number besides, so that it can be renamed.
 *
 * What a view's state is about must not change under it: while views read the
 * stream, the event time stays.  The times may change; views go by the new ones
 * from their next batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "stream/am.h"
#include "time/declare.h"

static DefElem *
find_option(const char *name, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* A plain stream, or a partitioned table none of whose leaves is anything else. */
static bool
can_declare(Oid relid)
{
	bool		result = true;
	List	   *all;
	ListCell   *lc;

	if (get_rel_relkind(relid) == RELKIND_RELATION)
		return stream_am_relid_is_stream(relid);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	all = find_all_inheritors(relid, NoLock, NULL);
	if (list_length(all) == 1)
		return stream_am_may_have_streams(relid);
	foreach(lc, all)
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_PARTITIONED_TABLE &&
			!stream_am_relid_is_stream(lfirst_oid(lc)))
			result = false;
	return result;
}

static void
check_stream(Oid relid, List *options, bool reset, const char *source)
{
	const char *first = ((DefElem *) linitial(options))->defname;
	List	   *ancestors;

	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
	/* what is no stream, or a partition, may have been one that declares */
	if (reset && stream_catalog_declaration(relid))
		return;
	if (!can_declare(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a stream", get_rel_name(relid)),
				 errdetail("Option \"streaming.%s\" is for streams.", first),
				 errhint("Create the table with USING stream."),
				 stream_refuse_option_position(source, options, first)));
	/* (one whose DETACH CONCURRENTLY is to be finished has no ancestors) */
	ancestors = get_partition_ancestors(relid);
	if (get_rel_relispartition(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partition", get_rel_name(relid)),
				 errdetail("Options of a partitioned stream are set on its root, for all partitions."),
				 ancestors == NIL ? errhint("Finish detaching it first.") :
				 errhint("Set them on \"%s\".",
						 get_rel_name(llast_oid(ancestors))),
				 stream_refuse_option_position(source, options, first)));
}

static bool
is_event_time_type(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID;
}

/* Finds the column that the options name. */
static AttrNumber
find_column(Oid relid, const char *name, List *options, const char *source)
{
	AttrNumber	attnum = get_attnum(relid, name);
	Oid			type;

	if (attnum == InvalidAttrNumber || attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of stream \"%s\" does not exist",
						name, get_rel_name(relid)),
				 errhint("streaming.event_time is the name of a column."),
				 stream_refuse_option_position(source, options, "event_time")));
	type = get_atttype(relid, attnum);
	if (!is_event_time_type(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" cannot be an event time", name),
				 errdetail("It is of type %s.", format_type_be(type)),
				 errhint("An event time is a timestamp, with or without time zone."),
				 stream_refuse_option_position(source, options, "event_time")));
	if (stream_compat_is_virtual(relid, attnum))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" cannot be an event time", name),
				 errdetail("It is a virtual generated column, which no row holds."),
				 errhint("Generate it STORED, or use the column that it is computed from."),
				 stream_refuse_option_position(source, options, "event_time")));
	return attnum;
}

static void
check_needs(StreamDeclaration *decl, List *options, const char *source)
{
	const char *name = NULL;

	if (decl->options.event_time)
		return;
	if (decl->options.delay_us >= 0)
		name = "watermark";
	else if (decl->options.idle_us > 0)
		name = "idle_timeout";
	else if (decl->options.max_future_us >= 0)
		name = "max_future";
	if (name)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"streaming.%s\" of a stream needs \"streaming.event_time\"",
						name),
				 errhint("Say which column is the event time: streaming.event_time = 'column'."),
				 stream_refuse_option_position(source, options, name)));
}

/* May a time be told from values of the type? */
static bool
is_time(Oid type)
{
	return is_event_time_type(type) || type == DATEOID;
}

StreamExpiry
stream_declare_expiry(const StreamDeclaration *decl)
{
	Relation	rel = table_open(decl->relid, AccessShareLock);
	PartitionKey key = RelationGetPartitionKey(rel);
	StreamExpiry expiry = STREAM_EXPIRES_NOT;

	/* of others, a partition is for rows to come, too, however old its own are */
	if (key != NULL && key->strategy == PARTITION_STRATEGY_RANGE)
	{
		AttrNumber	attnum = key->partattrs[0];

		/* another order than that of time has its own idea of what an upper bound is */
		if (attnum != InvalidAttrNumber && is_time(key->parttypid[0]) &&
			key->partopfamily[0] == STREAM_DATETIME_BTREE_FAM_OID &&
			(decl->attnum == InvalidAttrNumber || decl->attnum == attnum))
			expiry = STREAM_EXPIRES_BY_BOUND;
		else if (decl->attnum != InvalidAttrNumber)
			expiry = STREAM_EXPIRES_BY_ROWS;
	}
	table_close(rel, AccessShareLock);
	return expiry;
}

static void
check_retention(const StreamDeclaration *decl, List *options,
				const char *source)
{
	bool		partitioned =
		get_rel_relkind(decl->relid) == RELKIND_PARTITIONED_TABLE;

	if (decl->options.keep_us < 0)
		return;
	if (partitioned && decl->options.keep_us == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"streaming.retention\" = \"consumed\" is for streams without partitions"),
				 errdetail("Partitions are dropped as a whole, when they are old enough and all views have read them."),
				 errhint("Give an interval, such as '30 days'."),
				 stream_refuse_option_position(source, options, "retention")));
	if (!partitioned && decl->options.keep_us > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an interval as \"streaming.retention\" is for partitioned streams"),
				 errdetail("Of others, rows go when all views have read them: \"consumed\"."),
				 errhint("Partition the stream by range of time."),
				 stream_refuse_option_position(source, options, "retention")));
	if (partitioned && stream_declare_expiry(decl) == STREAM_EXPIRES_NOT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"streaming.retention\" cannot tell how old partitions of stream \"%s\" are",
						get_rel_name(decl->relid)),
				 errhint("Partition it by range of a column that is a timestamp or a date; or by range of something else, and declare its streaming.event_time."),
				 stream_refuse_option_position(source, options, "retention")));
}

void
stream_declare_set(Oid relid, List *options, bool reset, bool in_use,
				   const char *source)
{
	StreamDeclaration *decl;
	AttrNumber	before;
	bool		had_watermark;

	check_stream(relid, options, reset, source);
	LockRelationOid(relid, ShareUpdateExclusiveLock);
	decl = stream_catalog_declaration(relid);
	if (decl == NULL)
		decl = palloc0(sizeof(StreamDeclaration));
	before = decl->attnum;
	had_watermark = decl->attnum != InvalidAttrNumber &&
		decl->options.delay_us >= 0;
	decl->relid = relid;
	stream_options_merge(STREAM_OPTIONS_STREAM, options, reset,
						 &decl->option_names, &decl->option_values, source);
	stream_options_fill(decl->option_names, decl->option_values,
						&decl->options);
	if (decl->options.event_time == NULL)
		decl->attnum = InvalidAttrNumber;
	else if (find_option("event_time", options))
		decl->attnum = find_column(relid, decl->options.event_time, options,
								   source);
	check_needs(decl, options, source);
	check_retention(decl, options, source);
	if (in_use && decl->attnum != before)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot change the event time of stream \"%s\" while continuous views read it",
						get_rel_name(relid)),
				 errdetail("Their state is about the event time that they were created with."),
				 errhint("Drop the continuous views first, and create them anew."),
				 stream_refuse_option_position(source, options, "event_time")));
	if (in_use && had_watermark && decl->options.delay_us < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot take back the watermark of stream \"%s\" while continuous views read it",
						get_rel_name(relid)),
				 errdetail("Windows that it has closed could not stay closed."),
				 errhint("Set a longer one, or drop the continuous views first."),
				 stream_refuse_option_position(source, options, "watermark")));
	if (decl->option_names == NIL)
		stream_catalog_delete_declaration(relid);
	else
		stream_catalog_write_declaration(decl);
	CommandCounterIncrement();
	CacheInvalidateRelcacheByRelid(relid);
}

void
stream_declare_result(Oid relid, AttrNumber attnum)
{
	StreamDeclaration decl = {.relid = relid,.attnum = attnum};

	stream_catalog_write_declaration(&decl);
	CommandCounterIncrement();
}

bool
stream_declare_is_result(Oid relid)
{
	return stream_catalog_declaration(relid) != NULL &&
		OidIsValid(stream_catalog_view_of(relid));
}

/* ---- looking up ---- */

/* What has been found out of a view, to which many ways may lead. */
typedef struct ViewDelay
{
	Oid			viewid;
	int64		delay_us;
} ViewDelay;

static bool find_event_time(Oid relid, StreamEventTime *result, List **known);

/*
 * The longest delay of the streams that a view reads; -1: none has a watermark.  known:
 * ViewDelay.
 */
static int64
delay_of_view(Oid viewid, List **known)
{
	StreamViewRow *row;
	ViewDelay  *view;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, *known)
		if (((ViewDelay *) lfirst(lc))->viewid == viewid)
			return ((ViewDelay *) lfirst(lc))->delay_us;
	view = palloc(sizeof(ViewDelay));
	view->viewid = viewid;
	view->delay_us = -1;
	*known = lappend(*known, view);
	row = stream_catalog_view(viewid);
	foreach(lc, row ? row->streams : NIL)
	{
		StreamEventTime below;

		if (find_event_time(lfirst_oid(lc), &below, known))
			view->delay_us = Max(view->delay_us,
								 stream_declare_delay(&below, &row->options));
	}
	return view->delay_us;
}

int64
stream_declare_delay(const StreamEventTime *declared,
					 const StreamOptions *options)
{
	/* what the view below does not say, nobody can */
	if (options->delay_us < 0 ||
		(OidIsValid(declared->result_of) && declared->delay_us < 0))
		return declared->delay_us;
	return options->delay_us;
}

/* What follows for a result from what is below. */
static void
inherit(StreamEventTime *result, List **known)
{
	result->is_range = result->type == TSRANGEOID ||
		result->type == TSTZRANGEOID;
	if (result->is_range)
		result->type = result->type == TSRANGEOID ? TIMESTAMPOID :
			TIMESTAMPTZOID;
	result->delay_us = delay_of_view(result->result_of, known);
}

static bool
declared(Oid relid, Oid asked, StreamEventTime *result, List **known)
{
	StreamDeclaration *decl = stream_catalog_declaration(relid);
	char	   *name;

	if (decl == NULL || decl->attnum == InvalidAttrNumber)
		return false;
	result->stream = relid;
	result->attnum = decl->attnum;
	if (asked != relid)
	{
		/* columns of partitions may be in another order */
		name = get_attname(relid, decl->attnum, false);
		result->attnum = get_attnum(asked, name);
	}
	result->type = get_atttype(asked, result->attnum);
	result->delay_us = decl->options.delay_us;
	result->idle_us = decl->options.idle_us;
	result->max_future_us = decl->options.max_future_us;
	result->is_range = false;
	result->result_of = stream_catalog_view_of(relid);
	if (OidIsValid(result->result_of))
		inherit(result, known);
	return true;
}

static bool
find_event_time(Oid relid, StreamEventTime *result, List **known)
{
	ListCell   *lc;

	if (declared(relid, relid, result, known))
		return true;
	if (!get_rel_relispartition(relid))
		return false;
	foreach(lc, get_partition_ancestors(relid))
		if (declared(lfirst_oid(lc), relid, result, known))
			return true;
	return false;
}

bool
stream_declare_event_time(Oid relid, StreamEventTime *result)
{
	List	   *known = NIL;

	return find_event_time(relid, result, &known);
}

/* ---- changes behind it ---- */

void
stream_declare_check(Oid relid)
{
	StreamDeclaration *decl = OidIsValid(relid) ?
		stream_catalog_declaration(relid) : NULL;
	Oid			type;

	/*
	 * That of a result may be a window, and its type is the view's; nobody has set options of
	 * it.  (In a database that is being restored, there is no view yet.)
	 */
	if (decl == NULL || decl->attnum == InvalidAttrNumber ||
		decl->option_names == NIL)
		return;
	type = get_atttype(relid, decl->attnum);
	if (!is_event_time_type(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is the event time of stream \"%s\"",
						get_attname(relid, decl->attnum, false),
						get_rel_name(relid)),
				 errdetail("It cannot be of type %s.", format_type_be(type)),
				 errhint("Take that back first: ALTER TABLE ... RESET (streaming.event_time).")));
}

void
stream_declare_dropped(Oid relid, AttrNumber attnum)
{
	StreamDeclaration *decl = stream_catalog_declaration(relid);

	if (decl == NULL)
		return;
	if (attnum == InvalidAttrNumber)
		stream_catalog_delete_declaration(relid);
	else if (attnum == decl->attnum)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop column \"%s\" of stream \"%s\"",
						get_attname(relid, attnum, false),
						get_rel_name(relid)),
				 errdetail("It is the event time of the stream."),
				 errhint("Take that back first: ALTER TABLE ... RESET (streaming.event_time).")));
}
