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

/*
 * For ereport: the error's position.  source: the statement's text, or NULL;
 * location: as in parse nodes, or -1.
 */
extern int	stream_refuse_position(const char *source, int location);

/* The same for one of a list of DefElems, by name. */
extern int	stream_refuse_option_position(const char *source, List *options,
										  const char *name);

/*
 * Refuses a clause of a continuous view: error 0A000.  what: subject and verb,
 * such as "LIMIT is"; node: where it is, or NULL; hint: what to write instead,
 * or NULL.
 */
extern void stream_refuse(const char *what, void *node, const char *source,
						  const char *hint) pg_attribute_noreturn();

#endif
