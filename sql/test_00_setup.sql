-- What the tests of continuous views share.

-- The query of a continuous view.  streaming.views does not have it while somebody, such as
-- autovacuum, has locked something that it reads.
CREATE FUNCTION query_of(v regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		SELECT rtrim(definition, ';') INTO STRICT found FROM streaming.views WHERE view = v;
		EXIT WHEN found IS NOT NULL;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RETURN found;
END $$;

-- The oracle: a continuous view must equal its defining query.  Says 'ok', or
-- how many rows differ.  by_text: compare rows as text, for results of types
-- that cannot be compared.
CREATE FUNCTION check_view(v regclass, by_text boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text := query_of(v);
	columns text := CASE WHEN by_text THEN 'q::text' ELSE 'q.*' END;
	missing bigint;
	wrong bigint;
BEGIN
	-- as dumps ask
	PERFORM pg_get_viewdef(v);
	EXECUTE format('SELECT count(*) FROM
			(SELECT %1$s FROM (%2$s) q EXCEPT ALL SELECT %1$s FROM %3$s q) d',
		columns, query, v) INTO missing;
	EXECUTE format('SELECT count(*) FROM
			(SELECT %1$s FROM %3$s q EXCEPT ALL SELECT %1$s FROM (%2$s) q) d',
		columns, query, v) INTO wrong;
	IF missing = 0 AND wrong = 0 THEN
		RETURN 'ok';
	END IF;
	RETURN format('%s rows missing, %s rows wrong', missing, wrong);
END $$;

-- Runs batches of all views until nothing is left to be read; twice, where a test
-- wants to see what a watermark does that has moved.
CREATE PROCEDURE refresh_views(times int DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE v regclass;
BEGIN
	FOR v IN SELECT view FROM streaming.views, generate_series(1, times) LOOP
		EXECUTE format('REFRESH MATERIALIZED VIEW %s', v);
	END LOOP;
END $$;

-- For tests with a table queries (n, query, refusal) in their search_path.
-- A view of each query, named by its number.  What PostgreSQL itself does not
-- accept is told apart, without its message, which is not ours.
CREATE PROCEDURE make_views() LANGUAGE plpgsql AS $$
DECLARE
	q record;
	message text;
BEGIN
	FOR q IN SELECT * FROM queries ORDER BY n LOOP
		BEGIN
			EXECUTE format('CREATE MATERIALIZED VIEW q%s WITH (streaming.continuous, streaming.trigger = ''manual'') AS %s', q.n, q.query);
			CONTINUE;
		EXCEPTION WHEN OTHERS THEN
			message := SQLSTATE || ' ' || SQLERRM;
		END;
		BEGIN
			EXECUTE 'EXPLAIN ' || q.query;
		EXCEPTION WHEN OTHERS THEN
			message := CASE WHEN message = SQLSTATE || ' ' || SQLERRM THEN SQLSTATE || ' of PostgreSQL' ELSE message || ', not ' || SQLSTATE END;
		END;
		UPDATE queries u SET refusal = message WHERE u.n = q.n;
	END LOOP;
END $$;
-- What differs from its query: rows are compared as text, so that scales and signs count, too.
CREATE FUNCTION check_queries() RETURNS TABLE (wrong text, query text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT result, q.query FROM queries q, check_view(format('q%s', q.n)::regclass, by_text => true) AS result
	WHERE q.refusal IS NULL AND result <> 'ok' ORDER BY q.n;
END $$;

-- What all views show, and how many rows have been late for each.
CREATE FUNCTION show_views() RETURNS TABLE (name text, rows text, late_rows bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR name, late_rows IN SELECT v.view::text, v.late_rows FROM streaming.views v ORDER BY 1 LOOP
		EXECUTE format('SELECT string_agg(v::text, '' '' ORDER BY v::text COLLATE "C") FROM %s v', name) INTO rows;
		RETURN NEXT;
	END LOOP;
END $$;

-- For tests with a table made (name, query) in their search_path: the rows by which views of
-- these names, with what is behind them, differ from their queries.
CREATE FUNCTION not_plain(behind text DEFAULT '') RETURNS TABLE (name text, difference text) LANGUAGE plpgsql AS $$
DECLARE
	query text;
BEGIN
	FOR name, query IN SELECT m.name, m.query FROM made m JOIN streaming.views v ON v.view::text = m.name || behind ORDER BY 1 LOOP
		RETURN QUERY EXECUTE format('SELECT %L, d::text FROM ((TABLE %s EXCEPT ALL (%s)) UNION ALL ((%3$s) EXCEPT ALL TABLE %2$s)) d', name, name || behind, query);
	END LOOP;
END $$;

-- Ends the processes that run batches: those that take over have nothing but what is stored.
-- Nothing is said of one that ends by itself meanwhile.
CREATE FUNCTION restart_workers() RETURNS boolean LANGUAGE sql SET client_min_messages = error AS $$
	SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) > 0 FROM pg_stat_activity
	WHERE backend_type = 'streaming worker' AND datname = current_database()
$$;

-- What of the extension is left over: nothing, after each test.
CREATE FUNCTION leftovers() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT left_over FROM (
		SELECT 'relation ' || regexp_replace(relname, '\d+', 'N')
		FROM pg_class
		WHERE relnamespace = 'streaming'::regnamespace
			AND relname ~ '^_(definition|state|below)_[0-9p]'
		UNION ALL SELECT '_view' FROM streaming._view
		UNION ALL SELECT '_progress' FROM streaming._progress
		UNION ALL SELECT '_progress_unlogged' FROM streaming._progress_unlogged
		UNION ALL SELECT '_error' FROM streaming._error
		UNION ALL SELECT '_release' FROM streaming._release
		UNION ALL SELECT '_mark' FROM streaming._mark
		UNION ALL SELECT '_rejection' FROM streaming._rejection
		UNION ALL SELECT '_stream' FROM streaming._stream) AS l(left_over)
	ORDER BY left_over COLLATE "C"
$$;

-- What the names of a view's relations end with.
CREATE FUNCTION public.number_of(view regclass) RETURNS text LANGUAGE sql AS $$
	SELECT substring(v.state_table::text FROM '[0-9]+$') FROM streaming.views v WHERE v.view = $1
$$;

-- The oracle notices both kinds of errors.
CREATE TABLE s (k int, v int) USING stream;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous) AS
	SELECT k, count(*), sum(v) FROM s GROUP BY k;
INSERT INTO s VALUES (1, 10), (1, 20), (2, 30);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v'), check_view('v', by_text => true);
ALTER MATERIALIZED VIEW v SET (streaming.enabled = off);
INSERT INTO s VALUES (2, 40), (3, 50);
SELECT check_view('v'), check_view('v', by_text => true);
ALTER MATERIALIZED VIEW v RESET (streaming.enabled);
REFRESH MATERIALIZED VIEW v;
SELECT * FROM v ORDER BY k;
SELECT check_view('v'), check_view('v', by_text => true);
SET client_min_messages = warning;
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
