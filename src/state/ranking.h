/*-------------------------------------------------------------------------
 *
 * ranking.h
 *	  Which of two rows comes first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RANKING_H
#define STREAMING_RANKING_H

#include "access/tupdesc.h"
#include "executor/tuptable.h"

/* One column that rows are ordered by, as in ORDER BY. */
typedef struct StreamRankColumn
{
	int			column;			/* of the row, from 0 */
	Oid			sortop;
	Oid			collation;
	bool		nulls_first;
} StreamRankColumn;

typedef struct StreamRanking StreamRanking;

/* Makes an order of rows of the type desc, in the current context. */
extern StreamRanking *stream_ranking_create(TupleDesc desc, int ncolumns,
											const StreamRankColumn *columns);

/* Do greater values come first? */
extern bool stream_ranking_descends(const StreamRankColumn *column);

/* How many columns it goes by. */
extern int	stream_ranking_width(const StreamRanking *ranking);

/*
 * Takes these columns out of a row; what is returned by reference is the slot's.
 */
extern void stream_ranking_take(const StreamRanking *ranking,
								TupleTableSlot *row, Datum *values,
								bool *nulls);

/* A copy of them in the current context, whole (not TOAST pointers). */
extern void stream_ranking_copy(const StreamRanking *ranking,
								const Datum *values, const bool *nulls,
								Datum *copies, bool *copied_nulls);

/* Frees such a copy. */
extern void stream_ranking_free(const StreamRanking *ranking, Datum *copies,
								const bool *nulls);

/*
 * Less than 0 if a comes first, 0 if neither does.  Comparing may leak into the
 * current context.
 */
extern int	stream_ranking_compare(const StreamRanking *ranking,
								   const Datum *a, const bool *a_nulls,
								   const Datum *b, const bool *b_nulls);

#endif
