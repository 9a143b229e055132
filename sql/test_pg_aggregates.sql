-- PostgreSQL's own queries of aggregates and HAVING (aggregates.sql, create_aggregate.sql,
-- select_having.sql), over streams: each is maintained exactly, or refused at CREATE
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE SCHEMA pga;
SET search_path = pga, public;

CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);
-- Sums of squares depend on the order of their input in the last digits.
CREATE FUNCTION r(float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round($1::numeric, 6)';

---- streams, and tables that are looked up

CREATE TABLE tenk (unique1 int, unique2 int, two int, four int, ten int, hundred int, string4 text COLLATE "C") USING stream;
CREATE INDEX ON tenk (unique1);
CREATE INDEX ON tenk (hundred, unique2);
CREATE TABLE plain (unique1 int, unique2 int, four int);
INSERT INTO plain SELECT x, 600 - x, x % 4 FROM generate_series(0, 60) x;
CREATE TABLE aggtest (a int2, b float4) USING stream;
CREATE TABLE inputs (g text, x text) USING stream;
CREATE TABLE int8_tbl (q1 int8, q2 int8) USING stream;
CREATE TABLE bits (i2 int2, i4 int4, i8 int8, i int, x int2, y bit(4), b1 bool, b2 bool, b3 bool, b4 bool) USING stream;
CREATE TABLE minmax (f1 int) PARTITION BY RANGE (f1);
CREATE TABLE minmax1 PARTITION OF minmax FOR VALUES FROM (0) TO (15) USING stream;
CREATE TABLE minmax2 PARTITION OF minmax DEFAULT USING stream;
CREATE INDEX ON minmax (f1);
CREATE TABLE t1 (a int, b int, c int, d int, PRIMARY KEY (a, b)) USING stream;
CREATE TABLE t2 (x int, y int, z int, PRIMARY KEY (x, y));
INSERT INTO t2 VALUES (1, 1, 100), (1, 2, 200), (2, 1, 100);
CREATE TABLE t3 (a int, b int, c int, PRIMARY KEY (a, b) DEFERRABLE) USING stream;
CREATE TABLE t4 (a bigint, z bigint);
INSERT INTO t4 VALUES (1, 10), (1, 11), (3, 30);
CREATE TABLE pairs (a int, b int) USING stream;
CREATE TABLE ints (a int) USING stream;
CREATE TABLE abc (a int, b int, c text COLLATE "C") USING stream;
CREATE TABLE strings (g int, a text COLLATE "C", f1 varchar(4) COLLATE "C", v bytea) USING stream;
CREATE TABLE having_test (a int, b int, c char(8), d char) USING stream;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE kinds (k int, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, m money, t text COLLATE "C", vc varchar(9) COLLATE "C", bp char(9) COLLATE "C",
	d date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval, ip inet, o oid, td tid, lsn pg_lsn, arr int[], e mood) USING stream;
CREATE TABLE logged (p int, v text, f bool) USING stream;
CREATE TABLE nothing (v int) USING stream;

---- aggregates of users

-- in the old spellings, without arguments, of any argument, of two
CREATE AGGREGATE newavg (sfunc = int4_avg_accum, basetype = int4, stype = _int8, finalfunc = int8_avg, initcond1 = '{0,0}');
CREATE AGGREGATE newsum (sfunc1 = int4pl, basetype = int4, stype1 = int4, initcond1 = '0');
CREATE AGGREGATE newcnt (*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', PARALLEL = SAFE);
CREATE AGGREGATE oldcnt (sfunc = int8inc, basetype = 'ANY', stype = int8, initcond = '0');
CREATE AGGREGATE newcnt ("any") (SFUNC = int8inc_any, STYPE = int8, INITCOND = '0');
CREATE FUNCTION sum3(int8, int8, int8) RETURNS int8 LANGUAGE sql STRICT IMMUTABLE AS 'SELECT $1 + $2 + $3';
CREATE AGGREGATE sum2(int8, int8) (SFUNC = sum3, STYPE = int8, INITCOND = '0');
-- of several arguments, which show what they were called with; strict and not
CREATE TYPE aggtype AS (a int, b int, c text);
CREATE FUNCTION aggf_trans(aggtype[], int, int, text) RETURNS aggtype[] LANGUAGE sql STRICT IMMUTABLE AS 'SELECT array_append($1, ROW($2, $3, $4)::aggtype)';
CREATE FUNCTION aggfns_trans(aggtype[], int, int, text) RETURNS aggtype[] LANGUAGE sql IMMUTABLE AS 'SELECT array_append($1, ROW($2, $3, $4)::aggtype)';
CREATE AGGREGATE aggfstr(int, int, text) (SFUNC = aggf_trans, STYPE = aggtype[], INITCOND = '{}');
CREATE AGGREGATE aggfns(int, int, text) (SFUNC = aggfns_trans, STYPE = aggtype[], SSPACE = 10000, INITCOND = '{}');
-- variadic and polymorphic
CREATE FUNCTION least_accum(anyelement, VARIADIC anyarray) RETURNS anyelement LANGUAGE sql AS 'SELECT least($1, min($2[i])) FROM generate_subscripts($2, 1) i';
CREATE AGGREGATE least_agg(VARIADIC items anyarray) (STYPE = anyelement, SFUNC = least_accum);
CREATE FUNCTION cleast_accum(anycompatible, VARIADIC anycompatiblearray) RETURNS anycompatible LANGUAGE sql AS 'SELECT least($1, min($2[i])) FROM generate_subscripts($2, 1) i';
CREATE AGGREGATE cleast_agg(VARIADIC items anycompatiblearray) (STYPE = anycompatible, SFUNC = cleast_accum);
CREATE FUNCTION add_group(grp anyarray, e anyelement, size int) RETURNS anyarray LANGUAGE sql IMMUTABLE AS
	'SELECT CASE WHEN grp IS NULL THEN ARRAY[e] WHEN cardinality(grp) < size THEN grp || e ELSE grp END';
CREATE AGGREGATE build_group(anyelement, int) (SFUNC = add_group, STYPE = anyarray);
CREATE FUNCTION first_el(anycompatiblearray, anycompatible) RETURNS anycompatiblearray LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE FUNCTION first_el_final(anycompatiblearray) RETURNS anycompatible LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1[1]';
CREATE AGGREGATE first_el_agg(anycompatible) (SFUNC = first_el, STYPE = anycompatiblearray, FINALFUNC = first_el_final);
-- ordered sets
CREATE AGGREGATE test_percentile_disc(float8 ORDER BY anyelement) (STYPE = internal, SFUNC = ordered_set_transition, FINALFUNC = percentile_disc_final,
	FINALFUNC_EXTRA = true, FINALFUNC_MODIFY = read_write);
CREATE AGGREGATE test_rank(VARIADIC "any" ORDER BY VARIADIC "any") (STYPE = internal, SFUNC = ordered_set_transition_multi, FINALFUNC = rank_final, FINALFUNC_EXTRA = true, HYPOTHETICAL);
-- states that are shared: by their transition function and their initial state, whatever the final function
CREATE TYPE avg_state AS (total bigint, count bigint);
CREATE FUNCTION avg_transfn(state avg_state, n int) RETURNS avg_state LANGUAGE plpgsql AS $$
BEGIN
	IF n IS NULL THEN
		RETURN state;
	END IF;
	RETURN ROW(COALESCE(state.total, 0) + n, COALESCE(state.count, 0) + 1)::avg_state;
END $$;
CREATE FUNCTION avg_finalfn(state avg_state) RETURNS int LANGUAGE sql AS 'SELECT (state.total / nullif(state.count, 0))::int';
CREATE FUNCTION sum_finalfn(state avg_state) RETURNS int LANGUAGE sql AS 'SELECT state.total::int';
CREATE AGGREGATE my_avg(int) (STYPE = avg_state, SFUNC = avg_transfn, FINALFUNC = avg_finalfn);
CREATE AGGREGATE my_sum(int) (STYPE = avg_state, SFUNC = avg_transfn, FINALFUNC = sum_finalfn);
CREATE AGGREGATE my_sum_init(int) (STYPE = avg_state, SFUNC = avg_transfn, FINALFUNC = sum_finalfn, INITCOND = '(10,0)');
CREATE AGGREGATE my_avg_init(int) (STYPE = avg_state, SFUNC = avg_transfn, FINALFUNC = avg_finalfn, INITCOND = '(10,0)');
CREATE AGGREGATE my_avg_init2(int) (STYPE = avg_state, SFUNC = avg_transfn, FINALFUNC = avg_finalfn, INITCOND = '(4,0)');
CREATE FUNCTION half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
CREATE AGGREGATE raw_sum(int) (STYPE = int, SFUNC = int4pl);
CREATE AGGREGATE half_sum(int) (STYPE = int, SFUNC = int4pl, FINALFUNC = half);
-- a transition function, and a combine function, that give nothing
CREATE FUNCTION balk_trans(int8, int) RETURNS int8 STRICT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF $1 IS NULL THEN
		RAISE 'called with NULL';
	END IF;
	RETURN NULL;
END $$;
CREATE AGGREGATE balk(int) (SFUNC = balk_trans, STYPE = int8, INITCOND = '0');
CREATE FUNCTION balk_combine(int8, int8) RETURNS int8 STRICT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF $1 IS NULL OR $2 IS NULL THEN
		RAISE 'called with NULL';
	END IF;
	RETURN NULL;
END $$;
CREATE AGGREGATE balk_parts(int) (SFUNC = int4_sum, STYPE = int8, COMBINEFUNC = balk_combine, INITCOND = '0');
-- with all parts of what PostgreSQL calls partial aggregation, and moving ones, whose inverse may be none
CREATE AGGREGATE myavg(numeric) (STYPE = internal, SFUNC = numeric_avg_accum, FINALFUNC = numeric_avg, SERIALFUNC = numeric_avg_serialize,
	DESERIALFUNC = numeric_avg_deserialize, COMBINEFUNC = numeric_avg_combine, FINALFUNC_MODIFY = SHAREABLE);
CREATE AGGREGATE sumdouble(float8) (STYPE = float8, SFUNC = float8pl, MSTYPE = float8, MSFUNC = float8pl, MINVFUNC = float8mi);
CREATE FUNCTION log_acc(text, anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT COALESCE($1, '') || '*' || quote_nullable($2) $$;
CREATE FUNCTION log_macc(text, anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT COALESCE($1, '') || '+' || quote_nullable($2) $$;
CREATE FUNCTION log_minv(text, anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 || '-' || quote_nullable($2) $$;
CREATE AGGREGATE log_agg(anyelement) (STYPE = text, SFUNC = log_acc, MSTYPE = text, MSFUNC = log_macc, MINVFUNC = log_minv);
CREATE AGGREGATE log_agg_init(anyelement) (STYPE = text, SFUNC = log_acc, MSTYPE = text, MSFUNC = log_macc, MINVFUNC = log_minv, INITCOND = 'I', MINITCOND = 'MI');
CREATE FUNCTION slog_acc(text, anyelement) RETURNS text LANGUAGE sql STRICT IMMUTABLE AS $$ SELECT $1 || '*' || quote_nullable($2) $$;
CREATE FUNCTION slog_macc(text, anyelement) RETURNS text LANGUAGE sql STRICT IMMUTABLE AS $$ SELECT $1 || '+' || quote_nullable($2) $$;
CREATE FUNCTION slog_minv(text, anyelement) RETURNS text LANGUAGE sql STRICT IMMUTABLE AS $$ SELECT $1 || '-' || quote_nullable($2) $$;
CREATE AGGREGATE slog_agg(text) (STYPE = text, SFUNC = slog_acc, MSTYPE = text, MSFUNC = slog_macc, MINVFUNC = slog_minv);
CREATE AGGREGATE slog_agg_init(anyelement) (STYPE = text, SFUNC = slog_acc, MSTYPE = text, MSFUNC = slog_macc, MINVFUNC = slog_minv, INITCOND = 'I', MINITCOND = 'MI');
CREATE FUNCTION sum_restart_inv(int, int) RETURNS int LANGUAGE sql STRICT AS 'SELECT CASE WHEN random() < 0.5 THEN NULL ELSE $1 - $2 END';
CREATE AGGREGATE sum_restart(int) (STYPE = int, SFUNC = int4pl, MSTYPE = int, MSFUNC = int4pl, MINVFUNC = sum_restart_inv);

---- the queries

COPY queries (query) FROM stdin WHERE query !~ '^--';
-- numbers
SELECT avg(four), sum(four), max(four) FROM tenk
SELECT avg(a) FROM aggtest WHERE a < 100
SELECT avg(b)::numeric(10, 3) AS avg, sum(a) AS sa, sum(b) AS sb, max(a) AS ma, max(aggtest.b) AS mb FROM aggtest
SELECT r(stddev_pop(b)) AS sp, r(stddev_samp(b)) AS ss, r(var_pop(b)) AS vp, r(var_samp(b)) AS vs FROM aggtest
SELECT stddev_pop(b::numeric), stddev_samp(b::numeric), var_pop(b::numeric), var_samp(b::numeric) FROM aggtest
SELECT four, variance(hundred::int2) AS v2, var_pop(hundred) AS v4, stddev(hundred::int8) AS d8, stddev_pop(hundred::int2) AS d2 FROM tenk GROUP BY four
-- one value, NULL, NaN, infinities, large offsets: a group of each
SELECT g, sum(x::float8), avg(x::float8), r(var_pop(x::float8)) AS vp, r(var_samp(x::float8)) AS vs, r(stddev_pop(x::float8)) AS sp, r(stddev_samp(x::float8)) AS ss FROM inputs GROUP BY g
SELECT g, sum(x::float4), r(var_pop(x::float4)) AS vp, r(var_samp(x::float4)) AS vs, r(stddev_pop(x::float4)) AS sp, r(stddev_samp(x::float4)) AS ss FROM inputs GROUP BY g
SELECT g, sum(x::numeric), avg(x::numeric), var_pop(x::numeric), var_samp(x::numeric), stddev_pop(x::numeric), stddev_samp(x::numeric), min(x::numeric), max(x::numeric) FROM inputs GROUP BY g
SELECT r(covar_pop(1::float8, x::float8)) AS p, r(covar_samp(3::float8, x::float8)) AS s, g FROM inputs GROUP BY g
SELECT sum(NULL::int4) AS a, sum(NULL::int8) AS b, sum(NULL::numeric) AS c, sum(NULL::float8) AS d, avg(NULL::int4) AS e, avg(NULL::int8) AS f, avg(NULL::numeric) AS g, avg(NULL::float8) AS h FROM tenk
SELECT sum('NaN'::numeric), avg('NaN'::numeric) FROM tenk
-- of two arguments
SELECT regr_count(b, a), r(regr_sxx(b, a)) AS xx, r(regr_syy(b, a)) AS yy, r(regr_sxy(b, a)) AS xy, r(regr_avgx(b, a)) AS ax, r(regr_avgy(b, a)) AS ay, r(regr_r2(b, a)) AS r2, r(regr_slope(b, a)) AS slope, r(regr_intercept(b, a)) AS intercept FROM aggtest
SELECT r(covar_pop(b, a)) AS p, r(covar_samp(b, a)) AS s, r(corr(b, a)) AS c FROM aggtest
SELECT count(*), sum(a) AS sa, r(regr_sxx(b, a)) AS xx, sum(b) AS sb, r(regr_syy(b, a)) AS yy, r(regr_sxy(b, a)) AS xy FROM aggtest WHERE a IN (10, 20, 30, 80)
SELECT a > 50 AS far, count(*), sum(a) AS sa, r(regr_sxx(b, a)) AS xx, sum(b) AS sb, r(regr_syy(b, a)) AS yy, r(regr_sxy(b, a)) AS xy FROM aggtest GROUP BY far
SELECT float8_accum('{4,140,2900}', a) AS a, float8_regr_accum('{4,140,2900,1290,83075,15050}', b, a) AS r, float8_combine('{3,60,200}', ARRAY[2, a, b]) AS c, float8_regr_combine('{3,60,200,750,20000,2000}', ARRAY[1, a, 0, b, 0, 0]) AS rc FROM aggtest WHERE a * b > 0
-- count, DISTINCT, users' own
SELECT count(four), count(DISTINCT four) AS d, count(*) AS n FROM tenk
SELECT ten, count(*), sum(four) FROM tenk GROUP BY ten ORDER BY ten
SELECT ten, count(four), sum(DISTINCT four) FROM tenk GROUP BY ten ORDER BY ten
SELECT newavg(four), newsum(four), newcnt(four), newcnt(*) AS n, oldcnt(*) FROM tenk
SELECT sum2(q1, q2), newcnt(q2), newcnt(int8_tbl) AS rows FROM int8_tbl
SELECT two, myavg(unique1), sumdouble(unique1), newavg(DISTINCT four), newsum(four) FILTER (WHERE ten > 3) FROM tenk GROUP BY two
-- aggregates of an outer level
SELECT ten, sum(DISTINCT four) FROM tenk a GROUP BY ten HAVING EXISTS (SELECT 1 FROM plain b WHERE sum(DISTINCT a.four) = b.four)
SELECT ten, sum(DISTINCT four) FROM tenk a GROUP BY ten HAVING EXISTS (SELECT 1 FROM tenk b WHERE sum(DISTINCT a.four) = b.four)
SELECT ten, sum(DISTINCT four) FROM tenk a GROUP BY ten HAVING EXISTS (SELECT 1 FROM plain b WHERE sum(DISTINCT a.four + b.four) = b.four)
SELECT * FROM (SELECT ten, sum(DISTINCT four) AS s FROM tenk GROUP BY ten) a WHERE EXISTS (SELECT 1 FROM plain b WHERE a.s = b.four)
SELECT ten, count(*) FROM tenk GROUP BY ten HAVING ten IN (SELECT unique1 FROM plain WHERE four > 1)
SELECT (SELECT max((SELECT i.unique2 FROM plain i WHERE i.unique1 = o.unique1))) FROM tenk o
SELECT max((SELECT i.unique2 FROM plain i WHERE i.unique1 = o.unique1)) FROM tenk o
SELECT s1, s2, sm FROM generate_series(1, 3) s1, LATERAL (SELECT a AS s2, sum(s1 + a) AS sm FROM ints GROUP BY a) ss
SELECT s1, a AS s2, sum(s1 + a) AS sm FROM generate_series(1, 3) s1, ints GROUP BY s1, a ORDER BY 1, 2
SELECT a, s2, sm FROM ints, LATERAL (SELECT s2, sum(a + s2) AS sm FROM generate_series(1, 3) s2 GROUP BY s2) ss
SELECT ARRAY(SELECT sum(a + y) AS s FROM generate_series(1, 3) y GROUP BY y ORDER BY s) FROM ints
SELECT ARRAY(SELECT sum(x + y) AS s FROM ints y(y) GROUP BY y ORDER BY s) FROM generate_series(1, 3) x
-- bits
SELECT bit_and(i2) AS a2, bit_and(i4) AS a4, bit_and(i8) AS a8, bit_and(i) AS ai, bit_and(x) AS ax, bit_and(y) AS ay, bit_or(i2) AS o2, bit_or(i4) AS o4, bit_or(i8) AS o8, bit_or(i) AS oi, bit_or(x) AS ox, bit_or(y) AS oy, bit_xor(i2) AS x2, bit_xor(i4) AS x4, bit_xor(i8) AS x8, bit_xor(i) AS xi, bit_xor(x) AS xx, bit_xor(y) AS xy FROM bits
-- booleans
SELECT bool_and(b1) AS a1, bool_and(b2) AS a2, bool_and(b3) AS a3, bool_and(b4) AS a4, bool_and(NOT b2) AS n2, bool_and(NOT b3) AS n3, every(b1) AS e1, every(b2) AS e2, every(b3) AS e3, every(b4) AS e4, every(NOT b2) AS m2, every(NOT b3) AS m3 FROM bits
SELECT bool_or(b1) AS o1, bool_or(b2) AS o2, bool_or(b3) AS o3, bool_or(b4) AS o4, bool_or(NOT b2) AS n2, bool_or(NOT b3) AS n3 FROM bits
SELECT booland_statefunc(b1, b2) AS a, boolor_statefunc(b1, b2) AS o, booland_statefunc(b1, b2) IS NULL AS n FROM bits
-- what PostgreSQL reads from an index
SELECT min(unique1), max(unique1) FROM tenk
SELECT max(unique1) FROM tenk WHERE unique1 < 42
SELECT max(unique1) FROM tenk WHERE unique1 > 42
SELECT max(unique1) FROM tenk WHERE unique1 > 42000
SELECT max(unique2), min(unique2) FROM tenk WHERE hundred = 33
SELECT a, (SELECT min(unique1) FROM plain WHERE unique1 > a) AS gt FROM ints
SELECT a, (SELECT min(unique1) FROM tenk WHERE unique1 > a) AS gt FROM ints
SELECT a, (SELECT DISTINCT min(unique1) FROM plain WHERE unique1 = a) AS eq FROM ints
SELECT DISTINCT max(unique2) FROM tenk ORDER BY max(unique2)
SELECT max(unique2) FROM tenk ORDER BY max(unique2) + 1
SELECT max(unique2), generate_series(1, 3) AS g FROM tenk ORDER BY g DESC
SELECT max(100) FROM tenk
SELECT min(f1), max(f1) FROM minmax
SELECT DISTINCT min(f1), max(f1) FROM minmax
-- types
SELECT k, min(i2) AS i2, min(i4) AS i4, min(i8) AS i8, min(f4) AS f4, min(f8) AS f8, min(n) AS n, min(m) AS m, min(t) AS t, min(vc) AS vc, min(bp) AS bp, min(d) AS d, min(tm) AS tm, min(tz) AS tz, min(ts) AS ts, min(tstz) AS tstz, min(iv) AS iv, min(ip) AS ip, min(o) AS o, min(td) AS td, min(lsn) AS lsn, min(arr) AS arr, min(e) AS e FROM kinds GROUP BY k
SELECT k, max(i2) AS i2, max(i4) AS i4, max(i8) AS i8, max(f4) AS f4, max(f8) AS f8, max(n) AS n, max(m) AS m, max(t) AS t, max(vc) AS vc, max(bp) AS bp, max(d) AS d, max(tm) AS tm, max(tz) AS tz, max(ts) AS ts, max(tstz) AS tstz, max(iv) AS iv, max(ip) AS ip, max(o) AS o, max(td) AS td, max(lsn) AS lsn, max(arr) AS arr, max(e) AS e FROM kinds GROUP BY k
SELECT k, sum(i2) AS i2, sum(i4) AS i4, sum(i8) AS i8, sum(f4) AS f4, sum(f8) AS f8, sum(n) AS n, sum(m) AS m, sum(tm) AS tm, sum(iv) AS iv, avg(iv) AS aiv, avg(i8) AS a8, avg(n) AS an FROM kinds GROUP BY k
-- aggregates in aggregates
SELECT max(min(unique1)) FROM tenk
-- keys that a primary key makes redundant
SELECT * FROM t1 GROUP BY a, b, c, d
SELECT a, c FROM t1 GROUP BY a, c, d
SELECT a, b, c, d, count(*) FROM t1 GROUP BY a, b
SELECT * FROM t1 JOIN t2 ON t1.a = t2.x AND t1.b = t2.y GROUP BY t1.a, t1.b, t1.c, t1.d, t2.x, t2.y, t2.z
SELECT t1.*, t2.x, t2.z FROM t1 JOIN t2 ON t1.a = t2.x AND t1.b = t2.y GROUP BY t1.a, t1.b, t1.c, t1.d, t2.x, t2.z
SELECT x, y, z, count(*), sum(c) FROM t1 JOIN t2 ON t1.a = t2.x GROUP BY t2.x, t2.y
SELECT t2.*, sum(c) FROM t1 LEFT JOIN t2 ON t1.a = t2.x AND t1.b = t2.y GROUP BY x, y HAVING z > 100 OR z IS NULL ORDER BY z
SELECT * FROM t3 GROUP BY a, b, c
SELECT * FROM t3 GROUP BY a, b
-- keys of joins, whose types USING unites
SELECT a FROM t3 LEFT JOIN t4 USING (a) GROUP BY a
SELECT a FROM t3 LEFT JOIN t4 USING (a) GROUP BY t3.a
SELECT t3.a, count(*) FROM t3 LEFT JOIN t4 USING (a) GROUP BY t3.a
SELECT t3.a FROM t3 LEFT JOIN t4 USING (a) GROUP BY a
-- DISTINCT and ORDER BY
SELECT array_agg(a ORDER BY b) AS ab, array_agg(a ORDER BY a) AS aa, array_agg(a ORDER BY a DESC) AS ad, array_agg(b ORDER BY a DESC) AS bd, array_agg(ARRAY[a, b] ORDER BY b) AS arrays FROM pairs
SELECT array_agg(a) FROM pairs
SELECT array_agg(DISTINCT a) AS d, array_agg(DISTINCT a ORDER BY a) AS o, array_agg(DISTINCT a ORDER BY a DESC) AS od, array_agg(DISTINCT a ORDER BY a DESC NULLS LAST) AS nl FROM ints
SELECT aggfstr(a, b, c), aggfns(a, b, c) FROM abc
SELECT aggfstr(DISTINCT a, b, c), aggfns(DISTINCT a, b, c) FROM abc, generate_series(1, 3) i
SELECT aggfstr(DISTINCT a, b, c ORDER BY b), aggfns(DISTINCT a, b, c ORDER BY b) FROM abc, generate_series(1, 3) i
SELECT aggfns(DISTINCT a, a, c ORDER BY c USING ~<~, a) FROM abc, generate_series(1, 2) i
SELECT aggfns(DISTINCT a, a, c ORDER BY c USING ~<~) FROM abc, generate_series(1, 2) i
SELECT aggfns(DISTINCT a, a, c ORDER BY a) FROM abc, generate_series(1, 2) i
SELECT aggfns(DISTINCT a, b, c ORDER BY a, c USING ~<~, b) FROM abc, generate_series(1, 2) i
SELECT aggfns(a, b, c ORDER BY b + 1) AS e, aggfns(a, a, c ORDER BY b) AS b, aggfns(a, b, c ORDER BY c USING ~<~) AS c FROM abc
SELECT aggfns(DISTINCT a, b, c ORDER BY a, b + 1) FROM abc
SELECT min(a ORDER BY b), max(b ORDER BY c, a) FROM abc WHERE a <> 0
-- strings
SELECT g, string_agg(a, ',') AS comma, string_agg(a, 'AB') AS ab, string_agg(a, NULL) AS none FROM strings GROUP BY g
SELECT g, string_agg(a, g::text ORDER BY a DESC) AS a, string_agg(v, '\\x00' ORDER BY v DESC) AS v FROM strings GROUP BY g
SELECT string_agg(DISTINCT f1, ',' ORDER BY f1) FROM strings
SELECT string_agg(DISTINCT f1::text, ',' ORDER BY f1::text) FROM strings
SELECT g, string_agg(v, '') AS empty, string_agg(v, NULL) AS none, string_agg(v, decode('ee', 'hex')) AS ee FROM strings GROUP BY g
-- FILTER
SELECT min(unique1) FILTER (WHERE unique1 > 100) FROM tenk
SELECT sum(1 / ten) FILTER (WHERE ten > 0) FROM tenk
SELECT ten, sum(DISTINCT four) FILTER (WHERE four::text ~ '[12]') FROM tenk GROUP BY ten
SELECT ten, sum(DISTINCT four) FILTER (WHERE four > 1) FROM tenk a GROUP BY ten HAVING EXISTS (SELECT 1 FROM plain b WHERE sum(DISTINCT a.four) = b.four)
SELECT max(a COLLATE "C") FILTER (WHERE (f1 COLLATE "POSIX") > '0') FROM strings
SELECT (SELECT count(*) FROM (VALUES (1)) t0(inner_c)) AS n FROM ints t1(outer_c)
SELECT (SELECT count(*) FILTER (WHERE outer_c <> 0) FROM (VALUES (1)) t0(inner_c)) FROM ints t1(outer_c)
SELECT (SELECT count(inner_c) FILTER (WHERE outer_c <> 0) FROM (VALUES (1)) t0(inner_c)) FROM ints t1(outer_c)
SELECT (SELECT max((SELECT i.unique2 FROM plain i WHERE i.unique1 = o.unique1)) FILTER (WHERE o.unique1 < 10)) FROM tenk o
SELECT sum(unique1) FILTER (WHERE unique1 IN (SELECT unique1 FROM plain WHERE unique1 < 30)) FROM tenk
SELECT sum(unique1) FILTER (WHERE unique1 IN (SELECT unique1 FROM tenk WHERE unique1 < 30)) FROM tenk
SELECT aggfns(DISTINCT a, b, c ORDER BY a, c USING ~<~, b) FILTER (WHERE a > 1) FROM abc, generate_series(1, 2) i
SELECT max(0) FILTER (WHERE b1) FROM bits
SELECT (SELECT max(0) FILTER (WHERE b1)) FROM bits
SELECT max(unique1) FILTER (WHERE sum(ten) > 0) FROM tenk
-- ordered sets, and places in them
SELECT p, percentile_cont(p) WITHIN GROUP (ORDER BY a::float8) FROM ints, (VALUES (0::float8), (0.1), (0.25), (0.4), (0.5), (0.6), (0.75), (0.9), (1)) v(p) GROUP BY p ORDER BY p
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY b), sum(b) FROM aggtest
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY unique2) AS c, percentile_disc(0.5) WITHIN GROUP (ORDER BY unique2) AS d FROM tenk
SELECT rank(3) WITHIN GROUP (ORDER BY a), dense_rank(3) WITHIN GROUP (ORDER BY a), cume_dist(3) WITHIN GROUP (ORDER BY a), percent_rank(3) WITHIN GROUP (ORDER BY a) FROM ints
SELECT percentile_disc(ARRAY[0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) WITHIN GROUP (ORDER BY unique2) AS d, percentile_cont(ARRAY[0, 0.25, 0.5, 0.75, 1]) WITHIN GROUP (ORDER BY unique2) AS c FROM tenk
SELECT percentile_disc(ARRAY[[NULL, 1, 0.5], [0.75, 0.25, NULL]]) WITHIN GROUP (ORDER BY unique2) FROM tenk
SELECT percentile_cont(ARRAY[0, 1, 0.25, 0.75, 0.5, 1, 0.3, 0.32, 0.35, 0.38, 0.4]) WITHIN GROUP (ORDER BY a) FROM ints
SELECT percentile_cont(ARRAY[0.25, 0.5]) WITHIN GROUP (ORDER BY iv), percentile_disc(0.5) WITHIN GROUP (ORDER BY iv) AS d FROM kinds
SELECT ten, mode() WITHIN GROUP (ORDER BY string4) FROM tenk GROUP BY ten
SELECT percentile_disc(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY a) FROM strings
SELECT pg_collation_for(percentile_disc(1) WITHIN GROUP (ORDER BY a COLLATE "POSIX")) AS c FROM strings
SELECT test_rank(3) WITHIN GROUP (ORDER BY a), test_percentile_disc(0.5) WITHIN GROUP (ORDER BY a) FROM ints
SELECT rank(a) WITHIN GROUP (ORDER BY a) FROM ints
SELECT ARRAY(SELECT percentile_disc(a) WITHIN GROUP (ORDER BY x) FROM (VALUES (0.3), (0.7)) v(a) GROUP BY a) FROM ints g(x)
SELECT rank('adam'::text COLLATE "C") WITHIN GROUP (ORDER BY a COLLATE "POSIX") FROM strings
SELECT rank('adam'::varchar) WITHIN GROUP (ORDER BY a) FROM strings
SELECT rank('3') WITHIN GROUP (ORDER BY a) FROM ints
SELECT percent_rank(0) WITHIN GROUP (ORDER BY v), rank(0) WITHIN GROUP (ORDER BY v), cume_dist(0) WITHIN GROUP (ORDER BY v), mode() WITHIN GROUP (ORDER BY v) FROM nothing
SELECT ten, percentile_disc(0.5) WITHIN GROUP (ORDER BY unique2) AS p50, percentile_disc(0.5) WITHIN GROUP (ORDER BY unique2) FILTER (WHERE hundred = 1) AS px, rank(5, 'AZZZZ', 50) WITHIN GROUP (ORDER BY hundred, string4 DESC, hundred) FROM tenk GROUP BY ten ORDER BY ten
SELECT dense_rank(a) WITHIN GROUP (ORDER BY a) FROM ints GROUP BY a ORDER BY 1
-- variadic and polymorphic
SELECT least_agg(q1, q2) AS l, least_agg(VARIADIC ARRAY[q1, q2]) AS v, cleast_agg(q1, q2) AS c FROM int8_tbl
SELECT cleast_agg(4.5, a) AS l, cleast_agg(VARIADIC ARRAY[4.5, a]) AS v, pg_typeof(cleast_agg(VARIADIC ARRAY[4.5, a])) AS t FROM ints
SELECT g, build_group(a, 2) AS texts, build_group(v, 3) AS bytes, first_el_agg(g) AS g1, first_el_agg(g::float8) AS f1, first_el_agg(a || f1) AS t FROM strings GROUP BY g
-- states that are shared, or must not be
SELECT my_avg(a) AS x, my_avg(a) AS y FROM pairs
SELECT my_avg(a), my_sum(a), my_avg(DISTINCT a % 3) AS d, my_sum(DISTINCT a % 3) AS ds, my_avg(a) FILTER (WHERE a > 1) AS f, my_sum(b) AS b FROM pairs
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a::float8) AS c, percentile_disc(0.5) WITHIN GROUP (ORDER BY a::float8) AS d, percentile_cont(0.25) WITHIN GROUP (ORDER BY a::float8) AS q, rank(4) WITHIN GROUP (ORDER BY a), dense_rank(4) WITHIN GROUP (ORDER BY a) FROM pairs
SELECT my_sum_init(a), my_avg_init(a), my_avg_init2(a) FROM pairs
SELECT raw_sum(a), half_sum(a) FROM ints
SELECT balk(hundred) FROM tenk
-- in parts
SELECT variance(unique1::int4), sum(unique1::int8), regr_count(unique1::float8, unique1::float8), variance(unique1::int8) AS v8, avg(unique1::numeric) FROM (SELECT * FROM tenk UNION ALL SELECT * FROM tenk UNION ALL SELECT * FROM tenk UNION ALL SELECT * FROM tenk) u
SELECT unique1, count(*), sum(hundred) FROM tenk GROUP BY unique1 HAVING sum(unique2) > 300 ORDER BY sum(hundred)
SELECT unique1 % 300 AS c1, sum(unique1::numeric) AS c2, count(*) AS c3 FROM tenk GROUP BY unique1 % 300
SELECT (unique1 / 2)::numeric AS c1, array_agg(unique1::numeric ORDER BY unique1) AS c2, sum(7::int4), count(*) AS c3 FROM tenk GROUP BY unique1 / 2
SELECT r.a, (unique1 / 2)::numeric AS c1, array_agg(unique1::numeric ORDER BY unique1) AS c2, count(*) AS c3 FROM tenk, (VALUES (10), (30), (50)) AS r(a) WHERE unique1 < r.a GROUP BY r.a, unique1 / 2
SELECT * FROM (VALUES (10), (30)) AS r(a), LATERAL (SELECT (unique1 / 2)::numeric AS c1, count(*) AS c3 FROM tenk WHERE unique1 < r.a GROUP BY unique1 / 2) s
SELECT 1 AS one FROM tenk WHERE (hundred, four) IN (SELECT unique1, four FROM plain)
-- text that is compared, as a key, in two collations
SELECT a || 'a' AS key, CASE a || 'a' WHEN 'aaaaa' THEN 1 ELSE 0 END AS c, count(*) FROM strings GROUP BY a || 'a' ORDER BY 1
SELECT a || 'a' AS key, CASE WHEN a || 'a' = 'aaaaa' THEN 1 ELSE 0 END AS c, count(*) FROM strings GROUP BY a || 'a' ORDER BY 1
-- whole rows and records
SELECT count(t1), array_agg(t1 ORDER BY a, b), jsonb_agg(t1) AS j, count(DISTINCT t1) AS d, newcnt(t1) AS n FROM t1
SELECT a, count(DISTINCT (b, c)), count((b, c)) AS n, json_agg(t1.* ORDER BY b) AS j, array_agg(ROW(b, c, d)::aggtype ORDER BY b) AS r FROM t1 GROUP BY a
SELECT t1.a, count(t2), json_agg(t2 ORDER BY t1.b), count(DISTINCT t2) AS d FROM t1 LEFT JOIN t2 ON t1.a = t2.x AND t1.b = t2.y GROUP BY t1.a
SELECT a, array_agg((b, c)) FROM t1 GROUP BY a
SELECT t1, count(*) FROM t1 GROUP BY t1
-- moving aggregates, over rows and over groups that change
SELECT p, log_agg(v), log_agg_init(v), slog_agg(v), slog_agg_init(v), log_agg(v) FILTER (WHERE f) AS lf, log_agg_init(v) FILTER (WHERE f) AS lif, slog_agg(v) FILTER (WHERE f) AS sf, slog_agg_init(v) FILTER (WHERE f) AS sif FROM logged GROUP BY p
SELECT p, slog_agg(v || CASE WHEN random() < 0 THEN '?' ELSE '' END) FROM logged GROUP BY p
SELECT p, slog_agg(v) FILTER (WHERE random() >= 0) FROM logged GROUP BY p
SELECT sum_restart(n), sum(n), sumdouble(n), log_agg(n ORDER BY ten), slog_agg(n::text ORDER BY n, ten) FROM (SELECT ten, count(*)::int AS n FROM tenk GROUP BY ten) q
SELECT sum(s2) AS s2, sum(s4) AS s4, sum(s8) AS s8, avg(s2) AS a2, avg(s4) AS a4, avg(s8) AS a8, variance(s2) AS v2, variance(s4) AS v4, variance(s8) AS v8, stddev_pop(s4) AS d4, count(s4), count(*) AS n FROM (SELECT k, min(i2) AS s2, max(i4) AS s4, sum(i4) AS s8 FROM kinds GROUP BY k) q
SELECT sum(n), avg(n) AS an, var_samp(n) AS vn, sum(m) AS m, sum(iv) AS iv, avg(iv) AS aiv, bool_and(b), bool_or(b), every(NOT b) AS e FROM (SELECT k, max(n) AS n, max(m) AS m, max(iv) AS iv, max(i4) > 5 AS b FROM kinds GROUP BY k) q
SELECT b, sum(n), avg(n) FROM (SELECT g, sum(x::numeric) AS n, count(*) > 1 AS b FROM inputs GROUP BY g) q GROUP BY b
SELECT to_char(sum(n), '999999999999999999999D9') FROM (SELECT a, max(CASE a WHEN 3 THEN 1e20 ELSE b END)::float8 AS n FROM pairs GROUP BY a) q
-- over nothing
SELECT count(*), count(v) AS cv, sum(v), array_agg(v), string_agg(v::text, ','), newavg(v), my_sum_init(v), aggfns(v, v, ''), sum2(v, v), bool_and(v > 0), every(v > 0), log_agg_init(v), corr(v, v) FROM nothing
SELECT v, count(*) FROM nothing GROUP BY v
SELECT count(*) FROM tenk WHERE false
-- HAVING
SELECT b, c FROM having_test GROUP BY b, c HAVING count(*) = 1 ORDER BY b, c
SELECT b, c FROM having_test GROUP BY b, c HAVING b = 3 ORDER BY b, c
SELECT lower(c) AS l, count(c) FROM having_test GROUP BY lower(c) HAVING count(*) > 2 OR min(a) = max(a) ORDER BY lower(c)
SELECT c, max(a) FROM having_test GROUP BY c HAVING count(*) > 2 OR min(a) = max(a) ORDER BY c
SELECT min(a), max(a) FROM having_test HAVING min(a) = max(a)
SELECT min(a), max(a) FROM having_test HAVING min(a) < max(a)
SELECT a FROM having_test HAVING min(a) < max(a)
SELECT 1 AS one FROM having_test HAVING count(*) > 5
SELECT 1 AS one FROM having_test HAVING 1 > 2
SELECT 1 AS one FROM having_test HAVING 1 < 2
SELECT 1 AS one FROM having_test WHERE 1 / a = 1 HAVING 1 < 2
\.
CALL make_views();
-- what is refused
\pset format unaligned
\pset tuples_only on
SELECT query || E'\n\t' || refusal FROM queries WHERE refusal IS NOT NULL ORDER BY n;
\pset format aligned
\pset tuples_only off
SELECT count(*) AS queries, count(refusal) AS refused FROM queries;
CREATE MATERIALIZED VIEW balks WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT balk_parts(hundred), balk_parts(NULL) AS n FROM tenk;

---- batches, and the oracle after each

SELECT * FROM check_queries();
CREATE PROCEDURE more_tenk(batch int) LANGUAGE sql AS $$
	INSERT INTO tenk SELECT u, x, u % 2, u % 4, u % 10, u % 100, (ARRAY['AAAA', 'HHHH', 'OOOO', 'VVVV'])[1 + x % 4]
	FROM (SELECT x, x * 163 % 600 AS u FROM generate_series(0, 599) x) q WHERE batch = CASE WHEN u % 10 BETWEEN 3 AND 6 THEN 1 WHEN u % 10 IN (0, 1, 2, 7) THEN 2 ELSE 3 END
$$;
CALL more_tenk(1);
INSERT INTO aggtest VALUES (56, 7.75), (100, 99.125), (10, 150), (20, 250), (30, 350);
INSERT INTO inputs VALUES ('one', '1'), ('null', NULL), ('nan', 'NaN'), ('inf', 'inf'), ('1, inf', '1'), ('inf, 1', 'inf'), ('inf, inf', 'inf'), ('-inf, inf', '-inf'), ('-inf, -inf', '-inf'), ('nan, inf', 'nan'),
	('large', '100000003'), ('large', '100000004'), ('larger', '7000000000005');
INSERT INTO int8_tbl VALUES (123, 456), (123, 4567890123456789), (NULL, 1);
INSERT INTO bits VALUES (1, 1, 1, 1, 1, B'0101', true, NULL, false, NULL);
INSERT INTO minmax VALUES (11), (12), (17);
INSERT INTO t1 VALUES (1, 1, 5, 7), (1, 2, 6, 7);
INSERT INTO t3 VALUES (1, 1, 1), (1, 2, 1);
INSERT INTO pairs VALUES (1, 4), (2, 3);
INSERT INTO ints VALUES (1), (1), (2);
INSERT INTO abc VALUES (1, 3, 'foo'), (0, NULL, NULL);
INSERT INTO strings VALUES (1, 'aaaa', 'a', '\xff'), (2, NULL, NULL, NULL), (3, NULL, 'ab', NULL), (4, 'jim', 'abcd', '\x');
INSERT INTO having_test VALUES (0, 1, 'XXXX', 'A'), (1, 2, 'AAAA', 'b'), (2, 2, 'AAAA', 'c'), (3, 3, 'BBBB', 'D');
INSERT INTO kinds VALUES (1, 3, 30, 300, 1.5, 2.5, 1.10, '1.25', 'b', 'b', 'b', '2024-01-02', '10:00', '10:00+00', '2024-01-02 10:00', '2024-01-02 10:00+00', '1 day', '10.0.0.2', 20, '(1,2)', '0/20', '{1,2}', 'ok'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO logged VALUES (1, NULL, true), (1, 'a', false), (2, NULL, false);
CALL refresh_views();
SELECT * FROM check_queries();

CALL more_tenk(2);
INSERT INTO aggtest VALUES (0, 0.125), (80, 540);
INSERT INTO inputs VALUES ('1, inf', 'inf'), ('inf, 1', '1'), ('inf, inf', 'inf'), ('-inf, inf', 'inf'), ('-inf, -inf', '-inf'), ('nan, inf', 'inf'), ('large', '100000006'), ('larger', '7000000000007');
INSERT INTO int8_tbl VALUES (4567890123456789, 123), (4567890123456789, 4567890123456789);
INSERT INTO bits VALUES (3, 3, 3, NULL, 2, B'0100', false, true, NULL, NULL);
INSERT INTO minmax VALUES (13), (18), (10);
INSERT INTO t1 VALUES (2, 1, 5, 7), (2, 2, 6, 7);
INSERT INTO t3 VALUES (2, 1, 1);
INSERT INTO pairs VALUES (3, 1), (4, 2);
INSERT INTO ints VALUES (2), (3), (NULL);
INSERT INTO abc VALUES (2, 2, 'bar');
INSERT INTO strings VALUES (1, NULL, 'ab', '\xaa'), (3, 'bbbb', 'b', NULL), (4, 'fred', 'abcd', '\x00'), (4, 'jill', NULL, '\x01');
INSERT INTO having_test VALUES (4, 3, 'BBBB', 'e'), (5, 3, 'bbbb', 'F'), (6, 4, 'cccc', 'g');
INSERT INTO kinds VALUES (1, 2, 20, 400, 0.5, '-inf', 1.1000, '-2.50', 'a', 'c', 'a', '2023-01-01', '09:00', '09:00+01', '2025-01-01 10:00', '2023-01-01 10:00+00', '2 hours', '10.0.0.1', 30, '(1,1)', '0/30', '{1}', 'sad'),
	(2, 1, 1, 1, 'NaN', 'NaN', 'NaN', '0.01', '', '', '', 'infinity', '00:00', '23:00-05', '-infinity', 'infinity', '-1 month', '::1', 0, '(0,1)', '0/0', '{}', 'happy');
INSERT INTO logged VALUES (1, 'b', true), (1, NULL, false), (3, 'z', true);
CALL refresh_views();
SELECT * FROM check_queries();

-- other processes begin with what is stored
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) > 0 AS restarted FROM pg_stat_activity
WHERE backend_type = 'streaming worker' AND datname = current_database();
CALL more_tenk(3);
INSERT INTO aggtest VALUES (42, 324.75), (100, 200), (NULL, 1), (1, NULL);
INSERT INTO inputs VALUES ('large', '100000007'), ('null', NULL), ('nan, inf', '1');
INSERT INTO int8_tbl VALUES (4567890123456789, -4567890123456789);
INSERT INTO bits VALUES (7, 7, 7, 3, 4, B'1100', NULL, true, false, NULL);
INSERT INTO minmax VALUES (14), (15), (16);
INSERT INTO t1 VALUES (3, 1, 5, 8);
INSERT INTO t3 VALUES (2, 2, 2);
INSERT INTO pairs VALUES (6, 5), (5, 6);
INSERT INTO ints VALUES (3), (NULL), (0), (4), (-5);
INSERT INTO abc VALUES (3, 1, 'baz'), (1, 3, 'foo');
INSERT INTO strings VALUES (1, 'cccc', 'c', '\x01'), (2, NULL, NULL, '\x02'), (4, 'jim', 'd', NULL), (4, 'sheila', 'e', '\x03');
INSERT INTO having_test VALUES (7, 4, 'cccc', 'h'), (8, 4, 'CCCC', 'I'), (9, 4, 'CCCC', 'j');
INSERT INTO kinds VALUES (1, 5, 5, 5, 9.5, 'inf', 'inf', '7.00', 'c', 'a', 'c', '2025-01-01', '23:59', '09:00-01', '2023-01-01 10:00', '2025-01-01 10:00+00', '1 month', '10.0.0.3/24', 10, '(2,1)', 'FFFFFFFF/0', '{3}', 'happy'),
	(3, -1, -1, -1, -0.0, -0.0, -0.0, '0', 'x', 'x', 'x', '-infinity', '24:00', '00:00-12', 'infinity', '-infinity', '-1 us', '0.0.0.0/0', 4294967295, '(4,4)', '1/1', '{{1}}', 'sad');
INSERT INTO logged VALUES (1, 'c', false), (2, 'x', true), (1, NULL, NULL);
CALL refresh_views();
SELECT * FROM check_queries();
-- a combine function that gives NULL does so in a parallel plan, too
TABLE balks;

DROP TABLE tenk, aggtest, inputs, int8_tbl, bits, minmax, t1, t3, pairs, ints, abc, strings, having_test, kinds, logged, nothing CASCADE;
SET search_path = public;
DROP SCHEMA pga CASCADE;
SELECT * FROM leftovers();
