# ALTER EXTENSION streaming UPDATE from 0.9, a snapshot of the install script that
# is kept for this test: the objects are those of a new 1.0, and views of all kinds
# go on.  A database in which everything is the same, but for the update, says what
# they must be (test/upgrade/check.sql, which pg_upgrade is tested with, too).
use strict;
use warnings;
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $dir = "$ENV{TESTDIR}/upgrade";
my $source = "$ENV{TESTDIR}/../sql/streaming--0.9.sql";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
autovacuum = off
});

# make install leaves it out
my $installed =
  $node->config_data('--sharedir') . '/extension/streaming--0.9.sql';
copy($source, $installed) or BAIL_OUT("could not copy to $installed: $!");
END { unlink $installed if defined $installed; }

$node->start;

sub run_file
{
	my ($dbname, $file, @params) = @_;
	my ($out, $err) = ('', '');
	$node->psql(
		$dbname, undef,
		stdout => \$out,
		stderr => \$err,
		extra_params => [ '-q', '-v', 'ON_ERROR_STOP=1', @params, '-f', "$dir/$file" ]);
	is($err, '', "$dbname: $file @params");
	return $out;
}

# ------------------------------------------------------------ the same objects

# What belongs to the extension, in all its parts.
my $inventory = q{
	SET search_path = pg_catalog;
	WITH members AS (
		SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e
			ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		WHERE e.extname = 'streaming' AND d.deptype = 'e'),
	lines AS (
	SELECT classid, objid, 'is' AS what, obj_description(objid, relname) AS line
	FROM members JOIN pg_class c ON c.oid = classid
	UNION ALL SELECT classid, objid, 'function', pg_get_functiondef(objid)
	FROM members WHERE classid = 'pg_proc'::regclass
	UNION ALL SELECT classid, objid, 'acl', (SELECT string_agg(a::text, ' ' ORDER BY a::text)
		FROM unnest(COALESCE(p.proacl, c.relacl, n.nspacl)) a)
	FROM members
		LEFT JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
		LEFT JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
		LEFT JOIN pg_namespace n ON classid = 'pg_namespace'::regclass AND n.oid = objid
	UNION ALL SELECT classid, objid, 'relation',
		row(relkind, relpersistence, reloptions, (SELECT amname FROM pg_am WHERE oid = relam),
			relnatts, pg_get_userbyid(relowner))::text
	FROM members JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
	UNION ALL SELECT classid, objid, 'column',
		row(attnum, attname, atttypid::regtype, attnotnull, attstorage, attisdropped, attacl,
			pg_get_expr(adbin, adrelid), col_description(objid, attnum))::text
	FROM members JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid
		LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attnum > 0
	UNION ALL SELECT classid, objid, 'view', pg_get_viewdef(objid)
	FROM members JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
	WHERE relkind = 'v'
	UNION ALL SELECT classid, objid, 'index', pg_get_indexdef(indexrelid)
	FROM members JOIN pg_index ON classid = 'pg_class'::regclass AND indrelid = objid
	UNION ALL SELECT classid, objid, 'constraint', conname || ' ' || pg_get_constraintdef(c.oid)
	FROM members JOIN pg_constraint c ON classid = 'pg_class'::regclass AND conrelid = objid
	UNION ALL SELECT classid, objid, 'trigger', pg_get_triggerdef(t.oid)
		|| COALESCE(obj_description(t.oid, 'pg_trigger'), '')
	FROM members JOIN pg_trigger t ON classid = 'pg_class'::regclass AND tgrelid = objid
	UNION ALL SELECT classid, objid, 'initial privileges', row(m.objsubid, privtype,
		(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(initprivs) a))::text
	FROM members JOIN pg_init_privs m ON m.classoid = classid AND m.objoid = objid)
	SELECT pg_describe_object(classid, objid, 0), what, line FROM lines
	ORDER BY 1, 2, 3};

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('postgres', 'CREATE DATABASE updated');
$node->safe_psql('fresh', 'CREATE EXTENSION streaming');
$node->safe_psql('updated', "CREATE EXTENSION streaming VERSION '0.9'");
my $fresh = $node->safe_psql('fresh', $inventory);
cmp_ok(scalar(split /\n/, $fresh), '>', 100, 'what belongs to the extension');
isnt($node->safe_psql('updated', $inventory), $fresh, '0.9 is something else');
$node->safe_psql('updated', 'ALTER EXTENSION streaming UPDATE');
is($node->safe_psql('updated', $inventory), $fresh, 'updated, it is 1.0');

# ------------------------------------------------------------ a database of 0.9

sub fill
{
	my ($dbname) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	run_file($dbname, 'views.sql');
	run_file($dbname, 'rows.sql', '-v', 'part=1');
	run_file($dbname, 'refresh.sql');
	run_file($dbname, 'trouble.sql');
	run_file($dbname, 'rows.sql', '-v', 'part=2');
	run_file($dbname, 'refresh.sql');
	$node->safe_psql($dbname, "SELECT streaming.wait('shop.eager')");
}
fill('twin');
fill('old');

