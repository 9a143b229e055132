# Batches that end their process, or crash the server, again and again: the view
# fails for good after a few, and all others go on.
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
restart_after_crash = on
streaming.workers = 1
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (i int) USING stream;
	CREATE MATERIALIZED VIEW other WITH (streaming.continuous) AS
		SELECT count(*) AS n FROM s;});

# A view that calls a volatile function with this body, by way of a stable one, for
# each row but 0; it waits until something is committed.
sub create_view
{
	my ($name, $body) = @_;
	$node->safe_psql(
		'postgres', qq{
		CREATE FUNCTION do_$name() RETURNS void LANGUAGE plpgsql AS
			\$f\$ BEGIN $body END \$f\$;
		CREATE FUNCTION $name(i int) RETURNS int LANGUAGE plpgsql STABLE AS
			\$f\$ BEGIN IF i <> 0 THEN PERFORM do_$name(); END IF; RETURN i; END \$f\$;
		CREATE MATERIALIZED VIEW v_$name WITH (streaming.continuous) AS
			SELECT count($name(i)) AS n FROM s WITH NO DATA;});
	return;
}

# What streaming.views says, once it is so.  The server may be about to crash.
sub fails_for_good
{
	my ($name, $sqlstate) = @_;
	return poll_crashing(
		$node, qq{
		SELECT state = 'failed' AND last_error_sqlstate = '$sqlstate'
			FROM streaming.views WHERE view = 'v_$name'::regclass});
}

# It reads what it has not yet, when it does no harm any more.
sub recovers
{
	my ($name) = @_;
	return $node->safe_psql(
		'postgres', qq{
		CREATE OR REPLACE FUNCTION do_$name() RETURNS void LANGUAGE sql AS '';
		REFRESH MATERIALIZED VIEW v_$name;
		SELECT v.n = (SELECT count(*) FROM s), state
			FROM v_$name v, streaming.views WHERE view = 'v_$name'::regclass;});
}

# ----------------------------------------------------- a crash of the server

create_view('crashes',
	q{EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());});
my $offset = -s $node->logfile;
$node->psql('postgres', 'INSERT INTO s VALUES (1)');
ok(fails_for_good('crashes', '57P02'),
	'a view whose batches crash the server fails for good');
is(logged($node, qr/all server processes terminated; reinitializing/, $offset),
	6, '... after the second crash and five strikes');
like(
	$node->safe_psql('postgres',
		q{SELECT last_error FROM streaming.views WHERE view = 'v_crashes'::regclass}
	),
	qr/6 batches in a row of continuous view "public.v_crashes" did not end/,
	'... and says why');
is( $node->safe_psql(
		'postgres', q{
		INSERT INTO s VALUES (2);
		SELECT streaming.wait('other');
		SELECT n = (SELECT count(*) FROM s) FROM other;}),
	"t\nt",
	'others go on');
like(recovers('crashes'), qr/^t\|(?!failed)/,
	'and so does it, when it is mended');

# ------------------------------- a crash that a batch has nothing to do with

create_view('long', q{PERFORM pg_sleep(600);});
$node->safe_psql('postgres', 'INSERT INTO s VALUES (7)');
for (1 .. 3)
{
	poll_crashing(
		$node, q{
		SELECT count(*) > 0 FROM pg_stat_activity
			WHERE backend_type = 'streaming worker' AND wait_event = 'PgSleep'})
	  or die 'the long batch does not run';
	$offset = -s $node->logfile;
	$node->psql('postgres',
		q{COPY (SELECT) TO PROGRAM 'kill -9 $PPID'; SELECT pg_sleep(60)});
	wait_crashed($node, $offset);
}
poll_crashing(
	$node, q{
	SELECT count(*) > 0 FROM pg_stat_activity
		WHERE backend_type = 'streaming worker' AND wait_event = 'PgSleep'})
  or die 'the long batch does not run';
is( $node->safe_psql(
		'postgres',
		q{SELECT failures, last_error FROM streaming.views WHERE view = 'v_long'::regclass}),
	'0|',
	'a view whose batches ran when others crashed the server has not failed');
$node->safe_psql('postgres', q{
	CREATE OR REPLACE FUNCTION do_long() RETURNS void LANGUAGE sql AS '';
	SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		WHERE backend_type = 'streaming worker';});
is( $node->safe_psql(
		'postgres', 'REFRESH MATERIALIZED VIEW v_long; SELECT n FROM v_long'),
	1, '... and goes on');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW v_long');

# ------------------------------------------- the end of the process alone

SKIP:
{
	skip 'transaction_timeout is since PostgreSQL 17', 5
	  if $node->pg_version < 17;

	$node->append_conf('postgresql.conf', 'transaction_timeout = 1s');
	$node->reload;
	local $ENV{PGOPTIONS} = '-c transaction_timeout=0';
	create_view('slow', q{PERFORM pg_sleep(2);});
	$node->safe_psql('postgres', 'INSERT INTO s VALUES (3)');
	is( $node->safe_psql(
			'postgres', q{
			SELECT streaming.wait('v_slow', '180 s');}),
		't',
		'transaction_timeout of the server is not for batches');
	$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW v_slow');

	create_view('ends',
		q{PERFORM set_config('transaction_timeout', '10ms', true), pg_sleep(60);});
	$offset = -s $node->logfile;
	$node->safe_psql('postgres', 'INSERT INTO s VALUES (4)');
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY sqlstate\nSELECT streaming.wait('v_ends', '120 s')");
	like($err, qr/57P02/,
		'who waits for a view whose batches end the worker learns of it');
	ok(fails_for_good('ends', '57P02'), '... which fails for good');
	is( $node->safe_psql(
			'postgres', q{
			INSERT INTO s VALUES (5);
			SELECT streaming.wait('other');
			SELECT n = (SELECT count(*) FROM s) FROM other;}),
		"t\nt",
		'others go on');
	is(logged($node, qr/reinitializing/, $offset), 0, 'nothing crashed');
}

done_testing();
