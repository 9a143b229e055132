/*-------------------------------------------------------------------------
 *
 * lookups.c
 *	  What is looked up in tables for rows that come and go.
 *
 *		SELECT g.k, t.name FROM s JOIN (SELECT k, count(*) AS n FROM r GROUP BY k) g
 *			ON s.k = g.k JOIN t ON t.n = g.n
 *
 * A table is as it is when a row comes, and is not looked at again.  When that row goes, the
 * table may have changed; what goes is what came.  So what reads streams becomes a
 * sub-select, which is an operator (or a join, above one):
 *
 *		SELECT q.k, t.name FROM (SELECT s.k, g.n FROM s JOIN g ON s.k = g.k) q
 *			JOIN t ON t.n = q.n
 *
 * It keeps its rows, and gives a number to each that comes (flow/rows.c).  The query is
 * another operator.  One feed is the query itself, over the rows that come, and its rows are
 * kept under their numbers.  For rows that go, a second feed reads what is kept under
 * theirs:
 *
 *		SELECT kept.*, -1 FROM rows of q, kept WHERE q.sign < 0 AND kept.number = q.number
 *
 * Whatever the first feed does, it is not asked to do it again: so it may have functions
 * that are not immutable, sub-selects and LATERAL, as beside a stream.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/refuse.h"
#include "query/analyze.h"
#include "query/joining.h"
#include "query/nesting.h"
#include "query/lookups.h"

/* The columns of a number: the batch, and which row it is of that. */
static const char *const number_names[] = {"_batch", "_number"};

#define NUMBERS lengthof(number_names)

/* ---- moving what reads streams into a sub-select ---- */

/* Are there other members in that part of FROM? */
static bool
has_others(Node *jtnode, const List *members)
{
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return !list_member_int(members, ((RangeTblRef *) jtnode)->rtindex);
	if (IsA(jtnode, JoinExpr))
		return has_others(((JoinExpr *) jtnode)->larg, members) ||
			has_others(((JoinExpr *) jtnode)->rarg, members);
	foreach(lc, ((FromExpr *) jtnode)->fromlist)
		if (has_others(lfirst(lc), members))
			return true;
	return false;
}

bool
stream_lookups_are_wanted(Query *query, const List *members)
{
	return members != NIL && query->setOperations == NULL &&
		(has_others((Node *) query->jointree, members) ||
		 checkExprHasSubLink((Node *) query->jointree));
}

/* Are there some of the members? */
static bool
has_some(Node *jtnode, const List *members)
{
	if (IsA(jtnode, RangeTblRef))
		return list_member_int(members, ((RangeTblRef *) jtnode)->rtindex);
	return has_some(((JoinExpr *) jtnode)->larg, members) ||
		has_some(((JoinExpr *) jtnode)->rarg, members);
}

typedef struct Moving
{
	const List *members;
	Node	   *part;			/* what becomes the sub-select: the join of those found */
	int			found;
	List	   *quals;			/* conditions of joins around them */
	bool		possible;
} Moving;

/* Puts a member, which is taken away where it is, into the part. */
static Node *
move_member(Moving *moving, Node *ref)
{
	JoinExpr   *join;

	if (++moving->found == 1 && list_length(moving->members) == 1)
		return moving->part = ref;
	if (moving->found == 1)
	{
		join = makeNode(JoinExpr);
		join->jointype = JOIN_INNER;
		join->larg = ref;
		return moving->part = (Node *) join;
	}
	if (moving->found < list_length(moving->members))
	{
		/* the first join stays at the top */
		join = makeNode(JoinExpr);
		join->jointype = JOIN_INNER;
		join->larg = ((JoinExpr *) moving->part)->larg;
		join->rarg = ref;
		((JoinExpr *) moving->part)->larg = (Node *) join;
		return NULL;
	}
	((JoinExpr *) moving->part)->rarg = ref;
	return NULL;
}

static Node *move_members(Moving *moving, Node *jtnode);

