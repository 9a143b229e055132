/*-------------------------------------------------------------------------
 *
 * rewrite.c
 *	  Commands that give streams other storage.
 *
 * What has to come before and after one is guard.c's.  Here is which commands
 * these are, as far as that can be seen before they run: waiting for views costs
 * time, and one that fails would keep its stream from being changed at all.
 *
 * VACUUM FULL uses a transaction for each table.  Nothing of what guard.c does can be
 * in there, so for streams that views read it is what the server makes of it, in ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "commands/cluster.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteSupport.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/refuse.h"
#include "flow/strangers.h"
#include "command/guard.h"
#include "command/statement.h"
#include "command/rewrite.h"

/* Of a stream that views read, which the user may alter? */
static bool
is_concerned(Oid relid)
{
	return OidIsValid(relid) &&
		object_ownercheck(RelationRelationId, relid, GetUserId()) &&
		stream_guard_is_read(relid);
}

/* ---- ALTER TABLE ---- */

/* Is it more than a constant?  What a function's volatility is, is known later. */
static bool
calls_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) || IsA(node, A_Expr) || IsA(node, SQLValueFunction))
		return true;
	return raw_expression_tree_walker(node, calls_function, context);
}

/* serial and its like are no types. */
static bool
is_serial(const TypeName *type)
{
	return list_length(type->names) == 1 &&
		strstr(strVal(linitial(type->names)), "serial") != NULL;
}

static bool
adding_rewrites(ColumnDef *def)
{
	HeapTuple	type;
	Oid			typid = InvalidOid;
	ListCell   *lc;

	if (is_serial(def->typeName))
		return true;
	type = LookupTypeName(NULL, def->typeName, NULL, true);
	if (HeapTupleIsValid(type))
	{
		typid = ((Form_pg_type) GETSTRUCT(type))->oid;
		ReleaseSysCache(type);
	}
	/* its constraints may be violated by null */
	if (OidIsValid(typid) && get_typtype(typid) == TYPTYPE_DOMAIN)
		return true;
	if (calls_function(def->raw_default, NULL))
		return true;
	foreach(lc, def->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, lc);

		if (constraint->contype == CONSTR_GENERATED ||
			constraint->contype == CONSTR_IDENTITY ||
			(constraint->contype == CONSTR_DEFAULT &&
			 calls_function(constraint->raw_expr, NULL)))
			return true;
	}
	return false;
}

/* Is the new type the old one to the byte, with no more constraints? */
static bool
retyping_rewrites(const AlterTableCmd *cmd, Oid relid)
{
	ColumnDef  *def = castNode(ColumnDef, cmd->def);
	AttrNumber	attnum = get_attnum(relid, cmd->name);
	HeapTuple	type;
	int32		typmod;
	Oid			typid;
	Oid			from;

	/* USING; or an error that the server says */
	if (def->raw_default != NULL || attnum == InvalidAttrNumber)
		return true;
	type = LookupTypeName(NULL, def->typeName, &typmod, true);
	if (!HeapTupleIsValid(type))
		return true;
	typid = ((Form_pg_type) GETSTRUCT(type))->oid;
	ReleaseSysCache(type);
	from = get_atttype(relid, attnum);
	return typmod != -1 || !IsBinaryCoercible(from, typid);
}

bool
stream_rewrite_in_alter(const AlterTableStmt *stmt, Oid relid,
						StreamTakeawayKind *kind)
{
	bool		rewrites = false;
	bool		moves = false;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddColumn)
			rewrites |= adding_rewrites(castNode(ColumnDef, cmd->def));
		else if (cmd->subtype == AT_AlterColumnType)
			rewrites |= OidIsValid(relid) && retyping_rewrites(cmd, relid);
		else if (cmd->subtype == AT_SetTableSpace)
			/* of a partitioned table, it is about partitions to come */
			moves |= get_rel_relkind(relid) == RELKIND_RELATION;
		else if (cmd->subtype == AT_SetLogged ||
				 cmd->subtype == AT_SetUnLogged)
			rewrites = true;
	}
	*kind = rewrites ? STREAM_REWRITE : STREAM_MOVE;
	return (rewrites || moves) && is_concerned(relid);
}

/* Is the column in the query of the view? */
static bool
is_in_query(Relation depend, Oid definition, Oid relid, AttrNumber attnum)
{
	Oid			rule = get_rewrite_oid(definition, "_RETURN", true);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RewriteRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(rule));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2,
							  keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->refclassid == RelationRelationId &&
			form->refobjid == relid && form->refobjsubid == attnum;
	}
	systable_endscan(scan);
	return found;
}

