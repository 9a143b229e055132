# One user's views must not stop another's, whatever their functions do: those that
# compute for ever or eat memory (060_fairness.pl has those that sleep, and those that do
# not let themselves be canceled).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;
use Time::HiRes qw(time usleep);

plan skip_all => 'needs prlimit, and /proc'
  if system('prlimit --version >/dev/null 2>&1') != 0 || !-e '/proc/self/status';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
streaming.workers = 2
streaming.batch_timeout = '3s'
});
$node->start;

sub status_of
{
	my ($pid, $what) = @_;
	my ($kb) = (slurp_file("/proc/$pid/status") =~ /^$what:\s+(\d+) kB/m);
	return $kb;
}

# Processes that are started from now on can have some memory, but not too much.
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
my $limit = (status_of($postmaster, 'VmSize') + 400 * 1024) * 1024;
plan skip_all => 'the limit cannot be set'
  if system("prlimit --pid $postmaster --as=$limit 2>/dev/null") != 0;

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE victim;
	CREATE ROLE hostile;
	GRANT CREATE ON SCHEMA public TO victim, hostile;
	CREATE TABLE s (i int) USING stream;
	CREATE TABLE h (i int) USING stream;
	INSERT INTO h VALUES (1);
	GRANT SELECT ON s, h TO victim, hostile;
	SET ROLE hostile;
	-- computes for ever
	CREATE FUNCTION spin(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		LOOP
			i := (i * 17 + 3) % 65536;
		END LOOP;
	END $$;
	-- ... in one call of a function of the server's
	CREATE FUNCTION grind(i int) RETURNS int LANGUAGE sql STABLE AS $$
		SELECT count(*)::int FROM generate_series(1, 100000) a,
			generate_series(1, 100000) b WHERE a * b = i
	$$;
	-- calls itself
	CREATE FUNCTION dive(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		RETURN dive(i + 1) + 1;
	END $$;
	-- takes all the memory that there is
	CREATE FUNCTION eat(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	DECLARE
		meal text := repeat('x', 50000000 + i);
	BEGIN
		LOOP
			meal := meal || meal;
		END LOOP;
	END $$;
	-- ... and does not care that there is no more
	CREATE FUNCTION gorge(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	DECLARE
		meal text := 'x';
	BEGIN
		LOOP
			BEGIN
				meal := meal || meal;
			EXCEPTION WHEN OTHERS THEN
				NULL;
			END;
		END LOOP;
	END $$;
	-- takes much of it, and gives it back
	CREATE FUNCTION feast(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	DECLARE
		meal text := repeat('x', 100000000 + i);
	BEGIN
		RETURN length(meal) % 7 + i;
	END $$;
	RESET ROLE;
	SET ROLE victim;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
		SELECT count(*) AS n FROM s;
	RESET ROLE;
	REFRESH MATERIALIZED VIEW v;});

foreach my $case (
	[ 'spin', '57014' ],
	[ 'grind', '57014' ],
	[ 'dive', '54001' ],
	[ 'eat', '53200' ],
	[ 'gorge', '57014' ])
{
	my ($name, $sqlstate) = @$case;
	$node->safe_psql(
		'postgres', qq{
		SET ROLE hostile;
		CREATE MATERIALIZED VIEW a_$name WITH (streaming.continuous) AS
			SELECT sum($name(i)) AS n FROM h;
		CREATE MATERIALIZED VIEW b_$name WITH (streaming.continuous) AS
			SELECT sum($name(i + 1)) AS n FROM h;
		CREATE MATERIALIZED VIEW c_$name WITH (streaming.continuous) AS
			SELECT sum($name(i + 2)) AS n FROM h;});
	goes_on($node, 2, 8, "$name: the victim goes on");
	ok( $node->poll_query_until(
			'postgres', qq{
			SELECT count(*) = 3 FROM streaming.views
			WHERE view::text ~ '_$name' AND last_error_sqlstate = '$sqlstate'}),
		"$name: fails with $sqlstate");
	is( $node->safe_psql('postgres',
			q{SELECT last_error IS NULL AND failures = 0 FROM streaming.views
			  WHERE view = 'v'::regclass}),
		't',
		"$name: the victim has not failed");
	$node->safe_psql('postgres',
		"DROP MATERIALIZED VIEW a_$name, b_$name, c_$name");
}

# What batches have taken, workers give back.
$node->safe_psql('postgres',
	q{ALTER SYSTEM SET streaming.batch_timeout = '1h'});
$node->restart;

# The rows that a batch hands from one operator to the next are written to disk, if they
# are many: 250,000 pairs of 2 kB.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE l (k int, t text) USING stream;
	CREATE TABLE r (k int, t text) USING stream;
	INSERT INTO l SELECT 1, repeat(md5(i::text), 30) FROM generate_series(1, 500) i;
	CREATE MATERIALIZED VIEW pairs WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT l.k, count(*) AS n, max(length(l.t || r.t)) AS longest, max(l.t || r.t) AS last
		FROM l JOIN r USING (k) GROUP BY l.k;
	REFRESH MATERIALIZED VIEW pairs;
	INSERT INTO r SELECT 1, repeat(md5(i::text), 30) FROM generate_series(1, 500) i;
	REFRESH MATERIALIZED VIEW pairs});
is($node->safe_psql('postgres', 'SELECT n, longest FROM pairs'),
	'250000|1920', 'a large result');
cmp_ok(
	status_of(
		$node->safe_psql(
			'postgres',
			q{SELECT worker_pid FROM streaming.views WHERE view = 'pairs'::regclass}),
		'VmHWM'),
	'<', 100 * 1024, '... takes no memory');

$node->safe_psql(
	'postgres', q{
	SET ROLE hostile;
	CREATE MATERIALIZED VIEW feasts WITH (streaming.continuous) AS
		SELECT sum(feast(i)) AS n FROM h;
	RESET ROLE;
	REFRESH MATERIALIZED VIEW feasts;});
goes_on($node, 1, 8, 'feast: the victim goes on');
foreach my $pid (
	split /\n/,
	$node->safe_psql(
		'postgres', q{
		SELECT pid FROM pg_stat_activity WHERE backend_type ~ '^streaming'}))
{
	cmp_ok(status_of($pid, 'RssAnon'),
		'<', 60 * 1024, 'what was taken is given back');
}

# What is not given back by itself: the server remembers each type of rows without a name.
# A worker ends when that is too much, and another goes on; nobody has failed.
SKIP:
{
	skip 'no test build', 8
	  if $node->psql('postgres', 'SHOW streaming.debug_limits') != 0;
	$node->safe_psql('postgres', q{DROP MATERIALIZED VIEW feasts, pairs});
	$node->append_conf('postgresql.conf', q{
streaming.debug_limits = 'memory_kb=16384, memory_look_us=10000'
streaming.workers = 1});
	$node->append_conf('postgresql.conf',
		"streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'\n")
	  if $ENV{STREAMING_MUTATION};
	$node->restart;
	my $ended = qr/gives \d+ MB of memory back/;
	$node->safe_psql(
		'postgres', q{
		SET ROLE hostile;
		CREATE FUNCTION forget_me_not(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
		DECLARE
			columns text;
			r record;
		BEGIN
			SELECT string_agg(CASE WHEN random() < 0.5 THEN '1' ELSE '1::int8' END, ',')
				FROM generate_series(1, 1600) INTO columns;
			EXECUTE 'SELECT x::text FROM (SELECT ' || columns || ') x' INTO r;
			RETURN i;
		END $$;
		CREATE MATERIALIZED VIEW litter WITH (streaming.continuous) AS
			SELECT count(forget_me_not(i)) AS n FROM h;
		RESET ROLE;
		REFRESH MATERIALIZED VIEW litter});
	my $before = $node->safe_psql('postgres', q{SELECT worker_pid FROM streaming.views WHERE view = 'litter'::regclass});
	my $pid = $before;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;
	my $most = 0;
	while ($pid eq $before && time < $until)
	{
		$node->safe_psql('postgres', q{
			INSERT INTO h SELECT generate_series(1, 10);
			INSERT INTO s VALUES (1);
			REFRESH MATERIALIZED VIEW litter;
			REFRESH MATERIALIZED VIEW v});
		$pid = $node->safe_psql('postgres', q{SELECT worker_pid FROM streaming.views WHERE view = 'litter'::regclass}) || $before;
		my $now = status_of($pid, 'RssAnon');
		$most = $now if $now > $most;
	}
	isnt($pid, $before, 'a worker that remembers too much is followed by another');
	like(slurp_file($node->logfile), $ended, '... and says so');
	note "most memory: $most kB";
	is($node->safe_psql('postgres', q{
		SELECT count(*) FROM streaming.views WHERE failures > 0 OR last_error IS NOT NULL}),
		'0', '... which is no failure');
	is($node->safe_psql('postgres',
			'SELECT (SELECT n FROM litter) = (SELECT count(*) FROM h), (SELECT n FROM v) = (SELECT count(*) FROM s)'),
		't|t', '... and exact');
	goes_on($node, 1, 5, '... and goes on');

	# So does one whose first batch has left more behind than it may keep; it is the only view.
	$node->safe_psql('postgres', q{
		ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
		BEGIN;
		INSERT INTO h SELECT generate_series(1, 600);
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'streaming worker';
		COMMIT;
		REFRESH MATERIALIZED VIEW litter});
	my $kept;
	$until = time + $PostgreSQL::Test::Utils::timeout_default;
	for ($kept = 1024 * 1024; $kept > 64 * 1024 && time < $until;)
	{
		$node->safe_psql('postgres', q{INSERT INTO h VALUES (1); REFRESH MATERIALIZED VIEW litter});
		# it may be gone by now
		eval {
			$kept = status_of($node->safe_psql('postgres',
				q{SELECT worker_pid FROM streaming.views WHERE view = 'litter'::regclass}), 'RssAnon');
		};
	}
	cmp_ok($kept, '<', 64 * 1024, 'so is one that has had too much from the beginning');
	$node->safe_psql('postgres', q{ALTER MATERIALIZED VIEW v SET (streaming.enabled = on)});

	# Nor may it keep what is in no memory context: before 16, settings that a function makes up.
	$node->safe_psql('postgres', q{
		DROP MATERIALIZED VIEW litter;
		SET ROLE hostile;
		CREATE SEQUENCE nth;
		CREATE FUNCTION settle(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
		BEGIN
			PERFORM set_config('a' || nextval('public.nth') || '.' || repeat('x', 4000000), '', true);
			RETURN i;
		END $$;
		CREATE MATERIALIZED VIEW settled WITH (streaming.continuous) AS
			SELECT count(settle(i)) AS n FROM h WHERE i = 4711;
		RESET ROLE;
		REFRESH MATERIALIZED VIEW settled});
	my $made = 0;
	$until = time + 10;
	for ($most = 0; $made < 25 || time < $until; $made++)
	{
		$node->safe_psql('postgres', q{INSERT INTO h VALUES (4711); REFRESH MATERIALIZED VIEW settled});
		my $now = 0;
		eval {
			$now = status_of($node->safe_psql('postgres',
				q{SELECT worker_pid FROM streaming.views WHERE view = 'settled'::regclass}), 'RssAnon');
		};
		$kept = $now if $now;
		$most = $kept if $kept > $most;
		usleep(200_000);
	}
	note "$made settings, at most $most kB";
	cmp_ok($most, '<', 40 * 1024 + $made * 4000 * 3 / 4, 'settings that a function makes up go, too');

	# one that remembers its views only does not end
	$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW settled');
	my $times = () = slurp_file($node->logfile) =~ /$ended/g;
	StreamingTest::longest_delay($node, 7);
	is(scalar(() = slurp_file($node->logfile) =~ /$ended/g), $times, 'one that does not, stays');
}
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/,
	'no process has crashed');

$node->stop;
done_testing();
