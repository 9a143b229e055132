/*-------------------------------------------------------------------------
 *
 * viewgroup.c
 *	  Views that advance together: streaming.group.
 *
 * The views of one owner (in one database) that have the same streaming.group have
 * their batches in one transaction, over the same rows, so that whoever reads several
 * of them finds them at the same point.  A view that is in no group is one of its own:
 * all batches go through here.
 *
 * Members.  Who is in a group is read anew for each batch, when the batch locks of all
 * of them are held: then nobody can have had a batch with a member that we do not know
 * of, for that needs one of the locks.  A view that joins while a batch runs has its
 * first common batch after that.  To join or leave a group by ALTER takes the view's
 * batch lock, too, so that whoever has a batch lock later has been told.  Batch locks are
 * taken in the order of OIDs.
 *
 * The same rows.  All members are prepared first, until nothing that one of them has
 * brought to light is news to another: all know the same partitions.  Then each leaf
 * is measured, once for all of them, then one snapshot is taken, then they run one after
 * the other.  With its range unbounded, each has read exactly those rows that the
 * snapshot sees, however far it had come before.
 *
 * Backlogs.  Where there is more to read than streaming.max_batch_rows, the smallest
 * that one of them has, the batch is of a part, as below.
 *
 * Rows that fail.  A part of what there is (bisect.c) is one of the rows that are new to any
 * member, in the order of leaves and rows, and each member reads those of it that are
 * new to it.  So after each part all have read the same, or, if they had not before, one has read
 * nothing beyond it that another has not.  A row that fails for one of them is put
 * aside for all that would read it.
 *
 * The leader, the member with the smallest OID, is the one that has a worker, is asked
 * for batches and whose failures are counted; but whichever member a batch is run for,
 * it is the same.  A member that has been released leaves its group.  One that is
 * paused pauses it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/refuse.h"
#include "base/catalog.h"
#include "base/owner.h"
#include "flow/batch.h"
#include "flow/viewgroup.h"

/* So often a batch begins anew because something has changed meanwhile. */
#define MAX_TRIES 10

/* ---- who is in it ---- */

List *
stream_viewgroup_among(List *rows, StreamViewRow *row)
{
	List	   *members = NIL;
	Oid			owner;
	ListCell   *lc;

	if (row->options.group == NULL || row->released)
		return list_make1(row);
	owner = stream_catalog_view_owner(row->viewid);
	foreach(lc, rows)
	{
		StreamViewRow *other = lfirst(lc);

		if (other->viewid == row->viewid ||
			(!other->released && other->options.group &&
			 strcmp(other->options.group, row->options.group) == 0 &&
			 stream_catalog_view_owner(other->viewid) == owner))
			members = lappend(members, other);
	}
	return members;
}

/* Its group in the table; found: NULL, or it is entered if need be. */
static StreamViewgroup *
look_up(HTAB *groups, const StreamViewRow *row, bool *found)
{
	StreamViewgroup group;

	if (row->options.group == NULL || row->released)
		return NULL;
	memset(&group.key, 0, sizeof(group.key));
	group.key.owner = stream_catalog_view_owner(row->viewid);
	strlcpy(group.key.name, row->options.group, NAMEDATALEN);
	return hash_search(groups, &group.key, found ? HASH_ENTER : HASH_FIND,
					   found);
}

HTAB *
stream_viewgroup_collect(List *rows)
{
	HASHCTL		ctl = {.hcxt = CurrentMemoryContext};
	HTAB	   *groups;
	ListCell   *lc;

	ctl.keysize = sizeof(((StreamViewgroup *) NULL)->key);
	ctl.entrysize = sizeof(StreamViewgroup);
	groups = hash_create("groups of views", 64, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, rows)
	{
		bool		found;
		StreamViewRow *row = lfirst(lc);
		StreamViewgroup *group = look_up(groups, row, &found);

		if (group == NULL)
			continue;
		if (!found)
		{
			group->leader = row;
			group->enabled = true;
		}
		group->enabled &= row->options.enabled;
	}
	return groups;
}

const StreamViewgroup *
stream_viewgroup_of(HTAB *groups, const StreamViewRow *row)
{
	return look_up(groups, row, NULL);
}

