-- PostgreSQL's own queries of DISTINCT, DISTINCT ON and windows (select_distinct.sql,
-- select_distinct_on.sql, window.sql), over streams: each is maintained exactly, or refused at CREATE
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
CREATE SCHEMA pgw;
SET search_path = pgw, public;

CREATE TABLE queries (n int GENERATED ALWAYS AS IDENTITY, query text, refusal text);

---- streams, and tables that are looked up

CREATE TABLE tenk (unique1 int, unique2 int, two int, four int, ten int, hundred int, string4 text COLLATE "C") USING stream;
CREATE TABLE onek (LIKE tenk) USING stream;
CREATE TABLE plain (unique1 int, two int);
INSERT INTO plain SELECT x, x % 2 FROM generate_series(0, 20) x;
CREATE TABLE person (name text, age int) PARTITION BY LIST (name);
CREATE TABLE emp PARTITION OF person FOR VALUES IN ('sharon', 'sam') USING stream;
CREATE TABLE student PARTITION OF person DEFAULT USING stream;
CREATE TABLE nullable (f1 int) USING stream;
CREATE TABLE empsalary (depname varchar COLLATE "C", empno bigint, salary int, enroll_date date) USING stream;
CREATE TABLE numerics (id int, f4 float4, f8 float8, n numeric) USING stream;
CREATE TABLE datetimes (id int, t time, tz timetz, iv interval, tstz timestamptz, ts timestamp) USING stream;
CREATE FUNCTION same(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a; END';
CREATE FUNCTION same_volatile(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a; END';
CREATE FUNCTION nth_value_def(val anyelement, n int = 1) RETURNS anyelement LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_nth_value';
-- says which functions were called
CREATE FUNCTION log_acc(text, anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT COALESCE($1, '') || '*' || quote_nullable($2) $$;
CREATE FUNCTION log_macc(text, anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT COALESCE($1, '') || '+' || quote_nullable($2) $$;
CREATE FUNCTION log_minv(text, anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 || '-' || quote_nullable($2) $$;
CREATE AGGREGATE log_agg(anyelement) (STYPE = text, SFUNC = log_acc, MSTYPE = text, MSFUNC = log_macc, MINVFUNC = log_minv);

---- the queries

COPY queries (query) FROM stdin WHERE query !~ '^--';
-- DISTINCT
SELECT DISTINCT two FROM onek ORDER BY 1
SELECT DISTINCT ten FROM onek ORDER BY 1
SELECT DISTINCT string4 FROM onek ORDER BY 1
SELECT DISTINCT two, string4, ten FROM onek ORDER BY two USING <, string4 USING <, ten USING <
SELECT DISTINCT p.age FROM person* p ORDER BY age USING >
SELECT DISTINCT p.age FROM ONLY person p
SELECT DISTINCT age FROM emp
SELECT count(*) FROM (SELECT DISTINCT two, four, two FROM tenk) ss
SELECT DISTINCT unique1 % 100 AS g FROM tenk
SELECT DISTINCT (unique1 % 100)::text AS g FROM tenk
SELECT DISTINCT same(1) FROM tenk
SELECT DISTINCT same(two), two + same(1) FROM tenk
SELECT DISTINCT same_volatile(1) FROM tenk
SELECT DISTINCT four FROM tenk WHERE four = 0
SELECT DISTINCT four FROM tenk WHERE four = 0 AND two <> 0
SELECT DISTINCT four, 1 AS a, 2 AS b, 3 AS c FROM tenk WHERE four = 0
SELECT DISTINCT four, 1 AS a, 2 AS b, 3 AS c FROM tenk WHERE four = 10
SELECT DISTINCT * FROM nullable
SELECT DISTINCT f1, f1 IS NULL AS n FROM nullable ORDER BY f1 NULLS FIRST LIMIT 3
SELECT DISTINCT two FROM (SELECT two FROM tenk UNION ALL SELECT four FROM onek) u
SELECT DISTINCT ten, p.two FROM tenk JOIN plain p USING (unique1)
SELECT DISTINCT two FROM tenk LIMIT 10 OFFSET 1
SELECT DISTINCT n FROM numerics
SELECT DISTINCT f4, f8 FROM numerics WHERE id <> 5
SELECT DISTINCT t, tz, iv, tstz, ts FROM datetimes
-- and above aggregates
SELECT DISTINCT count(*) FROM tenk GROUP BY four
SELECT DISTINCT ON (two) two, four, sum(ten) FROM tenk GROUP BY two, four ORDER BY two, four DESC
-- IS DISTINCT FROM
SELECT f1, f1 IS DISTINCT FROM 2 AS "not 2", f1 IS DISTINCT FROM NULL AS "not null", f1 IS DISTINCT FROM f1 AS "false", f1 IS DISTINCT FROM f1 + 1 AS "plus 1" FROM nullable
SELECT 1 IS DISTINCT FROM 2 AS y1, 2 IS DISTINCT FROM 2 AS n1, 2 IS DISTINCT FROM NULL AS y2, NULL IS DISTINCT FROM NULL AS n2, 1 IS NOT DISTINCT FROM 2 AS n3, NULL IS NOT DISTINCT FROM NULL AS y3 FROM nullable
SELECT f1 IS DISTINCT FROM 2 AS d, count(*), count(DISTINCT f1) AS n FROM nullable GROUP BY 1
-- DISTINCT ON
SELECT DISTINCT ON (string4) string4, two, ten FROM onek ORDER BY string4 USING <, two USING >, ten USING <
SELECT DISTINCT ON (string4, ten) string4, two, ten FROM onek ORDER BY string4 USING <, two USING <, ten USING <
SELECT DISTINCT ON (string4, ten) string4, ten, two FROM onek ORDER BY string4 USING <, ten USING >, two USING <
SELECT DISTINCT ON (1) floor(random()) AS r, f1 FROM nullable ORDER BY 1, 2
SELECT DISTINCT ON (1) f1 % 2 AS r, f1 FROM nullable ORDER BY 1, 2
SELECT DISTINCT ON (r) f1 % 2 AS r, f1 FROM nullable ORDER BY r DESC NULLS LAST, f1 DESC NULLS LAST
SELECT DISTINCT ON (four) four, two FROM tenk WHERE four = 0 ORDER BY 1
SELECT DISTINCT ON (four) four, hundred FROM tenk WHERE four = 0 ORDER BY 1, 2
SELECT DISTINCT ON (four) four, unique1 FROM tenk WHERE two = 1 ORDER BY four, unique2 DESC
SELECT DISTINCT ON (two) two, two * 10 AS twenty FROM tenk
SELECT DISTINCT ON ((SELECT p.two FROM plain p WHERE p.unique1 = tenk.unique1)) unique1 FROM tenk ORDER BY (SELECT p.two FROM plain p WHERE p.unique1 = tenk.unique1), unique1 DESC
SELECT DISTINCT ON (depname) * FROM empsalary ORDER BY depname, salary DESC, empno
SELECT DISTINCT ON (depname) depname, enroll_date - '2000-01-01' AS days FROM empsalary ORDER BY depname, enroll_date
SELECT DISTINCT ON (1) 1 AS one, salary FROM empsalary ORDER BY 1, salary DESC
SELECT DISTINCT ON (id % 3) id % 3 AS m, n, f8 FROM numerics ORDER BY id % 3, n DESC NULLS LAST, f8, id
SELECT sum(salary), count(*) FROM (SELECT DISTINCT ON (depname) depname, salary FROM empsalary ORDER BY depname, salary DESC) q
SELECT DISTINCT ON (age) age, name FROM person ORDER BY age, name COLLATE "C" DESC
-- rankings of which the first are wanted
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY empno) rn FROM empsalary) emp WHERE rn < 3
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY empno) rn FROM empsalary) emp WHERE 3 > rn
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY empno) rn FROM empsalary) emp WHERE 2 >= rn
SELECT * FROM (SELECT empno, salary, rank() OVER (ORDER BY salary DESC) r FROM empsalary) emp WHERE r <= 3
SELECT * FROM (SELECT empno, salary, dense_rank() OVER (ORDER BY salary DESC) dr FROM empsalary) emp WHERE dr = 1
SELECT * FROM (SELECT depname, empno, salary, rank() OVER (PARTITION BY depname ORDER BY salary, empno) r FROM empsalary) emp WHERE r <= 2 AND depname = 'sales'
SELECT * FROM (SELECT depname, empno, salary, rank() OVER (PARTITION BY depname ORDER BY salary) r FROM empsalary) emp WHERE r <= 2 AND salary > 3600
SELECT depname, empno, r FROM (SELECT depname, empno, rank() OVER w AS r FROM empsalary WINDOW w AS (PARTITION BY depname ORDER BY salary)) q WHERE r IN (1, 3) ORDER BY r
SELECT depname, empno, r FROM (SELECT depname, empno, rank() OVER (w ORDER BY salary DESC) AS r FROM empsalary WINDOW w AS (PARTITION BY depname)) q WHERE r BETWEEN 2 AND 3
SELECT * FROM (SELECT empno, row_number() OVER w1 AS a, dense_rank() OVER w2 AS b FROM empsalary WINDOW w1 AS (ORDER BY salary, empno), w2 AS (ORDER BY salary, empno)) q WHERE a <= 4 AND b > 1
SELECT * FROM (SELECT four, ten, unique2, row_number() OVER (PARTITION BY four ORDER BY unique2 ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) rn FROM tenk) q WHERE rn <= 2
SELECT * FROM (SELECT four, ten, unique2, rank() OVER (PARTITION BY four ORDER BY ten RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) r FROM tenk) q WHERE r = 1
SELECT * FROM (SELECT four, ten, dense_rank() OVER (PARTITION BY four ORDER BY ten) r FROM tenk) q WHERE r <= 2
SELECT * FROM (SELECT ten, rank() OVER (PARTITION BY four, four ORDER BY four, ten) r FROM tenk WHERE unique2 < 250) q WHERE r < 2
SELECT * FROM (SELECT unique1, rank() OVER (ORDER BY length('abc')) r FROM onek) q WHERE r <= 1
SELECT * FROM (SELECT id, f4, f8, row_number() OVER (ORDER BY f4, id) rn FROM numerics) q WHERE rn <= 4
SELECT * FROM (SELECT id, f8, row_number() OVER (ORDER BY f8 DESC NULLS LAST, id) rn FROM numerics) q WHERE rn <= 4
SELECT * FROM (SELECT id, n, rank() OVER (ORDER BY n DESC NULLS FIRST) rn FROM numerics) q WHERE rn <= 4
SELECT * FROM (SELECT id, t, row_number() OVER (PARTITION BY id % 2 ORDER BY t DESC, tz) rn FROM datetimes) q WHERE rn <= 2
SELECT * FROM (SELECT id, tz, iv, rank() OVER (ORDER BY tz, iv DESC) rn FROM datetimes) q WHERE rn <= 3
SELECT * FROM (SELECT id, tstz, ts, dense_rank() OVER (ORDER BY tstz DESC NULLS LAST) rn FROM datetimes) q WHERE rn <= 3
SELECT count(*), max(rn) FROM (SELECT row_number() OVER () AS rn FROM empsalary) q WHERE rn <= 3
SELECT count(*) FROM (SELECT row_number() OVER w AS rn FROM empsalary WINDOW w AS ()) q WHERE rn <= 3
SELECT depname, sum(salary) OVER (PARTITION BY depname), lag(empno) OVER (PARTITION BY depname ORDER BY rn) AS before FROM (SELECT *, row_number() OVER (PARTITION BY depname ORDER BY salary DESC, empno) rn FROM empsalary) q WHERE rn <= 2
SELECT empno, first FROM (SELECT depname, empno, salary, row_number() OVER (PARTITION BY depname ORDER BY enroll_date, empno) AS first FROM empsalary) q WHERE first = 1 UNION SELECT empno, last FROM (SELECT empno, row_number() OVER (PARTITION BY depname ORDER BY enroll_date DESC, empno) AS last FROM empsalary) q WHERE last = 1
SELECT p.unique1, q.empno FROM plain p LEFT JOIN (SELECT empno, row_number() OVER (ORDER BY salary, empno) rn FROM empsalary) q ON q.empno = p.unique1 AND rn <= 4
WITH q AS (SELECT empno, salary, row_number() OVER (ORDER BY salary, empno) rn FROM empsalary) SELECT * FROM q WHERE rn <= 4
SELECT four FROM tenk WHERE false WINDOW w AS (PARTITION BY ten)
SELECT four FROM tenk WINDOW w AS (PARTITION BY ten)
-- windows over groups and distinct rows, which readers compute
SELECT four, ten, sum(sum(four)) OVER (PARTITION BY four), avg(ten) FROM tenk GROUP BY four, ten ORDER BY four, ten
SELECT ten, two, sum(hundred) AS gsum, sum(sum(hundred)) OVER (PARTITION BY two ORDER BY ten) AS wsum FROM tenk GROUP BY ten, two
SELECT ten, two, sum(hundred) AS gsum, sum(sum(hundred)) OVER win AS wsum FROM tenk GROUP BY ten, two WINDOW win AS (PARTITION BY two ORDER BY ten)
SELECT sum(salary) AS s, row_number() OVER (ORDER BY depname), sum(sum(salary)) OVER (ORDER BY depname DESC) AS r FROM empsalary GROUP BY depname
SELECT sum(count(f1)) OVER () FROM nullable WHERE f1 = 42
SELECT ten, sum(unique1) + sum(unique2) AS res, rank() OVER (ORDER BY sum(unique1) + sum(unique2)) FROM tenk GROUP BY ten ORDER BY ten
SELECT first_value(max(x)) OVER (ORDER BY y), y FROM (SELECT unique1 AS x, ten + four AS y FROM tenk) ss GROUP BY y
SELECT sum(salary) AS s, row_number() OVER (ORDER BY depname), sum(sum(salary) FILTER (WHERE enroll_date > '2007-01-01')) FILTER (WHERE depname <> 'sales') OVER (ORDER BY depname DESC) AS filtered_sum, depname FROM empsalary GROUP BY depname
SELECT depname, ntile(2) OVER w, percent_rank() OVER w, cume_dist() OVER w, lag(count(*), 1, 0::bigint) OVER w, lead(depname) OVER w AS next, nth_value(depname, 2) OVER w FROM empsalary GROUP BY depname WINDOW w AS (ORDER BY depname)
SELECT four, ten, sum(ten) OVER (PARTITION BY four ORDER BY ten), last_value(ten) OVER (PARTITION BY four ORDER BY ten) FROM (SELECT DISTINCT ten, four FROM tenk) ss
SELECT four, ten, sum(ten) OVER (PARTITION BY four ORDER BY ten RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), last_value(ten) OVER (PARTITION BY four ORDER BY ten RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM (SELECT DISTINCT ten, four FROM tenk) ss
SELECT four, ten / 4 AS two, sum(ten / 4) OVER (PARTITION BY four ORDER BY ten / 4, ten ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM (SELECT DISTINCT ten, four FROM tenk) ss
SELECT ten, sum(ten) OVER (ORDER BY ten ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS rows, sum(ten) OVER (ORDER BY ten RANGE BETWEEN 2::int8 PRECEDING AND 1::int2 PRECEDING) AS range, sum(ten) OVER (ORDER BY ten / 3 GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS groups FROM (SELECT DISTINCT ten FROM tenk) ss
SELECT enroll_date, count(*), sum(sum(salary)) OVER (ORDER BY enroll_date RANGE BETWEEN '1 year' PRECEDING AND '1 year' FOLLOWING) FROM empsalary GROUP BY enroll_date
SELECT ten, log_agg(ten) OVER (ORDER BY ten ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS m, sum(avg(hundred)) OVER (ORDER BY ten ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS s FROM tenk GROUP BY ten
SELECT nth_value_def(n := 2, val := ten) OVER (PARTITION BY four ORDER BY ten), nth_value_def(ten) OVER (PARTITION BY four ORDER BY ten) AS f, ten, four FROM (SELECT DISTINCT ten, four FROM tenk) s
SELECT * FROM (SELECT ten, count(*) OVER (ORDER BY ten) c, dense_rank() OVER (ORDER BY ten) dr FROM (SELECT DISTINCT ten FROM tenk) q) emp WHERE c <= 3
-- windows over rows, of which nothing is wanted first
SELECT depname, empno, salary, sum(salary) OVER (PARTITION BY depname) FROM empsalary ORDER BY depname, salary
SELECT depname, empno, salary, rank() OVER (PARTITION BY depname ORDER BY salary) FROM empsalary
SELECT depname, empno, rank() OVER w FROM empsalary WINDOW w AS (PARTITION BY depname ORDER BY salary) ORDER BY rank() OVER w
SELECT count(*) OVER () FROM tenk WHERE unique2 < 10
SELECT row_number() OVER (ORDER BY unique2) FROM tenk WHERE unique2 < 10
SELECT empno FROM empsalary ORDER BY row_number() OVER (ORDER BY salary) LIMIT 3
SELECT rank() OVER (ORDER BY salary) AS r FROM empsalary ORDER BY r FETCH FIRST 3 ROWS ONLY
SELECT sum(salary) OVER w, rank() OVER w FROM empsalary WINDOW w AS (PARTITION BY depname ORDER BY salary DESC)
SELECT count(*) OVER (PARTITION BY four) FROM (SELECT * FROM tenk UNION ALL SELECT * FROM onek) s LIMIT 0
SELECT max(depadj) FROM (SELECT CASE WHEN avg(salary) OVER (PARTITION BY depname) < salary THEN 200 END AS depadj FROM empsalary) s
SELECT * FROM (SELECT empno, ntile(3) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 1
SELECT * FROM (SELECT empno, percent_rank() OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 0.5
SELECT * FROM (SELECT empno, cume_dist() OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 0.5
SELECT * FROM (SELECT empno, lag(salary) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 3
SELECT * FROM (SELECT empno, lead(empno, (SELECT two FROM plain WHERE unique1 = empno)) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 3
SELECT * FROM (SELECT empno, first_value(salary) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 3
SELECT * FROM (SELECT empno, last_value(salary) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 3
SELECT * FROM (SELECT empno, nth_value(salary, 2) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 3
SELECT * FROM (SELECT empno, nth_value_def(empno) OVER (ORDER BY salary) n FROM empsalary) q WHERE n <= 3
SELECT * FROM (SELECT empno, salary, count(*) OVER (ORDER BY salary DESC) c FROM empsalary) emp WHERE c <= 3
SELECT * FROM (SELECT empno, salary, count(1) OVER (ORDER BY salary DESC) c FROM empsalary) emp WHERE c <= 3
SELECT * FROM (SELECT empno, salary, count(*) OVER (ORDER BY salary DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) c FROM empsalary) emp WHERE c >= 3
SELECT * FROM (SELECT empno, salary, count(*) OVER () c FROM empsalary) emp WHERE 11 <= c
SELECT * FROM (SELECT empno, salary, count(*) OVER (ORDER BY salary DESC) c, dense_rank() OVER (ORDER BY salary DESC) dr FROM empsalary) emp WHERE dr = 1
SELECT * FROM (SELECT empno, row_number() OVER (PARTITION BY depname ORDER BY enroll_date) AS first_emp, row_number() OVER (PARTITION BY depname ORDER BY enroll_date DESC) AS last_emp FROM empsalary) emp WHERE first_emp = 1 OR last_emp = 1
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY salary) rn FROM empsalary) q WHERE rn >= 3
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY salary) rn FROM empsalary) q WHERE rn <> 3
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY salary) rn FROM empsalary) q WHERE rn <= empno
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY salary) rn FROM empsalary) q WHERE rn <= 3 OR empno = 1
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY random()) rn FROM empsalary) q WHERE rn <= 3
SELECT * FROM (SELECT empno, rank() OVER (PARTITION BY depname) r FROM empsalary) q WHERE r <= 3
SELECT * FROM (SELECT DISTINCT salary, rank() OVER (ORDER BY salary) r FROM empsalary) q WHERE r <= 3
SELECT * FROM (SELECT empno, row_number() OVER (ORDER BY salary) rn FROM empsalary LIMIT 5) q WHERE rn <= 3
SELECT p.unique1, (SELECT empno FROM (SELECT empno, row_number() OVER (ORDER BY salary) rn FROM empsalary) q WHERE rn = p.unique1) FROM plain p
-- not PostgreSQL either
SELECT * FROM empsalary WHERE row_number() OVER (ORDER BY salary) < 10
SELECT * FROM empsalary JOIN tenk ON row_number() OVER (ORDER BY salary) < 10
SELECT rank() OVER (ORDER BY 1), count(*) FROM empsalary GROUP BY 1
SELECT rank() OVER (ORDER BY rank() OVER (ORDER BY salary)) FROM empsalary
SELECT count(*) OVER w FROM tenk WINDOW w AS (ORDER BY unique1), w AS (ORDER BY unique1)
SELECT generate_series(1, 100) OVER () FROM empsalary
\.
CALL make_views();
-- what is refused
\pset format unaligned
\pset tuples_only on
SELECT query || E'\n\t' || refusal FROM queries WHERE refusal IS NOT NULL ORDER BY n;
\pset format aligned
\pset tuples_only off
SELECT count(*) AS queries, count(refusal) AS refused FROM queries;

---- batches, and the oracle after each

SELECT * FROM check_queries();
CREATE PROCEDURE more(batch int) LANGUAGE sql AS $$
	INSERT INTO tenk SELECT u, x, u % 2, u % 4, u % 10, u % 100, (ARRAY['AAAA', 'HHHH', 'OOOO', 'VVVV'])[1 + x % 4]
	FROM (SELECT x, x * 163 % 600 AS u FROM generate_series(0, 599) x) q WHERE batch = CASE WHEN u % 10 BETWEEN 3 AND 6 THEN 1 WHEN u % 10 IN (0, 1, 2, 7) THEN 2 ELSE 3 END;
	INSERT INTO onek SELECT * FROM tenk WHERE unique1 % (batch + 1) = 0;
$$;
CALL more(1);
INSERT INTO person VALUES ('sharon', 25), ('mike', 40);
INSERT INTO nullable VALUES (1), (NULL);
INSERT INTO empsalary VALUES ('develop', 10, 5200, '2007-08-01'), ('sales', 1, 5000, '2006-10-01'), ('personnel', 5, 3500, '2007-12-10'), ('sales', 4, 4800, '2007-08-08');
INSERT INTO numerics VALUES (1, -3, -3, -3), (2, -1, -1, -1), (5, 1.12, 1.12, 1.12), (8, 'inf', 'inf', 'inf');
INSERT INTO datetimes VALUES (1, '11:00', '11:00+01', '1 year', '2000-10-19 10:23:54+01', '2000-10-19 10:23:54'), (2, '12:00', '12:00+01', '2 years', '2001-10-19 10:23:54+01', '2001-10-19 10:23:54');
CALL refresh_views();
SELECT * FROM check_queries();
CALL more(2);
INSERT INTO person VALUES ('sam', 30), ('joan', 40), ('mike', 18);
INSERT INTO nullable VALUES (2), (3), (NULL);
INSERT INTO empsalary VALUES ('personnel', 2, 3900, '2006-12-23'), ('develop', 7, 4200, '2008-01-01'), ('develop', 9, 4500, '2008-01-01'), ('develop', 8, 6000, '2006-10-01');
INSERT INTO numerics VALUES (0, '-inf', '-inf', '-inf'), (3, 0, 0, 0), (9, 'NaN', 'NaN', 'NaN'), (10, NULL, NULL, NULL);
INSERT INTO datetimes VALUES (3, '13:00', '13:00+01', '3 years', '2001-10-19 10:23:54+01', '2001-10-19 10:23:54'), (10, '10:00', '11:00+02', '36 months', 'infinity', '-infinity'), (11, NULL, NULL, NULL, NULL, NULL);
CALL refresh_views();
SELECT * FROM check_queries();
-- other processes begin with what is stored
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 60000)) > 0 AS restarted FROM pg_stat_activity
WHERE backend_type = 'streaming worker' AND datname = current_database();
CALL more(3);
INSERT INTO person VALUES ('sharon', 18), ('ann', 25);
INSERT INTO nullable VALUES (42), (-1), (2);
INSERT INTO empsalary VALUES ('sales', 3, 4800, '2007-08-01'), ('develop', 11, 5200, '2007-08-15'), (NULL, 12, NULL, NULL), ('sales', 6, 6000, '2006-09-30');
INSERT INTO numerics VALUES (4, 1.1, 1.1, 1.1), (6, 2, 2, 2), (7, 100, 100, 100), (12, '-inf', '-inf', '-inf');
INSERT INTO datetimes VALUES (12, '24:00', '00:00-12', '-1 day', '-infinity', 'infinity'), (8, '18:00', '18:00+01', '8 years', '2006-10-19 10:23:54+01', '2006-10-19 10:23:54');
CALL refresh_views();
SELECT * FROM check_queries();

DROP TABLE tenk, onek, person, nullable, empsalary, numerics, datetimes CASCADE;
SET search_path = public;
DROP SCHEMA pgw CASCADE;
SELECT * FROM leftovers();
