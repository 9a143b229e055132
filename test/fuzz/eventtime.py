#!/usr/bin/env python3
"""Random histories of event time, checked by an oracle of its own.

Views with a watermark can not be compared with their query: what they show
depends on which row came in which batch.  So every history records the batches
in an ordinary table, and a reference in SQL computes from that record what the
rules say the view shows: its rows, its watermark, the rows dropped as late, the
rows dropped for a NULL time.  The reference shares no code with the extension:
it does its own arithmetic, in whole microseconds since 1970-01-01.

Views here are processed by REFRESH MATERIALIZED VIEW only, so a batch holds
what was committed since the one before.  Some have small batches; their query
calls a function that writes down, in the batch's own transaction, which row it
has seen, and so many data batches follow each other without a pause.

In comments and code: L is the late threshold of a batch, E its eviction
threshold, W the watermark after it; et is the event time of a group.

    eventtime.py --histories 100 --seed 1   seeds 1 to 100
    eventtime.py --seed 17 --verbose        that one again, with its statements
    eventtime.py --features tumble,append   only views made of these
    eventtime.py --restart DATADIR          restart that server now and then
    eventtime.py --selftest                 the reference against worked examples

Connects like any libpq program as a superuser; works in databases of its own.
Exit code 3: a history failed.
"""

import datetime
import os
import random
import subprocess
import sys
import time

import psycopg2

import fuzz
from fuzz import Failure, History, Writer, connect, copy_text, literal, shorten

SECOND = 1000000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# What histories may use.
FEATURES = [
    # keys of a group; without any a view groups by other columns alone
    "tumble", "date_bin", "date_trunc", "plain", "hop", "session",
    # deduplication: SELECT DISTINCT, DISTINCT ON, the option, below a GROUP BY
    "distinct", "distinct_on", "within", "dedup_below",
    "append", "complete",
    "union",                    # several streams in UNION ALL, and the policy
    "twice",                    # ... one of them twice
    "keep",                     # streaming.late_rows = keep
    "future",                   # streaming.max_future
    "named",                    # arguments by name
    "bad_gaps",                 # gaps of sessions that are NULL or not above 0
    "sub", "cte",               # event time through sub-selects and WITH
    "join",                     # LEFT JOIN with an ordinary table
    "partitioned", "timestamp",
    "chain",                    # data batches that follow each other directly
    "alter",                    # event time declared by ALTER TABLE
    "ttl",                      # rows that go some time after their window
    "truncate", "kill", "restart",
]


# --------------------------------------------------------------------------
# The reference

REFERENCE = r"""
CREATE SCHEMA oracle;

-- microseconds since 1970, of both types, as they read in UTC
CREATE FUNCTION oracle.us(timestamptz) RETURNS int8 IMMUTABLE STRICT
LANGUAGE sql AS 'SELECT (extract(epoch FROM $1) * 1000000)::int8';
CREATE FUNCTION oracle.us(timestamp) RETURNS int8 IMMUTABLE STRICT
LANGUAGE sql AS 'SELECT (extract(epoch FROM $1) * 1000000)::int8';

-- floor(a / b) * b, also below zero
CREATE FUNCTION oracle.cut(a int8, b int8) RETURNS int8 IMMUTABLE STRICT
LANGUAGE sql AS 'SELECT a - ((a % b) + b) % b';

-- B2: cut down to milliseconds
CREATE FUNCTION oracle.ms(t int8) RETURNS int8 IMMUTABLE STRICT
LANGUAGE sql AS 'SELECT oracle.cut(t, 1000)';

-- E1, E2: the windows of a time, each start = offset (mod slide) with
-- start <= t < start + size
CREATE FUNCTION oracle.windows(t int8, size int8, slide int8, off int8,
	OUT s int8, OUT e int8) RETURNS SETOF record IMMUTABLE STRICT
LANGUAGE sql AS $$
	SELECT s, s + size
	FROM generate_series(oracle.cut(t - off, slide) + off, t - size + 1,
						 -slide) s
$$;

/*
 * The batches of a view that had rows.  B1, B3, B4, C1, C2.
 *
 * late: what must be exceeded to be on time (L), evict: what is evicted by
 * before the next one begins (E, that of the empty batch after it if there is
 * one), after: the watermark (W).
 */
CREATE TABLE oracle.batches (batch int4 PRIMARY KEY, late int8, evict int8,
	after int8);
CREATE TABLE oracle.delays (src int4 PRIMARY KEY, delay int8);
CREATE TABLE oracle.input (batch int4, refresh int4, src int4, id int8, t int8,
	k int4, u int8, x int4, g int8, pre bool, post bool);

CREATE FUNCTION oracle.set_batches(policy text) RETURNS void
LANGUAGE sql AS $$
	TRUNCATE oracle.batches;
	INSERT INTO oracle.batches
	WITH batch AS (
		SELECT DISTINCT batch, refresh FROM oracle.input
	), seen AS (
		-- B9: what the filter before the watermark lets through
		SELECT batch, src, max(t) AS t FROM oracle.input WHERE pre
		GROUP BY batch, src
	), maximum AS (
		-- B1, B2, B3; B7 as we differ: it is never forgotten
		SELECT b.batch, d.src,
			coalesce(max(oracle.ms(s.t) - d.delay), 0) AS m
		FROM batch b CROSS JOIN oracle.delays d
			LEFT JOIN seen s ON s.src = d.src AND s.batch <= b.batch
		GROUP BY b.batch, d.src
	), policy AS (
		SELECT batch, CASE policy WHEN 'max' THEN max(m) ELSE min(m) END AS g
		FROM maximum GROUP BY batch
	), after AS (
		-- B4
		SELECT batch, max(greatest(g, 0)) OVER (ORDER BY batch) AS w
		FROM policy
	), before AS (
		SELECT batch, refresh, w,
			lag(w) OVER o AS w1, lag(w, 2) OVER o AS w2,
			lag(refresh) OVER o = refresh AND lag(batch) OVER o = batch - 1
				AS follows,
			lead(refresh) OVER o = refresh AND lead(batch) OVER o = batch + 1
				AS followed
		FROM batch JOIN after USING (batch)
		WINDOW o AS (ORDER BY batch)
	)
	-- No watermark at the epoch.  An empty batch lets L catch up with E: there
	-- is one at the end of each REFRESH, and where numbers are missing.
	SELECT batch, nullif(CASE WHEN follows THEN w2 ELSE w1 END, 0),
		nullif(CASE WHEN followed THEN w1 ELSE w END, 0), nullif(w, 0)
	FROM before;
$$;

CREATE FUNCTION oracle.watermark() RETURNS int8 STABLE
LANGUAGE sql AS 'SELECT after FROM oracle.batches ORDER BY batch DESC LIMIT 1';

/*
 * Sessions: G1 to G6, D5.  In: oracle.ranges; out: oracle.sessions, and per
 * row of oracle.ranges the session, NULL if it was late.
 */
CREATE TABLE oracle.ranges (batch int4, src int4, id int8, key text, s int8,
	e int8, session int4, PRIMARY KEY (src, id));
CREATE INDEX ON oracle.ranges (batch);
CREATE INDEX ON oracle.ranges (session);
CREATE TABLE oracle.sessions (session int4 PRIMARY KEY, key text, s int8,
	e int8, closed bool);

CREATE FUNCTION oracle.set_sessions(complete bool) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	b oracle.batches;
	r record;
	current oracle.sessions;
	fresh int4 := 0;
BEGIN
	TRUNCATE oracle.sessions;
	FOR b IN SELECT * FROM oracle.batches ORDER BY batch LOOP
		current := NULL;
		-- state and new rows together, by key and start
		FOR r IN
			SELECT key, s, e, session, NULL::int4 AS src, NULL::int8 AS id
			FROM oracle.sessions WHERE NOT closed
			UNION ALL
			SELECT key, s, e, NULL, src, id FROM oracle.ranges
			WHERE batch = b.batch AND (complete OR b.late IS NULL OR e > b.late)
			ORDER BY key, s, session NULLS LAST
		LOOP
			IF current.session IS NULL OR current.key <> r.key
				OR r.s > current.e THEN
				fresh := fresh + 1;
				current := (fresh, r.key, r.s, r.e, false);
				INSERT INTO oracle.sessions SELECT current.*;
			END IF;
			current.e := greatest(current.e, r.e);
			UPDATE oracle.sessions SET e = current.e
			WHERE session = current.session;
			IF r.session IS NULL THEN
				UPDATE oracle.ranges SET session = current.session
				WHERE src = r.src AND id = r.id;
			ELSE
				-- an old one goes on in this one
				UPDATE oracle.ranges SET session = current.session
				WHERE session = r.session;
				DELETE FROM oracle.sessions WHERE session = r.session;
			END IF;
		END LOOP;
		IF NOT complete THEN
			UPDATE oracle.sessions SET closed = true
			WHERE e <= b.evict;
		END IF;
	END LOOP;
END $$;

/*
 * Deduplication: H1 to H5.  In: oracle.firsts, rows on their way into it with
 * their key, their event time (NULL: it sees none) and, if the view shows it,
 * whether this row was output.  Out: verdict of each row.
 *
 * Which of the rows that are new in a batch comes out is not determined; if
 * guided, the one that was output is right.
 */
CREATE TABLE oracle.firsts (batch int4, src int4, id int8, key text, et int8,
	shown bool, verdict text, PRIMARY KEY (src, id));
CREATE INDEX ON oracle.firsts (batch);

CREATE FUNCTION oracle.set_firsts(expiry int8, guided bool) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	b oracle.batches;
BEGIN
	CREATE TEMP TABLE seen (key text PRIMARY KEY, until int8);
	FOR b IN SELECT * FROM oracle.batches ORDER BY batch LOOP
		UPDATE oracle.firsts SET verdict =
			CASE WHEN f.et <= b.late THEN 'late'
				 WHEN EXISTS (SELECT FROM seen WHERE seen.key = f.key)
					THEN 'duplicate'
				 ELSE 'candidate' END
		FROM oracle.firsts f
		WHERE f.batch = b.batch AND firsts.src = f.src AND firsts.id = f.id;

		UPDATE oracle.firsts SET verdict = 'first'
		FROM (SELECT DISTINCT ON (key) src, id FROM oracle.firsts
			  WHERE batch = b.batch AND verdict = 'candidate'
			  ORDER BY key, guided AND coalesce(shown, false) DESC, id, src) f
		WHERE firsts.src = f.src AND firsts.id = f.id;
		UPDATE oracle.firsts SET verdict = 'duplicate'
		WHERE verdict = 'candidate';

		INSERT INTO seen
		SELECT key, et + expiry FROM oracle.firsts
		WHERE batch = b.batch AND verdict = 'first';
		DELETE FROM seen WHERE until <= b.evict;
	END LOOP;
	DROP TABLE seen;
END $$;
"""


