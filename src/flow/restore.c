/*-------------------------------------------------------------------------
 *
 * restore.c
 *	  Continuous views that a dump has brought.
 *
 * A dump brings a view as an ordinary one, and its state tables and definition as
 * tables and a view in our schema.  What makes them a continuous view is in the rows
 * of the table _dump (dump.c), which a trigger takes as they come: what streams
 * declare goes where it belongs, what is said of views is kept in _restore.  How
 * far a restore has come nobody tells, so the scheduler looks after commands that it may have
 * been made of, and from time to time, whether all of a view is there: its relations, as many indexes and triggers as there were, as
 * many rows in its state tables; and in each leaf that it has been reading, as many
 * rows as it had, which have come by one command.  Then the view reads on after these.
 *
 * That is what a view must not do too early, or by a wrong guess:
 *
 *	  Rows are told by their place among all of a leaf.  COPY stores rows in the order in
 *	  which they come (am.c, as long as nobody else writes), and a dump has them in the
 *	  order in which they lay.  So the rows of the dump are the first that are there, if
 *	  the first ones, as many as the dump had, are all of one transaction, and no other
 *	  row is of that.  What somebody has inserted since is behind them, and has not been
 *	  read.  Anything else is a doubt: rows that came one by one (--inserts), or that were
 *	  there before.  Then the view waits for streaming.attach, which accepts rows from
 *	  several commands, if there are exactly as many as there were.
 *
 * While it looks, nobody writes to these tables (ShareLock).
 *
 * A view can't go on before those that it reads, nor without the others of its group.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/debug.h"
#include "base/savepoint.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "stream/am.h"
#include "stream/position.h"
#include "flow/relations.h"
#include "flow/dump.h"
#include "flow/restore.h"

PG_FUNCTION_INFO_V1(stream_restore_take);
PG_FUNCTION_INFO_V1(stream_restore_attach_view);

/* A view that is not one yet. */
typedef struct Restored
{
	Oid			viewid;
	bool		by_hand;		/* somebody says that it is to go on */
	List	   *items;			/* StreamTextRow * */
	StreamTextRow *first;		/* of these, STREAM_DUMP_VIEW ... */
	StreamTextRow *view;		/* ... and _view; NULL: not there */
	char	   *group;			/* or NULL */
	StreamPosition *position;	/* or NULL */
	const char *error;			/* it cannot go on, or NULL */
	const char *detail;			/* what it waits for; NULL: nothing */
} Restored;

/* ---- taking rows of a dump ---- */

static void
take_declaration(const char *name, const StreamTextRow *row)
{
	Oid			relid = stream_catalog_named(name);
	const char *missing = psprintf("There is no relation %s.", name);

	if (OidIsValid(relid))
	{
		stream_catalog_delete_declaration(relid);
		missing = stream_catalog_import(row, relid, NULL);
	}
	if (missing)
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("what stream %s declares is not restored", name),
				 errdetail("%s", missing)));
}

static void
take_item(const char *name, const StreamTextRow *row)
{
	Oid			viewid = stream_catalog_named(name);

	if (OidIsValid(viewid) && get_rel_relkind(viewid) == RELKIND_VIEW &&
		!stream_catalog_is_view(viewid))
		stream_catalog_add_restore(viewid, row);
	else if (strcmp(row->table, STREAM_DUMP_VIEW) == 0)
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("continuous view %s is not restored", name),
				 OidIsValid(viewid) ?
				 errdetail("There is another relation of that name.") :
				 errdetail("There is no relation of that name.")));
}

/* Trigger of the table _dump: takes the row. */
Datum
stream_restore_take(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	StreamTextRow row;
	Datum		values[4];
	bool		nulls[4];
	const char *name;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(data->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		RelationGetDescr(data->tg_relation)->natts != lengthof(values))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("not called as the trigger of streaming._dump")));
	heap_deform_tuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation),
					  values, nulls);
	for (int i = 0; i < lengthof(nulls); i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("a row of streaming._dump has no nulls")));
	name = TextDatumGetCString(values[0]);
	stream_catalog_get_text(&row, values[1], values[2], values[3]);
	if (strcmp(row.table, "_stream") == 0)
		take_declaration(name, &row);
	else
		take_item(name, &row);
	stream_shmem_views_changed();
	return PointerGetDatum(NULL);
}