/* The same for a join: what is left of it, or NULL. */
static Node *
move_from_join(Moving *moving, JoinExpr *join)
{
	bool		left = has_some(join->larg, moving->members);
	bool		right = has_some(join->rarg, moving->members);

	if (!left && !right)
		return (Node *) join;
	/* rows of the members must all be in the join, and not be made up by it */
	if (join->jointype != JOIN_INNER &&
		!(join->jointype == JOIN_LEFT && !right) &&
		!(join->jointype == JOIN_RIGHT && !left))
	{
		moving->possible = false;
		return (Node *) join;
	}
	if (left)
		join->larg = move_members(moving, join->larg);
	if (right)
		join->rarg = move_members(moving, join->rarg);
	if (join->jointype != JOIN_INNER)
	{
		moving->possible &= join->larg && join->rarg;
		return (Node *) join;
	}
	moving->quals = list_concat(moving->quals,
								stream_nesting_conditions(join->quals));
	join->quals = NULL;
	if (join->larg && join->rarg)
		return (Node *) join;
	return join->larg ? join->larg : join->rarg;
}

/* Takes the members out of a part of FROM, but that the first has them all in its place. */
static Node *
move_members(Moving *moving, Node *jtnode)
{
	if (IsA(jtnode, JoinExpr))
		return move_from_join(moving, (JoinExpr *) jtnode);
	if (list_member_int(moving->members, ((RangeTblRef *) jtnode)->rtindex))
		return move_member(moving, jtnode);
	return jtnode;
}

/* Where the part is; NULL: not here. */
static Node **
find_part(Node **place, const Node *part)
{
	JoinExpr   *join = (JoinExpr *) *place;
	Node	  **found;

	if (*place == part)
		return place;
	if (!IsA(join, JoinExpr))
		return NULL;
	found = find_part(&join->larg, part);
	return found ? found : find_part(&join->rarg, part);
}

/* Puts all members into one place, and returns it; NULL: that is not the same query. */
static Node **
gather(Query *query, const List *members)
{
	Moving		moving = {.members = members,.possible = true};
	FromExpr   *from = query->jointree;
	ListCell   *lc;

	foreach(lc, from->fromlist)
	{
		Node	   *left = move_members(&moving, lfirst(lc));

		if (left)
			lfirst(lc) = left;
		else
			from->fromlist = foreach_delete_current(from->fromlist, lc);
	}
	if (!moving.possible)
		return NULL;
	if (moving.quals)
		from->quals = make_and_qual(from->quals, (Node *)
									make_ands_explicit(moving.quals));
	foreach(lc, from->fromlist)
	{
		Node	  **place = find_part((Node **) &lfirst(lc), moving.part);

		if (place)
			return place;
	}
	return NULL;
}

/* Is the condition about the members alone, and says the same at any time? */
static bool
is_about(Node *condition, const List *members)
{
	Bitmapset  *of = pull_varnos(NULL, condition);
	int			rtindex = -1;

	while ((rtindex = bms_next_member(of, rtindex)) >= 0)
		if (!list_member_int(members, rtindex))
			return false;
	return of != NULL && !contain_vars_of_level(condition, 1) &&
		!checkExprHasSubLink(condition) &&
		!contain_mutable_functions(condition);
}

/* Takes such conditions out of the query. */
static Node *
take_conditions(Query *query, const List *members)
{
	List	   *taken = NIL;
	List	   *left = NIL;
	List	   *conditions = stream_nesting_conditions(query->jointree->quals);
	ListCell   *lc;

	foreach(lc, conditions)
	{
		if (is_about(lfirst(lc), members))
			taken = lappend(taken, lfirst(lc));
		else
			left = lappend(left, lfirst(lc));
	}
	query->jointree->quals = left ? (Node *) make_ands_explicit(left) : NULL;
	return taken ? (Node *) make_ands_explicit(taken) : NULL;
}

/* The members of a part of FROM, in their order. */
static List *
refs_of(Node *jtnode)
{
	if (IsA(jtnode, RangeTblRef))
		return list_make1(jtnode);
	return list_concat(refs_of(((JoinExpr *) jtnode)->larg),
					   refs_of(((JoinExpr *) jtnode)->rarg));
}

