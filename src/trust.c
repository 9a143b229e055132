/*-------------------------------------------------------------------------
 *
 * trust.c
 *	  Whose functions a view runs that its owner has not asked for.
 *
 * Who queries a table or a view of somebody else runs that one's functions with
 * his own rights: those in the view, in policies, and in expressions of indexes,
 * constraints and statistics, which the planner evaluates where they are constant.
 * With an ordinary query one knows what one does, and when.  A continuous view
 * does it for ever, by itself; whoever owns the functions may replace them any
 * time.  So a role with more rights does not get into that unasked, as the appliers
 * of logical replication do not run triggers of a less trusted owner as superuser.
 *
 * A function is asked for if the view's own query names it.  The others must be of
 * owners whom the view's owner can trust: superusers, himself, and roles that can
 * act as he does anyway.  All this is only for owners who have more rights than the
 * function's; among equals the rules of PostgreSQL are as they always are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "owner.h"
#include "trust.h"

/* What a tree calls. */
typedef struct Calls
{
	List	   *functions;		/* OIDs */
	List	   *domains;		/* OIDs: their constraints are checked */
	List	   *relations;		/* OIDs */
} Calls;

static bool
note_function(Oid function, void *context)
{
	Calls	   *calls = context;

	calls->functions = list_append_unique_oid(calls->functions, function);
	return false;
}

static bool
calls_walker(Node *node, Calls *calls)
{
	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, note_function, calls);
	if (IsA(node, CoerceToDomain))
		calls->domains =
			list_append_unique_oid(calls->domains,
								   ((CoerceToDomain *) node)->resulttype);
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION && rte->relkind != RELKIND_VIEW)
			calls->relations = list_append_unique_oid(calls->relations,
													  rte->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_walker, calls,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, calls_walker, calls);
}

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
		ROLE_PG_READ_ALL_DATA, ROLE_PG_WRITE_ALL_DATA,
		ROLE_PG_READ_SERVER_FILES, ROLE_PG_WRITE_SERVER_FILES,
		ROLE_PG_EXECUTE_SERVER_PROGRAM
	};

	for (int i = 0; i < lengthof(powerful); i++)
		if (has_privs_of_role(role, powerful[i]) &&
			!has_privs_of_role(other, powerful[i]))
			return true;
	return false;
}

/* Has the current user rights that the role has not? */
static bool
has_more_rights(Oid other)
{
	Oid			me = GetUserId();

	if (superuser_arg(other) || has_privs_of_role(other, me))
		return false;
	return superuser_arg(me) || has_privs_of_role(me, other) ||
		(attributes_of(me) & ~attributes_of(other)) != 0 ||
		has_more_roles(me, other);
}

static Oid
owner_of_function(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
check_functions(List *functions, List *asked_for)
{
	ListCell   *lc;

	foreach(lc, functions)
	{
		Oid			function = lfirst_oid(lc);
		Oid			owner;

		if (list_member_oid(asked_for, function))
			continue;
		owner = owner_of_function(function);
		if (has_more_rights(owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("function %s of role \"%s\" would be run with the rights of role \"%s\"",
							format_procedure(function),
							GetUserNameFromId(owner, false),
							GetUserNameFromId(GetUserId(), false)),
					 errdetail("It belongs to a view, a policy, an index or a constraint that the query of the continuous view reads."),
					 errhint("Have a role own the continuous view that has no more rights than that, or set streaming.trust_functions to on.")));
	}
}

/* ---- expressions that relations and domains bring along ---- */

static bool
is_sql_function(Oid function, void *context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Notes what the planner evaluates of an expression that is not part of the
 * query: calls without columns, and whatever it may inline.
 */
static bool
evaluated_walker(Node *node, Calls *calls)
{
	if (node == NULL)
		return false;
	if (!contain_var_clause(node) ||
		check_functions_in_node(node, is_sql_function, NULL))
		(void) check_functions_in_node(node, note_function, calls);
	return expression_tree_walker(node, evaluated_walker, calls);
}

/* An expression of a table, as the catalogs store them. */
static void
add_stored_expression(Datum stored, bool isnull, Calls *calls)
{
	if (!isnull)
		evaluated_walker(stringToNode(TextDatumGetCString(stored)), calls);
}

/* One that a catalog row holds. */
static void
add_expression_of(int cache, Oid key, AttrNumber column, Calls *calls)
{
	HeapTuple	tuple = SearchSysCache1(cache, ObjectIdGetDatum(key));
	bool		isnull;
	Datum		stored;

	if (!HeapTupleIsValid(tuple))
		return;
	stored = SysCacheGetAttr(cache, tuple, column, &isnull);
	add_stored_expression(stored, isnull, calls);
	ReleaseSysCache(tuple);
}

static void
add_relation(Oid relid, Calls *calls)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	TupleConstr *constr;
	ListCell   *lc;

	if (rel == NULL)
		return;
	foreach(lc, RelationGetIndexList(rel))
	{
		add_expression_of(INDEXRELID, lfirst_oid(lc), Anum_pg_index_indexprs,
						  calls);
		add_expression_of(INDEXRELID, lfirst_oid(lc), Anum_pg_index_indpred,
						  calls);
	}
	foreach(lc, RelationGetStatExtList(rel))
		add_expression_of(STATEXTOID, lfirst_oid(lc),
						  Anum_pg_statistic_ext_stxexprs, calls);
	add_expression_of(PARTRELID, relid, Anum_pg_partitioned_table_partexprs,
					  calls);
	constr = RelationGetDescr(rel)->constr;
	for (int i = 0; constr && i < constr->num_check; i++)
		evaluated_walker(stringToNode(constr->check[i].ccbin), calls);
	relation_close(rel, NoLock);
}

/* What an owner with less rights may have put there. */
static void
add_relations(List *relids, Calls *calls)
{
	ListCell   *lc;
	ListCell   *lp;

	foreach(lc, relids)
	{
		if (!has_more_rights(stream_owner_of(lfirst_oid(lc))))
			continue;
		foreach(lp, find_all_inheritors(lfirst_oid(lc), NoLock, NULL))
			add_relation(lfirst_oid(lp), calls);
	}
}

/* The constraints of one domain. */
static void
add_domain_constraints(Oid domain, Calls *calls)
{
	Relation	rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	scan = systable_beginscan(rel, ConstraintTypidIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		stored = heap_getattr(tuple, Anum_pg_constraint_conbin,
										  RelationGetDescr(rel), &isnull);

		if (!isnull)
			calls_walker(stringToNode(TextDatumGetCString(stored)), calls);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/*
 * Those of a domain and of the domains that it is made of.  (The type cache
 * would plan them, which is what we are here to prevent.)
 */
static void
add_domain(Oid type, Calls *calls)
{
	while (OidIsValid(type) && get_typtype(type) == TYPTYPE_DOMAIN)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for type %u", type);
		add_domain_constraints(type, calls);
		type = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
	}
}

void
stream_trust_check(Query *written, Query *rewritten)
{
	Calls		asked_for = {NIL};
	Calls		calls = {NIL};
	ListCell   *lc;

	calls_walker((Node *) written, &asked_for);
	calls_walker((Node *) rewritten, &calls);
	add_relations(calls.relations, &calls);
	foreach(lc, calls.domains)
		add_domain(lfirst_oid(lc), &calls);
	check_functions(calls.functions, asked_for.functions);
}