/* ---- is all of it there? ---- */

static const char *
said(const StreamTextRow *row, const char *column)
{
	const char *value = stream_catalog_text(row, column);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the dump does not say what \"%s\" of %s is", column,
						row->table)));
	return value;
}

static int64
number(const StreamTextRow *row, const char *column)
{
	return strtoll(said(row, column), NULL, 10);
}

static char *
option(const StreamTextRow *view, const char *name)
{
	ListCell   *lc;
	ListCell   *lv;

	forboth(lc, stream_catalog_names(said(view, "option_names")),
			lv, stream_catalog_names(said(view, "option_values")))
		if (strcmp(lfirst(lc), name) == 0)
			return lfirst(lv);
	return NULL;
}

/* The views in the rows, with what is said of each. */
static List *
collect(Oid by_hand)
{
	List	   *result = NIL;
	Restored   *restored = NULL;
	ListCell   *lc;

	foreach(lc, stream_catalog_restore_rows())
	{
		StreamRestoreRow *row = lfirst(lc);

		if (restored == NULL || restored->viewid != row->viewid)
		{
			restored = palloc0(sizeof(Restored));
			restored->viewid = row->viewid;
			restored->by_hand = row->viewid == by_hand;
			result = lappend(result, restored);
		}
		restored->items = lappend(restored->items, &row->text);
		if (strcmp(row->text.table, STREAM_DUMP_VIEW) == 0)
			restored->first = &row->text;
		else if (strcmp(row->text.table, "_view") == 0)
			restored->view = &row->text;
	}
	return result;
}

/* All rows that the dump has of it. */
static const char *
check_items(Restored *restored)
{
	if (restored->first == NULL || restored->view == NULL ||
		number(restored->first, "items") != list_length(restored->items))
		return "Rows of table streaming._dump are missing.";
	restored->group = option(restored->view, "group");
	return NULL;
}

/* Are they to go on together? */
static bool
is_fellow(Restored *a, Restored *b)
{
	return a->group && b->group && strcmp(a->group, b->group) == 0 &&
		stream_owner_of(a->viewid) == stream_owner_of(b->viewid);
}

/*
 * A relation that the view consists of, *relid: of its own owner, and no other view's.  All
 * are in our schema but a change stream.
 */
static const char *
check_part(Restored *restored, const char *name, char relkind, Oid *relid)
{
	bool		is_changes = strcmp(name, said(restored->view, "changes")) == 0;

	*relid = stream_catalog_named(name);
	if (!OidIsValid(*relid))
		return psprintf("There is no relation %s.", name);
	if ((is_changes ? !stream_am_relid_is_stream(*relid) :
		 get_rel_namespace(*relid) != stream_catalog_schema()) ||
		get_rel_relkind(*relid) != relkind ||
		OidIsValid(stream_catalog_view_of(*relid)))
		return psprintf("Relation %s is none that the view could consist of.",
						name);
	if (stream_owner_of(*relid) != stream_owner_of(restored->viewid))
		return psprintf("Relation %s has another owner than the view.", name);
	return NULL;
}

static bool
reads_walker(Node *node, Oid *relid)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_RELATION &&
			((RangeTblEntry *) node)->relid == *relid;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_walker, relid,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_walker, relid);
}

/* pg_dump makes a view of nulls first, and puts the query into it late. */
static const char *
check_reading(Restored *restored, Oid state)
{
	Relation	view = try_table_open(restored->viewid, AccessShareLock);
	bool		reads;

	if (view == NULL)
		return "The view has been dropped.";
	reads = view->rd_rel->relkind == RELKIND_VIEW &&
		reads_walker((Node *) get_view_query(view), &state);
	table_close(view, NoLock);
	return reads ? NULL : "The view does not read its state yet.";
}

/* Does the server compare values of the type without a function of a user? */
static bool
is_plain(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_base_element_type(base);

	if (OidIsValid(element))
		base = getBaseType(element);
	return base < FirstNormalObjectId || get_typtype(base) == TYPTYPE_ENUM;
}

/*
 * The state of array_agg, where that can be stored, has the OID of the type of the
 * elements in it.
 */
