-- Views that read other views: results that are only added to as streams, others by their
-- change streams
\set SHOW_CONTEXT never
CREATE SCHEMA vov;
SET search_path = vov, public;
SET client_min_messages = warning;
CREATE TABLE s (id int, k int, x numeric, t text) USING stream;
CREATE TABLE r (k int, y int) USING stream;
CREATE TABLE dim (k int, name text);
INSERT INTO dim SELECT i, 'name ' || i % 3 FROM generate_series(0, 6) i;
INSERT INTO s SELECT i, i % 7, i % 5, 't' || i % 4 FROM generate_series(1, 30) i;
INSERT INTO r SELECT i % 4, i FROM generate_series(1, 8) i;
-- below: a result that is only added to, groups, first rows, distinct rows, an outer join
CREATE MATERIALIZED VIEW added WITH (streaming.continuous) AS
	SELECT id, k, x * 2 AS x, t FROM s WHERE id % 10 > 0 ORDER BY x;
CREATE MATERIALIZED VIEW groups WITH (streaming.continuous) AS
	SELECT k, count(*) AS n, sum(x) AS sum, max(t) AS "T" FROM s GROUP BY k HAVING count(*) > 2;
CREATE MATERIALIZED VIEW latest WITH (streaming.continuous) AS
	SELECT DISTINCT ON (k) k, id, t FROM s ORDER BY k, id DESC;
CREATE MATERIALIZED VIEW different WITH (streaming.continuous) AS
	SELECT DISTINCT k + 1 AS k, t FROM s;
CREATE MATERIALIZED VIEW outer_join WITH (streaming.continuous) AS
	SELECT s.id, s.k, r.y FROM s LEFT JOIN r ON s.k = r.k;
CREATE MATERIALIZED VIEW one WITH (streaming.continuous) AS SELECT count(*) AS n, min(x) AS least FROM s;
-- ... of what comes and goes: distinct rows, first rows, grouping sets
CREATE MATERIALIZED VIEW sizes WITH (streaming.continuous) AS
	SELECT DISTINCT n, k % 2 AS odd FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q;
CREATE MATERIALIZED VIEW top3 WITH (streaming.continuous) AS
	SELECT k, id + 1 AS id, x FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC NULLS LAST, id) AS rn FROM s) q WHERE rn <= 3 AND t > '' ORDER BY x;
CREATE MATERIALIZED VIEW newest WITH (streaming.continuous) AS
	SELECT rn, t, k, id FROM (SELECT *, row_number() OVER (PARTITION BY t ORDER BY id DESC NULLS LAST, k) AS rn FROM s) q WHERE rn = 1;
CREATE MATERIALIZED VIEW largest WITH (streaming.continuous) AS
	SELECT DISTINCT ON (t) t, k, n FROM (SELECT t, k, count(*) AS n FROM s GROUP BY t, k) q ORDER BY t, n DESC, k;
CREATE MATERIALIZED VIEW ranked WITH (streaming.continuous) AS
	SELECT t, k, n FROM (SELECT *, rank() OVER (PARTITION BY t ORDER BY n DESC) AS rn FROM (SELECT t, k, count(*) AS n FROM s GROUP BY t, k) q) r WHERE rn < 3;
CREATE MATERIALIZED VIEW cube WITH (streaming.continuous) AS
	SELECT t, n, count(*) AS m, max(k) AS k FROM (SELECT t, k, count(*) AS n FROM s GROUP BY t, k) q GROUP BY CUBE (t, n);