/* Rows of its members; back: as if it had not been released.  NIL if the view is gone. */
static List *
rows_of_members(Oid viewid, bool back)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	List	   *rows;
	ListCell   *lc;

	if (row == NULL)
		return NIL;
	if (row->options.group == NULL)
		return list_make1(row);
	rows = stream_catalog_views();
	foreach(lc, rows)
	{
		row = lfirst(lc);
		if (row->viewid != viewid)
			continue;
		row->released &= !back;
		return stream_viewgroup_among(rows, row);
	}
	return NIL;
}

static List *
oids_of_views(List *rows)
{
	List	   *oids = NIL;
	ListCell   *lc;

	foreach(lc, rows)
		oids = lappend_oid(oids, ((StreamViewRow *) lfirst(lc))->viewid);
	return oids;
}

List *
stream_viewgroup_members(Oid viewid)
{
	return oids_of_views(rows_of_members(viewid, false));
}

List *
stream_viewgroup_to_be(Oid viewid)
{
	return oids_of_views(rows_of_members(viewid, true));
}

Oid
stream_viewgroup_leader(Oid viewid)
{
	List	   *members = stream_viewgroup_members(viewid);

	return members ? linitial_oid(members) : InvalidOid;
}

Oid
stream_viewgroup_paused(Oid viewid)
{
	ListCell   *lc;

	foreach(lc, rows_of_members(viewid, false))
		if (!((StreamViewRow *) lfirst(lc))->options.enabled)
			return ((StreamViewRow *) lfirst(lc))->viewid;
	return InvalidOid;
}

/* ---- a batch ---- */

typedef struct Member
{
	Oid			viewid;
	const char *name;			/* schema.name, for messages */
	StreamBatch *batch;
} Member;

/* A batch in progress. */
typedef struct Together
{
	StreamGroupBatch *pub;
	List	   *members;
	Member	   *at;				/* whose turn it is, or NULL */
	StreamPart *part;			/* what the batch reads a part of, or NULL: all */
	StreamPart	bound;			/* that, where it is for the number of rows */
	int			size;			/* so many there are, gone ones included */
	StreamBatchShared shared;
} Together;

/* It is a member's turn. */
static StreamBatch *
turn_of(Together *group, Member *member)
{
	group->at = member;
	group->pub->at = member->viewid;
	return member->batch;
}

static void
error_context(void *arg)
{
	Together   *group = arg;

	if (group->at)
		errcontext("continuous view \"%s\", one of a group of %d",
				   group->at->name, group->size);
}

List *
stream_viewgroup_lock(Oid viewid)
{
	List	   *locked = NIL;

	for (;;)
	{
		List	   *members = stream_batch_is_alone(viewid) ?
			list_make1_oid(viewid) : stream_viewgroup_members(viewid);
		List	   *missing = list_difference_oid(members, locked);
		ListCell   *lc;

		if (missing == NIL)
			return members;
		foreach(lc, missing)
			LockDatabaseObject(RelationRelationId, lfirst_oid(lc), 0,
							   ShareUpdateExclusiveLock);
		locked = list_concat(locked, missing);
	}
}

static const char *
name_of(Oid viewid)
{
	char	   *schema = get_namespace_name(get_rel_namespace(viewid));
	char	   *name = get_rel_name(viewid);

	return psprintf("%s.%s", schema ? schema : "?", name ? name : "?");
}

/* Begins the batch of each that is still there. */
static void
open_members(Together *group, List *views, bool whole)
{
	bool		several = group->size > 1;
	ListCell   *lc;

	foreach(lc, views)
	{
		Member	   *member = palloc0(sizeof(Member));

		member->viewid = lfirst_oid(lc);
		member->name = several ? name_of(member->viewid) : NULL;
		turn_of(group, member);
		member->batch = stream_batch_open(member->viewid, whole || several);
		if (member->batch == NULL)
			continue;
		group->members = lappend(group->members, member);
		group->pub->views = lappend_oid(group->pub->views, member->viewid);
	}
}

static Oid	find_read(List *members, Oid viewid, List **seen);

/*
 * A view must not come to read itself, by way of others or not: an ordinary view below
 * may have been replaced.  What the others read by now they have written down; who closes
 * the circle finds it.
 */
