/*-------------------------------------------------------------------------
 *
 * area.c
 *	  The shared memory area: its parts, its locks, look-ups.
 *
 * The processes of the extension and the backends meet here.  What is kept:
 *
 * databases	those that have the extension: their scheduler, and counters
 *				that move when views have changed (version), all workers
 *				are to look at all their views (wakes) or the scheduler has
 *				something to do (calls).
 * workers		slots 0 .. 255 for the workers of all databases; a slot's number
 *				is its bit in the masks of the streams.  Since when the
 *				worker's batch runs, and of which view.
 * views		which worker runs it, what was asked of it and answered, how it
 *				fares.  A request is a number from one ascending sequence; the
 *				worker notes the latest number before a batch, and a batch that
 *				ends well answers every request up to it.
 * sources		wake-up slots of the leaf relations of streams: a sequence
 *				number that moves at each commit that wrote rows, and a mask of
 *				the workers that want to be woken.  A leaf's slot is a hash of
 *				its OID, so there is no look-up and no limit; leaves that share
 *				one wake each other's workers for nothing, which all bear.
 * suspensions	databases that a command needs free of connections.
 *
 * Nothing in here is needed after a restart: the launcher, the schedulers and
 * the workers build it up again from the catalogs.
 *
 * One lock, "lock", is for everything but the sources, which are atomic; see
 * shmem.c for the order in which they are read and written.
 *
 * There may be any number of views.  Their table is a dshash in a dynamic
 * shared memory area that begins in the main segment, so the postmaster can
 * make it, and grows as the views do.  Processes attach when they first need
 * it.  What the table itself locks comes after "lock", as do the locks of the
 * area.  An entry stays where it is until it is removed, which wants "lock"
 * exclusively: so who has "lock" may keep the pointer, and the partition's
 * lock is given back at once.
 *
 * Growing and attaching may fail.  In a transaction that is an error like any
 * other: the abort releases the locks.  A process that ends releases them in
 * its callbacks.  A commit and the end of a process must not fail, and by then
 * the segments may be gone: neither looks at views.  That is why a worker that
 * ends does not take itself out of the views that it had; they name the
 * generation of its slot, and that has passed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/area.h"

StreamArea *stream_area = NULL;
dshash_table *stream_area_views = NULL;
dsa_area   *stream_area_memory = NULL;
StreamSource *stream_area_sources = NULL;

/* What the memory of the views begins with: its first 1000 views or so. */
#define VIEWS_SIZE ((Size) 256 * 1024)

static const dshash_parameters views_parameters = {
	.key_size = sizeof(StreamEntryKey),
	.entry_size = sizeof(StreamViewEntry),
	.compare_function = dshash_memcmp,
	.hash_function = dshash_memhash,
	STREAM_COMPAT_DSHASH_COPY
	.tranche_id = 0				/* which is not known yet */
};

static void *views_place = NULL;	/* in the main segment */

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* ------------------------------------------------------------ start-up */

static Size
shmem_size(void)
{
	Size		size = MAXALIGN(sizeof(StreamArea));

	size = add_size(size, VIEWS_SIZE);
	size = add_size(size, mul_size(STREAM_MAX_SOURCES, sizeof(StreamSource)));
	/* each may be aligned to a cache line */
	size = add_size(size, 3 * PG_CACHE_LINE_SIZE);
	return add_size(size, stream_debug_shmem_size());
}

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche("streaming", 1);
}

static void
init_area(void)
{
	memset(stream_area, 0, sizeof(StreamArea));
	stream_area->lock = &GetNamedLWLockTranche("streaming")->lock;
	stream_area->max_databases = stream_debug_limit("databases",
													STREAM_MAX_DATABASES);
	stream_area->max_sources = stream_debug_limit("sources",
												  STREAM_MAX_SOURCES);
	stream_area->dsa_tranche = LWLockNewTrancheId();
	stream_area->hash_tranche = LWLockNewTrancheId();
	pg_atomic_init_u64(&stream_area->databases_version, 1);
	pg_atomic_init_u64(&stream_area->probe_version, 1);
	ConditionVariableInit(&stream_area->detached);
	for (int i = 0; i < STREAM_NUM_REQUEST_CVS; i++)
		ConditionVariableInit(&stream_area->requests[i]);
	for (int i = 0; i < STREAM_DATABASE_SLOTS; i++)
	{
		pg_atomic_init_u64(&stream_area->databases[i].version, 1);
		pg_atomic_init_u64(&stream_area->databases[i].wakes, 1);
		pg_atomic_init_u64(&stream_area->databases[i].calls, 1);
		pg_atomic_init_u64(&stream_area->databases[i].restores, 1);
	}
	for (int i = 0; i < STREAM_MAX_WORKERS; i++)
	{
		pg_atomic_init_u64(&stream_area->workers[i].assigned, 1);
		pg_atomic_init_u64(&stream_area->workers[i].requested, 1);
	}
}

static void
init_sources(void)
{
	for (int i = 0; i < STREAM_MAX_SOURCES; i++)
	{
		pg_atomic_init_u64(&stream_area_sources[i].sequence, 1);
		for (int j = 0; j < STREAM_WORKER_WORDS; j++)
			pg_atomic_init_u64(&stream_area_sources[i].wake[j], 0);
	}
}

/*
 * Makes the memory of the views and their table.  This is the postmaster,
 * which has no dynamic shared memory, so both have to fit into the main
 * segment.
 */
