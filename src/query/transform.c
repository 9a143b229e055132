/*-------------------------------------------------------------------------
 *
 * transform.c
 *	  Operators whose rows are the result.
 *
 * A query that only filters, computes, looks up and puts together gives for the new
 * rows of a batch the rows that are new in its result, and takes none back.  So there
 * is nothing to remember: its feed is the query itself, and its state table is the
 * result, to which rows are only ever appended.
 *
 * ORDER BY and LIMIT are for who reads: all rows are kept.  What is ordered by is
 * computed in the batch like the other columns, for what it is computed from may be
 * gone later; columns that are only for that are hidden.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/transform.h"

/* So many columns find a row. */
#define RESULT_KEYS 4

/* Is it a column of the result, or one that ORDER BY needs? */
static bool
is_wanted(const Query *query, const TargetEntry *tle)
{
	return !tle->resjunk ||
		get_sortgroupref_clause_noerr(tle->ressortgroupref,
									  query->sortClause) != NULL;
}

static void
check_hidden_column(const StreamCut *cut, const TargetEntry *tle)
{
	Oid			type = exprType((Node *) tle->expr);

	if (tle->resjunk && get_typtype(type) == TYPTYPE_PSEUDO)
		stream_refuse(psprintf("ORDER BY a value of type %s is",
							   format_type_be(type)),
					  tle->expr, cut->place.source, "Order by its fields.");
}

/* The query with these columns, and without what is for readers. */
static Query *
make_feed(const StreamCut *cut, List *tlist)
{
	Query	   *feed = copyObject(cut->query);

	feed->targetList = copyObject(tlist);
	feed->sortClause = NIL;
	feed->windowClause = NIL;	/* of window functions that nobody calls */
	feed->limitCount = NULL;
	feed->limitOffset = NULL;
	stream_cut_read_below(cut, feed);
	return feed;
}

void
stream_transform_cut(StreamCut *cut)
{
	Query	   *query = cut->query;
	List	   *tlist = NIL;
	List	   *names = NIL;
	ListCell   *lc;

	if (query->rowMarks)
		stream_refuse_clause(&cut->place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
	cut->kind = STREAM_CUT_TRANSFORM;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));
		StreamPayload *column;

		if (!is_wanted(query, tle))
			continue;
		check_hidden_column(cut, tle);
		column = palloc0(sizeof(StreamPayload));
		column->expr = tle->expr;
		column->name = stream_cut_reserve_name(tle->resjunk ? "_order" :
											   tle->resname, &names);
		cut->payload = lappend(cut->payload, column);
		tle->resjunk = false;
		tle->ressortgroupref = 0;
		tle->resname = column->name;
		tle->resno = list_length(tlist) + 1;
		tlist = lappend(tlist, tle);
	}
	stream_cut_add_feed_from(cut, make_feed(cut, tlist), STREAM_FEED_ROWS);
}

/* Can a row be found by such a column, which is short and has an order? */
static bool
finds_rows(Expr *expr)
{
	Oid			type = exprType((Node *) expr);

	return get_typlen(type) > 0 &&
		OidIsValid(GetDefaultOpClass(getBaseType(type), BTREE_AM_OID));
}

static void
add_payload(StreamCut *cut, TargetEntry *tle, List **names)
{
	StreamPayload *payload = palloc0(sizeof(StreamPayload));

	payload->expr = tle->expr;
	payload->name = stream_cut_reserve_name(tle->resjunk ? "_order" :
											tle->resname, names);
	cut->payload = lappend(cut->payload, payload);
}

/* Puts a column among the keys, as long as there are few, or the others. */
static void
add_result_column(StreamCut *cut, TargetEntry *tle, List **names)
{
	if (finds_rows(tle->expr) && list_length(cut->keys) < RESULT_KEYS)
	{
		StreamKey  *key = palloc0(sizeof(StreamKey));

		key->expr = tle->expr;
		key->collation = exprCollation((Node *) tle->expr);
		key->name = stream_cut_reserve_name(tle->resjunk ? "_order" :
											tle->resname, names);
		get_sort_group_operators(exprType((Node *) tle->expr), false, true,
								 false, NULL, &key->eqop, NULL, NULL);
		cut->keys = lappend(cut->keys, key);
		return;
	}
	add_payload(cut, tle, names);
}

