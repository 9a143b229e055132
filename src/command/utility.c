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

#include "catalog/pg_trigger.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/shmem.h"
#include "base/options.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "stream/am.h"
#include "time/declare.h"
#include "query/analyze.h"
#include "flow/strangers.h"
#include "flow/relations.h"
#include "flow/restore.h"
#include "process/wait.h"
#include "command/view.h"
#include "command/index.h"
#include "command/guard.h"
#include "command/internal.h"
#include "command/statement.h"
#include "command/rewrite.h"
#include "command/verbs.h"
#include "command/trigger.h"
#include "command/databases.h"
#include "command/utility.h"

static ExecutorStart_hook_type prev_executor_start = NULL;
static object_access_hook_type prev_object_access = NULL;

/* ---- streams ---- */

static void
pass_on(void *statement)
{
	stream_statement_pass_on(statement);
}

/*
 * The relation that CREATE makes, or finds: in the schema where it creates, whatever
 * else has the name in the search path.  InvalidOid if there is none.
 */
static Oid
created_relation(RangeVar *name)
{
	return get_relname_relid(name->relname,
							 RangeVarGetCreationNamespace(name));
}

/*
 * CREATE TABLE, with or without AS, whose options (in the statement's own copy)
 * may declare something for a stream.
 */
static void
create_declared(StreamStatement *s, RangeVar *name, List **deflist)
{
	bool		continuous;
	List	   *given = *deflist;
	List	   *options = stream_options_extract(deflist, &continuous, s->source);
	bool		existed = options != NIL &&
		OidIsValid(created_relation(name));

	if (continuous)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a table cannot be continuous"),
				 errhint("Use CREATE MATERIALIZED VIEW ... WITH (streaming.continuous) AS SELECT ...."),
				 stream_refuse_option_position(s->source, given, "continuous")));
	stream_statement_pass_on(s);
	if (options == NIL || existed)
		return;
	CommandCounterIncrement();
	stream_declare_set(created_relation(name), options, false, false,
					   s->source);
}

/*
 * Takes SET and RESET (streaming.*) out of the commands.  Does RESET, so that a
 * column can be dropped by the same statement; returns what is to be SET after
 * the others, which may add a column: lists of options.
 */
static List *
reset_declared(AlterTableStmt *stmt, Oid relid, const char *source)
{
	List	   *set = NIL;
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
		options = stream_options_extract(&others, &continuous, source);
		if (options && cmd->subtype == AT_ResetRelOptions)
			stream_declare_set(relid, options, true,
							   stream_guard_is_read(relid), source);
		else if (options)
			set = lappend(set, options);
		cmd->def = (Node *) others;
		if (others != NIL || options == NIL)
			rest = lappend(rest, cmd);
	}
	stmt->cmds = rest;
	return set;
}

static void
set_declared(List *set, Oid relid, const char *source)
{
	ListCell   *lc;

	foreach(lc, set)
	{
		CommandCounterIncrement();
		stream_declare_set(relid, lfirst(lc), false,
						   stream_guard_is_read(relid), source);
	}
}

/* Does the statement mention streaming.* options? */
static bool
has_streaming_options(AlterTableStmt *stmt)
{
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_SetRelOptions ||
			cmd->subtype == AT_ResetRelOptions)
			foreach(lo, (List *) cmd->def)
			{
				DefElem    *def = lfirst_node(DefElem, lo);

				if (def->defnamespace &&
					strcmp(def->defnamespace, "streaming") == 0)
					return true;
			}
	}
	return false;
}

/* ---- CREATE MATERIALIZED VIEW, REFRESH ---- */

static ObjectAddress
create_continuous(StreamStatement *s, void *options)
{
	CreateTableAsStmt *stmt = (CreateTableAsStmt *) s->pstmt->utilityStmt;
	ObjectAddress made = InvalidObjectAddress;

	if (!stream_view_create(stmt, options, s->source))
		return made;
	/* functions expect the tag of a query that has selected something */
	if (s->qc)
		SetQueryCompletion(s->qc, s->context == PROCESS_UTILITY_TOPLEVEL ?
						   CMDTAG_CREATE_MATERIALIZED_VIEW : CMDTAG_SELECT,
						   0);
	ObjectAddressSet(made, RelationRelationId,
					 created_relation(stmt->into->rel));
	return made;
}

static void
create_table_as(StreamStatement *s)
{
	CreateTableAsStmt *stmt = (CreateTableAsStmt *) s->pstmt->utilityStmt;
	List	   *options;
	bool		continuous;

	if (stmt->into->options == NIL)
	{
		stream_statement_pass_on(s);
		return;
	}
	if (stmt->objtype != OBJECT_MATVIEW)
	{
		stmt = (CreateTableAsStmt *) stream_statement_own(s);
		create_declared(s, stmt->into->rel, &stmt->into->options);
		return;
	}
	stmt = (CreateTableAsStmt *) stream_statement_own(s);
	options = stream_options_extract(&stmt->into->options, &continuous,
									 s->source);
	if (!continuous)
	{
		if (options)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"streaming.%s\" is for continuous views only",
							((DefElem *) linitial(options))->defname),
					 errhint("Add streaming.continuous to make it one."),
					 stream_refuse_position(s->source,
											((DefElem *) linitial(options))->location)));
		stream_statement_pass_on(s);
		return;
	}
	stream_statement_run(s, create_continuous, options);
}

