/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The launcher process: one per server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_LAUNCHER_H
#define STREAMING_LAUNCHER_H

/* Registers the launcher; called from _PG_init while preloading. */
extern void stream_launcher_register(void);

/* Its entry point. */
extern PGDLLEXPORT void stream_launcher_main(Datum arg);

#endif
