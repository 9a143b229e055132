/*-------------------------------------------------------------------------
 *
 * view.h
 *	  Creating and changing a continuous view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_VIEW_H
#define STREAMING_VIEW_H

#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"

/*
 * CREATE MATERIALIZED VIEW ... WITH (streaming.continuous): options are the
 * streaming.* ones, taken out of stmt's list.  Returns false if the view was
 * there already and IF NOT EXISTS was said.  Errors: as analyze.h and
 * options.h; 42501 without SELECT on the stream or CREATE on the schema; 42P07
 * if the name is taken.
 */
extern bool stream_view_create(CreateTableAsStmt *stmt, List *options,
							   const char *source);

/*
 * ALTER ... SET or RESET (streaming.*).  Takes ShareUpdateExclusiveLock on the
 * view.  Errors: as options.h; 42501 for others than the owner.
 */
extern void stream_view_set_options(Oid viewid, List *options, bool reset,
									const char *source);

/* Gives the view's internal relations the owner that the view has now. */
extern void stream_view_sync_owner(Oid viewid);

/*
 * CREATE INDEX on the view: turns the statement into one on the state table,
 * to be run as the extension's owner.
 * Errors: 42501 for others than the owner; 0A000 for a column that is computed
 * when the view is read, and for anything but plain columns.
 */
extern void stream_view_redirect_index(Oid viewid, IndexStmt *stmt);

/* Who one was before stream_view_become_owner. */
typedef struct StreamIdentity
{
	Oid			userid;
	int			sec_context;
} StreamIdentity;

/*
 * Acts as the owner of the extension until stream_view_become_again (after an
 * error, the end of the transaction does that).
 */
extern StreamIdentity stream_view_become_owner(void);
extern void stream_view_become_again(StreamIdentity saved);

/* Forgets the view; called when v is dropped. */
extern void stream_view_dropped(Oid viewid);

#endif
