# Commands on databases make the processes leave only if they may be done: who
# has no right to them must not be able to stop views by trying.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
allow_in_place_tablespaces = on
});
$node->start;

# The first view that the server has comes, and is asked for, when the scheduler of its
# database has found none, and is about to end.  (Before anything else: nothing has been
# asked for yet.)
SKIP:
{
	my ($ret) = $node->psql('postgres', q{
		CREATE FUNCTION _debug_arm(text, text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_arm';
		CREATE FUNCTION _debug_disarm(text) RETURNS void LANGUAGE c AS 'streaming', 'stream_debug_disarm';
		CREATE FUNCTION _debug_waiting(text) RETURNS int LANGUAGE c AS 'streaming', 'stream_debug_waiting';
		SELECT _debug_arm('scheduler-retires', 'wait');}, on_error_stop => 1);
	skip 'no test build', 2 if $ret != 0;
	$node->safe_psql('postgres', 'CREATE DATABASE first');
	foreach my $i (1 .. 2)
	{
		my ($out, $err) = ('', '');

		$node->safe_psql('first', $i == 1 ? q{
			CREATE EXTENSION streaming;
			CREATE TABLE t (k int) USING stream;
			INSERT INTO t VALUES (1)} : 'DROP MATERIALIZED VIEW v');
		# one that has had views waits for others before it ends
		$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = 'first' AND backend_type = 'streaming scheduler'}) if $i == 2;
		$node->poll_query_until('postgres', q{SELECT _debug_waiting('scheduler-retires') > 0})
		  or die 'no scheduler ends';
		my $asks = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('first'),
				map { ('-c', $_) } 'CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) AS n FROM t',
				'REFRESH MATERIALIZED VIEW v', 'TABLE v' ],
			'<', \undef, '>', \$out, '2>', \$err);
		$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
			WHERE query ~ '^REFRESH' AND state = 'active' AND wait_event_type = 'Extension'})
		  or die 'nobody waits';
		$node->safe_psql('postgres', q{SELECT _debug_disarm('scheduler-retires')});
		$asks->finish;
		is($out . $err, "1\n", "a view that comes while the scheduler ends can be waited for, $i");
		$node->safe_psql('postgres', q{SELECT _debug_arm('scheduler-retires', 'wait')}) if $i == 1;
	}
	$node->safe_psql('postgres', 'DROP DATABASE first');
}

# Every one of these statements runs by itself.
$node->psql('postgres', q{
	CREATE ROLE creator CREATEDB;
	CREATE ROLE owner;
	CREATE ROLE nobody;
	CREATE TABLESPACE closed LOCATION '';
	CREATE TABLESPACE opened LOCATION '';
	GRANT CREATE ON TABLESPACE opened TO owner, creator;
	CREATE DATABASE s OWNER owner;}, on_error_die => 1);
$node->safe_psql('s', q{
	CREATE EXTENSION streaming;
	CREATE TABLE t (k int) USING stream;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) AS n FROM t;
	INSERT INTO t VALUES (1);
	REFRESH MATERIALIZED VIEW v;});

sub pids
{
	return $node->safe_psql('postgres', q{
		SELECT backend_type, pid, backend_start FROM pg_stat_activity
		WHERE datname = 's' AND backend_type ~ '^streaming' ORDER BY 1, 2});
}

# Waits for the scheduler and the worker of the view.
sub settled
{
	$node->poll_query_until('postgres', q{
		SELECT count(*) = 1 FROM pg_stat_activity
		WHERE datname = 's' AND backend_type = 'streaming scheduler'});
	$node->safe_psql('s',
		'INSERT INTO t VALUES (1); REFRESH MATERIALIZED VIEW v');
	$node->poll_query_until('postgres', q{
		SELECT count(*) = 0 FROM pg_stat_activity
		WHERE datname = 's' AND backend_type = 'client backend'});
	return pids();
}

my $before = settled();
like($before, qr/streaming worker/, 'there is a worker');

