/*-------------------------------------------------------------------------
 *
 * view.c
 *	  Creating and changing a continuous view.
 *
 * A continuous view is three relations (README.md, "Objects of a view"): the
 * plain view that the user reads, the state table below it, and a view that
 * holds the definition.  The last two are in the extension's schema; the rights
 * of the extension's owner are used to put them there.  They belong to the
 * view's owner all the same: VACUUM and ANALYZE run functions of the columns'
 * types as the owner of a table, and those may be a user's own.
 *
 * Everything is done by the functions behind CREATE TABLE, CREATE VIEW, CREATE
 * INDEX in the transaction of the statement, so that a rollback leaves
 * nothing, and workers hear of the view at its commit.
 *
 * Internal relations are named after the OID of the user's view, which is made
 * last (its query needs the state table); until then they have a name made of
 * the backend's process ID.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_tablespace.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "stream/position.h"
#include "time/declare.h"
#include "time/watermark.h"
#include "query/analyze.h"
#include "query/pasting.h"
#include "query/changes.h"
#include "query/trust.h"
#include "flow/relations.h"
#include "flow/dataflow.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "flow/successor.h"
#include "process/roster.h"
#include "command/view.h"

char *
stream_view_tablespace(const char *name, char persistence)
{
	Oid			tablespace = name ? get_tablespace_oid(name, false) :
		GetDefaultTablespace(persistence, false);
	AclResult	acl;

	if (!OidIsValid(tablespace))
		tablespace = MyDatabaseTableSpace;
	if (tablespace != MyDatabaseTableSpace)
	{
		acl = object_aclcheck(TableSpaceRelationId, tablespace, GetUserId(), ACL_CREATE);
		if (acl != ACLCHECK_OK)
			aclcheck_error(acl, OBJECT_TABLESPACE,
						   get_tablespace_name(tablespace));
	}
	return get_tablespace_name(tablespace);
}

/* ---- CREATE ---- */

static void
check_into(const IntoClause *into, const char *source)
{
	if (into->accessMethod)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("USING is not supported for a continuous view"),
				 errhint("Leave it out: a continuous view keeps its state in a table of its own."),
				 stream_refuse_position(source, into->rel->location)));
	if (into->rel->relpersistence != RELPERSISTENCE_PERMANENT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a continuous view cannot be temporary or unlogged"),
				 errhint("A view over an unlogged stream is unlogged by itself."),
				 stream_refuse_position(source, into->rel->location)));
}

/* The streams that the feeds of an operator read, checked. */
static List *
streams_of_cut(StreamCut *cut, int others)
{
	List	   *streams = NIL;
	ListCell   *lc;

	foreach(lc, cut->feeds)
	{
		Query	   *query = ((StreamFeed *) lfirst(lc))->query;

		if (((StreamFeed *) lfirst(lc))->content)
			continue;
		streams = list_concat(streams,
							  stream_analyze_streams(stream_analyze_rewrite(query),
													 others + list_length(streams),
													 &cut->place));
	}
	return streams;
}

/* The streams of the view, checked. */
static List *
find_streams(StreamTree *tree, bool *unlogged)
{
	List	   *streams = NIL;
	ListCell   *lc;

	foreach(lc, tree->cuts)
		streams = list_concat(streams,
							  streams_of_cut(lfirst(lc), list_length(streams)));
	stream_analyze_leaves(streams, AccessShareLock, unlogged);
	return streams;
}

/* A view WITH NO DATA begins with the rows that are not visible yet. */
static void
skip_present_rows(const StreamViewRow *row)
{
	StreamPosition *pos = stream_position_create(CurrentMemoryContext);
	StreamProgress progress;
	bool		unlogged;
	List	   *leaves = stream_analyze_leaves(row->streams, AccessShareLock,
											   &unlogged);
	Relation   *rels = palloc(sizeof(Relation) * (list_length(leaves) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, leaves)
		rels[n++] = table_open(lfirst_oid(lc), AccessShareLock);
	stream_position_begin(pos, rels, n, 0, NULL);
	STREAM_DEBUG_POINT("skip-before-snapshot");
	PushActiveSnapshot(GetLatestSnapshot());
	stream_position_extend(pos, rels, n, GetActiveSnapshot(), NIL);
	stream_position_finish(pos, rels, n, GetActiveSnapshot());
	PopActiveSnapshot();
	for (int i = 0; i < n; i++)
		table_close(rels[i], NoLock);
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	progress.position = stream_position_write(pos);
	stream_catalog_write_progress(row->viewid, row->unlogged, &progress);
	stream_position_free(pos);
}

/* Is it written in SQL?  Such functions may be inlined. */
static bool
is_sql_function(Oid function, void *context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	return result;
}

/* Finds the first function in FROM that is written in SQL. */
static bool
sql_in_from_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblFunction))
	{
		*found = ((RangeTblFunction *) node)->funcexpr;
		return check_functions_in_node(*found, is_sql_function, NULL);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, sql_in_from_walker, found, 0);
	return expression_tree_walker(node, sql_in_from_walker, found);
}

