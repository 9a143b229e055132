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

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/transform.h"

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
