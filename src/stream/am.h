/*-------------------------------------------------------------------------
 *
 * am.h
 *	  The table access method "stream".
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_AM_H
#define STREAMING_AM_H

#include "access/tableam.h"
#include "executor/execdesc.h"
#include "utils/relcache.h"

/*
 * The access method's routine: heap's with some callbacks replaced.  The same
 * pointer for the life of the process.
 */
extern const TableAmRoutine *stream_am_routine(void);

/*
 * True if the (open) relation is a stream.  False for a partitioned table,
 * which has no access method, and while one of the relation's indexes is built,
 * or stream_am_as_heap runs, in this process.
 */
extern bool stream_am_is_stream(Relation rel);

/*
 * The same for a relation that need not be open or locked; false if it does
 * not exist.  Two catalog cache look-ups at most for an ordinary table.
 */
extern bool stream_am_relid_is_stream(Oid relid);

/* Is it a partitioned table that says itself that its partitions are streams? */
extern bool stream_am_is_root(Oid relid);

/*
 * Can it be that new partitions of the partitioned table are streams unless
 * they say otherwise?  Since 17 it may say itself what they are.
 */
extern bool stream_am_may_have_streams(Oid relid);

/*
 * An option for table_multi_insert, beside the server's: a batch inserts these rows.  Into
 * a change stream nobody else may: error 55000.
 */
#define STREAM_AM_INSERT_BY_BATCH 0x01000000

/*
 * For an ExecutorStart hook: raises ERRCODE_FEATURE_NOT_SUPPORTED if the
 * statement would update, delete or merge rows of a stream or of a partitioned
 * table of streams, even when no row matches.  Almost free for a plain SELECT
 * or INSERT.
 */
extern void stream_am_check_statement(QueryDesc *queryDesc);

/*
 * Runs the callback while the stream passes for an ordinary table in this
 * process, to those who look at its relation cache entry.  The stream must be
 * open and locked against ALTER TABLE.  For reading only: rows that are inserted
 * meanwhile would break the placement rule.
 */
extern void stream_am_as_heap(Relation rel,
							  void (*callback) (Relation rel, void *arg),
							  void *arg);

/*
 * Called before VACUUM FULL or CLUSTER rewrites a stream; may raise an error.
 * Set by an upper layer, or NULL.
 */
extern void (*stream_am_before_rewrite) (Relation rel);

/*
 * Called before a stream that was there before this transaction gets new, empty
 * storage: before it is truncated, by whomever.  May raise an error; the same.
 */
extern void (*stream_am_before_truncate) (Relation rel);

/*
 * Called when the table is made that the rows of a relation are copied into, to replace
 * its storage.  (The table goes by its name, so the OID may be anything.)  The same.
 */
extern void (*stream_am_before_copy) (Oid relid);

/* Registers the callbacks of the access method; called from _PG_init. */
extern void stream_am_install(void);

#endif
