/*-------------------------------------------------------------------------
 *
 * internal.c
 *	  Statements that are not for the extension's own relations.
 *
 * A state table and a definition belong to the owner of their view, so the
 * server lets him do with them what he likes.  What he attaches to them would be
 * served by nobody, for batches write state tables below the executor: a foreign
 * key would not be checked, a publication would make a subscriber wait for
 * a table that it has not.  Or it would be in the way when the view is dropped.
 *
 * Statements, in the order of the server's own list, and what becomes of them:
 *
 *	INSERT, UPDATE, DELETE, MERGE	refused when they start (here)
 *	ALTER TABLE			storage parameters, statistics targets and SET
 *						TABLESPACE pass, the rest is refused (utility.c)
 *	FOREIGN KEY			refused where it refers to them (here)
 *	ALTER INDEX			like ALTER TABLE; RENAME, SET SCHEMA: refused
 *	ALTER EXTENSION ADD, DROP; DEPENDS ON EXTENSION		refused (here)
 *	COMMENT, SECURITY LABEL		refused (here); COMMENT on an index that the
 *						user has made on his view passes
 *	CREATE FOREIGN TABLE ... INHERITS	refused (here)
 *	CREATE INDEX, RULE, TRIGGER, POLICY, REPLACE VIEW, COPY FROM, TRUNCATE,
 *	INHERIT, ATTACH PARTITION		refused (utility.c); TRIGGER on a view is one on
 *						its changes (trigger.c)
 *	CREATE STATISTICS	refused (here), but on the view (verbs.c)
 *	CREATE, ALTER PUBLICATION	refused for tables by name (here); FOR ALL TABLES
 *						and TABLES IN SCHEMA are for superusers, and change
 *						nothing for batches, which need no replica identity
 *	DROP				refused by the server, for the view depends on them
 *	CLUSTER, VACUUM FULL	pass: the state store notices the new storage
 *	REINDEX				passes, also CONCURRENTLY: a batch looks for the index
 *	VACUUM, ANALYZE		pass, and run functions as the table's owner
 *	LOCK, SELECT FOR UPDATE		pass: they hold up the owner's own view
 *	GRANT, REVOKE		pass: the owner's own data
 *	CREATE SEQUENCE OWNED BY	refused by the server: it would have to be in our
 *						schema
 *	ALTER SCHEMA streaming RENAME	refused (here)
 *
 * A change stream is the user's to read, to publish and to have triggers and indexes on, as
 * his streams are: it is beside his view.  But it is a part of that, whoever will own it,
 * and what it says is what batches have done.  So of the above these are refused for it,
 * too:
 *
 *	INSERT, COPY FROM	refused by the access method, with all other ways of
 *						writing; UPDATE, DELETE, MERGE: as of any stream
 *	ALTER TABLE			storage parameters, statistics targets, SET TABLESPACE and
 *						REPLICA IDENTITY pass, and so does RENAME (utility.c)
 *	SET SCHEMA, RULE, POLICY, INHERIT, ATTACH PARTITION	refused (utility.c)
 *	CREATE INDEX		on columns as they are, not UNIQUE (utility.c)
 *	TRIGGER				AFTER INSERT, for its owner alone (trigger.c)
 *	CREATE STATISTICS, ALTER EXTENSION ADD	refused (here)
 *	DROP				refused by the server
 *
 * All of this passes for what a dump brings until it is a view's again, if it is a
 * superuser who restores, or the extension's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_subscription_rel.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "base/debug.h"
#include "command/internal.h"

/* Do relations of views have such names? */
static bool
is_part_name(const char *name)
{
	static const char *const prefixes[] = {"_definition_", "_state_", "_below_",
	"_changes_"};

	for (int i = 0; i < lengthof(prefixes); i++)
	{
		Size		len = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], len) == 0 &&
			strspn(name + len, "0123456789_") == strlen(name + len))
			return true;
	}
	return false;
}

