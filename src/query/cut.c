/*-------------------------------------------------------------------------
 *
 * cut.c
 *	  The cut of a query into what an operator maintains and reading side.
 *
 * An operator is a query cut at its aggregation.  What is below (FROM, WHERE) and
 * at the cut (keys, aggregates) becomes its feed, a query run over the new rows of
 * each batch.  What is above (HAVING, expressions over aggregates, window
 * functions, ORDER BY, LIMIT) is for the query of the view that the user reads
 * (reading.c).
 *
 * SELECT DISTINCT without aggregation is a grouping by all columns.  DISTINCT ON
 * keeps, with each key, the columns of the row that came first.
 *
 * A query that wants the first rows of each key (topn.c) is cut below its ranking:
 * the state has the rows that may still be among the first, and readers rank them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/heap.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "time/timeexpr.h"
#include "state/aggstate.h"
#include "query/analyze.h"
#include "query/groupings.h"
#include "query/eventtime.h"
#include "query/windowkeys.h"
#include "query/averages.h"
#include "query/cut.h"

/* The key is as wide as an index can be. */
static void
refuse_key_count(Node *excess, int limit, const char *source)
{
	ereport(ERROR,
			(errcode(ERRCODE_TOO_MANY_COLUMNS),
			 errmsg("cannot group a continuous view by more than %d expressions",
					limit),
			 errhint("Put some of them together, for example into an array."),
			 stream_refuse_position(source, exprLocation(excess))));
}

static void
check_key_count(Query *query, List *clauses, const char *source)
{
	/* one key tells grouping sets apart */
	int			limit = INDEX_MAX_KEYS - (query->groupingSets ? 1 : 0);

	if (list_length(clauses) > limit)
		refuse_key_count(get_sortgroupclause_expr(list_nth(clauses, limit),
												  query->targetList), limit,
						 source);
}

void
stream_cut_check_key_count(StreamCut *cut, int nkeys, Node *last)
{
	if (nkeys > INDEX_MAX_KEYS)
		refuse_key_count(last, INDEX_MAX_KEYS, cut->place.source);
}

void
stream_cut_check(Query *query, const StreamPlace *place)
{
	if (query->setOperations)
		stream_refuse_in(place, "UNION, INTERSECT and EXCEPT are",
						 query->targetList,
						 "Create one continuous view for each part, and an ordinary view that combines them.");
	stream_groupings_check(query, place);
	if (query->rowMarks)
		stream_refuse_clause(place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE and FOR SHARE are",
							 "Leave the clause out.");
	if (query->groupClause == NIL && !query->hasAggs)
	{
		if (query->hasWindowFuncs)
			stream_refuse_in(place,
							 "a window function over the rows of a stream is",
							 stream_analyze_window_function(query),
							 "Ask for the first rows of each key by a condition around it, such as WHERE rn <= 10 on row_number(); other window functions are for the outermost SELECT, over its aggregates.");
		if (query->havingQual)
			stream_refuse_in(place, "HAVING without aggregates is",
							 query->havingQual, "Use WHERE.");
		if (query->distinctClause == NIL)
			stream_refuse_in(place, "GROUP BY () without aggregates is",
							 query->targetList, "Leave it out.");
	}
	check_key_count(query, query->groupClause, place->source);
	check_key_count(query, query->distinctClause, place->source);
}

/* A name for a state column that none of the names has yet. */
static char *
unused_name(const char *base, List *names)
{
	char	   *name = pstrdup(base);
	int			n = list_length(names); /* saves tries when there are many */

	for (;;)
	{
		bool		used = SystemAttributeByName(name) != NULL;
		ListCell   *lc;

		foreach(lc, names)
			if (strcmp(strVal(lfirst(lc)), name) == 0)
				used = true;
		if (!used)
			return name;
		name = psprintf("%.*s_%d", NAMEDATALEN - 12, base, n++);
	}
}

char *
stream_cut_reserve_name(const char *base, List **names)
{
	char	   *name = unused_name(base ? base : "_column", *names);

	*names = lappend(*names, makeString(name));
	return name;
}

/*
 * The name of a state column: that of the output column which shows the
 * expression as it is, if there is one.
 */
