/*-------------------------------------------------------------------------
 *
 * replace.c
 *	  streaming.replace: a view has another query from now on.
 *
 * The grammar has no ALTER MATERIALIZED VIEW ... AS.  So the query comes as text, is
 * taken for that of a CREATE MATERIALIZED VIEW of the same name, and all that is refused
 * there is refused here.  The columns are as CREATE OR REPLACE VIEW wants them.
 *
 * The new definition and the new state tables are made beside the old ones.  When they are
 * full, the view itself is locked, for the moment in which
 * it gets the query that runs over them, and the old parts are dropped.  Its OID stays, and
 * with it all that the server keeps by it: owner, privileges, comments, options, and what
 * depends on it.  Indexes that its users have made on the old table are made on the new one,
 * and what they have set of columns is set again.
 *
 * CALL, which can commit, does that in three steps:
 *
 *	- the new parts are made and committed as a successor (successor.c), which workers run like any
 *	  view; the view itself goes on as ever, and no lock is held on it;
 *	- we wait for the successor, without a snapshot, as REFRESH does;
 *	- under the batch locks of both, and of the view's group, the view gets the parts of the
 *	  successor and its progress, and one batch more, so that nothing that was shown
 *	  is missing.  What may have changed since the first step is checked again.  Who reads the view
 *	  is waited for in short tries, and all of that step is undone in between.
 *
 * After an error, or a crash, somebody drops the successor: the view is what it was.
 *
 * A view with a change stream keeps that, and its triggers; what differs between the old and the new
 * result goes into it, to triggers and to the views above as one batch (difference.c), in the transaction in which
 * readers find the new result.  Until then no batch of the new parts tells anything to anybody.  The
 * views above must be able to go on: they read the changes of rows, with the columns that they know.
 *
 * In a transaction block, and where it is called by a function, all is one transaction.  The new parts
 * have a catalog row and a progress of their own then, which nobody else can see, and the first batch, over all that the
 * streams hold, runs in this session, which is the owner's.  The view does not advance
 * meanwhile: the batch locks of the view and of its group are held from the beginning, as the order of
 * locks wants it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/attmap.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/toast_compression.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "commands/cluster.h"
#include "commands/comment.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/analyze.h"
#include "parser/parse_utilcmd.h"
#include "parser/parser.h"
#include "pgstat.h"
#include "rewrite/rewriteHandler.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/savepoint.h"
#include "base/shmem.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "stream/am.h"
#include "time/declare.h"
#include "flow/triggers.h"
#include "flow/relations.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"
#include "flow/successor.h"
#include "flow/difference.h"
#include "process/wait.h"
#include "command/guard.h"
#include "command/view.h"
#include "command/index.h"
#include "command/reset.h"
#include "command/statement.h"

/* So long readers wait for us at most, each time; and how long they are left alone in between. */
#define TRY_MS 100
#define MAX_PAUSE_MS 5000

PG_FUNCTION_INFO_V1(stream_replace);

/* ---- the query ---- */

/* Positions are in the text that the function was given, not in the statement around. */
static void
error_in_query(void *arg)
{
	int			position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(position);
	internalerrquery((const char *) arg);
}

