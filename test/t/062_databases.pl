# Commands on databases make the processes leave only if they may be done: who
# has no right to them must not be able to stop views by trying.
use strict;
use warnings;
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
		WHERE datname = 's' ORDER BY 1, 2});
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
