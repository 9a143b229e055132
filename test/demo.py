#!/usr/bin/env python3
"""Replays earthquakes into a stream and shows continuous views live.

Run by demo.sh, which sets up the server.  --fast: no pauses.
"""

import csv
import os
import shutil
import sys
import threading
import time

import psycopg2

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "data", "earthquakes.csv")
SECONDS = 22.0                  # how long the replay takes by default
BATCH = 4                       # rows per transaction

PER_HOUR = """\
SELECT tumble(occurred, '1 hour') AS hour, network,
       count(*) AS quakes, max(magnitude) AS strongest,
       avg(magnitude) AS magnitude, avg(depth_km) AS depth
FROM quakes GROUP BY hour, network"""

PER_CLASS = """\
SELECT floor(magnitude) AS class, count(*) AS quakes,
       max(magnitude) AS strongest, avg(depth_km) AS depth
FROM quakes GROUP BY floor(magnitude)"""

CLOSED_HOURS = """\
SELECT tumble(occurred, '1 hour') AS hour, count(*) AS quakes,
       max(magnitude) AS strongest
FROM quakes GROUP BY hour"""

COLUMNS = ("id", "occurred", "reported", "magnitude", "magnitude_type",
           "longitude", "latitude", "depth_km", "kind", "network", "place")

SETUP = """\
CREATE TABLE quakes (
    id text, occurred timestamptz NOT NULL, reported timestamptz,
    magnitude numeric, magnitude_type text, longitude float8,
    latitude float8, depth_km numeric, kind text, network text, place text
) USING stream WITH (
    streaming.event_time = 'occurred', streaming.watermark = '2 days');

-- each group as it stands, late reports included
CREATE MATERIALIZED VIEW quakes_per_hour WITH (
    streaming.continuous, streaming.output_mode = 'complete') AS
%s;

CREATE MATERIALIZED VIEW quakes_per_class WITH (streaming.continuous) AS
%s;

-- hours that are over: each once, when the watermark has passed it
CREATE MATERIALIZED VIEW closed_hours WITH (
    streaming.continuous, streaming.output_mode = 'append',
    streaming.late_rows = 'keep') AS
%s;
""" % (PER_HOUR, PER_CLASS, CLOSED_HOURS)


def connect():
    conn = psycopg2.connect("")
    conn.autocommit = True
    cur = conn.cursor()
    cur.execute("SET timezone = 'UTC'")
    return conn, cur


