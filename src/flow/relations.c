/*-------------------------------------------------------------------------
 *
 * relations.c
 *	  The relations that a continuous view consists of.
 *
 * Beside the view itself, which reads its state, they are in the extension's
 * schema, where only its owner may create; but they belong to the view's owner
 * (src/README.md says why).  For the moment in which they are created, and only
 * for that, we are the extension's owner: nothing that happens in it runs a
 * function of the user's, event triggers come before and after it, and the
 * tablespace is settled before.  (An error in it ends with the transaction or
 * the savepoint, which make us who we were.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "catalog/toasting.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/view.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteSupport.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/shmem.h"
#include "base/owner.h"
#include "time/declare.h"
#include "state/aggstate.h"
#include "query/tree.h"
#include "flow/strangers.h"
#include "flow/relations.h"

/*
 * Nearly half of each page of a state table is left free, so that the new version of
 * every row of a page fits beside the old one, or of all but a few, which leave it
 * once.  What is updated together was mostly made together: groups in turn, and those of
 * a window.  Denser pages take less of groups that are written once, and of those that are
 * updated in no order; but of these others, most updates leave their page then.
 */
#define STATE_FILLFACTOR 53

/* ---- the view, its definition, its state ---- */

static ColumnDef *
column_def(const char *name, Node *expr, Oid owner)
{
	Oid			type = exprType(expr);
	ColumnDef  *def = makeColumnDef(name, type, exprTypmod(expr),
									exprCollation(expr));
	AclResult	acl = object_aclcheck(TypeRelationId, type, owner, ACL_USAGE);

	/* the server asks whether the extension's owner may use it */
	if (acl != ACLCHECK_OK)
		aclcheck_error_type(acl, type);

	if (type_is_collatable(exprType(expr)) && !OidIsValid(def->collOid))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_COLLATION),
				 errmsg("could not determine which collation to use for view column \"%s\"",
						name),
				 errhint("Use the COLLATE clause to set the collation explicitly.")));
	return def;
}

/*
 * Whoever makes a view must have the right to use all types in its query, or he would
 * keep their owners from changing them.  The server asks for that in commands of its own,
 * and not in all releases.
 */
static void
check_types(Oid viewid, Oid owner)
{
	Oid			ruleid = get_rewrite_oid(viewid, ViewSelectRuleName, false);
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RewriteRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ruleid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL,
							  lengthof(keys), keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		AclResult	acl = form->refclassid != TypeRelationId ? ACLCHECK_OK :
			object_aclcheck(TypeRelationId, form->refobjid, owner, ACL_USAGE);

		if (acl != ACLCHECK_OK && !STREAM_MUTATION("type_usage"))
			aclcheck_error_type(acl, form->refobjid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
}

/* Makes a view with the query; names: of its columns, or NIL. */
static Oid
create_view(RangeVar *name, Query *query, List *names, List *options,
			Oid owner)
{
	CreateStmt *create = makeNode(CreateStmt);
	ListCell   *ln = list_head(names);
	ListCell   *lc;
	Oid			relid;

	query = copyObject(query);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		if (ln)
		{
			tle->resname = pstrdup(strVal(lfirst(ln)));
			ln = lnext(names, ln);
		}
		create->tableElts = lappend(create->tableElts,
									column_def(tle->resname,
											   (Node *) tle->expr,
									   OidIsValid(owner) ? owner : GetUserId()));
	}
	if (ln)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("too many column names were specified")));
	create->relation = name;
	create->options = options;
	create->oncommit = ONCOMMIT_NOOP;
	relid = DefineRelation(create, RELKIND_VIEW, owner, NULL, NULL).objectId;
	CommandCounterIncrement();
	stream_closing_set_view(query, relid);
	StoreViewQuery(relid, query, false);
	CommandCounterIncrement();
	check_types(relid, OidIsValid(owner) ? owner : GetUserId());
	return relid;
}

/* A column of the state table that holds an aggregate's state. */
static ColumnDef *
state_column_def(StreamAgg *agg, char *name)
{
	Oid			collation = get_typcollation(agg->storedtype);

	if (OidIsValid(collation) && OidIsValid(agg->aggref->inputcollid))
		collation = agg->aggref->inputcollid;
	return makeColumnDef(name, agg->storedtype, -1, collation);
}

/*
 * Refuses more aggregates than a row has room for.  Values that can be moved out of it
 * are, down to what a pointer takes; smaller ones stay.
 */
static void
check_row_size(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Size		size = MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(desc->natts));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		size = att_align_nominal(size, attr->attalign) +
			(attr->attlen > 0 ? attr->attlen : MAXALIGN(TOAST_POINTER_SIZE));
	}
	table_close(rel, NoLock);
	if (MAXALIGN(size) > MaxHeapTupleSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many aggregates for one continuous view"),
				 errdetail("The state of a group takes up to %zu bytes, and a row has room for %zu.",
						   (size_t) MAXALIGN(size), (size_t) MaxHeapTupleSize),
				 errhint("Create several continuous views.")));
}

