/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Every difference between PostgreSQL versions, and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_COMPAT_H
#define STREAMING_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 160000
#error "streaming supports PostgreSQL 15"
#endif

/*
 * PostgreSQL 15 sets up a custom scan's expressions for virtual slots before
 * its begin callback runs; later versions let the provider choose.
 */
#define STREAM_CUSTOM_SCAN_IS_VIRTUAL (PG_VERSION_NUM < 160000)

#endif
