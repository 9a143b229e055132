# One user's views must not stop another's: queries that sleep, loop and do not
# let themselves be canceled, in greater number than there are workers.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
streaming.workers = 2
log_line_prefix = '%m [%p] %b '
});
$node->start;

# in a test build there is less time from SIGINT to SIGTERM
if ($node->psql('postgres', 'SHOW streaming.debug_limits') == 0)
{
	$node->append_conf('postgresql.conf',
		"streaming.debug_limits = 'grace=1000'\n");
	$node->restart;
}

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE victim;
	CREATE ROLE hostile;
	GRANT CREATE ON SCHEMA public TO victim, hostile;
	CREATE TABLE s (i int) USING stream;
	CREATE TABLE h (i int) USING stream;
	CREATE TABLE d (i int) USING stream;
	CREATE TABLE behave (yes bool);
	INSERT INTO behave VALUES (false);
	GRANT SELECT ON s, h, d, behave TO victim, hostile;

	-- loops, and does not care what it is told
	SET ROLE hostile;
	CREATE FUNCTION linger(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		LOOP
			BEGIN
				IF i < 0 OR (SELECT yes FROM behave) THEN
					RETURN i;
				END IF;
				PERFORM pg_sleep(0.1);
			EXCEPTION WHEN query_canceled OR OTHERS THEN
				NULL;
			END;
		END LOOP;
	END $$;
	-- takes its time, but not quite a second
	CREATE FUNCTION dawdle(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		PERFORM pg_sleep(0.8);
		RETURN i;
	END $$;
	-- lets itself be canceled
	CREATE FUNCTION nap(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		WHILE i > 0 LOOP
			PERFORM pg_sleep(0.1);
		END LOOP;
		RETURN i;
	END $$;
	RESET ROLE;});

# ---------------------------------------------------------------- helpers

sub create_view
{
	my ($role, $name, $query, $options) = @_;
	$options = defined $options ? ", $options" : '';
	$node->safe_psql('postgres',
		"SET ROLE $role;
		 CREATE MATERIALIZED VIEW $name WITH (streaming.continuous$options)
			AS $query");
	return;
}

sub wait_for
{
	my ($query, $test) = @_;
	ok($node->poll_query_until('postgres', $query), $test);
	return;
}

sub set_option
{
	my ($name, $value) = @_;
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	$node->reload;
	$node->wait_for_log(qr/parameter "\Q$name\E" changed to/, $offset);
	return;
}

# The victim's view has shown that it is quick.
create_view('victim', 'v', 'SELECT count(*) AS n FROM s');
$node->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW v');

my $running = q{SELECT count(*) %s FROM pg_stat_activity
	WHERE backend_type = 'streaming worker'
		AND query ~ '^batch of view public.h'};
my $end_workers = q{
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'streaming worker'};

# ------------------------------------------------------- two of them, no limit

set_option('streaming.batch_timeout', '0');
create_view('hostile', "h$_", 'SELECT sum(linger(i)) AS n FROM h') for 1 .. 2;
$node->safe_psql('postgres', 'INSERT INTO h VALUES (1)');
wait_for(sprintf($running, '= 2'), 'both workers are in a batch that never ends');
goes_on($node, 3, 8, 'the victim goes on');
wait_for(
	q{SELECT count(*) BETWEEN 3 AND 4 FROM pg_stat_activity
	  WHERE backend_type = 'streaming worker'},
	'on a worker of its own');
is($node->safe_psql('postgres', sprintf $running, ''),
	2, 'the others still run');

# --------------------------------------------------------- more than workers

create_view('hostile', "h$_", 'SELECT sum(linger(i)) AS n FROM h') for 3 .. 5;
goes_on($node, 3, 10, 'more hostile views than workers: the victim goes on');
wait_for(sprintf($running, '= 2'), 'two hostile ones run, the others wait');
cmp_ok(
	$node->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_stat_activity
		  WHERE backend_type = 'streaming worker'}),
	'<=',
	4,
	'twice the workers at most');
goes_on($node, 2, 5, 'by now it never waits');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM streaming.views
		  WHERE last_error IS NOT NULL}),
	0,
	'nothing has failed');

# -------------------------------------------------- many that are not quite slow

# They always have something to do, and one round of them takes eight seconds.
create_view('hostile', "d$_", 'SELECT sum(dawdle(i)) AS n FROM d') for 1 .. 20;
my $feeder = $node->background_psql('postgres');
$feeder->query_until(
	qr/feeding/, q{
	\echo feeding
	DO $$ BEGIN
		LOOP
			INSERT INTO d VALUES (1);
			COMMIT;
			PERFORM pg_sleep(0.5);
		END LOOP;
	END $$;
});
wait_for(
	q{SELECT count(*) = 20 FROM streaming.views
	  WHERE view::text ~ '^d' AND batches > 0},
	'all get their turn');
goes_on($node, 5, 5, 'many views that are not quite slow: the victim goes on');
$node->safe_psql('postgres',
	q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	  WHERE query ~ 'INSERT INTO d' AND pid <> pg_backend_pid()});
$feeder->{run}->finish;
$node->safe_psql('postgres', $end_workers);
$node->safe_psql('postgres',
	'DROP MATERIALIZED VIEW ' . join(', ', map { "d$_" } 1 .. 20));

