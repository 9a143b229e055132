/*-------------------------------------------------------------------------
 *
 * verbs.c
 *	  Statements on a continuous view that are about its tables.
 *
 * To its user a continuous view is a materialized one, which has storage.  What
 * statements say of that storage is done to the tables of the view, which belong to
 * its owner: the server's own checks, and its restrictions on what runs as the owner of
 * a table, are those of a table like any other.  Nothing here runs with other rights.
 *
 *	ALTER ... ALTER COLUMN SET STATISTICS, STORAGE, COMPRESSION, (n_distinct)
 *						the column of the state table, if the view shows it as it is
 *	ALTER ... SET, RESET of storage parameters; SET TABLESPACE; VACUUM, ANALYZE;
 *	REINDEX				all tables of the view
 *	ALTER ... CLUSTER ON, SET WITHOUT CLUSTER; CLUSTER; CREATE STATISTICS
 *						the state table that the view reads
 *	DEPENDS ON EXTENSION, SECURITY LABEL
 *						the view
 *	LOCK				passes: the server locks what the view reads, too
 *	the rest of ALTER	is refused
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/event_trigger.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "base/privilege.h"
#include "command/view.h"
#include "command/index.h"
#include "command/guard.h"
#include "command/rewrite.h"
#include "command/verbs.h"

/* The view's row, with the view locked against DROP. */
static StreamViewRow *
locked_view(Oid viewid)
{
	StreamViewRow *row;

	table_close(table_open(viewid, AccessShareLock), NoLock);
	row = stream_catalog_view(viewid);
	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("continuous view was dropped")));
	return row;
}

/* All tables of the view, its change stream too. */
static List *
tables_of(const StreamViewRow *row)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
			tables = lappend_oid(tables, lfirst_oid(lc));
	return tables;
}

static RangeVar *
name_of(Oid relid)
{
	return makeRangeVar(get_namespace_name(get_rel_namespace(relid)),
						get_rel_name(relid), -1);
}

/* The state table's name for a column of the view, for a command. */
static char *
state_column(const StreamViewRow *row, const char *column,
			 const char *command)
{
	char	   *name = stream_index_state_column(row, column);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s of column \"%s\" of a continuous view is not supported",
						command, column),
				 errdetail("It is computed when the view is read.")));
	return name;
}

/* ---- ALTER ---- */

/* What a command is about. */
typedef enum Target
{
	ON_VIEW,
	ON_COLUMN,					/* of the state table */
	ON_STATE,					/* the state table */
	ON_TABLES					/* all tables of the view */
} Target;

static Target
target_of(const AlterTableCmd *cmd, Oid viewid)
{
	switch (cmd->subtype)
	{
		case AT_ChangeOwner:
			return ON_VIEW;
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_SetOptions:
		case AT_ResetOptions:
			return ON_COLUMN;
		case AT_ClusterOn:
		case AT_DropCluster:
			return ON_STATE;
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
			return ON_TABLES;
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("triggers of continuous view \"%s\" cannot be enabled or disabled",
							get_rel_name(viewid)),
					 errhint("Drop the trigger, and create it again.")));
			break;
		case AT_SetAccessMethod:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the access method of continuous view \"%s\" cannot be changed",
							get_rel_name(viewid)),
					 errdetail("Its tables have the access method that they need.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("this form of ALTER MATERIALIZED VIEW is not supported for continuous view \"%s\"",
							get_rel_name(viewid)),
					 errhint("Drop the view and create it anew.")));
	}
	return ON_VIEW;
}

/* Errors 42704 unless the state table has an index of that name. */
static void
check_index(const StreamViewRow *row, const char *name)
{
	Oid			index = get_relname_relid(name, get_rel_namespace(row->state));

	if (!OidIsValid(index) ||
		get_rel_relkind(index) != RELKIND_INDEX ||
		IndexGetRelation(index, true) != row->state)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("continuous view \"%s\" has no index \"%s\"",
						get_rel_name(row->viewid), name)));
}

/* Commands for one table. */
typedef struct TableCommands
{
	Oid			relid;
	List	   *cmds;
} TableCommands;

static void
add_command(List **todo, Oid relid, AlterTableCmd *cmd)
{
	TableCommands *commands;
	ListCell   *lc;

	foreach(lc, *todo)
	{
		commands = lfirst(lc);
		if (commands->relid == relid)
		{
			commands->cmds = lappend(commands->cmds, copyObject(cmd));
			return;
		}
	}
	commands = palloc(sizeof(TableCommands));
	commands->relid = relid;
	commands->cmds = list_make1(copyObject(cmd));
	*todo = lappend(*todo, commands);
}

