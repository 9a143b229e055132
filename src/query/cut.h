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
#include "query/closing.h"
#include "query/topn.h"

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

/* What the rows of a feed are. */
typedef enum StreamFeedMode
{
	STREAM_FEED_PARTIAL,		/* keys and partial states of aggregates */
	STREAM_FEED_FINAL,			/* keys and results of aggregates that are kept */
	STREAM_FEED_CHANGES,		/* what an operator of rows with a sign hands on */
	STREAM_FEED_ROWS			/* rows as they are */
} StreamFeedMode;

typedef enum StreamCutKind
{
	STREAM_CUT_AGGREGATE,
	STREAM_CUT_DISTINCT,		/* keys only count when they are new */
	STREAM_CUT_TRANSFORM,		/* rows are the result as they are (transform.c) */
	STREAM_CUT_VALUES,			/* the same, for DISTINCT in aggregates */
	STREAM_CUT_TOPN,			/* the first rows of each key */
	STREAM_CUT_ROWS,			/* rows that are handed on as they come, and may
								 * be kept */
	STREAM_CUT_JOIN,			/* joins new rows of each operator below with the
								 * kept ones of the others (joining.c) */
	STREAM_CUT_CHANGES			/* how the result changes is appended to a stream
								 * (changes.c) */
} StreamCutKind;

/* What a feed reads: what an operator hands on. */
typedef struct StreamFeedInput
{
	struct StreamCut *cut;
	bool		kept;			/* all rows of the groups that new rows are of,
								 * instead of new rows */
	bool		table;			/* the table of what it keeps */
	bool		again;			/* new rows that others have read before, and that are
								 * in the table by now */
} StreamFeedInput;

/*
 * A query whose rows an operator takes, run in each batch: over the new rows of
 * streams, or over what operators below hand on.
 */
typedef struct StreamFeed
{
	Query	   *query;
	StreamFeedMode mode;
	List	   *aggs;			/* int: which aggregates it has, after the keys */
	List	   *inputs;			/* StreamFeedInput; NIL: it reads streams */
	List	   *tables;			/* OIDs: those of its inputs that are tables, when
								 * these have been made */
	bool		first;			/* it is for the first batch: what there is before there
								 * are rows, ... */
	bool		content;		/* ... all rows of another view */
	bool		later;			/* it is for the batches after that */
	Oid			closes;			/* it is about the thresholds of the batch, of this
								 * type; InvalidOid: it is not */
} StreamFeed;

/* A grouping set. */
typedef struct StreamGroupingSet
{
	int			number;			/* what tells it apart (groupings.h) */
	Bitmapset  *missing;		/* which keys are not in it, from 0 */
} StreamGroupingSet;

/* An index of a state table. */
typedef struct StreamCutIndex
{
	Oid			method;			/* access method, with its default operator classes */
	List	   *columns;		/* int, from 0 */
} StreamCutIndex;

/*
 * An operator: a query, cut at its aggregation or deduplication.  Below the cut
 * are its feeds.
 */
