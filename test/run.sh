#!/bin/bash
#
# run.sh - build the extension with all checks on and run every test.
#
# Usage: test/run.sh [stage ...]
#
# Stages: layers regress isolation tap fuzz race soak bench guards; default: all.
# Needs no rights beyond installing packages (see lib.sh).  The last line says
# "N passed, M failed"; the exit code is 0 only if nothing failed.
#
#	STREAMING_HISTORIES=N	random histories (default 100); of event time, two
#						for five; of random queries, and of chains in order, one
#						for four
#	STREAMING_SEED=N		seed of the first one (default 1)
#	STREAMING_CRASHES=N		crashes in the crash loop (default 10)
#	STREAMING_SOAK=N		seconds of the soak (default 120)
#	STREAMING_TAP="001 ..."	only the TAP tests with these numbers
#	STREAMING_KEEP=1		leave the working directory
#	STREAMING_LOGS=DIR		where the logs of a TAP file go that fails, or in which a
#						process fails an assertion (default
#						${TMPDIR:-/tmp}/streaming-logs)

set -uo pipefail
. "$(dirname "$0")/lib.sh"

stages=${*:-layers regress isolation tap fuzz race soak bench guards}
histories=${STREAMING_HISTORIES:-100}
seed=${STREAMING_SEED:-1}
export STREAMING_CRASHES=${STREAMING_CRASHES:-10}
passed=0
failed=0
# what an assertion says that fails, and a finding of the sanitizers
assertion='TRAP:|AddressSanitizer|runtime error:'

# result ok|not-ok NAME MILLISECONDS [COUNT]
result()
{
	local count=${4:-1}

	printf '%-7s %-48s %8s ms\n' "${1/-/ }" "$2" "$3"
	if [ "$1" = ok ]; then
		passed=$((passed + count))
	else
		failed=$((failed + count))
	fi
}

# Counts the lines of pg_regress and pg_isolation_regress, one per test: since
# 16 they are in the format of TAP.
regress_results()
{
	local label=$1 line name verdict ms
	local old='^(test)? *([a-z_0-9]+) +\.\.\. (ok|FAILED|failed)(.*)$'
	local new='^(ok|not ok) +[0-9]+ +[-+] +([a-z_0-9]+)( .*)$'

	while read -r line; do
		if [[ $line =~ $old ]]; then
			verdict=${BASH_REMATCH[3]}
			ms=${BASH_REMATCH[4]}
		elif [[ $line =~ $new ]]; then
			verdict=${BASH_REMATCH[1]}
			ms=${BASH_REMATCH[3]}
		else
			continue
		fi
		name=${BASH_REMATCH[2]}
		[ "$verdict" = ok ] || verdict=not-ok
		ms=$(grep -o '[0-9]* ms' <<< "$ms" | tail -1)
		result $verdict "$label/$name" "${ms% ms}"
	done
}

stage_layers()
{
	local start output

	start=$(now_ms)
	if output=$(as_user "$SRC/test/check_layers.sh" 2>&1); then
		result ok layers $(($(now_ms) - start))
	else
		result not-ok layers $(($(now_ms) - start))
		echo "$output"
	fi
}

