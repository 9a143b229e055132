/*-------------------------------------------------------------------------
 *
 * owner.h
 *	  As whom everything of a view runs, how restricted, with what settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_OWNER_H
#define STREAMING_OWNER_H

#include "utils/array.h"

/*
 * For a process of ours, connected to a database, when it begins: whatever ALTER DATABASE
 * says, it is not somebody else's; and from then on session_user is the owner in what is
 * run for him.
 */
extern void stream_owner_begin_process(void);

/*
 * Runs work(arg) with the rights of the view's owner, in a security-restricted
 * operation and a GUC nest level of its own, in which the view's settings (as in
 * pg_proc.proconfig, or NULL) are in force.  Whatever may run code of a user on
 * behalf of a view goes through here: planning, execution, the evaluation of
 * constant expressions.  Needs a transaction; an error leaves everything to its
 * end, as always.
 * Error 0A000 if code of a view is running in this process already.
 */
extern void stream_owner_run(Oid owner, ArrayType *settings,
							 void (*work) (void *arg), void *arg);

/*
 * Runs work(arg), which calls stream_owner_run for many views, as who calls: where their
 * settings are these, they are put in force once, not for each.  What a view itself would
 * set ends with work, too, not with its own turn: so that is for views that run no code of
 * users, and all of one owner.  Nothing in between may look up a name.
 */
extern void stream_owner_share(Oid owner, ArrayType *settings,
							   void (*work) (void *arg), void *arg);

/* Is code of a view running in this process? */
extern bool stream_owner_is_running(void);

/*
 * Raises 0A000 if so: command, such as "TRUNCATE", is not for functions that a
 * view calls, for it may lead to another batch.
 */
extern void stream_owner_refuse_nested(const char *command);

/* The settings that can change what an expression yields, as they are now. */
extern ArrayType *stream_owner_current_settings(void);

/* The owner of a relation.  Error 42P01 if it does not exist. */
extern Oid	stream_owner_of(Oid relid);

/* The owner of a function, which exists. */
extern Oid	stream_owner_of_function(Oid funcid);

#endif