SELECT streaming.wait(v) FROM (VALUES ('added'::regclass), ('groups'), ('latest'), ('different'), ('outer_join'), ('one'), ('sizes'), ('top3'), ('newest'), ('largest'), ('ranked'), ('cube')) a (v);
-- above; what the plain query is, follows
CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query) VALUES
('SELECT t, count(*) AS n, sum(x) AS sum FROM added GROUP BY t'),
('SELECT id, dim.name, x + 1 AS x FROM added JOIN dim USING (k)'),
('SELECT added.k, r.y, added.x FROM added JOIN r ON added.k = r.k'),
('SELECT DISTINCT ON (t) t, id FROM added ORDER BY t, id DESC'),
('SELECT count(DISTINCT x) AS d, array_agg(x ORDER BY id, x) AS a FROM added'),
('SELECT id FROM added UNION ALL SELECT id FROM s'),
('SELECT n, count(*) AS m, max(sum) AS max, avg(sum) AS avg, string_agg("T", '','' ORDER BY k) AS ks FROM groups GROUP BY n'),
('SELECT k, sum * 2 AS double FROM groups WHERE n > 4'),
('SELECT sum(n) AS n, count(*) AS m FROM (SELECT n + 1 AS n FROM (SELECT n, k FROM groups WHERE k > 1) a) b'),
('SELECT k, n, sum FROM groups ORDER BY sum DESC, k LIMIT 3'),
('SELECT n, count(*) AS m FROM groups GROUP BY n HAVING count(*) > 1'),
('SELECT t, count(*) AS n, max(id) AS id FROM latest GROUP BY t'),
('SELECT id, t FROM latest WHERE k <> 3'),
('SELECT t, count(*) AS n FROM different GROUP BY t'),
('SELECT k * 2 AS k, t FROM different'),
('SELECT k, count(*) AS n, count(y) AS ys, sum(y) AS y FROM outer_join GROUP BY k'),
('SELECT id, y IS NULL AS alone FROM outer_join'),
('SELECT n * 2 AS n, least FROM one'),
('SELECT sum(n) AS n FROM one'),
('SELECT c, count(*) AS n FROM (SELECT k % 3 AS k3, sum(n) AS c FROM groups GROUP BY k % 3) q GROUP BY c'),
-- above: what the first rows, the distinct ones and grouping sets are of what comes and goes
('SELECT DISTINCT n FROM groups'),
('SELECT DISTINCT y, k % 2 AS odd FROM outer_join'),
('SELECT DISTINCT ON (n) n, k, sum FROM groups ORDER BY n, k DESC'),
('SELECT k, n FROM (SELECT *, rank() OVER (ORDER BY n DESC) AS rn FROM groups) q WHERE rn <= 2'),
('SELECT n, sum(k) AS k FROM (SELECT *, row_number() OVER (PARTITION BY n ORDER BY k) AS rn FROM groups) q WHERE rn <= 2 GROUP BY n'),
('SELECT n, "T", count(*) AS m, array_agg(k ORDER BY k) AS ks FROM groups GROUP BY ROLLUP ("T", n)'),
('SELECT DISTINCT n FROM (SELECT n + 1 AS n FROM (SELECT n, k FROM groups WHERE k > 1) a) b'),
('SELECT id, t FROM (SELECT *, row_number() OVER (PARTITION BY t ORDER BY id DESC NULLS LAST, k) AS rn FROM latest) q WHERE rn <= 2'),
('SELECT odd, count(*) AS m FROM sizes GROUP BY odd'),
('SELECT k, count(*) AS n, sum(id) AS id, max(x) AS x FROM top3 GROUP BY k'),
('SELECT DISTINCT x FROM top3'),
('SELECT DISTINCT ON (x) x, k, id FROM top3 ORDER BY x, k, id'),
('SELECT k, count(*) AS n, sum(rn) AS rn FROM newest GROUP BY k'),
('SELECT k, count(*) AS n, array_agg(t ORDER BY t) AS ts FROM largest GROUP BY k'),
('SELECT n, k FROM ranked WHERE k > 0'),
('SELECT n, count(*) AS m FROM ranked GROUP BY CUBE (n)'),
('SELECT m, count(*) AS c, sum(k) AS k FROM cube GROUP BY m'),
('SELECT t, n, m FROM (SELECT *, row_number() OVER (PARTITION BY t IS NULL ORDER BY m DESC, n, t) AS rn FROM cube) q WHERE rn <= 4'),
-- views with each other
('SELECT groups.k, groups.n, latest.id FROM groups JOIN latest ON groups.k = latest.k'),
('SELECT latest.id, outer_join.y, outer_join.k FROM latest JOIN outer_join ON latest.id = outer_join.id'),
('SELECT different.t, count(*) AS n FROM different JOIN groups ON groups.k + 1 = different.k GROUP BY different.t'),
-- beside a stream
('SELECT s.id, groups.n FROM s JOIN groups ON s.k = groups.k'),
('SELECT groups.n, count(*) AS m, sum(r.y) AS y FROM groups JOIN r ON groups.k = r.k GROUP BY groups.n'),
('SELECT a.k, a.c, latest.id FROM (SELECT k, count(*) AS c FROM r GROUP BY k) a JOIN latest ON a.k = latest.k'),
('SELECT s.t, groups.n, latest.id FROM s JOIN groups ON s.k = groups.k JOIN latest ON latest.k = groups.k'),
('SELECT added.id, "T", groups.n FROM added JOIN groups ON added.k = groups.k AND added.x < groups.sum'),
('SELECT DISTINCT s.t, groups.n FROM s JOIN groups ON s.k = groups.k'),
('SELECT DISTINCT ON (groups.n) groups.n, s.id FROM s JOIN groups ON s.k = groups.k ORDER BY groups.n, s.id DESC');
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		EXECUTE format('CREATE MATERIALIZED VIEW v%s WITH (streaming.continuous, streaming.max_batch_rows = %s) AS %s',
			q.n, CASE WHEN q.n % 2 = 0 THEN 1 ELSE 1000 END, q.query);
	END LOOP;
