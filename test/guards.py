#!/usr/bin/env python3
"""What batches of a few usual views cost, in instructions, against a table.

    guards.py --out DIR TABLE               compare with the table
    guards.py --out DIR --print TABLE       print what the table should say
    guards.py --out DIR TABLE groups ...    only these views

The server runs under callgrind, which counts the instructions of each transaction
of a worker and writes them into a file of DIR (guards.sh starts it so).  They are
nearly the same in each run, however slow the machine and whatever else it does.
For each view there are batches of which one has twice the rows of another, and one
twice the groups, so what a row and a group cost are differences; what a batch
costs is one with a single row.  Each is made several times, for pages of state tables
are pruned in some of them.

Nothing waits for a view by a snapshot, which would keep dead rows: the file is
there when the batch has committed.

A figure may be 4 % more than the table says: something allocated and freed for
each row is nearly that.  The table has a section for each version of PostgreSQL and the
compiler; for another minor version of either, it may be 10 %.  Without
a section there is nothing to compare with.  Prints a line per figure, "ok NAME
MILLISECONDS ms" or "not ok ..."; exits with 3 if there are such.
"""

import argparse
import os
import platform
import re
import statistics
import sys
import time

import psycopg2

DBNAME = "streaming_guards"
TIMES = 4
LIMIT = 120					# seconds for one batch
MORE, ANOTHER_MINOR, LESS = 0.04, 0.10, 0.15
EPOCH = "'2026-01-01 00:00+00'::timestamptz"
TIMED = " WITH (streaming.event_time = 'ts', streaming.watermark = '1 hour')"


class View:
    """A view, what its rows are, and what its figures are called."""

    def __init__(self, name, tables, query, rows, partners=None,
                 group="group", n=600, g=200):
        self.name, self.tables, self.query = name, tables, query
        self.rows, self.partners, self.group = rows, partners, group
        self.n, self.g = n, g


VIEWS = [
    # rows that go through
    View("filter", ["s (id int4, k int4, v int4) USING stream"],
         "SELECT id, k, v * 2 AS v2 FROM s WHERE v % 10 <> 0",
         "SELECT x, x % {g}, x * 10 + 1 FROM generate_series(1, {n}) x",
         group=None),
    # groups that are there
    View("groups", ["s (k int4, v int4) USING stream"],
         "SELECT k, count(*) AS n, sum(v) AS s, avg(v) AS a, min(v) AS lo, "
         "max(v) AS hi FROM s GROUP BY k",
         "SELECT x * 7 % {g}, x FROM generate_series(1, {n}) x"),
    # the same of windows; there is event time
    View("windows", ["s (ts timestamptz, v int4) USING stream" + TIMED],
         "SELECT tumble(ts, '1 second') AS w, count(*) AS n, avg(v) AS a "
         "FROM s GROUP BY w",
         "SELECT " + EPOCH + " + x * 7 % {g} * interval '1 second', x "
         "FROM generate_series(1, {n}) x"),
    # each row finds one of the other stream
    View("join", ["s (k int4, ts timestamptz, v int4) USING stream" + TIMED,
                  "r (k int4, ts timestamptz, w int4) USING stream" + TIMED],
         "SELECT s.k, s.ts, s.v, r.w FROM s JOIN r ON r.k = s.k AND "
         "r.ts BETWEEN s.ts - interval '10 s' AND s.ts + interval '10 s'",
         "SELECT {base} * 10000 + x * 7 % 1000, " + EPOCH + " + {base} * "
         "interval '1 minute' + x * interval '1 ms', x "
         "FROM generate_series(1, {n}) x",
         partners="SELECT {base} * 10000 + x * 7 % 1000, " + EPOCH + " + {base} * "
         "interval '1 minute' + x * interval '1 ms', x "
         "FROM generate_series(1, {n}) x, generate_series(1, {each})",
         group="pair", n=200),
    # the latest row of a key
    View("latest", ["s (k int4, at int4, v int4) USING stream"],
         "SELECT DISTINCT ON (k) k, at, v FROM s ORDER BY k, at DESC",
         "SELECT x * 7 % {g}, {base} * 100000 + x, x "
         "FROM generate_series(1, {n}) x",
         group="key"),
]


