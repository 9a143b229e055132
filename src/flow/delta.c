/*-------------------------------------------------------------------------
 *
 * delta.c
 *	  The plan of a feed: planned, turned into partial aggregation, kept.
 *
 * The query of a feed (keys and bare aggregates) is planned by the ordinary
 * planner.  Its topmost node is then the aggregation; marking it and its
 * Aggrefs as the initial step of a parallel aggregation makes it yield partial
 * states instead of results, in serialised form where they are internal.
 *
 * Several plans are kept, one for a trickle and others for many rows: a join with a
 * large table wants an index for a few rows and a hash table for a million.  For a
 * backlog, other processes may help: each yields partial states, and the topmost
 * aggregation combines them into such, one for each group.
 *
 * The plan cache of the server cannot keep a plan made from a query tree, so
 * plans are kept here, by its rules: dropped when a relation in them or anything
 * that plans depend on generally is changed.  When a function changes that is
 * part of an aggregate, or a row type that is part of a key, everything derived from it
 * goes (reload).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "stream/am.h"
#include "time/watermark.h"
#include "state/aggstate.h"
#include "query/analyze.h"
#include "query/sight.h"
#include "query/trust.h"
#include "query/windowstarts.h"
#include "flow/scan.h"
#include "flow/delta.h"

/* So often a plan is made anew because something has changed meanwhile. */
#define MAX_TRIES 10

/* For so many groups the hash table of a small batch has room at first: of two lines of memory. */
#define FEW_GROUPS 3

/* For so many new rows it should look up what they are joined with. */
#define JOINED_ROWS 100

/*
 * Every delta of this process, for the invalidation callbacks.  A delta leaves
 * the list when its memory goes, for whatever reason.
 */
static List *all_deltas = NIL;

/* ---- invalidation ---- */

/* Is it, or may it be, a row type of the delta's keys? */
static bool
row_type_changed(const StreamDelta *delta, Oid relid)
{
	return delta->row_types && !STREAM_MUTATION("key_row_types") &&
		(!OidIsValid(relid) || list_member_oid(delta->row_types, relid));
}

static void
relation_changed(Datum arg, Oid relid)
{
	ListCell   *lc;

	foreach(lc, all_deltas)
	{
		StreamDelta *delta = lfirst(lc);

		if (!OidIsValid(relid) || list_member_oid(delta->relations, relid))
			delta->replan = true;
		/* while a plan is made, it is not yet known what is in it */
		else if (delta->planning && delta->nchanged < STREAM_DELTA_CHANGED)
			delta->changed[delta->nchanged++] = relid;
		else if (delta->planning)
			delta->replan = true;
		/*
		 * Its query carries the owner, with whose rights it is run; and groups that are
		 * remembered are found by hashes of rows as they were.
		 */
		if (relid == delta->definition || row_type_changed(delta, relid))
			delta->replan = delta->reload = true;
	}
}

static void
function_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	ListCell   *lc;

	foreach(lc, all_deltas)
	{
		StreamDelta *delta = lfirst(lc);

		/* whom it may call, of the server's functions too, it has looked up */
		delta->outdated = !STREAM_MUTATION("executor_outdated");
		/* while a plan is made, it is not yet known what is in it */
		if (delta->planning)
			delta->replan = true;
		if (hashvalue == 0 ||
			list_member_int(delta->functions, (int) hashvalue))
			delta->replan = delta->reload = true;
	}
}

/* A domain may have got a constraint. */
static void
type_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	ListCell   *lc;

	foreach(lc, all_deltas)
	{
		StreamDelta *delta = lfirst(lc);

		if (hashvalue == 0 || delta->planning ||
			list_member_int(delta->types, (int) hashvalue))
			delta->replan = true;
	}
}

static void
anything_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	ListCell   *lc;

	foreach(lc, all_deltas)
		((StreamDelta *) lfirst(lc))->replan = true;
}

/* The hash value of the database: callbacks, which have no transaction, cannot ask for it. */
static uint32 own_database;

