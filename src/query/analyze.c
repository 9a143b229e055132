/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  Which streams a query reads, and whether it reads them row by row.
 *
 * Below the aggregation everything must be row by row: the result over two sets of rows
 * is the results over each, put together.  So the stream is read once, on the
 * preserved side of outer joins, through sub-selects that do no more than
 * filter and compute.  This is checked on the rewritten query, where views
 * and row-level security have been expanded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "rewrite/rowsecurity.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "stream/am.h"
#include "query/analyze.h"

/* Is it a stream, or a partitioned table that has streams for leaves? */
static bool
is_stream(Oid relid)
{
	List	   *leaves;
	ListCell   *lc;

	if (get_rel_relkind(relid) == RELKIND_RELATION)
		return stream_am_relid_is_stream(relid);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	leaves = find_all_inheritors(relid, NoLock, NULL);
	foreach(lc, leaves)
		if (stream_am_relid_is_stream(lfirst_oid(lc)))
			return true;
	return list_length(leaves) == 1 && stream_am_may_have_streams(relid);
}

/*
 * Adds the leaves of one stream that are not yet there; counts those that are
 * unlogged.  place: where the stream is named, for errors.
 */
static void
add_leaves(Oid stream, const StreamPlace *place, LOCKMODE lockmode,
		   List **leaves, int *nunlogged)
{
	List	   *all = find_all_inheritors(stream, lockmode, NULL);
	int			earlier = list_length(*leaves);
	ListCell   *lc;

	if (list_length(all) > 1 &&
		get_rel_relkind(stream) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("stream \"%s\" has child tables by inheritance",
						get_rel_name(stream)),
				 errdetail("A continuous view cannot read them."),
				 errhint("Use a partitioned table."),
				 stream_refuse_clause_position(place, STREAM_CLAUSE_ANY)));
	foreach(lc, all)
	{
		Oid			relid = lfirst_oid(lc);
		char		relkind = get_rel_relkind(relid);

		/* without a lock, one may just have been dropped */
		if (relkind == RELKIND_PARTITIONED_TABLE || relkind == '\0')
			continue;
		if (!stream_am_relid_is_stream(relid))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("partition \"%s\" of stream \"%s\" is not a stream",
							get_rel_name(relid), get_rel_name(stream)),
					 errhint("Create partitions with USING stream."),
					 stream_refuse_clause_position(place, STREAM_CLAUSE_ANY)));
		if (earlier > 0 && list_member_oid(*leaves, relid))
			continue;
		if (get_rel_persistence(relid) == RELPERSISTENCE_UNLOGGED)
			(*nunlogged)++;
		*leaves = lappend_oid(*leaves, relid);
	}
}

static List *
find_leaves(List *streams, const StreamPlace *place, LOCKMODE lockmode,
			bool *unlogged)
{
	List	   *leaves = NIL;
	int			nunlogged = 0;
	ListCell   *lc;

	foreach(lc, streams)
		add_leaves(lfirst_oid(lc), place, lockmode, &leaves, &nunlogged);
	if (nunlogged > 0 && nunlogged < list_length(leaves))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 list_length(streams) == 1 ?
				 errmsg("stream \"%s\" has both logged and unlogged partitions",
						get_rel_name(linitial_oid(streams))) :
				 errmsg("a continuous view cannot read both logged and unlogged streams"),
				 errhint("Make all logged, or all unlogged."),
				 stream_refuse_clause_position(place, STREAM_CLAUSE_ANY)));
	*unlogged = nunlogged > 0;
	return leaves;
}

List *
stream_analyze_leaves(List *streams, LOCKMODE lockmode, bool *unlogged)
{
	StreamPlace nowhere = {0};

	return find_leaves(streams, &nowhere, lockmode, unlogged);
}

List *
stream_analyze_members(List *streams)
{
	List	   *members = NIL;
	ListCell   *ls;
	ListCell   *lc;

	foreach(ls, streams)
	{
		/* without a lock, it may just have been dropped */
		if (get_rel_relkind(lfirst_oid(ls)) == '\0')
			continue;
		foreach(lc, find_all_inheritors(lfirst_oid(ls), NoLock, NULL))
		{
			char		relkind = get_rel_relkind(lfirst_oid(lc));

			if (relkind != RELKIND_PARTITIONED_TABLE && relkind != '\0')
				members = list_append_unique_oid(members, lfirst_oid(lc));
		}
	}
	return members;
}

