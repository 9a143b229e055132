/*-------------------------------------------------------------------------
 *
 * restore.h
 *	  Continuous views that a dump has brought.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_RESTORE_H
#define STREAMING_RESTORE_H

/*
 * Makes continuous views of those that a dump has brought, as far as all of them is
 * there; says of the others what they wait for.  Needs a transaction with a snapshot.
 * Runs nobody's code.  Waits for no lock; what it locks is locked until commit: streams
 * in ShareLock, views in AccessExclusiveLock.  An error of one is written down, not
 * raised.  Returns true if some are left.
 */
extern bool stream_restore_attach(void);

/*
 * The same, at once, for a superuser or the extension's owner, who may be restoring a
 * dump.
 */
extern void stream_restore_attach_now(void);

/*
 * A command has been run that may have brought what a view of a dump was waiting for: if there
 * are such views, the scheduler looks at them when the transaction has committed.
 */
extern void stream_restore_moved(void);

#endif
