# streaming.synchronous: COMMIT returns when the views show what it has written.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
max_prepared_transactions = 5
streaming.workers = 1
});
$node->start;

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	-- for whoever comes, the processes of the extension included
	ALTER DATABASE postgres SET streaming.synchronous = on;
	CREATE TABLE s (k int, x int) USING stream;
	CREATE TABLE p (k int, x int) PARTITION BY LIST (k);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
	CREATE TABLE p2 PARTITION OF p DEFAULT USING stream;
	CREATE MATERIALIZED VIEW added WITH (streaming.continuous) AS SELECT k, x FROM s WHERE x > 0;
	CREATE MATERIALIZED VIEW groups WITH (streaming.continuous) AS
		SELECT k, count(*) AS n FROM added GROUP BY k;
	CREATE MATERIALIZED VIEW sizes WITH (streaming.continuous) AS
		SELECT n, count(*) AS m FROM groups GROUP BY n;
	CREATE MATERIALIZED VIEW parts WITH (streaming.continuous) AS SELECT count(*) AS n FROM p;
	CREATE MATERIALIZED VIEW part WITH (streaming.continuous) AS SELECT count(*) AS n FROM p1;
	-- both read what the other way leads to, too
	CREATE MATERIALIZED VIEW two_ways WITH (streaming.continuous) AS
		SELECT s.x, groups.n FROM s JOIN groups ON s.k = groups.k;
	CREATE MATERIALIZED VIEW g1 WITH (streaming.continuous, streaming.group = 'g') AS SELECT count(*) AS n FROM s;
	CREATE MATERIALIZED VIEW g2 WITH (streaming.continuous, streaming.group = 'g') AS SELECT sum(x) AS x FROM s;
	-- not for it: it runs when it is asked to
	CREATE MATERIALIZED VIEW by_hand WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT count(*) AS n FROM s;
	CREATE TABLE behave (pause bool);
	INSERT INTO behave VALUES (false);
	-- until it is told to behave (a volatile function sees that)
	CREATE FUNCTION pause() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		WHILE (SELECT pause FROM behave) LOOP
			PERFORM pg_sleep(0.05);
		END LOOP;
	END $$;
	CREATE FUNCTION dawdle(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		PERFORM pause();
		RETURN 1 / i;
	END $$;
	CREATE TABLE t (i int) USING stream;
	CREATE MATERIALIZED VIEW slow WITH (streaming.continuous) AS SELECT sum(dawdle(i)) AS n FROM t;
});

# each commit is seen by the next statement, in all stages
my $differs = q{
	SELECT (SELECT count(*) FROM added) = (SELECT count(*) FROM s WHERE x > 0)
		AND (SELECT coalesce(sum(n * m), 0) FROM sizes) = (SELECT count(*) FROM s WHERE x > 0)
		AND (SELECT n FROM parts) = (SELECT count(*) FROM p)
		AND (SELECT n FROM part) = (SELECT count(*) FROM p1)
		AND (SELECT n FROM g1) = (SELECT count(*) FROM s)
		AND (SELECT x FROM g2) IS NOT DISTINCT FROM (SELECT sum(x) FROM s)
		AND (SELECT count(*) FROM two_ways) = (SELECT count(*) FROM s JOIN s t USING (k) WHERE t.x > 0 AND
				t.ctid = (SELECT min(ctid) FROM s u WHERE u.k = t.k AND u.x > 0))};
my $all = join ';', map {
	my $i = $_;
	(   "INSERT INTO s VALUES ($i % 5, $i % 7)",
		$differs,
		"BEGIN; INSERT INTO p VALUES ($i % 3, 1); INSERT INTO s VALUES (7, 1); SAVEPOINT a; INSERT INTO s VALUES (8, 8); ROLLBACK TO a; COMMIT",
		$differs,
		"BEGIN; INSERT INTO s VALUES (9, 9); ROLLBACK")
} 1 .. 50;
my ($rc, $out, $err) = $node->psql('postgres', $all);
is($rc, 0, 'commits that wait');
is($err, '', 'nothing to complain about');
is($out, join("\n", ('t') x 100), 'each is seen by the next statement');
is($node->safe_psql('postgres', 'SELECT n FROM by_hand'),
	'0', 'a view with a trigger of its own is left alone');

($rc, $out, $err) = $node->psql('postgres', q{
	DO $$
	BEGIN
		FOR i IN 1..20 LOOP
			INSERT INTO s VALUES (1, i);
			COMMIT;
			IF (SELECT n FROM g1) <> (SELECT count(*) FROM s) THEN
				RAISE 'not yet';
			END IF;
		END LOOP;
	END $$;
	BEGIN;
	CREATE MATERIALIZED VIEW new WITH (streaming.continuous) AS SELECT count(*) AS n FROM s;
	INSERT INTO s VALUES (1, 1);
	COMMIT;
	SELECT n = (SELECT count(*) FROM s) FROM new;
	DROP MATERIALIZED VIEW new});
is($out . $err, 't', 'in a procedure, and with a view that is new');

# both at once, and a transaction that holds a lock which batches need
($rc, $out, $err) = $node->psql('postgres', q{
	BEGIN;
	INSERT INTO s VALUES (1, 1);
	LOCK TABLE s, p IN ACCESS EXCLUSIVE MODE;
	COMMIT;
	SELECT n = (SELECT count(*) FROM s) FROM g1});
