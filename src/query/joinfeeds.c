/*-------------------------------------------------------------------------
 *
 * joinfeeds.c
 *	  The feeds of a join of streams.
 *
 * For each side, a feed joins its new rows with the tables of the others; see
 * joining.c.
 *
 * In an outer join
 *
 *		SELECT l.a, r.b FROM l LEFT JOIN r ON l.k = r.k
 *
 * a row of a preserved side comes out alone, too, until another one matches it.  Then
 * it goes: rows have a sign.  The feed of new rows of l is a left join with the table of
 * r, that of new rows of r an inner one; and these have a second feed for what goes:
 *
 *		SELECT DISTINCT ON (l.ctid) l.a, NULL, -1
 *		FROM new rows of r, table of l
 *		WHERE l.k = r.k AND NOT EXISTS (SELECT FROM table of r WHERE l.k = r.k)
 *
 * EXISTS and NOT EXISTS (semijoin.c) are tests of the rows of one side against those of
 * others, of which no pairs are made:
 *
 *		SELECT l.a FROM l WHERE EXISTS (SELECT FROM r WHERE l.k = r.k AND l.a < r.b)
 *			AND NOT EXISTS (SELECT FROM s WHERE l.k = s.k)
 *
 * The new rows of l come out if they pass the tests against the tables of r and s.  For
 * new rows of r, or s, it is the same query as above, where all other tests hold: what it
 * finds passes the test of r from now on, and comes; or fails that of s, and goes.  If
 * nothing goes, there are no signs.  But of a key that many rows have on both sides no
 * pairs are made, where something is equal:
 *
 *		SELECT l.a FROM table of l WHERE EXISTS (SELECT FROM new rows of r WHERE l.k = r.k)
 *			AND EXISTS (SELECT FROM new rows of r WHERE l.k = r.k AND l.a < r.b) AND ...
 *
 * of which the planner makes the first a join with the different values of r.k.
 *
 * A side whose own rows come and go (an aggregation, first rows, an outer join) has rows
 * with a sign, which is that of the pairs that they make, and of what they are alone.  If
 * other rows are asked about it, the feed of those that had no match before its new rows has
 * a counterpart, which runs when these are kept: the rows that match one of them (which may
 * have gone) and have no match now.  A row that no new one matches has the matches that it
 * had.  Of the others, one that had none before makes one change, one that has none after
 * makes the opposite: that is, for each row, what is true of it now less what was.  If
 * nothing matched it before, or after, but something in between, they cancel each other out.
 *
 * In append mode nothing goes either.  Pairs come at once, and what comes alone does when
 * the watermark says that it finds no other any more: a column of the table says until
 * when that is, and another feed, which needs no new rows, finds the rows whose time has
 * come in this batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "query/closing.h"
#include "query/nesting.h"
#include "query/joinfeeds.h"

/* A side: its columns as expressions over the join's range table. */
typedef struct Side
{
	int			rtindex;
	List	   *exprs;
} Side;

typedef struct Replacing
{
	List	   *sides;
	int			sublevels_up;
	bool		outer;			/* it is an outer join: above it, an expression is not
								 * what it is below, columns only */
	bool		in_condition;	/* of a JOIN */
} Replacing;

/* What refers to the members of FROM refers to the columns of the sides. */
static Node *
replacing_mutator(Node *node, Replacing *context)
{
	Var		   *var = (Var *) node;
	Node	   *result;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && var->varlevelsup == context->sublevels_up &&
		context->sublevels_up > 0)
	{
		var = copyObject(var);
		var->varlevelsup = 0;
	}
	if (IsA(node, JoinExpr))
	{
		bool		before = context->in_condition;

		context->in_condition = true;
		result = expression_tree_mutator(node, replacing_mutator, context);
		context->in_condition = before;
		return result;
	}
	if ((context->sublevels_up == 0 && !IsA(node, List) &&
		 (IsA(node, Var) || context->in_condition || !context->outer)) ||
		(Node *) var != node)
		foreach(lc, context->sides)
		{
			Side	   *side = lfirst(lc);
			int			position = stream_nesting_position(side->exprs, var);

			if (position >= 0)
				return (Node *) makeVar(side->rtindex, position + 1,
										exprType((Node *) var),
										exprTypmod((Node *) var),
										exprCollation((Node *) var),
										context->sublevels_up);
		}
	if (IsA(node, Query))
	{
		context->sublevels_up++;
		result = (Node *) query_tree_mutator((Query *) node, replacing_mutator,
											 context, 0);
		context->sublevels_up--;
		return result;
	}
	return expression_tree_mutator(node, replacing_mutator, context);
}

