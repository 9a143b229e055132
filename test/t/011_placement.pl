# The placement rule under load: whatever happens around it, a transaction
# never puts a row below (number of blocks at its first insert under the lock
# it still holds) - 1.  Each writer checks its own rows.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
max_connections = 40
max_prepared_transactions = 20
autovacuum_naptime = 1s
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION streaming');

my $file =
  $node->safe_psql('postgres', 'SHOW data_directory') . '/placement.copy';
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE p (part int, v text) PARTITION BY LIST (part);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream
		WITH (autovacuum_vacuum_insert_threshold = 100, autovacuum_vacuum_threshold = 10,
			autovacuum_vacuum_scale_factor = 0);
	CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
	ALTER TABLE p1 ALTER v SET STORAGE PLAIN;
	COPY (SELECT 1 + i % 2, repeat('c', 10 * i) FROM generate_series(1, 30) i) TO '$file';

	-- Inserts n rows of this length into both; fails if one is misplaced.
	CREATE FUNCTION put(n int, len int) RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		end1 bigint := pg_relation_size('p1') / 8192;
		end2 bigint := pg_relation_size('p2') / 8192;
		misplaced bigint;
	BEGIN
		WITH i AS (
			INSERT INTO p SELECT 1 + i % 2, repeat('x', len)
			FROM generate_series(1, n) i RETURNING part, ctid)
		SELECT count(*) INTO misplaced FROM i
		WHERE (ctid::text::point)[0] < CASE part WHEN 1 THEN end1 ELSE end2 END - 1;
		IF misplaced > 0 THEN
			RAISE EXCEPTION '% rows misplaced', misplaced;
		END IF;
	END \$\$;

	-- The same, rolled back in the end: the lock is released with it.
	CREATE FUNCTION put_and_lose(n int, len int) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		PERFORM put(n, len);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END \$\$;
});

my %scripts = (
	'single@4' => 'SELECT put(2, :small);',
	'bulk@2' => 'SELECT put(:many, :long);',
	'savepoint@4' =>
	  'BEGIN; SELECT put_and_lose(2, :small); SELECT count(*) FROM p; SELECT put(2, :small); COMMIT;',
	'rollback@2' =>
	  "BEGIN; SELECT put(:many, :small); SAVEPOINT a; INSERT INTO p VALUES (1, 'a'); ROLLBACK TO a; INSERT INTO p VALUES (1, 'b'); ROLLBACK;",
	'copy@1' => "COPY p FROM '$file';",
	'prepared@1' =>
	  "BEGIN; SELECT put(2, :small); PREPARE TRANSACTION 'p:client_id'; COMMIT PREPARED 'p:client_id'; SELECT put(2, :small);");
my %files;
my $random =
  "\\set small random(1, 100)\n\\set long random(500, 3000)\n\\set many random(1, 30)\n";
for my $name (sort keys %scripts)
{
	my ($plain, $weight) = split '@', $name;
	$files{"011_$plain\@$weight"} = $random . join "\n",
	  map { "$_;" } split /;\s*/, $scripts{$name};
}

$node->pgbench('--no-vacuum --client=12 --transactions=150',
	0, [qr{processed: 1800/1800}], [qr{^$}], 'no row is misplaced', \%files);

done_testing();
