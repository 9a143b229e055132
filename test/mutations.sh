#!/bin/bash
#
# mutations.sh - do the tests notice when the code is wrong?
#
# A test build contains a few deliberate bugs, each behind a name (the setting
# streaming.debug_mutation).  For each of them the tests that guard against it
# must turn red; without any they must be green.  "broken" is what could not run, and
# "hangs" what takes longer than ten minutes.
#
# Usage: test/mutations.sh [mutation ...]
#
#	placement	a row goes to the page the backend remembers, however old
#	subxact		... also after a rolled-back savepoint has released the lock
#	readset		rows read above next_block are not remembered
#	seen_rows	... nor the last one that a scan has seen
#	cache		the cache of states is kept though the table has changed
#	old_look	a group that comes back looks as it did before it went
#	new_row_lost	of the rows of new groups that wait, one is not written
#	threshold	rows are late by the watermark of their own batch
#	tumble_start	each time in a window stands for itself
#	late_in_part	nobody hears of rows that are late for some of their windows
#	sessions	a session of the table does not fill the gap between two rows
#	sessions_whole	a session that has lost a row stays whole
#	sessions_edge	a group does not touch the session that ends where it begins, with the watermark
#	session_rows	the last row of a session is not aggregated with it
#	join_forgotten	the rows of a side are not kept
#	join_twice	rows of a side are kept before the others of the batch are joined
#	join_evicted_early	rows of a side go a millisecond too early
#	content_skipped	a view on a view does not begin with what that shows
#	join_matched	a row of an outer join, or NOT EXISTS, goes with each match
#	join_bereft	a row of an outer join, or NOT EXISTS, stays away when its last match goes
#	join_signs	pairs with a row that goes come
#	join_tests	EXISTS and NOT EXISTS are true of what is not new
#	tests_looked_up	EXISTS and NOT EXISTS over another view are as they were when the row came
#	join_pairs	of rows that EXISTS and NOT EXISTS find by what is equal, pairs are made
#	join_final	a row that has found others comes out alone, too, when it finds no more
#	join_alone	a row that can find none waits for others
#	join_beside	what is joined below an outer join with a table bounds nothing
#	hop_beside	windows of hop beside a join close with the watermark
#	join_index	sides have no index but for the one on their keys
#	join_key_only	an index on what is equal does not go on with what is compared
#	join_implied	what is in a range is looked for at its beginning only
#	join_keys	what is equal to an event time of another stream says nothing of the time
#	join_found	a row that comes too late for what it is equal to, and comes alone, finds it
#	join_key_first	what comes too late for what it is equal to does not count for the watermark
#	join_late	late rows are joined where nothing bounds the join
#	join_late_left	... of the left side of any join
#	join_early	a row on a bound that includes it is final a millisecond early
#	exists_late	in update mode, late rows of what EXISTS asks for do not count
#	join_row_time	a row is late for a window before that has ended
#	join_no_data	a batch without rows follows for which rows are late for a join
#	join_chain	in append mode, several streams are joined at once
#	join_lag	a join above another one goes by the watermark of the streams
#	join_apart	... and knows nothing of what that has said of times
#	join_alone	... and takes what that says of rows that have met for said of those that come alone
#	join_null_time	... and a time that is null for one that says something of others
#	join_behind	... and goes by its watermark, whichever time it asks for
#	join_window	... or by a time where it asks for the window
#	join_made_up	what an outer join makes up has no event time, and is dropped
#	join_waiting	a row goes while one that it has found waits for more
#	results		rows of a result are not entered in its indexes
#	shared_filter	aggregates that differ by their FILTER have one state
#	average_unfiltered	an average with a FILTER divides by the number of all values
#	topn_better	of two rows of a key, the one that comes last is kept
#	topn_losers	rows that are no longer among the first stay
#	grouping	the groups of different grouping sets are not told apart
#	nulled_arguments	an aggregate of a key that a grouping set lacks is one of nulls
#	rows_forgotten	rows that are kept are not read again
#	bits_again	a value counts again when it meets another condition
#	changes_between	what a group is between two feeds of a batch is handed on
#	united_signs	new rows beside groups go
#	united_late	late rows beside groups count
#	added_untold	a change stream has no rows of a result that is only added to
#	changes_lost	a row that goes is taken for one that comes
#	rows_stay	a row that goes is kept
#	looked_up_stays	what was looked up for a row stays when that goes
#	looked_up_again	a row that goes and comes back in a batch is looked up for anew
#	parallel_read	other processes that help read what has been read
#	parallel_seen	... and what they see of the event time is forgotten
#	half_seen	a batch has half of a transaction that ends while it is measuring
#	attached_untold	... or has ended, but not yet told others of the partition it has added
#	planned_within	a partition that a plan has come to know within a batch is not among the leaves
#	group_snapshot	each view of a group reads as of a snapshot of its own
#	failure_stays	the failure of a view is recorded though it is being dropped
#	failure_unlocked	... or taken back by two at the same time
#	mark_stays	a change stream is marked though it is being dropped
#	left_out_stays	a slow view waits on behind a batch while others of the lane end
#	own_elsewhere	... and though its owner has his turns elsewhere
#	bundle_left_out	a view that was left out of a transaction of many has read all there is
#	bundle_any_function	... with functions that run code of users among them
#	bundle_first_only	... goes on when any but the first of them is paused
#	bundle_forever	... goes on when it does not end by itself
#	bundle_settings	... has the settings of the first of them for all
#	executor_outdated	an executor goes on with what has been looked up before it was changed
#	executor_awake	... and is kept by views that sleep
#	executor_params	... and with the times of the batch before
#	key_row_types	groups are found by hashes of rows of a type that has another column now
#	database_owner	a plan goes on with the policies for who was the owner of the database
#	subscribed_state	subscriptions write to states of views
#	worker_memory	a worker keeps what functions of users have left behind
#	memory_contexts	... if it is in no memory context (15 only)
#	memory_from_beginning	... any amount of it, if that is from its first batches
#	pace_many	one view that is always busy has as short pauses as many views
#	pace_rude	and keeps the processor for the whole of its batches
#	pace_generous	what others take while it lets them run is not counted
#	key_order	what is made of values that have no order is taken for a key
#	owner_session	batches run in the session of a superuser
#	type_usage	the query of a view has types that its owner may not use
#	miss_lost	of the rows whose groups are looked up together, one is not merged
#	miss_none	a group that was not there is made, though a row before has made it since
#	miss_taken	the row that has come to the place of another is taken for that
#	lookups_leak	what comparing keys leaves behind stays until the end of the batch
#	miss_order	first rows are chosen in the order in which they lie in the table
#	miss_overtaken	... before others that have come earlier, if they are cached
#	agenda_overslept	views that are asleep do not notice commits
#	bundle_blame	what fails in a transaction of many views is the failure of any of them
#	ordered_stay	... of which the first ones are wanted
#	topn_unsaid	that a row is no longer among the first is not handed on
#	empty_set_goes	an empty grouping set goes with the last row
#	closed_again	a group that closed with the last watermark is handed on once more
#	closed_skipped	a group that closes with the watermark is not handed on
#	closed_twice	a group that closes is handed on twice
#	closed_early	groups below others are handed on a millisecond early
#	closed_time	in append mode, a join takes groups for such that may change
#	ttl_early	rows of a result go a millisecond too early
#	ttl_ahead	... and before they are handed on to a change stream that was just made
#	ttl_subtracted	... and for who reads the changes, too
#	time_behind	a computed time is as late as what it is computed of
#	writer		others than batches write to a change stream
#	retention_unread	rows go that somebody has not read
#	retention_lagging	... by a view that is paused
#	retention_aside	... or that somebody has put aside
#	lifetime_aside	a partition goes with rows that a view has put aside
#	lifetime_unread	a partition goes that somebody has not read
#	vacuum_result	VACUUM cuts off pages of a result that others have read
#	rewrite_unread	rows of a stream that was rewritten are new
#	reset_number	a view that was made anew has batches of the same numbers
#	trim_with_batch	errors that are too old go when there is a batch only
#	release_stays	... and stays released
#	replace_once	a view with another query has not closed what it had
#	replace_itself	... and may read itself
#	replace_circle	... by way of the views above it
#	replace_crossing	... or two that are replaced at the same time read each other
#	replace_untold	what it shows otherwise is not handed on
#	replace_told_twice	... and so is what its first batch shows
#	replace_disordered	... rows that go after those that come
#	replace_pointers	... long values of them are looked for in a table that is gone
#	successor_behind	... and is not brought up to date when it takes its place
#	successor_remembered	a worker goes on with what was to replace a view when it has
#	successor_wanted	a batch of what is left of a replacement goes on
#	drop_waits	who drops a view waits for its batch
#	replace_patient	a replacement has all wait for one who reads the view
#	follow_forgotten	a view that becomes logged with its stream has read nothing
#	follow_nobody	... or reads it no more if it has come while the command waited
#	strangers	what depends on internal relations stands in the way of those who drop them
#	definition_waits	who wants to see the query of a view waits for who has locked its streams
#	definition_locks	... and keeps its streams locked himself, until his transaction ends
#	permit_outer	a restored view may read the progress of others, by a column of another member of its query
#	wait_snapshot	who waits for a view by REFRESH has a snapshot meanwhile
#	cut_page	where a batch ends in the middle of a page, all of the page counts as read
#	read_again	rows that are fed again are read by each batch
#	aside_stays	what is put aside is lost when the stream is written anew
#	group_aside	a row that fails for one view of a group is put aside for the first only
#	group_cut	a part of what a group reads is about what is new to its first view
#	group_unbounded	a group reads a backlog in one batch
#	below_ahead	the watermark of a view below counts before what it closes is there
#	dump_read	a dump says that all rows of a stream have been read
#	restore_doubt	a view goes on whatever rows its streams have
#	room_patience	a database that has no worker waits for one as long as others
#	restore_untold	nobody looks at a view when its restore is over
#	truncate_restored	... while TRUNCATE has looked who reads them
#	dropped_meanwhile	what has been dropped while a command waited for it is an error of the server's
#	attached_meanwhile	what has been attached while DETACH waited for it goes unread
#	clean_parts	what a dump drops to replace it stays a part of its view
#	clean_strangers	what depends on the parts of a view stands in the way of a dump that drops them

