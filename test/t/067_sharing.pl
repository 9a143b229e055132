# Owners share the slow lane: none has all of its workers while another's slow
# view waits, and nobody's batches begin anew for ever because of that.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
streaming.workers = 2
streaming.batch_timeout = '1h'
});
$node->start;

# in a test build turns are shorter
if ($node->psql('postgres', 'SHOW streaming.debug_limits') == 0)
{
	$node->append_conf('postgresql.conf',
		"streaming.debug_limits = 'grace=1000, hold=1200, turn=2500'\n");
	$node->append_conf('postgresql.conf',
		"streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'\n")
	  if $ENV{STREAMING_MUTATION};
	$node->restart;
}

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE victim;
	CREATE ROLE hostile;
	CREATE ROLE honest;
	GRANT CREATE ON SCHEMA public TO victim, hostile, honest;
	CREATE TABLE s (i int) USING stream;
	CREATE TABLE h (i int) USING stream;
	CREATE TABLE o (i int) USING stream;
	GRANT SELECT ON s, h, o TO victim, hostile, honest;

	-- never ends, and does not let itself be canceled
	CREATE FUNCTION linger(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		LOOP
			BEGIN
				PERFORM pg_sleep(0.1);
			EXCEPTION WHEN query_canceled OR OTHERS THEN
				NULL;
			END;
		END LOOP;
	END $$;
	-- never ends, but can be canceled
	CREATE FUNCTION doze(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		LOOP
			PERFORM pg_sleep(0.1);
		END LOOP;
	END $$;
	-- a slow view, in good faith: so many seconds for each batch
	CREATE FUNCTION think(i int, secs float8) RETURNS int
		LANGUAGE plpgsql STABLE AS $$
	BEGIN
		-- once for all rows
		IF current_setting('think.at', true) IS DISTINCT FROM now()::text THEN
			PERFORM pg_sleep(secs), set_config('think.at', now()::text, true);
		END IF;
		RETURN i;
	END $$;});

# ---------------------------------------------------------------- helpers

sub create_view
{
	my ($role, $name, $query) = @_;
	$node->safe_psql('postgres',
		"SET ROLE $role;
		 CREATE MATERIALIZED VIEW $name WITH (streaming.continuous) AS $query");
	return;
}

sub wait_for
{
	my ($query, $test) = @_;
	ok($node->poll_query_until('postgres', $query), $test);
	return;
}

sub set_option
{
	my ($name, $value) = @_;
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	$node->reload;
	$node->wait_for_log(qr/parameter "\Q$name\E" changed to/, $offset);
	return;
}

# The query that counts running batches of views like that.
sub running
{
	my ($pattern) = @_;
	return "(SELECT count(*) FROM pg_stat_activity
		WHERE backend_type = 'streaming worker'
			AND query ~ '^batch of view public.$pattern')";
}

# Commits a row and waits for it to be in the view; how long that took.
sub follow
{
	my ($stream, $view, $test) = @_;
	my $began = time;
	$node->safe_psql('postgres', "INSERT INTO $stream VALUES (1)");
	wait_for("SELECT (SELECT n FROM $view) = (SELECT sum(i) FROM $stream)",
		$test);
	return time - $began;
}

# Commits rows into s all the time.
sub feed
{
	my $psql = $node->background_psql('postgres');
	$psql->query_until(
		qr/feeding/, q{
		\echo feeding
		DO $$ BEGIN
			LOOP
				INSERT INTO s VALUES (1);
				COMMIT;
				PERFORM pg_sleep(0.5);
			END LOOP;
		END $$;
	});
	return $psql;
}

sub stop_feeding
{
	my ($psql) = @_;
	$node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		  WHERE query ~ 'INSERT INTO s' AND pid <> pg_backend_pid()});
	$psql->{run}->finish;
	return;
}

# ----------------------------------------------------- one owner has them all