static char *
column_name(Query *query, Node *expr, const char *otherwise, List **names)
{
	const char *base = otherwise;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && equal(tle->expr, expr))
		{
			base = tle->resname;
			break;
		}
	}
	return stream_cut_reserve_name(base, names);
}

static void
check_key_type(Node *expr, Oid eqop, const char *source)
{
	Oid			type = exprType(expr);

	if (get_typtype(type) == TYPTYPE_PSEUDO)
		stream_refuse(psprintf("GROUP BY a value of type %s is",
							   format_type_be(type)), expr, source,
					  "Group by its fields.");
	if (!stream_analyze_has_order(type))
		stream_refuse(psprintf("GROUP BY a value of type %s is",
							   format_type_be(type)), expr, source,
					  OidIsValid(GetDefaultOpClass(type, BTREE_AM_OID)) ?
					  "It is made of values of a type without a default btree operator class; cast it to text." :
					  "Its type has no default btree operator class; cast it to one that has, such as text.");
}

bool
stream_cut_can_be_keys(Query *query, List *clauses)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		Oid			type = exprType(get_sortgroupclause_expr(lfirst(lc),
															 query->targetList));

		if (get_typtype(type) == TYPTYPE_PSEUDO ||
			!stream_analyze_has_order(type))
			return false;
	}
	return list_length(clauses) <= INDEX_MAX_KEYS;
}

static List *
collect_keys(Query *query, List **names, const char *source)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *tle = get_sortgroupclause_tle(clause, query->targetList);
		StreamKey  *key = palloc0(sizeof(StreamKey));

		key->expr = tle->expr;
		key->sortgroupref = tle->ressortgroupref;
		key->eqop = clause->eqop;
		key->collation = exprCollation((Node *) tle->expr);
		check_key_type((Node *) key->expr, key->eqop, source);
		key->name = column_name(query, (Node *) tle->expr,
								psprintf("_key_%d", list_length(keys) + 1),
								names);
		keys = lappend(keys, key);
	}
	return keys;
}

/* Sliding windows are put together in a hash table. */
static void
check_hashable(List *keys, const char *source)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		StreamKey  *key = lfirst(lc);
		Oid			type = exprType((Node *) key->expr);

		if (!op_hashjoinable(key->eqop, type))
			stream_refuse(psprintf("grouping by a sliding window and a value of type %s is",
								   format_type_be(type)), key->expr, source,
						  "The type cannot be hashed; cast it to one that can, such as text.");
	}
}

bool
stream_cut_has_sessions(const StreamCut *cut)
{
	return cut->window && cut->window->kind == STREAM_WINDOW_SESSION;
}

/*
 * The window comes first among the keys, so that their index has the groups in
 * the order in which they close; but a session comes last, for it is looked for
 * among those of its key.
 */
static void
place_window(StreamCut *cut)
{
	StreamKey  *key = list_nth(cut->keys, cut->window->key);

	cut->keys = list_delete_ptr(cut->keys, key);
	if (stream_cut_has_sessions(cut))
		cut->keys = lappend(cut->keys, key);
	else
		cut->keys = lcons(key, cut->keys);
	stream_closing_place(cut->window, list_length(cut->keys));
}

typedef struct CollectAggs
{
	List	   *aggrefs;
	const char *source;
} CollectAggs;

/* Collects the distinct aggregates of the query's own level. */
static bool
collect_aggs_walker(Node *node, CollectAggs *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == 0)
	{
		if (!list_member(context->aggrefs, node))
			context->aggrefs = lappend(context->aggrefs, node);
		return false;
	}
	return expression_tree_walker(node, collect_aggs_walker, context);
}

Aggref *
stream_cut_count_rows(void)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = F_COUNT_;
	aggref->aggtype = INT8OID;
	aggref->aggstar = true;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = -1;
	aggref->aggtransno = -1;
	aggref->location = -1;
	return aggref;
}

Expr *
stream_cut_sign_of_changes(const StreamCut *cut)
{
	StreamCutInput *below = linitial(cut->below);

	return (Expr *) makeVar(below->rtindex,
							list_length(below->changes->targetList), INT4OID,
							-1, InvalidOid, 0);
}

