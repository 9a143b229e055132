-- What a hostile role tries with views over views, change streams and triggers
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_streaming_a;
CREATE ROLE regress_streaming_b;
CREATE ROLE regress_streaming_s SUPERUSER;
CREATE SCHEMA sv;
GRANT ALL ON SCHEMA sv TO regress_streaming_a, regress_streaming_b;
SET search_path = sv, public;
CREATE TABLE ps (k int) USING stream;
GRANT SELECT ON ps TO regress_streaming_a, regress_streaming_b;

---- what goes to a new owner with a view
SET ROLE regress_streaming_b;
CREATE TABLE secret (x text);
INSERT INTO secret VALUES ('a secret of b');
SET ROLE regress_streaming_a;
CREATE TABLE s (k int, x int) USING stream;
GRANT SELECT ON s TO regress_streaming_b;
CREATE MATERIALIZED VIEW v WITH (streaming.continuous, streaming.changes) AS SELECT k, sum(x) FROM s GROUP BY k;
CREATE OR REPLACE VIEW v_changes AS SELECT NULL::int8 AS batch;
ALTER TABLE v_changes ADD COLUMN leak text DEFAULT 'x';
ALTER TABLE v_changes ALTER COLUMN op SET DEFAULT 'x', ALTER COLUMN op SET NOT NULL;
ALTER TABLE v_changes ALTER COLUMN op TYPE varchar USING (SELECT string_agg(x, ',') FROM secret);
ALTER TABLE v_changes DROP COLUMN op;
ALTER TABLE v_changes ADD CHECK (op <> ''), ADD UNIQUE (batch), ADD FOREIGN KEY (k) REFERENCES ps (k);
ALTER TABLE v_changes OWNER TO regress_streaming_b;
ALTER TABLE v_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE v_changes DISABLE TRIGGER ALL;
ALTER TABLE v_changes SET UNLOGGED;
ALTER TABLE v_changes SET ACCESS METHOD heap;
ALTER TABLE v_changes SET (streaming.event_time = 'ts');
CREATE POLICY p ON v_changes USING (true);
CREATE RULE r AS ON INSERT TO v_changes DO INSTEAD NOTHING;
CREATE RULE r AS ON INSERT TO v_changes DO ALSO SELECT * FROM secret;
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER t BEFORE INSERT ON v_changes FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER t AFTER INSERT OR UPDATE ON v_changes FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER t AFTER TRUNCATE ON v_changes EXECUTE FUNCTION fired();
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON v_changes FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TABLE other (k int);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON other FROM v_changes FOR EACH ROW EXECUTE FUNCTION fired();
CREATE STATISTICS st ON (k + 1), op FROM v_changes;
CREATE UNIQUE INDEX ON v_changes (k);
CREATE INDEX ON v_changes ((k + 1));
CREATE INDEX ON v_changes (k) WHERE k > 1;
CREATE TABLE child () INHERITS (v_changes);
ALTER TABLE other INHERIT v_changes;
CREATE TABLE parent (LIKE v_changes) PARTITION BY LIST (k);
ALTER TABLE parent ATTACH PARTITION v_changes DEFAULT;
CREATE TABLE refers (k int REFERENCES v_changes);
ALTER TABLE v_changes SET SCHEMA public;
DROP TABLE v_changes;
-- nobody writes to it but batches
INSERT INTO v_changes VALUES (1, 'insert', 1, 1);
INSERT INTO v_changes SELECT * FROM v_changes WHERE false;
INSERT INTO v_changes VALUES (1, 'insert', 1, 1) ON CONFLICT DO NOTHING;
WITH w AS (INSERT INTO v_changes VALUES (1, 'insert', 1, 1) RETURNING *) TABLE w;
COPY v_changes FROM '/dev/null';
UPDATE v_changes SET k = 1;
DELETE FROM v_changes;
-- a table that gets its name meanwhile is no way either
BEGIN;
ALTER TABLE v_changes RENAME TO v_stream;
CREATE TABLE v_changes (LIKE v_stream) USING stream;
INSERT INTO v_changes VALUES (1, 'insert', 1, 1);
INSERT INTO v_stream SELECT * FROM v_changes;
ROLLBACK;
DROP TABLE other, parent;
-- who has the privilege alone makes no trigger, which would run as the owner
GRANT ALL ON v_changes TO regress_streaming_b;
SET ROLE regress_streaming_b;
CREATE TRIGGER t AFTER INSERT ON v_changes FOR EACH ROW EXECUTE FUNCTION fired();
INSERT INTO v_changes VALUES (1, 'insert', 1, 1);
SET ROLE regress_streaming_a;
REVOKE ALL ON v_changes FROM regress_streaming_b;
CREATE TRIGGER t AFTER INSERT ON v_changes FOR EACH ROW EXECUTE FUNCTION fired();
GRANT SELECT (k) ON v_changes TO PUBLIC;
GRANT SELECT ON v TO PUBLIC;
-- a command that does not change the owner leaves privileges alone
GRANT SELECT (sum) ON v_changes TO regress_streaming_b;
ALTER MATERIALIZED VIEW v SET (security_barrier = true);
SELECT attname, attacl FROM pg_attribute WHERE attrelid = 'v_changes'::regclass AND attacl IS NOT NULL ORDER BY attnum;
RESET ROLE;
ALTER MATERIALIZED VIEW v OWNER TO regress_streaming_b;
SELECT attname, attacl FROM pg_attribute WHERE attrelid = 'v_changes'::regclass AND attacl IS NOT NULL;
SET ROLE regress_streaming_a;
SELECT k FROM v_changes;
RESET ROLE;