/* Who has the rights of pg_database_owner; other databases come and go. */
static void
database_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	if (!STREAM_MUTATION("database_owner") &&
		(hashvalue == 0 || hashvalue == own_database))
		anything_changed(arg, cacheid, hashvalue);
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	registered = true;
	own_database = GetSysCacheHashValue1(DATABASEOID,
										 ObjectIdGetDatum(MyDatabaseId));
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, type_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AMOPOPID, anything_changed, (Datum) 0);
	/* policies and trust depend on who has which rights */
	CacheRegisterSyscacheCallback(AUTHOID, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(DATABASEOID, database_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, anything_changed,
								  (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, anything_changed,
								  (Datum) 0);
}

static void
note_function(StreamDelta *delta, Oid function)
{
	if (OidIsValid(function))
		delta->functions =
			list_append_unique_int(delta->functions, (int)
								   GetSysCacheHashValue1(PROCOID,
														 ObjectIdGetDatum(function)));
}

/* Notes the functions that an aggregate is made of. */
static void
note_aggregate(StreamDelta *delta, StreamAgg *agg)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;

	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(agg->aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u",
			 agg->aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	note_function(delta, agg->aggref->aggfnoid);
	note_function(delta, form->aggtransfn);
	note_function(delta, form->aggcombinefn);
	note_function(delta, form->aggfinalfn);
	note_function(delta, form->aggserialfn);
	note_function(delta, form->aggdeserialfn);
	ReleaseSysCache(tuple);
}

/* Notes the row types that a key has, or is made of. */
static void
note_row_types(StreamDelta *delta, Oid type)
{
	Oid			relid;
	TupleDesc	desc;

	check_stack_depth();
	type = getBaseType(type);
	if (OidIsValid(get_element_type(type)))
		note_row_types(delta, get_element_type(type));
	if (type_is_multirange(type))
		type = get_multirange_range(type);
	if (type_is_range(type))
		note_row_types(delta, get_range_subtype(type));
	relid = get_typ_typrelid(type);
	if (!OidIsValid(relid) || list_member_oid(delta->row_types, relid))
		return;
	delta->row_types = lappend_oid(delta->row_types, relid);
	desc = lookup_rowtype_tupdesc_copy(type, -1);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			note_row_types(delta, TupleDescAttr(desc, i)->atttypid);
	FreeTupleDesc(desc);
}

/* ---- loading ---- */

static void
leave_list(void *delta)
{
	all_deltas = list_delete_ptr(all_deltas, delta);
}

static void
enter_list(StreamDelta *delta)
{
	MemoryContextCallback *callback =
		MemoryContextAlloc(delta->context, sizeof(MemoryContextCallback));
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	all_deltas = lappend(all_deltas, delta);
	MemoryContextSwitchTo(old);
	callback->func = leave_list;
	callback->arg = delta;
	MemoryContextRegisterResetCallback(delta->context, callback);
}

StreamDelta *
stream_delta_create(const StreamViewRow *row, StreamCut *cut, StreamFeed *feed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "delta plan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamDelta *delta = palloc0(sizeof(StreamDelta));
	ListCell   *lc;

	register_callbacks();
	delta->context = context;
	delta->plan_context = AllocSetContextCreate(context, "delta plans",
												ALLOCSET_DEFAULT_SIZES);
	delta->definition = row->definition;
	delta->trusts = row->options.trust_functions;
	delta->cut = cut;
	delta->feed = feed;
	foreach(lc, cut->aggs)
		note_aggregate(delta, lfirst(lc));
	delta->replan = true;
	enter_list(delta);
	/* from now on it hears of changes */
	foreach(lc, cut->keys)
		note_row_types(delta, exprType((Node *) ((StreamKey *) lfirst(lc))->expr));
	MemoryContextSwitchTo(old);
	return delta;
}

void
stream_delta_set(StreamDelta *delta, bool trusts, int others)
{
	if (delta->trusts == trusts && delta->others == others)
		return;
	delta->trusts = trusts;
	delta->others = others;
	delta->replan = true;
}

/* ---- planning ---- */

/*
 * Has the aggregation at the top of the plan yield partial states: from rows, or from the
 * partial states of several processes.
 */
static void
make_partial(PlannedStmt *stmt)
{
	Agg		   *top = (Agg *) stmt->planTree;
	ListCell   *lc;

	/* grouping without aggregates may be another node, and needs nothing */
	if (!IsA(top, Agg))
		return;
	top->aggsplit |= AGGSPLIT_INITIAL_SERIAL;
	/* the other steps of grouping sets: the executor goes by the first */
	foreach(lc, top->chain)
		lfirst_node(Agg, lc)->aggsplit = top->aggsplit;
	foreach(lc, top->plan.targetlist)
	{
		Aggref	   *aggref = (Aggref *) lfirst_node(TargetEntry, lc)->expr;
		AggSplit	split;

		if (!IsA(aggref, Aggref))
			continue;
		split = aggref->aggsplit;
		aggref->aggsplit = AGGSPLIT_SIMPLE;
		mark_partial_aggref(aggref, AGGSPLIT_INITIAL_SERIAL);
		aggref->aggsplit |= split;
	}
}

/*
 * A hash table for as many groups as the planner expects costs more than a batch of a few
 * rows: to make it, and to walk through it.  It grows with what comes.
 */
static void
expect_few_groups(PlannedStmt *stmt)
{
	Agg		   *top = (Agg *) stmt->planTree;

	if (IsA(top, Agg) && top->aggstrategy == AGG_HASHED)
		top->numGroups = Min(top->numGroups, FEW_GROUPS);
}

/* Does the plan end as that of a parallel aggregation does? */
static bool
combines(const Plan *top)
{
	const Plan *gather = outerPlan(top);

	return ((const Agg *) top)->aggsplit == AGGSPLIT_FINAL_DESERIAL && gather &&
		(IsA(gather, Gather) || IsA(gather, GatherMerge)) &&
		IsA(outerPlan(gather), Agg) &&
		((Agg *) outerPlan(gather))->aggsplit == AGGSPLIT_INITIAL_SERIAL;
}

/*
 * Every output column must come from one aggregation as it is, in one step.
 * Planner hooks of others could change that.
 */
static void
check_shape(StreamDelta *delta, PlannedStmt *stmt)
{
	Plan	   *top = stmt->planTree;
	bool		simple = IsA(top, Agg) &&
		(((Agg *) top)->aggsplit == AGGSPLIT_SIMPLE || combines(top));
	int			column = 0;
	ListCell   *lc;

	foreach(lc, top->targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (++column > list_length(delta->cut->keys) && !tle->resjunk &&
			!(simple && IsA(tle->expr, Aggref)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("query cannot be maintained: its plan does not end in an aggregation"),
					 errhint("Group by plain columns, and compute the rest in an ordinary view over the continuous view.")));
	}
}

/*
 * The operator has been made for states of certain types; an aggregate may have been
 * replaced since.
 */
static void
check_states(StreamDelta *delta, PlannedStmt *stmt)
{
	int			column = list_length(delta->cut->keys);
	ListCell   *lc;

	foreach(lc, delta->feed->aggs)
	{
		StreamAgg  *agg = list_nth(delta->cut->aggs, lfirst_int(lc));
		TargetEntry *tle = list_nth_node(TargetEntry,
										 stmt->planTree->targetlist, column++);

		if (exprType((Node *) tle->expr) != agg->storedtype)
			stream_aggstate_was_replaced();
	}
}

/*
 * Functions that the planner has inlined may read streams that the query did
 * not show.
 */
static void
check_streams(StreamDelta *delta, PlannedStmt *stmt)
{
	bool		unlogged;
	List	   *leaves = stream_analyze_leaves(delta->streams, NoLock,
											   &unlogged);
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION || rte->inh ||
			!stream_am_relid_is_stream(rte->relid))
			continue;
		if (stream_analyze_input(rte) == 0 || !list_member_oid(leaves, rte->relid))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("reading more than one stream is not supported in a continuous view"),
					 OidIsValid(stream_catalog_view_of(rte->relid)) ?
					 errdetail("A function in the query reads continuous view \"%s\".",
							   get_rel_name(stream_catalog_view_of(rte->relid))) :
					 errdetail("A function in the query reads stream \"%s\".",
							   get_rel_name(rte->relid)),
					 errhint("Write the function's query as a sub-select in FROM, or have the function read ordinary tables only.")));
	}
}

