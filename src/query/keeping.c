/*-------------------------------------------------------------------------
 *
 * keeping.c
 *	  Aggregates that need more of their rows than partial states.
 *
 * An aggregate with DISTINCT needs the values that are new to its group; one whose
 * states cannot be combined, or that depends on the order of its rows, needs all
 * rows of its group again whenever one comes.  Then the aggregation gets operators
 * below it:
 *
 *	- rows: the keys and what the aggregates are about, computed once and handed on
 *	  to all of the feeds.  If some aggregates need all rows, it keeps them, and
 *	  hands those of the touched groups on as well;
 *
 *	- values, one for each list of arguments of a DISTINCT: a deduplication of keys
 *	  and arguments.  Where aggregates differ by their FILTER only, they share one,
 *	  which remembers a set of bits with each value: for which of the conditions it
 *	  has been seen.
 *
 * The aggregation has a feed over the rows for what is combined (it makes the groups,
 * and comes first), one over each of the values, and one over the kept rows.
 *
 * With grouping sets, a row is handed on, and kept, once for each of them, with null for
 * the keys that are not in it and the number of the set.  Above that, grouping sets are
 * nothing but keys.  Only for the group of an empty set, which there is before there are
 * rows, the first batch has a feed of its own.
 *
 * Sessions have no values, for those that become one may have some in common: what is
 * DISTINCT is computed from rows that are kept, too.
 *
 * An aggregation over changes of an operator below always has rows below it, with a
 * sign; what can be moved is, in the first feed, and the rest is computed from rows that
 * are kept.  Sessions may fall apart when a row goes: there, the first feed says which are
 * touched, and all is computed from rows that are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "state/aggstate.h"
#include "query/groupings.h"
#include "query/keeping.h"

#define MAX_BITS 62

/* A list of arguments of aggregates with DISTINCT. */
typedef struct Values
{
	List	   *args;			/* their expressions */
	List	   *clauses;		/* SortGroupClause: how they differ */
	List	   *filters;		/* the conditions (NULL: none), one for each bit */
	List	   *aggs;			/* int: which aggregates these are ... */
	List	   *bits;			/* ... and the bit that each goes by */
	StreamCut  *cut;
} Values;

/* The feeds of an aggregation in the making. */
typedef struct Keeping
{
	StreamCut  *cut;			/* the aggregation */
	StreamCut  *rows;
	List	   *values;
	int			number;
	bool		has_kept;
} Keeping;

static StreamAgg *
nth_agg(StreamCut *cut, int i)
{
	return list_nth(cut->aggs, i);
}

bool
stream_keeping_is_needed(const StreamCut *cut)
{
	ListCell   *lc;

	foreach(lc, cut->aggs)
		if (((StreamAgg *) lfirst(lc))->kind != STREAM_AGG_COMBINED)
			return true;
	return cut->over_changes;
}

/* ---- rows ---- */

/*
 * Where expressions are looked for: among the columns that an operator hands on, from
 * one of them (from 0) to before another.
 */
typedef struct Columns
{
	const StreamCut *source;
	int			first;
	int			end;
	int			nkeys;			/* so many are keys of the aggregation */
	const char *text;			/* of the statement */
} Columns;

/*
 * The columns that the arguments of aggregates are found among.  With grouping sets,
 * a key is null in rows of a set without it, and a session becomes the one that the row
 * has been merged into; but an aggregate is about what they were.
 */
static Columns
columns_of(Keeping *keeping, const StreamCut *source)
{
	Columns		columns = {.source = source};

	columns.end = list_length(stream_cut_output(source));
	columns.nkeys = list_length(keeping->cut->keys);
	columns.text = keeping->cut->place.source;
	if ((keeping->cut->grouping || stream_cut_has_sessions(keeping->cut)) &&
		!STREAM_MUTATION("nulled_arguments"))
		columns.first = columns.nkeys;
	return columns;
}

