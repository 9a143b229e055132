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
 * What they are written in counts where one view must not hold up another: a function in a
 * language of users can refuse to be canceled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

#include "base/compat.h"
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

/* ---- what they are written in ---- */

static bool is_not_c(Oid funcid, void *context);

/* Is the aggregate made of one? */
static bool
has_not_c(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(funcid));
	Form_pg_aggregate agg;
	bool		found;

	if (!HeapTupleIsValid(tuple))
		return true;
	agg = (Form_pg_aggregate) GETSTRUCT(tuple);
	found = is_not_c(agg->aggtransfn, NULL) || is_not_c(agg->aggfinalfn, NULL) ||
		is_not_c(agg->aggcombinefn, NULL) || is_not_c(agg->aggserialfn, NULL) ||
		is_not_c(agg->aggdeserialfn, NULL) || is_not_c(agg->aggmtransfn, NULL) ||
		is_not_c(agg->aggminvtransfn, NULL) || is_not_c(agg->aggmfinalfn, NULL);
	ReleaseSysCache(tuple);
	return found;
}

static bool
is_not_c(Oid funcid, void *context)
{
	HeapTuple	tuple;
	Form_pg_proc proc;
	bool		found;

	if (!OidIsValid(funcid))
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return true;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prokind == PROKIND_AGGREGATE)
		found = has_not_c(funcid);
	else
		found = proc->prolang != INTERNALlanguageId &&
			proc->prolang != ClanguageId;
	ReleaseSysCache(tuple);
	return found;
}

/* A domain has constraints, which call functions. */
static bool
not_c_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) ||
		check_functions_in_node(node, is_not_c, NULL))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, not_c_walker, context, 0);
	return expression_tree_walker(node, not_c_walker, context);
}

bool
stream_trust_only_c(Query *rewritten)
{
	return !not_c_walker((Node *) rewritten, NULL);
}