# They stay when the role may not do it.
sub stays
{
	my ($role, $sql, $error) = @_;
	my ($ret, $out, $err) =
	  $node->psql('postgres', "SET ROLE $role;\n$sql", on_error_stop => 1);
	like($err, $error, "$role: $sql");
	is(pids(), $before, '... and all processes stay');
	return;
}

stays('creator', 'CREATE DATABASE x TEMPLATE s',
	qr/permission denied to copy database/);
stays('nobody', 'CREATE DATABASE x TEMPLATE s',
	qr/permission denied to create database/);
stays('owner', 'CREATE DATABASE x TEMPLATE s',
	qr/permission denied to create database/);
stays('nobody', 'CREATE DATABASE x TEMPLATE = 5',
	qr/permission denied to create database/);
stays('creator', 'CREATE DATABASE x TEMPLATE = 5',
	qr/template database "5" does not exist/);
stays('creator', 'ALTER DATABASE s RENAME TO x', qr/must be owner of database s/);
stays('owner', 'ALTER DATABASE s RENAME TO x', qr/permission denied to rename/);
stays('nobody', 'DROP DATABASE s', qr/must be owner of database s/);
stays('nobody', 'DROP DATABASE s WITH (FORCE)', qr/must be owner of database s/);
stays('creator', 'ALTER DATABASE s SET TABLESPACE opened',
	qr/must be owner of database s/);
stays('owner', 'ALTER DATABASE s SET TABLESPACE closed',
	qr/permission denied for tablespace closed/);
stays('owner', 'ALTER DATABASE s SET TABLESPACE nowhere',
	qr/tablespace "nowhere" does not exist/);
# ... or not so
stays('owner', 'BEGIN; DROP DATABASE s', qr/inside a transaction block/);
stays('owner', 'BEGIN; ALTER DATABASE s SET TABLESPACE opened',
	qr/inside a transaction block/);
stays('owner', 'SET transaction_read_only = on; BEGIN READ ONLY; DROP DATABASE s',
	qr/read-only transaction/);
stays('owner', q{DO $$ BEGIN DROP DATABASE s; END $$}, qr/cannot be executed from a function/);

# A template may be copied by whoever may create databases; all else must fit.
$node->safe_psql('postgres', 'ALTER DATABASE s IS_TEMPLATE true');
stays('nobody', 'CREATE DATABASE x TEMPLATE s',
	qr/permission denied to create database/);
stays('creator', 'CREATE DATABASE x TEMPLATE s OWNER postgres',
	qr/must be (member of role|able to SET ROLE) "postgres"/);
stays('creator', 'CREATE DATABASE x TEMPLATE s TABLESPACE closed',
	qr/permission denied for tablespace closed/);
stays('creator', 'CREATE DATABASE postgres TEMPLATE s', qr/already exists/);
stays('creator', 'CREATE DATABASE x TEMPLATE s TEMPLATE s',
	qr/conflicting or redundant options/);
stays('creator', 'BEGIN; CREATE DATABASE x TEMPLATE s',
	qr/inside a transaction block/);
stays('owner', 'DROP DATABASE s', qr/cannot drop a template database/);

# They leave when it may be done, and come back.
$node->psql('postgres', "SET ROLE creator;\nCREATE DATABASE x TEMPLATE s;",
	on_error_die => 1);
my $after = settled();
isnt($after, $before, 'they make way for a copy of a template');
is($node->safe_psql('x', 'SELECT n > 0 FROM v'), 't', '... which is made');
$before = settled();
$node->psql('postgres', q{
	ALTER DATABASE s IS_TEMPLATE false;
	SET ROLE owner;
	ALTER DATABASE s SET TABLESPACE opened;}, on_error_die => 1);
$after = settled();
isnt($after, $before, 'they make way for another tablespace');
$node->psql('postgres', q{
	ALTER ROLE owner CREATEDB;
	SET ROLE owner;
	ALTER DATABASE s RENAME TO t;
	CREATE DATABASE y TEMPLATE t;
	DROP DATABASE t;}, on_error_die => 1);
is( $node->safe_psql('postgres',
		q{SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database
			WHERE NOT datistemplate}),
	'postgres x y', 'they make way for its owner');
$node->stop;
done_testing();
