# pg_dump and pg_restore: continuous views come back with all that was about them, and
# go on exactly where the dump has them.  The database that was dumped says what they
# must be.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $dir = "$ENV{TESTDIR}/upgrade";
my $tmp = PostgreSQL::Test::Utils::tempdir;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 40
max_connections = 60
autovacuum = off
});
$node->start;

sub run_file
{
	my ($dbname, $file, @params) = @_;
	my ($out, $err) = ('', '');
	$node->psql(
		$dbname, undef,
		stdout => \$out,
		stderr => \$err,
		extra_params => [ '-q', '-v', 'ON_ERROR_STOP=1', @params, '-f', "$dir/$file" ]);
	is($err, '', "$dbname: $file @params");
	return $out;
}

# What views are and show, but for the places of rows on disk.
sub check
{
	my ($dbname) = @_;
	my $out = run_file($dbname, 'check.sql');
	$out =~ s/\|\(\d+,\d+\)$/|(tid)/mg;
	return $out;
}

# Waits until nothing is being restored.
sub wait_restored
{
	my ($dbname, $name) = @_;
	ok( $node->poll_query_until(
			$dbname, q{SELECT count(*) = 0 FROM streaming._restore}),
		"$name: restored")
	  or diag($node->safe_psql($dbname,
			q{SELECT view, last_error FROM streaming.views WHERE state = 'restoring'}));
}

sub pg
{
	my ($name, @command) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$err);
	ok($ok && $err eq '', "$name") or diag($err);
}

my $port = $node->port;
my $host = $node->host;
my @at = ('-h', $host, '-p', $port);

# ------------------------------------------------------- views of all kinds

$node->safe_psql('postgres', 'CREATE DATABASE orig');
run_file('orig', 'views.sql');
run_file('orig', 'operators.sql');
run_file('orig', 'rows.sql', '-v', 'part=1');
run_file('orig', 'refresh.sql');
run_file('orig', 'trouble.sql');
$node->safe_psql('orig', q{
	SET ROLE upgrade_owner;
	SELECT streaming.release('shop.let_go')});
# rows that nobody sees, in the way of who counts
$node->safe_psql('orig', q{
	BEGIN;
	INSERT INTO shop.clicks SELECT FROM generate_series(1, 300);
	INSERT INTO shop.plain SELECT 3, 3 FROM generate_series(1, 300);
	ROLLBACK});
run_file('orig', 'rows.sql', '-v', 'part=2');
run_file('orig', 'refresh.sql');
# a failed view would be tried again
$node->safe_psql('orig', 'DROP MATERIALIZED VIEW shop.failing; TRUNCATE streaming._error')
  if 0;
run_file('orig', 'rows.sql', '-v', 'part=3');
$node->safe_psql('orig', q{SELECT streaming.wait('shop.eager')});

pg('plain', 'pg_dump', @at, '--no-sync', '-f', "$tmp/plain.sql", 'orig');
pg('custom', 'pg_dump', @at, '--no-sync', '-Fc', '-f', "$tmp/custom", 'orig');
pg('directory', 'pg_dump', @at, '--no-sync', '-Fd', '-j', '3', '-f', "$tmp/directory", 'orig');
# what is read later is not in the dump
my $stood = check('orig');
run_file('orig', 'refresh.sql');
my $read = check('orig');
run_file('orig', 'rows.sql', '-v', 'part=4');
run_file('orig', 'refresh.sql');
$node->safe_psql('orig', q{SELECT streaming.wait('shop.eager')});
my $gone_on = check('orig');

my %restore = (
	plain => sub { ('psql', @at, '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', "$tmp/plain.sql", '-d', shift) },
	custom => sub { ('pg_restore', @at, '-d', shift, "$tmp/custom") },
	single => sub { ('pg_restore', @at, '-1', '-d', shift, "$tmp/custom") },
	directory => sub { ('pg_restore', @at, '-j', '4', '-d', shift, "$tmp/directory") });
foreach my $way (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $way");
	pg("restore of $way", $restore{$way}->($way));
	wait_restored($way, $way);
	$node->safe_psql($way, q{SELECT streaming.wait('shop.eager')});
	is(check($way), $stood, "$way: as they stood");
	run_file($way, 'refresh.sql');
	is(check($way), $read, "$way: what was not read");
	run_file($way, 'rows.sql', '-v', 'part=4');
	run_file($way, 'refresh.sql');
	$node->safe_psql($way, q{SELECT streaming.wait('shop.eager')});
	is(check($way), $gone_on, "$way: going on");
	is(run_file($way, 'oracle.sql'), '', "$way: they are what their queries say");
}

$node->stop;
done_testing();
