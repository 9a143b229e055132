/*-------------------------------------------------------------------------
 *
 * sight.c
 *	  What a query lets the owner of a view see of its inputs.
 *
 * Rows that a view does not take are put aside for its owner to look at, and he
 * must not learn from them what he may not read.  Where the query names a stream
 * itself, his privileges on the columns say that (watermark.c asks for them at
 * the time).  Where another's view stands in between, these are that one's
 * privileges, and what the owner may see is what comes out of the view: columns
 * of the stream that every query on the way hands on as they are, up to one that
 * is used by the query around.
 *
 * Rows are hidden by row-level security, whose conditions the planner has on the
 * stream itself, and by views that are security barriers.  The condition of such a
 * view is made one of the stream itself, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "time/watermark.h"
#include "query/analyze.h"
#include "query/sight.h"

/* What is between the query at hand and the outermost one. */
typedef struct Around
{
	bool		outermost;		/* nothing */
	bool		barrier;		/* its innermost is a security barrier */
	bool		guarded;		/* one of the others is */
	bool		hidden;			/* ... and does more than restrict the stream */
} Around;

static void look_through(Query *query, Bitmapset *outputs, Around around,
						 StreamSight **sights);

typedef struct UsedColumns
{
	Query	   *query;			/* the outermost one */
	int			rtindex;
	int			sublevels_up;
	Bitmapset  *columns;		/* attribute numbers; 0: the whole row */
} UsedColumns;

static bool used_columns_walker(Node *node, UsedColumns *used);

/* A column of a join is one of its members, or is made of some; the others are not used. */
static void
look_behind_alias(Var *var, UsedColumns *used)
{
	List	   *columns = rt_fetch(var->varno, used->query->rtable)->joinaliasvars;
	UsedColumns behind = *used;

	behind.sublevels_up = 0;
	if (var->varattno > 0)
		(void) used_columns_walker(list_nth(columns, var->varattno - 1),
								   &behind);
	else if (var->varattno == 0)
		(void) used_columns_walker((Node *) columns, &behind);
	used->columns = behind.columns;
}

static bool
used_columns_walker(Node *node, UsedColumns *used)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup != used->sublevels_up)
			return false;
		if (var->varno == used->rtindex && var->varattno >= 0)
			used->columns = bms_add_member(used->columns, var->varattno);
		else if (rt_fetch(var->varno, used->query->rtable)->rtekind == RTE_JOIN)
			look_behind_alias(var, used);
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		used->sublevels_up++;
		result = query_tree_walker((Query *) node, used_columns_walker, used,
								   QTW_IGNORE_JOINALIASES);
		used->sublevels_up--;
		return result;
	}
	return expression_tree_walker(node, used_columns_walker, used);
}

/* The columns of a member of FROM that the query uses anywhere. */
static Bitmapset *
used_columns(Query *query, int rtindex)
{
	UsedColumns used = {query, rtindex, 0, NULL};

	query_tree_walker(query, used_columns_walker, &used,
					  QTW_IGNORE_JOINALIASES);
	/* what UNION ALL hands on is said of its first part only */
	if (bms_is_member(0, used.columns) || query->setOperations)
		used.columns = bms_add_range(used.columns, 1,
									 list_length(rt_fetch(rtindex, query->rtable)->eref->colnames));
	return used.columns;
}

/*
 * The columns of a member of FROM that the query hands on as they are, in one of
 * its outputs.
 */
static Bitmapset *
handed_on(Query *query, int rtindex, Bitmapset *outputs)
{
	Bitmapset  *result = NULL;
	ListCell   *lc;

	/* the outputs of UNION ALL are those of its parts */
	if (query->setOperations)
		return outputs;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Var		   *var;

		if (tle->resjunk || !bms_is_member(tle->resno, outputs))
			continue;
		var = (Var *) stream_compat_flatten_join_alias_vars(NULL, query,
															(Node *) tle->expr);
		if (IsA(var, Var) && var->varno == rtindex &&
			var->varlevelsup == 0 && var->varattno > 0)
			result = bms_add_member(result, var->varattno);
	}
	return result;
}

/* The only member of the query's FROM, or 0. */
static int
only_member(Query *query)
{
	List	   *from = query->jointree->fromlist;

	if (list_length(from) != 1 || !IsA(linitial(from), RangeTblRef))
		return 0;
	return linitial_node(RangeTblRef, from)->rtindex;
}

/*
 * The query belongs to a view that is a security barrier: what does it hide?  Its
 * condition moves to the stream, if that is all it has in FROM.
 */
static void
move_condition(Query *query, Around *around)
{
	RangeTblEntry *rte;

	if (query->setOperations)
		return;
	if (only_member(query) == 0 || query->hasTargetSRFs)
	{
		around->hidden = true;
		return;
	}
	rte = rt_fetch(only_member(query), query->rtable);
	if (rte->rtekind != RTE_RELATION)
	{
		if (checkExprHasSubLink(query->jointree->quals))
			around->hidden = true;
		around->guarded = true;
		return;
	}
	if (query->jointree->quals)
		rte->securityQuals = lappend(rte->securityQuals,
									 query->jointree->quals);
	query->jointree->quals = NULL;
}

static void
look_at_member(Query *query, int rtindex, Bitmapset *outputs, Around around,
			   StreamSight **sights)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	Bitmapset  *columns = around.outermost ? used_columns(query, rtindex) :
		handed_on(query, rtindex, outputs);
	int			number;

	if (rte->rtekind == RTE_SUBQUERY)
	{
		around.outermost = false;
		around.barrier = around.barrier || rte->security_barrier;
		look_through(rte->subquery, columns, around, sights);
	}
	if (rte->rtekind != RTE_RELATION || stream_analyze_input(rte) == 0)
		return;
	number = stream_analyze_input(rte);
	stream_analyze_set_input(rte, number, around.guarded);
	sights[number - 1]->check_as = stream_compat_check_as_user(query, rte);
	sights[number - 1]->handed_on = columns;
	sights[number - 1]->hidden = around.hidden;
	sights[number - 1]->guarded = around.barrier || rte->securityQuals != NIL;
}

/* outputs: the columns of the query that the one around uses. */
static void
look_through(Query *query, Bitmapset *outputs, Around around,
			 StreamSight **sights)
{
	if (around.barrier)
		move_condition(query, &around);
	for (int i = 1; i <= list_length(query->rtable); i++)
		look_at_member(query, i, outputs, around, sights);
}

List *
stream_sight_of_inputs(Query *query, int ninputs)
{
	StreamSight **sights = palloc(sizeof(StreamSight *) * (ninputs + 1));
	Around		around = {.outermost = true};
	List	   *result = NIL;

	for (int i = 0; i < ninputs; i++)
	{
		sights[i] = palloc0(sizeof(StreamSight));
		result = lappend(result, sights[i]);
	}
	look_through(query, NULL, around, sights);
	return result;
}