/* The statement that creates a view with the query, as the parser has it. */
static CreateTableAsStmt *
parse_query(const char *source)
{
	List	   *statements = raw_parser(source, RAW_PARSE_DEFAULT);
	CreateTableAsStmt *stmt = makeNode(CreateTableAsStmt);

	if (list_length(statements) != 1 ||
		!IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a continuous view must be one SELECT")));
	stmt->query = linitial_node(RawStmt, statements)->stmt;
	stmt->into = makeNode(IntoClause);
	stmt->objtype = OBJECT_MATVIEW;
	return stmt;
}

/* Analyses it, in its place. */
static void
analyze_query(CreateTableAsStmt *stmt, const char *source)
{
	RawStmt    *raw = makeNode(RawStmt);

	raw->stmt = (Node *) stmt;
	(void) parse_analyze_fixedparams(raw, source, NULL, 0, NULL);
	stream_compat_locate_groups(castNode(Query, stmt->query));
}

/* Says what the new tables are like: as the old ones. */
static void
fill_into(IntoClause *into, Relation view, const StreamViewRow *before)
{
	Oid			tablespace = get_rel_tablespace(before->state);

	into->rel = makeRangeVar(get_namespace_name(RelationGetNamespace(view)),
							 pstrdup(RelationGetRelationName(view)), 0);
	into->tableSpaceName = get_tablespace_name(OidIsValid(tablespace) ?
											   tablespace : MyDatabaseTableSpace);
	into->options = stream_relations_storage(before->state);
}

/* ---- what users have made of the old table ---- */

/* By a cursor, or by the query that calls us: to be said before the long part. */
static void
check_not_in_use(const StreamViewRow *row)
{
	List	   *relids = lcons_oid(row->viewid, stream_catalog_states(row));
	ListCell   *lc;

	foreach(lc, relids)
	{
		Relation	rel;

		if (!OidIsValid(lfirst_oid(lc)))
			continue;
		rel = table_open(lfirst_oid(lc), AccessShareLock);
		CheckTableNotInUse(rel, "streaming.replace");
		table_close(rel, NoLock);
	}
}

/* Their names, for a message. */
static char *
names_of_statistics(List *statistics)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, statistics)
	{
		HeapTuple	tuple = SearchSysCache1(STATEXTOID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_statistic_ext form;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 quote_qualified_identifier(get_namespace_name(form->stxnamespace),
													NameStr(form->stxname)));
		ReleaseSysCache(tuple);
	}
	return names.data;
}

static void
check_statistics(const StreamViewRow *row)
{
	Relation	state = table_open(row->state, NoLock);
	List	   *statistics = RelationGetStatExtList(state);

	table_close(state, NoLock);
	if (statistics != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot replace the query of continuous view \"%s\" because it has extended statistics",
						get_rel_name(row->viewid)),
				 errdetail("They are about its table: %s.",
						   names_of_statistics(statistics)),
				 errhint("Drop the statistics, and create them again after this, in one transaction.")));
}

/* ---- who is told of the view's rows ---- */

pg_noreturn static void
refuse(Oid viewid, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot replace the query of continuous view \"%s\"",
					get_rel_name(viewid)),
			 errdetail("%s", why), errhint("%s", hint)));
}

/* Has the table triggers of the view?  of_view: it is a change stream, with others beside. */
static bool
has_triggers(Oid relid, bool of_view)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		any = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
		any |= !of_view ||
			stream_triggers_is_of_view(&rel->trigdesc->triggers[i]);
	table_close(rel, NoLock);
	return any;
}

static void
refuse_reader(Oid viewid, const char *reader, const char *how)
{
	if (reader)
		refuse(viewid, psprintf("Continuous view \"%s\" reads %s.", reader, how),
			   "Drop that view, and create it again after this.");
}

/* Of a result that is a stream, others have seen each row by its place. */
static void
check_added(const StreamViewRow *before)
{
	refuse_reader(before->viewid, stream_guard_reader(before->state),
				  "its rows, to which others are only added");
	if (has_triggers(before->state, false))
		refuse(before->viewid,
			   "It has triggers, and rows are only added to its result: they would fire for all of its rows once more.",
			   "Drop the triggers, and create them again after this, in one transaction.");
}

/* The change stream must go on with the new parts. */
static void
check_changes(const StreamViewRow *before, const StreamViewRow *row,
			  List *columns)
{
	const char *reader = stream_guard_reader(before->changes);
	ListCell   *lc;

	if (stream_declare_is_result(before->changes))
		refuse_reader(before->viewid, reader,
					  "its rows, to which others are only added");
	if (columns != NIL)
		refuse_reader(before->viewid, reader,
					  "its changes, which would have other columns");
	if (stream_am_relid_is_stream(row->state) &&
		!stream_am_relid_is_stream(before->state))
	{
		refuse_reader(before->viewid, reader,
					  "its changes, and by the new query rows are only added to it");
		if (has_triggers(before->changes, true))
			refuse(before->viewid,
				   "It has triggers for changes of its rows, and by the new query rows are only added to it.",
				   "Drop the triggers, and create them again after this, in one transaction.");
	}
	foreach(lc, columns)
	{
		const char *name =
			castNode(ColumnDef, lfirst_node(AlterTableCmd, lc)->def)->colname;

		if (get_attnum(before->changes, name) != InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("change stream \"%s\" has a column \"%s\" already",
							get_rel_name(before->changes), name),
					 errhint("Give the new column another name.")));
	}
}