static Oid
create_state_table(StreamCut *cut, RangeVar *name, const IntoClause *into,
				   List *storage, Oid owner)
{
	CreateStmt *create = makeNode(CreateStmt);
	bool		appends = cut->kind == STREAM_CUT_TRANSFORM;
	bool		has_fillfactor = false;
	ListCell   *ls = list_head(cut->state_names);
	Oid			relid;
	ListCell   *lc;
	ListCell   *ln;

	foreach(lc, cut->keys)
	{
		StreamKey  *key = lfirst(lc);

		create->tableElts = lappend(create->tableElts,
									column_def(key->name, (Node *) key->expr, owner));
	}
	forboth(lc, cut->aggs, ln, cut->agg_names)
		create->tableElts =
			lappend(create->tableElts,
					column_def(strVal(lfirst(ln)),
							   (Node *) ((StreamAgg *) lfirst(lc))->aggref,
							   owner));
	foreach(lc, cut->aggs)
	{
		if (((StreamAgg *) lfirst(lc))->final_is_state ||
			!stream_aggstate_is_own((StreamAgg *) lfirst(lc),
									foreach_current_index(lc)))
			continue;
		create->tableElts = lappend(create->tableElts,
									state_column_def(lfirst(lc),
													 strVal(lfirst(ls))));
		ls = lnext(cut->state_names, ls);
	}
	foreach(lc, cut->payload)
	{
		StreamPayload *payload = lfirst(lc);

		create->tableElts = lappend(create->tableElts,
									column_def(payload->name,
											   (Node *) payload->expr, owner));
	}
	if (cut->expiry)
		create->tableElts = lappend(create->tableElts,
									column_def(cut->expiry_name,
											   (Node *) cut->expiry, owner));
	if (cut->topn && cut->topn->slot_name)
		create->tableElts = lappend(create->tableElts,
									makeColumnDef(cut->topn->slot_name,
												  INT8OID, -1, InvalidOid));
	foreach(lc, storage)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "fillfactor") == 0)
			has_fillfactor = true;
	/* rows that are only appended need no room for others */
	if (!has_fillfactor && !appends)
		storage = lappend(list_copy(storage),
						  makeDefElem("fillfactor",
									  (Node *) makeInteger(STATE_FILLFACTOR),
									  -1));
	create->relation = name;
	create->options = storage;
	create->oncommit = ONCOMMIT_NOOP;
	create->tablespacename = into->tableSpaceName;
	create->accessMethod = appends ? "stream" : "heap";
	relid = DefineRelation(create, RELKIND_RELATION, owner, NULL,
						   NULL).objectId;
	CommandCounterIncrement();
	if (cut->aggs)
		check_row_size(relid);
	NewRelationCreateToastTable(relid, (Datum) 0);
	CommandCounterIncrement();
	return relid;
}

static void
depend_on_view(Oid relid, Oid viewid)
{
	ObjectAddress internal = {RelationRelationId, relid, 0};
	ObjectAddress view = {RelationRelationId, viewid, 0};

	recordDependencyOn(&internal, &view, DEPENDENCY_INTERNAL);
}

static IndexElem *
index_element(char *column)
{
	IndexElem  *elem = makeNode(IndexElem);

	elem->name = column;
	elem->ordering = SORTBY_DEFAULT;
	elem->nulls_ordering = SORTBY_NULLS_DEFAULT;
	return elem;
}

/* The same for an expression over the table, analysed. */
static IndexElem *
index_expression(Expr *expr)
{
	IndexElem  *elem = index_element(NULL);

	elem->expr = copyObject((Node *) expr);
	return elem;
}

/* What rows are ordered by, and their hash. */
static List *
order_elements(StreamCut *cut)
{
	List	   *elements = NIL;

	for (int i = 0; i <= cut->ordered->nranks; i++)
	{
		StreamPayload *payload = list_nth(cut->payload, i);
		IndexElem  *elem = index_element(payload->name);
		const StreamRankColumn *rank = &cut->ordered->ranks[i];

		elements = lappend(elements, elem);
		if (i == cut->ordered->nranks)
			break;
		elem->ordering = stream_ranking_descends(rank) ?
			SORTBY_DESC : SORTBY_ASC;
		elem->nulls_ordering = rank->nulls_first ?
			SORTBY_NULLS_FIRST : SORTBY_NULLS_LAST;
	}
	return elements;
}