bool
stream_cut_reads_new(const StreamFeed *feed)
{
	ListCell   *lc;

	foreach(lc, feed->inputs)
		if (!((StreamFeedInput *) lfirst(lc))->table)
			return true;
	return feed->inputs == NIL;
}

char *
stream_cut_input_name(const StreamFeedInput *input)
{
	return psprintf("%s of operator %d", input->kept ? "kept rows" :
					input->table ? "table" : "rows", input->cut->number);
}

List *
stream_cut_output(const StreamCut *cut)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	if (cut->kind == STREAM_CUT_DISTINCT || cut->kind == STREAM_CUT_JOIN)
	{
		foreach(lc, cut->query->targetList)
			if (!lfirst_node(TargetEntry, lc)->resjunk)
				exprs = lappend(exprs, lfirst_node(TargetEntry, lc)->expr);
	}
	else
	{
		foreach(lc, cut->keys)
			exprs = lappend(exprs, ((StreamKey *) lfirst(lc))->expr);
		foreach(lc, cut->payload)
			exprs = lappend(exprs, ((StreamPayload *) lfirst(lc))->expr);
		foreach(lc, cut->aggs)
			exprs = lappend(exprs, ((StreamAgg *) lfirst(lc))->aggref);
	}
	if (cut->signs || stream_cut_has_groups(cut))
		exprs = lappend(exprs, makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
										 Int32GetDatum(1), false, true));
	return exprs;
}

List *
stream_cut_input_columns(const StreamFeedInput *input)
{
	List	   *exprs = stream_cut_output(input->cut);

	/* what is kept has no sign */
	return (input->kept || input->table) && input->cut->signs ?
		list_delete_last(exprs) : exprs;
}

void
stream_cut_read(RangeTblEntry *rte, const StreamFeedInput *input)
{
	List	   *exprs = stream_cut_input_columns(input);
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Node	   *expr = lfirst(lc);

		rte->coltypes = lappend_oid(rte->coltypes, exprType(expr));
		rte->coltypmods = lappend_int(rte->coltypmods, exprTypmod(expr));
		rte->colcollations = lappend_oid(rte->colcollations,
										 exprCollation(expr));
	}
	rte->rtekind = RTE_NAMEDTUPLESTORE;
	rte->subquery = NULL;
	rte->security_barrier = false;
	rte->lateral = false;
	rte->enrname = stream_cut_input_name(input);
	rte->enrtuples = 1000;
}

/* ---- queries over what is handed on ---- */

Query *
stream_cut_query_over(const StreamFeedInput *input)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;

	stream_cut_read(rte, input);
	for (int i = 1; i <= list_length(rte->coltypes); i++)
		names = lappend(names, makeString(psprintf("column%d", i)));
	rte->eref = makeAlias("rows", names);
	rte->inFromCl = true;
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	return query;
}

Expr *
stream_cut_column(int attno, Node *expr)
{
	return (Expr *) makeVar(1, attno, exprType(expr), exprTypmod(expr),
							exprCollation(expr), 0);
}

void
stream_cut_group_by(Query *query, Expr *expr, SortGroupClause *how,
					const char *name)
{
	SortGroupClause *clause = copyObject(how);
	TargetEntry *tle = makeTargetEntry(expr,
									   list_length(query->targetList) + 1,
									   pstrdup(name), false);

	clause->tleSortGroupRef = tle->ressortgroupref = tle->resno;
	query->targetList = lappend(query->targetList, tle);
	query->groupClause = lappend(query->groupClause, clause);
}

void
stream_cut_add_aggregate(Query *query, Node *aggref, bool hidden)
{
	query->targetList =
		lappend(query->targetList,
				makeTargetEntry((Expr *) aggref,
								list_length(query->targetList) + 1, NULL,
								hidden));
	query->hasAggs = true;
}

/* ---- the query of the operator ---- */

/*
 * Where hop is called in FROM, its panes take its place there, unless FROM can
 * do without it: then (and where hop is among the columns) they take that of the
 * key.  Returns whether they do.
 */
