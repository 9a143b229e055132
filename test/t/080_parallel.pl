# Backlogs that the server's parallel workers help with: they see the rows that the process of
# the batch would see alone, and what is late or too far in the future is as it would be.
#
# Needs a test build, in which any batch counts as a backlog.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 48
max_parallel_workers = 32
max_prepared_transactions = 4
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
parallel_tuple_cost = 0
parallel_leader_participation = off
timezone = 'UTC'
});
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;
plan skip_all => 'no test build'
  if $node->psql('postgres', 'SHOW streaming.debug_limits') != 0;
$node->append_conf('postgresql.conf', "streaming.debug_limits = 'backlog=1'");
$node->restart;

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

sql(q{
	CREATE EXTENSION streaming;
	-- in which kind of process a row is looked at
	CREATE FUNCTION process(int) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
	BEGIN
		IF $1 = -1 THEN
			RAISE 'no such row';
		END IF;
		RETURN (SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid());
	END $$;
	CREATE TABLE s (k int, x int, pad text) USING stream;
	ALTER TABLE s ALTER pad SET STORAGE PLAIN;
	CREATE TABLE e (ts timestamptz, k int, x int) USING stream WITH (streaming.event_time = 'ts',
		streaming.watermark = '5 hours', streaming.max_future = '1 day');
	CREATE TABLE p (ts timestamptz, k int, x int) PARTITION BY LIST (k);
	CREATE TABLE p0 PARTITION OF p FOR VALUES IN (0) USING stream;
	CREATE TABLE p1 (x int, gone int, k int, ts timestamptz) USING stream;
	ALTER TABLE p1 DROP gone;
	ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1, 2, 3);
	ALTER TABLE p SET (streaming.event_time = 'ts', streaming.watermark = '5 hours');
	CREATE TABLE names (k int PRIMARY KEY, name text);
	CREATE TABLE nobody (k int, name text);
	INSERT INTO names SELECT i, 'n' || i % 3 FROM generate_series(0, 9) i;
});

my %query = (
	groups => 'SELECT k, count(*) AS n, sum(x) AS s, avg(x) AS a, min(pad) AS lo FROM s GROUP BY k',
	whole => 'SELECT count(*) AS n, sum(x) AS s, string_agg(DISTINCT left(pad, 1), NULL) AS pads FROM s',
	windows => q{SELECT tumble(ts, '5 minutes') AS w, k, count(*) AS n, avg(x) AS a, max(ts) AS hi
		FROM e GROUP BY 1, 2},
	parts => q{SELECT tumble(ts, '5 minutes') AS w, k, count(*) AS n, sum(x) AS a FROM p GROUP BY 1, 2},
	by_k => 'SELECT k, count(*) AS n, max(x) AS hi FROM p WHERE x % 3 > 0 GROUP BY k',
	joined => 'SELECT name, count(*) AS n, sum(x) AS s FROM s JOIN names USING (k) GROUP BY name',
	nothing => 'SELECT name, count(*) AS n FROM s JOIN nobody USING (k) GROUP BY name');
my %allowed = (windows => q{ts < '2026-01-02' AND x >= 0}, parts => q{x >= 0}, by_k => 'true');

sql("CREATE MATERIALIZED VIEW $_ WITH (streaming.continuous) AS $query{$_}") for sort keys %query;
sql(q{CREATE MATERIALIZED VIEW seen_by WITH (streaming.continuous) AS
	SELECT k, count(*) AS n, min(process(x)) AS lo, max(process(x)) AS hi FROM s GROUP BY k});

sub are_exact
{
	my ($test) = @_;
	for my $view (sort keys %query, 'seen_by')
	{
		sql("REFRESH MATERIALIZED VIEW $view");
		my ($query, $of) = $view eq 'seen_by' ?
		  ('SELECT k, count(*) AS n FROM s GROUP BY k', '(SELECT k, n FROM seen_by)') : ($query{$view}, $view);
		# what is late (negative here), or in the future, is in no window
		$query =~ s/FROM (\w+) GROUP/FROM $1 WHERE $allowed{$view} GROUP/ if $allowed{$view};
		is(sql("SELECT count(*) FROM ((SELECT * FROM $of q EXCEPT ALL $query) UNION ALL ($query EXCEPT ALL SELECT * FROM $of q)) x"),
			0, "$test: $view");
	}
	is(sql('SELECT max(lag_rows) FROM streaming.views'), 0, "$test: all has been read");
	return;
}

