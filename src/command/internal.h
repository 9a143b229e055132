/*-------------------------------------------------------------------------
 *
 * internal.h
 *	  Statements that are not for the extension's own relations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_INTERNAL_H
#define STREAMING_INTERNAL_H

#include "nodes/nodes.h"

/*
 * Raises 55000 if the utility statement would attach something to one of the
 * extension's own relations: a publication, a foreign key, another extension,
 * extended statistics, a comment, a security label, a child.  Takes no locks.
 * A statement of another kind costs a switch.
 */
extern void stream_internal_check(Node *stmt);

#endif