/* The number of the column that holds the expression, from 1; 0: none. */
static int
find_column(const Columns *columns, Node *expr)
{
	ListCell   *lc;
	List	   *exprs = stream_cut_output(columns->source);

	for_each_from(lc, exprs, columns->first)
		if (foreach_current_index(lc) < columns->end &&
			equal(lfirst(lc), expr))
			return foreach_current_index(lc) + 1;
	return 0;
}

/* The same for a row that the aggregation reads. */
static int
find_in_rows(Keeping *keeping, Node *expr)
{
	Columns		columns = columns_of(keeping, keeping->rows);

	return find_column(&columns, expr);
}

/* Is it a row that has no type of its own?  Such a one cannot be stored. */
static bool
is_record(Node *expr)
{
	return IsA(expr, RowExpr) && ((RowExpr *) expr)->row_typeid == RECORDOID;
}

/* Makes sure that the rows have a column with the expression, or with its fields. */
static void
add_column(Keeping *keeping, Node *expr)
{
	StreamCut  *rows = keeping->rows;
	StreamPayload *payload;
	ListCell   *lc;

	if (expr && is_record(expr))
	{
		foreach(lc, ((RowExpr *) expr)->args)
			add_column(keeping, lfirst(lc));
		return;
	}

	if (expr == NULL || IsA(expr, Const) || find_in_rows(keeping, expr) > 0)
		return;
	payload = palloc0(sizeof(StreamPayload));
	payload->expr = (Expr *) expr;
	payload->name = psprintf("_arg_%d", list_length(rows->payload) + 1);
	rows->payload = lappend(rows->payload, payload);
}

static void
add_columns_of_agg(Keeping *keeping, const StreamAgg *agg)
{
	ListCell   *lc;

	foreach(lc, agg->aggref->args)
		add_column(keeping, (Node *) lfirst_node(TargetEntry, lc)->expr);
	add_column(keeping, (Node *) agg->aggref->aggfilter);
}

/* A key as a column of a state table below. */
static StreamKey *
key_of_column(Expr *expr, Oid eqop, const char *name)
{
	StreamKey  *key = palloc0(sizeof(StreamKey));

	key->expr = expr;
	key->eqop = eqop;
	key->collation = exprCollation((Node *) expr);
	key->name = pstrdup(name);
	return key;
}

/* An operator below the aggregation, with the same keys. */
static StreamCut *
make_helper(Keeping *keeping, StreamCutKind kind)
{
	StreamCut  *helper = palloc0(sizeof(StreamCut));

	helper->kind = kind;
	helper->number = keeping->number++;
	helper->query = keeping->cut->query;
	helper->window = keeping->cut->window;
	helper->grouping = keeping->cut->grouping;
	helper->place = keeping->cut->place;
	helper->hands_on = true;
	return helper;
}

/* What is kept must fit into a table. */
static void
check_storable(Keeping *keeping, Node *expr)
{
	if (get_typtype(exprType(expr)) == TYPTYPE_PSEUDO)
		stream_refuse("an aggregate that keeps values of a pseudo-type, such as record, is",
					  expr, keeping->cut->place.source,
					  "Cast the argument to a type that can be stored, such as a composite type or jsonb.");
}

/* The grouping sets of the aggregation. */
static List *
sets_of(const StreamCut *cut)
{
	List	   *sets = NIL;
	List	   *numbers = stream_groupings_numbers(cut->query);
	ListCell   *lc;
	ListCell   *lk;

	foreach(lc, numbers)
	{
		StreamGroupingSet *set = palloc0(sizeof(StreamGroupingSet));

		set->number = lfirst_int(lc);
		foreach(lk, cut->keys)
		{
			Index		ref = ((StreamKey *) lfirst(lk))->sortgroupref;

			if (ref > 0 &&
				(set->number >> stream_groupings_bit(cut->grouping, ref)) & 1)
				set->missing = bms_add_member(set->missing,
											  foreach_current_index(lk));
		}
		sets = lappend(sets, set);
	}
	return sets;
}

