#!/bin/sh
#
# check_layers.sh - keep the layers of src/ in order.
#
# The OBJS list of the Makefile is the layer order, lowest first; the files of a
# folder stand together in it.  A file may include its own header and headers of
# lower layers only (a lower layer never calls an upper one), each named with its
# folder; only in base/compat.[ch] does it matter which version of PostgreSQL it is.  And whatever a
# file exports is named stream_<...>, so that nothing collides inside the server.
#
# Usage: check_layers.sh [directory of the objects; default: the source tree]
# The check of the exported names is skipped for files that are not compiled.

set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
objdir=${1:-$top}
cd "$top"

order=$(sed -n '/^OBJS/,/[^\\]$/p' Makefile | grep -o 'src/[a-z_0-9/]*\.o' |
	sed 's,src/,,; s,\.o,,')
[ -n "$order" ] || { echo "check_layers: no OBJS in the Makefile" >&2; exit 2; }

bad=0
complain()
{
	echo "check_layers: $*" >&2
	bad=1
}

# rank FOLDER/NAME: its place in the order; empty for a file unknown
rank()
{
	echo "$order" | grep -nx "$1" | cut -d: -f1
}

if [ "$(echo "$order" | cut -d/ -f1 | uniq | wc -l)" != \
	"$(echo "$order" | cut -d/ -f1 | sort -u | wc -l)" ]; then
	complain "the files of a folder do not stand together in OBJS"
fi

for file in src/*/*.c src/*/*.h; do
	name=${file#src/}
	name=${name%.*}
	if [ "$name" != base/compat ] && grep -q PG_VERSION_NUM "$file"; then
		complain "$file asks for PG_VERSION_NUM, which is for compat.h"
	fi
	mine=$(rank "$name")
	if [ -z "$mine" ]; then
		complain "$file has no place in OBJS"
		continue
	fi
	while read -r line header; do
		# PostgreSQL's headers are none of our business
		[ -f "src/$header" ] || continue
		theirs=$(rank "${header%.h}")
		if [ -z "$theirs" ]; then
			complain "$file:$line includes $header, which has no place in OBJS"
		elif [ "$theirs" -gt "$mine" ]; then
			complain "$file:$line includes $header of a higher layer"
		fi
	done <<INCLUDES
$(sed -n '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;s/.*"\([^"]*\)".*/\1/p;}' "$file" | paste - -)
INCLUDES
done

for name in $order; do
	[ -f "src/$name.c" ] || complain "src/$name.c is in OBJS but does not exist"
	object=$objdir/src/$name.o
	[ -f "$object" ] || continue
	for symbol in $(nm -g --defined-only "$object" | awk '{print $3}'); do
		case $symbol in
			stream_*|pg_finfo_*|_PG_init|Pg_magic_func|__odr_asan.*) ;;
			*) complain "src/$name.c exports $symbol" ;;
		esac
	done
done

[ $bad = 0 ] || exit 1
echo "check_layers: $(echo "$order" | wc -l) layers in order"
