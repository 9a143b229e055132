/*-------------------------------------------------------------------------
 *
 * aggstate.c
 *	  Combining, finishing and serialising aggregate states.
 *
 * The delta plan ends in PostgreSQL's own Agg node, which yields partial states
 * as it would for a parallel query.  Between batches the states of a group live
 * in memory and in the state table; this file calls the aggregate's support
 * functions on them, by the rules of nodeAgg.c (strictness, who owns memory).
 *
 * Support functions ask AggCheckCallContext() where a state has to live.  They
 * get their answer from a bare AggState node, one per aggregate call, whose
 * aggregate context is set each time.
 *
 * Aggregates that gather the same, such as variance and stddev of one column, have one
 * state: that of the first of them, of which the others are results, too.
 *
 * An aggregate that is kept has no state: what is stored, and combined, is its
 * result, of which a newer one takes the place.
 *
 * A state of type internal is a pointer in memory and bytea when stored; every
 * other state is stored as it is.  In memory, varlena states are kept detoasted
 * with a full header, so that functions can work on them in place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/nodeAgg.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/debug.h"
#include "base/owner.h"
#include "base/refuse.h"
#include "state/aggstate.h"

/* ---- describing ---- */

static void
refuse(Aggref *aggref, const char *source, const char *detail,
	   const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("aggregate %s cannot be used in a continuous view",
					get_func_name(aggref->aggfnoid)),
			 errdetail("%s", detail),
			 errhint("%s", hint),
			 stream_refuse_position(source, aggref->location)));
}

/* Can the states of the aggregate be combined, and stored? */
static bool
can_combine(Form_pg_aggregate form)
{
	return OidIsValid(form->aggcombinefn) &&
		(form->aggtranstype != INTERNALOID ||
		 (OidIsValid(form->aggserialfn) && OidIsValid(form->aggdeserialfn)));
}

/* Is it min or max, or the like: what comes twice makes no difference? */
static bool
is_extreme(Form_pg_aggregate form)
{
	return OidIsValid(form->aggsortop);
}

/*
 * DISTINCT sorts its values.  Does their order show in what is made of them, as
 * in an array, a text, or the last digit of a floating-point number?
 */
static bool
shows_order(Aggref *aggref)
{
	if (aggref->aggtype == FLOAT4OID || aggref->aggtype == FLOAT8OID)
		return true;
	switch (TypeCategory(aggref->aggtype))
	{
		case TYPCATEGORY_NUMERIC:
		case TYPCATEGORY_BOOLEAN:
		case TYPCATEGORY_DATETIME:
		case TYPCATEGORY_TIMESPAN:
			return false;
		default:
			return true;
	}
}

/* Has the aggregate a state to begin with, or can it do without? */
static bool
begins_with_state(HeapTuple tuple, Form_pg_aggregate form)
{
	bool		isnull;

	(void) SysCacheGetAttr(AGGFNOID, tuple, Anum_pg_aggregate_aggminitval,
						   &isnull);
	return !isnull || !func_strict(form->aggmtransfn);
}

/*
 * Can rows be taken away again?  The server's own aggregates say that they can, by
 * the functions for moving frames of windows.  Those of numeric may find that they
 * cannot, when it comes to it; what those of users do, they alone know.  And a
 * state in memory must be of a kind that can be stored.
 */
static bool
can_move(HeapTuple tuple, Form_pg_aggregate form)
{
	return OidIsValid(form->aggminvtransfn) &&
		form->aggfnoid < FirstNormalObjectId &&
		form->aggminvtransfn != F_NUMERIC_ACCUM_INV &&
		begins_with_state(tuple, form) &&
		(form->aggmtranstype != INTERNALOID ||
		 (form->aggmtransfn == form->aggtransfn &&
		  OidIsValid(form->aggcombinefn) && OidIsValid(form->aggserialfn)));
}

/*
 * Rows are kept where their order matters, or all of them at once do; also where it
 * matters which values groups that become one have in common.  Of a group that falls
 * apart no state is of use.
 */