/* No object has that OID; locks of streams themselves are for users. */
static bool
lock_leaves(LOCKMODE mode, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, AccessMethodRelationId, InvalidOid, 0);
	if (LockAcquire(&tag, mode, false, !wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	/* whoever has only tried does not keep others from it */
	if (!wait)
		LockRelease(&tag, mode, false);
	return true;
}

void
stream_analyze_hold_leaves(void)
{
	(void) lock_leaves(RowExclusiveLock, true);
}

bool
stream_analyze_leaves_untold(void)
{
	return !lock_leaves(ShareLock, false) &&
		!STREAM_MUTATION("attached_untold");
}

typedef struct FindStream
{
	StreamPlace place;			/* of the query that is being checked */
	StreamPlace last;			/* of the stream reached last */
	int			others;			/* inputs of the view that other queries read */
	List	   *streams;		/* OIDs of those reached through FROM, in order */
	int			reached;		/* streams reached through FROM */
	int			total;			/* streams anywhere ... */
	int			handed_on;		/* ... of which operators hand on so many */
} FindStream;

static bool check_from(Query *query, Node *jtnode, FindStream *context);

/* Counts the streams at any depth. */
static bool
count_streams_walker(Node *node, FindStream *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_NAMEDTUPLESTORE)
			context->handed_on++;
		if ((rte->rtekind == RTE_RELATION && is_stream(rte->relid)) ||
			rte->rtekind == RTE_NAMEDTUPLESTORE)
			context->total++;
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, count_streams_walker,
								 context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, count_streams_walker, context);
}

static bool has_stream_walker(Node *node, Oid *view);

static bool
view_has_stream(Oid relid)
{
	Relation	view = table_open(relid, AccessShareLock);
	bool		result = has_stream_walker((Node *) get_view_query(view),
										   &relid);

	table_close(view, NoLock);
	return result;
}

/* view: whose query it is, for that has itself in its range table; or 0. */
static bool
has_stream_walker(Node *node, Oid *view)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_RELATION || rte->relid == *view)
			return rte->rtekind == RTE_NAMEDTUPLESTORE;
		return stream_analyze_names_stream(rte);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_stream_walker, view,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_stream_walker, view);
}

bool
stream_analyze_names_stream(RangeTblEntry *rte)
{
	return rte->relkind == RELKIND_VIEW ? view_has_stream(rte->relid) :
		is_stream(rte->relid);
}

bool
stream_analyze_has_stream(void *node)
{
	Oid			view = InvalidOid;

	return has_stream_walker(node, &view);
}

bool
stream_analyze_is_changes(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_NAMEDTUPLESTORE &&
		strcmp(rte->enrname, STREAM_ANALYZE_CHANGES) == 0;
}

int
stream_analyze_looks_up(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && !rte->inFromCl &&
			strcmp(rte->eref->aliasname, STREAM_ANALYZE_LOOKS_UP) == 0)
			return foreach_current_index(lc) + 1;
	}
	return 0;
}

/* ---- what a query refers to ---- */

static bool
correlated_walker(Node *node, int *depth)
{
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return (int) ((Var *) node)->varlevelsup > *depth;
	if (IsA(node, Aggref) && (int) ((Aggref *) node)->agglevelsup > *depth)
		return true;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_CTE &&
			(int) ((RangeTblEntry *) node)->ctelevelsup > *depth;
	if (IsA(node, Query))
	{
		(*depth)++;
		result = query_tree_walker((Query *) node, correlated_walker, depth,
								   QTW_EXAMINE_RTES_BEFORE);
		(*depth)--;
		return result;
	}
	return expression_tree_walker(node, correlated_walker, depth);
}

bool
stream_analyze_is_correlated(Query *query)
{
	int			depth = 0;

	return query_tree_walker(query, correlated_walker, &depth,
							 QTW_EXAMINE_RTES_BEFORE);
}

