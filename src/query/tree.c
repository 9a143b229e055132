/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  The tree of operators that a query becomes.
 *
 * An operator is made of a SELECT with an aggregation or a DISTINCT whose FROM reads
 * streams row by row, or with a ranking of which the query around it wants the first
 * rows (topn.c).  A DISTINCT in that FROM is an operator below it.  A query that has
 * neither, and reads streams row by row, is one operator, too.
 *
 * Where streams are joined in FROM, that is an operator below (joining.c).
 *
 * Where rows of streams come and go and there are tables beside, the streams become a
 * sub-select, and what is looked up for its rows is an operator above (lookups.c).
 *
 * An aggregation, a DISTINCT or a ranking whose FROM is just an aggregation, or first rows
 * of each key, is an operator over the changes of that, if what is between them depends
 * on nothing else.
 *
 * Where such SELECTs stand below something else (a join with each other, UNION ALL, a
 * LIMIT, an aggregation that cannot be one over changes), each becomes an operator of
 * its own, and the rest of the query is left to its readers, who read the operators'
 * states in the places of these SELECTs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/calls.h"
#include "query/changes.h"
#include "query/eventtime.h"
#include "query/firsts.h"
#include "query/groupings.h"
#include "query/joinfeeds.h"
#include "query/joining.h"
#include "query/keeping.h"
#include "query/lookups.h"
#include "query/merging.h"
#include "query/nesting.h"
#include "query/outerjoins.h"
#include "query/reading.h"
#include "query/semijoin.h"
#include "query/transform.h"
#include "query/uniting.h"
#include "query/windowkeys.h"
#include "query/tree.h"

/* A tree in the making. */
typedef struct Planting
{
	StreamTree *tree;
	const StreamOptions *options;
	int			depth;			/* of the operator that is being made */
	bool		kept;			/* nothing is left to readers, though it could be */
	bool		never_late;		/* the DISTINCT to be made is one of EXISTS, where no row is
								 * late */
} Planting;

/* Each operator looks through all that is below it. */
#define MAX_DEPTH 32

/* ---- shapes ---- */

/* May it be an operator, by its own clauses? */
static bool
is_operator(Query *query)
{
	return query->setOperations == NULL &&
		(query->hasAggs || query->groupClause || query->groupingSets ||
		 query->distinctClause);
}

/* Does it do no more than filter, compute and put together, LIMIT aside? */
static bool
is_transform(Query *query)
{
	return !is_operator(query) &&
		stream_uniting_is_union_all(query->setOperations) &&
		query->havingQual == NULL && !query->hasWindowFuncs;
}

/* Without a LIMIT, too? */
static bool
is_plain(Query *query)
{
	return is_transform(query) && query->limitCount == NULL &&
		query->limitOffset == NULL;
}

/* Is it a DISTINCT, and nothing else that is not for readers? */
static bool
is_distinct(Query *query)
{
	return query->distinctClause != NIL && !query->hasAggs &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->setOperations == NULL && query->limitCount == NULL &&
		query->limitOffset == NULL && stream_topn_of_distinct(query) == NULL;
}

/*
 * Is it a plain SELECT that joins streams or is to take changes, or a UNION ALL of operators,
 * or has such a one, or closed groups, in its FROM?
 */
static bool
is_over_join(Query *query)
{
	ListCell   *lc;

	if (!is_plain(query))
		return false;
	if (query->setOperations)
		return stream_uniting_is_marked(query);
	if (stream_changes_is_source(query) ||
		stream_analyze_wants_changes(query) ||
		stream_analyze_joins_rows(query))
		return true;
	foreach(lc, stream_analyze_members_of_from(query))
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);

		if (rte->rtekind == RTE_SUBQUERY &&
			(is_over_join(rte->subquery) ||
			 stream_analyze_hands_on_closed(rte->subquery)))
			return true;
	}
	return false;
}

static bool is_changing(Query *query, int rtindex);
static bool reads_row_by_row(Query *query, bool operator);

/* The same, as reads_row_by_row says, of a sub-select. */
static bool
is_row_by_row(Query *part, bool operator)
{
	if (operator && (is_distinct(part) || is_over_join(part) ||
					 stream_analyze_hands_on_closed(part)))
		return reads_row_by_row(part, true);
	return is_plain(part) && reads_row_by_row(part, false);
}

/* Are streams in FROM read row by row, or through operators below? */
static bool
reads_row_by_row(Query *query, bool operator)
{
	bool		takes = operator && (stream_analyze_joins_rows(query) ||
									 stream_analyze_wants_changes(query));
	ListCell   *lc;

	if (operator && stream_uniting_is_marked(query))
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Query	   *part = rte->subquery;

		if (rte->rtekind != RTE_SUBQUERY || !stream_analyze_has_stream(part))
			continue;
		if (takes && is_changing(query, foreach_current_index(lc) + 1))
			continue;
		if (!is_row_by_row(part, operator))
			return false;
	}
	return true;
}

/* Is it an aggregation, and above it nothing but what its groups alone say? */
static bool
is_simple_aggregation(Query *query)
{
	return (query->hasAggs || query->groupClause) &&
		query->distinctClause == NIL &&
		query->setOperations == NULL && !query->hasSubLinks &&
		!query->hasTargetSRFs && query->rowMarks == NIL &&
		query->cteList == NIL;
}

/* Does what it says of a row depend on anything but the row? */
static bool
is_mutable(Query *query)
{
	return contain_mutable_functions(stream_compat_flat(query,
														query->targetList)) ||
		contain_mutable_functions(stream_compat_flat(query,
													 query->havingQual)) ||
		contain_mutable_functions(query->jointree->quals);
}

/* Is a session among the keys of its groups, or of its first rows? */
static bool
is_by_session(Query *query, const StreamTopn *topn)
{
	Query		keyed = *query;

	if (topn)
		keyed.groupClause = topn->keys;
	return keyed.groupClause &&
		(stream_calls_has_session(stream_compat_flat(query,
													 query->targetList)) ||
		 stream_windowkeys_groups_by_session(&keyed));
}

/* What the query wants of a member of its FROM, if those are first rows. */
static StreamTopn *
first_rows_of(Query *query, int rtindex)
{
	Query		joined = *query;
	FromExpr	from = *query->jointree;
	StreamTopn *topn;

	/* an operator that is an outer join is told nothing of what is above it */
	if (stream_analyze_partial_joins(query))
		from.quals = NULL;
	joined.jointree = &from;
	topn = stream_topn_of_member(&joined, rtindex);
	return topn ? topn :
		stream_topn_of_distinct(rt_fetch(rtindex, query->rtable)->subquery);
}

/*
 * Are the first rows of the member such that nothing is said of them but what each says
 * by itself?
 */
static bool
is_simple_rows(Query *query, int rtindex, const StreamTopn *topn)
{
	Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;

	return (stream_topn_is_one_row(topn) ||
			stream_topn_is_bound(query, rtindex, topn)) &&
		!part->hasSubLinks && !part->hasTargetSRFs && part->rowMarks == NIL &&
		part->cteList == NIL && part->limitCount == NULL &&
		part->limitOffset == NULL && !is_by_session(part, topn);
}

/*
 * Is it an aggregation, or has it the first rows that are wanted, such as can be kept of
 * rows that come and go?
 */
