# What several of the TAP files need.  On a loaded machine anything may take long: so they
# wait until something is so, for as long as it may take at all, and not for a time, or for
# a number of tries, in which it usually is.
package StreamingTest;
use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(until_true logged wait_logged try_psql poll_crashing wait_crashed goes_on);

# Runs the block again and again until it returns true; false if it never does.
sub until_true (&;$)
{
	my ($block, $seconds) = @_;
	my $end =
	  Time::HiRes::time() + ($seconds // $PostgreSQL::Test::Utils::timeout_default);

	until ($block->())
	{
		return 0 if Time::HiRes::time() > $end;
		Time::HiRes::usleep(50_000);
	}
	return 1;
}

# How often the server's log says so, from that position on.
sub logged
{
	my ($node, $pattern, $from) = @_;
	my @found = (slurp_file($node->logfile, $from) // '') =~ /$pattern/g;
	return scalar @found;
}

# Waits until it says so at least so many times, which it does a moment after the
# catalogs do; returns how often it has.
sub wait_logged
{
	my ($node, $pattern, $from, $times) = @_;
	my $found;

	until_true { ($found = logged($node, $pattern, $from)) >= ($times // 1) };
	return $found;
}

# As psql of the node, but undef if it has not read what it was to do: a server that is down
# turns it away at once.
sub try_psql
{
	my ($node, @args) = @_;
	return eval { $node->psql('postgres', @args) };
}

# Waits until the query is true, in a server that may crash meanwhile.
sub poll_crashing
{
	my ($node, $query) = @_;
	my $result;

	until_true
	{
		$result = eval { $node->poll_query_until('postgres', $query) };
		defined $result;
	};
	return $result;
}

# Waits until the server has crashed, after that position of its log, and is up again.  (Who
# kills a process of it learns of that before the postmaster does, and may still connect.)
sub wait_crashed
{
	my ($node, $from) = @_;

	wait_logged($node, qr/all server processes terminated; reinitializing/, $from)
	  or BAIL_OUT('the server does not crash');
	poll_crashing($node, 'SELECT true')
	  or BAIL_OUT('the server does not come up again');
	return;
}

# Commits rows of s one after the other, and waits for each to be in the view v that counts
# them; returns the longest time that took.
sub longest_delay
{
	my ($node, $seconds) = @_;
	my $longest = 0;
	my $until = Time::HiRes::time() + $seconds;

	while (Time::HiRes::time() < $until)
	{
		my $began = Time::HiRes::time();
		$node->safe_psql('postgres', 'INSERT INTO s VALUES (1)');
		$node->poll_query_until('postgres',
			'SELECT (SELECT n FROM v) = (SELECT count(*) FROM s)')
		  or return 999;
		my $delay = Time::HiRes::time() - $began;
		$longest = $delay if $delay > $longest;
	}
	note sprintf 'longest delay: %.1f s', $longest;
	return $longest;
}

# Tests that for so many seconds no row takes as long as $bound.  The machine may stand still
# once, so there are a few tries; what delays v by itself does so in all of them.
sub goes_on
{
	my ($node, $seconds, $bound, $test) = @_;
	my $longest;

	for (1 .. 4)
	{
		$longest = longest_delay($node, $seconds);
		last if $longest < $bound;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return cmp_ok($longest, '<', $bound, $test);
}

1;
