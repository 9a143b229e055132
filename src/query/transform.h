/*-------------------------------------------------------------------------
 *
 * transform.h
 *	  Operators whose rows are the result.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TRANSFORM_H
#define STREAMING_TRANSFORM_H

#include "query/cut.h"

/*
 * Makes an operator of a query without aggregation, DISTINCT and window functions,
 * which is in the cut with its place: its payload is the columns of the result, and
 * those that its ORDER BY needs beside them.  Error 0A000, with the clause's
 * position.
 */
extern void stream_transform_cut(StreamCut *cut);

/*
 * The same for a query over changes (cut->below), whose rows may go: its result is kept
 * as rows with a sign are (flow/rows.c).  Error 0A000 also if no column is of a type by
 * which they can be found.
 */
extern void stream_transform_cut_changes(StreamCut *cut);

/* The same, but the rows are handed on with their sign, and not kept. */
extern void stream_transform_pass_changes(StreamCut *cut);

/* The rows of the result that the operator hands on, without what is for ORDER BY only. */
extern Query *stream_transform_new_rows(StreamCut *cut);

/*
 * The columns and clauses of the query that reads the result; without FROM, where
 * the state table is to be the first and only one.
 */
extern Query *stream_transform_reading(const StreamCut *cut);

#endif
