/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The extension's own tables.
 *
 * _view has one row per continuous view, _progress (or _progress_unlogged)
 * says how far it has read, _error holds its present trouble; _stream has one
 * row per stream that declares something.  No other file reads or writes them.
 *
 * The tables are found by name at each use: the extension may be dropped and
 * created again under a running worker, and a database may not have it at all.
 * Every function copes with that: it finds nothing and says so.
 *
 * _progress is written once per batch.  Reading it through its index prunes the
 * dead versions of earlier batches, so that the row is updated in place (HOT)
 * for ever, whatever autovacuum does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "nodes/value.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"

/* columns of _view */
enum
{
	V_VIEWID = 1, V_DEFINITION, V_STATE, V_BELOW, V_STREAMS, V_UNLOGGED,
	V_OPTION_NAMES, V_OPTION_VALUES, V_SETTINGS, V_VERSION,
	V_CHANGES, V_NATTS = V_CHANGES
};

#define VERSION 1				/* of the rows that we write */

/* The number of a lock, beside the batch lock of a view (0) and that of its successor (1). */
#define FAILURE_OF_VIEW 2

/* columns of _progress and _progress_unlogged */
enum
{
	P_VIEWID = 1, P_BATCH, P_ROWS_READ, P_POSITION, P_BATCH_TIME, P_BATCH_US,
	P_WATERMARK, P_CLOSED, P_INPUTS, P_INPUT_MAXIMA, P_INPUT_SEEN, P_GROUPS,
	P_LATE_ROWS, P_NULL_ROWS, P_REAPED, P_REAPED_GROUPS, P_ERROR_ROWS,
	P_NATTS = P_ERROR_ROWS
};

/* columns of _stream */
enum
{
	S_RELID = 1, S_ATTNUM, S_OPTION_NAMES, S_OPTION_VALUES,
	S_NATTS = S_OPTION_VALUES
};

/* columns of _rejection */
enum
{
	R_VIEWID = 1, R_AT, R_STREAM, R_LEAF, R_TID, R_REASON, R_EVENT_TIME,
	R_STREAM_ROW, R_SQLSTATE, R_MESSAGE, R_BATCH, R_STORAGE,
	R_NATTS = R_STORAGE
};

/* columns of _error */
enum
{
	E_VIEWID = 1, E_FAILURES, E_FAILED, E_SQLSTATE, E_MESSAGE, E_DETAIL,
	E_HINT, E_CONTEXT, E_AT, E_NATTS = E_AT
};

/* columns of _release */
enum
{
	L_VIEWID = 1, L_STREAM, L_MESSAGE, L_DETAIL, L_HINT, L_AT, L_NATTS = L_AT
};

/* columns of _mark */
enum
{
	M_VIEWID = 1, M_BATCH, M_AT, M_NATTS = M_AT
};

/* columns of _restore */
enum
{
	D_VIEWID = 1, D_ITEM, D_COLUMNS, D_CONTENTS, D_DETAIL, D_NATTS = D_DETAIL
};

/* The extension's schema, once it has been found. */
static Oid	known_schema = InvalidOid;

/* The OID of one of our tables, or InvalidOid. */
static Oid
our_table(const char *name)
{
	Oid			schema = stream_catalog_schema();

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* The tables as this library knows them. */
static const struct
{
	const char *name;
	int			natts;
}			known_tables[] =
{
	{"_view", V_NATTS},
	{"_progress", P_NATTS},
	{"_progress_unlogged", P_NATTS},
	{"_stream", S_NATTS},
	{"_rejection", R_NATTS},
	{"_error", E_NATTS},
	{"_release", L_NATTS},
	{"_mark", M_NATTS},
	{"_restore", D_NATTS}
};

/* The library may be newer or older than the extension in the database. */
static bool
has_known_columns(Relation rel)
{
	for (int i = 0; i < lengthof(known_tables); i++)
		if (strcmp(RelationGetRelationName(rel), known_tables[i].name) == 0)
			return RelationGetNumberOfAttributes(rel) == known_tables[i].natts;
	return true;
}

/*
 * Opens one of our tables; NULL where the extension is not installed, or its
 * own script is about to change that table.
 */
static Relation
open_table(const char *name, LOCKMODE lockmode)
{
	Oid			relid = our_table(name);
	Relation	rel = OidIsValid(relid) ?
		try_table_open(relid, lockmode) : NULL;

	if (rel == NULL || has_known_columns(rel))
		return rel;
	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"streaming.%s\" is of another version of the extension",
						name),
				 errhint("Run ALTER EXTENSION streaming UPDATE.")));
	table_close(rel, lockmode);
	return NULL;
}

/* Same, for writing, where it has to be there. */
static Relation
open_table_for_write(const char *name)
{
	Relation	rel = open_table(name, RowExclusiveLock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"streaming\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION streaming.")));
	return rel;
}

static const char *
progress_table(bool unlogged)
{
	return unlogged ? "_progress_unlogged" : "_progress";
}

/*
 * A scan for the row of one relation: all our tables have its OID as primary
 * key.
 */
static SysScanDesc
begin_snapshot_scan(Relation rel, Oid relid, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	return systable_beginscan(rel, stream_compat_primary_key_index(rel, false),
							  true, snapshot, 1, &key);
}

static SysScanDesc
begin_row_scan(Relation rel, Oid relid)
{
	return begin_snapshot_scan(rel, relid, NULL);
}

/*
 * Writes the row of a relation: updates the one that is there, else inserts.
 */
static void
put_row(Relation rel, Oid relid, Datum *values, bool *nulls)
{
	SysScanDesc scan = begin_row_scan(rel, relid);
	HeapTuple	old = systable_getnext(scan);
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);

	if (HeapTupleIsValid(old))
		CatalogTupleUpdate(rel, &old->t_self, tuple);
	else
		CatalogTupleInsert(rel, tuple);
	systable_endscan(scan);
	heap_freetuple(tuple);
}

/* Deletes the rows of a relation, mostly one; true if there were any. */
static bool
delete_row(const char *table, Oid relid)
{
	Relation	rel = open_table(table, RowExclusiveLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (rel == NULL)
		return false;
	scan = begin_row_scan(rel, relid);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CatalogTupleDelete(rel, &tuple->t_self);
		found = true;
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	return found;
}

/* Is there a row of the relation? */
static bool
has_row(const char *table, Oid relid)
{
	Relation	rel = open_table(table, AccessShareLock);
	SysScanDesc scan;
	bool		found;

	if (rel == NULL)
		return false;
	scan = begin_row_scan(rel, relid);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	known_schema = InvalidOid;
}

/*
 * A schema of that name that somebody else has made must not be taken for ours:
 * we act on what is in its tables.
 */
Oid
stream_catalog_schema(void)
{
	static bool registered = false;
	Oid			schema;
	Oid			extension;

	if (OidIsValid(known_schema))
		return known_schema;
	schema = get_namespace_oid("streaming", true);
	if (!OidIsValid(schema))
		return InvalidOid;
	extension = get_extension_oid("streaming", true);
	if (!OidIsValid(extension) ||
		getExtensionOfObject(NamespaceRelationId, schema) != extension)
		return InvalidOid;
	if (!registered)
		CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed,
									  (Datum) 0);
	registered = true;
	known_schema = schema;
	return schema;
}

