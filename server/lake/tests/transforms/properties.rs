//! What must hold whatever the rows are.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::record_batch::RecordBatch;
use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use serde_json::{Value, json};
use showrunner_ingest::GaSessionsVersion;

use crate::support::{Computed, bronze, bronze_in, date_of, dates, gold, silver, silver_of, small};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn everything(computed: &Computed) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = computed.tables.iter().map(|(name, _)| computed.sorted_lines(name)).collect();
    lines.push(computed.rules.iter().map(|e| format!("{e:?}")).collect());
    lines
}

/// Rows of one day: hand-made ones, some of them delivered again with another number of hits, page or file.
fn deliveries() -> impl Strategy<Value = Vec<Value>> {
    let again = (any::<prop::sample::Index>(), 0..4_u8, prop::sample::select(vec!["a.json", "b.json"]), 0..3_u8);
    prop::collection::vec(again, 0..25).prop_map(|again| {
        let mut rows: Vec<Value> = small();
        for row in &mut rows {
            row["date"] = "20170701".into();
        }
        for (index, hits, file, page) in again {
            let mut row = index.get(&rows).clone();
            row["totals"]["hits"] = hits.to_string().into();
            row["_source_file"] = file.into();
            if let Some(hit) = row["hits"].get_mut(0) {
                hit["page"]["pagePath"] = format!("/again-{page}").into();
            }
            rows.push(row);
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn order_of_rows_and_files_does_not_matter(
        (rows, shuffled) in deliveries().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        batch in 1..40_usize,
    ) {
        let day = dates(&rows);
        let (one, other) = block_on(async {
            let one = silver(&rows).await;
            (one, silver_of(bronze(&shuffled, batch), &day).await)
        });
        prop_assert_eq!(everything(&one), everything(&other));

        // Each key once, none lost, and the count says what went.
        let keys: Vec<(String, String)> = rows
            .iter()
            .filter_map(|row| Some((row["fullVisitorId"].as_str()?.to_owned(), row["visitId"].as_str()?.to_owned())))
            .collect();
        let expected: BTreeSet<String> = keys.iter().map(|(visitor, visit)| format!("{visitor}-{visit}")).collect();
        let ids: Vec<String> = column(&one, "sessions", "session_id").into_iter().flatten().collect();
        prop_assert_eq!(ids.len(), expected.len());
        prop_assert_eq!(&ids.into_iter().collect::<BTreeSet<_>>(), &expected);
        prop_assert_eq!(one.counted("sessions", "Rows read"), rows.len() as u64);
        prop_assert_eq!(one.counted("sessions", "Duplicates dropped"), (keys.len() - expected.len()) as u64);
    }
}

fn column(computed: &Computed, table: &str, name: &str) -> Vec<Option<String>> {
    let values = |batch: &RecordBatch| {
        let strings =
            arrow::compute::cast(batch.column_by_name(name).unwrap(), &arrow::datatypes::DataType::Utf8).unwrap();
        let strings = strings.as_string::<i32>();
        (0..strings.len()).map(|i| strings.is_valid(i).then(|| strings.value(i).to_owned())).collect::<Vec<_>>()
    };
    computed.batches(table).iter().flat_map(values).collect()
}

#[tokio::test]
async fn a_day_without_rows_gives_empty_tables_and_zero_counts() {
    let silver = silver_of(bronze(&[], 1), &[NaiveDate::from_ymd_opt(2017, 7, 1).unwrap()]).await;
    for table in ["sessions", "hits", "products"] {
        assert!(silver.batches(table).is_empty(), "{table}");
    }
    assert!(silver.rules.iter().all(|effect| effect.rows == 0), "{:?}", silver.rules);
    let gold = gold(&silver, &[NaiveDate::from_ymd_opt(2017, 7, 1).unwrap()]).await;
    assert!(gold.tables.iter().all(|(_, batches)| batches.is_empty()));
}

#[tokio::test]
async fn columns_that_old_files_lack_read_as_null() {
    let mut rows = small();
    rows.retain(|row| row["date"].as_str() < Some("20170701"));
    let old = silver_of(bronze_in(&rows, 9, GaSessionsVersion::Until20170630), &dates(&rows)).await;
    assert_eq!(everything(&old), everything(&silver(&rows).await));
    assert!(column(&old, "sessions", "client_id").iter().all(Option::is_none));
    assert!(column(&old, "products", "coupon_code").iter().all(Option::is_none));
}

#[tokio::test]
async fn days_of_gold_can_be_computed_one_by_one() {
    let rows = small();
    let silver = silver(&rows).await;
    let dates = dates(&rows);
    let together = gold(&silver, &dates).await;
    let mut single: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for date in &dates {
        let day = gold(&silver, &[*date]).await;
        for (name, _) in &day.tables {
            single.entry(name).or_default().extend(column(&day, name, "customer").into_iter().flatten());
            if *name == "daily_kpis" {
                assert_eq!(column(&day, name, "date"), [Some(date.to_string())]);
            }
        }
    }
    for name in ["daily_kpis", "channel_day", "country_day", "device_day", "product_performance", "checkout_funnel"] {
        assert_eq!(single[name].len(), column(&together, name, "customer").len(), "{name}");
    }
}

/// Features of each visitor, without the label; and the visitors with a label.
async fn features(rows: &[Value]) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let gold = gold(&silver(rows).await, &dates(rows)).await;
    let table = "visitor_features";
    let visitors = column(&gold, table, "full_visitor_id");
    let labels = column(&gold, table, "purchased_in_next_7d");
    let names: Vec<String> = gold.batches(table).first().map_or_else(Vec::new, |batch| {
        let schema = batch.schema();
        schema.fields().iter().map(|f| f.name().clone()).filter(|name| name != "purchased_in_next_7d").collect()
    });
    let columns: Vec<Vec<Option<String>>> = names.iter().map(|name| column(&gold, table, name)).collect();
    let mut features = BTreeMap::new();
    let mut buyers = BTreeSet::new();
    for (row, visitor) in visitors.into_iter().flatten().enumerate() {
        let values: Vec<_> = names.iter().zip(&columns).map(|(name, column)| (name, &column[row])).collect();
        if labels[row].as_deref() == Some("true") {
            buyers.insert(visitor.clone());
        }
        assert!(features.insert(visitor, format!("{values:?}")).is_none(), "one row for each visitor");
    }
    (features, buyers)
}

#[tokio::test]
async fn features_do_not_see_the_days_of_the_label() {
    let rows = small();
    let cutoff = *dates(&rows).last().unwrap() - Days::new(7);
    let (before, buyers) = features(&rows).await;
    let seen: BTreeSet<String> = rows
        .iter()
        .filter(|row| date_of(row) <= cutoff)
        .filter_map(|row| row["fullVisitorId"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(before.keys().cloned().collect::<BTreeSet<_>>(), seen);
    assert_eq!(buyers.iter().map(String::as_str).collect::<Vec<_>>(), ["0067566216922331849", "2000000000000000002"]);

    // Every session after the cutoff becomes quite another one, and loses its order.
    let mut changed = rows.clone();
    for row in changed.iter_mut().filter(|row| date_of(row) > cutoff) {
        row["channelGrouping"] = "Changed".into();
        row["totals"] =
            json!({"hits": "99", "pageviews": "98", "timeOnSite": "9999", "bounces": "1", "newVisits": "1"});
        row["device"]["deviceCategory"] = "tablet".into();
        row["geoNetwork"]["country"] = "Iceland".into();
        row["hits"] = json!([]);
        row["visitStartTime"] = "1".into();
    }
    let (after, buyers) = features(&changed).await;
    assert_eq!(after, before);
    assert!(buyers.is_empty(), "the label sees these days: {buyers:?}");

    // A change before the cutoff is seen: the comparison above can fail.
    let first = changed.iter_mut().find(|row| date_of(row) <= cutoff && row["totals"]["hits"] == "7").unwrap();
    first["totals"]["pageviews"] = "77".into();
    assert_ne!(features(&changed).await.0, before);
}

#[tokio::test]
async fn features_need_eight_days() {
    let mut rows = small();
    let last = *dates(&rows).first().unwrap() + Days::new(6);
    rows.retain(|row| date_of(row) <= last);
    assert_eq!(dates(&rows).len(), 7);
    assert!(features(&rows).await.0.is_empty());
}
