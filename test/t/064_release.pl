# A view that never ends must not keep the rows of somebody else's stream from
# being removed: whether its batch runs already, or is waited for.
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
max_prepared_transactions = 5
});
$node->start;

# a test build waits for a second only
my ($has_debug) = $node->psql('postgres', 'SHOW streaming.debug_limits');
if ($has_debug == 0)
{
	$node->append_conf('postgresql.conf',
		"streaming.debug_limits = 'catch_up=1000'\n");
	$node->restart;
}

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE owner;
	CREATE ROLE hostile;
	GRANT CREATE ON SCHEMA public TO owner, hostile;
	SET ROLE owner;
	CREATE TABLE s (i int) USING stream;
	CREATE TABLE t (i int) USING stream;
	GRANT SELECT ON s, t TO hostile;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) AS n FROM s;
	SET ROLE hostile;
	-- loops, and does not care what it is told
	CREATE FUNCTION linger(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		LOOP
			BEGIN
				PERFORM pg_sleep(0.1);
			EXCEPTION WHEN query_canceled OR OTHERS THEN
				NULL;
			END;
		END LOOP;
	END $$;
	-- lets itself be canceled
	CREATE FUNCTION nap(i int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		PERFORM pg_sleep(1000000);
		RETURN i;
	END $$;
	CREATE MATERIALIZED VIEW in_worker WITH (streaming.continuous) AS
		SELECT count(*) AS n FROM s WHERE linger(i) > 0;
	CREATE MATERIALIZED VIEW napping WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT count(*) AS n FROM t WHERE nap(i) > 0;
	RESET ROLE;
	INSERT INTO s VALUES (1), (2);
	INSERT INTO t VALUES (1), (2);});

# Runs SQL as a role; returns its error.
sub error_of
{
	my ($role, $sql) = @_;
	my ($rc, $out, $err) =
	  $node->psql('postgres', "SET ROLE $role; $sql");
	isnt($rc, 0, "fails: $sql");
	return $err;
}

sub run_as
{
	my ($role, $sql) = @_;
	return $node->safe_psql('postgres', "SET ROLE $role; $sql");
}

# ------------------------------------------------------------- in a worker

ok( $node->poll_query_until(
		'postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity
		  WHERE query = 'batch of view public.in_worker'}),
	'a batch that never ends');
my $pid = $node->safe_psql('postgres',
	q{SELECT pid FROM pg_stat_activity WHERE query = 'batch of view public.in_worker'}
);
my $error = error_of('owner', 'TRUNCATE s');
like($error, qr{takes too long}, 'TRUNCATE does not wait for ever');
like(
	$error,
	qr/SELECT streaming\.release\('public\.in_worker'\);/,
	'and says what to do');
run_as('owner', q{SELECT streaming.release('in_worker')});
# (it waits for a second only that the others read what there is)
run_as('owner', 'REFRESH MATERIALIZED VIEW v');
run_as('owner', 'TRUNCATE s');
pass('the view is released: TRUNCATE goes through');
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"),
	'its worker is ended');
is($node->safe_psql('postgres', 'SELECT n FROM v'),
	2, 'the others have read the rows');
is( $node->safe_psql(
		'postgres',
		q{SELECT state, last_error FROM streaming.views WHERE view = 'in_worker'::regclass}
	),
	'failed|continuous view "in_worker" has been released from stream "s"',
	'it says what has happened');
run_as('owner', 'INSERT INTO s VALUES (3)');
ok($node->poll_query_until('postgres', 'SELECT n = 3 FROM v'),
	'the others follow');
is( $node->safe_psql(
		'postgres',
		q{SELECT last_error_sqlstate FROM streaming.views WHERE view = 'in_worker'::regclass}
	),
	'55000',
	'the end of its batch is not what it says');

# ----------------------- its owner has locked all that he can, and does not let go

