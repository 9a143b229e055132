/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The state store: a keyed table with a write-through cache.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_STORE_H
#define STREAMING_STORE_H

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "state/ranking.h"

/* Setting streaming.state_cache_size, in kB, per view. */
extern int	stream_state_cache_size;

/* How many bytes of a batch may be held in memory before they are merged. */
#define stream_store_held_limit() \
	Max((Size) stream_state_cache_size * 1024 / 4, 64 * 1024)

typedef struct StreamStore StreamStore;

/*
 * What the columns of a state table are, in this order: the keys; the results of
 * the aggregates; the stored states of those aggregates that have one of their own
 * which is not the result; what the first row of a key brings along; when the key expires.  The first
 * row is the one that came first, or that is first in an order.
 */
typedef struct StreamStoreShape
{
	int			nkeys;
	Oid			eqops[INDEX_MAX_KEYS];	/* equality operator per key */
	Oid			collations[INDEX_MAX_KEYS];
	List	   *aggs;			/* StreamAgg, prepared */
	List	   *feeds;			/* for each feed, which of them (a list of int) its
								 * rows have after the keys, in that order */
	bool		bits;			/* the one aggregate is a set of bits (int8), and
								 * only what adds to it counts */
	int			npayload;
	bool		expires;
	bool		timed;			/* groups are given up by time: that of a key, or
								 * when they expire */

	/* Not NULL: the row of a key that comes first by these columns brings it. */
	const StreamRankColumn *ranks;
	int			nranks;
} StreamStoreShape;

/*
 * Makes a store for a state table with the row type desc.  The unique index on
 * the keys is found by stream_store_open.
 */
extern StreamStore *stream_store_create(MemoryContext parent, TupleDesc desc,
										const StreamStoreShape *shape);

/*
 * Begins a batch on the state table, on which the caller holds
 * RowExclusiveLock and of which it is the only writer.  The cache is kept if
 * the table is still the same storage.  batch: number of the last committed
 * batch; a store that was left by another one forgets its cache.  alive_after:
 * keys that expire at or before it count as new.  made: NULL, or called for each
 * row of the delta that makes a group, or adds bits to one: it has just those then.
 * changed: NULL, or called with each row that goes (-1) or comes (1) in the table.
 */
extern void stream_store_open(StreamStore *store, Relation rel, int64 batch,
							  int64 alive_after,
							  void (*made) (TupleTableSlot *delta, void *arg),
							  void (*changed) (TupleTableSlot *row, int sign,
											   void *arg),
							  void *arg);

/*
 * The rows that are merged from here on are of this feed, those before are written.
 * The caller ends the command after that.  Aggregates that it does not have stay as they are, and begin as
 * over no rows in a group that it makes.
 */
extern void stream_store_begin_feed(StreamStore *store, int feed);

/*
 * Merges one row of the delta (keys, then partial states in stored form) into
 * the table: one group updated or inserted.  Each group at most once per feed, but for
 * rows that change nothing after the first: of bits, or without aggregates.  The last rows
 * are merged only by close, or when another feed begins.
 */
extern void stream_store_merge(StreamStore *store, TupleTableSlot *delta);

/*
 * The group with the keys that the row begins with (NULL: without keys), to be changed in other ways, until
 * end_group; rows wait in no ring meanwhile.  Its states are in a memory context.
 */
extern void stream_store_begin_group(StreamStore *store, TupleTableSlot *row);
extern NullableDatum *stream_store_group_state(StreamStore *store, int agg,
											   MemoryContext *context);

/* Is it one that the table does not have? */
extern bool stream_store_group_is_new(StreamStore *store);

/* Writes the group; gone: there is none any more. */
extern void stream_store_end_group(StreamStore *store, bool gone);

/* How many groups the batch has made so far; those in the ring do not count. */
extern int64 stream_store_made(const StreamStore *store);
/* How many groups its cache had. */
extern int64 stream_store_hits(const StreamStore *store);

/* Ends merging. */
extern void stream_store_close(StreamStore *store);

/*
 * Ends the batch; it will have the given number when it is committed.  Without
 * this, the cache is forgotten.
 */
extern void stream_store_settle(StreamStore *store, int64 batch);

#endif