/*
 * What a dump brings, and is no view's yet, is for those who may create in our schema.
 * A state must not be anybody else's to write: how it is read trusts it.
 */
static bool
is_restored(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name != NULL &&
		get_rel_namespace(relid) == stream_catalog_schema() &&
		(superuser() || GetUserId() == stream_catalog_owner()) &&
		(strcmp(name, "_dump") == 0 ||
		 (is_part_name(name) && !OidIsValid(stream_catalog_view_of(relid))));
}

void
stream_internal_refuse(Oid relid, const char *command)
{
	Oid			schema;
	Oid			viewid;

	/* pg_upgrade makes them one by one */
	if (!OidIsValid(relid) || creating_extension || IsBinaryUpgrade)
		return;
	schema = stream_catalog_schema();
	if (!OidIsValid(schema) || get_rel_namespace(relid) != schema)
		return;
	if (is_restored(relid))
		return;
	viewid = stream_catalog_view_of(relid);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot run %s on \"%s\"", command,
					get_rel_name(relid)),
			 errdetail("It belongs to the extension \"streaming\"."),
			 OidIsValid(viewid) ?
			 errhint("Run the command on continuous view \"%s\".",
					 get_rel_name(viewid)) : 0));
}

Oid
stream_internal_view_of_changes(const RangeVar *name)
{
	Oid			relid = name ? RangeVarGetRelid(name, NoLock, true) : InvalidOid;

	return OidIsValid(relid) ? stream_catalog_view_of_changes(relid) :
		InvalidOid;
}

void
stream_internal_refuse_changes(const RangeVar *name, const char *command)
{
	Oid			viewid;

	if (IsBinaryUpgrade || creating_extension)
		return;
	viewid = stream_internal_view_of_changes(name);
	if (OidIsValid(viewid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot run %s on \"%s\"", command, name->relname),
				 errdetail("It is the change stream of continuous view \"%s\", and stays and goes as that does.",
						   get_rel_name(viewid)),
				 errhint("Run the command on that view, or create an ordinary view over the change stream.")));
}

/*
 * Can the name come to mean a relation of a view?  Where our schema is in the search
 * path, what comes before it there may vanish.
 */
static bool
may_mean_internal(const RangeVar *name)
{
	Oid			schema = stream_catalog_schema();

	if (!OidIsValid(schema) || !is_part_name(name->relname))
		return false;
	if (name->schemaname)
		return get_namespace_oid(name->schemaname, true) == schema;
	return list_member_oid(fetch_search_path(false), schema);
}

void
stream_internal_refuse_name(const RangeVar *name, const char *command)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	stream_internal_refuse(relid, command);
	if (!creating_extension && !IsBinaryUpgrade && may_mean_internal(name) &&
		!(OidIsValid(relid) && is_restored(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot run %s on \"%s\"", command, name->relname),
				 errdetail("Relations of the extension \"streaming\" have such names."),
				 name->schemaname ? 0 :
				 errhint("Name the schema of the relation, or take schema \"streaming\" out of the search path.")));
}

void
stream_internal_check_statement(QueryDesc *queryDesc)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	Oid			schema;
	ListCell   *lc;

	if (stmt->resultRelations == NIL)
		return;
	schema = stream_catalog_schema();
	if (!OidIsValid(schema) || creating_extension)
		return;
	foreach(lc, stmt->resultRelations)
	{
		Relation	rel = queryDesc->estate->es_relations[lfirst_int(lc) - 1];
		Oid			viewid;

		/* not opened, not changed */
		if (rel == NULL || RelationGetNamespace(rel) != schema ||
			is_restored(RelationGetRelid(rel)))
			continue;
		viewid = stream_catalog_view_of(RelationGetRelid(rel));
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 OidIsValid(viewid) ?
				 errmsg("cannot change continuous view \"%s\"",
						get_rel_name(viewid)) :
				 errmsg("cannot change table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("Continuous views are changed by their streams only."),
				 errhint("Insert rows into the stream.")));
	}
}

