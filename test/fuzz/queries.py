#!/usr/bin/env python3
"""Random queries: whatever CREATE accepts must stay right.

A history makes one or two streams with columns of every kind of type, and
random SELECTs over them (grammar.py): aggregations with every aggregate of the
catalog, nested ones, grouping sets, top-n, DISTINCT, transforms with lookups.
Each is made a continuous view.  What is refused must be refused by CREATE, with
a user's SQLSTATE, the place and a hint; it is counted.  What is accepted is
kept up to date by the workers while several sessions write, with savepoints,
aborts and prepared transactions; now and then it is refreshed and compared with
its query (with sessions merged by gaps and islands), EXCEPT ALL both ways, and it must
be running without an error.

In some histories the views are of one group; then two simple ones are too, which must
never be found apart.

An error at run time is a failure unless the plain query raises the same at that
moment.  The ordinary tables that queries look things up in do not change.

    queries.py --histories 100 --seed 1     seeds 1 to 100
    queries.py --seed 17 --verbose          that one again, with its statements
    queries.py --histories 500 --coverage   what was accepted, what refused
    queries.py --seed 17 --only 3,8         only these queries of the history

Connects like any libpq program as a superuser; works in databases of its own.
Exit code 3: a history failed.
"""

import collections
import json
import os
import random
import shutil
import sys
import tempfile
import time

import psycopg2

import fuzz
import grammar
from fuzz import Failure, History, Writer, copy_text, literal, shorten

# What each database has once.
LIBRARY = """
CREATE SCHEMA fz;
CREATE TYPE fz.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN fz.posint AS int4 CHECK (VALUE > 0);
CREATE TYPE fz.pair AS (a int4, b text);
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
		CREATE COLLATION fz.nd (provider = icu, locale = 'und-u-ks-level2',
			deterministic = false);
	ELSE	-- a server without ICU
		CREATE COLLATION fz.nd (provider = libc, locale = 'C');
	END IF;
END $$;

-- aggregates of users: that can be combined, and that can't
CREATE FUNCTION fz.add(int8, int4) RETURNS int8 IMMUTABLE
LANGUAGE sql AS 'SELECT $1 + coalesce($2, 1000)';
CREATE AGGREGATE fz.ua_sum(int4) (SFUNC = fz.add, STYPE = int8, INITCOND = '0',
	COMBINEFUNC = int8pl);
CREATE AGGREGATE fz.ua_serial(int4) (SFUNC = fz.add, STYPE = int8,
	INITCOND = '7');
CREATE AGGREGATE fz.ua_collect(anycompatible) (SFUNC = array_append,
	STYPE = anycompatiblearray, INITCOND = '{}');
CREATE FUNCTION fz.many(int8, VARIADIC int4[]) RETURNS int8 IMMUTABLE STRICT
LANGUAGE sql AS 'SELECT $1 + coalesce(sum(x), 0) FROM unnest($2) x';
CREATE AGGREGATE fz.ua_many(VARIADIC int4[]) (SFUNC = fz.many, STYPE = int8,
	INITCOND = '0', COMBINEFUNC = int8pl);
CREATE FUNCTION fz.finish(int8) RETURNS text IMMUTABLE
LANGUAGE sql AS $$ SELECT 'n' || $1 $$;
-- the first value that is not null starts it off
CREATE AGGREGATE fz.ua_max(int4) (SFUNC = int4larger, STYPE = int4,
	COMBINEFUNC = int4larger, PARALLEL = safe);
CREATE AGGREGATE fz.ua_text(int4) (SFUNC = fz.add, STYPE = int8,
	INITCOND = '0', COMBINEFUNC = int8pl, FINALFUNC = fz.finish);
-- with an inverse
CREATE AGGREGATE fz.ua_moving(int4) (SFUNC = int4pl, STYPE = int4,
	INITCOND = '0', MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int4,
	MINITCOND = '0');
"""
# ordinary tables
LOOKUPS = [
    "CREATE TABLE dim (k int4 PRIMARY KEY, label text, w int4)",
    "INSERT INTO dim SELECT x, CASE WHEN x % 4 > 0 THEN 'l' || x % 5 END,"
    " x % 10 FROM generate_series(-2, 40) x",
    "CREATE VIEW dimview AS SELECT k, label || '!' AS label FROM dim WHERE"
    " w < 7",
    "CREATE TABLE many (k int4 NOT NULL, v text, g numeric)",
    "INSERT INTO many SELECT x % 4, nullif('v' || x % 7, 'v3'), x / 2.0 "
    "FROM generate_series(0, 9) x",
]
# How long the server may take over one statement.
TIMEOUT_S = 180
# The results of plain queries that are too large to be compared all the time.
LARGE_ROWS = 20000
# ... or take longer than this, so that only the end of the history sees them.
SLOW_S = 0.5
# Something is wrong with our query, or it is not for these rows.
INVALID = ("42", "22", "0A", "54")