/* The view of that name that a dump has brought and that is not continuous yet. */
static Oid
restored_view(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW &&
		stream_catalog_is_restored(relid, NULL) ? relid : InvalidOid;
}

static void
refresh(StreamStatement *s)
{
	RefreshMatViewStmt *stmt = (RefreshMatViewStmt *) s->pstmt->utilityStmt;
	Oid			viewid = stream_statement_view(stmt->relation);

	if (!OidIsValid(viewid))
		viewid = restored_view(stmt->relation);
	if (!OidIsValid(viewid))
	{
		/* a dump ends with those, and they may read continuous ones */
		if (!stmt->skipData && OidIsValid(stream_catalog_schema()))
			stream_restore_attach_now();
		stream_statement_pass_on(s);
		return;
	}
	if (stmt->skipData)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("REFRESH ... WITH NO DATA is not supported for a continuous view"),
				 errhint("Drop the view and create it anew WITH NO DATA.")));
	if (!stream_compat_may_maintain(viewid))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW,
					   get_rel_name(viewid));
	stream_wait_refresh(viewid);
	if (s->qc)
		SetQueryCompletion(s->qc, CMDTAG_REFRESH_MATERIALIZED_VIEW, 0);
}

/* Is it a continuous view that has the name where a view of that name is made? */
static void
refuse_replacing(RangeVar *name)
{
	Oid			relid = created_relation(name);

	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW &&
		stream_catalog_is_view(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot replace continuous view \"%s\"",
						name->relname),
				 errhint("Give it another query with streaming.replace.")));
}

/* An ordinary view that is asked to be continuous is meant to be one of ours. */
static void
refuse_continuous(StreamStatement *s, ViewStmt *stmt)
{
	List	   *options = stmt->options;
	bool		continuous;

	stream_options_extract(&options, &continuous, s->source);
	if (continuous)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("an ordinary view cannot be continuous"),
				 errhint("Use CREATE MATERIALIZED VIEW ... WITH (streaming.continuous) AS SELECT ...."),
				 stream_refuse_option_position(s->source, stmt->options, "continuous")));
}

/* Is the query nothing but nulls of some types, as pg_dump writes it? */
static bool
is_placeholder(const ViewStmt *stmt)
{
	SelectStmt *select = (SelectStmt *) stmt->query;
	ListCell   *lc;

	if (!IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		select->targetList == NIL || select->fromClause != NIL ||
		select->whereClause || select->groupClause != NIL ||
		select->havingClause || select->distinctClause != NIL ||
		select->limitCount || select->limitOffset || select->withClause)
		return false;
	foreach(lc, select->targetList)
	{
		Node	   *value = lfirst_node(ResTarget, lc)->val;

		if (IsA(value, CollateClause))
			value = ((CollateClause *) value)->arg;
		if (!IsA(value, TypeCast) ||
			!IsA(((TypeCast *) value)->arg, A_Const) ||
			!((A_Const *) ((TypeCast *) value)->arg)->isnull)
			return false;
	}
	return true;
}

/* Drops what others have made that depends on the parts of the view, which is locked. */
static void
drop_strangers_of(Oid viewid)
{
	StreamStrangers strangers = {.protect = true};
	StreamViewRow *row = stream_catalog_view(viewid);

	if (row == NULL)
		return;
	strangers.parts = stream_strangers_parts(viewid);
	strangers.kept = list_make1_oid(viewid);
	if (OidIsValid(row->changes))
		strangers.kept = lappend_oid(strangers.kept, row->changes);
	strangers.owner = stream_owner_of(viewid);
	stream_strangers_drop(&strangers);
}

/*
 * A dump that is to replace what is there (--clean) drops the relations of views one by
 * one, beginning with this: the view is to depend on none of them any more.  What it
 * says after that must find ordinary relations.  We tell it by its setting, too, and by
 * who may restore.
 */
static void
make_way_for_dump(StreamStatement *s, ViewStmt *stmt)
{
	Oid			relid;

	if (row_security || !is_placeholder(stmt) ||
		!(superuser() || GetUserId() == stream_catalog_owner()))
		return;
	relid = created_relation(stmt->view);
	if (!OidIsValid(relid) || !stream_catalog_is_view(relid))
		return;
	stream_privilege_need_owner(relid);
	stream_statement_check_may_write(s);
	LockRelationOid(relid, AccessExclusiveLock);
	if (created_relation(stmt->view) != relid)
		return;
	/* they would be in the way of what the dump drops */
	if (!STREAM_MUTATION("clean_strangers"))
		drop_strangers_of(relid);
	stream_view_dissolve(relid);
}

/*
 * CREATE OR REPLACE VIEW would put another query in the place of ours.  Before the
 * command, for the sake of the message; and after it, when it has its lock.
 */
