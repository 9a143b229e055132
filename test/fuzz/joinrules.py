#!/usr/bin/env python3
"""Random histories of joins of streams in output mode append, and what the rules say.

In output mode update, where nothing bounds them, they must be the plain query.

What such a view shows depends on which row came in which batch.  So the reference
is a join that works as the rules have it (J1 to J12), row by row and batch by
batch: late rows, what is stored, what is given up and comes out alone then.  It
shares no code with the extension.  Streams have an event time or have none; what
is equal to the event time of another stream may be any column.

Views are processed by REFRESH MATERIALIZED VIEW only.  In some histories all rows
are in one stream, one in each page, and batches of a page follow each other
directly: then L is one batch behind E.

In comments and code: L is the late threshold of a batch, E its eviction
threshold, W the watermark after it.  Times are milliseconds of 2024.

    joinrules.py --histories 100 --seed 1   seeds 1 to 100
    joinrules.py --seed 17 --verbose        that one again, with its statements

Connects like any libpq program as a superuser; works in databases of its own.
Exit code 3: a history failed.
"""

import copy
import sys

import psycopg2

import fuzz
from fuzz import Failure, History

BASE = "timestamptz '2024-01-01 00:00+00'"
WINDOW = 10000


def end_of_window(t):
    return t - t % WINDOW + WINDOW


def interval(ms):
    return "interval '%d ms'" % ms


class Condition:
    """What is said of both rows: its text, whether two rows meet it, and what
    follows from it.

    key: what the event time of each row's join key is, if one side of the
    equality is an event time (J7).  reach: until when each row can find others,
    if both have event times (J8).  uses: whose event time it is about."""

    def __init__(self, sql, meets, key=None, reach=(None, None), uses=""):
        self.sql = sql
        self.meets = meets
        self.key = key
        self.reach = reach
        self.uses = uses


def conditions(rng, timed):
    """Those that there can be, if these sides have event times."""
    x, y, c = (rng.choice([0, 1, 2000, 7000, 15000]) for _ in range(3))
    yield Condition("l.k = r.k", lambda l, r: True)
    yield Condition("l.ts = r.o", lambda l, r: l.ts == r.o,
                    (lambda l: l.ts, lambda r: r.o) if "l" in timed else None,
                    uses="l")
    yield Condition("l.o = r.ts", lambda l, r: l.o == r.ts,
                    (lambda l: l.o, lambda r: r.ts) if "r" in timed else None,
                    uses="r")
    yield Condition("l.ts = r.ts", lambda l, r: l.ts == r.ts,
                    (lambda l: l.ts, lambda r: r.ts) if timed else None,
                    uses="lr")
    yield Condition("tumble(l.ts, '10 s') = r.w",
                    lambda l, r: end_of_window(l.ts) == end_of_window(r.o),
                    (lambda l: end_of_window(l.ts),
                     lambda r: end_of_window(r.o)) if "l" in timed else None,
                    uses="l")
    yield Condition("tumble(l.ts, '10 s') = tumble(r.ts, '10 s')",
                    lambda l, r: end_of_window(l.ts) == end_of_window(r.ts),
                    (lambda l: end_of_window(l.ts),
                     lambda r: end_of_window(r.ts)) if timed else None,
                    uses="lr")
    yield Condition("l.ts = r.ts - " + interval(c),
                    lambda l, r: l.ts == r.ts - c,
                    (lambda l: l.ts, lambda r: r.ts - c)
                    if "l" in timed else None, uses="lr")
    both = timed == "lr"
    # J7 comes first
    yield Condition("l.ts = r.o AND r.ts >= l.ts - " + interval(c),
                    lambda l, r: l.ts == r.o and r.ts >= l.ts - c,
                    (lambda l: l.ts, lambda r: r.o) if "l" in timed else None,
                    uses="lr")
    yield Condition("l.ts >= r.ts - %s AND l.ts > r.ts - %s AND l.ts <= "
                    "r.ts + %s" % (interval(x), interval(y), interval(c)),
                    lambda l, r: l.ts >= r.ts - x and l.ts > r.ts - y and
                    l.ts <= r.ts + c, None,
                    (lambda l: l.ts + max(x + 1, y), lambda r: r.ts + c + 1)
                    if both else (None, None), uses="lr")
    yield Condition("r.ts BETWEEN l.ts - %s AND l.ts + %s" % (
                        interval(x), interval(y)),
                    lambda l, r: l.ts - x <= r.ts <= l.ts + y, None,
                    (lambda l: l.ts + y + 1, lambda r: r.ts + x + 1)
                    if both else (None, None), uses="lr")
    yield Condition("l.ts > r.ts + " + interval(c),
                    lambda l, r: l.ts > r.ts + c, None,
                    (lambda l: l.ts - c, None) if both else (None, None),
                    uses="lr")


