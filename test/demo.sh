#!/bin/bash
#
# demo.sh - see continuous views follow real data, live.
#
# Builds the extension, starts a throwaway server, replays a set of real
# earthquakes into a stream and shows two continuous views as they change.
# Then the oracle compares them with the plain query.  Leaves nothing behind.
#
# Usage: test/demo.sh [--fast]

set -euo pipefail
. "$(dirname "$0")/lib.sh"

for arg; do
	case $arg in
		--fast) ;;
		*) die "usage: demo.sh [--fast]" ;;
	esac
done
echo "Building streaming and starting a throwaway PostgreSQL server ..."
streaming_setup
streaming_cluster demo
as_user "$PYTHON" "$SRC/test/demo.py" "$@"