$node->safe_psql('postgres', 'INSERT INTO h VALUES (1)');
create_view('hostile', "h$_", 'SELECT sum(linger(i)) AS n FROM h') for 1 .. 4;
wait_for('SELECT ' . running('h') . ' = 2', 'one owner has the slow lane');
create_view('victim', 'v', 'SELECT sum(think(i, 1.5)) AS n FROM s');
my $longest = 0;
foreach my $try (1 .. 3)
{
	my $delay = follow('s', 'v', "another's slow view follows");
	$longest = $delay if $delay > $longest;
}
note sprintf 'longest delay: %.1f s', $longest;
cmp_ok($longest, '<', 100, 'it waits for a turn, not for a timeout');
cmp_ok($node->safe_psql('postgres', 'SELECT ' . running('h')),
	'>=', 1, 'one of the others goes on');
cmp_ok(
	$node->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_stat_activity
		  WHERE backend_type = 'streaming worker'}),
	'<=',
	4,
	'twice the workers at most');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM streaming.views
		  WHERE last_error IS NOT NULL OR failures > 0}),
	0,
	'nothing has failed');

# -------------------------------------------------------- paused in a batch

sub pause
{
	my ($role, $view, $on) = @_;
	$node->safe_psql('postgres', "SET ROLE $role;
		ALTER MATERIALIZED VIEW $view SET (streaming.enabled = $on)");
	return;
}

pause('hostile', "h$_", 'off') for 1 .. 4;
wait_for('SELECT ' . running('h') . ' = 0', 'pausing a view ends its batch');
is( $node->safe_psql(
		'postgres',
		q{SELECT count(*) FROM streaming.views
		  WHERE view::text ~ '^h' AND state = 'paused'
			AND last_error IS NULL AND failures = 0}),
	4,
	'which is no failure');
$node->safe_psql('postgres', "DROP MATERIALIZED VIEW h$_") for 1 .. 4;

create_view('hostile', 'p', 'SELECT sum(doze(i)) AS n FROM h');
wait_for('SELECT ' . running('p') . ' = 1', 'a batch that can be canceled');
my $worker = $node->safe_psql('postgres',
	q{SELECT worker_pid FROM streaming.views WHERE view = 'p'::regclass});
pause('hostile', 'p', 'off');
wait_for('SELECT ' . running('p') . ' = 0', 'is');
is( $node->safe_psql(
		'postgres',
		q{SELECT state, last_error IS NULL, failures FROM streaming.views
		  WHERE view = 'p'::regclass}),
	'paused|t|0',
	'its view has not failed');
unlike(slurp_file($node->logfile), qr/"public.p" took longer/,
	'and says nothing');
pause('hostile', 'p', 'on');
wait_for('SELECT ' . running('p') . ' = 1', 'it runs again when it is resumed');
pause('hostile', 'p', 'off');
wait_for('SELECT ' . running('p') . ' = 0', 'and can be paused again');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW p');

# ------------------------------------- short batches that follow one another

# One worker is at a batch that never ends, the other at batches which are over before
# their turn is, but there is always one more.  Who waits must not wait for the former.
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW v');
create_view('hostile', 'h0', 'SELECT sum(linger(i)) AS n FROM h');
wait_for('SELECT ' . running('h0') . ' = 1', 'a batch that never ends');
foreach my $owner ('victim', 'honest')
{
	create_view($owner, 'v', 'SELECT sum(think(i, 1.5)) AS n FROM s');
	my $feeder = feed();
	wait_for(
		"SELECT batches > 1 FROM streaming.views WHERE view = 'v'::regclass",
		"batches of $owner follow one another");
	create_view('honest', 'o1', 'SELECT sum(think(i, 2)) AS n FROM o');
	my $delay = follow('o', 'o1', "a view has its turn beside $owner");
	note sprintf 'delay: %.1f s', $delay;
	cmp_ok($delay, '<', 100, 'in time');
	stop_feeding($feeder);
	$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW v, o1');
}
pause('hostile', 'h0', 'off');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW h0');
create_view('victim', 'v', 'SELECT sum(think(i, 1.5)) AS n FROM s');

# ------------------------------------------------ slow views in good faith

# Two views of one owner, whose batches take far longer than his second worker is
# left to him, and another's who always has something to do.
$node->safe_psql('postgres', 'INSERT INTO o VALUES (1)');
create_view('honest', "o$_", 'SELECT sum(think(i, 5)) AS n FROM o') for 1 .. 2;
my $feeder = feed();
foreach my $round (1 .. 2)
{
	$node->safe_psql('postgres', 'INSERT INTO o VALUES (1)') if $round > 1;
	wait_for(
		q{SELECT (SELECT n FROM o1) = (SELECT sum(i) FROM o)
			AND (SELECT n FROM o2) = (SELECT sum(i) FROM o)},
		"long batches come to their end, round $round");
}

# With each of three owners having one at most, two workers are not enough.
create_view('hostile', 'h5', 'SELECT sum(linger(i)) AS n FROM h');
wait_for('SELECT ' . running('h5') . ' = 1', 'one that never ends');
my $batches = $node->safe_psql('postgres',
	q{SELECT batches FROM streaming.views WHERE view = 'v'::regclass});
foreach my $round (1 .. 2)
{
	follow('o', 'o1', "long batches beside it come to their end, round $round");
}
wait_for(
	"SELECT batches > $batches FROM streaming.views WHERE view = 'v'::regclass",
	'and so do the others');

# One worker for all of them.
set_option('streaming.workers', 1);
$batches = $node->safe_psql('postgres',
	q{SELECT batches FROM streaming.views WHERE view = 'v'::regclass});
follow('o', 'o1', 'with one worker, too');
wait_for(
	"SELECT batches > $batches FROM streaming.views WHERE view = 'v'::regclass",
	'and the others');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM streaming.views
		  WHERE last_error IS NOT NULL OR failures > 0}),
	0,
	'nothing has failed');
