/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  Which streams a query reads, and whether it reads them row by row.
 *
 * Below the aggregation everything must be row by row: the result over two sets of rows
 * is the results over each, put together.  So the stream is read once, on the
 * preserved side of outer joins, through sub-selects that do no more than
 * filter and compute.  This is checked on the rewritten query, where views
 * and row-level security have been expanded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "am.h"
#include "analyze.h"
#include "refuse.h"

/* Is it a stream, or a partitioned table that has streams for leaves? */
static bool
is_stream(Oid relid)
{
	List	   *leaves;
	ListCell   *lc;

	if (get_rel_relkind(relid) == RELKIND_RELATION)
		return stream_am_relid_is_stream(relid);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	leaves = find_all_inheritors(relid, NoLock, NULL);
	foreach(lc, leaves)
		if (stream_am_relid_is_stream(lfirst_oid(lc)))
			return true;
	return list_length(leaves) == 1;
}

/* Adds the leaves of one stream; counts those that are unlogged. */
static void
add_leaves(Oid stream, LOCKMODE lockmode, List **leaves, int *nunlogged)
{
	List	   *all = find_all_inheritors(stream, lockmode, NULL);
	ListCell   *lc;

	if (list_length(all) > 1 &&
		get_rel_relkind(stream) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("stream \"%s\" has child tables by inheritance",
						get_rel_name(stream)),
				 errdetail("A continuous view cannot read them."),
				 errhint("Use a partitioned table.")));
	foreach(lc, all)
	{
		Oid			relid = lfirst_oid(lc);
		char		relkind = get_rel_relkind(relid);

		/* without a lock, one may just have been dropped */
		if (relkind == RELKIND_PARTITIONED_TABLE || relkind == '\0')
			continue;
		if (!stream_am_relid_is_stream(relid))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("partition \"%s\" of stream \"%s\" is not a stream",
							get_rel_name(relid), get_rel_name(stream)),
					 errhint("Create partitions with USING stream.")));
		if (get_rel_persistence(relid) == RELPERSISTENCE_UNLOGGED)
			(*nunlogged)++;
		*leaves = lappend_oid(*leaves, relid);
	}
}

List *
stream_analyze_leaves(List *streams, LOCKMODE lockmode, bool *unlogged)
{
	List	   *leaves = NIL;
	int			nunlogged = 0;
	ListCell   *lc;

	foreach(lc, streams)
		add_leaves(lfirst_oid(lc), lockmode, &leaves, &nunlogged);
	if (nunlogged > 0 && nunlogged < list_length(leaves))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 list_length(streams) == 1 ?
				 errmsg("stream \"%s\" has both logged and unlogged partitions",
						get_rel_name(linitial_oid(streams))) :
				 errmsg("a continuous view cannot read both logged and unlogged streams"),
				 errhint("Make all logged, or all unlogged.")));
	*unlogged = nunlogged > 0;
	return leaves;
}

typedef struct FindStream
{
	const char *source;
	List	   *streams;		/* OIDs of those reached through FROM */
	int			reached;		/* streams reached through FROM */
	int			total;			/* streams anywhere */
} FindStream;

static bool check_from(Query *query, Node *jtnode, FindStream *context);

/* Counts the streams at any depth. */
static bool
count_streams_walker(Node *node, FindStream *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if ((rte->rtekind == RTE_RELATION && is_stream(rte->relid)) ||
			rte->rtekind == RTE_NAMEDTUPLESTORE)
			context->total++;
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, count_streams_walker,
								 context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, count_streams_walker, context);
}

bool
stream_analyze_has_stream(void *node)
{
	FindStream	context = {0};

	count_streams_walker(node, &context);
	return context.total > 0;
}

typedef struct SystemColumns
{
	Index		varno;
	Index		sublevels_up;
	const char *source;
} SystemColumns;

/* The system columns of a row change when it is frozen; but not these. */
static bool
system_columns_walker(Node *node, SystemColumns *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == context->varno &&
			var->varlevelsup == context->sublevels_up && var->varattno < 0 &&
			var->varattno != TableOidAttributeNumber &&
			var->varattno != SelfItemPointerAttributeNumber)
			stream_refuse("system columns of a stream other than tableoid and ctid are",
				   node, context->source,
				   "Store what you need in a column of the stream.");
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		context->sublevels_up++;
		result = query_tree_walker((Query *) node, system_columns_walker,
								   context, 0);
		context->sublevels_up--;
		return result;
	}
	return expression_tree_walker(node, system_columns_walker, context);
}

static void check_subselect(Query *query, FindStream *context);

/* UNION ALL of streams, nested as it may be. */
static void
check_union(Query *query, Node *node, FindStream *context)
{
	SetOperationStmt *operation;
	Query	   *part;

	if (IsA(node, RangeTblRef))
	{
		part = rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable)->subquery;
		if (!stream_analyze_has_stream(part))
			stream_refuse("UNION ALL of a stream and something else is",
						  part->targetList, context->source,
						  "Each part must read a stream; insert the other rows into one.");
		check_subselect(part, context);
		return;
	}
	operation = castNode(SetOperationStmt, node);
	if (operation->op != SETOP_UNION || !operation->all)
		stream_refuse("UNION, INTERSECT or EXCEPT over streams is",
					  query->targetList, context->source,
					  "Only UNION ALL is; put DISTINCT over it for UNION.");
	check_union(query, operation->larg, context);
	check_union(query, operation->rarg, context);
}