static bool
tables_walker(Node *node, const StreamPlace *place)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		if (((RangeTblEntry *) node)->rtekind == RTE_NAMEDTUPLESTORE)
			stream_refuse_clause(place, STREAM_CLAUSE_FROM,
								 "a transition table is",
								 "Read a stream that has these rows.");
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, tables_walker, (void *) place,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, tables_walker, (void *) place);
}

void
stream_analyze_check_tables(Query *query, const StreamPlace *place)
{
	(void) tables_walker((Node *) query, place);
}

/* ---- members of FROM ---- */

static List *
members_of_from(Query *query, Node *jtnode)
{
	List	   *members = NIL;
	RangeTblEntry *rte;
	ListCell   *lc;

	if (IsA(jtnode, JoinExpr))
		return list_concat(members_of_from(query, ((JoinExpr *) jtnode)->larg),
						   members_of_from(query, ((JoinExpr *) jtnode)->rarg));
	if (IsA(jtnode, FromExpr))
	{
		foreach(lc, ((FromExpr *) jtnode)->fromlist)
			members = list_concat(members, members_of_from(query, lfirst(lc)));
		return members;
	}
	rte = rt_fetch(((RangeTblRef *) jtnode)->rtindex, query->rtable);
	if (rte->rtekind == RTE_RELATION ? !stream_analyze_names_stream(rte) :
		rte->rtekind != RTE_SUBQUERY ||
		!stream_analyze_has_stream(rte->subquery))
		return NIL;
	return list_make1_int(((RangeTblRef *) jtnode)->rtindex);
}

List *
stream_analyze_members_of_from(Query *query)
{
	return query->setOperations ? NIL :
		members_of_from(query, (Node *) query->jointree);
}

List *
stream_analyze_partial_joins(Query *query)
{
	List	   *joins = NIL;
	Node	   *node;

	if (query->setOperations || list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), JoinExpr))
		return NIL;
	for (node = linitial(query->jointree->fromlist); IsA(node, JoinExpr);
		 node = ((JoinExpr *) node)->larg)
	{
		JoinType	type = ((JoinExpr *) node)->jointype;

		if (type != JOIN_SEMI && type != JOIN_ANTI)
			break;
		joins = lappend(joins, node);
	}
	if (joins)
		return joins;
	if (((JoinExpr *) node)->jointype == JOIN_INNER ||
		!IsA(((JoinExpr *) node)->larg, RangeTblRef) ||
		!IsA(((JoinExpr *) node)->rarg, RangeTblRef) ||
		list_length(stream_analyze_members_of_from(query)) != 2)
		return NIL;
	return list_make1(node);
}

/* (where a query is from, nobody asks of a sub-select; copies have it, too) */
#define WANTS_CHANGES QSRC_PARSER

void
stream_analyze_want_changes(Query *query)
{
	query->querySource = WANTS_CHANGES;
}

bool
stream_analyze_wants_changes(const Query *query)
{
	return query->querySource == WANTS_CHANGES;
}

/* (the same) */
#define HANDS_ON_CLOSED QSRC_INSTEAD_RULE

void
stream_analyze_hand_on_closed(Query *query)
{
	query->querySource = HANDS_ON_CLOSED;
}

bool
stream_analyze_hands_on_closed(const Query *query)
{
	return query->querySource == HANDS_ON_CLOSED;
}

bool
stream_analyze_joins_rows(Query *query)
{
	List	   *members = stream_analyze_members_of_from(query);
	ListCell   *lc;

	if (list_length(members) < 2)
		return false;
	if (stream_analyze_wants_changes(query))
		return true;
	foreach(lc, members)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);
		Query	   *part = rte->subquery;

		if (rte->rtekind == RTE_RELATION ||
			stream_analyze_hands_on_closed(part) ||
			!(part->hasAggs || part->groupClause || part->groupingSets ||
			  part->distinctClause))
			return true;
	}
	return false;
}

static bool
reads_changes_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return stream_analyze_is_changes((RangeTblEntry *) node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_changes_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_changes_walker, context);
}

bool
stream_analyze_reads_changes(void *node)
{
	return reads_changes_walker(node, NULL);
}

