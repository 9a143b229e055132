# shellcheck shell=bash
#
# lib.sh - what the test, demo and benchmark scripts share.
#
# Everything happens in a directory of its own below ${TMPDIR:-/tmp}: a copy
# of the source, a copy of the PostgreSQL installation (which is relocatable)
# with the extension installed into it, and throwaway clusters that listen on
# a Unix socket only.  Nothing of the system is touched, except that root may
# install missing Debian packages.  All of it is gone at exit, unless
# STREAMING_KEEP is set.
#
# A script that sources this calls, in this order,
#
#	streaming_setup [VARIABLE=value ...]	build with these make variables
#	streaming_cluster NAME [setting=value ...]	create and start a server
#
# and runs its own commands through as_user.  Set for it: TOP (the source
# tree), WORK, SRC (the copy of the source), PGVERSION, PGBIN, PYTHON, and
# PGHOST, PGPORT, PGUSER, PGDATABASE of the last cluster started.
#
# The PostgreSQL is the one of PG_CONFIG, or version PGVERSION; if neither is
# set, the newest that is installed, or else what the distribution has.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die()
{
	echo "${0##*/}: $*" >&2
	exit 2
}

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

# Sets PGVERSION: the newest that is installed, with its headers if there is
# one; or the default version of the distribution, if apt knows one.
streaming_find_version()
{
	local dir server=

	[ -z "${PGVERSION:-}" ] || return 0
	for dir in $(printf '%s\n' /usr/lib/postgresql/* | sort -Vr); do
		[ -x "$dir/bin/initdb" ] || continue
		server=${server:-${dir##*/}}
		[ ! -f "$dir/lib/pgxs/src/makefiles/pgxs.mk" ] || {
			PGVERSION=${dir##*/}
			return 0
		}
	done
	PGVERSION=$server
	[ -n "$PGVERSION" ] || PGVERSION=$(apt-cache depends postgresql \
		2> /dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')
}

# Is everything here that we need?  Prints the packages that lack.
streaming_missing_packages()
{
	command -v make > /dev/null && command -v gcc > /dev/null ||
		echo build-essential
	if [ -z "${PG_CONFIG:-}" ]; then
		streaming_find_version
		[ -n "$PGVERSION" ] || {
			# the lists of packages are yet to be fetched
			echo postgresql postgresql-server-dev-all
			return
		}
		[ -x "/usr/lib/postgresql/$PGVERSION/bin/initdb" ] ||
			echo "postgresql-$PGVERSION"
		[ -f "/usr/lib/postgresql/$PGVERSION/lib/pgxs/src/makefiles/pgxs.mk" ] &&
			[ -f "/usr/include/postgresql/$PGVERSION/server/postgres.h" ] ||
			echo "postgresql-server-dev-$PGVERSION"
	fi
	[ -z "${PG_CONFIG:-}" ] || [ -n "$(streaming_test_modules)" ] ||
		echo postgresql-server-dev-all
	perl -MIPC::Run -e 1 2> /dev/null || echo libipc-run-perl
	[ -z "${STREAMING_VALGRIND:-}" ] || command -v valgrind > /dev/null ||
		echo valgrind
	streaming_find_python || echo python3 python3-psycopg2
}

# Prints where PostgreSQL::Test is: an installation may come without it, and that
# of another version does.
streaming_test_modules()
{
	local dir pg_config=${PGBIN:+$PGBIN/pg_config}

	for dir in "$(dirname "$("${pg_config:-$PG_CONFIG}" --pgxs)")/../test/perl" \
		$(printf '%s\n' /usr/lib/postgresql/*/lib/pgxs/src/test/perl | sort -Vr); do
		[ ! -d "$dir/PostgreSQL/Test" ] || {
			echo "$dir"
			return
		}
	done
}

# Sets PYTHON to a python3 that has psycopg2.
streaming_find_python()
{
	for PYTHON in ${PYTHON:-} python3 /usr/bin/python3; do
		"$PYTHON" -c 'import psycopg2' 2> /dev/null && return 0
	done
	return 1
}

# Installs what tests can do without, if that is quickly done: extensions that views
# are tried with.  A test of them says that it is skipped where they are not.
streaming_extras()
{
	local name missing=

	[ "$(id -u)" = 0 ] && [ -z "${PG_CONFIG:-}" ] || return 0
	for name in hll tdigest; do
		[ -f "/usr/lib/postgresql/$PGVERSION/lib/$name.so" ] ||
			missing+=" postgresql-$PGVERSION-$name"
	done
	[ -f "/usr/share/postgresql/$PGVERSION/extension/pg_partman.control" ] ||
		missing+=" postgresql-$PGVERSION-partman"
	# shellcheck disable=SC2086
	[ -z "$missing" ] || DEBIAN_FRONTEND=noninteractive timeout 120 \
		apt-get install -y --no-install-recommends $missing \
		> "$WORK/extras.log" 2>&1 || true
}

# Installs what lacks; anyone but root must have it already.
streaming_packages()
{
	local missing

	missing=$(streaming_missing_packages)
	if [ -n "$missing" ]; then
		[ "$(id -u)" = 0 ] ||
			die "please have these packages installed:" $missing
		export DEBIAN_FRONTEND=noninteractive
		{
			apt-get update && missing=$(streaming_missing_packages) &&
				echo "installing" $missing >&3 &&
				apt-get install -y --no-install-recommends $missing
		} 3>&1 > "$WORK/apt.log" 2>&1 || {
			tail -20 "$WORK/apt.log" >&2
			die "could not install packages"
		}
	fi
	[ -n "${PG_CONFIG:-}" ] || streaming_find_version
	[ -z "${STREAMING_EXTRAS:-}" ] || streaming_extras
	streaming_find_python || die "no python3 with psycopg2"
}

# Runs a command as the user that servers run as: PostgreSQL refuses root.
as_user()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u "$RUN_AS" -- "$@"
	else
		"$@"
	fi
}

streaming_cleanup()
{
	local status=$? data

	trap - EXIT INT TERM
	for data in "$WORK"/*/postmaster.pid; do
		[ -f "$data" ] || continue
		as_user "$PGBIN/pg_ctl" stop -D "${data%/*}" -m immediate \
			> /dev/null 2>&1 || true
	done
	if [ -n "${STREAMING_KEEP:-}" ]; then
		echo "kept: $WORK"
	else
		rm -rf "$WORK"
	fi
	exit $status
}

# Packages, the private installation, the build.  Arguments: make variables.
streaming_setup()
{
	local pg_config dir

	WORK=$(mktemp -d "${TMPDIR:-/tmp}/streaming.XXXXXX")
	chmod 755 "$WORK"
	trap streaming_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	streaming_packages

	if id postgres > /dev/null 2>&1; then
		RUN_AS=postgres
	else
		RUN_AS=nobody
	fi
	pg_config=${PG_CONFIG:-/usr/lib/postgresql/$PGVERSION/bin/pg_config}
	[ -x "$pg_config" ] || pg_config=$(command -v "$pg_config") ||
		die "no pg_config"

	# PostgreSQL finds its files relative to its programs.
	mkdir "$WORK/pg" "$WORK/src" "$WORK/sock"
	for dir in "$("$pg_config" --bindir)" "$("$pg_config" --pkglibdir)" \
		"$("$pg_config" --sharedir)" "$("$pg_config" --includedir-server)"; do
		(cd / && cp -aL --parents "$dir" "$WORK/pg/" 2> /dev/null) || true
	done
	PGBIN=$WORK/pg$("$pg_config" --bindir)
	[ -x "$PGBIN/postgres" ] || die "could not copy the installation"
	(cd "$TOP" && tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' \
		--exclude='*.bc' --exclude=./tmp_check --exclude=./results .) |
		tar -C "$WORK/src" -xf -
	SRC=$WORK/src
	[ "$(id -u)" != 0 ] || chown -R "$RUN_AS:" "$WORK"

	unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE \
		PGSERVICE PGSERVICEFILE PGOPTIONS PGSSLMODE PGTZ PGDATESTYLE
	# LC_ALL is for our commands; the TAP tests undo it
	export HOME=$WORK LC_ALL=C LANG=C.UTF-8 LANGUAGE= PYTHON
	export PATH=$PGBIN:$PATH
	cd "$SRC"
	as_user make -s -j"$(nproc)" PG_CONFIG="$PGBIN/pg_config" "$@" \
		> "$WORK/build.log" 2>&1 &&
		as_user make -s PG_CONFIG="$PGBIN/pg_config" "$@" install \
			>> "$WORK/build.log" 2>&1 || {
		cat "$WORK/build.log" >&2
		die "the build failed"
	}
}

# streaming_cluster NAME [setting=value ...]: creates and starts a server, by the program
# STREAMING_POSTGRES if that is set.
streaming_cluster()
{
	local name=$1 data=$WORK/$1 setting

	shift
	as_user "$PGBIN/initdb" -D "$data" -U postgres -A trust -N \
		-E UTF8 --locale=C > "$WORK/$name.initdb" 2>&1 || {
		cat "$WORK/$name.initdb" >&2
		die "initdb failed"
	}
	{
		cat <<CONF
shared_preload_libraries = 'streaming'
listen_addresses = ''
unix_socket_directories = '$WORK/sock'
max_worker_processes = 24
max_prepared_transactions = 50
max_connections = 120
log_line_prefix = '%m [%p] %b %a '
CONF
		for setting; do
			echo "${setting%%=*} = '${setting#*=}'"
		done
	} | as_user tee -a "$data/postgresql.conf" > /dev/null
	export PGHOST=$WORK/sock PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	as_user "$PGBIN/pg_ctl" start -w -t 60 -D "$data" -l "$data/server.log" \
		-p "${STREAMING_POSTGRES:-$PGBIN/postgres}" \
		> /dev/null || {
		tail -20 "$data/server.log" >&2
		die "the server did not start"
	}
}

# streaming_stop NAME
streaming_stop()
{
	as_user "$PGBIN/pg_ctl" stop -w -m fast -D "$WORK/$1" > /dev/null
}
