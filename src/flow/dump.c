/*-------------------------------------------------------------------------
 *
 * dump.c
 *	  What a dump has to say of continuous views and streams.
 *
 * pg_dump knows a view as an ordinary one over ordinary tables, which is what it
 * is, and puts the rows of our function in the place of those of the table _dump
 * (the condition of pg_extension_config_dump goes behind the name of the table, and
 * begins with UNION ALL).  The function runs in the snapshot of the dump, so what it
 * says fits the rows that are in the dump.
 *
 * Nothing in it is about this database: relations and columns are named, and what a
 * view has read is told by the place of a row among all rows of its leaf.  A dump has
 * them in the order in which they lie on disk, and that is the order in which they
 * come to lie where they are restored (restore.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "base/debug.h"
#include "stream/position.h"
#include "state/rowimage.h"
#include "flow/dump.h"

PG_FUNCTION_INFO_V1(stream_dump_rows);

int
stream_dump_indexes(Relation rel, bool own)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
		if (!own || get_rel_name(lfirst_oid(lc))[0] == '_')
			n++;
	return n;
}

int
stream_dump_triggers(Relation rel)
{
	int			n = 0;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
		if (!rel->trigdesc->triggers[i].tgisinternal)
			n++;
	return n;
}

static void
add(StreamTextRow *row, const char *column, char *value)
{
	row->columns = lappend(row->columns, pstrdup(column));
	row->values = lappend(row->values, value);
}

static StreamTextRow *
new_item(const char *kind)
{
	StreamTextRow *row = palloc0(sizeof(StreamTextRow));

	row->table = kind;
	return row;
}

/* ---- rows by their places ---- */

/* Rows one after the other, as they are told. */
typedef struct Runs
{
	StringInfoData text;
	int64		count;			/* rows so far */
	int64		from;			/* the run at hand begins here; -1: there is none */
} Runs;

static void
end_run(Runs *runs)
{
	if (runs->from >= 0)
		appendStringInfo(&runs->text, "%s" INT64_FORMAT "-" INT64_FORMAT,
						 runs->text.len > 0 ? "," : "", runs->from,
						 runs->count);
	runs->from = -1;
}

static void
next_row(Runs *runs, bool read)
{
	if (read && runs->from < 0)
		runs->from = runs->count;
	else if (!read)
		end_run(runs);
	runs->count++;
}

void
stream_dump_replace(StreamTextRow *item, const char *column, char *value)
{
	ListCell   *lc;
	ListCell   *lv;

	forboth(lc, item->columns, lv, item->values)
		if (strcmp(lfirst(lc), column) == 0)
			lfirst(lv) = value;
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare(&((struct StreamAside *) a)->tid,
							  &((struct StreamAside *) b)->tid);
}

static int
compare_places(const void *a, const void *b)
{
	int64		x = ((struct StreamAside *) a)->place;
	int64		y = ((struct StreamAside *) b)->place;

	return x < y ? -1 : x > y;
}

void
stream_dump_put_aside(StreamPutAside *aside, List *items, const char *leaf,
					  bool by_place)
{
	ListCell   *lc;

	aside->rows = palloc(sizeof(*aside->rows) * (list_length(items) + 1));
	aside->n = aside->next = 0;
	foreach(lc, items)
	{
		StreamTextRow *item = lfirst(lc);
		const char *tid = stream_catalog_text(item, "tid");
		const char *name = stream_catalog_text(item, "leaf");
		struct StreamAside *row = &aside->rows[aside->n];

		if (strcmp(item->table, "_rejection") != 0 || tid == NULL ||
			name == NULL || strcmp(name, leaf) != 0 ||
			by_place == (*tid == '('))
			continue;
		row->item = item;
		if (by_place)
			row->place = strtoll(tid, NULL, 10);
		else
			row->tid = *(ItemPointer) DatumGetPointer(OidInputFunctionCall(F_TIDIN, pstrdup(tid),
																		   InvalidOid, -1));
		aside->n++;
	}
	qsort(aside->rows, aside->n, sizeof(*aside->rows),
		  by_place ? compare_places : compare_tids);
}

/* The row at the TID has that place. */
static void
tell_place(StreamPutAside *aside, ItemPointer tid, int64 place)
{
	while (aside->next < aside->n)
	{
		struct StreamAside *row = &aside->rows[aside->next];
		int			order = ItemPointerCompare(&row->tid, tid);

		if (order > 0)
			return;
		if (order == 0)
			stream_dump_replace(row->item, "tid", psprintf(INT64_FORMAT, place));
		aside->next++;
	}
}

/*
 * Counts the rows of a table that the snapshot sees, from the first page to the last;
 * read: what knows which of them have been read, or NULL: none; aside: tell those
 * their places, or NULL.
 */