static StreamAggKind
kind_of(Aggref *aggref, HeapTuple tuple, StreamAggInput input)
{
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);

	if (input == STREAM_AGG_OF_CHANGING_SESSIONS)
		return STREAM_AGG_KEPT;
	if (input == STREAM_AGG_OF_CHANGES)
		return aggref->aggkind == AGGKIND_NORMAL && aggref->aggorder == NIL &&
			aggref->aggdistinct == NIL && can_move(tuple, form) &&
			!list_member_oid(aggref->aggargtypes, RECORDOID) ?
			STREAM_AGG_MOVED : STREAM_AGG_KEPT;
	if (aggref->aggkind != AGGKIND_NORMAL || aggref->aggorder ||
		!can_combine(form))
		return STREAM_AGG_KEPT;
	if (aggref->aggdistinct == NIL || is_extreme(form))
		return STREAM_AGG_COMBINED;
	return input == STREAM_AGG_OF_SESSIONS || shows_order(aggref) ?
		STREAM_AGG_KEPT : STREAM_AGG_VALUES;
}

static bool
is_pseudo_type(Oid type)
{
	return get_typtype(type) == TYPTYPE_PSEUDO;
}

/* What the states of an aggregate of a known kind are. */
static void
describe_state(StreamAgg *agg, Form_pg_aggregate form)
{
	Aggref	   *aggref = agg->aggref;
	bool		moved = agg->kind == STREAM_AGG_MOVED;
	Oid			argtypes[FUNC_MAX_ARGS];
	int			nargs;

	if (agg->kind == STREAM_AGG_KEPT)
		agg->transtype = agg->storedtype = aggref->aggtype;
	else
	{
		nargs = get_aggregate_argtypes(aggref, argtypes);
		agg->transtype = resolve_aggregate_transtype(aggref->aggfnoid, moved ?
													 form->aggmtranstype :
													 form->aggtranstype,
													 argtypes, nargs);
		agg->storedtype = agg->transtype == INTERNALOID ? BYTEAOID :
			agg->transtype;
	}
	agg->final_is_state = agg->kind == STREAM_AGG_KEPT ||
		(!OidIsValid(moved ? form->aggmfinalfn : form->aggfinalfn) &&
		 agg->transtype == aggref->aggtype);
	get_typlenbyval(agg->transtype, &agg->translen, &agg->transbyval);
}

StreamAgg *
stream_aggstate_describe(Aggref *aggref, StreamAggInput input,
						 const char *source)
{
	StreamAgg  *agg = palloc0(sizeof(StreamAgg));
	HeapTuple	tuple;
	Form_pg_aggregate form;

	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);

	agg->aggref = aggref;
	agg->kind = kind_of(aggref, tuple, input);
	describe_state(agg, form);
	if (is_pseudo_type(agg->storedtype) || is_pseudo_type(aggref->aggtype))
		refuse(aggref, source,
			   "Its state or result is of a pseudo-type, which cannot be stored.",
			   "Cast the argument to a type that can be stored.");
	ReleaseSysCache(tuple);
	return agg;
}

/* ---- sharing states ---- */

/* The state of no rows that an aggregate says it has; NULL: none. */
static char *
initial_text(HeapTuple tuple, bool moved)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(AGGFNOID, tuple, moved ?
										Anum_pg_aggregate_aggminitval :
										Anum_pg_aggregate_agginitval, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Do two aggregates make their states by the same functions? */
static bool
gather_alike(Oid one, Oid other, bool moved)
{
	HeapTuple	tuples[2];
	Form_pg_aggregate a;
	Form_pg_aggregate b;
	char	   *begins[2];
	bool		alike;

	tuples[0] = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(one));
	tuples[1] = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(other));
	if (!HeapTupleIsValid(tuples[0]) || !HeapTupleIsValid(tuples[1]))
		elog(ERROR, "cache lookup failed for aggregate %u or %u", one, other);
	a = (Form_pg_aggregate) GETSTRUCT(tuples[0]);
	b = (Form_pg_aggregate) GETSTRUCT(tuples[1]);
	alike = a->aggcombinefn == b->aggcombinefn &&
		a->aggserialfn == b->aggserialfn &&
		a->aggdeserialfn == b->aggdeserialfn &&
		(moved ? a->aggmtransfn == b->aggmtransfn &&
		 a->aggminvtransfn == b->aggminvtransfn :
		 a->aggtransfn == b->aggtransfn);
	for (int i = 0; alike && i < 2; i++)
		begins[i] = initial_text(tuples[i], moved);
	if (alike)
		alike = begins[0] && begins[1] ? strcmp(begins[0], begins[1]) == 0 :
			begins[0] == begins[1];
	ReleaseSysCache(tuples[0]);
	ReleaseSysCache(tuples[1]);
	return alike;
}

