# pg_dump and pg_restore: continuous views come back with all that was about them, and
# go on exactly where the dump has them.  The database that was dumped says what they
# must be.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $dir = "$ENV{TESTDIR}/upgrade";
my $tmp = PostgreSQL::Test::Utils::tempdir;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 100
max_connections = 60
autovacuum = off
});
$node->start;
# What ends a restore is noticed: in a test build, nothing goes on just because of the time.
if ($node->psql('postgres', 'SHOW streaming.debug_limits') == 0)
{
	my $bug = join ',', 'no_polls', $ENV{STREAMING_MUTATION} || ();
	$node->append_conf('postgresql.conf', "streaming.debug_mutation = '$bug'\nstreaming.debug_limits = 'restored=1000'\n");
	$node->restart;
}

sub run_file
{
	my ($dbname, $file, @params) = @_;
	my ($out, $err) = ('', '');
	$node->psql(
		$dbname, undef,
		stdout => \$out,
		stderr => \$err,
		extra_params => [ '-q', '-v', 'ON_ERROR_STOP=1', @params, '-f', "$dir/$file" ]);
	is($err, '', "$dbname: $file @params");
	return $out;
}

# What views are and show, but for the places of rows on disk.
sub check
{
	my ($dbname) = @_;
	my $out = run_file($dbname, 'check.sql');
	$out =~ s/\|\(\d+,\d+\)$/|(tid)/mg;
	return $out;
}

# Waits until nothing is being restored.
sub wait_restored
{
	my ($dbname, $name) = @_;
	ok( $node->poll_query_until(
			$dbname, q{SELECT count(*) = 0 FROM streaming._restore}),
		"$name: restored")
	  or die($node->safe_psql($dbname,
			q{SELECT view, last_error FROM streaming.views WHERE state = 'restoring'}));
}

sub pg
{
	my ($name, @command) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$err);
	ok($ok && $err eq '', "$name") or diag($err);
}

my $port = $node->port;
my $host = $node->host;
my @at = ('-h', $host, '-p', $port);

# ------------------------------------------------------------ of a standby

# It has no rows of unlogged tables: these views begin anew, as after a crash.
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int) USING stream;
	CREATE UNLOGGED TABLE u (k int) USING stream;
	CREATE MATERIALIZED VIEW logged WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k, count(*) FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW unlogged WITH (streaming.continuous) AS SELECT k, count(DISTINCT k) FROM u GROUP BY k;
	INSERT INTO s SELECT i % 3 FROM generate_series(1, 100) i;
	INSERT INTO u SELECT i % 3 FROM generate_series(1, 100) i;
	SELECT streaming.wait('unlogged');
	REFRESH MATERIALIZED VIEW logged;
	INSERT INTO s VALUES (1), (4)});
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
pg('standby', 'pg_dump', '-h', $standby->host, '-p', $standby->port, '--no-sync', '-Fc', '-f', "$tmp/standby", 'postgres');
$standby->stop;
$node->safe_psql('postgres', 'CREATE DATABASE of_standby');
pg('restore of standby', 'pg_restore', @at, '-d', 'of_standby', "$tmp/standby");
wait_restored('of_standby', 'of a standby');
is($node->safe_psql('of_standby', 'SELECT count, k FROM logged ORDER BY k'), "33|0\n34|1\n33|2", 'of a standby: as it stood');
is($node->safe_psql('of_standby', 'SELECT count(*) FROM unlogged'), '0', '... and of what is unlogged, nothing');
$node->safe_psql('of_standby', q{
	INSERT INTO u VALUES (7), (7);
	SELECT streaming.wait('unlogged');
	REFRESH MATERIALIZED VIEW logged});
is($node->safe_psql('of_standby', q{SELECT k, count FROM logged WHERE k IN (1, 4) UNION ALL SELECT k, count FROM unlogged ORDER BY 1}),
	"1|35\n4|1\n7|1", 'both go on');
$node->safe_psql('postgres', 'DROP TABLE s, u CASCADE; DROP EXTENSION streaming');

# ------------------------------------------------------- views of all kinds

$node->safe_psql('postgres', 'CREATE DATABASE orig');
run_file('orig', 'views.sql');
run_file('orig', 'operators.sql');
run_file('orig', 'rows.sql', '-v', 'part=1');
run_file('orig', 'refresh.sql');
run_file('orig', 'trouble.sql');
$node->safe_psql('orig', q{
	SET ROLE upgrade_owner;
	SELECT streaming.release('shop.let_go');
	ALTER MATERIALIZED VIEW shop.eager DEPENDS ON EXTENSION plpgsql});