/* The member of FROM reads what the side hands on, or keeps. */
static void
read_side(Query *query, const StreamCutInput *below,
		  const StreamFeedInput *input)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *names = NIL;

	stream_cut_read(rte, input);
	for (int i = 1; i <= list_length(rte->coltypes); i++)
		names = lappend(names, makeString(psprintf("column%d", i)));
	rte->eref = makeAlias(rt_fetch(below->rtindex,
								   query->rtable)->eref->aliasname, names);
	rte->inFromCl = true;
	lfirst(list_nth_cell(query->rtable, below->rtindex - 1)) = rte;
}

/* Adds the column that says whether a row comes or goes. */
static void
add_sign_of(Query *query, Expr *sign)
{
	query->targetList = lappend(query->targetList,
								makeTargetEntry(sign,
												list_length(query->targetList) + 1,
												"_sign", false));
}

static void
add_sign(Query *query, int sign)
{
	add_sign_of(query, (Expr *) makeConst(INT4OID, -1, InvalidOid,
										  sizeof(int32), Int32GetDatum(sign),
										  false, true));
}

/* Pairs come and go with the new row that makes them. */
static void
add_sign_of_pairs(Query *query, const StreamCutInput *new)
{
	if (new->cut->signs && !STREAM_MUTATION("join_signs"))
		add_sign_of(query, (Expr *)
					makeVar(new->rtindex,
							list_length(stream_cut_output(new->cut)), INT4OID,
							-1, InvalidOid, 0));
	else
		add_sign(query, 1);
}

/*
 * A copy of the query whose sides are still to be read, without their sub-selects, which may
 * be long chains.
 */
static Query *
copy_without_sides(const StreamCut *cut)
{
	Query		query = *cut->query;
	ListCell   *lc;

	query.rtable = list_copy(query.rtable);
	foreach(lc, cut->below)
	{
		RangeTblEntry *rte = makeNode(RangeTblEntry);
		ListCell   *place = list_nth_cell(query.rtable,
										  ((StreamCutInput *) lfirst(lc))->rtindex - 1);

		*rte = *lfirst_node(RangeTblEntry, place);
		rte->subquery = NULL;
		lfirst(place) = rte;
	}
	return copyObject(&query);
}

/*
 * Has the members of FROM read new rows of one side, and the tables of the others.  again:
 * those of the side are kept before.
 */
static List *
read_sides(StreamCut *cut, Query *query, const StreamCutInput *new, bool again)
{
	List	   *inputs = NIL;
	ListCell   *lc;

	foreach(lc, cut->below)
	{
		StreamCutInput *below = lfirst(lc);
		StreamFeedInput *input = palloc0(sizeof(StreamFeedInput));

		input->cut = below->cut;
		input->table = below != new;
		input->again = again && below == new;
		inputs = lappend(inputs, input);
		read_side(query, below, input);
	}
	return inputs;
}

/* The one outer join that FROM consists of. */
static JoinExpr *
outer_join_of(Query *query)
{
	return linitial_node(JoinExpr, query->jointree->fromlist);
}

static StreamCutInput *
other_side(StreamCut *cut, const StreamCutInput *side)
{
	return linitial(cut->below) == side ? lsecond(cut->below) :
		linitial(cut->below);
}

