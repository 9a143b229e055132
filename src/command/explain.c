/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  streaming.explain: the operators of a view and the plans of their feeds.
 *
 * The operators come in the order in which a batch runs them; each with what it is
 * made of, what it keeps and what bounds that, and its feeds with their plans.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "base/privilege.h"
#include "time/watermark.h"
#include "state/aggstate.h"
#include "flow/operator.h"
#include "flow/dataflow.h"

PG_FUNCTION_INFO_V1(stream_monitor_explain);

/* The view that is to be explained, and where to. */
typedef struct ExplainView
{
	StreamViewRow *row;
	ReturnSetInfo *rsinfo;
	StreamDataflow *flow;
	bool		closes;			/* the watermark closes groups */
} ExplainView;

static void
put_line(ExplainView *explain, int indent, const char *text)
{
	Datum		value = CStringGetTextDatum(psprintf("%*s%s", indent, "", text));
	bool		isnull = false;

	tuplestore_putvalues(explain->rsinfo->setResult, explain->rsinfo->setDesc,
						 &value, &isnull);
}

/* Text with newlines. */
static void
put_lines(ExplainView *explain, int indent, char *text)
{
	char	   *line;

	while ((line = strsep(&text, "\n")) != NULL)
		if (*line != '\0')
			put_line(explain, indent, line);
}

/* ---- operators ---- */

static char *
names_of_keys(const StreamCut *cut)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, cut->keys)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 quote_identifier(((StreamKey *) lfirst(lc))->name));
	return names.data;
}

static const char *
kind_of_operator(const StreamCut *cut)
{
	switch (cut->kind)
	{
		case STREAM_CUT_AGGREGATE:
			if (stream_cut_has_sessions(cut))
				return cut->over_changes ? "sessions over changes" :
					"sessions";
			if (cut->grouping)
				return cut->over_changes ?
					"aggregation by grouping sets, over changes" :
					"aggregation by grouping sets";
			return cut->over_changes ? "aggregation over changes" :
				"aggregation";
		case STREAM_CUT_DISTINCT:
			return "deduplication";
		case STREAM_CUT_TRANSFORM:
			return "transform";
		case STREAM_CUT_VALUES:
			return "distinct values";
		case STREAM_CUT_TOPN:
			return cut->over_changes ? "first rows of each key, over changes" :
				"first rows of each key";
		case STREAM_CUT_ROWS:
			if (cut->joined)
				return "side of a join, kept";
			if (cut->sets)
				return cut->keeps ? "rows of each grouping set, kept" :
					"rows of each grouping set";
			if (cut->numbered)
				return "rows to look up for, kept";
			if (cut->looks_up)
				return "rows with what was looked up, kept";
			if (cut->ordered)
				return "rows, kept in order";
			if (cut->query->setOperations)
				return "union of rows";
			return cut->keeps ? "rows, kept" : "rows";
		case STREAM_CUT_JOIN:
			return "join";
		case STREAM_CUT_CHANGES:
			return "change stream";
	}
	return "operator";
}

/* What others read of it. */
static const char *
edge_of_operator(const StreamCut *cut)
{
	if (cut->kind == STREAM_CUT_CHANGES)
		return "is read by others";
	if (cut->shown && cut->hands_on)
		return cut->kind == STREAM_CUT_TRANSFORM ?
			"is shown to readers, hands on insertions" :
			"is shown to readers, hands on changes";
	if (!cut->hands_on)
		return "is shown to readers";
	if (cut->final_only)
		return "hands on closed groups";
	if (cut->signs || stream_cut_has_groups(cut))
		return "hands on changes";
	return "hands on insertions";
}

/* Which rows are kept of a key. */
static char *
rows_of_topn(const StreamTopn *topn)
{
	switch (topn->kind)
	{
		case STREAM_TOPN_RANK:
			return psprintf("rows up to rank " INT64_FORMAT, topn->limit);
		case STREAM_TOPN_DENSE_RANK:
			return psprintf("rows up to dense rank " INT64_FORMAT,
							topn->limit);
		case STREAM_TOPN_ROW_NUMBER:
			break;
	}
	return topn->limit == 1 ? pstrdup("one row") :
		psprintf("the first " INT64_FORMAT " rows", topn->limit);
}

