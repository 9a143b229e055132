/*-------------------------------------------------------------------------
 *
 * cut.h
 *	  The cut of a query into what an operator maintains and reading side.
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

/* What an operator takes the rows of one of its feeds for. */
typedef enum StreamFeedMode
{
	STREAM_FEED_PARTIAL,		/* keys and partial states of aggregates */
	STREAM_FEED_ROWS			/* rows as they are */
} StreamFeedMode;

/*
 * A query whose rows an operator takes, run in each batch: over the new rows of
 * streams, or over what operators below hand on.
 */
typedef struct StreamFeed
{
	Query	   *query;
	StreamFeedMode mode;
} StreamFeed;

/*
 * An operator: a query, cut at its aggregation or deduplication.  Below the cut
 * are its feeds.
 */
typedef struct StreamCut
{
	int			number;			/* its place in the tree, from 0 */
	Query	   *query;			/* the whole, join aliases flattened */
	List	   *feeds;			/* StreamFeed */
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

	/* the tree */
	List	   *below;			/* StreamCutInput */
	bool		hands_on;		/* another operator reads what it hands on */
} StreamCut;

/* A sub-select in FROM of an operator's query that is an operator itself. */
typedef struct StreamCutInput
{
	int			rtindex;
	StreamCut  *cut;
} StreamCutInput;

/* Under this name feeds read what the operator hands on; palloc'd. */
extern char *stream_cut_output_name(const StreamCut *cut);

/*
 * Refuses clauses of an operator's query that cannot be maintained: error 0A000,
 * with their position.
 */
extern void stream_cut_check(Query *query, const StreamPlace *place);

/*
 * Cuts a query, which is in the cut with its place and what is below it (tree.c), at
 * its aggregation, or makes a deduplication of it.  within_watermark: the option
 * streaming.distinct_within_watermark.  Error 0A000, with the clause's position.
 */
extern void stream_cut_aggregation(StreamCut *cut);
extern void stream_cut_distinct(StreamCut *cut, bool within_watermark);

/* For ereport: the position of the option streaming.distinct_within_watermark. */
extern int	stream_cut_within_position(const StreamPlace *place);

/*
 * Has the state table an index on the ends of its groups, beside the one on the
 * keys?
 */
extern bool stream_cut_has_closing_index(const StreamCut *cut);

#endif
