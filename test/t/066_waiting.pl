# Who waits for a view whose batch never ends gets an answer, and the view is
# not tried again and again.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
streaming.batch_timeout = '1s'
});
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;

# in a test build there is less time between the two signals
if ($node->psql('postgres', 'SHOW streaming.debug_limits') == 0)
{
	$node->append_conf('postgresql.conf',
		"streaming.debug_limits = 'grace=500'\n");
	$node->restart;
}

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE behave (yes bool, pause float);
	INSERT INTO behave VALUES (false, 0);
	CREATE TABLE s (i int) USING stream;
	CREATE TABLE t (i int) USING stream;
	-- loops, and does not care what it is told
	CREATE FUNCTION linger(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		LOOP
			BEGIN
				IF (SELECT yes FROM behave) THEN
					RETURN i;
				END IF;
				PERFORM pg_sleep(0.1);
			EXCEPTION WHEN query_canceled OR OTHERS THEN
				NULL;
			END;
		END LOOP;
	END $$;
	CREATE FUNCTION dawdle(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		PERFORM pg_sleep((SELECT pause FROM behave));
		RETURN i;
	END $$;
	CREATE MATERIALIZED VIEW m WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT count(*) AS n FROM s WHERE linger(i) > 0;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous)
		AS SELECT count(*) AS n FROM s;
	INSERT INTO s VALUES (1);});

# Runs SQL that has to fail; returns the error.
sub error_of
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET statement_timeout = '60s';\n$sql");
	isnt($rc, 0, "fails: $sql");
	return $err;
}

sub wait_for
{
	my ($query, $test) = @_;
	ok($node->poll_query_until('postgres', $query), $test);
	return;
}

# A session that runs SQL while we do other things; its errors end nothing.
sub start_session
{
	my ($sql) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\n$sql;\n");
	return $session;
}

# Waits until the session is through; returns what it has said meanwhile.
sub end_session
{
	my ($session) = @_;
	$session->query_until(qr/finished/, "\\echo finished\n");
	my $err = $session->{stderr};
	$session->{stdin} .= "\\q\n";
	$session->{run}->finish;
	return $err;
}

my $running = q{SELECT count(*) = %d FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND query = 'batch of view public.%s'};
my $refused = qr/57014: batch of continuous view "public\.m" took longer than streaming\.batch_timeout/;

# ------------------------------------------------- its worker has to be ended

my $offset = -s $node->logfile;
my $waiting = start_session(
	q{\\set VERBOSITY verbose
	SELECT streaming.wait('m')});
wait_for(sprintf($running, 1, 'm'), 'a batch that never ends');
my $error = error_of('REFRESH MATERIALIZED VIEW m');
like($error, $refused, 'REFRESH says why');
like($error, qr/DETAIL:  It did not let itself be canceled/, 'in all detail');
like(end_session($waiting), $refused, 'so does streaming.wait');
wait_for(sprintf($running, 0, 'm'), 'it does not go on');
my $failures = $node->safe_psql('postgres',
	q{SELECT failures FROM streaming.views WHERE view = 'm'::regclass});
cmp_ok($failures, '<=', 2, 'one attempt for each who waited at most');
$node->safe_psql('postgres',
	'INSERT INTO s VALUES (2); REFRESH MATERIALIZED VIEW v');
is( $node->safe_psql(
		'postgres',
		q{SELECT failures, retry_at IS NULL, last_error_sqlstate
		  FROM streaming.views WHERE view = 'm'::regclass}),
	"$failures|t|57014",
	'a manual view is not tried again by itself');
like(error_of('REFRESH MATERIALIZED VIEW m'), $refused, 'but if asked to');
my @logged = substr(slurp_file($node->logfile), $offset) =~
  /WARNING:  batch of continuous view "public\.m" took longer/g;
is(scalar(@logged), 1, 'the log says it once');

# another is tried again, after a pause
$node->safe_psql('postgres',
	q{ALTER MATERIALIZED VIEW m SET (streaming.trigger = 'commit')});