/* The plan tells nothing of where it comes from; the user's query does. */
static int
inlined_location(Query *query)
{
	Node	   *found = NULL;

	if (query && sql_in_from_walker((Node *) query, &found))
		return exprLocation(found);
	return -1;
}

/* What a delta is tried for. */
typedef struct TryDelta
{
	const StreamViewRow *row;
	Query	   *query;			/* the statement's, to point into, or NULL */
	List	   *options;
	const char *source;
} TryDelta;

static void
try_delta_as_owner(void *arg)
{
	TryDelta   *try = arg;
	StreamDataflow *flow;
	StreamRefuseDefault frame;
	ListCell   *lc;

	stream_refuse_push(&frame, try->source, inlined_location(try->query));
	LockRelationOid(try->row->definition, AccessShareLock);
	flow = stream_dataflow_load(CurrentMemoryContext, try->row);
	stream_dataflow_plan(flow, try->row->options.trust_functions);
	foreach(lc, flow->deltas)
		stream_compat_check_permissions(stream_delta_plan(lfirst(lc), 1, false));
	frame.location = stream_refuse_option_location(try->options, "late_rows");
	if (try->row->options.keep_late_rows)
		stream_dataflow_check_late_rows(flow);
	frame.location = stream_refuse_option_location(try->options, "on_error");
	if (try->row->options.skip_errors)
		stream_dataflow_check_skipping(flow);
	stream_refuse_pop(&frame);
	stream_dataflow_free(flow);
}

/*
 * Plans the delta once, as the owner of the view: the plan's shape, the
 * aggregates' functions and the privileges are as a batch will find them.  query,
 * options: the statement's, to point into; query may be NULL.
 */
static void
try_delta(const StreamViewRow *row, Query *query, List *options,
		  const char *source)
{
	TryDelta	try = {row, query, options, source};

	stream_owner_run(stream_owner_of(row->viewid), row->settings,
					 try_delta_as_owner, &try);
}

/* Says so if a deduplication will remember its keys for ever. */
static void
notice_unbounded(const StreamViewRow *row, StreamCut *cut,
				 const StreamWatermark *wm)
{
	bool		closes = cut->window && cut->window->event_time &&
		(cut->window->key >= 0 || cut->expiry);

	if (closes && stream_watermark_exists(wm) &&
		row->options.output_mode != STREAM_OUTPUT_COMPLETE)
		return;
	ereport(NOTICE,
			(errmsg("the view will remember every key for ever"),
			 errdetail("Nothing says when a duplicate can no longer come."),
			 errhint("To bound its state, have an event time with a watermark among the columns that must differ, or set streaming.distinct_within_watermark.")));
}

static void
check_watermark_option(const StreamViewRow *row, const StreamWatermark *wm,
					   List *options, const char *source)
{
	if (row->options.delay_us >= 0 && wm->ninputs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a watermark needs an event time"),
				 errdetail("Stream \"%s\" declares none.",
						   get_rel_name(linitial_oid(row->streams))),
				 errhint("Declare it: ALTER TABLE ... SET (streaming.event_time = 'column')."),
				 stream_refuse_option_position(source, options, "watermark")));
	if (row->options.delay_us >= 0 && !stream_watermark_exists(wm))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a watermark needs one of the continuous view below"),
				 errdetail("It says how much later than that one rows may be."),
				 errhint("Say how late rows of the stream may be: streaming.watermark = '10 seconds', on the stream or on the view below."),
				 stream_refuse_option_position(source, options, "watermark")));
}

/* Rows that wait to be final, and groups, must be so one day in append mode. */
static void
check_append_watermark(const StreamWatermark *wm, const char *what,
					   List *options, const char *source)
{
	if (!stream_watermark_exists(wm))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("output mode \"append\" needs a watermark"),
				 errdetail("Without one, no %s is ever final.", what),
				 errhint("Say how late rows may be: streaming.watermark = '10 seconds', on the stream or on the view."),
				 stream_refuse_option_position(source, options, "output_mode")));
}

/* A row that comes out alone waits for the watermark. */
static void
check_append_join(StreamCut *cut, const StreamWatermark *wm, List *options,
				  const char *source)
{
	ListCell   *lc;

	foreach(lc, cut->below)
		if (((StreamCutInput *) lfirst(lc))->final > 0)
			check_append_watermark(wm, "row without a partner", options,
								   source);
}

