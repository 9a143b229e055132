#!/bin/bash
#
# soak.sh - everything at once, for as long as one likes, checked by the oracle.
#
# Usage: test/soak.sh [SECONDS [option of soak.py ...]]
#
# Builds the extension and runs soak.py (which says what it does) on a server of its
# own: an hour by default.  The seed is printed first; --seed N has the actors decide
# the same again.
#
#	STREAMING_KEEP=1	leave the working directory, server and log

set -uo pipefail
. "$(dirname "$0")/lib.sh"

seconds=${1:-3600}
[[ $seconds =~ ^[0-9]+$ ]] || die "usage: soak.sh [SECONDS [option ...]]"
[ $# = 0 ] || shift
streaming_setup STREAMING_DEBUG=1
as_user "$PYTHON" "$SRC/test/soak.py" --dir "$WORK/soak" --seconds "$seconds" "$@"
