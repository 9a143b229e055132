/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Commands that would tear storage from under a reading position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_GUARD_H
#define STREAMING_GUARD_H

#include "executor/execdesc.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

/*
 * Installs the checks of VACUUM FULL and CLUSTER, and of TRUNCATE that is no
 * command; called from _PG_init.
 */
extern void stream_guard_install(void);

/* Does a view read the relation, a partition or a parent of it?  No locks. */
extern bool stream_guard_is_read(Oid relid);

/* One that does, as a name for messages; or NULL. */
extern const char *stream_guard_reader(Oid relid);

/*
 * Raises 55006 if a continuous view reads the relation (or a partition or
 * parent of it): command, such as "TRUNCATE", would lose or repeat rows.
 */
extern void stream_guard_refuse(Oid relid, const char *command);

typedef enum StreamTakeawayKind
{
	STREAM_TRUNCATE,			/* the leaves stay, empty */
	STREAM_DROP,				/* the leaves go */
	STREAM_DETACH,				/* the leaves go, and may come back */
	STREAM_REWRITE,				/* the rows stay, in other places of other storage, ... */
	STREAM_REORDER,				/* ... which are in another order, too (stream_guard_rewrite only) */
	STREAM_MOVE					/* the rows stay, in the same places of other storage */
} StreamTakeawayKind;

/*
 * Before TRUNCATE, or DROP or DETACH of a partition: has every view that reads
 * the relations consume what is pending, in this transaction.  Takes the batch
 * locks of the views, then AccessExclusiveLock on the parents (for partitions
 * that go) and on the relations.  Returns what stream_guard_settle needs, or
 * NULL if no view reads them.  Raises what a batch of a view raises.
 */
extern struct StreamTakeaway *stream_guard_consume(List *relids,
												   StreamTakeawayKind kind);

/*
 * TRUNCATE of the relations (and of others, by CASCADE): the command, with what
 * has to come before and after it.  No other way of truncating a stream that views
 * read is let through.  Errors as above.
 */
extern void stream_guard_truncate(List *relids, void (*command) (void *arg),
								  void *arg);

/*
 * A command that may give the relations (and what is below them) other storage, in this
 * transaction: with what has to come before and after it.  kind: STREAM_REWRITE or
 * STREAM_MOVE; the latter has nobody read anything.  name: for messages.  Errors as
 * above; 55006 if some view cannot read all rows before, for this transaction has written
 * them.
 */
extern void stream_guard_rewrite(List *relids, StreamTakeawayKind kind,
								 const char *name,
								 void (*command) (void *arg), void *arg);

/*
 * Refuses to begin something between what comes before such a command and what comes after
 * it, e.g. in a trigger of TRUNCATE: error 0A000.
 */
extern void stream_guard_refuse_within(const char *what);

/*
 * After DETACH, when it has its locks: what it detaches from may have come below the stream of
 * a view, or the partition below it, since it was looked at who reads the rows.  Refuses that
 * (55006).
 */
extern void stream_guard_check_detached(const struct StreamTakeaway *takeaway,
										Oid parent);

/* After the command: the positions of these views fit the streams again. */
extern void stream_guard_settle(struct StreamTakeaway *takeaway);

/*
 * A command that drops something, these partitions among it: what comes before and
 * after it.  Raises 55006 if it drops other partitions (by CASCADE, with their
 * schema or owner) that a view which stays has not read yet.  name: for messages.
 */
extern void stream_guard_drop(List *partitions, const char *name,
							  void (*command) (void *arg), void *arg);

/* For the hook that sees all drops: the relation goes. */
extern void stream_guard_dropped(Oid relid);

/*
 * Before a partition is attached or detached: the event times of the streams that
 * views read by their own name.  Empty if there are none.  (Which partition that
 * is, only the server knows when it has locked it.)
 */
extern List *stream_guard_note_event_times(void);

/*
 * After it: raises 55006 if that of one which this transaction has moved is
 * another now, for the state of these views is about it.
 */
extern void stream_guard_check_event_times(List *noted);

/*
 * After a partition has been attached: raises 55006 if a view reads something in
 * it by its own name, and the partitioned table, or one above that, too.
 */
extern void stream_guard_check_attached(void);

/*
 * After a command that may have changed streams: raises 55006 if this transaction
 * has taken away storage or partitions that a view's position is about, 42809 or
 * 0A000 if a partition or child that it has made or changed is none that a view
 * can read.  The command is rolled back with it.  What others have done is no
 * error here.
 */
extern void stream_guard_check_views(const char *command);

#endif