static void
init_views(void)
{
	dshash_parameters parameters = views_parameters;
	dsa_area   *dsa;
	dshash_table *table;

	dsa = dsa_create_in_place(views_place, VIEWS_SIZE,
							  stream_area->dsa_tranche, NULL);
	dsa_pin(dsa);
	dsa_set_size_limit(dsa, VIEWS_SIZE);
	parameters.tranche_id = stream_area->hash_tranche;
	table = dshash_create(dsa, &parameters, NULL);
	stream_area->views = dshash_get_hash_table_handle(table);
	dsa_set_size_limit(dsa, -1);
	dshash_detach(table);
	dsa_detach(dsa);
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
		init_area();
	LWLockRegisterTranche(stream_area->dsa_tranche, "streaming_views_memory");
	LWLockRegisterTranche(stream_area->hash_tranche, "streaming_views");
	stream_area_sources = ShmemInitStruct("streaming sources",
										  STREAM_MAX_SOURCES *
										  sizeof(StreamSource), &found);
	if (!found)
		init_sources();
	views_place = ShmemInitStruct("streaming views", VIEWS_SIZE, &found);
	if (!found)
		init_views();
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

/* ---------------------------------------------------- attach and detach */

void
stream_area_release_locks(void)
{
	LWLockReleaseAll();
}

/* Segments are detached already; this lets go of the area as such. */
static void
detach_views(int code, Datum arg)
{
	stream_area_release_locks();
	stream_area_views = NULL;
	dsa_release_in_place(views_place);
}

static void
attach_views(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	/* step by step, for each may fail */
	if (stream_area_memory == NULL)
	{
		stream_area_memory = dsa_attach_in_place(views_place, NULL);
		dsa_pin_mapping(stream_area_memory);
		on_shmem_exit(detach_views, (Datum) 0);
	}
	stream_area_views = dshash_attach(stream_area_memory, &views_parameters,
									  stream_area->views, NULL);
	MemoryContextSwitchTo(caller);
}

void
stream_area_lock_views(LWLockMode mode)
{
	if (stream_area_views == NULL)
		attach_views();
	LWLockAcquire(stream_area->lock, mode);
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

StreamSource *
stream_area_source(Oid relid)
{
	uint32		hash = hash_combine(murmurhash32(MyDatabaseId),
									murmurhash32(relid));

	return &stream_area_sources[hash % (uint32) stream_area->max_sources];
}

StreamDatabase *
stream_area_find_database(Oid dboid)
{
	for (int i = 0; i < STREAM_DATABASE_SLOTS; i++)
		if (stream_area->databases[i].dboid == dboid)
			return &stream_area->databases[i];
	return NULL;
}

/*
 * Does the database count?  Not if it is only probed, or was found not to have
 * the extension and has only not been forgotten yet.
 */
static bool
counts(StreamDatabase *db)
{
	return OidIsValid(db->dboid) && !db->probed &&
		(db->absent == 0 || db->absent != pg_atomic_read_u64(&db->version));
}

bool
stream_area_has_room(Oid dboid)
{
	StreamDatabase *db = stream_area_find_database(dboid);
	int			n = 0;

	if (db != NULL && counts(db))
		return true;
	for (int i = 0; i < STREAM_DATABASE_SLOTS; i++)
		if (counts(&stream_area->databases[i]))
			n++;
	return n < stream_area->max_databases;
}

StreamDatabase *
stream_area_enter_database(Oid dboid, bool probe)
{
	StreamDatabase *db = stream_area_find_database(dboid);

	if (!probe && (db == NULL || !counts(db)) && !stream_area_has_room(dboid))
		return NULL;
	if (db == NULL)
	{
		db = stream_area_find_database(InvalidOid);
		if (db == NULL)
			return NULL;
		db->dboid = dboid;
		db->pid = 0;
		db->latch = NULL;
		db->probed = true;
		db->present = false;
		db->starved = false;
		db->evicted = false;
		db->absent = 0;
		db->watched = false;
	}
	if (!probe)
		db->probed = false;
	return db;
}

StreamViewEntry *
stream_area_find_view(Oid viewid)
{
	StreamEntryKey key = stream_area_key(MyDatabaseId, viewid);
	StreamViewEntry *view = dshash_find(stream_area_views, &key, false);

	if (view != NULL)
		dshash_release_lock(stream_area_views, view);
	return view;
}

StreamViewEntry *
stream_area_enter_view(Oid viewid)
{
	StreamEntryKey key = stream_area_key(MyDatabaseId, viewid);
	bool		found;
	StreamViewEntry *view = dshash_find_or_insert(stream_area_views, &key,
												  &found);

	if (!found)
	{
		memset((char *) view + sizeof(StreamEntryKey), 0,
			   sizeof(StreamViewEntry) - sizeof(StreamEntryKey));
		view->worker = -1;
		view->created = ++stream_area->mark;
	}
	dshash_release_lock(stream_area_views, view);
	return view;
}

void
stream_area_clear_view(StreamViewEntry *view)
{
	if (DsaPointerIsValid(view->history))
		dsa_free(stream_area_memory, view->history);
	view->history = InvalidDsaPointer;
	view->noted = 0;
}

void
stream_area_remove_view(StreamViewEntry *view)
{
	StreamEntryKey key = view->key;

	stream_area_clear_view(view);
	dshash_delete_key(stream_area_views, &key);
}

int
stream_area_view_worker(const StreamViewEntry *view)
{
	if (view->worker < 0 ||
		stream_area->workers[view->worker].generation != view->generation)
		return -1;
	return view->worker;
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

void
stream_area_wake_scheduler(Oid dboid)
{
	StreamDatabase *db = stream_area_find_database(dboid);

	if (db != NULL)
		pg_atomic_fetch_add_u64(&db->calls, 1);
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
