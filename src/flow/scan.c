/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  The delta scan: a custom scan node that reads only the new rows.
 *
 * The delta query is planned by the ordinary planner, but streams in it must be
 * read through the reading position.  While one of our plans is made (a planner
 * hook knows by the query), two hooks see to that: get_relation_info_hook gives
 * each stream the size of a batch and hides its indexes, so that estimates above
 * are right; set_rel_pathlist_hook leaves a custom path as the only way to read
 * it.  A third, get_relation_stats_hook, is about the number of windows.
 *
 * The node finds its batch by the parameters of the plan (watermark.h).
 *
 * The node reads its leaf by the table's TID range scan and drops the rows that
 * the read set holds; before these, the rows that are to be read again.  It counts the rows it reads, and reads its range to
 * the end even when the plan above stops early (a join with an empty table),
 * so that the count is of all rows consumed.
 *
 * In a parallel plan, which a backlog may have, several processes run the node, and take
 * runs of pages from what they share (parallel.c).  Other processes than the batch's find
 * there what they need: the pointers among the parameters are not theirs to follow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "optimizer/plancat.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"

#include "base/compat.h"
#include "base/courtesy.h"
#include "base/debug.h"
#include "stream/position.h"
#include "stream/am.h"
#include "time/watermark.h"
#include "query/analyze.h"
#include "query/closing.h"
#include "flow/parallel.h"
#include "flow/scan.h"

typedef struct DeltaScanState
{
	CustomScanState css;
	StreamLeaf *leaf;			/* NULL: nothing to read */
	StreamWatermark *watermark; /* whom it shows its rows, if there is input */
	StreamParallel *parallel;	/* NULL: it is read by one process */
	StreamRun	run;			/* the pages at hand of several processes */
	List	   *unfinished;		/* runs with rows that are to be put aside */
	TableScanDesc scan;			/* the pages at hand, if in_range */
	bool		in_range;
	BlockNumber block;			/* of the row at hand ... */
	const StreamReadPage *page; /* ... and the read set's entry for it */
	int			nseen;			/* rows of the page so far, new or not */
	OffsetNumber seen[MaxHeapTuplesPerPage];
	int			nagain;			/* so many of those to be read again are done */
	bool		done;
	int64		rows;			/* counted in this pass */
	int64		looked_at;		/* and in the longest pass so far */
	bool		dependent;		/* conditions depend on the row of a join */

	/* where the view looks at event times */
	StreamInputLeaf *input;		/* NULL: not here */
	ExprState  *before;			/* conditions to check before looking at it */
} DeltaScanState;

static get_relation_info_hook_type prev_get_relation_info = NULL;
static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;
static get_relation_stats_hook_type prev_get_relation_stats = NULL;
static planner_hook_type prev_planner = NULL;

/*
 * The query that is to become a delta plan, and rows of a batch; the latter
 * counts while that very query is being planned, not in planner runs nested in
 * that.  Both are taken back by who has set them, whatever happens meanwhile.
 */
static Query *delta_query = NULL;
static double delta_rows = 0;
static double planning_rows = 0;
static List *delta_looked_up = NIL;
static List *planning_looked_up = NIL;

static Plan *plan_delta_scan(PlannerInfo *root, RelOptInfo *rel,
							 struct CustomPath *best_path, List *tlist,
							 List *clauses, List *custom_plans);
static Node *create_delta_scan_state(CustomScan *cscan);
static void begin_delta_scan(CustomScanState *node, EState *estate,
							 int eflags);
static TupleTableSlot *exec_delta_scan(CustomScanState *node);
static void end_delta_scan(CustomScanState *node);
static void rescan_delta_scan(CustomScanState *node);
static Size estimate_parallel(CustomScanState *node, ParallelContext *context);
static void begin_parallel(CustomScanState *node, ParallelContext *context,
						   void *coordinate);
static void rewind_parallel(CustomScanState *node, ParallelContext *context,
							void *coordinate);
static void join_parallel(CustomScanState *node, shm_toc *toc,
						  void *coordinate);
static void end_parallel(CustomScanState *node);

static const CustomPathMethods path_methods = {
	.CustomName = "Delta Scan",
	.PlanCustomPath = plan_delta_scan,
};

static const CustomScanMethods scan_methods = {
	.CustomName = "Delta Scan",
	.CreateCustomScanState = create_delta_scan_state,
};

