#!/usr/bin/env python3
"""Random histories: writers, views, DDL and kills, checked by the oracle.

A history is a sequence of steps drawn from a seed: which stream, which
continuous views over it, and what each of several database sessions does, one
step after the other, interleaved: inserts of every kind, savepoints, prepared
transactions, aborts, VACUUM, DDL on the views, killed workers.  The workers
run for real beside it.  At random moments, and at the end, a view is brought
up to date with REFRESH MATERIALIZED VIEW and compared with its defining query
over the stream, EXCEPT ALL both ways: that is the oracle.

The same seed gives the same steps.  A step that waits for a lock held by
another session (ON CONFLICT does) is left waiting and its session's later
steps queue up behind it, so histories never hang on themselves.

    fuzz.py --histories 100 --seed 1     seeds 1 to 100
    fuzz.py --seed 17 --verbose          that one again, with its statements
    fuzz.py --race                       real threads instead of steps: many
                                         writers with slow commits, on groups
                                         that are made while others write to
                                         them and then fall quiet

Connects like any libpq program (PGHOST, PGPORT, PGUSER) as a superuser; works
in databases of its own.  Exit code 3: a history failed.
"""

import argparse
import collections
import io
import os
import queue
import random
import re
import sys
import threading
import time
import traceback

import psycopg2
import psycopg2.extensions

STEP_TIMEOUT = 120.0
# Errors that are part of the game: deadlock, in failed transaction and its
# savepoints, lock timeout, and the ones that steps provoke: duplicate key,
# division by zero, raise exception.
TOLERATED = {"40P01", "25P02", "3B001", "55P03", "23505", "22012", "P0001"}


class Failure(Exception):
    """A history has gone wrong."""


def connect(dbname, **options):
    conn = psycopg2.connect(dbname=dbname, **options)
    conn.autocommit = True
    return conn


# --------------------------------------------------------------------------
# Sessions


class Session:
    """A database session with a thread that runs its statements in order."""

    def __init__(self, history, name):
        self.history = history
        self.name = name
        self.conn = connect(history.dbname)
        self.pid = self.conn.info.backend_pid
        with self.conn.cursor() as cur:
            cur.execute("SET search_path = %s, public" % history.schema)
            cur.execute("SET deadlock_timeout = '100ms'")
        self.queue = queue.Queue()
        self.pending = 0
        self.done = 0
        self.cond = threading.Condition()
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def submit(self, step):
        with self.cond:
            self.pending += 1
        self.queue.put(step)

    def busy(self):
        with self.cond:
            return self.pending > 0

    def wait(self, timeout):
        with self.cond:
            return self.cond.wait_for(lambda: self.pending == 0, timeout)

    def run(self):
        while True:
            step = self.queue.get()
            if step is None:
                return
            try:
                self.execute(step)
            except psycopg2.Error as e:
                code = e.pgcode or "lost"
                self.history.note(self.name, "-- error %s: %s" % (
                    code, str(e).strip().split("\n")[0]))
                if code not in TOLERATED:
                    self.error = (step, e)
            except Exception as e:      # a bug of ours
                self.error = (step, e)
            with self.cond:
                self.pending -= 1
                self.done += 1
                self.cond.notify_all()

    def execute(self, step):
        sql, data = step
        with self.conn.cursor() as cur:
            if data is None:
                cur.execute(sql)
            else:
                cur.copy_expert(sql, io.StringIO(data))

    def close(self):
        self.queue.put(None)
        if self.busy():
            self.conn.cancel()
        self.thread.join(5)
        try:
            self.conn.close()
        except psycopg2.Error:
            pass


# --------------------------------------------------------------------------
# What histories are made of