static ObjectAddress
alter_each(StreamStatement *s, void *todo)
{
	ListCell   *lc;

	foreach(lc, (List *) todo)
	{
		TableCommands *commands = lfirst(lc);
		Relation	rel = table_open(commands->relid,
									 AlterTableGetLockLevel(commands->cmds));

		CheckTableNotInUse(rel, "ALTER MATERIALIZED VIEW");
		EventTriggerAlterTableStart(s->pstmt->utilityStmt);
		AlterTableInternal(commands->relid, commands->cmds, false);
		EventTriggerAlterTableEnd();
		table_close(rel, NoLock);
	}
	return InvalidObjectAddress;
}

/* What is done to tables of a view. */
typedef struct AlterTables
{
	StreamStatement *s;
	List	   *todo;			/* of TableCommands */
} AlterTables;

static void
alter_tables(void *arg)
{
	AlterTables *alter = arg;

	stream_statement_run(alter->s, alter_each, alter->todo);
}

/* Is it an option of views, as in SET (security_barrier)? */
static bool
is_view_option(const AlterTableCmd *cmd)
{
	return (cmd->subtype == AT_SetRelOptions ||
			cmd->subtype == AT_ResetRelOptions) &&
		strcmp(linitial_node(DefElem, (List *) cmd->def)->defname,
			   "security_barrier") == 0;
}

void
stream_verbs_alter(StreamStatement *s, Oid viewid, AlterTableStmt *stmt)
{
	StreamViewRow *row = NULL;
	AlterTables alter = {s, NIL};
	List	   *moved = NIL;
	List	   *rest = NIL;
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Target		target = is_view_option(cmd) ? ON_VIEW :
		target_of(cmd, viewid);

		if (target == ON_VIEW)
		{
			rest = lappend(rest, cmd);
			continue;
		}
		stream_privilege_need_owner(viewid);
		if (row == NULL)
			row = locked_view(viewid);
		if (target == ON_COLUMN)
			cmd->name = state_column(row, cmd->name, "ALTER COLUMN");
		if (cmd->subtype == AT_ClusterOn)
			check_index(row, cmd->name);
		if (target != ON_TABLES)
			add_command(&alter.todo, row->state, cmd);
		else
			foreach(lt, tables_of(row))
				add_command(&alter.todo, lfirst_oid(lt), cmd);
		if (cmd->subtype == AT_SetTableSpace)
			moved = tables_of(row);
	}
	stmt->cmds = rest;
	if (moved != NIL)
		stream_guard_rewrite(moved, STREAM_MOVE, "ALTER MATERIALIZED VIEW",
							 alter_tables, &alter);
	else if (alter.todo != NIL)
		alter_tables(&alter);
}

/* ---- statements that are passed on for tables ---- */

/* Is there an index that CLUSTER goes by? */
static bool
is_clustered(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
		found |= get_index_isclustered(lfirst_oid(lc));
	table_close(rel, NoLock);
	return found;
}

void
stream_verbs_cluster(StreamStatement *s)
{
	ClusterStmt *stmt = (ClusterStmt *) s->pstmt->utilityStmt;
	Oid			viewid = stream_statement_view(stmt->relation);
	StreamViewRow *row;

	if (OidIsValid(viewid))
	{
		stream_privilege_need_owner(viewid);
		row = locked_view(viewid);
		if (stmt->indexname == NULL && !is_clustered(row->state))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("there is no previously clustered index for continuous view \"%s\"",
							stmt->relation->relname),
					 errhint("Name one: CLUSTER ... USING ....")));
		if (stmt->indexname)
			check_index(row, stmt->indexname);
		stmt = (ClusterStmt *) stream_statement_own(s);
		stmt->relation = name_of(row->state);
	}
	stream_rewrite_cluster(s, stmt->relation ?
						   RangeVarGetRelid(stmt->relation, NoLock, true) :
						   InvalidOid);
}

/* The tables of the view in the place of its name; columns are those of the state. */
static List *
vacuum_tables(Oid viewid, const VacuumRelation *named)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	List	   *result = NIL;
	List	   *columns = NIL;
	ListCell   *lc;

	if (row == NULL)
		return NIL;
	foreach(lc, named->va_cols)
		columns = lappend(columns,
						  makeString(state_column(row, strVal(lfirst(lc)),
												  "ANALYZE")));
	if (columns != NIL)
		return list_make1(makeVacuumRelation(name_of(row->state), InvalidOid,
											 columns));
	foreach(lc, tables_of(row))
		result = lappend(result, makeVacuumRelation(name_of(lfirst_oid(lc)),
													InvalidOid, NIL));
	return result;
}