static const char *
check_states(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	tuple = SearchSysCache1(AGGFNOID,
										ObjectIdGetDatum(F_ARRAY_AGG_ANYNONARRAY));
	bool		stored = HeapTupleIsValid(tuple) &&
		OidIsValid(((Form_pg_aggregate) GETSTRUCT(tuple))->aggserialfn);
	bool		has_states = false;
	const char *detail = NULL;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	for (int i = 0; stored && i < desc->natts; i++)
	{
		Oid			type = TupleDescAttr(desc, i)->atttypid;
		Oid			element = get_base_element_type(type);

		has_states |= type == BYTEAOID;
		if (OidIsValid(element) && element >= FirstNormalObjectId)
			detail = psprintf("States of aggregates may have the OID in them that type %s had where table %s was dumped.",
							  format_type_be(element),
							  RelationGetRelationName(rel));
	}
	return has_states ? detail : NULL;
}

/* Can rows be written without running anybody's code? */
static bool
can_be_written(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
		if (!is_plain(TupleDescAttr(desc, i)->atttypid))
			return false;
	return stream_dump_indexes(rel, true) == stream_dump_indexes(rel, false);
}

static void
write_hash(Relation rel, TupleTableSlot *slot, AttrNumber column, int32 hash)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc0(sizeof(bool) * desc->natts);
	bool	   *replaced = palloc0(sizeof(bool) * desc->natts);
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);
	HeapTuple	changed;

	values[column - 1] = Int32GetDatum(hash);
	replaced[column - 1] = true;
	changed = heap_modify_tuple(tuple, desc, values, nulls, replaced);
	CatalogTupleUpdate(rel, &slot->tts_tid, changed);
	heap_freetuple(changed);
	pfree(values);
	pfree(nulls);
	pfree(replaced);
}

/*
 * Counts the rows.  Rows that come and go are found by a hash of their bytes, which are
 * others if they contain OIDs of what has been made here: of enum values, element types
 * and the like.  Counts the rows in *stale whose hash is not what it would be, and, if
 * it is to be, sets them right.
 */
static int64
count_rows(Relation rel, const StreamTextRow *item, bool set_right,
		   int64 *stale)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TupleTableSlot *hashed = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													  &TTSOpsVirtual);
	AttrNumber	column = get_attnum(RelationGetRelid(rel), said(item, "hash"));
	int64		count = 0;

	*stale = 0;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		count++;
		if (column != InvalidAttrNumber)
		{
			int32		hash = stream_dump_hash(slot, hashed, column);

			if (DatumGetInt32(slot_getattr(slot, column, &isnull)) != hash)
			{
				(*stale)++;
				if (set_right)
					write_hash(rel, slot, column, hash);
			}
		}
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(hashed);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return count;
}

/* A state table with all that was on it; rows: count them, too. */
static const char *
check_table(Restored *restored, const StreamTextRow *item, bool rows)
{
	const char *name = said(item, "name");
	Oid			relid;
	const char *detail = check_part(restored, name, RELKIND_RELATION, &relid);
	Relation	rel;
	int64		stale = 0;

	if (detail)
		return detail;
	if (!ConditionalLockRelationOid(relid, ShareLock))
		return psprintf("Somebody writes to table %s.", name);
	rel = try_table_open(relid, NoLock);
	if (rel == NULL)
		return psprintf("There is no relation %s.", name);
	if (stream_dump_indexes(rel, true) < number(item, "own_indexes") ||
		(!restored->by_hand &&
		 stream_dump_indexes(rel, false) < number(item, "indexes")))
		detail = psprintf("Table %s does not have all of its indexes.", name);
	else if (!restored->by_hand &&
			 stream_dump_triggers(rel) < number(item, "triggers"))
		detail = psprintf("Table %s does not have all of its triggers.", name);
	else if (rows && count_rows(rel, item, false, &stale) != number(item, "rows"))
		detail = psprintf("Table %s does not have as many rows as when it was dumped.",
						  name);
	else if ((detail = check_states(rel)) == NULL && stale > 0 &&
			 !can_be_written(rel))
		detail = psprintf("Rows of table %s would not be found again, for types of its columns have other OIDs here.",
						  name);
	table_close(rel, NoLock);
	return detail;
}

