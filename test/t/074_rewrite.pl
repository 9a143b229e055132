# Streams are rewritten while others write to them: each row is counted once, also when
# the server crashes in the middle, and after a failover.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $conf = q{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
max_prepared_transactions = 10
allow_in_place_tablespaces = on
wal_retrieve_retry_interval = 100ms
};
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', $conf);
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLESPACE other LOCATION '';
	CREATE ROLE b;
	GRANT CREATE ON SCHEMA public TO b;
	CREATE TABLE s (k int, x int, t text, spare int) USING stream;
	CREATE INDEX s_k ON s (k);
	ALTER TABLE s CLUSTER ON s_k;
	GRANT SELECT ON s TO b;
	INSERT INTO s SELECT i % 20, i, md5(i::text) FROM generate_series(1, 20000) i;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW r WITH (streaming.continuous) AS
		SELECT k, x, t FROM s WHERE x % 3 = 0;
	CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS
		SELECT k, count(*) AS n FROM r GROUP BY k;
	SET ROLE b;
	CREATE MATERIALIZED VIEW o WITH (streaming.continuous) AS
		SELECT x % 7 AS y, count(*) AS n FROM s GROUP BY 1;});

my %queries = (
	v => 'SELECT k, count(*), sum(x) FROM s GROUP BY k',
	r => 'SELECT k, x, t FROM s WHERE x % 3 = 0',
	above => 'SELECT k, count(*) FROM s WHERE x % 3 = 0 GROUP BY k',
	o => 'SELECT x % 7, count(*) FROM s GROUP BY 1');

sub is_exact
{
	my ($server, $test) = @_;
	foreach my $view ('v', 'o', 'r', 'above')
	{
		is( $server->safe_psql(
				'postgres', qq{
				REFRESH MATERIALIZED VIEW $view;
				SELECT count(*) FROM (
					(TABLE $view EXCEPT ALL $queries{$view}) UNION ALL
					($queries{$view} EXCEPT ALL TABLE $view)) x}),
			0,
			"$test: $view");
	}
	return;
}

is_exact($node, 'before');

# Writers, two at a time: small transactions, larger ones, savepoints that roll back.
my $script = $node->basedir . '/write.sql';
append_to_file(
	$script, q{
\set k random(0, 19)
\set x random(1, 100000)
BEGIN;
INSERT INTO s VALUES (:k, :x, md5(:x::text));
SAVEPOINT a;
INSERT INTO s SELECT :k, i, 'gone' FROM generate_series(1, 20) i;
ROLLBACK TO a;
INSERT INTO s SELECT i % 20, i, repeat(md5(i::text), 3) FROM generate_series(1, 30) i;
COMMIT;
});

sub write_rows
{
	my %p = (out => $node->basedir . '/write.out');
	# a file: nobody reads a pipe while the commands run
	$p{run} = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '2', '-T', 3600, '-f', $script,
			$node->connstr('postgres') ],
		'<', \undef, '>', $p{out}, '2>', $p{out} . '.err',
		IPC::Run::timer(10 * $PostgreSQL::Test::Utils::timeout_default));
	return \%p;
}

my @commands = (
	'VACUUM FULL s',
	'CLUSTER s',
	'ALTER TABLE s ALTER COLUMN spare TYPE bigint',
	'ALTER TABLE s SET TABLESPACE other',
	'VACUUM FULL r',
	'ALTER MATERIALIZED VIEW r SET TABLESPACE other',
	'ALTER TABLE s ALTER COLUMN spare TYPE int, SET TABLESPACE pg_default',
	'ALTER MATERIALIZED VIEW r SET TABLESPACE pg_default',
	'VACUUM (FULL, ANALYZE) s, v, o');

my $writers = write_rows();
my $done = 0;
foreach my $command (@commands, 'VACUUM FULL s', 'CLUSTER s')
{
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM s');
	# a worker, or another command, may have what it needs: tried again
	foreach my $try (1 .. 50)
	{
		my ($rc, $out, $err) = $node->psql('postgres', $command);
		last if $rc == 0 && ++$done;
		note("$command: $err");
	}
	$node->poll_query_until('postgres', "SELECT count(*) > $before FROM s")
	  or die 'nobody writes';
}
is($done, @commands + 2, 'all commands come to their end while others write');
$writers->{run}->signal('TERM');
$writers->{run}->finish;
unlike(slurp_file("$writers->{out}.err"), qr/error|abort/,
	'and the writers see nothing of that');
# what they were about to do is over
ok($node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'}),
	'and are gone');
is_exact($node, 'afterwards');