/* Those who have been told of the rows so far must be able to go on. */
static void
check_told(const StreamViewRow *before, const StreamViewRow *row,
		   List *columns)
{
	if (stream_am_relid_is_stream(before->state))
		check_added(before);
	if (OidIsValid(before->changes))
		check_changes(before, row, columns);
}

/* An index that is to be on the new table. */
typedef struct Carried
{
	IndexStmt  *stmt;			/* with a name for the time that the old one is there */
	char	   *name;
	bool		clustered;
	Oid			made;
} Carried;

/* Is it this column of the table? */
static bool
is_column(Node *expr, Oid relid, const char *name)
{
	return expr && IsA(expr, Var) &&
		strcmp(get_attname(relid, ((Var *) expr)->varattno, false), name) == 0;
}

/*
 * Has a column of an index be about the new table, by the columns that the view shows; false:
 * it is computed now.  shown, reading: what the view runs over the tables.
 */
static bool
carry_element(IndexElem *elem, bool included, const StreamViewRow *before,
			  Query *shown, const StreamViewRow *row, Query *reading)
{
	for (AttrNumber attno = 1; attno <= list_length(shown->targetList);
		 attno++)
	{
		Node	   *expr = stream_index_shown(shown, before->state, attno);

		if ((elem->name ? is_column(expr, before->state, elem->name) :
			 equal(expr, elem->expr)) &&
			stream_index_set_column(elem, included,
									 stream_index_shown(reading, row->state,
															 attno),
									 row->state))
			return true;
	}
	return false;
}

/* Each column of the table, which is locked, for itself. */
static AttrMap *
same_columns(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	AttrMap    *map = make_attrmap(RelationGetNumberOfAttributes(rel));

	for (int i = 0; i < map->maplen; i++)
		map->attnums[i] = i + 1;
	table_close(rel, NoLock);
	return map;
}

static Carried *
carry_index(Relation index, const StreamViewRow *before, Query *shown,
			const StreamViewRow *row, Query *reading)
{
	Carried    *carried = palloc0(sizeof(Carried));
	RangeVar   *table = makeRangeVar(get_namespace_name(get_rel_namespace(row->state)),
									 get_rel_name(row->state), -1);
	IndexStmt  *stmt = generateClonedIndexStmt(table, index,
											   same_columns(before->state),
											   NULL);
	ListCell   *lc;

	foreach(lc, list_concat_copy(stmt->indexParams,
								 stmt->indexIncludingParams))
	{
		IndexElem  *elem = lfirst_node(IndexElem, lc);

		if (!carry_element(elem,
						   list_member_ptr(stmt->indexIncludingParams, elem),
						   before, shown, row, reading))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot replace the query of continuous view \"%s\" because index \"%s\" depends on its column \"%s\"",
							get_rel_name(before->viewid),
							RelationGetRelationName(index),
							elem->name ? elem->name : elem->indexcolname),
					 errdetail("With the new query the column is computed when the view is read."),
					 errhint("Drop the index first.")));
	}
	stmt->idxcomment = GetComment(RelationGetRelid(index), RelationRelationId,
								  0);
	carried->stmt = stmt;
	carried->name = pstrdup(RelationGetRelationName(index));
	carried->clustered = get_index_isclustered(RelationGetRelid(index));
	return carried;
}

static AlterTableCmd *
column_command(AlterTableType type, const char *column, Node *def)
{
	AlterTableCmd *command = makeNode(AlterTableCmd);

	command->subtype = type;
	command->name = pstrdup(column);
	command->def = def;
	return command;
}

