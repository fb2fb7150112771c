//! The whole result for the hand-made sessions, as checked-in text. `UPDATE_GOLDEN=1` writes it anew.

use std::sync::Arc;

use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use showrunner_lake::model::Zone;
use showrunner_lake::transform::{self, ReportQuery, report_queries};

use crate::support::{CUSTOMER, Computed, dates, folder, gold, silver, small};

fn check(name: &str, text: &str) {
    let path = folder().join("golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} differs from tests/golden/{name}.txt; UPDATE_GOLDEN=1 writes it anew. It is now:\n{text}"
    );
}

fn rules(computed: &Computed) -> String {
    computed.rules.iter().map(|e| format!("{} | {} | {}\n", e.table, e.rule, e.rows)).collect()
}

#[tokio::test]
async fn tables_rules_and_reports() {
    let rows = small();
    let dates = dates(&rows);
    let silver = silver(&rows).await;
    let gold = gold(&silver, &dates).await;
    for table in transform::tables() {
        let computed = if table.zone == Zone::Silver { &silver } else { &gold };
        check(&format!("{}_{}", table.zone.name(), table.name), &computed.text(table.name));
    }
    check("silver_rules", &rules(&silver));
    check("gold_rules", &rules(&gold));

    let context = SessionContext::new();
    let catalog = context.catalog("datafusion").unwrap();
    for zone in ["silver", "gold"] {
        catalog.register_schema(zone, Arc::new(MemorySchemaProvider::new())).unwrap();
    }
    for table in transform::tables() {
        let computed = if table.zone == Zone::Silver { &silver } else { &gold };
        let name = TableReference::partial(table.zone.name(), table.name);
        context.register_table(name, computed.provider(table.name)).unwrap();
    }
    for query in report_queries() {
        check(&format!("report_{}", query.name), &answer(&context, query, &format!("customer = '{CUSTOMER}'")).await);
    }
    a_filter_leaves_what_gold_has_of_it(&context).await;
}

async fn text(context: &SessionContext, sql: &str) -> String {
    let answer = context.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}")).collect().await.unwrap();
    format!("{}\n", datafusion::arrow::util::pretty::pretty_format_batches(&answer).unwrap())
}

fn filled(query: &ReportQuery, condition: &str) -> String {
    query.sql.replace("{where}", condition).replace("{customer}", CUSTOMER)
}

async fn answer(context: &SessionContext, query: &ReportQuery, condition: &str) -> String {
    text(context, &filled(query, condition)).await
}

/// Silver with a filter says what gold, which knows of no filter, has summed for it.
async fn a_filter_leaves_what_gold_has_of_it(context: &SessionContext) {
    let named = |name: &str| report_queries().iter().find(|q| q.name == name).unwrap();
    let all = "sessions, CAST(revenue AS DECIMAL(29,6)) AS revenue, transactions AS orders";
    let sums =
        "sum(sessions) AS sessions, sum(CAST(revenue AS DECIMAL(29,6))) AS revenue, coalesce(sum(orders), 0) AS orders";
    for (condition, gold) in [
        ("true", "gold.daily_kpis"),
        ("date >= DATE '2017-07-01' AND date <= DATE '2017-07-03'", "gold.daily_kpis"),
        ("channel = 'Direct'", "gold.channel_day"),
        ("channel = 'Paid Search' AND date < DATE '2017-07-02'", "gold.channel_day"),
        ("country = 'United Kingdom'", "gold.country_day"),
        ("country = 'United States' AND date = DATE '2017-07-01'", "gold.country_day"),
        ("device_category = 'mobile'", "gold.device_day"),
        ("channel = 'Nowhere'", "gold.channel_day"),
    ] {
        let filter = format!("customer = '{CUSTOMER}' AND {condition}");
        let columns = "coalesce(sum(sessions), 0) AS sessions, coalesce(sum(revenue), 0) AS revenue, coalesce(sum(orders), 0) AS orders";
        let expected = format!("SELECT {columns} FROM (SELECT {all} FROM {gold} WHERE {filter})");
        let expected = text(context, &expected).await;
        for name in ["totals", "days"] {
            let report = filled(named(name), &filter);
            let found = format!("SELECT {columns} FROM (SELECT {sums} FROM ({report}))");
            assert_eq!(text(context, &found).await, expected, "{name}: {condition}");
        }
    }
    for (name, column, gold) in [
        ("channels", "channel", "gold.channel_day"),
        ("countries", "country", "gold.country_day"),
        ("devices", "device_category", "gold.device_day"),
        ("browsers", "browser", "gold.device_day"),
    ] {
        for condition in ["true", "date >= DATE '2017-07-01'"] {
            let filter = format!("customer = '{CUSTOMER}' AND {condition}");
            let columns = "sum(sessions) AS sessions, sum(CAST(revenue AS DECIMAL(29,6))) AS revenue, sum(converting_sessions) AS converting";
            let each =
                |from: &str| format!("SELECT {column}, {columns} FROM {from} GROUP BY {column} ORDER BY {column}");
            let expected = text(context, &each(&format!("{gold} WHERE {filter}"))).await;
            let report = filled(named(name), &filter);
            assert_eq!(text(context, &each(&format!("({report})"))).await, expected, "{name}: {condition}");
        }
    }
    let funnel =
        "sum(sessions), sum(product_viewed), sum(added_to_cart), sum(checkout_started), sum(checkout_completed)";
    for condition in ["true", "country = 'United Kingdom' AND device_category = 'mobile'"] {
        let filter = format!("customer = '{CUSTOMER}' AND {condition}");
        let expected = rows(&text(context, &format!("SELECT {funnel} FROM gold.checkout_funnel WHERE {filter}")).await);
        assert_eq!(rows(&answer(context, named("funnel"), &filter).await), expected, "funnel: {condition}");
    }
}

/// The cells of a printed table, without its heads.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with('|')).skip(1);
    lines
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect())
        .collect()
}