$node->safe_psql(
	'postgres', q{
	CREATE SCHEMA hidden AUTHORIZATION hostile;
	SET ROLE owner;
	CREATE TABLE u (i int) USING stream;
	GRANT SELECT ON u TO hostile;
	SET ROLE hostile;
	CREATE MATERIALIZED VIEW hidden.locked WITH (streaming.continuous, streaming.trigger = manual) AS
		SELECT count(*) AS n FROM u;
	SET ROLE owner;
	INSERT INTO u VALUES (1);
	SET ROLE hostile;
	BEGIN;
	ALTER MATERIALIZED VIEW hidden.locked SET (streaming.max_batch_rows = 10);
	LOCK TABLE hidden.locked IN ACCESS EXCLUSIVE MODE;
	PREPARE TRANSACTION 'locked';});
$error = error_of('owner', 'TRUNCATE u');
like($error, qr/SELECT streaming\.release\((\d+)\);/,
	'the hint has a name that may be used');
my ($release) = $error =~ /(SELECT streaming\.release\(\d+\));/;
run_as('owner', "SET statement_timeout = '60s'; $release");
run_as('owner', "SET statement_timeout = '60s'; TRUNCATE u");
pass('the view is released, and TRUNCATE goes through');
$node->safe_psql('postgres', q{COMMIT PREPARED 'locked'});
like(
	$node->safe_psql(
		'postgres',
		q{SELECT state, last_error FROM streaming.views WHERE view = 'hidden.locked'::regclass}
	),
	qr/^failed\|continuous view "locked" has been released from stream "u"$/,
	'so it stays, whatever he has done meanwhile');
run_as('hostile', 'DROP MATERIALIZED VIEW hidden.locked');

# the error of a view is his, too
$node->safe_psql(
	'postgres', q{
	SET ROLE hostile;
	CREATE MATERIALIZED VIEW dividing WITH (streaming.continuous) AS
		SELECT sum(1 / i) AS n FROM u;
	SET ROLE owner;
	INSERT INTO u VALUES (0);});
ok( $node->poll_query_until(
		'postgres',
		q{SELECT failures > 0 FROM streaming.views WHERE view = 'dividing'::regclass}
	),
	'a view fails');
$node->safe_psql(
	'postgres', q{
	SET ROLE hostile;
	BEGIN;
	DROP MATERIALIZED VIEW dividing;
	PREPARE TRANSACTION 'dropped';});
run_as('owner',
	q{SET statement_timeout = '60s'; SELECT streaming.release(view) FROM streaming.views WHERE owner = 'hostile' AND 'u'::regclass = ANY (streams)}
);
run_as('owner', "SET statement_timeout = '60s'; TRUNCATE u");
pass('it is released while it is being dropped, and TRUNCATE goes through');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'dropped'});
is( $node->safe_psql(
		'postgres',
		q{SELECT detail ~ '^About 1 rows that it had not read were removed' FROM streaming._release
		WHERE viewid = 'dividing'::regclass ORDER BY at DESC LIMIT 1}),
	't',
	'what it has lost is said');
run_as('hostile', 'DROP MATERIALIZED VIEW dividing');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT viewid) FROM streaming._release'),
	1, 'what is left of the release goes with the view');

# --------------------------------------------- when somebody waits for it

SKIP:
{
	skip 'not a build with STREAMING_DEBUG=1', 1 if $has_debug != 0;

	$error = error_of('owner', 'TRUNCATE t');
	like($error, qr/"napping" takes too long to read rows/,
		'TRUNCATE waits for the worker, but not for ever');
	like($error, qr/streaming\.release\('public\.napping'\);/,
		'and says what to do');
	run_as('owner', q{SELECT streaming.release('napping')});
	run_as('owner', 'TRUNCATE t');
	pass('the view is released: TRUNCATE goes through');

	$node->safe_psql(
		'postgres', q{
		DROP MATERIALIZED VIEW napping;
		SET ROLE hostile;
		CREATE MATERIALIZED VIEW lingering WITH (streaming.continuous, streaming.trigger = manual) AS
			SELECT count(*) AS n FROM t WHERE linger(i) > 0;
		RESET ROLE;
		INSERT INTO t VALUES (1);});
	like(
		error_of('owner', 'TRUNCATE t'),
		qr/"lingering" takes too long to read rows/,
		'a function that catches all errors does not keep the session');
	run_as('owner', q{SELECT streaming.release('lingering')});
	run_as('owner', 'TRUNCATE t');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM t'),
		0, 'the view is released: TRUNCATE goes through');
}

$node->stop;
done_testing();