/* New rows are preserved, if their side is; those of the table are not. */
static void
set_join_type(StreamCut *cut, Query *query, const StreamCutInput *new)
{
	JoinExpr   *join = outer_join_of(query);
	int			other = other_side(cut, new)->rtindex;

	join->jointype = JOIN_INNER;
	if (new->preserved && cut->signs)
		join->jointype = ((RangeTblRef *) join->larg)->rtindex == new->rtindex ?
			JOIN_LEFT : JOIN_RIGHT;
	rt_fetch(join->rtindex, query->rtable)->jointype = join->jointype;
	if (join->jointype == JOIN_INNER)
		return;
	query->targetList = (List *)
		stream_compat_add_nulling((Node *) query->targetList, other,
								  join->rtindex);
	query->jointree->quals =
		stream_compat_add_nulling(query->jointree->quals, other,
								  join->rtindex);
}

/* A condition of the join, with what that adds for new rows of a side that come out alone. */
static Node *
condition_for_new(Node *condition, const StreamCutInput *found,
				  Replacing *replacing)
{
	bool		before = replacing->in_condition;
	Node	   *found_by;

	if (found->found_by == NULL || STREAM_MUTATION("join_found"))
		return condition;
	replacing->in_condition = true;
	found_by = replacing_mutator(found->found_by, replacing);
	replacing->in_condition = before;
	return make_and_qual(condition, found_by);
}

/* The join of the new rows of a side with what the others keep. */
static void
add_pairs(StreamCut *cut, Replacing *replacing, const StreamCutInput *new)
{
	Query	   *query = copy_without_sides(cut);
	List	   *inputs = read_sides(cut, query, new, false);
	StreamFeed *feed;

	query = query_tree_mutator(query, replacing_mutator, replacing, 0);
	if (replacing->outer)
	{
		set_join_type(cut, query, new);
		outer_join_of(query)->quals =
			condition_for_new(outer_join_of(query)->quals,
							  other_side(cut, new), replacing);
	}
	if (cut->signs)
		add_sign_of_pairs(query, new);
	feed = stream_cut_add_feed(cut, query, STREAM_FEED_ROWS);
	feed->inputs = inputs;
	feed->closes = new->cut->thresholds;
}

/* ---- what goes ---- */

/* Columns of the member become null. */
static Node *
null_mutator(Node *node, int *rtindex)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varno == *rtindex)
		return (Node *) makeNullConst(exprType(node), exprTypmod(node),
									  exprCollation(node));
	return expression_tree_mutator(node, null_mutator, rtindex);
}

/* The query of an outer join is about rows of the other side alone. */
static void
make_null(Query *query, const StreamCutInput *side)
{
	int			rtindex = side->rtindex;

	rt_fetch(outer_join_of(query)->rtindex, query->rtable)->jointype =
		JOIN_INNER;
	query->targetList = (List *) null_mutator((Node *) query->targetList,
											  &rtindex);
	query->jointree->quals = null_mutator(query->jointree->quals, &rtindex);
}

/* Those of one level up become those of the only member of FROM. */
static Node *
into_mutator(Node *node, int *rtindex)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varno == *rtindex)
	{
		Var		   *var = copyObject((Var *) node);

		var->varno = 1;
		var->varlevelsup = 0;
		return (Node *) var;
	}
	return expression_tree_mutator(node, into_mutator, rtindex);
}

static RangeTblRef *
reference(int rtindex)
{
	RangeTblRef *ref = makeNode(RangeTblRef);

	ref->rtindex = rtindex;
	return ref;
}

/* The table as an input, which it may be already. */
static StreamFeedInput *
table_of(const StreamCutInput *side, List **inputs)
{
	StreamFeedInput *input;
	ListCell   *lc;

	foreach(lc, *inputs)
	{
		input = lfirst(lc);
		if (input->cut == side->cut && input->table)
			return input;
	}
	input = palloc0(sizeof(StreamFeedInput));
	input->cut = side->cut;
	input->table = true;
	*inputs = lappend(*inputs, input);
	return input;
}