bool
stream_lookups_nest(Query *query, const List *members,
					const StreamPlace *place)
{
	Node	  **part;
	Node	   *conditions;
	Query	   *inner;

	stream_nesting_flatten_all(query);
	part = gather(query, members);
	/* what they alone need is no column of the sub-select */
	conditions = take_conditions(query, members);
	if (part == NULL ||
		!stream_nesting_move_part(query, part, NULL, STREAM_ANALYZE_LOOKS_UP))
		return false;
	inner = llast_node(RangeTblEntry, query->rtable)->subquery;
	/* (its range table has the members where that of the query had them) */
	inner->jointree->fromlist = refs_of(linitial(inner->jointree->fromlist));
	inner->jointree->quals = conditions;
	stream_analyze_want_changes(inner);
	if (list_length(members) > 1)
		(void) stream_joining_wrap(inner, place);
	return true;
}

/* ---- operators ---- */

static void
check_column(const StreamCut *cut, Expr *expr)
{
	Oid			type = exprType((Node *) expr);

	if (get_typtype(type) == TYPTYPE_PSEUDO)
		stream_refuse_in(&cut->place,
						 psprintf("a value of type %s beside rows that come and go is",
								  format_type_be(type)),
						 expr, "Name its fields one by one.");
}

static StreamPayload *
make_column(Expr *expr, const char *name, List **names)
{
	StreamPayload *payload = palloc0(sizeof(StreamPayload));

	payload->expr = expr;
	payload->name = stream_cut_reserve_name(name, names);
	return payload;
}

/* A place in a row for what is found out later. */
static Expr *
zero(Oid type)
{
	return type == INT4OID ?
		(Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
						   Int32GetDatum(0), false, true) :
		(Expr *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
						   Int64GetDatum(0), false, true);
}

/* The rows are found by a hash, which is the first column; their number comes last. */
void
stream_lookups_number(StreamCut *rows)
{
	StreamTopn *none = palloc0(sizeof(StreamTopn));
	List	   *names = NIL;
	ListCell   *lc;

	if (rows->kind != STREAM_CUT_ROWS || !rows->signs || rows->keeps)
		elog(ERROR, "rows to look up for do not come and go");
	none->ranks = palloc0(sizeof(StreamRankColumn));
	rows->ordered = none;
	rows->keeps = rows->numbered = true;
	foreach(lc, rows->payload)
	{
		StreamPayload *payload = lfirst(lc);

		check_column(rows, payload->expr);
		names = lappend(names, makeString(payload->name));
	}
	rows->payload = lcons(make_column(zero(INT4OID), "_hash", &names),
						  rows->payload);
	for (int i = 0; i < NUMBERS; i++)
		rows->payload = lappend(rows->payload,
								make_column(zero(INT8OID), number_names[i],
											&names));
	rows->feeds = NIL;
	stream_cut_add_feed_from(rows, stream_cut_rows_query(rows, rows),
							 STREAM_FEED_ROWS);
}