static void
check_circle(Member *member)
{
	List	   *self = list_make1_oid(member->viewid);
	List	   *seen = NIL;
	ListCell   *lc;

	if (!stream_batch_has_new_streams(member->batch))
		return;
	foreach(lc, stream_batch_streams(member->batch))
	{
		Oid			viewid = stream_catalog_view_of(lfirst_oid(lc));

		if (OidIsValid(viewid) &&
			(viewid == member->viewid ||
			 OidIsValid(find_read(self, viewid, &seen))))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("continuous view \"%s\" would read itself",
							get_rel_name(member->viewid)),
					 errdetail("An ordinary view that it reads has been replaced by one that reads it."),
					 errhint("Have that view read something else.")));
	}
}

/*
 * A view that reads another can't be at the same point: what it reads is what that has
 * committed.  (stream_viewgroup_check knows of those that it has read from the
 * beginning, but an ordinary view below may have been replaced.)
 */
static void
check_streams(Together *group, Member *member)
{
	ListCell   *lc;

	foreach(lc, list_length(group->members) > 1 ?
			stream_batch_streams(member->batch) : NIL)
	{
		Oid			viewid = stream_catalog_view_of(lfirst_oid(lc));

		if (list_member_oid(group->pub->views, viewid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("a continuous view cannot be in one group with \"%s\", which it reads",
							get_rel_name(viewid)),
					 errhint("Take one of them out of the group: ALTER MATERIALIZED VIEW ... RESET (streaming.group).")));
	}
}

/* A batch begins anew because something has changed meanwhile; but not for ever. */
static void
begin_anew(int tries)
{
	CHECK_FOR_INTERRUPTS();
	if (tries > MAX_TRIES)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("what the query of a continuous view depends on does not stop changing"),
				 errhint("Try again.")));
}

/*
 * Plans and leaves of all members.  Leaves that a plan does not know of must not be
 * taken for read, and what one member reads must not be unknown to another: if finding
 * them has brought news, plan again.
 */
static void
prepare_members(Together *group)
{
	int			tries = 0;
	bool		prepared;
	ListCell   *lc;

	do
	{
		begin_anew(++tries);
		foreach(lc, group->members)
			stream_batch_prepare(turn_of(group, lfirst(lc)));
		prepared = true;
		foreach(lc, group->members)
			prepared &= stream_batch_is_prepared(((Member *) lfirst(lc))->batch);
	} while (!prepared);
	foreach(lc, group->members)
	{
		(void) turn_of(group, lfirst(lc));
		check_circle(lfirst(lc));
		check_streams(group, lfirst(lc));
	}
}

/* As ConditionalLockDatabaseObject, which early minor releases lack. */
bool
stream_viewgroup_try_lock(Oid viewid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, viewid, 0);
	if (LockAcquire(&tag, ShareUpdateExclusiveLock, false, true) ==
		LOCKACQUIRE_NOT_AVAIL)
		return false;
	AcceptInvalidationMessages();
	return true;
}

/*
 * The positions have been read: can the batch be one of a part?  Then none of the members
 * has a bound of its own.
 */
static void
settle_part(Together *group, StreamPart *part, bool whole)
{
	ListCell   *lc;

	group->part = NULL;
	if (part == NULL)
		return;
	part->several = group->size > 1;
	part->max_errors = -1;
	part->last_batch = 0;
	foreach(lc, group->members)
		stream_batch_ask_part(turn_of(group, lfirst(lc)), part);
	part->possible &= !whole;
	if (part->possible && part->limit != STREAM_PART_ALL)
		group->part = part;
	foreach(lc, group->members)
		stream_batch_set_part(turn_of(group, lfirst(lc)), group->part);
}

/*
 * All have been measured.  Where one of several has more to read than a batch is to take,
 * they read the first part of that, as after a row that fails.
 */
static void
bound_members(Together *group, StreamPart *part, bool whole)
{
	int64		max_rows = PG_INT64_MAX;
	double		backlog = 0;
	ListCell   *lc;

	if (group->size == 1 || whole || part == NULL || !part->possible ||
		group->part != NULL)
		return;
	foreach(lc, group->members)
	{
		double		rows = stream_batch_backlog(turn_of(group, lfirst(lc)),
												&max_rows);

		backlog = Max(backlog, rows);
	}
	if (backlog <= max_rows || STREAM_MUTATION("group_unbounded"))
		return;
	group->bound = (StreamPart) {.limit = max_rows,.several = true};
	group->part = &group->bound;
	foreach(lc, group->members)
		stream_batch_set_part(turn_of(group, lfirst(lc)), group->part);
}

