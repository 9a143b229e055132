#!/bin/bash
#
# sanitize.sh - run tests with the extension under AddressSanitizer.
#
# Usage: test/sanitize.sh [stage ...]
#
# Stages are those of run.sh; default: regress isolation.  The extension is
# compiled with the sanitizer and the server is started with its library
# preloaded, which also sees memory that the server frees (whole blocks of memory
# contexts, not single chunks).  A finding ends the process, and fails the run.
# Takes a few times as long as without.

exec env STREAMING_SANITIZE=1 "$(dirname "$0")/run.sh" \
	"${@:-regress}" $([ $# -gt 0 ] || echo isolation)