static const char *
check_tables(Restored *restored, bool rows)
{
	ListCell   *lc;

	foreach(lc, restored->items)
	{
		const StreamTextRow *item = lfirst(lc);
		const char *detail = strcmp(item->table, STREAM_DUMP_TABLE) == 0 ?
			check_table(restored, item, rows) : NULL;

		if (detail)
			return detail;
	}
	return NULL;
}

static const char *
check_parts(Restored *restored)
{
	Oid			definition;
	const char *detail = check_part(restored,
									said(restored->view, "definition"),
									RELKIND_VIEW, &definition);

	if (detail == NULL)
		detail = check_reading(restored,
							   stream_catalog_named(said(restored->view, "state")));
	return detail ? detail : check_tables(restored, false);
}

static const char *
check_streams(Restored *restored)
{
	ListCell   *lc;

	foreach(lc, stream_catalog_names(said(restored->view, "streams")))
	{
		Oid			relid = stream_catalog_named(lfirst(lc));

		if (!OidIsValid(relid))
			return psprintf("There is no relation %s.", (char *) lfirst(lc));
		if (!stream_am_relid_is_stream(relid) &&
			!stream_am_may_have_streams(relid))
			return psprintf("Table %s is not a stream.", (char *) lfirst(lc));
	}
	return NULL;
}

/* ---- where it has read ---- */

/* A leaf on its way from places to TIDs. */
typedef struct Placing
{
	Restored   *restored;
	const char *name;
	StreamLeaf *leaf;
	int64		rows;			/* so many the dump had */
	const char *runs;			/* what is left of those that have been read ... */
	int64		from;			/* ... after these */
	int64		to;
	int64		place;			/* of the next row */
	TransactionId loaded_by;	/* who has inserted the first one */
	bool		mixed;			/* others have inserted some of the first ones */
	bool		more;			/* he has inserted others */
	StreamPutAside aside;
	bool		unread;			/* an unread row has been met */
	BlockNumber block;			/* the page at hand ... */
	OffsetNumber offsets[MaxHeapTuplesPerPage];
	int			noffsets;		/* ... and what has been read of it */
	bool		unread_here;
} Placing;

/* Has the row at the place been read? */
static bool
was_read(Placing *placing, int64 place)
{
	while (placing->to <= place && *placing->runs)
	{
		char	   *end;

		placing->from = strtoll(placing->runs, &end, 10);
		placing->to = *end == '-' ? strtoll(end + 1, &end, 10) : place;
		if (placing->from >= placing->to || placing->to <= place)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("what the dump says of the rows of %s is damaged",
							placing->name)));
		placing->runs = *end == ',' ? end + 1 : end;
	}
	return place >= placing->from && place < placing->to;
}

/*
 * The page has been seen.  What has been read of it is noted if it is the last one, or
 * some row on it or before has not been read.
 */
static void
end_page(Placing *placing, bool last)
{
	if (placing->block == InvalidBlockNumber)
		return;
	if (!placing->unread && (last || placing->unread_here))
	{
		placing->leaf->next_block = placing->block;
		placing->unread = true;
	}
	if (placing->unread && placing->noffsets > 0)
		stream_readset_put_page(placing->leaf->read, placing->block,
								placing->offsets, placing->noffsets);
	placing->noffsets = 0;
	placing->unread_here = false;
}

/* The row at the place has that TID. */
static void
tell_tid(StreamPutAside *aside, int64 place, ItemPointer tid)
{
	while (aside->next < aside->n && aside->rows[aside->next].place <= place)
	{
		struct StreamAside *row = &aside->rows[aside->next++];

		if (row->place == place)
			stream_dump_replace(row->item, "tid",
								psprintf("(%u,%u)",
										 ItemPointerGetBlockNumber(tid),
										 ItemPointerGetOffsetNumber(tid)));
	}
}

