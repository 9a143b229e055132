/*-------------------------------------------------------------------------
 *
 * refuse.h
 *	  Saying no, and where in the statement the reason is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_REFUSE_H
#define STREAMING_REFUSE_H

#include "nodes/pg_list.h"

#include "base/compat.h"
#include "base/locate.h"

/*
 * For ereport: the error's position.  source: the statement's text, or NULL;
 * location: as in parse nodes, or -1.
 */
extern int	stream_refuse_position(const char *source, int location);

/* The same for a clause of a place; see locate.h. */
extern int	stream_refuse_clause_position(const StreamPlace *place,
										  StreamClause clause);

/* The same for one of a list of DefElems, by name. */
extern int	stream_refuse_option_position(const char *source, List *options,
										  const char *name);

/* And its location in the statement, or -1. */
extern int	stream_refuse_option_location(List *options, const char *name);

/*
 * Refuses a clause of a continuous view: error 0A000.  what: subject and verb,
 * such as "LIMIT is"; node: where it is, or NULL; hint: what to write instead,
 * or NULL.
 */
pg_noreturn extern void stream_refuse(const char *what, void *node,
									  const char *source, const char *hint);

/*
 * The same for what is in a place.  Where the node has no location, as all that
 * comes out of a view has none, that of the place is taken.
 */
pg_noreturn extern void stream_refuse_in(const StreamPlace *place,
										 const char *what, void *node,
										 const char *hint);

/* The same for a clause that has no node. */
pg_noreturn extern void stream_refuse_clause(const StreamPlace *place,
											 StreamClause clause,
											 const char *what,
											 const char *hint);

/*
 * Until stream_refuse_pop, errors that refuse something (0A000, 42809) and have
 * no position get this one.  An error leaves it by itself.
 */
typedef struct StreamRefuseDefault
{
	ErrorContextCallback callback;
	const char *source;
	int			location;
} StreamRefuseDefault;

extern void stream_refuse_push(StreamRefuseDefault *frame, const char *source,
							   int location);
extern void stream_refuse_pop(StreamRefuseDefault *frame);

#endif