static const char *
storage_name(char storage)
{
	switch (storage)
	{
		case TYPSTORAGE_PLAIN:
			return "plain";
		case TYPSTORAGE_EXTERNAL:
			return "external";
		case TYPSTORAGE_MAIN:
			return "main";
		default:
			return "extended";
	}
}

/* Those of a column that can be set; the server has others of its own (pg_attver). */
static List *
user_options(List *options)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, options)
		if (strncmp(lfirst_node(DefElem, lc)->defname, "n_distinct",
					strlen("n_distinct")) == 0)
			result = lappend(result, lfirst(lc));
	return result;
}

/* The commands that make a new column, which has its defaults, what the old one is. */
static List *
carry_column(HeapTuple from, HeapTuple to)
{
	Form_pg_attribute before = (Form_pg_attribute) GETSTRUCT(from);
	Form_pg_attribute now = (Form_pg_attribute) GETSTRUCT(to);
	const char *name = NameStr(now->attname);
	List	   *commands = NIL;
	List	   *options;
	bool		isnull;
	Datum		value;

	value = SysCacheGetAttr(ATTNUM, from, Anum_pg_attribute_attstattarget,
							&isnull);
	/* the default is -1, or null, as the version has it */
	if (!isnull && DatumGetInt32(value) >= 0)
		commands = lappend(commands,
						   column_command(AT_SetStatistics, name,
										  (Node *) makeInteger(DatumGetInt32(value))));
	value = SysCacheGetAttr(ATTNUM, from, Anum_pg_attribute_attoptions,
							&isnull);
	options = isnull ? NIL : user_options(untransformRelOptions(value));
	if (options != NIL)
		commands = lappend(commands,
						   column_command(AT_SetOptions, name,
										  (Node *) options));
	if (before->attstorage != now->attstorage)
		commands = lappend(commands,
						   column_command(AT_SetStorage, name,
										  (Node *) makeString(pstrdup(storage_name(before->attstorage)))));
	if (CompressionMethodIsValid(before->attcompression))
		commands = lappend(commands,
						   column_command(AT_SetCompression, name,
										  (Node *) makeString(pstrdup(GetCompressionMethodName(before->attcompression)))));
	return commands;
}

/* What has been set of columns that are still shown as they are. */
static void
carry_columns(StreamStatement *s, const StreamViewRow *before, Query *shown,
			  const StreamViewRow *row, Query *reading)
{
	List	   *commands = NIL;

	for (AttrNumber attno = 1; attno <= list_length(shown->targetList);
		 attno++)
	{
		Node	   *old = stream_index_shown(shown, before->state, attno);
		Node	   *new = stream_index_shown(reading, row->state, attno);
		HeapTuple	from;
		HeapTuple	to;

		if (old == NULL || new == NULL || !IsA(old, Var) || !IsA(new, Var))
			continue;
		from = SearchSysCache2(ATTNUM, ObjectIdGetDatum(before->state),
							   Int16GetDatum(((Var *) old)->varattno));
		to = SearchSysCache2(ATTNUM, ObjectIdGetDatum(row->state),
							 Int16GetDatum(((Var *) new)->varattno));
		commands = list_concat(commands, carry_column(from, to));
		ReleaseSysCache(from);
		ReleaseSysCache(to);
	}
	if (commands == NIL)
		return;
	EventTriggerAlterTableStart(s->pstmt->utilityStmt);
	AlterTableInternal(row->state, commands, false);
	EventTriggerAlterTableEnd();
	CommandCounterIncrement();
}

/* The indexes that users have made; names of ours begin with "_", and theirs do not. */
static List *
carry_indexes(const StreamViewRow *before, Query *shown,
			  const StreamViewRow *row, Query *reading)
{
	Relation	state = table_open(before->state, NoLock);
	List	   *indexes = NIL;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(state))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (RelationGetRelationName(index)[0] != '_')
			indexes = lappend(indexes, carry_index(index, before, shown, row,
												   reading));
		index_close(index, NoLock);
	}
	table_close(state, NoLock);
	return indexes;
}

