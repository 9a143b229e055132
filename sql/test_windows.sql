-- hop, session_window, window_time, and windows in a time zone
\set SHOW_CONTEXT never
\set VERBOSITY default
SET timezone='UTC';
SELECT hop('2024-01-01 00:07', '10 min', '5 min');
SELECT * FROM hop('2024-01-01 00:07'::timestamptz, '10 min', '3 min') h;
SELECT * FROM hop('2024-01-01 00:07'::timestamptz, size=>'10 min', slide=>'3 min', "offset"=>'1 min') h;
SELECT hop('2024-01-01 00:07'::timestamptz, '5 min', '10 min');
SELECT tumble('2024-03-15 10:00'::timestamptz, '1 month', timezone=>'Europe/Berlin'), tumble('2024-03-31 10:00'::timestamptz, '1 day', timezone=>'Europe/Berlin'), tumble('1969-03-31 10:00'::timestamptz, '1 year', timezone=>'UTC');
SELECT tumble('2024-03-15 10:00'::timestamptz, '1 hour', timezone=>'Europe/Berlin');
SELECT tumble('2024-03-15 10:00'::timestamptz, '1 month');
SELECT session_window('2024-01-01'::timestamp, '5 min'), session_window('2024-01-01'::timestamp, '0'), window_time(tumble('2024-01-01'::timestamp, '5 min'));
-- brute force
SELECT count(*) bad FROM generate_series('1969-12-20'::timestamptz,'1970-01-20','17 min 13.123456 s') t, (VALUES ('1 hour'::interval,'7 min'::interval,'3 min'::interval),('10 min','10 min','0'),('1 day','1 s'::interval*5000,'-5 min')) v(sz,sl,o)
WHERE (SELECT array_agg(h) FROM hop(t,sz,sl,o) h) IS DISTINCT FROM (SELECT array_agg(tstzrange(s,s+sz) ORDER BY s) FROM (SELECT to_timestamp(extract(epoch FROM o)::numeric + extract(epoch FROM sl)::numeric * k) s FROM generate_series(floor((extract(epoch FROM t)-extract(epoch FROM sz)-extract(epoch FROM o))/extract(epoch FROM sl))::int-1, ceil((extract(epoch FROM t)-extract(epoch FROM o))/extract(epoch FROM sl))::int+1) k) q WHERE s<=t AND t<s+sz);
-- partition of the time line in zones
WITH t AS (SELECT g t, z, sz, tumble(g, sz, timezone=>z) w FROM (VALUES ('Europe/Berlin'),('America/New_York'),('Asia/Kathmandu'),('Pacific/Apia'),('America/Havana'),('America/Sao_Paulo')) z(z), (VALUES ('1 day'::interval),('7 days'),('1 month'),('3 mons'),('1 year')) s(sz), generate_series('2010-12-01'::timestamptz,'2012-02-01','30 min') g),
 d AS (SELECT DISTINCT z, sz, w FROM t)
SELECT (SELECT count(*) FROM t WHERE NOT t <@ w) not_in, (SELECT count(*) FROM (SELECT w, lag(upper(w)) OVER (PARTITION BY z,sz ORDER BY w) <> lower(w) AS gap FROM d) q WHERE gap) gaps;
SELECT count(*) bad FROM generate_series('2024-03-01'::timestamptz,'2024-04-10','31 min') t WHERE (SELECT count(*) FROM hop(t,'7 days','1 day',timezone=>'Europe/Berlin') h WHERE t <@ h) <> 7;
SELECT hop('2024-03-15'::timestamptz,'3 months','1 month',timezone=>'Europe/Berlin');

-- sizes of sliding windows end where microseconds would overflow
SELECT hop('2024-01-01'::timestamp, '9223372036854775807 us', '4611686018427387904 us');
SELECT hop('2024-01-01'::timestamptz, '10001 years', '10000 years', timezone => 'UTC');
SELECT hop('2024-01-01'::timestamp, '3652424 days', '3652000 days');
SET client_min_messages = warning;
CREATE TABLE s (ts timestamp, k int) USING stream;
CREATE MATERIALIZED VIEW refused WITH (streaming.continuous) AS
	SELECT w, count(*) FROM s, hop(ts, '9223372036854775807 us', '4611686018427387904 us') w GROUP BY w;
