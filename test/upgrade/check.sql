-- What the views are and show; the same for the same history.
SET timezone = 'UTC';
SET search_path = public;
\pset format unaligned
\pset tuples_only on
SELECT view, owner, streams, state, last_error_sqlstate, failures,
	CASE WHEN 'streaming.trigger=manual' = ANY (options) THEN batches END,
	rows_read, lag_rows, watermark, input_times, groups, late_rows, null_rows, options
FROM streaming.views ORDER BY view::text;
SELECT stream, owner, partitioned, event_time, options, partitions, views
FROM streaming.streams ORDER BY stream::text;
SELECT view, stream, reason, event_time, stream_row, partition, tid
FROM streaming.errors ORDER BY view::text, partition::text, tid, reason;
SELECT format('SELECT %L, x::text FROM %s x ORDER BY 2', view, view)
FROM streaming.views ORDER BY view::text
\gexec
-- (17 has the privilege to MAINTAIN, too)
SELECT c.oid::regclass, replace(c.relacl::text, 'arwdDxtm', 'arwdDxt'), obj_description(c.oid, 'pg_class'), a.attname, a.attacl,
	col_description(c.oid, a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	AND NOT a.attisdropped
WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind IN ('r', 'p', 'v')
ORDER BY c.relname, a.attname;
-- what belongs to a view, whose it is, and that it depends on it
SELECT v.view, c.relkind, pg_get_userbyid(c.relowner) = v.owner AS own,
	c.relpersistence, count(*)
FROM streaming.views v
	JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.view
		AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
	JOIN pg_class c ON c.oid = d.objid
GROUP BY 1, 2, 3, 4 ORDER BY v.view::text, 2, 3, 4;
SELECT v.view, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM streaming.views v
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = v.state_table
		AND d.refclassid IN ('pg_type'::regclass, 'pg_collation'::regclass)
ORDER BY v.view::text, 2;
SELECT 'SELECT * FROM shop.told ORDER BY what', 'SELECT op, many, count FROM shop.many_changes ORDER BY batch, op, many'
WHERE to_regclass('shop.told') IS NOT NULL
\gexec
-- as others see them
SET ROLE upgrade_owner;
SELECT 'owner', count(*) FROM shop.final;
SELECT 'owner', count(*) FROM shop.final_local;
SELECT 'owner', count(*) FROM shop.above;
SET ROLE upgrade_reader;
SELECT 'reader', count(hour) FROM shop.final;
SELECT 'reader', count(*) FROM shop.per_url;
RESET ROLE;
