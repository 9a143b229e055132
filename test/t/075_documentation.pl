# Every example of the documentation runs: the SQL blocks of each page, or of each section
# of the README, one after the other in a database of their own.  What an example needs that
# is not for the reader is in a comment that begins with "<!-- sql".
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$ENV{TESTDIR}/..";
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'streaming'
max_worker_processes = 40
});
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE reporting');
my $amcheck = $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'");

# The SQL blocks of a file, by sections: [name, [line, text], ...].
sub examples
{
	my ($file, $by_section) = @_;
	my @sections = ([$file]);
	my ($begin, @block);

	open my $in, '<', "$top/$file" or die "$file: $!";
	while (my $line = <$in>)
	{
		if (defined $begin)
		{
			if ($line =~ /^\s*(```|-->)\s*$/)
			{
				push @{ $sections[-1] }, [ $begin, join '', @block ];
				$begin = undef;
			}
			else
			{
				push @block, $line;
			}
		}
		elsif ($line =~ /^\s*(```|<!-- )sql\s*$/)
		{
			$begin = $.;
			@block = ();
		}
		elsif ($by_section && $line =~ /^## (.*)/)
		{
			push @sections, ["$file: $1"];
		}
	}
	die "$file: no end of the block in line $begin" if defined $begin;
	return grep { @$_ > 1 } @sections;
}

# Links within the documentation lead somewhere.
my %anchors;
my @files = ('README.md', map { s{^\Q$top\E/}{}r } sort glob "$top/doc/*.md");
foreach my $file (@files)
{
	my $code = 0;
	foreach my $line (split /\n/, slurp_file("$top/$file"))
	{
		$code = !$code if $line =~ /^\s*```/;
		next if $code || $line !~ /^#+ +(.*)/;
		my $anchor = lc $1;
		$anchor =~ s/[^\w\- ]//g;
		$anchor =~ s/ /-/g;
		$anchors{"$file#$anchor"} = 1;
	}
}
my %reached = ('README.md' => 1);
foreach my $file (@files)
{
	my $text = slurp_file("$top/$file");
	my ($dir) = $file =~ m{^(.*/)};
	my @bad;

	while ($text =~ /\]\(([^)\s:]+)\)/g)
	{
		my ($path, $anchor) = split /#/, $1;
		my $target = $path eq '' ? $file : ($dir // '') . $path;
		1 while $target =~ s{[^/]+/\.\./}{};
		$reached{$target} = 1;
		push @bad, $1
		  if !-e "$top/$target" ||
		  ($anchor && $target =~ /^(README\.md|doc\/.*)$/ && !$anchors{"$target#$anchor"});
	}
	is("@bad", '', "links of $file");
}
is(join(' ', grep { !$reached{$_} } @files), '', 'every page is linked');

my $n = 0;
foreach my $page (map { examples($_, $_ eq 'README.md') } @files)
{
	my ($name, @blocks) = @$page;
	my $db = 'page_' . $n++;
	my $sql = "SET client_min_messages = warning;\n";
	my $own = grep { $_->[1] =~ /CREATE EXTENSION streaming/ } @blocks;

	$sql .= "CREATE EXTENSION streaming;\n" if !$own;
	foreach my $block (@blocks)
	{
		next if $block->[1] =~ /amcheck/ && !$amcheck;
		$sql .= "\\echo \@$block->[0]\n$block->[1];\n";
	}
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	my ($rc, $out, $err) = $node->psql($db, $sql, on_error_die => 0, on_error_stop => 1);
	my ($line) = $out =~ /.*^@(\d+)$/ms;
	is($rc, 0, "examples of $name") or diag("block in line $line: $err");
}

$node->stop;
done_testing();
