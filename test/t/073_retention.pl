# Change streams that keep rows for a time, or until they have been read: their size is
# bounded, nothing is lost to those who read them, whatever goes on beside, and whatever
# breaks.
# Needs a test build.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
max_prepared_transactions = 5
autovacuum = off
restart_after_crash = on
streaming.retention_size = 64
});
$node->start;
plan skip_all => 'needs a test build'
  if $node->psql('postgres', 'SHOW streaming.debug_limits') != 0;
$node->append_conf('postgresql.conf', "streaming.debug_limits = 'retention=1'");
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->restart;

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

sql(q{CREATE EXTENSION streaming},
	q{CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm'},
	q{CREATE FUNCTION _debug_disarm(text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_disarm'},
	q{CREATE FUNCTION _debug_waiting(text) RETURNS int
		LANGUAGE c AS 'streaming', 'stream_debug_waiting'},
	q{CREATE FUNCTION _debug_advance_clock(interval) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_advance_clock'},
	q{CREATE FUNCTION differs(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE
			n bigint;
		BEGIN
			EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s)
				UNION ALL (%2$s EXCEPT ALL %1$s)) x', a, b) INTO n;
			RETURN n;
		END $$},
	q{CREATE TABLE s (k int, x int, ts timestamptz) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '0 s')},
	q{CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, op text, k int, n bigint)});

my $groups = 'SELECT k, count(*) AS n, sum(x) AS x, repeat(k::text, 50) AS t FROM s GROUP BY k HAVING sum(x) % 7 <> 0';
my $above = 'SELECT n % 10 AS d, count(*) AS c, sum(x) AS x, max(x) AS most FROM v GROUP BY n % 10';

# A row of the log for each change: what the stream has said, for ever.
sql(qq{CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes, streaming.changes_retention = consumed) AS $groups},
	q{CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO log (op, k, n) SELECT op, k, n FROM rows;
			RETURN NULL;
		END $$},
	q{CREATE TRIGGER logs AFTER INSERT ON v_changes REFERENCING NEW TABLE AS rows
		FOR EACH STATEMENT EXECUTE FUNCTION logs()});

sub insert_rows
{
	my ($i) = @_;
	return "INSERT INTO s SELECT g % 97, g * $i % 101, '2024-01-01'::timestamptz + $i * interval '1 s' + g * interval '1 ms' FROM generate_series(1, 300) g";
}

sub round_of
{
	my ($i, @views) = @_;

	sql(insert_rows($i));
	sql("SELECT streaming.wait('$_')") for @views;
	return;
}

# What views above have made of it is right, and the table is what it should be.
my %queries;
sub check
{
	my ($when) = @_;

	for my $view (sort keys %queries)
	{
		sql("SELECT streaming.wait('$view')");
		is(sql("SELECT differs('TABLE $view', \$q\$$queries{$view}\$q\$)"), '0', "$view $when");
	}
	is(sql('SELECT count(*) FROM streaming.views WHERE failures > 0'), '0', "... none has failed");
	return;
}

sub size { return sql("SELECT pg_table_size('$_[0]') / 1024"); }

# Rounds, from that on, until the change stream is smaller: after each batch its rows may go,
# if nobody is in the way just then.
my $round;
sub shrinks
{
	my ($limit, $test, @views) = @_;

	return ok(until_true { round_of($round++, @views); size('v_changes') < $limit }, $test);
}
$queries{v} = $groups;

# Nobody reads it: all stays.
round_of($_, 'v') for 1 .. 15;
is(sql('SELECT count(*) FROM v_changes'), sql('SELECT count(*) FROM log'), 'without a reader, all stays');
my $grown = size('v_changes');
cmp_ok($grown, '>', 256, '... and grows');

# A view over the view, and one over the change stream.
my $happened = 'SELECT op, count(*) AS c, sum(n) AS n FROM log GROUP BY op';
$queries{above} = $above;
$queries{happened} = $happened;
sql("CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS $above",
	'CREATE MATERIALIZED VIEW happened WITH (streaming.continuous) AS SELECT op, count(*) AS c, sum(n) AS n FROM v_changes GROUP BY op',
	'CREATE INDEX ON v_changes (k)');
check('at the beginning');
my $most = 0;
for my $i (16 .. 45)
{
	round_of($i, 'above', 'happened');
	my $size = size('v_changes');
	$most = $size if $i > 20 && $size > $most;
}
cmp_ok($most, '<', $grown / 2, 'what has been read goes');
check('while rows go');
is(sql(q{SET enable_seqscan = off; SELECT count(*) FROM v_changes WHERE k = 5}),
	sql(q{SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM v_changes WHERE k = 5}),
	'indexes fit');

# One reader stays behind: what it has not read is kept, and no more than that.
sql('ALTER MATERIALIZED VIEW happened SET (streaming.enabled = off)');
my $before = sql('SELECT count(*) FROM log');
round_of($_, 'above') for 91 .. 102;
cmp_ok(sql('SELECT count(*) FROM v_changes'), '>=',
	sql('SELECT count(*) FROM log') - $before, 'what one has not read is kept');