static bool
takes_changes(Query *query, const StreamTopn *topn)
{
	if (!stream_groupings_can_be_told(query) || query->setOperations ||
		query->hasSubLinks || query->hasTargetSRFs || is_mutable(query) ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return false;
	return topn ? stream_topn_can_change(query, topn) &&
		!is_by_session(query, topn) : query->hasAggs || query->groupClause;
}

/*
 * Does it, without being more than a filter, say of a row that goes what it has said of
 * it when it came?
 */
static bool
passes_changes(Query *query)
{
	return !query->hasSubLinks && !query->hasTargetSRFs &&
		list_length(query->jointree->fromlist) == 1 &&
		IsA(linitial(query->jointree->fromlist), RangeTblRef) &&
		!is_mutable(query);
}

static int	find_changing(Query *query, const StreamTopn *wanted);

/*
 * Is the member of FROM an aggregation, or first rows, such that how its groups change
 * says all that changes?
 */
static bool
is_changing(Query *query, int rtindex)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	Query	   *part = rte->subquery;
	StreamTopn *topn;

	if (rte->rtekind != RTE_SUBQUERY || rte->lateral ||
		!stream_analyze_has_stream(part) ||
		stream_analyze_hands_on_closed(part))
		return false;
	topn = first_rows_of(query, rtindex);
	if (topn ? !is_simple_rows(query, rtindex, topn) :
		!is_simple_aggregation(part) || part->hasWindowFuncs ||
		part->limitCount || part->limitOffset)
		return false;
	/* what comes must go as the same row */
	if (is_mutable(part))
		return false;
	return reads_row_by_row(part, true) || find_changing(part, topn) > 0;
}

/*
 * The sub-select whose changes the query can be an operator over, as an index into
 * its range table; 0: there is none.  wanted: first rows that are wanted of it, or NULL.
 */
static int
find_changing(Query *query, const StreamTopn *wanted)
{
	RangeTblRef *ref;

	if (!takes_changes(query, wanted))
		return 0;
	ref = linitial(query->jointree->fromlist);
	return is_changing(query, ref->rtindex) ? ref->rtindex : 0;
}

/* The same for a view that shows how groups are now, not when they are final. */
static int
find_changing_in(Planting *planting, Query *query, const StreamTopn *wanted)
{
	return planting->tree->append ? 0 : find_changing(query, wanted);
}

/* Can it be an operator? */
static bool
is_maintained(Planting *planting, Query *query)
{
	return is_operator(query) &&
		(reads_row_by_row(query, true) ||
		 find_changing_in(planting, query, stream_topn_of_distinct(query)) > 0);
}

/*
 * The same for a member of its FROM.  The query may say that it wants the first rows of
 * each key only: *topn.
 */
static bool
is_maintained_member(Planting *planting, Query *query, int rtindex,
					 StreamTopn **topn)
{
	Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;

	*topn = stream_topn_of_member(query, rtindex);
	return *topn ? reads_row_by_row(part, true) ||
		find_changing_in(planting, part, *topn) > 0 :
		is_maintained(planting, part);
}

/*
 * Is it a plain SELECT over groups, or first rows, how these change?  The member of FROM,
 * as an index into its range table; 0: it is not.
 */
static int
find_passed(Query *query)
{
	RangeTblRef *ref;

	if (!is_plain(query) || query->setOperations || !passes_changes(query))
		return 0;
	ref = linitial(query->jointree->fromlist);
	return is_changing(query, ref->rtindex) ? ref->rtindex : 0;
}

/*
 * Can all streams that the query reads be reached through operators that are
 * sub-selects in FROM?
 */
static bool
reads_operators(Planting *planting, Query *query)
{
	ListCell   *lc;
	bool		found = false;

	CHECK_FOR_INTERRUPTS();
	if (stream_joining_has_tests(query))
		return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		StreamTopn *topn;

		/* (a view's query has the view in its range table, but not in FROM) */
		if (rte->rtekind == RTE_RELATION && rte->inFromCl &&
			stream_analyze_names_stream(rte))
			return false;
		if (rte->rtekind != RTE_SUBQUERY ||
			!stream_analyze_has_stream(rte->subquery))
			continue;
		if (stream_analyze_hands_on_closed(rte->subquery) ||
			(!is_maintained_member(planting, query,
								   foreach_current_index(lc) + 1, &topn) &&
			 !reads_operators(planting, rte->subquery)))
			return false;
		found = true;
	}
	return found;
}

static Bitmapset *members_that_change(Query *query, bool append);
static bool hands_on_changes(Query *query);

/* Do rows of the part of UNION ALL come and go? */
static bool
part_changes(Query *query, int rtindex)
{
	Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;

	return is_changing(query, rtindex) || find_passed(part) > 0 ||
		(is_over_join(part) && hands_on_changes(part));
}

static bool
parts_change(Query *query)
{
	ListCell   *lc;

	foreach(lc, stream_uniting_parts(query))
		if (part_changes(query, lfirst_int(lc)))
			return true;
	return false;
}

/*
 * Do rows go that the query hands on, which joins streams or reads a view?  (Not in
 * append mode.)
 */
static bool
hands_on_changes(Query *query)
{
	ListCell   *lc;

	if (query->setOperations)
		return parts_change(query);
	if (stream_changes_is_source(query))
		return true;
	if (stream_analyze_joins_rows(query))
		return stream_joining_rows_go(query) ||
			members_that_change(query, false) != NULL;
	if (stream_analyze_wants_changes(query))
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && is_over_join(rte->subquery))
			return hands_on_changes(rte->subquery);
	}
	return false;
}

/*
 * The members of FROM, which joins streams, whose rows come and go, as indexes into the
 * range table.
 */
static Bitmapset *
members_that_change(Query *query, bool append)
{
	Bitmapset  *result = NULL;
	ListCell   *lc;

	foreach(lc, stream_analyze_members_of_from(query))
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);

		if (is_changing(query, lfirst_int(lc)) ||
			(!append && rte->rtekind == RTE_SUBQUERY &&
			 is_over_join(rte->subquery) && hands_on_changes(rte->subquery)))
			result = bms_add_member(result, lfirst_int(lc));
	}
	return result;
}

/* ---- operators ---- */

static StreamCut *make_operator(Planting *planting, Query *query,
								StreamTopn *topn, bool below,
								const StreamPlace *place);
static void refuse_unclosed(Query *query, const StreamPlace *place);

/*
 * A sub-select is maintained by itself, before the query around it is looked at.
 */
static void
check_independent(Query *query, const StreamPlace *place)
{
	if (stream_analyze_is_correlated(query))
		stream_refuse_in(place,
						 "LATERAL aggregation, deduplication or join of streams is",
						 query->targetList,
						 "Have the sub-select refer to nothing around it, and join its result.");
}

/*
 * An outer join of streams hands on changes, and so do NOT EXISTS and another continuous
 * view.  They can be taken by an aggregation, by first rows, and by the result of a view,
 * if nothing else is in FROM and what is said of a row is the same when it comes and when
 * it goes.  (In append mode a join has none: its rows come when they are final.)
 */