set -uo pipefail
. "$(dirname "$0")/lib.sh"

mutations=${*:-placement subxact readset seen_rows cache new_row_lost threshold tumble_start late_in_part sessions sessions_whole
	sessions_edge session_rows
	join_forgotten join_twice join_evicted_early content_skipped join_matched join_bereft join_signs join_tests join_pairs tests_looked_up join_final join_waiting join_bound join_start
	join_index join_key_only join_implied join_alone join_keys join_found join_key_first join_late join_row_time
	join_no_data join_late_left join_early exists_late join_chain join_lag join_apart join_alone join_null_time join_behind join_window join_made_up join_beside hop_beside
	rows_forgotten bits_again changes_between added_untold changes_lost rows_stay
	looked_up_stays looked_up_again
	united_signs united_late
	ordered_stay topn_unsaid empty_set_goes grouping nulled_arguments
	shared_filter average_unfiltered topn_better topn_losers results parallel_read parallel_seen half_seen attached_untold planned_within group_snapshot
	bundle_left_out bundle_blame bundle_any_function bundle_first_only bundle_forever bundle_settings executor_outdated executor_params executor_awake database_owner key_row_types subscribed_state worker_memory memory_contexts memory_from_beginning failure_stays failure_unlocked mark_stays left_out_stays own_elsewhere agenda_overslept pace_many pace_rude pace_generous key_order owner_session type_usage miss_lost miss_none miss_taken miss_order miss_overtaken lookups_leak
	closed_again closed_skipped closed_twice closed_early closed_time below_ahead ttl_early ttl_subtracted ttl_ahead time_behind writer retention_unread
	retention_lagging retention_aside lifetime_unread lifetime_aside vacuum_result rewrite_unread reset_number release_stays trim_with_batch replace_once replace_itself
	replace_circle replace_untold replace_told_twice replace_disordered replace_pointers
	successor_behind successor_remembered follow_forgotten wait_snapshot cut_page read_again group_aside group_cut group_unbounded aside_stays strangers successor_wanted drop_waits replace_patient replace_crossing definition_waits definition_locks
	room_patience dump_read restore_doubt restore_untold truncate_restored clean_parts clean_strangers dropped_meanwhile attached_meanwhile follow_nobody permit_outer}
