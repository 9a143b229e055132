# shellcheck shell=bash
#
# roots.sh - small Debian roots with other versions of PostgreSQL.
#
# What test/versions.sh and test/upgrade.sh share.  A root is made by debootstrap,
# of the release that carries the version, in a directory that is kept, so that
# it is made once.  No Debian release has PostgreSQL 16.
#
# A script that sources this calls roots_setup first.  Set for it: roots (the
# directory where they are), mirror, limit, handed_on (what of the environment is
# seen in a root); and by find_root, root and why.
#
#	STREAMING_ROOTS=DIR		where the roots are (default
#							${TMPDIR:-/tmp}/streaming-roots)
#	STREAMING_MIRROR=URL	Debian mirror (default: the one that apt uses here)
#	STREAMING_ROOT_LIMIT=S	seconds that making a root may take (default 900), and
#							the download of its packages

die()
{
	echo "${0##*/}: $*" >&2
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
	# what it mounts and starts is gone with it, also if it hangs
	timeout -k 10 "$limit" unshare --mount --pid --fork --kill-child --mount-proc \
		debootstrap --variant=minbase "$suite" "$new" "$mirror" $script || {
		[ $? != 124 ] || echo "debootstrap was ended after $limit seconds"
		return 1
	}

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
	in_root_for 0 "$@"
}

# in_root_for SECONDS DIR COMMAND...: the same, ended after that time if not 0
in_root_for()
{
	local seconds=$1 root=$2

	shift 2
	cp /etc/resolv.conf /etc/hosts "$root/etc/" 2> /dev/null
	# shellcheck disable=SC2016
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
		"${handed_on[@]}" timeout -k 10 "$seconds" unshare --mount --pid --fork --kill-child \
		bash -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
			mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"' "$root" "$@"
}

# Sets root to one that has the version, made if need be; fails if none can be, with
# why set to the reason.
find_root()
{
	local version=$1 suite log

	why=
	for suite in $(suites "$version"); do
		root=$roots/$suite
		log=$roots/$suite.log
		if [ ! -d "$root" ]; then
			echo "making a root of $suite ..."
			make_root "$suite" "$root" > "$log" 2>&1 || {
				rm -rf "$root.new"
				why+="no root of $suite ($(tail -n 1 "$log")); "
				continue
			}
		fi
		{
			in_root_for "$limit" "$root" apt-get update &&
				in_root_for "$limit" "$root" apt-get install -y \
					--no-install-recommends --download-only \
					"postgresql-$version" "postgresql-server-dev-$version"
		} > "$log" 2>&1 && return 0
		why+="$suite does not have it ($(tail -n 1 "$log")); "
	done
	why=${why%; }
	return 1
}

# clone_into ROOT: what is committed
clone_into()
{
	rm -rf "$1/root/streaming"
	git clone -q --no-hardlinks "$TOP" "$1/root/streaming" ||
		die "could not clone $TOP"
	# servers do not run as root, but read what is there
	chmod 755 "$1/root"
}

roots_setup()
{
	local command

	[ "$(id -u)" = 0 ] || die "must be root, for debootstrap and chroot"
	for command in debootstrap git unshare chroot; do
		command -v $command > /dev/null || die "$command is not installed"
	done
	roots=${STREAMING_ROOTS:-${TMPDIR:-/tmp}/streaming-roots}
	mkdir -p "$roots" || die "cannot make $roots"
	limit=${STREAMING_ROOT_LIMIT:-900}
	mirror=${STREAMING_MIRROR:-$(find_mirror)}
	mapfile -t handed_on < <(env |
		grep -E '^STREAMING_(HISTORIES|SEED|CRASHES|TAP|KEEP)=')
}
