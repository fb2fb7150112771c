//! `daily_kpis` computed a second time, in plain Rust over the raw JSON.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::AsArray;
use arrow::datatypes::{Date32Type, Decimal128Type, Float64Type, Int64Type};
use chrono::NaiveDate;
use serde_json::Value;
use showrunner_generate::{Options, day_lines};
use showrunner_ingest::GaSessionsVersion;

use crate::support::{bronze_in, date_of, dates, gold, real, silver, silver_of, small};

#[derive(Debug, Default, PartialEq)]
struct Kpis {
    sessions: i64,
    visitors: i64,
    new_visitors: i64,
    hits: i64,
    pageviews: i64,
    bounces: i64,
    bounce_rate: f64,
    time_on_site: i64,
    avg_time_on_site: f64,
    transactions: i64,
    converting_sessions: i64,
    conversion_rate: f64,
    revenue_micros: i128,
    checkouts_started: i64,
    checkouts_completed: i64,
}

fn int(value: &Value) -> i64 {
    value.as_str().map_or_else(|| value.as_i64().unwrap_or(0), |text| text.parse().unwrap())
}

fn ratio(count: i64, of: i64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (count as f64 / of as f64 * factor).round() / factor
}

fn recompute(rows: &[Value]) -> BTreeMap<NaiveDate, Kpis> {
    let mut days: BTreeMap<NaiveDate, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        days.entry(date_of(row)).or_default().push(row);
    }
    let kpis = |rows: Vec<&Value>| {
        let mut kept: Vec<&Value> = Vec::new();
        let mut best: HashMap<(&str, i64), usize> = HashMap::new();
        for row in rows {
            let (Some(visitor), false) = (row["fullVisitorId"].as_str(), row["visitId"].is_null()) else {
                kept.push(row);
                continue;
            };
            let rank = |row: &Value| (int(&row["totals"]["hits"]), row["_source_file"].as_str().map(str::to_owned));
            match best.get(&(visitor, int(&row["visitId"]))) {
                Some(&at) if rank(kept[at]) >= rank(row) => {}
                Some(&at) => kept[at] = row,
                None => {
                    best.insert((visitor, int(&row["visitId"])), kept.len());
                    kept.push(row);
                }
            }
        }
        let mut sum = Kpis::default();
        let mut visitors = BTreeSet::new();
        for row in &kept {
            let totals = &row["totals"];
            let actions: Vec<&str> = row["hits"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|hit| hit["eCommerceAction"]["action_type"].as_str())
                .collect();
            sum.sessions += 1;
            visitors.extend(row["fullVisitorId"].as_str());
            sum.new_visitors += i64::from(int(&totals["newVisits"]) > 0);
            sum.hits += int(&totals["hits"]);
            sum.pageviews += int(&totals["pageviews"]);
            sum.bounces += int(&totals["bounces"]);
            sum.time_on_site += int(&totals["timeOnSite"]);
            sum.transactions += int(&totals["transactions"]);
            sum.converting_sessions += i64::from(int(&totals["transactions"]) > 0);
            let total = &totals["totalTransactionRevenue"];
            let revenue = if total.is_null() { &totals["transactionRevenue"] } else { total };
            sum.revenue_micros += i128::from(int(revenue));
            sum.checkouts_started += i64::from(actions.iter().any(|a| *a == "5" || *a == "6"));
            sum.checkouts_completed += i64::from(actions.contains(&"6"));
        }
        sum.visitors = visitors.len() as i64;
        sum.bounce_rate = ratio(sum.bounces, sum.sessions, 6);
        sum.avg_time_on_site = ratio(sum.time_on_site, sum.sessions, 3);
        sum.conversion_rate = ratio(sum.converting_sessions, sum.sessions, 6);
        sum
    };
    days.into_iter().map(|(date, rows)| (date, kpis(rows))).collect()
}

async fn assert_kpis(rows: &[Value], version: GaSessionsVersion) {
    let dates = dates(rows);
    let silver = silver_of(bronze_in(rows, 100, version), &dates).await;
    let gold = gold(&silver, &dates).await;
    let mut computed = BTreeMap::new();
    for batch in gold.batches("daily_kpis") {
        let ints = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
        let rates = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let days = batch.column_by_name("date").unwrap().as_primitive::<Date32Type>();
            let kpis = Kpis {
                sessions: ints("sessions").value(row),
                visitors: ints("visitors").value(row),
                new_visitors: ints("new_visitors").value(row),
                hits: ints("hits").value(row),
                pageviews: ints("pageviews").value(row),
                bounces: ints("bounces").value(row),
                bounce_rate: rates("bounce_rate").value(row),
                time_on_site: ints("time_on_site").value(row),
                avg_time_on_site: rates("avg_time_on_site").value(row),
                transactions: ints("transactions").value(row),
                converting_sessions: ints("converting_sessions").value(row),
                conversion_rate: rates("conversion_rate").value(row),
                // With six decimal places the unscaled value is the amount in micros.
                revenue_micros: batch.column_by_name("revenue").unwrap().as_primitive::<Decimal128Type>().value(row),
                checkouts_started: ints("checkouts_started").value(row),
                checkouts_completed: ints("checkouts_completed").value(row),
            };
            computed.insert(days.value_as_date(row).unwrap(), kpis);
        }
    }
    assert_eq!(computed, recompute(rows));
}

#[tokio::test]
async fn hand_made_sessions() {
    assert_kpis(&small(), GaSessionsVersion::Current).await;
}

#[tokio::test]
async fn generated_sessions_before_and_after_the_schema_changed() {
    let options = Options { sessions_per_day: 150, ..Options::default() };
    for (date, version) in [
        (NaiveDate::from_ymd_opt(2017, 6, 30).unwrap(), GaSessionsVersion::Until20170630),
        (NaiveDate::from_ymd_opt(2017, 7, 1).unwrap(), GaSessionsVersion::Current),
    ] {
        let lines = day_lines(&options, date);
        let rows: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(rows.len() > 50, "{} rows", rows.len());
        assert_kpis(&rows, version).await;
    }
}

#[tokio::test]
async fn real_sessions() {
    let Some(rows) = real() else { return };
    assert_eq!(rows.len(), 310);
    assert_kpis(&rows, GaSessionsVersion::Current).await;

    let silver = silver(&rows).await;
    assert_eq!(silver.counted("sessions", "Rows read"), 310);
    assert_eq!(silver.counted("sessions", "Countries without a known code"), 0);
    assert_eq!(silver.counted("hits", "Hits taken out"), 2021);
    assert_eq!(silver.counted("products", "Products taken out"), 7076);
    assert_eq!(silver.counted("products", "Impressions flagged"), 6365);
    for table in ["sessions", "hits", "products"] {
        assert!(!silver.text(table).contains("not available in demo dataset"), "{table}");
    }
}
