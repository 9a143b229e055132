/*-------------------------------------------------------------------------
 *
 * utility.c
 *	  The hooks: which statement goes to which room.
 *
 * To the server a continuous view is a plain view, to its user a materialized
 * one.  Statements on materialized views that name a continuous one are passed
 * on as statements on views; those that have no such counterpart (CREATE,
 * REFRESH, SET (streaming.*), CREATE INDEX) go to view.c and wait.c.
 *
 * Each statement of interest has a handler, found in a switch; a handler may
 * change a copy of the statement and pass it on.  Statements that do not
 * concern us cost a switch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "am.h"
#include "catalog.h"
#include "guard.h"
#include "options.h"
#include "shmem.h"
#include "utility.h"
#include "view.h"
#include "wait.h"

static ProcessUtility_hook_type prev_process_utility = NULL;
static ExecutorStart_hook_type prev_executor_start = NULL;
static object_access_hook_type prev_object_access = NULL;

/* The arguments of ProcessUtility, to hand them around. */
typedef struct Statement
{
	PlannedStmt *pstmt;
	const char *source;
	bool		read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *env;
	DestReceiver *dest;
	QueryCompletion *qc;
} Statement;

static void
pass_on(Statement *s)
{
	if (prev_process_utility)
		prev_process_utility(s->pstmt, s->source, s->read_only_tree,
							 s->context, s->params, s->env, s->dest, s->qc);
	else
		standard_ProcessUtility(s->pstmt, s->source, s->read_only_tree,
								s->context, s->params, s->env, s->dest,
								s->qc);
}

/* The statement's node, in a copy that may be changed. */
static Node *
own_statement(Statement *s)
{
	if (s->read_only_tree)
		s->pstmt = copyObject(s->pstmt);
	s->read_only_tree = false;
	return s->pstmt->utilityStmt;
}

/* The continuous view that a name means, or InvalidOid. */
static Oid
continuous_view(const RangeVar *name)
{
	Oid			relid;

	if (name == NULL)
		return InvalidOid;
	relid = RangeVarGetRelid(name, NoLock, true);
	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW &&
		stream_catalog_is_view(relid))
		return relid;
	return InvalidOid;
}

/* Runs a command that needs the database without our processes in it. */
static void
with_database_evicted(Statement *s, Oid dboid)
{
	if (OidIsValid(dboid))
		stream_shmem_evict_database(dboid);
	PG_TRY();
	{
		pass_on(s);
	}
	PG_FINALLY();
	{
		if (OidIsValid(dboid))
			stream_shmem_resume_database(dboid);
	}
	PG_END_TRY();
	stream_shmem_databases_changed();
}

/* ---- CREATE MATERIALIZED VIEW, REFRESH ---- */

static void
create_table_as(Statement *s)
{
	CreateTableAsStmt *stmt = (CreateTableAsStmt *) s->pstmt->utilityStmt;
	List	   *options;
	bool		continuous;

	if (stmt->objtype != OBJECT_MATVIEW || stmt->into->options == NIL)
	{
		pass_on(s);
		return;
	}
	stmt = (CreateTableAsStmt *) own_statement(s);
	options = stream_options_extract(&stmt->into->options, &continuous);
	if (!continuous)
	{
		if (options)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"streaming.%s\" is for continuous views only",
							((DefElem *) linitial(options))->defname),
					 errhint("Add streaming.continuous to make it one.")));
		pass_on(s);
		return;
	}
	if (stream_view_create(stmt, options, s->source) && s->qc)
		SetQueryCompletion(s->qc, CMDTAG_CREATE_MATERIALIZED_VIEW, 0);
}

static void
refresh(Statement *s)
{
	RefreshMatViewStmt *stmt = (RefreshMatViewStmt *) s->pstmt->utilityStmt;
	Oid			viewid = continuous_view(stmt->relation);

	if (!OidIsValid(viewid))
	{
		pass_on(s);
		return;
	}
	if (stmt->skipData)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("REFRESH ... WITH NO DATA is not supported for a continuous view"),
				 errhint("Drop the view and create it anew WITH NO DATA.")));
	if (!pg_class_ownercheck(viewid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW,
					   get_rel_name(viewid));
	stream_wait_refresh(viewid);
	if (s->qc)
		SetQueryCompletion(s->qc, CMDTAG_REFRESH_MATERIALIZED_VIEW, 0);
}

/* ---- ALTER ---- */

