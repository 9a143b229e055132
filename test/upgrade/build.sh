#!/bin/bash
#
# build.sh - make a PostgreSQL with the extension that runs on a newer system.
#
# Usage: test/upgrade/build.sh VERSION DIRECTORY
#
# DIRECTORY/pg is the installation, DIRECTORY/lib has the libraries that it needs,
# but for libc and its kin, and DIRECTORY/bin has programs that run those of the
# installation with them.

set -uo pipefail
PGVERSION=$1
. "$(dirname "$0")/../lib.sh"
target=$2
streaming_setup STREAMING_DEBUG=1
mkdir -p "$target/lib" "$target/bin"
cp -a "$WORK/pg" "$target/"
bindir=${PGBIN#"$WORK"}
find "$target$bindir" "$target$("$PGBIN/pg_config" --pkglibdir |
	sed "s,^$WORK,,")" -type f ! -name 'llvmjit*' -exec ldd {} \; 2> /dev/null |
	sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u |
	grep -vE '/(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl)\.so.*)$' |
	xargs -I{} cp -L {} "$target/lib/"
for program in "$target$bindir"/*; do
	name=${program##*/}
	printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$target/lib" \
		"$program" > "$target/bin/$name"
	chmod 755 "$target/bin/$name"
done
chmod -R a+rX "$target"
"$target/bin/postgres" --version