static void
make_indexes(List *indexes, Oid state)
{
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Carried    *carried = lfirst(lc);

		carried->stmt->idxname = psprintf("%s_%d", get_rel_name(state),
										  foreach_current_index(lc) + 1);
		carried->made =
			stream_compat_define_index(state, carried->stmt, InvalidOid,
									   InvalidOid, InvalidOid, -1, false,
									   false, true, false, true).objectId;
		CommandCounterIncrement();
		if (carried->clustered)
		{
			Relation	rel = table_open(state, NoLock);

			mark_index_clustered(rel, carried->made, true);
			table_close(rel, NoLock);
			CommandCounterIncrement();
		}
	}
}

/* The old ones are gone. */
static void
name_indexes(List *indexes)
{
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Carried    *carried = lfirst(lc);

		RenameRelationInternal(carried->made, carried->name, true, true);
		CommandCounterIncrement();
	}
}

/* ---- the view ---- */

/* Has it the new parts for its own, and catches up. */
static void
fill_parts(const StreamViewRow *row, int64 last)
{
	stream_catalog_delete_view(row->viewid);
	CommandCounterIncrement();
	stream_catalog_insert_view(row);
	CommandCounterIncrement();
	stream_viewgroup_check(row->viewid, NIL, NULL);
	stream_reset_run(row, last);
}

/* The same of parts that workers have filled. */
static void
take_parts(StreamViewRow *row, const StreamViewRow *before)
{
	stream_successor_take(row, before);
	stream_viewgroup_check(row->viewid, NIL, NULL);
	if (!STREAM_MUTATION("successor_behind"))
		stream_reset_catch_up(row->viewid);
}

/* The moment in which nobody can read the view. */
static void
exchange(StreamStatement *s, const StreamViewRow *before,
		 const StreamViewRow *row, List *columns, Query *reading)
{
	StreamViewRow former = *before;

	LockRelationOid(row->viewid, AccessExclusiveLock);
	/* who reads it may have come meanwhile */
	check_told(before, row, columns);
	if (columns != NIL)
	{
		EventTriggerAlterTableStart(s->pstmt->utilityStmt);
		AlterTableInternal(row->viewid, columns, true);
		if (OidIsValid(before->changes))
			stream_relations_extend_changes(before->changes, columns);
		EventTriggerAlterTableEnd();
		CommandCounterIncrement();
	}
	/* the change stream is none of the parts that go */
	former.changes = InvalidOid;
	stream_relations_exchange(&former, row, reading);
}

/* It has its change stream again, and what has changed is in that. */
static void
tell(StreamViewRow *row, const StreamViewRow *before,
	 StreamDifference *difference)
{
	if (difference == NULL)
		return;
	row->changes = before->changes;
	stream_catalog_update_view(row);
	CommandCounterIncrement();
	stream_batch_forget(row->viewid);
	stream_difference_hand_on(difference, row);
}

/* Says so if there are fewer rows in the same streams than there were. */
static void
notice_gone(const StreamViewRow *before, const StreamViewRow *row,
			int64 rows_read)
{
	StreamProgress progress;

	if (list_difference_oid(before->streams, row->streams) != NIL ||
		list_difference_oid(row->streams, before->streams) != NIL)
		return;
	stream_catalog_read_progress(row->viewid, row->unlogged, NULL, &progress);
	if (progress.rows_read < rows_read)
		ereport(NOTICE,
				(errmsg("the view is made of fewer rows than before"),
				 errdetail("It had read " INT64_FORMAT " rows of its streams, and has read " INT64_FORMAT " now.",
						   rows_read, progress.rows_read),
				 errhint("What has been removed from a stream since is in no result that is made anew.")));
}

/* A view that is replaced. */
typedef struct Replacing
{
	int			patience_ms;	/* so long we wait for who reads the view; 0: as lock_timeout says */
	bool		impatient;		/* we are waiting for him */
	Oid			viewid;
	StreamViewRow *before;		/* as it is; in the last step, as it was in the first */
	StreamViewRow row;			/* with the new parts */
	Query	   *query;			/* the new query, analysed ... */
	Query	   *reading;		/* ... and what the view will run */
	List	   *columns;		/* commands that add columns to the view */
	StreamDifference *difference;	/* for who is told of changes, or NULL */
} Replacing;

