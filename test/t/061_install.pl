# CREATE EXTENSION into a schema that somebody else has filled with functions,
# operators, types and relations of the names that the script uses, with
# arguments that fit better than those of the server's own: none is taken.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'streaming'\n");
$node->start;

# What the views of an installation use, as their rules say: dependencies on
# what is the server's own are not recorded.
my $used = q{
	SELECT DISTINCT m[1] AS kind, m[2]::oid AS id
	FROM pg_rewrite r
		JOIN pg_depend d ON d.classid = 'pg_class'::regclass
			AND d.objid = r.ev_class AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'streaming',
		regexp_matches(r.ev_action,
			':(funcid|opfuncid|aggfnoid|opno|sortop|eqop) (\d+)', 'g') m
	WHERE m[2] <> '0'};
my $used_functions = qq{SELECT id FROM ($used) u
	WHERE kind IN ('funcid', 'opfuncid', 'aggfnoid')};
my $used_operators = qq{SELECT id FROM ($used) u
	WHERE kind IN ('opno', 'sortop', 'eqop')};
$node->safe_psql('postgres', 'CREATE EXTENSION streaming');
my $functions = $node->safe_psql('postgres', qq{
	SELECT DISTINCT proname FROM pg_proc
	WHERE oid IN ($used_functions) AND pronamespace = 'pg_catalog'::regnamespace});
my $operators = $node->safe_psql('postgres', qq{
	SELECT DISTINCT oprname FROM pg_operator WHERE oid IN ($used_operators)});
cmp_ok(scalar(split /\n/, $functions), '>', 10, 'functions that the views use');
cmp_ok(scalar(split /\n/, $operators), '>', 1, 'operators that the views use');

# And every word of the script: a function, type or relation may have its name.
my $sharedir = $node->config_data('--sharedir');
my $script = slurp_file("$sharedir/extension/streaming--1.0.sql");
my %words = map { $_ => 1 } $script =~ /\b([a-z_][a-z_0-9]*)\b/g;
$words{$_} = 1 foreach split /\n/, $functions;
my $words = join ',', map { "'$_'" } sort keys %words;

$node->safe_psql('postgres', q{
	CREATE ROLE hostile;
	CREATE DATABASE attacked;});