def interval(us):
    """An interval literal."""
    if us % SECOND == 0:
        return "interval '%d seconds'" % (us // SECOND)
    return "interval '%d microseconds'" % us


def text_of(us):
    """A timestamp in UTC, without its zone."""
    return (datetime.datetime(1970, 1, 1)
            + datetime.timedelta(microseconds=us)).strftime(
                "%Y-%m-%d %H:%M:%S.%f")


class View:
    """A view as the reference knows it, and its query.

    inputs      list of (stream, filter); more than one: UNION ALL
    key         tumble, hop, date_bin, date_trunc, plain, session or None
    by          other grouping columns
    dedup       None, or (kind, columns): kind distinct or on, columns its key,
                "w" a window of `size` over the event time
    payload     what DISTINCT ON shows besides; standing alone also id
    """

    AGGREGATES = {
        "n": ("count(*)", "count(*)"),
        "nx": ("count({s}.x)", "count(x)"),
        "sx": ("sum({s}.x)", "sum(x)"),
        "ax": ("avg({s}.x)", "avg(x)"),
        "lo": ("min({s}.x)", "min(x)"),
        "ids": ("sum({s}.id)", "sum(id)"),
        "fid": ("count(*) FILTER (WHERE {s}.x > 0)",
                "count(*) FILTER (WHERE x > 0)"),
        "mt": ("max({s}.{ts})", "max(t)"),
        # those that need all rows of their group
        "dx": ("count(DISTINCT {s}.x)", "count(DISTINCT x)"),
        "arr": ("array_agg({s}.id ORDER BY {s}.id)",
                "array_agg(id ORDER BY id)"),
    }

    def __init__(self, name, inputs, key=None, by=(), aggs=("n",),
                 mode="update", **more):
        self.name = name
        self.inputs = inputs
        self.key = key
        self.by = list(by)
        self.aggs = list(aggs)
        self.mode = mode
        self.size = MINUTE
        self.slide = None
        self.offset = 0
        self.named = False
        self.unit = "minute"
        self.gap = MINUTE           # None: column g
        self.dedup = None
        self.payload = []
        self.within = False
        self.delay = None
        self.policy = None
        self.where = None
        self.late_rows = None
        self.style = "plain"
        self.join = False
        self.chain = None           # max_batch_rows, with the batches traced
        self.no_data = False
        self.ttl = None
        self.refreshes = 0
        self.schema = None
        vars(self).update(more)
        if key is None or mode == "complete" or self.alone():
            self.ttl = None
        self.shown = False          # is there a copy of what was shown?

    # ---- what it is made of

    def alone(self):
        """Deduplication without a GROUP BY above."""
        return self.dedup is not None and not self.aggs

    def sees_event_time(self):
        if self.dedup is not None:
            kind, columns = self.dedup
            return "w" in columns or "ts" in columns + self.payload
        return self.key is not None

    def range_key(self):
        return self.key in ("tumble", "hop", "session")

    def delays(self):
        return [s.delay if self.delay is None else self.delay
                for s, _ in self.inputs]

    # ---- the query

    def window_sql(self, ts):
        args = [ts, interval(self.size)]
        names = ["ts", "size", '"offset"']
        function = "tumble"
        if self.key == "hop":
            function = "hop"
            args.append(interval(self.slide))
            names = ["ts", "size", "slide", '"offset"']
        if self.offset:
            args.append(interval(self.offset))
        if self.named:
            args = ["%s => %s" % pair for pair in zip(names, args)]
        return "%s(%s)" % (function, ", ".join(args))

    def key_sql(self, ts):
        if self.key in ("tumble", "hop"):
            return self.window_sql(ts)
        if self.key == "date_bin":
            return "date_bin(%s, %s, %s '%s')" % (
                interval(self.size), ts, self.inputs[0][0].typ,
                self.inputs[0][0].origin)
        if self.key == "date_trunc":
            return "date_trunc('%s', %s)" % (self.unit, ts)
        if self.key == "session":
            gap = "s.g" if self.gap is None else interval(self.gap)
            if self.named:
                return "session_window(ts => %s, gap => %s)" % (ts, gap)
            return "session_window(%s, %s)" % (ts, gap)
        return ts

    def trace(self, number, alias):
        return "%s.trace('%s', %d, %s.id)" % (
            self.schema, self.name, number, alias)

    def source(self):
        """FROM, what the WHERE begins with, the name of the time."""
        stream, condition = self.inputs[0]
        conditions = [condition] if condition else []
        if len(self.inputs) > 1:
            parts = []
            for i, (stream, condition) in enumerate(self.inputs):
                quals = [condition] if condition else []
                if self.chain:
                    quals.append(self.trace(i, "s"))
                parts.append("SELECT s.id, s.ts, s.k, s.u, s.x, s.g FROM %s s%s"
                             % (stream.name, " WHERE " + " AND ".join(quals)
                                if quals else ""))
            return "(%s) AS s" % " UNION ALL ".join(parts), [], "ts", ""
        if self.chain:
            conditions.append(self.trace(0, "s"))
        if self.style == "sub":
            return ("(SELECT s.*, s.ts AS at FROM (SELECT i.id, i.ts, i.k, i.u,"
                    " i.x, i.g FROM %s AS i) s) AS s" % stream.name,
                    conditions, "at", "")
        if self.style == "cte":
            return ("s", conditions, "at",
                    "WITH s AS (SELECT id, ts AS at, k, u, x, g FROM %s) "
                    % stream.name)
        return "%s AS s" % stream.name, conditions, "ts", ""

    def query(self):
        source, conditions, ts, head = self.source()
        conditions = list(conditions)
        if self.where:
            conditions.append(self.where.format(ts="s." + ts))
        if self.style == "looked at":
            conditions.append("NOT isempty(w)")
        where = " WHERE " + " AND ".join(conditions) if conditions else ""
        if self.join:
            source += " LEFT JOIN dim ON dim.k = s.k"
        if self.dedup is not None:
            return head + self.dedup_query(source, ts, where)
        columns, groups = [], []
        if self.key is not None:
            key = self.key_sql("s." + ts)
            if self.style in ("from", "looked at"):
                source += ", %s AS w" % key
                columns.append("w")
                groups.append("w")
            else:
                columns.append("%s AS w" % key)
                groups.append("w" if self.groups_by_alias() else key)
        for c in self.by:
            columns.append("s." + c)
            groups.append("s." + c)
        if self.join:
            columns.append("dim.label")
            groups.append("dim.label")
        columns += ["%s AS %s" % (self.AGGREGATES[a][0].format(s="s", ts=ts), a)
                    for a in self.aggs]
        return "%sSELECT %s FROM %s%s%s" % (
            head, ", ".join(columns), source, where,
            " GROUP BY " + ", ".join(groups) if groups else "")

    def groups_by_alias(self):
        """GROUP BY names the column, not the expression."""
        return self.named or self.key == "session"

    def dedup_query(self, source, ts, where):
        kind, keys = self.dedup
        expr = {c: "s." + c for c in ("id", "k", "u", "x")}
        expr["ts"] = "s." + ts
        expr["w"] = self.window_sql_of("s." + ts)
        shown = keys + self.payload
        if kind == "on" and self.alone():
            shown = shown + ["id"]
        inner = "SELECT DISTINCT %s%s FROM %s%s" % (
            "ON (%s) " % ", ".join(expr[c] for c in keys)
            if kind == "on" else "",
            ", ".join("%s AS %s" % (expr[c], c) for c in shown),
            source, where)
        if self.alone():
            return inner
        columns, groups = [], []
        if self.key is not None:
            key = "d.w" if "w" in keys else self.key_sql("d.ts")
            columns.append(key + " AS w")
            groups.append(key)
        for c in self.by:
            columns.append("d." + c)
            groups.append("d." + c)
        columns += ["%s AS %s" % (self.AGGREGATES[a][0].format(s="d", ts="ts"),
                                  a) for a in self.aggs]
        return "SELECT %s FROM (%s) AS d%s" % (
            ", ".join(columns), inner,
            " GROUP BY " + ", ".join(groups) if groups else "")

    def window_sql_of(self, ts):
        return "tumble(%s, %s)" % (ts, interval(self.size))

    def create(self):
        options = ["streaming.continuous", "streaming.trigger = 'manual'",
                   "streaming.max_batch_rows = %d" % (self.chain or 1000000000)]
        if self.mode != "update":
            options.append("streaming.output_mode = '%s'" % self.mode)
        if self.delay is not None:
            options.append("streaming.watermark = '%d microseconds'"
                           % self.delay)
        if self.policy is not None:
            options.append("streaming.watermark_policy = '%s'" % self.policy)
        if self.late_rows is not None:
            options.append("streaming.late_rows = '%s'" % self.late_rows)
        if self.within:
            options.append("streaming.distinct_within_watermark = on")
        if self.ttl is not None:
            options.append("streaming.ttl = '%d microseconds'" % self.ttl)
        return "CREATE MATERIALIZED VIEW %s WITH (%s) AS %s%s" % (
            self.name, ", ".join(options), self.query(),
            " WITH NO DATA" if self.no_data else "")

    # ---- what the rules say

    def input_sql(self):
        """Rows with their batches.  pre, post: do they pass the filters?"""
        parts = []
        where = (self.where or "true").format(ts="s.ts")
        for i, (stream, condition) in enumerate(self.inputs):
            # B9: a filter that mentions the event time stands above it
            pre = [condition or "true"]
            post = ["true"]
            (post if "ts" in where else pre).append(where)
            parts.append(
                "SELECT r.batch, r.refresh, r.src, s.id, oracle.us(s.ts), s.k,"
                " s.u, s.x, (extract(epoch FROM s.g) * 1000000)::int8,"
                " (%s) IS TRUE, (%s) IS TRUE"
                " FROM %s.rec r JOIN %s s USING (id)"
                " WHERE r.view = '%s' AND r.src = %d AND r.batch > 0 %s" % (
                    " AND ".join(pre), " AND ".join(post), self.schema,
                    stream.rows(self.schema), self.name, i,
                    stream.possible()))
        return ("TRUNCATE oracle.input, oracle.delays; "
                "INSERT INTO oracle.delays VALUES %s; "
                "INSERT INTO oracle.input %s; "
                "SELECT oracle.set_batches('%s')" % (
                    ", ".join("(%d, %d)" % d for d in enumerate(self.delays())),
                    " UNION ALL ".join(parts), self.policy or "min"))

    def windows_sql(self):
        """FROM entry that gives the group's start s, end e and event time."""
        if self.key in ("tumble", "hop"):
            return ("(SELECT s, e, e AS et FROM oracle.windows(i.t, %d, %d, %d))"
                    % (self.size, self.slide if self.key == "hop"
                       else self.size, self.offset))
        time = "timestamp 'epoch' + i.t * interval '1 us'"
        if self.key == "date_bin":
            return ("(SELECT s, NULL::int8 AS e, s + %d AS et FROM (SELECT"
                    " oracle.us(date_bin(%s, %s, timestamp '%s')) AS s) b)" % (
                        self.size, interval(self.size), time,
                        self.inputs[0][0].origin.replace("+00", "")))
        if self.key == "date_trunc":
            return ("(SELECT oracle.us(b) AS s, NULL::int8 AS e,"
                    " oracle.us(b + interval '1 %s') AS et FROM"
                    " (SELECT date_trunc('%s', %s) AS b) b)" % (
                        self.unit, self.unit, time))
        if self.key == "plain":
            return "(SELECT i.t AS s, NULL::int8 AS e, i.t AS et)"
        return "(SELECT NULL::int8 AS s, NULL::int8 AS e, NULL::int8 AS et)"

    def prepare_sql(self):
        """Fills the reference's tables: batches first, then each operator."""
        out = self.input_sql()
        if self.key == "session":
            out += ("; TRUNCATE oracle.ranges; INSERT INTO oracle.ranges "
                    "SELECT batch, src, id, concat_ws(',', %s), t, t + gap"
                    " FROM (SELECT *, %s AS gap FROM oracle.input) i"
                    " WHERE pre AND post AND t IS NOT NULL AND gap > 0; "
                    "SELECT oracle.set_sessions(%s)" % (
                        ", ".join("coalesce(%s::text, 'NULL')" % c
                                  for c in ["1"] + self.by),
                        "g" if self.gap is None else "%d" % self.gap,
                        self.mode == "complete"))
        if self.dedup is not None:
            out += "; " + self.firsts_sql()
        return out

    def firsts_sql(self):
        kind, keys = self.dedup
        window = "oracle.cut(t, %d)" % self.size
        text = {"k": "k", "u": "u", "x": "x", "ts": "t", "w": window}
        et = "NULL::int8"
        if "w" in keys:
            et = "%s + %d" % (window, self.size)
        elif self.sees_event_time():
            et = "t"
        guided = kind == "on" and self.alone()
        shown = "NULL::bool"
        if guided:
            shown = "i.id IN (SELECT id FROM %s.%s)" % (self.schema, self.name)
        expiry = 0
        if self.within:
            expiry = max(self.delays())
        return ("TRUNCATE oracle.firsts; INSERT INTO oracle.firsts "
                "SELECT batch, src, id, concat_ws(',', %s), %s, %s "
                "FROM oracle.input i WHERE pre AND post%s; "
                "SELECT oracle.set_firsts(%s, %s)" % (
                    ", ".join("coalesce(%s::text, 'NULL')" % text[c]
                              for c in keys), et, shown,
                    " AND t IS NOT NULL" if self.sees_event_time() else "",
                    expiry if self.within or "w" in keys or "ts" in keys
                    else "NULL::int8", guided))

    def visible(self, et):
        """F2, G4: append shows what the watermark has passed; what it has
        passed by the ttl is shown no more."""
        if et is None:
            return ""
        conditions = []
        if self.mode == "append":
            conditions.append("%s <= oracle.watermark()" % et)
        if self.ttl is not None:
            conditions.append("(%s <= oracle.watermark() - %d) IS NOT TRUE"
                              % (et, self.ttl))
        return " WHERE " + " AND ".join(conditions) if conditions else ""

    def on_time(self, et="w.et"):
        """D1, D2, D6."""
        if self.mode == "complete" or self.key is None:
            return "true"
        return "(b.late IS NULL OR %s > b.late)" % et

    def expected(self):
        """The rows, as shown_sql() puts them."""
        if self.alone():
            return self.expected_alone()
        aggs = ", ".join("%s AS %s" % (self.AGGREGATES[a][1], a)
                         for a in self.aggs)
        columns = self.by + (["label"] if self.join else [])
        if self.key == "session":
            return ("SELECT %s, %s FROM oracle.sessions s JOIN (SELECT *"
                    " FROM oracle.ranges r JOIN oracle.input i"
                    " USING (src, id)) r USING (session)%s GROUP BY session, %s"
                    % (", ".join(["s.s", "s.e"] + columns), aggs,
                       self.visible("s.e"), ", ".join(["s.s", "s.e"] + columns)))
        rows = "oracle.input i"
        also = ""
        if self.dedup is not None:
            rows = ("(SELECT i.* FROM oracle.input i JOIN oracle.firsts f"
                    " USING (src, id) WHERE f.verdict = 'first') i")
        if self.join:
            also = " LEFT JOIN %s.dim d ON d.k = i.k" % self.schema
        kept = ("SELECT w.s, w.e, w.et, i.*%s FROM %s JOIN oracle.batches b "
                "USING (batch)%s CROSS JOIN LATERAL %s w WHERE pre AND post"
                " AND %s%s" % (
                    ", d.label" if self.join else "", rows, also,
                    self.windows_sql(), self.on_time(),
                    " AND t IS NOT NULL" if self.key else ""))
        out = []
        group = []
        if self.key is not None:
            out = ["s", "e"] if self.range_key() else ["s"]
            group = out + ["et"]
        out, group = out + columns, group + columns
        return "SELECT %s FROM (%s) kept%s%s" % (
            ", ".join(out + [aggs] if aggs else out), kept,
            self.visible("et" if self.key else None),
            " GROUP BY " + ", ".join(group) if group else "")

    def expected_alone(self):
        kind, keys = self.dedup
        window = "oracle.cut(t, %d)" % self.size
        expr = {"ts": ["t"], "w": [window + " AS s",
                                   "%s + %d AS e" % (window, self.size)]}
        out = []
        for c in keys + self.payload + (["id"] if kind == "on" else []):
            out += expr.get(c, [c])
        return ("SELECT %s FROM oracle.input i JOIN oracle.firsts f"
                " USING (src, id) WHERE f.verdict = 'first'" % ", ".join(out))

    def shown_sql(self):
        """What the view shows, times as microseconds."""
        view = "%s.%s" % (self.schema, self.name)
        if self.alone():
            kind, keys = self.dedup
            out = []
            for c in keys + self.payload + (["id"] if kind == "on" else []):
                out += {"ts": ["oracle.us(ts) AS t"],
                        "w": self.bounds()}.get(c, [c])
            return "SELECT %s FROM %s" % (", ".join(out), view)
        out = []
        if self.range_key():
            out = self.bounds()
        elif self.key is not None:
            out = ["oracle.us(w) AS s"]
        out += self.by + (["label"] if self.join else [])
        out += ["oracle.us(mt) AS mt" if a == "mt" else a for a in self.aggs]
        return "SELECT %s FROM %s" % (", ".join(out), view)

    def bounds(self):
        # a range with other bounds than [) shows as NULL
        return ["CASE WHEN lower_inc(w) THEN oracle.us(lower(w)) END AS s",
                "CASE WHEN NOT upper_inc(w) THEN oracle.us(upper(w)) END AS e"]

    def dropped_sql(self):
        """The rows dropped: (src, id, t, reason).  D1 to D6, H4, E3.

        Rows, not groups: a row is late when all its windows are closed, and
        partly late when some are.
        """
        if not self.sees_event_time():
            return "SELECT 0 AS src, 0::int8 AS id, 0::int8 AS t, '' WHERE false"
        # G3: a bad gap makes no window, which counts like no time
        bad = "t IS NULL"
        if self.key == "session" and self.gap is None:
            bad = "(t IS NULL OR g IS NULL OR g <= 0)"
        null = ("SELECT src, id, t, 'null' AS reason FROM oracle.input"
                " WHERE pre AND post AND %s UNION ALL " % bad)
        if self.dedup is not None:
            return null + ("SELECT f.src, id, t, 'late' FROM oracle.firsts f"
                           " JOIN oracle.input USING (src, id)"
                           " WHERE verdict = 'late'")
        if self.mode == "complete":
            return null + "SELECT 0, 0, 0, '' WHERE false"
        if self.key == "session":
            return null + ("SELECT r.src, id, t, 'late' FROM oracle.ranges r"
                           " JOIN oracle.input USING (src, id)"
                           " WHERE session IS NULL")
        return null + (
            "SELECT i.src, i.id, i.t, CASE WHEN bool_or({1}) THEN 'partly late'"
            " ELSE 'late' END FROM oracle.input i"
            " JOIN oracle.batches b USING (batch)"
            " CROSS JOIN LATERAL {0} w WHERE pre AND post AND t IS NOT NULL"
            " GROUP BY i.src, i.id, i.t HAVING NOT bool_and({1})"
            .format(self.windows_sql(), self.on_time()))

    def difference(self):
        return ("SELECT 'view' AS only_in, a.* FROM (({0}) EXCEPT ALL ({1})) a "
                "UNION ALL "
                "SELECT 'rules', b.* FROM (({1}) EXCEPT ALL ({0})) b".format(
                    self.shown_sql(), self.expected()))


# --------------------------------------------------------------------------
# Random streams and views


class Stream:
    """A random stream with event time, and a source of rows for it.

    Times lie on a grid, so that they meet the ends of windows and the
    watermark exactly, now and then with some microseconds more.
    """

    COLUMNS = ["id", "ts", "k", "u", "x", "g"]

    def __init__(self, rng, number, features, like=None):
        self.rng = rng
        self.number = number
        self.name = "s%d" % number
        self.typ = like.typ if like else rng.choice(
            ["timestamptz"] * 2 + ["timestamp"] * ("timestamp" in features))
        self.grid = like.grid if like else rng.choice(
            [SECOND, 10 * SECOND, MINUTE, 100])
        # close to the epoch there is no watermark yet
        self.clock = like.clock if like else rng.choice(
            [1704067200 * SECOND, 1704067200 * SECOND, -20 * self.grid])
        self.delay = rng.choice([0, 0, 1, 3, 10, 30]) * self.grid
        self.month = self.clock > 0 and rng.random() < 0.03
        if self.month:
            self.delay = 31 * DAY
        self.origin = rng.choice(["1970-01-01 00:00:00", "2001-02-16 20:38:40"])
        if self.typ == "timestamptz":
            self.origin += "+00"
        self.nulls = rng.choice([0, 0, 0.05, 0.2])
        self.spread = rng.choice([0, 3, 10, 40])    # disorder, in grid units
        self.very_late = rng.choice([0, 0.05, 0.2])
        self.ahead = rng.choice([0, 0, 0.01])
        self.jitter = rng.choice([0, 0.1])
        self.keys = rng.choice([1, 3, 10])
        self.bad_gaps = rng.choice([0, 0.15]) if "bad_gaps" in features else 0
        # equal u means equal in all but id
        self.exact = rng.random() < 0.5
        self.wide = "chain" in features and rng.random() < 0.5
        self.partitioned = "partitioned" in features and rng.random() < 0.25
        self.altered = "alter" in features and rng.random() < 0.3
        self.future = ("future" in features and self.clock > 0
                       and rng.random() < 0.3)
        self.next_id = 0
        self.old = []

    def options(self):
        out = ["streaming.event_time = 'ts'", "streaming.watermark = '%s'" % (
            "1 month" if self.month else "%d microseconds" % self.delay
            if self.delay % SECOND else "%d seconds" % (self.delay // SECOND))]
        if self.future:
            out.append("streaming.max_future = '1 day'")
        return ", ".join(out)

    def ddl(self):
        columns = ("id int8, ts %s, k int4, u int8, x int4, g interval,"
                   " pad text" % self.typ)
        out = []
        tail = "" if self.altered else " WITH (%s)" % self.options()
        if self.partitioned:
            out.append("CREATE TABLE %s (%s) PARTITION BY HASH (id)%s"
                       % (self.name, columns, tail))
            for i in range(2):
                out.append("CREATE TABLE %s_%d PARTITION OF %s FOR VALUES WITH"
                           " (MODULUS 2, REMAINDER %d) USING stream"
                           % (self.name, i, self.name, i))
        else:
            out.append("CREATE TABLE %s (%s) USING stream%s"
                       % (self.name, columns, tail))
        if self.altered:
            out.append("ALTER TABLE %s SET (%s)" % (self.name, self.options()))
        if self.wide:
            out.append("ALTER TABLE %s ALTER pad SET STORAGE PLAIN" % self.name)
        out.append("CREATE TABLE gone_%s AS TABLE %s" % (self.name, self.name))
        return out

    def rows(self, schema):
        """All rows there ever were, TRUNCATE notwithstanding."""
        return "(TABLE %s.%s UNION ALL TABLE %s.gone_%s)" % (
            schema, self.name, schema, self.name)

    def possible(self):
        """Rows that are not beyond max_future."""
        if not self.future:
            return ""
        return " AND (s.ts < '2100-01-01') IS NOT FALSE"

    def time(self):
        rng = self.rng
        if rng.random() < self.nulls:
            return None
        if self.future and rng.random() < 0.03:
            return "2500-01-%02d 00:00:00" % rng.randint(1, 28)
        self.clock += self.grid * rng.choice([0, 0, 0, 1, 1, 2, 5])
        t = self.clock - self.grid * rng.randint(0, self.spread)
        x = rng.random()
        if x < self.very_late:
            t -= self.grid * rng.randint(20, 300)
        elif x < self.very_late + self.ahead:
            t += self.grid * rng.randint(10, 100)
        if rng.random() < self.jitter:
            t += rng.choice([-1, 1, 999, 1000, -1000])
        return text_of(t)

    def gap(self):
        rng = self.rng
        if rng.random() < self.bad_gaps:
            return rng.choice([None, "0", "-5 seconds"])
        return "%d microseconds" % (self.grid * rng.randint(1, 8))

    def row(self):
        rng = self.rng
        self.next_id += 1
        row = dict(id=str(self.next_id * 10 + self.number), ts=self.time(),
                   k=None if rng.random() < 0.05 else str(
                       rng.randrange(self.keys)),
                   u=str(self.next_id * 10 + self.number),
                   x=None if rng.random() < 0.1 else str(
                       rng.randrange(-50, 50)),
                   g=self.gap())
        if self.old and rng.random() < 0.25:
            copy = rng.choice(self.old[-40:])
            if self.exact:
                row = dict(copy, id=row["id"])
            else:
                row["u"] = copy["u"]
                if rng.random() < 0.3:
                    row.update(ts=copy["ts"], k=copy["k"])
        self.old.append(row)
        out = [row[c] for c in self.COLUMNS]
        out.append(rng.choice("xyz") * rng.choice([1500, 3000, 7000])
                   if self.wide else None)
        return out

    def insert(self, rows):
        return "INSERT INTO %s VALUES %s" % (
            self.name, ", ".join("(%s)" % ", ".join(literal(v) for v in r)
                                 for r in rows))


# IS NOT NULL costs nothing, so it would come before trace()
FILTERS = ["s.k <> 1", "s.x > 0", "s.id % 4 > 0", "coalesce(s.k, -1) >= 0"]


def random_view(rng, number, streams, features):
    r = rng.random
    have = lambda *names: [n for n in names if n in features]
    kinds = have("tumble", "date_bin", "date_trunc", "plain", "hop", "session")
    kinds = (kinds * 3 + [None] + have("distinct", "distinct_on",
                                       "within", "dedup_below") * 2)
    if not kinds:
        raise SystemExit("no features to make views of")
    kind = rng.choice(kinds)
    stream = rng.choice(streams)
    inputs = [(stream, rng.choice(FILTERS) if r() < 0.2 else None)]
    if "union" in features and r() < 0.4:
        if len(streams) > 1 and r() < 0.85:
            inputs.append((rng.choice([s for s in streams if s is not stream]),
                           rng.choice(FILTERS) if r() < 0.2 else None))
        elif "twice" in features:
            inputs = [(stream, rng.choice([None, "s.id % 2 = 0"])),
                      (stream, rng.choice([None, "s.id % 2 = 1", "s.x > 0"]))]
    grid = stream.grid
    more = dict(size=grid * rng.choice([1, 2, 5, 5, 10, 60]), named="named" in features and r() < 0.3,
                unit=rng.choice(["second", "minute", "hour", "day"]))
    if r() < 0.3:
        more["offset"] = grid * rng.randint(-3, 7)
    if r() < 0.2:
        more["delay"] = grid * rng.choice([0, 1, 4, 20])
    if len(inputs) > 1:
        more["policy"] = rng.choice([None, "min", "max"])
    if r() < 0.3:
        more["where"] = rng.choice(FILTERS + [
            "{ts} > '%s'" % text_of(stream.clock + grid * 30),
            "({ts} > '%s' OR s.k = 0)" % text_of(stream.clock + grid * 20)])
    if "keep" in features and r() < 0.3:
        more["late_rows"] = "keep"
    # what holds the watermark back among partitions is not in the record
    if ("chain" in features and r() < 0.4
            and not any(s.future or s.partitioned for s, _ in inputs)):
        more["chain"] = rng.choice([1, 5, 100])
    if len(inputs) == 1:
        more["style"] = rng.choice(["plain"] * 2 + have("sub", "cte"))
    more["no_data"] = r() < 0.15
    if "ttl" in features and r() < 0.4:
        more["ttl"] = rng.choice([0, 1000, grid, 5 * grid, 60 * MINUTE])
    modes = ["update"] + have("append", "complete")
    by = rng.sample(["k", "x"], rng.choice([0, 1, 1, 1, 2]))
    aggs = rng.sample(sorted(View.AGGREGATES), rng.randint(1, 4))
    name = "v%d" % number
    if kind in ("distinct", "distinct_on", "within"):
        mode = rng.choice([m for m in modes if m != "complete"])
        more["within"] = kind == "within"
        if kind == "distinct":
            keys = rng.choice([["k", "ts"], ["k", "u", "ts"], ["ts"],
                               ["k", "w"], ["k", "x"], ["u", "w"]])
            return View(name, inputs, mode=mode, aggs=[],
                        dedup=("distinct", keys), **more)
        if kind == "within":
            # H5 has one delay
            inputs = inputs[:1]
            more["policy"] = None
            more["payload"] = ["ts"]
            keys = rng.choice([["u"], ["k"], ["k", "x"]])
        else:
            keys = rng.choice([["u"], ["k", "u"], ["k", "ts"], ["u", "ts"],
                               ["k", "w"], ["k"]])
            more["payload"] = []
            if "ts" not in keys and "w" not in keys and r() < 0.5:
                more["payload"] = ["ts"]
        return View(name, inputs, mode=mode, aggs=[], dedup=("on", keys), **more)
    if kind == "dedup_below":
        mode = rng.choice([m for m in modes if m != "complete"])
        choices = [("distinct", ["k", "x", "ts"], []),
                   ("distinct", ["k", "x", "u", "ts"], []),
                   ("distinct", ["k", "u", "x"], []),
                   ("distinct", ["k", "x", "w"], [])]
        if all(s.exact for s, _ in inputs):
            # which row comes first makes no difference
            choices += [("on", ["u"], ["ts", "k", "x"]),
                        ("on", ["u", "ts"], ["k", "x"])] * 2
        kind, keys, payload = rng.choice(choices)
        shown = keys + payload
        key = None
        if "w" in keys:
            key = rng.choice(["tumble", None])
            more["offset"] = 0
        elif "ts" in shown:
            key = rng.choice(have("tumble", "date_bin", "date_trunc", "plain")
                             + [None])
        if key is None and mode == "append":
            mode = "update"
        more["within"] = ("within" in features and kind == "on"
                          and len(inputs) == 1 and r() < 0.5)
        aggs = [a for a in aggs if a not in ("ids", "arr", "mt")] or ["n", "sx"]
        return View(name, inputs, key=key, mode=mode, by=[
            c for c in by if c in shown], aggs=aggs, dedup=(kind, keys),
                    payload=payload, **more)
    if kind is None:
        modes = ["update"]          # F3
    if kind == "hop":
        size = rng.randint(1, 12)
        more.update(size=grid * size, slide=grid * rng.randint(1, size))
        if more.get("style") == "plain" and r() < 0.5:
            # looked at below the aggregation, windows do not go by panes
            more["style"] = rng.choice(["from", "looked at"])
        else:
            # panes have partial states only
            aggs = [a for a in aggs if a not in ("dx", "arr")] or ["n"]
    if kind == "session":
        more["gap"] = None if r() < 0.4 else grid * rng.randint(1, 6)
    if "join" in features and kind != "session" and r() < 0.15:
        more["join"] = True
        by = [c for c in by if c != "k"]
        aggs = [a for a in aggs if a != "lo"] or ["n"]
    if kind == "plain" and r() < 0.15:
        aggs = []
    return View(name, inputs, key=kind, by=by, aggs=aggs,
                mode=rng.choice(modes), **more)


# --------------------------------------------------------------------------
# Histories


class EventTime(History):
    """A random history."""

    def __init__(self, dbname, seed, steps, verbose):
        super().__init__(dbname, seed, steps, verbose)
        self.schema = "e%d" % seed
        self.steps = steps or self.rng.randint(30, 90)
        self.features = OPTIONS.features

    # ---- the record

    SETUP = """
        CREATE TABLE dim (k int4 PRIMARY KEY, label text);
        INSERT INTO dim SELECT x, 'l' || x % 2 FROM generate_series(0, 5) x;
        CREATE TABLE rec (view text, batch int4, refresh int4, src int4,
            id int8, PRIMARY KEY (view, src, id));
        CREATE TABLE traced (view text, src int4, id int8, batch int8,
            xid xid8);
        CREATE FUNCTION trace_row(text, int4, int8) RETURNS void LANGUAGE sql
        AS $$ INSERT INTO {s}.traced VALUES ($1, $2, $3, 1 + coalesce((SELECT
            batch FROM streaming._progress WHERE viewid = ('{s}.' || $1)
            ::regclass), 0), pg_current_xact_id()) $$;
        -- declared stable, and cheap, so that it comes before all other filters
        CREATE FUNCTION trace(v text, src int4, id int8) RETURNS bool STABLE
        COST 0.0001 LANGUAGE plpgsql AS $$
        BEGIN PERFORM {s}.trace_row(v, src, id); RETURN true; END $$
    """

    def pending(self, view, batch, gone=False):
        """SQL that records what is there (or gone) and was not yet read."""
        return "; ".join(
            "INSERT INTO rec SELECT '%s', %s, %d, %d, id FROM %s s WHERE "
            "NOT EXISTS (SELECT FROM rec r WHERE view = '%s' AND src = %d AND"
            " r.id = s.id)" % (view.name, batch, view.refreshes, i,
                               "gone_" + stream.name if gone
                               else stream.rows(self.schema), view.name, i)
            for i, (stream, _) in enumerate(view.inputs))

    def record(self, view, cur):
        """Which rows were in the batches of the REFRESH just done?"""
        view.refreshes += 1
        if not view.chain:
            cur.execute(self.pending(view, view.refreshes))
            return
        n = len(self.rows(cur, self.pending_ids(view)))
        cur.execute(
            "INSERT INTO rec SELECT '%s', batch, %d, src, id FROM traced"
            " WHERE view = '%s'" % (view.name, view.refreshes, view.name))
        if cur.rowcount != n:
            raise Failure("%s: %d rows to read, %d read" % (
                view.name, n, cur.rowcount))
        if self.rows(cur, "SELECT FROM traced WHERE view = '%s' GROUP BY batch"
                     " HAVING count(DISTINCT xid) > 1" % view.name):
            raise Failure("%s: a batch in several transactions" % view.name)
        cur.execute("DELETE FROM traced WHERE view = '%s'" % view.name)

    def pending_ids(self, view):
        return " UNION ALL ".join(
            "SELECT id FROM %s s WHERE NOT EXISTS (SELECT FROM rec r WHERE"
            " view = '%s' AND src = %d AND r.id = s.id)" % (
                stream.rows(self.schema), view.name, i)
            for i, (stream, _) in enumerate(view.inputs))

    # ---- checks

    def rows(self, cur, sql):
        cur.execute(sql)
        return cur.fetchall()

    def fail(self, view, what, sql, rows):
        raise Failure("%s (%s): %s\n%s\n%s\n%s" % (
            view.name, view.mode, what, view.create(), sql,
            "\n".join("  " + shorten(str(r)) for r in rows[:12])))

    def check(self, view):
        refresh = "REFRESH MATERIALIZED VIEW %s" % view.name
        try:
            with self.monitor.cursor() as cur:
                cur.execute("SET search_path = %s, public" % self.schema)
                self.note("oracle", refresh + ";")
                cur.execute(refresh)
                self.compare(view, cur)
        except psycopg2.Error as e:
            raise Failure("oracle of %s: %s\n%s\n%s" % (
                view.name, e, view.create(), self.activity()))
        self.checks += 1

    def compare(self, view, cur):
        self.record(view, cur)
        cur.execute(view.prepare_sql())
        sql = view.difference()
        rows = self.rows(cur, sql)
        if rows:
            self.fail(view, "not what the rules say", sql, rows)
        self.compare_figures(view, cur)
        if view.late_rows == "keep":
            self.compare_errors(view, cur)
        if (view.mode == "append" and view.ttl is None) or view.alone():
            self.compare_shown(view, cur)

    def compare_figures(self, view, cur):
        dropped = dict(self.rows(
            cur, "SELECT reason, count(*) FROM (%s) d (src, id, t, reason)"
            " GROUP BY 1" % view.dropped_sql()))
        [(watermark,)] = self.rows(cur, "SELECT oracle.watermark()")
        want = (watermark,
                dropped.get("late", 0) + dropped.get("partly late", 0),
                dropped.get("null", 0))
        sql = ("SELECT oracle.us(watermark), late_rows, null_rows"
               " FROM streaming.views WHERE view = '%s.%s'::regclass"
               % (self.schema, view.name))
        rows = self.rows(cur, sql)
        if rows != [want]:
            self.fail(view, "watermark, late_rows, null_rows: rules say %s"
                      % (want,), sql, rows)

    def compare_errors(self, view, cur):
        have = ("SELECT stream::regclass::text, reason, oracle.us(event_time)"
                " FROM streaming.errors WHERE view = '%s.%s'::regclass"
                " AND reason IN ('late', 'partly late', 'null')"
                % (self.schema, view.name))
        want = ("SELECT (ARRAY[%s])[src + 1], reason, t FROM (%s) d"
                " (src, id, t, reason)" % (
                    ", ".join("'%s'" % s.name for s, _ in view.inputs),
                    view.dropped_sql()))
        sql = ("SELECT 'errors', a.* FROM (({0}) EXCEPT ALL ({1})) a UNION ALL "
               "SELECT 'rules', b.* FROM (({1}) EXCEPT ALL ({0})) b".format(
                   have, want))
        rows = self.rows(cur, sql)
        if rows:
            self.fail(view, "streaming.errors", sql, rows)

    def compare_shown(self, view, cur):
        """F2, H1: what was shown once stays, as it was."""
        shown = "shown_%s" % view.name
        if view.shown:
            sql = "(TABLE %s) EXCEPT ALL (%s)" % (shown, view.shown_sql())
            rows = self.rows(cur, sql)
            if rows:
                self.fail(view, "rows once shown are gone", sql, rows)
            cur.execute("DROP TABLE %s" % shown)
        cur.execute("CREATE TABLE %s AS %s" % (shown, view.shown_sql()))
        view.shown = True

    # ---- the plan

    def create_view(self):
        self.number += 1
        view = random_view(self.rng, self.number, self.streams, self.features)
        view.schema = self.schema
        with self.monitor.cursor() as cur:
            cur.execute(self.pending(view, "0", not view.no_data))
        self.do("ddl", view.create())
        self.views.append(view)

    def run(self):
        rng = self.rng
        with self.monitor.cursor() as cur:
            cur.execute("SET statement_timeout = '180s'; SET timezone = 'UTC'")
            cur.execute("SELECT to_regnamespace('oracle') IS NULL")
            if cur.fetchone()[0]:
                cur.execute(REFERENCE)
            cur.execute("CREATE SCHEMA %s; SET search_path = %s, public"
                        % (self.schema, self.schema))
            cur.execute(self.SETUP.format(s=self.schema))
        first = Stream(rng, 1, self.features)
        self.streams = [first]
        self.stream = first         # for what we inherit
        if "union" in self.features and rng.random() < 0.5:
            self.streams.append(Stream(rng, 2, self.features, first))
        for stream in self.streams:
            for sql in stream.ddl():
                self.do("ddl", sql)
        with self.monitor.cursor() as cur:
            cur.execute("SET search_path = %s, public" % self.schema)
        self.do("ddl", "SET lock_timeout = '300ms'")
        writers = [Writer("w%d" % (i + 1)) for i in range(rng.randint(1, 3))]
        if rng.random() < 0.2:
            self.insert(writers[0])
        for _ in range(rng.randint(1, 3)):
            self.create_view()
        for _ in range(self.steps):
            x = rng.random()
            if x < 0.6:
                self.writer_step(rng.choice(writers))
            elif x < 0.9:
                self.check(rng.choice(self.views))
            else:
                self.admin_step(writers)
        for w in writers:
            if w.open:
                self.end(w)
        while self.prepared:
            self.finish_prepared(self.prepared[0])
        for view in self.views:
            self.check(view)
        for view in self.views:
            self.do("ddl", "DROP MATERIALIZED VIEW %s" % view.name)
        self.do("ddl", "RESET lock_timeout")
        self.do("ddl", "DROP SCHEMA %s CASCADE" % self.schema)

    def insert(self, w):
        rng = self.rng
        stream = rng.choice(self.streams)
        x = rng.random()
        if x < 0.3:
            self.do(w.name, stream.insert([stream.row()]))
        elif x < 0.8:
            self.do(w.name, stream.insert(
                [stream.row() for _ in range(rng.randint(2, 30))]))
        else:
            rows = [stream.row() for _ in range(rng.randint(0, 80))]
            self.do(w.name, "COPY %s FROM STDIN" % stream.name, "".join(
                "\t".join(copy_text(v) for v in r) + "\n" for r in rows))

    def lose_lock(self, w):
        self.insert(w)

    def writer_step(self, w):
        if not w.open and self.rng.random() < 0.6:
            self.insert(w)
        else:
            super().writer_step(w)

    KILL = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type ~ '^streaming.* worker' "
            "AND datname = current_database()")

    def admin_step(self, writers):
        rng = self.rng
        steps = ["create", "vacuum", "drop"]
        steps += [f for f in ("kill", "kill", "restart", "truncate")
                  if f in self.features]
        step = rng.choice(steps)
        if step == "create" and len(self.views) < 5:
            self.create_view()
        elif step == "drop" and len(self.views) > 1:
            view = self.views.pop(rng.randrange(len(self.views)))
            self.do("ddl", "DROP MATERIALIZED VIEW %s" % view.name)
        elif step == "vacuum":
            target = rng.choice(
                [s.name for s in self.streams]
                + [self.state_table(v) for v in self.views])
            self.do("admin", "VACUUM " + target)
        elif step == "kill":
            # before, or while it is at it
            view = rng.choice(self.views)
            if rng.random() < 0.5:
                self.note("refresh", "REFRESH MATERIALIZED VIEW %s"
                          % view.name)
                self.session("refresh").submit(
                    ("REFRESH MATERIALIZED VIEW %s" % view.name, None))
            self.do("admin", self.KILL)
            self.check(view)
        elif step == "restart" and OPTIONS.restart:
            self.restart(writers)
        elif step == "truncate":
            # their batches would all be in one transaction
            if not any(view.chain for view in self.views):
                self.truncate(rng.choice(self.streams), writers)

    def truncate(self, stream, writers):
        """TRUNCATE lets the views read everything first."""
        for w in writers:
            if w.open:
                self.end(w)
        while self.prepared:
            self.finish_prepared(self.prepared[0])
        self.do("ddl", "INSERT INTO gone_%s TABLE %s; TRUNCATE %s" % (
            stream.name, stream.name, stream.name))
        for view in self.views:
            self.check(view)

    def restart(self, writers):
        for w in writers:
            if w.open:
                self.end(w)
        for session in self.sessions.values():
            session.close()
        self.sessions = {}
        self.monitor.close()
        mode = self.rng.choice(["fast", "immediate"])
        self.note("admin", "-- restart, " + mode)
        subprocess.run(["pg_ctl", "restart", "-w", "-s", "-m", mode,
                        "-D", OPTIONS.restart], check=True,
                       stdout=subprocess.DEVNULL)
        self.monitor = connect(self.dbname)
        with self.monitor.cursor() as cur:
            cur.execute("SET statement_timeout = '180s'; SET timezone = 'UTC'")
            cur.execute("SET search_path = %s, public" % self.schema)


# --------------------------------------------------------------------------

OPTIONS = None


def main():
    global OPTIONS
    parser = fuzz.make_parser(__doc__)
    parser.add_argument("--features", help="a comma-separated list; all,-hop: "
                        "all but that (default: all)")
    parser.add_argument("--restart", metavar="DATADIR",
                        help="restart this server now and then (one job only)")
    parser.add_argument("--selftest", action="store_true")
    OPTIONS = parser.parse_args()
    names = (OPTIONS.features or "all").split(",")
    chosen = set()
    for name in filter(None, names):
        if name.lstrip("-") not in FEATURES + ["all"]:
            parser.error("no feature %s; there are %s" % (
                name, ", ".join(FEATURES)))
        if name.startswith("-"):
            chosen.discard(name[1:])
        else:
            chosen |= set(FEATURES) if name == "all" else {name}
    OPTIONS.features = chosen
    if OPTIONS.selftest:
        import eventtime_test
        return eventtime_test.main(sys.modules[__name__])
    return fuzz.run_histories(OPTIONS, EventTime)


if __name__ == "__main__":
    sys.exit(main())