sql('ALTER MATERIALIZED VIEW happened SET (streaming.enabled = on)');
check('after that');
$round = 111;
shrinks($grown / 2, 'then it goes', 'above', 'happened');

# Readers hold it up for a moment only; rows go when they are gone.
my %p;
$p{in} = "BEGIN; SELECT 'begun' WHERE EXISTS (SELECT FROM v_changes);\n";
$p{out} = '';
$p{run} = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
	'<', \$p{in}, '>', \$p{out}, '2>', \$p{err},
	IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
IPC::Run::pump($p{run}) until $p{out} =~ /begun/;
round_of($_, 'above', 'happened') for 116 .. 128;
my $held = size('v_changes');
cmp_ok($held, '>', $grown / 2, 'a transaction that reads it keeps rows');
check('meanwhile');
$p{in} .= "COMMIT;\n\\q\n";
IPC::Run::finish($p{run});
$round = 136;
shrinks($held, '... until it ends', 'above', 'happened');
check('after that');

# An old snapshot sees of the rows that stay what it would have seen: none is doubled.
$p{in} = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'begun' FROM log LIMIT 1;\n";
$p{out} = '';
$p{run} = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
	'<', \$p{in}, '>', \$p{out}, '2>', \$p{err},
	IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
IPC::Run::pump($p{run}) until $p{out} =~ /begun/;
# (all of it may have gone)
my $last = sql(q{SELECT greatest((SELECT max(batch) FROM v_changes), (SELECT max(batch) FROM streaming.progress WHERE view = 'v'::regclass))});
round_of($_, 'above', 'happened') for 141 .. 150;
$p{in} .= "SELECT 'later ' || count(*) FROM v_changes WHERE batch > $last; COMMIT;\n\\q\n";
IPC::Run::finish($p{run});
like($p{out}, qr/later 0/, 'an old snapshot sees no row of later');

# Errors and crashes on the way: all is as before, and tried again.
for my $point ('retention_copied', 'retention_settled')
{
	my $log_from = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'error')");
	my $i = 160;
	ok( until_true {
			round_of(++$i, 'above', 'happened');
			logged($node, qr/debug point "?$point/, $log_from) > 0;
		},
		"an error at $point");
	sql("SELECT _debug_disarm('$point')");
	check("after an error at $point");

	$log_from = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'kill')");
	ok( until_true {
			$node->psql('postgres', insert_rows(++$i)) != 0
			  || $node->psql('postgres', "SELECT streaming.wait('above'); SELECT streaming.wait('happened')") != 0;
		},
		"a crash at $point");
	wait_crashed($node, $log_from);
	check("after a crash at $point");
	$round = 241;
	shrinks($grown / 2, 'rows go again', 'above', 'happened');
	is(sql("SELECT count(*) FROM pg_class WHERE relname ~ '^pg_temp_'"), '0', 'nothing is left behind');
}

# One that comes to read while rows are copied: then they are not exchanged.  (With
# streaming.debug_mutation = 'retention_new_reader', they are, and this turns red.)
sql("SELECT _debug_arm('retention_copied', 'wait')");
my $i = 250;
until_true {
	sql(insert_rows(++$i));
	sql("SELECT _debug_waiting('retention_copied')") > 0;
}
or die 'no rows are copied';
sql('CREATE MATERIALIZED VIEW comes WITH (streaming.continuous) AS SELECT op, n FROM v_changes',
	'CREATE MATERIALIZED VIEW misses WITH (streaming.continuous) AS SELECT op, n FROM v_changes WITH NO DATA');
$node->poll_query_until('postgres', "SELECT batches > 0 FROM streaming.views WHERE view = 'comes'::regclass");
my $read = sql('SELECT count(*) FROM comes');
my $then = sql('SELECT max(id) FROM log');
sql("SELECT _debug_disarm('retention_copied')");
round_of($_, 'above', 'happened', 'comes', 'misses') for 291 .. 300;
is(sql('SELECT count(*) FROM comes'), $read + sql("SELECT count(*) FROM log WHERE id > $then"),
	'one that came while rows were copied reads all');
is(sql('SELECT count(*) FROM misses'), sql("SELECT count(*) FROM log WHERE id > $then"),
	'... or all that came after it');
check('after that');
sql('DROP MATERIALIZED VIEW comes, misses');

# Many write and read, and another view comes.
sql("CREATE MATERIALIZED VIEW late WITH (streaming.continuous) AS SELECT k % 3 AS k, count(*) AS n FROM v_changes WHERE false GROUP BY k % 3");
my @others = map {
	my $n = $_;
	IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
		"SET lock_timeout = '20s'; DO \$\$ BEGIN FOR i IN 1..60 LOOP INSERT INTO public.s SELECT g % (50 + $n), i, '2024-02-01' FROM generate_series(1, 200) g; COMMIT; PERFORM count(*) FROM v_changes; COMMIT; END LOOP; END \$\$" ],
		'<', \undef, '>', '/dev/null', '2>', '/dev/null')
} 1 .. 4;
$queries{more} = 'SELECT n % 2 AS odd, count(*) AS c FROM v GROUP BY n % 2';
sql("CREATE MATERIALIZED VIEW more WITH (streaming.continuous) AS $queries{more}");
IPC::Run::finish($_) for @others;
check('with many at a time');
is(sql('SELECT count(*) FROM late'), '0', 'none for the one that wants none');

