# Processes of a server are few.  Who may create databases, copies of one that has
# views, must not have them all.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Besides the server's own and the launcher there is room for seven.
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 9
streaming.workers = 3
});
$node->start;
# In a test build, only who has a worker has patience for more.
if ($node->psql('postgres', 'SHOW streaming.debug_limits') == 0)
{
	my $bug = join ',', 'no_polls', $ENV{STREAMING_MUTATION} || ();
	$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$bug'\n");
	$node->restart;
}

sub wait_for
{
	my ($query, $test) = @_;
	ok($node->poll_query_until('postgres', $query), $test);
	return;
}

# Inserts a row and waits until the view shows it.
sub check_alive
{
	my ($db, $test) = @_;
	$node->safe_psql($db, 'INSERT INTO s VALUES (1)');
	ok( $node->poll_query_until(
			$db, 'SELECT (SELECT n FROM v1) = (SELECT count(*) FROM s)'),
		$test);
	return;
}

$node->safe_psql(
	'postgres', q{
	CREATE ROLE hostile CREATEDB;
	CREATE ROLE victim;
	CREATE DATABASE model IS_TEMPLATE true;});
$node->safe_psql('model',
	'CREATE EXTENSION streaming; CREATE TABLE s (i int) USING stream;'
	  . join '',
	map {
		"CREATE MATERIALIZED VIEW v$_ WITH (streaming.continuous) AS
			SELECT count(*) AS n FROM s;"
	} 1 .. 4);
check_alive('model', 'a database with views');
my $processes = q{(SELECT count(*) FROM pg_stat_activity
	WHERE backend_type ~ '^streaming (scheduler|worker)' %s)};
wait_for('SELECT ' . sprintf($processes, '') . ' = 4',
	'takes as many processes as it can use');

# The last process is the scheduler of another, whose worker others make room for.
foreach my $db ('single', 'last')
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, q{CREATE EXTENSION streaming; CREATE TABLE s (i int) USING stream;
		CREATE MATERIALIZED VIEW v1 WITH (streaming.continuous) AS SELECT count(*) AS n FROM s});
	check_alive($db, "the only view of database $db follows");
}
check_alive('model', '... and the others');
$node->safe_psql('postgres', 'DROP DATABASE single');
$node->safe_psql('postgres', 'DROP DATABASE last');

$node->safe_psql('postgres', "SET ROLE hostile; CREATE DATABASE h$_ TEMPLATE model")
  for 1 .. 6;
wait_for('SELECT ' . sprintf($processes, q{AND datname ~ '^h'}) . ' > 0',
	'another gets some');
$node->safe_psql('postgres',
	'CREATE DATABASE mine OWNER victim TEMPLATE model');
check_alive('mine', "a third one's views follow");
check_alive('model', 'and those of the first');
cmp_ok(
	$node->safe_psql('postgres',
		q{SELECT count(DISTINCT datname) FROM pg_stat_activity
		  WHERE backend_type = 'streaming scheduler' AND datname ~ '^h'}),
	'<=',
	2,
	'who has many databases has not more than what is left');
my $served = $node->safe_psql('postgres',
	q{SELECT datname FROM pg_stat_activity
	  WHERE backend_type = 'streaming scheduler' AND datname ~ '^h' LIMIT 1});
ok($served, 'but something') and check_alive($served, 'and its views follow');
my $waiting = $node->safe_psql('postgres',
	q{SELECT min(datname) FROM pg_database d WHERE datname ~ '^h' AND NOT EXISTS
		(SELECT FROM pg_stat_activity a WHERE a.datname = d.datname AND backend_type ~ '^streaming')});
my ($rc, $out, $err) =
  $node->psql($waiting, 'REFRESH MATERIALIZED VIEW v1');
isnt($rc, 0, 'in the others nobody waits for ever');
like($err, qr/no background worker is available/, 'and learns why');

# not for ever
$node->safe_psql('postgres', "DROP DATABASE $_") for grep { $_ ne $waiting } map { "h$_" } 1 .. 6;
check_alive($waiting, 'when there is room, the views of the next follow');
check_alive('mine', 'and of the others');

$node->stop;
done_testing();
