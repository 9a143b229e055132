# What the server's log says of us: nothing above LOG while all goes well, however the
# server is stopped, and one line for each change of what becomes of a view.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $conf = q{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
log_line_prefix = '%m [%p] %b: '
wal_retrieve_retry_interval = 100ms
};
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', $conf);

# The log of a server from there on.
sub log_of
{
	my ($server, $offset) = @_;
	return substr slurp_file($server->logfile), $offset;
}

# Lines above LOG.  (The server says FATAL of a walreceiver that ends, and of a client
# that is about to.)
sub alarms
{
	my ($server, $offset) = @_;
	return join "\n",
	  grep { /(?:WARNING|ERROR|FATAL|PANIC):/ && !/walreceiver|autovacuum worker|client backend: FATAL/ }
	  split /\n/, log_of($server, $offset);
}

# What is said of a continuous view, in order, without what is around it.
sub lines_about
{
	my ($name, $offset) = @_;
	return join "\n",
	  grep { !/^\t|CONTEXT|DETAIL|HINT|STATEMENT/ }
	  map { s/^.*?: (?=[A-Z]+:  )//r }
	  grep { /"public\.$name"/ || /: WARNING:  $name:/ }
	  split /\n/, log_of($node, $offset);
}

sub wait_for
{
	my ($server, $query, $name) = @_;
	ok($server->poll_query_until('postgres', $query), $name);
	return;
}

sub oracle
{
	my ($server) = @_;
	return $server->safe_psql(
		'postgres', q{
		SELECT count(*) FROM (
			(TABLE v EXCEPT ALL SELECT k, count(*) FROM s GROUP BY k) UNION ALL
			(SELECT k, count(*) FROM s GROUP BY k EXCEPT ALL TABLE v)) x});
}

my $processes = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^streaming'};
my $offset = 0;

# ------------------------------------------------- start, work, reload, stop

$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int) USING stream;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT k, count(*) AS n FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW sums WITH (streaming.continuous) AS
		SELECT sum(n) AS n FROM v;
	INSERT INTO s SELECT i % 10 FROM generate_series(1, 1000) i;});
wait_for($node, 'SELECT sum(n) = 1000 FROM v', 'it works');
$node->reload;
$node->safe_psql('postgres',
	'INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW sums');
is($node->safe_psql('postgres', 'SELECT n FROM sums'),
	1001, 'and goes on after a reload');

# fast, with all processes idle, and smart
foreach my $mode ('fast', 'smart')
{
	$node->safe_psql('postgres',
		'INSERT INTO s VALUES (2); REFRESH MATERIALIZED VIEW v');
	is($node->safe_psql('postgres', $processes) > 2 ? 1 : 0,
		1, 'our processes are there');
	$node->stop($mode);
	$node->start;
	$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW sums');
	is(oracle($node), 0, 'and nothing is lost');
}
$node->restart;

# Each of the processes is ended, and another one comes.
foreach my $type ('worker', 'scheduler', 'launcher')
{
	wait_for($node,
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'streaming $type'",
		"a $type is there");
	my $pids = $node->safe_psql('postgres',
		"WITH those AS MATERIALIZED (SELECT pid FROM pg_stat_activity
			WHERE backend_type = 'streaming $type')
		 SELECT string_agg(pid::text, ',') FROM those
		 WHERE pg_terminate_backend(pid, 60000)");
	wait_for(
		$node,
		"SELECT count(*) > 0 FROM pg_stat_activity
		 WHERE backend_type = 'streaming $type' AND pid NOT IN ($pids)",
		"another $type comes when one is ended");
}
$node->safe_psql('postgres',
	'INSERT INTO s VALUES (3); REFRESH MATERIALIZED VIEW sums');
is(oracle($node), 0, 'which does its work');
is(alarms($node, $offset), '', 'nothing of that is above LOG');

# in the middle of a batch
$offset = -s $node->logfile;
$node->safe_psql(
	'postgres', q{
	CREATE TABLE t (i int) USING stream;
	CREATE FUNCTION waits(i int) RETURNS int LANGUAGE plpgsql STABLE AS
		$$ BEGIN PERFORM pg_sleep(60); RETURN i;
		EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); RETURN i; END $$;
	CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS
		SELECT sum(waits(i)) AS n FROM t;
	INSERT INTO t VALUES (1)});
wait_for(
	$node,
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'},
	'a batch runs');