def dictionary(value):
    return collections.defaultdict(collections.Counter, value or {})


class Coverage:
    """What became of queries: by shape, by aggregate, by reason."""

    def __init__(self):
        self.total = collections.Counter()
        self.shapes = dictionary(None)
        self.aggregates = dictionary(None)
        self.reasons = collections.Counter()

    def count(self, query, verdict, reason=None):
        self.total[verdict] += 1
        for shape in query.shapes:
            self.shapes[shape][verdict] += 1
        for agg in query.aggregates:
            self.aggregates[agg][verdict] += 1
        if reason:
            self.reasons["%s: %s" % (verdict, reason)] += 1

    def add(self, other):
        self.total.update(other.total)
        self.reasons.update(other.reasons)
        for mine, theirs in ((self.shapes, other.shapes),
                             (self.aggregates, other.aggregates)):
            for name, counts in theirs.items():
                mine[name].update(counts)

    def save(self, path):
        with open(path, "w") as f:
            json.dump(vars(self), f)

    @classmethod
    def load(cls, path):
        self = cls()
        with open(path) as f:
            saved = json.load(f)
        self.total.update(saved["total"])
        self.reasons.update(saved["reasons"])
        for name in ("shapes", "aggregates"):
            for key, counts in saved[name].items():
                getattr(self, name)[key].update(counts)
        return self

    def summary(self):
        out = ["%d queries: %d accepted, %d refused, %d not tried" % (
            sum(self.total.values()), self.total["accepted"],
            self.total["refused"], self.total["invalid"])]
        never = sorted(name for name, counts in self.shapes.items()
                       if not counts["accepted"] and counts["refused"])
        if never:
            out.append("always refused: " + ", ".join(never))
        return "\n".join(out)

    def report(self):
        out = []
        for title, table in (("shape", self.shapes),
                             ("aggregate", self.aggregates)):
            out.append("%-60s %8s %8s" % (title, "accepted", "refused"))
            for name in sorted(table):
                counts = table[name]
                out.append("%-60s %8d %8d" % (
                    name, counts["accepted"], counts["refused"]))
            out.append("")
        out += ["%6d  %s" % (n, reason)
                for reason, n in self.reasons.most_common()]
        return "\n".join(out)


# --------------------------------------------------------------------------