static const CustomExecMethods exec_methods = {
	.CustomName = "Delta Scan",
	.BeginCustomScan = begin_delta_scan,
	.ExecCustomScan = exec_delta_scan,
	.EndCustomScan = end_delta_scan,
	.ReScanCustomScan = rescan_delta_scan,
	.EstimateDSMCustomScan = estimate_parallel,
	.InitializeDSMCustomScan = begin_parallel,
	.ReInitializeDSMCustomScan = rewind_parallel,
	.InitializeWorkerCustomScan = join_parallel,
	.ShutdownCustomScan = end_parallel,
};

/* ---- planning ---- */

static void
delta_relation_info(PlannerInfo *root, Oid relid, bool inhparent,
					RelOptInfo *rel)
{
	if (prev_get_relation_info)
		prev_get_relation_info(root, relid, inhparent, rel);
	if (planning_rows <= 0 || inhparent || !stream_am_relid_is_stream(relid))
		return;
	rel->tuples = planning_rows;
	rel->pages = Max(1, planning_rows / 100);
	rel->indexlist = NIL;
}

/*
 * Windows of the event time are few, however many times there are: what is known of
 * these would have the planner believe that no process can make less of its rows, and have
 * one alone do it.  Without statistics it expects few.
 */
static bool
delta_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
			VariableStatData *vardata)
{
	StreamEventTime declared;

	if (planning_rows > 0 && root->glob->parallelModeOK &&
		stream_analyze_input(rte) != 0 &&
		stream_declare_event_time(rte->relid, &declared) &&
		declared.attnum == attnum && !declared.is_range)
	{
		vardata->statsTuple = NULL;
		return true;
	}
	return prev_get_relation_stats &&
		prev_get_relation_stats(root, rte, attnum, vardata);
}

/* Does it read all of the relation? */
static bool
reads_all(Path *path)
{
	if (path->param_info)
		return false;
	return path->pathtype == T_SeqScan ||
		(IsA(path, IndexPath) && ((IndexPath *) path)->indexclauses == NIL);
}

/*
 * How many rows are less or greater than one, or between two that it has, the planner
 * does not know: it takes a third for each comparison, and so prefers to
 * read a table once.  But few are, and a batch must not take longer because there
 * have been many.
 */
static void
avoid_reading_all(RelOptInfo *rel)
{
	List	   *last = NIL;
	ListCell   *lc;

	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (!reads_all(path))
			continue;
		path->total_cost = (path->total_cost + 1) * 1000;
		last = lappend(last, path);
	}
	/* they are in the order of their costs */
	rel->pathlist = list_concat(list_difference_ptr(rel->pathlist, last),
								last);
}

/* The only way to read the stream; workers: so many processes help. */
static CustomPath *
make_path(PlannerInfo *root, RelOptInfo *rel, int workers)
{
	CustomPath *path = makeNode(CustomPath);
	double		share = 1.0 / (workers + 1);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = get_baserel_parampathinfo(root, rel,
													  rel->lateral_relids);
	path->path.parallel_aware = path->path.parallel_safe = workers > 0;
	path->path.parallel_workers = workers;
	path->path.rows = clamp_row_est(share * (path->path.param_info ?
											 path->path.param_info->ppi_rows :
											 rel->rows));
	path->path.startup_cost = rel->baserestrictcost.startup +
		rel->reltarget->cost.startup;
	path->path.total_cost = path->path.startup_cost +
		rel->pages * seq_page_cost +
		share * rel->tuples *
		(cpu_tuple_cost + rel->baserestrictcost.per_tuple) +
		path->path.rows * rel->reltarget->cost.per_tuple;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	return path;
}

static void
delta_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti,
			   RangeTblEntry *rte)
{
	int			workers = 0;

	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
	if (planning_rows > 0 && rte->rtekind == RTE_RELATION &&
		list_member_oid(planning_looked_up, rte->relid))
		avoid_reading_all(rel);
	if (planning_rows <= 0 || rte->rtekind != RTE_RELATION || rte->inh ||
		IS_DUMMY_REL(rel) || !stream_am_relid_is_stream(rte->relid))
		return;

	if (rel->consider_parallel && bms_is_empty(rel->lateral_relids))
		workers = compute_parallel_worker(rel, rel->pages, -1,
										  max_parallel_workers_per_gather);
	rel->pathlist = list_make1(make_path(root, rel, 0));
	rel->partial_pathlist = NIL;
	if (workers > 0)
		add_partial_path(rel, &make_path(root, rel, workers)->path);
}