streaming_setup STREAMING_DEBUG=1
streaming_cluster main fsync=off
pgxs=$("$PGBIN/pg_config" --pgxs)
status=0
limit=600

# The regress tests (test_...), isolation specs or TAP files that guard against a mutation.
guards()
{
	case $1 in
		placement) echo placement ;;
		subxact) echo savepoint ;;
		readset) echo writers ;;
		seen_rows) echo test_00_setup test_transform ;;
		cache) echo cache ;;
		threshold) echo test_00_setup test_et_state ;;
		tumble_start) echo test_00_setup test_windows ;;
		late_in_part) echo test_00_setup test_et_late ;;
		sessions) echo test_00_setup test_et_sessions ;;
		sessions_edge) echo test_00_setup test_session_changes test_et_join ;;
		sessions_*) echo test_00_setup test_session_changes ;;
		session_rows) echo test_00_setup test_et_session_rows ;;
		join_forgotten | join_twice) echo test_00_setup test_join ;;
		join_matched) echo test_00_setup test_join_outer test_join_anti ;;
		join_bereft) echo test_00_setup test_join_outer_changing ;;
		join_signs) echo test_00_setup test_join_groups ;;
		united_signs | united_late) echo test_00_setup test_union_changes ;;
		join_tests | join_pairs) echo test_00_setup test_join_anti ;;
		tests_looked_up) echo test_00_setup test_exists_views ;;
		time_behind) echo test_00_setup test_et_carried ;;
		join_evicted_early | join_alone | join_keys | join_found | join_key_first | join_late | join_row_time | join_no_data | join_late_left | join_early | exists_late) echo test_00_setup test_et_join_rules ;;
		join_beside | hop_beside) echo test_00_setup test_et_join ;;
		join_index | join_key_only | join_implied) echo test_00_setup test_join_ranges ;;
		join_chain | join_lag | join_apart | join_alone | join_null_time | join_behind | join_window | join_made_up) echo test_00_setup test_et_join_chains ;;
		join_final | join_waiting) echo test_00_setup test_et_join_outer ;;
		results) echo test_00_setup test_transform ;;
		ordered_stay | topn_unsaid | empty_set_goes)
			echo test_00_setup test_topn_changes ;;
		topn_*) echo test_00_setup test_topn ;;
		new_row_lost | shared_filter | average_unfiltered)
			echo test_00_setup test_agg_shared ;;
		rows_forgotten | bits_again) echo test_00_setup test_agg_kept ;;
		changes_between | added_untold | content_skipped) echo test_00_setup test_views_on_views ;;
		looked_up_*) echo test_00_setup test_lookups ;;
		changes_lost | rows_stay) echo test_00_setup test_changes ;;
		rewrite_unread | follow_forgotten) echo test_00_setup test_rewrite ;;
		reset_number | release_stays) echo test_00_setup test_reset ;;
		replace_patient | replace_crossing | drop_waits) echo t/078_replace.pl ;;
		replace_circle | replace_untold | replace_told_twice | replace_disordered | replace_pointers) echo test_00_setup test_replace_changes ;;
		replace_*) echo test_00_setup test_replace ;;
		successor_*) echo t/078_replace.pl ;;
		strangers | clean_strangers) echo test_00_setup test_security_strangers ;;
		wait_snapshot | pace_*) echo t/066_waiting.pl ;;
		owner_session | type_usage) echo test_00_setup test_security_owner ;;
		key_order | old_look) echo test_00_setup test_query_keys ;;
		miss_taken | miss_o* | lookups_leak) echo t/041_uncached.pl ;;
		miss_*) echo test_00_setup test_agg_uncached ;;
		ttl_ahead) echo t/078_ttl.pl ;;
		ttl_*) echo test_00_setup test_et_ttl ;;
		join_bound | join_start | closed_twice | closed_early | closed_time) echo test_00_setup test_et_join_groups ;;
		closed_* | below_ahead) echo test_00_setup test_et_views_on_views ;;
		grouping) echo test_00_setup test_groupings ;;
		nulled_arguments) echo test_00_setup test_grouping_keeps ;;
		writer) echo test_00_setup test_security_views ;;
		retention_lagging | retention_aside | lifetime_*)
			echo t/079_stream_retention.pl ;;
		retention_unread | vacuum_result) echo test_00_setup test_changes_retention ;;
		cut_page | read_again | group_aside | group_cut | aside_stays) echo test_00_setup test_bad_rows ;;
		parallel_*) echo t/080_parallel.pl ;;
		half_seen | attached_untold | planned_within) echo t/072_group.pl ;;
		group_snapshot | group_unbounded) echo test_00_setup test_view_group ;;
		trim_with_batch) echo t/073_bad_rows.pl ;;
		failure_stays | failure_unlocked) echo t/062_failures.pl ;;
		left_out_stays | own_elsewhere) echo t/067_sharing.pl ;;
		bundle_* | agenda_* | executor_awake) echo t/072_bundle.pl ;;
		executor_* | database_owner | key_row_types) echo test_00_setup test_query_executor ;;
		mark_stays) echo t/073_retention.pl ;;
		subscribed_state) echo t/014_replicated_state.pl ;;
		worker_memory | memory_contexts | memory_from_beginning) echo t/079_hungry.pl ;;
		room_patience) echo t/068_room.pl ;;
		dump_read | restore_doubt | restore_untold | truncate_restored | clean_parts | permit_outer) echo t/073_dump.pl ;;
		definition_waits) echo monitor ;;
		dropped_meanwhile | attached_meanwhile | follow_nobody) echo partitions ;;
		definition_locks) echo test_00_setup test_monitor ;;
		none) echo placement savepoint writers cache ;;
		*) die "unknown mutation $1" ;;
	esac
}

