# What failing batches leave behind: nothing in the session, and not too much in
# the log and the catalog.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
streaming.workers = 1
});
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE a;
	CREATE ROLE b;
	GRANT CREATE ON SCHEMA public TO a, b;
	CREATE TABLE s (i int) USING stream;
	GRANT SELECT ON s TO a, b;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT count(*) AS n FROM s;});

# Creates a view of the role that calls a function with this body.
sub create_view
{
	my ($role, $name, $body) = @_;
	$node->safe_psql(
		'postgres', qq{
		SET ROLE $role;
		CREATE FUNCTION $name(i int) RETURNS int LANGUAGE plpgsql STABLE AS
			\$f\$ BEGIN $body RETURN i; END \$f\$;
		CREATE MATERIALIZED VIEW v_$name WITH (streaming.continuous) AS
			SELECT sum($name(i)) AS n FROM s;});
	return;
}

sub drop_view
{
	my ($name) = @_;
	$node->safe_psql('postgres',
		"DROP MATERIALIZED VIEW v_$name; DROP FUNCTION $name");
	return;
}

sub error_of
{
	my ($sql) = @_;
	my ($rc, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	isnt($rc, 0, "fails: $sql");
	return $err;
}

my $has_debug = $node->psql(
	'postgres', q{
	CREATE FUNCTION _debug_advance_clock(interval) RETURNS void
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_advance_clock';},
	on_error_stop => 1) == 0;

# ------------------------------------------------------- in the session

$node->safe_psql('postgres', 'INSERT INTO s VALUES (1)');
create_view('a', 'locks',
	'PERFORM pg_advisory_lock(4711); PERFORM pg_advisory_lock_shared(4711, 1);');
is( $node->safe_psql(
		'postgres', q{
		REFRESH MATERIALIZED VIEW v_locks;
		SELECT n, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')
			FROM v_locks}),
	'1|0',
	'advisory locks do not outlive the batch');
drop_view('locks');
create_view('a', 'fails',
	q{PERFORM pg_advisory_lock(4711); RAISE 'no';});
like(error_of('REFRESH MATERIALIZED VIEW v_fails'), qr/no/, 'a batch fails');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}),
	0,
	'nor one that failed');
drop_view('fails');

$node->safe_psql('postgres', 'SET ROLE a; CREATE SEQUENCE q');
create_view('a', 'counts', q{PERFORM nextval('q');});
create_view('b', 'peeks', q{PERFORM lastval();});
is( $node->safe_psql(
		'postgres',
		'REFRESH MATERIALIZED VIEW v_counts; SELECT n, last_value > 0 FROM v_counts, q'
	),
	'1|t',
	'a sequence is used');
like(
	error_of('REFRESH MATERIALIZED VIEW v_peeks'),
	qr/lastval is not yet defined in this session/,
	'and nobody else sees its last value');
drop_view($_) foreach (qw(counts peeks));

# ---------------------------------------------------------- texts are cut

my $offset = -s $node->logfile;
create_view(
	'a', 'shouts', q{
	RAISE EXCEPTION SQLSTATE '58030' USING
		MESSAGE = 'x' || repeat(U&'\00e4', 3000000),
		DETAIL = repeat(U&'\20ac', 3000000),
		HINT = repeat('h', 3000000);});
ok( $node->poll_query_until(
		'postgres', 'SELECT failures >= 3 FROM streaming._error'),
	'an error with a long message');
is( $node->safe_psql(
		'postgres', q{
		SELECT octet_length(message), right(message, 5),
			octet_length(detail), right(detail, 4), octet_length(hint),
			octet_length(context) < 4096
		FROM streaming._error}),
	"4096|ää...|4095|€...|4096|t",
	'its texts are cut between characters');
wait_logged($node, qr/WARNING:  xä/, $offset);
unlike(substr(slurp_file($node->logfile), $offset), qr/.{20000}/, 'also in the log');
like(error_of('REFRESH MATERIALIZED VIEW v_shouts'), qr/x(ä)+\.\.\./,
	'REFRESH shows it');

# ------------------------------------------- repeated errors are logged once

ok( $node->poll_query_until(
		'postgres', 'SELECT failures >= 6 FROM streaming._error'),
	'it happens again and again');
is(logged($node, qr/WARNING:  xä/, $offset), 1, 'and is logged once');
SKIP:
{
	skip 'not a build with STREAMING_DEBUG=1', 2 unless $has_debug;
	my $failures =
	  $node->safe_psql('postgres', 'SELECT failures FROM streaming._error');
	$node->safe_psql('postgres',
		q{SELECT _debug_advance_clock('11 minutes')});
	ok( $node->poll_query_until(
			'postgres', "SELECT failures > $failures FROM streaming._error"),
		'and after eleven minutes');
	is(logged($node, qr/WARNING:  xä/, $offset), 1, 'is no news');
}
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid)
	FROM pg_stat_activity WHERE backend_type = $$streaming worker$$');
