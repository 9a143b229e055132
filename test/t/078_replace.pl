# streaming.replace beside writers and readers: who reads the view finds all of the old result
# or all of the new one; what ends it leaves the old view and nothing else.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use StreamingTest;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 16
max_prepared_transactions = 10
restart_after_crash = on
});
$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$ENV{STREAMING_MUTATION}'")
  if $ENV{STREAMING_MUTATION};
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm';
	CREATE FUNCTION _debug_disarm(text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_disarm';
	CREATE FUNCTION _debug_waiting(text) RETURNS int
		LANGUAGE c AS 'streaming', 'stream_debug_waiting';
	CREATE FUNCTION must(ok bool, what text) RETURNS void LANGUAGE plpgsql AS
		$$BEGIN IF NOT ok THEN RAISE EXCEPTION '%', what; END IF; END$$;
	CREATE TABLE s (k int, x int) USING stream;
	INSERT INTO s SELECT i % 20, CASE WHEN i % 2 = 0 THEN 7 ELSE -7 END FROM generate_series(1, 2000) i;});

# each says of itself which it is
my @queries = (
	'SELECT k, 0 AS label, count(*) AS n, sum(x) AS balance FROM s GROUP BY k',
	'SELECT 0 AS k, 1 AS label, count(*) AS n, sum(x) AS balance FROM s',
	'SELECT k, 2 AS label, 1::bigint AS n, x::bigint AS balance FROM s',
	'SELECT k, 3 AS label, sum(n)::bigint AS n, sum(b)::bigint AS balance FROM
		(SELECT k, x, count(*) AS n, sum(x) AS b FROM s GROUP BY k, x) q GROUP BY k');

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

sub replace { return "CALL streaming.replace('v', \$\$$queries[$_[0]]\$\$)"; }

sub is_exact
{
	my ($label, $test) = @_;
	is( sql('SET client_min_messages = warning', 'REFRESH MATERIALIZED VIEW v',
			qq{SELECT count(*) FROM ((TABLE v EXCEPT ALL $queries[$label]) UNION ALL
				($queries[$label] EXCEPT ALL TABLE v)) x}),
		0, "$test: the rows");
	no_more_than(2 + ($label == 3), $test);
	return;
}

# What was to replace a view and does not is dropped, soon after.
sub no_more_than
{
	my ($number, $test) = @_;
	my $found;
	until_true {
		$found = sql(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'streaming'::regnamespace
			AND relkind IN ('r', 'v') AND relname ~ '^_(definition|state|below)_[0-9]'});
		$found == $number;
	};
	is($found, $number, "$test: nothing is left over") or die 'it goes on';
	return;
}

sql("CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS $queries[0]");
is_exact(0, 'before');

# ---------------------------------------------------------------- under load

my $write = $node->basedir . '/write.sql';
append_to_file(
	$write, q{
\set k random(0, 19)
\set x random(1, 1000)
BEGIN;
INSERT INTO s VALUES (:k, :x);
SAVEPOINT a;
INSERT INTO s SELECT :k, i FROM generate_series(1, 20) i;
ROLLBACK TO a;
INSERT INTO s VALUES (19 - :k, -:x);
COMMIT;
\sleep 2 ms
});
my $read = $node->basedir . '/read.sql';
append_to_file(
	$read, q{
SELECT count(DISTINCT label) AS l, sum(n) AS n, sum(balance) AS b FROM v \gset
SELECT must(:l::int = 1 AND :n::int >= :last::int AND :b::int = 0, concat_ws(' ', :l::text, 'labels,', :n::text, 'rows after', :last::text, 'balance', :b::text));
\set last :n
\sleep 1 ms
});

my @running;
foreach my $args (
	[ '-c', 2, '-f', $write ],
	[ '-c', 1, '-f', $read, '-D', 'last=0' ],
	[ '-c', 1, '-f', $read, '-D', 'last=0', '-M', 'prepared' ])
{
	my %p = (out => $node->basedir . '/load' . @running);
	$p{run} = IPC::Run::start(
		[ 'pgbench', '-n', '-T', 3600, @$args, $node->connstr('postgres') ],
		'<', \undef, '>', $p{out}, '2>', "$p{out}.err",
		IPC::Run::timer(10 * $PostgreSQL::Test::Utils::timeout_default));
	push @running, \%p;
}
my $done = 0;
foreach my $i (1 .. 12)
{
	my $before = sql('SELECT count(*) FROM s');
	# a worker may have what it needs: tried again
	foreach my $try (1 .. 50)
	{
		my ($rc, $out, $err) = $node->psql('postgres', replace($i % 4));
		last if $rc == 0 && ++$done;
		note("$i: $err");
	}
	$node->poll_query_until('postgres', "SELECT count(*) > $before FROM s")
	  or die 'nobody writes';
	sql('SELECT streaming.wait(\'v\')') if $i % 3 == 0;
}
is($done, 12, 'the query is replaced while others write and read');
foreach my $p (@running)
{
	$p->{run}->signal('TERM');
	$p->{run}->finish;
	unlike(slurp_file("$p->{out}.err"), qr/error|abort/i,
		'writers and readers go on, and find one result at a time');
}
ok($node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'}),
	'they come to their end');