# run_tap NAME FILE: the same for a file that makes a server of its own; what never comes is
# not waited for as long as in other tests
run_tap()
{
	# what the last mutation of the same file has left
	rm -rf "$SRC/test/tmp_check" "$WORK/tmp_check"
	(cd "$SRC/test" && as_user timeout -k 10 $limit env -u PGHOST -u PGPORT -u PGUSER \
		STREAMING_MUTATION="$1" PG_TEST_TIMEOUT_DEFAULT=60 TESTDIR="$SRC/test" \
		TESTDATADIR="$WORK/tmp_check" TESTLOGDIR="$WORK/tmp_check/log" \
		PG_REGRESS="$(dirname "$pgxs")/../test/regress/pg_regress" \
		PERL5LIB="$(streaming_test_modules)" prove "$2" \
		> "$WORK/$1.log" 2>&1)
}

# run_specs NAME SPEC...: true if all are green
run_specs()
{
	[[ $2 != t/* ]] || {
		run_tap "$@"
		return
	}
	local out=$WORK/$1 runner=isolation/pg_isolation_regress
	local input=$SRC/test/isolation

	if [[ $2 = test_* ]]; then
		runner=regress/pg_regress
		input=$SRC
	fi

	shift
	mkdir -p "$out"
	[ "$(id -u)" != 0 ] || chown "$RUN_AS:" "$out"
	# a statement may wait for a view for ever then
	as_user env PGOPTIONS="-c statement_timeout=60s" timeout -k 10 $limit \
		"$(dirname "$pgxs")/../test/$runner" \
		--inputdir="$input" --outputdir="$out" \
		--bindir="$PGBIN" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
		--dbname=mutations --load-extension=streaming "$@" > "$out/log" 2>&1
}

# Did a test turn red, and not only what runs it?
has_failed()
{
	[ -s "$WORK/$1/regression.diffs" ] ||
		{ [ -e "$WORK/$1.log" ] && ! grep -qE 'No subtests run|Bailout' "$WORK/$1.log"; }
}

# Lines of the results that are not as expected and that the oracle printed.
evidence()
{
	[ -e "$WORK/$1/regression.diffs" ] || {
		grep -m 1 -A 1 'Failed test' "$WORK/$1.log" | tr -s ' #' | paste -sd ' '
		return
	}
	grep -hE '^[+] *[1-9][0-9]*$|^[+].*ERROR' "$WORK/$1/regression.diffs" |
		sort | uniq -c | sort -rn | head -3 | tr -s ' ' | paste -sd ';'
}

for mutation in none $mutations; do
	setting=$mutation
	[ "$mutation" != none ] || setting=
	psql -XAtqc "ALTER SYSTEM SET streaming.debug_mutation = '$setting'" \
		-c "SELECT pg_reload_conf()" > /dev/null || die "no test build?"
	run_specs "$mutation" $(guards "$mutation")
	case $? in
		0) colour=green ;;
		124 | 137) colour=hangs ;;
		*)
			colour=broken
			! has_failed "$mutation" || colour=red
			;;
	esac
	printf '%-14s %-6s %s\n' "$mutation" $colour \
		"$([ $colour = green ] || evidence "$mutation")"
	[ $colour != broken ] || tail -n 5 "$WORK/$mutation.log" "$WORK/$mutation/log" 2> /dev/null
	case $mutation/$colour in
		none/green | [!n]*/red) ;;
		*)
			status=1
			[ $mutation != none ] || cat "$WORK/none/regression.diffs"
			;;
	esac
done
exit $status