static void
take_changes(Planting *planting, StreamCut *cut, StreamCutInput *input,
			 bool result)
{
	Query	   *query = cut->query;
	bool		takes = result ? passes_changes(query) :
		cut->signs || takes_changes(query, cut->topn);

	if (planting->tree->append)
		stream_refuse_in(&cut->place,
						 "output mode \"append\" over a continuous view that changes is",
						 query->targetList,
						 "Use output mode \"update\"; or have the view below in output mode \"append\", or, if it is a DISTINCT, created WITH (streaming.changes).");
	if (!takes && (list_length(query->jointree->fromlist) != 1 ||
				   !IsA(linitial(query->jointree->fromlist), RangeTblRef)))
		stream_refuse_in(&cut->place,
						 "a table or function beside rows that come and go (of an outer join, a join with groups, a continuous view) is",
						 query->targetList,
						 "Have these rows on the side of the join whose rows are all kept; leave other things to an ordinary view over the continuous view.");
	if (!takes)
		stream_refuse_in(&cut->place,
						 "what is above rows that come and go (of an outer join, a join with groups, a continuous view) is, unless it is an aggregation, DISTINCT, first rows, or nothing but expressions and conditions,",
						 query->targetList,
						 "Leave the rest to an ordinary view over the continuous view; further joins, sub-selects and functions that are not immutable belong there.");
	input->changes = stream_joining_changes(input->cut);
	cut->over_changes = true;
}

/*
 * What takes the place of an aggregation in FROM that hands on its groups when they are
 * closed: these, which only come.
 */
static void
take_closed(StreamCutInput *input)
{
	StreamCut  *cut = input->cut;

	if (cut->window == NULL || !cut->window->event_time)
		refuse_unclosed(cut->query, &cut->place);
	if (!cut->window->in_all_sets)
		stream_refuse_in(&cut->place,
						 "output mode \"append\" of what is made of grouping sets some of which lack the event time is",
						 linitial(cut->query->groupingSets),
						 "Put the window into every set, or use output mode \"update\".");
	cut->final_only = true;
	input->changes = stream_reading_of_changes(cut);
	/* what comes needs no sign */
	input->changes->targetList = list_delete_last(input->changes->targetList);
}

/*
 * Makes operators of the deduplications, of joins of streams, and of what hands on closed
 * groups, in FROM.  result: it is for the result of the view.
 */
static void
find_below(Planting *planting, StreamCut *cut, bool result)
{
	ListCell   *lc;

	/* parts of UNION ALL must stay SELECTs */
	if (cut->query->setOperations)
		return;
	foreach(lc, cut->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		StreamCutInput *input;
		StreamPlace place;

		if (rte->rtekind != RTE_SUBQUERY ||
			!stream_analyze_has_stream(rte->subquery) ||
			!(is_distinct(rte->subquery) || is_over_join(rte->subquery) ||
			  stream_analyze_hands_on_closed(rte->subquery)))
			continue;
		place = stream_joining_locate(&cut->place, cut->query,
									  foreach_current_index(lc) + 1);
		check_independent(rte->subquery, &place);
		if (cut->below)
			stream_refuse_in(&place, "reading more than one stream is",
							 rte->subquery->targetList,
							 "Create one continuous view for each stream.");
		input = palloc0(sizeof(StreamCutInput));
		input->rtindex = foreach_current_index(lc) + 1;
		input->cut = make_operator(planting, rte->subquery, NULL, true, &place);
		input->cut->hands_on = true;
		if (input->cut->signs)
			take_changes(planting, cut, input, result);
		if (stream_analyze_hands_on_closed(rte->subquery))
			take_closed(input);
		cut->below = lappend(cut->below, input);
	}
}

static void
add_cut(Planting *planting, StreamCut *cut)
{
	cut->number = list_length(planting->tree->cuts);
	planting->tree->cuts = lappend(planting->tree->cuts, cut);
}

/* In which order a sub-select has its rows is lost. */
static void
drop_order(Query *query)
{
	ListCell   *lc;

	query->sortClause = query->windowClause = NIL;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		tle->ressortgroupref = 0;
		if (tle->resjunk)
			query->targetList = foreach_delete_current(query->targetList, lc);
	}
}

/* Makes an operator of the member of FROM whose changes this one is over. */
static void
make_below(Planting *planting, StreamCut *cut, int rtindex)
{
	StreamCutInput *input = palloc0(sizeof(StreamCutInput));
	StreamPlace place = stream_joining_locate(&cut->place, cut->query,
											  rtindex);

	input->rtindex = rtindex;
	input->cut = make_operator(planting,
							   rt_fetch(rtindex, cut->query->rtable)->subquery,
							   first_rows_of(cut->query, rtindex), true, &place);
	input->cut->hands_on = true;
	if (input->cut->topn)
		stream_topn_set_first(input->cut->query);
	input->changes = stream_reading_of_changes(input->cut);
	cut->below = lappend(cut->below, input);
	cut->over_changes = true;
}

/* Makes a UNION ALL, and operators of those of its parts that need one. */
static void
make_union(Planting *planting, StreamCut *cut)
{
	ListCell   *lc;

	foreach(lc, stream_uniting_parts(cut->query))
	{
		int			rtindex = lfirst_int(lc);
		Query	   *part = rt_fetch(rtindex, cut->query->rtable)->subquery;
		StreamPlace place = stream_joining_locate(&cut->place, cut->query,
												  rtindex);
		StreamCutInput *input;

		CHECK_FOR_INTERRUPTS();
		check_independent(part, &place);
		if (is_changing(cut->query, rtindex))
		{
			make_below(planting, cut, rtindex);
			continue;
		}
		if (!is_distinct(part) && !is_over_join(part) &&
			!stream_analyze_hands_on_closed(part) && find_passed(part) == 0)
			continue;
		input = palloc0(sizeof(StreamCutInput));
		input->rtindex = rtindex;
		input->cut = make_operator(planting, part, NULL, true, &place);
		input->cut->hands_on = true;
		if (stream_analyze_hands_on_closed(part))
			take_closed(input);
		cut->below = lappend(cut->below, input);
	}
	stream_uniting_cut(cut);
}

/* Makes an operator that looks up, and that of the rows for which it does. */
static void
make_lookup(Planting *planting, StreamCut *cut, int rtindex)
{
	Query	   *part = rt_fetch(rtindex, cut->query->rtable)->subquery;
	StreamCutInput *input = palloc0(sizeof(StreamCutInput));
	StreamPlace place = stream_joining_locate(&cut->place, cut->query,
											  rtindex);

	input->rtindex = rtindex;
	input->cut = make_operator(planting, part, NULL, true, &place);
	stream_lookups_number(input->cut);
	cut->below = list_make1(input);
	/* a feed reads its own table */
	cut->number = list_length(planting->tree->cuts);
	stream_lookups_cut(cut);
}

/*
 * Makes a join, and operators of its sides, or a UNION ALL; or hands on rows that are made
 * of one.
 */