/* Locks the view, and looks whether it may be replaced. */
static StreamViewRow *
lock_view(Oid viewid, Oid successor)
{
	StreamViewRow *row = stream_reset_lock(viewid, successor,
										   ShareUpdateExclusiveLock);

	/* nobody gives it an index, a trigger or statistics meanwhile */
	LockRelationOid(row->state, ShareUpdateExclusiveLock);
	if (OidIsValid(row->changes))
		LockRelationOid(row->changes, ShareUpdateExclusiveLock);
	check_statistics(row);
	check_not_in_use(row);
	return row;
}

/* Makes the new parts. */
static void
make_parts(StreamStatement *s, Replacing *r)
{
	CreateTableAsStmt *stmt = (CreateTableAsStmt *) s->pstmt->utilityStmt;
	ErrorContextCallback callback;
	Relation	view = table_open(r->viewid, NoLock);

	r->row = *r->before;
	/* with them, one that has been released is one again that runs */
	r->row.released = false;
	stream_options_fill(r->row.option_names, r->row.option_values,
						&r->row.options);
	fill_into(stmt->into, view, r->before);
	callback.callback = error_in_query;
	callback.arg = (void *) s->source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	analyze_query(stmt, s->source);
	r->query = copyObject(castNode(Query, stmt->query));
	r->columns = stream_relations_added_columns(view, r->query, s->source);
	r->reading = copyObject(stream_view_remake(&r->row, stmt, s->source));
	error_context_stack = callback.previous;
	table_close(view, NoLock);
}

/* What users have made of the old table: carries columns over, returns the indexes. */
static List *
carry(StreamStatement *s, Replacing *r)
{
	Relation	view = table_open(r->viewid, NoLock);
	Query	   *shown = copyObject(get_view_query(view));
	List	   *indexes = carry_indexes(r->before, shown, &r->row, r->reading);

	table_close(view, NoLock);
	carry_columns(s, r->before, shown, &r->row, r->reading);
	return indexes;
}

/* From here on, a lock that cannot be had soon is an error, 55P03, which is for try_step. */
static void
be_impatient(Replacing *r)
{
	if (r->patience_ms == 0)
		return;
	(void) set_config_option("lock_timeout", psprintf("%d", r->patience_ms),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	r->impatient = true;
}

/* The new parts are full: the view has them from now on. */
static void
put_in_place(StreamStatement *s, Replacing *r, List *indexes,
			 int64 rows_read)
{
	int			nestlevel = NewGUCNestLevel();

	make_indexes(indexes, r->row.state);
	if (r->difference)
		stream_difference_find(r->difference, r->reading);
	STREAM_DEBUG_POINT("replace-before-exchange");
	be_impatient(r);
	exchange(s, r->before, &r->row, r->columns, copyObject(r->reading));
	r->impatient = false;
	AtEOXact_GUC(false, nestlevel);
	name_indexes(indexes);
	STREAM_DEBUG_POINT("replace-exchanged");
	tell(&r->row, r->before, r->difference);
	STREAM_DEBUG_POINT("replace-told");
	notice_gone(r->before, &r->row, rows_read);
	stream_shmem_views_changed();
}

/* What is shown now is to be compared. */
static void
begin_difference(Replacing *r)
{
	r->difference = OidIsValid(r->before->changes) ?
		stream_difference_begin(r->before, &r->row) : NULL;
}

/* All of it, in one transaction. */
static ObjectAddress
replace_at_once(StreamStatement *s, void *arg)
{
	Replacing  *r = arg;
	StreamProgress progress;
	List	   *indexes;
	ObjectAddress made;

	stream_successor_lock(r->viewid, false);
	r->before = lock_view(r->viewid, InvalidOid);
	make_parts(s, r);
	check_told(r->before, &r->row, r->columns);
	indexes = carry(s, r);
	begin_difference(r);
	stream_catalog_read_progress(r->viewid, r->before->unlogged, NULL,
								 &progress);
	if (STREAM_MUTATION("replace_told_twice"))
		r->row.changes = r->before->changes;
	fill_parts(&r->row, progress.batch);
	put_in_place(s, r, indexes, progress.rows_read);
	ObjectAddressSet(made, RelationRelationId, r->viewid);
	return made;
}

/* The first step. */
static ObjectAddress
begin(StreamStatement *s, void *arg)
{
	Replacing  *r = arg;
	ObjectAddress made;

	stream_successor_lock(r->viewid, true);
	r->before = lock_view(r->viewid, InvalidOid);
	(void) stream_successor_clean(stream_catalog_views(), r->viewid);
	make_parts(s, r);
	/* what stands against it is to be said before the long part */
	check_told(r->before, &r->row, r->columns);
	if (OidIsValid(r->before->changes))
		stream_difference_check(r->before, &r->row);
	(void) carry(s, r);
	stream_successor_begin(&r->row);
	ObjectAddressSet(made, RelationRelationId, r->row.viewid);
	return made;
}

/* What the new parts were made for must still be so. */
static void
check_unchanged(const Replacing *r, const StreamViewRow *now)
{
	if (now->definition != r->before->definition ||
		!equal(now->option_names, r->before->option_names) ||
		!equal(now->option_values, r->before->option_values) ||
		stream_owner_of(r->row.viewid) != stream_owner_of(r->viewid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot replace the query of continuous view \"%s\"",
						get_rel_name(r->viewid)),
				 errdetail("Its owner or its options have been changed meanwhile."),
				 errhint("Try again.")));
}

