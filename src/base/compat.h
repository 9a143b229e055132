/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Every difference between PostgreSQL versions, and nothing else.
 *
 * Callers are written for the newest version: what older ones lack is given
 * here under its new name; what has another signature there has a name of ours
 * beginning stream_compat_, and the newest version's arguments.  A macro needs
 * its caller to include the header of the function that it stands for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_COMPAT_H
#define STREAMING_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "streaming supports PostgreSQL 15, 16, 17 and 18"
#endif

#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/rel.h"

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* ---- the language ---- */

/* Before the return type of a function that does not return. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* ---- privileges ---- */

#if PG_VERSION_NUM < 160000
static inline bool
object_ownercheck(Oid classid, Oid objectid, Oid roleid)
{
	switch (classid)
	{
		case RelationRelationId:
			return pg_class_ownercheck(objectid, roleid);
		case DatabaseRelationId:
			return pg_database_ownercheck(objectid, roleid);
		case NamespaceRelationId:
			return pg_namespace_ownercheck(objectid, roleid);
		case ProcedureRelationId:
			return pg_proc_ownercheck(objectid, roleid);
		case TypeRelationId:
			return pg_type_ownercheck(objectid, roleid);
		default:
			elog(ERROR, "unexpected class %u", classid);
	}
	return false;
}

static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	switch (classid)
	{
		case DatabaseRelationId:
			return pg_database_aclcheck(objectid, roleid, mode);
		case LanguageRelationId:
			return pg_language_aclcheck(objectid, roleid, mode);
		case NamespaceRelationId:
			return pg_namespace_aclcheck(objectid, roleid, mode);
		case ProcedureRelationId:
			return pg_proc_aclcheck(objectid, roleid, mode);
		case TableSpaceRelationId:
			return pg_tablespace_aclcheck(objectid, roleid, mode);
		case TypeRelationId:
			return pg_type_aclcheck(objectid, roleid, mode);
		default:
			elog(ERROR, "unexpected class %u", classid);
	}
	return ACLCHECK_NO_PRIV;
}
#endif

/*
 * May the current user create databases?  The server's own function can be
 * called since late minor releases only.
 */
extern bool stream_compat_may_create_databases(void);

/* May the member give things to the role? */
#if PG_VERSION_NUM < 160000
#define member_can_set_role is_member_of_role
#endif

