/*-------------------------------------------------------------------------
 *
 * strangers.c
 *	  What others have made that depends on a view's internal relations.
 *
 * Whoever has USAGE on schema streaming can make objects that depend on the relations in it:
 * a view of a constant, a column of the type of their rows, a default with an OID in it.  The
 * server asks for no right on the relation, and no hook sees them all.  None of that may stand
 * in the way of who drops the view or exchanges its parts, so it goes with them, and with it what
 * depends on it, as by CASCADE: its owner could drop all of that, too.
 *
 * What belongs to the parts by itself (types, TOAST tables, indexes, rules) is theirs.  All
 * else that depends on them is a stranger, but the view, whose query reads them.  Views of
 * others, continuous ones as well, depend on the view and not on its parts.  What belongs to the view's owner
 * is none either: he can drop it, and may have made it of something of a stranger's.
 *
 * We look for them in pg_depend by ourselves, for the server's CASCADE makes no difference
 * between what depends on the parts and what depends on the view.  They are named to the server
 * as what is to be dropped, and RESTRICT looks after the rest.  What comes to depend on
 * them after we have looked is an error.  Each comes after all that depends on it, so that
 * the server, which goes on from each to that, need not go deep: a chain may be long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "flow/strangers.h"

/* So many a background process drops at most: others wait for it. */
#define MAX_IN_BACKGROUND 1000
#define MAX_NAMED 100			/* in a NOTICE */
#define MAX_OWNERS 100			/* from a part of a part to the whole */

/* What has been met. */
typedef struct Met
{
	ObjectAddress object;		/* the key */
	bool		ours;			/* belongs to the parts, or is kept */
	bool		visited;
	bool		named;			/* it does not just belong to another */
} Met;

/* On the way: a stranger, before or after what depends on it, or something that belongs to one. */
typedef struct Step
{
	ObjectAddress object;
	bool		whole;
	bool		done;
} Step;

typedef struct Search
{
	const StreamStrangers *strangers;
	Relation	depend;
	HTAB	   *met;
	List	   *steps;			/* of Step, a stack */
	List	   *found;			/* of ObjectAddress, those that depend on it first */
} Search;

static Met *
meet(Search *search, const ObjectAddress *object)
{
	bool		known;
	Met		   *met = hash_search(search->met, object, HASH_ENTER, &known);

	if (!known)
		met->ours = met->visited = met->named = false;
	return met;
}

static bool
is_ours(Search *search, const ObjectAddress *object)
{
	ObjectAddress whole = *object;
	Met		   *met = hash_search(search->met, object, HASH_FIND, NULL);

	if (met != NULL && met->ours)
		return true;
	whole.objectSubId = 0;
	met = hash_search(search->met, &whole, HASH_FIND, NULL);
	return met != NULL && met->ours;
}

/* What it is an internal part of, if it is one of something. */
static bool
find_owner(Search *search, const ObjectAddress *object, ObjectAddress *owner)
{
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object->classId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object->objectId));
	ScanKeyInit(&keys[2], Anum_pg_depend_objsubid, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(object->objectSubId));
	scan = systable_beginscan(search->depend, DependDependerIndexId, true,
							  NULL, 3, keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->deptype == DEPENDENCY_INTERNAL ||
			form->deptype == DEPENDENCY_EXTENSION;
		if (found)
			ObjectAddressSubSet(*owner, form->refclassid, form->refobjid,
								form->refobjsubid);
	}
	systable_endscan(scan);
	return found;
}

/* The whole that it belongs to, which is what can be dropped. */
static ObjectAddress
whole_of(Search *search, ObjectAddress object)
{
	ObjectAddress owner;

	for (int i = 0; i < MAX_OWNERS && !is_ours(search, &object) &&
		 find_owner(search, &object, &owner); i++)
		object = owner;
	/* a view has no columns that could go by themselves */
	if (object.classId == RelationRelationId && object.objectSubId != 0 &&
		get_rel_relkind(object.objectId) == RELKIND_VIEW)
		object.objectSubId = 0;
	return object;
}

/* Does something with each object that depends on one. */
static void
for_dependents(Search *search, const ObjectAddress *on,
			   void (*work) (Search *search, const ObjectAddress *object,
							 char deptype))
{
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(on->classId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(on->objectId));
	ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(on->objectSubId));
	scan = systable_beginscan(search->depend, DependReferenceIndexId, true,
							  NULL, on->objectSubId != 0 ? 3 : 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress object;

		CHECK_FOR_INTERRUPTS();
		ObjectAddressSubSet(object, form->classid, form->objid,
							form->objsubid);
		work(search, &object, form->deptype);
	}
	systable_endscan(scan);
}

/* ---- what is ours ---- */

static void
take_own(Search *search, const ObjectAddress *object, char deptype)
{
	Met		   *met;

	if (deptype == DEPENDENCY_NORMAL)
		return;
	met = meet(search, object);
	if (met->ours)
		return;
	check_stack_depth();
	met->ours = true;
	for_dependents(search, object, take_own);
}

/* A relation that stays, with its types; so does what depends on it, if it is to. */
static void
protect(Search *search, const ObjectAddress *object, char deptype)
{
	ObjectAddress whole = whole_of(search, *object);

	meet(search, &whole)->ours = true;
}

static void
protect_dependents(Search *search, Oid relid)
{
	ObjectAddress object = {RelationRelationId, relid, 0};
	Oid			type = get_rel_type_id(relid);

	for_dependents(search, &object, protect);
	if (!OidIsValid(type))
		return;
	ObjectAddressSet(object, TypeRelationId, type);
	for_dependents(search, &object, protect);
	ObjectAddressSet(object, TypeRelationId, get_array_type(type));
	for_dependents(search, &object, protect);
}