class Row:
    def __init__(self, side, ident, ts, o, k, a):
        self.side = side
        self.id = ident
        self.ts = ts
        self.o = o
        self.k = k
        self.a = a
        self.matched = False

    def sql(self, filler):
        return "(%s, %s, %s, %s, %d, %d, %d, '%s', %s)" % (
            at(self.ts), at(self.o), "tumble(%s, '10 s')" % at(self.o),
            "repeat('x', 6000)" if filler else "NULL", self.k, self.a,
            self.id, self.side, "NULL")


def at(ms):
    return "%s + %s" % (BASE, interval(ms))


class Reference:
    """The join, as the rules have it."""

    def __init__(self, view, timed, delay):
        self.view = view
        self.timed = timed
        self.delay = delay
        self.latest = {s: None for s in timed}
        self.watermark = self.before = None     # W(n), W(n - 1)
        self.stored = {"l": [], "r": []}
        self.shown = []
        self.late_rows = 0

    def time_of_lateness(self, row):
        """J10: by the event time that the join is given, if any."""
        if row.side not in self.timed or row.side not in self.view.seen:
            return None
        if row.side in self.view.only_windows:
            return end_of_window(row.ts)
        return row.ts

    def give_up_at(self, row):
        """When it is given up; None: never."""
        n = "lr".index(row.side)
        condition = self.view.condition
        if condition.key:
            return condition.key[n](row)
        if condition.reach[n]:
            return condition.reach[n](row)
        return None

    def alone(self, row):
        if self.view.kind == "anti":
            self.shown.append((row.id,))
        else:
            self.shown.append((row.id, None) if row.side == "l"
                              else (None, row.id))

    def find(self, row):
        """J1, J4, J6: what it finds among the stored rows of the other side."""
        for other in self.stored["r" if row.side == "l" else "l"]:
            l, r = (row, other) if row.side == "l" else (other, row)
            if (self.view.by_k and l.k != r.k) or \
                    not self.view.condition.meets(l, r):
                continue
            if self.view.kind == "semi" and not l.matched:
                self.shown.append((l.id,))
            elif self.view.kind not in ("semi", "anti"):
                self.shown.append((l.id, r.id))
            l.matched = r.matched = True

    def batch(self, rows):
        late, evict = self.before, self.watermark
        for row in [copy.copy(r) for s in "lr" for r in rows if r.side == s]:
            preserved = row.side in self.view.preserved
            fails = row.side in self.view.alone and row.a <= 0
            # B9: what is filtered before does not count for the watermark
            if fails and not preserved:
                continue
            if row.side in self.timed:
                self.latest[row.side] = max(
                    self.latest[row.side] or 0, row.ts)
            time = self.time_of_lateness(row)
            if time is not None and late is not None and time <= late:
                self.late_rows += 1
                continue
            if fails:
                self.alone(row)         # J3
                continue
            self.find(row)
            self.stored[row.side].append(row)
        # J5, J7, J8
        for side in "lr":
            kept = []
            for row in self.stored[side]:
                time = self.give_up_at(row)
                if time is None or evict is None or time > evict:
                    kept.append(row)
                elif side in self.view.preserved and not row.matched:
                    self.alone(row)
            self.stored[side] = kept
        # B1 to B4
        self.before = self.watermark
        if self.latest and None not in self.latest.values():
            new = min(self.latest.values()) - self.delay
            self.watermark = max(self.watermark or new, new)

    def catch_up(self):
        """A2: an empty batch, if something can be given up."""
        condition = self.view.condition
        if self.watermark != self.before and (condition.key or
                                              any(condition.reach)):
            self.batch([])


