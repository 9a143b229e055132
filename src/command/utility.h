/*-------------------------------------------------------------------------
 *
 * utility.h
 *	  The hooks: which statement goes to which room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_UTILITY_H
#define STREAMING_UTILITY_H

/* Installs the hooks; called from _PG_init. */
extern void stream_utility_install(void);

#endif