-- more windows of a batch, and of a row, than are held in memory
ALTER SYSTEM SET streaming.state_cache_size = 64;
SELECT pg_reload_conf();
CREATE MATERIALIZED VIEW many WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, k, count(*), sum(k), array_agg(DISTINCT k) FROM s, hop(ts, '1 hour', '5 seconds') w GROUP BY w, k;
CREATE MATERIALIZED VIEW many_only WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT hop(ts, '1 hour', '5 seconds') AS w, count(*), max(k) FROM s GROUP BY w;
CREATE MATERIALIZED VIEW many_over WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT n, count(*) FROM (SELECT w, count(*) AS n FROM s, hop(ts, '1 hour', '5 seconds') w GROUP BY w) q GROUP BY n;
INSERT INTO s SELECT timestamp '2024-01-01' + i * interval '11 minutes', i % 3 FROM generate_series(1, 5) i;
INSERT INTO s VALUES ('infinity', 1), (NULL, 2);
REFRESH MATERIALIZED VIEW many;
REFRESH MATERIALIZED VIEW many_only;
REFRESH MATERIALIZED VIEW many_over;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
INSERT INTO s SELECT timestamp '2024-01-01' + i * interval '7 minutes', i % 3 FROM generate_series(1, 5) i;
REFRESH MATERIALIZED VIEW many;
REFRESH MATERIALIZED VIEW many_only;
REFRESH MATERIALIZED VIEW many_over;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text;
SELECT count(*) FROM many;
ALTER SYSTEM RESET streaming.state_cache_size;
SELECT pg_reload_conf();
-- without an event time, windows come in step with the rows of another function
CREATE MATERIALIZED VIEW in_step WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT hop(ts, '10 min', '5 min') AS w, generate_series(1, k) AS g, count(*) FROM s GROUP BY w, g;
REFRESH MATERIALIZED VIEW in_step;
SELECT check_view('in_step');
-- one row in so many windows can be ended
CREATE MATERIALIZED VIEW endless WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT w, count(*) FROM s, hop(ts, '36500 days', '1 microsecond') w GROUP BY w;
SET statement_timeout = '200 ms';
REFRESH MATERIALIZED VIEW endless;
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
ALTER MATERIALIZED VIEW endless SET (streaming.enabled = off);
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
-- what delta queries group by: a time that stands for its window, one for all times in that
WITH d AS (SELECT sz, o, t, tumble(t,sz,o) w, streaming._tumble_start(t,sz,o) s, tumble(t::timestamp,sz,o) lw, streaming._tumble_start(t::timestamp,sz,o) ls
 FROM (VALUES ('1 us'::interval,'0'::interval),('30 min','-7 min'),('1 day','2:30'),('365000 days','0'),('100000000 days','0'),(NULL,'0')) v(sz,o),
  (SELECT unnest('{-infinity,infinity,4714-11-24 00:00:00+00 BC,4714-11-24 00:00:01+00 BC,4714-12-01 00:00:01+00 BC,294276-12-31 23:10+00,294276-12-31 23:59:59.999999+00,1969-12-31 23:59:59.999999+00,2000-01-01 00:00+00,NULL}'::timestamptz[])
	UNION ALL SELECT generate_series('1969-12-01'::timestamptz,'1970-02-01','47 min 13.1 s')) t(t))
SELECT count(*), count(*) FILTER (WHERE tumble(s,sz,o) IS DISTINCT FROM w OR tumble(ls,sz,o) IS DISTINCT FROM lw) bad,
 count(DISTINCT (sz,o,w)) - count(DISTINCT (sz,o,s)) more, count(DISTINCT (sz,o,lw)) - count(DISTINCT (sz,o,ls)) more_local FROM d;