/* May the current user REFRESH it?  Since 17 that can be granted. */
static inline bool
stream_compat_may_maintain(Oid relid)
{
#if PG_VERSION_NUM < 170000
	return object_ownercheck(RelationRelationId, relid, GetUserId());
#else
	return pg_class_aclcheck(relid, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK;
#endif
}

/* May the current user read what the plan reads?  An error if not. */
static inline void
stream_compat_check_permissions(PlannedStmt *stmt)
{
#if PG_VERSION_NUM < 160000
	ExecCheckRTPerms(stmt->rtable, true);
#else
	ExecCheckPermissions(stmt->rtable, stmt->permInfos, true);
#endif
}

/* Notes that the query reads the column of the member of its range table. */
static inline void
stream_compat_note_selected(Query *query, RangeTblEntry *rte, AttrNumber attno)
{
	int			member = attno - FirstLowInvalidHeapAttributeNumber;

#if PG_VERSION_NUM < 160000
	rte->selectedCols = bms_add_member(rte->selectedCols, member);
#else
	RTEPermissionInfo *info;

	if (rte->perminfoindex == 0)
		return;
	info = getRTEPermissionInfo(query->rteperminfos, rte);
	info->selectedCols = bms_add_member(info->selectedCols, member);
#endif
}

/* Says that no permission is required to read the member, a new one. */
static inline void
stream_compat_require_nothing(Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	(void) addRTEPermissionInfo(&query->rteperminfos, rte);
#endif
}

/* The same for one that has been there before. */
static inline void
stream_compat_permit(Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM < 160000
	rte->requiredPerms = 0;
#else
	getRTEPermissionInfo(query->rteperminfos, rte)->requiredPerms = 0;
#endif
}

/* As whom the member of the query's range table is read, or InvalidOid. */
static inline Oid
stream_compat_check_as_user(Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM < 160000
	return rte->checkAsUser;
#else
	return rte->perminfoindex == 0 ? InvalidOid :
		getRTEPermissionInfo(query->rteperminfos, rte)->checkAsUser;
#endif
}

/* Gives the query what the parse state has gathered as its permissions. */
#if PG_VERSION_NUM < 160000
#define stream_compat_set_permissions(query, pstate) ((void) 0)
#else
#define stream_compat_set_permissions(query, pstate) \
	((query)->rteperminfos = (pstate)->p_rteperminfos)
#endif

/* The members of the range table of one query are those of another now. */
#if PG_VERSION_NUM < 160000
#define stream_compat_move_permissions(from, to) ((void) 0)
#else
#define stream_compat_move_permissions(from, to) \
	((to)->rteperminfos = (from)->rteperminfos, (from)->rteperminfos = NIL)
#endif

/* A copy of a member of one query's range table is the only one of another. */
static inline void
stream_compat_copy_permissions(const Query *from, Query *to,
							   RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return;
	to->rteperminfos =
		list_make1(copyObject(getRTEPermissionInfo(from->rteperminfos, rte)));
	rte->perminfoindex = 1;
#endif
}

/* A member of one query's range table becomes one more of another. */
static inline void
stream_compat_take_permissions(const Query *from, Query *to,
							   RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return;
	to->rteperminfos =
		lappend(to->rteperminfos,
				copyObject(getRTEPermissionInfo(from->rteperminfos, rte)));
	rte->perminfoindex = list_length(to->rteperminfos);
#endif
}

/* It is no relation any more. */
static inline void
stream_compat_forget_permissions(RangeTblEntry *rte)
{
#if PG_VERSION_NUM < 160000
	rte->requiredPerms = 0;
	rte->checkAsUser = InvalidOid;
	rte->selectedCols = NULL;
#else
	rte->perminfoindex = 0;
#endif
}

/* ---- queries ---- */

#if PG_VERSION_NUM < 160000
#define stream_compat_flatten_join_alias_vars(root, query, node) \
	flatten_join_alias_vars(query, node)
#else
#define stream_compat_flatten_join_alias_vars flatten_join_alias_vars
#endif

/*
 * Since 16 a column that an outer join can make null says so.  remove takes that away
 * from all of a query or an expression, for one join; add says it of a member's columns in an expression.
 */
#if PG_VERSION_NUM < 160000
#define stream_compat_remove_nulling(node, join) ((void) 0)
#define stream_compat_add_nulling(node, member, join) \
	((void) (member), (void) (join), (node))
#else
#define stream_compat_remove_nulling(node, join) \
	((node) = (void *) \
	 remove_nulling_relids((Node *) (node), bms_make_singleton(join), NULL))
#define stream_compat_add_nulling(node, member, join) \
	add_nulling_relids(node, bms_make_singleton(member), \
					   bms_make_singleton(join))
#endif

/*
 * Of the outer joins that can make a column null, those among the members are below a
 * sub-select: that is said of inner, which is the column there, and the others of outer.
 */
static inline void
stream_compat_part_nulling(Var *inner, Var *outer, const Bitmapset *members)
{
#if PG_VERSION_NUM >= 160000
	outer->varnullingrels = bms_difference(inner->varnullingrels, members);
	inner->varnullingrels = bms_intersect(inner->varnullingrels, members);
#endif
}

/*
 * Since 18 an analysed query with GROUP BY names its grouping expressions by
 * columns of a member of the range table of their own, which have no location.
 *
 * locate_groups gives them that of the expressions, in the query and all its
 * sub-selects; flatten_groups puts the expressions in their place and takes
 * that member away, in this query only.  Both change the query.  flat does the same
 * for one expression of it, and leaves the query as it is.
 */
#if PG_VERSION_NUM < 180000
#define stream_compat_locate_groups(query) ((void) 0)
#define stream_compat_flatten_groups(query) ((void) 0)
#define stream_compat_flat(query, expr) ((Node *) (expr))
#else
extern void stream_compat_locate_groups(Query *query);
extern void stream_compat_flatten_groups(Query *query);
#define stream_compat_flat(query, expr) \
	((query)->hasGroupRTE ? \
	 flatten_group_exprs(NULL, query, (Node *) (expr)) : (Node *) (expr))
#endif

/*
 * Since 16 JSON_ARRAYAGG and JSON_OBJECTAGG are aggregates in a frame that says how they were
 * written, and from which nothing but an aggregate can be put back into words.  Returns
 * the expression, or list of target entries, with the aggregates alone.
 */
#if PG_VERSION_NUM < 160000
#define stream_compat_plain_json(node) ((Node *) (node))
#else
extern Node *stream_compat_plain_json(Node *node);
#endif

/* The expression that a column of such a member stands for; NULL: it is another. */
static inline Node *
stream_compat_group_expr(RangeTblEntry *rte, AttrNumber attno)
{
#if PG_VERSION_NUM >= 180000
	if (rte->rtekind == RTE_GROUP)
		return list_nth(rte->groupexprs, attno - 1);
#endif
	return NULL;
}

#if PG_VERSION_NUM < 180000
#define VAR_RETURNING_DEFAULT 0
#define stream_compat_expand_rte(rte, rtindex, up, returning, location, \
								 dropped, names, vars) \
	expandRTE(rte, rtindex, up, location, dropped, names, vars)