/* EXISTS (SELECT FROM what the side keeps, or hands on, WHERE condition) */
static Node *
exists_among(const StreamCutInput *in, Node *condition,
			 const StreamFeedInput *input)
{
	Query	   *query = makeNode(Query);
	SubLink    *sublink = makeNode(SubLink);
	StreamCutInput only = *in;

	condition = copyObject(condition);
	IncrementVarSublevelsUp(condition, 1, 0);
	condition = into_mutator(condition, &only.rtindex);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(makeNode(RangeTblEntry));
	linitial_node(RangeTblEntry, query->rtable)->eref = makeAlias("others", NIL);
	only.rtindex = 1;
	read_side(query, &only, input);
	query->jointree = makeFromExpr(list_make1(reference(1)), condition);
	sublink->subLinkType = EXISTS_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	return (Node *) sublink;
}

/* ... the table of the side, which is among the inputs then */
static Node *
exists_in(const StreamCutInput *in, Node *condition, List **inputs)
{
	return exists_among(in, condition, table_of(in, inputs));
}

static Node *
exists_none(const StreamCutInput *in, Node *condition, List **inputs)
{
	return (Node *) makeBoolExpr(NOT_EXPR,
								 list_make1(exists_in(in, condition, inputs)),
								 -1);
}

/* Each row of the table once, however many new ones match it. */
static void
take_each_once(Query *query, int rtindex)
{
	SortGroupClause *clause = makeNode(SortGroupClause);
	Var		   *ctid = makeVar(rtindex, SelfItemPointerAttributeNumber,
							   TIDOID, -1, InvalidOid, 0);
	TargetEntry *tle = makeTargetEntry((Expr *) ctid,
									   list_length(query->targetList) + 1,
									   NULL, true);

	tle->ressortgroupref = clause->tleSortGroupRef = 1;
	get_sort_group_operators(TIDOID, true, true, false, &clause->sortop,
							 &clause->eqop, NULL, &clause->hashable);
	query->targetList = lappend(query->targetList, tle);
	query->distinctClause = list_make1(clause);
	query->sortClause = list_make1(copyObject(clause));
	query->hasDistinctOn = true;
}

/* The condition by which rows of the side match others. */
static Node *
condition_of(Query *query, const StreamCutInput *side)
{
	JoinExpr   *join = outer_join_of(query);

	while (side->test != JOIN_INNER &&
		   ((RangeTblRef *) join->rarg)->rtindex != side->rtindex)
		join = (JoinExpr *) join->larg;
	return join->quals;
}

/* All tests but that of one side, against the tables.  new: of new rows, or NULL. */
static Node *
all_tests(StreamCut *cut, Query *query, const StreamCutInput *but,
		  Replacing *new, List **inputs)
{
	Node	   *result = NULL;
	ListCell   *lc;

	foreach(lc, cut->below)
	{
		const StreamCutInput *side = lfirst(lc);
		Node	   *condition;

		if (side->test == JOIN_INNER || side == but ||
			STREAM_MUTATION("join_tests"))
			continue;
		condition = condition_of(query, side);
		if (new)
			condition = condition_for_new(condition, side, new);
		result = make_and_qual(result,
							   (side->test == JOIN_ANTI ? exists_none :
								exists_in) (side, condition, inputs));
	}
	return result;
}

/* What of the inputs the new rows of the side are. */
static StreamFeedInput *
input_of(List *inputs, const StreamCutInput *side)
{
	StreamFeedInput *input;
	ListCell   *lc;

	foreach(lc, inputs)
	{
		input = lfirst(lc);
		if (input->cut == side->cut && !input->table)
			return input;
	}
	elog(ERROR, "feed does not read new rows of operator %d",
		 side->cut->number);
}

/* Is something of the one member equal to something of the other? */
static bool
is_equality(Node *condition, int one, int other)
{
	OpExpr	   *op = (OpExpr *) condition;
	Bitmapset  *left;
	Bitmapset  *right;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return false;
	left = pull_varnos(NULL, linitial(op->args));
	right = pull_varnos(NULL, lsecond(op->args));
	return bms_membership(left) == BMS_SINGLETON &&
		bms_membership(right) == BMS_SINGLETON &&
		bms_is_member(one, bms_union(left, right)) &&
		bms_is_member(other, bms_union(left, right));
}

