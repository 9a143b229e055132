-- Row by row: WHERE, expressions, FILTER
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'UTC';

CREATE TABLE s (k int, v int, t text, ts timestamptz, j jsonb) USING stream;
INSERT INTO s VALUES
	(1, 10, 'apple pie', '2024-01-01 00:30+00', '{"a": {"b": 1}}'),
	(1, NULL, 'Banana', '2024-01-01 23:30+00', '{"a": null}'),
	(2, -5, NULL, '2024-06-30 12:00+00', NULL),
	(NULL, 0, '', NULL, '[]');

CREATE MATERIALIZED VIEW w_where WITH (streaming.continuous) AS
	SELECT k, count(*) FROM s WHERE v >= 0 AND t IS NOT NULL GROUP BY k;
CREATE MATERIALIZED VIEW w_null WITH (streaming.continuous) AS
	SELECT count(*) FROM s WHERE v > NULL;
CREATE MATERIALIZED VIEW w_like WITH (streaming.continuous) AS
	SELECT t ILIKE '%a%' AS has_a, t ~ '^[A-Z]' AS capital, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW w_coalesce WITH (streaming.continuous) AS
	SELECT COALESCE(k, -1) AS k, NULLIF(t, '') AS t, count(*), sum(COALESCE(v, 0)) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW w_json WITH (streaming.continuous) AS
	SELECT j #>> '{a,b}' AS b, j @> '{"a": null}' AS n, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW w_day WITH (streaming.continuous) AS
	SELECT ts::date AS day, extract(hour FROM ts) AS hour, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW w_bin WITH (streaming.continuous) AS
	SELECT date_bin('6 hours', ts, '2000-01-01') AS bin, tumble(ts, '6 hours') AS w, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW w_text WITH (streaming.continuous) AS
	SELECT to_char(ts, 'Mon') AS mon, split_part(t, ' ', 1) AS word, length(t), count(*) FROM s GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW w_row WITH (streaming.continuous) AS
	SELECT count(*) FROM s WHERE (k, v) IN ((1, 10), (2, -5)) AND (k, v) IS DISTINCT FROM ROW(2, 0);
CREATE MATERIALIZED VIEW w_any WITH (streaming.continuous) AS
	SELECT k = ANY ('{1,3}') AS odd, count(*) FROM s GROUP BY 1;
CREATE FUNCTION classify(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE WHEN $1 > 0 THEN 'positive' ELSE 'other' END;
END $$;
CREATE FUNCTION classify_sql(int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT classify($1) $$;
CREATE MATERIALIZED VIEW w_function WITH (streaming.continuous) AS
	SELECT classify(v) AS c1, classify_sql(v) AS c2, count(*) FROM s GROUP BY 1, 2;
CREATE MATERIALIZED VIEW f_filter WITH (streaming.continuous) AS
	SELECT k, count(*), count(*) FILTER (WHERE v > 0) AS positive, sum(v) FILTER (WHERE t <> '') AS named,
		count(*) FILTER (WHERE false) AS never, max(v) FILTER (WHERE v IS NULL) AS none
	FROM s GROUP BY k;
CREATE MATERIALIZED VIEW f_scalar WITH (streaming.continuous) AS
	SELECT count(*) FILTER (WHERE v > 0) AS positive, avg(v) FILTER (WHERE k = 1) AS one FROM s;
CREATE MATERIALIZED VIEW f_expression WITH (streaming.continuous) AS
	SELECT k, sum(v * 2 + 1), max(length(t)), bool_or(v > 5 AND t LIKE 'a%'), min(ts + '1 day'::interval) FROM s GROUP BY k;

SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT view, check_view(view) FROM streaming.views WHERE check_view(view) <> 'ok' ORDER BY view::text COLLATE "C";
INSERT INTO s SELECT k, v + 1, t || 'x', ts + '5 hours', j FROM s;
INSERT INTO s VALUES (3, 7, 'cherry', '1969-12-31 23:59:59.999999+00', '{"a": {"b": "1"}}');
SELECT count(*) FROM streaming.views WHERE streaming.wait(view);
SELECT * FROM w_where ORDER BY k;
SELECT * FROM w_null;
SELECT * FROM w_day ORDER BY day, hour;
SELECT * FROM w_bin ORDER BY bin;
SELECT * FROM f_filter ORDER BY k;
SELECT * FROM f_scalar;
SELECT * FROM f_expression ORDER BY k;
SELECT view, check_view(view) FROM streaming.views ORDER BY view::text COLLATE "C";

-- what the session says when the view is made counts, not what the worker has
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = -5;
SET bytea_output = 'escape';
CREATE SCHEMA other;
CREATE FUNCTION other.classify(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'other schema' $$;
SET search_path = other, public;
CREATE FUNCTION other.by_path(int) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN classify($1);
END $$;
CREATE MATERIALIZED VIEW public.p_settings WITH (streaming.continuous) AS
	SELECT ts::text AS ts, ts::date AS day, '01.02.2024'::text::date AS d, (ts - '2024-01-01')::text AS i, (v / 7.0)::float8::text AS f,
		t::bytea::text AS b, by_path(v), count(*)
	FROM s GROUP BY 1, 2, 3, 4, 5, 6, 7;
SET search_path = public;
INSERT INTO s SELECT * FROM s WHERE k = 1;
REFRESH MATERIALIZED VIEW p_settings;
SET search_path = other, public;
SELECT check_view('p_settings');
SELECT ts, day, d, i, f, b, by_path, count FROM p_settings WHERE f LIKE '1.4%' ORDER BY ts COLLATE "C";
RESET search_path;
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET extra_float_digits;
RESET bytea_output;
SET TimeZone = 'America/New_York';
CREATE MATERIALIZED VIEW p_zone WITH (streaming.continuous) AS
	SELECT date_trunc('day', ts) AS day, count(*) FROM s GROUP BY 1;
REFRESH MATERIALIZED VIEW p_zone;
INSERT INTO s VALUES (9, 9, 'nine', '2024-03-10 23:00-04', NULL);
RESET TimeZone;
REFRESH MATERIALIZED VIEW p_zone;
SET TimeZone = 'America/New_York';
SELECT check_view('p_zone');
SELECT * FROM p_zone ORDER BY day;
RESET TimeZone;

-- statement time and the like are those of the batch
CREATE MATERIALIZED VIEW n_now WITH (streaming.continuous) AS
	SELECT count(*) FILTER (WHERE ts <= now()) AS past, count(*) FROM s;
REFRESH MATERIALIZED VIEW n_now;
SELECT check_view('n_now');

DROP TABLE s CASCADE;
DROP FUNCTION classify_sql, classify;
DROP SCHEMA other CASCADE;
SELECT * FROM leftovers();
