/*-------------------------------------------------------------------------
 *
 * ranking.c
 *	  Which of two rows comes first.
 *
 * The columns of an ORDER BY, compared as a sort would compare them: by the
 * sort support of its operators, with its direction and place for nulls.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/sortsupport.h"

#include "base/compat.h"
#include "state/ranking.h"

typedef struct RankColumn
{
	int			column;
	bool		byval;
	int16		length;
	SortSupportData sort;
} RankColumn;

struct StreamRanking
{
	int			width;
	int			last;			/* the rightmost of the columns, from 1 */
	RankColumn	columns[FLEXIBLE_ARRAY_MEMBER];
};

StreamRanking *
stream_ranking_create(TupleDesc desc, int ncolumns,
					  const StreamRankColumn *columns)
{
	StreamRanking *ranking = palloc0(offsetof(StreamRanking, columns) +
									 sizeof(RankColumn) * ncolumns);

	ranking->width = ncolumns;
	for (int i = 0; i < ncolumns; i++)
	{
		RankColumn *column = &ranking->columns[i];
		Form_pg_attribute attr = TupleDescAttr(desc, columns[i].column);

		column->column = columns[i].column;
		column->byval = attr->attbyval;
		column->length = attr->attlen;
		column->sort.ssup_cxt = CurrentMemoryContext;
		column->sort.ssup_collation = columns[i].collation;
		column->sort.ssup_nulls_first = columns[i].nulls_first;
		column->sort.ssup_attno = columns[i].column + 1;
		PrepareSortSupportFromOrderingOp(columns[i].sortop, &column->sort);
		ranking->last = Max(ranking->last, columns[i].column + 1);
	}
	return ranking;
}

bool
stream_ranking_descends(const StreamRankColumn *column)
{
	bool		reverse;

	if (!OidIsValid(get_equality_op_for_ordering_op(column->sortop, &reverse)))
		elog(ERROR, "operator %u is not an ordering operator", column->sortop);
	return reverse;
}

int
stream_ranking_width(const StreamRanking *ranking)
{
	return ranking->width;
}

void
stream_ranking_take(const StreamRanking *ranking, TupleTableSlot *row,
					Datum *values, bool *nulls)
{
	slot_getsomeattrs(row, ranking->last);
	for (int i = 0; i < ranking->width; i++)
	{
		values[i] = row->tts_values[ranking->columns[i].column];
		nulls[i] = row->tts_isnull[ranking->columns[i].column];
	}
}

void
stream_ranking_copy(const StreamRanking *ranking, const Datum *values,
					const bool *nulls, Datum *copies, bool *copied_nulls)
{
	for (int i = 0; i < ranking->width; i++)
	{
		const RankColumn *column = &ranking->columns[i];

		copied_nulls[i] = nulls[i];
		if (nulls[i])
			copies[i] = (Datum) 0;
		else if (column->length == -1)
			copies[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[i]));
		else
			copies[i] = datumCopy(values[i], column->byval, column->length);
	}
}

void
stream_ranking_free(const StreamRanking *ranking, Datum *copies,
					const bool *nulls)
{
	for (int i = 0; i < ranking->width; i++)
		if (!ranking->columns[i].byval && !nulls[i])
			pfree(DatumGetPointer(copies[i]));
}

int
stream_ranking_compare(const StreamRanking *ranking,
					   const Datum *a, const bool *a_nulls,
					   const Datum *b, const bool *b_nulls)
{
	for (int i = 0; i < ranking->width; i++)
	{
		/* comparing does not change what is prepared, but for caches in it */
		SortSupport sort = unconstify(SortSupportData *,
									  &ranking->columns[i].sort);
		int			order = ApplySortComparator(a[i], a_nulls[i],
												b[i], b_nulls[i], sort);

		if (order != 0)
			return order;
	}
	return 0;
}