is_exact(0, 'under load');

# ------------------------------------------------------------- in the middle

# A replacement that stands still; returns the session.
sub stand_still
{
	my ($point, $label) = @_;
	sql("SELECT _debug_arm('$point', 'wait')");
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/go/, "\\echo go\n" . replace($label) . ";\n");
	$node->poll_query_until('postgres', "SELECT _debug_waiting('$point') = 1")
	  or die "nobody waits at $point";
	return $session;
}

my $session = stand_still('replace-before-exchange', 1);
is(sql('SELECT DISTINCT label FROM v'), 0, 'the old result can be read meanwhile');
sql('INSERT INTO s VALUES (1, 1), (2, -1)');
foreach my $command ('TRUNCATE s', 'DROP MATERIALIZED VIEW v', 'ALTER MATERIALIZED VIEW v RENAME TO w',
	'ALTER MATERIALIZED VIEW v SET (streaming.enabled = off)', 'CREATE INDEX ON v (n)',
	'ALTER MATERIALIZED VIEW v OWNER TO current_user', replace(2))
{
	my ($rc, $out, $err) = $node->psql('postgres', "SET lock_timeout = '200ms'; $command");
	like($err, qr/lock timeout/, "it is waited for by $command");
}
sql("SELECT _debug_disarm('replace-before-exchange')");
$session->quit;
is_exact(1, 'afterwards');

# ------------------------------------------------ while workers fill the new tables

# What is filled: known by its definition, and by what it is to replace.
my $filled = q{SELECT count(*) FROM streaming.views WHERE view::text LIKE 'streaming.\_definition%'
	AND replaces::text IN ('v', 'w')};

sub old_goes_on
{
	my ($label, $test) = @_;
	sql('INSERT INTO s SELECT i % 20, i % 3 - 1 FROM generate_series(1, 100) i');
	is( sql('REFRESH MATERIALIZED VIEW v',
			qq{SELECT count(*) FROM ((TABLE v EXCEPT ALL $queries[$label]) UNION ALL
				($queries[$label] EXCEPT ALL TABLE v)) x}),
		0, "$test: the view goes on as it was");
	is(sql($filled), 1, "$test: ... while the other is filled");
	return;
}

foreach my $point ('replace-begun', 'replace-caught-up')
{
	my $to = $point eq 'replace-begun' ? 3 : 1;
	$session = stand_still($point, $to);
	old_goes_on(4 - $to, $point);
	my $n = sql('SELECT sum(n) FROM v');
	sql("SELECT _debug_arm('replace-exchanged', 'wait')", "SELECT _debug_disarm('$point')");
	$node->poll_query_until('postgres', "SELECT _debug_waiting('replace-exchanged') = 1");
	sql("SELECT _debug_disarm('replace-exchanged')");
	$session->quit;
	is(sql('SELECT min(label), sum(n) FROM v'), "$to|$n",
		"$point: nothing that was shown is missing");
	is_exact($to, $point);
}

# it can be read from beginning to end, and rows go, while it is filled
$session = stand_still('replace-begun', 2);
sql("SELECT streaming.wait(view) FROM streaming.views WHERE view <> 'v'::regclass");
sql('CREATE TABLE kept AS SELECT * FROM s', 'TRUNCATE s', 'INSERT INTO s VALUES (1, 5)',
	"SELECT _debug_disarm('replace-begun')");
$session->quit;
is(sql('SELECT count(*) FROM ((SELECT k, x FROM kept UNION ALL VALUES (1, 5)) EXCEPT ALL SELECT k, balance FROM v) x'),
	0, 'what has been read before it was removed is in the new result');
is(sql('SELECT count(*) = (SELECT count(*) + 1 FROM kept) FROM v'), 't', '... once');
sql('TRUNCATE s', 'INSERT INTO s SELECT * FROM kept', replace(1));
is_exact(1, 'rows that were removed');