/* Returns the index, or InvalidOid if there are no keys. */
static Oid
create_key_index(StreamCut *cut, Oid state, RangeVar *name,
				 const IntoClause *into)
{
	IndexStmt  *index = makeNode(IndexStmt);
	bool		slots = cut->topn && cut->topn->slot_name;
	Oid			indexid;
	ListCell   *lc;

	if (cut->keys == NIL && !slots && cut->ordered == NULL)
		return InvalidOid;
	foreach(lc, cut->keys)
	{
		bool		session = stream_cut_has_sessions(cut) &&
			cut->window->key == foreach_current_index(lc);

		index->indexParams =
			lappend(index->indexParams, session ?
					index_expression(stream_closing_session_end(cut->window)) :
					index_element(((StreamKey *) lfirst(lc))->name));
	}
	if (cut->expiry)
		index->indexParams = lappend(index->indexParams,
									 index_element(cut->expiry_name));
	if (slots)
		index->indexParams = lappend(index->indexParams,
									 index_element(cut->topn->slot_name));
	if (cut->ordered)
		index->indexParams = list_concat(index->indexParams,
										 order_elements(cut));
	index->idxname = psprintf("%s_key", name->relname);
	index->relation = name;
	index->accessMethod = "btree";
	index->tableSpace = into->tableSpaceName;
	index->unique = cut->kind != STREAM_CUT_ROWS;
	index->nulls_not_distinct = index->unique;
	index->transformed = true;
	indexid = stream_compat_define_index(state, index, InvalidOid, InvalidOid,
										 InvalidOid, -1, false, false, false,
										 false, true).objectId;
	CommandCounterIncrement();
	return indexid;
}

/* Indexes on other columns, for joins. */
static void
create_join_indexes(StreamCut *cut, Oid state, Oid viewid, RangeVar *name,
					const IntoClause *into)
{
	List	   *names = NIL;
	ListCell   *lc;
	ListCell   *ln;

	if (STREAM_MUTATION("join_index"))
		return;
	foreach(lc, cut->keys)
		names = lappend(names, ((StreamKey *) lfirst(lc))->name);
	foreach(lc, cut->payload)
		names = lappend(names, ((StreamPayload *) lfirst(lc))->name);
	foreach(lc, cut->indexes)
	{
		StreamCutIndex *wanted = lfirst(lc);
		IndexStmt  *index = makeNode(IndexStmt);
		Oid			indexid;

		foreach(ln, wanted->columns)
			index->indexParams = lappend(index->indexParams,
										 index_element(list_nth(names,
																lfirst_int(ln))));
		index->idxname = psprintf("%s_join_%d", name->relname,
								  foreach_current_index(lc) + 1);
		index->relation = name;
		index->accessMethod = get_am_name(wanted->method);
		index->tableSpace = into->tableSpaceName;
		index->transformed = true;
		indexid = stream_compat_define_index(state, index, InvalidOid,
											 InvalidOid, InvalidOid, -1, false,
											 false, false, false,
											 true).objectId;
		CommandCounterIncrement();
		depend_on_view(indexid, viewid);
	}
}

/*
 * Groups that close in another order than that of the keys have an index on
 * their ends.  Returns it, or InvalidOid.
 */
static Oid
create_closing_index(StreamCut *cut, Oid state, RangeVar *name,
					 const IntoClause *into)
{
	IndexStmt  *index = makeNode(IndexStmt);
	Oid			indexid;

	if (!stream_cut_has_closing_index(cut))
		return InvalidOid;
	index->indexParams = list_make1(cut->expiry_name ?
									index_element(cut->expiry_name) :
									index_expression(cut->window->key_end));
	index->idxname = psprintf("%s_end", name->relname);
	index->relation = name;
	index->accessMethod = "btree";
	index->tableSpace = into->tableSpaceName;
	index->transformed = true;
	indexid = stream_compat_define_index(state, index, InvalidOid, InvalidOid,
										 InvalidOid, -1, false, false, false,
										 false, true).objectId;
	CommandCounterIncrement();
	return indexid;
}

/* ---- what depends on what ---- */

/* Has the table as a whole depend on what some of its columns depend on. */
static void
depend_as_a_whole(Oid state, Oid classid, List *objects)
{
	ObjectAddress table = {RelationRelationId, state, 0};
	ListCell   *lc;

	foreach(lc, objects)
	{
		ObjectAddress object = {classid, lfirst_oid(lc), 0};

		if (deleteDependencyRecordsForSpecific(RelationRelationId, state,
											   DEPENDENCY_NORMAL, classid,
											   object.objectId) > 0)
			recordDependencyOn(&table, &object, DEPENDENCY_NORMAL);
	}
}

/*
 * If just a column of a state table depended on its type, DROP TYPE ... CASCADE
 * would reach the table by way of the column and the view, drop it first, and
 * then fail to find the table of the column.
 */
static void
depend_on_types(Oid state)
{
	Relation	rel = table_open(state, NoLock);
	List	   *types = NIL;
	List	   *collations = NIL;

	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		types = list_append_unique_oid(types, att->atttypid);
		collations = list_append_unique_oid(collations, att->attcollation);
	}
	table_close(rel, NoLock);
	depend_as_a_whole(state, TypeRelationId, types);
	depend_as_a_whole(state, CollationRelationId, collations);
}

/* ---- all of them ---- */

/*
 * A name for one of a view's relations.  What tells them apart from those of others says
 * nothing about this database, so a dump can bring them to any other.
 */
