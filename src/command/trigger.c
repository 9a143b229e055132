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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "stream/am.h"
#include "command/view.h"
#include "command/trigger.h"

static void
check_owner(Oid viewid)
{
	if (!object_ownercheck(RelationRelationId, viewid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW,
					   get_rel_name(viewid));
}

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
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s on continuous view \"%s\" is not supported", what,
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

void
stream_trigger_create(StreamStatement *s, Oid viewid)
{
	CreateTrigStmt *stmt = (CreateTrigStmt *) s->pstmt->utilityStmt;

	check_owner(viewid);
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
	stmt->relation = name_of(table_of(viewid), stmt->relation->location);
	stream_statement_pass_on(s);
}

void
stream_trigger_drop(StreamStatement *s, Oid viewid)
{
	DropStmt   *stmt;
	Oid			table = table_of(viewid);
	List	   *name;

	check_owner(viewid);
	name = linitial(((DropStmt *) s->pstmt->utilityStmt)->objects);
	/* the server reports that there is no such trigger */
	if (OidIsValid(table) &&
		OidIsValid(get_trigger_oid(table, strVal(llast(name)), true)))
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

	check_owner(viewid);
	if (!OidIsValid(table) ||
		!OidIsValid(get_trigger_oid(table, stmt->subname, true)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("trigger \"%s\" for table \"%s\" does not exist",
						stmt->subname, get_rel_name(viewid))));
	stmt = (RenameStmt *) stream_statement_own(s);
	stmt->relation = name_of(table, stmt->relation->location);
	stream_statement_pass_on(s);
}