/* The last step. */
static ObjectAddress
finish(StreamStatement *s, void *arg)
{
	Replacing  *r = arg;
	Oid			successor = r->row.viewid;
	StreamViewRow *now = lock_view(r->viewid, successor);
	StreamViewRow *row = stream_catalog_view(successor);
	Relation	view = table_open(r->viewid, NoLock);
	StreamProgress progress;
	List	   *indexes;
	ObjectAddress made;

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("what was to replace the continuous view was dropped")));
	check_unchanged(r, now);
	/* whoever has done that knows of the view as it is, and of the new parts */
	if (now->released && !r->before->released)
		refuse(r->viewid, "It has been released from a stream meanwhile.",
			   "Try again.");
	stream_reset_check_view(row, "replace the query of");
	r->before = now;
	r->row = *row;
	/* they may have been renamed */
	r->columns = stream_relations_added_columns(view, r->query, s->source);
	table_close(view, NoLock);
	check_told(now, &r->row, r->columns);
	indexes = carry(s, r);
	begin_difference(r);
	stream_catalog_read_progress(r->viewid, now->unlogged, NULL, &progress);
	take_parts(&r->row, now);
	put_in_place(s, r, indexes, progress.rows_read);
	ObjectAddressSet(made, RelationRelationId, r->viewid);
	return made;
}

/* Can the view be had at all?  Asked before the batch locks are taken and indexes are made. */
static void
probe(StreamStatement *s, Replacing *r)
{
	int			nestlevel = NewGUCNestLevel();

	be_impatient(r);
	LockRelationOid(r->viewid, AccessExclusiveLock);
	r->impatient = false;
	UnlockRelationOid(r->viewid, AccessExclusiveLock);
	AtEOXact_GUC(false, nestlevel);
}

static void
run_finish(StreamStatement *s, Replacing *r)
{
	stream_statement_run(s, finish, r);
}

/* A step that is tried. */
typedef struct Try
{
	StreamStatement *s;
	Replacing  *r;
	void		(*step) (StreamStatement *s, Replacing *r);
} Try;

static void
run_try(void *arg)
{
	Try		   *attempt = arg;

	attempt->step(attempt->s, attempt->r);
}

/*
 * Runs a step in a subtransaction; false, with nothing done and no lock kept, if somebody reads the view
 * who is not done soon.  (The server's own end of an error leaves only the innermost transaction.)
 */