# what may change the view meanwhile does, and then it is not replaced
foreach my $command ('ALTER MATERIALIZED VIEW v SET (streaming.max_batch_rows = 1000)',
	'CREATE ROLE somebody SUPERUSER; ALTER MATERIALIZED VIEW v OWNER TO somebody',
	q{ALTER MATERIALIZED VIEW v RENAME COLUMN balance TO b})
{
	$session = stand_still('replace-begun', 2);
	sql($command, "SELECT _debug_disarm('replace-begun')");
	$session->quit;
	is(sql('SELECT DISTINCT label FROM v'), 1, "not after $command");
	no_more_than(2, $command);
	sql('ALTER MATERIALIZED VIEW v OWNER TO postgres', 'DROP ROLE IF EXISTS somebody');
}
sql('ALTER MATERIALIZED VIEW v RENAME COLUMN b TO balance');
is_exact(1, 'after that');

# it is no view for any other use
$session = stand_still('replace-begun', 2);
my $name = sql(q{SELECT view FROM streaming.views WHERE view::text LIKE 'streaming.\_def%'});
foreach my $command ("DROP MATERIALIZED VIEW $name", "DROP VIEW $name",
	"ALTER MATERIALIZED VIEW $name SET (streaming.enabled = off)",
	"ALTER MATERIALIZED VIEW $name OWNER TO postgres",
	"CREATE INDEX ON $name (k)", "SELECT streaming.reset('$name')",
	"CALL streaming.replace('$name', 'SELECT 1')",
	"CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT sum(n) AS n FROM $name",
	"CREATE TRIGGER t AFTER INSERT ON $name EXECUTE FUNCTION suppress_redundant_updates_trigger()")
{
	my ($rc, $out, $err) = $node->psql('postgres', $command);
	isnt($rc, 0, "refused: " . $command =~ s/\d{5,}/N/r);
	note($err);
}
# a dump has the view as it is
my $middle = $node->basedir . '/middle.sql';
$node->command_ok([ 'pg_dump', '-f', $middle, $node->connstr('postgres') ], 'a dump meanwhile');
sql("SELECT _debug_disarm('replace-begun')");
$session->quit;
is_exact(2, 'used for nothing else');
$node->safe_psql('postgres', 'CREATE DATABASE middle');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $middle, $node->connstr('middle') ],
	'... is restored');
ok( $node->poll_query_until('middle', "SELECT state = 'running' FROM streaming.views"),
	'... and the view is there');
is( $node->safe_psql('middle', qq{INSERT INTO s VALUES (1, 1);
		REFRESH MATERIALIZED VIEW v;
		SELECT count(*) FROM ((TABLE v EXCEPT ALL $queries[1]) UNION ALL
				($queries[1] EXCEPT ALL TABLE v)) x}),
	0, '... as it was');
$node->safe_psql('postgres', 'DROP DATABASE middle');

# Who hangs something on what is left over, and keeps that locked, is in nobody's way.
sql('CREATE ROLE stranger', 'CREATE SCHEMA strange AUTHORIZATION stranger');
my $scheduler = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'streaming scheduler'};
my $pid = sql($scheduler);
my $offset = -s $node->logfile;
$session = stand_still('replace-begun', 1);
$name = sql(q{SELECT view FROM streaming.views WHERE view::text LIKE 'streaming.\_def%'});
my $table = sql(qq{SELECT state_table FROM streaming.views WHERE view = '$name'::regclass});
sql('SET ROLE stranger', "CREATE VIEW strange.spoil AS SELECT 1 AS i FROM $name",
	'CREATE VIEW strange.above AS SELECT i FROM strange.spoil',
	"CREATE TABLE strange.spoilt (i int, x $table)", "CREATE FUNCTION strange.f($name) RETURNS int LANGUAGE sql AS 'SELECT 1'");
my $lock = $node->background_psql('postgres', on_error_stop => 1);
$lock->query_safe('BEGIN; LOCK TABLE strange.spoilt IN ACCESS SHARE MODE;');
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	WHERE query LIKE 'CALL streaming.replace%' AND state = 'active'});
$node->poll_query_until('postgres', "SELECT _debug_waiting('replace-begun') = 0");
sql("SELECT _debug_disarm('replace-begun')");
$session->quit;
$node->wait_for_log(qr/WARNING:  canceling statement due to lock timeout/, $offset);
sql('CREATE MATERIALIZED VIEW meanwhile WITH (streaming.continuous) AS SELECT count(*) AS n FROM s');
is(sql("SELECT streaming.wait('meanwhile')", 'SELECT n = (SELECT count(*) FROM s) FROM meanwhile'),
	"t\nt", 'another view goes on beside what cannot be dropped');
