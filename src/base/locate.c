/*-------------------------------------------------------------------------
 *
 * locate.c
 *	  Where in the statement a part of a query is.
 *
 * Analysed queries keep the locations of expressions, but not those of tables
 * and clauses; the raw parse tree has them, but the server lets go of it before
 * a utility statement gets to us.  So when something is refused the statement
 * is parsed once more, and the place is found again by counting: the entries of
 * a range table, without those of joins, are the members of FROM in the order
 * in which they are written, and in a set operation they are its parts.
 *
 * A place may lead into a view, of which the statement has but the name: then
 * the way ends there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "base/locate.h"

int
stream_locate_count(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RESULT ? (int) rte->enrtuples :
		rte->rtekind == RTE_JOIN ? 0 : 1;
}

StreamPlace
stream_locate_member(const StreamPlace *outer, const Query *query, int rtindex)
{
	StreamPlace place = *outer;
	int			member = 0;

	if (place.source == NULL)
		return place;
	for (int i = 1; i <= rtindex; i++)
		member += stream_locate_count(rt_fetch(i, query->rtable));
	place.path = lappend_int(list_copy(outer->path), member);
	return place;
}

/* The raw statement, or NULL. */
static CreateTableAsStmt *
raw_statement(const StreamPlace *place)
{
	ListCell   *lc;

	if (place->source == NULL || place->anchor < 0)
		return NULL;
	foreach(lc, raw_parser(place->source, RAW_PARSE_DEFAULT))
	{
		Node	   *stmt = lfirst_node(RawStmt, lc)->stmt;

		if (IsA(stmt, CreateTableAsStmt) &&
			((CreateTableAsStmt *) stmt)->into->rel->location == place->anchor)
			return (CreateTableAsStmt *) stmt;
	}
	return NULL;
}

/* Its query, which may be all there is; or NULL. */
static Node *
raw_query(const StreamPlace *place)
{
	CreateTableAsStmt *stmt;

	if (place->source != NULL && place->anchor == 0)
		return linitial_node(RawStmt,
							 raw_parser(place->source, RAW_PARSE_DEFAULT))->stmt;
	stmt = raw_statement(place);
	return stmt ? stmt->query : NULL;
}

/* The n-th member of a part of FROM; counts n down to zero. */
static Node *
nth_of_from(Node *node, int *n)
{
	Node	   *found = NULL;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			if ((found = nth_of_from(lfirst(lc), n)) != NULL)
				break;
		return found;
	}
	if (IsA(node, JoinExpr))
	{
		found = nth_of_from(((JoinExpr *) node)->larg, n);
		return found ? found : nth_of_from(((JoinExpr *) node)->rarg, n);
	}
	return --(*n) == 0 ? node : NULL;
}

/* The same for the parts of a set operation. */
static Node *
nth_part(SelectStmt *select, bool outermost, int *n)
{
	Node	   *found;

	/* the server, too, takes one with clauses of its own for a sub-select */
	if (select->op == SETOP_NONE ||
		(!outermost && (select->sortClause || select->limitOffset ||
						select->limitCount || select->lockingClause ||
						select->withClause)))
		return --(*n) == 0 ? (Node *) select : NULL;
	found = nth_part(select->larg, false, n);
	return found ? found : nth_part(select->rarg, false, n);
}

/*
 * The query in WITH that a name in FROM stands for, or NULL.  *scopes: the WITH
 * clauses around, innermost first; made those around the query.
 */
static Node *
with_query(RangeVar *name, List **scopes)
{
	ListCell   *ls;
	ListCell   *lc;

	if (name->schemaname)
		return NULL;
	foreach(ls, *scopes)
		foreach(lc, lfirst_node(WithClause, ls)->ctes)
		{
			CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

			if (strcmp(cte->ctename, name->relname) != 0)
				continue;
			*scopes = list_copy_tail(*scopes, foreach_current_index(ls));
			return cte->ctequery;
		}
	return NULL;
}

/* The SELECT that a member of FROM consists of, or NULL. */
static SelectStmt *
select_of(Node *member, List **scopes)
{
	SelectStmt *select;

	if (member && IsA(member, RangeSubselect))
		member = ((RangeSubselect *) member)->subquery;
	else if (member && IsA(member, RangeVar))
		member = with_query((RangeVar *) member, scopes);
	if (member == NULL || !IsA(member, SelectStmt))
		return NULL;
	select = (SelectStmt *) member;
	if (select->withClause)
		*scopes = lcons(select->withClause, *scopes);
	return select;
}

/*
 * Goes down the path as far as the statement shows it.  Returns the node there;
 * *select: the SELECT it consists of, or NULL.
 */
static Node *
follow(const StreamPlace *place, SelectStmt **select)
{
	Node	   *node = raw_query(place);
	List	   *scopes = NIL;
	ListCell   *lc;

	*select = select_of(node, &scopes);
	foreach(lc, place->path)
	{
		int			n = lfirst_int(lc);
		Node	   *member;

		if (*select == NULL)
			break;
		member = (*select)->op == SETOP_NONE ?
			nth_of_from((Node *) (*select)->fromClause, &n) :
			nth_part(*select, true, &n);
		if (member == NULL)
			break;
		node = member;
		*select = select_of(member, &scopes);
	}
	return node;
}

static bool
leftmost_walker(Node *node, int *leftmost)
{
	int			location = exprLocation(node);

	if (node == NULL)
		return false;
	if (location >= 0 && (*leftmost < 0 || location < *leftmost))
		*leftmost = location;
	return raw_expression_tree_walker(node, leftmost_walker, leftmost);
}

/* Where the first thing in the node is that has a location, or -1. */
static int
leftmost(void *node)
{
	int			location = -1;

	leftmost_walker(node, &location);
	return location;
}

/* FOR UPDATE has no location itself; the tables that it names have. */
static int
leftmost_of_locking(SelectStmt *select)
{
	int			location = leftmost(select->lockingClause);

	return location >= 0 ? location : leftmost(select->fromClause);
}

int
stream_locate_clause(const StreamPlace *place, StreamClause clause)
{
	SelectStmt *select;
	Node	   *node = follow(place, &select);
	int			location = -1;

	switch (clause)
	{
		case STREAM_CLAUSE_FROM:
			if (select)
				location = leftmost(select->fromClause);
			break;
		case STREAM_CLAUSE_LOCKING:
			if (select)
				location = leftmost_of_locking(select);
			break;
		case STREAM_CLAUSE_SAMPLE:
			if (node && IsA(node, RangeTableSample))
				location = ((RangeTableSample *) node)->location;
			break;
		case STREAM_CLAUSE_ANY:
			break;
	}
	if (location < 0)
		location = leftmost(node);
	return location >= 0 ? location : place->anchor;
}

int
stream_locate_option(const StreamPlace *place, const char *name)
{
	CreateTableAsStmt *stmt = raw_statement(place);
	ListCell   *lc;

	foreach(lc, stmt ? stmt->into->options : NIL)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (def->defnamespace && strcmp(def->defnamespace, "streaming") == 0 &&
			strcmp(def->defname, name) == 0)
			return def->location;
	}
	return -1;
}
