#!/usr/bin/env python3
"""What streaming costs, against PostgreSQL doing the same by its own means.

Measurements against goals, and some figures without.  Where there are two
sides, they take turns in the same run, and medians are compared.  Prints a
table in Markdown.

    bench.py             everything (about 20 minutes)
    bench.py copy merge  only the measurements whose names begin so
    bench.py --small     a few seconds, to see that the benchmark works;
                         says nothing about speed

Connects like any libpq program (PGHOST, PGPORT, PGUSER) as a superuser to a
server on this machine; works in a database of its own.  Run by run.sh, which
builds for release and starts a server.
"""

import argparse
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import psycopg2

DBNAME = "streaming_bench"


def against(ours, theirs):
    """The median of the ratios of pairs, each measured one after the other: the
    speed of a machine may change from minute to minute by more than what is to
    be seen."""
    return statistics.median(o / t for o, t in zip(ours, theirs))


def connect(dbname=DBNAME):
    conn = psycopg2.connect(dbname=dbname)
    conn.autocommit = True
    return conn.cursor()


def timed(cur, *statements):
    began = time.perf_counter()
    for sql in statements:
        cur.execute(sql)
    if cur.description:
        cur.fetchall()
    return time.perf_counter() - began


class Bench:
    def __init__(self, args):
        self.small = args.small
        self.runs = 1 if args.small else args.runs
        self.data = args.restart
        self.rows = []
        self.cur = connect()

    def scale(self, n, small):
        return small if self.small else n

    def report(self, name, ours, theirs, ratio, goal, good):
        verdict = ("-" if self.small or goal == "-" else
                   "met" if good else "**missed**")
        self.rows.append((name, ours, theirs, ratio, goal, verdict))
        print("  %s: %s | %s | %s (goal %s): %s"
              % (name, ours, theirs, ratio, goal, verdict), file=sys.stderr,
              flush=True)

    def table(self):
        print("| measurement | streaming | PostgreSQL | ratio | goal | |")
        print("|---|---|---|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")

    def configure(self, name, value):
        """A setting of the server, or none."""
        self.cur.execute("ALTER SYSTEM SET %s = '%s'" % (name, value)
                         if value else "ALTER SYSTEM RESET " + name)
        self.cur.execute("SELECT pg_reload_conf()")

    def workers_memory(self):
        """What the largest of our workers here has for itself, in kB."""
        self.cur.execute("SELECT pid FROM pg_stat_activity WHERE backend_type ~"
                         " '^streaming.* worker' AND datname = current_database()")
        return max([own_memory(pid) for (pid,) in self.cur.fetchall()] or [0])

    def state_table(self, view):
        self.cur.execute("SELECT state_table::text FROM streaming.views "
                         "WHERE view = %s::regclass", [view])
        return self.cur.fetchone()[0]

    # ---- the measurements

    def let_help(self, workers):
        """So many parallel workers may help with a batch, from now on."""
        self.configure("max_parallel_workers_per_gather", str(workers))
        self.cur.execute("SET max_parallel_workers_per_gather = 0")

    def backfill(self):
        """A new view over an old stream, by one process or with parallel
        workers, against the same query, run once by one."""
        n, cur = self.scale(2_000_000, 20_000), self.cur
        query = ("SELECT k, count(*) AS n, sum(v) AS s, avg(v) AS a, "
                 "min(v) AS lo, max(v) AS hi FROM backfill GROUP BY k")
        cur.execute("CREATE TABLE backfill (id int8, k int4, v int4) "
                    "USING stream")
        cur.execute("SELECT setseed(0.5)")
        cur.execute("INSERT INTO backfill SELECT x, random() * 9999, "
                    "random() * 1000000 FROM generate_series(1, %d) x" % n)
        cur.execute("VACUUM ANALYZE backfill")
        ours, theirs = {0: [], 2: []}, []
        self.let_help(0)
        timed(cur, query)
        for _ in range(self.runs):
            theirs.append(timed(cur, query))
            for workers in ours:
                self.let_help(workers)
                ours[workers].append(timed(
                    cur, "CREATE MATERIALIZED VIEW backfill_v WITH "
                    "(streaming.continuous) AS " + query,
                    "REFRESH MATERIALIZED VIEW backfill_v"))
                cur.execute("SELECT sum(n) FROM backfill_v")
                assert cur.fetchone()[0] == n
                cur.execute("DROP MATERIALIZED VIEW backfill_v")
        self.configure("max_parallel_workers_per_gather", None)
        t = n / statistics.median(theirs)
        for workers, goal in (0, 0.95), (2, 1.5):
            o = n / statistics.median(ours[workers])
            ratio = against(theirs, ours[workers])
            self.report("backfill of %s rows, 10,000 groups%s"
                        % (format(n, ","), ", with 2 parallel workers"
                           if workers else ""),
                        "%s rows/s" % format(int(o), ","),
                        "%s rows/s" % format(int(t), ","),
                        "%.2f" % ratio, ">= %.2f" % goal, ratio >= goal)
        cur.execute("DROP TABLE backfill")

    def backlogs(self):
        """Two views over an old stream, made together or one after the other.

        Together, they read the same part of it at about the same time: blocks
        that are read from outside of shared buffers are read once.
        """
        n, cur = self.scale(2_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE backlogs (k int4, v int4, pad text) "
                    "USING stream")
        cur.execute("INSERT INTO backlogs SELECT x %% 10000, x, repeat('x', "
                    "100) FROM generate_series(1, %d) x" % n)
        cur.execute("VACUUM ANALYZE backlogs")
        create = ("CREATE MATERIALIZED VIEW backlogs_v%d WITH "
                  "(streaming.continuous) AS SELECT k, count(*) AS n, "
                  "sum(v) AS s, max(v) AS hi FROM backlogs GROUP BY k")
        refresh = "REFRESH MATERIALIZED VIEW backlogs_v%d"
        orders = {"together": [create % 0, create % 1, refresh % 0, refresh % 1],
                  "in turn": [create % 0, refresh % 0, create % 1, refresh % 1]}
        times = {name: [] for name in orders}
        blocks = {name: [] for name in orders}
        self.let_help(0)
        for _ in range(self.runs):
            for name, statements in orders.items():
                before = self.blocks_read("backlogs")
                times[name].append(timed(cur, *statements))
                cur.execute("DROP MATERIALIZED VIEW backlogs_v0, backlogs_v1")
                blocks[name].append(self.blocks_read("backlogs") - before)
        self.configure("max_parallel_workers_per_gather", None)
        ours, theirs = ("%s s, %s blocks read" % (
            "%.2f" % statistics.median(times[name]),
            format(int(statistics.median(blocks[name])), ","))
            for name in orders)
        self.report("backlogs of 2 views on one stream of %s rows, together, "
                    "against one after the other" % format(n, ","),
                    ours, theirs, "%.2f" % against(*times.values()), "-", True)
        cur.execute("DROP TABLE backlogs")

    def blocks_read(self, table):
        """Of a table, by all processes, as far as they have said so."""
        time.sleep(0 if self.small else 2)
        self.cur.execute("SELECT heap_blks_read FROM pg_statio_all_tables "
                         "WHERE relid = %s::regclass", [table])
        return self.cur.fetchone()[0]

    def transform(self):
        """A view without aggregation against INSERT ... SELECT into heap."""
        n, cur = self.scale(2_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE transform_s (id int8, k int4, "
                    "ts timestamptz, f float8, url text) USING stream")
        cur.execute("INSERT INTO transform_s SELECT x, random() * 999, "
                    "now() + x * '1 ms'::interval, random(), '/page/' || "
                    "x %% 1000 FROM generate_series(1, %d) x" % n)
        cur.execute("CREATE TABLE transform_d (k int4 PRIMARY KEY, name text)")
        cur.execute("INSERT INTO transform_d SELECT x, 'name ' || x "
                    "FROM generate_series(0, 999) x")
        cur.execute("VACUUM ANALYZE transform_s, transform_d")
        cur.execute("SET max_parallel_workers_per_gather = 0")
        queries = {
            "filter and expressions":
            "SELECT id, date_trunc('minute', ts) AS minute, f * 100 AS "
            "percent, upper(url) AS url FROM transform_s WHERE k <> 7",
            "rows as they are": "SELECT * FROM transform_s",
            "lookup in a table of 1,000":
            "SELECT s.id, s.ts, d.name, s.url FROM transform_s s "
            "LEFT JOIN transform_d d USING (k)"}
        for name, query in queries.items():
            ours, theirs = [], []
            for i in range(self.runs + 1):
                cur.execute("CHECKPOINT")
                cur.execute("CREATE TABLE transform_h AS %s WITH NO DATA"
                            % query)
                t = timed(cur, "INSERT INTO transform_h " + query)
                cur.execute("CHECKPOINT")
                cur.execute("CREATE MATERIALIZED VIEW transform_v WITH "
                            "(streaming.continuous, streaming.trigger = "
                            "'manual') AS " + query)
                o = timed(cur, "REFRESH MATERIALIZED VIEW transform_v")
                cur.execute("SELECT (SELECT count(*) FROM transform_h), "
                            "(SELECT count(*) FROM transform_v)")
                wanted, have = cur.fetchone()
                assert have == wanted
                if i > 0 or self.small:     # the first round warms up
                    theirs.append(n / t)
                    ours.append(n / o)
                cur.execute("DROP MATERIALIZED VIEW transform_v; "
                            "DROP TABLE transform_h")
            o, t = statistics.median(ours), statistics.median(theirs)
            ratio = against(ours, theirs)
            self.report("transform of %s rows: %s" % (format(n, ","), name),
                        "%s rows/s" % format(int(o), ","),
                        "%s rows/s (INSERT ... SELECT into heap)"
                        % format(int(t), ","),
                        "%.2f" % ratio, ">= 0.60", ratio >= 0.6)
        cur.execute("DROP TABLE transform_s, transform_d")

    def merge(self):
        """Groups that are all in the view's cache."""
        self.merge_into(self.scale(500_000, 5_000), None, 0.25)

    def large(self):
        """Far more groups than its cache holds: who is touched is read first."""
        self.merge_into(self.scale(10_000_000, 20_000),
                        self.scale("64MB", "64kB"), 0.6)

    def merge_into(self, groups, cache, most):
        """The cost of a touched group against INSERT ... ON CONFLICT."""
        touch, cur = self.scale(20_000, 200), self.cur
        if cache:
            self.configure("streaming.state_cache_size", cache)
        cur.execute("CREATE TABLE merge_s (k int4, v int4) USING stream")
        cur.execute("INSERT INTO merge_s SELECT x, x FROM "
                    "generate_series(1, %d) x ORDER BY random()" % groups)
        cur.execute(
            "CREATE MATERIALIZED VIEW merge_v WITH (streaming.continuous, "
            "streaming.trigger = 'manual', streaming.max_batch_rows = 1000000)"
            " AS SELECT k, count(*) AS n, sum(v) AS s, min(v) AS lo, "
            "max(v) AS hi FROM merge_s GROUP BY k")
        cur.execute("REFRESH MATERIALIZED VIEW merge_v")
        cur.execute("SELECT coalesce(array_to_string(reloptions, ', '), "
                    "'fillfactor = 100') FROM pg_class WHERE oid = %s::regclass",
                    [self.state_table("merge_v")])
        options = cur.fetchone()[0]
        cur.execute("CREATE TABLE merge_t (k int4 PRIMARY KEY, n int8, s int8,"
                    " lo int4, hi int4) WITH (%s)" % options)
        cur.execute("INSERT INTO merge_t SELECT * FROM merge_v")
        cur.execute("VACUUM ANALYZE merge_t")
        cur.execute("VACUUM ANALYZE " + self.state_table("merge_v"))
        cur.execute("CREATE TEMP TABLE delta (k int4, v int4)")
        cur.execute("CREATE TEMP TABLE partial (k int4, n int8, s int8, "
                    "lo int4, hi int4)")
        whole, by_hand, alone, theirs, memory = [], [], [], [], []
        clause = ("ON CONFLICT (k) DO UPDATE SET n = merge_t.n + excluded.n,"
                  " s = merge_t.s + excluded.s, "
                  "lo = least(merge_t.lo, excluded.lo), "
                  "hi = greatest(merge_t.hi, excluded.hi)")
        aggregate = ("SELECT k, count(*), sum(v), min(v), max(v) FROM delta "
                     "GROUP BY k")
        # the first round warms both sides
        for i in range(self.runs * 3 + 1):
            n = self.touch_groups(groups, touch)
            p = timed(cur, "SELECT count(*) FROM (%s OFFSET 0) q" % aggregate)
            t = timed(cur, "INSERT INTO merge_t SELECT * FROM partial "
                      + clause)
            o = timed(cur, "REFRESH MATERIALIZED VIEW merge_v")
            h = timed(cur, "INSERT INTO merge_t %s %s" % (aggregate, clause))
            memory.append(self.workers_memory())
            if i > 0:
                whole.append(o / n * 1e6)
                alone.append((o - p) / n * 1e6)
                theirs.append(t / n * 1e6)
                by_hand.append(h / n * 1e6)
        o, t = statistics.median(alone), statistics.median(theirs)
        ratio = against(alone, theirs)
        sizes = (format(touch, ","), format(groups, ","),
                 ", a cache of " + cache if cache else "")
        self.report("merging %s touched of %s groups%s" % sizes,
                    "%.1f us a group" % o, "%.1f us a group (ON CONFLICT)" % t,
                    "%.2f" % ratio, "-" if cache else "<= 0.33",
                    ratio <= 1 / 3)
        o, t = statistics.median(whole), statistics.median(by_hand)
        ratio = against(whole, by_hand)
        self.report("the same with reading and aggregating the rows",
                    "%.1f us a group" % o, "%.1f us a group" % t,
                    "%.2f" % ratio, "<= %.2f" % most, ratio <= most)
        if cache:
            middle = memory[len(memory) // 2]
            self.report("a worker's memory then: in the middle, at the end",
                        "%.1f MB" % (memory[-1] / 1024),
                        "%.1f MB (middle)" % (middle / 1024),
                        "%.2f" % (memory[-1] / max(middle, 1)),
                        "flat (<= 1.10)", memory[-1] <= 1.1 * middle)
            self.configure("streaming.state_cache_size", None)
        cur.execute("DROP MATERIALIZED VIEW merge_v; DROP TABLE merge_s, "
                    "merge_t, delta, partial")

    def touch_groups(self, groups, touch):
        """New rows for some groups: in the stream, and ready for the others."""
        cur = self.cur
        cur.execute("TRUNCATE delta, partial")
        cur.execute(
            "INSERT INTO delta SELECT DISTINCT (1 + floor(random() * %d))"
            "::int4, 7 FROM generate_series(1, %d)" % (groups, touch))
        cur.execute("SELECT count(*) FROM delta")
        n = cur.fetchone()[0]
        cur.execute("INSERT INTO partial SELECT k, count(*), sum(v), "
                    "min(v), max(v) FROM delta GROUP BY k ORDER BY random()")
        cur.execute("ANALYZE delta; ANALYZE partial")
        cur.execute("INSERT INTO merge_s SELECT * FROM delta "
                    "ORDER BY random()")
        return n

    def cube(self):
        """A CUBE of three columns against a view for each of its eight sets.

        Either side has read the same rows when it is done; the eight views
        are refreshed one after the other, as one worker would.  For the record,
        what the same CUBE takes as a query.
        """
        n, cur = self.scale(1_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE cube_s (a int4, b int4, c int4, v int4) "
                    "USING stream")
        cur.execute("INSERT INTO cube_s SELECT random() * 19, random() * 19, "
                    "random() * 19, x FROM generate_series(1, %d) x" % n)
        cur.execute("VACUUM ANALYZE cube_s")
        sets = [[x for i, x in enumerate("abc") if bits >> i & 1]
                for bits in range(8)]
        views = {"cube_v": "CUBE (a, b, c)"}
        views.update(("cube_v%d" % i, "(%s)" % ", ".join(s))
                     for i, s in enumerate(sets))
        ours, theirs, query = [], [], []
        cur.execute("SET max_parallel_workers_per_gather = 0")
        for i in range(self.runs + 1):
            for view, by in views.items():
                keys = "a, b, c, " if view == "cube_v" else "".join(
                    x + ", " for x in "abc" if x in by)
                cur.execute(
                    "CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, "
                    "streaming.trigger = 'manual') AS SELECT %scount(*) AS n, "
                    "sum(v) AS s, max(v) AS hi FROM cube_s GROUP BY %s"
                    % (view, keys, by))
            o = timed(cur, "REFRESH MATERIALIZED VIEW cube_v")
            t = timed(cur, *("REFRESH MATERIALIZED VIEW " + v
                             for v in views if v != "cube_v"))
            q = timed(cur, "SELECT a, b, c, count(*), sum(v), max(v) FROM "
                      "cube_s GROUP BY CUBE (a, b, c)")
            if i > 0 or self.small:     # the first round warms up
                ours.append(o)
                theirs.append(t)
                query.append(q)
            cur.execute("SELECT (SELECT sum(n) FROM cube_v), "
                        "(SELECT sum(n) FROM cube_v0)")
            assert cur.fetchone() == (8 * n, n)
            cur.execute("DROP MATERIALIZED VIEW " + ", ".join(views))
        o, t = statistics.median(ours), statistics.median(theirs)
        self.report("CUBE of 3 columns, %s rows, 9,261 groups"
                    % format(n, ","), "%.2f s" % o,
                    "%.2f s (8 views of streaming); %.2f s (the query)"
                    % (t, statistics.median(query)), "%.2f" % (o / t), "-",
                    True)
        cur.execute("DROP TABLE cube_s")

    def copy(self):
        """COPY into a stream with a view at work, against heap without."""
        n, cur = self.scale(2_000_000, 20_000), self.cur
        directory = tempfile.mkdtemp()
        path = os.path.join(directory, "rows")
        cur.execute("COPY (SELECT x, (random() * 999)::int4, now(), random(), "
                    "'/page/' || x %% 1000 FROM generate_series(1, %d) x) TO "
                    "'%s'" % (n, path))
        columns = "(id int8, k int4, ts timestamptz, f float8, url text)"
        ours, theirs = [], []
        for i in range(self.runs + 1):
            cur.execute("CREATE TABLE copy_h %s; CREATE TABLE copy_s %s "
                        "USING stream" % (columns, columns))
            cur.execute("CREATE MATERIALIZED VIEW copy_v WITH "
                        "(streaming.continuous) AS SELECT k, count(*) AS n, "
                        "avg(f) AS a FROM copy_s GROUP BY k")
            cur.execute("REFRESH MATERIALIZED VIEW copy_v")
            cur.execute("CHECKPOINT")
            t = timed(cur, "COPY copy_h FROM '%s'" % path)
            cur.execute("CHECKPOINT")
            o = timed(cur, "COPY copy_s FROM '%s'" % path)
            if i > 0 or self.small:     # the first round warms up
                theirs.append(t)
                ours.append(o)
            cur.execute("REFRESH MATERIALIZED VIEW copy_v")
            cur.execute("DROP TABLE copy_s CASCADE; DROP TABLE copy_h")
        os.unlink(path)
        os.rmdir(directory)
        o, t = statistics.median(ours), statistics.median(theirs)
        ratio = against(ours, theirs)
        self.report("COPY of %s rows, one view running" % format(n, ","),
                    "%.2f s" % o, "%.2f s (heap, no view)" % t,
                    "%.2f" % ratio, "<= 1.10", ratio <= 1.1)

    def groups(self):
        """A load into many groups, or few, and what their state takes.

        The load while the view follows, and until it has read it all, against the
        same load into heap, and no view.  In turn: what a batch touches is on few
        pages, and all of these; in any order: some rows of all pages.
        """
        n, cur = self.scale(2_000_000, 20_000), self.cur
        many, copies = self.scale(500_000, 5_000), self.scale(200, 10)
        directory = tempfile.mkdtemp()
        cases = [("once each", many, many, "x"),
                 ("in turn", n, many, "x %% %d" % many),
                 ("in any order", n, many,
                  "(random() * %d)::int4" % (many - 1)),
                 ("in any order", n, 10_000, "(random() * 9999)::int4")]
        for name, rows, groups, key in cases:
            paths = [os.path.join(directory, str(i)) for i in range(copies)]
            for i, path in enumerate(paths):
                cur.execute(
                    "COPY (SELECT %s, (random() * 1000000)::int4 FROM "
                    "generate_series(%d, %d) x) TO '%s'"
                    % (key, i * rows // copies, (i + 1) * rows // copies - 1,
                       path))
            ours, loads, theirs, cpu = [], [], [], []
            for i in range(self.runs + 1):
                cur.execute("CREATE TABLE groups_h (k int4, v int4); "
                            "CREATE TABLE groups_s (k int4, v int4) "
                            "USING stream")
                cur.execute("CREATE MATERIALIZED VIEW groups_v WITH "
                            "(streaming.continuous) AS SELECT k, count(*) AS "
                            "n, sum(v) AS s, avg(v) AS a, min(v) AS lo, "
                            "max(v) AS hi FROM groups_s GROUP BY k")
                cur.execute("REFRESH MATERIALIZED VIEW groups_v")
                cur.execute("CHECKPOINT")
                t = timed(cur, *["COPY groups_h FROM '%s'" % path
                                 for path in paths])
                cur.execute("CHECKPOINT")
                before = busy_time(cur)
                o = timed(cur, *["COPY groups_s FROM '%s'" % path
                                 for path in paths])
                wait = self.wait_in_turns("groups_v")
                cpu.append(busy_time(cur) - before)
                if i > 0 or self.small:     # the first round warms up
                    loads.append(o)
                    ours.append(o + wait)
                    theirs.append(t)
                if i < self.runs:
                    cur.execute("DROP TABLE groups_s CASCADE; "
                                "DROP TABLE groups_h")
            o, t = statistics.median(ours), statistics.median(theirs)
            ratio = against(loads, theirs)
            self.report("COPY of %s rows in %d transactions into %s groups, %s"
                        % (format(rows, ","), copies, format(groups, ","),
                           name),
                        "%.2f s" % statistics.median(loads),
                        "%.2f s (heap, no view)" % t,
                        "%.2f" % ratio, "<= 1.15", ratio <= 1.15)
            self.report("the same, until the view has read it all",
                        "%.2f s, %.2f s of the worker's" %
                        (o, statistics.median(cpu)),
                        "%.2f s (heap, no view)" % t,
                        "%.2f" % against(ours, theirs), "-", True)
            self.report_state("their state", "groups_v",
                              80 if rows == groups else 112)
            cur.execute("DROP TABLE groups_s CASCADE; DROP TABLE groups_h")
            for path in paths:
                os.unlink(path)
        self.windows()
        os.rmdir(directory)

    def wait_in_turns(self, view):
        """Waits for the view, without one snapshot for all of the time.

        That would keep versions of rows from being removed meanwhile.
        """
        began = time.perf_counter()
        while True:
            self.cur.execute("SELECT streaming.wait(%s, '100 ms')", [view])
            if self.cur.fetchone()[0]:
                return time.perf_counter() - began

    def report_state(self, name, view, most):
        """What a state table and its indexes take, and how it was written."""
        cur, table = self.cur, self.state_table(view)
        seen = (0, 0, 0)
        for _ in range(50):     # figures come a little later
            last = seen
            cur.execute("SELECT n_tup_ins, n_tup_upd, n_tup_hot_upd FROM "
                        "pg_stat_all_tables WHERE relid = %s::regclass",
                        [table])
            seen = cur.fetchone()
            if seen == last and seen[0] > 0:
                break
            time.sleep(0.3)
        cur.execute("SELECT pg_relation_size(%s), pg_indexes_size(%s)",
                    [table, table])
        heap, index = cur.fetchone()
        made, updated, hot = seen
        size = (heap + index) / 1e6
        self.report(name, "%.1f MB, %.1f MB of it indexes; %s rows made, %s "
                    "updated, %.3f of these in their page"
                    % (size, index / 1e6, format(made, ","),
                       format(updated, ","), hot / max(updated, 1)), "-", "-",
                    "<= %d MB" % most, size <= most)

    def windows(self):
        """Groups of windows that move on, each touched in several batches."""
        cur, batches = self.cur, self.scale(100, 10)
        cur.execute("CREATE TABLE groups_s (ts timestamptz, k int4, v int4) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '10 s')")
        cur.execute("CREATE MATERIALIZED VIEW groups_v WITH "
                    "(streaming.continuous) AS SELECT tumble(ts, '1 minute') "
                    "AS w, k, count(*) AS n, sum(v) AS s, avg(v) AS a, min(v) "
                    "AS lo, max(v) AS hi FROM groups_s GROUP BY w, k")
        for i in range(batches):
            cur.execute("INSERT INTO groups_s SELECT '2024-01-01'::timestamptz "
                        "+ (%d + random()) * '10 s'::interval, random() * "
                        "10000, x FROM generate_series(1, 20000) x" % i)
            cur.execute("REFRESH MATERIALIZED VIEW groups_v")
        self.report_state("state of %d batches over windows of 6 of them"
                          % batches, "groups_v", 112)
        cur.execute("DROP TABLE groups_s CASCADE")

    def pgbench(self, table, clients, *options, durable=False):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("\\set k random(1, 1000)\n"
                         "INSERT INTO %s VALUES (:client_id, :k, now(), "
                         "'/some/page');\n" % table)
            script.flush()
            out = subprocess.run(
                ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j",
                 "2", "-f", script.name, *options, DBNAME],
                env=dict(os.environ, PGOPTIONS="-c synchronous_commit=%s" %
                         ("on" if durable else "off")),
                check=True, capture_output=True, text=True).stdout
        return float(re.search(r"^tps = ([0-9.]+)", out, re.M).group(1))

    def single_speed(self, columns, durable):
        cur = self.cur
        ours, theirs = [], []
        seconds = "1" if self.small else "3"
        for i in range(self.runs * (1 if self.small else 3)):
            cur.execute("CREATE TABLE single_h %s; CREATE TABLE single_s %s "
                        "USING stream" % (columns, columns))
            pair = [(theirs, "single_h"), (ours, "single_s")]
            for results, table in pair if i % 2 else reversed(pair):
                results.append(self.pgbench(table, 8, "-T", seconds,
                                            durable=durable))
            cur.execute("DROP TABLE single_h, single_s")
        o, t = statistics.median(ours), statistics.median(theirs)
        ratio = against(ours, theirs)
        self.report("single-row INSERT transactions, 8 clients, "
                    "synchronous_commit %s" % ("on" if durable else "off"),
                    "%s/s" % format(int(o), ","),
                    "%s/s (heap)" % format(int(t), ","),
                    "%.2f" % ratio, ">= 0.95", ratio >= 0.95)

    def saturated(self):
        """Single-row INSERTs of as many clients as the machine can take, while a
        view follows: their rate, and the slowest of a hundred.
        """
        cur = self.cur
        seconds = "1" if self.small else "3"
        for durable in (True, False):
            rates, slow = {"h": [], "s": []}, {"h": [], "s": []}
            for i in range(self.runs * (1 if self.small else 3)):
                for side in ("hs", "sh")[i % 2]:
                    cur.execute("CREATE TABLE saturated_%s (client int4, k "
                                "int4, ts timestamptz, url text) %s" % (
                                    side, "USING stream" if side == "s"
                                    else ""))
                    if side == "s":
                        cur.execute("CREATE MATERIALIZED VIEW saturated_v "
                                    "WITH (streaming.continuous) AS SELECT k, "
                                    "count(*) AS n, max(ts) AS last "
                                    "FROM saturated_s GROUP BY k")
                    with tempfile.TemporaryDirectory() as logs:
                        log = os.path.join(logs, "log")
                        rates[side].append(self.pgbench(
                            "saturated_" + side, 8, "-T", seconds, "-l",
                            "--log-prefix", log, durable=durable))
                        slow[side].append(slowest_of_hundred(logs))
                    if side == "s":
                        cur.execute("REFRESH MATERIALIZED VIEW saturated_v")
                        cur.execute("SELECT (SELECT sum(n) FROM saturated_v) ="
                                    " (SELECT count(*) FROM saturated_s)")
                        assert cur.fetchone()[0]
                    cur.execute("DROP TABLE saturated_%s CASCADE" % side)
            o, t = (statistics.median(rates[side]) for side in "sh")
            ratio = against(rates["s"], rates["h"])
            what = ("single-row INSERT transactions while a view follows, "
                    "8 clients, synchronous_commit %s"
                    % ("on" if durable else "off"))
            self.report(what, "%s/s" % format(int(o), ","),
                        "%s/s (heap, no view)" % format(int(t), ","),
                        "%.2f" % ratio, ">= 0.95", ratio >= 0.95)
            o, t = (statistics.median(slow[side]) for side in "sh")
            ratio = against(slow["s"], slow["h"])
            self.report("the same, p99 of a transaction", "%.2f ms" % o,
                        "%.2f ms" % t, "%.2f" % ratio, "<= 1.10",
                        ratio <= 1.1)

    def single(self):
        """Single-row INSERT transactions: speed and density.

        Once as the server comes, waiting for the disk at each commit, and once
        without, where what we add is a larger part of the whole.
        """
        cur = self.cur
        columns = "(client int4, k int4, ts timestamptz, url text)"
        for durable in (True, False):
            self.single_speed(columns, durable)
        cur.execute("CREATE TABLE single_h %s; CREATE TABLE single_s %s "
                    "USING stream" % (columns, columns))
        count = "20" if self.small else "2000"
        pages = {}
        for table in ("single_h", "single_s"):
            self.pgbench(table, 32, "-t", count)
            cur.execute("SELECT pg_relation_size('%s') / 8192" % table)
            pages[table] = cur.fetchone()[0]
        o, t = pages["single_s"], pages["single_h"]
        self.report("pages after 32 clients' single-row INSERTs", str(o),
                    "%d (heap)" % t, "%.2f" % (o / t), "<= 1.10", o / t <= 1.1)
        cur.execute("DROP TABLE single_h, single_s")

    def delay(self):
        """From commit to visible, at 1,000 transactions a second: through one
        view, and through a chain of three.
        """
        counts = "SELECT k, count(*) AS n FROM %s GROUP BY k"
        self.delay_through("", [counts % "delay_s"], 5, 25)
        self.delay_through(
            " in the third of a chain of views",
            ["SELECT k, url FROM delay_s WHERE url IS NOT NULL",
             counts % "delay_v0", "SELECT k, n * 2 AS n FROM delay_v1"], 5, 10)

    def delay_through(self, where, queries, most_p50, most_p99):
        cur = self.cur
        cur.execute("CREATE TABLE delay_s (client int4, k int4, "
                    "ts timestamptz, url text) USING stream")
        for i, query in enumerate(queries):
            cur.execute("CREATE MATERIALIZED VIEW delay_v%d WITH "
                        "(streaming.continuous) AS %s" % (i, query))
        rate, p50, p99, n = self.probe(["delay_v%d" % (len(queries) - 1)])
        at = "%s at %d transactions/s" % (where, rate)
        self.report("commit to visible%s, p50 of %d" % (at, n),
                    "%.1f ms" % p50, "-", "-", "<= %d ms" % most_p50,
                    p50 <= most_p50)
        self.report("commit to visible%s, p99" % at,
                    "%.1f ms" % p99, "-", "-", "<= %d ms" % most_p99,
                    p99 <= most_p99)
        cur.execute("DROP TABLE delay_s CASCADE")

    def probe(self, views, in_turn=False):
        """How long a row of delay_s takes to show in any of the views (in_turn: in
        that of which it is), at 1,000 transactions a second: their rate, p50 and p99
        in ms, and how many rows.
        """
        cur, tps, delays, probe = self.cur, [], [], 0
        load = threading.Thread(target=lambda: tps.append(self.pgbench(
            "delay_s", 4, "-T", str(2 if self.small else 20), "--rate=1000")))
        load.start()
        reader = connect()
        for view in views:
            reader.execute("PREPARE see_%s AS SELECT 1 FROM %s WHERE k = $1"
                           % (view, view))
        while load.is_alive():
            probe += 1
            view = (views[probe % len(views)] if in_turn else
                    random.choice(views))
            cur.execute("INSERT INTO delay_s VALUES (-1, -%d, now(), '/probe')"
                        % probe)
            began = time.perf_counter()
            while True:
                reader.execute("EXECUTE see_%s(-%d)" % (view, probe))
                if reader.fetchone():
                    break
                if time.perf_counter() - began > 30:
                    raise RuntimeError("a row does not become visible")
                time.sleep(0.0002)      # leave the other core to the worker
            delays.append((time.perf_counter() - began) * 1000)
            time.sleep(random.random() * 0.005)
        load.join()
        reader.connection.close()
        delays.sort()
        return (tps[0], delays[len(delays) // 2],
                delays[min(len(delays) - 1, int(len(delays) * 0.99))], len(delays))

    def views(self):
        """From commit to visible in any of many views of one stream, and what
        that costs.
        """
        self.views_of_one(self.scale(100, 5), 5)
        self.views_of_one(self.scale(1000, 10), 50)
        self.views_of_one(self.scale(1000, 10), 50, in_turn=True)

    def views_of_one(self, n, most_p99, in_turn=False):
        """in_turn: each row is of one of the views only."""
        cur = self.cur
        cur.execute("CREATE TABLE delay_s (client int4, k int4, "
                    "ts timestamptz, url text) USING stream")
        views = ["delay_v%d" % i for i in range(n)]
        for i, view in enumerate(views):
            cur.execute("CREATE MATERIALIZED VIEW %s WITH (streaming.continuous) "
                        "AS SELECT k, count(*) AS n FROM delay_s %s GROUP BY k"
                        % (view, "WHERE abs(k) %% %d = %d" % (n, i)
                           if in_turn else ""))
        self.until_served([DBNAME])
        cur.execute("SELECT bool_and(streaming.wait(view, '5 minutes')) "
                    "FROM streaming.views")
        done, before = self.batches([DBNAME]), self.processor_time()
        rate, p50, p99, _ = self.probe(views, in_turn)
        took = self.processor_time() - before
        done = self.batches([DBNAME]) - done
        wal, together = self.of_batches([DBNAME])
        at = "%d views of one stream%s at %d transactions/s" % (
            n, ", each of other rows," if in_turn else "", rate)
        self.report(at + ": commit to visible, p50, p99",
                    "%.1f ms, %.1f ms" % (p50, p99), "-", "-",
                    "p99 <= %d ms" % most_p99, p99 <= most_p99)
        self.costs(at, took, done, wal, together)
        cur.execute("DROP TABLE delay_s CASCADE")

    def idle(self):
        """What idle views cost: by themselves, and beside a busy one."""
        cur, n = self.cur, self.scale(1000, 20)
        seconds = 1 if self.small else 30
        cur.execute("CREATE TABLE delay_s (client int4, k int4, "
                    "ts timestamptz, url text) USING stream")
        cur.execute("CREATE MATERIALIZED VIEW delay_v0 WITH (streaming.continuous)"
                    " AS SELECT k, count(*) AS n FROM delay_s GROUP BY k")
        busy = [self.busy(seconds)]
        cur.execute("CREATE TABLE idle_s (k int4) USING stream")
        for i in range(n):
            cur.execute("CREATE MATERIALIZED VIEW idle_v%d WITH "
                        "(streaming.continuous) AS SELECT k, count(*) AS n "
                        "FROM idle_s GROUP BY k" % i)
        self.until_served([DBNAME])
        cur.execute("SELECT bool_and(streaming.wait(view, '5 minutes')) "
                    "FROM streaming.views")
        busy.append(self.busy(seconds))
        time.sleep(1 if self.small else 5)
        before = self.processor_time()
        time.sleep(seconds)
        self.figure("%d idle views: processor while nothing happens" % n,
                    "%.2f %%" % ((self.processor_time() - before) / seconds * 100))
        self.report("%d idle views: processor of a busy one beside them, without"
                    % n, "%.1f us a batch" % busy[1], "%.1f us a batch" % busy[0],
                    "%.2f" % (busy[1] / max(busy[0], 1e-3)), "-", True)
        cur.execute("DROP TABLE delay_s, idle_s CASCADE")

    def busy(self, seconds):
        """What a batch of the view of delay_s takes of the processor, in us, at 1,000
        transactions a second, all that our processes do meanwhile."""
        done, before = self.batches([DBNAME]), self.processor_time()
        self.pgbench("delay_s", 4, "-T", str(seconds), "--rate=1000")
        took = self.processor_time() - before
        return took / max(self.batches([DBNAME]) - done, 1) * 1e6

    def costs(self, what, took, done, wal, together):
        """Rows of the table about batches of many views."""
        self.figure(what + ": processor per view and batch, WAL of it",
                    "%.0f us (%s batches), %.0f bytes"
                    % (took / max(done, 1) * 1e6, format(done, ","), wal))
        self.figure(what + ": batches in one transaction", "%.1f" % together)

    def refresh_and_watch(self, view):
        """How long REFRESH takes, and samples of the workers' own memory in kB."""
        samples, done, took = [], threading.Event(), []

        def refresh():
            took.append(timed(connect(), "REFRESH MATERIALIZED VIEW " + view))
            done.set()

        thread = threading.Thread(target=refresh)
        thread.start()
        while not done.wait(0.02 if self.small else 0.25):
            memory = self.workers_memory()
            if memory:
                samples.append(memory)
        thread.join()
        return took[0], samples

    def memory(self):
        """The worker's own memory during a long backfill."""
        n, cur = self.scale(20_000_000, 100_000), self.cur
        cur.execute("CREATE TABLE memory_s (k int4, v int4) USING stream")
        cur.execute("INSERT INTO memory_s SELECT random() * 9999, x FROM "
                    "generate_series(1, %d) x" % n)
        cur.execute("CREATE MATERIALIZED VIEW memory_v WITH "
                    "(streaming.continuous) AS SELECT k, count(*) AS n, "
                    "avg(v) AS a, max(v) AS hi FROM memory_s GROUP BY k")
        _, samples = self.refresh_and_watch("memory_v")
        if len(samples) < 8:
            samples = (samples or [0]) * 8
        quarter = len(samples) // 4
        first, last = max(samples[quarter:2 * quarter]), max(samples[-quarter:])
        self.report(
            "worker's memory, backfill of %s rows: 2nd, last quarter"
            % format(n, ","), "%.1f MB" % (last / 1024),
            "%.1f MB (2nd quarter)" % (first / 1024),
            "%.2f" % (last / max(first, 1)), "flat (<= 1.10)",
            last <= 1.1 * first)
        cur.execute("DROP TABLE memory_s CASCADE")


    # ---- event time

    def hop(self):
        """60 sliding windows a row against one, where groups are as many.

        A thousand minutes, ten keys: tumbling windows make 10,000 groups,
        sliding ones 10,590.
        """
        n, cur = self.scale(1_000_000, 10_000), self.cur
        cur.execute("CREATE TABLE hop_s (ts timestamptz, k int4, v int4) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '1 day')")
        cur.execute("INSERT INTO hop_s SELECT '2024-01-01'::timestamptz + "
                    "x * (60000.0 / %d) * '1 s'::interval, x %% 10, x "
                    "FROM generate_series(0, %d) x" % (n, n - 1))
        times = {"hop(ts, '60 min', '1 min')": [], "tumble(ts, '1 min')": []}
        for i in range(self.runs + 1):
            for window in times:
                cur.execute(
                    "CREATE MATERIALIZED VIEW hop_v WITH (streaming.continuous,"
                    " streaming.trigger = 'manual') AS SELECT %s AS w, k, "
                    "count(*) AS n, avg(v) AS a, max(v) AS hi FROM hop_s "
                    "GROUP BY w, k" % window)
                t = timed(cur, "REFRESH MATERIALIZED VIEW hop_v")
                if i > 0 or self.small:
                    times[window].append(t / n * 1e9)
                cur.execute("DROP MATERIALIZED VIEW hop_v")
        o, t = (statistics.median(x) for x in times.values())
        self.report("hop of 60 windows, %s rows, about 10,000 groups"
                    % format(n, ","), "%.0f ns a row" % o,
                    "%.0f ns a row (tumble)" % t, "%.2f" % (o / t), "<= 1.50",
                    o / t <= 1.5)
        cur.execute("DROP TABLE hop_s")

    def sessions(self):
        """A million sessions, of which a batch extends some."""
        n, touch = self.scale(1_000_000, 5_000), self.scale(20_000, 100)
        cur = self.cur
        cur.execute("CREATE TABLE session_s (ts timestamptz, k int4) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '1 day')")
        cur.execute("INSERT INTO session_s SELECT '2024-01-01'::timestamptz + "
                    "random() * '1 hour'::interval, x FROM "
                    "generate_series(1, %d) x" % n)
        cur.execute("CREATE MATERIALIZED VIEW session_v WITH "
                    "(streaming.continuous, streaming.trigger = 'manual') AS "
                    "SELECT k, session_window(ts, '2 hours') AS w, "
                    "count(*) AS n FROM session_s GROUP BY k, w")
        t = timed(cur, "REFRESH MATERIALIZED VIEW session_v")
        self.report("making %s sessions" % format(n, ","),
                    "%s/s" % format(int(n / t), ","), "-", "-", "-", True)
        times = []
        for _ in range(self.runs):
            cur.execute("INSERT INTO session_s SELECT "
                        "'2024-01-01 01:00'::timestamptz + random() * "
                        "'1 hour'::interval, 1 + floor(random() * %d) FROM "
                        "generate_series(1, %d)" % (n, touch))
            times.append(timed(cur, "REFRESH MATERIALIZED VIEW session_v")
                         / touch * 1e6)
        self.report("extending %s of them" % format(touch, ","),
                    "%.1f us a session" % statistics.median(times), "-", "-",
                    "-", True)
        cur.execute("DROP TABLE session_s CASCADE")

    def dedup(self):
        """Keys that are seen once or twice, and expire."""
        n, cur = self.scale(5_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE dedup_s (ts timestamptz, k int8) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '1 minute')")
        cur.execute("INSERT INTO dedup_s SELECT '2024-01-01'::timestamptz + "
                    "k * '1 ms'::interval, k FROM (SELECT x - x %% 5 / 4 AS k "
                    "FROM generate_series(1, %d) x) q" % (n * 5 // 4))
        cur.execute("CREATE TABLE dedup_t (ts timestamptz, k int8, "
                    "PRIMARY KEY (ts, k))")
        t = timed(cur, "INSERT INTO dedup_t SELECT * FROM dedup_s "
                  "ON CONFLICT DO NOTHING")
        cur.execute("CREATE MATERIALIZED VIEW dedup_v WITH "
                    "(streaming.continuous, streaming.trigger = 'manual') AS "
                    "SELECT DISTINCT ts, k FROM dedup_s")
        o = timed(cur, "REFRESH MATERIALIZED VIEW dedup_v")
        cur.execute("SELECT (SELECT count(*) FROM dedup_v), (SELECT count(*) "
                    "FROM dedup_t), groups FROM streaming.views "
                    "WHERE view = 'dedup_v'::regclass")
        keys, wanted, groups = cur.fetchone()
        assert keys == wanted
        self.report("deduplicating, %s keys, %s not expired"
                    % (format(keys, ","), format(groups, ",")),
                    "%s rows/s" % format(int(n * 1.25 / o), ","),
                    "%s rows/s (ON CONFLICT)" % format(int(n * 1.25 / t), ","),
                    "%.2f" % (t / o), "-", True)
        cur.execute("DROP TABLE dedup_s CASCADE; DROP TABLE dedup_t")

    def distinct(self):
        """count(DISTINCT) of many values, against a table of them."""
        n, cur = self.scale(5_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE distinct_s (k int4, x int8) USING stream")
        cur.execute("INSERT INTO distinct_s SELECT x %% 10, x FROM "
                    "generate_series(1, %d) x" % n)
        cur.execute("CREATE TABLE distinct_t (k int4, x int8, "
                    "PRIMARY KEY (k, x))")
        cur.execute("CHECKPOINT")
        t = timed(cur, "INSERT INTO distinct_t SELECT * FROM distinct_s "
                  "ON CONFLICT DO NOTHING")
        cur.execute("CREATE MATERIALIZED VIEW distinct_v WITH "
                    "(streaming.continuous, streaming.trigger = 'manual') AS "
                    "SELECT k, count(DISTINCT x) AS n FROM distinct_s "
                    "GROUP BY k")
        cur.execute("CHECKPOINT")
        o = timed(cur, "REFRESH MATERIALIZED VIEW distinct_v")
        cur.execute("SELECT sum(n) FROM distinct_v")
        assert cur.fetchone()[0] == n
        self.report("count(DISTINCT) of %s new values" % format(n, ","),
                    "%.2f us a value" % (o / n * 1e6),
                    "%.2f us (ON CONFLICT DO NOTHING)" % (t / n * 1e6),
                    "%.2f" % (o / t), "<= 1.30", o / t <= 1.3)
        cur.execute("DROP TABLE distinct_s CASCADE; DROP TABLE distinct_t")

    def chain(self):
        """Aggregations over groups, or over latest rows, of which some change."""
        self.above("avg over max of %s groups", "SELECT avg(m) FROM (%s) q",
                   "SELECT k, max(v) AS m FROM chain_s GROUP BY k")
        self.above("counts by status of the latest row of %s keys",
                   "SELECT status, count(*) FROM (%s) q GROUP BY status",
                   "SELECT DISTINCT ON (k) k, v, v % 10 AS status "
                   "FROM chain_s ORDER BY k, v DESC")

    def above(self, what, query, below):
        """One of them, against what is below it alone."""
        n, touch = self.scale(500_000, 5_000), self.scale(20_000, 200)
        cur = self.cur
        cur.execute("CREATE TABLE chain_s (k int4, v int4) USING stream")
        views = {"chain_v": query % below, "chain_w": below}
        for view, definition in views.items():
            cur.execute("CREATE MATERIALIZED VIEW %s WITH "
                        "(streaming.continuous, streaming.trigger = 'manual') "
                        "AS %s" % (view, definition))
        cur.execute("INSERT INTO chain_s SELECT x, x FROM "
                    "generate_series(1, %d) x" % n)
        for view in views:
            cur.execute("REFRESH MATERIALIZED VIEW " + view)
        times = {view: [] for view in views}
        read = []
        for i in range(self.runs + 1):
            cur.execute("INSERT INTO chain_s SELECT 1 + floor(random() * %d), "
                        "%d + x FROM generate_series(1, %d) x"
                        % (n, (i + 1) * n, touch))
            for view in views:
                t = timed(cur, "REFRESH MATERIALIZED VIEW " + view)
                if i > 0:
                    times[view].append(t / touch * 1e6)
            read.append(timed(cur, query % "TABLE chain_w"))
        cur.execute("SELECT count(*) FROM (TABLE chain_v EXCEPT (%s)) d"
                    % (query % "TABLE chain_w"))
        assert cur.fetchone()[0] == 0
        o, t = (statistics.median(x) for x in times.values())
        self.report("%s, %s of them change"
                    % (what % format(n, ","), format(touch, ",")),
                    "%.1f us a group" % o,
                    "%.1f us (what is below alone; reading it all: %.0f ms)"
                    % (t, statistics.median(read) * 1000),
                    "%.2f" % (o / t), "-", True)
        cur.execute("DROP TABLE chain_s CASCADE")

    def latest(self):
        """The latest row of each key against INSERT ... ON CONFLICT."""
        keys, cur = self.scale(1_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE latest_s (k int4, ts timestamptz, v int8, "
                    "note text) USING stream")
        cur.execute("CREATE MATERIALIZED VIEW latest_v WITH "
                    "(streaming.continuous, streaming.trigger = 'manual') AS "
                    "SELECT DISTINCT ON (k) * FROM latest_s "
                    "ORDER BY k, ts DESC")
        cur.execute("CREATE TABLE latest_t (k int4 PRIMARY KEY, "
                    "ts timestamptz, v int8, note text) "
                    "WITH (fillfactor = 50)")
        cur.execute("CREATE TEMP TABLE latest_r (LIKE latest_s)")
        ours, theirs = [], []
        # the first round makes the keys
        for i in range(self.runs + 1):
            cur.execute("TRUNCATE latest_r")
            cur.execute("INSERT INTO latest_r SELECT x, "
                        "'2024-01-01'::timestamptz + (%d + random()) * "
                        "interval '1 day', x, 'a note of ' || x FROM "
                        "generate_series(1, %d) x ORDER BY random()"
                        % (i, keys))
            cur.execute("INSERT INTO latest_s SELECT * FROM latest_r")
            cur.execute("CHECKPOINT")
            t = timed(cur, "INSERT INTO latest_t SELECT * FROM latest_r "
                      "ON CONFLICT (k) DO UPDATE SET ts = excluded.ts, "
                      "v = excluded.v, note = excluded.note "
                      "WHERE excluded.ts > latest_t.ts")
            cur.execute("CHECKPOINT")
            o = timed(cur, "REFRESH MATERIALIZED VIEW latest_v")
            if i > 0:
                ours.append(o)
                theirs.append(t)
            cur.execute("VACUUM latest_t, " + self.state_table("latest_v"))
        cur.execute("SELECT count(*) FROM (SELECT * FROM latest_v EXCEPT "
                    "SELECT * FROM latest_t) d")
        assert cur.fetchone()[0] == 0
        o = keys / statistics.median(ours)
        t = keys / statistics.median(theirs)
        self.report("latest row of %s keys" % format(keys, ","),
                    "%s rows/s" % format(int(o), ","),
                    "%s rows/s (ON CONFLICT)" % format(int(t), ","),
                    "%.2f" % (o / t), ">= 1.00", o / t >= 1)
        cur.execute("DROP TABLE latest_s CASCADE; DROP TABLE latest_t")

    def evict(self):
        """A million groups close at once: for how long does the view pause?"""
        n, cur = self.scale(1_000_000, 20_000), self.cur
        cur.execute("CREATE TABLE evict_s (ts timestamptz, k int4, v int4) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '0')")
        cur.execute("CREATE MATERIALIZED VIEW evict_v WITH "
                    "(streaming.continuous) AS SELECT tumble(ts, '1 hour') AS "
                    "w, k, stddev(v) AS a FROM evict_s GROUP BY w, k")
        cur.execute("INSERT INTO evict_s SELECT '2024-01-01', x, x FROM "
                    "generate_series(1, %d) x" % n)
        cur.execute("REFRESH MATERIALIZED VIEW evict_v")
        watch, longest, batches = connect(), 0, 0
        done = threading.Event()

        def sample():
            nonlocal longest, batches
            seen = None
            while not done.is_set():
                watch.execute("SELECT batch, batch_us FROM "
                              "streaming._progress")
                batch, us = watch.fetchone()
                if seen is not None and batch != seen:
                    batches += 1
                    longest = max(longest, us / 1000)
                seen = batch

        thread = threading.Thread(target=sample)
        thread.start()
        time.sleep(0.05)
        cur.execute("INSERT INTO evict_s VALUES ('2024-01-02', 0, 0)")
        t = timed(cur, "REFRESH MATERIALIZED VIEW evict_v")
        done.set()
        thread.join()
        cur.execute("SELECT groups FROM streaming.views "
                    "WHERE view = 'evict_v'::regclass")
        assert cur.fetchone()[0] == 1
        self.report("longest of %d batches while %s closed groups give up "
                    "their state" % (batches, format(n, ",")),
                    "%.0f ms (%.1f s in all)" % (longest, t), "-", "-",
                    "<= 100 ms", longest <= 100)
        cur.execute("DROP TABLE evict_s CASCADE")

    def join(self):
        """Two streams by key and bounded time, in batches; and what is kept."""
        n, steps, cur = self.scale(1_000_000, 20_000), 40, self.cur
        size = n // steps
        for s in ("join_l", "join_r"):
            cur.execute("CREATE TABLE %s (ts timestamptz, k int4, v int4) USING "
                        "stream WITH (streaming.event_time = 'ts', "
                        "streaming.watermark = '1 second')" % s)
        query = ("SELECT l.k, l.v, r.v AS w FROM join_l l JOIN join_r r ON "
                 "l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + interval '10 s'")
        cur.execute("CREATE MATERIALIZED VIEW join_v WITH "
                    "(streaming.continuous, streaming.trigger = 'manual') AS "
                    + query)
        cur.execute("SELECT setseed(0.5)")
        seconds, kept = 0.0, []
        for i in range(steps):
            for s in ("join_l", "join_r"):
                # 1,000 rows in a second of event time
                cur.execute("INSERT INTO %s SELECT '2024-01-01'::timestamptz + "
                            "(%d + x) * '1 ms'::interval, random() * 20000, x "
                            "FROM generate_series(1, %d) x" % (s, i * size, size))
            seconds += timed(cur, "REFRESH MATERIALIZED VIEW join_v")
            if i % (steps // 4) == steps // 4 - 1:
                cur.execute("SELECT groups FROM streaming.views "
                            "WHERE view = 'join_v'::regclass")
                kept.append(cur.fetchone()[0])
        cur.execute("VACUUM ANALYZE join_l, join_r")
        cur.execute("SET max_parallel_workers_per_gather = 0")
        cur.execute("CREATE TEMP TABLE join_t AS %s WITH NO DATA" % query)
        theirs = timed(cur, "INSERT INTO join_t " + query)
        cur.execute("SELECT (SELECT count(*) FROM join_v), "
                    "(SELECT count(*) FROM join_t)")
        have, wanted = cur.fetchone()
        assert have == wanted
        self.report("join of two streams of %s rows by key and 10 s, %d batches, "
                    "%s pairs" % (format(n, ","), steps, format(have, ",")),
                    "%s rows/s" % format(int(2 * n / seconds), ","),
                    "%s rows/s (the query, once)"
                    % format(int(2 * n / theirs), ","),
                    "%.2f" % (theirs / seconds), "-", True)
        self.report("rows kept by its sides: each quarter",
                    ", ".join(format(k, ",") for k in kept), "-",
                    "%.2f" % (kept[-1] / max(kept[0], 1)), "flat (<= 1.10)",
                    kept[-1] <= 1.1 * kept[0])
        cur.execute("DROP TABLE join_l, join_r CASCADE; DROP TABLE join_t")

    def skew(self):
        """A key that has very many rows on one side, and some on the other."""
        n, some, cur = self.scale(100_000, 2_000), self.scale(100, 10), self.cur
        cur.execute("CREATE TABLE skew_l (k int4, v int4) USING stream; "
                    "CREATE TABLE skew_r (k int4, v int4) USING stream")
        query = "SELECT l.k, l.v, r.v AS w FROM skew_l l JOIN skew_r r USING (k)"
        cur.execute("CREATE MATERIALIZED VIEW skew_v WITH "
                    "(streaming.continuous, streaming.trigger = 'manual') AS "
                    + query)
        cur.execute("INSERT INTO skew_l SELECT 1, x FROM generate_series(1, %d) x"
                    % n)
        cur.execute("REFRESH MATERIALIZED VIEW skew_v")
        # one batch with the rows of that key, among as many of others
        cur.execute("INSERT INTO skew_r SELECT CASE WHEN x <= %d THEN 1 ELSE x "
                    "END, x FROM generate_series(1, %d) x" % (some, n))
        ours, samples = self.refresh_and_watch("skew_v")
        cur.execute("VACUUM ANALYZE skew_l, skew_r")
        cur.execute("SET max_parallel_workers_per_gather = 0")
        cur.execute("CREATE TABLE skew_t AS %s WITH NO DATA" % query)
        theirs = timed(cur, "INSERT INTO skew_t " + query)
        cur.execute("SELECT (SELECT count(*) FROM skew_v), "
                    "(SELECT count(*) FROM skew_t)")
        have, wanted = cur.fetchone()
        assert have == wanted == n * some
        self.report("one key of %s rows meets %s more: %s pairs in one batch"
                    % (format(n, ","), some, format(have, ",")),
                    "%s pairs/s" % format(int(have / ours), ","),
                    "%s pairs/s (INSERT ... SELECT into heap)"
                    % format(int(have / theirs), ","),
                    "%.2f" % (theirs / ours), "-", True)
        self.report("the worker's own memory meanwhile, at most",
                    "%.1f MB" % (max(samples or [0]) / 1024), "-", "-", "-",
                    True)
        cur.execute("DROP TABLE skew_l, skew_r CASCADE; DROP TABLE skew_t")

    def state(self):
        """State in a long run whose watermark moves."""
        steps, cur = self.scale(400, 12), self.cur
        cur.execute("CREATE TABLE state_s (ts timestamptz, k int4) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '1 minute')")
        cur.execute("CREATE MATERIALIZED VIEW state_v WITH "
                    "(streaming.continuous) AS SELECT tumble(ts, '1 minute') "
                    "AS w, k, count(*) AS n, avg(k) AS a FROM "
                    "(SELECT DISTINCT ts, k FROM state_s) q GROUP BY w, k")
        groups, kept = [], []
        for i in range(steps):
            cur.execute("INSERT INTO state_s SELECT '2024-01-01'::timestamptz "
                        "+ (%d + random()) * '30 s'::interval, random() * 1000 "
                        "FROM generate_series(1, 5000)" % i)
            cur.execute("REFRESH MATERIALIZED VIEW state_v")
            if i % (steps // 4) == steps // 4 - 1:
                cur.execute("SELECT groups FROM streaming.views "
                            "WHERE view = 'state_v'::regclass")
                groups.append(cur.fetchone()[0])
                cur.execute("SELECT count(*), pg_relation_size("
                            "(SELECT below[1] FROM streaming._view)) / 1024 FROM "
                            + self.state_table("state_v").replace("_state_",
                                                                  "_below_"))
                kept.append("%d rows in %d kB" % cur.fetchone())
        self.report("groups in state, %s rows, watermark moving: each quarter"
                    % format(steps * 5000, ","),
                    ", ".join(format(g, ",") for g in groups), "-",
                    "%.2f" % (groups[-1] / max(groups[0], 1)), "flat (<= 1.10)",
                    groups[-1] <= 1.1 * groups[0])
        self.report("keys remembered by its deduplication", "; ".join(kept),
                    "-", "-", "-", True)
        cur.execute("DROP TABLE state_s CASCADE")


    # ---- many of everything

    def objects(self):
        """Many streams, many views on one stream, many databases: what they
        cost while they are fed, and while nothing happens.
        """
        n = self.scale(1000, 20)
        self.many("%d streams, a view each" % n, n, 1, DBNAME)
        n = self.scale(100, 5)
        self.many("%d views on one stream" % n, 1, n, DBNAME)
        self.many_databases(self.scale(50, 3))

    def many(self, what, streams, views, *dbnames):
        """Rows of the table about so many streams with so many views each, beside
        as many ordinary tables: of a server without the library, if it may restart.
        """
        self.figure(what + ": created",
                    "%.1f s" % self.make_many(streams, views, dbnames))
        self.until_served(dbnames)
        sides = {"ours": {}, "theirs": {}}
        for _ in range(1 if self.small else min(self.runs, 3)):
            for side in ["theirs", "ours"] if self.data else ["ours"]:
                seen = self.see_many(side, streams, dbnames)
                for name, value in seen.items():
                    sides[side].setdefault(name, []).append(value)
        ours, theirs = ({name: statistics.median(values)
                         for name, values in sides[side].items()}
                        for side in ("ours", "theirs"))
        if self.data:
            self.beside(what + ": the server takes connections after", "%.0f ms",
                        ours["start"] * 1000, theirs["start"] * 1000)
        self.figure(what + ": all views have a worker after a start",
                    "%.1f s" % ours["served"])
        self.beside(what + ": processor while idle, of the server", "%.2f %%",
                    ours["idle"] * 100, theirs.get("idle", 0) * 100)
        heap = theirs.get("heap", ours["heap"])
        self.report("%s: commits per second, %d clients" % (
            what, len(dbnames) if len(dbnames) > 1 else 4),
                    "%s (heap beside them: %s)" % (
                        format(int(ours["streams"]), ","),
                        format(int(ours["heap"]), ",")),
                    "%s (heap)" % format(int(heap), ","),
                    "%.2f" % (ours["streams"] / heap), "-", True)
        self.figure(what + ": all views up to date after", "%.1f s" % ours["behind"])
        self.costs(what, ours["took"], int(ours["done"]), ours["wal"],
                   ours["together"])
        self.beside(what + ": memory of all the server's processes", "%.0f MB",
                    ours["memory"] / 1024, theirs.get("memory", 0) / 1024)
        self.figure(what + ": memory of our processes, of the largest",
                    "%.0f MB, %.0f MB" % (ours["own"] / 1024,
                                          ours["largest"] / 1024))
        for dbname in dbnames:
            cur = connect(dbname)
            for i in range(streams):
                cur.execute("DROP TABLE many_s%d CASCADE; DROP TABLE many_h%d"
                            % (i, i))

    def make_many(self, streams, views, dbnames):
        began = time.perf_counter()
        for dbname in dbnames:
            cur = connect(dbname)
            for i in range(streams):
                cur.execute("CREATE TABLE many_s%d (k int4, v int4) USING stream;"
                            " CREATE TABLE many_h%d (k int4, v int4)" % (i, i))
                for j in range(views):
                    cur.execute(
                        "CREATE MATERIALIZED VIEW many_v%d_%d WITH "
                        "(streaming.continuous) AS SELECT k, count(*) AS n, "
                        "sum(v) AS s FROM many_s%d GROUP BY k" % (i, j, i))
        return time.perf_counter() - began

    def see_many(self, side, streams, dbnames):
        """From a start of the server, with the library ("ours") or without."""
        seen, idle_for = {}, 1 if self.small else 10
        if self.data:
            seen["start"] = self.start_server(side == "ours")
        else:
            for pid in self.processes():
                self.cur.execute("SELECT pg_terminate_backend(%s)", [pid])
        began = time.perf_counter()
        if side == "ours":
            self.until_served(dbnames)
        seen["served"] = time.perf_counter() - began
        time.sleep(idle_for / 5)
        before = self.server_time()
        time.sleep(idle_for)
        seen["idle"] = (self.server_time() - before) / idle_for
        seen["heap"] = self.feed("many_h", streams, dbnames)
        if side == "ours":
            done, before = self.batches(dbnames), self.processor_time()
            seen["streams"] = self.feed("many_s", streams, dbnames)
            began = time.perf_counter()
            for dbname in dbnames:
                cur = connect(dbname)
                cur.execute("SELECT bool_and(streaming.wait(view, '5 minutes')) "
                            "FROM streaming.views")
                assert cur.fetchone()[0]
            seen["behind"] = time.perf_counter() - began
            seen["took"] = self.processor_time() - before
            seen["done"] = self.batches(dbnames) - done
            seen["wal"], seen["together"] = self.of_batches(dbnames)
            sizes = [own_memory(pid) for pid in self.processes()]
            seen["own"], seen["largest"] = sum(sizes), max(sizes)
        seen["memory"] = sum(own_memory(pid) for pid in self.server_processes())
        return seen

    def beside(self, name, unit, ours, theirs):
        """A figure of both sides, if there are two."""
        self.report(name, unit % ours, unit % theirs if self.data else "-", "-",
                    "-", True)

    # ---- the server

    def start_server(self, library):
        """Restarts it, with the library or without; returns in what time after that
        it takes connections.
        """
        # of many databases that can take minutes
        self.cur.execute("CHECKPOINT")
        self.cur.connection.close()
        subprocess.run(["pg_ctl", "stop", "-w", "-t", "600", "-m", "fast", "-D",
                        self.data],
                       check=True, capture_output=True)
        began = time.perf_counter()
        subprocess.run(["pg_ctl", "start", "-W", "-D", self.data, "-l",
                        os.path.join(self.data, "server.log"),
                        *([] if library else
                          ["-o", "-c shared_preload_libraries="])],
                       check=True, stdout=subprocess.DEVNULL)
        while True:
            try:
                self.cur = connect()
                return time.perf_counter() - began
            except psycopg2.OperationalError:
                assert time.perf_counter() - began < 60
                time.sleep(0.002)

    def server_processes(self):
        """All that there are, the postmaster first."""
        self.cur.execute("SELECT pg_backend_pid()")
        main = stat_of(self.cur.fetchone()[0])[1]
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [int(main)] + [pid for pid in pids if stat_of(pid)[1] == main]

    def server_time(self):
        """Seconds of the processor that the server has used since it started, with
        those of processes that have ended.
        """
        pids = self.server_processes()
        ended = sum(int(ticks) for ticks in stat_of(pids[0])[13:15])
        return ended / os.sysconf("SC_CLK_TCK") + sum(map(run_time, pids))

    def batches(self, dbnames):
        """How many batches the views have had."""
        done = 0
        for dbname in dbnames:
            cur = connect(dbname)
            cur.execute("SELECT sum(batches) FROM streaming.views")
            done += int(cur.fetchone()[0])
        return done

    def of_batches(self, dbnames):
        """WAL of one of the last batches, and in how many one transaction was."""
        wal, together = [], []
        for dbname in dbnames:
            cur = connect(dbname)
            cur.execute("SELECT avg(wal_bytes) FROM streaming.progress "
                        "WHERE phase IS NULL")
            wal.append(float(cur.fetchone()[0]))
            cur.execute("SELECT count(*)::float8 / count(DISTINCT xmin::text) "
                        "FROM streaming._progress")
            together.append(cur.fetchone()[0])
        return statistics.mean(wal), statistics.mean(together)

    def many_databases(self, n):
        """A stream and a view in each of so many databases, as far as served."""
        cur = self.cur
        cur.execute("SELECT (current_setting('max_worker_processes')::int - 2)"
                    " / 2")
        n = min(n, cur.fetchone()[0])
        names = ["%s_%d" % (DBNAME, i) for i in range(n)]
        for name in names:
            cur.execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)
            cur.execute("CREATE DATABASE %s" % name)
            connect(name).execute("CREATE EXTENSION streaming")
        self.many("%d databases, a stream and a view each" % n, 1, 1, *names)
        for name in names:
            connect(name).execute("DROP EXTENSION streaming CASCADE")
            self.cur.execute("DROP DATABASE %s WITH (FORCE)" % name)

    def figure(self, name, value):
        self.report(name, value, "-", "-", "-", True)

    def processes(self):
        self.cur.execute("SELECT pid FROM pg_stat_activity WHERE backend_type ~"
                         " '^streaming'")
        return [pid for (pid,) in self.cur.fetchall()]

    def processor_time(self):
        """Seconds that our processes have used."""
        return sum(map(run_time, self.processes()))

    def until_served(self, dbnames):
        for dbname in dbnames:
            cur = connect(dbname)
            while True:
                cur.execute("SELECT bool_and(worker_pid IS NOT NULL) FROM "
                            "streaming.views")
                if cur.fetchone()[0]:
                    break
                time.sleep(0.05)

    def feed(self, table, streams, dbnames):
        """Commits per second of 4 clients, each into any table; of one client for
        each database if there are several.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("\\set i random(0, %d)\n\\set k random(0, 99)\n"
                         "INSERT INTO %s:i VALUES (:k, 1);\n"
                         % (streams - 1, table))
            script.flush()
            clients = "1" if len(dbnames) > 1 else "4"
            runs = [subprocess.Popen(
                ["pgbench", "-n", "-c", clients, "-T",
                 "1" if self.small else "10", "-f", script.name, dbname],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                for dbname in dbnames]
            out = [run.communicate()[0] for run in runs]
        return sum(float(re.search(r"^tps = ([0-9.]+)", text, re.M).group(1))
                   for text in out)


def slowest_of_hundred(directory):
    """The 99th percentile of the times in pgbench's logs, in ms."""
    times = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name)) as log:
            times += [int(line.split()[2]) for line in log]
    times.sort()
    return times[min(len(times) - 1, len(times) * 99 // 100)] / 1000


def own_memory(pid):
    """Resident memory of a process that is not shared memory or files, in kB.

    (Private_* of smaps would count pages of shared buffers that by chance
    nobody else has touched.)
    """
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def stat_of(pid):
    """Fields of /proc/PID/stat behind the name: state, parent, ..."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()
    except OSError:
        return ["", ""]


def run_time(pid):
    """Seconds of the processor that a process has used, 0 if it has ended."""
    try:
        with open("/proc/%d/schedstat" % pid) as f:
            return int(f.read().split()[0]) / 1e9
    except OSError:
        return sum(map(int, stat_of(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def busy_time(cur):
    """The CPU time of the workers, in seconds."""
    cur.execute("SELECT pid FROM pg_stat_activity "
                "WHERE backend_type = 'streaming worker'")
    return sum(run_time(pid) for pid, in cur.fetchall())


def machine(cur):
    cpu = "unknown processor"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 1024 / 1024
    cur.execute("SELECT version()")
    version = cur.fetchone()[0].split(",")[0]
    settings = []
    for name in ("shared_buffers", "fsync", "synchronous_commit",
                 "max_wal_size"):
        cur.execute("SHOW " + name)
        settings.append("%s = %s" % (name, cur.fetchone()[0]))
    return "%s, %d cores, %.0f GB of memory, Linux %s; %s; %s." % (
        cpu, os.cpu_count(), memory, platform.release(), version,
        ", ".join(settings))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("measurements", nargs="*",
                        help="backfill backlogs transform merge large cube copy groups single "
                        "saturated delay memory hop sessions dedup distinct chain "
                        "latest join skew evict state views idle objects")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--restart", metavar="DIR",
                        help="the server's data directory: it may be restarted, to"
                        " be compared with itself\nwithout the library")
    parser.add_argument("--runs", type=int, default=5,
                        help="runs that a median is taken of (default 5)")
    args = parser.parse_args()
    admin = psycopg2.connect(dbname=os.environ.get("PGDATABASE", "postgres"))
    admin.autocommit = True
    admin.cursor().execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % DBNAME)
    admin.cursor().execute("CREATE DATABASE %s" % DBNAME)
    cur = connect()
    cur.execute("CREATE EXTENSION streaming")
    bench = Bench(args)
    names = ["backfill", "backlogs", "transform", "merge", "large", "cube",
             "copy", "groups", "single", "saturated", "delay", "memory", "hop",
             "sessions", "dedup", "distinct", "chain", "latest", "join",
             "skew", "evict", "state", "views", "idle", "objects"]
    for name in names:
        if not args.measurements or any(
                name.startswith(m) for m in args.measurements):
            getattr(bench, name)()
    print(machine(bench.cur) + "\n")
    bench.table()
    bench.cur.execute("DROP EXTENSION streaming CASCADE")
    return 0


if __name__ == "__main__":
    sys.exit(main())