sub feed
{
	my ($from, $n) = @_;
	return (
		"INSERT INTO s SELECT i % 12, i, repeat(chr(97 + i % 5), 400) FROM generate_series($from, $from + $n) i",
		"INSERT INTO e SELECT '2026-01-01'::timestamptz + make_interval(secs => i), i % 4, i FROM generate_series($from, $from + $n) i",
		"INSERT INTO p SELECT '2026-01-01'::timestamptz + make_interval(secs => i), i % 4, i FROM generate_series($from, $from + $n) i");
}

sql(feed(1, 4000));
are_exact('a backlog');
is(sql(q{SELECT DISTINCT lo, hi FROM seen_by}), 'parallel worker|parallel worker',
	'other processes have read it');
is(sql('SELECT max(rows) FROM streaming.progress'), 4001, 'each row counts once');

# Rows of transactions that are still running, and of others that are rolled back.
sql('BEGIN', feed(4500, 3000), q{PREPARE TRANSACTION 'later'});
sql('BEGIN', feed(4500, 2000), 'ROLLBACK');
sql(feed(5000, 2000));
are_exact('while others write');
sql(q{COMMIT PREPARED 'later'});
are_exact('when they have committed');

# Late rows and those of the future, among others.
sql(q{INSERT INTO e SELECT '2025-12-31'::timestamptz + make_interval(secs => i), i % 4, -i - 2 FROM generate_series(1, 500) i},
	q{INSERT INTO p SELECT '2025-12-31'::timestamptz + make_interval(secs => i), i % 4, -i - 2 FROM generate_series(1, 500) i},
	q{INSERT INTO e SELECT clock_timestamp() + make_interval(days => 1 + i), i % 4, i FROM generate_series(1, 300) i},
	q{INSERT INTO e VALUES (NULL, 1, -2)}, feed(8000, 3000));
delete $query{by_k};
are_exact('late rows');
is(sql(q{SELECT view, late_rows, null_rows FROM streaming.views WHERE view IN ('windows'::regclass, 'parts'::regclass) ORDER BY view::text}),
	"parts|500|0\nwindows|500|1", 'they have been counted');
is(sql(q{SELECT reason, count(*), count(DISTINCT event_time) FROM streaming.errors GROUP BY 1}), 'future|300|300',
	'what is too far in the future has been put aside, once');
is(sql(q{SELECT watermark FROM streaming.views WHERE view = 'windows'::regclass}),
	sql(q{SELECT max(ts) - interval '5 hours' FROM e WHERE ts < clock_timestamp()}), 'the watermark is of the others');

# How many rows there are is known before any has been read, also of narrow ones; a group of views takes a
# part of them, cut within a page, and those that help end there, too.
sql(q{ALTER SYSTEM SET streaming.debug_limits = 'backlog=15000'});
$node->restart;
sql(q{
	CREATE TABLE narrow (k int, x int) USING stream;
	INSERT INTO narrow SELECT i % 7, i FROM generate_series(1, 50000) i;
	CREATE MATERIALIZED VIEW alone WITH (streaming.continuous) AS
		SELECT k, count(*) AS n, min(process(x)) AS lo, max(process(x)) AS hi FROM narrow GROUP BY k;
	BEGIN;
	CREATE MATERIALIZED VIEW one WITH (streaming.continuous, streaming.group = 'g', streaming.max_batch_rows = 20001) AS
		SELECT k, count(*) AS n, sum(x) AS x, min(process(x)) AS lo FROM narrow GROUP BY k;
	CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.group = 'g') AS
		SELECT count(*) AS n, sum(x) AS x, min(process(x)) AS lo FROM narrow;
	COMMIT;
	REFRESH MATERIALIZED VIEW alone;
	REFRESH MATERIALIZED VIEW two});
is(sql('SELECT sum(n), min(lo), max(hi) FROM alone'), '50000|parallel worker|parallel worker', 'many narrow rows are a backlog');
is(sql('SELECT sum(n), sum(x), min(lo) FROM one'), '50000|1250025000|parallel worker', 'and so is a part of what a group reads');
is(sql('SELECT n, x, lo FROM two'), '50000|1250025000|parallel worker', '... each view of it');
is(sql(q{SELECT string_agg(rows::text, ' ' ORDER BY batch) FROM streaming.progress WHERE view = 'two'::regclass AND rows > 0}),
	'20001 20001 9998', 'in parts');
sql(q{DROP MATERIALIZED VIEW alone, one, two}, q{ALTER SYSTEM RESET streaming.debug_limits});
$node->restart;

# What fails in another process fails the batch.
sql('INSERT INTO s VALUES (1, -1, NULL)');
my ($rc, $out, $err) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW seen_by');
like($err, qr/no such row/, 'an error there is that of the batch');
sql(q{CREATE OR REPLACE FUNCTION process(int) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE RETURN 'x'});
are_exact('after an error');

$node->stop;
done_testing();
