#!/bin/bash
#
# package.sh - build the Debian package, install it, use it, remove it.
#
# Usage: test/package.sh VERSION	(of PostgreSQL)
#
# It installs packages into the system that it runs on, as root: for a machine
# to throw away, such as the roots that test/versions.sh makes.

set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
version=${1:?usage: test/package.sh VERSION}
work=$(mktemp -d)
bin=/usr/lib/postgresql/$version/bin
package=postgresql-$version-streaming

cleanup()
{
	[ ! -f "$work/data/postmaster.pid" ] ||
		as_postgres "$bin/pg_ctl" stop -m immediate -D "$work/data" > /dev/null
	dpkg --purge "$package" > /dev/null 2>&1 || true
	rm -rf "$work"
}

as_postgres()
{
	runuser -u postgres -- "$@"
}

trap cleanup EXIT
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
{
	apt-get update
	apt-get install -y --no-install-recommends build-essential debhelper \
		fakeroot "postgresql-$version" postgresql-server-dev-all
} > "$work/log" 2>&1 || {
	tail "$work/log"
	exit 2
}

mkdir "$work/build"
cp -a "$top" "$work/build/streaming"
cd "$work/build/streaming"
export PG_SUPPORTED_VERSIONS=$version
{
	make -s clean || true
	pg_buildext updatecontrol
	dpkg-buildpackage -us -uc -b
	dpkg -i ../"$package"_*.deb
} > "$work/log" 2>&1 || {
	tail -n 30 "$work/log"
	exit 1
}
dpkg -L "$package" | grep -v '/$'

chmod 755 "$work"
install -d -o postgres "$work/data"
cd /
as_postgres "$bin/initdb" -D "$work/data" -A trust > /dev/null
{
	echo "shared_preload_libraries = 'streaming'"
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$work/data'"
} >> "$work/data/postgresql.conf"
as_postgres "$bin/pg_ctl" start -w -D "$work/data" -l "$work/data/log" \
	> /dev/null
result=$(as_postgres psql -h "$work/data" -X -q -A -t -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION streaming;
CREATE TABLE s (k int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s GROUP BY k;
INSERT INTO s VALUES (1), (1), (2);
REFRESH MATERIALIZED VIEW v;
SELECT string_agg(k || ':' || count, ' ' ORDER BY k) FROM v;
SQL
)
[ "$result" = "1:2 2:1" ] || {
	echo "unexpected: $result"
	exit 1
}
echo "$package works"