/* Is it a column of the side of an outer join whose rows are all kept? */
static bool
is_preserved(const StreamCut *join, Expr *expr)
{
	TargetEntry *tle = IsA(expr, Var) && join->kind == STREAM_CUT_JOIN ?
		get_tle_by_resno(join->query->targetList, ((Var *) expr)->varattno) :
		NULL;
	int			member;
	ListCell   *lc;
	bool		preserved = false;

	if (tle == NULL ||
		!bms_get_singleton_member(pull_varnos(NULL, (Node *) tle->expr),
								  &member))
		return false;
	foreach(lc, join->below)
	{
		StreamCutInput *side = lfirst(lc);

		if (side->rtindex == member)
			preserved |= side->preserved;
		else if (side->preserved)
			return false;
	}
	return preserved;
}

static bool
has_column(const StreamCut *cut, Expr *expr)
{
	List	   *exprs = stream_cut_output(cut);

	return list_member(exprs, expr);
}

void
stream_transform_cut_changes(StreamCut *cut)
{
	Query	   *query = cut->query;
	StreamCutInput *below = linitial(cut->below);
	List	   *names = NIL;
	ListCell   *lc;

	cut->kind = STREAM_CUT_ROWS;
	cut->keeps = cut->signs = true;
	cut->over_changes = false;
	cut->sign = stream_cut_sign_of_changes(cut);
	/* by what is null in many rows, these are found last */
	for (int preserved = 1; preserved >= 0; preserved--)
		foreach(lc, query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (!is_wanted(query, tle) || has_column(cut, tle->expr) ||
				(preserved && !is_preserved(below->cut, tle->expr)))
				continue;
			check_hidden_column(cut, tle);
			add_result_column(cut, tle, &names);
		}
	if (cut->keys == NIL)
		stream_refuse_in(&cut->place,
						 "the result of an outer join, or NOT EXISTS, without a column by which rows can be found is",
						 query->targetList,
						 "Have one of a type such as bigint, uuid or timestamptz among the columns.");
	stream_cut_add_feed_from(cut, stream_cut_rows_query(cut, cut),
							 STREAM_FEED_ROWS);
}

void
stream_transform_pass_changes(StreamCut *cut)
{
	List	   *names = NIL;
	ListCell   *lc;

	cut->signs = true;
	cut->over_changes = false;
	cut->sign = stream_cut_sign_of_changes(cut);
	foreach(lc, cut->query->targetList)
		add_payload(cut, lfirst_node(TargetEntry, lc), &names);
	stream_cut_add_feed_from(cut, stream_cut_rows_query(cut, cut),
							 STREAM_FEED_ROWS);
}

Query *
stream_transform_new_rows(StreamCut *cut)
{
	StreamFeedInput input = {cut};
	Query	   *query = stream_cut_query_over(&input);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, cut->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!is_wanted(cut->query, tle))
			continue;
		n++;
		if (!tle->resjunk)
			query->targetList =
				lappend(query->targetList,
						makeTargetEntry(stream_cut_column(n, (Node *) tle->expr),
										list_length(query->targetList) + 1,
										tle->resname, false));
	}
	return query;
}

Query *
stream_transform_reading(const StreamCut *cut)
{
	Query	   *query = copyObject(cut->query);
	List	   *tlist = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));
		Node	   *expr = (Node *) tle->expr;

		if (!is_wanted(query, tle))
			continue;
		tle->resno = list_length(tlist) + 1;
		tle->resorigtbl = InvalidOid;
		tle->resorigcol = 0;
		tle->expr = (Expr *) makeVar(1, tle->resno, exprType(expr),
									 exprTypmod(expr), exprCollation(expr), 0);
		tlist = lappend(tlist, tle);
	}
	query->targetList = tlist;
	query->setOperations = NULL;
	query->windowClause = NIL;
	return query;
}