static void
create_view(StreamStatement *s)
{
	ViewStmt   *stmt = (ViewStmt *) s->pstmt->utilityStmt;
	RangeVar   *name = copyObject(stmt->view);

	refuse_continuous(s, stmt);
	if (!stmt->replace)
	{
		stream_statement_pass_on(s);
		return;
	}
	stream_statement_refuse_internal(name, "CREATE OR REPLACE VIEW");
	make_way_for_dump(s, stmt);
	refuse_replacing(name);
	stream_statement_pass_on(s);
	refuse_replacing(name);
}

/* A partition that the user may drop or detach. */
static bool
is_own_partition(Oid relid)
{
	return OidIsValid(relid) && get_rel_relispartition(relid) &&
		object_ownercheck(RelationRelationId, relid, GetUserId());
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
		List	   *barrier;
		const DefElem *other;
		bool		continuous;

		if (cmd->subtype == AT_ColumnDefault)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("columns of a continuous view have no defaults"),
					 errhint("Give the column of the stream a default, or use coalesce in an ordinary view over the continuous view.")));
		if (cmd->subtype != AT_SetRelOptions &&
			cmd->subtype != AT_ResetRelOptions)
		{
			rest = lappend(rest, cmd);
			continue;
		}
		others = (List *) cmd->def;
		options = stream_options_extract(&others, &continuous, source);
		barrier = stream_options_extract_barrier(&others);
		other = stream_options_find_view_option(others);
		if (other)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("option \"%s\" of a continuous view cannot be changed",
							other->defname),
					 errhint("Only streaming.* options, storage parameters and security_barrier can be."),
					 stream_refuse_position(source, other->location)));
		if (list_length((List *) cmd->def) >
			list_length(options) + list_length(barrier) + list_length(others))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"streaming.continuous\" cannot be changed"),
					 errhint("Drop the view and create it anew.")));
		if (options)
			stream_view_set_options(viewid, options,
									cmd->subtype == AT_ResetRelOptions,
									source);
		if (barrier)
		{
			cmd = copyObject(cmd);
			cmd->def = (Node *) barrier;
			rest = lappend(rest, cmd);
		}
		/* storage parameters, for verbs.c */
		if (others)
		{
			cmd = copyObject(cmd);
			cmd->def = (Node *) others;
			rest = lappend(rest, cmd);
		}
	}
	stmt->cmds = rest;
}

/* A state table may be tuned like any other; a change stream is replicated, too. */
static bool
only_storage_options(AlterTableStmt *stmt, bool changes)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
		switch (lfirst_node(AlterTableCmd, lc)->subtype)
		{
			case AT_SetRelOptions:
			case AT_ResetRelOptions:
			case AT_SetStatistics:
			case AT_SetTableSpace:
				break;
			case AT_ReplicaIdentity:
				if (!changes)
					return false;
				break;
			default:
				return false;
		}
	return true;
}

/*
 * The partition that one command of ALTER TABLE detaches, or InvalidOid.
 * Refuses what cannot be rolled back, or only after much work.
 */
static Oid
check_alter_command(AlterTableCmd *cmd, Oid relid)
{
	PartitionCmd *partition;
	Oid			leaf;

	/* the rows read so far had another value, with STORED or without */
	if (stream_compat_sets_expression(cmd))
		stream_guard_refuse(relid, "ALTER COLUMN ... SET EXPRESSION");
	switch (cmd->subtype)
	{
		case AT_DetachPartition:
			partition = (PartitionCmd *) cmd->def;
			leaf = RangeVarGetRelid(partition->name, NoLock, true);
			if (partition->concurrent)
				stream_guard_refuse(leaf, "DETACH PARTITION CONCURRENTLY");
			return is_own_partition(leaf) ? leaf : InvalidOid;
		case AT_AttachPartition:
			stream_statement_refuse_internal(((PartitionCmd *) cmd->def)->name,
											 "ATTACH PARTITION");
			stream_internal_refuse_changes(((PartitionCmd *) cmd->def)->name,
										   "ATTACH PARTITION");
			return InvalidOid;
		case AT_AddInherit:
			stream_statement_refuse_internal((RangeVar *) cmd->def, "INHERIT");
			stream_internal_refuse_changes((RangeVar *) cmd->def, "INHERIT");
			return InvalidOid;
		case AT_SetLogged:
		case AT_SetUnLogged:
			if (!stream_rewrite_may_change_persistence(relid))
				stream_guard_refuse(relid, "this form of ALTER TABLE");
			return InvalidOid;
		case AT_SetAccessMethod:
			/* of a partitioned table, it is about partitions to come */
			if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
				stream_guard_refuse(relid, "this form of ALTER TABLE");
			return InvalidOid;
		default:
			return InvalidOid;
	}
}

static bool
changes_persistence(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
		if (lfirst_node(AlterTableCmd, lc)->subtype == AT_SetLogged ||
			lfirst_node(AlterTableCmd, lc)->subtype == AT_SetUnLogged)
			return true;
	return false;
}

