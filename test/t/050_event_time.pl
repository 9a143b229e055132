# Event time where time passes and servers stop: idle streams, timestamps of the
# future, crashes between a closing watermark and what it closes, a standby.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'streaming'
timezone = 'UTC'
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION streaming');

sub value
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# ------------------------------------------------------------------ crashes

# Groups are made and closed without a pause; the server is stopped at once, again
# and again. Whatever was shown in append mode is shown ever after.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE s (id int, ts timestamptz, k int) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '1 minute');
	CREATE MATERIALIZED VIEW final WITH (streaming.continuous, streaming.output_mode = 'append',
			streaming.late_rows = 'keep') AS
		SELECT tumble(ts, '1 minute') AS w, k, count(*) AS n, avg(id) AS a FROM s GROUP BY w, k;
	CREATE MATERIALIZED VIEW visits WITH (streaming.continuous, streaming.output_mode = 'append') AS
		SELECT k, session_window(ts, '5 s') AS w, count(*) AS n, avg(id) AS a FROM s GROUP BY w, k;
	CREATE TABLE shown (w tstzrange, k int, n int8, a numeric);
});
my $plain = q{SELECT tumble(ts, '1 minute'), k, count(*), avg(id) FROM s
	WHERE NOT EXISTS (SELECT FROM streaming.errors e WHERE e.tid = s.ctid) GROUP BY 1, 2};
my $mode = 'immediate';
for my $round (1 .. 6)
{
	my $from = ($round - 1) * 200;

	# out of order within a minute, and a few that are hopelessly late
	$node->safe_psql('postgres', qq{
		INSERT INTO s SELECT x, '2024-01-01'::timestamptz + (x + random() * 50 -
			CASE WHEN x % 97 = 0 THEN 400 ELSE 0 END) * '1 s'::interval, x % 5
		FROM generate_series($from, $from + 199) x}) for 1 .. 2;
	value('SELECT streaming.wait(view) FROM streaming.views') if $round % 2;
	value('INSERT INTO shown TABLE final EXCEPT ALL TABLE shown');
	$node->stop($mode);
	$mode = $mode eq 'immediate' ? 'fast' : 'immediate';
	$node->start;
	value('REFRESH MATERIALIZED VIEW final');
	is(value('SELECT count(*) FROM (TABLE shown EXCEPT ALL TABLE final) d'),
		0, "round $round: what was shown is shown");
	is( value(qq{SELECT count(*) FROM (TABLE final EXCEPT ALL ($plain)) d}),
		0, "round $round: what is shown is right");
}
value(q{INSERT INTO s VALUES (0, '2024-02-01', 0)});
value('SELECT streaming.wait(view) FROM streaming.views');
is( value(qq{SELECT count(*) FROM ((($plain) EXCEPT ALL TABLE final)
		UNION ALL (TABLE final EXCEPT ALL ($plain))) d
		WHERE lower(d.tumble) < '2024-01-02'}),
	0, 'all windows have closed, and are right');
is(value(q{SELECT groups FROM streaming.views WHERE view = 'final'::regclass}),
	1, 'and have given up their state');
cmp_ok(value('SELECT count(*) FROM streaming.errors'),
	'>', 0, 'some rows were late');
is( value(q{SELECT sum(n) + (SELECT late_rows FROM streaming.views WHERE view = 'visits'::regclass)
		+ 1 FROM visits}),
	value('SELECT count(*) FROM s'),
	'each row is in a session or was late for it');

# ------------------------------------------------- state, and dying workers

# A hundred thousand groups close at once; workers die while they give up their
# state, and find the place again.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE g (ts timestamptz, k int) USING stream
		WITH (streaming.event_time = 'ts', streaming.watermark = '0');
	CREATE MATERIALIZED VIEW gv WITH (streaming.continuous) AS
		SELECT tumble(ts, '1 hour') AS w, k, count(*), stddev(k) AS a FROM g GROUP BY w, k;
	INSERT INTO g SELECT '2024-01-01'::timestamptz + x % 7 * '1 hour'::interval, x / 7
		FROM generate_series(1, 100000) x;
	REFRESH MATERIALIZED VIEW gv;
});
my $groups = q{SELECT groups FROM streaming.views WHERE view = 'gv'::regclass};

# paused when it has hardly begun; then a worker that knows nothing goes on
value(q{INSERT INTO g VALUES ('2024-01-03', 0);
	ALTER MATERIALIZED VIEW gv SET (streaming.enabled = off);});
for my $part (1 .. 3)
{
	note('groups in state: ' . value($groups));
	value(q{SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		WHERE backend_type = 'streaming worker'});
	value(q{ALTER MATERIALIZED VIEW gv SET (streaming.enabled = on);
		ALTER MATERIALIZED VIEW gv SET (streaming.enabled = off);});
}
value(q{ALTER MATERIALIZED VIEW gv SET (streaming.enabled = on)});
value('REFRESH MATERIALIZED VIEW gv');
is(value($groups), 1, 'state was given up once, though workers have died');
my $state = value(q{SELECT state_table FROM streaming.views WHERE view = 'gv'::regclass});
is(value("SELECT count(*) FROM $state WHERE _state IS NOT NULL"),
	1, 'and all of it');
is( value(q{SELECT count(*) FROM (TABLE gv EXCEPT ALL
		SELECT tumble(ts, '1 hour'), k, count(*), stddev(k) FROM g GROUP BY 1, 2) d}),
	0, 'and no result');
value('DROP TABLE g CASCADE');