static void
scan_table(Relation rel, Snapshot snapshot, const StreamMove *read,
		   StreamPutAside *aside, Runs *runs)
{
	TableScanDesc scan = table_beginscan_strat(rel, snapshot, 0, NULL, true,
											   false);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	initStringInfo(&runs->text);
	runs->count = 0;
	runs->from = -1;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		if (aside)
			tell_place(aside, &slot->tts_tid, runs->count);
		next_row(runs, read && stream_position_has_read(read, &slot->tts_tid));
		CHECK_FOR_INTERRUPTS();
	}
	end_run(runs);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
}

/* ---- hashes of rows ---- */

/* Have the rows a number, which is not in their hash (lookups.c)? */
static bool
is_numbered(TupleDesc desc)
{
	static const char *const names[] = {"_batch", "_number"};
	int			first = desc->natts - lengthof(names);

	for (int i = 0; first >= 0 && i < lengthof(names); i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, first + i);

		if (attr->atttypid != INT8OID ||
			strncmp(NameStr(attr->attname), names[i], strlen(names[i])) != 0)
			return false;
	}
	return first > 0 &&
		strncmp(NameStr(TupleDescAttr(desc, 0)->attname), "_hash", 5) == 0;
}

int32
stream_dump_hash(TupleTableSlot *slot, TupleTableSlot *hashed,
				 AttrNumber column)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;

	slot_getallattrs(slot);
	ExecClearTuple(hashed);
	memcpy(hashed->tts_values, slot->tts_values, desc->natts * sizeof(Datum));
	memcpy(hashed->tts_isnull, slot->tts_isnull, desc->natts * sizeof(bool));
	/* as it is before it is known (firsts.c) */
	hashed->tts_values[column - 1] = Int32GetDatum(0);
	hashed->tts_isnull[column - 1] = false;
	for (int i = is_numbered(desc) ? desc->natts - 2 : desc->natts;
		 i < desc->natts; i++)
		hashed->tts_values[i] = Int64GetDatum(0);
	ExecStoreVirtualTuple(hashed);
	return (int32) stream_rowimage_hash(desc, hashed);
}

/* Does the column have the hash of the row, in all rows?  (Of none, it does not matter.) */
static bool
is_hash(Relation rel, Snapshot snapshot, AttrNumber column)
{
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TupleTableSlot *hashed = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													  &TTSOpsVirtual);
	bool		result = true;

	while (result && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, column, &isnull);

		result = !isnull &&
			DatumGetInt32(value) == stream_dump_hash(slot, hashed, column);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(hashed);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return result;
}

/* The name of that column; empty if there is none. */
static char *
hash_column(Relation rel, Snapshot snapshot)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->atttypid == INT4OID &&
			strncmp(NameStr(TupleDescAttr(desc, i)->attname), "_hash", 5) == 0 &&
			is_hash(rel, snapshot, i + 1))
			return pstrdup(NameStr(TupleDescAttr(desc, i)->attname));
	return pstrdup("");
}

/* ---- what there is to say of a view ---- */

/* Rows that were put aside in former storage of a leaf are gone: they have no place. */
static void
leave_out_gone(List *aside, const char *leaf, Oid storage)
{
	ListCell   *lc;

	foreach(lc, aside)
	{
		StreamTextRow *item = lfirst(lc);
		const char *name = stream_catalog_text(item, "leaf");
		const char *named = stream_catalog_text(item, "storage");

		if (name && named && strcmp(name, leaf) == 0 &&
			stream_catalog_named(named) != storage)
			stream_dump_replace(item, "storage", pstrdup("-"));
	}
}

static List *
say_leaves(List *items, List *aside, struct varlena *stored, Snapshot snapshot)
{
	StreamPosition *pos = stream_position_read(CurrentMemoryContext, stored);

	for (int i = 0; i < pos->nleaves; i++)
	{
		StreamLeaf *leaf = pos->leaves[i];
		Relation	rel = try_table_open(leaf->relid, AccessShareLock);
		StreamPutAside of_leaf;
		StreamTextRow *item;
		Runs		runs;

		if (rel == NULL)
			continue;
		stream_dump_put_aside(&of_leaf, aside, stream_catalog_name(leaf->relid),
							  false);
		leave_out_gone(aside, stream_catalog_name(leaf->relid),
					   STREAM_COMPAT_RELNUMBER(rel));
		/* rows that are in the dump are of other storage then: none */
		scan_table(rel, snapshot,
				   leaf->relfilenode == STREAM_COMPAT_RELNUMBER(rel) ?
				   stream_position_begin_move(pos, leaf->relid) : NULL,
				   &of_leaf, &runs);
		item = new_item(STREAM_DUMP_LEAF);
		add(item, "name", stream_catalog_name(leaf->relid));
		add(item, "detached", pstrdup(leaf->detached ? "t" : "f"));
		add(item, "rows", psprintf(INT64_FORMAT, runs.count));
		add(item, "read", STREAM_MUTATION("dump_read") ?
			psprintf("0-" INT64_FORMAT, runs.count) : runs.text.data);
		items = lappend(items, item);
		table_close(rel, NoLock);
	}
	stream_position_free(pos);
	return items;
}

