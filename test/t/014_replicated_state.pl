# A subscription does not write to the extension's own tables, whatever names the tables of
# a publisher have: what is applied and copied runs no hook, and the states of aggregates
# are trusted when they are read.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
wal_retrieve_retry_interval = 100ms
CONF
$node->append_conf('postgresql.conf',
	"streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'\n")
  if $ENV{STREAMING_MUTATION};
$node->start;

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int) USING stream;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT k, count(*) AS n, sum(k::numeric) FROM s GROUP BY k;
	INSERT INTO s VALUES (1), (1);
	REFRESH MATERIALIZED VIEW v;
	CREATE DATABASE publisher});

# who owns another server can have any table there
my $tables = $node->safe_psql(
	'postgres', q{
	SELECT format('CREATE TABLE %s (%s)', oid::regclass,
		(SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped))
	FROM pg_class c WHERE relnamespace = 'streaming'::regnamespace AND relkind = 'r'});
my $state = $node->safe_psql('postgres',
	q{SELECT state_table FROM streaming.views WHERE view = 'v'::regclass});
$node->safe_psql('publisher',
	'CREATE SCHEMA streaming; CREATE TABLE s (k int); ' . join(';', split /\n/, $tables));
$node->safe_psql(
	'publisher', qq{
	INSERT INTO $state (k, n) VALUES (2, 4711);
	INSERT INTO s VALUES (3);
	CREATE PUBLICATION streams FOR TABLE s;
	CREATE PUBLICATION everything FOR ALL TABLES});
$node->safe_psql('publisher', q{SELECT pg_create_logical_replication_slot('sub', 'pgoutput')});

my $connstr = $node->connstr . ' dbname=publisher';
my $right = q{
	SELECT count(*) FROM (SELECT k, count(*), sum(k::numeric) FROM s GROUP BY k EXCEPT ALL SELECT * FROM v) d};
my $all = q{SELECT string_agg(srrelid::regclass::text, ' ') FROM pg_subscription_rel};
my ($rc, $out, $err) = $node->psql('postgres',
	"CREATE SUBSCRIPTION sub CONNECTION '$connstr' PUBLICATION everything WITH (create_slot = false)");
is($rc, 0, 'a subscription to everything');
like($err, qr/leaves out the tables of extension/, '... says what it leaves out');
is($node->safe_psql('postgres', $all), 's', '... and does');
$node->wait_for_subscription_sync($node, 'sub');
$node->safe_psql('publisher', "INSERT INTO $state (k, n) VALUES (5, 4712); INSERT INTO s VALUES (4)");
$node->wait_for_catchup('sub');
$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW v');
is($node->safe_psql('postgres', 'SELECT k, n FROM v ORDER BY k'),
	"1|2\n3|1\n4|1", 'what is in streams arrives, nothing else');

$node->safe_psql('postgres', 'ALTER SUBSCRIPTION sub SET PUBLICATION streams');
$node->safe_psql('postgres', 'ALTER SUBSCRIPTION sub SET PUBLICATION everything');
is($node->safe_psql('postgres', $all), 's', 'the same when publications are changed');
$node->safe_psql('publisher', 'CREATE TABLE streaming._extra (k int)');
$node->safe_psql('postgres', 'CREATE TABLE streaming._extra (k int)');
$node->safe_psql('postgres', 'ALTER SUBSCRIPTION sub REFRESH PUBLICATION');
is($node->safe_psql('postgres', $all), 's', '... or looked at again');
$node->safe_psql('publisher', "INSERT INTO s VALUES (5); TRUNCATE $state");
$node->wait_for_catchup('sub');
$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW v');
is($node->safe_psql('postgres', $right), '0', 'the view is right');
is($node->safe_psql('postgres', 'SELECT count(*) FROM v'), '4', '... and has nothing else');

$node->safe_psql('postgres', 'DROP SUBSCRIPTION sub');
$node->stop;
done_testing();