$node->safe_psql('attacked', 'CREATE SCHEMA hostile AUTHORIZATION hostile');
$node->safe_psql('attacked', qq{
	SET ROLE hostile;
	SET search_path = pg_catalog;
	SET check_function_bodies = off;
	CREATE TABLE hostile.called (what pg_catalog.text);
	CREATE FUNCTION hostile.make(name text, args text, result text, is_set bool)
	RETURNS void LANGUAGE plpgsql AS \$make\$
	BEGIN
		EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s %s LANGUAGE sql AS %L',
			name, args, CASE WHEN is_set THEN 'SETOF' END, result,
			format('INSERT INTO hostile.called VALUES (%L); SELECT NULL::%s',
				name || '(' || args || ')', result));
	EXCEPTION WHEN duplicate_function OR invalid_function_definition THEN
		NULL;
	END \$make\$;

	-- functions
	DO \$do\$
	DECLARE
		types text[] := ARRAY['text', 'name', 'oid', 'regclass', 'int2', 'int4',
			'int8', 'numeric', 'float4', 'float8', 'bool', '"char"', 'timestamptz', 'timestamp',
			'interval', 'text[]', 'oid[]', 'regclass[]', 'anyelement'];
		f record;
		t text;
		u text;
		args text[];
	BEGIN
		FOR f IN
			SELECT p.proname, p.pronargs, bool_or(p.proretset) AS is_set,
				min(CASE WHEN r.typtype = 'p' THEN 'pg_catalog.text'
					ELSE format('pg_catalog.%I', r.typname) END) AS result
			FROM pg_proc p JOIN pg_type r ON r.oid = p.prorettype
			WHERE p.pronamespace = 'pg_catalog'::regnamespace
				AND p.proname IN ($words) AND p.prokind <> 'p'
				AND p.pronargs BETWEEN 1 AND 2
			GROUP BY p.proname, p.pronargs
		LOOP
			FOREACH t IN ARRAY types LOOP
				IF f.pronargs = 1 THEN
					PERFORM hostile.make(f.proname, t, f.result, f.is_set);
					PERFORM hostile.make(f.proname, 'VARIADIC ' || CASE t
							WHEN 'anyelement' THEN 'anyarray' ELSE t || '[]' END,
						f.result, f.is_set) WHERE t NOT LIKE '%[]';
				ELSE
					FOREACH u IN ARRAY types LOOP
						PERFORM hostile.make(f.proname, t || ', ' || u,
							f.result, f.is_set);
					END LOOP;
				END IF;
			END LOOP;
		END LOOP;
	END \$do\$;

	-- operators
	DO \$do\$
	DECLARE
		types text[] := ARRAY['text', 'name', 'oid', 'regclass', 'int2', 'int4',
			'int8', 'float4', 'bool', '"char"', 'text[]', 'oid[]', 'anyelement'];
		o text;
		t text;
		u text;
		n int := 0;
	BEGIN
		FOREACH o IN ARRAY string_to_array('$operators', E'\\n')
			|| ARRAY['<>', '<', '>', '<=', '>=', '~', '~~', '+', '-', '&&', '\@>']
		LOOP
			n := n + 1;
			FOREACH t IN ARRAY types LOOP
				FOREACH u IN ARRAY types LOOP
					PERFORM hostile.make('operator' || n, t || ', ' || u,
						CASE o WHEN '||' THEN 'pg_catalog.text'
							ELSE 'pg_catalog.bool' END, false);
					BEGIN
						EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.operator%s)',
							o, t, u, n);
					EXCEPTION WHEN duplicate_function OR undefined_function THEN
						NULL;
					END;
				END LOOP;
			END LOOP;
		END LOOP;
	END \$do\$;

	-- types and relations
	DO \$do\$
	DECLARE
		n name;
	BEGIN
		FOR n IN SELECT typname FROM pg_type
			WHERE typnamespace = 'pg_catalog'::regnamespace AND typrelid = 0
				AND typname IN ($words)
		LOOP
			EXECUTE format('CREATE DOMAIN hostile.%I AS pg_catalog.int4', n);
		END LOOP;
		FOR n IN SELECT relname FROM pg_class
			WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
				AND relname IN ($words)
		LOOP
			EXECUTE format('CREATE VIEW hostile.%I AS SELECT oid FROM pg_catalog.pg_class', n);
		END LOOP;
	END \$do\$;});
cmp_ok( $node->safe_psql('attacked', q{
		SELECT count(*) FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace}),
	'>', 1000, 'decoys of functions');
cmp_ok( $node->safe_psql('attacked', q{
		SELECT count(*) FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace}),
	'>', 1000, 'decoys of operators');
$node->safe_psql('attacked', q{
	CREATE TABLE public.decoys AS
		SELECT 'pg_proc'::regclass AS class, oid FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace
		UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace
		UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = 'hostile'::regnamespace
		UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = 'hostile'::regnamespace});

# The decoys work: this is how a script that is not careful is caught.
$node->safe_psql('attacked', q{
	SET search_path = hostile;
	SELECT pg_has_role('postgres'::pg_catalog.text, 'USAGE'::pg_catalog.text)});
is($node->safe_psql('attacked', 'SELECT what FROM hostile.called'),
	'pg_has_role(text, text)', 'a decoy takes a call that is not qualified');
$node->safe_psql('attacked', 'TRUNCATE hostile.called');

my ($ret, $out, $err) =
  $node->psql('attacked', 'CREATE EXTENSION streaming SCHEMA hostile');
is($ret, 0, "CREATE EXTENSION in the schema: $err");

