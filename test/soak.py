#!/usr/bin/env python3
"""A soak: everything at once, for minutes or for days, checked by the oracle.

A server of its own runs for the given time. In its database several sessions
write to streams, with savepoints, aborts, COPY and prepared transactions, while
another one makes, changes, resets and drops views, takes rows away (TRUNCATE,
partitions that are dropped, detached and attached again), rewrites streams and
their views' tables (VACUUM FULL, CLUSTER, ALTER TABLE) and drops whole schemas.
Views and streams belong to three roles. In storms, processes are ended and
killed, and the server is stopped at once. Now and then the database is dumped
and restored as another one, while it is written to, and the other one goes on.

All the time, views are brought up to date and compared with their queries,
EXCEPT ALL both ways. What was taken out of a stream is kept in an archive for
that, until no view is left that has read it; what must hold for ever is kept as
sums (the ledger). In the end, and while it runs,

- each view is its query, and none has failed,
- what writers know to be committed has been counted exactly once,
- tables that need not grow do not: streams whose old partitions go, state below
  a watermark, change streams with a retention, the extension's own catalog,
- no process grows,
- the log has no crash but those that were made here, no failed assertion, and no
  internal error.

All that is known of views, streams and what was taken away is in the database
(schema soak), written by the transactions that do it; so a crash or a restore
never leaves us with another idea of it than the database has.

    soak.py --dir DIR --seconds 3600 --seed 7

The seed decides what each actor does; when, and in which order, is the machine's
business. PATH must have initdb and pg_ctl. Exit code 3: something is wrong.
"""

import argparse
import collections
import contextlib
import copy
import io
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "fuzz"))
import fuzz                         # noqa: E402
from fuzz import copy_text, shorten  # noqa: E402

OWNERS = ["soak_a", "soak_b", "soak_c"]
# Event time runs faster than ours, so that windows close while we watch.
SPEED = 240
WATERMARK_S, PARTITION_S, KEEP_S = 7200, 3600, 4 * 3600
EPOCH = "timestamptz '2030-01-01 00:00+00'"
# The stream of a random schema is emptied when it has so many rows.
MANY_ROWS = 30000
# Errors that are part of the game: deadlocks, lock timeouts, what fuzz.py's
# statements provoke, failed transactions.
TOLERATED = {"40P01", "40001", "55P03", "23505", "22012", "P0001", "25P02",
             "3B001"}
# ... in storms: processes that end.
ENDED = {"57P01", "57P02", "57P03", "57014", "08006", "08003", "08000"}
# ... when rows are to go while a view is paused, and for what is not possible
# with some view.
REFUSED = {"55006", "55000", "0A000", "2BP01"}
WAIT_S = 180
MB = 1048576
# What a worker has that has most of the views of a soak.
WORKER_BYTES = 32 * MB
# A random query may group by what it has gathered: a limit of the server's indexes.
TOO_LONG = re.compile(r"index row (size|requires) [0-9]+")


class Failure(Exception):
    """Something is wrong."""


class Stop(Exception):
    """The time is up, or somebody else has failed."""


def is_lost(e, conn):
    """Is it about the connection, or the end of the server or the session?"""
    if e.pgcode is None:
        # not always an OperationalError
        return not isinstance(e, psycopg2.ProgrammingError)
    return conn is None or conn.closed or e.pgcode in ENDED


def switched_off(e):
    """What is tolerated because a storm may have switched batches off."""
    return {"55000"} if "streaming.enabled to on" in str(e) else ()


# --------------------------------------------------------------------------


class Gate:
    """Commits pass it; the oracle closes it to compare."""

    def __init__(self):
        self.cond = threading.Condition()
        self.inside = 0
        self.closed = False

    @contextlib.contextmanager
    def passing(self):
        with self.cond:
            self.cond.wait_for(lambda: not self.closed)
            self.inside += 1
        try:
            yield
        finally:
            with self.cond:
                self.inside -= 1
                self.cond.notify_all()

    @contextlib.contextmanager
    def shut(self):
        with self.cond:
            self.cond.wait_for(lambda: not self.closed)
            self.closed = True
            self.cond.wait_for(lambda: self.inside == 0)
        try:
            yield
        finally:
            with self.cond:
                self.closed = False
                self.cond.notify_all()