/*
 * What a security barrier hides must not show in a watermark, nor be put aside.
 * The scan can see to that for conditions on the stream only.  And what a view of
 * somebody else shows of the event time must be all that the watermark says.
 */
static void
check_hidden(StreamDelta *delta)
{
	StreamWindow *window = delta->cut->window;
	ListCell   *lc;
	ListCell   *ls;

	forboth(lc, delta->streams, ls, delta->sights)
	{
		StreamSight *sight = lfirst(ls);
		StreamEventTime declared;

		if (!stream_declare_event_time(lfirst_oid(lc), &declared))
			continue;
		if (sight->hidden)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a security_barrier view that joins stream \"%s\" or has set-returning functions is not supported in a continuous view",
							get_rel_name(lfirst_oid(lc))),
					 errdetail("The stream has an event time, and rows that are hidden would show in it."),
					 errhint("Hide rows by conditions on the stream in the view's WHERE, which may be sub-selects, or by row-level security.")));
		if (window && window->event_time && OidIsValid(sight->check_as) &&
			sight->check_as != GetUserId() &&
			!bms_is_member(declared.attnum, sight->handed_on))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("the event time of stream \"%s\" is hidden by a view of role \"%s\"",
							get_rel_name(lfirst_oid(lc)),
							GetUserNameFromId(sight->check_as, false)),
					 errdetail("The watermark of a continuous view would show it."),
					 errhint("Have the view hand on the column as it is.")));
	}
}