/*
 * Handing up the whole row as it is costs less than picking columns out of it,
 * as the planner knows for its own scans.  That will do if nothing but columns
 * is wanted, and the node above looks for them by name and not by position: so
 * directly below the joins and the aggregation of the delta query.
 */
static List *
physical_tlist(PlannerInfo *root, RelOptInfo *rel, PathTarget *target,
			   List *tlist)
{
	List	   *physical;
	Bitmapset  *labelled = NULL;
	ListCell   *lc;

	/* DISTINCT ON is without an aggregation: the columns are the plan's own */
	if (root->parent_root != NULL || rel->reloptkind != RELOPT_BASEREL ||
		(root->parse->groupClause == NIL && !root->parse->hasAggs))
		return tlist;
	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Var		   *var = (Var *) tle->expr;

		if (!IsA(var, Var) || var->varno != rel->relid || var->varattno <= 0)
			return tlist;
		/* a column can carry one label only */
		if (tle->ressortgroupref > 0 && bms_is_member(var->varattno, labelled))
			return tlist;
		if (tle->ressortgroupref > 0)
			labelled = bms_add_member(labelled, var->varattno);
	}
	/* NIL if there are dropped columns */
	physical = build_physical_tlist(root, rel);
	if (physical == NIL)
		return tlist;
	apply_pathtarget_labeling_to_tlist(physical, target);
	return physical;
}

/* Does the condition look at the column, or at the whole row? */
static bool
mentions(Node *clause, Index rti, AttrNumber attno)
{
	Bitmapset  *columns = NULL;

	pull_varattnos(clause, rti, &columns);
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, columns) ||
		bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, columns);
}

/* Does it compare something with the late threshold? */
static bool
lateness_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXTERN &&
			((Param *) node)->paramid == STREAM_PARAM_LATE;
	return expression_tree_walker(node, lateness_walker, context);
}

/* Does it count the rows that are late? */
static bool
counting_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return stream_closing_is_filter(node) ||
		expression_tree_walker(node, counting_walker, context);
}

/*
 * In which order conditions are checked, and how many of them (*nbefore) before
 * the row is shown to the watermark.
 *
 * First those that hide rows from the view's owner: row-level security, and all
 * there are behind a security barrier.  What they remove must leave no trace,
 * whatever they are about.  Then those that are not about the event time, or which rows
 * are late: rows that they remove do not count for the watermark.  Then the others; last
 * those by which rows are too late for others, for what is late itself is counted.  Rows of a
 * result never count; it may have several columns that are about the event time.
 *
 * Conditions without columns are checked by the plan above once and for all; but
 * rows that it does not want are read all the same.
 */
static List *
order_conditions(PlannerInfo *root, RelOptInfo *rel, List *clauses,
				 int *nbefore)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	StreamEventTime declared;
	List	   *hiding = NIL;
	List	   *before = NIL;
	List	   *after = NIL;
	List	   *last = NIL;
	ListCell   *lc;

	*nbefore = 0;
	if (!stream_declare_event_time(rte->relid, &declared))
		return extract_actual_clauses(clauses, false);
	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (rinfo->security_level < root->qual_security_level ||
			stream_analyze_is_guarded(rte))
			hiding = lappend(hiding, rinfo->clause);
		else if (lateness_walker((Node *) rinfo->clause, NULL) &&
				 !counting_walker((Node *) rinfo->clause, NULL) &&
				 !STREAM_MUTATION("join_key_first"))
			last = lappend(last, rinfo->clause);
		else if (OidIsValid(declared.result_of) ||
				 mentions((Node *) rinfo->clause, rel->relid, declared.attnum))
			after = lappend(after, rinfo->clause);
		else
			before = lappend(before, rinfo->clause);
	}
	before = list_concat(hiding, before);
	*nbefore = list_length(before);
	return list_concat(list_concat(before, after), last);
}

static Plan *
plan_delta_scan(PlannerInfo *root, RelOptInfo *rel,
				struct CustomPath *best_path, List *tlist, List *clauses,
				List *custom_plans)
{
	CustomScan *cscan = makeNode(CustomScan);
	int			nbefore;

	cscan->scan.plan.targetlist = physical_tlist(root, rel,
												 best_path->path.pathtarget,
												 tlist);
	cscan->scan.plan.qual = order_conditions(root, rel, clauses, &nbefore);
	cscan->custom_private =
		list_make2_int(nbefore,
					   stream_analyze_input(planner_rt_fetch(rel->relid, root)));
	cscan->scan.scanrelid = rel->relid;
	cscan->flags = best_path->flags;
	cscan->methods = &scan_methods;
	return &cscan->scan.plan;
}