---- triggers of somebody with less rights than the new owner
SET ROLE regress_streaming_a;
CREATE MATERIALIZED VIEW tv WITH (streaming.continuous, streaming.trigger = manual) AS SELECT k FROM ps;
CREATE TRIGGER t AFTER INSERT ON tv FOR EACH ROW EXECUTE FUNCTION fired();
RESET ROLE;
INSERT INTO ps VALUES (1);
REFRESH MATERIALIZED VIEW tv;
ALTER MATERIALIZED VIEW tv OWNER TO regress_streaming_s;
INSERT INTO ps VALUES (2);
REFRESH MATERIALIZED VIEW tv;
TABLE tv;
ALTER MATERIALIZED VIEW tv SET (streaming.trust_functions);
REFRESH MATERIALIZED VIEW tv;
TABLE tv;

---- views below that grow without bounds
SET ROLE regress_streaming_a;
CREATE VIEW c0 AS SELECT 1 AS a;
SELECT format('CREATE VIEW c%s AS SELECT x.a FROM c%s x, c%s y', i, i - 1, i - 1) FROM generate_series(1, 32) i
\gexec
CREATE VIEW o AS SELECT x AS a FROM s;
CREATE MATERIALIZED VIEW z WITH (streaming.continuous, streaming.trigger = manual) AS SELECT a FROM o;
CREATE MATERIALIZED VIEW z2 WITH (streaming.continuous) AS SELECT s.k FROM s, c32 WHERE c32.a = s.k;
CREATE MATERIALIZED VIEW z2 WITH (streaming.continuous) AS SELECT s.k FROM s WHERE EXISTS (SELECT FROM c32 WHERE c32.a = s.k);
CREATE OR REPLACE VIEW o AS SELECT s.x AS a FROM c32 x, s;
INSERT INTO s VALUES (1, 5);
REFRESH MATERIALIZED VIEW z;
CREATE OR REPLACE VIEW o AS SELECT s.x AS a FROM c3 x, s;
REFRESH MATERIALIZED VIEW z;
TABLE z;
CREATE TABLE guarded (a int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (EXISTS (SELECT FROM c32));
GRANT SELECT ON guarded TO regress_streaming_b;
SET ROLE regress_streaming_b;
CREATE MATERIALIZED VIEW z3 WITH (streaming.continuous) AS SELECT s.k FROM s, guarded WHERE guarded.a = s.k;
RESET ROLE;

---- many ways through views above: each is asked once
CREATE TABLE e (ts timestamptz, k int) USING stream
	WITH (streaming.event_time = 'ts', streaming.watermark = '0 s');
CREATE MATERIALIZED VIEW l0a WITH (streaming.continuous, streaming.trigger = manual) AS SELECT ts, k FROM e;
CREATE MATERIALIZED VIEW l0b WITH (streaming.continuous, streaming.trigger = manual) AS SELECT ts, k FROM e;
SELECT format('CREATE MATERIALIZED VIEW l%s%s WITH (streaming.continuous, streaming.trigger = manual) AS
	SELECT ts, k FROM l%sa UNION ALL SELECT ts, k FROM l%sb', i, c, i - 1, i - 1)
	FROM generate_series(1, 12) i, unnest('{a,b}'::text[]) c ORDER BY i, c
\gexec
INSERT INTO e VALUES ('2026-01-01', 1);
SELECT streaming.wait('l12a');
SELECT count(*) FROM l12a;
ALTER MATERIALIZED VIEW l12a SET (streaming.group = 'g');

SET client_min_messages = error;
DROP SCHEMA sv CASCADE;
DROP OWNED BY regress_streaming_a, regress_streaming_b, regress_streaming_s;
DROP ROLE regress_streaming_a, regress_streaming_b, regress_streaming_s;
SELECT * FROM leftovers();
