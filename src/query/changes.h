/*-------------------------------------------------------------------------
 *
 * changes.h
 *	  The change stream of a view, and the changes of other views in FROM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_CHANGES_H
#define STREAMING_CHANGES_H

#include "query/cut.h"

/*
 * An operator above the one that is shown to readers, which writes down how the result
 * of the view changes; not yet in the tree.  append: groups are shown when they are
 * final.  Error 0A000, with a position, if that cannot be said.
 */
extern StreamCut *stream_changes_cut(StreamCut *top, bool append,
									 const StreamPlace *place);

#endif
