/*-------------------------------------------------------------------------
 *
 * trust.c
 *	  Whose functions a view runs that its owner has not asked for.
 *
 * Who queries a table or a view of somebody else runs that one's functions with
 * his own rights: those in the view, in policies, in expressions of indexes,
 * constraints and statistics, which the planner evaluates where they are constant,
 * in constraints of domains, in operators and range types.  With an ordinary query
 * one knows what one does, and when.  A continuous view does it for ever, by itself;
 * whoever owns the relation may change all of that any time.  So a role with more
 * rights does not get into that unasked, as the appliers of logical replication do
 * not act as superuser on a less trusted owner's table.
 *
 * There are too many ways to list them: what counts is whose the relations are.
 * The owner of a view can trust those of superusers, his own, and those of roles
 * that can act as he does anyway.  All this is only for owners who have more rights
 * than the relation's; among equals the rules of PostgreSQL are as they always are.
 * Functions that the view's own query names are asked for, whoever owns them.
 *
 * Whose code it is counts, too, where one view must not hold up another: a function in a
 * language of users can refuse to be canceled.  There are many ways to run one, of which
 * functions of the server that take a query are some, and types are others, with operators,
 * constraints and input functions of their own.  So it is said what is known to run none: functions
 * and types of the server, less some, and ours.  (Aggregates of users are not, whatever they are made of.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/owner.h"
#include "query/trust.h"

/* ---- whom to trust ---- */

/* The attributes of a role that make it more than others, as bits. */
static int
attributes_of(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	Form_pg_authid form;
	int			bits;

	if (!HeapTupleIsValid(tuple))
		return 0;
	form = (Form_pg_authid) GETSTRUCT(tuple);
	bits = (form->rolcreaterole ? 1 : 0) | (form->rolbypassrls ? 2 : 0) |
		(form->rolreplication ? 4 : 0) | (form->rolcreatedb ? 8 : 0);
	ReleaseSysCache(tuple);
	return bits;
}

/* Has the role one of the server's own roles that the other has not? */
static bool
has_more_roles(Oid role, Oid other)
{
	static const Oid powerful[] = {
		ROLE_PG_DATABASE_OWNER,
		ROLE_PG_READ_ALL_DATA, ROLE_PG_WRITE_ALL_DATA,
		ROLE_PG_READ_SERVER_FILES, ROLE_PG_WRITE_SERVER_FILES,
		ROLE_PG_EXECUTE_SERVER_PROGRAM, ROLE_PG_MONITOR,
		ROLE_PG_READ_ALL_SETTINGS, ROLE_PG_READ_ALL_STATS,
		ROLE_PG_STAT_SCAN_TABLES, ROLE_PG_SIGNAL_BACKEND, ROLE_PG_CHECKPOINT,
#ifdef ROLE_PG_CREATE_SUBSCRIPTION
		ROLE_PG_CREATE_SUBSCRIPTION, ROLE_PG_USE_RESERVED_CONNECTIONS,
#endif
#ifdef ROLE_PG_MAINTAIN
		ROLE_PG_MAINTAIN,
#endif
#ifdef ROLE_PG_SIGNAL_AUTOVACUUM_WORKER
		ROLE_PG_SIGNAL_AUTOVACUUM_WORKER,
#endif
	};

	for (int i = 0; i < lengthof(powerful); i++)
		if (has_privs_of_role(role, powerful[i]) &&
			!has_privs_of_role(other, powerful[i]))
			return true;
	return false;
}

/* Can the role do what a superuser may by owning it, for it is a member of one's role? */
static bool
is_of_superuser(Oid role)
{
	CatCList   *memberships = SearchSysCacheList1(AUTHMEMMEMROLE,
												  ObjectIdGetDatum(role));
	bool		found = false;

	check_stack_depth();
	for (int i = 0; !found && i < memberships->n_members; i++)
	{
		HeapTuple	tuple = &memberships->members[i]->tuple;
		Oid			group = ((Form_pg_auth_members) GETSTRUCT(tuple))->roleid;

		found = has_privs_of_role(role, group) &&
			(superuser_arg(group) || is_of_superuser(group));
	}
	ReleaseSysCacheList(memberships);
	return found;
}