sql('DROP MATERIALIZED VIEW meanwhile');
$lock->query_safe('ROLLBACK;');
$lock->quit;
is_exact(2, 'something hung on what was left over');
is(sql($scheduler), $pid, 'the scheduler is the same');
is(sql(q{SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'strange'::regnamespace}),
	'spoilt', '... and that is gone');
my $log = slurp_file($node->logfile, $offset);
is(() = $log =~ /WARNING:  canceling statement due to lock timeout/g, 1, '... which it says once');
sql('DROP SCHEMA strange CASCADE', 'DROP ROLE stranger');

# cancelled, gone with the view, or with the server
$session = stand_still('replace-begun', 1);
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	WHERE query LIKE 'CALL streaming.replace%' AND state = 'active'});
$node->poll_query_until('postgres', "SELECT _debug_waiting('replace-begun') = 0");
sql("SELECT _debug_disarm('replace-begun')");
is_exact(2, 'cancelled while it is filled');
$session->quit;
$offset = -s $node->logfile;
sql("SELECT _debug_arm('replace-begun', 'kill')");
my ($rc) = $node->psql('postgres', replace(3));
isnt($rc, 0, 'a crash while it is filled');
wait_crashed($node, $offset);
is_exact(2, 'after a crash while it is filled');
sql(replace(1));
$session = stand_still('replace-begun', 3);
sql('BEGIN', 'DROP MATERIALIZED VIEW v', 'ROLLBACK', 'DROP MATERIALIZED VIEW v');
no_more_than(0, 'gone with the view');
sql("SELECT _debug_disarm('replace-begun')");
$session->quit;
sql("CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS $queries[1]");
is_exact(1, 'made anew');

# A batch of what is left of a replacement is ended, by SIGTERM if need be, and so is one that is in the way of DROP.
sql('ALTER SYSTEM SET streaming.batch_timeout = 0', 'SELECT pg_reload_conf()',
	q{CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
		LOOP
			BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END;
		END LOOP; END$$});
sub replace_slowly
{
	my $s = $node->background_psql('postgres', on_error_stop => 0);
	$s->query_until(qr/go/, "\\echo go\nCALL streaming.replace('v', 'SELECT k, 9 AS label, count(*) AS n, sum(slow(x)) AS balance FROM s GROUP BY k');\n");
	ok( $node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity
		WHERE backend_type = 'streaming worker' AND wait_event = 'PgSleep'}), 'a batch that does not end');
	return $s;
}
$session = replace_slowly();
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL streaming.replace%' AND state = 'active'});
$session->quit;
is_exact(1, 'left over with a batch that does not end');
$session = replace_slowly();
sql("SET statement_timeout = '60s'", 'DROP MATERIALIZED VIEW v');
no_more_than(0, 'dropped with a batch that does not end');
$session->quit;
# Neither does that of any view keep those who drop or change it waiting, nor is it a failure.
sql(q{CREATE FUNCTION sleepy(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_sleep(3600); RETURN i; END$$},
	'CREATE MATERIALIZED VIEW sleeps WITH (streaming.continuous) AS SELECT sum(sleepy(x)) AS x FROM s');
foreach my $command ('ALTER MATERIALIZED VIEW sleeps RENAME TO sleeping', 'SELECT * FROM sleeping', 'DROP MATERIALIZED VIEW sleeping')
{
	ok( $node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity
		WHERE backend_type = 'streaming worker' AND wait_event = 'PgSleep'}), "a long batch, and $command");
	my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = '30s'; $command");
	is($rc, 0, '... does not wait for it') or die $err;
	is(sql(q{SELECT count(*) FROM streaming.views WHERE failures > 0}), 0, '... which is no failure');
}
sql('ALTER SYSTEM RESET streaming.batch_timeout', 'SELECT pg_reload_conf()',
	"CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS $queries[1]");
is_exact(1, 'made once more');

# A worker that waits meanwhile for what it has filled does not go on with it.  (The view is
# paused, so it has nothing else to wait for.)
sql('ALTER MATERIALIZED VIEW v SET (streaming.enabled = off)');
$session = stand_still('replace-before-exchange', 2);
sql('INSERT INTO s VALUES (1, 1), (2, -1)');
ok( $node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'object' AND NOT granted AND backend_type = 'streaming worker'}),
	'a worker waits for what replaces a view');
sql("SELECT _debug_disarm('replace-before-exchange')");
$session->quit;
sql('ALTER MATERIALIZED VIEW v SET (streaming.enabled = on)');
is_exact(2, 'after a worker has waited');
sql(replace(1));