class Broken(Exception):
    pass


def connect(dbname):
    conn = psycopg2.connect(dbname=dbname)
    conn.autocommit = True
    return conn.cursor()


class Counter:
    """The files that callgrind writes, one per transaction of a worker."""

    def __init__(self, directory, keep):
        self.directory, self.keep = directory, keep
        self.seen = set()

    def files(self):
        return {name for name in os.listdir(self.directory)
                if re.fullmatch(r"[0-9]+\.[0-9]+", name)} - self.seen

    def settle(self):
        """Forgets what there is, until there has been nothing new for a while."""
        quiet = time.monotonic()
        while time.monotonic() < quiet + 0.3:
            for name in self.files():
                self.take(name)
                quiet = time.monotonic()
            time.sleep(0.02)

    def take(self, name):
        self.seen.add(name)
        if not self.keep:
            os.unlink(os.path.join(self.directory, name))

    def new_batch(self):
        """Waits for a batch; returns its instructions, and the file."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            for name in sorted(self.files()):
                with open(os.path.join(self.directory, name)) as f:
                    text = f.read()
                total = re.search(r"^totals: ([0-9]+)$", text, re.M)
                if total is None:		# not complete
                    continue
                self.take(name)
                # a look that found nothing has not called it
                if "stream_catalog_put_progress" in text:
                    return int(total.group(1)), name
            time.sleep(0.01)
        raise Broken("no batch within %d s" % LIMIT)


class Run:
    def __init__(self, cur, counter, view):
        self.cur, self.counter, self.view = cur, counter, view
        self.base = 0
        self.batches = self.rows = 0
        self.workers = set()

    def setup(self):
        for table in self.view.tables:
            self.cur.execute("CREATE TABLE " + table)
        self.cur.execute("CREATE MATERIALIZED VIEW v WITH "
                         "(streaming.continuous) AS " + self.view.query)
        # batches of none, and what else there is at first
        self.cur.execute("SELECT streaming.wait('v')")
        self.counter.settle()
        self.batches, self.rows = self.progress()

    def progress(self):
        self.cur.execute("SELECT batch, rows_read FROM streaming._progress "
                         "WHERE viewid = 'v'::regclass")
        return self.cur.fetchone()

    def insert(self, table, query, n, g, each):
        """The cost of the batch that reads these rows; there are others without."""
        self.cur.execute("INSERT INTO %s %s" % (table, query.format(
            n=n, g=g, each=each, base=self.base)))
        rows = self.rows + n * (each if table == "r" else 1)
        before = self.batches
        costs = []
        while self.rows < rows or len(costs) < self.batches - before:
            costs.append(self.counter.new_batch())
            self.batches, self.rows = self.progress()
        cost, name = max(costs)
        self.workers.add(name.split(".")[0])
        # another begins with plans and an empty cache
        if len(self.workers) > 1:
            raise Broken("a batch took so long that another worker has the view")
        return cost, name

    def step(self, n, g, each=1):
        self.base += 1
        if self.view.partners:
            self.insert("r", self.view.partners, n, g, each)
        return self.insert("s", self.view.rows, n, g, 1)

    def cost(self, what, *args, average=statistics.mean):
        costs = sorted(self.step(*args) for _ in range(TIMES))
        if self.counter.keep:
            print("# %s %s: %s" % (self.view.name, what, costs))
        return average(cost for cost, _ in costs)

    def figures(self):
        view = self.view
        n, g = view.n, view.g
        for step in ((2 * n, 2 * g, 2), (1, 1, 1), (n, 2 * g, 1)):
            self.step(*step)
        plain = self.cost("plain", n, g)
        result = {"row": (self.cost("rows", 2 * n, g) - plain) / n}
        if view.group == "pair":
            pairs = self.cost("pairs", n, g, 2)
            result["pair"] = (pairs - plain) / n
        elif view.group:
            groups = self.cost("groups", n, 2 * g)
            result[view.group] = (groups - plain) / g
        # others may do more: prune a page, or come together with one without rows
        result["batch"] = self.cost("one", 1, 1, average=min)
        return {what: round(cost) for what, cost in result.items()}

    def check(self):
        """Is the view right?"""
        self.cur.execute("SELECT streaming.wait('v')")
        self.cur.execute(
            "SELECT count(*) FROM ((TABLE v EXCEPT ALL ({0})) UNION ALL "
            "(({0}) EXCEPT ALL TABLE v)) x".format(self.view.query))
        if self.cur.fetchone()[0] != 0:
            raise Broken("the view is not what its query is")

    def drop(self):
        self.cur.execute("DROP MATERIALIZED VIEW IF EXISTS v")
        self.cur.execute("DROP TABLE IF EXISTS s, r")


def measure(cur, counter, view):
    """The figures of a view; anew if something has come between."""
    for tries in range(3):
        run = Run(cur, counter, view)
        try:
            run.setup()
            figures = run.figures()
            run.check()
            return figures
        except Broken as problem:
            print("%s: %s" % (view.name, problem), flush=True)
        finally:
            run.drop()
    return {}


class Table:
    """The section for this server; without one, None."""

    def __init__(self, path, server, compiler, machine):
        self.figures, self.exact = None, False
        here = None
        with open(path) as f:
            for line in f:
                words = line.split("#")[0].split()
                if words[:1] == ["PostgreSQL"]:
                    here = {}
                    if (major(words[1]) == major(server) and
                            words[2] == "gcc" and
                            major(words[3]) == major(compiler) and
                            words[4] == machine):
                        self.figures = here
                        self.exact = (words[1], words[3]) == (server, compiler)
                elif words:
                    here[tuple(words[:2])] = int(words[2])


def major(version):
    return version.split(".")[0]


def too_many(figures, view, table):
    allowed = MORE if table.exact else ANOTHER_MINOR
    return [what for what, cost in figures.items()
            if cost > table.figures.get((view.name, what), 0) * (1 + allowed)]


def report(figures, view, table, ms):
    """Prints a line for each; how many are not ok?"""
    bad = too_many(figures, view, table)
    for what, cost in figures.items():
        expected = table.figures.get((view.name, what))
        if expected is None:
            remark = "not in the table"
        else:
            remark = "%d, %+.1f %%" % (expected,
                                       (cost / expected - 1) * 100)
            if cost < expected * (1 - LESS):
                print("%s %s is better than the table says: change that"
                      % (view.name, what))
        print("%s %s %s: %d instructions (%s) %d ms" % (
            "not ok" if what in bad else "ok", view.name, what, cost, remark,
            ms), flush=True)
        ms = 0
    if not figures:
        print("not ok %s: no figures %d ms" % (view.name, ms), flush=True)
    return len(bad) + (not figures)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--print", action="store_true")
    parser.add_argument("--compiler", required=True)
    parser.add_argument("table")
    parser.add_argument("views", nargs="*")
    args = parser.parse_intermixed_args()
    connect("postgres").execute("CREATE DATABASE " + DBNAME)
    cur = connect(DBNAME)
    cur.execute("CREATE EXTENSION streaming")
    cur.execute("SELECT substring(version() FROM '[0-9.]+')")
    server = cur.fetchone()[0]
    table = Table(args.table, server, args.compiler, platform.machine())
    named = "PostgreSQL %s gcc %s %s" % (server, args.compiler,
                                         platform.machine())
    if args.print:
        print(named)
    elif table.figures is None:
        print("skipped guards: no figures for " + named)
        return 0
    # so that one worker stays for all: to translate its code takes callgrind seconds
    cur.execute("CREATE TABLE nothing (x int4) USING stream")
    cur.execute("CREATE MATERIALIZED VIEW idle WITH (streaming.continuous) AS "
                "SELECT x FROM nothing")
    counter = Counter(args.out, args.keep)
    bad = 0
    for view in VIEWS:
        if args.views and view.name not in args.views:
            continue
        began = time.monotonic()
        figures = measure(cur, counter, view)
        if args.print:
            for what, cost in figures.items():
                print("%-8s %-6s %7d" % (view.name, what, cost), flush=True)
            continue
        if too_many(figures, view, table):
            # something else may have come between; what is wrong stays wrong
            again = measure(cur, counter, view)
            figures = {what: min(cost, again.get(what, cost))
                       for what, cost in figures.items()}
        bad += report(figures, view, table,
                      (time.monotonic() - began) * 1000)
    return 3 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