/* ---- what is not ---- */

static void
push(Search *search, const ObjectAddress *object, bool whole, bool done)
{
	Step	   *step = palloc(sizeof(Step));

	step->object = *object;
	step->whole = whole;
	step->done = done;
	search->steps = lappend(search->steps, step);
}

static void
take_stranger(Search *search, const ObjectAddress *object, char deptype)
{
	ObjectAddress whole = whole_of(search, *object);
	Met		   *met;

	if (is_ours(search, &whole) ||
		(OidIsValid(search->strangers->owner) &&
		 whole.classId == RelationRelationId &&
		 stream_owner_of(whole.objectId) == search->strangers->owner))
		return;
	met = meet(search, &whole);
	met->named |= deptype == DEPENDENCY_NORMAL;
	if (!met->visited)
		push(search, &whole, true, false);
	/* as its type, on which others depend */
	if (memcmp(&whole, object, sizeof(ObjectAddress)) != 0 &&
		!meet(search, object)->visited)
		push(search, object, false, false);
}

static void
take_steps(Search *search)
{
	while (search->steps != NIL)
	{
		Step	   *step = llast(search->steps);
		Met		   *met;

		CHECK_FOR_INTERRUPTS();
		search->steps = list_delete_last(search->steps);
		if (step->done)
			search->found = lappend(search->found, &step->object);
		else if (!(met = meet(search, &step->object))->visited)
		{
			met->visited = true;
			if (step->whole)
				push(search, &step->object, true, true);
			for_dependents(search, &step->object, take_stranger);
		}
		if (MyBackendType == B_BG_WORKER &&
			hash_get_num_entries(search->met) > MAX_IN_BACKGROUND)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many objects depend on internal relations of a continuous view")));
	}
}

/* Those that depend on a part, or something that belongs to it. */
static void
look(Search *search)
{
	HASH_SEQ_STATUS status;
	List	   *roots = NIL;
	Met		   *met;
	ListCell   *lc;

	/* the table does not grow while it is scanned */
	hash_seq_init(&status, search->met);
	while ((met = hash_seq_search(&status)) != NULL)
		if (met->ours &&
			(!search->strangers->rows || met->object.classId == TypeRelationId))
			roots = lappend(roots, met);
	foreach(lc, search->strangers->kept)
	{
		ObjectAddress object = {RelationRelationId, lfirst_oid(lc), 0};

		meet(search, &object)->ours = true;
	}
	if (search->strangers->protect)
		foreach(lc, search->strangers->kept)
			protect_dependents(search, lfirst_oid(lc));
	foreach(lc, roots)
		for_dependents(search, &((Met *) lfirst(lc))->object, take_stranger);
	take_steps(search);
}

/* As DROP ... CASCADE says it. */
static void
report(Search *search)
{
	StringInfoData detail;
	int			n = 0;

	initStringInfo(&detail);
	for (int i = list_length(search->found) - 1; i >= 0; i--)
	{
		ObjectAddress *object = list_nth(search->found, i);
		char	   *name;

		if (!meet(search, object)->named ||
			(name = getObjectDescription(object, true)) == NULL)
			continue;
		if (++n <= MAX_NAMED)
			appendStringInfo(&detail, "%sdrop cascades to %s",
							 n > 1 ? "\n" : "", name);
		pfree(name);
	}
	if (n > MAX_NAMED)
		appendStringInfo(&detail, "\nand %d others", n - MAX_NAMED);
	if (n > 0)
		ereport(MyBackendType == B_BG_WORKER ? LOG : NOTICE,
				(errmsg_plural("drop cascades to %d object that depends on internal relations of a continuous view",
							   "drop cascades to %d objects that depend on internal relations of a continuous view",
							   n, n),
				 errdetail_internal("%s", detail.data)));
}

bool
stream_strangers_add(const StreamStrangers *strangers,
					 ObjectAddresses *objects)
{
	Search		search = {.strangers = strangers};
	HASHCTL		ctl = {0};
	ListCell   *lc;

	if (STREAM_MUTATION("strangers"))
		return false;
	ctl.keysize = sizeof(ObjectAddress);
	ctl.entrysize = sizeof(Met);
	ctl.hcxt = CurrentMemoryContext;
	search.met = hash_create("what depends on a view's relations", 64, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	search.depend = table_open(DependRelationId, AccessShareLock);
	foreach(lc, strangers->parts)
	{
		ObjectAddress part = {RelationRelationId, lfirst_oid(lc), 0};

		take_own(&search, &part, DEPENDENCY_INTERNAL);
	}
	look(&search);
	table_close(search.depend, AccessShareLock);
	report(&search);
	foreach(lc, search.found)
		add_exact_object_address(lfirst(lc), objects);
	hash_destroy(search.met);
	return search.found != NIL;
}

void
stream_strangers_drop(const StreamStrangers *strangers)
{
	ObjectAddresses *objects = new_object_addresses();

	if (stream_strangers_add(strangers, objects))
	{
		performMultipleDeletions(objects, DROP_RESTRICT, 0);
		CommandCounterIncrement();
	}
	free_object_addresses(objects);
}

static void
take_part(Search *search, const ObjectAddress *object, char deptype)
{
	if (deptype == DEPENDENCY_INTERNAL &&
		object->classId == RelationRelationId && object->objectSubId == 0 &&
		get_rel_namespace(object->objectId) == stream_catalog_schema())
		search->found = lappend_oid(search->found, object->objectId);
}

List *
stream_strangers_parts(Oid viewid)
{
	Search		search = {0};
	ObjectAddress view = {RelationRelationId, viewid, 0};

	search.depend = table_open(DependRelationId, AccessShareLock);
	for_dependents(&search, &view, take_part);
	table_close(search.depend, AccessShareLock);
	return search.found;
}
