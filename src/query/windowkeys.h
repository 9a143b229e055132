/*-------------------------------------------------------------------------
 *
 * windowkeys.h
 *	  Which grouping key of a query is a window, and by which its groups close.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_WINDOWKEYS_H
#define STREAMING_WINDOWKEYS_H

#include "nodes/parsenodes.h"

#include "query/closing.h"

/*
 * Finds the window among the key expressions of an analysed query (join aliases
 * flattened): of several, the one that closes first; NULL if there is none.  append: it is
 * for a view in append mode.  whole:
 * each row is wanted in each of its windows, so that there are no panes.  changes: so it is
 * of rows that come and go.
 * Errors: 0A000, with the position in source (may be NULL), if there are two sessions,
 * or for windows that cannot be kept.
 */
extern StreamWindow *stream_windowkeys_find(Query *query, List *keys,
											bool append, bool whole,
											bool changes,
											const char *source);

/*
 * Refuses a grouping expression that comes from session_window, but in a way that is
 * not seen through, so that it would not be merged.  changes: of rows that come and go,
 * also one that has a session in it.  Error 0A000, with the position in source.
 */
extern void stream_windowkeys_check_session(Query *query, Node *key,
											bool changes, const char *source);

/* Does the query group by a session, other than one that a sub-select has merged? */
extern bool stream_windowkeys_groups_by_session(Query *query);

#endif