/*
 * That new rows of a side match the kept one, as tests of that: first by what is equal,
 * which each of their values is asked for once.  NULL: nothing is equal, so they are
 * to be joined.
 */
static Node *
matches_new(Node *condition, const StreamCutInput *new,
			const StreamCutInput *kept, List *inputs)
{
	StreamFeedInput *input = input_of(inputs, new);
	Node	   *equal = NULL;
	Node	   *matches;
	bool		all = true;
	List	   *conditions = stream_nesting_conditions(condition);
	ListCell   *lc;

	foreach(lc, conditions)
	{
		if (is_equality(lfirst(lc), new->rtindex, kept->rtindex))
			equal = make_and_qual(equal, lfirst(lc));
		else
			all = false;
	}
	if (equal == NULL || STREAM_MUTATION("join_pairs"))
		return NULL;
	matches = exists_among(new, equal, input);
	return all ? matches :
		make_and_qual(matches, exists_among(new, condition, input));
}

/*
 * Of the rows of a kept side that new rows of another match, those that match nothing in
 * its table, before these are kept, or after.
 */
static void
add_unmatched(StreamCut *cut, Replacing *replacing, StreamCutInput *new,
			  StreamCutInput *kept, bool after)
{
	Query	   *query = copy_without_sides(cut);
	List	   *inputs = read_sides(cut, query, new, after);
	Node	   *condition;
	Node	   *matches;
	Node	   *quals;
	List	   *from = list_make1(reference(kept->rtindex));

	if (replacing->outer)
		make_null(query, new);
	query = query_tree_mutator(query, replacing_mutator, replacing, 0);
	condition = condition_of(query, new);
	/* pairs of an outer join are made anyway */
	matches = replacing->outer ? NULL :
		matches_new(condition, new, kept, inputs);
	if (matches == NULL)
		from = lcons(reference(new->rtindex), from);
	quals = make_and_qual(make_and_qual(query->jointree->quals,
										matches ? matches : condition),
						  all_tests(cut, query, new, NULL, &inputs));
	if (!STREAM_MUTATION("join_matched"))
		quals = make_and_qual(quals, exists_none(new, condition, &inputs));
	query->jointree = makeFromExpr(from, quals);
	query->hasSubLinks = true;
	if (cut->signs)
		add_sign(query, (new->test == JOIN_SEMI) == after ? -1 : 1);
	if (matches == NULL)
		take_each_once(query, kept->rtindex);
	stream_cut_add_feed(cut, query, STREAM_FEED_ROWS)->inputs = inputs;
}

/*
 * The rows of a kept side that had no match before the new rows of another: they go, or,
 * if they have waited for one, come.  If the other's rows go, too, the opposite for those
 * that have none after them.
 */
static void
add_matched(StreamCut *cut, Replacing *replacing, StreamCutInput *new,
			StreamCutInput *kept)
{
	add_unmatched(cut, replacing, new, kept, false);
	if (new->cut->signs && !STREAM_MUTATION("join_bereft"))
		add_unmatched(cut, replacing, new, kept, true);
}

/* ---- what is final ---- */

/* The column that says until when a row of the side can find others. */
static Expr *
final_of(const StreamCutInput *side)
{
	Node	   *time = list_nth(stream_cut_output(side->cut), side->final - 1);

	return (Expr *) makeVar(side->rtindex, side->final, exprType(time),
							exprTypmod(time), exprCollation(time), 0);
}

/* Adds that one of the conditions on the member alone is not true; NULL: there is none. */
static Node *
fails_alone(Node *condition, int rtindex)
{
	List	   *fails = NIL;
	ListCell   *lc;
	List	   *conditions = stream_nesting_conditions(condition);

	foreach(lc, conditions)
	{
		BooleanTest *test = makeNode(BooleanTest);
		Bitmapset  *of = pull_varnos(NULL, lfirst(lc));
		int			member;

		if (!bms_get_singleton_member(of, &member) || member != rtindex)
			continue;
		test->arg = copyObject(lfirst(lc));
		test->booltesttype = IS_NOT_TRUE;
		test->location = -1;
		fails = lappend(fails, test);
	}
	return fails ? (Node *) make_orclause(fails) : NULL;
}

