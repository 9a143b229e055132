# The queries for prometheus-postgres-exporter, run by it; the alert rules and the dashboard
# name what these export, and nothing else.
use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = "$ENV{TESTDIR}/../monitoring";

# The exporter: as installed, or the program out of its package, which is not installed.
sub find_exporter
{
	my $name = 'prometheus-postgres-exporter';

	foreach my $path (split /:/, $ENV{PATH})
	{
		return "$path/$name" if -x "$path/$name";
	}
	my $tmp = PostgreSQL::Test::Utils::tempdir();
	system("cd $tmp && timeout 60 apt-get download $name >/dev/null 2>&1 && dpkg -x $name*.deb .");
	return -x "$tmp/usr/bin/$name" ? "$tmp/usr/bin/$name" : undef;
}

my $exporter = find_exporter();
plan skip_all => 'prometheus-postgres-exporter is not to be had' if !$exporter;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 24
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE exporter LOGIN;
	GRANT pg_monitor TO exporter;
	CREATE TABLE s (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '1 s');
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT tumble(ts, '1 min') AS w, count(*) FROM s GROUP BY 1;
	CREATE MATERIALIZED VIEW "it's ""odd""" WITH (streaming.continuous) AS SELECT sum(1 / k) FROM s;
	CREATE MATERIALIZED VIEW skips WITH (streaming.continuous, streaming.on_error = 'skip') AS SELECT sum(1 / k) FROM s;
	INSERT INTO s SELECT '2026-01-01'::timestamptz + i * interval '1 s', 1 FROM generate_series(1, 200) i;
	SELECT streaming.wait('v');
	INSERT INTO s VALUES ('2026-01-01', 1);
	SELECT streaming.wait(view) FROM streaming.views;
	CREATE MATERIALIZED VIEW by_hand WITH (streaming.continuous, streaming.trigger = 'Manual') AS SELECT count(*) FROM s;
	REFRESH MATERIALIZED VIEW by_hand;
	INSERT INTO s VALUES ('2026-01-02', 0);
	SELECT streaming.wait('v'), streaming.wait('skips');
});
$node->poll_query_until('postgres', 'SELECT max(failures) > 0 FROM streaming.views');

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pid = fork();
if ($pid == 0)
{
	$ENV{DATA_SOURCE_NAME} = sprintf 'postgresql://exporter@/postgres?host=%s&port=%d&sslmode=disable',
	  $node->host, $node->port;
	open STDOUT, '>', "$PostgreSQL::Test::Utils::log_path/exporter.log";
	open STDERR, '>&STDOUT';
	exec $exporter, "--extend.query-path=$dir/queries.yaml",
	  "--web.listen-address=127.0.0.1:$port", '--disable-default-metrics',
	  '--disable-settings-metrics';
	exit 1;
}
END { kill 'TERM', $pid if $pid; }

my ($text, %value);
for (1 .. $PostgreSQL::Test::Utils::timeout_default * 5)
{
	my $answer = HTTP::Tiny->new->get("http://127.0.0.1:$port/metrics");

	$text = $answer->{success} ? $answer->{content} : '';
	last if $text =~ /^streaming_view_batches/m;
	select undef, undef, undef, 0.2;
}
while ($text =~ /^(streaming_\w+)\{(.*)\} (\S+)$/mg)
{
	my ($metric, $labels, $number) = ($1, $2, $3);
	my ($view) = $labels =~ /view="((?:[^"\\]|\\.)*)"/;
	$value{$metric}{ $view // '' } = $number;
}
is($value{streaming_view_rows_read}{v}, 202, 'rows read');
is($value{streaming_view_late_rows}{v}, 1, 'late rows');
is($value{streaming_view_failures}{v}, 0, 'no failures');
my $odd = $node->safe_psql('postgres', q{SELECT replace(replace('"it''s ""odd"""'::regclass::text, '\\', '\\\\'), '"', '\\"')});
cmp_ok($value{streaming_view_failures}{$odd}, '>', 0, 'failures');
is($value{streaming_view_skipped_rows}{skips}, 1, 'a row put aside');
is($value{streaming_view_skipped_rows}{v}, 0, '... and none');
is($value{streaming_view_restoring}{v}, 0, 'a view that no dump has brought');
cmp_ok($value{streaming_batches_rows}{v}, '>', 0, 'the last batches');
is($value{streaming_input_holds_back}{v}, 1, 'an input that holds back');
cmp_ok($value{streaming_input_behind_seconds}{v}, '>', 0, 'so far behind');
cmp_ok($value{streaming_view_watermark_age_seconds}{v}, '>', 0, 'a watermark, which pg_monitor sees');
cmp_ok($value{streaming_view_state_bytes}{v}, '>', 0, 'the size of state');
is($value{streaming_view_lag_seconds}{v}, 0, 'a view that is not behind');
cmp_ok($value{streaming_view_lag_seconds}{$odd}, '>', 0, '... and one that is');
cmp_ok($value{streaming_view_lag_seconds}{by_hand}, '>', 0, '... and one that is refreshed by hand');
is($value{streaming_view_manual}{by_hand}, 1, '... which its metrics say');
is($value{streaming_view_manual}{v}, 0, '... and not of others');
like(slurp_file("$dir/alerts.yaml"), qr/StreamingViewStale\n +expr: .*streaming_view_manual == 0/, 'no alarm for these');
cmp_ok($value{streaming_stream_bytes}{''}, '>', 0, 'the size of a stream');

# every metric comes
my %defined;
my $group;
foreach my $line (split /\n/, slurp_file("$dir/queries.yaml"))
{
	$group = $1 if $line =~ /^(\w+):/;
	$defined{"${group}_$1"} = 1 if $line =~ /^    - (\w+): \{usage: "(GAUGE|COUNTER)"/;
}
is(join(' ', grep { !$value{$_} } sort keys %defined), '', 'every metric is exported');
is(join(' ', grep { !$defined{$_} } sort keys %value), '', 'and no other');

# alert rules and dashboard
foreach my $file ('alerts.yaml', 'dashboard.json')
{
	my $content = slurp_file("$dir/$file");
	my %named;

	$named{$1} = 1 while $content =~ /\b(streaming_(?:view|batches|input|stream)_\w+)/g;
	cmp_ok(scalar(keys %named), '>', 5, "$file names metrics");
	is(join(' ', grep { !$defined{$_} } sort keys %named), '', "$file: all of them exist");
}
ok(@{ decode_json(slurp_file("$dir/dashboard.json"))->{panels} } > 5, 'the dashboard is JSON');
SKIP:
{
	skip 'promtool is not installed', 1 if system('command -v promtool >/dev/null') != 0;
	is(system('promtool', 'check', 'rules', "$dir/alerts.yaml"), 0, 'promtool likes the rules');
}

kill 'TERM', $pid;
waitpid $pid, 0;
$pid = 0;
$node->stop;
done_testing();
