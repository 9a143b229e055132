# Crashes under load: nothing acknowledged is lost, nothing counted twice.
#
# Four writers insert numbered rows, some in savepoints that are rolled back
# first, and write down what the server has acknowledged.  Meanwhile the
# server is stopped at once, its worker is killed with SIGKILL, or the
# postmaster is, at a random moment or at a named point inside a batch.  After
# each restart: REFRESH, the oracle, and every acknowledged row exactly once.
#
# STREAMING_CRASHES: how many crashes (default 10).  Needs a test build.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $crashes = $ENV{STREAMING_CRASHES} || 10;
my $seed = $ENV{STREAMING_SEED} || time;
srand($seed);
note("STREAMING_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_prepared_transactions = 10
max_worker_processes = 16
checkpoint_timeout = 30s
restart_after_crash = on
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (writer int, n int, k int, pad text) USING stream;
	CREATE SEQUENCE ticks;
	CREATE TABLE e (writer int, n int, at timestamptz DEFAULT timestamptz '2024-01-01 00:00+00' +
		nextval('ticks') * interval '1 ms') USING stream
		WITH (streaming.event_time = 'at', streaming.watermark = '10 s');
	CREATE TABLE few (n int, label text);
	INSERT INTO few SELECT x % 7, 'label ' || x FROM generate_series(1, 10) x;
	CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm';
});

my %query = (
	per_writer => 'SELECT writer, count(*) AS c, sum(n) AS s, max(n) AS m
		FROM s GROUP BY writer',
	per_key => 'SELECT k, count(*) AS c, avg(n) AS a, min(n) AS m
		FROM s WHERE n % 3 > 0 GROUP BY k',
	rows => 'SELECT writer, n, k * 2 AS kk, pad FROM s WHERE n % 7 > 0',
	latest => 'SELECT DISTINCT ON (k) k, n, writer, pad FROM s
		ORDER BY k, n DESC, writer',
	top => 'SELECT k, n, writer, rn FROM (SELECT *, row_number() OVER
		(PARTITION BY k ORDER BY n DESC, writer) AS rn FROM s) q WHERE rn <= 3',
	pairs => 'SELECT a.writer, a.n, b.k FROM s a JOIN s b
		ON a.writer = b.writer AND a.n = b.n + 3 WHERE a.n % 2 = 0',
	alone => 'SELECT a.writer, a.n, b.n AS bn FROM s a LEFT JOIN s b
		ON a.writer = b.writer AND b.n = a.n + 7 WHERE a.n % 3 = 0',
	alone_per_key => 'SELECT a.k, count(*) AS c, count(b.n) AS b FROM s a
		LEFT JOIN s b ON a.writer = b.writer AND b.n = a.n + 7 GROUP BY a.k',
	found => 'SELECT a.writer, a.n FROM s a WHERE a.n % 2 = 0 AND EXISTS (SELECT FROM s b
		WHERE b.writer = a.writer AND b.n = a.n + 5 AND b.k > a.k)',
	missed => 'SELECT a.writer, a.n FROM s a WHERE a.n % 2 = 0 AND NOT EXISTS (SELECT FROM s b
		WHERE b.writer = a.writer AND b.n = a.n + 5 AND b.k > a.k)',
	three => 'SELECT a.writer, a.n, b.k, c.k AS ck FROM s a JOIN s b ON a.writer = b.writer
		AND b.n = a.n + 2 JOIN s c ON c.writer = b.writer AND c.n = b.n + 9 WHERE a.n % 4 = 0',
	best => 'SELECT writer, k, c FROM (SELECT *, row_number() OVER
		(PARTITION BY writer ORDER BY c DESC, k) AS rn FROM
		(SELECT writer, k, count(*) AS c FROM s GROUP BY writer, k) g) q WHERE rn <= 3',
	levels => 'SELECT c, count(*) AS n, max(k) AS k FROM
		(SELECT writer, k, count(*) AS c FROM s GROUP BY writer, k) g GROUP BY ROLLUP (c)',
	grouped => 'SELECT a.writer, a.n, g.c FROM s a JOIN (SELECT k, count(*) AS c
		FROM s GROUP BY k HAVING count(*) % 3 > 0) g ON a.k = g.k WHERE a.n % 40 = 0',
	named => 'SELECT a.writer, a.n, g.c, few.label FROM s a JOIN (SELECT k, count(*) AS c
		FROM s GROUP BY k HAVING count(*) % 3 > 0) g ON a.k = g.k LEFT JOIN few ON few.n = g.c % 9
		WHERE a.n % 40 = 0',
	total => 'SELECT count(*) AS c, sum(n) AS s FROM s');
