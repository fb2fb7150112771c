//! The whole result for the hand-made sessions, as checked-in text. `UPDATE_GOLDEN=1` writes it anew.

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use showrunner_lake::model::Zone;
use showrunner_lake::transform::{self, report_queries};

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
    catalog.register_schema("gold", Arc::new(MemorySchemaProvider::new())).unwrap();
    for table in transform::tables().iter().filter(|table| table.zone == Zone::Gold) {
        context.register_table(TableReference::partial("gold", table.name), gold.provider(table.name)).unwrap();
    }
    let date = NaiveDate::from_ymd_opt(2017, 7, 5).unwrap();
    for query in report_queries() {
        let sql = query.render(CUSTOMER, date).unwrap();
        let answer = context.sql(&sql).await.unwrap().collect().await.unwrap();
        let text = datafusion::arrow::util::pretty::pretty_format_batches(&answer).unwrap();
        check(&format!("report_{}", query.name), &format!("{text}\n"));
    }
}