static void
plan_rows(Keeping *keeping)
{
	StreamCut  *cut = keeping->cut;
	StreamCut  *rows = make_helper(keeping, STREAM_CUT_ROWS);
	ListCell   *lc;

	keeping->rows = rows;
	rows->keys = cut->keys;
	rows->below = cut->below;
	rows->keeps = keeping->has_kept;
	rows->sets = cut->grouping ? sets_of(cut) : NIL;
	rows->signs = cut->over_changes;
	rows->sign = cut->over_changes ? stream_cut_sign_of_changes(cut) : NULL;
	foreach(lc, cut->aggs)
		add_columns_of_agg(keeping, lfirst(lc));
	foreach(lc, rows->payload)
		if (rows->keeps)
			check_storable(keeping,
						   (Node *) ((StreamPayload *) lfirst(lc))->expr);
	stream_cut_add_feed_from(rows, stream_cut_rows_query(cut, rows),
							 STREAM_FEED_ROWS);
	cut->below = NIL;
}

/* ---- queries over what is handed on ---- */

static Node *aggref_over_columns(Aggref *aggref, Columns *columns);

/* Expressions over the operator's FROM become columns of what it hands on. */
static Node *
columns_mutator(Node *node, Columns *columns)
{
	int			attno;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
		return aggref_over_columns((Aggref *) node, columns);
	if (!IsA(node, List) && !IsA(node, TargetEntry) && !IsA(node, Const))
	{
		attno = find_column(columns, node);
		if (attno > 0)
			return (Node *) stream_cut_column(attno, node);
	}
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		stream_refuse("a column that is not in GROUP BY is", node, columns->text,
					  "Add the column to GROUP BY.");
	return expression_tree_mutator(node, columns_mutator, (void *) columns);
}

/*
 * The direct arguments of an aggregate are about its group: about the keys as the group
 * has them.  (A column that depends on them is none of them.)
 */
static Node *
aggref_over_columns(Aggref *aggref, Columns *columns)
{
	Columns		keys = *columns;
	Aggref	   *bare = makeNode(Aggref);
	Aggref	   *result;

	*bare = *aggref;
	bare->aggdirectargs = NIL;
	result = (Aggref *) expression_tree_mutator((Node *) bare, columns_mutator,
												(void *) columns);
	keys.first = 0;
	keys.end = columns->nkeys;
	result->aggdirectargs = (List *)
		columns_mutator((Node *) aggref->aggdirectargs, &keys);
	return (Node *) result;
}

/* The same for an expression over FROM of the aggregation. */
static Node *
over_columns(Keeping *keeping, Node *node, const StreamCut *source)
{
	Columns		columns = columns_of(keeping, source);

	return columns_mutator(node, &columns);
}

/* How values of a type are compared that the query says nothing about. */
static SortGroupClause *
clause_of_type(Oid type)
{
	SortGroupClause *clause = makeNode(SortGroupClause);

	get_sort_group_operators(type, true, true, false, &clause->sortop,
							 &clause->eqop, NULL, &clause->hashable);
	return clause;
}

/*
 * Groups by the keys, which are the first columns of what is read.  What tells
 * grouping sets apart is a column among them, and what is not in a set is null: so all
 * sets are grouped by all of them.
 */
static void
group_by_keys(Keeping *keeping, Query *query)
{
	StreamCut  *cut = keeping->cut;
	ListCell   *lc;

	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);

		stream_cut_group_by(query, stream_cut_column(foreach_current_index(lc) + 1,
								   (Node *) key->expr),
				 key->sortgroupref == 0 ? clause_of_type(INT4OID) :
				 get_sortgroupref_clause(key->sortgroupref,
										 cut->query->groupClause), key->name);
	}
}

/* Adds a feed of the aggregation over what an operator hands on. */
static StreamFeed *
add_feed(Keeping *keeping, StreamFeedInput *input, StreamFeedMode mode)
{
	Query	   *query = stream_cut_query_over(input);
	StreamFeed *feed = stream_cut_add_feed(keeping->cut, query, mode);

	feed->inputs = list_make1(input);
	group_by_keys(keeping, query);
	return feed;
}