static List *
say_table(List *items, Oid relid, Snapshot snapshot)
{
	StreamTextRow *item = new_item(STREAM_DUMP_TABLE);
	Relation	rel = try_table_open(relid, AccessShareLock);
	bool		absent;
	Runs		runs = {0};

	if (rel == NULL)
		return items;
	/* a standby has no rows of it, and neither has its dump */
	absent = rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED &&
		RecoveryInProgress();
	if (!absent)
		scan_table(rel, snapshot, NULL, NULL, &runs);
	add(item, "name", stream_catalog_name(relid));
	add(item, "rows", psprintf(INT64_FORMAT, runs.count));
	add(item, "indexes", psprintf("%d", stream_dump_indexes(rel, false)));
	add(item, "own_indexes", psprintf("%d", stream_dump_indexes(rel, true)));
	add(item, "triggers", psprintf("%d", stream_dump_triggers(rel)));
	add(item, "hash", absent ? pstrdup("") : hash_column(rel, snapshot));
	table_close(rel, NoLock);
	return lappend(items, item);
}

/* All that is said of a view, in the order of the tables. */
static List *
say_view(const StreamViewRow *row, Snapshot snapshot)
{
	const char *progress_table = row->unlogged ? "_progress_unlogged" :
		"_progress";
	StreamTextRow *first = new_item(STREAM_DUMP_VIEW);
	List	   *items = list_make1(first);
	List	   *aside = stream_catalog_export("_rejection", row->viewid, snapshot);
	StreamProgress progress;
	ListCell   *lc;

	items = list_concat(items, stream_catalog_export("_view", row->viewid,
													 snapshot));
	if (list_length(items) < 2)
		return NIL;				/* the snapshot does not see it */
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
			items = say_table(items, lfirst_oid(lc), snapshot);
	if (!row->unlogged || !RecoveryInProgress())
		items = list_concat(items, stream_catalog_export(progress_table,
														 row->viewid,
														 snapshot));
	if ((!row->unlogged || !RecoveryInProgress()) &&
		stream_catalog_read_progress(row->viewid, row->unlogged, snapshot,
									 &progress) && progress.position)
		items = say_leaves(items, aside, progress.position, snapshot);
	items = list_concat(items, aside);
	items = list_concat(items, stream_catalog_export("_release", row->viewid,
													 snapshot));
	items = list_concat(items, stream_catalog_export("_mark", row->viewid,
													 snapshot));
	items = list_concat(items, stream_catalog_export("_error", row->viewid,
													 snapshot));
	add(first, "oid", psprintf("%u", row->viewid));
	/* pg_dump has them of materialized views only */
	add(first, "extensions", stream_catalog_extensions(row->viewid));
	add(first, "items", psprintf("%d", list_length(items)));
	return items;
}

static void
put_item(ReturnSetInfo *rsinfo, Oid relid, const StreamTextRow *item)
{
	Datum		values[4];
	bool		nulls[4] = {0};

	values[0] = CStringGetTextDatum(stream_catalog_name(relid));
	stream_catalog_put_text(item, &values[1], &values[2], &values[3]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Who may read all that there is to read may dump it. */
static bool
may_dump(Oid relid)
{
	Oid			owner = stream_catalog_view_owner(relid);

	return OidIsValid(owner) &&
		(has_privs_of_role(GetUserId(), owner) ||
		 has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_DATA));
}

/*
 * _dumped() returns view, item, columns, contents
 *
 * Of views and streams whose owner's rights the caller has, or of all, for who has
 * those of pg_read_all_data.  Takes AccessShareLock on
 * their tables and reads all of them: once for each view that reads them.
 */
Datum
stream_dump_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Snapshot	snapshot = GetActiveSnapshot();
	ListCell   *lc;
	ListCell   *li;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, stream_catalog_declared())
		if (may_dump(lfirst_oid(lc)))
			foreach(li, stream_catalog_export("_stream", lfirst_oid(lc),
											  snapshot))
				put_item(rsinfo, lfirst_oid(lc), lfirst(li));
	foreach(lc, stream_catalog_restore_rows())
	{
		StreamRestoreRow *row = lfirst(lc);

		if (may_dump(row->viewid))
			put_item(rsinfo, row->viewid, &row->text);
	}
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		/* of a successor (successor.c), nobody could make a view */
		if (row->viewid != row->definition && may_dump(row->viewid))
			foreach(li, say_view(row, snapshot))
				put_item(rsinfo, row->viewid, lfirst(li));
	}
	return (Datum) 0;
}
