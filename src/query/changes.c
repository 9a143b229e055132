/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  The change stream of a view, and the changes of other views in FROM.
 *
 * How the result of a view changes is what its last operator hands on, with HAVING and
 * expressions applied to the rows that go as to those that come.  One operator more
 * appends that to a table of its own, a stream, in the batch that changes the result.
 * Of a view in append mode these are the groups that the batch closes, and nothing
 * else: they come once, and never change.  A result that is only added to is a stream
 * by itself, which others read; a change stream beside it says which batch has added what.
 *
 * Another view whose FROM names that view has an operator for it, a source: in its first
 * batch that hands on the content of the view, as rows that come, and all that is in the
 * change stream by then counts as read, for the batch has one snapshot.  From then on it
 * hands on the new rows of the change stream.
 *
 * Where rows are only added to the result of that view, and all of them are in its change
 * stream, that is read like any other stream instead.
 *
 * What EXISTS, IN and NOT EXISTS among the conditions of WHERE name in their FROM is read
 * likewise, for they become members of the FROM around (semijoin.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "stream/am.h"
#include "time/declare.h"
#include "query/analyze.h"
#include "query/joining.h"
#include "query/nesting.h"
#include "query/reading.h"
#include "query/semijoin.h"
#include "query/topn.h"
#include "query/transform.h"
#include "query/changes.h"

/* ---- the change stream of a view ---- */

const char *const stream_changes_names[] = {
	[STREAM_CHANGE_INSERT] = "insert",
	[STREAM_CHANGE_UPDATE_BEFORE] = "update before",
	[STREAM_CHANGE_UPDATE_AFTER] = "update after",
	[STREAM_CHANGE_DELETE] = "delete"
};

/* What goes must be what has come.  added: nothing goes, and all has been computed. */
static void
check_query(const Query *query, bool added, const StreamPlace *place)
{
	if (added && query->limitCount == NULL && query->limitOffset == NULL)
		return;
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

/* What a deduplication hands on: keys that are new; or the rows of a transform. */
static Query *
new_rows_of(StreamCut *top)
{
	Query	   *query = top->kind == STREAM_CUT_TRANSFORM ?
		stream_transform_new_rows(top) : stream_joining_changes(top);

	add_sign(query, (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									   Int32GetDatum(1), false, true));
	return query;
}

/* What is shown of rows that come and go, the operator's input. */
static Query *
shown_rows(const StreamCut *cut, const Query *shown, Expr *sign)
{
	Query	   *query = copyObject((Query *) shown);
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
	add_sign(query, copyObject(sign));
	stream_cut_read_below(cut, query);
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

/* Has the operator read the first rows that the query names in that place. */
static void
read_firsts(StreamCut *cut, StreamCut *top, int rtindex)
{
	StreamCutInput *input = palloc0(sizeof(StreamCutInput));

	top->hands_on = true;
	input->rtindex = rtindex;
	input->cut = top;
	input->changes = changes_of_groups(top);
	cut->below = list_make1(input);
}

/* The number of the column, from 0, that is the expression, or -1. */
static int
find_column(const Query *query, Node *expr)
{
	int			n = 0;
	int			found = -1;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		if (equal(tle->expr, expr))
			found = n;
		n++;
	}
	return found;
}

/* The same, of a key of the operator, which is a member of FROM, or (0) the query. */
static int
find_key(const StreamCut *top, Node *key, const Query *shown, int rtindex)
{
	int			column = find_column(top->query, key);

	if (rtindex == 0 || column < 0)
		return column;
	return find_column(shown, (Node *) makeVar(rtindex, column + 1, exprType(key),
											   exprTypmod(key),
											   exprCollation(key), 0));
}

/*
 * The columns by which readers can tell groups apart: only then can the row that goes
 * and the one that comes be an update.
 */
static void
find_identity(StreamCut *cut, const StreamCut *top, const Query *shown,
			  int rtindex)
{
	ListCell   *lc;

	cut->updates = stream_cut_has_groups(top) && !top->final_only &&
		!top->query->hasTargetSRFs &&
		(top->topn == NULL || stream_topn_is_one_row(top->topn));
	foreach(lc, cut->updates ? top->keys : NIL)
	{
		int			found = find_key(top,
									 (Node *) ((StreamKey *) lfirst(lc))->expr,
									 shown, rtindex);

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

/* Adds the columns of the table, but for when, and how (which have their names there). */
static void
add_columns(StreamCut *cut, const Query *shown)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, shown->targetList)
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
stream_changes_cut(StreamCut *top, Query *shown, int rtindex, bool append,
				   const StreamPlace *place)
{
	StreamCut  *cut = palloc0(sizeof(StreamCut));
	Query	   *query;

	if (rtindex == 0)
		shown = top->query;
	cut->kind = STREAM_CUT_CHANGES;
	cut->place = *place;
	check_query(shown, top->kind == STREAM_CUT_TRANSFORM, place);
	top->final_only = append && stream_cut_has_groups(top);
	if (top->kind == STREAM_CUT_ROWS)
	{
		query = shown_rows(top, shown, top->sign);
		cut->below = top->below;
		stream_cut_add_feed_from(cut, query, STREAM_FEED_ROWS);
	}
	else if (rtindex > 0)
	{
		read_firsts(cut, top, rtindex);
		query = shown_rows(cut, shown, stream_cut_sign_of_changes(cut));
		stream_cut_add_feed_from(cut, query, STREAM_FEED_ROWS);
	}
	else
	{
		query = top->kind == STREAM_CUT_DISTINCT ||
			top->kind == STREAM_CUT_TRANSFORM ? new_rows_of(top) :
			changes_of_groups(top);
		add_feed(cut, top, query);
	}
	cut->query = query;
	add_columns(cut, shown);
	find_identity(cut, top, shown, rtindex);
	return cut;
}

/* ---- other views in FROM ---- */

/* Is its change stream all of its result, to which rows are only added? */
static bool
is_added_only(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	return OidIsValid(row->changes) && stream_declare_is_result(row->changes);
}

/* Is it a continuous view whose result is a table? */
static bool
is_changing_view(const RangeTblEntry *rte)
{
	StreamViewRow *row;

	/* (a view's query has the view in its range table, but not in FROM) */
	if (rte->rtekind != RTE_RELATION || !rte->inFromCl ||
		rte->relkind != RELKIND_VIEW)
		return false;
	row = stream_catalog_view(rte->relid);
	return row && !stream_am_relid_is_stream(row->state);
}

/*
 * The sub-selects of EXISTS and IN among the conditions of WHERE and inner joins, which
 * become members.
 */
static List *
tests_of(Query *query)
{
	List	   *tests = NIL;
	List	   *conditions = query->jointree ?
		stream_semijoin_conditions(query) : NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		bool		none;
		SubLink    *sublink = stream_semijoin_of_condition(lfirst(lc), &none);

		if (sublink)
			tests = lappend(tests, sublink->subselect);
	}
	return tests;
}

/* The members of FROM that are such, of the query, its sub-selects and those in WITH. */
static List *
changing_views(Query *query)
{
	List	   *tests = tests_of(query);
	List	   *views = NIL;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (is_changing_view(rte))
			views = lappend(views, rte);
		else if (rte->rtekind == RTE_SUBQUERY)
			views = list_concat(views, changing_views(rte->subquery));
	}
	foreach(lc, tests)
		views = list_concat(views, changing_views(lfirst(lc)));
	foreach(lc, query->cteList)
	{
		Node	   *part = lfirst_node(CommonTableExpr, lc)->ctequery;

		if (IsA(part, Query))
			views = list_concat(views, changing_views((Query *) part));
	}
	return views;
}

bool
stream_changes_are_read(Query *query)
{
	ListCell   *lc;

	foreach(lc, changing_views(query))
		if (!is_added_only(lfirst_node(RangeTblEntry, lc)->relid))
			return true;
	return false;
}

List *
stream_changes_lacking(Query *query)
{
	List	   *lacking = NIL;
	ListCell   *lc;

	foreach(lc, changing_views(query))
	{
		Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;

		if (!OidIsValid(stream_catalog_view(relid)->changes))
			lacking = list_append_unique_oid(lacking, relid);
	}
	return lacking;
}

List *
stream_changes_not_kept(Query *query)
{
	List	   *views = NIL;
	ListCell   *lc;

	foreach(lc, changing_views(query))
	{
		Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;

		if (stream_catalog_view(relid)->options.retention_us >= 0 &&
			is_added_only(relid))
			views = list_append_unique_oid(views, relid);
	}
	return views;
}

static RangeTblRef *
reference(int rtindex)
{
	RangeTblRef *ref = makeNode(RangeTblRef);

	ref->rtindex = rtindex;
	return ref;
}

/* The columns of a view, as those of a member of FROM; first: where they begin. */
static List *
columns_of(Oid viewid, int rtindex, int first)
{
	Relation	rel = table_open(viewid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *tlist = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		Var		   *var = makeVar(rtindex, first + i, attr->atttypid,
								  attr->atttypmod, attr->attcollation, 0);

		tlist = lappend(tlist,
						makeTargetEntry((Expr *) var, i + 1,
										pstrdup(NameStr(attr->attname)),
										false));
	}
	table_close(rel, NoLock);
	return tlist;
}

/* A SELECT whose range table begins with the view, as it is in another query. */
static Query *
select_beside(const Query *from, const RangeTblEntry *view)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = copyObject((RangeTblEntry *) view);

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	/* not read from, but asked for its permissions */
	rte->inFromCl = false;
	query->rtable = list_make1(rte);
	stream_compat_copy_permissions(from, query, rte);
	return query;
}