class Screen:
    """Redraws a block of lines in place; on anything but a tty, plain lines."""

    def __init__(self):
        self.tty = sys.stdout.isatty()
        self.height = 0

    def style(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.tty else text

    def draw(self, lines):
        width = shutil.get_terminal_size().columns
        out = "\033[%dA" % self.height if self.height else ""
        # escapes count as nothing on the screen, so cut only plain lines
        out += "".join("\033[2K%s\n" % (
            line if "\033" in line else line[:width - 1]) for line in lines)
        sys.stdout.write(out)
        sys.stdout.flush()
        self.height = len(lines)


def bar(part, width):
    full = int(round(part * width))
    return "█" * full + "░" * (width - full)


class Watch(threading.Thread):
    """Measures, on a connection of its own, when commits become visible.

    The replay says how many rows it has committed and when; this looks at the
    view all the time.  The time between is the delay.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.conn, self.cur = connect()
        self.committed = []     # (rows so far, time of the commit)
        self.delays = []
        self.stopped = False
        self.news = threading.Event()

    def commit(self, rows):
        self.committed.append((rows, time.perf_counter()))
        self.news.set()

    def run(self):
        seen = 0
        while not self.stopped or seen < len(self.committed):
            if seen == len(self.committed):
                self.news.wait(0.1)
                self.news.clear()
                continue
            self.cur.execute(
                "SELECT coalesce(sum(quakes), 0) FROM quakes_per_class")
            rows = self.cur.fetchone()[0]
            now = time.perf_counter()
            while seen < len(self.committed) and self.committed[seen][0] <= rows:
                self.delays.append(now - self.committed[seen][1])
                seen += 1

    def finish(self, timeout):
        self.stopped = True
        self.news.set()
        self.join(timeout)

    def percentile(self, p):
        delays = sorted(self.delays)
        if not delays:
            return float("nan")
        return delays[min(len(delays) - 1, int(len(delays) * p))] * 1000


def number(value, digits):
    return "-" if value is None else "%.*f" % (digits, value)


def picture(screen, cur, row, done, total):
    """The lines of the live display."""
    cur.execute("SELECT class, quakes, strongest, depth FROM quakes_per_class "
                "ORDER BY class")
    classes = cur.fetchall()
    cur.execute("SELECT lower(hour), network, quakes, strongest, magnitude, "
                "depth FROM quakes_per_hour "
                "ORDER BY hour DESC, quakes DESC, network LIMIT 6")
    hours = cur.fetchall()
    cur.execute("SELECT count(*), coalesce(sum(quakes), 0) "
                "FROM quakes_per_hour")
    groups, counted = cur.fetchone()
    cur.execute("SELECT watermark, groups, late_rows FROM streaming.views "
                "WHERE view = 'closed_hours'::regclass")
    watermark, open_hours, late = cur.fetchone()
    cur.execute("SELECT count(*), coalesce(sum(quakes), 0) FROM closed_hours")
    closed, final = cur.fetchone()
    cur.execute("SELECT e.event_time, q.reported - q.occurred, q.place "
                "FROM streaming.errors e JOIN quakes q ON q.ctid = e.tid "
                "WHERE e.view = 'closed_hours'::regclass "
                "ORDER BY e.at DESC, e.tid DESC LIMIT 3")
    latest = cur.fetchall()
    lines = [
        "  %s  %s %4d of %d reports  (%s)" % (
            screen.style("36", bar(done / total, 30)),
            screen.style("1", "%3d%%" % (100 * done // total)),
            done, total, row["reported"][:16]),
        "",
        "  " + screen.style(
            "1", "quakes_per_class   magnitude   quakes   avg depth")]
    most = max([c[1] for c in classes] or [1])
    for label in range(-1, 8):
        hit = [c for c in classes if c[0] is not None and int(c[0]) == label]
        if hit:
            _, n, _, depth = hit[0]
            lines.append("                     %2d to %2d  %7d  %7s km  %s" % (
                label, label + 1, n, number(depth, 1),
                screen.style("33", bar(n / most, 20).replace("░", " "))))
        else:
            lines.append("")
    lines += ["", "  " + screen.style(
        "1", "quakes_per_hour    hour          network  quakes  strongest"
        "   avg mag   avg depth")]
    for hour, network, n, strongest, magnitude, depth in hours:
        lines.append("                     %s  %-7s %7d  %9s  %8s  %7s km" % (
            hour.strftime("%d %b %H:00"), network, n, number(strongest, 2),
            number(magnitude, 2), number(depth, 1)))
    lines += [""] * (6 - len(hours))
    lines += ["                     ... %d groups, %d quakes counted" % (
        groups, counted)]
    lines += ["", "  " + screen.style(
        "1", "closed_hours       watermark %s: %d hours closed with %d quakes, "
        "%d open" % (watermark.strftime("%d %b %H:%M") if watermark else
                     "none yet    ", closed, final, open_hours)),
        "                     %d reports came when their hour was closed, "
        "the latest:" % late]
    for occurred, delay, place in latest:
        lines.append("                     %s  %4.1f h later  %s" % (
            occurred.strftime("%d %b %H:%M"), delay.total_seconds() / 3600,
            place or ""))
    lines += [""] * (3 - len(latest))
    return lines


def oracle(cur, view, query):
    cur.execute("REFRESH MATERIALIZED VIEW " + view)
    cur.execute("SELECT count(*) FROM ((TABLE %s EXCEPT ALL (%s)) UNION ALL "
                "((%s) EXCEPT ALL TABLE %s)) x" % (view, query, query, view))
    wrong = cur.fetchone()[0]
    cur.execute("SELECT count(*) FROM " + view)
    return wrong, cur.fetchone()[0]


def oracle_closed(cur):
    """The closed hours, from nothing but the stream and what was put aside.

    An hour is closed when it ended two days before the last quake. What it
    shows must be all its quakes but those that were late; and those must be just
    those that came when an earlier report had closed their hour.
    """
    cur.execute("REFRESH MATERIALIZED VIEW closed_hours")
    closed = """
        WITH taken AS (
            SELECT * FROM quakes q WHERE NOT EXISTS (
                SELECT FROM streaming.errors e WHERE e.tid = q.ctid
                AND e.view = 'closed_hours'::regclass))
        SELECT tumble(occurred, '1 hour'), count(*), max(magnitude)
        FROM taken GROUP BY 1
        HAVING upper(tumble(min(occurred), '1 hour')) <=
            (SELECT date_trunc('milliseconds', max(occurred)) - '2 days'::interval
             FROM quakes)"""
    cur.execute("SELECT count(*) FROM ((TABLE closed_hours EXCEPT ALL (%s)) "
                "UNION ALL ((%s) EXCEPT ALL TABLE closed_hours)) x"
                % (closed, closed))
    wrong = cur.fetchone()[0]
    # whatever was put aside had an earlier report that closes its hour
    cur.execute("""
        SELECT count(*) FROM streaming.errors e
        WHERE e.view = 'closed_hours'::regclass AND NOT EXISTS (
            SELECT FROM quakes q WHERE q.ctid < e.tid AND
                date_trunc('milliseconds', q.occurred) - '2 days'::interval >=
                upper(tumble(e.event_time, '1 hour')))""")
    wrong += cur.fetchone()[0]
    cur.execute("SELECT (SELECT count(*) FROM closed_hours), "
                "(SELECT count(*) FROM streaming.errors)")
    return (wrong,) + cur.fetchone()


def main():
    fast = "--fast" in sys.argv[1:]
    screen = Screen()
    with open(DATA, newline="") as f:
        rows = sorted(csv.DictReader(f), key=lambda r: r["reported"])
    conn, cur = connect()
    cur.execute("CREATE EXTENSION streaming")
    cur.execute(SETUP)
    print()
    print(screen.style("2", "\n".join(
        "    " + line for line in SETUP.strip().split("\n"))))
    print("\n  Now %d reports of earthquakes arrive, in the order in which "
          "they were\n  reported, in transactions of %d.\n"
          % (len(rows), BATCH))

    watch = Watch()
    watch.start()
    writer_conn, writer = connect()
    writer_conn.autocommit = False
    insert = "INSERT INTO quakes VALUES (%s)" % ", ".join(["%s"] * len(COLUMNS))
    began = time.perf_counter()
    drawn = 0.0 if screen.tty else began
    for i in range(0, len(rows), BATCH):
        batch = rows[i:i + BATCH]
        for row in batch:
            writer.execute(insert, [row[c] or None for c in COLUMNS])
        writer_conn.commit()
        done = i + len(batch)
        watch.commit(done)
        now = time.perf_counter()
        last = done == len(rows)
        if screen.tty and (last or now - drawn > 0.08):
            screen.draw(picture(screen, cur, batch[-1], done, len(rows)))
            drawn = now
        elif not screen.tty and (last or now - drawn > (0.5 if fast else 2.0)):
            cur.execute("SELECT count(*), coalesce(sum(quakes), 0), "
                        "max(strongest) FROM quakes_per_hour")
            print("  %4d of %d reports: quakes_per_hour has %d groups, "
                  "%d quakes, the strongest %s"
                  % ((done, len(rows)) + cur.fetchone()), flush=True)
            drawn = now
        if not fast:
            # the speed of the replay
            time.sleep(max(0.0, began + SECONDS * done / len(rows)
                           - time.perf_counter()))
    took = time.perf_counter() - began
    watch.finish(30)

    wrong = 0
    results = [(view, *oracle(cur, view, query))
               for view, query in (("quakes_per_hour", PER_HOUR),
                                   ("quakes_per_class", PER_CLASS))]
    if screen.tty:
        screen.draw(picture(screen, cur, rows[-1], len(rows), len(rows)))
    print()
    for view, differences, groups in results:
        wrong += differences
        print("  %s %-16s %s" % (
            screen.style("32", "✓") if differences == 0
            else screen.style("31", "✗"), view,
            "equals the plain query, all %d groups" % groups
            if differences == 0 else
            "differs from the plain query in %d rows" % differences))
    differences, closed, late = oracle_closed(cur)
    wrong += differences
    print("  %s %-16s %s" % (
        screen.style("32", "✓") if differences == 0
        else screen.style("31", "✗"), "closed_hours",
        "is right: %d hours closed, %d reports came too late for theirs"
        % (closed, late) if differences == 0 else
        "is wrong in %d rows" % differences))
    missing = len(watch.committed) - len(watch.delays)
    if missing:
        wrong += missing
        print("  %s %d commits never became visible" % (
            screen.style("31", "✗"), missing))
    print("  %s %d transactions in %.1f s; from commit to visible: "
          "p50 %.1f ms, p99 %.1f ms\n" % (
              screen.style("32", "✓"), len(watch.delays), took,
              watch.percentile(0.50), watch.percentile(0.99)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
