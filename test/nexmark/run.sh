#!/bin/bash
#
# run.sh - build for release, start a throwaway server and run the Nexmark queries.
#
# Usage: test/nexmark/run.sh [nexmark.py's options, see nexmark.py --help]

set -euo pipefail
. "$(dirname "$0")/../lib.sh"

streaming_setup
streaming_cluster nexmark shared_buffers=1GB max_wal_size=20GB \
	checkpoint_timeout=1h
as_user "$PYTHON" "$SRC/test/nexmark/nexmark.py" "$@"