static void
place_row(Placing *placing, TupleTableSlot *slot)
{
	int64		place = placing->place++;
	HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);
	TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);

	if (ItemPointerGetBlockNumber(&slot->tts_tid) != placing->block)
	{
		end_page(placing, false);
		placing->block = ItemPointerGetBlockNumber(&slot->tts_tid);
		CHECK_FOR_INTERRUPTS();
	}
	tell_tid(&placing->aside, place, &slot->tts_tid);
	if (place == 0)
		placing->loaded_by = xmin;
	if (place < placing->rows)
		placing->mixed |= !TransactionIdEquals(xmin, placing->loaded_by);
	else
		placing->more |= TransactionIdEquals(xmin, placing->loaded_by);
	if (place < placing->rows && was_read(placing, place))
		placing->offsets[placing->noffsets++] =
			ItemPointerGetOffsetNumber(&slot->tts_tid);
	else
		placing->unread_here = true;
}

/* Are its first rows those of the dump? */
static const char *
check_placing(const Placing *placing)
{
	if (placing->place < placing->rows)
		return psprintf("Stream %s has " INT64_FORMAT " rows, of " INT64_FORMAT " when it was dumped.",
						placing->name, placing->place, placing->rows);
	if (placing->rows == 0 || STREAM_MUTATION("restore_doubt") ||
		(!placing->mixed && !placing->more))
		return NULL;
	if (placing->place > placing->rows)
		return psprintf("Rows of stream %s cannot be told from others that are there.",
						placing->name);
	return placing->restored->by_hand ? NULL :
		psprintf("The rows of stream %s have not come by one command. If they came in the order of the dump, call streaming.attach.",
				 placing->name);
}

static const char *
place_leaf(Restored *restored, const StreamTextRow *item, Relation rel)
{
	MemoryContext old;
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	Placing		placing = {.restored = restored,.name = said(item, "name"),
		.rows = number(item, "rows"),.runs = said(item, "read"),
	.block = InvalidBlockNumber};

	stream_position_reset_leaf(restored->position, RelationGetRelid(rel),
							   STREAM_COMPAT_RELNUMBER(rel));
	placing.leaf = stream_position_leaf(restored->position,
										RelationGetRelid(rel));
	placing.leaf->detached = strcmp(said(item, "detached"), "t") == 0;

	stream_dump_put_aside(&placing.aside, restored->items, placing.name, true);

	/* nobody writes: it sees all that there is */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = table_beginscan_strat(rel, snapshot, 0, NULL, true, false);
	slot = table_slot_create(rel, NULL);
	old = MemoryContextSwitchTo(restored->position->context);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		place_row(&placing, slot);
	end_page(&placing, true);
	MemoryContextSwitchTo(old);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return check_placing(&placing);
}

static const char *
place_named(Restored *restored, const StreamTextRow *item)
{
	const char *name = said(item, "name");
	Oid			relid = stream_catalog_named(name);
	Relation	rel;
	const char *detail;

	if (!OidIsValid(relid))
		return strcmp(said(item, "detached"), "t") == 0 ? NULL :
			psprintf("There is no relation %s.", name);
	if (!stream_am_relid_is_stream(relid))
		return psprintf("Table %s is not a stream.", name);
	if (!ConditionalLockRelationOid(relid, ShareLock))
		return psprintf("Somebody writes to stream %s.", name);
	rel = try_table_open(relid, NoLock);
	if (rel == NULL)
		return psprintf("There is no relation %s.", name);
	detail = place_leaf(restored, item, rel);
	table_close(rel, NoLock);
	return detail;
}

static const char *
place_leaves(Restored *restored)
{
	ListCell   *lc;

	foreach(lc, restored->items)
	{
		const StreamTextRow *item = lfirst(lc);
		const char *detail;

		if (strcmp(item->table, STREAM_DUMP_LEAF) != 0)
			continue;
		if (restored->position == NULL)
			restored->position = stream_position_create(CurrentMemoryContext);
		detail = place_named(restored, item);
		if (detail)
			return detail;
	}
	return NULL;
}

/* ---- which of them can go on ---- */

static void
check(Restored *restored)
{
	restored->detail = restored->error;
	if (restored->detail == NULL)
		restored->detail = check_items(restored);
	if (restored->detail == NULL)
		restored->detail = check_streams(restored);
	if (restored->detail == NULL)
		restored->detail = check_parts(restored);
	if (restored->detail == NULL)
		restored->detail = check_tables(restored, true);
	if (restored->detail == NULL)
		restored->detail = place_leaves(restored);
	if (restored->detail == NULL &&
		!ConditionalLockRelationOid(restored->viewid, AccessExclusiveLock))
		restored->detail = "Somebody uses the view.";
}