static void
make_join(Planting *planting, StreamCut *cut)
{
	int			rtindex;
	ListCell   *lc;

	drop_order(cut->query);
	if (stream_changes_is_source(cut->query))
	{
		stream_changes_cut_source(cut);
		return;
	}
	if (cut->query->setOperations)
	{
		make_union(planting, cut);
		return;
	}
	rtindex = stream_analyze_looks_up(cut->query);
	if (rtindex > 0)
	{
		make_lookup(planting, cut, rtindex);
		return;
	}
	if (!stream_analyze_joins_rows(cut->query))
	{
		rtindex = find_passed(cut->query);
		if (rtindex > 0)
			make_below(planting, cut, rtindex);
		else
			find_below(planting, cut, true);
		if (cut->over_changes)
			stream_transform_pass_changes(cut);
		else
			stream_transform_cut(cut);
		cut->kind = STREAM_CUT_ROWS;
		cut->hands_on = true;
		return;
	}
	stream_joining_cut(cut, planting->tree->append,
					   members_that_change(cut->query, planting->tree->append));
	foreach(lc, cut->below)
	{
		StreamCut  *side = ((StreamCutInput *) lfirst(lc))->cut;

		/* in update mode, EXISTS is about all rows, unless these go */
		planting->never_late = !planting->tree->append &&
			side->window == NULL && !STREAM_MUTATION("exists_late") &&
			stream_semijoin_is_member(linitial(side->query->rtable));
		if (side->signs && is_changing(side->query, 1))
			make_below(planting, side, 1);
		else
			find_below(planting, side, false);
		planting->never_late = false;
		stream_joining_finish_side(side);
		add_cut(planting, side);
	}
	stream_joinfeeds_make(cut);
}

/* Cuts a query with an aggregation, a DISTINCT or first rows; topn: as below. */
static void
make_stateful(Planting *planting, StreamCut *cut, StreamTopn *topn)
{
	Query	   *query = cut->query;
	bool		never_late = planting->never_late;
	List	   *below;
	int			rtindex;

	planting->never_late = false;
	stream_compat_flatten_groups(query);
	query->targetList = (List *)
		stream_compat_plain_json((Node *) query->targetList);
	query->havingQual = stream_compat_plain_json(query->havingQual);
	cut->topn = topn ? topn : stream_topn_of_distinct(query);
	if (cut->topn == NULL)
		stream_cut_check(query, &cut->place);
	rtindex = reads_row_by_row(query, true) ? 0 :
		find_changing_in(planting, query, cut->topn);
	if (rtindex > 0)
		make_below(planting, cut, rtindex);
	else
		find_below(planting, cut, false);
	query->targetList = (List *)
		stream_compat_flatten_join_alias_vars(NULL, query,
											  (Node *) query->targetList);
	query->havingQual =
		stream_compat_flatten_join_alias_vars(NULL, query, query->havingQual);
	below = cut->below;
	if (cut->topn)
	{
		stream_cut_topn(cut);
		if (cut->over_changes)
			planting->tree->cuts =
				lappend(planting->tree->cuts,
						stream_firsts_plan(cut,
										   list_length(planting->tree->cuts)));
	}
	else if (query->groupClause == NIL && !query->hasAggs)
		stream_cut_distinct(cut,
							planting->options->within_watermark &&
							cut->below == NIL, never_late);
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
	if (cut->window && cut->window->event_time)
		stream_uniting_set_window(below, cut->window);
}

/*
 * Makes an operator of the query, above those for parts of it.  topn: what is wanted
 * of it; NULL: all of it, or the row of a DISTINCT ON that its ORDER BY chooses.  below:
 * it is for another operator.
 */
static StreamCut *
make_operator(Planting *planting, Query *query, StreamTopn *topn, bool below,
			  const StreamPlace *place)
{
	StreamCut  *cut = palloc0(sizeof(StreamCut));

	if (place)
		cut->place = *place;
	if (++planting->depth > MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("aggregations, joins and deduplications in a continuous view cannot be nested more than %d levels deep",
						MAX_DEPTH),
				 errhint("Leave what is above some of them to an ordinary view over the continuous view."),
				 stream_refuse_clause_position(&cut->place,
											   STREAM_CLAUSE_ANY)));
	cut->query = copyObject(query);
	cut->append = planting->tree->append;
	if (topn)
		make_stateful(planting, cut, topn);
	else if (below && (is_over_join(query) || find_passed(query) > 0))
		make_join(planting, cut);
	else if (is_transform(query))
	{
		find_below(planting, cut, true);
		if (cut->over_changes)
			stream_transform_cut_changes(cut);
		else
			stream_transform_cut(cut);
	}
	else
		make_stateful(planting, cut, NULL);
	add_cut(planting, cut);
	planting->depth--;
	return cut;
}

/* ---- what is left to readers ---- */

/*
 * How many members of FROM read streams, counting those of sub-selects that do no
 * more than join?  Of UNION, the part that has most counts.
 */
static int
count_members(Query *query)
{
	int			result = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		int			n;

		if (rte->rtekind != RTE_SUBQUERY ||
			!stream_analyze_has_stream(rte->subquery))
			continue;
		n = is_operator(rte->subquery) ? 1 :
			Max(1, count_members(rte->subquery));
		result = query->setOperations ? Max(result, n) : result + n;
	}
	return result;
}

/*
 * In append mode, an aggregation that is left to readers must show a group when it is
 * final, too: when the window among its keys is closed.
 */
static StreamTreeFinal *
note_final(Planting *planting, Query *query, const StreamPlace *place)
{
	StreamTreeFinal *final;
	List	   *keys = NIL;
	Query	   *flat;
	StreamWindow *window;
	ListCell   *lc;

	if (!planting->tree->append || !(query->hasAggs || query->groupClause))
		return NULL;
	if (count_members(query) > 1)
		stream_refuse_in(place,
						 "output mode \"append\" of an aggregation over a join of aggregations is",
						 query->targetList,
						 "Join them in an ordinary view over continuous views, or use output mode \"update\".");
	flat = copyObject(query);
	stream_compat_flatten_groups(flat);
	foreach(lc, flat->groupClause)
		keys = lappend(keys, get_sortgroupclause_expr(lfirst(lc),
													  flat->targetList));
	keys = (List *) stream_compat_flatten_join_alias_vars(NULL, flat,
														  (Node *) keys);
	window = stream_windowkeys_find(flat, keys, true, true, false,
									place->source);
	if (window == NULL || !window->event_time)
		stream_refuse_in(place,
						 "output mode \"append\" of an aggregation without an event time among its keys is",
						 query->targetList,
						 "Group by the window of the aggregation below, or by a longer one, or use output mode \"update\".");
	if (!window->in_all_sets)
		stream_refuse_in(place,
						 "output mode \"append\" of grouping sets some of which lack the event time is",
						 linitial(query->groupingSets),
						 "Put the window into every set, or use output mode \"update\".");
	final = palloc(sizeof(StreamTreeFinal));
	final->query = query;
	final->key = list_nth(keys, window->key);
	final->window = window;
	planting->tree->finals = lappend(planting->tree->finals, final);
	return final;
}

/*
 * If the query groups by a session of groups, has readers merge it, and returns the
 * sub-select that has its FROM from then on.
 */
static Query *
merge_sessions(Query *query, StreamTreeFinal *final, const StreamPlace *place)
{
	if (!stream_merging_is_needed(query, place))
		return query;
	return stream_merging_rewrite(query, final ? &final->key : NULL);
}