def literal(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def copy_text(value):
    if value is None:
        return "\\N"
    return (value.replace("\\", "\\\\").replace("\t", "\\t")
            .replace("\n", "\\n"))


class Stream:
    """A random stream table and a source of rows for it."""

    TYPES = {
        "a": "int4", "b": "int8", "c": "text", "n": "numeric", "f": "float8",
        "p": "bool", "d": "date", "g": "int4", "t": "text", "i": "int2",
    }

    def __init__(self, rng):
        self.rng = rng
        self.name = "s"
        self.nulls = rng.choice([0, 0, 0.1, 0.5])
        self.keys = rng.choice([2, 5, 20, 300])
        self.partitioned = rng.random() < 0.3
        self.unique = rng.random() < 0.4
        self.unlogged = rng.random() < 0.15
        names = ["b", "c", "n", "f", "p", "d", "g", "t", "i"]
        rng.shuffle(names)
        names = names[:rng.randint(3, 9)] + ["id", "u", "a", "ts"]
        rng.shuffle(names)
        self.columns = names
        # rows of very different lengths leave pages with room behind them
        self.wide = "t" in names and rng.random() < 0.5
        self.types = dict(self.TYPES, id="int8", u="int8", ts="timestamptz")
        self.next_id = 0
        self.next_u = 0

    def ddl(self):
        rng = self.rng
        cols = ["%s %s" % (c, self.types[c]) for c in self.columns]
        junk = rng.random() < 0.3
        if junk:
            cols.insert(rng.randrange(len(cols)), "junk int4")
        out = []
        if self.partitioned:
            out.append("CREATE TABLE s (%s) PARTITION BY HASH (id)"
                       % ", ".join(cols))
            n = rng.randint(1, 4)
            for i in range(n):
                out.append("CREATE TABLE s_%d PARTITION OF s FOR VALUES WITH "
                           "(MODULUS %d, REMAINDER %d) USING stream"
                           % (i, n, i))
        else:
            out.append("CREATE %sTABLE s (%s) USING stream" % (
                "UNLOGGED " if self.unlogged else "", ", ".join(cols)))
        if junk:
            out.append("ALTER TABLE s DROP COLUMN junk")
        if self.wide:
            out.append("ALTER TABLE s ALTER t SET STORAGE PLAIN")
        if self.unique:
            out.append("CREATE UNIQUE INDEX ON s (u%s)"
                       % (", id" if self.partitioned else ""))
        elif rng.random() < 0.3:
            out.append("CREATE INDEX ON s (a)")
        return out

    def value(self, column, old_u=False):
        rng = self.rng
        if column == "id":
            self.next_id += 1
            return str(self.next_id)
        if column == "u":
            if old_u and self.next_u > 0:
                return str(rng.randint(max(1, self.next_u - 20), self.next_u))
            self.next_u += 1
            return str(self.next_u)
        if rng.random() < self.nulls:
            return None
        if column == "a":
            return str(rng.randrange(self.keys))
        if column == "b":
            return str(rng.choice([rng.randrange(-5, 6), rng.getrandbits(40)]))
        if column == "c":
            return "k%d" % rng.randrange(self.keys)
        if column == "n":
            return rng.choice(["%d" % rng.randrange(100),
                               "%.2f" % rng.uniform(-50, 50),
                               "%.10f" % rng.random(),
                               "%de20" % rng.randrange(100)])
        if column == "f":
            return repr(rng.randrange(-4000, 4000) / 4)
        if column == "p":
            return rng.choice(["t", "f", "t", "t"])
        if column == "d":
            return "2024-%02d-%02d" % (rng.randint(1, 12), rng.randint(1, 28))
        if column == "g":
            return str(rng.getrandbits(8))
        if column == "i":
            return str(rng.randrange(-100, 100))
        if column == "t":
            if self.wide:
                return rng.choice("xyz") * rng.choice(
                    [1, 1, 10, rng.randint(2000, 7000)])
            if rng.random() < 0.02:
                return "%x" % rng.getrandbits(4 * rng.randint(1000, 20000))
            return "text %d" % rng.randrange(1000)
        if column == "ts":
            return "2024-01-%02d %02d:%02d:%02d+00" % (
                rng.randint(1, 3), rng.randrange(24), rng.randrange(60),
                rng.randrange(60))
        raise AssertionError(column)

    def row(self, old_u=False):
        return [self.value(c, old_u) for c in self.columns]

    def insert(self, rows, tail=""):
        return "INSERT INTO s (%s) VALUES %s%s" % (
            ", ".join(self.columns),
            ", ".join("(%s)" % ", ".join(literal(v) for v in r)
                      for r in rows), tail)

    def insert_series(self, n, fail_at=None):
        """Many rows by one INSERT ... SELECT; may fail at one of them."""
        first, first_u = self.next_id + 1, self.next_u + 1
        self.next_id += n
        self.next_u += n
        exprs = {
            "id": "%d + x" % (first - 1), "u": "%d + x" % (first_u - 1),
            "a": "x %% %d" % self.keys, "b": "x * 7 - 100",
            "c": "'k' || x %% %d" % self.keys, "n": "x / 3.0",
            "f": "x / 4.0", "p": "x %% 3 = 0", "d": "date '2024-01-01' + x %% 9",
            "g": "x & 255", "t": "'series ' || x", "i": "(x %% 100)::int2",
            "ts": "timestamptz '2024-01-02 00:00+00' + x * interval '7 s'",
        }
        if fail_at is not None:
            exprs["b" if "b" in self.columns else "a"] = (
                "1 / (x - %d)" % fail_at)
        return "INSERT INTO s (%s) SELECT %s FROM generate_series(1, %d) x" % (
            ", ".join(self.columns),
            ", ".join(exprs[c].replace("%%", "%") for c in self.columns), n)


class View:
    """A random continuous view over the stream."""

    def __init__(self, rng, stream, number):
        self.rng = rng
        self.name = "v%d" % number
        self.base = None            # rows from before, for WITH NO DATA
        self.epoch = 0              # what was taken from the stream before
        self.stream = stream
        self.enabled = True
        have = set(stream.columns)
        r = rng.random

        self.join = ""
        if r() < 0.25:
            self.join = rng.choice([
                " JOIN dim x ON x.k = s.a",
                " LEFT JOIN dim x ON x.k = s.a",
                " JOIN dim x ON x.k = s.a AND x.w > 3"])
        # what stands for the stream in FROM; %s is the stream
        self.source = "%s AS s"
        if r() < 0.1:
            self.source = rng.choice([
                "(SELECT * FROM %s AS i WHERE i.id %% 4 > 0) AS s",
                "(SELECT i.*, i.a + 1 AS extra FROM %s AS i) AS s",
                "%s AS s CROSS JOIN LATERAL generate_series(1, s.a %% 3) AS l",
                "(SELECT i.* FROM %s AS i, dim AS y WHERE y.k = i.id %% 100"
                " AND y.w < 8) AS s"])
        keys = ["s.a", "s.a % 3", "generate_series(0, (s.id % 3)::int4)", "s.a IS NULL", "date_trunc('hour', s.ts)",
                "tumble(s.ts, '1 hour')",
                "tumble(s.ts, interval '6 hours', interval '1 hour')",
                "CASE WHEN s.a > 2 THEN 'high' WHEN s.a >= 0 THEN 'low' END",
                "s.id % 7", "'constant'::text"]
        if "c" in have:
            keys += ["s.c", "s.c", "upper(s.c)", "coalesce(s.c, 'none')",
                     "length(s.c)"]
        if "p" in have:
            keys += ["s.p"]
        if "d" in have:
            keys += ["s.d", "extract(month FROM s.d)"]
        if "n" in have:
            keys += ["floor(s.n)", "s.n"]
        if "i" in have:
            keys += ["s.i", "s.i::numeric / 10"]
        if self.join:
            keys += ["x.label", "x.label || s.a", "x.w"]
        aggs = ["count(*)", "count(*)", "sum(s.a)", "avg(s.a)", "min(s.ts)",
                "max(s.ts)", "max(s.id)", "count(s.a)", "stddev(s.a)",
                "var_pop(s.id)", "min(s.a)",
                "(sum(s.id) / nullif(count(*), 0))",
                "(max(s.a) - min(s.a))", "(count(*) * 2 + 1)",
                "(rank() OVER (ORDER BY count(*)))",
                "(sum(count(*)) OVER ())"]
        if "b" in have:
            aggs += ["sum(s.b)", "avg(s.b)", "min(s.b)",
                     "stddev_samp(s.b)", "sum(s.b + s.id)"]
        if "c" in have:
            aggs += ["min(s.c)", "max(s.c)", "count(s.c)"]
        if "n" in have:
            aggs += ["sum(s.n)", "avg(s.n)", "max(s.n)", "stddev(s.n)",
                     "variance(s.n)"]
        if "f" in have:
            aggs += ["sum(s.f)", "avg(s.f)", "min(s.f)", "max(s.f)"]
        if "p" in have:
            aggs += ["bool_and(s.p)", "bool_or(s.p)", "every(NOT s.p)"]
        if "g" in have:
            aggs += ["bit_or(s.g)", "bit_and(s.g)"]
        if "i" in have:
            aggs += ["sum(s.i)", "avg(s.i)", "max(s.i)"]
        if "t" in have:
            aggs += ["max(s.t)", "count(s.t)", "min(length(s.t))"]
        if self.join:
            aggs += ["sum(x.w)", "count(x.label)"]
        conds = ["s.a > 1", "s.id % 3 = 1", "s.a IS NOT NULL",
                 "s.ts >= '2024-01-02'", "s.a < 1000000"]
        if "c" in have:
            conds += ["s.c LIKE 'k1%'", "s.c <> 'k0'"]
        if "p" in have:
            conds += ["s.p"]

        if r() < 0.1:
            self.keys = []
        else:
            self.keys = rng.sample(keys, rng.randint(1, min(3, len(keys))))
        columns = list(self.keys)
        if len(columns) > 1 and r() < 0.1:
            columns.pop()           # grouped by what is not shown
        for agg in rng.sample(aggs, rng.randint(
                0 if columns and r() < 0.1 else 1, 5)):
            if r() < 0.2 and re.fullmatch(r"\w+\([^()]*\)", agg):
                agg += " FILTER (WHERE %s)" % rng.choice(conds)
            columns.append(agg)
        if r() < 0.2:
            rng.shuffle(columns)
        self.select = ", ".join("%s AS c%d" % (c, i + 1)
                                for i, c in enumerate(columns))
        # constants, and expressions over aggregates, are computed when the
        # view is read; t can be too long
        self.indexable = [
            i + 1 for i, c in enumerate(columns)
            if c in self.keys and "constant" not in c
            or "(s.t)" not in c and re.fullmatch(r"\w+\([^()]*\)( FILTER \(.*\))?", c)]
        self.tail = ""
        if r() < 0.3:
            self.tail += " WHERE " + rng.choice(conds)
            if r() < 0.3:
                self.tail += " AND " + rng.choice(conds)
        if self.keys:
            self.tail += " GROUP BY " + ", ".join(self.keys)
        if r() < 0.2:
            self.tail += " HAVING " + rng.choice(
                ["count(*) > 2", "min(s.id) IS NOT NULL",
                 "sum(s.a) > 10 OR count(*) = 1"])
        if r() < 0.1:
            # by everything, so that LIMIT has one answer
            self.tail += " ORDER BY " + ", ".join(
                str(i + 1) for i in range(len(columns)))
            self.tail += rng.choice(["", " DESC LIMIT 5", " LIMIT 3 OFFSET 1"])
        self.ranked = None
        if r() < 0.2:
            self.rank(keys, conds)
        options = ["streaming.continuous"]
        if r() < 0.7:
            options.append("streaming.max_batch_rows = %d" % rng.choice(
                [1, 3, 10, 50, 100, 1000]))
        trigger = rng.choice(["commit"] * 6 + ["manual", "50 ms"])
        if trigger != "commit" or r() < 0.2:
            options.append("streaming.trigger = '%s'" % trigger)
        self.options = ", ".join(options)

    def rank(self, keys, conds):
        """The first rows of each key instead, in a total order."""
        rng, r = self.rng, self.rng.random
        self.keys = rng.sample([k for k in keys if "generate_series" not in k],
                               rng.randint(0, 2))
        order = rng.sample(
            ["s.ts DESC", "s.a", "s.a DESC NULLS LAST", "s.id % 5 DESC",
             "s.%s" % rng.choice(self.stream.columns),
             "s.%s DESC" % rng.choice(self.stream.columns)], rng.randint(1, 2))
        function = rng.choice(["row_number", "row_number", "rank",
                               "dense_rank"])
        if function == "row_number":
            order.append("s.id")
        columns = self.keys + ["s.%s" % c for c in rng.sample(
            self.stream.columns, rng.randint(1, len(self.stream.columns)))]
        select = ", ".join("%s AS c%d" % (c, i + 1)
                           for i, c in enumerate(columns))
        where = " WHERE " + rng.choice(conds) if r() < 0.3 else ""
        self.indexable = []
        if self.keys and r() < 0.4:
            self.ranked = ("SELECT DISTINCT ON (%s) %s FROM %%s%s%s ORDER BY %s"
                           % (", ".join(self.keys), select, self.join, where,
                              ", ".join(self.keys + order + ["s.id"])))
        else:
            n = rng.choice([1, 1, 2, 3, 10])
            inner = ("SELECT %s, %s() OVER (%sORDER BY %s) AS rn FROM %%s%s%s"
                     % (select, function, "PARTITION BY %s " %
                        ", ".join(self.keys) if self.keys else "",
                        ", ".join(order), self.join, where))
            outer, tail = rng.choice([("*", ""), ("c1, rn", ""), ("c1", ""),
                                      ("c1, count(*) AS n", " GROUP BY c1")])
            self.ranked = "SELECT %s FROM (%s) q WHERE %s%s" % (
                outer, inner, rng.choice([
                    "rn <= %d" % n, "rn < %d" % (n + 1), "%d >= rn" % n,
                    "rn = %d" % n, "rn BETWEEN 1 AND %d" % n,
                    "rn IN (1, %d)" % n, "rn <= %d AND c1 IS NOT NULL" % n]),
                tail)
        self.ranked = self.ranked.replace("%s", "\0").replace(
            "%", "%%").replace("\0", "%s")

    def query(self, source="s"):
        if self.ranked:
            return self.ranked % (self.source % source)
        return "SELECT %s FROM %s%s%s" % (
            self.select, self.source % source, self.join, self.tail)

    def create(self, no_data):
        return "CREATE MATERIALIZED VIEW %s WITH (%s) AS %s%s" % (
            self.name, self.options, self.query(),
            " WITH NO DATA" if no_data else "")

    def expected(self):
        """The query over all rows that the view has to have read.

        These are those of the stream; what has been taken from it since the
        view was made (TRUNCATE and the like leave results as they are); but
        WITH NO DATA not those from before.
        """
        columns = ", ".join(self.stream.columns)
        source = ("SELECT %s FROM s UNION ALL SELECT %s FROM archive "
                  "WHERE epoch > %d" % (columns, columns, self.epoch))
        if self.base is not None:
            source = ("SELECT * FROM (%s) a WHERE id NOT IN "
                      "(SELECT id FROM %s)" % (source, self.base))
        return self.query("(%s)" % source)

    def difference(self):
        return ("SELECT 'view' AS only_in, x.* FROM (TABLE %s EXCEPT ALL (%s)) x"
                " UNION ALL "
                "SELECT 'query', y.* FROM ((%s) EXCEPT ALL TABLE %s) y" % (
                    self.name, self.expected(), self.expected(), self.name))


# --------------------------------------------------------------------------
# Histories


class Writer:
    """What the plan believes of a session's transaction."""

    def __init__(self, name):
        self.name = name
        self.open = False
        self.savepoints = []
        self.fresh = 0


class History:
    """A random history; OPTION is what else selects it on the command line."""

    OPTION = ""

    def __init__(self, dbname, seed, steps, verbose):
        self.dbname = dbname
        self.seed = seed
        self.rng = random.Random(seed)
        self.schema = "h%d" % seed
        self.steps = steps or self.rng.randint(60, 200)
        self.verbose = verbose
        self.log = []
        self.loglock = threading.Lock()
        self.sessions = {}
        self.views = []
        self.checks = 0
        self.number = 0
        self.epoch = 0
        self.prepared = []          # the plan believes these are prepared
        self.left_over = []         # finished by the plan too early
        self.monitor = connect(dbname)

    # ---- running

    def note(self, name, text):
        with self.loglock:
            self.log.append((name, text))
            if self.verbose:
                print("[%s] %s" % (name, shorten(text)), flush=True)

    def session(self, name):
        if name not in self.sessions:
            self.sessions[name] = Session(self, name)
        return self.sessions[name]

    def do(self, name, sql, data=None):
        """One step of one session, until it is done or waits for a lock."""
        session = self.session(name)
        self.note(name, sql + (";\n" + data + "\\." if data is not None
                               else ";"))
        session.submit((sql, data))
        self.settle()

    def settle(self):
        """Waits until every session is idle or waits for a lock."""
        deadline = time.monotonic() + STEP_TIMEOUT
        for session in self.sessions.values():
            pause = 0.02
            while not session.wait(pause):
                # those others give up soon, by lock_timeout
                if session.name.startswith("w") and self.blocked(session):
                    break
                if time.monotonic() > deadline:
                    raise Failure("[%s] hangs: %s" % (
                        session.name, self.activity()))
            if session.error:
                step, error = session.error
                raise Failure("[%s] %s\n%s" % (
                    session.name, shorten(step[0]), error))

    def blocked(self, session):
        with self.monitor.cursor() as cur:
            cur.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity"
                        " WHERE pid = %s", [session.pid])
            row = cur.fetchone()
        return row is not None and row[0]

    def activity(self):
        with self.monitor.cursor() as cur:
            cur.execute("SELECT pid, backend_type, state, wait_event_type, "
                        "wait_event, pg_blocking_pids(pid), left(query, 80) "
                        "FROM pg_stat_activity WHERE datname = "
                        "current_database() ORDER BY pid")
            return "\n".join("  " + str(r) for r in cur.fetchall())

    def check(self, view):
        """The oracle."""
        for _ in range(5):
            before = [(s.done, s.busy()) for s in self.sessions.values()]
            try:
                with self.monitor.cursor() as cur:
                    cur.execute("SET search_path = %s, public" % self.schema)
                    refresh = "REFRESH MATERIALIZED VIEW %s" % view.name
                    self.note("oracle", refresh + ";")
                    cur.execute(refresh)
                    cur.execute(view.difference())
                    rows = cur.fetchmany(10)
            except psycopg2.Error as e:
                raise Failure("oracle of %s: %s\n%s" % (
                    view.name, e, self.activity()))
            if not rows:
                self.checks += 1
                return
            # A session that waited for a lock may have gone on meanwhile.
            self.settle()
            if before == [(s.done, s.busy()) for s in self.sessions.values()]:
                break
        raise Failure("%s is not its query: %s\n%s" % (
            view.name, view.difference(),
            "\n".join("  " + shorten(str(r)) for r in rows)))

    # ---- the plan

    def run(self):
        rng = self.rng
        with self.monitor.cursor() as cur:
            cur.execute("SET statement_timeout = '180s'")
            cur.execute("SET extra_float_digits = 1; SET timezone = 'UTC'")
        stream = self.stream = Stream(rng)
        setup = ["CREATE SCHEMA %s" % self.schema,
                 "CREATE TABLE dim (k int4 PRIMARY KEY, label text, w int4)",
                 "INSERT INTO dim SELECT x, CASE WHEN x % 4 > 0 THEN 'l' || "
                 "x % 5 END, x % 10 FROM generate_series(0, 250) x"]
        columns = ", ".join(stream.columns)
        archive = ["CREATE TABLE archive AS SELECT 0 AS epoch, %s FROM s"
                   % columns]
        for sql in setup + stream.ddl() + archive:
            self.do("ddl", sql)
        self.do("ddl", "SET lock_timeout = '300ms'")
        self.do("admin", "SET lock_timeout = '300ms'")
        writers = [Writer("w%d" % (i + 1)) for i in range(rng.randint(1, 6))]

        if rng.random() < 0.3:
            self.do("w1", stream.insert_series(rng.randint(1, 2000)))
        for _ in range(rng.randint(1, 3)):
            self.create_view(rng.random() < 0.2)
        for _ in range(self.steps):
            x = rng.random()
            if x < 0.86:
                self.writer_step(rng.choice(writers))
            elif x < 0.94:
                self.admin_step()
            else:
                view = rng.choice(self.views)
                if view.enabled:
                    self.check(view)
        for view in self.views:
            if not view.enabled:
                self.enable(view, True)
            self.check(view)

        # everybody ends, in any order
        rng.shuffle(writers)
        for w in writers:
            if w.open:
                self.end(w)
        deadline = time.monotonic() + STEP_TIMEOUT
        while (self.prepared or self.left_over or
               any(s.busy() for s in self.sessions.values())):
            if time.monotonic() > deadline:
                raise Failure("no end:\n" + self.activity())
            self.prepared += self.left_over
            self.left_over = []
            for gid in list(self.prepared):
                self.finish_prepared(gid)
            self.settle()
        for view in self.views:
            self.check(view)
        if rng.random() < 0.5:
            for view in self.views:
                self.do("ddl", "DROP MATERIALIZED VIEW %s" % view.name)
        self.do("ddl", "RESET lock_timeout")
        self.do("ddl", "DROP SCHEMA %s CASCADE" % self.schema)

    def close(self):
        for session in self.sessions.values():
            session.close()
        with self.monitor.cursor() as cur:
            cur.execute("SELECT gid FROM pg_prepared_xacts WHERE database = "
                        "current_database() AND starts_with(gid, %s)",
                        [self.schema + "_"])
            for (gid,) in cur.fetchall():
                cur.execute("ROLLBACK PREPARED %s", [gid])
        self.monitor.close()

    def create_view(self, no_data):
        self.number += 1
        view = View(self.rng, self.stream, self.number)
        view.epoch = self.epoch
        if no_data:
            view.base = "base%d" % self.number
            self.do("ddl", "CREATE TABLE %s AS SELECT id FROM s" % view.base)
        self.do("ddl", view.create(no_data))
        self.views.append(view)

    def enable(self, view, on):
        view.enabled = on
        self.do("ddl", "ALTER MATERIALIZED VIEW %s SET (streaming.enabled = %s)"
                % (view.name, "true" if on else "false"))

    def writer_step(self, w):
        rng = self.rng
        x = rng.random()
        if not w.open:
            if x < 0.04 and self.stream.wide:
                self.lose_lock(w)
            elif x < 0.35:
                w.open = True
                w.savepoints = []
                self.do(w.name, "BEGIN")
            elif self.prepared and x < 0.45:
                self.finish_prepared(rng.choice(self.prepared))
            else:
                self.insert(w)
        elif x < 0.55:
            self.insert(w)
        elif x < 0.67:
            w.fresh += 1
            w.savepoints.append("p%d" % w.fresh)
            self.do(w.name, "SAVEPOINT p%d" % w.fresh)
        elif x < 0.79 and w.savepoints:
            i = rng.randrange(len(w.savepoints))
            if rng.random() < 0.75:
                self.do(w.name, "ROLLBACK TO " + w.savepoints[i])
                del w.savepoints[i + 1:]
            else:
                self.do(w.name, "RELEASE " + w.savepoints[i])
                del w.savepoints[i:]
        elif x < 0.9:
            self.end(w)

    def lose_lock(self, w):
        """Lets w lose its lock on the stream, and the stream grow meanwhile."""
        w.open = True
        w.savepoints = ["lost"]
        row = self.stream.row()
        row[self.stream.columns.index("t")] = "short"
        short = self.stream.insert([row])
        self.do(w.name, "BEGIN")
        self.do(w.name, "SAVEPOINT lost")
        self.do(w.name, short)
        self.do(w.name, "ROLLBACK TO lost")
        rows = [self.stream.row() for _ in range(20)]
        for long in rows:
            long[self.stream.columns.index("t")] = "z" * 5000
        self.do("w0", self.stream.insert(rows))
        for view in self.views:
            if view.enabled:
                self.check(view)
        self.do(w.name, short)

    def end(self, w):
        rng = self.rng
        w.open = False
        x = rng.random()
        if x < 0.65:
            self.do(w.name, "COMMIT")
        elif x < 0.82:
            self.do(w.name, "ROLLBACK")
        else:
            w.fresh += 1
            gid = "%s_%s_%d" % (self.schema, w.name, w.fresh)
            self.do(w.name, "PREPARE TRANSACTION '%s'" % gid)
            self.prepared.append(gid)

    def finish_prepared(self, gid):
        how = "COMMIT" if self.rng.random() < 0.7 else "ROLLBACK"
        self.prepared.remove(gid)
        with self.monitor.cursor() as cur:
            cur.execute("SELECT 1 FROM pg_prepared_xacts WHERE gid = %s", [gid])
            there = cur.fetchone() is not None
        if not there:
            # it had failed, or its session waits and has not prepared it yet
            if self.sessions[gid.split("_")[1]].busy():
                self.left_over.append(gid)
            return
        self.do("2pc", "%s PREPARED '%s'" % (how, gid))

    def insert(self, w):
        rng, stream = self.rng, self.stream
        x = rng.random()
        if x < 0.3:
            self.do(w.name, stream.insert([stream.row()]))
        elif x < 0.5:
            self.do(w.name, stream.insert(
                [stream.row() for _ in range(rng.randint(2, 40))],
                rng.choice(["", "", " RETURNING id"])))
        elif x < 0.65:
            rows = [stream.row() for _ in range(rng.randint(0, 300))]
            self.do(w.name, "COPY s (%s) FROM STDIN" % ", ".join(stream.columns),
                    "".join("\t".join(copy_text(v) for v in r) + "\n"
                            for r in rows))
        elif x < 0.75:
            self.do(w.name, stream.insert_series(rng.randint(50, 1500)))
        elif x < 0.88:
            rows = [stream.row(old_u=rng.random() < 0.5)
                    for _ in range(rng.randint(1, 5))]
            self.do(w.name, stream.insert(rows, " ON CONFLICT DO NOTHING"))
        elif x < 0.93:
            # an error in the middle: what it has written stays, dead
            n = rng.randint(5, 500)
            if w.open:
                w.fresh += 1
                self.do(w.name, "SAVEPOINT e%d" % w.fresh)
            self.do(w.name, stream.insert_series(n, rng.randint(2, n)))
            if w.open:
                self.do(w.name, "ROLLBACK TO e%d" % w.fresh)
        else:
            parts = "; ".join(
                "BEGIN %s; %s EXCEPTION WHEN raise_exception THEN NULL; END"
                % (stream.insert([stream.row()]),
                   "RAISE 'no';" if rng.random() < 0.4 else "")
                for _ in range(rng.randint(1, 6)))
            self.do(w.name, "DO $do$ BEGIN %s; END $do$" % parts)

    def admin_step(self):
        rng = self.rng
        view = rng.choice(self.views)
        x = rng.random()
        if x < 0.06:
            self.take_away()
        elif x < 0.14:
            self.do("admin", rng.choice(
                ["VACUUM s", "VACUUM (FREEZE) s", "VACUUM (ANALYZE) s",
                 "ANALYZE s", "VACUUM", "CHECKPOINT"]))
        elif x < 0.27:
            self.do("admin",
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE backend_type ~ '^streaming.* worker' "
                    "AND datname = current_database()")
        elif x < 0.42 and len(self.views) < 6:
            self.create_view(rng.random() < 0.4)
        elif x < 0.50 and len(self.views) > 1:
            self.views.remove(view)
            self.do("ddl", "DROP MATERIALIZED VIEW %s" % view.name)
        elif x < 0.58:
            if view.indexable:
                self.do("ddl", "CREATE INDEX ON %s (c%d)"
                        % (view.name, rng.choice(view.indexable)))
        elif x < 0.66:
            self.number += 1
            new = "v%d" % self.number
            self.do("ddl", "ALTER MATERIALIZED VIEW %s RENAME TO %s"
                    % (view.name, new))
            view.name = new
        elif x < 0.74:
            self.do("admin", rng.choice(["VACUUM", "ANALYZE", "VACUUM (FULL)"])
                    + " " + self.state_table(view))
        elif x < 0.82:
            self.do("ddl", "ALTER MATERIALIZED VIEW %s SET "
                    "(streaming.max_batch_rows = %d)"
                    % (view.name, rng.choice([1, 7, 100, 10000])))
        elif x < 0.9:
            self.enable(view, not view.enabled)
        elif view.enabled:
            self.do("admin", "REFRESH MATERIALIZED VIEW %s" % view.name)

    def take_away(self):
        """Old rows go, with TRUNCATE or with their partition; results stay.

        What goes is kept in the archive for the oracle, in the same
        transaction; nobody else commits meanwhile.
        """
        rng, stream = self.rng, self.stream
        self.epoch += 1
        columns = ", ".join(stream.columns)
        archive = ("INSERT INTO archive SELECT %d, %s FROM %%s"
                   % (self.epoch, columns))
        some = [stream.insert_series(rng.randint(1, 300)) for _ in range(2)]
        kind = rng.random()
        x = rng.randrange(1000)
        if kind < 0.2:
            sql = ("DO $do$ BEGIN %s; TRUNCATE s; %s; RAISE 'no'; END $do$"
                   % tuple(some))
        elif kind < 0.4:
            sql = "%s; %s; TRUNCATE s; %s" % (some[0], archive % "s", some[1])
        elif kind < 0.7 or not stream.partitioned:
            sql = "%s; TRUNCATE s" % (archive % "s")
        else:
            with self.monitor.cursor() as cur:
                cur.execute(
                    "SELECT relname, pg_get_expr(relpartbound, oid) "
                    "FROM pg_class, pg_inherits WHERE oid = inhrelid AND "
                    "inhparent = '%s.s'::regclass ORDER BY 1" % self.schema)
                leaves = cur.fetchall()
            leaf, bound = leaves[x % len(leaves)]
            sql = "%s; %s; CREATE TABLE s_e%d PARTITION OF s %s USING stream" % (
                archive % leaf,
                "DROP TABLE " + leaf if kind < 0.85
                else "ALTER TABLE s DETACH PARTITION " + leaf,
                self.epoch, bound)
        self.do("ddl", sql)

    def state_table(self, view):
        with self.monitor.cursor() as cur:
            cur.execute("SELECT state_table::text FROM streaming.views "
                        "WHERE view = %s::regclass",
                        ["%s.%s" % (self.schema, view.name)])
            return cur.fetchone()[0]