/* The one among them that such a relation is a part of, or NULL. */
static Restored *
view_of_part(List *all, const char *name)
{
	ListCell   *lc;
	ListCell   *li;

	foreach(lc, all)
		foreach(li, ((Restored *) lfirst(lc))->items)
			if (strcmp(((StreamTextRow *) lfirst(li))->table,
					   STREAM_DUMP_TABLE) == 0 &&
				strcmp(said(lfirst(li), "name"), name) == 0)
				return lfirst(lc);
	return NULL;
}

/* What of the others keeps it from going on, or NULL. */
static const char *
check_others(Restored *restored, List *all)
{
	ListCell   *lc;

	foreach(lc, stream_catalog_names(said(restored->view, "streams")))
	{
		Restored   *below = view_of_part(all, lfirst(lc));
		Oid			relid = stream_catalog_named(lfirst(lc));

		if (below ? below->detail != NULL :
			get_rel_namespace(relid) == stream_catalog_schema() &&
			!OidIsValid(stream_catalog_view_of(relid)))
			return psprintf("View %s, which it reads, is not complete.",
							below ? stream_catalog_name(below->viewid) :
							(char *) lfirst(lc));
	}
	foreach(lc, all)
	{
		Restored   *fellow = lfirst(lc);

		if (fellow->detail && is_fellow(fellow, restored))
			return psprintf("View %s, which is of the same group, is not complete.",
							stream_catalog_name(fellow->viewid));
	}
	return NULL;
}

static void
check_all(List *all, Restored **at_hand)
{
	bool		changed = true;
	ListCell   *lc;

	foreach(lc, all)
	{
		*at_hand = lfirst(lc);
		check(lfirst(lc));
	}
	while (changed)
	{
		changed = false;
		foreach(lc, all)
		{
			Restored   *restored = lfirst(lc);

			if (restored->detail)
				continue;
			restored->detail = check_others(restored, all);
			changed |= restored->detail != NULL;
		}
	}
}

/* ---- going on ---- */

/* Where a row that has been put aside is now; nowhere, if it is gone. */
static void
set_storage(StreamTextRow *item)
{
	const char *storage = stream_catalog_text(item, "storage");
	Oid			leaf = stream_catalog_named(said(item, "leaf"));
	Relation	rel = OidIsValid(leaf) ?
		try_table_open(leaf, AccessShareLock) : NULL;

	if (*said(item, "tid") != '(')
		stream_dump_replace(item, "tid", "(0,0)");
	if (storage)
		stream_dump_replace(item, "storage",
							rel == NULL || strcmp(storage, "-") == 0 ?
							pstrdup("-") : psprintf("#%u", STREAM_COMPAT_RELNUMBER(rel)));
	if (rel)
		table_close(rel, NoLock);
}

static void
import(Restored *restored, StreamTextRow *item)
{
	struct varlena *position = NULL;
	const char *missing;

	if (strcmp(item->table, "_rejection") == 0)
		set_storage(item);
	if (restored->position && strncmp(item->table, "_progress", 9) == 0)
		position = stream_position_write(restored->position);
	missing = stream_catalog_import(item, restored->viewid, position);
	/* a stream that has been left out may have rows put aside */
	if (missing && strcmp(item->table, "_rejection") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("continuous view \"%s\" cannot be restored",
						get_rel_name(restored->viewid)),
				 errdetail("%s", missing)));
}

/* So that rows are found again. */
static void
set_hashes_right(const StreamTextRow *item)
{
	Relation	rel = table_open(stream_catalog_named(said(item, "name")),
								 RowExclusiveLock);
	int64		stale;

	if (*said(item, "hash") != '\0')
		count_rows(rel, item, true, &stale);
	table_close(rel, NoLock);
}