# ------------------------------------------------------------- at the end

# one that is cancelled, one after another, one whose view is dropped
$session = stand_still('replace-before-exchange', 2);
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	WHERE query LIKE 'CALL streaming.replace%' AND state = 'active'});
$node->poll_query_until('postgres', "SELECT _debug_waiting('replace-before-exchange') = 0");
$session->quit;
sql("SELECT _debug_disarm('replace-before-exchange')");
is_exact(1, 'cancelled');
$session = stand_still('replace-before-exchange', 3);
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->query_until(qr/go/, "\\echo go\n" . replace(2) . ";\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE query LIKE 'CALL streaming.replace%' AND wait_event_type = 'Lock'});
sql("SELECT _debug_disarm('replace-before-exchange')");
$session->quit;
$other->quit;
is_exact(2, 'one after the other');

# Somebody has read the view, and his transaction is open: nobody else waits for him, and all go on.
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM v');
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/go/, "\\echo go\n" . replace(3) . ";\n");
sql("SELECT _debug_arm('replace-pausing', 'wait')");
ok($node->poll_query_until('postgres', "SELECT _debug_waiting('replace-pausing') = 1"), 'it pauses');
is(sql('INSERT INTO s VALUES (8, 8)', "SET lock_timeout = '10s'", 'REFRESH MATERIALIZED VIEW v',
		'SELECT sum(n) = (SELECT count(*) FROM s) FROM v'), 't', 'others read the view, which goes on');
sql("SELECT _debug_disarm('replace-pausing')");
foreach my $i (1 .. 20)
{
	sql("SET statement_timeout = '5s'", 'SELECT count(*) FROM v');
}
is(sql('SELECT DISTINCT label FROM v'), 2, 'it is not replaced yet');
$reader->query_safe('COMMIT');
$reader->quit;
$session->quit;
is_exact(3, 'after the reader');
$reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM v');
($rc, undef, my $timeout) = $node->psql('postgres', "SET lock_timeout = '300ms';\n" . replace(1));
like($timeout, qr/lock timeout/, 'lock_timeout is for all tries');
$reader->query_safe('COMMIT');
$reader->quit;
is_exact(3, 'after a timeout');
sql(replace(2));

# Who waits to take rows of a stream away that only the new query reads is told to run it again.
sql('CREATE TABLE q (x int) USING stream', 'INSERT INTO q VALUES (1), (2)',
	'CREATE TABLE p (x int) USING stream', 'INSERT INTO p VALUES (1)',
	'CREATE MATERIALIZED VIEW moved WITH (streaming.continuous) AS SELECT count(*) FROM p',
	"SELECT streaming.wait('moved')", "SELECT _debug_arm('replace-before-exchange', 'wait')");
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/go/, "\\echo go\nCALL streaming.replace('moved', 'SELECT count(*) FROM q');\n");
$node->poll_query_until('postgres', "SELECT _debug_waiting('replace-before-exchange') = 1");
(undef, undef, my $unlogged) = $node->psql('postgres', "SET lock_timeout = '200ms'; ALTER TABLE q SET UNLOGGED");
like($unlogged, qr/the replacement of continuous view "moved" reading rows/, 'a message names the view');
my ($truncate_out, $truncate_err) = ('', '');
my $truncate = IPC::Run::start([ 'psql', '-X', '-c', 'TRUNCATE q', $node->connstr('postgres') ],
	'>', \$truncate_out, '2>', \$truncate_err);
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'TRUNCATE q%' AND wait_event_type = 'Lock'});
sql("SELECT _debug_disarm('replace-before-exchange')");
$session->quit;
$truncate->finish;
like($truncate_err, qr/has been replaced meanwhile.*Run the command again/s, 'TRUNCATE says what has happened');
sql('TRUNCATE q', 'INSERT INTO q VALUES (3)');
is(sql("SELECT streaming.wait('moved')", 'SELECT count FROM moved'), "t\n3", '... and works then');
sql('DROP TABLE p, q CASCADE');

# ---------------------------------------------------------- errors and crashes

