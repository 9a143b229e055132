/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  Triggers on continuous views.
 *
 * The server has no such triggers on a view as a batch fires: AFTER, with transition
 * tables, for each row.  They are triggers on the table with the changes of the
 * result (flow/triggers.c), which has the columns of the view and two more: the change
 * stream, or the result itself if rows are only added to it.
 *
 * The change stream can have triggers of its own, for the rows that are inserted into it.
 * What is told of the view by a trigger on its change stream is marked there: it fires
 * ALWAYS, so that a dump says so, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "base/privilege.h"
#include "stream/am.h"
#include "flow/triggers.h"
#include "command/view.h"
#include "command/trigger.h"

/* The table that the view's triggers are on, or InvalidOid. */
static Oid
table_of(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("continuous view was dropped")));
	return stream_am_relid_is_stream(row->state) ? row->state : row->changes;
}

/* The same, as statements name it. */
static RangeVar *
name_of(Oid table, int location)
{
	return makeRangeVar(get_namespace_name(get_rel_namespace(table)),
						get_rel_name(table), location);
}

static void
refuse(const char *what, const char *hint, StreamStatement *s, RangeVar *view)
{
	bool		of_view = OidIsValid(stream_statement_view(view));

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg(of_view ? "%s on continuous view \"%s\" is not supported" :
					"%s on change stream \"%s\" is not supported", what,
					view->relname),
			 errhint("%s", hint),
			 stream_refuse_position(s->source, view->location)));
}

static void
check_trigger(StreamStatement *s, CreateTrigStmt *stmt)
{
	if (stmt->isconstraint)
		refuse("a constraint trigger",
			   "An ordinary trigger that raises an error keeps the batch from committing, too.",
			   s, stmt->relation);
	if (!TRIGGER_FOR_AFTER(stmt->timing))
		refuse("a trigger BEFORE or INSTEAD OF an event",
			   "Use AFTER: it is fired in the transaction of the batch.",
			   s, stmt->relation);
	if (TRIGGER_FOR_TRUNCATE(stmt->events))
		refuse("a trigger for TRUNCATE",
			   "Results are changed by INSERT, UPDATE and DELETE.",
			   s, stmt->relation);
	if (stmt->columns)
		refuse("a trigger for UPDATE OF columns",
			   "Leave the columns out, and compare them in the condition or the function.",
			   s, stmt->relation);
}

/* Is there a trigger of that name on the table, and is it the view's? */
static bool
has_trigger(Oid table, const char *name)
{
	Relation	rel = table_open(table, AccessShareLock);
	bool		found = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (strcmp(trigger->tgname, name) == 0)
			found = OidIsValid(stream_catalog_view_of_changes(table)) ?
				stream_triggers_is_of_view(trigger) : true;
	}
	table_close(rel, NoLock);
	return found;
}