class Server:
    """The throw-away server; its socket is in the directory above."""

    def __init__(self, path, settings):
        self.path = path
        self.log = os.path.join(path, "server.log")
        os.environ.update(PGHOST=os.path.dirname(os.path.abspath(path)),
                          PGPORT="5439", PGUSER="postgres")
        subprocess.run(["initdb", "-D", path, "-U", "postgres", "-A", "trust",
                        "-N", "-E", "UTF8", "--locale=C"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(path, "postgresql.conf"), "a") as f:
            f.write("\n".join([
                "shared_preload_libraries = 'streaming'",
                "listen_addresses = ''", "port = 5439",
                "unix_socket_directories = '%s'" % os.environ["PGHOST"],
                "max_worker_processes = 24", "max_prepared_transactions = 50",
                "max_connections = 60", "fsync = off",
                "autovacuum_naptime = 5s", "log_checkpoints = off",
                "log_line_prefix = '%m [%p] %b %a %e '", "timezone = 'UTC'",
                "max_wal_size = 256MB", "streaming.state_cache_size = 4MB",
                "streaming.retention_size = 1MB"] + settings) + "\n")
        self.ctl("start")

    def ctl(self, command, *options):
        subprocess.run(["pg_ctl", command, "-w", "-s", "-t", "120", "-D",
                        self.path, "-l", self.log, *options], check=True,
                       stdout=subprocess.DEVNULL)

    def postmaster(self):
        with open(os.path.join(self.path, "postmaster.pid")) as f:
            return int(f.readline())

    def connect(self, dbname, patience=90):
        """Waits for a server that is about to start."""
        deadline = time.monotonic() + patience
        while True:
            try:
                conn = fuzz.connect(dbname)
                with conn.cursor() as cur:
                    cur.execute("SET deadlock_timeout = '200ms'; "
                                "SET extra_float_digits = 1")
                return conn
            except psycopg2.Error as e:
                if time.monotonic() > deadline:
                    raise Failure("no connection to %s: %s" % (dbname, e))
                time.sleep(0.1)

    def processes(self):
        """Those of the extension: {pid: (title, anonymous memory)}."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/status" % pid) as f:
                    status = f.read()
                with open("/proc/%s/cmdline" % pid) as f:
                    title = f.read().replace("\0", " ").strip()
            except OSError:
                continue
            if ("PPid:\t%d\n" % self.postmaster() in status and
                    re.match(r"postgres: streaming ", title)):
                size = re.search(r"RssAnon:\s+(\d+)", status)
                found[int(pid)] = (title, int(size.group(1)) * 1024)
        return found


class Soak:
    """What all actors share."""

    def __init__(self, args):
        self.args = args
        self.seed = args.seed
        self.began = time.monotonic()
        self.clock_began = time.time()
        self.until = self.began + args.seconds
        self.failed = threading.Event()
        self.problems = []
        self.last = collections.deque(maxlen=60)
        self.counts = collections.Counter()
        self.lock = threading.Lock()
        self.calm = threading.Lock()    # held by whoever wants no storm

    def rng(self, actor):
        return random.Random("%d/%s" % (self.seed, actor))

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def problem(self, text):
        with self.lock:
            self.problems.append(text)
        self.failed.set()

    def note(self, who, text):
        line = "%7.1f [%s] %s" % (time.monotonic() - self.began, who,
                                  shorten(text, 300))
        self.last.append(line)
        if self.args.verbose:
            print(line, flush=True)

    def over(self):
        return self.failed.is_set() or time.monotonic() > self.until

    def clock(self):
        """Event time, in seconds since EPOCH."""
        return int((time.time() - self.clock_began) * SPEED) + 100 * PARTITION_S


# --------------------------------------------------------------------------
# Schemas: a stream or two, an archive, views


class RandomLane:
    """A schema with a stream and views of fuzz.py's."""

    kind = "random"

    def __init__(self, rng, schema):
        self.schema = schema
        self.owner = rng.choice(OWNERS)
        self.rng = rng
        self.views = 0
        self.stream = fuzz.Stream(rng)
        self.stream.unlogged = False
        self.stream.wide = False
        # the type of filler can be changed, which rewrites the stream
        self.ddl = self.stream.ddl() + [
            "ALTER TABLE s ADD filler int4",
            "CREATE TABLE dim (k int4 PRIMARY KEY, label text, w int4)",
            "INSERT INTO dim SELECT x, CASE WHEN x % 4 > 0 THEN 'l' || "
            "x % 5 END, x % 10 FROM generate_series(0, 250) x",
            "CREATE TABLE archive_s AS SELECT 0 AS epoch, %s FROM s"
            % ", ".join(self.stream.columns)]
        self.tables = ["s"]

    def columns(self, table):
        return ", ".join(self.stream.columns)

    def view(self):
        self.views += 1
        view = fuzz.View(self.rng, self.stream, self.views)
        query = view.query("@s@")
        return ("random", query, query, view.options.replace(
            "streaming.trigger = '50 ms'", "streaming.trigger = '200 ms'"),
            ["c%d" % i for i in view.indexable])

    def for_writer(self, number):
        """Who writes has numbers of his own."""
        stream = copy.copy(self.stream)
        stream.rng = random.Random("%s/%d" % (self.schema, number))
        stream.next_id = stream.next_u = number * 10 ** 9
        return stream


TIMED_VIEWS = {
    # name: query, what to compare with (None: the query), options
    "windows": (
        "SELECT tumble(ts, '10 minutes') AS win, k, count(*) AS n, sum(x) AS s,"
        " max(id) AS m FROM @e@ AS e GROUP BY win, k", None, ""),
    "closed": (
        "SELECT tumble(ts, '10 minutes') AS win, k % 3 AS g, count(*) AS n,"
        " sum(x) AS s FROM @e@ AS e GROUP BY win, g", None,
        ", streaming.output_mode = 'append'"),
    "grouped": (
        "SELECT k, count(*) AS n, avg(x) AS a, min(id) AS i FROM @e@ AS e"
        " GROUP BY k", None, ", streaming.group = 'g_@owner@'"),
    "levels": (
        "SELECT n % 10 AS d, count(*) AS c, sum(s) AS t FROM (SELECT k,"
        " count(*) AS n, sum(x) AS s FROM @e@ AS e GROUP BY k) q GROUP BY 1",
        None, ""),
    "pairs": (
        "SELECT e.id, f.id AS fid, e.k, f.y FROM @e@ AS e JOIN @f@ AS f"
        " ON f.k = e.k AND f.ts BETWEEN e.ts AND e.ts + interval '1 minute'",
        None, ""),
    "alone": (
        "SELECT e.k, count(*) AS n, count(f.id) AS m FROM @e@ AS e LEFT JOIN"
        " @f@ AS f ON f.id = e.id GROUP BY e.k", None, ""),
    "without": (
        "SELECT e.k, e.id FROM @e@ AS e WHERE e.x % 20 = 0 AND NOT EXISTS"
        " (SELECT FROM @f@ AS f WHERE f.id = e.id)", None, ""),
    "latest": (
        "SELECT DISTINCT ON (k) k, id, x FROM @e@ AS e ORDER BY k, ts DESC,"
        " id DESC", None, ""),
    "top": (
        "SELECT k, id, x FROM (SELECT k, id, x, row_number() OVER (PARTITION BY"
        " k ORDER BY x DESC, id) AS rn FROM @e@ AS e) q WHERE rn <= 3", None,
        ""),
    "kinds": ("SELECT DISTINCT k, x % 10 AS d FROM @e@ AS e", None, ""),
    "rows": ("SELECT id, k, x * 2 AS y FROM @e@ AS e WHERE x % 7 = 0", None,
             ""),
    "kept": (
        "SELECT tumble(ts, '10 minutes') AS win, count(DISTINCT x) AS d,"
        " percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS p FROM @e@ AS e"
        " GROUP BY win", None, ""),
    "skips": (
        "SELECT k, sum(1000 / z) AS q, count(*) AS n FROM @e@ AS e GROUP BY k",
        "SELECT k, sum(1000 / z) AS q, count(*) AS n FROM (SELECT * FROM @e@ AS"
        " i WHERE i.z <> 0 OFFSET 0) AS e GROUP BY k",
        ", streaming.on_error = 'skip', streaming.max_errors = 1000000,"
        " streaming.errors_retention = '20 s'"),
    "united": (
        "SELECT k, count(*) AS n, sum(v) AS v FROM (SELECT k, x AS v FROM @e@ AS"
        " e UNION ALL SELECT k, y FROM @f@ AS f) u GROUP BY k", None, ""),
    "sets": (
        "SELECT k % 4 AS a, x % 3 AS b, count(*) AS n FROM @e@ AS e"
        " GROUP BY ROLLUP (1, 2)", None, ""),
    "below": (
        "SELECT k, count(*) AS n, sum(x) AS s FROM @e@ AS e GROUP BY k", None,
        ", streaming.changes, streaming.changes_retention = 'consumed'"),
}
ABOVE = ("SELECT n % 10 AS d, count(*) AS c, sum(s) AS t FROM @b@ AS b"
         " GROUP BY 1")
# Views that stay for ever, to see that what they keep does not grow.
LASTING = {
    "forever": "SELECT w, count(*) AS n, sum(x) AS x FROM e GROUP BY w",
    "flat_join":
        "SELECT count(*) AS n, sum(f.y) AS y FROM e JOIN f ON f.k = e.k AND"
        " f.ts BETWEEN e.ts AND e.ts + interval '1 minute'",
    "flat_values":
        "SELECT tumble(ts, '1 hour') AS win, count(DISTINCT x) AS d FROM e"
        " GROUP BY win",
    "flat_changes": "SELECT k, count(*) AS n FROM e GROUP BY k",
}


class TimedLane:
    """A schema with two streams of event time; one has partitions that go."""

    kind = "timed"
    DECLARED = ("streaming.event_time = 'ts', streaming.watermark = '%d s'"
                % WATERMARK_S)

    def __init__(self, rng, schema):
        self.schema = schema
        self.owner = rng.choice(OWNERS)
        self.rng = rng
        self.ddl = [
            "CREATE TABLE e (id int8, w int4, k int4, x int4, z int4, note text,"
            " ts timestamptz NOT NULL, filler int4) PARTITION BY RANGE (ts)"
            " WITH (%s)" % self.DECLARED,
            "CREATE TABLE f (id int8, k int4, y int4, ts timestamptz NOT NULL,"
            " filler int4) USING stream WITH (%s)" % self.DECLARED,
            "CREATE TABLE archive_e AS SELECT 0 AS epoch, id, w, k, x, z, note,"
            " ts FROM e",
            "CREATE TABLE archive_f AS SELECT 0 AS epoch, id, k, y, ts FROM f",
            "CREATE TABLE ledger (w int4, n numeric, x numeric)"]
        self.tables = ["e", "f"]

    def columns(self, table):
        return ("id, w, k, x, z, note, ts" if table == "e"
                else "id, k, y, ts")

    def view(self):
        name = self.rng.choice(sorted(TIMED_VIEWS))
        query, expected, options = TIMED_VIEWS[name]
        options = "streaming.continuous" + options
        if "group" not in options and self.rng.random() < 0.5:
            options += ", streaming.max_batch_rows = %d" % self.rng.choice(
                [50, 1000])
        return (name, query, expected or query, options,
                ["k"] if re.search(r"^SELECT (DISTINCT )?k,", query) else [])

    def for_writer(self, number):
        return None


# --------------------------------------------------------------------------
# Sessions


class Actor(threading.Thread):
    """A thread with a connection, which it may lose any time."""

    def __init__(self, soak, server, dbname, name):
        super().__init__(daemon=True)
        self.soak = soak
        self.server = server
        self.dbname = dbname
        self.name = name
        self.rng = soak.rng("%s/%s" % (dbname, name))
        self.conn = None
        self.leaving = threading.Event()

    def sql(self, text, data=None, fetch=False):
        self.soak.note(self.name, text)
        if self.conn is None:
            self.conn = self.server.connect(self.dbname)
            self.set_up()
        with self.conn.cursor() as cur:
            if data is None:
                cur.execute(text)
            else:
                self.copy(cur, text, data)
            return cur.fetchall() if fetch else None

    @staticmethod
    def copy(cur, text, data):
        try:
            cur.copy_expert(text, io.StringIO(data))
        except SystemError as e:
            # psycopg2's own, about an error of the server
            if isinstance(e.__cause__, psycopg2.Error):
                raise e.__cause__
            raise

    def value(self, text):
        rows = self.sql(text, fetch=True)
        return rows[0][0] if rows else None

    def set_up(self):
        """After connecting."""

    def lose(self):
        if self.conn is not None:
            with contextlib.suppress(psycopg2.Error):
                self.conn.close()
        self.conn = None

    def end_transaction(self):
        """Whatever state it is in."""
        try:
            if self.conn is not None and not self.conn.closed:
                self.sql("ROLLBACK")
                return
        except psycopg2.Error:
            pass
        self.lose()

    def over(self):
        return self.soak.over() or self.leaving.is_set()

    def pause(self, seconds):
        self.leaving.wait(seconds)

    def tolerate(self, e, doing, also=()):
        """Counts an error that is part of the game; others are raised."""
        code = e.pgcode or "lost"
        if is_lost(e, self.conn):
            self.lose()
            code = "lost"
        elif code == "57014" and "statement timeout" in str(e):
            raise Failure("[%s] hangs: %s" % (self.name, doing))
        elif not (code in TOLERATED or code in ENDED or code in also
                  or code == "54000" and TOO_LONG.search(str(e))):
            raise Failure("[%s] %s\n%s %s" % (self.name, shorten(doing), code,
                                              e))
        self.soak.note(self.name, "-- %s: %s" % (code, str(e).strip()))
        self.soak.count("error " + code)
        return code

    def run(self):
        try:
            self.act()
        except Stop:
            pass
        except Failure as e:
            self.soak.problem(str(e))
        except psycopg2.Error as e:
            self.soak.problem("[%s] %s %s" % (self.name, e.pgcode, e))
        except Exception:
            self.soak.problem("[%s] %s" % (self.name, traceback.format_exc()))
        finally:
            self.lose()


class Writer(Actor):
    """Writes to streams of all schemas."""

    def __init__(self, world, number):
        super().__init__(world.soak, world.server, world.dbname,
                         "w%d" % number)
        self.world = world
        self.number = number
        self.next_id = number * 10 ** 9
        self.streams = {}
        self.gids = 0
        self.prepared = collections.deque()     # gid, lane, rows
        self.acknowledged = collections.Counter()   # by schema
        self.doubtful = collections.Counter()

    def set_up(self):
        self.sql("SET lock_timeout = '2s'; SET statement_timeout = '180s'")

    def act(self):
        while not self.over():
            try:
                if self.prepared and (len(self.prepared) > 2 or
                                      self.rng.random() < 0.4):
                    self.finish_prepared()
                else:
                    self.transaction()
            except psycopg2.Error as e:
                self.tolerate(e, "a transaction", self.also())
                self.end_transaction()
            self.pause(self.rng.choice([0, 0.01, 0.05, 0.1, 0.3])
                       * self.soak.args.pace)

    def also(self):
        # no partition for that time (any more); the schema is being dropped
        return {"23514", "42P01", "3F000"}

    def statement(self, lane):
        """A statement that writes, its data for COPY, and how many rows of e."""
        rng = self.rng
        if lane.kind == "timed":
            return self.timed_statement()
        if lane.schema not in self.streams:
            self.streams[lane.schema] = lane.for_writer(self.number)
        stream = self.streams[lane.schema]
        x = rng.random()
        if x < 0.3:
            return stream.insert([stream.row()]), None, 0
        if x < 0.5:
            return stream.insert([stream.row() for _ in range(
                rng.randint(2, 30))]), None, 0
        if x < 0.65:
            rows = [stream.row() for _ in range(rng.randint(0, 200))]
            return ("COPY s (%s) FROM STDIN" % ", ".join(stream.columns),
                    "".join("\t".join(copy_text(v) for v in r) + "\n"
                            for r in rows), 0)
        if x < 0.8:
            n = rng.randint(5, 500)
            return stream.insert_series(
                n, rng.randint(2, n) if x < 0.68 else None), None, 0
        return stream.insert([stream.row(old_u=rng.random() < 0.5) for _ in
                              range(rng.randint(1, 5))],
                             " ON CONFLICT DO NOTHING"), None, 0

    def timed_statement(self):
        rng = self.rng
        n = rng.choice([1, 1, 1, 5, 30, 300])
        first = self.next_id
        self.next_id += n
        now = "%s + %d * interval '1 s'" % (EPOCH, self.soak.clock())
        if rng.random() < 0.3:
            # half of the numbers are those of rows of the other stream
            return ("INSERT INTO f (id, k, y, ts) SELECT %d + g, (g * %d) %% 40,"
                    " g * %d %% 100, %s - (g %% 200) * interval '1 s'"
                    " FROM generate_series(1, %d) g" % (
                        max(self.number * 10 ** 9, first - rng.choice(
                            [0, 500])), rng.randint(1, 39), rng.randint(1, 99),
                        now, n), None, 0)
        bad = rng.randint(1, n) if rng.random() < 0.03 else 0
        return ("INSERT INTO e (id, w, k, x, z, note, ts) SELECT %d + g, %d,"
                " (g * %d) %% 40, g * %d %% 1000, CASE WHEN g = %d THEN 0 ELSE"
                " 1 + g %% 9 END, CASE WHEN g %% 3 > 0 THEN 'note ' || g END,"
                " %s - (g %% 300) * interval '1 s' FROM generate_series(1, %d) g"
                % (first, self.number, rng.randint(1, 39), rng.randint(1, 999),
                   bad, now, n), None, n)

    def transaction(self):
        rng = self.rng
        lane = rng.choice(self.world.lanes)
        self.sql("SET search_path = %s, public; %s" % (
            lane.schema, rng.choice(["RESET ROLE", "SET ROLE soak_a",
                                     "SET ROLE soak_b"])))
        if rng.random() < 0.5:
            text, data, rows = self.statement(lane)
            self.commit(lane, rows, lambda: self.sql(text, data))
            return
        self.sql("BEGIN ISOLATION LEVEL %s" % rng.choice(
            ["READ COMMITTED"] * 3 + ["REPEATABLE READ", "SERIALIZABLE"]))
        rows, saved = 0, None
        for _ in range(rng.randint(1, 6)):
            x = rng.random()
            if x < 0.2:
                self.sql("SAVEPOINT p")
                saved = rows
            elif x < 0.3 and saved is not None:
                self.sql("ROLLBACK TO p")
                rows = saved
            else:
                text, data, n = self.statement(lane)
                self.sql(text, data)
                rows += n
            self.pause(rng.choice([0, 0, 0.02, 0.5]) * self.soak.args.pace)
        x = rng.random()
        if x < 0.7:
            self.commit(lane, rows, lambda: self.sql("COMMIT"))
        elif x < 0.85:
            self.sql("ROLLBACK")
        else:
            self.gids += 1
            gid = "%s_%s_%d" % (self.dbname, self.name, self.gids)
            # known before, for the server may go while it prepares
            self.prepared.append((gid, lane, rows))
            self.sql("PREPARE TRANSACTION '%s'" % gid)
            self.soak.count("prepared")

    def commit(self, lane, rows, how):
        with self.world.gate.passing():
            try:
                how()
            except psycopg2.Error as e:
                if is_lost(e, self.conn):
                    self.doubtful[lane.schema] += rows
                raise
            self.acknowledged[lane.schema] += rows
        self.soak.count("commits")

    def finish_prepared(self):
        gid, lane, rows = self.prepared[0]
        self.sql("RESET ROLE")
        if not self.value("SELECT count(*) FROM pg_prepared_xacts WHERE gid ="
                          " '%s'" % gid):
            self.prepared.popleft()     # preparing it has failed
            return
        if self.rng.random() < 0.3:
            self.sql("ROLLBACK PREPARED '%s'" % gid)
            self.prepared.popleft()
            return
        # when the server goes meanwhile, it is there or it is committed
        self.prepared.popleft()
        with self.world.gate.passing():
            try:
                self.sql("COMMIT PREPARED '%s'" % gid)
            except psycopg2.Error:
                self.prepared.append((gid, lane, 0))
                self.doubtful[lane.schema] += rows
                raise
            self.acknowledged[lane.schema] += rows
        self.soak.count("commits")

    def clean_up(self):
        while self.prepared:
            try:
                self.finish_prepared()
            except psycopg2.Error as e:
                self.tolerate(e, "a prepared transaction")
                self.end_transaction()
        self.lose()


# --------------------------------------------------------------------------
# DDL and the oracle


class View:
    """A row of soak.views."""

    FIELDS = ("schema", "name", "kind", "owner", "query", "expected", "epoch",
              "base", "paused", "below", "lasting", "indexable", "age")

    def __init__(self, row):
        self.__dict__.update(zip(self.FIELDS, row))

    @property
    def full_name(self):
        return "%s.%s" % (self.schema, self.name)


class Admin(Actor):
    """DDL, one thing after the other, and the oracle."""

    def __init__(self, world):
        super().__init__(world.soak, world.server, world.dbname, "admin")
        self.world = world
        self.busy = threading.Lock()        # held while it does something

    def set_up(self):
        self.sql("SET statement_timeout = '240s'; SET lock_timeout = '1s'")

    # ---- transactions

    def transaction(self, lane, statements, role=None):
        self.sql("BEGIN; SET LOCAL search_path = %s, public" % lane.schema)
        if role:
            self.sql("SET LOCAL ROLE " + role)
        for text in statements:
            self.sql(text)
        self.sql("COMMIT")

    def views(self, where="true"):
        return [View(row) for row in self.sql(
            "SELECT schema, name, kind, owner, query, expected, epoch, base,"
            " paused, below, lasting, indexable, extract(epoch FROM"
            " clock_timestamp() - made) FROM soak.views WHERE %s"
            " ORDER BY schema, id" % where, fetch=True)]

    def act(self):
        while not self.over():
            with self.busy:
                self.turn()
            self.pause(0.2 * self.soak.args.pace * self.rng.random())

    def turn(self):
        doing = "upkeep"
        try:
            try:
                self.repair()
                self.upkeep()
            except psycopg2.Error as e:
                self.tolerate(e, doing, REFUSED)
                self.end_transaction()
            for _ in range(self.rng.randint(1, 3)):
                doing = self.rng.choice(ACTIONS)
                try:
                    getattr(self, "do_" + doing)(self.rng.choice(
                        self.world.lanes))
                    self.soak.count("did " + doing)
                except psycopg2.Error as e:
                    code = self.tolerate(e, doing, REFUSED)
                    self.soak.count("%s: %s" % (doing, code))
                    self.end_transaction()
            doing = "a check"
            views = self.views()
            for view in self.rng.sample(views, min(2, len(views))):
                self.check(view)
            self.look_for_failures()
        except psycopg2.Error as e:
            self.tolerate(e, doing, switched_off(e))
            self.end_transaction()

    # ---- upkeep

    def repair(self):
        """What a crash has left half done."""
        for schema, leaf, bound in self.sql(
                "SELECT schema, leaf, bound FROM soak.detached", fetch=True):
            self.attach(schema, leaf, bound)
        for (name,) in self.sql(
                "SELECT view::text FROM streaming.views WHERE state = 'failed'"
                " AND last_error ~ '%s'" % TOO_LONG.pattern, fetch=True):
            for view in self.views("kind = 'random' AND schema || '.' || name"
                                   " = '%s'" % name):
                self.soak.count("views with keys that are too long")
                self.drop(view)

    def attach(self, schema, leaf, bound):
        self.sql("BEGIN; ALTER TABLE {0}.{1} ATTACH PARTITION {0}.{2} {3};"
                 " DELETE FROM soak.detached WHERE schema = '{0}'; COMMIT"
                 .format(schema, "e" if leaf.startswith("e_") else "s", leaf,
                         bound))

    def upkeep(self):
        for lane in list(self.world.lanes):
            if lane.kind == "timed":
                self.partitions(lane)
            if len(self.views("schema = '%s' AND NOT lasting" % lane.schema)
                   ) < 3:
                self.do_create(lane)
            for view in self.views(
                    "schema = '%s' AND NOT lasting AND kind <> 'above' AND"
                    " clock_timestamp() - made > %d * interval '1 s'" % (
                        lane.schema, self.soak.args.age)):
                self.drop(view)
            for table in lane.tables:
                self.sql("DELETE FROM {0}.archive_{1} WHERE epoch <= (SELECT"
                         " coalesce(min(epoch), 1000000000) FROM soak.views"
                         " WHERE schema = '{0}' AND NOT lasting)".format(
                             lane.schema, table))
                if table != "e" and self.value(
                        "SELECT count(*) > %d FROM %s.%s" % (
                            MANY_ROWS, lane.schema, table)):
                    self.truncate(lane, table)

    def partitions(self, lane):
        """Partitions ahead; those of long ago go, and their rows' sums stay."""
        now = self.soak.clock() // PARTITION_S
        leaves = {int(n) for n, in self.sql(
            "SELECT substr(relname, 3) FROM pg_inherits JOIN pg_class ON oid ="
            " inhrelid WHERE inhparent = '%s.e'::regclass" % lane.schema,
            fetch=True)}
        for n in range(now - 1, now + 6):
            if n not in leaves:
                bound = self.bound(n)
                self.transaction(lane, [
                    "CREATE TABLE e_%d PARTITION OF e %s USING stream"
                    % (n, bound) if self.rng.random() < 0.2 else
                    "CREATE TABLE e_%d (LIKE e) USING stream; ALTER TABLE e"
                    " ATTACH PARTITION e_%d %s" % (n, n, bound)], lane.owner)
        for n in sorted(leaves):
            if n < now - KEEP_S // PARTITION_S:
                self.remove(lane, "e", "e_%d" % n, "DROP TABLE e_%d" % n)
                self.soak.count("partitions dropped")

    @staticmethod
    def bound(n):
        return ("FOR VALUES FROM (%s + %d * interval '1 s') TO (%s + %d *"
                " interval '1 s')" % (EPOCH, n * PARTITION_S, EPOCH,
                                      (n + 1) * PARTITION_S))

    def remove(self, lane, table, leaf, command, after=()):
        """Takes rows away; the archive has them, for the views that are there.

        That fails while somebody else's view is paused.
        """
        for view in self.views("schema = '%s' AND paused" % lane.schema):
            if self.rng.random() < 0.8:
                self.enable(view, True)
        epoch = ("(SELECT epoch FROM soak.lanes WHERE schema = '%s')"
                 % lane.schema)
        self.transaction(lane, [
            # writers that have begun end first, those who come wait
            "LOCK TABLE %s IN SHARE MODE" % table,
            "UPDATE soak.lanes SET epoch = epoch + 1 WHERE schema = '%s'"
            % lane.schema,
            "INSERT INTO archive_%s SELECT %s, %s FROM %s" % (
                table, epoch, lane.columns(table), leaf),
            "INSERT INTO ledger SELECT w, count(*), sum(x) FROM %s GROUP BY w"
            % leaf if table == "e" else "SELECT 1",
            command, *after], lane.owner)
        if table == "e" and self.rng.random() < 0.3:
            self.sql("WITH gone AS (DELETE FROM {0}.ledger RETURNING *) INSERT"
                     " INTO {0}.ledger SELECT w, sum(n), sum(x) FROM gone GROUP"
                     " BY w".format(lane.schema))

    def truncate(self, lane, table):
        self.remove(lane, table, table, "TRUNCATE " + table)

    def look_for_failures(self):
        rows = self.sql(
            "SELECT view::text, state, last_error FROM streaming.views WHERE"
            " state IN ('failed', 'restoring') AND last_error !~ '%s'"
            % TOO_LONG.pattern, fetch=True)
        if rows:
            raise Failure("%s is %s: %s" % rows[0])

    # ---- actions

    def a_view(self, lane, where="true"):
        views = self.views("schema = '%s' AND NOT lasting AND (%s)" % (
            lane.schema, where))
        return self.rng.choice(views) if views else None

    def do_create(self, lane):
        kind, query, expected, options, indexable = lane.view()
        owner = self.rng.choice(OWNERS)
        options = options.replace("@owner@", owner)
        name = "v%d" % self.soak_number()
        base = None
        begin = []
        if self.rng.random() < 0.1 and kind == "random":
            # nobody commits between that and the view
            base = "base_" + name
            begin = ["LOCK TABLE s IN SHARE MODE",
                     "CREATE TABLE %s AS SELECT id FROM s" % base]
        self.transaction(lane, begin + [
            "SET LOCAL ROLE " + owner,
            "CREATE MATERIALIZED VIEW %s WITH (%s) AS %s%s" % (
                name, options, re.sub("@([a-z]+)@", r"\1", query),
                " WITH NO DATA" if base else ""),
            "RESET ROLE",
            self.register(lane, name, kind, owner, query, expected, base,
                          indexable=indexable)])
        if kind == "below":
            above = "v%d" % self.soak_number()
            self.transaction(lane, [
                "SET LOCAL ROLE " + owner,
                "CREATE MATERIALIZED VIEW %s WITH (streaming.continuous) AS %s"
                % (above, ABOVE.replace("@b@", name)),
                "RESET ROLE",
                self.register(lane, above, "above", owner, query,
                              ABOVE.replace("@b@", "(%s)" % expected),
                              None, below=name)])

    def soak_number(self):
        return self.value("SELECT nextval('soak.number')")

    def register(self, lane, name, kind, owner, query, expected, base,
                 below=None, lasting=False, indexable=()):
        with self.conn.cursor() as cur:
            return cur.mogrify(
                "INSERT INTO soak.views (schema, name, kind, owner, query,"
                " expected, epoch, base, below, lasting, indexable) SELECT %s,"
                " %s, %s, %s, %s, %s, epoch, %s, %s, %s, %s::text[] FROM"
                " soak.lanes WHERE schema = %s", [
                    lane.schema, name, kind, owner, query, expected, base,
                    below, lasting, list(indexable), lane.schema]).decode()

    def drop(self, view):
        if view.kind == "below":
            for above in self.views("schema = '%s' AND below = '%s'" % (
                    view.schema, view.name)):
                self.drop(above)
        self.sql("BEGIN; SET LOCAL ROLE %s" % view.owner)
        self.sql("DROP MATERIALIZED VIEW " + view.full_name)
        self.sql("RESET ROLE; DELETE FROM soak.views WHERE schema = '%s' AND"
                 " name = '%s'; DROP TABLE IF EXISTS %s.base_%s; COMMIT" % (
                     view.schema, view.name, view.schema, view.name))

    def do_drop(self, lane):
        view = self.a_view(lane)
        if view:
            self.drop(view)

    def do_rename(self, lane):
        view = self.a_view(lane, "base IS NULL")
        if view:
            name = "v%d" % self.soak_number()
            self.transaction(lane, [
                "ALTER MATERIALIZED VIEW %s RENAME TO %s" % (view.name, name),
                "UPDATE soak.views SET name = '%s' WHERE schema = '%s' AND name"
                " = '%s'" % (name, lane.schema, view.name),
                "UPDATE soak.views SET below = '%s' WHERE schema = '%s' AND"
                " below = '%s'" % (name, lane.schema, view.name)])

    def do_owner(self, lane):
        view = self.a_view(lane, "kind NOT IN ('grouped', 'below', 'above')")
        if view:
            owner = self.rng.choice(OWNERS)
            self.transaction(lane, [
                "ALTER MATERIALIZED VIEW %s OWNER TO %s" % (view.name, owner),
                "UPDATE soak.views SET owner = '%s' WHERE schema = '%s' AND"
                " name = '%s'" % (owner, lane.schema, view.name)])

    def do_options(self, lane):
        view = self.a_view(lane, "kind <> 'grouped'")
        if view:
            self.transaction(lane, [
                "ALTER MATERIALIZED VIEW %s %s" % (view.name, self.rng.choice([
                    "SET (streaming.max_batch_rows = 7)",
                    "SET (streaming.max_batch_rows = 1000)",
                    "RESET (streaming.max_batch_rows)",
                    "SET (streaming.trigger = '100 ms')",
                    "RESET (streaming.trigger)"]))], view.owner)

    def enable(self, view, on):
        self.sql("BEGIN; SET LOCAL ROLE %s; ALTER MATERIALIZED VIEW %s SET"
                 " (streaming.enabled = %s); RESET ROLE; UPDATE soak.views SET"
                 " paused = %s WHERE schema = '%s' AND name = '%s'; COMMIT" % (
                     view.owner, view.full_name, on, not on, view.schema,
                     view.name))

    def do_pause(self, lane):
        view = self.a_view(lane, "NOT paused AND kind NOT IN ('grouped',"
                           " 'below')")
        if view:
            self.enable(view, False)

    def do_resume(self, lane):
        view = self.a_view(lane, "paused")
        if view:
            self.enable(view, True)

    def do_index(self, lane):
        view = self.a_view(lane, "indexable <> '{}'")
        if view is None:
            return
        old = self.value(
            "SELECT i.indexrelid::regclass::text FROM streaming.views v JOIN"
            " pg_index i ON i.indrelid = v.state_table WHERE v.view ="
            " '%s'::regclass AND i.indexrelid::regclass::text ~ 'soak_index'"
            " LIMIT 1" % view.full_name)
        if old:
            self.sql("DROP INDEX " + old)
        else:
            self.sql("SET search_path = %s; CREATE INDEX soak_index_%d ON %s"
                     " (%s); RESET search_path" % (
                         lane.schema, self.soak_number(), view.name,
                         self.rng.choice(view.indexable)))

    def do_vacuum(self, lane):
        view = self.a_view(lane)
        what = [lane.schema + "." + t for t in lane.tables]
        if view:
            what += [view.full_name] * 2
        self.sql(self.rng.choice([
            "VACUUM %s", "VACUUM (FULL) %s", "ANALYZE %s", "VACUUM (FREEZE) %s",
            "REINDEX TABLE %s"]) % self.rng.choice(what))

    def do_vacuum_all(self, lane):
        self.sql(self.rng.choice(["VACUUM", "VACUUM (FULL) streaming._error",
                                  "CHECKPOINT", "VACUUM pg_class"]))

    def do_cluster(self, lane):
        """A stream, or a partition, in the order of an index."""
        table = self.rng.choice(lane.tables)
        table = self.leaf(lane, table)[0] or table
        self.transaction(lane, [
            "CREATE INDEX soak_cluster ON %s (id)" % table,
            "CLUSTER %s USING soak_cluster" % table,
            "DROP INDEX soak_cluster"], lane.owner)

    def do_rewrite(self, lane):
        table = self.rng.choice(lane.tables)
        of = self.value("SELECT format_type(atttypid, -1) FROM pg_attribute"
                        " WHERE attrelid = '%s.%s'::regclass AND attname ="
                        " 'filler'" % (lane.schema, table))
        self.transaction(lane, ["ALTER TABLE %s ALTER filler TYPE %s" % (
            table, "int8" if of == "integer" else "int4")], lane.owner)

    def leaf(self, lane, table):
        leaves = self.sql(
            "SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class,"
            " pg_inherits WHERE oid = inhrelid AND inhparent = '%s.%s'::regclass"
            " ORDER BY 1" % (lane.schema, table), fetch=True)
        return self.rng.choice(leaves) if leaves else (None, None)

    def do_take(self, lane):
        table = self.rng.choice(lane.tables)
        leaf, bound = self.leaf(lane, table)
        if table == "e":
            return
        if leaf and self.rng.random() < 0.7:
            new = "s_%d" % self.soak_number()
            self.remove(lane, table, leaf, "DROP TABLE " + leaf, [
                "CREATE TABLE %s PARTITION OF s %s USING stream" % (new, bound)
            ])
        elif self.rng.random() < 0.3:
            self.transaction(lane, ["TRUNCATE " + table, "ROLLBACK"],
                             lane.owner)
        else:
            self.truncate(lane, table)

    def do_detach(self, lane):
        """A partition leaves, and comes again with more rows or without."""
        leaf, bound = self.leaf(lane, lane.tables[0])
        if leaf is None:
            return
        self.transaction(lane, [
            "INSERT INTO soak.detached VALUES ('%s', '%s', '%s')" % (
                lane.schema, leaf, bound.replace("'", "''")),
            "SET LOCAL ROLE " + lane.owner,
            "ALTER TABLE %s DETACH PARTITION %s" % (lane.tables[0], leaf)])
        self.sql("VACUUM %s.%s" % (lane.schema, leaf))
        if lane.kind == "timed" and int(leaf[2:]) * PARTITION_S > (
                self.soak.clock() - WATERMARK_S // 2):
            self.sql("INSERT INTO {0}.{1} (id, w, k, x, z, note, ts) SELECT"
                     " id, -1, k, x, z, note, ts FROM {0}.{1} ORDER BY id"
                     " LIMIT 3".format(lane.schema, leaf))
        self.attach(lane.schema, leaf, bound)

    def do_reset(self, lane):
        view = self.a_view(lane, "kind NOT IN ('grouped', 'below', 'above') AND"
                           " base IS NULL")
        if view:
            self.transaction(lane, [
                "SELECT streaming.reset('%s')" % view.name, "RESET ROLE",
                "UPDATE soak.views v SET epoch = l.epoch FROM soak.lanes l WHERE"
                " l.schema = v.schema AND v.schema = '%s' AND name = '%s'" % (
                    lane.schema, view.name)], view.owner)

    def do_retry(self, lane):
        view = self.a_view(lane, "kind = 'skips'")
        if view:
            self.transaction(lane, [
                "SELECT streaming.retry('%s')" % view.name], view.owner)

    def do_release(self, lane):
        view = self.a_view(lane, "kind NOT IN ('grouped', 'below', 'above')")
        if view and self.rng.random() < 0.3:
            self.sql("BEGIN; SELECT streaming.release('%s')" % view.full_name)
            self.sql("DROP MATERIALIZED VIEW %s; DELETE FROM soak.views WHERE"
                     " schema = '%s' AND name = '%s'; COMMIT" % (
                         view.full_name, view.schema, view.name))

    def do_look(self, lane):
        for text in ("TABLE streaming.views", "TABLE streaming.progress",
                     "TABLE streaming.windows", "TABLE streaming.streams",
                     "SELECT count(*) FROM streaming.errors"):
            self.sql(text)
        view = self.a_view(lane)
        if view:
            self.sql("SELECT * FROM streaming.explain('%s')" % view.full_name)

    def do_schema(self, lane):
        """Another random schema, or one that goes with all that is in it."""
        lanes = [x for x in self.world.lanes if x.kind == "random"]
        if len(lanes) < 2 or len(lanes) < 4 and self.rng.random() < 0.5:
            self.world.make_lane(self, RandomLane)
            return
        lane = self.rng.choice(lanes)
        self.world.lanes = [x for x in self.world.lanes if x is not lane]
        try:
            self.sql("BEGIN; DELETE FROM soak.views WHERE schema = '{0}';"
                     " DELETE FROM soak.lanes WHERE schema = '{0}'; DELETE FROM"
                     " soak.detached WHERE schema = '{0}'; DROP SCHEMA {0}"
                     " CASCADE; COMMIT".format(lane.schema))
        except psycopg2.Error:
            self.lose()
            if self.value("SELECT count(*) FROM soak.lanes WHERE schema = '%s'"
                          % lane.schema):
                self.world.lanes = self.world.lanes + [lane]
            raise

    # ---- the oracle

    def wait(self, view):
        """Until the view is up to date."""
        if view.paused:
            self.enable(view, True)
        ready = self.value("SELECT streaming.wait('%s', '%d s')" % (
            view.full_name, WAIT_S))
        if not ready:
            raise Failure("%s is not up to date after %d s:\n%s" % (
                view.full_name, WAIT_S, self.activity()))

    def activity(self):
        return "\n".join("  " + str(r) for r in self.sql(
            "SELECT pid, backend_type, state, wait_event, pg_blocking_pids(pid),"
            " left(query, 100) FROM pg_stat_activity WHERE datname ="
            " current_database() ORDER BY pid", fetch=True))

    def rows_of(self, view, table):
        """All rows that the view has to have read, as a member of FROM."""
        lane = self.world.lane(view.schema)
        columns = lane.columns(table)
        rows = ("SELECT %s FROM %s UNION ALL SELECT %s FROM archive_%s WHERE"
                " epoch > %d" % (columns, table, columns, table, view.epoch))
        if view.base:
            rows = ("SELECT * FROM (%s) a WHERE id NOT IN (SELECT id FROM %s)"
                    % (rows, view.base))
        return "(%s)" % rows

    def difference(self, view):
        want = re.sub("@([a-z]+)@", lambda m: self.rows_of(view, m.group(1)),
                      view.expected)
        if view.kind == "forever":
            want = ("SELECT w, sum(n) AS n, sum(x) AS x FROM (%s UNION ALL"
                    " SELECT w, n, x FROM ledger) q GROUP BY w" % view.query)
        if view.kind == "closed":
            want = ("SELECT * FROM (%s) q WHERE upper(win) <= (SELECT"
                    " max(ts) FROM e) - %d * interval '1 s'" % (
                        want, WATERMARK_S))
        return ("WITH have AS MATERIALIZED (TABLE %s), want AS MATERIALIZED (%s)"
                " SELECT 'view' AS only_in, x.* FROM (TABLE have EXCEPT ALL"
                " TABLE want) x UNION ALL SELECT 'query', y.* FROM (TABLE want"
                " EXCEPT ALL TABLE have) y" % (view.name, want))

    def check(self, view):
        """Is the view what its query says?"""
        if view.kind.startswith("flat"):
            return
        if view.paused and self.rng.random() < 0.7:
            return
        self.wait(view)
        with self.world.gate.shut():
            self.wait(view)
            self.compare(view)

    def compare(self, view):
        self.sql("SET search_path = %s, public" % view.schema)
        until = time.monotonic() + WAIT_S
        while True:
            rows = self.sql(self.difference(view), fetch=True)
            # what the watermark closes comes with the batch after
            if not rows or view.kind != "closed" or time.monotonic() > until:
                break
            time.sleep(0.05)
        self.sql("RESET search_path")
        late = self.value("SELECT late_rows FROM streaming.views WHERE view ="
                          " '%s'::regclass" % view.full_name)
        if late and not view.lasting:
            # somebody has had to wait for too long
            self.soak.count("views with late rows")
            self.drop(view)
        elif rows:
            raise Failure("%s (%s) of %s is not its query:\n%s\n%s" % (
                view.full_name, view.kind, view.owner, self.difference(view),
                "\n".join("  " + shorten(r) for r in rows[:10])))
        else:
            self.soak.count("checks")
            self.soak.count("checked " + view.kind)

    def check_all(self):
        """At the end: all views, and what writers know."""
        for _ in range(20):
            try:
                self.repair()
                for view in self.views():
                    view.paused and self.enable(view, True)
                for view in self.views():
                    if not view.kind.startswith("flat"):
                        self.wait(view)
                        self.compare(view)
                self.look_for_failures()
                for lane in self.world.lanes:
                    if lane.kind == "timed":
                        self.check_acknowledged(lane)
                return
            except psycopg2.Error as e:
                self.tolerate(e, "the last checks", switched_off(e))
                self.end_transaction()
                self.pause(0.5)
        raise Failure("[%s] the last checks do not end" % self.name)

    def check_acknowledged(self, lane):
        counts = dict(self.sql("SELECT w, n FROM %s.forever" % lane.schema,
                               fetch=True))
        for writer in self.world.writers:
            least = writer.acknowledged[lane.schema]
            most = least + writer.doubtful[lane.schema]
            n = counts.get(writer.number, 0)
            if not least <= n <= most:
                raise Failure("%s.forever has %d rows of writer %d, who knows of"
                              " %d, and of %d at most" % (
                                  lane.schema, n, writer.number, least, most))
            self.soak.count("rows acknowledged", least)


ACTIONS = (["create"] * 4 + ["vacuum"] * 3 + ["options", "take"] * 2 + [
    "drop", "rename", "owner", "pause", "resume", "resume", "index", "index",
    "vacuum_all", "cluster", "rewrite", "detach", "reset", "retry", "release",
    "look", "schema"])


# --------------------------------------------------------------------------
# A database


REGISTRY = """
CREATE EXTENSION streaming;
CREATE SCHEMA soak;
CREATE SEQUENCE soak.number;
CREATE TABLE soak.lanes (schema text PRIMARY KEY, epoch int NOT NULL);
CREATE TABLE soak.views (id int GENERATED ALWAYS AS IDENTITY, schema text,
	name text, kind text, owner text, query text, expected text, epoch int,
	base text, paused bool DEFAULT false, below text, lasting bool,
	indexable text[], made timestamptz DEFAULT clock_timestamp());
CREATE TABLE soak.detached (schema text, leaf text, bound text);
GRANT USAGE ON SCHEMA soak TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA soak TO PUBLIC;
"""


class World:
    """A database with its writers and its admin."""

    def __init__(self, soak, server, number, lanes=None):
        self.soak = soak
        self.server = server
        self.number = number
        self.dbname = "soak_%d" % number
        self.gate = Gate()
        self.lanes = list(lanes or [])
        self.admin = Admin(self)
        self.writers = []

    def lane(self, schema):
        return next(x for x in self.lanes if x.schema == schema)

    def create(self):
        conn = self.server.connect("postgres")
        conn.cursor().execute("CREATE DATABASE " + self.dbname)
        conn.close()
        self.admin.sql(REGISTRY)
        self.make_lane(self.admin, TimedLane)
        for _ in range(2):
            self.make_lane(self.admin, RandomLane)

    def make_lane(self, admin, kind):
        number = admin.soak_number()
        schema = "%s%d" % (kind.kind, number)
        lane = kind(self.soak.rng("%s/%s" % (self.dbname, schema)), schema)
        admin.sql("BEGIN")
        admin.sql("CREATE SCHEMA {0}; GRANT ALL ON SCHEMA {0} TO {1}; SET LOCAL"
                  " search_path = {0}, public; SET LOCAL ROLE {2}; ALTER DEFAULT"
                  " PRIVILEGES IN SCHEMA {0} GRANT ALL ON TABLES TO {1}; {3}"
                  .format(schema, ", ".join(OWNERS), lane.owner,
                          "; ".join(lane.ddl)))
        admin.sql("RESET ROLE; INSERT INTO soak.lanes VALUES ('%s', 1)" % schema)
        if kind is TimedLane:
            for name, query in LASTING.items():
                options = {"flat_changes": ", streaming.changes,"
                           " streaming.changes_retention = '5 s'"}.get(name, "")
                admin.sql("SET LOCAL ROLE " + lane.owner)
                admin.sql("CREATE MATERIALIZED VIEW %s WITH ("
                          "streaming.continuous%s) AS %s" % (name, options,
                                                             query))
                admin.sql("RESET ROLE")
                admin.sql(admin.register(lane, name, name, lane.owner, query,
                                         query, None, lasting=True))
        admin.sql("COMMIT")
        self.lanes = self.lanes + [lane]
        if kind is TimedLane:
            admin.partitions(lane)

    def start(self):
        self.writers = [Writer(self, self.number * 100 + i)
                        for i in range(self.soak.args.writers)]
        for actor in self.writers + [self.admin]:
            actor.start()

    def stop(self):
        """All end what they are doing."""
        for actor in self.writers + [self.admin]:
            actor.leaving.set()
        for actor in self.writers + [self.admin]:
            actor.join(300)
            if actor.is_alive():
                raise Failure("[%s] %s does not end" % (self.dbname,
                                                        actor.name))
        if not self.soak.failed.is_set():
            for writer in self.writers:
                writer.clean_up()

    def sizes(self):
        """Bytes of what must not grow."""
        conn = self.server.connect(self.dbname)
        try:
            with conn.cursor() as cur:
                cur.execute("""
                    SELECT 'the catalog: ' || relname,
                        pg_total_relation_size(c.oid)
                    FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND
                        d.classid = 'pg_class'::regclass AND d.deptype = 'e'
                    WHERE relkind = 'r'
                    UNION ALL
                    SELECT 'stream e of ' || schema, (SELECT
                        sum(pg_total_relation_size(relid)) FROM
                        pg_partition_tree((schema || '.e')::regclass))
                    FROM soak.lanes WHERE schema LIKE 'timed%'
                    UNION ALL
                    SELECT kind || ' of ' || schema, (SELECT
                        sum(pg_total_relation_size(objid)) FROM pg_depend WHERE
                        refobjid = (schema || '.' || name)::regclass AND classid
                        = 'pg_class'::regclass AND deptype = 'i' AND EXISTS
                        (SELECT FROM pg_class WHERE oid = objid AND relkind = 'r'))
                    FROM soak.views WHERE lasting""")
                return dict(cur.fetchall())
        finally:
            conn.close()


# --------------------------------------------------------------------------
# Storms, moves, what grows


class Storms(Actor):
    """Ends processes, in storms with calm between them."""

    def __init__(self, soak, server):
        super().__init__(soak, server, "postgres", "storm")

    def act(self):
        args = self.soak.args
        while not self.over():
            self.pause(args.calm)
            until = time.monotonic() + args.storm
            while not self.over() and time.monotonic() < until:
                with self.soak.calm:
                    self.strike()
                self.pause(self.rng.choice([0.2, 1, 3]))
            self.set("streaming.workers", 2)
            self.set("streaming.state_cache_size", "4MB")

    def strike(self):
        what = self.rng.choice(
            ["terminate"] * 4 + ["cancel"] * 2 + ["kill", "stop", "restart",
                                                  "off", "workers", "cache",
                                                  "backend"])
        self.soak.note(self.name, what)
        self.soak.count("storm: " + what)
        try:
            getattr(self, what)()
        except psycopg2.Error as e:
            self.tolerate(e, what)

    def victim(self, kind="worker"):
        pids = [pid for pid, (title, _) in sorted(
            self.server.processes().items()) if kind in title]
        return self.rng.choice(pids) if pids else None

    def signal(self, pid, number):
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def terminate(self):
        self.signal(self.victim(self.rng.choice(
            ["worker", "worker", "scheduler", "launcher"])), signal.SIGTERM)

    def cancel(self):
        self.signal(self.victim(), signal.SIGINT)

    def kill(self):
        """The server begins anew by itself."""
        pid = self.victim()
        if pid:
            self.soak.count("killed")
            self.signal(pid, signal.SIGKILL)

    def stop(self):
        self.server.ctl("stop", "-m", "immediate")
        self.server.ctl("start")

    def restart(self):
        self.server.ctl("restart", "-m", "fast")

    def backend(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                 " backend_type = 'client backend' AND datname LIKE 'soak%' AND"
                 " pid <> pg_backend_pid() ORDER BY backend_start LIMIT 2")

    def set(self, name, value):
        for _ in range(10):             # it must not stay as it was
            try:
                self.sql("ALTER SYSTEM SET %s = '%s'" % (name, value))
                self.sql("SELECT pg_reload_conf()")
                return
            except psycopg2.Error as e:
                self.tolerate(e, "a setting")

    def off(self):
        self.set("streaming.enabled", "off")
        self.pause(1)
        self.set("streaming.enabled", "on")

    def workers(self):
        self.set("streaming.workers", self.rng.choice([1, 2, 3]))

    def cache(self):
        self.set("streaming.state_cache_size", self.rng.choice(
            ["64kB", "1MB", "4MB"]))


def move(soak, server, world):
    """Dumps the database, restores it as another one, which goes on."""
    began = time.monotonic()
    new = World(soak, server, world.number + 1)
    path = os.path.join(os.environ["PGHOST"], "soak.dump")
    with soak.calm:
        with world.admin.busy:          # a dump can't do with DROP at its begin
            soak.note("move", "dump of " + world.dbname)
            lanes = [copy.copy(lane) for lane in world.lanes]
            command("pg_dump", "-Fc", "--no-sync", "-f", path, world.dbname)
        command("createdb", new.dbname)
        command("pg_restore", "-j", "2", "-d", new.dbname, path)
        for lane in lanes:
            lane.rng = soak.rng("%s/%s" % (new.dbname, lane.schema))
        new.lanes = lanes
        admin = new.admin
        deadline = time.monotonic() + 60
        while True:
            waiting = admin.sql(
                "SELECT view::text, last_error FROM streaming.views WHERE state"
                " = 'restoring'", fetch=True)
            if not waiting:
                break
            if time.monotonic() > deadline:
                raise Failure("a view is not restored: %s: %s" % waiting[0])
            time.sleep(0.1)
        soak.note("move", "restored as " + new.dbname)
        admin.sql("UPDATE soak.views SET made = clock_timestamp()")
        admin.repair()
        for view in admin.views():
            if not view.paused and not view.kind.startswith("flat"):
                admin.wait(view)
                admin.compare(view)
                soak.count("checked after a restore")
    new.start()
    world.stop()
    if soak.failed.is_set():
        raise Stop()
    last = Admin(world)
    last.check_all()
    last.lose()
    with soak.calm:
        conn = server.connect("postgres")
        conn.cursor().execute("DROP DATABASE %s WITH (FORCE)" % world.dbname)
        conn.close()
    os.unlink(path)
    soak.count("moves")
    soak.note("move", "done after %.1f s" % (time.monotonic() - began))
    return new


def command(*args):
    result = subprocess.run(args, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        raise Failure("%s fails: %s" % (args[0], result.stdout[-3000:]))


class Gauges:
    """What is measured all the time, and must not grow."""

    def __init__(self):
        self.sizes = collections.defaultdict(list)      # (time, bytes)
        self.memory = collections.defaultdict(list)
        self.titles = {}

    def read(self, soak, server, world):
        now = time.monotonic() - soak.began
        try:
            for pid, (title, size) in server.processes().items():
                self.memory[pid].append((now, size))
                self.titles[pid] = title
            for name, size in world.sizes().items():
                self.sizes[world.dbname + ": " + name].append((
                    now, int(size or 0)))
        except (psycopg2.Error, OSError, ValueError):
            pass                        # a storm

    @staticmethod
    def growth(samples, warm, slack, least=0):
        """From the largest of the first half, or least, to that of the last quarter."""
        times = [t for t, _ in samples]
        if not samples or times[-1] - times[0] < warm:
            return None
        begin, end = times[0], times[-1]
        early = max([least] + [size for t, size in samples
                               if t <= (begin + end) / 2])
        late = max(size for t, size in samples if t >= end - (end - begin) / 4)
        return (early, late) if late > early * 1.5 + slack else None

    def grown(self, age):
        """What has grown, as texts; the samples cover a time longer than age."""
        out = []
        for name, samples in sorted(self.sizes.items()):
            g = self.growth(samples, age, 4 * MB)
            if g:
                out.append("%s: from %.1f to %.1f MB" % (
                    name, g[0] / MB, g[1] / MB))
        for pid, samples in sorted(self.memory.items()):
            # a worker may have been idle in its first half
            g = self.growth(samples, max(age, 120), 16 * MB, WORKER_BYTES)
            if g:
                out.append("process %d, %s: from %.1f to %.1f MB" % (
                    pid, self.titles[pid], g[0] / MB, g[1] / MB))
            top = max(size for _, size in samples)
            if top > 300 * MB:
                out.append("process %d, %s: %.1f MB" % (
                    pid, self.titles[pid], top / MB))
        return out


BAD = re.compile(r"PANIC:|TRAP:|AddressSanitizer|runtime error:|"
                 r"terminated by signal|could not|\bXX00\d\b")
# Clients that are gone, what is said of a server that stops, databases that were dropped
# before a crash, and processes whose leader ended before they had begun.
HARMLESS = re.compile(r"could not (receive data from|send data to) client|"
                      r"could not serialize access|could not obtain lock|"
                      r"could not stat promote trigger|"
                      r'could not open directory "base/\d+"|'
                      r"could not (attach to|map) dynamic shared")


def read_log(server, soak):
    """Lines that should not be there."""
    bad, kills = [], 0
    with open(server.log, errors="replace") as f:
        for line in f:
            if not BAD.search(line) or HARMLESS.search(line):
                continue
            if "terminated by signal 9: Killed" in line:
                kills += 1
            else:
                bad.append(line.rstrip())
    if kills > soak.counts["killed"]:
        bad.append("%d processes were killed, %d of them by us" % (
            kills, soak.counts["killed"]))
    return bad


# --------------------------------------------------------------------------


def result(ok, text, soak):
    print("%s %s %d ms" % ("ok" if ok else "not ok", text,
                           (time.monotonic() - soak.began) * 1000), flush=True)
    return ok


def play(soak, server, gauges):
    """Everything, until the time is up or something is wrong."""
    args = soak.args
    world = World(soak, server, 1)
    try:
        world.create()
        world.start()
        storms = Storms(soak, server)
        storms.start()
        moves = [soak.began + args.seconds * (i + 1) / (args.moves + 1)
                 for i in range(args.moves)]
        last_report = time.monotonic()
        while not soak.over():
            soak.failed.wait(2)
            gauges.read(soak, server, world)
            if moves and time.monotonic() > moves[0] and not soak.over():
                moves.pop(0)
                world = move(soak, server, world)
            if time.monotonic() - last_report > 600:
                last_report = time.monotonic()
                print("after %d s: %d commits, %d checks" % (
                    last_report - soak.began, soak.counts["commits"],
                    soak.counts["checks"]), flush=True)
        storms.leaving.set()
        storms.join(300)
        world.stop()
        if not soak.failed.is_set():
            last = Admin(world)
            last.check_all()
            gauges.read(soak, server, world)
            last.lose()
    except Failure as e:
        soak.problem(str(e))
    except psycopg2.Error as e:
        soak.problem("%s %s" % (e.pgcode, e))
    except Stop:
        pass


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dir", required=True,
                        help="data directory to be made; the socket is beside it")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--pace", type=float, default=1,
                        help="factor of all pauses")
    parser.add_argument("--moves", type=int, default=None,
                        help="how often to dump and restore")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--set", action="append", default=[],
                        metavar="NAME=VALUE", help="settings of the server")
    args = parser.parse_args()
    # storms take a third of the time, or of each quarter of an hour
    unit = min(args.seconds / 2, 900)
    args.calm, args.storm = unit * 0.65, unit * 0.35
    args.age = min(max(args.seconds / 4, 20), 180)
    if args.moves is None:
        args.moves = max(1, args.seconds // 900)
    print("seed %d, %d s" % (args.seed, args.seconds), flush=True)
    soak = Soak(args)
    server = Server(args.dir, [s.replace("=", " = '", 1) + "'"
                               for s in args.set])
    conn = server.connect("postgres")
    for role in OWNERS:
        conn.cursor().execute("CREATE ROLE " + role)
    conn.close()
    gauges = Gauges()
    play(soak, server, gauges)
    with contextlib.suppress(subprocess.CalledProcessError):
        server.ctl("stop", "-m", "fast")
    if soak.problems:
        print("\n".join(list(soak.last) + soak.problems))
    counts = soak.counts
    print("; ".join("%s %d" % (k, v) for k, v in sorted(counts.items())))
    ok = result(not soak.problems, "%d checks, %d commits, seed %d" % (
        counts["checks"], counts["commits"], args.seed), soak)
    if ok:
        want = ["checked forever", "checked random", "rows acknowledged",
                "checked after a restore"]
        missing = [w for w in want if not counts[w]]
        ok &= result(not missing, "all was tried" + "".join(
            ": not " + m for m in missing), soak)
    grown = gauges.grown(60)
    print("\n".join(grown), end="\n" if grown else "")
    ok &= result(not grown, "%d tables and %d processes do not grow" % (
        len(gauges.sizes), len(gauges.memory)), soak)
    bad = read_log(server, soak)
    print("\n".join(bad[:20]), end="\n" if bad else "")
    ok &= result(not bad, "nothing bad in the log", soak)
    return 0 if ok else 3


if __name__ == "__main__":
    sys.exit(main())
