"""The reference of eventtime.py against examples worked out by hand.

One or more per rule.  Needs a server, but not the extension: streams are plain
tables here, and which row was in which batch is part of the example.

Times are seconds after the base.  A history is a list of REFRESHes, each a list
of data batches that follow each other directly, each a list of rows.
"""

import collections

import psycopg2

from fuzz import connect

SECOND = 1000000
BASE = 1704067200                   # 2024-01-01, a multiple of every size here

Row = collections.namedtuple("Row", "t k x u g src us",
                             defaults=[None, 1, None, None, 0, 0])


class Table:
    """Stands for a stream."""

    typ = "timestamptz"
    origin = "1970-01-01 00:00:00+00"

    def __init__(self, number, delay):
        self.name = "t%d" % number
        self.delay = int(delay * SECOND)

    def rows(self, schema):
        return "selftest." + self.name

    def possible(self):
        return ""


class Test:
    def __init__(self, lib):
        self.lib = lib
        self.conn = connect("postgres")
        self.cur = self.conn.cursor()
        self.failed = self.passed = 0
        self.cur.execute("SET client_min_messages = warning")
        self.cur.execute("DROP SCHEMA IF EXISTS oracle, selftest CASCADE;"
                         "SET timezone = 'UTC'; CREATE SCHEMA selftest;"
                         "SET search_path = selftest")
        self.cur.execute(lib.REFERENCE)

    def load(self, history, base, streams):
        self.cur.execute(
            "DROP SCHEMA selftest CASCADE; CREATE SCHEMA selftest;"
            "CREATE TABLE rec (view text, batch int4, refresh int4, src int4,"
            " id int8); CREATE TABLE v (id int8)")
        for stream in streams:
            self.cur.execute("CREATE TABLE %s (id int8, ts timestamptz, k int4,"
                             " u int8, x int4, g interval)" % stream.name)
        number = batch = 0
        for refresh, batches in enumerate(history):
            for rows in batches:
                batch += 1
                for row in rows:
                    row = Row(*row) if isinstance(row, tuple) else Row(row)
                    number += 1
                    self.cur.execute(
                        "INSERT INTO %s VALUES (%%s, timestamptz 'epoch' + %%s"
                        " * interval '1 us', %%s, %%s, %%s, %%s * interval '1 s')"
                        % streams[row.src].name,
                        [number, None if row.t is None else
                         int((base + row.t) * SECOND) + row.us,
                         row.k, row.u, row.x, row.g])
                    self.cur.execute("INSERT INTO rec VALUES ('v', %s, %s, %s,"
                                     " %s)", [batch, refresh, row.src, number])

    def rule(self, name, history, rows, watermark=False, late=None, null=None,
             delays=(0,), base=BASE, shown=None, conditions=(), **view):
        """history must give these rows, watermark, late and null rows."""
        streams = [Table(i + 1, d) for i, d in enumerate(delays)]
        self.load(history, base, streams)
        view.setdefault("aggs", ["ids"])
        view.setdefault("size", 10 * SECOND)
        inputs = [(s, conditions[i] if conditions else None)
                  for i, s in enumerate(streams)]
        v = self.lib.View("v", inputs, schema="selftest", **view)
        for i in shown or []:
            self.cur.execute("INSERT INTO v VALUES (%s)", [i])
        self.cur.execute(v.prepare_sql())
        sql = v.expected()
        self.cur.execute(sql)
        times = [i for i, c in enumerate(self.cur.description)
                 if c.name in ("s", "e", "t")]
        have = sorted((tuple(self.seconds(x, base) if i in times else
                             int(x) if x is not None else None
                             for i, x in enumerate(r))
                       for r in self.cur.fetchall()), key=str)
        want = sorted(rows, key=str)
        problem = None
        if have != want:
            problem = "rows %s, not %s" % (have, want)
        self.cur.execute("SELECT oracle.watermark()")
        mark = self.seconds(self.cur.fetchone()[0], base)
        if watermark is not False and mark != watermark:
            problem = "watermark %s, not %s" % (mark, watermark)
        self.cur.execute("SELECT reason, count(*) FROM (%s) d (a, b, c, reason)"
                         " GROUP BY 1" % v.dropped_sql())
        dropped = dict(self.cur.fetchall())
        for reason, n in (("late", late), ("null", null)):
            if n is not None and dropped.get(reason, 0) != n:
                problem = "%d rows %s, not %d" % (
                    dropped.get(reason, 0), reason, n)
        # the query itself must at least be written
        assert v.create()
        if problem:
            self.failed += 1
            print("not ok %s: %s\n%s" % (name, problem, sql))
        else:
            self.passed += 1

    @staticmethod
    def seconds(us, base):
        if us is None:
            return None
        value = us / SECOND - base
        return int(value) if value == int(value) else round(value, 6)