/* ALTER of anything but a continuous view. */
static void
alter_other_table(StreamStatement *s, AlterTableStmt *stmt)
{
	Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	struct StreamTakeaway *takeaway;
	List	   *detached = NIL;
	List	   *set = NIL;
	List	   *event_times = NIL;
	bool		attaches = false;
	bool		detaches = false;
	StreamTakeawayKind kind;
	ListCell   *lc;

	if (!only_storage_options(stmt, false) || has_streaming_options(stmt))
		stream_statement_refuse_internal(stmt->relation, "ALTER TABLE");
	if (!only_storage_options(stmt, true) || has_streaming_options(stmt))
		stream_internal_refuse_changes(stmt->relation, "this form of ALTER TABLE");
	foreach(lc, stmt->cmds)
	{
		Oid			leaf = check_alter_command(lfirst(lc), relid);

		if (OidIsValid(leaf))
			detached = lappend_oid(detached, leaf);
		/* each is alone in its statement */
		attaches |= lfirst_node(AlterTableCmd, lc)->subtype == AT_AttachPartition;
		detaches |= lfirst_node(AlterTableCmd, lc)->subtype == AT_DetachPartition;
	}
	stream_rewrite_check_types(stmt, relid, s->source);
	if (attaches || detaches)
		event_times = stream_guard_note_event_times();
	if (attaches)
		stream_analyze_hold_leaves();
	if (OidIsValid(relid) && has_streaming_options(stmt))
	{
		stream_statement_check_may_write(s);
		stmt = (AlterTableStmt *) stream_statement_own(s);
		set = reset_declared(stmt, relid, s->source);
		if (stmt->cmds == NIL)
		{
			set_declared(set, relid, s->source);
			if (s->qc)
				SetQueryCompletion(s->qc, CMDTAG_ALTER_TABLE, 0);
			stream_shmem_views_changed();
			return;
		}
	}
	if (stream_rewrite_in_alter(stmt, relid, &kind))
		stream_guard_rewrite(list_make1_oid(relid), kind, "ALTER TABLE",
							 changes_persistence(stmt) ?
							 stream_rewrite_change_persistence : pass_on, s);
	else
	{
		takeaway = stream_guard_consume(detached, STREAM_DETACH);
		stream_statement_pass_on(s);
		if (detaches)
			stream_guard_check_detached(takeaway,
										RangeVarGetRelid(stmt->relation, NoLock,
														 true));
		stream_guard_settle(takeaway);
		stream_guard_check_views("ALTER TABLE");
	}
	if (attaches)
		stream_guard_check_attached();
	stream_guard_check_event_times(event_times);
	set_declared(set, relid, s->source);
	stream_declare_check(relid);
	if (stream_guard_is_read(relid))
		stream_shmem_views_changed();
}

/*
 * A view that has got another owner brings its internal relations along.  The name may have
 * come to mean another view than when the command was looked at, so all are asked.
 */
static void
settle_owners(const AlterTableStmt *stmt)
{
	bool		concerned = false;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
		concerned |= lfirst_node(AlterTableCmd, lc)->subtype == AT_ChangeOwner;
	if (!concerned)
		return;
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (stream_owner_of(row->viewid) != stream_owner_of(row->definition))
			stream_view_owner_changed(row->viewid);
	}
}

static void
alter_table(StreamStatement *s)
{
	AlterTableStmt *stmt = (AlterTableStmt *) s->pstmt->utilityStmt;
	Oid			viewid = stream_statement_view(stmt->relation);

	if (!OidIsValid(viewid))
	{
		alter_other_table(s, stmt);
		return;
	}
	stream_statement_check_may_write(s);
	stmt = (AlterTableStmt *) stream_statement_own(s);
	alter_options(stmt, viewid, s->source);
	stream_verbs_alter(s, viewid, stmt);
	if (stmt->cmds == NIL)
	{
		if (s->qc)
			SetQueryCompletion(s->qc, CMDTAG_ALTER_MATERIALIZED_VIEW, 0);
		return;
	}
	if (stmt->objtype == OBJECT_MATVIEW)
		stmt->objtype = OBJECT_VIEW;
	stream_statement_pass_on(s);
	CommandCounterIncrement();
	settle_owners(stmt);
}

static ObjectAddress
rename_index(StreamStatement *s, void *index)
{
	RenameStmt *stmt = (RenameStmt *) s->pstmt->utilityStmt;

	return stream_index_rename(*(Oid *) index, stmt->newname);
}

