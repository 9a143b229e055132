-- Views of several operators, which 0.9 did not have; after views.sql.
SET client_min_messages = warning;
SET timezone = 'Europe/Berlin';
SET ROLE upgrade_owner;
SET search_path = shop, public;
-- changes of groups and of latest rows, distinct values, kept rows,
-- grouping sets, first rows, sessions of groups
CREATE MATERIALIZED VIEW histogram WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT n, count(*), max(last), sum(ms) FROM (SELECT url, count(*) AS n, max(ts) AS last,
		sum(ms) AS ms FROM clicks GROUP BY url) u GROUP BY n;
CREATE MATERIALIZED VIEW last_tints WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT tint, count(*), max(body) AS body FROM (SELECT DISTINCT ON (url) url, tint, body
		FROM clicks ORDER BY url, ts DESC NULLS LAST, ms, price, body) c GROUP BY tint;
CREATE MATERIALIZED VIEW tinted WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT p.v, t.tint, t.n, n.name FROM plain p JOIN (SELECT tint, count(*) AS n FROM clicks
		GROUP BY tint) t ON p.k = mod(t.n, 10) LEFT JOIN names n ON n.k = mod(t.n, 3);
CREATE MATERIALIZED VIEW values_of WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, count(DISTINCT ms), count(DISTINCT tint) AS tints,
		array_agg(price ORDER BY price) AS prices FROM clicks GROUP BY url;
CREATE MATERIALIZED VIEW sets WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, tint, GROUPING(url, tint) AS level, count(*), sum(ms)
	FROM clicks GROUP BY CUBE (url, tint);
CREATE MATERIALIZED VIEW slowest WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, ms, r FROM (SELECT url, ms, rank() OVER (PARTITION BY url ORDER BY ms DESC) AS r
		FROM clicks) c WHERE r <= 2;
CREATE MATERIALIZED VIEW busy WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = append, security_barrier) AS
	SELECT url, session_window(window_time(w), '30 minutes') AS busy, sum(n)
	FROM (SELECT url, tumble(ts, '10 minutes') AS w, count(*) AS n FROM clicks
		GROUP BY url, w) c GROUP BY url, busy;
CREATE MATERIALIZED VIEW pairs WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT a.url, a.ms, b.tint FROM clicks a JOIN clicks b ON a.url = b.url AND a.ms = b.ms + 1
	WHERE a.ts > b.ts - interval '1 day';
CREATE MATERIALIZED VIEW alone WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT a.url, a.ms, b.tint FROM clicks a LEFT JOIN (SELECT DISTINCT url, ms, tint FROM clicks) b
		ON a.url = b.url AND a.ms = b.ms + 1;
CREATE MATERIALIZED VIEW asked WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, count(*) FROM clicks c WHERE EXISTS (SELECT FROM clicks o WHERE o.ms = c.ms + 1)
	GROUP BY url;
CREATE MATERIALIZED VIEW kept_sets WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, tint, count(DISTINCT ms), array_agg(ms ORDER BY ms) FROM clicks GROUP BY ROLLUP (url, tint);
-- what is above rows that come and go
CREATE MATERIALIZED VIEW busiest WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, tint, n FROM (SELECT url, tint, count(*) AS n, rank() OVER (PARTITION BY url ORDER BY count(*) DESC) AS r
		FROM clicks GROUP BY url, tint) c WHERE r <= 2;
CREATE MATERIALIZED VIEW best_two WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT url, sum(ms), count(*) FROM (SELECT url, ms, row_number() OVER (PARTITION BY url ORDER BY ms DESC, ts) AS r
		FROM clicks) c WHERE r <= 2 GROUP BY ROLLUP (url);
CREATE MATERIALIZED VIEW counts WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT DISTINCT n FROM (SELECT url, count(*) AS n FROM clicks GROUP BY url) c;
-- over what changes, over what is only added to, and what fires a trigger
CREATE MATERIALIZED VIEW many WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT count > 1 AS many, count(*), sum(sum) FROM histogram GROUP BY count > 1;
CREATE MATERIALIZED VIEW paired WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT tint, count(*), max(ms) FROM pairs GROUP BY tint;
CREATE TABLE told (what text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO shop.told VALUES (format('%s %s', tg_op, to_jsonb(new) - 'batch'));
	RETURN NULL;
END $$;
CREATE TRIGGER tells AFTER INSERT OR UPDATE ON many FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER tells_all AFTER INSERT ON many_changes FOR EACH ROW EXECUTE FUNCTION tell();
-- a result whose event time is a window
CREATE MATERIALIZED VIEW closed WITH (streaming.continuous,
		streaming.trigger = manual, streaming.output_mode = append) AS
	SELECT tumble(ts, '10 minutes') AS w, url, count(*) FROM clicks GROUP BY 1, 2;
CREATE TRIGGER tells_closed AFTER INSERT ON closed FOR EACH ROW EXECUTE FUNCTION tell();
RESET ROLE;
