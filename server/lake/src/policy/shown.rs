//! What the engine put into a query, for who watches.

use super::Shield;

/// What was put between a table and the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// The table, `silver.sessions`.
    pub table: String,
    /// The condition that its rows fulfil, in BigQuery's SQL; `None`: all rows are seen.
    pub rows: Option<String>,
    /// The row access policies that it comes from. None of them: none is granted.
    pub row_policies: Vec<String>,
    /// Columns that are not seen as they are.
    pub columns: Vec<InjectedColumn>,
}

/// A column that is not seen as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedColumn {
    /// The column; fields of records as `record.field`.
    pub column: String,
    /// The masking rule, `SHA256`; `None`: it is denied.
    pub rule: Option<&'static str>,
    /// The data policies that say so.
    pub policies: Vec<String>,
}

impl Injected {
    pub(crate) fn of(shield: &Shield) -> Injected {
        let names = |rows: &Vec<super::RowPolicy>| rows.iter().map(|policy| policy.name.clone()).collect();
        let columns = shield.columns.iter().rev().map(|covered| InjectedColumn {
            column: covered.column(),
            rule: covered.rule.map(|rule| rule.name()),
            policies: covered.policies.clone(),
        });
        Injected {
            table: shield.table.to_string(),
            rows: shield.condition(),
            row_policies: shield.rows.as_ref().map(names).unwrap_or_default(),
            columns: columns.collect(),
        }
    }

    /// The lines that stand in the plan in place of the table, outermost first, without indentation.
    pub fn plan_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.columns.is_empty() {
            let columns: Vec<String> = self
                .columns
                .iter()
                .map(|c| match c.rule {
                    Some(rule) => format!("{rule}({}) AS {}", c.column, c.column),
                    None => format!("{} denied", c.column),
                })
                .collect();
            lines.push(format!("Mask: {}", columns.join(", ")));
        }
        if let Some(rows) = &self.rows {
            let from = match self.row_policies.as_slice() {
                [] => "no row access policy is granted".to_owned(),
                names => format!("row access policy {}", names.join(", ")),
            };
            lines.push(format!("Filter: {}   -- {from}", rows.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        lines
    }

    /// The table as the query saw it, as a query in BigQuery's SQL.
    pub fn sql(&self) -> String {
        let (denied, masked): (Vec<_>, Vec<_>) = self.columns.iter().partition(|c| c.rule.is_none());
        let mut star = "*".to_owned();
        if !denied.is_empty() {
            let names: Vec<_> = denied.iter().map(|c| c.column.as_str()).collect();
            star.push_str(&format!(" EXCEPT ({})", names.join(", ")));
        }
        if !masked.is_empty() {
            let masks: Vec<_> = masked
                .iter()
                .map(|c| format!("{}({}) AS {}", c.rule.unwrap_or_default(), c.column, c.column))
                .collect();
            star.push_str(&format!(" REPLACE ({})", masks.join(", ")));
        }
        let filter = self.rows.as_ref().map(|rows| format!("\nWHERE {rows}")).unwrap_or_default();
        format!("SELECT {star}\nFROM {}{filter}", self.table)
    }
}

/// One line for plans.
pub(super) fn line(shield: &Shield) -> String {
    let mut parts = vec![format!("table={}", shield.table)];
    parts.extend(
        shield.condition().map(|rows| format!("rows=({})", rows.split_whitespace().collect::<Vec<_>>().join(" "))),
    );
    parts.extend(shield.columns.iter().rev().map(|covered| match covered.rule {
        Some(rule) => format!("{}={}", covered.column(), rule.name()),
        None => format!("{}=denied", covered.column()),
    }));
    parts.join(", ")
}
