/*-------------------------------------------------------------------------
 *
 * compat.c
 *	  Differences between PostgreSQL versions that take more than a line.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "base/compat.h"

bool
stream_compat_may_create_databases(void)
{
	HeapTuple	tuple;
	bool		result;

	if (superuser())
		return true;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	return result;
}

#if PG_VERSION_NUM >= 170000

uint32
stream_compat_wait_event(StreamCompatWait wait)
{
	static const char *const names[] = {
		[STREAM_WAIT_LAUNCHER] = "StreamingLauncherMain",
		[STREAM_WAIT_SCHEDULER] = "StreamingSchedulerMain",
		[STREAM_WAIT_WORKER] = "StreamingWorkerMain",
		[STREAM_WAIT_VIEW] = "StreamingViewCatchUp",
		[STREAM_WAIT_PROCESSES] = "StreamingProcessExit",
		[STREAM_WAIT_DEBUG_POINT] = "StreamingDebugPoint",
	};
	static uint32 events[lengthof(names)];

	if (events[wait] == 0)
		events[wait] = WaitEventExtensionNew(names[wait]);
	return events[wait];
}

#endif

#if PG_VERSION_NUM >= 180000

typedef struct LocateGroups
{
	Query	   *query;
	int			sublevels_up;	/* of the node, below the query */
} LocateGroups;

/* Gives the columns that stand for grouping expressions their location. */
static bool
locate_columns_walker(Node *node, LocateGroups *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		RangeTblEntry *rte;

		if (var->varlevelsup != context->sublevels_up || var->location >= 0)
			return false;
		rte = rt_fetch(var->varno, context->query->rtable);
		if (rte->rtekind == RTE_GROUP)
			var->location = exprLocation(list_nth(rte->groupexprs,
												  var->varattno - 1));
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		context->sublevels_up++;
		result = query_tree_walker((Query *) node, locate_columns_walker,
								   context, 0);
		context->sublevels_up--;
		return result;
	}
	return expression_tree_walker(node, locate_columns_walker, context);
}

static bool
locate_groups_walker(Node *node, void *unused)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		LocateGroups context = {(Query *) node, 0};

		if (context.query->hasGroupRTE)
			query_tree_walker(context.query, locate_columns_walker, &context,
							  0);
		return query_tree_walker(context.query, locate_groups_walker, unused,
								 0);
	}
	return expression_tree_walker(node, locate_groups_walker, unused);
}

void
stream_compat_locate_groups(Query *query)
{
	locate_groups_walker((Node *) query, NULL);
}

void
stream_compat_flatten_groups(Query *query)
{
	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *)
		flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);

	/* the parser adds it last */
	Assert(llast_node(RangeTblEntry, query->rtable)->rtekind == RTE_GROUP);
	query->rtable = list_truncate(query->rtable,
								  list_length(query->rtable) - 1);
	query->hasGroupRTE = false;
}

#endif

#if PG_VERSION_NUM >= 160000

/* The expression with a value where it tests one. */
static Node *
value_mutator(Node *node, void *value)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return value;
	return expression_tree_mutator(node, value_mutator, value);
}

static Node *
plain_json_mutator(Node *node, void *unused)
{
	JsonConstructorExpr *json = (JsonConstructorExpr *) node;

	if (node == NULL)
		return NULL;
	if (!IsA(node, JsonConstructorExpr) || json->func == NULL ||
		!IsA(json->func, Aggref))
		return expression_tree_mutator(node, plain_json_mutator, unused);
	return json->coercion ?
		value_mutator((Node *) json->coercion, json->func) :
		(Node *) json->func;
}

Node *
stream_compat_plain_json(Node *node)
{
	return plain_json_mutator(node, NULL);
}

#endif