static bool
put_panes_into_from(StreamCut *cut, Query *delta)
{
	StreamWindow *window = cut->window;
	RangeTblFunction *function;
	ListCell   *lc;

	if (window == NULL || window->pane_rtindex == 0)
		return true;
	foreach(lc, delta->jointree->fromlist)
	{
		RangeTblRef *ref = lfirst(lc);

		if (!IsA(ref, RangeTblRef) || ref->rtindex != window->pane_rtindex)
			continue;
		delta->jointree->fromlist =
			foreach_delete_current(delta->jointree->fromlist, lc);
		return true;
	}
	function = linitial(rt_fetch(window->pane_rtindex,
								 delta->rtable)->functions);
	function->funcexpr = (Node *) copyObject(window->pane);
	return false;
}

void
stream_cut_read_below(const StreamCut *cut, Query *query)
{
	ListCell   *lc;

	foreach(lc, cut->below)
	{
		StreamCutInput *below = lfirst(lc);
		StreamFeedInput input = {below->cut};
		RangeTblEntry *rte = rt_fetch(below->rtindex, query->rtable);

		if (below->changes)
			rte->subquery = copyObject(below->changes);
		else
			stream_cut_read(rte, &input);
	}
}

/*
 * Do rows that are new come with those that come and go, by way of UNION ALL?  (Whether
 * the others are late has been told below.)
 */
static bool
reads_new_rows(const StreamCut *cut)
{
	ListCell   *lc;

	if (STREAM_MUTATION("united_late"))
		return false;

	foreach(lc, cut->below)
	{
		StreamCut  *below = ((StreamCutInput *) lfirst(lc))->cut;

		if (below->kind == STREAM_CUT_ROWS && !below->keeps &&
			(below->query->setOperations || reads_new_rows(below)))
			return true;
	}
	return false;
}

/* Keys and bare aggregates over FROM and WHERE. */
static Query *
make_delta_query(StreamCut *cut)
{
	Query	   *delta = copyObject(cut->query);
	bool		in_key = put_panes_into_from(cut, delta);
	List	   *tlist = NIL;
	ListCell   *lc;

	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);
		bool		panes = cut->window && cut->window->pane &&
			in_key && cut->window->key == foreach_current_index(lc);
		Expr	   *expr = panes ? cut->window->pane : key->expr;
		TargetEntry *tle;

		if (cut->grouping && expr == (Expr *) cut->grouping)
			expr = stream_groupings_number_in_feed(cut->grouping);
		tle = makeTargetEntry(copyObject(expr), list_length(tlist) + 1,
							  key->name, false);
		tle->ressortgroupref = key->sortgroupref;
		tlist = lappend(tlist, tle);
	}
	delta->hasTargetSRFs = expression_returns_set((Node *) tlist);
	foreach(lc, cut->aggs)
	{
		StreamAgg  *agg = lfirst(lc);
		char	   *name = strVal(list_nth(cut->agg_names,
										   foreach_current_index(lc)));

		if (!stream_aggstate_is_own(agg, foreach_current_index(lc)))
			continue;
		tlist = lappend(tlist,
						makeTargetEntry(stream_aggstate_of_delta(agg),
										list_length(tlist) + 1, name, false));
	}

	/*
	 * Without keys, the planner may turn min and max into searches for one
	 * row, which have no partial states.  A count keeps it from that.
	 */
	if (cut->keys == NIL)
		tlist = lappend(tlist, makeTargetEntry((Expr *) stream_cut_count_rows(),
											   list_length(tlist) + 1,
											   NULL, true));
	if (cut->window && cut->window->event_time &&
		(!cut->over_changes || reads_new_rows(cut)))
		delta->jointree->quals =
			make_and_qual(delta->jointree->quals,
						  stream_closing_filter(cut->window));
	stream_cut_read_below(cut, delta);
	delta->targetList = tlist;
	delta->havingQual = NULL;
	delta->hasAggs = cut->aggs != NIL;
	delta->hasWindowFuncs = false;
	delta->windowClause = NIL;
	delta->distinctClause = NIL;
	delta->hasDistinctOn = false;
	delta->sortClause = NIL;
	delta->limitCount = NULL;
	delta->limitOffset = NULL;
	return delta;
}