# Makes 0.9 of what 1.0 has made: the tables and functions as that version's script
# has them, and views in append mode that are read by its function.  The library
# must not be there, which would refuse all of it.
my $script = slurp_file($source);
$script =~ s/MODULE_PATHNAME/\$libdir\/streaming/g;
my @statements = map { s/^(\s*(--.*)?\n)+//r } split /;\n/, $script;

sub of_0_9
{
	my ($pattern) = @_;
	my @found = grep { /^$pattern/ } @statements;
	cmp_ok(scalar(@found), '>', 0, "0.9 has: $pattern");
	return map { "$_;\n" } @found;
}

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
$node->safe_psql('old', join '', of_0_9('CREATE FUNCTION streaming._closed'));
my @append = split /\n/, $node->safe_psql('old', q{
	SELECT viewid::regclass FROM streaming._view
	WHERE 'append' = ANY (option_values)});
is(scalar(@append), 4, 'views in append mode');
foreach my $view (@append)
{
	my $query = $node->safe_psql('old', "SELECT pg_get_viewdef('$view')");
	my $local = $query =~ /UTC/ ? '_local' : '';
	$query =~
	  s/\( SELECT (?:(?!SELECT).)*?closed(?:(?!SELECT).)*?viewid = \D*(\d+)\D*?::oid\)\)/( SELECT streaming._closed$local($1, false))/s
	  or fail("the query of $view: $query");
	$node->safe_psql('old', "CREATE OR REPLACE VIEW $view AS $query");
}
my @gone = (
	'VIEW streaming.views', 'VIEW streaming.errors',
	'VIEW streaming.streams', 'FUNCTION streaming._stream_status(oid)',
	'FUNCTION streaming._inputs(oid)', 'FUNCTION streaming._definition(oid)',
	'VIEW streaming.progress', 'FUNCTION streaming._batches()',
	'VIEW streaming.windows', 'FUNCTION streaming._windows()',
	'FUNCTION streaming.delete_errors(regclass, timestamptz)',
	'FUNCTION streaming.release(regclass)',
	'FUNCTION streaming.reset(regclass)',
	'PROCEDURE streaming.replace(regclass, text)',
	'FUNCTION streaming.retry(regclass)',
	'FUNCTION streaming.check_pages(regclass)',
	'FUNCTION streaming._merged_session(tstzrange)',
	'FUNCTION streaming._merged_session(tsrange)',
	'TABLE streaming._release',
	'TABLE streaming._mark',
	'FUNCTION streaming._dumped()',
	'FUNCTION streaming.attach(regclass)',
	'TABLE streaming._dump',
	'FUNCTION streaming._take_dump()',
	'TABLE streaming._restore',
	'FUNCTION streaming._hop_first_end(timestamptz, interval, interval, interval, text)',
	'FUNCTION streaming._hop_first_end(timestamp, interval, interval, interval)',
	'FUNCTION streaming._tumble_start(timestamptz, interval, interval)',
	'FUNCTION streaming._tumble_start(timestamp, interval, interval)',
	'FUNCTION streaming._on_time(timestamptz, timestamptz, internal)',
	'FUNCTION streaming._on_time(timestamp, timestamp, internal)',
	'FUNCTION streaming._on_time(timestamptz, timestamptz, internal, timestamptz)',
	'FUNCTION streaming._on_time(timestamp, timestamp, internal, timestamp)');
my @made = (
	'VIEW streaming.views', 'VIEW streaming.errors',
	'VIEW streaming.streams', 'TABLE streaming._view',
	(map { "TABLE streaming.$_" } qw(_progress _progress_unlogged _rejection)),
	'FUNCTION streaming._closed(oid, boolean)',
	'FUNCTION streaming._closed_local(oid, boolean)',
	'FUNCTION streaming._on_time(timestamptz, timestamptz)',
	'FUNCTION streaming._on_time(timestamp, timestamp)');
