# A full disk: writers and batches fail with 53100, no row is lost or counted twice when
# there is space again, no view is given up, and none takes its rows for bad ones.
#
# The disk is full for those processes of the server, and for as long, as this test says:
# a library that is loaded before the others lets no file of a database grow.  So it
# needs no rights, but a C compiler.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $cc = $ENV{CC} || 'cc';
append_to_file(
	"$dir/full.c", qq{
#define FULL "$dir/full_"} . q{
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Is the disk full for this process? */
static int
no_space(void)
{
	char		title[64] = "";
	FILE	   *f;

	if (access(FULL "all", F_OK) == 0)
		return 1;
	if (access(FULL "workers", F_OK) != 0 ||
		(f = fopen("/proc/self/cmdline", "r")) == NULL)
		return 0;
	if (fgets(title, sizeof(title), f) == NULL)
		title[0] = 0;
	fclose(f);
	return strstr(title, "streaming worker") != NULL;
}

/* Would a file of a database grow that must not? */
static int
refused(int fd, off64_t end)
{
	struct stat64 st;
	char		link[64],
				path[PATH_MAX];
	ssize_t		len;
	int			saved = errno,
				result = 0;

	if (fstat64(fd, &st) == 0 && S_ISREG(st.st_mode) && end > st.st_size &&
		no_space())
	{
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, path, sizeof(path) - 1);
		path[len < 0 ? 0 : len] = 0;
		result = strstr(path, "/base/") != NULL;
	}
	errno = saved;
	return result;
}

static size_t
sum(const struct iovec *iov, int n)
{
	size_t		total = 0;

	while (n-- > 0)
		total += iov[n].iov_len;
	return total;
}

#define NEXT(name) \
	static __typeof__(&name) next; \
	if (next == NULL) \
		next = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

#define PWRITE(name, type) \
ssize_t \
name(int fd, const void *data, size_t size, type offset) \
{ \
	NEXT(name); \
	if (refused(fd, offset + size)) \
	{ \
		errno = ENOSPC; \
		return -1; \
	} \
	return next(fd, data, size, offset); \
}

#define PWRITEV(name, type) \
ssize_t \
name(int fd, const struct iovec *iov, int n, type offset) \
{ \
	NEXT(name); \
	if (refused(fd, offset + sum(iov, n))) \
	{ \
		errno = ENOSPC; \
		return -1; \
	} \
	return next(fd, iov, n, offset); \
}

#define FALLOCATE(name, type) \
int \
name(int fd, type offset, type size) \
{ \
	NEXT(name); \
	return refused(fd, offset + size) ? ENOSPC : next(fd, offset, size); \
}

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)
FALLOCATE(posix_fallocate, off_t)
FALLOCATE(posix_fallocate64, off64_t)
});
plan skip_all => "no C compiler, or not Linux"
  if $^O ne 'linux'
  || system("$cc -O1 -shared -fPIC -o $dir/full.so $dir/full.c -ldl 2>$dir/cc.log") != 0;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'streaming'
max_worker_processes = 16
autovacuum = off
fsync = off
});

sub start
{
	local $ENV{LD_PRELOAD} = "$dir/full.so";
	$node->start;
	return;
}

# For whom there is no space.
sub full
{
	my ($whom) = @_;
	append_to_file("$dir/full_$whom", '');
	return;
}

sub space
{
	unlink "$dir/full_all", "$dir/full_workers";
	return;
}

start();
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION streaming;
	CREATE ROLE other;
	GRANT CREATE ON SCHEMA public TO other;
	CREATE TABLE s (n int, k int, x int, pad text) USING stream;
	GRANT SELECT ON s TO other;
	CREATE TABLE held (n int, k int, x int, pad text) USING stream;});

my %query = (
	groups => 'SELECT n / 2 AS g, count(*) AS c, sum(x) AS y FROM s GROUP BY g',
	selected => 'SELECT n, x * 2 AS y, pad FROM s WHERE x % 3 > 0',
	latest => 'SELECT DISTINCT ON (g) n / 3 AS g, n, pad FROM s
		ORDER BY g, n DESC',
	pairs => 'SELECT a.n, b.x FROM s a JOIN s b ON b.n = a.n + 1',
	without => 'SELECT a.n, a.pad FROM s a WHERE NOT EXISTS
		(SELECT FROM s b WHERE b.n = a.n + 3000)',
	below => 'SELECT n / 2 AS g, count(*) AS c FROM s GROUP BY g',
	theirs => 'SELECT n / 2 AS g, min(pad) AS p FROM s GROUP BY g',);
