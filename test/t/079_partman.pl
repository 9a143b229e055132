# A partitioned stream that pg_partman looks after: it makes partitions and drops old ones,
# while rows come in and views read them.  Nothing goes that they have not read.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
timezone = 'UTC'
});
$node->start;

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

my $version = sql(q{SELECT default_version FROM pg_available_extensions WHERE name = 'pg_partman'});
if ($version eq '')
{
	$node->stop;
	plan skip_all => 'the extension pg_partman is not installed';
}
my ($major) = $version =~ /^(\d+)/;

# Partitions of a day; that each is a stream, its template table says, or the default.
sql('CREATE EXTENSION streaming', 'CREATE SCHEMA partman',
	'CREATE EXTENSION pg_partman SCHEMA partman',
	"ALTER DATABASE postgres SET default_table_access_method = 'stream'");
sql('CREATE TABLE events (ts timestamptz NOT NULL, k int, x int) PARTITION BY RANGE (ts)',
	# all that was ever inserted, by the same transactions
	'CREATE TABLE log (ts timestamptz, k int, x int) USING heap',
	$major >= 5 ?
	"SELECT partman.create_parent('public.events', 'ts', '1 day', p_premake => 3, p_start_partition => (now() - interval '5 days')::text)" :
	"SELECT partman.create_parent('public.events', 'ts', 'native', 'daily', p_premake => 3, p_start_partition => (now() - interval '5 days')::text)",
	"UPDATE partman.part_config SET retention = '2 days', retention_keep_table = false, infinite_time_partitions = true WHERE parent_table = 'public.events'");
is(sql(q{SELECT count(*) > 5 AND bool_and(a.amname = 'stream') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_am a ON a.oid = c.relam WHERE inhparent = 'events'::regclass}),
	't', 'its partitions are streams');
sql("ALTER TABLE events SET (streaming.event_time = 'ts')",
	'CREATE MATERIALIZED VIEW by_key WITH (streaming.continuous) AS SELECT k, count(*) AS n, sum(x) AS x FROM events GROUP BY k',
	"CREATE MATERIALIZED VIEW by_day WITH (streaming.continuous, streaming.changes) AS SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM events GROUP BY 1",
	"CREATE MATERIALIZED VIEW lagging WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT sum(x) AS x FROM events");

# How many partitions there are of days so long before.  (A day may end while this runs.)
my $now = sql('SELECT now()');
sub older_than
{
	return sql("SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'events'::regclass
		AND c.relname ~ '_p[0-9]' AND regexp_replace(c.relname, '[^0-9]', '', 'g') < to_char(timestamptz '$now' - interval '$_[0] days', 'YYYYMMDD')");
}

cmp_ok(older_than(3), '>', 0, 'there are old partitions');

# Writers of all days, maintenance beside them, again and again.  Rows of a day that is
# gone go to the default partition.
my @writers = map {
	my $n = $_;
	IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') . ' application_name=writer', '-c', qq{
		DO \$\$ BEGIN
			FOR i IN 1..300 LOOP
				WITH r AS (INSERT INTO public.events
					SELECT now() - g % 6 * interval '20 hours', g % 7, i + $n FROM generate_series(1, 40) g RETURNING *)
				INSERT INTO public.log SELECT * FROM r;
				COMMIT;
				PERFORM pg_sleep(0.01);
			END LOOP;
		END \$\$} ], '<', \undef, '>', '/dev/null', '2>>', $node->basedir . '/writers')
} 1 .. 3;
my $failed = 0;
my $runs = 0;
my $writing = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'writer'";
$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM log');
while (sql($writing) eq 't')
{
	# partitions for the days to come are made as well
	sql("UPDATE partman.part_config SET premake = " . (3 + $runs % 5))
	  if $runs % 2 == 0;
	$failed++ if $node->psql('postgres', $major >= 5 ?
		q{SELECT partman.run_maintenance('public.events', p_analyze => false)} :
		q{SELECT partman.run_maintenance('public.events', p_analyze => false, p_jobmon => false)}) != 0;
	$runs++;
	select(undef, undef, undef, 0.2);
}
ok($_->finish, 'a writer ends well') for @writers;
is($failed, 0, "maintenance ends well ($runs times)");
is(older_than(3),
	'0', 'old partitions are gone');
cmp_ok(sql("SELECT count(*) FROM events"), '<', sql('SELECT count(*) FROM log'), '... with rows');

sub check
{
	my ($view, $query) = @_;

	sql("REFRESH MATERIALIZED VIEW $view");
	is(sql("SELECT count(*) FROM ((TABLE $view EXCEPT ALL $query) UNION ALL ($query EXCEPT ALL TABLE $view)) x"),
		'0', "nothing is lost to $view");
	return;
}
check('by_key', 'SELECT k, count(*) AS n, sum(x) AS x FROM log GROUP BY k');
check('by_day', "SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM log GROUP BY 1");
check('lagging', 'SELECT sum(x) AS x FROM log');

# Our own retention beside it.
sql("ALTER TABLE events SET (streaming.retention = '1 day')",
	q{WITH r AS (INSERT INTO events SELECT now() - g % 6 * interval '20 hours', g, g FROM generate_series(1, 100) g RETURNING *) INSERT INTO log SELECT * FROM r},
	$major >= 5 ?
	q{SELECT partman.run_maintenance('public.events', p_analyze => false)} :
	q{SELECT partman.run_maintenance('public.events', p_analyze => false, p_jobmon => false)});
check('by_key', 'SELECT k, count(*) AS n, sum(x) AS x FROM log GROUP BY k');
check('lagging', 'SELECT sum(x) AS x FROM log');
ok($node->poll_query_until('postgres', q{SELECT streaming.wait('by_key') AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'events'::regclass
	AND regexp_replace(c.relname, '[^0-9]', '', 'g') = to_char(timestamptz '} . $now . q{' - interval '2 days', 'YYYYMMDD'))}),
	'the workers drop what is a day old');
check('by_day', "SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM log GROUP BY 1");
is(sql('SELECT count(*) FROM streaming.views WHERE failures > 0'), '0', 'no view has failed');
$node->stop;
done_testing();
