/*-------------------------------------------------------------------------
 *
 * pairs.c
 *	  Which rows a join puts together in time, and until when each finds others.
 *
 * Of an inner join, the bounds of all its members say that (bounds.h).  Where an outer join or
 * a test has rows of one member there whatever they find, it is those of the two members, by
 * what is after ON alone: such a row comes, or goes, when it cannot find others any more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "base/debug.h"
#include "query/analyze.h"
#include "query/bounds.h"
#include "query/pairs.h"

/* Two members of a join of which one's rows are there whatever they find, or are tested. */
typedef struct Pair
{
	StreamBounds *bounds;
	int			left;			/* indexes into the range table */
	int			right;
	bool		left_alone;		/* its rows wait for what they find, or do not */
	bool		right_alone;
} Pair;

struct StreamPairs
{
	Query	   *query;
	StreamBounds *bounds;		/* of all members, or NULL: ... */
	List	   *pairs;			/* Pair */
	StreamEndFunction end_of;
	void	   *arg;			/* of it */
};

/* What find_bounds is given for each part of FROM. */
typedef struct Finding
{
	Query	   *query;
	const List *members;		/* int; ... */
	const List *times;			/* ... by what their rows are late, or NULL */
	bool		keys;
	StreamTimeFunction time_of;
	StreamApartFunction apart;
	void	   *arg;			/* of these */
} Finding;

Node *
stream_pairs_time(const List *members, const List *times, int member)
{
	const ListCell *lm;
	const ListCell *lt;

	forboth(lm, members, lt, times)
		if (lfirst_int(lm) == member)
			return lfirst(lt);
	return NULL;
}

/* ---- finding ---- */

/* The bounds of members, by conditions of that part of FROM. */
static StreamBounds *
find_bounds(const Finding *finding, Node *from, List *members)
{
	List	   *times = NIL;
	ListCell   *lc;

	foreach(lc, members)
		times = lappend(times, stream_pairs_time(finding->members,
												 finding->times,
												 lfirst_int(lc)));
	return stream_bounds_find(finding->query, from, members, times,
							  finding->keys, finding->time_of,
							  finding->apart, finding->arg);
}

/* The first side of the tests, or of the join. */
static int
first_member(Node *jtnode)
{
	while (IsA(jtnode, JoinExpr))
		jtnode = ((JoinExpr *) jtnode)->larg;
	return ((RangeTblRef *) jtnode)->rtindex;
}

static Pair *
make_pair(const Finding *finding, JoinExpr *join)
{
	Pair	   *pair = palloc(sizeof(Pair));

	pair->left = first_member((Node *) join);
	pair->right = ((RangeTblRef *) join->rarg)->rtindex;
	pair->left_alone = join->jointype != JOIN_RIGHT;
	pair->right_alone = join->jointype == JOIN_RIGHT ||
		join->jointype == JOIN_FULL;
	/* other conditions do not say what finds what */
	pair->bounds = find_bounds(finding,
							   (Node *) makeFromExpr(NIL, join->quals),
							   list_make2_int(pair->left, pair->right));
	return pair;
}

StreamPairs *
stream_pairs_find(Query *query, List *members, List *times, bool keys,
				  StreamTimeFunction time_of, StreamApartFunction apart,
				  StreamEndFunction end_of, void *arg)
{
	StreamPairs *pairs = palloc0(sizeof(StreamPairs));
	Finding		finding = {query, members, times, keys, time_of, apart, arg};
	List	   *partial = stream_analyze_partial_joins(query);
	ListCell   *lc;

	pairs->query = query;
	pairs->end_of = end_of;
	pairs->arg = arg;
	foreach(lc, partial)
		pairs->pairs = lappend(pairs->pairs,
							   make_pair(&finding, lfirst(lc)));
	if (partial == NIL)
		pairs->bounds = find_bounds(&finding, (Node *) query->jointree,
									members);
	return pairs;
}

/* ---- what they say ---- */