/*
 * Estimating costs may run functions, whose own queries are planned then and
 * kept: they must not become delta plans.
 */
static PlannedStmt *
delta_planner(Query *query, const char *source, int options,
			  ParamListInfo params)
{
	double		save = planning_rows;
	List	   *save_looked_up = planning_looked_up;
	PlannedStmt *stmt;

	planning_rows = 0;
	planning_looked_up = NIL;
	if (query == delta_query)
	{
		planning_rows = delta_rows;
		planning_looked_up = delta_looked_up;
		delta_query = NULL;
	}
	PG_TRY();
	{
		stmt = prev_planner ?
			prev_planner(query, source, options, params) :
			standard_planner(query, source, options, params);
	}
	PG_FINALLY();
	{
		planning_rows = save;
		planning_looked_up = save_looked_up;
	}
	PG_END_TRY();
	return stmt;
}

static void
set_for_planning(const char *setting, const char *value)
{
	(void) set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

PlannedStmt *
stream_scan_plan(Query *query, double rows, bool parallel, List *looked_up)
{
	PlannedStmt *stmt;
	int			nestlevel = NewGUCNestLevel();

	/* the plan must end in one aggregation, not in several appended */
	set_for_planning("enable_partitionwise_aggregate", "off");

	/*
	 * How many groups a window of the event time makes, the planner cannot
	 * know, and it takes each row for one. It would sort them, then; but there
	 * are few, and hashing does not need to know.
	 */
	if (query->hasAggs || query->groupClause || query->groupingSets)
		set_for_planning("enable_sort", "off");

	/*
	 * Grouping sets, it would sort once for each that cannot share an order, as
	 * soon as it believes that their groups take more memory than there is.
	 * Hashing them writes to disk what does not fit.
	 */
	if (query->groupingSets)
		set_for_planning("hash_mem_multiplier", "1000");
	PG_TRY();
	{
		delta_query = query;
		delta_rows = Max(1.0, rows);
		delta_looked_up = looked_up;
		stmt = planner(query, NULL, parallel ? CURSOR_OPT_PARALLEL_OK : 0,
					   NULL);
		if (delta_query)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("another extension has planned the query of a continuous view"),
					 errhint("Name \"streaming\" last in shared_preload_libraries.")));
	}
	PG_FINALLY();
	{
		delta_query = NULL;
		delta_looked_up = NIL;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, nestlevel);
	return stmt;
}

/* ---- execution ---- */

static Node *
create_delta_scan_state(CustomScan *cscan)
{
	DeltaScanState *state = (DeltaScanState *) newNode(sizeof(DeltaScanState),
													   T_CustomScanState);

	state->css.methods = &exec_methods;
	/* a stream's rows are on heap's pages */
	stream_compat_set_slot_ops(&state->css, &TTSOpsBufferHeapTuple);
	return (Node *) state;
}

/*
 * Sets the conditions up in two parts, as the plan says; or in one, where nobody looks at
 * event times.
 */
static void
split_conditions(DeltaScanState *state)
{
	ScanState  *node = &state->css.ss;
	CustomScan *cscan = (CustomScan *) node->ps.plan;
	int			nbefore = linitial_int(cscan->custom_private);
	List	   *quals = cscan->scan.plan.qual;

	if (nbefore == 0 || (state->input != NULL) == (state->before != NULL))
		return;
	state->before = state->input == NULL ? NULL :
		ExecInitQual(list_truncate(list_copy(quals), nbefore),
					 (PlanState *) node);
	node->ps.qual = ExecInitQual(state->input == NULL ? quals :
								 list_copy_tail(quals, nbefore),
								 (PlanState *) node);
}

