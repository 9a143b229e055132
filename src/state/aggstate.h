/*-------------------------------------------------------------------------
 *
 * aggstate.h
 *	  Combining, finishing and serialising aggregate states.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_AGGSTATE_H
#define STREAMING_AGGSTATE_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/* How an aggregate is kept up to date. */
typedef enum StreamAggKind
{
	STREAM_AGG_COMBINED,		/* its state is combined with those of new rows */
	STREAM_AGG_VALUES,			/* the same, with new distinct values only */
	STREAM_AGG_MOVED,			/* rows are added and taken away, one by one */
	STREAM_AGG_KEPT				/* it is computed anew from rows that are kept */
} StreamAggKind;

/* What becomes of the rows that it is about. */
typedef enum StreamAggInput
{
	STREAM_AGG_OF_ROWS,			/* they come to their group, and stay */
	STREAM_AGG_OF_SESSIONS,		/* the same, but groups can become one */
	STREAM_AGG_OF_CHANGES,		/* they may go again */
	STREAM_AGG_OF_CHANGING_SESSIONS /* the same, and groups can fall apart */
} StreamAggInput;

/* One aggregate call of a view, ready to work on its states. */
typedef struct StreamAgg
{
	Aggref	   *aggref;
	StreamAggKind kind;
	Oid			transtype;		/* of the state in memory */
	Oid			storedtype;		/* of the state in the state table */
	bool		final_is_state; /* the state is the result */
	int			state_of;		/* the number of the aggregate whose state it is
								 * the result of: its own, or that of one before it
								 * that gathers the same */
	int16		translen;
	bool		transbyval;

	/* set up by stream_aggstate_prepare */
	struct AggState *caller;	/* whom support functions see as their Agg */
	bool		final_modifies;
	int			numfinalargs;
	FmgrInfo	combinefn;
	FmgrInfo	finalfn;		/* fn_oid invalid: none */
	FmgrInfo	serialfn;		/* fn_oid invalid: stored as it is */
	FmgrInfo	deserialfn;
	NullableDatum initial;		/* the state of no rows, as stored */
	FmgrInfo	transfn;		/* moved: adds a row ... */
	FmgrInfo	inversefn;		/* ... and takes it away */
	int			nargs;
} StreamAgg;

/*
 * Describes an aggregate call, palloc'd.  The result of one that is kept takes the
 * place of its state.  Error 0A000 with the position in source (may be
 * NULL) if a view cannot keep it up to date.
 */
extern StreamAgg *stream_aggstate_describe(Aggref *aggref,
										   StreamAggInput input,
										   const char *source);

/*
 * Has each of the aggregates (StreamAgg) that gathers the same as one before it do with
 * the state of that: there are no partial states of it then, and no column.
 */
extern void stream_aggstate_share(List *aggs);

/* Has the aggregate with this number a state of its own? */
#define stream_aggstate_is_own(agg, number) ((agg)->state_of == (number))

/*
 * The call as it stands where partial states are made, palloc'd: without a DISTINCT
 * that makes no difference, or that has been seen to.
 */
extern Expr *stream_aggstate_of_delta(const StreamAgg *agg);

/*
 * Looks up the functions; memory that they keep is of the current context.
 * Error 42501 if the aggregate's owner may not call them, 40001 if it is not what it
 * was when it was described.
 */
extern void stream_aggstate_prepare(StreamAgg *agg);

/* Raises 40001: an aggregate is not what it was. */
pg_noreturn extern void stream_aggstate_was_replaced(void);

/*
 * Combines delta (in stored form) into *state, which lives in context (as does
 * whatever its combine function allocates) and may be null.  Garbage goes to
 * the current context.
 */
extern void stream_aggstate_combine(StreamAgg *agg, MemoryContext context,
									NullableDatum *state,
									NullableDatum delta);

/*
 * The same for a state that is in memory: one from stream_aggstate_unpack, which
 * has it in the current context and may be combined into many.
 */
extern NullableDatum stream_aggstate_unpack(StreamAgg *agg,
											NullableDatum stored);
extern void stream_aggstate_combine_unpacked(StreamAgg *agg,
											 MemoryContext context,
											 NullableDatum *state,
											 NullableDatum delta);

/*
 * Adds a row with the arguments to *state, which lives in context, or takes it away
 * again: an aggregate that is moved.
 */
extern void stream_aggstate_move(StreamAgg *agg, MemoryContext context,
								 NullableDatum *state,
								 const NullableDatum *args, bool add);

/*
 * Makes a state in context from its stored form.  Garbage goes to the current
 * context.
 */
extern NullableDatum stream_aggstate_load(StreamAgg *agg,
										  MemoryContext context,
										  NullableDatum stored);

/* The stored form of a state, in the current context or the state itself. */
extern NullableDatum stream_aggstate_store(StreamAgg *agg,
										   NullableDatum state);

/* The aggregate's result, in the current context or the state itself. */
extern NullableDatum stream_aggstate_finish(StreamAgg *agg,
											NullableDatum state);

/* Frees what can be freed of a state. */
extern void stream_aggstate_free(StreamAgg *agg, NullableDatum state);

#endif