/*
 * Is the state of one that of the other, too?  As the executor shares transition states;
 * but what a state is stored as must not change, so this is for aggregates that nobody
 * replaces: the server's.
 */
static bool
can_share(const StreamAgg *one, const StreamAgg *other)
{
	const Aggref *a = one->aggref;
	const Aggref *b = other->aggref;

	return one->kind == other->kind &&
		(one->kind == STREAM_AGG_COMBINED || one->kind == STREAM_AGG_MOVED) &&
		!one->final_is_state && !other->final_is_state &&
		one->transtype == other->transtype &&
		a->aggfnoid < FirstNormalObjectId &&
		b->aggfnoid < FirstNormalObjectId &&
		a->inputcollid == b->inputcollid &&
		a->aggstar == b->aggstar && a->aggvariadic == b->aggvariadic &&
		equal(a->aggargtypes, b->aggargtypes) && equal(a->args, b->args) &&
		equal(a->aggdistinct, b->aggdistinct) &&
		(equal(a->aggfilter, b->aggfilter) || STREAM_MUTATION("shared_filter")) &&
		!contain_volatile_functions((Node *) a->args) &&
		!contain_volatile_functions((Node *) a->aggfilter) &&
		gather_alike(a->aggfnoid, b->aggfnoid,
					 one->kind == STREAM_AGG_MOVED);
}

void
stream_aggstate_share(List *aggs)
{
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, aggs)
	{
		StreamAgg  *agg = lfirst(lc);

		agg->state_of = foreach_current_index(lc);
		foreach(lo, aggs)
		{
			int			other = foreach_current_index(lo);

			if (other == foreach_current_index(lc))
				break;
			if (stream_aggstate_is_own((StreamAgg *) lfirst(lo), other) &&
				can_share(lfirst(lo), agg))
			{
				agg->state_of = other;
				break;
			}
		}
	}
}

Expr *
stream_aggstate_of_delta(const StreamAgg *agg)
{
	Aggref	   *aggref = copyObject(agg->aggref);
	ListCell   *lc;

	if (agg->kind == STREAM_AGG_KEPT || aggref->aggdistinct == NIL)
		return (Expr *) aggref;
	aggref->aggdistinct = NIL;
	foreach(lc, aggref->args)
		lfirst_node(TargetEntry, lc)->ressortgroupref = 0;
	return (Expr *) aggref;
}

/* ---- functions ---- */

/* Looks up a support function that the aggregate's owner may call. */
static void
look_up_function(FmgrInfo *info, Oid function, Oid owner)
{
	AclResult	acl;

	if (!OidIsValid(function))
		return;
	acl = object_aclcheck(ProcedureRelationId, function, owner, ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, get_func_name(function));
	InvokeFunctionExecuteHook(function);
	fmgr_info(function, info);
}

/* Gives the functions their expressions, from which they know their types. */
static void
set_expressions(StreamAgg *agg)
{
	Oid			argtypes[FUNC_MAX_ARGS];
	int			nargs PG_USED_FOR_ASSERTS_ONLY =
		get_aggregate_argtypes(agg->aggref, argtypes);
	Expr	   *expr;

	if (OidIsValid(agg->combinefn.fn_oid))
	{
		build_aggregate_transfn_expr(&agg->transtype, 1, 0, false,
									 agg->transtype, agg->aggref->inputcollid,
									 agg->combinefn.fn_oid, InvalidOid,
									 &expr, NULL);
		fmgr_info_set_expr((Node *) expr, &agg->combinefn);
	}
	if (OidIsValid(agg->finalfn.fn_oid))
	{
		Assert(agg->numfinalargs - 1 <= nargs);
		build_aggregate_finalfn_expr(argtypes, agg->numfinalargs,
									 agg->transtype, agg->aggref->aggtype,
									 agg->aggref->inputcollid,
									 agg->finalfn.fn_oid, &expr);
		fmgr_info_set_expr((Node *) expr, &agg->finalfn);
	}
	if (OidIsValid(agg->serialfn.fn_oid))
	{
		build_aggregate_serialfn_expr(agg->serialfn.fn_oid, &expr);
		fmgr_info_set_expr((Node *) expr, &agg->serialfn);
		build_aggregate_deserialfn_expr(agg->deserialfn.fn_oid, &expr);
		fmgr_info_set_expr((Node *) expr, &agg->deserialfn);
	}
}

