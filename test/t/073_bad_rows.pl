# Rows that fail, under load: each is put aside once, the others are read once, and so they
# are when they are fed again, whatever ends the worker or the server meanwhile.
#
# Needs a test build.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;
use Time::HiRes qw(usleep);

my $seed = $ENV{STREAMING_SEED} || time;
srand($seed);
note("STREAMING_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 16
restart_after_crash = on
fsync = off
});
# (test/mutations.sh)
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'\n")
  if $ENV{STREAMING_MUTATION};
$node->start;
plan skip_all => 'needs a test build'
  if $node->psql('postgres',
	"CREATE FUNCTION _debug_arm(text, text) RETURNS void
	 LANGUAGE c AS 'streaming', 'stream_debug_arm'") != 0;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE FUNCTION _debug_advance_clock(interval) RETURNS void
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_advance_clock';
	CREATE TABLE s (writer int, n int, x int) PARTITION BY LIST (writer);
	CREATE TABLE s0 PARTITION OF s FOR VALUES IN (0, 1, 2) USING stream;
	CREATE TABLE s1 PARTITION OF s FOR VALUES IN (3) USING stream;
	CREATE FUNCTION inverse(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		'BEGIN RETURN 1000 / x; END';
	CREATE MATERIALIZED VIEW per_writer WITH (streaming.continuous,
		streaming.on_error = skip, streaming.max_errors = 1000000) AS
		SELECT writer, count(*) AS c, sum(inverse(x)) AS y FROM s GROUP BY writer;
	CREATE MATERIALIZED VIEW pairs WITH (streaming.continuous,
		streaming.on_error = skip, streaming.max_errors = 1000000) AS
		SELECT a.writer, a.n, inverse(a.x) + inverse(b.x) AS y
		FROM s a JOIN s b ON a.writer = b.writer AND b.n = a.n + 3;
});

