-- A function of XML in FROM
\set SHOW_CONTEXT never
SET client_min_messages = warning;
-- (also built without libxml)
DO $$
BEGIN
	PERFORM '<r/>'::xml;
	PERFORM set_config('test.xml', 'true', false);
EXCEPTION WHEN feature_not_supported THEN
	PERFORM set_config('test.xml', 'false', false);
END $$;
SELECT NOT current_setting('test.xml')::bool AS skip \gset
\if :skip
\quit
\endif

CREATE TABLE s (id int, x xml) USING stream;
CREATE MATERIALIZED VIEW f_xml WITH (streaming.continuous) AS
	SELECT id, c.* FROM s, XMLTABLE('/r/c' PASSING x COLUMNS n int PATH '@n', word text PATH '.') AS c;
INSERT INTO s VALUES (1, '<r><c n="1">one</c><c n="2">two</c></r>'), (2, '<r/>'), (3, NULL);
SELECT streaming.wait('f_xml');
INSERT INTO s SELECT id + 10, x FROM s;
SELECT streaming.wait('f_xml');
SELECT * FROM f_xml ORDER BY id, n;
SELECT check_view('f_xml');
DROP TABLE s CASCADE;
SELECT * FROM leftovers();
