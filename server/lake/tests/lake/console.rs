//! Queries that persons write: what they cost, where they are wrong, how they end.

use std::time::{Duration, Instant};

use showrunner_lake::{ErrorKind, Identity, Position, QUERIES_AT_A_TIME, QueryLimits, ScanCost};

use crate::support::{CUSTOMER, Fixture, day, limits};

const DAYS: [&str; 4] = ["2017-07-26", "2017-07-27", "2017-07-28", "2017-07-29"];
/// Runs for hours.
const HEAVY: &str =
    "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a.value <> b.value";

async fn played() -> Fixture {
    let f = Fixture::new().await;
    f.play("r1", &DAYS.map(day)).await;
    f
}

fn within(millis: u64) -> QueryLimits {
    QueryLimits { rows: 1_000, timeout: Duration::from_millis(millis) }
}

async fn scan(f: &Fixture, sql: &str) -> (ScanCost, u64, u64) {
    let answer = f.lake.ask(&Identity::admin(), sql, limits(), None).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    assert_eq!(answer.cost.scans.len(), 1, "{sql}: {:?}", answer.cost.scans);
    (answer.cost.scans[0].clone(), answer.cost.rows_read, answer.cost.bytes_read)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_on_the_date_reads_only_its_partition() {
    let f = played().await;
    for (table, column, filter) in [
        ("silver.sessions", "country", "date = DATE '2017-07-28'"),
        ("silver.sessions", "country", "date = '2017-07-28'"),
        ("silver.hits", "page_path", "date = DATE '2017-07-28'"),
        ("gold.country_day", "country", "date = DATE '2017-07-28'"),
        ("warehouse.ga_sessions", "country", "date = DATE '2017-07-28'"),
        ("bronze.ga_sessions", "fullVisitorId", "date = '20170728'"),
    ] {
        let all = scan(&f, &format!("SELECT {column}, count(*) FROM {table} GROUP BY 1")).await;
        let one = scan(&f, &format!("SELECT {column}, count(*) FROM {table} WHERE {filter} GROUP BY 1")).await;
        assert_eq!((all.0.partitions, all.0.of_partitions), (4, 4), "{table}");
        assert_eq!((one.0.partitions, one.0.of_partitions), (1, 4), "{table} {filter}");
        assert_eq!((one.0.files, one.0.of_files, all.0.files), (1, all.0.of_files, all.0.of_files), "{table}");
        assert!(0 < one.1 && one.1 < all.1, "{table}: rows {} of {}", one.1, all.1);
        assert!(0 < one.2 && one.2 < all.2, "{table}: bytes {} of {}", one.2, all.2);
    }
    let two = scan(&f, "SELECT country FROM silver.sessions WHERE date >= DATE '2017-07-28'").await;
    assert_eq!(two.0.partitions, 2);
    let none = scan(&f, "SELECT country FROM silver.sessions WHERE date = DATE '2016-01-01'").await;
    assert_eq!((none.0.partitions, none.0.of_partitions, none.1, none.2), (0, 4, 0, 0));
    let other = scan(&f, &format!("SELECT country FROM silver.sessions WHERE customer <> '{CUSTOMER}'")).await;
    assert_eq!(other.0.partitions, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_read_are_the_rows_of_the_files() {
    let f = played().await;
    let rows = f.number("SELECT count(*) FROM silver.sessions WHERE date = DATE '2017-07-28'").await as u64;
    let read = scan(&f, "SELECT country FROM silver.sessions WHERE date = DATE '2017-07-28'").await;
    assert_eq!(read.1, rows);
    // The log knows how many rows there are: no file is opened.
    let counted = scan(&f, "SELECT count(*) FROM silver.sessions").await;
    assert_eq!((counted.0.files, counted.0.of_files, counted.1, counted.2), (0, 4, 0, 0));
    // A join names both tables, once each.
    let sql = "SELECT count(*) FROM silver.sessions s JOIN silver.hits h ON s.session_id = h.session_id JOIN silver.sessions t \
               ON t.session_id = s.session_id WHERE s.date = DATE '2017-07-28'";
    let joined = f.lake.ask(&Identity::admin(), sql, limits(), None).await.unwrap().cost;
    let names: Vec<_> = joined.scans.iter().map(|s| s.table.as_str()).collect();
    assert_eq!(names, ["sessions", "hits"]);
    assert!(
        joined.scans.iter().all(|s| s.files <= s.of_files && s.partitions <= s.of_partitions),
        "{:?}",
        joined.scans
    );
    assert!(joined.logical.contains("TableScan: silver.sessions"), "{}", joined.logical);
    assert!(
        joined.physical.contains("DataSourceExec") && joined.physical.contains("bytes_scanned"),
        "{}",
        joined.physical
    );
    assert!(!joined.physical.contains(f.dir.path().to_str().unwrap().trim_matches('/')), "{}", joined.physical);
    let nothing = f.lake.ask(&Identity::admin(), "SELECT 1", limits(), None).await.unwrap().cost;
    assert_eq!((nothing.scans.len(), nothing.partitions(), nothing.files()), (0, (0, 0), (0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_says_where() {
    let f = Fixture::new().await;
    for (sql, place, words) in [
        ("SELEC 1", Some((1, 1)), "found SELEC"),
        ("SELECT country,\nFROM silver.sessions WHERE", Some((2, 27)), "found its end"),
        ("SELECT 'open", Some((1, 8)), "nterminated"),
        ("SELECT date,\n  contry\nFROM silver.sessions", Some((2, 3)), "contry"),
        ("SELECT country FROM silver.sesions", Some((1, 28)), "silver.sesions"),
        ("SELECT country FROM silver.sessions ORDER BY nothere(country)", Some((1, 46)), "nothere"),
        ("SELECT COUNTRY, nope.x FROM silver.sessions", Some((1, 17)), "nope"),
        ("DELETE FROM silver.sessions", None, "Only queries that read"),
        ("", None, "There is no query"),
    ] {
        let error = f.lake.ask(&Identity::admin(), sql, limits(), None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{sql}: {error}");
        assert!(error.message.contains(words) && error.message.ends_with(['.', '?']), "{sql}: {error}");
        if let Some((line, column)) = place {
            let near = error.position.unwrap_or_else(|| panic!("{sql}: no place: {error}"));
            let same = near == Position { line, column };
            // A name with a schema may be marked at either part.
            let start = sql.contains("sesions") && near == Position { line: 1, column: 21 };
            assert!(same || start, "{sql}: {near:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_query_is_planned_or_refused_and_kills_nothing() {
    let f = Fixture::new().await;
    let sum = format!("SELECT 1{}", "+1".repeat(450));
    let any = format!("SELECT country FROM silver.sessions WHERE {}", vec!["hits=1"; 450].join(" OR "));
    let nested = format!("SELECT {}1{}", "(".repeat(400), ")".repeat(400));
    let longer = format!("SELECT 1{}", "+1".repeat(4_000));
    for sql in [sum, any, nested, longer] {
        let began = Instant::now();
        if let Err(error) = f.lake.ask(&Identity::admin(), &sql, limits(), None).await {
            assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{}", sql.get(..60).unwrap_or_default());
    }
    assert_eq!(f.number("SELECT 1").await, 1);
}

/// The heavy queries take every turn that there is; pages ask on, and what is stopped stops working.
#[tokio::test(flavor = "multi_thread")]
async fn a_heavy_query_ends_at_its_timeout_while_others_are_answered() {
    let f = played().await;
    let heavy = async || f.lake.ask(&Identity::admin(), HEAVY, within(1_500), None).await;
    let pages = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let asked = Instant::now();
            assert_eq!(f.number("SELECT count(DISTINCT date) FROM gold.daily_kpis").await, 4);
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    };
    let (one, two, slowest) = tokio::join!(heavy(), heavy(), pages);
    assert_eq!(one.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(two.unwrap_err().kind, ErrorKind::Timeout);
    assert!(slowest < Duration::from_secs(5), "a page waited {slowest:?}");
    stops(&f).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_cancelled_by_its_id_or_when_nobody_waits() {
    let f = Fixture::new().await;
    let lake = f.lake.clone();
    let asked = tokio::spawn(async move { lake.ask(&Identity::admin(), HEAVY, within(60_000), Some("tab-1")).await });
    let began = Instant::now();
    while !f.lake.cancel("tab-1") {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(asked.await.unwrap().unwrap_err().kind, ErrorKind::Cancelled);
    assert!(!f.lake.cancel("tab-1"), "the id is free again");
    stops(&f).await;

    // Works without handing anything on: nothing is ever found.
    let futile = HEAVY.replace("a.value <> b.value", "a.value + b.value < 0");
    let stopped = f.lake.ask(&Identity::admin(), &futile, within(1_500), None).await.unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Timeout);
    stops(&f).await;

    let gone =
        tokio::time::timeout(Duration::from_millis(300), f.lake.ask(&Identity::admin(), HEAVY, within(60_000), None))
            .await;
    assert!(gone.is_err());
    stops(&f).await;
    let mut rows =
        f.lake.ask_rows(&Identity::admin(), "SELECT a.value FROM generate_series(1, 9000000) a", many()).await.unwrap();
    assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
    drop(rows);
    stops(&f).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_a_turn_is_told_so() {
    let f = Fixture::new().await;
    let heavy: Vec<_> = (0..QUERIES_AT_A_TIME)
        .map(|i| {
            let lake = f.lake.clone();
            tokio::spawn(async move {
                lake.ask(&Identity::admin(), HEAVY, within(60_000), Some(&format!("heavy-{i}"))).await
            })
        })
        .collect();
    let began = Instant::now();
    let refused = loop {
        match f.lake.ask(&Identity::admin(), "SELECT 1", limits(), None).await {
            Err(refused) => break refused,
            Ok(_) => assert!(began.elapsed() < Duration::from_secs(20), "there is still a turn"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(refused.kind, ErrorKind::Busy, "{refused}");
    assert!(f.lake.cancel("heavy-0"));
    assert!(f.lake.ask(&Identity::admin(), "SELECT 1", limits(), None).await.is_ok(), "the turn is free again");
    heavy.iter().for_each(|h| h.abort());
    stops(&f).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_and_spilling_counted() {
    let f = Fixture::new().await;
    // 64 MiB are allowed: too much for a hash table of so many keys at once, which spills; a join of them cannot.
    let sql = "SELECT a.value % 700000 AS k, count(*) AS n FROM generate_series(1, 700000) a GROUP BY 1 ORDER BY n DESC, k LIMIT 3";
    match f.lake.ask(&Identity::admin(), sql, within(120_000), None).await {
        Ok(answer) => assert_eq!(answer.batches[0].num_rows(), 3),
        Err(error) => assert!(error.message.contains("memory"), "{error}"),
    }
    let join = "SELECT count(*) FROM (SELECT repeat('x', 200) || value AS k FROM generate_series(1, 400000)) a \
                JOIN (SELECT repeat('x', 200) || value AS k FROM generate_series(1, 400000)) b ON a.k = b.k";
    let error = f.lake.ask(&Identity::admin(), join, within(120_000), None).await.unwrap_err();
    assert!(error.message.contains("memory"), "{error}");
    assert_eq!(f.number("SELECT 1").await, 1, "other queries go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_all_rows_and_says_when_it_was_cut() {
    let f = played().await;
    let mut stream =
        f.lake.ask_rows(&Identity::admin(), "SELECT session_id FROM silver.sessions", many()).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows as i64, f.number("SELECT count(*) FROM silver.sessions").await);
    let mut cut =
        f.lake.ask_rows(&Identity::admin(), "SELECT * FROM generate_series(1, 100000)", within(10_000)).await.unwrap();
    let mut last = None;
    while let Some(batch) = cut.next().await {
        last = Some(batch.map(|b| b.num_rows()).map_err(|e| e.kind));
    }
    assert_eq!(last, Some(Err(ErrorKind::TooLarge)));
    let wrong = f.lake.ask_rows(&Identity::admin(), "SELEC", many()).await.err().map(|e| e.kind);
    assert_eq!(wrong, Some(ErrorKind::Invalid));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_names_what_queries_may_name() {
    let f = Fixture::new().await;
    let catalog = f.lake.catalog();
    let sessions = catalog.iter().find(|t| t.name == "sessions").unwrap();
    assert!(sessions.columns.iter().any(|c| c.name == "date" && c.partition && c.kind == "date"));
    for table in &catalog {
        // Array fields cannot be named by a path; all others can.
        let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let sql = format!("SELECT {} FROM {}.{} t", names.join(", "), table.zone.name(), table.name);
        f.lake.ask(&Identity::admin(), &sql, limits(), None).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

fn many() -> QueryLimits {
    QueryLimits { rows: 10_000_000, timeout: Duration::from_secs(60) }
}

/// Nothing of persons' queries works any more, soon.
async fn stops(f: &Fixture) {
    let began = Instant::now();
    while f.lake.console_tasks() > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "{} tasks still work", f.lake.console_tasks());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