typedef struct StreamCut
{
	StreamCutKind kind;
	int			number;			/* its place in the tree, from 0 */
	Query	   *query;			/* the whole, join aliases flattened */
	bool		append;			/* of a view in append mode */
	List	   *feeds;			/* StreamFeed */
	List	   *keys;			/* StreamKey */
	List	   *aggs;			/* StreamAgg, described but not prepared */
	List	   *agg_names;		/* String: columns of their results */
	List	   *state_names;	/* String: columns of their stored states, of
								 * those that have one of their own which is
								 * not the result */
	StreamWindow *window;		/* the key that is one, or NULL */
	GroupingFunc *grouping;		/* the key that tells grouping sets apart, or
								 * NULL; also of operators below that have it */
	bool		from_beginning; /* it has a group before there are any rows */

	StreamPlace place;			/* where the query is in the statement */

	/* deduplication, first rows, rows, transform: there are no aggregates then */
	List	   *payload;		/* StreamPayload: what comes with the keys */
	Expr	   *expiry;			/* event time from which a key is kept for the
								 * length of the watermark; NULL: it is kept */
	char	   *expiry_name;	/* the column of the state table from which on the
								 * row is not needed; NULL: there is none */

	/* first rows of each key */
	StreamTopn *topn;			/* which, or NULL */

	/* values: the one aggregate is a set of bits, one for each condition */
	bool		bits;

	/* aggregates over changes, which rows with a sign below have */
	bool		over_changes;
	List	   *moves;			/* StreamMove, one for each aggregate */
	bool		signs;			/* rows, join: they have one; of rows, what it is: */
	Expr	   *sign;

	/* change stream: two columns before the payload, and by which columns of it rows are
	 * told apart (int, from 0), if an old row and a new one can be an update */
	bool		updates;
	List	   *identity;

	/* the tree */
	bool		shown;			/* readers read its table */
	bool		final_only;		/* of groups: each is handed on once, when it is
								 * closed */
	List	   *below;			/* StreamCutInput */
	bool		hands_on;		/* a feed reads what it hands on: of what has groups,
								 * how they change */
	bool		keeps;			/* rows: they are kept, and handed on again with new
								 * ones of their group */
	const StreamTopn *ordered;	/* ... in the order of these first rows; NULL: in
								 * none */
	bool		joined;			/* ... or read by a join, which says when */
	bool		numbered;		/* ... or with a number each, under which another
								 * operator looks up what belongs to it ... */
	bool		looks_up;		/* ... and keeps what it has found (lookups.c) */
	bool		only_late;		/* ... and by event times only which are late */
	Oid			thresholds;		/* the type of those that its feed is about, beside a
								 * window; InvalidOid: it is not */
	List	   *indexes;		/* ... by other columns (StreamCutIndex), too */
	List	   *sets;			/* rows: StreamGroupingSet; each is handed on, and kept,
								 * once for each of them.  NIL: as they are */
} StreamCut;

/* A sub-select in FROM of an operator's query that is an operator itself. */
typedef struct StreamCutInput
{
	int			rtindex;
	StreamCut  *cut;
	Query	   *changes;		/* takes its place, if it hands on changes: with a
								 * column more, the sign */
	bool		preserved;		/* of a join: its rows come out alone, too, ... */
	AttrNumber	final;			/* ... when the time has come that this column says;
								 * 0: until they find others */
	JoinType	test;			/* of a join, if not JOIN_INNER: those of the first
								 * input come out if there are some (JOIN_SEMI), or
								 * none (JOIN_ANTI), of its rows that match */
	Node	   *found_by;		/* of a join in append mode: the condition on a new row
								 * of the other side (of tests, the first), which is
								 * preserved, to find rows of this one; NULL: none */
} StreamCutInput;

/* Where an aggregate over changes finds what it needs in rows with a sign. */
typedef struct StreamMove
{
	List	   *args;			/* int: the columns of its arguments, from 0 */
	List	   *consts;			/* Const, or NULL where it is a column */
	int			filter;			/* column of its condition; -1: none */
	bool		moved;			/* or else it is not for these rows, or has the state
								 * of another */
} StreamMove;

/* Are its rows groups, which may change until they are closed? */
#define stream_cut_has_groups(cut) \
	((cut)->kind == STREAM_CUT_AGGREGATE || (cut)->kind == STREAM_CUT_TOPN)

/* Has the operator a state table? */
#define stream_cut_has_state(cut) \
	((cut)->kind != STREAM_CUT_JOIN && \
	 ((cut)->kind != STREAM_CUT_ROWS || (cut)->keeps))

/* Is it about the event time of its rows? */
#define stream_cut_is_timed(cut) \
	(((cut)->window && (cut)->window->event_time) || \
	 ((cut)->joined && (cut)->expiry_name))

/* Does the feed read new rows, or only tables of what is kept? */
extern bool stream_cut_reads_new(const StreamFeed *feed);

/* Under this name feeds read what an operator hands on; palloc'd. */
extern char *stream_cut_input_name(const StreamFeedInput *input);