stop_feeding($feeder);

# --------------------------------- a failure that cannot be recorded at once

$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW v, o1, o2, h5');
$node->safe_psql(
	'postgres', q{
	SET ROLE hostile;
	CREATE TABLE t (i int) USING stream;
	INSERT INTO t VALUES (1);
	CREATE MATERIALIZED VIEW h6
		WITH (streaming.continuous, streaming.trigger = 'manual') AS
		SELECT sum(linger(i)) AS n FROM t;});
my $refreshed = '';
my $refresh = IPC::Run::start(
	[
		'psql', '-XAt', '-d', $node->connstr('postgres'), '-c',
		'REFRESH MATERIALIZED VIEW h6'
	],
	'2>',
	\$refreshed);
wait_for('SELECT ' . running('h6') . ' = 1', 'a batch that somebody waits for');
# waits for the batch lock, and when it has it, for the function
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(
	qr/truncating/, q{
	SET ROLE hostile;
	\echo truncating
	TRUNCATE t;
});
wait_for(
	q{SELECT count(*) > 0 FROM pg_stat_activity
	  WHERE query ~ 'TRUNCATE t' AND wait_event_type = 'Lock'},
	'somebody wants the lock of its batches');
set_option('streaming.batch_timeout', '1s');
$refresh->finish;
like(
	$refreshed,
	qr/batch of continuous view "public.h6" took longer than streaming.batch_timeout/,
	'who has waited learns why it has failed');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM streaming.views WHERE last_error IS NOT NULL}),
	0,
	'though it cannot be recorded while somebody else has the lock');
$node->safe_psql('postgres',
	q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	  WHERE query ~ 'TRUNCATE t' AND pid <> pg_backend_pid()});
wait_for(
	q{SELECT last_error ~ 'took longer than streaming.batch_timeout'
	  FROM streaming.views WHERE view = 'h6'::regclass},
	'it is as soon as that can be');
$session->{run}->finish;

$node->stop;
done_testing();