/* Marks a trigger on a change stream as the view's. */
static void
mark_of_view(Oid table, const char *name)
{
	Relation	rel = table_open(TriggerRelationId, RowExclusiveLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(table));
	ScanKeyInit(&keys[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(name));
	scan = systable_beginscan(rel, TriggerRelidNameIndexId, true, NULL, 2,
							  keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		tuple = heap_copytuple(tuple);
		((Form_pg_trigger) GETSTRUCT(tuple))->tgenabled = TRIGGER_FIRES_ALWAYS;
		CatalogTupleUpdate(rel, &tuple->t_self, tuple);
		heap_freetuple(tuple);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	CacheInvalidateRelcacheByRelid(table);
	CommandCounterIncrement();
}

void
stream_trigger_create_on_changes(StreamStatement *s, Oid viewid)
{
	CreateTrigStmt *stmt = (CreateTrigStmt *) s->pstmt->utilityStmt;

	/* it runs as the owner, so the privilege does not do */
	stream_privilege_need_owner(viewid);
	check_trigger(s, stmt);
	if (TRIGGER_FOR_UPDATE(stmt->events) || TRIGGER_FOR_DELETE(stmt->events))
		refuse("a trigger for UPDATE or DELETE",
			   "Rows are only inserted there; a trigger for what becomes of the rows of the view is one on that.",
			   s, stmt->relation);
	stream_statement_pass_on(s);
}

void
stream_trigger_create(StreamStatement *s, Oid viewid)
{
	CreateTrigStmt *stmt = (CreateTrigStmt *) s->pstmt->utilityStmt;
	Oid			table;

	stream_privilege_need_owner(viewid);
	stream_statement_check_may_write(s);
	check_trigger(s, stmt);
	if (!OidIsValid(table_of(viewid)))
	{
		stream_view_set_options(viewid,
								list_make1(makeDefElem("changes", NULL, -1)),
								false, s->source);
		ereport(NOTICE,
				(errmsg("continuous view \"%s\" has a change stream now",
						get_rel_name(viewid)),
				 errdetail("The trigger is fired by it.")));
	}
	stmt = (CreateTrigStmt *) stream_statement_own(s);
	table = table_of(viewid);
	stmt->relation = name_of(table, stmt->relation->location);
	stream_statement_pass_on(s);
	CommandCounterIncrement();
	if (OidIsValid(stream_catalog_view_of_changes(table)))
		mark_of_view(table, stmt->trigname);
}

void
stream_trigger_drop(StreamStatement *s, Oid viewid)
{
	DropStmt   *stmt;
	Oid			table = table_of(viewid);
	List	   *name;

	stream_privilege_need_owner(viewid);
	name = linitial(((DropStmt *) s->pstmt->utilityStmt)->objects);
	/* the server reports that there is no such trigger */
	if (OidIsValid(table) && has_trigger(table, strVal(llast(name))))
	{
		stmt = (DropStmt *) stream_statement_own(s);
		name = linitial(stmt->objects);
		linitial(stmt->objects) =
			list_make3(makeString(get_namespace_name(get_rel_namespace(table))),
					   makeString(get_rel_name(table)), llast(name));
	}
	stream_statement_pass_on(s);
}

void
stream_trigger_rename(StreamStatement *s, Oid viewid)
{
	RenameStmt *stmt = (RenameStmt *) s->pstmt->utilityStmt;
	Oid			table = table_of(viewid);

	stream_privilege_need_owner(viewid);
	if (!OidIsValid(table) || !has_trigger(table, stmt->subname))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("trigger \"%s\" for table \"%s\" does not exist",
						stmt->subname, get_rel_name(viewid))));
	stmt = (RenameStmt *) stream_statement_own(s);
	stmt->relation = name_of(table, stmt->relation->location);
	stream_statement_pass_on(s);
}

void
stream_trigger_comment(StreamStatement *s, Oid viewid)
{
	CommentStmt *stmt = (CommentStmt *) s->pstmt->utilityStmt;
	Oid			table = table_of(viewid);
	Node	   *name = llast((List *) stmt->object);

	stream_privilege_need_owner(viewid);
	/* the server reports that there is no such trigger */
	if (OidIsValid(table) && has_trigger(table, strVal(name)))
	{
		stmt = (CommentStmt *) stream_statement_own(s);
		stmt->object = (Node *)
			list_make3(makeString(get_namespace_name(get_rel_namespace(table))),
					   makeString(get_rel_name(table)), name);
	}
	stream_statement_pass_on(s);
}

void
stream_trigger_created(Oid trigger)
{
	Relation	rel = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			viewid = InvalidOid;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(rel, TriggerOidIndexId, true, SnapshotSelf, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		viewid = stream_catalog_view_of_changes(((Form_pg_trigger) GETSTRUCT(tuple))->tgrelid);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (OidIsValid(viewid) &&
		!object_ownercheck(RelationRelationId, viewid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW,
					   get_rel_name(viewid));
}
