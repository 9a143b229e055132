#!/usr/bin/env python3
"""Random histories of joins of streams in output mode append, and what the rules say.

In output mode update, where nothing bounds them, they must be the plain query.

What such a view shows depends on which row came in which batch.  So the reference
is a join that works as the rules have it (J1 to J12), row by row and batch by
batch: late rows, what is stored, what is given up and comes out alone then.  It
shares no code with the extension.  Streams have an event time or have none; what
is equal to the event time of another stream may be any column.  Of three streams,
it is two such joins, one over the other, with the watermarks that rule K1 gives
them: inner and outer joins, EXISTS and NOT EXISTS.  Some of the three are grouped
by their event time, or a window of it: such groups come when they are closed.

Every fourth history is in order: joins of up to five streams, in parentheses or
not, with EXISTS and NOT EXISTS above and windows over them, whose conditions
bound all times from both sides.  Of rows that come in the order of their time
none may be late, however many joins they pass, and the view is the plain query.

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
import re
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
    # a window says when it ends
    yield Condition("r.ts <@ tumble(l.ts, '10 s')",
                    lambda l, r: end_of_window(l.ts) == end_of_window(r.ts),
                    None,
                    (lambda l: end_of_window(l.ts),
                     lambda r: r.ts + WINDOW + 1)
                    if both else (None, None), uses="lr")
    yield Condition("r.ts BETWEEN upper(tumble(l.ts, '10 s')) - %s AND "
                    "window_time(tumble(l.ts, '10 s')) + %s" % (
                        interval(x), interval(y)),
                    lambda l, r: end_of_window(l.ts) - x <= r.ts <
                    end_of_window(l.ts) + y, None,
                    (lambda l: end_of_window(l.ts) + y + 1,
                     lambda r: r.ts + x + 1)
                    if both else (None, None), uses="lr")


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
        self.late_rows = self.perhaps = 0
        self.thirds = 0                 # rows of m that it has read

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
                if self.pair_is_late(l, r):
                    self.late_rows += 1
                else:
                    self.shown.append((l.id, r.id))
            l.matched = r.matched = True

    def pair_is_late(self, l, r):
        """K1, D1: what is joined above goes by the one event time that is shown."""
        shown = [row for row in (l, r) if row.side in self.timed and
                 row.side in self.view.shows]
        if not self.view.third or len(shown) != 1 or self.before is None:
            return False
        condition = self.view.condition
        if condition.key:
            # a time is before the end of its window by as much
            lag = WINDOW if "tumble(%s.ts" % shown[0].side in condition.sql \
                else 0
        else:
            lag = max([0] + [reach(row) - row.ts for reach, row in
                             zip(condition.reach, (l, r)) if reach])
        return shown[0].ts <= self.before - lag

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
        self.shows = shows
        self.seen = set(self.condition.uses + shows)
        # of these, the join sees no more of the time than a window of it
        self.only_windows = [s for s in "lr" if s not in shows and
                             "tumble(%s.ts" % s in self.condition.sql]
        if self.kind == "semi" and " = r.ts - " in self.condition.sql:
            self.seen.discard("r")
        self.refused = any(
            not self.condition.key and not self.condition.reach["lr".index(s)]
            for s in self.preserved)
        # what is joined above meets all pairs that are not late
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


class Step:
    """One join of a chain: kind, preserved sides, what two rows must meet, and
    what follows from it (as Condition has it); by what each side's rows are
    late.  A row is a dict of stream names and rows, None for what an outer join
    has made up."""

    def __init__(self, kind, meets, key, reach, lateness):
        self.kind = kind
        self.preserved = View.JOINS[kind]
        self.meets = meets
        self.key = key
        self.reach = reach
        self.lateness = lateness
        self.lag = 0                    # of its input, behind the watermark
        self.about = None               # its conditions are about that of the left
        self.stored = {"l": [], "r": []}
        self.late_rows = self.perhaps = 0   # and so many of them may not count

    def output_lag(self):
        """K1: as far as what is stored may be behind."""
        if self.key:
            return self.lag
        return max([self.lag] + [self.lag + reach[1] for reach in self.reach
                                 if reach])

    def bounds(self, side):
        n = "lr".index(side)
        return self.key or self.reach[n]

    def give_up_at(self, side, row):
        """None: never.  NULL is a time that finds nothing."""
        n = "lr".index(side)
        if self.key:
            return self.key[n](row)
        if self.reach[n]:
            time, more = self.reach[n]
            time = time(row)
            return None if time is None else time + more
        return None

    def batch(self, new, late, evict):
        out = []
        if late is not None:
            late -= self.lag
        if evict is not None:
            evict -= self.lag
        for side in "lr":
            for row in new[side]:
                row = [row, False]
                time = self.lateness[side](row[0]) if self.lateness[side] \
                    else None
                if None not in (time, late) and time <= late:
                    self.late_rows += 1
                    # what a join hands on is asked for its key first, and for nulls
                    self.perhaps += bool(self.about and side == "l" and
                                         side not in self.preserved)
                    continue
                self.find(side, row, out)
                self.stored[side].append(row)
        for side in "lr":
            kept = []
            for row in self.stored[side]:
                time = self.give_up_at(side, row[0])
                never = time is None and self.bounds(side)
                if not never and (time is None or evict is None or
                                  time > evict):
                    kept.append(row)
                elif side in self.preserved and not row[1]:
                    out.append(row[0])
            self.stored[side] = kept
        return out

    def find(self, side, row, out):
        for other in self.stored["r" if side == "l" else "l"]:
            l, r = (row, other) if side == "l" else (other, row)
            if not self.meets(dict(l[0], **r[0])):
                continue
            if self.kind == "semi":
                if not l[1]:
                    out.append(l[0])
            elif self.kind != "anti":
                out.append(dict(l[0], **r[0]))
            l[1] = r[1] = True


def time_of(name, attr, add=0):
    def of(row):
        row = row.get(name)
        return None if row is None else getattr(row, attr) + add
    return of


def window_of(name, attr):
    def of(row):
        row = row.get(name)
        return None if row is None else end_of_window(getattr(row, attr))
    return of


class Groups:
    """The aggregation of a stream, by its event time or a window of it: groups come
    out, like rows, when they are closed (F1, F2)."""

    def __init__(self, side, windowed):
        self.side = side
        self.windowed = windowed
        self.open = {}
        self.late_rows = 0

    def sql(self, source):
        return ("(SELECT %s, k, max(o) AS o, tumble(max(o), '10 s') AS w, "
                "sum(id)::int4 AS id FROM %s GROUP BY 1, 2) %s" % (
                    "tumble(ts, '10 s') AS tw" if self.windowed else "ts",
                    source, self.side))

    def batch(self, rows, late, evict):
        for row in rows:
            end = end_of_window(row.ts) if self.windowed else row.ts
            if late is not None and end <= late:
                self.late_rows += 1
                continue
            group = self.open.get((end, row.k))
            if group:
                group.id += row.id
                group.o = max(group.o, row.o)
            else:
                self.open[end, row.k] = copy.copy(row)
        closed = [key for key in self.open
                  if evict is not None and key[0] <= evict]
        return [self.open.pop(key) for key in closed]


class Chain:
    """Two joins, the first of l and r, the second of what it hands on and x."""

    KINDS = ["inner", "inner", "left", "right", "full", "semi", "anti"]

    def __init__(self, rng, name, timed, single):
        self.name = name
        first, second = rng.choice(self.KINDS), rng.choice(self.KINDS)
        if single:
            first, second = (k if k != "full" else "left"
                             for k in (first, second))
        self.about = "l" if first in ("semi", "anti") else rng.choice("lr")
        # joins of nothing but groups may be left to readers
        grouped = rng.sample(timed, min(len(timed), rng.choice([0, 0, 1, 1, 2])))
        self.groups = {m: Groups(m, rng.random() < 0.5) for m in grouped}
        texts, conditions = [], []
        for a, b in (("l", "r"), (self.about, "x")):
            text, condition = rng.choice([
                c for c in self.conditions(rng, a, b, timed)
                if not any(m + ".ts" in self.of_groups(c[0])
                           for m in self.windowed())])
            by_k = rng.random() < 0.6 or "full" in (first, second)
            if by_k and "k =" not in text:
                text = "%s.k = %s.k AND %s" % (a, b, text)
            texts.append(text)
            conditions.append(condition + (by_k, a, b))
        given = ["l"] if first in ("semi", "anti") else ["l", "r"]
        # no more than one event time of what the first hands on (B10)
        used = set(m for m in given if m in timed and
                   m + ".ts" in texts[1])
        if not used and rng.random() < 0.7:
            used = {rng.choice(given)}
        shows = used | ({"x"} if rng.random() < 0.5 else set())
        if second in ("semi", "anti"):
            shows.discard("x")
        self.steps = []
        for n, kind in enumerate((first, second)):
            meets, key, reach, by_k, a, b = conditions[n]
            self.steps.append(Step(kind, self.both(meets, by_k, a, b), key,
                                   reach, {}))
        above = " ".join([texts[1]] + [self.time(s) for s in shows])
        for side in "lr":
            # the first hands on the time, also if only a window of it is asked for
            said = texts[0]
            if side in given and side + ".ts" in above:
                said += " " + self.time(side)
            self.steps[0].lateness[side] = self.late_by(side, said, timed)
        late = [f for f in (self.late_by(m, above, timed) for m in given) if f]
        self.steps[1].lateness["l"] = late[0] if late else None
        self.steps[1].lateness["r"] = self.late_by("x", above, timed)
        # what hands on nothing with a watermark has none
        self.steps[1].lag = self.steps[0].output_lag()
        # K1 is about the window there, which a time may be before by its width
        if self.steps[0].key and any(
                m in timed and "tumble(%s.ts" % m in texts[0] and
                re.search(r"(?<!tumble\()\b%s\.ts" % m, above)
                for m in given):
            self.steps[1].lag += WINDOW
        self.steps[1].about = self.about
        self.refused = any(not step.bounds(side) for step in self.steps
                           for side in step.preserved)
        self.ids = [m for m in "lrx" if
                    (m != "r" or first not in ("semi", "anti")) and
                    (m != "x" or second not in ("semi", "anti"))]
        self.columns = ", ".join("%sid" % m for m in self.ids)
        self.sql = self.make(first, second, texts, shows, single, rng)

    def windowed(self):
        return [m for m, groups in self.groups.items() if groups.windowed]

    def of_groups(self, text):
        """What is said of windows is said of those that are grouped by."""
        for m in self.windowed():
            text = text.replace("tumble(%s.ts, '10 s')" % m, m + ".tw")
        return text

    def time(self, name):
        return "tumble(%s.ts, '10 s')" % name if name in self.windowed() \
            else name + ".ts"

    @staticmethod
    def late_by(name, said, timed):
        """J10: the event time, or the window of it that is all that is said."""
        if name not in timed or name + ".ts" not in said:
            return None
        if re.search(r"(?<!tumble\()\b%s\.ts" % name, said):
            return time_of(name, "ts")
        return window_of(name, "ts")

    @staticmethod
    def both(meets, by_k, a, b):
        def both(row):
            one, other = row.get(a), row.get(b)
            return None not in (one, other) and \
                (not by_k or one.k == other.k) and meets(one, other)
        return both

    @staticmethod
    def conditions(rng, a, b, timed):
        """The text, what rows meet, what is a key, until when each finds."""
        ta, tb = a in timed, b in timed
        both = ta and tb
        c, d = (rng.choice([0, 1, 2000, 7000, 15000]) for _ in range(2))
        yield ("%s.k = %s.k" % (a, b),
               (lambda x, y: x.k == y.k, None, (None, None)))
        yield ("%s.ts = %s.o" % (a, b),
               (lambda x, y: x.ts == y.o,
                (time_of(a, "ts"), time_of(b, "o")) if ta else None,
                (None, None)))
        yield ("%s.o = %s.ts" % (a, b),
               (lambda x, y: x.o == y.ts,
                (time_of(a, "o"), time_of(b, "ts")) if tb else None,
                (None, None)))
        yield ("tumble(%s.ts, '10 s') = %s.w" % (a, b),
               (lambda x, y: end_of_window(x.ts) == end_of_window(y.o),
                (window_of(a, "ts"), window_of(b, "o")) if ta else None,
                (None, None)))
        yield ("tumble(%s.ts, '10 s') = tumble(%s.ts, '10 s')" % (a, b),
               (lambda x, y: end_of_window(x.ts) == end_of_window(y.ts),
                (window_of(a, "ts"), window_of(b, "ts")) if ta or tb else None,
                (None, None)))
        yield ("%s.ts = %s.ts" % (a, b),
               (lambda x, y: x.ts == y.ts,
                (time_of(a, "ts"), time_of(b, "ts")) if ta or tb else None,
                (None, None)))
        yield ("%s.ts BETWEEN %s.ts - %s AND %s.ts + %s" % (
                   b, a, interval(c), a, interval(d)),
               (lambda x, y: x.ts - c <= y.ts <= x.ts + d, None,
                ((time_of(a, "ts"), d + 1), (time_of(b, "ts"), c + 1))
                if both else (None, None)))
        yield ("%s.ts > %s.ts + %s" % (a, b, interval(c)),
               (lambda x, y: x.ts > y.ts + c, None,
                ((time_of(a, "ts"), -c), None) if both else (None, None)))
        yield ("%s.ts < %s.ts - %s" % (a, b, interval(c)),
               (lambda x, y: x.ts < y.ts - c, None,
                (None, (time_of(b, "ts"), -c)) if both else (None, None)))

    def make(self, first, second, texts, shows, single, rng):
        l, r, x = (self.groups[s].sql("s WHERE side = '%s'" % s if single else s)
                   if s in self.groups else
                   "(SELECT * FROM s WHERE side = '%s') %s" % (s, s)
                   if single else s for s in "lrx")
        columns = ", ".join(["%s.id AS %sid" % (m, m) for m in self.ids] +
                            ["%s AS %sts" % (self.of_groups(self.time(m)), m)
                             for m in sorted(shows)])
        texts = [self.of_groups(text) for text in texts]
        words = {"semi": "EXISTS", "anti": "NOT EXISTS"}
        where = []
        if first in words:
            where.append("%s (SELECT FROM %s WHERE %s)" % (words[first], r,
                                                         texts[0]))
            source = l
            if second not in words:
                # a time among the columns says what is late
                time = ("" if "l" not in shows and
                        not re.search(r"\bl\.tw?s?\b", texts[1]) else
                        ", tw" if "l" in self.windowed() else ", ts")
                source = "(SELECT id, k, o, w%s FROM %s WHERE %s) l" % (
                    time, l, where.pop())
        else:
            source = "%s %s JOIN %s ON %s" % (l, first.upper(), r, texts[0])
        if second in words:
            where.append("%s (SELECT FROM %s WHERE %s)" % (words[second], x,
                                                         texts[1]))
        elif first == second == "inner" and rng.random() < 0.4:
            source = "%s, %s, %s" % (l, r, x)
            where = texts
        else:
            source += " %s JOIN %s ON %s" % (second.upper(), x, texts[1])
        return "SELECT %s FROM %s%s" % (
            columns, source, " WHERE " + " AND ".join(where) if where else "")


class ChainReference:
    def __init__(self, view, timed, delay):
        self.view = view
        self.delay = delay
        self.latest = {s: None for s in timed}
        self.watermark = self.before = None
        self.shown = []

    @property
    def late_rows(self):
        return sum(step.late_rows for step in
                   self.view.steps + list(self.view.groups.values()))

    @property
    def perhaps(self):
        return sum(step.perhaps for step in self.view.steps)

    def batch(self, rows):
        first, second = self.view.steps
        for row in rows:
            if row.side in self.latest:
                self.latest[row.side] = max(self.latest[row.side] or 0, row.ts)
        new = {s: [{s: r} for r in self.rows_of(s, rows)] for s in "lrx"}
        pairs = first.batch(new, self.before, self.watermark)
        out = second.batch({"l": pairs, "r": new["x"]}, self.before,
                           self.watermark)
        self.shown += [tuple(row[m].id if row.get(m) else None
                             for m in self.view.ids) for row in out]
        self.before = self.watermark
        if self.latest and None not in self.latest.values():
            value = min(self.latest.values()) - self.delay
            self.watermark = max(self.watermark or value, value)

    def rows_of(self, name, rows):
        """What is new of a member: rows of a stream, or groups of these."""
        rows = [r for r in rows if r.side == name]
        if name not in self.view.groups:
            return rows
        return self.view.groups[name].batch(rows, self.before, self.watermark)

    def catch_up(self):
        if self.watermark != self.before and (self.view.groups or any(
                step.key or any(step.reach) for step in self.view.steps)):
            self.batch([])


class Ordered:
    """A query over streams s0, s1 ... whose conditions bound all of its times,
    and what tells rows of the last ones, which may still wait, from others."""

    def __init__(self, rng, streams):
        self.rng = rng
        self.streams = streams
        self.number = 0
        if rng.random() < 0.3:
            leaves = [self.leaf() for _ in range(rng.randint(2, 4))]
            members = [name for _, name in leaves]
            source = ", ".join(text for text, _ in leaves)
            where = [self.condition(rng.choice(members[:i]), members[i])
                     for i in range(1, len(members))]
            rng.shuffle(where)
        else:
            source, members = self.tree(rng.choice([1, 2, 2, 3, 3, 3, 4, 5]))
            where = []
        for _ in range(rng.choice([0, 1, 1, 2])
                       if len(members) > 1 else rng.choice([2, 3])):
            other, name = self.leaf()
            about = rng.choice(members)
            if rng.random() < 0.1:
                where.append("%s.ts IN (SELECT %s.ts FROM %s)" % (
                    about, name, other))
            else:
                where.append("%sEXISTS (SELECT FROM %s WHERE %s)" % (
                    rng.choice(["", "NOT "]), other,
                    self.condition(about, name)))
        text = " FROM " + source
        if where:
            text += " WHERE " + " AND ".join(where)
        if rng.random() < 0.2:
            about = rng.choice(members)
            self.sql = "SELECT tumble(%s.ts, '5 s') AS w, count(*) AS n%s GROUP BY 1" % (
                about, text)
            self.settled = "upper(w) < %s" % at(500000)
            return
        shown = [name for name in members if rng.random() < 0.3]
        self.sql = "SELECT " + ", ".join(
            ["%s.id AS %s" % (name, name) for name in members] +
            ["%s.ts AS %sts" % (name, name) for name in shown]) + text
        self.settled = "least(0, %s) = 0" % ", ".join(members)

    def leaf(self):
        name = "a%d" % self.number
        self.number += 1
        stream = self.rng.choice(self.streams)
        if self.rng.random() < 0.2:
            return ("(SELECT ts, k, max(id) AS id FROM %s GROUP BY ts, k) %s" %
                    (stream, name), name)
        return "%s %s" % (stream, name), name

    def tree(self, size):
        rng = self.rng
        if size == 1:
            text, name = self.leaf()
            return text, [name]
        part = rng.choice([size - 1, size - 1, rng.randint(1, size - 1)])
        left, lefts = self.tree(part)
        right, rights = self.tree(size - part)
        on = self.condition(rng.choice(lefts), rng.choice(rights))
        if rng.random() < 0.2:
            on += " AND " + self.condition(rng.choice(lefts),
                                           rng.choice(rights))
        kind = rng.choice(["JOIN", "JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN",
                           "FULL JOIN"])
        if len(rights) > 1:
            right = "(%s)" % right
        return "%s %s %s ON %s" % (left, kind, right, on), lefts + rights

    def condition(self, a, b):
        rng = self.rng
        c, d = (rng.choice([0, 1000, 2000, 5000, 8000]) for _ in range(2))
        return rng.choice([
            "{a}.ts = {b}.ts",
            "{a}.ts = {b}.ts AND {a}.k = {b}.k",
            "tumble({a}.ts, '4 s') = tumble({b}.ts, '4 s') AND {a}.k = {b}.k",
            "{a}.k = {b}.k AND {b}.ts BETWEEN {a}.ts - {c} AND {a}.ts + {d}",
            "{a}.k = {b}.k AND {a}.ts - {b}.ts <= {c} AND {a}.ts >= {b}.ts",
            "{a}.k = {b}.k AND {a}.ts > {b}.ts - {c} AND "
            "{a}.ts - {d} < {b}.ts"]).format(a=a, b=b, c=interval(c),
                                             d=interval(d))


class JoinRules(History):
    def run_in_order(self):
        rng = self.rng
        streams = ["s%d" % i for i in range(rng.randint(2, 4))]
        for name in streams:
            self.do("ddl", "CREATE TABLE %s (ts timestamptz, k int4, id int4) "
                    "USING stream WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '%d ms')" % (
                        name, rng.choice([1000, 1000, 3000])))
        rows = rng.choice(["", "", ", streaming.max_batch_rows = 3"])
        views = []
        for number in range(rng.randint(3, 6)):
            view = Ordered(rng, streams)
            view.name = "v%d" % number
            sql = ("CREATE MATERIALIZED VIEW %s WITH (streaming.continuous, "
                   "streaming.trigger = manual, streaming.output_mode = append"
                   "%s) AS %s" % (view.name, rows, view.sql))
            self.note("ddl", sql)
            try:
                with self.monitor.cursor() as cur:
                    cur.execute(sql)
                views.append(view)
            except psycopg2.errors.FeatureNotSupported as e:
                message = str(e).split("\n")[0]
                self.note("ddl", "-- refused: " + message)
                if not re.search("FULL JOIN is only|do not bound|among the "
                                 "grouping keys", message):
                    raise Failure("refused: %s\n%s" % (sql, e))
        clock = 10000
        for _ in range(rng.randint(8, 20)):
            for name in rng.sample(streams, len(streams)):
                many = rng.choice([0, 1, 1, 2, 3])
                self.rows_in_order(name, [
                    (clock + rng.choice([0, 0, 500, 999, -500]),
                     rng.choice([0, 0, 1])) for _ in range(many)])
            clock += rng.choice([500, 1000, 1000, 3000])
            if rng.random() < 0.7:
                self.refresh_all(views, rng.choice([1, 2]))
        # all that waits comes
        for clock in (1000000, 2000000):
            for i, name in enumerate(streams):
                self.rows_in_order(name, [(clock, -1 - i)], -1)
            self.refresh_all(views, 4)
        for view in views:
            self.compare_in_order(view)

    def rows_in_order(self, name, rows, ident=None):
        values = []
        for ts, k in rows:
            self.number += 1
            values.append("(%s, %d, %d)" % (at(ts), k, ident or self.number))
        if values:
            self.do("w1", "INSERT INTO %s VALUES %s" % (name,
                                                       ", ".join(values)))

    def refresh_all(self, views, times):
        for _ in range(times):
            for view in views:
                self.do("oracle", "REFRESH MATERIALIZED VIEW " + view.name)

    def compare_in_order(self, view):
        both = ["(SELECT * FROM %s WHERE %s)" % (source, view.settled)
                for source in (view.name, "(%s) AS q" % view.sql)]
        with self.monitor.cursor() as cur:
            cur.execute("(SELECT 'view', x::text FROM (%s EXCEPT ALL %s) x) "
                        "UNION ALL (SELECT 'query', x::text FROM "
                        "(%s EXCEPT ALL %s) x) LIMIT 10" % (
                            both[0], both[1], both[1], both[0]))
            rows = cur.fetchall()
            cur.execute("SELECT late_rows FROM streaming.views "
                        "WHERE view = '%s'::regclass" % view.name)
            late, = cur.fetchone()
        if rows or late:
            raise Failure("%s is not its query, %d rows were late: %s\n%s" % (
                view.name, late, view.sql,
                "\n".join("  " + str(r) for r in rows)))
        self.checks += 1

    def run(self):
        rng = self.rng
        with self.monitor.cursor() as cur:
            self.do("ddl", "CREATE SCHEMA %s" % self.schema)
            cur.execute("SET search_path = %s, public" % self.schema)
            cur.execute("SET timezone = 'UTC'")
        if rng.random() < 0.25:
            self.run_in_order()
            return
        self.single = rng.random() < 0.4
        self.timed = "lr" if self.single else rng.choice(
            ["lr", "lr", "l", "r", ""])
        self.delay = rng.choice([0, 0, 1000, 5000])
        self.timed_x = self.timed + ("x" if self.single or
                                     rng.random() < 0.6 else "")
        for name in "s" if self.single else "lrx":
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
        timed = self.single or name in self.timed_x
        self.do("ddl", "CREATE TABLE %s (ts timestamptz, o timestamptz, "
                "w tstzrange, filler text, k int4, a int4, id int4, side text, "
                "nothing text) USING stream%s" % (
                    name, " WITH (streaming.event_time = 'ts', "
                    "streaming.watermark = '%d ms')" % self.delay
                    if timed else ""))
        self.do("ddl", "ALTER TABLE %s ALTER filler SET STORAGE PLAIN" % name)

    def create_view(self, name):
        chain = self.rng.random() < 0.6
        view = (Chain(self.rng, name, self.timed_x, self.single) if chain else
                View(self.rng, name, self.timed, self.single))
        # what two event times bound drops late rows in any mode
        update = not chain and self.rng.random() < 0.25 and not (
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
        self.references.append(
            ChainReference(view, self.timed_x, self.delay) if chain else
            Reference(view, self.timed, self.delay))

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
            rows.append(Row(rng.choice("lrx"), self.number, self.time(),
                            self.time(), rng.choice([1, 1, 2]),
                            rng.choice([0, 1, 1, 1])))
        for i, row in enumerate(rows):
            # times that meet are few
            if i and rng.random() < 0.6:
                row.ts = rng.choice([rows[0].ts, rows[0].o])
            if i and rng.random() < 0.6:
                row.o = rng.choice([rows[0].ts, rows[0].o])
        for name in "s" if self.single else "lrx":
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
            # what comes in a stream that is not joined makes no batch
            if self.single or isinstance(view, Chain) or \
                    any(r.side in "lr" for r in part) or \
                    (view.third and len(self.thirds) > reference.thirds):
                reference.batch(part)
            reference.thirds = len(self.thirds)
        reference.catch_up()
        with self.monitor.cursor() as cur:
            self.note("oracle", "REFRESH MATERIALIZED VIEW %s;" % view.name)
            cur.execute("REFRESH MATERIALIZED VIEW %s" % view.name)
            cur.execute("SELECT %s FROM %s" % (view.columns, view.name))
            shown = cur.fetchall()
            wanted_rows = reference.shown
            if getattr(view, "third", False):
                wanted_rows = [(l, r, i) for l, r in reference.shown
                               for i, k in self.thirds if k == self.keys[l]]
            cur.execute("SELECT late_rows, batches FROM streaming.views "
                        "WHERE view = '%s'::regclass" % view.name)
            late, batches = cur.fetchone()
        if 0 <= reference.late_rows - late <= reference.perhaps:
            late = reference.late_rows
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
