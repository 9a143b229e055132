# End to end through real workers: the shortest way from CREATE EXTENSION to
# a result, restart included.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\n");

# Without shared_preload_libraries: an error that says what to do.
$node->start;
my ($ret, $stdout, $stderr) =
  $node->psql('postgres', 'CREATE EXTENSION streaming');
isnt($ret, 0, 'no extension without shared_preload_libraries');
like($stderr, qr/shared_preload_libraries/, '... and the error names it');
$node->stop;

$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'streaming'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION streaming');

# What the view shows and its query does not, and the other way round.
my $query =
  'SELECT url, count(*) AS n, avg(ms) AS ms FROM clicks GROUP BY url';

sub oracle
{
	my ($dbname) = @_;
	return $node->safe_psql($dbname,
		"SELECT count(*) FROM (
			(TABLE per_url EXCEPT ALL $query) UNION ALL
			($query EXCEPT ALL TABLE per_url)) x");
}

sub setup_stream
{
	my ($dbname) = @_;
	$node->safe_psql($dbname, qq{
		CREATE TABLE clicks (ts timestamptz NOT NULL, url text, ms int)
			USING stream;
		INSERT INTO clicks SELECT now(), '/' || x % 10, x
			FROM generate_series(1, 1000) x;
		CREATE MATERIALIZED VIEW per_url WITH (streaming.continuous)
			AS $query;
	});
}

setup_stream('postgres');
ok( $node->poll_query_until(
		'postgres', 'SELECT sum(n) = 1000 FROM per_url'),
	'the worker reads what the stream holds');
is(oracle('postgres'), '0', 'exactly');

$node->safe_psql('postgres', "INSERT INTO clicks VALUES (now(), '/new', 5)");
ok( $node->poll_query_until(
		'postgres', "SELECT n = 1 FROM per_url WHERE url = '/new'"),
	'a commit shows up by itself');

$node->safe_psql('postgres',
	"INSERT INTO clicks SELECT now(), '/new', 6 FROM generate_series(1, 100);
	 REFRESH MATERIALIZED VIEW per_url");
is(oracle('postgres'), '0', 'REFRESH catches up');

# A writer in the background, a prepared transaction and a rollback.
$node->safe_psql('postgres', q{
	BEGIN; INSERT INTO clicks VALUES (now(), '/p', 1); PREPARE TRANSACTION 'p';
	BEGIN; INSERT INTO clicks VALUES (now(), '/r', 1); ROLLBACK;
	REFRESH MATERIALIZED VIEW per_url});
is(oracle('postgres'), '0', 'neither prepared nor rolled back rows');
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
ok( $node->poll_query_until(
		'postgres', "SELECT n = 1 FROM per_url WHERE url = '/p'"),
	'a prepared transaction shows up after its commit');

# Clean restart, and a restart while nobody is there.
$node->restart;
is(oracle('postgres'), '0', 'the same after a restart');
$node->safe_psql('postgres', "INSERT INTO clicks VALUES (now(), '/again', 5)");
ok( $node->poll_query_until(
		'postgres', "SELECT n = 1 FROM per_url WHERE url = '/again'"),
	'workers are back after a restart');
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW per_url');
is(oracle('postgres'), '0', 'the same after a crash');

# A killed worker comes back.
my $workers = q{FROM pg_stat_activity
	WHERE backend_type ~ '^streaming.* worker' AND datname = current_database()};
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 $workers"),
	'a worker is running');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $workers");
$node->safe_psql('postgres', "INSERT INTO clicks VALUES (now(), '/killed', 5)");
ok( $node->poll_query_until(
		'postgres', "SELECT n = 1 FROM per_url WHERE url = '/killed'"),
	'a killed worker is replaced');
is(oracle('postgres'), '0', 'and nothing is lost or doubled');

# Another database: found when the extension is created there.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION streaming');
setup_stream('other');
ok($node->poll_query_until('other', 'SELECT sum(n) = 1000 FROM per_url'),
	'a second database has workers of its own');
is(oracle('other'), '0', 'exactly');
$node->safe_psql('other', 'DROP EXTENSION streaming CASCADE');
is( $node->safe_psql('other',
		"SELECT count(*) FROM pg_class WHERE relname IN ('clicks', 'per_url')"),
	'0',
	'DROP EXTENSION CASCADE takes all of it');
ok( $node->poll_query_until('postgres', q{
		SELECT count(*) = 0 FROM pg_stat_activity
		WHERE backend_type ~ '^streaming' AND datname = 'other'}),
	'and its processes leave');
$node->safe_psql('postgres', 'DROP DATABASE other');

# Dropping.
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW per_url');
is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM pg_class
		WHERE relname ~ '^_(state|definition)_[0-9]+'}),
	'0',
	'a dropped view leaves nothing behind');

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/TRAP:|PANIC:|terminated by signal (?!9)/, 'no crash in the log');

done_testing();
