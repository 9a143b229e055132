#!/bin/bash
#
# run.sh - build for release, start a throwaway server and run the benchmark.
#
# Usage: test/bench/run.sh [bench.py's options, see bench.py --help]

set -euo pipefail
. "$(dirname "$0")/../lib.sh"

streaming_setup
streaming_cluster bench shared_buffers=1GB max_wal_size=20GB \
	checkpoint_timeout=1h max_worker_processes=120 max_connections=300
as_user "$PYTHON" "$SRC/test/bench/bench.py" --restart "$WORK/bench" "$@"