my %query = (
	per_writer =>
	  'SELECT writer, count(*) AS c, sum(1000 / x) AS y FROM rest GROUP BY writer',
	pairs => 'SELECT a.writer, a.n, 1000 / a.x + 1000 / b.x AS y
	  FROM rest a JOIN rest b ON a.writer = b.writer AND b.n = a.n + 3');

# View and query over what was not put aside; and no row twice among what was.
sub check
{
	my ($name) = @_;
	for my $view (sort keys %query)
	{
		$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW $view");
		my $rest = qq{WITH rest AS (SELECT * FROM s WHERE (tableoid, ctid)
			NOT IN (SELECT partition, tid FROM streaming.errors
				WHERE view = '$view'::regclass))};
		is( $node->safe_psql(
				'postgres', qq{
				SELECT count(*) FROM (
					(TABLE $view EXCEPT ALL ($rest $query{$view}))
					UNION ALL
					(($rest $query{$view}) EXCEPT ALL TABLE $view)) d}),
			0,
			"$name: $view equals its query");
		is( $node->safe_psql(
				'postgres', qq{
				SELECT count(*), count(DISTINCT (partition, tid)), (SELECT skipped_rows
					FROM streaming.views WHERE view = '$view'::regclass) = count(*)
				FROM streaming.errors WHERE view = '$view'::regclass}) =~
			  /^(\d+)\|\1\|t$/ ? 1 : 0,
			1,
			"$name: each row of $view is put aside once");
	}
	return;
}

# Writers with transactions of all lengths, some of which are rolled back.
my @next = (1) x 4;

sub writer_script
{
	my ($writer, $many) = @_;
	my $sql = '';
	for (1 .. $many)
	{
		my $n = $next[$writer];
		my $rows = 1 + int(rand(20));
		my $r = rand();
		my $insert = "INSERT INTO s SELECT $writer, x, CASE WHEN x % 61 = 0 "
		  . "THEN 0 ELSE x % 1000 + 1 END FROM generate_series($n, $n + $rows - 1) x;\n";
		$sql .= "BEGIN;\n$insert";
		$sql .= "SELECT pg_sleep(0.02);\n" if $r < 0.2;
		$sql .= $r > 0.9 ? "ROLLBACK;\n" : "COMMIT;\n";
		$next[$writer] += $rows if $r <= 0.9;
	}
	return $sql;
}

sub write_rows
{
	my ($many) = @_;
	my @writers;
	for my $w (0 .. 3)
	{
		my ($in, $out) = (writer_script($w, $many), '');
		push @writers,
		  IPC::Run::start(
			[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
			'<', \$in, '>', \$out, '2>', \$out);
	}
	return @writers;
}

# Waits for writers; whoever has lost the server does not read what is left of his script.
sub finish
{
	eval { $_->finish } for @_;
	return;
}

# ------------------------------------------------------------ under load

my @writers = write_rows(150);
finish(@writers);
check('writers of all lengths');
my $skipped = $node->safe_psql('postgres',
	"SELECT skipped_rows FROM streaming.views WHERE view = 'per_writer'::regclass");
is($skipped, $node->safe_psql('postgres', 'SELECT count(*) FROM s WHERE x = 0'),
	'the rows that fail are those that are put aside');

for my $point ('batch-of-part', 'batch-before-merge', 'batch-after-merge',
	'batch-of-part', 'batch-before-commit', 'worker_before_commit')
{
	my $from = -s $node->logfile;
	@writers = write_rows(40);
	usleep(100_000 + rand(200_000));
	$node->psql('postgres', "SELECT _debug_arm('$point', 'kill')");
	finish(@writers);
	# all may have been read by then
	until_true {
		finish(write_rows(3));
		logged($node, qr/terminated by signal 9/, $from) > 0;
	};
	wait_crashed($node, $from);
	check("killed at $point");
}

# ------------------------------------------------------------ fed again

$node->safe_psql(
	'postgres', q{
	CREATE OR REPLACE FUNCTION inverse(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		'BEGIN RETURN 1000 / CASE WHEN x = 0 THEN 1001 ELSE x END; END'});
s/1000 \/ (a\.x|b\.x|x)/1000 \/ CASE WHEN $1 = 0 THEN 1001 ELSE $1 END/g
  for values %query;
for my $view (sort keys %query)
{
	my $from = -s $node->logfile;
	$node->psql('postgres', "SELECT _debug_arm('batch-before-commit', 'kill')");
	$node->psql('postgres', "SELECT streaming.retry('$view')");
	$node->psql('postgres', "REFRESH MATERIALIZED VIEW $view");
	wait_crashed($node, $from);
}
# what a crash has taken back
$node->safe_psql('postgres', "SELECT streaming.retry('$_')") for keys %query;
check('fed again');
is($node->safe_psql('postgres', 'SELECT count(*) FROM streaming.errors'),
	0, 'all have been fed again');

# ------------------------------------------------------------- retention

$node->safe_psql(
	'postgres', q{
	CREATE TABLE t (x int) USING stream;
	CREATE MATERIALIZED VIEW short WITH (streaming.continuous,
		streaming.on_error = skip, streaming.max_errors = 10000,
		streaming.errors_retention = '1 day') AS SELECT 1 / x AS y FROM t;
	CREATE MATERIALIZED VIEW long WITH (streaming.continuous,
		streaming.on_error = skip, streaming.max_errors = 10000) AS
		SELECT 1 / x AS y FROM t;
	CREATE MATERIALIZED VIEW manual WITH (streaming.continuous, streaming.trigger = manual,
		streaming.on_error = skip, streaming.errors_retention = '1 day') AS SELECT 1 / x AS y FROM t;
	CREATE MATERIALIZED VIEW failed WITH (streaming.continuous, streaming.max_errors = 1,
		streaming.on_error = skip, streaming.errors_retention = '1 day') AS SELECT 1 / x AS y FROM t;
	INSERT INTO t VALUES (0);
	REFRESH MATERIALIZED VIEW manual;
	REFRESH MATERIALIZED VIEW failed;
	INSERT INTO t SELECT 0 FROM generate_series(1, 1199);
	REFRESH MATERIALIZED VIEW short;
	REFRESH MATERIALIZED VIEW long;
	SELECT _debug_advance_clock('23 hours');
	INSERT INTO t VALUES (0);
	REFRESH MATERIALIZED VIEW short;
	REFRESH MATERIALIZED VIEW long;});
my $count = 'SELECT view, count(*) FROM streaming.errors GROUP BY 1 ORDER BY view::text';
is($node->safe_psql('postgres', $count), "failed|1\nlong|1201\nmanual|1\nshort|1201", 'nothing is old');
ok($node->poll_query_until('postgres', q{SELECT state = 'failed' FROM streaming.views WHERE view = 'failed'::regclass}),
	'a view has put aside as many as it may');
$node->safe_psql('postgres', "SELECT _debug_advance_clock('2 hours')");
ok($node->poll_query_until('postgres', $count, "long|1201\nshort|1"),
	'old rows go, of the views that say so, by themselves');

$node->stop;
done_testing();
