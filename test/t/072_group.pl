# Views of one group: whoever reads two of them finds them at the same point, whatever
# goes on beside.
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
max_prepared_transactions = 10
max_worker_processes = 16
jit = off
});
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int, n int) USING stream;
	CREATE TABLE f (k int, n int) USING stream;
	CREATE TABLE p (k int, n int) PARTITION BY RANGE (k);
	CREATE TABLE p0 PARTITION OF p FOR VALUES FROM (0) TO (10) USING stream;
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (10) TO (20) USING stream;
	INSERT INTO s SELECT x % 10, x FROM generate_series(1, 1000) x;
	-- what is read of the views, in one statement each
	CREATE FUNCTION difference(of text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		r record;
	BEGIN
		EXECUTE format('SELECT (SELECT coalesce(sum(c), 0) FROM %1$s_a) AS a,
			(SELECT c FROM %1$s_b) AS b, (SELECT count(*) FROM %1$s_c) AS c', of) INTO r;
		RETURN CASE WHEN r.a = r.b AND r.b = r.c THEN NULL ELSE r::text END;
	END $$;
	CREATE PROCEDURE make_views(of text, options text, g text DEFAULT 'g') LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE MATERIALIZED VIEW %s_a WITH (streaming.continuous, streaming.group = ''%s'' %s) AS
			SELECT k, count(*) AS c, sum(n / (n - 777777)) AS n FROM %s GROUP BY k', of, g, options, of);
		EXECUTE format('CREATE MATERIALIZED VIEW %s_b WITH (streaming.continuous, streaming.group = ''%s'' %s) AS
			SELECT count(*) AS c, sum(n) AS n FROM %s', of, g, options, of);
		EXECUTE format('CREATE MATERIALIZED VIEW %s_c WITH (streaming.continuous, streaming.group = ''%s'' %s) AS
			SELECT k, n FROM %s', of, g, options, of);
	END $$;
	-- for so many seconds; what it finds, and how often it has found something new
	CREATE PROCEDURE look(of text, seconds float) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
		wrong text;
		a bigint;
		b bigint;
		c bigint;
		latest bigint = -1;
		changes int := 0;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			wrong := difference(of);
			IF wrong IS NOT NULL THEN
				RAISE 'apart in one statement: %', wrong;
			END IF;
			COMMIT;
			SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
			EXECUTE format('SELECT count(*), sum(n) FROM %s_c', of) INTO c, a;
			PERFORM pg_sleep(random() / 100);
			EXECUTE format('SELECT c FROM %s_b', of) INTO b;
			IF b <> c THEN
				RAISE 'apart in one transaction: % %', b, c;
			END IF;
			EXECUTE format('SELECT sum(c) FROM %s_a', of) INTO a;
			IF a <> c THEN
				RAISE 'apart in one transaction: % %', a, c;
			END IF;
			changes := changes + (c <> latest)::int;
			latest := c;
			COMMIT;
		END LOOP;
		RAISE NOTICE 'changes: %', changes;
	END $$;
	CREATE PROCEDURE write(into_ text, seconds float) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
	BEGIN
		WHILE clock_timestamp() < until LOOP
			EXECUTE format('INSERT INTO %s SELECT x %% 10, x FROM generate_series(1, %s) x', into_, (random() * 30)::int);
			BEGIN
				EXECUTE format('INSERT INTO %s SELECT x %% 10, -x FROM generate_series(1, %s) x', into_, (random() * 300)::int);
				IF random() < 0.5 THEN
					RAISE division_by_zero;
				END IF;
			EXCEPTION WHEN division_by_zero THEN
			END;
			PERFORM pg_sleep(random() / 50);
			EXECUTE format('INSERT INTO %s VALUES (1, 1)', into_);
			-- a row that fails, for one view of three
			IF into_ = 'f' AND random() < 0.3 THEN
				EXECUTE format('INSERT INTO %s VALUES (2, 777777)', into_);
			END IF;
			IF random() < 0.3 THEN
				ROLLBACK;
			ELSE
				COMMIT;
			END IF;
		END LOOP;
	END $$;
	CALL make_views('s', ', streaming.trigger = ''manual''');
});

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

# A psql in the background; and its end.
sub background
{
	my (@sql) = @_;
	my %p = (out => '', err => '');
	$p{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
			map { ('-c', $_) } @sql ],
		'<', \undef, '>', \$p{out}, '2>', \$p{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	return \%p;
}

sub finish
{
	my ($p) = @_;
	return $p->{run}->finish;
}

# Readers have never found views apart, and have seen them move.
sub is_together
{
	my ($test, @readers) = @_;
	for my $p (@readers)
	{
		finish($p);
		unlike($p->{err}, qr/apart/, "$test: never apart");
		like($p->{err}, qr/changes: ([5-9]|\d\d)/, "$test: things moved");
	}
	return;
}

sub is_exact
{
	my ($of, $test, $and) = @_;
	$and //= '';
	sql("SELECT streaming.wait('${of}_b')");
	is( sql("SELECT difference('$of') IS NULL,
		(SELECT count(*) FROM ((SELECT k, n FROM $of $and) EXCEPT ALL TABLE ${of}_c) x),
		(SELECT count(*) FROM (TABLE ${of}_c EXCEPT ALL (SELECT k, n FROM $of $and)) x)"),
		't|0|0', "$test: exact");
	return;
}

# Rows come when one member has measured the stream and the others have not.
SKIP:
{
	my ($ret) = $node->psql('postgres', q{
		CREATE FUNCTION _debug_arm(text, text) RETURNS void
			LANGUAGE c AS 'streaming', 'stream_debug_arm';
		CREATE FUNCTION _debug_disarm(text) RETURNS void
			LANGUAGE c AS 'streaming', 'stream_debug_disarm';
		CREATE FUNCTION _debug_waiting(text) RETURNS int
			LANGUAGE c AS 'streaming', 'stream_debug_waiting';}, on_error_stop => 1);
	skip 'no test build', 25 if $ret != 0;
	for my $point ('group-measured-one', 'batch-before-snapshot')
	{
		my $before = sql('SELECT count(*) FROM s');
		sql("SELECT _debug_arm('$point', 'wait')");
		my $p = background("SELECT streaming.wait('s_c')");
		$node->poll_query_until('postgres', "SELECT _debug_waiting('$point') > 0")
		  or die "no batch has come to $point";
		sql('INSERT INTO s SELECT x % 12, x FROM generate_series(1, 5000) x');
		sql("SELECT _debug_disarm('$point')");
		finish($p);
		is(sql("SELECT difference('s') IS NULL, (SELECT c FROM s_b) IN ($before, $before + 5000)"), 't|t',
			"$point: the same rows for all, and all of a transaction");
		is_exact('s', $point);
	}

	# So is it with one that has written below where batches have read since, and goes on
	# behind: it commits when all has been measured.
	my %writers = (
		'a transaction' => [ 'COMMIT', 'INSERT INTO go VALUES (1)' ],
		'a prepared one' => [ q{PREPARE TRANSACTION 'half'}, q{COMMIT PREPARED 'half'} ]);
	sql('CREATE TABLE go (x int)',
		q{CREATE PROCEDURE wait_for_go() LANGUAGE plpgsql AS $$ BEGIN
			WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$});
	for my $who (sort keys %writers)
	{
		my ($end, $go) = @{ $writers{$who} };
		my $ends = $end eq 'COMMIT';
		my $point = 'batch-before-snapshot';
		my $writer = background('BEGIN', 'INSERT INTO s SELECT 3, x FROM generate_series(1, 10) x',
			'SELECT pg_advisory_xact_lock(5)', 'CALL wait_for_go()',
			'INSERT INTO s SELECT 3, x FROM generate_series(1, 5000) x',
			q{SELECT pg_advisory_xact_lock(6)}, $ends ? ('DELETE FROM go', 'CALL wait_for_go()') : (), $end);
		$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks
			WHERE locktype = 'advisory' AND objid = 5}) or die 'the writer does not begin';
		# behind it, and read
		sql('INSERT INTO s SELECT 4, x FROM generate_series(1, 5000) x', q{SELECT streaming.wait('s_c')});
		sql('INSERT INTO go VALUES (0)');
		$node->poll_query_until('postgres', $ends ? q{SELECT count(*) = 1 FROM pg_locks
			WHERE locktype = 'advisory' AND objid = 6} : 'SELECT count(*) = 1 FROM pg_prepared_xacts')
			or die 'the writer does not go on';
		my $before = sql('SELECT count(*) FROM s');
		sql("SELECT _debug_arm('$point', 'wait')", 'INSERT INTO s VALUES (5, 5)');
		my $p = background("SELECT streaming.wait('s_c')");
		$node->poll_query_until('postgres', "SELECT _debug_waiting('$point') > 0")
		  or die "no batch has come to $point";
		sql($go);
		finish($writer);
		sql("SELECT _debug_disarm('$point')");
		finish($p);
		is(sql("SELECT difference('s') IS NULL, (SELECT c FROM s_b) = $before + 1 + 5010"), 't|t',
			"$who: seen whole by the batch that had measured");
		is_exact('s', $who);
		sql('DELETE FROM go');
	}

	# Rows of a partition that is attached by then are among what is seen.
	sql(q{CREATE TABLE p2 (k int, n int) USING stream},
		q{CREATE MATERIALIZED VIEW p_sum WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT sum(n) AS n FROM p},
		q{INSERT INTO p VALUES (1, 0)}, q{SELECT streaming.wait('p_sum')});
	sql(q{SELECT _debug_arm('batch-before-snapshot', 'wait')}, 'INSERT INTO p VALUES (1, 0)');
	my $attached = background(q{SELECT streaming.wait('p_sum')});
	$node->poll_query_until('postgres', q{SELECT _debug_waiting('batch-before-snapshot') > 0})
	  or die 'no batch comes';
	sql('BEGIN', 'ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (20) TO (30)',
		'INSERT INTO p SELECT 25, 1 FROM generate_series(1, 30)', 'INSERT INTO p SELECT 1, -1 FROM generate_series(1, 30)', 'COMMIT');
	sql(q{SELECT _debug_disarm('batch-before-snapshot')});
	finish($attached);
	is(sql('SELECT n FROM p_sum'), 0, 'a partition attached while a batch measures: all of the transaction, or nothing');
	# So it is if the transaction has ended, but not yet told others that there is one more.
	my @partitions = ('ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (30) TO (40)',
		'CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (40) TO (50) USING stream');
	sql(q{CREATE TABLE p3 (k int, n int) USING stream}, q{CREATE TABLE done (x int)});
	for my $i (0 .. $#partitions)
	{
		sql(q{SELECT _debug_arm('commit-untold', 'wait')});
		my $p = background('BEGIN', $partitions[$i], 'INSERT INTO p SELECT ' . (35 + 10 * $i) . ', 1 FROM generate_series(1, 30)',
			'INSERT INTO p SELECT 1, -1 FROM generate_series(1, 30)', 'COMMIT');
		$node->poll_query_until('postgres', q{SELECT _debug_waiting('commit-untold') > 0}) or die 'it does not commit';
		my $reader = background(q{SELECT streaming.wait('p_sum')}, 'INSERT INTO done VALUES (1)');
		# it waits for the partition, or is wrong
		$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted) OR
			EXISTS (SELECT FROM done)}) or die 'no batch';
		is(sql('SELECT n FROM p_sum'), 0, "untold, $i: all of the transaction, or nothing");
		sql(q{SELECT _debug_disarm('commit-untold')});
		finish($p);
		finish($reader);
		is(sql('SELECT n FROM p_sum', 'SELECT count(*) FROM p_sum, done'), "0\n1", "untold, $i: then all of it");
		sql('DELETE FROM done');
	}
	# One that all hear of in the middle of a batch: what is planned anew then is read from the next batch on.
	sql(q{CREATE MATERIALIZED VIEW p_first WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'told') AS
			SELECT n, count(*) AS c FROM p GROUP BY n},
		q{CREATE MATERIALIZED VIEW p_second WITH (streaming.continuous, streaming.trigger = 'manual', streaming.group = 'told') AS
			SELECT count(*) AS c FROM p},
		q{SELECT streaming.wait('p_second')}, q{SELECT _debug_arm('batch-before-merge', 'wait')}, 'INSERT INTO p VALUES (1, 777)');
	my $told = background(q{SELECT streaming.wait('p_second')});
	$node->poll_query_until('postgres', q{SELECT _debug_waiting('batch-before-merge') > 0}) or die 'no batch';
	sql('CREATE TABLE p5 (k int, n int) USING stream', 'ALTER TABLE p ATTACH PARTITION p5 FOR VALUES FROM (50) TO (60)',
		'INSERT INTO p VALUES (55, 778)', q{SELECT _debug_disarm('batch-before-merge')});
	finish($told);
	is(sql(q{SELECT streaming.wait('p_second')}, 'SELECT (SELECT sum(c) FROM p_first) - count(*), (SELECT c FROM p_second) - count(*) FROM p'),
		"t\n0|0", 'a partition that one hears of within a batch is read by the next');
	sql('DROP MATERIALIZED VIEW p_first', 'DROP MATERIALIZED VIEW p_second', 'DROP TABLE p5');
	sql('DROP MATERIALIZED VIEW p_sum', 'DROP TABLE p3', 'DROP TABLE p4', 'ALTER TABLE p DETACH PARTITION p2', 'DROP TABLE p2');

	# A view that begins with what comes next does not begin in the middle of a transaction.
	sql(q{SELECT _debug_arm('skip-before-snapshot', 'wait')});
	my $created = background(q{CREATE MATERIALIZED VIEW next WITH (streaming.continuous, streaming.trigger = 'manual')
		AS SELECT sum(n) AS n FROM s WITH NO DATA});
	$node->poll_query_until('postgres', q{SELECT _debug_waiting('skip-before-snapshot') > 0})
	  or die 'no view is created';
	sql('BEGIN', 'INSERT INTO s SELECT 3, 1 FROM generate_series(1, 5000)',
		'INSERT INTO s SELECT 3, -1 FROM generate_series(1, 5000)', 'COMMIT');
	sql(q{SELECT _debug_disarm('skip-before-snapshot')});
	finish($created);
	is(sql(q{SELECT streaming.wait('next')}, 'SELECT coalesce(n, 0) FROM next'), "t\n0", 'WITH NO DATA: all of the transaction, or nothing');
	sql('DROP MATERIALIZED VIEW next');

	# The one whose worker runs the batches leaves, or goes, while others wait.
	sql(q{CREATE MATERIALIZED VIEW other WITH (streaming.continuous,
		streaming.trigger = 'manual', streaming.group = 'g') AS SELECT count(*) AS c FROM s},
		q{REFRESH MATERIALIZED VIEW other});
	for my $leave (
		'ALTER MATERIALIZED VIEW s_a RESET (streaming.group)',
		'DROP MATERIALIZED VIEW s_b')
	{
		my $point = 'batch-before-commit';
		sql("SELECT _debug_arm('$point', 'wait')", 'INSERT INTO s VALUES (1, 1)');
		my $first = background("SELECT streaming.wait('other')");
		$node->poll_query_until('postgres', "SELECT _debug_waiting('$point') > 0")
		  or die "no batch has come to $point";
		sql('INSERT INTO s VALUES (1, 2)');
		my $second = background("SELECT streaming.wait('s_c'), c = (SELECT count(*) FROM s_c) FROM other");
		my $p = background($leave);
		$node->poll_query_until('postgres',
			"SELECT count(*) > 0 FROM pg_stat_activity WHERE query = '$leave' AND wait_event_type = 'Lock'")
		  or die "$leave does not wait";
		sql("SELECT _debug_disarm('$point')");
		ok(finish($p), $leave) or diag($p->{err});
		ok(finish($first), "$leave: who waited has waited") or diag($first->{err});
		ok(finish($second), "$leave: and who came later") or diag($second->{err});
		is(sql('SELECT c = (SELECT count(*) FROM s), c = (SELECT count(*) FROM s_c) FROM other'),
			't|t', "$leave: the others are there");
	}
	sql('DROP MATERIALIZED VIEW other');
}
# The one whose worker runs the batches is dropped when one is about to begin.
sql(map { "CREATE MATERIALIZED VIEW $_ WITH (streaming.continuous,
	streaming.trigger = 'manual', streaming.group = 'd') AS SELECT count(*) AS c FROM s" } qw(x y));
sql(q{SELECT streaming.wait('y')}, 'INSERT INTO s VALUES (1, 3)');
my $drop = $node->background_psql('postgres');
$drop->query_safe('BEGIN; DROP MATERIALIZED VIEW x');
my $asks = background(q{SELECT streaming.wait('y')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE query = $$SELECT streaming.wait('y')$$ AND state = 'active' AND wait_event IS NOT NULL})
  or die 'nobody waits';
sql('SELECT pg_sleep(0.2)');
$drop->query_safe('COMMIT');
$drop->quit;
ok(finish($asks), 'dropped before a batch');
is($asks->{out}, "t\n", 'dropped before a batch: another is asked');
is(sql('SELECT c = (SELECT count(*) FROM s) FROM y'), 't', 'dropped before a batch: exact');
sql('DROP MATERIALIZED VIEW y');

sql('DROP MATERIALIZED VIEW IF EXISTS s_a, s_b, s_c', q{CALL make_views('s', '')});

# Writers with savepoints and rollbacks, readers, those who wait, members that come and
# go, workers that are ended.
sub together
{
	my ($of, $test, @others) = @_;
	my @readers = map { background("CALL look('$of', 5)") } 1 .. 2;
	my @writers = map { background("CALL write('$of', 5)") } 1 .. 3;
	finish($_) for map { background(@$_) } @others;
	finish($_) for @writers;
	is_together($test, @readers);
	return;
}

my $wait = q{DO $$ BEGIN FOR i IN 1..40 LOOP PERFORM streaming.wait('s_' || chr(97 + i % 3)); COMMIT; END LOOP; END $$};
together('s', 'beside REFRESH', [$wait]);
is_exact('s', 'beside REFRESH');

# Rows that fail: those of all are put aside, or none.
sql(q{CALL make_views('f', ', streaming.on_error = skip, streaming.max_errors = 100000', 'f')});
together('f', 'beside rows that fail', [$wait =~ s/s_/f_/r =~ s/40/12/r]);
is_exact('f', 'beside rows that fail', 'WHERE n <> 777777');
is( sql('SELECT count(*), min(n) > 5, min(n) = max(n) FROM (SELECT count(*) AS n FROM streaming.errors GROUP BY view) x'),
	'3|t|t', 'beside rows that fail: put aside for all');
sql('DROP TABLE f CASCADE');

my $come = q{CREATE MATERIALIZED VIEW more WITH (streaming.continuous, streaming.group = 'g') AS SELECT k, max(n) FROM s GROUP BY k};
my $go = 'DROP MATERIALIZED VIEW more';
my $kill = q{SELECT pg_terminate_backend(pid, 60000), pg_sleep(0.2) FROM pg_stat_activity WHERE backend_type ~ '^streaming.* worker'};
together('s', 'beside members that come and go',
	[ ($come, 'SELECT pg_sleep(0.3)', $go, $kill) x 5 ]);
is_exact('s', 'beside members that come and go');

# The table that keeps what is removed, so that there is something to compare with.
sql('CREATE TABLE kept (k int, n int)',
	'CREATE VIEW q AS SELECT k, n FROM kept UNION ALL SELECT k, n FROM s');
my $truncate = 'BEGIN; LOCK TABLE s; INSERT INTO s VALUES (3, 3); INSERT INTO kept TABLE s; TRUNCATE s; COMMIT; SELECT pg_sleep(0.4)';
together('s', 'beside TRUNCATE', [ ($truncate) x 8 ]);
is(sql('SELECT count(*) > 5 FROM kept WHERE k = 3 AND n = 3'), 't',
	'beside TRUNCATE: rows have gone');
sql(q{SELECT streaming.wait('s_a')});
is( sql("SELECT difference('s') IS NULL,
	(SELECT count(*) FROM (TABLE q EXCEPT ALL TABLE s_c) x),
	(SELECT count(*) FROM (TABLE s_c EXCEPT ALL TABLE q) x)"),
	't|0|0', 'beside TRUNCATE: exact');

# Crashes.
my @beside = map { background("CALL write('s', 3)") } 1 .. 2;
for (1 .. 3)
{
	my $p = background("CALL look('s', 2)");
	sleep 1;
	$node->stop('immediate');
	finish($p);
	unlike($p->{err}, qr/apart/, 'before a crash: never apart');
	$node->start;
	is(sql(q{SELECT difference('s') IS NULL}), 't', 'after a crash: not apart');
	push @beside, background("CALL write('s', 2)");
}
finish($_) for @beside;
sql(q{SELECT streaming.wait('s_a')});
is( sql("SELECT difference('s') IS NULL,
	(SELECT count(*) FROM (TABLE q EXCEPT ALL TABLE s_c) x),
	(SELECT count(*) FROM (TABLE s_c EXCEPT ALL TABLE q) x)"),
	't|0|0', 'after crashes: exact');
sql('DROP MATERIALIZED VIEW s_a, s_b, s_c');

# Partitions come and go.
sql(q{CALL make_views('p', '')});
together('p', 'beside partitions',
	[ ('CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (20) TO (30) USING stream',
		'INSERT INTO p SELECT 20 + x % 10, x FROM generate_series(1, 200) x',
		'SELECT pg_sleep(0.1)',
		'ALTER TABLE p DETACH PARTITION p2',
		'SELECT pg_sleep(0.1)',
		'ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (20) TO (30)',
		'INSERT INTO p SELECT 20 + x % 10, x FROM generate_series(1, 20) x',
		'DROP TABLE p2') x 6 ]);
sql(q{SELECT streaming.wait('p_a')});
is(sql(q{SELECT difference('p') IS NULL, count(*) FROM p_c WHERE k >= 20}), 't|1320',
	'beside partitions: exact');

$node->stop;
unlike(slurp_file($node->logfile), qr/TRAP:|PANIC:|terminated by signal|reference leak/,
	'no crash in the log');

done_testing();
