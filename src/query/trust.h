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
 * Does the rewritten query call no functions but those written in C, which only superusers
 * can make?  They end when the server tells them to.
 */
extern bool stream_trust_only_c(Query *rewritten);

#endif
