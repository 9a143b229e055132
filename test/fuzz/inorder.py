#!/usr/bin/env python3
"""Random chains over an event time, of rows that come in order.

Nothing is late then, so a view must be its plain query, whatever has closed and
given up its state: aggregations by all kinds of windows, first rows of each key
and grouping sets, one over another up to three deep.  In output mode append, what
a view has shown must stay, and be a part of what the query gives in the end.  Sessions
are merged by gaps and islands in the plain query.

    inorder.py --histories 100 --seed 1     seeds 1 to 100
    inorder.py --seed 17 --verbose          that one again, with its statements

Connects like any libpq program as a superuser; works in databases of its own.
Exit code 3: a history failed.
"""

import sys

import psycopg2

import fuzz
from fuzz import Failure, History
from grammar import islands

ORIGIN = "timestamptz '2000-01-01 00:00+00'"
RANGES = ["tumble({}, '10 minutes')", "tumble({}, '1 hour')",
          "tumble({}, '1 hour', '30 minutes')", "tumble({}, '25 minutes')",
          "tumble({}, '1 day')"]
TIMES = ["date_bin('15 minutes', {}, %s)" % ORIGIN,
         "date_bin('1 hour', {}, %s)" % ORIGIN]
GAPS = ["1 us", "1 second", "10 minutes", "1 hour"]
MOVED = ["count(*)", "sum({})", "avg({})", "count({})"]
KEPT = ["max({})", "array_agg({0} ORDER BY {0})", "count(DISTINCT {})",
        "min({})"]


class Chain:
    """A query: its text, what any server has in its place, and its columns by
    what they are."""

    def __init__(self, rng):
        self.rng = rng
        self.sql = self.plain = "s"
        self.level = -1
        self.columns = [("ts", "time"), ("k", "int"), ("v", "int"),
                        ("t", "text"), ("id", "id")]
        kinds = [self.aggregation, self.aggregation, self.first_rows]
        rng.choice(kinds)(True)
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            self.aggregation(False)

    def of(self, *kinds):
        return [c for c, kind in self.columns if kind in kinds]

    def time_keys(self, count):
        """Expressions over columns that have a time, and their kinds."""
        result = []
        times = self.of("time") + ["window_time(%s)" % c
                                   for c in self.of("range")]
        for _ in range(count):
            column = self.rng.choice(self.columns)
            if column[1] == "range" and self.rng.random() < 0.4:
                result.append(column)
            elif times and self.rng.random() < 0.7:
                result.append((self.rng.choice(RANGES).format(
                    self.rng.choice(times)), "range"))
            elif times:
                # when a bin starts is no event time of what comes after it
                result.append((self.rng.choice(TIMES).format(
                    self.rng.choice(times)), "start"))
        return list(dict.fromkeys(result))

    def session(self):
        """One more key, a session; or None."""
        times = self.of("time") + ["window_time(%s)" % c
                                   for c in self.of("range")]
        if not times or self.rng.random() > 0.25:
            return None
        return ("session_window(%s, '%s')" % (
            self.rng.choice(times), self.rng.choice(GAPS)), "range")

    def wrap(self, items, tail, prefix="", where="", session=None, keys=()):
        # GROUP BY takes a name for a column of FROM first
        self.level += 1
        names = ["%s%d" % ("cdefg"[self.level], i)
                 for i in range(len(items))]
        end = tail(names)

        def select(source, items, where):
            return "SELECT %s%s FROM %s%s%s" % (
                prefix, ", ".join("%s AS %s" % (e, n)
                                  for (e, _), n in zip(items, names)),
                source, where, end)

        plain = "s q" if self.plain == "s" else "(%s) q" % self.plain
        self.sql = select(
            self.sql if self.sql == "s" else "(%s) q" % self.sql, items, where)
        if session:
            plain = islands(plain, "q", session[0], [e for e, _ in keys],
                            [where[len(" WHERE "):]] if where else [], True)
            self.plain = select(plain, [
                ("q.session_" if e == session[0] else e, kind)
                for e, kind in items], "")
        else:
            self.plain = select(plain, items, where)
        self.columns = [(n, kind) for n, (_, kind) in zip(names, items)]

    def aggregation(self, lowest):
        rng = self.rng
        keys = self.time_keys(rng.choice([0, 1, 1, 1, 2]))
        others = [c for c in self.columns if c[1] in ("int", "text", "start")]
        rng.shuffle(others)
        keys += others[:rng.choice([0, 0, 1, 1, 2])]
        numbers = self.of("int") or ["1"]
        forms = MOVED if rng.random() < 0.5 else MOVED + KEPT
        aggs = [("count(*)", "int")] + [
            (a, "int" if a.startswith("count") else "other")
            for a in (rng.choice(forms).format(rng.choice(numbers))
                      for _ in range(rng.randint(0, 3)))]
        sets = lowest and len(keys) > 1 and rng.random() < 0.2
        having = " HAVING count(*) > 1" if rng.random() < 0.2 else ""
        where = (" WHERE %s > 1" % rng.choice(self.of("int"))
                 if self.of("int") and rng.random() < 0.2 else "")
        session = None if sets else self.session()
        beside = keys
        keys = keys + [session] if session else keys
        self.wrap(keys + aggs, lambda names: (" GROUP BY %s%s" % (
            "%s" % ("%s (%s)" if sets else "%s%s") % (
                rng.choice(["ROLLUP", "CUBE"]) if sets else "",
                ", ".join(names[:len(keys)])), having)
            if keys else having), where=where, session=session, keys=beside)

    def first_rows(self, lowest):
        rng = self.rng
        keys = self.time_keys(rng.choice([0, 0, 1, 1, 2]))
        keys += [("k", "int")] if rng.random() < 0.8 or not keys else []
        rest = [("ts", "time"), ("v", "int"), ("t", "text")]
        order = rng.choice(["ts DESC, id", "ts, id DESC", "v, id"])
        names = ", ".join(e for e, _ in keys)
        if rng.random() < 0.6:
            self.wrap(keys + rest, lambda _: " ORDER BY %s, %s" % (
                names, order), "DISTINCT ON (%s) " % names)
            return
        n = rng.choice([1, 1, 1, 2])
        self.wrap(keys + rest + [("row_number() OVER (PARTITION BY %s ORDER "
                                  "BY %s)" % (names, order), "rank")],
                  lambda _: "")
        columns, rank = self.columns[:-1], self.columns[-1][0]
        self.sql, self.plain = (
            "SELECT %s FROM (%s) q WHERE %s <= %d" % (
                ", ".join(c for c, _ in columns), sql, rank, n)
            for sql in (self.sql, self.plain))
        self.columns = columns