/* Groups that are shown in append mode must be final one day. */
static void
check_append(StreamCut *cut, const StreamWatermark *wm, List *options,
			 const char *source)
{
	if (cut->window == NULL || !cut->window->event_time)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("output mode \"append\" needs an event time among the grouping keys"),
				 errdetail("Without one, no group is ever final."),
				 cut->topn ?
				 errhint("Have a window of the stream's event time, such as tumble(ts, '1 minute'), in PARTITION BY or DISTINCT ON, or use output mode \"update\".") :
				 errhint("Group by a window of the stream's event time, such as tumble(ts, '1 minute'), or use output mode \"update\"."),
				 stream_refuse_option_position(source, options, "output_mode")));
	if (!cut->window->in_all_sets)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("output mode \"append\" needs the event time in every grouping set"),
				 errdetail("The groups of a set without it are never final."),
				 errhint("Put the window into every set, as in GROUP BY tumble(ts, '1 minute'), ROLLUP (a, b), or use output mode \"update\"."),
				 stream_refuse_option_position(source, options, "output_mode")));
	check_append_watermark(wm, "group", options, source);
}

/* Rows of a view without aggregation are final when they come out. */
static void
check_transform(const StreamViewRow *row, StreamCut *cut, List *options,
				const char *source)
{
	/* a join drops late rows in append mode */
	bool		same = cut->below == NIL;

	if (row->options.output_mode == STREAM_OUTPUT_COMPLETE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("output mode \"complete\" needs an aggregation"),
				 errdetail("Rows of this view are final as soon as they are in it."),
				 same ? errhint("Leave the option out: \"update\" and \"append\" mean the same here.") :
				 errhint("Leave the option out."),
				 stream_refuse_option_position(source, options, "output_mode")));
}

/* Says so if a join will keep what it joins for ever. */
static void
notice_unbounded_join(const StreamViewRow *row, StreamCut *cut,
					  const StreamWatermark *wm)
{
	bool		closes = stream_watermark_exists(wm) &&
		row->options.output_mode != STREAM_OUTPUT_COMPLETE;
	int			bounded = 0;
	ListCell   *lc;

	foreach(lc, cut->below)
		if (closes && ((StreamCutInput *) lfirst(lc))->cut->expiry_name)
			bounded++;
	if (bounded == list_length(cut->below))
		return;
	ereport(NOTICE,
			(bounded > 0 ?
			 errmsg("the view will keep all rows of some of the streams that it joins") :
			 errmsg("the view will keep all rows of the streams that it joins"),
			 errdetail("Nothing says when a row can no longer find another."),
			 errhint("To bound its state, have event times with a watermark in the streams, and a condition on how far apart they are, such as l.ts BETWEEN r.ts - interval '1 hour' AND r.ts, or equal windows.")));
}

/* Rows that are to go some time must be final by then, and nothing said of others by them. */
static void
check_ttl(const StreamViewRow *row, const StreamTree *tree,
		  const StreamWatermark *wm, List *options, const char *source)
{
	StreamCut  *cut = tree->alone;

	if (tree->places == NIL && tree->top->kind == STREAM_CUT_TRANSFORM)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.ttl\" needs an aggregation, a DISTINCT or first rows"),
				 errdetail("The result of this view is a stream, to which rows are only added."),
				 errhint("Group by a window; or have a trigger on the view copy its rows into a partitioned table, and drop old partitions."),
				 stream_refuse_option_position(source, options, "ttl")));
	if (cut == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.ttl\" is not supported for a view whose readers compute more than a row of each group"),
				 errdetail("What they compute of several groups would change when old ones go."),
				 errhint("Leave the window function, LIMIT, DISTINCT, join or aggregation of groups to an ordinary view over the continuous view."),
				 stream_refuse_option_position(source, options, "ttl")));
	if (!(stream_cut_has_groups(cut) || cut->kind == STREAM_CUT_DISTINCT) ||
		cut->window == NULL || !cut->window->event_time ||
		(cut->window->key < 0 && cut->expiry == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.ttl\" needs an event time among the keys of the result"),
				 errdetail("Without one, no row of it is ever final."),
				 errhint("Group by a window of the stream's event time, such as tumble(ts, '1 minute'); or have one in DISTINCT, DISTINCT ON or PARTITION BY."),
				 stream_refuse_option_position(source, options, "ttl")));
	if (row->options.output_mode == STREAM_OUTPUT_COMPLETE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.ttl\" does not go with output mode \"complete\""),
				 errdetail("No group is ever final there."),
				 errhint("Leave one of the two options out."),
				 stream_refuse_option_position(source, options, "ttl")));
	if (!stream_watermark_exists(wm))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.ttl\" needs a watermark"),
				 errdetail("Without one, no row is ever final."),
				 errhint("Say how late rows may be: streaming.watermark = '10 seconds', on the stream or on the view."),
				 stream_refuse_option_position(source, options, "ttl")));
}

