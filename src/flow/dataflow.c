/*-------------------------------------------------------------------------
 *
 * dataflow.c
 *	  The operators of a view and the plans of their feeds, together.
 *
 * The inputs of the view are numbered through all its feeds: those of one come
 * after those of the feeds before.  An ordinary view that is replaced may change how
 * many a feed has, and so what number those of later ones begin with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/debug.h"
#include "state/aggstate.h"
#include "query/analyze.h"
#include "query/joinfeeds.h"
#include "query/trust.h"
#include "flow/dataflow.h"

static void
add_deltas(StreamDataflow *flow, const StreamViewRow *row, StreamCut *cut)
{
	List	   *states = stream_catalog_states(row);
	ListCell   *lc;

	/* they come first: what changes from then on is noticed */
	foreach(lc, cut->feeds)
	{
		stream_joinfeeds_set_tables(lfirst(lc), states);
		flow->deltas = lappend(flow->deltas,
							   stream_delta_create(row, cut, lfirst(lc)));
	}
	foreach(lc, cut->aggs)
		stream_aggstate_prepare(lfirst(lc));
}

StreamDataflow *
stream_dataflow_load(MemoryContext parent, const StreamViewRow *row)
{
	MemoryContext context = AllocSetContextCreate(parent, "dataflow",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Relation	rel = table_open(row->definition, NoLock);
	Query	   *query = get_view_query(rel);
	Query	   *rewritten = stream_analyze_rewrite(query);
	StreamDataflow *flow = palloc0(sizeof(StreamDataflow));
	ListCell   *lc;

	if (!row->options.trust_functions)
		stream_trust_check(rewritten);
	flow->context = context;
	/* what is above an aggregation is in none of the feeds */
	flow->plain = stream_trust_is_plain(rewritten);
	flow->tree = stream_tree_of_query(query, &row->options, NULL);
	foreach(lc, flow->tree->cuts)
		add_deltas(flow, row, lfirst(lc));
	table_close(rel, NoLock);
	MemoryContextSwitchTo(old);
	return flow;
}

void
stream_dataflow_free(StreamDataflow *flow)
{
	MemoryContextDelete(flow->context);
}

/* Puts the inputs of the feeds together. */
static void
collect_inputs(StreamDataflow *flow)
{
	MemoryContext old = MemoryContextSwitchTo(flow->context);
	ListCell   *lc;

	list_free(flow->streams);
	list_free(flow->sights);
	flow->streams = flow->sights = NIL;
	foreach(lc, flow->deltas)
	{
		StreamDelta *delta = lfirst(lc);

		flow->streams = list_concat(flow->streams, delta->streams);
		flow->sights = list_concat(flow->sights, delta->sights);
	}
	MemoryContextSwitchTo(old);
}

/* How often all of it has been planned. */
static int
generation_of(const StreamDataflow *flow)
{
	int			generation = 0;
	ListCell   *lc;

	foreach(lc, flow->deltas)
		generation += ((StreamDelta *) lfirst(lc))->generation;
	return generation;
}

void
stream_dataflow_plan(StreamDataflow *flow, bool trusts)
{
	int			inputs = 0;
	int			generation;
	ListCell   *lc;

	foreach(lc, flow->deltas)
	{
		StreamDelta *delta = lfirst(lc);

		stream_delta_set(delta, trusts, inputs);
		stream_delta_plan(delta, 1, false);
		inputs += list_length(delta->streams);
	}
	generation = generation_of(flow);
	if (generation == flow->generation)
		return;
	flow->generation = generation;
	collect_inputs(flow);
}

bool
stream_dataflow_lock(StreamDataflow *flow)
{
	ListCell   *lc;

	foreach(lc, flow->deltas)
		if (!stream_delta_lock(lfirst(lc)))
			return false;
	return true;
}

bool
stream_dataflow_is_simple(const StreamDataflow *flow, List *leaves,
						  List *states)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (!flow->plain)
		return false;
	foreach(lc, flow->deltas)
	{
		StreamDelta *delta = lfirst(lc);

		/* what joins need to know is found out each time */
		if (!delta->plain || delta->feed->tables)
			return false;
		foreach(lc2, delta->relations)
		{
			Oid			relid = lfirst_oid(lc2);
			char		relkind = get_rel_relkind(relid);

			/* those do not hold rows themselves */
			if (relkind != RELKIND_VIEW &&
				relkind != RELKIND_PARTITIONED_TABLE &&
				!list_member_oid(leaves, relid) &&
				!list_member_oid(states, relid))
				return false;
		}
	}
	return true;
}

void
stream_dataflow_check_late_rows(StreamDataflow *flow)
{
	ListCell   *lc;

	foreach(lc, flow->deltas)
		if (((StreamDelta *) lfirst(lc))->streams)
			stream_delta_check_late_rows(lfirst(lc));
}

bool
stream_dataflow_reads_changes(const StreamDataflow *flow)
{
	ListCell   *lc;

	foreach(lc, flow->deltas)
		if (((StreamDelta *) lfirst(lc))->feed->content)
			return true;
	return false;
}

void
stream_dataflow_check_skipping(const StreamDataflow *flow)
{
	if (stream_dataflow_reads_changes(flow))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"streaming.on_error\" = \"skip\" is not supported for a view that reads another one whose rows may change"),
				 errdetail("A change that is left out would be missing when the row changes again."),
				 errhint("Leave the option out, or set it for the view below.")));
}

bool
stream_dataflow_is_stale(const StreamDataflow *flow)
{
	ListCell   *lc;

	foreach(lc, flow->deltas)
		if (((StreamDelta *) lfirst(lc))->replan)
			return true;
	/* a batch that was running has planned one anew: there may be other leaves */
	return generation_of(flow) != flow->generation &&
		!STREAM_MUTATION("planned_within");
}

bool
stream_dataflow_must_reload(const StreamDataflow *flow)
{
	ListCell   *lc;

	foreach(lc, flow->deltas)
		if (((StreamDelta *) lfirst(lc))->reload)
			return true;
	return false;
}