my %above = (above => 'SELECT c, count(*) AS n FROM below GROUP BY c');
my @views = sort(keys %query, keys %above);
foreach my $name (sort keys %query)
{
	my $role = $name eq 'theirs' ? 'other' : 'postgres';
	my $options = $name eq 'below' ? 'streaming.changes' : 'streaming.on_error = skip';
	$node->safe_psql('postgres',
		"SET ROLE $role; CREATE MATERIALIZED VIEW $name
			WITH (streaming.continuous, $options) AS $query{$name}");
}
$node->safe_psql('postgres', "CREATE MATERIALIZED VIEW above
	WITH (streaming.continuous) AS $above{above}");

my $rows = 0;

# Statement that adds rows with the next numbers.
sub insert
{
	my ($count) = @_;
	my $first = $rows + 1;
	$rows += $count;
	return "INSERT INTO s SELECT g, g % 7, g % 11, repeat('p', 100 + g % 50)
		FROM generate_series($first, $rows) g";
}

# What each view has that its query has not, or the other way round.
sub check
{
	my ($when, $source) = @_;
	foreach my $name (@views)
	{
		my $query = $query{$name} // $above{$name};
		$query =~ s/FROM below/FROM ($query{below}) b/;
		$query =~ s/\b(FROM|JOIN) s\b/$1 $source/g if defined $source;
		is( $node->safe_psql(
				'postgres',
				"SELECT count(*) FROM ((TABLE $name EXCEPT ALL ($query))
					UNION ALL (($query) EXCEPT ALL TABLE $name)) d"),
			0,
			"$when: $name is its query");
	}
	return;
}

sub wait_for_all
{
	my ($when) = @_;
	foreach my $name (@views)
	{
		is( $node->safe_psql('postgres',
				"SELECT streaming.wait('$name', '60 s')"),
			't',
			"$when: $name is up to date");
	}
	return;
}

sub wait_for
{
	my ($query, $test) = @_;
	ok($node->poll_query_until('postgres', $query), $test);
	return;
}

# Fails with the SQLSTATE of a full disk.
sub fails
{
	my ($sql, $test) = @_;
	my ($rc, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	isnt($rc, 0, "$test: fails");
	like($err, qr/ERROR:  53100: /, "$test: 53100");
	return;
}

my $not_given_up = q{
	SELECT count(*) FILTER (WHERE state = 'failed'),
		sum(skipped_rows), (SELECT count(*) FROM streaming.errors)
	FROM streaming.views};

$node->safe_psql('postgres', insert(6000));
wait_for_all('at first');
check('at first');

# ----------------------------------------------------------------- writers

full('all');
my $before = $rows;
fails(insert(5000), 'a writer');
fails(
	q{BEGIN; SAVEPOINT a; } . insert(5000) . q{; COMMIT;},
	'in a transaction');
is( $node->safe_psql(
		'postgres', q{
		DO $$ BEGIN
			} . insert(5000) . q{;
		EXCEPTION WHEN disk_full THEN
			RAISE NOTICE 'full';
		END $$;
		SELECT count(*) FROM s}),
	$before,
	'what they have written is not there');
fails('VACUUM FULL s', 'a rewrite');
space();
$node->safe_psql('postgres', insert(100));
wait_for_all('after writers that failed');
check('after writers that failed');

# ----------------------------------------------------------------- batches

$node->safe_psql('postgres', 'INSERT INTO held TABLE s');
full('workers');
$node->safe_psql('postgres', insert(9000));
# the failures themselves may find no space to be recorded
wait_for(
	q{SELECT count(*) = 7 FROM streaming.views WHERE state = 'running'
		AND retry_at > now() + interval '2 seconds'},
	'batches fail, more often than others may');
is($node->safe_psql('postgres', $not_given_up),
	'0|0|0', 'no view is given up, no row is put aside');
wait_for(
	q{SELECT count(*) = 7 FROM streaming.views WHERE last_error_sqlstate = '53100'
		AND last_error IS NOT NULL AND last_error_at > now() - interval '5 minutes' AND failures > 1},
	'streaming.views says so, also where that could not be recorded');
note($node->safe_psql('postgres', 'SELECT DISTINCT last_error FROM streaming.views'));
check('while there is no space', 'held');
fails('REFRESH MATERIALIZED VIEW groups', 'who waits');
$node->safe_psql('postgres', insert(10));

# rows that all views must read before they go
full('all');
fails('TRUNCATE s', 'to remove rows that nobody has read');
is($node->safe_psql('postgres', 'SELECT count(*) FROM s'),
	$node->safe_psql('postgres', 'SELECT count(DISTINCT n) FROM s'),
	'they are all there');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM s'),
	'>', 15000, 'really');

# The server goes down, and workers find no space when it comes back.  (Recovery needs
# some, and that is the server's business.)
space();
full('workers');
$node->stop('immediate');
start();
wait_for(
	'SELECT count(*) = 7 FROM streaming.views WHERE retry_at > now()',
	'after a crash they fail again');
is($node->safe_psql('postgres', $not_given_up),
	'0|0|0', 'no view is given up then');
space();
wait_for(
	q{SELECT bool_and(last_error IS NULL AND state = 'running'
		AND lag_rows = 0) FROM streaming.views},
	'with space they go on by themselves');
wait_for_all('with space again');
check('with space again');
$node->safe_psql('postgres', insert(500));
wait_for_all('after that');
check('after that');
is($node->safe_psql('postgres', $not_given_up),
	'0|0|0', 'nothing was put aside');
is( $node->safe_psql(
		'postgres', q{
		TRUNCATE s;
		SELECT sum(c) = (SELECT sum(c) FROM below) FROM groups}),
	't',
	'rows can go now');

# ------------------------------------------------------ a disk that is small

# A file system of its own, that is really full.  Who runs the tests as root gives us one
# (test/run.sh); others cannot.
SKIP:
{
	my $small = $ENV{STREAMING_SMALL_DISK} // '';
	skip 'no small disk, which takes root', 1 unless -d $small && -w $small;
	my $filler = "$small/filler";
	mkdir "$small/space" or die $!;
	$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$small/space'");
	$node->safe_psql(
		'postgres', q{
		CREATE TABLE there (n int, pad text) USING stream TABLESPACE small;
		CREATE TABLE here (n int, x int, pad text) USING stream;
		CREATE MATERIALIZED VIEW small_groups WITH (streaming.continuous, streaming.on_error = skip) TABLESPACE small AS
			SELECT n, count(*) AS c, sum(100 / x) AS y FROM here GROUP BY n;
		CREATE MATERIALIZED VIEW small_rows WITH (streaming.continuous, streaming.on_error = skip) TABLESPACE small AS
			SELECT n, x, pad FROM here;
		CREATE MATERIALIZED VIEW beside WITH (streaming.continuous) AS
			SELECT count(*) AS c, sum(n) AS n FROM here;});
	my %of = (
		small_groups => 'SELECT n, count(*), sum(100 / nullif(x, 0)) FROM here WHERE x <> 0 GROUP BY n',
		small_rows => 'SELECT n, x, pad FROM here',
		beside => 'SELECT count(*), sum(n) FROM here');
	my $insert = q{INSERT INTO here SELECT g, 1, repeat('p', 100) FROM generate_series(1, 20000) g};
	my $exact = sub {
		my ($test) = @_;
		foreach my $name (sort keys %of)
		{
			is( $node->safe_psql('postgres',
					"REFRESH MATERIALIZED VIEW $name;
					SELECT count(*) FROM ((TABLE $name EXCEPT ALL $of{$name}) UNION ALL
						($of{$name} EXCEPT ALL TABLE $name)) d"),
				0, "$test: $name");
		}
		return;
	};
	$node->safe_psql('postgres',
		q{INSERT INTO here VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 0, 'z')});
	$exact->('a small disk');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM streaming.errors}),
		1, 'a row fails there');

	# until there is no space for another page
	open my $file, '>', $filler or die $!;
	1 while syswrite($file, 'x' x 4096);
	ok($!{ENOSPC}, 'it is full');
	close $file;
	fails(q{INSERT INTO there SELECT g, repeat('p', 100) FROM generate_series(1, 1000) g},
		'a writer there');
	$node->safe_psql('postgres', $insert);
	wait_for(
		q{SELECT count(*) = 2 FROM streaming.views WHERE view::text ~ '^small_'
			AND last_error_sqlstate = '53100' AND failures > 1},
		'batches there fail, again and again');
	is( $node->safe_psql(
			'postgres', q{
			SELECT string_agg(state || ' ' || skipped_rows, ',' ORDER BY view::text)
				FROM streaming.views WHERE view::text ~ '^small_'}),
		'running 1,running 0', 'none is given up, nothing more is put aside');
	like($node->safe_psql('postgres', q{SELECT last_error FROM streaming.views WHERE view = 'small_rows'::regclass}),
		qr/No space left on device/, 'and they say why');
	is( $node->safe_psql('postgres', q{
			REFRESH MATERIALIZED VIEW beside;
			SELECT failures FROM streaming.views WHERE view = 'beside'::regclass}),
		0, 'a view beside them goes on');
	unlink $filler or die $!;
	wait_for(
		q{SELECT bool_and(last_error IS NULL AND state = 'running' AND lag_rows = 0)
			FROM streaming.views WHERE view::text ~ '^small_'},
		'with space they go on by themselves');
	$exact->('with space again');
	$node->safe_psql('postgres', $insert);
	$exact->('and after that');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM streaming.errors}),
		1, 'no more rows have been put aside');
	$node->safe_psql('postgres', q{DROP TABLE here, there CASCADE; DROP TABLESPACE small});
}

$node->stop;
done_testing();
