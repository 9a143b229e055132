# The change stream of a view is published like any stream: a subscriber, which knows
# nothing of the extension, has what has become of the result, and can make that of it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
streaming.retention_size = 64
CONF
$publisher->start;

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', 'wal_retrieve_retry_interval = 100ms');
$subscriber->start;

$publisher->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE SCHEMA shop;
	CREATE TABLE s (k int, x int) USING stream;
	CREATE MATERIALIZED VIEW shop.v WITH (streaming.continuous, streaming.changes) AS
		SELECT k, count(*) AS n, sum(x) AS x FROM s GROUP BY k HAVING sum(x) % 7 <> 0;
	INSERT INTO s SELECT i % 10, i FROM generate_series(1, 100) i;
	SELECT streaming.wait('shop.v');
	CREATE PUBLICATION pub FOR TABLE shop.v_changes;
	CREATE PUBLICATION schema_pub FOR TABLES IN SCHEMA shop;
});
for my $db ('postgres', 'other')
{
	$subscriber->safe_psql('postgres', "CREATE DATABASE $db") if $db ne 'postgres';
	$subscriber->safe_psql(
		$db, q{
		CREATE SCHEMA shop;
		CREATE TABLE shop.v_changes (batch int8, op text, k int, n int8, x int8);
		CREATE INDEX ON shop.v_changes (batch);
	});
}
my $connstr = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION sub CONNECTION '$connstr' PUBLICATION pub");
$subscriber->safe_psql('other',
	"CREATE SUBSCRIPTION sub_other CONNECTION '$connstr' PUBLICATION schema_pub WITH (binary)");
$subscriber->wait_for_subscription_sync($publisher, 'sub');
$subscriber->wait_for_subscription_sync($publisher, 'sub_other', 'other');

my $all = 'SELECT * FROM shop.v_changes ORDER BY batch, k, op, n';

# What the changes say is in the view, from the beginning.
my $shown = q{
	SELECT k, n, x FROM shop.v_changes GROUP BY k, n, x
	HAVING sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) > 0 ORDER BY k};

sub check
{
	my ($when) = @_;

	$publisher->safe_psql('postgres', "SELECT streaming.wait('shop.v')");
	for my $sub ('sub', 'sub_other')
	{
		my $db = $sub eq 'sub' ? 'postgres' : 'other';

		$publisher->wait_for_catchup($sub);
		my $here = $publisher->safe_psql('postgres', $all);
		my $there = $subscriber->safe_psql($db, $all);
		ok(length($here) > 0 && $here eq $there, "$sub has the changes $when");
		is( $subscriber->safe_psql($db, $shown),
			$publisher->safe_psql('postgres', 'SELECT * FROM shop.v ORDER BY k'),
			'... and so, the result');
	}
}

check('that were there before');
for my $round (1 .. 5)
{
	$publisher->safe_psql('postgres',
		"INSERT INTO s SELECT i % (10 + $round), i * $round FROM generate_series(1, 50) i");
	$publisher->safe_psql('postgres', "SELECT streaming.wait('shop.v')")
	  if $round % 2;
}
check('of several batches');

# Either side is away for a while.
$subscriber->stop('immediate');
$publisher->safe_psql('postgres',
	q{INSERT INTO s SELECT i % 7, 1 FROM generate_series(1, 40) i;
	  SELECT streaming.wait('shop.v')});
$publisher->stop('immediate');
$publisher->start;
$publisher->safe_psql('postgres', 'INSERT INTO s VALUES (3, 4), (17, 1)');
$subscriber->start;
check('after crashes');

# What is removed here, for all views have read it, stays there if only inserts are
# published.
$publisher->safe_psql('postgres',
	q{ALTER PUBLICATION pub SET (publish = 'insert')});
$publisher->safe_psql('postgres', q{INSERT INTO s VALUES (1, 1)});
check('before TRUNCATE');
my $before = $subscriber->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes');
$publisher->safe_psql('postgres', 'TRUNCATE shop.v_changes; INSERT INTO s VALUES (1, 1)');
$publisher->safe_psql('postgres', "SELECT streaming.wait('shop.v')");
$publisher->wait_for_catchup('sub');
my $new = $publisher->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes');
ok($new > 0, 'changes after TRUNCATE');
is( $subscriber->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes'),
	$before + $new,
	'... are added');

# Nor is a subscriber told what goes because it has been read, whatever is published.
$publisher->safe_psql('postgres',
	q{ALTER PUBLICATION pub SET (publish = 'insert, update, delete, truncate')});
$publisher->safe_psql('postgres',
	'CREATE MATERIALIZED VIEW reads WITH (streaming.continuous) AS SELECT op, count(*) AS n FROM shop.v_changes GROUP BY op');
for my $round (1 .. 8)
{
	$publisher->safe_psql('postgres',
		"INSERT INTO s SELECT i % 500, 1 FROM generate_series(1, 1000) i; SELECT streaming.wait('reads')");
}
my $here = $publisher->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes');
$publisher->safe_psql('postgres',
	'ALTER MATERIALIZED VIEW shop.v SET (streaming.changes_retention = consumed)');
# after a batch, if nobody reads it just then
ok( until_true {
		$publisher->safe_psql('postgres', "INSERT INTO s VALUES (1, 1); SELECT streaming.wait('reads')");
		$publisher->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes') < $here / 2;
	},
	'what has been read goes');
# and no more of it
$publisher->safe_psql('postgres', 'ALTER MATERIALIZED VIEW shop.v SET (streaming.enabled = off)');
$publisher->wait_for_catchup('sub');
is( $subscriber->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes'),
	$before + $publisher->safe_psql('postgres', 'SELECT sum(n) FROM reads'),
	'... and stays at the subscriber');
is( $subscriber->safe_psql('postgres', $shown),
	$publisher->safe_psql('postgres', 'SELECT * FROM shop.v ORDER BY k'),
	'... which has the result');
$new = $publisher->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes');

# Nobody applies anything to a change stream.
my $log_from = -s $publisher->logfile;
$subscriber->safe_psql('postgres', 'CREATE PUBLICATION back FOR TABLE shop.v_changes');
my $back = $subscriber->connstr . ' dbname=postgres';
$publisher->safe_psql('postgres',
	"CREATE SUBSCRIPTION back CONNECTION '$back' PUBLICATION back WITH (copy_data = off)");
$subscriber->safe_psql('postgres', q{INSERT INTO shop.v_changes VALUES (1, 'insert', 1, 1, 1)});
$publisher->wait_for_log(qr/cannot insert into "v_changes"/, $log_from);
is($publisher->safe_psql('postgres', 'SELECT count(*) FROM shop.v_changes'),
	$new, 'a subscription to the change stream of a view is refused');

done_testing();
