# Rows that go some time after their window (streaming.ttl): through crashes in the batches
# that remove them, with a dump.  And what is known of a lag then.
#
# Needs a test build.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 16
restart_after_crash = on
timezone = 'UTC'
});
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm';
	CREATE TABLE s (ts timestamptz, k int, x int) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '0');
	CREATE MATERIALIZED VIEW groups WITH (streaming.continuous, streaming.ttl = '10 min') AS
		SELECT tumble(ts, '5 min') AS w, k, count(*) AS n, avg(x) AS avg FROM s GROUP BY 1, 2;
	CREATE MATERIALIZED VIEW seen WITH (streaming.continuous, streaming.ttl = '0') AS
		SELECT DISTINCT ts, k FROM s;
	CREATE MATERIALIZED VIEW longest WITH (streaming.continuous, streaming.ttl = '10 min') AS
		SELECT w, k, x, place FROM (SELECT tumble(ts, '5 min') AS w, k, x, row_number()
			OVER (PARTITION BY tumble(ts, '5 min') ORDER BY x DESC, k, ts) AS place FROM s) q WHERE place <= 20;
	CREATE MATERIALIZED VIEW over_groups WITH (streaming.continuous) AS
		SELECT k, count(*) AS windows, sum(n) AS n, max(avg) AS avg FROM groups GROUP BY k;
});
my %query = (
	groups => q{SELECT tumble(ts, '5 min') AS w, k, count(*) AS n, avg(x) AS avg FROM s GROUP BY 1, 2
		HAVING upper(tumble(ts, '5 min')) > (SELECT max(ts) - interval '10 min' FROM s)},
	seen => q{SELECT DISTINCT ts, k FROM s WHERE ts > (SELECT max(ts) FROM s)},
	longest => q{SELECT w, k, x, place FROM (SELECT tumble(ts, '5 min') AS w, k, x, row_number()
		OVER (PARTITION BY tumble(ts, '5 min') ORDER BY x DESC, k, ts) AS place FROM s) q
		WHERE place <= 20 AND upper(w) > (SELECT max(ts) - interval '10 min' FROM s)},
	over_groups => q{SELECT k, count(*) AS windows, sum(n) AS n, max(avg) AS avg FROM
		(SELECT tumble(ts, '5 min') AS w, k, count(*) AS n, avg(x) AS avg FROM s GROUP BY 1, 2) g GROUP BY k});

# What differs from what the views are to be.
sub differences
{
	my ($db) = @_;
	my @wrong;

	# what moves the watermark, and what that closes
	for (1 .. 2)
	{
		$node->safe_psql($db, "REFRESH MATERIALIZED VIEW $_") for qw(groups seen longest over_groups);
	}
	for my $view (sort keys %query)
	{
		my $n = $node->safe_psql($db, "SELECT count(*) FROM
			(($query{$view} EXCEPT ALL SELECT * FROM $view) UNION ALL (SELECT * FROM $view EXCEPT ALL $query{$view})) d");
		push @wrong, "$view: $n" if $n > 0;
	}
	return join ', ', @wrong;
}

# The server may crash when they are committed.
sub insert_rows
{
	my ($db, $round) = @_;

	$node->psql($db, "INSERT INTO s SELECT '2024-01-01'::timestamptz + $round * interval '3 min' + i % 100 * interval '1 s', i % 500, hashint4(i + $round)
		FROM generate_series(1, 2000) i");
}

my @points = qw(batch-after-merge batch-before-commit batch-before-merge);
for my $round (1 .. 12)
{
	if ($round % 4 == 0)
	{
		insert_rows('postgres', $round);
		$node->stop('immediate');
		$node->start;
	}
	elsif ($round > 3)
	{
		$node->safe_psql('postgres', "SELECT _debug_arm('$points[$round % 3]', 'kill')");
		insert_rows('postgres', $round);
	}
	else
	{
		insert_rows('postgres', $round);
	}
	# a crash ends whoever waits
	$node->poll_query_until('postgres', q{SELECT bool_and(lag_rows = 0) FROM streaming.views});
	is(differences('postgres'), '', "round $round");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM groups'), '<',
	$node->safe_psql('postgres', q{SELECT count(DISTINCT (tumble(ts, '5 min'), k)) FROM s}), 'rows have gone');

# a dump has what is there, and no more
my $dump = $node->basedir . '/dump.sql';
$node->run_log([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ]);
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->run_log([ 'psql', '-X', '-q', '-h', $node->host, '-p', $node->port, '-f', $dump, 'restored' ]);
$node->poll_query_until('restored', q{SELECT count(*) = 4 AND bool_and(state <> 'restoring') FROM streaming.views});
is(differences('restored'), '', 'restored');
insert_rows('restored', 70);
is(differences('restored'), '', '... and it goes on');

# a change stream that has just been made is filled with what was closed before, by a batch
# that closes more, which is in it before it goes
$node->safe_psql('postgres', $_) for q{
	CREATE FUNCTION _debug_advance_clock(interval) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_advance_clock';
	CREATE TABLE quiet (ts timestamptz, k int) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '0', streaming.idle_timeout = '1 hour');
	CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.trigger = 'manual', streaming.ttl = '0', streaming.output_mode = 'append') AS
		SELECT tumble(ts, '5 min') AS w, count(*) FROM quiet GROUP BY 1;
	INSERT INTO quiet VALUES ('2024-01-01 00:01', 1), ('2024-01-01 00:06', 2), ('2024-01-01 00:11', 3)},
  'REFRESH MATERIALIZED VIEW final', 'REFRESH MATERIALIZED VIEW final',
  'ALTER MATERIALIZED VIEW final SET (streaming.changes)',
  q{SELECT _debug_advance_clock('2 hours')}, 'REFRESH MATERIALIZED VIEW final';
is($node->safe_psql('postgres', q{SELECT op, lower(w), count FROM final_changes}), 'insert|2024-01-01 00:10:00+00|1', 'handed on, then gone');
is($node->safe_psql('postgres', 'SELECT count(*) FROM final'), '0', '... from the view');
$node->safe_psql('postgres', 'DROP TABLE quiet CASCADE');

# what is known of a lag after a restart
$node->safe_psql('postgres', q{ALTER MATERIALIZED VIEW groups SET (streaming.enabled = off)});
insert_rows('postgres', 71);
my $lag = q{SELECT lag_rows, lag_time > '0' FROM streaming.views WHERE view = 'groups'::regclass};
is($node->safe_psql('postgres', $lag), '2000|t', 'behind since the last batch');
$node->restart;
is($node->safe_psql('postgres', $lag), '2000|', 'since when, is not known any more');
is($node->safe_psql('postgres', q{SELECT inherited_lag_rows, inherited_lag_time IS NULL FROM streaming.views WHERE view = 'over_groups'::regclass}),
	'2000|t', '... nor above');
$node->safe_psql('postgres', q{ALTER MATERIALIZED VIEW groups RESET (streaming.enabled)});
is(differences('postgres'), '', 'it has caught up');
is($node->safe_psql('postgres', q{SELECT DISTINCT lag_time, inherited_lag_time FROM streaming.views}), '00:00:00|00:00:00', '... and is not behind');
$node->stop;
done_testing();
