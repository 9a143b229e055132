/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Checking the pages of streams.
 *
 * All that there is to it is the SQL function streaming.check_pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_VERIFY_H
#define STREAMING_VERIFY_H

#include "fmgr.h"

#endif