/* A sub-select that reads the stream may only filter and compute. */
static void
check_subselect(Query *query, FindStream *context)
{
	if (query->hasAggs || query->groupClause || query->groupingSets ||
		query->havingQual)
		stream_refuse("aggregation in a sub-select over the stream is",
			   (Node *) query->targetList, context->source,
			   "Aggregate in the outermost SELECT only.");
	if (query->distinctClause)
		stream_refuse("DISTINCT in a sub-select over the stream is",
			   (Node *) query->targetList, context->source,
			   "Use GROUP BY in the outermost SELECT.");
	if (query->hasWindowFuncs)
		stream_refuse("a window function in a sub-select over the stream is",
			   (Node *) query->targetList, context->source,
			   "Window functions are for the outermost SELECT, over its aggregates.");
	if (query->limitCount || query->limitOffset)
		stream_refuse("LIMIT in a sub-select over the stream is",
			   query->limitCount ? query->limitCount : query->limitOffset,
			   context->source,
			   "LIMIT is for the outermost SELECT.");
	if (query->rowMarks)
		stream_refuse("FOR UPDATE or FOR SHARE is", NULL, context->source,
			   "Leave the clause out.");
	if (query->setOperations)
	{
		check_union(query, query->setOperations, context);
		return;
	}
	check_from(query, (Node *) query->jointree, context);
}

/* A member of FROM; true if it reads the stream. */
static bool
check_range(Query *query, int rtindex, FindStream *context)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

	if (rte->rtekind == RTE_SUBQUERY)
	{
		if (!stream_analyze_has_stream(rte->subquery))
			return false;
		check_subselect(rte->subquery, context);
		return true;
	}
	if (rte->rtekind == RTE_NAMEDTUPLESTORE)
	{
		/* what an operator below hands on is as good as a stream */
		context->reached++;
		return true;
	}
	if (rte->rtekind != RTE_RELATION || !is_stream(rte->relid))
		return false;
	if (rte->tablesample)
		stream_refuse("TABLESAMPLE of a stream is",
			   (Node *) rte->tablesample->args, context->source,
			   "Choose rows by a condition in WHERE.");
	if (!rte->inh && get_rel_relkind(rte->relid) != RELKIND_RELATION)
		stream_refuse("ONLY of a partitioned stream is", NULL, context->source,
			   "Leave ONLY out.");
	else
	{
		SystemColumns columns = {rtindex, 0, context->source};

		query_tree_walker(query, system_columns_walker, &columns, 0);
	}
	if (list_member_oid(context->streams, rte->relid))
		stream_refuse(psprintf("reading stream \"%s\" twice is",
							   get_rel_name(rte->relid)), NULL,
					  context->source,
					  "Read it once, with a condition that covers both.");
	context->streams = lappend_oid(context->streams, rte->relid);
	context->reached++;
	return true;
}

static bool
check_join(Query *query, JoinExpr *join, FindStream *context)
{
	bool		left = check_from(query, join->larg, context);
	bool		right = check_from(query, join->rarg, context);

	if ((join->jointype == JOIN_LEFT && right) ||
		(join->jointype == JOIN_RIGHT && left) ||
		(join->jointype == JOIN_FULL && (left || right)))
		stream_refuse("an outer join that makes up rows for the stream is",
			   join->quals, context->source,
			   "Put the stream on the side of the join whose rows are all kept.");
	if (left && right)
		stream_refuse("joining streams is", join->quals, context->source,
					  "Create one continuous view for each stream, or read both with UNION ALL.");
	return left || right;
}

/* Checks a part of FROM; true if it reads the stream. */
static bool
check_from(Query *query, Node *jtnode, FindStream *context)
{
	bool		found = false;
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return check_range(query, ((RangeTblRef *) jtnode)->rtindex, context);
	if (IsA(jtnode, JoinExpr))
		return check_join(query, (JoinExpr *) jtnode, context);
	foreach(lc, castNode(FromExpr, jtnode)->fromlist)
	{
		if (!check_from(query, lfirst(lc), context))
			continue;
		if (found)
			stream_refuse("joining streams is", NULL, context->source,
						  "Create one continuous view for each stream, or read both with UNION ALL.");
		found = true;
	}
	return found;
}

/* Finds the WITH query or the sub-select of an expression with a stream. */
static bool
hidden_stream_walker(Node *node, Node **found)
{
	Node	   *query = NULL;

	if (node == NULL)
		return false;
	if (IsA(node, CommonTableExpr))
		query = ((CommonTableExpr *) node)->ctequery;
	if (IsA(node, SubLink))
		query = ((SubLink *) node)->subselect;
	if (query && stream_analyze_has_stream((Query *) query))
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, hidden_stream_walker, found,
								 0);
	return expression_tree_walker(node, hidden_stream_walker, found);
}

static bool
is_volatile(Oid function, void *context)
{
	return func_volatile(function) == PROVOLATILE_VOLATILE;
}

/* Finds the first call of a volatile function. */
static bool
volatile_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_volatile, NULL) ||
		IsA(node, NextValueExpr))
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, volatile_walker, found, 0);
	return expression_tree_walker(node, volatile_walker, found);
}

List *
stream_analyze_streams(Query *delta, const char *source)
{
	FindStream	context = {.source = source};
	Node	   *culprit = NULL;

	check_from(delta, (Node *) delta->jointree, &context);
	count_streams_walker((Node *) delta, &context);
	if (context.total == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a continuous view must read a stream"),
				 errhint("Create the table with USING stream.")));
	if (context.total > context.reached)
	{
		hidden_stream_walker((Node *) delta, &culprit);
		stream_refuse("reading a stream in WITH or in a sub-select of an expression is",
			   culprit, source,
			   "Name the stream in FROM.");
	}
	if (volatile_walker((Node *) delta, &culprit))
		stream_refuse("a volatile function below the aggregation is", culprit, source,
			   "Its result would depend on when a batch runs; store the value in the stream instead, for example with a column default.");
	return context.streams;
}