static bool
try_step(StreamStatement *s, Replacing *r,
		 void (*step) (StreamStatement *s, Replacing *r))
{
	Replacing	was = *r;
	Try			attempt = {.s = s,.r = r,.step = step};
	ErrorData  *error = stream_savepoint_try(run_try, &attempt);

	if (error == NULL)
		return true;
	if (!r->impatient || error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	FreeErrorData(error);
	*r = was;
	return false;
}

/* Without a snapshot, or any lock but those on the successor. */
static void
pause_for(int ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	long		left;

	while ((left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   until)) > 0)
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 stream_compat_wait_event(STREAM_WAIT_VIEW));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * The last step, in short tries, so that nobody who reads the view waits long because somebody else has read it
 * in a transaction that is open.  In between all views go on.  lock_timeout is for all of them
 * together.
 */
static void
finish_in_tries(StreamStatement *s, Replacing *r, Oid successor)
{
	TimestampTz begun = GetCurrentTimestamp();
	int			pause = TRY_MS;

	for (;;)
	{
		bool		last;

		EnsurePortalSnapshotExists();
		stream_wait_refresh(successor);
		STREAM_DEBUG_POINT("replace-caught-up");
		SPI_commit();
		EnsurePortalSnapshotExists();
		last = LockTimeout > 0 &&
			TimestampDifferenceExceeds(begun, GetCurrentTimestamp(),
									   LockTimeout);
		r->patience_ms = LockTimeout > 0 ? Min(TRY_MS, LockTimeout) : TRY_MS;
		if (STREAM_MUTATION("replace_patient"))
			r->patience_ms = 0;
		if (try_step(s, r, probe) && try_step(s, r, run_finish))
			break;
		if (last)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("canceling statement due to lock timeout"),
					 errdetail("Open transactions have read the view.")));
		SPI_commit();
		STREAM_DEBUG_POINT("replace-pausing");
		pause_for(pause);
		pause = Min(2 * pause, MAX_PAUSE_MS);
	}
	SPI_commit();
}

/* With the view going on meanwhile. */
static void
replace_in_steps(StreamStatement *s, Replacing *r)
{
	Oid			successor;

	/* of what is allocated here, nothing goes with a transaction */
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to the server programming interface");
	stream_statement_run(s, begin, r);
	successor = r->row.viewid;
	SPI_commit();
	STREAM_DEBUG_POINT("replace-begun");
	finish_in_tries(s, r, successor);
	stream_successor_unlock(successor);
	stream_successor_unlock(r->viewid);
	SPI_finish();
}

/* May we commit? */
static bool
is_atomic(FunctionCallInfo fcinfo)
{
	return fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || IsSubTransaction();
}

/*
 * PROCEDURE replace(view regclass, query text)
 *
 * For the owner of the view.  Takes, in the last step or from the beginning, the batch locks of the view and
 * its group and ShareUpdateExclusiveLock on it, and AccessExclusiveLock at the end.  Event triggers see
 * CREATE MATERIALIZED VIEW, once for each step that makes something.  Errors: as reset.h and
 * view.h; 42601; 42P16 where columns do not fit; 2BP01 for what depends on the old tables; 55006 for what
 * has changed meanwhile; and what a batch raises.
 */
Datum
stream_replace(PG_FUNCTION_ARGS)
{
	Replacing	r = {0};
	char	   *source;
	PlannedStmt *pstmt = makeNode(PlannedStmt);
	StreamStatement s = {
		.pstmt = pstmt,.context = PROCESS_UTILITY_QUERY,
		.dest = None_Receiver
	};
	ErrorContextCallback callback;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of streaming.replace must not be null")));
	r.viewid = PG_GETARG_OID(0);
	s.source = source = text_to_cstring(PG_GETARG_TEXT_PP(1));
	stream_reset_check_caller(r.viewid, "streaming.replace");
	callback.callback = error_in_query;
	callback.arg = source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	pstmt->commandType = CMD_UTILITY;
	pstmt->utilityStmt = (Node *) parse_query(source);
	error_context_stack = callback.previous;
	if (is_atomic(fcinfo))
		stream_statement_run(&s, replace_at_once, &r);
	else
		replace_in_steps(&s, &r);
	PG_RETURN_VOID();
}
