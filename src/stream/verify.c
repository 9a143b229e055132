/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Checking the pages of streams: streaming.check_pages.
 *
 * A stream's pages are heap's, so the server's own checker, verify_heapam of the
 * extension amcheck, can tell whether they are sound; but it looks at nothing
 * that is not a heap by name, and neither does pg_amcheck.  So the stream passes
 * for a heap while it looks (am.c).
 *
 * The call is an ordinary query, with the caller's rights.  The function is
 * found as a member of the extension, with its exact arguments: amcheck may be
 * in a schema where others can create functions of that name.
 *
 * The server's TOAST tables are ordinary heaps, but pg_amcheck finds them by way
 * of the tables that they belong to.  So those of streams are checked here too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "stream/am.h"

PG_FUNCTION_INFO_V1(stream_verify_check_pages);

/* relation, on_error_stop, check_toast, skip, startblock, endblock */
#define VERIFY_ARGS 6
static const Oid verify_types[VERIFY_ARGS] = {
	REGCLASSOID, BOOLOID, BOOLOID, TEXTOID, INT8OID, INT8OID
};

/* A check under way. */
typedef struct StreamVerify
{
	const char *query;
	ReturnSetInfo *result;
} StreamVerify;

/* The schema that the members of an extension are in, or InvalidOid. */
static Oid
schema_of_extension(Oid extension)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	Oid			schema = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

/* The query that calls amcheck's function; the caller may run it. */
static const char *
find_query(void)
{
	Oid			extension = get_extension_oid("amcheck", true);
	char	   *schema;
	Oid			function;
	AclResult	acl;

	if (!OidIsValid(extension))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"amcheck\" is not installed in this database"),
				 errdetail("It knows how to check the pages of tables."),
				 errhint("Run CREATE EXTENSION amcheck.")));
	schema = get_namespace_name(schema_of_extension(extension));
	function = LookupFuncName(list_make2(makeString(schema),
										 makeString("verify_heapam")),
							  VERIFY_ARGS, verify_types, true);
	if (!OidIsValid(function) ||
		getExtensionOfObject(ProcedureRelationId, function) != extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"amcheck\" has no suitable function \"verify_heapam\""),
				 errhint("Run ALTER EXTENSION amcheck UPDATE.")));
	acl = object_aclcheck(ProcedureRelationId, function, GetUserId(),
						  ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, get_func_name(function));
	return psprintf("SELECT v.blkno, v.offnum, v.attnum, v.msg FROM %s.verify_heapam($1, $2, $3, $4, $5, $6) v",
					quote_identifier(schema));
}

/* Checks a relation that is, or passes for, a heap. */
static void
verify_heap(Relation rel, void *arg)
{
	StreamVerify *verify = arg;
	Oid			types[VERIFY_ARGS];
	Datum		values[VERIFY_ARGS] = {0};
	static const char nulls[VERIFY_ARGS + 1] = "    nn";

	memcpy(types, verify_types, sizeof(types));
	values[0] = ObjectIdGetDatum(RelationGetRelid(rel));
	values[1] = BoolGetDatum(false);
	values[2] = BoolGetDatum(OidIsValid(rel->rd_rel->reltoastrelid));
	values[3] = CStringGetTextDatum("none");
	SPI_connect();
	if (SPI_execute_with_args(verify->query, VERIFY_ARGS, types, values, nulls,
							  true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not check \"%s\"", RelationGetRelationName(rel));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	found = SPI_tuptable->vals[i];
		Datum		row[5];
		bool		isnull[5] = {false};

		row[0] = values[0];
		for (int column = 1; column < lengthof(row); column++)
			row[column] = SPI_getbinval(found, SPI_tuptable->tupdesc, column,
										&isnull[column]);
		tuplestore_putvalues(verify->result->setResult,
							 verify->result->setDesc, row, isnull);
	}
	SPI_finish();
}

/* Checks a stream without partitions, and its TOAST table. */
static void
verify_leaf(Oid relid, StreamVerify *verify)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			toastid = rel->rd_rel->reltoastrelid;

	if (stream_am_is_stream(rel))
		stream_am_as_heap(rel, verify_heap, verify);
	else
		verify_heap(rel, verify);
	if (OidIsValid(toastid))
	{
		Relation	toast = table_open(toastid, AccessShareLock);

		verify_heap(toast, verify);
		table_close(toast, AccessShareLock);
	}
	table_close(rel, AccessShareLock);
}

/* The leaves of the stream, locked; raises if it is none. */
static List *
leaves_of_stream(Oid relid)
{
	List	   *leaves = NIL;
	bool		is_stream = stream_am_relid_is_stream(relid);
	ListCell   *lc;

	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	LockRelationOid(relid, AccessShareLock);
	if (is_stream)
		return list_make1_oid(relid);
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
			if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION)
			{
				leaves = lappend_oid(leaves, lfirst_oid(lc));
				if (stream_am_relid_is_stream(lfirst_oid(lc)))
					is_stream = true;
			}
	if (!is_stream)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a stream", get_rel_name(relid)),
				 errhint("Call verify_heapam for an ordinary table.")));
	return leaves;
}

/*
 * check_pages(stream regclass) returns setof (partition regclass, blkno int8,
 * offnum int4, attnum int4, msg text)
 *
 * What verify_heapam finds in the pages of the stream, of each of its partitions,
 * and in their TOAST tables: nothing, if they are sound.  For those who may
 * execute verify_heapam.  Takes AccessShareLock on what it checks.
 * Errors: 42P01; 42809 for what is no stream; 55000 without amcheck; 42501.
 */
Datum
stream_verify_check_pages(PG_FUNCTION_ARGS)
{
	StreamVerify verify;
	ListCell   *lc;

	verify.query = find_query();
	InitMaterializedSRF(fcinfo, 0);
	verify.result = (ReturnSetInfo *) fcinfo->resultinfo;
	foreach(lc, leaves_of_stream(PG_GETARG_OID(0)))
		verify_leaf(lfirst_oid(lc), &verify);
	return (Datum) 0;
}
