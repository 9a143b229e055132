/*-------------------------------------------------------------------------
 *
 * synchronous.h
 *	  COMMIT that returns when views show what it has written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_SYNCHRONOUS_H
#define STREAMING_SYNCHRONOUS_H

/* Settings, defined in module.c. */
extern bool stream_synchronous; /* streaming.synchronous: wait at all */
extern int	stream_synchronous_timeout; /* streaming.synchronous_timeout: ms, 0: for
										 * ever */

/* Installs the callbacks; called from _PG_init. */
extern void stream_synchronous_install(void);

#endif