static RangeVar *
part_name(const StreamViewRow *row, const StreamTree *tree,
		  const StreamCut *cut, const char *suffix)
{
	char	   *name = cut == tree->top ? psprintf("_state_%s", suffix) :
		cut->number == 0 ? psprintf("_below_%s", suffix) :
		psprintf("_below_%s_%d", suffix, cut->number);
	RangeVar   *result = makeRangeVar("streaming", name, -1);

	result->relpersistence = row->unlogged ? RELPERSISTENCE_UNLOGGED :
		RELPERSISTENCE_PERMANENT;
	return result;
}

/*
 * Makes a state table and its indexes ready, and sets what they depend on.  None of
 * that asks for rights on the schema.
 */
static void
finish_state_table(StreamViewRow *row, StreamCut *cut, Oid state,
				   const IntoClause *into)
{
	RangeVar   *name = makeRangeVar("streaming", get_rel_name(state), -1);
	Oid			key_index;
	Oid			closing_index;

	depend_on_types(state);
	CommandCounterIncrement();
	key_index = create_key_index(cut, state, name, into);
	closing_index = create_closing_index(cut, state, name, into);
	create_join_indexes(cut, state, row->viewid, name, into);
	depend_on_view(state, row->viewid);
	if (OidIsValid(key_index))
		depend_on_view(key_index, row->viewid);
	if (OidIsValid(closing_index))
		depend_on_view(closing_index, row->viewid);
}

/* ---- owners ---- */

/*
 * Takes back what was granted on the relation, or came by default: those to whom its
 * former owner showed his state are not those to whom the new one shows the view.
 */
static void
reset_privileges(Oid relid)
{
	Relation	classes = table_open(RelationRelationId, RowExclusiveLock);
	HeapTuple	tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relid));
	Datum		values[Natts_pg_class] = {0};
	bool		nulls[Natts_pg_class] = {0};
	bool		replaced[Natts_pg_class] = {0};
	bool		isnull;
	Datum		acl;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	acl = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);
	if (!isnull)
	{
		Oid		   *members;
		int			n = aclmembers(DatumGetAclP(acl), &members);

		updateAclDependencies(RelationRelationId, relid, 0,
							  ((Form_pg_class) GETSTRUCT(tuple))->relowner,
							  n, members, 0, NULL);
		nulls[Anum_pg_class_relacl - 1] = true;
		replaced[Anum_pg_class_relacl - 1] = true;
		tuple = heap_modify_tuple(tuple, RelationGetDescr(classes), values,
								  nulls, replaced);
		CatalogTupleUpdate(classes, &tuple->t_self, tuple);
	}
	table_close(classes, RowExclusiveLock);
}

/* The same for its columns. */
static void
reset_column_privileges(Oid relid, Oid owner)
{
	Relation	attributes = table_open(AttributeRelationId, RowExclusiveLock);
	HeapTuple	tuple;

	for (AttrNumber attno = 1;
		 HeapTupleIsValid(tuple = SearchSysCacheCopy2(ATTNUM,
													  ObjectIdGetDatum(relid),
													  Int16GetDatum(attno)));
		 attno++)
	{
		Datum		values[Natts_pg_attribute] = {0};
		bool		nulls[Natts_pg_attribute] = {0};
		bool		replaced[Natts_pg_attribute] = {0};
		bool		isnull;
		Datum		acl;
		Oid		   *members;
		int			n;

		acl = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attacl,
							  &isnull);
		if (isnull)
			continue;
		n = aclmembers(DatumGetAclP(acl), &members);
		updateAclDependencies(RelationRelationId, relid, attno, owner, n,
							  members, 0, NULL);
		nulls[Anum_pg_attribute_attacl - 1] = true;
		replaced[Anum_pg_attribute_attacl - 1] = true;
		tuple = heap_modify_tuple(tuple, RelationGetDescr(attributes), values,
								  nulls, replaced);
		CatalogTupleUpdate(attributes, &tuple->t_self, tuple);
	}
	table_close(attributes, RowExclusiveLock);
}

/* Gives it to the owner, and to nobody else. */
static void
change_owner(Oid relid, Oid owner)
{
	ATExecChangeOwner(relid, owner, true, AccessExclusiveLock);
	CommandCounterIncrement();
	reset_privileges(relid);
	reset_column_privileges(relid, owner);
}

/* ---- the change stream ---- */

/* A name for a column that none of the view's has. */
static char *
column_beside(Oid viewid, const char *name)
{
	while (get_attnum(viewid, name) != InvalidAttrNumber)
		name = psprintf("%s_", name);
	return pstrdup(name);
}

/*
 * Makes the change stream beside the view, for its owner, and fills it into the row.  It is
 * a stream that the user sees, and depends on the view as all its parts do.
 */