/* Takes SET and RESET (streaming.*) out of the commands and does them. */
static void
alter_options(AlterTableStmt *stmt, Oid viewid, const char *source)
{
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		List	   *others;
		List	   *options;
		bool		continuous;

		if (cmd->subtype != AT_SetRelOptions &&
			cmd->subtype != AT_ResetRelOptions)
		{
			rest = lappend(rest, cmd);
			continue;
		}
		others = (List *) cmd->def;
		options = stream_options_extract(&others, &continuous);
		if (others)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("option \"%s\" of a continuous view cannot be changed",
							((DefElem *) linitial(others))->defname)));
		if (list_length((List *) cmd->def) > list_length(options))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"streaming.continuous\" cannot be changed"),
					 errhint("Drop the view and create it anew.")));
		stream_view_set_options(viewid, options,
								cmd->subtype == AT_ResetRelOptions, source);
	}
	stmt->cmds = rest;
}

static void
alter_table(Statement *s)
{
	AlterTableStmt *stmt = (AlterTableStmt *) s->pstmt->utilityStmt;
	Oid			viewid = continuous_view(stmt->relation);
	Oid			owner;
	Relation	rel;

	if (!OidIsValid(viewid))
	{
		Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
		ListCell   *lc;

		/* these cannot be rolled back, or only after much work */
		foreach(lc, stmt->cmds)
			if (lfirst_node(AlterTableCmd, lc)->subtype == AT_DetachPartition)
				stream_guard_refuse(RangeVarGetRelid(((PartitionCmd *)
													  lfirst_node(AlterTableCmd, lc)->def)->name,
													 NoLock, true),
									"DETACH PARTITION");
			else if (lfirst_node(AlterTableCmd, lc)->subtype == AT_SetTableSpace ||
					 lfirst_node(AlterTableCmd, lc)->subtype == AT_SetLogged ||
					 lfirst_node(AlterTableCmd, lc)->subtype == AT_SetUnLogged ||
					 lfirst_node(AlterTableCmd, lc)->subtype == AT_SetAccessMethod)
				stream_guard_refuse(relid, "this form of ALTER TABLE");
		pass_on(s);
		stream_guard_check_views("ALTER TABLE");
		if (stream_guard_is_read(relid))
			stream_shmem_views_changed();
		return;
	}
	stmt = (AlterTableStmt *) own_statement(s);
	alter_options(stmt, viewid, s->source);
	if (stmt->cmds == NIL)
	{
		if (s->qc)
			SetQueryCompletion(s->qc, CMDTAG_ALTER_MATERIALIZED_VIEW, 0);
		return;
	}
	if (stmt->objtype == OBJECT_MATVIEW)
		stmt->objtype = OBJECT_VIEW;
	rel = RelationIdGetRelation(viewid);
	owner = rel->rd_rel->relowner;
	RelationClose(rel);
	pass_on(s);
	CommandCounterIncrement();
	stream_view_sync_owner(viewid, owner);
}

static void
rename_object(Statement *s)
{
	RenameStmt *stmt = (RenameStmt *) s->pstmt->utilityStmt;

	if ((stmt->renameType == OBJECT_MATVIEW ||
		 (stmt->renameType == OBJECT_COLUMN &&
		  stmt->relationType == OBJECT_MATVIEW)) &&
		OidIsValid(continuous_view(stmt->relation)))
	{
		stmt = (RenameStmt *) own_statement(s);
		if (stmt->renameType == OBJECT_MATVIEW)
			stmt->renameType = OBJECT_VIEW;
		stmt->relationType = OBJECT_VIEW;
	}
	if (stmt->renameType == OBJECT_DATABASE)
	{
		Oid			dboid = get_database_oid(stmt->subname, true);

		if (!OidIsValid(dboid) || dboid == MyDatabaseId ||
			!pg_database_ownercheck(dboid, GetUserId()))
			dboid = InvalidOid;
		with_database_evicted(s, dboid);
		return;
	}
	pass_on(s);
}

static void
set_schema(Statement *s)
{
	AlterObjectSchemaStmt *stmt =
		(AlterObjectSchemaStmt *) s->pstmt->utilityStmt;

	if (stmt->objectType == OBJECT_MATVIEW &&
		OidIsValid(continuous_view(stmt->relation)))
	{
		stmt = (AlterObjectSchemaStmt *) own_statement(s);
		stmt->objectType = OBJECT_VIEW;
	}
	pass_on(s);
}

static void
comment(Statement *s)
{
	CommentStmt *stmt = (CommentStmt *) s->pstmt->utilityStmt;

	if (stmt->objtype == OBJECT_MATVIEW &&
		OidIsValid(continuous_view(makeRangeVarFromNameList((List *) stmt->object))))
	{
		stmt = (CommentStmt *) own_statement(s);
		stmt->objtype = OBJECT_VIEW;
	}
	pass_on(s);
}

