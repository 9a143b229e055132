# Views over views while these go on: what a new one starts from, and what it reads
# then, is nothing twice and everything once; waiting goes along the chain.
# Needs a test build.
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
});
$node->start;

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

sql(q{CREATE EXTENSION streaming},
	q{CREATE FUNCTION _debug_arm(text, text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_arm'},
	q{CREATE FUNCTION _debug_disarm(text) RETURNS void
		LANGUAGE c AS 'streaming', 'stream_debug_disarm'},
	q{CREATE FUNCTION _debug_waiting(text) RETURNS int
		LANGUAGE c AS 'streaming', 'stream_debug_waiting'},
	q{CREATE TABLE s (k int, n int) USING stream},
	q{CREATE TABLE plain (k int, n int)},
	q{CREATE FUNCTION differs(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE
			n bigint;
		BEGIN
			EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s)
				UNION ALL (%2$s EXCEPT ALL %1$s)) x', a, b) INTO n;
			RETURN n;
		END $$});

# A psql in the background; and its end.
sub background
{
	my ($sql) = @_;
	my %p = (err => '');
	$p{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres') . ' application_name=background',
			'-c', $sql ],
		'<', \undef, '>', '/dev/null', '2>', \$p{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	return \%p;
}

sub wait_until
{
	my ($condition) = @_;
	$node->poll_query_until('postgres', "SELECT $condition")
	  or die "never: $condition";
	return;
}

# ---- a batch of the lower view between what the first batch of the upper one measures
# and what it sees: then it takes in what that has changed
my $up = 'SELECT k, count(*) AS n FROM s GROUP BY k';
my $down = 'SELECT n, count(*) AS m FROM %s GROUP BY n';

sub start_between
{
	sql('INSERT INTO s SELECT i % 500, i FROM generate_series(1, 1200) i',
		"CREATE MATERIALIZED VIEW up WITH (streaming.continuous, streaming.changes) AS $up",
		'REFRESH MATERIALIZED VIEW up',
		q{SELECT _debug_arm('batch-reads-content', 'wait')},
		'CREATE MATERIALIZED VIEW down WITH (streaming.continuous) AS '
		  . sprintf($down, 'up'));
	wait_until(q{_debug_waiting('batch-reads-content') > 0});
	# as its rows go, the view reads them in the session that takes them away (the changes of
	# more groups than fit where the last of its changes are)
	my $p = background('INSERT INTO s SELECT i, i FROM generate_series(1, 3000) i;
		BEGIN; TRUNCATE s; COMMIT');
	ok($p->{run}->finish, 'rows are read, and go') or diag($p->{err});
	sql(q{SELECT _debug_disarm('batch-reads-content')});
	my ($rc, $out, $err) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW down');
	my $differs = sql("SELECT differs('TABLE down', '" . sprintf($down, 'up') . "')");
	sql('DROP MATERIALIZED VIEW down', 'DROP MATERIALIZED VIEW up');
	return $rc == 0 ? $differs : $err;
}

is(start_between(), '0', 'content and change stream are of one moment');
sql(q{ALTER SYSTEM SET streaming.debug_mutation = 'half_seen'},
	'SELECT pg_reload_conf()');
like(start_between(), qr/a row that has gone from a group was never in it/,
	'... which is seen when they are not');
sql('ALTER SYSTEM RESET streaming.debug_mutation', 'SELECT pg_reload_conf()');

# ---- a new view waits for no batch of those that it reads
sql('CREATE TABLE s2 (k int) USING stream',
	'CREATE MATERIALIZED VIEW up1 WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM s GROUP BY k',
	'CREATE MATERIALIZED VIEW up2 WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM s2 GROUP BY k',
	'INSERT INTO s VALUES (77, 1)', 'INSERT INTO s2 VALUES (77)',
	'REFRESH MATERIALIZED VIEW up1', 'REFRESH MATERIALIZED VIEW up2');
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; TRUNCATE s2;');
sql('CREATE MATERIALIZED VIEW joined WITH (streaming.continuous) AS
	SELECT a.k, a.n, b.n AS m FROM up1 a JOIN up2 b ON a.k = b.k');
wait_until(q{EXISTS (SELECT FROM joined)});
$holder->query_safe('COMMIT');
$holder->quit;
sql('INSERT INTO s2 VALUES (77)', 'REFRESH MATERIALIZED VIEW joined');
is(sql('TABLE joined'), '77|1|2', 'a new view waits for no batch of those that it reads, and goes on');
sql('DROP MATERIALIZED VIEW joined', 'DROP MATERIALIZED VIEW up1, up2', 'DROP TABLE s2');

# ---- a channel says which batch is committed: once, when it is
sub told
{
	my ($sql) = @_;
	my $out = sql('LISTEN "V changed"', $sql, 'SELECT');
	return join(' ', $out =~ /notification "V changed" with payload "(.*)" received/g);
}

sql('CREATE SCHEMA "a""b"',
	q{CREATE MATERIALIZED VIEW "a""b"."Its view" WITH (streaming.continuous,
		streaming.trigger = manual, streaming.notify = 'V changed')
		AS SELECT k, sum(10 / n) AS n FROM s GROUP BY k},
	'INSERT INTO s VALUES (1, 1)');
my $refresh = 'REFRESH MATERIALIZED VIEW "a""b"."Its view"';
my $told = sub { return qq({"view": "\\"a\\"\\"b\\".\\"Its view\\"", "batch": $_[0]}); };
is(told($refresh), $told->(1), 'of the first batch');
is(told($refresh), '', 'nothing new: no batch');
sql('INSERT INTO s VALUES (2, 2)');
is(told($refresh), $told->(2), 'of the second');
sql('INSERT INTO s VALUES (2, 0)');
is(told("DO \$\$ BEGIN EXECUTE '$refresh'; EXCEPTION WHEN OTHERS THEN NULL; END \$\$"),
	'', 'not of one that fails');
sql('DROP SCHEMA "a""b" CASCADE');

# ---- views are made, and go, while writers write and lower views go on
my %chain = (
	sums => [ '(TABLE plain)', 'SELECT k, count(*) AS c, sum(n) AS n FROM %s q GROUP BY k' ],
	kept => [ '(TABLE plain)', 'SELECT k, n * 2 AS n FROM %s q WHERE n % 3 > 0' ],
	of_sums => [ 'sums', 'SELECT c % 10 AS c, count(*) AS m, sum(n) AS n FROM %s q GROUP BY c % 10' ],
	of_kept => [ 'kept', 'SELECT k, max(n) AS n, count(*) AS c FROM %s q GROUP BY k' ],
	third => [ 'of_sums', 'SELECT sum(m) AS m, sum(n) AS n, max(c) AS c FROM %s q' ],
	shown => [ 'of_kept', 'SELECT k, n FROM %s q WHERE c > 2' ],
	found => [ '(TABLE plain)', 'SELECT k, n FROM %s q WHERE EXISTS (SELECT FROM {sums} z WHERE z.k = q.k AND z.c % 2 = 0)' ],
	missed => [ 'kept', 'SELECT k, n FROM %s q WHERE NOT EXISTS (SELECT FROM {sums} z WHERE z.k = q.k AND z.c % 50 < q.n)' ],
	mixed => [ 'of_sums', 'SELECT c, m FROM %s q WHERE c IN (SELECT k FROM {of_kept} z WHERE c % 3 > 0) AND NOT EXISTS (SELECT FROM {sums} z WHERE z.k = q.c AND z.c % 4 = 1)' ]);
# those that are made while the others go on, from the lowest to the highest
my @late = ('of_sums', 'of_kept', 'third', 'shown', 'found', 'missed', 'mixed');

# The query of a view over the tables.
sub plain
{
	my ($name) = @_;
	my ($below, $query) = @{ $chain{$name} };
	my $plain = sprintf(($query =~ s/% (?=\d)/%% /gr),
		$chain{$below} ? '(' . plain($below) . ')' : $below);
	return $plain =~ s/\{(\w+)\}/'(' . plain($1) . ')'/ger;
}

sub create
{
	my ($name) = @_;
	my ($below, $query) = @{ $chain{$name} };
	sql("CREATE MATERIALIZED VIEW $name WITH (streaming.continuous) AS "
		  . (sprintf(($query =~ s/% (?=\d)/%% /gr), $chain{$below} ? $below : 's')
			=~ s/[{}]//gr));
	return;
}

sql('TRUNCATE s', 'SET client_min_messages = error');
create($_) for ('sums', 'kept');
my @writers = map { background(qq{
	DO \$\$
	BEGIN
		PERFORM setseed(0.$_);
		FOR i IN 1..400 LOOP
			BEGIN
				WITH rows AS (INSERT INTO plain SELECT (random() * 12)::int, (random() * 100)::int
					FROM generate_series(0, (random() * 5)::int) RETURNING *)
				INSERT INTO s TABLE rows;
				IF random() < 0.2 THEN
					RAISE division_by_zero;
				END IF;
			EXCEPTION WHEN division_by_zero THEN
				NULL;
			END;
			COMMIT;
			PERFORM pg_sleep(0.005);
		END LOOP;
	END \$\$}) } 1 .. 3;
for my $i (1 .. 6)
{
	create($_) for @late;
	sql('REFRESH MATERIALIZED VIEW third', 'REFRESH MATERIALIZED VIEW mixed') if $i % 2;
	# nobody writes while we look
	is( sql('BEGIN', 'LOCK TABLE plain IN SHARE MODE',
			'DO $$ BEGIN ' . join('', map { "PERFORM streaming.wait('$_'); " } @late) . 'END $$',
			map { "SELECT '$_', differs('TABLE $_', \$q\$" . plain($_) . '$q$)' }
			  sort keys %chain),
		join("\n", map { "$_|0" } sort keys %chain),
		"round $i: all views are what their queries say");
	sql(map { "DROP MATERIALIZED VIEW $_" } reverse @late);
}
ok($_->{run}->finish, 'a writer has written') or diag($_->{err}) for @writers;
$node->stop;
done_testing();