void
stream_verbs_vacuum(StreamStatement *s)
{
	VacuumStmt *stmt = (VacuumStmt *) s->pstmt->utilityStmt;
	MemoryContext caller = CurrentMemoryContext;
	List	   *rels = NIL;
	ListCell   *lc;

	foreach(lc, stmt->rels)
	{
		VacuumRelation *named = lfirst_node(VacuumRelation, lc);
		Oid			viewid = stream_statement_view(named->relation);

		if (!OidIsValid(viewid))
		{
			rels = lappend(rels, named);
			continue;
		}
		if (object_ownercheck(RelationRelationId, viewid, GetUserId()))
			rels = list_concat(rels, vacuum_tables(viewid, named));
		else
			ereport(WARNING,
					(errmsg("permission denied to %s \"%s\", skipping it",
							stmt->is_vacuumcmd ? "vacuum" : "analyze",
							named->relation->relname)));
	}
	if (stmt->rels == NIL)
	{
		stream_statement_pass_on(s);
		return;
	}
	stmt = (VacuumStmt *) stream_statement_own(s);
	stmt->rels = rels;
	stream_rewrite_vacuum(s, stmt);
	/* what is passed on commits, and must find its own memory after that */
	MemoryContextSwitchTo(caller);
	if (stmt->rels != NIL)
		stream_statement_pass_on(s);
}

void
stream_verbs_reindex(StreamStatement *s)
{
	ReindexStmt *stmt = (ReindexStmt *) s->pstmt->utilityStmt;
	Oid			viewid = stmt->kind == REINDEX_OBJECT_TABLE ?
	stream_statement_view(stmt->relation) : InvalidOid;
	MemoryContext caller = CurrentMemoryContext;
	List	   *names = NIL;
	ListCell   *lc;

	if (!OidIsValid(viewid))
	{
		stream_statement_pass_on(s);
		return;
	}
	stream_privilege_need_owner(viewid);
	foreach(lc, tables_of(locked_view(viewid)))
		names = lappend(names, name_of(lfirst_oid(lc)));
	stmt = (ReindexStmt *) stream_statement_own(s);
	foreach(lc, names)
	{
		/* CONCURRENTLY leaves another transaction and context, and no snapshot */
		MemoryContextSwitchTo(caller);
		if (!ActiveSnapshotSet())
			PushActiveSnapshot(GetTransactionSnapshot());
		stmt->relation = lfirst(lc);
		stream_statement_pass_on(s);
	}
}

void
stream_verbs_create_statistics(StreamStatement *s)
{
	CreateStatsStmt *stmt = (CreateStatsStmt *) s->pstmt->utilityStmt;
	RangeVar   *name = list_length(stmt->relations) == 1 &&
	IsA(linitial(stmt->relations), RangeVar) ? linitial(stmt->relations) : NULL;
	Oid			viewid = stream_statement_view(name);
	StreamViewRow *row;
	ListCell   *lc;

	if (!OidIsValid(viewid))
	{
		stream_statement_pass_on(s);
		return;
	}
	stream_privilege_need_owner(viewid);
	row = locked_view(viewid);
	stmt = (CreateStatsStmt *) stream_statement_own(s);
	foreach(lc, stmt->exprs)
	{
		StatsElem  *elem = lfirst_node(StatsElem, lc);

		if (elem->name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("statistics on expressions are not supported on a continuous view"),
					 errhint("Make the expression a grouping key or a column of the view, and name that.")));
		elem->name = state_column(row, elem->name, "CREATE STATISTICS");
	}
	/* a name of the server's choice would be in our schema */
	if (stmt->defnames == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("statistics on a continuous view need a name"),
				 errhint("Give them one: CREATE STATISTICS name ON ... FROM ....")));
	stmt->relations = list_make1(name_of(row->state));
	stream_statement_pass_on(s);
}

/* ---- statements that are passed on for the view ---- */

void
stream_verbs_depends(StreamStatement *s)
{
	AlterObjectDependsStmt *stmt =
		(AlterObjectDependsStmt *) s->pstmt->utilityStmt;

	if (stmt->objectType == OBJECT_MATVIEW &&
		OidIsValid(stream_statement_view(stmt->relation)))
	{
		stmt = (AlterObjectDependsStmt *) stream_statement_own(s);
		stmt->objectType = OBJECT_VIEW;
	}
	stream_statement_pass_on(s);
}

void
stream_verbs_label(StreamStatement *s)
{
	SecLabelStmt *stmt = (SecLabelStmt *) s->pstmt->utilityStmt;

	if (stmt->objtype == OBJECT_MATVIEW &&
		OidIsValid(stream_statement_view(makeRangeVarFromNameList((List *) stmt->object))))
	{
		stmt = (SecLabelStmt *) stream_statement_own(s);
		stmt->objtype = OBJECT_VIEW;
	}
	stream_statement_pass_on(s);
}