# Who reads its rows may come while the new ones are made: then the old ones stay.
sql('CREATE TABLE r (k int, x int) USING stream', 'INSERT INTO r SELECT i % 3, i FROM generate_series(1, 100) i',
	'CREATE MATERIALIZED VIEW rows WITH (streaming.continuous) AS SELECT k, x FROM r',
	"SELECT streaming.wait('rows')", "SELECT _debug_arm('replace-before-exchange', 'wait')");
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/go/, "\\echo go\nCALL streaming.replace('rows', 'SELECT k, x FROM r WHERE x > 10');\n");
$node->poll_query_until('postgres', "SELECT _debug_waiting('replace-before-exchange') = 1");
sql('CREATE MATERIALIZED VIEW above WITH (streaming.continuous) AS SELECT k, count(*) AS n FROM rows GROUP BY k');
$node->poll_query_until('postgres', 'SELECT sum(n) = 100 FROM above');
sql("SELECT _debug_disarm('replace-before-exchange')");
$session->quit;
sql('INSERT INTO r SELECT i % 3, i FROM generate_series(1, 10) i', "SELECT streaming.wait('above')");
is(sql('SELECT count(*), min(x) FROM rows'), '110|1', 'a view above keeps the rows that it reads');
is(sql('SELECT sum(n) FROM above'), '110', '... and goes on');
is(sql('SELECT count(*) FROM streaming.views WHERE failures > 0'), '0', '... nothing has failed');
sql('DROP TABLE r CASCADE');

# Two views that are replaced at the same time do not come to read each other.
sql('CREATE TABLE r (k int) USING stream', 'INSERT INTO r SELECT i % 3 FROM generate_series(1, 100) i',
	map { "CREATE MATERIALIZED VIEW $_ WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM r GROUP BY k" } 'one', 'two');
sub crossing { return "CALL streaming.replace('$_[0]', 'SELECT k, sum(n)::bigint AS n FROM $_[1] GROUP BY k')"; }
foreach my $point ('replace-begun', 'replace-before-exchange')
{
	sql("SELECT _debug_arm('$point', 'wait')");
	$session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/go/, "\\echo go\n" . crossing('one', 'two') . ";\n");
	$node->poll_query_until('postgres', "SELECT _debug_waiting('$point') = 1")
	  or die "nobody waits at $point";
	my ($rc, $out, $err) = $node->psql('postgres', "SET lock_timeout = '5s'; SET statement_timeout = '10s'; " . crossing('two', 'one'));
	like($err, qr/would read from continuous view "one", which is being replaced/, "of two that cross, one is told so at $point");
	sql("SELECT _debug_disarm('$point')");
	$session->quit;
	($rc, $out, $err) = $node->psql('postgres', crossing('two', 'one'));
	like($err, qr/would read itself/, '... and afterwards that it would read itself');
	sql('INSERT INTO r VALUES (1)', "SELECT streaming.wait('two'), streaming.wait('one')");
	is(sql('SELECT count(*) FROM one NATURAL JOIN two'), '3', '... and the other reads it');
	sql("CALL streaming.replace('one', 'SELECT k, count(*) AS n FROM r GROUP BY k')");
}
sql('DROP TABLE r CASCADE');

foreach my $point ('replace-begun', 'replace-caught-up', 'batch-before-commit', 'replace-before-exchange',
	'replace-exchanged')
{
	sql("SELECT _debug_arm('$point', 'error')");
	my ($rc, $out, $err) = $node->psql('postgres', replace(3));
	like($err, qr/debug point/, "an error at $point");
	sql("SELECT _debug_disarm('$point')");
	is_exact(2, "after an error at $point");
}
foreach my $point ('replace-before-exchange', 'replace-exchanged')
{
	$offset = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'kill')");
	my ($rc, $out, $err) = $node->psql('postgres', replace(3));
	isnt($rc, 0, "a crash at $point");
	wait_crashed($node, $offset);
	is_exact(2, "after a crash at $point");
}
$session = $node->background_psql('postgres');
$session->query_safe('BEGIN; ' . replace(3) . '; INSERT INTO s VALUES (3, 3)');
sql('CHECKPOINT');
$node->stop('immediate');
eval { $session->quit };
$node->start;
is_exact(2, 'after a crash before the commit');
sql('INSERT INTO s VALUES (4, 4)', replace(3));
$node->stop('immediate');
$node->start;
is_exact(3, 'after a crash after the commit');

# ------------------------------------------- whose changes others are told of

# All changes together are the rows of the view, and so is the copy that triggers keep, as any snapshot sees
# them; and there is no batch without its number.
my @told = (
	'SELECT k, count(*) AS n, 0 AS label FROM c GROUP BY k',
	'SELECT k, sum(x)::bigint AS n, 1 AS label FROM c WHERE k <> 3 GROUP BY k HAVING count(*) % 3 <> 0',
	'SELECT a.k, count(b.x) AS n, 2 AS label FROM c a LEFT JOIN c b ON a.k = b.k + 1 AND a.x = b.x GROUP BY a.k',
	'SELECT k, n, 3 AS label FROM (SELECT k, x::bigint AS n, row_number() OVER (PARTITION BY k ORDER BY x DESC) AS r FROM c) q WHERE r <= 3',
	'SELECT k, m + count(*) AS n, 4 AS label FROM (SELECT k, x, max(x) AS m FROM c GROUP BY k, x) q GROUP BY k, m');
