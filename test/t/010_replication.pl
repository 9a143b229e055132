# A stream at the end of logical replication, and the ways of rows into it
# that regress tests cannot go: files, a standby, a crash.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
max_connections = 40
CONF
$publisher->start;

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
wal_retrieve_retry_interval = 100ms
CONF
$subscriber->start;

$_->safe_psql('postgres', 'CREATE EXTENSION streaming')
  for ($publisher, $subscriber);

#
# A heap and a stream are published; streams subscribe.
#
$publisher->safe_psql(
	'postgres', q{
	CREATE TABLE from_heap (id int PRIMARY KEY, v text);
	CREATE TABLE from_stream (id int, v text) USING stream;
	CREATE TABLE root (id int, v text) PARTITION BY RANGE (id);
	CREATE TABLE root_1 PARTITION OF root FOR VALUES FROM (0) TO (1000);
	CREATE TABLE root_2 PARTITION OF root FOR VALUES FROM (1000) TO (2000);
	INSERT INTO from_heap SELECT i, repeat('h', i) FROM generate_series(1, 500) i;
	INSERT INTO from_stream SELECT i, repeat('s', i) FROM generate_series(1, 500) i;
	INSERT INTO root SELECT i, 'p' FROM generate_series(1, 1999) i;
	CREATE PUBLICATION pub FOR TABLE from_heap, from_stream, root
		WITH (publish_via_partition_root);
});
$subscriber->safe_psql(
	'postgres', q{
	CREATE TABLE from_heap (id int PRIMARY KEY, v text) USING stream;
	CREATE TABLE from_stream (id int, v text) USING stream;
	CREATE TABLE root (id int, v text) PARTITION BY HASH (id);
	CREATE TABLE root_a PARTITION OF root FOR VALUES WITH (modulus 2, remainder 0)
		USING stream;
	CREATE TABLE root_b PARTITION OF root FOR VALUES WITH (modulus 2, remainder 1)
		USING stream;
});
my $connstr = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION sub CONNECTION '$connstr' PUBLICATION pub WITH (streaming = on)");
$subscriber->wait_for_subscription_sync($publisher, 'sub');

my $counts = q{
	SELECT (SELECT count(*) || '/' || sum(length(v)) FROM from_heap),
		(SELECT count(*) || '/' || sum(length(v)) FROM from_stream),
		(SELECT count(*) || '/' || sum(id) FROM root)};
my $expected = $publisher->safe_psql('postgres', $counts);
is($subscriber->safe_psql('postgres', $counts),
	$expected, 'initial copy into streams');

$publisher->safe_psql(
	'postgres', q{
	INSERT INTO from_heap SELECT i, repeat('h', i) FROM generate_series(501, 600) i;
	BEGIN;
	INSERT INTO from_stream SELECT i, repeat('s', 20) FROM generate_series(501, 600) i;
	SAVEPOINT a;
	INSERT INTO from_stream VALUES (0, 'lost');
	ROLLBACK TO a;
	INSERT INTO root VALUES (5, 'five'), (1005, 'more');
	COMMIT;
	INSERT INTO from_stream SELECT i, repeat(md5(i::text), 100)
		FROM generate_series(1000, 1100) i;
});
$publisher->wait_for_catchup('sub');
$expected = $publisher->safe_psql('postgres', $counts);
is($subscriber->safe_psql('postgres', $counts),
	$expected, 'rows applied to streams');