static StreamFeedInput *
input_from(StreamCut *cut, bool kept)
{
	StreamFeedInput *input = palloc0(sizeof(StreamFeedInput));

	input->cut = cut;
	input->kept = kept;
	return input;
}

static void
finish_feed(StreamFeed *feed)
{
	if (feed->query->groupClause == NIL)
		stream_cut_add_aggregate(feed->query, (Node *) stream_cut_count_rows(), true);
	feed->query->hasSubLinks =
		checkExprHasSubLink((Node *) feed->query->targetList);
}

/* The feed with the aggregates of the kind. */
static void
plan_feed(Keeping *keeping, StreamAggKind kind, StreamFeedMode mode)
{
	StreamFeed *feed = add_feed(keeping, input_from(keeping->rows,
													kind == STREAM_AGG_KEPT),
								mode);
	ListCell   *lc;

	foreach(lc, keeping->cut->aggs)
	{
		StreamAgg  *agg = lfirst(lc);

		if (agg->kind != kind ||
			!stream_aggstate_is_own(agg, foreach_current_index(lc)))
			continue;
		stream_cut_add_aggregate(feed->query,
					  over_columns(keeping,
								   (Node *) stream_aggstate_of_delta(agg),
								   keeping->rows), false);
		feed->aggs = lappend_int(feed->aggs, foreach_current_index(lc));
	}
	finish_feed(feed);
}

/* ---- what there is before there are rows ---- */

/* In the empty grouping set, all keys are null. */
static Node *
nulls_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		return (Node *) makeNullConst(exprType(node), exprTypmod(node),
									  exprCollation(node));
	return expression_tree_mutator(node, nulls_mutator, context);
}

/* Its keys, one of which is its number. */
static void
add_null_keys(Query *query, const StreamCut *cut, int number)
{
	ListCell   *lc;

	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);
		Node	   *expr = (Node *) key->expr;
		Const	   *value = makeNullConst(exprType(expr), exprTypmod(expr),
										  exprCollation(expr));

		if (key->sortgroupref == 0)
			value = makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
							  Int32GetDatum(number), false, true);
		query->targetList =
			lappend(query->targetList,
					makeTargetEntry((Expr *) value,
									list_length(query->targetList) + 1,
									key->name, false));
	}
}

/*
 * The feed that makes its group, with the results of aggregates that are kept: those
 * over no rows.  Others begin so by themselves.
 */
static void
plan_empty_set(Keeping *keeping, const StreamGroupingSet *set)
{
	StreamFeedInput *input = input_from(keeping->rows, false);
	Query	   *query = stream_cut_query_over(input);
	StreamFeed *feed = stream_cut_add_feed(keeping->cut, query,
										   STREAM_FEED_FINAL);
	ListCell   *lc;

	feed->inputs = list_make1(input);
	feed->first = true;
	query->jointree->quals = makeBoolConst(false, false);
	add_null_keys(query, keeping->cut, set->number);
	foreach(lc, keeping->cut->aggs)
	{
		StreamAgg  *agg = lfirst(lc);
		Aggref	   *aggref;

		if (agg->kind != STREAM_AGG_KEPT)
			continue;
		aggref = (Aggref *)
			over_columns(keeping, (Node *) stream_aggstate_of_delta(agg),
						 keeping->rows);
		aggref->aggdirectargs = (List *)
			nulls_mutator((Node *) aggref->aggdirectargs, NULL);
		stream_cut_add_aggregate(query, (Node *) aggref, false);
		feed->aggs = lappend_int(feed->aggs, foreach_current_index(lc));
	}
	finish_feed(feed);
}

static void
plan_first_groups(Keeping *keeping)
{
	ListCell   *lc;

	foreach(lc, keeping->rows->sets)
	{
		StreamGroupingSet *set = lfirst(lc);

		/* the one key that it has is what tells the sets apart */
		if (bms_num_members(set->missing) ==
			list_length(keeping->cut->keys) - 1)
			plan_empty_set(keeping, set);
	}
}

