#!/usr/bin/env python3
"""The queries of the Nexmark benchmark as continuous views.

Three streams of an auction house: persons, auctions and bids, in the published
proportions (in 50 events 1 person, 3 auctions and 46 bids; half of the bids are on
hot auctions, three of four auctions are of hot sellers, and three of four bids by
hot bidders).  For each query: the events are loaded by COPY in 50 transactions
while the view is running, and the time is taken until it has read them all, less
the time of the same load without a view.  Then, and at some points of the load,
it is compared with the plain query, EXCEPT ALL both ways.

    nexmark.py                      all queries, 1,000,000 events
    nexmark.py q3 q20               these
    nexmark.py --small              a few thousand events, checked only
    nexmark.py --rate 2             events in a second of event time
    nexmark.py --disorder 50        events come up to so many places too late

Connects like any libpq program as a superuser to a server on this machine; works in
a database of its own.  Exit code 3: a view was not right.

Source: P. Tucker et al., "NEXMark - A Benchmark for Queries over Data Streams", 2002,
and the generator of Apache Beam for the proportions.
"""

import argparse
import datetime
import io
import os
import random
import statistics
import sys
import time

import psycopg2

DBNAME = "streaming_nexmark"
TRANSACTIONS = 50
FIRST_ID = 1000
CATEGORIES = 5
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)

STREAMS = {
    "person": "id int8, name text, email text, credit_card text, city text, "
              "state text, ts timestamptz, extra text",
    "auction": "id int8, item text, description text, initial_bid int8, "
               "reserve int8, ts timestamptz, expires timestamptz, seller int8, "
               "category int8, extra text",
    "bid": "auction int8, bidder int8, price int8, channel text, url text, "
           "ts timestamptz, extra text",
}

WON = """SELECT DISTINCT ON (a.id) a.id, a.item, a.initial_bid, a.reserve,
    a.ts AS opened, a.expires, a.seller, a.category, b.bidder, b.price, b.ts
    FROM auction a JOIN bid b ON a.id = b.auction
        AND b.ts BETWEEN a.ts AND a.expires
    ORDER BY a.id, b.price DESC, b.ts, b.bidder"""
DAY = "(ts AT TIME ZONE 'UTC')::date"
PRICES = """count(*) AS bids,
    count(*) FILTER (WHERE price < 10000) AS rank1,
    count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2,
    count(*) FILTER (WHERE price >= 1000000) AS rank3"""
DISTINCTS = """count(DISTINCT bidder) AS bidders,
    count(DISTINCT bidder) FILTER (WHERE price < 10000) AS bidders1,
    count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS bidders2,
    count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS bidders3,
    count(DISTINCT auction) AS auctions,
    count(DISTINCT auction) FILTER (WHERE price < 10000) AS auctions1,
    count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS auctions2,
    count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS auctions3"""