static void
go_on(Restored *restored)
{
	StreamViewRow *row;
	ListCell   *lc;

	import(restored, restored->view);
	CommandCounterIncrement();
	foreach(lc, restored->items)
	{
		StreamTextRow *item = lfirst(lc);

		if (strncmp(item->table, "_progress", 9) == 0 ||
			strcmp(item->table, "_rejection") == 0 ||
			strcmp(item->table, "_release") == 0 ||
			strcmp(item->table, "_mark") == 0 ||
			strcmp(item->table, "_error") == 0)
			import(restored, item);
		else if (strcmp(item->table, STREAM_DUMP_TABLE) == 0)
			set_hashes_right(item);
	}
	if (stream_catalog_text(restored->first, "extensions"))
		stream_catalog_depend_on(restored->viewid,
								 said(restored->first, "extensions"));
	stream_catalog_delete_restore(restored->viewid);
	CommandCounterIncrement();
	row = stream_catalog_view(restored->viewid);
	if (!stream_relations_attach(row, (Oid) number(restored->first, "oid")))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the relations of continuous view \"%s\" are locked",
						get_rel_name(restored->viewid))));
	stream_shmem_views_changed();
}

/* Views that go on together. */
typedef struct Attaching
{
	List	   *all;			/* of Restored */
	Restored   *at_hand;		/* the one that is being looked at, for errors */
} Attaching;

static void
attach(void *arg)
{
	Attaching  *attaching = arg;
	ListCell   *lc;

	check_all(attaching->all, &attaching->at_hand);
	foreach(lc, attaching->all)
	{
		attaching->at_hand = lfirst(lc);
		if (attaching->at_hand->detail == NULL)
			go_on(attaching->at_hand);
	}
}

/* Those that are gone need nothing any more. */
static List *
leave_out_dropped(List *all)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, all)
	{
		Restored   *restored = lfirst(lc);

		if (get_rel_name(restored->viewid) == NULL)
			stream_catalog_delete_restore(restored->viewid);
		else
			result = lappend(result, restored);
	}
	return result;
}

/* The same; an error is noted as that of the view. */
static bool
try_attach(List *all)
{
	Attaching	attaching = {.all = all,.at_hand = linitial(all)};
	ErrorData  *error = stream_savepoint_try(attach, &attaching);

	if (error == NULL)
		return true;
	attaching.at_hand->error = psprintf("%s%s%s", error->message,
										error->detail ? ": " : "",
										error->detail ? error->detail : "");
	return false;
}

void
stream_restore_attach_now(void)
{
	if ((superuser() || GetUserId() == stream_catalog_owner()) &&
		!RecoveryInProgress())
		(void) stream_restore_attach();
}

void
stream_restore_moved(void)
{
	if (!RecoveryInProgress() && !IsBinaryUpgrade &&
		!STREAM_MUTATION("restore_untold") &&
		stream_catalog_is_restored(InvalidOid, NULL))
		stream_shmem_restore_moved();
}

bool
stream_restore_attach(void)
{
	List	   *all = leave_out_dropped(collect(InvalidOid));
	bool		left = false;
	ListCell   *lc;

	if (all == NIL)
		return false;
	/* each time, one more of them is left out */
	while (!try_attach(all))
		CHECK_FOR_INTERRUPTS();
	foreach(lc, all)
	{
		Restored   *restored = lfirst(lc);

		if (restored->detail == NULL)
			continue;
		left = true;
		stream_catalog_explain_restore(restored->viewid, restored->detail);
	}
	return left;
}

/*
 * attach(view): has a view go on that a dump has brought.  For who has the rights of
 * its owner.  Locks as stream_restore_attach.  Errors: 42501, 42809, and 55000 with
 * what is missing.
 */
Datum
stream_restore_attach_view(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	List	   *all = leave_out_dropped(collect(viewid));
	Restored   *restored = NULL;
	ListCell   *lc;

	stream_owner_refuse_nested("streaming.attach");
	if (get_rel_name(viewid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", viewid)));
	foreach(lc, all)
		if (((Restored *) lfirst(lc))->by_hand)
			restored = lfirst(lc);
	if (restored == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous view that a dump has brought",
						get_rel_name(viewid))));
	stream_privilege_need_owner(viewid);
	foreach(lc, all)
		(void) check_items(lfirst(lc));
	foreach(lc, all)
		if (is_fellow(lfirst(lc), restored))
			((Restored *) lfirst(lc))->by_hand = true;
	attach(&(Attaching) {.all = all});
	if (restored->detail)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view \"%s\" is not complete",
						get_rel_name(viewid)),
				 errdetail("%s", restored->detail)));
	PG_RETURN_VOID();
}
