/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  The change stream of a view, and the changes of other views in FROM.
 *
 * How the result of a view changes is what its last operator hands on, with HAVING and
 * expressions applied to the rows that go as to those that come.  One operator more
 * appends that to a table of its own, a stream, in the batch that changes the result.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/joining.h"
#include "query/reading.h"
#include "query/topn.h"
#include "query/changes.h"

/* ---- the change stream of a view ---- */

/* What goes must be what has come. */
static void
check_query(const Query *query, const StreamPlace *place)
{
	if (query->hasWindowFuncs || query->limitCount || query->limitOffset ||
		query->hasSubLinks || query->rowMarks ||
		(query->distinctClause && (query->hasAggs || query->groupClause)))
		stream_refuse_in(place,
						 "a change stream of a view with window functions, LIMIT, or sub-selects or DISTINCT above its aggregation is",
						 query->targetList,
						 "Leave these to an ordinary view over the continuous view.");
	if (contain_mutable_functions((Node *) query->targetList) ||
		contain_mutable_functions(query->havingQual))
		stream_refuse_in(place,
						 "a change stream of a view with functions that are not immutable is",
						 query->targetList,
						 "Leave these to an ordinary view over the continuous view.");
}

static void
add_sign(Query *query, Expr *sign)
{
	query->targetList = lappend(query->targetList,
								makeTargetEntry(sign,
												list_length(query->targetList) + 1,
												"_sign", false));
}

/* What a deduplication hands on: keys that are new. */
static Query *
new_keys_of(StreamCut *top)
{
	Query	   *query = stream_joining_changes(top);

	add_sign(query, (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									   Int32GetDatum(1), false, true));
	return query;
}

/* The rows that an outer join hands on, as the result shows them. */
static Query *
rows_of_result(StreamCut *top)
{
	Query	   *query = copyObject(top->query);
	List	   *tlist = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));

		if (tle->resjunk)
			continue;
		tle->ressortgroupref = 0;
		tle->resno = list_length(tlist) + 1;
		tlist = lappend(tlist, tle);
	}
	query->targetList = tlist;
	query->sortClause = NIL;
	add_sign(query, copyObject(top->sign));
	stream_cut_read_below(top, query);
	return query;
}

/* The changes of the rows of groups; top is not changed. */
static Query *
changes_of_groups(const StreamCut *top)
{
	StreamCut	cut = *top;

	cut.query = copyObject(top->query);
	if (cut.topn)
		stream_topn_set_first(cut.query);
	return stream_reading_of_changes(&cut);
}

/*
 * The columns by which readers can tell groups apart: only then can the row that goes
 * and the one that comes be an update.
 */
static void
find_identity(StreamCut *cut, const StreamCut *top)
{
	ListCell   *lc;
	ListCell   *lt;

	cut->updates = stream_cut_has_groups(top) && !top->query->hasTargetSRFs;
	foreach(lc, cut->updates ? top->keys : NIL)
	{
		Expr	   *key = ((StreamKey *) lfirst(lc))->expr;
		int			n = 0;
		int			found = -1;

		foreach(lt, top->query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lt);

			if (tle->resjunk)
				continue;
			if (equal(tle->expr, key))
				found = n;
			n++;
		}
		if (found < 0)
			cut->updates = false;
		cut->identity = lappend_int(cut->identity, found);
	}
}

static void
add_feed(StreamCut *cut, StreamCut *top, Query *query)
{
	StreamFeedInput *input = palloc0(sizeof(StreamFeedInput));

	top->hands_on = true;
	input->cut = top;
	stream_cut_add_feed(cut, query, STREAM_FEED_ROWS)->inputs =
		list_make1(input);
}

/* Adds the columns of the table: when, how, and what. */
static void
add_columns(StreamCut *cut, const StreamCut *top)
{
	List	   *names = NIL;
	ListCell   *lc;

	cut->batch_name = stream_cut_reserve_name("_batch", &names);
	cut->op_name = stream_cut_reserve_name("_op", &names);
	foreach(lc, top->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		StreamPayload *column = palloc0(sizeof(StreamPayload));

		if (tle->resjunk)
			continue;
		column->expr = tle->expr;
		column->name = stream_cut_reserve_name(tle->resname, &names);
		cut->payload = lappend(cut->payload, column);
	}
}

StreamCut *
stream_changes_cut(StreamCut *top, bool append, const StreamPlace *place)
{
	StreamCut  *cut = palloc0(sizeof(StreamCut));
	Query	   *query;

	cut->kind = STREAM_CUT_CHANGES;
	cut->place = *place;
	if (append)
		stream_refuse_in(place,
						 "a change stream of a view in output mode \"append\" is",
						 top->query->targetList, "Use output mode \"update\".");
	if (top->kind == STREAM_CUT_TRANSFORM ||
		(top->topn && top->topn->slot_name))
		stream_refuse_in(place, top->topn ?
						 "a change stream of the first rows of keys is, if these are more than one," :
						 "a change stream of a view whose rows are only added is",
						 top->query->targetList, top->topn ?
						 "Ask for the first row of each key only." :
						 "Name the view itself in FROM: its result can be read as a stream.");
	check_query(top->query, place);
	if (top->kind == STREAM_CUT_ROWS)
	{
		query = rows_of_result(top);
		cut->below = top->below;
		stream_cut_add_feed_from(cut, query, STREAM_FEED_ROWS);
	}
	else
	{
		query = top->kind == STREAM_CUT_DISTINCT ? new_keys_of(top) :
			changes_of_groups(top);
		add_feed(cut, top, query);
	}
	cut->query = query;
	add_columns(cut, top);
	find_identity(cut, top);
	return cut;
}
