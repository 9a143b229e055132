# Views of two owners that are due over one stream at the same time: those of each have
# their batches in one transaction, unless anything is out of the ordinary.
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
max_worker_processes = 16
max_prepared_transactions = 5
jit = off
timezone = 'UTC'
});
$node->start;

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

# In a test build, nobody looks at views for which nothing has happened, and these sleep soon.
my $bug = join ',', 'agenda_no_polls', $ENV{STREAMING_MUTATION} || ();
if ($node->psql('postgres', 'SHOW streaming.debug_mutation') == 0)
{
	sql("ALTER SYSTEM SET streaming.debug_mutation = '$bug'");
	$node->append_conf('postgresql.conf', "streaming.debug_limits = 'asleep=200'\n");
	$node->restart;
}

sql(q{CREATE EXTENSION streaming},
	q{CREATE ROLE alice}, q{CREATE ROLE bob},
	q{GRANT CREATE ON SCHEMA public TO alice, bob},
	q{CREATE TABLE b (k int, n int) USING stream},
	q{GRANT SELECT ON b TO alice, bob},
	q{CREATE FUNCTION same(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i; END'},
	# functions of the server's that run what users write, and types that do
	q{CREATE AGGREGATE rewritten(text) (SFUNC = ts_rewrite, STYPE = tsquery, INITCOND = 'a')},
	q{CREATE AGGREGATE largest(int) (SFUNC = int4larger, STYPE = int)},
	q{CREATE DOMAIN small AS int CHECK (same(VALUE) < 10000000)},
	q{CREATE TYPE pair AS (a small, b int)},
	q{CREATE FUNCTION gap(a int, b int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN b - a; END'},
	q{CREATE TYPE span AS RANGE (subtype = int, subtype_diff = gap)},
	q{CREATE FUNCTION odd_cmp(a bigint, b bigint) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN sign(a - b); END'},
	q{CREATE OPERATOR CLASS odd_ops FOR TYPE bigint USING btree AS OPERATOR 1 <, OPERATOR 2 <=,
		OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 odd_cmp(bigint, bigint)},
	q{CREATE TYPE kind AS ENUM ('odd', 'even')},
	q{CREATE PROCEDURE trickle(times int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. times LOOP
			INSERT INTO b VALUES (i % 7, 1 + i % 50);
			COMMIT;
			PERFORM pg_sleep(0.002);
		END LOOP;
	END $$},
	q{CREATE PROCEDURE write(seconds float) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
	BEGIN
		WHILE clock_timestamp() < until LOOP
			INSERT INTO b VALUES (2, 1 + (random() * 40)::int);
			BEGIN
				INSERT INTO b SELECT x % 7, x FROM generate_series(1, (random() * 30)::int) x;
				IF random() < 0.5 THEN
					RAISE division_by_zero;
				END IF;
			EXCEPTION WHEN division_by_zero THEN
			END;
			PERFORM pg_sleep(random() / 20);
			INSERT INTO b VALUES (1, 1);
			IF random() < 0.3 THEN
				ROLLBACK;
			ELSE
				COMMIT;
			END IF;
		END LOOP;
	END $$});
my %query = (
	# one of them fails by each of these numbers
	bad => 'SELECT k, sum(1000 / n) AS s FROM b GROUP BY k',
	a11_bad => 'SELECT k, sum(1000 / (n - 1001)) AS s FROM b GROUP BY k',
	a2_bad => 'SELECT k, sum(1000 / (n - 1002)) AS s FROM b GROUP BY k',
	slow => 'SELECT count(*) AS c FROM b, generate_series(1, n) x WHERE x % 2 = 0',
	scripted => 'SELECT k, sum(same(n)) AS s FROM b GROUP BY k',
	alone_aggregate => q{SELECT k, rewritten('select ''b''::tsquery, ''c''::tsquery') AS s FROM b GROUP BY k},
	alone_aggregate_too => 'SELECT k, largest(n) AS s FROM b GROUP BY k',
	alone_having => 'SELECT k, sum(n) AS s FROM b GROUP BY k HAVING same(sum(n)::int) > 0',
	alone_domain => 'SELECT k, max(n::small) AS s FROM b GROUP BY k',
	alone_domains => 'SELECT k, count(*) FILTER (WHERE ARRAY[n]::small[] > ARRAY[5]::small[]) AS s FROM b GROUP BY k',
	alone_row => 'SELECT k, count(*) FILTER (WHERE ROW(n, 1)::pair > ROW(5, 1)::pair) AS s FROM b GROUP BY k',
	alone_text => q{SELECT k, count(('(' || n || ',1)')::pair) AS s FROM b GROUP BY k},
	alone_range => 'SELECT k, count(*) FILTER (WHERE span(0, n) > span(0, 5)) AS s FROM b GROUP BY k',
	alone_index => 'SELECT k, count(*) AS s FROM b GROUP BY k',
	alone_operator => 'SELECT n::bigint AS k, count(*) AS s FROM b GROUP BY 1',
	a_kind => q{SELECT CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END::kind AS k, count(*) AS s FROM b GROUP BY 1},
	a_time => q{SELECT date_trunc('day', timestamptz '2025-01-01' + n * interval '1 hour') AS k, count(*) AS s FROM b GROUP BY 1},
	a_list => 'SELECT k, max(ARRAY[n, k]) AS s, count(DISTINCT n) AS d FROM b GROUP BY k');
for my $i (1 .. 14)
{
	for my $owner ('a', 'b')
	{
		$query{"$owner$i"} = (
			"SELECT k % $i AS k, count(*) AS c, sum(n) AS s FROM b GROUP BY 1",
			"SELECT count(*) AS c, max(n) AS m FROM b WHERE n % $i = 0",
			"SELECT k, n FROM b WHERE n % $i < 2",
			"SELECT DISTINCT n % $i AS d FROM b",
			"SELECT k, c, count(*) AS m FROM (SELECT k, n % $i AS c FROM b) q GROUP BY 1, 2 HAVING sum(c) % 3 > 0"
		)[ $i % 5 ];
	}
}
my $synchronous = "SET streaming.synchronous = on; SET streaming.synchronous_timeout = '2min'";
# What a view was created with is in force for it, and for no other of its transaction.
my %zone = (a_here => 'UTC', a_tokyo => 'Asia/Tokyo', a_york => 'America/New_York');
my $at = q{timestamptz '2025-01-01 12:00+00' + n * interval '1 hour'};
$query{$_} = "SELECT date_trunc('day', $at, '$zone{$_}') AS k, count(*) AS s FROM b GROUP BY 1"
  for keys %zone;
my %owner = map { $_ => /^b\d/ ? 'bob' : 'alice' } keys %query;
for my $view (sort keys %query)
{
	my $zone = $zone{$view} // 'UTC';
	sql("SET ROLE $owner{$view}", "SET timezone = '$zone'",
		"CREATE MATERIALIZED VIEW $view WITH (streaming.continuous) AS "
		  . $query{$view} =~ s/, '$zone'\)/)/r);
}
sql('CREATE INDEX ON alone_index (s odd_ops)');

# A psql in the background.
sub background
{
	my ($sql) = @_;
	return IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \my $out, '2>', \my $err,
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
}

# Names of views that are not what their queries say.
sub wrong
{
	return sql("SELECT string_agg(v, ' ') FROM (" . join(' UNION ALL ', map {
		"SELECT '$_' WHERE EXISTS ((TABLE $_ EXCEPT ALL ($query{$_}))
			UNION ALL (($query{$_}) EXCEPT ALL TABLE $_))"
	} @_) . ") AS wrong (v)");
}

# Lets the views read all there is; names of those that have failed.
sub follow
{
	my (@but) = @_;
	my $but = join ',', map { "'$_'::regclass" } @but, 'b';
	sql("SELECT streaming.wait(view) FROM streaming.views WHERE view NOT IN ($but)");
	return sql("SELECT string_agg(view::text, ' ') FROM streaming.views WHERE failures > 0");
}

# Do they run together?  Each transaction with what it has done for how many views.
my $together = q{
	SELECT count(*) AS views, min(owner) <> max(owner) AS mixed,
		bool_or(relname ~ '^(scripted|alone)') AS scripted
		FROM (SELECT p.xmin::text AS x, relname, relowner::regrole::text AS owner
				FROM streaming._progress p JOIN pg_class c ON c.oid = viewid) q
		GROUP BY x};

# ($one: that view among others)
sub run_together
{
	my ($test, $one) = @_;
	my $ok = until_true {
		sql('CALL trickle(10)');
		sql("SELECT count(*) <= 10 FROM ($together) q WHERE NOT scripted") eq 't'
		  && (!$one || sql(qq{SELECT count(*) > 1 FROM streaming._progress WHERE xmin::text =
			(SELECT xmin::text FROM streaming._progress WHERE viewid = '$one'::regclass)}) eq 't');
	};
	ok($ok, "$test: " . sql("SELECT string_agg(views::text, ' ' ORDER BY views) FROM ($together) q"))
	  or die 'they never do';
	return;
}

run_together('one transaction for many views');
is(sql("SELECT count(*) FROM ($together) q WHERE mixed OR (scripted AND views > 1)"), '0',
	'but not for those of two owners, nor for any that runs code of users');
is(follow(), '', 'none has failed');
is(wrong(keys %query), '', 'one transaction for many views: exact');
sql($synchronous, 'INSERT INTO b SELECT 3, 4 FROM generate_series(1, 3)');
is(wrong(keys %query), '', 'and so at COMMIT');

# Writers that take their time, with savepoints and rollbacks.
$_->finish for map { background('CALL write(3)') } 1 .. 4;
is(follow(), '', 'beside writers: none has failed');
is(wrong(keys %query), '', 'beside writers: exact');
run_together('beside writers');

# More than a batch of many views should read.
sql($synchronous,
	'INSERT INTO b SELECT x % 9, 1 + x % 60 FROM generate_series(1, 20000) x');
is(wrong(keys %query), '', 'much to read, at COMMIT: exact');
is(follow(), '', 'much to read: none has failed');

# More pages than are small: each reads them in a transaction of its own.
run_together('before there is more to read');
sql('INSERT INTO b SELECT x % 9, 1 + x % 60 FROM generate_series(1, 5000) x');
is(follow(), '', 'more to read: none has failed');
is(sql(q{
	SELECT count(*) > 20, count(*) FILTER (WHERE views > 1) FROM streaming.progress p
		JOIN (SELECT viewid, count(*) OVER (PARTITION BY xmin::text) AS views
			FROM streaming._progress) q ON viewid = p.view
		WHERE p.rows >= 5000 AND p.batch = (SELECT max(batch) FROM streaming.progress l WHERE l.view = p.view)}),
	't|0', 'more to read: nobody waits for others');

# One that takes longer than the others should wait for.
run_together('before one takes long');
sql('INSERT INTO b VALUES (1, 5000000)');
is(follow(), '', 'one takes long: none has failed');
is(wrong(grep { $_ ne 'slow' } keys %query), '', 'one takes long: exact');
run_together('after one took long');

# One that fails, and then others: wherever they are among them.
my @failed;
for my $case ([ 'a11_bad', 1001 ], [ 'a2_bad', 1002 ], [ 'bad', 0 ])
{
	my ($bad, $number) = @$case;

	run_together("before $bad fails", $bad);
	push @failed, $bad;
	sql("INSERT INTO b VALUES (1, $number)", 'CALL trickle(10)');
	is(join(' ', sort split / /, follow(@failed)), "@failed", "$bad fails, and none but these");
	like(sql("SELECT last_error FROM streaming.views WHERE view = '$bad'::regclass"),
		qr/division by zero/, "$bad fails, and says why");
}
is(wrong(grep { !/bad|slow/ } keys %query), '', 'some fail: the others are exact');
unlike(slurp_file($node->logfile), qr/batch of continuous view "public\.(?!\w*bad")/,
	'some fail: the log has nothing to say of others');
run_together('without those that fail');
is(join(' ', sort split / /, follow(@failed)), "@failed", 'the others go on');
is(wrong(grep { !/bad|slow/ } keys %query), '', 'the others go on: exact');
sql('DROP MATERIALIZED VIEW slow, ' . join(', ', @failed));
delete @query{'slow', @failed};

# Where nothing happens, views sleep: turns do not go over them, also while others in the
# same worker are busy.  Whatever there is to do for one of them has to wake it.
my $idle = keys %query;

# Whoever oversleeps is not waited for again.
sub soon
{
	my ($test, $condition) = @_;
	my $ok = until_true { $condition->() };

	ok($ok, $test) or die "$test: never";
	return;
}

sub all_sleep
{
	my ($test) = @_;
	soon($test, sub {
		sql(q{SELECT coalesce(bool_and(query ~ '^idle: (\d+) views, \1 asleep$'),
				current_setting('streaming.enabled') = 'off')
			FROM pg_stat_activity WHERE backend_type = 'streaming worker'}) eq 't'});
	return;
}

# Something happens while all views sleep; these views follow, if nobody asks them.
sub wakes
{
	my ($test, $what, @views) = @_;
	all_sleep("all sleep before: $test");
	ref $what ? $what->() : sql($what);
	soon("$test wakes", sub { wrong(@views) eq '' });
	return;
}

# How many executors the workers keep, as they say themselves.
sub kept
{
	my $from = -s $node->logfile;
	my $workers = sql(q{SELECT count(*) FILTER (WHERE pg_log_backend_memory_contexts(pid)) FROM pg_stat_activity WHERE backend_type = 'streaming worker'});

	wait_logged($node, qr/Grand total/, $from, $workers);
	return logged($node, qr/level: \d+; kept executor/, $from);
}

sql('CREATE TABLE c (k int) USING stream',
	q{CREATE PROCEDURE write_c(seconds float) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
	BEGIN
		WHILE clock_timestamp() < until LOOP
			INSERT INTO c VALUES (random() * 7);
			COMMIT;
			PERFORM pg_sleep(0.002);
		END LOOP;
	END $$},
	map { "CREATE MATERIALIZED VIEW c$_ WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM c GROUP BY k" } 1 .. 4);
is(follow(), '', 'before they sleep: none has failed');
wakes('a commit', 'INSERT INTO b VALUES (1, 1)', qw(a1 b1));
my $busy = background('CALL write_c(6)');
soon('who is busy keeps an executor', sub { kept() > 0 });
soon('views sleep while others are busy', sub {
	sql(qq{SELECT coalesce(sum(substring(query FROM '([0-9]+) asleep')::int), 0) >= $idle
		FROM pg_stat_activity WHERE backend_type = 'streaming worker'}) eq 't'});
cmp_ok(kept(), '<=', 4, 'who sleeps keeps no executor');
sql('INSERT INTO b VALUES (1, 1)');
soon('a commit wakes them beside busy ones', sub { wrong('a1', 'b1') eq '' });
$busy->finish;

all_sleep('nobody is busy');
is(kept(), '0', 'nobody keeps an executor asleep');

$query{c1} = 'SELECT k, count(*) AS n FROM c GROUP BY k';
$query{above} = 'SELECT n, count(*) AS groups FROM c1 GROUP BY n';
$query{each} = 'SELECT k, count(*) AS n FROM b GROUP BY k';
$query{parts} = 'SELECT k, count(*) AS n, sum(v) AS s FROM p GROUP BY k';
sql('CREATE TABLE p (k int, v int) PARTITION BY RANGE (k)',
	'CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10) USING stream',
	'CREATE TABLE p2 (k int, v int) USING stream',
	"CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS $query{above}",
	"CREATE MATERIALIZED VIEW each WITH (streaming.continuous, streaming.trigger = '3 seconds') AS $query{each}",
	"CREATE MATERIALIZED VIEW asked WITH (streaming.continuous, streaming.trigger = 'manual') AS TABLE b",
	"CREATE MATERIALIZED VIEW parts WITH (streaming.continuous) AS $query{parts}",
	q{CREATE TABLE quiet (at timestamptz, k int) USING stream WITH (streaming.event_time = 'at',
		streaming.watermark = '1 s', streaming.idle_timeout = '4 s')},
	q{CREATE MATERIALIZED VIEW closed WITH (streaming.continuous, streaming.output_mode = 'append') AS
		SELECT tumble(at, '1 s') AS w, count(*) AS n FROM quiet GROUP BY 1});
$query{asked} = 'TABLE b';
$query{closed} = q{SELECT tumble(at, '1 s') AS w, count(*) AS n FROM quiet GROUP BY 1};
follow();
wakes('the time of its interval', 'INSERT INTO b VALUES (1, 1)', 'each');
wakes('what follows a savepoint', q{BEGIN; INSERT INTO p VALUES (1, 1); SAVEPOINT s;
	INSERT INTO p VALUES (2, 2); ROLLBACK TO s; COMMIT}, 'parts');
wakes('a view below', 'INSERT INTO c VALUES (100)', qw(c1 above));
wakes('COMMIT PREPARED', q{BEGIN; INSERT INTO p VALUES (3, 3); PREPARE TRANSACTION 'one';
	COMMIT PREPARED 'one'}, 'parts');
wakes('ATTACH PARTITION', q{INSERT INTO p2 VALUES (11, 1), (12, 2);
	ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20)}, 'parts');
wakes('a new partition', 'INSERT INTO p2 VALUES (13, 1)', 'parts');
wakes('REFRESH', 'REFRESH MATERIALIZED VIEW asked', 'asked');
wakes('a commit that waits', "$synchronous; INSERT INTO b VALUES (5, 5)", qw(a2 b2));
wakes('to be enabled', sub {
	sql('ALTER MATERIALIZED VIEW a1 SET (streaming.enabled = off)');
	all_sleep('a view sleeps that is switched off');
	sql('INSERT INTO b VALUES (2, 5)');
	all_sleep('and goes on when others wake');
	isnt(wrong('a1'), '', 'it has not read');
	sql('ALTER MATERIALIZED VIEW a1 SET (streaming.enabled = on)');
}, 'a1');
wakes('a setting', sub {
	sql('ALTER SYSTEM SET streaming.enabled = off', 'SELECT pg_reload_conf()');
	sql('INSERT INTO b VALUES (2, 6)');
	all_sleep('all sleep that are switched off');
	isnt(wrong('a6'), '', 'they have not read');
	sql('ALTER SYSTEM RESET streaming.enabled', 'SELECT pg_reload_conf()');
}, qw(a6 b6));
wakes('the clock', q{INSERT INTO quiet VALUES (now(), 1)}, 'closed');
wakes('a change of the query', sub {
	sql(q{CALL streaming.replace('parts', 'SELECT k, count(*) AS n, max(v)::bigint AS s FROM p GROUP BY k')});
	$query{parts} = 'SELECT k, count(*) AS n, max(v)::bigint AS s FROM p GROUP BY k';
}, 'parts');
wakes('a commit after it', 'INSERT INTO p VALUES (1, 100)', 'parts');
wakes('a start of the server', sub {
	$node->restart;
	all_sleep('all sleep after a restart');
	sql('INSERT INTO b VALUES (3, 7)');
}, qw(a1 b1));
sql("REFRESH MATERIALIZED VIEW asked");
is(follow(), '', 'after they slept: none has failed');
is(wrong(keys %query), '', 'after they slept: exact');
sql('DROP TABLE c, p, quiet CASCADE', 'DROP MATERIALIZED VIEW asked, each');
delete @query{qw(c1 above parts closed asked each)};

# The server crashes when some of them have read, and others have not.
SKIP:
{
	my $point = 'bundle-processed-one';
	skip 'no test build', 13
	  if $node->psql('postgres', q{
		CREATE FUNCTION _debug_arm(text, text) RETURNS void
			LANGUAGE c AS 'streaming', 'stream_debug_arm';
		CREATE FUNCTION _debug_waiting(text) RETURNS int
			LANGUAGE c AS 'streaming', 'stream_debug_waiting';
		CREATE FUNCTION _debug_disarm(text) RETURNS void
			LANGUAGE c AS 'streaming', 'stream_debug_disarm';}, on_error_stop => 1) != 0;
	# One that does not end by itself is ended for the sake of any of its views, and in the
	# end anyway.
	for my $pausing (1, 0)
	{
		my $test = $pausing ? 'pausing others than the first' : 'a few seconds';
		my $hangs = q{FROM pg_stat_activity WHERE query ~ ' and \d+ others'
			AND xact_start < clock_timestamp() - interval '300 ms'};
		my $over = 'f';
		my @paused;

		sql("ALTER SYSTEM SET streaming.debug_mutation = 'bundle_endless,"
			  . ($pausing ? 'bundle_forever,' : '') . "$bug'",
			'SELECT pg_reload_conf()');
		run_together("before: $test");
		follow();
		sql("SELECT _debug_arm('$point', 'wait')");
		my $writer = background('CALL trickle(30)');
		my ($pid, $first, $since);
		until_true {
			($pid, $first, $since) = split /\|/,
			  sql("SELECT pid, substring(query from '(\\w+) and'), xact_start $hangs LIMIT 1");
			defined $since;
		}
		or die 'no views run together';
		@paused = grep { $_ ne $first && $owner{$_} eq $owner{$first} } keys %query
		  if $pausing;
		sql(map { "ALTER MATERIALIZED VIEW $_ SET (streaming.enabled = off)" } @paused)
		  if @paused;
		# (in the end it would be cut short for another owner, anyway)
		for (1 .. ($pausing ? 200 : 70))
		{
			$over = sql("SELECT count(*) = 0 FROM pg_stat_activity
				WHERE pid = $pid AND xact_start = '$since'");
			last if $over eq 't';
			select undef, undef, undef, 0.1;
		}
		is($over, 't', "$test: the transaction of many views is over");
		$writer->finish;
		sql("SELECT _debug_disarm('$point')");
		sql(map { "ALTER MATERIALIZED VIEW $_ SET (streaming.enabled = on)" } @paused)
		  if @paused;
		sql("ALTER SYSTEM SET streaming.debug_mutation = '$bug'",
			'SELECT pg_reload_conf()');
		is(follow(), '', "$test: none has failed");
		is(wrong(keys %query), '', "$test: exact");
	}
	$node->append_conf('postgresql.conf', "streaming.debug_limits = 'bundle=600000'\n");
	$node->restart;
	run_together('before a crash');
	follow();
	sql("SELECT _debug_arm('$point', 'wait')");
	my $writer = background('CALL trickle(1000)');
	$node->poll_query_until('postgres', "SELECT _debug_waiting('$point') > 0")
	  or die 'no views run together';
	$node->stop('immediate');
	$writer->finish;
	$node->start;
	is(follow(), '', 'after a crash: none has failed');
	is(wrong(keys %query), '', 'after a crash: exact');
	run_together('after a crash');
	is(follow() . wrong(keys %query), '', 'after a crash: exact again');
}

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP:|PANIC:|terminated by signal|reference leak/,
	'no crash in the log');

done_testing();
