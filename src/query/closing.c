/*-------------------------------------------------------------------------
 *
 * closing.c
 *	  Conditions on time: which rows are late, which groups are closed.
 *
 * Whether it is a window's turn to close, or a row is late, is all about where
 * the window ends.  That is written as an expression over the key, so that the
 * same is said to the planner, to the reader of the view and to us.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "time/watermark.h"
#include "time/timeexpr.h"
#include "query/calls.h"
#include "query/closing.h"

/* Operators without a symbol of their own in the server's headers. */
#define TimestampTzGreaterOperator 1324
#define TimestampTzLessEqualOperator 1323
#define TimestampGreaterOperator 2064
#define TimestampLessEqualOperator 2063
#define OidEqualOperator 607

/* ---- rows ---- */

/* time > threshold, or <= */
static Expr *
compare_threshold(Expr *time, int parameter, bool after)
{
	Oid			type = exprType((Node *) time);
	bool		zoned = type == TIMESTAMPTZOID;
	Expr	   *result = make_opclause(after ?
									   (zoned ? TimestampTzGreaterOperator :
										TimestampGreaterOperator) :
									   (zoned ? TimestampTzLessEqualOperator :
										TimestampLessEqualOperator),
									   BOOLOID, false, copyObject(time),
									   stream_timeexpr_parameter(parameter,
																 type),
									   InvalidOid, InvalidOid);

	set_opfuncid((OpExpr *) result);
	return result;
}

Node *
stream_closing_is_after(List *ends)
{
	Node	   *result = NULL;
	ListCell   *lc;

	foreach(lc, ends)
		result = make_and_qual(result,
							   (Node *) compare_threshold(lfirst(lc),
														  STREAM_PARAM_LATE,
														  true));
	return result;
}

Node *
stream_closing_expires(Expr *final)
{
	return make_and_qual((Node *) compare_threshold(final, STREAM_PARAM_LATE,
													true),
						 (Node *) compare_threshold(final, STREAM_PARAM_CLOSED,
													false));
}

Node *
stream_closing_has_expired(Expr *final)
{
	BooleanTest *test = makeNode(BooleanTest);

	/* what has no time finds nothing, either */
	test->arg = compare_threshold(final, STREAM_PARAM_LATE, true);
	test->booltesttype = IS_NOT_TRUE;
	test->location = -1;
	return (Node *) test;
}

static Expr *
late_threshold(Oid type)
{
	return stream_timeexpr_parameter(STREAM_PARAM_LATE, type);
}

Expr *
stream_closing_expiry(const StreamWindow *window)
{
	return stream_timeexpr_end_of(copyObject(window->row_end),
								  stream_timeexpr_parameter(STREAM_PARAM_DELAY,
															INTERVALOID), NULL);
}

Node *
stream_closing_filter(const StreamWindow *window)
{
	Oid			type = window->type;
	Oid			argtypes[] = {type, type, INTERNALOID, type};
	Expr	   *end = window->last_end ? window->last_end : window->row_end;
	List	   *args = list_make3(copyObject(end), late_threshold(type),
								  stream_timeexpr_parameter(STREAM_PARAM_WATERMARK,
															INTERNALOID));
	Expr	   *result;

	if (window->first_end)
		args = lappend(args, copyObject(window->first_end));
	result = (Expr *)
		makeFuncExpr(LookupFuncName(list_make2(makeString("streaming"),
											   makeString("_on_time")),
									list_length(args), argtypes, false),
					 BOOLOID, args, InvalidOid, InvalidOid,
					 COERCE_EXPLICIT_CALL);

	/* what is after the threshold itself ends after it, too */
	if (window->row_time)
		result = makeBoolExpr(OR_EXPR,
							  list_make2(compare_threshold(window->row_time,
															STREAM_PARAM_LATE, true),
										 result), -1);
	if (window->last_end)
		result = makeBoolExpr(AND_EXPR,
							  list_make2(result,
										 compare_threshold(window->row_end,
															STREAM_PARAM_LATE, true)),
							  -1);
	return (Node *) result;
}

bool
stream_closing_is_filter(Node *node)
{
	return IsA(node, FuncExpr) &&
		stream_calls_is((FuncExpr *) node, "_on_time");
}

/* ---- groups ---- */

void
stream_closing_place(StreamWindow *window, int nkeys)
{
	window->key = window->kind == STREAM_WINDOW_SESSION ? nkeys - 1 : 0;
	window->key_column->varattno = window->key_column->varattnosyn =
		window->key + 1;
}

Expr *
stream_closing_session_end(const StreamWindow *window)
{
	return stream_timeexpr_upper(window->type, (Node *) window->key_column);
}

/* The table of progress as the only member of FROM, for all to read. */
static RangeTblEntry *
progress_entry(Oid relid)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *names = NIL;

	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
		names = lappend(names,
						makeString(pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel),
																 i)->attname))));
	rte->rtekind = RTE_RELATION;
	rte->relid = relid;
	rte->relkind = RELKIND_RELATION;
	rte->rellockmode = AccessShareLock;
	rte->eref = makeAlias(RelationGetRelationName(rel), names);
	rte->inFromCl = true;
	/* no permission is required: the condition shows the view's own row only */
	table_close(rel, NoLock);
	return rte;
}

