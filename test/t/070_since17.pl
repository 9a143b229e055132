# What PostgreSQL 17 has for copies of a cluster, with streams and views in it:
# incremental backups, pg_createsubscriber, slots that survive a failover.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
plan skip_all => 'since PostgreSQL 17' if $node->pg_version < 17;
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
summarize_wal = on
hot_standby_feedback = on
autovacuum = off
CONF
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int, v int, t text) PARTITION BY LIST (k) USING stream;
	CREATE TABLE s_0 PARTITION OF s FOR VALUES IN (0);
	CREATE TABLE s_1 PARTITION OF s FOR VALUES IN (1);
	CREATE TABLE e (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT k, count(*), sum(v), avg(v) FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW later WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT k, count(*), max(t) FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.output_mode = append) AS
		SELECT tumble(ts, '1 min') AS w, count(*) FROM e GROUP BY w;});

# Rows from one number to another into the streams, of one size or another.
sub put
{
	my ($on, $from, $to) = @_;
	$on->safe_psql(
		'postgres', qq{
		INSERT INTO s SELECT i % 2, i, repeat(md5(i::text), i % 10) FROM generate_series($from, $to) i;
		INSERT INTO e SELECT timestamptz '2026-01-01' + i * interval '1 s', i FROM generate_series($from, $to) i;});
	return;
}

# What the views show, and what they must show.
my @queries = (
	[
		'SELECT k, count, sum, avg FROM v ORDER BY k',
		'SELECT k, count(*), sum(v), avg(v) FROM s GROUP BY k ORDER BY k'
	],
	[
		'SELECT * FROM later ORDER BY k',
		'SELECT k, count(*), max(t) FROM s GROUP BY k ORDER BY k'
	],
	[
		'SELECT * FROM w ORDER BY 1',
		q{SELECT tumble(ts, '1 min') AS w, count(*) FROM e GROUP BY 1
			HAVING upper(tumble(ts, '1 min')) <= (SELECT max(ts) FROM e) ORDER BY 1}
	]);

sub check
{
	my ($on, $test) = @_;
	$on->safe_psql('postgres', "REFRESH MATERIALIZED VIEW $_")
	  for ('v', 'later', 'w');
	for my $pair (@queries)
	{
		is($on->safe_psql('postgres', $pair->[0]),
			$on->safe_psql('postgres', $pair->[1]),
			"$test: $pair->[0]");
	}
	return;
}

# ------------------------------------------------------- incremental backup

put($node, 1, 2000);
check($node, 'at first');
$node->backup('full');
my $full = $node->backup_dir . '/full/backup_manifest';

# rows that one view has read, rows that none has, rows that are never to be
put($node, 2001, 3000);
$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW v');
put($node, 3001, 3100);
$node->safe_psql('postgres', 'CREATE TABLE s_2 PARTITION OF s FOR VALUES IN (2)');
my $writer = $node->background_psql('postgres');
$writer->query_safe(
	q{BEGIN; INSERT INTO s SELECT i % 2, 1000000, repeat('lost', 100) FROM generate_series(1, 500) i});
$node->backup('first', backup_options => [ '--incremental', $full ]);
my $first = $node->backup_dir . '/first/backup_manifest';
$writer->query_safe('ROLLBACK');
$writer->quit;
put($node, 3101, 4000);
$node->safe_psql('postgres', q{INSERT INTO s SELECT 2, i, 'new' FROM generate_series(1, 100) i; VACUUM s});
$node->backup('second', backup_options => [ '--incremental', $first ]);

my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'second', combine_with_prior => [ 'full', 'first' ]);
$restored->append_conf('postgresql.conf', 'summarize_wal = off');
$restored->start;
is($restored->safe_psql('postgres', 'SELECT count(*), sum(v) FROM s'),
	$node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM s'),
	'incremental backup: the rows');
check($restored, 'incremental backup');
put($restored, 5000, 6000);
check($restored, 'incremental backup, and on');
$restored->stop;

# an older one, whose writer was cut off
$restored = PostgreSQL::Test::Cluster->new('restored_first');
$restored->init_from_backup($node, 'first', combine_with_prior => ['full']);
$restored->start;
is($restored->safe_psql('postgres', 'SELECT count(*) FROM s'),
	3100, 'the first of them: the rows');
