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

#include "compat.h"
#include "refuse.h"

int
stream_refuse_position(const char *source, int location)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_sourcetext = source;
	return parser_errposition(pstate, location);
}

int
stream_refuse_option_position(const char *source, List *options,
							  const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return stream_refuse_position(source, def->location);
	}
	return 0;
}

void
stream_refuse(const char *what, void *node, const char *source,
			  const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s not supported in a continuous view", what),
			 hint ? errhint("%s", hint) : 0,
			 stream_refuse_position(source, node ? exprLocation(node) : -1)));
}
