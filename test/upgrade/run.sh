#!/bin/bash
#
# run.sh - pg_upgrade a cluster with continuous views, and have them go on.
#
# Usage: test/upgrade/run.sh OLD NEW DIRECTORY
#
# Versions; DIRECTORY has the old one (build.sh).  Called by test/upgrade.sh in a
# root that has the new one.  Prints lines "ok ..." and "not ok ...", and "done" at
# the end.

set -uo pipefail
old=$1
new=$2
old_dir=$3
old_bin=$3/bin
PGVERSION=$new
. "$(dirname "$0")/../lib.sh"

# result NAME COMMAND...: did it go well?
result()
{
	local name=$1

	shift
	if "$@"; then
		echo "ok $old-$new $name"
	else
		echo "not ok $old-$new $name"
	fi
}

# make_data BIN DIR [SETTING...]: with checksums, as 18 has them
make_data()
{
	local bin=$1 data=$2

	shift 2
	as_user "$bin/initdb" -D "$data" -U postgres -A trust -N -k -E UTF8 \
		--locale=C > "$data.initdb" 2>&1 || {
		cat "$data.initdb"
		die "initdb failed"
	}
	{
		echo "shared_preload_libraries = 'streaming'"
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$WORK/sock'"
		echo "max_worker_processes = 24"
		echo "fsync = off"
		echo "autovacuum = off"
	} | as_user tee -a "$data/postgresql.conf" > /dev/null
}

# start BIN DIR [OPTIONS]
start()
{
	as_user "$1/pg_ctl" start -w -t 60 -D "$2" -l "$2.log" ${3:+-o "$3"} \
		> /dev/null || {
		tail -n 20 "$2.log"
		die "the server did not start"
	}
}

stop()
{
	as_user "$1/pg_ctl" stop -w -m fast -D "$2" > /dev/null
}

sql()
{
	as_user psql -X -q -v ON_ERROR_STOP=1 "$@"
}

# answer SQL: its one value
answer()
{
	sql -A -t -c "$1"
}

# Some minor releases note in the options of a column that types have changed, and
# pg_upgrade fails, for any such table, if the new server is older than that.  What
# this is about is something else: take the notes away.
take_notes_away()
{
	! grep -q pg_attver "$old_dir/pg/usr/lib/postgresql/$old/bin/postgres" ||
		grep -q pg_attver "$PGBIN/postgres" || {
		echo "note: pg_attver is not known to this minor release of $new"
		sql -c "UPDATE pg_attribute SET attoptions = NULL WHERE attoptions::text LIKE '{pg_attver=%}'"
	}
}

# What a cluster of the old version is like when it is to be upgraded.
fill()
{
	sql -f "$dir/views.sql"
	sql -f "$dir/operators.sql"
	[ "$old" -lt 17 ] || sql -f "$dir/since17.sql"
	sql -v part=1 -f "$dir/rows.sql"
	sql -f "$dir/refresh.sql"
	sql -f "$dir/trouble.sql"
	sql -c 'SET ROLE upgrade_owner' -c "SELECT FROM streaming.release('shop.let_go')" > /dev/null
	sql -v part=2 -f "$dir/rows.sql"
	sql -f "$dir/refresh.sql"
	take_notes_away
	sql -c 'VACUUM shop.clicks' -c 'CHECKPOINT'
	# inserted, not read: but by the one that does it by itself
	sql -v part=3 -f "$dir/rows.sql"
}

# go_on NAME: how it stands, and how it goes on
go_on()
{
	sql -c "SELECT streaming.wait('shop.eager')" > /dev/null
	sql -f "$dir/check.sql" > "$WORK/$1.stood" 2>&1
	sql -f "$dir/refresh.sql" > /dev/null
	sql -f "$dir/check.sql" > "$WORK/$1.read" 2>&1
	sql -v part=4 -f "$dir/rows.sql"
	sql -f "$dir/refresh.sql" > /dev/null
	sql -f "$dir/check.sql" > "$WORK/$1.gone_on" 2>&1
}

same()
{
	[ -s "$1" ] && diff "$1" "$2"
}

# The text of an error that a statement gives.
says()
{
	sql -c "$1" > "$WORK/says" 2>&1
	grep -q "$2" "$WORK/says" || {
		cat "$WORK/says"
		return 1
	}
}

# Before any scheduler has run: nothing is torn, and what can be read is right.
check_unattended()
{
	start "$PGBIN" "$data" "-c max_worker_processes=0"
	result "$mode: a view can be read at once" \
		test "$(answer 'SET ROLE upgrade_owner; SELECT count(*) > 0 FROM shop.per_url')" = t
	result "$mode: ... or the server says that it cannot, yet" \
		says 'SET ROLE upgrade_owner; SELECT FROM shop.final' 'permission denied for table _progress'
	result "$mode: a view is not dropped before its parts are its own" \
		says 'DROP VIEW shop.seen' 'cannot be dropped yet'
	result "$mode: ... nor what is below it" \
		says 'DROP TABLE shop.hasty CASCADE' 'cannot be dropped yet'
	result "$mode: ... nor all of it" \
		says 'DROP SCHEMA shop CASCADE' 'cannot be dropped yet'
	stop "$PGBIN" "$data"
}

