#!/usr/bin/env python3
"""Random histories with rows that fail: the oracle is the query without them.

Several sessions insert rows, some of which fail in the views, into a stream with
partitions; their transactions are interleaved, of all lengths, with savepoints, some
prepared, some rolled back.  Meanwhile views with streaming.on_error = skip are brought
up to date, rows are fed again, the cause is mended and comes back.  At each check
a view must equal its query over the rows that it has not put aside, and none is
put aside twice.  In half of the histories some of the views advance together: when one is up
to date all are, and they have put the same rows aside.

    badrows.py --histories 20 --seed 1

Connects like any libpq program as a superuser.  Exit code 3: a history failed.
"""

import argparse
import random
import sys
import time

import psycopg2

VIEWS = {
    "sums": "SELECT k %% 5 AS g, count(*) AS n, sum(f(x)) AS y FROM %s GROUP BY 1",
    "rows": "SELECT k, f(x) AS y FROM %s WHERE k %% 3 > 0",
    "kept": "SELECT k %% 4 AS g, count(DISTINCT f(x)) AS n, array_agg(k ORDER BY k) AS ks FROM %s GROUP BY 1",
    "last": "SELECT DISTINCT ON (k %% 6) k %% 6 AS g, k, f(x) AS y FROM %s ORDER BY k %% 6, k DESC",
    "pairs": "SELECT a.k, f(a.x) + f(b.x) AS y FROM %s a JOIN %s b ON b.k = a.k + 2",
    "alone": "SELECT a.k, f(b.x) AS y FROM %s a LEFT JOIN %s b ON b.k = a.k + 7",
}
SETUP = """
    CREATE EXTENSION IF NOT EXISTS streaming;
    DROP SCHEMA IF EXISTS bad CASCADE;
    CREATE SCHEMA bad;
    SET search_path = bad, public;
    CREATE TABLE s (k int, x int) PARTITION BY LIST ((k % 3));
    CREATE TABLE s0 PARTITION OF s FOR VALUES IN (0) USING stream;
    CREATE TABLE s1 PARTITION OF s FOR VALUES IN (1) USING stream;
    CREATE TABLE s2 PARTITION OF s FOR VALUES IN (2) USING stream;
"""
PUT_ASIDE = ("SELECT count(*) FROM streaming.errors e JOIN pg_class c ON c.oid = e.view"
             " WHERE relnamespace = 'bad'::regnamespace")
BAD = "CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1000 / x; END'"
GOOD = "CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1000 / nullif(x, 0); END'"


def poison(rng, together):
    """How many of the rows fail; each costs a batch of all that advance together."""
    return rng.choice((0, 0.002, 0.02, 0.03 if together else 0.2))


def connect():
    conn = psycopg2.connect(dbname="postgres")
    conn.autocommit = True
    cur = conn.cursor()
    cur.execute("SET search_path = bad, public; SET client_min_messages = error")
    return cur


def fetch(cur, sql, values=None):
    cur.execute(sql, values)
    return cur.fetchall()


def check(cur, view, together):
    """Brings the view up to date, and with it those that advance together."""
    cur.execute(f"REFRESH MATERIALIZED VIEW {view}")
    for member in together if view in together else [view]:
        check_rows(cur, member)
    apart = fetch(cur, "SELECT partition, tid, count(*) FROM streaming.errors"
                       " WHERE view = ANY (%s::regclass[]) GROUP BY 1, 2 HAVING count(*) <> %s",
                  (together, len(together)))
    if apart:
        raise AssertionError(f"not put aside by all of {together}: {apart[:5]}")


def check_rows(cur, view):
    rest = (f"(SELECT * FROM s WHERE (tableoid, ctid) NOT IN (SELECT partition, tid"
            f" FROM streaming.errors WHERE view = '{view}'::regclass))")
    query = VIEWS[view]
    query = query.replace("%s a", rest + " a").replace("%s b", rest + " b")
    query = query.replace("%s", rest + " q").replace("%%", "%")
    wrong = fetch(cur, f"(SELECT 'view', d.* FROM (TABLE {view} EXCEPT ALL ({query})) d)"
                       f" UNION ALL (SELECT 'query', d.* FROM (({query}) EXCEPT ALL TABLE {view}) d)")
    if wrong:
        raise AssertionError(f"{view}: {wrong[:5]}")
    if fetch(cur, f"SELECT partition, tid FROM streaming.errors WHERE view = '{view}'::regclass"
                  f" GROUP BY 1, 2 HAVING count(*) > 1"):
        raise AssertionError(f"{view}: a row is put aside twice")