/* ---- values ---- */

/* The arguments of an aggregate with DISTINCT, and how each differs. */
static List *
arguments_of(Aggref *aggref, List **clauses)
{
	List	   *args = NIL;
	ListCell   *lc;
	ListCell   *lf;

	*clauses = NIL;
	foreach(lc, aggref->aggdistinct)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node	   *arg = get_sortgroupclause_expr(clause, aggref->args);

		if (is_record(arg))
		{
			foreach(lf, ((RowExpr *) arg)->args)
			{
				args = lappend(args, lfirst(lf));
				*clauses = lappend(*clauses,
								   clause_of_type(exprType(lfirst(lf))));
			}
			continue;
		}
		args = lappend(args, arg);
		clause = copyObject(clause);
		clause->tleSortGroupRef = 0;
		*clauses = lappend(*clauses, clause);
	}
	return args;
}

/* The bit of a condition, a new one if need be; -1: there is no room for it. */
static int
find_bit(Values *values, Node *filter)
{
	ListCell   *lc;

	foreach(lc, values->filters)
		if (equal(lfirst(lc), filter))
			return foreach_current_index(lc);
	if (list_length(values->filters) > MAX_BITS)
		return -1;
	values->filters = lappend(values->filters, filter);
	return list_length(values->filters) - 1;
}

/* Puts an aggregate with those that have the same arguments. */
static void
collect_values(Keeping *keeping, int i)
{
	Aggref	   *aggref = nth_agg(keeping->cut, i)->aggref;
	List	   *clauses;
	List	   *args = arguments_of(aggref, &clauses);
	Values	   *values = NULL;
	int			bit = -1;
	ListCell   *lc;

	foreach(lc, keeping->values)
	{
		values = lfirst(lc);
		if (!equal(values->args, args) || !equal(values->clauses, clauses))
			continue;
		bit = find_bit(values, (Node *) aggref->aggfilter);
		if (bit >= 0)
			break;
	}
	if (bit < 0)
	{
		values = palloc0(sizeof(Values));
		values->args = args;
		values->clauses = clauses;
		keeping->values = lappend(keeping->values, values);
		bit = find_bit(values, (Node *) aggref->aggfilter);
	}
	values->aggs = lappend_int(values->aggs, i);
	values->bits = lappend_int(values->bits, bit);
}

static Const *
int8_const(int64 value)
{
	return makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
					 Int64GetDatum(value), false, FLOAT8PASSBYVAL);
}

/* An operator of int8, called by its function. */
static Expr *
int8_call(Oid function, Oid type, Expr *left, Expr *right)
{
	return (Expr *) makeFuncExpr(function, type, list_make2(left, right),
								 InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* For which of the conditions a row counts, as a set of bits. */
static Expr *
bits_of_row(Keeping *keeping, Values *values)
{
	Expr	   *all = NULL;
	ListCell   *lc;

	foreach(lc, values->filters)
	{
		Expr	   *bit = (Expr *) int8_const(INT64CONST(1) <<
											  foreach_current_index(lc));

		if (lfirst(lc) != NULL)
		{
			CaseExpr   *expr = makeNode(CaseExpr);
			CaseWhen   *when = makeNode(CaseWhen);

			when->expr = (Expr *) over_columns(keeping, lfirst(lc),
											   keeping->rows);
			when->result = bit;
			when->location = -1;
			expr->casetype = INT8OID;
			expr->args = list_make1(when);
			expr->defresult = (Expr *) int8_const(0);
			expr->location = -1;
			bit = (Expr *) expr;
		}
		all = all ? int8_call(F_INT8OR, INT8OID, all, bit) : bit;
	}
	return all;
}

/* bit_or of them */
static Aggref *
bits_aggregate(Expr *bits)
{
	Aggref	   *aggref = stream_cut_count_rows();

	aggref->aggfnoid = F_BIT_OR_INT8;
	aggref->aggstar = false;
	aggref->aggargtypes = list_make1_oid(INT8OID);
	aggref->args = list_make1(makeTargetEntry(bits, 1, NULL, false));
	return aggref;
}

/* Adds the keys of the values' table, and what to group by. */
static void
plan_value_keys(Keeping *keeping, Values *values, Query *query)
{
	StreamCut  *cut = keeping->cut;
	ListCell   *lc;
	ListCell   *la;

	group_by_keys(keeping, query);
	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);

		values->cut->keys = lappend(values->cut->keys,
									key_of_column(key->expr, key->eqop,
												  key->name));
	}
	forboth(la, values->args, lc, values->clauses)
	{
		SortGroupClause *clause = lfirst(lc);
		char	   *name = psprintf("_value_%d", foreach_current_index(la) + 1);

		check_storable(keeping, lfirst(la));
		stream_cut_group_by(query, (Expr *) over_columns(keeping, lfirst(la),
											  keeping->rows), clause, name);
		values->cut->keys = lappend(values->cut->keys,
									key_of_column(lfirst(la), clause->eqop,
												  name));
	}
	stream_cut_check_key_count(cut, list_length(values->cut->keys),
							   llast(values->args));
}

