/*-------------------------------------------------------------------------
 *
 * owner.c
 *	  As whom everything of a view runs, how restricted, with what settings.
 *
 * A batch runs functions that somebody has written: in the query of the view, in
 * views and policies below it, in index expressions that the planner evaluates.
 * Whoever sets it off (a worker, a superuser's TRUNCATE, an ALTER by another
 * member of the owner's role), they run with the rights of the view's owner and
 * no others, and leave nothing behind: SECURITY_RESTRICTED_OPERATION keeps them
 * from becoming somebody else, and what they set ends with the GUC nest level.
 *
 * While they run, they must not lead to another batch, or change what this one
 * is about: a batch in a batch would find the state of the outer one half done.
 * So all commands of ours are refused meanwhile (the depth below says when).
 *
 * A process of ours has a session, too, which would be that of the superuser the server
 * was made by, or of whom ALTER DATABASE says.  Policies and functions that go by
 * session_user would take the view for his.  So the session is the owner's while work
 * for him is done there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/owner.h"

/*
 * Is code of a view running?  Set and taken back by one function, whatever
 * happens in between.
 */
static bool running = false;

/* The settings that are in force around it: see stream_owner_share. */
static ArrayType *shared = NULL;

/* Is this a process of ours, whose session is nobody's? */
static bool is_own_process = false;

/* Settings that can change what an expression yields. */
static const char *const kept_settings[] = {
	"search_path", "TimeZone", "DateStyle", "IntervalStyle",
	"extra_float_digits", "bytea_output", "lc_numeric", "lc_monetary",
	"lc_time", "default_text_search_config", "xmlbinary", "xmloption", NULL
};

ArrayType *
stream_owner_current_settings(void)
{
	ArrayType  *array = NULL;

	for (int i = 0; kept_settings[i]; i++)
		array = GUCArrayAdd(array, kept_settings[i],
							GetConfigOption(kept_settings[i], false, false));
	return array;
}

Oid
stream_owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

Oid
stream_owner_of_function(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Puts the view's settings in force until the GUC nest level ends. */
static void
apply_settings(ArrayType *settings)
{
	Datum	   *elems;
	int			nelems;

	/* policies hide rows here, whatever the caller prefers */
	if (!row_security)
		(void) set_config_option("row_security", "on", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	if (settings == NULL)
		return;
	deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT,
					  &elems, NULL, &nelems);
	/* to set one takes ten times as long as to look */
	for (int i = 0; i < nelems; i++)
	{
		char	   *name = TextDatumGetCString(elems[i]);
		char	   *value = strchr(name, '=');
		const char *current;

		*value++ = '\0';
		/* to set one is what costs, and most are as they are anyway */
		current = GetConfigOption(name, true, false);
		if (current == NULL || strcmp(current, value) != 0)
			(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
		pfree(name);
	}
}

void
stream_owner_begin_process(void)
{
	StartTransactionCommand();
	SetConfigOption("session_authorization",
					GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false), PGC_SUSET,
					PGC_S_SESSION);
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);
	CommitTransactionCommand();
	is_own_process = true;
}

/* Has somebody else the session, though it should be the owner's? */
static bool
needs_session(Oid owner)
{
	return is_own_process && GetSessionUserId() != owner &&
		!STREAM_MUTATION("owner_session");
}

/* Has the session be the owner's until the GUC nest level ends; the current user stays. */
static void
take_session(Oid owner)
{
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);
	(void) set_config_option("session_authorization",
							 GetUserNameFromId(owner, false), PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(userid, sec_context);
}

/*
 * Ends the nest level.  The session is not given back in a restricted operation, and takes
 * the current user along.
 */
static void
end_settings(int nestlevel, Oid userid, int sec_context)
{
	SetUserIdAndSecContext(userid, sec_context);
	AtEOXact_GUC(false, nestlevel);
	SetUserIdAndSecContext(userid, sec_context);
}

/*
 * Are these the settings that are in force anyway?  All of them are the same, to the byte,
 * or none is shared.
 */
static bool
are_shared(ArrayType *settings)
{
	return shared != NULL && settings != NULL &&
		(STREAM_MUTATION("bundle_settings") ||
		 datumIsEqual(PointerGetDatum(settings), PointerGetDatum(shared),
					  false, -1));
}

void
stream_owner_share(Oid owner, ArrayType *settings, void (*work) (void *arg),
				   void *arg)
{
	Oid			save_userid;
	int			save_sec_context;
	int			nestlevel;

	stream_owner_refuse_nested("a batch");
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	PG_TRY();
	{
		nestlevel = NewGUCNestLevel();
		if (needs_session(owner))
			take_session(owner);
		apply_settings(settings);
		shared = settings;
		work(arg);
		end_settings(nestlevel, save_userid, save_sec_context);
	}
	PG_FINALLY();
	{
		shared = NULL;
	}
	PG_END_TRY();
}

static void
run_as(Oid owner, ArrayType *settings, void (*work) (void *arg), void *arg)
{
	Oid			save_userid;
	int			save_sec_context;
	int			nestlevel = 0;
	const bool	session = needs_session(owner);
	const bool	apply = session || !are_shared(settings);

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	if (apply)
		nestlevel = NewGUCNestLevel();
	if (session)
		take_session(owner);
	SetUserIdAndSecContext(owner, save_sec_context |
						   SECURITY_RESTRICTED_OPERATION);
	if (apply)
		apply_settings(settings);
	work(arg);
	if (apply)
		end_settings(nestlevel, save_userid, save_sec_context);
	else
		SetUserIdAndSecContext(save_userid, save_sec_context);
}

void
stream_owner_run(Oid owner, ArrayType *settings, void (*work) (void *arg),
				 void *arg)
{
	stream_owner_refuse_nested("a batch");
	running = true;
	PG_TRY();
	{
		run_as(owner, settings, work, arg);
	}
	PG_FINALLY();
	{
		running = false;
	}
	PG_END_TRY();
}

bool
stream_owner_is_running(void)
{
	return running;
}

void
stream_owner_refuse_nested(const char *command)
{
	if (running || IsParallelWorker())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot run %s while a batch of a continuous view is running in this process",
						command),
				 errdetail("A function called by the view has asked for it."),
				 errhint("Let functions that continuous views call only read.")));
}