static void
rename_object(StreamStatement *s)
{
	RenameStmt *stmt = (RenameStmt *) s->pstmt->utilityStmt;
	Oid			index = stmt->renameType == OBJECT_INDEX ?
	stream_index_of_view(stmt->relation) : InvalidOid;

	if (OidIsValid(index))
	{
		stream_statement_run(s, rename_index, &index);
		if (s->qc)
			SetQueryCompletion(s->qc, CMDTAG_ALTER_INDEX, 0);
		return;
	}
	stream_statement_refuse_internal(stmt->relation, "RENAME");
	if ((stmt->renameType == OBJECT_MATVIEW ||
		 (stmt->renameType == OBJECT_COLUMN &&
		  stmt->relationType == OBJECT_MATVIEW)) &&
		OidIsValid(stream_statement_view(stmt->relation)))
	{
		stmt = (RenameStmt *) stream_statement_own(s);
		if (stmt->renameType == OBJECT_MATVIEW)
			stmt->renameType = OBJECT_VIEW;
		stmt->relationType = OBJECT_VIEW;
	}
	if (stmt->renameType == OBJECT_TRIGGER &&
		OidIsValid(stream_statement_view(stmt->relation)))
	{
		stream_trigger_rename(s, stream_statement_view(stmt->relation));
		return;
	}
	if (stmt->renameType == OBJECT_DATABASE)
	{
		stream_databases_rename(s);
		return;
	}
	stream_statement_pass_on(s);
}

static void
set_schema(StreamStatement *s)
{
	AlterObjectSchemaStmt *stmt =
		(AlterObjectSchemaStmt *) s->pstmt->utilityStmt;
	Oid			viewid = stream_statement_view(stmt->relation);
	Oid			from;

	stream_statement_refuse_internal(stmt->relation, "SET SCHEMA");
	if (stmt->relation)
		stream_internal_refuse_changes(stmt->relation, "SET SCHEMA");
	if (!OidIsValid(viewid))
	{
		stream_statement_pass_on(s);
		return;
	}
	if (stmt->objectType == OBJECT_MATVIEW)
	{
		stmt = (AlterObjectSchemaStmt *) stream_statement_own(s);
		stmt->objectType = OBJECT_VIEW;
	}
	from = get_rel_namespace(viewid);
	stream_statement_pass_on(s);
	CommandCounterIncrement();
	stream_view_schema_changed(viewid, from);
}

/* The continuous view that the trigger is on, or InvalidOid; the last name is its own. */
static Oid
view_of_trigger(List *names)
{
	List	   *view = list_truncate(list_copy(names), list_length(names) - 1);

	return list_length(view) < 1 || list_length(view) > 3 ? InvalidOid :
		stream_statement_view(makeRangeVarFromNameList(view));
}

static void
comment(StreamStatement *s)
{
	CommentStmt *stmt = (CommentStmt *) s->pstmt->utilityStmt;

	if (stmt->objtype == OBJECT_TRIGGER)
	{
		Oid			viewid = view_of_trigger((List *) stmt->object);

		if (OidIsValid(viewid))
		{
			stream_trigger_comment(s, viewid);
			return;
		}
	}
	if (stmt->objtype == OBJECT_MATVIEW &&
		OidIsValid(stream_statement_view(makeRangeVarFromNameList((List *) stmt->object))))
	{
		stmt = (CommentStmt *) stream_statement_own(s);
		stmt->objtype = OBJECT_VIEW;
	}
	stream_statement_pass_on(s);
}

/* ---- indexes ---- */

static ObjectAddress
create_view_index(StreamStatement *s, void *viewid)
{
	ObjectAddress made =
		stream_index_create(*(Oid *) viewid,
								 (IndexStmt *) s->pstmt->utilityStmt);

	if (s->qc)
		SetQueryCompletion(s->qc, CMDTAG_CREATE_INDEX, 0);
	return made;
}

static void
create_index(StreamStatement *s)
{
	IndexStmt  *stmt = (IndexStmt *) s->pstmt->utilityStmt;
	Oid			viewid = stream_statement_view(stmt->relation);

	if (!OidIsValid(viewid))
	{
		stream_statement_refuse_internal(stmt->relation, "CREATE INDEX");
		if (OidIsValid(stream_internal_view_of_changes(stmt->relation)))
			stream_index_check(stmt);
		stream_statement_pass_on(s);
		return;
	}
	(void) stream_statement_own(s);
	stream_statement_run(s, create_view_index, &viewid);
}

/* ---- DROP ---- */

/* Before a view is locked: may the user drop it, and is it of either kind? */
static void
check_drop(const RangeVar *name, Oid relid, Oid oldrelid, void *arg)
{
	char		relkind;

	if (!OidIsValid(relid))
		return;
	relkind = get_rel_relkind(relid);
	if (relkind != RELKIND_MATVIEW && relkind != '\0' &&
		!(relkind == RELKIND_VIEW && stream_catalog_is_view(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a materialized view",
						name->relname)));
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()) &&
		!object_ownercheck(NamespaceRelationId, get_rel_namespace(relid),
						   GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW, name->relname);
}

/* What others have hung on the internal relations of the views goes with these. */
static void
add_strangers(List *relids, ObjectAddresses *objects)
{
	List	   *kept = list_copy(relids);
	ListCell   *lc;

	foreach(lc, relids)
	{
		StreamViewRow *row = stream_catalog_view(lfirst_oid(lc));

		if (row && OidIsValid(row->changes))
			kept = lappend_oid(kept, row->changes);
	}
	foreach(lc, relids)
	{
		StreamStrangers strangers = {.kept = kept,.protect = true};

		if (!stream_catalog_is_view(lfirst_oid(lc)))
			continue;
		strangers.parts = stream_strangers_parts(lfirst_oid(lc));
		strangers.owner = stream_owner_of(lfirst_oid(lc));
		(void) stream_strangers_add(&strangers, objects);
	}
}