/*
 * The store of values takes the first of a kind and leaves the others: grouping a
 * batch of them before is for nothing, where most are new.
 */
static void
ungroup(Query *query)
{
	ListCell   *lc;

	query->groupClause = NIL;
	foreach(lc, query->targetList)
		lfirst_node(TargetEntry, lc)->ressortgroupref = 0;
}

/* The operator that knows which values have been seen. */
static void
plan_values(Keeping *keeping, Values *values)
{
	StreamCut  *cut = make_helper(keeping, STREAM_CUT_VALUES);
	StreamFeedInput *input = input_from(keeping->rows, false);
	StreamFeed *feed = stream_cut_add_feed(cut, stream_cut_query_over(input),
										   STREAM_FEED_ROWS);

	values->cut = cut;
	feed->inputs = list_make1(input);
	plan_value_keys(keeping, values, feed->query);
	cut->bits = list_length(values->filters) > 1 ||
		linitial(values->filters) != NULL;
	if (cut->bits)
	{
		Aggref	   *aggref = bits_aggregate(bits_of_row(keeping, values));

		cut->aggs = list_make1(stream_aggstate_describe(aggref,
													   STREAM_AGG_OF_ROWS,
													   NULL));
		cut->agg_names = list_make1(makeString("_bits"));
		feed->mode = STREAM_FEED_PARTIAL;
		feed->aggs = list_make1_int(0);
		stream_cut_add_aggregate(feed->query, copyObject((Node *) aggref), false);
	}
	else
		ungroup(feed->query);
}

/* The aggregate over new values: those that are new for its condition. */
static Node *
aggregate_of_values(Keeping *keeping, Values *values, int agg, int bit)
{
	Aggref	   *aggref = (Aggref *)
		stream_aggstate_of_delta(nth_agg(keeping->cut, agg));
	Expr	   *bits;

	aggref->aggfilter = NULL;
	aggref = (Aggref *) over_columns(keeping, (Node *) aggref, values->cut);
	if (!values->cut->bits)
		return (Node *) aggref;
	bits = (Expr *) makeVar(1, list_length(values->cut->keys) + 1, INT8OID, -1,
							InvalidOid, 0);
	bits = int8_call(F_INT8AND, INT8OID, bits,
					 (Expr *) int8_const(INT64CONST(1) << bit));
	aggref->aggfilter = int8_call(F_INT8NE, BOOLOID, bits,
								  (Expr *) int8_const(0));
	return (Node *) aggref;
}

/* The feed of the aggregation over them. */
static void
plan_values_feed(Keeping *keeping, Values *values)
{
	StreamFeed *feed = add_feed(keeping, input_from(values->cut, false),
								STREAM_FEED_PARTIAL);
	ListCell   *lc;
	ListCell   *lb;

	forboth(lc, values->aggs, lb, values->bits)
	{
		stream_cut_add_aggregate(feed->query,
					  aggregate_of_values(keeping, values, lfirst_int(lc),
										  lfirst_int(lb)), false);
		feed->aggs = lappend_int(feed->aggs, lfirst_int(lc));
	}
	finish_feed(feed);
}