static Var *
progress_column(Oid relid, const char *name, Oid type)
{
	return makeVar(1, get_attnum(relid, name), type, -1, InvalidOid, 0);
}

/* SELECT closed FROM progress WHERE viewid = 0 */
static Query *
closed_query(Oid relid, bool zoned)
{
	Query	   *query = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Expr	   *closed = (Expr *) progress_column(relid, "closed",
												  TIMESTAMPTZOID);
	Expr	   *own = make_opclause(OidEqualOperator, BOOLOID, false,
									(Expr *) progress_column(relid, "viewid", OIDOID),
									(Expr *) makeConst(OIDOID, -1, InvalidOid,
													   sizeof(Oid),
													   ObjectIdGetDatum(InvalidOid),
													   false, true),
									InvalidOid, InvalidOid);

	/* times without a zone are stored as those of UTC */
	if (!zoned)
		closed = stream_timeexpr_call2(F_TIMEZONE_TEXT_TIMESTAMPTZ,
									   TIMESTAMPOID, InvalidOid,
									   makeConst(TEXTOID, -1,
												 DEFAULT_COLLATION_OID, -1,
												 CStringGetTextDatum("UTC"),
												 false, false), closed);
	set_opfuncid((OpExpr *) own);
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->querySource = QSRC_ORIGINAL;
	query->canSetTag = true;
	query->rtable = list_make1(progress_entry(relid));
	stream_compat_require_nothing(query, linitial(query->rtable));
	query->jointree = makeFromExpr(list_make1(ref), (Node *) own);
	query->targetList = list_make1(makeTargetEntry(closed, 1, "closed",
												   false));
	return query;
}

Node *
stream_closing_is_closed(const StreamWindow *window, bool unlogged)
{
	bool		zoned = window->type == TIMESTAMPTZOID;
	SubLink    *sublink = makeNode(SubLink);
	Expr	   *result;

	/* a sub-select is evaluated once, not for each row */
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *)
		closed_query(stream_catalog_progress_table(unlogged), zoned);
	sublink->location = -1;
	result = make_opclause(zoned ? TimestampTzLessEqualOperator :
						   TimestampLessEqualOperator, BOOLOID, false,
						   copyObject(window->key_end), (Expr *) sublink,
						   InvalidOid, InvalidOid);
	set_opfuncid((OpExpr *) result);
	return (Node *) result;
}

/* Is it the sub-select above, of that view? */
static bool
is_closed_query(Query *query, Oid viewid)
{
	RangeTblEntry *rte;
	OpExpr	   *own;
	Const	   *value;

	if (list_length(query->rtable) != 1 || query->jointree == NULL ||
		query->jointree->quals == NULL ||
		!IsA(query->jointree->quals, OpExpr))
		return false;
	rte = linitial_node(RangeTblEntry, query->rtable);
	own = (OpExpr *) query->jointree->quals;
	if (rte->rtekind != RTE_RELATION ||
		(rte->relid != stream_catalog_progress_table(false) &&
		 rte->relid != stream_catalog_progress_table(true)) ||
		own->opno != OidEqualOperator || !IsA(linitial(own->args), Var) ||
		!IsA(lsecond(own->args), Const))
		return false;
	value = lsecond_node(Const, own->args);
	/* its own column, not one of a query around it */
	return (linitial_node(Var, own->args)->varlevelsup == 0 ||
			STREAM_MUTATION("permit_outer")) &&
		linitial_node(Var, own->args)->varattno ==
		get_attnum(rte->relid, "viewid") &&
		!value->constisnull && DatumGetObjectId(value->constvalue) == viewid;
}

/* A view that gets its OID. */
typedef struct Numbering
{
	Oid			written;		/* what the query has in its place */
	Oid			viewid;
	bool		permit;			/* whoever has written the sub-select: it shows
								 * nothing but the view's own row, to those who
								 * may read the view */
} Numbering;

static bool
number_walker(Node *node, Numbering *numbering)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query) && is_closed_query((Query *) node, numbering->written))
	{
		OpExpr	   *own = (OpExpr *) ((Query *) node)->jointree->quals;

		lsecond_node(Const, own->args)->constvalue =
			ObjectIdGetDatum(numbering->viewid);
		if (numbering->permit)
			stream_compat_permit((Query *) node,
								 linitial(((Query *) node)->rtable));
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, number_walker, numbering, 0);
	return expression_tree_walker(node, number_walker, numbering);
}

void
stream_closing_set_view(Query *query, Oid viewid)
{
	Numbering	numbering = {InvalidOid, viewid, false};

	number_walker((Node *) query, &numbering);
}

void
stream_closing_permit(Query *query, Oid written, Oid viewid)
{
	Numbering	numbering = {written, viewid, true};

	number_walker((Node *) query, &numbering);
}