/* Notes the streams and what may be seen of them, in long-lived memory. */
static void
set_streams(StreamDelta *delta, Query *query)
{
	List	   *streams = stream_cut_reads_new(delta->feed) ?
		stream_analyze_streams(query, delta->others, NULL) : NIL;
	List	   *sights = stream_sight_of_inputs(query, delta->others +
											list_length(streams));
	MemoryContext old = MemoryContextSwitchTo(delta->plan_context);
	ListCell   *lc;

	delta->streams = list_copy(streams);
	delta->sights = NIL;
	for_each_from(lc, sights, delta->others)
	{
		StreamSight *sight = palloc(sizeof(StreamSight));

		*sight = *(StreamSight *) lfirst(lc);
		sight->handed_on = bms_copy(sight->handed_on);
		delta->sights = lappend(delta->sights, sight);
	}
	MemoryContextSwitchTo(old);
	check_hidden(delta);
}

/* Tells the planner how many rows are handed on. */
static bool
set_handed_on(Node *node, double *rows)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, set_handed_on, rows);
	foreach(lc, ((Query *) node)->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_NAMEDTUPLESTORE)
			lfirst_node(RangeTblEntry, lc)->enrtuples = *rows;
	return query_tree_walker((Query *) node, set_handed_on, rows, 0);
}

/*
 * Other processes must have ended when those that read with them say how many rows that
 * were: so what they yield must be read to its end.
 */
static bool
is_good(const PlannedStmt *stmt)
{
	return !stmt->parallelModeNeeded ||
		(IsA(stmt->planTree, Agg) && combines(stmt->planTree));
}

static PlannedStmt *
plan_delta(StreamDelta *delta, double rows, bool parallel)
{
	Query	   *query = stream_analyze_rewrite(delta->feed->query);
	PlannedStmt *stmt;

	if (!delta->trusts)
		stream_trust_check(query);
	delta->plain = stream_trust_is_plain(query);
	if (!delta->feed->content)
		set_streams(delta, query);
	if (delta->feed->mode == STREAM_FEED_PARTIAL)
		stream_windowstarts_group(query);
	if (delta->feed->tables)
		(void) set_handed_on((Node *) query, &rows);
	if (parallel)
	{
		stmt = stream_scan_plan(copyObject(query), rows, true, NIL);
		parallel = is_good(stmt);
	}
	if (!parallel)
		stmt = stream_scan_plan(query, rows, false, rows < STREAM_DELTA_LARGE ?
								delta->feed->tables : NIL);
	check_streams(delta, stmt);
	if (delta->feed->mode == STREAM_FEED_PARTIAL)
	{
		check_shape(delta, stmt);
		make_partial(stmt);
		if (rows < STREAM_DELTA_LARGE)
			expect_few_groups(stmt);
		check_states(delta, stmt);
	}
	return stmt;
}