static void
create_changes(StreamViewRow *row, StreamCut *cut, const char *tablespace)
{
	CreateStmt *create = makeNode(CreateStmt);
	Oid			viewid = row->viewid;
	ColumnDef  *op = makeColumnDef(column_beside(viewid, "op"), TEXTOID, -1,
								   DEFAULT_COLLATION_OID);
	Oid			owner = stream_owner_of(viewid);
	ListCell   *lc;

	create->tableElts = list_make2(makeColumnDef(column_beside(viewid, "batch"),
												 INT8OID, -1, InvalidOid), op);
	foreach(lc, cut->payload)
		create->tableElts =
			lappend(create->tableElts,
					column_def(get_attname(viewid,
										   foreach_current_index(lc) + 1,
										   false),
							   (Node *) ((StreamPayload *) lfirst(lc))->expr,
							   owner));
	create->relation = makeRangeVar(get_namespace_name(get_rel_namespace(viewid)),
									makeObjectName(get_rel_name(viewid), NULL,
												   "changes"), -1);
	create->relation->relpersistence = row->unlogged ?
		RELPERSISTENCE_UNLOGGED : RELPERSISTENCE_PERMANENT;
	create->oncommit = ONCOMMIT_NOOP;
	create->tablespacename = pstrdup(tablespace);
	create->accessMethod = "stream";
	row->changes = DefineRelation(create, RELKIND_RELATION, owner, NULL,
								  NULL).objectId;
	CommandCounterIncrement();
	NewRelationCreateToastTable(row->changes, (Datum) 0);
	CommandCounterIncrement();
	depend_on_types(row->changes);
	depend_on_view(row->changes, viewid);
	CommandCounterIncrement();
}

/*
 * Says of the table to which all of the result is added, if there is one, which column of
 * it is an event time.
 */
static void
declare_result(const StreamViewRow *row, const StreamTree *tree)
{
	bool		has_time = tree->time_column != InvalidAttrNumber;

	/* a successor has no change stream, see stream_difference_hand_on */
	if (tree->added == NULL ||
		(tree->added == tree->changes && !OidIsValid(row->changes)))
		return;
	if (tree->added == tree->changes)
		stream_declare_result(row->changes, has_time ? tree->time_column + 2 :
							  InvalidAttrNumber);
	else if (has_time)
		stream_declare_result(row->state, tree->time_column);
}

/*
 * What tells the relations of a view apart from those of others, in this and in other
 * databases: the time, and some digits more.
 */
static char *
new_suffix(void)
{
	uint32		random;

	if (!pg_strong_random(&random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random name")));
	return psprintf(INT64_FORMAT "%04u", (int64) GetCurrentTimestamp(),
					random % 10000);
}

/*
 * Makes the definition and the state tables of a view, and fills them into the row.
 * Returns the OIDs of the tables, one for each operator; InvalidOid: it has none.
 */
static List *
create_parts(StreamViewRow *row, StreamTree *tree, Query *query,
			 const IntoClause *into, List *storage)
{
	List	   *states = NIL;
	ListCell   *lc;
	char	   *suffix = new_suffix();
	RangeVar   *definition = makeRangeVar("streaming",
										  psprintf("_definition_%s", suffix),
										  -1);
	Oid			userid;
	int			sec_context;

	/* as the extension's owner: nothing in here runs anybody's code */
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(stream_catalog_owner(),
						   sec_context | SECURITY_LOCAL_USERID_CHANGE);
	row->definition = create_view(definition, query, into->colNames, NIL,
								  userid);
	foreach(lc, tree->cuts)
		states = lappend_oid(states, lfirst(lc) == tree->changes ||
							 !stream_cut_has_state((StreamCut *) lfirst(lc)) ?
							 InvalidOid :
							 create_state_table(lfirst(lc),
												part_name(row, tree, lfirst(lc),
														  suffix),
												into, storage, userid));
	SetUserIdAndSecContext(userid, sec_context);

	row->state = list_nth_oid(states, tree->top->number);
	row->below = list_truncate(list_copy(states), tree->top->number);
	return states;
}

/* Makes them parts of the view, which is there. */
static void
finish_parts(StreamViewRow *row, StreamTree *tree, List *states,
			 const IntoClause *into)
{
	ListCell   *lc;
	ListCell   *ls;

	depend_on_view(row->definition, row->viewid);
	forboth(lc, tree->cuts, ls, states)
		if (OidIsValid(lfirst_oid(ls)))
			finish_state_table(row, lfirst(lc), lfirst_oid(ls), into);
	CommandCounterIncrement();
}

void
stream_relations_create(StreamViewRow *row, StreamTree *tree, Query *query,
						const IntoClause *into, List *options,
						const char *source)
{
	List	   *storage = list_copy(options);
	List	   *view_options = stream_options_extract_barrier(&storage);
	List	   *states = create_parts(row, tree, query, into, storage);
	Query	   *reading = stream_tree_reading(tree, states, source);

	row->viewid = create_view(into->rel, reading, into->colNames, view_options,
							  InvalidOid);
	finish_parts(row, tree, states, into);
	if (tree->changes)
		create_changes(row, tree->changes, into->tableSpaceName);
	declare_result(row, tree);
}

Query *
stream_relations_create_parts(StreamViewRow *row, StreamTree *tree,
							  Query *query, const IntoClause *into,
							  const char *source)
{
	List	   *states = create_parts(row, tree, query, into, into->options);
	Query	   *reading = stream_tree_reading(tree, states, source);

	finish_parts(row, tree, states, into);
	declare_result(row, tree);
	return reading;
}

/* ---- another query ---- */

List *
stream_relations_storage(Oid state)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(state));
	List	   *storage = NIL;
	List	   *result = NIL;
	ListCell   *lc;
	bool		isnull;
	Datum		options;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", state);
	options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions,
							  &isnull);
	if (!isnull)
		storage = untransformRelOptions(options);
	ReleaseSysCache(tuple);
	foreach(lc, storage)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		/* create_state_table says so by itself */
		if (strcmp(def->defname, "fillfactor") == 0 &&
			atoi(defGetString(def)) == STATE_FILLFACTOR)
			continue;
		result = lappend(result, def);
	}
	return result;
}