class View:
    def __init__(self, name, query, append):
        self.name = name
        self.query = query
        self.append = append
        self.shown = None

    def difference(self):
        if self.append:
            return ("TABLE %s EXCEPT ALL (%s)" % (self.name, self.query))
        return ("(TABLE {0} EXCEPT ALL ({1})) UNION ALL (({1}) EXCEPT ALL "
                "TABLE {0})".format(self.name, self.query))


class InOrder(History):
    def run(self):
        rng = self.rng
        self.do("ddl", "CREATE SCHEMA %s" % self.schema)
        with self.monitor.cursor() as cur:
            cur.execute("SET search_path = %s, public" % self.schema)
            cur.execute("SET timezone = 'UTC'")
        delay = rng.choice(["0", "1 second", "10 minutes"])
        self.do("ddl", "CREATE TABLE s (ts timestamptz, k int4, v int4, "
                "t text, id int8) USING stream WITH (streaming.event_time = "
                "'ts', streaming.watermark = '%s')" % delay)
        for number in range(rng.randint(3, 7)):
            self.create_view("v%d" % number)
        self.clock = 0              # milliseconds after the beginning
        for _ in range(rng.randint(5, 15)):
            self.insert()
            for view in self.views:
                self.look(view)
        for view in self.views:
            self.compare(view)

    def create_view(self, name):
        chain = Chain(self.rng)
        append = self.rng.random() < 0.3
        sql = ("CREATE MATERIALIZED VIEW %s WITH (streaming.continuous%s%s) "
               "AS %s" % (name, ", streaming.output_mode = append" if append
                          else "", ", streaming.trigger = manual"
                          if self.rng.random() < 0.5 else "", chain.sql))
        self.note("ddl", sql)
        try:
            with self.monitor.cursor() as cur:
                cur.execute(sql)
        except psycopg2.errors.FeatureNotSupported as e:
            self.note("ddl", "-- refused: " + str(e).split("\n")[0])
            return
        self.views.append(View(name, chain.plain, append))

    def insert(self):
        rng = self.rng
        # after the watermark, however little
        self.clock += rng.choice([1, 1000, 60000, 900000, 3600000])
        rows = []
        for _ in range(rng.randint(1, 30)):
            self.clock += rng.choice([0, 0, 1, 1000, 60000, 300000])
            self.number += 1
            rows.append("('2024-01-01 00:00+00'::timestamptz + %d * interval "
                        "'1 ms', %s, %s, %s, %d)" % (
                            self.clock, rng.choice([1, 2, 3, 4, "NULL"]),
                            rng.choice([0, 1, 2, 5, 10, "NULL"]),
                            rng.choice(["'a'", "'b'", "NULL"]), self.number))
        self.do("w1", "INSERT INTO s VALUES " + ", ".join(rows))
        if rng.random() < 0.1:
            self.do("admin", "SELECT pg_terminate_backend(pid) FROM "
                    "pg_stat_activity WHERE backend_type ~ '^streaming.* "
                    "worker' AND datname = current_database()")

    def look(self, view):
        """Closes what there is to close, and compares."""
        with self.monitor.cursor() as cur:
            for _ in range(2):
                self.note("oracle", "REFRESH MATERIALIZED VIEW %s;" % view.name)
                try:
                    cur.execute("REFRESH MATERIALIZED VIEW %s" % view.name)
                except psycopg2.Error as e:
                    raise Failure("%s: %s\n%s" % (view.name, view.query, e))
            if not view.append:
                self.compare(view)
                return
            cur.execute("SELECT x::text FROM %s x" % view.name)
            shown = sorted(r[0] for r in cur.fetchall())
        gone = list(view.shown or [])
        for row in shown:
            if row in gone:
                gone.remove(row)
        if gone:
            raise Failure("%s does not show any more what it has shown: %s\n"
                          "  %s" % (view.name, view.query, "\n  ".join(gone)))
        view.shown = shown
        self.checks += 1

    def compare(self, view):
        with self.monitor.cursor() as cur:
            cur.execute(view.difference())
            rows = cur.fetchmany(10)
        if rows:
            raise Failure("%s is not its query: %s\n%s" % (
                view.name, view.query, "\n".join("  " + str(r) for r in rows)))
        self.checks += 1


if __name__ == "__main__":
    sys.exit(fuzz.run_histories(fuzz.make_parser(__doc__).parse_args(),
                                InOrder))