class View:
    JOINS = {"inner": "", "left": "l", "right": "r", "full": "lr",
             "semi": "", "anti": "l"}

    def __init__(self, rng, name, timed, single):
        self.name = name
        self.kind = rng.choice(list(self.JOINS))
        self.preserved = self.JOINS[self.kind]
        self.condition = rng.choice(list(conditions(rng, timed)))
        # a condition that finds rows there is always
        self.by_k = rng.random() < 0.7 or self.condition.sql == "l.k = r.k"
        # PostgreSQL has FULL JOIN for equalities only
        self.by_k |= self.kind == "full" and " = " not in self.condition.sql
        self.alone = ""
        if self.kind not in ("inner", "semi"):
            self.alone = rng.choice(["", "", "l", "r", "lr"])
        shows = rng.choice(["", "l", "r", "lr"])
        if self.kind in ("semi", "anti"):
            shows = shows.replace("r", "")
        self.seen = set(self.condition.uses + shows)
        # of these, the join sees no more of the time than a window of it
        self.only_windows = [s for s in "lr" if s not in shows and
                             "tumble(%s.ts" % s in self.condition.sql]
        if self.kind == "semi" and " = r.ts - " in self.condition.sql:
            self.seen.discard("r")
        self.refused = any(
            not self.condition.key and not self.condition.reach["lr".index(s)]
            for s in self.preserved)
        # what is joined above, by nothing that bounds it, meets all pairs
        self.third = self.kind == "inner" and not single and \
            rng.random() < 0.5
        self.columns = "lid" if self.kind in ("semi", "anti") else \
            "lid, rid, mid" if self.third else "lid, rid"
        self.sql = self.make(shows, single)

    def make(self, shows, single):
        l, r = (("(SELECT * FROM s WHERE side = '%s') %s" % (s, s)
                 for s in "lr") if single else ("l", "r"))
        on = ["l.k = r.k"] if self.by_k else []
        if self.condition.sql not in on:
            on.append(self.condition.sql)
        on += ["%s.a > 0" % s for s in self.alone]
        on = " AND ".join(on)
        times = "".join(", %s.ts AS %sts" % (s, s) for s in shows)
        if self.kind in ("semi", "anti"):
            return ("SELECT l.id AS lid%s FROM %s WHERE %sEXISTS (SELECT FROM "
                    "%s WHERE %s)" % (times, l, "NOT " if self.kind == "anti"
                                      else "", r, on))
        return ("SELECT l.id AS lid, r.id AS rid%s%s FROM %s %s JOIN %s ON %s%s"
                % (", m.id AS mid" if self.third else "", times, l,
                   self.kind.upper(), r, on,
                   " JOIN m ON m.k = l.k" if self.third else ""))