wait_for(
	q{SELECT failures >= 1 AND retry_at IS NOT NULL FROM streaming.views
	  WHERE view = 'm'::regclass},
	'one that follows commits waits for its next attempt');

# ------------------------------------------------------------- it is dropped

wait_for(sprintf($running, 1, 'm'), 'its batch runs again');
my $dropping = start_session('DROP MATERIALIZED VIEW m');
wait_for(
	q{SELECT count(*) = 1 FROM pg_stat_activity
	  WHERE wait_event_type = 'Lock' AND query ~ '^DROP'},
	'its owner drops it, and waits for its batch');
$node->safe_psql(
	'postgres', q{
	SET lock_timeout = '500ms';
	SELECT * FROM streaming.views;
	CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT sum(i) AS n FROM s;
	ALTER MATERIALIZED VIEW v SET (streaming.max_batch_rows = 10);
	DROP MATERIALIZED VIEW w;});
pass('nobody else waits');
unlike(end_session($dropping), qr/ERROR/, 'until the time is up');
is($node->safe_psql('postgres', q{SELECT to_regclass('m') IS NULL}),
	't', 'it is gone');

# ------------------------------------------------------------ it is released

$node->safe_psql('postgres',
	q{ALTER SYSTEM SET streaming.batch_timeout = '1h'});
$node->reload;
$node->safe_psql(
	'postgres', q{
	CREATE MATERIALIZED VIEW r WITH (streaming.continuous)
		AS SELECT count(*) AS n FROM s WHERE linger(i) > 0});
wait_for(sprintf($running, 1, 'r'), 'another batch that never ends');
$waiting = start_session(
	q{\\set VERBOSITY verbose
	REFRESH MATERIALIZED VIEW r});
wait_for(
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^\s*REFRESH'
		AND wait_event IS NOT NULL AND state = 'active'},
	'somebody waits for it');
wait_for(
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^\s*REFRESH'
		AND state = 'active' AND backend_xmin IS NULL},
	'he has no snapshot, which would keep VACUUM from removing what is replaced');
$node->safe_psql('postgres', q{SELECT streaming.release('r')});
like(
	end_session($waiting),
	qr/55000: continuous view "r" has been released from stream "s"/,
	'who waits for a view that is released learns of it');
wait_for(sprintf($running, 0, 'r'), 'its batch is ended');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW r');

# --------------------------------------------- around the limit of the lanes

my $slow = q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'streaming scheduler' AND query ~ '\(%d slow\)'};
$node->safe_psql(
	'postgres', q{
	UPDATE behave SET pause = 1.5;
	INSERT INTO t VALUES (1);
	CREATE MATERIALIZED VIEW d WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT sum(dawdle(i)) AS n FROM t;
	REFRESH MATERIALIZED VIEW d;});
wait_for(sprintf($slow, 1), 'a batch takes long: the view is slow');
$node->safe_psql(
	'postgres', q{
	UPDATE behave SET pause = 0.6;
	INSERT INTO t VALUES (2);
	REFRESH MATERIALIZED VIEW d;
	-- the scheduler takes a turn
	CREATE MATERIALIZED VIEW d2 WITH (streaming.continuous) AS SELECT count(*) FROM t;});
wait_for(
	q{SELECT count(*) = 1 FROM pg_stat_activity
	  WHERE backend_type = 'streaming scheduler' AND query ~ '^3 views'},
	'another takes less');
ok($node->poll_query_until('postgres', sprintf($slow, 1)), 'it still is');
# (on a machine that has much else to do, the first one may not)
$node->safe_psql('postgres', 'UPDATE behave SET pause = 0');
ok( until_true {
		$node->safe_psql('postgres', 'INSERT INTO t VALUES (3); REFRESH MATERIALIZED VIEW d');
		until_true { $node->safe_psql('postgres', sprintf($slow, 0)) eq 't' } 2;
	},
	'until one takes much less');

