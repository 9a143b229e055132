#!/bin/bash
#
# sanitize.sh - run tests under AddressSanitizer, server and extension; the extension
# under UndefinedBehaviorSanitizer as well.
#
# Usage: test/sanitize.sh [stage ...]
#
# Stages are those of run.sh; default: regress isolation.  Debian's server cannot
# be run with the sanitizer's library, so one is built from its source, with
# asserts and as few libraries as possible.  A finding ends the process that has
# it, and fails the run.
#
#	STREAMING_PGSRC=DIR		an unpacked source of PostgreSQL; otherwise the source
#							package is fetched (needs dpkg-dev, and root not)
#	STREAMING_SANITIZED=DIR	where the server is kept between runs (default
#							${TMPDIR:-/tmp}/streaming-sanitized-VERSION)

set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
version=${PGVERSION:-15}
home=${STREAMING_SANITIZED:-${TMPDIR:-/tmp}/streaming-sanitized-$version}
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:disable_coredump=1
export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
undefined="-fsanitize=undefined -fno-sanitize-recover=undefined"
flags="-fsanitize=address -fno-omit-frame-pointer"

# Fetches the source package, by a copy of the system's lists of packages: of the
# newest version that the mirror still has.
fetch_source()
{
	local apt=$home/apt version_of options

	mkdir -p "$apt/lists/partial" "$apt/parts"
	sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/*.sources \
		> "$apt/parts/source.sources"
	options="-qq -o Dir::Etc::sourceparts=$apt/parts
		-o Dir::Etc::sourcelist=/dev/null -o Dir::State::lists=$apt/lists"
	# shellcheck disable=SC2086
	(
		cd "$home"
		apt-get $options update
		apt-cache $options showsrc "postgresql-$version" |
			sed -n 's/^Version: //p' | sort -Vr | while read -r version_of; do
			! apt-get $options source "postgresql-$version=$version_of" || break
		done
	) > "$home/fetch.log" 2>&1
	STREAMING_PGSRC=$(ls -d "$home"/postgresql-"$version"-*/ | tail -1)
	[ -n "$STREAMING_PGSRC" ] || {
		tail -5 "$home/fetch.log" >&2
		echo "sanitize.sh: no source; set STREAMING_PGSRC" >&2
		exit 2
	}
}

# Debian's source would be installed over the system's server: undo that.
copy_source()
{
	local patch=debian/patches/50-per-version-dirs.patch

	rm -rf "$home/source"
	cp -a "$STREAMING_PGSRC" "$home/source"
	cd "$home/source"
	[ ! -e $patch ] || patch -R -p1 -s < $patch
	! grep -q '^pkglibdir *= */usr' src/Makefile.global.in || {
		echo "sanitize.sh: this source does not go by --prefix" >&2
		exit 2
	}
}

build_server()
{
	mkdir -p "$home/build"
	[ -n "${STREAMING_PGSRC:-}" ] || fetch_source
	(
		copy_source
		cd "$home/build"
		"$home/source/configure" --prefix="$home/pg" --enable-cassert \
			--enable-tap-tests --without-readline --without-zlib --without-icu \
			CFLAGS="-O1 -g $flags" LDFLAGS="-fsanitize=address"
		make -s -j"$(nproc)" install
		make -s -C contrib/amcheck install
		make -s -C src/test/isolation install
	) > "$home/build.log" 2>&1 || {
		tail -20 "$home/build.log" >&2
		exit 2
	}
}

[ -x "$home/pg/bin/postgres" ] || build_server
export PG_CONFIG=$home/pg/bin/pg_config COPT="$flags $undefined"
[ $# -gt 0 ] || set -- regress isolation
exec "$top/test/run.sh" "$@"
