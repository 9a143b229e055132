/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  The tree of operators that a query becomes.
 *
 * An operator is made of a SELECT with an aggregation or a DISTINCT whose FROM reads
 * streams row by row.  A DISTINCT in that FROM is an operator below it.
 *
 * Where such SELECTs stand below something else (another aggregation, a join with
 * each other, UNION ALL, a LIMIT), each becomes an operator of its own, and the rest
 * of the query is left to its readers, who read the operators' states in the places
 * of these SELECTs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/keeping.h"
#include "query/tree.h"

/* A tree in the making. */
typedef struct Planting
{
	StreamTree *tree;
	bool		within_watermark;
} Planting;

/* ---- shapes ---- */

/* May it be an operator, by its own clauses? */
static bool
is_operator(Query *query)
{
	return query->setOperations == NULL &&
		(query->hasAggs || query->groupClause || query->groupingSets ||
		 query->distinctClause);
}

static bool
is_union_all(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	if (operations == NULL || IsA(operations, RangeTblRef))
		return true;
	return operation->op == SETOP_UNION && operation->all &&
		is_union_all(operation->larg) && is_union_all(operation->rarg);
}

/* Does it do no more than filter, compute and put together? */
static bool
is_plain(Query *query)
{
	return !is_operator(query) && is_union_all(query->setOperations) && query->havingQual == NULL &&
		!query->hasWindowFuncs && query->limitCount == NULL &&
		query->limitOffset == NULL && query->distinctClause == NIL;
}

/* Is it a DISTINCT, and nothing else that is not for readers? */
static bool
is_distinct(Query *query)
{
	return query->distinctClause != NIL && !query->hasAggs &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->setOperations == NULL && query->limitCount == NULL &&
		query->limitOffset == NULL;
}

/* Are streams in FROM read row by row, or through operators below? */
static bool
reads_row_by_row(Query *query, bool operator)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Query	   *part = rte->subquery;

		if (rte->rtekind != RTE_SUBQUERY || !stream_analyze_has_stream(part))
			continue;
		if (operator && is_distinct(part))
		{
			if (!reads_row_by_row(part, true))
				return false;
		}
		else if (!is_plain(part) || !reads_row_by_row(part, false))
			return false;
	}
	return true;
}

/*
 * Can all streams that the query reads be reached through operators that are
 * sub-selects in FROM?
 */
static bool
reads_operators(Query *query)
{
	ListCell   *lc;
	bool		found = false;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		/* (a view's query has the view in its range table, but not in FROM) */
		if (rte->rtekind == RTE_RELATION && rte->inFromCl &&
			stream_analyze_names_stream(rte))
			return false;
		if (rte->rtekind != RTE_SUBQUERY ||
			!stream_analyze_has_stream(rte->subquery))
			continue;
		if (!(is_operator(rte->subquery) &&
			  reads_row_by_row(rte->subquery, true)) &&
			!reads_operators(rte->subquery))
			return false;
		found = true;
	}
	return found;
}

/* ---- operators ---- */

static StreamCut *make_operator(Planting *planting, Query *query,
								const StreamPlace *place);

/* Makes operators of the deduplications in FROM. */
static void
find_below(Planting *planting, StreamCut *cut)
{
	ListCell   *lc;

	foreach(lc, cut->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		StreamCutInput *input;
		StreamPlace place;

		if (rte->rtekind != RTE_SUBQUERY || !is_distinct(rte->subquery) ||
			!stream_analyze_has_stream(rte->subquery))
			continue;
		place = stream_locate_member(&cut->place, cut->query,
									 foreach_current_index(lc) + 1);
		if (cut->below)
			stream_refuse_in(&place, "reading more than one stream is",
							 rte->subquery->targetList,
							 "Create one continuous view for each stream.");
		input = palloc0(sizeof(StreamCutInput));
		input->rtindex = foreach_current_index(lc) + 1;
		input->cut = make_operator(planting, rte->subquery, &place);
		input->cut->hands_on = true;
		cut->below = lappend(cut->below, input);
	}
}

/* Makes an operator of the query, above those for parts of it. */
static StreamCut *
make_operator(Planting *planting, Query *query, const StreamPlace *place)
{
	StreamCut  *cut = palloc0(sizeof(StreamCut));

	if (place)
		cut->place = *place;
	cut->query = query = copyObject(query);
	stream_compat_flatten_groups(query);
	stream_cut_check(query, &cut->place);
	find_below(planting, cut);
	query->targetList = (List *)
		stream_compat_flatten_join_alias_vars(NULL, query,
											  (Node *) query->targetList);
	query->havingQual =
		stream_compat_flatten_join_alias_vars(NULL, query, query->havingQual);
	if (query->groupClause == NIL && !query->hasAggs)
		stream_cut_distinct(cut,
							planting->within_watermark && cut->below == NIL);
	else
	{
		stream_cut_aggregation(cut);
		if (stream_keeping_is_needed(cut))
			planting->tree->cuts =
				list_concat(planting->tree->cuts,
							stream_keeping_plan(cut,
												list_length(planting->tree->cuts)));
		else
			stream_cut_add_own_feed(cut);
	}
	cut->number = list_length(planting->tree->cuts);
	planting->tree->cuts = lappend(planting->tree->cuts, cut);
	return cut;
}

/* ---- what is left to readers ---- */

/*
 * A sub-select is maintained by itself, before the query around it is looked at.
 */
static void
check_independent(Query *query, const StreamPlace *place)
{
	if (contain_vars_of_level((Node *) query, 1))
		stream_refuse_in(place, "LATERAL aggregation of a stream is",
						 query->targetList,
						 "Have the sub-select refer to nothing around it, and join its result.");
}

/* Makes operators of the sub-selects that can be some. */
static void
find_places(Planting *planting, Query *query, const StreamPlace *outer)
{
	ListCell   *lc;

	if (query->rowMarks)
		stream_refuse_clause(outer, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Query	   *part = rte->subquery;
		StreamTreePlace *found;
		StreamPlace place;

		if (rte->rtekind != RTE_SUBQUERY || !stream_analyze_has_stream(part))
			continue;
		place = stream_locate_member(outer, query,
									 foreach_current_index(lc) + 1);
		check_independent(part, &place);
		if (!is_operator(part) || !reads_row_by_row(part, true))
		{
			find_places(planting, part, &place);
			continue;
		}
		found = palloc(sizeof(StreamTreePlace));
		found->rte = rte;
		found->cut = make_operator(planting, part, &place);
		planting->tree->places = lappend(planting->tree->places, found);
	}
}

StreamTree *
stream_tree_of_query(Query *query, bool within_watermark,
					 const StreamPlace *place)
{
	StreamTree *tree = palloc0(sizeof(StreamTree));
	Planting	planting = {tree, within_watermark};
	StreamPlace nowhere = {0};
	Node	   *hidden;

	if (place == NULL)
		place = &nowhere;
	tree->query = query = copyObject(query);
	stream_analyze_inline_with(query);
	if ((is_operator(query) && reads_row_by_row(query, true)) ||
		!reads_operators(query))
		make_operator(&planting, query, place);
	else
	{
		find_places(&planting, query, place);
		hidden = stream_analyze_hidden_stream(query);
		if (hidden)
			stream_refuse_in(place,
							 "reading a stream in a sub-select of an expression is",
							 hidden, "Name the stream in FROM.");
	}
	if (within_watermark && stream_tree_cut(tree, 0)->kind != STREAM_CUT_DISTINCT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.distinct_within_watermark\" needs a query with SELECT DISTINCT"),
				 errhint("Leave the option out."),
				 stream_cut_within_position(place)));
	return tree;
}
