//! What somebody might try to see more than policies allow.

use std::collections::BTreeSet;

use showrunner_lake::Identity;

use crate::world::{World, analyst, cells, nobody};

/// What a query must give.
enum Expect {
    /// What the admin gets over a table that has only the rows and values that are seen.
    AsSeen,
    /// Access denied, naming this column.
    Denied(&'static str),
    /// An error with this text.
    Error(&'static str),
    /// An answer without any of these texts.
    Without(&'static [&'static str]),
}
use Expect::{AsSeen, Denied, Error, Without};

/// The table as the analyst should see it, in SQL that only an admin can write. `browser` is denied.
const SEEN: &str = "(SELECT date, customer, 'XXXXX' || right(session_id, 4) AS session_id, \
    'XXXXX' || right(full_visitor_id, 4) AS full_visitor_id, visit_id, channel, country, CAST(NULL AS VARCHAR) AS region, \
    '' AS city, device_category, hits, revenue FROM silver.sessions WHERE country = 'Germany')";

/// `{t}` is the table.
const CASES: &[(&str, &str, Expect)] = &[
    ("count", "SELECT count(*) FROM {t}", AsSeen),
    ("count of a column", "SELECT count(city), count(region), count(hits) FROM {t}", AsSeen),
    (
        "count distinct",
        "SELECT count(DISTINCT country), count(DISTINCT city), count(DISTINCT full_visitor_id) FROM {t}",
        AsSeen,
    ),
    (
        "columns",
        "SELECT date, session_id, full_visitor_id, country, region, city FROM {t} ORDER BY visit_id, 2",
        AsSeen,
    ),
    ("distinct", "SELECT DISTINCT country, city FROM {t} ORDER BY 1, 2", AsSeen),
    ("filter on a hidden row", "SELECT count(*) FROM {t} WHERE country <> 'Germany'", AsSeen),
    ("or true", "SELECT count(*) FROM {t} WHERE country <> 'Germany' OR TRUE", AsSeen),
    ("not", "SELECT count(*) FROM {t} WHERE NOT (country = 'Germany')", AsSeen),
    ("filter on a masked column", "SELECT count(*) FROM {t} WHERE city = ''", AsSeen),
    (
        "filter on a masked column's raw value",
        "SELECT count(*) FROM {t} WHERE city = 'Berlin' OR city = 'Munich'",
        AsSeen,
    ),
    ("null test of a masked column", "SELECT count(*) FROM {t} WHERE region IS NOT NULL", AsSeen),
    (
        "like on a masked column",
        "SELECT count(*) FROM {t} WHERE full_visitor_id LIKE '1%' OR full_visitor_id LIKE '%9'",
        AsSeen,
    ),
    ("prefix probe", "SELECT count(*) FROM {t} WHERE starts_with(full_visitor_id, 'XXXXX')", AsSeen),
    ("range on a masked column", "SELECT count(*) FROM {t} WHERE full_visitor_id > '5' AND city < 'M'", AsSeen),
    (
        "between and in",
        "SELECT count(*) FROM {t} WHERE city IN ('Berlin', '') AND full_visitor_id BETWEEN '0' AND 'Z'",
        AsSeen,
    ),
    ("order by a masked column", "SELECT city, visit_id FROM {t} ORDER BY city, region, visit_id", AsSeen),
    ("group by a masked column", "SELECT city, region, count(*) FROM {t} GROUP BY city, region ORDER BY 1, 2", AsSeen),
    ("grouping sets", "SELECT country, city, count(*) FROM {t} GROUP BY CUBE (country, city) ORDER BY 1, 2, 3", AsSeen),
    ("having", "SELECT full_visitor_id, count(*) FROM {t} GROUP BY 1 HAVING count(*) > 0 ORDER BY 1", AsSeen),
    ("min and max", "SELECT min(country), max(country), min(city), max(full_visitor_id) FROM {t}", AsSeen),
    ("min and max of a partition", "SELECT min(date), max(date), count(*) FROM {t} WHERE country = 'France'", AsSeen),
    ("limit", "SELECT country, city FROM {t} LIMIT 1000", AsSeen),
    ("limit with offset", "SELECT visit_id FROM {t} ORDER BY visit_id LIMIT 3 OFFSET 1", AsSeen),
    (
        "case",
        "SELECT CASE WHEN country = 'Germany' THEN 'in' ELSE country END AS x, count(*) FROM {t} GROUP BY 1 ORDER BY 1",
        AsSeen,
    ),
    ("case on a masked column", "SELECT sum(CASE WHEN city = '' THEN 1 ELSE 1000 END) FROM {t}", AsSeen),
    ("coalesce", "SELECT coalesce(region, city, country), count(*) FROM {t} GROUP BY 1", AsSeen),
    ("length", "SELECT sum(length(city)), sum(length(full_visitor_id)) FROM {t}", AsSeen),
    (
        "aggregate filter",
        "SELECT count(*) FILTER (WHERE country = 'United States'), count(*) FILTER (WHERE city <> '') FROM {t}",
        AsSeen,
    ),
    ("string_agg", "SELECT string_agg(DISTINCT city, ',') FROM {t}", AsSeen),
    ("array_agg", "SELECT array_agg(DISTINCT country) FROM {t}", AsSeen),
    (
        "join",
        "SELECT count(*) FROM {t} s JOIN gold.country_day c ON c.country = s.country AND c.date = s.date AND c.customer = s.customer",
        AsSeen,
    ),
    (
        "left join from all",
        "SELECT c.country, count(s.visit_id) FROM gold.country_day c LEFT JOIN {t} s ON c.country = s.country GROUP BY 1 ORDER BY 1",
        AsSeen,
    ),
    (
        "anti join",
        "SELECT count(*) FROM gold.country_day c WHERE NOT EXISTS (SELECT 1 FROM {t} s WHERE s.country = c.country)",
        AsSeen,
    ),
    (
        "full join",
        "SELECT count(*) FROM {t} a FULL JOIN (VALUES ('France'), ('Germany')) v(country) ON v.country = a.country",
        AsSeen,
    ),
    ("cross join", "SELECT count(*) FROM {t} a, {t} b", AsSeen),
    (
        "self join on a masked column",
        "SELECT count(*) FROM {t} a JOIN {t} b ON a.full_visitor_id = b.full_visitor_id",
        AsSeen,
    ),
    (
        "probe join with guesses",
        "SELECT v.city FROM (VALUES ('Berlin'), ('Hamburg'), ('')) v(city) JOIN {t} s ON s.city = v.city GROUP BY 1",
        AsSeen,
    ),
    (
        "natural join",
        "SELECT count(*) FROM (SELECT country, date FROM {t}) a NATURAL JOIN (SELECT country, date FROM {t}) b",
        AsSeen,
    ),
    ("in subquery", "SELECT count(*) FROM gold.country_day WHERE country IN (SELECT country FROM {t})", AsSeen),
    (
        "not in subquery",
        "SELECT count(*) FROM gold.country_day WHERE country NOT IN (SELECT country FROM {t} WHERE country IS NOT NULL)",
        AsSeen,
    ),
    (
        "exists",
        "SELECT count(*) FROM (VALUES (1)) v(a) WHERE EXISTS (SELECT 1 FROM {t} WHERE country = 'United States')",
        AsSeen,
    ),
    (
        "correlated",
        "SELECT country, (SELECT count(*) FROM {t} s WHERE s.country = c.country) AS n FROM gold.country_day c GROUP BY 1 ORDER BY 1",
        AsSeen,
    ),
    (
        "scalar subquery",
        "SELECT (SELECT max(country) FROM {t}) AS a, (SELECT count(DISTINCT city) FROM {t}) AS b",
        AsSeen,
    ),
    (
        "cte",
        "WITH a AS (SELECT * EXCEPT (browser) FROM silver.sessions) SELECT count(*), count(DISTINCT city) FROM a",
        Without(&["Berlin", "Munich"]),
    ),
    (
        "nested ctes",
        "WITH a AS (SELECT country, city FROM {t}), b AS (SELECT * FROM a UNION ALL SELECT * FROM a) SELECT country, city, count(*) FROM b GROUP BY 1, 2",
        AsSeen,
    ),
    (
        "recursive cte",
        "WITH RECURSIVE r AS (SELECT 1 AS n, count(*) AS c FROM {t} UNION ALL SELECT n + 1, c FROM r WHERE n < 3) SELECT sum(c) FROM r",
        AsSeen,
    ),
    (
        "recursive cte that joins",
        "WITH RECURSIVE r AS (SELECT 1 AS n, CAST('' AS VARCHAR) AS k UNION ALL SELECT r.n + 1, s.k FROM r JOIN (SELECT DISTINCT country AS k FROM {t}) s ON TRUE WHERE r.n < 3) SELECT n, k, count(*) FROM r GROUP BY 1, 2 ORDER BY 1, 2",
        AsSeen,
    ),
    (
        "window",
        "SELECT country, row_number() OVER (ORDER BY visit_id, session_id) AS n, count(*) OVER () AS c FROM {t} ORDER BY 2",
        AsSeen,
    ),
    (
        "window over a masked column",
        "SELECT count(*) OVER (PARTITION BY city) AS c, rank() OVER (ORDER BY full_visitor_id) AS r FROM {t} ORDER BY 1, 2",
        AsSeen,
    ),
    (
        "lag",
        "SELECT lag(country) OVER (ORDER BY visit_id) AS a, lag(city) OVER (ORDER BY visit_id) AS b FROM {t} ORDER BY 1, 2",
        AsSeen,
    ),
    ("union", "SELECT country FROM {t} UNION SELECT city FROM {t} ORDER BY 1", AsSeen),
    ("except", "SELECT DISTINCT country FROM gold.country_day EXCEPT SELECT country FROM {t} ORDER BY 1", AsSeen),
    ("intersect", "SELECT country FROM gold.country_day INTERSECT SELECT country FROM {t}", AsSeen),
    ("alias tricks", "SELECT s.country AS city, s.city AS country FROM {t} AS s ORDER BY 1, 2", AsSeen),
    ("alias of columns", "SELECT b, count(*) FROM (SELECT country, city FROM {t}) AS x(a, b) GROUP BY 1", AsSeen),
    (
        "alias named like the table",
        "SELECT count(*) FROM (SELECT country FROM {t}) AS sessions WHERE sessions.country = 'United States'",
        AsSeen,
    ),
    ("upper case name", "SELECT COUNT(*) FROM {t} WHERE COUNTRY <> 'Germany'", AsSeen),
    ("pruned by partition", "SELECT country, count(*) FROM {t} WHERE date = '2017-07-29' GROUP BY 1", AsSeen),
    (
        "pruned by partition list",
        "SELECT count(*) FROM {t} WHERE date IN ('2017-07-28', '2017-07-30') AND customer = 'customer01'",
        AsSeen,
    ),
    ("partition or hidden", "SELECT count(*) FROM {t} WHERE date = '2017-07-29' OR country = 'France'", AsSeen),
    (
        "division by zero on hidden rows",
        "SELECT sum(1 / (CASE WHEN country = 'Germany' THEN 1 ELSE 0 END)) FROM {t}",
        AsSeen,
    ),
    (
        "division by zero in a filter",
        "SELECT count(*) FROM {t} WHERE 1 / (CASE WHEN country = 'Germany' THEN 1 ELSE 0 END) = 1",
        AsSeen,
    ),
    (
        "cast that fails on hidden rows",
        "SELECT count(*) FROM {t} WHERE CAST(CASE WHEN country = 'Germany' THEN '1' ELSE country END AS INT) = 1",
        AsSeen,
    ),
    (
        "cast that fails on raw values",
        "SELECT count(*) FROM {t} WHERE CAST(CASE WHEN city = '' THEN '1' ELSE city END AS INT) = 1",
        AsSeen,
    ),
    (
        "cast in a join",
        "SELECT count(*) FROM {t} a JOIN (VALUES (1)) v(n) ON v.n = CAST(CASE WHEN a.country = 'Germany' THEN '1' ELSE a.country END AS INT)",
        AsSeen,
    ),
    ("struct of a masked column", "SELECT DISTINCT named_struct('c', city)['c'] AS x FROM {t}", AsSeen),
    (
        "unnest",
        "SELECT x, count(*) FROM (SELECT unnest(make_array(city, country)) AS x FROM {t}) GROUP BY 1 ORDER BY 1",
        AsSeen,
    ),
    ("values of a hidden row in an error", "SELECT CAST(country AS INT) FROM silver.sessions", Error("Germany")),
    (
        "values of a masked column in an error",
        "SELECT CAST(full_visitor_id AS INT) FROM silver.sessions",
        Error("'XXXXX"),
    ),
    (
        "explain",
        "EXPLAIN SELECT city FROM silver.sessions WHERE city = 'x'",
        Without(&["DataSourceExec", "Berlin", "Munich", "statistics"]),
    ),
    (
        "explain verbose",
        "EXPLAIN VERBOSE SELECT city, country FROM silver.sessions",
        Without(&["DataSourceExec", "Berlin", "Munich", "Rows=Exact", "Rows=Inexact", ".parquet"]),
    ),
    (
        "explain analyze",
        "EXPLAIN ANALYZE SELECT count(*) FROM silver.sessions",
        Without(&["DataSourceExec", "bytes_scanned", "row_groups", "pushdown", ".parquet"]),
    ),
    (
        "explain analyze verbose",
        "EXPLAIN ANALYZE VERBOSE SELECT max(city) FROM silver.sessions",
        Without(&["DataSourceExec", "bytes_scanned", "row_groups", "Berlin", ".parquet"]),
    ),
    ("describe", "DESCRIBE silver.sessions", Without(&["Berlin", "Germany"])),
    (
        "information schema",
        "SELECT * FROM information_schema.columns WHERE table_name = 'sessions'",
        Without(&["Berlin", "Germany"]),
    ),
    ("tables of the information schema", "SELECT * FROM information_schema.tables", Without(&["Berlin", "Germany"])),
    ("show columns", "SHOW COLUMNS FROM silver.sessions", Without(&["Berlin", "Germany"])),
    ("star with a denied column", "SELECT * FROM silver.sessions", Denied("browser")),
    (
        "star without it",
        "SELECT * EXCEPT (browser) FROM silver.sessions",
        Without(&["Berlin", "Munich", "United States", "France"]),
    ),
    ("denied column", "SELECT browser FROM silver.sessions", Denied("browser")),
    ("denied column in a filter", "SELECT count(*) FROM silver.sessions WHERE browser = 'Chrome'", Denied("browser")),
    ("denied column counted", "SELECT count(browser) FROM silver.sessions", Denied("browser")),
    (
        "denied column that does not matter",
        "SELECT count(*) FROM (SELECT browser, country FROM silver.sessions)",
        Denied("browser"),
    ),
    ("denied column by alias", "SELECT x.browser FROM silver.sessions AS x", Denied("browser")),
    ("denied column in a cte", "WITH a AS (SELECT * FROM silver.sessions) SELECT country FROM a", Denied("browser")),
    ("denied column in order by", "SELECT country FROM silver.sessions ORDER BY browser", Denied("browser")),
    ("denied column in group by", "SELECT count(*) FROM silver.sessions GROUP BY browser", Denied("browser")),
    (
        "denied column in a join",
        "SELECT count(*) FROM silver.sessions a JOIN silver.sessions b ON a.browser = b.browser",
        Denied("browser"),
    ),
    (
        "denied column in using",
        "SELECT count(*) FROM silver.sessions a JOIN silver.sessions b USING (browser)",
        Denied("browser"),
    ),
    (
        "denied column in a subquery",
        "SELECT 1 WHERE 'Chrome' IN (SELECT browser FROM silver.sessions)",
        Denied("browser"),
    ),
    ("denied column in a window", "SELECT rank() OVER (ORDER BY browser) FROM silver.sessions", Denied("browser")),
    ("denied column in explain", "EXPLAIN SELECT browser FROM silver.sessions", Denied("browser")),
    ("denied column in explain analyze", "EXPLAIN ANALYZE SELECT max(browser) FROM silver.sessions", Denied("browser")),
    ("a column that is only called like it", "SELECT country AS browser FROM {t} ORDER BY browser", AsSeen),
    ("file by its name", "SELECT * FROM '/etc/passwd'", Error("not found")),
    ("table function", "SELECT * FROM read_parquet('/tmp/x.parquet')", Error("not found")),
    ("copy", "COPY (SELECT city FROM silver.sessions) TO '/tmp/stolen.parquet'", Error("Only queries that read")),
    ("insert", "INSERT INTO gold.country_day SELECT * FROM silver.sessions", Error("Only queries that read")),
    ("create view", "CREATE VIEW v AS SELECT * FROM silver.sessions", Error("Only queries that read")),
    ("set", "SET datafusion.optimizer.max_passes = 0", Error("Only queries that read")),
    ("prepare", "PREPARE p AS SELECT city FROM silver.sessions", Error("Only queries that read")),
    ("settings", "SHOW ALL", Without(&["Berlin", "Germany"])),
];

/// Rows that compare equal may come in any order.
fn sorted(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_more_than_the_policies_allow() {
    let world = World::new().await;
    let (admin, analyst) = (Identity::admin(), analyst());
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, sql, expect) in CASES {
        assert!(names.insert(name), "two cases are called '{name}'");
        let asked = sql.replace("{t}", "silver.sessions");
        let given =
            world.ask(&analyst, &asked).await.map(|answer| sorted(cells(&answer.batches))).map_err(|e| e.message);
        let right = match (expect, &given) {
            (AsSeen, given) => {
                let expected = world.ask(&admin, &sql.replace("{t}", SEEN)).await;
                let expected = expected.map(|answer| sorted(cells(&answer.batches))).map_err(|e| e.message);
                expected.is_ok() && *given == expected
            }
            (Denied(column), Err(error)) => {
                error.starts_with("Access Denied: ") && error.contains(&format!("on column silver.sessions.{column}"))
            }
            (Error(text), Err(error)) => error.contains(text),
            (Without(hidden), Ok(rows)) => {
                !rows.is_empty() && rows.iter().flatten().all(|cell| !hidden.iter().any(|text| cell.contains(text)))
            }
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: {asked}\n  gives {given:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The cases mean something: there is something to be hidden, and something to be seen.
    let all = world.number(&admin, "SELECT count(*) FROM silver.sessions").await;
    let seen = world.number(&analyst, "SELECT count(*) FROM silver.sessions").await;
    assert!(seen > 1 && all > 2 * seen, "{seen} of {all}");
    let cities = world.number(&admin, "SELECT count(city) FROM silver.sessions WHERE country = 'Germany'").await;
    assert!(cities > 0, "no city to be masked");
    assert_eq!(world.number(&nobody(), "SELECT count(*) FROM silver.sessions").await, 0);
}

/// What is told beside the answer: plans and costs.
#[tokio::test(flavor = "multi_thread")]
async fn what_ran_tells_what_was_put_in_and_nothing_of_hidden_rows() {
    let world = World::new().await;
    let sql = "SELECT country, city, count(*) FROM silver.sessions WHERE date = '2017-07-29' GROUP BY 1, 2";
    let cost = world.ask(&analyst(), sql).await.unwrap().cost;
    let seen = world.number(&analyst(), "SELECT count(*) FROM silver.sessions WHERE date = '2017-07-29'").await;
    assert_eq!(cost.rows_read, seen as u64, "rows that were seen, and no others");
    assert_eq!((cost.bytes_read, cost.scans.len()), (0, 0), "nothing of files");
    let [injected] = cost.injected.as_slice() else { panic!("{:?}", cost.injected) };
    assert_eq!(injected.rows.as_deref(), Some("country = 'Germany'"));
    assert_eq!(injected.row_policies, ["germany"]);
    let columns: Vec<_> = injected.columns.iter().map(|c| (c.column.as_str(), c.rule)).collect();
    assert!(
        columns.contains(&("city", Some("DEFAULT_MASKING_VALUE"))) && columns.contains(&("browser", None)),
        "{columns:?}"
    );
    assert!(
        cost.physical.contains("PolicyExec: table=silver.sessions, rows=(country = 'Germany')"),
        "{}",
        cost.physical
    );
    assert!(!cost.physical.contains("DataSourceExec"), "{}", cost.physical);
    let admin = world.ask(&Identity::admin(), sql).await.unwrap().cost;
    assert!(admin.injected.is_empty() && admin.bytes_read > 0 && admin.scans.len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_rows_is_subject_to_policies_as_well() {
    let world = World::new().await;
    let sql = "SELECT country, city FROM silver.sessions";
    let mut rows = world.f.lake.ask_rows(&analyst(), sql, crate::support::limits()).await.unwrap();
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let text = arrow::util::pretty::pretty_format_batches(&[batch.unwrap()]).unwrap().to_string();
        count += text.matches("| Germany |").count();
        assert!(!text.contains("Berlin") && !text.contains("United States"), "{text}");
    }
    assert_eq!(count as i64, world.number(&analyst(), "SELECT count(*) FROM silver.sessions").await);
}