is($out . $err, 't', 'locks are released before it waits');

# what is not seen in time is said, and stays
$node->safe_psql('postgres', 'UPDATE behave SET pause = true');
($rc, $out, $err) = $node->psql('postgres',
	q{SET streaming.synchronous_timeout = '100ms'; INSERT INTO t VALUES (1); SELECT count(*) FROM t});
is($out, '1', 'the row is there');
like(
	$err,
	qr/WARNING: .*"slow" does not show the rows of this transaction within streaming.synchronous_timeout\nDETAIL: .*committed/,
	'a wait that ends');

# cancelled and terminated
for my $how ('cancel', 'terminate')
{
	my $log = -s $node->logfile;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');

	$session->query_until(qr/started/, "\\echo started\nINSERT INTO t VALUES (1);\n");
	ok( $node->poll_query_until('postgres',
			"SELECT query ~ 'INSERT' AND wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $pid"),
		"a wait to $how");
	$node->safe_psql('postgres', "SELECT pg_${how}_backend($pid)");
	if ($how eq 'cancel')
	{
		is($session->query('SELECT count(*) FROM t'), '2', 'it is committed');
		like($session->{stderr}, qr/canceling the wait for continuous views/, 'which is said');
		$session->{stdin} .= "\\q\n";
		$session->{run}->finish;
	}
	else
	{
		ok( $node->poll_query_until('postgres',
				"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"),
			'the session ends');
		$session->{run}->kill_kill;
	}
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'),
	'3', 'terminated, it is committed, too');

# a view that fails
$node->safe_psql('postgres', "UPDATE behave SET pause = false; SELECT streaming.wait('slow')");
($rc, $out, $err) =
  $node->psql('postgres', 'INSERT INTO t VALUES (0); SELECT count(*) FROM t');
is($out, '4', 'the row is there');
like($err, qr/WARNING:  continuous view "slow" could not be brought up to date/,
	'a batch that fails');
unlike($err, qr/division/, 'its error is not for everybody');
my $failures = $node->safe_psql('postgres',
	q{SELECT failures FROM streaming.views WHERE view = 'slow'::regclass});
($rc, $out, $err) = $node->psql('postgres',
	'SET client_min_messages = error; ' . ('INSERT INTO t VALUES (1); ' x 50));
cmp_ok($node->safe_psql('postgres',
		q{SELECT failures FROM streaming.views WHERE view = 'slow'::regclass}),
	'<', $failures + 10, 'who writes does not have it tried again');

# the one that is asked for all of a group goes while it is waited for
SKIP:
{
	my ($ret) = $node->psql('postgres', q{
		CREATE FUNCTION _debug_arm(text, text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_arm';
		CREATE FUNCTION _debug_disarm(text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_disarm';
		CREATE FUNCTION _debug_waiting(text) RETURNS int LANGUAGE c AS 'streaming', 'stream_debug_waiting';},
		on_error_stop => 1);
	skip 'no test build', 2 if $ret != 0;
	$node->safe_psql('postgres', q{
		CREATE TABLE g (x int) USING stream;
		CREATE MATERIALIZED VIEW g_a WITH (streaming.continuous, streaming.group = g) AS SELECT count(*) AS n FROM g;
		CREATE MATERIALIZED VIEW g_b WITH (streaming.continuous, streaming.group = g) AS SELECT count(*) AS n FROM g;
		SELECT streaming.wait('g_a'), streaming.wait('g_b');
		SELECT _debug_arm('worker_before_batch', 'wait')});
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\nSET streaming.synchronous_timeout = '180s';\nINSERT INTO g VALUES (1);\n");
	$node->poll_query_until('postgres', q{SELECT _debug_waiting('worker_before_batch') > 0}) or die 'no batch';
	$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW g_a');
	$node->safe_psql('postgres', q{SELECT _debug_disarm('worker_before_batch')});
	is($session->query('SELECT count(*) FROM g'), '1', 'the commit returns');
	like($session->{stderr}, qr/continuous view "g_b" may not show the rows of this transaction yet/, 'which is said');
	$session->{stdin} .= "\\q\n";
	$session->{run}->finish;
	is($node->safe_psql('postgres', q{SELECT streaming.wait('g_b'); SELECT n FROM g_b}), "t\n1", 'it shows them soon');
	$node->safe_psql('postgres', 'DROP TABLE g CASCADE');
}

# what is prepared is committed by somebody else
($rc, $out, $err) = $node->psql('postgres', q{
	BEGIN; INSERT INTO s VALUES (1, 1); PREPARE TRANSACTION 'a'; COMMIT PREPARED 'a'});
is($err, '', 'a prepared transaction waits for nothing');

$node->safe_psql('postgres',
	'ALTER SYSTEM SET streaming.enabled = off; SELECT pg_reload_conf()');
$node->poll_query_until('postgres', q{SELECT NOT current_setting('streaming.enabled')::bool});
($rc, $out, $err) = $node->psql('postgres', 'INSERT INTO s VALUES (1, 1)');
is($rc . $err, '0', 'nothing is waited for when nothing runs');

$node->stop;
done_testing();