/* Takes what to read from the parameters of the plan. */
static void
take_batch(DeltaScanState *state)
{
	ParamListInfo params = state->css.ss.ps.state->es_param_list_info;
	Oid			relid = RelationGetRelid(state->css.ss.ss_currentRelation);
	CustomScan *cscan = (CustomScan *) state->css.ss.ps.plan;
	StreamPosition *position = stream_watermark_param(params,
													  STREAM_PARAM_POSITION);

	state->leaf = position ? stream_position_leaf(position, relid) : NULL;
	state->watermark = stream_watermark_param(params, STREAM_PARAM_WATERMARK);
	state->input = state->leaf && state->watermark ?
		stream_watermark_leaf(state->watermark,
							  lsecond_int(cscan->custom_private), relid,
							  state->leaf->more) : NULL;
	if (state->leaf && !state->leaf->active)
		state->leaf = NULL;
	if (state->leaf)
		state->leaf->scanned = true;
	split_conditions(state);
}

static void
begin_delta_scan(CustomScanState *node, EState *estate, int eflags)
{
	DeltaScanState *state = (DeltaScanState *) node;
	CustomScan *cscan = (CustomScan *) node->ss.ps.plan;

#if STREAM_CUSTOM_SCAN_IS_VIRTUAL
	Relation	rel = node->ss.ss_currentRelation;

	/*
	 * The executor has made the scan slot and the expressions for virtual
	 * tuples; ours are of the table's kind.
	 */
	ExecInitScanTupleSlot(estate, &node->ss, RelationGetDescr(rel),
						  table_slot_callbacks(rel));
	ExecAssignScanProjectionInfoWithVarno(&node->ss, cscan->scan.scanrelid);
	node->ss.ps.qual = ExecInitQual(cscan->scan.plan.qual,
									(PlanState *) node);
#endif
	state->block = InvalidBlockNumber;
	state->dependent = !bms_is_empty(cscan->scan.plan.extParam);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	if (IsParallelWorker())
		/* it points into another process */
		estate->es_param_list_info->params[STREAM_PARAM_WATERMARK - 1].isnull = true;
	else
		take_batch(state);
}

/* Begins to read the pages [start, end). */
static void
begin_pages(DeltaScanState *state, BlockNumber start, BlockNumber end)
{
	ItemPointerData low;
	ItemPointerData high;

	/* mostly there is but one page, and most of it has been read */
	ItemPointerSet(&low, start,
				   stream_readset_first_missing(stream_readset_page(state->leaf->read,
																	start)));
	ItemPointerSet(&high, end - 1, MaxOffsetNumber);
	if (state->leaf->cut && end == state->leaf->scan_end)
		high = state->leaf->last;
	if (state->scan)
		table_rescan_tidrange(state->scan, &low, &high);
	else
		state->scan = table_beginscan_tidrange(state->css.ss.ss_currentRelation,
											   state->css.ss.ps.state->es_snapshot,
											   &low, &high);
	state->in_range = true;
}

/* Begins to read the next pages; false if there are no more for this process. */
static bool
begin_range(DeltaScanState *state)
{
	BlockNumber start = state->leaf->scan_start;
	BlockNumber end = state->leaf->scan_end;

	if (state->parallel)
	{
		if (!stream_parallel_next(state->parallel, &state->run))
			return false;
		start = state->run.start;
		end = state->run.end;
	}
	else if (state->scan || end <= start)
		return false;
	begin_pages(state, start, end);
	return true;
}

/*
 * Shows the row to the watermark; false if the row is out for other reasons.
 * again: in an earlier pass it was shown already.
 */
static bool
show_row(DeltaScanState *state, TupleTableSlot *slot, bool again)
{
	if (state->before)
	{
		ExprContext *econtext = state->css.ss.ps.ps_ExprContext;

		econtext->ecxt_scantuple = slot;
		if (!ExecQual(state->before, econtext))
		{
			InstrCountFiltered1(&state->css.ss.ps, 1);
			ResetExprContext(econtext);
			return false;
		}
	}
	state->watermark->future = state->run.future;
	return stream_watermark_observe(state->watermark, state->input, slot,
									again);
}

/* The same, where event times are looked at; true where they are not. */
static inline bool
observe(DeltaScanState *state, TupleTableSlot *slot, bool again)
{
	return state->input == NULL || show_row(state, slot, again);
}

/* Notes that a row is at hand; true if it was in an earlier pass already. */
static inline bool
count_row(DeltaScanState *state)
{
	bool		again = ++state->rows <= state->looked_at;

	state->looked_at = Max(state->looked_at, state->rows);
	/* what several nodes read counts once */
	state->leaf->rows = Max(state->leaf->rows, state->rows);
	return again && !state->dependent;
}

