# What happens beside a batch: it is held at a debug point, while readers,
# writers, DDL and other waiters do what they do.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_prepared_transactions = 10
max_worker_processes = 16
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm';
	CREATE FUNCTION _debug_disarm(text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_disarm';
	CREATE FUNCTION _debug_waiting(text) RETURNS int
		LANGUAGE c AS 'streaming', 'stream_debug_waiting';
	CREATE TABLE s (k int, n int) USING stream;
	INSERT INTO s SELECT x % 10, x FROM generate_series(1, 1000) x;
});
my $query = 'SELECT k, count(*) AS c, sum(n) AS n FROM s GROUP BY k';

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

sub create_view
{
	my ($name) = @_;
	sql("CREATE MATERIALIZED VIEW $name WITH (streaming.continuous) AS $query",
		"REFRESH MATERIALIZED VIEW $name");
	return;
}

sub is_exact
{
	my ($view, $test) = @_;
	sql("REFRESH MATERIALIZED VIEW $view");
	is( sql("SELECT count(*) FROM ((TABLE $view EXCEPT ALL $query)
			UNION ALL ($query EXCEPT ALL TABLE $view)) x"),
		'0', $test);
	return;
}

# A psql in the background; and its end.
sub background
{
	my ($sql) = @_;
	my %p = (out => '', err => '');
	$p{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres') . ' application_name=background',
			'-c', $sql ],
		'<', \undef, '>', \$p{out}, '2>', \$p{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	return \%p;
}

sub finish
{
	my ($p) = @_;
	return $p->{run}->finish;
}

# Holds the next batch at a point: arms it and gives the worker a row to read.
sub hold
{
	my ($point) = @_;
	sql("SELECT _debug_arm('$point', 'wait')", 'INSERT INTO s VALUES (1, 1)');
	$node->poll_query_until('postgres',
		"SELECT _debug_waiting('$point') > 0")
	  or die "no batch has come to $point";
	return;
}

sub release { sql("SELECT _debug_disarm('$_[0]')"); return; }

sub wait_background
{
	my ($condition) = @_;
	$node->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity
		 WHERE application_name = 'background' AND $condition")
	  or die "nothing waits";
	return;
}

my $waits = "wait_event_type = 'Lock'";
my $refreshes = "query ~ 'REFRESH' AND state = 'active'";

for my $point ('batch-before-merge', 'batch-after-merge',
	'batch-before-commit')
{
	create_view('v');
	my $before = sql('SELECT sum(c) FROM v');

	# Readers and writers do not mind.
	hold($point);
	is(sql('SELECT sum(c) FROM v'), $before, "$point: readers see what was");
	sql('INSERT INTO s VALUES (2, 2)');
	pass("$point: writers go on");

	# Two that wait for the view at once.
	my $r1 = background('REFRESH MATERIALIZED VIEW v; TABLE v');
	my $r2 = background('REFRESH MATERIALIZED VIEW v');
	wait_background($refreshes);
	release($point);
	ok(finish($r1), "$point: the first REFRESH returns");
	ok(finish($r2), "$point: the second REFRESH returns");
	is_exact('v', "$point: exact after two REFRESHes");

	# DDL waits for the batch, no matter which.
	for my $ddl (
		'ALTER MATERIALIZED VIEW v RENAME TO v2',
		'CREATE INDEX ON v (c)',
		'ALTER MATERIALIZED VIEW v SET (streaming.max_batch_rows = 10)',
		'VACUUM s',
		'DROP MATERIALIZED VIEW v')
	{
		my $name = $ddl =~ s/ (v|ON v|VIEW v)\b.*//r;
		hold($point);
		my $p = background($ddl);
		until_true {
			eval { $p->{run}->pump_nb };
			!$p->{run}->pumpable
			  || sql("SELECT count(*) > 0 FROM pg_stat_activity
				WHERE application_name = 'background' AND $waits") eq 't';
		}
		or die "$ddl neither ends nor waits";
		release($point);
		ok(finish($p), "$point: $ddl") or diag($p->{err});
		if ($ddl =~ /RENAME/)
		{
			is_exact('v2', "$point: exact after RENAME");
			sql('ALTER MATERIALIZED VIEW v2 RENAME TO v');
		}
		elsif ($ddl !~ /DROP/)
		{
			is_exact('v', "$point: exact after $ddl");
		}
	}
	is( sql("SELECT count(*) FROM pg_class WHERE relname ~ '^_state_'"),
		'0', "$point: dropped");

	# A batch that fails there is repeated from the beginning.
	create_view('v');
	sql("SELECT _debug_arm('$point', 'error')");
	my ($ret, $stdout, $stderr) = $node->psql('postgres',
		'INSERT INTO s SELECT x % 20, x FROM generate_series(1, 100) x;
		 REFRESH MATERIALIZED VIEW v');
	isnt($ret, 0, "$point: REFRESH reports the batch's error");
	like($stderr, qr/\Q$point\E/, '... as it was');
	release($point);
	is_exact('v', "$point: exact after the error");

	# A worker that is told to end there ends, and another one takes over.
	hold($point);
	sql(q{SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		WHERE backend_type ~ '^streaming.* worker'});
	release($point);
	is_exact('v', "$point: exact after the worker was terminated");
	sql('DROP MATERIALIZED VIEW v');
}

# Somebody holds a lock that the batch needs.
create_view('v');
my $lock = background(q{BEGIN; LOCK TABLE s IN ACCESS EXCLUSIVE MODE;
	INSERT INTO s VALUES (3, 3);
	DO $$ BEGIN
		WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted
			AND relation = 's'::regclass)
		LOOP
			PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
		END LOOP;
	END $$; COMMIT});
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks
	WHERE relation = 's'::regclass AND mode = 'AccessExclusiveLock'}) or die 'nobody locks it';
is_exact('v', 'exact after a lock on the stream was released');
ok(finish($lock), 'the lock was held');

# A REFRESH that is cancelled leaves nothing behind.
hold('batch-before-commit');
my $cancelled = background('REFRESH MATERIALIZED VIEW v');
wait_background($refreshes);
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	WHERE application_name = 'background'});
ok(!finish($cancelled), 'a REFRESH can be cancelled');
like($cancelled->{err}, qr/canceling statement/, '... and says so');
release('batch-before-commit');
is_exact('v', 'exact after a cancelled REFRESH');

# The view is dropped while somebody waits for it.
hold('batch-before-commit');
my $waiter = background('REFRESH MATERIALIZED VIEW v');
wait_background($refreshes);
my $drop = background('DROP MATERIALIZED VIEW v');
wait_background($waits);
release('batch-before-commit');
finish($waiter);
ok(finish($drop), 'DROP beside a waiting REFRESH') or diag($drop->{err});

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP:|PANIC:|terminated by signal/,
	'no crash in the log');

done_testing();