int
stream_cut_grouping_key(const StreamCut *cut)
{
	ListCell   *lc;

	foreach(lc, cut->keys)
		if (cut->grouping &&
			((StreamKey *) lfirst(lc))->expr == (Expr *) cut->grouping)
			return foreach_current_index(lc);
	return -1;
}

/* The rows of no grouping set in particular. */
static void
take_out_groupings(StreamCut *cut, Query *query)
{
	TargetEntry *tle = list_nth(query->targetList,
								stream_cut_grouping_key(cut));

	tle->expr = (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
								   Int32GetDatum(0), false, true);
	query->groupingSets = NIL;
	query->groupDistinct = false;
}

Query *
stream_cut_rows_query(StreamCut *cut, const StreamCut *rows)
{
	StreamCut	bare = *cut;
	Query	   *query;
	ListCell   *lc;

	bare.aggs = NIL;
	query = make_delta_query(&bare);
	query->groupClause = NIL;
	query->hasAggs = false;
	query->targetList = list_truncate(query->targetList,
									  list_length(cut->keys));
	if (cut->grouping)
		take_out_groupings(cut, query);
	foreach(lc, rows->payload)
	{
		StreamPayload *payload = lfirst(lc);

		query->targetList =
			lappend(query->targetList,
					makeTargetEntry(copyObject(payload->expr),
									list_length(query->targetList) + 1,
									payload->name, false));
	}
	if (rows->signs)
		query->targetList =
			lappend(query->targetList,
					makeTargetEntry(copyObject(rows->sign),
									list_length(query->targetList) + 1,
									"_sign", false));
	return query;
}

bool
stream_cut_has_closing_index(const StreamCut *cut)
{
	/* kept rows go with their session */
	return cut->expiry_name != NULL ||
		(stream_cut_has_sessions(cut) && cut->window->event_time &&
		 cut->kind == STREAM_CUT_AGGREGATE);
}

/* ---- deduplication ---- */

/* SELECT DISTINCT: every column is a key. */
static void
group_by_all(Query *query)
{
	query->groupClause = query->distinctClause;
	query->distinctClause = NIL;
}

static bool
is_key(StreamCut *cut, Expr *expr)
{
	ListCell   *lc;

	foreach(lc, cut->keys)
		if (equal(((StreamKey *) lfirst(lc))->expr, expr))
			return true;
	return false;
}

/* The columns beside the keys. */
static void
collect_payload(StreamCut *cut, List **names)
{
	ListCell   *lc;

	foreach(lc, cut->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		StreamPayload *payload;

		if (tle->resjunk || is_key(cut, tle->expr))
			continue;
		payload = palloc0(sizeof(StreamPayload));
		payload->expr = tle->expr;
		payload->name = stream_cut_reserve_name(tle->resname, names);
		cut->payload = lappend(cut->payload, payload);
	}
}

/* The query now reads the column, if it is one of a table. */
static void
note_selected(Query *query, Node *expr)
{
	Var		   *var = (Var *) expr;

	if (IsA(expr, Var))
		stream_compat_note_selected(query, rt_fetch(var->varno, query->rtable),
									var->varattno);
}

int
stream_cut_within_position(const StreamPlace *place)
{
	return stream_refuse_position(place->source,
								  stream_locate_option(place,
													   "distinct_within_watermark"));
}

/*
 * Which event time says that a row is late, and (within the watermark) for how
 * long its key is kept: one among the columns, or the stream's own.
 */
