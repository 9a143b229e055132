/*-------------------------------------------------------------------------
 *
 * crashes.c
 *	  Which batches the server, or their process, did not survive.
 *
 * A batch may crash the server, by a bug of a library that its query uses; or it
 * may end its own process only.  After the restart the view has what it had
 * before, would be run again at once, and crash the server for ever.  Nothing
 * that a process writes into tables or shared memory at the time outlives that.
 * So we note which batches run in a mapping of our own, which the postmaster
 * makes and its children inherit.  A note costs a batch two stores.
 *
 * A crash reports the batches that ran then, as suspects.  One of them is
 * clear once a batch of it is survived.  Whom the postmaster tells to end because another
 * process has crashed (SIGQUIT) is none: he takes his note back, unless
 * parallel workers were at work for him, one of which may be that other process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>
#include <sys/mman.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"

#include "base/compat.h"
#include "base/crashes.h"

#define NUM_SUSPECTS (2 * STREAM_MAX_WORKERS)

typedef struct Suspect
{
	StreamEntryKey view;
	int			times;			/* in a row; 0: this place is free */
	bool		taken;			/* somebody has asked since the last time */
} Suspect;

typedef struct Notes
{
	StreamEntryKey running[STREAM_MAX_WORKERS]; /* relid InvalidOid: none */
	int			num_suspects;
	Suspect		suspects[NUM_SUSPECTS];
} Notes;

static Notes *notes;
static StreamEntryKey *my_note = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void shmem_startup(void);

void
stream_crashes_install(void)
{
	void	   *memory = mmap(NULL, sizeof(Notes), PROT_READ | PROT_WRITE,
							  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		ereport(FATAL,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not map memory for continuous views: %m")));
	notes = memory;				/* zeroes */
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

static Suspect *
find_suspect(StreamEntryKey view)
{
	if (notes->num_suspects == 0)
		return NULL;
	for (int i = 0; i < NUM_SUSPECTS; i++)
	{
		Suspect    *suspect = &notes->suspects[i];

		if (suspect->times > 0 && suspect->view.dboid == view.dboid &&
			suspect->view.relid == view.relid)
			return suspect;
	}
	return NULL;
}

/* Makes an entry; without room, one of the least suspect leaves. */
static Suspect *
add_suspect(StreamEntryKey view)
{
	Suspect    *place = &notes->suspects[0];

	for (int i = 1; i < NUM_SUSPECTS && place->times > 0; i++)
		if (notes->suspects[i].times < place->times)
			place = &notes->suspects[i];
	if (place->times == 0)
		notes->num_suspects++;
	place->view = view;
	place->times = 0;
	return place;
}

/* The batch in this slot was not survived. */
static void
report(int slot)
{
	StreamEntryKey view = notes->running[slot];
	Suspect    *suspect = find_suspect(view);

	if (suspect == NULL)
		suspect = add_suspect(view);
	suspect->times++;
	suspect->taken = false;
}

/*
 * The postmaster makes shared memory.  If it has done so before, the batches that
 * ran are what the server has crashed in, or innocent bystanders.
 */
static void
shmem_startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();
	for (int slot = 0; slot < STREAM_MAX_WORKERS; slot++)
		stream_crashes_gone(slot, true);
}

/* It may be called at any time, and does nothing that might not be done then. */
static void
handle_quit(SIGNAL_ARGS)
{
	if (!IsInParallelMode())
		my_note->relid = InvalidOid;
	SignalHandlerForCrashExit(postgres_signal_arg);
}

void
stream_crashes_watch(int slot)
{
	my_note = &notes->running[slot];
	pqsignal(SIGQUIT, handle_quit);
}

void
stream_crashes_begin(int slot, Oid viewid)
{
	notes->running[slot] = stream_area_key(MyDatabaseId, viewid);
}

void
stream_crashes_end(int slot)
{
	StreamEntryKey view = notes->running[slot];
	Suspect    *suspect;

	notes->running[slot].relid = InvalidOid;
	if (notes->num_suspects == 0)
		return;
	LWLockAcquire(stream_area->lock, LW_EXCLUSIVE);
	suspect = find_suspect(view);
	if (suspect != NULL)
	{
		suspect->times = 0;
		notes->num_suspects--;
	}
	LWLockRelease(stream_area->lock);
}

void
stream_crashes_gone(int slot, bool unasked)
{
	if (unasked && OidIsValid(notes->running[slot].relid))
		report(slot);
	notes->running[slot].relid = InvalidOid;
}

int
stream_crashes_take(Oid viewid)
{
	Suspect    *suspect = find_suspect(stream_area_key(MyDatabaseId, viewid));

	if (suspect == NULL || suspect->taken || suspect->times < 2)
		return 0;
	suspect->taken = true;
	return suspect->times;
}