# views over these; one is the third of a chain
my @above = (
	['histogram', 'per_key', 'SELECT c, count(*) AS n, sum(m) AS m FROM %s GROUP BY c'],
	['most', 'histogram', 'SELECT max(c) AS c, sum(c * n) AS rows FROM %s'],
	['padded', 'rows', 'SELECT kk, count(pad) AS c FROM %s GROUP BY kk'],
	['free', 'alone', 'SELECT n, count(*) AS c FROM %s WHERE bn IS NULL GROUP BY n'],
	['labels', 'per_key', 'SELECT label, count(*) AS n, sum(c) AS c FROM %s
		JOIN few ON few.n = c %% 8 GROUP BY label'],
	['shared', 'best', 'SELECT k, count(*) AS n, sum(c) AS c FROM %s GROUP BY k'],
	['held', 'latest', 'SELECT writer, count(*) AS c FROM %s GROUP BY writer']);
$node->safe_psql('postgres',
	"CREATE MATERIALIZED VIEW $_ WITH (streaming.continuous,
	 streaming.max_batch_rows = 200) AS $query{$_}")
  for sort keys %query;
for (@above)
{
	my ($name, $below, $sql) = @$_;
	$node->safe_psql('postgres',
		"CREATE MATERIALIZED VIEW $name WITH (streaming.continuous,
		 streaming.max_batch_rows = 200) AS " . sprintf($sql, $below));
	$query{$name} = sprintf($sql, "($query{$below}) $below");
}
$node->safe_psql('postgres', 'CREATE INDEX ON rows (writer, n)');

# Joins in append mode, over rows that come in the order of their time but for 10000 of
# them: so none is late, and each view is its query but for those that are still to wait.
my %append = (
	a_pairs => ['SELECT a.writer, a.n, b.n AS b, c.n AS c FROM e a JOIN e b ON b.writer = a.writer
		AND b.n = a.n + 3 AND b.at BETWEEN a.at AND a.at + interval \'300 ms\' JOIN e c
		ON c.writer = b.writer AND c.n = b.n + 1 AND c.at BETWEEN b.at AND b.at + interval \'300 ms\'',
		'true'],
	a_alone => ['SELECT a.at, a.writer, a.n, b.n AS b FROM e a LEFT JOIN e b ON b.writer = a.writer
		AND b.n = a.n + 3 AND b.n % 5 > 0 AND b.at BETWEEN a.at AND a.at + interval \'300 ms\'',
		"b IS NOT NULL OR at + interval '301 ms' <= \$"],
	a_some => ['SELECT a.at, a.writer, a.n FROM e a WHERE EXISTS (SELECT FROM e b WHERE b.writer = a.writer
		AND b.n = a.n + 3 AND b.n % 5 > 0 AND b.at BETWEEN a.at AND a.at + interval \'300 ms\')',
		'true'],
	a_none => ['SELECT a.at, a.writer, a.n FROM e a WHERE NOT EXISTS (SELECT FROM e b WHERE b.writer = a.writer
		AND b.n = a.n + 3 AND b.n % 5 > 0 AND b.at BETWEEN a.at AND a.at + interval \'300 ms\')
		AND NOT EXISTS (SELECT FROM e c WHERE c.writer = a.writer AND c.n = a.n - 2 AND c.n % 3 = 0
		AND c.at BETWEEN a.at - interval \'300 ms\' AND a.at)',
		"at + interval '302 ms' <= \$"],
	a_groups => ['SELECT q.w, q.writer, q.c, b.n FROM (SELECT tumble(at, \'200 ms\') AS w, writer,
		count(*) AS c, string_agg(n::text, \' \' ORDER BY n) AS list FROM e GROUP BY 1, 2) q LEFT JOIN e b
		ON b.writer = q.writer AND tumble(b.at, \'200 ms\') = q.w AND b.n % 20 = q.c % 20',
		"upper(w) <= \$"]);
$node->safe_psql('postgres',
	"CREATE MATERIALIZED VIEW $_ WITH (streaming.continuous, streaming.output_mode = append,
	 streaming.max_batch_rows = 200) AS $append{$_}[0]")
  for sort keys %append;

# What differs between such a view and its query, up to where it has come.
sub append_differs
{
	my ($view) = @_;
	my ($sql, $final) = @{ $append{$view} };
	$final =~ s/\$/(SELECT watermark FROM streaming.views WHERE view = '$view'::regclass)/;
	# the second for what the first makes final
	$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW $view") for 1 .. 2;
	return $node->safe_psql('postgres', qq{
		SELECT * FROM (
			(SELECT 'view', * FROM (TABLE $view EXCEPT ALL SELECT * FROM ($sql) q WHERE $final) x)
			UNION ALL
			(SELECT 'query', * FROM (SELECT * FROM ($sql) q WHERE $final EXCEPT ALL TABLE $view) y)
		) d LIMIT 10});
}

# A writer: rows are numbered from where the last one got to.  What psql has
# reported after a COMMIT was acknowledged (with \warn: it must not be lost in
# a buffer).
my @next = (1) x 4;

sub writer_script
{
	my ($writer) = @_;
	my $n = $next[$writer];
	my $sql = "\\set ON_ERROR_STOP 1\n";
	for (1 .. 3000)
	{
		my $many = 1 + int(rand(5));
		my $insert = "INSERT INTO s SELECT $writer, x, x % 50, repeat('x', "
		  . int(rand(300)) . ") FROM generate_series($n, $n + $many - 1) x;\n";
		my $r = rand();
		$sql .= "BEGIN;\n";
		$sql .= "SAVEPOINT a;\n${insert}ROLLBACK TO a;\n" if $r < 0.3;
		$insert .= "INSERT INTO e SELECT $writer, x FROM generate_series($n, $n + $many - 1) x;\n";
		$sql .= "SAVEPOINT b;\n" if $r > 0.2 && $r < 0.5;
		$sql .= $insert;
		$sql .= "RELEASE b;\n" if $r > 0.4 && $r < 0.5;
		if ($r > 0.95)
		{
			$sql .= "ROLLBACK;\n";
			next;
		}
		$sql .= "COMMIT;\n\\warn done " . ($n + $many - 1) . "\n";
		$n += $many;
	}
	return $sql . "\\warn end of script\n";
}

my @run;
my $dir = PostgreSQL::Test::Utils::tempdir;

sub start_writers
{
	for my $w (0 .. 3)
	{
		open my $f, '>', "$dir/writer$w.sql" or die $!;
		print $f writer_script($w);
		close $f;
		$run[$w] = IPC::Run::start(
			[ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
				'-f', "$dir/writer$w.sql" ],
			'<', \undef, '>', '/dev/null', '2>', "$dir/writer$w.err");
	}
	return;
}

# The rows whose transactions a writer was told have been committed: the last
# of each.
sub acknowledged
{
	my ($w) = @_;
	return slurp_file("$dir/writer$w.err") =~ /^done (\d+)$/mg;
}

# Ends the writers; returns the highest acknowledged row of each.
sub end_writers
{
	my @last;
	for my $w (0 .. 3)
	{
		$run[$w]->finish;
		my @done = acknowledged($w);
		$last[$w] = @done ? $done[-1] : $next[$w] - 1;
	}
	return @last;
}

# Waits until the writers have had so many transactions acknowledged, or have
# all come to their end.
sub let_write
{
	my ($want) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my $have = 0;
	my $ended = 0;
	while ($have < $want && $ended < 4 && time < $deadline)
	{
		$have = $ended = 0;
		for my $w (0 .. 3)
		{
			my $said = slurp_file("$dir/writer$w.err");
			$have++ while $said =~ /done \d+$/mg;
			$ended++
			  if $said =~ /end of script|server closed|connection to server/;
		}
		usleep(5000);
	}
	return;
}

sub worker_pid
{
	my ($stdout, $stderr);
	try_psql($node, q{SELECT pid FROM pg_stat_activity
		WHERE backend_type ~ '^streaming.* worker' LIMIT 1},
		stdout => \$stdout, stderr => \$stderr);
	return $stdout;
}

# Up again, by itself or by us.
sub wait_up
{
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		my ($stdout, $stderr) = ('', '');
		my $ret = try_psql($node, 'SELECT 1',
			stdout => \$stdout, stderr => \$stderr);
		return 1 if defined $ret && $ret == 0;
		usleep(20000);
	}
	return 0;
}

# After a SIGKILL of the postmaster its children take a moment to leave; until
# then a new one refuses to start.
sub start_again
{
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (!$node->start(fail_ok => 1))
	{
		die "the server does not start again" if time > $deadline;
		usleep(100_000);
		# or the node would be taken for running
		$node->stop('fast', fail_ok => 1);
		forget_zombie();
	}
	return;
}

# Where process 1 does not collect its dead children, the killed postmaster
# stays as a zombie, and its lock file would be respected for ever.
sub forget_zombie
{
	my $lock = $node->data_dir . '/postmaster.pid';
	open my $f, '<', $lock or return;
	chomp(my $pid = <$f>);
	close $f;
	open my $status, '<', "/proc/$pid/stat" or return;
	unlink $lock if <$status> =~ /\) Z /;
	return;
}

my @points =
  ('batch-before-merge', 'batch-after-merge', 'batch-before-commit');
my @kinds = ('immediate', 'worker', 'postmaster', 'point');

for my $i (1 .. $crashes)
{
	my $kind = $kinds[ ($i - 1) % @kinds ];
	my $point = '';
	start_writers();
	let_write(1 + int(rand(400)));
	if ($kind eq 'immediate')
	{
		$node->stop('immediate');
		start_again();
	}
	elsif ($kind eq 'worker')
	{
		my $pid = worker_pid();
		kill 'KILL', $pid if $pid;
		wait_up();
	}
	elsif ($kind eq 'point')
	{
		$point = ' at ' . $points[ int($i / @kinds) % @points ];
		try_psql($node, "SELECT _debug_arm('"
			  . substr($point, 4) . "', 'kill')",
			stdout => \my $stdout, stderr => \my $stderr);
		# a crash clears shared memory, so the point is disarmed after it
		let_write(100_000);
		wait_up();
	}
	else
	{
		$node->kill9;
		start_again();
	}
	my @acknowledged = end_writers();
	wait_up();

	my $ok = 1;
	for my $view (sort keys %query)
	{
		$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW $view");
		my $diff = $node->safe_psql('postgres', qq{
			SELECT * FROM (
				(SELECT 'view', * FROM (TABLE $view EXCEPT ALL ($query{$view})) x)
				UNION ALL
				(SELECT 'query', * FROM (($query{$view}) EXCEPT ALL TABLE $view) y)
			) d LIMIT 10});
		is($diff, '', "crash $i ($kind$point): $view equals its query")
		  or $ok = 0;
	}

	for my $view (sort keys %append)
	{
		is(append_differs($view), '',
			"crash $i ($kind$point): $view equals its query as far as it has come")
		  or $ok = 0;
	}

	# Every acknowledged row once.  The one transaction of which nobody was
	# told may be there, or not.
	for my $w (0 .. 3)
	{
		my $have = $node->safe_psql('postgres',
			"SELECT count(*), count(DISTINCT n), coalesce(max(n), 0)
			 FROM s WHERE writer = $w");
		my ($count, $distinct, $max) = split /\|/, $have;
		my $good = $count == $distinct && $count == $max
		  && $max >= $acknowledged[$w] && $max <= $acknowledged[$w] + 5;
		$good = 0
		  unless $node->safe_psql('postgres', qq{
			SET enable_seqscan = off;
			SELECT count(*) FROM rows WHERE writer = $w AND n > 0}) ==
		  $count - int($count / 7);
		$good = 0
		  unless $node->safe_psql('postgres',
			"SELECT coalesce(sum(c), 0) FROM per_writer WHERE writer = $w") ==
		  $count;
		ok($good, "crash $i ($kind$point): writer $w has every row once")
		  or diag("acknowledged $acknowledged[$w], found $have");
		$next[$w] = $max + 1;
	}
	last unless $ok;
}

# And it goes on.
$node->safe_psql('postgres',
	'INSERT INTO s SELECT 9, x, x FROM generate_series(1, 10) x');
ok( $node->poll_query_until(
		'postgres', 'SELECT c = 10 FROM per_writer WHERE writer = 9'),
	'workers go on by themselves');

# All that waits comes, and some of each kind, however few have come before.  The last row
# meets the conditions on one side alone, or it would not move that side's watermark.
$node->safe_psql('postgres', 'INSERT INTO e SELECT 8, x FROM generate_series(1, 10) x');
$node->safe_psql('postgres',
	"INSERT INTO e SELECT 9, 3, timestamptz '2025-01-01'");
is(append_differs($_), '', "$_ equals its query when all is final")
  for sort keys %append;
is( $node->safe_psql('postgres', q{
	SELECT (SELECT count(*) FROM a_alone WHERE b IS NULL) > 0, (SELECT count(*) FROM a_none) > 0,
		(SELECT count(*) FROM a_pairs) > 0, (SELECT sum(late_rows) FROM streaming.views)}),
	't|t|t|0', 'rows of all kinds have come, and none was late');
$node->stop;

unlike(slurp_file($node->logfile), qr/TRAP:|PANIC:/, 'no failed assertion');

done_testing();