$node->safe_psql('postgres', qq{
	CREATE TABLE c (k int, x int) USING stream;
	-- 100 has one row for ever, so that the view is never empty
	INSERT INTO c SELECT i % 10, i % 7 FROM generate_series(1, 300) i UNION ALL SELECT 100, 1;
	CREATE TABLE copied (k int, n bigint, label int);
	CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		IF TG_OP <> 'INSERT' THEN
			DELETE FROM copied WHERE ctid = (SELECT ctid FROM copied WHERE (k, n, label) IS NOT DISTINCT FROM (OLD.k, OLD.n, OLD.label) LIMIT 1);
			IF NOT FOUND THEN RAISE 'no such row: %', OLD; END IF;
		END IF;
		IF TG_OP <> 'DELETE' THEN INSERT INTO copied VALUES (NEW.k, NEW.n, NEW.label); END IF;
		RETURN NULL;
	END \$\$;
	CREATE MATERIALIZED VIEW told WITH (streaming.continuous, streaming.changes) AS $told[0];
	CREATE TRIGGER keep AFTER INSERT OR UPDATE OR DELETE ON told FOR EACH ROW EXECUTE FUNCTION keep();
	CREATE MATERIALIZED VIEW sums WITH (streaming.continuous) AS SELECT label, n, count(*) AS c, sum(k) AS k FROM told GROUP BY label, n;
	CREATE MATERIALIZED VIEW over WITH (streaming.continuous) AS SELECT c, count(*) AS m FROM sums GROUP BY c;
	-- one statement, so that it is one snapshot
	CREATE VIEW differences AS
		SELECT 'copied' AS what, count(*) AS n FROM ((TABLE told EXCEPT ALL TABLE copied) UNION ALL (TABLE copied EXCEPT ALL TABLE told)) d
		UNION ALL SELECT 'changes', count(*) FROM (SELECT k, n, label FROM (
			SELECT k, n, label, CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END AS s FROM told_changes
			UNION ALL SELECT k, n, label, -1 FROM told) a GROUP BY 1, 2, 3 HAVING sum(s) <> 0) d
		UNION ALL SELECT 'labels', count(DISTINCT label) - 1 FROM told;});
sql("SELECT streaming.wait('told')");
sql('INSERT INTO copied TABLE told') if sql('SELECT count(*) FROM copied') == 0;

sub replace_told { return "CALL streaming.replace('told', \$\$$told[$_[0]]\$\$)"; }