/* Has it groups, or first rows, which may change; or an outer join of streams? */
static bool
may_change(Query *query, bool outer)
{
	ListCell   *lc;

	if (stream_analyze_hands_on_closed(query))
		return false;
	if (query->hasAggs || query->groupClause || query->groupingSets ||
		query->hasDistinctOn || query->hasWindowFuncs ||
		(outer && stream_analyze_partial_joins(query)))
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY &&
			stream_analyze_has_stream(rte->subquery) &&
			may_change(rte->subquery, outer))
			return true;
	}
	return false;
}

bool
stream_analyze_may_change(Query *query)
{
	return may_change(query, true) || stream_analyze_reads_changes(query);
}

bool
stream_analyze_joins_changing(Query *query, bool outer)
{
	ListCell   *lc;

	foreach(lc, stream_analyze_members_of_from(query))
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);

		if (rte->rtekind == RTE_SUBQUERY && may_change(rte->subquery, outer))
			return true;
	}
	return false;
}

/* ---- WITH ---- */

typedef struct InlineWith
{
	CommonTableExpr *cte;
	int			levels;			/* below the query that it belongs to */
	int			size;			/* members of range tables in it */
	int		   *copied;			/* in all copies so far */
} InlineWith;

/* So many members of range tables may come of copies. */
#define MAX_COPIED 10000
/* Each level is asked about all that are below it. */
#define MAX_DEPTH 100

static bool
count_members_walker(Node *node, int *n)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		(*n)++;
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, count_members_walker, n,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, count_members_walker, n);
}

/* Queries that are named twice by such as are named twice grow without bound. */
static void
count_copy(InlineWith *context)
{
	CHECK_FOR_INTERRUPTS();
	*context->copied += context->size;
	if (*context->copied > MAX_COPIED)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("WITH queries over streams are named too often"),
				 errhint("Name each once, or make a continuous view of some.")));
}

/* Puts the WITH query where it is referred to. */
static bool
inline_walker(Node *node, InlineWith *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		bool		result;

		context->levels++;
		result = query_tree_walker((Query *) node, inline_walker, context,
								   QTW_EXAMINE_RTES_BEFORE);
		context->levels--;
		return result;
	}
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_CTE ||
			rte->ctelevelsup != context->levels ||
			strcmp(rte->ctename, context->cte->ctename) != 0)
			return false;
		count_copy(context);
		rte->rtekind = RTE_SUBQUERY;
		rte->subquery = castNode(Query, copyObject(context->cte->ctequery));
		IncrementVarSublevelsUp((Node *) rte->subquery, context->levels, 1);
		rte->ctename = NULL;
		rte->ctelevelsup = 0;
		rte->coltypes = rte->coltypmods = rte->colcollations = NIL;
		return false;
	}
	return expression_tree_walker(node, inline_walker, context);
}

/* Does a sub-select refer to the WITH query? */
static bool
referred_from_below_walker(Node *node, InlineWith *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		return rte->rtekind == RTE_CTE && context->levels > 0 &&
			rte->ctelevelsup == context->levels &&
			strcmp(rte->ctename, context->cte->ctename) == 0;
	}
	if (IsA(node, Query))
	{
		bool		result;

		context->levels++;
		result = query_tree_walker((Query *) node, referred_from_below_walker,
								   context, QTW_EXAMINE_RTES_BEFORE);
		context->levels--;
		return result;
	}
	return expression_tree_walker(node, referred_from_below_walker, context);
}

/* Is another continuous view named in FROM, at any depth? */
static bool
names_view_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		return rte->rtekind == RTE_RELATION && rte->inFromCl &&
			rte->relkind == RELKIND_VIEW &&
			stream_catalog_view(rte->relid) != NULL;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, names_view_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, names_view_walker, context);
}

/* Does so for those of one query. */
static void
inline_with_queries(Query *query, int *copied)
{
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		InlineWith	context = {lfirst_node(CommonTableExpr, lc), -1, 0, copied};

		if (context.cte->cterecursive ||
			(!stream_analyze_has_stream(context.cte->ctequery) &&
			 !names_view_walker(context.cte->ctequery, NULL) &&
			 !referred_from_below_walker((Node *) query, &context)))
			continue;
		count_members_walker(context.cte->ctequery, &context.size);
		query->cteList = foreach_delete_current(query->cteList, lc);
		inline_walker((Node *) query, &context);
	}
}

