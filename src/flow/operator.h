/*-------------------------------------------------------------------------
 *
 * operator.h
 *	  One stateful operator of a view: from rows of its delta to its state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_OPERATOR_H
#define STREAMING_OPERATOR_H

#include "executor/tuptable.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

#include "base/catalog.h"
#include "query/tree.h"

typedef struct StreamOperator StreamOperator;

/*
 * Makes the operator for a cut, whose aggregates are prepared and which must
 * live as long, and the row type of its state table (NULL: it has none; without a change
 * stream, changes are told to nobody).  closes: the watermark
 * closes its groups.  below: the operators of the view by number, of which those below
 * have been made and live as long.
 * Error 55000 if the table does not fit.
 */
extern StreamOperator *stream_operator_create(MemoryContext parent,
											  StreamCut *cut, TupleDesc desc,
											  bool closes,
											  StreamOperator **below);
extern void stream_operator_free(StreamOperator *op);

/* Error 55000 if a change stream has what no batch runs: rules, policies, odd indexes. */
extern void stream_operator_check_change_stream(Relation rel);

/*
 * Begins a batch, as stream_store_open (state: NULL if it has no state table).  late: rows that end at or before it
 * are late.
 */
extern void stream_operator_open(StreamOperator *op, Relation state,
								 int64 batch, int64 late);

/*
 * What it takes from here on comes from this feed; the first one is the one to begin
 * with.  The caller ends the command after that (CommandCounterIncrement).
 */
extern void stream_operator_begin_feed(StreamOperator *op, int feed);

/* Takes a row of the feed. */
extern void stream_operator_add(StreamOperator *op, TupleTableSlot *delta);

/*
 * All rows of the batch have been taken.  Returns by how many the groups have
 * become more.
 */
extern int64 stream_operator_close(StreamOperator *op);

/* How many groups of the batch were in its cache. */
extern int64 stream_operator_cache_hits(const StreamOperator *op);

/*
 * What is left after that if its table has triggers: as stream_results_write_held and
 * stream_results_fire.
 */
extern bool stream_operator_has_held(const StreamOperator *op);
extern void stream_operator_write_held(StreamOperator *op);
extern void stream_operator_fire(StreamOperator *op);

/*
 * Ends the batch; it will have the given number when it is committed.  What has
 * been handed on is gone.
 */
extern void stream_operator_settle(StreamOperator *op, int64 batch);

/*
 * An operator whose groups are handed on when they are closed: those that end after one
 * time, and at or before another, after close.  Of the change stream above it: these
 * have been closed before it was made.
 */
extern void stream_operator_hand_on_closed(StreamOperator *op, Relation state,
										   int64 after, int64 until);
extern void stream_operator_begin_filling(StreamOperator *op);

/* Has it state that is given up some time after groups have closed? */
extern bool stream_operator_can_reap(const StreamOperator *op);

/* As stream_reaper_run. */
extern int64 stream_operator_reap(StreamOperator *op, Relation state,
								  StreamReaped *place, int64 closed,
								  int64 limit);

/*
 * Has it rows that readers see, each of which is final some day?  The same for these, which
 * are removed: of groups that end at or before until, whose state has been given up.
 */
extern bool stream_operator_can_expire(const StreamOperator *op);
extern int64 stream_operator_expire(StreamOperator *op, Relation state,
									StreamReaped *place, int64 until,
									int64 limit);

/*
 * What the operator of the input hands on in this batch, between close and settle.
 */
extern Tuplestorestate *stream_operator_output(const StreamOperator *op,
											   const StreamFeedInput *input);

/*
 * Lets a feed read it (rows; NULL: nothing, to explain a plan), unless that reads its
 * table.
 */
extern void stream_operator_register(const StreamFeedInput *input,
									 Tuplestorestate *rows,
									 QueryEnvironment *env);

#endif