my $before = time;
$node->stop('fast');
cmp_ok(time - $before, '<', 55, 'a fast shutdown does not wait for it');
$node->start;
is(alarms($node, $offset), '', 'nor says anything above LOG');
# which nobody need wait for
$node->safe_psql(
	'postgres', q{
	CREATE OR REPLACE FUNCTION waits(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i';
	SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE wait_event = 'PgSleep';
	DROP MATERIALIZED VIEW w;
	DROP TABLE t});
$node->restart;
is(alarms($node, $offset), '', 'neither does a restart');

# --------------------------------------------------------------- a failover

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', 'INSERT INTO s SELECT 4 FROM generate_series(1, 100)');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $processes), 0, 'a standby has no processes');
$standby->restart;
$standby->promote;
wait_for($standby, $processes =~ s/count\(\*\)/count(*) > 2/r,
	'they come when it is promoted');
$standby->safe_psql('postgres',
	'INSERT INTO s VALUES (5); REFRESH MATERIALIZED VIEW sums');
is(oracle($standby), 0, 'and go on where the others were');
$standby->stop('fast');
is(alarms($standby, 0), '', 'a promotion says nothing above LOG');

# ------------------------------------------------------ one line per change

$offset = -s $node->logfile;
$node->safe_psql(
	'postgres', q{
	CREATE TABLE mood (name text PRIMARY KEY, sqlstate text, message text);
	INSERT INTO mood VALUES ('p', NULL), ('q', NULL), ('r', NULL);
	CREATE FUNCTION feel(i int, who text) RETURNS int LANGUAGE plpgsql STABLE AS $$
		DECLARE m mood;
		BEGIN
			SELECT * INTO m FROM mood WHERE name = who;
			IF m.sqlstate IS NOT NULL THEN
				RAISE EXCEPTION USING ERRCODE = m.sqlstate, MESSAGE = who || ': ' || m.message;
			END IF;
			RETURN i;
		END $$;
	CREATE TABLE u (i int) USING stream;
	CREATE MATERIALIZED VIEW p WITH (streaming.continuous) AS SELECT sum(feel(i, 'p')) AS n FROM u;
	CREATE MATERIALIZED VIEW q WITH (streaming.continuous) AS SELECT sum(feel(i, 'q')) AS n FROM u;
	CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS SELECT sum(feel(i, 'r')) AS n FROM u;
	REFRESH MATERIALIZED VIEW p;
	REFRESH MATERIALIZED VIEW q;
	REFRESH MATERIALIZED VIEW r});

# p backs off, with two errors, and recovers
$node->safe_psql('postgres',
	q{UPDATE mood SET sqlstate = '53100', message = 'full' WHERE name = 'p';
	  INSERT INTO u VALUES (1)});
wait_for($node,
	q{SELECT failures >= 4 FROM streaming.views WHERE view = 'p'::regclass},
	'a view fails again and again');
my $failures = $node->safe_psql('postgres',
	q{UPDATE mood SET message = 'still full' WHERE name = 'p' RETURNING
	  (SELECT failures FROM streaming.views WHERE view = 'p'::regclass)});
wait_for(
	$node,
	qq{SELECT failures >= $failures + 2 FROM streaming.views WHERE view = 'p'::regclass},
	'also with another error');
$node->safe_psql('postgres',
	q{UPDATE mood SET sqlstate = NULL WHERE name = 'p'; REFRESH MATERIALIZED VIEW p});
is( lines_about('p', $offset),
	"WARNING:  p: full\nWARNING:  p: still full\nLOG:  continuous view \"public.p\" runs again",
	'each of it is logged once');

# the same error soon after is not logged, and neither is its end
$node->safe_psql('postgres',
	q{UPDATE mood SET sqlstate = '53100' WHERE name = 'p'; INSERT INTO u VALUES (2)});
wait_for($node,
	q{SELECT failures >= 1 FROM streaming.views WHERE view = 'p'::regclass},
	'it fails once more');
$node->safe_psql('postgres',
	q{UPDATE mood SET sqlstate = NULL WHERE name = 'p'; REFRESH MATERIALIZED VIEW p});
is(scalar(split /\n/, lines_about('p', $offset)),
	3, 'of which the log has been told already');

# q is given up, and runs again
$node->safe_psql('postgres',
	q{UPDATE mood SET sqlstate = '22012', message = 'no' WHERE name = 'q';
	  INSERT INTO u VALUES (3)});
wait_for($node,
	q{SELECT state = 'failed' FROM streaming.views WHERE view = 'q'::regclass},
	'a view is given up');
my ($rc, $out, $err) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW q');
isnt($rc, 0, 'it fails when somebody asks for it');
$node->safe_psql('postgres',
	q{UPDATE mood SET sqlstate = NULL WHERE name = 'q'; REFRESH MATERIALIZED VIEW q});
is( lines_about('q', $offset) =~ s/^ERROR.*\n//mgr,
	"WARNING:  q: no\nWARNING:  continuous view \"public.q\" has failed\n"
	  . "LOG:  continuous view \"public.q\" runs again",
	'the log has a line for each change');

# r is paused, goes on, and is released; a server that starts has nothing to say of that
sub wait_for_line
{
	my ($line) = @_;
	until_true { index(lines_about('r', $offset), $line) >= 0 };
	return;
}
$node->safe_psql('postgres',
	'ALTER MATERIALIZED VIEW r SET (streaming.enabled = off)');
wait_for_line('paused');
$node->restart;
$node->safe_psql('postgres',
	'INSERT INTO u VALUES (4); REFRESH MATERIALIZED VIEW p');
$node->safe_psql('postgres',
	'ALTER MATERIALIZED VIEW r SET (streaming.enabled = on)');
wait_for_line('resumed');
$node->safe_psql('postgres', q{SELECT streaming.release('r')});
wait_for_line('released');
is( lines_about('r', $offset),
	join("\n",
		map { "LOG:  continuous view \"public.r\" has been $_" }
		  ('paused', 'resumed', 'released')),
	'paused, resumed, released');
$node->stop;
done_testing();
