-- tumble: windows of a fixed length
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';

SELECT tumble('2024-01-01 10:17:00+00'::timestamptz, '15 minutes');
SELECT tumble('2024-01-01 10:17:00'::timestamp, '15 minutes');
SELECT pg_typeof(tumble('2024-01-01'::timestamptz, '1 day')), pg_typeof(tumble('2024-01-01'::timestamp, '1 day'));

-- the lower end is in the window, the upper is not
SELECT t, tumble(t, '1 hour') AS w, tumble(t, '1 hour') @> t AS contains
FROM unnest('{2024-01-01 09:59:59.999999+00,2024-01-01 10:00:00+00,2024-01-01 10:59:59.999999+00,2024-01-01 11:00:00+00}'::timestamptz[]) AS t;

-- before 1970, before 2000, before Christ
SELECT t, tumble(t, '1 day'), tumble(t, '7 days'), tumble(t, '1 hour')
FROM unnest('{1999-12-31 23:59:59.999999+00,1970-01-01 00:00:00+00,1969-12-31 23:59:59.999999+00,1969-12-31 00:00:00+00,0001-01-01 12:00:00+00,"0044-03-15 12:00:00+00 BC"}'::timestamptz[]) AS t;

-- an offset moves the beginnings, by any amount and either way
SELECT o, tumble('2024-01-01 10:17+00'::timestamptz, '1 hour', o)
FROM unnest('{0,15 minutes,17 minutes,18 minutes,-15 minutes,1 hour,61 minutes,-1000 days,25 hours}'::interval[]) AS o;
SELECT tumble('2024-01-03 12:00'::timestamp, '7 days', '4 days') AS monday_to_monday,
	tumble('2024-01-03 12:00'::timestamp, '1 day', '6 hours') AS six_to_six,
	tumble('1969-12-31 23:00'::timestamp, '1 day', '-90 minutes') AS before_epoch;
-- from UTC, whatever the session's time zone; days are 24 hours
SET TimeZone = 'America/New_York';
SELECT tumble('2024-03-10 12:00-04'::timestamptz, '1 day');
SELECT tumble('2024-03-10 12:00'::timestamp, '1 day');
SET TimeZone = 'Asia/Kathmandu';
SELECT tumble('2024-03-10 12:00+00'::timestamptz, '1 hour'), tumble('2024-03-10 12:00+00'::timestamptz, '1 hour', '15 minutes');
SET TimeZone = 'UTC';
-- odd sizes
SELECT s, tumble('2024-01-01 10:17:23.456789'::timestamp, s)
FROM unnest('{1 microsecond,1 millisecond,7 seconds,00:00:00.333333,1 day 1 microsecond,-1 day +25 hours,100000 days,2 weeks}'::interval[]) AS s;

-- like date_bin, which wants an origin before all timestamps
SELECT count(*) AS compared, count(*) FILTER (WHERE lower(w) <> bin OR upper(w) <> bin + s OR NOT w @> t) AS differences FROM
	generate_series('1960-01-01 00:00+00'::timestamptz, '1980-01-01', '13 days 7 hours 11 minutes 13.1 seconds') AS t,
	unnest('{1 second,1 minute,7 minutes,1 hour,1 day,7 days,1 day 1 hour}'::interval[]) AS s,
	unnest('{0,3 seconds,-3 seconds,5 days,-1000 days}'::interval[]) AS o,
	LATERAL (SELECT tumble(t, s, o) AS w,
		date_bin(s, t, '1970-01-01 00:00+00'::timestamptz + o - s * ceil(800000000 / extract(epoch FROM s))::float8) AS bin) AS x;
SELECT count(*) AS compared, count(*) FILTER (WHERE lower(w) <> bin OR upper(w) <> bin + s OR NOT w @> t) AS differences FROM
	generate_series('1970-01-01'::timestamp, '2040-01-01', '29 days 7 hours 11 minutes 13.1 seconds') AS t,
	unnest('{1 second,1 minute,7 minutes,1 hour,1 day,7 days,1 day 1 hour}'::interval[]) AS s,
	LATERAL (SELECT tumble(t, s) AS w, date_bin(s, t, '1970-01-01'::timestamp) AS bin) AS x;