/* ---- changes ---- */

/* Where an aggregate finds its arguments among the columns of the rows. */
static StreamMove *
plan_move(Keeping *keeping, const StreamAgg *agg, bool own)
{
	StreamMove *move = palloc0(sizeof(StreamMove));
	Node	   *filter = (Node *) agg->aggref->aggfilter;
	ListCell   *lc;

	move->moved = agg->kind == STREAM_AGG_MOVED && own;
	move->filter = -1;
	if (!move->moved)
		return move;
	if (filter && !IsA(filter, Const))
		move->filter = find_in_rows(keeping, filter) - 1;
	else if (filter)
		move->moved = !((Const *) filter)->constisnull &&
			DatumGetBool(((Const *) filter)->constvalue);
	foreach(lc, agg->aggref->args)
	{
		Node	   *arg = (Node *) lfirst_node(TargetEntry, lc)->expr;
		bool		constant = IsA(arg, Const);

		move->args = lappend_int(move->args, constant ? -1 :
								 find_in_rows(keeping, arg) - 1);
		move->consts = lappend(move->consts, constant ? arg : NULL);
	}
	return move;
}

/* The feed that moves aggregates: the rows as they are. */
static void
plan_changes_feed(Keeping *keeping)
{
	StreamFeedInput *input = input_from(keeping->rows, false);
	Query	   *query = stream_cut_query_over(input);
	StreamFeed *feed = stream_cut_add_feed(keeping->cut, query,
										   STREAM_FEED_CHANGES);
	List	   *columns = stream_cut_input_columns(input);
	ListCell   *lc;

	feed->inputs = list_make1(input);
	foreach(lc, columns)
		query->targetList =
			lappend(query->targetList,
					makeTargetEntry(stream_cut_column(foreach_current_index(lc) + 1,
											   lfirst(lc)),
									foreach_current_index(lc) + 1, NULL,
									false));
	foreach(lc, keeping->cut->aggs)
		keeping->cut->moves = lappend(keeping->cut->moves,
									  plan_move(keeping, lfirst(lc),
												stream_aggstate_is_own((StreamAgg *) lfirst(lc),
																	   foreach_current_index(lc))));
}

/* The feed that says of which sessions rows come or go: the keys of these, each once. */
static void
plan_touched_feed(Keeping *keeping)
{
	add_feed(keeping, input_from(keeping->rows, false), STREAM_FEED_ROWS);
}

/* ---- all of it ---- */

List *
stream_keeping_plan(StreamCut *cut, int number)
{
	Keeping		keeping = {.cut = cut,.number = number};
	List	   *helpers;
	ListCell   *lc;

	foreach(lc, cut->aggs)
	{
		StreamAgg  *agg = lfirst(lc);

		keeping.has_kept |= agg->kind == STREAM_AGG_KEPT;
		if (agg->kind == STREAM_AGG_VALUES)
			collect_values(&keeping, foreach_current_index(lc));
	}
	plan_rows(&keeping);
	helpers = list_make1(keeping.rows);
	if (cut->over_changes && stream_cut_has_sessions(cut))
		plan_touched_feed(&keeping);
	else if (cut->over_changes)
		plan_changes_feed(&keeping);
	else
		plan_feed(&keeping, STREAM_AGG_COMBINED, STREAM_FEED_PARTIAL);
	foreach(lc, keeping.values)
	{
		Values	   *values = lfirst(lc);

		plan_values(&keeping, values);
		helpers = lappend(helpers, values->cut);
		plan_values_feed(&keeping, values);
	}
	/* what is kept may be of that group, too, and comes after it */
	plan_first_groups(&keeping);
	if (keeping.has_kept)
		plan_feed(&keeping, STREAM_AGG_KEPT, STREAM_FEED_FINAL);
	return helpers;
}
