/*-------------------------------------------------------------------------
 *
 * savepoint.h
 *	  What may fail without the rest of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SAVEPOINT_H
#define STREAMING_SAVEPOINT_H

/*
 * Does work in a subtransaction.  Returns NULL; or the error that has ended it, in the
 * caller's memory, when all of that is undone: locks, settings (GUC) and error contexts as well.
 * Cancellation and the end of the process are errors like others: it is for the caller to
 * hand on (ReThrowError) what he does not expect.
 */
extern ErrorData *stream_savepoint_try(void (*work) (void *arg), void *arg);

/*
 * The same for work that only looks: it is undone in any case, so that the transaction keeps
 * none of its locks.  What it leaves in the caller's memory stays.
 */
extern ErrorData *stream_savepoint_look(void (*work) (void *arg), void *arg);

#endif
