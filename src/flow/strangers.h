/*-------------------------------------------------------------------------
 *
 * strangers.h
 *	  What others have made that depends on a view's internal relations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_STRANGERS_H
#define STREAMING_STRANGERS_H

#include "catalog/dependency.h"

/*
 * Whose objects are to be dropped with relations that a view consists of.  parts: OIDs of
 * internal relations; what belongs to them by itself counts as they do.
 */
typedef struct StreamStrangers
{
	List	   *parts;
	bool		rows;			/* only what depends on the types of their rows */
	List	   *kept;			/* OIDs of relations that are no part of it: none of them ... */
	bool		protect;		/* ... is taken, nor what depends on them by itself */
	Oid			owner;			/* none of his relations is, either; or InvalidOid */
} StreamStrangers;

/*
 * Adds to the objects what depends on the parts and does not belong to them, and all that
 * depends on that, so that a deletion with RESTRICT drops it, too; says so by a NOTICE, or in
 * the log of a background process.  True if there is something.  Locks nothing.  Errors: 54000
 * in a background process, if there is too much of it.
 */
extern bool stream_strangers_add(const StreamStrangers *strangers,
								 ObjectAddresses *objects);

/* Drops that, and nothing else.  Errors: 2BP01 if it can't go without something that is kept. */
extern void stream_strangers_drop(const StreamStrangers *strangers);

/* OIDs: the internal relations that depend on the view as parts of it. */
extern List *stream_strangers_parts(Oid viewid);

#endif