/*
 * Which rows of a preserved side can find no others whatever comes, for what is said of
 * them alone; NULL: none.
 */
static Node *
finds_none(StreamCut *cut, Query *query, const StreamCutInput *kept,
		   bool outer)
{
	Node	   *result = NULL;
	ListCell   *lc;

	if (outer)
		return fails_alone(outer_join_of(query)->quals, kept->rtindex);
	foreach(lc, cut->below)
	{
		const StreamCutInput *side = lfirst(lc);
		Node	   *fails;

		if (side == kept)
			continue;
		fails = side->test == JOIN_ANTI ?
			fails_alone(condition_of(query, side), kept->rtindex) : NULL;
		if (fails == NULL)
			return NULL;
		result = make_and_qual(result, fails);
	}
	return result;
}

/* There are none in the table of the other side of an outer join.  new: as all_tests. */
static Node *
exists_none_final(const StreamCutInput *other, Query *query, Replacing *new,
				  List **inputs)
{
	Node	   *condition = outer_join_of(query)->quals;

	if (new)
		condition = condition_for_new(condition, other, new);
	return exists_none(other, condition, inputs);
}

/*
 * The rows of a preserved side that find no others any more, and have found none: of those
 * that are kept, when the watermark has it that they cannot; of new ones, if they
 * could not even when they came.
 */
static void
add_final(StreamCut *cut, Replacing *replacing, StreamCutInput *kept,
		  bool new)
{
	Query	   *query = copy_without_sides(cut);
	List	   *inputs = read_sides(cut, query, new ? kept : NULL, false);
	Expr	   *final = final_of(kept);
	Node	   *time = new ? stream_closing_has_expired(final) :
		stream_closing_expires(final);
	Node	   *tests;
	Node	   *none;
	StreamFeed *feed;

	if (replacing->outer)
		make_null(query, other_side(cut, kept));
	query = query_tree_mutator(query, replacing_mutator, replacing, 0);
	tests = STREAM_MUTATION("join_final") ? NULL : replacing->outer ?
		exists_none_final(other_side(cut, kept), query, new ? replacing : NULL,
						  &inputs) :
		all_tests(cut, query, NULL, new ? replacing : NULL, &inputs);
	none = STREAM_MUTATION("join_alone") ? NULL :
		finds_none(cut, query, kept, replacing->outer);
	/* such have come when they were new */
	if (none)
		time = new ? (Node *) make_orclause(list_make2(time, none)) :
			make_and_qual(time, (Node *) make_notclause((Expr *) none));
	query->jointree =
		makeFromExpr(list_make1(reference(kept->rtindex)),
					 make_and_qual(make_and_qual(query->jointree->quals,
												 tests), time));
	query->hasSubLinks = true;
	feed = stream_cut_add_feed(cut, query, STREAM_FEED_ROWS);
	feed->inputs = inputs;
	feed->closes = exprType((Node *) final);
}

/* ---- tests ---- */

/* The new rows of the side that is tested, which pass all tests. */
static void
add_passing(StreamCut *cut, Replacing *replacing, StreamCutInput *tested)
{
	Query	   *query = copy_without_sides(cut);
	List	   *inputs = read_sides(cut, query, tested, false);

	query = query_tree_mutator(query, replacing_mutator, replacing, 0);
	query->jointree =
		makeFromExpr(list_make1(reference(tested->rtindex)),
					 make_and_qual(query->jointree->quals,
								   all_tests(cut, query, NULL, NULL, &inputs)));
	query->hasSubLinks = true;
	if (cut->signs)
		add_sign_of_pairs(query, tested);
	stream_cut_add_feed(cut, query, STREAM_FEED_ROWS)->inputs = inputs;
}

/*
 * The rows of one side are tested against those of all others.  Those come first, so
 * that a row does not come just to go in the same batch.
 */