# name: what it is, and the query
QUERIES = {
    "q0": ("bids as they are",
           "SELECT auction, bidder, price, ts, extra FROM bid"),
    "q1": ("prices in another currency",
           "SELECT auction, bidder, 0.908 * price AS price, ts, extra FROM bid"),
    "q2": ("bids on some auctions",
           "SELECT auction, price FROM bid WHERE auction % 123 = 0"),
    "q3": ("who sells in some states",
           "SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p "
           "ON a.seller = p.id WHERE a.category = 10 AND p.state IN "
           "('OR', 'ID', 'CA')"),
    "q4": ("mean price of what was sold, by category",
           "SELECT category, avg(final) FROM (SELECT a.id, a.category, "
           "max(b.price) AS final FROM auction a JOIN bid b ON a.id = b.auction "
           "AND b.ts BETWEEN a.ts AND a.expires GROUP BY a.id, a.category) q "
           "GROUP BY category"),
    "q5": ("hot items of sliding windows",
           "SELECT w, auction, num FROM (SELECT w, auction, count(*) AS num, "
           "max(count(*)) OVER (PARTITION BY w) AS most FROM bid, "
           "hop(bid.ts, '10 s', '2 s') AS w GROUP BY w, auction) q "
           "WHERE num = most"),
    "q6": ("mean price of the last ten sold, by seller",
           "SELECT seller, avg(price) FROM (SELECT seller, price, row_number() "
           "OVER (PARTITION BY seller ORDER BY expires DESC, id) AS n "
           "FROM (%s) w) q WHERE n <= 10 GROUP BY seller" % WON),
    "q7": ("highest bids of a window",
           "SELECT w, auction, price, bidder, ts, extra FROM (SELECT *, "
           "tumble(ts, '10 s') AS w, rank() OVER (PARTITION BY tumble(ts, "
           "'10 s') ORDER BY price DESC) AS n FROM bid) q WHERE n = 1"),
    "q8": ("new persons who sell",
           "SELECT DISTINCT p.id, p.name, tumble(p.ts, '10 s') AS w FROM person "
           "p JOIN auction a ON p.id = a.seller AND tumble(p.ts, '10 s') = "
           "tumble(a.ts, '10 s')"),
    "q9": ("winning bids", WON),
    "q10": ("bids with parts of their time, into a table",
            "SELECT auction, bidder, price, ts, extra, to_char(ts AT TIME ZONE "
            "'UTC', 'YYYY-MM-DD') AS dt, to_char(ts AT TIME ZONE 'UTC', "
            "'HH24:MI') AS hm FROM bid"),
    "q11": ("bids in sessions of a bidder",
            "SELECT bidder, session_window(ts, '10 s') AS w, count(*) AS bids "
            "FROM bid GROUP BY 1, 2"),
    "q12": ("bids of a bidder, by time of arrival",
            "SELECT bidder, tumble(arrived, '10 s') AS w, count(*) AS bids "
            "FROM bid GROUP BY 1, 2"),
    "q13": ("bids with a side table",
            "SELECT b.auction, b.bidder, b.price, b.ts, s.value FROM bid b "
            "JOIN side s ON b.auction % 10000 = s.key"),
    "q14": ("computing, and filtering by it",
            "SELECT auction, bidder, 0.908 * price AS price, CASE WHEN "
            "extract(hour FROM ts AT TIME ZONE 'UTC') BETWEEN 8 AND 18 THEN "
            "'day' WHEN extract(hour FROM ts AT TIME ZONE 'UTC') <= 6 THEN "
            "'night' ELSE 'other' END AS part, ts, extra, length(extra) - "
            "length(replace(extra, 'c', '')) AS c FROM bid WHERE 0.908 * price "
            "> 1000000 AND 0.908 * price < 50000000"),
    "q15": ("distinct bidders and auctions of a day",
            "SELECT %s AS day, %s, %s FROM bid GROUP BY 1"
            % (DAY, PRICES, DISTINCTS)),
    "q16": ("the same by channel",
            "SELECT channel, %s AS day, max(to_char(ts AT TIME ZONE 'UTC', "
            "'HH24:MI')) AS minute, %s, %s FROM bid GROUP BY 1, 2"
            % (DAY, PRICES, DISTINCTS)),
    "q17": ("an auction's day",
            "SELECT auction, %s AS day, %s, min(price), max(price), avg(price), "
            "sum(price) FROM bid GROUP BY 1, 2" % (DAY, PRICES)),
    "q18": ("the last bid of a bidder on an auction",
            "SELECT DISTINCT ON (bidder, auction) * FROM bid "
            "ORDER BY bidder, auction, ts DESC"),
    "q19": ("the ten highest bids of an auction",
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY auction "
            "ORDER BY price DESC, ts, bidder) AS n FROM bid) q WHERE n <= 10"),
    "q20": ("bids with their auction",
            "SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.ts, a.item, "
            "a.description, a.initial_bid, a.reserve, a.ts AS opened, a.expires, "
            "a.seller, a.category FROM bid b JOIN auction a ON b.auction = a.id "
            "WHERE a.category = 10"),
    "q21": ("the channel's number",
            "SELECT auction, bidder, price, channel, CASE lower(channel) WHEN "
            "'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' "
            "WHEN 'baidu' THEN '3' ELSE (regexp_match(url, "
            "'(&|^)channel_id=([^&]*)'))[2] END AS number FROM bid WHERE url ~ "
            "'(&|^)channel_id=([^&]*)' OR lower(channel) IN ('apple', 'google', "
            "'facebook', 'baidu')"),
    "q22": ("parts of the address",
            "SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS "
            "dir1, split_part(url, '/', 5) AS dir2, split_part(url, '/', 6) AS "
            "dir3 FROM bid"),
}

# what session_window means, in plain SQL
PLAIN = {
    "q11": "SELECT bidder, tstzrange(min(ts), max(ts) + '10 s') AS w, count(*) AS "
           "bids FROM (SELECT *, count(*) FILTER (WHERE new) OVER (PARTITION BY "
           "bidder ORDER BY ts) AS g FROM (SELECT *, lag(ts) OVER (PARTITION BY "
           "bidder ORDER BY ts) + '10 s' < ts AS new FROM bid) a) b "
           "GROUP BY bidder, g",
}

# with a window of event time, which is right as long as it is open
WINDOWED = ("q5", "q7", "q8")