# a transaction that was prepared is waited for
$node->safe_psql('postgres',
	q{BEGIN; INSERT INTO s VALUES (1, 1, 'p'); PREPARE TRANSACTION 'p'});
my ($rc, $out, $err) =
  $node->psql('postgres', q{SET lock_timeout = '300ms'; CLUSTER s});
like($err, qr/lock timeout/, 'a prepared transaction keeps rows in their place');
$node->safe_psql('postgres', q{COMMIT PREPARED 'p'; CLUSTER s});
is_exact($node, 'prepared rows');

# ------------------------------------------------------------ in the middle

foreach my $how ('rolled back', 'crash')
{
	$node->safe_psql('postgres',
		q{INSERT INTO s SELECT i % 20, i, 'm' FROM generate_series(1, 500) i});
	my $session = $node->background_psql('postgres');
	$session->query_safe(
		q{BEGIN; ALTER TABLE s ALTER COLUMN spare TYPE bigint USING spare + 1;
		  INSERT INTO s SELECT i % 20, i, 'n' FROM generate_series(1, 500) i});
	if ($how eq 'crash')
	{
		# what it has written is in the log
		$node->safe_psql('postgres', 'CHECKPOINT');
		$node->stop('immediate');
		eval { $session->quit };
		$node->start;
	}
	else
	{
		$session->query_safe('ROLLBACK');
		$session->quit;
	}
	is_exact($node, $how);
}

$node->safe_psql('postgres', 'CLUSTER s; VACUUM FULL r');
$node->stop('immediate');
$node->start;
is_exact($node, 'a crash right after it');

# ------------------------------------------------------------ logged or not

$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE u (k int) USING stream;
	CREATE MATERIALIZED VIEW uv WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM u GROUP BY k;
	CREATE MATERIALIZED VIEW ur WITH (streaming.continuous) AS SELECT k FROM u WHERE k > 2;
	INSERT INTO u SELECT i % 5 FROM generate_series(1, 100) i;
	SELECT streaming.wait('uv');
	ALTER TABLE u SET LOGGED;
	INSERT INTO u SELECT i % 6 FROM generate_series(1, 60) i;
	SELECT streaming.wait('uv'), streaming.wait('ur')});

# The views of u are what their queries say, over so many rows.
sub is_exact_u
{
	my ($rows, $test) = @_;
	is( $node->safe_psql('postgres', q{
			REFRESH MATERIALIZED VIEW uv;
			REFRESH MATERIALIZED VIEW ur;
			SELECT (SELECT count(*) FROM u),
				(SELECT count(*) FROM ((TABLE uv EXCEPT ALL SELECT k, count(*) FROM u GROUP BY k) UNION ALL
					(SELECT k, count(*) FROM u GROUP BY k EXCEPT ALL TABLE uv)) x),
				(SELECT count(*) FROM ((TABLE ur EXCEPT ALL SELECT k FROM u WHERE k > 2) UNION ALL
					(SELECT k FROM u WHERE k > 2 EXCEPT ALL TABLE ur)) x)}),
		"$rows|0|0", $test);
	return;
}
$node->stop('immediate');
$node->start;
is_exact_u(160, 'what has become logged is there after a crash, views too');
$node->safe_psql('postgres', 'ALTER TABLE u SET UNLOGGED; INSERT INTO u VALUES (1)');
is_exact_u(161, 'it is unlogged again');
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop('immediate');
$node->start;
is_exact_u(0, 'what is unlogged is gone after a crash, with what the views had of it');
$node->safe_psql('postgres', 'INSERT INTO u SELECT i % 6 FROM generate_series(1, 60) i');
is_exact_u(60, 'and all goes on');

# --------------------------------------------------------------- a failover

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres',
	q{INSERT INTO s SELECT i % 20, i, 'm' FROM generate_series(1, 500) i;
	  ALTER TABLE s ALTER COLUMN spare TYPE bigint;
	  INSERT INTO s SELECT i % 20, i, 'm' FROM generate_series(1, 500) i});
$node->safe_psql('postgres', 'VACUUM FULL r');
$node->wait_for_catchup($standby);
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres',
	q{INSERT INTO s SELECT i % 20, i, 'm' FROM generate_series(1, 500) i});
is_exact($standby, 'a failover');
$standby->safe_psql('postgres', 'VACUUM FULL s');
is_exact($standby, 'and there again');
unlike(slurp_file($_->logfile), qr/TRAP:|PANIC:|terminated by signal/,
	'no crash of ours')
  for ($node, $standby);
$standby->stop;
done_testing();