# run_regress LABEL PROGRAM INPUTDIR TEST...
run_regress()
{
	local label=$1 program=$2 input=$3 out=$WORK/$1.out before

	shift 3
	if [ $# = 0 ]; then
		return
	fi
	before=$((passed + failed))
	mkdir -p "$out"
	[ "$(id -u)" != 0 ] || chown "$RUN_AS:" "$out"
	as_user "$WORK/pg$pgxs/../test/$program" --inputdir="$input" \
		--outputdir="$out" --bindir="$PGBIN" --host="$PGHOST" \
		--port="$PGPORT" --user="$PGUSER" --dbname="streaming_$label" \
		--load-extension=streaming "$@" > "$out/log" 2>&1
	regress_results "$label" < "$out/log"
	[ ! -s "$out/regression.diffs" ] || cat "$out/regression.diffs"
	if [ $((passed + failed)) != $((before + $#)) ]; then
		result not-ok "$label: $# tests, but not all ran" 0
		tail -20 "$out/log"
	fi
}

names()
{
	local file

	for file; do
		[ ! -f "$file" ] || basename "${file%.*}"
	done
}

# Leaves out tests of what the server is too old for: test_sinceNN_...
known_here()
{
	local name

	while read -r name; do
		[[ $name =~ ^test_since([0-9]+)_ &&
			${BASH_REMATCH[1]} -gt $server_version ]] || echo "$name"
	done
}

stage_regress()
{
	run_regress regress regress/pg_regress "$SRC" \
		$(names "$SRC"/sql/test_*.sql | known_here)
}

stage_isolation()
{
	run_regress isolation isolation/pg_isolation_regress \
		"$SRC/test/isolation" $(names "$SRC"/test/isolation/specs/*.spec)
}

# Keeps the logs of a TAP file whole, and says where.
keep_tap_logs()
{
	local dir=${STREAMING_LOGS:-${TMPDIR:-/tmp}/streaming-logs}/$1

	rm -rf "$dir"
	mkdir -p "$dir"
	cp "$WORK/$1.log" "$SRC"/test/tmp_check/log/*"$1"* "$dir"
	echo "logs kept in $dir"
}

# as_user_on_small_disk COMMAND...: with a file system of few MB of its own, if root may have
# one here: in the directory STREAMING_SMALL_DISK, and gone with the command
as_user_on_small_disk()
{
	local dir=$WORK/small make='mount -t tmpfs -o size=24m,mode=1777 none "$0"'

	[ "$(id -u)" = 0 ] && mkdir -p "$dir" &&
		unshare --mount bash -c "$make" "$dir" 2> /dev/null || {
		as_user "$@"
		return
	}
	STREAMING_SMALL_DISK=$dir unshare --mount bash -c "$make && exec \"\$@\"" "$dir" \
		runuser -u "$RUN_AS" -- "$@"
}

stage_tap()
{
	local file name start log ok bad verdict logs modules skipped

	modules=$(streaming_test_modules)
	for file in "$SRC"/test/t/*.pl; do
		[ -z "${STREAMING_TAP:-}" ] ||
			[[ " $STREAMING_TAP " == *" $(basename "$file" | cut -c 1-3) "* ]] ||
			continue
		name=t/$(basename "$file" .pl)
		log=$WORK/${name#t/}.log
		start=$(now_ms)
		(
			unset PGHOST PGPORT PGUSER PGDATABASE
			cd "$SRC/test"
			as_user_on_small_disk env TESTDIR="$SRC/test" TESTDATADIR="$SRC/test/tmp_check" \
				TESTLOGDIR="$SRC/test/tmp_check/log" \
				PG_REGRESS="$WORK/pg$pgxs/../test/regress/pg_regress" \
				PERL5LIB="$modules" \
				prove -v "$file"
		) > "$log" 2>&1
		verdict=$?
		ok=$(grep '^ok ' "$log" | grep -vc '# skip ')
		skipped=$(sed -n 's/^ok .*# skip //p; s/^.* skipped: //p' "$log" | sort -u)
		bad=$(grep -c '^not ok ' "$log")
		[ $verdict = 0 ] || [ "$bad" -gt 0 ] || bad=1
		[ "$ok" = 0 ] || result ok "$name: $ok assertions" \
			$(($(now_ms) - start)) "$ok"
		[ -z "$skipped" ] || echo "skipped $name: $skipped"
		logs=("$SRC"/test/tmp_check/log/*"${name#t/}"*.log)
		# a test may survive that, and some end processes by signals themselves
		if grep -qsE "$assertion" "${logs[@]}"; then
			result not-ok "$name: no process fails an assertion" 0
			grep -hE -A 25 -m 3 "$assertion" "${logs[@]}"
			[ "$bad" -gt 0 ] || keep_tap_logs "${name#t/}"
		fi
		if [ "$bad" -gt 0 ]; then
			result not-ok "$name: $bad assertions" $(($(now_ms) - start)) "$bad"
			grep -v '^ok ' "$log" | tail -60
			tail -n 15 "${logs[@]}"
			keep_tap_logs "${name#t/}"
		fi
	done
}

# run_lines LABEL COMMAND...: it prints a line for each test
run_lines()
{
	local label=$1 line

	shift
	while read -r line; do
		if [[ $line =~ ^(ok|not\ ok)\ (.*)\ ([0-9]+)\ ms$ ]]; then
			result "${BASH_REMATCH[1]/ /-}" "$label: ${BASH_REMATCH[2]}" \
				"${BASH_REMATCH[3]}"
		else
			echo "$line"
		fi
	done < <("$@" 2>&1 || [ $? = 3 ] ||
		echo "not ok $label broke, see above 0 ms")
}

# run_fuzz LABEL PROGRAM OPTION...: the same of one in test/fuzz
run_fuzz()
{
	local label=$1 program=$2

	shift 2
	run_lines "$label" as_user "$PYTHON" "$SRC/test/fuzz/$program" "$@"
}

# set_and_restart [setting=value ...]: these and nothing else, beyond what the server began with
set_and_restart()
{
	local setting sql=()

	for setting; do
		sql+=(-c "ALTER SYSTEM SET ${setting%%=*} = '${setting#*=}'")
	done
	as_user "$PGBIN/psql" -qX -c "ALTER SYSTEM RESET ALL" "${sql[@]}" > /dev/null
	as_user "$PGBIN/pg_ctl" restart -w -t 60 -m fast -D "$WORK/main" \
		-l "$WORK/main/server.log" > /dev/null
}

stage_fuzz()
{
	run_fuzz fuzz fuzz.py --histories "$histories" --seed "$seed" --jobs 2 \
		--brief
	run_fuzz eventtime eventtime.py --selftest
	run_fuzz eventtime eventtime.py --histories $((histories * 2 / 5 + 1)) \
		--seed "$seed" --jobs 2 --brief
	run_fuzz eventtime/restart eventtime.py --histories 5 --seed "$seed" \
		--restart "$WORK/main" --brief
	run_fuzz queries queries.py --histories $((histories / 8 + 1)) \
		--seed "$seed" --jobs 2 --brief
	# from here on, parallel workers help with any batch
	set_and_restart min_parallel_table_scan_size=0 parallel_setup_cost=0 \
		parallel_tuple_cost=0 streaming.debug_limits=backlog=1
	run_fuzz queries/parallel queries.py --histories $((histories / 8 + 1)) \
		--seed $((seed + 1000)) --jobs 2 --brief
	run_fuzz inorder inorder.py --histories $((histories / 4 + 1)) \
		--seed "$seed" --jobs 2 --brief
	run_fuzz joinrules joinrules.py --histories $((histories / 4 + 1)) \
		--seed "$seed" --jobs 2 --brief
	run_fuzz badrows badrows.py --histories $((histories / 10 + 1)) --seed "$seed"
	set_and_restart
	run_fuzz nexmark ../nexmark/nexmark.py --small --seed "$seed"
	run_fuzz nexmark/disorder ../nexmark/nexmark.py --small --seed "$seed" \
		--rate 2 --disorder 50
}

stage_race()
{
	run_fuzz race fuzz.py --race --histories 5 --seed "$seed" --brief
}

# It has a server of its own, which it kills.
stage_soak()
{
	run_fuzz soak ../soak.py --dir "$WORK/soak" --seed "$seed" \
		--seconds "${STREAMING_SOAK:-120}"
}

stage_bench()
{
	local start

	start=$(now_ms)
	if as_user "$PYTHON" "$SRC/test/bench/bench.py" --small \
		> "$WORK/bench.out" 2>&1; then
		result ok "bench --small" $(($(now_ms) - start))
	else
		result not-ok "bench --small" $(($(now_ms) - start))
		cat "$WORK/bench.out"
	fi
}

# It has a server of its own, and a release build.
stage_guards()
{
	run_lines guards "$TOP/test/guards.sh"
}

began=$(now_ms)
STREAMING_EXTRAS=1
streaming_setup STREAMING_DEBUG=1 STREAMING_WERROR=1
result ok "build without warnings" $(($(now_ms) - began))
server_version=$("$PGBIN/pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
pgxs=$("$PGBIN/pg_config" --pgxs)
pgxs=${pgxs#"$WORK/pg"}
pgxs=${pgxs%/*}
streaming_cluster main fsync=off wal_level=logical autovacuum_naptime=5s

for stage in $stages; do
	case $stage in
		layers | regress | isolation | tap | fuzz | race | soak | bench | guards)
			stage_$stage ;;
		*) die "unknown stage $stage" ;;
	esac
done

# Whatever the tests saw: no process may have crashed underneath them.
crash="$assertion|PANIC:|was terminated by signal"
if grep -E "$crash" "$WORK/main/server.log" \
	> "$WORK/crashes"; then
	result not-ok "no crash in the server's log" 0
	cat "$WORK/crashes"
	grep -B 5 -A 25 -m 3 -E "$crash" \
		"$WORK/main/server.log"
else
	result ok "no crash in the server's log" 0
fi
streaming_stop main || result not-ok "the server stops" 0

echo "$(($(now_ms) - began)) ms in all"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