/*
 * DROP MATERIALIZED VIEW of continuous views, perhaps with ordinary ones among
 * them: in one go, for they may depend on each other, in both directions.
 */
static ObjectAddress
drop_continuous(StreamStatement *s, void *arg)
{
	DropStmt   *stmt = (DropStmt *) s->pstmt->utilityStmt;
	ObjectAddresses *objects = new_object_addresses();
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
		ObjectAddress object = {RelationRelationId, InvalidOid, 0};

		AcceptInvalidationMessages();
		object.objectId =
			RangeVarGetRelidExtended(name, AccessExclusiveLock,
									 RVR_MISSING_OK, check_drop, NULL);
		if (OidIsValid(object.objectId))
			relids = lappend_oid(relids, object.objectId);
		else if (stmt->missing_ok)
			ereport(NOTICE,
					(errmsg("materialized view \"%s\" does not exist, skipping",
							name->relname)));
		else
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("materialized view \"%s\" does not exist",
							name->relname)));
	}
	add_strangers(relids, objects);
	foreach(lc, relids)
	{
		ObjectAddress object = {RelationRelationId, lfirst_oid(lc), 0};

		add_exact_object_address(&object, objects);
	}
	performMultipleDeletions(objects, stmt->behavior, 0);
	free_object_addresses(objects);
	return InvalidObjectAddress;
}

/* DROP MATERIALIZED VIEW */
static void
drop_matviews(StreamStatement *s)
{
	DropStmt   *stmt = (DropStmt *) s->pstmt->utilityStmt;
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		if (OidIsValid(stream_statement_view(makeRangeVarFromNameList(lfirst(lc)))))
		{
			stream_statement_run(s, drop_continuous, NULL);
			return;
		}
	}
	stream_statement_pass_on(s);
}

/* DROP VIEW, which may name continuous views, too: the rest of it is the server's. */
static void
drop_strangers(DropStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
		Oid			viewid;

		if (!OidIsValid(stream_statement_view(name)))
			continue;
		viewid = RangeVarGetRelidExtended(name, AccessExclusiveLock,
										  RVR_MISSING_OK, check_drop, NULL);
		if (OidIsValid(viewid))
			drop_strangers_of(viewid);
	}
}

static void
drop_object(StreamStatement *s)
{
	DropStmt   *stmt = (DropStmt *) s->pstmt->utilityStmt;
	List	   *partitions = NIL;
	ListCell   *lc;

	if (stmt->removeType == OBJECT_TABLE)
		foreach(lc, stmt->objects)
		{
			Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst(lc)),
												 NoLock, true);

			if (is_own_partition(relid))
				partitions = lappend_oid(partitions, relid);
		}
	if (stmt->removeType == OBJECT_MATVIEW)
	{
		drop_matviews(s);
		return;
	}
	if (stmt->removeType == OBJECT_TRIGGER)
	{
		Oid			viewid = view_of_trigger(linitial(stmt->objects));

		if (OidIsValid(viewid))
		{
			stream_trigger_drop(s, viewid);
			return;
		}
	}
	if (stmt->removeType == OBJECT_VIEW)
		drop_strangers(stmt);
	stream_guard_drop(partitions, "DROP", pass_on, s);
	if (stmt->removeType == OBJECT_TABLE || stmt->removeType == OBJECT_SCHEMA)
		stream_guard_check_views("DROP");
}

static void
move_all(StreamStatement *s)
{
	stream_statement_pass_on(s);
	stream_guard_check_views("ALTER TABLE ALL IN TABLESPACE");
}

static void
drop_owned(StreamStatement *s)
{
	stream_guard_drop(NIL, "DROP OWNED", pass_on, s);
	stream_guard_check_views("DROP OWNED");
}

/* ---- storage ---- */

/*
 * A change stream that is all of the result is for views yet to come, too, unless it is said
 * that there will be none.
 */
static void
refuse_result(StreamStatement *s, RangeVar *name)
{
	Oid			viewid = stream_internal_view_of_changes(name);
	StreamViewRow *row = OidIsValid(viewid) ? stream_catalog_view(viewid) : NULL;

	if (row && row->options.retention_us < 0 &&
		stream_declare_is_result(row->changes))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("TRUNCATE of \"%s\" is not supported", name->relname),
				 errdetail("Rows are only added to the continuous view, and other views read all of them there."),
				 errhint("When all views that are to read it are there, set streaming.changes_retention."),
				 stream_refuse_position(s->source, name->location)));
}