/* Can the server run the full join?  It wants an equality. */
static bool
can_full_join(Node *quals)
{
	ListCell   *lc;

	foreach(lc, stream_nesting_conditions(quals))
	{
		OpExpr	   *op = lfirst(lc);

		if (IsA(op, OpExpr) && list_length(op->args) == 2 &&
			(op_mergejoinable(op->opno, exprType(linitial(op->args))) ||
			 op_hashjoinable(op->opno, exprType(linitial(op->args)))))
			return true;
	}
	return false;
}

/* What is left to readers must be such as they can compute. */
static void
check_full_joins(Node *node, const StreamPlace *place)
{
	JoinExpr   *join = (JoinExpr *) node;
	ListCell   *lc;

	if (IsA(node, FromExpr))
		foreach(lc, ((FromExpr *) node)->fromlist)
			check_full_joins(lfirst(lc), place);
	if (!IsA(node, JoinExpr))
		return;
	check_full_joins(join->larg, place);
	check_full_joins(join->rarg, place);
	if (join->jointype == JOIN_FULL && !can_full_join(join->quals))
		stream_refuse_in(place, "a full join of aggregations without an equality is",
						 join->quals,
						 "Have a condition such as a.x = b.y in it, or create the view WITH (streaming.changes), which has it kept by changes.");
}

static void
refuse_locks(Query *query, const StreamPlace *place)
{
	if (query->rowMarks)
		stream_refuse_clause(place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
}

/* Makes operators of the sub-selects that can be some. */
static void
find_places(Planting *planting, Query *query, const StreamPlace *outer)
{
	StreamTreeFinal *final;
	ListCell   *lc;

	refuse_locks(query, outer);
	final = note_final(planting, query, outer);
	if (query->jointree)
		check_full_joins((Node *) query->jointree, outer);
	query = merge_sessions(query, final, outer);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Query	   *part = rte->subquery;
		StreamTreePlace *found;
		StreamTopn *topn;
		StreamPlace place;

		if (rte->rtekind != RTE_SUBQUERY || !stream_analyze_has_stream(part))
			continue;
		place = stream_locate_member(outer, query,
									 foreach_current_index(lc) + 1);
		check_independent(part, &place);
		if (!is_maintained_member(planting, query,
								  foreach_current_index(lc) + 1, &topn))
		{
			find_places(planting, part, &place);
			continue;
		}
		found = palloc(sizeof(StreamTreePlace));
		found->rte = rte;
		found->cut = make_operator(planting, part, topn, false, &place);
		found->cut->shown = true;
		planting->tree->places = lappend(planting->tree->places, found);
	}
}

/* Are all members of FROM that read streams such as can be joined? */
static bool
can_join(Query *query)
{
	ListCell   *lc;

	foreach(lc, stream_analyze_members_of_from(query))
	{
		Query	   *part = rt_fetch(lfirst_int(lc), query->rtable)->subquery;

		if (part && !is_plain(part) && !is_distinct(part) &&
			!stream_analyze_hands_on_closed(part) &&
			!is_changing(query, lfirst_int(lc)))
			return false;
	}
	return reads_row_by_row(query, true);
}

/* Is it over the changes of an outer join of streams, or of another view? */
static bool
is_over_changes(Query *query)
{
	RangeTblRef *ref = linitial(query->jointree->fromlist);
	RangeTblEntry *rte = rt_fetch(ref->rtindex, query->rtable);

	return rte->rtekind == RTE_SUBQUERY && is_over_join(rte->subquery) &&
		hands_on_changes(rte->subquery);
}

/*
 * DISTINCT over rows that come and go is a grouping, which counts those of each kind.
 */
static void
group_distinct(Query *query)
{
	Query		grouped;

	if (query->distinctClause == NIL || query->hasDistinctOn ||
		query->hasWindowFuncs || query->hasAggs || query->groupClause ||
		query->groupingSets)
		return;
	grouped = *query;
	grouped.groupClause = query->distinctClause;
	grouped.distinctClause = NIL;
	/* it leaves ranges as they are */
	if (is_by_session(&grouped, NULL))
		return;
	if (stream_cut_can_be_keys(&grouped, grouped.groupClause) &&
		(find_changing(&grouped, NULL) > 0 ||
		 (takes_changes(&grouped, NULL) && is_over_changes(&grouped))))
		*query = grouped;
}

/* Does it rank groups where it makes them? */
static bool
ranks_groups(Query *query)
{
	return (query->hasAggs || query->groupClause) && query->hasWindowFuncs &&
		query->groupingSets == NIL && query->distinctClause == NIL &&
		query->setOperations == NULL && query->cteList == NIL &&
		!query->hasSubLinks;
}

/*
 * Where the first of the groups are wanted that a member of FROM ranks, has it read these
 * groups from a sub-select.
 */
static void
nest_groups(Query *query, int rtindex)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	Query	   *part = rte->subquery;
	StreamTopn *topn;

	if (!ranks_groups(part))
		return;
	rte->subquery = copyObject(part);
	stream_firsts_nest(rte->subquery);
	topn = stream_topn_of_member(query, rtindex);
	if (topn == NULL || find_changing(rte->subquery, topn) == 0)
		rte->subquery = part;
}

/* ---- what is over groups, by way of what only joins and computes ---- */

/*
 * Notes of such SELECTs, which the query is or has in its FROM, that they are to be kept by
 * changes; false: there are none.  left: it can be left to readers, so what would be
 * refused is not wanted (*possible).
 */
static bool
want_changes(Query *query, bool left, bool *possible)
{
	List	   *members = stream_analyze_members_of_from(query);
	bool		joins = list_length(members) > 1;
	bool		wanted = false;
	ListCell   *lc;

	if (joins ? !stream_analyze_joins_rows(query) :
		members && is_plain(query) && passes_changes(query) &&
		is_changing(query, linitial_int(members)))
	{
		stream_analyze_want_changes(query);
		if (joins && left)
			*possible &= can_join(query) &&
				stream_joining_is_possible(query,
										   members_that_change(query, false));
		return true;
	}
	foreach(lc, members)
	{
		Query	   *part = rt_fetch(lfirst_int(lc), query->rtable)->subquery;

		if (part && is_plain(part))
			wanted |= want_changes(part, left, possible);
	}
	return wanted;
}

/* A copy of the query that is over changes of groups; NULL: it cannot be. */
static Query *
over_changes_of_groups(Query *from, bool left, bool wrap,
					   const StreamPlace *place)
{
	Query	   *query = copyObject(from);
	bool		possible = query->cteList == NIL;

	if (!want_changes(query, left, &possible) || !possible)
		return NULL;
	if (!stream_analyze_joins_rows(query))
		return query;
	if (!can_join(query))
		return NULL;
	if (wrap)
		stream_joining_wrap(query, place);
	return query;
}

/*
 * Has the query keep what is over groups by their changes, if that is worth it: if it is
 * more than what readers compute, or if they could not.
 */
static void
keep_by_changes(Planting *planting, Query *query, bool outermost,
				bool tests, const StreamPlace *place)
{
	bool		left = !tests && reads_operators(planting, query);
	bool		wrap = outermost || !is_plain(query);
	List	   *members = stream_analyze_members_of_from(query);
	Query	   *over;

	/* what only shows groups or first rows is read over these as it is */
	if (!is_operator(query) && left &&
		(!outermost || !is_plain(query) || !planting->options->changes ||
		 (list_length(members) == 1 &&
		  is_changing(query, linitial_int(members)))))
		return;
	over = over_changes_of_groups(query, left, wrap, place);
	if (over == NULL)
		return;
	group_distinct(over);
	if (!left || (is_operator(over) ?
				  takes_changes(over, stream_topn_of_distinct(over)) :
				  passes_changes(over)))
	{
		*query = *over;
		planting->kept |= outermost;
	}
}