/* Has the current user rights that the role has not? */
static bool
has_more_rights(Oid other)
{
	Oid			me = GetUserId();

	if (superuser_arg(other) || has_privs_of_role(other, me))
		return false;
	return superuser_arg(me) || has_privs_of_role(me, other) ||
		(is_of_superuser(me) && !is_of_superuser(other)) ||
		(attributes_of(me) & ~attributes_of(other)) != 0 ||
		has_more_roles(me, other);
}

static void
check_relation(Oid relid)
{
	Oid			owner = stream_owner_of(relid);

	if (has_more_rights(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a continuous view of role \"%s\" does not read \"%s\" of role \"%s\"",
						GetUserNameFromId(GetUserId(), false),
						get_rel_name(relid),
						GetUserNameFromId(owner, false)),
				 errdetail("It would run functions of that role, in views, policies, indexes and constraints, with the rights of the view's owner, who has more."),
				 errhint("Have a role own the continuous view that has no more rights than that, or set streaming.trust_functions to on.")));
}

/*
 * Partitions may have owners of their own; and what is above one decides about its
 * indexes and triggers.
 */
static void
check_family(Oid relid)
{
	List	   *members = find_all_inheritors(relid, NoLock, NULL);
	ListCell   *lc;

	if (get_rel_relispartition(relid))
		members = list_concat(members, get_partition_ancestors(relid));
	foreach(lc, members)
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			check_relation(lfirst_oid(lc));
}

/* Views leave their names in the range table when they are expanded. */
static bool
trust_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		Oid			relid = ((RangeTblEntry *) node)->relid;

		if (OidIsValid(relid))
			check_family(relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, trust_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, trust_walker, context);
}

void
stream_trust_check(Query *rewritten)
{
	trust_walker((Node *) rewritten, NULL);
}

/* (They may have been made before the view had its owner.) */
void
stream_trust_check_triggers(Relation rel)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];
		Oid			owner = stream_owner_of_function(trigger->tgfoid);

		if (has_more_rights(owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("a continuous view of role \"%s\" does not fire trigger \"%s\" with a function of role \"%s\"",
							GetUserNameFromId(GetUserId(), false),
							trigger->tgname,
							GetUserNameFromId(owner, false)),
					 errdetail("It would run that function with the rights of the view's owner, who has more."),
					 errhint("Drop the trigger, have a role own the function that has as many rights, or set streaming.trust_functions to on.")));
	}
}

/* ---- whose code they run ---- */

/* Is that type the server's own, or made of nothing else: has it no code of users? */
static bool
is_plain_type(Oid type)
{
	Oid			element = get_element_type(type);

	if (OidIsValid(element))
		return is_plain_type(element);
	switch (type)
	{
		case XMLOID:			/* a library that is not interrupted */
		case REGCONFIGOID:
		case REGDICTIONARYOID:	/* which say what functions to call */
			return false;
		case INTERNALOID:
		case UNKNOWNOID:
		case CSTRINGOID:
		case VOIDOID:
			return true;
	}
	switch (get_typtype(type))
	{
		case TYPTYPE_ENUM:
			return true;
		case TYPTYPE_BASE:
		case TYPTYPE_RANGE:
		case TYPTYPE_MULTIRANGE:
			return type < FirstUnpinnedObjectId;
		default:
			return false;
	}
}

/* Is a function that is stable so because of the time zone, or of the time? */
static bool
is_about_time(Form_pg_proc proc)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(proc->prorettype, &category, &preferred);
	for (int i = 0; i < proc->proargtypes.dim1 &&
		 category != TYPCATEGORY_DATETIME &&
		 category != TYPCATEGORY_TIMESPAN; i++)
		get_type_category_preferred(proc->proargtypes.values[i], &category,
									&preferred);
	return category == TYPCATEGORY_DATETIME || category == TYPCATEGORY_TIMESPAN;
}