# The applier places its rows at the end like any other writer: others write
# in between.
for my $round (1 .. 3)
{
	$subscriber->safe_psql('postgres',
		"INSERT INTO from_stream SELECT $round * 10000 + i, repeat('l', 200)
		 FROM generate_series(1, 200) i");
	my $pages = $subscriber->safe_psql('postgres',
		"SELECT pg_relation_size('from_stream') / 8192");
	$publisher->safe_psql('postgres',
		"INSERT INTO from_stream VALUES (-$round, 'applied')");
	$publisher->wait_for_catchup('sub');
	is( $subscriber->safe_psql(
			'postgres', "SELECT (ctid::text::point)[0] >= $pages - 1
			FROM from_stream WHERE id = -$round"),
		't',
		"row applied at the end ($round)");
}

# A change that a stream cannot take stops the subscription with our error.
my $log_from = -s $subscriber->logfile;
$publisher->safe_psql('postgres', "UPDATE from_heap SET v = 'x' WHERE id = 1");
$subscriber->wait_for_log(
	qr/ERROR: ( [0A-Z]+:)? cannot update rows of stream "from_heap"/, $log_from);
pass('an applied UPDATE is refused');
is( $subscriber->safe_psql(
		'postgres', 'SELECT length(v) FROM from_heap WHERE id = 1'),
	'1',
	'... and changes nothing');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION sub DISABLE');
$subscriber->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_subscription WHERE pid IS NOT NULL");
$subscriber->safe_psql('postgres',
	q{ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub});
$publisher->safe_psql('postgres',
	"SELECT pg_drop_replication_slot('sub')");

#
# COPY through files, in all formats.
#
my $file = $publisher->safe_psql('postgres', 'SHOW data_directory') . '/copy.data';
my $sum =
  "SELECT count(*), sum(id), md5(string_agg(id || v, ',' ORDER BY id, v)) FROM";
$expected = $publisher->safe_psql('postgres', "$sum from_stream");
for my $format ('text', 'csv', 'binary')
{
	$publisher->safe_psql(
		'postgres', qq{
		COPY from_stream TO '$file' (FORMAT $format);
		CREATE TABLE copied (LIKE from_stream) USING stream;
		COPY copied FROM '$file' (FORMAT $format);
	});
	is($publisher->safe_psql('postgres', "$sum copied"),
		$expected, "COPY $format");
	$publisher->safe_psql('postgres', 'DROP TABLE copied');
}

#
# Many writers at once leave the table about as dense as it can be.
#
$publisher->safe_psql('postgres',
	'CREATE TABLE dense (id int, v text) USING stream');
$publisher->pgbench(
	'--no-vacuum --client=16 --transactions=200 --protocol=prepared',
	0,
	[qr{processed: 3200/3200}],
	[qr{^$}],
	'16 writers',
	{ '010_dense' => "INSERT INTO dense VALUES (1, repeat('x', 400))" });
is( $publisher->safe_psql(
		'postgres', "SELECT count(*), pg_relation_size('dense') / 8192
			<= 1.1 * ceil(3200 / 18.0) FROM dense"),
	'3200|t',
	'... waste little room');

#
# A crash: what was committed is there, an unlogged stream is empty.
#
$publisher->safe_psql(
	'postgres', q{
	CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY) USING stream;
	INSERT INTO unlogged SELECT generate_series(1, 100);
	INSERT INTO from_stream VALUES (7777, 'before the crash');
});
$publisher->stop('immediate');
$publisher->start;
is( $publisher->safe_psql(
		'postgres', q{SELECT (SELECT count(*) FROM unlogged),
			(SELECT v FROM from_stream WHERE id = 7777)}),
	'0|before the crash',
	'crash recovery');
$publisher->safe_psql('postgres',
	q{INSERT INTO unlogged VALUES (1); INSERT INTO from_stream VALUES (7778, 'after')});

#
# A standby reads streams, and takes over.
#
$publisher->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($publisher, 'backup', has_streaming => 1);
$standby->start;
$publisher->safe_psql(
	'postgres', q{
	CREATE INDEX ON from_stream (v);
	INSERT INTO from_stream SELECT i, 'replicated' FROM generate_series(1, 1000) i;
});
$publisher->wait_for_catchup($standby);
is( $standby->safe_psql(
		'postgres', q{SET enable_seqscan = off;
		SELECT count(*) FROM from_stream WHERE v = 'replicated'}),
	'1000',
	'a standby reads the stream');
$publisher->stop;
$standby->promote;
$standby->safe_psql('postgres',
	"INSERT INTO from_stream SELECT i, 'promoted' FROM generate_series(1, 10) i");
is( $standby->safe_psql(
		'postgres', q{SET enable_seqscan = off;
		SELECT count(*) FROM from_stream WHERE v = 'promoted'}),
	'10',
	'a promoted standby writes to it');

# Without the library in shared_preload_libraries a stream is still a stream.
$standby->stop;
$standby->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$standby->start;
$standby->safe_psql('postgres',
	"BEGIN; INSERT INTO from_stream VALUES (8888, 'not preloaded'); COMMIT;
	 BEGIN; INSERT INTO from_stream VALUES (8889, 'not preloaded'); SAVEPOINT a;
	 INSERT INTO from_stream VALUES (8890, 'lost'); ROLLBACK TO a; COMMIT");
is( $standby->safe_psql(
		'postgres', "SELECT count(*) FROM from_stream WHERE v = 'not preloaded'"),
	'2',
	'a stream can be written to without the library preloaded');
# but what views need cannot be had
for my $call ('wait', 'explain')
{
	my ($ret, $stdout, $stderr) =
	  $standby->psql('postgres', "SELECT streaming.$call('from_stream')");
	like($stderr, qr/streaming must be loaded when the server starts/,
		"streaming.$call says what is missing");
}

done_testing();
