# streaming.retention of streams of users: their size is bounded while they are written to,
# and nothing goes that a view has not read, whatever goes on beside, and whatever breaks.
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
timezone = 'UTC'
streaming.retention_size = 64
});
$node->start;
plan skip_all => 'needs a test build'
  if $node->psql('postgres', 'SHOW streaming.debug_limits') != 0;
$node->append_conf('postgresql.conf', "streaming.debug_limits = 'retention=1,held_up=1000'");
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
	q{CREATE FUNCTION text_of(i int) RETURNS text IMMUTABLE LANGUAGE sql AS
		$$SELECT CASE WHEN i % 50 = 0 THEN repeat(md5(i::text), 100) ELSE md5(i::text) END$$},
	q{CREATE TABLE s (k int, x int, t text) USING stream WITH (streaming.retention = consumed)},
	q{ALTER TABLE s ALTER t SET STORAGE EXTERNAL},
	q{CREATE INDEX ON s (k)},
	# all that was ever inserted, by the same transactions
	q{CREATE TABLE log (k int, x int, t text)},
	q{CREATE TABLE longest (ms float)});

# What each view should show, as a query over the log.
my %queries;
sub check
{
	my ($when) = @_;

	for my $view (sort keys %queries)
	{
		(my $query = $queries{$view}) =~ s/\bFROM s\b/FROM log/;
		sql("SELECT streaming.wait('$view')");
		is(sql("SELECT differs('TABLE $view', \$q\$$query\$q\$)"), '0', "$view $when");
	}
	is(sql(q{SELECT count(*) FROM streaming.views WHERE failures > 0}), '0', "... none has failed");
	return;
}