# -------------------------------------------------------------- the time is up

set_option('streaming.batch_timeout', '1s');
goes_on($node, 4, 5, 'the victim goes on');
wait_for(
	q{SELECT count(*) >= 1 FROM streaming.views WHERE last_error_sqlstate = '57014'
		AND last_error ~ 'batch of continuous view "public.h\d" took longer than streaming.batch_timeout'},
	'the failure is recorded');
wait_for(
	q{SELECT count(*) = 5 FROM streaming.views WHERE last_error_sqlstate = '57014'
		AND view::text ~ '^h'},
	'sooner or later all have failed');
ok( $node->safe_psql(
		'postgres',
		q{SELECT bool_and(state <> 'failed') FROM streaming.views}),
	'none for ever');
wait_for(
	q{SELECT max(failures) >= 2 FROM streaming.views},
	'they are tried again, and their failures counted');
ok( $node->safe_psql(
		'postgres',
		q{SELECT count(*) > 0 FROM streaming.views
		  WHERE last_error IS NULL AND view = 'v'::regclass}),
	'the victim has not failed');

# one that can be canceled needs no end of its worker
$node->safe_psql('postgres', 'UPDATE behave SET yes = true');
$node->safe_psql('postgres', $end_workers);
$node->safe_psql('postgres', "DROP MATERIALIZED VIEW h$_") for 1 .. 5;
create_view('hostile', 'h6', 'SELECT sum(nap(i)) AS n FROM h');
my ($rc, $out, $err) =
  $node->psql('postgres', 'REFRESH MATERIALIZED VIEW h6');
isnt($rc, 0, 'REFRESH of a view whose batch is canceled');
like(
	$err,
	qr/batch of continuous view "public.h6" took longer than streaming.batch_timeout/,
	'says why');
like($err, qr/HINT:.*increase streaming.batch_timeout/, 'and what to do');
unlike(
	slurp_file($node->logfile),
	qr/batch of continuous view "public.h6".*\n.*It did not let itself be canceled/,
	'its worker lives');
$node->safe_psql('postgres',
	'DROP MATERIALIZED VIEW h6; UPDATE behave SET yes = false');

# -------------------------------------- a new worker waits out the back-off

$node->safe_psql(
	'postgres', q{
	SET ROLE hostile;
	CREATE FUNCTION break(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		RAISE EXCEPTION SQLSTATE '58030' USING MESSAGE = 'broken';
	END $$});
create_view('hostile', 'h7', 'SELECT sum(break(i)) AS n FROM h');
wait_for(
	q{SELECT failures >= 7 AND retry_at > now() FROM streaming.views
	  WHERE view = 'h7'::regclass},
	'it fails, with growing pauses');
foreach my $try (1 .. 6)
{
	$node->safe_psql('postgres', $end_workers);
	$node->safe_psql('postgres',
		'INSERT INTO s VALUES (1); REFRESH MATERIALIZED VIEW v');
}
cmp_ok(
	$node->safe_psql('postgres',
		q{SELECT failures FROM streaming.views WHERE view = 'h7'::regclass}),
	'<=',
	8,
	'new workers do not try it at once');
wait_for(
	q{SELECT retry_at > now() + interval '1 second' FROM streaming.views
	  WHERE view = 'h7'::regclass},
	'and say for how long');
$node->safe_psql('postgres', 'DROP MATERIALIZED VIEW h7');

# ----------------------------------------------------- slow, but not for ever

set_option('streaming.batch_timeout', '1h');
create_view('hostile', "h$_", 'SELECT sum(linger(i)) AS n FROM h') for 8 .. 9;
wait_for(sprintf($running, '= 2'), 'two slow views');
goes_on($node, 2, 8, 'the victim goes on');
$node->safe_psql('postgres', 'UPDATE behave SET yes = true');
# what they read was there when their batches began: end those
$node->safe_psql('postgres', $end_workers);
wait_for(
	q{SELECT (SELECT n FROM h8) = (SELECT sum(i) FROM h)
		AND (SELECT n FROM h9) = (SELECT sum(i) FROM h)},
	'they reform');
$node->safe_psql('postgres', 'INSERT INTO h VALUES (2)');
wait_for(
	q{SELECT count(*) <= 2 FROM pg_stat_activity
	  WHERE backend_type = 'streaming worker'},
	'and share workers with the others again');
wait_for(
	q{SELECT (SELECT n FROM h8) = (SELECT sum(i) FROM h)
		AND (SELECT n FROM h9) = (SELECT sum(i) FROM h)},
	'where they follow');

# ------------------------------------------------- no room for more processes

# Besides the launcher, the scheduler and the server's own there is room for two
# workers, which two hostile views take.
$node->safe_psql('postgres',
	'DROP MATERIALIZED VIEW h8, h9; UPDATE behave SET yes = false');
$node->append_conf('postgresql.conf', "max_worker_processes = 5\n");
$node->restart;
create_view('hostile', "h$_", 'SELECT sum(linger(i)) AS n FROM h') for 10 .. 11;
goes_on($node, 3, 15, 'no room for processes: the victim goes on');
goes_on($node, 2, 5, 'and waits no more');
is($node->safe_psql('postgres', sprintf $running, ''),
	1, 'the others share a worker');

$node->stop;
done_testing();