/* Plans into long-lived memory. */
static PlannedStmt *
keep_plan(StreamDelta *delta, double rows, bool parallel)
{
	PlannedStmt *stmt = plan_delta(delta, rows, parallel);
	MemoryContext old = MemoryContextSwitchTo(delta->plan_context);
	ListCell   *lc;

	stmt = copyObject(stmt);
	MemoryContextSwitchTo(delta->context);
	foreach(lc, stmt->relationOids)
		delta->relations = list_append_unique_oid(delta->relations,
												  lfirst_oid(lc));
	delta->relations = list_concat_unique_oid(delta->relations,
											  delta->streams);
	foreach(lc, stmt->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, lc);

		if (item->cacheId == PROCOID)
			delta->functions = list_append_unique_int(delta->functions,
													  (int) item->hashValue);
		else if (item->cacheId == TYPEOID)
			delta->types = list_append_unique_int(delta->types,
												  (int) item->hashValue);
	}
	MemoryContextSwitchTo(old);
	return stmt;
}

/*
 * Tables that are joined grow, and what suits one that is small does not suit another.
 * For a backlog, which takes long anyway, it is found out each time.
 */
static void
check_growth(StreamDelta *delta, double rows)
{
	BlockNumber blocks = 0;
	ListCell   *lc;

	foreach(lc, delta->feed->tables)
	{
		Relation	rel = table_open(lfirst_oid(lc), AccessShareLock);

		blocks += RelationGetNumberOfBlocks(rel);
		table_close(rel, NoLock);
	}
	if (rows < STREAM_DELTA_LARGE && blocks / 2 <= delta->blocks + 4)
		return;
	delta->replan = true;
	delta->blocks = blocks;
}

/* Taking a lock may bring news that makes the plan stale. */
static void
lock_relations(StreamDelta *delta)
{
	ListCell   *lc;

	foreach(lc, delta->relations)
		LockRelationOid(lfirst_oid(lc), AccessShareLock);
}

bool
stream_delta_lock(StreamDelta *delta)
{
	/* these are looked at each time */
	if (delta->feed->tables || delta->small == NULL)
		return false;
	lock_relations(delta);
	return !delta->replan && !delta->reload;
}

PlannedStmt *
stream_delta_plan(StreamDelta *delta, double rows, bool parallel)
{
	PlannedStmt **plan;

	parallel &= rows >= stream_debug_limit("backlog", STREAM_DELTA_BACKLOG) &&
		delta->feed->mode == STREAM_FEED_PARTIAL;
	plan = parallel ? &delta->backlog :
		rows < STREAM_DELTA_LARGE ? &delta->small : &delta->large;
	if (delta->feed->tables)
		check_growth(delta, rows);
	lock_relations(delta);
	for (int tries = 0; delta->replan || *plan == NULL; tries++)
	{
		/* what it depends on may change while it is made, but not for ever */
		if (tries == MAX_TRIES)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("what the query of a continuous view depends on does not stop changing"),
					 errhint("Try again.")));
		if (delta->replan)
		{
			delta->small = delta->large = delta->backlog = NULL;
			delta->executor = NULL;
			MemoryContextReset(delta->plan_context);
			delta->streams = delta->sights = NIL;
			delta->generation++;
		}
		delta->replan = false;
		delta->nchanged = 0;
		delta->planning = true;
		*plan = keep_plan(delta, rows >= STREAM_DELTA_LARGE ? rows :
						  delta->feed->tables ? JOINED_ROWS : 1000, parallel);
		delta->planning = false;
		for (int i = 0; i < delta->nchanged; i++)
			delta->replan |= list_member_oid(delta->relations, delta->changed[i]);
	}
	return *plan;
}

