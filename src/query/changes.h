/*-------------------------------------------------------------------------
 *
 * changes.h
 *	  The change stream of a view, and the changes of other views in FROM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CHANGES_H
#define STREAMING_CHANGES_H

#include "query/cut.h"

/*
 * What the second column of a change stream says has become of a row, by these names.  A
 * row that is updated is there twice, as it was and, next, as it is.
 */
typedef enum StreamChange
{
	STREAM_CHANGE_INSERT,
	STREAM_CHANGE_UPDATE_BEFORE,
	STREAM_CHANGE_UPDATE_AFTER,
	STREAM_CHANGE_DELETE
} StreamChange;

#define STREAM_CHANGES (STREAM_CHANGE_DELETE + 1)

extern const char *const stream_changes_names[];

/* The number of the batch, the first column, of what was there before the change stream. */
#define STREAM_CHANGES_BEFORE 0

/*
 * An operator above the one that is shown to readers, which writes down how the result
 * of the view changes; not yet in the tree.  shown, rtindex: first rows are this member
 * of the FROM of that query, which says of each row by itself what is shown of it; 0: the
 * operator is the query.  append: groups are shown when they are final, and handed on
 * then.  Error 0A000, with a position, if that cannot be said.
 */
extern StreamCut *stream_changes_cut(StreamCut *top, Query *shown,
									 int rtindex, bool append,
									 const StreamPlace *place);

/*
 * Has the query read the changes of the continuous views that it names in FROM, or in the
 * FROM of EXISTS and IN, and whose groups or rows change, in sub-selects that find no other
 * way to be planned.  (Those whose rows are only added are streams.)  Error 55000 for one
 * without a change stream; 0A000, with the position, for a test of one that is none of FROM.
 */
extern void stream_changes_expand(Query *query, const StreamPlace *place);

/*
 * Refuses a query of a batch that has, in an expression, a sub-select over another view: it
 * would show what that was at some moment.  Error 0A000, with the position.
 */
extern void stream_changes_check_feed(Query *query, const StreamPlace *place);

/* Does it?  And the OIDs of those that lack one. */
extern bool stream_changes_are_read(Query *query);
extern List *stream_changes_lacking(Query *query);

/* Does EXISTS or IN ask for another continuous view, in a query that is not yet expanded? */
extern bool stream_changes_are_tested(Query *query);

/*
 * The views in FROM that other views read as streams, but not from the beginning any more:
 * their change streams do not keep all rows.
 */
extern List *stream_changes_not_kept(Query *query);

/* Is it such a sub-select? */
extern bool stream_changes_is_source(const Query *query);

/* Makes an operator of it, which hands on changes. */
extern void stream_changes_cut_source(StreamCut *cut);

#endif