check($restored, 'the first of them');
put($restored, 5000, 6000);
check($restored, 'the first of them, and on');
$restored->stop;

# ----------------------------------------------------- pg_createsubscriber

# It publishes all tables, so the views' state as well.  The subscription is
# changed to a publication of the streams before it applies anything.
$node->safe_psql('postgres',
	"CREATE PUBLICATION streams FOR TABLE s, e WITH (publish = 'insert', publish_via_partition_root)");
$node->backup('base');
my $sub = PostgreSQL::Test::Cluster->new('sub');
$sub->init_from_backup($node, 'base', has_streaming => 1);
$sub->set_standby_mode();
$sub->start;
put($node, 4001, 4500);
$node->wait_for_catchup($sub);
$sub->stop;
put($node, 4501, 4700);
command_ok(
	[
		'pg_createsubscriber', '--verbose', '-D', $sub->data_dir,
		'-P', $node->connstr('postgres'), '-s', $sub->host, '-p', $sub->port,
		'-d', 'postgres', '--publication', 'everything', '--subscription', 'sub'
	],
	'pg_createsubscriber');
put($node, 4701, 5000);
$sub->append_conf('postgresql.conf', 'max_logical_replication_workers = 0');
$sub->start;
$sub->safe_psql('postgres',
	'ALTER SUBSCRIPTION sub SET PUBLICATION streams WITH (copy_data = false)');
$node->safe_psql('postgres', 'DROP PUBLICATION everything');
$sub->adjust_conf('postgresql.conf', 'max_logical_replication_workers', '4');
$sub->restart;
$node->wait_for_catchup('sub');
is($sub->safe_psql('postgres', 'SELECT count(*), sum(v) FROM s'),
	$node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM s'),
	'pg_createsubscriber: the rows');
check($sub, 'pg_createsubscriber');
put($node, 5001, 5100);
$node->wait_for_catchup('sub');
check($sub, 'pg_createsubscriber, and on');
check($node, 'pg_createsubscriber, the publisher');

# ---------------------------------------------------------- failover slots

# The subscriber goes on with the standby of its publisher.
$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('standby')});
$node->backup('for_standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'for_standby', has_streaming => 1);
my $connstr = $node->connstr('postgres') =~ s/'/''/gr;
$standby->append_conf('postgresql.conf', <<CONF);
hot_standby_feedback = on
primary_slot_name = 'standby'
primary_conninfo = '$connstr application_name=standby'
CONF
$standby->start;
$node->append_conf('postgresql.conf', "synchronized_standby_slots = 'standby'");
$node->reload;
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION sub DISABLE');
$sub->poll_query_until('postgres',
	'SELECT count(*) = 0 FROM pg_stat_subscription WHERE pid IS NOT NULL');
$sub->safe_psql('postgres',
	'ALTER SUBSCRIPTION sub SET (failover); ALTER SUBSCRIPTION sub ENABLE');
put($node, 5101, 5200);
$node->wait_for_catchup('sub');
$node->wait_for_replay_catchup($standby);
ok( $standby->poll_query_until(
		'postgres',
		q{SELECT count(*) = 1 FROM (SELECT pg_sync_replication_slots()) x, pg_replication_slots
			WHERE slot_name = 'sub' AND synced AND NOT temporary}),
	'the slot is on the standby');
put($node, 5201, 5300);
$node->wait_for_replay_catchup($standby);
$node->stop('immediate');
$standby->promote;
$connstr = $standby->connstr('postgres') =~ s/'/''/gr;
$sub->safe_psql('postgres', "ALTER SUBSCRIPTION sub CONNECTION '$connstr'");
put($standby, 5301, 5400);
$standby->wait_for_catchup('sub');
check($standby, 'failover, the new primary');
check($sub, 'failover, the subscriber');
is( $sub->safe_psql('postgres', 'SELECT count(*), sum(v) FROM s'),
	$standby->safe_psql('postgres', 'SELECT count(*), sum(v) FROM s'),
	'failover: the rows');
$sub->stop;
$standby->stop;

done_testing();
