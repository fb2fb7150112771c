//! Statements of BigQuery and Spark.

use crate::model::{Scope, Zone};

/// A table's name as it stands in a statement.
pub(super) fn name(dataset: &str, table: &str) -> String {
    format!("`{dataset}.{table}`")
}

/// The condition for the rows in scope; `None` = all.
pub(super) fn condition(zone: Zone, scope: &Scope) -> Option<String> {
    match scope {
        // A table of the stream or of the dataset, which has no other rows.
        Scope::All | Scope::Stream | Scope::Dataset(_) => None,
        Scope::Customer(customer) => Some(format!("customer = {}", text(customer))),
        Scope::Days(days) => {
            let day = |day: &crate::model::Day| {
                // Bronze keeps the raw value.
                let date = if zone == Zone::Bronze {
                    text(&day.date.format("%Y%m%d").to_string())
                } else {
                    format!("DATE '{}'", day.date)
                };
                format!("(customer = {} AND date = {date})", text(&day.customer))
            };
            Some(days.iter().map(day).collect::<Vec<_>>().join(" OR "))
        }
    }
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}
