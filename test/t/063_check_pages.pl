# streaming.check_pages: amcheck's verify_heapam on streams, sound and damaged.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(no_data_checksums => 1);
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'streaming'
autovacuum = off
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION streaming;
	CREATE TABLE s (k int, t text) USING stream;
	ALTER TABLE s ALTER t SET STORAGE EXTERNAL;
	INSERT INTO s SELECT i, CASE WHEN i <= 50 THEN repeat(md5(i::text), 200) END FROM generate_series(1, 2000) i;
	CREATE INDEX s_k ON s (k);
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS SELECT count(*) AS n FROM s;
	CREATE TABLE p (k int) PARTITION BY LIST (k);
	CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) USING stream;
	CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) PARTITION BY LIST (k);
	CREATE TABLE p22 PARTITION OF p2 FOR VALUES IN (2) USING stream;
	INSERT INTO p SELECT 1 + i % 2 FROM generate_series(1, 1000) i;
	CREATE TABLE broken (k int) USING stream;
	INSERT INTO broken SELECT i FROM generate_series(1, 1000) i;
	CREATE TABLE h (k int);
	CREATE TABLE hp (k int) PARTITION BY LIST (k);
	CREATE TABLE hp1 PARTITION OF hp FOR VALUES IN (1);
	CREATE ROLE auditor;
	REFRESH MATERIALIZED VIEW v;});

# The SQLSTATE and message of an error, or else the rows.
sub try
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 0);
	$err =~ /(?:ERROR|FATAL):\s+(.*)/ and return $1;
	return $out;
}

like(try(q{SELECT * FROM streaming.check_pages('s')}),
	qr/55000: extension "amcheck" is not installed/, 'without amcheck');
unless (try(q{SELECT true FROM pg_available_extensions WHERE name = 'amcheck'}))
{
	SKIP: { skip 'amcheck is not available', 1; }
	$node->stop;
	done_testing();
	exit;
}

# In a schema where others may create: theirs are not called.
$node->safe_psql('postgres', q{
	CREATE SCHEMA "Any one";
	CREATE EXTENSION amcheck SCHEMA "Any one";
	CREATE FUNCTION "Any one".verify_heapam(relation regclass, OUT blkno int8, OUT offnum int4, OUT attnum int4, OUT msg text)
		RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, 1, 1, ''decoy''';
	CREATE FUNCTION "Any one".verify_heapam(relation oid, bool, bool, text, int8, int8, x int DEFAULT 1, OUT blkno int8, OUT offnum int4, OUT attnum int4, OUT msg text)
		RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, 1, 1, ''decoy''';});

is(try(q{SELECT * FROM streaming.check_pages('s')}), '', 'a sound stream');
is(try(q{SELECT * FROM streaming.check_pages('p')}), '', 'with partitions');
is(try(q{SELECT * FROM streaming.check_pages('p2')}), '', 'and those of it');
is(try(q{SELECT * FROM streaming.check_pages('p22')}), '', 'one of them');
is(try('SELECT * FROM streaming.check_pages(NULL)'), '', 'nothing of nothing');
is(try('SELECT s.stream, c FROM streaming.streams s, streaming.check_pages(s.stream) c'),
	'', 'all streams');
is(try(q{SELECT "Any one".bt_index_check('s_k', true)}), '', 'an index of one');

# Those that are none.
like(try(q{SELECT * FROM streaming.check_pages('h')}), qr/42809: "h" is not a stream/, 'a table');
like(try(q{SELECT * FROM streaming.check_pages('hp')}), qr/42809: "hp" is not a stream/, 'one with partitions');
like(try(q{SELECT * FROM streaming.check_pages('v')}), qr/42809: "v" is not a stream/, 'a view');
like(try('SELECT * FROM streaming.check_pages(0)'), qr/42P01: relation with OID 0/, 'nothing');

# With the caller's rights.
like(try(q{SET ROLE auditor; SELECT * FROM streaming.check_pages('s')}),
	qr/42501: permission denied for schema Any one/, 'no right to the schema');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA "Any one" TO auditor');
like(try(q{SET ROLE auditor; SELECT * FROM streaming.check_pages('s')}),
	qr/42501: permission denied for function verify_heapam/, '... nor to the function');
$node->safe_psql('postgres', q{
	GRANT EXECUTE ON FUNCTION "Any one".verify_heapam(regclass, bool, bool, text, int8, int8) TO auditor});
is(try(q{SET ROLE auditor; SELECT * FROM streaming.check_pages('s')}), '', 'with it');