/*
 * Those of the server, and ours, that are immutable run nothing but what their types say.  Some
 * that are not run any query, whatever language they are in: query_to_xml, ts_rewrite, ts_stat.
 */
static bool
is_not_plain(Oid funcid, void *context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc proc;
	bool		plain;

	if (!HeapTupleIsValid(tuple))
		return true;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	plain = (proc->prolang == INTERNALlanguageId ||
			 proc->prolang == ClanguageId) &&
		(proc->provolatile == PROVOLATILE_IMMUTABLE ||
		 (proc->provolatile == PROVOLATILE_STABLE && is_about_time(proc))) &&
		(funcid < FirstUnpinnedObjectId ||
		 getExtensionOfObject(ProcedureRelationId, funcid) ==
		 get_extension_oid("streaming", true));
	ReleaseSysCache(tuple);
	return !plain && !STREAM_MUTATION("bundle_any_function");
}

/* Rows are sorted, or told apart, by functions of the families that the operator is in. */
static bool
is_plain_operator(Oid operator)
{
	CatCList   *families;
	bool		plain;

	if (!OidIsValid(operator))
		return true;
	plain = !is_not_plain(get_opcode(operator), NULL);
	families = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	for (int i = 0; plain && i < families->n_members; i++)
	{
		HeapTuple	tuple = &families->members[i]->tuple;

		plain = ((Form_pg_amop) GETSTRUCT(tuple))->amopfamily <
			FirstUnpinnedObjectId;
	}
	ReleaseSysCacheList(families);
	return plain;
}

/* Of a member of FROM, but for what is below it. */
static bool
is_plain_member(const RangeTblEntry *rte)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (rte->rtekind == RTE_TABLEFUNC || rte->tablesample)
		return false;
	foreach(lc, rte->functions)
		foreach(lc2, lfirst_node(RangeTblFunction, lc)->funccoltypes)
			if (!is_plain_type(lfirst_oid(lc2)))
				return false;
	return true;
}

/* Of a node, but for what is below it. */
static bool
is_plain_node(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_OpExpr:
		case T_NullIfExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
			if (!is_plain_type(exprType(node)))
				return false;
			break;
		case T_CoerceToDomain:
		case T_XmlExpr:
		case T_TableFunc:
		case T_NextValueExpr:
			return false;
		case T_SortGroupClause:
			return is_plain_operator(((SortGroupClause *) node)->eqop) &&
				is_plain_operator(((SortGroupClause *) node)->sortop);
		case T_WindowClause:
			{
				WindowClause *window = (WindowClause *) node;

				return (!OidIsValid(window->startInRangeFunc) ||
						!is_not_plain(window->startInRangeFunc, NULL)) &&
					(!OidIsValid(window->endInRangeFunc) ||
					 !is_not_plain(window->endInRangeFunc, NULL));
			}
		case T_RangeTblEntry:
			return is_plain_member((RangeTblEntry *) node);
		default:
			break;
	}
	return !check_functions_in_node(node, is_not_plain, NULL);
}

static bool
not_plain_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (!is_plain_node(node))
		return true;
	if (IsA(node, RangeTblEntry))
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, not_plain_walker, context,
								 QTW_EXAMINE_RTES_BEFORE |
								 QTW_EXAMINE_SORTGROUP);
	return expression_tree_walker(node, not_plain_walker, context);
}

bool
stream_trust_is_plain(Query *rewritten)
{
	return !not_plain_walker((Node *) rewritten, NULL);
}

bool
stream_trust_indexes_are_plain(Relation rel)
{
	bool		plain = true;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		bool		isnull;
		oidvector  *classes;

		if (!HeapTupleIsValid(tuple))
			return false;
		classes = (oidvector *)
			DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple,
											Anum_pg_index_indclass, &isnull));
		for (int i = 0; i < classes->dim1; i++)
			plain &= classes->values[i] < FirstUnpinnedObjectId;
		ReleaseSysCache(tuple);
	}
	return plain;
}