/* The same where a query around it wants the first rows of it. */
static void
rank_changes(Planting *planting, Query *query, int rtindex,
			 const StreamPlace *place)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	Query	   *part = rte->subquery;
	Query	   *over;
	StreamTopn *topn;

	if (part->hasAggs || part->groupClause ||
		stream_topn_of_member(query, rtindex) == NULL ||
		(over = over_changes_of_groups(part, reads_operators(planting, part),
									   true, place)) == NULL)
		return;
	rte->subquery = over;
	topn = stream_topn_of_member(query, rtindex);
	if (topn == NULL || !takes_changes(over, topn))
		rte->subquery = part;
}

/* ---- preparing ---- */

/* UNION below something else is DISTINCT over UNION ALL, if that can be an operator. */
static void
nest_union(Query *query)
{
	Query		before = *query;

	stream_uniting_nest_distinct(query);
	if (!stream_cut_can_be_keys(query, query->distinctClause))
		*query = before;
}

/*
 * Can the query take rows that come and go from its FROM?  topn: the first rows that are
 * wanted of it, or NULL.  takes: what is above can take such rows from it.
 */
static bool
takes_from_below(Planting *planting, Query *query, const StreamTopn *topn,
				 bool takes)
{
	Query		alone = *query;

	if (planting->tree->append)
		return false;
	if (query->setOperations)
		return takes;
	if (stream_analyze_joins_rows(query))
	{
		/* what can be left to readers is; else a sub-select is to join */
		if (reads_operators(planting, query))
			return false;
		alone.jointree = makeFromExpr(list_make1(makeNode(RangeTblRef)), NULL);
		alone.hasSubLinks = false;
	}
	if (is_transform(query))
		return takes && passes_changes(&alone);
	if (topn == NULL && is_distinct(query))
		alone.groupClause = query->distinctClause;
	return takes_changes(&alone, topn);
}

/*
 * Can the part of UNION ALL be read, as it is or from an operator (*made)?
 */
static bool
can_be_part(Planting *planting, Query *query, int rtindex, bool takes,
			bool *made)
{
	Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;
	bool		groups;

	if (!stream_analyze_has_stream(part))
		return false;
	groups = is_changing(query, rtindex) || find_passed(part) > 0;
	if (!groups && !is_distinct(part) && !is_over_join(part) &&
		!stream_analyze_hands_on_closed(part))
		return is_plain(part) && reads_row_by_row(part, false);
	*made = true;
	if (!groups && !reads_row_by_row(part, true))
		return false;
	return takes || !(groups || (!planting->tree->append && is_over_join(part) &&
								 hands_on_changes(part)));
}

/*
 * Marks UNION ALL that is an operator.  The whole query is none where readers can put the
 * states of its parts together, which costs nothing.
 */
static void
unite(Planting *planting, Query *query, bool takes, bool outermost)
{
	bool		made = false;
	ListCell   *lc;

	if (query->setOperations == NULL ||
		!(outermost ? is_transform(query) : is_plain(query)))
		return;
	foreach(lc, stream_uniting_parts(query))
		if (!can_be_part(planting, query, lfirst_int(lc), takes, &made))
			return;
	if (!made || (outermost && reads_operators(planting, query) &&
				  !(planting->options->changes && parts_change(query))))
		return;
	if (outermost && !stream_uniting_can_wrap(query))
		return;
	stream_uniting_mark(query);
	if (outermost)
		stream_uniting_wrap(query);
}

#define READ_RANK "a rank that is read, other than in a bound such as rn <= 10,"

/* Is a rank read of first rows, which changes when others come? */
static bool
reads_rank(Query *query, int rtindex)
{
	StreamTopn *topn = first_rows_of(query, rtindex);

	return topn && !stream_topn_is_one_row(topn) &&
		!stream_topn_is_bound(query, rtindex, topn);
}

/* What keeps a sub-select from being read row by row, or by changes; or NULL. */
static const char *
obstacle_in(Query *part)
{
	ListCell   *lc;

	if (part->setOperations)
		return NULL;
	if ((part->limitCount || part->limitOffset) && is_operator(part))
		return "LIMIT";
	if (part->hasSubLinks)
		return "a sub-select of an expression";
	if (part->hasTargetSRFs)
		return "a set-returning function";
	if (part->hasWindowFuncs && (part->hasAggs || part->groupClause))
		return "a window function over groups";
	if (is_mutable(part))
		return "a function that is not immutable";
	foreach(lc, part->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY &&
			stream_analyze_has_stream(rte->subquery) &&
			!is_row_by_row(rte->subquery, true) &&
			!is_changing(part, foreach_current_index(lc) + 1))
			return reads_rank(part, foreach_current_index(lc) + 1) ?
				READ_RANK : obstacle_in(rte->subquery);
	}
	return NULL;
}

/* Says of members of a join, which cannot be made, what is in the way. */
static void
refuse_members(Query *query, const StreamPlace *outer)
{
	ListCell   *lc;
	List	   *members = stream_analyze_members_of_from(query);

	foreach(lc, members)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);
		StreamPlace place;
		const char *what;

		if (rte->rtekind != RTE_SUBQUERY ||
			is_row_by_row(rte->subquery, true) ||
			is_changing(query, lfirst_int(lc)))
			continue;
		place = stream_joining_locate(outer, query, lfirst_int(lc));
		check_independent(rte->subquery, &place);
		what = reads_rank(query, lfirst_int(lc)) ? READ_RANK :
			obstacle_in(rte->subquery);
		if (what)
			stream_refuse_in(&place,
							 psprintf("%s in a sub-select with groups or first rows that is joined with a stream is",
									  what), rte->subquery->targetList,
							 "Have an ordinary view join continuous views, one of which is that sub-select.");
	}
}

/* ---- tables beside what comes and goes ---- */

/* Has the query members in FROM whose rows come and go, or have such any? */
static bool
reads_changing(Query *query)
{
	ListCell   *lc;
	List	   *members = stream_analyze_members_of_from(query);

	CHECK_FOR_INTERRUPTS();
	foreach(lc, members)
	{
		Query	   *part = rt_fetch(lfirst_int(lc), query->rtable)->subquery;

		if (part && (is_changing(query, lfirst_int(lc)) ||
					 (is_over_join(part) && hands_on_changes(part)) ||
					 (is_plain(part) && reads_changing(part))))
			return true;
	}
	return false;
}

/*
 * Has what is looked up for rows that come and go kept with these.  Where that can be left to
 * readers, it is.  needed: what is around cannot.
 */
static void
look_up(Planting *planting, Query *query, bool outermost, bool needed,
		const StreamPlace *place)
{
	bool		wrap = outermost || !is_plain(query);
	Query	   *over;
	Query	   *inner;

	if (!stream_lookups_are_wanted(query,
								   stream_analyze_members_of_from(query)) ||
		stream_joining_has_tests(query) || !reads_changing(query) ||
		(!needed && reads_operators(planting, query)))
		return;
	over = copyObject(query);
	inner = wrap ? stream_joining_wrap(over, place) : over;
	if (stream_lookups_nest(inner, stream_analyze_members_of_from(inner),
							place))
		*query = *over;
}