/* Do the options fit what the query says about event time? */
static void
check_event_time(const StreamViewRow *row, StreamTree *tree, List *options,
				 const char *source)
{
	StreamWatermark *wm = stream_watermark_create(InvalidOid, row->streams,
												  NIL, &row->options);
	ListCell   *lc;

	check_watermark_option(row, wm, options, source);
	if (stream_tree_cut(tree, 0)->expiry && !stream_watermark_exists(wm))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.distinct_within_watermark\" needs a watermark"),
				 errhint("Say how late rows may be: streaming.watermark = '10 seconds', on the stream or on the view."),
				 stream_refuse_option_position(source, options, "distinct_within_watermark")));
	foreach(lc, tree->cuts)
	{
		StreamCut  *cut = lfirst(lc);

		if (cut->kind == STREAM_CUT_TRANSFORM)
			check_transform(row, cut, options, source);
		else if (cut->kind == STREAM_CUT_DISTINCT)
			notice_unbounded(row, cut, wm);
		else if (cut->kind == STREAM_CUT_JOIN)
		{
			check_append_join(cut, wm, options, source);
			notice_unbounded_join(row, cut, wm);
		}
		else if (stream_cut_has_groups(cut) &&
				 row->options.output_mode == STREAM_OUTPUT_APPEND)
			check_append(cut, wm, options, source);
	}
	if (row->options.ttl_us >= 0)
		check_ttl(row, tree, wm, options, source);
}

static void
check_retention(const StreamViewRow *row, List *options, const char *source)
{
	if (row->options.retention_us >= 0 && !row->options.changes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"streaming.changes_retention\" needs a change stream"),
				 errhint("Add streaming.changes."),
				 stream_refuse_option_position(source, options, "changes_retention")));
}

/* A view in the making. */
typedef struct NewView
{
	StreamViewRow row;
	CreateTableAsStmt *stmt;
	List	   *options;
	const char *source;
	StreamRefuseDefault *frame;
	StreamTree *tree;
} NewView;

/* Says what the view will be; constant parts of its query may be evaluated. */
static void
analyze_view(void *arg)
{
	NewView    *view = arg;
	StreamPlace place = {view->source, view->frame->location};
	Query	   *query = castNode(Query, view->stmt->query);

	if (exprLocation((Node *) query->targetList) >= 0)
		view->frame->location = exprLocation((Node *) query->targetList);
	if (!view->row.options.trust_functions)
		stream_trust_check(stream_analyze_rewrite(query));
	view->tree = stream_tree_of_query(query, &view->row.options, &place);
	view->row.streams = find_streams(view->tree, &view->row.unlogged);
	check_event_time(&view->row, view->tree, view->options, view->source);
}

/* Finds a table that is a part of a view, where a query names it. */
static bool
part_walker(Node *node, Oid *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_RELATION ||
			get_rel_namespace(rte->relid) != stream_catalog_schema() ||
			!OidIsValid(stream_catalog_view_of(rte->relid)))
			return false;
		*found = rte->relid;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, part_walker, found,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, part_walker, found);
}

/* What is shown of a view is more than its tables, and less. */
static void
refuse_parts(NewView *view, Query *query)
{
	Oid			found = InvalidOid;
	StreamPlace place = {view->source, view->frame->location};

	if (part_walker((Node *) query, &found))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot read \"%s\" in a continuous view",
						get_rel_name(found)),
				 errdetail("It belongs to continuous view \"%s\".",
						   get_rel_name(stream_catalog_view_of(found))),
				 errhint("Name that view in FROM."),
				 stream_refuse_clause_position(&place, STREAM_CLAUSE_FROM)));
}

/* Where the statement names a relation in FROM, or the view, if that is deeper. */
static int
location_of_member(NewView *view, Query *query, Oid relid)
{
	StreamPlace outer = {view->source, view->frame->location};
	StreamPlace place = outer;
	ListCell   *lc;

	foreach(lc, query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->relid == relid)
			place = stream_locate_member(&outer, query,
										 foreach_current_index(lc) + 1);
	return stream_locate_clause(&place, STREAM_CLAUSE_ANY);
}

/*
 * Other continuous views in FROM are read by their change streams: makes those that
 * lack.  (Views of others must have one.)
 */
