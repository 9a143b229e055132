/*-------------------------------------------------------------------------
 *
 * update.c
 *	  What the update scripts of the extension need, and what is left of former
 *	  versions.
 *
 * After a new library is installed, each database has the catalog of the former
 * version until ALTER EXTENSION streaming UPDATE.  catalog.c says so to whoever
 * comes by.  What catalog.c does not see are C functions of the former version
 * that the new one has not: the server would complain of a missing symbol, or
 * refuse to create that version at all.  So their symbols stay here.
 *
 * What a script cannot say in SQL, it has done by a function that is created for
 * that, called and dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "fmgr.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "flow/relations.h"

PG_FUNCTION_INFO_V1(stream_update_readings);
PG_FUNCTION_INFO_V1(stream_watermark_closed);

/*
 * readings() returns void
 *
 * Stores the queries of views in append mode anew, as this version has them.
 * Errors: 55000 outside of a script of the extension; those of creating a view.
 */
Datum
stream_update_readings(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	stream_shmem_require();
	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this function is for scripts of the extension only")));
	foreach(lc, stream_catalog_views())
		stream_relations_renew_reading(lfirst(lc));
	PG_RETURN_VOID();
}

/* _closed(oid, bool) of 0.9, by which views in append mode are read there. */
Datum
stream_watermark_closed(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the continuous view is of another version of the extension"),
			 errhint("Run ALTER EXTENSION streaming UPDATE.")));
}