static bool
inline_with_walker(Node *node, int *copied)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		inline_with_queries((Query *) node, copied);
		return query_tree_walker((Query *) node, inline_with_walker, copied,
								 0);
	}
	return expression_tree_walker(node, inline_with_walker, copied);
}

void
stream_analyze_inline_with(Query *query)
{
	int			copied = 0;

	inline_with_walker((Node *) query, &copied);
}

Query *
stream_analyze_view_query(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Query	   *query = copyObject(get_view_query(rel));

	table_close(rel, NoLock);
	stream_analyze_inline_with(query);
	return query;
}

/* ---- views below ---- */

/* A view with all that it reads by way of others. */
typedef struct SizedView
{
	Oid			relid;
	int			members;		/* of range tables; MAX_COPIED: so many, or more */
} SizedView;

typedef struct Sizing
{
	List	   *views;			/* SizedView */
	int			members;
	int			depth;			/* of sub-selects, here ... */
	int			deepest;		/* ... and at most */
} Sizing;

static bool size_walker(Node *node, Sizing *sizing);

/* The rules and policies by which the server would put something else in its place. */
static void
size_relation(Relation rel, Sizing *sizing)
{
	ListCell   *lc;

	if (rel->rd_rel->relkind == RELKIND_VIEW)
		(void) size_walker((Node *) get_view_query(rel), sizing);
	foreach(lc, rel->rd_rsdesc ? rel->rd_rsdesc->policies : NIL)
	{
		RowSecurityPolicy *policy = lfirst(lc);

		(void) size_walker((Node *) policy->qual, sizing);
	}
}

/* The same, once for each that has any. */
static void
size_member(Oid relid, Sizing *sizing)
{
	Sizing		below = {.views = sizing->views,.depth = sizing->depth};
	SizedView  *view;
	Relation	rel;
	ListCell   *lc;

	foreach(lc, sizing->views)
	{
		view = lfirst(lc);
		if (view->relid != relid)
			continue;
		sizing->members += view->members;
		return;
	}
	rel = try_table_open(relid, AccessShareLock);
	if (rel == NULL)
		return;
	if (rel->rd_rel->relkind == RELKIND_VIEW || rel->rd_rsdesc)
	{
		/* one that is met again on the way reads itself: the server says so */
		view = palloc0(sizeof(SizedView));
		view->relid = relid;
		below.views = lappend(below.views, view);
		size_relation(rel, &below);
		view->members = Min(below.members, MAX_COPIED);
		sizing->deepest = Max(sizing->deepest, below.deepest);
		sizing->members += view->members;
		sizing->views = below.views;
	}
	table_close(rel, NoLock);
}

static bool
size_walker(Node *node, Sizing *sizing)
{
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (node == NULL || sizing->members >= MAX_COPIED)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		sizing->members++;
		if (rte->rtekind == RTE_RELATION && rte->inFromCl)
			size_member(rte->relid, sizing);
		return false;
	}
	if (IsA(node, Query))
	{
		sizing->depth++;
		sizing->deepest = Max(sizing->deepest, sizing->depth);
		(void) query_tree_walker((Query *) node, size_walker, sizing,
								 QTW_EXAMINE_RTES_BEFORE);
		sizing->depth--;
		return false;
	}
	return expression_tree_walker(node, size_walker, sizing);
}

void
stream_analyze_check_size(Query *query)
{
	Sizing		sizing = {0};

	(void) size_walker((Node *) query, &sizing);
	if (sizing.members >= MAX_COPIED)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the query of a continuous view is too large when the views that it reads are put into it"),
				 errdetail("It would have %d relations or more.", MAX_COPIED),
				 errhint("Read the tables themselves, or other continuous views.")));
	if (sizing.deepest > MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("the sub-selects of a continuous view are nested too deeply"),
				 errdetail("There are %d levels; %d are possible.",
						   sizing.deepest, MAX_DEPTH),
				 errhint("Put sub-selects that only filter and compute together, or read other continuous views.")));
}