# rows that nobody sees, in the way of who counts
$node->safe_psql('orig', q{
	BEGIN;
	INSERT INTO shop.clicks SELECT FROM generate_series(1, 300);
	INSERT INTO shop.plain SELECT 3, 3 FROM generate_series(1, 300);
	ROLLBACK});
run_file('orig', 'rows.sql', '-v', 'part=2');
run_file('orig', 'refresh.sql');
run_file('orig', 'rows.sql', '-v', 'part=3');
$node->safe_psql('orig', q{SELECT streaming.wait('shop.eager')});

pg('plain', 'pg_dump', @at, '--no-sync', '-f', "$tmp/plain.sql", 'orig');
pg('custom', 'pg_dump', @at, '--no-sync', '-Fc', '-f', "$tmp/custom", 'orig');
pg('directory', 'pg_dump', @at, '--no-sync', '-Fd', '-j', '3', '-f', "$tmp/directory", 'orig');
# what is read later is not in the dump
my $stood = check('orig');
run_file('orig', 'refresh.sql');
my $read = check('orig');
run_file('orig', 'rows.sql', '-v', 'part=4');
run_file('orig', 'refresh.sql');
$node->safe_psql('orig', q{SELECT streaming.wait('shop.eager')});
my $gone_on = check('orig');

my %restore = (
	plain => sub { ('psql', @at, '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', "$tmp/plain.sql", '-d', shift) },
	custom => sub { ('pg_restore', @at, '-d', shift, "$tmp/custom") },
	single => sub { ('pg_restore', @at, '-1', '-d', shift, "$tmp/custom") },
	directory => sub { ('pg_restore', @at, '-j', '4', '-d', shift, "$tmp/directory") });
foreach my $way (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $way");
	pg("restore of $way", $restore{$way}->($way));
	wait_restored($way, $way);
	$node->safe_psql($way, q{SELECT streaming.wait('shop.eager')});
	is(check($way), $stood, "$way: as they stood");
	is($node->safe_psql($way, q{
		SELECT objid::regclass, e.extname FROM pg_depend JOIN pg_extension e ON e.oid = refobjid
		WHERE classid = 'pg_class'::regclass AND deptype = 'x'}), 'shop.eager|plpgsql', "$way: DEPENDS ON EXTENSION");
	run_file($way, 'refresh.sql');
	is(check($way), $read, "$way: what was not read");
	run_file($way, 'rows.sql', '-v', 'part=4');
	run_file($way, 'refresh.sql');
	$node->safe_psql($way, q{SELECT streaming.wait('shop.eager')});
	is(check($way), $gone_on, "$way: going on");
	is(run_file($way, 'oracle.sql'), '', "$way: they are what their queries say");
}

# What was restored is what was made.
foreach my $dbname ('orig', 'custom')
{
	$node->safe_psql($dbname, q{
		SET client_min_messages = warning;
		DROP SCHEMA shop CASCADE});
	is( $node->safe_psql($dbname, q{
			SELECT (SELECT count(*) FROM streaming._view), (SELECT count(*) FROM streaming._progress),
				(SELECT count(*) FROM streaming._stream), (SELECT count(*) FROM streaming._rejection),
				(SELECT count(*) FROM pg_class c WHERE relnamespace = 'streaming'::regnamespace
					AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype IN ('e', 'i', 'a')
						AND classid = 'pg_class'::regclass AND objid = c.oid))}),
		'0|0|0|0|0', "$dbname: nothing is left behind");
}

# ------------------------------------------- rows removed, unread, in disorder

# A position is not just how many rows have been read: rows of a transaction that was
# slow lie before others that have been read.
$node->safe_psql('postgres', 'CREATE DATABASE holes');
$node->safe_psql('holes', q{
	CREATE EXTENSION streaming;
	CREATE ROLE dump_owner;
	GRANT CREATE ON SCHEMA public TO dump_owner;
	SET ROLE dump_owner;
	CREATE TABLE s (k int, v int) USING stream;
	CREATE TABLE gone (k int, v int) USING stream;
	CREATE TABLE p (day int, v int) PARTITION BY LIST (day);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
	CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING stream;
	CREATE TABLE p9 PARTITION OF p FOR VALUES IN (9) USING stream;
	CREATE MATERIALIZED VIEW sums WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT k, count(*), sum(v) FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT sum(v) FROM (TABLE s UNION ALL TABLE gone) u;
	CREATE MATERIALIZED VIEW days WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT day, count(*), sum(v) FROM p GROUP BY day;
	CREATE MATERIALIZED VIEW copied WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT * FROM s WHERE v % 2 = 0;
	CREATE MATERIALIZED VIEW above WITH (streaming.continuous, streaming.trigger = manual)
		AS SELECT count > 5 AS big, count(*) FROM sums GROUP BY 1;
	CREATE MATERIALIZED VIEW ga WITH (streaming.continuous, streaming.trigger = manual, streaming.group = g)
		AS SELECT count(*) FROM s;
	CREATE MATERIALIZED VIEW gb WITH (streaming.continuous, streaming.trigger = manual, streaming.group = g)
		AS SELECT k AS _hash, v AS _hash_1, count(*) FROM s WHERE v < 9 GROUP BY k, v;
	INSERT INTO s SELECT i % 3, i FROM generate_series(1, 2000) i;
	INSERT INTO gone SELECT 9, i FROM generate_series(1, 1000) i;
	INSERT INTO p SELECT 1 + i % 2, i FROM generate_series(1, 1000) i});