static void
find_distinct_time(StreamCut *cut, bool within_watermark, List **names)
{
	const char *source = cut->place.source;
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, cut->payload)
		exprs = lappend(exprs, ((StreamPayload *) lfirst(lc))->expr);
	if (cut->window == NULL && exprs != NIL)
	{
		cut->window = stream_windowkeys_find(cut->query, exprs, cut->append,
											 false, false, source);
		if (cut->window)
			cut->window->key = -1;
	}
	if (stream_cut_has_sessions(cut))
		stream_refuse("DISTINCT of a session is", cut->window->row_end, source,
					  "Group by session_window.");
	if (cut->window && cut->window->pane && cut->payload)
		stream_refuse("DISTINCT ON a sliding window is", cut->window->row_end,
					  source, "Group by it, or use SELECT DISTINCT.");
	if (!within_watermark)
		return;
	if (cut->window == NULL)
		cut->window = stream_eventtime_of_input(cut->query, cut->append);
	if (cut->window == NULL || !cut->window->event_time)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.distinct_within_watermark\" needs a stream with an event time"),
				 errhint("Declare it: ALTER TABLE ... SET (streaming.event_time = 'column', streaming.watermark = '1 minute')."),
				 stream_cut_within_position(&cut->place)));
	if (list_length(cut->keys) >= INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("cannot deduplicate within the watermark by more than %d expressions",
						INDEX_MAX_KEYS - 1),
				 errhint("Have fewer columns, or leave the option out."),
				 stream_cut_within_position(&cut->place)));
	cut->expiry = stream_closing_expiry(cut->window);
	note_selected(cut->query, (Node *) cut->window->row_end);
	cut->expiry_name = stream_cut_reserve_name("_expiry", names);
}

/* Keys and what comes with them, over FROM and WHERE. */
static Query *
make_distinct_query(StreamCut *cut, Query *delta)
{
	List	   *tlist = delta->targetList;
	ListCell   *lc;

	foreach(lc, cut->payload)
	{
		StreamPayload *payload = lfirst(lc);

		tlist = lappend(tlist, makeTargetEntry(copyObject(payload->expr),
											   list_length(tlist) + 1,
											   payload->name, false));
	}
	if (cut->expiry)
		tlist = lappend(tlist, makeTargetEntry(copyObject(cut->expiry),
											   list_length(tlist) + 1,
											   cut->expiry_name, false));
	delta->targetList = tlist;
	delta->hasTargetSRFs = expression_returns_set((Node *) tlist);

	/*
	 * The store takes the first row of a key and leaves the others.  With more
	 * than keys, DISTINCT ON would sort, and any of them might come first; with
	 * a timestamp among the keys, hardly two rows are alike, and grouping them
	 * first is for nothing.
	 */
	if (cut->payload == NIL && cut->expiry == NULL &&
		!(cut->window && cut->window->kind == STREAM_WINDOW_NONE))
		return delta;
	delta->groupClause = NIL;
	return delta;
}

/* ---- operators ---- */

/* Finds out what the aggregates of the query are. */
static void
describe_aggs(StreamCut *cut)
{
	CollectAggs context = {NIL, cut->place.source};
	StreamAggInput input = STREAM_AGG_OF_ROWS;
	ListCell   *lc;

	if (stream_cut_has_sessions(cut))
		input = cut->over_changes ? STREAM_AGG_OF_CHANGING_SESSIONS :
			STREAM_AGG_OF_SESSIONS;
	else if (cut->over_changes)
		input = STREAM_AGG_OF_CHANGES;
	cut->aggs = NIL;

	/* over changes, the rows of a group are counted, by the first of them */
	if (cut->over_changes)
		context.aggrefs = list_make1(stream_cut_count_rows());
	collect_aggs_walker((Node *) cut->query->targetList, &context);
	collect_aggs_walker(cut->query->havingQual, &context);
	foreach(lc, context.aggrefs)
		cut->aggs = lappend(cut->aggs,
							stream_aggstate_describe(lfirst(lc),
													 input,
													 cut->place.source));
	stream_aggstate_share(cut->aggs);
}

/* Names the columns of the state table for them. */
static void
name_aggs(StreamCut *cut, List **names)
{
	ListCell   *lc;

	foreach(lc, cut->aggs)
	{
		Aggref	   *aggref = ((StreamAgg *) lfirst(lc))->aggref;
		char	   *otherwise = psprintf("_%s", get_func_name(aggref->aggfnoid));

		cut->agg_names =
			lappend(cut->agg_names,
					makeString(column_name(cut->query, (Node *) aggref,
										   otherwise, names)));
	}
	foreach(lc, cut->aggs)
		if (!((StreamAgg *) lfirst(lc))->final_is_state &&
			stream_aggstate_is_own((StreamAgg *) lfirst(lc),
								   foreach_current_index(lc)))
			cut->state_names =
				lappend(cut->state_names,
						makeString(stream_cut_reserve_name("_state", names)));
}

