# Sketches of packaged extensions: hll and tdigest, across a restart.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'streaming'\n");
$node->start;

my $available = $node->safe_psql('postgres', q(
	SELECT count(*) FROM pg_available_extensions
	WHERE name IN ('hll', 'tdigest')));
if ($available < 2)
{
	$node->stop;
	plan skip_all => 'the extensions hll and tdigest are not installed';
}

$node->safe_psql('postgres', q(
	CREATE EXTENSION streaming;
	CREATE EXTENSION hll;
	CREATE EXTENSION tdigest;
	CREATE TABLE s (k int, x int) USING stream;
	CREATE MATERIALIZED VIEW counted WITH (streaming.continuous) AS
		SELECT k, hll_add_agg(hll_hash_integer(x)) AS sketch, count(DISTINCT x)
		FROM s GROUP BY k;
	CREATE MATERIALIZED VIEW ranked WITH (streaming.continuous) AS
		SELECT k, tdigest(x, 100) AS sketch, tdigest_percentile(x, 100, 0.5) AS p50,
			min(x), max(x)
		FROM s GROUP BY k));

sub insert
{
	my ($from, $to) = @_;

	$node->safe_psql('postgres', qq(
		INSERT INTO s SELECT g % 3, g FROM generate_series($from, $to) g;
		REFRESH MATERIALIZED VIEW counted;
		REFRESH MATERIALIZED VIEW ranked));
}

insert(1, 20000);
insert(10000, 30000);
$node->restart;
insert(25000, 40000);

# sketches of sets do not depend on the order of rows: the same to the bit
is( $node->safe_psql('postgres', q(
		SELECT count(*) FROM counted c JOIN (
			SELECT k, hll_add_agg(hll_hash_integer(x)) AS sketch FROM s GROUP BY k
		) q USING (k) WHERE c.sketch = q.sketch)),
	'3', 'hll: as the query has it');
is( $node->safe_psql('postgres', q(
		SELECT bool_and(abs(hll_cardinality(sketch) / count - 1) < 0.2)
		FROM counted)),
	't', 'hll: near the exact count');
is( $node->safe_psql('postgres', q(
		SELECT hll_cardinality(hll_union_agg(sketch)) BETWEEN 32000 AND 48000
		FROM counted)),
	't', 'hll: sketches can be put together when the view is read');

# those of distributions do, a little
is( $node->safe_psql('postgres', q(
		SELECT bool_and(abs(r.p50 / q.p50 - 1) < 0.02) FROM ranked r JOIN (
			SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS p50
			FROM s GROUP BY k) q USING (k))),
	't', 'tdigest: near the exact median');
is( $node->safe_psql('postgres', q(
		SELECT bool_and(tdigest_count(sketch) = q.n) FROM ranked r JOIN (
			SELECT k, count(*) AS n FROM s GROUP BY k) q USING (k))),
	't', 'tdigest: has counted every row once');
is( $node->safe_psql('postgres', q(
		SELECT count(*) FROM streaming.views WHERE last_error IS NOT NULL)),
	'0', 'no batch has failed');

$node->stop;
done_testing();