# For a time: rows go when it is over, whether anybody reads them or not.
sql('DROP MATERIALIZED VIEW late',
	qq{CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes, streaming.changes_retention = '1 hour') AS $groups});
$queries{w} = $groups;
$most = 0;
my $hour = 0;
for my $i (301 .. 350)
{
	sql("SELECT _debug_advance_clock('5 minutes')");
	round_of($i, 'w');
	# (a batch that finds nothing is none to mark)
	sql("SELECT _debug_advance_clock('4 minutes')", "SELECT streaming.wait('w')") if $i % 10 == 0;
	my $size = size('w_changes');
	$most = $size if $size > $most;
	$hour = $size if $i == 311;
	# of the last hour, which is ten batches and some, all is there
	my $kept = sql(q{SELECT count(DISTINCT batch) FROM w_changes WHERE batch > (SELECT max(batch) - 10 FROM w_changes)});
	cmp_ok($kept, '==', 10, "the last hour is there ($i)") if $i % 20 == 0;
}
cmp_ok($most, '<', 5 * $hour, 'what is older goes');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/duplicate key/, 'each mark is made once');
cmp_ok(sql('SELECT count(*) FROM streaming._mark'), '<=', 18, 'few marks are kept');
sql("CREATE MATERIALIZED VIEW over_w WITH (streaming.continuous) AS SELECT op, count(*) AS n FROM w_changes GROUP BY op");
check('of which old changes go');

# One that is dropped while it is marked; it alone, the others have no batches then.
sql("ALTER MATERIALIZED VIEW $_ SET (streaming.enabled = off)") for 'v', 'w';
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE query ~ '^batch of view public\.[vw]$' AND state = 'active'})
  or die 'the others go on';
sql(q{SELECT _debug_arm('retention_marked', 'wait')},
	qq{CREATE MATERIALIZED VIEW goes WITH (streaming.continuous, streaming.changes, streaming.changes_retention = '1 hour') AS $groups});
$node->poll_query_until('postgres', q{SELECT _debug_waiting('retention_marked') > 0 AND
	EXISTS (SELECT FROM pg_stat_activity WHERE query = 'batch of view public.goes' AND state = 'active')}) or die 'no marks';
# (if nothing is in its way, the marking goes on just before it commits; and the scheduler,
# which ends what works on views that are gone, comes later)
my $scheduler = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'streaming scheduler'});
kill 'STOP', $scheduler;
my $drop = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
		map { ('-c', $_) } 'BEGIN', 'DROP MATERIALIZED VIEW goes', q{SELECT _debug_disarm('retention_marked')}, 'COMMIT' ],
	'<', \undef, '>', \my $dropped, '2>', \my $drop_error);
$node->poll_query_until('postgres', q{SELECT to_regclass('goes') IS NULL OR EXISTS
	(SELECT FROM pg_stat_activity WHERE query ~ '^DROP MATERIALIZED VIEW goes' AND wait_event_type = 'Lock')}) or die 'no DROP';
sql(q{SELECT _debug_disarm('retention_marked')});
$drop->finish;
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE query = 'batch of view public.goes' AND state = 'active'})
  or die 'it marks for ever';
kill 'CONT', $scheduler;
is($drop_error, '', 'a view is dropped while it is marked');
sql("ALTER MATERIALIZED VIEW $_ SET (streaming.enabled = on)") for 'v', 'w';
sql(q{SELECT streaming.wait('w')});
is(sql('SELECT count(*) FROM streaming._mark WHERE viewid NOT IN (SELECT viewid FROM streaming._view)'), 0, '... and no mark stays');

# Closed groups: a view that has read them from the beginning goes on.
my $windows = q{SELECT tumble(ts, '1 second') AS t, count(*) AS n, sum(x) AS x FROM s GROUP BY 1};
sql("CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.output_mode = append) AS $windows",
	"CREATE MATERIALIZED VIEW per_hour WITH (streaming.continuous) AS SELECT sum(n) AS n, sum(x) AS x, count(*) AS c FROM closed",
	"ALTER MATERIALIZED VIEW closed SET (streaming.changes_retention = consumed)");
$queries{per_hour} = 'SELECT sum(n) AS n, sum(x) AS x, count(*) AS c FROM closed';
check('of closed groups');
sql("INSERT INTO s SELECT 1, 1, '2030-01-01'::timestamptz + g * interval '1 s' + $_ * interval '1 day' FROM generate_series(1, 500) g",
	"SELECT streaming.wait('per_hour')")
  for 1 .. 20;
check('of closed groups, while they go');
cmp_ok(sql('SELECT count(*) FROM closed_changes'), '<',
	sql('SELECT count(*) FROM closed') / 2, 'closed groups go from the change stream');

$node->stop;
done_testing();
