# The queries for prometheus-postgres-exporter run with the rights of who monitors, in
# databases of others, whose owners say what the search_path is: they take no function,
# operator or type of theirs.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = "$ENV{TESTDIR}/../monitoring";
my $node = PostgreSQL::Test::Cluster->new('main');

$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE ROLE hostile;
	CREATE ROLE exporter LOGIN;
	GRANT pg_monitor TO exporter;
	CREATE DATABASE attacked OWNER hostile});
$node->safe_psql('attacked', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 s');
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '1 min') AS w, count(*) FROM s GROUP BY 1;
	INSERT INTO s VALUES ('2026-01-01', 1);
	SELECT streaming.wait('v')});

# The words and operators of the queries.
my $yaml = slurp_file("$dir/queries.yaml");
my @queries = $yaml =~ /^  query: \|\n((?:    .*\n)+)/mg;
is(scalar(@queries), 4, 'queries');
my %words = map { $_ => 1 } map { /\b([a-z_0-9]+)\b/g } @queries, 'text int int4';
my $words = join ',', map { "'$_'" } sort keys %words;

$node->safe_psql('attacked', qq{
	SET ROLE hostile;
	CREATE SCHEMA hostile;
	GRANT USAGE ON SCHEMA hostile TO PUBLIC;
	SET search_path = pg_catalog;
	DO \$do\$
	DECLARE
		types text[] := ARRAY['text', 'bool', 'int4', 'int8', 'float8', 'numeric', 'timestamptz', 'interval'];
		body text := \$\$BEGIN RAISE 'as %', current_user; END\$\$;
		name text;
		t text;
		u text;
	BEGIN
		FOR name IN SELECT DISTINCT proname FROM pg_proc WHERE proname IN ($words) LOOP
			FOREACH t IN ARRAY types || 'timestamptz[]'::text || 'text[]'::text LOOP
				EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', name, t, t, body);
			END LOOP;
		END LOOP;
		FOREACH t IN ARRAY types LOOP
			FOREACH u IN ARRAY types LOOP
				EXECUTE format('CREATE FUNCTION hostile.decoy(%s, %s) RETURNS bool LANGUAGE plpgsql AS %L', t, u, body);
				FOREACH name IN ARRAY ARRAY['=', '-', '/', '>', '*', '+', '<', '||'] LOOP
					EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.decoy)',
						name, t, u);
				END LOOP;
			END LOOP;
		END LOOP;
		FOR name IN SELECT typname FROM pg_type WHERE typname IN ($words) AND typtype = 'b' AND typnamespace = 'pg_catalog'::regnamespace LOOP
			EXECUTE format('CREATE DOMAIN hostile.%I AS pg_catalog.%I CHECK (hostile.decoy(1, 1))', name, name);
		END LOOP;
	END \$do\$;
	ALTER DATABASE attacked SET search_path = hostile, pg_catalog, public});

my ($ret) = $node->psql('attacked', 'SELECT max(1)', extra_params => [ '-U', 'exporter' ]);
isnt($ret, 0, 'what is not qualified is theirs');
foreach my $query (@queries)
{
	my ($name) = $query =~ /(streaming\.\w+)/;
	my ($out, $err) = ('', '');

	$node->psql('attacked', $query, stdout => \$out, stderr => \$err, extra_params => [ '-U', 'exporter' ]);
	is($err, '', "the query on $name runs nothing of theirs");
	isnt($out, '', '... and says something');
}
$node->stop;
done_testing();
