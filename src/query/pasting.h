/*-------------------------------------------------------------------------
 *
 * pasting.h
 *	  Ordinary views in FROM whose queries need operators.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_PASTING_H
#define STREAMING_PASTING_H

#include "nodes/parsenodes.h"

#include "base/locate.h"

/*
 * A copy of the query of a new view, which has been measured (stream_analyze_check_size),
 * with the queries of such views as sub-selects in their places.  Called as the view's owner.
 * Errors 0A000, with the place of the view, if it belongs to somebody else, is a security
 * barrier, or its whole row is asked for.
 */
extern Query *stream_pasting_expand(const Query *query,
									const StreamPlace *place);

#endif