static void
check_column(Form_pg_attribute att, const ColumnDef *def, TargetEntry *tle,
			 const char *source)
{
	const char *name = NameStr(att->attname);
	Oid			type = exprType((Node *) tle->expr);
	int32		typmod = exprTypmod((Node *) tle->expr);
	int			location = exprLocation((Node *) tle->expr);

	if (strcmp(name, def->colname) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("cannot change name of view column \"%s\" to \"%s\"",
						name, def->colname),
				 errhint("Name the column as it is (AS \"%s\"), or rename it first: ALTER MATERIALIZED VIEW ... RENAME COLUMN.",
						 name),
				 stream_refuse_position(source, location)));
	if (type != att->atttypid || typmod != att->atttypmod)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("cannot change data type of view column \"%s\" from %s to %s",
						name,
						format_type_with_typemod(att->atttypid,
												 att->atttypmod),
						format_type_with_typemod(type, typmod)),
				 errhint("Cast it, or add a column of another name at the end."),
				 stream_refuse_position(source, location)));
	if (def->collOid != att->attcollation)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("cannot change collation of view column \"%s\" from \"%s\" to \"%s\"",
						name, get_collation_name(att->attcollation),
						get_collation_name(def->collOid)),
				 errhint("Use the COLLATE clause to set the collation explicitly."),
				 stream_refuse_position(source, location)));
}

List *
stream_relations_added_columns(Relation view, Query *query,
							   const char *source)
{
	TupleDesc	desc = RelationGetDescr(view);
	List	   *commands = NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		ColumnDef  *def;
		AlterTableCmd *command;

		if (tle->resjunk)
			continue;
		def = column_def(tle->resname, (Node *) tle->expr,
						 view->rd_rel->relowner);
		if (n++ < desc->natts)
		{
			check_column(TupleDescAttr(desc, n - 1), def, tle, source);
			continue;
		}
		command = makeNode(AlterTableCmd);
		command->subtype = AT_AddColumnToView;
		command->def = (Node *) def;
		commands = lappend(commands, command);
	}
	if (n < desc->natts)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("cannot drop columns from view"),
				 errdetail("Continuous view \"%s\" has a column \"%s\".",
						   RelationGetRelationName(view),
						   NameStr(TupleDescAttr(desc, n)->attname)),
				 errhint("Keep the column, if need be as a null of its type; or drop the view and create it anew.")));
	return commands;
}

void
stream_relations_extend_changes(Oid changes, List *columns)
{
	List	   *commands = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		AlterTableCmd *command = copyObject(lfirst_node(AlterTableCmd, lc));

		command->subtype = AT_AddColumn;
		commands = lappend(commands, command);
	}
	AlterTableInternal(changes, commands, false);
	CommandCounterIncrement();
	depend_on_types(changes);
	CommandCounterIncrement();
}

/* It is no part of any view any more. */
static void
release_from_view(Oid relid)
{
	deleteDependencyRecordsForClass(RelationRelationId, relid,
									RelationRelationId, DEPENDENCY_INTERNAL);
}

/* OIDs: the state table, which is locked, and its indexes. */
static List *
table_and_indexes(Oid relid, LOCKMODE lockmode)
{
	Relation	state = table_open(relid, lockmode);
	List	   *relids = lcons_oid(relid, RelationGetIndexList(state));

	table_close(state, NoLock);
	return relids;
}

void
stream_relations_hand_parts(const StreamViewRow *row, Oid viewid)
{
	ListCell   *lc;
	ListCell   *li;

	foreach(lc, stream_catalog_states(row))
	{
		if (!OidIsValid(lfirst_oid(lc)))
			continue;
		foreach(li, table_and_indexes(lfirst_oid(lc), AccessShareLock))
		{
			if (!stream_relations_is_part(lfirst_oid(li), row->viewid))
				continue;		/* made by a user */
			release_from_view(lfirst_oid(li));
			depend_on_view(lfirst_oid(li), viewid);
		}
	}
	CommandCounterIncrement();
}