bool
stream_pairs_exist(const StreamPairs *pairs)
{
	ListCell   *lc;

	if (pairs->bounds)
		return stream_bounds_exist(pairs->bounds);
	foreach(lc, pairs->pairs)
		if (stream_bounds_exist(((Pair *) lfirst(lc))->bounds))
			return true;
	return false;
}

bool
stream_pairs_apart(const StreamPairs *pairs, Node *expr, Node *other,
				   int64 *us)
{
	ListCell   *lc;

	if (pairs->bounds)
		return stream_bounds_apart(pairs->bounds, expr, other, us);
	foreach(lc, pairs->pairs)
		if (stream_bounds_apart(((Pair *) lfirst(lc))->bounds, expr, other,
								us))
			return true;
	return false;
}

bool
stream_pairs_is_made_up(const StreamPairs *pairs, Node *expr)
{
	Bitmapset  *of = pull_varnos(NULL, expr);
	ListCell   *lc;

	foreach(lc, pairs->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((bms_is_member(pair->left, of) && pair->right_alone) ||
			(bms_is_member(pair->right, of) && pair->left_alone))
			return true;
	}
	return false;
}

/*
 * As stream_bounds_slack, for what is of a side: its rows come, and go, with new ones of any,
 * or when they cannot find others any more.  made_up: also where others come without it.
 */
static bool
slack_of_pair(const Pair *pair, Node *expr, int member, bool made_up,
			  int64 *slack)
{
	bool		alone = member == pair->left ? pair->left_alone :
		pair->right_alone;
	int64		us;

	if ((member == pair->left ? pair->right_alone : pair->left_alone) &&
		!made_up)
		return false;
	if (!stream_bounds_slack(pair->bounds, expr, slack))
		return false;
	if (!alone)
		return true;
	if (!stream_bounds_slack_at_expiry(pair->bounds, expr, member, &us))
		return false;
	*slack = Max(*slack, us);
	return true;
}

bool
stream_pairs_slack(const StreamPairs *pairs, Node *expr, bool made_up,
				   int64 *slack)
{
	int			member;
	ListCell   *lc;

	if (pairs->bounds)
		return stream_bounds_slack(pairs->bounds, expr, slack);
	*slack = 0;
	if (!bms_get_singleton_member(pull_varnos(NULL, expr), &member))
		return false;
	foreach(lc, pairs->pairs)
	{
		int64		us;

		if (!slack_of_pair(lfirst(lc), expr, member,
						   made_up && list_length(pairs->pairs) == 1, &us))
			return false;
		*slack = Max(*slack, us);
	}
	return true;
}

int64
stream_pairs_lag(const StreamPairs *pairs)
{
	int64		lag = 0;
	ListCell   *lc;

	if (pairs->bounds)
		lag = Max(lag, stream_bounds_lag(pairs->bounds));
	foreach(lc, pairs->pairs)
		lag = Max(lag, stream_bounds_lag(((Pair *) lfirst(lc))->bounds));
	return lag;
}

/* ---- until when rows find others ---- */

/* The greatest or the least of times; NULL: there is none. */
static Expr *
one_of_times(List *ends, MinMaxOp op)
{
	MinMaxExpr *one;

	if (list_length(ends) <= 1)
		return ends ? linitial(ends) : NULL;
	one = makeNode(MinMaxExpr);
	one->minmaxtype = exprType(linitial(ends));
	one->op = op;
	one->args = ends;
	one->location = -1;
	return (Expr *) one;
}

/* Where a time ends, and so long after that. */
static Expr *
end_of_time(const StreamPairs *pairs, StreamTimeOf *time, int64 us)
{
	return pairs->end_of(pairs->query, time, us, pairs->arg);
}