def rules(t):
    rule = t.rule
    tumble = dict(key="tumble")
    append = dict(key="tumble", mode="append")

    # B: the watermark
    rule("B1 maximum minus delay", [[[5, 25, 12]]],
         [(0, 10, 1), (10, 20, 3), (20, 30, 2)], 18, 0, delays=[7], **tumble)
    rule("B1 late rows and NULL do not lower it", [[[25]], [[3, None]]],
         [(20, 30, 1)], 25, 1, 1, **tumble)
    rule("B2 whole milliseconds", [[[Row(25, us=1999)]]],
         [(20, 30, 1)], 25.001, **tumble)
    rule("B2 cut before the delay", [[[Row(25, us=999)]]],
         [(20, 30, 1)], 24.9995, delays=[0.0005], **tumble)
    rule("B3 an input without rows holds it at the epoch", [[[5, 25]], [[3]]],
         [(0, 10, 4), (20, 30, 2)], None, 0, delays=[0, 0], **tumble)
    rule("B3 no rows, max", [[[5, 25]], [[3]]],
         [(0, 10, 1), (20, 30, 2)], 25, 1, delays=[0, 0], policy="max", **tumble)
    two = [[[Row(30), Row(50, src=1)]], [[Row(35, src=1), Row(12)]]]
    rule("B4 min", two, [(30, 40, 4), (50, 60, 2)], 28,
         1, delays=[2, 5], **tumble)
    rule("B4 max", two, [(30, 40, 1), (50, 60, 2)], 45,
         2, delays=[2, 5], policy="max", **tumble)
    rule("B4 never down", [[[50]], [[5]], [[6]]], [(50, 60, 1)], 50, 2, **tumble)
    rule("B4 no watermark at the epoch", [[[0]], [[-3]]],
         [(0, 10, 1), (-10, 0, 2)], None, 0, base=0, **tumble)
    rule("B4 below the epoch", [[[-25]], [[-35]]],
         [(-30, -20, 1), (-40, -30, 2)], None, 0, base=0, **tumble)
    rule("B5 not within the batch", [[[50, 5]]], [(0, 10, 2), (50, 60, 1)],
         50, 0, **tumble)
    rule("B6 over all keys", [[[(50, 1)]], [[(5, 2)]]], [(50, 60, 1, 1)], 50, 1,
         by=["k"], **tumble)
    rule("B8 a longer delay", [[[100]], [[55]]], [(50, 60, 2), (100, 110, 1)],
         50, 0, delays=[0], delay=50 * SECOND, **tumble)
    rule("B8 the view's own delay", [[[100]], [[5]]], [(100, 110, 1)],
         100, 1, delays=[50], delay=0, **tumble)
    rule("B9 below the watermark", [[[(50, 1), (20, 2)]]], [(20, 30, 2)], 20,
         conditions=["s.k <> 1"], **tumble)
    rule("B9 above the watermark", [[[(50, 1), (20, 2)]]], [(20, 30, 2)], 50,
         where="{ts} < '2024-01-01 00:00:30'", **tumble)
    rule("B9 mixed filter", [[[(50, 1), (20, 2)]]], [(20, 30, 2)], 50,
         where="(s.k <> 1 OR {ts} < '2024-01-01')", **tumble)

    # C: two thresholds
    rule("C1 batch 0", [[[50, 1]]], [(50, 60, 1), (0, 10, 2)], 50, 0, **tumble)
    rule("C2 after a pause", [[[50]], [[5]]], [(50, 60, 1)], 50, 1, **tumble)
    rule("C2 directly", [[[50], [5]]], [(50, 60, 1), (0, 10, 2)], 50, 0, **tumble)
    rule("C2 two behind", [[[50], [5], [6]]], [(50, 60, 1), (0, 10, 2)],
         50, 1, **tumble)
    rule("C2 with an empty batch between", [[[50], [], [5]]], [(50, 60, 1)],
         50, 1, **tumble)
    rule("C2 closed in the same batch", [[[50], [5]]], [(0, 10, 2)], 50, 0,
         **append)

    # D: late rows
    rule("D1 equality is late", [[[30]], [[20, 19]]], [(30, 40, 1)], 30, 2,
         **tumble)
    rule("D1 the window's end counts", [[[29]], [[20, 21, 19]]],
         [(20, 30, 6)], 29, 1, **tumble)
    rule("D1 end = L", [[[20]], [[19]]], [(20, 30, 1)], 20, 1, **tumble)
    rule("D1 a time as key", [[[20]], [[20, 19, 21]]], [(20, 1), (21, 4)], 21, 2,
         key="plain")
    rule("D1 date_bin", [[[20]], [[19, 20, 21]]], [(20, 8)], 21, 1,
         key="date_bin")
    rule("D1 date_trunc", [[[70]], [[59, 60, 61]]], [(60, 8)], 70, 1,
         key="date_trunc", unit="minute")
    rule("D2 no event time in the keys", [[[(50, 1)]], [[(5, 1), (None, 1)]]],
         [(1, 6)], 50, 0, 0, by=["k"])
    rule("D3 each window alone", [[[20]], [[14]]],
         [(20, 30, 1), (15, 25, 1)], 20, 1, key="hop", slide=5 * SECOND)
    rule("D3 one window still open", [[[20]], [[16]]],
         [(20, 30, 1), (15, 25, 3)], 20, 0, key="hop", slide=5 * SECOND)
    rule("D6 complete", [[[50]], [[5]]], [(50, 60, 1), (0, 10, 2)], 50, 0,
         mode="complete", **tumble)
    rule("D7 no trace", [[[50]], [[5]], [[5]]], [(50, 60, 1)], 50, 2, **tumble)

    # E: windows
    rule("E1 start in, end out", [[[10, Row(10, us=-1), 20]]],
         [(10, 20, 1), (0, 10, 2), (20, 30, 3)], **tumble)
    rule("E1 offset", [[[12, 13]]], [(3, 13, 1), (13, 23, 2)],
         offset=3 * SECOND, **tumble)
    rule("E1 offset below zero", [[[6, 7]]], [(-3, 7, 1), (7, 17, 2)],
         offset=-13 * SECOND, **tumble)
    rule("E1 before the epoch", [[[-1, -10, -11]]],
         [(-10, 0, 3), (-20, -10, 3)], base=0, **tumble)
    rule("E2 all windows", [[[12]]], [(12, 22, 1), (9, 19, 1), (6, 16, 1),
                                      (3, 13, 1)],
         key="hop", slide=3 * SECOND)
    rule("E2 another number of them", [[[11]]], [(9, 19, 1), (6, 16, 1),
                                                 (3, 13, 1)],
         key="hop", slide=3 * SECOND)
    rule("E3 NULL", [[[None, 5]]], [(0, 10, 2)], None, 0, 1, delays=[BASE + 99],
         **tumble)
    rule("E3 NULL, hop", [[[None, 5]]], [(0, 10, 2)], 5, 0, 1, key="hop",
         slide=10 * SECOND)

    # F: output
    rule("F1 merge, then close", [[[5]], [[30, 7]]],
         [(0, 10, 4)], 30, 0, **append)
    rule("F2 only what is closed", [[[5, 15]], [[19]]], [(0, 10, 1)], 19, 0,
         **append)
    rule("F2 end = E", [[[5, 20]]], [(0, 10, 1)], 20, 0, **append)
    rule("F2 end = E, and two", [[[5, 15, 20]]], [(0, 10, 1), (10, 20, 2)], 20, 0,
         **append)
    rule("F2 a time as key", [[[5, 20]]], [(5, 1), (20, 2)], 20, 0,
         key="plain", mode="append")
    rule("F4 closed windows stay", [[[5]], [[50]], [[5]]],
         [(0, 10, 1), (50, 60, 2)], 50, 1, **tumble)
    rule("F6 no keys", [[[5]], [[50]], [[5]]], [(6,)], 50, 0)

    # G: sessions, gap 10
    session = dict(key="session", gap=10 * SECOND, by=["k"])
    rule("G1 touching merges", [[[(0, 1), (10, 1)]]], [(0, 20, 1, 3)], **session)
    rule("G1 apart", [[[(0, 1), Row(10, 1, us=1)]]],
         [(0, 10, 1, 1), (10.000001, 20.000001, 1, 2)], **session)
    rule("G1 state and new rows", [[[(20, 1)]], [[(12, 1)]]],
         [(12, 30, 1, 3)], **session)
    rule("G2 glue", [[[(20, 1), (40, 1)]], [[(30, 1)]]], [(20, 50, 1, 6)],
         20, delays=[20], **session)
    rule("G2 three", [[[(0, 1), (15, 1), (30, 1)]], [[(8, 1), (24, 1)]]],
         [(0, 40, 1, 15)], delays=[30], **session)
    rule("G3 gap of the row", [[[Row(0, 1, g=30), Row(10, 1, g=5),
                                 Row(29, 1, g=1), Row(40, 1, g=1)]]],
         [(0, 30, 1, 6), (40, 41, 1, 4)], key="session", gap=None, by=["k"])
    rule("G3 bad gaps", [[[Row(0, 1, g=0), Row(90, 1, g=-5), Row(10, 1, g=None),
                           Row(40, 1, g=1)]]],
         [(40, 41, 1, 4)], 90, 0, 3, key="session", gap=None, by=["k"])
    rule("G4 append", [[[(0, 1), (20, 2), (5, 1)]], [[(15, 3)]]],
         [(0, 15, 1, 4)], 20, 0, mode="append", **session)
    rule("G6 keys never mix", [[[(0, 1), (5, 2), (9, None), (8, None)]]],
         [(0, 10, 1, 1), (5, 15, 2, 2), (8, 19, None, 7)], **session)
    rule("G without keys", [[[(0, 1), (5, 2), (15, 2)]]], [(0, 25, 6)],
         key="session", gap=10 * SECOND)
    rule("D5 judged before merging", [[[(35, 1), (45, 1)]], [[(27, 1)]]],
         [(35, 55, 1, 3)], 45, 1, **session)
    rule("D5 on time by its own range", [[[(35, 1), (45, 1)]], [[(36, 1)]]],
         [(35, 55, 1, 6)], 45, 0, **session)
    rule("D5 equality", [[[(45, 1)]], [[(35, 1)]]], [(45, 55, 1, 1)], 45, 1,
         **session)
    rule("closed sessions are not touched again",
         [[[(10, 1), (20, 2)]], [[(15, 1)]], [[(50, 3)]]],
         [(10, 20, 1, 1), (15, 25, 1, 3), (20, 30, 2, 2), (50, 60, 3, 4)],
         50, 0, **session)
    rule("sessions, E not yet L", [[[(10, 1)], [(30, 2)], [(15, 1)]]],
         [(10, 25, 1, 4), (30, 40, 2, 2)], 30, 0, **session)
    rule("complete sessions", [[[(10, 1)]], [[(90, 2)]], [[(15, 1)]]],
         [(10, 25, 1, 4), (90, 100, 2, 2)], 90, 0, mode="complete", **session)

    # H: deduplication; columns k, t or k, id
    distinct = dict(dedup=("distinct", ["k", "ts"]), aggs=[])
    rule("H1 once", [[[(5, 1), (5, 1)]], [[(5, 1), (6, 1)]]],
         [(1, 5), (1, 6)], 6, 1, **distinct)
    rule("H1 at once in append", [[[(5, 1), (50, 1)]]], [(1, 5), (1, 50)], 50,
         mode="append", **distinct)
    rule("H2 late", [[[(50, 1)]], [[(50, 1), (50, 2), (51, 2)]]],
         [(1, 50), (2, 51)], 51, 2, **distinct)
    rule("H2 window", [[[(29, 1)]], [[(21, 1), (22, 2), (12, 3)]]],
         [(1, 20, 30), (2, 20, 30)], 29, 1, dedup=("distinct", ["k", "w"]),
         aggs=[])
    on = dict(dedup=("on", ["k"]), aggs=[])
    rule("H1 first batch wins", [[[(5, 1)]], [[(2, 1), (6, 2)]]],
         [(1, 1), (2, 3)], 6, 0, shown=[1, 3], **on)
    rule("H1 any row of the first batch", [[[(5, 1), (6, 1)]]], [(1, 2)], 6,
         shown=[2], **on)
    rule("H1 only one of them", [[[(5, 1), (6, 1)]]], [(1, 1)], 6,
         shown=[1, 2], **on)
    rule("H3 without event time nothing is late", [[[(50, 1)]], [[(5, 2)]]],
         [(1, 1), (2, 2)], 50, 0, shown=[1, 2], **on)
    rule("H3 event time beside the key", [[[(50, 1)]], [[(5, 2)]], [[(60, 1)]]],
         [(1, 50, 1)], 60, 1, shown=[1], payload=["ts"], **on)
    rule("H4 a late duplicate is late", [[[(50, 1)]], [[(50, 1)]], [[(60, 1)]]],
         [(1, 50), (1, 60)], 60, 1, **distinct)
    within = dict(dedup=("on", ["k"]), aggs=[], payload=["ts"], within=True)
    rule("H5 until expiry", [[[(50, 1)]], [[(60, 1)]]],
         [(1, 50, 1)], 50, 0, delays=[10], shown=[1], **within)
    rule("H5 expiry = E", [[[(50, 1)]], [[(70, 2)]], [[(65, 1)]]],
         [(1, 50, 1), (2, 70, 2), (1, 65, 3)], 60, 0, delays=[10],
         shown=[1, 2, 3], **within)
    rule("H5 duplicates do not move it", [[[(50, 1)]], [[(58, 1)]], [[(70, 2)]],
                                          [[(65, 1)]]],
         [(1, 50, 1), (2, 70, 3), (1, 65, 4)], 60, 0, delays=[10],
         shown=[1, 3, 4], **within)
    rule("H5 one second before", [[[(50, 1)]], [[(69, 2)]], [[(65, 1)]]],
         [(1, 50, 1), (2, 69, 2)], 59, 0, delays=[10], shown=[1, 2], **within)
    rule("H5 late", [[[(50, 1)]], [[(40, 2), (41, 3)]]],
         [(1, 50, 1), (3, 41, 3)], 40, 1, delays=[10], shown=[1, 3], **within)
    rule("H5 a day", [[[(0, 1)]], [[(100, 1)]], [[(86401, 1)]]],
         [(1, 0, 1), (1, 100, 2), (1, 86401, 3)], 86401, 0, delays=[0],
         shown=[1, 2, 3], **within)

    # K: deduplication below an aggregate
    below = dict(dedup=("distinct", ["k", "x", "ts"]), key="tumble", aggs=["n"])
    rule("K1 counted once", [[[(5, 1), (5, 1), (6, 1)]], [[(5, 1), (7, 1)]]],
         [(0, 10, 3)], 7, 1, **below)
    rule("K1 late for the lower one", [[[(5, 1)]], [[(4, 1)]]],
         [(0, 10, 1)], 5, 1, **below)
    rule("K2 closes above", [[[(5, 1), (5, 1)]], [[(20, 1)]]],
         [(0, 10, 1)], 20, 0, mode="append", **below)
    rule("K3 without event time", [[[(5, 1), (9, 1)]], [[(5, 2), (5, 1)]]],
         [(2,)], 9, 0, dedup=("distinct", ["k", "x"]), aggs=["n"])

    # L
    rule("L2 union", [[[Row(5), Row(6, src=1)]], [[Row(50), Row(50, src=1)]],
                      [[Row(5), Row(51)]]],
         [(0, 10, 3), (50, 60, 3 + 4 + 6)], 50, 1, delays=[0, 0], **tumble)


def main(lib):
    test = Test(lib)
    try:
        rules(test)
    finally:
        test.cur.execute("DROP SCHEMA IF EXISTS oracle, selftest CASCADE")
    print("%s reference, %d examples 0 ms" % (
        "not ok" if test.failed else "ok", test.passed + test.failed))
    return 3 if test.failed else 0