/* REASSIGN OWNED moves views one does not see in the statement. */
static void
reassign_owned(Statement *s)
{
	List	   *rows = stream_catalog_views();
	List	   *owners = NIL;
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, rows)
	{
		Relation	rel = RelationIdGetRelation(((StreamViewRow *) lfirst(lc))->viewid);

		owners = lappend_oid(owners, rel ? rel->rd_rel->relowner : InvalidOid);
		if (rel)
			RelationClose(rel);
	}
	pass_on(s);
	CommandCounterIncrement();
	forboth(lc, rows, lo, owners)
		if (OidIsValid(lfirst_oid(lo)))
			stream_view_sync_owner(((StreamViewRow *) lfirst(lc))->viewid,
								   lfirst_oid(lo));
}

/* ---- indexes ---- */

static void
create_index(Statement *s)
{
	IndexStmt  *stmt = (IndexStmt *) s->pstmt->utilityStmt;
	Oid			viewid = continuous_view(stmt->relation);
	StreamIdentity saved;

	if (!OidIsValid(viewid))
	{
		pass_on(s);
		return;
	}
	stmt = (IndexStmt *) own_statement(s);
	stream_view_redirect_index(viewid, stmt);
	saved = stream_view_become_owner();
	pass_on(s);
	stream_view_become_again(saved);
}

/* The continuous view whose index this is (not of its keys), or InvalidOid. */
static Oid
view_of_index(List *name)
{
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(name),
										 NoLock, true);
	Oid			table;
	ListCell   *lc;

	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_INDEX ||
		get_rel_namespace(relid) != stream_catalog_schema())
		return InvalidOid;
	table = IndexGetRelation(relid, true);
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (row->state == table &&
			strcmp(get_rel_name(relid),
				   psprintf("%s_key", get_rel_name(table))) != 0)
			return row->viewid;
	}
	return InvalidOid;
}

/* DROP INDEX by the view's owner, who does not own the state table. */
static bool
drop_view_indexes(Statement *s, DropStmt *stmt)
{
	StreamIdentity saved;
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		Oid			viewid = view_of_index(lfirst(lc));

		if (!OidIsValid(viewid) ||
			!pg_class_ownercheck(viewid, GetUserId()))
			return false;
	}
	if (stmt->concurrent)
		return false;
	saved = stream_view_become_owner();
	pass_on(s);
	stream_view_become_again(saved);
	return true;
}

/* ---- DROP ---- */

/* Of the names, those (not) of continuous views. */
static List *
select_views(List *names, bool continuous)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, names)
		if (OidIsValid(continuous_view(makeRangeVarFromNameList(lfirst(lc)))) ==
			continuous)
			result = lappend(result, lfirst(lc));
	return result;
}

static void
drop_object(Statement *s)
{
	DropStmt   *stmt = (DropStmt *) s->pstmt->utilityStmt;
	ListCell   *lc;

	if (stmt->removeType == OBJECT_INDEX && drop_view_indexes(s, stmt))
		return;
	if (stmt->removeType == OBJECT_TABLE)
		foreach(lc, stmt->objects)
		{
			Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst(lc)),
												 NoLock, true);

			if (OidIsValid(relid) && get_rel_relispartition(relid))
				stream_guard_refuse(relid, "DROP TABLE");
		}
	if (stmt->removeType == OBJECT_MATVIEW)
	{
		List	   *mine = select_views(stmt->objects, true);
		List	   *others = select_views(stmt->objects, false);

		if (mine)
		{
			stmt = (DropStmt *) own_statement(s);
			stmt->objects = mine;
			stmt->removeType = OBJECT_VIEW;
			pass_on(s);
			if (others == NIL)
				return;
			stmt = (DropStmt *) own_statement(s);
			stmt->objects = others;
			stmt->removeType = OBJECT_MATVIEW;
		}
	}
	pass_on(s);
	if (stmt->removeType == OBJECT_TABLE || stmt->removeType == OBJECT_SCHEMA)
		stream_guard_check_views("DROP");
}

static void
drop_owned(Statement *s)
{
	pass_on(s);
	stream_guard_check_views("DROP OWNED");
}

/* ---- storage ---- */

static void
truncate_table(Statement *s)
{
	TruncateStmt *stmt = (TruncateStmt *) s->pstmt->utilityStmt;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		Oid			relid = RangeVarGetRelid(lfirst(lc), NoLock, true);

		if (OidIsValid(relid) && OidIsValid(stream_catalog_schema()) &&
			get_rel_namespace(relid) == stream_catalog_schema())
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot truncate table \"%s\" of the extension",
							get_rel_name(relid))));
		stream_guard_refuse(relid, "TRUNCATE");
	}
	pass_on(s);
	stream_guard_check_views("TRUNCATE");
}

