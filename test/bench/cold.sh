#!/bin/bash
#
# cold.sh - a backfill from disk: nothing of the stream is in memory.
#
# Usage: test/bench/cold.sh [-r runs] [setting=value ...]
#
# The server restarts before each measurement, and root drops the kernel's caches;
# anyone else cannot, so that the rows come from there.  Each run takes the SELECT
# and the view's first batch, in turn.

set -euo pipefail
. "$(dirname "$0")/../lib.sh"

runs=5
[ "${1:-}" != -r ] || {
	runs=$2
	shift 2
}
rows=2000000
query="SELECT k, count(*) AS n, sum(v) AS s, avg(v) AS a, min(v) AS lo, max(v) AS hi
	FROM cold GROUP BY k"

sql()
{
	as_user psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET max_parallel_workers_per_gather = 0" "$@"
}

# forget: of the stream, nothing is in shared buffers or the kernel's cache
forget()
{
	streaming_stop cold
	sync
	if [ "$(id -u)" = 0 ] && [ -w /proc/sys/vm/drop_caches ]; then
		echo 3 > /proc/sys/vm/drop_caches
		forgotten="caches dropped"
	else
		forgotten="the kernel's cache kept"
	fi
	as_user "$PGBIN/pg_ctl" start -w -D "$WORK/cold" -l "$WORK/cold/server.log" > /dev/null
	# what every statement needs but for the rows; and the worker
	sql -c "EXPLAIN $query" -c "TABLE cold_v" -c "INSERT INTO warm VALUES (1)" \
		-c "REFRESH MATERIALIZED VIEW warm_v" > /dev/null
}

# seconds COMMAND: how long one statement takes
seconds()
{
	sql -c '\timing on' -c "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1
}

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

streaming_setup
streaming_cluster cold shared_buffers=1GB max_wal_size=20GB autovacuum=off "$@"
sql -c "CREATE EXTENSION streaming" \
	-c "CREATE TABLE cold (id int8, k int4, v int4, pad text) USING stream" \
	-c "CREATE TABLE warm (k int4) USING stream" \
	-c "CREATE MATERIALIZED VIEW warm_v WITH (streaming.continuous) AS SELECT k, count(*) FROM warm GROUP BY k" \
	-c "SELECT setseed(0.5)" \
	-c "INSERT INTO cold SELECT x, random() * 9999, random() * 1000000, repeat('x', 100) FROM generate_series(1, $rows) x" \
	-c "VACUUM (FREEZE, ANALYZE) cold" > /dev/null
for ((i = 0; i < runs; i++)); do
	sql -c "CREATE MATERIALIZED VIEW cold_v WITH (streaming.continuous, streaming.trigger = manual) AS $query"
	forget
	seconds "SELECT count(*) FROM ($query) q" >> "$WORK/theirs"
	forget
	seconds "REFRESH MATERIALIZED VIEW cold_v" >> "$WORK/ours"
	[ "$(sql -c 'SELECT sum(n) FROM cold_v')" = $rows ] || die "rows are missing"
	sql -c "DROP MATERIALIZED VIEW cold_v"
done
ours=$(median < "$WORK/ours")
theirs=$(median < "$WORK/theirs")
echo "$(sql -c 'SHOW server_version'), $(sql -c "SELECT pg_size_pretty(pg_table_size('cold'))"), $forgotten: view $ours ms, SELECT $theirs ms, ratio $(awk "BEGIN { printf \"%.2f\", $theirs / $ours }")"
echo "view:" $(cat "$WORK/ours")
echo "SELECT:" $(cat "$WORK/theirs")
