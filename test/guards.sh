#!/bin/bash
#
# guards.sh - do batches still cost what they did, in instructions?
#
# Usage: test/guards.sh [guards.py's options, or views]
#
# Builds for release, starts a throwaway server under callgrind and compares what a
# row, a group and a batch of some views cost with guards.txt.  After a change that is
# worth what it costs, or is better: test/guards.sh --print prints what that should say.
# With --keep and STREAMING_KEEP=1 the profiles stay (callgrind_annotate).
#
# The exit code is 0 only if nothing is red.  It takes a minute.  Other versions of
# PostgreSQL or compilers than the table knows of are left out, saying so.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

command -v valgrind > /dev/null || [ "$(id -u)" = 0 ] || {
	echo "skipped guards: there is no valgrind"
	exit 0
}
STREAMING_VALGRIND=1
streaming_setup
mkdir "$WORK/counts"
[ "$(id -u)" != 0 ] || chown "$RUN_AS:" "$WORK/counts"
# a worker's transactions, those of batches among them, are in that function
cat > "$WORK/postgres" <<WRAPPER
#!/bin/sh
# the same copies and comparisons of bytes on any machine
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-BMI2,-MOVBE,-RTM
exec valgrind -q --tool=callgrind --callgrind-out-file="$WORK/counts/%p" \\
	--toggle-collect=in_transaction --dump-after=in_transaction \\
	"$PGBIN/postgres" "\$@"
WRAPPER
chmod 755 "$WORK/postgres"
STREAMING_POSTGRES=$WORK/postgres
# what comes by the clock would be in some runs only
streaming_cluster guards fsync=off autovacuum=off full_page_writes=off \
	checkpoint_timeout=1h max_wal_size=4GB bgwriter_lru_maxpages=0 jit=off \
	streaming.workers=1 streaming.target_latency=0
as_user "$PYTHON" "$SRC/test/guards.py" --out "$WORK/counts" \
	--compiler "$(gcc -dumpfullversion)" "$SRC/test/guards.txt" "$@"