Query *
stream_analyze_rewrite(Query *query)
{
	QuerySource mark = query->querySource;
	List	   *rewritten;

	stream_analyze_check_size(query);
	query = copyObject(query);
	query->canSetTag = true;	/* it may come out of a rule */
	query->querySource = QSRC_ORIGINAL;
	AcquireRewriteLocks(query, true, false);
	rewritten = QueryRewrite(query);
	if (list_length(rewritten) != 1)
		elog(ERROR, "unexpected rewrite result for a continuous view");
	query = linitial_node(Query, rewritten);
	query->querySource = mark;
	stream_analyze_inline_with(query);
	return query;
}

/* ---- checking ---- */

typedef struct SystemColumns
{
	Index		varno;
	Index		sublevels_up;
	const StreamPlace *place;
} SystemColumns;

/* The system columns of a row change when it is frozen; but not these. */
static bool
system_columns_walker(Node *node, SystemColumns *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == context->varno &&
			var->varlevelsup == context->sublevels_up && var->varattno < 0 &&
			var->varattno != TableOidAttributeNumber &&
			var->varattno != SelfItemPointerAttributeNumber)
			stream_refuse_in(context->place,
							 "system columns of a stream other than tableoid and ctid are",
							 node,
							 "Store what you need in a column of the stream.");
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		context->sublevels_up++;
		result = query_tree_walker((Query *) node, system_columns_walker,
								   context, 0);
		context->sublevels_up--;
		return result;
	}
	return expression_tree_walker(node, system_columns_walker, context);
}

bool
stream_analyze_has_order(Oid type)
{
	return OidIsValid(GetDefaultOpClass(type, BTREE_AM_OID)) &&
		(OidIsValid(lookup_type_cache(type, TYPECACHE_LT_OPR)->lt_opr) ||
		 STREAM_MUTATION("key_order"));
}

static bool
window_function_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
	{
		*found = node;
		return true;
	}
	return expression_tree_walker(node, window_function_walker, found);
}

Node *
stream_analyze_window_function(Query *query)
{
	Node	   *found = NULL;

	window_function_walker((Node *) query->targetList, &found);
	return found;
}

static void check_subselect(Query *query, FindStream *context);

/* Checks a sub-select that is a member of the query's range table. */
static void
check_member(Query *query, int rtindex, FindStream *context)
{
	StreamPlace outer = context->place;

	context->place = stream_locate_member(&outer, query, rtindex);
	check_subselect(rt_fetch(rtindex, query->rtable)->subquery, context);
	context->place = outer;
}

/* UNION ALL of streams, nested as it may be. */
static void
check_union(Query *query, Node *node, FindStream *context)
{
	SetOperationStmt *operation;

	if (IsA(node, RangeTblRef))
	{
		int			rtindex = ((RangeTblRef *) node)->rtindex;
		Query	   *part = rt_fetch(rtindex, query->rtable)->subquery;
		StreamPlace place = stream_locate_member(&context->place, query,
												 rtindex);

		if (!stream_analyze_has_stream(part))
			stream_refuse_in(&place,
							 "UNION ALL of a stream and something else is",
							 part->targetList,
							 "Each part must read a stream; insert the other rows into one.");
		check_member(query, rtindex, context);
		return;
	}
	operation = castNode(SetOperationStmt, node);
	if (operation->op != SETOP_UNION || !operation->all)
		stream_refuse_in(&context->place,
						 "UNION, INTERSECT or EXCEPT over streams is",
						 query->targetList,
						 "Only UNION ALL is; put DISTINCT over it for UNION.");
	check_union(query, operation->larg, context);
	check_union(query, operation->rarg, context);
}