static Node *
compare_sign(Expr *sign, bool comes)
{
	return (Node *) makeFuncExpr(comes ? F_INT4GT : F_INT4LT, BOOLOID,
								 list_make2(sign, zero(INT4OID)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* Adds a column, from 1, of the only member of FROM. */
static void
add_column(Query *query, const List *output, int column)
{
	Node	   *expr = list_nth(output, column - 1);
	int			n = list_length(query->targetList) + 1;

	query->targetList =
		lappend(query->targetList,
				makeTargetEntry(stream_cut_column(column, expr), n,
								psprintf("column%d", n), false));
}

/*
 * The rows that come, in the place of the sub-select: its columns, which are between the
 * hash and the number, then that and the sign.
 */
static Query *
rows_that_come(StreamCut *rows)
{
	StreamFeedInput input = {rows};
	Query	   *query = stream_cut_query_over(&input);
	List	   *output = stream_cut_output(rows);
	int			n = list_length(output);

	for (int column = 2; column <= n; column++)
		add_column(query, output, column);
	query->jointree->quals =
		compare_sign(stream_cut_column(n, llast(output)), true);
	return query;
}

static void
add_key(StreamCut *cut, AttrNumber column, char *name)
{
	StreamCutInput *below = linitial(cut->below);
	StreamKey  *key = palloc0(sizeof(StreamKey));

	key->expr = (Expr *) makeVar(below->rtindex, column, INT8OID, -1,
								 InvalidOid, 0);
	get_sort_group_operators(INT8OID, false, true, false, NULL, &key->eqop,
							 NULL, NULL);
	key->name = name;
	cut->keys = lappend(cut->keys, key);
}

/* What is kept under the numbers of rows that go. */
static void
add_going_feed(StreamCut *cut, StreamCut *rows)
{
	StreamFeedInput *going = palloc0(sizeof(StreamFeedInput));
	StreamFeedInput *kept = palloc0(sizeof(StreamFeedInput));
	Query	   *query;
	Query	   *table;
	RangeTblRef *ref;
	List	   *output = stream_cut_output(rows);
	int			sign = list_length(output);
	ListCell   *lc;

	going->cut = rows;
	kept->cut = cut;
	kept->table = true;
	query = stream_cut_query_over(going);
	table = stream_cut_query_over(kept);
	query->rtable = list_concat(query->rtable, table->rtable);
	ref = linitial(table->jointree->fromlist);
	ref->rtindex = 2;
	query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
	query->jointree->quals =
		compare_sign(stream_cut_column(sign, llast(output)), false);
	for (int i = 0; i < NUMBERS; i++)
	{
		Expr	   *equal =
			make_opclause(((StreamKey *) list_nth(cut->keys, i))->eqop,
						  BOOLOID, false,
						  (Expr *) makeVar(2, i + 1, INT8OID, -1, InvalidOid, 0),
						  (Expr *) makeVar(1, sign - NUMBERS + i, INT8OID, -1,
										   InvalidOid, 0),
						  InvalidOid, InvalidOid);

		set_opfuncid((OpExpr *) equal);
		query->jointree->quals = make_and_qual(query->jointree->quals,
											   (Node *) equal);
	}
	foreach(lc, stream_cut_input_columns(kept))
	{
		int			n = foreach_current_index(lc) + 1;
		Var		   *var = (Var *) stream_cut_column(n, lfirst(lc));

		var->varno = var->varnosyn = 2;
		query->targetList =
			lappend(query->targetList,
					makeTargetEntry((Expr *) var, n, psprintf("column%d", n),
									false));
	}
	query->targetList =
		lappend(query->targetList,
				makeTargetEntry((Expr *) makeConst(INT4OID, -1, InvalidOid,
												   sizeof(int32),
												   Int32GetDatum(-1), false,
												   true),
								list_length(query->targetList) + 1, "_sign",
								false));
	stream_cut_add_feed(cut, query, STREAM_FEED_ROWS)->inputs =
		list_make2(going, kept);
}

void
stream_lookups_cut(StreamCut *cut)
{
	StreamCutInput *below = linitial(cut->below);
	Query	   *query;
	List	   *names = NIL;
	int			sign;
	ListCell   *lc;

	if (cut->query->rowMarks)
		stream_refuse_clause(&cut->place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
	cut->kind = STREAM_CUT_ROWS;
	cut->keeps = cut->signs = cut->hands_on = cut->looks_up = true;
	below->changes = rows_that_come(below->cut);
	sign = list_length(below->changes->targetList);
	for (int i = 0; i < NUMBERS; i++)
		add_key(cut, sign - NUMBERS + i,
				stream_cut_reserve_name(number_names[i], &names));
	foreach(lc, cut->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		check_column(cut, tle->expr);
		cut->payload = lappend(cut->payload,
							   make_column(tle->expr, tle->resname, &names));
	}
	cut->sign = stream_cut_sign_of_changes(cut);
	query = stream_cut_rows_query(cut, cut);
	query->hasTargetSRFs = cut->query->hasTargetSRFs;
	stream_cut_add_feed_from(cut, query, STREAM_FEED_ROWS);
	add_going_feed(cut, below->cut);
}