END $$;
SELECT view, streams = '{s}' AS reads_stream FROM streaming.views
	WHERE view::text IN ('v1', 'v7', 'v42') ORDER BY view::text;
CREATE TABLE plain (name text, query text);
INSERT INTO plain VALUES
('added', 'SELECT id, k, x * 2 AS x, t FROM s WHERE id % 10 > 0'),
('groups', 'SELECT k, count(*) AS n, sum(x) AS sum, max(t) AS "T" FROM s GROUP BY k HAVING count(*) > 2'),
('latest', 'SELECT DISTINCT ON (k) k, id, t FROM s ORDER BY k, id DESC'),
('different', 'SELECT DISTINCT k + 1 AS k, t FROM s'),
('outer_join', 'SELECT s.id, s.k, r.y FROM s LEFT JOIN r ON s.k = r.k'),
('one', 'SELECT count(*) AS n, min(x) AS least FROM s'),
('sizes', 'SELECT DISTINCT n, k % 2 AS odd FROM (SELECT k, count(*) AS n FROM s GROUP BY k) q'),
('top3', 'SELECT k, id + 1 AS id, x FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC NULLS LAST, id) AS rn FROM s) q WHERE rn <= 3 AND t > '''''),
('newest', 'SELECT rn, t, k, id FROM (SELECT *, row_number() OVER (PARTITION BY t ORDER BY id DESC NULLS LAST, k) AS rn FROM s) q WHERE rn = 1'),
('largest', 'SELECT DISTINCT ON (t) t, k, n FROM (SELECT t, k, count(*) AS n FROM s GROUP BY t, k) q ORDER BY t, n DESC, k'),
('ranked', 'SELECT t, k, n FROM (SELECT *, rank() OVER (PARTITION BY t ORDER BY n DESC) AS rn FROM (SELECT t, k, count(*) AS n FROM s GROUP BY t, k) q) r WHERE rn < 3'),
('cube', 'SELECT t, n, count(*) AS m, max(k) AS k FROM (SELECT t, k, count(*) AS n FROM s GROUP BY t, k) q GROUP BY CUBE (t, n)');
-- the rows in which a view and its query over the streams differ
CREATE FUNCTION wrong() RETURNS TABLE (n int, query text, differs text) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	p record;
	query text;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY queries.n LOOP
		query := q.query;
		FOR p IN SELECT * FROM plain LOOP
			query := replace(query, 'FROM ' || p.name, 'FROM (' || p.query || ') ' || p.name);
			query := replace(query, 'JOIN ' || p.name || ' ON', 'JOIN (' || p.query || ') ' || p.name || ' ON');
		END LOOP;
		PERFORM streaming.wait(format('v%s', q.n)::regclass);
		RETURN QUERY EXECUTE format('SELECT %s, %L, d::text FROM (((TABLE v%s) EXCEPT ALL (%s)) UNION ALL ((%s) EXCEPT ALL (TABLE v%s))) d',
			q.n, q.query, q.n, query, query, q.n);
	END LOOP;
END $$;
SELECT * FROM wrong();
SELECT setseed(0.4);
DO $$
BEGIN
	FOR i IN 1..12 LOOP
		INSERT INTO s SELECT 100 * i + j, (random() * 8)::int, (random() * 5)::int, 't' || (random() * 4)::int
			FROM generate_series(1, (random() * 6)::int + 1) j;
		IF i % 4 = 0 THEN
			INSERT INTO r SELECT (random() * 6)::int, i FROM generate_series(1, 3);
		END IF;
		IF i % 3 = 0 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT * FROM wrong();
INSERT INTO s VALUES (NULL, NULL, NULL, NULL), (1, NULL, 'NaN', ''), (1, NULL, 'NaN', '');
SELECT * FROM wrong();

---- views on views while these go on: nothing is lost or read twice
CREATE MATERIALIZED VIEW later WITH (streaming.continuous) AS SELECT n, count(*) AS m FROM groups GROUP BY n;
INSERT INTO s SELECT i, i % 5, i, 'later' FROM generate_series(1000, 1010) i;
REFRESH MATERIALIZED VIEW later;
(TABLE later) EXCEPT ALL (SELECT n, count(*) FROM groups GROUP BY n);

---- a change stream that users read
CREATE TABLE c (k int, x int) USING stream;
CREATE MATERIALIZED VIEW counts WITH (streaming.continuous, streaming.changes, streaming.trigger = 'manual') AS
	SELECT k, count(*) AS batch, sum(x) > 10 AS op FROM c GROUP BY k HAVING count(*) < 4;
\d counts_changes
INSERT INTO c VALUES (1, 1), (1, 2), (2, 1);
REFRESH MATERIALIZED VIEW counts;
INSERT INTO c VALUES (1, 9), (3, 1);
REFRESH MATERIALIZED VIEW counts;
INSERT INTO c VALUES (1, 1), (2, 50);
REFRESH MATERIALIZED VIEW counts;
SELECT * FROM counts_changes ORDER BY batch_, k, op_ DESC;
SELECT k, sum(CASE WHEN op_ IN ('insert', 'update after') THEN 1 ELSE -1 END) FROM counts_changes GROUP BY k ORDER BY k;
-- what has changed is not shown: no change
CREATE MATERIALIZED VIEW ks WITH (streaming.continuous, streaming.changes) AS SELECT k FROM c GROUP BY k;
-- one that is not told apart: no update
CREATE MATERIALIZED VIEW nameless WITH (streaming.continuous, streaming.changes) AS SELECT sum(x) AS x FROM c GROUP BY k;
REFRESH MATERIALIZED VIEW ks;
REFRESH MATERIALIZED VIEW nameless;
INSERT INTO c VALUES (3, 1);
REFRESH MATERIALIZED VIEW ks;
REFRESH MATERIALIZED VIEW nameless;
SELECT op, k FROM ks_changes ORDER BY batch, k;
SELECT op, x FROM nameless_changes WHERE batch > (SELECT min(batch) FROM nameless_changes);
SELECT regexp_replace(e, '\d{3,}', 'N') AS explain FROM streaming.explain('ks') e WHERE e !~ 'Output:';
-- first rows: one of a key is updated, if its key is shown; several come and go
CREATE TABLE f (k int, x int) USING stream;
CREATE MATERIALIZED VIEW two WITH (streaming.continuous, streaming.changes) AS
	SELECT k, x FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC) AS rn FROM f) q WHERE rn <= 2 AND x < 100;
CREATE MATERIALIZED VIEW top WITH (streaming.continuous, streaming.changes) AS
	SELECT x, k, rn FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC) AS rn FROM f) q WHERE rn = 1;
CREATE MATERIALIZED VIEW top_x WITH (streaming.continuous, streaming.changes) AS
	SELECT x FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC) AS rn FROM f) q WHERE rn = 1;
CREATE MATERIALIZED VIEW two_ks WITH (streaming.continuous, streaming.changes) AS
	SELECT k FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC) AS rn FROM f) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW most WITH (streaming.continuous, streaming.changes) AS
	SELECT DISTINCT ON (odd) odd, k, n FROM (SELECT k % 2 AS odd, k, count(*) AS n FROM f GROUP BY k) q ORDER BY odd, n DESC, k;
CREATE MATERIALIZED VIEW most_two WITH (streaming.continuous, streaming.changes) AS
	SELECT k, n FROM (SELECT *, rank() OVER (ORDER BY n DESC, k) AS rn FROM (SELECT k, count(*) AS n FROM f GROUP BY k) q) r WHERE 2 >= rn;
INSERT INTO f VALUES (1, 1), (1, 2), (1, 3), (2, 7);
SELECT streaming.wait(v) FROM (VALUES ('two'::regclass), ('two_ks'), ('top'), ('top_x'), ('most'), ('most_two')) a (v);
INSERT INTO f VALUES (1, 4), (1, 0), (2, 200), (3, 1), (2, 6), (2, 5), (2, 4);
SELECT streaming.wait(v) FROM (VALUES ('two'::regclass), ('two_ks'), ('top'), ('top_x'), ('most'), ('most_two')) a (v);
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, k, x FROM two_changes ORDER BY batch, k, x, op;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, x, k, rn FROM top_changes ORDER BY batch, k, op DESC;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, x FROM top_x_changes ORDER BY batch, x;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, k FROM two_ks_changes ORDER BY batch, k, op;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, odd, k, c.n FROM most_changes c ORDER BY batch, odd, op DESC;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, k, c.n FROM most_two_changes c ORDER BY batch, k, op DESC;
-- groups that several feeds change: nobody sees what they are in between
CREATE MATERIALIZED VIEW several WITH (streaming.continuous, streaming.changes, streaming.trigger = 'manual') AS
	SELECT k, count(*) AS n, count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS a FROM c GROUP BY k;
CREATE MATERIALIZED VIEW per_distinct WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT n / d AS q, count(*) AS c FROM several GROUP BY n / d;
CREATE MATERIALIZED VIEW nested WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT r, count(*) AS n FROM (SELECT k, 10 * count(*) / count(DISTINCT x) AS r FROM c GROUP BY k) q GROUP BY r;
CREATE TABLE fired (op text, was text);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vov.fired VALUES (tg_op, to_jsonb(new) - '{batch,op}'::text[]);
	RETURN NULL;
END $$;
CREATE TRIGGER t AFTER INSERT OR UPDATE ON several FOR EACH ROW EXECUTE FUNCTION fire();
REFRESH MATERIALIZED VIEW per_distinct;
INSERT INTO c VALUES (11, 1), (11, 2), (12, 5);
REFRESH MATERIALIZED VIEW per_distinct;
INSERT INTO c VALUES (11, 2);
REFRESH MATERIALIZED VIEW per_distinct;
REFRESH MATERIALIZED VIEW nested;
SELECT op, k, n, d, a FROM several_changes WHERE k > 10 ORDER BY batch, k, op DESC;
SELECT * FROM fired WHERE was ~ '"k": 1[12]' ORDER BY was;
(TABLE per_distinct EXCEPT ALL SELECT n / d, count(*) FROM several GROUP BY 1)
	UNION ALL (SELECT n / d, count(*) FROM several GROUP BY 1 EXCEPT ALL TABLE per_distinct);
TABLE nested EXCEPT ALL SELECT r, count(*) FROM (SELECT k, 10 * count(*) / count(DISTINCT x) AS r FROM c GROUP BY k) q GROUP BY r;
-- joins likewise
CREATE MATERIALIZED VIEW paired WITH (streaming.continuous, streaming.changes, streaming.trigger = 'manual') AS
	SELECT r.k, r.y, g.n, 10 / (r.y - g.n) AS q FROM r JOIN (SELECT k, count(*) AS n FROM c GROUP BY k) g ON g.k = r.k WHERE r.k = 77;
INSERT INTO c VALUES (77, 1);
REFRESH MATERIALIZED VIEW paired;
INSERT INTO c VALUES (77, 1);
INSERT INTO r VALUES (77, 1);
REFRESH MATERIALIZED VIEW paired;
SELECT op, k, y, n, q FROM paired_changes;
-- a view that comes to read itself
CREATE VIEW ordinary_c AS SELECT k, x FROM c;
CREATE MATERIALIZED VIEW circle WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT k, x FROM ordinary_c WHERE k < 0;
CREATE MATERIALIZED VIEW circle2 WITH (streaming.continuous, streaming.trigger = 'manual') AS SELECT k, x FROM circle;
REFRESH MATERIALIZED VIEW circle2;
CREATE OR REPLACE VIEW ordinary_c AS SELECT k, x FROM c UNION ALL SELECT k, x FROM circle2;
INSERT INTO c VALUES (-1, 1);
REFRESH MATERIALIZED VIEW circle;
CREATE OR REPLACE VIEW ordinary_c AS SELECT k, x FROM c;
REFRESH MATERIALIZED VIEW circle;
TABLE circle;
-- what waits for others by EXISTS is not late above
CREATE TABLE es (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE TABLE et (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW waiting WITH (streaming.continuous) AS SELECT es.ts, es.k FROM es WHERE es.k IN (SELECT k FROM et);
CREATE MATERIALIZED VIEW waited WITH (streaming.continuous) AS SELECT tumble(ts, '1 s') AS w, count(*) AS n FROM waiting GROUP BY 1;
DO $$
BEGIN
	FOR i IN 0..12 LOOP
		INSERT INTO es VALUES ('2026-01-01'::timestamptz + i * interval '1 s', i);
		INSERT INTO et VALUES ('2026-01-01'::timestamptz + i * interval '1 s', i - 5);
		COMMIT;
		REFRESH MATERIALIZED VIEW waited;
		COMMIT;
	END LOOP;
END $$;
SELECT (SELECT count(*) FROM waiting), (SELECT sum(n) FROM waited);
-- a change stream is a stream: a view over it counts what happens
CREATE MATERIALIZED VIEW happened WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT k, op_ AS op, count(*) FROM counts_changes GROUP BY k, op_;
REFRESH MATERIALIZED VIEW happened;
(TABLE happened) EXCEPT ALL (SELECT k, op_, count(*) FROM counts_changes GROUP BY k, op_);
-- what has been read by all views can be removed
INSERT INTO c VALUES (4, 1);
REFRESH MATERIALIZED VIEW counts;
TRUNCATE counts_changes;
SELECT count(*) FROM counts_changes;
INSERT INTO c VALUES (4, 1);
REFRESH MATERIALIZED VIEW happened;
SELECT op_, k FROM counts_changes ORDER BY op_;
SELECT sum(count) FROM happened WHERE k = 4;
BEGIN;
INSERT INTO c VALUES (4, 1);
TRUNCATE counts_changes, c;
SELECT count(*) FROM counts_changes;
ROLLBACK;
SELECT count(*) FROM counts_changes;
-- also what the views have yet to read of the streams
INSERT INTO c VALUES (4, 7);
TRUNCATE counts_changes, c;
SELECT count(*) FROM counts_changes;
REFRESH MATERIALIZED VIEW happened;
SELECT op, count FROM happened WHERE k = 4 ORDER BY op;
TRUNCATE counts;
TRUNCATE counts_changes, happened;
-- what views have to read, and what these wait for
SELECT view, streams, lag_rows, inherited_lag_rows FROM streaming.views WHERE view IN ('counts'::regclass, 'happened'::regclass) ORDER BY view::text;
INSERT INTO c VALUES (4, 1), (5, 1);
SELECT view, streams, lag_rows, inherited_lag_rows FROM streaming.views WHERE view IN ('counts'::regclass, 'happened'::regclass) ORDER BY view::text;
REFRESH MATERIALIZED VIEW counts;
SELECT view, streams, lag_rows, inherited_lag_rows FROM streaming.views WHERE view IN ('counts'::regclass, 'happened'::regclass) ORDER BY view::text;
-- an ordinary view over the view is a table to look rows up in, as they are when the stream's come
CREATE VIEW groups_now AS SELECT k, n FROM groups;
CREATE MATERIALIZED VIEW looked_up WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT c.k, groups_now.n FROM c LEFT JOIN groups_now USING (k);
CREATE MATERIALIZED VIEW looked_at WITH (streaming.continuous, streaming.trigger = 'manual') AS
	SELECT c.k, (SELECT n FROM groups_now g WHERE g.k = c.k) AS n FROM c;
DELETE FROM dim;
INSERT INTO dim SELECT k, n FROM groups WHERE k = 5;
INSERT INTO c VALUES (5, 1);
REFRESH MATERIALIZED VIEW looked_up;
REFRESH MATERIALIZED VIEW looked_at;
INSERT INTO s VALUES (1, 5, 1, '');
REFRESH MATERIALIZED VIEW groups;
REFRESH MATERIALIZED VIEW looked_up;
SELECT looked_up.n::text = dim.name AS up, looked_at.n::text = dim.name AS at FROM dim, looked_up, looked_at
	WHERE looked_up.k = 5 AND looked_at.k = 5 ORDER BY looked_up.n DESC LIMIT 1;
-- channels
ALTER MATERIALIZED VIEW one SET (streaming.notify = '');
ALTER MATERIALIZED VIEW one SET (streaming.notify = 'a channel');
ALTER MATERIALIZED VIEW one RESET (streaming.notify);
-- later, and for good
ALTER MATERIALIZED VIEW one SET (streaming.changes);
INSERT INTO s VALUES (1, 1, -1, '');
REFRESH MATERIALIZED VIEW one;
SELECT op, least FROM one_changes ORDER BY batch DESC, op DESC LIMIT 2;
ALTER MATERIALIZED VIEW one SET (streaming.changes = off);
ALTER MATERIALIZED VIEW one RESET (streaming.changes);
ALTER MATERIALIZED VIEW one SET (streaming.changes = perhaps);
-- it belongs to its view
DROP MATERIALIZED VIEW one;
DROP MATERIALIZED VIEW v18, v19, one;
SELECT to_regclass('one_changes');
-- names
CREATE TABLE taken_changes ();
CREATE MATERIALIZED VIEW taken WITH (streaming.continuous, streaming.changes) AS SELECT count(*) FROM c;
ALTER MATERIALIZED VIEW ks RENAME TO ks2;
ALTER MATERIALIZED VIEW ks2 RENAME COLUMN k TO kk;
CREATE MATERIALIZED VIEW renamed WITH (streaming.continuous) AS SELECT kk % 2 AS kk, count(*) FROM ks2 GROUP BY kk % 2;
INSERT INTO c VALUES (4, 1);
REFRESH MATERIALIZED VIEW renamed;
SELECT * FROM renamed ORDER BY kk;

---- results that are only added to have one, too, if it is asked for: views read the result
CREATE TABLE ad (k int, x int) USING stream;
INSERT INTO ad VALUES (1, 2), (2, 1);
CREATE MATERIALIZED VIEW ad_rows WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k, x * 2 AS batch, now() < '2001-01-01' AS "no" FROM ad WHERE x > 1 ORDER BY k + x, k;
CREATE MATERIALIZED VIEW ad_join WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT a.k, b.x FROM ad a JOIN ad b ON a.k = b.x;
CREATE MATERIALIZED VIEW ad_found WITH (streaming.continuous, streaming.changes, streaming.trigger = manual) AS
	SELECT k FROM ad WHERE EXISTS (SELECT FROM ad b WHERE b.x = ad.k AND b.k < ad.k);
CREATE MATERIALIZED VIEW ad_union WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT k FROM ad UNION ALL SELECT x FROM ad;
CREATE TRIGGER ad_trigger AFTER INSERT ON ad_rows FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE ad_told (op text, k int);
CREATE FUNCTION ad_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO vov.ad_told VALUES (new.op, new.k); RETURN NULL; END $$;
CREATE TRIGGER ad_trigger AFTER INSERT ON ad_rows_changes FOR EACH ROW EXECUTE FUNCTION ad_tell();
CALL refresh_views();
-- from here on; what was before is in the view
ALTER MATERIALIZED VIEW ad_union SET (streaming.changes);
CREATE MATERIALIZED VIEW ad_above WITH (streaming.continuous, streaming.trigger = manual) AS SELECT batch, count(*) AS n FROM ad_rows GROUP BY batch;
CREATE MATERIALIZED VIEW ad_counts WITH (streaming.continuous, streaming.trigger = manual) AS SELECT op, count(*), sum(k) FROM ad_rows_changes GROUP BY op;
INSERT INTO ad VALUES (2, 2), (2, 2), (7, 1);
CALL refresh_views();
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) > 0 AS ended FROM pg_stat_activity WHERE backend_type = 'streaming worker' AND datname = current_database();
INSERT INTO ad VALUES (1, 7), (5, 0);
CALL refresh_views();
SELECT dense_rank() OVER (ORDER BY batch_) AS n, op, k, batch, "no" FROM ad_rows_changes ORDER BY batch_, k, batch;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, k, x, count(*) FROM ad_join_changes GROUP BY batch, op, k, x ORDER BY batch, k, x;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, k FROM ad_found_changes ORDER BY batch, k;
SELECT dense_rank() OVER (ORDER BY batch) AS n, op, k, count(*) FROM ad_union_changes GROUP BY batch, op, k ORDER BY batch, k;
SELECT check_view('ad_join'), check_view('ad_found'), check_view('ad_union'), check_view('ad_above'), check_view('ad_counts');
SELECT count(*) FROM fired WHERE was ~ '"no"';
SELECT op, count(*), sum(k) FROM ad_told GROUP BY op;
SELECT view, streams FROM streaming.views WHERE view IN ('ad_above'::regclass, 'ad_counts'::regclass) ORDER BY view::text;
SELECT regexp_replace(e, '\d{3,}', 'N') AS explain FROM streaming.explain('ad_join') e WHERE e ~ '^(Operator| +Result)';
CREATE PUBLICATION ad_rows FOR TABLE ad_rows_changes;
DROP PUBLICATION ad_rows;
-- in append mode, an outer join is one
CREATE TABLE at (ts timestamptz, k int) USING stream WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW at_alone WITH (streaming.continuous, streaming.changes, streaming.output_mode = append, streaming.trigger = manual) AS
	SELECT a.k, b.k AS other FROM at a LEFT JOIN at b ON b.ts = a.ts AND b.k = a.k + 1;
INSERT INTO at VALUES ('2026-01-01', 1), ('2026-01-01', 2), ('2026-01-02', 5);
REFRESH MATERIALIZED VIEW at_alone;
INSERT INTO at VALUES ('2026-01-03', 6);
REFRESH MATERIALIZED VIEW at_alone;
SELECT op, k, other FROM at_alone_changes ORDER BY k;
(TABLE at_alone EXCEPT ALL SELECT k, other FROM at_alone_changes) UNION ALL (SELECT k, other FROM at_alone_changes EXCEPT ALL TABLE at_alone);

---- refused
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT s.id, groups.n FROM s JOIN groups ON s.k = groups.k WITH NO DATA;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT s.id, groups.n FROM s JOIN groups ON s.k = groups.k RIGHT JOIN dim ON dim.k = s.k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT s.id, groups.n FROM s JOIN groups ON s.k = groups.k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k FROM c LIMIT 3;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k, rank() OVER (ORDER BY k) FROM c GROUP BY k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k FROM c GROUP BY k LIMIT 1;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k, now() FROM c GROUP BY k;
-- it is said which view cannot have one
CREATE MATERIALIZED VIEW shows_ranks WITH (streaming.continuous) AS SELECT k, rn FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, count(*) FROM shows_ranks GROUP BY k;
DROP MATERIALIZED VIEW shows_ranks;
-- the ranks of rows change when others do
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k, rn FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q WHERE rn = 2;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q WHERE rn <= 2 LIMIT 5;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k, now() FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q JOIN dim USING (k) WHERE rn <= 2;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k, sum(x) OVER () FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY x) AS rn FROM c) q WHERE rn <= 2;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.changes) AS SELECT k, (SELECT 1) FROM c GROUP BY k;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, name FROM groups RIGHT JOIN dim USING (k);
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, now() FROM groups;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT sum(n) OVER () FROM groups;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, n FROM groups WITH NO DATA;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous, streaming.output_mode = 'append') AS SELECT k, n FROM groups;
CREATE VIEW ordinary AS SELECT k, n FROM groups;
CREATE MATERIALIZED VIEW w WITH (streaming.continuous) AS SELECT k, n FROM ordinary;
DROP MATERIALIZED VIEW groups;
SELECT count(*) FROM streaming.streams WHERE stream::text LIKE '%\_changes\_%' OR stream::text LIKE '%\_state\_%';

---- rights
CREATE ROLE vov_a;
CREATE ROLE vov_b;
GRANT USAGE ON SCHEMA vov TO vov_a, vov_b;
GRANT CREATE ON SCHEMA vov TO vov_a, vov_b;
GRANT SELECT ON c TO vov_a;
SET ROLE vov_a;
CREATE MATERIALIZED VIEW theirs WITH (streaming.continuous, streaming.trust_functions) AS SELECT k, count(*) AS n, sum(x) AS x FROM c GROUP BY k;
RESET ROLE;
SET ROLE vov_b;
-- neither without the privilege, nor without a change stream
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT n, count(*) FROM theirs GROUP BY n;
RESET ROLE;
GRANT SELECT (k, n) ON theirs TO vov_b;
SET ROLE vov_b;
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT n, count(*) FROM theirs GROUP BY n;
ALTER MATERIALIZED VIEW theirs SET (streaming.changes);
RESET ROLE;
ALTER MATERIALIZED VIEW theirs SET (streaming.changes);
SELECT relowner::regrole FROM pg_class WHERE relname = 'theirs_changes';
SET ROLE vov_b;
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT x, count(*) FROM theirs GROUP BY x;
CREATE MATERIALIZED VIEW mine WITH (streaming.continuous, streaming.trust_functions) AS SELECT n, count(*) FROM theirs GROUP BY n;
SELECT * FROM theirs_changes;
TRUNCATE theirs_changes;
SELECT streaming.wait('mine');
SELECT * FROM mine ORDER BY n;
RESET ROLE;
INSERT INTO c VALUES (1, 1), (7, 1);
SELECT streaming.wait('mine');
(TABLE mine) EXCEPT ALL (SELECT n, count(*) FROM theirs GROUP BY n);
-- taken away: the view fails from the next batch on
REVOKE SELECT (k, n) ON theirs FROM vov_b;
INSERT INTO c VALUES (1, 1);
DO $$
BEGIN
	PERFORM streaming.wait('mine');
EXCEPTION WHEN insufficient_privilege THEN
	RAISE WARNING '%', sqlerrm;
END $$;
-- a new owner has it all
ALTER MATERIALIZED VIEW theirs OWNER TO vov_b;
SELECT relowner::regrole, count(*) FROM pg_class
	WHERE relname = 'theirs_changes' OR relname = '_changes_' || public.number_of('theirs') GROUP BY 1;

SET client_min_messages = error;
DROP SCHEMA vov CASCADE;
DROP ROLE vov_a, vov_b;