/* A sub-select that reads the stream may only filter and compute. */
static void
check_subselect(Query *query, FindStream *context)
{
	const StreamPlace *place = &context->place;

	if (query->hasAggs || query->groupClause || query->groupingSets ||
		query->havingQual)
		stream_refuse_in(place,
						 "aggregation of a stream in an ordinary view, or beside rows of a stream, is",
						 query->targetList,
						 "Write the view's query as a sub-select, or create a continuous view for each part.");
	if (query->distinctClause)
		stream_refuse_in(place, "DISTINCT in a sub-select over the stream is",
						 query->targetList,
						 "Use GROUP BY in the outermost SELECT.");
	if (query->hasWindowFuncs)
		stream_refuse_in(place,
						 "a window function in a sub-select over the stream is",
						 stream_analyze_window_function(query),
						 "Ask for the first rows of each key by a condition in the SELECT next around it, such as WHERE rn <= 10 on row_number(), which in a UNION ALL is a part of its own; other window functions are for the outermost SELECT, over its aggregates.");
	if (query->limitCount || query->limitOffset)
		stream_refuse_in(place, "LIMIT in a sub-select over the stream is",
						 query->limitCount ? query->limitCount :
						 query->limitOffset,
						 "LIMIT is for the outermost SELECT.");
	if (query->rowMarks)
		stream_refuse_clause(place, STREAM_CLAUSE_LOCKING,
							 "FOR UPDATE or FOR SHARE is",
							 "Leave the clause out.");
	if (query->setOperations)
	{
		check_union(query, query->setOperations, context);
		return;
	}
	check_from(query, (Node *) query->jointree, context);
}

/* A stream that is named in FROM. */
static void
check_stream(Query *query, int rtindex, FindStream *context)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	SystemColumns columns = {rtindex, 0, &context->last};
	bool		unlogged;

	if (rte->tablesample)
		stream_refuse_clause(&context->last, STREAM_CLAUSE_SAMPLE,
							 "TABLESAMPLE of a stream is",
							 "Choose rows by a condition in WHERE.");
	if (!rte->inh && get_rel_relkind(rte->relid) != RELKIND_RELATION)
		stream_refuse_clause(&context->last, STREAM_CLAUSE_ANY,
							 "ONLY of a partitioned stream is",
							 "Leave ONLY out.");
	query_tree_walker(query, system_columns_walker, &columns, 0);
	/* now, while it is known where the stream is named */
	if (context->place.source)
		find_leaves(list_make1_oid(rte->relid), &context->last,
					AccessShareLock, &unlogged);
	context->streams = lappend_oid(context->streams, rte->relid);
	stream_analyze_set_input(rte, context->others +
							 list_length(context->streams), false);
}

/* A member of FROM; true if it reads the stream. */
static bool
check_range(Query *query, int rtindex, FindStream *context)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

	if (rte->rtekind == RTE_SUBQUERY)
	{
		if (!stream_analyze_has_stream(rte->subquery))
			return false;
		check_member(query, rtindex, context);
		return true;
	}
	if (rte->rtekind != RTE_NAMEDTUPLESTORE &&
		(rte->rtekind != RTE_RELATION || !is_stream(rte->relid)))
		return false;
	context->last = stream_locate_member(&context->place, query, rtindex);
	if (stream_analyze_is_changes(rte))
		stream_refuse_clause(&context->place, STREAM_CLAUSE_FROM,
							 "reading the changes of a continuous view in this place is",
							 "Have the view as the only member of FROM of an aggregation or of the whole query.");
	/* what an operator below hands on is as good as a stream */
	if (rte->rtekind == RTE_RELATION)
		check_stream(query, rtindex, context);
	context->reached++;
	return true;
}

/* Streams can be joined by an operator, which reads what others hand on. */
static void
refuse_join(FindStream *context)
{
	if (context->handed_on == context->total)
		return;
	stream_refuse_clause(&context->last, STREAM_CLAUSE_ANY,
						 "joining streams in an ordinary view, or below UNION ALL, is",
						 "Write the join as a sub-select of FROM.");
}

static bool
check_join(Query *query, JoinExpr *join, FindStream *context)
{
	bool		left = check_from(query, join->larg, context);
	bool		right = check_from(query, join->rarg, context);

	if (context->handed_on < context->total &&
		((join->jointype == JOIN_LEFT && right) ||
		 (join->jointype == JOIN_RIGHT && left) ||
		 (join->jointype == JOIN_FULL && (left || right))))
		stream_refuse_clause(&context->last, STREAM_CLAUSE_ANY,
							 "an outer join that makes up rows for the stream is",
							 "Put the stream on the side of the join whose rows are all kept.");
	if (left && right)
		refuse_join(context);
	return left || right;
}

