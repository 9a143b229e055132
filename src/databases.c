/*-------------------------------------------------------------------------
 *
 * databases.c
 *	  Statements about databases, the extension and prepared transactions.
 *
 * Our processes stay out of the way of commands that need a database to
 * themselves, and hear of databases and of transactions that come to life.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "compat.h"
#include "databases.h"
#include "shmem.h"

/* Runs a command that needs the database without our processes in it. */
void
stream_databases_without_us(StreamStatement *s, Oid dboid)
{
	if (OidIsValid(dboid))
		stream_shmem_evict_database(dboid);
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

void
stream_databases_transaction(StreamStatement *s)
{
	TransactionStmt *stmt = (TransactionStmt *) s->pstmt->utilityStmt;

	stream_statement_pass_on(s);
	if (stmt->kind == TRANS_STMT_COMMIT_PREPARED ||
		stmt->kind == TRANS_STMT_ROLLBACK_PREPARED)
		stream_shmem_wake_database();
}

void
stream_databases_drop_database(StreamStatement *s)
{
	DropdbStmt *stmt = (DropdbStmt *) s->pstmt->utilityStmt;
	Oid			dboid = get_database_oid(stmt->dbname, true);

	if (!OidIsValid(dboid) || dboid == MyDatabaseId ||
		!pg_database_ownercheck(dboid, GetUserId()))
		dboid = InvalidOid;
	stream_databases_without_us(s, dboid);
}

void
stream_databases_create_database(StreamStatement *s)
{
	CreatedbStmt *stmt = (CreatedbStmt *) s->pstmt->utilityStmt;
	Oid			template = get_database_oid("template1", true);
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "template") == 0 && def->arg)
			template = get_database_oid(strVal(def->arg), true);
	}
	if (!have_createdb_privilege() || template == MyDatabaseId)
		template = InvalidOid;
	stream_databases_without_us(s, template);
}

void
stream_databases_alter_database(StreamStatement *s)
{
	AlterDatabaseStmt *stmt = (AlterDatabaseStmt *) s->pstmt->utilityStmt;
	Oid			dboid = InvalidOid;
	ListCell   *lc;

	foreach(lc, stmt->options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "tablespace") == 0)
			dboid = get_database_oid(stmt->dbname, true);
	if (!OidIsValid(dboid) || dboid == MyDatabaseId ||
		!pg_database_ownercheck(dboid, GetUserId()))
		dboid = InvalidOid;
	stream_databases_without_us(s, dboid);
}

void
stream_databases_create_extension(StreamStatement *s)
{
	CreateExtensionStmt *stmt = (CreateExtensionStmt *) s->pstmt->utilityStmt;

	stream_statement_pass_on(s);
	if (strcmp(stmt->extname, "streaming") == 0)
		stream_shmem_views_changed();
}
