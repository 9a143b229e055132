#!/bin/bash
#
# versions.sh - run the tests on other versions of PostgreSQL.
#
# Usage: test/versions.sh [15] [17] [18]	(default: all three)
#
# For each version, a small Debian root is made by debootstrap: of the release
# that carries it, in a directory that is kept, so that it is made once.  In it
# test/run.sh runs from a fresh clone of HEAD as on a bare machine, and installs
# what it needs; then test/package.sh tries the Debian package.  A table says how
# it went.  No Debian release has PostgreSQL 16.
#
# Needs root, debootstrap, git and a Debian mirror.  The exit code is 1 if a
# test failed, 3 if none failed but a version could not be had.
#
#	STREAMING_STAGES=...	stages of test/run.sh (default: all)
#
# STREAMING_ROOTS and STREAMING_MIRROR are those of test/roots.sh.  Other STREAMING_
# variables are handed on to test/run.sh.

set -uo pipefail
TOP=$(cd "$(dirname "$0")/.." && pwd)
. "$TOP/test/roots.sh"

# row VERSION RELEASE SERVER PASSED FAILED PACKAGE SECONDS
row()
{
	table+=$(printf '%-8s %-10s %-8s %8s %8s %8s %8s' "$@")$'\n'
}

run_version()
{
	local version=$1 root log=$roots/$1.log start=$SECONDS
	local server passed failed package

	if ! find_root "$version"; then
		echo "PostgreSQL $version is not to be had from $mirror"
		row "$version" - none - - - -
		[ $status != 0 ] || status=3
		return
	fi
	rm -rf "$root/root/streaming"
	git clone -q --no-hardlinks "$TOP" "$root/root/streaming" ||
		die "could not clone $TOP"
	# servers do not run as root, but read what is there
	chmod 755 "$root/root"
	echo "PostgreSQL $version on ${root##*/}: $log"
	# shellcheck disable=SC2086
	in_root "$root" env PGVERSION="$version" /root/streaming/test/run.sh \
		${STREAMING_STAGES:-} > "$log" 2>&1 || {
		[ $status = 1 ] || status=1
		grep -E '^not ok|could not|failed' "$log" | head -n 20
	}
	server=$(in_root "$root" "/usr/lib/postgresql/$version/bin/postgres" \
		--version | sed 's/^postgres (PostgreSQL) \([^ ]*\).*/\1/')
	passed=$(sed -n 's/^\([0-9]*\) passed, .*/\1/p' "$log")
	failed=$(sed -n 's/^.* passed, \([0-9]*\) failed$/\1/p' "$log")
	package=ok
	in_root "$root" /root/streaming/test/package.sh "$version" \
		> "$roots/$version.package.log" 2>&1 || {
		package="not ok"
		status=1
		tail -n 20 "$roots/$version.package.log"
	}
	row "$version" "${root##*/}" "$server" "${passed:-?}" "${failed:-?}" \
		"$package" $((SECONDS - start))
}

versions=${*:-15 17 18}
for version in $versions; do
	[ -n "$(suites "$version")" ] || [ "$version" = 16 ] ||
		die "usage: test/versions.sh [15] [17] [18]"
done
roots_setup
[ -z "$(git -C "$TOP" status --porcelain 2> /dev/null)" ] ||
	echo "note: what is not committed is not tested"
status=0
table=
for version in $versions; do
	run_version "$version"
done
echo
printf '%-8s %-10s %-8s %8s %8s %8s %8s\n' version release server passed \
	failed package seconds
printf '%s' "$table"
exit $status