/* Checks a part of FROM; true if it reads the stream. */
static bool
check_from(Query *query, Node *jtnode, FindStream *context)
{
	bool		found = false;
	ListCell   *lc;

	if (IsA(jtnode, RangeTblRef))
		return check_range(query, ((RangeTblRef *) jtnode)->rtindex, context);
	if (IsA(jtnode, JoinExpr))
		return check_join(query, (JoinExpr *) jtnode, context);
	foreach(lc, castNode(FromExpr, jtnode)->fromlist)
	{
		if (!check_from(query, lfirst(lc), context))
			continue;
		if (found)
			refuse_join(context);
		found = true;
	}
	return found;
}

/* Finds the WITH query or the sub-select of an expression with a stream. */
static bool
hidden_stream_walker(Node *node, Node **found)
{
	Node	   *query = NULL;

	if (node == NULL)
		return false;
	if (IsA(node, CommonTableExpr))
		query = ((CommonTableExpr *) node)->ctequery;
	if (IsA(node, SubLink))
		query = ((SubLink *) node)->subselect;
	if (query && stream_analyze_has_stream((Query *) query))
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, hidden_stream_walker, found,
								 0);
	return expression_tree_walker(node, hidden_stream_walker, found);
}

static bool
is_volatile(Oid function, void *context)
{
	return func_volatile(function) == PROVOLATILE_VOLATILE;
}

/* Finds the first call of a volatile function. */
static bool
volatile_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_volatile, NULL) ||
		IsA(node, NextValueExpr))
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, volatile_walker, found, 0);
	return expression_tree_walker(node, volatile_walker, found);
}

Node *
stream_analyze_hidden_stream(void *node)
{
	Node	   *found = NULL;

	hidden_stream_walker(node, &found);
	return found;
}

/*
 * Where a walker finds something: the innermost sub-select in FROM, starting
 * from the query at the place.
 */
static StreamPlace
place_of_found(Query *query, bool (*walker) (Node *node, Node **found),
			   StreamPlace place)
{
	int			rtindex = 1;
	Node	   *found;

	while (rtindex <= list_length(query->rtable))
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

		if (rte->rtekind == RTE_SUBQUERY &&
			walker((Node *) rte->subquery, &found))
		{
			place = stream_locate_member(&place, query, rtindex);
			query = rte->subquery;
			rtindex = 0;
		}
		rtindex++;
	}
	return place;
}

static void
refuse_no_stream(const StreamPlace *place)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("a continuous view must read a stream"),
			 errhint("Create the table with USING stream."),
			 stream_refuse_clause_position(place, STREAM_CLAUSE_FROM)));
}

List *
stream_analyze_streams(Query *delta, int others, const StreamPlace *place)
{
	FindStream	context = {.others = others};
	StreamPlace where;
	Node	   *culprit = NULL;

	if (place)
		context.place = *place;
	count_streams_walker((Node *) delta, &context);
	if (delta->setOperations)
		check_union(delta, delta->setOperations, &context);
	else
		check_from(delta, (Node *) delta->jointree, &context);
	if (context.total == 0)
		refuse_no_stream(&context.place);
	/* (what operators hand on is where it is for a reason) */
	if (context.total > context.reached && context.total > context.handed_on)
	{
		culprit = stream_analyze_hidden_stream(delta);
		where = place_of_found(delta, hidden_stream_walker, context.place);
		stream_refuse_in(&where,
						 "reading a stream in WITH or in a sub-select of an expression is",
						 culprit,
						 "Name the stream in FROM; in place of an aggregate of the rows that belong to one, join a sub-select with GROUP BY there.");
	}
	if (volatile_walker((Node *) delta, &culprit))
	{
		where = place_of_found(delta, volatile_walker, context.place);
		stream_refuse_in(&where, "a volatile function over the rows of a stream is",
						 culprit,
						 "Its result would depend on when a batch runs; store the value in the stream instead, for example with a column default.");
	}
	return context.streams;
}