/* Measures what all of them read: a leaf counts as measured for all when it is for one. */
static void
measure_members(Together *group, StreamPart *part, bool whole)
{
	ListCell   *lc;

	group->shared.measured = NIL;
	foreach(lc, group->members)
		stream_batch_read_position(turn_of(group, lfirst(lc)), &group->shared);
	settle_part(group, part, whole);
	foreach(lc, group->members)
	{
		if (STREAM_MUTATION("group_snapshot"))
			group->shared.measured = NIL;
		stream_batch_measure(turn_of(group, lfirst(lc)));
		STREAM_DEBUG_POINT("group-measured-one");
	}
	bound_members(group, part, whole);
}

/* Is there anything to do for any of them? */
static bool
are_due(Together *group)
{
	TimestampTz now = stream_debug_now();
	bool		due = false;
	ListCell   *lc;

	foreach(lc, group->members)
		due |= stream_batch_is_due(turn_of(group, lfirst(lc)), now);
	return due;
}

/* What triggers see of the members is the same, too: it is there when the first is fired. */
static void
fire_triggers(Together *group)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, group->members)
		any |= stream_batch_write_held(turn_of(group, lfirst(lc)));
	if (!any)
		return;
	CommandCounterIncrement();
	for (int i = list_length(group->members) - 1; i >= 0; i--)
		stream_batch_fire(turn_of(group, list_nth(group->members, i)));
}

/*
 * Takes the snapshot; false if it may see rows in leaves that have not been measured, for
 * they have been attached meanwhile.
 */
static bool
take_snapshot(Together *group)
{
	ListCell   *lc;

	PushActiveSnapshot(GetLatestSnapshot());
	foreach(lc, group->members)
		if (stream_batch_has_new_leaves(turn_of(group, lfirst(lc))))
		{
			PopActiveSnapshot();
			return false;
		}
	return true;
}

/* Settles what each of them reads: the same rows, as far as they are new to it. */
static void
settle_rows(Together *group)
{
	StreamBatch **batches = palloc(sizeof(StreamBatch *) *
								   list_length(group->members));
	ListCell   *lc;

	foreach(lc, group->members)
	{
		StreamBatch *batch = turn_of(group, lfirst(lc));

		stream_batch_extend(batch, GetActiveSnapshot());
		batches[foreach_current_index(lc)] = batch;
	}
	if (group->part)
		stream_batch_cut(batches, list_length(group->members), group->part,
						 GetActiveSnapshot());
	pfree(batches);
}

static void
process_members(Together *group)
{
	ListCell   *lc;

	settle_rows(group);
	foreach(lc, group->members)
	{
		if (STREAM_MUTATION("group_snapshot"))
		{
			PopActiveSnapshot();
			PushActiveSnapshot(GetLatestSnapshot());
			group->shared.measured = NIL;
			stream_batch_extend(turn_of(group, lfirst(lc)), GetActiveSnapshot());
		}
		stream_batch_process(turn_of(group, lfirst(lc)), GetActiveSnapshot());
	}
	fire_triggers(group);
	PopActiveSnapshot();
}

/* Ends the batch of each: more is waiting if it is for one of them. */
static void
close_members(Together *group)
{
	StreamGroupBatch *pub = group->pub;
	ListCell   *lc;

	pub->result = STREAM_BATCH_IDLE;
	foreach(lc, group->members)
	{
		StreamBatch *batch = turn_of(group, lfirst(lc));
		StreamBatchResult result = stream_batch_close(batch);

		pub->result = Max(pub->result, result);
		pub->leaves_rows |= stream_batch_leaves_rows(batch);
		pub->leaves = list_concat_unique_oid(pub->leaves,
											 stream_batch_leaves(batch));
	}
}