# What of ours depends on a decoy.
my $caught = q{
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' -> '
		|| pg_describe_object(d.refclassid, d.refobjid, 0)
	FROM pg_depend d JOIN decoys y ON y.class = d.refclassid AND y.oid = d.refobjid
	WHERE d.deptype = 'n'
		AND NOT EXISTS (SELECT FROM decoys z WHERE z.class = d.classid AND z.oid = d.objid)
		AND pg_identify_object(d.classid, d.objid, 0) IS NOT NULL
		AND d.classid <> 'pg_rewrite'::regclass
	UNION
	SELECT pg_describe_object('pg_class'::regclass, r.ev_class, 0) || ' -> '
		|| pg_describe_object(d.refclassid, d.refobjid, 0)
	FROM pg_depend d JOIN decoys y ON y.class = d.refclassid AND y.oid = d.refobjid
		JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
	WHERE r.ev_class NOT IN (SELECT oid FROM decoys)
	ORDER BY 1};
is($node->safe_psql('attacked', $caught),
	'', 'nothing of the extension depends on a decoy');
# ... nor on anything but the server's, its own and what the script has made.
is( $node->safe_psql('attacked', qq{
		SELECT id::regprocedure::text FROM ($used_functions) u JOIN pg_proc p ON p.oid = id
		WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'streaming'::regnamespace)
		UNION ALL
		SELECT id::regoperator::text FROM ($used_operators) u JOIN pg_operator o ON o.oid = id
		WHERE oprnamespace <> 'pg_catalog'::regnamespace}),
	'', 'its views use what is the server\'s and its own');
is($node->safe_psql('attacked', 'SELECT DISTINCT what FROM hostile.called'),
	'', 'no decoy was called by the script');

# It works, and who uses it with that schema in the path is not caught either.
$node->safe_psql('attacked', q{
	CREATE TABLE public.s (ts timestamptz, k int) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
	INSERT INTO public.s VALUES ('2026-01-01 10:00:10+00', 1), ('2026-01-01 10:05+00', 1);});
$node->safe_psql('attacked', q{
	SET search_path = hostile;
	CREATE MATERIALIZED VIEW public.v
		WITH (streaming.continuous, streaming.late_rows = keep) AS
		SELECT hostile.tumble(ts, '1 minute'::pg_catalog.interval) AS w,
			pg_catalog.count(*) AS n FROM public.s GROUP BY 1;
	REFRESH MATERIALIZED VIEW public.v;
	INSERT INTO public.s VALUES ('2026-01-01 10:00:20+00', 1);
	REFRESH MATERIALIZED VIEW public.v;
	TABLE streaming.views;
	TABLE streaming.streams;
	TABLE streaming.errors;
	SELECT streaming.explain('public.v'::pg_catalog.regclass);
	SELECT streaming.wait('public.v'::pg_catalog.regclass);
	SELECT * FROM hostile.tumble('2026-01-01 10:00:10+00'::pg_catalog.timestamptz,
		'1 minute'::pg_catalog.interval);
	SELECT * FROM hostile.hop('2026-01-01 10:00:10+00'::pg_catalog.timestamptz,
		'1 minute'::pg_catalog.interval, '30 seconds'::pg_catalog.interval);});
is( $node->safe_psql('attacked', q{
		SET timezone = UTC;
		SELECT w, n FROM public.v ORDER BY w}),
	qq{["2026-01-01 10:00:00+00","2026-01-01 10:01:00+00")|1
["2026-01-01 10:05:00+00","2026-01-01 10:06:00+00")|1}, 'a view works');
is( $node->safe_psql('attacked', q{
		SELECT view, state, late_rows FROM streaming.views;
		SELECT stream, event_time, options FROM streaming.streams;
		SELECT reason FROM streaming.errors}),
	qq{v|running|1
s|ts|{streaming.event_time=ts,"streaming.watermark=1 minute"}
late}, '... and is shown');
is($node->safe_psql('attacked', $caught), '', 'it depends on no decoy');
is($node->safe_psql('attacked', 'SELECT DISTINCT what FROM hostile.called'),
	'', 'no decoy was called by its use');

$node->stop;
done_testing();
