-- Reads everything.
SET timezone = 'Europe/Berlin';
SELECT format('REFRESH MATERIALIZED VIEW %s', view) FROM streaming.views
WHERE 'streaming.enabled=off' <> ALL (options)
	AND failures = 0 AND state <> 'failed'
ORDER BY view::text
\gexec