def shorten(text, limit=400):
    text = str(text)
    return text if len(text) <= limit else text[:limit] + " ..."


# --------------------------------------------------------------------------
# The race


class Race:
    """Many real writers with slow commits on groups that fall quiet.

    Groups are made by the clock, a new one every few milliseconds, so that a
    group is first made while several writers hold uncommitted rows of it, and
    soon nobody writes to it any more: a row lost then stays lost.
    """

    OPTION = " --race"
    WRITERS = 16
    SECONDS = 4.0

    def __init__(self, dbname, seed, steps, verbose):
        self.dbname = dbname
        self.seed = seed
        self.rng = random.Random(seed)
        self.schema = "race%d" % seed
        self.errors = []
        self.acknowledged = collections.Counter()
        self.lock = threading.Lock()
        self.checks = 0
        self.log = []

    def writer(self, number):
        rng = random.Random(self.seed * 1000 + number)
        mine = 0
        try:
            conn = connect(self.dbname)
            cur = conn.cursor()
            cur.execute("SET search_path = %s, public" % self.schema)
            while time.monotonic() < self.until:
                group = int((time.monotonic() - self.start) * 200)
                rows = rng.randint(1, 3)
                insert = ("INSERT INTO s SELECT %d, %d, timestamptz "
                          "'2024-01-01 00:00+00' + %d * interval '1 s', x "
                          "FROM generate_series(1, %d) x"
                          % (group, number, group, rows))
                kind = rng.random()
                cur.execute("BEGIN")
                if kind < 0.3:
                    cur.execute("SAVEPOINT a")
                    cur.execute(insert)
                    cur.execute("ROLLBACK TO a")
                cur.execute(insert)
                self.pause(rng.choice([0, 0.001, 0.005, 0.02, 0.1]) * rng.random())
                if kind > 0.95:
                    cur.execute("ROLLBACK")
                elif kind > 0.9:
                    mine += 1
                    gid = "%s_%d_%d" % (self.schema, number, mine)
                    cur.execute("PREPARE TRANSACTION '%s'" % gid)
                    self.pause(0.02 * rng.random())
                    cur.execute("COMMIT PREPARED '%s'" % gid)
                    self.count(group, rows)
                else:
                    cur.execute("COMMIT")
                    self.count(group, rows)
        except Exception as e:
            self.errors.append("writer %d: %s" % (number, e))

    def pause(self, seconds):
        """A slow client: the load, not a wait for anything."""
        if seconds > 0:
            time.sleep(seconds)

    def count(self, group, rows):
        with self.lock:
            self.acknowledged[group] += rows

    def run(self):
        rng = self.rng
        conn = connect(self.dbname)
        cur = conn.cursor()
        cur.execute("SET statement_timeout = '180s'; SET timezone = 'UTC'")
        cur.execute("CREATE SCHEMA %s" % self.schema)
        cur.execute("SET search_path = %s, public" % self.schema)
        cur.execute("CREATE TABLE s (g int, w int, ts timestamptz, x int) "
                    "USING stream")
        queries = {
            "by_group": "SELECT g, count(*) AS n, sum(x) AS x, max(w) AS w "
                        "FROM s GROUP BY g",
            "by_window": "SELECT tumble(ts, '10 seconds') AS bucket,"
                         " count(*) AS n, avg(x) AS x FROM s GROUP BY bucket",
            "total": "SELECT count(*) AS n, min(g) AS lo, max(g) AS hi FROM s",
        }
        for name, query in queries.items():
            batch = rng.choice(["", "", ", streaming.max_batch_rows = 5"])
            cur.execute("CREATE MATERIALIZED VIEW %s WITH "
                        "(streaming.continuous%s) AS %s" % (name, batch, query))
        self.start = time.monotonic()
        self.until = self.start + self.SECONDS
        threads = [threading.Thread(target=self.writer, args=(i,), daemon=True)
                   for i in range(self.WRITERS)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            if time.monotonic() > self.until + 180:
                raise Failure("writers hang")
            threads[rng.randrange(len(threads))].join(0.3)
            cur.execute(rng.choice([
                "VACUUM s", "SELECT 1", "SELECT 1",
                "REFRESH MATERIALIZED VIEW by_group",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "backend_type ~ '^streaming.* worker' AND "
                "datname = current_database()"]))
        if self.errors:
            raise Failure("\n".join(self.errors))
        for name, query in queries.items():
            cur.execute("REFRESH MATERIALIZED VIEW %s" % name)
            cur.execute("SELECT 'view', x.* FROM (TABLE %s EXCEPT ALL (%s)) x "
                        "UNION ALL SELECT 'query', y.* FROM ((%s) EXCEPT ALL "
                        "TABLE %s) y" % (name, query, query, name))
            rows = cur.fetchmany(10)
            if rows:
                raise Failure("%s is not its query: %s" % (name, rows))
            self.checks += 1
        cur.execute("SELECT g, n FROM by_group")
        if dict(cur.fetchall()) != dict(self.acknowledged):
            raise Failure("the groups are not what was acknowledged")
        cur.execute("DROP SCHEMA %s CASCADE" % self.schema)
        conn.close()

    def close(self):
        pass


# --------------------------------------------------------------------------


def run_seeds(args, kind, job):
    """Runs every args.jobs-th history in a database of its own."""
    dbname = "streaming_fuzz_%d_%d" % (os.getppid() if args.jobs > 1
                                       else os.getpid(), job)
    admin = connect(os.environ.get("PGDATABASE", "postgres"))
    admin.cursor().execute("CREATE DATABASE %s" % dbname)
    conn = connect(dbname)
    conn.cursor().execute("CREATE EXTENSION streaming")
    conn.close()
    failed = 0
    for seed in range(args.seed + job, args.seed + args.histories, args.jobs):
        began = time.monotonic()
        problem = None
        try:
            history = kind(dbname, seed, args.steps, args.verbose)
        except psycopg2.Error as e:
            print("cannot connect: %s\nnot ok seed %d 0 ms" % (e, seed),
                  flush=True)
            return failed + 1
        try:
            history.run()
        except Failure as e:
            problem = str(e)
        except psycopg2.Error as e:
            problem = "lost the server or the like: %s" % e
        except Exception:
            problem = traceback.format_exc()
        ms = (time.monotonic() - began) * 1000
        if problem is None:
            print("ok seed %d, %d checks %d ms" % (seed, history.checks, ms),
                  flush=True)
        else:
            failed += 1
            text = []
            if not args.verbose:
                text = ["[%s] %s" % (n, shorten(t, args.width))
                        for n, t in history.log]
                if args.brief and len(text) > 80:
                    text = ["(%d earlier statements: see --seed %d --verbose)"
                            % (len(text) - 80, seed)] + text[-80:]
            print("\n".join(text + [
                problem, "again: %s --seed %d%s" % (
                    os.path.basename(sys.argv[0]), seed, kind.OPTION),
                "not ok seed %d, %d checks %d ms" % (
                    seed, history.checks, ms)]), flush=True)
        try:
            history.close()
        except psycopg2.Error:
            pass
        if failed and args.stop:
            return failed
    admin.close()
    drop_database(dbname)
    return failed


def drop_database(dbname):
    # a history may have restarted the server
    admin = connect(os.environ.get("PGDATABASE", "postgres"))
    try:
        conn = connect(dbname)
        conn.cursor().execute("DROP EXTENSION streaming CASCADE")
        conn.close()
    except psycopg2.Error as e:
        print("cannot clean up: %s" % e)
    for _ in range(20):
        try:
            admin.cursor().execute("DROP DATABASE %s WITH (FORCE)" % dbname)
            return
        except psycopg2.errors.ObjectInUse:
            continue


def make_parser(doc):
    """What every program that runs histories understands."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--histories", type=int, default=1)
    parser.add_argument("--steps", type=int, help="steps of each history")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--brief", action="store_true",
                        help="only the end of a failed history's log")
    parser.add_argument("--stop", action="store_true",
                        help="stop at the first failure, keep its database")
    parser.add_argument("--width", type=int, default=100000,
                        help="cut statements at this length")
    return parser


def run_histories(args, kind):
    """Runs histories of that class; returns the exit code."""
    if args.brief:
        args.width = min(args.width, 300)
    if args.jobs == 1:
        return 3 if run_seeds(args, kind, 0) else 0
    children = []
    for job in range(args.jobs):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 3 if run_seeds(args, kind, job) else 0
            except Exception:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        children.append(pid)
    status = 0
    for pid in children:
        status = max(status, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return status


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--race", action="store_true")
    args = parser.parse_args()
    return run_histories(args, Race if args.race else History)


if __name__ == "__main__":
    sys.exit(main())