static void
make_tests(StreamCut *cut, Replacing *replacing)
{
	StreamCutInput *tested = linitial(cut->below);
	ListCell   *lc;

	/* that there are none is known when it is final */
	if (tested->final > 0)
	{
		add_final(cut, replacing, tested, true);
		return;
	}
	for_each_from(lc, cut->below, 1)
		add_matched(cut, replacing, lfirst(lc), tested);
	add_passing(cut, replacing, tested);
}

/* ---- all of them ---- */

/*
 * The order in which new rows of sides are joined: first those that change, last those
 * that are preserved.  So a row seldom meets what it is not to stay with.
 */
static List *
order_of_feeds(StreamCut *cut)
{
	List	   *first = NIL;
	List	   *between = NIL;
	List	   *last = NIL;
	ListCell   *lc;

	if (!cut->signs)
		return cut->below;
	foreach(lc, cut->below)
	{
		StreamCutInput *input = lfirst(lc);

		if (input->preserved)
			last = lappend(last, input);
		else if (input->cut->signs)
			first = lappend(first, input);
		else
			between = lappend(between, input);
	}
	return list_concat(list_concat(first, between), last);
}

void
stream_joinfeeds_make(StreamCut *cut)
{
	Replacing	replacing = {0};
	bool		tests = ((StreamCutInput *) lsecond(cut->below))->test !=
		JOIN_INNER;
	ListCell   *lc;

	foreach(lc, cut->below)
	{
		StreamCutInput *below = lfirst(lc);
		Side	   *side = palloc0(sizeof(Side));

		side->rtindex = below->rtindex;
		side->exprs = copyObject(stream_cut_output(below->cut));
		if (below->cut->signs)
			side->exprs = list_delete_last(side->exprs);
		ChangeVarNodes((Node *) side->exprs, 1, side->rtindex, 0);
		replacing.sides = lappend(replacing.sides, side);
		replacing.outer |= below->preserved && !tests;
	}
	if (tests)
		make_tests(cut, &replacing);
	else
		foreach(lc, order_of_feeds(cut))
		{
			StreamCutInput *new = lfirst(lc);

			add_pairs(cut, &replacing, new);
			if (new->final > 0)
				add_final(cut, &replacing, new, true);
			if (cut->signs && other_side(cut, new)->preserved)
				add_matched(cut, &replacing, new, other_side(cut, new));
		}
	/* when all has been kept */
	foreach(lc, cut->below)
		if (((StreamCutInput *) lfirst(lc))->final > 0)
			add_final(cut, &replacing, lfirst(lc), false);
}

/* ---- tables ---- */

static void
read_table(Query *query, RangeTblEntry *rte, Oid relid)
{
	rte->rtekind = RTE_RELATION;
	rte->relid = relid;
	rte->relkind = RELKIND_RELATION;
	rte->rellockmode = AccessShareLock;
	rte->enrname = NULL;
	rte->enrtuples = 0;
	rte->coltypes = rte->coltypmods = rte->colcollations = NIL;
	stream_compat_require_nothing(query, rte);
}

typedef struct SetTable
{
	char	   *name;			/* of what is to be read from ... */
	Oid			relid;			/* ... this table */
} SetTable;

static bool
set_table_walker(Node *node, SetTable *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, set_table_walker, context);
	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_NAMEDTUPLESTORE &&
			strcmp(rte->enrname, context->name) == 0)
			read_table((Query *) node, rte, context->relid);
	}
	return query_tree_walker((Query *) node, set_table_walker, context, 0);
}

void
stream_joinfeeds_set_tables(StreamFeed *feed, List *states)
{
	ListCell   *lc;

	foreach(lc, feed->inputs)
	{
		StreamFeedInput *input = lfirst(lc);
		SetTable	context;

		if (!input->table)
			continue;
		context.name = stream_cut_input_name(input);
		context.relid = list_nth_oid(states, input->cut->number);
		set_table_walker((Node *) feed->query, &context);
		feed->tables = list_append_unique_oid(feed->tables, context.relid);
	}
}
