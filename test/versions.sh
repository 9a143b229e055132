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
#	STREAMING_ROOTS=DIR		where the roots are (default
#							${TMPDIR:-/tmp}/streaming-roots)
#	STREAMING_STAGES=...	stages of test/run.sh (default: all)
#	STREAMING_MIRROR=URL	Debian mirror (default: the one that apt uses here)
#
# Other STREAMING_ variables are handed on to test/run.sh.

set -uo pipefail
TOP=$(cd "$(dirname "$0")/.." && pwd)

die()
{
	echo "versions.sh: $*" >&2
	exit 2
}

# The releases to try for a version, the most stable first.
suites()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky sid ;;
	esac
}

# The mirror that apt uses for the distribution itself.
find_mirror()
{
	local uri

	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		2> /dev/null | grep -E '/debian/?$' | head -n 1)
	[ -n "$uri" ] || die "apt knows no Debian mirror; set STREAMING_MIRROR"
	echo "$uri"
}

# make_root SUITE DIR: a minimal system, all of it or nothing.
make_root()
{
	local suite=$1 new=$2.new script=

	[ -e "/usr/share/debootstrap/scripts/$suite" ] ||
		script=/usr/share/debootstrap/scripts/sid
	rm -rf "$new"
	debootstrap --variant=minbase "$suite" "$new" "$mirror" $script || return 1

	# as here: how to reach the mirror, and how fresh it must be
	apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' \
		> "$new/etc/apt/apt.conf.d/10host"
	# servers are not to be started, and no cluster made
	printf '#!/bin/sh\nexit 101\n' > "$new/usr/sbin/policy-rc.d"
	chmod 755 "$new/usr/sbin/policy-rc.d"
	mkdir -p "$new/etc/postgresql-common"
	echo 'create_main_cluster = false' \
		> "$new/etc/postgresql-common/createcluster.conf"
	mv "$new" "$2"
}

# in_root DIR COMMAND...: with mounts and processes of its own, gone afterwards
in_root()
{
	local root=$1

	shift
	cp /etc/resolv.conf /etc/hosts "$root/etc/" 2> /dev/null
	# shellcheck disable=SC2016
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
		"${handed_on[@]}" unshare --mount --pid --fork --kill-child \
		bash -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
			mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"' "$root" "$@"
}

# Sets root to one that has the version, made if need be; fails if none can be.
find_root()
{
	local version=$1 suite

	for suite in $(suites "$version"); do
		root=$roots/$suite
		if [ ! -d "$root" ]; then
			echo "making a root of $suite ..."
			make_root "$suite" "$root" > "$roots/$suite.log" 2>&1 || {
				tail -n 3 "$roots/$suite.log"
				continue
			}
		fi
		in_root "$root" apt-get update > "$roots/$suite.log" 2>&1
		[ -z "$(in_root "$root" apt-cache search --names-only \
			"^postgresql-server-dev-$version\$")" ] || return 0
		echo "$suite does not have PostgreSQL $version"
	done
	return 1
}

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

[ "$(id -u)" = 0 ] || die "must be root, for debootstrap and chroot"
for command in debootstrap git unshare chroot; do
	command -v $command > /dev/null || die "$command is not installed"
done
versions=${*:-15 17 18}
for version in $versions; do
	[ -n "$(suites "$version")" ] || [ "$version" = 16 ] ||
		die "usage: test/versions.sh [15] [17] [18]"
done
roots=${STREAMING_ROOTS:-${TMPDIR:-/tmp}/streaming-roots}
mkdir -p "$roots" || die "cannot make $roots"
mirror=${STREAMING_MIRROR:-$(find_mirror)}
mapfile -t handed_on < <(env | grep -E '^STREAMING_(HISTORIES|SEED|CRASHES|KEEP)=')
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