# The view has that query, or one of two.
sub told_is
{
	my ($test, @labels) = @_;
	my $label = sql('SELECT streaming.wait(\'told\')', 'SELECT max(label) FROM told');
	$label =~ s/.*\n//s;
	ok((grep { $_ == $label } @labels), "$test: it is the old or the new query");
	is( sql('SET client_min_messages = warning', 'REFRESH MATERIALIZED VIEW told', 'REFRESH MATERIALIZED VIEW sums',
			'REFRESH MATERIALIZED VIEW over',
			qq{SELECT string_agg(what, ', ') FROM differences WHERE n > 0},
			qq{SELECT count(*) FROM ((TABLE told EXCEPT ALL ($told[$label])) UNION ALL (($told[$label]) EXCEPT ALL TABLE told)) x},
			qq{SELECT count(*) FROM ((TABLE sums EXCEPT ALL SELECT label, n, count(*), sum(k) FROM told GROUP BY 1, 2) UNION ALL
				(SELECT label, n, count(*), sum(k) FROM told GROUP BY 1, 2 EXCEPT ALL TABLE sums)) x},
			qq{SELECT count(*) FROM ((TABLE over EXCEPT ALL SELECT c, count(*) FROM sums GROUP BY 1) UNION ALL
				(SELECT c, count(*) FROM sums GROUP BY 1 EXCEPT ALL TABLE over)) x}),
		"\n0\n0\n0", "$test: all know it");
	return;
}
told_is('told', 0);
my $write_c = $node->basedir . '/write_c.sql';
append_to_file(
	$write_c, q{
\set k random(0, 9)
\set x random(0, 9)
INSERT INTO c VALUES (:k, :x), (:x, :k);
\sleep 5 ms
});
my $read_c = $node->basedir . '/read_c.sql';
append_to_file(
	$read_c, q{
SELECT must(coalesce(bool_and(n = 0), true), string_agg(what || ' ' || n, ', ')) FROM differences;
\sleep 1 ms
});
sub told_load
{
	my @load;
	foreach my $file ($write_c, $read_c)
	{
		my %p = (out => "$file.out" . scalar(@load));
		$p{run} = IPC::Run::start(
			[ 'pgbench', '-n', '-T', 3600, '-c', 1, '-f', $file, $node->connstr('postgres') ],
			'<', \undef, '>', $p{out}, '2>', "$p{out}.err",
			IPC::Run::timer(10 * $PostgreSQL::Test::Utils::timeout_default));
		push @load, \%p;
	}
	return @load;
}
@running = told_load();
$done = 0;
foreach my $i (1 .. 10)
{
	foreach my $try (1 .. 50)
	{
		my $how = $i % 5 == 0 ? 'BEGIN; ' . replace_told($i % 5) . '; COMMIT' : replace_told($i % 5);
		my ($rc, $out, $err) = $node->psql('postgres', $how);
		last if $rc == 0 && ++$done;
		note("$i: $err");
	}
}
is($done, 10, 'the query is replaced while others write and are told of changes');
foreach my $p (@running)
{
	$p->{run}->signal('TERM');
	$p->{run}->finish;
	unlike(slurp_file("$p->{out}.err"), qr/error|abort/i, 'changes and copies are those of the view at any time');
}
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'});
told_is('under load', 0);
foreach my $point ('replace-caught-up', 'batch-before-commit', 'replace-before-exchange', 'replace-exchanged', 'replace-told')
{
	sql("SELECT _debug_arm('$point', 'error')");
	my ($rc, $out, $err) = $node->psql('postgres', replace_told(1));
	like($err, qr/debug point/, "an error at $point");
	sql("SELECT _debug_disarm('$point')");
	told_is("after an error at $point", 0);
}
foreach my $point ('replace-before-exchange', 'replace-exchanged', 'replace-told')
{
	$offset = -s $node->logfile;
	sql("SELECT _debug_arm('$point', 'kill')");
	my ($rc, $out, $err) = $node->psql('postgres', replace_told(1));
	isnt($rc, 0, "a crash at $point");
	wait_crashed($node, $offset);
	told_is("after a crash at $point", 0);
}
# at any moment
my $label = 0;
foreach my $i (1 .. 6)
{
	my $to = 1 + ($label + $i) % 4;
	sql("INSERT INTO c SELECT i % 10, i % 9 FROM generate_series(1, $i) i");
	my $run = IPC::Run::start([ 'psql', '-X', '-c', replace_told($to), $node->connstr('postgres') ],
		'<', \undef, '>', \my $o, '2>', \my $e);
	# the first half of them while it is filled, the others about when it takes its place
	usleep(30_000 * $i + int(rand(40_000)));
	$node->stop('immediate');
	eval { $run->finish };
	$node->start;
	told_is("crash $i", $label, $to);
	$label = sql('SELECT max(label) FROM told');
}
sql('DROP TABLE c CASCADE', 'DROP TABLE copied CASCADE');

# two-phase
sql('BEGIN', replace(0), "PREPARE TRANSACTION 'p'");
sql("ROLLBACK PREPARED 'p'");
is_exact(3, 'prepared, and rolled back');
sql('BEGIN', replace(1), "PREPARE TRANSACTION 'p'");
sql('INSERT INTO s VALUES (5, 5)', "COMMIT PREPARED 'p'");
is_exact(1, 'prepared, and committed');

# ------------------------------------------------------------------- dumps

sql(replace(0), 'CREATE INDEX by_k ON v (k)', replace(3), 'INSERT INTO s VALUES (6, 6)');
is_exact(3, 'with an index');
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'it is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ],
	'and restored');
$node->poll_query_until('restored', "SELECT state <> 'restoring' FROM streaming.views")
  or die 'not attached';
$node->safe_psql('restored', 'INSERT INTO s VALUES (7, 7)');
is( $node->safe_psql('restored', qq{
		REFRESH MATERIALIZED VIEW v;
		SELECT count(*) FROM ((TABLE v EXCEPT ALL $queries[3]) UNION ALL
			($queries[3] EXCEPT ALL TABLE v)) x}),
	0, 'and goes on there');
$node->safe_psql('restored', replace(2) . '; DROP INDEX streaming.by_k; ' . replace(1));
is($node->safe_psql('restored', q{REFRESH MATERIALIZED VIEW v; SELECT n = (SELECT count(*) FROM s) FROM v}),
	't', 'and is replaced there');
$node->stop;

done_testing();
