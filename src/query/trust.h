/*-------------------------------------------------------------------------
 *
 * trust.h
 *	  Whose functions a view runs that its owner has not asked for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TRUST_H
#define STREAMING_TRUST_H

#include "nodes/parsenodes.h"
#include "utils/relcache.h"

/*
 * Raises 42501 if the rewritten query, run as the current user, reads relations or
 * views of roles with less rights than he has: it would run their functions.  To
 * be called before the query is planned, for planning runs functions, too.  Takes
 * no locks; the query's relations must be locked.
 */
extern void stream_trust_check(Query *rewritten);

/* The same for the functions of the triggers of a relation. */
extern void stream_trust_check_triggers(Relation rel);

/*
 * Does the rewritten query run no code of users, in functions, operators and types?  It ends
 * when the server tells it to.
 */
extern bool stream_trust_is_plain(Query *rewritten);

/* Does it run none to put rows into the relation's indexes?  (Of their columns, not of expressions.) */
extern bool stream_trust_indexes_are_plain(Relation rel);

#endif