/* What support functions see as the Agg node that calls them. */
static AggState *
make_caller(StreamAgg *agg)
{
	AggState   *node = makeNode(AggState);

	node->curaggcontext = makeNode(ExprContext);
	node->tmpcontext = makeNode(ExprContext);
	node->curpertrans = palloc0(sizeof(AggStatePerTransData));
	node->curpertrans->aggref = agg->aggref;
	return node;
}

/* The state that the aggregate begins with; one that is internal has none. */
static void
set_initial(StreamAgg *agg, HeapTuple tuple)
{
	Oid			input;
	Oid			ioparam;
	Datum		value = SysCacheGetAttr(AGGFNOID, tuple,
									   agg->kind == STREAM_AGG_MOVED ?
									   Anum_pg_aggregate_aggminitval :
									   Anum_pg_aggregate_agginitval,
									   &agg->initial.isnull);

	if (agg->initial.isnull)
		return;
	getTypeInputInfo(agg->transtype, &input, &ioparam);
	agg->initial.value = OidInputFunctionCall(input, TextDatumGetCString(value),
											  ioparam, -1);
}

/* The functions of an aggregate that is moved. */
static void
set_moving(StreamAgg *agg, Form_pg_aggregate form, Oid owner)
{
	Oid			argtypes[FUNC_MAX_ARGS];
	Expr	   *add;
	Expr	   *take;

	look_up_function(&agg->transfn, form->aggmtransfn, owner);
	look_up_function(&agg->inversefn, form->aggminvtransfn, owner);
	look_up_function(&agg->finalfn, form->aggmfinalfn, owner);
	if (agg->transtype == INTERNALOID)
		look_up_function(&agg->combinefn, form->aggcombinefn, owner);
	agg->nargs = get_aggregate_argtypes(agg->aggref, argtypes);
	agg->final_modifies = form->aggmfinalmodify != AGGMODIFY_READ_ONLY;
	agg->numfinalargs = form->aggmfinalextra ? agg->nargs + 1 : 1;
	build_aggregate_transfn_expr(argtypes, agg->nargs, 0,
								 agg->aggref->aggvariadic, agg->transtype,
								 agg->aggref->inputcollid,
								 agg->transfn.fn_oid, agg->inversefn.fn_oid,
								 &add, &take);
	fmgr_info_set_expr((Node *) add, &agg->transfn);
	fmgr_info_set_expr((Node *) take, &agg->inversefn);
}

/*
 * Where nobody looks at a state after its final function, hardly anybody declares
 * that the function changes it; and what it leaves in the state may be in memory that
 * is about to go.  The server's own are known not to.
 */
static bool
scribbles(StreamAgg *agg)
{
	return agg->transtype == INTERNALOID &&
		agg->aggref->aggfnoid >= FirstNormalObjectId;
}

/* The aggregate may have been replaced since it was described. */
static void
check_description(StreamAgg *agg, HeapTuple tuple)
{
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	StreamAgg	now = *agg;

	describe_state(&now, form);
	if (now.transtype != agg->transtype ||
		now.final_is_state != agg->final_is_state ||
		!(agg->kind == STREAM_AGG_MOVED ? can_move(tuple, form) :
		  can_combine(form)))
		stream_aggstate_was_replaced();
}

void
stream_aggstate_was_replaced(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("an aggregate of the view has been replaced while a batch was running"),
			 errhint("The batch is tried again.")));
}