# thousands of events a second, or 0.7 of the plain query's if that is less
GOALS = dict(q0=400, q1=400, q2=400, q3=300, q4=100, q5=150, q6=50, q7=150,
             q8=300, q9=60, q10=300, q11=150, q12=300, q13=300, q14=300,
             q15=170, q16=90, q17=300, q18=130, q19=90, q20=100, q21=150,
             q22=300)


class Generator:
    """Events as lines of COPY."""

    def __init__(self, seed, rate):
        self.rng = random.Random(seed)
        self.rate = rate

    def time(self, n):
        return START + datetime.timedelta(microseconds=n * 1000000 // self.rate)

    def persons(self, n):
        """How many there are before event n."""
        return n // 50 + (1 if n % 50 > 0 else 0)

    def auctions(self, n):
        return n // 50 * 3 + min(max(n % 50 - 1, 0), 3)

    def extra(self, size):
        return "".join(self.rng.choices("abcdefghijklmnop", k=size))

    def some_person(self, n, hot):
        last = max(self.persons(n) - 1, 0)
        if self.rng.random() < hot:
            return FIRST_ID + last // 100 * 100
        return FIRST_ID + self.rng.randint(max(0, last - 1000), last)

    def some_auction(self, n):
        last = max(self.auctions(n) - 1, 0)
        if self.rng.random() < 0.5:
            return FIRST_ID + last // 100 * 100
        return FIRST_ID + self.rng.randint(max(0, last - 100), last)

    def price(self):
        return round(10 ** (self.rng.random() * 6) * 100)

    def event(self, n):
        rng, ts = self.rng, self.time(n)
        place = n % 50
        if place == 0:
            i = FIRST_ID + n // 50
            return "person", (i, "name %d" % (i % 77), "p%d@example.com" % i,
                              "%016d" % rng.randrange(10 ** 16),
                              rng.choice(["Phoenix", "Boise", "Portland", "Kent"]),
                              rng.choice(["AZ", "CA", "ID", "OR", "WA", "WY"]),
                              ts, self.extra(20))
        if place < 4:
            price = self.price()
            return "auction", (FIRST_ID + self.auctions(n), "item %d" % place,
                               self.extra(30), price, price + self.price(), ts,
                               ts + datetime.timedelta(
                                   microseconds=rng.randint(1, 2 * 1667)
                                   * 1000000 // self.rate),
                               self.some_person(n, 0.75),
                               10 + rng.randrange(CATEGORIES), self.extra(20))
        if rng.random() < 0.5:
            channel = rng.choice(["Google", "Facebook", "Baidu", "Apple"])
            url = "https://www.nexmark.com/%s/item.htm?query=1" % self.extra(3)
        else:
            number = rng.randrange(10000)
            channel = "channel-%d" % number
            url = ("https://www.nexmark.com/%s/%s/%s/item.htm?query=1"
                   "&channel_id=%d" % (self.extra(3), self.extra(3),
                                       self.extra(3), number))
        return "bid", (self.some_auction(n), self.some_person(n, 0.75),
                       self.price(), channel, url, ts, self.extra(20))

    def transactions(self, events, disorder):
        """Lines for each stream, in the order in which they are loaded."""
        order = list(range(events))
        if disorder:
            order.sort(key=lambda n: n + self.rng.randint(0, disorder))
        size = -(-events // TRANSACTIONS)
        made = [self.event(n) for n in range(events)]
        result = []
        for i in range(0, events, size):
            lines = {name: [] for name in STREAMS}
            for n in order[i:i + size]:
                stream, values = made[n]
                lines[stream].append("\t".join(map(str, values)))
            result.append({s: "\n".join(l) + "\n" for s, l in lines.items() if l})
        return result


class Nexmark:
    def __init__(self, args):
        self.args = args
        self.conn = psycopg2.connect(dbname=DBNAME)
        self.conn.autocommit = True
        self.cur = self.conn.cursor()
        self.cur.execute("SET max_parallel_workers_per_gather = 0; SET TimeZone = "
                         "'UTC'; SET client_min_messages = warning")
        self.load = Generator(args.seed, args.rate).transactions(
            args.events, args.disorder)

    def make_streams(self):
        self.cur.execute("DROP TABLE IF EXISTS person, auction, bid CASCADE")
        for name, columns in STREAMS.items():
            self.cur.execute(
                "CREATE TABLE %s (%s%s) USING stream WITH (streaming.event_time "
                "= 'ts', streaming.watermark = '4 s')" % (
                    name, columns, ", arrived timestamptz DEFAULT "
                    "clock_timestamp()" if name == "bid" else ""))
        self.cur.execute("CREATE TABLE IF NOT EXISTS side (key int8 PRIMARY KEY, "
                         "value text)")
        self.cur.execute("INSERT INTO side SELECT x, 'value ' || x FROM "
                         "generate_series(0, 9999) x ON CONFLICT DO NOTHING; "
                         "ANALYZE side")

    def run_load(self, name=None):
        """Seconds; with a view, until it has read all; checks it in between."""
        checks = {TRANSACTIONS // 3, TRANSACTIONS * 2 // 3} if name and self.args.small else set()
        began = time.perf_counter()
        for i, lines in enumerate(self.load):
            self.cur.execute("BEGIN")
            for stream, text in lines.items():
                columns = ", ".join(c.split()[0]
                                    for c in STREAMS[stream].split(", "))
                self.cur.copy_expert("COPY %s (%s) FROM STDIN" % (stream, columns),
                                     io.StringIO(text))
            self.cur.execute("COMMIT")
            if i in checks:
                self.check(name)
        if name:
            self.cur.execute("REFRESH MATERIALIZED VIEW " + name)
        return time.perf_counter() - began

    def check(self, name):
        """Does the view show what the plain query does?

        Out of order, rows may be late: then closed windows may lack some.
        """
        self.cur.execute("REFRESH MATERIALIZED VIEW " + name)
        self.cur.execute("SELECT late_rows, coalesce(watermark, '-infinity') FROM "
                         "streaming.views WHERE view = %s::regclass", [name])
        late, watermark = self.cur.fetchone()
        plain = PLAIN.get(name, QUERIES[name][1])
        compared = "true"
        if late and self.args.disorder:
            compared = ("upper(w) > '%s'" % watermark if name in WINDOWED
                        else "false")
        self.cur.execute(
            "WITH v AS MATERIALIZED (TABLE {0}), p AS MATERIALIZED ({1}), "
            "cv AS (SELECT * FROM v WHERE {2}), cp AS (SELECT * FROM p WHERE {2}) "
            "SELECT (SELECT count(*) FROM v), (SELECT count(*) FROM (TABLE cv "
            "EXCEPT ALL TABLE cp) d), (SELECT count(*) FROM (TABLE cp EXCEPT ALL "
            "TABLE cv) d)".format(name, plain, compared))
        rows, more, less = self.cur.fetchone()
        if more or less:
            print("not ok %s: %d rows too many, %d missing 0 ms"
                  % (name, more, less), flush=True)
            sys.exit(3)
        return rows

    def plain_seconds(self, name):
        self.cur.execute("VACUUM ANALYZE person, auction, bid")
        began = time.perf_counter()
        self.cur.execute("CREATE TEMP TABLE plain AS " + PLAIN.get(
            name, QUERIES[name][1]))
        seconds = time.perf_counter() - began
        self.cur.execute("DROP TABLE plain")
        return seconds

    def measure(self, name, alone):
        self.make_streams()
        self.cur.execute("CREATE MATERIALIZED VIEW %s WITH "
                         "(streaming.continuous) AS %s" % (name, QUERIES[name][1]))
        seconds = self.run_load(name)
        rows = self.check(name)
        if self.args.small:
            print("ok %s, %d rows %d ms" % (name, rows, seconds * 1000),
                  flush=True)
            return
        events = self.args.events / 1000
        ours = events / max(seconds - alone, 0.001)
        theirs = events / self.plain_seconds(name)
        goal = min(GOALS[name], 0.7 * theirs)
        print("| %s: %s | %d | %d | %d | %d | %s |" % (
            name, QUERIES[name][0], rows, ours, theirs, goal,
            "met" if ours >= goal else "**missed**"), flush=True)

    def run(self):
        self.make_streams()
        self.run_load()
        alone = 0.0
        if not self.args.small:
            loads = []
            for _ in range(3):
                self.make_streams()
                loads.append(self.run_load())
            alone = statistics.median(loads)
        if not self.args.small:
            print("%d events, %g in a second of event time; loaded alone in %.1f s\n"
                  % (self.args.events, self.args.rate, alone))
            print("| query | rows | view, 1000 events/s | plain query, once | goal | |")
            print("|---|---|---|---|---|---|")
        for name in self.args.queries or QUERIES:
            self.measure(name, alone)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("queries", nargs="*", choices=[[]] + list(QUERIES))
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--disorder", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if args.small:
        args.events = min(args.events, 5000)
        args.rate = min(args.rate, 100)
    admin = psycopg2.connect(dbname=os.environ.get("PGDATABASE", "postgres"))
    admin.autocommit = True
    admin.cursor().execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % DBNAME)
    admin.cursor().execute("CREATE DATABASE %s" % DBNAME)
    conn = psycopg2.connect(dbname=DBNAME)
    conn.autocommit = True
    conn.cursor().execute("CREATE EXTENSION streaming")
    conn.close()
    Nexmark(args).run()
    admin.cursor().execute("DROP DATABASE %s WITH (FORCE)" % DBNAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
