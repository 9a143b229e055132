/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  A utility statement on its way through the hook.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "flow/successor.h"
#include "command/internal.h"
#include "command/statement.h"

static ProcessUtility_hook_type prev_process_utility = NULL;

void
stream_statement_install(ProcessUtility_hook_type hook)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = hook;
}

void
stream_statement_pass_on(StreamStatement *s)
{
	if (prev_process_utility)
		prev_process_utility(s->pstmt, s->source, s->read_only_tree,
							 s->context, s->params, s->env, s->dest, s->qc);
	else
		standard_ProcessUtility(s->pstmt, s->source, s->read_only_tree,
								s->context, s->params, s->env, s->dest,
								s->qc);
}

/* The statement's node, in a copy that may be changed. */
Node *
stream_statement_own(StreamStatement *s)
{
	if (s->read_only_tree)
		s->pstmt = copyObject(s->pstmt);
	s->read_only_tree = false;
	return s->pstmt->utilityStmt;
}

/*
 * The continuous view that a name means, or InvalidOid.  What is to replace one is none to
 * any command.
 */
Oid
stream_statement_view(const RangeVar *name)
{
	Oid			relid;
	StreamViewRow *row;

	if (name == NULL)
		return InvalidOid;
	relid = RangeVarGetRelid(name, NoLock, true);
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_VIEW)
		return InvalidOid;
	row = stream_catalog_view(relid);
	return row && !stream_successor_is(row) ? relid : InvalidOid;
}

/* For commands that are not passed on. */
void
stream_statement_check_may_write(StreamStatement *s)
{
	const char *name = GetCommandTagName(CreateCommandTag(s->pstmt->utilityStmt));

	PreventCommandIfReadOnly(name);
	PreventCommandIfParallelMode(name);
}

/*
 * Runs a command that is not passed on, with what standard_ProcessUtility
 * does around one: event triggers.  The command returns what it has made.
 */
void
stream_statement_run(StreamStatement *s, ObjectAddress (*command) (StreamStatement *s, void *arg),
					 void *arg)
{
	Node	   *stmt = s->pstmt->utilityStmt;
	bool		complete = s->context != PROCESS_UTILITY_SUBCOMMAND;
	bool		cleanup;

	stream_statement_check_may_write(s);
	cleanup = complete && EventTriggerBeginCompleteQuery();
	PG_TRY();
	{
		ObjectAddress made;

		if (complete)
			EventTriggerDDLCommandStart(stmt);
		made = command(s, arg);
		if (OidIsValid(made.objectId))
			EventTriggerCollectSimpleCommand(made, InvalidObjectAddress, stmt);
		if (complete)
		{
			EventTriggerSQLDrop(stmt);
			EventTriggerDDLCommandEnd(stmt);
		}
	}
	PG_FINALLY();
	{
		if (cleanup)
			EventTriggerEndCompleteQuery();
	}
	PG_END_TRY();
}

/* The extension's own relations are not for this command. */
void
stream_statement_refuse_internal(const RangeVar *name, const char *command)
{
	if (name)
		stream_internal_refuse_name(name, command);
}
