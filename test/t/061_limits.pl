# Limits of the server: more views than any fixed table would hold, streams that
# share their wake-up slot, and databases that are refused when there is no room.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
max_locks_per_transaction = 400
});
$node->start;
my $has_debug = $node->psql('postgres', 'SHOW streaming.debug_limits') == 0;
# In a test build, nobody looks at views for which nothing has happened.  In others that is
# 10 s and more for so many views: all wake-ups together have to be faster than one of these.
my $limit = 15;
if ($has_debug)
{
	$limit = 100 * $PostgreSQL::Test::Utils::timeout_default;
	$node->append_conf('postgresql.conf',
		"streaming.debug_limits = 'databases=2, sources=3'
streaming.debug_mutation = 'agenda_no_polls'\n");
	$node->restart;
}

# ------------------------------------------------------------- many views

my $views = 4500;
$node->safe_psql('postgres', 'CREATE EXTENSION streaming');
$node->safe_psql('postgres',
	'CREATE TABLE s (i int) USING stream; INSERT INTO s VALUES (1)');
for (my $first = 1; $first <= $views; $first += 500)
{
	$node->safe_psql(
		'postgres', qq{
		DO \$\$ BEGIN
			FOR n IN $first .. $first + 499 LOOP
				EXECUTE format('CREATE MATERIALIZED VIEW v%s
					WITH (streaming.continuous) AS
					SELECT count(*) AS n FROM s', n);
			END LOOP;
		END \$\$});
}
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = $views FROM streaming._progress
		 WHERE rows_read = 1"),
	"$views views have run");
$node->safe_psql('postgres', 'INSERT INTO s VALUES (2)');
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = $views FROM streaming._progress
		 WHERE rows_read = 2"),
	'and follow');
is( $node->safe_psql(
		'postgres', "REFRESH MATERIALIZED VIEW v$views; SELECT n FROM v$views"
	),
	2,
	'the last one can be waited for');

# a new scheduler finds them all, and so do new workers
$node->safe_psql('postgres',
	q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	  WHERE backend_type IN ('streaming scheduler', 'streaming worker')});
$node->safe_psql('postgres', 'INSERT INTO s VALUES (3)');
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = $views FROM streaming._progress
		 WHERE rows_read = 3"),
	'new processes: all follow');

# the table shrinks, too
for (my $first = 1; $first <= $views; $first += 500)
{
	$node->safe_psql(
		'postgres', qq{
		DO \$\$ BEGIN
			FOR n IN $first .. $first + 499 LOOP
				EXECUTE format('DROP MATERIALIZED VIEW v%s', n);
			END LOOP;
		END \$\$});
}
ok( $node->poll_query_until(
		'postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity
		  WHERE backend_type = 'streaming worker'}),
	'no views, no workers');

# ----------------------------------------------------- slots that are shared

# Forty streams (a debug build has three slots for them), each with a view of
# its own and one more that is not woken.
$node->safe_psql(
	'postgres', q{
	DO $$ BEGIN
		FOR n IN 1 .. 40 LOOP
			EXECUTE format('CREATE TABLE s%s (i int) USING stream', n);
			EXECUTE format('CREATE MATERIALIZED VIEW w%s
				WITH (streaming.continuous) AS
				SELECT count(*) AS n FROM s%s', n, n);
			EXECUTE format('CREATE MATERIALIZED VIEW m%s
				WITH (streaming.continuous, streaming.trigger = ''manual'') AS
				SELECT count(*) AS n FROM s%s', n, n);
		END LOOP;
	END $$;});
$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW w$_") for 1 .. 40;

my $wait = q{
	DO $$ BEGIN
		FOR tries IN 1 .. 18000 LOOP
			EXIT WHEN (SELECT n FROM w%1$d) = %2$d;
			PERFORM pg_sleep(0.01);
		END LOOP;
		IF (SELECT n FROM w%1$d) <> %2$d THEN
			RAISE 'w%1$d does not follow';
		END IF;
	END $$;};
my $began = time;
my $script = '';
foreach my $n (1 .. 40)
{
	$script .= "INSERT INTO s$n VALUES (1);" . sprintf($wait, $n, 1);
}
$node->safe_psql('postgres', $script);
cmp_ok(time - $began, '<', $limit, 'each commit wakes its view');

# one view less must not make its neighbours deaf
$node->safe_psql('postgres', "DROP MATERIALIZED VIEW w$_") for 1 .. 20;
$began = time;
$script = '';
foreach my $n (21 .. 40)
{
	$script .= "INSERT INTO s$n VALUES (1);" . sprintf($wait, $n, 2);
}
$node->safe_psql('postgres', $script);
cmp_ok(time - $began, '<', $limit, 'also when others have stopped listening');
is($node->safe_psql('postgres', 'SELECT sum(n) FROM (SELECT n FROM m1
	UNION ALL SELECT n FROM m40) m'),
	0, 'and no other');

# -------------------------------------------------------------- databases

SKIP:
{
	skip 'not a build with STREAMING_DEBUG=1', 7 unless $has_debug;

	$node->safe_psql('postgres', "CREATE DATABASE d$_") for 1 .. 3;

	# a scheduler that looks if d3 has the extension, and has to wait
	my $session = $node->background_psql('d3');
	$session->query('BEGIN; LOCK TABLE pg_extension IN ACCESS EXCLUSIVE MODE');
	$node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		  WHERE backend_type = 'streaming launcher'});
	ok( $node->poll_query_until(
			'postgres',
			q{SELECT count(*) = 1 FROM pg_stat_activity
			  WHERE backend_type = 'streaming scheduler' AND datname = 'd3'
				AND wait_event_type = 'Lock'}),
		'a database is probed: that takes no room');
	$node->safe_psql('d1',
		'CREATE EXTENSION streaming; CREATE TABLE s (i int) USING stream;
		 CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
			SELECT count(*) AS n FROM s;
		 INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW v');
	my ($rc, $out, $err) = $node->psql('d2',
		'\set VERBOSITY verbose' . "\nCREATE EXTENSION streaming");
	isnt($rc, 0, 'one database too many');
	like($err, qr/53400/, 'its SQLSTATE');
	like($err, qr/Drop the extension where no view needs it/, 'its hint');
	$session->query('ROLLBACK');
	$session->quit;
	$node->safe_psql('d1', 'CREATE EXTENSION IF NOT EXISTS streaming');
	is($node->safe_psql('d1',
			'INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW v;
			 SELECT n FROM v'),
		2,
		'the others go on');
	$node->safe_psql('d1', 'DROP EXTENSION streaming CASCADE');
	my $tries = 1800;
	while ($node->psql('d2', 'CREATE EXTENSION streaming') != 0 &&
		--$tries > 0)
	{
		$node->poll_query_until('postgres',
			q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'd1'});
	}
	isnt($tries, 0, 'room again');
	is($node->safe_psql('d2',
			'CREATE TABLE s (i int) USING stream;
			 CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
				SELECT count(*) AS n FROM s;
			 INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW v;
			 SELECT n FROM v'),
		1,
		'for another database');
}

$node->stop;
done_testing();