/* The key that tells the groups of different grouping sets apart. */
static void
add_grouping(StreamCut *cut, List **names)
{
	StreamKey  *key = palloc0(sizeof(StreamKey));

	cut->grouping = stream_groupings_number(cut->query);
	key->expr = (Expr *) cut->grouping;
	key->eqop = Int4EqualOperator;
	key->collation = InvalidOid;
	key->name = stream_cut_reserve_name("_grouping", names);
	cut->keys = lappend(cut->keys, key);
}

/* Does an aggregate need more than partial states? */
static bool
needs_rows(StreamCut *cut)
{
	ListCell   *lc;

	foreach(lc, cut->aggs)
		if (((StreamAgg *) lfirst(lc))->kind != STREAM_AGG_COMBINED)
			return true;
	return cut->over_changes;
}

/* The grouping keys, and the window among them. */
static void
find_keys(StreamCut *cut, List **names)
{
	const char *source = cut->place.source;
	List	   *exprs = NIL;
	ListCell   *lc;

	cut->keys = collect_keys(cut->query, names, source);
	foreach(lc, cut->keys)
	{
		Expr	   *expr = ((StreamKey *) lfirst(lc))->expr;

		stream_windowkeys_check_session(cut->query, (Node *) expr,
										cut->over_changes, source);
		exprs = lappend(exprs, expr);
	}
	cut->window = stream_windowkeys_find(cut->query, exprs, cut->append,
										 cut->topn || needs_rows(cut),
										 cut->over_changes, source);
	if (cut->query->groupingSets)
		add_grouping(cut, names);
	if (cut->window)
		place_window(cut);
	cut->from_beginning = cut->keys == NIL ||
		stream_groupings_has_empty(cut->query);
	if (cut->window && cut->window->pane)
		check_hashable(cut->keys, source);
}

StreamFeed *
stream_cut_add_feed(StreamCut *cut, Query *query, StreamFeedMode mode)
{
	StreamFeed *feed = palloc0(sizeof(StreamFeed));

	feed->query = query;
	feed->mode = mode;
	cut->feeds = lappend(cut->feeds, feed);
	return feed;
}

StreamFeed *
stream_cut_add_feed_from(StreamCut *cut, Query *query, StreamFeedMode mode)
{
	StreamFeed *feed = stream_cut_add_feed(cut, query, mode);
	ListCell   *lc;

	foreach(lc, cut->aggs)
		if (stream_aggstate_is_own((StreamAgg *) lfirst(lc),
								   foreach_current_index(lc)))
			feed->aggs = lappend_int(feed->aggs, foreach_current_index(lc));
	foreach(lc, cut->below)
	{
		StreamFeedInput *input = palloc0(sizeof(StreamFeedInput));

		input->cut = ((StreamCutInput *) lfirst(lc))->cut;
		feed->inputs = lappend(feed->inputs, input);
	}
	return feed;
}

void
stream_cut_aggregation(StreamCut *cut)
{
	List	   *names = NIL;

	cut->kind = STREAM_CUT_AGGREGATE;
	stream_averages_split(cut->query, cut->over_changes);
	describe_aggs(cut);
	find_keys(cut, &names);
	if (stream_cut_has_sessions(cut))
		describe_aggs(cut);
	name_aggs(cut, &names);
}

void
stream_cut_add_own_feed(StreamCut *cut)
{
	stream_cut_add_feed_from(cut, make_delta_query(cut), STREAM_FEED_PARTIAL);
}

void
stream_cut_distinct(StreamCut *cut, bool within_watermark, bool never_late)
{
	List	   *names = NIL;

	cut->kind = STREAM_CUT_DISTINCT;
	group_by_all(cut->query);
	find_keys(cut, &names);
	collect_payload(cut, &names);
	find_distinct_time(cut, within_watermark, &names);
	if (never_late && !within_watermark)
		cut->window = NULL;
	stream_cut_add_feed_from(cut, make_distinct_query(cut, make_delta_query(cut)),
				  STREAM_FEED_ROWS);
}