class Stream:
    """A stream; all of a history have the same columns."""

    wide = False                    # for what we inherit

    def __init__(self, rng, number, columns, nulls):
        self.rng = rng
        self.name = "s%d" % number
        self.columns = columns
        self.nulls = nulls
        self.next_id = 1000000 * (number - 1)
        # few different values make large groups
        self.values = {c: rng.sample(v, min(len(v), rng.choice([3, 5, 20])))
                       for c, v in ((c, grammar.VALUES[t])
                                    for c, t in columns.items())}

    def ddl(self):
        rng = self.rng
        cols = ["%s %s%s" % (c, grammar.sql_type(t),
                             " NOT NULL" if c == "id" else "")
                for c, t in self.columns.items()]
        rng.shuffle(cols)
        if rng.random() < 0.15:
            return ["CREATE TABLE %s (%s) PARTITION BY HASH (id)" % (
                self.name, ", ".join(cols))] + [
                    "CREATE TABLE %s_%d PARTITION OF %s FOR VALUES WITH "
                    "(MODULUS 2, REMAINDER %d) USING stream" % (
                        self.name, i, self.name, i) for i in range(2)]
        out = ["CREATE TABLE %s (%s) USING stream" % (
            self.name, ", ".join(cols))]
        if rng.random() < 0.15:
            out[0] = out[0].replace("(", "(junk int4, ", 1)
            out.append("ALTER TABLE %s DROP COLUMN junk" % self.name)
        return out

    def row(self):
        rng = self.rng
        self.next_id += 1
        return [str(self.next_id) if c == "id"
                else None if rng.random() < self.nulls
                else rng.choice(self.values[c]) for c in self.columns]

    def insert(self, rows):
        return "INSERT INTO %s (%s) VALUES %s" % (
            self.name, ", ".join(self.columns),
            ", ".join("(%s)" % ", ".join(literal(v) for v in r)
                      for r in rows))

    def again(self, n):
        """Some of the rows once more, under other ids."""
        first = self.next_id
        self.next_id += n
        return ("INSERT INTO {0} ({1}) SELECT {2} + row_number() OVER (ORDER BY"
                " id), {3} FROM (SELECT * FROM {0} ORDER BY id LIMIT {4}) s"
                .format(self.name, ", ".join(self.columns), first, ", ".join(
                    c for c in self.columns if c != "id"), n))


class View:
    """A query, and what CREATE made of it."""

    def __init__(self, number, query, grammar_, options):
        self.number = number
        self.name = "v%d" % number
        self.query = query
        self.shapes = sorted(grammar_.tags)
        self.aggregates = sorted(grammar_.aggs)
        self.options = options
        self.slow = False           # the plain query is
        self.dead = False           # it fails, like the plain query
        self.below = []             # other views that it reads
        self.part = None            # a sub-select that an ordinary view stands for
        self.closed = False         # it cannot have a change stream
        self.told = "streaming.changes" in options  # ... or has one from its beginning

    def height(self):
        """How long the chain is that ends with it."""
        return 1 + max([v.height() for v in self.below], default=0)

    def reads(self, view):
        return any(v is view or v.reads(view) for v in self.below)

    def part_name(self):
        return "o%d" % self.number

    def sql(self):
        """Its query as it is given: with the ordinary view, if there is one."""
        sql = self.query.sql()
        if self.part:
            sql = sql.replace("(%s)" % self.part.sql(),
                              "(SELECT * FROM %s)" % self.part_name())
        return sql

    def create(self):
        return "CREATE MATERIALIZED VIEW %s WITH (%s) AS %s" % (
            self.name, self.options, self.sql())

    def difference(self):
        """As text what reads in one way only: that shows more."""
        columns = ", ".join(
            "%s::text" % alias if col.exact else alias
            for (_, alias), col in zip(self.query.items, self.query.cols))
        have = "SELECT %s FROM %s" % (columns, self.name)
        want = "SELECT %s FROM (%s) q" % (columns, self.query.sql(plain=True))
        return ("WITH have AS MATERIALIZED (%s), want AS MATERIALIZED (%s) "
                "SELECT 'view' AS only_in, x.* FROM (TABLE have EXCEPT ALL "
                "TABLE want) x UNION ALL SELECT 'query', y.* FROM (TABLE want "
                "EXCEPT ALL TABLE have) y" % (have, want))


    def untold(self):
        """What differs between the rows and all of their changes together."""
        n = len(self.query.items)
        columns = ", ".join("c%d" % i for i in range(n))
        texts = ", ".join("c%d::text" % i for i in range(n))
        return ("WITH have AS MATERIALIZED (SELECT %s FROM %s AS v(%s)), "
                "changes AS MATERIALIZED (SELECT %s, CASE WHEN o IN ('insert', "
                "'update after') THEN 1 ELSE -1 END AS s FROM %s_changes AS c(b, o, %s)) "
                "SELECT sum(s), %s FROM (TABLE changes UNION ALL SELECT *, -1 "
                "FROM have) AS q(%s, s) GROUP BY %s HAVING sum(s) <> 0" % (
                    texts, self.name, columns, texts, self.name, columns,
                    columns, columns, columns))