# One view that is always busy: a batch and the pause after it take the target latency
# together.  (By the processor's time, of which there may be less than 0.6 s in a batch, six batches
# and a pause would take longer.)
my $writer = $node->background_psql('postgres');
$node->safe_psql(
	'postgres', q{
	ALTER SYSTEM SET streaming.target_latency = '1s';
	ALTER SYSTEM SET streaming.batch_timeout = '1min';
	SELECT pg_reload_conf();
	DROP MATERIALIZED VIEW d, d2;
	CREATE TABLE u (i int) USING stream;
	CREATE FUNCTION shortly(i int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
	DECLARE
		begun timestamptz := clock_timestamp();
	BEGIN
		WHILE clock_timestamp() < begun + interval '50 us' LOOP
			NULL;
		END LOOP;
		RETURN true;
	END $$;
	CREATE MATERIALIZED VIEW busy WITH (streaming.continuous)
		AS SELECT i, count(*) AS n FROM u WHERE shortly(i) GROUP BY i;
	CREATE FUNCTION toil() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE
		begun timestamptz := clock_timestamp();
	BEGIN
		WHILE clock_timestamp() < begun + interval '600 ms' LOOP
			NULL;
		END LOOP;
		RETURN NULL;
	END $$;
	CREATE TRIGGER toil AFTER INSERT OR UPDATE ON busy EXECUTE FUNCTION toil();
	CREATE PROCEDURE write() LANGUAGE plpgsql AS $$
	BEGIN
		WHILE NOT (SELECT yes FROM behave) LOOP
			INSERT INTO u VALUES (1), (2);
			COMMIT;
			PERFORM pg_sleep(0.005);
		END LOOP;
	END $$;
	UPDATE behave SET yes = false;});
$writer->query_until(qr/writing/, "\\echo writing\nCALL write();\n");
# the load is known after some batches; then so many in a row have a pause
my $pauses = 0;
ok( until_true {
		my $paused = $node->safe_psql('postgres', q{
			SELECT count(*) FROM pg_stat_activity
			WHERE backend_type = 'streaming worker' AND query = 'waiting for more commits'});
		$pauses += $paused;
		$pauses >= 20;
	},
	'a worker that is always busy with one view has its pauses');
# as it has time, it lets others run in the middle of a batch, if that is one of some rows
$node->safe_psql('postgres', q{
	CREATE FUNCTION _debug_arm(text, text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_arm';
	CREATE FUNCTION _debug_disarm(text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_disarm';
	CREATE FUNCTION _debug_waiting(text) RETURNS int LANGUAGE c AS 'streaming', 'stream_debug_waiting';
	SELECT _debug_arm('gives-way', 'wait');});
wait_for(q{SELECT _debug_waiting('gives-way') > 0}, 'and leaves the processor to others within its batches');
# but no longer than the target latency, in which the time that they take counts
my $log_at = -s $node->logfile;
$node->safe_psql('postgres', q{
	UPDATE behave SET yes = true;
	SELECT pg_sleep(1.5);
	SELECT _debug_arm('gives-way', 'error');});
$writer->quit;
is( $node->safe_psql(
		'postgres', q{
	REFRESH MATERIALIZED VIEW busy;
	SELECT count(*) FROM (
		(TABLE busy EXCEPT ALL SELECT i, count(*) FROM u GROUP BY i)
		UNION ALL (SELECT i, count(*) FROM u GROUP BY i EXCEPT ALL TABLE busy)) d}),
	0,
	'and has read all there is');
ok(!$node->log_contains(qr/debug point "gives-way"/, $log_at), 'who has been kept waiting by others keeps to his work');
$node->safe_psql('postgres', q{SELECT _debug_disarm('gives-way')});

# One that has rows enough for a long batch, and none that come meanwhile, keeps it to itself.
$node->safe_psql('postgres', q{
	DROP TRIGGER toil ON busy;
	CREATE OR REPLACE FUNCTION shortly(i int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
	SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE backend_type = 'streaming worker';
	SELECT _debug_arm('gives-way', 'error');
	INSERT INTO u SELECT g % 1000 FROM generate_series(1, 100000) g;
	REFRESH MATERIALIZED VIEW busy;});
is($node->safe_psql('postgres', q{SELECT sum(failures) FROM streaming.views WHERE view = 'busy'::regclass}),
	0, 'one that was idle does not');

$node->stop;
done_testing();
