/*-------------------------------------------------------------------------
 *
 * area.c
 *	  The shared memory area: its parts, its locks, look-ups.
 *
 * The processes of the extension and the backends meet here.  What is kept:
 *
 * databases	those that have the extension: their scheduler, and counters
 *				that move when views have changed (version) or all workers
 *				are to look at all their views (wakes).
 * workers		slots 0 .. 63 for the workers of all databases; a slot's number
 *				is its bit in the masks of the streams.
 * views		which worker runs it, what was asked of it and answered, how it
 *				fares.  A request is a number from one ascending sequence; the
 *				worker notes the latest number before a batch, and a batch that
 *				ends well answers every request up to it.
 * streams		leaf relations that workers listen to: a sequence number that
 *				moves at each commit that wrote rows into it, and the masks of
 *				workers that listen and that want to be woken.
 * suspensions	databases that a command needs free of connections.
 *
 * Nothing in here is needed after a restart: the launcher, the schedulers and
 * the workers build it up again from the catalogs.
 *
 * Two locks: "lock" for everything but the streams, "stream_lock" for those.
 * Commits take the latter in shared mode, and only to look up their stream; the
 * sequence numbers are atomic.  No code takes both at the same time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "compat.h"
#include "debug.h"
#include "area.h"

StreamArea *stream_area = NULL;
HTAB	   *stream_area_views = NULL;
HTAB	   *stream_area_sources = NULL;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* ------------------------------------------------------------ start-up */

static Size
shmem_size(void)
{
	Size		size = MAXALIGN(sizeof(StreamArea));

	size = add_size(size, hash_estimate_size(STREAM_MAX_VIEWS,
											 sizeof(StreamViewEntry)));
	size = add_size(size, hash_estimate_size(STREAM_MAX_STREAMS,
											 sizeof(StreamSource)));
	return add_size(size, stream_debug_shmem_size());
}

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche("streaming", 2);
}

static HTAB *
make_table(const char *name, long size, Size entrysize)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(StreamEntryKey);
	ctl.entrysize = entrysize;
	return ShmemInitHash(name, size, size, &ctl, HASH_ELEM | HASH_BLOBS);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	stream_area = ShmemInitStruct("streaming", sizeof(StreamArea), &found);
	if (!found)
	{
		LWLockPadded *locks = GetNamedLWLockTranche("streaming");

		memset(stream_area, 0, sizeof(StreamArea));
		stream_area->lock = &locks[0].lock;
		stream_area->stream_lock = &locks[1].lock;
		pg_atomic_init_u64(&stream_area->databases_version, 1);
		pg_atomic_init_u64(&stream_area->probe_version, 1);
		pg_atomic_init_u32(&stream_area->prepared_changes, 0);
		ConditionVariableInit(&stream_area->detached);
		for (int i = 0; i < STREAM_NUM_REQUEST_CVS; i++)
			ConditionVariableInit(&stream_area->requests[i]);
		for (int i = 0; i < STREAM_MAX_DATABASES; i++)
		{
			pg_atomic_init_u64(&stream_area->databases[i].version, 1);
			pg_atomic_init_u64(&stream_area->databases[i].wakes, 1);
		}
		for (int i = 0; i < STREAM_MAX_WORKERS; i++)
		{
			pg_atomic_init_u64(&stream_area->workers[i].assigned, 1);
			pg_atomic_init_u64(&stream_area->workers[i].requested, 1);
		}
	}
	stream_area_views = make_table("streaming views", STREAM_MAX_VIEWS,
								   sizeof(StreamViewEntry));
	stream_area_sources = make_table("streaming streams", STREAM_MAX_STREAMS,
									 sizeof(StreamSource));
	stream_debug_shmem_init();
	LWLockRelease(AddinShmemInitLock);
}

void
stream_area_install(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

/* ------------------------------------------------------------ look-ups */

StreamEntryKey
stream_area_key(Oid dboid, Oid relid)
{
	StreamEntryKey key;

	key.dboid = dboid;
	key.relid = relid;
	return key;
}

StreamDatabase *
stream_area_find_database(Oid dboid)
{
	for (int i = 0; i < STREAM_MAX_DATABASES; i++)
		if (stream_area->databases[i].dboid == dboid)
			return &stream_area->databases[i];
	return NULL;
}

/* Finds or makes the entry of a database; NULL if there is no room. */
StreamDatabase *
stream_area_enter_database(Oid dboid)
{
	StreamDatabase *db = stream_area_find_database(dboid);

	if (db != NULL)
		return db;
	db = stream_area_find_database(InvalidOid);
	if (db == NULL)
		return NULL;
	db->dboid = dboid;
	db->pid = 0;
	db->latch = NULL;
	db->present = false;
	db->starved = false;
	db->absent = 0;
	return db;
}

StreamViewEntry *
stream_area_find_view(Oid viewid)
{
	StreamEntryKey key = stream_area_key(MyDatabaseId, viewid);

	return hash_search(stream_area_views, &key, HASH_FIND, NULL);
}

/* Finds or makes the entry of a view; NULL if there is no room. */
StreamViewEntry *
stream_area_enter_view(Oid viewid)
{
	StreamEntryKey key = stream_area_key(MyDatabaseId, viewid);
	StreamViewEntry *view = stream_area_find_view(viewid);

	if (view != NULL)
		return view;
	if (hash_get_num_entries(stream_area_views) >= STREAM_MAX_VIEWS)
		return NULL;
	view = hash_search(stream_area_views, &key, HASH_ENTER_NULL, NULL);
	if (view == NULL)
		return NULL;
	memset((char *) view + sizeof(StreamEntryKey), 0,
		   sizeof(StreamViewEntry) - sizeof(StreamEntryKey));
	view->worker = -1;
	view->created = ++stream_area->mark;
	return view;
}

bool
stream_area_is_suspended(Oid dboid)
{
	for (int i = 0; i < STREAM_MAX_SUSPENSIONS; i++)
		if (stream_area->suspensions[i].dboid == dboid)
			return true;
	return false;
}

void
stream_area_wake_launcher(void)
{
	if (stream_area->launcher_latch != NULL)
		SetLatch(stream_area->launcher_latch);
}

/* Wakes the scheduler of the database; if it has none, the launcher. */
void
stream_area_wake_scheduler(Oid dboid)
{
	StreamDatabase *db = stream_area_find_database(dboid);

	if (db != NULL && db->latch != NULL)
		SetLatch(db->latch);
	else
		stream_area_wake_launcher();
}

void
stream_area_wake_workers(Oid dboid)
{
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		StreamWorker *worker = &stream_area->workers[i];

		if (worker->dboid == dboid && worker->latch != NULL)
			SetLatch(worker->latch);
	}
}