$node->safe_psql(
	'old',
	join '',
	(map { "ALTER EXTENSION streaming DROP $_; DROP $_;\n" } @gone),
	'CREATE TABLE saved_views AS TABLE streaming._view;
	ALTER EXTENSION streaming DROP TABLE streaming._view;
	DROP TABLE streaming._view;',
	of_0_9('CREATE TABLE streaming._view '),
	of_0_9('COMMENT ON TABLE streaming._view '),
	'INSERT INTO streaming._view SELECT viewid, definition, state, COALESCE(below[1], 0), streams,
		unlogged, option_names, option_values, settings FROM saved_views;
	DROP TABLE saved_views;',
	(map { "CREATE TABLE saved$_ AS TABLE streaming.$_;
		ALTER EXTENSION streaming DROP TABLE streaming.$_;
		DROP TABLE streaming.$_;\n" } qw(_progress _progress_unlogged _rejection)),
	of_0_9('CREATE TABLE streaming._progress '),
	of_0_9('COMMENT ON TABLE streaming._progress '),
	of_0_9('ALTER TABLE streaming._progress '),
	of_0_9('CREATE UNLOGGED TABLE streaming._progress_unlogged '),
	of_0_9('COMMENT ON TABLE streaming._progress_unlogged '),
	of_0_9('CREATE TABLE streaming._rejection '),
	of_0_9('CREATE INDEX _rejection_viewid '),
	of_0_9('COMMENT ON TABLE streaming._rejection '),
	(map { "ALTER TABLE saved$_ DROP error_rows,
		ALTER reaped TYPE timestamptz USING COALESCE(reaped[cardinality(reaped)], '-infinity'),
		ALTER reaped_groups TYPE int8 USING COALESCE(reaped_groups[cardinality(reaped_groups)], 0);\n" }
		'_progress', '_progress_unlogged'),
	"ALTER TABLE saved_rejection DROP sqlstate, DROP message, DROP batch, DROP storage;\n",
	(map { "INSERT INTO streaming.$_ SELECT * FROM saved$_;
		DROP TABLE saved$_;\n" } qw(_progress _progress_unlogged _rejection)),
	of_0_9('CREATE FUNCTION streaming._on_time'),
	of_0_9('CREATE VIEW'),
	of_0_9('COMMENT ON FUNCTION streaming.(_on_time|_closed|wait|explain)'),
	of_0_9('COMMENT ON VIEW'),
	of_0_9('GRANT SELECT ON'),
	(map { "ALTER EXTENSION streaming ADD $_;\n" } @made),
	"UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'streaming'");
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'streaming'\n");
$node->restart;

# ---------------------------------------------- the library meets that catalog

my $hint = qr/another version of the extension.*ALTER EXTENSION streaming UPDATE/s;
foreach my $statement (
	'TABLE streaming.views',
	"SELECT streaming.wait('shop.eager')",
	"SELECT streaming.explain('shop.eager')",
	'REFRESH MATERIALIZED VIEW shop.per_url',
	'ALTER MATERIALIZED VIEW shop.per_url SET (streaming.enabled = off)',
	'DROP MATERIALIZED VIEW shop.per_url',
	'DROP VIEW shop.seen',
	'DROP TABLE shop.clicks CASCADE',
	'CREATE MATERIALIZED VIEW shop.n WITH (streaming.continuous) AS SELECT count(*) FROM shop.plain',
	'TRUNCATE shop.plain',
	'VACUUM FULL shop.plain',
	'DROP TABLE shop.parted_1',
	'SELECT FROM shop.final',
	'SELECT FROM shop.final_local')
{
	my ($ret, $out, $err) = $node->psql('old', $statement);
	like($err, $hint, "not before the update: $statement");
}
my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
usleep(100_000)
  until slurp_file($node->logfile) =~
  /\] ERROR: .*another version of the extension/ || $tries-- == 0;
cmp_ok($tries, '>', 0, 'the scheduler says so in the log');
run_file($_, 'rows.sql', '-v', 'part=3') foreach 'old', 'twin';
is( $node->safe_psql('old', q{
	SET client_min_messages = warning;
	CREATE TEMP TABLE other (i int);
	INSERT INTO other VALUES (1);
	SELECT count(*) > 0 FROM shop.per_url}),
	't', 'what is not ours works, and so do streams and what was read');
$node->psql('old', 'BEGIN; ALTER EXTENSION streaming UPDATE; ROLLBACK');
like(($node->psql('old', 'TABLE streaming.views'))[2], $hint, 'rolled back');

# ------------------------------------------------------------------- update

$node->safe_psql('old', 'ALTER EXTENSION streaming UPDATE');
is( $node->safe_psql('old', q{
	SELECT extversion FROM pg_extension WHERE extname = 'streaming'}),
	'1.0', 'updated');
sub without_initial { return join "\n", grep { !/\|initial privileges\|/ } split /\n/, shift; }
is(without_initial($node->safe_psql('old', $inventory)),
	without_initial($fresh), 'it is 1.0');
foreach my $step ('as they stood', 'what was not read', 'going on', 'restarted')
{
	if ($step eq 'going on')
	{
		run_file($_, 'rows.sql', '-v', 'part=4') foreach 'old', 'twin';
	}
	if ($step eq 'restarted')
	{
		$node->restart;
	}
	elsif ($step ne 'as they stood')
	{
		run_file($_, 'refresh.sql') foreach 'old', 'twin';
	}
	$node->safe_psql($_, "SELECT streaming.wait('shop.eager')")
	  foreach 'old', 'twin';
	is(run_file('old', 'check.sql'), run_file('twin', 'check.sql'), $step);
}
is(run_file('old', 'oracle.sql'), '', 'they are what their queries say');
$node->safe_psql('old', q{
	SET client_min_messages = warning;
	DROP SCHEMA shop CASCADE;
	DROP EXTENSION streaming});
is( $node->safe_psql('old', q{
	SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('streaming')}),
	'0', 'all of it can be dropped');

$node->stop;
done_testing();