def insert(rng, cur, state):
    many = rng.choice((1, 1, 3, 20, 300))
    values = []
    for _ in range(many):
        state["k"] += 1
        values.append((state["k"], 0 if rng.random() < state["poison"] else rng.randint(1, 50)))
    cur.execute("INSERT INTO s VALUES " + ", ".join("(%d, %d)" % v for v in values))


def step(rng, cur, session, state):
    """One step of a session, which may have a transaction open."""
    what = rng.random()
    if not session["open"]:
        cur.execute("BEGIN")
        session["open"] = True
    if what < 0.6:
        insert(rng, cur, state)
    elif what < 0.7:
        cur.execute("SAVEPOINT a")
        insert(rng, cur, state)
        cur.execute("ROLLBACK TO a" if rng.random() < 0.5 else "RELEASE a")
    elif what < 0.95:
        cur.execute("COMMIT" if rng.random() < 0.85 else "ROLLBACK")
        session["open"] = False
    else:
        state["prepared"] += 1
        name = "bad%d" % state["prepared"]
        cur.execute(f"PREPARE TRANSACTION '{name}'")
        state["waiting"].append(name)
        session["open"] = False


def history(seed):
    rng = random.Random(seed)
    main = connect()
    # what a run that was ended has left behind
    for (name,) in fetch(main, "SELECT gid FROM pg_prepared_xacts WHERE gid ~ '^bad[0-9]+$'"):
        main.execute(f"ROLLBACK PREPARED '{name}'")
    main.execute(SETUP + BAD)
    together = rng.sample(list(VIEWS), rng.choice((0, 0, 2, 3, 6)))
    for name, query in VIEWS.items():
        options = "streaming.on_error = skip, streaming.max_errors = 1000000"
        if name in together:
            options += ", streaming.group = bad"
        if rng.random() < 0.5:
            options += ", streaming.max_batch_rows = %d" % rng.choice((50, 400) if name in together else (1, 50, 400))
        if name not in together and rng.random() < 0.3:
            options += ", streaming.trigger = manual"
        main.execute(f"CREATE MATERIALIZED VIEW {name} WITH (streaming.continuous, {options}) AS "
                     + query.replace("%s", "s").replace("%%", "%"))
    sessions = [dict(open=False, cur=connect()) for _ in range(4)]
    state = dict(k=0, poison=poison(rng, together), prepared=0, waiting=[])
    for _ in range(120):
        what = rng.random()
        if what < 0.75:
            session = rng.choice(sessions)
            step(rng, session["cur"], session, state)
        elif what < 0.85:
            check(main, rng.choice(list(VIEWS)), together)
        elif what < 0.9:
            main.execute(f"SELECT streaming.retry('{rng.choice(list(VIEWS))}')")
        elif what < 0.94 and state["waiting"]:
            name = state["waiting"].pop(rng.randrange(len(state["waiting"])))
            main.execute(("COMMIT" if rng.random() < 0.8 else "ROLLBACK") + f" PREPARED '{name}'")
        elif what < 0.96:
            state["poison"] = poison(rng, together)
    for session in sessions:
        if session["open"]:
            session["cur"].execute("COMMIT")
    for name in state["waiting"]:
        main.execute(f"COMMIT PREPARED '{name}'")
    for view in VIEWS:
        check(main, view, together)
    skipped = fetch(main, PUT_ASIDE)[0][0]
    main.execute(GOOD)
    for view in VIEWS:
        main.execute(f"SELECT streaming.retry('{view}')")
        check(main, view, together)
    left = fetch(main, PUT_ASIDE)[0][0]
    if left:
        raise AssertionError(f"{left} rows stay, though the cause was mended")
    main.execute("DROP SCHEMA bad CASCADE")
    for session in sessions:
        session["cur"].connection.close()
    main.connection.close()
    return state["k"], skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for seed in range(args.seed, args.seed + args.histories):
        start = time.monotonic()
        try:
            rows, skipped = history(seed)
        except (AssertionError, psycopg2.Error) as error:
            print(error)
            print(f"not ok seed {seed} {(time.monotonic() - start) * 1000:.0f} ms")
            sys.exit(3)
        print(f"ok seed {seed}: {rows} rows, {skipped} put aside"
              f" {(time.monotonic() - start) * 1000:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