/* What a row of the state table is. */
static const char *
rows_of_state(const StreamCut *cut)
{
	const char *rows = cut->topn ? rows_of_topn(cut->topn) : "one row";

	if (cut->kind == STREAM_CUT_ROWS)
		return "a row of the input";
	return cut->keys == NIL ? rows :
		psprintf("%s per (%s)", rows, names_of_keys(cut));
}

static void
explain_state(ExplainView *explain, StreamCut *cut, Oid state)
{
	bool		closes = explain->closes && stream_cut_is_timed(cut) &&
		((cut->window && cut->window->key >= 0) || cut->expiry_name) &&
		(cut->kind != STREAM_CUT_TOPN || !cut->shown);

	if (!OidIsValid(state))
		return;
	if (cut->kind == STREAM_CUT_TRANSFORM || cut->kind == STREAM_CUT_CHANGES)
	{
		put_line(explain, 2, psprintf("Result: %s.%s, rows are only added",
									  get_namespace_name(get_rel_namespace(state)),
									  get_rel_name(state)));
		return;
	}
	put_line(explain, 2, psprintf("State: %s.%s, %s",
								  get_namespace_name(get_rel_namespace(state)),
								  get_rel_name(state), rows_of_state(cut)));
	if (cut->keys == NIL && stream_cut_has_groups(cut))
		return;
	if (explain->row->options.ttl_us >= 0 &&
		cut == explain->flow->tree->alone &&
		!(cut->grouping && !cut->window->in_all_sets))
		put_line(explain, 2,
				 "Bounded by: the watermark, after which states go, and results when streaming.ttl is over");
	else if (!closes)
		put_line(explain, 2, cut->kind != STREAM_CUT_ROWS ?
				 "Bounded by: the number of its keys" : cut->signs ?
				 "Bounded by: the groups of the operator below" :
				 "Bounded by: the rows of the stream");
	else if (cut->grouping && !cut->window->in_all_sets)
		put_line(explain, 2,
				 psprintf("Bounded by: the watermark, in grouping sets with the event time; %s in others",
						  cut->kind == STREAM_CUT_ROWS ?
						  "the rows of the stream" : "the number of its keys"));
	else if (!cut->shown)
		put_line(explain, 2,
				 "Bounded by: the watermark, after which rows go");
	else
		put_line(explain, 2,
				 "Bounded by: the watermark, after which states go and results stay");
}

/* The aggregates of a kind. */
static void
explain_aggs(ExplainView *explain, StreamCut *cut, StreamAggKind kind,
			 const char *how)
{
	StringInfoData names;
	ListCell   *lc;
	ListCell   *ln;

	initStringInfo(&names);
	forboth(lc, cut->aggs, ln, cut->agg_names)
	{
		StreamAgg  *agg = lfirst(lc);

		if (agg->kind == kind)
			appendStringInfo(&names, "%s%s (%s)", names.len > 0 ? ", " : "",
							 quote_identifier(strVal(lfirst(ln))),
							 get_func_name(agg->aggref->aggfnoid));
	}
	if (names.len > 0)
		put_line(explain, 2, psprintf("%s: %s", how, names.data));
}

static void
explain_operator(ExplainView *explain, StreamCut *cut, Oid state)
{
	put_line(explain, 0, psprintf("Operator %d: %s, %s", cut->number,
								  kind_of_operator(cut),
								  edge_of_operator(cut)));
	explain_state(explain, cut, state);
	if (cut->kind != STREAM_CUT_AGGREGATE)
		return;
	explain_aggs(explain, cut, STREAM_AGG_COMBINED, "Combined");
	explain_aggs(explain, cut, STREAM_AGG_VALUES, "Combined, of new values");
	explain_aggs(explain, cut, STREAM_AGG_MOVED, "Moved, by their inverse");
	explain_aggs(explain, cut, STREAM_AGG_KEPT,
				 "Computed anew, from the kept rows of touched groups");
}

