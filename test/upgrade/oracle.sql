-- The views against their queries: prints those that differ.  Only of views that
-- have no late rows, and have read everything.
SET search_path = shop, public;
\pset tuples_only on
\pset format unaligned
SELECT format('SELECT %1$L WHERE EXISTS ((TABLE %1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$s))',
	view, rtrim(definition, ';'))
FROM streaming.views
WHERE view::text IN ('complete', 'hasty_sum', 'parted_sum', 'both_streams', 'named',
	'moved', 'eager')
ORDER BY view::text
\gexec
SELECT 'parted_final' WHERE EXISTS (
	(TABLE parted_final EXCEPT ALL
		SELECT tumble(ts, '1 hour') AS w, k, sum(v) FROM parted GROUP BY w, k)
	UNION ALL (SELECT tumble(ts, '1 hour') AS w, k, sum(v) FROM parted
		GROUP BY w, k HAVING upper(tumble(ts, '1 hour')) <=
			(SELECT max(ts) - interval '1 hour' FROM parted)
		EXCEPT ALL TABLE parted_final));
