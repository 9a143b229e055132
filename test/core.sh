#!/bin/bash
#
# core.sh - PostgreSQL's own tests, with the library loaded and without.
#
# Usage: test/core.sh SOURCE
#
# SOURCE is an unpacked source tree of the server's major version (on Debian, with
# deb-src in the sources: apt-get source postgresql-15).  It is only read, and need
# not be built.  The regression and isolation suites run twice on throwaway servers:
# as PostgreSQL has them, and with the library preloaded, the extension in every
# database, and in that of the tests a stream that a continuous view reads, so that
# hooks have something to look at.  What reads in one run only is printed: all of
# that is ours, but for what two runs of PostgreSQL alone differ in (the order of
# rows, pg_stat views).  The last line says "N passed, M failed": a test fails that
# has another result with the library than without.  Some list what there is: access
# methods (create_am, psql), types that share a name with a table, and columns with
# another storage than their type (type_sanity).  These are only shown.
#
#	STREAMING_KEEP=1	leave the working directory, with results and logs

set -uo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] && [ -f "$1/src/test/regress/parallel_schedule" ] ||
	die "usage: core.sh SOURCE-TREE"
source=$(cd "$1" && pwd)
streaming_setup
pgxs=$(dirname "$("$PGBIN/pg_config" --pgxs)")/..
tests=$WORK/tests

# The suites, and the libraries that their scripts load.
prepare()
{
	local name lib=$WORK/lib

	mkdir "$tests" "$lib"
	cp -r "$source/src/test/regress" "$source/src/test/isolation" "$tests"
	cc -O1 -fPIC -shared -w -I "$("$PGBIN/pg_config" --includedir-server)" \
		-o "$lib/regress.so" "$tests/regress/regress.c" || die "no regress.so"
	for name in autoinc refint; do
		cp "$("$PGBIN/pg_config" --pkglibdir)/$name.so" "$lib" ||
			die "no $name.so: install the contrib modules"
	done
	[ "$(id -u)" != 0 ] || chown -R "$RUN_AS:" "$tests" "$lib"
}

# Extension, stream and view in the database of the tests.
make_views()
{
	local base

	for base in template1 "$@"; do
		psql -XqAt -v ON_ERROR_STOP=1 -d "$base" \
			-c "CREATE EXTENSION IF NOT EXISTS streaming" ||
			die "no extension in $base"
	done
	for base; do
		psql -XqAt -v ON_ERROR_STOP=1 -d "$base" <<- 'SQL' || die "no view"
			CREATE SCHEMA streaming_test;
			CREATE TABLE streaming_test.s (k int, x int) USING stream;
			CREATE MATERIALIZED VIEW streaming_test.v WITH (streaming.continuous) AS
				SELECT k, count(*) FROM streaming_test.s GROUP BY k;
			INSERT INTO streaming_test.s SELECT g % 10, g FROM generate_series(1, 100) g;
		SQL
	done
}

# suite NAME PROGRAM SCHEDULE DIRECTORY
suite()
{
	local out=$WORK/results/$run/$1 setting

	mkdir -p "$out"
	[ "$(id -u)" != 0 ] || chown -R "$RUN_AS:" "$WORK/results"
	for setting in "lc_messages='C'" "lc_monetary='C'" "lc_numeric='C'" \
		"lc_time='C'" "bytea_output='hex'" "timezone_abbreviations='Default'"; do
		psql -XqAt -c "ALTER DATABASE $1 SET ${setting/=/ TO }"
	done
	as_user "$pgxs/$2" --use-existing --dbname="$1" --host="$PGHOST" \
		--port="$PGPORT" --user="$PGUSER" --bindir="$PGBIN" \
		--inputdir="$4" --outputdir="$out" --dlpath="$WORK/lib" \
		--max-concurrent-tests=20 --schedule="$4/$3" > "$out/log" 2>&1
	echo "$run, $1: $(grep -cE '^ok |\.\.\. ok ' "$out/log") tests as expected," \
		"$(grep -cE '^not ok|\.\.\. (FAILED|failed)' "$out/log") not"
}

# all_suites RUN [setting ...]
all_suites()
{
	local base

	run=$1
	shift
	streaming_cluster "$run" fsync=off "$@"
	for base in regression isolation; do
		createdb "$base"
	done
	[ "$run" = without ] || make_views regression isolation
	suite regression test/regress/pg_regress parallel_schedule "$tests/regress"
	suite isolation test/isolation/pg_isolation_regress isolation_schedule \
		"$tests/isolation"
	[ "$run" = without ] || psql -XAt -d regression -c \
		"REFRESH MATERIALIZED VIEW streaming_test.v" -c \
		"SELECT 'the view has', sum(count) FROM streaming_test.v"
	streaming_stop "$run"
}

prepare
all_suites without shared_preload_libraries=
all_suites with
passed=0
failed=0
for theirs in "$WORK"/results/without/*/results/*.out; do
	name=${theirs#"$WORK/results/without/"}
	if diff -U 2 --label "without/$name" --label "with/$name" \
		"$theirs" "$WORK/results/with/$name"; then
		passed=$((passed + 1))
	elif [[ " create_am psql type_sanity " == *" $(basename "$name" .out) "* ]]; then
		passed=$((passed + 1))
		echo "(that is known)"
	else
		failed=$((failed + 1))
	fi
done
if grep -hE 'TRAP:|PANIC:|was terminated by signal' "$WORK/with/server.log"; then
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
