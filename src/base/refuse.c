/*-------------------------------------------------------------------------
 *
 * refuse.c
 *	  Saying no, and where in the statement the reason is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"

#include "base/compat.h"
#include "base/refuse.h"

int
stream_refuse_position(const char *source, int location)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_sourcetext = source;
	return parser_errposition(pstate, location);
}

int
stream_refuse_clause_position(const StreamPlace *place, StreamClause clause)
{
	return stream_refuse_position(place->source,
								  stream_locate_clause(place, clause));
}

int
stream_refuse_option_location(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return def->location;
	}
	return -1;
}

int
stream_refuse_option_position(const char *source, List *options,
							  const char *name)
{
	return stream_refuse_position(source,
								  stream_refuse_option_location(options, name));
}

pg_noreturn static void refuse_at(const char *what, const char *source,
								  int location, const char *hint);

static void
refuse_at(const char *what, const char *source, int location,
		  const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s not supported in a continuous view", what),
			 hint ? errhint("%s", hint) : 0,
			 stream_refuse_position(source, location)));
}

void
stream_refuse(const char *what, void *node, const char *source,
			  const char *hint)
{
	refuse_at(what, source, exprLocation(node), hint);
}

void
stream_refuse_in(const StreamPlace *place, const char *what, void *node,
				 const char *hint)
{
	int			location = exprLocation(node);

	if (location < 0)
		location = stream_locate_clause(place, STREAM_CLAUSE_ANY);
	refuse_at(what, place->source, location, hint);
}

void
stream_refuse_clause(const StreamPlace *place, StreamClause clause,
					 const char *what, const char *hint)
{
	refuse_at(what, place->source, stream_locate_clause(place, clause), hint);
}

/* An error that has a position, or one in another text, keeps it. */
static void
default_position(void *arg)
{
	StreamRefuseDefault *frame = arg;
	int			code = geterrcode();

	if ((code == ERRCODE_FEATURE_NOT_SUPPORTED ||
		 code == ERRCODE_WRONG_OBJECT_TYPE) &&
		geterrposition() == 0 && getinternalerrposition() == 0)
		stream_refuse_position(frame->source, frame->location);
}

void
stream_refuse_push(StreamRefuseDefault *frame, const char *source,
				   int location)
{
	frame->source = source;
	frame->location = location;
	frame->callback.callback = default_position;
	frame->callback.arg = frame;
	frame->callback.previous = error_context_stack;
	error_context_stack = &frame->callback;
}

void
stream_refuse_pop(StreamRefuseDefault *frame)
{
	error_context_stack = frame->callback.previous;
}
