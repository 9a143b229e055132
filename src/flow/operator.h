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
#include "query/cut.h"

typedef struct StreamOperator StreamOperator;

/*
 * Makes the operator for a cut, whose aggregates are prepared and which must
 * live as long, and the row type of its state table.  closes: the watermark
 * closes its groups.
 * Error 55000 if the table does not fit.
 */
extern StreamOperator *stream_operator_create(MemoryContext parent,
											  StreamCut *cut, TupleDesc desc,
											  bool closes);
extern void stream_operator_free(StreamOperator *op);

/*
 * Begins a batch, as stream_store_open.  late: rows that end at or before it
 * are late.  output: where a deduplication below another operator puts the rows
 * that are new, or NULL.
 */
extern void stream_operator_open(StreamOperator *op, Relation state,
								 int64 batch, int64 late,
								 Tuplestorestate *output);

/* Takes a row of the delta. */
extern void stream_operator_add(StreamOperator *op, TupleTableSlot *delta);

/*
 * Ends the batch; it will have the given number when it is committed.  Returns
 * by how many the groups have become more.
 */
extern int64 stream_operator_close(StreamOperator *op, int64 batch);

/* Has it state that is given up some time after groups have closed? */
extern bool stream_operator_can_reap(const StreamOperator *op);

/* As stream_reaper_run. */
extern bool stream_operator_reap(StreamOperator *op, Relation state,
								 StreamProgress *progress, int64 limit);

/* The row type of what a deduplication hands on. */
extern TupleDesc stream_operator_output_desc(const StreamCut *cut);

/*
 * The environment for the delta plan of a query over a deduplication, whose
 * output is rows; NULL if there is none below.
 */
extern QueryEnvironment *stream_operator_environment(const StreamCut *cut,
													 Tuplestorestate *rows);

#endif