/* ---- subscriptions ---- */

/* The extension's relations that a subscription may write to. */
static List *
subscribed(Oid subid, Oid schema)
{
	Relation	rel = table_open(SubscriptionRelRelationId, AccessShareLock);
	List	   *relids = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_subscription_rel_srsubid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(subid));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			relid = ((Form_pg_subscription_rel) GETSTRUCT(tuple))->srrelid;

		if (get_rel_namespace(relid) == schema)
			relids = lappend_oid(relids, relid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return relids;
}

void
stream_internal_unsubscribe(const char *name)
{
	Oid			subid = get_subscription_oid(name, true);
	Oid			schema = stream_catalog_schema();
	List	   *relids;
	ListCell   *lc;

	if (!OidIsValid(subid) || !OidIsValid(schema) || IsBinaryUpgrade ||
		STREAM_MUTATION("subscribed_state"))
		return;
	CommandCounterIncrement();
	relids = subscribed(subid, schema);
	foreach(lc, relids)
		RemoveSubscriptionRel(subid, lfirst_oid(lc));
	if (relids != NIL)
		ereport(NOTICE,
				(errmsg("subscription \"%s\" leaves out the tables of extension \"streaming\"",
						name),
				 errdetail("What is in them is about the streams and views of one database.")));
}

/* ---- what statements attach to relations ---- */

static void
check_relation(const RangeVar *relation, const char *command)
{
	if (relation)
		stream_internal_refuse_name(relation, command);
}

/* Is it the name of an index that a user has made on his view? */
static bool
is_users_index(ObjectType type, const RangeVar *relation)
{
	return type == OBJECT_INDEX && relation->relname[0] != '_';
}

/* An object as COMMENT and others name it: a relation, or a part of one. */
static void
check_object(ObjectType type, Node *object, const char *command)
{
	List	   *name;
	RangeVar   *relation;

	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
		case OBJECT_FOREIGN_TABLE:
			name = (List *) object;
			break;
		case OBJECT_TYPE:
			name = castNode(TypeName, object)->names;
			break;
		case OBJECT_COLUMN:
		case OBJECT_TABCONSTRAINT:
		case OBJECT_RULE:
		case OBJECT_TRIGGER:
		case OBJECT_POLICY:
			name = list_copy((List *) object);
			name = list_truncate(name, list_length(name) - 1);
			break;
		default:
			return;
	}
	if (list_length(name) < 1 || list_length(name) > 3)
		return;					/* the server says what is wrong */
	relation = makeRangeVarFromNameList(name);
	if (!is_users_index(type, relation))
		check_relation(relation, command);
	if (strcmp(command, "ALTER EXTENSION") == 0)
		stream_internal_refuse_changes(relation, command);
}

/*
 * Whoever may read a view reads its state by way of it.  What its owner granted on the
 * state itself would outlive both a REVOKE on the view and a change of its owner.
 * (Superusers may, also when they restore a dump.)
 */
static void
check_grant(GrantStmt *stmt)
{
	ListCell   *lc;

	if (!stmt->is_grant || stmt->objtype != OBJECT_TABLE || superuser())
		return;
	foreach(lc, stmt->objects)
	{
		if (stmt->targtype == ACL_TARGET_OBJECT)
			check_relation(lfirst_node(RangeVar, lc), "GRANT");
		else if (stmt->targtype == ACL_TARGET_ALL_IN_SCHEMA &&
				 get_namespace_oid(strVal(lfirst(lc)), true) ==
				 stream_catalog_schema())
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot run GRANT on all tables in schema \"streaming\""),
					 errdetail("They belong to the extension \"streaming\"."),
					 errhint("Grant privileges on the continuous views.")));
	}
}

static void
check_publication(List *objects, const char *command)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		PublicationObjSpec *object = lfirst_node(PublicationObjSpec, lc);

		if (object->pubtable)
			check_relation(object->pubtable->relation, command);
	}
}