# Afterwards the stream is one again, in the same session, too.
is( try(q{
		SELECT count(*) FROM streaming.check_pages('s');
		INSERT INTO s VALUES (0, 'x');
		REFRESH MATERIALIZED VIEW v;
		SELECT n FROM v;}),
	"0\n2001", 'rows go on to come');
like(try(q{SELECT count(*) FROM streaming.check_pages('s'); DELETE FROM s;}),
	qr/0A000: cannot delete rows of stream/, 'and to stay');
like(try(q{SELECT count(*) FROM streaming.check_pages('s'); SELECT "Any one".verify_heapam('s'::regclass, false, false, 'none', NULL, NULL);}),
	qr/0A000: only heap AM is supported/, 'it passes for a heap no more');

# Relation cache entries are rebuilt in the middle.
my $alter = join '', map { "ALTER TABLE s SET (autovacuum_vacuum_threshold = $_);\n" } 1 .. 300;
my ($out1, $err1, $err2) = ('', '', '');
my @psql = ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'));
my $many = "SELECT count(*) FROM streaming.check_pages('s');\n" x 300;
my $checks = IPC::Run::start(\@psql, '<', \$many, '>', \$out1, '2>', \$err1);
my $alters = IPC::Run::start(\@psql, '<', \$alter, '2>', \$err2);
$checks->finish;
$alters->finish;
is($err1 . $err2, '', 'checks and ALTER TABLE at the same time');
is($out1, "0\n" x 300, '... which find nothing');

# Damage: garbage in the place of line pointers, as amcheck's own tests do.
my %files = map { $_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$_')") }
  qw(s p22 broken);
my $toast = $node->safe_psql('postgres', q{SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 's'});
$files{toast} = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$toast')");
$node->stop;

sub damage
{
	my ($file, $offset, $bytes) = @_;
	open(my $fh, '+<', $file) or die "$file: $!";
	binmode $fh;
	sysseek($fh, $offset, 0) or die;
	syswrite($fh, $bytes) or die;
	close $fh;
	return;
}

my $garbage = pack('L*', 0xAAA15550, 0xAAA0D550, 0x00010000, 0x00008000,
	0x0000800F, 0x001e8000, 0xFFFFFFFF);
damage($files{s}, 8192 + 32, $garbage);
damage($files{p22}, 32, $garbage);
damage($files{toast}, 32, $garbage);
damage($files{broken}, 8192, "\xff" x 24);
$node->start;

like(try(q{SELECT partition, blkno, offnum, msg FROM streaming.check_pages('s') WHERE partition = 's'::regclass AND blkno = 1 ORDER BY offnum LIMIT 1}),
	qr/^s\|1\|3\|line pointer/, 'damage of a stream is told, with its place');
cmp_ok(try(q{SELECT count(*) FROM streaming.check_pages('s') WHERE partition = 's'::regclass AND blkno = 1}),
	'>=', 5, '... all of it');
is(try(q{SELECT count(*) FROM streaming.check_pages('s') WHERE partition = 's'::regclass AND blkno <> 1 AND attnum IS NULL}),
	'0', '... and nothing else');
like(try(qq{SELECT msg FROM streaming.check_pages('s') WHERE partition = '$toast'::regclass LIMIT 1}),
	qr/line pointer/, '... and of its TOAST table');
is(try(q{SELECT DISTINCT partition, blkno FROM streaming.check_pages('p')}),
	'p22|0', 'damage of a partition');
is(try(q{SELECT DISTINCT stream::text COLLATE "C" FROM streaming.streams, streaming.check_pages(stream) WHERE stream <> 'broken'::regclass ORDER BY 1}),
	"p\ns", 'of all streams');

# A page that cannot be read ends the check by an error, and the loan with it.
like(try(q{SELECT * FROM streaming.check_pages('broken');}),
	qr/XX001: invalid page in block 1/, 'a page that cannot be read');
like(try(q{
		DO $$ BEGIN PERFORM streaming.check_pages('broken'); EXCEPTION WHEN data_corrupted THEN NULL; END $$;
		DELETE FROM broken;}),
	qr/0A000: cannot delete rows of stream/, 'it is a stream after an error');
is(try(q{
		DO $$ BEGIN PERFORM streaming.check_pages('broken'); EXCEPTION WHEN data_corrupted THEN NULL; END $$;
		SELECT count(*) FROM streaming.check_pages('p1');}),
	'0', 'and other checks go on');
$node->stop;
done_testing();