void
stream_viewgroup_run(Oid viewid, bool whole, StreamPart *part,
					 StreamGroupBatch *pub)
{
	Together	group = {.pub = pub};
	ErrorContextCallback callback;
	List	   *views;
	int			tries = 0;
	bool		due;

	memset(pub, 0, sizeof(*pub));
	pub->at = viewid;
	/* before anything is touched that a batch in progress remembers */
	stream_owner_refuse_nested("a batch");
	views = stream_viewgroup_lock(viewid);
	group.size = list_length(views);
	callback.callback = error_context;
	callback.arg = &group;
	callback.previous = error_context_stack;
	if (group.size > 1)
		error_context_stack = &callback;
	open_members(&group, views, whole);
	if (list_member_oid(pub->views, viewid))
	{
		do
		{
			begin_anew(++tries);
			prepare_members(&group);
			measure_members(&group, part, whole);
			STREAM_DEBUG_POINT("batch-before-snapshot");
			due = are_due(&group);
		} while (due && !take_snapshot(&group));
		if (due)
			process_members(&group);
	}
	stream_batch_end_sharing(&group.shared);
	close_members(&group);
	if (!list_member_oid(pub->views, viewid))
		pub->result = STREAM_BATCH_GONE;
	/* what is still to fail is nobody's fault in particular */
	pub->at = viewid;
	error_context_stack = callback.previous;
}

/* ---- who may be in it ---- */

/*
 * Does the view read one of the members, by way of others or not?  Returns which.  seen: the
 * views that have been asked.
 */
static Oid
find_read(List *members, Oid viewid, List **seen)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(lc, row ? row->streams : NIL)
	{
		Oid			input = stream_catalog_view_of(lfirst_oid(lc));
		Oid			read = input;

		if (list_member_oid(*seen, input))
			continue;
		if (OidIsValid(input) && !list_member_oid(members, input))
		{
			*seen = lappend_oid(*seen, input);
			read = find_read(members, input, seen);
		}
		if (OidIsValid(read))
			return read;
	}
	return InvalidOid;
}

static void
check_reading(List *members, List *options, const char *source)
{
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, members)
	{
		Oid			read = find_read(members, lfirst_oid(lc), &seen);

		if (OidIsValid(read))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("continuous view \"%s\" cannot be in one group with \"%s\", which it reads",
							get_rel_name(lfirst_oid(lc)), get_rel_name(read)),
					 errdetail("It reads what that view has committed before, so it is always behind it."),
					 errhint("Leave one of them out of the group."),
					 stream_refuse_option_position(source, options, "group")));
	}
}

/* Can the two have their batches at the same time? */
static void
check_pair(const StreamViewRow *row, const StreamViewRow *other,
		   List *options, const char *source)
{
	const char *at = stream_refuse_option_location(options, "group") >= 0 ?
		"group" : "trigger";

	if (row->unlogged != other->unlogged)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("views over logged and over unlogged streams cannot be in one group"),
				 errdetail("Group \"%s\" has continuous view \"%s\".",
						   row->options.group, get_rel_name(other->viewid)),
				 errhint("A crash would empty some of them. Give them different groups."),
				 stream_refuse_option_position(source, options, "group")));
	if (row->options.trigger != other->options.trigger ||
		row->options.trigger_us != other->options.trigger_us)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("views of one group must have the same \"streaming.trigger\""),
				 errdetail("Continuous view \"%s\" of group \"%s\" has another.",
						   get_rel_name(other->viewid), row->options.group),
				 errhint("To change it for all of them, take them out of the group first, in one transaction: RESET (streaming.group)."),
				 stream_refuse_option_position(source, options, at)));
}

void
stream_viewgroup_check(Oid viewid, List *options, const char *source)
{
	StreamViewRow *row = stream_catalog_view(viewid);
	List	   *rows;
	List	   *members = NIL;
	ListCell   *lc;

	if (row == NULL || row->options.group == NULL)
		return;
	/* nothing of the server's has a lock on a role that is local to a database */
	LockDatabaseObject(AuthIdRelationId, stream_owner_of(viewid), 0,
					   ShareUpdateExclusiveLock);
	rows = stream_viewgroup_among(stream_catalog_views(), row);
	foreach(lc, rows)
	{
		StreamViewRow *other = lfirst(lc);

		members = lappend_oid(members, other->viewid);
		check_pair(row, other, options, source);
	}
	check_reading(members, options, source);
}
