# TRUNCATE that a subscription applies comes by no command of ours: it must not
# take rows away from under a continuous view.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
wal_retrieve_retry_interval = 100ms
CONF
$subscriber->start;

$publisher->safe_psql(
	'postgres', q{
	CREATE TABLE s (k int);
	CREATE TABLE p (k int) PARTITION BY LIST (k);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
	CREATE TABLE unread (k int);
	CREATE PUBLICATION pub FOR TABLE s, p, unread
		WITH (publish = 'insert, truncate', publish_via_partition_root);
});
$subscriber->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int) USING stream;
	CREATE TABLE p (k int) PARTITION BY LIST (k);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
	CREATE TABLE unread (k int) USING stream;
	CREATE MATERIALIZED VIEW m WITH (streaming.continuous) AS
		SELECT count(*), sum(k) FROM s;
	CREATE MATERIALIZED VIEW mp WITH (streaming.continuous) AS
		SELECT count(*) FROM p;
});
my $connstr = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION sub CONNECTION '$connstr' PUBLICATION pub");
$subscriber->wait_for_subscription_sync($publisher, 'sub');

sub insert
{
	$publisher->safe_psql('postgres', $_[0]);
	$publisher->wait_for_catchup('sub');
}

# Applies the statement, which is expected to stop the subscription.
sub applies_in_vain
{
	my ($sql, $stream) = @_;
	my $from = -s $subscriber->logfile;

	$publisher->safe_psql('postgres', $sql);
	$subscriber->wait_for_log(
		qr/ERROR: +(55006: )?cannot truncate stream "$stream" while continuous views read it/,
		$from);
	pass("an applied TRUNCATE of $stream is refused");
}

# Leaves out everything that waits to be applied, and goes on.
sub pass_over
{
	$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION sub DISABLE');
	$subscriber->poll_query_until('postgres',
		'SELECT count(*) = 0 FROM pg_stat_subscription WHERE pid IS NOT NULL');
	$publisher->poll_query_until('postgres',
		q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'sub'});
	my $lsn = $publisher->lsn('insert');
	my $origin = $subscriber->safe_psql('postgres',
		q{SELECT 'pg_' || oid FROM pg_subscription WHERE subname = 'sub'});
	$subscriber->safe_psql('postgres',
		"SELECT pg_replication_origin_advance('$origin', '$lsn')");
	$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION sub ENABLE');
}

insert('INSERT INTO s VALUES (1), (2); INSERT INTO p VALUES (1)');
$subscriber->safe_psql('postgres',
	"SELECT count(streaming.wait(view)) FROM streaming.views");
is($subscriber->safe_psql('postgres', 'SELECT * FROM m'), '2|3', 'rows arrive');

# rows that the view has not read yet
$subscriber->safe_psql('postgres',
	q{ALTER MATERIALIZED VIEW m SET (streaming.trigger = 'manual')});
insert('INSERT INTO s VALUES (3), (4)');
applies_in_vain('TRUNCATE s', 's');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM s'),
	'4', '... and takes nothing away');
pass_over();
insert('INSERT INTO s VALUES (5)');
$subscriber->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW m');
is($subscriber->safe_psql('postgres', 'SELECT * FROM m'),
	'5|15', '... and the view goes on');

# a partition
applies_in_vain('TRUNCATE p', 'p1');
pass_over();

# a stream that no view reads
insert('INSERT INTO unread VALUES (1); TRUNCATE unread; INSERT INTO unread VALUES (2)');
is($subscriber->safe_psql('postgres', 'SELECT k FROM unread'),
	'2', 'without views, it is applied');

# one that a released view reads
$subscriber->safe_psql('postgres', q{SELECT streaming.release('mp')});
insert('TRUNCATE p; INSERT INTO p VALUES (1)');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM p'),
	'1', 'with released ones, too');

# the subscriber's own TRUNCATE
$subscriber->safe_psql('postgres', 'INSERT INTO s VALUES (6); TRUNCATE s');
is($subscriber->safe_psql('postgres', 'SELECT * FROM m'),
	'6|21', 'TRUNCATE on the subscriber consumes first');
insert('INSERT INTO s VALUES (7)');
$subscriber->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW m');
is($subscriber->safe_psql('postgres', 'SELECT * FROM m'),
	'7|28', '... and what comes is read');

# as the manual says
$publisher->safe_psql('postgres',
	q{ALTER PUBLICATION pub SET (publish = 'insert')});
insert('TRUNCATE s; INSERT INTO s VALUES (8)');
$subscriber->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW m');
is($subscriber->safe_psql('postgres', 'SELECT * FROM m'),
	'8|36', q{publish = 'insert' leaves it out});

done_testing();
