# Commands look names up before they have their locks; by then a name can mean a change
# stream, or another view.  Whatever comes of that, no batch runs it, and nobody gets what
# is not his.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

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
	CREATE ROLE mallory; CREATE ROLE alice; CREATE ROLE bob;
	CREATE SCHEMA m AUTHORIZATION mallory; CREATE SCHEMA a AUTHORIZATION alice; CREATE SCHEMA b AUTHORIZATION bob;
	GRANT USAGE ON SCHEMA m, a, b TO PUBLIC;
	GRANT CREATE ON SCHEMA m TO alice});

# Runs a command while another session, which holds a lock that it waits for, gives its
# name to something else; returns what it has said.
sub swapped
{
	my ($as, $lock, $command, $swap) = @_;
	my $holder = $node->background_psql('postgres');
	my $waiter = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $waiter->query('SELECT pg_backend_pid()');

	$holder->query("$as->[0]; BEGIN; $lock");
	$waiter->query($as->[1]);
	$waiter->query_until(qr/started/, "\\echo started\n$command;\n");
	ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid"), 'waits');
	$holder->query("$swap; COMMIT");
	$holder->quit;
	$waiter->query_until(qr/ended/, "\\echo ended\n");
	my $err = $waiter->{stderr};
	$waiter->{stdin} .= "\\q\n";
	$waiter->{run}->finish;
	return $err;
}

# ------------------------------------------- another row type behind a batch's back

$node->safe_psql('postgres', q{
	SET ROLE mallory; SET search_path = m;
	CREATE TABLE cs (k int8, x int8, y int8) USING stream;
	CREATE MATERIALIZED VIEW cv WITH (streaming.continuous, streaming.changes) AS SELECT k, max(x) AS a, max(y) AS b FROM cs GROUP BY k;
	INSERT INTO cs (k) VALUES (0);
	SELECT streaming.wait('cv');
	INSERT INTO cs (k) VALUES (0);
	SELECT streaming.wait('cv');
	CREATE TABLE decoy (a int8) USING stream});
my $mallory = 'SET ROLE mallory; SET search_path = m';
swapped([ $mallory, $mallory ], 'LOCK decoy IN ACCESS EXCLUSIVE MODE', 'ALTER TABLE decoy ALTER COLUMN a TYPE text',
	'ALTER TABLE decoy RENAME TO decoy2; ALTER TABLE cv_changes RENAME TO decoy');
my ($rc, $out, $err) = $node->psql('postgres', q{
	SET ROLE mallory; SET search_path = m;
	INSERT INTO cs VALUES (1, x'4141414141410101'::bit(64)::int8, x'4141'::int8);
	REFRESH MATERIALIZED VIEW cv});
like($err, qr/does not fit the definition/, 'a change stream with another row type');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is there');

# rules, policies, constraints, triggers and indexes that it cannot have
foreach my $what (
	'ADD CHECK (k >= 0)', 'ALTER k SET NOT NULL', 'ALTER k SET DEFAULT 1', 'ENABLE ROW LEVEL SECURITY',
	'INDEX (k) UNIQUE', 'INDEX (abs(k))', 'RULE')
{
	my $command = $what =~ /^INDEX (.*?)( UNIQUE)?$/ ? 'CREATE ' . ($2 // '') . " INDEX ON decoy $1" :
	  $what eq 'RULE' ? 'CREATE RULE r AS ON INSERT TO decoy DO INSTEAD NOTHING' : "ALTER TABLE decoy $what";
	$node->safe_psql('postgres', q{
		SET ROLE mallory; SET search_path = m; SET client_min_messages = warning;
		DROP TABLE IF EXISTS decoy2;
		DROP MATERIALIZED VIEW IF EXISTS cv, cw;
		CREATE MATERIALIZED VIEW cw WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) AS n FROM cs GROUP BY k;
		SELECT streaming.wait('cw');
		CREATE TABLE decoy (k int8) USING stream});
	my $said = swapped([ $mallory, $mallory ], 'LOCK decoy IN ACCESS EXCLUSIVE MODE', $command,
		'ALTER TABLE decoy RENAME TO decoy2; ALTER TABLE cw_changes RENAME TO decoy');
	($rc, $out, $err) = $node->psql('postgres', "$mallory; INSERT INTO cs (k) VALUES (5); REFRESH MATERIALIZED VIEW cw");
	like($said . $err, qr/cannot|does not fit|not supported/, "a change stream with $what");
}

# ------------------------------------------- a trigger of somebody else

$node->safe_psql('postgres', q{
	SET ROLE alice; SET search_path = a;
	CREATE TABLE secret (t text);
	INSERT INTO secret VALUES ('alice only');
	CREATE TABLE s (k int) USING stream;
	CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes) AS SELECT k, count(*) FROM s GROUP BY k;
	GRANT ALL ON v_changes TO bob;
	SET ROLE bob; SET search_path = b;
	CREATE TABLE loot (who text, t text);
	GRANT INSERT ON loot TO PUBLIC;
	CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO b.loot SELECT current_user, t FROM a.secret; RETURN NULL; END $$;
	CREATE TABLE v_changes (x int)});
my $bob = 'SET ROLE bob; SET search_path = b, a';
like(swapped([ $bob, $bob ], 'LOCK b.v_changes IN ACCESS EXCLUSIVE MODE',
		'CREATE TRIGGER evil AFTER INSERT ON v_changes FOR EACH ROW EXECUTE FUNCTION b.evil()', 'DROP TABLE b.v_changes'),
	qr/must be owner/, 'a trigger on the change stream of somebody else');
$node->safe_psql('postgres', q{SET ROLE alice; INSERT INTO a.s VALUES (1); SELECT streaming.wait('a.v')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM b.loot'), '0', 'has no function of his run');

# ------------------------------------------- another view gets another owner

$node->safe_psql('postgres', q{
	SET ROLE alice; SET search_path = a;
	CREATE TABLE sec (k int, who text, t text) USING stream;
	GRANT SELECT ON sec TO mallory;
	SET ROLE mallory; SET search_path = m;
	CREATE MATERIALIZED VIEW d WITH (streaming.continuous) AS SELECT k FROM a.sec;
	CREATE MATERIALIZED VIEW realv WITH (streaming.continuous, streaming.changes) AS SELECT who, max(t) AS t FROM a.sec GROUP BY who});
swapped([ $mallory, 'RESET ROLE' ], 'ALTER MATERIALIZED VIEW d RENAME TO d2', 'ALTER MATERIALIZED VIEW m.d OWNER TO alice',
	'ALTER MATERIALIZED VIEW realv RENAME TO d');
is( $node->safe_psql('postgres', q{
	SELECT DISTINCT c.relowner::regrole FROM streaming._view v JOIN pg_class c ON c.oid IN (v.viewid, v.state, v.definition, v.changes)
	WHERE viewid IN (SELECT oid FROM pg_class WHERE relnamespace = 'm'::regnamespace AND relname = 'd')}),
	$node->safe_psql('postgres', q{SELECT relowner::regrole FROM pg_class WHERE oid = 'm.d'::regclass}), 'all of the view has its owner');

$node->stop;
done_testing();
