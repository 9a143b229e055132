/*-------------------------------------------------------------------------
 *
 * firsts.c
 *	  The first of rows that come and go.
 *
 * When a row leaves the first ones of its key, the next one moves up.  So below them
 * is an operator of rows which keeps all, with an index on the keys and what they are
 * ordered by.  For each key that rows of a batch have, which is all that the feed says,
 * the first rows are read anew from the beginning of that index (flow/toprows.c).
 *
 * Rows that rank the same are in the order of a hash of the whole row, which also finds
 * the one that goes among them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"

#include "base/compat.h"
#include "query/nesting.h"
#include "query/firsts.h"

/* ---- groups that are ranked where they are made ---- */

static void
add_group_key(StreamNesting *nesting, SortGroupClause *clause, Query *query)
{
	Node	   *expr = get_sortgroupclause_expr(clause, query->targetList);

	/* a constant may be somewhere else, too */
	stream_nesting_add(nesting, IsA(expr, Const) ? NULL : expr,
					   copyObject((Expr *) expr))->ressortgroupref =
		clause->tleSortGroupRef;
}

static bool
aggregates_walker(Node *node, StreamNesting *nesting)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == 0)
	{
		if (!list_member(nesting->exprs, node))
			stream_nesting_add(nesting, node, copyObject((Expr *) node));
		return false;
	}
	return expression_tree_walker(node, aggregates_walker, nesting);
}

void
stream_firsts_nest(Query *query)
{
	StreamNesting nesting = {0};
	Query	   *groups;
	Node	   *having = query->havingQual;
	ListCell   *lc;

	stream_nesting_flatten(query);
	foreach(lc, query->groupClause)
		add_group_key(&nesting, lfirst(lc), query);
	aggregates_walker((Node *) query->targetList, &nesting);
	nesting.nkeys = list_length(nesting.targets);
	query->havingQual = NULL;
	groups = stream_nesting_move(&nesting, query, "groups");
	stream_nesting_hide(query);
	groups->groupClause = query->groupClause;
	groups->havingQual = having;
	groups->hasAggs = query->hasAggs;
	query->groupClause = NIL;
	query->hasAggs = false;
}

/* ---- operators ---- */

/* The place for the hash of a row. */
static StreamPayload *
make_hash(const StreamCut *cut)
{
	StreamPayload *payload = palloc0(sizeof(StreamPayload));
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, cut->keys)
		names = lappend(names, makeString(((StreamKey *) lfirst(lc))->name));
	foreach(lc, cut->payload)
		names = lappend(names,
						makeString(((StreamPayload *) lfirst(lc))->name));
	payload->expr = (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									   Int32GetDatum(0), false, true);
	payload->name = stream_cut_reserve_name("_hash", &names);
	return payload;
}

/* The rows, all of which are kept. */
static StreamCut *
make_rows(StreamCut *cut, int number)
{
	StreamCut  *rows = palloc0(sizeof(StreamCut));
	int			nranks = cut->topn->nranks;

	rows->kind = STREAM_CUT_ROWS;
	rows->number = number;
	rows->query = cut->query;
	rows->window = cut->window;
	rows->place = cut->place;
	rows->keys = cut->keys;
	/* what ranks them comes first (stream_cut_topn) */
	rows->payload = list_insert_nth(list_copy(cut->payload), nranks,
									make_hash(cut));
	rows->ordered = cut->topn;
	rows->below = cut->below;
	rows->hands_on = rows->keeps = rows->signs = true;
	rows->sign = stream_cut_sign_of_changes(cut);
	stream_cut_add_feed_from(rows, stream_cut_rows_query(cut, rows),
							 STREAM_FEED_ROWS);
	return rows;
}

/* Has the feed read each key of the rows of a batch once. */
static void
add_keys_feed(StreamCut *cut, StreamCut *rows)
{
	StreamFeedInput *input = palloc0(sizeof(StreamFeedInput));
	Query	   *query;
	StreamFeed *feed;
	ListCell   *lc;

	input->cut = rows;
	query = stream_cut_query_over(input);
	feed = stream_cut_add_feed(cut, query, STREAM_FEED_ROWS);
	feed->inputs = list_make1(input);
	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);

		stream_cut_group_by(query,
							stream_cut_column(foreach_current_index(lc) + 1,
											  (Node *) key->expr),
							get_sortgroupref_clause(key->sortgroupref,
													cut->query->groupClause),
							key->name);
	}
	if (cut->keys == NIL)
		stream_cut_add_aggregate(query, (Node *) stream_cut_count_rows(),
								 true);
}

StreamCut *
stream_firsts_plan(StreamCut *cut, int number)
{
	StreamCut  *rows = make_rows(cut, number);

	cut->below = NIL;
	add_keys_feed(cut, rows);
	return rows;
}
