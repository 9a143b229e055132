#!/bin/bash
#
# versions.sh - run the tests on other versions of PostgreSQL.
#
# Usage: test/versions.sh [--make] [15] [16] [17] [18]	(default: all four)
#
# For each version, a small Debian root is made by debootstrap: of the release
# that carries it, in a directory that is kept, so that it is made once.  In it
# test/run.sh runs from a fresh clone of HEAD as on a bare machine, and installs
# what it needs; then test/package.sh tries the Debian package.  A table says how
# it went.
#
# No Debian release has PostgreSQL 16.  The Python package pgserver brings its
# programs and headers along (16.2, without ICU, contrib and PostgreSQL::Test), and
# on these test/run.sh runs here, not in a root.
#
# With --make, it makes the roots and nothing else, with all the packages in them that
# test/run.sh installs.  Without, it then finds them made.
#
# Needs root, debootstrap, git and a Debian mirror, and for 16 pip.  The last line
# says "N passed, M failed".  The exit code is 1 if a test failed, 3 if none failed
# but a version could not be had.
#
#	STREAMING_STAGES=...	stages of test/run.sh (default: all)
#	STREAMING_PACKAGE=no	do not try the Debian package
#	STREAMING_LIMIT=S		seconds that test/run.sh may take (default: no limit)
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

# not_had VERSION WHY
not_had()
{
	echo "PostgreSQL $1 is not to be had here: $2"
	row "$1" - none - - - -
	missing=1
}

# count LOG: sets passed and failed to what test/run.sh says there
count()
{
	passed=$(sed -n 's/^\([0-9]*\) passed, .*/\1/p' "$1")
	failed=$(sed -n 's/^.* passed, \([0-9]*\) failed$/\1/p' "$1")
	if [ -z "$failed" ]; then
		# it was ended, or could not begin
		passed=$(grep -c '^ok ' "$1")
		failed=1
		tail -n 5 "$1"
	fi
	[ "$failed" = 0 ] || grep -v '^ok ' "$1" | head -n 300
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
}

# Sets wheel to where the programs of PostgreSQL 16 are, unpacked if need be.
find_wheel()
{
	local new=$roots/pgserver.new

	wheel=$roots/pgserver
	[ ! -d "$wheel" ] || return 0
	rm -rf "$new"
	timeout 600 python3 -m pip download -q --no-deps --only-binary :all: \
		--python-version 3.11 --platform manylinux2014_x86_64 -d "$new" \
		pgserver==0.1.4 > "$roots/pgserver.log" 2>&1 &&
		python3 -m zipfile -e "$new"/*.whl "$new" &&
		chmod -R a+rX "$new" &&
		chmod a+x "$new"/pgserver/pginstall/bin/* \
			"$new"/pgserver/pginstall/lib/postgresql/pgxs/src/test/*/* &&
		mv "$new" "$wheel"
}

run_wheel()
{
	local version=16 log=$roots/16.log start=$SECONDS wheel passed failed bin

	find_wheel || {
		not_had 16 "$(tail -n 1 "$roots/pgserver.log")"
		return
	}
	bin=$wheel/pgserver/pginstall/bin
	rm -rf "$roots/16"
	git clone -q --no-hardlinks "$TOP" "$roots/16" || die "could not clone $TOP"
	echo "PostgreSQL $version of pgserver: $log"
	# shellcheck disable=SC2086
	timeout -k 30 "$limit_run" env PG_CONFIG="$bin/pg_config" \
		LD_LIBRARY_PATH="$wheel/pgserver.libs" \
		"$roots/16/test/run.sh" ${STREAMING_STAGES:-} > "$log" 2>&1
	count "$log"
	row $version pgserver \
		"$("$bin/postgres" --version | sed 's/^postgres (PostgreSQL) //')" \
		"$passed" "$failed" - $((SECONDS - start))
}

# try_package VERSION ROOT: sets package to how it went
try_package()
{
	local log=$roots/$1.package.log

	package=ok
	if in_root "$2" /root/streaming/test/package.sh "$1" > "$log" 2>&1; then
		all_passed=$((all_passed + 1))
	else
		package="not ok"
		all_failed=$((all_failed + 1))
		tail -n 20 "$log"
	fi
}

# Whatever of it fails is tried again when the version is tested.
make_version()
{
	local version=$1 root why

	if [ "$version" = 16 ]; then
		find_wheel
		return
	fi
	find_root "$version" || return
	clone_into "$root"
	# shellcheck disable=SC2016
	in_root_for "$limit" "$root" env PGVERSION="$version" STREAMING_EXTRAS=1 \
		bash -c '. /root/streaming/test/lib.sh && WORK=/tmp && streaming_packages'
}

run_version()
{
	local version=$1 root log=$roots/$1.log start=$SECONDS
	local server passed failed package

	[ "$version" != 16 ] || {
		run_wheel
		return
	}
	find_root "$version" || {
		not_had "$version" "$why"
		return
	}
	clone_into "$root"
	echo "PostgreSQL $version on ${root##*/}: $log"
	# shellcheck disable=SC2086
	in_root_for "$limit_run" "$root" env PGVERSION="$version" \
		/root/streaming/test/run.sh ${STREAMING_STAGES:-} > "$log" 2>&1
	count "$log"
	server=$(in_root "$root" "/usr/lib/postgresql/$version/bin/postgres" \
		--version | sed 's/^postgres (PostgreSQL) \([^ ]*\).*/\1/')
	package=-
	[ "${STREAMING_PACKAGE:-}" = no ] || try_package "$version" "$root"
	row "$version" "${root##*/}" "$server" "$passed" "$failed" \
		"$package" $((SECONDS - start))
}

run=run_version
[ "${1:-}" != --make ] || {
	run=make_version
	shift
}
versions=${*:-15 16 17 18}
for version in $versions; do
	[[ $version =~ ^1[5678]$ ]] ||
		die "usage: test/versions.sh [--make] [15] [16] [17] [18]"
done
roots_setup
[ -z "$(git -C "$TOP" status --porcelain 2> /dev/null)" ] ||
	echo "note: what is not committed is not tested"
limit_run=${STREAMING_LIMIT:-0}
all_passed=0
all_failed=0
missing=0
table=
for version in $versions; do
	$run "$version"
done
[ $run = run_version ] || exit 0
echo
printf '%-8s %-10s %-8s %8s %8s %8s %8s\n' version release server passed \
	failed package seconds
printf '%s' "$table"
echo "$all_passed passed, $all_failed failed"
[ $all_failed = 0 ] || exit 1
[ $missing = 0 ] || exit 3
