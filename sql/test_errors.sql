-- A view whose batch fails: it says why, others go on, nothing is lost
\set SHOW_CONTEXT never
SET client_min_messages = warning;

-- wait until the view's worker has met the error by itself, or has got over it
CREATE PROCEDURE wait_for_failure(v regclass, fails bool) LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + '180 s';
BEGIN
	WHILE EXISTS (SELECT FROM streaming.views WHERE view = v AND last_error IS NULL) = fails LOOP
		IF clock_timestamp() > deadline THEN
			RAISE 'view % has not changed its state', v;
		END IF;
		PERFORM pg_sleep(0.01);
		COMMIT;
	END LOOP;
END $$;

CREATE TABLE s (k int, v int) USING stream;
CREATE MATERIALIZED VIEW good WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW divides WITH (streaming.continuous) AS SELECT k, sum(100 / v) FROM s GROUP BY k;
INSERT INTO s VALUES (1, 10), (2, 20);
REFRESH MATERIALIZED VIEW divides;
SELECT * FROM divides ORDER BY k;
SELECT view, state, last_error, failures FROM streaming.views ORDER BY view::text COLLATE "C";
-- one row is bad
INSERT INTO s VALUES (1, 5), (1, 0), (3, 1);
CALL wait_for_failure('divides', true);
REFRESH MATERIALIZED VIEW divides;
\echo :LAST_ERROR_SQLSTATE
SELECT streaming.wait('divides', '1 minute');
\echo :LAST_ERROR_SQLSTATE
\set SHOW_CONTEXT always
REFRESH MATERIALIZED VIEW divides;
\set SHOW_CONTEXT never
SELECT view, last_error, last_error_sqlstate, last_error_at IS NOT NULL AS has_time, failures > 0 AS failed, rows_read, lag_rows
FROM streaming.views WHERE view = 'divides'::regclass;
-- it shows what it had, as of before
SELECT * FROM divides ORDER BY k;
-- the other does not mind
INSERT INTO s VALUES (3, 2);
REFRESH MATERIALIZED VIEW good;
SELECT * FROM good ORDER BY k;
SELECT check_view('good');
-- more rows wait behind
INSERT INTO s VALUES (1, 50), (4, 1);
REFRESH MATERIALIZED VIEW divides;
SELECT * FROM divides ORDER BY k;
SELECT view, lag_rows FROM streaming.views WHERE view = 'divides'::regclass;
-- the way out: a view that leaves out the row
DROP MATERIALIZED VIEW divides;
CREATE MATERIALIZED VIEW divides WITH (streaming.continuous) AS SELECT k, sum(100 / v) FROM s WHERE v <> 0 GROUP BY k;
REFRESH MATERIALIZED VIEW divides;
SELECT * FROM divides ORDER BY k;
SELECT check_view('divides');
REFRESH MATERIALIZED VIEW good;
SELECT view, state, last_error, failures, lag_rows FROM streaming.views ORDER BY view::text COLLATE "C";

-- a trouble that goes away is over by itself, and each row has been counted once
CREATE TABLE allowed (k int PRIMARY KEY);
CREATE FUNCTION check_allowed(int) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM allowed WHERE k = $1) THEN
		RAISE 'key % is not allowed', $1 USING ERRCODE = 'AB123', DETAIL = 'This is the detail.', HINT = 'This is the hint.';
	END IF;
	RETURN $1;
END $$;
INSERT INTO allowed VALUES (1), (2), (3), (4);
CREATE MATERIALIZED VIEW checks WITH (streaming.continuous) AS SELECT check_allowed(k) AS k, count(*) FROM s GROUP BY 1;
REFRESH MATERIALIZED VIEW checks;
INSERT INTO s VALUES (4, 4), (5, 5), (1, 1);
REFRESH MATERIALIZED VIEW checks;
\echo :LAST_ERROR_SQLSTATE
SELECT last_error, last_error_sqlstate FROM streaming.views WHERE view = 'checks'::regclass;
INSERT INTO allowed VALUES (5);
CALL wait_for_failure('checks', false);
REFRESH MATERIALIZED VIEW checks;
SELECT * FROM checks ORDER BY k;
SELECT check_view('checks');
SELECT state, last_error, last_error_sqlstate, last_error_at, failures FROM streaming.views WHERE view = 'checks'::regclass;

-- a right that was taken away and given back
CREATE ROLE regress_streaming_a;
GRANT CREATE ON SCHEMA public TO regress_streaming_a;
GRANT SELECT ON s TO regress_streaming_a;
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW his WITH (streaming.continuous) AS SELECT k, count(*) FROM s GROUP BY k;
REFRESH MATERIALIZED VIEW his;
RESET ROLE;
REVOKE SELECT ON s FROM regress_streaming_a;
INSERT INTO s VALUES (1, 1), (6, 6);
INSERT INTO allowed VALUES (6);
SET ROLE regress_streaming_a;
REFRESH MATERIALIZED VIEW his;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM his WHERE k = 6;
RESET ROLE;
GRANT SELECT (k) ON s TO regress_streaming_a;
REFRESH MATERIALIZED VIEW his;
SELECT check_view('his');
REVOKE SELECT (k) ON s FROM regress_streaming_a;