my $slow = $node->background_psql('holes');
$slow->query_safe('BEGIN');
$slow->query_safe('INSERT INTO s SELECT 7, i FROM generate_series(1, 100) i');
$node->safe_psql('holes', 'INSERT INTO s SELECT i % 3, i FROM generate_series(1, 5000) i');
my $refresh = join '', map { "REFRESH MATERIALIZED VIEW $_;" } qw(sums two days copied above ga);
$node->safe_psql('holes', $refresh);
$node->safe_psql('holes', q{TRUNCATE gone; DROP TABLE p1; INSERT INTO gone VALUES (9, 5)});
$slow->query_safe('COMMIT');
$slow->quit;
$node->safe_psql('holes', 'INSERT INTO s SELECT i % 3, i FROM generate_series(1, 50) i');

my $show = q{
	SELECT 'sums', s::text FROM sums s UNION ALL SELECT 'two', b::text FROM two b
	UNION ALL SELECT 'days', d::text FROM days d UNION ALL SELECT 'above', a::text FROM above a
	UNION ALL SELECT 'ga', g::text FROM ga g UNION ALL SELECT 'gb', g::text FROM gb g
	UNION ALL SELECT 'copied', count(*)::text FROM copied ORDER BY 1, 2};
my $more = q{
	CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3) USING stream;
	INSERT INTO p SELECT 2 + i % 2, i FROM generate_series(1, 7) i;
	INSERT INTO s SELECT i % 5, i FROM generate_series(1, 5) i;
	INSERT INTO gone VALUES (1, 1)};
my $oracle = q{
	SELECT count(*) FROM ((TABLE sums EXCEPT ALL SELECT k, count(*), sum(v) FROM s GROUP BY k)
		UNION ALL (SELECT k, count(*), sum(v) FROM s GROUP BY k EXCEPT ALL TABLE sums)
		UNION ALL (SELECT 1, k, v FROM copied EXCEPT ALL SELECT 1, k, v FROM s WHERE v % 2 = 0)
		UNION ALL (SELECT 1, k, v FROM s WHERE v % 2 = 0 EXCEPT ALL SELECT 1, k, v FROM copied)) d};

sub like_holes
{
	my ($dbname, $stood, $read, $gone_on) = @_;
	wait_restored($dbname, $dbname);
	is($node->safe_psql($dbname, $show), $stood, "$dbname: as they stood");
	$node->safe_psql($dbname, $refresh);
	is($node->safe_psql($dbname, $show), $read, "$dbname: what was not read, and that once");
	is($node->safe_psql($dbname, $oracle), '0', "$dbname: as their queries say");
	$node->safe_psql($dbname, "$more; $refresh");
	is($node->safe_psql($dbname, $show), $gone_on, "$dbname: going on");
	is($node->safe_psql($dbname, $oracle), '0', "$dbname: as their queries say");
}

my @dump = ('pg_dump', @at, '--no-sync', 'holes');
my @psql = ('psql', @at, '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1');
pg('holes: plain', @dump, '-f', "$tmp/holes.sql");
pg('holes: inserts', @dump, '--inserts', '-f', "$tmp/inserts.sql");
pg('holes: schemas', @dump, '-n', 'public', '-n', 'streaming', '-e', 'streaming', '-f', "$tmp/schemas.sql");
pg('holes: without one stream', @dump, '-T', 'gone', '-f', "$tmp/without.sql");
pg('holes: without its rows', @dump, '--exclude-table-data', 'gone', '-f', "$tmp/without_rows.sql");
pg('holes: custom', @dump, '-Fc', '-f', "$tmp/holes");
my $holes_stood = $node->safe_psql('holes', $show);
$node->safe_psql('holes', $refresh);
my $holes_read = $node->safe_psql('holes', $show);
$node->safe_psql('holes', "$more; $refresh");
my @holes = ($holes_stood, $holes_read, $node->safe_psql('holes', $show));
isnt($holes[0], $holes[1], 'there was something to read');