static void
add_lacking_changes(NewView *view, Query *query)
{
	List	   *lacking = stream_changes_lacking(query);
	StreamRefuseDefault frame;
	ListCell   *lc;

	foreach(lc, lacking)
	{
		if (!object_ownercheck(RelationRelationId, lfirst_oid(lc), GetUserId()))
			continue;
		stream_refuse_push(&frame, view->source,
						   location_of_member(view, query, lfirst_oid(lc)));
		stream_view_set_options(lfirst_oid(lc),
								list_make1(makeDefElem("changes", NULL, -1)),
								false, view->source);
		stream_refuse_pop(&frame);
		ereport(NOTICE,
				(errmsg("continuous view \"%s\" has a change stream now",
						get_rel_name(lfirst_oid(lc))),
				 errdetail("The new view reads it.")));
	}
	if (stream_changes_not_kept(query))
	{
		char	   *name = get_rel_name(linitial_oid(stream_changes_not_kept(query)));

		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view \"%s\" cannot be read from the beginning",
						name),
				 errdetail("Rows are only added to it, so others read its change stream, which does not keep them all (streaming.changes_retention)."),
				 errhint("Create the views that read it before that is set; or read the change stream by its name, from where it begins."),
				 stream_refuse_position(view->source, view->frame->location)));
	}
	if (view->stmt->into->skipData &&
		(lacking || stream_changes_are_read(query)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("WITH NO DATA is not supported for a view that reads another one whose rows may change"),
				 errdetail("Rows that it has not seen come would go."),
				 errhint("Leave WITH NO DATA out."),
				 stream_refuse_position(view->source, view->frame->location)));
}

/*
 * The query, with that of ordinary views in it which are no more than a name for theirs.
 * What is refused whatever it reads is refused.
 */
static Query *
take_query(NewView *view)
{
	CreateTableAsStmt *stmt = makeNode(CreateTableAsStmt);
	StreamPlace place = {view->source, view->frame->location};
	Query	   *query = castNode(Query, view->stmt->query);

	refuse_parts(view, query);
	stream_analyze_check_size(query);
	query = stream_pasting_expand(query, &place);
	refuse_parts(view, query);
	*stmt = *view->stmt;
	stmt->query = (Node *) query;
	view->stmt = stmt;
	return query;
}

/*
 * Says what the view will be, as analyze_view, and has all there that it needs.  Returns
 * where its tables go to.
 */
static IntoClause *
plan_view(NewView *view)
{
	IntoClause *into = copyObject(view->stmt->into);
	Query	   *query = castNode(Query, view->stmt->query);
	StreamViewRow *row = &view->row;

	row->settings = stream_owner_current_settings();
	add_lacking_changes(view, query);
	stream_owner_run(GetUserId(), NULL, analyze_view, view);
	into->tableSpaceName =
		stream_view_tablespace(into->tableSpaceName,
						   row->unlogged ? RELPERSISTENCE_UNLOGGED :
						   RELPERSISTENCE_PERMANENT);
	return into;
}

static void
make_view(NewView *view)
{
	Query	   *query = take_query(view);
	StreamViewRow *row = &view->row;
	IntoClause *into;

	into = plan_view(view);
	stream_relations_create(row, view->tree, query, into, into->options,
							view->source);
	try_delta(row, query, view->options, view->source);
	stream_catalog_insert_view(row);
	CommandCounterIncrement();
	stream_viewgroup_check(row->viewid, view->options, view->source);
	stream_batch_initialize(row->viewid);
	if (into->skipData)
		skip_present_rows(row);
	stream_shmem_views_changed();
}

bool
stream_view_create(CreateTableAsStmt *stmt, List *options, const char *source)
{
	IntoClause *into = stmt->into;
	StreamRefuseDefault frame;
	NewView		view = {
		.stmt = stmt,.options = options,.source = source,.frame = &frame
	};
	StreamViewRow *row = &view.row;
	Oid			existing;

	/* what is refused without a position of its own is refused here */
	stream_refuse_push(&frame, source, into->rel->location);
	stream_compat_locate_groups(castNode(Query, stmt->query));
	/* the grammar allows no EXECUTE */
	Assert(castNode(Query, stmt->query)->commandType == CMD_SELECT);
	stream_options_merge(STREAM_OPTIONS_VIEW, options, false, &row->option_names,
						 &row->option_values, source);
	stream_options_fill(row->option_names, row->option_values, &row->options);
	check_retention(row, options, source);
	stream_catalog_owner();		/* fails where there is no extension */
	RangeVarGetAndCheckCreationNamespace(into->rel, NoLock, &existing);
	check_into(into, source);	/* after: pg_temp makes it temporary */
	stream_roster_require_room();
	if (OidIsValid(existing) && stmt->if_not_exists)
		ereport(NOTICE,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists, skipping",
						into->rel->relname)));
	else
		make_view(&view);
	stream_refuse_pop(&frame);
	return OidIsValid(row->viewid);
}

