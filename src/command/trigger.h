/*-------------------------------------------------------------------------
 *
 * trigger.h
 *	  Triggers on continuous views.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_TRIGGER_H
#define STREAMING_TRIGGER_H

#include "command/statement.h"

/*
 * CREATE TRIGGER on a continuous view, which gets a change stream if it needs one and
 * has none; DROP and COMMENT ON TRIGGER, and ALTER TRIGGER ... RENAME.  Errors: 42501 for others than the
 * owner, 0A000 for triggers that a batch cannot fire.
 */
extern void stream_trigger_create(StreamStatement *s, Oid viewid);
/*
 * CREATE TRIGGER on a change stream itself, for each row that is inserted into it, which a
 * batch fires as the owner of the view, too.  Errors: the same.
 */
extern void stream_trigger_create_on_changes(StreamStatement *s, Oid viewid);
/*
 * For the hook that sees all that is made: a trigger, on whatever the name has come to mean.
 * Error 42501 if it is on a change stream of somebody else.
 */
extern void stream_trigger_created(Oid trigger);

extern void stream_trigger_drop(StreamStatement *s, Oid viewid);
extern void stream_trigger_rename(StreamStatement *s, Oid viewid);
extern void stream_trigger_comment(StreamStatement *s, Oid viewid);

#endif