/* The next of the rows that are read once more; false: no more. */
static bool
fetch_again(DeltaScanState *state, TupleTableSlot *slot)
{
	while (state->nagain < state->leaf->taking)
		if (table_tuple_fetch_row_version(state->css.ss.ss_currentRelation,
										  &state->leaf->again[state->nagain++],
										  state->css.ss.ps.state->es_snapshot,
										  slot))
			return true;
	return false;
}

/* A row of another page is at hand. */
static void
begin_page(DeltaScanState *state, ItemPointer tid)
{
	OffsetNumber first;

	CHECK_FOR_INTERRUPTS();
	state->block = ItemPointerGetBlockNumber(tid);
	state->page = stream_readset_page(state->leaf->read, state->block);
	state->nseen = 0;
	/* those that begin_pages passes over, of the first page */
	first = stream_readset_first_missing(state->page);
	if (ItemPointerGetOffsetNumber(tid) >= first)
		while (state->nseen + 1 < first)
		{
			state->seen[state->nseen] = state->nseen + 1;
			state->nseen++;
		}
}

/* Has it been read by an earlier batch? */
static inline bool
is_read(DeltaScanState *state, ItemPointer tid)
{
	if (ItemPointerGetBlockNumber(tid) != state->block)
		begin_page(state, tid);
	state->seen[state->nseen++] = ItemPointerGetOffsetNumber(tid);
	return state->page &&
		stream_readset_member(state->page, ItemPointerGetOffsetNumber(tid));
}

/* The next new row of the pages at hand. */
static inline bool
fetch_in_range(DeltaScanState *state, TupleTableSlot *slot)
{
	while (table_scan_getnextslot_tidrange(state->scan, ForwardScanDirection,
										   slot))
		if (!is_read(state, &slot->tts_tid))
			return true;
	state->in_range = false;
	return false;
}

/* The same when no pages are at hand. */
static TupleTableSlot *
fetch_in_next_range(DeltaScanState *state)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;

	if (state->leaf == NULL || state->done || state->leaf->aside)
		return ExecClearTuple(slot);
	if (fetch_again(state, slot))
		return slot;
	while (begin_range(state))
		if (fetch_in_range(state, slot))
			return slot;
	state->done = true;
	if (state->parallel == NULL)
		stream_position_note_seen(state->leaf, state->block, state->seen,
								  state->nseen);
	return ExecClearTuple(slot);
}

/* The next new row, whatever the conditions say. */
static inline TupleTableSlot *
fetch_new_row(DeltaScanState *state)
{
	if (state->in_range && fetch_in_range(state, state->css.ss.ss_ScanTupleSlot))
		return state->css.ss.ss_ScanTupleSlot;
	return fetch_in_next_range(state);
}

/* The access method of ExecScan: the next row to be looked at. */
static TupleTableSlot *
next_new_row(ScanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;
	TupleTableSlot *slot;

	stream_courtesy();
	do
		slot = fetch_new_row(state);
	while (!TupIsNull(slot) && !observe(state, slot, count_row(state)));
	return slot;
}

static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

static TupleTableSlot *
exec_delta_scan(CustomScanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;
	TupleTableSlot *slot;

	/* ExecScan would do no more */
	if (state->input == NULL && node->ss.ps.qual == NULL &&
		node->ss.ps.ps_ProjInfo == NULL)
		return next_new_row(&node->ss);
	slot = ExecScan(&node->ss, next_new_row, recheck_row);
	if (state->input)
		stream_watermark_leave_row(state->watermark);
	return slot;
}

/*
 * Counts what the plan did not want to see: a join with an empty table does not
 * read the stream, or not to its end.  The conditions are checked for what they
 * say about late rows, if that is the same for whatever the join has.
 */
static void
drain(DeltaScanState *state)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	TupleTableSlot *slot;

	for (;;)
	{
		slot = fetch_new_row(state);
		if (TupIsNull(slot))
			break;
		if (count_row(state) || state->input == NULL || state->dependent)
			continue;
		econtext->ecxt_scantuple = slot;
		if (observe(state, slot, false))
			(void) ExecQual(state->css.ss.ps.qual, econtext);
		stream_watermark_leave_row(state->watermark);
		ResetExprContext(econtext);
	}
}