# What users do to streams and views works as ever.
check_commands()
{
	result "$mode: rows can be removed" \
		sql -c 'TRUNCATE shop.hasty; ALTER TABLE shop.parted DETACH PARTITION shop.parted_1' \
		-c 'INSERT INTO shop.hasty VALUES (3, 1000)' \
		-c 'REFRESH MATERIALIZED VIEW shop.hasty_sum'
	result "$mode: ... and count" \
		test "$(answer 'SELECT sum > 1000 FROM shop.hasty_sum WHERE k = 3')" = t
	result "$mode: internal relations are refused" \
		says 'DELETE FROM streaming._view' 'cannot'
	sql -c 'SET ROLE upgrade_owner' \
		-c 'CREATE MATERIALIZED VIEW shop.n WITH (streaming.continuous) AS SELECT count(*) FROM shop.clicks' \
		-c 'REFRESH MATERIALIZED VIEW shop.n'
	result "$mode: a new view reads it all" \
		test "$(answer 'SELECT count = (SELECT count(*) FROM shop.clicks) FROM shop.n')" = t
	result "$mode: pages are sound" \
		test "$(answer "CREATE EXTENSION amcheck; SELECT count(*) FROM streaming.streams, streaming.check_pages(stream)" | tail -n 1)" = 0
	result "$mode: a type of a state table takes the view with it" \
		sql -c 'SET client_min_messages = warning' -c 'DROP TYPE shop.kind CASCADE'
	result "$mode: ... completely" test "$(answer "SELECT count(*) FROM streaming.views WHERE view::text IN ('shop.per_url', 'shop.final')")" = 0
	result "$mode: views can be dropped" \
		sql -c 'SET client_min_messages = warning' -c 'DROP MATERIALIZED VIEW shop.seen' \
		-c 'DROP SCHEMA shop CASCADE'
	result "$mode: ... and leave nothing behind" test -z "$(answer "
		SELECT c.oid::regclass FROM pg_class c
		WHERE relnamespace = 'streaming'::regnamespace AND relkind IN ('r', 'v')
			AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
				AND objid = c.oid AND deptype = 'e')")"
	result "$mode: ... in the catalog" test "$(answer '
		SELECT (SELECT count(*) FROM streaming._view) + (SELECT count(*) FROM streaming._progress)
			+ (SELECT count(*) FROM streaming._progress_unlogged)
			+ (SELECT count(*) FROM streaming._stream)
			+ (SELECT count(*) FROM streaming._rejection)
			+ (SELECT count(*) FROM streaming._error)
			+ (SELECT count(*) FROM streaming._release)')" = 0
}

# preload LIBRARY: sets it for the new cluster
preload()
{
	echo "shared_preload_libraries = '$1'" |
		as_user tee -a "$data/postgresql.conf" > /dev/null
}

# run_mode copy|link: for pg_upgrade --copy, the new cluster does not have the
# library loaded yet
run_mode()
{
	mode=$1
	data=$WORK/new_$mode

	as_user cp -a "$WORK/old" "$WORK/old_$mode"
	make_data "$PGBIN" "$data"
	[ "$mode" = link ] || preload ''
	as_user mkdir "$WORK/out_$mode"
	cd "$WORK/out_$mode" || exit
	result "$mode: pg_upgrade" as_user "$PGBIN/pg_upgrade" -b "$old_bin" \
		-B "$PGBIN" -d "$WORK/old_$mode" -D "$data" -U postgres \
		-s "$WORK/sock" --"$mode" > "$WORK/pg_upgrade_$mode" 2>&1
	grep -E '^(not )?ok' "$WORK/pg_upgrade_$mode"
	grep -q '^ok' "$WORK/pg_upgrade_$mode" || {
		tail -n 30 "$WORK/pg_upgrade_$mode"
		find "$data" -name 'pg_upgrade_*.log' -exec tail -n 15 {} \;
		return
	}
	preload streaming
	check_unattended
	start "$PGBIN" "$data"
	go_on "$mode"
	result "$mode: views stand where they stood" \
		same "$WORK/twin.stood" "$WORK/$mode.stood"
	result "$mode: they read what had not been read" \
		same "$WORK/twin.read" "$WORK/$mode.read"
	result "$mode: they go on" same "$WORK/twin.gone_on" "$WORK/$mode.gone_on"
	sql -f "$dir/oracle.sql" > "$WORK/oracle_$mode" 2>&1
	result "$mode: they are what their queries say" \
		diff /dev/null "$WORK/oracle_$mode"
	stop "$PGBIN" "$data"
	start "$PGBIN" "$data"
	sql -c "SELECT streaming.wait('shop.eager')" > /dev/null
	sql -f "$dir/check.sql" > "$WORK/$mode.restarted" 2>&1
	result "$mode: the same after a restart" \
		same "$WORK/twin.gone_on" "$WORK/$mode.restarted"
	check_commands
	stop "$PGBIN" "$data"
	result "$mode: no process has crashed" \
		test -z "$(grep -E 'TRAP:|PANIC:|terminated by signal' "$data.log")"
}

streaming_setup STREAMING_DEBUG=1 STREAMING_WERROR=1
dir=$SRC/test/upgrade
cd "$WORK" || exit
export PGHOST=$WORK/sock PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
make_data "$old_bin" "$WORK/old"
start "$old_bin" "$WORK/old"
fill
stop "$old_bin" "$WORK/old"
as_user cp -a "$WORK/old" "$WORK/twin"
start "$old_bin" "$WORK/twin"
result "the cluster to upgrade" \
	test "$(answer 'SHOW server_version_num' | cut -c 1-2)" = "$old"
go_on twin
sql -f "$dir/oracle.sql" > "$WORK/oracle_twin" 2>&1
result "the old version is what its queries say" diff /dev/null "$WORK/oracle_twin"
stop "$old_bin" "$WORK/twin"
for mode in copy link; do
	run_mode $mode
done
echo done