# ------------------------------------------------------------------ standby

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
value(q{INSERT INTO s VALUES (1, '2024-03-01', 1)});
value('SELECT streaming.wait(view) FROM streaming.views');
$node->wait_for_catchup($standby);
for my $query (
	'SELECT count(*), sum(n) FROM final',
	'SELECT view, watermark, groups, late_rows FROM streaming.views ORDER BY 1',
	'SELECT count(*) FROM streaming.errors')
{
	is($standby->safe_psql('postgres', $query),
		value($query), "on a standby: $query");
}
$standby->stop;

# -------------------------------------------------------- time that passes

my ($has_debug) = $node->psql(
	'postgres', q{
	CREATE FUNCTION _debug_advance_clock(interval) RETURNS void
		LANGUAGE c AS '$libdir/streaming', 'stream_debug_advance_clock';},
	on_error_stop => 1);
SKIP:
{
	skip 'not a build with STREAMING_DEBUG=1', 1 if $has_debug != 0;

	$node->safe_psql(
		'postgres', q{
		DROP TABLE s CASCADE;
		CREATE TABLE busy (ts timestamptz, k int) USING stream
			WITH (streaming.event_time = 'ts', streaming.watermark = '10 s');
		CREATE TABLE quiet (ts timestamptz, k int) USING stream
			WITH (streaming.event_time = 'ts', streaming.watermark = '10 s',
				streaming.idle_timeout = '1 minute');
		CREATE TABLE local (ts timestamp, k int) USING stream
			WITH (streaming.event_time = 'ts', streaming.watermark = '10 s',
				streaming.idle_timeout = '1 minute', streaming.max_future = '1 hour');
		CREATE MATERIALIZED VIEW one WITH (streaming.continuous, streaming.output_mode = 'append') AS
			SELECT tumble(ts, '1 minute') AS w, count(*) FROM quiet GROUP BY w;
		CREATE MATERIALIZED VIEW both_ WITH (streaming.continuous, streaming.output_mode = 'append') AS
			SELECT tumble(ts, '1 minute') AS w, count(*)
			FROM (TABLE busy UNION ALL TABLE quiet) q GROUP BY w;
		CREATE MATERIALIZED VIEW here WITH (streaming.continuous, streaming.output_mode = 'append') AS
			SELECT tumble(ts, '1 minute') AS w, count(*) FROM local GROUP BY w;
		CREATE MATERIALIZED VIEW ages WITH (streaming.continuous) AS
			SELECT date_trunc('hour', now() - ts) AS age, count(*)
			FROM busy WHERE k > 1 GROUP BY age;
		INSERT INTO quiet VALUES (now(), 1);
		INSERT INTO busy VALUES (now() + '10 minutes', 1);
		INSERT INTO local VALUES (now()::timestamp, 1), (now()::timestamp + '59 minutes', 2);
		SELECT streaming.wait(view) FROM streaming.views;
	});
	is(value('SELECT count(*) FROM one'), 0, 'the last window is open');
	is( value(q{SELECT watermark FROM streaming.views WHERE view = 'both_'::regclass}) eq
		  value(q{SELECT watermark FROM streaming.views WHERE view = 'one'::regclass})
		? 1 : 0, 1, 'the quiet stream holds the other back');

	# nobody asks for it: the worker knows when to look
	value(q{SELECT _debug_advance_clock('20 seconds')});
	is(value('SELECT streaming.wait(view) FROM streaming.views LIMIT 1'), 't', 'not idle yet');
	is(value('SELECT count(*) FROM one'), 0, 'and the window still open');
	value(q{SELECT _debug_advance_clock('10 minutes')});
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM one'),
		'after the timeout the last window closes by itself');
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM both_'),
		'and holds the other stream back no more');
	is(value(q{SELECT watermark < now() + '10 minutes' + '9 minutes'
			FROM streaming.views WHERE view = 'both_'::regclass}),
		't', 'the watermark follows the slower of busy stream and clock');
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM here}),
		'an event time without time zone follows the clock, too');

	# rows of a wrong clock: put aside, and the watermark stays
	value(q{INSERT INTO local VALUES (now()::timestamp + '2 years', 3),
		(now()::timestamp + '60 minutes', 4)});
	value('SELECT streaming.wait(view) FROM streaming.views');
	is( value(q{SELECT reason || ':' || (stream_row LIKE '%,3)') FROM streaming.errors
			WHERE view = 'here'::regclass}),
		'future:true', 'a row from the far future is put aside');
	is( value(q{SELECT watermark < now() + '2 hours' FROM streaming.views
			WHERE view = 'here'::regclass}),
		't', 'and does not move the watermark');

	# a dead worker forgets none of it
	value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'streaming worker'});
	value(q{INSERT INTO quiet VALUES (now() + '20 minutes', 1)});
	value('SELECT streaming.wait(view) FROM streaming.views');
	is(value('SELECT count(*) FROM one'), 1, 'rows again: the new window is open');
	value(q{SELECT _debug_advance_clock('1 hour')});
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 2 FROM one'),
		'and closes when the stream is idle once more');

	# A4: now() in a view is the time of the batch
	value(q{INSERT INTO busy SELECT now() - i * interval '1 hour', 2 FROM generate_series(1, 3) i});
	value(q{SELECT streaming.wait('ages')});
	is( value(q{SELECT string_agg(age || ' ' || count, ', ' ORDER BY age) FROM ages}),
		'02:00:00 1, 03:00:00 1, 04:00:00 1',
		'now() in a view goes by the clock');
	value(q{SELECT _debug_advance_clock('20 hours')});
	value(q{INSERT INTO busy VALUES (now(), 2)});
	value(q{SELECT streaming.wait('ages')});
	is( value(q{SELECT max(age) || ' ' || max(count) FROM ages}),
		'21:00:00 1', 'when time has passed, too');
}

$node->stop;
done_testing();
