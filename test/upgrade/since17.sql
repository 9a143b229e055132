-- A partitioned table of streams as a whole, which there is since 17.
SET ROLE upgrade_owner;
SET search_path = shop;
CREATE TABLE whole (k int, v int) PARTITION BY RANGE (k) USING stream;
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE MATERIALIZED VIEW whole_sum WITH (streaming.continuous,
		streaming.trigger = manual) AS
	SELECT k % 2 AS odd, sum(v) FROM whole GROUP BY 1;
INSERT INTO whole SELECT i % 10, i FROM generate_series(1, 100) i;
