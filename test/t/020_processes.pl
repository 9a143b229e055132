# The processes: they come when they are needed, go when they are not, and
# whatever is done to them the views catch up.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
max_prepared_transactions = 5
restart_after_crash = on
});
$node->start;

# in a test build, nobody waits so long, and nobody looks at views for which nothing has
# happened: a commit that is overlooked stays so
if ($node->psql('postgres', 'SHOW streaming.debug_limits') == 0)
{
	$node->append_conf('postgresql.conf',
		"streaming.debug_limits = 'patience=2000, idle=2000'
streaming.debug_mutation = 'agenda_no_polls'\n");
	$node->restart;
}

# ---------------------------------------------------------------- helpers

# Creates the extension and what most tests use: a stream and a view of it.
sub create_view
{
	my ($db) = @_;
	$node->safe_psql(
		$db, q{
		CREATE EXTENSION IF NOT EXISTS streaming;
		CREATE TABLE s (i int) USING stream;
		CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
			SELECT count(*) AS n FROM s;});
	return;
}

# PIDs of the processes of a kind in a database (of all, without one).
sub pids
{
	my ($kind, $db) = @_;
	my $where = defined $db ? "AND datname = '$db'" : '';
	return split /\n/,
	  $node->safe_psql('template1',
		"SELECT pid FROM pg_stat_activity
		 WHERE backend_type = 'streaming $kind' $where ORDER BY 1");
}

# Waits until there are so many of them.
sub wait_pids
{
	my ($kind, $db, $count, $test) = @_;
	my $where = defined $db ? "AND datname = '$db'" : '';
	ok( $node->poll_query_until(
			'template1',
			"SELECT count(*) = $count FROM pg_stat_activity
			 WHERE backend_type = 'streaming $kind' $where"),
		$test);
	return;
}

# Inserts a row and waits until the view shows it.
sub check_alive
{
	my ($db, $test) = @_;
	$node->safe_psql($db, 'INSERT INTO s VALUES (1)');
	ok( $node->poll_query_until(
			$db, 'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
		$test);
	return;
}

# Terminates processes and waits until they are gone.
sub terminate
{
	my @pids = @_;
	my $list = join ',', @pids;
	$node->safe_psql('template1',
		"SELECT pg_terminate_backend(p) FROM unnest(ARRAY[$list]) p");
	$node->poll_query_until('template1',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid IN ($list)")
	  or die "processes $list do not end";
	return;
}

# Runs SQL that has to fail; returns the error.
sub error_of
{
	my ($db, $sql) = @_;
	my ($rc, $out, $err) = $node->psql($db, $sql);
	isnt($rc, 0, "fails: $sql");
	return $err;
}

sub set_option
{
	my ($name, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
	$node->reload;
	return;
}

# ----------------------------------------------- without the extension

wait_pids('launcher', undef, 1, 'a launcher');
wait_pids('scheduler', undef, 0, 'no scheduler without the extension');
is(scalar(pids('worker')), 0, 'no worker without the extension');

# ----------------------------------------------------------- life begins

$node->safe_psql('postgres',
	'CREATE EXTENSION streaming; CREATE TABLE none (i int) USING stream');
wait_pids('scheduler', undef, 0, 'no scheduler without views');
is(scalar(pids('worker')), 0, 'and no worker');
create_view('postgres');
wait_pids('scheduler', 'postgres', 1, 'a view: a scheduler');
# longer than a latch can wait
$node->safe_psql(
	'postgres', q{
	CREATE MATERIALIZED VIEW monthly
		WITH (streaming.continuous, streaming.trigger = '30 days') AS
		SELECT count(*) AS n FROM s;
	REFRESH MATERIALIZED VIEW monthly;
	DROP MATERIALIZED VIEW monthly;});
check_alive('postgres', 'the view follows');
wait_pids('worker', 'postgres', 1, 'one worker for one view');

$node->safe_psql(
	'postgres', q{
	BEGIN;
	INSERT INTO s VALUES (2);
	PREPARE TRANSACTION 'p';});
$node->safe_psql('postgres', q{COMMIT PREPARED 'p'});
ok( $node->poll_query_until(
		'postgres', 'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
	'COMMIT PREPARED');

$node->safe_psql('postgres',
	'INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW v');
is( $node->safe_psql(
		'postgres', 'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
	't',
	'REFRESH has it all');

check_alive('postgres', 'a commit wakes the worker');

like(
	error_of(
		'postgres', q{
		BEGIN;
		CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
			SELECT count(*) FROM s;
		REFRESH MATERIALIZED VIEW w;}),
	qr/in the transaction that created it/,
	'REFRESH in the creating transaction');
like(
	error_of(
		'postgres',
		'BEGIN; LOCK TABLE s; REFRESH MATERIALIZED VIEW v'),
	qr/lock timeout/,
	'REFRESH with a lock that the worker needs');
check_alive('postgres', 'the view follows after a lock timeout');

# ------------------------------------------------------------- terminated

foreach my $kind (qw(worker scheduler launcher))
{
	my @before = pids($kind);
	terminate(@before);
	check_alive('postgres', "$kind terminated: the view follows");
	wait_pids($kind, undef, scalar(@before), "$kind is back");
	isnt(join(',', pids($kind)), join(',', @before), "it is a new $kind");
}
terminate(pids('launcher'), pids('scheduler'), pids('worker'));
check_alive('postgres', 'all terminated: the view follows');

# a worker that another scheduler has started
terminate(pids('scheduler'));
wait_pids('scheduler', 'postgres', 1, 'the scheduler is back');
my @adopted = pids('worker');
terminate(@adopted);
check_alive('postgres', 'adopted worker terminated: the view follows');

# a cancelled batch is tried again
$node->safe_psql('postgres',
	'SELECT pg_cancel_backend(' . (pids('worker'))[0] . ')');
check_alive('postgres', 'worker cancelled: the view follows');

# --------------------------------------------------------------- databases

$node->safe_psql('postgres', 'CREATE DATABASE d1');
create_view('d1');
check_alive('d1', 'a second database');

$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->safe_psql('plain', 'CREATE TABLE t (i int)');
wait_pids('scheduler', 'plain', 0, 'no scheduler where it is not wanted');

$node->safe_psql('postgres', 'CREATE DATABASE d2 TEMPLATE d1');
check_alive('d1', 'a template: its view follows');
check_alive('d2', 'a copy: its view follows');
is($node->safe_psql('d2', 'SELECT n FROM v'),
	2, 'a copy goes on where its template was');

$node->safe_psql('postgres', 'ALTER DATABASE d2 RENAME TO d3');
check_alive('d3', 'a renamed database: its view follows');

my $session = $node->background_psql('d3', on_error_stop => 0);
$session->query('SELECT 1');
like(
	error_of('postgres', 'DROP DATABASE d3'),
	qr/is being accessed by other users/,
	'DROP DATABASE in use');
check_alive('d3', 'DROP DATABASE has failed: the view follows');
$session->quit;

$node->safe_psql('postgres', 'DROP DATABASE d3');
wait_pids('scheduler', 'd3', 0, 'dropped database: no scheduler');
$node->safe_psql('postgres', 'CREATE DATABASE d3');
create_view('d3');
check_alive('d3', 'created again: the view follows');
$node->safe_psql('postgres', 'DROP DATABASE d3 WITH (FORCE)');
check_alive('postgres', 'the others follow');
wait_pids('scheduler', undef, 2, 'two databases, two schedulers');

# Copies of a database in which there is nothing to do take no processes.
$node->safe_psql('postgres', 'CREATE DATABASE empty');
$node->safe_psql('empty',
	'CREATE EXTENSION streaming; CREATE TABLE s (i int) USING stream');
$node->safe_psql('postgres', "CREATE DATABASE empty$_ TEMPLATE empty") for 1 .. 5;
wait_pids('scheduler', undef, 2, 'databases without views: no schedulers');
$node->safe_psql('empty5',
	'CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT count(*) AS n FROM s');
check_alive('empty5', 'the first view of one of them follows');
$node->safe_psql('empty5', 'DROP MATERIALIZED VIEW v');
wait_pids('scheduler', undef, 2, 'and its scheduler goes after the last one');
$node->safe_psql('postgres', "DROP DATABASE empty$_") for ('', 1 .. 5);

# --------------------------------------------------------------- extension

$node->safe_psql('d1', 'DROP EXTENSION streaming CASCADE');
wait_pids('scheduler', 'd1', 0, 'DROP EXTENSION: no scheduler');
wait_pids('worker', 'd1', 0, 'DROP EXTENSION: no worker');
create_view('d1');
check_alive('d1', 'the extension is back: the view follows');
$node->safe_psql('d1',
	'DROP EXTENSION streaming CASCADE; CREATE EXTENSION streaming');
create_view('d1');
check_alive('d1', 'dropped and created at once: the view follows');
$node->safe_psql('postgres', 'DROP DATABASE d1');

# ------------------------------------------------------ paused and failing

set_option('streaming.workers', 1);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE f (i int) USING stream;
	CREATE MATERIALIZED VIEW fv WITH (streaming.continuous) AS
		SELECT sum(10 / i) AS n FROM f;
	CREATE MATERIALIZED VIEW pv WITH (streaming.continuous) AS
		SELECT count(*) AS n FROM s;
	ALTER MATERIALIZED VIEW pv SET (streaming.enabled = false);
	INSERT INTO f VALUES (0);});
check_alive('postgres', 'a failing and a paused view do not disturb');
like(
	error_of('postgres', 'REFRESH MATERIALIZED VIEW fv'),
	qr/division by zero/,
	'REFRESH raises the error of the batch');
like(
	error_of('postgres', 'REFRESH MATERIALIZED VIEW pv'),
	qr/"pv" is paused/,
	'REFRESH of a paused view');
check_alive('postgres', 'they still do not disturb');
$node->safe_psql('postgres',
	'ALTER MATERIALIZED VIEW pv SET (streaming.enabled = true)');
ok( $node->poll_query_until(
		'postgres', 'SELECT (SELECT n FROM pv) = (SELECT count(*) FROM s)'),
	'resumed: the view catches up');

# it gives up, and no other is the worse for it
ok( $node->poll_query_until(
		'postgres',
		q{SELECT failed FROM streaming._error WHERE viewid = 'fv'::regclass}
	),
	'the failing view has failed');
check_alive('postgres', 'the others follow');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW fv');

set_option('streaming.enabled', 'off');
$node->poll_query_until('postgres', "SHOW streaming.enabled", 'off');
like(
	error_of('postgres', 'REFRESH MATERIALIZED VIEW v'),
	qr/"v" is paused/,
	'REFRESH with everything switched off');
$node->safe_psql('postgres', 'INSERT INTO s VALUES (3)');
wait_pids('worker', 'postgres', 0, '... leaves no worker');
set_option('streaming.enabled', 'on');
check_alive('postgres', 'switched on: the view catches up');

$node->safe_psql(
	'postgres', q{
	CREATE TABLE l (i int) USING stream;
	CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql STABLE AS
		'BEGIN PERFORM pg_sleep(600); RETURN i; END';
	CREATE MATERIALIZED VIEW lv WITH (streaming.continuous) AS
		SELECT sum(slow(i)) AS n FROM l;
	INSERT INTO l VALUES (1);});
ok( $node->poll_query_until(
		'postgres',
		q{SELECT state = 'running' FROM streaming.views WHERE view = 'lv'::regclass}
	),
	'a long batch runs');
set_option('streaming.enabled', 'off');
wait_pids('worker', 'postgres', 0, 'switched off: it is ended');
is( $node->safe_psql('postgres',
		q{SELECT state, failures FROM streaming.views WHERE view = 'lv'::regclass}),
	'paused|0',
	'... which is no failure');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW lv; DROP FUNCTION slow');
set_option('streaming.enabled', 'on');
check_alive('postgres', 'switched on again');

# ------------------------------------------------------- number of workers

$node->safe_psql(
	'postgres', join '',
	map {
		"CREATE MATERIALIZED VIEW v$_ WITH (streaming.continuous) AS
			SELECT count(*) AS n FROM s WHERE i <> $_;"
	} 1 .. 6);
wait_pids('worker', 'postgres', 1, 'one worker');
set_option('streaming.workers', 3);
wait_pids('worker', 'postgres', 3, 'three workers');
check_alive('postgres', 'more workers: the view follows');
set_option('streaming.workers', 2);
wait_pids('worker', 'postgres', 2, 'two workers');
check_alive('postgres', 'fewer workers: the view follows');
$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW v$_") for 1 .. 6;
is( $node->safe_psql(
		'postgres',
		join(' AND ',
			'SELECT true',
			map { "(SELECT n FROM v$_) =
				(SELECT count(*) FROM s WHERE i <> $_)" } 1 .. 6)),
	't',
	'all views are complete');
$node->safe_psql('postgres', "DROP MATERIALIZED VIEW v$_") for 1 .. 6;

# --------------------------------------------------------------- restarts

# What prepared transactions have done to views holds when they are committed,
# though no process knows of it any more.
sub prepare_changes
{
	$node->safe_psql(
		'postgres', q{
		CREATE MATERIALIZED VIEW altered
			WITH (streaming.continuous, streaming.trigger = 'manual') AS
			SELECT count(*) AS n FROM s;
		CREATE MATERIALIZED VIEW dropped WITH (streaming.continuous) AS
			SELECT count(*) AS n FROM s;
		REFRESH MATERIALIZED VIEW dropped;
		BEGIN;
		ALTER MATERIALIZED VIEW altered SET (streaming.trigger = 'commit');
		PREPARE TRANSACTION 'a';
		BEGIN;
		DROP MATERIALIZED VIEW dropped;
		PREPARE TRANSACTION 'd';
		BEGIN;
		CREATE TABLE s2 (i int) USING stream;
		CREATE MATERIALIZED VIEW created WITH (streaming.continuous) AS
			SELECT count(*) AS n FROM s2;
		PREPARE TRANSACTION 'c';});
	return;
}

sub check_changes
{
	my ($test) = @_;
	# its worker reads the view as it is before the change
	$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW v');
	$node->poll_query_until('postgres',
		q{SELECT worker_pid IS NOT NULL FROM streaming.views
		  WHERE view = 'altered'::regclass})
	  or die 'no worker';
	$node->safe_psql('postgres', q{COMMIT PREPARED 'a'});
	check_alive('postgres', "$test: the view follows");
	ok( $node->poll_query_until(
			'postgres',
			'SELECT (SELECT n FROM altered) = (SELECT count(*) FROM s)'),
		"$test: one that was altered follows");
	$node->safe_psql('postgres', q{COMMIT PREPARED 'd'});
	$node->safe_psql('postgres', q{COMMIT PREPARED 'c'});
	$node->safe_psql('postgres', 'INSERT INTO s2 VALUES (1)');
	ok( $node->poll_query_until(
			'postgres', 'SELECT n = 1 FROM created'),
		"$test: one that was created follows");
	check_alive('postgres', "$test: one that was dropped does not disturb");
	$node->safe_psql('postgres',
		'DROP MATERIALIZED VIEW altered, created; DROP TABLE s2');
	return;
}

prepare_changes();
check_changes('prepared');
prepare_changes();
$node->restart;
check_changes('prepared and restarted');
check_alive('postgres', 'restart: the view follows');
prepare_changes();
$node->stop('immediate');
$node->start;
check_changes('prepared and recovered');

foreach my $kind (qw(worker scheduler launcher))
{
	my $pid = (pids($kind, $kind eq 'launcher' ? undef : 'postgres'))[0];
	my $offset = -s $node->logfile;
	kill 'KILL', $pid;
	$node->wait_for_log(qr/ready to accept connections/, $offset);
	check_alive('postgres', "$kind killed: the view follows");
	wait_pids('launcher', undef, 1, 'one launcher');
}

# ------------------------------------------- with debug points, if there are

sub debug_tests
{
	$node->safe_psql(
		'postgres', q{
		CREATE MATERIALIZED VIEW hv
			WITH (streaming.continuous, streaming.trigger = '1 hour') AS
			SELECT count(*) AS n FROM s;
		CREATE MATERIALIZED VIEW mv
			WITH (streaming.continuous, streaming.trigger = 'manual') AS
			SELECT count(*) AS n FROM s;
		REFRESH MATERIALIZED VIEW hv;
		REFRESH MATERIALIZED VIEW mv;});
	check_alive('postgres', 'the view follows');
	my $missing = q{SELECT (SELECT count(*) FROM s) - (SELECT n FROM %s)};
	is($node->safe_psql('postgres', sprintf $missing, 'hv'),
		1, 'the hour is not over');
	$node->safe_psql('postgres', q{SELECT _debug_advance_clock('1 hour')});
	ok( $node->poll_query_until(
			'postgres', 'SELECT (SELECT n FROM hv) = (SELECT count(*) FROM s)'),
		'the hour is over');
	is($node->safe_psql('postgres', sprintf $missing, 'mv'),
		1, 'a manual view does not follow');
	$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW mv');
	is($node->safe_psql('postgres', sprintf $missing, 'mv'),
		0, 'a manual view is refreshed');
	$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW hv, mv');

	# a commit while the batch runs is not overlooked
	$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW v');
	$node->safe_psql('postgres',
		q{SELECT _debug_arm('worker_before_commit', 'wait');
		  INSERT INTO s VALUES (1)});
	$node->poll_query_until('postgres',
		q{SELECT _debug_waiting('worker_before_commit') > 0})
	  or die 'no batch comes';
	$node->safe_psql('postgres', 'INSERT INTO s VALUES (1)');
	$node->safe_psql('postgres',
		q{SELECT _debug_disarm('worker_before_commit')});
	ok( $node->poll_query_until(
			'postgres', 'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
		'a row committed during a batch comes');

	# terminated in a batch, with somebody waiting for it
	$node->safe_psql('postgres',
		q{SELECT _debug_arm('worker_before_commit', 'wait');
		  INSERT INTO s VALUES (1)});
	$node->poll_query_until('postgres',
		q{SELECT _debug_waiting('worker_before_commit') > 0})
	  or die 'no batch comes';
	my $waiting = $node->background_psql('postgres');
	$waiting->query_until(qr/waiting/,
		"\\echo waiting\nREFRESH MATERIALIZED VIEW v;\n");
	terminate(pids('worker'));
	is($node->safe_psql('postgres', q{SELECT _debug_disarm('worker_before_commit')}),
		'', 'go on');
	is($waiting->query('SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
		't', 'REFRESH survives the end of the worker');
	$waiting->quit;
	$node->poll_query_until('postgres',
		q{SELECT _debug_waiting('worker_before_commit') = 0})
	  or die 'somebody still waits';

	# an error that goes away by itself is retried for ever, a growing time
	# apart; all attempts but the first need the clock
	$node->safe_psql('postgres',
		q{SELECT _debug_arm('worker_before_batch', 'error');
		  INSERT INTO s VALUES (1)});
	foreach my $failures (1 .. 8)
	{
		$node->poll_query_until(
			'postgres',
			qq{SELECT failures >= $failures AND NOT failed
			   FROM streaming._error WHERE viewid = 'v'::regclass})
		  or die "failure $failures does not come";
		$node->safe_psql('postgres',
			q{SELECT _debug_advance_clock('1 minute')});
	}
	like(
		error_of('postgres', 'REFRESH MATERIALIZED VIEW v'),
		qr/debug point/,
		'REFRESH tries at once, and fails');
	$node->safe_psql('postgres',
		q{SELECT _debug_disarm('worker_before_batch');
		  SELECT _debug_advance_clock('1 minute')});
	ok( $node->poll_query_until(
			'postgres', 'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
		'the trouble is over');
	ok( $node->poll_query_until(
			'postgres', 'SELECT count(*) = 0 FROM streaming._error'),
		'and forgotten');

	# dies in a batch
	my $offset = -s $node->logfile;
	$node->psql('postgres',
		q{SELECT _debug_arm('worker_before_commit', 'kill');
		  INSERT INTO s VALUES (1)});
	$node->wait_for_log(qr/ready to accept connections/, $offset);
	check_alive('postgres', 'killed in a batch: the view follows');
	return;
}

my ($has_debug) = $node->psql(
	'postgres', q{
	CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_arm';
	CREATE FUNCTION _debug_disarm(text) RETURNS void
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_disarm';
	CREATE FUNCTION _debug_waiting(text) RETURNS int
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_waiting';
	CREATE FUNCTION _debug_advance_clock(interval) RETURNS void
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_advance_clock';},
	on_error_stop => 1);
SKIP:
{
	skip 'not a build with STREAMING_DEBUG=1', 1 if $has_debug != 0;
	debug_tests();
}

# -------------------------------------------------- no room for processes

$node->append_conf('postgresql.conf', "max_worker_processes = 3\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE d4');
create_view('d4');
like(
	error_of('d4', 'REFRESH MATERIALIZED VIEW v'),
	qr/no background worker is available/,
	'REFRESH without a worker');
$node->append_conf('postgresql.conf', "max_worker_processes = 24\n");
$node->restart;
check_alive('d4', 'room for workers: the view follows');
$node->safe_psql('postgres', 'DROP DATABASE d4');

# ---------------------------------------------------------------- standby

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
check_alive('postgres', 'with a standby: the view follows');
$node->wait_for_catchup($standby);
is( $standby->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_stat_activity
		  WHERE backend_type LIKE 'streaming %'}),
	0,
	'a standby has none of the processes');
# the worker commits without waiting for its WAL to be written
ok( $standby->poll_query_until(
		'postgres', 'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)'),
	'a standby shows the view');
my ($rc, $out, $err) =
  $standby->psql('postgres', 'REFRESH MATERIALIZED VIEW v');
isnt($rc, 0, 'no REFRESH on a standby');
prepare_changes();
$node->stop;
$standby->promote;
$node = $standby;
check_alive('postgres', 'promoted: the view follows');
check_changes('prepared and promoted');
$node->stop;

done_testing();