$node->safe_psql('postgres', "CREATE DATABASE holes_$_")
  foreach qw(plain inserts schemas sections without without_rows twice no_owner between);
pg('plain', @psql, '-f', "$tmp/holes.sql", '-d', 'holes_plain');
like_holes('holes_plain', @holes);

$node->safe_psql('holes_schemas', 'DROP SCHEMA public');
pg('schemas', @psql, '-f', "$tmp/schemas.sql", '-d', 'holes_schemas');
like_holes('holes_schemas', @holes);

foreach my $section (qw(pre-data data post-data))
{
	pg($section, 'pg_restore', @at, "--section=$section", '-d', 'holes_sections', "$tmp/holes");
	ok($node->poll_query_until('holes_sections', q{
			SELECT count(*) = 7 FROM streaming.views WHERE state = 'restoring' AND last_error IS NOT NULL}),
		'they wait')
	  if $section eq 'data';
}
like_holes('holes_sections', @holes);

# rows that are inserted before the restore is over are not taken for read
pg('pre-data', 'pg_restore', @at, "--section=pre-data", '-d', 'holes_between', "$tmp/holes");
pg('data', 'pg_restore', @at, "--section=data", '-d', 'holes_between', "$tmp/holes");
$node->safe_psql('holes_between', $more);
pg('post-data', 'pg_restore', @at, "--section=post-data", '-d', 'holes_between', "$tmp/holes");
wait_restored('holes_between', 'rows in between');
$node->safe_psql('holes_between', $refresh);
is($node->safe_psql('holes_between', $show), $holes[2], 'rows in between are read');

# what has gone on meanwhile is replaced
pg('clean', 'pg_restore', @at, '--clean', '--if-exists', '-d', 'holes_sections', "$tmp/holes");
like_holes('holes_sections', @holes);
pg('clean, at once', 'pg_restore', @at, '--clean', '-1', '-d', 'holes_sections', "$tmp/holes");
like_holes('holes_sections', @holes);

# Who waits for a view waits for the end of its restore, too.
foreach my $how ('REFRESH MATERIALIZED VIEW sums', q{SELECT streaming.wait('sums')}, q{DO $$ BEGIN PERFORM streaming.wait('gb'); END $$})
{
	pg("clean, then $how", 'pg_restore', @at, '--clean', '--if-exists', '-d', 'holes_sections', "$tmp/holes");
	$node->safe_psql('holes_sections', "SET ROLE dump_owner; $how");
	$node->safe_psql('holes_sections', $refresh);
	is($node->safe_psql('holes_sections', $show), $holes[1], "$how: waits for the restore");
	is($node->safe_psql('holes_sections', $oracle), '0', "$how: as their queries say");
}

# all of a superuser
pg('no owner', 'pg_restore', @at, '--no-owner', '-d', 'holes_no_owner', "$tmp/holes");
wait_restored('holes_no_owner', 'no owner');
is( $node->safe_psql('holes_no_owner', q{SELECT DISTINCT owner FROM streaming.views}),
	$node->safe_psql('postgres', 'SELECT current_user'), 'no owner: whose they are');
like_holes('holes_no_owner', @holes);

# ------------------------------------------------------------------- doubts

# what the view waits for
sub waits
{
	my ($dbname, $view, $detail, $name) = @_;
	ok( $node->poll_query_until(
			$dbname, qq{
			SELECT count(*) = 1 FROM streaming.views
			WHERE view::text = '$view' AND state = 'restoring' AND last_error ~ '$detail'}),
		$name)
	  or diag($node->safe_psql($dbname, 'SELECT view, state, last_error FROM streaming.views'));
}

my ($ret, $out, $err);
$node->psql('holes_without', undef, on_error_stop => 0, extra_params => [ '-q', '-o', '/dev/null', '-f', "$tmp/without.sql" ],
	stderr => \$err);
waits('holes_without', 'two', 'There is no relation public.gone', 'a stream was left out');
is($node->safe_psql('holes_without', 'TABLE two'), $node->safe_psql('holes', 'SELECT 15004000'),
	'... and the result is there');
like(($node->psql('holes_without', q{SELECT streaming.attach('two')}))[2],
	qr/not complete.*There is no relation public.gone/s, '... also when asked');