Oid
stream_catalog_owner(void)
{
	Relation	rel = open_table_for_write("_view");
	Oid			owner = rel->rd_rel->relowner;

	table_close(rel, NoLock);
	return owner;
}

/* ---- _view ---- */

static List *
strings_of_array(Datum array)
{
	Datum	   *elems;
	int			nelems;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elems, NULL, &nelems);
	for (int i = 0; i < nelems; i++)
		result = lappend(result, makeString(TextDatumGetCString(elems[i])));
	return result;
}

static Datum
array_of_strings(List *strings)
{
	Datum	   *elems = palloc(sizeof(Datum) * (list_length(strings) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, strings)
		elems[n++] = CStringGetTextDatum(strVal(lfirst(lc)));
	return PointerGetDatum(construct_array(elems, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static List *
oids_of_array(Datum array)
{
	Datum	   *elems;
	int			nelems;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), OIDOID, sizeof(Oid), true,
					  TYPALIGN_INT, &elems, NULL, &nelems);
	for (int i = 0; i < nelems; i++)
		result = lappend_oid(result, DatumGetObjectId(elems[i]));
	return result;
}

static Datum
array_of_oids(List *oids)
{
	Datum	   *elems = palloc(sizeof(Datum) * (list_length(oids) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, oids)
		elems[n++] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(elems, n, OIDOID, sizeof(Oid), true,
										   TYPALIGN_INT));
}

static StreamViewRow *
view_row_of_tuple(HeapTuple tuple, TupleDesc desc)
{
	StreamViewRow *row = palloc0(sizeof(StreamViewRow));
	Datum		values[V_NATTS];
	bool		nulls[V_NATTS];

	heap_deform_tuple(tuple, desc, values, nulls);
	row->changed_by = HeapTupleHeaderGetXmin(tuple->t_data);
	row->viewid = DatumGetObjectId(values[V_VIEWID - 1]);
	row->definition = DatumGetObjectId(values[V_DEFINITION - 1]);
	row->state = DatumGetObjectId(values[V_STATE - 1]);
	row->below = oids_of_array(values[V_BELOW - 1]);
	row->streams = oids_of_array(values[V_STREAMS - 1]);
	row->unlogged = DatumGetBool(values[V_UNLOGGED - 1]);
	row->option_names = strings_of_array(values[V_OPTION_NAMES - 1]);
	row->option_values = strings_of_array(values[V_OPTION_VALUES - 1]);
	stream_options_fill(row->option_names, row->option_values, &row->options);
	row->changes = DatumGetObjectId(values[V_CHANGES - 1]);
	if (!nulls[V_SETTINGS - 1])
		row->settings = DatumGetArrayTypePCopy(values[V_SETTINGS - 1]);
	return row;
}

char *
stream_catalog_suffix(Oid definition)
{
	char	   *name = get_rel_name(definition);
	Size		prefix = strlen("_definition_");

	return name && strlen(name) > prefix ? name + prefix : "";
}

/* It has been released: it does not run. */
static void
set_released(StreamViewRow *row)
{
	row->released = true;
	row->options.enabled = false;
}

static void
put_view_row(const StreamViewRow *row)
{
	Relation	rel = open_table_for_write("_view");
	Datum		values[V_NATTS];
	bool		nulls[V_NATTS] = {0};

	values[V_VIEWID - 1] = ObjectIdGetDatum(row->viewid);
	values[V_DEFINITION - 1] = ObjectIdGetDatum(row->definition);
	values[V_STATE - 1] = ObjectIdGetDatum(row->state);
	values[V_BELOW - 1] = array_of_oids(row->below);
	values[V_STREAMS - 1] = array_of_oids(row->streams);
	values[V_UNLOGGED - 1] = BoolGetDatum(row->unlogged);
	values[V_OPTION_NAMES - 1] = array_of_strings(row->option_names);
	values[V_OPTION_VALUES - 1] = array_of_strings(row->option_values);
	values[V_SETTINGS - 1] = PointerGetDatum(row->settings);
	nulls[V_SETTINGS - 1] = row->settings == NULL;
	values[V_VERSION - 1] = Int32GetDatum(VERSION);
	values[V_CHANGES - 1] = ObjectIdGetDatum(row->changes);
	put_row(rel, row->viewid, values, nulls);
	table_close(rel, NoLock);
	/* who has it open knows whether it is a change stream (am.c) */
	if (OidIsValid(row->changes))
		CacheInvalidateRelcacheByRelid(row->changes);
}

List *
stream_catalog_states(const StreamViewRow *row)
{
	List	   *states = lappend_oid(list_copy(row->below), row->state);

	return row->options.changes || OidIsValid(row->changes) ?
		lappend_oid(states, row->changes) : states;
}

static int
compare_views(const ListCell *a, const ListCell *b)
{
	Oid			oid_a = ((StreamViewRow *) lfirst(a))->viewid;
	Oid			oid_b = ((StreamViewRow *) lfirst(b))->viewid;

	return oid_a < oid_b ? -1 : oid_a > oid_b;
}

/* Notes in the rows, which are sorted, who has been released. */
static void
note_released(List *rows)
{
	Relation	rel = open_table("_release", AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	if (rel == NULL)
		return;
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Oid			viewid = DatumGetObjectId(heap_getattr(tuple, L_VIEWID,
														   RelationGetDescr(rel),
														   &isnull));

		foreach(lc, rows)
			if (((StreamViewRow *) lfirst(lc))->viewid == viewid)
				set_released(lfirst(lc));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

List *
stream_catalog_views(void)
{
	Relation	rel = open_table("_view", AccessShareLock);
	List	   *result = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NIL;
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend(result,
						 view_row_of_tuple(tuple, RelationGetDescr(rel)));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, compare_views);
	note_released(result);
	return result;
}

/* Is it a table, and of another access method than heap? */
static bool
may_be_stream(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	result = form->relkind == RELKIND_RELATION &&
		form->relam != HEAP_TABLE_AM_OID;
	ReleaseSysCache(tuple);
	return result;
}

Oid
stream_catalog_view_of_changes(Oid relid)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			viewid = InvalidOid;
	bool		isnull;

	Oid			index = our_table("_view_changes");

	/* (former versions have no such index) */
	if (!OidIsValid(index) || !may_be_stream(relid))
		return InvalidOid;
	rel = open_table("_view", AccessShareLock);
	if (rel == NULL)
		return InvalidOid;
	ScanKeyInit(&key, V_CHANGES, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		viewid = DatumGetObjectId(heap_getattr(tuple, V_VIEWID,
											   RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return viewid;
}

Oid
stream_catalog_view_of(Oid relid)
{
	Oid			schema = stream_catalog_schema();
	ListCell   *lc;

	if (!OidIsValid(schema))
		return InvalidOid;
	if (get_rel_namespace(relid) != schema)
		return stream_catalog_view_of_changes(relid);
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (row->definition == relid ||
			list_member_oid(stream_catalog_states(row), relid))
			return row->viewid;
	}
	return InvalidOid;
}

Oid
stream_catalog_view_owner(Oid viewid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(viewid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

StreamViewRow *
stream_catalog_view(Oid viewid)
{
	Relation	rel = open_table("_view", AccessShareLock);
	StreamViewRow *row = NULL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NULL;
	scan = begin_row_scan(rel, viewid);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		row = view_row_of_tuple(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (row != NULL && has_row("_release", viewid))
		set_released(row);
	return row;
}

StreamViewRow *
stream_catalog_need_view(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	if (row == NULL && get_rel_name(viewid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", viewid)));
	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous view",
						get_rel_name(viewid))));
	return row;
}

bool
stream_catalog_is_view(Oid relid)
{
	return has_row("_view", relid);
}

void
stream_catalog_insert_view(const StreamViewRow *row)
{
	/* somebody may have released a view of that OID while it was dropped */
	delete_row("_release", row->viewid);
	put_view_row(row);
}

void
stream_catalog_update_view(const StreamViewRow *row)
{
	put_view_row(row);
}

/* ---- _progress ---- */

/* The inputs are three arrays of the same length. */
static void
read_inputs(StreamProgress *progress, Datum *values)
{
	Datum	   *streams;
	Datum	   *maxima;
	Datum	   *seen;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(values[P_INPUTS - 1]), OIDOID,
					  sizeof(Oid), true, TYPALIGN_INT, &streams, NULL, &n);
	deconstruct_array(DatumGetArrayTypeP(values[P_INPUT_MAXIMA - 1]),
					  TIMESTAMPTZOID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &maxima, NULL, &n);
	deconstruct_array(DatumGetArrayTypeP(values[P_INPUT_SEEN - 1]),
					  TIMESTAMPTZOID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &seen, NULL, &n);
	progress->ninputs = n;
	progress->inputs = palloc(sizeof(StreamInputProgress) * n);
	for (int i = 0; i < n; i++)
	{
		progress->inputs[i].stream = DatumGetObjectId(streams[i]);
		progress->inputs[i].max_time = DatumGetTimestampTz(maxima[i]);
		progress->inputs[i].seen_at = DatumGetTimestampTz(seen[i]);
	}
}

const StreamInputProgress *
stream_catalog_input(const StreamProgress *progress, Oid stream,
					 int occurrence)
{
	for (int i = 0; i < progress->ninputs; i++)
		if (progress->inputs[i].stream == stream && occurrence-- == 0)
			return &progress->inputs[i];
	return NULL;
}

static Datum
array_of_times(Datum *elems, int n)
{
	return PointerGetDatum(construct_array(elems, n, TIMESTAMPTZOID,
										   sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

static void
write_inputs(const StreamProgress *progress, Datum *values, bool *nulls)
{
	int			n = progress->ninputs;
	Datum	   *elems = palloc(sizeof(Datum) * (n + 1));

	nulls[P_INPUTS - 1] = nulls[P_INPUT_MAXIMA - 1] =
		nulls[P_INPUT_SEEN - 1] = n == 0;
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		elems[i] = ObjectIdGetDatum(progress->inputs[i].stream);
	values[P_INPUTS - 1] =
		PointerGetDatum(construct_array(elems, n, OIDOID, sizeof(Oid), true,
										TYPALIGN_INT));
	for (int i = 0; i < n; i++)
		elems[i] = TimestampTzGetDatum(progress->inputs[i].max_time);
	values[P_INPUT_MAXIMA - 1] = array_of_times(elems, n);
	for (int i = 0; i < n; i++)
		elems[i] = TimestampTzGetDatum(progress->inputs[i].seen_at);
	values[P_INPUT_SEEN - 1] = array_of_times(elems, n);
}

/* So are the places of the operators. */
static void
read_reaped(StreamProgress *progress, Datum *values)
{
	Datum	   *until;
	Datum	   *groups;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(values[P_REAPED - 1]),
					  TIMESTAMPTZOID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &until, NULL, &n);
	deconstruct_array(DatumGetArrayTypeP(values[P_REAPED_GROUPS - 1]),
					  INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &groups, NULL, &n);
	progress->nreaped = n;
	progress->reaped = palloc(sizeof(StreamReaped) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		progress->reaped[i].until = DatumGetTimestampTz(until[i]);
		progress->reaped[i].groups = DatumGetInt64(groups[i]);
	}
}

static void
write_reaped(const StreamProgress *progress, Datum *values)
{
	int			n = progress->nreaped;
	Datum	   *elems = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		elems[i] = TimestampTzGetDatum(progress->reaped[i].until);
	values[P_REAPED - 1] = array_of_times(elems, n);
	for (int i = 0; i < n; i++)
		elems[i] = Int64GetDatum(progress->reaped[i].groups);
	values[P_REAPED_GROUPS - 1] =
		PointerGetDatum(construct_array(elems, n, INT8OID, sizeof(int64),
										FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
progress_of_tuple(StreamProgress *progress, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[P_NATTS];
	bool		nulls[P_NATTS];

	heap_deform_tuple(tuple, desc, values, nulls);
	progress->batch = DatumGetInt64(values[P_BATCH - 1]);
	progress->rows_read = DatumGetInt64(values[P_ROWS_READ - 1]);
	if (!nulls[P_POSITION - 1])
		progress->position = PG_DETOAST_DATUM_COPY(values[P_POSITION - 1]);
	if (!nulls[P_BATCH_TIME - 1])
		progress->batch_time = DatumGetTimestampTz(values[P_BATCH_TIME - 1]);
	progress->batch_us = DatumGetInt64(values[P_BATCH_US - 1]);
	progress->watermark = DatumGetTimestampTz(values[P_WATERMARK - 1]);
	progress->closed = DatumGetTimestampTz(values[P_CLOSED - 1]);
	if (!nulls[P_INPUTS - 1])
		read_inputs(progress, values);
	progress->groups = DatumGetInt64(values[P_GROUPS - 1]);
	progress->late_rows = DatumGetInt64(values[P_LATE_ROWS - 1]);
	progress->null_rows = DatumGetInt64(values[P_NULL_ROWS - 1]);
	read_reaped(progress, values);
	progress->error_rows = DatumGetInt64(values[P_ERROR_ROWS - 1]);
}

bool
stream_catalog_read_progress(Oid viewid, bool unlogged, Snapshot snapshot,
							 StreamProgress *progress)
{
	Relation	rel = open_table(progress_table(unlogged), AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;

	memset(progress, 0, sizeof(*progress));
	progress->watermark = progress->closed = STREAM_NO_TIME;
	if (rel == NULL)
		return false;
	scan = begin_snapshot_scan(rel, viewid, snapshot);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		progress_of_tuple(progress, tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/* Is the view's row there, and is it the newest? */
static bool
fetch_progress(Relation rel, Oid viewid, ItemPointerData place,
			   StreamProgress *progress)
{
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTupleData tuple = {.t_self = place};
	Snapshot	snapshot;
	Buffer		buffer;
	bool		found;
	bool		isnull;

	if (!ItemPointerIsValid(&place) ||
		ItemPointerGetBlockNumber(&place) >= RelationGetNumberOfBlocks(rel))
		return false;
	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(rel)));
	found = heap_fetch(rel, snapshot, &tuple, &buffer, false);
	if (found)
	{
		/* the table may have been rewritten since: then it may be another view's */
		found = viewid == DatumGetObjectId(heap_getattr(&tuple, P_VIEWID, desc,
														&isnull));
		if (found)
		{
			progress_of_tuple(progress, &tuple, desc);
			progress->place = place;
		}
		ReleaseBuffer(buffer);
	}
	UnregisterSnapshot(snapshot);
	return found;
}

void
stream_catalog_open_progress(StreamProgressTable *table, bool unlogged)
{
	if (table->rel != NULL)
		return;
	table->rel = open_table_for_write(progress_table(unlogged));
	table->indexes = CatalogOpenIndexes(table->rel);
}

void
stream_catalog_close_progress(StreamProgressTable *table)
{
	if (table->rel == NULL)
		return;
	CatalogCloseIndexes(table->indexes);
	table_close(table->rel, NoLock);
	table->rel = NULL;
}

bool
stream_catalog_find_progress(const StreamProgressTable *table, Oid viewid,
							 ItemPointerData place, StreamProgress *progress)
{
	Relation	rel = table->rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	memset(progress, 0, sizeof(*progress));
	progress->watermark = progress->closed = STREAM_NO_TIME;
	if (fetch_progress(rel, viewid, place, progress))
		return true;
	scan = begin_row_scan(rel, viewid);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		progress_of_tuple(progress, tuple, RelationGetDescr(rel));
		progress->place = tuple->t_self;
	}
	systable_endscan(scan);
	return found;
}

Oid
stream_catalog_progress_table(bool unlogged)
{
	return our_table(progress_table(unlogged));
}

void
stream_catalog_put_progress(const StreamProgressTable *table, Oid viewid,
							StreamProgress *progress)
{
	Relation	rel = table->rel;
	HeapTuple	tuple;
	Datum		values[P_NATTS];
	bool		nulls[P_NATTS] = {0};

	values[P_VIEWID - 1] = ObjectIdGetDatum(viewid);
	values[P_BATCH - 1] = Int64GetDatum(progress->batch);
	values[P_ROWS_READ - 1] = Int64GetDatum(progress->rows_read);
	values[P_POSITION - 1] = PointerGetDatum(progress->position);
	nulls[P_POSITION - 1] = progress->position == NULL;
	values[P_BATCH_TIME - 1] = TimestampTzGetDatum(progress->batch_time);
	nulls[P_BATCH_TIME - 1] = progress->batch_time == 0;
	values[P_BATCH_US - 1] = Int64GetDatum(progress->batch_us);
	values[P_WATERMARK - 1] = TimestampTzGetDatum(progress->watermark);
	values[P_CLOSED - 1] = TimestampTzGetDatum(progress->closed);
	write_inputs(progress, values, nulls);
	values[P_GROUPS - 1] = Int64GetDatum(progress->groups);
	values[P_LATE_ROWS - 1] = Int64GetDatum(progress->late_rows);
	values[P_NULL_ROWS - 1] = Int64GetDatum(progress->null_rows);
	write_reaped(progress, values);
	values[P_ERROR_ROWS - 1] = Int64GetDatum(progress->error_rows);
	if (ItemPointerIsValid(&progress->place))
	{
		tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
		CatalogTupleUpdateWithInfo(rel, &progress->place, tuple,
								   table->indexes);
		progress->place = tuple->t_self;
		heap_freetuple(tuple);
	}
	else
		put_row(rel, viewid, values, nulls);
}

void
stream_catalog_write_progress(Oid viewid, bool unlogged,
							  StreamProgress *progress)
{
	StreamProgressTable table = {0};

	stream_catalog_open_progress(&table, unlogged);
	stream_catalog_put_progress(&table, viewid, progress);
	stream_catalog_close_progress(&table);
}

/* ---- _stream ---- */

StreamDeclaration *
stream_catalog_declaration(Oid relid)
{
	Relation	rel = open_table("_stream", AccessShareLock);
	StreamDeclaration *decl = NULL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NULL;
	scan = begin_row_scan(rel, relid);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Datum		values[S_NATTS];
		bool		nulls[S_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		decl = palloc0(sizeof(StreamDeclaration));
		decl->relid = relid;
		decl->attnum = DatumGetInt16(values[S_ATTNUM - 1]);
		decl->option_names = strings_of_array(values[S_OPTION_NAMES - 1]);
		decl->option_values = strings_of_array(values[S_OPTION_VALUES - 1]);
		stream_options_fill(decl->option_names, decl->option_values,
							&decl->options);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return decl;
}

void
stream_catalog_write_declaration(const StreamDeclaration *decl)
{
	Relation	rel = open_table_for_write("_stream");
	Datum		values[S_NATTS];
	bool		nulls[S_NATTS] = {0};

	values[S_RELID - 1] = ObjectIdGetDatum(decl->relid);
	values[S_ATTNUM - 1] = Int16GetDatum(decl->attnum);
	values[S_OPTION_NAMES - 1] = array_of_strings(decl->option_names);
	values[S_OPTION_VALUES - 1] = array_of_strings(decl->option_values);
	put_row(rel, decl->relid, values, nulls);
	table_close(rel, NoLock);
}

bool
stream_catalog_delete_declaration(Oid relid)
{
	return delete_row("_stream", relid);
}

/* ---- _rejection ---- */

/*
 * The row as text, as casting it to text would give it, but null where a column
 * is not to be shown.
 */
static Datum
text_of_row(TupleTableSlot *row, const bool *shown)
{
	TupleDesc	desc = row->tts_tupleDescriptor;
	bool	   *nulls = palloc(sizeof(bool) * (desc->natts + 1));
	HeapTuple	tuple;
	Datum		record;
	Oid			output;
	bool		varlena;

	slot_getallattrs(row);
	for (int i = 0; i < desc->natts; i++)
		nulls[i] = row->tts_isnull[i] || !shown[i];
	tuple = heap_form_tuple(desc, row->tts_values, nulls);
	record = heap_copy_tuple_as_datum(tuple, desc);
	getTypeOutputInfo(RECORDOID, &output, &varlena);
	return CStringGetTextDatum(OidOutputFunctionCall(output, record));
}

void
stream_catalog_write_rejection(const StreamRejection *rejection,
							   TupleTableSlot *row, const bool *shown)
{
	Relation	rel = open_table_for_write("_rejection");
	Datum		values[R_NATTS];
	bool		nulls[R_NATTS] = {0};
	HeapTuple	tuple;

	values[R_VIEWID - 1] = ObjectIdGetDatum(rejection->viewid);
	values[R_AT - 1] = TimestampTzGetDatum(rejection->at);
	values[R_STREAM - 1] = ObjectIdGetDatum(rejection->stream);
	values[R_LEAF - 1] = ObjectIdGetDatum(rejection->leaf);
	values[R_TID - 1] = PointerGetDatum(&row->tts_tid);
	values[R_REASON - 1] = CStringGetTextDatum(rejection->reason);
	values[R_EVENT_TIME - 1] = TimestampTzGetDatum(rejection->event_time);
	nulls[R_EVENT_TIME - 1] = rejection->event_time == STREAM_NO_TIME;
	values[R_STREAM_ROW - 1] = text_of_row(row, shown);
	for (int column = R_SQLSTATE; column <= R_STORAGE; column++)
		nulls[column - 1] = rejection->message == NULL;
	if (rejection->message)
	{
		values[R_SQLSTATE - 1] =
			CStringGetTextDatum(unpack_sql_state(rejection->sqlstate));
		values[R_MESSAGE - 1] = CStringGetTextDatum(rejection->message);
		values[R_BATCH - 1] = Int64GetDatum(rejection->batch);
		values[R_STORAGE - 1] = ObjectIdGetDatum(rejection->storage);
	}
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}


/*
 * Deletes a row that was found; users delete others at the same time.  keeps:
 * the transaction keeps its snapshot, and must not go on without the row.  False
 * if this command has deleted it before, or another transaction has.
 */
static bool
delete_found(Relation rel, HeapTuple tuple, bool keeps)
{
	TM_FailureData failure;

	switch (table_tuple_delete(rel, &tuple->t_self, GetCurrentCommandId(true),
							   NULL, InvalidSnapshot, true, &failure, false))
	{
		case TM_Ok:
			return true;
		case TM_SelfModified:
			return false;
		case TM_Updated:
		case TM_Deleted:
			if (keeps)
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to concurrent delete")));
			return false;
		default:
			elog(ERROR, "could not delete a row of \"%s\"",
				 RelationGetRelationName(rel));
			return false;
	}
}

/* Deletes at most limit of them, the oldest first. */
static int64
delete_rejections(Oid viewid, TimestampTz before, Snapshot snapshot,
				  int64 limit)
{
	Relation	rel = open_table("_rejection", RowExclusiveLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		deleted = 0;

	if (rel == NULL)
		return 0;
	ScanKeyInit(&keys[0], R_VIEWID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(viewid));
	ScanKeyInit(&keys[1], R_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(before));
	scan = systable_beginscan(rel, our_table("_rejection_viewid"), true,
							  snapshot, lengthof(keys), keys);
	while (deleted < limit && HeapTupleIsValid(tuple = systable_getnext(scan)))
		if (delete_found(rel, tuple, snapshot && IsolationUsesXactSnapshot()))
			deleted++;
	systable_endscan(scan);
	table_close(rel, NoLock);
	return deleted;
}

int64
stream_catalog_delete_rejections(Oid viewid, TimestampTz before,
								 Snapshot snapshot)
{
	return delete_rejections(viewid, before, snapshot, PG_INT64_MAX);
}

int64
stream_catalog_trim_rejections(Oid viewid, TimestampTz before, int64 limit)
{
	return delete_rejections(viewid, before, NULL, limit);
}

int64
stream_catalog_take_errors(Oid viewid, StreamTakeRow take, void *arg,
						   int64 *left)
{
	Relation	rel = open_table_for_write("_rejection");
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		taken = 0;

	*left = 0;
	ScanKeyInit(&key, R_VIEWID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(viewid));
	scan = systable_beginscan(rel, our_table("_rejection_viewid"), true, NULL,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[R_NATTS];
		bool		nulls[R_NATTS];

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (nulls[R_STORAGE - 1])
			continue;
		if (!take(DatumGetObjectId(values[R_LEAF - 1]),
				  DatumGetObjectId(values[R_STORAGE - 1]),
				  (ItemPointer) DatumGetPointer(values[R_TID - 1]), arg))
		{
			(*left)++;
			continue;
		}
		/* that somebody else deletes it just now makes no difference */
		(void) delete_found(rel, tuple, false);
		taken++;
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	return taken;
}

/* Writes the row down with another place. */
static void
write_place(Relation rel, HeapTuple tuple, ItemPointer tid, Oid storage)
{
	Datum		values[R_NATTS] = {0};
	bool		nulls[R_NATTS] = {0};
	bool		replace[R_NATTS] = {0};
	HeapTuple	moved;

	values[R_TID - 1] = PointerGetDatum(tid);
	values[R_STORAGE - 1] = ObjectIdGetDatum(storage);
	replace[R_TID - 1] = replace[R_STORAGE - 1] = true;
	moved = heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls,
							  replace);
	CatalogTupleUpdate(rel, &tuple->t_self, moved);
	heap_freetuple(moved);
}

void
stream_catalog_move_errors(Oid viewid, Oid leaf, Oid storage, Oid moved_to,
						   StreamMoveRow move, void *arg)
{
	Relation	rel = open_table_for_write("_rejection");
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, R_VIEWID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(viewid));
	scan = systable_beginscan(rel, our_table("_rejection_viewid"), true, NULL,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[R_NATTS];
		bool		nulls[R_NATTS];
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (nulls[R_STORAGE - 1] ||
			DatumGetObjectId(values[R_STORAGE - 1]) != storage ||
			DatumGetObjectId(values[R_LEAF - 1]) != leaf)
			continue;
		tid = *(ItemPointer) DatumGetPointer(values[R_TID - 1]);
		if (move(&tid, arg))
			write_place(rel, tuple, &tid, moved_to);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}

void
stream_catalog_adopt_rejections(Oid viewid, Oid heir)
{
	Relation	rel = open_table_for_write("_rejection");
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		values[R_NATTS] = {0};
	bool		nulls[R_NATTS] = {0};
	bool		replace[R_NATTS] = {0};

	values[R_VIEWID - 1] = ObjectIdGetDatum(heir);
	replace[R_VIEWID - 1] = true;
	ScanKeyInit(&key, R_VIEWID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(viewid));
	scan = systable_beginscan(rel, our_table("_rejection_viewid"), true, NULL,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HeapTuple	adopted = heap_modify_tuple(tuple, RelationGetDescr(rel),
												values, nulls, replace);

		CHECK_FOR_INTERRUPTS();
		CatalogTupleUpdate(rel, &tuple->t_self, adopted);
		heap_freetuple(adopted);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}

/* ---- _error ---- */

/* A text column from a C string that may be NULL. */
static void
put_text(Datum *values, bool *nulls, int column, const char *string)
{
	nulls[column - 1] = string == NULL;
	if (string)
		values[column - 1] = CStringGetTextDatum(string);
}

static char *
get_text(Datum *values, bool *nulls, int column)
{
	return nulls[column - 1] ? NULL : TextDatumGetCString(values[column - 1]);
}

/* What a view that has been released had to say last, or NULL. */
static StreamFailure *
failure_of_release(Oid viewid)
{
	Relation	rel = open_table("_release", AccessShareLock);
	StreamFailure *f = NULL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NULL;
	scan = begin_row_scan(rel, viewid);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[L_NATTS];
		bool		nulls[L_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (f != NULL && f->at >= DatumGetTimestampTz(values[L_AT - 1]))
			continue;
		f = palloc0(sizeof(StreamFailure));
		f->failed = true;
		f->sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
		f->message = get_text(values, nulls, L_MESSAGE);
		f->detail = get_text(values, nulls, L_DETAIL);
		f->hint = get_text(values, nulls, L_HINT);
		f->at = DatumGetTimestampTz(values[L_AT - 1]);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return f;
}

/*
 * Workers write down failures, and take them back, without the locks of those who do the same
 * by a command.  So there is one of its own, until the transaction ends, after all others on the view.
 */
static void
lock_failure(Oid viewid)
{
	if (!STREAM_MUTATION("failure_unlocked"))
		LockDatabaseObject(RelationRelationId, viewid, FAILURE_OF_VIEW,
						   ExclusiveLock);
}

void
stream_catalog_write_failure(Oid viewid, const StreamFailure *f)
{
	Relation	rel = open_table_for_write("_error");
	Datum		values[E_NATTS];
	bool		nulls[E_NATTS] = {0};

	lock_failure(viewid);
	values[E_VIEWID - 1] = ObjectIdGetDatum(viewid);
	values[E_FAILURES - 1] = Int32GetDatum(f->failures);
	values[E_FAILED - 1] = BoolGetDatum(f->failed);
	put_text(values, nulls, E_SQLSTATE, unpack_sql_state(f->sqlstate));
	put_text(values, nulls, E_MESSAGE, f->message ? f->message : "");
	put_text(values, nulls, E_DETAIL, f->detail);
	put_text(values, nulls, E_HINT, f->hint);
	put_text(values, nulls, E_CONTEXT, f->context);
	values[E_AT - 1] = TimestampTzGetDatum(f->at);
	put_row(rel, viewid, values, nulls);
	table_close(rel, NoLock);
}

StreamFailure *
stream_catalog_failure(Oid viewid)
{
	StreamFailure *f = failure_of_release(viewid);
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (f != NULL)
		return f;
	rel = open_table("_error", AccessShareLock);
	if (rel == NULL)
		return NULL;
	scan = begin_row_scan(rel, viewid);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Datum		values[E_NATTS];
		bool		nulls[E_NATTS];
		char	   *state;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		f = palloc0(sizeof(StreamFailure));
		f->failures = DatumGetInt32(values[E_FAILURES - 1]);
		f->failed = DatumGetBool(values[E_FAILED - 1]);
		state = get_text(values, nulls, E_SQLSTATE);
		f->sqlstate = MAKE_SQLSTATE(state[0], state[1], state[2],
									state[3], state[4]);
		f->message = get_text(values, nulls, E_MESSAGE);
		f->detail = get_text(values, nulls, E_DETAIL);
		f->hint = get_text(values, nulls, E_HINT);
		f->context = get_text(values, nulls, E_CONTEXT);
		f->at = DatumGetTimestampTz(values[E_AT - 1]);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return f;
}

bool
stream_catalog_clear_failure(Oid viewid)
{
	lock_failure(viewid);
	return delete_row("_error", viewid);
}

/* ---- _release ---- */

void
stream_catalog_write_release(Oid viewid, Oid stream, const StreamFailure *f)
{
	Relation	rel = open_table_for_write("_release");
	Datum		values[L_NATTS];
	bool		nulls[L_NATTS] = {0};
	HeapTuple	tuple;

	values[L_VIEWID - 1] = ObjectIdGetDatum(viewid);
	values[L_STREAM - 1] = ObjectIdGetDatum(stream);
	put_text(values, nulls, L_MESSAGE, f->message);
	put_text(values, nulls, L_DETAIL, f->detail);
	put_text(values, nulls, L_HINT, f->hint);
	values[L_AT - 1] = TimestampTzGetDatum(f->at);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

char *
stream_catalog_release_hint(Oid viewid)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(viewid)),
												  get_rel_name(viewid));

	return psprintf("Have it made anew from what its streams hold now: SELECT streaming.reset(%s);",
					quote_literal_cstr(name));
}

void
stream_catalog_take_back(StreamViewRow *row)
{
	if (!STREAM_MUTATION("release_stays"))
		delete_row("_release", row->viewid);
	row->released = false;
	stream_options_fill(row->option_names, row->option_values, &row->options);
	CommandCounterIncrement();
	CacheInvalidateRelcacheByRelid(row->viewid);
}

/* ---- _mark ---- */

int64
stream_catalog_marked_batch(Oid viewid, TimestampTz before, int64 *last,
							TimestampTz *last_at)
{
	Relation	rel = open_table("_mark", RowExclusiveLock);
	List	   *older = NIL;
	int64		found = 0;
	SysScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	*last = 0;
	*last_at = DT_NOBEGIN;
	if (rel == NULL)
		return 0;
	scan = begin_row_scan(rel, viewid);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[M_NATTS];
		bool		nulls[M_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (DatumGetInt64(values[M_BATCH - 1]) > *last)
		{
			*last = DatumGetInt64(values[M_BATCH - 1]);
			*last_at = DatumGetTimestampTz(values[M_AT - 1]);
		}
		if (DatumGetTimestampTz(values[M_AT - 1]) > before)
			continue;
		found = Max(found, DatumGetInt64(values[M_BATCH - 1]));
		older = lappend(older, heap_copytuple(tuple));
	}
	systable_endscan(scan);
	/* of those that say too little, the last one does */
	foreach(lc, older)
	{
		bool		isnull;

		tuple = lfirst(lc);
		if (DatumGetInt64(heap_getattr(tuple, M_BATCH, RelationGetDescr(rel),
									   &isnull)) < found)
			CatalogTupleDelete(rel, &tuple->t_self);
	}
	table_close(rel, NoLock);
	return found;
}

void
stream_catalog_write_mark(Oid viewid, int64 batch, TimestampTz at)
{
	Relation	rel = open_table_for_write("_mark");
	Datum		values[M_NATTS];
	bool		nulls[M_NATTS] = {0};
	HeapTuple	tuple;

	values[M_VIEWID - 1] = ObjectIdGetDatum(viewid);
	values[M_BATCH - 1] = Int64GetDatum(batch);
	values[M_AT - 1] = TimestampTzGetDatum(at);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

/* ---- rows that travel ---- */

char *
stream_catalog_name(Oid relid)
{
	char	   *name = OidIsValid(relid) ? get_rel_name(relid) : NULL;

	return name == NULL ? pstrdup("-") :
		quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
								   name);
}

Oid
stream_catalog_named(const char *name)
{
	List	   *names;

	if (strcmp(name, "-") == 0)
		return InvalidOid;
	names = textToQualifiedNameList(cstring_to_text(name));
	return list_length(names) != 2 ? InvalidOid :
		RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
}

List *
stream_catalog_names(const char *array)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, strings_of_array(OidInputFunctionCall(F_ARRAY_IN,
													  pstrdup(array), TEXTOID,
													  -1)))
		result = lappend(result, strVal(lfirst(lc)));
	return result;
}

const char *
stream_catalog_text(const StreamTextRow *row, const char *column)
{
	ListCell   *lc;
	ListCell   *lv;

	forboth(lc, row->columns, lv, row->values)
		if (strcmp(lfirst(lc), column) == 0)
			return lfirst(lv);
	return NULL;
}

char *
stream_catalog_extensions(Oid viewid)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, getAutoExtensionsOfObject(RelationRelationId, viewid))
	{
		char	   *name = get_extension_name(lfirst_oid(lc));

		if (name)
			names = lappend(names, makeString(name));
	}
	return OidOutputFunctionCall(F_ARRAY_OUT, array_of_strings(names));
}

void
stream_catalog_depend_on(Oid viewid, const char *extensions)
{
	List	   *present = getAutoExtensionsOfObject(RelationRelationId, viewid);
	ListCell   *lc;

	foreach(lc, stream_catalog_names(extensions))
	{
		ObjectAddress view;
		ObjectAddress extension;

		ObjectAddressSet(view, RelationRelationId, viewid);
		ObjectAddressSet(extension, ExtensionRelationId,
						 get_extension_oid(lfirst(lc), true));
		if (OidIsValid(extension.objectId) &&
			!list_member_oid(present, extension.objectId))
			recordDependencyOn(&view, &extension, DEPENDENCY_AUTO_EXTENSION);
	}
}

static char *
text_of(Form_pg_attribute attr, Oid relid, Datum value)
{
	List	   *names = NIL;
	Oid			output;
	bool		varlena;
	ListCell   *lc;

	if (attr->atttypid == OIDOID)
		return stream_catalog_name(DatumGetObjectId(value));
	if (attr->atttypid == INT2OID)
		return DatumGetInt16(value) == InvalidAttrNumber ? pstrdup("") :
			get_attname(relid, DatumGetInt16(value), false);
	if (attr->atttypid == OIDARRAYOID)
	{
		foreach(lc, oids_of_array(value))
			names = lappend(names,
							makeString(stream_catalog_name(lfirst_oid(lc))));
		return OidOutputFunctionCall(F_ARRAY_OUT, array_of_strings(names));
	}
	getTypeOutputInfo(attr->atttypid, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

List *
stream_catalog_export(const char *table, Oid relid, Snapshot snapshot)
{
	Relation	rel = open_table(table, AccessShareLock);
	TupleDesc	desc;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	if (rel == NULL)
		return NIL;
	desc = RelationGetDescr(rel);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		StreamTextRow *row = palloc0(sizeof(StreamTextRow));

		row->table = table;
		for (int i = 1; i < desc->natts; i++)
		{
			Form_pg_attribute attr = TupleDescAttr(desc, i);
			bool		isnull;
			Datum		value = heap_getattr(tuple, i + 1, desc, &isnull);

			if (attr->attisdropped || attr->atttypid == BYTEAOID)
				continue;
			row->columns = lappend(row->columns,
								   pstrdup(NameStr(attr->attname)));
			row->values = lappend(row->values,
								  isnull ? NULL : text_of(attr, relid, value));
		}
		result = lappend(result, row);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* The value that a text stands for; *missing: what is not here. */
static Datum
value_of(Form_pg_attribute attr, Oid relid, const char *text,
		 const char **missing)
{
	List	   *oids = NIL;
	Oid			input;
	Oid			param;
	ListCell   *lc;

	if (attr->atttypid == OIDOID && *text == '#')
		return ObjectIdGetDatum(strtoul(text + 1, NULL, 10));
	if (attr->atttypid == OIDOID)
		oids = list_make1_oid(stream_catalog_named(text));
	else if (attr->atttypid == OIDARRAYOID)
		foreach(lc, stream_catalog_names(text))
		{
			oids = lappend_oid(oids, stream_catalog_named(lfirst(lc)));
			if (!OidIsValid(llast_oid(oids)) && strcmp(lfirst(lc), "-") != 0)
				*missing = psprintf("There is no relation %s.",
									(char *) lfirst(lc));
		}
	else if (attr->atttypid == INT2OID)
	{
		AttrNumber	attnum = *text == '\0' ? InvalidAttrNumber :
			get_attnum(relid, text);

		if (*text != '\0' && attnum == InvalidAttrNumber)
			*missing = psprintf("There is no column %s.", text);
		return Int16GetDatum(attnum);
	}
	if (attr->atttypid == OIDARRAYOID)
		return array_of_oids(oids);
	if (attr->atttypid == OIDOID)
	{
		if (!OidIsValid(linitial_oid(oids)) && strcmp(text, "-") != 0)
			*missing = psprintf("There is no relation %s.", text);
		return ObjectIdGetDatum(linitial_oid(oids));
	}
	getTypeInputInfo(attr->atttypid, &input, &param);
	return OidInputFunctionCall(input, pstrdup(text), param, attr->atttypmod);
}

const char *
stream_catalog_import(const StreamTextRow *row, Oid relid,
					  struct varlena *position)
{
	Relation	rel = open_table_for_write(row->table);
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc0(sizeof(bool) * desc->natts);
	const char *missing = NULL;
	HeapTuple	tuple;
	ListCell   *lc;

	foreach(lc, row->columns)
		if (get_attnum(RelationGetRelid(rel), lfirst(lc)) == InvalidAttrNumber)
			missing = psprintf("Table %s has no column \"%s\": the dump is of another version of the extension.",
							   row->table, (char *) lfirst(lc));
	values[0] = ObjectIdGetDatum(relid);
	for (int i = 1; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		const char *text = stream_catalog_text(row, NameStr(attr->attname));

		if (attr->atttypid == BYTEAOID)
			values[i] = PointerGetDatum(position);
		else if (text)
			values[i] = value_of(attr, relid, text, &missing);
		nulls[i] = attr->atttypid == BYTEAOID ? position == NULL : text == NULL;
		if (nulls[i] && attr->attnotnull && !attr->attisdropped)
			missing = psprintf("The dump does not say what \"%s\" of table %s is.",
							   NameStr(attr->attname), row->table);
	}
	if (missing == NULL)
	{
		tuple = heap_form_tuple(desc, values, nulls);
		CatalogTupleInsert(rel, tuple);
		heap_freetuple(tuple);
	}
	table_close(rel, NoLock);
	return missing;
}

/* The OIDs in a column of one of our tables that has no nulls, one of each row. */
static List *
read_oids(const char *table, AttrNumber column)
{
	Relation	rel = open_table(table, AccessShareLock);
	List	   *result = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NIL;
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		result = lappend_oid(result,
							 DatumGetObjectId(heap_getattr(tuple, column,
														   RelationGetDescr(rel),
														   &isnull)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

List *
stream_catalog_declared(void)
{
	List	   *result = read_oids("_stream", S_RELID);
	ListCell   *lc;

	foreach(lc, result)
		if (get_rel_name(lfirst_oid(lc)) == NULL)
			result = foreach_delete_current(result, lc);
	return result;
}

/* ---- _restore ---- */

static List *
texts_of_array(Datum array)
{
	Datum	   *elems;
	bool	   *nulls;
	int			n;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
		result = lappend(result,
						 nulls[i] ? NULL : TextDatumGetCString(elems[i]));
	return result;
}

static Datum
array_of_texts(List *texts)
{
	Datum	   *elems = palloc(sizeof(Datum) * (list_length(texts) + 1));
	ListCell   *lc;

	foreach(lc, texts)
		elems[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elems, list_length(texts), TEXTOID,
										   -1, false, TYPALIGN_INT));
}

/*
 * What is null is left out, which says the same: whether NULL in the text of an array is one,
 * or four letters, is a setting of the session that restores it (array_nulls).
 */
void
stream_catalog_put_text(const StreamTextRow *row, Datum *item, Datum *columns,
						Datum *contents)
{
	List	   *names = NIL;
	List	   *values = NIL;
	ListCell   *lc;
	ListCell   *lv;

	forboth(lc, row->columns, lv, row->values)
		if (lfirst(lv) != NULL)
		{
			names = lappend(names, lfirst(lc));
			values = lappend(values, lfirst(lv));
		}
	*item = CStringGetTextDatum(row->table);
	*columns = array_of_texts(names);
	*contents = array_of_texts(values);
}

void
stream_catalog_get_text(StreamTextRow *row, Datum item, Datum columns,
						Datum contents)
{
	row->table = TextDatumGetCString(item);
	row->columns = texts_of_array(columns);
	row->values = texts_of_array(contents);
}

static int
compare_restore_rows(const ListCell *a, const ListCell *b)
{
	StreamRestoreRow *x = lfirst(a);
	StreamRestoreRow *y = lfirst(b);

	return x->viewid < y->viewid ? -1 : x->viewid > y->viewid;
}

List *
stream_catalog_restore_rows(void)
{
	Relation	rel = open_table("_restore", AccessShareLock);
	List	   *result = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return NIL;
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		StreamRestoreRow *row = palloc0(sizeof(StreamRestoreRow));
		Datum		values[D_NATTS];
		bool		nulls[D_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		row->viewid = DatumGetObjectId(values[D_VIEWID - 1]);
		stream_catalog_get_text(&row->text, values[D_ITEM - 1],
								values[D_COLUMNS - 1], values[D_CONTENTS - 1]);
		result = lappend(result, row);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, compare_restore_rows);
	return result;
}

List *
stream_catalog_restored_views(void)
{
	List	   *result = read_oids("_restore", D_VIEWID);

	list_sort(result, list_oid_cmp);
	list_deduplicate_oid(result);
	return result;
}

bool
stream_catalog_is_restored(Oid viewid, char **detail)
{
	Relation	rel = open_table("_restore", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (detail)
		*detail = NULL;
	if (rel == NULL)
		return false;
	ScanKeyInit(&key, D_VIEWID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(viewid));
	scan = systable_beginscan(rel, InvalidOid, false, NULL,
							  OidIsValid(viewid) ? 1 : 0, &key);
	while ((!found || (detail && *detail == NULL)) &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		said = heap_getattr(tuple, D_DETAIL, RelationGetDescr(rel),
										&isnull);

		found = true;
		if (detail && !isnull)
			*detail = TextDatumGetCString(said);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

void
stream_catalog_add_restore(Oid viewid, const StreamTextRow *row)
{
	Relation	rel = open_table_for_write("_restore");
	Datum		values[D_NATTS];
	bool		nulls[D_NATTS] = {0};
	HeapTuple	tuple;

	values[D_VIEWID - 1] = ObjectIdGetDatum(viewid);
	stream_catalog_put_text(row, &values[D_ITEM - 1], &values[D_COLUMNS - 1],
							&values[D_CONTENTS - 1]);
	nulls[D_DETAIL - 1] = true;
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

/* Deletes the rows of the view or, with a detail, writes that into its item "_view". */
static void
change_restore_rows(Oid viewid, const char *detail)
{
	Relation	rel = open_table("_restore", RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (rel == NULL)
		return;
	ScanKeyInit(&key, D_VIEWID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(viewid));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[D_NATTS];
		bool		nulls[D_NATTS];
		HeapTuple	changed;

		if (detail == NULL)
		{
			CatalogTupleDelete(rel, &tuple->t_self);
			continue;
		}
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (strcmp(TextDatumGetCString(values[D_ITEM - 1]), "_view") != 0 ||
			(!nulls[D_DETAIL - 1] &&
			 strcmp(TextDatumGetCString(values[D_DETAIL - 1]), detail) == 0))
			continue;
		nulls[D_DETAIL - 1] = false;
		values[D_DETAIL - 1] = CStringGetTextDatum(detail);
		changed = heap_form_tuple(RelationGetDescr(rel), values, nulls);
		CatalogTupleUpdate(rel, &tuple->t_self, changed);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}

void
stream_catalog_explain_restore(Oid viewid, const char *detail)
{
	change_restore_rows(viewid, detail);
}

void
stream_catalog_delete_restore(Oid viewid)
{
	change_restore_rows(viewid, NULL);
}

/* ---- all of them ---- */

void
stream_catalog_delete_progress(Oid viewid, bool unlogged)
{
	delete_row(unlogged ? "_progress_unlogged" : "_progress", viewid);
}

void
stream_catalog_delete_view(Oid viewid)
{
	delete_row("_view", viewid);
	delete_row("_progress", viewid);
	delete_row("_progress_unlogged", viewid);
	(void) stream_catalog_clear_failure(viewid);
	delete_row("_release", viewid);
	delete_row("_mark", viewid);
	stream_catalog_delete_rejections(viewid, DT_NOEND, NULL);
}
