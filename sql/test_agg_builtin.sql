-- Every built-in aggregate: it is maintained exactly, or refused properly
\set SHOW_CONTEXT never
SET client_min_messages = warning;

-- One column of each type that an aggregate may take; rows of two batches.
CREATE TABLE s (batch int, k int,
	c_int2 int2, c_int4 int4, c_int8 int8, c_float4 float4, c_float8 float8, c_numeric numeric, c_money money,
	c_text text, c_bpchar char(3), c_bool bool, c_bit bit(4), c_date date, c_time time, c_timetz timetz,
	c_timestamp timestamp, c_timestamptz timestamptz, c_interval interval, c_inet inet, c_oid oid, c_tid tid,
	c_xid8 xid8, c_pg_lsn pg_lsn, c_anyarray int4[], c_anyenum text, c_anyrange int4range, c_anymultirange int4multirange,
	c_bytea bytea, c_json json, c_xml text, c_point point, c_name name) USING stream;
CREATE TYPE grade AS ENUM ('low', 'mid', 'high');
ALTER TABLE s ADD COLUMN c_grade grade;
CREATE TABLE input (LIKE s);
INSERT INTO input VALUES
	(1, 1, 1, 10, 100, 0.5, 2.5, 1.10, '1.00', 'b', 'b', true, '1100', '2024-01-02', '10:00', '10:00+00',
	'2024-01-02 10:00', '2024-01-02 10:00+00', '1 day', '10.0.0.2', 20, '(1,2)', '20', '0/20', '{1,2}', 'x', '[1,5)', '{[1,5)}',
	'\x01', '1', '<a/>', '(1,1)', 'n', 'mid'),
	(1, 1, 2, 20, 200, 1.5, 3.5, 2.200, '2.50', 'a', 'a', true, '1010', '2024-01-01', '09:00', '09:00+00',
	'2024-01-01 10:00', '2024-01-01 10:00+00', '2 hours', '10.0.0.1', 10, '(1,1)', '10', '0/10', '{1}', 'y', '[3,8)', '{[3,8)}',
	'\x02', '2', '<b/>', '(2,2)', 'm', 'low'),
	(1, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL),
	(1, 3, 7, 70, 700, 7, 7, 'NaN', '-7', 'z', 'z', false, '0001', 'infinity', '23:59', '23:59-05',
	'infinity', '-infinity', '-1 month', '::1', 0, '(7,7)', '0', 'FFFFFFFF/0', '{}', 'z', 'empty', '{}',
	'\x', 'null', '<c/>', '(0,0)', '', 'high'),
	(2, 1, 3, 5, 50, 2.5, 0.5, 100.5, '-0.25', 'c', 'c', false, '1000', '2025-01-01', '08:00', '08:00+00',
	'2025-01-01 10:00', '2025-01-01 10:00+00', '1 month', '10.0.0.3', 30, '(2,1)', '30', '0/30', '{3}', 'w', '[2,4)', '{[2,4)}',
	'\x03', '3', '<d/>', '(3,3)', 'o', 'high'),
	(2, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL),
	(2, 2, 4, 8, 80, 0.25, 4.5, 'Infinity', '4.00', 'd', 'd', true, '0110', '2023-01-01', '07:00', '07:00+00',
	'2023-01-01 10:00', '2023-01-01 10:00+00', '3 hours', '10.0.0.4', 40, '(3,1)', '40', '0/40', '{4}', 'v', '[1,3)', '{[1,3)}',
	'\x04', '4', '<e/>', '(4,4)', 'p', 'low'),
	(2, 4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO s SELECT * FROM input WHERE batch = 1;

-- A call of the aggregate on these columns.  Sums of squares depend on the order
-- of their input in the last digits, so they are rounded.
CREATE FUNCTION argument(type oid, is_direct bool, is_delimiter bool) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN is_direct AND type = 'float8[]'::regtype THEN '''{0.5}''::float8[]'
		WHEN is_direct THEN '0.5::float8'
		WHEN is_delimiter AND type = 'bytea'::regtype THEN '''\x00'''
		WHEN type = 'anyenum'::regtype THEN 'c_grade'
		WHEN type IN ('anyelement'::regtype, 'anynonarray'::regtype, '"any"'::regtype) THEN 'c_float8'
		WHEN type = 'record'::regtype THEN 'ROW(c_int4, k)'
		WHEN type = 'xml'::regtype THEN 'NULL::xml'
		WHEN type = 'jsonb'::regtype THEN 'c_json::jsonb'
		ELSE 'c_' || (SELECT typname FROM pg_type WHERE oid = type) END
$$;
CREATE FUNCTION aggregate_call(agg oid) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format(CASE WHEN prorettype = 'float8'::regtype AND proname ~ '^(corr|covar|regr|std|var)' THEN 'round((%s)::numeric, 9)' ELSE '%s' END,
		format('pg_catalog.%I(%s)', proname, CASE WHEN aggkind = 'n' THEN COALESCE(args, '*') ELSE direct END)
			|| CASE WHEN aggkind <> 'n' THEN format(' WITHIN GROUP (ORDER BY %s)', COALESCE(args, 'c_float8')) ELSE '' END)
	FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid, LATERAL (
		SELECT string_agg(argument(t, true, false), ', ' ORDER BY n) FILTER (WHERE n <= aggnumdirectargs) AS direct,
			-- array_agg of arrays wants them alike
			string_agg(CASE WHEN proname = 'array_agg' AND t = 'anyarray'::regtype THEN 'ARRAY[c_int4, k]'
				-- names must not be null
				WHEN proname ~ 'object_agg' AND n = 1 THEN 'k'
				ELSE argument(t, false, proname = 'string_agg' AND n = 2) END, ', ' ORDER BY n) FILTER (WHERE n > aggnumdirectargs) AS args
		FROM unnest(proargtypes) WITH ORDINALITY AS u(t, n)) x
	WHERE p.oid = agg
$$;

-- In early releases of 16, the server's combine function of array_agg forgets which
-- elements of an array are null if only the first state has such elements.
CREATE FUNCTION forgets_nulls(agg text) RETURNS bool LANGUAGE sql STABLE AS $$
	SELECT agg = 'array_agg(anyarray)' AND current_setting('server_version_num')::int BETWEEN 160000 AND 160002
$$;

CREATE TABLE tried (agg text, call text, combines bool, created bool, sqlstate text, message text, hint text, n int);
DO $$
DECLARE
	a record;
	i int := 0;
	h text;
BEGIN
	FOR a IN
		SELECT p.oid::regprocedure::text AS name, aggregate_call(p.oid) AS call,
			aggcombinefn <> 0 AND aggtranstype <> 'record'::regtype
				AND (aggtranstype <> 'internal'::regtype OR (aggserialfn <> 0 AND aggdeserialfn <> 0)) AS combines
		FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
		WHERE p.oid < 16384
			-- these want every name once; and 18 has min and max of records, whose type cannot be stored
			AND proname !~ '_unique' AND NOT (proname IN ('min', 'max') AND proargtypes[0] = 'record'::regtype)
		ORDER BY p.oid::regprocedure::text COLLATE "C"
	LOOP
		i := i + 1;
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW a_%s WITH (streaming.continuous) AS SELECT k, %s AS r FROM s GROUP BY k', i, a.call);
			INSERT INTO tried VALUES (a.name, a.call, a.combines, true, NULL, NULL, NULL, i);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT;
			INSERT INTO tried VALUES (a.name, a.call, a.combines, false, SQLSTATE, SQLERRM, h, i);
		END;
	END LOOP;
END $$;

-- all are maintained: those that can be combined, and others from rows that are kept
SELECT agg, sqlstate, message, hint FROM tried WHERE NOT created ORDER BY agg COLLATE "C";
SELECT agg FROM tried WHERE NOT combines AND agg ~ '^(cume_dist|json_agg|mode|percentile_cont|rank|xmlagg)\(' ORDER BY agg COLLATE "C";
SELECT count(*) > 100 AS many, bool_and(streaming.wait(view)) FROM streaming.views;
INSERT INTO s SELECT * FROM input WHERE batch = 2;
SELECT count(*) > 100 AS many, bool_and(streaming.wait(view)) FROM streaming.views;
SELECT agg, check_view(('a_' || n)::regclass, by_text => true) FROM tried WHERE created
	AND check_view(('a_' || n)::regclass, by_text => true) <> 'ok' AND NOT forgets_nulls(agg) ORDER BY agg COLLATE "C";

-- without keys, in one view; and with nothing but NULLs, in another
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW all_in_one WITH (streaming.continuous) AS SELECT '
			|| string_agg(call || ' AS a' || n, ', ' ORDER BY n) || ' FROM s' FROM tried WHERE created);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW all_of_nulls WITH (streaming.continuous) AS SELECT '
			|| string_agg(call || ' AS a' || n, ', ' ORDER BY n) || ' FROM s WHERE c_int4 IS NULL' FROM tried WHERE created);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW all_of_nothing WITH (streaming.continuous) AS SELECT '
			|| string_agg(call || ' AS a' || n, ', ' ORDER BY n) || ' FROM s WHERE false' FROM tried WHERE created);
	EXECUTE (SELECT 'CREATE MATERIALIZED VIEW all_filtered WITH (streaming.continuous) AS SELECT k, '
			|| string_agg(regexp_replace(call, '\)($|\)::)', ') FILTER (WHERE batch = 2)\1') || ' AS a' || n, ', ' ORDER BY n) || ' FROM s GROUP BY k' FROM tried WHERE created);
END $$;
SELECT view, streaming.wait(view), check_view(view, by_text => true) FROM streaming.views WHERE view::text LIKE 'all%' ORDER BY view::text COLLATE "C";
INSERT INTO s SELECT * FROM input;
SELECT view, streaming.wait(view), check_view(view, by_text => true) FROM streaming.views WHERE view::text LIKE 'all%' ORDER BY view::text COLLATE "C";
SELECT count(*) > 100 AS many, bool_and(streaming.wait(view)) FROM streaming.views;
SELECT agg, check_view(('a_' || n)::regclass, by_text => true) FROM tried WHERE created AND check_view(('a_' || n)::regclass, by_text => true) <> 'ok' AND NOT forgets_nulls(agg);

DROP TABLE s CASCADE;
DROP TABLE tried, input;
DROP FUNCTION aggregate_call, argument, forgets_nulls;
DROP TYPE grade;
SELECT * FROM leftovers();

-- the values at which overflow and precision matter
CREATE TABLE s (i int8, n numeric, f float8, iv interval) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT count(*), sum(i) AS si, avg(i) AS ai, variance(i) AS vi, sum(n) AS sn, avg(n) AS an, stddev_pop(n) AS dn, sum(iv) AS siv, avg(iv) AS aiv,
		min(n), max(n) AS mx, bit_and(i) AS ba, bit_xor(i) AS bx
	FROM s;
CREATE MATERIALIZED VIEW f WITH (streaming.continuous) AS
	SELECT sum(f), avg(f), variance(f), regr_slope(f, f), corr(f, f * 2), covar_pop(f, i) FROM s;
INSERT INTO s VALUES (9223372036854775807, 1e100, 1, '1 month -1 day'), (9223372036854775807, 1e-100, 2, '23:59:59.999999');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW f;
SELECT check_view('v', by_text => true), check_view('f');
INSERT INTO s VALUES (9223372036854775807, 0.1, 3, '-178000000 years'), (-9223372036854775808, 123456789012345678901234567890.123456789, 4, '1 us');
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW f;
SELECT si, ai, siv FROM v;
SELECT sum, avg, variance FROM f;
SELECT check_view('v', by_text => true), check_view('f');
INSERT INTO s VALUES (NULL, 'NaN', 'NaN', NULL);
REFRESH MATERIALIZED VIEW v;
REFRESH MATERIALIZED VIEW f;
SELECT check_view('v', by_text => true), check_view('f');
DROP TABLE s CASCADE;