/*
 * The rows of the change stream, for whoever may read the view; as columns of relation 2,
 * the view's begin with the third.
 */
static Query *
changes_query(const Query *source)
{
	RangeTblEntry *view = linitial(source->rtable);
	Query	   *query = select_beside(source, view);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *names = list_make2(makeString("batch"), makeString("op"));
	ListCell   *lc;

	query->targetList = columns_of(view->relid, 2, 3);
	query->jointree = makeFromExpr(list_make1(reference(2)), NULL);
	foreach(lc, query->targetList)
		names = lappend(names, makeString(lfirst_node(TargetEntry, lc)->resname));
	rte->rtekind = RTE_RELATION;
	rte->relid = stream_catalog_view(view->relid)->changes;
	rte->relkind = RELKIND_RELATION;
	rte->rellockmode = AccessShareLock;
	rte->eref = makeAlias("changes", names);
	rte->inh = rte->inFromCl = true;
	query->rtable = lappend(query->rtable, rte);
	stream_compat_require_nothing(query, rte);
	return query;
}

/* A sub-select that only an operator can read. */
static Query *
marked_query(Query *query, RangeTblEntry *rte)
{
	Query	   *source = select_beside(query, rte);
	RangeTblEntry *marker = makeNode(RangeTblEntry);
	List	   *names = NIL;
	ListCell   *lc;

	source->targetList = columns_of(rte->relid, 2, 1);
	source->jointree = makeFromExpr(list_make1(reference(2)), NULL);
	foreach(lc, source->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		names = lappend(names, makeString(tle->resname));
		marker->coltypes = lappend_oid(marker->coltypes,
									   exprType((Node *) tle->expr));
		marker->coltypmods = lappend_int(marker->coltypmods,
										 exprTypmod((Node *) tle->expr));
		marker->colcollations = lappend_oid(marker->colcollations,
											exprCollation((Node *) tle->expr));
	}
	marker->rtekind = RTE_NAMEDTUPLESTORE;
	marker->enrname = pstrdup(STREAM_ANALYZE_CHANGES);
	marker->eref = makeAlias("changes", names);
	marker->inFromCl = true;
	source->rtable = lappend(source->rtable, marker);
	return source;
}