/* ---- the first rows of each key ---- */

/* The number of the feed's column that holds an expression, or -1: a constant. */
static int
feed_column(StreamCut *cut, Expr *expr)
{
	ListCell   *lc;

	foreach(lc, cut->keys)
		if (equal(((StreamKey *) lfirst(lc))->expr, expr))
			return foreach_current_index(lc);
	foreach(lc, cut->payload)
		if (equal(((StreamPayload *) lfirst(lc))->expr, expr))
			return list_length(cut->keys) + foreach_current_index(lc);
	return -1;
}

/* The ORDER BY, as columns of the feed. */
static void
find_ranks(StreamCut *cut)
{
	StreamTopn *topn = cut->topn;
	ListCell   *lc;

	topn->ranks = palloc(sizeof(StreamRankColumn) *
						 (list_length(topn->order) + 1));
	foreach(lc, topn->order)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(clause,
													cut->query->targetList);
		StreamRankColumn rank = {
			.column = feed_column(cut, (Expr *) expr),
			.sortop = clause->sortop,
			.collation = exprCollation(expr),
			.nulls_first = clause->nulls_first
		};

		/* the order of rows that come and go is an index, after the keys */
		if (cut->over_changes &&
			rank.column != list_length(cut->keys) + topn->nranks)
			continue;
		if (rank.column >= 0)
			topn->ranks[topn->nranks++] = rank;
	}
}

/* Rows of a key with more than one are told apart by a number. */
static void
find_slots(StreamCut *cut, List **names)
{
	StreamTopn *topn = cut->topn;

	if (stream_topn_is_one_row(topn) && !cut->over_changes)
		return;
	if (list_length(cut->keys) >= INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("cannot keep the first rows by more than %d expressions",
						INDEX_MAX_KEYS - 1),
				 errhint("Put some of them together, for example into an array."),
				 stream_refuse_position(cut->place.source,
										exprLocation((Node *) ((StreamKey *)
															   llast(cut->keys))->expr))));
	topn->slot_name = stream_cut_reserve_name("_slot", names);
}

/* A column of the row that comes with the keys, unless there is one. */
static void
add_value(StreamCut *cut, TargetEntry *tle, List **names)
{
	StreamPayload *payload;

	if (IsA(tle->expr, Const) || feed_column(cut, tle->expr) >= 0)
		return;
	payload = palloc0(sizeof(StreamPayload));
	payload->expr = tle->expr;
	payload->name = stream_cut_reserve_name(tle->resname, names);
	cut->payload = lappend(cut->payload, payload);
}

/*
 * The columns of the rows.  Over changes, those that they are ordered by come first, in
 * that order.
 */
static void
add_values(StreamCut *cut, List **names)
{
	Query	   *query = cut->query;
	List	   *values = stream_topn_values(query);
	ListCell   *lc;

	foreach(lc, cut->over_changes ? cut->topn->order : NIL)
		add_value(cut, get_sortgroupclause_tle(lfirst(lc), query->targetList),
				  names);
	foreach(lc, values)
		add_value(cut, lfirst(lc), names);
}

void
stream_cut_topn(StreamCut *cut)
{
	Query	   *query = cut->query;
	List	   *names = NIL;

	cut->kind = STREAM_CUT_TOPN;
	stream_topn_check(query, cut->topn, &cut->place);
	query->groupClause = cut->topn->keys;
	query->distinctClause = NIL;
	query->hasDistinctOn = false;
	check_key_count(query, query->groupClause, cut->place.source);
	find_keys(cut, &names);
	if (stream_cut_has_sessions(cut))
		stream_refuse("ranking the rows of a session is", cut->window->row_end,
					  cut->place.source,
					  "Use tumble, or group by session_window.");
	add_values(cut, &names);
	find_ranks(cut);
	find_slots(cut, &names);
	if (!cut->over_changes)
		stream_cut_add_feed_from(cut, stream_cut_rows_query(cut, cut),
								 STREAM_FEED_ROWS);
}