void
stream_aggstate_prepare(StreamAgg *agg)
{
	Oid			owner = stream_owner_of_function(agg->aggref->aggfnoid);
	Oid			argtypes[FUNC_MAX_ARGS];
	HeapTuple	tuple;
	Form_pg_aggregate form;

	agg->initial.isnull = true;
	if (agg->kind == STREAM_AGG_KEPT)
		return;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(agg->aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u",
			 agg->aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	check_description(agg, tuple);
	if (agg->kind == STREAM_AGG_MOVED)
		set_moving(agg, form, owner);
	else
	{
		look_up_function(&agg->combinefn, form->aggcombinefn, owner);
		look_up_function(&agg->finalfn, form->aggfinalfn, owner);
		agg->final_modifies = form->aggfinalmodify != AGGMODIFY_READ_ONLY ||
			scribbles(agg);
		agg->numfinalargs = 1;
		if (form->aggfinalextra)
			agg->numfinalargs += get_aggregate_argtypes(agg->aggref, argtypes);
	}
	if (agg->transtype == INTERNALOID)
	{
		look_up_function(&agg->serialfn, form->aggserialfn, owner);
		look_up_function(&agg->deserialfn, form->aggdeserialfn, owner);
	}
	set_expressions(agg);
	agg->caller = make_caller(agg);
	/* last: the input function of a domain runs what its owner wants */
	set_initial(agg, tuple);
	ReleaseSysCache(tuple);
}

/* ---- calls ---- */

/* The caller, set up for one call. */
static Node *
as_caller(StreamAgg *agg, MemoryContext context)
{
	AggState   *node = agg->caller;

	node->curaggcontext->ecxt_per_tuple_memory = context;
	node->curaggcontext->ecxt_per_query_memory = context;
	node->tmpcontext->ecxt_per_tuple_memory = CurrentMemoryContext;
	return (Node *) node;
}

static NullableDatum
call1(StreamAgg *agg, FmgrInfo *fn, MemoryContext context, NullableDatum arg)
{
	LOCAL_FCINFO(fcinfo, 1);
	NullableDatum result;

	InitFunctionCallInfoData(*fcinfo, fn, 1, agg->aggref->inputcollid,
							 as_caller(agg, context), NULL);
	fcinfo->args[0] = arg;
	result.value = FunctionCallInvoke(fcinfo);
	result.isnull = fcinfo->isnull;
	return result;
}

static NullableDatum
call2(StreamAgg *agg, FmgrInfo *fn, MemoryContext context,
	  NullableDatum arg1, NullableDatum arg2)
{
	LOCAL_FCINFO(fcinfo, 2);
	NullableDatum result;

	InitFunctionCallInfoData(*fcinfo, fn, 2, agg->aggref->inputcollid,
							 as_caller(agg, context), NULL);
	fcinfo->args[0] = arg1;
	fcinfo->args[1] = arg2;
	result.value = FunctionCallInvoke(fcinfo);
	result.isnull = fcinfo->isnull;
	return result;
}

/* From the stored form to the form in memory, in the current context. */
static NullableDatum
deserialise(StreamAgg *agg, NullableDatum stored)
{
	NullableDatum none = {.value = (Datum) 0,.isnull = false};

	if (!OidIsValid(agg->deserialfn.fn_oid))
		return stored;
	if (stored.isnull && agg->deserialfn.fn_strict)
		return stored;
	/* such functions get what others have just made, never what was toasted */
	if (!stored.isnull)
		stored.value = PointerGetDatum(PG_DETOAST_DATUM(stored.value));
	return call2(agg, &agg->deserialfn, CurrentMemoryContext, stored, none);
}

/* A copy of a by-reference state that is not internal, in the context. */
static Datum
copy_state(StreamAgg *agg, MemoryContext context, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	if (agg->translen == -1 &&
		!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	else
		value = datumCopy(value, agg->transbyval, agg->translen);
	MemoryContextSwitchTo(old);
	return value;
}

/*
 * A new state takes the place of the old one.  If it is by reference it is either
 * that one, changed in place, or in memory that is about to go.
 */
static void
take_state(StreamAgg *agg, MemoryContext context, NullableDatum *state,
		   NullableDatum result)
{
	if (!agg->transbyval &&
		(result.isnull || state->isnull || result.value != state->value))
	{
		Datum		old = state->value;

		if (!result.isnull)
			result.value = copy_state(agg, context, result.value);
		if (!state->isnull)
			pfree(DatumGetPointer(old));
	}
	*state = result;
}

NullableDatum
stream_aggstate_unpack(StreamAgg *agg, NullableDatum stored)
{
	return deserialise(agg, stored);
}

void
stream_aggstate_combine(StreamAgg *agg, MemoryContext context,
						NullableDatum *state, NullableDatum delta)
{
	stream_aggstate_combine_unpacked(agg, context, state,
									 deserialise(agg, delta));
}

void
stream_aggstate_combine_unpacked(StreamAgg *agg, MemoryContext context,
								 NullableDatum *state, NullableDatum delta)
{
	NullableDatum result;

	if (agg->kind == STREAM_AGG_KEPT)
		result = delta;
	else if (agg->combinefn.fn_strict && delta.isnull)
		return;
	else if (agg->combinefn.fn_strict && state->isnull)
		result = delta;
	else
		result = call2(agg, &agg->combinefn, context, *state, delta);

	/*
	 * In minor releases not long ago, the server's own functions combine two
	 * nulls into a null pointer that does not say that it is null.
	 */
	if (agg->transtype == INTERNALOID && result.value == (Datum) 0)
		result.isnull = true;
	take_state(agg, context, state, result);
}

void
stream_aggstate_move(StreamAgg *agg, MemoryContext context,
					 NullableDatum *state, const NullableDatum *args, bool add)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	FmgrInfo   *fn = add ? &agg->transfn : &agg->inversefn;
	NullableDatum result;

	for (int i = 0; fn->fn_strict && i < agg->nargs; i++)
		if (args[i].isnull)
			return;
	InitFunctionCallInfoData(*fcinfo, fn, agg->nargs + 1,
							 agg->aggref->inputcollid,
							 as_caller(agg, context), NULL);
	fcinfo->args[0] = *state;
	memcpy(&fcinfo->args[1], args, sizeof(NullableDatum) * agg->nargs);
	result.value = FunctionCallInvoke(fcinfo);
	result.isnull = fcinfo->isnull;
	if (!add && result.isnull)
		elog(ERROR, "aggregate %u could not take a row away",
			 agg->aggref->aggfnoid);
	take_state(agg, context, state, result);
}

NullableDatum
stream_aggstate_load(StreamAgg *agg, MemoryContext context,
					 NullableDatum stored)
{
	NullableDatum state = {.value = (Datum) 0,.isnull = true};

	if (agg->transtype == INTERNALOID)
		stream_aggstate_combine(agg, context, &state, stored);
	else if (!stored.isnull)
	{
		state.isnull = false;
		state.value = agg->transbyval ? stored.value :
			copy_state(agg, context, stored.value);
	}
	return state;
}

NullableDatum
stream_aggstate_store(StreamAgg *agg, NullableDatum state)
{
	if (!OidIsValid(agg->serialfn.fn_oid))
		return state;
	if (state.isnull && agg->serialfn.fn_strict)
		return state;
	return call1(agg, &agg->serialfn, CurrentMemoryContext, state);
}

NullableDatum
stream_aggstate_finish(StreamAgg *agg, NullableDatum state)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	NullableDatum result;

	if (!OidIsValid(agg->finalfn.fn_oid))
		return state;
	if (agg->finalfn.fn_strict && (state.isnull || agg->numfinalargs > 1))
	{
		result.value = (Datum) 0;
		result.isnull = true;
		return result;
	}
	/* a function that scribbles on its argument gets a copy */
	if (agg->final_modifies)
		state = stream_aggstate_load(agg, CurrentMemoryContext,
									 stream_aggstate_store(agg, state));
	InitFunctionCallInfoData(*fcinfo, &agg->finalfn, agg->numfinalargs,
							 agg->aggref->inputcollid,
							 as_caller(agg, CurrentMemoryContext), NULL);
	fcinfo->args[0] = state;
	for (int i = 1; i < agg->numfinalargs; i++)
	{
		fcinfo->args[i].value = (Datum) 0;
		fcinfo->args[i].isnull = true;
	}
	result.value = FunctionCallInvoke(fcinfo);
	result.isnull = fcinfo->isnull;
	return result;
}

void
stream_aggstate_free(StreamAgg *agg, NullableDatum state)
{
	if (!agg->transbyval && !state.isnull)
		pfree(DatumGetPointer(state.value));
}