/* ---- another query ---- */

/* Finds a member of a range table that is one of the relations. */
static bool
reads_walker(Node *node, List *relids)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_RELATION &&
			list_member_oid(relids, ((RangeTblEntry *) node)->relid);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_walker, relids,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_walker, relids);
}

pg_noreturn static void
refuse_reading_itself(const NewView *view)
{
	StreamPlace place = {view->source, view->frame->location};

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("continuous view \"%s\" would read itself",
					get_rel_name(view->row.viewid)),
			 errhint("Read the streams that it reads."),
			 stream_refuse_clause_position(&place, STREAM_CLAUSE_FROM)));
}

/* The view must not come to read itself, by way of ordinary views or not. */
static void
refuse_itself(void *arg)
{
	NewView    *view = arg;
	Query	   *query = castNode(Query, view->stmt->query);

	/* what reads the view reads its tables */
	if (reads_walker((Node *) stream_analyze_rewrite(query),
					 stream_catalog_states(&view->row)) &&
		!STREAM_MUTATION("replace_itself"))
		refuse_reading_itself(view);
}

/* What it will read is not known yet, and may be what reads it. */
static void
refuse_replaced(Oid viewid, Oid from)
{
	if (stream_successor_is_locked(from) &&
		!STREAM_MUTATION("replace_crossing"))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot replace the query of continuous view \"%s\"",
						get_rel_name(viewid)),
				 errdetail("It would read from continuous view \"%s\", which is being replaced.",
						   get_rel_name(from)),
				 errhint("Try again when that has its new query.")));
}

/*
 * Do the streams come from the view, by way of other continuous views?  seen: those looked at.  Who replaces
 * one has it locked first, so of those who meet, the last one sees the others, or what they have done.
 */
static bool
come_from(List *streams, Oid viewid, List **seen)
{
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(lc, streams)
	{
		Oid			from = stream_catalog_view_of(lfirst_oid(lc));
		StreamViewRow *row;

		if (from == viewid)
			return true;
		if (!OidIsValid(from) || list_member_oid(*seen, from))
			continue;
		*seen = lappend_oid(*seen, from);
		refuse_replaced(viewid, from);
		row = stream_catalog_view(from);
		if (row && come_from(row->streams, viewid, seen))
			return true;
	}
	return false;
}

/* Nor by way of the views above it. */
static void
refuse_circle(const NewView *view, Oid viewid)
{
	List	   *seen = NIL;

	if (come_from(view->row.streams, viewid, &seen) &&
		!STREAM_MUTATION("replace_circle"))
		refuse_reading_itself(view);
}

Query *
stream_view_remake(StreamViewRow *row, CreateTableAsStmt *stmt,
				   const char *source)
{
	Query	   *query;
	StreamRefuseDefault frame;
	NewView		view = {
		.row = *row,.stmt = stmt,.source = source,.frame = &frame
	};
	IntoClause *into;
	Query	   *reading;

	stream_refuse_push(&frame, source, stmt->into->rel->location);
	query = take_query(&view);
	stream_owner_run(GetUserId(), NULL, refuse_itself, &view);
	view.row.changes = InvalidOid;
	into = plan_view(&view);
	refuse_circle(&view, row->viewid);
	reading = stream_relations_create_parts(&view.row, view.tree, query, into,
											source);
	try_delta(&view.row, query, NIL, source);
	stream_refuse_pop(&frame);
	*row = view.row;
	return reading;
}

/* ---- ALTER ---- */

/* What a view's state is about must stay what it is. */
static void
check_changed_options(const StreamViewRow *row, const StreamOptions *before,
					  List *options, const char *source)
{
	const char *changed = NULL;
	StreamWatermark *had = stream_watermark_create(InvalidOid, row->streams,
												   NIL, before);
	StreamWatermark *has = stream_watermark_create(InvalidOid, row->streams,
												   NIL, &row->options);

	if (row->options.output_mode != before->output_mode &&
		(row->options.output_mode == STREAM_OUTPUT_COMPLETE ||
		 before->output_mode == STREAM_OUTPUT_COMPLETE))
		changed = "output_mode";
	else if (row->options.within_watermark != before->within_watermark)
		changed = "distinct_within_watermark";
	else if (before->changes && !row->options.changes)
		changed = "changes";
	else if (before->retention_us >= 0 && row->options.retention_us < 0 &&
			 stream_declare_is_result(row->changes))
		changed = "changes_retention";
	if (changed)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"streaming.%s\" of a continuous view cannot be changed",
						changed),
				 errhint("Drop the view and create it anew."),
				 stream_refuse_option_position(source, options, changed)));
	check_watermark_option(row, has, options, source);
	if (stream_watermark_exists(had) && !stream_watermark_exists(has))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot take back the watermark of a continuous view"),
				 errdetail("Windows that it has closed could not stay closed."),
				 errhint("Set a longer one, or drop the view and create it anew."),
				 stream_refuse_option_position(source, options, "watermark")));
}

