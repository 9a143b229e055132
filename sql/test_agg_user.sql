-- Aggregates of one's own
\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE s (k int, v int, n numeric, t text, a int[]) USING stream;
CREATE TABLE input (LIKE s);
INSERT INTO input VALUES
	(1, 3, 1.5, 'x', '{1}'), (1, NULL, NULL, NULL, NULL), (2, NULL, NULL, NULL, NULL), (1, 5, 2.25, 'yy', '{2,3}'), (3, 7, -1, '', '{}');
INSERT INTO s SELECT * FROM input;

-- transition strict or not, combine strict or not, with and without an initial state; by value
CREATE FUNCTION add_strict(int8, int) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2';
CREATE FUNCTION add_lax(int8, int) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT COALESCE($1, 0) + COALESCE($2, 100)';
CREATE FUNCTION merge_strict(int8, int8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2';
CREATE FUNCTION merge_lax(int8, int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT COALESCE($1, 0) + COALESCE($2, 0)';
CREATE AGGREGATE sum_init_strict(int) (SFUNC = add_strict, STYPE = int8, INITCOND = '0', COMBINEFUNC = merge_strict);
CREATE AGGREGATE sum_init_lax(int) (SFUNC = add_lax, STYPE = int8, INITCOND = '0', COMBINEFUNC = merge_lax);
CREATE AGGREGATE sum_lax(int) (SFUNC = add_lax, STYPE = int8, COMBINEFUNC = merge_lax);
CREATE AGGREGATE sum_lax_strict(int) (SFUNC = add_lax, STYPE = int8, COMBINEFUNC = merge_strict);
-- strict without an initial state: the first value is the state
CREATE AGGREGATE min_first(int) (SFUNC = int4smaller, STYPE = int, COMBINEFUNC = int4smaller);
CREATE AGGREGATE min_first_numeric(numeric) (SFUNC = numeric_smaller, STYPE = numeric, COMBINEFUNC = numeric_smaller);
CREATE AGGREGATE min_first_text(text) (SFUNC = text_smaller, STYPE = text, COMBINEFUNC = text_smaller);
-- by reference, fixed and variable length
CREATE FUNCTION spread_acc(int8[], int) RETURNS int8[] LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ARRAY[least($1[1], $2), greatest($1[2], $2)]::int8[]';
CREATE FUNCTION spread_merge(int8[], int8[]) RETURNS int8[] LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ARRAY[least($1[1], $2[1]), greatest($1[2], $2[2])]';
CREATE FUNCTION spread_final(int8[]) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT $1[2] - $1[1]';
CREATE AGGREGATE spread(int) (SFUNC = spread_acc, STYPE = int8[], INITCOND = '{NULL,NULL}', COMBINEFUNC = spread_merge, FINALFUNC = spread_final);
CREATE AGGREGATE spread_raw(int) (SFUNC = spread_acc, STYPE = int8[], INITCOND = '{NULL,NULL}', COMBINEFUNC = spread_merge);
CREATE FUNCTION point_acc(point, int) RETURNS point LANGUAGE sql IMMUTABLE STRICT AS 'SELECT point($1[0] + 1, $1[1] + $2)';
CREATE FUNCTION point_merge(point, point) RETURNS point LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2';
CREATE AGGREGATE count_and_sum(int) (SFUNC = point_acc, STYPE = point, INITCOND = '(0,0)', COMBINEFUNC = point_merge);
CREATE FUNCTION text_acc(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT COALESCE($1, '''') || repeat(''z'', COALESCE(length($2), 1))';
CREATE AGGREGATE lengths(text) (SFUNC = text_acc, STYPE = text, COMBINEFUNC = textcat);
-- a final function that is strict, lax, takes extra arguments, changes the state
CREATE FUNCTION final_lax(int8) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT COALESCE($1::text, ''nothing'')';
CREATE AGGREGATE sum_text(int) (SFUNC = int4_sum, STYPE = int8, COMBINEFUNC = int8pl, FINALFUNC = final_lax);
CREATE FUNCTION final_extra(int8, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || '' '' || COALESCE($2::text, ''null'')';
CREATE AGGREGATE sum_extra(int) (SFUNC = int4_sum, STYPE = int8, COMBINEFUNC = int8pl, FINALFUNC = final_extra, FINALFUNC_EXTRA);
CREATE AGGREGATE avg_modify(int) (SFUNC = int4_avg_accum, STYPE = int8[], INITCOND = '{0,0}', COMBINEFUNC = int4_avg_combine, FINALFUNC = int8_avg, FINALFUNC_MODIFY = READ_WRITE);
CREATE AGGREGATE avg_shareable(int) (SFUNC = int4_avg_accum, STYPE = int8[], INITCOND = '{0,0}', COMBINEFUNC = int4_avg_combine, FINALFUNC = int8_avg, FINALFUNC_MODIFY = SHAREABLE);
-- a polymorphic state
CREATE FUNCTION any_first(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1';
CREATE AGGREGATE anyone(anyelement) (SFUNC = any_first, STYPE = anyelement, COMBINEFUNC = any_first);
CREATE FUNCTION longest(anyarray, anyarray) RETURNS anyarray LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT CASE WHEN cardinality($2) > cardinality($1) THEN $2 ELSE $1 END';
CREATE AGGREGATE longest(anyarray) (SFUNC = longest, STYPE = anyarray, COMBINEFUNC = longest);
CREATE FUNCTION any_count(int8, anyelement) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION any_final(int8, anyelement) RETURNS anyarray LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	result ALIAS FOR $0;
BEGIN
	result := array_fill($2, ARRAY[$1::int]);
	RETURN result;
END $$;
CREATE AGGREGATE nulls(anyelement) (SFUNC = any_count, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl, FINALFUNC = any_final, FINALFUNC_EXTRA);
-- several arguments, none, a variadic one, defaults
CREATE FUNCTION wsum_acc(float8, int, numeric) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2 * $3';
CREATE AGGREGATE wsum(int, numeric) (SFUNC = wsum_acc, STYPE = float8, INITCOND = '0', COMBINEFUNC = float8pl);
CREATE FUNCTION vari_acc(int8, VARIADIC int[]) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT $1 + COALESCE((SELECT sum(x) FROM unnest($2) x), 0)';
CREATE AGGREGATE vari(VARIADIC int[]) (SFUNC = vari_acc, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl);
CREATE AGGREGATE how_many(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl);
-- in plpgsql, with a state of one's own type, which may become NULL again
CREATE TYPE seen AS (lo int, hi int, n int);
CREATE FUNCTION seen_acc(s seen, v int) RETURNS seen LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF v IS NULL THEN
		RETURN s;
	END IF;
	RETURN ROW(least(s.lo, v), greatest(s.hi, v), COALESCE(s.n, 0) + 1)::seen;
END $$;
CREATE FUNCTION seen_merge(a seen, b seen) RETURNS seen LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF a IS NULL OR b IS NULL THEN
		RETURN COALESCE(a, b);
	END IF;
	RETURN ROW(least(a.lo, b.lo), greatest(a.hi, b.hi), a.n + b.n)::seen;
END $$;
CREATE FUNCTION seen_final(s seen) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT format('%s..%s (%s)', s.lo, s.hi, s.n) $$;
CREATE AGGREGATE seen(int) (SFUNC = seen_acc, STYPE = seen, COMBINEFUNC = seen_merge, FINALFUNC = seen_final);
CREATE AGGREGATE seen_raw(int) (SFUNC = seen_acc, STYPE = seen, COMBINEFUNC = seen_merge);
-- with the machinery of a built-in one: a state of type internal
CREATE AGGREGATE my_sum(numeric) (SFUNC = numeric_avg_accum, STYPE = internal, SSPACE = 128, FINALFUNC = numeric_sum,
	COMBINEFUNC = numeric_avg_combine, SERIALFUNC = numeric_avg_serialize, DESERIALFUNC = numeric_avg_deserialize, PARALLEL = SAFE);
-- a moving-aggregate implementation does not matter
CREATE AGGREGATE my_count(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl,
	MSFUNC = int8inc, MINVFUNC = int8dec, MSTYPE = int8, MINITCOND = '0');

CREATE TABLE calls (n serial, call text);
INSERT INTO calls (call) VALUES ('sum_init_strict(v)'), ('sum_init_lax(v)'), ('sum_lax(v)'), ('sum_lax_strict(v)'), ('min_first(v)'),
	('min_first_numeric(n)'), ('min_first_text(t)'), ('spread(v)'), ('spread_raw(v)'), ('count_and_sum(v)'), ('lengths(t)'),
	('sum_text(v)'), ('sum_extra(v)'), ('avg_modify(v)'), ('avg_shareable(v)'), ('anyone(v % 1)'), ('anyone(n - n)'), ('anyone(repeat(t, 0))'),
	('longest(a)'), ('nulls(v)'), ('nulls(t)'), ('wsum(v, n)'), ('vari(v, 1, v)'), ('vari(VARIADIC a)'), ('how_many(*)'), ('seen(v)'), ('seen_raw(v)'),
	('my_sum(n)'), ('my_count(*)'), ('avg_modify(v) + avg_shareable(v)'), ('sum_text(v) FILTER (WHERE v > 3)');
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT * FROM calls ORDER BY n LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW k%s WITH (streaming.continuous) AS SELECT k, %s AS r FROM s GROUP BY k', c.n, c.call);
	END LOOP;
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW all_in_one WITH (streaming.continuous) AS SELECT ' || string_agg(call || ' AS r' || n, ', ' ORDER BY n) || ' FROM s' FROM calls);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW all_of_nulls WITH (streaming.continuous) AS SELECT k, ' || string_agg(call || ' AS r' || n, ', ' ORDER BY n) || ' FROM s WHERE v IS NULL GROUP BY k' FROM calls);
END $$;
SELECT bool_and(streaming.wait(view)) FROM streaming.views;
SELECT call, check_view(('k' || n)::regclass, true) FROM calls WHERE check_view(('k' || n)::regclass, true) <> 'ok' ORDER BY n;
INSERT INTO s SELECT k + 1, v * 2, n * 2, t || t, a || a FROM input;
SELECT bool_and(streaming.wait(view)) FROM streaming.views;
INSERT INTO s SELECT k - 1, v - 5, n, t, a FROM input;
SELECT bool_and(streaming.wait(view)) FROM streaming.views;
SELECT call, check_view(('k' || n)::regclass, true) FROM calls ORDER BY n;
SELECT check_view('all_in_one', true), check_view('all_of_nulls', true);
\x
SELECT * FROM all_in_one;
SELECT * FROM all_of_nulls WHERE k = 2;
\x

-- from rows that are kept
CREATE AGGREGATE no_combine(int) (SFUNC = int4_sum, STYPE = int8);
CREATE MATERIALIZED VIEW v_no_combine WITH (streaming.continuous) AS SELECT no_combine(v), no_combine(DISTINCT v) AS d FROM s;
CREATE AGGREGATE no_serial(numeric) (SFUNC = numeric_avg_accum, STYPE = internal, FINALFUNC = numeric_avg, COMBINEFUNC = numeric_avg_combine);
CREATE MATERIALIZED VIEW v_no_serial WITH (streaming.continuous) AS SELECT k, no_serial(n), no_serial(n ORDER BY n) AS o FROM s GROUP BY k;
CREATE AGGREGATE my_percentile(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE MATERIALIZED VIEW v_percentile WITH (streaming.continuous) AS SELECT k, my_percentile(0.5) WITHIN GROUP (ORDER BY v) FROM s GROUP BY k;
SELECT streaming.wait('v_no_combine') AND streaming.wait('v_no_serial') AND streaming.wait('v_percentile');
INSERT INTO s SELECT * FROM input;
SELECT streaming.wait('v_no_combine') AND streaming.wait('v_no_serial') AND streaming.wait('v_percentile');
SELECT check_view('v_no_combine'), check_view('v_no_serial'), check_view('v_percentile');

-- refused
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT anyone(ROW(k, v)) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_bad WITH (streaming.continuous) AS SELECT k, jsonb_agg(ROW(k, v) ORDER BY v) FROM s GROUP BY k;
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION volatile_acc(int8, int) RETURNS int8 LANGUAGE sql VOLATILE AS 'SELECT $1 + $2';
CREATE AGGREGATE volatile_sum(int) (SFUNC = volatile_acc, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl);
CREATE MATERIALIZED VIEW volatile_parts WITH (streaming.continuous) AS SELECT volatile_sum(k) FROM s;
REFRESH MATERIALIZED VIEW volatile_parts;
SELECT check_view('volatile_parts');

-- privileges: those of the aggregate's owner on its functions, those of the view's owner on the aggregate
CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
GRANT SELECT ON s TO regress_streaming_a;
REVOKE EXECUTE ON FUNCTION add_lax, merge_lax, sum_lax, spread_acc FROM PUBLIC;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW v_denied WITH (streaming.continuous) AS SELECT sum_lax(v) FROM s;
\echo :LAST_ERROR_SQLSTATE
CREATE MATERIALIZED VIEW v_owned WITH (streaming.continuous) AS SELECT spread(v), sum_init_lax(v) FROM s;
REFRESH MATERIALIZED VIEW v_owned;
RESET ROLE;
SELECT check_view('v_owned');
DROP OWNED BY regress_streaming_a;
DROP ROLE regress_streaming_a;

-- a changed function is noticed
CREATE FUNCTION final_v(int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE AGGREGATE sum_v(int) (SFUNC = int4_sum, STYPE = int8, COMBINEFUNC = int8pl, FINALFUNC = final_v);
CREATE MATERIALIZED VIEW v_changed WITH (streaming.continuous) AS SELECT k, sum_v(v) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW v_changed;
SELECT check_view('v_changed');
CREATE OR REPLACE FUNCTION final_v(int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 1000';
INSERT INTO s VALUES (1, 1);
REFRESH MATERIALIZED VIEW v_changed;
SELECT * FROM v_changed ORDER BY k;
-- an aggregate that a view uses cannot go
DROP AGGREGATE sum_v(int);
\echo :LAST_ERROR_SQLSTATE
DROP FUNCTION final_v;
\echo :LAST_ERROR_SQLSTATE

DROP TABLE s CASCADE;
SELECT * FROM leftovers();
DROP TABLE input, calls;
DROP FUNCTION add_strict, add_lax, merge_strict, merge_lax, spread_acc, spread_merge, spread_final, point_acc, point_merge, text_acc, final_lax,
	final_extra, any_first, longest(anyarray, anyarray), any_count, any_final, wsum_acc, vari_acc, seen_acc, seen_merge, seen_final, volatile_acc, final_v CASCADE;
DROP AGGREGATE how_many(*), my_sum(numeric), my_count(*), no_combine(int), no_serial(numeric), my_percentile(float8 ORDER BY anyelement),
	min_first(int), min_first_numeric(numeric), min_first_text(text), avg_modify(int), avg_shareable(int);
DROP TYPE seen;