/* What the operator hands on: a list of expressions, which have the types. */
extern List *stream_cut_output(const StreamCut *cut);

/* The same for an input of a feed. */
extern List *stream_cut_input_columns(const StreamFeedInput *input);

/*
 * Makes a member of a range table read what an operator hands on; column names are
 * those that it has.
 */
extern void stream_cut_read(RangeTblEntry *rte, const StreamFeedInput *input);

/* Adds a feed. */
extern StreamFeed *stream_cut_add_feed(StreamCut *cut, Query *query,
									   StreamFeedMode mode);

/*
 * The query of the rows below the cut: keys, then what is the payload of another
 * operator, over FROM and WHERE.  Of the key that tells grouping sets apart it has the
 * place only.
 */
extern Query *stream_cut_rows_query(StreamCut *cut, const StreamCut *rows);

/* The number of the key that tells grouping sets apart, from 0; -1: there is none. */
extern int	stream_cut_grouping_key(const StreamCut *cut);

/* Can an operator have these grouping clauses of the query as its keys? */
extern bool stream_cut_can_be_keys(Query *query, List *clauses);

/* Refuses more keys than an index can have, of which these are the last. */
extern void stream_cut_check_key_count(StreamCut *cut, int nkeys, Node *last);

/*
 * Refuses clauses of an operator's query that cannot be maintained: error 0A000,
 * with their position.
 */
extern void stream_cut_check(Query *query, const StreamPlace *place);

/*
 * Cuts a query, which is in the cut with its place and what is below it (tree.c), at
 * its aggregation, or makes a deduplication of it, or has it keep the first rows of
 * each key (cut->topn is given; over changes, stream_firsts_plan gives it its feed).
 * within_watermark: the option
 * streaming.distinct_within_watermark; never_late: no event time says that a row is late.
 * Error 0A000, with the clause's position.
 */
extern void stream_cut_aggregation(StreamCut *cut);
extern void stream_cut_distinct(StreamCut *cut, bool within_watermark,
								bool never_late);
extern void stream_cut_topn(StreamCut *cut);

/*
 * A name for a column of the state table that none of the names (Strings) has yet, like
 * base if that is not NULL; it joins them.
 */
extern char *stream_cut_reserve_name(const char *base, List **names);

/* The sign of rows that an operator reads which is over changes: their last column. */
extern Expr *stream_cut_sign_of_changes(const StreamCut *cut);

/* A SELECT over what an operator hands on, without columns. */
extern Query *stream_cut_query_over(const StreamFeedInput *input);

/* A column (from 1) of what is handed on, which holds the expression. */
extern Expr *stream_cut_column(int attno, Node *expr);

/* Adds a column to group by. */
extern void stream_cut_group_by(Query *query, Expr *expr,
								SortGroupClause *how, const char *name);

/*
 * Adds an aggregate.  Without keys, a query with none would give a row for each
 * that it reads; a hidden count keeps it from that.
 */
extern void stream_cut_add_aggregate(Query *query, Node *aggref, bool hidden);

/* A call of count(*), palloc'd. */
extern Aggref *stream_cut_count_rows(void);

/* Adds a feed that reads what is below the operator's own query, if anything is. */
extern StreamFeed *stream_cut_add_feed_from(StreamCut *cut, Query *query,
											StreamFeedMode mode);

/* Has a copy of the operator's query read what operators below hand on. */
extern void stream_cut_read_below(const StreamCut *cut, Query *query);

/* Adds the feed of an aggregation that needs no other. */
extern void stream_cut_add_own_feed(StreamCut *cut);

/* For ereport: the position of the option streaming.distinct_within_watermark. */
extern int	stream_cut_within_position(const StreamPlace *place);

/* Is one of its keys a session? */
extern bool stream_cut_has_sessions(const StreamCut *cut);

/*
 * Has the state table an index on the ends of its groups, beside the one on the
 * keys?
 */
extern bool stream_cut_has_closing_index(const StreamCut *cut);

#endif