static void
check_constraint(Node *node)
{
	Constraint *constraint = (Constraint *) node;

	if (IsA(node, Constraint) && constraint->contype == CONSTR_FOREIGN)
		check_relation(constraint->pktable, "FOREIGN KEY");
}

/*
 * CREATE TABLE ... REFERENCES comes by here as an ALTER TABLE, which the server
 * makes of it.
 */
static void
check_alter_table(AlterTableStmt *stmt)
{
	ListCell   *lc;
	ListCell   *lk;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->def && cmd->subtype == AT_AddConstraint)
			check_constraint(cmd->def);
		else if (cmd->def && cmd->subtype == AT_AddColumn)
			foreach(lk, castNode(ColumnDef, cmd->def)->constraints)
				check_constraint(lfirst(lk));
	}
}

static void
check_statistics(CreateStatsStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->relations)
		if (IsA(lfirst(lc), RangeVar))
		{
			check_relation(lfirst(lc), "CREATE STATISTICS");
			/* a new owner would compute what the former one has written */
			stream_internal_refuse_changes(lfirst(lc), "CREATE STATISTICS");
		}
}

/* What is ours is found by the name of the schema. */
static void
check_rename(RenameStmt *stmt)
{
	Oid			schema;

	if (stmt->renameType != OBJECT_SCHEMA)
		return;
	schema = stream_catalog_schema();
	if (OidIsValid(schema) && get_namespace_oid(stmt->subname, true) == schema)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot rename schema \"%s\"", stmt->subname),
				 errdetail("It belongs to the extension \"streaming\".")));
}

void
stream_internal_check(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_AlterTableStmt:
			check_alter_table((AlterTableStmt *) stmt);
			break;
		case T_AlterExtensionContentsStmt:
			check_object(((AlterExtensionContentsStmt *) stmt)->objtype,
						 ((AlterExtensionContentsStmt *) stmt)->object,
						 "ALTER EXTENSION");
			break;
		case T_AlterObjectDependsStmt:
			check_relation(((AlterObjectDependsStmt *) stmt)->relation,
						   "DEPENDS ON EXTENSION");
			break;
		case T_CommentStmt:
			check_object(((CommentStmt *) stmt)->objtype,
						 ((CommentStmt *) stmt)->object, "COMMENT");
			break;
		case T_SecLabelStmt:
			check_object(((SecLabelStmt *) stmt)->objtype,
						 ((SecLabelStmt *) stmt)->object, "SECURITY LABEL");
			break;
		case T_GrantStmt:
			check_grant((GrantStmt *) stmt);
			break;
		case T_CreatePublicationStmt:
			check_publication(((CreatePublicationStmt *) stmt)->pubobjects,
							  "CREATE PUBLICATION");
			break;
		case T_AlterPublicationStmt:
			if (((AlterPublicationStmt *) stmt)->action != AP_DropObjects)
				check_publication(((AlterPublicationStmt *) stmt)->pubobjects,
								  "ALTER PUBLICATION");
			break;
		case T_CreateStatsStmt:
			check_statistics((CreateStatsStmt *) stmt);
			break;
		case T_CreateForeignTableStmt:
			foreach(lc, ((CreateForeignTableStmt *) stmt)->base.inhRelations)
			{
				check_relation(lfirst(lc), "INHERITS");
				stream_internal_refuse_changes(lfirst(lc), "INHERITS");
			}
			break;
		case T_CreateTrigStmt:
			check_relation(((CreateTrigStmt *) stmt)->constrrel,
						   "CREATE TRIGGER");
			stream_internal_refuse_changes(((CreateTrigStmt *) stmt)->constrrel,
										   "CREATE TRIGGER");
			break;
		case T_RenameStmt:
			check_rename((RenameStmt *) stmt);
			break;
		default:
			break;
	}
}