/* ---- closed groups ---- */

/* Has FROM, by way of what only filters and computes, tests by EXISTS that are yet to be made? */
static bool
has_tests_below(Query *query)
{
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	foreach(lc, query->rtable)
	{
		Query	   *part = lfirst_node(RangeTblEntry, lc)->subquery;

		if (lfirst_node(RangeTblEntry, lc)->rtekind != RTE_SUBQUERY ||
			is_operator(part))
			continue;
		if (stream_analyze_has_stream(part->jointree->quals) ||
			has_tests_below(part))
			return true;
	}
	return false;
}

/*
 * Are groups in FROM of a query in append mode to be handed on when they are closed, for
 * readers cannot put together what is made of them?
 */
static bool
takes_closed(Planting *planting, Query *query, bool outermost, bool needed)
{
	List	   *members = stream_analyze_members_of_from(query);
	bool		joins = list_length(members) > 1;

	if (!planting->tree->append)
		return false;
	if (query->hasAggs || query->groupClause)
		return joins || count_members(query) > 1;
	if (query->setOperations == NULL && !joins)
		return outermost && planting->options->changes &&
			stream_lookups_are_wanted(query, members);
	return !reads_operators(planting, query) || needed ||
		has_tests_below(query) || stream_analyze_partial_joins(query) ||
		(outermost && planting->options->changes);
}

static void
refuse_unclosed(Query *query, const StreamPlace *place)
{
	stream_refuse_in(place,
					 "output mode \"append\" of what is made of an aggregation without an event time among its keys is",
					 query->targetList,
					 "Group by a window of the stream's event time, such as tumble(ts, '1 minute'), or use output mode \"update\".");
}

/*
 * Has an aggregation hand on its groups when they are closed, if it can.  (What is said of a
 * group is said once.)
 */
static void
hand_on_closed(Query *query, const StreamPlace *place)
{
	if (!is_simple_aggregation(query) || query->hasWindowFuncs ||
		query->limitCount || query->limitOffset ||
		!reads_row_by_row(query, true))
		return;
	if (!stream_eventtime_closes(query))
		refuse_unclosed(query, place);
	stream_analyze_hand_on_closed(query);
}

/*
 * Writes the query and its parts so that joins of streams, UNION ALL, and what is above rows
 * that come and go, are operators by themselves.  Joins are put into sub-selects where more
 * is done than to join; what can be a join becomes one.  topn, takes: as takes_from_below;
 * needed: as look_up; closes: what is above takes groups when they are closed.
 */
static void
arrange(Planting *planting, Query *query, const StreamTopn *topn, bool takes,
		bool outermost, bool needed, bool closes, const StreamPlace *place)
{
	bool		append = planting->tree->append;
	bool		closed;
	bool		tests;
	bool		below;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	/* while they are where they have been written */
	refuse_locks(query, place);
	tests = stream_semijoin_pull_up(query, append, place);
	if (stream_uniting_is_distinct(query) && stream_uniting_can_wrap(query) &&
		(!outermost || planting->options->changes ||
		 !reads_operators(planting, query)))
		nest_union(query);
	below = takes_from_below(planting, query, topn, takes);
	closed = closes || takes_closed(planting, query, outermost, needed);
	needed |= !reads_operators(planting, query);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		int			rtindex = foreach_current_index(lc) + 1;
		StreamPlace part;

		if (rte->rtekind != RTE_SUBQUERY ||
			!stream_analyze_has_stream(rte->subquery))
			continue;
		part = stream_joining_locate(place, query, rtindex);
		arrange(planting, rte->subquery, first_rows_of(query, rtindex), below,
				false, needed, closed, &part);
		if (append)
			continue;
		nest_groups(query, rtindex);
		rank_changes(planting, query, rtindex, &part);
	}
	if (!append)
	{
		look_up(planting, query, outermost, needed, place);
		keep_by_changes(planting, query, outermost, tests, place);
	}
	if ((tests || (stream_analyze_joins_rows(query) &&
				   !reads_operators(planting, query))) && !can_join(query))
		refuse_members(query, place);
	if (tests && !can_join(query))
		stream_refuse_in(place,
						 "EXISTS or NOT EXISTS over a stream, beside an aggregation or a deduplication of streams, or over one, is",
						 query->targetList,
						 "Leave it to an ordinary view over continuous views.");
	if (append && stream_analyze_joins_rows(query) && can_join(query))
		stream_eventtime_nest(query, false);
	if ((outermost || !is_plain(query)) &&
		stream_analyze_joins_rows(query) && can_join(query))
		stream_joining_wrap(query, place);
	if (!append)
		group_distinct(query);
	if (closes)
		hand_on_closed(query, place);
	unite(planting, query, takes, outermost);
}

/* Is the whole result rows that come and go, which readers are not to put together? */
static bool
shows_changes(Planting *planting, Query *query)
{
	return planting->options->changes && is_plain(query) &&
		is_over_join(query) && reads_row_by_row(query, true) &&
		hands_on_changes(query);
}

/*
 * The member of FROM, as an index into the range table, that has the first rows which are
 * all that the query shows, such that each row says by itself what is shown of it; 0: it
 * is another query.
 */
static int
find_shown_rows(StreamTree *tree)
{
	Query	   *query = tree->query;
	StreamTreePlace *found = linitial(tree->places);
	RangeTblRef *ref;
	RangeTblEntry *rte;

	if (list_length(tree->places) != 1 || found->cut->topn == NULL ||
		!is_plain(query) || query->hasSubLinks || query->hasTargetSRFs ||
		query->limitCount || query->limitOffset ||
		list_length(query->jointree->fromlist) != 1)
		return 0;
	ref = linitial(query->jointree->fromlist);
	if (!IsA(ref, RangeTblRef))
		return 0;
	rte = rt_fetch(ref->rtindex, query->rtable);
	return rte == found->rte && !is_mutable(query) &&
		!is_mutable(rte->subquery) &&
		is_simple_rows(query, ref->rtindex, found->cut->topn) ?
		ref->rtindex : 0;
}

/* The change stream of the view. */
static void
add_changes(Planting *planting, const StreamPlace *place)
{
	StreamTree *tree = planting->tree;
	int			rtindex = tree->places ? find_shown_rows(tree) : 0;

	if (tree->places && rtindex == 0)
		stream_refuse_in(place,
						 "a change stream of a view part of whose query is left to readers is",
						 tree->query->targetList,
						 "Leave that part to an ordinary view over the continuous view; of first rows, do not show the rank.");
	tree->changes = stream_changes_cut(tree->top, tree->query, rtindex,
									   tree->append, place);
	add_cut(planting, tree->changes);
}

/* The operator to whose table all of the result is added, and nothing else is done. */
static StreamCut *
added_only(const StreamTree *tree, const StreamOptions *options)
{
	if (tree->changes && tree->top->kind != STREAM_CUT_TRANSFORM)
		return tree->top->final_only ||
			(tree->top->kind == STREAM_CUT_DISTINCT &&
			 !tree->top->over_changes &&
			 options->output_mode != STREAM_OUTPUT_COMPLETE) ?
			tree->changes : NULL;
	return tree->places == NIL && tree->top->kind == STREAM_CUT_TRANSFORM ?
		tree->top : NULL;
}