/* Puts aside what could not be while several processes were reading. */
static void
put_rest_aside(DeltaScanState *state)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	ListCell   *lc;

	foreach(lc, state->unfinished)
	{
		StreamRun  *run = lfirst(lc);

		begin_pages(state, run->start, run->end);
		while (fetch_in_range(state, slot))
		{
			(void) observe(state, slot, false);
			stream_watermark_leave_row(state->watermark);
			ResetExprContext(state->css.ss.ps.ps_ExprContext);
		}
	}
}

static void
end_delta_scan(CustomScanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;

	drain(state);
	put_rest_aside(state);
	if (state->scan)
		table_endscan(state->scan);
	state->scan = NULL;
}

/* Back to where the first row is the next. */
static void
rewind_scan(DeltaScanState *state)
{
	state->rows = 0;
	state->nagain = 0;
	state->done = state->in_range = false;
	state->block = InvalidBlockNumber;
	state->page = NULL;
	state->nseen = 0;
}

/*
 * The inner side of a nested loop is read again and again; its rows count once.
 */
static void
rescan_delta_scan(CustomScanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;

	rewind_scan(state);
	if (state->scan)
		table_endscan(state->scan);
	state->scan = NULL;
	ExecScanReScan(&node->ss);
}

/* ---- one batch after the other ---- */

bool
stream_scan_is_delta(const Plan *plan)
{
	return IsA(plan, CustomScan) &&
		((const CustomScan *) plan)->methods == &scan_methods;
}

void
stream_scan_leave(PlanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;

	end_delta_scan(&state->css);
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	state->leaf = NULL;
	state->watermark = NULL;
	state->css.ss.ss_currentRelation = NULL;
}

void
stream_scan_resume(PlanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;
	CustomScan *cscan = (CustomScan *) node->plan;

	state->css.ss.ss_currentRelation =
		stream_compat_range_table_relation(node->state, cscan->scan.scanrelid);
	rewind_scan(state);
	state->looked_at = 0;
	take_batch(state);
}

/* ---- several processes ---- */

static Size
estimate_parallel(CustomScanState *node, ParallelContext *context)
{
	DeltaScanState *state = (DeltaScanState *) node;

	return stream_parallel_size(state->leaf);
}

static void
begin_parallel(CustomScanState *node, ParallelContext *context,
			   void *coordinate)
{
	DeltaScanState *state = (DeltaScanState *) node;

	stream_parallel_write(coordinate, state->leaf, state->input);
	if (state->leaf)
		state->parallel = coordinate;
}

static void
rewind_parallel(CustomScanState *node, ParallelContext *context,
				void *coordinate)
{
	if (((DeltaScanState *) node)->parallel)
		stream_parallel_rewind(coordinate);
}

/* In another process than the batch's, where one watermark serves all scans of the plan. */
static void
join_parallel(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	DeltaScanState *state = (DeltaScanState *) node;
	ParamListInfo params = node->ss.ps.state->es_param_list_info;
	ParamExternData *param = &params->params[STREAM_PARAM_WATERMARK - 1];

	state->leaf = stream_parallel_leaf(coordinate);
	if (state->leaf == NULL)
		return;
	state->parallel = coordinate;
	state->input = stream_parallel_input(coordinate);
	if (state->input == NULL)
		return;
	if (param->isnull)
	{
		param->value = PointerGetDatum(palloc0(sizeof(StreamWatermark)));
		param->isnull = false;
	}
	state->watermark = stream_watermark_param(params, STREAM_PARAM_WATERMARK);
	split_conditions(state);
}

/*
 * What is shared goes away.  The other processes have ended when the batch's comes here,
 * for what is above them has been read to its end (delta.c sees to that).
 */
static void
end_parallel(CustomScanState *node)
{
	DeltaScanState *state = (DeltaScanState *) node;

	if (state->parallel == NULL)
		return;
	drain(state);
	stream_parallel_leave(state->parallel, state->rows,
						  IsParallelWorker() ? state->input : NULL,
						  state->watermark);
	if (!IsParallelWorker())
		state->unfinished = stream_parallel_collect(state->parallel,
													state->leaf, state->input,
													state->watermark);
	state->parallel = NULL;
	state->run.future = NULL;
}

void
stream_scan_install(void)
{
	RegisterCustomScanMethods(&scan_methods);
	prev_get_relation_info = get_relation_info_hook;
	get_relation_info_hook = delta_relation_info;
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = delta_pathlist;
	prev_get_relation_stats = get_relation_stats_hook;
	get_relation_stats_hook = delta_stats;
	prev_planner = planner_hook;
	planner_hook = delta_planner;
}
