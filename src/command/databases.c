/*-------------------------------------------------------------------------
 *
 * databases.c
 *	  Statements about databases, the extension and prepared transactions.
 *
 * Our processes stay out of the way of commands that need a database to
 * themselves, and hear of databases and of transactions that come to life.
 *
 * They leave before the server has looked at the command, for it is the server
 * that finds them in the way.  So its checks of rights are made here first: who
 * may not do it must not be able to stop the views of a database by trying.  A
 * command that may be done, but fails for another reason, has made them leave
 * for nothing; they come back at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "command/databases.h"

/*
 * Runs a command that needs the database without our processes in it.  name:
 * of the command, if it is not for transaction blocks, or NULL.
 */
static void
run_without_us(StreamStatement *s, Oid dboid, const char *name)
{
	if (OidIsValid(dboid))
	{
		stream_statement_check_may_write(s);
		if (name)
			PreventInTransactionBlock(s->context == PROCESS_UTILITY_TOPLEVEL,
									  name);
		stream_shmem_evict_database(dboid);
	}
	PG_TRY();
	{
		stream_statement_pass_on(s);
	}
	PG_FINALLY();
	{
		if (OidIsValid(dboid))
			stream_shmem_resume_database(dboid);
	}
	PG_END_TRY();
	stream_shmem_databases_changed();
}

/*
 * The value of an option, or NULL: it is not given, or DEFAULT.  False if it is
 * given twice, which is an error.
 */
static bool
get_option(List *options, const char *name, char **value)
{
	bool		found = false;
	ListCell   *lc;

	*value = NULL;
	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) != 0)
			continue;
		if (found)
			return false;
		found = true;
		if (def->arg)
			*value = defGetString(def);
	}
	return true;
}

/* Does the user own the database, and is it another one than ours? */
static bool
is_own_other(Oid dboid)
{
	return OidIsValid(dboid) && dboid != MyDatabaseId &&
		object_ownercheck(DatabaseRelationId, dboid, GetUserId());
}

static bool
is_template(Oid dboid)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(dboid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
	ReleaseSysCache(tuple);
	return result;
}

/* May the user put a database there?  NULL: wherever it is put by itself. */
static bool
may_use_tablespace(const char *name)
{
	Oid			tablespace;

	if (name == NULL)
		return true;
	tablespace = get_tablespace_oid(name, true);
	return OidIsValid(tablespace) &&
		object_aclcheck(TableSpaceRelationId, tablespace, GetUserId(),
						ACL_CREATE) == ACLCHECK_OK;
}

void
stream_databases_transaction(StreamStatement *s)
{
	TransactionStmt *stmt = (TransactionStmt *) s->pstmt->utilityStmt;
	bool		views_changed = stmt->kind == TRANS_STMT_COMMIT_PREPARED &&
		stream_shmem_prepared_changes();

	stream_statement_pass_on(s);
	if (stmt->kind == TRANS_STMT_COMMIT_PREPARED ||
		stmt->kind == TRANS_STMT_ROLLBACK_PREPARED)
		stream_shmem_wake_database(views_changed);
}

void
stream_databases_drop_database(StreamStatement *s)
{
	DropdbStmt *stmt = (DropdbStmt *) s->pstmt->utilityStmt;
	Oid			dboid = get_database_oid(stmt->dbname, true);

	if (!is_own_other(dboid) || is_template(dboid))
		dboid = InvalidOid;
	run_without_us(s, dboid, "DROP DATABASE");
}

void
stream_databases_rename(StreamStatement *s)
{
	RenameStmt *stmt = (RenameStmt *) s->pstmt->utilityStmt;
	Oid			dboid = get_database_oid(stmt->subname, true);

	if (!is_own_other(dboid) || !stream_compat_may_create_databases() ||
		OidIsValid(get_database_oid(stmt->newname, true)))
		dboid = InvalidOid;
	run_without_us(s, dboid, NULL);
}

/* The template of CREATE DATABASE, if the user may copy it and do the rest. */
static Oid
template_of(CreatedbStmt *stmt)
{
	char	   *name;
	char	   *owner;
	char	   *tablespace;
	Oid			template;
	Oid			roleid;

	if (!stream_compat_may_create_databases() ||
		!get_option(stmt->options, "template", &name) ||
		!get_option(stmt->options, "owner", &owner) ||
		!get_option(stmt->options, "tablespace", &tablespace))
		return InvalidOid;
	template = get_database_oid(name ? name : "template1", true);
	if (!OidIsValid(template) || template == MyDatabaseId ||
		!(is_template(template) ||
		  object_ownercheck(DatabaseRelationId, template, GetUserId())))
		return InvalidOid;
	roleid = owner ? get_role_oid(owner, true) : GetUserId();
	if (!OidIsValid(roleid) || !member_can_set_role(GetUserId(), roleid) ||
		!may_use_tablespace(tablespace) ||
		OidIsValid(get_database_oid(stmt->dbname, true)))
		return InvalidOid;
	return template;
}

void
stream_databases_create_database(StreamStatement *s)
{
	run_without_us(s, template_of((CreatedbStmt *) s->pstmt->utilityStmt),
				   "CREATE DATABASE");
}

void
stream_databases_alter_database(StreamStatement *s)
{
	AlterDatabaseStmt *stmt = (AlterDatabaseStmt *) s->pstmt->utilityStmt;
	Oid			dboid = InvalidOid;
	char	   *tablespace;

	if (list_length(stmt->options) == 1 &&
		get_option(stmt->options, "tablespace", &tablespace) && tablespace)
	{
		dboid = get_database_oid(stmt->dbname, true);
		if (!is_own_other(dboid) || !may_use_tablespace(tablespace))
			dboid = InvalidOid;
	}
	run_without_us(s, dboid, "ALTER DATABASE SET TABLESPACE");
}

void
stream_databases_create_extension(StreamStatement *s)
{
	CreateExtensionStmt *stmt = (CreateExtensionStmt *) s->pstmt->utilityStmt;

	stream_statement_pass_on(s);
	if (strcmp(stmt->extname, "streaming") == 0)
		stream_shmem_views_changed();
}

void
stream_databases_update_extension(StreamStatement *s)
{
	AlterExtensionStmt *stmt = (AlterExtensionStmt *) s->pstmt->utilityStmt;

	stream_statement_pass_on(s);
	if (strcmp(stmt->extname, "streaming") == 0)
		stream_shmem_views_changed();
}