void
stream_relations_drop_parts(const StreamViewRow *row)
{
	ObjectAddresses *parts = new_object_addresses();
	ObjectAddress part = {RelationRelationId, row->definition, 0};
	StreamStrangers strangers = {.parts = list_make1_oid(row->definition)};
	bool		any;
	ListCell   *lc;
	ListCell   *li;

	/* it may be that of a successor, which is its definition */
	strangers.owner = stream_owner_of(row->definition);
	if (row->viewid != row->definition)
		strangers.kept = list_make1_oid(row->viewid);
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
			strangers.parts = lappend_oid(strangers.parts, lfirst_oid(lc));
	any = stream_strangers_add(&strangers, parts);
	release_from_view(row->definition);
	add_exact_object_address(&part, parts);
	foreach(lc, stream_catalog_states(row))
	{
		if (!OidIsValid(lfirst_oid(lc)))
			continue;
		foreach(li, table_and_indexes(lfirst_oid(lc), AccessExclusiveLock))
			release_from_view(lfirst_oid(li));
		part.objectId = lfirst_oid(lc);
		add_exact_object_address(&part, parts);
	}
	CommandCounterIncrement();
	/* event triggers are to see what was somebody's */
	performMultipleDeletions(parts, DROP_RESTRICT,
							 any ? 0 : PERFORM_DELETION_INTERNAL);
	free_object_addresses(parts);
}

void
stream_relations_release_parts(const StreamViewRow *row)
{
	ListCell   *lc;
	ListCell   *li;

	release_from_view(row->definition);
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)) && !STREAM_MUTATION("clean_parts"))
			foreach(li, table_and_indexes(lfirst_oid(lc), AccessExclusiveLock))
				release_from_view(lfirst_oid(li));
	CommandCounterIncrement();
}

void
stream_relations_exchange(const StreamViewRow *before,
						  const StreamViewRow *row, Query *reading)
{
	stream_closing_set_view(reading, row->viewid);
	StoreViewQuery(row->viewid, reading, true);
	CommandCounterIncrement();
	stream_relations_drop_parts(before);
	CommandCounterIncrement();
}

void
stream_relations_create_changes(StreamViewRow *row, StreamTree *tree,
								const char *tablespace)
{
	create_changes(row, tree->changes, tablespace);
	/* keys that are there before are in no change stream */
	if (tree->top->kind != STREAM_CUT_DISTINCT)
		declare_result(row, tree);
}

void
stream_relations_sync_owner(Oid viewid)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	Relation	rel = table_open(viewid, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;
	ListCell   *lc;

	table_close(rel, NoLock);
	if (row == NULL)
		return;
	change_owner(row->definition, owner);
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
			change_owner(lfirst_oid(lc), owner);
	CommandCounterIncrement();
	stream_shmem_views_changed();
}

/* ---- after pg_upgrade, and of a dump ---- */

/* What it is a part of: that view, or, InvalidOid, whichever it is; InvalidOid if of none. */
static Oid
find_whole(Oid relid, Oid viewid)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			found = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2,
							  keys);
	while (!OidIsValid(found) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->deptype == DEPENDENCY_INTERNAL &&
			form->refclassid == RelationRelationId &&
			(!OidIsValid(viewid) || form->refobjid == viewid))
			found = form->refobjid;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

bool
stream_relations_is_part(Oid relid, Oid viewid)
{
	return OidIsValid(find_whole(relid, viewid));
}

Oid
stream_relations_whole(Oid relid)
{
	return find_whole(relid, InvalidOid);
}

/* Indexes that are the user's own are dropped with the table. */
static void
attach_state_table(Oid state, Oid viewid)
{
	Relation	rel = table_open(state, NoLock);
	ListCell   *lc;

	depend_on_types(state);
	depend_on_view(state, viewid);
	foreach(lc, RelationGetIndexList(rel))
		if (get_rel_name(lfirst_oid(lc))[0] == '_' &&
			get_rel_namespace(lfirst_oid(lc)) == stream_catalog_schema())
			depend_on_view(lfirst_oid(lc), viewid);
	table_close(rel, NoLock);
}

/*
 * Stores the view's query again, with what its text does not say.  The view is
 * locked by AccessExclusiveLock.
 */
static void
permit_closed(Oid viewid, Oid written)
{
	Relation	view = table_open(viewid, NoLock);
	Query	   *query = copyObject(get_view_query(view));
	Relation	rules = table_open(RewriteRelationId, RowExclusiveLock);
	HeapTuple	tuple = SearchSysCacheCopy2(RULERELNAME,
											ObjectIdGetDatum(viewid),
											CStringGetDatum(ViewSelectRuleName));
	Datum		values[Natts_pg_rewrite] = {0};
	bool		nulls[Natts_pg_rewrite] = {0};
	bool		replaced[Natts_pg_rewrite] = {0};

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for rule of view %u", viewid);
	stream_closing_permit(query, written, viewid);
	values[Anum_pg_rewrite_ev_action - 1] =
		CStringGetTextDatum(nodeToString(list_make1(query)));
	replaced[Anum_pg_rewrite_ev_action - 1] = true;
	tuple = heap_modify_tuple(tuple, RelationGetDescr(rules), values, nulls,
							  replaced);
	CatalogTupleUpdate(rules, &tuple->t_self, tuple);
	CacheInvalidateRelcache(view);
	table_close(rules, RowExclusiveLock);
	table_close(view, NoLock);
}

