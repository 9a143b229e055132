/*-------------------------------------------------------------------------
 *
 * poison.h
 *	  Putting a row aside that no batch can take.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_POISON_H
#define STREAMING_POISON_H

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "base/catalog.h"

/*
 * Writes down the row of a leaf, with as much of it as the current user, the view's owner,
 * may see by all inputs of the view that it is a row of.  streams, sights: those of the
 * view's inputs (dataflow.h).  Of the rejection, all is said but the stream and the leaf's
 * storage.
 */
extern void stream_poison_put_aside(StreamRejection *rejection, List *streams,
									List *sights, Relation leaf,
									ItemPointer tid, Snapshot snapshot);

#endif
