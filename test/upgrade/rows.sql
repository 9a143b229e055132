-- More rows: :part is 1, 2, ...  Those of a part go on where the last one ended,
-- but for some that are late.
SET timezone = 'Europe/Berlin';
SET search_path = shop, public;
INSERT INTO clicks (ts, url, ms, tint, price, body)
	SELECT '2026-01-01 00:00+00'::timestamptz + :part * interval '2 hours'
			+ i * interval '17 seconds',
		chr(97 + i % 5) || '.org', (i * 7 + :part) % 100,
		(enum_range(NULL::shop.kind))[1 + i % 3], (i * :part % 97) / 10.0,
		repeat(chr(65 + (i + :part) % 26), CASE WHEN i % 100 = 0 THEN 9000 ELSE 10 END)
	FROM generate_series(1, 400) i;
INSERT INTO clicks (ts, url, ms) VALUES
	('2026-01-01 00:00+00'::timestamptz + (:part - 3) * interval '2 hours', 'late.org', :part),
	(NULL, 'null.org', :part);
INSERT INTO local (at, k, v) SELECT '2026-01-01'::timestamp + :part * interval '10 minutes'
		+ i * interval '1 second', i % 4, i / 4.0
	FROM generate_series(1, 600) i;
INSERT INTO hasty SELECT i % 10, i * :part FROM generate_series(1, 500) i;
INSERT INTO parted SELECT '2026-01-01'::date + i % 2,
		'2026-01-01 12:00+00'::timestamptz + :part * interval '3 hours'
			+ i * interval '30 seconds', i % 13, i + :part / 10.0
	FROM generate_series(1, 300) i;
INSERT INTO plain SELECT 1 + i % 12, i * :part FROM generate_series(1, 200) i;