#else
#define stream_compat_expand_rte expandRTE
#endif

/* ---- relations ---- */

/* What names the storage of a relation: as a whole, and its two parts. */
#if PG_VERSION_NUM < 160000
#define STREAM_COMPAT_LOCATOR(rel) ((rel)->rd_node)
#define STREAM_COMPAT_RELNUMBER(rel) ((rel)->rd_node.relNode)
#define STREAM_COMPAT_DATABASE(rel) ((rel)->rd_node.dbNode)
#define rd_firstRelfilelocatorSubid rd_firstRelfilenodeSubid
#define RelFileLocator RelFileNode
#define relation_set_new_filelocator relation_set_new_filenode
#else
#define STREAM_COMPAT_LOCATOR(rel) ((rel)->rd_locator)
#define STREAM_COMPAT_RELNUMBER(rel) ((rel)->rd_locator.relNumber)
#define STREAM_COMPAT_DATABASE(rel) ((rel)->rd_locator.dbOid)
#endif

#if PG_VERSION_NUM < 180000
#define stream_compat_primary_key_index(rel, deferrable_ok) \
	RelationGetPrimaryKeyIndex(rel)
#else
#define stream_compat_primary_key_index RelationGetPrimaryKeyIndex
#endif

/* Is it ALTER COLUMN ... SET EXPRESSION?  Since 17. */
#if PG_VERSION_NUM < 170000
#define stream_compat_sets_expression(cmd) false
#else
#define stream_compat_sets_expression(cmd) ((cmd)->subtype == AT_SetExpression)
#endif

/* Is it a generated column that is computed whenever it is read?  Since 18. */
#if PG_VERSION_NUM < 180000
#define stream_compat_is_virtual(relid, attnum) false
#else
#define stream_compat_is_virtual(relid, attnum) \
	(get_attgenerated(relid, attnum) == ATTRIBUTE_GENERATED_VIRTUAL)
#endif

#if PG_VERSION_NUM < 160000
#define stream_compat_truncate(rels, relids, logged, behavior, restart, as_owner) \
	ExecuteTruncateGuts(rels, relids, logged, behavior, restart)
#else
#define stream_compat_truncate ExecuteTruncateGuts
#endif

/* The relation is opened and locked by who calls it since 18. */
#if PG_VERSION_NUM < 180000
#define stream_compat_cluster_rel cluster_rel
#else
#define stream_compat_cluster_rel(relid, index, params) \
	cluster_rel(table_open(relid, AccessExclusiveLock), index, params)
#endif

#if PG_VERSION_NUM < 160000
#define stream_compat_define_index(table, stmt, index, parent, constraint, \
								   total_parts, ...) \
	DefineIndex(table, stmt, index, parent, constraint, __VA_ARGS__)
#else
#define stream_compat_define_index DefineIndex
#endif

#if PG_VERSION_NUM < 170000
#define stream_compat_lock_held_by_me(tag, mode, orstronger) \
	LockHeldByMe(tag, mode)
#else
#define stream_compat_lock_held_by_me LockHeldByMe
#endif

/* ---- rows and indexes ---- */

#if PG_VERSION_NUM < 160000
/* Which indexes an update wants new entries in: all, or none. */
typedef bool TU_UpdateIndexes;

#define TU_None false
#define stream_compat_only_summarizing(update) false
#define stream_compat_insert_index_tuples(result_rel, slot, estate, update, \
										  no_dup_err, conflict, arbiters, \
										  only_summarizing) \
	ExecInsertIndexTuples(result_rel, slot, estate, update, no_dup_err, \
						  conflict, arbiters)
#else
#define stream_compat_only_summarizing(update) ((update) == TU_Summarizing)
#define stream_compat_insert_index_tuples ExecInsertIndexTuples
#endif

#if PG_VERSION_NUM < 180000
#define stream_compat_index_beginscan(heap, index, snapshot, instrument, \
									  nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, nkeys, norderbys)
#else
#define stream_compat_index_beginscan index_beginscan
#endif

#if PG_VERSION_NUM < 160000
#define stream_compat_make_range(typcache, lower, upper, empty, escontext) \
	make_range(typcache, lower, upper, empty)
#else
#define stream_compat_make_range make_range
#endif

