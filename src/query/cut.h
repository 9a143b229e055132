/*-------------------------------------------------------------------------
 *
 * cut.h
 *	  The cut of a query into delta and reading side.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CUT_H
#define STREAMING_CUT_H

#include "nodes/parsenodes.h"
#include "utils/relcache.h"

#include "base/locate.h"
#include "query/eventtime.h"

/* One grouping key of a view. */
typedef struct StreamKey
{
	Expr	   *expr;
	Index		sortgroupref;
	Oid			eqop;
	Oid			collation;
	char	   *name;			/* column of the state table */
} StreamKey;

/* A column of the state table that the first row of a key gives its value to. */
typedef struct StreamPayload
{
	Expr	   *expr;
	char	   *name;
} StreamPayload;

/* A query, cut at its aggregation or deduplication. */
typedef struct StreamCut
{
	Query	   *query;			/* the whole, join aliases flattened */
	Query	   *delta;			/* below and at the cut: keys, aggregates */
	List	   *keys;			/* StreamKey */
	List	   *aggs;			/* StreamAgg, described but not prepared */
	List	   *agg_names;		/* String: columns of their results */
	List	   *state_names;	/* String: columns of their stored states, of
								 * those whose result is not the state */
	StreamWindow *window;		/* the key that is one, or NULL */

	StreamPlace place;			/* where the query is in the statement */

	/* deduplication: there are no aggregates then */
	bool		distinct;		/* keys only count when they are new */
	List	   *payload;		/* StreamPayload: what comes with them */
	Expr	   *expiry;			/* event time from which a key is kept for the
								 * length of the watermark; NULL: it is kept */
	char	   *expiry_name;	/* its column in the state table */

	/* a chain of two: the deduplication in FROM that the query reads */
	struct StreamCut *below;	/* or NULL */
	int			below_rtindex;
	bool		is_below;		/* it is one itself */
} StreamCut;

/* Under this name the delta query reads what the cut below hands on. */
#define STREAM_CUT_BELOW "streaming deduplicated rows"

/*
 * Cuts an analysed query (not yet rewritten), or says why it cannot be
 * maintained: error 0A000, with the clause's position.  place: where the query is
 * in a statement; NULL: there is none.
 * within_watermark: the option streaming.distinct_within_watermark.
 */
extern StreamCut *stream_cut_query(Query *query, bool within_watermark,
								   const StreamPlace *place);

/*
 * Has the state table an index on the ends of its groups, beside the one on the
 * keys?
 */
extern bool stream_cut_has_closing_index(const StreamCut *cut);

#endif