-- values for which there is no room: refused by the key's index, kept by the rest
CREATE TABLE w (k text, t text) USING stream;
CREATE MATERIALIZED VIEW wide_value WITH (streaming.continuous) AS SELECT k, max(t COLLATE "C"), count(*) FROM w GROUP BY k;
INSERT INTO w VALUES ('a', repeat('x', 1000000)), ('a', repeat('y', 2000000));
REFRESH MATERIALIZED VIEW wide_value;
SELECT k, left(max, 3), length(max), count FROM wide_value;
INSERT INTO w VALUES ('a', repeat('z', 3000000)), ('b', NULL);
REFRESH MATERIALIZED VIEW wide_value;
SELECT k, left(max, 3), length(max), count FROM wide_value ORDER BY k;
SELECT check_view('wide_value');
-- a key that compresses well fits, one that does not is an error
CREATE TABLE wk (t text) USING stream;
CREATE MATERIALIZED VIEW wide_key WITH (streaming.continuous) AS SELECT t, count(*) FROM wk GROUP BY t;
INSERT INTO wk VALUES (repeat('x', 100000)), ('short'), (repeat('x', 100000)), (NULL);
REFRESH MATERIALIZED VIEW wide_key;
INSERT INTO wk VALUES (repeat('x', 100000)), ('short'), (repeat('x', 100001));
REFRESH MATERIALIZED VIEW wide_key;
SELECT left(t, 3), length(t), count FROM wide_key ORDER BY length;
SELECT check_view('wide_key');
INSERT INTO wk SELECT string_agg(md5(i::text), '' ORDER BY i) FROM generate_series(1, 1000) i;
INSERT INTO wk VALUES ('short');
\set VERBOSITY sqlstate
REFRESH MATERIALIZED VIEW wide_key;
\set VERBOSITY default
SELECT regexp_replace(last_error, '\d+', 'N', 'g') AS last_error, last_error_sqlstate, rows_read, lag_rows FROM streaming.views WHERE view = 'wide_key'::regclass;
SELECT left(t, 3), length(t), count FROM wide_key ORDER BY length;

-- a failing final function, combine function, cast on output
CREATE FUNCTION bad_final(int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT 100 / ($1 - 3)';
CREATE AGGREGATE bad_sum(int) (SFUNC = int4_sum, STYPE = int8, COMBINEFUNC = int8pl, FINALFUNC = bad_final);
CREATE TABLE f (v int, b int8) USING stream;
CREATE MATERIALIZED VIEW bad_final WITH (streaming.continuous) AS SELECT bad_sum(v) FROM f;
CREATE MATERIALIZED VIEW overflow WITH (streaming.continuous) AS SELECT count(*), sum(v)::int2, sum(b) * 2 AS twice FROM f;
INSERT INTO f VALUES (1, 1);
REFRESH MATERIALIZED VIEW bad_final;
SELECT * FROM bad_final;
INSERT INTO f VALUES (2, 2);
REFRESH MATERIALIZED VIEW bad_final;
SELECT * FROM bad_final;
INSERT INTO f VALUES (4, 4);
REFRESH MATERIALIZED VIEW bad_final;
SELECT * FROM bad_final;
SELECT check_view('bad_final');
INSERT INTO f VALUES (100000, 1);
-- above the aggregation, the reader gets the error, not the worker
REFRESH MATERIALIZED VIEW overflow;
SELECT * FROM overflow;
\echo :LAST_ERROR_SQLSTATE
SELECT count, twice FROM overflow;

-- a failed view can be altered, paused, resumed, dropped
ALTER MATERIALIZED VIEW wide_key RENAME TO wider_key;
ALTER MATERIALIZED VIEW wider_key SET (streaming.enabled = off);
SELECT state FROM streaming.views WHERE view = 'wider_key'::regclass;
REFRESH MATERIALIZED VIEW wider_key;
ALTER MATERIALIZED VIEW wider_key SET (streaming.enabled = on);
\set VERBOSITY sqlstate
REFRESH MATERIALIZED VIEW wider_key;
\set VERBOSITY default
DROP MATERIALIZED VIEW wider_key;
DROP MATERIALIZED VIEW his;
REVOKE CREATE ON SCHEMA public FROM regress_streaming_a;
DROP ROLE regress_streaming_a;

DROP TABLE s, w, wk, f CASCADE;
DROP TABLE allowed;
DROP FUNCTION check_allowed;
DROP AGGREGATE bad_sum(int);
DROP FUNCTION bad_final;
DROP PROCEDURE wait_for_failure;
SELECT * FROM leftovers();
