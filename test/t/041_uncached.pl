# Groups that are in no cache: a batch looks many of them up together, and their rows
# may go before it reads them.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
streaming.workers = 1
streaming.state_cache_size = '64kB'
autovacuum = off
streaming.debug_limits = 'new_rows=1000'
});
$node->append_conf('postgresql.conf',
	"streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;
sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

my $query = 'SELECT k, count(*) AS c, sum(n) AS n FROM s GROUP BY k';
sql(q{
	CREATE EXTENSION streaming;
	CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm';
	CREATE FUNCTION _debug_disarm(text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_disarm';
	CREATE FUNCTION _debug_waiting(text) RETURNS int
		LANGUAGE c AS 'streaming', 'stream_debug_waiting';
	CREATE TABLE s (k int, n int) USING stream;
}, "CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.trigger = manual) AS $query");

# The worker of a view.
sub worker
{
	my ($view) = @_;
	my $pid = "SELECT worker_pid FROM streaming.views WHERE view = '$view'::regclass";
	$node->poll_query_until('postgres', "SELECT ($pid) IS NOT NULL")
	  or die 'a view has no worker';
	return sql($pid);
}

sub is_exact
{
	my ($test) = @_;
	sql('REFRESH MATERIALIZED VIEW v');
	is( sql("SELECT count(*) FROM ((TABLE v EXCEPT ALL $query)
			UNION ALL ($query EXCEPT ALL TABLE v)) x"),
		'0', $test);
	return;
}

my $table = sql('SELECT state_table FROM streaming.views');
my $fill = 'INSERT INTO s SELECT g, g FROM generate_series';

# What a batch that has failed has written is still in the index, ...
sql("SELECT _debug_arm('batch-after-merge', 'error')", "$fill(1, 6000) g");
my ($ret) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW v');
isnt($ret, 0, 'a batch fails after it has written its groups');

# ... so the next one, which has more groups and comes to them in another order, finds them there;
# their rows are gone when it reads them, and it writes others into their places.
sql("SELECT _debug_disarm('batch-after-merge')", "$fill(6001, 9000) g",
	'ALTER SYSTEM SET enable_hashagg = off', 'SELECT pg_reload_conf()',
	"SELECT _debug_arm('misses-looked-up', 'wait')");
my $batch = $node->background_psql('postgres');
$batch->query_until(qr/begun/, "\\echo begun\nREFRESH MATERIALIZED VIEW v;\n");
$node->poll_query_until('postgres',
	"SELECT _debug_waiting('misses-looked-up') > 0") or die 'nothing is looked up';
my ($out, $err);
is( $node->psql('postgres', "VACUUM (INDEX_CLEANUP on, TRUNCATE off, VERBOSE) $table",
		stderr => \$err), 0, 'VACUUM does not wait for a batch that has looked groups up');
like($err, qr/tuples: 6000 removed/, '... and removes their rows');
sql("SELECT _debug_disarm('misses-looked-up')");
is_exact('no group takes the row of another one');
$batch->quit;
sql('ALTER SYSTEM RESET enable_hashagg', 'SELECT pg_reload_conf()');

# Far more groups than the cache has, some of them new, in several orders; in one batch and
# in many; rows that move to other pages, for these are full.
for my $round (1 .. 6)
{
	my $order = (qw(g random() -g))[$round % 3];
	sql("INSERT INTO s SELECT (g * 7) % (6000 + 500 * $round), g
			FROM generate_series(1, 4000) g ORDER BY $order",
		$round < 4 ? 'REFRESH MATERIALIZED VIEW v' : 'SELECT 1');
	sql("INSERT INTO s VALUES ($_, $round)") for 1 .. 20;
	is_exact("exact after round $round");
}
is(sql("SELECT count(*) > 6000 AND count(*) = count(DISTINCT k) FROM $table"), 't',
	'a row for each group');

# The first row of each key, in the order of arrival, in which keys are handed on, too: also if
# a batch that has failed has left places of them in the index, in another order, ...
sql(q{CREATE TABLE e (h int, k int, n int, ts timestamptz) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '10 s')},
	'CREATE MATERIALIZED VIEW f WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT DISTINCT ON (k) k, ts, n FROM (SELECT DISTINCT ON (ts, k) ts, k, n FROM e) x',
	"INSERT INTO e SELECT g, g % 5, g, timestamptz '2024-01-01' - g * interval '1 ms'
		FROM generate_series(1, 500) g",
	"SELECT _debug_arm('batch-after-merge', 'error')");
($ret) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW f');
isnt($ret, 0, 'a batch fails after it has written its keys');
is( sql("SELECT _debug_disarm('batch-after-merge')", 'REFRESH MATERIALIZED VIEW f',
		'SELECT count(*), min(n), max(n) FROM f'),
	"\n5|1|5", 'the next one keeps the rows that have come first');

# ... and if of some that are cached it is known that they have expired.
sql('DROP MATERIALIZED VIEW f', q{CREATE MATERIALIZED VIEW f WITH (streaming.continuous,
		streaming.trigger = manual, streaming.distinct_within_watermark) AS
		SELECT k, array_agg(n) AS a FROM (SELECT DISTINCT ON (h) h, k, n, ts FROM e) x GROUP BY k},
	'REFRESH MATERIALIZED VIEW f');
my $first = worker('f');
sql("SELECT pg_terminate_backend($first, 60000)",
	"INSERT INTO e SELECT g, 100, g, '2024-01-01' FROM generate_series(1, 100) g",
	'REFRESH MATERIALIZED VIEW f',
	"INSERT INTO e VALUES (0, 101, 0, '2024-01-01 01:00')",
	'REFRESH MATERIALIZED VIEW f', 'REFRESH MATERIALIZED VIEW f',
	"INSERT INTO e SELECT CASE WHEN g % 2 = 0 THEN g ELSE 2000 + g END, 102, g, '2024-01-01 01:00'
		FROM generate_series(1, 100) g",
	'REFRESH MATERIALIZED VIEW f');
is( sql('SELECT a = ARRAY(SELECT generate_series(1, 100)) FROM f WHERE k = 102'), 't',
	'keys that are new again do not overtake others');
sql('DROP TABLE e CASCADE');

# Comparing ranges leaves something behind, which is given back in the course of a batch.
$fill = 'INSERT INTO r SELECT generate_series(1, 40000)';
sql('CREATE TABLE r (k int) USING stream',
	'CREATE MATERIALIZED VIEW ranges WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT int4range(k, k + 5) AS key, count(*) AS c FROM r GROUP BY key',
	$fill, 'REFRESH MATERIALIZED VIEW ranges');
my $hungry = worker('ranges');
sql("SELECT pg_terminate_backend($hungry, 60000)", $fill,
	"SELECT _debug_arm('lookups-end', 'wait')");
$batch = $node->background_psql('postgres');
$batch->query_until(qr/begun/, "\\echo begun\nREFRESH MATERIALIZED VIEW ranges;\n");
$node->poll_query_until('postgres',
	"SELECT _debug_waiting('lookups-end') > 0") or die 'nothing is looked up';
sql('SELECT pg_log_backend_memory_contexts(' . worker('ranges') . ')');
my ($log, $size) = (slurp_file($node->logfile));
for (1 .. 600)
{
	last if ($size) = $log =~ /look-ups in a state table: (\d+) total/;
	usleep(100_000);
	$log = slurp_file($node->logfile);
}
sql("SELECT _debug_disarm('lookups-end')", 'REFRESH MATERIALIZED VIEW ranges');
$batch->quit;
cmp_ok($size, '<', 4 * 1024 * 1024, 'memory for looking up many groups is bounded');
is(sql('SELECT count(*), sum(c) FROM ranges'), '40000|80000', '... in any number of scans');
sql('DROP TABLE r CASCADE');

# Who cancels a batch does not wait for all of the groups that it has looked up.
sql('CREATE AGGREGATE cancel(int) (sfunc = int4larger, stype = int4, combinefunc = int4larger,
		finalfunc = pg_cancel_backend)',
	'CREATE TABLE t (k int, n int) USING stream',
	'CREATE MATERIALIZED VIEW c WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT k, cancel(n) FROM t GROUP BY k',
	'INSERT INTO t SELECT g FROM generate_series(1, 500) g', 'REFRESH MATERIALIZED VIEW c');
my $former = worker('c');
sql("SELECT pg_terminate_backend($former, 60000)", 'REFRESH MATERIALIZED VIEW c');
my $cancelled = worker('c');
isnt($cancelled, $former, 'a worker whose cache is empty');
sql("INSERT INTO t SELECT g, $cancelled FROM generate_series(1, 500) g");
($ret, $out, $err) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW c');
like($err, qr/canceling statement due to user request/, 'the first group cancels its batch');
sql("SELECT pg_terminate_backend($cancelled, 60000)");
my $updated = "SELECT pg_stat_get_tuples_updated(state_table) FROM streaming.views WHERE view = 'c'::regclass";
$node->poll_query_until('postgres', "SELECT ($updated) > 0") or die 'no group was changed';
cmp_ok(sql($updated), '<', 100, '... and few others are changed before it ends');
sql('DROP TABLE t CASCADE');

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP:|PANIC:|terminated by signal/,
	'no crash in the log');

done_testing();