# All at once, for what one has read may be gone for the next.
sub create
{
	my ($options, %of) = @_;

	sql('BEGIN', (map {
		"CREATE MATERIALIZED VIEW $_ WITH (streaming.continuous" .
			($options->{$_} // '') . ") AS $of{$_}" } sort keys %of), 'COMMIT');
	%queries = %of;
	return;
}

sub insert_rows
{
	my ($from, $n) = @_;
	my $to = $from + $n - 1;
	return "WITH r AS (INSERT INTO s SELECT i % 97, i, text_of(i) FROM generate_series($from, $to) i RETURNING k, x, t) INSERT INTO log SELECT * FROM r";
}

my $next = 1;
sub insert
{
	my ($n) = @_;

	sql(insert_rows($next, $n));
	$next += $n;
	return;
}

sub size { return sql("SELECT pg_total_relation_size('$_[0]') / 1024"); }

# Has views look until the condition holds.
sub comes_true
{
	my ($condition, $name, @views) = @_;

	return ok(until_true {
			sql("SELECT streaming.wait('$_')") for @views;
			sql("SELECT $condition") eq 't';
		},
		$name);
}

# Has views look until the log says so, and for a while after that: it says so once.
sub said_once
{
	my ($from, $pattern, $test, @views) = @_;

	for my $i (1 .. 15)
	{
		until_true {
			sql("SELECT streaming.wait('$_')") for @views;
			logged($node, $pattern, $from) > 0;
		}
		or last;
		# it would say so again when a second is over
		select(undef, undef, undef, 0.1);
	}
	return is(logged($node, $pattern, $from), 1, $test);
}

sub session
{
	my %p = (in => "$_[0]; SELECT 'be' || 'gun';\n", out => '', err => '');
	$p{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$p{in}, '>', \$p{out}, '2>', \$p{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	IPC::Run::pump($p{run}) until $p{out} =~ /begun/;
	return \%p;
}

sub end
{
	my ($p) = @_;

	$p->{in} .= "COMMIT;\n\\q\n";
	IPC::Run::finish($p->{run});
	return;
}

# ---- a stream without partitions ----

# Nobody reads it: all stays.
insert(1000) for 1 .. 3;
is(sql('SELECT count(*) FROM s'), '3000', 'without a view, all stays');

create({}, g => 'SELECT k, count(*) AS n, sum(x) AS x, sum(length(t)) AS l FROM s GROUP BY k',
	w => 'SELECT x, t FROM s WHERE x % 10 = 0');
check('at the beginning');
insert(100);
comes_true("pg_total_relation_size('s') < 128 * 1024", 'what has been read goes', 'g', 'w');
is(sql('SET enable_seqscan = off; SELECT count(*) FROM s WHERE k = 5'),
	sql('SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM s WHERE k = 5'),
	'indexes fit');
check('after that');

# Many write, for a while, small transactions and savepoints that are rolled back.
my @writers = map {
	my $from = $_ * 1000000;
	IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') . " application_name=writer options='-c lock_timeout=10s'", '-c', qq{
		DO \$\$ DECLARE
			begun timestamptz;
			longest interval = '0';
		BEGIN
			FOR i IN 1..400 LOOP
				begun := clock_timestamp();
				BEGIN
					INSERT INTO public.s SELECT 1, g, 'none' FROM generate_series(1, 5) g;
					RAISE division_by_zero;
				EXCEPTION WHEN division_by_zero THEN
				END;
				WITH r AS (INSERT INTO public.s SELECT g % 97, g, public.text_of(g)
					FROM generate_series($from + i * 100, $from + i * 100 + 19) g RETURNING *)
				INSERT INTO public.log SELECT * FROM r;
				COMMIT;
				longest := greatest(longest, clock_timestamp() - begun);
				PERFORM pg_sleep(0.01);
			END LOOP;
			INSERT INTO public.longest VALUES (extract(epoch FROM longest) * 1000);
		END \$\$} ], '<', \undef, '>', '/dev/null', '2>', '/dev/null')
} 1 .. 3;
my $most = 0;
my $writing = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'writer'";
$node->poll_query_until('postgres', $writing);
while (sql($writing) eq 't')
{
	my $size = size('s');
	$most = $size if $size > $most;
	select(undef, undef, undef, 0.02);
}
ok($_->finish, 'a writer ends well') for @writers;
my $all = size('log');
cmp_ok($most, '<', $all / 3, "it stays small under load ($most kB of $all)");
note('the longest transaction took ' . sql('SELECT max(ms) FROM longest') . ' ms');
check('under load');
comes_true("pg_total_relation_size('s') < 256 * 1024", 'what is left is little', 'g', 'w');

# A view comes meanwhile, and reads what is there.
sql("SELECT _debug_arm('retention_copied', 'wait')");
insert(3000);
$node->poll_query_until('postgres', "SELECT _debug_waiting('retention_copied') > 0") or die 'no rows are copied';
my $creation = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
	'CREATE MATERIALIZED VIEW late WITH (streaming.continuous) AS SELECT count(*) AS n FROM s' ],
	'<', \undef, '>', '/dev/null', '2>', '/dev/null');
$node->poll_query_until('postgres',
	"SELECT count(*) > 0 FROM pg_locks WHERE relation = 's'::regclass AND NOT granted");
sql("SELECT _debug_disarm('retention_copied')");
ok($creation->finish, 'a view is created while rows are copied');
sql("SELECT streaming.wait('late')");
my $read = sql('SELECT n FROM late');
insert(5000);
sql("SELECT streaming.wait('late')");
is(sql('SELECT n FROM late'), $read + 5000, '... and reads all that comes');
check('after that');
sql('DROP MATERIALIZED VIEW late');

# One that is paused keeps what it has not read, which is said once; the others go on.
my $from = -s $node->logfile;
sql('ALTER MATERIALIZED VIEW w SET (streaming.enabled = off)');
my $before = sql('SELECT count(*) FROM log');
insert(1000), sql("SELECT streaming.wait('g')") for 1 .. 10;
cmp_ok(sql('SELECT count(*) FROM s'), '>=', sql('SELECT count(*) FROM log') - $before,
	'what one has not read is kept');
said_once($from, qr/continuous view "w" keeps rows of stream "s"/, '... which is said once', 'g');
sql('ALTER MATERIALIZED VIEW w SET (streaming.enabled = on)');
check('after a pause');
comes_true("pg_total_relation_size('s') < 256 * 1024", '... then it goes', 'g', 'w');

# Readers keep it, and are not disturbed.
my $p = session('BEGIN; SELECT count(*) FROM s');
insert(1000), sql("SELECT streaming.wait('g')", "SELECT streaming.wait('w')") for 1 .. 5;
cmp_ok(sql('SELECT count(*) FROM s'), '>=', 5000, 'a transaction that reads it keeps rows');
end($p);
comes_true("pg_total_relation_size('s') < 256 * 1024", '... until it ends', 'g', 'w');
check('after a reader');

# So do those who have written, and prepared transactions.
sql(q{BEGIN; WITH r AS (INSERT INTO s VALUES (1, 10, 'prepared') RETURNING *) INSERT INTO log SELECT * FROM r; PREPARE TRANSACTION 'p'});
insert(1000), sql("SELECT streaming.wait('g')") for 1 .. 3;
cmp_ok(sql('SELECT count(*) FROM s'), '>=', 3000, 'a prepared transaction keeps rows');
sql(q{COMMIT PREPARED 'p'});
check('after a prepared transaction');
comes_true("pg_total_relation_size('s') < 256 * 1024", '... until it ends', 'g', 'w');

# Rows of others that refer to it: then nothing goes.
$from = -s $node->logfile;
sql('ALTER TABLE s ADD COLUMN id int UNIQUE', 'CREATE TABLE refers (id int REFERENCES s (id))');
insert(1000), sql("SELECT streaming.wait('g')") for 1 .. 5;
insert(1000), sql("SELECT streaming.wait('g')", "SELECT streaming.wait('w')") for 1 .. 2;
said_once($from, qr/cannot truncate a table referenced in a foreign key/, 'that foreign keys keep rows is said once', 'g', 'w');
cmp_ok(sql('SELECT count(*) FROM s'), '>=', 7000, '... they do');
sql('DROP TABLE refers', 'ALTER TABLE s DROP COLUMN id');
comes_true("pg_total_relation_size('s') < 256 * 1024", '... then it goes', 'g', 'w');
check('after foreign keys');

# Rows that a view has put aside stay, and can be fed again; so do rows to be read again.
sql(q{CREATE FUNCTION inverse(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN RETURN 1000000 / (x % 1000); END'});
sql('TRUNCATE log', 'DROP MATERIALIZED VIEW g, w', 'TRUNCATE s');
create({ f => ", streaming.on_error = 'skip'" }, %queries,
	f => 'SELECT k, count(*) AS n, sum(inverse(x)) AS i FROM s GROUP BY k');
$next = 1;
insert(3001);
sql("SELECT streaming.wait('$_')") for 'f', 'g', 'w';
is(sql("SELECT skipped_rows FROM streaming.views WHERE view = 'f'::regclass"), '3', 'three rows are put aside');
insert(2500);
comes_true("(SELECT count(*) < 2000 FROM s)", 'the others go', 'f', 'g', 'w');
is(sql('SELECT count(*) FROM s WHERE x % 1000 = 0'), '5', '... but those that were put aside do not');
is(sql("SELECT count(*) FROM streaming.errors e JOIN s ON s.ctid = e.tid AND e.stream_row LIKE '(' || s.k || ',' || s.x || ',%' WHERE e.view = 'f'::regclass"),
	'5', '... and are known by their new places');
insert(2499);
comes_true("(SELECT count(*) < 2000 FROM s)", 'more go', 'f', 'g', 'w');
sql(q{CREATE OR REPLACE FUNCTION inverse(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN RETURN 1000000 / (x % 1000 + 1); END'});
$p = session('BEGIN; SELECT count(*) FROM s');
insert(5000);
sql("SELECT streaming.wait('$_')") for 'f', 'g', 'w';
sql('ALTER MATERIALIZED VIEW f SET (streaming.enabled = off)');
my $fed = sql("SELECT streaming.retry('f')");
cmp_ok($fed, '>=', 7, 'they are fed again');
end($p);
comes_true("(SELECT count(*) < 3000 FROM s)", 'rows to be read again stay', 'g', 'w');
sql('ALTER MATERIALIZED VIEW f SET (streaming.enabled = on)', "SELECT streaming.wait('f')");
is(sql("SELECT sum(n) FROM f"), sql('SELECT count(*) FROM log'), '... and are read');
is(sql("SELECT count(*) FROM streaming.errors WHERE view = 'f'::regclass"), '0', '... nothing is left aside');
delete $queries{f};    # (its function has changed)
check('after rows that fail');
sql('DROP MATERIALIZED VIEW f');

# Errors and crashes on the way: all is as before, and tried again.
for my $point ('retention_copied', 'retention_settled')
{
	$from = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'error')");
	ok( until_true {
			insert(1000);
			sql("SELECT streaming.wait('g')", "SELECT streaming.wait('w')");
			logged($node, qr/debug point "?$point/, $from) > 0;
		},
		"an error at $point");
	sql("SELECT _debug_disarm('$point')");
	check("after an error at $point");

	$from = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'kill')");
	ok( until_true {
			return 1 if $node->psql('postgres', insert_rows($next, 1000)) != 0;
			$next += 1000;
			$node->psql('postgres', "SELECT streaming.wait('g'); SELECT streaming.wait('w')") != 0;
		},
		"a crash at $point");
	wait_crashed($node, $from);
	# what the last insert has done is not known, so the numbers go on
	$next += 1000;
	check("after a crash at $point");
	insert(1000);
	comes_true("pg_total_relation_size('s') < 256 * 1024", '... rows go again', 'g', 'w');
	is(sql("SELECT count(*) FROM pg_class WHERE relname ~ '^pg_temp_'"), '0', '... and nothing is left behind');
}

# Rows that lack a column that was added later have its default where they are copied to.
sql('CREATE TABLE wide (k int, t text) USING stream',
	'CREATE MATERIALIZED VIEW fast WITH (streaming.continuous) AS SELECT count(*) AS n FROM wide',
	'CREATE MATERIALIZED VIEW slow WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM wide GROUP BY k',
	"INSERT INTO wide SELECT 1, repeat('x', 100) FROM generate_series(1, 3000)",
	"SELECT streaming.wait('fast')", "SELECT streaming.wait('slow')",
	# a batch with rows of one who has not quite ended yet has to think that more may come among them
	"INSERT INTO wide VALUES (1, 'last')", "SELECT streaming.wait('fast')", "SELECT streaming.wait('slow')",
	'ALTER MATERIALIZED VIEW slow SET (streaming.enabled = off)',
	"INSERT INTO wide SELECT 77, repeat('y', i * 500) FROM generate_series(1, 5) i",
	"ALTER TABLE wide ADD COLUMN d int NOT NULL DEFAULT 7, ADD COLUMN u text DEFAULT '" . ('z' x 3000) . "'",
	'ALTER TABLE wide SET (streaming.retention = consumed)');
sql("INSERT INTO wide (k, t) VALUES (1, 'go')");
comes_true("pg_relation_size('wide') < 200 * 1024", 'what is read goes, of a table with new columns', 'fast');
is(sql("SELECT k, d, length(u), count(*), sum(length(t)) FROM wide WHERE k = 77 GROUP BY 1, 2, 3"), '77|7|3000|5|7500', '... and what stays has all of them');
sql('ALTER MATERIALIZED VIEW slow SET (streaming.enabled = on)', "SELECT streaming.wait('slow')");
is(sql('SELECT n FROM slow WHERE k = 77'), '5', '... and is read');
sql('DROP TABLE wide CASCADE');

# ---- a partitioned stream ----

# Days that began twelve hours ago, so that none begins while this runs.
sql("CREATE FUNCTION day_of(d numeric) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS \$\$SELECT '" .
	sql("SELECT date_trunc('second', now()) - interval '12 hours'") . "'::timestamptz + d * interval '1 day'\$\$");
sql('CREATE TABLE p (ts timestamptz, k int, x int) PARTITION BY RANGE (ts)',
	"ALTER TABLE p SET (streaming.event_time = 'ts')",
	q{CREATE FUNCTION make_partition(d int) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			EXECUTE format('CREATE TABLE p_%s PARTITION OF p FOR VALUES FROM (%L) TO (%L) USING stream',
				replace(d::text, '-', 'm'), day_of(d), day_of(d + 1));
		END $$},
	'SELECT make_partition(d) FROM generate_series(-10, 40) d',
	'CREATE TABLE p_rest PARTITION OF p DEFAULT USING stream',
	'CREATE TABLE plog (ts timestamptz, k int, x int)',
	'CREATE MATERIALIZED VIEW pk WITH (streaming.continuous) AS SELECT k, count(*) AS n, sum(x) AS x FROM p GROUP BY k',
	"CREATE MATERIALIZED VIEW pd WITH (streaming.continuous) AS SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM p GROUP BY 1");

my $day = 0;
sub insert_days
{
	my ($n) = @_;

	sql("WITH r AS (INSERT INTO p SELECT day_of(d) + interval '1 hour' * h, h % 5, h FROM generate_series($day - $n, $day) d, generate_series(0, 23) h RETURNING *) INSERT INTO plog SELECT * FROM r");
	return;
}

sub partitions { return sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass"); }

sub check_p
{
	my ($when) = @_;

	sql("SELECT streaming.wait('pk')", "SELECT streaming.wait('pd')");
	is(sql("SELECT differs('TABLE pk', 'SELECT k, count(*) AS n, sum(x) AS x FROM plog GROUP BY k')"), '0', "pk $when");
	is(sql("SELECT differs('TABLE pd', \$q\$SELECT tumble(ts, '1 day') AS d, count(*) AS n FROM plog GROUP BY 1\$q\$)"), '0', "pd $when");
	return;
}

insert_days(10);
sql("INSERT INTO p VALUES (day_of(-1000), 1, 1)", "INSERT INTO plog VALUES (day_of(-1000), 1, 1)");
check_p('at the beginning');
is(partitions(), '52', 'without the option, all stays');
sql("ALTER TABLE p SET (streaming.retention = '7 days')");
comes_true("(SELECT count(*) = 49 FROM pg_inherits WHERE inhparent = 'p'::regclass)", 'old partitions go', 'pk', 'pd');
is(sql("SELECT to_regclass('p_m8') IS NULL AND to_regclass('p_m7') IS NOT NULL AND to_regclass('p_rest') IS NOT NULL"), 't', '... no others, and not the default one');
check_p('after that');

# One that is paused keeps its partitions.
sql('ALTER MATERIALIZED VIEW pd SET (streaming.enabled = off)');
sql("INSERT INTO p VALUES (day_of(-6.5), 2, 2)", "INSERT INTO plog VALUES (day_of(-6.5), 2, 2)");
$from = -s $node->logfile;
sql("SELECT _debug_advance_clock('5 days')");
comes_true("to_regclass('p_m5') IS NULL", 'what it has read goes', 'pk');
said_once($from, qr/continuous view "pd" keeps rows of stream "p"/, 'that others are kept is said once', 'pk');
is(sql("SELECT to_regclass('p_m7') IS NOT NULL"), 't', '... what it has not read stays');
sql('ALTER MATERIALIZED VIEW pd SET (streaming.enabled = on)');
comes_true("to_regclass('p_m7') IS NULL", '... until it has', 'pk', 'pd');
check_p('after a pause');

# What depends on a partition keeps it, and no other.
sql('CREATE VIEW v_3 AS SELECT * FROM p_3');
$from = -s $node->logfile;
$day = 5;
insert_days(4);
sql("SELECT _debug_advance_clock('9 days')");
comes_true("to_regclass('p_4') IS NULL", 'others go', 'pk', 'pd');
said_once($from, qr/cannot drop table public\.p_3 because other objects depend on it/,
	'that something depends on one is said once', 'pk');
is(sql("SELECT to_regclass('p_3') IS NOT NULL"), 't', '... which stays');
sql('DROP VIEW v_3');
comes_true("to_regclass('p_3') IS NULL", '... then it goes', 'pk', 'pd');
check_p('after that');

# A transaction that has read or written keeps them, and is not waited for.
$p = session('BEGIN; SELECT count(*) FROM p');
sql("SELECT _debug_advance_clock('1 day')");
for (1 .. 20)
{
	sql("SET lock_timeout = '2s'; INSERT INTO p VALUES (day_of(10), 3, 3); INSERT INTO plog VALUES (day_of(10), 3, 3)");
	sql("SELECT streaming.wait('pk')", "SELECT streaming.wait('pd')");
}
is(sql("SELECT to_regclass('p_7') IS NOT NULL"), 't', 'a transaction that reads keeps a partition');
end($p);
comes_true("to_regclass('p_7') IS NULL", '... until it ends', 'pk', 'pd');
check_p('after a reader');

# Errors and crashes on the way.
my $d = 8;
for my $point ('lifetime_locked', 'lifetime_dropped')
{
	$from = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'error')", "SELECT _debug_advance_clock('1 day')");
	until_true {
		sql("SELECT streaming.wait('pk')");
		logged($node, qr/debug point "?$point/, $from) > 0;
	};
	is(sql("SELECT to_regclass('p_$d') IS NOT NULL"), 't', "an error at $point");
	check_p('then');
	$from = -s $node->logfile;
	sql("SELECT _debug_disarm('$point')", "SELECT _debug_arm('$point', 'kill')");
	ok(until_true { $node->psql('postgres', "SELECT streaming.wait('pk')") != 0 }, "a crash at $point");
	wait_crashed($node, $from);
	# (the clock is the system's again)
	sql("SELECT _debug_advance_clock('" . ($d + 8) . " days')");
	comes_true("to_regclass('p_$d') IS NULL", '... it goes then', 'pk', 'pd');
	check_p('after that');
	$d = 9;
}

# Partitions by something else: the event times of the rows count, and what is empty stays.
sql('CREATE TABLE q (id int, ts timestamp) PARTITION BY RANGE (id)',
	(map { "CREATE TABLE q_$_ PARTITION OF q FOR VALUES FROM (${_}00) TO (${_}99) USING stream" } 0 .. 4),
	"ALTER TABLE q SET (streaming.event_time = 'ts', streaming.retention = '1 day')",
	'CREATE MATERIALIZED VIEW qn WITH (streaming.continuous) AS SELECT count(*) AS n FROM q',
	'BEGIN',
	q{INSERT INTO q SELECT i, '2020-01-01' FROM generate_series(0, 50) i},
	q{INSERT INTO q SELECT i, '2020-01-01' FROM generate_series(100, 150) i},
	q{INSERT INTO q VALUES (151, now() + interval '100 days')},
	q{INSERT INTO q SELECT i, '2020-01-01' FROM generate_series(152, 160) i},
	q{INSERT INTO q SELECT i, NULL FROM generate_series(200, 250) i},
	'COMMIT',
	"SELECT streaming.wait('qn')");
comes_true("to_regclass('q_0') IS NULL", 'by event times', 'qn');
is(sql("SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY 1) FROM pg_inherits WHERE inhparent = 'q'::regclass"),
	'q_1 q_2 q_3 q_4', '... all others stay');
is(sql('TABLE qn'), '163', '... and what was counted');

# Rows that a view has put aside keep their partition, which is said once.
sql(q{CREATE FUNCTION fails(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1 / (x % 4); END'},
	'CREATE TABLE a (ts timestamptz, k int) PARTITION BY RANGE (ts)',
	"CREATE TABLE a_old PARTITION OF a FOR VALUES FROM ('2020-01-01') TO ('2020-02-01') USING stream",
	'CREATE TABLE a_rest PARTITION OF a DEFAULT USING stream',
	"CREATE MATERIALIZED VIEW skips WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT count(fails(k)) AS n FROM a",
	"INSERT INTO a SELECT '2020-01-05', i FROM generate_series(1, 20) i",
	"SELECT streaming.wait('skips')");
is(sql("SELECT skipped_rows FROM streaming.views WHERE view = 'skips'::regclass"), '5', 'rows of an old partition are put aside');
$from = -s $node->logfile;
sql("ALTER TABLE a SET (streaming.retention = '1 day')");
until_true {
	sql("INSERT INTO a VALUES (now(), 1)");
	sql("SELECT streaming.wait('skips')");
	logged($node, qr/continuous view "skips" keeps rows of stream "a"/, $from) > 0;
};
is(logged($node, qr/continuous view "skips" keeps rows of stream "a"/, $from), 1, '... they keep it');
sql(q{CREATE OR REPLACE FUNCTION fails(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'});
is(sql("SELECT streaming.retry('skips')"), '5', '... and can be fed again');
sql("SELECT streaming.wait('skips')");
is(sql('SELECT n FROM skips'), sql('SELECT 20 + count(*) FROM a_rest'), '... all of them');
sql('DROP TABLE a CASCADE');

# A dump has the option.
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ], 'restore');
is($node->safe_psql('copy', q{SELECT string_agg(stream || ' ' || options::text, ' ' ORDER BY 1) FROM (SELECT stream::text, o AS options FROM streaming.streams, unnest(options) o WHERE o LIKE '%retention%' ORDER BY 1) x}),
	'p streaming.retention=7 days q streaming.retention=1 day s streaming.retention=consumed', 'a dump has the option');

is(sql(q{SELECT count(*) FROM streaming.views WHERE failures > 0}), '0', 'no view has failed');
$node->stop;
done_testing();