/* The view as it is with its options before a change, and after it. */
typedef struct ChangedView
{
	StreamViewRow *row;
	const StreamOptions *before;
	List	   *options;
	const char *source;
} ChangedView;

/* For all that the readers of a view, whose output mode changes, know of it. */
static void
refuse_output_mode(const ChangedView *changed, const char *why,
				   const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("option \"streaming.output_mode\" of continuous view \"%s\" cannot be changed",
					get_rel_name(changed->row->viewid)),
			 errdetail("%s", why), errhint("%s", hint),
			 stream_refuse_option_position(changed->source, changed->options,
										   "output_mode")));
}

/* Its groups are shown at another time, which says the query of its readers alone. */
static void
check_output_mode(ChangedView *changed, Query *query, StreamTree *tree,
				  const StreamWatermark *wm)
{
	bool		groups = tree->finals != NIL;
	ListCell   *lc;

	foreach(lc, tree->cuts)
		groups |= stream_cut_has_groups((StreamCut *) lfirst(lc));
	if (!groups)
		refuse_output_mode(changed,
						   "Its rows are final as soon as they are in it: \"update\" and \"append\" mean the same.",
						   "Leave the option as it is.");
	if (!stream_tree_same_operators(tree,
									stream_tree_of_query(query, changed->before,
														 NULL)))
		refuse_output_mode(changed,
						   "What it keeps would be different: its query has aggregations, joins or rankings of rows that change.",
						   "Drop the view and create it anew.");
	foreach(lc, tree->cuts)
		if (stream_cut_has_groups((StreamCut *) lfirst(lc)) &&
			changed->row->options.output_mode == STREAM_OUTPUT_APPEND)
			check_append(lfirst(lc), wm, changed->options, changed->source);
}

static void
check_change_as_owner(void *arg)
{
	ChangedView *changed = arg;
	StreamViewRow *row = changed->row;
	Relation	definition = table_open(row->definition, AccessShareLock);
	Query	   *query = get_view_query(definition);
	StreamWatermark *wm = stream_watermark_create(InvalidOid, row->streams,
												  NIL, &row->options);
	StreamOptions options = row->options;
	StreamTree *tree;

	/* a change stream is another matter */
	options.changes = changed->before->changes;
	tree = stream_tree_of_query(query, &options, NULL);
	if (row->options.ttl_us >= 0)
		check_ttl(row, tree, wm, changed->options, changed->source);
	if (row->options.output_mode != changed->before->output_mode)
		check_output_mode(changed, query, tree, wm);
	table_close(definition, NoLock);
}

/* Options about when readers see rows, and for how long. */
static void
change_what_is_shown(StreamViewRow *row, const StreamOptions *before,
					 List *options, const char *source)
{
	ChangedView changed = {row, before, options, source};
	bool		mode = row->options.output_mode != before->output_mode;

	if (!mode && row->options.ttl_us == before->ttl_us)
		return;
	if (mode && OidIsValid(row->changes))
		refuse_output_mode(&changed,
						   "It has a change stream, which others may have read.",
						   "Drop the view and create it anew.");
	stream_owner_run(stream_owner_of(row->viewid), row->settings,
					 check_change_as_owner, &changed);
	if (mode)
		stream_relations_change_reading(row);
}

/* A change stream in the making. */
typedef struct NewChanges
{
	StreamViewRow *row;
	StreamTree *tree;
	bool		others;			/* the view would have other operators with it */
} NewChanges;

static void
analyze_changes(void *arg)
{
	NewChanges *changes = arg;
	Relation	definition = table_open(changes->row->definition,
										AccessShareLock);
	Query	   *query = get_view_query(definition);
	StreamOptions without = changes->row->options;
	StreamTree *before;

	without.changes = false;
	before = stream_tree_of_query(query, &without, NULL);
	changes->tree = stream_tree_of_query(query, &changes->row->options, NULL);
	changes->others = list_length(changes->tree->cuts) !=
		list_length(before->cuts) + 1;
	table_close(definition, NoLock);
}

/* Says which view it is that cannot have one: the statement may be about another. */
static void
name_view(void *arg)
{
	if (geterrcode() == ERRCODE_FEATURE_NOT_SUPPORTED)
		errdetail("The change stream is to be that of continuous view \"%s\".",
				  get_rel_name(*(Oid *) arg));
}