-- NULL in, NULL out
SELECT tumble(NULL::timestamptz, '1 hour'), tumble(now(), NULL), tumble(now(), '1 hour', NULL), tumble(NULL::timestamp, '1 hour');
-- infinity has a window of its own
SELECT tumble('infinity'::timestamptz, '1 hour'), tumble('-infinity'::timestamptz, '1 hour'),
	tumble('infinity'::timestamp, '1 hour', '1 minute'), tumble('infinity'::timestamp, '1 hour') @> 'infinity'::timestamp AS contains;
-- the ends of time
SELECT tumble('294276-12-31 23:59:59.999999+00'::timestamptz, '1 microsecond');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('294276-12-31 22:59:59.999999+00'::timestamptz, '1 hour', '-7 hours');
SELECT tumble('294276-12-31 22:59:59.999999+00'::timestamp, '100000000 days', '-100000000 days');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('1980-01-01'::timestamp, '70000000 days', '69999999 days'), tumble('1980-01-01'::timestamp, '70000000 days', '-1 day');
SELECT tumble('4714-11-24 00:00:00+00 BC'::timestamptz, '1 day');
SELECT tumble('4714-11-24 00:00:00+00 BC'::timestamptz, '7 days');
\echo :LAST_ERROR_SQLSTATE
-- sizes that there are not
SELECT tumble('2024-01-01'::timestamptz, '1 month');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamp, '1 year');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamptz, '1 month -30 days');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamptz, '0');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamptz, '1 day -24 hours');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamptz, '-1 hour');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamptz, '1 hour', '1 month');
\echo :LAST_ERROR_SQLSTATE
SELECT tumble('2024-01-01'::timestamptz, '2147483647 days');
\echo :LAST_ERROR_SQLSTATE
-- it is immutable, so it can be indexed
SELECT proname, provolatile, proparallel, proisstrict, pg_get_function_arguments(oid)
FROM pg_proc WHERE proname = 'tumble' ORDER BY pronargs, pg_get_function_arguments(oid) COLLATE "C";
CREATE TABLE t (ts timestamptz);
CREATE INDEX ON t (tumble(ts, '1 hour'));
DROP TABLE t;

-- in a view
CREATE TABLE s (ts timestamptz, local timestamp, v int) USING stream;
CREATE MATERIALIZED VIEW by_hour WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 hour') AS w, lower(tumble(ts, '1 hour')) AS start, count(*), sum(v) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW by_local WITH (streaming.continuous) AS
	SELECT tumble(local, '15 minutes', '-5 minutes') AS w, count(*) FROM s GROUP BY 1;
CREATE MATERIALIZED VIEW by_both WITH (streaming.continuous) AS
	SELECT tumble(ts, '1 day') AS day, tumble(local, '1 hour') AS hour, v % 2 AS odd, count(*), avg(v) FROM s GROUP BY 1, 2, 3;
INSERT INTO s VALUES ('2024-01-01 10:00+00', '2024-01-01 09:54:59', 1), ('2024-01-01 10:59:59+00', '2024-01-01 09:55', 2), ('1969-12-31 23:30+00', NULL, 3), (NULL, 'infinity', 4);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
INSERT INTO s VALUES ('2024-01-01 10:30+00', '2024-01-01 09:56', 10), ('2024-01-01 11:00+00', '-infinity', 20), ('infinity', 'infinity', 30), ('1969-12-31 23:00+00', '1969-12-31 23:54:59', 40);
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM by_hour ORDER BY w;
SELECT * FROM by_local ORDER BY w;
SELECT * FROM by_hour WHERE w @> '2024-01-01 10:15+00'::timestamptz;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";
SET client_min_messages = warning;
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