/* The member of FROM becomes a sub-select. */
static void
expand_member(Query *query, RangeTblEntry *rte)
{
	Query	   *part;

	if (is_added_only(rte->relid))
		part = changes_query(select_beside(query, rte));
	else
		part = marked_query(query, rte);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = part;
	rte->inh = false;
	rte->relid = InvalidOid;
	rte->relkind = '\0';
	rte->rellockmode = NoLock;
	stream_compat_forget_permissions(rte);
}

static void
expand(Query *query)
{
	List	   *tests = tests_of(query);
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (is_changing_view(rte))
			expand_member(query, rte);
		else if (rte->rtekind == RTE_SUBQUERY)
			expand(rte->subquery);
	}
	/* as semijoin.c has it: beside nothing that streams bring, none is a member */
	if (stream_analyze_members_of_from(query) == NIL ||
		STREAM_MUTATION("tests_looked_up"))
		return;
	foreach(lc, tests)
		expand(lfirst(lc));
}

/* Finds a test of another continuous view, which is still there by its name. */
static bool
test_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) &&
		(((SubLink *) node)->subLinkType == EXISTS_SUBLINK ||
		 ((SubLink *) node)->subLinkType == ANY_SUBLINK ||
		 ((SubLink *) node)->subLinkType == ALL_SUBLINK) &&
		changing_views(castNode(Query, ((SubLink *) node)->subselect)) != NIL)
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, test_walker, found, 0);
	return expression_tree_walker(node, test_walker, found);
}

bool
stream_changes_are_tested(Query *query)
{
	Node	   *found;

	return test_walker((Node *) query, &found);
}