/* The server would name an internal relation. */
static void
refuse_retyping(const AlterTableCmd *cmd, Oid relid, const char *source)
{
	AttrNumber	attnum = get_attnum(relid, cmd->name);
	Relation	depend;
	ListCell   *lc;

	if (attnum == InvalidAttrNumber)
		return;
	depend = table_open(DependRelationId, AccessShareLock);
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (is_in_query(depend, row->definition, relid, attnum))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot alter type of a column used by a continuous view"),
					 errdetail("Column \"%s\" is in the query of continuous view \"%s\".",
							   cmd->name, get_rel_name(row->viewid)),
					 errhint("Drop the view first, and create it anew; or add another column."),
					 stream_refuse_position(source,
											castNode(ColumnDef, cmd->def)->location)));
	}
	table_close(depend, AccessShareLock);
}

void
stream_rewrite_check_types(const AlterTableStmt *stmt, Oid relid,
						   const char *source)
{
	ListCell   *lc;

	if (stmt->objtype == OBJECT_TYPE || !OidIsValid(relid) ||
		!object_ownercheck(RelationRelationId, relid, GetUserId()))
		return;
	foreach(lc, stmt->cmds)
		if (lfirst_node(AlterTableCmd, lc)->subtype == AT_AlterColumnType)
			refuse_retyping(lfirst(lc), relid, source);
}

/* ---- SET LOGGED, SET UNLOGGED ---- */

/* Does the view read other streams, too?  (One may be in its query more than once.) */
static bool
reads_others(const StreamViewRow *row, Oid relid)
{
	ListCell   *lc;

	foreach(lc, row->streams)
		if (lfirst_oid(lc) != relid)
			return true;
	return false;
}

/*
 * Can all views that read the table follow it?  Their state and their progress are logged as
 * their streams are.  So it is the only one that they read, nobody reads them, none has to advance with
 * others, and they are all the user's own.
 */
static bool
views_can_follow(Oid relid)
{
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_RELATION ||
		get_rel_relispartition(relid))
		return false;
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (list_member_oid(row->streams, relid) && !row->released &&
			(reads_others(row, relid) || OidIsValid(row->changes) ||
			 row->options.group != NULL ||
			 stream_catalog_view_owner(row->viewid) != GetUserId() ||
			 stream_guard_is_read(row->state)))
			return false;
	}
	return true;
}

bool
stream_rewrite_may_change_persistence(Oid relid)
{
	return is_concerned(relid) && views_can_follow(relid);
}

/* Has the tables of a view be like its stream, and its progress where that of such views is. */
static void
follow(StreamViewRow *row, bool unlogged, Node *stmt)
{
	AlterTableCmd *command = makeNode(AlterTableCmd);
	StreamProgress progress;
	StreamStrangers strangers = {.rows = true,
	.kept = list_make1_oid(row->viewid),.owner = stream_owner_of(row->viewid)};
	ListCell   *lc;

	/* the server refuses it while another table has rows like theirs in it */
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
		{
			LockRelationOid(lfirst_oid(lc), AccessExclusiveLock);
			strangers.parts = lappend_oid(strangers.parts, lfirst_oid(lc));
		}
	stream_strangers_drop(&strangers);
	command->subtype = unlogged ? AT_SetUnLogged : AT_SetLogged;
	foreach(lc, stream_catalog_states(row))
	{
		if (!OidIsValid(lfirst_oid(lc)))
			continue;
		EventTriggerAlterTableStart(stmt);
		AlterTableInternal(lfirst_oid(lc), list_make1(command), false);
		EventTriggerAlterTableEnd();
	}
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	stream_catalog_delete_progress(row->viewid, row->unlogged);
	row->unlogged = unlogged;
	stream_catalog_update_view(row);
	if (!STREAM_MUTATION("follow_forgotten"))
		stream_catalog_write_progress(row->viewid, unlogged, &progress);
	CacheInvalidateRelcacheByRelid(row->viewid);
	CommandCounterIncrement();
}