like(($node->psql('holes_without', 'SET ROLE dump_owner; REFRESH MATERIALIZED VIEW two'))[2],
	qr/"two" is not complete.*There is no relation public.gone/s, '... or waited for, some time');
is($node->safe_psql('holes_without', q{SELECT streaming.wait('two', '10 ms')}), 'f', '... but no longer than he wants');
my $told = ($node->psql('holes_without', q{CREATE ROLE dump_reader IN ROLE pg_read_all_data; SET ROLE dump_reader; SELECT streaming.wait('two')}))[2];
like($told, qr/"two" is not complete/, '... whoever does');
unlike($told, qr/gone/, '... and may not know for what');
ok($node->poll_query_until('holes_without', q{
	SELECT count(*) = 1 FROM streaming.views WHERE state = 'restoring'}), '... but the others go on');
$node->safe_psql('holes_without', 'REFRESH MATERIALIZED VIEW sums; DROP VIEW two');
wait_restored('holes_without', 'without');

pg('without rows', @psql, '-f', "$tmp/without_rows.sql", '-d', 'holes_without_rows');
waits('holes_without_rows', 'two', 'Stream public.gone has 0 rows', 'rows were left out');

pg('inserts', @psql, '-f', "$tmp/inserts.sql", '-d', 'holes_inserts');
waits('holes_inserts', 'sums', 'not come by one command.*streaming.attach', 'rows came one by one');
like(($node->psql('holes_inserts', q{SET ROLE pg_monitor; SELECT streaming.attach('sums')}))[2],
	qr/must be owner/, '... others have nothing to say');

# A view goes on while somebody is about to empty a stream that it reads, as pg_restore does
# with a table of no rows.
my $attaching = $node->background_psql('holes_inserts');
$attaching->query_safe('BEGIN');
$attaching->query_safe("SELECT streaming.attach('days')");
my $truncated = '';
my $truncate = IPC::Run::start([@psql, '-d', 'holes_inserts', '-c', 'TRUNCATE ONLY p9'],
	'2>', \$truncated);
ok($node->poll_query_until('holes_inserts', q{
	SELECT count(*) = 1 FROM pg_stat_activity
	WHERE query ~ '^TRUNCATE' AND wait_event_type = 'Lock'}), 'somebody empties a stream');
$attaching->query_safe('COMMIT');
$attaching->quit;
$truncate->finish;
is($truncated, '', '... which he may, when the view has gone on');

$node->safe_psql('holes_inserts', qq{
	SET ROLE dump_owner;
	SELECT streaming.attach('sums'), streaming.attach('two'),
		streaming.attach('copied'), streaming.attach('above'), streaming.attach('ga')});
like_holes('holes_inserts', @holes);

# rows that were there before
$node->safe_psql('holes_twice', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int, v int) USING stream;
	INSERT INTO s SELECT 1, 1 FROM generate_series(1, 9)});
$node->psql('holes_twice', undef, on_error_stop => 0, extra_params => [ '-q', '-o', '/dev/null', '-f', "$tmp/holes.sql" ],
	stderr => \$err);
like($err, qr/relation "s" already exists/, 'a stream that is there');
waits('holes_twice', 'sums', 'cannot be told from others', '... has other rows');
like(($node->psql('holes_twice', q{SELECT streaming.attach('sums')}))[2],
	qr/cannot be told from others/, '... whoever says so');

# what a dump of that has
pg('again', 'pg_dump', @at, '--no-sync', 'holes_without_rows', '-f', "$tmp/again.sql");
$node->safe_psql('postgres', "CREATE DATABASE holes_again");
pg('again', @psql, '-f', "$tmp/again.sql", '-d', 'holes_again');
ok( $node->poll_query_until('holes_again', q{
	SELECT count(*) = 1 FROM streaming.views WHERE state = 'restoring'}), 'what waits is dumped, too');

# --------------------------------------------------------------- under load

# Each transaction writes the same into a stream, whose rows go when they have been read,
# and into an ordinary table: whatever a dump has seen, the views have to agree with that.
$node->safe_psql('postgres', 'CREATE DATABASE busy');
$node->safe_psql('busy', q{
	CREATE EXTENSION streaming;
	CREATE TABLE log (k int, v int);
	CREATE TABLE s (k int, v int) USING stream WITH (streaming.retention = consumed);
	CREATE TABLE p (k int, v int) PARTITION BY LIST (k);
	CREATE TABLE p0 PARTITION OF p FOR VALUES IN (0, 1, 2) USING stream;
	CREATE TABLE p1 PARTITION OF p DEFAULT USING stream;
	CREATE MATERIALIZED VIEW sums WITH (streaming.continuous) AS SELECT k, count(*), sum(v) FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW sizes WITH (streaming.continuous) AS SELECT count, count(*) AS n FROM sums GROUP BY count;
	CREATE MATERIALIZED VIEW copied WITH (streaming.continuous) AS SELECT k, v FROM s WHERE v % 2 = 0;
	CREATE MATERIALIZED VIEW parts WITH (streaming.continuous) AS SELECT k, count(*), sum(v) FROM p GROUP BY k});
