#!/bin/bash
#
# upgrade.sh - pg_upgrade between versions of PostgreSQL.
#
# Usage: test/upgrade.sh [15-17] [15-18] [17-18]	(default: all three)
#
# The root of the newer version (see test/roots.sh) is given the programs of the
# older one, with the extension and the libraries that they need, as built in the
# root of that.  There, test/upgrade/run.sh makes a cluster of the older version
# with views of all kinds, upgrades it by pg_upgrade with --copy and with --link,
# and has the views go on.  A copy of the cluster that stays what it is, with the
# same statements, says what they must be.
#
# Needs what test/versions.sh needs.  The last line says "N passed, M failed".  The
# exit code is 0 only if nothing failed, and 3 if a version could not be had.

set -uo pipefail
TOP=$(cd "$(dirname "$0")/.." && pwd)
. "$TOP/test/roots.sh"

# run_pair OLD NEW
run_pair()
{
	local old=$1 new=$2 old_root new_root root log=$roots/upgrade-$1-$2.log

	find_root "$old" && old_root=$root && find_root "$new" && new_root=$root || {
		echo "not ok $old-$new: PostgreSQL $old or $new is not to be had from $mirror"
		missing=1
		return
	}
	clone_into "$old_root"
	clone_into "$new_root"
	rm -rf "$old_root/root/pg-$old" "$new_root/root/pg-$old"
	in_root "$old_root" /root/streaming/test/upgrade/build.sh "$old" \
		"/root/pg-$old" > "$log" 2>&1 &&
		cp -a "$old_root/root/pg-$old" "$new_root/root/" || {
		echo "not ok $old-$new: build of $old"
		tail -n 20 "$log"
		failed=$((failed + 1))
		return
	}
	in_root "$new_root" /root/streaming/test/upgrade/run.sh "$old" "$new" \
		"/root/pg-$old" > "$log" 2>&1
	grep -E '^((not )?ok|note:) ' "$log" || true
	grep -qE '^done$' "$log" || {
		echo "not ok $old-$new: ended early"
		tail -n 20 "$log"
		failed=$((failed + 1))
	}
	passed=$((passed + $(grep -c '^ok ' "$log")))
	failed=$((failed + $(grep -c '^not ok ' "$log")))
	echo "log: $log"
}

pairs=${*:-15-17 15-18 17-18}
for pair in $pairs; do
	[[ $pair =~ ^(15-17|15-18|17-18)$ ]] ||
		die "usage: test/upgrade.sh [15-17] [15-18] [17-18]"
done
roots_setup
[ -z "$(git -C "$TOP" status --porcelain 2> /dev/null)" ] ||
	echo "note: what is not committed is not tested"
passed=0
failed=0
missing=0
for pair in $pairs; do
	run_pair "${pair%-*}" "${pair#*-}"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] || exit 1
[ $missing = 0 ] || exit 3
