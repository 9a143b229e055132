"""Random SELECTs, for queries.py.

The result of each must be determined by the rows alone: neither the order in
which they are read nor the way they are cut into batches may show.  So

* what collects values in their order is given an ORDER BY that ends with all
  that is collected: rows that are then still equal are interchangeable;
* top-n orders by all that it shows, unless rank() and the like keep peers;
* floats are multiples of a quarter, whose sums are exact; what divides them in
  an order of its own (variance, regression) is rounded;
* of values that are equal and read differently (1.0 and 1.00, 0 and -0, '1 mon'
  and '30 days') a group shows whichever came first.  An expression is `exact`
  if that can't be seen in it; only functions that yield equal results for equal
  arguments take others.

Expressions that can fail at run time for some value are not made.
"""

import collections
import copy
import re

# --------------------------------------------------------------------------
# Types: their SQL names, and values for the columns of streams.  Some are one
# type in SQL and several here: big is an int8 not to be calculated with, fuzzy
# a float8 not to be added up, textc and textn are text with a collation.

VALUES = {
    "int4": ["-3", "-1", "0", "1", "2", "2", "3", "5"],
    "int2": ["-2", "0", "1", "3"],
    "int8": ["-7", "0", "1", "4", "4", "11"],
    "big": ["0", "1", "-1", "42", "9223372036854775807",
            "-9223372036854775808"],
    "numeric": ["1", "1.0", "1.00", "0", "0.000", "-0.5", "NaN", "Infinity",
                "-Infinity", "1e20", "0.1", "3.14159"],
    "float8": ["1.25", "-0.75", "0", "-0", "2.5", "NaN", "Infinity",
               "-Infinity", "1000", "0.25", "0.5", "3"],
    "text": ["", "a", "A", "b", " a", "ab", "B", "\u00e9", "100", "null",
             "it's", "a,b", "\\x"],
    "textc": ["", "a", "A", "b", "Z", "_", "\u00e9"],
    "textn": ["a", "A", "b", "B", "", "\u00e9", "\u00c9"],
    "bool": ["t", "f"],
    "date": ["2024-01-01", "2024-02-29", "2023-12-31", "infinity",
             "-infinity", "0044-03-15 BC"],
    "timestamp": ["2024-01-01 00:00", "2024-01-01 10:07", "infinity",
                  "2024-03-31 02:30", "1969-12-31 23:59:59.999999"],
    "timestamptz": ["2024-01-01 00:00+00", "2024-01-01 10:07+02", "-infinity",
                    "2024-03-31 01:00+00", "2024-10-27 01:30+00"],
    "interval": ["1 mon", "30 days", "720:00", "0", "-1 day", "1 day -24:00",
                 "1 year 2 mons 3 days 04:05:06.7"],
    "uuid": ["00000000-0000-0000-0000-000000000000",
             "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
             "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "bytea": ["", "\\x00", "\\x61", "\\xff00ff", "\\x6100"],
    "jsonb": ['{"a": 1}', '{"a": 1.0}', '{"a": 1.00, "b": null}', "[]",
              "[1, 2, 2]", "null", '"x"', "{}", "true", "3",
              '{"a": {"b": [1, {"c": "x"}]}}'],
    "int4[]": ["{}", "{1,2}", "{1,NULL}", "{3,3,3}", "{{1,2},{3,4}}",
               "[0:1]={1,2}"],
    "text[]": ["{}", '{a,b}', '{NULL,"","a b"}', "{A}"],
    "numeric[]": ["{1.0}", "{1.00}", "{NaN,1}", "{}"],
    "int4range": ["empty", "[1,5)", "[2,3]", "(,3)", "[4,)", "(,)", "[1,1]"],
    "numrange": ["empty", "[1.0,2.50)", "[1.00,2.5)", "(0,1]", "(,7]"],
    "mood": ["sad", "ok", "happy"],
    "posint": ["1", "2", "2", "7"],
    "pair": ['(1,a)', '(1,)', '(,)', '(2,"x,y")', '(2,A)'],
}
SQL = {"big": "int8", "fuzzy": "float8", "textc": 'text COLLATE "C"',
       "textn": "text COLLATE fz.nd", "mood": "fz.mood",
       "posint": "fz.posint", "pair": "fz.pair"}
# equal values may read differently
LOOSE = {"numeric", "float8", "fuzzy", "interval", "jsonb", "numeric[]",
         "numrange", "textn"}
# what the columns of streams are called; id is unique
COLUMNS = {
    "a": "int4", "h": "int2", "i": "int8", "b": "big", "n": "numeric",
    "f": "float8", "t": "text", "c": "textc", "x": "textn", "p": "bool",
    "d": "date", "ts": "timestamp", "tz": "timestamptz", "iv": "interval",
    "u": "uuid", "y": "bytea", "j": "jsonb", "ai": "int4[]", "at": "text[]",
    "an": "numeric[]", "r": "int4range", "rn": "numrange", "mo": "mood",
    "dm": "posint", "pr": "pair",
}

# Result, template, types of the arguments; then "repr": of exact arguments
# only, "sees": the result is exact whatever the arguments are.
TEMPLATES = [
    ("int4", "({} + {})", "int4 int4"), ("int4", "({} - {})", "int4 int4"),
    ("int4", "({} * 3)", "int4"), ("int4", "({} % 3)", "int4"),
    ("int4", "abs({})", "int4"), ("int4", "length({})", "text"),
    ("int4", "ascii({})", "textc"), ("int4", "octet_length({})", "bytea"),
    ("int4", "cardinality({})", "int4[]"), ("int4", "({})[1]", "int4[]"),
    ("int4", "({}).a", "pair"), ("int4", "lower({})", "int4range"),
    ("int4", "({})::int4", "int2"), ("int4", "({} + 1)", "posint"),
    ("int4", "({})::int4", "bool"), ("int4", "(CASE {} WHEN 1 THEN 10 WHEN 2 "
                                     "THEN 20 ELSE -1 END)", "int4"),
    ("int8", "(SELECT sum(e) FROM unnest({}) e)", "int4[]"),
    ("int8", "({})::int8", "int4"), ("int8", "({} + {})", "int8 int4"),
    ("big", "nullif({}, 0)", "big"),
    ("numeric", "({})::numeric", "int8"), ("numeric", "({} + {})",
                                           "numeric numeric"),
    ("numeric", "({} * 1.5)", "numeric"), ("numeric", "round({}, 2)",
                                           "numeric"),
    ("numeric", "({} / 3)", "numeric", "repr"), ("numeric", "floor({})",
                                                 "numeric"),
    ("numeric", "({} / nullif({}, 0))", "numeric int4", "repr"),
    ("numeric", "extract(day FROM {})", "date"),
    ("numeric", "extract(epoch FROM {})", "interval", "repr"),
    ("numeric", "({})::numeric", "big"),
    ("numeric", "({})[1]", "numeric[]"), ("numeric", "upper({})", "numrange"),
    ("float8", "({} + {})", "float8 float8"), ("float8", "({} * 0.5)",
                                               "float8"),
    ("float8", "abs({})", "float8"), ("float8", "({})::float8", "int4"),
    ("text", "({} || {})", "text text"), ("text", "upper({})", "text"),
    ("text", "lower({})", "text"), ("text", "left({}, 2)", "text"),
    ("text", "substr({}, 2)", "text"), ("text", "md5({})", "text"),
    ("text", "replace({}, 'a', 'bb')", "text"),
    ("text", "concat({}, '-', {})", "text int4"),
    ("text", "format('%s/%s', {}, {})", "int4 text"),
    ("text", "to_char({}, 'YYYY-MM')", "timestamp"),
    ("text", "({} ->> 'a')", "jsonb", "repr"),
    ("text", "jsonb_typeof({})", "jsonb"),
    ("text", "({})[1]", "text[]"), ("text", "({}).b", "pair"),
    ("text", "({})::text", "int4"), ("text", "({})::text", "numeric", "repr"),
    ("text", "({})::text", "float8", "repr"), ("text", "({})::text", "date"),
    ("text", "({})::text", "bool"), ("text", "({})::text", "interval", "repr"),
    ("text", "({})::text", "jsonb", "repr"), ("text", "({})::text", "mood"),
    ("text", "({})::text", "uuid"), ("text", "({})::text", "int4range"),
    ("text", "({})::text", "int4[]"), ("text", "({})::text", "big"),
    ("text", "({})::text", "timestamptz"), ("text", "encode({}, 'hex')",
                                            "bytea"),
    ("text", "({})::text", "numrange", "repr"),
    ("textc", "({} || 'x')", "textc"), ("textc", "upper({})", "textc"),
    ("textc", '(({}) COLLATE "C")', "text"),
    ("bool", "(NOT {})", "bool"), ("bool", "({} AND {})", "bool bool"),
    ("bool", "({} OR {})", "bool bool"), ("bool", "({} IS NOT TRUE)", "bool"),
    ("bool", "({} LIKE 'a%')", "text"), ("bool", "({} ~ '^[a-z]')", "text"),
    ("bool", "({} ? 'a')", "jsonb"), ("bool", "({} @> {})", "int4range int4"),
    ("bool", "({} && {})", "int4range int4range"),
    ("bool", "isempty({})", "numrange", "sees"),
    ("bool", "({} && {})", "int4[] int4[]"),
    ("bool", "({} = ANY ({}))", "int4 int4[]"),
    ("bool", "({} IN (1, 2, 5))", "int4"),
    ("bool", "({} IN (0, 1, 'NaN'))", "numeric", "sees"),
    ("bool", "({} BETWEEN 0 AND 3)", "int4"),
    ("bool", "(({}, {}) < ({}, {}))", "int4 text int4 text"),
    ("bool", "({} > 0)", "int8"), ("bool", "({} > 0.5)", "float8", "sees"),
    ("date", "({} + 1)", "date"), ("date", "({})::date", "timestamp"),
    ("timestamp", "date_trunc('hour', {})", "timestamp"),
    ("timestamp", "({} + interval '1 hour')", "timestamp"),
    ("timestamp", "({})::timestamp", "date"),
    ("timestamp", "({} AT TIME ZONE 'Europe/Berlin')", "timestamptz"),
    ("timestamptz", "date_trunc('day', {})", "timestamptz"),
    ("timestamptz", "date_bin('15 minutes', {}, '2024-01-01')", "timestamptz"),
    ("interval", "({} + interval '1 day')", "interval"),
    ("interval", "make_interval(mins => {})", "int4"),
    ("bytea", "({} || '\\x00'::bytea)", "bytea"),
    ("bytea", "convert_to({}, 'UTF8')", "text"),
    ("jsonb", "to_jsonb({})", "int4"), ("jsonb", "to_jsonb({})", "text"),
    ("jsonb", "jsonb_build_object('k', {}, 'v', {})", "int4 text"),
    ("jsonb", "jsonb_build_array({}, {})", "int4 bool"),
    ("jsonb", "({} -> 'a')", "jsonb"), ("jsonb", "jsonb_strip_nulls({})",
                                        "jsonb"),
    ("jsonb", "jsonb_path_query_first({}, 'lax $.a')", "jsonb"),
    ("int4[]", "ARRAY[{}, {}]", "int4 int4"),
    ("text[]", "string_to_array({}, 'a')", "text"),
    ("text[]", "ARRAY[{}, {}]", "text text"),
    ("int4range", "int4range({0}, {0} + 2)", "int4"),
    ("int4range", "({} * {})", "int4range int4range"),
    ("pair", "ROW({}, {})::fz.pair", "int4 text"),
    ("uuid", "md5({})::uuid", "text"),
]
BY_RESULT = collections.defaultdict(list)
for t in TEMPLATES:
    BY_RESULT[t[0]].append(t)

# what views are asked for by
TESTED = {"int4", "int2", "int8", "big", "numeric", "text", "textc", "bool", "date",
          "timestamp", "timestamptz", "uuid", "mood"}
VALUES["fuzzy"] = VALUES["float8"]
COMPARABLE = [t for t in VALUES if t != "textn"]


def sql_type(name):
    return SQL.get(name, name)


def quote(value):
    return "'" + value.replace("'", "''") + "'"


def typed(value, name):
    """A literal; text has its collation from elsewhere."""
    plain = sql_type(name).split(" COLLATE")[0]
    return quote(value) + "::" + plain


# type "other": nothing is known of it but that it can be shown
Expr = collections.namedtuple("Expr", "sql type exact")


class Scope:
    """What may be named: columns, and one among them that is unique."""

    def __init__(self, cols, unique=None, lookups=True):
        self.cols = cols
        self.unique = unique
        self.lookups = lookups      # may expressions have sub-selects?


def islands(source, alias, call, keys, where, zoned=False):
    """FROM and WHERE as a member of FROM with a column session_: what the
    sessions of the rows have become (gaps and islands)."""
    by = "PARTITION BY " + ", ".join(list(keys) + ["1"])
    rows = ("SELECT {a}.*, lower({call}) AS s_, upper({call}) AS e_ FROM "
            "{source} WHERE {where}")
    begins = ("SELECT {a}.*, coalesce({a}.s_ > max({a}.e_) OVER ({by} ORDER BY "
              "{a}.s_, {a}.e_ ROWS BETWEEN UNBOUNDED PRECEDING AND 1 "
              "PRECEDING), true) AS b_ FROM (%s) AS {a}" % rows)
    numbers = ("SELECT {a}.*, count(*) FILTER (WHERE {a}.b_) OVER ({by} ORDER "
               "BY {a}.s_, {a}.e_) AS i_ FROM (%s) AS {a}" % begins)
    merged = ("(SELECT {a}.*, {type}(min({a}.s_) OVER ({by}, {a}.i_), "
              "max({a}.e_) OVER ({by}, {a}.i_), CASE WHEN min({a}.s_) OVER "
              "({by}, {a}.i_) = max({a}.e_) OVER ({by}, {a}.i_) THEN '[]' "
              "ELSE '[)' END) AS session_ FROM (%s) AS {a}) AS {a}" % numbers)
    return merged.format(a=alias, call=call, by=by, source=source,
                         type="tstzrange" if zoned else "tsrange",
                         where=" AND ".join(["%s IS NOT NULL" % call] + where))


class Query:
    """A SELECT in pieces, so that pieces can be left out."""

    def __init__(self):
        self.ctes = []              # (name, Query)
        self.prefix = ""            # DISTINCT ...
        self.items = []             # (sql, alias)
        self.cols = []              # Expr each, as seen from outside, no alias
        self.source = []            # strings and queries
        self.where = []
        self.group = ""
        self.having = []
        self.tail = ""
        self.session = None         # (alias, call, keys beside it)

    def sql(self, plain=False):
        """plain: with sessions that any server would merge."""
        out = ""
        if self.ctes:
            out = "WITH " + ", ".join("%s AS (%s)" % (n, q.sql(plain))
                                      for n, q in self.ctes) + " "
        source = "".join(s if isinstance(s, str) else s.sql(plain)
                         for s in self.source)
        head = self.prefix + ", ".join("%s AS %s" % i for i in self.items)
        tail = ""
        if self.group:
            tail += " GROUP BY " + self.group
        if self.having:
            tail += " HAVING " + " AND ".join(self.having)
        where = self.where
        if plain and self.session:
            alias, call, keys = self.session
            source = islands(source, alias, call, keys, where)
            where = []
            head, tail = (part.replace(call, alias + ".session_")
                          for part in (head, tail))
        if where:
            tail = " WHERE " + " AND ".join(where) + tail
        return out + "SELECT " + head + " FROM " + source + tail + self.tail

    def below(self):
        """This and all queries inside, outermost first."""
        yield self
        for part in [q for _, q in self.ctes] + self.source:
            if not isinstance(part, str):
                yield from part.below()

    def smaller(self):
        """Tries to leave something out: yields after each change, undoes it
        if it is sent False."""
        for query in self.below():
            for part in (query.having, query.where):
                i = 0
                while i < len(part):
                    gone = part.pop(i)
                    if not (yield):
                        part.insert(i, gone)
                        i += 1
            i = 0
            while i < len(query.items) and len(query.items) > 1:
                gone, col = query.items.pop(i), query.cols.pop(i)
                if not (yield):
                    query.items.insert(i, gone)
                    query.cols.insert(i, col)
                    i += 1
            for name in ("tail", "prefix"):
                old = getattr(query, name)
                if old:
                    setattr(query, name, "")
                    if not (yield):
                        setattr(query, name, old)


# --------------------------------------------------------------------------
# Aggregates

# Of these sums of floats the order of addition shows.
ROUNDED = {"stddev", "stddev_pop", "stddev_samp", "variance", "var_pop",
           "var_samp", "corr", "covar_pop", "covar_samp", "regr_sxx",
           "regr_syy", "regr_sxy", "regr_slope", "regr_intercept", "regr_r2",
           "regr_avgx", "regr_avgy"}
# Of the same arguments, these have states in common, or are made of each other.
KIN = ["avg", "sum", "count", "stddev", "variance", "var_pop"]
# Arguments of types that streams have no columns of.
MADE = {
    "smallint": ("{}", "int2"), "integer": ("{}", "int4"),
    "double precision": ("{}", "float8"), "real": ("({})::float4", "float8"),
    "numeric": ("{}", "numeric"), "boolean": ("{}", "bool"),
    "date": ("{}", "date"), "interval": ("{}", "interval"),
    "timestamp without time zone": ("{}", "timestamp"),
    "timestamp with time zone": ("{}", "timestamptz"),
    "bytea": ("{}", "bytea"), "uuid": ("{}", "uuid"), "jsonb": ("{}", "jsonb"),
    "money": ("({})::money", "int4"), "oid": ("abs({})::oid", "int4"),
    "time without time zone":
        ("(time '12:00' + {} * interval '1 minute')", "int4"),
    "time with time zone":
        ("(time '12:00' + {} * interval '1 minute')::timetz", "int4"),
    "character": ("({})::char(5)", "text"),
    "tid": ("('(' || abs({}) || ',1)')::tid", "int4"),
    "inet": ("('10.0.0.' || abs({}) % 256)::inet", "int4"),
    "pg_lsn": ("('0/' || abs({}))::pg_lsn", "int4"),
    "xid8": ("(abs({})::text)::xid8", "int4"),
    "bit": ("({})::bit(8)", "int4"),
    "xml": ("xmlelement(name e, {})", "int4"),
    "anyenum": ("{}", "mood"), "anyrange": ("{}", "int4range numrange"),
    "anymultirange": ("multirange({})", "int4range numrange"),
    "anyarray": ("{}", "int4[] text[] numeric[]"),
    "bigint": ("{}", "int8 big"), "text": ("{}", "text textc textn"),
    "record": ("{}", "pair"),
}
# what can be made into JSON, or text, in one way only
PLAIN = ("int4 int2 int8 big text textc bool date timestamp uuid int4[] "
         "text[] int4range mood pair")
RESULTS = {"count": "int8", "rank": "int8", "dense_rank": "int8",
           "percent_rank": "fuzzy", "cume_dist": "fuzzy",
           "regr_count": "int8"}
# Their result depends on what comes first or is in the way of what we check.
UNUSABLE = {"json_object_agg_unique", "jsonb_object_agg_unique",
            "json_object_agg_unique_strict", "jsonb_object_agg_unique_strict"}
# Catalog: name, schema or "", kind, types of the arguments, VARIADIC?
Aggregate = collections.namedtuple("Aggregate", "name schema kind args label"
                                   " combines")

AGGREGATES = """
    SELECT proname, CASE nspname WHEN 'pg_catalog' THEN '' ELSE nspname END,
           aggkind, ARRAY(SELECT format_type(t, NULL)
                          FROM unnest(proargtypes) WITH ORDINALITY u (t, o)
                          ORDER BY o),
           aggfnoid::regprocedure::text, aggcombinefn <> 0
           AND (aggtranstype <> 'internal'::regtype OR aggserialfn <> 0)
    FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
         JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname IN ('pg_catalog', 'fz')
    ORDER BY 5
"""


class Grammar:
    """Makes queries over streams, all with the same columns.

    describe(sql) returns the types of a query's columns by the names above,
    None where there is none, and raises if the server does not accept it.
    """

    def __init__(self, rng, streams, columns, aggregates, describe):
        self.rng = rng
        self.streams = streams
        self.columns = columns      # name -> type
        self.describe = describe
        self.families = collections.defaultdict(list)
        for agg in aggregates:
            if agg.name not in UNUSABLE:
                self.families[agg.name].append(agg)
        self.simple = {n: [a for a in f if a.combines and a.kind == "n"]
                       for n, f in self.families.items()}
        self.simple = {n: f for n, f in self.simple.items() if f}
        self.tags = set()
        self.aggs = set()
        self.number = 0
        self.given = None           # what FROM has instead of sub-selects
        self.others = []            # views that EXISTS may be about, likewise
        self.tested = set()         # ... and is
        self.said = {}              # arguments and conditions of aggregates
        # queries of one exotic thing are accepted sooner than those of many
        self.exotic = rng.choice([0, 0, 0.3, 1])

    def chance(self, p):
        return self.rng.random() < p

    def tag(self, *names):
        self.tags.update(names)

    def alias(self):
        self.number += 1
        return "q%d" % self.number

    # ---- expressions

    def literal(self, kind):
        sql = typed(self.rng.choice(VALUES[kind]), kind)
        if kind in ("textc", "textn"):
            sql = "(%s COLLATE %s)" % (sql, sql_type(kind).split()[-1])
        return Expr(sql, kind, True)

    def column(self, scope, kinds, exact=False):
        fit = [c for c in scope.cols if c.type in kinds
               and (c.exact or not exact)]
        return self.rng.choice(fit) if fit else None

    def expr(self, scope, kind, depth=2, exact=False):
        """An expression of that type."""
        rng = self.rng
        col = self.column(scope, [kind], exact)
        if depth <= 0 or (col and self.chance(0.5)):
            if col and not self.chance(0.03):
                return col
            return Expr("NULL::" + sql_type(kind).split(" COLLATE")[0], kind,
                        True) if (self.chance(0.1) and kind not in (
                            "textc", "textn")) else self.literal(kind)
        x = rng.random()
        if x < 0.25 or (not BY_RESULT[kind] and kind != "bool"):
            return self.choice_of(scope, kind, depth, exact)
        if kind == "bool" and x < 0.6:
            return self.comparison(scope, depth, exact)
        if kind == "int4" and x < 0.3 and scope.lookups:
            self.tag("scalar sub-select")
            arg = self.expr(scope, "int4", depth - 1, exact)
            return Expr("(SELECT dim.w FROM dim WHERE dim.k = %s)" % arg.sql,
                        kind, arg.exact)
        have = [t for t in BY_RESULT[kind] if self.column(
            scope, t[2].split(), exact or "repr" in t)]
        result, template, args, *flags = rng.choice(have or BY_RESULT[kind])
        args = [self.expr(scope, a, depth - 1, exact or "repr" in flags)
                for a in args.split()]
        return Expr(template.format(*[a.sql for a in args]), result,
                    "sees" in flags or all(a.exact for a in args))

    def choice_of(self, scope, kind, depth, exact):
        """What exists for each type: CASE, COALESCE and the like."""
        rng = self.rng
        a, b = [self.expr(scope, kind, depth - 1, exact) for _ in range(2)]
        both = a.exact and b.exact
        form = rng.choice(["case", "case", "coalesce", "coalesce", "nullif",
                           "greatest", "least"])
        if form == "case":
            cond = self.expr(scope, "bool", depth - 1, exact)
            return Expr("(CASE WHEN %s THEN %s ELSE %s END)" % (
                cond.sql, a.sql, b.sql), kind, both and cond.exact)
        if form == "nullif":
            return Expr("nullif(%s, %s)" % (a.sql, b.sql), kind, a.exact)
        return Expr("%s(%s, %s)" % (form, a.sql, b.sql), kind, both)

    def comparison(self, scope, depth, exact):
        rng = self.rng
        col = self.column(scope, COMPARABLE)
        kind = col.type if col else "int4"
        a = self.expr(scope, kind, depth - 1)
        if self.chance(0.2):
            return Expr("(%s IS %sNULL)" % (
                a.sql, rng.choice(["", "NOT "])), "bool", True)
        b = self.literal(kind) if self.chance(0.6) else self.expr(
            scope, kind, depth - 1)
        return Expr("(%s %s %s)" % (a.sql, rng.choice(
            ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM",
             "IS NOT DISTINCT FROM"]), b.sql), "bool", True)

    def any_type(self, scope, among=None):
        kinds = [c.type for c in scope.cols if c.type in VALUES
                 and (among is None or c.type in among)]
        return self.rng.choice(kinds) if kinds else (
            self.rng.choice(among) if among else "int4")

    def any_expr(self, scope, depth=2, among=None, exact=False):
        return self.expr(scope, self.any_type(scope, among), depth, exact)

    # ---- where rows come from

    def stream_scope(self, alias):
        return Scope([Expr("%s.%s" % (alias, c), t, True)
                      for c, t in self.columns.items()],
                     Expr(alias + ".id", "big", True))

    def one_stream(self):
        rng = self.rng
        alias = self.alias()
        columns = ", ".join(self.columns)
        if self.chance(0.12):
            self.tag("UNION ALL of streams")
            parts = [rng.choice(self.streams) for _ in range(2)]
            sql = "(SELECT %s FROM %s UNION ALL SELECT %s FROM %s)" % (
                columns, parts[0], columns, parts[1])
            scope = self.stream_scope(alias)
            if parts[0] == parts[1]:
                scope.unique = None
            return [sql + " AS " + alias], scope
        scope = self.stream_scope(alias)
        if self.chance(0.05):
            self.tag("sub-select")
            return ["(SELECT * FROM %s WHERE id %% 4 > 0) AS %s" % (
                rng.choice(self.streams), alias)], scope
        if self.chance(0.05):
            self.tag("whole row")
            scope.cols += [Expr("to_jsonb(%s)" % alias, "jsonb", True),
                           Expr("(%s IS NOT NULL)" % alias, "bool", True)] * 3
        if self.chance(0.03):
            self.tag("tableoid")
            scope.cols += [Expr("%s.tableoid::regclass::text" % alias, "text",
                                True)] * 3
        return ["%s AS %s" % (rng.choice(self.streams), alias)], scope

    def lookups(self, source, scope, where):
        """Joins with ordinary tables."""
        rng = self.rng
        alias = self.alias()
        key = self.column(scope, ["int4"]) or self.expr(scope, "int4", 1)
        if self.chance(0.3):
            key = self.expr(scope, "int4", 1)
        form = rng.choice(["inner", "left", "many", "exists", "in",
                           "not exists", "not in", "lateral", "left lateral",
                           "using where", "values", "view", "aggregated"])
        self.tag("join: " + form)
        dim = [Expr(alias + ".label", "text", True),
               Expr(alias + ".w", "int4", True)]
        more = [Expr(alias + ".v", "text", True),
                Expr(alias + ".g", "numeric", True)]
        if form in ("inner", "left"):
            source.append(" %sJOIN dim AS %s ON %s.k = %s" % (
                "LEFT " if form == "left" else "", alias, alias, key.sql))
            scope.cols += dim
        elif form == "using where":
            source.append(" CROSS JOIN dim AS %s" % alias)
            where.append("%s.k = %s" % (alias, key.sql))
            scope.cols += dim
        elif form == "many":
            source.append(" %sJOIN many AS %s ON %s.k = %s" % (
                rng.choice(["", "LEFT "]), alias, alias, key.sql))
            scope.cols += more
            scope.unique = None
        elif form == "values":
            source.append(" JOIN (VALUES (1, 'x'), (2, NULL), (2, 'z')) AS %s "
                          "(k, label) ON %s.k = %s" % (alias, alias, key.sql))
            scope.cols += dim[:1]
            scope.unique = None
        elif form == "view":
            source.append(" LEFT JOIN dimview AS %s ON %s.k = %s" % (
                alias, alias, key.sql))
            scope.cols += dim[:1]
        elif form == "aggregated":
            source.append(" LEFT JOIN (SELECT k, max(v) AS v, sum(g) AS g FROM "
                          "many GROUP BY k) AS %s ON %s.k = %s" % (
                              alias, alias, key.sql))
            scope.cols += more
        elif form in ("exists", "not exists"):
            where.append("%s (SELECT 1 FROM many AS %s WHERE %s.k = %s)" % (
                form.upper(), alias, alias, key.sql))
        elif form == "in":
            where.append("%s IN (SELECT k FROM many)" % key.sql)
        elif form == "not in":
            where.append("%s NOT IN (SELECT k FROM dim WHERE w > 3)" % key.sql)
        else:
            source.append(" %s JOIN LATERAL (SELECT v, g FROM many m WHERE m.k "
                          "= %s ORDER BY v, g LIMIT 1) AS %s%s" % (
                              "LEFT" if form == "left lateral" else "CROSS",
                              key.sql, alias,
                              " ON true" if form == "left lateral" else ""))
            scope.cols += more

    def joined_stream(self, source, scope, where):
        """Another stream, joined to the one that is there.  True: outer."""
        rng = self.rng
        first = source[0].split(" AS ")[-1]
        more, other = self.one_stream()
        second = more[0].split(" AS ")[-1]
        self.tag("join of streams")
        if self.chance(0.35):
            self.tag("EXISTS or IN a stream")
            column = rng.choice([c for c, t in self.columns.items()
                                 if t in ("int4", "int8", "text", "numeric",
                                          "date", "uuid", "timestamp")])
            where.append(rng.choice([
                "EXISTS (SELECT FROM {0} WHERE {2}.{3} = {1}.{3} AND {2}.id % 3 > 0)",
                "{1}.{3} IN (SELECT {2}.{3} FROM {0} WHERE {2}.id % 2 = 0)",
                "({1}.{3}, {1}.id % 5) IN (SELECT {2}.{3}, {2}.id % 5 FROM {0})",
                "EXISTS (SELECT FROM {0} WHERE {2}.{3} = {1}.{3} AND {4})",
                "{1}.id % 40 IN (SELECT {2}.id % 40 FROM {0} WHERE {4})",
                "NOT EXISTS (SELECT FROM {0} WHERE {2}.{3} = {1}.{3})",
                "NOT EXISTS (SELECT FROM {0} WHERE {2}.{3} = {1}.{3} AND {4})",
                "NOT EXISTS (SELECT FROM {0} WHERE {2}.id % 40 = {1}.id % 40 AND {4})",
                "EXISTS (SELECT FROM {0} WHERE {1}.id BETWEEN {2}.id - 1 AND {2}.id + 2 AND {4})",
                "NOT EXISTS (SELECT FROM {0} WHERE {2}.{3} > {1}.{3})",
                "NOT EXISTS (SELECT FROM {0} WHERE {1}.id::int4 <@ int4range({2}.id::int4 % 90, {2}.id::int4 % 90 + 5))",
                "{1}.{3} IN (SELECT {2}.{3} FROM {0} GROUP BY {2}.{3} HAVING "
                "count(*) % 2 = 1)",
                "EXISTS (SELECT FROM (SELECT {2}.{3} AS k, count(*) AS n FROM {0} "
                "GROUP BY 1) AS g{2} WHERE g{2}.k = {1}.{3} AND g{2}.n % 3 > "
                "{1}.id % 3)",
                "NOT EXISTS (SELECT FROM (SELECT {2}.{3} AS k, count(*) AS n FROM "
                "{0} GROUP BY 1) AS g{2} WHERE g{2}.k = {1}.{3} AND g{2}.n % 3 > "
                "{1}.id % 3)"
            ]).format(more[0], first, second, column,
                      self.expr(Scope(scope.cols + other.cols), "bool",
                                1).sql))
            if where[-1].startswith("NOT EXISTS"):
                self.tag("NOT EXISTS a stream")
            return False
        if self.chance(0.25):
            return self.joined_groups(source, scope, first, more[0], second)
        form = rng.choice(["id", "near", "columns", "columns", "expression",
                           "range", "range"])
        if form == "range":
            self.tag("join of streams by ranges")
            column = rng.choice([c for c, t in self.columns.items() if t in (
                "int4", "int8", "numeric", "date", "timestamp")])
            on = [rng.choice([
                "{0}.id BETWEEN {1}.id - 2 AND {1}.id + 1",
                "{0}.id::int4 <@ int4range({1}.id::int4 - 1, {1}.id::int4 + 2)",
                "int4range({1}.id::int4 - 2, {1}.id::int4, '[]') @> {0}.id::int4",
                "int4range({0}.id::int4, {0}.id::int4 + 2) && "
                "int4range({1}.id::int4 - 1, {1}.id::int4 + 1)",
                "{0}.{2} > {1}.{2} AND {0}.id < {1}.id + 5",
                "{0}.id % 9 <= {1}.id % 7 AND {0}.id >= {1}.id",
                "point({0}.id, {0}.id % 5) <@ "
                "box(point({1}.id, 1), point({1}.id + 3, 4))"]).format(
                    first, second, column)]
        elif form == "id":
            on = ["%s.id = %s.id" % (first, second)]
        elif form == "near":
            on = ["%s.id / 3 = %s.id / 3 + %d" % (first, second,
                                                 rng.choice([0, 0, 1]))]
        elif form == "columns":
            names = [c for c, t in self.columns.items() if t in (
                "int4", "int2", "int8", "text", "textc", "numeric", "date",
                "bool", "mood", "uuid", "timestamp")]
            on = ["%s.%s = %s.%s" % (first, c, second, c)
                  for c in rng.sample(names, min(len(names), 3))]
        else:
            on = ["%s = %s.id %% 50" % (self.expr(scope, "int4", 1).sql,
                                        second),
                  "%s.id %% 7 = %s.id %% 7" % (first, second)]
        rng.shuffle(on)
        scope.cols += other.cols
        scope.unique = None
        if self.chance(0.3):
            on.append(self.expr(scope, "bool", 1).sql)
        if self.chance(0.3) and not any(s.startswith(",") for s in source):
            # PostgreSQL has no full joins by ranges
            outer = rng.choice(["LEFT", "LEFT", "RIGHT",
                                "RIGHT" if form == "range" else "FULL"])
            self.tag("outer join of streams")
            source.append(" %s JOIN %s ON %s" % (outer, more[0],
                                                 " AND ".join(on)))
            return True
        if self.chance(0.3):
            source.append(", " + more[0])
            where += on
        else:
            source.append(" JOIN %s ON %s" % (more[0], " AND ".join(on)))
        return False

    def joined_groups(self, source, scope, first, stream, second):
        """Groups, or the latest rows, of another stream, joined likewise."""
        rng = self.rng
        self.tag("join with groups")
        column = rng.choice([c for c, t in self.columns.items() if t in (
            "int4", "int8", "text", "numeric", "date", "uuid", "timestamp")])
        made = "g" + second
        source.append(rng.choice([
            " JOIN (SELECT {1}.{2}, count(*) AS n, max({1}.id) AS m FROM {0}"
            " GROUP BY {1}.{2}{4}) AS {5} ON {3}.{2} = {5}.{2}",
            " JOIN (SELECT {1}.id % 9 AS m, count(DISTINCT {1}.{2}) AS n FROM {0}"
            " GROUP BY 1{4}) AS {5} ON {3}.id % 9 = {5}.m",
            " JOIN (SELECT DISTINCT ON ({1}.{2}) {1}.{2}, {1}.id AS m,"
            " {1}.id % 5 AS n FROM {0} ORDER BY {1}.{2}, {1}.id DESC) AS {5}"
            " ON {3}.{2} = {5}.{2}",
            " JOIN (SELECT c AS m, count(*) AS n FROM (SELECT {1}.{2}, count(*)"
            " AS c FROM {0} GROUP BY {1}.{2}) q GROUP BY c) AS {5}"
            " ON {3}.id % 30 = {5}.m"]).format(
                stream, second, column, first,
                rng.choice(["", " HAVING count(*) > 1",
                            " HAVING count(*) % 3 < 2"]), made))
        scope.cols += [Expr(made + ".n::int8", "int8", True)] * 3
        scope.unique = None
        if self.chance(0.4) and not any(s.startswith(",") for s in source):
            self.tag("outer join with groups")
            source[-1] = " " + rng.choice(["LEFT", "LEFT", "FULL"]) + source[-1]
            return True
        return False

    def joined_above(self, source, scope):
        """Groups of a stream beside what a sub-select makes, which may be groups."""
        cols = [c for c in scope.cols if c.type in ("int4", "int8", "int2")]
        if not cols:
            return False
        self.tag("groups beside a sub-select")
        more, _ = self.one_stream()
        second = more[0].split(" AS ")[-1]
        outer = self.rng.choice(["", "", "LEFT ", "FULL "])
        source.append(" %sJOIN (SELECT %s.id %% 9 AS m, count(*) AS n FROM %s "
                      "GROUP BY 1 HAVING count(*) %% 4 > 0) AS g%s ON %s %% 9 = "
                      "g%s.m" % (outer, second, more[0], second,
                                 self.rng.choice(cols).sql, second))
        scope.cols += [Expr("g%s.n" % second, "int8", True)] * 2
        scope.unique = None
        return True

    def tested_view(self, scope, where):
        """EXISTS, IN or NOT EXISTS over another view, whose rows may change."""
        rng = self.rng
        name, cols = rng.choice(self.others)
        alias = self.alias()
        inner = [Expr("%s.%s" % (alias, c), e.type, e.exact) for c, e in cols
                 if e.type in VALUES]
        pairs = [(a, b) for a in scope.cols for b in inner
                 if a.type == b.type and a.type in TESTED]
        if not pairs:
            return
        outer, key = rng.choice(pairs)
        other = rng.choice(inner)
        form = rng.choice([
            "EXISTS (SELECT FROM {0} WHERE {2} = {1})",
            "EXISTS (SELECT FROM {0} WHERE {2} = {1} AND {4})",
            "{1} IN (SELECT {2} FROM {0})",
            "{1} IN (SELECT {2} FROM {0} WHERE {5})",
            "{1} IN (SELECT {2} FROM {0} GROUP BY {2} HAVING count(*) % 2 = 1)",
            "EXISTS (SELECT FROM {0} WHERE {2} > {1} AND {4})",
            "NOT EXISTS (SELECT FROM {0} WHERE {2} = {1})",
            "NOT EXISTS (SELECT FROM {0} WHERE {2} = {1} AND {4})",
            "NOT EXISTS (SELECT FROM {0} WHERE {2} = {1} AND {5})",
            "NOT EXISTS (SELECT FROM {0} WHERE {2} > {1} AND {5})",
            "NOT EXISTS (SELECT FROM (SELECT {2} AS k, count({3}) AS n FROM {0} "
            "GROUP BY 1) AS g{6} WHERE g{6}.k = {1} AND g{6}.n > 1)"])
        where.append(form.format(
            "%s AS %s" % (name, alias), outer.sql, key.sql, other.sql,
            self.expr(Scope(scope.cols + inner, lookups=False), "bool", 1).sql,
            self.expr(Scope(inner, lookups=False), "bool", 1).sql, alias))
        self.tested.add(name)
        self.tag("EXISTS or IN another view" if form[0] != "N"
                 else "NOT EXISTS another view")

    def series(self, source, scope):
        """A set-returning function in FROM."""
        rng = self.rng
        alias = self.alias()
        form = rng.choice(["generate_series", "unnest", "jsonb", "hop"])
        if form == "unnest" and self.column(scope, ["int4[]"]):
            source.append(" CROSS JOIN LATERAL unnest(%s) AS %s (e)" % (
                self.expr(scope, "int4[]", 1).sql, alias))
            scope.cols.append(Expr(alias + ".e", "int4", True))
        elif form == "jsonb" and self.column(scope, ["jsonb"], True):
            arg = self.column(scope, ["jsonb"], True).sql
            source.append(
                " CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(%s) WHEN "
                "'object' THEN %s ELSE '{}' END) AS %s (k, v)" % (
                    arg, arg, alias))
            scope.cols += [Expr(alias + ".k", "text", True),
                           Expr(alias + ".v", "jsonb", True)]
        elif form == "hop" and self.column(scope, ["timestamp"]):
            source.append(" CROSS JOIN LATERAL hop(%s, '1 hour', '20 minutes')"
                          " AS %s (w)" % (
                              self.column(scope, ["timestamp"]).sql, alias))
            scope.cols.append(Expr("lower(%s.w)" % alias, "timestamp", True))
        else:
            form = "generate_series"
            source.append(" CROSS JOIN LATERAL generate_series(1, abs(%s) %% 3)"
                          " AS %s (e)" % (
                              self.expr(scope, "int4", 1).sql, alias))
            scope.cols.append(Expr(alias + ".e", "int4", True))
        self.tag("FROM function: " + form)
        scope.unique = None

    def from_clause(self, query, depth):
        """Gives the query a FROM and, mostly, a WHERE; returns the scope."""
        rng = self.rng
        alone = False
        if self.given:
            name, cols = self.given
            query.source = [name]
            scope = Scope([Expr("%s.%s" % (name, alias), c.type, c.exact)
                           for alias, c in cols if c.type in VALUES])
            alone = not self.chance(self.exotic / 5)
        elif depth > 0:
            kind = rng.choice(["aggregation"] * 4 + [
                "transform", "DISTINCT", "top-n", "union"])
            alias = self.alias()
            if kind == "union":
                inner = self.union(depth - 1)
                kind = "UNION ALL of aggregations"
            else:
                inner = {"aggregation": self.aggregation,
                         "transform": self.transform,
                         "DISTINCT": self.distinct,
                         "top-n": self.top_n}[kind](depth - 1)
            self.tag("over " + kind)
            if self.chance(0.2) and isinstance(inner, Query):
                self.tag("WITH")
                query.ctes.append((alias, inner))
                query.source = [alias]
            else:
                query.source = ["("] + [inner] + [") AS " + alias]
            scope = Scope([Expr("%s.c%d" % (alias, i + 1), c.type, c.exact)
                           for i, c in enumerate(inner.cols)])
            scope.cols = [c for c in scope.cols if c.type in VALUES] or [
                Expr("1", "int4", True)]
            if self.chance(0.2):
                alone = self.joined_above(query.source, scope)
        else:
            query.source, scope = self.one_stream()
            if self.chance(max(0.15, self.exotic / 3)):
                alone = self.joined_stream(query.source, scope, query.where)
                if self.chance(0.25):
                    alone |= self.joined_stream(query.source, scope,
                                                query.where)
        if alone and self.chance(0.4):
            self.tag("tables beside what changes")
            alone = False
        if not alone and self.chance(0.25):
            self.lookups(query.source, scope, query.where)
        if not alone and self.chance(0.1):
            self.series(query.source, scope)
        if self.chance(0.35):
            self.tag("WHERE")
            for _ in range(rng.choice([1, 1, 2])):
                query.where.append(self.expr(scope, "bool").sql)
        if self.others and self.chance(0.4):
            for _ in range(rng.choice([1, 1, 2])):
                self.tested_view(scope, query.where)
        return scope

    def finish(self, query):
        """Asks the server for the types of columns that we do not know."""
        if any(c.type is None for c in query.cols):
            types = self.describe(query.sql())
            query.cols = [
                c if c.type else Expr(c.sql, t or "other",
                                      c.exact and t != "float8")
                for c, t in zip(query.cols, types)]
        return query

    def show(self, query, exprs):
        query.items = [(e.sql, "c%d" % (i + 1)) for i, e in enumerate(exprs)]
        query.cols = list(exprs)

    # ---- kinds of SELECT

    def transform(self, depth=0):
        self.tag("transform")
        query = Query()
        scope = self.from_clause(query, depth)
        items = [self.any_expr(scope) for _ in range(self.rng.randint(1, 5))]
        if scope.unique and self.chance(0.7):
            items.insert(0, scope.unique)
        if self.chance(0.06):
            self.tag("set-returning function in SELECT")
            items.append(Expr("generate_series(1, abs(%s) %% 3)" % self.expr(
                scope, "int4", 1).sql, "int4", True))
        elif self.chance(0.02):
            self.tag("window over rows")
            items.append(Expr("sum(%s) OVER (PARTITION BY %s)" % (
                self.expr(scope, "int4", 1).sql,
                self.any_expr(scope, 1).sql), "int8", True))
        self.show(query, items)
        return self.finish(query)

    def distinct(self, depth=0):
        self.tag("DISTINCT")
        query = Query()
        scope = self.from_clause(query, depth)
        query.prefix = "DISTINCT "
        self.show(query, [self.grouped(self.any_expr(scope)) for _ in range(
            self.rng.randint(1, 3))])
        return self.finish(query)

    def grouped(self, expr):
        """As a group shows it."""
        return expr._replace(exact=expr.exact and expr.type not in LOOSE)

    def top_n(self, depth=0):
        rng = self.rng
        query = Query()
        form = rng.choice(["DISTINCT ON", "DISTINCT ON", "row_number", "rank",
                           "dense_rank"])
        self.tag("top-n: " + form)
        scope = self.from_clause(query, depth)
        keys = [self.any_expr(scope, 1) for _ in range(rng.choice(
            [1, 1, 2] if form == "DISTINCT ON" else [0, 1, 1, 2]))]
        by = [self.any_expr(scope, 1) for _ in range(rng.choice([1, 1, 2]))]
        shown = [self.any_expr(scope, 1) for _ in range(rng.randint(1, 3))]
        if scope.unique:
            # by it alone now and then: the latest row
            last = [scope.unique]
            if self.chance(0.3):
                by = []
        else:
            last = shown
        whole = scope.unique is not None
        order = ["%s%s%s" % (e.sql, rng.choice(["", " DESC"]), rng.choice(
            ["", "", " NULLS FIRST", " NULLS LAST"])) for e in by]
        if form == "DISTINCT ON":
            rng.shuffle(keys)
            query.prefix = "DISTINCT ON (%s) " % ", ".join(
                k.sql for k in keys)
            self.show(query, [e if whole else self.grouped(e)
                              for e in keys + shown])
            query.tail = " ORDER BY " + ", ".join(
                [k.sql for k in keys] + order
                + [e.sql + rng.choice(["", " DESC"]) for e in last])
            return self.finish(query)
        if form == "row_number" or not order:
            order += [e.sql + rng.choice(["", " DESC"]) for e in last]
        n = rng.randint(1, 3)
        items = [self.grouped(e) if not whole else e for e in keys + shown]
        inner_items = [e.sql for e in items]
        over = "%s() OVER (%sORDER BY %s)" % (
            form, "PARTITION BY %s " % ", ".join(k.sql for k in keys)
            if keys else "", ", ".join(order))
        self.show(query, items + [Expr(over, "int8", True)])
        outer = Query()
        alias = self.alias()
        outer.source = ["(", query, ") AS " + alias]
        rn = "%s.c%d" % (alias, len(inner_items) + 1)
        cond = rng.choice(["<= %d" % n, "= 1", "< %d" % (n + 1),
                           "BETWEEN %d AND %d" % (rng.randint(1, n), n)])
        self.tag("top-n: " + cond.split()[0])
        outer.where = ["%s %s" % (rn, cond)]
        self.show(outer, [Expr("%s.c%d" % (alias, i + 1), e.type, e.exact)
                          for i, e in enumerate(items)])
        if self.chance(0.5):
            outer.items.append((rn, "c%d" % (len(items) + 1)))
            outer.cols.append(Expr(rn, "int8", True))
        # the rank is not to be left out below the condition
        return self.finish(outer)

    def union(self, depth=0):
        """UNION ALL of an aggregation, say, and other parts with its types."""
        rng = self.rng
        first = getattr(self, rng.choice(
            ["aggregation"] * 4 + ["distinct", "top_n", "transform"]))(depth)
        parts = [first]
        if self.chance(0.6):
            second = copy.deepcopy(first)
            for q in second.below():
                q.source = [s if not isinstance(s, str) else s.replace(
                    self.streams[0] + " ", self.streams[-1] + " ")
                            for s in q.source]
            parts.append(second)
        if all(c.type in VALUES for c in first.cols):
            while len(parts) < 2 or (len(parts) < 4 and self.chance(0.4)):
                parts.append(self.part_like(first))
        rng.shuffle(parts)
        both = Query()
        self.tag("UNION ALL of aggregations" if len(parts) > 1 else "one part")
        distinct = self.chance(0.1)
        if distinct:
            self.tag("UNION")
        alias = self.alias()
        both.source = ["("]
        for i, part in enumerate(parts):
            both.source += ["(" if i == 0 else ") UNION ("
                            if distinct else ") UNION ALL (", part]
        both.source.append(")) AS " + alias)
        both.items = [("%s.c%d" % (alias, i + 1), "c%d" % (i + 1))
                      for i in range(len(first.items))]
        both.cols = [
            e._replace(exact=all(p.cols[i].exact for p in parts)
                       and not (distinct and e.type in LOOSE))
            for i, e in enumerate(first.cols)]
        return both

    def part_like(self, first):
        """Rows, a join or distinct rows, with the types of another SELECT."""
        query = Query()
        scope = self.from_clause(query, 0)
        items = []
        for col in first.cols:
            if col.type in ("text", "textc", "textn"):
                # the collation is that of the other part
                items.append(Expr(typed(self.rng.choice(VALUES[col.type]),
                                        "text"), col.type, True))
            else:
                items.append(self.expr(scope, col.type, 1))
        if self.chance(0.3):
            self.tag("DISTINCT beside others")
            query.prefix = "DISTINCT "
            items = [self.grouped(i) for i in items]
        else:
            self.tag("rows beside others")
        self.show(query, items)
        return self.finish(query)

    def aggregation(self, depth=0):
        rng = self.rng
        query = Query()
        scope = self.from_clause(query, depth)
        keys = []
        for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3])):
            if self.chance(0.08) and self.column(scope, ["timestamp"]):
                self.tag("tumble")
                keys.append(Expr("lower(tumble(%s, '1 hour'))" % self.column(
                    scope, ["timestamp"]).sql, "timestamp", True))
                continue
            key = self.any_expr(scope, rng.choice([0, 0, 1, 2]))
            # constants as keys of grouping sets: PostgreSQL 15 has its troubles
            if (key.sql not in [k.sql for k in keys]
                    and any(c.sql in key.sql for c in scope.cols)):
                keys.append(key)
        self.tag("GROUP BY" if keys else "no GROUP BY")
        sets = self.grouping(keys, query)
        shown = [self.grouped(k) for k in keys]
        session = None if sets else self.session(query, scope, keys)
        aggs = []
        for _ in range(rng.randint(0 if keys and self.chance(0.15) else 1, 4)):
            agg = self.aggregate(scope, keys)
            if agg:
                aggs.append(agg)
        items = [k for k in shown if not self.chance(0.1)] + aggs
        if session:
            items += [e for e in (session, Expr(
                "upper(%s)" % session.sql, "timestamp", True), Expr(
                    "window_time(%s)" % session.sql, "timestamp", True))
                if self.chance(0.6)]
            shown.append(session)
        if sets and self.chance(0.7):
            some = rng.sample(keys, rng.randint(1, len(keys)))
            self.tag("GROUPING()")
            items.append(Expr("GROUPING(%s)" % ", ".join(
                k.sql for k in some), "int4", True))
        known = Scope([c for c in shown + aggs if c.type in VALUES],
                      lookups=self.chance(0.3))
        if known.cols and self.chance(0.2):
            self.tag("expression over aggregates")
            items.append(self.any_expr(known, 2))
        # PostgreSQL 15 takes two keys for one that it makes alike, and sorts by
        # one of them only, though they are null in different sets
        alike = sets and any(a is not b and a.sql in b.sql
                             for a in keys for b in keys)
        if known.cols and self.chance(0.15) and not alike:
            items.append(self.window(known, shown, sets))
        if known.cols and self.chance(0.15):
            self.tag("HAVING")
            query.having.append(rng.choice([
                "count(*) > 1", self.expr(known, "bool").sql]))
        if not items:
            items = [Expr("count(*)", "int8", True)]
            self.aggs.add("count()")
        if self.chance(0.1):
            rng.shuffle(items)
        if self.chance(0.06) and all(i.type in VALUES for i in items):
            self.tag("DISTINCT of aggregates")
            query.prefix = "DISTINCT "
            items = [self.grouped(i) for i in items]
        self.show(query, items)
        return self.finish(query)

    def session(self, query, scope, keys):
        """One more key, a session; or None."""
        column = self.column(scope, ["timestamp"])
        if not column or not self.chance(0.25):
            return None
        alias = column.sql.split(".")[0]
        if query.ctes or not all(re.fullmatch(re.escape(alias) + r"\.\w+", c.sql)
                                 for c in scope.cols):
            return None
        self.tag("session")
        call = "session_window(%s, '%s')" % (column.sql, self.rng.choice(
            ["1 hour", "5 minutes", "2 days", "500 days"]))
        query.session = (alias, call, [k.sql for k in keys])
        query.group += (", " if keys else "") + call
        return Expr(call, "range", True)

    def grouping(self, keys, query):
        """GROUP BY of the keys; is it of several grouping sets?"""
        rng = self.rng
        names = [k.sql for k in keys]
        if not keys:
            return False
        if not self.chance(0.3 if self.exotic else 0.15):
            query.group = ", ".join(names)
            return False
        form = rng.choice(["ROLLUP", "CUBE", "GROUPING SETS", "mixed"])
        self.tag(form if form != "mixed" else "GROUP BY a, ROLLUP (b)")
        listed = ", ".join(names)
        if form == "GROUPING SETS":
            sets = ["(%s)" % listed]
            for _ in range(rng.randint(1, 3)):
                some = rng.sample(names, rng.randint(0, len(names)))
                sets.append("(%s)" % ", ".join(some))
            rng.shuffle(sets)
            query.group = "GROUPING SETS (%s)" % ", ".join(sets)
        elif form == "mixed" and len(names) > 1:
            query.group = "%s, ROLLUP (%s)" % (names[0], ", ".join(names[1:]))
        else:
            query.group = "%s (%s)" % (
                "CUBE" if form == "CUBE" else "ROLLUP", listed)
        return True

    def window(self, scope, keys, sets):
        """A window function over the rows of an aggregation."""
        rng = self.rng
        self.tag("window over aggregates")
        part = ""
        if keys and self.chance(0.5):
            part = "PARTITION BY %s " % rng.choice(keys).sql
        by = rng.choice(scope.cols).sql + rng.choice(["", " DESC"])
        total = ", ".join([by] + [k.sql for k in keys])
        form = rng.choice(["rank", "dense_rank", "percent_rank", "ntile",
                           "row_number", "sum", "count", "lag", "frame"])
        if sets and form in ("ntile", "row_number", "lag", "frame"):
            form = "rank"           # rows are not told apart by their keys
        over = " OVER (%sORDER BY %s)"
        if form in ("rank", "dense_rank", "percent_rank"):
            return Expr(form + "()" + over % (part, by), "fuzzy"
                        if form == "percent_rank" else "int8", True)
        if form == "row_number":
            return Expr("row_number()" + over % (part, total), "int8", True)
        if form == "ntile":
            return Expr("ntile(3)" + over % (part, total), "int4", True)
        if form == "count":
            return Expr("count(*)" + over % (part, by), "int8", True)
        if form == "sum":
            return Expr("sum(count(*)) OVER (%s)" % (
                rng.choice([part, part + "ORDER BY " + by])), "numeric", True)
        if form == "lag":
            return Expr("lag(count(*))" + over % (part, total), "int8", True)
        return Expr("sum(count(*)) OVER (%sORDER BY %s ROWS BETWEEN 1 PRECEDING"
                    " AND CURRENT ROW)" % (part, total), "numeric", True)

    def odd(self):
        """What is neither; if it is accepted, it must be right."""
        rng = self.rng
        form = rng.choice(["join of streams", "right join", "full join",
                           "intersect", "except", "union", "in stream",
                           "limit below", "scalar"])
        self.tag("odd: " + form)
        a, b = self.streams[0], self.streams[-1]
        col = rng.choice(list(self.columns))
        query = Query()
        items = [Expr("x.id", "big", True)]
        if form == "join of streams":
            query.source = ["%s AS x JOIN %s AS y ON y.id = x.id" % (a, b)]
            items.append(Expr("y.id", "big", True))
        elif form == "right join":
            query.source = ["%s AS x RIGHT JOIN dim AS y ON y.k = x.a" % a]
            items.append(Expr("y.k", "int4", True))
        elif form == "full join":
            query.source = ["%s AS x FULL JOIN dim AS y ON y.k = x.a" % a]
            items.append(Expr("y.k", "int4", True))
        elif form in ("intersect", "except", "union"):
            query.source = ["(SELECT id FROM %s %s SELECT id FROM %s WHERE "
                            "id %% 2 = 0) AS x" % (a, form.upper(), b)]
        elif form == "in stream":
            query.source = ["%s AS x" % a]
            query.where = ["x.a IN (SELECT y.a FROM %s AS y WHERE y.id %% 5 = "
                           "0)" % b]
        elif form == "limit below":
            query.source = ["(SELECT id FROM %s ORDER BY id LIMIT 5) AS x" % a]
        else:
            query.source = ["dim AS y"]
            items = [Expr("y.k", "int4", True),
                     Expr("(SELECT count(%s) FROM %s AS x WHERE x.a = y.k)" % (
                         col, a), "int8", True)]
        self.show(query, items)
        return query

    def query(self):
        """A random query."""
        rng = self.rng
        depth = rng.choice([0, 0, 0, 0, 1, 1, 2])
        kind = rng.choice(["aggregation"] * 11 + ["transform"] * 4
                          + ["top_n"] * 3 + ["distinct"] * 2 + ["union"] * 3
                          + ["odd"])
        if kind == "odd":
            query = self.odd()
        else:
            query = getattr(self, kind)(
                0 if kind == "transform" and self.chance(0.7) else depth)
        self.tag("nesting %d" % (sum(1 for _ in query.below()) - 1))
        if kind == "aggregation" and self.chance(0.05) and all(
                c.type in VALUES for c in query.cols):
            self.tag("ORDER BY LIMIT")
            query.tail = " ORDER BY %s LIMIT %d" % (", ".join(
                alias for _, alias in query.items), rng.randint(1, 6))
            if self.chance(0.3):
                self.tag("WITH TIES")
                query.tail = (" ORDER BY %s DESC FETCH FIRST %d ROWS WITH TIES"
                              % (query.items[0][1], rng.randint(1, 6)))
        return query

    def query_above(self, name, cols):
        """A random query over another view; cols: its columns, (alias, Expr)."""
        self.given = (name, cols)
        kind = self.rng.choice(["aggregation"] * 4 + ["transform", "distinct",
                                                      "top_n", "top_n", "union"])
        self.tag("above another view")
        return getattr(self, kind)()

    # ---- aggregates

    def aggregate(self, scope, keys):
        """A random aggregate call, or None if we can't call what was drawn."""
        rng = self.rng
        if self.chance(0.15):
            self.aggs.add("count()")
            return self.dressed(scope, "count(*)", "int8", True)
        families = (self.families if self.chance(self.exotic)
                    else self.simple)
        kin = [n for n in KIN if n in families]
        agg = rng.choice(families[rng.choice(
            kin if kin and self.chance(0.25) else sorted(families))])
        name = agg.schema + "." + agg.name if agg.schema else agg.name
        call = {"n": self.normal, "o": self.ordered_set,
                "h": self.hypothetical}[agg.kind](agg, name, scope, keys)
        if call is None:
            return None
        self.aggs.add(agg.label)
        if not agg.combines:
            self.tag("aggregate without combine function")
        sql, kind, exact = call
        return self.dressed(scope, sql, kind, exact, agg)

    def dressed(self, scope, sql, kind, exact, agg=None):
        if self.chance(0.15):
            self.tag("FILTER")
            if not (self.chance(0.4) and self.said.get("filter", (None,))[0]
                    is scope):
                self.said["filter"] = scope, self.expr(scope, "bool").sql
            sql += " FILTER (WHERE %s)" % self.said["filter"][1]
        if agg and (agg.name in ROUNDED and "double precision" in agg.args
                    or agg.name in ROUNDED and "real" in agg.args):
            # off the places where rounding could go either way
            sql = "round((%s + 0.0000123)::numeric, 4)" % sql
            kind, exact = "numeric", True
        return Expr(sql, kind, exact)

    def argument(self, scope, kind, exact=False):
        """An argument of that SQL type: its expression, the type for us."""
        if kind not in MADE:
            return None
        if self.chance(0.4) and self.said.get(kind, (None,))[0] is scope:
            self.tag("argument of another aggregate")
            return self.said[kind][1]
        self.said[kind] = scope, self.make_argument(scope, kind, exact)
        return self.said[kind][1]

    def make_argument(self, scope, kind, exact):
        template, ours = MADE[kind]
        ours = ours.split()
        ours = self.any_type(scope, ours)
        e = self.expr(scope, ours, 1, exact or template != "{}")
        return Expr(template.format(e.sql, *[e.sql] * 2), ours, e.exact)

    def normal(self, agg, name, scope, keys):
        rng = self.rng
        if agg.name == "count":
            if not agg.args:
                return "count(*)", "int8", True
            arg = self.any_expr(scope, 1)
            if self.chance(0.3):
                self.tag("DISTINCT in aggregate")
                return "count(DISTINCT %s)" % arg.sql, "int8", True
            return "count(%s)" % arg.sql, "int8", True
        if agg.name == "any_value":
            plain = [k for k in keys if k.type not in LOOSE]
            if not plain:
                return None
            key = rng.choice(plain)
            return "any_value(%s)" % key.sql, key.type, True
        collects = (agg.name in ("array_agg", "string_agg", "xmlagg")
                    or "json" in agg.name or agg.name == "ua_collect")
        args, tail = [], ""
        if "json" in agg.name and "object" in agg.name:
            key = self.any_expr(scope, 1, PLAIN.split(), True)
            args = [Expr("coalesce((%s)::text, '-')" % key.sql, "text", True),
                    self.any_expr(scope, 1, PLAIN.split(), True)]
        elif "json" in agg.name or agg.name == "string_agg":
            if agg.name == "string_agg":
                kinds = ["bytea"] if agg.args[0] == "bytea" else [
                    "text", "textc"]
            else:
                kinds = PLAIN.split()
            args = [self.any_expr(scope, 1, kinds, True)]
            if agg.name == "string_agg":
                tail = ", ','"
        elif agg.name == "array_agg" and agg.args[0] == "anyarray":
            # all of one length
            args = [Expr("ARRAY[%s, %s]" % tuple(
                self.expr(scope, "int4", 1).sql for _ in range(2)),
                "int4[]", True)]
        elif agg.name == "xmlagg":
            arg = self.expr(scope, "int4", 1, True)
            self.tag("ORDER BY in aggregate")
            return ("xmlagg(xmlelement(name e, %s) ORDER BY %s)" % (
                arg.sql, arg.sql), "other", True)
        else:
            for kind in agg.args:
                if kind in ("anyelement", "anynonarray", "anycompatible",
                            '"any"'):
                    arg = self.any_expr(
                        scope, 1, [t for t in VALUES if not t.endswith("[]")]
                        if kind in ("anynonarray", "anycompatible") else None)
                else:
                    arg = self.argument(scope, kind)
                if arg is None:
                    return None
                args.append(arg)
        loose = any(not a.exact for a in args)
        distinct = self.chance(0.12) and agg.args[-1:] != ["xml"]
        order = ""
        if collects or self.chance(0.04):
            by = [a.sql for a in args]
            if not distinct and self.chance(0.4):
                by = [self.any_expr(scope, 1).sql] + by
            order = " ORDER BY " + ", ".join(
                b + rng.choice(["", "", " DESC"]) for b in by)
            self.tag("ORDER BY in aggregate")
        if distinct:
            self.tag("DISTINCT in aggregate")
            loose = loose or any(a.type in LOOSE for a in args)
        sql = "%s(%s%s%s%s)" % (name, "DISTINCT " if distinct else "",
                                ", ".join(a.sql for a in args), tail, order)
        kind = self.result_type(agg, args)
        exact = not loose and not (
            agg.name not in ("sum", "avg", "regr_count") + tuple(ROUNDED)
            and any(a.type in LOOSE for a in args))
        if kind in ("float8", "fuzzy"):
            exact = False           # 0 and -0
        return sql, kind, exact

    def result_type(self, agg, args):
        if agg.name in RESULTS:
            return RESULTS[agg.name]
        kind = args[0].type if args else None
        if agg.name in ("min", "max") and MADE.get(
                agg.args[0], ("{}",))[0] == "{}":
            return "int4" if kind == "posint" else kind
        if agg.name.startswith("bit_") and kind in ("big", "int8", "int4"):
            return kind if agg.args[0] != "bit" else "other"
        if agg.name == "avg" and kind == "float8":
            return "fuzzy"
        if agg.name == "string_agg":
            return kind
        if agg.name == "sum" and agg.args == ["real"]:
            return "other"
        if agg.name == "array_agg" and kind in ("textc", "textn"):
            return "other"
        return None

    def ordered_set(self, agg, name, scope, keys):
        rng = self.rng
        self.tag("ordered-set aggregate")
        desc = rng.choice(["", "", " DESC"])
        if agg.name == "mode":
            arg = self.any_expr(scope, 1)
            return ("mode() WITHIN GROUP (ORDER BY %s%s)" % (arg.sql, desc),
                    arg.type, arg.exact and arg.type not in LOOSE)
        several = agg.args[0].endswith("[]")
        direct = rng.choice(["0.25", "0.5", "0", "1", "0.9"])
        if several:
            direct = "ARRAY[0.5, %s, NULL]" % direct
        else:
            fit = [k for k in keys if k.type == "int4"]
            if fit and self.chance(0.3):
                self.tag("direct argument of a key")
                direct = "(CASE WHEN %s > 1 THEN 0.2 ELSE 0.8 END)" % (
                    fit[0].sql)
        if agg.name == "percentile_cont":
            kind = "interval" if agg.args[-1] == "interval" else "float8"
            arg = self.expr(scope, kind, 1)
            result = "fuzzy" if kind == "float8" else "interval"
        else:
            arg = self.any_expr(scope, 1, [
                t for t in VALUES if not (several and t.endswith("[]"))])
            result = arg.type
        if several:
            result = ("other" if result in ("fuzzy", "textc", "textn",
                                            "float8", "interval") else None)
        return ("%s(%s) WITHIN GROUP (ORDER BY %s%s)" % (
            name, direct, arg.sql, desc), result,
            arg.exact and arg.type not in LOOSE)

    def hypothetical(self, agg, name, scope, keys):
        rng = self.rng
        self.tag("hypothetical-set aggregate")
        args = [self.any_expr(scope, 1, [t for t in VALUES if t not in (
            "textn", "textc")]) for _ in range(rng.choice([1, 1, 2]))]
        return ("%s(%s) WITHIN GROUP (ORDER BY %s)" % (
            name, ", ".join(self.literal(a.type).sql for a in args),
            ", ".join(a.sql + rng.choice(["", " DESC", " NULLS FIRST"])
                      for a in args)), RESULTS[agg.name], True)