/* Locks the state tables if that can be done at once. */
static bool
lock_states(const StreamViewRow *row)
{
	ListCell   *lc;

	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)) &&
			!ConditionalLockRelationOid(lfirst_oid(lc), AccessShareLock))
			return false;
	return true;
}

bool
stream_relations_attach(const StreamViewRow *row, Oid written)
{
	bool		append = row->options.output_mode == STREAM_OUTPUT_APPEND;
	ListCell   *lc;

	if (stream_relations_is_part(row->definition, row->viewid) ||
		row->viewid == row->definition)
		return true;
	if (!ConditionalLockRelationOid(row->viewid, append ?
									AccessExclusiveLock : AccessShareLock) ||
		!ConditionalLockRelationOid(row->definition, AccessShareLock) ||
		!lock_states(row))
		return false;
	if (get_rel_relkind(row->viewid) != RELKIND_VIEW ||
		get_rel_relkind(row->definition) != RELKIND_VIEW ||
		get_rel_relkind(row->state) != RELKIND_RELATION)
		return true;			/* dropped meanwhile */
	depend_on_view(row->definition, row->viewid);
	foreach(lc, stream_catalog_states(row))
		if (OidIsValid(lfirst_oid(lc)))
			attach_state_table(lfirst_oid(lc), row->viewid);
	if (append)
		permit_closed(row->viewid, written);
	CommandCounterIncrement();
	return true;
}

/* What belongs to a view is dropped before it, if it is attached. */
static bool
is_torn(Oid relid)
{
	Oid			schema = stream_catalog_schema();
	StreamViewRow *row;
	Oid			viewid;

	if (!OidIsValid(schema))
		return false;
	if (get_rel_namespace(relid) == schema)
	{
		viewid = stream_catalog_view_of(relid);
		return OidIsValid(viewid) && viewid != relid &&
			SearchSysCacheExists1(RELOID, ObjectIdGetDatum(viewid)) &&
			!stream_relations_is_part(relid, viewid);
	}
	viewid = stream_catalog_view_of_changes(relid);
	if (OidIsValid(viewid))
		return !stream_relations_is_part(relid, viewid);
	if (get_rel_relkind(relid) != RELKIND_VIEW)
		return false;
	row = stream_catalog_view(relid);
	return row != NULL &&
		SearchSysCacheExists1(RELOID, ObjectIdGetDatum(row->definition));
}

void
stream_relations_check_drop(Oid relid)
{
	if (is_torn(relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s\" cannot be dropped yet",
						get_rel_name(relid)),
				 errdetail("The scheduler has not seen to the continuous views of this database since pg_upgrade."),
				 errhint("Try again in a moment.")));
}

/* ---- for update scripts ---- */

/* A query to be made as the owner of a view. */
typedef struct NewReading
{
	const StreamViewRow *row;
	bool		always;			/* of whatever view */
	Query	   *query;			/* or NULL: it may stay as it is */
} NewReading;

static void
make_reading(void *arg)
{
	NewReading *reading = arg;
	const StreamViewRow *row = reading->row;
	Relation	definition = table_open(row->definition, AccessShareLock);
	List	   *states = stream_catalog_states(row);
	StreamTree *tree = stream_tree_of_query(get_view_query(definition),
											&row->options, NULL);
	ListCell   *lc;

	foreach(lc, states)
		if (OidIsValid(lfirst_oid(lc)))
			LockRelationOid(lfirst_oid(lc), AccessShareLock);
	if (reading->always || stream_cut_has_groups(tree->top))
		reading->query = stream_tree_reading(tree, states, NULL);
	table_close(definition, NoLock);
}

static void
renew_reading(const StreamViewRow *row, bool always)
{
	NewReading	reading = {row, always};
	Relation	view = try_table_open(row->viewid, AccessExclusiveLock);
	ListCell   *lc;

	if (view == NULL)
		return;
	stream_owner_run(view->rd_rel->relowner, row->settings, make_reading,
					 &reading);
	if (reading.query)
	{
		/* columns may have been renamed */
		foreach(lc, reading.query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (!tle->resjunk)
				tle->resname =
					pstrdup(NameStr(TupleDescAttr(RelationGetDescr(view),
												  tle->resno - 1)->attname));
		}
		stream_closing_set_view(reading.query, row->viewid);
		StoreViewQuery(row->viewid, reading.query, true);
		CommandCounterIncrement();
	}
	table_close(view, NoLock);
}

void
stream_relations_renew_reading(const StreamViewRow *row)
{
	if (row->options.output_mode == STREAM_OUTPUT_APPEND)
		renew_reading(row, false);
}

void
stream_relations_change_reading(const StreamViewRow *row)
{
	renew_reading(row, true);
}