static void
truncate_table(StreamStatement *s)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, ((TruncateStmt *) s->pstmt->utilityStmt)->relations)
		stream_internal_refuse_name(lfirst(lc), "TRUNCATE");
	foreach(lc, ((TruncateStmt *) s->pstmt->utilityStmt)->relations)
	{
		Oid			relid = RangeVarGetRelid(lfirst(lc), NoLock, true);

		refuse_result(s, lfirst(lc));
		if (OidIsValid(relid) &&
			pg_class_aclcheck(relid, GetUserId(),
							  ACL_TRUNCATE) == ACLCHECK_OK)
			relids = lappend_oid(relids, relid);
	}
	stream_guard_truncate(relids, pass_on, s);
}

/*
 * COPY, triggers, rules, policies: not on the extension's own relations.  (Until
 * 15, a rule can make a view of an empty table.)
 */
static void
touch_relation(StreamStatement *s)
{
	Node	   *node = s->pstmt->utilityStmt;
	RangeVar   *relation = NULL;
	const char *command = GetCommandTagName(CreateCommandTag(node));

	if (IsA(node, CopyStmt) && ((CopyStmt *) node)->is_from)
		relation = ((CopyStmt *) node)->relation;
	else if (IsA(node, CreateTrigStmt))
		relation = ((CreateTrigStmt *) node)->relation;
	else if (IsA(node, RuleStmt))
		relation = ((RuleStmt *) node)->relation;
	else if (IsA(node, CreatePolicyStmt))
		relation = ((CreatePolicyStmt *) node)->table;
	if (relation)
	{
		Oid			viewid = stream_statement_view(relation);

		stream_statement_refuse_internal(relation, command);
		if (IsA(node, CreateTrigStmt) &&
			OidIsValid(stream_internal_view_of_changes(relation)))
		{
			stream_trigger_create_on_changes(s, stream_internal_view_of_changes(relation));
			return;
		}
		stream_internal_refuse_changes(relation, command);
		if (OidIsValid(viewid) && IsA(node, CreateTrigStmt))
		{
			stream_trigger_create(s, viewid);
			return;
		}
		if (OidIsValid(viewid))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("%s is not supported on continuous view \"%s\"",
							command, relation->relname),
					 IsA(node, CopyStmt) ?
					 errhint("Copy into the stream that it reads.") :
					 errhint("Use an ordinary table that you fill from it."),
					 stream_refuse_position(s->source, relation->location)));
		if (IsA(node, RuleStmt) && ((RuleStmt *) node)->event == CMD_SELECT)
			stream_guard_refuse(RangeVarGetRelid(relation, NoLock, true),
								command);
	}
	stream_statement_pass_on(s);
}

/* A new partition must be a stream where a view reads its parent. */
static void
create_table(StreamStatement *s)
{
	CreateStmt *stmt = (CreateStmt *) s->pstmt->utilityStmt;
	bool		child = stmt->partbound != NULL || stmt->inhRelations != NIL;
	ListCell   *lc;

	foreach(lc, stmt->inhRelations)
	{
		stream_statement_refuse_internal(lfirst_node(RangeVar, lc), "INHERITS");
		stream_internal_refuse_changes(lfirst_node(RangeVar, lc), "INHERITS");
	}
	if (stmt->options)
	{
		stmt = (CreateStmt *) stream_statement_own(s);
		create_declared(s, stmt->relation, &stmt->options);
	}
	else
		stream_statement_pass_on(s);
	if (child)
	{
		stream_analyze_hold_leaves();
		stream_guard_check_views("CREATE TABLE");
		if (stream_guard_is_read(created_relation(stmt->relation)))
			stream_shmem_views_changed();
	}
}

/* As a partition, it is none that a view can read. */
static void
create_foreign_table(StreamStatement *s)
{
	CreateStmt *stmt = &((CreateForeignTableStmt *) s->pstmt->utilityStmt)->base;

	stream_statement_pass_on(s);
	if (stmt->partbound != NULL || stmt->inhRelations != NIL)
		stream_guard_check_views("CREATE FOREIGN TABLE");
}

/* What is reassigned brings its internal relations along, with their privileges. */
static void
reassign_owned(StreamStatement *s)
{
	List	   *rows = stream_catalog_views();
	List	   *owners = NIL;
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, rows)
		owners = lappend_oid(owners,
							 stream_catalog_view_owner(((StreamViewRow *) lfirst(lc))->viewid));
	stream_statement_pass_on(s);
	CommandCounterIncrement();
	forboth(lc, rows, lo, owners)
	{
		Oid			viewid = ((StreamViewRow *) lfirst(lc))->viewid;

		if (stream_catalog_view_owner(viewid) != lfirst_oid(lo))
			stream_view_owner_changed(viewid);
	}
}

/* The publisher may have tables of any name, and whose state he could write could read any memory. */
static void
subscribe(StreamStatement *s)
{
	Node	   *node = s->pstmt->utilityStmt;

	stream_statement_pass_on(s);
	stream_internal_unsubscribe(IsA(node, CreateSubscriptionStmt) ?
								((CreateSubscriptionStmt *) node)->subname :
								((AlterSubscriptionStmt *) node)->subname);
}

/* ---- the hooks ---- */

typedef void (*Handler) (StreamStatement *s);