my $before = logged($node, qr/WARNING:  xä/, $offset);
like(error_of('REFRESH MATERIALIZED VIEW v_shouts'), qr/x(ä)+\.\.\./,
	'a new worker fails, too');
is(logged($node, qr/WARNING:  xä/, $offset), $before,
	'and knows that it was logged');
drop_view('shouts');

# another message is news
create_view('a', 'varies',
	q{RAISE EXCEPTION SQLSTATE '58030' USING MESSAGE = 'at ' || clock_timestamp();}
);
ok( $node->poll_query_until(
		'postgres', 'SELECT failures >= 3 FROM streaming._error'),
	'different errors');
cmp_ok(wait_logged($node, qr/WARNING:  at /, $offset, 3), '>=', 3, 'are all logged');
drop_view('varies');

# ----------------------------------------- errors that look like lock conflicts

my @conflicts = ('55P03', '40P01');
foreach my $sqlstate (@conflicts)
{
	my $name = lc "pretends_$sqlstate";
	$node->safe_psql('postgres',
		"CREATE SEQUENCE attempts_$sqlstate; GRANT ALL ON SEQUENCE attempts_$sqlstate TO a");
	create_view('a', $name,
		"PERFORM nextval('attempts_$sqlstate'); RAISE EXCEPTION SQLSTATE '$sqlstate';");
}
foreach my $sqlstate (@conflicts)
{
	my $name = lc "pretends_$sqlstate";
	ok( $node->poll_query_until(
			'postgres',
			"SELECT sqlstate = '$sqlstate' FROM streaming._error WHERE viewid = 'v_$name'::regclass"),
		"$sqlstate becomes a failure");
	cmp_ok($node->safe_psql('postgres', "SELECT last_value FROM attempts_$sqlstate"),
		'<', 20, 'after few attempts');
	drop_view($name);
}

is( $node->safe_psql(
		'postgres',
		'REFRESH MATERIALIZED VIEW v; SELECT n = (SELECT count(*) FROM s) FROM v'
	),
	't',
	'all the while, others go on');

# ------------------------------- a view that is dropped while it is recorded

SKIP:
{
	my ($ret) = $node->psql('postgres', q{
		CREATE FUNCTION _debug_arm(text, text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_arm';
		CREATE FUNCTION _debug_disarm(text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_disarm';
		CREATE FUNCTION _debug_waiting(text) RETURNS int LANGUAGE c AS 'streaming', 'stream_debug_waiting';},
		on_error_stop => 1);
	skip 'no test build', 5 if $ret != 0;
	$node->safe_psql('postgres', q{SELECT _debug_arm('failure-before-record', 'wait')});
	create_view('a', 'goes', 'RAISE division_by_zero;');
	$node->poll_query_until('postgres', q{SELECT _debug_waiting('failure-before-record') > 0}) or die 'it does not fail';
	my ($out, $err) = ('', '');
	my $drop = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'DROP MATERIALIZED VIEW v_goes' ],
		'<', \undef, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', q{SELECT to_regclass('v_goes') IS NULL OR EXISTS
		(SELECT FROM pg_stat_activity WHERE query ~ '^DROP MATERIALIZED VIEW v_goes' AND wait_event_type = 'Lock')})
	  or die 'DROP does not come';
	$node->safe_psql('postgres', q{SELECT _debug_disarm('failure-before-record')});
	$drop->finish;
	# the worker has written by then
	$node->safe_psql('postgres', 'INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW v');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM streaming._error WHERE viewid NOT IN (SELECT viewid FROM streaming._view)') . $err,
		'0', 'nothing stays of a view that is dropped while its failure is recorded');

	# The record is about to go with a batch that ends well, and with a command.
	for my $command ('DROP MATERIALIZED VIEW v_mended', q{ALTER MATERIALIZED VIEW v_mended SET (streaming.group = 'other')})
	{
		create_view('a', 'mended', 'RAISE division_by_zero;');
		$node->poll_query_until('postgres', q{SELECT failures > 0 FROM streaming.views WHERE view = 'v_mended'::regclass})
		  or die 'it does not fail';
		$node->safe_psql('postgres', q{SELECT _debug_arm('failure-cleared', 'wait');
			CREATE OR REPLACE FUNCTION mended(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i; END'});
		$node->poll_query_until('postgres', q{SELECT _debug_waiting('failure-cleared') > 0}) or die 'it is not cleared';
		my $waits = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $command ],
			'<', \undef, '>', \$out, '2>', \$err);
		$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE query ~ '^(DROP|ALTER) MATERIALIZED VIEW v_mended' AND wait_event_type = 'Lock')}) or die "$command does not come";
		$node->safe_psql('postgres', q{SELECT _debug_disarm('failure-cleared')});
		$waits->finish;
		is($err, '', "$command beside a worker that clears its failure");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM streaming._error'), 0, '... which goes once');
		$node->safe_psql('postgres', 'SET client_min_messages = error; DROP MATERIALIZED VIEW IF EXISTS v_mended; DROP FUNCTION mended');
	}
}
$node->stop;
done_testing();
