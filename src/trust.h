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

/*
 * Raises 42501 if the rewritten query, run as the current user, would run
 * functions of roles with less rights than he has, unless it is the query as he
 * has written it that names them.  To be called before the query is planned, for
 * planning runs functions, too.  Locks partitions of tables whose owners have less
 * rights with AccessShareLock; the query's relations must be locked.
 */
extern void stream_trust_check(Query *written, Query *rewritten);

#endif