static Handler
handler_of(NodeTag tag)
{
	switch (tag)
	{
		case T_CreateTableAsStmt:
			return create_table_as;
		case T_RefreshMatViewStmt:
			return refresh;
		case T_ViewStmt:
			return create_view;
		case T_AlterTableStmt:
			return alter_table;
		case T_RenameStmt:
			return rename_object;
		case T_AlterObjectSchemaStmt:
			return set_schema;
		case T_CommentStmt:
			return comment;
		case T_IndexStmt:
			return create_index;
		case T_DropStmt:
			return drop_object;
		case T_DropOwnedStmt:
			return drop_owned;
		case T_ReassignOwnedStmt:
			return reassign_owned;
		case T_AlterTableMoveAllStmt:
			return move_all;
		case T_ClusterStmt:
			return stream_verbs_cluster;
		case T_VacuumStmt:
			return stream_verbs_vacuum;
		case T_ReindexStmt:
			return stream_verbs_reindex;
		case T_CreateStatsStmt:
			return stream_verbs_create_statistics;
		case T_AlterObjectDependsStmt:
			return stream_verbs_depends;
		case T_SecLabelStmt:
			return stream_verbs_label;
		case T_TruncateStmt:
			return truncate_table;
		case T_CreateStmt:
			return create_table;
		case T_CreateForeignTableStmt:
			return create_foreign_table;
		case T_CopyStmt:
		case T_CreateTrigStmt:
		case T_RuleStmt:
		case T_CreatePolicyStmt:
			return touch_relation;
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
			return subscribe;
		case T_TransactionStmt:
			return stream_databases_transaction;
		case T_DropdbStmt:
			return stream_databases_drop_database;
		case T_CreatedbStmt:
			return stream_databases_create_database;
		case T_AlterDatabaseStmt:
			return stream_databases_alter_database;
		case T_CreateExtensionStmt:
			return stream_databases_create_extension;
		case T_AlterExtensionStmt:
			return stream_databases_update_extension;
		default:
			return NULL;
	}
}

/*
 * A function that a view calls changes no definitions: not those that the batch goes by,
 * nor any that would have it plan again and again.
 */
static void
refuse_in_batch(Node *stmt)
{
	if (stream_owner_is_running() &&
		(GetCommandLogLevel(stmt) == LOGSTMT_DDL || IsA(stmt, VacuumStmt) ||
		 IsA(stmt, ReindexStmt)))
		stream_owner_refuse_nested(GetCommandTagName(CreateCommandTag(stmt)));
}

/*
 * Is it a command that a restore may consist of?  Dumps begin with what it says of row
 * security.
 */
static bool
may_be_of_restore(Node *stmt)
{
	return !row_security && stream_shmem_available() &&
		((IsA(stmt, CopyStmt) && ((CopyStmt *) stmt)->is_from) ||
		 GetCommandLogLevel(stmt) == LOGSTMT_DDL);
}

static void
process_utility(PlannedStmt *pstmt, const char *source, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *env, DestReceiver *dest,
				QueryCompletion *qc)
{
	StreamStatement	s = {
		pstmt, source, read_only_tree, context, params, env, dest, qc
	};
	Handler		handler = handler_of(nodeTag(pstmt->utilityStmt));
	bool		of_restore = may_be_of_restore(pstmt->utilityStmt);

	if (stream_shmem_available())
	{
		refuse_in_batch(pstmt->utilityStmt);
		stream_internal_check(pstmt->utilityStmt);
	}
	if (handler && stream_shmem_available())
	{
		/* COPY leads to nothing of ours */
		if (!IsA(pstmt->utilityStmt, CopyStmt))
			stream_owner_refuse_nested(GetCommandTagName(CreateCommandTag(pstmt->utilityStmt)));
		handler(&s);
	}
	else
		stream_statement_pass_on(&s);
	if (of_restore)
		stream_restore_moved();
}

static void
executor_start(QueryDesc *queryDesc, int eflags)
{
	stream_am_check_statement(queryDesc);
	if (prev_executor_start)
		prev_executor_start(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
	stream_internal_check_statement(queryDesc);
}

/*
 * Whatever drops a continuous view or a stream (CASCADE, DROP SCHEMA ...), it
 * is noticed.
 */
static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);
	if (access == OAT_POST_CREATE && classId == TriggerRelationId)
		stream_trigger_created(objectId);
	if (access != OAT_DROP || classId != RelationRelationId)
		return;
	switch (get_rel_relkind(objectId))
	{
		case RELKIND_VIEW:
			if (subId != 0)
				break;
			stream_relations_check_drop(objectId);
			if (stream_catalog_is_view(objectId))
				stream_view_dropped(objectId);
			else
				stream_restore_moved();
			break;
		case RELKIND_RELATION:
			if (subId == 0)
			{
				stream_relations_check_drop(objectId);
				stream_guard_dropped(objectId);
			}
			stream_declare_dropped(objectId, subId);
			break;
		case RELKIND_PARTITIONED_TABLE:
			stream_declare_dropped(objectId, subId);
			break;
		default:
			break;
	}
}

void
stream_utility_install(void)
{
	stream_statement_install(process_utility);
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
}