my @writers = map {
	IPC::Run::start([ @psql, '-d', 'busy', '-c', "SET application_name = 'writer'", '-c', qq{
		DO \$\$ BEGIN
			FOR i IN 1..100000 LOOP
				WITH r AS (INSERT INTO log SELECT g % 7, i + $_ FROM generate_series(1, 20) g RETURNING *),
					p AS (INSERT INTO p SELECT * FROM r)
				INSERT INTO s SELECT * FROM r;
				COMMIT;
				PERFORM pg_sleep(0.002);
			END LOOP;
		END \$\$} ], '<', \undef, '>', '/dev/null', '2>', '/dev/null')
} 1 .. 2;
$node->poll_query_until('busy', q{SELECT count(*) = 4 FROM streaming.views WHERE rows_read > 0});
pg('busy: plain', 'pg_dump', @at, '--no-sync', '-f', "$tmp/busy_plain", 'busy');
pg('busy: custom', 'pg_dump', @at, '--no-sync', '-Fc', '-f', "$tmp/busy_custom", 'busy');
pg('busy: directory', 'pg_dump', @at, '--no-sync', '-Fd', '-j', '3', '-f', "$tmp/busy_directory", 'busy');
is($node->safe_psql('busy', q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'writer'}),
	'2', 'rows came all the time');
foreach my $writer (@writers) { eval { $writer->finish } }
foreach my $way ('plain', 'custom', 'directory')
{
	my $dbname = "busy_$way";
	my @same = (
		[ 'sums', 'SELECT k, count(*), sum(v) FROM log GROUP BY k' ],
		[ 'sizes', 'SELECT count, count(*) FROM (SELECT count(*) FROM log GROUP BY k) q GROUP BY count' ],
		[ 'copied', 'SELECT k, v FROM log WHERE v % 2 = 0' ],
		[ 'parts', 'SELECT k, count(*), sum(v) FROM log GROUP BY k' ]);

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	pg("$dbname: restore", $way eq 'plain' ? (@psql, '-f', "$tmp/$dbname", '-d', $dbname) :
		('pg_restore', @at, '-j', $way eq 'custom' ? 1 : 3, '-d', $dbname, "$tmp/$dbname"));
	wait_restored($dbname, $dbname);
	$node->safe_psql($dbname, q{
		WITH r AS (INSERT INTO log SELECT g % 9, g FROM generate_series(1, 50) g RETURNING *), p AS (INSERT INTO p SELECT * FROM r)
		INSERT INTO s SELECT * FROM r});
	$node->safe_psql($dbname, 'SELECT streaming.wait(view) FROM streaming.views');
	is( $node->safe_psql($dbname, join ' UNION ALL ', map {
				"SELECT '$_->[0]' FROM ((TABLE $_->[0] EXCEPT ALL $_->[1]) UNION ALL ($_->[1] EXCEPT ALL TABLE $_->[0])) d"
			} @same),
		'', "$dbname: nothing is lost, and nothing twice");
}

# ------------------------------------------------------------- who may do what

$node->safe_psql('postgres', 'CREATE DATABASE hostile');
pg('pre-data', 'pg_restore', @at, "--section=pre-data", '-d', 'hostile', "$tmp/holes");
my $state = $node->safe_psql('hostile', q{
	SELECT relname FROM pg_class WHERE relnamespace = 'streaming'::regnamespace
		AND relkind = 'r' AND relname LIKE '\_state\_%' AND pg_get_userbyid(relowner) = 'dump_owner'
	ORDER BY 1 LIMIT 1});