class JoinRules(History):
    def run(self):
        rng = self.rng
        with self.monitor.cursor() as cur:
            self.do("ddl", "CREATE SCHEMA %s" % self.schema)
            cur.execute("SET search_path = %s, public" % self.schema)
            cur.execute("SET timezone = 'UTC'")
        self.single = rng.random() < 0.4
        self.timed = "lr" if self.single else rng.choice(
            ["lr", "lr", "l", "r", ""])
        self.delay = rng.choice([0, 0, 1000, 5000])
        for name in "s" if self.single else "lr":
            self.create_stream(name)
        self.do("ddl", "CREATE TABLE m (id int4, k int4) USING stream")
        self.thirds = []
        self.keys = {}
        self.references = []
        self.plain = []
        for number in range(rng.randint(4, 8)):
            self.create_view("v%d" % number)
        self.clock = 0
        for _ in range(rng.randint(6, 16)):
            rows = self.insert()
            for reference in self.references:
                self.refresh(reference, rows)
            for view in self.plain:
                self.compare(view)

    def compare(self, view):
        with self.monitor.cursor() as cur:
            self.note("oracle", "REFRESH MATERIALIZED VIEW %s;" % view.name)
            cur.execute("REFRESH MATERIALIZED VIEW %s" % view.name)
            cur.execute("(TABLE {0} EXCEPT ALL ({1})) UNION ALL (({1}) EXCEPT "
                        "ALL TABLE {0})".format(view.name, view.sql))
            rows = cur.fetchmany(10)
        if rows:
            raise Failure("%s is not its query: %s\n%s" % (
                view.name, view.sql, "\n".join("  " + str(r) for r in rows)))
        self.checks += 1

    def create_stream(self, name):
        timed = self.single or name in self.timed
        self.do("ddl", "CREATE TABLE %s (ts timestamptz, o timestamptz, "
                "w tstzrange, filler text, k int4, a int4, id int4, side text, "
                "nothing text) USING stream%s" % (
                    name, " WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '%d ms')" % self.delay
                    if timed else ""))
        self.do("ddl", "ALTER TABLE %s ALTER filler SET STORAGE PLAIN" % name)

    def create_view(self, name):
        view = View(self.rng, name, self.timed, self.single)
        # what two event times bound drops late rows in any mode
        update = self.rng.random() < 0.25 and not (
            self.timed == "lr" and view.condition.uses == "lr")
        view.refused &= not update
        sql = ("CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, "
               "streaming.trigger = manual, streaming.output_mode = %s%s) "
               "AS %s" % (name, "update" if update else "append",
                          ", streaming.max_batch_rows = 1"
                          if self.single else "", view.sql))
        self.note("ddl", sql)
        try:
            with self.monitor.cursor() as cur:
                cur.execute(sql)
        except psycopg2.errors.FeatureNotSupported as e:
            self.note("ddl", "-- refused: " + str(e).split("\n")[0])
            if not view.refused:
                raise Failure("refused: %s\n%s" % (sql, e))
            return
        if view.refused:
            raise Failure("not refused: " + sql)
        if update:
            self.plain.append(view)
            return
        self.references.append(Reference(view, self.timed, self.delay))

    def time(self):
        """Seldom just the watermark, often before it, or a bit after."""
        rng = self.rng
        t = self.clock + rng.choice([0, 0, 0, -1, 1, 1000, -1000, 3000, -5000,
                                     -20000, 10000])
        if rng.random() < 0.3:
            t -= t % 1000
        return max(t, 0)

    def insert(self):
        rng = self.rng
        self.clock += rng.choice([0, 1, 1000, 2000, 10000, 30000])
        rows = []
        for _ in range(rng.randint(1, 8)):
            self.number += 1
            rows.append(Row(rng.choice("lr"), self.number, self.time(),
                            self.time(), rng.choice([1, 1, 2]),
                            rng.choice([0, 1, 1, 1])))
        for i, row in enumerate(rows):
            # times that meet are few
            if i and rng.random() < 0.6:
                row.ts = rng.choice([rows[0].ts, rows[0].o])
            if i and rng.random() < 0.6:
                row.o = rng.choice([rows[0].ts, rows[0].o])
        for name in "s" if self.single else "lr":
            part = [r.sql(self.single) for r in rows
                    if self.single or r.side == name]
            if part:
                self.do("w1", "INSERT INTO %s VALUES %s" % (
                    name, ", ".join(part)))
        self.keys.update((r.id, r.k) for r in rows)
        if not self.single and rng.random() < 0.4:
            self.thirds.append((len(self.thirds), rng.choice([1, 1, 2, 3])))
            self.do("w1", "INSERT INTO m VALUES (%d, %d)" % self.thirds[-1])
        if rng.random() < 0.1:
            self.do("admin", "SELECT pg_terminate_backend(pid) FROM "
                    "pg_stat_activity WHERE backend_type ~ '^streaming.* "
                    "worker' AND datname = current_database()")
        return rows

    def refresh(self, reference, rows):
        view = reference.view
        # each page is a batch, or all there is
        for part in [[r] for r in rows] if self.single else [rows]:
            reference.batch(part)
        reference.catch_up()
        with self.monitor.cursor() as cur:
            self.note("oracle", "REFRESH MATERIALIZED VIEW %s;" % view.name)
            cur.execute("REFRESH MATERIALIZED VIEW %s" % view.name)
            cur.execute("SELECT %s FROM %s" % (view.columns, view.name))
            shown = cur.fetchall()
            wanted_rows = reference.shown
            if view.third:
                wanted_rows = [(l, r, i) for l, r in reference.shown
                               for i, k in self.thirds if k == self.keys[l]]
            cur.execute("SELECT late_rows, batches FROM streaming.views "
                        "WHERE view = '%s'::regclass" % view.name)
            late, batches = cur.fetchone()
        for problem, found, wanted in (
                ("rows", sorted(shown, key=str),
                 sorted(wanted_rows, key=str)),
                ("late rows", late, reference.late_rows)):
            if found != wanted:
                raise Failure("%s has other %s, after %d batches (W %s): %s\n"
                              "%s\nby the rules:\n%s" % (
                                  view.name, problem, batches,
                                  reference.watermark, view.sql, found,
                                  wanted))
        self.checks += 1


if __name__ == "__main__":
    sys.exit(fuzz.run_histories(fuzz.make_parser(__doc__).parse_args(),
                                JoinRules))