class Queries(History):
    """A random history."""

    def __init__(self, dbname, seed, steps, verbose):
        super().__init__(dbname, seed, steps, verbose)
        self.schema = "q%d" % seed
        self.steps = steps or self.rng.randint(15, 50)
        self.coverage = Coverage()
        self.group = random.Random("%d/group" % seed).random() < 0.25

    # ---- the server's word

    def describe(self, sql):
        with self.monitor.cursor() as cur:
            cur.execute("SELECT * FROM (%s) q LIMIT 0" % sql)
            return [self.types.get(d.type_code) for d in cur.description]

    def columns_of(self, source):
        """Names, types, collations of what a relation or query shows."""
        with self.monitor.cursor() as cur:
            cur.execute("CREATE TEMP VIEW shown AS SELECT * FROM %s q" % source)
            cur.execute("SELECT attname, format_type(atttypid, atttypmod), "
                        "attcollation::regcollation::text FROM pg_attribute "
                        "WHERE attrelid = 'shown'::regclass AND attnum > 0 "
                        "ORDER BY attnum")
            rows = cur.fetchall()
            cur.execute("DROP VIEW shown")
            return rows

    def plain_error(self, view):
        """The SQLSTATE that the plain query raises now, or None."""
        try:
            with self.monitor.cursor() as cur:
                cur.execute("SELECT count(*) FROM (%s) q"
                            % view.query.sql(plain=True))
                self.rows = cur.fetchone()[0]
                # the columns as well: count(*) may not compute them
                if self.rows <= LARGE_ROWS:
                    cur.execute(view.query.sql(plain=True))
        except psycopg2.Error as e:
            self.reason = str(e).split("\n")[0]
            return e.pgcode or "lost"
        return None

    # ---- views

    def make_query(self, rng, maker):
        """A query, and the other views that it reads."""
        fit = [v for v in self.views if not v.closed and any(
            c.type in grammar.VALUES for c in v.query.cols)]
        columns = {v.name: [(alias, col) for (_, alias), col
                            in zip(v.query.items, v.query.cols)] for v in fit}
        # seldom, for most views are to be about streams
        if rng.random() < 0.4 and not self.group:
            maker.others = [(v.name, columns[v.name]) for v in fit
                            if v.height() < 3]
        lowest = [v for v in fit if not v.below]
        below = set()
        if lowest and rng.random() < 0.25:
            view = rng.choice(lowest)
            below.add(view.name)
            query = maker.query_above(view.name, columns[view.name])
        else:
            query = maker.query()
        return query, [v for v in fit if v.name in below | maker.tested]

    def create_view(self):
        self.number += 1
        rng = random.Random("%d/%d" % (self.seed, self.number))
        maker = grammar.Grammar(rng, [s.name for s in self.streams],
                                self.columns, self.aggregates, self.describe)
        options = "streaming.continuous"
        if self.group:
            options += ", streaming.group = 'g'"
        if rng.random() < (0.3 if self.group else 0.7):
            options += ", streaming.max_batch_rows = %d" % rng.choice(
                [1, 3, 10, 100])
        if rng.random() < 0.15 and not self.group:
            options += ", streaming.trigger = 'manual'"
        if random.Random("%d/%d/told" % (self.seed, self.number)).random() < 0.2:
            options += ", streaming.changes"
        try:
            query, below = self.make_query(rng, maker)
        except psycopg2.Error as e:
            if (e.pgcode or "lost")[:2] not in INVALID:
                raise Failure("the plain query: %s" % e)
            self.coverage.total["invalid"] += 1
            self.coverage.reasons["invalid: %s" % str(e).split("\n")[0]] += 1
            self.note("ddl", "-- query %d, invalid: %s" % (self.number, e))
            return
        view = View(self.number, query, maker, options)
        view.below = below
        if OPTIONS.only and view.number not in OPTIONS.only:
            return
        error = self.plain_error(view)
        if error:
            if error[:2] not in INVALID:
                raise Failure("%s\nthe plain query: %s" % (
                    query.sql(), self.reason))
            self.coverage.count(view, "invalid", self.reason)
            self.note("ddl", "-- invalid: %s\n-- %s" % (
                query.sql(), self.reason))
            return
        if self.rows > LARGE_ROWS:
            self.coverage.count(view, "invalid", "too many rows")
            return
        if self.accepted(view):
            self.views.append(view)

    def name_part(self, view):
        """Now and then, has an ordinary view stand for a sub-select."""
        rng = random.Random("%d/%d/part" % (self.seed, view.number))
        parts = [q for q in view.query.source if not isinstance(q, str)]
        if not parts or rng.random() < 0.7:
            return
        part = rng.choice(parts)
        create = "CREATE VIEW %s AS %s" % (view.part_name(), part.sql())
        self.note("monitor", create + ";")
        try:
            with self.monitor.cursor() as cur:
                cur.execute(create)
        except psycopg2.Error as e:
            self.note("monitor", "-- " + str(e).split("\n")[0])
            return
        view.part = part
        view.shapes.append("ordinary view for a sub-select")

    def accepted(self, view):
        """CREATE, and what must be so whether it is accepted or refused."""
        self.settle()
        self.name_part(view)
        in_place = random.Random("%d/%d/place" % (
            self.seed, view.number)).random() < 0.3
        if in_place:
            self.create_other(view)
        self.note("monitor", view.create() + (
            "; -- by streaming.replace" if in_place else ";"))
        try:
            with self.monitor.cursor() as cur:
                if in_place:
                    cur.execute("CALL streaming.replace(%s, %s)",
                                (view.name, view.sql()))
                else:
                    cur.execute(view.create())
        except psycopg2.Error as e:
            message = str(e).split("\n")[0]
            self.note("monitor", "-- refused %s: %s" % (e.pgcode, message))
            if in_place:
                self.do("ddl", "DROP MATERIALIZED VIEW " + view.name)
            wrong = None
            if e.pgcode is None or e.pgcode[:2] not in ("0A", "42", "54"):
                wrong = "this is no refusal"
            elif not e.diag.message_hint:
                wrong = "a refusal without a hint"
            # what a query does not fit, options of the view, is not in its text
            elif not (e.diag.internal_position or " group " in message or
                      "cannot replace the query" in message
                      if in_place else e.diag.statement_position):
                wrong = "a refusal without a position"
            if wrong:
                raise Failure("%s;\n%s: %s %s" % (
                    view.create(), wrong, e.pgcode, e))
            self.coverage.count(view, "refused", message)
            if len(view.below) == 1 and "a change stream" in message:
                view.below[0].closed = True
            return False
        view.shapes += self.operators(view)
        self.coverage.count(view, "accepted")
        have = self.columns_of(view.name)
        want = self.columns_of("(%s)" % view.query.sql())
        if have != want:
            raise Failure("%s;\nits columns: %s\nthose of the query: %s" % (
                view.create(), have, want))
        return True

    def other_query(self, view, groups):
        """Another query with these columns."""
        columns = ", ".join("NULL::%s%s AS \"%s\"" % (
            type_, "" if collation == "-" else " COLLATE " + collation, name)
            for name, type_, collation in self.columns_of(
                "(%s)" % view.query.sql()))
        return "SELECT %s FROM %s %s" % (
            columns, self.streams[0].name,
            "GROUP BY a HAVING a > 3" if groups else "WHERE a > 3")

    def create_other(self, view):
        """A view of these columns with another query."""
        self.do("ddl", "CREATE MATERIALIZED VIEW %s WITH (%s) AS %s" % (
            view.name, view.options, self.other_query(view, False)))

    def operators(self, view):
        """What kinds of operators the view has."""
        with self.monitor.cursor() as cur:
            cur.execute("SELECT DISTINCT substring(line, "
                        "'Operator \\d+: (.*?)(?:, hands on.*|, is shown.*)?$')"
                        " FROM streaming.explain('%s') line WHERE line ~ "
                        "'Operator' ORDER BY 1" % view.name)
            kinds = cur.fetchall()
            if not kinds:
                raise Failure("no plan of " + view.create())
            return ["operator: " + kind for kind, in kinds]

    def problem(self, view):
        """Refreshes and compares: what is wrong, or None."""
        refresh = "REFRESH MATERIALIZED VIEW " + view.name
        self.note("oracle", refresh + ";")
        try:
            with self.monitor.cursor() as cur:
                cur.execute(refresh)
                began = time.monotonic()
                cur.execute(view.difference())
                rows = cur.fetchmany(10)
                view.slow = time.monotonic() - began > SLOW_S
                if view.told and not rows:
                    cur.execute(view.untold())
                    untold = cur.fetchmany(10)
                    if untold:
                        return "the changes of %s are not its rows: %s\n%s" % (
                            view.name, view.untold(),
                            "\n".join("  " + shorten(str(r)) for r in untold))
        except psycopg2.Error as e:
            other = self.other_of_group(view, e)
            if other:
                self.check(other)
                return self.problem(view)
            if self.plain_error(view) == e.pgcode:
                self.coverage.count(view, "dead", self.reason)
                view.dead = True
                return None
            return "%s: %s %s" % (view.name, e.pgcode, e)
        if rows:
            return "%s is not its query: %s\n%s" % (
                view.name, view.difference(),
                "\n".join("  " + shorten(str(r)) for r in rows))
        return self.wrong_state(view)

    def other_of_group(self, view, error):
        """The one that keeps the view from going on, or None."""
        for other in self.views:
            if other is not view and 'view "%s" of the same group' % (
                    other.name) in str(error):
                return other
        return None

    def check_together(self):
        """Are the two simple views of the group at the same point?"""
        with self.monitor.cursor() as cur:
            cur.execute("SELECT g1.n, (SELECT count(*) FROM g2), g1.ids, "
                        "(SELECT sum(id) FROM g2) FROM g1")
            row = cur.fetchone()
        if row[0] != row[1] or row[2] != row[3]:
            raise Failure("views of one group are apart: %s" % (row,))

    def wrong_state(self, view):
        deadline = time.monotonic() + (60 if view.number else 1)
        while True:
            with self.monitor.cursor() as cur:
                cur.execute(
                    "SELECT state, last_error FROM streaming.views WHERE view ="
                    " '%s'::regclass" % view.name)
                (state, error) = cur.fetchone()
            if state == "running" and error is None:
                return None
            if time.monotonic() > deadline:
                return "%s is %s: %s" % (view.name, state, error)
            time.sleep(0.05)

    def check(self, view, last=False):
        if view.slow and not last:
            return
        problem = self.problem(view)
        if self.group:
            self.check_together()
        if view.dead:
            self.views = [v for v in self.views
                          if v is not view and not v.reads(view)]
            self.do("ddl", "DROP MATERIALIZED VIEW %s CASCADE" % view.name)
            return
        if problem:
            raise Failure("%s;\n%s\n%s" % (
                view.create(), problem, self.shrunk(view)))
        self.checks += 1

    # ---- making it small

    def shrunk(self, view):
        """A smaller query that is wrong as well, over the rows there are."""
        found = [None]

        def fails():
            fresh = View(0, view.query, self, view.options)
            fresh.name = "shrink"
            try:
                with self.monitor.cursor() as cur:
                    cur.execute("SET statement_timeout = '10s'")
                    cur.execute("DROP VIEW IF EXISTS shrink")
                    if self.plain_error(fresh):
                        return False
                    cur.execute(fresh.create())
                    problem = self.problem(fresh)
            except psycopg2.Error:
                return False
            if problem:
                found[0] = fresh.create() + ";\n" + problem
            return problem is not None
        self.tags, self.aggs = [], []
        try:
            if not fails():
                return "a fresh view is right"
            steps = view.query.smaller()
            deadline = time.monotonic() + 15
            try:
                next(steps)
                while time.monotonic() < deadline:
                    steps.send(fails())
            except StopIteration:
                pass
            return "smaller: " + found[0]
        except Exception as e:
            return "not made smaller: %s" % e

    # ---- the plan

    def setup(self):
        rng = self.rng
        with self.monitor.cursor() as cur:
            cur.execute("SET statement_timeout = '%ds'; SET timezone = 'UTC'; "
                        "SET client_min_messages = warning" % TIMEOUT_S)
            cur.execute("SELECT to_regnamespace('fz') IS NULL")
            if cur.fetchone()[0]:
                cur.execute(LIBRARY)
            cur.execute("CREATE SCHEMA %s; SET search_path = %s, public"
                        % (self.schema, self.schema))
            cur.execute("SELECT oid, format_type(oid, NULL) FROM pg_type")
            names = {name: ours for ours, name in (
                (t, {"int4": "integer", "int2": "smallint", "int8": "bigint",
                     "float8": "double precision", "bool": "boolean",
                     "timestamp": "timestamp without time zone",
                     "timestamptz": "timestamp with time zone",
                     "int4[]": "integer[]"}.get(t, grammar.SQL.get(t, t)))
                for t in grammar.VALUES if t not in (
                    "big", "fuzzy", "textc", "textn"))}
            self.types = {oid: names.get(name) for oid, name in cur.fetchall()}
            cur.execute(grammar.AGGREGATES)
            self.aggregates = [grammar.Aggregate(*row)
                               for row in cur.fetchall()]
        some = [c for c in grammar.COLUMNS if c != "a"]
        rng.shuffle(some)
        self.columns = {"id": "big", "a": "int4"}
        self.columns.update((c, grammar.COLUMNS[c])
                            for c in some[:rng.randint(7, len(some))])
        nulls = rng.choice([0, 0.1, 0.1, 0.4])
        self.streams = [Stream(rng, i + 1, self.columns, nulls)
                        for i in range(rng.choice([1, 2, 2]))]
        for sql in LOOKUPS + [s for stream in self.streams
                              for s in stream.ddl()]:
            self.do("ddl", sql)
        for name in ("ddl", "admin"):
            self.do(name, "SET lock_timeout = '300ms'")
            self.do(name, "SET timezone = 'UTC'")

    def run(self):
        rng = self.rng
        self.setup()
        self.stream = self.streams[0]       # for what we inherit
        writers = [Writer("w%d" % (i + 1)) for i in range(rng.randint(1, 3))]
        for _ in range(rng.choice([0, 1, 3])):
            self.insert(writers[0])
        for name, query in [] if not self.group else [
                ("g1", "SELECT count(*) AS n, sum(id) AS ids FROM %s"),
                ("g2", "SELECT id FROM %s")]:
            self.do("ddl", "CREATE MATERIALIZED VIEW %s WITH "
                    "(streaming.continuous, streaming.group = 'g') AS %s" % (
                        name, query % self.stream.name))
        wanted = rng.randint(3, 6)
        while len(self.views) < wanted and self.number < 25:
            self.create_view()
        for _ in range(self.steps):
            x = rng.random()
            if x < 0.75:
                self.writer_step(rng.choice(writers))
            elif x < 0.80:
                self.admin()
            elif x < 0.85:
                self.create_view()
            elif self.views and x < 0.88:
                self.replace(rng.choice(self.views))
            elif self.views:
                self.check(rng.choice(self.views))
        for w in writers:
            if w.open:
                self.end(w)
        while self.prepared:
            self.finish_prepared(self.prepared[0])
        for view in list(self.views):
            if view in self.views:
                self.check(view, last=True)
        self.do("ddl", "RESET lock_timeout")
        self.do("ddl", "DROP SCHEMA %s CASCADE" % self.schema)

    def insert(self, w):
        rng = self.rng
        stream = rng.choice(self.streams)
        x = rng.random()
        if x < 0.3:
            self.do(w.name, stream.insert([stream.row()]))
        elif x < 0.75:
            self.do(w.name, stream.insert(
                [stream.row() for _ in range(rng.randint(2, 25))]))
        elif x < 0.85:
            self.do(w.name, stream.again(rng.randint(1, 60)))
        else:
            rows = [stream.row() for _ in range(rng.randint(0, 60))]
            self.do(w.name, "COPY %s (%s) FROM STDIN" % (
                stream.name, ", ".join(stream.columns)), "".join(
                    "\t".join(copy_text(v) for v in r) + "\n" for r in rows))

    def admin(self):
        rng = self.rng
        x = rng.random()
        if x < 0.3:
            self.do("admin", "SELECT pg_terminate_backend(pid) FROM "
                    "pg_stat_activity WHERE backend_type ~ '^streaming.* "
                    "worker' AND datname = current_database()")
        elif x < 0.5:
            self.do("admin", "VACUUM (ANALYZE) " + rng.choice(
                self.streams).name)
        elif self.views and x < 0.7:
            self.do("admin", "VACUUM " + self.state_table(
                rng.choice(self.views)))
        elif self.views and self.group:
            self.do("ddl", "ALTER MATERIALIZED VIEW %s %s" % (
                rng.choice(self.views).name, rng.choice([
                    "SET (streaming.group = 'g')", "RESET (streaming.group)",
                    "SET (streaming.group = 'h')"])))
        elif self.views:
            self.do("ddl", "ALTER MATERIALIZED VIEW %s SET "
                    "(streaming.max_batch_rows = %d)" % (
                        rng.choice(self.views).name, rng.choice([1, 7, 1000])))

    def call_replace(self, view, query):
        """What it fails with, or None."""
        self.settle()
        call = "CALL streaming.replace('%s', $fz$%s$fz$)" % (view.name, query)
        self.note("monitor", call + ";")
        try:
            with self.monitor.cursor() as cur:
                cur.execute(call)
        except psycopg2.Error as e:
            self.note("monitor", "-- %s %s" % (
                e.pgcode, str(e).split("\n")[0]))
            return e
        return None

    def replace(self, view):
        """
        The query of a view by the same one, which reads all once more; or by another one
        and back, with all that others are told of that.
        """
        if view.dead:
            return
        above = any(view in v.below for v in self.views)
        error = None
        if (view.told or above) and self.rng.random() < 0.7:
            error = self.call_replace(view, self.other_query(view, True))
        if not error:
            error = self.call_replace(view, view.sql())
            if error and self.plain_error(view) == error.pgcode:
                self.coverage.count(view, "dead", self.reason)
                view.dead = True
                self.views = [v for v in self.views
                              if v is not view and not v.reads(view)]
                self.do("ddl", "DROP MATERIALIZED VIEW %s CASCADE" % view.name)
                return
        # what others have seen as final, by its kind
        if error and not (error.pgcode == "0A000" and
                          "cannot replace the query" in str(error)):
            raise Failure("%s\n%s" % (view.create(), error))

    def close(self):
        self.coverage.save(os.path.join(OPTIONS.results, "%d" % self.seed))
        super().close()


OPTIONS = None


def main():
    global OPTIONS
    parser = fuzz.make_parser(__doc__)
    parser.add_argument("--coverage", action="store_true",
                        help="what was accepted and refused, in full")
    parser.add_argument("--only", type=lambda s: [int(n) for n in s.split(",")],
                        metavar="N,N", help="only these queries of each history")
    OPTIONS = parser.parse_args()
    OPTIONS.results = tempfile.mkdtemp(prefix="queries.")
    try:
        status = fuzz.run_histories(OPTIONS, Queries)
        coverage = Coverage()
        for name in os.listdir(OPTIONS.results):
            coverage.add(Coverage.load(os.path.join(OPTIONS.results, name)))
    finally:
        shutil.rmtree(OPTIONS.results)
    if OPTIONS.coverage:
        print(coverage.report())
    print(coverage.summary(), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