/* ---- late rows ---- */

static bool
filter_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (stream_closing_is_filter(node))
		return true;
	return expression_tree_walker(node, filter_walker, context);
}

static bool
has_misplaced_filter(Plan *plan)
{
	List	   *parts = NIL;
	ListCell   *lc;

	if (plan == NULL)
		return false;
	switch (nodeTag(plan))
	{
		case T_CustomScan:
			/* the stream's row is at hand */
			break;
		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			if (filter_walker((Node *) ((Join *) plan)->joinqual, NULL))
				return true;
			/* FALLTHROUGH */
		default:
			if (filter_walker((Node *) plan->qual, NULL))
				return true;
	}
	if (IsA(plan, Append))
		parts = ((Append *) plan)->appendplans;
	else if (IsA(plan, SubqueryScan))
		parts = list_make1(((SubqueryScan *) plan)->subplan);
	foreach(lc, parts)
		if (has_misplaced_filter(lfirst(lc)))
			return true;
	return has_misplaced_filter(plan->lefttree) ||
		has_misplaced_filter(plan->righttree);
}

/* Are rows of a stream handed on, and late only by a window above? */
static bool
is_late_above(const StreamDelta *delta)
{
	const StreamCut *cut = delta->cut;

	return cut->kind == STREAM_CUT_ROWS && cut->query->setOperations &&
		cut->window && cut->window->event_time;
}

void
stream_delta_check_late_rows(StreamDelta *delta)
{
	if (is_late_above(delta))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("late rows of this view cannot be kept"),
				 errdetail("They are parts of a UNION ALL with other operators."),
				 errhint("Set streaming.late_rows to \"drop\".")));
	if (has_misplaced_filter(stream_delta_plan(delta, 1, false)->planTree) ||
		has_misplaced_filter(stream_delta_plan(delta, STREAM_DELTA_LARGE,
											   false)->planTree))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("late rows of this view cannot be kept"),
				 errdetail("Its window depends on other tables, too."),
				 errhint("Set streaming.late_rows to \"drop\".")));
}

/* ---- parameters ---- */

static void
set_param(ParamListInfo params, int number, Oid type, Datum value)
{
	ParamExternData *param = &params->params[number - 1];

	param->ptype = type;
	param->pflags = PARAM_FLAG_CONST;
	param->value = value;
	param->isnull = false;
}

/* A pointer that only the plan can follow; NULL becomes null. */
static void
set_pointer(ParamListInfo params, int number, void *pointer)
{
	set_param(params, number, INTERNALOID, PointerGetDatum(pointer));
	params->params[number - 1].isnull = pointer == NULL;
}

void
stream_delta_set_params(StreamDelta *delta, ParamListInfo params,
						TimestampTz late, TimestampTz closes,
						StreamPosition *position, StreamWatermark *watermark)
{
	StreamWindow *window = delta->cut->window;
	Oid			type = OidIsValid(delta->feed->closes) ? delta->feed->closes :
		window ? window->type : TIMESTAMPTZOID;
	Interval   *delay =
		DatumGetIntervalP(params->params[STREAM_PARAM_DELAY - 1].value);

	delay->time = watermark ? stream_watermark_delay(watermark) : 0;
	set_param(params, STREAM_PARAM_LATE, type, Int64GetDatum(late));
	set_param(params, STREAM_PARAM_CLOSED, type, Int64GetDatum(closes));
	set_pointer(params, STREAM_PARAM_POSITION, position);
	set_pointer(params, STREAM_PARAM_WATERMARK, watermark);
}

ParamListInfo
stream_delta_params(StreamDelta *delta, TimestampTz late, TimestampTz closes,
					StreamPosition *position, StreamWatermark *watermark)
{
	ParamListInfo params = makeParamList(STREAM_NUM_PARAMS);

	set_param(params, STREAM_PARAM_DELAY, INTERVALOID,
			  IntervalPGetDatum(palloc0(sizeof(Interval))));
	stream_delta_set_params(delta, params, late, closes, position, watermark);
	return params;
}