/* A new partition must be a stream where a view reads its parent. */
static void
create_table(Statement *s)
{
	CreateStmt *stmt = (CreateStmt *) s->pstmt->utilityStmt;
	bool		child = stmt->partbound != NULL || stmt->inhRelations != NIL;

	pass_on(s);
	if (child)
	{
		stream_guard_check_views("CREATE TABLE");
		if (stream_guard_is_read(RangeVarGetRelid(stmt->relation, NoLock, true)))
			stream_shmem_views_changed();
	}
}

/* ---- transactions, databases, extensions ---- */

static void
transaction(Statement *s)
{
	TransactionStmt *stmt = (TransactionStmt *) s->pstmt->utilityStmt;

	pass_on(s);
	if (stmt->kind == TRANS_STMT_COMMIT_PREPARED ||
		stmt->kind == TRANS_STMT_ROLLBACK_PREPARED)
		stream_shmem_wake_database();
}

static void
drop_database(Statement *s)
{
	DropdbStmt *stmt = (DropdbStmt *) s->pstmt->utilityStmt;
	Oid			dboid = get_database_oid(stmt->dbname, true);

	if (!OidIsValid(dboid) || dboid == MyDatabaseId ||
		!pg_database_ownercheck(dboid, GetUserId()))
		dboid = InvalidOid;
	with_database_evicted(s, dboid);
}

static void
create_database(Statement *s)
{
	CreatedbStmt *stmt = (CreatedbStmt *) s->pstmt->utilityStmt;
	Oid			template = InvalidOid;
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "template") == 0 && def->arg)
			template = get_database_oid(strVal(def->arg), true);
	}
	if (!have_createdb_privilege() || template == MyDatabaseId)
		template = InvalidOid;
	with_database_evicted(s, template);
}

static void
alter_database(Statement *s)
{
	AlterDatabaseStmt *stmt = (AlterDatabaseStmt *) s->pstmt->utilityStmt;
	Oid			dboid = InvalidOid;
	ListCell   *lc;

	foreach(lc, stmt->options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "tablespace") == 0)
			dboid = get_database_oid(stmt->dbname, true);
	if (!OidIsValid(dboid) || dboid == MyDatabaseId ||
		!pg_database_ownercheck(dboid, GetUserId()))
		dboid = InvalidOid;
	with_database_evicted(s, dboid);
}

static void
create_extension(Statement *s)
{
	CreateExtensionStmt *stmt = (CreateExtensionStmt *) s->pstmt->utilityStmt;

	pass_on(s);
	if (strcmp(stmt->extname, "streaming") == 0)
		stream_shmem_views_changed();
}

/* ---- the hooks ---- */

typedef void (*Handler) (Statement *s);

static Handler
handler_of(NodeTag tag)
{
	switch (tag)
	{
		case T_CreateTableAsStmt:
			return create_table_as;
		case T_RefreshMatViewStmt:
			return refresh;
		case T_AlterTableStmt:
			return alter_table;
		case T_RenameStmt:
			return rename_object;
		case T_AlterObjectSchemaStmt:
			return set_schema;
		case T_CommentStmt:
			return comment;
		case T_ReassignOwnedStmt:
			return reassign_owned;
		case T_IndexStmt:
			return create_index;
		case T_DropStmt:
			return drop_object;
		case T_DropOwnedStmt:
			return drop_owned;
		case T_TruncateStmt:
			return truncate_table;
		case T_CreateStmt:
			return create_table;
		case T_TransactionStmt:
			return transaction;
		case T_DropdbStmt:
			return drop_database;
		case T_CreatedbStmt:
			return create_database;
		case T_AlterDatabaseStmt:
			return alter_database;
		case T_CreateExtensionStmt:
			return create_extension;
		default:
			return NULL;
	}
}

static void
process_utility(PlannedStmt *pstmt, const char *source, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *env, DestReceiver *dest,
				QueryCompletion *qc)
{
	Statement	s = {
		pstmt, source, read_only_tree, context, params, env, dest, qc
	};
	Handler		handler = handler_of(nodeTag(pstmt->utilityStmt));

	if (handler && stream_shmem_available())
		handler(&s);
	else
		pass_on(&s);
}

static void
executor_start(QueryDesc *queryDesc, int eflags)
{
	stream_am_check_statement(queryDesc);
	stream_guard_check_statement(queryDesc);
	if (prev_executor_start)
		prev_executor_start(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
}

/* Whatever drops a continuous view (CASCADE, DROP SCHEMA ...), it is noticed. */
static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);
	if (access == OAT_DROP && classId == RelationRelationId && subId == 0 &&
		get_rel_relkind(objectId) == RELKIND_VIEW &&
		stream_catalog_is_view(objectId))
		stream_view_dropped(objectId);
}

void
stream_utility_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
}