/*
 * The operator of whose rows readers see each by itself; of first rows, all of a key
 * together.
 */
static StreamCut *
shown_alone(const StreamTree *tree)
{
	Query	   *query = tree->query;
	StreamCut  *cut = tree->top;
	RangeTblRef *ref;

	if (tree->places)
	{
		StreamTreePlace *place = linitial(tree->places);

		if (list_length(tree->places) != 1 || !is_plain(query) ||
			query->setOperations ||
			list_length(query->jointree->fromlist) != 1)
			return NULL;
		ref = linitial(query->jointree->fromlist);
		if (!IsA(ref, RangeTblRef) ||
			rt_fetch(ref->rtindex, query->rtable) != place->rte)
			return NULL;
		cut = place->cut;
	}
	query = cut->query;
	if (query->limitCount || query->limitOffset)
		return NULL;
	/* the ranking, or DISTINCT ON, is about the rows of a key */
	if (cut->topn)
		return cut;
	return query->hasWindowFuncs ||
		(query->distinctClause && cut->kind != STREAM_CUT_DISTINCT) ?
		NULL : cut;
}

/* Of what is looked up in a batch, nothing may be what others change. */
static void
check_feeds(StreamTree *tree, const StreamPlace *place)
{
	ListCell   *lc;
	ListCell   *lf;

	foreach(lc, tree->cuts)
		foreach(lf, ((StreamCut *) lfirst(lc))->feeds)
			stream_changes_check_feed(((StreamFeed *) lfirst(lf))->query,
									  place);
}

StreamTree *
stream_tree_of_query(Query *query, const StreamOptions *options,
					 const StreamPlace *place)
{
	StreamTree *tree = palloc0(sizeof(StreamTree));
	Planting	planting = {tree, options};
	StreamPlace nowhere = {0};
	Query	   *asked;
	Node	   *hidden;

	if (place == NULL)
		place = &nowhere;
	stream_analyze_check_size(query);
	stream_analyze_check_tables(query, place);
	tree->query = query = copyObject(query);
	tree->append = options->output_mode == STREAM_OUTPUT_APPEND;
	stream_analyze_inline_with(query);
	stream_topn_forget_ranks(query);
	stream_outerjoins_nest(query);
	asked = copyObject(query);
	stream_changes_expand(query, place);
	/* of views, too */
	stream_outerjoins_nest(query);
	arrange(&planting, query, stream_topn_of_distinct(query), !tree->append,
			true, false, false, place);
	if (is_maintained(&planting, query) || planting.kept ||
		!reads_operators(&planting, query) || shows_changes(&planting, query))
		make_operator(&planting, query, NULL, false, place);
	else
	{
		find_places(&planting, query, place);
		hidden = stream_analyze_hidden_stream(query);
		if (hidden)
			stream_refuse_in(place,
							 "reading a stream in a sub-select of an expression is",
							 hidden, "Name the stream in FROM.");
	}
	if (options->within_watermark && stream_tree_cut(tree, 0)->kind != STREAM_CUT_DISTINCT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.distinct_within_watermark\" needs a query with SELECT DISTINCT"),
				 errhint("Leave the option out."),
				 stream_cut_within_position(place)));
	tree->top = llast(tree->cuts);
	tree->top->shown = true;
	if (options->changes)
		add_changes(&planting, place);
	check_feeds(tree, place);
	tree->alone = shown_alone(tree);
	tree->added = added_only(tree, options);
	/* (rows that wait for those of another view come later than they say) */
	if (tree->added && !stream_changes_are_tested(asked))
	{
		stream_semijoin_pull_up_all(asked, tree->append);
		tree->time_column = stream_eventtime_of_output(asked, tree->append);
	}
	return tree;
}

/* Do two feeds say the same? */
static bool
same_feeds(const StreamFeed *a, const StreamFeed *b)
{
	return a->mode == b->mode && a->first == b->first &&
		a->content == b->content && a->later == b->later &&
		a->closes == b->closes && equal(a->aggs, b->aggs) &&
		equal(a->query, b->query);
}

static bool
same_cuts(const StreamCut *a, const StreamCut *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (a->kind != b->kind || a->over_changes != b->over_changes ||
		a->signs != b->signs || a->keeps != b->keeps || a->bits != b->bits ||
		a->shown != b->shown || a->hands_on != b->hands_on ||
		list_length(a->feeds) != list_length(b->feeds) ||
		list_length(a->keys) != list_length(b->keys) ||
		list_length(a->payload) != list_length(b->payload) ||
		!equal(a->agg_names, b->agg_names) ||
		!equal(a->state_names, b->state_names) || !equal(a->expiry, b->expiry))
		return false;
	forboth(la, a->feeds, lb, b->feeds)
		if (!same_feeds(lfirst(la), lfirst(lb)))
			return false;
	forboth(la, a->keys, lb, b->keys)
		if (!equal(((StreamKey *) lfirst(la))->expr,
				   ((StreamKey *) lfirst(lb))->expr))
			return false;
	forboth(la, a->payload, lb, b->payload)
		if (!equal(((StreamPayload *) lfirst(la))->expr,
				   ((StreamPayload *) lfirst(lb))->expr))
			return false;
	return true;
}

bool
stream_tree_same_operators(const StreamTree *a, const StreamTree *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a->cuts) != list_length(b->cuts))
		return false;
	forboth(la, a->cuts, lb, b->cuts)
		if (!same_cuts(lfirst(la), lfirst(lb)))
			return false;
	return true;
}

/* The key takes the place of the column that a condition is about. */
static Node *
key_mutator(Node *node, StreamTreeFinal *final)
{
	if (node == NULL)
		return NULL;
	if (equal(node, final->window->key_column))
		return (Node *) copyObject(final->key);
	/* what is below is about the table of progress */
	if (IsA(node, Query))
		return (Node *) copyObject(node);
	return expression_tree_mutator(node, key_mutator, final);
}

/* Has an aggregation show only groups that are final. */
static void
show_final(StreamTreeFinal *final, bool unlogged)
{
	Node	   *closed = stream_closing_is_closed(final->window, unlogged);
	Query	   *query = final->query;

	query->havingQual = make_and_qual(query->havingQual,
									  key_mutator(closed, final));
	query->hasSubLinks = true;
}

Query *
stream_tree_reading(StreamTree *tree, List *states, const char *source)
{
	ListCell   *lc;

	if (tree->places == NIL)
		return stream_reading_of_cut(tree->top,
									 list_nth_oid(states, tree->top->number),
									 tree->append, source);
	foreach(lc, tree->places)
	{
		StreamTreePlace *place = lfirst(lc);

		place->rte->subquery =
			stream_reading_of_cut(place->cut,
								  list_nth_oid(states, place->cut->number),
								  tree->append, source);
	}
	foreach(lc, tree->finals)
		show_final(lfirst(lc), get_rel_persistence(list_nth_oid(states,
																tree->top->number)) ==
				   RELPERSISTENCE_UNLOGGED);
	return tree->query;
}
