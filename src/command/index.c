/*-------------------------------------------------------------------------
 *
 * index.c
 *	  Indexes on a continuous view, which are on its state table.
 *
 * A column of the view is one of the state table, or is computed when the view is read.
 * There can be an index on the former, and on an average, which is computed of two columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/catalog.h"
#include "base/privilege.h"
#include "stream/am.h"
#include "query/averages.h"
#include "command/view.h"
#include "command/index.h"

Node *
stream_index_shown(Query *reading, Oid state, AttrNumber attno)
{
	TargetEntry *tle = get_tle_by_resno(reading->targetList, attno);
	Node	   *expr = tle ? copyObject((Node *) tle->expr) : NULL;
	int			varno;

	if (expr == NULL ||
		!bms_get_singleton_member(pull_varnos(NULL, expr), &varno) ||
		rt_fetch(varno, reading->rtable)->relid != state)
		return NULL;
	ChangeVarNodes(expr, varno, 1, 0);
	return expr;
}

/* What a column of the view is, like that.  Error 42703 if there is no such column. */
static Node *
shown_column(const StreamViewRow *row, const char *name)
{
	Relation	view = table_open(row->viewid, AccessShareLock);
	AttrNumber	attno = get_attnum(row->viewid, name);
	Node	   *expr;

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist", name)));
	expr = stream_index_shown(get_view_query(view), row->state, attno);
	table_close(view, NoLock);
	return expr;
}

char *
stream_index_state_column(const StreamViewRow *row, const char *name)
{
	Node	   *expr = shown_column(row, name);

	if (expr == NULL || !IsA(expr, Var))
		return NULL;
	return get_attname(row->state, ((Var *) expr)->varattno, false);
}

bool
stream_index_set_column(IndexElem *elem, bool included, Node *expr, Oid state)
{
	if (expr && IsA(expr, Var))
	{
		elem->name = get_attname(state, ((Var *) expr)->varattno, false);
		elem->expr = NULL;
		return true;
	}
	if (expr == NULL || included || !stream_averages_is_quotient(expr))
		return false;
	/* the column of the index is named like the view's */
	if (elem->name)
		elem->indexcolname = elem->name;
	elem->name = NULL;
	elem->expr = expr;
	return true;
}

/* A column of an index: the column of the state table, or an average of two. */
static void
redirect_column(IndexElem *elem, bool included, const StreamViewRow *row)
{
	if (!stream_index_set_column(elem, included, shown_column(row, elem->name),
								  row->state))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot index column \"%s\" of a continuous view",
						elem->name),
				 errdetail("It is computed when the view is read."),
				 errhint("Index a grouping key or a bare aggregate.")));
}

/*
 * Only plain columns, so that renamed ones are all that has to be found.  grouped: the
 * table has a row for each group.
 */
static void
check_index(IndexStmt *stmt, bool grouped)
{
	ListCell   *lc;

	if (stmt->concurrent)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("CREATE INDEX CONCURRENTLY is not supported on a continuous view"),
				 errhint("Leave out CONCURRENTLY: readers are not blocked, and new rows wait in the stream meanwhile.")));
	if (stmt->whereClause)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("partial indexes are not supported on a continuous view"),
				 errhint("Leave out WHERE, and index all rows.")));
	if (stmt->unique)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("unique indexes are not supported on a continuous view"),
				 grouped ?
				 errdetail("The grouping keys are unique already.") :
				 errdetail("A row that is in it already would keep the view from going on."),
				 errhint("Leave out UNIQUE.")));
	foreach(lc, stmt->indexParams)
		if (lfirst_node(IndexElem, lc)->expr)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("indexes on expressions are not supported on a continuous view"),
					 grouped ?
					 errhint("Make the expression a grouping key, and index its column.") :
					 errhint("Make the expression a column of the view, and index that.")));
}

static void
check_name(const char *name)
{
	if (name[0] == '_')
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("name of an index on a continuous view must not begin with \"_\""),
				 errdetail("Such names are reserved for the extension.")));
}

/* Turns the statement on the view into one on the state table. */
static void
redirect_index(Relation view, const StreamViewRow *row, IndexStmt *stmt)
{
	const char *first = linitial_node(IndexElem, stmt->indexParams)->name;
	ListCell   *lc;

	if (stmt->idxname)
		check_name(stmt->idxname);
	else
		stmt->idxname = ChooseRelationName(RelationGetRelationName(view),
										   first, "idx",
										   get_rel_namespace(row->state),
										   false);
	foreach(lc, stmt->indexParams)
		redirect_column(lfirst_node(IndexElem, lc), false, row);
	foreach(lc, stmt->indexIncludingParams)
		redirect_column(lfirst_node(IndexElem, lc), true, row);
	stmt->relation =
		makeRangeVar(get_namespace_name(get_rel_namespace(row->state)),
					 get_rel_name(row->state), -1);
	stmt->tableSpace = stream_view_tablespace(stmt->tableSpace,
										  row->unlogged ?
										  RELPERSISTENCE_UNLOGGED :
										  RELPERSISTENCE_PERMANENT);
	stmt->transformed = true;
}

/*
 * The index belongs to the state table, whose owner is the view's; all that
 * the user lacks is CREATE on its schema, which DefineIndex is told not to ask
 * for.
 */
void
stream_index_check(IndexStmt *stmt)
{
	check_index(stmt, false);
}

ObjectAddress
stream_index_create(Oid viewid, IndexStmt *stmt)
{
	Relation	view = table_open(viewid, AccessShareLock);
	StreamViewRow *row = stream_catalog_view(viewid);
	Oid			state;

	stream_privilege_need_owner(viewid);
	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("continuous view was dropped")));
	check_index(stmt, !stream_am_relid_is_stream(row->state));
	state = row->state;
	redirect_index(view, row, stmt);
	table_close(view, NoLock);
	return stream_compat_define_index(state, stmt, InvalidOid, InvalidOid,
									  InvalidOid, -1, false, false, true,
									  false, false);
}

Oid
stream_index_of_view(const RangeVar *name)
{
	Oid			index = name ? RangeVarGetRelid(name, NoLock, true) : InvalidOid;
	Oid			table;

	if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX ||
		get_rel_namespace(index) != stream_catalog_schema() ||
		get_rel_name(index)[0] == '_')
		return InvalidOid;
	table = IndexGetRelation(index, true);
	return OidIsValid(table) && OidIsValid(stream_catalog_view_of(table)) ?
		index : InvalidOid;
}

/* As above: the user lacks CREATE on the schema, which the server asks for. */
ObjectAddress
stream_index_rename(Oid index, const char *name)
{
	ObjectAddress renamed;

	LockRelationOid(index, ShareUpdateExclusiveLock);
	if (!object_ownercheck(RelationRelationId, index, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
	check_name(name);
	RenameRelationInternal(index, name, false, true);
	ObjectAddressSet(renamed, RelationRelationId, index);
	return renamed;
}