/* ---- execution ---- */

/*
 * PostgreSQL 15 sets up a custom scan's expressions for virtual slots before
 * its begin callback runs; later versions let the provider choose.
 */
#define STREAM_CUSTOM_SCAN_IS_VIRTUAL (PG_VERSION_NUM < 160000)
#if STREAM_CUSTOM_SCAN_IS_VIRTUAL
#define stream_compat_set_slot_ops(css, ops) ((void) 0)
#else
#define stream_compat_set_slot_ops(css, ops) ((css)->slotOps = (ops))
#endif

#if PG_VERSION_NUM < 180000
#define stream_compat_executor_run(desc, direction, count) \
	ExecutorRun(desc, direction, count, true)
#define stream_compat_range_table_relation(estate, rti) \
	ExecGetRangeTableRelation(estate, rti)
#else
#define stream_compat_executor_run ExecutorRun
#define stream_compat_range_table_relation(estate, rti) \
	ExecGetRangeTableRelation(estate, rti, false)
#endif

#if PG_VERSION_NUM < 170000
#define stream_compat_explain_one_plan(stmt, into, es, source, params, env, \
									   duration, buffers, memory) \
	ExplainOnePlan(stmt, into, es, source, params, env, duration, buffers)
#else
#define stream_compat_explain_one_plan ExplainOnePlan
#endif

/* ---- transactions ---- */

/* The process that a virtual transaction id names; NULL if it has ended. */
#if PG_VERSION_NUM < 170000
#define stream_compat_vxid_process(vxid) BackendIdGetProc((vxid).backendId)
#else
#define stream_compat_vxid_process(vxid) ProcNumberGetProc((vxid).procNumber)
#endif

/* ---- waiting ---- */

/* What pg_stat_activity shows since 17; before, it is "Extension". */
typedef enum StreamCompatWait
{
	STREAM_WAIT_LAUNCHER,		/* for something to do */
	STREAM_WAIT_SCHEDULER,
	STREAM_WAIT_WORKER,
	STREAM_WAIT_VIEW,			/* REFRESH and streaming.wait */
	STREAM_WAIT_PROCESSES,		/* for those of a database to go */
	STREAM_WAIT_DEBUG_POINT
} StreamCompatWait;

#if PG_VERSION_NUM < 170000
#define stream_compat_wait_event(wait) PG_WAIT_EXTENSION
#else
extern uint32 stream_compat_wait_event(StreamCompatWait wait);
#endif

/* ---- hash tables ---- */

/* Among the parameters of a hash table in shared memory, how to copy keys. */
#if PG_VERSION_NUM < 170000
#define STREAM_COMPAT_DSHASH_COPY
#else
#define STREAM_COMPAT_DSHASH_COPY .copy_function = dshash_memcpy,
#endif


/*
 * In a hash table of tuples, each entry has one pointer of ours beside its
 * tuple.  Since 18 that is kept in front of the tuple, in the same piece of
 * memory.
 */
#if PG_VERSION_NUM < 180000
#define STREAM_COMPAT_HASH_EXTRA 0
#define stream_compat_build_hash_table(parent, desc, ops, ...) \
	BuildTupleHashTableExt(parent, desc, __VA_ARGS__)
#else
#define STREAM_COMPAT_HASH_EXTRA sizeof(void *)
#define stream_compat_build_hash_table BuildTupleHashTable
#endif

/* Where the entry has its pointer; NULL in a new one. */
static inline void **
stream_compat_hash_pointer(TupleHashTable table, TupleHashEntryData *entry)
{
#if PG_VERSION_NUM < 180000
	return &entry->additional;
#else
	return (void **) TupleHashEntryGetAdditional(table, entry);
#endif
}

/*
 * Puts a copy of another tuple, with equal keys, in the place of the entry's;
 * its pointer stays, but may be in another place.
 */
static inline void
stream_compat_hash_replace(TupleHashTable table, TupleHashEntryData *entry,
						   MinimalTuple tuple)
{
	MinimalTuple old = entry->firstTuple;
	MemoryContext context = MemoryContextSwitchTo(table->tablecxt);

#if PG_VERSION_NUM < 180000
	entry->firstTuple = heap_copy_minimal_tuple(tuple);
	pfree(old);
#else
	entry->firstTuple = heap_copy_minimal_tuple(tuple, table->additionalsize);
	memcpy((char *) entry->firstTuple - table->additionalsize,
		   (char *) old - table->additionalsize, table->additionalsize);
	pfree((char *) old - table->additionalsize);
#endif
	MemoryContextSwitchTo(context);
}

#endif