/* Of these bounds, when keys of a member's row have passed. */
static List *
ends_of_keys(const StreamPairs *pairs, StreamBounds *bounds, int member)
{
	List	   *ends = NIL;
	ListCell   *lc;
	List	   *keys = stream_bounds_keys(bounds, member);

	foreach(lc, keys)
	{
		StreamTimeOf *key = lfirst(lc);

		ends = list_append_unique(ends, end_of_time(pairs, key, key->slack));
	}
	return ends;
}

/*
 * Adds when a row of a member finds no new one; false: it always may.  Of two, it finds none
 * when a key of it has passed, either; of more, what has found one by then waits for others.
 */
static bool
add_expiry(const StreamPairs *pairs, StreamBounds *bounds, int member,
		   List **ends)
{
	List	   *after;
	List	   *times = stream_bounds_expiry(bounds, member, &after);
	List	   *keys = list_length(times) == 1 ?
		ends_of_keys(pairs, bounds, member) : NIL;
	ListCell   *lt;
	ListCell   *la;

	forboth(lt, times, la, after)
	{
		Expr	   *end = end_of_time(pairs, lfirst(lt),
									  *(int64 *) lfirst(la));

		end = one_of_times(list_append_unique(list_copy(keys), end), IS_LEAST);
		*ends = list_append_unique(*ends, end);
	}
	return times != NIL;
}

/*
 * Adds when no row that a row of the member has been found by waits for others any more,
 * and would forget that it has been; false: some always may.
 */
static bool
add_waiting(const StreamPairs *pairs, const Pair *pair, int member, List **ends)
{
	int			waiting = member == pair->left ? pair->right : pair->left;
	ListCell   *lc;

	if (STREAM_MUTATION("join_waiting"))
		return true;
	foreach(lc, pairs->pairs)
	{
		Pair	   *other = lfirst(lc);
		List	   *after;
		List	   *times = stream_bounds_expiry(other->bounds, waiting,
												 &after);
		ListCell   *lt;
		ListCell   *la;

		if (times == NIL)
			return false;
		forboth(lt, times, la, after)
		{
			int64		us;
			StreamTimeOf *time =
				stream_bounds_not_after(pair->bounds,
										((StreamTimeOf *) lfirst(lt))->expr,
										member, &us);

			if (time == NULL ||
				pg_add_s64_overflow(us, *(int64 *) lfirst(la), &us))
				return false;
			*ends = list_append_unique(*ends, end_of_time(pairs, time, us));
		}
	}
	return true;
}

Expr *
stream_pairs_final(const StreamPairs *pairs, int member)
{
	List	   *ends = NIL;
	ListCell   *lc;

	if (pairs->bounds && !add_expiry(pairs, pairs->bounds, member, &ends))
		return NULL;
	foreach(lc, pairs->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((member == pair->left || member == pair->right) &&
			!add_expiry(pairs, pair->bounds, member, &ends))
			return NULL;
	}
	return one_of_times(ends, IS_GREATEST);
}

Expr *
stream_pairs_until(const StreamPairs *pairs, int member)
{
	Expr	   *final = stream_pairs_final(pairs, member);
	List	   *ends = final ? list_make1(final) : NIL;
	ListCell   *lc;

	if (final == NULL)
		return NULL;
	foreach(lc, pairs->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((member == pair->left ? pair->right_alone :
			 member == pair->right && pair->left_alone) &&
			!add_waiting(pairs, pair, member, &ends))
			return NULL;
	}
	return one_of_times(ends, IS_GREATEST);
}

List *
stream_pairs_keys(const StreamPairs *pairs, int member, int other)
{
	List	   *ends = NIL;
	ListCell   *lc;

	if (pairs->bounds)
		return ends_of_keys(pairs, pairs->bounds, member);
	foreach(lc, pairs->pairs)
	{
		Pair	   *pair = lfirst(lc);

		if ((member == pair->left && (other == 0 || other == pair->right)) ||
			(member == pair->right && (other == 0 || other == pair->left)))
			ends = list_concat_unique(ends, ends_of_keys(pairs, pair->bounds,
														 member));
	}
	return ends;
}