/* ---- feeds ---- */

/* The plan as text. */
static char *
plan_as_text(StreamDelta *delta)
{
	ExplainState *es = NewExplainState();
	PlannedStmt *stmt = stream_delta_plan(delta, 1, false);
	QueryEnvironment *env = create_queryEnv();
	ListCell   *lc;

	foreach(lc, delta->feed->inputs)
		stream_operator_register(lfirst(lc), NULL, env);
	es->costs = false;
	es->verbose = true;
	ExplainBeginOutput(es);
	/* partitions to be left out are looked for when a plan begins */
	stream_compat_explain_one_plan(stmt, NULL, es, "batch of a continuous view",
								   stream_delta_params(delta, STREAM_NO_TIME,
													   STREAM_NO_TIME, NULL, NULL),
								   env, NULL, NULL, NULL);
	ExplainEndOutput(es);
	return es->str->data;
}

static void
explain_feed(ExplainView *explain, StreamDelta *delta)
{
	ListCell   *lc;
	StringInfoData from;

	initStringInfo(&from);
	if (delta->streams)
		appendStringInfoString(&from, "new rows of streams");
	foreach(lc, delta->feed->inputs)
		appendStringInfo(&from, "%s%s", from.len > 0 ? ", " : "",
						 stream_cut_input_name(lfirst(lc)));
	put_line(explain, 2, psprintf("Feed: %s", delta->feed->content ?
								  "the content of a view, in the first batch" :
								  delta->feed->first ?
								  "no rows, in the first batch" :
								  delta->feed->inputs == NIL ?
								  "new rows of streams" : from.data));
	put_lines(explain, 4, plan_as_text(delta));
}

static void
explain_as_owner(void *arg)
{
	ExplainView *explain = arg;
	StreamDataflow *flow = stream_dataflow_load(CurrentMemoryContext,
												explain->row);
	List	   *states = stream_catalog_states(explain->row);
	StreamWatermark *wm;
	ListCell   *lc;
	ListCell   *ld;

	explain->flow = flow;
	stream_dataflow_plan(flow, explain->row->options.trust_functions);
	wm = stream_watermark_create(explain->row->viewid, flow->streams,
								 flow->sights, &explain->row->options);
	explain->closes = stream_watermark_exists(wm) &&
		explain->row->options.output_mode != STREAM_OUTPUT_COMPLETE;
	foreach(lc, flow->tree->cuts)
	{
		StreamCut  *cut = lfirst(lc);

		explain_operator(explain, cut, list_nth_oid(states, cut->number));
		foreach(ld, flow->deltas)
			if (((StreamDelta *) lfirst(ld))->cut == cut)
				explain_feed(explain, lfirst(ld));
	}
	if (flow->tree->places != NIL)
		put_line(explain, 0,
				 "Readers: the rest of the query, over the operators that are shown to them");
	stream_dataflow_free(flow);
}

/*
 * explain(view) returns setof text: its operators, and the plans that run over new
 * rows
 *
 * For those who have the rights of the view's owner: the plan has the constants
 * of his query in it, and policies and views that he reads through, expanded.
 * None of that is a secret from him: definitions of policies, views, indexes and
 * functions are in catalogs that everybody may read, and a function that the
 * planner evaluates runs with his own rights.  Plans as the view's owner,
 * executes nothing.
 * Errors: 42809 if it is no continuous view, 42501.
 */
Datum
stream_monitor_explain(PG_FUNCTION_ARGS)
{
	Oid			viewid = PG_GETARG_OID(0);
	StreamViewRow *row;
	ExplainView explain = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};

	stream_owner_refuse_nested("streaming.explain");
	/* there would be no delta scans in the plan */
	stream_shmem_require();
	if (get_rel_name(viewid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", viewid)));
	explain.row = row = stream_catalog_need_view(viewid);
	stream_privilege_need_owner(viewid);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	LockRelationOid(row->definition, AccessShareLock);
	stream_owner_run(stream_owner_of(viewid), row->settings, explain_as_owner,
					 &explain);
	return (Datum) 0;
}