/* What is not read by its changes would only be looked up. */
static void
check_tests(Query *query, const StreamPlace *place)
{
	Node	   *found;

	if (test_walker((Node *) query, &found))
		stream_refuse_in(place,
						 "a test of another continuous view, other than EXISTS, IN or NOT EXISTS among the conditions of WHERE beside a stream or such a view, is",
						 found,
						 "Write it as a condition by itself, below AND only; or look up what the view shows at the moment in an ordinary view over it.");
}

/* Finds any sub-select of an expression over another continuous view, by its name. */
static bool
looked_up_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) &&
		changing_views(castNode(Query, ((SubLink *) node)->subselect)) != NIL)
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, looked_up_walker, found, 0);
	return expression_tree_walker(node, looked_up_walker, found);
}

void
stream_changes_check_feed(Query *query, const StreamPlace *place)
{
	Node	   *found;

	if (looked_up_walker((Node *) query, &found) &&
		!STREAM_MUTATION("tests_looked_up"))
		stream_refuse_in(place,
						 "a sub-select of an expression over another continuous view whose rows change is",
						 found,
						 "Join the view in FROM, and the rows follow it; or look up what it shows at the moment in an ordinary view over it.");
}

void
stream_changes_expand(Query *query, const StreamPlace *place)
{
	List	   *lacking = stream_changes_lacking(query);

	if (lacking)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view \"%s\" has no change stream",
						get_rel_name(linitial_oid(lacking))),
				 errdetail("Another view can read it only with one."),
				 errhint("Have its owner run ALTER MATERIALIZED VIEW ... SET (streaming.changes).")));
	expand(query);
	if (!STREAM_MUTATION("tests_looked_up"))
		check_tests(query, place);
}

bool
stream_changes_is_source(const Query *query)
{
	return list_length(query->rtable) == 2 &&
		stream_analyze_is_changes(rt_fetch(2, query->rtable));
}

/* All there is in the view. */
static Query *
content_query(const Query *source)
{
	RangeTblEntry *view = linitial(source->rtable);
	Query	   *query = select_beside(source, view);

	((RangeTblEntry *) linitial(query->rtable))->inFromCl = true;
	query->targetList = columns_of(view->relid, 1, 1);
	query->jointree = makeFromExpr(list_make1(reference(1)), NULL);
	add_sign(query, (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									   Int32GetDatum(1), false, true));
	return query;
}

/* Is it that change? */
static Expr *
op_is(int rtindex, StreamChange change)
{
	Const	   *name = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
								 CStringGetTextDatum(stream_changes_names[change]),
								 false, false);

	return (Expr *) makeFuncExpr(F_TEXTEQ, BOOLOID,
								 list_make2(makeVar(rtindex, 2, TEXTOID, -1,
													DEFAULT_COLLATION_OID, 0),
											name),
								 InvalidOid, DEFAULT_COLLATION_OID,
								 COERCE_EXPLICIT_CALL);
}

/* Does the row come or go? */
static Expr *
sign_of_op(int rtindex)
{
	CaseExpr   *result = makeNode(CaseExpr);
	CaseWhen   *comes = makeNode(CaseWhen);

	comes->expr = makeBoolExpr(OR_EXPR,
							   list_make2(op_is(rtindex, STREAM_CHANGE_UPDATE_AFTER),
										  op_is(rtindex, STREAM_CHANGE_INSERT)),
							   -1);
	comes->result = (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									   Int32GetDatum(1), false, true);
	comes->location = -1;
	result->casetype = INT4OID;
	result->args = list_make1(comes);
	result->defresult = (Expr *) makeConst(INT4OID, -1, InvalidOid,
										   sizeof(int32), Int32GetDatum(-1),
										   false, true);
	result->location = -1;
	return (Expr *) result;
}

void
stream_changes_cut_source(StreamCut *cut)
{
	List	   *names = NIL;
	Query	   *changes;
	StreamFeed *feed;
	ListCell   *lc;

	cut->kind = STREAM_CUT_ROWS;
	cut->hands_on = cut->signs = true;
	foreach(lc, cut->query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		StreamPayload *column = palloc0(sizeof(StreamPayload));

		column->expr = tle->expr;
		column->name = stream_cut_reserve_name(tle->resname, &names);
		cut->payload = lappend(cut->payload, column);
	}
	feed = stream_cut_add_feed(cut, content_query(cut->query),
							   STREAM_FEED_ROWS);
	feed->first = feed->content = true;
	changes = changes_query(cut->query);
	add_sign(changes, sign_of_op(2));
	feed = stream_cut_add_feed(cut, changes, STREAM_FEED_ROWS);
	feed->later = true;
}
