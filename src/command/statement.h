/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  A utility statement on its way through the hook.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_STATEMENT_H
#define STREAMING_STATEMENT_H

#include "catalog/objectaddress.h"
#include "tcop/utility.h"

/* The arguments of ProcessUtility, to hand them around. */
typedef struct StreamStatement
{
	PlannedStmt *pstmt;
	const char *source;
	bool		read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *env;
	DestReceiver *dest;
	QueryCompletion *qc;
} StreamStatement;

/* Installs the hook: every statement comes to the function given. */
extern void stream_statement_install(ProcessUtility_hook_type hook);

/* Lets the server (or another extension) do the statement. */
extern void stream_statement_pass_on(StreamStatement *s);

/* The statement's node, in a copy that may be changed. */
extern Node *stream_statement_own(StreamStatement *s);

/* The continuous view that a name means, or InvalidOid. */
extern Oid	stream_statement_view(const RangeVar *name);

/*
 * For commands that are not passed on: error 25006 where nothing may be written,
 * 25000 in parallel mode.
 */
extern void stream_statement_check_may_write(StreamStatement *s);

/*
 * Runs a command that is not passed on, with what the server does around one:
 * event triggers.  The command returns what it has made.
 */
extern void stream_statement_run(StreamStatement *s,
								 ObjectAddress (*command) (StreamStatement *s,
														   void *arg),
								 void *arg);

/* Error 55000 if the name is that of one of the extension's own relations. */
extern void stream_statement_refuse_internal(const RangeVar *name,
											 const char *command);

#endif