void
stream_rewrite_change_persistence(void *statement)
{
	StreamStatement *s = statement;
	AlterTableStmt *stmt = (AlterTableStmt *) s->pstmt->utilityStmt;
	Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, false);
	bool		unlogged;
	ListCell   *lc;

	stream_statement_pass_on(s);
	CommandCounterIncrement();
	/* others may have come before the command had its lock */
	if (!views_can_follow(relid))
		stream_guard_refuse(relid, "this form of ALTER TABLE");
	unlogged = get_rel_persistence(relid) == RELPERSISTENCE_UNLOGGED;
	foreach(lc, stream_catalog_views())
	{
		StreamViewRow *row = lfirst(lc);

		if (list_member_oid(row->streams, relid) && !row->released &&
			row->unlogged != unlogged)
			follow(row, unlogged, (Node *) stmt);
	}
}

/* ---- CLUSTER ---- */

static void
pass_on(void *statement)
{
	stream_statement_pass_on(statement);
}

void
stream_rewrite_cluster(StreamStatement *s, Oid relid)
{
	/* partitions are clustered in transactions of their own, and refused */
	if (is_concerned(relid) && get_rel_relkind(relid) == RELKIND_RELATION)
		stream_guard_rewrite(list_make1_oid(relid), STREAM_REORDER, "CLUSTER",
							 pass_on, s);
	else
		stream_statement_pass_on(s);
}

/* ---- VACUUM FULL ---- */

/* The statement has the option, and it is not off. */
static bool
has_option(const VacuumStmt *stmt, const char *name)
{
	bool		result = false;
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			result = defGetBoolean(def);
	}
	return result;
}

/*
 * The tables that have the rows of the relation.  Partitions of others are left out: the
 * server asks for the rights on each.
 */
static List *
leaves_of(Oid relid)
{
	List	   *leaves = NIL;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_RELATION)
			continue;
		if (lfirst_oid(lc) != relid &&
			!object_ownercheck(RelationRelationId, lfirst_oid(lc), GetUserId()))
			ereport(WARNING,
					(errmsg("permission denied to vacuum \"%s\", skipping it",
							get_rel_name(lfirst_oid(lc)))));
		else
			leaves = lappend_oid(leaves, lfirst_oid(lc));
	}
	return leaves;
}

/* What is written anew, and how. */
typedef struct Full
{
	List	   *leaves;
	bool		verbose;
} Full;

static void
write_anew(void *arg)
{
	Full	   *full = arg;
	ClusterParams params = {0};
	ListCell   *lc;

	if (full->verbose)
		params.options |= CLUOPT_VERBOSE;
	foreach(lc, full->leaves)
	{
		stream_compat_cluster_rel(lfirst_oid(lc), InvalidOid, &params);
		CommandCounterIncrement();
	}
}

/* What is left of the statement for tables that have been written anew. */
static void
analyze_them(StreamStatement *s, List *rels, bool verbose)
{
	StreamStatement analyze = *s;
	VacuumStmt *stmt = makeNode(VacuumStmt);

	stmt->is_vacuumcmd = false;
	stmt->rels = rels;
	if (verbose)
		stmt->options = list_make1(makeDefElem("verbose", NULL, -1));
	analyze.pstmt = copyObject(s->pstmt);
	analyze.pstmt->utilityStmt = (Node *) stmt;
	stream_statement_pass_on(&analyze);
}

void
stream_rewrite_vacuum(StreamStatement *s, VacuumStmt *stmt)
{
	Full		full = {NIL, has_option(stmt, "verbose")};
	List	   *done = NIL;
	List	   *rest = NIL;
	ListCell   *lc;

	if (!stmt->is_vacuumcmd || !has_option(stmt, "full") ||
		has_option(stmt, "skip_locked"))
		return;
	foreach(lc, stmt->rels)
	{
		VacuumRelation *rel = lfirst_node(VacuumRelation, lc);
		Oid			relid = rel->relation ?
		RangeVarGetRelid(rel->relation, NoLock, true) : rel->oid;

		if (is_concerned(relid))
		{
			full.leaves = list_concat_unique_oid(full.leaves,
												 leaves_of(relid));
			done = lappend(done, rel);
		}
		else
			rest = lappend(rest, rel);
	}
	if (done == NIL)
		return;
	stream_statement_check_may_write(s);
	PreventInTransactionBlock(s->context == PROCESS_UTILITY_TOPLEVEL,
							  "VACUUM");
	stream_guard_rewrite(full.leaves, STREAM_REWRITE, "VACUUM FULL",
						 write_anew, &full);
	if (has_option(stmt, "analyze"))
		analyze_them(s, done, full.verbose);
	stmt->rels = rest;
}