$node->safe_psql('hostile', q{
	SET ROLE dump_owner;
	CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'});
foreach my $statement (
	"INSERT INTO streaming.$state DEFAULT VALUES",
	"COPY streaming.$state FROM stdin",
	"TRUNCATE streaming.$state",
	"CREATE INDEX ON streaming.$state (k)",
	"CREATE TRIGGER t AFTER INSERT ON streaming.$state FOR EACH ROW EXECUTE FUNCTION public.f()",
	"ALTER TABLE streaming.$state ADD COLUMN x int",
	"INSERT INTO streaming._dump VALUES ('public.sums', '_view', '{}', '{}')",
	"INSERT INTO streaming._restore VALUES (1, '_view', '{}', '{}')",
	"CREATE TABLE public.t (LIKE streaming._dump); CREATE TRIGGER t BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION streaming._take_dump()",
	"SELECT streaming._take_dump()")
{
	my ($ret, $out, $err) = $node->psql('hostile', "SET ROLE dump_owner; $statement");
	like($err, qr/cannot (run|change)|permission denied|can only be called as trigger|is not supported/, "not his: $statement");
}
# what a dump says first that is to replace what is there
my $nulls = 'CREATE OR REPLACE VIEW sums AS SELECT NULL::int AS k, NULL::bigint AS count, NULL::bigint AS sum';
foreach my $statement ("SET row_security = off; SET ROLE dump_owner; $nulls", $nulls,
	"SET row_security = off; $nulls FROM s", "SET row_security = off; $nulls LIMIT 1",
	'SET row_security = off; CREATE OR REPLACE VIEW sums AS SELECT k, NULL::bigint AS count, NULL::bigint AS sum FROM s')
{
	like(($node->psql('holes', $statement))[2], qr/cannot replace continuous view "sums"/, "no dump: $statement");
}
is($node->safe_psql('holes', $oracle), '0', '... and the views go on');
# (the caller's own, or all for who may read all)
is( $node->safe_psql('holes', q{SET ROLE pg_monitor; SELECT count(*) FROM streaming._dumped()}),
	'0', 'a dump says nothing of the views of others');

# What a restored view may read of the table of progress is its own row: a sub-select that looks
# like the one that says so, but is about a column of another one, asks for the privilege.
$node->safe_psql('postgres', 'CREATE DATABASE curious');
$node->safe_psql('curious', q{
	CREATE EXTENSION streaming;
	CREATE SCHEMA his AUTHORIZATION dump_owner;
	SET ROLE dump_owner;
	CREATE TABLE his.s (ts timestamptz) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0');
	INSERT INTO his.s VALUES ('2026-01-01'), ('2026-01-02');
	CREATE FUNCTION his.query(viewid oid) RETURNS text LANGUAGE sql AS $$ SELECT format(
		'SELECT ts, count(*), (SELECT (SELECT count(*) FROM streaming._progress WHERE a.i = %L::oid)
			FROM (SELECT ''his.v''::regclass::oid) a(i)) AS n FROM his.s GROUP BY ts', viewid) $$;
	DO $$ BEGIN EXECUTE 'CREATE MATERIALIZED VIEW his.v WITH (streaming.continuous, streaming.output_mode = append) AS '
		|| replace(his.query(0), '''his.v''::regclass::oid', '0::oid'); END $$});
$node->psql('curious', q{SET ROLE dump_owner; SELECT format('CALL streaming.replace(%L, %L)', 'his.v', his.query('his.v'::regclass)) \gexec},
	on_error_die => 1);
$node->safe_psql('curious', 'REFRESH MATERIALIZED VIEW his.v');
my $curious = 'SET ROLE dump_owner; SELECT * FROM his.v';
like(($node->psql('curious', $curious))[2], qr/permission denied for table _progress/, 'the progress of others is not shown');
pg('curious', 'pg_dump', @at, '--no-sync', '-Fc', '-f', "$tmp/curious", 'curious');
$node->safe_psql('postgres', 'CREATE DATABASE more_curious');
pg('restore of curious', 'pg_restore', @at, '-d', 'more_curious', "$tmp/curious");
wait_restored('more_curious', 'curious');
like(($node->psql('more_curious', $curious))[2], qr/permission denied for table _progress/, '... nor when it is restored');

# ------------------------ rows that fail, and rows that are to be read once more

$node->safe_psql('postgres', 'CREATE DATABASE failing');
$node->safe_psql('failing', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (id int, k int) USING stream;
	CREATE TABLE allowed (k int);
	CREATE FUNCTION check_k(k int) RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		IF k = 0 AND NOT EXISTS (SELECT FROM public.allowed) THEN RAISE 'not allowed' USING ERRCODE = '22000'; END IF;
		RETURN k;
	END $$;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.on_error = 'skip', streaming.changes,
			streaming.changes_retention = '1 day') AS
		SELECT k, count(*) AS n, sum(id) AS ids FROM s WHERE public.check_k(k) >= 0 GROUP BY k;
	INSERT INTO s SELECT i, i % 7 FROM generate_series(1, 100) i WHERE i % 7 > 0 OR i = 49;
	SELECT streaming.wait('v');
	INSERT INTO s VALUES (200, 0), (201, 1);
	SELECT streaming.wait('v')});
$node->poll_query_until('failing', q{SELECT skipped_rows = 2 FROM streaming.views});
my $failing = q{SELECT k, n, ids FROM v ORDER BY k};
my $right = q{(TABLE v EXCEPT ALL SELECT k, count(*), sum(id) FROM s GROUP BY k) UNION ALL (SELECT k, count(*), sum(id) FROM s GROUP BY k EXCEPT ALL TABLE v)};
# retry: of those that the dump has as put aside, and as to be read once more
foreach my $when ('after', 'before')
{
	if ($when eq 'before')
	{
		$node->safe_psql('failing', q{ALTER MATERIALIZED VIEW v SET (streaming.enabled = off); INSERT INTO allowed VALUES (1)});
		is($node->safe_psql('failing', q{SELECT streaming.retry('v')}), '2', 'two rows are to be read once more');
	}
	pg("pg_dump, retry $when", 'pg_dump', @at, '-Fc', '--no-sync', '-f', "$tmp/failing_$when.dump", 'failing');
	$node->safe_psql('postgres', "CREATE DATABASE failing_$when");
	pg("pg_restore, retry $when", 'pg_restore', @at, '-d', "failing_$when", "$tmp/failing_$when.dump");
	wait_restored("failing_$when", "retry $when");
	is($node->safe_psql("failing_$when", 'SELECT skipped_rows, change_stream FROM streaming.views'),
		$node->safe_psql('failing', 'SELECT skipped_rows, change_stream FROM streaming.views'), 'as many are put aside');
	is($node->safe_psql("failing_$when", 'SELECT count(*) FROM v_changes'),
		$node->safe_psql('failing', 'SELECT count(*) FROM v_changes'), 'the change stream is there');
	is($node->safe_psql("failing_$when", 'SELECT count(*) FROM streaming._mark'),
		$node->safe_psql('failing', 'SELECT count(*) FROM streaming._mark'), 'and when its batches were');
	my ($ret, $out, $err) = $node->psql("failing_$when", q{INSERT INTO v_changes VALUES (1, 'insert', 1, 1, 1)});
	like($err, qr/only batches|cannot/, 'it is for batches only again');
	if ($when eq 'after')
	{
		is($node->safe_psql("failing_$when", q{INSERT INTO allowed VALUES (1); SELECT streaming.retry('v')}), '2', 'two rows to read once more');
	}
	else
	{
		$node->safe_psql("failing_$when", q{ALTER MATERIALIZED VIEW v SET (streaming.enabled = on)});
	}
	$node->safe_psql("failing_$when", q{INSERT INTO s VALUES (300, 0); SELECT streaming.wait('v')});
	is($node->safe_psql("failing_$when", $right), '', "retry $when: each row is read once");
	is($node->safe_psql("failing_$when", q{SELECT count(*) FROM (SELECT k, n, ids FROM v_changes GROUP BY 1, 2, 3 HAVING sum(CASE WHEN op IN ('insert', 'update after') THEN 1 ELSE -1 END) <> 0 EXCEPT ALL TABLE v) d}),
		'0', 'the change stream goes on');
}

# ------------------------------------------------- all of a server, without us

pg('pg_dumpall', 'pg_dumpall', @at, '--no-sync', '-f', "$tmp/all.sql");
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', qq{
max_worker_processes = 100
autovacuum = off
});
$other->start;
$other->psql('postgres', undef, on_error_stop => 0, extra_params => [ '-q', '-o', '/dev/null', '-f', "$tmp/all.sql" ], stderr => \$err);
$err =~ s/^.*(role "\w+" already exists|must be loaded|HINT|DETAIL|already exists).*\n//mg;
is( $other->safe_psql('holes_plain', $show), $node->safe_psql('holes_plain', $show),
	'results are there before the library is');
$other->append_conf('postgresql.conf', "shared_preload_libraries = 'streaming'\n");
$other->restart;
ok($other->poll_query_until('holes_plain', q{SELECT count(*) = 0 FROM streaming._restore}), 'and go on when it is')
  or diag($other->safe_psql('holes_plain', q{SELECT view, last_error FROM streaming.views}));
foreach my $n ($node, $other)
{
	$n->safe_psql('holes_plain', "INSERT INTO s VALUES (1, 1); $refresh");
}
is( $other->safe_psql('holes_plain', $show), $node->safe_psql('holes_plain', $show), 'the same');
is($other->safe_psql('holes_plain', $oracle), '0', 'as their queries say');
$other->stop;

$node->stop;
done_testing();