/* Gives a view a change stream; no batch is in progress. */
static void
add_change_stream(StreamViewRow *row)
{
	NewChanges	changes = {row};
	Oid			tablespace = get_rel_tablespace(row->state);
	ErrorContextCallback callback = {error_context_stack, name_view, &row->viewid};

	error_context_stack = &callback;
	stream_owner_run(stream_owner_of(row->viewid), row->settings,
					 analyze_changes, &changes);
	error_context_stack = callback.previous;
	if (changes.others)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a change stream cannot be added to continuous view \"%s\"",
						get_rel_name(row->viewid)),
				 errdetail("The parts of its UNION, or of its join, are put together by its readers."),
				 errhint("Drop the view and create it anew WITH (streaming.changes).")));
	if (!OidIsValid(tablespace))
		tablespace = MyDatabaseTableSpace;
	stream_relations_create_changes(row, changes.tree,
									get_tablespace_name(tablespace));
	try_delta(row, NULL, NIL, NULL);
}

/*
 * Do the options ask for what is for no batch in progress?  Of a change stream that the
 * view has not: what the batch changes must be in it, or before it.  Of a group, or when
 * groups are shown: whoever has a batch later must know of it.
 */
static bool
are_between_batches(const StreamViewRow *row, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (strcmp(name, "group") == 0 || strcmp(name, "output_mode") == 0 ||
			(strcmp(name, "changes") == 0 && !row->options.changes))
			return true;
	}
	return false;
}

/* Is it another group, or none any more? */
static bool
is_other_group(const StreamOptions *before, const StreamOptions *now)
{
	if (before->group == NULL || now->group == NULL)
		return before->group != now->group;
	return strcmp(before->group, now->group) != 0;
}

void
stream_view_set_options(Oid viewid, List *options, bool reset,
						const char *source)
{
	StreamViewRow *row;
	StreamOptions before;

	stream_privilege_need_owner(viewid);
	row = stream_catalog_view(viewid);
	if (row && are_between_batches(row, options))
		LockDatabaseObject(RelationRelationId, viewid, 0,
						   ShareUpdateExclusiveLock);
	LockRelationOid(viewid, ShareUpdateExclusiveLock);
	row = stream_catalog_view(viewid);
	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("continuous view was dropped")));
	if (row->released)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view \"%s\" has been released from its stream",
						get_rel_name(viewid)),
				 errhint("%s", stream_catalog_release_hint(viewid))));
	before = row->options;
	stream_options_merge(STREAM_OPTIONS_VIEW, options, reset, &row->option_names,
						 &row->option_values, source);
	stream_options_fill(row->option_names, row->option_values, &row->options);
	check_changed_options(row, &before, options, source);
	check_retention(row, options, source);
	change_what_is_shown(row, &before, options, source);
	if (row->options.changes && !before.changes)
		add_change_stream(row);
	if ((row->options.keep_late_rows && !before.keep_late_rows) ||
		(row->options.skip_errors && !before.skip_errors))
		try_delta(row, NULL, options, source);
	stream_catalog_update_view(row);
	CommandCounterIncrement();
	stream_viewgroup_check(viewid, options, source);
	/* others may have been to blame, or it alone: it is tried anew */
	if (is_other_group(&before, &row->options))
		(void) stream_catalog_clear_failure(viewid);
	CacheInvalidateRelcacheByRelid(viewid);
	stream_shmem_views_changed();
}

void
stream_view_schema_changed(Oid viewid, Oid from)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	Oid			to = get_rel_namespace(viewid);
	ObjectAddresses *moved;
	Relation	rel;

	if (row == NULL || !OidIsValid(row->changes) || from == to)
		return;
	moved = new_object_addresses();
	rel = table_open(row->changes, AccessExclusiveLock);
	if (OidIsValid(get_relname_relid(RelationGetRelationName(rel), to)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists in schema \"%s\"",
						RelationGetRelationName(rel), get_namespace_name(to)),
				 errdetail("The change stream of a continuous view goes with it."),
				 errhint("Rename one of them first.")));
	AlterTableNamespaceInternal(rel, from, to, moved);
	free_object_addresses(moved);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
stream_view_owner_changed(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	stream_relations_sync_owner(viewid);
	if (row == NULL || row->options.group == NULL)
		return;
	/* so that it counts as changed here */
	stream_catalog_update_view(row);
	CommandCounterIncrement();
	stream_viewgroup_check(viewid, NIL, NULL);
}

/* ---- DROP ---- */

void
stream_view_dissolve(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);

	if (row == NULL)
		return;
	stream_relations_release_parts(row);
	stream_view_dropped(viewid);
	CommandCounterIncrement();
}

void
stream_view_dropped(Oid viewid)
{
	stream_catalog_delete_view(viewid);
	stream_shmem_views_changed();
}
