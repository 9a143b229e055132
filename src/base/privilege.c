/*-------------------------------------------------------------------------
 *
 * privilege.c
 *	  Who may see and do what with a continuous view.
 *
 * What a statement does is checked where it is done.  Here are the rules that
 * are the same in several places: that of last_error in streaming.views is also
 * that of the error that a wait raises.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/privilege.h"

bool
stream_privilege_of_owner(Oid viewid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(viewid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return has_privs_of_role(GetUserId(), owner);
}

void
stream_privilege_need_owner(Oid viewid)
{
	if (!stream_privilege_of_owner(viewid))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW,
					   get_rel_name(viewid));
}

bool
stream_privilege_sees_errors(Oid viewid)
{
	return stream_privilege_of_owner(viewid) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

bool
stream_privilege_sees_data(Oid viewid)
{
	bool		missing = false;

	return stream_privilege_sees_errors(viewid) ||
		pg_class_aclcheck_ext(viewid, GetUserId(), ACL_SELECT,
							  &missing) == ACLCHECK_OK;
}
